//! Citations of papers: entries for reference managers (BibTeX, RIS, CSL-JSON) and formatted references in citation
//! styles.

mod bibtex;
mod csl;
mod name;
mod ris;
mod style;
#[cfg(test)]
mod tests;

use crate::model::language::LocalizedText;
use crate::model::partial_date::PartialDate;
use crate::model::record::PaperType;

pub use crate::citation::name::{AuthorName, is_group_name};
pub use crate::citation::style::{
    CitationError, CitationLocale, CitationStyle, MAX_CITED_AUTHORS, UnknownCitationStyle,
};

/// The data of a paper that citations use, with its authors. The slug is its citation key, since it is unique and permanent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CitedPaper<A = CitedAuthor> {
    /// URL slug.
    pub slug: String,
    /// The title as published.
    pub title: String,
    /// The abstract.
    pub abstract_text: LocalizedText,
    /// Publication date, if known.
    pub publication_date: Option<PartialDate>,
    /// Type of work.
    pub paper_type: PaperType,
    /// The journal, proceedings or book that contains it.
    pub venue_name: Option<String>,
    /// The volume of the journal or series.
    pub volume: Option<String>,
    /// The issue of the volume, or the number of the report.
    pub issue: Option<String>,
    /// The pages, in the form of [`crate::text::pages`].
    pub pages: Option<String>,
    /// The article number.
    pub article_number: Option<String>,
    /// The edition.
    pub edition: Option<String>,
    /// The publisher; of a thesis or a report, the institution.
    pub publisher_name: Option<String>,
    /// ISSNs of the journal or series.
    pub issns: Vec<String>,
    /// ISBNs of the book.
    pub isbns: Vec<String>,
    /// Keywords as published.
    pub keywords: Vec<String>,
    /// Language of the paper.
    pub language: Option<String>,
    /// Its DOI.
    pub doi: Option<String>,
    /// Its arXiv ID.
    pub arxiv_id: Option<String>,
    /// URL of the paper.
    pub url: Option<String>,
    /// Its authors, in order.
    pub authors: Vec<A>,
}

/// An author as cited.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CitedAuthor {
    /// The name on the paper, after certain repairs.
    pub name: String,
    /// The given name of the resolved researcher; it may differ from the name on the paper.
    pub given: Option<String>,
    /// The family name of the resolved researcher.
    pub family: Option<String>,
}

/// A citation format for reference managers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CitationFormat {
    /// BibTeX and BibLaTeX.
    Bibtex,
    /// RIS.
    Ris,
    /// An item of CSL-JSON.
    CslJson,
}

impl CitationFormat {
    /// Returns what stands before the first entry of a file, between two entries, and after the last one.
    #[must_use]
    pub fn list_syntax(self) -> (&'static str, &'static str, &'static str) {
        match self {
            // A blank line separates entries.
            Self::Bibtex => ("", "\n", ""),
            Self::Ris => ("", "", ""),
            Self::CslJson => ("[\n", ",\n", "\n]\n"),
        }
    }
}

impl<A> CitedPaper<A> {
    /// Returns the publisher and the venue. The institution of a thesis or a report, and the repository of a dataset, was
    /// once stored as the venue.
    pub(crate) fn publisher_and_venue(&self) -> (Option<&str>, Option<&str>) {
        let (publisher, venue) = (self.publisher_name.as_deref(), self.venue_name.as_deref());
        match self.paper_type {
            PaperType::Thesis | PaperType::Report | PaperType::Dataset if publisher.is_none() => (venue, None),
            _ => (publisher, venue.filter(|venue| Some(*venue) != publisher)),
        }
    }
}

impl CitedPaper {
    /// Returns the entry in a citation format. BibTeX and RIS entries end with a line break, CSL-JSON items do not.
    #[must_use]
    pub fn format_entry(&self, format: CitationFormat) -> String {
        match format {
            CitationFormat::Bibtex => bibtex::format_entry(self),
            CitationFormat::Ris => ris::format_reference(self),
            CitationFormat::CslJson => csl::csl_item(self).to_string(),
        }
    }

    /// Returns the formatted reference in a citation style, as plain text.
    ///
    /// # Errors
    /// Fails if the style is invalid or has no bibliography.
    pub fn format_reference(&self, style: CitationStyle, locale: CitationLocale) -> Result<String, CitationError> {
        style::format_reference(self, style, locale)
    }

    fn author_names(&self) -> impl Iterator<Item = AuthorName> {
        self.authors.iter().map(AuthorName::from_author)
    }

    /// Returns the abstract on one line, preferably in the language of the paper.
    fn abstract_line(&self) -> Option<String> {
        let own = self.language.as_deref();
        let (_, text) = self
            .abstract_text
            .iter()
            .min_by_key(|(tag, _)| if own == Some(tag) { 0 } else { 1 + u8::from(*tag != "und") })?;
        Some(text.split_whitespace().collect::<Vec<_>>().join(" "))
    }

    /// Returns the keywords in one field. Commas separate them, or semicolons if one of them has a comma.
    fn keyword_list(&self) -> Option<String> {
        let has_comma = self.keywords.iter().any(|keyword| keyword.contains(','));
        match self.keywords.as_slice() {
            [] => None,
            [keyword] if has_comma => Some(format!("{keyword};")),
            keywords => Some(keywords.join(if has_comma { "; " } else { ", " })),
        }
    }

    /// Returns the URL of the paper, or its page on arXiv.
    fn best_url(&self) -> Option<String> {
        let on_arxiv = || self.arxiv_id.as_ref().map(|id| format!("https://arxiv.org/abs/{id}"));
        self.url.clone().or_else(on_arxiv)
    }
}
