//! Works of Crossref: answers of its REST API, and the lines and files of its public data file.

use std::io::BufRead;

use serde_json::Value;

use crate::import::io::json;
use crate::import::normalize::detect;
use crate::import::normalize::field_parsing::{self, at, list, text};
use crate::import::normalize::strip_markup::{plain, plain_abstract};
use crate::import::{Sink, Stop};
use crate::model::identifier::{Doi, Orcid, Ror};
use crate::model::language::{LanguageTag, LocalizedText};
use crate::model::partial_date::PartialDate;
use crate::model::record::{AuthorRecord, OrganizationReference, PaperRecord, PaperType, Record};

pub(crate) fn stream(reader: &mut dyn BufRead, sink: &mut Sink<'_>) -> Result<(), Stop> {
    let mut is_first = true;
    json::records(reader, &[&["message", "items"], &["items"]], sink, |line, value, sink| {
        let is_first = std::mem::take(&mut is_first);
        if let Some(kind) = detect::of_json(&value)
            && !matches!(kind.format, Some("crossref" | "csl"))
        {
            return if is_first {
                Err(Stop::Unreadable(line, kind.refusal()))
            } else {
                sink.rejected(line, kind.refusal())
            };
        }
        // An answer about one work, or about none.
        let work = value.get("message").unwrap_or(&value);
        if work.get("items").is_some_and(Value::is_array) {
            return list(work.get("items")).iter().try_for_each(|work| give(line, work, sink));
        }
        give(line, work, sink)
    })
}

fn give(line: usize, value: &Value, sink: &mut Sink<'_>) -> Result<(), Stop> {
    let mut notes = Vec::new();
    match work(value, &mut notes) {
        Ok(record) => sink.record(line, Record::Paper(record), notes),
        Err(reason) => sink.rejected(line, reason),
    }
}

fn work(work: &Value, notes: &mut Vec<String>) -> Result<PaperRecord, String> {
    if !work.is_object() {
        return Err("a work of Crossref is an object".to_owned());
    }
    let title = title(work).ok_or_else(|| match text(work, "type") {
        Some(kind) => format!("it has no title (its type is {kind})"),
        None => "it has no title".to_owned(),
    })?;
    let language = text(work, "language");
    let tag = language.as_deref().and_then(|tag| tag.parse::<LanguageTag>().ok());
    let abstract_text = text(work, "abstract").map(|text| plain_abstract(&text)).unwrap_or_default();
    Ok(PaperRecord {
        title,
        abstract_completeness: field_parsing::completeness(&abstract_text),
        abstract_text: LocalizedText::of(tag.as_ref(), abstract_text),
        publication_date: date(work, notes),
        paper_type: paper_type(&text(work, "type").unwrap_or_default(), &text(work, "subtype").unwrap_or_default()),
        venue_name: venue(work),
        language,
        doi: field_parsing::identifier::<Doi>(text(work, "DOI").as_deref(), notes),
        url: at(work, &["resource", "primary"]).and_then(|primary| text(primary, "URL")).or_else(|| text(work, "URL")),
        is_retracted: list(work.get("updated-by"))
            .iter()
            .any(|update| text(update, "type").as_deref() == Some("retraction")),
        authors: (1..)
            .zip(list(work.get("author")))
            .map(|(place, author)| crate::import::formats::crossref::author(place, author, notes))
            .collect(),
        ..PaperRecord::default()
    })
}

/// The title with its subtitle, where that is not in it already.
fn title(work: &Value) -> Option<String> {
    let title = text(work, "title").map(|title| plain(&title))?;
    match text(work, "subtitle").map(|subtitle| plain(&subtitle)) {
        Some(subtitle) if !title.to_lowercase().contains(&subtitle.to_lowercase()) => {
            Some(format!("{title}: {subtitle}"))
        }
        _ => Some(title),
    }
}

