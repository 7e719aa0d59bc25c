//! Who is who: which authors of papers are one person, by what is known of them, and by what evidence.
//!
//! The laws, in their order: what people decided; ids (an ORCID iD, a source's own id of an author); evidence, which a name's
//! commonness is weighed against; a rare name alone. Nothing joins two people against contrary evidence: two ORCID iDs, both
//! authors of one paper, papers more than [`LONGEST_CAREER`] years apart. What comes out depends on what is known, and not on the
//! order in which it became known.

mod affiliation;
mod candidates;
mod components;
mod evidence;
mod resolve;

pub use affiliation::AffiliationWords;
pub use candidates::{Candidate, Profile, candidates};
pub use evidence::{Evidence, EvidenceKind, Known, Mention};
pub use resolve::{Method, Person, Resolution, resolve};

/// Nobody publishes for more years.
pub const LONGEST_CAREER: i32 = 60;
