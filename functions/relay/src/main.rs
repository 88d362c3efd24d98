//! The `relay` Lambda function.

fn main() {}
