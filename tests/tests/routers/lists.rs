//! Lists and their pages.

use serde_json::json;
use tests::app::App;
use tests::client::{Account, Answer};

async fn create_items(app: &App, owner: &Account, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for index in 0..count {
        app.pass(jiff::SignedDuration::from_secs(1));
        let body = json!({"name": format!("widget {index:03}"), "price": 1, "tags": ["all"]});
        ids.push(app.post("/items").by(owner).json(&body).send().await.text("/id"));
    }
    ids
}

/// Follows the `Link` headers from `path` on.
async fn follow(app: &App, path: &str) -> Vec<Answer> {
    let mut pages = vec![app.get(path).send().await];
    while let Some(next) = pages.last().and_then(Answer::next) {
        assert!(pages.len() < 100, "the list does not end");
        pages.push(app.get(next.strip_prefix("/api/v1").unwrap()).send().await);
    }
    pages
}

#[tokio::test]
async fn pages_show_every_item_once_and_the_oldest_first() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    let created = create_items(&app, &ann, 23).await;
    for path in
        ["/items?limit=5", "/items?limit=5&tags=all", "/items?limit=7&q=WIDGET", &format!("/items?owner={}", ann.id)]
    {
        let pages = follow(&app, path).await;
        let shown: Vec<String> = pages.iter().flat_map(Answer::ids).collect();
        assert_eq!(shown, created, "{path}");
        assert!(pages.iter().all(|page| page.body.is_array()), "a list is a bare array");
    }
    assert_eq!(app.get("/items").send().await.ids(), created[..10], "ten by default");
}

#[tokio::test]
async fn skip_passes_over_entries_and_is_not_repeated_by_the_next_page() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    let created = create_items(&app, &ann, 12).await;
    for filter in ["", "&tags=all", "&q=wid"] {
        let pages = follow(&app, &format!("/items?skip=3&limit=4{filter}")).await;
        assert_eq!(pages.iter().flat_map(Answer::ids).collect::<Vec<_>>(), created[3..], "{filter}");
    }
    assert_eq!(app.get("/items?skip=10000").send().await.body, json!([]));
}

#[tokio::test]
async fn an_empty_list_is_an_empty_array_without_a_next_page() {
    let app = App::start().await;
    for path in ["/items", "/items?q=abc", "/items?tags=", "/items?tags=%F0%9F%8D%A3"] {
        let answer = app.get(path).send().await;
        assert_eq!((answer.status, &answer.body, answer.next()), (200, &json!([]), None), "{path}");
    }
}

#[tokio::test]
async fn a_page_ends_before_it_is_too_large_for_an_answer() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    // A control character takes seven bytes in a Lambda answer.
    let body = json!({"name": "large", "price": 1, "description": "\u{1}".repeat(10_000)});
    let mut created = Vec::new();
    for _ in 0..100 {
        app.pass(jiff::SignedDuration::from_secs(1));
        created.push(app.post("/items").by(&ann).json(&body).send().await.text("/id"));
    }
    for path in ["/items?limit=100", "/items?limit=100&q=large"] {
        let pages = follow(&app, path).await;
        assert_eq!(pages.iter().flat_map(Answer::ids).collect::<Vec<_>>(), created, "{path}");
        for page in &pages {
            let in_lambda_answer = serde_json::to_string(&page.raw).unwrap().len();
            assert!(in_lambda_answer < 5_000_000, "{path}: {in_lambda_answer} bytes");
        }
    }
}

#[tokio::test]
async fn a_tag_that_no_item_can_have_finds_nothing() {
    let app = App::start().await;
    for tag in ["x".repeat(51), "x".repeat(3000), String::new()] {
        let answer = app.get(&format!("/items?tags={tag}")).send().await;
        assert_eq!((answer.status, answer.body), (200, json!([])), "{tag}");
    }
}

#[tokio::test]
async fn a_cursor_is_good_for_its_own_list_only() {
    let app = App::start().await;
    let (ann, admin) = (app.user("ann").await, app.admin().await);
    create_items(&app, &ann, 3).await;
    let next = app.get("/items?limit=1").send().await.next().unwrap();
    let cursor = next.split("cursor=").nth(1).unwrap().to_owned();
    assert_eq!(app.get(&format!("/items?cursor={cursor}")).send().await.ids().len(), 2);
    let fault = ["value_error query.cursor"];
    for path in [
        format!("/items?tags=all&cursor={cursor}"),
        format!("/items?q=widget&cursor={cursor}"),
        format!("/items?cursor={cursor}A"),
        format!("/items?cursor=A{cursor}"),
        "/items?cursor=".to_owned(),
        "/items?cursor=%00".to_owned(),
    ] {
        let answer = app.get(&path).send().await;
        assert_eq!((answer.status, answer.faults()), (422, fault.map(str::to_owned).to_vec()), "{path}");
    }
    let users = app.get(&format!("/users?cursor={cursor}")).by(&admin).send().await;
    assert_eq!(users.faults(), fault);
    assert_eq!(
        app.get(&format!("/items?cursor={}", "A".repeat(1025))).send().await.faults(),
        ["string_too_long query.cursor"]
    );
}

#[tokio::test]
async fn users_are_listed_for_admins_without_their_hashes() {
    let app = App::start().await;
    let admin = app.admin().await;
    let mut created = vec![admin.id.clone()];
    for index in 0..5 {
        app.pass(jiff::SignedDuration::from_secs(1));
        created.push(app.user(&format!("user{index}")).await.id);
    }
    let first = app.get("/users?limit=4").by(&admin).send().await;
    let second = app.get(first.next().unwrap().strip_prefix("/api/v1").unwrap()).by(&admin).send().await;
    assert_eq!([first.ids(), second.ids()].concat(), created);
    assert!(!first.raw.contains("argon2"), "{}", first.raw);
    let ann = app.user("ann").await;
    assert_eq!(app.get("/users").by(&ann).send().await.status, 403);
    assert_eq!(app.get("/users").send().await.status, 401);
}

#[tokio::test]
async fn a_query_is_read_as_in_fastapi() {
    let app = App::start().await;
    for (query, faults) in [
        (
            "skip=-1&limit=x&q=-&tags=a",
            vec!["greater_than_equal query.skip", "int_parsing query.limit", "string_too_short query.q"],
        ),
        ("limit=0", vec!["greater_than_equal query.limit"]),
        ("limit=101", vec!["less_than_equal query.limit"]),
        ("skip=10001", vec!["less_than_equal query.skip"]),
        ("skip=1&skip=x", vec!["int_parsing query.skip"]),
        ("skip", vec!["int_parsing query.skip"]),
        ("q=a+b", vec!["string_pattern_mismatch query.q"]),
        ("owner=x", vec!["uuid_parsing query.owner"]),
        ("%73kip=x", vec!["int_parsing query.skip"]),
    ] {
        let answer = app.get(&format!("/items?{query}")).send().await;
        assert_eq!((answer.status, answer.faults()), (422, faults.into_iter().map(str::to_owned).collect()), "{query}");
    }
    for query in ["skip=x&skip=1", "skip=%2B1", "skip=1_0", "&&skip=0&&", "tags[]=a", "other=1", "q=ab&q=abc"] {
        assert_eq!(app.get(&format!("/items?{query}")).send().await.status, 200, "{query}");
    }
}
