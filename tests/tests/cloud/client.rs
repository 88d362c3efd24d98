//! A cloud of one's own, and a client that calls it.

use std::time::Duration;

use local::{Cloud, CloudOptions};
use reqwest::{Method, RequestBuilder};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tests::app::{PASSWORD, workspace};

/// A running bundle and a client.
pub(crate) struct Bundle {
    pub(crate) cloud: Cloud,
    http: reqwest::Client,
}

impl Bundle {
    /// Starts the bundle on free ports, with empty tables.
    pub(crate) async fn start() -> Self {
        Self::start_with(CloudOptions::ephemeral(workspace())).await
    }

    pub(crate) async fn start_with(options: CloudOptions) -> Self {
        // Nothing here is encrypted, but where another crate links TLS, clients ask whose cryptography it is. The
        // second bundle of a process finds the answer given.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self { cloud: Cloud::start(options).await.unwrap(), http: reqwest::Client::new() }
    }

    /// Begins a call to a path below the root.
    pub(crate) fn call(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.cloud.http_url()))
    }

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.call(Method::GET, path)
    }

    pub(crate) fn post(&self, path: &str) -> RequestBuilder {
        self.call(Method::POST, path)
    }

    /// Signs up and in, and returns the token.
    pub(crate) async fn user(&self, username: &str) -> String {
        let new = json!({"email": format!("{username}@example.com"), "username": username, "password": PASSWORD});
        let created = self.post("/api/v1/users").json(&new).send().await.unwrap();
        assert_eq!(created.status(), 201);
        self.sign_in(username, PASSWORD).await
    }

    /// Signs in and returns the token.
    pub(crate) async fn sign_in(&self, name: &str, password: &str) -> String {
        let form = [("username", name), ("password", password)];
        let answer = self.post("/api/v1/token").form(&form).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        json_of(answer).await["access_token"].as_str().unwrap().to_owned()
    }

    /// Signs the first administrator in and returns the token.
    pub(crate) async fn admin(&self) -> String {
        let [email, password] = ["FIRST_ADMIN_EMAIL", "FIRST_ADMIN_PASSWORD"];
        let setting = |name| self.cloud.environment("auth", name).unwrap();
        self.sign_in(setting(email), setting(password)).await
    }

    /// The processes of a function, as they are now.
    pub(crate) async fn processes(&self, function: &str) -> Vec<Pid> {
        let functions = json_of(self.get("/_local/functions").send().await.unwrap()).await;
        let function = functions.as_array().unwrap().iter().find(|entry| entry["function"] == function).unwrap();
        let sandboxes = function["sandboxes"].as_array().unwrap().iter();
        sandboxes.filter_map(|sandbox| Pid::from_raw(sandbox["pid"].as_i64()?.try_into().ok()?)).collect()
    }

    /// Kills the processes of a function, and says how many there were.
    pub(crate) async fn kill(&self, function: &str) -> usize {
        let victims = self.processes(function).await;
        for pid in &victims {
            // One that has ended meanwhile is dead.
            let _ = kill_process(*pid, Signal::KILL);
        }
        victims.len()
    }

    /// Creates an item and returns it.
    pub(crate) async fn item(&self, token: &str, item: &Value) -> Value {
        let answer = self.post("/api/v1/items").bearer_auth(token).json(item).send().await.unwrap();
        assert_eq!(answer.status(), 201);
        json_of(answer).await
    }
}

/// How long something may take that should take milliseconds, on a machine that is busy.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// Looks again and again until there is what is wanted.
///
/// # Panics
/// If that takes longer than [`PATIENCE`].
pub(crate) async fn until<T, F: Future<Output = Option<T>>>(what: &str, look: impl Fn() -> F) -> T {
    let looking = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let found = tokio::time::timeout(PATIENCE, looking).await;
    assert!(found.is_ok(), "{what}: not within a minute");
    found.unwrap()
}

/// The JSON body of an answer.
pub(crate) async fn json_of(answer: reqwest::Response) -> Value {
    serde_json::from_str(&answer.text().await.unwrap()).unwrap()
}
