//! All routers in one process, with a clock that tests can set.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use auth::{AuthState, FirstAdminAccess, Signing};
use axum::body::Body;
use axum::http::Request;
use items::ItemsState;
use jiff::{SignedDuration, Timestamp};
use jobs::JobsState;
use local::{EmbeddedAws, Faults, Template};
use peregrine_core::api_key::ApiKeyTexts;
use peregrine_core::aws::{AwsSettings, SdkConfig};
use peregrine_core::clock::Clock;
use peregrine_core::email::Email;
use peregrine_core::limit::Limits;
use peregrine_core::mail::links::MailLinks;
use peregrine_core::one_time::{OneTimeToken, Purpose};
use peregrine_core::outbound::OutboundRules;
use peregrine_core::page::Cursors;
use peregrine_core::password::PasswordHasher;
use peregrine_core::queue::Queues;
use peregrine_core::random::Random;
use peregrine_core::session::RefreshTokens;
use peregrine_core::settings::Environment;
use peregrine_core::table::{
    ApiKeys, Attempts, Audit, Client, Credentials, ItemTables, Items, Jobs, Keys, OneTimeTokens, RateLimiter,
    SecondFactors, Sessions, Suppressions, Users,
};
use peregrine_core::token::{SigningKeys, Verifier};
use peregrine_core::totp::SecondFactorKeys;
use peregrine_core::user::FirstAdmin;
use peregrine_core::webhook::WebhookSecrets;
use peregrine_http::caller::Authenticator;
use peregrine_http::edge::Edge;
use peregrine_http::idempotency::Idempotency;
use peregrine_http::promise::Promises;
use peregrine_http::service::Service;
use secrecy::ExposeSecret as _;
use serde_json::json;
use users::UsersState;

use crate::calls::Calls;
use crate::client::{Account, Answer, Call};
use crate::gateway::{Gateway, as_function};

/// The email of the first administrator in tests.
pub const ADMIN_EMAIL: &str = "root@example.com";
/// The password of the first administrator in tests.
pub const ADMIN_PASSWORD: &str = "first-admin-password";
/// A password that everybody in tests has.
pub const PASSWORD: &str = "Passw0rd1";
/// The hash of [`PASSWORD`] with less memory and one pass.
pub const OUTDATED_HASH: &str =
    "$argon2id$v=19$m=8192,t=1,p=1$c2l4dGVlbiBieXRlcy4uLg$g1PHPJJ6A3bmn60zhctrokAFwX5DItyjpumye5bVXAo";
/// What `WWW-Authenticate` says to who signed in too long ago for what they ask (RFC 9470).
pub const TOO_LONG_AGO: &str = r#"Bearer error="insufficient_user_authentication", max_age="900""#;
/// What is said of a link that is good no more.
pub const LINK_GONE: &str = "This link is not valid any more: it has been used, or a newer one has taken its place";
/// Who issues tokens in tests.
pub const ISSUER: &str = "tests";
/// What all keys and secrets are derived from in tests.
pub const SECRET: &str = "a secret of more than thirty-two characters";

/// The bundle without Lambda: every function's router, on tables of its own.
pub struct App {
    gateway: Gateway,
    /// Makes the links in mails.
    pub links: MailLinks,
    /// What the links in mails hold that are good for one use.
    pub one_time_tokens: OneTimeTokens,
    /// A client of the tables.
    pub client: Client,
    /// The jobs that the functions have promised.
    pub jobs: Jobs,
    /// The calls that the functions make of AWS.
    pub calls: Calls,
    /// How AWS is reached, with the calls recorded.
    pub(crate) config: SdkConfig,
    pub(crate) clock: Clock,
    passed: Arc<AtomicI64>,
    // Ends the tables when the test ends.
    aws: EmbeddedAws,
}

