//! The process lifecycle: startup, shutdown, the embedded Postgres, and configuration errors.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::database_dump::query_strings;
use crate::support::process::{
    ChildProcess, CommandOutput, WAIT_TIMEOUT, Workspace, find_postgres_processes, run_to_completion, wait_for,
};
use crate::support::{create_database, create_empty_database};

/// A running service that accepts requests.
struct Service {
    process: ChildProcess,
    url: String,
}

impl Service {
    fn start(command: &mut Command) -> Self {
        let mut process = ChildProcess::start(command.env("LISTEN", "127.0.0.1:0"));
        let url = process.wait_for_line("GraphQL ");
        Self { process, url }
    }

    async fn query(&self, query: &str) -> Value {
        let client = reqwest::Client::builder().no_proxy().timeout(WAIT_TIMEOUT).build().expect("a client");
        let response = client.post(&self.url).json(&json!({ "query": query })).send().await.expect("a response");
        response.json::<Value>().await.expect("JSON")["data"].clone()
    }

    async fn metrics(&self) -> String {
        let client = reqwest::Client::builder().no_proxy().timeout(WAIT_TIMEOUT).build().expect("a client");
        let response = client.get(self.url.replace("/graphql", "/metrics")).send().await.expect("a response");
        response.text().await.expect("a text")
    }

    async fn paper_count(&self) -> Value {
        self.query("{ papers { totalCount } }").await["papers"]["totalCount"].clone()
    }
}

fn has_postgres(data: &Path) -> bool {
    !find_postgres_processes(&data.join("postgres")).is_empty()
}

#[tokio::test]
async fn first_start() {
    let workspace = Workspace::new();
    let service = Service::start(&mut workspace.command(&[]));
    assert!(service.url.starts_with("http://127.0.0.1:") && service.url.ends_with("/graphql"), "{}", service.url);
    assert!(has_postgres(&workspace.path("data")));
    // An empty embedded database gets the demo directory.
    let found = service.query("{ researcher(by: {slug: \"razvan-pascanu\"}) { name } }").await;
    assert_eq!(found["researcher"]["name"], json!("Razvan Pascanu"));
    let page = service.url.replace("/graphql", "/graphiql");
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    assert_eq!(client.get(page).send().await.expect("a page").status(), 200);

    service.process.send_signal(Signal::TERM);
    let outcome = service.process.wait();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(!has_postgres(&workspace.path("data")), "Postgres stops, too");
    for part in [
        "pages     http://127.0.0.1:",
        "GraphiQL  http://127.0.0.1:",
        "GraphQL   http://127.0.0.1:",
        "in an embedded Postgres",
        "razvan-pascanu",
        "Ctrl-C",
    ] {
        assert!(outcome.stdout.contains(part), "{part} in {}", outcome.stdout);
    }
}

#[tokio::test]
async fn interrupt() {
    let workspace = Workspace::new();
    let service = Service::start(&mut workspace.command(&["serve", "--demo", "never"]));
    assert_eq!(service.paper_count().await, json!(0));
    service.process.send_signal(Signal::INT);
    assert_eq!(service.process.wait().code, Some(0));
    assert!(!has_postgres(&workspace.path("data")));
}

#[tokio::test]
async fn signal_during_startup() {
    let workspace = Workspace::new();
    let mut process = ChildProcess::start(workspace.command(&["serve"]).env("LISTEN", "127.0.0.1:0"));
    wait_for("the data directory", || workspace.path("data/postgres").exists().then_some(()));
    assert!(process.is_running());
    process.send_signal(Signal::TERM);
    assert_eq!(process.wait().code, Some(0));
    assert!(!has_postgres(&workspace.path("data")));
    // A new start succeeds afterwards.
    let service = Service::start(&mut workspace.command(&["serve", "--demo", "never"]));
    assert_eq!(service.paper_count().await, json!(0));
}

#[tokio::test]
async fn killed_service() {
    let workspace = Workspace::new();
    let service = Service::start(&mut workspace.command(&["serve"]));
    let before = service.paper_count().await;
    assert_ne!(before, json!(0));
    service.process.send_signal(Signal::KILL);
    assert_eq!(service.process.wait().code, None);
    let service = Service::start(&mut workspace.command(&["serve"]));
    assert_eq!(service.paper_count().await, before);
    service.process.send_signal(Signal::TERM);
    assert_eq!(service.process.wait().code, Some(0));
    assert!(!has_postgres(&workspace.path("data")));
}

