//! Every setting: its flag, its environment variable, its default and what it is for.
//!
//! Nothing else reads the environment. `.env.example` lists the same variables; a test compares the two.

use std::ffi::OsString;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::RangedU64ValueParser;
use clap::{Args, ValueEnum};
use ipnet::IpNet;

use crate::database::ServerPrograms;
use crate::model::language::LanguageTag;

/// What all commands need: where the data are.
#[derive(Args, Clone, Debug)]
pub struct DatabaseConfig {
    /// The Postgres to use, as postgres://user:password@host/database; without it a private server is started
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, global = true)]
    pub database_url: Option<String>,
    /// Copies of it that follow it by streaming replication, as addresses with commas between them; requests are read from those that lag behind by nothing
    #[arg(long, env = "DATABASE_READ_URLS", value_delimiter = ',', hide_env_values = true, global = true)]
    pub database_read_urls: Vec<String>,
    /// Where the private Postgres keeps its data
    #[arg(long, env = "DATA_DIR", default_value = "data", global = true)]
    pub data_dir: PathBuf,
    /// The folder with the programs `initdb` and `postgres`, where they are not found by themselves
    #[arg(long, env = "PG_BINDIR", global = true)]
    pub pg_bindir: Option<PathBuf>,
    /// The most connections to Postgres at once
    #[arg(long, env = "DATABASE_MAX_CONNECTIONS", default_value = "16", global = true)]
    pub database_max_connections: NonZeroU32,
    /// The longest a request waits for a free connection to Postgres, in seconds
    #[arg(long, env = "DATABASE_WAIT_SECONDS", default_value = "1", global = true)]
    pub database_wait_seconds: NonZeroU32,
    /// The longest a statement of a request may take, in seconds
    #[arg(long, env = "STATEMENT_TIMEOUT_SECONDS", default_value = "5", global = true)]
    pub statement_timeout_seconds: NonZeroU32,
    /// Whether migrations run at start
    #[arg(long, env = "MIGRATE", default_value = "auto", global = true)]
    pub migrate: Migrate,
    /// Papers with more authors than this make no coauthors unless a filter asks for them
    #[arg(long, env = "CONSORTIUM_SIZE", default_value = "100", value_parser = clap::value_parser!(u32).range(2..=1000), global = true)]
    pub consortium_size: u32,
    /// Sources whose word counts before that of others where their records contradict each other, with commas between them
    #[arg(long, env = "SOURCE_ORDER", value_delimiter = ',', global = true)]
    pub source_order: Vec<String>,
    /// What is logged: error, warn, info, debug or trace, or directives as tracing has them
    #[arg(long, env = "LOG", default_value = "info,sqlx=warn,sea_orm_migration=warn,actix_server=warn", global = true)]
    pub log: String,
    /// How logs are written
    #[arg(long, env = "LOG_FORMAT", default_value = "text", global = true)]
    pub log_format: LogFormat,
}

/// Whether migrations run at start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Migrate {
    /// At every start, under a lock
    Auto,
    /// Only by `academic-directory migrate up`
    Never,
}

/// Whether the demonstration directory is loaded at start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Demo {
    /// Into an empty private database only
    Auto,
    /// Into whatever database there is
    Always,
    /// Never
    Never,
}

