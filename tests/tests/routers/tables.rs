//! What the tables promise to the operations, apart from what can be seen through them.

use peregrine_core::email::Email;
use peregrine_core::item::{Item, ItemFilter, NewItem};
use peregrine_core::page::PageRequest;
use peregrine_core::random::Random;
use peregrine_core::table::{Also, ConditionalWriteError, InsertUserError, ItemTables, Items, UpdateUserError};
use peregrine_core::user::{UniqueName, User, UserPatch};
use peregrine_core::validation::{Origin, Rules, json, validate};
use tests::app::App;
use uuid::Uuid;

fn items(app: &App) -> Items {
    let tables = ItemTables { items: "ItemsTable".to_owned(), terms: "ItemTermsTable".to_owned() };
    Items::new(app.client.clone(), tables)
}

fn item(app: &App, name: &str) -> Item {
    let body = format!(r#"{{"name": "{name}", "price": 1, "tags": ["tag"]}}"#);
    let new: NewItem =
        validate(&json::parse(body.as_bytes()).unwrap(), Origin::Json, "body", Rules::default()).unwrap();
    Item::new(Uuid::nil(), new, app.now(), &Random::system())
}

#[tokio::test]
async fn a_write_to_an_item_that_has_changed_is_refused_and_leaves_nothing() {
    let app = App::start().await;
    let items = items(&app);
    let old = item(&app, "first");
    items.insert(&old, None).await.unwrap();
    let new = Item { version: 2, ..item(&app, "second") };
    let new = Item { id: old.id, ..new };
    items.update(&old, &new).await.unwrap();

    let stale = Item { name: "stale".to_owned(), version: 2, ..old.clone() };
    assert!(matches!(items.update(&old, &stale).await, Err(ConditionalWriteError::Outdated)));
    let cheaper = Item { version: 2, updated_at: app.now(), ..old.clone() };
    assert!(matches!(items.update(&old, &cheaper).await, Err(ConditionalWriteError::Outdated)), "the plain write too");
    assert!(matches!(items.delete(&old).await, Err(ConditionalWriteError::Outdated)));
    assert_eq!(items.find(old.id).await.unwrap(), Some(new.clone()));
    let page = PageRequest { limit: 10, ..PageRequest::default() };
    for (word, expected) in [("second", vec![new]), ("first", vec![]), ("stale", vec![])] {
        let filter = ItemFilter { word: Some(word.to_owned()), ..ItemFilter::default() };
        assert_eq!(items.list(&filter, &page).await.unwrap().entries, expected, "{word}");
    }
}

#[tokio::test]
async fn a_write_to_a_user_who_has_changed_is_refused_and_leaves_no_guard() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    let users = app.users();
    let old = users.find(Uuid::parse_str(&ann.id).unwrap()).await.unwrap().unwrap();
    let patch = |name: &str| -> UserPatch {
        let body = json::parse(format!(r#"{{"username": "{name}"}}"#).as_bytes()).unwrap();
        validate(&body, Origin::Json, "body", Rules::default()).unwrap()
    };
    users.update(&old, &old.patched_by(&patch("anna"), app.now()), None, &Also::nothing()).await.unwrap();
    let stale = users.update(&old, &old.patched_by(&patch("stale"), app.now()), None, &Also::nothing()).await;
    assert!(matches!(stale, Err(UpdateUserError::Outdated)));
    assert!(matches!(users.delete(&old, &Also::nothing()).await, Err(ConditionalWriteError::Outdated)));
    assert!(users.id_of(&UniqueName::of("stale")).await.unwrap().is_none());
    assert!(users.id_of(&UniqueName::of("anna")).await.unwrap().is_some());
}

#[tokio::test]
async fn a_username_is_kept_beside_an_address_only_if_that_is_still_whose_it_was() {
    let app = App::start().await;
    let ann = app.stored(&app.user("ann").await).await;
    let bob = User { id: Uuid::from_u128(1), username: "bob".to_owned(), ..ann.clone() };
    let elsewhere = User { email: Email::parse("free@example.com").unwrap(), ..bob.clone() };
    let holder_of_bob = async || app.users().id_of(&UniqueName::of("bob")).await.unwrap();
    for (user, holder) in [(&bob, None), (&bob, Some(bob.id)), (&elsewhere, Some(ann.id))] {
        let kept = app.users().reserve_username(user, holder, &Also::nothing(), None).await;
        let Err(InsertUserError::NameTaken(taken)) = kept else { panic!("{kept:?}") };
        assert_eq!((taken.email, taken.username, holder_of_bob().await), (true, false, None));
    }
    app.users().reserve_username(&bob, Some(ann.id), &Also::nothing(), None).await.unwrap();
    assert_eq!(holder_of_bob().await, Some(bob.id));
}