#[tokio::test]
async fn two_services_on_one_data_directory() {
    let workspace = Workspace::new();
    let first = Service::start(&mut workspace.command(&["serve", "--demo", "never"]));
    let servers = find_postgres_processes(&workspace.path("data/postgres"));
    let second = Service::start(&mut workspace.command(&["serve", "--demo", "never"]));
    assert!(
        find_postgres_processes(&workspace.path("data/postgres")).iter().filter(|pid| servers.contains(pid)).count()
            >= 1
    );
    assert_eq!(second.paper_count().await, json!(0));

    // Both services see an import by a third process.
    let paper = json!({ "id": "w1", "title": "A paper" }).to_string();
    let imported =
        run_to_completion(&mut workspace.command(&["import", "csl", workspace.write_file("paper.json", paper)]));
    assert_eq!(imported.summary(), "read 1: created 1, updated 0, unchanged 0, invalid 0");
    assert_eq!((first.paper_count().await, second.paper_count().await), (json!(1), json!(1)));

    second.process.send_signal(Signal::TERM);
    assert_eq!(second.process.wait().code, Some(0));
    assert_eq!(first.paper_count().await, json!(1), "the server outlives the second service");
    first.process.send_signal(Signal::TERM);
    assert_eq!(first.process.wait().code, Some(0));
    assert!(!has_postgres(&workspace.path("data")));
}

#[tokio::test]
async fn second_service_takes_over() {
    let workspace = Workspace::new();
    let first = Service::start(&mut workspace.command(&["serve", "--demo", "never"]));
    let second = Service::start(&mut workspace.command(&["serve", "--demo", "never"]));
    let servers = find_postgres_processes(&workspace.path("data/postgres"));
    first.process.send_signal(Signal::TERM);
    assert_eq!(first.process.wait().code, Some(0));
    // Queries fail with a retryable error until the second service has started its own Postgres.
    let deadline = Instant::now() + WAIT_TIMEOUT;
    while second.paper_count().await != json!(0) || find_postgres_processes(&workspace.path("data/postgres")) == servers
    {
        assert!(Instant::now() < deadline, "the second service did not start Postgres");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    second.process.send_signal(Signal::TERM);
    assert_eq!(second.process.wait().code, Some(0));
    assert!(!has_postgres(&workspace.path("data")));
}

#[tokio::test]
async fn manual_migrations() {
    let workspace = Workspace::new();
    let url = create_empty_database().await;
    let refused = run_to_completion(
        workspace.command_with_database(&url, &["serve"]).env("MIGRATE", "never").env("LISTEN", "127.0.0.1:0"),
    );
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(1), ""));
    let [line] = refused.stderr_lines()[..] else { panic!("{refused:?}") };
    let pending = line.strip_prefix("error: ").and_then(|line| {
        line.strip_suffix(" migrations are pending and MIGRATE=never; run `academic-directory migrate up`")
    });
    assert!(pending.and_then(|count| count.parse().ok()).is_some_and(|count: usize| count > 0), "{line}");

    let migrate = |direction: &str| {
        let outcome = run_to_completion(&mut workspace.command_with_database(&url, &["migrate", direction]));
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        let states: Vec<String> =
            outcome.stdout.lines().map(|line| line.split(' ').next().unwrap_or_default().to_owned()).collect();
        states
    };
    let status = migrate("status");
    assert!(!status.is_empty() && status.iter().all(|state| state == "pending"), "{status:?}");
    assert_eq!(
        query_strings(&url, "SELECT count(*) FROM pg_tables WHERE tablename = 'paper'").await,
        ["0"],
        "status changes nothing"
    );
    let up = migrate("up");
    assert!(up.iter().all(|state| state == "applied"), "{up:?}");
    assert_eq!(migrate("up"), up);
    let service = Service::start(workspace.command_with_database(&url, &["serve"]).env("MIGRATE", "never"));
    // An external database does not get the demo directory.
    assert_eq!(service.paper_count().await, json!(0));
    drop(service);
    let down = migrate("down");
    assert_eq!((down.len(), down.iter().filter(|state| *state == "pending").count()), (up.len(), 1));
    // Revert and reapply all migrations.
    for _ in 1..up.len() {
        migrate("down");
    }
    assert_eq!(migrate("status"), status);
    assert_eq!(
        query_strings(&url, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'").await.len(),
        1,
        "only the list of migrations"
    );
    assert_eq!(migrate("up"), up);
}

