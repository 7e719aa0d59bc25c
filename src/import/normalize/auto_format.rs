//! `import auto`: the format is told from the content.

use serde_json::Value;

use crate::import::formats::csv;
use crate::import::formats::profile_page;
use crate::import::formats::topics;
use crate::import::io::lines::looks_like;
use crate::import::normalize::detect::{self, Kind};
use crate::import::normalize::field_parsing::list;

/// The name of the format that a file which begins so has, or why there is none.
pub(crate) fn format_of(head: &[u8]) -> Result<&'static str, String> {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let text = head.trim_ascii_start();
    if text.is_empty() {
        return Err("it is empty".to_owned());
    }
    let line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let has = |wanted: &[u8]| text.windows(wanted.len()).any(|window| window == wanted);
    match looks_like(line) {
        "JSON" => of_json(text),
        "RIS" => Ok("ris"),
        "Turtle" => Ok("topics"),
        "BibTeX" => Ok("bibtex"),
        "XML or HTML" if has(b"<PubmedArticle") || has(b"<PubmedBookArticle") => Ok("pubmed"),
        "XML or HTML" if has(b"www.orcid.org/ns/") => Ok("orcid"),
        "XML or HTML" if topics::is_vocabulary(text) => Ok("topics"),
        "text" if topics::is_vocabulary(text) => Ok("topics"),
        "text" if begins_bibtex(text) => Ok("bibtex"),
        "text" if csv::is_header(line) => Ok("csv"),
        "text" if profile_page::has_headings(&String::from_utf8_lossy(text)) => Ok("profile-page"),
        "text" if has(b"\nTY  - ") => Ok("ris"),
        kind => Err(format!("nothing in it tells its format; it begins like {kind}")),
    }
}

/// Libraries may begin with any text, and most often with comments.
fn begins_bibtex(text: &[u8]) -> bool {
    let mut lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_start);
    lines.any(|line| line.starts_with(b"@") && (line.contains(&b'{') || line.contains(&b'(')))
}

fn of_json(text: &[u8]) -> Result<&'static str, String> {
    let Some(value) = first_value(text) else { return Err("its JSON cannot be read".to_owned()) };
    let in_list = list(value.get("items")).first();
    match detect::of_json(&value).or_else(|| in_list.and_then(detect::of_json)) {
        Some(Kind { format: Some(format), .. }) => Ok(format),
        Some(kind) => Err(kind.refusal()),
        None => Err("nothing in it tells which format of JSON it is".to_owned()),
    }
}

/// The first value of a text that may be cut anywhere: as much of it as there is.
fn first_value(text: &[u8]) -> Option<Value> {
    let mut values = serde_json::Deserializer::from_slice(text).into_iter::<Value>();
    let value = match values.next() {
        Some(Ok(value)) => value,
        _ => serde_json::from_slice(&completed(text)?).ok()?,
    };
    match value {
        Value::Array(values) => values.into_iter().next(),
        value => Some(value),
    }
}

/// The text up to the last comma that is between values, with the brackets closed that are open there.
fn completed(text: &[u8]) -> Option<Vec<u8>> {
    let (mut open, mut best) = (Vec::new(), None);
    let (mut in_string, mut is_escaped) = (false, false);
    for (place, byte) in text.iter().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_string => is_escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'{' => open.push(b'}'),
            b'[' => open.push(b']'),
            b'}' | b']' => {
                open.pop();
            }
            b',' if open.len() <= 60 => best = Some((place, open.clone())),
            _ => {}
        }
    }
    let (place, open) = best?;
    Some(text[..place].iter().copied().chain(open.into_iter().rev()).collect())
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
            ("{\"meta\": {}, \"results\": []}", "openalex"),
            ("{\"orcid-identifier\": {}, \"person\": {}}", "orcid"),
            ("{\"data\": {\"type\": \"dois\", \"attributes\": {}}}", "datacite"),
            ("[\n {\"id\": \"a\", \"title\": \"T\", \"type\": \"book\"}]", "csl"),
            ("{\"id\": \"https://ror.org/05dxps055\", \"names\": [], \"locations\": []}", "ror"),
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
            ("Ida Brook\nResearch Topics\nWeirs\n", "profile-page"),
        ] {
            assert_eq!(format_of(text.as_bytes()).unwrap_or("no format"), format, "{text}");
        }
    }

    #[test]
    fn refusals() {
        for (text, reason) in [
            (
                "{\"message-type\": \"member-list\", \"message\": {}}",
                "it seems to be an answer of Crossref about members, of which the directory keeps nothing",
            ),
            ("<html>", "nothing in it tells its format; it begins like XML or HTML"),
            ("Dear all,", "nothing in it tells its format; it begins like text"),
            ("%PDF-1.7", "nothing in it tells its format; it begins like a PDF"),
            ("", "it is empty"),
        ] {
            assert_eq!(format_of(text.as_bytes()), Err(reason.to_owned()), "{text}");
        }
    }
}
