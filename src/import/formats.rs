//! The import formats, one file each.

pub(crate) mod bibtex;
pub(crate) mod crossref;
pub(crate) mod csl;
pub(crate) mod csv;
pub(crate) mod datacite;
pub(crate) mod openalex;
pub(crate) mod orcid;
pub mod profile_page;
pub(crate) mod pubmed;
pub(crate) mod records;
pub(crate) mod ris;
pub(crate) mod ror;
pub mod topics;
