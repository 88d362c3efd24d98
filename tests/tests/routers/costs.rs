//! What each operation costs, held against the table in `docs/costs.md`.
//!
//! A flow is a line: [`Costs::of`] sends a request and notes what it cost. If a flow costs something else than the
//! table says, the test fails with the row to paste; `UPDATE_COSTS=1` renews the table.

mod hardened;
mod table;

use jiff::SignedDuration;
use peregrine_core::email::Email;
use peregrine_core::job::JobState;
use peregrine_core::one_time::Purpose;
use peregrine_core::random::Random;
use peregrine_core::scope::Scopes;
use peregrine_core::session::SessionRef;
use peregrine_core::token::{Signer, SigningKeys};
use serde_json::{Value, json};
use tests::app::{ADMIN_EMAIL, ADMIN_PASSWORD, App, ISSUER, OUTDATED_HASH, PASSWORD};
use tests::calls::Cost;
use tests::client::{Account, Answer, Call};
use totp_rs::Totp;
use uuid::Uuid;

use crate::lockout;

/// What flows were found to cost.
struct Costs<'a> {
    app: &'a App,
    measured: Vec<(String, String)>,
}

impl Costs<'_> {
    /// Sends a request, and notes what it cost. The flow is named by its operation, and behind a semicolon by what is
    /// special about it: `GET /api/v1/items; by word`.
    async fn of(&mut self, flow: &str, status: u16, call: Call) -> Answer {
        self.app.calls.record();
        let answer = call.send().await;
        let cost = self.app.calls.stop();
        assert_eq!(answer.status, status, "{flow}: {answer:?}");
        self.note(flow, &cost);
        answer
    }

    /// Sends a request that promises a mail, and notes what it costs the worker to send it.
    async fn of_mail(&mut self, flow: &str, call: Call) {
        assert!(call.send().await.status < 300, "{flow}");
        let jobs = self.app.client.scan().table_name("JobsTable").send().await.unwrap().items.unwrap();
        let mut queued = jobs.iter().filter(|job| job["state"].as_s().unwrap() == "queued");
        let id = queued.next().unwrap()["id"].as_s().unwrap().parse().unwrap();
        self.note(&format!("email-worker; {flow}"), &self.app.send_mail(id).await);
    }

    fn note(&mut self, flow: &str, cost: &Cost) {
        assert!(cost.read_again.is_empty(), "{flow} reads again: {:?}", cost.read_again);
        assert!(self.measured.iter().all(|(known, _)| known != flow), "{flow} is measured twice");
        self.measured.push((flow.to_owned(), cost.to_string()));
    }
}

#[tokio::test]
async fn every_operation_costs_what_the_documentation_says() {
    let app = App::start().await;
    let mut costs = Costs { app: &app, measured: Vec::new() };
    sign_in(&mut costs).await;
    let (admin, ann) = (app.admin().await, app.user("ann").await);
    // While there are few: what it reads of each shard depends on luck once there are many.
    let of_kind = app.get("/audit-events?action=signed_up").by(&admin);
    costs.of("GET /api/v1/audit-events; of one kind", 200, of_kind).await;
    sessions(&mut costs, &admin).await;
    credentials(&mut costs, &admin).await;
    accounts(&mut costs, &admin, &ann).await;
    items(&mut costs, &ann).await;
    background_work(&mut costs, &admin, &ann).await;
    signing_keys(&mut costs, &admin, &ann).await;
    for path in ["/", "/health", "/api/v1/health", "/health/ready"] {
        costs.of(&format!("GET {path}"), 200, app.get(&format!("/{path}"))).await;
    }
    let mut measured = costs.measured;
    measured.extend(hardened::flows().await);
    measured.extend(waiting().await);
    measured.extend(mails().await);
    table::compare(&measured);
    let cost_of = |flow: &str| measured.iter().find(|(other, _)| other == flow).map(|(_, cost)| cost).unwrap();
    for refused in ["unknown name", "inactive", "hardened, with an address that is not confirmed"] {
        let flow = format!("POST /api/v1/token; {refused}");
        assert_eq!(cost_of(&flow), cost_of("POST /api/v1/token; wrong password"), "{refused}: calls tell nothing");
    }
}

