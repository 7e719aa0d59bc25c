//! Lengths of the texts of a record by which its entity is found.

use crate::model::language::LocalizedText;
use crate::model::record::{
    ExportMetadata, ExternalIdentifier, NameRecord, OrganizationReference, PaperRecord, Record, ResearcherRecord,
    TopicReference,
};
use crate::model::text_limit::{MAX_ID_CHARS, MAX_NAME_CHARS, MAX_SCHEME_CHARS, check_length};

/// Fails if a name or an identifier of a normalized record is too long.
pub(crate) fn check_lengths(record: &Record) -> Result<(), String> {
    match record {
        Record::Organization(record) => {
            check_exported(record.exported.as_ref())?;
            check_identifiers(&record.identifiers)?;
            check_names(&record.names)
        }
        Record::Topic(record) => {
            check_exported(record.exported.as_ref())?;
            check_length("the vocabulary", &record.scheme, MAX_SCHEME_CHARS)?;
            check_id("the code", record.code.as_deref())?;
            check_names(&record.names)?;
            check_topics(&record.broader)
        }
        Record::Researcher(record) => check_researcher(record),
        Record::Paper(record) => check_paper(record),
    }
}

fn check_researcher(record: &ResearcherRecord) -> Result<(), String> {
    check_exported(record.exported.as_ref())?;
    check_identifiers(&record.identifiers)?;
    check_name("the name", &record.name)?;
    check_optional_name("the given name", record.given_name.as_deref())?;
    check_optional_name("the family name", record.family_name.as_deref())?;
    record.other_names.iter().try_for_each(|name| check_name("the other name", &name.value))?;
    record.affiliations.iter().try_for_each(|affiliation| check_organization(&affiliation.organization))?;
    check_topics(&record.topics)
}

fn check_paper(record: &PaperRecord) -> Result<(), String> {
    check_exported(record.exported.as_ref())?;
    check_id("the id", record.source_id.as_deref())?;
    check_identifiers(&record.identifiers)?;
    for (number, author) in (1..).zip(&record.authors) {
        let of_author = |what: &str| format!("the {what} of author {number}");
        check_name(&of_author("name"), &author.name)?;
        check_optional_name(&of_author("given name"), author.given_name.as_deref())?;
        check_optional_name(&of_author("family name"), author.family_name.as_deref())?;
        check_identifiers(&author.identifiers)?;
        author.organizations.iter().try_for_each(check_organization)?;
    }
    check_topics(&record.topics)
}

fn check_name(what: &str, name: &str) -> Result<(), String> {
    check_length(what, name, MAX_NAME_CHARS)
}

fn check_optional_name(what: &str, name: Option<&str>) -> Result<(), String> {
    name.map_or(Ok(()), |name| check_name(what, name))
}

fn check_names(names: &[NameRecord]) -> Result<(), String> {
    names.iter().try_for_each(|name| check_name("the name", &name.value))
}

fn check_id(what: &str, id: Option<&str>) -> Result<(), String> {
    id.map_or(Ok(()), |id| check_length(what, id, MAX_ID_CHARS))
}

fn check_identifiers(identifiers: &[ExternalIdentifier]) -> Result<(), String> {
    identifiers.iter().try_for_each(|ExternalIdentifier { scheme, value }| {
        check_length("the scheme", scheme, MAX_SCHEME_CHARS)?;
        check_length(&format!("the {scheme} id"), value, MAX_ID_CHARS)
    })
}

fn check_organization(organization: &OrganizationReference) -> Result<(), String> {
    check_optional_name("the organization", organization.name.as_deref())
}

fn check_topics(topics: &[TopicReference]) -> Result<(), String> {
    topics.iter().try_for_each(|topic| {
        check_length("the vocabulary", &topic.scheme, MAX_SCHEME_CHARS)?;
        check_id("the code of the topic", topic.code.as_deref())?;
        check_labels(&topic.labels)
    })
}

fn check_labels(labels: &LocalizedText) -> Result<(), String> {
    labels.iter().try_for_each(|(_, label)| check_name("the topic", label))
}

/// Checks what the exporting directory says of other records and entities.
fn check_exported(exported: Option<&ExportMetadata>) -> Result<(), String> {
    let Some(exported) = exported else { return Ok(()) };
    exported.merged.iter().try_for_each(|merged| {
        check_id("the slug", Some(&merged.slug))?;
        check_optional_name("the name key", merged.name_key.as_deref())
    })?;
    exported.decided_names.iter().try_for_each(|name| check_name("the decided name", name))?;
    exported.sources.iter().try_for_each(|record| {
        check_length("the source", &record.source, MAX_SCHEME_CHARS)?;
        // The key may contain a name.
        check_name("the key", &record.key)
    })
}
