//! ORCID records of version 3.0, in JSON or XML: one a file, in folders or in the archive of summaries, or one a line.
//! What is not public is left out.

use std::io::{BufRead, Read as _};

use serde_json::Value;

use crate::import::io::json;
use crate::import::io::lines::{self, NOT_UTF_8, size, unreadable};
use crate::import::io::xml;
use crate::import::normalize::detect;
use crate::import::normalize::field_parsing::{self, at, list};
use crate::import::{Sink, Stop};
use crate::model::identifier::{ArxivId, Doi, Orcid, Ror};
use crate::model::language::{LanguageTag, LocalizedText};
use crate::model::partial_date::PartialDate;
use crate::model::record::{
    AffiliationKind, AffiliationRecord, AuthorRecord, Identifier, OrganizationReference, PaperRecord, PaperType,
    Record, ResearcherRecord,
};
use crate::text::names;

/// The largest record in XML: those of people with ten thousand works are a tenth of it.
const LONGEST: u64 = 64 << 20;

pub(crate) fn stream(reader: &mut dyn BufRead, sink: &mut Sink<'_>) -> Result<(), Stop> {
    let head = reader.fill_buf().map_err(|error| unreadable(1, &error))?;
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    if head.trim_ascii_start().starts_with(b"<") {
        return xml_record(reader, sink);
    }
    let mut is_first = true;
    json::records(reader, &[&["bulk"]], sink, |line, value, sink| {
        let is_first = std::mem::take(&mut is_first);
        let value = value.get("work").unwrap_or(&value);
        match detect::of_json(value) {
            Some(kind) if kind.format != Some("orcid") => {
                if is_first {
                    Err(Stop::Unreadable(line, kind.refusal()))
                } else {
                    sink.rejected(line, kind.refusal())
                }
            }
            None if is_first && !is_error(value) => {
                let reason =
                    "it seems to be a part of an ORCID record without the person, of which the directory keeps nothing";
                Err(Stop::Unreadable(line, reason.to_owned()))
            }
            _ => give(line, value, Vec::new(), sink),
        }
    })
}

/// What ORCID answers for one of many works that it does not give.
fn is_error(value: &Value) -> bool {
    value.get("error").is_some() || value.get("response-code").is_some()
}

fn xml_record(reader: &mut dyn BufRead, sink: &mut Sink<'_>) -> Result<(), Stop> {
    let mut whole = Vec::new();
    reader.take(LONGEST + 1).read_to_end(&mut whole).map_err(|error| unreadable(1, &error))?;
    if whole.len() as u64 > LONGEST {
        let most = size(usize::try_from(LONGEST).unwrap_or(usize::MAX));
        return Err(Stop::Unreadable(1, format!("it has more than {most}, as no record does")));
    }
    let (text, is_mended) = lines::text(&whole);
    let element = xml::parse(text.trim_start_matches('\u{feff}')).map_err(|reason| Stop::Unreadable(1, reason))?;
    match element.name.as_str() {
        "record" | "work" => {
            let notes = if is_mended { vec![NOT_UTF_8.to_owned()] } else { Vec::new() };
            give(1, &element.to_json(), notes, sink)
        }
        name => {
            let shown: String = name.chars().take(40).collect();
            Err(Stop::Unreadable(
                1,
                format!(
                    "it seems to be XML of another kind: it begins with <{shown}>, and an ORCID record with <record>"
                ),
            ))
        }
    }
}

fn give(line: usize, value: &Value, mut notes: Vec<String>, sink: &mut Sink<'_>) -> Result<(), Stop> {
    if let Some(reason) = value.get("error").or_else(|| value.get("developer-message").filter(|_| is_error(value))) {
        let said = said(Some(reason)).or_else(|| said(reason.get("developer-message"))).unwrap_or_default();
        return sink.rejected(line, format!("ORCID did not give it: {said}"));
    }
    if value.get("orcid-identifier").is_none() && value.get("person").is_none() {
        let record = work(value, None, &mut notes);
        return match record {
            Ok(record) => sink.record(line, Record::Paper(record), notes),
            Err(reason) => sink.rejected(line, reason),
        };
    }
    let person = match person(value, &mut notes) {
        Ok(person) => person,
        Err(reason) => return sink.rejected(line, reason),
    };
    let owner = AuthorRecord {
        name: person.name.clone(),
        given_name: person.given_name.clone(),
        family_name: person.family_name.clone(),
        orcid: person.orcid.clone(),
        ..AuthorRecord::default()
    };
    sink.record(line, Record::Researcher(person), notes)?;
    for group in list(at(value, &["activities-summary", "works", "group"])) {
        let summaries =
            list(group.get("work-summary")).iter().chain(list(group.get("work"))).filter(|work| is_public(work));
        // Several sources of one work: the one that the person puts first.
        let index =
            |work: &&Value| said(work.get("display-index")).and_then(|index| index.parse::<i64>().ok()).unwrap_or(0);
        let Some(summary) = summaries.max_by_key(index) else { continue };
        let mut notes = Vec::new();
        match work(summary, Some(&owner), &mut notes) {
            Ok(record) => sink.record(line, Record::Paper(record), notes)?,
            Err(reason) => {
                let whose = owner.orcid.as_ref().map_or_else(String::new, |orcid| format!(" of {orcid}"));
                sink.rejected(line, format!("a work{whose}: {reason}"))?;
            }
        }
    }
    Ok(())
}