async fn sign_in(costs: &mut Costs<'_>) {
    let app = costs.app;
    let token = |name: &str, password: &str| app.post("/token").form(&[("username", name), ("password", password)]);
    costs.of("POST /api/v1/token; the first of the first administrator", 200, token(ADMIN_EMAIL, ADMIN_PASSWORD)).await;
    let new = json!({"email": "bob@example.com", "username": "bob", "password": PASSWORD});
    costs.of("POST /api/v1/users", 201, app.post("/users").json(&new)).await;
    costs.of("POST /api/v1/users; a name is taken", 409, app.post("/users").json(&new)).await;
    let again = json!({"email": "bea@example.com", "username": "bea", "password": PASSWORD});
    let once = || app.post("/users").json(&again).header("idempotency-key", "one");
    costs.of("POST /api/v1/users; with an idempotency key", 201, once()).await;
    costs.of("POST /api/v1/users; repeated with its idempotency key", 201, once()).await;
    costs.of("POST /api/v1/users; not valid", 422, app.post("/users").json(&json!({}))).await;

    let signed_in = costs.of("POST /api/v1/token", 200, token("bob", PASSWORD)).await;
    costs.of("POST /api/v1/token; wrong password", 401, token("bob", "Wrong0000")).await;
    costs.of("POST /api/v1/token; not valid", 422, token("bob", "")).await;
    costs.of("POST /api/v1/token; unknown name", 401, token("nobody", PASSWORD)).await;
    app.account_with("old", Scopes::of_new_user(), OUTDATED_HASH).await;
    costs.of("POST /api/v1/token; whose hash has other parameters than today's", 200, token("old", PASSWORD)).await;

    // The authenticator has met no token yet, so it does not know the key.
    let me = || app.get("/users/me").bearer(&signed_in.text("/access_token"));
    costs.of("GET /api/v1/users/me; the first token of a key in a sandbox", 200, me()).await;
    costs.of("GET /api/v1/users/me", 200, me()).await;
    costs.of("GET /api/v1/users/me; forged token", 401, app.get("/users/me").bearer("forged")).await;
    mailed_links(costs, &app.sign_in("bob", PASSWORD).await).await;
}

/// What it costs to send the mails that sign-in brings about.
async fn mails() -> Vec<(String, String)> {
    let app = App::start().await;
    let mut costs = Costs { app: &app, measured: Vec::new() };
    let ann = app.account("ann", Scopes::of_new_user()).await;
    let new = json!({"email": "bob@example.com", "username": "bob", "password": PASSWORD});
    let forgot = |email: &str| app.post("/forgot-password").json(&json!({"email": email}));
    let renamed = app.patch("/users/me").by(&ann).json(&json!({"username": "anna"}));
    for (flow, call) in [
        ("a welcome, with a link to confirm the address", app.post("/users").json(&new)),
        ("a link for a new password", forgot(&ann.email)),
        ("… if the address has no account", forgot("nobody@example.com")),
        ("a notice", renamed),
    ] {
        costs.of_mail(flow, call).await;
    }
    let app = App::start_with(&[("HARDENED", "true")]).await;
    let mut hardened = Costs { app: &app, measured: Vec::new() };
    let ann = app.account("ann", Scopes::of_new_user()).await;
    let again = json!({"email": ann.email, "username": "ann2", "password": "correct horse battery staple"});
    hardened.of_mail("word that somebody has tried to sign up with the address", app.post("/users").json(&again)).await;
    costs.measured.extend(hardened.measured);
    costs.measured
}

/// What a sign-in costs that has to wait: of a name, and of an address.
async fn waiting() -> Vec<(String, String)> {
    let app = App::start_with(&lockout::STRICT).await;
    let mut costs = Costs { app: &app, measured: Vec::new() };
    let wrong = |name: &str| app.post("/token").form(&[("username", name), ("password", "Wrong0000")]);
    for _ in 0..10 {
        assert_eq!(wrong("ann").send().await.status, 401);
    }
    costs.of("POST /api/v1/token; while the name has to wait", 429, wrong("ann")).await;
    for number in 0..40 {
        assert_eq!(wrong(&format!("somebody{number}")).send().await.status, 401);
    }
    costs.of("POST /api/v1/token; while the address has to wait", 429, wrong("bob")).await;
    costs.measured
}