#[tokio::test]
async fn port_in_use() {
    let workspace = Workspace::new();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("its address").to_string();
    let outcome = run_to_completion(
        &mut workspace.command_with_database(&create_database().await, &["serve", "--listen", &address]),
    );
    assert_eq!((outcome.code, outcome.report()), (Some(1), ""));
    let [line] = outcome.stderr_lines()[..] else { panic!("{outcome:?}") };
    assert!(line.starts_with(&format!("error: cannot listen on {address}: ")), "{line}");
    assert!(line.ends_with("choose another address with --listen or LISTEN"), "{line}");
}

#[tokio::test]
async fn unreachable_database() {
    let workspace = Workspace::new();
    // A closed port, a port that never responds, and a directory without a socket.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let free = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its address").port();
    let silent_port = silent.local_addr().expect("its address").port();
    let urls = [
        format!("postgres://nobody:hunter2@127.0.0.1:{free}/none"),
        format!("postgres://nobody:hunter2@127.0.0.1:{silent_port}/none?sslmode=disable"),
        "postgres://nobody:hunter2@localhost/none?host=/nowhere".to_owned(),
    ];
    let begin = Instant::now();
    let runs = urls.each_ref().map(|url| ChildProcess::start(&mut workspace.command_with_database(url, &["serve"])));
    for (url, running) in urls.iter().zip(runs) {
        let outcome = running.wait();
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(1), ""), "{url}");
        assert!(
            outcome.stderr.starts_with("error: cannot connect to the database of DATABASE_URL: "),
            "{url}: {outcome:?}"
        );
        assert!(!outcome.stderr.contains("hunter2"), "the password is not printed: {outcome:?}");
    }
    assert!(begin.elapsed().as_secs() < 30, "{:?}", begin.elapsed());
}

#[tokio::test]
async fn invalid_database_url() {
    let workspace = Workspace::new();
    for (url, problem) in [
        ("mysql://nobody:hunter2@localhost/none", "the URL does not begin with postgres:// or postgresql://"),
        ("postgres://nobody:hun/ter2@local host/none", "the port of host number 1 is not a number from 1 to 65535"),
        ("hunter2", "it is neither a URL such as postgres://user:password@host/database nor parameters"),
    ] {
        let outcome = run_to_completion(&mut workspace.command_with_database(url, &["serve"]));
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(1), ""), "{url}");
        assert!(outcome.stderr.starts_with(&format!("error: DATABASE_URL: {problem}")), "{url}: {outcome:?}");
        assert!(!outcome.stderr.contains("ter2"), "the password is not printed: {outcome:?}");
    }
}

#[tokio::test]
async fn invalid_settings() {
    let workspace = Workspace::new();
    for (name, value) in
        [("LISTEN", "everywhere"), ("CONSORTIUM_SIZE", "1"), ("MIGRATE", "maybe"), ("DEFAULT_LANGUAGE", "not a tag")]
    {
        let outcome = run_to_completion(workspace.command(&["serve"]).env(name, value));
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(2), ""), "{name}");
        assert!(outcome.stderr.contains(value), "{name}: {outcome:?}");
    }
    for log in ["=/=", "wran", "sqlx", "sqlx=wran"] {
        let outcome = run_to_completion(workspace.command(&["serve"]).env("LOG", log));
        assert_eq!(outcome.code, Some(1), "{log}");
        assert!(outcome.stderr.starts_with("error: LOG is invalid") && outcome.stderr.contains("warn"), "{outcome:?}");
    }
    for origins in ["www.example.org", "https://www.example.org/path", "https://www.example.org, *.example.org"] {
        let outcome = run_to_completion(workspace.command(&["serve"]).env("CORS_ORIGINS", origins));
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(2), ""), "{origins}");
        assert!(outcome.stderr.contains("an origin is a scheme, a host and an optional port"), "{outcome:?}");
    }
}

