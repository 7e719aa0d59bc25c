//! Format detection: the format of a file judged by its beginning, and the format of a JSON value judged by its fields.

use serde_json::Value;

use crate::import::formats::{FORMATS, Format};
use crate::import::io::content_kind::ContentKind;
use crate::import::io::json;
use crate::import::io::record_sink::{ReadAbort, RecordSink};
use crate::import::normalize::field_parsing::as_list;

/// The deepest nesting that a truncated JSON head may have; serde_json stops at 128 levels.
const MAX_OPEN_BRACKETS: usize = 60;

/// The beginning of a file, without byte order mark and leading white space.
pub struct FileHead<'a> {
    pub(crate) text: &'a [u8],
    pub(crate) content_kind: ContentKind,
}

impl<'a> FileHead<'a> {
    pub(crate) fn new(head: &'a [u8]) -> Self {
        let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
        // Comments before JSON, unless what follows is no JSON: Turtle and tables have comments, too.
        let after_comments = &text[json::comments_length(text)..];
        if after_comments.len() < text.len()
            && matches!(after_comments.first(), Some(b'{' | b'['))
            && first_json_value(after_comments).is_some()
        {
            return Self { text: after_comments, content_kind: ContentKind::Json };
        }
        let first_line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
        Self { text, content_kind: ContentKind::of(first_line) }
    }

    pub(crate) fn contains(&self, needle: &[u8]) -> bool {
        self.text.windows(needle.len()).any(|window| window == needle)
    }
}

/// What a format recognizes in a JSON value.
pub enum JsonMatch {
    /// A value that the format imports, described with its article.
    Importable(&'static str),
    /// A value of the same API or data dump that cannot be imported, described with its article.
    NotImportable(String),
}

/// A JSON value whose format is recognized.
pub(crate) struct DetectedJson {
    pub(crate) format: &'static dyn Format,
    matched: JsonMatch,
}

impl DetectedJson {
    /// Returns the name of the format, if it imports the value.
    fn importable_as(&self) -> Option<&'static str> {
        match self.matched {
            JsonMatch::Importable(_) => Some(self.format.name()),
            JsonMatch::NotImportable(_) => None,
        }
    }

    /// Explains why another format rejects the value.
    fn rejection_reason(&self) -> String {
        match &self.matched {
            JsonMatch::Importable(description) => {
                format!("it looks like {description}; use `import {}`", self.format.name())
            }
            JsonMatch::NotImportable(description) => format!("it looks like {description}, which cannot be imported"),
        }
    }
}

/// Returns the first registered format that recognizes a JSON value.
pub(crate) fn detect_json(value: &Value) -> Option<DetectedJson> {
    FORMATS.iter().find_map(|format| Some(DetectedJson { format: *format, matched: format.match_json(value)? }))
}

/// Whether a JSON object has all of the fields.
pub(crate) fn has_fields(value: &Value, fields: &[&str]) -> bool {
    fields.iter().all(|field| value.get(field).is_some())
}

/// Rejects the JSON values of other formats in a file.
///
/// If the first value is of another format, so is the file, and it is unreadable. Later values are invalid records.
pub(crate) struct JsonFormatGuard {
    accepted: &'static [&'static str],
    is_first: bool,
}

impl JsonFormatGuard {
    /// Creates a guard that accepts the named formats and values that no format recognizes.
    pub(crate) fn new(accepted: &'static [&'static str]) -> Self {
        Self { accepted, is_first: true }
    }

    /// Whether the next value of the file is accepted; reports it if it is not.
    pub(crate) fn accepts(&mut self, value: &Value, line: usize, sink: &mut RecordSink<'_>) -> Result<bool, ReadAbort> {
        let is_first = std::mem::take(&mut self.is_first);
        match detect_json(value) {
            Some(detected) if detected.importable_as().is_none_or(|name| !self.accepted.contains(&name)) => {
                let reason = detected.rejection_reason();
                if is_first {
                    return Err(ReadAbort::Unreadable(line, reason));
                }
                sink.push_invalid(line, reason)?;
                Ok(false)
            }
            _ => Ok(true),
        }
    }
}