async fn sessions(costs: &mut Costs<'_>, admin: &Account) {
    let app = costs.app;
    let sam = app.user("sam").await;
    let sign_in = || async {
        let form = [("username", "sam"), ("password", PASSWORD)];
        app.post("/token").form(&form).send().await
    };
    let by_token = |path: &str, field: &'static str, token: &str| app.post(path).form(&[(field, token)]);
    let first = sign_in().await.text("/refresh_token");
    let refresh = |token: &str| by_token("/token/refresh", "refresh_token", token);
    let second = costs.of("POST /api/v1/token/refresh", 200, refresh(&first)).await.text("/refresh_token");
    costs.of("POST /api/v1/token/refresh; again, for an answer that got lost", 200, refresh(&first)).await;
    costs.of("POST /api/v1/token/refresh; forged", 400, refresh("forged")).await;
    costs.of("POST /api/v1/token/refresh; not valid", 422, refresh("")).await;
    let other_grant = [("grant_type", "refresh_token"), ("refresh_token", &second)];
    costs.of("POST /api/v1/token; with a refresh token", 200, app.post("/token").form(&other_grant)).await;
    costs.of("POST /api/v1/token/refresh; used before, so that the session ends", 400, refresh(&first)).await;
    costs.of("POST /api/v1/token/refresh; of a session that is over", 400, refresh(&second)).await;
    let (one, other) = (sign_in().await, sign_in().await);
    let revoke = |token: &str| by_token("/token/revoke", "token", token);
    costs.of("POST /api/v1/token/revoke", 200, revoke(&one.text("/refresh_token"))).await;
    costs.of("POST /api/v1/token/revoke; an access token", 200, revoke(&other.text("/access_token"))).await;
    costs.of("POST /api/v1/token/revoke; no token", 200, revoke("nothing")).await;

    let listed = costs.of("GET /api/v1/users/me/sessions", 200, app.get("/users/me/sessions").by(&sam)).await;
    let path = format!("/users/me/sessions/{}", listed.text("/0/id"));
    let extra = app.sign_in("sam", PASSWORD).await;
    costs.of("DELETE /api/v1/users/me/sessions/{session_id}", 204, app.delete(&path).by(&extra)).await;
    costs.of("DELETE /api/v1/users/me/sessions", 204, app.delete("/users/me/sessions").by(&extra)).await;
    let ended = app.delete(&format!("/users/{}/sessions", sam.id)).by(admin);
    costs.of("DELETE /api/v1/users/{user_id}/sessions", 204, ended).await;
}

