//! How records of sources become rows: matching, source precedence, names, papers and authorships.

pub(crate) mod authorship;
pub(crate) mod authorship_matching;
pub(crate) mod exported_ids;
pub(crate) mod name_repair;
pub(crate) mod name_visibility;
pub(crate) mod organization;
pub(crate) mod organization_merge;
pub(crate) mod paper;
pub(crate) mod reassign_authorships;
pub(crate) mod researcher;
pub(crate) mod researcher_matching;
pub(crate) mod researcher_restore;
pub(crate) mod slug;
pub(crate) mod source_precedence;
pub(crate) mod topic;
