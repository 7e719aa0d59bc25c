//! Crossref works: responses of the REST API, the lines and files of the public data file, and XML.

mod xml;

use std::io::BufRead;

use serde_json::Value;

use crate::import::formats::detection::{FileHead, JsonFormatGuard, JsonMatch, has_fields};
use crate::import::formats::{Format, FormatOptions, SourceKind};
use crate::import::io::content_kind::ContentKind;
use crate::import::io::json;
use crate::import::io::lines::unreadable_error;
use crate::import::io::record_sink::{ReadAbort, RecordSink};
use crate::import::normalize::abstract_heading::strip_abstract_markup;
use crate::import::normalize::field_parsing::{self, as_list, text_field, text_fields, value_at};
use crate::model::identifier::{Doi, Orcid, Ror};
use crate::model::language::{LanguageTag, LocalizedText};
use crate::model::partial_date::PartialDate;
use crate::model::record::{AuthorRecord, OrganizationReference, PaperRecord, PaperType, Record};
use crate::text::markup::strip_markup;

/// Crossref works.
#[derive(Debug)]
pub(crate) struct CrossrefFormat;

impl Format for CrossrefFormat {
    fn name(&self) -> &'static str {
        "crossref"
    }

    fn help(&self) -> &'static str {
        "Crossref works: API responses in JSON or XML, or the public data file"
    }

    fn source_kind(&self) -> SourceKind {
        SourceKind::Registry
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["json", "jsonl", "ndjson", "xml"]
    }

    fn matches(&self, head: &FileHead<'_>) -> bool {
        head.content_kind == ContentKind::Markup && xml::is_crossref_xml(head)
    }

    fn match_json(&self, value: &Value) -> Option<JsonMatch> {
        if let Some(kind) = value.get("message-type").and_then(Value::as_str) {
            return Some(match_response(kind));
        }
        if has_fields(value, &["RA", "DOI"]) {
            return Some(JsonMatch::NotImportable("a response about the registration agency of a DOI".to_owned()));
        }
        match_item(value)
    }

    fn read(
        &self,
        reader: &mut dyn BufRead,
        _options: &FormatOptions,
        sink: &mut RecordSink<'_>,
    ) -> Result<(), ReadAbort> {
        read_stream(reader, sink)
    }
}

fn read_stream(reader: &mut dyn BufRead, sink: &mut RecordSink<'_>) -> Result<(), ReadAbort> {
    let head = reader.fill_buf().map_err(|error| unreadable_error(1, &error))?;
    if FileHead::new(head).content_kind == ContentKind::Markup {
        return xml::read_stream(reader, sink);
    }
    let mut guard = JsonFormatGuard::new(&["crossref", "csl"]);
    json::read_records(reader, &[&["message", "items"], &["items"]], sink, |line, value, sink| {
        if !guard.accepts(&value, line, sink)? {
            return Ok(());
        }
        // A response about one work, or an empty list.
        let work = value.get("message").unwrap_or(&value);
        if work.get("items").is_some_and(Value::is_array) {
            return as_list(work.get("items")).iter().try_for_each(|work| emit_work(line, work, sink));
        }
        emit_work(line, work, sink)
    })
}

/// Recognizes a response of the Crossref API by its message type.
fn match_response(kind: &str) -> JsonMatch {
    let subject = match kind {
        "work" | "work-list" => return JsonMatch::Importable("a Crossref API response about works"),
        "member" | "member-list" => "members",
        "journal" | "journal-list" => "journals",
        "funder" | "funder-list" => "funders",
        "license-list" => "licenses",
        "type" | "type-list" => "types of works",
        "prefix" => "a prefix",
        "work-agency" => "the registration agency of a DOI",
        other => return JsonMatch::NotImportable(format!("a Crossref API response of type {other}")),
    };
    JsonMatch::NotImportable(format!("a Crossref API response about {subject}"))
}

