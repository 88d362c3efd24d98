//! The `mail-events` Lambda function.

fn main() {}
