//! The `jobs` Lambda function.
