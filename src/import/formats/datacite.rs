//! DOIs of DataCite: answers of its REST API and the lines of its public data file.

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
use crate::text::names;

pub(crate) fn stream(reader: &mut dyn BufRead, sink: &mut Sink<'_>) -> Result<(), Stop> {
    let mut is_first = true;
    json::records(reader, &[&["data"]], sink, |line, value, sink| {
        let is_first = std::mem::take(&mut is_first);
        if let Some(kind) = detect::of_json(&value)
            && kind.format != Some("datacite")
        {
            return if is_first {
                Err(Stop::Unreadable(line, kind.refusal()))
            } else {
                sink.rejected(line, kind.refusal())
            };
        }
        for item in list(value.get("data").or(Some(&value))) {
            let mut notes = Vec::new();
            match paper(item.get("attributes").unwrap_or(item), &mut notes) {
                Ok(paper) => sink.record(line, Record::Paper(paper), notes)?,
                Err(reason) => sink.rejected(line, reason)?,
            }
        }
        Ok(())
    })
}

fn paper(item: &Value, notes: &mut Vec<String>) -> Result<PaperRecord, String> {
    let titles = list(item.get("titles"));
    let of_kind = |wanted: Option<&str>| titles.iter().find(|title| text(title, "titleType").as_deref() == wanted);
    let title = of_kind(None).or_else(|| titles.iter().find(|title| text(title, "title").is_some()));
    let title = title.and_then(|title| text(title, "title")).ok_or("it has no title")?;
    let title = match of_kind(Some("Subtitle")).and_then(|title| text(title, "title")) {
        Some(subtitle) => format!("{title}: {subtitle}"),
        None => title,
    };
    let mut translated_titles = LocalizedText::default();
    for translated in titles.iter().filter(|title| text(title, "titleType").as_deref() == Some("TranslatedTitle")) {
        let tag = text(translated, "lang").and_then(|tag| tag.parse::<LanguageTag>().ok());
        if let (Some(tag), Some(title)) = (tag, text(translated, "title")) {
            translated_titles.insert(Some(&tag), plain(&title));
        }
    }
    let language = text(item, "language").and_then(|name| field_parsing::language(&name));
    let mut abstract_text = LocalizedText::default();
    let mut completeness = field_parsing::completeness("");
    for description in list(item.get("descriptions")) {
        if text(description, "descriptionType").as_deref() != Some("Abstract") {
            continue;
        }
        let Some(written) = text(description, "description").map(|written| plain_abstract(&written)) else { continue };
        let own = text(description, "lang").or_else(|| language.clone());
        completeness = field_parsing::completeness(&written);
        abstract_text.insert(own.and_then(|tag| tag.parse().ok()).as_ref(), written);
    }
    let container = at(item, &["container"]).and_then(|container| text(container, "title"));
    let publisher =
        text(item, "publisher").or_else(|| item.get("publisher").and_then(|publisher| text(publisher, "name")));
    let kind = at(item, &["types"]).and_then(|types| text(types, "resourceTypeGeneral")).unwrap_or_default();
    let doi = text(item, "doi");
    Ok(PaperRecord {
        title: plain(&title),
        translated_titles,
        abstract_text,
        abstract_completeness: completeness,
        publication_date: date(item, notes),
        paper_type: paper_type(&kind),
        venue_name: container.or(publisher),
        language,
        doi: field_parsing::identifier::<Doi>(doi.as_deref(), notes),
        url: text(item, "url"),
        authors: (1..)
            .zip(list(item.get("creators")))
            .map(|(position, creator)| author(position, creator, notes))
            .collect(),
        ..PaperRecord::default()
    })
}

