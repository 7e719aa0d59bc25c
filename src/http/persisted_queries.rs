//! Persisted queries: automatic ones, which clients register by hash, and those of a manifest. The service can be limited
//! to the latter (trusted documents).

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use data_encoding::HEXLOWER;
use moka::sync::Cache;
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::config::OperationPolicy;
use crate::http::error::HttpError;
use crate::http::request_params::RequestParams;

/// Memory of a registered query in addition to its hash and text: the nodes of the cache.
const ENTRY_OVERHEAD_BYTES: usize = 340;

/// The manifest cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The file cannot be read.
    #[error("OPERATIONS_MANIFEST {0} could not be read: {1}")]
    Unreadable(String, #[source] std::io::Error),
    /// The file is not valid JSON.
    #[error("OPERATIONS_MANIFEST {0} is not valid JSON: {1}")]
    NotJson(String, #[source] serde_json::Error),
    /// The JSON is not a manifest.
    #[error(
        "OPERATIONS_MANIFEST {0} is not a manifest of operations; expected an object from ids to query texts (relay-compiler, \
         graphql-codegen), or an Apollo manifest with a list of operations"
    )]
    UnknownShape(String),
    /// Only trusted operations are accepted, but there is no manifest.
    #[error("OPERATIONS=trusted requires OPERATIONS_MANIFEST, the file with the accepted operations")]
    ManifestRequired,
}

/// An Apollo manifest. Other manifests are plain objects.
#[derive(Deserialize)]
struct ApolloManifest {
    operations: Vec<ApolloOperation>,
}

#[derive(Deserialize)]
struct ApolloOperation {
    id: String,
    body: String,
}

/// The persisted queries.
#[derive(Clone)]
pub struct PersistedQueries {
    /// By hash. The least recently used are evicted when the maximum size is reached.
    automatic: Cache<String, Arc<str>>,
    /// By the id in the manifest, and by hash.
    trusted: Arc<HashMap<String, Arc<str>>>,
    is_trusted_only: bool,
}

/// The text of a requested query.
pub struct ResolvedDocument {
    /// The text.
    pub text: String,
    /// Whether the query was identified by hash or id alone, so that the URL determines the response.
    pub is_by_id: bool,
}

impl PersistedQueries {
    /// Reads the manifest, if there is one.
    ///
    /// # Errors
    /// If the manifest is required and missing, or cannot be used.
    pub fn new(policy: OperationPolicy, manifest: Option<&Path>, max_bytes: u64) -> Result<Self, ManifestError> {
        let trusted = manifest.map(read_manifest).transpose()?;
        let is_trusted_only = policy == OperationPolicy::Trusted;
        if is_trusted_only && trusted.is_none() {
            return Err(ManifestError::ManifestRequired);
        }
        let weight = |hash: &String, text: &Arc<str>| {
            u32::try_from(ENTRY_OVERHEAD_BYTES + hash.len() + text.len()).unwrap_or(u32::MAX)
        };
        let automatic = Cache::builder().max_capacity(max_bytes).weigher(weight).build();
        Ok(Self { automatic, trusted: Arc::new(trusted.unwrap_or_default()), is_trusted_only })
    }

