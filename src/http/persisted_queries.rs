//! Queries that the service knows by a name: those that clients sent before (automatic persisted queries), and those of
//! a manifest, which may be the only ones that are run.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use moka::sync::Cache;
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::config::Operations;
use crate::http::request_params::Parameters;
use crate::http::response::Refusal;

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
    OtherShape(String),
    /// Trusted operations are asked for without saying which.
    #[error("OPERATIONS=trusted needs OPERATIONS_MANIFEST, the file with the operations to run")]
    Missing,
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
pub struct Persisted {
    /// By the digest of their text; those least used are forgotten when their texts take more than is allowed.
    automatic: Cache<String, Arc<str>>,
    /// By the id that the manifest gives them, and by the digest of their text.
    trusted: Arc<HashMap<String, Arc<str>>>,
    only_trusted: bool,
}

/// A query to run.
pub struct Document {
    /// Its text.
    pub text: String,
    /// Whether it was asked for by its name alone, so that the address of the request says all.
    pub is_by_name: bool,
}

impl Persisted {
    /// Reads the manifest where there is one.
    ///
    /// # Errors
    /// Where it is missing or cannot be used.
    pub fn new(operations: Operations, manifest: Option<&Path>, most_bytes: u64) -> Result<Self, ManifestError> {
        let trusted = manifest.map(read).transpose()?;
        let only_trusted = operations == Operations::Trusted;
        if only_trusted && trusted.is_none() {
            return Err(ManifestError::Missing);
        }
        let weight = |name: &String, text: &Arc<str>| u32::try_from(name.len() + text.len()).unwrap_or(u32::MAX);
        let automatic = Cache::builder().max_capacity(most_bytes).weigher(weight).build();
        Ok(Self { automatic, trusted: Arc::new(trusted.unwrap_or_default()), only_trusted })
    }

    /// The query that a request means, which it may send whole, by its digest, or by the id of the manifest.
    ///
    /// # Errors
    /// Where it is not known, not allowed, or its text is not what its digest says.
    pub fn document(&self, parameters: &mut Parameters) -> Result<Document, Refusal> {
        if let Some(id) = parameters.document_id.take() {
            let text = self.trusted.get(&id).ok_or_else(|| {
                Refusal::bad_request("PERSISTED_QUERY_NOT_FOUND", "there is no operation of this documentId here")
            })?;
            return Ok(Document { text: text.to_string(), is_by_name: true });
        }
        match (parameters.query.take(), parameters.sha256.take()) {
            (None, None) => Err(Refusal::bad_request(
                "BAD_USER_INPUT",
                "query is missing; send the text of the query as the member or parameter query",
            )),
            (None, Some(digest)) => {
                let known = self.trusted.get(&digest).cloned().or_else(|| self.automatic.get(&digest));
                let text = known.ok_or_else(Refusal::not_persisted)?;
                Ok(Document { text: text.to_string(), is_by_name: true })
            }
            (Some(text), digest) => {
                let own = digest.is_some() || self.only_trusted;
                let own = own.then(|| hexadecimal(&Sha256::digest(&text)));
                if digest.is_some() && digest != own {
                    return Err(Refusal::bad_request(
                        "BAD_USER_INPUT",
                        "extensions.persistedQuery.sha256Hash is not the SHA-256 of query",
                    ));
                }
                if self.only_trusted && !own.as_ref().is_some_and(|own| self.trusted.contains_key(own)) {
                    return Err(Refusal::not_trusted());
                }
                // Kept by whoever asks for it to be kept, once it has passed the limits.
                parameters.sha256 = digest;
                Ok(Document { text, is_by_name: false })
            }
        }
    }

    /// Remembers a query that passed, for those who will ask for it by its digest.
    pub fn remember(&self, parameters: &Parameters, text: &str) {
        if let Some(digest) = &parameters.sha256
            && !self.only_trusted
        {
            self.automatic.insert(digest.clone(), text.into());
            // Else what is too much goes only some time later.
            self.automatic.run_pending_tasks();
        }
    }
}

fn read(path: &Path) -> Result<HashMap<String, Arc<str>>, ManifestError> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| ManifestError::Unreadable(name.clone(), error))?;
    let value: Value = serde_json::from_str(&text).map_err(|error| ManifestError::NotJson(name.clone(), error))?;
    let operations = match ApolloManifest::deserialize(&value) {
        Ok(manifest) => manifest.operations.into_iter().map(|operation| (operation.id, operation.body)).collect(),
        Err(_) => serde_json::from_value::<HashMap<String, String>>(value).unwrap_or_default(),
    };
    if operations.is_empty() {
        return Err(ManifestError::OtherShape(name));
    }
    let mut known = HashMap::new();
    for (id, body) in operations {
        let body: Arc<str> = body.into();
        known.insert(hexadecimal(&Sha256::digest(body.as_bytes())), Arc::clone(&body));
        known.insert(id, body);
    }
    Ok(known)
}

/// Bytes as lower-case hexadecimal digits.
pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
