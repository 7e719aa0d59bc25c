//! Prepares a new process for its first request.

use std::time::Duration;

use async_graphql::{Request, Variables};
use futures_util::future::join_all;
use serde_json::json;
use tokio::time::timeout;

use crate::graphql::DirectorySchema;
use crate::model::language::AcceptedLanguages;
use crate::store::Store;

/// The profile of a researcher, with what most of them show. What is read here for the first time, such as the statistics
/// of a column, need not be read for the first request.
const DOCUMENT: &str = include_str!("warm_up.graphql");
/// Number of queries at once; their statements are executed on all connections that are kept open.
const CONCURRENT_QUERIES: usize = 2;
/// Maximum duration. The service then starts all the same.
const TIMEOUT: Duration = Duration::from_secs(1);

/// Executes a typical query, about the researcher with the most papers. A connection of Postgres takes several times as
/// long for its first statements: it reads from the catalog what it needs to plan them.
pub(super) async fn warm_up(schema: &DirectorySchema, store: &Store) {
    let queries = async {
        let Ok(Some(slug)) = store.example_researcher().await else { return };
        let query = async || {
            let request = Request::new(DOCUMENT).variables(Variables::from_json(json!({ "slug": slug })));
            let request = request.data(AcceptedLanguages::parse(""));
            match schema.prepare(request) {
                Ok(prepared) => schema.execute(prepared, store.clone()).await.errors,
                Err(rejected) => rejected.errors,
            }
        };
        let errors: Vec<_> = join_all((0..CONCURRENT_QUERIES).map(|_| query())).await.into_iter().flatten().collect();
        match errors.first() {
            Some(error) => tracing::debug!(%error, "the typical query failed"),
            None => tracing::debug!("executed a typical query"),
        }
    };
    if timeout(TIMEOUT, queries).await.is_err() {
        tracing::debug!("the typical query was not executed within a second");
    }
}
