//! Queries that the service knows by a name: those that clients sent before (automatic persisted queries), and those of
//! a manifest, which may be the only ones that are run.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use moka::sync::Cache;
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::config::OperationPolicy;
use crate::http::request_params::RequestParams;
use crate::http::response::HttpError;

/// Why a manifest cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The file cannot be read.
    #[error("OPERATIONS_MANIFEST {0} cannot be read: {1}")]
    Unreadable(String, #[source] std::io::Error),
    /// It is no JSON.
    #[error("OPERATIONS_MANIFEST {0} is no JSON: {1}")]
    NotJson(String, #[source] serde_json::Error),
    /// It is no manifest.
    #[error(
        "OPERATIONS_MANIFEST {0} is no manifest of operations: write an object of ids and texts, as relay-compiler and \
         graphql-codegen do, or Apollo's with a list of operations"
    )]
    UnknownShape(String),
    /// Trusted operations are asked for without saying which.
    #[error("OPERATIONS=trusted needs OPERATIONS_MANIFEST, the file with the operations to run")]
    ManifestRequired,
}

/// Apollo's manifest; the others are plain objects.
#[derive(Deserialize)]
struct ApolloManifest {
    operations: Vec<ApolloOperation>,
}

#[derive(Deserialize)]
struct ApolloOperation {
    id: String,
    body: String,
}

/// The queries known by name.
#[derive(Clone)]
pub struct PersistedQueries {
    /// By the digest of their text; those least used are forgotten when their texts take more than is allowed.
    automatic: Cache<String, Arc<str>>,
    /// By the id that the manifest gives them, and by the digest of their text.
    trusted: Arc<HashMap<String, Arc<str>>>,
    is_trusted_only: bool,
}

/// A query to run.
pub struct ResolvedDocument {
    /// Its text.
    pub text: String,
    /// Whether it was asked for by its name alone, so that the address of the request says all.
    pub is_by_id: bool,
}

impl PersistedQueries {
    /// Reads the manifest where there is one.
    ///
    /// # Errors
    /// Where it is missing or cannot be used.
    pub fn new(operations: OperationPolicy, manifest: Option<&Path>, most_bytes: u64) -> Result<Self, ManifestError> {
        let trusted = manifest.map(read_manifest).transpose()?;
        let only_trusted = operations == OperationPolicy::Trusted;
        if only_trusted && trusted.is_none() {
            return Err(ManifestError::ManifestRequired);
        }
        let weight = |name: &String, text: &Arc<str>| u32::try_from(name.len() + text.len()).unwrap_or(u32::MAX);
        let automatic = Cache::builder().max_capacity(most_bytes).weigher(weight).build();
        Ok(Self { automatic, trusted: Arc::new(trusted.unwrap_or_default()), is_trusted_only: only_trusted })
    }

    /// The query that a request means, which it may send whole, by its digest, or by the id of the manifest.
    ///
    /// # Errors
    /// Where it is not known, not allowed, or its text is not what its digest says.
    pub fn resolve(&self, parameters: &mut RequestParams) -> Result<ResolvedDocument, HttpError> {
        if let Some(id) = parameters.document_id.take() {
            let text = self.trusted.get(&id).ok_or_else(|| {
                HttpError::bad_request("PERSISTED_QUERY_NOT_FOUND", "there is no operation of this documentId here")
            })?;
            return Ok(ResolvedDocument { text: text.to_string(), is_by_id: true });
        }
        match (parameters.query.take(), parameters.sha256_hash.take()) {
            (None, None) => Err(HttpError::bad_request(
                "BAD_USER_INPUT",
                "query is missing; send the text of the query as the member or parameter query",
            )),
            (None, Some(digest)) => {
                let known = self.trusted.get(&digest).cloned().or_else(|| self.automatic.get(&digest));
                let text = known.ok_or_else(HttpError::persisted_query_not_found)?;
                Ok(ResolvedDocument { text: text.to_string(), is_by_id: true })
            }
            (Some(text), digest) => {
                let own = digest.is_some() || self.is_trusted_only;
                let own = own.then(|| hex(&Sha256::digest(&text)));
                if digest.is_some() && digest != own {
                    return Err(HttpError::bad_request(
                        "BAD_USER_INPUT",
                        "extensions.persistedQuery.sha256Hash is not the SHA-256 of query",
                    ));
                }
                if self.is_trusted_only && !own.as_ref().is_some_and(|own| self.trusted.contains_key(own)) {
                    return Err(HttpError::operation_not_trusted());
                }
                // Kept by whoever asks for it to be kept, once it has passed the limits.
                parameters.sha256_hash = digest;
                Ok(ResolvedDocument { text, is_by_id: false })
            }
        }
    }

    /// Remembers a query that passed, for those who will ask for it by its digest.
    pub fn register(&self, parameters: &RequestParams, text: &str) {
        if let Some(digest) = &parameters.sha256_hash
            && !self.is_trusted_only
        {
            self.automatic.insert(digest.clone(), text.into());
            // Else what is too much goes only some time later.
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
    let mut known = HashMap::new();
    for (id, body) in operations {
        let body: Arc<str> = body.into();
        known.insert(hex(&Sha256::digest(body.as_bytes())), Arc::clone(&body));
        known.insert(id, body);
    }
    Ok(known)
}

/// Bytes as lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