/// What `serve` needs beside the database.
#[derive(Args, Clone, Debug)]
pub struct ServeConfig {
    /// The address and port to listen on; port 0 takes any free one
    #[arg(long, env = "LISTEN", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// Whether to load the demonstration directory
    #[arg(long, env = "DEMO", default_value = "auto")]
    pub demo: Demo,
    /// The directory's name
    #[arg(long, env = "DIRECTORY_NAME", default_value = "Academic directory")]
    pub directory_name: String,
    /// The language of texts where the reader's are not known, as a BCP 47 tag
    #[arg(long, env = "DEFAULT_LANGUAGE", default_value = "en")]
    pub default_language: LanguageTag,
    /// How requests are taken.
    #[command(flatten)]
    pub http: HttpConfig,
    /// What those who run the service see of it.
    #[command(flatten)]
    pub monitoring: MonitoringConfig,
    /// Where traces of requests go.
    #[command(flatten)]
    pub traces: TracesConfig,
    /// How many clients there may be, and how much they may take.
    #[command(flatten)]
    pub network: NetworkConfig,
    /// The largest request body, in bytes
    #[arg(long, env = "MAX_BODY_BYTES", default_value = "1048576")]
    pub max_body_bytes: usize,
    /// The deepest query, in nested fields: at most 60
    #[arg(long, env = "MAX_QUERY_DEPTH", default_value = "50", value_parser = RangedU64ValueParser::<usize>::new().range(1..=60))]
    pub max_query_depth: usize,
    /// The most tokens of a query
    #[arg(long, env = "MAX_QUERY_TOKENS", default_value = "15000")]
    pub max_query_tokens: usize,
    /// The most aliases of a query
    #[arg(long, env = "MAX_QUERY_ALIASES", default_value = "100")]
    pub max_query_aliases: usize,
    /// The most directives of a query
    #[arg(long, env = "MAX_QUERY_DIRECTIVES", default_value = "50")]
    pub max_query_directives: usize,
    /// The most fields of the same name beside each other
    #[arg(long, env = "MAX_QUERY_FIELD_REPEATS", default_value = "100")]
    pub max_query_field_repeats: usize,
    /// The most fields at the root of a query
    #[arg(long, env = "MAX_QUERY_ROOT_FIELDS", default_value = "50")]
    pub max_query_root_fields: usize,
    /// The most variables of an operation
    #[arg(long, env = "MAX_QUERY_VARIABLES", default_value = "100")]
    pub max_query_variables: usize,
    /// The most operations of a query's text, of which one is run
    #[arg(long, env = "MAX_QUERY_OPERATIONS", default_value = "50")]
    pub max_query_operations: usize,
    /// The most selections of a query once its fragments are put in place
    #[arg(long, env = "MAX_QUERY_SELECTIONS", default_value = "10000")]
    pub max_query_selections: usize,
    /// The most entries of a list in a query or its variables
    #[arg(long, env = "MAX_LIST_ENTRIES", default_value = "500")]
    pub max_list_entries: usize,
    /// The most nodes a query may return, every page full
    #[arg(long, env = "MAX_QUERY_NODES", default_value = "500000")]
    pub max_query_nodes: u64,
    /// The most a query may cost: a node 1, a statement 100
    #[arg(long, env = "MAX_QUERY_COST", default_value = "600000")]
    pub max_query_cost: u64,
    /// Whether the schema can be asked for by introspection
    #[arg(long, env = "INTROSPECTION", default_value = "on")]
    pub introspection: Switch,
}

/// What those who run the service see of it.
#[derive(Args, Clone, Debug)]
pub struct MonitoringConfig {
    /// The address and port for /metrics and /health alone; without it they are at LISTEN, the metrics only where that is
    /// a loopback address
    #[arg(long, env = "METRICS_LISTEN")]
    pub metrics_listen: Option<SocketAddr>,
    /// How long the service goes on after it said by /health/ready that it stops, in seconds
    #[arg(long, env = "SHUTDOWN_DELAY_SECONDS", default_value = "1", value_parser = clap::value_parser!(u32).range(0..=4))]
    pub shutdown_delay_seconds: u32,
}

impl MonitoringConfig {
    /// How long the service goes on after it said that it stops.
    #[must_use]
    pub fn shutdown_delay(&self) -> Duration {
        Duration::from_secs(self.shutdown_delay_seconds.into())
    }
}

/// Where traces of requests go. OpenTelemetry's own library reads more variables: `docs/operations.md` names them.
#[derive(Args, Clone, Debug)]
pub struct TracesConfig {
    /// The address of an OpenTelemetry collector (OTLP over HTTP, without TLS) that gets traces of requests; without it there
    /// are none
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT", value_parser = parse_collector_url)]
    pub otel_exporter_otlp_endpoint: Option<String>,
    /// The service's name in traces
    #[arg(long, env = "OTEL_SERVICE_NAME", default_value = "academic-directory")]
    pub otel_service_name: String,
}

impl TracesConfig {
    /// The address that takes traces, where there is one.
    #[must_use]
    pub fn endpoint(&self) -> Option<String> {
        let collector = self.otel_exporter_otlp_endpoint.as_deref().filter(|collector| !collector.is_empty())?;
        Some(format!("{}/v1/traces", collector.trim_end_matches('/')))
    }
}

/// Nothing is as good as no setting, as OpenTelemetry has it.
fn parse_collector_url(text: &str) -> Result<String, String> {
    if text.is_empty() || url::Url::parse(text).is_ok_and(|url| url.scheme() == "http" && url.has_host()) {
        return Ok(text.to_owned());
    }
    Err("write the address of a collector, such as http://localhost:4318; this program speaks no https to it, so let one \
         run beside it"
        .to_owned())
}

/// How logs are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Lines for people
    Text,
    /// A JSON object a line
    Json,
}

/// On or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    /// On
    On,
    /// Off
    Off,
}

