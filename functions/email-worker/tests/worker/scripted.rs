//! An AWS that answers as it is told, also as a healthy one does not.

use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What SES does when it has read a mail.
#[derive(Clone, Copy)]
pub(crate) enum Ses {
    Answers(u16, &'static str, &'static str),
    HangsUp,
    KeepsSilent,
}

pub(crate) const ACCEPTS: Ses = Ses::Answers(200, "", r#"{"MessageId": "1"}"#);

/// SES, and a DynamoDB in which nobody is on the list of suppressed addresses.
pub(crate) struct Aws {
    pub(crate) url: String,
    mails: Arc<Mutex<Vec<Value>>>,
}

impl Aws {
    pub(crate) async fn start(ses: Ses) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let mails = Arc::<Mutex<Vec<Value>>>::default();
        let received = Arc::clone(&mails);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(BufReader::new(stream), ses, Arc::clone(&received)));
            }
        });
        Self { url, mails }
    }

    pub(crate) fn mails(&self) -> Vec<Value> {
        self.mails.lock().unwrap().clone()
    }
}

async fn serve(mut stream: BufReader<TcpStream>, ses: Ses, mails: Arc<Mutex<Vec<Value>>>) {
    loop {
        let (mut head, mut length) = (String::new(), 0);
        while stream.read_line(&mut head).await.is_ok_and(|read| read > 2) {
            let line = head.lines().last().unwrap().to_ascii_lowercase();
            length = line.strip_prefix("content-length: ").map_or(length, |length| length.parse().unwrap());
        }
        let mut body = vec![0; length];
        if head.is_empty() || stream.read_exact(&mut body).await.is_err() {
            return;
        }
        let (status, code, answer) = if head.starts_with("POST /v2/email/outbound-emails ") {
            mails.lock().unwrap().push(serde_json::from_slice(&body).unwrap());
            match ses {
                Ses::Answers(status, code, answer) => (status, code, answer),
                Ses::HangsUp => return,
                Ses::KeepsSilent => {
                    // The request is here, and nothing is left to wait for but the client's patience: time flies.
                    tokio::time::pause();
                    std::future::pending().await
                }
            }
        } else {
            (200, "", "{}")
        };
        let answer = format!(
            "HTTP/1.1 {status} -\r\ncontent-type: application/json\r\nx-amzn-errortype: {code}\r\n\
             content-length: {}\r\n\r\n{answer}",
            answer.len()
        );
        stream.get_mut().write_all(answer.as_bytes()).await.unwrap();
    }
}