/// A text, whether it stands alone or in an object, as JSON and XML have it by turns.
fn said(value: Option<&Value>) -> Option<String> {
    let text = match value? {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Object(object) => return said(object.get("value").or_else(|| object.get("content"))),
        _ => return None,
    };
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn said_at(value: &Value, path: &[&str]) -> Option<String> {
    said(at(value, path))
}

fn is_public(item: &Value) -> bool {
    said(item.get("visibility")).is_some_and(|visibility| visibility.eq_ignore_ascii_case("public"))
}

fn person(record: &Value, notes: &mut Vec<String>) -> Result<ResearcherRecord, String> {
    let path = said_at(record, &["orcid-identifier", "path"]).or_else(|| said(record.get("path")));
    let path = path.ok_or("it has no ORCID iD")?;
    let orcid: Orcid = path.trim_start_matches('/').parse().map_err(|error| format!("{error}"))?;
    let person = record.get("person").ok_or("the record has no person")?;
    let name = person
        .get("name")
        .filter(|name| is_public(name))
        .ok_or_else(|| format!("the name of {orcid} is not public"))?;
    let (given, family) = (said(name.get("given-names")), said(name.get("family-name")));
    let written = field_parsing::join(&[given.as_deref(), family.as_deref()]);
    let credit = said(name.get("credit-name"));
    let display = credit.clone().or_else(|| written.clone()).ok_or_else(|| format!("{orcid} has no public name"))?;
    let public = |path: &[&str]| list(at(person, path)).iter().filter(|item| is_public(item)).collect::<Vec<_>>();
    let mut other_names: Vec<String> =
        public(&["other-names", "other-name"]).into_iter().filter_map(|name| said(Some(name))).collect();
    other_names.extend(written.filter(|written| credit.is_some() && *written != display));
    let biography = person.get("biography").filter(|biography| is_public(biography)).and_then(|text| said(Some(text)));
    let urls = public(&["researcher-urls", "researcher-url"]);
    let homepage_url = urls.iter().filter_map(|url| said(url.get("url"))).find(|url| url.starts_with("http"));
    let identifiers = public(&["external-identifiers", "external-identifier"]).into_iter().filter_map(external_id);
    Ok(ResearcherRecord {
        given_name: given.filter(|_| credit.is_none()),
        family_name: family.filter(|_| credit.is_none()),
        name: display,
        other_names: other_names.into_iter().map(Into::into).collect(),
        orcid: Some(orcid),
        biography: biography.map(|text| LocalizedText::of(None, text)).unwrap_or_default(),
        homepage_url,
        identifiers: identifiers.collect(),
        affiliations: affiliations(record, notes),
        ..ResearcherRecord::default()
    })
}

/// An id that says who somebody is elsewhere.
fn external_id(id: &Value) -> Option<Identifier> {
    let relationship = said(id.get("external-id-relationship")).unwrap_or_else(|| "self".to_owned());
    if !relationship.eq_ignore_ascii_case("self") {
        return None;
    }
    let kind = said(id.get("external-id-type"))?.to_lowercase();
    let scheme = match kind.as_str() {
        "scopus author id" => "scopus".to_owned(),
        "researcherid" | "researcher id" | "web of science researcherid" => "researcherid".to_owned(),
        "loop profile" => "loop".to_owned(),
        other => names::slug(other, "other"),
    };
    field_parsing::id_of(&scheme, said(id.get("external-id-value")))
}

fn affiliations(record: &Value, notes: &mut Vec<String>) -> Vec<AffiliationRecord> {
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
        let Some(section) = at(record, &["activities-summary", section]) else { continue };
        for group in list(section.get("affiliation-group")) {
            // In JSON the summaries are in a list of their own, in XML they are not.
            let in_list = list(group.get("summaries")).iter().flat_map(|item| list(item.get(summary)));
            for item in in_list.chain(list(group.get(summary))).filter(|item| is_public(item)) {
                affiliations.extend(affiliation(item, kind, notes));
            }
        }
    }
    affiliations
}