/// Every variable of the program, empty or blank. Files of container tools often list each of them.
#[tokio::test]
async fn blank_variables_are_unset() {
    let workspace = Workspace::new();
    // Without the path of the Postgres programs, the test relies on their detection.
    for value in ["", " \t"] {
        let mut command = workspace.command(&["--listen", "localhost:0", "--demo", "never"]);
        for name in crate::configuration::variable_names() {
            command.env(name, value);
        }
        command.args(["--data-dir".as_ref(), workspace.path("data").as_os_str()]);
        let mut process = ChildProcess::start(&mut command);
        let url = process.wait_for_line("GraphQL ");
        let service = Service { process, url };
        assert_eq!(service.paper_count().await, json!(0));
        service.process.send_signal(Signal::TERM);
        let outcome = service.process.wait();
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        // The default of LOG applies.
        assert!(outcome.stderr.contains("request completed"), "{outcome:?}");
        assert!(outcome.stdout.contains("in an embedded Postgres"), "{outcome:?}");
    }
}

#[tokio::test]
async fn listen_addresses() {
    let workspace = Workspace::new();
    let url = create_database().await;
    for (listen, host) in
        [("localhost:0", "127.0.0.1"), (":0", "127.0.0.1"), ("[::1]:0", "[::1]"), ("0.0.0.0:0", "127.0.0.1")]
    {
        let mut process = ChildProcess::start(workspace.command_with_database(&url, &["serve"]).env("LISTEN", listen));
        let url = process.wait_for_line("GraphQL ");
        assert!(url.starts_with(&format!("http://{host}:")), "{listen}: {url}");
        let service = Service { process, url };
        assert_eq!(service.paper_count().await, json!(0), "{listen}");
    }
    let outcome = run_to_completion(workspace.command_with_database(&url, &["serve"]).env("LISTEN", "example.org:80"));
    assert_eq!(outcome.code, Some(2));
    assert!(outcome.stderr.contains("localhost:8080"), "{outcome:?}");
}

#[tokio::test]
async fn log_levels() {
    let workspace = Workspace::new();
    let url = create_database().await;
    for (log, has_info, has_warnings) in [
        ("warning", false, true),
        ("WARN", false, true),
        ("sqlx=warning", true, true),
        (" info , sqlx=warn,", true, true),
        (",", true, true),
        ("off", false, false),
    ] {
        let mut command = workspace.command_with_database(&url, &["serve"]);
        // The collector is unreachable, which is a warning.
        command.env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9").env("OTEL_BSP_SCHEDULE_DELAY", "1");
        let service = Service::start(command.env("LOG", log));
        service.paper_count().await;
        service.process.send_signal(Signal::TERM);
        let outcome = service.process.wait();
        assert_eq!(outcome.stderr.contains("request completed"), has_info, "{log}: {}", outcome.stderr);
        assert_eq!(outcome.stderr.contains("traces cannot be sent"), has_warnings, "{log}: {}", outcome.stderr);
    }
}

/// The objects on the lines of a text.
fn json_lines(text: &str) -> Vec<Value> {
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")));
    lines.inspect(|line: &Value| assert!(line["message"].is_string() && line["level"].is_string(), "{line}")).collect()
}

