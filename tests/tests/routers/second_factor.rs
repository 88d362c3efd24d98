//! The second factor.

use jiff::SignedDuration;
use serde_json::{Value, json};
use tests::app::{App, PASSWORD};
use tests::client::{Account, Answer};
use totp_rs::{Secret, Totp};

const PATH: &str = "/users/me/totp";

/// Somebody with a second factor.
struct Protected {
    account: Account,
    device: Totp,
    secret: String,
    recovery_codes: Vec<String>,
}

impl Protected {
    async fn begin(app: &App, name: &str) -> (Account, Totp, String) {
        let account = app.user(name).await;
        let begun = app.post(PATH).by(&account).send().await;
        assert_eq!((begun.status, begun.header("cache-control")), (200, Some("no-store")), "{begun:?}");
        let (uri, secret) = (begun.text("/uri"), begun.text("/secret"));
        assert!(uri.contains(&format!("secret={secret}&")), "both forms say the same");
        (account, Totp::from_url(uri).unwrap(), secret)
    }

    async fn set_up(app: &App, name: &str) -> Self {
        let (account, device, secret) = Self::begin(app, name).await;
        let confirmed = post(app, &account, "/confirm", &shown(&device, app, 0)).await;
        assert_eq!((confirmed.status, confirmed.header("cache-control")), (200, Some("no-store")), "{confirmed:?}");
        let codes = confirmed.body["recovery_codes"].as_array().unwrap().iter();
        let recovery_codes = codes.map(|code| code.as_str().unwrap().to_owned()).collect();
        // The step of the confirmation is used, and then that of the sign-in.
        app.pass(SignedDuration::from_secs(30));
        let signed_in = sign_in(app, name, Some(&shown(&device, app, 0))).await;
        assert_eq!(signed_in.status, 200, "{signed_in:?}");
        let account = Account { token: signed_in.text("/access_token"), ..account };
        app.pass(SignedDuration::from_secs(30));
        Self { account, device, secret, recovery_codes }
    }

    fn shown(&self, app: &App, steps: i64) -> String {
        shown(&self.device, app, steps)
    }

    /// Whether a sign-in with this code passes.
    async fn passes(&self, app: &App, code: &str) -> bool {
        let answer = sign_in(app, &self.account.username, Some(code)).await;
        assert!(matches!(answer.status, 200 | 401), "{answer:?}");
        answer.status == 200
    }
}

async fn sign_in(app: &App, name: &str, otp: Option<&str>) -> Answer {
    let form = [("username", name), ("password", PASSWORD), ("otp", otp.unwrap_or_default())];
    let sent = if otp.is_some() { form.as_slice() } else { &form[..2] };
    app.post("/token").form(sent).send().await
}

/// What a device shows so many steps from now.
fn shown(device: &Totp, app: &App, steps: i64) -> String {
    let second = app.now().as_second() + 30 * steps;
    device.generate(u64::try_from(second).unwrap()).to_string()
}

async fn post(app: &App, account: &Account, path: &str, otp: &str) -> Answer {
    app.post(&format!("{PATH}{path}")).by(account).json(&json!({"otp": otp})).send().await
}

async fn state(app: &App, account: &Account) -> Value {
    app.get(PATH).by(account).send().await.body
}

#[tokio::test]
async fn a_second_factor_is_set_up_once_a_code_confirms_it() {
    let app = App::start().await;
    let (ann, device, _) = Protected::begin(&app, "ann").await;
    assert_eq!((device.account_name(), device.issuer()), ("ann", Some("tests")));
    let nothing = json!({"enabled": false, "recovery_codes_left": 0});
    assert_eq!(state(&app, &ann).await, nothing);
    let code = shown(&device, &app, 0);
    let wrong = post(&app, &ann, "/confirm", &shown(&device, &app, 5)).await;
    assert_eq!((wrong.status, wrong.faults()), (422, vec!["value_error body.otp".to_owned()]));
    assert_eq!(wrong.body["detail"][0]["input"], "**********");
    assert_eq!(state(&app, &ann).await, nothing);
    let confirmed = post(&app, &ann, "/confirm", &code).await;
    assert_eq!((confirmed.status, confirmed.body["recovery_codes"].as_array().unwrap().len()), (200, 10));
    assert_eq!(app.get(PATH).by(&ann).send().await.status, 401, "all sessions end");
    app.pass(SignedDuration::from_secs(30));
    let signed_in = sign_in(&app, "ann", Some(&shown(&device, &app, 0))).await;
    let ann = Account { token: signed_in.text("/access_token"), ..ann };
    assert_eq!(state(&app, &ann).await, json!({"enabled": true, "recovery_codes_left": 10}));
    assert_eq!(app.post(PATH).by(&ann).send().await.status, 409, "there is one already");
    assert_eq!(post(&app, &ann, "/confirm", &code).await.status, 409);
}

