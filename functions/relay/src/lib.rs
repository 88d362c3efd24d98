//! The `relay` Lambda function.
