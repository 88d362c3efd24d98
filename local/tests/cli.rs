//! The `local` binary as people run it: what it says, how it ends, and what is there after it was killed.

#![expect(clippy::unwrap_used, reason = "a test fails where it finds something else than it expects")]

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

/// How long a step may take that builds nothing.
const PATIENCE: Duration = Duration::from_mins(5);

fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_local"));
    command.current_dir(folder).args(arguments).stdin(Stdio::null());
    command
}

fn run(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } = command(folder, arguments).output().unwrap();
    (status.code(), format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr)))
}

/// A running cloud. It is killed when the test ends.
struct Running {
    child: Child,
    lines: Receiver<String>,
    output: Vec<String>,
    api: String,
}

impl Running {
    fn start(arguments: &[&str]) -> Self {
        let mut command = command(workspace(), &["--http-port", "0", "--aws-port", "0"]);
        let mut child = command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
        let (sender, lines) = channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let mut running = Self { child, lines, output: Vec::new(), api: String::new() };
        running.wait_for("ready");
        let address = running.output.iter().find_map(|line| line.strip_prefix("HTTP API")).unwrap();
        running.api = address.trim().strip_prefix("http://").unwrap().to_owned();
        running
    }

    fn wait_for(&mut self, beginning: &str) {
        while !self.output.last().is_some_and(|line| line.starts_with(beginning)) {
            self.output.push(self.lines.recv_timeout(PATIENCE).unwrap());
        }
    }

    /// Sends a request and returns the status code and the body.
    fn call(&self, method: &str, path: &str, headers: &str, body: &str) -> (u16, Value) {
        let mut stream = TcpStream::connect(&self.api).unwrap();
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, serde_json::from_str(body).unwrap_or_default())
    }

    fn sign_up(&self, name: &str) -> u16 {
        let new = json!({"email": format!("{name}@example.com"), "username": name, "password": "Passw0rd-secret"});
        self.call("POST", "/api/v1/users", "Content-Type: application/json\r\n", &new.to_string()).0
    }

    fn sign_in(&self, name: &str, password: &str) -> (u16, Value) {
        let form = format!("username={name}&password={password}");
        self.call("POST", "/api/v1/token", "Content-Type: application/x-www-form-urlencoded\r\n", &form)
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// The ids of the functions' processes.
    fn sandboxes(&self) -> Vec<u64> {
        let (_, functions) = self.call("GET", "/_local/functions", "", "");
        let sandboxes = functions
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|function| function.get("sandboxes").and_then(Value::as_array).cloned().unwrap_or_default());
        sandboxes.filter_map(|sandbox| sandbox.get("pid").and_then(Value::as_u64)).collect()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended in the test.
        let _ended = self.child.kill().is_err();
        let _status = self.child.wait();
    }
}

fn is_running(pid: u64) -> bool {
    // A process that has ended and that nobody has asked for yet is still listed, as a zombie.
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

#[test]
fn a_wrong_option_is_named() {
    let (code, output) = run(workspace(), &["--no-such-option"]);
    assert_eq!(code, Some(2), "{output}");
    assert!(output.contains("--no-such-option"), "{output}");
}

#[test]
fn a_taken_port_is_named_with_the_option_that_changes_it() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let (code, output) = run(workspace(), &["--ephemeral", "--http-port", &port]);
    assert_eq!(code, Some(1), "{output}");
    assert!(output.contains(&port) && output.contains("--http-port"), "{output}");
}

#[test]
fn a_broken_template_is_named_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let template = fs::read_to_string(workspace().join("template.yaml")).unwrap();
    let broken = template.replace("!Ref UsersTable", "!Ref UserTable");
    let line = broken.lines().position(|line| line.contains("!Ref UserTable")).unwrap() + 1;
    fs::write(folder.path().join("template.yaml"), broken).unwrap();
    let (code, output) = run(folder.path(), &["--ephemeral"]);
    assert_eq!(code, Some(1), "{output}");
    assert!(output.contains(&format!("template.yaml:{line}")) && output.contains("UserTable"), "{output}");
}

#[test]
fn a_function_that_does_not_compile_ends_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("Cargo.toml", "[workspace]\nresolver = \"3\"\nmembers = [\"broken\"]\n");
    write("broken/Cargo.toml", "[package]\nname = \"broken\"\nversion = \"0.1.0\"\nedition = \"2024\"\n");
    write("broken/src/main.rs", "fn main() { no_such_function() }\n");
    write(
        "template.yaml",
        "Transform: AWS::Serverless-2016-10-31\nResources:\n  Api:\n    Type: AWS::Serverless::HttpApi\n  Broken:\n    \
         Type: AWS::Serverless::Function\n    Properties:\n      Runtime: provided.al2023\n      Handler: bootstrap\n      \
         CodeUri: target/lambda/broken/bootstrap.zip\n      Events:\n        All:\n          Type: HttpApi\n          \
         Properties: { ApiId: !Ref Api, Path: $default, Method: ANY }\n",
    );
    let (code, output) = run(folder.path(), &["--ephemeral", "--http-port", "0", "--aws-port", "0"]);
    assert_eq!(code, Some(1), "{output}");
    assert!(output.contains("no_such_function"), "the compiler's own words are shown: {output}");
    assert!(output.lines().last().unwrap().starts_with("error: "), "{output}");
}

#[test]
fn an_interrupt_leaves_no_process_behind() {
    let mut running = Running::start(&["--ephemeral"]);
    assert_eq!(running.call("GET", "/health", "", "").0, 200);
    assert_eq!(running.call("GET", "/api/v1/items", "", "").0, 200);
    let sandboxes = running.sandboxes();
    assert!(sandboxes.len() >= 2 && sandboxes.iter().all(|pid| is_running(*pid)), "{sandboxes:?}");
    running.signal(Signal::INT);
    assert_eq!(running.child.wait().unwrap().code(), Some(0));
    assert!(!sandboxes.iter().any(|pid| is_running(*pid)), "{sandboxes:?}");
}

#[test]
fn what_was_answered_is_there_after_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let data = ["--data-dir", folder.path().to_str().unwrap()];
    let first = Running::start(&data);
    assert_eq!(first.sign_up("ann"), 201);
    first.signal(Signal::KILL);
    drop(first);
    let second = Running::start(&data);
    assert_eq!(second.sign_in("ann", "Passw0rd-secret").0, 200);
    assert_eq!(second.sign_up("ann"), 409);
}

#[test]
fn no_secret_of_a_caller_is_printed() {
    let mut running = Running::start(&["--ephemeral"]);
    running.sign_up("ann");
    let (_, token) = running.sign_in("ann", "Passw0rd-secret");
    let token = token.get("access_token").and_then(Value::as_str).unwrap().to_owned();
    running.sign_in("ann", "Passw0rd-wrong");
    let bearer = format!("Authorization: Bearer {token}\r\nContent-Type: application/json\r\n");
    running.call("PATCH", "/api/v1/users/me", &bearer, r#"{"password": "secret-weak"}"#);
    running.call("GET", "/api/v1/users/me", &format!("Authorization: Bearer {token}x\r\n"), "");
    running.signal(Signal::INT);
    running.child.wait().unwrap();
    running.output.extend(running.lines.try_iter());
    let output = running.output.join("\n");
    for secret in ["Passw0rd", "secret-weak", "argon2", token.as_str(), &token[..40]] {
        assert!(!output.contains(secret), "{output}");
    }
}
