//! The `jobs` Lambda function.

fn main() {}