    /// The query of a request, sent as text, as a hash, or as an id of the manifest.
    ///
    /// # Errors
    /// If the query is unknown or not trusted, or its text does not match its hash.
    pub fn resolve(&self, params: &mut RequestParams) -> Result<ResolvedDocument, HttpError> {
        if let Some(id) = params.document_id.take() {
            let text = self.trusted.get(&id).ok_or_else(|| {
                HttpError::bad_request(
                    "PERSISTED_QUERY_NOT_FOUND",
                    "the manifest has no operation with this documentId",
                )
            })?;
            // The hash is not registered: an id of the manifest needs none, and other clients would get this text for theirs.
            if params.sha256_hash.take().is_some_and(|hash| hash != HEXLOWER.encode(&Sha256::digest(text.as_bytes()))) {
                return Err(HttpError::bad_request(
                    "BAD_USER_INPUT",
                    "extensions.persistedQuery.sha256Hash is not the SHA-256 of the operation with this documentId; send \
                     one of them",
                ));
            }
            return Ok(ResolvedDocument { text: text.to_string(), is_by_id: true });
        }
        match (params.query.take(), params.sha256_hash.take()) {
            (None, None) => Err(HttpError::bad_request(
                "BAD_USER_INPUT",
                "query is missing; send the query text as `query`, in the JSON body or the query string",
            )),
            (None, Some(hash)) => {
                let text = self.trusted.get(&hash).cloned().or_else(|| self.automatic.get(&hash));
                let text = text.ok_or_else(HttpError::persisted_query_not_found)?;
                Ok(ResolvedDocument { text: text.to_string(), is_by_id: true })
            }
            (Some(text), sent_hash) => {
                let is_hash_needed = sent_hash.is_some() || self.is_trusted_only;
                let hash = is_hash_needed.then(|| HEXLOWER.encode(&Sha256::digest(&text)));
                if sent_hash.is_some() && sent_hash != hash {
                    return Err(HttpError::bad_request(
                        "BAD_USER_INPUT",
                        "extensions.persistedQuery.sha256Hash is not the SHA-256 of query",
                    ));
                }
                if self.is_trusted_only && !hash.as_ref().is_some_and(|hash| self.trusted.contains_key(hash)) {
                    return Err(HttpError::operation_not_trusted());
                }
                // The query is registered under it once it has passed the limits.
                params.sha256_hash = sent_hash;
                Ok(ResolvedDocument { text, is_by_id: false })
            }
        }
    }

    /// Registers an automatic persisted query.
    pub fn register(&self, hash: &str, text: &str) {
        if !self.is_trusted_only {
            self.automatic.insert(hash.to_owned(), text.into());
            // Without this, excess queries are evicted only later.
            self.automatic.run_pending_tasks();
        }
    }
}

fn read_manifest(path: &Path) -> Result<HashMap<String, Arc<str>>, ManifestError> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| ManifestError::Unreadable(name.clone(), error))?;
    let value: Value = serde_json::from_str(&text).map_err(|error| ManifestError::NotJson(name.clone(), error))?;
    let operations = match ApolloManifest::deserialize(&value) {
        Ok(manifest) => manifest.operations.into_iter().map(|operation| (operation.id, operation.body)).collect(),
        Err(_) => serde_json::from_value::<HashMap<String, String>>(value).unwrap_or_default(),
    };
    if operations.is_empty() {
        return Err(ManifestError::UnknownShape(name));
    }
    let mut by_id_and_hash = HashMap::new();
    for (id, body) in operations {
        let body: Arc<str> = body.into();
        by_id_and_hash.insert(HEXLOWER.encode(&Sha256::digest(body.as_bytes())), Arc::clone(&body));
        by_id_and_hash.insert(id, body);
    }
    Ok(by_id_and_hash)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graphql::engine::document_size::test_support::allocated_by;

    #[test]
    fn weights_are_within_a_third_of_the_memory_taken() {
        const QUERY_COUNT: u64 = 500;
        for length in [12, 1_000] {
            let new = || PersistedQueries::new(OperationPolicy::Any, None, 16 << 20).expect("no manifest");
            let fill = |queries: &PersistedQueries| {
                for number in 0..QUERY_COUNT {
                    let text = format!("{number:length$}");
                    queries.register(&HEXLOWER.encode(&Sha256::digest(&text)), &text);
                }
            };
            let actual = allocated_by(new, fill) / QUERY_COUNT;
            let queries = new();
            fill(&queries);
            let accounted = queries.automatic.weighted_size() / QUERY_COUNT;
            println!("{accounted} bytes accounted, {actual} allocated");
            assert!(accounted * 4 >= actual * 3 && accounted * 3 <= actual * 4, "{accounted} of {actual}");
        }
    }
}
