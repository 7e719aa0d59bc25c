//! Starts the service on a free port with a database of its own, and sends requests to it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use academic_directory::config::{
    DatabaseConfig, HarvestConfig, HttpConfig, Limits, LogFormat, Migrate, MonitoringConfig, NetworkConfig,
    OperationPolicy,
};
use academic_directory::database::Database;
use academic_directory::graphql::context::DirectoryInfo;
use academic_directory::http::{Application, ServerSettings, ShutdownHandle};
use academic_directory::import::formats;
use academic_directory::model::record::Record;
use academic_directory::model::source_order::SourceOrder;
use academic_directory::pages::SiteSettings;
use academic_directory::store::Store;
use academic_directory::store::unit_of_work::{BatchReport, Effect};
use serde_json::{Value, json};
use tokio::sync::oneshot;

pub mod csl;
pub mod database_dump;
pub mod database_state;
pub mod delay_proxy;
pub mod loopback;
pub mod nginx;
pub mod pgbouncer;
mod postgres;
pub mod process;
mod queries;
pub mod raw_http;
pub mod schema_definitions;
pub mod schema_queries;
pub mod synthetic_data;
pub mod tls_server;
pub mod websocket;
pub mod xml;

pub use postgres::{
    DatabaseSession, create_database, create_empty_database, delay_database, execute_sql, server_programs,
    start_postgres, wait_for_blocked_statements,
};
pub use queries::{CLIENT_ERROR_CODES, orcid, organization_record, researcher_record, ror, topic_record, with_fields};

/// A running service.
pub struct TestApp {
    pub address: SocketAddr,
    pub store: Store,
    pub database_url: String,
    handle: ShutdownHandle,
    client: reqwest::Client,
}

/// The response to a GraphQL request.
#[derive(Debug)]
pub struct GraphqlResponse {
    pub status: u16,
    pub body: Value,
}

impl GraphqlResponse {
    /// The response data. Panics if the response has errors.
    pub fn data(&self) -> &Value {
        assert!(self.body.get("errors").is_none(), "unexpected errors: {}", self.body["errors"]);
        &self.body["data"]
    }

    /// The error codes.
    pub fn codes(&self) -> Vec<String> {
        let errors = self.body["errors"].as_array().cloned().unwrap_or_default();
        errors.iter().map(|error| error["extensions"]["code"].as_str().unwrap_or("none").to_owned()).collect()
    }

    /// The error messages.
    pub fn messages(&self) -> Vec<String> {
        let errors = self.body["errors"].as_array().cloned().unwrap_or_default();
        errors.iter().map(|error| error["message"].as_str().unwrap_or_default().to_owned()).collect()
    }
}

/// Limits that no query of a test reaches.
pub fn unlimited_limits() -> Limits {
    Limits {
        nodes: u64::MAX,
        cost: u64::MAX,
        selections: usize::MAX,
        tokens: usize::MAX,
        depth: 100,
        aliases: usize::MAX,
        field_repeats: usize::MAX,
        ..Limits::default()
    }
}

impl TestApp {
    /// Starts with an empty, migrated database.
    pub async fn start() -> Self {
        Self::start_with_limits(Limits::default(), 100).await
    }

    /// Starts with an empty database, and non-default limits or consortium size.
    pub async fn start_with_limits(limits: Limits, consortium_size: u32) -> Self {
        let database_url = create_database().await;
        Self::start_on_database(database_url, limits, consortium_size).await
    }

    /// Starts with an empty database and non-default request settings.
    pub async fn start_with_http_config(http: HttpConfig) -> Self {
        Self::start_with_config(
            database_config(&create_database().await, 100),
            Limits::default(),
            http,
            network_config(),
        )
        .await
    }

    /// Starts with an empty database and non-default connection settings.
    pub async fn start_with_network_config(network: NetworkConfig, http: HttpConfig) -> Self {
        Self::start_with_config(database_config(&create_database().await, 100), Limits::default(), http, network).await
    }

    /// Starts on an existing database.
    pub async fn start_on_database(database_url: String, limits: Limits, consortium_size: u32) -> Self {
        Self::start_with_config(
            database_config(&database_url, consortium_size),
            limits,
            http_config(),
            network_config(),
        )
        .await
    }

    /// Starts on an existing database, with this many seconds as the timeout for acquiring a connection.
    pub async fn start_with_acquire_timeout(database_url: String, seconds: u32) -> Self {
        let mut config = database_config(&database_url, 100);
        config.database_wait_seconds = seconds.try_into().expect("not zero");
        Self::start_with_config(config, Limits::default(), http_config(), network_config()).await
    }

    /// Starts with an empty database, and without pages for people.
    pub async fn start_without_pages() -> Self {
        let config = database_config(&create_database().await, 100);
        Self::start_with_pages(config, Limits::default(), http_config(), network_config(), None).await
    }

