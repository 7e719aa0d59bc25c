//! Normalizes records of all formats: cleans text, checks URLs and language tags, drops empty values.

use url::Url;

use crate::import::normalize::bibliographic_details::normalize_details;
use crate::import::normalize::plain_text::strip_record_markup;
use crate::import::normalize::text_lengths::check_lengths;
use crate::import::normalize::{author_list, placeholder, preprint};
use crate::model::concept_uri::bare_uri;
use crate::model::identifier::{Orcid, Ror};
use crate::model::language::{LanguageTag, LocalizedText};
use crate::model::record::{
    AbstractCompleteness, AffiliationRecord, ExternalIdentifier, NameRecord, OrganizationRecord, OtherName,
    PaperRecord, Record, ResearcherRecord, TopicRecord, TopicReference,
};
use crate::text::names;

/// Maximum length of a field.
const MAX_FIELD_CHARS: usize = 1_000_000;
/// The maximum length of a text that a warning quotes.
const MAX_QUOTED_CHARS: usize = 80;
/// The language tags that stand for no language, several or an unknown one (ISO 639-2): a text with one has no language.
const TAGS_OF_NO_LANGUAGE: [&str; 4] = ["mis", "mul", "und", "zxx"];

/// Normalizes a record and adds a warning for each value that is repaired or ignored; fails if the record is invalid.
pub(crate) fn normalize(mut record: Record, warnings: &mut Vec<String>) -> Result<Record, String> {
    if !record.is_exported() {
        strip_record_markup(&mut record);
        placeholder::remove_placeholders(&mut record);
    }
    let normalized = match record {
        Record::Organization(record) => Record::Organization(normalize_organization(record, warnings)?),
        Record::Topic(record) => Record::Topic(normalize_topic(record, warnings)?),
        Record::Researcher(record) => Record::Researcher(normalize_researcher(record, warnings)?),
        Record::Paper(record) => Record::Paper(normalize_paper(record, warnings)?),
    };
    check_lengths(&normalized)?;
    Ok(normalized)
}

fn normalize_organization(
    mut record: OrganizationRecord,
    warnings: &mut Vec<String>,
) -> Result<OrganizationRecord, String> {
    record.names = normalize_names(record.names, warnings);
    if record.names.is_empty() {
        return Err("it has no name".to_owned());
    }
    record.country_code = record.country_code.map(|code| code.trim().to_uppercase()).filter(|code| {
        let is_valid = code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase());
        if !is_valid {
            warnings.push(format!("'{code}' is not a country code and was ignored"));
        }
        is_valid
    });
    record.city = clean_optional_line(record.city, "city", warnings);
    record.identifiers = normalize_identifiers(record.identifiers, warnings);
    record.homepage_url = normalize_url(record.homepage_url, "homepage", warnings);
    Ok(record)
}

fn normalize_topic(mut record: TopicRecord, warnings: &mut Vec<String>) -> Result<TopicRecord, String> {
    record.names = normalize_names(record.names, warnings);
    // A topic that a source only references by its code has no label until its own record is imported.
    if record.names.is_empty() && (record.exported.is_none() || record.code.is_none()) {
        return Err("it has no label".to_owned());
    }
    record.scheme = names::clean(&record.scheme);
    if record.scheme.is_empty() {
        return Err("its vocabulary has no name; specify one with --scheme".to_owned());
    }
    record.code = clean_optional_line(record.code, "code", warnings);
    record.broader = normalize_topic_references(record.broader, warnings);
    let is_own = |broader: &TopicReference| match (&broader.uri, &record.uri) {
        (Some(broader), Some(own)) => bare_uri(broader) == bare_uri(own),
        _ => broader.code.is_some() && broader.code == record.code,
    };
    let count = record.broader.len();
    record.broader.retain(|broader| !(is_own(broader) && broader.scheme == record.scheme));
    if record.broader.len() < count {
        warnings.push("the topic is listed as broader than itself, which was ignored".to_owned());
    }
    Ok(record)
}

