//! For tests: one plain HTTP exchange, without a client that would correct it.

use std::io::{Read, Write};
use std::net::TcpStream;

/// Sends `head` (without the empty line) and `body` to `address`, and returns the answer's head and body. The head gets
/// `Connection: close`.
pub(crate) fn exchange(address: &str, head: &str, body: &[u8]) -> (String, String) {
    let mut stream = TcpStream::connect(address).expect("the server listens");
    let head = format!("{}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", head.replace('\n', "\r\n"), body.len());
    // What refuses the body may close before it is all written.
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    (head.to_owned(), body.to_owned())
}
