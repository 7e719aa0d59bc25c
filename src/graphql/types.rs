//! The object types of the schema with their resolvers, one file per concept.

pub(crate) mod affiliation;
pub(crate) mod authorship;
pub(crate) mod citation;
pub(crate) mod coauthor_path;
pub(crate) mod coauthorship;
pub(crate) mod directory;
pub(crate) mod facet;
pub(crate) mod name_repair;
pub(crate) mod node;
pub(crate) mod organization;
pub(crate) mod paper;
pub(crate) mod quality;
pub(crate) mod researcher;
pub(crate) mod resolution;
pub(crate) mod search;
pub(crate) mod topic;