fn normalize_researcher(mut record: ResearcherRecord, warnings: &mut Vec<String>) -> Result<ResearcherRecord, String> {
    record.name = clean_line(&record.name, "name", warnings);
    if record.name.is_empty() {
        return Err("the person has no name".to_owned());
    }
    record.given_name = clean_optional_line(record.given_name, "given name", warnings);
    record.family_name = clean_optional_line(record.family_name, "family name", warnings);
    record.other_names = normalize_other_names(&record, warnings);
    record.headline = normalize_localized(&record.headline, names::clean, warnings);
    record.biography = normalize_localized(&record.biography, names::clean_paragraphs, warnings);
    record.portrait_url = normalize_url(record.portrait_url, "portrait", warnings);
    record.homepage_url = normalize_url(record.homepage_url, "homepage", warnings);
    record.topics = normalize_topic_references(record.topics, warnings);
    record.identifiers = normalize_identifiers(record.identifiers, warnings);
    take_orcid(&mut record.identifiers, &mut record.orcid);
    record.affiliations =
        record.affiliations.into_iter().map(|affiliation| normalize_affiliation(affiliation, warnings)).collect();
    Ok(record)
}

fn normalize_other_names(record: &ResearcherRecord, warnings: &mut Vec<String>) -> Vec<OtherName> {
    let mut names = Vec::new();
    for OtherName { value, name_use } in record.other_names.clone() {
        let name = OtherName { value: clean_line(&value, "other name", warnings), name_use };
        if name.is_hidden() && names::name_key(&name.value) == names::name_key(&record.name) {
            warnings.push("the display name is also listed as hidden; it is displayed".to_owned());
        } else if !name.value.is_empty() {
            names.push(name);
        }
    }
    names
}

fn normalize_affiliation(mut record: AffiliationRecord, warnings: &mut Vec<String>) -> AffiliationRecord {
    record.organization.name = clean_optional_line(record.organization.name, "organization", warnings);
    record.role_title = normalize_localized(&record.role_title, names::clean, warnings);
    record.department_name = normalize_localized(&record.department_name, names::clean, warnings);
    record.has_ended &= record.end_date.is_none();
    if let (Some(start), Some(end)) = (record.start_date, record.end_date)
        && end.is_before(start)
    {
        let organization = record.organization.name.as_deref().or(record.organization.ror.as_ref().map(Ror::as_str));
        warnings.push(format!(
            "the affiliation with '{}' ends ({end}) before it starts ({start}); both dates were kept",
            organization.unwrap_or_default().chars().take(MAX_QUOTED_CHARS).collect::<String>()
        ));
    }
    record
}

fn normalize_paper(mut record: PaperRecord, warnings: &mut Vec<String>) -> Result<PaperRecord, String> {
    record.source_id = clean_optional_line(record.source_id, "id", warnings);
    record.title = clean_line(&record.title, "title", warnings);
    if record.title.is_empty() {
        return Err("it has no title".to_owned());
    }
    record.translated_titles = normalize_localized(&record.translated_titles, names::clean, warnings);
    record.abstract_text = normalize_localized(&record.abstract_text, names::clean_paragraphs, warnings);
    record.abstract_completeness = match (record.abstract_text.is_empty(), record.abstract_completeness) {
        (true, AbstractCompleteness::Full | AbstractCompleteness::Truncated) => AbstractCompleteness::Absent,
        (false, AbstractCompleteness::Absent | AbstractCompleteness::Withheld) => AbstractCompleteness::Full,
        (_, completeness) => completeness,
    };
    record.venue_name = clean_optional_line(record.venue_name, "venue", warnings);
    normalize_details(&mut record, warnings);
    record.language = record.language.and_then(|tag| normalize_language(&tag, warnings));
    record.url = normalize_url(record.url, "URL", warnings);
    record.identifiers = normalize_identifiers(record.identifiers, warnings);
    record.topics = normalize_topic_references(record.topics, warnings);
    if record.exported.is_none() {
        preprint::recognize_preprint(&mut record);
        record.authors = author_list::split_authors(std::mem::take(&mut record.authors), warnings);
        placeholder::remove_authors(&mut record.authors);
    }
    let mut number = 0;
    record.authors.retain_mut(|author| {
        number += 1;
        if names::clean(&author.name).is_empty() {
            warnings.push(format!("author {number} has no name and was ignored"));
            return false;
        }
        if author.name.contains('\0') {
            warnings.push(format!("a null character in the name of author {number} was removed"));
            author.name = author.name.replace('\0', "");
        }
        author.identifiers = normalize_identifiers(std::mem::take(&mut author.identifiers), warnings);
        take_orcid(&mut author.identifiers, &mut author.orcid);
        author.given_name = author.given_name.take().map(|name| names::clean(&name)).filter(|name| !name.is_empty());
        author.family_name = author.family_name.take().map(|name| names::clean(&name)).filter(|name| !name.is_empty());
        for affiliation in &mut author.affiliations_as_published {
            *affiliation = names::clean(affiliation);
        }
        author.affiliations_as_published.retain(|affiliation| !affiliation.is_empty());
        true
    });
    Ok(record)
}

