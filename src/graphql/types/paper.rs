//! Papers.

mod abstract_text;
mod filter;

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, Object, SimpleObject};

use crate::entity::paper;
use crate::error::Error;
use crate::graphql::connection::{Connection, Shown, connection, plain_list};
use crate::graphql::context::State as _;
use crate::graphql::engine::eager_resolver::AtOnce;
use crate::graphql::engine::lookahead::{FieldReads, Reads, columns_of};
use crate::graphql::inputs::identifier::{Identifier, bounded, former_ids, identifiers};
use crate::graphql::inputs::localized_string::LocalizedString;
use crate::graphql::inputs::scalars::{DateTime, Url, url};
use crate::graphql::types::authorship::{Authorship, AuthorshipConnection};
use crate::graphql::types::citation::{self, CitationFormat};
use crate::graphql::types::facet::{PaperFacets, WithFacets};
use crate::graphql::types::topic::{TopicConnection, TopicOrder};
use crate::model::global_id::{GlobalId, Kind};
use crate::model::identifier::Doi;
use crate::model::language::{LanguageTag, Languages};
use crate::model::partial_date::PartialDate;
use crate::model::record;
use crate::store::reader::authorship::Authorships;
use crate::store::reader::cursor::PageArguments;
use crate::store::reader::lookup::{ById, ByKey};
use crate::store::reader::page::{Parent, Row};
use crate::store::reader::paper as store;
use crate::store::reader::relation::{PaperFormerIds, PaperIdentifiers, PaperVersions, RelatedTo};
use crate::store::reader::topic::{TopicFilter, TopicScope, Topics};

use crate::graphql::types::paper::abstract_text::Abstract;
pub use crate::graphql::types::paper::filter::{PaperBy, PaperFilter, PaperOrder};

/// Something that was written and published: an article, a preprint, a book, a thesis, a dataset.
#[derive(Clone)]
pub struct Paper(pub Arc<paper::Model>);

impl From<Arc<paper::Model>> for Paper {
    fn from(model: Arc<paper::Model>) -> Self {
        Self(model)
    }
}

impl Paper {
    /// The title to show in the best of some languages.
    pub fn in_languages(&self, languages: &Languages) -> LocalizedString {
        let published: Option<LanguageTag> = self.0.language.as_ref().and_then(|tag| tag.parse().ok());
        let mut titles = self.0.translated_titles.clone();
        titles.insert(published.as_ref(), &self.0.title);
        match LocalizedString::best(&titles, languages) {
            Some(best) if !best.is_fallback => best,
            // Nobody is helped by a translation into a third language: the title as published is better known.
            _ => LocalizedString { value: self.0.title.clone(), is_fallback: published.is_some(), language: published },
        }
    }
}

impl Reads for Paper {
    type Row = paper::Model;
    const FIELDS: &'static [FieldReads] = &[
        ("id", &[]),
        ("slug", &["slug"]),
        ("displayName", &["title", "language", "translated_titles"]),
        ("formerIds", &[]),
        ("title", &["title"]),
        ("abstract", &["abstract_text", "abstract_completeness"]),
        ("publicationYear", &["publication_year"]),
        ("publicationDate", &["publication_date"]),
        ("type", &["paper_type"]),
        ("venueName", &["venue_name"]),
        ("language", &["language"]),
        ("doi", &["doi"]),
        ("arxivId", &["arxiv_id"]),
        ("identifiers", &[]),
        ("url", &["url"]),
        ("isRetracted", &["is_retracted"]),
        ("versionOf", &[]),
        ("versions", &[]),
        ("authorships", &[]),
        ("topics", &[]),
        ("citation", &[]),
        ("formattedCitation", &[]),
        ("createdAt", &["created_at"]),
        ("updatedAt", &["updated_at"]),
    ];
}

/// Something that was written and published: an article, a preprint, a book, a thesis, a dataset.
#[Object]
impl Paper {
    /// Its id: opaque, unique in the directory, the same for ever.
    pub async fn id(&self) -> ID {
        GlobalId { kind: Kind::Paper, number: self.0.id }.to_string().into()
    }

    /// Its name in an address: lower-case ASCII letters, digits and hyphens.
    pub async fn slug(&self) -> &str {
        &self.0.slug
    }

