//! CSL-JSON (schema 1.0.2), with Crossref's additions: ORCID iDs and affiliations of authors.

use std::io::BufRead;

use serde_json::{Map, Value};

use crate::import::formats::detection::{JsonMatch, has_fields};
use crate::import::formats::{Format, FormatOptions, SourceKind};
use crate::import::io::json;
use crate::import::io::record_sink::{ReadAbort, RecordSink};
use crate::import::normalize::bibliographic_details::split_keywords;
use crate::import::normalize::field_parsing::{self, as_list};
use crate::model::identifier::{ArxivId, Doi, Orcid, Ror};
use crate::model::language::{LanguageTag, LocalizedText};
use crate::model::partial_date::PartialDate;
use crate::model::record::{AuthorRecord, ExternalIdentifier, OrganizationReference, PaperRecord, PaperType, Record};

type JsonObject = Map<String, Value>;

/// CSL-JSON items.
#[derive(Debug)]
pub(crate) struct CslFormat;

impl Format for CslFormat {
    fn name(&self) -> &'static str {
        "csl"
    }

    fn help(&self) -> &'static str {
        "CSL-JSON: an array, one object, or one item per line"
    }

    fn source_kind(&self) -> SourceKind {
        SourceKind::ReferenceManager
    }

    fn match_json(&self, value: &Value) -> Option<JsonMatch> {
        (has_fields(value, &["title"]) && is_item(value)).then_some(JsonMatch::Importable("a CSL item"))
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

/// Whether an object with a title is a CSL item: its names or dates have CSL's form, or its type is CSL's or Crossref's, and
/// it does not have its authors in the field of another format.
fn is_item(value: &Value) -> bool {
    const TYPES: [&str; 47] = [
        "article",
        "article-journal",
        "article-magazine",
        "article-newspaper",
        "bill",
        "book",
        "book-chapter",
        "book-section",
        "broadcast",
        "chapter",
        "classic",
        "collection",
        "dataset",
        "dissertation",
        "document",
        "entry",
        "entry-dictionary",
        "entry-encyclopedia",
        "event",
        "figure",
        "graphic",
        "hearing",
        "interview",
        "journal-article",
        "legal_case",
        "legislation",
        "manuscript",
        "map",
        "monograph",
        "motion_picture",
        "musical_score",
        "pamphlet",
        "paper-conference",
        "patent",
        "performance",
        "personal_communication",
        "post",
        "post-weblog",
        "posted-content",
        "proceedings-article",
        "report",
        "review",
        "software",
        "song",
        "speech",
        "thesis",
        "webpage",
    ];
    let has_any = |object: &Value, fields: &[&str]| fields.iter().any(|field| object.get(field).is_some());
    let names = ["author", "editor"].iter().filter_map(|field| value.get(field)?.as_array()?.first());
    let has_names = names.into_iter().any(|name| has_any(name, &["family", "literal"]));
    let has_date = value.get("issued").is_some_and(|date| has_any(date, &["date-parts", "raw", "literal"]));
    let has_type = value.get("type").and_then(Value::as_str).is_some_and(|kind| TYPES.contains(&kind));
    has_names || has_date || has_type && !has_any(value, &["authors", "creators", "contributors"])
}

fn read_stream(reader: &mut dyn BufRead, sink: &mut RecordSink<'_>) -> Result<(), ReadAbort> {
    json::read_values(reader, sink, |line, value, sink| {
        let mut warnings = Vec::new();
        match paper_record(&value, &mut warnings) {
            Ok(record) => sink.push_record(line, Record::Paper(record), warnings),
            Err(reason) => sink.push_invalid(line, reason),
        }
    })
}

fn paper_record(value: &Value, warnings: &mut Vec<String>) -> Result<PaperRecord, String> {
    let Value::Object(item) = value else {
        return Err(format!("a CSL item is an object, not {}", json_type_name(value)));
    };
    if !item.contains_key("title") {
        return Err(describe_untitled(item));
    }
    let doi = parse_identifier::<Doi>(item, "DOI", warnings);
    let url = text_field(item, "URL");
    let arxiv_id = url.as_deref().filter(|url| url.contains("arxiv.org/")).and_then(|url| url.parse::<ArxivId>().ok());
    let abstract_text = text_field(item, "abstract");
    let language = text_field(item, "language");
    let tag = language.as_deref().and_then(|tag| tag.parse::<LanguageTag>().ok());
    let kind = paper_type(item, doi.as_ref());
    let is_book = matches!(kind, PaperType::Book | PaperType::BookChapter);
    let number = text_field(item, "number");
    let in_issue = || text_field(item.get("journal-issue")?.as_object()?, "issue");
    Ok(PaperRecord {
        source_id: text_field(item, "id"),
        title: text_field(item, "title").unwrap_or_default(),
        abstract_completeness: field_parsing::abstract_completeness(abstract_text.as_deref().unwrap_or_default()),
        abstract_text: abstract_text.map(|text| LocalizedText::new(tag.as_ref(), text)).unwrap_or_default(),
        publication_date: issue_date(item, warnings),
        paper_type: kind,
        venue_name: text_field(item, "container-title").or_else(|| text_field(item, "event-title")),
        volume: text_field(item, "volume").or_else(|| text_field(item, "collection-number").filter(|_| is_book)),
        // The number of an article is its article number, that of a report its number in a series.
        issue: text_field(item, "issue")
            .or_else(in_issue)
            .or_else(|| number.clone().filter(|_| kind == PaperType::Report)),
        pages: text_field(item, "page"),
        article_number: text_field(item, "article-number")
            .or(number.filter(|_| is_book || matches!(kind, PaperType::Article | PaperType::ConferencePaper))),
        edition: text_field(item, "edition").or_else(|| text_field(item, "edition-number")),
        publisher_name: text_field(item, "publisher"),
        issns: texts(item, "ISSN"),
        isbns: texts(item, "ISBN"),
        keywords: texts(item, "keyword").iter().flat_map(|text| split_keywords(text)).collect(),
        language,
        doi,
        arxiv_id,
        url,
        identifiers: other_identifiers(item),
        authors: author_records(item, warnings),
        ..PaperRecord::default()
    })
}

fn json_type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) | Value::Number(_) => "a number or a boolean",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// Describes an object without a title.
fn describe_untitled(item: &JsonObject) -> String {
    let seems = if item.contains_key("names") && item.contains_key("locations") {
        "it looks like a ROR record; use `import ror`"
    } else if item.contains_key("message-type") {
        "it looks like a Crossref API response; its CSL items are in `message`"
    } else if item.contains_key("display_name") {
        "it looks like an OpenAlex entity"
    } else {
        "it has no title"
    };
    seems.to_owned()
}