#[tokio::test]
async fn a_set_up_waits_a_quarter_of_an_hour_and_the_last_one_counts() {
    let app = App::start().await;
    let (ann, first, _) = Protected::begin(&app, "ann").await;
    let again = app.post(PATH).by(&ann).send().await;
    assert_eq!(again.status, 200);
    assert_eq!(post(&app, &ann, "/confirm", &shown(&first, &app, 0)).await.status, 422);
    app.pass(SignedDuration::from_mins(15));
    let second = Totp::from_url(again.text("/uri")).unwrap();
    assert_eq!(post(&app, &ann, "/confirm", &shown(&second, &app, 0)).await.status, 409);
    let bob = app.user("bob").await;
    assert_eq!(post(&app, &bob, "/confirm", "123456").await.status, 409, "nothing was begun");
    for path in ["/disable", "/recovery-codes"] {
        assert_eq!(post(&app, &bob, path, "123456").await.status, 409, "{path}");
    }
}

#[tokio::test]
async fn a_code_is_good_once_and_none_before_it_is_afterwards() {
    let app = App::start().await;
    let ann = Protected::set_up(&app, "ann").await;
    assert!(!ann.passes(&app, &ann.shown(&app, -1)).await, "it was used to sign in");
    let code = ann.shown(&app, 0);
    assert!(ann.passes(&app, &code).await);
    assert!(!ann.passes(&app, &code).await);
    assert!(ann.passes(&app, &ann.shown(&app, 1)).await, "a clock may be fast");
    app.pass(SignedDuration::from_secs(30));
    assert!(!ann.passes(&app, &ann.shown(&app, 0)).await, "it was used in advance");
    app.pass(SignedDuration::from_secs(90));
    assert!(ann.passes(&app, &ann.shown(&app, -1)).await, "or slow");
    for steps in [-2, 2] {
        assert!(!ann.passes(&app, &ann.shown(&app, steps)).await, "{steps}");
    }
}

#[tokio::test]
async fn a_sign_in_takes_the_second_factor_besides_the_password() {
    let app = App::start().await;
    let ann = Protected::set_up(&app, "ann").await;
    let without = sign_in(&app, "ann", None).await;
    let challenge = r#"Bearer error="second_factor_required""#;
    assert_eq!((without.status, without.header("www-authenticate")), (401, Some(challenge)));
    let code = ann.shown(&app, 0);
    let form = [("username", "ann"), ("password", "Wrong0000"), ("otp", code.as_str())];
    let wrong = app.post("/token").form(&form).send().await;
    assert_eq!((wrong.status, wrong.text("/detail")), (401, "Incorrect username or password".to_owned()));
    for (otp, status) in
        [("000000", 401), (&code, 200), (&code, 401), (&ann.recovery_codes[0], 200), (&ann.recovery_codes[0], 401)]
    {
        assert_eq!(sign_in(&app, "ann", Some(otp)).await.status, status, "{otp}");
    }
    app.pass(SignedDuration::from_secs(30));
    let code = ann.shown(&app, 0);
    let racing = (0..4).map(|_| sign_in(&app, "ann", Some(&code)));
    let statuses: Vec<_> = futures_util::future::join_all(racing).await.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
}

#[tokio::test]
async fn who_knows_the_password_does_not_guess_codes_at_sign_in_for_long() {
    let app = App::start_with(&[("STRICT_LIMITS", "true"), ("RATE_LIMITS", "sign-in=100/60")]).await;
    let ann = Protected::set_up(&app, "ann").await;
    let guesses = (0..15).map(|_| sign_in(&app, "ann", Some("000000")));
    let statuses: Vec<_> = futures_util::future::join_all(guesses).await.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 401).count(), 10, "{statuses:?}");
    assert_eq!(sign_in(&app, "ann", Some(&ann.shown(&app, 0))).await.status, 429);
}

#[tokio::test]
async fn of_many_who_send_one_code_at_once_one_passes() {
    let app = App::start().await;
    let ann = Protected::set_up(&app, "ann").await;
    let codes = [ann.shown(&app, 0), ann.recovery_codes[0].clone()];
    for code in &codes {
        let racing = (0..6).map(|_| ann.passes(&app, code));
        let passed = futures_util::future::join_all(racing).await;
        assert_eq!(passed.into_iter().filter(|passed| *passed).count(), 1, "{code}");
    }
}