    /// The title to show: a translated one where there is one in the reader's language, else the title as published.
    pub async fn display_name(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "In order of preference; the request's Accept-Language where absent.")] languages: Option<
            Vec<LanguageTag>,
        >,
    ) -> LocalizedString {
        self.in_languages(&ctx.languages(languages))
    }

    /// The ids of what was merged into it; they lead here for ever.
    pub async fn former_ids(&self, ctx: &Context<'_>) -> Result<Vec<ID>, Error> {
        former_ids::<PaperFormerIds>(ctx, self.0.id, Kind::Paper).await
    }

    /// The title as published.
    async fn title(&self) -> &str {
        &self.0.title
    }

    /// The abstract, or why there is none to show.
    #[graphql(name = "abstract")]
    async fn abstract_text(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "In order of preference; the request's Accept-Language where absent.")] languages: Option<
            Vec<LanguageTag>,
        >,
    ) -> Abstract {
        Abstract {
            completeness: self.0.abstract_completeness.into(),
            text: LocalizedString::best(&self.0.abstract_text, &ctx.languages(languages)),
        }
    }

    /// The year it appeared.
    async fn publication_year(&self) -> Option<i32> {
        self.0.publication_year
    }

    /// When it appeared, as far as known.
    async fn publication_date(&self) -> Option<PartialDate> {
        self.0.publication_date.as_ref()?.parse().ok()
    }

    /// What kind of work it is.
    #[graphql(name = "type")]
    async fn paper_type(&self) -> PaperType {
        self.0.paper_type.into()
    }

    /// The journal, proceedings or book it is in.
    async fn venue_name(&self) -> Option<&str> {
        self.0.venue_name.as_deref()
    }

    /// The language it is written in.
    async fn language(&self) -> Option<LanguageTag> {
        self.0.language.as_ref()?.parse().ok()
    }

    /// The DOI as its address, such as https://doi.org/10.1000/xyz123.
    async fn doi(&self) -> Option<Url> {
        self.0.doi.as_ref()?.parse::<Doi>().ok().map(|doi| Url(doi.uri()))
    }

    /// The arXiv id without its version, such as 2301.00001.
    async fn arxiv_id(&self) -> Option<&str> {
        self.0.arxiv_id.as_deref()
    }

    /// Ids of other schemes, the id in each source that was imported among them.
    async fn identifiers(&self, ctx: &Context<'_>) -> Result<Vec<Identifier>, Error> {
        identifiers::<PaperIdentifiers>(ctx, self.0.id).await
    }

    /// Where to read it.
    async fn url(&self) -> Option<Url> {
        url(self.0.url.as_ref())
    }

    /// Whether it was retracted.
    async fn is_retracted(&self) -> bool {
        self.0.is_retracted
    }

    /// The version of record, for a preprint or another version of it; null where it is that itself, or has no other.
    ///
    /// Papers are linked as versions where they have the same DOI or the same title, authors in common, and no more than two
    /// years between them. The version of record is a published one before a preprint, then one with a DOI, then the latest.
    async fn version_of(&self, ctx: &Context<'_>) -> Result<Option<AtOnce<Paper>>, Error> {
        let Some(record) = self.0.version_of_id else { return Ok(None) };
        let asked = ById::selecting(record, columns_of::<Paper>(ctx));
        Ok(ctx.loaders().load_one(asked).await?.map(Paper).map(AtOnce))
    }

    /// The other versions, latest first, where this is the version of record; none of a paper that is a version itself.
    async fn versions(&self, ctx: &Context<'_>) -> Result<Vec<Paper>, Error> {
        let versions = ctx.loaders().load_one(RelatedTo::<PaperVersions>::new(self.0.id)).await?.unwrap_or_default();
        Ok(versions.iter().cloned().map(Paper).collect())
    }

    /// Every author in order, never cut: three thousand where there are three thousand. Authors whose place the source
    /// does not tell come last.
    async fn authorships(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "So many from the start: 1 to 100, 20 where neither first nor last is given.")] first: Option<
            i32,
        >,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<String>,
        #[graphql(desc = "So many from the end: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what precedes this cursor.")] before: Option<String>,
    ) -> Result<AuthorshipConnection, Error> {
        connection(ctx, Parent::of(self.0.id), Authorships, PageArguments { first, after, last, before }).await
    }

    /// What it is about, in the source's order.
    async fn topics(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "So many from the start: 1 to 100, 20 where neither first nor last is given.")] first: Option<
            i32,
        >,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<String>,
        #[graphql(desc = "So many from the end: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what precedes this cursor.")] before: Option<String>,
    ) -> Result<TopicConnection, Error> {
        let (order, direction) = TopicOrder::or_own(None, ctx)?;
        let list = Topics { scope: TopicScope::Paper, filter: TopicFilter::default(), order, direction };
        connection(ctx, Parent::of(self.0.id), list, PageArguments { first, after, last, before }).await
    }

    /// Its entry for a reference manager, with all of its authors. The key of the entry is the slug.
    async fn citation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The format.")] format: CitationFormat,
    ) -> Result<String, Error> {
        citation::entry(ctx, self.0.id, format).await
    }

    /// The reference to it as journals print it, in plain text and without a number.
    async fn formatted_citation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "apa, chicago (author and date), ieee or vancouver.", default = "apa")] style: String,
        #[graphql(
            desc = "The language of words such as \"and\", in order of preference: French or English; the request's Accept-Language where absent."
        )]
        languages: Option<Vec<LanguageTag>>,
    ) -> Result<String, Error> {
        citation::formatted(ctx, self.0.id, &style, languages).await
    }

    /// When it came into the directory.
    pub async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// When what the directory says of it last changed.
    pub async fn updated_at(&self) -> DateTime {
        DateTime(self.0.updated_at)
    }
}

