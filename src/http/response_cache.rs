//! The response cache: whole responses, valid until the directory changes.
//!
//! A response is a function of its [`CacheKey`] and the revision of the directory; resolvers depend on nothing else. An entry
//! holds the revision read before the query was executed, and is returned only while that revision is current. If the
//! revision cannot be read, the cache is bypassed.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, PoisonError};

use actix_web::http::header::EntityTag;
use actix_web::web::Bytes;
use async_graphql::Variables;
use moka::sync::Cache;
use prometheus_client::metrics::counter::Counter;
use zstd::bulk::{Compressor, Decompressor};

use crate::graphql::limits::query_cost::QueryCost;
use crate::model::language::AcceptedLanguages;
use crate::store::Store;
use crate::store::access::revision::{Lsn, PositionError, Revision, RevisionId};

/// Memory of an entry in addition to its texts and languages: the key, the value, and the nodes of the cache.
const ENTRY_OVERHEAD_BYTES: usize = 600;
/// Memory of a language in a key in addition to its text.
const LANGUAGE_OVERHEAD_BYTES: usize = 40;
/// Memory of the headers of a page in addition to its links.
const PAGE_HEADERS_BYTES: usize = 120;
/// Responses of this size or more are stored compressed: several times as many fit, and decompressing one takes less time
/// than sending it.
const MIN_COMPRESSED_BYTES: usize = 4 * 1024;

thread_local! {
    // One per thread: each holds the working tables of zstd.
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = RefCell::new(Compressor::new(1).ok());
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = RefCell::new(Decompressor::new().ok());
}

/// Everything a response depends on, except the contents of the directory.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CacheKey {
    /// The text of the query.
    pub query: String,
    /// The operation to execute.
    pub operation_name: Option<String>,
    /// The values of its variables, as JSON.
    pub variables: String,
    /// The client's languages.
    pub languages: AcceptedLanguages,
}

impl CacheKey {
    /// The key of a query; `None` if its variables cannot be represented in JSON.
    #[must_use]
    pub fn new(
        query: &str,
        operation_name: Option<&str>,
        variables: &Variables,
        languages: &AcceptedLanguages,
    ) -> Option<Self> {
        Some(Self {
            query: query.to_owned(),
            operation_name: operation_name.map(str::to_owned),
            variables: serde_json::to_string(variables).ok()?,
            languages: languages.clone(),
        })
    }

    /// The key of a page, by the path and the query string of its address.
    #[must_use]
    pub fn of_page(address: &str) -> Self {
        // No query has this key: variables are at least `{}`.
        let query = format!("GET {address}");
        Self { query, operation_name: None, variables: String::new(), languages: AcceptedLanguages::default() }
    }
}

/// The JSON of a response, or the HTML of a page.
#[derive(Clone, Debug)]
pub enum ResponseBody {
    /// Uncompressed.
    Plain(Bytes),
    /// Compressed.
    Compressed {
        /// The zstd frame.
        zstd: Bytes,
        /// The length before compression, in bytes.
        length: usize,
    },
}

impl ResponseBody {
    /// The stored form of a response: a copy, whose allocation is no larger than its length.
    fn for_cache(text: &Bytes) -> Self {
        let compress =
            |compressor: &RefCell<Option<Compressor<'_>>>| compressor.borrow_mut().as_mut()?.compress(text).ok();
        match (text.len() >= MIN_COMPRESSED_BYTES).then(|| COMPRESSOR.with(compress)).flatten() {
            Some(zstd) => Self::Compressed { zstd: Bytes::copy_from_slice(&zstd), length: text.len() },
            None => Self::Plain(Bytes::copy_from_slice(text)),
        }
    }

