//! ORCID records, version 3.0, in JSON or XML: one per file, in folders, in the archive of summaries, or one per line.
//! Only public data is imported.

use std::io::{BufRead, Read as _};

use serde_json::Value;

use crate::import::formats::bibtex;
use crate::import::formats::detection::{FileHead, JsonFormatGuard, JsonMatch, detect_json, has_fields};
use crate::import::formats::{Format, FormatOptions, SourceKind};
use crate::import::io::content_kind::ContentKind;
use crate::import::io::json;
use crate::import::io::lines::{self, NOT_UTF8_WARNING, format_size, unreadable_error};
use crate::import::io::record_sink::{ReadAbort, RecordSink};
use crate::import::io::xml;
use crate::import::normalize::field_parsing::{self, as_list, value_at};
use crate::model::identifier::{ArxivId, Doi, Orcid, Ror};
use crate::model::language::{LanguageTag, LocalizedText};
use crate::model::partial_date::PartialDate;
use crate::model::record::{
    AffiliationKind, AffiliationRecord, AuthorRecord, ExternalIdentifier, OrganizationReference, PaperRecord,
    PaperType, Record, ResearcherRecord,
};
use crate::text::names;

/// Maximum size of a record in XML; the record of a person with ten thousand works is a tenth of it.
const MAX_XML_BYTES: u64 = 64 << 20;

/// Describes a JSON value that has neither ORCID iD nor person.
const RECORD_SECTION: &str = "a section of an ORCID record without the person";

/// ORCID records, version 3.0.
#[derive(Debug)]
pub(crate) struct OrcidFormat;

impl Format for OrcidFormat {
    fn name(&self) -> &'static str {
        "orcid"
    }

    fn help(&self) -> &'static str {
        "ORCID records 3.0 in JSON or XML: files, folders, or the archive of summaries"
    }

    fn source_kind(&self) -> SourceKind {
        SourceKind::Registry
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["json", "jsonl", "ndjson", "xml", "tar", "tgz"]
    }

    fn matches(&self, head: &FileHead<'_>) -> bool {
        head.content_kind == ContentKind::Markup && head.contains(b"www.orcid.org/ns/")
    }

    fn match_json(&self, value: &Value) -> Option<JsonMatch> {
        if has_fields(value, &["orcid-identifier"]) || has_fields(value, &["person", "activities-summary"]) {
            Some(JsonMatch::Importable("an ORCID record"))
        } else if has_fields(value, &["bulk"]) || value_at(value, &["title", "title"]).is_some() {
            Some(JsonMatch::Importable("works of an ORCID record"))
        } else if has_fields(value, &["put-code"])
            || has_fields(value, &["visibility"])
            || value_at(value, &["organization", "disambiguated-organization"]).is_some()
        {
            Some(JsonMatch::NotImportable(RECORD_SECTION.to_owned()))
        } else {
            None
        }
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
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    if head.trim_ascii_start().starts_with(b"<") {
        return read_xml(reader, sink);
    }
    let mut is_first = true;
    let mut guard = JsonFormatGuard::new(&["orcid"]);
    json::read_records(reader, &[&["bulk"]], sink, |line, value, sink| {
        let is_first = std::mem::take(&mut is_first);
        let value = value.get("work").unwrap_or(&value);
        if !guard.accepts(value, line, sink)? {
            return Ok(());
        }
        if is_first && !is_error_response(value) && detect_json(value).is_none() {
            let reason = format!("it looks like {RECORD_SECTION}, which cannot be imported");
            return Err(ReadAbort::Unreadable(line, reason));
        }
        emit_record(line, value, Vec::new(), sink)
    })
}

/// Whether a value is an error that ORCID returns in place of a work.
fn is_error_response(value: &Value) -> bool {
    value.get("error").is_some() || value.get("response-code").is_some()
}

