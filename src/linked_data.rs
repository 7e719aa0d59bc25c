//! Linked data: the addresses of entities on the web, and what is served there for machines. JSON-LD in the vocabulary of
//! schema.org, Signposting links, and sitemaps.
//!
//! The contents come from GraphQL queries ([`queries`]), so that names are hidden as in every other output.

pub mod address;
pub mod html;
pub mod json_ld;
pub mod queries;
pub mod signposting;
pub mod sitemap;
