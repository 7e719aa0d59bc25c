//! Starts the service on port 0 over a database of its own, and speaks to it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use academic_directory::config::{
    DatabaseConfig, HttpConfig, Limits, LogFormat, Migrate, NetworkConfig, Operations, OperationsConfig,
};
use academic_directory::database::Database;
use academic_directory::graphql::context::DirectoryIdentity;
use academic_directory::http::{Application, Handle, Settings};
use academic_directory::model::record::Record;
use academic_directory::store::Store;
use academic_directory::store::unit_of_work::{Effect, Written};
use serde_json::{Value, json};

pub mod binary;
pub mod csl;
pub mod definitions;
pub mod dump;
pub mod everything;
mod postgres;
mod read;
pub mod sample;
pub mod state;
pub mod wire;

pub use postgres::{Session, empty_database, execute, new_database, start_server};
pub use read::{CLIENTS_MISTAKES, orcid, organization, researcher, ror, topic, with};

/// A running service.
pub struct TestApp {
    pub address: SocketAddr,
    pub store: Store,
    pub database_url: String,
    handle: Handle,
    client: reqwest::Client,
}

/// An answer to a GraphQL request.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
}

impl Answer {
    /// The data of an answer that must have no errors.
    pub fn data(&self) -> &Value {
        assert!(self.body.get("errors").is_none(), "unexpected errors: {}", self.body["errors"]);
        &self.body["data"]
    }

    /// The codes of its errors.
    pub fn codes(&self) -> Vec<String> {
        let errors = self.body["errors"].as_array().cloned().unwrap_or_default();
        errors.iter().map(|error| error["extensions"]["code"].as_str().unwrap_or("none").to_owned()).collect()
    }

    /// The messages of its errors.
    pub fn messages(&self) -> Vec<String> {
        let errors = self.body["errors"].as_array().cloned().unwrap_or_default();
        errors.iter().map(|error| error["message"].as_str().unwrap_or_default().to_owned()).collect()
    }
}

impl TestApp {
    /// Over an empty, migrated database.
    pub async fn start() -> Self {
        Self::start_with(Limits::default(), 100).await
    }

    /// Over an empty database, with other limits or another consortium size than the usual.
    pub async fn start_with(limits: Limits, consortium_size: u32) -> Self {
        let database_url = new_database().await;
        Self::start_over(database_url, limits, consortium_size).await
    }

    /// Over an empty database, with other settings of requests than the usual.
    pub async fn start_http(http: HttpConfig) -> Self {
        Self::start_so(database_config(&new_database().await, 100), Limits::default(), http, network()).await
    }

    /// Over an empty database, with other settings of clients than the usual.
    pub async fn start_network(network: NetworkConfig, http: HttpConfig) -> Self {
        Self::start_so(database_config(&new_database().await, 100), Limits::default(), http, network).await
    }

    /// Over a database that is there.
    pub async fn start_over(database_url: String, limits: Limits, consortium_size: u32) -> Self {
        Self::start_so(database_config(&database_url, consortium_size), limits, http(), network()).await
    }

    /// Over a database that is there, where a request waits so many seconds for a free connection.
    pub async fn start_waiting(database_url: String, seconds: u32) -> Self {
        let mut config = database_config(&database_url, 100);
        config.database_wait_seconds = seconds.try_into().expect("not zero");
        Self::start_so(config, Limits::default(), http(), network()).await
    }