fn read_xml(reader: &mut dyn BufRead, sink: &mut RecordSink<'_>) -> Result<(), ReadAbort> {
    let mut whole = Vec::new();
    reader.take(MAX_XML_BYTES + 1).read_to_end(&mut whole).map_err(|error| unreadable_error(1, &error))?;
    if whole.len() as u64 > MAX_XML_BYTES {
        let limit = format_size(usize::try_from(MAX_XML_BYTES).unwrap_or(usize::MAX));
        return Err(ReadAbort::Unreadable(1, format!("it is larger than {limit}")));
    }
    let (text, has_invalid_utf8) = lines::decode_text(&whole);
    let element =
        xml::parse_xml(text.trim_start_matches('\u{feff}')).map_err(|reason| ReadAbort::Unreadable(1, reason))?;
    match element.name.as_str() {
        "record" | "work" => {
            let warnings = if has_invalid_utf8 { vec![NOT_UTF8_WARNING.to_owned()] } else { Vec::new() };
            emit_record(1, &element.to_json(), warnings, sink)
        }
        name => {
            let root: String = name.chars().take(40).collect();
            Err(ReadAbort::Unreadable(
                1,
                format!("it is not an ORCID record: its root element is <{root}>, not <record>"),
            ))
        }
    }
}

fn emit_record(
    line: usize,
    value: &Value,
    mut warnings: Vec<String>,
    sink: &mut RecordSink<'_>,
) -> Result<(), ReadAbort> {
    if let Some(reason) =
        value.get("error").or_else(|| value.get("developer-message").filter(|_| is_error_response(value)))
    {
        let message =
            text_value(Some(reason)).or_else(|| text_value(reason.get("developer-message"))).unwrap_or_default();
        return sink.push_invalid(line, format!("ORCID returned an error: {message}"));
    }
    if value.get("orcid-identifier").is_none() && value.get("person").is_none() {
        let record = paper_record(value, None, None, &mut warnings);
        return match record {
            Ok(record) => sink.push_record(line, Record::Paper(record), warnings),
            Err(reason) => sink.push_invalid(line, reason),
        };
    }
    let person = match researcher_record(value, &mut warnings) {
        Ok(person) => person,
        Err(reason) => return sink.push_invalid(line, reason),
    };
    let owner = AuthorRecord {
        name: person.name.clone(),
        given_name: person.given_name.clone(),
        family_name: person.family_name.clone(),
        orcid: person.orcid.clone(),
        ..AuthorRecord::default()
    };
    sink.push_record(line, Record::Researcher(person), warnings)?;
    for group in as_list(value_at(value, &["activities-summary", "works", "group"])) {
        let summaries =
            as_list(group.get("work-summary")).iter().chain(as_list(group.get("work"))).filter(|work| is_public(work));
        // Of several versions of a work, the person's preferred version has the highest display index.
        let index = |work: &&Value| {
            text_value(work.get("display-index")).and_then(|index| index.parse::<i64>().ok()).unwrap_or(0)
        };
        let Some(summary) = summaries.max_by_key(index) else { continue };
        let mut warnings = Vec::new();
        match paper_record(summary, Some(group), Some(&owner), &mut warnings) {
            Ok(record) => sink.push_record(line, Record::Paper(record), warnings)?,
            Err(reason) => {
                let whose = owner.orcid.as_ref().map_or_else(String::new, |orcid| format!(" of {orcid}"));
                sink.push_invalid(line, format!("a work{whose}: {reason}"))?;
            }
        }
    }
    Ok(())
}