/// Recognizes an item of a list that the Crossref API returns.
fn match_item(value: &Value) -> Option<JsonMatch> {
    let has = |fields: &[&str]| has_fields(value, fields);
    let subject =
        if has(&["DOI", "prefix", "member"]) || has(&["DOI", "is-referenced-by-count"]) || has(&["indexed", "DOI"]) {
            return Some(JsonMatch::Importable("a Crossref work"));
        } else if has(&["primary-name", "prefixes"]) {
            "members"
        } else if has(&["ISSN", "publisher", "counts"]) {
            "journals"
        } else if has(&["alt-names", "uri"]) {
            "funders"
        } else if has(&["URL", "work-count"]) {
            "licenses"
        } else if has(&["id", "label"]) && value.as_object().is_some_and(|object| object.len() == 2) {
            "types of works"
        } else {
            return None;
        };
    Some(JsonMatch::NotImportable(format!("a Crossref API response about {subject}")))
}

fn emit_work(line: usize, value: &Value, sink: &mut RecordSink<'_>) -> Result<(), ReadAbort> {
    let mut warnings = Vec::new();
    match paper_record(value, &mut warnings) {
        Ok(record) => sink.push_record(line, Record::Paper(record), warnings),
        Err(reason) => sink.push_invalid(line, reason),
    }
}

fn paper_record(work: &Value, warnings: &mut Vec<String>) -> Result<PaperRecord, String> {
    if !work.is_object() {
        return Err("a Crossref work is an object".to_owned());
    }
    let title = full_title(work).ok_or_else(|| match text_field(work, "type") {
        Some(kind) => format!("it has no title (its type is {kind})"),
        None => "it has no title".to_owned(),
    })?;
    let kind =
        paper_type(&text_field(work, "type").unwrap_or_default(), &text_field(work, "subtype").unwrap_or_default());
    let language = text_field(work, "language");
    let tag = language.as_deref().and_then(|tag| tag.parse::<LanguageTag>().ok());
    let abstract_text = text_field(work, "abstract").map(|text| strip_abstract_markup(&text)).unwrap_or_default();
    Ok(PaperRecord {
        title,
        abstract_completeness: field_parsing::abstract_completeness(&abstract_text),
        abstract_text: LocalizedText::new(tag.as_ref(), abstract_text),
        publication_date: publication_date(work, warnings),
        paper_type: kind,
        venue_name: venue_name(work, kind),
        volume: text_field(work, "volume"),
        issue: text_field(work, "issue").or_else(|| text_field(work.get("journal-issue")?, "issue")),
        pages: text_field(work, "page"),
        article_number: text_field(work, "article-number"),
        edition: text_field(work, "edition-number"),
        publisher_name: institution_name(work)
            .filter(|_| is_of_institution(kind))
            .or_else(|| text_field(work, "publisher")),
        issns: text_fields(work, "ISSN").collect(),
        isbns: text_fields(work, "ISBN").collect(),
        language,
        doi: field_parsing::parse_identifier::<Doi>(text_field(work, "DOI").as_deref(), warnings),
        url: value_at(work, &["resource", "primary"])
            .and_then(|primary| text_field(primary, "URL"))
            .or_else(|| text_field(work, "URL")),
        is_retracted: as_list(work.get("updated-by"))
            .iter()
            .any(|update| text_field(update, "type").as_deref() == Some("retraction")),
        authors: (1..)
            .zip(as_list(work.get("author")))
            .map(|(position, author)| author_record(position, author, warnings))
            .collect(),
        ..PaperRecord::default()
    })
}

/// Returns the title with its subtitle, unless the title contains the subtitle.
fn full_title(work: &Value) -> Option<String> {
    let title = text_field(work, "title").map(|title| strip_markup(&title))?;
    match text_field(work, "subtitle").map(|subtitle| strip_markup(&subtitle)) {
        Some(subtitle) if !title.to_lowercase().contains(&subtitle.to_lowercase()) => {
            Some(format!("{title}: {subtitle}"))
        }
        _ => Some(title),
    }
}

