//! SeaORM entities: columns and relations.

pub mod affiliation;
pub mod authorship;
mod column_types;
pub mod organization;
pub mod paper;
pub mod researcher;
pub mod topic;
