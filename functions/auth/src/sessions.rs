//! What users see of their sessions, and how those end.

pub(crate) mod end;
pub(crate) mod end_all;
pub(crate) mod list;