/// Returns a string, a number as a string, or the first of a list; Crossref has lists of titles.
fn text_field(item: &JsonObject, field: &str) -> Option<String> {
    let one = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let text = match item.get(field)? {
        Value::Array(values) => values.iter().find_map(one),
        value => one(value),
    };
    text.filter(|text| !text.trim().is_empty())
}

/// Returns all texts of a field, which has one or a list of them.
fn texts(item: &JsonObject, field: &str) -> Vec<String> {
    as_list(item.get(field)).iter().filter_map(Value::as_str).map(ToOwned::to_owned).collect()
}

fn parse_identifier<T>(item: &JsonObject, field: &str, warnings: &mut Vec<String>) -> Option<T>
where
    T: std::str::FromStr<Err = crate::model::identifier::InvalidIdentifier>,
{
    match text_field(item, field)?.parse() {
        Ok(identifier) => Some(identifier),
        Err(error) => {
            warnings.push(format!("{error}; it was ignored"));
            None
        }
    }
}

fn other_identifiers(item: &JsonObject) -> Vec<ExternalIdentifier> {
    let schemes = [("PMID", "pmid"), ("PMCID", "pmcid")];
    let identifiers = schemes.iter().filter_map(|(field, scheme)| {
        Some(ExternalIdentifier { scheme: (*scheme).to_owned(), value: text_field(item, field)?.trim().to_owned() })
    });
    identifiers.collect()
}

fn paper_type(item: &JsonObject, doi: Option<&Doi>) -> PaperType {
    let is_preprint = doi.and_then(Doi::arxiv_id).is_some()
        || text_field(item, "genre").is_some_and(|genre| genre.to_lowercase().contains("preprint"));
    match text_field(item, "type").unwrap_or_default().as_str() {
        "posted-content" => PaperType::Preprint,
        "article" if is_preprint => PaperType::Preprint,
        "article" | "article-journal" | "article-magazine" | "article-newspaper" | "journal-article" | "review"
        | "review-book" => PaperType::Article,
        "paper-conference" | "proceedings-article" => PaperType::ConferencePaper,
        "book" | "monograph" | "edited-book" | "reference-book" | "proceedings" => PaperType::Book,
        "chapter" | "book-chapter" | "book-section" | "book-part" | "entry" | "entry-dictionary"
        | "entry-encyclopedia" | "reference-entry" => PaperType::BookChapter,
        "thesis" | "dissertation" => PaperType::Thesis,
        "report" | "report-series" => PaperType::Report,
        "dataset" => PaperType::Dataset,
        _ => PaperType::Other,
    }
}

/// Returns the date of issue: the first `date-parts`, or a date in plain text.
fn issue_date(item: &JsonObject, warnings: &mut Vec<String>) -> Option<PartialDate> {
    let issued = item.get("issued")?;
    if let Some(parts) = issued.get("date-parts").and_then(|parts| parts.get(0)).and_then(Value::as_array) {
        return field_parsing::date_from_parts(parts, warnings);
    }
    let text =
        ["raw", "literal", "date-time"].iter().find_map(|field| issued.get(field)?.as_str()).or(issued.as_str())?;
    field_parsing::parse_date(text, warnings)
}

