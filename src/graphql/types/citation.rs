//! Papers as others cite them.

use async_graphql::{Context, Enum};

use crate::citation::{self, Locale, Style};
use crate::error::Error;
use crate::graphql::context::State as _;
use crate::model::language::LanguageTag;
use crate::store::reader::citation::{AuthorsRead, CitedPaperBy, Formatted};

/// A format that reference managers read.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "citation::CitationFormat")]
pub enum CitationFormat {
    /// BibTeX, in UTF-8 and with LaTeX's own characters escaped; BibLaTeX reads it too.
    Bibtex,
    /// RIS.
    Ris,
    /// One item of CSL-JSON.
    CslJson,
}

pub(crate) async fn entry(ctx: &Context<'_>, id: i64, format: CitationFormat) -> Result<String, Error> {
    let paper = ctx.loaders().load_one(CitedPaperBy { id, authors: AuthorsRead::All }).await?;
    let paper = paper.ok_or_else(|| Error::internal("a citation of nothing"))?;
    Ok(paper.entry(format.into()))
}

pub(crate) async fn formatted(
    ctx: &Context<'_>,
    id: i64,
    style: &str,
    languages: Option<Vec<LanguageTag>>,
) -> Result<String, Error> {
    let style: Style = style.parse().map_err(|unknown| Error::BadUserInput(format!("{unknown}")))?;
    let locale = Locale::of(&ctx.languages(languages));
    let paper = ctx.loaders().load_one(CitedPaperBy { id, authors: AuthorsRead::Shown }).await?;
    let paper = paper.ok_or_else(|| Error::internal("a citation of nothing"))?;
    let text = ctx.loaders().load_one(Formatted { id, paper, style, locale }).await?;
    text.ok_or_else(|| Error::internal("a citation that nobody formatted"))
}
