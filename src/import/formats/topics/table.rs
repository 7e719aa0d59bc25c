//! Tables of topics, one topic per line: with its ancestors, as in OpenAlex's table, or with labels in several
//! languages.

use std::collections::HashSet;
use std::io::BufRead;

use serde_json::{Map, Value};

use crate::import::formats::detection::JsonFormatGuard;
use crate::import::formats::topics::VocabularyConcept;
use crate::import::formats::topics::skos::split_iri;
use crate::import::io::delimited::{self, split_row};
use crate::import::io::json;
use crate::import::io::lines::{self, BoundedLines};
use crate::import::io::record_sink::{ReadAbort, RecordSink};
use crate::import::normalize::field_parsing::{as_list, text_field};
use crate::model::language::LocalizedText;
use crate::model::record::{Record, TopicReference};

const OPENALEX_SCHEME: &str = "openalex";
const MAX_LINE_BYTES: usize = 1 << 20;
const ANCESTOR_LEVELS: [&str; 3] = ["domain", "field", "subfield"];

pub(super) fn read_json_lines(
    reader: &mut dyn BufRead,
    scheme: Option<&str>,
    sink: &mut RecordSink<'_>,
) -> Result<(), ReadAbort> {
    let mut guard = JsonFormatGuard::new(&["topics"]);
    let mut emitted = HashSet::new();
    json::read_values(reader, sink, |line, value, sink| {
        if !guard.accepts(&value, line, sink)? {
            return Ok(());
        }
        match value.get("pref").and_then(Value::as_object) {
            Some(labels) => emit_labelled_topic(line, &value, labels, scheme, sink),
            None => emit_topic_with_ancestors(line, &value, scheme, &mut emitted, sink),
        }
    })
}

/// Pushes a topic with labels by language and the IDs of its broader topics.
fn emit_labelled_topic(
    line: usize,
    value: &Value,
    labels: &Map<String, Value>,
    scheme: Option<&str>,
    sink: &mut RecordSink<'_>,
) -> Result<(), ReadAbort> {
    let Some(id) = text_field(value, "id") else { return sink.push_invalid(line, "the topic has no id".to_owned()) };
    let scheme_of = |id: &str| -> String {
        let vocabulary = split_iri(id).0;
        scheme.unwrap_or(if vocabulary.is_empty() { "local" } else { vocabulary }).to_owned()
    };
    // A number or a word is no URI.
    let uri_of = |id: &str| id.contains([':', '/']).then(|| id.to_owned());
    let texts = |labels: &Map<String, Value>| -> Vec<(Option<String>, String)> {
        let of_language =
            labels.iter().flat_map(|(tag, labels)| as_list(Some(labels)).iter().map(move |label| (tag, label)));
        of_language.filter_map(|(tag, label)| Some((Some(tag.clone()), label.as_str()?.to_owned()))).collect()
    };
    let broader = as_list(value.get("broader")).iter().filter_map(Value::as_str).map(|id| TopicReference {
        uri: uri_of(id),
        ..TopicReference::new(scheme_of(id), Some(split_iri(id).1.to_owned()), LocalizedText::default())
    });
    let concept = VocabularyConcept {
        code: split_iri(&id).1.to_owned(),
        uri: uri_of(&id),
        preferred: texts(labels),
        alternative: value.get("alt").and_then(Value::as_object).map(texts).unwrap_or_default(),
        broader: broader.collect(),
    };
    sink.push_record(line, Record::Topic(concept.into_record(&scheme_of(&id))), Vec::new())
}

