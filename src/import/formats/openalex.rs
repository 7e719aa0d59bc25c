//! OpenAlex: works, authors, institutions and topics, as its API answers them and as its snapshot has them.

use std::collections::HashSet;
use std::io::BufRead;

use serde_json::Value;

use crate::import::io::json;
use crate::import::normalize::detect;
use crate::import::normalize::field_parsing::{self, at, id_of, list, text};
use crate::import::normalize::strip_markup::plain;
use crate::import::{Sink, Stop};
use crate::model::identifier::{ArxivId, Doi, Orcid, Ror};
use crate::model::language::{LanguageTag, LocalizedText};
use crate::model::partial_date::PartialDate;
use crate::model::record::{
    AffiliationKind, AffiliationRecord, AuthorRecord, Identifier, Name, NameKind, OrganizationRecord,
    OrganizationReference, OrganizationRelation, PaperRecord, PaperType, Record, ResearcherRecord, TopicRecord,
    TopicReference,
};
use crate::text::names;

/// The name of the scheme of its ids and of the vocabulary of its topics.
const SCHEME: &str = "openalex";

pub(crate) fn stream(reader: &mut dyn BufRead, sink: &mut Sink<'_>) -> Result<(), Stop> {
    let mut is_first = true;
    let mut told = HashSet::new();
    json::records(reader, &[&["results"]], sink, |line, value, sink| {
        let is_first = std::mem::take(&mut is_first);
        if let Some(kind) = detect::of_json(&value)
            && kind.format != Some(SCHEME)
        {
            return if is_first {
                Err(Stop::Unreadable(line, kind.refusal()))
            } else {
                sink.rejected(line, kind.refusal())
            };
        }
        if let Some(Value::Array(results)) = value.get("results") {
            return results.iter().try_for_each(|value| give(line, value, &mut told, sink));
        }
        give(line, &value, &mut told, sink)
    })
}

fn give(line: usize, value: &Value, told: &mut HashSet<String>, sink: &mut Sink<'_>) -> Result<(), Stop> {
    let Some(id) = text(value, "id").map(|id| code(&id).to_owned()) else {
        return sink.rejected(line, "it has no OpenAlex id".to_owned());
    };
    let mut notes = Vec::new();
    let record = match id.chars().next().unwrap_or_default() {
        'W' => work(&id, value, &mut notes).map(Record::Paper),
        'A' => author(&id, value, &mut notes).map(Record::Researcher),
        'I' => institution(&id, value, &mut notes).map(Record::Organization),
        'T' | 's' | 'f' | 'd' => {
            for topic in topics(&id, value, told) {
                sink.record(line, Record::Topic(topic), Vec::new())?;
            }
            return Ok(());
        }
        _ => Err(format!("'{id}' is no id of a work, an author, an institution or a topic of OpenAlex")),
    };
    match record {
        Ok(record) => sink.record(line, record, notes),
        Err(reason) => sink.rejected(line, reason),
    }
}

/// An id without its address: `W2741809807`, `subfields/1804`.
fn code(id: &str) -> &str {
    id.split_once("openalex.org/").map_or(id, |(_, code)| code)
}

