//! Configuration: every setting with its command-line flag, environment variable, default and description.
//!
//! No other module reads the environment. `.env.example` lists the same variables; a test compares the two.

mod addresses;
mod database;
mod env_file;
mod environment;
mod harvest;
mod limits;
mod monitoring;
mod network;
mod pg_defaults;
mod programs;
mod read_addresses;

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::builder::RangedU64ValueParser;
use clap::{Args, ValueEnum};

use crate::config::addresses::{
    parse_contact_url, parse_image_origin, parse_listen_address, parse_origin, parse_public_url,
};
use crate::model::language::LanguageTag;

pub use crate::config::database::{DEFAULT_LOG, DatabaseConfig, LogFormat, Migrate};
pub use crate::config::env_file::{EnvFileError, load_env_file};
pub use crate::config::environment::{ignore_blank_variables, requested_log_format};
pub use crate::config::harvest::{HarvestConfig, is_oai_domain};
pub use crate::config::limits::{Limits, PageLimits};
pub use crate::config::monitoring::{MonitoringConfig, TracesConfig};
pub use crate::config::network::{ConnectionLimits, NetworkConfig, RateLimits, TokenQuota};
pub use crate::config::pg_defaults::{PgDefaults, SystemAuthorities, ignore_system_authorities};
pub use crate::config::programs::bundled_postgres_directories;

/// The heading of query limits in `--help`.
const QUERY_LIMITS: &str = "Query limits";

/// Whether sample data is loaded at startup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Demo {
    /// Only into an empty embedded database
    Auto,
    /// Into any database
    Always,
    /// Never
    Never,
}

/// Settings of `serve`, in addition to [`DatabaseConfig`].
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Service")]
pub struct ServeConfig {
    /// Address and port to listen on; without an address, as in :8080, all IPv4 addresses; port 0 picks a free port
    #[arg(long, env = "LISTEN", default_value = "127.0.0.1:8080", value_parser = parse_listen_address)]
    pub listen: SocketAddr,
    /// URL below which clients reach /graphql, such as https://www.example.org/directory, for the addresses that the service
    /// prints and for those of entities; if unset, they are those of LISTEN
    #[arg(long, env = "PUBLIC_URL", value_parser = parse_public_url)]
    pub public_url: Option<String>,
    /// Whether sample data is loaded at startup
    #[arg(long, env = "DEMO", default_value = "auto")]
    pub demo: Demo,
    /// Display name of the directory
    #[arg(long, env = "DIRECTORY_NAME", default_value = "Academic directory")]
    pub directory_name: String,
    /// Language of texts if the client requests none, as a BCP 47 tag
    #[arg(long, env = "DEFAULT_LANGUAGE", default_value = "en")]
    pub default_language: LanguageTag,
    /// Whether the pages for people are served; / then leads to them, otherwise to GraphiQL
    #[arg(long, env = "EXPLORER", default_value = "on")]
    pub explorer: Switch,
    /// Where readers of a page report what is wrong: an https:// or mailto: URL
    #[arg(long, env = "CONTACT_URL", value_parser = parse_contact_url)]
    pub contact_url: Option<String>,
    /// Origins such as https://photos.example.org whose portraits the pages show, comma-separated; readers load them from there
    #[arg(long, env = "PORTRAIT_ORIGINS", value_delimiter = ',', value_parser = parse_image_origin)]
    pub portrait_origins: Vec<String>,
    /// Request handling.
    #[command(flatten)]
    pub http: HttpConfig,
    /// Monitoring and shutdown.
    #[command(flatten)]
    pub monitoring: MonitoringConfig,
    /// Request tracing.
    #[command(flatten)]
    pub traces: TracesConfig,
    /// Harvesting.
    #[command(flatten)]
    pub harvest: HarvestConfig,
    /// Connections and rate limits.
    #[command(flatten)]
    pub network: NetworkConfig,
    /// Maximum size of a request body, in bytes
    #[arg(long, env = "MAX_BODY_BYTES", help_heading = "Requests", default_value = "1048576")]
    pub max_body_bytes: usize,
    /// Maximum nesting depth of a query (at most 60)
    #[arg(long, env = "MAX_QUERY_DEPTH", help_heading = QUERY_LIMITS, default_value = "50", value_parser = RangedU64ValueParser::<usize>::new().range(1..=60))]
    pub max_query_depth: usize,
    /// Maximum number of tokens in a query
    #[arg(long, env = "MAX_QUERY_TOKENS", help_heading = QUERY_LIMITS, default_value = "15000")]
    pub max_query_tokens: usize,
    /// Maximum number of aliases in a query
    #[arg(long, env = "MAX_QUERY_ALIASES", help_heading = QUERY_LIMITS, default_value = "100")]
    pub max_query_aliases: usize,
    /// Maximum number of directives in a query
    #[arg(long, env = "MAX_QUERY_DIRECTIVES", help_heading = QUERY_LIMITS, default_value = "50")]
    pub max_query_directives: usize,
    /// Maximum number of fields with the same name in one selection set
    #[arg(long, env = "MAX_QUERY_FIELD_REPEATS", help_heading = QUERY_LIMITS, default_value = "100")]
    pub max_query_field_repeats: usize,
    /// Maximum number of root fields in a query
    #[arg(long, env = "MAX_QUERY_ROOT_FIELDS", help_heading = QUERY_LIMITS, default_value = "50")]
    pub max_query_root_fields: usize,
    /// Maximum number of variables in an operation
    #[arg(long, env = "MAX_QUERY_VARIABLES", help_heading = QUERY_LIMITS, default_value = "100")]
    pub max_query_variables: usize,
    /// Maximum number of operations in a document; one of them is executed
    #[arg(long, env = "MAX_QUERY_OPERATIONS", help_heading = QUERY_LIMITS, default_value = "50")]
    pub max_query_operations: usize,
    /// Maximum number of selections in a query, after fragment expansion
    #[arg(long, env = "MAX_QUERY_SELECTIONS", help_heading = QUERY_LIMITS, default_value = "10000")]
    pub max_query_selections: usize,
    /// Maximum number of items in a list, in a query or its variables
    #[arg(long, env = "MAX_LIST_ENTRIES", help_heading = QUERY_LIMITS, default_value = "500")]
    pub max_list_entries: usize,
    /// Maximum number of entities that the router of a supergraph looks up at once
    #[arg(long, env = "MAX_REPRESENTATIONS", help_heading = QUERY_LIMITS, default_value = "2000")]
    pub max_representations: usize,
    /// Maximum number of nodes a query could return
    #[arg(long, env = "MAX_QUERY_NODES", help_heading = QUERY_LIMITS, default_value = "500000")]
    pub max_query_nodes: u64,
    /// Maximum cost of a query: 1 per node, 100 per SQL statement, and counts
    #[arg(long, env = "MAX_QUERY_COST", help_heading = QUERY_LIMITS, default_value = "600000")]
    pub max_query_cost: u64,
    /// Whether schema introspection is enabled
    #[arg(long, env = "INTROSPECTION", help_heading = QUERY_LIMITS, default_value = "on")]
    pub introspection: Switch,
}