/// Pushes a topic and its ancestors, each once.
fn emit_topic_with_ancestors(
    line: usize,
    value: &Value,
    scheme: Option<&str>,
    emitted: &mut HashSet<String>,
    sink: &mut RecordSink<'_>,
) -> Result<(), ReadAbort> {
    let scheme = scheme.unwrap_or(OPENALEX_SCHEME);
    let id = text_field(value, "id").or_else(|| text_field(value, "topic_id")).map(|id| openalex_code(&id, "T"));
    let label = text_field(value, "label")
        .or_else(|| text_field(value, "topic_name"))
        .or_else(|| text_field(value, "display_name"));
    let (Some(id), Some(label)) = (id, label) else {
        return sink.push_invalid(line, "the topic has no id or no label".to_owned());
    };
    let levels = ANCESTOR_LEVELS.iter().filter_map(|level| {
        let id = text_field(value, &format!("{level}_id"))?;
        let label = text_field(value, level).or_else(|| text_field(value, &format!("{level}_name")))?;
        Some((openalex_code(&id, &format!("{level}s/")), label))
    });
    let mut parent: Option<TopicReference> = None;
    for (code, label) in levels.chain(std::iter::once((id, label))) {
        let reference = TopicReference::new(
            scheme,
            Some(code.clone()),
            LocalizedText::new("en".parse().ok().as_ref(), label.as_str()),
        );
        let broader = parent.replace(reference);
        if emitted.insert(code.clone()) {
            let english = Some("en".to_owned());
            let concept = VocabularyConcept {
                code,
                uri: None,
                preferred: vec![(english, label)],
                alternative: Vec::new(),
                broader: broader.into_iter().collect(),
            };
            sink.push_record(line, Record::Topic(concept.into_record(scheme)), Vec::new())?;
        }
    }
    Ok(())
}

/// Returns an ID in OpenAlex's form; some tables have only its number.
fn openalex_code(id: &str, prefix: &str) -> String {
    let id = id.split_once("openalex.org/").map_or(id, |(_, code)| code);
    if id.bytes().all(|byte| byte.is_ascii_digit()) { format!("{prefix}{id}") } else { id.to_owned() }
}

/// Whether a text starts with the header of a topic table, perhaps after comments.
pub(super) fn is_topic_header(head: &[u8]) -> bool {
    let mut lines = head.split(|byte| *byte == b'\n');
    let line = lines.find(|line| !delimited::is_before_header(line)).unwrap_or_default();
    let line = String::from_utf8_lossy(line).to_lowercase();
    line.contains("topic_id") && line.contains("topic_name")
}

pub(super) fn read_csv(
    reader: &mut dyn BufRead,
    scheme: Option<&str>,
    sink: &mut RecordSink<'_>,
) -> Result<(), ReadAbort> {
    let mut lines = BoundedLines::new(reader, MAX_LINE_BYTES);
    let mut header: Option<(u8, Vec<String>)> = None;
    let mut emitted = HashSet::new();
    while let Some(line) = lines.next_line()? {
        if line.is_empty() {
            continue;
        }
        let line = lines::decode_text(line).0.into_owned();
        let (number, is_truncated) = (lines.number, lines.is_truncated);
        if is_truncated {
            sink.push_invalid(number, lines.too_long_reason())?;
            continue;
        }
        let Some((delimiter, names)) = &header else {
            if delimited::is_before_header(line.as_bytes()) {
                continue;
            }
            if !is_topic_header(line.as_bytes()) {
                let reason = "it is not a topic table: its first line has no columns `topic_id` and `topic_name`";
                return Err(ReadAbort::Unreadable(number, reason.to_owned()));
            }
            let delimiter = if line.contains('\t') {
                b'\t'
            } else if line.contains(';') {
                b';'
            } else {
                b','
            };
            let names = split_balanced_row(&line, delimiter)
                .unwrap_or_default()
                .iter()
                .map(|name| name.to_lowercase())
                .collect();
            header = Some((delimiter, names));
            continue;
        };
        match split_balanced_row(&line, *delimiter).filter(|fields| fields.len() == names.len()) {
            Some(fields) => {
                let object: Map<String, Value> =
                    names.iter().cloned().zip(fields.into_iter().map(Value::String)).collect();
                emit_topic_with_ancestors(number, &Value::Object(object), scheme, &mut emitted, sink)?;
            }
            None => {
                sink.push_invalid(number, format!("it does not have the {} fields of the first line", names.len()))?;
            }
        }
    }
    Ok(())
}

/// Splits a line into fields; returns `None` if a quotation mark is not closed.
fn split_balanced_row(line: &str, delimiter: u8) -> Option<Vec<String>> {
    let has_unclosed_quote = line.bytes().filter(|byte| *byte == b'"').count() % 2 == 1;
    if has_unclosed_quote { None } else { split_row(line, delimiter) }
}
