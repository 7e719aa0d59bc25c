//! Codes of topics that their vocabulary identifies by a URI.
//!
//! A code is the end of the URI, and two URIs may end alike. A topic keeps its code once it has it. A topic of another
//! URI, in whatever file or import, gets a code with more of the URI.

use std::collections::{BTreeSet, HashMap};

use sea_orm::FromQueryResult;

use crate::error::Error;
use crate::model::concept_uri::{bare_uri, possible_codes};
use crate::model::record::{TopicRecord, TopicReference};
use crate::store::access::sql_fragment::{bigint_array, sql, text_array};
use crate::store::unit_of_work::UnitOfWork;
use crate::text::bounded_key::bounded_key;

/// A stored topic that may be the one of a URI, or have a code that could be its.
#[derive(Clone, FromQueryResult)]
struct TopicCodeRow {
    id: i64,
    scheme: String,
    code: String,
    uri: Option<String>,
    /// The names in lower case.
    names: Vec<String>,
    /// Whether it has a record of its own.
    is_described: bool,
}

/// A topic that a record describes or refers to.
struct NamedTopic<'a> {
    scheme: &'a str,
    uri: &'a str,
    code: &'a str,
    names: Vec<String>,
}

/// The codes that the topics of a batch of records have or could have.
///
/// They are read once for the batch. After a record whose topics may be stored without a URI, or under another code, they
/// are read for each record.
pub(crate) struct TopicCodes {
    schemes: HashMap<String, SchemeCodes>,
    /// The URIs of stored topics that had none.
    found_uris: Vec<(i64, String)>,
    /// Whether records may have changed topics in a way that only the database knows.
    is_outdated: bool,
}

/// The topics of a scheme.
#[derive(Default)]
struct SchemeCodes {
    by_code: HashMap<String, TopicCodeRow>,
    code_by_uri: HashMap<String, String>,
}

impl TopicCodes {
    /// Reads the topics that the records describe or refer to.
    pub(crate) async fn load<'r>(
        uow: &UnitOfWork<'_>,
        records: impl IntoIterator<Item = &'r TopicRecord>,
    ) -> Result<Self, Error> {
        let topics: Vec<NamedTopic<'_>> = records.into_iter().flat_map(named_topics).collect();
        let mut schemes: HashMap<String, SchemeCodes> = HashMap::new();
        for row in load_topics(uow, &topics).await? {
            schemes.entry(row.scheme.clone()).or_default().insert(row);
        }
        Ok(Self { schemes, found_uris: Vec::new(), is_outdated: false })
    }

    /// Returns the record with the codes that its URI, and those of the topics that it refers to, have here. Must be
    /// called in the order in which the records are written.
    pub(crate) async fn assign(&mut self, uow: &UnitOfWork<'_>, record: &TopicRecord) -> Result<TopicRecord, Error> {
        if self.is_outdated {
            self.store_uris(uow).await?;
            *self = Self { is_outdated: true, ..Self::load(uow, [record]).await? };
        }
        let mut assigned: HashMap<(&str, &str), String> = HashMap::new();
        for topic in named_topics(record) {
            let code = self.assign_code(&topic);
            assigned.insert((topic.scheme, topic.uri), code);
        }
        self.is_outdated |= has_unpredictable_topics(record);
        let code_of = |scheme: &str, uri: &Option<String>| assigned.get(&(scheme, uri.as_deref()?)).cloned();
        let with_code = |reference: &TopicReference| {
            let code = code_of(&reference.scheme, &reference.uri).or_else(|| reference.code.clone());
            TopicReference { code, ..reference.clone() }
        };
        Ok(TopicRecord {
            code: code_of(&record.scheme, &record.uri).or_else(|| record.code.clone()),
            broader: record.broader.iter().map(with_code).collect(),
            ..record.clone()
        })
    }

    /// Stores the URIs of topics that had none.
    pub(crate) async fn store_uris(&mut self, uow: &UnitOfWork<'_>) -> Result<(), Error> {
        if self.found_uris.is_empty() {
            return Ok(());
        }
        let (ids, uris): (Vec<i64>, Vec<String>) = self.found_uris.drain(..).unzip();
        uow.execute(sql!(
            "UPDATE topic SET concept_uri = found.uri FROM unnest(?::bigint[], ?::text[]) AS found(id, uri) \
             WHERE topic.id = found.id",
            bigint_array(ids),
            text_array(uris),
        ))
        .await
    }

    fn assign_code(&mut self, topic: &NamedTopic<'_>) -> String {
        let scheme = self.schemes.entry(topic.scheme.to_owned()).or_default();
        let uri = stored_uri(topic.uri);
        if let Some(code) = scheme.code_by_uri.get(&uri) {
            return code.clone();
        }
        let code = match scheme.find_without_uri(topic) {
            Some(row) => {
                row.uri = Some(uri.clone());
                self.found_uris.push((row.id, uri.clone()));
                row.code.clone()
            }
            None => scheme.reserve_code(topic, &uri),
        };
        scheme.code_by_uri.insert(uri, code.clone());
        code
    }
}

