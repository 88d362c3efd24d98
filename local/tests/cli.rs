//! The `local` binary as people run it: what it says, how it ends, and what is there after it was killed.

#![expect(clippy::unwrap_used, reason = "a test fails where it finds something else than it expects")]

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

/// How long a build may take, with everything that waits for one.
const BUILD: Duration = Duration::from_mins(5);

/// How long an answer and an orderly end may take.
const PATIENCE: Duration = Duration::from_mins(1);

const POLL: Duration = Duration::from_millis(20);

/// A function whose answer is the number `ANSWER`, without dependencies: it speaks the Runtime API over plain sockets.
const ANSWERING: &str = r###"
use std::io::{Read, Write};
use std::net::TcpStream;

const ANSWER: u32 = 1;

fn exchange(method: &str, path: &str, body: &str) -> Option<String> {
    let api = std::env::var("AWS_LAMBDA_RUNTIME_API").unwrap();
    let mut stream = TcpStream::connect(&api).ok()?;
    let length = body.len();
    let head = format!("Host: {api}\r\nConnection: close\r\nContent-Length: {length}");
    write!(stream, "{method} /2018-06-01/runtime/invocation/{path} HTTP/1.1\r\n{head}\r\n\r\n{body}").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

fn main() {
    while let Some(event) = exchange("GET", "next", "") {
        let id = event.lines().find_map(|line| line.strip_prefix("lambda-runtime-aws-request-id: ")).unwrap();
        // Long enough for requests to be under way at any time.
        std::thread::sleep(std::time::Duration::from_millis(50));
        let answer = format!(r##"{{"statusCode": 200, "body": "{ANSWER}"}}"##);
        exchange("POST", &format!("{id}/response"), &answer);
    }
}
"###;

/// A build script that writes its process id into a file and then hangs.
const HANGING: &str = r#"
fn main() {
    std::fs::write("marker.new", std::process::id().to_string()).unwrap();
    std::fs::rename("marker.new", "marker").unwrap();
    std::thread::sleep(std::time::Duration::from_secs(3600));
}
"#;

fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// A workspace with one function of the name `function`, which gets every request.
fn workspace_of(function: &str, files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let package = folder.path().join(function);
    fs::create_dir_all(package.join("src")).unwrap();
    let manifest = format!("[workspace]\nresolver = \"3\"\nmembers = [\"{function}\"]\n");
    fs::write(folder.path().join("Cargo.toml"), manifest).unwrap();
    let manifest = format!("[package]\nname = \"{function}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n");
    fs::write(package.join("Cargo.toml"), manifest).unwrap();
    for (path, text) in files {
        fs::write(package.join(path), text).unwrap();
    }
    let template = format!(
        "Transform: AWS::Serverless-2016-10-31\nResources:\n  Api:\n    Type: AWS::Serverless::HttpApi\n  Fn:\n    \
         Type: AWS::Serverless::Function\n    Properties:\n      Runtime: provided.al2023\n      Handler: bootstrap\n      \
         Timeout: 20\n      CodeUri: target/lambda/{function}/bootstrap.zip\n      Events:\n        All:\n          \
         Type: HttpApi\n          Properties: {{ ApiId: !Ref Api, Path: $default, Method: ANY }}\n"
    );
    fs::write(folder.path().join("template.yaml"), template).unwrap();
    folder
}

/// The binary while it runs and after it has ended. It is ended with the test.
struct Program {
    child: Child,
    lines: Receiver<String>,
    /// What it has written so far, on standard output and standard error.
    output: Vec<String>,
}

impl Program {
    fn start(folder: &Path, arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_local"));
        command.current_dir(folder).args(arguments);
        if !folder.starts_with(workspace()) {
            // Whatever people set for their own builds, that of a temporary workspace belongs to it.
            command.env("CARGO_TARGET_DIR", folder.join("target"));
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (sender, lines) = channel();
        forward(child.stdout.take().unwrap(), sender.clone());
        forward(child.stderr.take().unwrap(), sender);
        Self { child, lines, output: Vec::new() }
    }

    /// Reads until a line that begins with `beginning`.
    fn wait_for(&mut self, beginning: &str) {
        let until = Instant::now() + BUILD;
        loop {
            let line = self.lines.recv_timeout(until.saturating_duration_since(Instant::now()));
            assert!(line.is_ok(), "no line begins with `{beginning}`:\n{}", self.output.join("\n"));
            self.output.extend(line);
            if self.output.last().is_some_and(|line| line.starts_with(beginning)) {
                break;
            }
        }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for its end. Returns its exit code, and everything that it has written.
    fn end(&mut self, limit: Duration) -> (Option<i32>, String) {
        let until = Instant::now() + limit;
        // The streams end when everybody has closed them: also the processes that it has started.
        let end = loop {
            match self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) => self.output.push(line),
                Err(end) => break end,
            }
        };
        let output = self.output.join("\n");
        assert_eq!(end, RecvTimeoutError::Disconnected, "it did not end within {limit:?}:\n{output}");
        let status = wait(&mut self.child, until.saturating_duration_since(Instant::now()));
        assert!(status.is_some(), "it closed its streams and did not end within {limit:?}:\n{output}");
        (status.and_then(|status| status.code()), output)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if wait(&mut self.child, Duration::ZERO).is_none() {
            // Asked first, because it ends what it has started.
            self.signal(Signal::TERM);
            if wait(&mut self.child, PATIENCE).is_none() {
                self.child.kill().unwrap();
                wait(&mut self.child, PATIENCE);
            }
        }
    }
}

fn forward(stream: impl Read + Send + 'static, lines: Sender<String>) {
    let stream = BufReader::new(stream);
    thread::spawn(move || stream.lines().map_while(Result::ok).try_for_each(|line| lines.send(line)));
}

/// Waits for the end of `child`, but not longer than `limit`.
fn wait(child: &mut Child, limit: Duration) -> Option<ExitStatus> {
    let mut status = None;
    wait_until(limit, || {
        status = child.try_wait().unwrap();
        status.is_some()
    });
    status
}

/// Whether `condition` holds within `limit`.
fn wait_until(limit: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let until = Instant::now() + limit;
    loop {
        if condition() {
            return true;
        }
        if Instant::now() >= until {
            return false;
        }
        thread::sleep(POLL);
    }
}

fn run(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    Program::start(folder, arguments).end(BUILD)
}

/// A cloud that answers.
struct Running {
    program: Program,
    api: String,
}

impl Running {
    /// The project itself.
    fn start(arguments: &[&str]) -> Self {
        // The root is the folder that the template's name is looked for in, which an absolute name has been found in
        // at once. From here, cargo builds the same workspace, and the `.env` of whoever runs the test is not read.
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
        let template = workspace().join("template.yaml");
        Self::start_in(&folder, &[&["--template", template.to_str().unwrap()], arguments].concat())
    }

    fn start_in(folder: &Path, arguments: &[&str]) -> Self {
        let arguments = [&["--http-port", "0", "--aws-port", "0"], arguments].concat();
        let mut program = Program::start(folder, &arguments);
        program.wait_for("ready");
        let address = program.output.iter().find_map(|line| line.strip_prefix("HTTP API")).unwrap();
        let api = address.trim().strip_prefix("http://").unwrap().to_owned();
        Self { program, api }
    }

    fn call(&self, method: &str, path: &str, headers: &str, body: &str) -> (u16, Value) {
        call(&self.api, method, path, headers, body)
    }

    fn sign_up(&self, name: &str) -> u16 {
        let new = json!({"email": format!("{name}@example.com"), "username": name, "password": "Passw0rd-secret"});
        self.call("POST", "/api/v1/users", "Content-Type: application/json\r\n", &new.to_string()).0
    }

    fn sign_in(&self, name: &str, password: &str) -> (u16, Value) {
        let form = format!("username={name}&password={password}");
        self.call("POST", "/api/v1/token", "Content-Type: application/x-www-form-urlencoded\r\n", &form)
    }

    /// The ids of the functions' processes.
    fn sandboxes(&self) -> Vec<u64> {
        let (status, functions) = self.call("GET", "/_local/functions", "", "");
        assert_eq!(status, 200);
        let sandboxes = functions
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|function| function.get("sandboxes").and_then(Value::as_array).cloned().unwrap_or_default());
        sandboxes.filter_map(|sandbox| sandbox.get("pid").and_then(Value::as_u64)).collect()
    }
}

/// Sends a request and returns the status code and the body.
fn call(address: &str, method: &str, path: &str, headers: &str, body: &str) -> (u16, Value) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
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
fn a_template_without_a_function_is_refused_before_anything_is_built() {
    let folder = tempfile::tempdir().unwrap();
    let template = "Transform: AWS::Serverless-2016-10-31\nResources:\n  Api:\n    Type: AWS::Serverless::HttpApi\n";
    fs::write(folder.path().join("template.yaml"), template).unwrap();
    let (code, output) = run(folder.path(), &["--ephemeral"]);
    assert_eq!(code, Some(1), "{output}");
    assert!(output.contains("no AWS::Serverless::Function") && !output.contains("building"), "{output}");
}

#[test]
fn a_function_that_does_not_compile_ends_the_start() {
    let folder = workspace_of("broken", &[("src/main.rs", "fn main() { no_such_function() }\n")]);
    let (code, output) = run(folder.path(), &["--ephemeral", "--http-port", "0", "--aws-port", "0"]);
    assert_eq!(code, Some(1), "{output}");
    assert!(output.contains("no_such_function"), "the compiler's own words are shown: {output}");
    let error = "error: the build failed";
    assert!(output.lines().any(|line| line.starts_with(error)), "{output}");
}

#[test]
fn an_interrupt_ends_a_build_that_hangs() {
    let folder = workspace_of("hanging", &[("src/main.rs", "fn main() {}\n"), ("build.rs", HANGING)]);
    let mut program = Program::start(folder.path(), &["--ephemeral", "--http-port", "0", "--aws-port", "0"]);
    let marker = folder.path().join("hanging/marker");
    assert!(wait_until(BUILD, || marker.exists()), "the build script was not run");
    let script = fs::read_to_string(marker).unwrap().parse().unwrap();
    assert!(is_running(script));
    program.signal(Signal::INT);
    let (code, output) = program.end(Duration::from_secs(10));
    assert_eq!(code, Some(0), "{output}");
    assert!(wait_until(PATIENCE, || !is_running(script)), "the build script is still there: {output}");
}

#[test]
fn a_changed_source_replaces_the_function_and_no_request_fails() {
    let folder = workspace_of("answering", &[("src/main.rs", ANSWERING)]);
    let mut running = Running::start_in(folder.path(), &["--ephemeral"]);
    assert_eq!(running.call("GET", "/", "", ""), (200, json!(1)));

    let enough = AtomicBool::new(false);
    let answers = thread::scope(|scope| {
        let (api, enough) = (running.api.as_str(), &enough);
        let clients: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(move || {
                    let mut answers = BTreeSet::new();
                    // The limit is for a test that fails before it says that it is enough.
                    let until = Instant::now() + BUILD;
                    while !enough.load(Ordering::Relaxed) && Instant::now() < until {
                        let (status, answer) = call(api, "GET", "/", "", "");
                        answers.insert(format!("{status} {answer}"));
                    }
                    answers
                })
            })
            .collect();
        fs::write(folder.path().join("answering/src/main.rs"), ANSWERING.replace("u32 = 1", "u32 = 2")).unwrap();
        let changed = wait_until(BUILD, || call(api, "GET", "/", "", "") == (200, json!(2)));
        enough.store(true, Ordering::Relaxed);
        assert!(changed, "the answer did not change");
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect::<BTreeSet<String>>()
    });
    assert!(answers.iter().all(|answer| answer == "200 1" || answer == "200 2"), "{answers:?}");
    assert!(answers.contains("200 1"), "no request was under way: {answers:?}");
    running.program.wait_for("replaced answering");
}