/// The day of issue where it is in the year of publication, else the year.
fn date(item: &Value, notes: &mut Vec<String>) -> Option<PartialDate> {
    let year = text(item, "publicationYear").and_then(|year| field_parsing::written_date(&year, notes));
    let issued = list(item.get("dates")).iter().filter(|date| text(date, "dateType").as_deref() == Some("Issued"));
    let issued = issued.filter_map(|date| field_parsing::written_date(&text(date, "date")?, notes)).next();
    match (year, issued) {
        (Some(year), Some(issued)) if year.year() != issued.year() => Some(year),
        (year, issued) => issued.or(year),
    }
}

fn paper_type(kind: &str) -> PaperType {
    match kind {
        "JournalArticle" | "DataPaper" => PaperType::Article,
        "ConferencePaper" => PaperType::ConferencePaper,
        "Preprint" => PaperType::Preprint,
        "Book" | "ConferenceProceeding" => PaperType::Book,
        "BookChapter" => PaperType::BookChapter,
        "Dissertation" => PaperType::Thesis,
        "Report" => PaperType::Report,
        "Dataset" => PaperType::Dataset,
        _ => PaperType::Other,
    }
}

fn author(position: u32, creator: &Value, notes: &mut Vec<String>) -> AuthorRecord {
    let written = text(creator, "name").unwrap_or_default();
    let is_organization = text(creator, "nameType").as_deref() == Some("Organizational");
    let (mut given, mut family) = (text(creator, "givenName"), text(creator, "familyName"));
    if family.is_none() && !is_organization && written.contains(',') {
        let parts = names::split(&written);
        (given, family) = (parts.given, parts.family);
    }
    let in_order =
        field_parsing::join(&[given.as_deref(), family.as_deref()]).filter(|_| family.is_some() && !is_organization);
    let ids = list(creator.get("nameIdentifiers"));
    let orcid = ids
        .iter()
        .find(|id| text(id, "nameIdentifierScheme").is_some_and(|scheme| scheme.eq_ignore_ascii_case("ORCID")));
    let mut own = Vec::new();
    let orcid =
        field_parsing::identifier::<Orcid>(orcid.and_then(|id| text(id, "nameIdentifier")).as_deref(), &mut own);
    notes.extend(own.into_iter().map(|note| format!("author {position}: {note}")));
    let affiliations = list(creator.get("affiliation"));
    let name_of =
        |affiliation: &Value| affiliation.as_str().map(ToOwned::to_owned).or_else(|| text(affiliation, "name"));
    let with_ror = |affiliation: &Value| {
        let ror = text(affiliation, "affiliationIdentifier")?.parse::<Ror>().ok()?;
        Some(OrganizationReference { ror: Some(ror), name: name_of(affiliation), ..Default::default() })
    };
    AuthorRecord {
        position: Some(position),
        name: in_order.unwrap_or(written),
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
    use crate::import::Format;
    use crate::import::tests::{papers, read};

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
            let outcome = read(&Format::DataCite, text.as_bytes());
            assert_eq!(outcome.told(), Vec::<String>::new());
            let paper = papers(&outcome).remove(0);
            assert_eq!(paper.title, "Rivers, measured");
            assert_eq!(paper.translated_titles.iter().next(), Some(("fr", "Les rivières")));
            assert_eq!(paper.abstract_text.iter().next(), Some(("en", "Levels.")));
            assert_eq!(paper.publication_date.map(|date| date.to_string()).as_deref(), Some("2020-05-04"));
            assert_eq!((paper.paper_type, paper.venue_name.as_deref()), (PaperType::Dataset, Some("A Repository")));
            let names: Vec<&str> = paper.authors.iter().map(|author| author.name.as_str()).collect();
            assert_eq!(names, ["Ida Brook", "Water Institute, The"]);
        }
    }

    #[test]
    fn others_are_refused() {
        let clients = json!({ "data": [{ "id": "x", "type": "clients", "attributes": {} }] });
        let told = read(&Format::DataCite, format!("{clients:#}").as_bytes()).told();
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains("not read: it seems to be an answer of DataCite about clients"), "{told:?}");
    }
}