#[tokio::test]
async fn a_recovery_code_is_good_once_and_belongs_to_its_user() {
    let app = App::start().await;
    let (ann, bob) = (Protected::set_up(&app, "ann").await, Protected::set_up(&app, "bob").await);
    let [first, second, ..] = ann.recovery_codes.as_slice() else { panic!("recovery codes") };
    assert!(!bob.passes(&app, first).await);
    assert!(ann.passes(&app, first).await);
    assert!(!ann.passes(&app, first).await);
    assert!(ann.passes(&app, &second.to_lowercase().replace('-', " ")).await);
    assert_eq!(state(&app, &ann.account).await, json!({"enabled": true, "recovery_codes_left": 8}));
    for code in &ann.recovery_codes[2..] {
        assert!(ann.passes(&app, code).await);
    }
    assert_eq!(state(&app, &ann.account).await, json!({"enabled": true, "recovery_codes_left": 0}));
}

#[tokio::test]
async fn new_recovery_codes_take_the_place_of_the_old_ones() {
    let app = App::start().await;
    let ann = Protected::set_up(&app, "ann").await;
    assert_eq!(post(&app, &ann.account, "/recovery-codes", "000000").await.status, 422);
    let code = ann.shown(&app, 0);
    let renewed = post(&app, &ann.account, "/recovery-codes", &code).await;
    assert_eq!((renewed.status, renewed.header("cache-control")), (200, Some("no-store")));
    assert!(!ann.passes(&app, &code).await, "the code is used");
    assert!(!ann.passes(&app, &ann.recovery_codes[0]).await);
    let new = renewed.text("/recovery_codes/0");
    assert_eq!(post(&app, &ann.account, "/recovery-codes", &new).await.status, 200, "a recovery code will do");
    assert!(!ann.passes(&app, &renewed.text("/recovery_codes/1")).await);
}

#[tokio::test]
async fn a_second_factor_is_removed_with_a_code_of_it() {
    let app = App::start().await;
    let (ann, bob) = (Protected::set_up(&app, "ann").await, Protected::set_up(&app, "bob").await);
    for wrong in ["000000", "not a code", &ann.shown(&app, 9), &bob.shown(&app, 0), &bob.recovery_codes[0]] {
        assert_eq!(post(&app, &ann.account, "/disable", wrong).await.status, 422, "{wrong}");
    }
    assert_eq!(post(&app, &ann.account, "/disable", &ann.shown(&app, 0)).await.status, 204);
    assert_eq!(app.get(PATH).by(&ann.account).send().await.status, 401, "all sessions end");
    let account = app.sign_in("ann", PASSWORD).await;
    assert_eq!(state(&app, &account).await, json!({"enabled": false, "recovery_codes_left": 0}));
    assert_eq!(
        post(&app, &bob.account, "/disable", &bob.recovery_codes[0]).await.status,
        204,
        "a recovery code will do"
    );
    assert_eq!(app.post(PATH).by(&account).send().await.status, 200, "another can be set up");
}

#[tokio::test]
async fn who_guesses_codes_has_to_wait_and_the_right_one_is_then_refused_too() {
    let app = App::start_with(&[("STRICT_LIMITS", "true")]).await;
    let ann = Protected::set_up(&app, "ann").await;
    let guesses = (0..15).map(|_| post(&app, &ann.account, "/disable", "000000"));
    let statuses: Vec<_> = futures_util::future::join_all(guesses).await.iter().map(|answer| answer.status).collect();
    let judged = statuses.iter().filter(|status| **status == 422).count();
    assert_eq!((judged, statuses.iter().filter(|status| **status == 429).count()), (10, 5), "{statuses:?}");
    let locked = post(&app, &ann.account, "/disable", &ann.shown(&app, 0)).await;
    assert_eq!((locked.status, locked.header("retry-after").is_some()), (429, true));
    app.pass(SignedDuration::from_secs(31));
    assert_eq!(post(&app, &ann.account, "/recovery-codes", &ann.shown(&app, 0)).await.status, 200);
    let next = post(&app, &ann.account, "/disable", "000000").await;
    assert_eq!(next.status, 422, "who has shown a right code begins anew");
}

