//! What costs something else where sign-in is hardened.

use peregrine_core::one_time::Purpose;
use peregrine_core::password::PasswordHasher;
use peregrine_core::random::Random;
use peregrine_core::scope::Scopes;
use serde_json::{Value, json};
use tests::app::App;

use super::Costs;

const CURRENT: &str = "correct horse battery staple";
const NEXT: &str = "another horse, another staple";

/// Sends the requests, and is what they cost.
pub(super) async fn flows() -> Vec<(String, String)> {
    let app = App::start_with(&[("HARDENED", "true")]).await;
    let mut costs = Costs { app: &app, measured: Vec::new() };
    let hash = PasswordHasher::new(Random::system()).hash(CURRENT.into()).await.unwrap();
    let ann = app.account_with("ann", Scopes::of_new_user(), &hash).await;
    // From here on the key is known.
    app.get("/users/me").by(&ann).send().await;

    let sign_up = |email: &str, username: &str| {
        app.post("/users").json(&json!({"email": email, "username": username, "password": CURRENT}))
    };
    costs.of("POST /api/v1/users; hardened, a free address", 202, sign_up("bob@example.com", "bob")).await;
    let unconfirmed = app.post("/token").form(&[("username", "bob"), ("password", CURRENT)]);
    costs.of("POST /api/v1/token; hardened, with an address that is not confirmed", 401, unconfirmed).await;
    let known = sign_up("ann@example.com", "cleo");
    costs.of("POST /api/v1/users; hardened, an address that has an account", 202, known).await;

    let patch = |body: Value| app.patch("/users/me").by(&ann).json(&body);
    costs.of("PATCH /api/v1/users/me; hardened", 200, patch(json!({"full_name": "Ann"}))).await;
    let address = json!({"email": "anna@example.com", "current_password": CURRENT});
    costs.of("PATCH /api/v1/users/me; hardened, another address, with the current password", 200, patch(address)).await;
    let whole = json!({"email": "ann@example.com", "username": "ann", "full_name": "Anna", "password": CURRENT});
    let put = app.put(&format!("/users/{}", ann.id)).by(&ann).json(&whole);
    costs.of("PUT /api/v1/users/{user_id}; hardened, with the current password", 200, put).await;
    let password = json!({"password": NEXT, "current_password": CURRENT});
    costs
        .of("PATCH /api/v1/users/me; hardened, another password, with the current password", 200, patch(password))
        .await;

    let ann = app.session_of(&ann).await;
    let change = json!({"current_password": NEXT, "new_password": CURRENT});
    let change = app.put("/users/me/password").by(&ann).json(&change);
    costs.of("PUT /api/v1/users/me/password; hardened", 204, change).await;

    for (username, address, flow, status) in [
        ("dan", "dana@example.com", "POST /api/v1/verify-email; of an address that takes another one's place", 200),
        ("eve", "ann@example.com", "POST /api/v1/verify-email; … that somebody else has", 409),
    ] {
        let account = app.account_with(username, Scopes::of_new_user(), &hash).await;
        let change = json!({"email": address, "current_password": CURRENT});
        assert_eq!(app.patch("/users/me").by(&account).json(&change).send().await.status, 200);
        let link = app.mailed_link_to(Purpose::VerifyEmail, &account, address).await;
        costs.of(flow, status, app.post(&link)).await;
    }
    costs.measured
}
