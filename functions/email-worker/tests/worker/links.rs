//! Mails whose links are good for one use: who gets them, and what is stored of them.

use email_worker::EmailWork;
use local::{EmbeddedAws, Template};
use peregrine_core::aws::AwsSettings;
use peregrine_core::clock::Clock;
use peregrine_core::job::{Job, Task};
use peregrine_core::mail::{Content, Letter, Notice};
use peregrine_core::one_time::{OneTimeToken, Purpose};
use peregrine_core::random::Random;
use peregrine_core::settings::Environment;
use peregrine_core::table::{Also, Client, OneTimeTokens, Users};
use peregrine_core::user::{NewUser, User};
use peregrine_core::validation::{Origin, Rules, json, validate};
use peregrine_worker::Work;
use uuid::Uuid;

use crate::{letter, noon};

struct Post {
    aws: EmbeddedAws,
    client: Client,
    users: Users,
}

impl Post {
    fn open() -> Self {
        let template = Template::load(concat!(env!("CARGO_MANIFEST_DIR"), "/../../template.yaml")).unwrap();
        let aws = EmbeddedAws::start(&template).unwrap();
        let client = Client::new(&AwsSettings::at(aws.url()).sdk_config());
        let users = Users::new(client.clone(), "UsersTable".to_owned());
        Self { aws, client, users }
    }