fn affiliation(item: &Value, kind: AffiliationKind, notes: &mut Vec<String>) -> Option<AffiliationRecord> {
    let organization = item.get("organization")?;
    let issued = organization.get("disambiguated-organization");
    let issued_by = issued.and_then(|issued| said(issued.get("disambiguation-source"))).unwrap_or_default();
    let ror = issued.and_then(|issued| said(issued.get("disambiguated-organization-identifier")));
    let ror = field_parsing::identifier::<Ror>(ror.filter(|_| issued_by.eq_ignore_ascii_case("ROR")).as_deref(), notes);
    let text = |field: &str| said(item.get(field)).map(|text| LocalizedText::of(None, text)).unwrap_or_default();
    Some(AffiliationRecord {
        id: None,
        organization: OrganizationReference { ror, name: said(organization.get("name")), ..Default::default() },
        kind,
        role_title: text("role-title"),
        department_name: text("department-name"),
        start_date: date(item.get("start-date"), notes),
        end_date: date(item.get("end-date"), notes),
        is_primary: false,
    })
}

fn date(value: Option<&Value>, notes: &mut Vec<String>) -> Option<PartialDate> {
    let part = |name: &str| said(value?.get(name))?.parse::<i64>().ok().filter(|part| *part > 0);
    field_parsing::date(part("year")?, part("month"), part("day"), notes)
}

/// A work; where it does not tell its contributors, its owner is the one author who is known.
fn work(work: &Value, owner: Option<&AuthorRecord>, notes: &mut Vec<String>) -> Result<PaperRecord, String> {
    let title = said_at(work, &["title", "title"]).ok_or("it has no title")?;
    let title = match said_at(work, &["title", "subtitle"]) {
        Some(subtitle) => format!("{title}: {subtitle}"),
        None => title,
    };
    let mut translated_titles = LocalizedText::default();
    if let (Some(text), Some(tag)) = (
        said_at(work, &["title", "translated-title"]),
        said_at(work, &["title", "translated-title", "language-code"])
            .and_then(|tag| tag.replace('_', "-").parse::<LanguageTag>().ok()),
    ) {
        translated_titles.insert(Some(&tag), text);
    }
    let language = said(work.get("language-code")).map(|tag| tag.replace('_', "-"));
    let ids: Vec<(String, String)> = list(at(work, &["external-ids", "external-id"]))
        .iter()
        .filter(|id| {
            said(id.get("external-id-relationship")).is_none_or(|relation| relation.eq_ignore_ascii_case("self"))
        })
        .filter_map(|id| Some((said(id.get("external-id-type"))?.to_lowercase(), said(id.get("external-id-value"))?)))
        .collect();
    let id = |kind: &str| ids.iter().find(|(own, _)| own == kind).map(|(_, value)| value.as_str());
    let schemes = [("pmid", "pmid"), ("pmc", "pmcid"), ("eid", "scopus"), ("wosuid", "wos")];
    let identifiers =
        schemes.iter().filter_map(|(kind, scheme)| field_parsing::id_of(scheme, id(kind).map(ToOwned::to_owned)));
    let contributors = contributors(work, notes);
    let are_incomplete = contributors.is_empty() && owner.is_some();
    Ok(PaperRecord {
        title,
        translated_titles,
        abstract_text: LocalizedText::default(),
        publication_date: date(work.get("publication-date"), notes),
        paper_type: paper_type(&said(work.get("type")).unwrap_or_default()),
        venue_name: said(work.get("journal-title")),
        language,
        doi: field_parsing::identifier::<Doi>(id("doi"), notes),
        arxiv_id: field_parsing::identifier::<ArxivId>(id("arxiv"), notes),
        url: said(work.get("url")),
        identifiers: identifiers.collect(),
        authors: if are_incomplete { owner.cloned().into_iter().collect() } else { contributors },
        authors_are_incomplete: are_incomplete,
        ..PaperRecord::default()
    })
}

