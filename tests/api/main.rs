//! The service as its users meet it: HTTP to the real server over a real Postgres, a database for each test.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "tests say what they expect by failing")]

mod support;

mod affiliation;
mod authorship;
mod batching;
mod browser;
mod coauthorship;
mod directory;
mod import_csl;
mod import_csl_damage;
mod import_csl_identity;
mod import_profile_page;
mod import_real;
mod import_records;
mod import_resume;
mod import_ror;
mod language;
mod limits;
mod node;
mod organization;
mod pagination;
mod paper;
mod process;
mod profile;
mod researcher;
mod settings;
mod topic;
