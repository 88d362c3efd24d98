use peregrine_core::validation::Validate;
use utoipa::IntoParams;
use uuid::Uuid;

/// Which job.
#[derive(Debug, IntoParams, Validate)]
#[into_params(parameter_in = Path)]
pub(crate) struct JobPath {
    /// The job's id.
    pub(crate) job_id: Uuid,
}
