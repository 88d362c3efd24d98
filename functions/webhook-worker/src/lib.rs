//! The `webhook-worker` Lambda function.