/// How requests are taken.
#[derive(Args, Clone, Debug)]
pub struct HttpConfig {
    /// The longest a request may take to be answered, in seconds
    #[arg(long, env = "REQUEST_TIMEOUT_SECONDS", default_value = "10")]
    pub request_timeout_seconds: NonZeroU32,
    /// The longest a request's body may take to come, in seconds
    #[arg(long, env = "BODY_TIMEOUT_SECONDS", default_value = "10")]
    pub body_timeout_seconds: NonZeroU32,
    /// Sites whose pages may ask, as origins such as https://www.example.org, with commas between them, or * for all
    #[arg(long, env = "CORS_ORIGINS", value_delimiter = ',')]
    pub cors_origins: Vec<String>,
    /// Which operations are run: any, or trusted for those of OPERATIONS_MANIFEST only
    #[arg(long, env = "OPERATIONS", default_value = "any")]
    pub operations: OperationPolicy,
    /// The file with the operations known by id, as relay-compiler, graphql-codegen or Apollo's tools write it
    #[arg(long, env = "OPERATIONS_MANIFEST")]
    pub operations_manifest: Option<PathBuf>,
    /// How much the texts of automatic persisted queries may take in memory, in bytes
    #[arg(long, env = "PERSISTED_QUERIES_BYTES", default_value = "16777216")]
    pub persisted_queries_bytes: u64,
    /// How much the answers may take that are kept until the directory changes, in bytes; 0 to keep none
    #[arg(long, env = "CACHE_MAX_BYTES", default_value = "67108864")]
    pub cache_max_bytes: u64,
    /// How long caches may keep answers to persisted queries by GET, in seconds; 0 for not at all
    #[arg(long, env = "PERSISTED_MAX_AGE_SECONDS", default_value = "60")]
    pub persisted_max_age_seconds: u32,
}

/// How many clients there may be, and how much they may take.
#[derive(Args, Clone, Debug)]
pub struct NetworkConfig {
    /// The most connections at once
    #[arg(long, env = "MAX_CONNECTIONS", default_value = "4096")]
    pub max_connections: NonZeroU32,
    /// The most connections at once from one address, in IPv6 from one /64; trusted proxies may have any number
    #[arg(long, env = "MAX_CONNECTIONS_PER_ADDRESS", default_value = "256")]
    pub max_connections_per_address: NonZeroU32,
    /// The longest the head of a request may take to come, in seconds
    #[arg(long, env = "HEAD_TIMEOUT_SECONDS", default_value = "5")]
    pub head_timeout_seconds: NonZeroU32,
    /// The longest an answer may take to be read by its client, in seconds
    #[arg(long, env = "ANSWER_TIMEOUT_SECONDS", default_value = "30")]
    pub answer_timeout_seconds: NonZeroU32,
    /// How long a connection may be idle between two requests, in seconds
    #[arg(long, env = "KEEP_ALIVE_SECONDS", default_value = "15")]
    pub keep_alive_seconds: NonZeroU32,
    /// The most GraphQL requests that are worked on at once; more are refused at once
    #[arg(long, env = "MAX_CONCURRENT_REQUESTS", default_value = "32")]
    pub max_concurrent_requests: NonZeroU32,
    /// Proxies that are believed where a request comes from, as addresses or networks with commas between them
    #[arg(long, env = "TRUSTED_PROXIES", value_delimiter = ',', value_parser = parse_network)]
    pub trusted_proxies: Vec<IpNet>,
    /// The cost of queries that one address may ask for in a minute; 0 for any. Without it, 1000000, and any where LISTEN
    /// is a loopback address
    #[arg(long, env = "RATE_LIMIT_COST_PER_MINUTE")]
    pub rate_limit_cost_per_minute: Option<u32>,
    /// Clients with a quota of their own, as name:sha256-of-token:cost-per-minute with commas between them
    #[arg(long, env = "RATE_LIMIT_TOKENS", value_delimiter = ',', value_parser = parse_token_quota, hide_env_values = true)]
    pub rate_limit_tokens: Vec<TokenQuota>,
}

/// How many connections there may be, and how long a client may take.
#[derive(Clone, Debug)]
pub struct ConnectionLimits {
    /// The most connections.
    pub max_total: usize,
    /// The most from one address of IPv4, or one /64 of IPv6. Trusted proxies may have any number.
    pub max_per_client: usize,
    /// How long the head of a request may take to come.
    pub header_timeout: Duration,
    /// How long an answer may take to be read.
    pub response_timeout: Duration,
    /// How long a connection may be idle between two requests.
    pub keep_alive_timeout: Duration,
}