async fn credentials(costs: &mut Costs<'_>, admin: &Account) {
    let app = costs.app;
    let kim = app.user("kim").await;
    let new = json!({"name": "import"});
    let key = costs.of("POST /api/v1/users/me/api-keys", 201, app.post("/users/me/api-keys").by(&kim).json(&new)).await;
    costs.of("GET /api/v1/users/me/api-keys", 200, app.get("/users/me/api-keys").by(&kim)).await;
    let by_key = |text: &str| app.get("/users/me").header("x-api-key", text);
    costs.of("GET /api/v1/users/me; by an API key", 200, by_key(&key.text("/key"))).await;
    costs.of("GET /api/v1/users/me; by a forged API key", 401, by_key("prg_forged")).await;
    let written = app.patch("/users/me").header("x-api-key", &key.text("/key")).json(&json!({"full_name": "Kim"}));
    costs.of("PATCH /api/v1/users/me; by an API key", 200, written).await;
    let path = format!("/users/me/api-keys/{}", key.text("/id"));
    costs.of("DELETE /api/v1/users/me/api-keys/{key_id}", 204, app.delete(&path).by(&kim)).await;
    costs.of("GET /api/v1/users/me; by a deleted API key", 401, by_key(&key.text("/key"))).await;
    let found = app.post("/users/me/api-keys").by(&kim).json(&new).send().await.text("/key");
    costs.of("POST /api/v1/token/revoke; an API key", 200, app.post("/token/revoke").form(&[("token", &found)])).await;

    let begun = costs.of("POST /api/v1/users/me/totp", 200, app.post("/users/me/totp").by(&kim)).await;
    let device = Totp::from_url(begun.text("/uri")).unwrap();
    let shown = || device.generate(u64::try_from(app.now().as_second()).unwrap()).to_string();
    let wrong = app.post("/users/me/totp/confirm").by(&kim).json(&json!({"otp": "000000"}));
    costs.of("POST /api/v1/users/me/totp/confirm; with a wrong code", 422, wrong).await;
    let confirm = app.post("/users/me/totp/confirm").by(&kim).json(&json!({"otp": shown()}));
    let codes = costs.of("POST /api/v1/users/me/totp/confirm", 200, confirm).await;
    let token = |otp: Option<&str>| {
        let form = [("username", "kim"), ("password", PASSWORD), ("otp", otp.unwrap_or_default())];
        app.post("/token").form(&form)
    };
    costs.of("POST /api/v1/token; without the code of the second factor", 401, token(None)).await;
    costs.of("POST /api/v1/token; with a wrong code", 401, token(Some("000000"))).await;
    app.pass(SignedDuration::from_secs(30));
    let signed_in = costs.of("POST /api/v1/token; with a code", 200, token(Some(&shown()))).await;
    costs.of("POST /api/v1/token; with a recovery code", 200, token(Some(&codes.text("/recovery_codes/0")))).await;
    let token = signed_in.text("/access_token");
    costs.of("GET /api/v1/users/me/totp", 200, app.get("/users/me/totp").bearer(&token)).await;
    let lou = app.user("lou").await;
    let begun = app.post("/users/me/totp").by(&lou).send().await;
    let of_lou = Totp::from_url(begun.text("/uri")).unwrap();
    let code = of_lou.generate(u64::try_from(app.now().as_second()).unwrap()).to_string();
    app.post("/users/me/totp/confirm").by(&lou).json(&json!({"otp": code})).send().await;
    let removed = app.delete(&format!("/users/{}/totp", lou.id)).by(admin);
    costs.of("DELETE /api/v1/users/{user_id}/totp", 204, removed).await;
    let wrong = app.post("/users/me/totp/disable").bearer(&token).json(&json!({"otp": "000000"}));
    costs.of("POST /api/v1/users/me/totp/disable; with a wrong code", 422, wrong).await;
    for (flow, path, status) in [
        ("POST /api/v1/users/me/totp/recovery-codes", "/users/me/totp/recovery-codes", 200),
        ("POST /api/v1/users/me/totp/disable", "/users/me/totp/disable", 204),
    ] {
        app.pass(SignedDuration::from_secs(30));
        let proof = json!({"otp": shown()});
        costs.of(flow, status, app.post(path).bearer(&token).json(&proof)).await;
    }
}

async fn mailed_links(costs: &mut Costs<'_>, bob: &Account) {
    let app = costs.app;
    costs.of("POST /api/v1/verify-email/request", 202, app.post("/verify-email/request").by(bob)).await;
    let link = app.mailed_link(Purpose::VerifyEmail, bob).await;
    costs.of("GET /api/v1/verify-email", 200, app.get(&link)).await;
    costs.of("POST /api/v1/verify-email", 200, app.post(&link)).await;
    costs.of("POST /api/v1/verify-email; used", 400, app.post(&link)).await;
    costs.of("GET /api/v1/login", 200, app.get("/login")).await;
    costs.of("GET /api/v1/forgot-password", 200, app.get("/forgot-password")).await;
    let forgot = |email: &str| app.post("/forgot-password").json(&json!({"email": email}));
    costs.of("POST /api/v1/forgot-password", 202, forgot(&bob.email)).await;
    costs.of("POST /api/v1/forgot-password; unknown", 202, forgot("nobody@example.com")).await;
    let link = app.mailed_link(Purpose::ResetPassword, bob).await;
    let reset = |path: &str| app.post(path).json(&json!({"password": "Passw0rd2"}));
    costs.of("GET /api/v1/reset-password", 200, app.get(&link)).await;
    costs.of("POST /api/v1/reset-password", 200, reset(&link)).await;
    costs.of("POST /api/v1/reset-password; used", 400, reset(&link)).await;
    costs.of("POST /api/v1/reset-password; forged", 400, reset("/reset-password?token=forged")).await;
}

