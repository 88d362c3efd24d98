//! The `email-worker` Lambda function.

fn main() {}