/// What kind of work a paper is: the kinds that COAR's and CSL's lists share.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "record::PaperType")]
pub enum PaperType {
    /// In a journal, a magazine or a newspaper.
    Article,
    /// In the proceedings of a conference.
    ConferencePaper,
    /// Made public before or without review.
    Preprint,
    /// A book.
    Book,
    /// A part of a book.
    BookChapter,
    /// A thesis.
    Thesis,
    /// A report.
    Report,
    /// Data.
    Dataset,
    /// Anything else.
    Other,
}

/// A page of papers.
pub type PaperConnection = AtOnce<Connection<store::Papers>>;
/// A page of a person's papers.
pub type ResearcherPaperConnection = AtOnce<Connection<store::ResearcherPapers>>;

plain_list!(store::Papers, "Paper", Paper, WithFacets<Self, PaperFacets>);

/// What ties a person to a paper.
#[derive(SimpleObject)]
pub struct ResearcherPaperFields {
    /// The person's own place on the paper.
    authorship: Authorship,
}

impl Shown for store::ResearcherPapers {
    const NAME: &'static str = "ResearcherPaper";
    type Shown = Paper;
    type Fields = ResearcherPaperFields;
    type Facets = WithFacets<Self, PaperFacets>;

    fn fields(_: Parent, _: &Arc<Self>, _: &Row<Self>, own: &Self::Edge) -> Self::Fields {
        ResearcherPaperFields { authorship: own.0.clone().into() }
    }
}

/// The part of the query that reads papers.
#[derive(Default)]
pub struct PaperQuery;

#[Object]
impl PaperQuery {
    /// One paper; null where none has the key.
    async fn paper(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Exactly one key, in any of its written forms.")] by: PaperBy,
    ) -> Result<Option<AtOnce<Paper>>, Error> {
        let Some(key) = by.key() else { return Ok(None) };
        let asked = ByKey::selecting(key, columns_of::<Paper>(ctx));
        Ok(ctx.loaders().load_one(asked).await?.map(Paper).map(AtOnce))
    }

    /// Papers by their keys, in the order of the keys; null where none has one. One statement, whatever the keys.
    async fn papers_by(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "At most 500.")] keys: Vec<PaperBy>,
    ) -> Result<Vec<Option<Paper>>, Error> {
        let keys = bounded(ctx, "keys", Some(keys))?.unwrap_or_default();
        let selected = columns_of::<Paper>(ctx);
        let keys: Vec<_> = keys.into_iter().map(|by| Some(ByKey::selecting(by.key()?, selected))).collect();
        let found = ctx.loaders().load_many(keys.iter().flatten().cloned()).await?;
        Ok(keys.iter().map(|key| key.as_ref().and_then(|key| found.get(key)).cloned().map(Paper)).collect())
    }

    /// Papers, newest first.
    #[allow(clippy::too_many_arguments, reason = "the arguments of the schema")]
    async fn papers(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which; all where absent.")] filter: Option<PaperFilter>,
        #[graphql(desc = "Another order.")] order_by: Option<PaperOrder>,
        #[graphql(desc = "So many from the start: 1 to 100, 20 where neither first nor last is given.")] first: Option<
            i32,
        >,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<String>,
        #[graphql(desc = "So many from the end: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what precedes this cursor.")] before: Option<String>,
    ) -> Result<PaperConnection, Error> {
        let filter = PaperFilter::or_all(filter, ctx)?;
        let (order, direction) = PaperOrder::or_newest(order_by, &filter)?;
        let list = store::Papers { scope: store::PaperScope::All, filter, order, direction };
        connection(ctx, Parent::default(), list, PageArguments { first, after, last, before }).await
    }
}
