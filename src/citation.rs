//! Papers as others cite them: entries of reference managers (BibTeX, RIS, CSL-JSON), and references in the styles of journals.

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

pub use crate::citation::name::{AuthorName, is_corporate};
pub use crate::citation::style::{FormattingFailed, Locale, MOST_AUTHORS, Style, UnknownStyle};

/// A paper as far as it is cited. The key of its entry is its slug: it is unique and stays.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CitedPaper {
    /// Its name in an address.
    pub slug: String,
    /// The title as published.
    pub title: String,
    /// The abstract.
    pub abstract_text: LocalizedText,
    /// When it appeared, as far as known.
    pub publication_date: Option<PartialDate>,
    /// What kind of work it is.
    pub paper_type: PaperType,
    /// The journal, proceedings or book it is in.
    pub venue_name: Option<String>,
    /// The language it is written in.
    pub language: Option<String>,
    /// Its DOI.
    pub doi: Option<String>,
    /// Its arXiv id.
    pub arxiv_id: Option<String>,
    /// Where to read it.
    pub url: Option<String>,
    /// Its authors, in order.
    pub authors: Vec<CitedAuthor>,
}

/// An author as cited.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CitedAuthor {
    /// The name on the paper, with what is certain repaired.
    pub name: String,
    /// The given name of whom it was resolved to, which may be no part of the name.
    pub given: Option<String>,
    /// The family name of whom it was resolved to.
    pub family: Option<String>,
}

/// A format that reference managers read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CitationFormat {
    /// BibTeX and BibLaTeX.
    Bibtex,
    /// RIS.
    Ris,
    /// An item of CSL-JSON.
    CslJson,
}

impl CitedPaper {
    /// Its entry in a format: lines, each with its end; of CSL-JSON one object without.
    #[must_use]
    pub fn entry(&self, format: CitationFormat) -> String {
        match format {
            CitationFormat::Bibtex => crate::citation::bibtex::entry(self),
            CitationFormat::Ris => crate::citation::ris::entry(self),
            CitationFormat::CslJson => crate::citation::csl::item(self).to_string(),
        }
    }

    /// The reference to it in a style, as plain text.
    ///
    /// # Errors
    /// Where the style cannot be read, or has no references.
    pub fn formatted(&self, style: Style, locale: Locale) -> Result<String, FormattingFailed> {
        crate::citation::style::formatted(self, style, locale)
    }

    fn names(&self) -> impl Iterator<Item = AuthorName> {
        self.authors.iter().map(AuthorName::of)
    }

    /// The abstract in the paper's own language, where it is there, as one line.
    fn abstract_line(&self) -> Option<String> {
        let own = self.language.as_deref();
        let (_, text) = self
            .abstract_text
            .iter()
            .min_by_key(|(tag, _)| if own == Some(tag) { 0 } else { 1 + u8::from(*tag != "und") })?;
        Some(text.split_whitespace().collect::<Vec<_>>().join(" "))
    }

    /// Where to read it, if only by its arXiv id.
    fn address(&self) -> Option<String> {
        let on_arxiv = || self.arxiv_id.as_ref().map(|id| format!("https://arxiv.org/abs/{id}"));
        self.url.clone().or_else(on_arxiv)
    }
}