impl SchemeCodes {
    fn insert(&mut self, row: TopicCodeRow) {
        if let Some(uri) = &row.uri {
            self.code_by_uri.entry(uri.clone()).or_insert_with(|| row.code.clone());
        }
        self.by_code.insert(row.code.clone(), row);
    }

    /// The topic without a URI that has one of the codes and one of the names of a topic. Earlier versions stored no URI.
    fn find_without_uri(&mut self, topic: &NamedTopic<'_>) -> Option<&mut TopicCodeRow> {
        let codes = topic.codes();
        // A code that is shorter than that of the record may be another URI's, too.
        let is_of_topic = |row: &TopicCodeRow| {
            let has_name = topic.names.iter().any(|name| row.names.contains(name));
            let is_likely = codes.contains(&row.code.as_str()) && (topic.names.is_empty() || !row.is_described);
            row.uri.is_none() && (has_name && possible_codes(topic.uri).any(|code| code == row.code) || is_likely)
        };
        let place = |row: &TopicCodeRow| codes.iter().position(|code| *code == row.code).unwrap_or(codes.len());
        let candidates = codes.iter().copied().chain(possible_codes(topic.uri));
        let rows = candidates.filter_map(|code| self.by_code.get(code)).filter(|row| is_of_topic(row));
        let code = rows.min_by_key(|row| (place(row), row.id))?.code.clone();
        self.by_code.get_mut(&code)
    }

    /// The first of the codes of a topic that no other topic has. It is taken from then on, for the other topics of the
    /// batch.
    fn reserve_code(&mut self, topic: &NamedTopic<'_>, uri: &str) -> String {
        let codes = topic.codes();
        let free = codes.iter().find(|code| !self.by_code.contains_key(**code));
        let code = free.map_or_else(|| uri.to_owned(), |code| (*code).to_owned());
        self.insert(TopicCodeRow {
            id: 0,
            scheme: topic.scheme.to_owned(),
            code: code.clone(),
            uri: Some(uri.to_owned()),
            names: Vec::new(),
            is_described: true,
        });
        code
    }
}

impl<'a> NamedTopic<'a> {
    /// The code that the record has, which may end in more of the URI than its last segment, then longer ones.
    fn codes(&self) -> Vec<&'a str> {
        let longer = possible_codes(self.uri).filter(|code| code.len() > self.code.len());
        std::iter::once(self.code).chain(longer).collect()
    }
}

/// The topics with a URI and a code that a record describes or refers to.
fn named_topics(record: &TopicRecord) -> impl Iterator<Item = NamedTopic<'_>> {
    let own = record.uri.as_deref().zip(record.code.as_deref()).map(|(uri, code)| {
        let names = record.names.iter().map(|name| name.value.to_lowercase()).collect();
        NamedTopic { scheme: &record.scheme, uri, code, names }
    });
    let broader = record.broader.iter().filter_map(|reference| {
        let (uri, code) = reference.uri.as_deref().zip(reference.code.as_deref())?;
        let names = reference.labels.iter().map(|(_, label)| label.to_lowercase()).collect();
        Some(NamedTopic { scheme: &reference.scheme, uri, code, names })
    });
    own.into_iter().chain(broader)
}

/// Whether a record may store a topic without a URI, or one that it finds by the ID of an export.
fn has_unpredictable_topics(record: &TopicRecord) -> bool {
    let is_bare = |uri: &Option<String>, code: &Option<String>| uri.is_none() && code.is_some();
    record.exported.is_some()
        || is_bare(&record.uri, &record.code)
        || record.broader.iter().any(|reference| reference.id.is_some() || is_bare(&reference.uri, &reference.code))
}

/// The URI as it is stored.
pub(crate) fn stored_uri(uri: &str) -> String {
    bounded_key(bare_uri(uri).to_owned())
}

async fn load_topics(uow: &UnitOfWork<'_>, topics: &[NamedTopic<'_>]) -> Result<Vec<TopicCodeRow>, Error> {
    if topics.is_empty() {
        return Ok(Vec::new());
    }
    let schemes: BTreeSet<&str> = topics.iter().map(|topic| topic.scheme).collect();
    let uris: BTreeSet<String> = topics.iter().map(|topic| stored_uri(topic.uri)).collect();
    let codes: BTreeSet<&str> = topics.iter().flat_map(|topic| possible_codes(topic.uri).chain([topic.code])).collect();
    let sql = sql!(
        "SELECT id, scheme, code, concept_uri AS uri, ARRAY(SELECT lower(name ->> 'value') \
         FROM jsonb_array_elements(names) AS name) AS names, EXISTS (SELECT FROM source_record \
         WHERE source_record.topic_id = topic.id AND digest <> '\\x') AS is_described FROM topic \
         WHERE code IS NOT NULL AND scheme = ANY(?) AND (concept_uri = ANY(?) OR code = ANY(?)) ORDER BY id",
        text_array(schemes),
        text_array(uris),
        text_array(codes),
    );
    uow.rows(sql).await
}