/// Returns a string that stands alone or in an object; JSON and XML records differ in this.
fn text_value(value: Option<&Value>) -> Option<String> {
    let text = match value? {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Object(object) => return text_value(object.get("value").or_else(|| object.get("content"))),
        _ => return None,
    };
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn text_at(value: &Value, path: &[&str]) -> Option<String> {
    text_value(value_at(value, path))
}

fn is_public(item: &Value) -> bool {
    text_value(item.get("visibility")).is_some_and(|visibility| visibility.eq_ignore_ascii_case("public"))
}

fn researcher_record(record: &Value, warnings: &mut Vec<String>) -> Result<ResearcherRecord, String> {
    let path = text_at(record, &["orcid-identifier", "path"]).or_else(|| text_value(record.get("path")));
    let path = path.ok_or("it has no ORCID iD")?;
    let orcid: Orcid = path.trim_start_matches('/').parse().map_err(|error| format!("{error}"))?;
    let person = record.get("person").ok_or("the record has no person")?;
    let name = person
        .get("name")
        .filter(|name| is_public(name))
        .ok_or_else(|| format!("the name of {orcid} is not public"))?;
    let (given, family) = (text_value(name.get("given-names")), text_value(name.get("family-name")));
    let full_name = field_parsing::join_name_parts(&[given.as_deref(), family.as_deref()]);
    let credit = text_value(name.get("credit-name"));
    let display = credit.clone().or_else(|| full_name.clone()).ok_or_else(|| format!("{orcid} has no public name"))?;
    let public =
        |path: &[&str]| as_list(value_at(person, path)).iter().filter(|item| is_public(item)).collect::<Vec<_>>();
    let mut other_names: Vec<String> =
        public(&["other-names", "other-name"]).into_iter().filter_map(|name| text_value(Some(name))).collect();
    other_names.extend(full_name.filter(|full_name| credit.is_some() && *full_name != display));
    let biography =
        person.get("biography").filter(|biography| is_public(biography)).and_then(|text| text_value(Some(text)));
    let urls = public(&["researcher-urls", "researcher-url"]);
    let homepage_url = urls.iter().filter_map(|url| text_value(url.get("url"))).find(|url| url.starts_with("http"));
    let identifiers =
        public(&["external-identifiers", "external-identifier"]).into_iter().filter_map(external_identifier);
    Ok(ResearcherRecord {
        given_name: given.filter(|_| credit.is_none()),
        family_name: family.filter(|_| credit.is_none()),
        name: display,
        other_names: other_names.into_iter().map(Into::into).collect(),
        orcid: Some(orcid),
        biography: biography.map(|text| LocalizedText::new(None, text)).unwrap_or_default(),
        homepage_url,
        identifiers: identifiers.collect(),
        affiliations: affiliation_records(record, warnings),
        ..ResearcherRecord::default()
    })
}

/// Returns an identifier of the person in another system.
fn external_identifier(id: &Value) -> Option<ExternalIdentifier> {
    let relationship = text_value(id.get("external-id-relationship")).unwrap_or_else(|| "self".to_owned());
    if !relationship.eq_ignore_ascii_case("self") {
        return None;
    }
    let kind = text_value(id.get("external-id-type"))?.to_lowercase();
    let scheme = match kind.as_str() {
        "scopus author id" => "scopus".to_owned(),
        "researcherid" | "researcher id" | "web of science researcherid" => "researcherid".to_owned(),
        "loop profile" => "loop".to_owned(),
        other => names::slug(other, "other"),
    };
    field_parsing::scheme_identifier(&scheme, text_value(id.get("external-id-value")))
}

fn affiliation_records(record: &Value, warnings: &mut Vec<String>) -> Vec<AffiliationRecord> {
    const SECTIONS: [(&str, &str, AffiliationKind); 7] = [
        ("employments", "employment-summary", AffiliationKind::Employment),
        ("educations", "education-summary", AffiliationKind::Education),
        ("qualifications", "qualification-summary", AffiliationKind::Qualification),
        ("memberships", "membership-summary", AffiliationKind::Membership),
        ("services", "service-summary", AffiliationKind::Service),
        ("invited-positions", "invited-position-summary", AffiliationKind::InvitedPosition),
        ("distinctions", "distinction-summary", AffiliationKind::Distinction),
    ];
    let mut affiliations = Vec::new();
    for (section, summary, kind) in SECTIONS {
        let Some(section) = value_at(record, &["activities-summary", section]) else { continue };
        for group in as_list(section.get("affiliation-group")) {
            // JSON wraps the summaries in a list, XML does not.
            let in_list = as_list(group.get("summaries")).iter().flat_map(|item| as_list(item.get(summary)));
            for item in in_list.chain(as_list(group.get(summary))).filter(|item| is_public(item)) {
                affiliations.extend(affiliation_record(item, kind, warnings));
            }
        }
    }
    affiliations
}

fn affiliation_record(item: &Value, kind: AffiliationKind, warnings: &mut Vec<String>) -> Option<AffiliationRecord> {
    let organization = item.get("organization")?;
    let issued = organization.get("disambiguated-organization");
    let issued_by = issued.and_then(|issued| text_value(issued.get("disambiguation-source"))).unwrap_or_default();
    let ror = issued.and_then(|issued| text_value(issued.get("disambiguated-organization-identifier")));
    let ror = field_parsing::parse_identifier::<Ror>(
        ror.filter(|_| issued_by.eq_ignore_ascii_case("ROR")).as_deref(),
        warnings,
    );
    let text = |field: &str| text_value(item.get(field)).map(|text| LocalizedText::new(None, text)).unwrap_or_default();
    let end_date = partial_date(item.get("end-date"), warnings);
    Some(AffiliationRecord {
        id: None,
        organization: OrganizationReference { ror, name: text_value(organization.get("name")), ..Default::default() },
        kind,
        role_title: text("role-title"),
        department_name: text("department-name"),
        start_date: partial_date(item.get("start-date"), warnings),
        end_date,
        has_ended: end_date.is_none() && has_date(item.get("end-date")),
        is_primary: false,
    })
}

/// Whether a date is given, readable or not.
fn has_date(value: Option<&Value>) -> bool {
    let has_part = |part| value.and_then(|date| text_value(date.get(part))).is_some_and(|part| !part.trim().is_empty());
    ["year", "month", "day"].into_iter().any(has_part)
}

fn partial_date(value: Option<&Value>, warnings: &mut Vec<String>) -> Option<PartialDate> {
    let part = |name: &str| text_value(value?.get(name))?.parse::<i64>().ok().filter(|part| *part > 0);
    field_parsing::date_or_year(part("year")?, part("month"), part("day"), warnings)
}

/// Returns a work. If it has no contributors, the owner of the record is its only known author. Identifiers that the
/// work lacks are those of its group of versions.
fn paper_record(
    work: &Value,
    group: Option<&Value>,
    owner: Option<&AuthorRecord>,
    warnings: &mut Vec<String>,
) -> Result<PaperRecord, String> {
    let title = text_at(work, &["title", "title"]).ok_or("it has no title")?;
    let title = match text_at(work, &["title", "subtitle"]) {
        Some(subtitle) => format!("{title}: {subtitle}"),
        None => title,
    };
    let mut translated_titles = LocalizedText::default();
    if let (Some(text), Some(tag)) = (
        text_at(work, &["title", "translated-title"]),
        text_at(work, &["title", "translated-title", "language-code"])
            .and_then(|tag| tag.replace('_', "-").parse::<LanguageTag>().ok()),
    ) {
        translated_titles.insert(Some(&tag), text);
    }
    let language = text_value(work.get("language-code")).map(|tag| tag.replace('_', "-"));
    let ids: Vec<(String, String)> = [Some(work), group].into_iter().flatten().flat_map(own_identifiers).collect();
    let id = |kind: &str| ids.iter().find(|(id_type, _)| id_type == kind).map(|(_, value)| value.as_str());
    let schemes = [("pmid", "pmid"), ("pmc", "pmcid"), ("eid", "scopus"), ("wosuid", "wos")];
    let identifiers = schemes
        .iter()
        .filter_map(|(kind, scheme)| field_parsing::scheme_identifier(scheme, id(kind).map(ToOwned::to_owned)));
    let kind = paper_type(&text_value(work.get("type")).unwrap_or_default());
    let cited = cited_paper(work).unwrap_or_default();
    // Of a book, a thesis or a report, ORCID asks for the publisher or the institution in the field for the journal.
    let container = text_value(work.get("journal-title"));
    let (venue_name, publisher_name) = match kind {
        PaperType::Book | PaperType::Thesis | PaperType::Report => (None, container),
        _ => (container, None),
    };
    let numbers = |kind: &str, cited: Vec<String>| {
        let own: Vec<String> =
            [Some(work), group].into_iter().flatten().flat_map(|item| standard_numbers(item, kind)).collect();
        if own.is_empty() { cited } else { own }
    };
    let contributors = contributor_records(work, warnings);
    let are_incomplete = contributors.is_empty() && owner.is_some();
    Ok(PaperRecord {
        title,
        translated_titles,
        abstract_text: LocalizedText::default(),
        publication_date: partial_date(work.get("publication-date"), warnings),
        paper_type: kind,
        venue_name,
        volume: cited.volume,
        issue: cited.issue,
        pages: cited.pages,
        article_number: cited.article_number,
        edition: cited.edition,
        publisher_name: publisher_name.or(cited.publisher_name),
        issns: numbers("issn", cited.issns),
        isbns: numbers("isbn", cited.isbns),
        keywords: cited.keywords,
        language,
        doi: valid_identifier::<Doi>(&ids, "doi", warnings),
        arxiv_id: valid_identifier::<ArxivId>(&ids, "arxiv", warnings),
        url: text_value(work.get("url")),
        identifiers: identifiers.collect(),
        authors: if are_incomplete { owner.cloned().into_iter().collect() } else { contributors },
        authors_are_incomplete: are_incomplete,
        ..PaperRecord::default()
    })
}

/// Returns the citation of a work, from which its details are read, if it is BibTeX.
fn cited_paper(work: &Value) -> Option<PaperRecord> {
    let citation = work.get("citation")?;
    let kind = text_value(citation.get("citation-type"))?;
    let text = text_value(citation.get("citation-value")).filter(|_| kind.eq_ignore_ascii_case("bibtex"))?;
    bibtex::first_entry(&text)
}

/// Returns the ISSNs or ISBNs of a work or of what contains it.
fn standard_numbers(item: &Value, kind: &str) -> Vec<String> {
    let ids = as_list(value_at(item, &["external-ids", "external-id"])).iter();
    let of_kind =
        ids.filter(|id| text_value(id.get("external-id-type")).is_some_and(|own| own.eq_ignore_ascii_case(kind)));
    of_kind.filter_map(|id| text_value(id.get("external-id-value"))).collect()
}

/// Returns the identifiers of a work or of a group of its versions, each with its type: as ORCID normalized it, if it
/// did, then as written.
fn own_identifiers(item: &Value) -> Vec<(String, String)> {
    let ids = as_list(value_at(item, &["external-ids", "external-id"])).iter().filter(|id| {
        text_value(id.get("external-id-relationship")).is_none_or(|relation| relation.eq_ignore_ascii_case("self"))
    });
    let forms = ids.filter_map(|id| {
        let kind = text_value(id.get("external-id-type"))?.to_lowercase();
        let forms = ["external-id-normalized", "external-id-value"];
        Some(forms.into_iter().filter_map(move |form| Some((kind.clone(), text_value(id.get(form))?))))
    });
    forms.flatten().collect()
}

/// Returns the first valid identifier of a type; if there is none, an invalid one is reported.
fn valid_identifier<T>(ids: &[(String, String)], kind: &str, warnings: &mut Vec<String>) -> Option<T>
where
    T: std::str::FromStr,
    T::Err: std::fmt::Display,
{
    let mut values = ids.iter().filter(|(id_type, _)| id_type == kind).map(|(_, value)| value.as_str());
    let first = values.clone().next();
    values.find_map(|value| value.parse().ok()).or_else(|| field_parsing::parse_identifier(first, warnings))
}

fn contributor_records(work: &Value, warnings: &mut Vec<String>) -> Vec<AuthorRecord> {
    let mut authors: Vec<AuthorRecord> = Vec::new();
    for contributor in as_list(value_at(work, &["contributors", "contributor"])) {
        let role =
            text_at(contributor, &["contributor-attributes", "contributor-role"]).unwrap_or_default().to_lowercase();
        let is_author = role.is_empty() || role.contains("author") || role.contains("credit.niso.org");
        let Some(name) = text_value(contributor.get("credit-name")).filter(|_| is_author) else { continue };
        let orcid = field_parsing::parse_identifier::<Orcid>(
            text_at(contributor, &["contributor-orcid", "path"]).as_deref(),
            warnings,
        );
        // A contributor with several CRediT roles is listed once per role.
        let is_same = |other: &AuthorRecord| other.name == name && other.orcid == orcid;
        if role.contains("credit.niso.org") && authors.iter().any(is_same) {
            continue;
        }
        let position = u32::try_from(authors.len() + 1).ok();
        authors.push(AuthorRecord { position, name, orcid, ..AuthorRecord::default() });
    }
    authors
}

fn paper_type(kind: &str) -> PaperType {
    match kind.to_lowercase().replace('_', "-").as_str() {
        "journal-article" | "magazine-article" | "newspaper-article" | "review" => PaperType::Article,
        "conference-paper" | "conference-abstract" | "conference-poster" => PaperType::ConferencePaper,
        "preprint" | "working-paper" => PaperType::Preprint,
        "book" | "edited-book" | "conference-proceedings" => PaperType::Book,
        "book-chapter" | "dictionary-entry" | "encyclopedia-entry" => PaperType::BookChapter,
        "dissertation" | "dissertation-thesis" | "supervised-student-publication" => PaperType::Thesis,
        "report" => PaperType::Report,
        "data-set" => PaperType::Dataset,
        _ => PaperType::Other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::import::test_support::{papers, read_bytes, researchers};

    fn record() -> Value {
        let employment = |visibility: &str| {
            json!({ "summaries": [{ "employment-summary": {
            "visibility": visibility, "role-title": "Hydrologist", "start-date": { "year": { "value": "2015" }, "month": { "value": "03" } },
            "organization": { "name": "Water Institute", "disambiguated-organization": {
                "disambiguated-organization-identifier": "https://ror.org/05dxps055", "disambiguation-source": "ROR" } } } }] })
        };
        json!({ "orcid-identifier": { "path": "0000-0002-1825-0097" },
            "person": { "name": { "visibility": "public", "given-names": { "value": "Ida" }, "family-name": { "value": "Brook" }, "credit-name": null },
                "other-names": { "other-name": [{ "content": "I. Brook", "visibility": "public" }, { "content": "Secret", "visibility": "limited" }] },
                "biography": { "content": "Hidden.", "visibility": "private" },
                "external-identifiers": { "external-identifier": [{ "external-id-type": "Scopus Author ID", "external-id-value": "7",
                    "external-id-relationship": "self", "visibility": "public" }] } },
            "activities-summary": { "employments": { "affiliation-group": [employment("public"), employment("private")] },
                "works": { "group": [{ "work-summary": [
                    { "visibility": "public", "display-index": "0", "title": { "title": { "value": "Weirs, again" } } },
                    { "visibility": "public", "display-index": "1", "title": { "title": { "value": "Weirs" } }, "type": "journal-article",
                      "external-ids": { "external-id": [{ "external-id-type": "doi", "external-id-value": "10.1000/w", "external-id-relationship": "self" }] } }] },
                    { "work-summary": [{ "visibility": "private", "title": { "title": { "value": "Secret" } } }] }] } } })
    }

    #[test]
    fn only_public_data_is_imported() {
        let outcome = read_bytes(&OrcidFormat, record().to_string().as_bytes());
        assert_eq!(outcome.messages(), Vec::<String>::new());
        let person = researchers(&outcome).remove(0);
        assert_eq!(
            (person.name.as_str(), person.other_names.clone()),
            ("Ida Brook", vec!["I. Brook".to_owned().into()])
        );
        assert!(person.biography.is_empty());
        assert_eq!(person.affiliations.len(), 1);
        assert!(!person.affiliations[0].has_ended);
        assert_eq!(person.affiliations[0].organization.ror.as_ref().map(Ror::as_str), Some("05dxps055"));
        assert_eq!(person.identifiers[0].scheme, "scopus");
        let papers = papers(&outcome);
        assert_eq!(papers.len(), 1);
        assert_eq!((papers[0].title.as_str(), papers[0].authors_are_incomplete), ("Weirs", true));
        assert_eq!(papers[0].authors[0].orcid, person.orcid);
    }

    #[test]
    fn records_in_xml() {
        let text = r#"<?xml version="1.0" encoding="UTF-8"?><r:record xmlns:r="r" xmlns:c="c" path="/0000-0002-1825-0097">
            <c:orcid-identifier><c:path>0000-0002-1825-0097</c:path></c:orcid-identifier>
            <p:person xmlns:p="p"><p:name visibility="public"><p:given-names>Ida</p:given-names><p:family-name>Brook</p:family-name></p:name></p:person>
            <a:activities-summary xmlns:a="a"><a:educations><a:affiliation-group><e:education-summary xmlns:e="e" visibility="public">
              <c:start-date><c:year>1999</c:year></c:start-date><c:end-date><c:month>06</c:month></c:end-date><c:organization><c:name>A School</c:name></c:organization>
            </e:education-summary></a:affiliation-group></a:educations>
            <a:works><a:group><w:work-summary xmlns:w="w" visibility="public" display-index="0"><w:title><c:title>Locks</c:title></w:title></w:work-summary></a:group></a:works>
            </a:activities-summary></r:record>"#;
        let outcome = read_bytes(&OrcidFormat, text.as_bytes());
        assert_eq!(outcome.messages(), Vec::<String>::new());
        let person = researchers(&outcome).remove(0);
        assert_eq!(person.affiliations[0].kind, AffiliationKind::Education);
        assert_eq!(person.affiliations[0].start_date.map(PartialDate::year), Some(1999));
        assert_eq!((person.affiliations[0].end_date, person.affiliations[0].has_ended), (None, true));
        assert_eq!(papers(&outcome)[0].title, "Locks");
    }

    #[test]
    fn identifiers_of_the_group_and_in_normalized_form() {
        let id = |value: &str, normalized: &str| {
            json!({ "external-id-type": "doi", "external-id-value": value, "external-id-relationship": "self",
                "external-id-normalized": { "value": normalized, "transient": true } })
        };
        let work =
            |ids: Value| json!({ "title": { "title": { "value": "T" } }, "external-ids": { "external-id": ids } });
        let doi = |work: &Value, group: Option<&Value>| {
            let paper = paper_record(work, group, None, &mut Vec::new()).expect("a paper");
            paper.doi.map(|doi| doi.to_string())
        };
        assert_eq!(doi(&work(json!([id("see 10.1000/A", "10.1000/a")])), None).as_deref(), Some("10.1000/a"));
        let group = json!({ "external-ids": { "external-id": [id("10.1000/b", "10.1000/b")] } });
        assert_eq!(doi(&work(json!([])), Some(&group)).as_deref(), Some("10.1000/b"));
        assert_eq!(doi(&work(json!([id("none", "none")])), None), None);
    }

    #[test]
    fn archive_of_summaries() {
        let mut archive = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
        let mut add = |name: &str, content: &[u8]| {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            archive.append_data(&mut header, name, content).expect("an entry");
        };
        add("ORCID/097/0000-0002-1825-0097.json", record().to_string().as_bytes());
        add("ORCID/README.txt", b"Dear reader");
        add("ORCID/000/bad.xml", b"<record><person></record>");
        let bytes = archive.into_inner().expect("an archive").finish().expect("compressed");
        let outcome = read_bytes(&OrcidFormat, &bytes);
        assert_eq!((researchers(&outcome).len(), papers(&outcome).len()), (1, 1));
        assert_eq!(outcome.messages().len(), 1, "{:?}", outcome.messages());
    }

    #[test]
    fn works_and_sections_without_a_person() {
        let bulk = json!({ "bulk": [
            { "work": { "title": { "title": { "value": "Dams" } }, "contributors": { "contributor": [
                { "credit-name": { "value": "Tom Ford" }, "contributor-attributes": { "contributor-role": "author" } }] } } },
            { "error": { "response-code": 404, "developer-message": "not there" } }] });
        let outcome = read_bytes(&OrcidFormat, bulk.to_string().as_bytes());
        assert_eq!(papers(&outcome)[0].authors[0].name, "Tom Ford");
        assert_eq!(outcome.messages(), ["1: invalid record: ORCID returned an error: not there"]);
        let part = read_bytes(&OrcidFormat, br#"{"country": {"value": "CA"}}"#);
        assert_eq!(
            part.messages(),
            [
                "1: unreadable file: it looks like a section of an ORCID record without the person, which cannot be imported"
            ]
        );
    }
}
