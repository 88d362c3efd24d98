//! What clients send, where it could get into header fields: of answers, of mails, of what is stored. Which hosts may
//! be named is tested in `edge.rs`, and where links in mails lead in `reset_password.rs`.

use jiff::SignedDuration;
use serde_json::{Value, json};
use tests::app::{App, PASSWORD, workspace};
use tests::client::Answer;

/// Ends a header field, a link in it, and the whole head, for whoever puts it there as it is.
const BREAK_OUT: &str = "%0D%0ASet-Cookie:%20a=b%0D%0A%0D%0A%3E;%20rel=%22next%22,%20%3Chttps://evil.example/";

/// An answer whose head says what we have made it say.
#[track_caller]
fn assert_unbroken(answer: &Answer) {
    for (name, value) in &answer.headers {
        assert!(name != "set-cookie", "{answer:?}");
        assert!(value.to_str().is_ok_and(|value| !value.contains("evil.example")), "{name}: {value:?}");
    }
}

#[tokio::test]
async fn a_parameter_does_not_get_out_of_the_link_to_the_next_page() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    for name in ["one", "two"] {
        let created = app.post("/items").by(&ann).json(&json!({"name": name, "price": 1})).send().await;
        assert_eq!(created.status, 201);
        // The list is in the order of time.
        app.pass(SignedDuration::from_secs(1));
    }
    let listed = app.get(&format!("/items?limit=1&{BREAK_OUT}={BREAK_OUT}")).send().await;
    assert_unbroken(&listed);
    let link = listed.header("link").unwrap();
    assert!(link.starts_with("</api/v1/items?limit=1&") && link.ends_with(">; rel=\"next\""), "{link}");
    assert_eq!(link.matches(['<', '>', '"']).count(), 4, "{link}");
    let next = app.get(&format!("/{}", listed.next().unwrap())).send().await;
    assert_eq!((next.status, next.body[0]["name"].clone()), (200, json!("two")), "and it leads there");
}

#[tokio::test]
async fn nobody_chooses_where_an_answer_leads_or_what_it_challenges() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    let create = app.post("/items").by(&ann).json(&json!({"name": "a\r\nLocation: //evil.example", "price": 1}));
    let created = create.header("x-forwarded-host", "evil.example").header("host", "evil.example").send().await;
    assert_unbroken(&created);
    let place = format!("/api/v1/items/{}", created.text("/id"));
    assert_eq!(created.header("location"), Some(place.as_str()), "it names no host that could be another");
    for path in [
        "///evil.example/".to_owned(),
        "///evil.example/%2e%2e".to_owned(),
        "//%5Cevil.example/".to_owned(),
        format!("/items/{BREAK_OUT}/"),
        format!("/items/{BREAK_OUT}"),
        format!("/login?next={BREAK_OUT}"),
    ] {
        let answer = app.get(&path).send().await;
        assert_unbroken(&answer);
        assert_eq!(answer.header("location"), None, "{path}: nothing redirects");
        assert!(!(300..400).contains(&answer.status), "{path}");
    }
    for token in ["x\", realm=\"evil.example", "x\tSet-Cookie: a=b", "é"] {
        let refused = app.get("/users/me").bearer(token).header("www-authenticate", "evil.example").send().await;
        assert_eq!((refused.status, refused.header("www-authenticate")), (401, Some("Bearer")), "{token}");
        assert_unbroken(&refused);
    }
    let form = [("username", "x\r\nWWW-Authenticate: evil.example"), ("password", "x"), ("scope", "\r\nx: evil")];
    let refused = app.post("/token").form(&form).send().await;
    assert_eq!((refused.status, refused.header("www-authenticate")), (401, Some("Bearer")));
    assert_unbroken(&refused);
}

#[tokio::test]
async fn an_address_with_a_line_break_reaches_no_mail() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    let before = app.letters().await;
    for email in [
        "eve@example.com\r\nBcc: bob@example.com",
        "eve\r\nBcc: bob@example.com",
        "eve@example.com\nbob@example.com",
        "eve@example.com\u{2028}bob@example.com",
        "eve@example.com, bob@example.com",
        "\"eve\r\n\"@example.com",
        "\"Eve\r\nBcc: bob@example.com\" <eve@example.com>",
    ] {
        let new = json!({"email": email, "username": "eve", "password": PASSWORD});
        for call in [
            app.post("/users").json(&new),
            app.post("/forgot-password").json(&json!({ "email": email })),
            app.post("/forgot-password").form(&[("email", email)]),
            app.patch("/users/me").by(&ann).json(&json!({ "email": email })),
        ] {
            assert_eq!(call.send().await.faults(), ["value_error body.email"], "{email:?}");
        }
    }
    assert_eq!(app.letters().await, before);
}

#[tokio::test]
async fn what_a_client_calls_itself_is_kept_only_if_it_is_plain_text() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    let longest = "x".repeat(200);
    for (sent, kept) in [
        ("Phone/1.0 (\"quoted\")", json!("Phone/1.0 (\"quoted\")")),
        // JSON says what it is, and the page of sign-in shows it as text.
        ("<script>alert(1)</script>", json!("<script>alert(1)</script>")),
        ("Phone\t1", json!("Phone\t1")),
        ("Phone\u{9b}31m", Value::Null),
        ("\u{202e}enohP", Value::Null),
        ("Phöne", Value::Null),
        (&format!("{longest}y"), json!(longest)),
    ] {
        app.pass(SignedDuration::from_secs(1));
        let sign_in = app.post("/token").form(&[("username", "ann"), ("password", PASSWORD)]);
        assert_eq!(sign_in.header("user-agent", sent).send().await.status, 200, "{sent:?}");
        let sessions = app.get("/users/me/sessions").by(&ann).send().await;
        assert_eq!(sessions.body[0]["user_agent"], kept, "{sent:?}");
        assert_eq!(
            (sessions.header("content-type"), sessions.header("x-content-type-options")),
            (Some("application/json"), Some("nosniff"))
        );
    }
}

#[test]
fn an_event_with_a_control_character_in_a_header_field_is_none() {
    let event = std::fs::read_to_string(workspace().join("events/items-list.json")).unwrap();
    let mut event: Value = serde_json::from_str(&event).unwrap();
    let read = |event: &Value| serde_json::from_value::<lambda_http::request::LambdaRequest>(event.clone());
    assert!(read(&event).is_ok());
    for hostile in ["a\r\nset-cookie: a=b", "a\nb", "a\0b", "a\u{7f}b", "\u{1b}[31m"] {
        event["headers"]["user-agent"] = json!(hostile);
        assert!(read(&event).is_err(), "{hostile:?}");
    }
}
