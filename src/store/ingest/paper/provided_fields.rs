//! The fields of a paper for which sources may disagree.

use crate::model::record::{AbstractCompleteness, PaperRecord, PaperType};
use crate::store::ingest::source_precedence::FieldPrecedence;

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
/// Provided by every record of a published version: the details of preprints do not apply to the paper.
pub(super) const PUBLISHED_VERSION: &str = "publishedVersion";

/// A bibliographic detail of a paper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Detail {
    Volume,
    Issue,
    Pages,
    ArticleNumber,
    Edition,
    PublisherName,
    Issns,
    Isbns,
    Keywords,
}

impl Detail {
    const ALL: [Self; 9] = [
        Self::Volume,
        Self::Issue,
        Self::Pages,
        Self::ArticleNumber,
        Self::Edition,
        Self::PublisherName,
        Self::Issns,
        Self::Isbns,
        Self::Keywords,
    ];

    /// The name of the field.
    fn name(self) -> &'static str {
        match self {
            Self::Volume => "volume",
            Self::Issue => "issue",
            Self::Pages => "pages",
            Self::ArticleNumber => "articleNumber",
            Self::Edition => "edition",
            Self::PublisherName => "publisherName",
            Self::Issns => "issns",
            Self::Isbns => "isbns",
            Self::Keywords => "keywords",
        }
    }

    fn is_in(self, record: &PaperRecord) -> bool {
        match self {
            Self::Volume => record.volume.is_some(),
            Self::Issue => record.issue.is_some(),
            Self::Pages => record.pages.is_some(),
            Self::ArticleNumber => record.article_number.is_some(),
            Self::Edition => record.edition.is_some(),
            Self::PublisherName => record.publisher_name.is_some(),
            Self::Issns => !record.issns.is_empty(),
            Self::Isbns => !record.isbns.is_empty(),
            Self::Keywords => !record.keywords.is_empty(),
        }
    }

    /// The name of the field in records of preprints, which have details of their own, such as the server as publisher.
    fn preprint_name(self) -> &'static str {
        match self {
            Self::Volume => "preprint.volume",
            Self::Issue => "preprint.issue",
            Self::Pages => "preprint.pages",
            Self::ArticleNumber => "preprint.articleNumber",
            Self::Edition => "preprint.edition",
            Self::PublisherName => "preprint.publisherName",
            Self::Issns => "preprint.issns",
            Self::Isbns => "preprint.isbns",
            Self::Keywords => "preprint.keywords",
        }
    }

    /// The field that a record provides.
    fn field(self, record: &PaperRecord) -> &'static str {
        if record.paper_type == PaperType::Preprint { self.preprint_name() } else { self.name() }
    }

    /// What a record does to the detail of its paper.
    pub(super) fn effect(self, record: &PaperRecord, precedence: &FieldPrecedence) -> DetailEffect {
        let is_preprint = record.paper_type == PaperType::Preprint;
        let is_outdone =
            is_preprint && (precedence.is_provided(self.name()) || precedence.is_provided(PUBLISHED_VERSION));
        if self.is_in(record) && !is_outdone && precedence.wins(self.field(record)) {
            return DetailEffect::Set;
        }
        // Only a preprint had the detail, and the paper has a published version now.
        let is_orphaned = is_published_version(record)
            && precedence.is_provided(self.preprint_name())
            && !precedence.is_provided(self.name())
            && !self.is_in(record);
        if is_orphaned { DetailEffect::Clear } else { DetailEffect::Keep }
    }
}

/// What a record does to a bibliographic detail of its paper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DetailEffect {
    /// The detail is that of the record.
    Set,
    /// The detail is removed.
    Clear,
    /// The detail stays as it is.
    Keep,
}

fn is_published_version(record: &PaperRecord) -> bool {
    !matches!(record.paper_type, PaperType::Preprint | PaperType::Other)
}

/// The fields that a record provides.
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
    let details =
        Detail::ALL.into_iter().filter(|detail| detail.is_in(record)).map(|detail| detail.field(record).to_owned());
    let version = is_published_version(record).then(|| PUBLISHED_VERSION.to_owned());
    let fields = fields.into_iter().flatten().map(ToOwned::to_owned);
    fields.chain(titles).chain(abstracts).chain(details).chain(version).collect()
}

/// The field of a title in another language.
pub(super) fn translated_title_field(tag: &str) -> String {
    format!("{TITLE}.{tag}")
}

/// The field of an abstract in a language. A full abstract has precedence over a partial one.
pub(super) fn abstract_field(completeness: AbstractCompleteness, tag: &str) -> String {
    let field = if completeness == AbstractCompleteness::Full { "abstract" } else { "abstractPart" };
    format!("{field}.{tag}")
}

/// The field of the authors. A list with positions has precedence over one without.
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
            "volume": "1", "issue": "2", "pages": "3", "articleNumber": "e4", "edition": "5", "publisherName": "Weir Press",
            "issns": ["0028-0836"], "isbns": ["9783161484100"], "keywords": ["weirs"], "language": "en", "doi": "10.1000/xyz123", "arxivId": "2301.00001", "url": "https://u.example",
            "authors": [{"name": "Ida Brook", "position": 1}], "topics": [{"scheme": "msc", "code": "78"}],
        });
        assert_eq!(
            fields(full),
            "title publicationDate type venueName language doi arxivId url authors topics title.fr abstract.en \
             volume issue pages articleNumber edition publisherName issns isbns keywords publishedVersion"
        );
        let preprint = json!({"title": "On weirs", "type": "PREPRINT", "publisherName": "arXiv", "authors": []});
        assert_eq!(fields(preprint), "title type preprint.publisherName");
        let partial = json!({
            "title": "On weirs", "abstract": {"en": "Water"}, "abstractCompleteness": "TRUNCATED",
            "authors": [{"name": "Ida Brook"}],
        });
        assert_eq!(fields(partial), "title authorsPart abstractPart.en");
    }
}