fn publication_date(work: &Value, warnings: &mut Vec<String>) -> Option<PartialDate> {
    // `created` and `deposited` are dates of the Crossref record, not of the work.
    ["issued", "published", "published-online", "published-print", "published-other", "posted"].iter().find_map(
        |field| {
            let parts = value_at(work, &[field, "date-parts"])?.get(0)?.as_array()?;
            field_parsing::date_from_parts(parts, warnings)
        },
    )
}

fn paper_type(kind: &str, subtype: &str) -> PaperType {
    match kind {
        "journal-article" => PaperType::Article,
        "proceedings-article" => PaperType::ConferencePaper,
        "posted-content" if matches!(subtype, "" | "preprint") => PaperType::Preprint,
        "book" | "monograph" | "edited-book" | "reference-book" | "proceedings" | "book-set" => PaperType::Book,
        "book-chapter" | "book-section" | "book-part" | "book-track" | "reference-entry" => PaperType::BookChapter,
        "dissertation" => PaperType::Thesis,
        "report" | "report-component" => PaperType::Report,
        "dataset" | "database" => PaperType::Dataset,
        _ => PaperType::Other,
    }
}

/// Whether the institution publishes works of a type. Of a preprint, it is the server.
fn is_of_institution(kind: PaperType) -> bool {
    matches!(kind, PaperType::Thesis | PaperType::Report)
}

fn institution_name(work: &Value) -> Option<String> {
    as_list(work.get("institution")).iter().find_map(|institution| text_field(institution, "name"))
}

fn venue_name(work: &Value, kind: PaperType) -> Option<String> {
    let institution = || institution_name(work).filter(|_| !is_of_institution(kind));
    let event = || work.get("event").and_then(|event| text_field(event, "name"));
    text_field(work, "container-title").or_else(event).or_else(|| text_field(work, "group-title")).or_else(institution)
}

