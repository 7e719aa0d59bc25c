//! OpenAlex works, authors, institutions and topics: responses of the API, and the files of the snapshot.

use std::collections::HashSet;
use std::io::BufRead;

use serde_json::Value;

use crate::import::formats::detection::{JsonFormatGuard, JsonMatch, has_fields};
use crate::import::formats::{Format, FormatOptions, SourceKind};
use crate::import::io::json;
use crate::import::io::record_sink::{ReadAbort, RecordSink};
use crate::import::normalize::field_parsing::{self, as_list, scheme_identifier, text_field, text_fields, value_at};
use crate::model::identifier::{ArxivId, Doi, Orcid, Ror};
use crate::model::language::{LanguageTag, LocalizedText};
use crate::model::partial_date::PartialDate;
use crate::model::record::{
    AffiliationKind, AffiliationRecord, AuthorRecord, ExternalIdentifier, NameKind, NameRecord, OrganizationRecord,
    OrganizationReference, OrganizationRelation, PaperRecord, PaperType, Record, ResearcherRecord, TopicRecord,
    TopicReference,
};
use crate::text::names;

/// The scheme of OpenAlex IDs and of the topic vocabulary.
const OPENALEX_SCHEME: &str = "openalex";

/// OpenAlex entities.
#[derive(Debug)]
pub(crate) struct OpenAlexFormat;