/// What clients may ask for in a minute.
#[derive(Clone, Debug)]
pub struct RateLimits {
    /// The cost that an address has, and in IPv6 a /64; none where nothing is limited.
    pub cost_per_minute: Option<NonZeroU32>,
    /// Clients with more, or less, by their tokens.
    pub tokens: Vec<TokenQuota>,
    /// Proxies that are believed where a request comes from.
    pub proxies: Vec<IpNet>,
}

/// What the bearer of a token may ask for in a minute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenQuota {
    /// Who that is, for the log.
    pub name: String,
    /// The SHA-256 of the token.
    pub digest: [u8; 32],
    /// The cost.
    pub cost_per_minute: NonZeroU32,
}

/// More than the dearest query that passes by default, or some thousand small ones.
const DEFAULT_COST_PER_MINUTE: u32 = 1_000_000;

impl NetworkConfig {
    /// How connections are limited.
    #[must_use]
    pub fn connection_limits(&self) -> ConnectionLimits {
        let number = |number: NonZeroU32| usize::try_from(number.get()).unwrap_or(usize::MAX);
        let seconds = |number: NonZeroU32| Duration::from_secs(u64::from(number.get()));
        ConnectionLimits {
            max_total: number(self.max_connections),
            max_per_client: number(self.max_connections_per_address),
            header_timeout: seconds(self.head_timeout_seconds),
            response_timeout: seconds(self.answer_timeout_seconds),
            keep_alive_timeout: seconds(self.keep_alive_seconds),
        }
    }

    /// What clients may ask for in a minute, of a service that listens there.
    #[must_use]
    pub fn rate_limits(&self, listen: SocketAddr) -> RateLimits {
        let usual = if listen.ip().to_canonical().is_loopback() { 0 } else { DEFAULT_COST_PER_MINUTE };
        RateLimits {
            cost_per_minute: NonZeroU32::new(self.rate_limit_cost_per_minute.unwrap_or(usual)),
            tokens: self.rate_limit_tokens.clone(),
            proxies: self.trusted_proxies.clone(),
        }
    }
}

fn parse_network(text: &str) -> Result<IpNet, String> {
    let address = || text.parse::<IpAddr>().map(IpNet::from);
    text.parse()
        .or_else(|_| address())
        .map_err(|_| "write an address such as 10.0.0.1, or a network such as 10.0.0.0/8".to_owned())
}

fn parse_token_quota(text: &str) -> Result<TokenQuota, String> {
    let parts: Vec<&str> = text.split(':').collect();
    let quota = match parts.as_slice() {
        [name, digest, cost] if !name.is_empty() => parse_sha256(digest)
            .zip(cost.parse().ok())
            .map(|(digest, cost_per_minute)| TokenQuota { name: (*name).to_owned(), digest, cost_per_minute }),
        _ => None,
    };
    // Nothing of the text: somebody may have put the token itself there.
    quota.ok_or_else(|| {
        "write name:digest:cost, where digest is the SHA-256 of the token in 64 hexadecimal digits (printf %s TOKEN | \
         sha256sum), and cost a number above 0"
            .to_owned()
    })
}

fn parse_sha256(text: &str) -> Option<[u8; 32]> {
    let mut digest = [0; 32];
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, place) in digest.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(text.get(place..place + 2)?, 16).ok()?;
    }
    Some(digest)
}

/// Which operations are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OperationPolicy {
    /// Whatever is within the limits
    Any,
    /// Only those of the manifest
    Trusted,
}

/// Limits of page sizes.
#[derive(Clone, Copy, Debug)]
pub struct PageLimits {
    /// Page size if neither `first` nor `last` is given.
    pub default_size: u32,
    /// Maximum page size.
    pub maximum_size: u32,
}

/// What a request may ask for.
#[derive(Clone, Debug)]
pub struct Limits {
    /// How large pages are and may be.
    pub page: PageLimits,
    /// The most entries of a list in a filter, and of keys in a look-up.
    pub list_entries: usize,
    /// How deep filters may nest in each other by and, or and not.
    pub filter_depth: usize,
    /// The most filters that may nest in one.
    pub filter_count: usize,
    /// The most people whom the search for a path between two may come to.
    pub path_researchers: usize,
    /// The deepest query, in nested fields.
    pub depth: usize,
    /// The most tokens of a query.
    pub tokens: usize,
    /// The most aliases of a query.
    pub aliases: usize,
    /// The most directives of a query.
    pub directives: usize,
    /// The most fields of the same name beside each other.
    pub field_repeats: usize,
    /// The most fields at the root of a query, fragments in place.
    pub root_fields: usize,
    /// The most variables of an operation.
    pub variables: usize,
    /// The most operations of a query's text.
    pub operations: usize,
    /// The most selections of a query, fragments in place.
    pub selections: usize,
    /// The most nodes a query may return, every page full.
    pub nodes: u64,
    /// The most a query may cost: a node 1, a statement 100.
    pub cost: u64,
    /// Whether the schema can be asked for.
    pub introspection: bool,
    /// The largest request body, in bytes.
    pub body_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            page: PageLimits { default_size: 20, maximum_size: 100 },
            list_entries: 500,
            filter_depth: 5,
            filter_count: 100,
            path_researchers: 50_000,
            depth: 50,
            tokens: 15_000,
            aliases: 100,
            directives: 50,
            field_repeats: 100,
            root_fields: 50,
            variables: 100,
            operations: 50,
            selections: 10_000,
            nodes: 500_000,
            cost: 600_000,
            introspection: true,
            body_bytes: 1_048_576,
        }
    }
}