impl App {
    /// Starts with empty tables, and rate limits that no test meets.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// Starts with empty tables and with settings, as they stand in a function's environment.
    #[expect(clippy::too_many_lines, reason = "what every function is given, side by side")]
    pub async fn start_with(settings: &[(&'static str, &'static str)]) -> Self {
        let settings: HashMap<_, _> = [("STRICT_LIMITS", "false")].iter().chain(settings).copied().collect();
        let mut environment = Environment::from_fn(move |name| settings.get(name).map(|value| (*value).to_owned()));
        let template = Template::load(workspace().join("template.yaml")).expect("the template is sound");
        let aws = EmbeddedAws::start(&template).expect("the embedded AWS parts start");
        let calls = Calls::default();
        let config = calls.recorded(&as_function(AwsSettings::at(aws.url()).sdk_config()));
        let (client, sqs) = (Client::new(&config), aws_sdk_sqs::Client::new(&config));
        let queue = |name: &str| format!("{}/000000000000/{name}", aws.url());
        let queues = Queues::new(sqs, queue("EmailQueue"), queue("WebhookQueue"));
        let jobs = Jobs::new(client.clone(), "JobsTable".to_owned(), queues);
        let (clock, passed) = clock();
        let random = Random::system();

        let limits = Limits::from_env(&mut environment);
        let strict = environment.parsed("STRICT_LIMITS").unwrap_or(true);
        let attempts = Attempts::new(client.clone(), "RateLimitsTable".to_owned(), strict);
        let audit = Audit::new(client.clone(), "AuditTable".to_owned());
        let edge = Edge::from_env(&mut environment, clock.clone());
        let outbound = OutboundRules::from_env(&mut environment).https_only();
        environment.finish().expect("the settings are sound");
        let limiter = RateLimiter::new(client.clone(), "RateLimitsTable".to_owned(), limits, clock.clone());

        let users = Users::new(client.clone(), "UsersTable".to_owned());
        let keys = Keys::new(client.clone(), "KeysTable".to_owned());
        let secret = SigningKeys::new(&SECRET.into());
        let signing = Signing::start(keys.clone(), secret, ISSUER.to_owned(), random.clone(), clock.now());
        let signing = signing.await.expect("the key is published");
        let second_factor_keys = SecondFactorKeys::new(&SECRET.into(), random.clone());
        let second_factors = SecondFactors::new(client.clone(), "CredentialsTable".to_owned(), second_factor_keys);
        let api_keys = ApiKeys::new(client.clone(), "CredentialsTable".to_owned());
        let api_key_texts = ApiKeyTexts::new(&SECRET.into());
        let authenticator = Authenticator::new(
            (Verifier::new(ISSUER), keys),
            (api_key_texts.clone(), api_keys.clone()),
            users.clone(),
            limiter.clone(),
            clock.clone(),
        );
        let email = Email::parse(ADMIN_EMAIL).expect("an email");
        let cursors = Arc::new(Cursors::new(&SECRET.into()));
        let idempotency =
            Idempotency::new("IdempotencyTable".to_owned(), &SECRET.into(), clock.clone(), random.clone());
        let promises = Promises::new(jobs.clone(), idempotency.clone());
        let tables = ItemTables { items: "ItemsTable".to_owned(), terms: "ItemTermsTable".to_owned() };
        let links = MailLinks::new(&SECRET.into());
        let one_time_tokens = OneTimeTokens::new(client.clone(), "OneTimeTokensTable".to_owned());
        let auth_state = AuthState {
            users: users.clone(),
            signing,
            sessions: Sessions::new(client.clone(), "CredentialsTable".to_owned()),
            refresh_tokens: RefreshTokens::new(&SECRET.into()),
            api_keys,
            api_key_texts,
            second_factors,
            issuer: ISSUER.to_owned(),
            attempts: attempts.clone(),
            audit: audit.clone(),
            jobs: jobs.clone(),
            cursors: Arc::clone(&cursors),
            authenticator: authenticator.clone(),
            passwords: PasswordHasher::new(random.clone()),
            first_admin: FirstAdminAccess::new(email.clone(), ADMIN_PASSWORD.into()),
            one_time_tokens: one_time_tokens.clone(),
            promises: promises.clone(),
            idempotency: idempotency.clone(),
            limiter: limiter.clone(),
            clock: clock.clone(),
            random: random.clone(),
        };
        let jobs_state = JobsState {
            jobs: jobs.clone(),
            promises: promises.clone(),
            suppressions: Suppressions::new(client.clone(), "SuppressionTable".to_owned()),
            links: links.clone(),
            outbound,
            webhook_secrets: WebhookSecrets::new(&SECRET.into()),
            authenticator: authenticator.clone(),
            cursors: Arc::clone(&cursors),
            limiter: limiter.clone(),
            clock: clock.clone(),
            random: random.clone(),
        };
        let users_state = UsersState {
            users,
            credentials: Credentials::new(client.clone(), "CredentialsTable".to_owned()),
            one_time_tokens: one_time_tokens.clone(),
            jobs: jobs.clone(),
            audit,
            attempts,
            promises,
            authenticator: authenticator.clone(),
            passwords: PasswordHasher::new(random.clone()),
            first_admin: FirstAdmin::new(email),
            cursors: Arc::clone(&cursors),
            limiter: limiter.clone(),
            idempotency: idempotency.clone(),
            clock: clock.clone(),
            random: random.clone(),
        };
        let items_state = ItemsState {
            items: Items::new(client.clone(), tables),
            authenticator,
            cursors,
            limiter,
            idempotency,
            clock: clock.clone(),
            random,
        };
        let router = meta::routes()
            .merge(auth::routes().with_state(auth_state))
            .merge(jobs::routes().with_state(jobs_state))
            .merge(users::routes().with_state(users_state))
            .merge(items::routes().with_state(items_state));
        Self {
            gateway: Gateway {
                service: Service::new(router.into(), edge),
                template: Arc::new(template),
                faults: aws.faults().clone(),
            },
            links,
            one_time_tokens,
            client,
            jobs,
            calls,
            config,
            clock,
            passed,
            aws,
        }
    }