    /// With all settings.
    pub async fn start_so(config: DatabaseConfig, limits: Limits, http: HttpConfig, network: NetworkConfig) -> Self {
        let database_url = config.database_url.clone().expect("a database");
        let consortium_size = config.consortium_size;
        let database = Database::open(&config).await.expect("the test's database");
        let store = Store::new(database.connection.clone(), consortium_size);
        let store = store.with_replicas(database.replicas.clone());
        store.keep_consortium_size().await.expect("the consortium size");
        store.keep_search_index().await.expect("the search index");
        let settings = Settings {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            limits,
            identity: DirectoryIdentity {
                name: "Test directory".to_owned(),
                default_language: "en".parse().expect("a language tag"),
            },
            http,
            operations: OperationsConfig { metrics_listen: None, shutdown_delay_seconds: 0 },
            network,
        };
        let application = Application::build(store.clone(), settings).expect("a server");
        let (address, handle) = (application.address(), application.handle());
        tokio::spawn(application.run());
        Self {
            address,
            store,
            database_url,
            handle,
            client: reqwest::Client::builder().no_proxy().build().expect("a client"),
        }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn client(&self) -> &reqwest::Client {
        &self.client
    }

    /// Asks by POST, as JSON.
    pub async fn ask(&self, query: &str, variables: Value) -> Answer {
        self.ask_in(query, variables, None).await
    }

    /// Asks with an `Accept-Language`.
    pub async fn ask_in(&self, query: &str, variables: Value, languages: Option<&str>) -> Answer {
        let mut request =
            self.client.post(self.url("/graphql")).json(&json!({ "query": query, "variables": variables }));
        if let Some(languages) = languages {
            request = request.header("Accept-Language", languages);
        }
        let response = request.send().await.expect("an answer");
        let status = response.status().as_u16();
        Answer { status, body: response.json().await.expect("a JSON answer") }
    }

    /// The data of a query without variables that must succeed.
    pub async fn data(&self, query: &str) -> Value {
        self.ask(query, json!({})).await.data().clone()
    }

    /// Asks, and counts the SQL statements that it took. Nothing else may run on this app at the same time.
    pub async fn statements_of(&self, query: &str, variables: Value) -> (Answer, u64) {
        let before = self.store.statements().of_all();
        let answer = self.ask(query, variables).await;
        (answer, self.store.statements().of_all() - before)
    }

    /// Writes records as the source `test`, counts as an import does, and tells what became of them.
    pub async fn write(&self, records: &[Record]) -> Written {
        self.write_from("test", records).await
    }

    /// Writes records as another source.
    pub async fn write_from(&self, source: &str, records: &[Record]) -> Written {
        let written = self.store.write(source, records).await.expect("the records");
        self.store.adopt_organizations().await.expect("the organizations");
        self.store.resolve_identities(|_| ()).await.expect("who is who");
        self.store.recount_totals().await.expect("the counts");
        written
    }

    /// Writes records without looking at who is who afterwards.
    pub async fn write_unresolved(&self, records: &[Record]) {
        self.store.write("test", records).await.expect("the records");
    }

    /// Writes records given as JSON, each of which must make something new.
    pub async fn load(&self, records: Value) {
        let records = records_of(records);
        let written = self.write(&records).await;
        assert!(written.effects.iter().all(|effect| *effect == Some(Effect::Created)), "{written:?}");
    }

    /// Counts again what SQL of the test's own changed.
    pub async fn recount(&self) {
        self.sql("DELETE FROM setting WHERE name = 'totals_day'").await;
        assert!(self.store.recount_totals().await.expect("the counts"), "they were out of date");
    }

    /// Locks a table against everybody until what is given back is dropped.
    pub async fn locked(&self, table: &str) -> Session {
        let session = Session::open(&self.database_url).await;
        session.run(&format!("BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")).await;
        session
    }

    /// Waits until a statement of the service waits for a lock.
    pub async fn something_runs(&self) {
        self.wait_for_waiting("something runs", |waiting| waiting > 0).await;
    }

    /// Waits until no statement of the service waits for a lock.
    pub async fn nothing_runs(&self) {
        self.wait_for_waiting("nothing runs", |waiting| waiting == 0).await;
    }

    async fn wait_for_waiting(&self, what: &str, holds: impl Fn(i64) -> bool) {
        let session = Session::open(&self.database_url).await;
        let deadline = std::time::Instant::now() + binary::PATIENCE;
        let count =
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
        while !holds(session.number(count).await) {
            assert!(std::time::Instant::now() < deadline, "waited too long until {what}");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }

    /// Runs SQL of the test's own, to arrange what no import can.
    pub async fn sql(&self, sql: &str) {
        postgres::execute(&self.database_url, sql).await;
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        let handle = self.handle.clone();
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { handle.stop().await });
        }
    }
}

