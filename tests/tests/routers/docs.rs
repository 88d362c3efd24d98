//! The API's document and the pages that show it.

use std::io::Read as _;

use flate2::read::GzDecoder;
use serde_json::{Value, json};
use tests::app::App;
use tests::client::Answer;

const PAGES: [&str; 2] = ["//docs", "//redoc"];

async fn get(app: &App, path: &str, accepted: &str) -> Answer {
    app.get(path).header("accept-encoding", accepted).send().await
}

fn decompressed(answer: &Answer) -> Vec<u8> {
    assert_eq!(answer.header("content-encoding"), Some("gzip"));
    let mut plain = Vec::new();
    GzDecoder::new(&answer.bytes[..]).read_to_end(&mut plain).unwrap();
    plain
}

/// What the page loads and links, by the values of its attributes.
fn addresses(page: &str) -> Vec<String> {
    let values = page.split(['\n', ' ', '>']).filter_map(|word| {
        let value = word.strip_prefix("src=").or_else(|| word.strip_prefix("href="))?;
        Some(value.trim_matches('"').to_owned())
    });
    values.collect()
}

#[tokio::test]
async fn the_document_is_the_one_that_is_checked_in_compressed_or_not() {
    let app = App::start().await;
    // As it was at build time, like what `meta` serves: the test that renews the file may be running at the same time.
    let checked_in: Value = serde_json::from_str(include_str!("../../../openapi.json")).unwrap();
    let plain = app.get("//openapi.json").send().await;
    assert_eq!((plain.status, plain.header("content-encoding")), (200, None));
    assert_eq!(plain.body, checked_in);
    let compressed = get(&app, "//openapi.json", "gzip").await;
    assert_eq!(decompressed(&compressed), plain.raw.as_bytes());

    for answer in [&plain, &compressed] {
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.header("vary"), Some("accept-encoding"));
        assert_eq!(answer.header("cache-control"), Some("public, max-age=300"));
    }
    let tag = plain.header("etag").unwrap().trim_matches('"');
    assert_eq!(compressed.header("etag"), Some(format!("\"{tag}-gzip\"").as_str()));
}

#[tokio::test]
async fn the_pages_load_nothing_from_elsewhere_and_run_no_script_of_their_own() {
    let app = App::start().await;
    for path in PAGES {
        let page = app.get(path).send().await;
        assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")), "{path}");
        let policy = page.header("content-security-policy").unwrap();
        for directive in [
            "default-src 'none'; ",
            "script-src 'self'; ",
            "connect-src 'self'; ",
            "img-src 'self' data:; ",
            "frame-ancestors 'none'; ",
            "base-uri 'none'; ",
            "form-action 'self'; ",
        ] {
            assert!(policy.contains(directive), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe") && !policy.contains("http"), "{path}: {policy}");

        assert!(!page.raw.contains("//"), "{path} names an address elsewhere");
        let scripts = page.raw.matches("<script").count();
        assert_eq!(page.raw.matches("<script src=").count(), scripts, "{path}");
        assert_eq!(page.raw.matches(" defer></script>").count(), scripts, "{path}");
    }
}

#[tokio::test]
async fn the_pages_tell_their_language_and_title_and_lead_to_the_document_without_scripts() {
    let app = App::start().await;
    for path in ["//docs", "//docs/", "//redoc", "//redoc/"] {
        let page = app.get(path).send().await.raw;
        let hint = page.split("<noscript>").nth(1).unwrap().split("</noscript>").next().unwrap();
        assert!(hint.contains("href=\"/openapi.json\""), "{path}");
        for part in ["<!doctype html>", "<html lang=\"en\">", "<title>Peregrine", "name=\"viewport\""] {
            assert!(page.contains(part), "{path}: {part}");
        }
    }
}

#[tokio::test]
async fn what_the_pages_load_is_there_and_may_be_kept_for_ever() {
    let app = App::start().await;
    for path in PAGES {
        let addresses = addresses(&app.get(path).send().await.raw);
        assert_eq!(addresses.iter().filter(|address| *address == "/openapi.json").count(), 1);
        let assets: Vec<_> = addresses.iter().filter(|address| address.starts_with("/docs/assets/")).collect();
        assert!(assets.len() >= 4 && assets.len() == addresses.len() - 1, "{path}: {addresses:?}");
        for asset in assets {
            let plain = get(&app, &format!("/{asset}"), "identity").await;
            let compressed = get(&app, &format!("/{asset}"), "gzip, br").await;
            assert_eq!((plain.status, compressed.status), (200, 200), "{asset}");
            assert_eq!(plain.header("content-encoding"), None);
            assert_eq!(decompressed(&compressed), plain.bytes, "{asset}");
            for answer in [plain, compressed] {
                let kind = match asset.rsplit('.').next() {
                    Some("js") => "text/javascript; charset=utf-8",
                    Some("css") => "text/css; charset=utf-8",
                    _ => "image/png",
                };
                assert_eq!(answer.header("content-type"), Some(kind), "{asset}");
                assert_eq!(answer.header("vary"), Some("accept-encoding"), "{asset}");
                assert_eq!(answer.header("cache-control"), Some("public, max-age=31536000, immutable"), "{asset}");
            }
        }
    }
}

#[tokio::test]
async fn an_asset_of_another_name_or_version_is_not_found() {
    let app = App::start().await;
    for path in ["//docs/assets", "//docs/assets/0/docs.js", "//docs/assets/%FF/docs.js", "//docs/nothing"] {
        let answer = app.get(path).send().await;
        assert_eq!((answer.status, answer.body), (404, json!({"detail": "Not Found"})), "{path}");
    }
    assert_eq!(app.post("//docs").send().await.status, 405);
}
