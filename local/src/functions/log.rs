//! What functions write: passed on line by line, and kept for the answer to a crash.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::unix::pipe::Receiver;

use crate::console::Console;

/// How many lines are kept.
const KEPT_LINES: usize = 20;

/// Longer lines are cut off.
const MAX_LINE: usize = 16 * 1024;

/// The last lines that a sandbox wrote since its invocation began.
#[derive(Debug, Default)]
pub(crate) struct Tail {
    lines: Mutex<VecDeque<String>>,
}

impl Tail {
    /// Forgets what was written before.
    pub(crate) fn clear(&self) {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn push(&self, line: String) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == KEPT_LINES {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    /// The line that says most about why the function failed: a panic with its message, else the last line that speaks
    /// of an error, else the last one.
    pub(crate) fn telling_line(&self) -> Option<String> {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(position) = lines.iter().rposition(|line| line.contains("panicked at")) {
            // The message stands on the line after the place.
            let panic: Vec<&str> = lines.range(position..).take(2).map(|line| line.trim()).collect();
            return Some(panic.join(" "));
        }
        let error = lines.iter().rev().find(|line| line.to_ascii_lowercase().contains("error"));
        error.or_else(|| lines.back()).cloned()
    }
}

/// Passes on what comes through `pipe` until it closes.
pub(crate) async fn follow(pipe: Receiver, function: String, console: Console, tail: Arc<Tail>) {
    let mut reader = BufReader::new(pipe);
    let mut line = Vec::new();
    while let Ok(true) = read_line(&mut reader, &mut line).await {
        let text = String::from_utf8_lossy(&line).trim_end().to_owned();
        if !text.is_empty() {
            console.function(&function, &text);
            tail.push(text);
        }
    }
}

/// Reads one line without its end into `line`, at most [`MAX_LINE`] bytes of it. Returns false at the end.
async fn read_line(reader: &mut BufReader<Receiver>, line: &mut Vec<u8>) -> std::io::Result<bool> {
    line.clear();
    loop {
        let available = reader.fill_buf().await?;
        if available.is_empty() {
            return Ok(!line.is_empty());
        }
        let newline = available.iter().position(|byte| *byte == b'\n');
        let end = newline.unwrap_or(available.len());
        let room = MAX_LINE.saturating_sub(line.len());
        line.extend(available.iter().take(end.min(room)));
        let consumed = newline.map_or(end, |position| position + 1);
        reader.consume(consumed);
        if newline.is_some() {
            return Ok(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn telling(lines: &[&str]) -> Option<String> {
        let tail = Tail::default();
        for line in lines {
            tail.push((*line).to_owned());
        }
        tail.telling_line()
    }

    #[test]
    fn a_panic_tells_more_than_what_follows() {
        let lines = [
            "starting",
            "thread 'main' panicked at src/main.rs:3:5:",
            "no such table",
            "note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace",
            "error: secondary",
        ];
        assert_eq!(telling(&lines).unwrap(), "thread 'main' panicked at src/main.rs:3:5: no such table");
    }

    #[test]
    fn without_a_panic_the_last_error_or_line_is_told() {
        assert_eq!(telling(&["Error: USERS_TABLE is missing", "bye"]).unwrap(), "Error: USERS_TABLE is missing");
        assert_eq!(telling(&["one", "two"]).unwrap(), "two");
        assert_eq!(telling(&[]), None);
    }

    #[tokio::test]
    async fn long_lines_are_cut_and_the_rest_of_them_skipped() {
        use std::io::Write;
        let (receiver, mut sender) = std::io::pipe().unwrap();
        let writer = std::thread::spawn(move || {
            sender.write_all(&vec![b'x'; 3 * MAX_LINE]).unwrap();
            sender.write_all(b"\nshort\nunfinished").unwrap();
        });
        let tail = Arc::new(Tail::default());
        let pipe = Receiver::from_owned_fd(receiver.into()).unwrap();
        follow(pipe, "fn".to_owned(), Console::Quiet, Arc::clone(&tail)).await;
        writer.join().unwrap();
        let lines = tail.lines.lock().unwrap();
        let lengths: Vec<usize> = lines.iter().map(String::len).collect();
        assert_eq!(lengths, [MAX_LINE, "short".len(), "unfinished".len()]);
    }
}
