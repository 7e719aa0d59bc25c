//! The fields of a paper of which records may say different things.

use crate::model::record::{AbstractCompleteness, PaperRecord, PaperType};

pub(super) const TITLE: &str = "title";
pub(super) const DATE: &str = "publicationDate";
pub(super) const TYPE: &str = "type";
pub(super) const VENUE: &str = "venueName";
pub(super) const LANGUAGE: &str = "language";
pub(super) const DOI: &str = "doi";
pub(super) const ARXIV_ID: &str = "arxivId";
pub(super) const URL: &str = "url";
pub(super) const AUTHORS: &str = "authors";
pub(super) const AUTHORS_PART: &str = "authorsPart";
pub(super) const TOPICS: &str = "topics";

/// The fields of which a record says something.
pub(super) fn provided_paper_fields(record: &PaperRecord) -> Vec<String> {
    let has_authors = !record.authors.is_empty() && !record.authors_are_incomplete;
    let fields = [
        Some(TITLE),
        record.publication_date.map(|_| DATE),
        (record.paper_type != PaperType::Other).then_some(TYPE),
        record.venue_name.as_ref().map(|_| VENUE),
        record.language.as_ref().map(|_| LANGUAGE),
        record.doi.as_ref().map(|_| DOI),
        record.arxiv_id.as_ref().map(|_| ARXIV_ID),
        record.url.as_ref().map(|_| URL),
        has_authors.then(|| authors_field(record)),
        (!record.topics.is_empty()).then_some(TOPICS),
    ];
    let titles = record.translated_titles.iter().map(|(tag, _)| translated_title_field(tag));
    let abstracts = record.abstract_text.iter().map(|(tag, _)| abstract_field(record.abstract_completeness, tag));
    fields.into_iter().flatten().map(ToOwned::to_owned).chain(titles).chain(abstracts).collect()
}

pub(super) fn translated_title_field(tag: &str) -> String {
    format!("{TITLE}.{tag}")
}

/// An abstract in a language: a full one counts before any part of one.
pub(super) fn abstract_field(completeness: AbstractCompleteness, tag: &str) -> String {
    let field = if completeness == AbstractCompleteness::Full { "abstract" } else { "abstractPart" };
    format!("{field}.{tag}")
}

/// A list of authors that tells the place of each counts before any that does not.
pub(super) fn authors_field(record: &PaperRecord) -> &'static str {
    if record.authors.iter().all(|author| author.position.is_some()) { AUTHORS } else { AUTHORS_PART }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The names of fields are stored in `source_record.told`.
    #[test]
    fn provided_fields_are_stable() {
        let fields = |record: serde_json::Value| {
            let record: PaperRecord = serde_json::from_value(record).expect("a record");
            provided_paper_fields(&record).join(" ")
        };
        let full = json!({
            "title": "On weirs", "translatedTitles": {"fr": "Des déversoirs"}, "abstract": {"en": "Water flows."},
            "abstractCompleteness": "FULL", "publicationDate": "2016", "type": "ARTICLE", "venueName": "Weirs",
            "language": "en", "doi": "10.1000/xyz123", "arxivId": "2301.00001", "url": "https://u.example",
            "authors": [{"name": "Ida Brook", "position": 1}], "topics": [{"scheme": "msc", "code": "78"}],
        });
        assert_eq!(
            fields(full),
            "title publicationDate type venueName language doi arxivId url authors topics title.fr abstract.en"
        );
        let partial = json!({
            "title": "On weirs", "abstract": {"en": "Water"}, "abstractCompleteness": "TRUNCATED",
            "authors": [{"name": "Ida Brook"}],
        });
        assert_eq!(fields(partial), "title authorsPart abstractPart.en");
    }
}
