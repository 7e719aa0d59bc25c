//! Papers.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, InputObject, Object, OneofObject, SimpleObject};

use super::authorship::{Authorship, AuthorshipConnection};
use super::citation::{self, CitationFormat};
use super::connection::{Connection, HasTexts, Shown, connection, plain_list};
use super::context::State as _;
use super::facet::{PaperFacets, WithFacets};
use super::identifier::{
    Identifier, IdentifierKey, bounded, canonical, column_key, former_ids, id_key, identifiers, numbers, possible,
    words,
};
use super::localized::LocalizedString;
use super::nesting::Nesting;
use super::order::{IntRange, OrderDirection, or_relevance, years};
use super::scalars::{DateTime, Url, url};
use super::search::looked_for;
use super::topic::{TopicConnection, TopicOrder};
use crate::date::PartialDate;
use crate::entity::paper;
use crate::error::Error;
use crate::excerpt::excerpt;
use crate::id::{GlobalId, Kind};
use crate::identifier::{ArxivId, Doi};
use crate::language::{LanguageTag, Languages};
use crate::page::PageArguments;
use crate::record;
use crate::store::authorship::Authorships;
use crate::store::list::{OrderDirection as Direction, Parent, Row};
use crate::store::lookup::{ById, ByKey, Key};
use crate::store::paper as store;
use crate::store::relation::{PaperFormerIds, PaperIdentifiers, PaperVersions, RelatedTo};
use crate::store::topic::{TopicFilter, TopicScope, Topics};

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