async fn accounts(costs: &mut Costs<'_>, admin: &Account, ann: &Account) {
    let app = costs.app;
    let own = format!("/users/{}", ann.id);
    let patch = |body: Value| app.patch("/users/me").by(ann).json(&body);
    // While there are few events: many would make what a shard costs depend on which of them it has.
    costs.of("GET /api/v1/audit-events", 200, app.get("/audit-events").by(admin)).await;
    let of_user = app.get(&format!("/audit-events?user_id={}", ann.id)).by(admin);
    costs.of("GET /api/v1/audit-events; of one account", 200, of_user).await;
    costs.of("GET /api/v1/users", 200, app.get("/users").by(admin)).await;
    costs.of("GET /api/v1/users; not an admin", 403, app.get("/users").by(ann)).await;
    costs.of("GET /api/v1/users/{user_id}", 200, app.get(&own).by(ann)).await;
    costs.of("GET /api/v1/users/{user_id}; by an admin", 200, app.get(&own).by(admin)).await;
    costs.of("PATCH /api/v1/users/me", 200, patch(json!({"full_name": "Ann"}))).await;
    costs.of("PATCH /api/v1/users/me; to the same", 200, patch(json!({"full_name": "Ann"}))).await;
    costs.of("PATCH /api/v1/users/me; another username", 200, patch(json!({"username": "anna"}))).await;
    costs.of("PATCH /api/v1/users/me; another address", 200, patch(json!({"email": "anna@example.com"}))).await;
    costs.of("GET /api/v1/me", 200, app.get("/me").by(ann)).await;
    costs.of("GET /api/v1/protected", 200, app.get("/protected").by(ann)).await;
    let by_admin = |body: Value| app.patch(&own).by(admin).json(&body);
    costs.of("PATCH /api/v1/users/{user_id}", 200, by_admin(json!({"full_name": "Anna"}))).await;
    let scopes = json!({"scopes": ["users:read", "users:write", "items:read", "items:write", "notifications:send"]});
    costs.of("PATCH /api/v1/users/{user_id}; scopes", 200, by_admin(scopes)).await;
    let eve = app.user("eve").await;
    let change = |current: &str| json!({"current_password": current, "new_password": "An0therPassword"});
    let change = |current: &str| app.put("/users/me/password").by(&eve).json(&change(current));
    costs.of("PUT /api/v1/users/me/password; wrong password", 422, change("Wr0ngPassword")).await;
    costs.of("PUT /api/v1/users/me/password", 204, change(PASSWORD)).await;
    let cleo = app.user("cleo").await;
    let path = format!("/users/{}", cleo.id);
    let whole = json!({"email": cleo.email, "username": "cleo", "full_name": "Cleo", "password": PASSWORD});
    costs.of("PUT /api/v1/users/{user_id}", 200, app.put(&path).by(admin).json(&whole)).await;
    let inactive = json!({"is_active": false});
    costs.of("PATCH /api/v1/users/{user_id}; deactivation", 200, app.patch(&path).by(admin).json(&inactive)).await;
    costs.of("GET /api/v1/users/me; deactivated", 401, app.get("/users/me").by(&cleo)).await;
    let sign_in = app.post("/token").form(&[("username", "cleo"), ("password", PASSWORD)]);
    costs.of("POST /api/v1/token; inactive", 401, sign_in).await;
    costs.of("DELETE /api/v1/users/{user_id}", 204, app.delete(&path).by(admin)).await;
    let dora = app.user("dora").await;
    costs.of("DELETE /api/v1/users/me", 204, app.delete("/users/me").by(&dora)).await;
}

async fn signing_keys(costs: &mut Costs<'_>, admin: &Account, ann: &Account) {
    let app = costs.app;
    costs.of("GET /.well-known/jwks.json", 200, app.get("//.well-known/jwks.json")).await;
    let rotate = || app.post("/signing-keys/rotate").by(admin);
    costs.of("POST /api/v1/signing-keys/rotate", 200, rotate()).await;
    costs.of("POST /api/v1/signing-keys/rotate; while one is under way", 409, rotate()).await;
    let of_nobody = Signer::new(
        SigningKeys::new(&"a secret of somebody else".into()).key(1).unwrap(),
        ISSUER.to_owned(),
        Random::system(),
    );
    let session = SessionRef { id: Uuid::nil(), epoch: 0 };
    let user_id = Uuid::parse_str(&ann.id).unwrap();
    let token = of_nobody.mint(user_id, session, &Scopes::of_new_user(), app.now()).unwrap();
    let me = || app.get("/users/me").bearer(&token);
    costs.of("GET /api/v1/users/me; a token that names a key which nobody has published", 401, me()).await;
    costs.of("GET /api/v1/users/me; the same again", 401, me()).await;
    app.pass(SignedDuration::from_mins(5));
    costs
        .of("GET /api/v1/users/me; after five minutes, when keys are read again", 200, app.get("/users/me").by(ann))
        .await;
    let signed_in = app.post("/token").form(&[("username", "anna"), ("password", PASSWORD)]);
    costs.of("POST /api/v1/token; after five minutes, when keys are read again", 200, signed_in).await;
}

