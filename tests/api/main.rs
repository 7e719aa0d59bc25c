//! Integration tests: HTTP requests to a real server over a real Postgres, with one database per test.

#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]
#![allow(clippy::needless_pass_by_value, reason = "inline JSON reads better without a borrow")]

mod support;

mod affiliation;
mod authorship;
mod batching;
mod coauthor_path;
mod coauthorship;
mod configuration;
mod cookbook;
mod costs;
mod curation;
mod curation_errors;
mod curation_import;
mod curation_undo;
mod cursor;
mod data_quality;
mod database_outage;
mod directory;
mod disambiguation;
mod errors;
mod export;
mod facet;
mod filter;
mod fuzz;
mod graphiql;
mod graphql_over_http;
mod import_csl;
mod import_csl_invalid;
mod import_csl_matching;
mod import_formats;
mod import_profile_page;
mod import_real_data;
mod import_records;
mod import_resume;
mod import_ror;
mod language;
mod lookup;
mod malicious_input;
mod monitoring;
mod name_privacy;
mod name_repair;
mod name_visibility;
mod node;
mod organization;
mod pagination;
mod pagination_properties;
mod paper;
mod persisted_queries;
mod process_lifecycle;
mod query_limits;
mod rate_limit;
mod read_replica;
mod researcher;
mod response_cache;
mod schema;
mod search;
mod selection_set;
mod slow_clients;
mod source_precedence;
mod statistics;
mod topic;
mod trace_export;
mod work_versions;