#[tokio::test]
async fn who_has_lost_device_and_codes_is_helped_by_an_admin() {
    let app = App::start().await;
    let (ann, admin, bob) = (Protected::set_up(&app, "ann").await, app.admin().await, app.user("bob").await);
    let path = format!("/users/{}/totp", ann.account.id);
    assert_eq!(app.delete(&path).by(&bob).send().await.status, 403);
    assert_eq!(app.delete(&path).by(&admin).send().await.status, 204);
    assert_eq!(app.get(PATH).by(&ann.account).send().await.status, 401, "all sessions end");
    assert_eq!(sign_in(&app, "ann", None).await.status, 200);
    assert_eq!(app.delete(&path).by(&admin).send().await.status, 409, "there is none any more");
    let events = app.events_of(&ann.account.id).await;
    let is_on_record =
        |(action, actor, _): &(String, String, String)| action == "second_factor_disabled" && *actor == admin.id;
    assert!(events.iter().any(is_on_record), "{events:?}");
}

#[tokio::test]
async fn the_right_password_is_no_failure_while_codes_have_to_wait() {
    let app = App::start_with(&[("STRICT_LIMITS", "true")]).await;
    let ann = Protected::set_up(&app, "ann").await;
    for _ in 0..10 {
        assert_eq!(post(&app, &ann.account, "/disable", "000000").await.status, 422);
    }
    for _ in 0..12 {
        assert_eq!(sign_in(&app, "ann", Some("000000")).await.status, 429, "the codes wait");
    }
    app.pass(SignedDuration::from_secs(31));
    assert_eq!(sign_in(&app, "ann", Some(&ann.shown(&app, 0))).await.status, 200, "and the name does not");
}

#[tokio::test]
async fn to_show_the_password_forgives_no_wrong_codes() {
    let app = App::start_with(&[("STRICT_LIMITS", "true")]).await;
    let ann = Protected::set_up(&app, "ann").await;
    for _ in 0..10 {
        assert_eq!(post(&app, &ann.account, "/disable", "000000").await.status, 422);
    }
    assert_eq!(sign_in(&app, "ann", None).await.status, 401, "the password is right, and a code is asked for");
    assert_eq!(sign_in(&app, "ann", Some(&ann.shown(&app, 0))).await.status, 429);
    assert_eq!(post(&app, &ann.account, "/disable", &ann.shown(&app, 0)).await.status, 429);
}

#[tokio::test]
async fn whoever_knows_the_password_and_not_the_code_leaves_a_trace() {
    let app = App::start().await;
    let ann = Protected::set_up(&app, "ann").await;
    assert_eq!(sign_in(&app, "ann", None).await.status, 401);
    assert_eq!(sign_in(&app, "ann", Some("000000")).await.status, 401);
    for path in ["/disable", "/recovery-codes"] {
        assert_eq!(post(&app, &ann.account, path, "000000").await.status, 422);
    }
    let admin = app.admin().await;
    let events = app.get("/audit-events?action=sign_in_refused&limit=100").by(&admin).send().await;
    let mut details: Vec<_> = events.body.as_array().unwrap().iter().map(|event| event["detail"].as_str()).collect();
    details.sort_unstable();
    assert_eq!(details, [Some("code"), Some("code"), Some("right password"), Some("right password")]);
}

#[tokio::test]
async fn the_table_tells_no_secret_and_the_trail_says_what_happened() {
    let app = App::start().await;
    let (_, _, waiting) = Protected::begin(&app, "bob").await;
    let ann = Protected::set_up(&app, "ann").await;
    let stored = app.bytes_of("CredentialsTable").await;
    let holds = |wanted: &[u8]| stored.windows(wanted.len()).any(|window| window == wanted);
    assert!(holds(ann.account.id.as_bytes()), "what is there is found");
    for secret in [&waiting, &ann.secret] {
        let bytes = Secret::try_from_base32(secret).unwrap();
        assert!(!holds(secret.as_bytes()) && !holds(bytes.as_bytes()));
    }
    for code in &ann.recovery_codes {
        assert!(!holds(code.as_bytes()) && !holds(code.replace('-', "").as_bytes()));
    }
    post(&app, &ann.account, "/disable", &ann.shown(&app, 0)).await;
    let trail = app.client.scan().table_name("AuditTable").send().await.unwrap();
    let mut actions: Vec<_> = trail.items().iter().map(|row| row["action"].as_s().unwrap().as_str()).collect();
    actions.retain(|action| action.starts_with("second_factor"));
    actions.sort_unstable();
    assert_eq!(actions, ["second_factor_disabled", "second_factor_enabled"]);
}
