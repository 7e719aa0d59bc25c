//! The process lifecycle: startup, shutdown, the embedded Postgres, and configuration errors.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::database_dump::query_strings;
use crate::support::process::{
    ChildProcess, WAIT_TIMEOUT, Workspace, find_postgres_processes, run_to_completion, wait_for,
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
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(1), ""));
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
    for url in ["mysql://nobody:hunter2@localhost/none", "postgres://nobody:hun/ter2@localhost/none", "hunter2", ""] {
        let outcome = run_to_completion(&mut workspace.command_with_database(url, &["serve"]));
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(1), ""), "{url}");
        let error = "error: DATABASE_URL is not the connection URL of a PostgreSQL database, such as postgres://user:password@host/database";
        assert!(outcome.stderr.starts_with(error), "{url}: {outcome:?}");
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
    let outcome = run_to_completion(workspace.command(&["serve"]).env("LOG", "=/="));
    assert_eq!(outcome.code, Some(1));
    assert!(outcome.stderr.starts_with("error: LOG is invalid"), "{outcome:?}");
}

#[tokio::test]
async fn settings_from_a_file() {
    let workspace = Workspace::new();
    workspace.write_file(".env", "DIRECTORY_NAME=\"Lake directory\"\n");
    let service = Service::start(&mut workspace.command_with_database(&create_database().await, &["serve"]));
    let found = service.query("{ directory { name { value } } }").await;
    assert_eq!(found["directory"]["name"]["value"], json!("Lake directory"));
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
