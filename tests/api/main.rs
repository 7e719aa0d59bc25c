//! The service as its users meet it: HTTP to the real server over a real Postgres, a database for each test.

mod support;

mod affiliation;
mod authorship;
mod batching;
mod coauthorship;
mod cursor;
mod directory;
mod errors;
mod language;
mod limits;
mod lookup;
mod node;
mod organization;
mod pagination;
mod paper;
mod profile;
mod researcher;
mod schema;
mod topic;
