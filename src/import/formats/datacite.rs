//! DataCite DOIs: responses of the REST API, and the lines of the public data file.

use std::io::BufRead;

use serde_json::Value;

use crate::import::formats::detection::{JsonFormatGuard, JsonMatch, has_fields};
use crate::import::formats::{Format, FormatOptions, SourceKind};
use crate::import::io::json;
use crate::import::io::record_sink::{ReadAbort, RecordSink};
use crate::import::normalize::abstract_heading::strip_abstract_markup;
use crate::import::normalize::field_parsing::{self, as_list, text_field, value_at};
use crate::import::normalize::placeholder::{Missing, is_placeholder};
use crate::model::identifier::{Doi, Orcid, Ror};
use crate::model::language::{LanguageTag, LocalizedText};
use crate::model::partial_date::PartialDate;
use crate::model::record::{AuthorRecord, OrganizationReference, PaperRecord, PaperType, Record};
use crate::text::names;

/// DataCite DOI metadata.
#[derive(Debug)]
pub(crate) struct DataCiteFormat;

impl Format for DataCiteFormat {
    fn name(&self) -> &'static str {
        "datacite"
    }

    fn help(&self) -> &'static str {
        "DataCite DOIs: API responses, or the public data file"
    }

    fn source_kind(&self) -> SourceKind {
        SourceKind::Registry
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["json", "jsonl", "ndjson"]
    }

    fn match_json(&self, value: &Value) -> Option<JsonMatch> {
        let has_title = as_list(value.get("titles")).first().is_some_and(|first| first.get("title").is_some());
        if has_fields(value, &["creators"]) && has_title {
            return Some(JsonMatch::Importable("a DataCite record"));
        }
        match resource_kind(value) {
            Some(ResourceKind::Doi) => return Some(JsonMatch::Importable("a DataCite record")),
            Some(ResourceKind::Other(kind)) => return Some(not_importable(kind)),
            None => {}
        }
        Some(match resource_kind(as_list(value.get("data")).first()?)? {
            ResourceKind::Doi => JsonMatch::Importable("a DataCite API response"),
            ResourceKind::Other(kind) => not_importable(kind),
        })
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

/// What a resource of the DataCite API describes.
enum ResourceKind {
    Doi,
    Other(&'static str),
}

/// Returns the kind of a resource of the DataCite API. Other APIs use the same envelope, JSON:API, with their own types.
fn resource_kind(value: &Value) -> Option<ResourceKind> {
    const OTHER_KINDS: [&str; 12] = [
        "activities",
        "client-prefixes",
        "clients",
        "contacts",
        "data-centers",
        "events",
        "members",
        "prefixes",
        "provider-prefixes",
        "providers",
        "repositories",
        "resource-types",
    ];
    let attributes = value.get("attributes").filter(|attributes| attributes.is_object())?;
    let kind = value.get("type").and_then(Value::as_str)?;
    if kind == "dois" || kind == "works" && attributes.get("doi").is_some() {
        return Some(ResourceKind::Doi);
    }
    OTHER_KINDS.into_iter().find(|other| *other == kind).map(ResourceKind::Other)
}

fn not_importable(kind: &str) -> JsonMatch {
    JsonMatch::NotImportable(format!("a DataCite API response about {kind}"))
}

fn read_stream(reader: &mut dyn BufRead, sink: &mut RecordSink<'_>) -> Result<(), ReadAbort> {
    let mut guard = JsonFormatGuard::new(&["datacite"]);
    json::read_records(reader, &[&["data"]], sink, |line, value, sink| {
        if !guard.accepts(&value, line, sink)? {
            return Ok(());
        }
        for item in as_list(value.get("data").or(Some(&value))) {
            let mut warnings = Vec::new();
            match paper_record(item.get("attributes").unwrap_or(item), &mut warnings) {
                Ok(paper) => sink.push_record(line, Record::Paper(paper), warnings)?,
                Err(reason) => sink.push_invalid(line, reason)?,
            }
        }
        Ok(())
    })
}

fn paper_record(item: &Value, warnings: &mut Vec<String>) -> Result<PaperRecord, String> {
    let titles = as_list(item.get("titles"));
    let of_kind =
        |title_type: Option<&str>| titles.iter().find(|title| text_field(title, "titleType").as_deref() == title_type);
    let text_of = |title: &Value| text_field(title, "title").filter(|text| !is_placeholder(text, Missing::Title));
    let title = of_kind(None).and_then(text_of).or_else(|| titles.iter().find_map(text_of));
    let title = title.ok_or("it has no title")?;
    let title = match of_kind(Some("Subtitle")).and_then(text_of) {
        Some(subtitle) => format!("{title}: {subtitle}"),
        None => title,
    };
    let mut translated_titles = LocalizedText::default();
    for translated in titles.iter().filter(|title| text_field(title, "titleType").as_deref() == Some("TranslatedTitle"))
    {
        let tag = text_field(translated, "lang").and_then(|tag| tag.parse::<LanguageTag>().ok());
        if let (Some(tag), Some(title)) = (tag, text_field(translated, "title")) {
            translated_titles.insert(Some(&tag), title);
        }
    }
    let language = text_field(item, "language").and_then(|name| field_parsing::language_tag(&name));
    let mut abstract_text = LocalizedText::default();
    let mut completeness = field_parsing::abstract_completeness("");
    for description in as_list(item.get("descriptions")) {
        if text_field(description, "descriptionType").as_deref() != Some("Abstract") {
            continue;
        }
        let Some(abstract_in_language) =
            text_field(description, "description").map(|html| strip_abstract_markup(&html))
        else {
            continue;
        };
        let abstract_language = text_field(description, "lang").or_else(|| language.clone());
        completeness = field_parsing::abstract_completeness(&abstract_in_language);
        abstract_text.insert(abstract_language.and_then(|tag| tag.parse().ok()).as_ref(), abstract_in_language);
    }
    let container = value_at(item, &["container"])
        .and_then(|container| text_field(container, "title"))
        .filter(|title| !is_placeholder(title, Missing::Venue));
    let host_item = as_list(item.get("relatedItems")).iter().find(|related| is_host(related, "relationType"));
    let in_host =
        |field: &str| [item.get("container"), host_item].into_iter().flatten().find_map(|host| text_field(host, field));
    let publisher = text_field(item, "publisher")
        .or_else(|| item.get("publisher").and_then(|publisher| text_field(publisher, "name")));
    let doi = text_field(item, "doi");
    Ok(PaperRecord {
        title,
        translated_titles,
        abstract_text,
        abstract_completeness: completeness,
        publication_date: publication_date(item, warnings),
        paper_type: item.get("types").map(paper_type).unwrap_or_default(),
        venue_name: container,
        volume: in_host("volume"),
        issue: in_host("issue"),
        pages: field_parsing::page_range(in_host("firstPage"), in_host("lastPage")),
        article_number: host_item
            .filter(|item| text_field(item, "numberType").as_deref() == Some("Article"))
            .and_then(|item| text_field(item, "number")),
        edition: in_host("edition"),
        publisher_name: publisher,
        issns: standard_numbers(item, host_item, &["ISSN", "EISSN", "LISSN"]),
        isbns: standard_numbers(item, host_item, &["ISBN"]),
        // Subjects of a scheme are classifications.
        keywords: as_list(item.get("subjects"))
            .iter()
            .filter(|subject| {
                text_field(subject, "subjectScheme").is_none() && text_field(subject, "classificationCode").is_none()
            })
            .filter_map(|subject| text_field(subject, "subject"))
            .collect(),
        language,
        doi: field_parsing::parse_identifier::<Doi>(doi.as_deref(), warnings),
        url: text_field(item, "url"),
        authors: (1..)
            .zip(as_list(item.get("creators")))
            .map(|(position, creator)| author_record(position, creator, warnings))
            .collect(),
        ..PaperRecord::default()
    })
}

/// Whether a related item is the journal, book or series that contains the resource.
fn is_host(related: &Value, field: &str) -> bool {
    text_field(related, field).is_some_and(|relation| matches!(relation.as_str(), "IsPublishedIn" | "IsPartOf"))
}

/// Returns the numbers of the resource itself and of what contains it.
fn standard_numbers(item: &Value, host_item: Option<&Value>, types: &[&str]) -> Vec<String> {
    let of = |id: Option<&Value>, kind: &str, value: &str| {
        let id = id?;
        let kind = text_field(id, kind)?.to_uppercase();
        text_field(id, value).filter(|_| types.contains(&kind.as_str()))
    };
    let container = of(item.get("container"), "identifierType", "identifier");
    let related = as_list(item.get("relatedIdentifiers")).iter().filter(|related| is_host(related, "relationType"));
    let related = related.filter_map(|related| of(Some(related), "relatedIdentifierType", "relatedIdentifier"));
    let host = of(
        host_item.and_then(|host| host.get("relatedItemIdentifier")),
        "relatedItemIdentifierType",
        "relatedItemIdentifier",
    );
    let own = as_list(item.get("identifiers")).iter().filter_map(|id| of(Some(id), "identifierType", "identifier"));
    container.into_iter().chain(host).chain(related).chain(own).collect()
}

/// Returns the date of issue if it is in the year of publication, otherwise the year.
fn publication_date(item: &Value, warnings: &mut Vec<String>) -> Option<PartialDate> {
    let year = text_field(item, "publicationYear").and_then(|year| field_parsing::parse_date(&year, warnings));
    let issued =
        as_list(item.get("dates")).iter().filter(|date| text_field(date, "dateType").as_deref() == Some("Issued"));
    let issued = issued.filter_map(|date| field_parsing::parse_date(&text_field(date, "date")?, warnings)).next();
    match (year, issued) {
        (Some(year), Some(issued)) if year.year() != issued.year() => Some(year),
        (year, issued) => issued.or(year),
    }
}

/// Returns the type that `resourceTypeGeneral` names. "Text" and "Other" say little: then, the types for CSL, BibTeX and
/// RIS decide, in this order, unless they are the ones that DataCite derives from "Text".
fn paper_type(types: &Value) -> PaperType {
    let text = |field: &str| text_field(types, field).unwrap_or_default();
    match text("resourceTypeGeneral").as_str() {
        "JournalArticle" | "DataPaper" => return PaperType::Article,
        "ConferencePaper" => return PaperType::ConferencePaper,
        "Preprint" => return PaperType::Preprint,
        "Book" | "ConferenceProceeding" => return PaperType::Book,
        "BookChapter" => return PaperType::BookChapter,
        "Dissertation" => return PaperType::Thesis,
        "Report" => return PaperType::Report,
        "Dataset" => return PaperType::Dataset,
        "" | "Text" | "Other" => {}
        _ => return PaperType::Other,
    }
    match text("citeproc").as_str() {
        "article-journal" | "article-magazine" | "article-newspaper" | "review" => return PaperType::Article,
        "paper-conference" => return PaperType::ConferencePaper,
        "book" => return PaperType::Book,
        "chapter" => return PaperType::BookChapter,
        "thesis" => return PaperType::Thesis,
        "dataset" => return PaperType::Dataset,
        _ => {}
    }
    match text("bibtex").as_str() {
        "inproceedings" | "conference" => return PaperType::ConferencePaper,
        "book" | "proceedings" => return PaperType::Book,
        "incollection" | "inbook" => return PaperType::BookChapter,
        "phdthesis" | "mastersthesis" => return PaperType::Thesis,
        "techreport" => return PaperType::Report,
        _ => {}
    }
    match text("ris").as_str() {
        "JOUR" | "MGZN" | "NEWS" => PaperType::Article,
        "CPAPER" | "CONF" => PaperType::ConferencePaper,
        "BOOK" => PaperType::Book,
        "CHAP" => PaperType::BookChapter,
        "THES" => PaperType::Thesis,
        "DATA" => PaperType::Dataset,
        _ => PaperType::Other,
    }
}

fn author_record(position: u32, creator: &Value, warnings: &mut Vec<String>) -> AuthorRecord {
    let full_name = text_field(creator, "name").unwrap_or_default();
    let is_organization = text_field(creator, "nameType").as_deref() == Some("Organizational");
    let (mut given, mut family) = (text_field(creator, "givenName"), text_field(creator, "familyName"));
    if family.is_none() && !is_organization && full_name.contains(',') {
        let parts = names::split_name(&full_name);
        (given, family) = (parts.given, parts.family);
    }
    let in_order = field_parsing::join_name_parts(&[given.as_deref(), family.as_deref()])
        .filter(|_| family.is_some() && !is_organization);
    let ids = as_list(creator.get("nameIdentifiers"));
    // Repositories also give the address of ORCID as the scheme, or name another scheme.
    let is_orcid = |id: &&Value| {
        let mentions =
            |field: &str, mark: &str| text_field(id, field).is_some_and(|text| text.to_lowercase().contains(mark));
        mentions("nameIdentifierScheme", "orcid")
            || mentions("schemeUri", "orcid.org")
            || mentions("nameIdentifier", "orcid.org/")
    };
    let orcid = ids.iter().find(is_orcid);
    let mut abstract_language = Vec::new();
    let orcid = field_parsing::parse_identifier::<Orcid>(
        orcid.and_then(|id| text_field(id, "nameIdentifier")).as_deref(),
        &mut abstract_language,
    );
    warnings.extend(abstract_language.into_iter().map(|note| format!("author {position}: {note}")));
    let affiliations = as_list(creator.get("affiliation"));
    let name_of =
        |affiliation: &Value| affiliation.as_str().map(ToOwned::to_owned).or_else(|| text_field(affiliation, "name"));
    let with_ror = |affiliation: &Value| {
        let ror = text_field(affiliation, "affiliationIdentifier")?.parse::<Ror>().ok()?;
        Some(OrganizationReference { ror: Some(ror), name: name_of(affiliation), ..Default::default() })
    };
    AuthorRecord {
        position: Some(position),
        name: in_order.unwrap_or(full_name),
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

    fn item() -> Value {
        json!({ "id": "10.1000/d", "type": "dois", "attributes": { "doi": "10.1000/D", "titles": [
                { "title": "Rivers, measured" }, { "title": "Les rivières", "titleType": "TranslatedTitle", "lang": "fr" }],
            "publicationYear": 2020, "dates": [{ "date": "2020-05-04", "dateType": "Issued" }], "publisher": { "name": "A Repository" },
            "types": { "resourceTypeGeneral": "Dataset" }, "language": "eng",
            "descriptions": [{ "description": "<p>Levels.</p>", "descriptionType": "Abstract" }, { "description": "No", "descriptionType": "Methods" }],
            "creators": [{ "name": "Brook, Ida", "nameType": "Personal", "affiliation": ["Here"],
                "nameIdentifiers": [{ "nameIdentifier": "https://orcid.org/0000-0002-1825-0097", "nameIdentifierScheme": "ORCID" }] },
                { "name": "Water Institute, The", "nameType": "Organizational" }] } })
    }

    #[test]
    fn one_many_and_lines() {
        for text in [
            json!({ "data": item() }).to_string(),
            json!({ "data": [item()], "meta": {} }).to_string(),
            item().to_string(),
        ] {
            let outcome = read_bytes(&DataCiteFormat, text.as_bytes());
            assert_eq!(outcome.messages(), Vec::<String>::new());
            let paper = papers(&outcome).remove(0);
            assert_eq!(paper.title, "Rivers, measured");
            assert_eq!(paper.translated_titles.iter().next(), Some(("fr", "Les rivières")));
            assert_eq!(paper.abstract_text.iter().next(), Some(("en", "Levels.")));
            assert_eq!(paper.publication_date.map(|date| date.to_string()).as_deref(), Some("2020-05-04"));
            assert_eq!((paper.paper_type, paper.publisher_name.as_deref()), (PaperType::Dataset, Some("A Repository")));
            let names: Vec<&str> = paper.authors.iter().map(|author| author.name.as_str()).collect();
            assert_eq!(names, ["Ida Brook", "Water Institute, The"]);
        }
    }

    #[test]
    fn types_of_texts() {
        let type_of = |general: &str, citeproc: &str, bibtex: &str, ris: &str| {
            paper_type(&json!({ "resourceTypeGeneral": general, "citeproc": citeproc, "bibtex": bibtex, "ris": ris }))
        };
        assert_eq!(type_of("Text", "article-journal", "article", "RPRT"), PaperType::Article);
        assert_eq!(type_of("Text", "", "phdthesis", "THES"), PaperType::Thesis);
        assert_eq!(type_of("Text", "", "", "CPAPER"), PaperType::ConferencePaper);
        assert_eq!(type_of("Text", "report", "misc", "RPRT"), PaperType::Other);
        assert_eq!(type_of("ConferencePaper", "article-journal", "article", "JOUR"), PaperType::ConferencePaper);
        assert_eq!(type_of("Software", "article-journal", "misc", "COMP"), PaperType::Other);
    }

    #[test]
    fn orcid_under_the_name_of_another_scheme() {
        for id in [
            json!({ "nameIdentifier": "0000-0002-1825-0097", "nameIdentifierScheme": "https://orcid.org/" }),
            json!({ "nameIdentifier": "0000-0002-1825-0097", "nameIdentifierScheme": "", "schemeUri": "http://orcid.org" }),
            json!({ "nameIdentifier": "https://orcid.org/0000-0002-1825-0097", "nameIdentifierScheme": "ISNI" }),
        ] {
            let creator = json!({ "name": "Brook, Ida", "nameIdentifiers": [id] });
            let author = author_record(1, &creator, &mut Vec::new());
            assert_eq!(author.orcid.as_ref().map(Orcid::as_str), Some("0000-0002-1825-0097"));
        }
    }

    #[test]
    fn other_formats_are_rejected() {
        let clients = json!({ "data": [{ "id": "x", "type": "clients", "attributes": {} }] });
        let messages = read_bytes(&DataCiteFormat, format!("{clients:#}").as_bytes()).messages();
        assert_eq!(messages.len(), 1, "{messages:?}");
        assert!(
            messages[0].contains("unreadable file: it looks like a DataCite API response about clients"),
            "{messages:?}"
        );
    }
}
