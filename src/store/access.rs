//! Access to the database: statements, batching, data loaders, read replicas, revisions and health.

pub mod column_projection;
pub(crate) mod connection_pool;
pub mod data_loader;
pub mod executor;
pub mod health_check;
mod idle_connections;
pub(crate) mod keyed_rows;
pub(crate) mod probe;
pub mod replica;
pub mod retry;
pub mod revision;
pub(crate) mod setting;
pub(crate) mod sql_fragment;
pub(crate) mod statement_batcher;
pub(crate) mod work_class;