    async fn user(&self, username: &str, email: &str) -> User {
        let body = format!(r#"{{"username": "{username}", "email": "{email}", "password": "Passw0rd1"}}"#);
        let new: NewUser =
            validate(&json::parse(body.as_bytes()).unwrap(), Origin::Json, "body", Rules::default()).unwrap();
        let user = User::new(&new, noon(), &Random::system());
        self.users.insert(&user, "a hash", &Also::nothing(), None).await.unwrap();
        user
    }

    /// Sends the letter, and is whom it went to and the token in its link; `None` if it went to nobody.
    async fn deliver(&self, letter: Letter) -> Option<(String, String)> {
        let mut environment = Environment::from_fn(|name| match name {
            "MAIL_FROM" => Some("peregrine@example.com".to_owned()),
            "USERS_TABLE" => Some("UsersTable".to_owned()),
            "ONE_TIME_TOKENS_TABLE" => Some("OneTimeTokensTable".to_owned()),
            "AUDIT_TABLE" => Some("AuditTable".to_owned()),
            "SUPPRESSION_TABLE" => Some("SuppressionTable".to_owned()),
            "SEAL_SECRET" => Some("0123456789abcdef0123456789abcdef".to_owned()),
            _ => None,
        });
        let work = EmailWork::from_env(&mut environment, &AwsSettings::at(self.aws.url()).sdk_config());
        environment.finish().unwrap();
        let before = self.aws.mail().len();
        let job = Job::new(Task::Email(letter), Uuid::nil(), noon(), &Random::system());
        let deadline = noon() + jiff::SignedDuration::from_secs(30);
        let work = work.with_clock(Clock::from_fn(noon));
        work.perform(&job, deadline).await.unwrap();
        let mails = self.aws.mail().split_off(before);
        let mail = mails.first()?;
        let token = mail.text.as_deref().unwrap().split_once("?token=").map_or("", |(_, rest)| rest);
        let token = token.lines().next().unwrap_or_default().to_owned();
        Some((mail.to.first().unwrap().clone(), token))
    }

    async fn is_good(&self, purpose: Purpose, token: &str, user: &User) -> bool {
        let token = OneTimeToken::parse(purpose, &token.into()).unwrap();
        let stored =
            OneTimeTokens::new(self.client.clone(), "OneTimeTokensTable".to_owned()).find(&token).await.unwrap();
        stored.is_some_and(|stored| stored.check(&token, noon()).is_ok() && stored.is_for(&token, &user.email))
    }

    async fn rows(&self, table: &str) -> String {
        format!("{:?}", self.client.scan().table_name(table).send().await.unwrap().items())
    }
}

fn reset(to: &str) -> Letter {
    letter(to, Content::PasswordReset { asked_from: "192.0.2.7".parse().unwrap() })
}

#[tokio::test]
async fn a_link_is_made_when_its_mail_is_sent_and_replaces_the_one_before() {
    let post = Post::open();
    let ann = post.user("ann", "ann@example.com").await;
    let welcome = || letter("ann@example.com", Content::Welcome { user_id: ann.id, username: "ann".to_owned() });
    let verify = letter("ann@example.com", Content::VerifyEmail { user_id: ann.id });
    let mut earlier = None;
    for letter in [welcome(), welcome(), verify] {
        let (to, token) = post.deliver(letter).await.unwrap();
        assert_eq!(to, "ann@example.com");
        assert!(post.is_good(Purpose::VerifyEmail, &token, &ann).await);
        if let Some(earlier) = earlier.replace(token) {
            assert!(!post.is_good(Purpose::VerifyEmail, &earlier, &ann).await);
        }
    }
    let token = earlier.unwrap();
    assert!(!post.is_good(Purpose::ResetPassword, &token, &ann).await);
    let rows = post.rows("OneTimeTokensTable").await;
    assert!(rows.contains("verify-email") && !rows.contains(&token) && !rows.contains("ann@"), "{rows}");
}

#[tokio::test]
async fn a_mail_to_confirm_an_address_is_for_who_still_has_it_and_has_not_confirmed_it() {
    let post = Post::open();
    let ann = post.user("ann", "ann@example.com").await;
    let verify = |to: &str, user_id| letter(to, Content::VerifyEmail { user_id });
    assert_eq!(post.deliver(verify("old@example.com", ann.id)).await, None);
    assert_eq!(post.deliver(verify("ann@example.com", Uuid::nil())).await, None);
    post.users.update(&ann, &ann.verified(noon()), None, &Also::nothing()).await.unwrap();
    assert_eq!(post.deliver(verify("ann@example.com", ann.id)).await, None);
}

#[tokio::test]
async fn a_password_is_reset_by_whoever_reads_the_mail_of_the_account_and_nobody_else() {
    let post = Post::open();
    let ann = post.user("ann", "ann@example.com").await;
    let eve = post.user("eve", "eve@straße.example").await;
    post.user("bob@example.com", "mallory@example.com").await;
    let (to, token) = post.deliver(reset("Ann@Example.com")).await.unwrap();
    assert_eq!(to, "ann@example.com", "as it is stored, not as it was asked for");
    assert!(post.is_good(Purpose::ResetPassword, &token, &ann).await);
    assert_eq!(post.deliver(reset("nobody@example.com")).await, None);
    assert_eq!(post.deliver(reset("bob@example.com")).await, None, "a username is no address");
    // Compared as names both are one; as addresses they lie with different hosts.
    let (to, token) = post.deliver(reset("eve@strasse.example")).await.unwrap();
    assert_eq!(to, "eve@xn--strae-oqa.example");
    assert!(post.is_good(Purpose::ResetPassword, &token, &eve).await);
    let inactive = User { is_active: false, version: ann.version + 1, ..ann.clone() };
    post.users.update(&ann, &inactive, None, &Also::nothing()).await.unwrap();
    assert_eq!(post.deliver(reset("ann@example.com")).await, None);
    let events = post.rows("AuditTable").await;
    assert_eq!(events.matches("password_reset_requested").count(), 2, "{events}");
    assert!(events.contains("192.0.2.7") && !events.contains('@'), "{events}");
}

#[tokio::test]
async fn whoever_signs_up_again_is_told_at_the_address_that_the_account_has() {
    let post = Post::open();
    post.user("ann", "ann@example.com").await;
    let notice = |to: &str| letter(to, Content::Notice { what: Notice::AlreadyRegistered });
    assert_eq!(post.deliver(notice("ANN@example.com")).await, Some(("ann@example.com".to_owned(), String::new())));
    assert_eq!(post.deliver(notice("nobody@example.com")).await, None);
}
