//! The page on which people sign in.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA256, digest};
use tests::app::App;

#[tokio::test]
async fn the_page_runs_its_own_script_and_nothing_else() {
    let app = App::start().await;
    let page = app.get("/login").send().await;
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    let policy = page.header("content-security-policy").unwrap();
    for (element, directive) in [("<script type=\"module\">", "script-src"), ("<style>", "style-src")] {
        let content = page.raw.split_once(element).unwrap().1.split_once("</").unwrap().0;
        assert_eq!(page.raw.matches(&element[..4]).count(), 1, "{element}");
        let hash = STANDARD.encode(digest(&SHA256, content.as_bytes()));
        assert!(policy.contains(&format!("{directive} 'sha256-{hash}';")), "{policy}");
    }
    for rule in [
        "default-src 'none';",
        "connect-src 'self';",
        "form-action 'none';",
        "base-uri 'none';",
        "frame-ancestors 'none'",
    ] {
        assert!(policy.contains(rule), "{rule} {policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!((page.header("referrer-policy"), page.header("cache-control")), (Some("no-referrer"), Some("no-store")));
    let foreign =
        ["http:", "https:", "src=", "onclick", "style=", "localStorage", "sessionStorage", "cookie", "innerHTML"];
    // Nothing is in the way of pasting, which is how password managers of all kinds work.
    for foreign in foreign.into_iter().chain(["paste", "beforeinput"]) {
        assert!(!page.raw.contains(foreign), "{foreign}");
    }
}

#[tokio::test]
async fn password_managers_and_screen_readers_understand_the_page() {
    let page = App::start().await.get("/login").send().await;
    for autocomplete in ["username", "current-password", "one-time-code"] {
        assert_eq!(page.raw.matches(&format!("autocomplete=\"{autocomplete}\"")).count(), 1, "{autocomplete}");
    }
    for field in ["username", "password", "otp"] {
        assert!(page.raw.contains(&format!("<label for=\"{field}\">")), "{field}");
        assert!(page.raw.contains(&format!("<input id=\"{field}\"")), "{field}");
    }
    assert!(page.raw.contains(r#"<input id="password" name="password" type="password""#), "who looks on sees nothing");
    for part in ["<noscript>", "role=\"alert\"", "aria-live=\"polite\"", "<html lang=\"en\">", "Sign out"] {
        assert!(page.raw.contains(part), "{part}");
    }
}
