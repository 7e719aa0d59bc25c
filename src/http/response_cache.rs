//! Whole answers, kept for as long as the directory does not change.
//!
//! An answer is a function of the directory and of what its [`Question`] has: nothing else reaches a resolver. It is kept
//! with the version of the directory from before it was made, and given again only while that is still the version. Who
//! cannot learn the version makes every answer anew.

use std::cell::RefCell;
use std::sync::{Mutex, PoisonError};

use actix_web::web::Bytes;
use async_graphql::Variables;
use chrono::{NaiveDate, Utc};
use moka::sync::Cache;
use prometheus_client::metrics::counter::Counter;
use zstd::bulk::{Compressor, Decompressor};

use crate::graphql::limits::query_cost::Cost;
use crate::model::language::AcceptedLanguages;
use crate::store::Store;
use crate::store::access::revision::{Moment, Position, Version};

/// What an entry takes beside its texts.
const OVERHEAD: usize = 256;
/// From so many bytes on an answer is kept compressed: several times as many fit, and to decompress one takes less than to
/// send it.
const COMPRESSED_FROM: usize = 4 * 1024;

thread_local! {
    // Made once for each thread: they hold the tables that zstd works with.
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = RefCell::new(Compressor::new(1).ok());
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = RefCell::new(Decompressor::new().ok());
}

/// All that an answer depends on, but for the directory.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Question {
    /// The text of the query.
    pub query: String,
    /// Which of its operations.
    pub operation_name: Option<String>,
    /// The values of its variables, as JSON.
    pub variables: String,
    /// The reader's languages.
    pub languages: AcceptedLanguages,
    /// The day in UTC: affiliations begin and end by the calendar.
    pub day: NaiveDate,
}

impl Question {
    /// What is asked today.
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
            day: Utc::now().date_naive(),
        })
    }
}

/// The JSON of an answer.
#[derive(Clone, Debug)]
pub enum Body {
    /// As it is.
    Plain(Bytes),
    /// By zstd.
    Compressed {
        /// What zstd made of it.
        zstd: Bytes,
        /// The length of the JSON.
        length: usize,
    },
}

impl Body {
    /// What is kept of an answer: a copy, so that it takes no more room than its length.
    fn kept(json: &Bytes) -> Self {
        let compress =
            |compressor: &RefCell<Option<Compressor<'_>>>| compressor.borrow_mut().as_mut()?.compress(json).ok();
        match (json.len() >= COMPRESSED_FROM).then(|| COMPRESSOR.with(compress)).flatten() {
            Some(zstd) => Self::Compressed { zstd: Bytes::copy_from_slice(&zstd), length: json.len() },
            None => Self::Plain(Bytes::copy_from_slice(json)),
        }
    }

    /// The JSON; none where it was damaged.
    #[must_use]
    pub fn json(&self) -> Option<Bytes> {
        match self {
            Self::Plain(json) => Some(json.clone()),
            Self::Compressed { zstd, length } => {
                DECOMPRESSOR.with(|one| Some(one.borrow_mut().as_mut()?.decompress(zstd, *length).ok()?.into()))
            }
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Plain(bytes) | Self::Compressed { zstd: bytes, .. } => bytes.len(),
        }
    }
}

/// An answer without errors to a query.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Its JSON.
    pub body: Body,
    /// The name of the operation.
    pub name: Option<String>,
    /// What the query may cost.
    pub cost: Cost,
}

/// The answers that are kept.
pub struct Answers {
    kept: Option<Cache<Question, (Version, Kept)>>,
    latest: Mutex<Option<Version>>,
    /// How many answers were there.
    pub hits: Counter,
    /// How many were not.
    pub misses: Counter,
}

/// Where an answer is to be kept: what it answers, and the version that it will be of at least.
pub type Place = (Question, Version);

impl Answers {
    /// Keeps at most so many bytes; nothing where that is 0.
    #[must_use]
    pub fn new(most_bytes: u64) -> Self {
        let weight = |question: &Question, (_, kept): &(Version, Kept)| {
            let bytes = OVERHEAD + question.query.len() + question.variables.len() + kept.body.len();
            u32::try_from(bytes).unwrap_or(u32::MAX)
        };
        let kept = (most_bytes > 0).then(|| Cache::builder().max_capacity(most_bytes).weigher(weight).build());
        Self { kept, latest: Mutex::default(), hits: Counter::default(), misses: Counter::default() }
    }

    /// What is to be kept by; none where nothing is kept.
    pub fn question(&self, ask: impl FnOnce() -> Option<Question>) -> Option<Question> {
        self.kept.as_ref().and_then(|_| ask())
    }

    /// The answer to a question, of nothing before what the client has seen, and what it has all up to. The database is
    /// asked for the version only where there is one.
    pub async fn find(&self, store: &Store, question: &Question, seen: Option<Position>) -> Option<(Kept, Position)> {
        let (of, answer) = self.kept.as_ref()?.get(question)?;
        let Moment { version, position } = store.moment(seen).await?;
        self.end_others(&version);
        (version == of).then(|| {
            self.hits.inc();
            (answer, position)
        })
    }

    /// The place for an answer that is about to be made, from whatever has all up to this moment.
    pub fn place(&self, question: Question, moment: Option<&Moment>) -> Option<Place> {
        self.misses.inc();
        let version = moment?.version.clone();
        self.end_others(&version);
        Some((question, version))
    }

    /// Keeps an answer that was made after its place was found.
    pub fn keep(&self, (question, version): Place, json: &Bytes, name: Option<String>, cost: Cost) {
        if let Some(kept) = &self.kept {
            kept.insert(question, (version, Kept { body: Body::kept(json), name, cost }));
        }
    }

    /// Where the version is a new one, all answers of earlier ones go at once, rather than when their room is needed.
    fn end_others(&self, version: &Version) {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        if latest.as_ref() != Some(version) {
            self.kept.as_ref().inspect(|kept| kept.invalidate_all());
            *latest = Some(version.clone());
        }
    }

    /// How many bytes they take.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.kept.as_ref().map_or(0, |kept| {
            // It counts late what came last.
            kept.run_pending_tasks();
            kept.weighted_size()
        })
    }
}