fn author_records(item: &JsonObject, warnings: &mut Vec<String>) -> Vec<AuthorRecord> {
    let Some(Value::Array(authors)) = item.get("author") else { return Vec::new() };
    (1_u32..).zip(authors).map(|(position, author)| author_record(position, author, warnings)).collect()
}

fn author_record(position: u32, author: &Value, warnings: &mut Vec<String>) -> AuthorRecord {
    let empty = JsonObject::new();
    let fields = author.as_object().unwrap_or(&empty);
    let part = |field: &str| fields.get(field).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
    let join = |parts: &[Option<&str>]| {
        let joined: Vec<&str> = parts.iter().flatten().copied().collect();
        Some(joined.join(" ")).filter(|text| !text.is_empty())
    };
    let given = join(&[part("given"), part("dropping-particle")]);
    let family = join(&[part("non-dropping-particle"), part("family")]);
    let full_name = join(&[given.as_deref(), family.as_deref(), part("suffix")]);
    let literal = part("literal").or_else(|| part("name")).or_else(|| author.as_str()).map(ToOwned::to_owned);
    let name = full_name.or(literal).unwrap_or_default();
    let orcid = part("ORCID").and_then(|text| match text.parse::<Orcid>() {
        Ok(orcid) => Some(orcid),
        Err(error) => {
            warnings.push(format!("author {position}: {error}; it was ignored"));
            None
        }
    });
    let affiliations = match fields.get("affiliation") {
        Some(Value::Array(affiliations)) => affiliations.as_slice(),
        _ => &[],
    };
    let affiliation_name = |affiliation: &Value| {
        let name = affiliation.get("name").unwrap_or(affiliation).as_str()?;
        Some(name.to_owned()).filter(|name| !name.trim().is_empty())
    };
    let with_ror = |affiliation: &Value| {
        let ids = affiliation.get("id")?.as_array()?;
        let ror = ids.iter().find_map(|id| id.get("id").unwrap_or(id).as_str()?.parse::<Ror>().ok())?;
        Some(OrganizationReference { ror: Some(ror), name: affiliation_name(affiliation), ..Default::default() })
    };
    AuthorRecord {
        position: Some(position),
        given_name: family.as_ref().and(given),
        family_name: family,
        name,
        orcid,
        affiliations_as_published: affiliations.iter().filter_map(affiliation_name).collect(),
        organizations: affiliations.iter().filter_map(with_ror).collect(),
        ..AuthorRecord::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(value: &Value) -> (PaperRecord, Vec<String>) {
        let mut warnings = Vec::new();
        (paper_record(value, &mut warnings).expect("an item"), warnings)
    }

    #[test]
    fn dates() {
        let date = |issued: Value| {
            let (record, warnings) = read(&json!({"title": "T", "issued": issued}));
            (record.publication_date.map(|date| date.to_string()), warnings.len())
        };
        assert_eq!(date(json!({"date-parts": [[2019, 5, 3]]})), (Some("2019-05-03".to_owned()), 0));
        assert_eq!(date(json!({"date-parts": [["2019", "5"]]})), (Some("2019-05".to_owned()), 0));
        assert_eq!(date(json!({"date-parts": [[2019, 2, 30]]})), (Some("2019".to_owned()), 1));
        assert_eq!(date(json!({"date-parts": [[null]]})), (None, 0));
        assert_eq!(date(json!({"raw": "2019-05-03T00:00"})), (Some("2019-05-03".to_owned()), 0));
        assert_eq!(date(json!({"literal": "Spring 2019"})), (Some("2019".to_owned()), 0));
        assert_eq!(date(json!("2019")), (Some("2019".to_owned()), 0));
    }

    #[test]
    fn names_of_authors() {
        let (record, warnings) = read(&json!({"title": "T", "author": [
            {"family": "Beethoven", "given": "Ludwig", "dropping-particle": "van"},
            {"literal": "The Group"}, {"family": "Plato"}, {"given": "Ann", "family": "Lee", "suffix": "Jr."},
            {"family": "Roe", "ORCID": "http://orcid.org/0000-0002-1825-0098"},
        ]}));
        let names: Vec<&str> = record.authors.iter().map(|author| author.name.as_str()).collect();
        assert_eq!(names, ["Ludwig van Beethoven", "The Group", "Plato", "Ann Lee Jr.", "Roe"]);
        assert_eq!(record.authors[4].orcid, None);
        assert_eq!(warnings.len(), 1, "{warnings:?}");
    }

    #[test]
    fn crossref_affiliations() {
        let (record, _) = read(&json!({"title": ["T"], "author": [{"family": "Roe", "affiliation": [
            {"name": "A University", "id": [{"id": "https://ror.org/05dxps055", "id-type": "ROR"}]}, {"name": " "}]}]}));
        assert_eq!(record.authors[0].affiliations_as_published, ["A University"]);
        assert_eq!(record.authors[0].organizations[0].ror.as_ref().map(Ror::as_str), Some("05dxps055"));
    }
}