    /// Starts with an empty database and these settings of the pages.
    pub async fn start_with_site(site: SiteSettings) -> Self {
        let config = database_config(&create_database().await, 100);
        Self::start_with_pages(config, Limits::default(), http_config(), network_config(), Some(site)).await
    }

    /// Starts with the given settings.
    pub async fn start_with_config(
        config: DatabaseConfig,
        limits: Limits,
        http: HttpConfig,
        network: NetworkConfig,
    ) -> Self {
        Self::start_with_pages(config, limits, http, network, Some(SiteSettings::default())).await
    }

    async fn start_with_pages(
        config: DatabaseConfig,
        limits: Limits,
        http: HttpConfig,
        network: NetworkConfig,
        pages: Option<SiteSettings>,
    ) -> Self {
        let database_url = config.database_url.clone().expect("a database");
        let consortium_size = config.consortium_size;
        let database = Database::open(&config).await.expect("the test's database");
        let store = Store::new(&database.primary, consortium_size);
        let store = store.with_replicas(&database.replicas);
        let store = store.with_source_order(SourceOrder::new([], formats::by_source_precedence()));
        store.rebuild_coauthorship_if_stale().await.expect("the consortium size");
        store.rebuild_search_index_if_stale().await.expect("the search index");
        let settings = ServerSettings {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            public_url: None,
            limits,
            directory: DirectoryInfo {
                name: "Test directory".to_owned(),
                default_language: "en".parse().expect("a language tag"),
            },
            http,
            monitoring: MonitoringConfig { metrics_listen: None, shutdown_delay_seconds: 0 },
            network,
            harvest: HarvestConfig {
                oai_domain: Some("directory.example.org".to_owned()),
                oai_admin_email: Some("library@example.org".to_owned()),
            },
            pages,
        };
        let application = Application::build(store.clone(), settings).expect("a server");
        let (address, handle) = (application.address(), application.handle());
        // Tests that count statements or connections begin after the service's own first request.
        let (sender, is_ready) = oneshot::channel();
        tokio::spawn(application.run(|| {
            let _ = sender.send(());
        }));
        is_ready.await.expect("a running server");
        Self {
            address,
            store,
            database_url,
            handle,
            client: reqwest::Client::builder().no_proxy().build().expect("a client"),
        }
    }