/// Returns the format of a file with this beginning, or the reason why none is recognized.
pub(crate) fn detect_format(head: &[u8]) -> Result<&'static dyn Format, String> {
    let head = FileHead::new(head);
    if head.text.is_empty() {
        return Err("it is empty".to_owned());
    }
    if head.content_kind == ContentKind::Json {
        return detect_json_format(head.text);
    }
    let format = FORMATS.iter().find(|format| format.matches(&head));
    format.copied().ok_or_else(|| format!("its format is not recognized; it starts like {}", head.content_kind))
}

fn detect_json_format(text: &[u8]) -> Result<&'static dyn Format, String> {
    let Some(value) = first_json_value(text) else { return Err("its JSON is not valid".to_owned()) };
    let first_item = as_list(value.get("items")).first();
    match detect_json(&value).or_else(|| first_item.and_then(detect_json)) {
        Some(detected) if detected.importable_as().is_some() => Ok(detected.format),
        Some(detected) => Err(detected.rejection_reason()),
        None => Err("the format of its JSON is not recognized".to_owned()),
    }
}

/// Parses the first value of a JSON text that may be truncated anywhere, up to that point.
fn first_json_value(text: &[u8]) -> Option<Value> {
    let mut values = serde_json::Deserializer::from_slice(text).into_iter::<Value>();
    let value = match values.next() {
        Some(Ok(value)) => value,
        _ => serde_json::from_slice(&close_truncated_json(text)?).ok()?,
    };
    match value {
        // A list of found records has null for what was not found.
        Value::Array(values) => values.into_iter().find(|value| !value.is_null()),
        value => Some(value),
    }
}

