//! Records of papers and their authors.

use sea_orm::{DeriveActiveEnum, EnumIter};
use serde::{Deserialize, Serialize};

use crate::model::identifier::{ArxivId, Doi, Orcid};
use crate::model::language::LocalizedText;
use crate::model::partial_date::PartialDate;
use crate::model::record::{ExportMetadata, ExternalIdentifier, OrganizationReference, TopicReference};

/// How much of an abstract is available. The words are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AbstractCompleteness {
    /// The complete abstract.
    #[serde(rename = "FULL")]
    Full,
    /// Truncated by the source.
    #[serde(rename = "TRUNCATED")]
    Truncated,
    /// The source has no abstract.
    #[default]
    #[serde(rename = "ABSENT")]
    Absent,
    /// There is an abstract that may not be displayed.
    #[serde(rename = "WITHHELD")]
    Withheld,
}

/// The type of a paper, by the vocabularies of COAR and CSL; the GraphQL schema explains them. The words are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(missing_docs, reason = "the GraphQL schema explains them")]
pub enum PaperType {
    #[serde(rename = "ARTICLE")]
    Article,
    #[serde(rename = "CONFERENCE_PAPER")]
    ConferencePaper,
    #[serde(rename = "PREPRINT")]
    Preprint,
    #[serde(rename = "BOOK")]
    Book,
    #[serde(rename = "BOOK_CHAPTER")]
    BookChapter,
    #[serde(rename = "THESIS")]
    Thesis,
    #[serde(rename = "REPORT")]
    Report,
    #[serde(rename = "DATASET")]
    Dataset,
    #[default]
    #[serde(rename = "OTHER")]
    Other,
}

/// A paper. The same id of the same source, or the same DOI, means the same paper.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PaperRecord {
    /// Data of the exporting directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exported: Option<ExportMetadata>,
    /// The preferred URL slug. Derived from the title if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slug: Option<String>,
    /// The id of the paper in its source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_id: Option<String>,
    /// The title as published.
    pub title: String,
    /// Translations of the title.
    #[serde(default, skip_serializing_if = "LocalizedText::is_empty")]
    pub translated_titles: LocalizedText,
    /// The abstract.
    #[serde(default, rename = "abstract", skip_serializing_if = "LocalizedText::is_empty")]
    pub abstract_text: LocalizedText,
    /// How much of the abstract is available.
    #[serde(default)]
    pub abstract_completeness: AbstractCompleteness,
    /// Publication date, as precise as known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publication_date: Option<PartialDate>,
    /// The type of paper.
    #[serde(default, rename = "type")]
    pub paper_type: PaperType,
    /// The journal, proceedings or book.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub venue_name: Option<String>,
    /// The volume of the journal, or of the series of the book.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume: Option<String>,
    /// The issue of the volume, or the number of the report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issue: Option<String>,
    /// The pages, with an en dash between the ends of a range: `123–145`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pages: Option<String>,
    /// The article number, of papers that have one instead of pages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub article_number: Option<String>,
    /// The edition: its number, or its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edition: Option<String>,
    /// The publisher; of a thesis or a report, the institution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publisher_name: Option<String>,
    /// ISSNs of the journal or the series, as `1234-5679`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub issns: Vec<String>,
    /// ISBNs of the book, of 13 digits without hyphens.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub isbns: Vec<String>,
    /// Keywords as published.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keywords: Vec<String>,
    /// The language of the paper, a BCP 47 tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// DOI.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doi: Option<Doi>,
    /// A DOI stated for this paper that belongs to another paper of the exporting directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared_doi: Option<Doi>,
    /// arXiv id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arxiv_id: Option<ArxivId>,
    /// URL of the paper.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Whether the paper was retracted.
    #[serde(default)]
    pub is_retracted: bool,
    /// Identifiers of other schemes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub identifiers: Vec<ExternalIdentifier>,
    /// All authors, in order.
    pub authors: Vec<AuthorRecord>,
    /// Whether `authors` are only the authors that the source knows. The paper keeps its other authors.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub authors_are_incomplete: bool,
    /// Topics of the paper.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub topics: Vec<TopicReference>,
}

/// An author of a paper.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AuthorRecord {
    /// The row id of the authorship in the exporting directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<i64>,
    /// The row id of the researcher in the exporting directory. An author of an exported paper without it is
    /// unresolved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub researcher_id: Option<i64>,
    /// Whether a manual decision assigned the researcher.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_decided: bool,
    /// For an unresolved author: the row id of the researcher of the same name who has another position on the paper.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub same_as_id: Option<i64>,
    /// The author position, from 1. Absent if the source does not state it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<u32>,
    /// The name as published.
    pub name: String,
    /// Given name, if the source states the parts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_name: Option<String>,
    /// Family name, if the source states the parts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family_name: Option<String>,
    /// In an export, instead of the parts: how many words of the name are the family name, negative if it comes first, 0
    /// without one. Of a name without spaces, characters are counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family_words: Option<i16>,
    /// ORCID iD as stated by the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub orcid: Option<Orcid>,
    /// Identifiers of other schemes, such as the source's own author id.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub identifiers: Vec<ExternalIdentifier>,
    /// Whether this is the corresponding author, if the source states it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_corresponding: Option<bool>,
    /// Authors with the same number contributed equally.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub equal_contribution_group: Option<u32>,
    /// Affiliations as published.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub affiliations_as_published: Vec<String>,
    /// Organizations that the source identifies by id.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub organizations: Vec<OrganizationReference>,
}
