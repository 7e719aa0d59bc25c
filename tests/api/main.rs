//! The service as its users meet it: HTTP to the real server over a real Postgres, a database for each test.

#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "a test says what it expects by failing")]
#![allow(clippy::needless_pass_by_value, reason = "inline JSON reads better without a borrow")]

mod support;

mod affiliation;
mod authorship;
mod batching;
mod browser;
mod cache;
mod coauthor_path;
mod coauthorship;
mod cookbook;
mod costs;
mod cursor;
mod directory;
mod errors;
mod export;
mod facet;
mod filter;
mod fuzz;
mod hostile;
mod http;
mod identity;
mod identity_decision;
mod identity_decision_import;
mod identity_decision_law;
mod identity_decision_refusal;
mod import_csl;
mod import_csl_damage;
mod import_csl_identity;
mod import_formats;
mod import_profile_page;
mod import_real;
mod import_records;
mod import_resume;
mod import_ror;
mod language;
mod limits;
mod lookup;
mod name_leaks;
mod name_repair;
mod name_use;
mod node;
mod operations;
mod organization;
mod pagination;
mod paper;
mod paper_version;
mod persisted;
mod process;
mod profile;
mod quality;
mod rate_limit;
mod replica;
mod researcher;
mod schema;
mod search;
mod selection;
mod settings;
mod slow;
mod topic;
mod totals;
mod traces;
mod trouble;
mod walk;