    /// The uncompressed text; `None` if it cannot be decompressed.
    #[must_use]
    pub fn text(&self) -> Option<Bytes> {
        match self {
            Self::Plain(json) => Some(json.clone()),
            Self::Compressed { zstd, length } => DECOMPRESSOR
                .with(|decompressor| Some(decompressor.borrow_mut().as_mut()?.decompress(zstd, *length).ok()?.into())),
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Plain(bytes) | Self::Compressed { zstd: bytes, .. } => bytes.len(),
        }
    }
}

/// Headers of a page that depend on its content.
#[derive(Clone, Debug)]
pub struct PageHeaders {
    /// The validator.
    pub etag: EntityTag,
    /// The value of `Link`.
    pub link: Option<String>,
}

/// A cached response without errors, or the page that was rendered from one.
#[derive(Clone, Debug)]
pub struct CachedResponse {
    /// The JSON, or the HTML of a page.
    pub body: ResponseBody,
    /// The headers of a page; `None` for JSON.
    pub page: Option<Arc<PageHeaders>>,
    /// The name of the operation, if it has one.
    pub operation_name: Option<String>,
    /// The cost of the query.
    pub cost: QueryCost,
}

/// The cached responses; disabled if its maximum size is 0.
pub struct ResponseCache {
    entries: Option<Cache<CacheKey, (RevisionId, CachedResponse)>>,
    latest_revision: Mutex<Option<RevisionId>>,
    /// Number of cache hits.
    pub hits: Counter,
    /// Number of cache misses.
    pub misses: Counter,
}

/// An entry to store a response in: its key, and the revision read before the query is executed.
pub struct VacantEntry {
    key: CacheKey,
    revision: RevisionId,
}

/// The memory of an entry, in bytes.
fn entry_bytes(key: &CacheKey, cached: &CachedResponse) -> usize {
    let CacheKey { query, operation_name, variables, languages } = key;
    let languages = languages.preferred.iter().chain(&languages.excluded);
    let names = [operation_name, &cached.operation_name].map(|name| name.as_ref().map_or(0, String::len));
    ENTRY_OVERHEAD_BYTES
        + query.len()
        + variables.len()
        + names.iter().sum::<usize>()
        + languages.map(|tag| LANGUAGE_OVERHEAD_BYTES + tag.as_str().len()).sum::<usize>()
        + cached.body.len()
        + cached.page.as_ref().map_or(0, |page| PAGE_HEADERS_BYTES + page.link.as_ref().map_or(0, String::len))
}

impl ResponseCache {
    /// A cache of at most `max_bytes`; 0 disables it.
    #[must_use]
    pub fn new(max_bytes: u64) -> Self {
        let weight = |key: &CacheKey, (_, cached): &(RevisionId, CachedResponse)| {
            u32::try_from(entry_bytes(key, cached)).unwrap_or(u32::MAX)
        };
        let entries = (max_bytes > 0).then(|| Cache::builder().max_capacity(max_bytes).weigher(weight).build());
        Self { entries, latest_revision: Mutex::default(), hits: Counter::default(), misses: Counter::default() }
    }

    /// The key of a response; `None` if the cache is disabled.
    pub fn make_key(&self, make: impl FnOnce() -> Option<CacheKey>) -> Option<CacheKey> {
        self.entries.as_ref().and_then(|_| make())
    }

    /// The cached response and the replication position that it includes, at least `min_position`. The current revision is
    /// read from the database only if there is an entry.
    ///
    /// # Errors
    /// If the database does not have `min_position`.
    pub async fn get(
        &self,
        store: &Store,
        key: &CacheKey,
        min_position: Option<Lsn>,
    ) -> Result<Option<(CachedResponse, Lsn)>, PositionError> {
        let Some((entry_revision, cached)) = self.entries.as_ref().and_then(|entries| entries.get(key)) else {
            return Ok(None);
        };
        let Some(revision) = store.revision_for(min_position).await? else { return Ok(None) };
        self.invalidate_stale(&revision.id);
        Ok((revision.id == entry_revision).then(|| {
            self.hits.inc();
            (cached, revision.lsn)
        }))
    }

