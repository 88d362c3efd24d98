//! The `mail-events` Lambda function.