fn date(work: &Value, notes: &mut Vec<String>) -> Option<PartialDate> {
    // `created` and `deposited` tell of Crossref's own records, not of the work.
    ["issued", "published", "published-online", "published-print", "published-other", "posted"].iter().find_map(
        |field| {
            let parts = at(work, &[field, "date-parts"])?.get(0)?.as_array()?;
            field_parsing::date_of_parts(parts, notes)
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

fn venue(work: &Value) -> Option<String> {
    let institution = || list(work.get("institution")).iter().find_map(|institution| text(institution, "name"));
    let event = || work.get("event").and_then(|event| text(event, "name"));
    let venue = text(work, "container-title").or_else(event).or_else(|| text(work, "group-title")).or_else(institution);
    venue.map(|venue| plain(&venue))
}

fn author(position: u32, author: &Value, notes: &mut Vec<String>) -> AuthorRecord {
    let part = |field: &str| text(author, field);
    let (given, family) = (part("given"), part("family"));
    let written = field_parsing::join(&[given.as_deref(), family.as_deref(), part("suffix").as_deref()]);
    let affiliations = list(author.get("affiliation"));
    let name_of = |affiliation: &Value| text(affiliation, "name").map(|name| plain(&name));
    let with_ror = |affiliation: &Value| {
        let ror = list(affiliation.get("id")).iter().find_map(|id| text(id, "id")?.parse::<Ror>().ok())?;
        Some(OrganizationReference { ror: Some(ror), name: name_of(affiliation), ..Default::default() })
    };
    let mut orcid_notes = Vec::new();
    let orcid = field_parsing::identifier::<Orcid>(part("ORCID").as_deref(), &mut orcid_notes);
    notes.extend(orcid_notes.into_iter().map(|note| format!("author {position}: {note}")));
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
    use crate::import::tests::{papers, read};

    const FORMAT: crate::import::Format = crate::import::Format::Crossref;

    fn a_work(doi: &str, title: &str) -> Value {
        json!({ "DOI": doi, "title": [title], "prefix": "10.1000", "member": "1", "type": "journal-article" })
    }

    #[test]
    fn lists_however_they_are_written() {
        let answer = json!({ "status": "ok", "message-type": "work-list", "message": {
            "facets": {}, "items": [a_work("10.1000/a", "Weirs"), a_work("10.1000/b", "Locks")] } });
        let file = json!({ "items": [a_work("10.1000/a", "Weirs"), a_work("10.1000/b", "Locks")] });
        let lines = format!("{}\n{}\n", a_work("10.1000/a", "Weirs"), a_work("10.1000/b", "Locks"));
        for text in [answer.to_string(), format!("{answer:#}"), file.to_string(), format!("{file:#}\n"), lines] {
            let outcome = read(&FORMAT, text.as_bytes());
            assert_eq!(outcome.told(), Vec::<String>::new());
            let titles: Vec<String> = papers(&outcome).iter().map(|paper| paper.title.clone()).collect();
            assert_eq!(titles, ["Weirs", "Locks"], "{text}");
        }
    }

    #[test]
    fn a_damaged_work_costs_only_itself() {
        let text = format!(
            "{{\"message\": {{\"items\": [{},\n{{\"DOI\": oops}},\n{}]}}}}",
            a_work("10.1000/a", "Weirs"),
            a_work("10.1000/b", "Locks")
        );
        let outcome = read(&FORMAT, text.as_bytes());
        assert_eq!(papers(&outcome).len(), 2);
        assert_eq!(outcome.told().len(), 1);
        assert!(outcome.told()[0].starts_with("2: rejected: it is not JSON"), "{:?}", outcome.told());
    }

    #[test]
    fn other_answers_are_refused() {
        let members = json!({ "status": "ok", "message-type": "member-list", "message": {
            "items": [{ "primary-name": "A press", "prefixes": ["10.1000"] }, { "primary-name": "B", "prefixes": [] }] } });
        let expected =
            ["1: not read: it seems to be an answer of Crossref about members, of which the directory keeps nothing"];
        assert_eq!(read(&FORMAT, members.to_string().as_bytes()).told(), expected);
        let none = json!({ "message-type": "member-list", "message": { "items": [] } });
        assert_eq!(read(&FORMAT, none.to_string().as_bytes()).told(), expected);
        let no_works = json!({ "message-type": "work-list", "message": { "items": [] } });
        assert_eq!(read(&FORMAT, no_works.to_string().as_bytes()).told(), Vec::<String>::new());
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
        let outcome = read(&FORMAT, value.to_string().as_bytes());
        let paper = papers(&outcome).remove(0);
        assert_eq!(paper.title, "On weirs: a survey");
        assert_eq!(paper.abstract_text, LocalizedText::of("fr".parse().ok().as_ref(), "Weirs & locks.".to_owned()));
        assert_eq!(paper.publication_date.map(|date| date.to_string()).as_deref(), Some("2020-03"));
        assert_eq!((paper.paper_type, paper.venue_name.as_deref()), (PaperType::Preprint, Some("Hydrology")));
        assert!(paper.is_retracted);
        let names: Vec<&str> = paper.authors.iter().map(|author| author.name.as_str()).collect();
        assert_eq!(names, ["Ida Brook Jr.", "The Weir Group"]);
        assert_eq!(paper.authors[0].organizations[0].ror.as_ref().map(Ror::as_str), Some("05dxps055"));
    }
}