    /// How many single sessions of a user are remembered as ended.
    pub async fn ended_sessions(&self, user_id: &str) -> usize {
        let user = self.users().find(user_id.parse().expect("an id")).await.expect("the table answers");
        user.expect("there is such a user").ended_sessions.len()
    }

    /// The time by the clock of the functions.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The path, below `/api/v1`, that the link of a mail leads to which the email worker has sent to this account.
    pub async fn mailed_link(&self, purpose: Purpose, account: &Account) -> String {
        self.mailed_link_to(purpose, account, &account.email).await
    }

    /// The same, sent to this address.
    pub async fn mailed_link_to(&self, purpose: Purpose, account: &Account, email: &str) -> String {
        let token = OneTimeToken::new(purpose, account.id.parse().expect("an id"), &Random::system());
        let email = Email::parse(email).expect("an email");
        self.one_time_tokens.put(&token, &email, self.now()).await.expect("the token is stored");
        format!("/{}?token={}", purpose.as_str(), token.text().expose_secret())
    }

    /// Lets the clock of the functions go on.
    pub fn pass(&self, time: SignedDuration) {
        self.passed.fetch_add(time.as_secs(), Ordering::SeqCst);
    }

    /// What goes wrong with the calls of AWS services.
    pub fn faults(&self) -> &Faults {
        self.aws.faults()
    }

    /// How many calls of an operation of a service the functions, and the test, have made.
    pub fn calls(&self, service: &str, operation: &str) -> u64 {
        self.aws.faults().calls(service, operation)
    }

    /// Begins a call. The path is below `/api/v1` unless it starts with two slashes: `//health` is `/health`.
    pub fn call(&self, method: &str, path: &str) -> Call {
        let path = path
            .strip_prefix('/')
            .filter(|rest| rest.starts_with('/'))
            .map_or_else(|| format!("/api/v1{path}"), ToOwned::to_owned);
        Call::new(self.gateway.clone(), method, &path)
    }

    /// Answers a request that was not built by [`App::call`].
    pub async fn answer(&self, request: Request<Body>) -> Answer {
        Answer::to(&self.gateway, request).await
    }

    /// Begins a GET.
    pub fn get(&self, path: &str) -> Call {
        self.call("GET", path)
    }

    /// Begins a POST.
    pub fn post(&self, path: &str) -> Call {
        self.call("POST", path)
    }

    /// Begins a PUT.
    pub fn put(&self, path: &str) -> Call {
        self.call("PUT", path)
    }

    /// Begins a PATCH.
    pub fn patch(&self, path: &str) -> Call {
        self.call("PATCH", path)
    }

    /// Begins a DELETE.
    pub fn delete(&self, path: &str) -> Call {
        self.call("DELETE", path)
    }

    /// Signs up and in.
    pub async fn user(&self, username: &str) -> Account {
        let email = format!("{username}@example.com");
        let new = json!({ "email": email, "username": username, "password": PASSWORD });
        let created = self.post("/users").json(&new).send().await;
        assert_eq!(created.status, 201, "{created:?}");
        self.sign_in(username, PASSWORD).await
    }

    /// The first administrator, signed in.
    pub async fn admin(&self) -> Account {
        self.sign_in(ADMIN_EMAIL, ADMIN_PASSWORD).await
    }

    /// Signs in.
    pub async fn sign_in(&self, name: &str, password: &str) -> Account {
        let token = self.post("/token").form(&[("username", name), ("password", password)]).send().await;
        assert_eq!(token.status, 200, "{token:?}");
        let token = token.text("/access_token");
        let me = self.get("/users/me").bearer(&token).send().await;
        assert_eq!(me.status, 200, "{me:?}");
        Account { id: me.text("/id"), username: me.text("/username"), email: me.text("/email"), token }
    }
}

/// The folder of the workspace.
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

/// A clock that starts at a fixed time, and how far it has gone on, in seconds.
fn clock() -> (Clock, Arc<AtomicI64>) {
    let passed = Arc::new(AtomicI64::new(0));
    let start = Timestamp::from_second(1_800_000_000).unwrap_or(Timestamp::UNIX_EPOCH);
    let shown = Arc::clone(&passed);
    (Clock::from_fn(move || start + SignedDuration::from_secs(shown.load(Ordering::SeqCst))), passed)
}