impl HasTexts for Paper {
    const WITHOUT_TEXTS: &'static [&'static str] = &[
        "__typename",
        "id",
        "slug",
        "formerIds",
        "title",
        "publicationYear",
        "publicationDate",
        "type",
        "venueName",
        "language",
        "doi",
        "arxivId",
        "identifiers",
        "url",
        "isRetracted",
        "versionOf",
        "versions",
        "authorships",
        "topics",
        "citation",
        "formattedCitation",
        "createdAt",
        "updatedAt",
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
    async fn version_of(&self, ctx: &Context<'_>) -> Result<Option<Paper>, Error> {
        let Some(record) = self.0.version_of_id else { return Ok(None) };
        Ok(ctx.loaders().load_one(ById::new(record)).await?.map(Paper))
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

/// How much of an abstract the directory has.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "record::AbstractCompleteness")]
pub enum AbstractCompleteness {
    /// All of it.
    Full,
    /// Its beginning: the source cut it.
    Truncated,
    /// None: the source has none.
    Absent,
    /// None to show: there is one that may not be shown here.
    Withheld,
}

/// A paper's abstract, or why there is none to show.
pub struct Abstract {
    completeness: AbstractCompleteness,
    text: Option<LocalizedString>,
}

/// A paper's abstract, or why there is none to show.
#[Object]
impl Abstract {
    /// How much of it there is.
    async fn completeness(&self) -> AbstractCompleteness {
        self.completeness
    }

    /// The text, plain; null when ABSENT or WITHHELD.
    async fn text(&self) -> Option<&str> {
        self.text.as_ref().map(|text| text.value.as_str())
    }

    /// The language of the text, where known.
    async fn language(&self) -> Option<LanguageTag> {
        self.text.as_ref()?.language.clone()
    }

    /// True where the text is known to be in a language that the reader did not ask for; false when there is no text.
    async fn is_fallback(&self) -> bool {
        self.text.as_ref().is_some_and(|text| text.is_fallback)
    }

    /// The first sentences, cut at a word and never inside a character; isTruncated says whether a reader can expand it.
    async fn excerpt(
        &self,
        #[graphql(desc = "The most characters, as a reader counts them: 1 to 10,000.", default = 300)] max_length: i32,
    ) -> Result<Option<Excerpt>, Error> {
        let most = usize::try_from(max_length)
            .ok()
            .filter(|most| (1..=10_000).contains(most))
            .ok_or_else(|| Error::BadUserInput(format!("maxLength is {max_length}; it can be 1 to 10,000")))?;
        Ok(self.text.as_ref().map(|text| {
            let shown = excerpt(&text.value, most);
            Excerpt { text: shown.to_owned(), is_truncated: shown.len() < text.value.trim_end().len() }
        }))
    }
}

/// The beginning of a text.
#[derive(SimpleObject)]
pub struct Excerpt {
    /// The beginning, without an ellipsis.
    text: String,
    /// Whether the text goes on.
    is_truncated: bool,
}

/// Exactly one key of a paper.
#[derive(OneofObject)]
pub enum PaperBy {
    /// The directory's own id.
    Id(ID),
    /// Its name in an address.
    Slug(String),
    /// The DOI: bare or as an address.
    Doi(String),
    /// The arXiv id, with or without version, bare or as an address.
    ArxivId(String),
    /// An id of any other scheme.
    Identifier(IdentifierKey),
}

impl PaperBy {
    fn key(self) -> Option<Key> {
        possible(match self {
            Self::Id(id) => return id_key(&id, Kind::Paper),
            Self::Slug(slug) => Key::Slug(slug.trim().to_lowercase()),
            Self::Doi(doi) => return column_key::<Doi>("doi", &doi),
            Self::ArxivId(arxiv_id) => return column_key::<ArxivId>("arxiv_id", &arxiv_id),
            Self::Identifier(identifier) => identifier.into(),
        })
    }
}

/// Which papers. All conditions hold together; an absent or null one is none, and an empty list of values matches nothing.
/// The ids of what was merged stand for what it became, unknown ones for nothing, and ids of another type are refused.
/// By and, or and not filters stand in each other at most 5 deep, and one holds at most 100 others in all.
#[derive(InputObject, Default)]
pub struct PaperFilter {
    /// Any of these; at most 500.
    ids: Option<Vec<ID>>,
    /// With any of these DOIs, bare or as addresses; at most 500.
    dois: Option<Vec<String>>,
    /// By any of these people, whatever their position; at most 500.
    author_ids: Option<Vec<ID>>,
    /// With an author who was at any of these organizations, or below, at the time of the paper; at most 500.
    organization_ids: Option<Vec<ID>>,
    /// On any of these topics or narrower ones; at most 500.
    topic_ids: Option<Vec<ID>>,
    /// Of these years; a paper without a year is in no range, not even in one that is open at both ends.
    publication_year: Option<IntRange>,
    /// Of any of these types; at most 500.
    types: Option<Vec<PaperType>>,
    /// In any of these venues, named as venueName has them; at most 500.
    venue_names: Option<Vec<String>>,
    /// Whether there is an abstract to show.
    has_abstract: Option<bool>,
    /// Whether there is a DOI.
    has_doi: Option<bool>,
    /// Whether it was retracted.
    is_retracted: Option<bool>,
    /// Whether it is a version of another paper, such as the preprint of an article. With false a list has each work once, as
    /// its version of record; lists have every version where nothing is said.
    is_version: Option<bool>,
    /// By words of the title or the abstract, as search finds them. At most 500 characters; white space alone is no
    /// condition.
    query: Option<String>,
    /// Changed at this moment or later.
    updated_since: Option<DateTime>,
    /// Those that pass each of these; all do where the list is empty.
    and: Option<Vec<PaperFilter>>,
    /// Those that pass any of these; none does where the list is empty.
    or: Option<Vec<PaperFilter>>,
    /// Those that do not pass this.
    not: Option<Box<PaperFilter>>,
}

impl PaperFilter {
    /// The filter for the store; every paper passes an absent one.
    ///
    /// # Errors
    /// Where an id is none, a list is too long, a range has no years, or filters nest too deep or are too many.
    pub fn or_all(filter: Option<Self>, ctx: &Context<'_>) -> Result<store::PaperFilter, Error> {
        filter.unwrap_or_default().taken(ctx, &mut Nesting::of(ctx))
    }

    fn taken(self, ctx: &Context<'_>, nesting: &mut Nesting<'_>) -> Result<store::PaperFilter, Error> {
        let filter = self;
        let inner = |filter: Self, nesting: &mut Nesting<'_>| filter.taken(ctx, nesting);
        let types = bounded(ctx, "types", filter.types)?;
        Ok(store::PaperFilter {
            ids: numbers(ctx, "ids", filter.ids, Kind::Paper)?,
            dois: canonical::<Doi>(ctx, "dois", filter.dois)?,
            author_ids: numbers(ctx, "authorIds", filter.author_ids, Kind::Researcher)?,
            organization_ids: numbers(ctx, "organizationIds", filter.organization_ids, Kind::Organization)?,
            topic_ids: numbers(ctx, "topicIds", filter.topic_ids, Kind::Topic)?,
            publication_year: years("publicationYear", filter.publication_year)?,
            types: types.map(|types| types.into_iter().map(Into::into).collect()),
            venue_names: words(ctx, "venueNames", filter.venue_names)?,
            has_abstract: filter.has_abstract,
            has_doi: filter.has_doi,
            is_retracted: filter.is_retracted,
            is_version: filter.is_version,
            query: looked_for("query", filter.query)?,
            updated_since: filter.updated_since.map(|moment| moment.0),
            and: nesting.each(filter.and, inner)?,
            or: nesting.each(filter.or, inner)?,
            not: filter.not.map(|filter| nesting.inner(*filter, inner)).transpose()?.map(Box::new),
        })
    }
}

/// By what papers are ordered.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "store::PaperOrder")]
pub enum PaperOrderField {
    /// By the day it appeared, as far as known; papers without a year count as earliest.
    PublicationDate,
    /// By the title as published, without accents and punctuation.
    Title,
    /// By the number of authors.
    AuthorCount,
    /// By the last change.
    UpdatedAt,
    /// By how well filter.query matches, best last: DESC has the best first. Only with a query, and the default there.
    Relevance,
}

/// An order of papers; ties end on the id.
#[derive(InputObject)]
pub struct PaperOrder {
    /// By what.
    field: PaperOrderField,
    /// Which way.
    direction: OrderDirection,
}

impl PaperOrder {
    /// The order asked for, else newest first, or by relevance where the filter has a query.
    ///
    /// # Errors
    /// Where it is by relevance and the filter has no query.
    pub fn or_newest(
        order: Option<Self>,
        filter: &store::PaperFilter,
    ) -> Result<(store::PaperOrder, Direction), Error> {
        let asked = order.map(|order| (order.field.into(), order.direction.into()));
        let newest = (store::PaperOrder::PublicationDate, Direction::Descending);
        or_relevance(asked, filter.query.as_ref(), store::PaperOrder::Relevance, newest)
    }
}

/// A page of papers.
pub type PaperConnection = Connection<store::Papers>;
/// A page of a person's papers.
pub type ResearcherPaperConnection = Connection<store::ResearcherPapers>;

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
    ) -> Result<Option<Paper>, Error> {
        let Some(key) = by.key() else { return Ok(None) };
        Ok(ctx.loaders().load_one(ByKey::new(key)).await?.map(Paper))
    }

    /// Papers by their keys, in the order of the keys; null where none has one. One statement, whatever the keys.
    async fn papers_by(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "At most 500.")] keys: Vec<PaperBy>,
    ) -> Result<Vec<Option<Paper>>, Error> {
        let keys = bounded(ctx, "keys", Some(keys))?.unwrap_or_default();
        let keys: Vec<_> = keys.into_iter().map(|by| by.key().map(ByKey::new)).collect();
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
