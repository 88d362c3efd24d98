//! Items.

use serde_json::{Value, json};
use tests::app::App;

const UNKNOWN: &str = "/items/00000000-0000-7000-8000-000000000000";

#[tokio::test]
async fn an_item_is_created_read_replaced_changed_and_deleted() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    let new = json!({"name": "Red widget", "price": 9.5, "tax": "1.50", "tags": ["a", "a"]});
    let created = app.post("/items").by(&ann).json(&new).send().await;
    assert_eq!(created.status, 201);
    assert_eq!(created.body["owner_id"], ann.id.as_str());
    assert_eq!(created.body["tags"], json!(["a", "a"]));
    let path = format!("/items/{}", created.text("/id"));
    assert_eq!(created.header("location"), Some(format!("/api/v1{path}").as_str()));
    assert_eq!(app.get(&path).send().await.body, created.body, "items are public");

    let replaced = app.put(&path).by(&ann).json(&json!({"name": "Blue", "price": 1})).send().await;
    assert_eq!((replaced.status, &replaced.body["tax"], &replaced.body["tags"]), (200, &Value::Null, &json!([])));
    assert_eq!(replaced.body["created_at"], created.body["created_at"]);
    let patched = app.patch(&path).by(&ann).json(&json!({"description": "x", "tags": ["b"]})).send().await;
    assert_eq!((patched.status, &patched.body["name"], &patched.body["tags"]), (200, &json!("Blue"), &json!(["b"])));

    assert_eq!(app.delete(&path).by(&ann).send().await.status, 204);
    let gone = app.get(&path).send().await;
    assert_eq!((gone.status, gone.body), (404, json!({"detail": "Item not found"})));
    assert_eq!(app.delete(&path).by(&ann).send().await.status, 404);
}

