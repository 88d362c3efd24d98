//! The email worker, without Lambda.

use aws_lambda_events::sqs::{SqsEvent, SqsMessage};
use email_worker::EmailWork;
use peregrine_core::job::JobState;
use peregrine_core::queue::Message;
use peregrine_core::settings::Environment;
use peregrine_worker::Worker;
use uuid::Uuid;

use crate::app::{App, SECRET};
use crate::calls::Cost;

impl App {
    /// Has the email worker do a job, as its queue would. What that takes is recorded.
    pub async fn send_mail(&self, job: Uuid) -> Cost {
        let mut environment = Environment::from_fn(|name| match name {
            "MAIL_FROM" => Some("peregrine@example.com".to_owned()),
            "SEAL_SECRET" => Some(SECRET.to_owned()),
            "WORKER_TIMEOUT" => Some("60".to_owned()),
            "EMAIL_QUEUE_URL" | "WEBHOOK_QUEUE_URL" => Some("not asked for".to_owned()),
            "USERS_TABLE" => Some("UsersTable".to_owned()),
            "ONE_TIME_TOKENS_TABLE" => Some("OneTimeTokensTable".to_owned()),
            "AUDIT_TABLE" => Some("AuditTable".to_owned()),
            "SUPPRESSION_TABLE" => Some("SuppressionTable".to_owned()),
            "JOBS_TABLE" => Some("JobsTable".to_owned()),
            _ => None,
        });
        let work = EmailWork::from_env(&mut environment, &self.config).with_clock(self.clock.clone());
        let worker = Worker::from_env(&mut environment, &self.config).with_clock(self.clock.clone());
        environment.finish().expect("the settings are sound");
        let mut message = SqsMessage::default();
        message.body = Some(serde_json::to_string(&Message { job }).expect("a message"));
        let mut event = SqsEvent::default();
        event.records.push(message);
        self.calls.record();
        let answer = worker.batch(&work, event).await;
        let cost = self.calls.stop();
        assert!(answer.batch_item_failures.is_empty(), "the job was left to its queue");
        let done = self.jobs.find(job, self.now()).await.expect("the table answers").expect("there is such a job");
        assert_eq!(done.state, JobState::Succeeded, "{:?}", done.last_error);
        cost
    }
}