#[tokio::test]
async fn json_output() {
    let workspace = Workspace::new();
    let url = create_database().await;
    let with_json = |mut command: Command| {
        command.env("LOG_FORMAT", "json").env("LISTEN", "127.0.0.1:0");
        command
    };
    let serve = || with_json(workspace.command_with_database(&url, &["serve"]));
    let mut process = ChildProcess::start(serve().env("LOG", "info").args(["--demo", "always"]));
    let banner = process.wait_for_line("{");
    let banner: Value = serde_json::from_str(&format!("{{{banner}")).expect("an object");
    assert!(banner["graphiql"].as_str().is_some_and(|url| url.ends_with("/graphiql")), "{banner}");
    assert!(banner["papers"].as_u64().is_some_and(|count| count > 0) && banner["database"] == "external", "{banner}");
    let service = Service { process, url: banner["graphql"].as_str().expect("a URL").to_owned() };
    let data = service.query(banner["example"].as_str().expect("an example")).await;
    assert!(data["researcher"]["name"].is_string(), "{data}");
    service.process.send_signal(Signal::TERM);
    let outcome = service.process.wait();
    assert_eq!((outcome.code, json_lines(&outcome.stdout).len()), (Some(0), 1), "{outcome:?}");
    assert!(json_lines(&outcome.stderr).iter().any(|line| line["message"] == "request completed"), "{outcome:?}");

    // Fatal errors: of the command line, a setting, the log, a manifest, the file `.env`, a command and an import.
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its address").to_string();
    let _taken = TcpListener::bind(&taken).expect("the same port");
    let mut commands = vec![
        with_json(workspace.command(&["serve", "--unknown"])),
        serve(),
        serve(),
        serve(),
        with_json(workspace.command_with_database("mysql://localhost", &["check"])),
        with_json(workspace.command_with_database(&url, &["identity", "undo", "77"])),
        with_json(workspace.command_with_database(&url, &["import", "csl", "--strict", "missing.json"])),
    ];
    commands[1].env("CONSORTIUM_SIZE", "1");
    commands[2].env("LOG", "wran");
    commands[3].env("LISTEN", &taken);
    for mut command in commands {
        let outcome = run_to_completion(&mut command);
        assert_ne!(outcome.code, Some(0), "{outcome:?}");
        let lines = json_lines(&outcome.stderr);
        assert_eq!(lines.last().map(|line| &line["level"]), Some(&json!("ERROR")), "{command:?}: {outcome:?}");
        json_lines(&outcome.stdout);
    }
    let invalid = run_to_completion(&mut workspace.command(&["serve", "--log-format", "json", "--unknown"]));
    assert_eq!((invalid.code, json_lines(&invalid.stderr).len()), (Some(2), 1));
    // An import reports its progress and result in the same way.
    workspace.write_file("papers.json", r#"[{"id": "w1", "title": "A paper"}, {"id": "w2"}, 7]"#);
    let imported =
        run_to_completion(&mut with_json(workspace.command_with_database(&url, &["import", "csl", "papers.json"])));
    assert!(!json_lines(&imported.stderr).is_empty(), "{imported:?}");
    assert!(
        json_lines(&imported.stdout)[0]["message"].as_str().is_some_and(|text| text.starts_with("read 3")),
        "{imported:?}"
    );
    workspace.write_file(".env", "NOT A VARIABLE");
    let outcome = run_to_completion(&mut serve());
    assert!(
        json_lines(&outcome.stderr)[0]["message"].as_str().is_some_and(|text| text.contains(".env")),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn banner_example() {
    let workspace = Workspace::new();
    let url = create_database().await;
    // There is none in an empty directory.
    let service = Service::start(&mut workspace.command_with_database(&url, &["serve"]));
    service.process.send_signal(Signal::TERM);
    let outcome = service.process.wait();
    assert!(!outcome.stdout.contains("  try ") && !outcome.stdout.contains("pascanu"), "{}", outcome.stdout);
    // In any other, it finds someone.
    workspace
        .write_file("paper.json", r#"{"id": "w1", "title": "Weirs", "author": [{"given": "Ida", "family": "Brook"}]}"#);
    assert_eq!(workspace.import(&url, &["csl", "paper.json"]).code, Some(0));
    let mut command = workspace.command_with_database(&url, &["serve"]);
    let mut service = Service::start(command.env("PUBLIC_URL", "https://www.example.org/directory/"));
    assert_eq!(service.url, "https://www.example.org/directory/graphql");
    let example = service.process.wait_for_line("try ");
    service.process.send_signal(Signal::TERM);
    assert!(service.process.wait().stdout.contains("GraphiQL  https://www.example.org/directory/graphiql"));
    let service = Service::start(&mut workspace.command_with_database(&url, &["serve"]));
    let data = service.query(&example).await;
    assert_eq!(data["researcher"]["name"], json!("Ida Brook"), "{example}");
}

#[tokio::test]
async fn a_query_before_the_first_request() {
    let workspace = Workspace::new();
    let url = create_database().await;
    workspace
        .write_file("paper.json", r#"{"id": "w1", "title": "Weirs", "author": [{"given": "Ida", "family": "Brook"}]}"#);
    assert_eq!(workspace.import(&url, &["csl", "paper.json"]).code, Some(0));
    let start = |cost: &str| {
        let mut command = workspace.command_with_database(&url, &["serve"]);
        let log = "warn,academic_directory::http::warm_up=debug";
        Service::start(command.env("LOG", log).env("MAX_QUERY_COST", cost))
    };
    // It is subject to the limits of queries, and the service starts without it.
    for (cost, message) in [("30000", "executed a typical query"), ("1", "the typical query failed")] {
        let service = start(cost);
        // The first request over HTTP is the service's own, which was answered before the address was printed.
        let metrics = service.metrics().await;
        let is_answered = |line: &str| line.starts_with("academic_directory_requests_total{") && line.ends_with(" 1");
        let is_counted = metrics.lines().any(is_answered);
        service.process.send_signal(Signal::TERM);
        let stderr = service.process.wait().stderr;
        assert!(stderr.contains(message) && !stderr.contains("panicked"), "{cost}: {stderr}");
        assert!(is_counted || stderr.contains("was not answered within a second"), "{cost}: {metrics}");
    }
}

#[tokio::test]
async fn settings_from_a_file() {
    let workspace = Workspace::new();
    let url = create_database().await;
    for (value, name) in [
        ("\"Lake directory\"", "Lake directory"),
        ("Lake$HOME", "Lake$HOME"),
        ("\"Lake $HOME ${HOME}\" # of $HOME", "Lake $HOME ${HOME}"),
        ("'Lake $HOME'", "Lake $HOME"),
        ("Lake\\$HOME", "Lake$HOME"),
    ] {
        workspace.write_file(".env", format!("# don't\nDIRECTORY_NAME={value}\n"));
        let service = Service::start(&mut workspace.command_with_database(&url, &["serve"]));
        let found = service.query("{ directory { name { value } } }").await;
        assert_eq!(found["directory"]["name"]["value"], json!(name), "{value}");
    }
}

/// No error repeats the value of a setting that may be a secret.
#[test]
fn secrets_are_not_printed() {
    let workspace = Workspace::new();
    let is_hidden = |outcome: &CommandOutput, part: &str| {
        assert_ne!(outcome.code, Some(0), "{outcome:?}");
        assert!(outcome.stderr.contains(part), "{outcome:?}");
        assert!(!outcome.stderr.contains("secret") && !outcome.stdout.contains("secret"), "{outcome:?}");
    };
    let tokens = "library:secret:5,reading-room:another-secret:5";
    let reason = "invalid value '(not shown)' for '--rate-limit-tokens <RATE_LIMIT_TOKENS>': expected name:digest:cost";
    is_hidden(&run_to_completion(workspace.command(&[]).env("RATE_LIMIT_TOKENS", tokens)), reason);
    is_hidden(&run_to_completion(workspace.command(&["serve"]).env("RATE_LIMIT_TOKENS", tokens)), reason);
    is_hidden(&run_to_completion(&mut workspace.command(&["serve", "--rate-limit-tokens", tokens])), reason);
    let json =
        run_to_completion(workspace.command(&["serve"]).env("RATE_LIMIT_TOKENS", tokens).env("LOG_FORMAT", "json"));
    is_hidden(&json, "invalid value '(not shown)'");
    for line in ["DATABASE_URL=postgres://u:secret word@h/d", "DATABASE_URL='secret", "secret", "A=\"secret\\x\""] {
        workspace.write_file(".env", format!("# first\nLOG=warn\n{line}\n"));
        is_hidden(&run_to_completion(&mut workspace.command(&["check"])), ".env: line 3 is not NAME=value");
    }
}

#[tokio::test]
async fn schema_without_a_database() {
    let workspace = Workspace::new();
    let outcome = run_to_completion(workspace.command(&["schema"]).env("PATH", "/nowhere"));
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""));
    assert!(outcome.stdout.contains("type Researcher"), "{}", outcome.stdout);
    assert!(!workspace.path("data").exists());
}

#[tokio::test]
async fn missing_postgres() {
    let workspace = Workspace::new();
    let outcome = run_to_completion(workspace.command(&["serve"]).env("PG_BINDIR", workspace.path("nowhere")));
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(1), ""));
    assert!(outcome.stderr.starts_with("error: ") && outcome.stderr.contains("PG_BINDIR"), "{}", outcome.stderr);
}
