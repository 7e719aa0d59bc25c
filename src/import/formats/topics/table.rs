//! Tables of topics: one a line, with those above it (as OpenAlex has it) or with labels in languages.

use std::collections::HashSet;
use std::io::BufRead;

use serde_json::{Map, Value};

use crate::import::formats::topics::Concept;
use crate::import::formats::topics::skos::address_parts;
use crate::import::io::json;
use crate::import::io::lines::{self, Lines};
use crate::import::normalize::detect;
use crate::import::normalize::field_parsing::{list, text};
use crate::import::{Sink, Stop};
use crate::model::language::LocalizedText;
use crate::model::record::{Record, TopicReference};

const OPENALEX: &str = "openalex";
const LONGEST_LINE: usize = 1 << 20;
const LEVELS: [&str; 3] = ["domain", "field", "subfield"];

pub(super) fn json_lines(reader: &mut dyn BufRead, scheme: Option<&str>, sink: &mut Sink<'_>) -> Result<(), Stop> {
    let mut is_first = true;
    let mut told = HashSet::new();
    json::values(reader, sink, |line, value, sink| {
        let is_first = std::mem::take(&mut is_first);
        if let Some(kind) = detect::of_json(&value)
            && kind.format != Some("topics")
        {
            return if is_first {
                Err(Stop::Unreadable(line, kind.refusal()))
            } else {
                sink.rejected(line, kind.refusal())
            };
        }
        match value.get("pref").and_then(Value::as_object) {
            Some(labels) => labelled(line, &value, labels, scheme, sink),
            None => with_those_above(line, &value, scheme, &mut told, sink),
        }
    })
}

/// A topic with labels by language, and the ids of those above it.
fn labelled(
    line: usize,
    value: &Value,
    labels: &Map<String, Value>,
    scheme: Option<&str>,
    sink: &mut Sink<'_>,
) -> Result<(), Stop> {
    let Some(id) = text(value, "id") else { return sink.rejected(line, "the topic has no id".to_owned()) };
    let (own, code) = address_parts(&id);
    let scheme = scheme.unwrap_or(if own.is_empty() { "local" } else { own });
    let texts = |labels: &Map<String, Value>| -> Vec<(Option<String>, String)> {
        let of_language =
            labels.iter().flat_map(|(tag, labels)| list(Some(labels)).iter().map(move |label| (tag, label)));
        of_language.filter_map(|(tag, label)| Some((Some(tag.clone()), label.as_str()?.to_owned()))).collect()
    };
    let above = list(value.get("broader"))
        .iter()
        .filter_map(Value::as_str)
        .map(|id| TopicReference::new(scheme, Some(address_parts(id).1.to_owned()), LocalizedText::default()));
    let concept = Concept {
        code: code.to_owned(),
        preferred: texts(labels),
        others: value.get("alt").and_then(Value::as_object).map(texts).unwrap_or_default(),
        broader: above.collect(),
    };
    sink.record(line, Record::Topic(concept.record(scheme)), Vec::new())
}

/// A topic and those above it, which are told once.
fn with_those_above(
    line: usize,
    value: &Value,
    scheme: Option<&str>,
    told: &mut HashSet<String>,
    sink: &mut Sink<'_>,
) -> Result<(), Stop> {
    let scheme = scheme.unwrap_or(OPENALEX);
    let id = text(value, "id").or_else(|| text(value, "topic_id")).map(|id| coded(&id, "T"));
    let label = text(value, "label").or_else(|| text(value, "topic_name")).or_else(|| text(value, "display_name"));
    let (Some(id), Some(label)) = (id, label) else {
        return sink.rejected(line, "the topic has no id or no label".to_owned());
    };
    let levels = LEVELS.iter().filter_map(|level| {
        let id = text(value, &format!("{level}_id"))?;
        let label = text(value, level).or_else(|| text(value, &format!("{level}_name")))?;
        Some((coded(&id, &format!("{level}s/")), label))
    });
    let mut above: Option<TopicReference> = None;
    for (code, label) in levels.chain(std::iter::once((id, label))) {
        let reference = TopicReference::new(
            scheme,
            Some(code.clone()),
            LocalizedText::of("en".parse().ok().as_ref(), label.as_str()),
        );
        let broader = above.replace(reference);
        if told.insert(code.clone()) {
            let english = Some("en".to_owned());
            let concept = Concept {
                code,
                preferred: vec![(english, label)],
                others: Vec::new(),
                broader: broader.into_iter().collect(),
            };
            sink.record(line, Record::Topic(concept.record(scheme)), Vec::new())?;
        }
    }
    Ok(())
}

/// A code as OpenAlex writes it, where a table has its number only.
fn coded(id: &str, prefix: &str) -> String {
    let id = id.split_once("openalex.org/").map_or(id, |(_, code)| code);
    if id.bytes().all(|byte| byte.is_ascii_digit()) { format!("{prefix}{id}") } else { id.to_owned() }
}

/// Whether a text begins with the names of the columns of such a table.
pub(super) fn is_header(head: &[u8]) -> bool {
    let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line).to_lowercase();
    line.contains("topic_id") && line.contains("topic_name")
}

pub(super) fn csv(reader: &mut dyn BufRead, scheme: Option<&str>, sink: &mut Sink<'_>) -> Result<(), Stop> {
    let mut lines = Lines::new(reader, LONGEST_LINE);
    let mut header: Option<(u8, Vec<String>)> = None;
    let mut told = HashSet::new();
    while let Some(line) = lines.next()? {
        if line.is_empty() {
            continue;
        }
        let line = lines::text(line).0.into_owned();
        let (number, is_cut) = (lines.number, lines.is_cut);
        if is_cut {
            sink.rejected(number, lines.too_long())?;
            continue;
        }
        let Some((delimiter, names)) = &header else {
            if !is_header(line.as_bytes()) {
                let reason = "it is no table of topics: its first line names no columns `topic_id` and `topic_name`";
                return Err(Stop::Unreadable(number, reason.to_owned()));
            }
            let delimiter = if line.contains('\t') {
                b'\t'
            } else if line.contains(';') {
                b';'
            } else {
                b','
            };
            let names = split(&line, delimiter).unwrap_or_default().iter().map(|name| name.to_lowercase()).collect();
            header = Some((delimiter, names));
            continue;
        };
        match split(&line, *delimiter).filter(|fields| fields.len() == names.len()) {
            Some(fields) => {
                let object: Map<String, Value> =
                    names.iter().cloned().zip(fields.into_iter().map(Value::String)).collect();
                with_those_above(number, &Value::Object(object), scheme, &mut told, sink)?;
            }
            None => sink.rejected(number, format!("it has not the {} fields that the first line has", names.len()))?,
        }
    }
    Ok(())
}

/// The fields of a line; none where a quotation mark does not close.
fn split(line: &str, delimiter: u8) -> Option<Vec<String>> {
    if line.bytes().filter(|byte| *byte == b'"').count() % 2 == 1 {
        return None;
    }
    let mut reader = ::csv::ReaderBuilder::new();
    let mut reader = reader.has_headers(false).flexible(true).delimiter(delimiter).from_reader(line.as_bytes());
    let record = reader.records().next()?.ok()?;
    Some(record.iter().map(|field| field.trim().to_owned()).collect())
}
