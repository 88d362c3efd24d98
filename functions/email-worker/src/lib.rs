//! The `email-worker` Lambda function.