fn contributors(work: &Value, notes: &mut Vec<String>) -> Vec<AuthorRecord> {
    let mut authors: Vec<AuthorRecord> = Vec::new();
    for contributor in list(at(work, &["contributors", "contributor"])) {
        let role =
            said_at(contributor, &["contributor-attributes", "contributor-role"]).unwrap_or_default().to_lowercase();
        let is_author = role.is_empty() || role.contains("author") || role.contains("credit.niso.org");
        let Some(name) = said(contributor.get("credit-name")).filter(|_| is_author) else { continue };
        let orcid =
            field_parsing::identifier::<Orcid>(said_at(contributor, &["contributor-orcid", "path"]).as_deref(), notes);
        // Somebody with several roles is listed once for each.
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
    use crate::import::Format;
    use crate::import::tests::{papers, read, researchers};

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
    fn only_what_is_public() {
        let outcome = read(&Format::Orcid, record().to_string().as_bytes());
        assert_eq!(outcome.told(), Vec::<String>::new());
        let person = researchers(&outcome).remove(0);
        assert_eq!(
            (person.name.as_str(), person.other_names.clone()),
            ("Ida Brook", vec!["I. Brook".to_owned().into()])
        );
        assert!(person.biography.is_empty());
        assert_eq!(person.affiliations.len(), 1);
        assert_eq!(person.affiliations[0].organization.ror.as_ref().map(Ror::as_str), Some("05dxps055"));
        assert_eq!(person.identifiers[0].scheme, "scopus");
        let papers = papers(&outcome);
        assert_eq!(papers.len(), 1);
        assert_eq!((papers[0].title.as_str(), papers[0].authors_are_incomplete), ("Weirs", true));
        assert_eq!(papers[0].authors[0].orcid, person.orcid);
    }

    #[test]
    fn the_same_in_xml() {
        let text = r#"<?xml version="1.0" encoding="UTF-8"?><r:record xmlns:r="r" xmlns:c="c" path="/0000-0002-1825-0097">
            <c:orcid-identifier><c:path>0000-0002-1825-0097</c:path></c:orcid-identifier>
            <p:person xmlns:p="p"><p:name visibility="public"><p:given-names>Ida</p:given-names><p:family-name>Brook</p:family-name></p:name></p:person>
            <a:activities-summary xmlns:a="a"><a:educations><a:affiliation-group><e:education-summary xmlns:e="e" visibility="public">
              <c:start-date><c:year>1999</c:year></c:start-date><c:organization><c:name>A School</c:name></c:organization>
            </e:education-summary></a:affiliation-group></a:educations>
            <a:works><a:group><w:work-summary xmlns:w="w" visibility="public" display-index="0"><w:title><c:title>Locks</c:title></w:title></w:work-summary></a:group></a:works>
            </a:activities-summary></r:record>"#;
        let outcome = read(&Format::Orcid, text.as_bytes());
        assert_eq!(outcome.told(), Vec::<String>::new());
        let person = researchers(&outcome).remove(0);
        assert_eq!(person.affiliations[0].kind, AffiliationKind::Education);
        assert_eq!(person.affiliations[0].start_date.map(PartialDate::year), Some(1999));
        assert_eq!(papers(&outcome)[0].title, "Locks");
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
        let outcome = read(&Format::Orcid, &bytes);
        assert_eq!((researchers(&outcome).len(), papers(&outcome).len()), (1, 1));
        assert_eq!(outcome.told().len(), 1, "{:?}", outcome.told());
    }

    #[test]
    fn loose_works_and_parts() {
        let bulk = json!({ "bulk": [
            { "work": { "title": { "title": { "value": "Dams" } }, "contributors": { "contributor": [
                { "credit-name": { "value": "Tom Ford" }, "contributor-attributes": { "contributor-role": "author" } }] } } },
            { "error": { "response-code": 404, "developer-message": "not there" } }] });
        let outcome = read(&Format::Orcid, bulk.to_string().as_bytes());
        assert_eq!(papers(&outcome)[0].authors[0].name, "Tom Ford");
        assert_eq!(outcome.told(), ["1: rejected: ORCID did not give it: not there"]);
        let part = read(&Format::Orcid, br#"{"country": {"value": "CA"}}"#);
        assert_eq!(
            part.told(),
            [
                "1: not read: it seems to be a part of an ORCID record without the person, of which the directory keeps nothing"
            ]
        );
    }
}
