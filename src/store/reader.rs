//! Queries: lists, lookups, relations, search, facets and exports, one file per concept.

pub mod affiliation;
pub mod authorship;
pub mod backup;
pub mod citation;
pub mod coauthor_network;
pub mod coauthor_path;
pub mod coauthorship;
pub mod cursor;
pub mod directory;
pub mod export;
pub mod facet;
pub mod filter;
pub mod fingerprint;
pub mod harvest;
pub mod identifier_column;
pub(crate) mod label_order;
pub mod lookup;
pub mod merge_candidates;
pub mod name_repair;
pub mod organization;
pub mod organization_link;
pub mod page;
pub mod paper;
pub mod published_names;
pub mod quality;
pub mod relation;
pub mod researcher;
pub mod resolution;
pub mod search;
pub mod sitemap;
pub mod topic;

#[cfg(test)]
mod plan_tests;
#[cfg(test)]
mod query_name_tests;
