//! `/_local/mail`: the mails that were sent and previews of those that can be, for browsers as pages and for tests as
//! JSON.

use http_body_util::Full;
use hyper::header::{ACCEPT, ALLOW, HeaderMap, HeaderValue};
use hyper::{Method, Response, StatusCode, Uri};
use serde_json::json;

use super::response::{Answer, json, mail_html, message, page};
use super::{CapturedMail, Mailbox, pages, previews};

/// The answer to a request for `/_local/mail` and the `path` behind it.
pub(crate) fn answer(mailbox: &Mailbox, method: &Method, uri: &Uri, headers: &HeaderMap, path: &str) -> Answer {
    let path = path.trim_matches('/');
    if *method == Method::DELETE && path.is_empty() {
        mailbox.clear();
        let mut answer = Response::new(Full::default());
        *answer.status_mut() = StatusCode::NO_CONTENT;
        return answer;
    }
    if *method != Method::GET {
        let allowed = if path.is_empty() { "GET, DELETE" } else { "GET" };
        let mut answer = message(StatusCode::METHOD_NOT_ALLOWED, "mail can be looked at (GET) and forgotten (DELETE)");
        answer.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
        return answer;
    }
    let browser = is_browser(headers);
    match path.split('/').collect::<Vec<_>>().as_slice() {
        [""] => list(mailbox, uri, browser),
        ["templates", rest @ ..] => previews::answer(rest, browser),
        [id, rest @ ..] => match (mailbox.find(id), rest) {
            (Some(mail), ["html"]) => mail_html(mail.html.clone().unwrap_or_default()),
            (Some(mail), []) if browser => page(&pages::Letter::of(&mail)),
            (Some(mail), []) => json(StatusCode::OK, &json!(*mail)),
            _ => message(StatusCode::NOT_FOUND, "there is no such mail; see /_local/mail"),
        },
        [] => message(StatusCode::NOT_FOUND, "there is no such page"),
    }
}

fn list(mailbox: &Mailbox, uri: &Uri, browser: bool) -> Answer {
    let mut mails = mailbox.shared();
    let query = uri.query().unwrap_or_default();
    let to = url::form_urlencoded::parse(query.as_bytes()).find_map(|(name, value)| (name == "to").then_some(value));
    let to = to.unwrap_or_default();
    if !to.is_empty() {
        mails.retain(|mail| mail.is_for(&to));
    }
    if browser {
        mails.reverse();
        return page(&pages::List { mails: &mails, to: &to });
    }
    let mails: Vec<&CapturedMail> = mails.iter().map(AsRef::as_ref).collect();
    json(StatusCode::OK, &json!(mails))
}

