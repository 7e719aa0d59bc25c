//! The tables as sea-orm models: columns and relations, nothing else.

pub mod affiliation;
pub mod authorship;
mod columns;
pub mod organization;
pub mod paper;
pub mod researcher;
pub mod topic;
