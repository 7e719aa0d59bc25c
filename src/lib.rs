//! A directory of the people and papers of a university, an institute or a consortium, as a GraphQL service.
//!
//! `ARCHITECTURE.md` tells how a request travels and where to put a change.

#![deny(missing_docs)]

pub mod citation;
pub mod cli;
pub mod config;
pub mod database;
pub mod date;
pub mod demo;
pub mod entity;
pub mod error;
pub mod excerpt;
pub mod export;
pub mod id;
pub mod identifier;
pub mod identity;
pub mod import;
pub mod language;
pub mod names;
pub mod page;
pub mod record;
pub mod schema;
pub mod server;
pub mod store;
pub mod telemetry;
pub mod words;
