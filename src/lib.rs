//! A directory of the researchers and papers of a university, an institute or a consortium, as a GraphQL service.
//!
//! `ARCHITECTURE.md` describes the request lifecycle and where to make changes.

#![deny(missing_docs)]

pub mod citation;
pub mod cli;
pub mod config;
pub mod database;
pub mod demo;
pub mod disambiguation;
pub mod entity;
pub mod error;
pub mod export;
pub mod graphql;
pub mod harvest;
pub mod http;
pub mod import;
pub mod linked_data;
pub mod model;
pub mod pages;
pub mod store;
pub mod telemetry;
pub mod text;