impl ServeConfig {
    /// The limits of requests.
    #[must_use]
    pub fn limits(&self) -> Limits {
        Limits {
            depth: self.max_query_depth,
            tokens: self.max_query_tokens,
            aliases: self.max_query_aliases,
            directives: self.max_query_directives,
            field_repeats: self.max_query_field_repeats,
            root_fields: self.max_query_root_fields,
            variables: self.max_query_variables,
            operations: self.max_query_operations,
            selections: self.max_query_selections,
            list_entries: self.max_list_entries,
            nodes: self.max_query_nodes,
            cost: self.max_query_cost,
            introspection: self.introspection == Switch::On,
            body_bytes: self.max_body_bytes,
            ..Limits::default()
        }
    }
}

impl DatabaseConfig {
    /// The longest a statement of a request may take.
    #[must_use]
    pub fn statement_timeout(&self) -> Duration {
        Duration::from_secs(u64::from(self.statement_timeout_seconds.get()))
    }

    /// The longest a request waits for a free connection.
    #[must_use]
    pub fn acquire_timeout(&self) -> Duration {
        Duration::from_secs(u64::from(self.database_wait_seconds.get()))
    }

    /// Where the programs of a Postgres server may be.
    #[must_use]
    pub fn server_programs(&self) -> ServerPrograms {
        ServerPrograms { bin_directory: self.pg_bindir.clone(), search_path: search_path() }
    }

    /// Whether `data_dir` is the default, so that another place may be taken where it cannot be used.
    #[must_use]
    pub fn has_default_data_dir(&self) -> bool {
        self.data_dir == std::path::Path::new("data")
    }
}

fn search_path() -> Option<OsString> {
    std::env::var_os("PATH")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks() {
        for (text, read) in
            [("10.1.2.3", "10.1.2.3/32"), ("10.0.0.0/8", "10.0.0.0/8"), ("fd00::/8", "fd00::/8"), ("::1", "::1/128")]
        {
            assert_eq!(parse_network(text).expect("a network").to_string(), read);
        }
        for text in ["", "proxy", "10.0.0.0/33", "10.0.0"] {
            assert!(parse_network(text).is_err(), "{text}");
        }
    }

    #[test]
    fn collectors() {
        for (text, endpoint) in [
            ("", None),
            ("http://localhost:4318", Some("http://localhost:4318/v1/traces")),
            ("http://[::1]:4318/path/", Some("http://[::1]:4318/path/v1/traces")),
        ] {
            let read = parse_collector_url(text).expect("an address");
            let traces = TracesConfig { otel_exporter_otlp_endpoint: Some(read), otel_service_name: String::new() };
            assert_eq!(traces.endpoint().as_deref(), endpoint);
        }
        for text in ["localhost:4318", "https://localhost:4318", "grpc://localhost:4317", "collector"] {
            assert!(parse_collector_url(text).is_err(), "{text}");
        }
    }

    #[test]
    fn token_quotas() {
        let digest = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";
        let quota = parse_token_quota(&format!("library:{digest}:5000")).expect("a quota");
        assert_eq!((quota.name.as_str(), quota.cost_per_minute.get()), ("library", 5000));
        assert_eq!(quota.digest[..2], [0x2b, 0xb8]);
        for text in [
            "library".to_owned(),
            format!("library:{digest}"),
            format!("library:{digest}:0"),
            format!("library:{digest}:many"),
            format!(":{digest}:5"),
            format!("library:{}:5", &digest[1..]),
            format!("library:{}\u{e9}:5", &digest[2..]),
            "library:secret:5".to_owned(),
        ] {
            let message = parse_token_quota(&text).expect_err("no quota");
            assert!(!message.contains("secret"), "{message}");
        }
    }
}
