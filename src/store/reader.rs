//! Queries: lists, lookups, relations, search, facets and exports, one file per concept.

pub mod affiliation;
pub mod authorship;
pub mod citation;
pub mod coauthor_path;
pub mod coauthorship;
pub mod cursor;
pub mod directory;
pub mod export;
pub mod facet;
pub mod fingerprint;
pub(crate) mod label_order;
pub mod lookup;
pub mod merge_candidates;
pub mod name_repair;
pub mod organization;
pub mod page;
pub mod paper;
#[cfg(test)]
pub(crate) mod plans;
pub mod quality;
pub mod relation;
pub mod researcher;
pub mod resolution;
pub mod search;
pub mod topic;