#[test]
fn an_interrupt_leaves_no_process_behind() {
    let mut running = Running::start(&["--ephemeral"]);
    assert_eq!(running.call("GET", "/health", "", "").0, 200);
    assert_eq!(running.call("GET", "/api/v1/items", "", "").0, 200);
    let sandboxes = running.sandboxes();
    assert!(sandboxes.len() >= 2 && sandboxes.iter().all(|pid| is_running(*pid)), "{sandboxes:?}");
    running.program.signal(Signal::INT);
    let (code, output) = running.program.end(PATIENCE);
    assert_eq!(code, Some(0), "{output}");
    assert!(!sandboxes.iter().any(|pid| is_running(*pid)), "{sandboxes:?}");
}

#[test]
fn what_was_answered_is_there_after_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let data = ["--data-dir", folder.path().to_str().unwrap()];
    let mut first = Running::start(&data);
    assert_eq!(first.sign_up("ann"), 201);
    first.program.signal(Signal::KILL);
    assert!(wait(&mut first.program.child, PATIENCE).is_some());
    let second = Running::start(&data);
    assert_eq!(second.sign_in("ann", "Passw0rd-secret").0, 200);
    assert_eq!(second.sign_up("ann"), 409);
}

#[test]
fn no_secret_of_a_caller_is_printed() {
    let mut running = Running::start(&["--ephemeral"]);
    assert_eq!(running.sign_up("ann"), 201);
    let (status, token) = running.sign_in("ann", "Passw0rd-secret");
    assert_eq!(status, 200);
    let token = token.get("access_token").and_then(Value::as_str).unwrap().to_owned();
    assert_eq!(running.sign_in("ann", "Passw0rd-wrong").0, 401);
    let bearer = format!("Authorization: Bearer {token}\r\nContent-Type: application/json\r\n");
    assert_eq!(running.call("PATCH", "/api/v1/users/me", &bearer, r#"{"password": "secret-weak"}"#).0, 422);
    let tampered = format!("Authorization: Bearer {token}x\r\n");
    assert_eq!(running.call("GET", "/api/v1/users/me", &tampered, "").0, 401);
    // Something that a function does write.
    let admin = running.program.output.iter().find_map(|line| line.strip_prefix("first admin")).unwrap();
    let (email, password) = admin.trim().split_once(" / ").unwrap();
    assert_eq!(running.sign_in(email, password).0, 200);
    running.program.signal(Signal::INT);
    let (code, output) = running.program.end(PATIENCE);
    assert_eq!(code, Some(0), "{output}");
    assert!(output.contains("created the first administrator"), "what functions write is in the output: {output}");
    for secret in ["Passw0rd", "secret-weak", "argon2", token.as_str(), &token[..40]] {
        assert!(!output.contains(secret), "{output}");
    }
}
