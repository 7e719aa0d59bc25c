//! Codes of topics that their vocabulary identifies by a URI.
//!
//! A code is the end of the URI, and two URIs may end alike. A topic keeps its code once it has it. A topic of another
//! URI, in whatever file or import, gets a code with more of the URI.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sea_orm::FromQueryResult;

use crate::error::Error;
use crate::model::concept_uri::{bare_uri, possible_codes};
use crate::model::record::{TopicRecord, TopicReference};
use crate::store::access::sql_fragment::{sql, text_array};
use crate::store::unit_of_work::UnitOfWork;
use crate::text::bounded_key::bounded_key;

/// A stored topic that may be the one of a URI, or have a code that could be its.
#[derive(FromQueryResult)]
struct TopicCodeRow {
    id: i64,
    code: String,
    uri: Option<String>,
    /// The names in lower case.
    names: Vec<String>,
    /// Whether it has a record of its own.
    is_described: bool,
}

/// A topic that a record describes or refers to.
struct NamedTopic<'a> {
    uri: &'a str,
    code: &'a str,
    names: Vec<String>,
}

/// Replaces the codes of the record, and of the topics that it refers to, by those that their URIs have here.
pub(crate) async fn assign_codes(uow: &UnitOfWork<'_>, mut record: TopicRecord) -> Result<TopicRecord, Error> {
    let mut by_scheme: BTreeMap<String, Vec<NamedTopic<'_>>> = BTreeMap::new();
    let own = record.uri.as_deref().zip(record.code.as_deref());
    let own = own.map(|(uri, code)| {
        let names = record.names.iter().map(|name| name.value.to_lowercase()).collect();
        (&record.scheme, NamedTopic { uri, code, names })
    });
    let broader = record.broader.iter().filter_map(|reference| {
        let names = reference.labels.iter().map(|(_, label)| label.to_lowercase()).collect();
        let (uri, code) = reference.uri.as_deref().zip(reference.code.as_deref())?;
        Some((&reference.scheme, NamedTopic { uri, code, names }))
    });
    for (scheme, topic) in own.into_iter().chain(broader) {
        by_scheme.entry(scheme.clone()).or_default().push(topic);
    }
    let mut assigned: HashMap<(String, String), String> = HashMap::new();
    for (scheme, topics) in by_scheme {
        let mut stored = load_topics(uow, &scheme, &topics).await?;
        for topic in topics {
            let code = assign_code(uow, &mut stored, &topic).await?;
            assigned.insert((scheme.clone(), topic.uri.to_owned()), code);
        }
    }
    let code_of = |scheme: &str, uri: &Option<String>| {
        assigned.get(&(scheme.to_owned(), uri.clone().unwrap_or_default())).cloned()
    };
    record.code = code_of(&record.scheme, &record.uri).or(record.code);
    let with_code = |reference: TopicReference| {
        let code = code_of(&reference.scheme, &reference.uri).or(reference.code);
        TopicReference { code, ..reference }
    };
    record.broader = record.broader.into_iter().map(with_code).collect();
    Ok(record)
}

/// The URI as it is stored.
pub(crate) fn stored_uri(uri: &str) -> String {
    bounded_key(bare_uri(uri).to_owned())
}

async fn load_topics(
    uow: &UnitOfWork<'_>,
    scheme: &str,
    topics: &[NamedTopic<'_>],
) -> Result<Vec<TopicCodeRow>, Error> {
    let uris: BTreeSet<String> = topics.iter().map(|topic| stored_uri(topic.uri)).collect();
    let codes = topics.iter().flat_map(|topic| possible_codes(topic.uri).chain([topic.code]));
    let codes: BTreeSet<String> = codes.map(ToOwned::to_owned).collect();
    let sql = sql!(
        "SELECT id, code, concept_uri AS uri, ARRAY(SELECT lower(name ->> 'value') \
         FROM jsonb_array_elements(names) AS name) AS names, EXISTS (SELECT FROM source_record \
         WHERE source_record.topic_id = topic.id AND digest <> '\\x') AS is_described FROM topic \
         WHERE code IS NOT NULL AND scheme = ? AND (concept_uri = ANY(?) OR code = ANY(?)) ORDER BY id",
        scheme.to_owned(),
        text_array(uris),
        text_array(codes),
    );
    uow.rows(sql).await
}

/// The code of a topic: the one that its URI has, else that of a topic without a URI that has one of its codes and one
/// of its names, else the first of its codes that no other topic has.
async fn assign_code(
    uow: &UnitOfWork<'_>,
    stored: &mut Vec<TopicCodeRow>,
    topic: &NamedTopic<'_>,
) -> Result<String, Error> {
    let uri = stored_uri(topic.uri);
    if let Some(known) = stored.iter().find(|row| row.uri.as_deref() == Some(&uri)) {
        return Ok(known.code.clone());
    }
    // The code that the record has, which may end in more of the URI than its last segment, then longer ones.
    let longer: Vec<&str> = possible_codes(topic.uri).filter(|code| code.len() > topic.code.len()).collect();
    let codes: Vec<&str> = std::iter::once(topic.code).chain(longer).collect();
    // Earlier versions stored no URI. A code that is shorter than that of the record may be another URI's, too.
    let is_of_uri = |row: &&mut TopicCodeRow| {
        let has_name = topic.names.iter().any(|name| row.names.contains(name));
        let is_likely = codes.contains(&row.code.as_str()) && (topic.names.is_empty() || !row.is_described);
        row.uri.is_none() && (has_name && possible_codes(topic.uri).any(|code| code == row.code) || is_likely)
    };
    let place = |row: &&mut TopicCodeRow| codes.iter().position(|code| *code == row.code).unwrap_or(codes.len());
    if let Some(row) = stored.iter_mut().filter(is_of_uri).min_by_key(place) {
        row.uri = Some(uri.clone());
        uow.execute(sql!("UPDATE topic SET concept_uri = ? WHERE id = ?", uri, row.id)).await?;
        return Ok(row.code.clone());
    }
    let is_free = |code: &&&str| stored.iter().all(|row| row.code != **code);
    let code = codes.iter().find(is_free).map_or_else(|| uri.clone(), |code| (*code).to_owned());
    // Not stored yet, but taken for the other topics of the record.
    stored.push(TopicCodeRow { id: 0, code: code.clone(), uri: Some(uri), names: Vec::new(), is_described: true });
    Ok(code)
}