/// Cuts a JSON text at the last comma between values, and closes the brackets that are open there.
fn close_truncated_json(text: &[u8]) -> Option<Vec<u8>> {
    let (mut open, mut best) = (Vec::new(), None);
    let (mut is_in_string, mut is_escaped) = (false, false);
    for (index, byte) in text.iter().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_in_string => is_escaped = true,
            b'"' => is_in_string = !is_in_string,
            _ if is_in_string => {}
            b'{' => open.push(b'}'),
            b'[' => open.push(b']'),
            b'}' | b']' => {
                open.pop();
            }
            b',' if open.len() <= MAX_OPEN_BRACKETS => best = Some((index, open.clone())),
            _ => {}
        }
    }
    let (index, open) = best?;
    Some(text[..index].iter().copied().chain(open.into_iter().rev()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats() {
        for (text, format) in [
            ("{\"message-type\": \"work-list\", \"message\": {}}", "crossref"),
            ("{\"status\": \"ok\", \"message-type\": \"work\", \"message\": {\"title\": [\"A\", \"B", "crossref"),
            ("{\"items\": [{\"DOI\": \"10.1000/a\", \"prefix\": \"10.1000\", \"member\": \"1\"}]}", "crossref"),
            ("{\"id\": \"https://openalex.org/W1\", \"title\": \"T\"}\n", "openalex"),
            ("{\"meta\": {\"count\": 0, \"db_response_time_ms\": 3}, \"results\": []}", "openalex"),
            ("{\"meta\": {}, \"results\": [{\"id\": \"https://openalex.org/W1\"}]}", "openalex"),
            ("{\"orcid-identifier\": {}, \"person\": {}}", "orcid"),
            ("{\"data\": {\"type\": \"dois\", \"attributes\": {}}}", "datacite"),
            ("[\n {\"id\": \"a\", \"title\": \"T\", \"type\": \"book\"}]", "csl"),
            ("{\"id\": \"https://ror.org/05dxps055\", \"names\": [], \"locations\": []}", "ror"),
            ("// exported\n# by hand\n/* {a}\n */ {\"kind\": \"paper\", \"title\": \"T\"}", "records"),
            ("# a library\n@article{a, title={T}}", "bibtex"),
            (
                "# words\n[ a <http://www.w3.org/2004/02/skos/core#Concept> ] .\n@prefix a: <http://a.example/> .",
                "no format",
            ),
            ("{\"paperId\": \"a\", \"title\": \"T\", \"authors\": []}", "semantic-scholar"),
            ("[null, {\"paperId\": \"a\", \"title\": \"T\"}]", "semantic-scholar"),
            ("{\"total\": 1, \"offset\": 0, \"data\": [{\"paperId\": \"a\", \"title\": \"T\"}]}", "semantic-scholar"),
            ("{\"corpusid\": 7, \"externalids\": {}, \"title\": \"T\", \"authors\": []}\n", "semantic-scholar"),
            ("{\"kind\": \"paper\", \"title\": \"T\", \"authors\": []}", "records"),
            ("{\"id\": \"T1\", \"label\": \"W\", \"subfield_id\": \"1\"}", "topics"),
            ("%%% a library\n\n@article{a, title={T}}", "bibtex"),
            ("TY  - JOUR\nER  - ", "ris"),
            ("\u{feff}family name;given name\nBrook;Ida", "csv"),
            ("topic_id,topic_name\n1,Weirs", "topics"),
            ("@prefix skos: <http://www.w3.org/2004/02/skos/core#> .", "topics"),
            ("<rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">", "topics"),
            ("<?xml version='1.0'?><record:record xmlns:record=\"http://www.orcid.org/ns/record\">", "orcid"),
            ("<?xml version='1.0'?>\n<PubmedArticleSet><PubmedArticle>", "pubmed"),
            ("<?xml version='1.0'?><dblpperson name=\"Ida Brook\" pid=\"1/2\" n=\"1\">", "dblp"),
            ("<?xml version=\"1.0\"?>\n<!DOCTYPE dblp SYSTEM \"dblp.dtd\">\n<dblp>", "dblp"),
            ("<collection xmlns=\"http://www.loc.gov/MARC21/slim\"><record>", "marcxml"),
            ("<bibs><bib><record><leader>0</leader><controlfield tag=\"001\">1</controlfield>", "marcxml"),
            ("<?xml version=\"1.0\"?><doi_records><doi_record><crossref>", "crossref"),
            ("<crossref_result xmlns=\"http://www.crossref.org/qrschema/3.0\">", "crossref"),
            ("<doi_batch version=\"5.3.1\" xmlns=\"http://www.crossref.org/schema/5.3.1\">", "crossref"),
            ("Ida Brook\nResearch Topics\nWeirs\n", "profile-page"),
        ] {
            assert_eq!(detect_format(text.as_bytes()).map_or("no format", Format::name), format, "{text}");
        }
    }

    #[test]
    fn rejections() {
        for (text, reason) in [
            (
                "{\"message-type\": \"member-list\", \"message\": {}}",
                "it looks like a Crossref API response about members, which cannot be imported",
            ),
            (
                "{\"data\": [{\"type\": \"clients\", \"attributes\": {}}]}",
                "it looks like a DataCite API response about clients, which cannot be imported",
            ),
            // JSON of publishers and repositories that has the fields of a format, in another form.
            (
                "{\"data\": [{\"type\": \"articles\", \"attributes\": {\"title\": \"T\"}}]}",
                "the format of its JSON is not recognized",
            ),
            ("{\"data\": [{\"title\": \"T\", \"type\": \"dois\"}]}", "the format of its JSON is not recognized"),
            (
                "{\"meta\": {\"total\": 1}, \"results\": [{\"title\": \"T\"}]}",
                "the format of its JSON is not recognized",
            ),
            ("{\"title\": \"T\", \"type\": \"article\", \"authors\": []}", "the format of its JSON is not recognized"),
            ("{\"title\": \"T\", \"author\": \"Ida Brook\"}", "the format of its JSON is not recognized"),
            ("{\"creators\": [\"Ida Brook\"], \"titles\": [\"T\"]}", "the format of its JSON is not recognized"),
            ("{\"names\": [\"R\"], \"locations\": [\"R\"]}", "the format of its JSON is not recognized"),
            ("{\"kind\": \"paper\", \"weight\": 80}", "the format of its JSON is not recognized"),
            ("<html>", "its format is not recognized; it starts like XML or HTML"),
            ("Dear all,", "its format is not recognized; it starts like text"),
            ("%PDF-1.7", "its format is not recognized; it starts like a PDF"),
            ("", "it is empty"),
        ] {
            assert_eq!(detect_format(text.as_bytes()).map(Format::name), Err(reason.to_owned()), "{text}");
        }
    }
}
