//! Who is who: which authors of papers are one person, by what is known of them, and by what evidence.
//!
//! The laws, in their order: what people decided; ids (an ORCID iD, a source's own id of an author); evidence, which a name's
//! commonness is weighed against; a rare name alone. Nothing joins two people against contrary evidence: two ORCID iDs, both
//! authors of one paper, papers more than [`LONGEST_CAREER`] years apart. What comes out depends on what is known, and not on the
//! order in which it became known.

mod affiliation_words;
mod clustering;
mod mention;
mod merge_candidates;
mod split_candidates;
mod union_find;

pub use self::affiliation_words::AffiliationWords;
pub use self::clustering::{Method, Person, Resolution, resolve};
pub use self::mention::{Evidence, EvidenceKind, Known, Mention};
pub use self::merge_candidates::{Candidate, Profile, candidates};
pub use self::split_candidates::{Mixture, Part, mixture};

/// Nobody publishes for more years.
pub const LONGEST_CAREER: i32 = 60;
