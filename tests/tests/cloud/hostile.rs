//! Requests that nobody means well with. Each gets a 4xx, and the next request is answered.

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::client::Bundle;

/// Sends bytes as they are, and reads the status code of the answer.
async fn send_raw(bundle: &Bundle, request: &[u8]) -> u16 {
    let address = bundle.cloud.http_url().strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let line = String::from_utf8_lossy(&answer);
    line.split(' ').nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
async fn hostile_bodies_get_a_clear_4xx() {
    let bundle = Bundle::start().await;
    let token = bundle.user("ann").await;
    let post = async |body: Vec<u8>, content_type: &str| {
        let call = bundle.post("/api/v1/items").bearer_auth(&token).header("content-type", content_type).body(body);
        let answer = call.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let json = "application/json";
    for (body, content_type, status) in [
        (b"{\"name\": \"\xFF\xFE\", \"price\": 1}".to_vec(), json, 400),
        ("[".repeat(100_000).into_bytes(), json, 400),
        (format!("{{\"name\": \"a\", \"price\": {}}}", "9".repeat(5000)).into_bytes(), json, 400),
        (b"{\"name\": \"a\", \"price\": 1e999}".to_vec(), json, 422),
        (b"{\"name\": \"a\", \"price\": 1} trailing".to_vec(), json, 422),
        (b"{\"name\": \"\\ud800\", \"price\": 1}".to_vec(), json, 422),
        (b"{\"name\": \"a\0b\"}".to_vec(), json, 422),
        (b"<item/>".to_vec(), "application/xml", 422),
        (Vec::new(), json, 422),
        (vec![b' '; 2 * 1024 * 1024], json, 413),
        (vec![b' '; 7 * 1024 * 1024], json, 413),
        (vec![b' '; 11 * 1024 * 1024], json, 413),
        (vec![0xFF; 5 * 1024 * 1024], "application/octet-stream", 413),
    ] {
        let shown = String::from_utf8_lossy(&body[..body.len().min(40)]).into_owned();
        let (got, answer) = post(body, content_type).await;
        assert_eq!(got, status, "{shown}: {answer}");
    }
    bundle.item(&token, &json!({"name": "still works", "price": 1})).await;
    bundle.cloud.stop().await;
}

#[tokio::test]
async fn hostile_paths_and_headers_get_a_clear_4xx() {
    let bundle = Bundle::start().await;
    for path in [
        "/api/v1/items/%00",
        "/api/v1/items/%FF%FE",
        "/api/v1/items/%3Fx%23y",
        "/api/v1/items/..%2F..%2Fetc%2Fpasswd",
        "/api/v1/items/%25%7B%7D",
        "/%2e%2e/%2e%2e",
        "/api/v1/items/%c0%af",
        "/api/v1/users/me%2f%2e%2e",
        "/\\\\x",
        "/api/v1/items?cursor=%00&limit=99999999999999999999999999",
        "/api/v1/items?q=%00%00%00",
        "/api/v1/items?tags=%FF",
    ] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let status = send_raw(&bundle, request.as_bytes()).await;
        let expected = if path.ends_with("tags=%FF") { 200..=200 } else { 400..=499 };
        assert!(expected.contains(&status), "{path}: {status}");
    }
    for head in [
        "GET /health HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n",
        "GET /health HTTP/1.1\r\nHost: \r\nConnection: close\r\n\r\n",
        "GET /health HTTP/1.1\r\nHost: x/y?z\r\nConnection: close\r\n\r\n",
        "GET /health HTTP/1.1\r\nHost: [::1\r\nConnection: close\r\n\r\n",
        "G@T /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        "GET /health\r\n\r\n",
        "BREW /api/v1/items HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    ] {
        let status = send_raw(&bundle, head.as_bytes()).await;
        assert!((400..500).contains(&status), "{head}: {status}");
    }
    let forged = "GET /api/v1/users/me HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-Proto: a b\r\nX-Forwarded-For: \u{e9}\r\n\
                  X-Request-ID: \u{e9}\r\nAuthorization: Bearer \u{e9}\r\nConnection: close\r\n\r\n";
    assert_eq!(send_raw(&bundle, forged.as_bytes()).await, 401);
    assert_eq!(bundle.get("/health").send().await.unwrap().status(), 200);
    bundle.cloud.stop().await;
}