fn author_record(position: u32, author: &Value, warnings: &mut Vec<String>) -> AuthorRecord {
    let part = |field: &str| text_field(author, field);
    let (given, family) = (part("given"), part("family"));
    let written = field_parsing::join_name_parts(&[given.as_deref(), family.as_deref(), part("suffix").as_deref()]);
    let affiliations = as_list(author.get("affiliation"));
    let name_of = |affiliation: &Value| text_field(affiliation, "name");
    let with_ror = |affiliation: &Value| {
        let ror = as_list(affiliation.get("id")).iter().find_map(|id| text_field(id, "id")?.parse::<Ror>().ok())?;
        Some(OrganizationReference { ror: Some(ror), name: name_of(affiliation), ..Default::default() })
    };
    let mut orcid_notes = Vec::new();
    let orcid = field_parsing::parse_identifier::<Orcid>(part("ORCID").as_deref(), &mut orcid_notes);
    warnings.extend(orcid_notes.into_iter().map(|note| format!("author {position}: {note}")));
    AuthorRecord {
        position: Some(position),
        name: written.or_else(|| part("name")).unwrap_or_default(),
        given_name: family.as_ref().and(given),
        family_name: family,
        orcid,
        affiliations_as_published: affiliations.iter().filter_map(name_of).collect(),
        organizations: affiliations.iter().filter_map(with_ror).collect(),
        ..AuthorRecord::default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::import::test_support::{papers, read_bytes};

    fn a_work(doi: &str, title: &str) -> Value {
        json!({ "DOI": doi, "title": [title], "prefix": "10.1000", "member": "1", "type": "journal-article" })
    }

    #[test]
    fn lists_in_all_layouts() {
        let answer = json!({ "status": "ok", "message-type": "work-list", "message": {
            "facets": {}, "items": [a_work("10.1000/a", "Weirs"), a_work("10.1000/b", "Locks")] } });
        let file = json!({ "items": [a_work("10.1000/a", "Weirs"), a_work("10.1000/b", "Locks")] });
        let lines = format!("{}\n{}\n", a_work("10.1000/a", "Weirs"), a_work("10.1000/b", "Locks"));
        for text in [answer.to_string(), format!("{answer:#}"), file.to_string(), format!("{file:#}\n"), lines] {
            let outcome = read_bytes(&CrossrefFormat, text.as_bytes());
            assert_eq!(outcome.messages(), Vec::<String>::new());
            let titles: Vec<String> = papers(&outcome).iter().map(|paper| paper.title.clone()).collect();
            assert_eq!(titles, ["Weirs", "Locks"], "{text}");
        }
    }

    #[test]
    fn a_malformed_work_does_not_affect_the_others() {
        let text = format!(
            "{{\"message\": {{\"items\": [{},\n{{\"DOI\": oops}},\n{}]}}}}",
            a_work("10.1000/a", "Weirs"),
            a_work("10.1000/b", "Locks")
        );
        let outcome = read_bytes(&CrossrefFormat, text.as_bytes());
        assert_eq!(papers(&outcome).len(), 2);
        assert_eq!(outcome.messages().len(), 1);
        assert!(outcome.messages()[0].starts_with("2: invalid record: it is not JSON"), "{:?}", outcome.messages());
    }

    #[test]
    fn other_formats_are_rejected() {
        let members = json!({ "status": "ok", "message-type": "member-list", "message": {
            "items": [{ "primary-name": "A press", "prefixes": ["10.1000"] }, { "primary-name": "B", "prefixes": [] }] } });
        let expected =
            ["1: unreadable file: it looks like a Crossref API response about members, which cannot be imported"];
        assert_eq!(read_bytes(&CrossrefFormat, members.to_string().as_bytes()).messages(), expected);
        let none = json!({ "message-type": "member-list", "message": { "items": [] } });
        assert_eq!(read_bytes(&CrossrefFormat, none.to_string().as_bytes()).messages(), expected);
        let no_works = json!({ "message-type": "work-list", "message": { "items": [] } });
        assert_eq!(read_bytes(&CrossrefFormat, no_works.to_string().as_bytes()).messages(), Vec::<String>::new());
    }

    #[test]
    fn fields_of_a_work() {
        let value = json!({ "message-type": "work", "message": {
            "DOI": "10.1000/W", "title": ["On <i>weirs</i>"], "subtitle": ["a survey"], "type": "posted-content", "subtype": "preprint",
            "abstract": "<jats:title>Abstract</jats:title><jats:p>Weirs &amp; locks.</jats:p>", "language": "fr",
            "issued": { "date-parts": [[null]] }, "posted": { "date-parts": [[2020, 3]] }, "group-title": "Hydrology",
            "updated-by": [{ "type": "retraction", "DOI": "10.1000/r" }],
            "author": [
                { "given": "Ida", "family": "Brook", "suffix": "Jr.", "ORCID": "https://orcid.org/0000-0002-1825-0097",
                  "affiliation": [{ "name": "A University", "id": [{ "id": "https://ror.org/05dxps055", "id-type": "ROR" }] }] },
                { "name": "The Weir Group" }] } });
        let outcome = read_bytes(&CrossrefFormat, value.to_string().as_bytes());
        let paper = papers(&outcome).remove(0);
        assert_eq!(paper.title, "On weirs: a survey");
        assert_eq!(paper.abstract_text, LocalizedText::new("fr".parse().ok().as_ref(), "Weirs & locks.".to_owned()));
        assert_eq!(paper.publication_date.map(|date| date.to_string()).as_deref(), Some("2020-03"));
        assert_eq!((paper.paper_type, paper.venue_name.as_deref()), (PaperType::Preprint, Some("Hydrology")));
        assert!(paper.is_retracted);
        let names: Vec<&str> = paper.authors.iter().map(|author| author.name.as_str()).collect();
        assert_eq!(names, ["Ida Brook Jr.", "The Weir Group"]);
        assert_eq!(paper.authors[0].organizations[0].ror.as_ref().map(Ror::as_str), Some("05dxps055"));
    }
}