    /// Starts to shut down.
    pub fn stop(&self) {
        let handle = self.handle.clone();
        tokio::spawn(async move { handle.stop().await });
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn client(&self) -> &reqwest::Client {
        &self.client
    }

    /// Sends a query by POST.
    pub async fn query(&self, query: &str, variables: Value) -> GraphqlResponse {
        self.query_in_languages(query, variables, None).await
    }

    /// Sends a query with an `Accept-Language` header.
    pub async fn query_in_languages(&self, query: &str, variables: Value, languages: Option<&str>) -> GraphqlResponse {
        let mut request =
            self.client.post(self.url("/graphql")).json(&json!({ "query": query, "variables": variables }));
        if let Some(languages) = languages {
            request = request.header("Accept-Language", languages);
        }
        let response = request.send().await.expect("a response");
        let status = response.status().as_u16();
        GraphqlResponse { status, body: response.json().await.expect("a JSON response") }
    }

    /// The data of a query without variables. Panics if the response has errors.
    pub async fn data(&self, query: &str) -> Value {
        self.query(query, json!({})).await.data().clone()
    }

    /// Sends a query and counts its SQL statements. No other request may run at the same time.
    pub async fn query_counting_statements(&self, query: &str, variables: Value) -> (GraphqlResponse, u64) {
        let before = self.store.statement_counter().total();
        let result = self.query(query, variables).await;
        (result, self.store.statement_counter().total() - before)
    }

    /// Writes records as the source `test`, then disambiguates authors and refreshes statistics, as an import does.
    pub async fn write_records(&self, records: &[Record]) -> BatchReport {
        self.write_records_from("test", records).await
    }

    /// Writes records as the given source.
    pub async fn write_records_from(&self, source: &str, records: &[Record]) -> BatchReport {
        let written = self.store.write_records(source, records).await.expect("the records");
        self.store.merge_named_organizations().await.expect("the organizations");
        self.store.disambiguate_authors(|_| ()).await.expect("the disambiguation");
        self.store.refresh_statistics_if_stale().await.expect("the counts");
        written
    }

    /// Writes records without the steps that follow an import.
    pub async fn write_records_without_disambiguation(&self, records: &[Record]) {
        self.store.write_records("test", records).await.expect("the records");
    }

    /// Writes records given as JSON. Panics unless each of them creates an entity.
    pub async fn create_records(&self, records: Value) {
        let records = parse_records(records);
        let written = self.write_records(&records).await;
        assert!(written.effects.iter().all(|effect| *effect == Some(Effect::Created)), "{written:?}");
    }

    /// Refreshes the statistics after `execute_sql` changed the data.
    pub async fn refresh_statistics(&self) {
        self.execute_sql("DELETE FROM setting WHERE name = 'totals_day'").await;
        assert!(self.store.refresh_statistics_if_stale().await.expect("the counts"), "they were out of date");
    }

    /// Locks a table exclusively until the returned session is dropped.
    pub async fn lock_table(&self, table: &str) -> DatabaseSession {
        let session = DatabaseSession::open(&self.database_url).await;
        session.execute(&format!("BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")).await;
        session
    }

    /// Waits until a statement of the service is blocked by a lock.
    pub async fn wait_until_blocked(&self) {
        self.wait_for_blocked_statements(|blocked| blocked > 0).await;
    }

    /// Waits until no statement of the service is blocked by a lock.
    pub async fn wait_until_unblocked(&self) {
        self.wait_for_blocked_statements(|blocked| blocked == 0).await;
    }

    /// Waits until the number of blocked statements fulfils a condition.
    pub async fn wait_for_blocked_statements(&self, is_fulfilled: impl Fn(i64) -> bool) {
        wait_for_blocked_statements(&self.database_url, is_fulfilled).await;
    }

    /// Executes SQL to set up what no import can produce.
    pub async fn execute_sql(&self, sql: &str) {
        postgres::execute_sql(&self.database_url, sql).await;
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

/// A path that a pattern of the service matches, with an example of each parameter.
pub fn example_path(pattern: &str) -> String {
    let mut path = String::new();
    for (index, part) in pattern.split('{').enumerate() {
        let Some((parameter, rest)) = part.split_once('}').filter(|_| index > 0) else {
            path.push_str(part);
            continue;
        };
        path.push_str(match parameter.split(':').next() {
            Some("language") => "en",
            Some("section" | "collection") => "people",
            Some("part") => "people-1",
            Some("id") => "UmVzZWFyY2hlcjox",
            Some("orcid") => "0000-0002-1694-233X",
            Some("ror") => "05dxps055",
            Some("doi") => "10.5555/x",
            Some("slug") => "nobody",
            Some("name") => "nobody.jsonld",
            Some("file" | "page" | "rest") => "",
            _ => panic!("add an example of the parameter of {pattern}"),
        });
        path.push_str(rest);
    }
    path
}

/// Parses records of the format `records`.
pub fn parse_records(records: Value) -> Vec<Record> {
    serde_json::from_value(records).expect("records as `import records` takes them")
}

/// A paper record with author names in order.
pub fn paper_record(title: &str, year: Option<i32>, authors: &[&str]) -> Value {
    let authors: Vec<Value> =
        (1..).zip(authors).map(|(position, name)| json!({ "position": position, "name": name })).collect();
    let mut paper =
        json!({ "kind": "paper", "sourceId": title, "title": title, "type": "ARTICLE", "authors": authors });
    if let Some(year) = year {
        paper["publicationDate"] = json!(year.to_string());
    }
    paper
}

/// Default request settings for tests. The response cache is off, since tests count statements and change the database
/// directly.
pub fn http_config() -> HttpConfig {
    HttpConfig {
        request_timeout_seconds: 20.try_into().expect("not zero"),
        body_timeout_seconds: 10.try_into().expect("not zero"),
        cors_origins: Vec::new(),
        operations: OperationPolicy::Any,
        operations_manifest: None,
        persisted_queries_bytes: 1 << 20,
        cache_max_bytes: 0,
        persisted_max_age_seconds: 60,
    }
}

/// Default connection settings for tests.
pub fn network_config() -> NetworkConfig {
    let few = |number: u32| number.try_into().expect("not zero");
    NetworkConfig {
        max_connections: few(1_000),
        max_connections_per_address: few(500),
        max_streams_per_address: few(50),
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
        migration_wait_seconds: 60,
        consortium_size,
        source_order: Vec::new(),
        log: "warn".to_owned(),
        log_format: LogFormat::Text,
    }
}

/// A path in the shared data directory next to the repository. Prints a notice and returns `None` if it does not exist.
pub fn shared_data(path: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared").join(path);
    if path.exists() {
        return Some(path);
    }
    println!("skipped: {} does not exist", path.display());
    None
}

/// For each list entry, the value at a path of field names.
pub fn pluck<'a>(list: &'a Value, path: &[&str]) -> Vec<&'a Value> {
    let below = |entry: &'a Value| path.iter().fold(entry, |value, field| &value[field]);
    list.as_array().map(|entries| entries.iter().map(below).collect()).unwrap_or_default()
}

/// The same as strings; `"null"` for null.
pub fn pluck_strings(list: &Value, path: &[&str]) -> Vec<String> {
    pluck(list, path).into_iter().map(|value| value.as_str().unwrap_or("null").to_owned()).collect()
}

/// The environment for child processes, without any setting of the service.
pub fn clean_environment() -> BTreeMap<String, String> {
    ["PATH", "HOME", "PG_BINDIR"]
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), std::env::var(name).ok()?)))
        .collect()
}
