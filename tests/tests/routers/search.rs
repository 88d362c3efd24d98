//! How items are found by words, tags and owner.

use serde_json::json;
use tests::app::App;

#[tokio::test]
async fn q_finds_the_beginnings_of_words_in_any_case() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    let create = async |name: &str| {
        app.post("/items").by(&ann).json(&json!({"name": name, "price": 1})).send().await.text("/id")
    };
    let widget = create("Red WIDGET-2000").await;
    let café = create("café widgets, widget").await;
    let find = async |q: &str| {
        let mut ids = app.get(&format!("/items?q={q}")).send().await.ids();
        ids.sort_unstable();
        ids
    };
    let mut both = [widget.clone(), café.clone()];
    both.sort_unstable();
    assert_eq!(find("wid").await, both, "an item with two such words is found once");
    assert_eq!(find("widgets").await, std::slice::from_ref(&café));
    assert_eq!(find("200").await, std::slice::from_ref(&widget));
    assert_eq!(find("RED").await, [widget]);
    assert_eq!(find("caf").await, [café]);
    assert!(find("idget").await.is_empty(), "the middle of a word is not its beginning");
}

#[tokio::test]
async fn filters_combine() {
    let app = App::start().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let both = app.post("/items").by(&ann).json(&json!({"name": "red widget", "price": 1, "tags": ["new", "big"]}));
    let both = both.send().await.text("/id");
    app.post("/items").by(&ann).json(&json!({"name": "red box", "price": 1, "tags": ["new"]})).send().await;
    app.post("/items").by(&bob).json(&json!({"name": "widget", "price": 1, "tags": ["big", "New"]})).send().await;
    let find = async |query: &str| app.get(&format!("/items?{query}")).send().await.ids();
    assert_eq!(find("tags=new&tags=big").await, std::slice::from_ref(&both));
    assert_eq!(find("q=widget&tags=new").await, std::slice::from_ref(&both));
    assert_eq!(find(&format!("q=widget&owner={}", ann.id)).await, std::slice::from_ref(&both));
    assert_eq!(find(&format!("tags=big&owner={}", ann.id)).await, [both]);
    assert_eq!(find("tags=New").await.len(), 1, "the case of tags matters");
    assert!(find("tags=new&tags=big&tags=none").await.is_empty());
}

#[tokio::test]
async fn what_is_found_follows_every_change() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    let created = app.post("/items").by(&ann).json(&json!({"name": "old name", "price": 1, "tags": ["one", "two"]}));
    let id = created.send().await.text("/id");
    let path = format!("/items/{id}");
    let found = async |query: &str| !app.get(&format!("/items?{query}")).send().await.ids().is_empty();

    app.patch(&path).by(&ann).json(&json!({"name": "new name", "tags": ["two", "three"]})).send().await;
    assert!(!found("q=old").await && !found("tags=one").await);
    assert!(found("q=new").await && found("q=name").await && found("tags=two").await && found("tags=three").await);
    assert!(found("q=name&tags=three").await, "rows of unchanged words know the new tags");

    app.patch(&path).by(&ann).json(&json!({"price": 2})).send().await;
    assert_eq!(app.get("/items?q=new").send().await.body[0]["price"], 2);

    app.delete(&path).by(&ann).send().await;
    for query in ["q=new", "q=name", "tags=two", "tags=three", &format!("owner={}", ann.id), ""] {
        assert!(!found(query).await, "{query}");
    }
}

#[tokio::test]
async fn a_filtered_page_examines_a_bounded_number_of_rows() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    // The 501st of the rows for the word is the only one with the tag.
    for batch in 0..10 {
        app.pass(jiff::SignedDuration::from_secs(1));
        let calls: Vec<_> = (0..50)
            .map(|_| tokio::spawn(app.post("/items").by(&ann).json(&json!({"name": "common", "price": 1})).send()))
            .collect();
        for call in calls {
            assert_eq!(call.await.unwrap().status, 201, "batch {batch}");
        }
    }
    app.pass(jiff::SignedDuration::from_secs(1));
    app.post("/items").by(&ann).json(&json!({"name": "common", "price": 1, "tags": ["rare"]})).send().await;
    let first = app.get("/items?q=common&tags=rare").send().await;
    assert_eq!(first.body, json!([]), "the page is empty");
    let next = first.next().expect("and yet there is a next one");
    let second = app.get(next.strip_prefix("/api/v1").unwrap()).send().await;
    assert_eq!((second.ids().len(), second.next()), (1, None));
}
