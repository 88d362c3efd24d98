//! The `webhook-worker` Lambda function.

fn main() {}