/// Cleans a single-line text; control characters are reported, since they indicate corrupted data.
fn clean_line(text: &str, what: &str, warnings: &mut Vec<String>) -> String {
    if text.chars().any(|c| c.is_control() && !c.is_whitespace()) {
        let character = if text.contains('\0') { "a null character" } else { "a control character" };
        warnings.push(format!("{character} in the {what} was removed"));
    }
    let mut clean = names::clean(text);
    if clean.chars().count() > MAX_FIELD_CHARS {
        warnings.push(format!("the {what} was truncated to {MAX_FIELD_CHARS} characters"));
        clean = clean.chars().take(MAX_FIELD_CHARS).collect();
    }
    clean
}

pub(crate) fn clean_optional_line(text: Option<String>, what: &str, warnings: &mut Vec<String>) -> Option<String> {
    text.map(|text| clean_line(&text, what, warnings)).filter(|text| !text.is_empty())
}

fn normalize_localized(
    texts: &LocalizedText,
    clean: impl Fn(&str) -> String,
    warnings: &mut Vec<String>,
) -> LocalizedText {
    let mut normalized = LocalizedText::default();
    for (tag, text) in texts.iter() {
        let text = clean(text);
        let tag = normalize_language(tag, warnings).and_then(|tag| tag.parse().ok());
        if !text.is_empty() {
            normalized.insert(tag.as_ref(), text);
        }
    }
    normalized
}

/// Returns a language tag in its canonical form, unless it stands for no language.
fn normalize_language(tag: &str, warnings: &mut Vec<String>) -> Option<String> {
    let primary = tag.trim().split('-').next().unwrap_or_default();
    if TAGS_OF_NO_LANGUAGE.iter().any(|none| none.eq_ignore_ascii_case(primary)) {
        return None;
    }
    match tag.parse::<LanguageTag>() {
        Ok(tag) => Some(tag.to_string()),
        Err(error) => {
            warnings.push(format!("{error}; it was ignored"));
            None
        }
    }
}

fn normalize_url(text: Option<String>, what: &str, warnings: &mut Vec<String>) -> Option<String> {
    let text = text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())?;
    match Url::parse(&text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Some(url.to_string()),
        _ => {
            let prefix: String = text.chars().take(80).collect();
            warnings.push(format!("the {what} '{prefix}' is not an HTTP URL and was ignored"));
            None
        }
    }
}

/// Normalizes external identifiers and ignores those without scheme or value.
fn normalize_identifiers(identifiers: Vec<ExternalIdentifier>, warnings: &mut Vec<String>) -> Vec<ExternalIdentifier> {
    let normalized = identifiers.into_iter().filter_map(|ExternalIdentifier { scheme, value }| {
        let normalized =
            ExternalIdentifier { scheme: names::clean(&scheme).to_lowercase(), value: names::clean(&value) };
        if normalized.scheme.is_empty() || normalized.value.is_empty() {
            let prefix: String = format!("{scheme}:{value}").chars().take(80).collect();
            warnings.push(format!("the id '{prefix}' has no scheme or no value and was ignored"));
            return None;
        }
        Some(normalized)
    });
    normalized.collect()
}