/// On or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    /// On
    On,
    /// Off
    Off,
}

/// Settings of request handling.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Requests")]
pub struct HttpConfig {
    /// Timeout of a whole request, in seconds
    #[arg(long, env = "REQUEST_TIMEOUT_SECONDS", default_value = "10")]
    pub request_timeout_seconds: NonZeroU32,
    /// Timeout for receiving a request body, in seconds
    #[arg(long, env = "BODY_TIMEOUT_SECONDS", default_value = "10")]
    pub body_timeout_seconds: NonZeroU32,
    /// Allowed CORS origins such as https://www.example.org, comma-separated, or * for all
    #[arg(long, env = "CORS_ORIGINS", value_delimiter = ',', value_parser = parse_origin)]
    pub cors_origins: Vec<String>,
    /// Which operations are accepted
    #[arg(long, env = "OPERATIONS", default_value = "any")]
    pub operations: OperationPolicy,
    /// Manifest of persisted operations, as written by relay-compiler, graphql-codegen or the Apollo tools
    #[arg(long, env = "OPERATIONS_MANIFEST")]
    pub operations_manifest: Option<PathBuf>,
    /// Maximum memory for automatic persisted queries, in bytes
    #[arg(long, env = "PERSISTED_QUERIES_BYTES", default_value = "16777216")]
    pub persisted_queries_bytes: u64,
    /// Maximum memory for the response cache, in bytes; 0 disables the cache
    #[arg(long, env = "CACHE_MAX_BYTES", default_value = "67108864")]
    pub cache_max_bytes: u64,
    /// Cache-Control max-age of responses to persisted queries sent by GET and of pages, in seconds; 0 disables shared caching
    #[arg(long, env = "PERSISTED_MAX_AGE_SECONDS", default_value = "60")]
    pub persisted_max_age_seconds: u32,
}

/// Which GraphQL operations are accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OperationPolicy {
    /// Any operation within the query limits
    Any,
    /// Only operations of OPERATIONS_MANIFEST
    Trusted,
}

impl ServeConfig {
    /// The limits of a GraphQL request.
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
            representations: self.max_representations,
            nodes: self.max_query_nodes,
            cost: self.max_query_cost,
            introspection: self.introspection == Switch::On,
            body_bytes: self.max_body_bytes,
            ..Limits::default()
        }
    }
}