    /// Reserves an entry for a response that is about to be computed from this revision or a later one.
    pub fn reserve(&self, key: CacheKey, revision: Option<&Revision>) -> Option<VacantEntry> {
        self.misses.inc();
        self.reserve_page(key, revision)
    }

    /// Reserves an entry for a page that is about to be rendered from a response, whose own look-up counts as the miss.
    pub fn reserve_page(&self, key: CacheKey, revision: Option<&Revision>) -> Option<VacantEntry> {
        let revision = revision?.id.clone();
        self.invalidate_stale(&revision);
        Some(VacantEntry { key, revision })
    }

    /// Stores a response in its reserved entry.
    pub fn insert(&self, entry: VacantEntry, json: &Bytes, operation_name: Option<String>, cost: QueryCost) {
        let cached = CachedResponse { body: ResponseBody::for_cache(json), page: None, operation_name, cost };
        self.insert_entry(entry, cached);
    }

    /// Stores a page in its reserved entry.
    pub fn insert_page(&self, entry: VacantEntry, page: &CachedResponse) {
        let body = match &page.body {
            ResponseBody::Plain(html) => ResponseBody::for_cache(html),
            ResponseBody::Compressed { .. } => page.body.clone(),
        };
        self.insert_entry(entry, CachedResponse { body, ..page.clone() });
    }

    fn insert_entry(&self, entry: VacantEntry, cached: CachedResponse) {
        if let Some(entries) = &self.entries {
            entries.insert(entry.key, (entry.revision, cached));
        }
    }

    /// Invalidates the whole cache if the revision is new, instead of waiting until the space is needed.
    fn invalidate_stale(&self, revision: &RevisionId) {
        let mut latest = self.latest_revision.lock().unwrap_or_else(PoisonError::into_inner);
        if latest.as_ref() != Some(revision) {
            self.entries.as_ref().inspect(|entries| entries.invalidate_all());
            *latest = Some(revision.clone());
        }
    }

    /// Memory used, in bytes.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.entries.as_ref().map_or(0, |entries| {
            // Without this, recent insertions are not counted yet.
            entries.run_pending_tasks();
            entries.weighted_size()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graphql::engine::document_size::test_support::allocated_by;

    #[test]
    fn weights_are_within_a_third_of_the_memory_taken() {
        const ENTRY_COUNT: u64 = 500;
        let header = (0..20).map(|number| format!("en-x-{number:08}")).collect::<Vec<_>>().join(",");
        for (query, body, header) in [
            ("{a}".to_owned(), "{}".to_owned(), String::new()),
            (include_str!("../../bench/queries/p.graphql").to_owned(), "x".repeat(3_000), "en".to_owned()),
            ("{ b }".to_owned(), "{\"data\": null}".to_owned(), header),
        ] {
            let revision = Revision::for_test("1");
            let new = || ResponseCache::new(16 << 20);
            let fill = |cache: &ResponseCache| {
                for number in 0..ENTRY_COUNT {
                    let languages = AcceptedLanguages::parse(&header);
                    let variables = Variables::from_json(serde_json::json!({ "number": number }));
                    let key = CacheKey::new(&query, Some("Name"), &variables, &languages).expect("a key");
                    let entry = cache.reserve(key, Some(&revision)).expect("an entry");
                    let body = Bytes::from(body.clone().into_bytes());
                    cache.insert(entry, &body, Some("Name".to_owned()), QueryCost::default());
                }
            };
            let actual = allocated_by(new, |cache| {
                fill(cache);
                let _ = cache.size_bytes();
            }) / ENTRY_COUNT;
            let cache = new();
            fill(&cache);
            let accounted = cache.size_bytes() / ENTRY_COUNT;
            println!("{accounted} bytes accounted, {actual} allocated");
            assert!(accounted * 4 >= actual * 3 && accounted * 3 <= actual * 4, "{accounted} of {actual}");
        }
    }
}