fn work(id: &str, work: &Value, notes: &mut Vec<String>) -> Result<PaperRecord, String> {
    let title = text(work, "title").or_else(|| text(work, "display_name")).ok_or("it has no title")?;
    let language = text(work, "language");
    let tag = language.as_deref().and_then(|tag| tag.parse::<LanguageTag>().ok());
    let abstract_text = work.get("abstract_inverted_index").map(in_order).unwrap_or_default();
    let place = work.get("primary_location").or_else(|| work.get("host_venue"));
    let venue = place.and_then(|place| {
        let source = place.get("source").and_then(|source| text(source, "display_name"));
        source.or_else(|| text(place, "raw_source_name")).or_else(|| text(place, "display_name"))
    });
    let addresses = list(work.get("locations")).iter().chain(place).filter_map(|place| text(place, "landing_page_url"));
    let arxiv_id = addresses.filter(|url| url.contains("arxiv.org/")).find_map(|url| url.parse::<ArxivId>().ok());
    let ids = work.get("ids").unwrap_or(&Value::Null);
    let last_part = |field: &str| text(ids, field).map(|id| id.rsplit('/').next().unwrap_or_default().to_owned());
    let identifiers =
        [id_of("pmid", last_part("pmid")), id_of("pmcid", last_part("pmcid")), id_of("mag", text(ids, "mag"))];
    if work.get("is_authors_truncated").and_then(Value::as_bool) == Some(true) {
        notes.push(format!("OpenAlex cut its authors in a list; ask it for {id} alone to have them all"));
    }
    let topics = list(work.get("topics")).iter().chain(work.get("primary_topic"));
    let mut seen = HashSet::new();
    let topics = topics.filter_map(topic_reference).filter(|topic| seen.insert(topic.code.clone()));
    Ok(PaperRecord {
        source_id: Some(id.to_owned()),
        title: plain(&title),
        abstract_completeness: field_parsing::completeness(&abstract_text),
        abstract_text: LocalizedText::of(tag.as_ref(), abstract_text),
        publication_date: date(work, notes),
        paper_type: paper_type(&text(work, "type").unwrap_or_default()),
        venue_name: venue.map(|venue| plain(&venue)),
        language,
        doi: field_parsing::identifier::<Doi>(text(work, "doi").as_deref(), notes),
        arxiv_id,
        url: place.and_then(|place| text(place, "landing_page_url")),
        is_retracted: work.get("is_retracted").and_then(Value::as_bool).unwrap_or_default(),
        identifiers: identifiers.into_iter().flatten().collect(),
        authors: (1..)
            .zip(list(work.get("authorships")))
            .map(|(place, author)| authorship(place, author, notes))
            .collect(),
        topics: topics.collect(),
        ..PaperRecord::default()
    })
}

fn date(work: &Value, notes: &mut Vec<String>) -> Option<PartialDate> {
    let exact = text(work, "publication_date").and_then(|date| field_parsing::written_date(&date, notes));
    exact.or_else(|| PartialDate::new(work.get("publication_year")?.as_i64()?, None, None).ok())
}

