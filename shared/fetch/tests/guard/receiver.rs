//! A server on this machine that answers as it is told, whatever it is asked.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use peregrine_core::web_url::WebUrl;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// The server. It runs until the test's runtime ends.
pub(crate) struct Receiver {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Receiver {
    /// Starts a server that answers every request with these pieces, and leaves the connection open behind the last
    /// one.
    pub(crate) async fn start<I>(answer: I) -> Self
    where
        I: IntoIterator<Item = String, IntoIter: Send> + Clone + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let receiver = Self { address: listener.local_addr().unwrap(), requests: Arc::default() };
        let requests = Arc::clone(&receiver.requests);
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(serve(connection, answer.clone(), Arc::clone(&requests)));
            }
        });
        receiver
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// An address of it.
    pub(crate) fn url(&self) -> WebUrl {
        WebUrl::parse(&format!("http://{}/hooks?token=secret", self.address)).unwrap()
    }

    /// What it was sent, request by request.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

async fn serve<I>(mut connection: TcpStream, answer: I, requests: Arc<Mutex<Vec<String>>>)
where
    I: IntoIterator<Item = String, IntoIter: Send> + Send,
{
    let Some(request) = read(&mut connection).await else { return };
    requests.lock().unwrap().push(request);
    for piece in answer {
        if connection.write_all(piece.as_bytes()).await.is_err() {
            return;
        }
    }
    // Until the other side has had enough.
    while connection.read_u8().await.is_ok() {}
}

/// The head of a request and as much of its body as the head announces; `None` if the other side leaves before.
async fn read(connection: &mut TcpStream) -> Option<String> {
    let mut request = Vec::new();
    loop {
        request.push(connection.read_u8().await.ok()?);
        let text = String::from_utf8_lossy(&request);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let announced = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        if body.len() >= announced.map_or(0, |length| length.parse().unwrap()) {
            return Some(text.into_owned());
        }
    }
}