impl Format for OpenAlexFormat {
    fn name(&self) -> &'static str {
        "openalex"
    }

    fn help(&self) -> &'static str {
        "OpenAlex works, authors, institutions and topics: API responses, or the snapshot folder"
    }

    fn source_kind(&self) -> SourceKind {
        SourceKind::Aggregator
    }

    fn extensions(&self) -> &'static [&'static str] {
        // The files of the snapshot have no extension.
        &["json", "jsonl", "ndjson", ""]
    }

    fn skipped_folders(&self) -> &'static [&'static str] {
        &["awards", "concepts", "funders", "publishers", "sources"]
    }

    fn match_json(&self, value: &Value) -> Option<JsonMatch> {
        match_entity(value).or_else(|| {
            // Other APIs also wrap their results like this.
            let is_response = match as_list(value.get("results")).first() {
                Some(first) => match_entity(first).is_some(),
                None => has_fields(value, &["results"]) && value_at(value, &["meta", "db_response_time_ms"]).is_some(),
            };
            is_response.then_some(JsonMatch::Importable("an OpenAlex API response"))
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

fn read_stream(reader: &mut dyn BufRead, sink: &mut RecordSink<'_>) -> Result<(), ReadAbort> {
    let mut guard = JsonFormatGuard::new(&["openalex"]);
    let mut emitted_topics = HashSet::new();
    json::read_records(reader, &[&["results"]], sink, |line, value, sink| {
        if !guard.accepts(&value, line, sink)? {
            return Ok(());
        }
        if let Some(Value::Array(results)) = value.get("results") {
            return results.iter().try_for_each(|value| emit_record(line, value, &mut emitted_topics, sink));
        }
        emit_record(line, &value, &mut emitted_topics, sink)
    })
}

/// Recognizes an entity by its OpenAlex ID.
fn match_entity(value: &Value) -> Option<JsonMatch> {
    let (_, id) = value.get("id")?.as_str()?.split_once("openalex.org/")?;
    let entity = match id.chars().next().unwrap_or_default() {
        'W' => return Some(JsonMatch::Importable("an OpenAlex work")),
        'A' => return Some(JsonMatch::Importable("an OpenAlex author")),
        'I' => return Some(JsonMatch::Importable("an OpenAlex institution")),
        'T' => return Some(JsonMatch::Importable("an OpenAlex topic")),
        'S' => "source",
        'C' => "concept",
        'P' => "publisher",
        'F' => "funder",
        'G' => "grant",
        _ => match id.split('/').next().unwrap_or_default() {
            "subfields" | "fields" | "domains" => return Some(JsonMatch::Importable("an OpenAlex topic")),
            "keywords" => "keyword",
            _ => "entity",
        },
    };
    Some(JsonMatch::NotImportable(format!("an OpenAlex {entity}")))
}

fn emit_record(
    line: usize,
    value: &Value,
    emitted: &mut HashSet<String>,
    sink: &mut RecordSink<'_>,
) -> Result<(), ReadAbort> {
    let Some(id) = text_field(value, "id").map(|id| openalex_code(&id).to_owned()) else {
        return sink.push_invalid(line, "it has no OpenAlex ID".to_owned());
    };
    let mut warnings = Vec::new();
    let record = match id.chars().next().unwrap_or_default() {
        'W' => paper_record(&id, value, &mut warnings).map(Record::Paper),
        'A' => researcher_record(&id, value, &mut warnings).map(Record::Researcher),
        'I' => organization_record(&id, value, &mut warnings).map(Record::Organization),
        'T' | 's' | 'f' | 'd' => {
            for topic in topic_records(&id, value, emitted) {
                sink.push_record(line, Record::Topic(topic), Vec::new())?;
            }
            return Ok(());
        }
        _ => Err(format!("'{id}' is not the ID of an OpenAlex work, author, institution or topic")),
    };
    match record {
        Ok(record) => sink.push_record(line, record, warnings),
        Err(reason) => sink.push_invalid(line, reason),
    }
}

/// Strips the URL prefix from an ID: `W2741809807`, `subfields/1804`.
fn openalex_code(id: &str) -> &str {
    id.split_once("openalex.org/").map_or(id, |(_, code)| code)
}

fn paper_record(id: &str, work: &Value, warnings: &mut Vec<String>) -> Result<PaperRecord, String> {
    let title = text_field(work, "title").or_else(|| text_field(work, "display_name")).ok_or("it has no title")?;
    let language = text_field(work, "language");
    let tag = language.as_deref().and_then(|tag| tag.parse::<LanguageTag>().ok());
    let abstract_text = work.get("abstract_inverted_index").map(rebuild_abstract).unwrap_or_default();
    let location = work.get("primary_location").or_else(|| work.get("host_venue"));
    let source = location.and_then(|location| location.get("source"));
    let biblio = |field: &str| work.get("biblio").and_then(|biblio| text_field(biblio, field));
    let venue = location.and_then(|location| {
        let name = source.and_then(|source| text_field(source, "display_name"));
        name.or_else(|| text_field(location, "raw_source_name")).or_else(|| text_field(location, "display_name"))
    });
    let addresses = as_list(work.get("locations"))
        .iter()
        .chain(location)
        .filter_map(|location| text_field(location, "landing_page_url"));
    let arxiv_id = addresses.filter(|url| url.contains("arxiv.org/")).find_map(|url| url.parse::<ArxivId>().ok());
    let ids = work.get("ids").unwrap_or(&Value::Null);
    let last_part = |field: &str| text_field(ids, field).map(|id| id.rsplit('/').next().unwrap_or_default().to_owned());
    let identifiers = [
        scheme_identifier("pmid", last_part("pmid")),
        scheme_identifier("pmcid", last_part("pmcid")),
        scheme_identifier("mag", text_field(ids, "mag")),
    ];
    if work.get("is_authors_truncated").and_then(Value::as_bool) == Some(true) {
        warnings.push(format!("OpenAlex truncates the authors in lists; request {id} by itself to get all of them"));
    }
    let topics = as_list(work.get("topics")).iter().chain(work.get("primary_topic"));
    let mut seen = HashSet::new();
    let topics = topics.filter_map(topic_reference).filter(|topic| seen.insert(topic.code.clone()));
    Ok(PaperRecord {
        source_id: Some(id.to_owned()),
        title,
        abstract_completeness: field_parsing::abstract_completeness(&abstract_text),
        abstract_text: LocalizedText::new(tag.as_ref(), abstract_text),
        publication_date: publication_date(work, warnings),
        paper_type: paper_type(&text_field(work, "type").unwrap_or_default()),
        venue_name: venue,
        volume: biblio("volume"),
        issue: biblio("issue"),
        pages: field_parsing::page_range(biblio("first_page"), biblio("last_page")),
        // The organization that hosts a repository is not the publisher.
        publisher_name: source
            .filter(|source| text_field(source, "type").as_deref() != Some("repository"))
            .and_then(|source| text_field(source, "host_organization_name")),
        issns: source.into_iter().flat_map(|source| text_fields(source, "issn")).collect(),
        language,
        doi: field_parsing::parse_identifier::<Doi>(text_field(work, "doi").as_deref(), warnings),
        arxiv_id,
        url: location.and_then(|location| text_field(location, "landing_page_url")),
        is_retracted: work.get("is_retracted").and_then(Value::as_bool).unwrap_or_default(),
        identifiers: identifiers.into_iter().flatten().collect(),
        authors: (1..)
            .zip(as_list(work.get("authorships")))
            .map(|(position, author)| author_record(position, author, warnings))
            .collect(),
        topics: topics.collect(),
        ..PaperRecord::default()
    })
}

fn publication_date(work: &Value, warnings: &mut Vec<String>) -> Option<PartialDate> {
    let exact = text_field(work, "publication_date").and_then(|date| field_parsing::parse_date(&date, warnings));
    exact.or_else(|| PartialDate::new(work.get("publication_year")?.as_i64()?, None, None).ok())
}

/// Rebuilds an abstract from its inverted index.
fn rebuild_abstract(index: &Value) -> String {
    let Some(index) = index.as_object() else { return String::new() };
    let mut words: Vec<(u64, &str)> = index
        .iter()
        .flat_map(|(word, positions)| {
            as_list(Some(positions)).iter().filter_map(|position| Some((position.as_u64()?, word.as_str())))
        })
        .collect();
    words.sort_unstable();
    let words: Vec<&str> = words.into_iter().map(|(_, word)| word).collect();
    words.join(" ")
}

fn paper_type(kind: &str) -> PaperType {
    match kind {
        "article" | "review" | "letter" | "editorial" | "erratum" | "journal-article" => PaperType::Article,
        "conference-paper" | "conference-abstract" | "proceedings-article" => PaperType::ConferencePaper,
        "preprint" | "posted-content" => PaperType::Preprint,
        "book" | "monograph" => PaperType::Book,
        "book-chapter" | "reference-entry" => PaperType::BookChapter,
        "dissertation" => PaperType::Thesis,
        "report" => PaperType::Report,
        "dataset" => PaperType::Dataset,
        _ => PaperType::Other,
    }
}

fn author_record(position: u32, authorship: &Value, warnings: &mut Vec<String>) -> AuthorRecord {
    let author = authorship.get("author").unwrap_or(&Value::Null);
    let full_name =
        text_field(authorship, "raw_author_name").or_else(|| text_field(author, "display_name")).unwrap_or_default();
    let parts = if full_name.contains(',') { Some(names::split_name(&full_name)) } else { None };
    let in_order = parts
        .as_ref()
        .and_then(|parts| field_parsing::join_name_parts(&[parts.given.as_deref(), parts.family.as_deref()]));
    let mut orcid_warnings = Vec::new();
    let orcid = field_parsing::parse_identifier::<Orcid>(text_field(author, "orcid").as_deref(), &mut orcid_warnings);
    warnings.extend(orcid_warnings.into_iter().map(|note| format!("author {position}: {note}")));
    let (given_name, family_name) = parts.map_or((None, None), |parts| (parts.given, parts.family));
    AuthorRecord {
        position: Some(position),
        name: in_order.unwrap_or(full_name),
        given_name,
        family_name,
        orcid,
        identifiers: scheme_identifier(
            OPENALEX_SCHEME,
            text_field(author, "id").map(|id| openalex_code(&id).to_owned()),
        )
        .into_iter()
        .collect(),
        is_corresponding: authorship.get("is_corresponding").and_then(Value::as_bool),
        affiliations_as_published: field_parsing::text_fields(authorship, "raw_affiliation_strings").collect(),
        organizations: as_list(authorship.get("institutions")).iter().filter_map(organization_reference).collect(),
        ..AuthorRecord::default()
    }
}

fn organization_reference(institution: &Value) -> Option<OrganizationReference> {
    let ror = text_field(institution, "ror").and_then(|ror| ror.parse::<Ror>().ok())?;
    Some(OrganizationReference { ror: Some(ror), name: text_field(institution, "display_name"), ..Default::default() })
}

fn topic_reference(topic: &Value) -> Option<TopicReference> {
    let code = openalex_code(&text_field(topic, "id")?).to_owned();
    // Without a name, the topic has its code until its own record is imported.
    let name = text_field(topic, "display_name");
    let labels = name.map(|name| LocalizedText::new("en".parse().ok().as_ref(), name)).unwrap_or_default();
    Some(TopicReference::new(OPENALEX_SCHEME, Some(code), labels))
}

/// Returns a topic that has a name.
fn named_topic(topic: &Value) -> Option<TopicReference> {
    topic_reference(topic).filter(|topic| !topic.labels.is_empty())
}

fn researcher_record(id: &str, author: &Value, warnings: &mut Vec<String>) -> Result<ResearcherRecord, String> {
    let name = text_field(author, "display_name").ok_or("the author has no name")?;
    let ids = author.get("ids").unwrap_or(&Value::Null);
    let scopus = text_field(ids, "scopus").map(|address| {
        let number = address.split("authorID=").nth(1).unwrap_or(&address);
        number.split('&').next().unwrap_or_default().to_owned()
    });
    let identifiers: Vec<ExternalIdentifier> =
        [scheme_identifier(OPENALEX_SCHEME, Some(id.to_owned())), scheme_identifier("scopus", scopus)]
            .into_iter()
            .flatten()
            .collect();
    let last_known: HashSet<String> = as_list(author.get("last_known_institutions"))
        .iter()
        .filter_map(|last_known| text_field(last_known, "id"))
        .collect();
    let affiliations = as_list(author.get("affiliations"))
        .iter()
        .filter_map(|affiliation| affiliation_record(affiliation, &last_known));
    Ok(ResearcherRecord {
        other_names: field_parsing::text_fields(author, "display_name_alternatives")
            .filter(|other| *other != name)
            .map(Into::into)
            .collect(),
        name,
        orcid: field_parsing::parse_identifier::<Orcid>(text_field(author, "orcid").as_deref(), warnings),
        identifiers,
        affiliations: affiliations.collect(),
        ..ResearcherRecord::default()
    })
}

/// Returns an affiliation that spans the years of publications. OpenAlex does not give the role.
fn affiliation_record(affiliation: &Value, last_known: &HashSet<String>) -> Option<AffiliationRecord> {
    let institution = affiliation.get("institution")?;
    let organization = organization_reference(institution).or_else(|| {
        Some(OrganizationReference { name: text_field(institution, "display_name"), ..Default::default() })
    })?;
    let years = || as_list(affiliation.get("years")).iter().filter_map(Value::as_i64);
    let date = |year: Option<i64>| PartialDate::new(year?, None, None).ok();
    let is_last = text_field(institution, "id").is_some_and(|id| last_known.contains(&id));
    let end_date = if is_last { None } else { date(years().max()) };
    Some(AffiliationRecord {
        id: None,
        organization,
        kind: AffiliationKind::Membership,
        role_title: LocalizedText::default(),
        department_name: LocalizedText::default(),
        start_date: date(years().min()),
        end_date,
        has_ended: end_date.is_none() && !is_last && !last_known.is_empty(),
        is_primary: false,
    })
}

fn organization_record(
    id: &str,
    institution: &Value,
    warnings: &mut Vec<String>,
) -> Result<OrganizationRecord, String> {
    let display = text_field(institution, "display_name").ok_or("the institution has no name")?;
    let name = |kind: NameKind, value: String| NameRecord { value, language: None, kind };
    let mut all = vec![name(NameKind::Display, display.clone())];
    let international = value_at(institution, &["international", "display_name"]).and_then(Value::as_object);
    for (language, value) in international.into_iter().flatten() {
        let Some(value) = value.as_str() else { continue };
        all.push(NameRecord {
            value: value.to_owned(),
            language: Some(language.replace('_', "-")),
            kind: NameKind::Label,
        });
    }
    all.extend(
        field_parsing::text_fields(institution, "display_name_acronyms").map(|value| name(NameKind::Acronym, value)),
    );
    let aliases =
        field_parsing::text_fields(institution, "display_name_alternatives").filter(|value| *value != display);
    all.extend(aliases.map(|value| name(NameKind::Alias, value)));
    let ids = institution.get("ids").unwrap_or(&Value::Null);
    let wikidata = text_field(ids, "wikidata").map(|id| id.rsplit('/').next().unwrap_or_default().to_owned());
    let identifiers = [
        scheme_identifier(OPENALEX_SCHEME, Some(id.to_owned())),
        scheme_identifier("grid", text_field(ids, "grid")),
        scheme_identifier("wikidata", wikidata),
    ];
    let relations = as_list(institution.get("associated_institutions")).iter().filter_map(|other| {
        let relation = match text_field(other, "relationship")?.as_str() {
            "parent" => OrganizationRelation::Parent,
            "child" => OrganizationRelation::Child,
            _ => return None,
        };
        Some((relation, text_field(other, "ror")?.parse::<Ror>().ok()?))
    });
    let kind = text_field(institution, "type").map(|kind| kind.to_uppercase());
    let is_known = |kind: &String| {
        let ror_types =
            ["EDUCATION", "FUNDER", "HEALTHCARE", "COMPANY", "ARCHIVE", "NONPROFIT", "GOVERNMENT", "FACILITY", "OTHER"];
        ror_types.contains(&kind.as_str())
    };
    let geo = institution.get("geo").unwrap_or(&Value::Null);
    Ok(OrganizationRecord {
        ror: field_parsing::parse_identifier::<Ror>(text_field(institution, "ror").as_deref(), warnings),
        names: all,
        types: kind.into_iter().filter(is_known).collect(),
        country_code: text_field(institution, "country_code").or_else(|| text_field(geo, "country_code")),
        city: text_field(geo, "city"),
        homepage_url: text_field(institution, "homepage_url"),
        identifiers: identifiers.into_iter().flatten().collect(),
        relations: relations.collect(),
        ..OrganizationRecord::default()
    })
}

/// Returns a topic and those of its ancestors (domain, field, subfield) that were not emitted before.
fn topic_records(id: &str, topic: &Value, emitted: &mut HashSet<String>) -> Vec<TopicRecord> {
    let mut records = Vec::new();
    let mut above: Option<TopicReference> = None;
    for level in ["domain", "field", "subfield"] {
        let Some(reference) = topic.get(level).and_then(named_topic) else { continue };
        if emitted.insert(reference.code.clone().unwrap_or_default()) {
            records.push(topic_record(&reference, above.as_ref()));
        }
        above = Some(reference);
    }
    if emitted.insert(id.to_owned())
        && let Some(reference) = named_topic(topic)
    {
        records.push(topic_record(&reference, above.as_ref()));
    }
    records
}

fn topic_record(reference: &TopicReference, above: Option<&TopicReference>) -> TopicRecord {
    let names = reference.labels.iter().map(|(language, label)| NameRecord {
        value: label.to_owned(),
        language: Some(language.to_owned()),
        kind: NameKind::Label,
    });
    TopicRecord {
        exported: None,
        slug: None,
        scheme: OPENALEX_SCHEME.to_owned(),
        code: reference.code.clone(),
        uri: None,
        names: names.collect(),
        broader: above.cloned().into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::import::test_support::{papers, read_bytes, researchers};

    #[test]
    fn abstracts_are_rebuilt_from_their_index() {
        let index = json!({ "rise": [1, 4], "Rivers": [0], "and": [2], "floods": [3], "far": [9_000_000_000_000_u64] });
        assert_eq!(rebuild_abstract(&index), "Rivers rise and floods rise far");
        assert_eq!(rebuild_abstract(&Value::Null), "");
    }

    #[test]
    fn works() {
        let work = json!({ "id": "https://openalex.org/W1", "doi": "https://doi.org/10.1000/W", "title": "Weirs",
            "publication_date": "2018-02-13", "type": "review", "language": "en", "is_retracted": true,
            "ids": { "pmid": "https://pubmed.ncbi.nlm.nih.gov/1234", "mag": 77 },
            "primary_location": { "landing_page_url": "https://arxiv.org/abs/2101.00001v2", "source": { "display_name": "Waters" } },
            "topics": [{ "id": "https://openalex.org/T1", "display_name": "Hydrology" }],
            "primary_topic": { "id": "https://openalex.org/T1", "display_name": "Hydrology" },
            "authorships": [{ "raw_author_name": "Brook, Ida", "is_corresponding": true, "raw_affiliation_strings": ["Here"],
                "author": { "id": "https://openalex.org/A1", "orcid": "https://orcid.org/0000-0002-1825-0097" },
                "institutions": [{ "ror": "https://ror.org/05dxps055", "display_name": "A University" }] }] });
        let outcome = read_bytes(
            &OpenAlexFormat,
            json!({ "meta": {}, "results": [work, { "id": "https://openalex.org/W2" }] }).to_string().as_bytes(),
        );
        assert_eq!(outcome.messages(), ["1: invalid record: it has no title"]);
        let paper = papers(&outcome).remove(0);
        assert_eq!(paper.source_id.as_deref(), Some("W1"));
        assert_eq!(paper.arxiv_id.as_ref().map(ArxivId::as_str), Some("2101.00001"));
        assert_eq!((paper.topics.len(), paper.is_retracted), (1, true));
        let ids: Vec<String> = paper.identifiers.iter().map(|id| format!("{}:{}", id.scheme, id.value)).collect();
        assert_eq!(ids, ["pmid:1234", "mag:77"]);
        assert_eq!(paper.authors[0].name, "Ida Brook");
        assert_eq!(paper.authors[0].identifiers[0].value, "A1");
    }

    #[test]
    fn affiliations_of_authors() {
        let author = json!({ "id": "https://openalex.org/A1", "display_name": "Ida Brook", "display_name_alternatives": ["I. Brook"],
            "last_known_institutions": [{ "id": "https://openalex.org/I2" }], "affiliations": [
                { "institution": { "id": "https://openalex.org/I1", "display_name": "Old College" }, "years": [2004, 2001] },
                { "institution": { "id": "https://openalex.org/I2", "display_name": "New College" }, "years": [2010] },
                { "institution": { "id": "https://openalex.org/I3", "display_name": "Some College" }, "years": [] }] });
        let outcome = read_bytes(&OpenAlexFormat, author.to_string().as_bytes());
        let person = researchers(&outcome).remove(0);
        let dates: Vec<(String, String)> = person
            .affiliations
            .iter()
            .map(|affiliation| {
                let date = |date: Option<PartialDate>| date.map(|date| date.to_string()).unwrap_or_default();
                (date(affiliation.start_date), date(affiliation.end_date))
            })
            .collect();
        let expected = [("2001", "2004"), ("2010", ""), ("", "")];
        assert_eq!(dates, expected.map(|(start, end)| (start.to_owned(), end.to_owned())));
        // It is not where the author was last.
        let ended: Vec<bool> = person.affiliations.iter().map(|affiliation| affiliation.has_ended).collect();
        assert_eq!(ended, [false, false, true]);
    }

    #[test]
    fn topics_with_ancestors() {
        let topic = |id: &str| {
            json!({ "id": format!("https://openalex.org/{id}"), "display_name": id,
            "subfield": { "id": "https://openalex.org/subfields/1", "display_name": "S" },
            "field": { "id": "https://openalex.org/fields/2", "display_name": "F" },
            "domain": { "id": "https://openalex.org/domains/3", "display_name": "D" } })
        };
        let outcome = read_bytes(&OpenAlexFormat, format!("{}\n{}\n", topic("T1"), topic("T2")).as_bytes());
        let codes: Vec<String> = outcome
            .records()
            .map(|record| match record {
                Record::Topic(topic) => {
                    let above = topic.broader.first().and_then(|above| above.code.clone()).unwrap_or_default();
                    format!("{} < {above}", topic.code.clone().unwrap_or_default())
                }
                _ => String::new(),
            })
            .collect();
        assert_eq!(
            codes,
            ["domains/3 < ", "fields/2 < domains/3", "subfields/1 < fields/2", "T1 < subfields/1", "T2 < subfields/1"]
        );
    }

    #[test]
    fn other_formats_are_rejected() {
        let outcome = read_bytes(&OpenAlexFormat, br#"{"id": "https://openalex.org/S1", "display_name": "Waters"}"#);
        assert_eq!(
            outcome.messages(),
            ["1: unreadable file: it looks like an OpenAlex source, which cannot be imported"]
        );
        let outcome =
            read_bytes(&OpenAlexFormat, br#"{"id": "https://ror.org/05dxps055", "names": [], "locations": []}"#);
        assert_eq!(outcome.messages(), ["1: unreadable file: it looks like a ROR record; use `import ror`"]);
    }
}