/// Moves an ORCID iD among other identifiers to its own field. Sources give it under the name of another scheme, or the
/// address of ORCID as the scheme.
fn take_orcid(identifiers: &mut Vec<ExternalIdentifier>, orcid: &mut Option<Orcid>) {
    identifiers.retain(|identifier| {
        let is_of_orcid = identifier.scheme.contains("orcid") || identifier.value.to_lowercase().contains("orcid.org/");
        let Some(found) = identifier.value.parse::<Orcid>().ok().filter(|_| is_of_orcid) else { return true };
        *orcid.get_or_insert_with(|| found.clone()) != found
    });
}

fn normalize_names(names: Vec<NameRecord>, warnings: &mut Vec<String>) -> Vec<NameRecord> {
    let normalized = names.into_iter().map(|name| NameRecord {
        value: clean_line(&name.value, "name", warnings),
        language: name.language.and_then(|tag| normalize_language(&tag, warnings)),
        kind: name.kind,
    });
    normalized.collect::<Vec<_>>().into_iter().filter(|name| !name.value.is_empty()).collect()
}

fn normalize_topic_references(topics: Vec<TopicReference>, warnings: &mut Vec<String>) -> Vec<TopicReference> {
    let normalized = topics.into_iter().map(|topic| TopicReference {
        labels: normalize_localized(&topic.labels, names::clean, warnings),
        scheme: names::clean(&topic.scheme),
        code: topic.code.map(|code| names::clean(&code)).filter(|code| !code.is_empty()),
        ..topic
    });
    let is_identified = |topic: &TopicReference| topic.code.is_some() || topic.id.is_some() || !topic.labels.is_empty();
    normalized.collect::<Vec<_>>().into_iter().filter(is_identified).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn affiliations_that_end_before_they_start() {
        let read = |start: &str, end: &str| {
            let json = serde_json::json!({ "organization": { "name": "Riverton Water Board" }, "affiliationKind": "EMPLOYMENT",
                "startDate": start, "endDate": end });
            let mut warnings = Vec::new();
            let record: AffiliationRecord = serde_json::from_value(json).expect("an affiliation");
            normalize_affiliation(record, &mut warnings);
            warnings
        };
        assert_eq!(
            read("2015-02-03", "2012"),
            [
                "the affiliation with 'Riverton Water Board' ends (2012) before it starts (2015-02-03); both dates were kept"
            ]
        );
        assert_eq!(read("2015-02-03", "2015-02-02").len(), 1);
        for end in ["2015", "2015-02", "2015-02-03", "2016-01"] {
            assert_eq!(read("2015-02-03", end), Vec::<String>::new(), "{end}");
        }
    }

    #[test]
    fn tags_of_no_language() {
        let mut texts = LocalizedText::default();
        texts.insert("zxx".parse().ok().as_ref(), "Zostera marina");
        texts.insert("fi".parse().ok().as_ref(), "meriajokas");
        let mut warnings = Vec::new();
        let normalized = normalize_localized(&texts, names::clean, &mut warnings);
        assert_eq!(normalized.iter().collect::<Vec<_>>(), [("fi", "meriajokas"), ("und", "Zostera marina")]);
        assert_eq!(normalize_language("MUL", &mut warnings), None);
        assert_eq!(warnings, Vec::<String>::new());
    }

    #[test]
    fn orcid_among_other_identifiers() {
        let identifier =
            |scheme: &str, value: &str| ExternalIdentifier { scheme: scheme.to_owned(), value: value.to_owned() };
        for (scheme, value) in [
            ("orcid", "0000-0002-1825-0097"),
            ("https://orcid.org/", "0000-0002-1825-0097"),
            ("isni", "https://orcid.org/0000-0002-1825-0097"),
        ] {
            let (mut identifiers, mut orcid) = (vec![identifier(scheme, value), identifier("scopus", "7")], None);
            take_orcid(&mut identifiers, &mut orcid);
            assert_eq!(orcid.as_ref().map(Orcid::as_str), Some("0000-0002-1825-0097"));
            assert_eq!(identifiers, [identifier("scopus", "7")]);
        }
        let mut isni = vec![identifier("isni", "0000 0001 2103 2683")];
        take_orcid(&mut isni, &mut None);
        assert_eq!(isni.len(), 1);
    }
}