#[tokio::test]
async fn money_comes_back_with_every_digit() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    for (sent, stored) in [
        ("9.50", "9.5"),
        ("0.1", "0.1"),
        ("12345678901234567890123456789012345678", "1.2345678901234567890123456789012345678e+37"),
        ("123456789012345.12345678901234567890123", "123456789012345.12345678901234567890123"),
        ("1e125", "1e+125"),
        ("1E-130", "1e-130"),
        ("true", "1"),
        ("\" +10.5 \"", "10.5"),
        ("\"1_0.5\"", "10.5"),
    ] {
        let body = format!(r#"{{"name": "a", "price": {sent}}}"#);
        let created = app.post("/items").by(&ann).body("application/json", body).send().await;
        assert_eq!(created.status, 201, "{sent}: {created:?}");
        let read = app.get(&format!("/items/{}", created.text("/id"))).send().await;
        assert!(read.raw.contains(&format!(r#""price":{stored},"#)), "{sent}: {}", read.raw);
    }
}

#[tokio::test]
async fn money_that_cannot_be_stored_exactly_is_refused() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    let longest = "1".repeat(39);
    for (price, fault) in [
        ("0", "greater_than"),
        ("-1", "greater_than"),
        ("\"nan\"", "greater_than"),
        ("\"inf\"", "finite_number"),
        ("NaN", "greater_than"),
        ("-Infinity", "greater_than"),
        ("Infinity", "finite_number"),
        ("1e126", "decimal_out_of_range"),
        ("1e400", "decimal_out_of_range"),
        ("1e-131", "decimal_out_of_range"),
        (longest.as_str(), "decimal_max_digits"),
        ("\"12,5\"", "float_parsing"),
        ("null", "float_type"),
        ("[1]", "float_type"),
    ] {
        let body = format!(r#"{{"name": "a", "price": {price}}}"#);
        let answer = app.post("/items").by(&ann).body("application/json", body).send().await;
        assert_eq!((answer.status, answer.faults()), (422, vec![format!("{fault} body.price")]), "{price}");
    }
}

#[tokio::test]
async fn a_tax_must_stay_below_its_price() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    let answer =
        app.post("/items").by(&ann).json(&json!({"name": "a", "price": 9.5, "tax": 9.5, "x": [1]})).send().await;
    let fault = json!({
        "type": "value_error", "loc": ["body"], "msg": "Value error, Tax must be less than price",
        "input": {"name": "a", "price": 9.5, "tax": 9.5, "x": [1]}, "ctx": {"error": {}},
    });
    assert_eq!((answer.status, answer.body), (422, json!({"detail": [fault]})));
    let created = app.post("/items").by(&ann).json(&json!({"name": "a", "price": 9.5, "tax": 9})).send().await;
    let path = format!("/items/{}", created.text("/id"));
    let patched = app.patch(&path).by(&ann).json(&json!({"price": 9})).send().await;
    assert_eq!((patched.status, patched.faults()), (422, vec!["value_error body".to_owned()]));
    assert_eq!(app.get(&path).send().await.body, created.body, "nothing has changed");
}

#[tokio::test]
async fn only_the_owner_or_an_admin_writes() {
    let app = App::start().await;
    let (ann, bob, admin) = (app.user("ann").await, app.user("bob").await, app.admin().await);
    let created = app.post("/items").by(&ann).json(&json!({"name": "a", "price": 1})).send().await;
    let path = format!("/items/{}", created.text("/id"));
    let body = json!({"name": "b", "price": 2});
    for method in ["PUT", "PATCH", "DELETE"] {
        let by_bob = app.call(method, &path).by(&bob).json(&body).send().await;
        assert_eq!((by_bob.status, by_bob.text("/detail")), (403, "Not enough permissions".to_owned()), "{method}");
        assert_eq!(app.call(method, &path).json(&body).send().await.status, 401, "{method}");
        assert_eq!(app.call(method, UNKNOWN).by(&bob).json(&body).send().await.status, 404, "{method}");
    }
    assert_eq!(app.put(&path).by(&admin).json(&body).send().await.body["owner_id"], ann.id.as_str());
    assert_eq!(app.delete(&path).by(&admin).send().await.status, 204);
}

#[tokio::test]
async fn racing_changes_of_one_item_are_all_made() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    let created = app.post("/items").by(&ann).json(&json!({"name": "first name", "price": 5})).send().await;
    let path = format!("/items/{}", created.text("/id"));
    let (name, price) = tokio::join!(
        app.patch(&path).by(&ann).json(&json!({"name": "second name"})).send(),
        app.patch(&path).by(&ann).json(&json!({"price": 6})).send(),
    );
    assert_eq!((name.status, price.status), (200, 200));
    let read = app.get(&path).send().await;
    assert_eq!((&read.body["name"], &read.body["price"]), (&json!("second name"), &json!(6)));
}

#[tokio::test]
async fn all_faults_are_reported_in_the_order_of_the_fields() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    let body = json!({"tags": ["a", 1, "", null], "price": "x", "tax": [], "description": 1, "name": ""});
    let answer = app.put("/items/abc").by(&ann).json(&body).send().await;
    assert_eq!(
        answer.faults(),
        [
            "uuid_parsing path.item_id",
            "string_too_short body.name",
            "string_type body.description",
            "float_parsing body.price",
            "float_type body.tax",
            "string_type body.tags.1",
            "string_too_short body.tags.2",
            "string_type body.tags.3",
        ]
    );
}

#[tokio::test]
async fn limits_of_size_are_those_of_the_documentation() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    let create = async |body: Value| app.post("/items").by(&ann).json(&body).send().await;
    let words: Vec<String> = (0..25).map(|word| format!("w{word:02}")).collect();
    let tags: Vec<String> = (0..20).map(|tag| format!("{tag:050}")).collect();
    let largest = json!({
        "name": format!("{} ", words.join(" ")), "price": 1, "tags": tags, "description": "é".repeat(10_000),
    });
    let created = create(largest.clone()).await;
    assert_eq!(created.status, 201, "{created:?}");
    let other_tags: Vec<String> = (0..20).map(|tag| format!("other {tag}")).collect();
    let other_words: Vec<String> = (0..25).map(|word| format!("x{word:02}")).collect();
    let path = format!("/items/{}", created.text("/id"));
    let changed =
        app.patch(&path).by(&ann).json(&json!({"name": other_words.join(" "), "tags": other_tags})).send().await;
    assert_eq!(changed.status, 200, "the largest change fits into one transaction: {changed:?}");
    for (field, value, fault) in [
        ("name", json!("x".repeat(101)), "string_too_long body.name"),
        ("description", json!("x".repeat(10_001)), "string_too_long body.description"),
        ("tags", json!(vec!["x"; 21]), "too_long body.tags"),
        ("tags", json!(["x".repeat(51)]), "string_too_long body.tags.0"),
    ] {
        let mut body = largest.clone();
        body[field] = value;
        assert_eq!(create(body).await.faults(), [fault]);
    }
}
