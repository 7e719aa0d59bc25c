//! Removes markup from the texts of records of all formats.

use crate::model::language::LocalizedText;
use crate::model::record::{
    AffiliationRecord, NameRecord, OrganizationRecord, PaperRecord, Record, ResearcherRecord, TopicReference,
};
use crate::text::markup::strip_markup;

/// Removes markup from all texts of a record. The names of authors stay as published; storing them repairs
/// markup in them and reports it as a repair.
pub(crate) fn strip_record_markup(record: &mut Record) {
    match record {
        Record::Organization(record) => strip_organization(record),
        Record::Topic(record) => strip_names(&mut record.names),
        Record::Researcher(record) => strip_researcher(record),
        Record::Paper(record) => strip_paper(record),
    }
}

fn strip_organization(record: &mut OrganizationRecord) {
    strip_names(&mut record.names);
    strip_optional(&mut record.city);
}

fn strip_researcher(record: &mut ResearcherRecord) {
    strip(&mut record.name);
    strip_optional(&mut record.given_name);
    strip_optional(&mut record.family_name);
    record.other_names.iter_mut().for_each(|name| strip(&mut name.value));
    strip_localized(&mut record.headline);
    strip_localized(&mut record.biography);
    record.affiliations.iter_mut().for_each(strip_affiliation);
    strip_topics(&mut record.topics);
}

fn strip_affiliation(record: &mut AffiliationRecord) {
    strip_optional(&mut record.organization.name);
    strip_localized(&mut record.role_title);
    strip_localized(&mut record.department_name);
}

fn strip_paper(record: &mut PaperRecord) {
    strip(&mut record.title);
    strip_localized(&mut record.translated_titles);
    strip_localized(&mut record.abstract_text);
    strip_optional(&mut record.venue_name);
    for detail in [
        &mut record.volume,
        &mut record.issue,
        &mut record.pages,
        &mut record.article_number,
        &mut record.edition,
        &mut record.publisher_name,
    ] {
        strip_optional(detail);
    }
    record.keywords.iter_mut().for_each(strip);
    for author in &mut record.authors {
        author.affiliations_as_published.iter_mut().for_each(strip);
        author.organizations.iter_mut().for_each(|organization| strip_optional(&mut organization.name));
    }
    strip_topics(&mut record.topics);
}

fn strip_names(names: &mut [NameRecord]) {
    names.iter_mut().for_each(|name| strip(&mut name.value));
}

fn strip_topics(topics: &mut [TopicReference]) {
    topics.iter_mut().for_each(|topic| strip_localized(&mut topic.labels));
}

fn strip_localized(texts: &mut LocalizedText) {
    if texts.iter().any(|(_, text)| may_have_markup(text)) {
        *texts = texts.map(strip_markup);
    }
}

fn strip_optional(text: &mut Option<String>) {
    text.iter_mut().for_each(strip);
}

fn strip(text: &mut String) {
    if may_have_markup(text) {
        *text = strip_markup(text);
    }
}

fn may_have_markup(text: &str) -> bool {
    text.contains(['<', '&'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::record::AuthorRecord;

    fn stripped(record: PaperRecord) -> PaperRecord {
        let mut record = Record::Paper(record);
        strip_record_markup(&mut record);
        let Record::Paper(record) = record else { panic!("a paper") };
        record
    }

    #[test]
    fn texts_of_papers() {
        let written = "&lt;i&gt;Reeds&lt;/i&gt; &amp;amp; rushes";
        let paper = PaperRecord {
            title: written.to_owned(),
            venue_name: Some(written.to_owned()),
            publisher_name: Some(written.to_owned()),
            keywords: vec![written.to_owned()],
            abstract_text: LocalizedText::new(None, written),
            translated_titles: LocalizedText::new("fr".parse().ok().as_ref(), written),
            authors: vec![AuthorRecord {
                name: "Jos&eacute; Pier".to_owned(),
                affiliations_as_published: vec![written.to_owned()],
                ..AuthorRecord::default()
            }],
            ..PaperRecord::default()
        };
        let plain = stripped(paper);
        let texts = [
            Some(plain.title.as_str()),
            plain.venue_name.as_deref(),
            plain.publisher_name.as_deref(),
            plain.keywords.first().map(String::as_str),
            plain.abstract_text.iter().next().map(|(_, text)| text),
            plain.translated_titles.iter().next().map(|(_, text)| text),
            plain.authors[0].affiliations_as_published.first().map(String::as_str),
        ];
        assert_eq!(texts, [Some("Reeds & rushes"); 7]);
        assert_eq!(plain.authors[0].name, "Jos&eacute; Pier");
    }
}