/// Whether a browser asks.
fn is_browser(headers: &HeaderMap) -> bool {
    headers.get_all(ACCEPT).iter().any(|accept| accept.to_str().is_ok_and(|accept| accept.contains("text/html")))
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use hyper::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
    use serde_json::Value;

    use super::super::response::PAGE_POLICY;
    use super::super::tests::mail;
    use super::*;

    const BROWSER: (&str, &str) = ("accept", "text/html,application/xhtml+xml,*/*;q=0.8");

    async fn ask(mailbox: &Mailbox, method: Method, path: &str, headers: &[(&str, &str)]) -> (Answer, String) {
        let uri: Uri = format!("/_local/mail{path}").parse().unwrap();
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(hyper::header::HeaderName::try_from(*name).unwrap(), value.parse().unwrap());
        }
        let path = uri.path().strip_prefix("/_local/mail").unwrap().to_owned();
        let mut answer = answer(mailbox, &method, &uri, &map, &path);
        let body = std::mem::take(answer.body_mut()).collect().await.unwrap().to_bytes();
        (answer, String::from_utf8(body.to_vec()).unwrap())
    }

    fn mailbox() -> Mailbox {
        let mailbox = Mailbox::new();
        mailbox.add(mail("1", "Ann <ann+1@example.com>"));
        mailbox.add(mail("2", "bob@example.com"));
        mailbox
    }

    #[tokio::test]
    async fn tests_get_json_the_newest_last() {
        let mailbox = mailbox();
        let (answer, body) = ask(&mailbox, Method::GET, "", &[]).await;
        let mails: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(answer.headers()[CONTENT_TYPE], "application/json");
        assert_eq!((&mails[0]["id"], &mails[1]["id"]), (&json!("1"), &json!("2")));
        for field in ["time", "from", "to", "subject", "text", "html", "headers", "configuration_set", "tags"] {
            assert!(mails[0].get(field).is_some(), "{field}");
        }
        let (_, body) = ask(&mailbox, Method::GET, "?to=ANN%2B1@example.com", &[]).await;
        assert_eq!(serde_json::from_str::<Value>(&body).unwrap().as_array().unwrap().len(), 1);
        let (_, body) = ask(&mailbox, Method::GET, "/2", &[]).await;
        assert_eq!(serde_json::from_str::<Value>(&body).unwrap()["to"], json!(["bob@example.com"]));
        for path in ["/3", "/1/2", "/1/html/2", "/templates/nothing"] {
            assert_eq!(ask(&mailbox, Method::GET, path, &[]).await.0.status(), 404, "{path}");
        }
    }

    #[tokio::test]
    async fn browsers_get_pages_in_which_mail_is_harmless() {
        let mailbox = mailbox();
        let hostile =
            CapturedMail { subject: "<script>alert(1)</script>".to_owned(), ..mail("3", "\"<b>\" <c@example.com>") };
        mailbox.add(hostile);
        for path in ["", "/3", "?to=%22%3E%3Cscript%3E"] {
            let (answer, body) = ask(&mailbox, Method::GET, path, &[BROWSER]).await;
            assert_eq!(answer.headers()[CONTENT_TYPE], "text/html; charset=utf-8");
            assert_eq!(answer.headers()[CONTENT_SECURITY_POLICY], PAGE_POLICY);
            assert!(!body.contains("<script") && !body.contains("<b>"), "{body}");
        }
        let (_, body) = ask(&mailbox, Method::GET, "/3", &[BROWSER]).await;
        assert!(body.contains(r#"sandbox="allow-popups allow-popups-to-escape-sandbox""#), "{body}");
        assert!(body.contains(r#"<a href="https://example.com/a?b=1&#38;c=2""#), "{body}");
        let (answer, body) = ask(&mailbox, Method::GET, "/3/html", &[BROWSER]).await;
        assert_eq!(body, "<p>Hello</p><script>alert(1)</script>", "as it was sent");
        let policy = answer.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none';") && policy.contains("sandbox"), "{policy}");
        assert!(!policy.contains("script"), "{policy}");
    }

    #[tokio::test]
    async fn mail_is_forgotten_when_that_is_asked_for() {
        let mailbox = mailbox();
        for (method, path) in [(Method::POST, ""), (Method::DELETE, "/1")] {
            let (answer, _) = ask(&mailbox, method, path, &[]).await;
            assert_eq!((answer.status(), mailbox.all().len()), (StatusCode::METHOD_NOT_ALLOWED, 2));
        }
        let (answer, _) = ask(&mailbox, Method::DELETE, "", &[]).await;
        assert_eq!((answer.status(), mailbox.all().len()), (StatusCode::NO_CONTENT, 0));
    }

    #[tokio::test]
    async fn every_template_has_a_preview() {
        let mailbox = mailbox();
        let examples = peregrine_mail::examples().unwrap();
        let (_, list) = ask(&mailbox, Method::GET, "/templates", &[BROWSER]).await;
        for (name, rendered) in &examples {
            assert!(list.contains(&format!("/_local/mail/templates/{name}")), "{list}");
            let (answer, _) = ask(&mailbox, Method::GET, &format!("/templates/{name}"), &[BROWSER]).await;
            assert_eq!(answer.status(), StatusCode::OK);
            let (_, body) = ask(&mailbox, Method::GET, &format!("/templates/{name}/html"), &[]).await;
            assert_eq!(body, rendered.html);
        }
        let (_, body) = ask(&mailbox, Method::GET, "/templates", &[]).await;
        assert_eq!(serde_json::from_str::<Vec<Value>>(&body).unwrap().len(), examples.len());
    }
}