/// An abstract from the places of its words.
fn in_order(index: &Value) -> String {
    let Some(index) = index.as_object() else { return String::new() };
    let mut words: Vec<(u64, &str)> = index
        .iter()
        .flat_map(|(word, places)| list(Some(places)).iter().filter_map(|place| Some((place.as_u64()?, word.as_str()))))
        .collect();
    words.sort_unstable();
    let words: Vec<&str> = words.into_iter().map(|(_, word)| word).collect();
    plain(&words.join(" "))
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

fn authorship(position: u32, authorship: &Value, notes: &mut Vec<String>) -> AuthorRecord {
    let author = authorship.get("author").unwrap_or(&Value::Null);
    let written = text(authorship, "raw_author_name").or_else(|| text(author, "display_name")).unwrap_or_default();
    let parts = if written.contains(',') { Some(names::split(&written)) } else { None };
    let in_order =
        parts.as_ref().and_then(|parts| field_parsing::join(&[parts.given.as_deref(), parts.family.as_deref()]));
    let mut own = Vec::new();
    let orcid = field_parsing::identifier::<Orcid>(text(author, "orcid").as_deref(), &mut own);
    notes.extend(own.into_iter().map(|note| format!("author {position}: {note}")));
    let (given_name, family_name) = parts.map_or((None, None), |parts| (parts.given, parts.family));
    AuthorRecord {
        position: Some(position),
        name: in_order.unwrap_or(written),
        given_name,
        family_name,
        orcid,
        identifiers: id_of(SCHEME, text(author, "id").map(|id| code(&id).to_owned())).into_iter().collect(),
        is_corresponding: authorship.get("is_corresponding").and_then(Value::as_bool),
        affiliations_as_published: field_parsing::texts(authorship, "raw_affiliation_strings").collect(),
        organizations: list(authorship.get("institutions")).iter().filter_map(organization).collect(),
        ..AuthorRecord::default()
    }
}

fn organization(institution: &Value) -> Option<OrganizationReference> {
    let ror = text(institution, "ror").and_then(|ror| ror.parse::<Ror>().ok())?;
    Some(OrganizationReference { ror: Some(ror), name: text(institution, "display_name"), ..Default::default() })
}

fn topic_reference(topic: &Value) -> Option<TopicReference> {
    let code = code(&text(topic, "id")?).to_owned();
    let labels = LocalizedText::of("en".parse().ok().as_ref(), text(topic, "display_name")?);
    Some(TopicReference::new(SCHEME, Some(code), labels))
}

fn author(id: &str, author: &Value, notes: &mut Vec<String>) -> Result<ResearcherRecord, String> {
    let name = text(author, "display_name").ok_or("the author has no name")?;
    let ids = author.get("ids").unwrap_or(&Value::Null);
    let scopus = text(ids, "scopus").map(|address| {
        let number = address.split("authorID=").nth(1).unwrap_or(&address);
        number.split('&').next().unwrap_or_default().to_owned()
    });
    let identifiers: Vec<Identifier> =
        [id_of(SCHEME, Some(id.to_owned())), id_of("scopus", scopus)].into_iter().flatten().collect();
    let last: HashSet<String> =
        list(author.get("last_known_institutions")).iter().filter_map(|last| text(last, "id")).collect();
    let affiliations = list(author.get("affiliations"))
        .iter()
        .filter_map(|affiliation| crate::import::formats::openalex::affiliation(affiliation, &last));
    Ok(ResearcherRecord {
        other_names: field_parsing::texts(author, "display_name_alternatives")
            .filter(|other| *other != name)
            .map(Into::into)
            .collect(),
        name,
        orcid: field_parsing::identifier::<Orcid>(text(author, "orcid").as_deref(), notes),
        identifiers,
        affiliations: affiliations.collect(),
        ..ResearcherRecord::default()
    })
}

/// The years in which somebody published from somewhere. As what they were there OpenAlex does not tell.
fn affiliation(affiliation: &Value, last: &HashSet<String>) -> Option<AffiliationRecord> {
    let institution = affiliation.get("institution")?;
    let organization = organization(institution)
        .or_else(|| Some(OrganizationReference { name: text(institution, "display_name"), ..Default::default() }))?;
    let years = || list(affiliation.get("years")).iter().filter_map(Value::as_i64);
    let date = |year: Option<i64>| PartialDate::new(year?, None, None).ok();
    let is_last = text(institution, "id").is_some_and(|id| last.contains(&id));
    Some(AffiliationRecord {
        id: None,
        organization,
        kind: AffiliationKind::Membership,
        role_title: LocalizedText::default(),
        department_name: LocalizedText::default(),
        start_date: date(years().min()),
        end_date: if is_last { None } else { date(years().max()) },
        is_primary: false,
    })
}

fn institution(id: &str, institution: &Value, notes: &mut Vec<String>) -> Result<OrganizationRecord, String> {
    let display = text(institution, "display_name").ok_or("the institution has no name")?;
    let name = |kind: NameKind, value: String| Name { value, language: None, kind };
    let mut all = vec![name(NameKind::Display, display.clone())];
    let international = at(institution, &["international", "display_name"]).and_then(Value::as_object);
    for (language, value) in international.into_iter().flatten() {
        let Some(value) = value.as_str() else { continue };
        all.push(Name { value: value.to_owned(), language: Some(language.replace('_', "-")), kind: NameKind::Label });
    }
    all.extend(field_parsing::texts(institution, "display_name_acronyms").map(|value| name(NameKind::Acronym, value)));
    let aliases = field_parsing::texts(institution, "display_name_alternatives").filter(|value| *value != display);
    all.extend(aliases.map(|value| name(NameKind::Alias, value)));
    let ids = institution.get("ids").unwrap_or(&Value::Null);
    let wikidata = text(ids, "wikidata").map(|id| id.rsplit('/').next().unwrap_or_default().to_owned());
    let identifiers =
        [id_of(SCHEME, Some(id.to_owned())), id_of("grid", text(ids, "grid")), id_of("wikidata", wikidata)];
    let relations = list(institution.get("associated_institutions")).iter().filter_map(|other| {
        let relation = match text(other, "relationship")?.as_str() {
            "parent" => OrganizationRelation::Parent,
            "child" => OrganizationRelation::Child,
            _ => return None,
        };
        Some((relation, text(other, "ror")?.parse::<Ror>().ok()?))
    });
    let kind = text(institution, "type").map(|kind| kind.to_uppercase());
    let is_known = |kind: &String| {
        let known =
            ["EDUCATION", "FUNDER", "HEALTHCARE", "COMPANY", "ARCHIVE", "NONPROFIT", "GOVERNMENT", "FACILITY", "OTHER"];
        known.contains(&kind.as_str())
    };
    let geo = institution.get("geo").unwrap_or(&Value::Null);
    Ok(OrganizationRecord {
        ror: field_parsing::identifier::<Ror>(text(institution, "ror").as_deref(), notes),
        names: all,
        types: kind.into_iter().filter(is_known).collect(),
        country_code: text(institution, "country_code").or_else(|| text(geo, "country_code")),
        city: text(geo, "city"),
        homepage_url: text(institution, "homepage_url"),
        identifiers: identifiers.into_iter().flatten().collect(),
        relations: relations.collect(),
        ..OrganizationRecord::default()
    })
}

/// A topic, and those above it that the file has not told yet: domain, field, subfield.
fn topics(id: &str, topic: &Value, told: &mut HashSet<String>) -> Vec<TopicRecord> {
    let mut records = Vec::new();
    let mut above: Option<TopicReference> = None;
    for level in ["domain", "field", "subfield"] {
        let Some(reference) = topic.get(level).and_then(topic_reference) else { continue };
        if told.insert(reference.code.clone().unwrap_or_default()) {
            records.push(topic_record(&reference, above.as_ref()));
        }
        above = Some(reference);
    }
    if told.insert(id.to_owned())
        && let Some(reference) = topic_reference(topic)
    {
        records.push(topic_record(&reference, above.as_ref()));
    }
    records
}

fn topic_record(reference: &TopicReference, above: Option<&TopicReference>) -> TopicRecord {
    let names = reference.labels.iter().map(|(language, label)| Name {
        value: label.to_owned(),
        language: Some(language.to_owned()),
        kind: NameKind::Label,
    });
    TopicRecord {
        exported: None,
        slug: None,
        scheme: SCHEME.to_owned(),
        code: reference.code.clone(),
        names: names.collect(),
        broader: above.cloned().into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::import::Format;
    use crate::import::tests::{papers, read, researchers};

    #[test]
    fn abstracts_are_put_together() {
        let index = json!({ "rise": [1, 4], "Rivers": [0], "and": [2], "floods": [3], "far": [9_000_000_000_000_u64] });
        assert_eq!(in_order(&index), "Rivers rise and floods rise far");
        assert_eq!(in_order(&Value::Null), "");
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
        let outcome = read(
            &Format::OpenAlex,
            json!({ "meta": {}, "results": [work, { "id": "https://openalex.org/W2" }] }).to_string().as_bytes(),
        );
        assert_eq!(outcome.told(), ["1: rejected: it has no title"]);
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
    fn people_and_places() {
        let author = json!({ "id": "https://openalex.org/A1", "display_name": "Ida Brook", "display_name_alternatives": ["I. Brook"],
            "last_known_institutions": [{ "id": "https://openalex.org/I2" }], "affiliations": [
                { "institution": { "id": "https://openalex.org/I1", "display_name": "Old College" }, "years": [2004, 2001] },
                { "institution": { "id": "https://openalex.org/I2", "display_name": "New College" }, "years": [2010] }] });
        let outcome = read(&Format::OpenAlex, author.to_string().as_bytes());
        let person = researchers(&outcome).remove(0);
        let dates: Vec<(String, String)> = person
            .affiliations
            .iter()
            .map(|affiliation| {
                let date = |date: Option<PartialDate>| date.map(|date| date.to_string()).unwrap_or_default();
                (date(affiliation.start_date), date(affiliation.end_date))
            })
            .collect();
        assert_eq!(dates, [("2001".to_owned(), "2004".to_owned()), ("2010".to_owned(), String::new())]);
    }

    #[test]
    fn topics_with_those_above() {
        let topic = |id: &str| {
            json!({ "id": format!("https://openalex.org/{id}"), "display_name": id,
            "subfield": { "id": "https://openalex.org/subfields/1", "display_name": "S" },
            "field": { "id": "https://openalex.org/fields/2", "display_name": "F" },
            "domain": { "id": "https://openalex.org/domains/3", "display_name": "D" } })
        };
        let outcome = read(&Format::OpenAlex, format!("{}\n{}\n", topic("T1"), topic("T2")).as_bytes());
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
    fn others_are_refused() {
        let outcome = read(&Format::OpenAlex, br#"{"id": "https://openalex.org/S1", "display_name": "Waters"}"#);
        assert_eq!(
            outcome.told(),
            ["1: not read: it seems to be a source of OpenAlex, of which the directory keeps nothing"]
        );
        let outcome = read(&Format::OpenAlex, br#"{"id": "https://ror.org/05dxps055", "names": [], "locations": []}"#);
        assert_eq!(outcome.told(), ["1: not read: it seems to be a ROR record; import it as `ror`"]);
    }
}
