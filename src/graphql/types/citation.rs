//! Citation formats and formatted citations.

use async_graphql::{Context, Enum};

use crate::citation::{self, CitationLocale, CitationStyle};
use crate::error::Error;
use crate::graphql::context::ContextExt as _;
use crate::model::language::LanguageTag;
use crate::store::reader::citation::{AuthorSelection, CitedPaperKey, FormattedCitationKey};

/// File formats supported by reference managers.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "citation::CitationFormat")]
pub enum CitationFormat {
    /// BibTeX in UTF-8, with LaTeX special characters escaped. BibLaTeX reads it too.
    Bibtex,
    /// The RIS format.
    Ris,
    /// A single CSL-JSON item.
    CslJson,
}

pub(crate) async fn load_citation(ctx: &Context<'_>, id: i64, format: CitationFormat) -> Result<String, Error> {
    let paper = ctx.data_loader().load_one(CitedPaperKey { id, authors: AuthorSelection::All }).await?;
    let paper = paper.ok_or(Error::Deleted("paper"))?;
    Ok(paper.format_entry(format.into()))
}

pub(crate) async fn load_formatted_citation(
    ctx: &Context<'_>,
    id: i64,
    style: &str,
    languages: Option<Vec<LanguageTag>>,
) -> Result<String, Error> {
    let style: CitationStyle = style.parse().map_err(|unknown| Error::BadUserInput(format!("{unknown}")))?;
    let locale = CitationLocale::best_match(&ctx.languages(languages));
    let paper = ctx.data_loader().load_one(CitedPaperKey { id, authors: AuthorSelection::Cited }).await?;
    let paper = paper.ok_or(Error::Deleted("paper"))?;
    let text = ctx.data_loader().load_one(FormattedCitationKey { id, paper, style, locale }).await?;
    text.ok_or_else(|| Error::internal("the citation was not formatted"))
}
