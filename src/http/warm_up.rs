//! Prepares a new process for its first request.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use async_graphql::{Request, Variables};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::graphql::DirectorySchema;
use crate::model::language::AcceptedLanguages;
use crate::store::Store;

/// The profile of a researcher, with what most of them show. What is read here for the first time, such as the statistics
/// of a column, need not be read for the first request.
const DOCUMENT: &str = include_str!("warm_up.graphql");
/// Maximum duration. The service then starts all the same.
const TIMEOUT: Duration = Duration::from_secs(1);

/// Executes a typical query on each connection that is kept open, about the researcher with the most papers. A connection
/// of Postgres takes several times as long for its first statements: it reads from the catalog what it needs to plan them.
pub(super) async fn warm_up(schema: &DirectorySchema, store: &Store) {
    let queries = async {
        let Ok(Some(slug)) = store.example_researcher().await else { return };
        let query = async |store: Store| {
            let request = Request::new(DOCUMENT).variables(Variables::from_json(json!({ "slug": slug })));
            let request = request.data(AcceptedLanguages::parse(""));
            let errors = match schema.prepare(request) {
                Ok(prepared) => schema.execute(prepared, store).await.errors,
                Err(rejected) => rejected.errors,
            };
            match errors.first() {
                Some(error) => tracing::debug!(%error, "the typical query failed"),
                None => tracing::debug!("executed a typical query"),
            }
        };
        if let Err(error) = store.on_each_connection(query).await {
            tracing::debug!(%error, "a connection for the typical query could not be opened");
        }
    };
    if timeout(TIMEOUT, queries).await.is_err() {
        tracing::debug!("the typical query was not executed within a second");
    }
}

/// Sends the typical query to the server itself, as clients do: what every request passes through takes several times as
/// long the first time.
pub(super) async fn send_request(address: SocketAddr, store: &Store) {
    let request = async {
        let Ok(Some(slug)) = store.example_researcher().await else { return };
        let body = json!({ "query": DOCUMENT, "variables": { "slug": slug } }).to_string();
        if let Err(error) = post(address, &body).await {
            tracing::debug!(%error, "the typical query could not be sent");
        }
    };
    if timeout(TIMEOUT, request).await.is_err() {
        tracing::debug!("the typical query was not answered within a second");
    }
}

async fn post(address: SocketAddr, body: &str) -> io::Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    let length = body.len();
    let head = format!(
        "POST /graphql HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    stream.read_to_end(&mut Vec::new()).await.map(drop)
}