/// Neutral records from their JSON.
pub fn records_of(records: Value) -> Vec<Record> {
    serde_json::from_value(records).expect("records as `import records` takes them")
}

/// A paper with named authors in order, as a record.
pub fn paper(title: &str, year: Option<i32>, authors: &[&str]) -> Value {
    let authors: Vec<Value> =
        (1..).zip(authors).map(|(position, name)| json!({ "position": position, "name": name })).collect();
    let mut paper =
        json!({ "kind": "paper", "sourceId": title, "title": title, "type": "ARTICLE", "authors": authors });
    if let Some(year) = year {
        paper["publicationDate"] = json!(year.to_string());
    }
    paper
}

/// The usual settings of requests. No answers are kept: tests count statements, and change the database behind the service.
pub fn http() -> HttpConfig {
    HttpConfig {
        request_timeout_seconds: 20.try_into().expect("not zero"),
        body_timeout_seconds: 10.try_into().expect("not zero"),
        cors_origins: Vec::new(),
        operations: Operations::Any,
        operations_manifest: None,
        persisted_queries_bytes: 1 << 20,
        cache_max_bytes: 0,
        persisted_max_age_seconds: 60,
    }
}

/// The usual settings of clients.
pub fn network() -> NetworkConfig {
    let few = |number: u32| number.try_into().expect("not zero");
    NetworkConfig {
        max_connections: few(1_000),
        max_connections_per_address: few(500),
        head_timeout_seconds: few(5),
        answer_timeout_seconds: few(30),
        keep_alive_seconds: few(15),
        max_concurrent_requests: few(64),
        trusted_proxies: Vec::new(),
        rate_limit_cost_per_minute: None,
        rate_limit_tokens: Vec::new(),
    }
}

pub fn database_config(url: &str, consortium_size: u32) -> DatabaseConfig {
    DatabaseConfig {
        database_url: Some(url.to_owned()),
        database_read_urls: Vec::new(),
        data_dir: PathBuf::from("data"),
        pg_bindir: None,
        database_max_connections: 4.try_into().expect("not zero"),
        database_wait_seconds: 10.try_into().expect("not zero"),
        statement_timeout_seconds: 20.try_into().expect("not zero"),
        migrate: Migrate::Auto,
        consortium_size,
        source_order: Vec::new(),
        log: "warn".to_owned(),
        log_format: LogFormat::Text,
    }
}

/// The shared folder with real data beside the repository; none where it is absent, which is told.
pub fn shared(path: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared").join(path);
    if path.exists() {
        return Some(path);
    }
    println!("skipped: {} is not there", path.display());
    None
}

/// The values at a path of field names below each entry of a list.
pub fn pluck<'a>(list: &'a Value, path: &[&str]) -> Vec<&'a Value> {
    let below = |entry: &'a Value| path.iter().fold(entry, |value, field| &value[field]);
    list.as_array().map(|entries| entries.iter().map(below).collect()).unwrap_or_default()
}

/// The same, as texts.
pub fn texts(list: &Value, path: &[&str]) -> Vec<String> {
    pluck(list, path).into_iter().map(|value| value.as_str().unwrap_or("null").to_owned()).collect()
}

/// The environment of a child process that must not find settings of the machine.
pub fn clean_environment() -> BTreeMap<String, String> {
    ["PATH", "HOME", "PG_BINDIR"]
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), std::env::var(name).ok()?)))
        .collect()
}