async fn items(costs: &mut Costs<'_>, ann: &Account) {
    let app = costs.app;
    let new = json!({"name": "blue widget", "price": 1, "tags": ["one"]});
    let created = costs.of("POST /api/v1/items", 201, app.post("/items").by(ann).json(&new)).await;
    let path = format!("/items/{}", created.text("/id"));
    costs.of("GET /api/v1/items/{item_id}", 200, app.get(&path)).await;
    costs.of("GET /api/v1/items", 200, app.get("/items")).await;
    costs.of("GET /api/v1/items; by word", 200, app.get("/items?q=widget")).await;
    costs.of("GET /api/v1/items; nothing found", 200, app.get("/items?q=nothing")).await;
    let patch = |body: Value| app.patch(&path).by(ann).json(&body);
    costs.of("PATCH /api/v1/items/{item_id}", 200, patch(json!({"price": 2}))).await;
    costs
        .of(
            "PATCH /api/v1/items/{item_id}; another word and tag",
            200,
            patch(json!({"name": "red widget", "tags": []})),
        )
        .await;
    costs.of("PUT /api/v1/items/{item_id}", 200, app.put(&path).by(ann).json(&new)).await;
    costs.of("DELETE /api/v1/items/{item_id}", 204, app.delete(&path).by(ann)).await;
}

async fn background_work(costs: &mut Costs<'_>, admin: &Account, ann: &Account) {
    let app = costs.app;
    let mail = json!({"email": "eve@example.com", "message": "Hello"});
    let ask = |path: &str| app.post(path).by(admin).json(&mail);
    let job = costs.of("POST /api/v1/notifications", 202, ask("/notifications")).await;
    costs.of("POST /api/v1/send-notification", 202, ask("/send-notification")).await;
    let notify = app.post(&format!("/users/{}/notify", ann.id)).by(admin);
    costs.of("POST /api/v1/users/{user_id}/notify", 202, notify).await;
    let path = format!("/jobs/{}", job.text("/id"));
    costs.of("GET /api/v1/jobs/{job_id}", 200, app.get(&path).by(admin)).await;
    costs.of("GET /api/v1/jobs", 200, app.get("/jobs").by(admin)).await;
    costs.of("DELETE /api/v1/jobs/{job_id}", 200, app.delete(&path).by(admin)).await;
    for (flow, path) in [("{job_id}/retry", format!("{path}/retry")), ("retry", "/jobs/retry".to_owned())] {
        let stored = app.jobs.find(Uuid::parse_str(&job.text("/id")).unwrap(), app.now()).await.unwrap().unwrap();
        let failed = stored.finished(JobState::Failed, Some("the cause".to_owned()), app.now());
        app.jobs.update(&stored, &failed, None).await.unwrap();
        costs.of(&format!("POST /api/v1/jobs/{flow}"), 202, app.post(&path).by(admin)).await;
    }
    costs.of("GET /api/v1/suppressions/{email}", 404, app.get("/suppressions/eve@example.com").by(admin)).await;
    let token = app.links.unsubscribe(&Email::parse("eve@example.com").unwrap());
    let unsubscribe = format!("/unsubscribe?token={token}");
    costs.of("GET /api/v1/unsubscribe", 200, app.get(&unsubscribe)).await;
    costs.of("POST /api/v1/unsubscribe", 200, app.post(&unsubscribe)).await;
    let lift = app.delete("/suppressions/eve@example.com").by(admin);
    costs.of("DELETE /api/v1/suppressions/{email}", 204, lift).await;
    costs.of("GET /api/v1/webhooks/secret", 200, app.get("/webhooks/secret").by(ann)).await;
}
