//! What the tables hold, for promises that no answer shows; and accounts that are there without a sign-up.

use aws_sdk_dynamodb::types::AttributeValue;
use peregrine_core::job::Task;
use peregrine_core::mail::{Content, Letter};
use peregrine_core::random::Random;
use peregrine_core::scope::Scopes;
use peregrine_core::session::SessionRef;
use peregrine_core::table::{Also, Users};
use peregrine_core::token::{Signer, SigningKeys};
use peregrine_core::user::{NewUser, User};
use peregrine_core::validation::{Origin, Rules, json, validate};
use serde_json::json;
use uuid::Uuid;

use crate::app::{App, ISSUER, PASSWORD, SECRET};
use crate::client::Account;

impl App {
    /// The users, as the functions have them.
    pub fn users(&self) -> Users {
        Users::new(self.client.clone(), "UsersTable".to_owned())
    }

    /// An account whose address is confirmed and that is signed in since now, however sign-in works. An admin has a
    /// second factor.
    pub async fn account(&self, username: &str, scopes: Scopes) -> Account {
        let hash = peregrine_core::password::PasswordHasher::new(Random::system());
        let hash = hash.hash(PASSWORD.into()).await.expect("a hash");
        self.account_with(username, scopes, &hash).await
    }

    /// The same with a password's hash.
    pub async fn account_with(&self, username: &str, scopes: Scopes, password_hash: &str) -> Account {
        let email = format!("{username}@example.com");
        let body = json!({"email": email, "username": username, "password": PASSWORD}).to_string();
        let body = json::parse(body.as_bytes()).expect("JSON");
        let new: NewUser = validate(&body, Origin::Json, "body", Rules::default()).expect("a user");
        let has_second_factor = scopes.allow(peregrine_core::scope::Scope::Admin);
        let user = User::new(&new, self.now(), &Random::system());
        let user = User { is_verified: true, scopes, has_second_factor, ..user };
        self.users().insert(&user, password_hash, &Also::nothing(), None).await.expect("a new user");
        let account = Account { id: user.id.to_string(), username: user.username.clone(), email, token: String::new() };
        self.session_of(&account).await
    }

    /// The account, signed in again.
    pub async fn session_of(&self, account: &Account) -> Account {
        let user = self.stored(account).await;
        let session = SessionRef { id: Random::system().uuid(self.now()), epoch: user.session_epoch };
        let key = SigningKeys::new(&SECRET.into()).key(1).expect("a key");
        let signer = Signer::new(key, ISSUER.to_owned(), Random::system());
        let token = signer.mint(user.id, session, &user.scopes, self.now()).expect("a token");
        Account { token, ..account.clone() }
    }

    /// The user as stored.
    pub async fn stored(&self, account: &Account) -> User {
        let id = Uuid::parse_str(&account.id).expect("an id");
        self.users().find(id).await.expect("the table answers").expect("a user")
    }

    /// The security events of a user, the oldest first: what happened, by whom, and more about it.
    pub async fn events_of(&self, user_id: &str) -> Vec<(String, String, String)> {
        let query = self.client.query().table_name("AuditTable").key_condition_expression("user_id = :user");
        let query = query.expression_attribute_values(":user", AttributeValue::S(user_id.to_owned()));
        let rows = query.send().await.expect("the table answers").items.unwrap_or_default();
        let text = |row: &std::collections::HashMap<String, AttributeValue>, name: &str| {
            row.get(name).and_then(|value| value.as_s().ok()).cloned().unwrap_or_default()
        };
        rows.iter().map(|row| (text(row, "action"), text(row, "actor_id"), text(row, "detail"))).collect()
    }

    /// The mails that have been promised, by the second in which they were.
    pub async fn promised_letters(&self) -> Vec<Letter> {
        let rows = self.client.scan().table_name("JobsTable").send().await.expect("the table answers");
        let mut rows = rows.items.unwrap_or_default();
        // The ids begin with the time.
        rows.sort_by_key(|row| row.get("id").and_then(|id| id.as_s().ok()).cloned());
        let tasks = rows.into_iter().filter_map(|mut row| row.remove("task"));
        let letters = tasks.filter_map(|task| match serde_json::from_str(task.as_s().ok()?).ok()? {
            Task::Email(letter) => Some(letter),
            Task::Webhook(_) => None,
        });
        letters.collect()
    }

    /// The same, sorted: to whom, and what kind or subject.
    pub async fn letters(&self) -> Vec<(String, String)> {
        let promised = self.promised_letters().await.into_iter();
        let mut letters: Vec<_> = promised.map(|letter| (letter.to.to_string(), subject_of(letter.content))).collect();
        letters.sort();
        letters
    }

    /// All that a table holds, whatever type it has, one value after the other.
    pub async fn bytes_of(&self, table: &str) -> Vec<u8> {
        fn append(value: &AttributeValue, bytes: &mut Vec<u8>) {
            bytes.push(b'\n');
            match value {
                AttributeValue::S(text) | AttributeValue::N(text) => bytes.extend(text.as_bytes()),
                AttributeValue::B(blob) => bytes.extend(blob.as_ref()),
                AttributeValue::Ss(texts) | AttributeValue::Ns(texts) => bytes.extend(texts.join("\n").as_bytes()),
                AttributeValue::Bs(blobs) => blobs.iter().for_each(|blob| bytes.extend(blob.as_ref())),
                AttributeValue::L(values) => values.iter().for_each(|value| append(value, bytes)),
                AttributeValue::M(values) => values.values().for_each(|value| append(value, bytes)),
                _ => {}
            }
        }
        let rows = self.client.scan().table_name(table).send().await.expect("the table answers");
        let mut bytes = Vec::new();
        rows.items().iter().flat_map(|row| row.values()).for_each(|value| append(value, &mut bytes));
        bytes
    }

    /// How many rows there are that belong to a user in the table of what users sign in with.
    pub async fn credentials_of(&self, user_id: &str) -> usize {
        let query = self.client.query().table_name("CredentialsTable").key_condition_expression("user_id = :user");
        let query = query.expression_attribute_values(":user", AttributeValue::S(user_id.to_owned()));
        query.send().await.expect("the table answers").items.unwrap_or_default().len()
    }
}

fn subject_of(content: Content) -> String {
    match content {
        Content::Welcome { .. } | Content::VerifyEmail { .. } => "confirm".to_owned(),
        Content::PasswordReset { .. } => "reset".to_owned(),
        Content::Notice { what } => serde_json::to_value(what).expect("JSON").as_str().unwrap_or_default().to_owned(),
        Content::Notification { subject, .. } => subject,
    }
}
