//! The paper type and its root fields.

mod abstract_text;
mod filter;

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, Object, SimpleObject};

use crate::entity::paper;
use crate::error::Error;
use crate::graphql::connection::{Connection, ConnectionType, load_connection, simple_connection};
use crate::graphql::context::ContextExt as _;
use crate::graphql::engine::eager_resolver::EagerObject;
use crate::graphql::engine::field_directives::{Cost, FREE, FieldCost, Reads, statements};
use crate::graphql::engine::lookahead::ProjectedType;
use crate::graphql::engine::selected_columns::selected_columns;
use crate::graphql::inputs::identifier::check_list_size;
use crate::graphql::inputs::scalars::{DateTime, Url, stored_url};
use crate::graphql::types::authorship::{Authorship, AuthorshipConnection};
use crate::graphql::types::change::load_revision;
use crate::graphql::types::citation::{self, CitationFormat};
use crate::graphql::types::facet::{FacetsField, PaperFacets};
use crate::graphql::types::identifier::{Identifier, load_former_ids, load_identifiers};
use crate::graphql::types::localized_string::LocalizedString;
use crate::graphql::types::topic::{TopicConnection, TopicOrder};
use crate::model::change::ChangeKind;
use crate::model::global_id::{GlobalId, NodeKind};
use crate::model::identifier::Doi;
use crate::model::language::{LanguagePreferences, LanguageTag};
use crate::model::partial_date::PartialDate;
use crate::model::record;
use crate::store::reader::authorship::Authorships;
use crate::store::reader::cursor::PageArguments;
use crate::store::reader::lookup::{ById, ByLookupKey};
use crate::store::reader::page::{ListRow, ParentKey};
use crate::store::reader::paper as store;
use crate::store::reader::relation::{PaperIdentifiers, PaperPreviousIds, PaperVersions, RelationKey};
use crate::store::reader::topic::{TopicFilter, TopicScope, Topics};

use crate::graphql::types::paper::abstract_text::Abstract;
pub use crate::graphql::types::paper::filter::{
    PaperBy, PaperFilter, PaperOrder, PaperOrganizationLink, to_store_links,
};

/// A citation contains the authors.
const CITATION: FieldCost = statements(1).rows(10);

/// A publication: an article, a preprint, a book, a thesis or a dataset. Versions of the same work are separate papers,
/// linked by `versionOf`.
#[derive(Clone)]
pub struct Paper(pub Arc<paper::Model>);

impl From<Arc<paper::Model>> for Paper {
    fn from(model: Arc<paper::Model>) -> Self {
        Self(model)
    }
}

impl Paper {
    /// Returns the title in the best of the preferred languages.
    pub fn localized_title(&self, languages: &LanguagePreferences) -> LocalizedString {
        let published: Option<LanguageTag> = self.0.language.as_ref().and_then(|tag| tag.parse().ok());
        let mut titles = self.0.translated_titles.clone();
        titles.insert(published.as_ref(), &self.0.title);
        match LocalizedString::best_match(&titles, languages) {
            Some(best) if !best.is_fallback => best,
            // A title in a third language does not help the reader; the published title is better known.
            _ => LocalizedString { value: self.0.title.clone(), is_fallback: published.is_some(), language: published },
        }
    }
}

impl ProjectedType for Paper {
    type Row = paper::Model;
}

/// A publication: an article, a preprint, a book, a thesis or a dataset. Versions of the same work are separate papers,
/// linked by `versionOf`.
#[Object]
impl Paper {
    /// Globally unique, opaque ID. It is permanent.
    #[graphql(directive = Reads::apply(&[]))]
    pub async fn id(&self) -> ID {
        GlobalId { kind: NodeKind::Paper, row_id: self.0.id }.to_string().into()
    }

    /// URL slug: lowercase ASCII letters, digits and hyphens.
    #[graphql(directive = Reads::apply(&["slug"]))]
    pub async fn slug(&self) -> &str {
        &self.0.slug
    }

    /// The title to display: a translated title in a preferred language if available, otherwise the title as published.
    #[graphql(directive = Reads::apply(&["title", "language", "translated_titles"]), directive = Cost::apply(FREE))]
    pub async fn display_name(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Preferred languages, most preferred first. Defaults to the request's `Accept-Language` header."
        )]
        languages: Option<Vec<LanguageTag>>,
    ) -> LocalizedString {
        self.localized_title(&ctx.languages(languages))
    }

    /// IDs of entities merged into this one. They permanently resolve to it.
    #[graphql(directive = Reads::apply(&[]), directive = Cost::apply(statements(1)))]
    pub async fn former_ids(&self, ctx: &Context<'_>) -> Result<Vec<ID>, Error> {
        load_former_ids::<PaperPreviousIds>(ctx, self.0.id, NodeKind::Paper).await
    }

    /// The revision, opaque: it is another one after every change that the change feed reports.
    // The change feed is read for each paper of the longest lists.
    #[graphql(directive = Reads::apply(&[]), directive = Cost::apply(statements(2)))]
    pub async fn revision(&self, ctx: &Context<'_>) -> Result<String, Error> {
        load_revision(ctx, ChangeKind::Paper, self.0.id).await
    }

    /// The title as published.
    #[graphql(directive = Reads::apply(&["title"]))]
    async fn title(&self) -> &str {
        &self.0.title
    }

    /// The abstract, or the reason why it is not available.
    #[graphql(name = "abstract", directive = Reads::apply(&["abstract_text", "abstract_completeness"]), directive = Cost::apply(FREE))]
    async fn abstract_text(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Preferred languages, most preferred first. Defaults to the request's `Accept-Language` header."
        )]
        languages: Option<Vec<LanguageTag>>,
    ) -> Abstract {
        Abstract {
            completeness: self.0.abstract_completeness.into(),
            text: LocalizedString::best_match(&self.0.abstract_text, &ctx.languages(languages)),
        }
    }

    /// The publication year. Null if unknown.
    #[graphql(directive = Reads::apply(&["publication_year"]))]
    async fn publication_year(&self) -> Option<i32> {
        self.0.publication_year
    }

    /// The publication date, as precisely as it is known. Null if unknown.
    #[graphql(directive = Reads::apply(&["publication_date"]))]
    async fn publication_date(&self) -> Option<PartialDate> {
        self.0.publication_date.as_ref()?.parse().ok()
    }

    /// The type of publication.
    #[graphql(name = "type", directive = Reads::apply(&["paper_type"]))]
    async fn paper_type(&self) -> PaperType {
        self.0.paper_type.into()
    }

    /// The name of the journal, proceedings or book that contains it.
    #[graphql(directive = Reads::apply(&["venue_name"]))]
    async fn venue_name(&self) -> Option<&str> {
        self.0.venue_name.as_deref()
    }

    /// The volume of the journal, or of the series of the book, such as `12` or `12-13`. Null if unknown.
    #[graphql(directive = Reads::apply(&["volume"]))]
    async fn volume(&self) -> Option<&str> {
        self.0.volume.as_deref()
    }

    /// The issue of the volume, such as `3` or `Suppl. 1`; of a report, its number. Null if unknown.
    #[graphql(directive = Reads::apply(&["issue"]))]
    async fn issue(&self) -> Option<&str> {
        self.0.issue.as_deref()
    }

    /// The pages, such as `123–145`: an en dash joins the ends of a range, and a comma and a space separate several
    /// ranges or pages. Null if unknown, or if the paper has an article number instead.
    #[graphql(directive = Reads::apply(&["pages"]))]
    async fn pages(&self) -> Option<&str> {
        self.0.pages.as_deref()
    }

    /// The article number, such as `e0123456` or `104567`, of a paper that is identified by one instead of pages. Null
    /// if unknown.
    #[graphql(directive = Reads::apply(&["article_number"]))]
    async fn article_number(&self) -> Option<&str> {
        self.0.article_number.as_deref()
    }

    /// The edition: its number, such as `2`, or its name, such as `Revised`. Null if unknown.
    #[graphql(directive = Reads::apply(&["edition"]))]
    async fn edition(&self) -> Option<&str> {
        self.0.edition.as_deref()
    }

    /// The name of the publisher; of a thesis, the institution that awarded the degree; of a report, the institution that
    /// published it. Null if unknown.
    #[graphql(directive = Reads::apply(&["publisher_name"]))]
    async fn publisher_name(&self) -> Option<&str> {
        self.0.publisher_name.as_deref()
    }

    /// The ISSNs of the journal or series, such as `0028-0836`; at most 50. Their check digits are verified.
    #[graphql(directive = Reads::apply(&["issns"]))]
    async fn issns(&self) -> &[String] {
        &self.0.issns
    }

    /// The ISBNs of the book or proceedings: 13 digits without hyphens, such as `9783161484100`; at most 50. Their check
    /// digits are verified.
    #[graphql(directive = Reads::apply(&["isbns"]))]
    async fn isbns(&self) -> &[String] {
        &self.0.isbns
    }

    /// The keywords as published, each once; at most 100. They are not linked to topics.
    #[graphql(directive = Reads::apply(&["keywords"]))]
    async fn keywords(&self) -> &[String] {
        &self.0.keywords
    }

    /// The language in which it is written. Null if unknown.
    #[graphql(directive = Reads::apply(&["language"]))]
    async fn language(&self) -> Option<LanguageTag> {
        self.0.language.as_ref()?.parse().ok()
    }

    /// The DOI as a URL, such as `https://doi.org/10.1000/xyz123`.
    #[graphql(directive = Reads::apply(&["doi"]))]
    async fn doi(&self) -> Option<Url> {
        self.0.doi.as_ref()?.parse::<Doi>().ok().map(|doi| Url(doi.uri()))
    }

    /// The arXiv ID without its version, such as `2301.00001`.
    #[graphql(directive = Reads::apply(&["arxiv_id"]))]
    async fn arxiv_id(&self) -> Option<&str> {
        self.0.arxiv_id.as_deref()
    }

    /// Identifiers of other schemes, including the ID in each imported source.
    #[graphql(directive = Reads::apply(&[]), directive = Cost::apply(statements(1)))]
    async fn identifiers(&self, ctx: &Context<'_>) -> Result<Vec<Identifier>, Error> {
        load_identifiers::<PaperIdentifiers>(ctx, self.0.id).await
    }

    /// The URL where the paper can be read.
    #[graphql(directive = Reads::apply(&["url"]))]
    async fn url(&self) -> Option<Url> {
        stored_url(self.0.url.as_ref())
    }

    /// Whether it was retracted.
    #[graphql(directive = Reads::apply(&["is_retracted"]))]
    async fn is_retracted(&self) -> bool {
        self.0.is_retracted
    }

    /// The version of record, if this paper is a preprint or another version of it. Null if this paper is the version
    /// of record or has no other versions.
    ///
    /// Papers are linked as versions if they share a DOI or a title, have authors in common, and are at most two years
    /// apart. The version of record is a published version rather than a preprint, then one with a DOI, then the
    /// latest.
    #[graphql(directive = Reads::apply(&[]), directive = Cost::apply(statements(1)))]
    async fn version_of(&self, ctx: &Context<'_>) -> Result<Option<EagerObject<Paper>>, Error> {
        let Some(record) = self.0.version_of_id else { return Ok(None) };
        let key = ById::with_columns(record, selected_columns::<Paper>(ctx));
        Ok(ctx.data_loader().load_one(key).await?.map(Paper).map(EagerObject))
    }

    /// The other versions, latest first, if this paper is the version of record. Empty otherwise.
    #[graphql(directive = Reads::apply(&[]), directive = Cost::apply(statements(1)))]
    async fn versions(&self, ctx: &Context<'_>) -> Result<Vec<Paper>, Error> {
        let versions =
            ctx.data_loader().load_one(RelationKey::<PaperVersions>::new(self.0.id)).await?.unwrap_or_default();
        Ok(versions.iter().cloned().map(Paper).collect())
    }

    /// All authors in author order, without truncation. Authors whose position the source does not provide come last.
    #[graphql(directive = Reads::apply(&[]), directive = Cost::apply(statements(1)))]
    async fn authorships(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Returns the first _n_ items: 1 to 100. Defaults to 20 if neither `first` nor `last` is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "Returns items after this cursor.")] after: Option<String>,
        #[graphql(desc = "Returns the last _n_ items: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Returns items before this cursor.")] before: Option<String>,
    ) -> Result<AuthorshipConnection, Error> {
        load_connection(ctx, ParentKey::new(self.0.id), Authorships, PageArguments { first, after, last, before }).await
    }

    /// The topics of the paper, in the order of the source.
    #[graphql(directive = Reads::apply(&[]), directive = Cost::apply(statements(1)))]
    async fn topics(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Returns the first _n_ items: 1 to 100. Defaults to 20 if neither `first` nor `last` is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "Returns items after this cursor.")] after: Option<String>,
        #[graphql(desc = "Returns the last _n_ items: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Returns items before this cursor.")] before: Option<String>,
    ) -> Result<TopicConnection, Error> {
        let (order, direction) = TopicOrder::resolve_list_order(None, ctx)?;
        let list = Topics { scope: TopicScope::Paper, filter: TopicFilter::default(), order, direction };
        load_connection(ctx, ParentKey::new(self.0.id), list, PageArguments { first, after, last, before }).await
    }

    /// The citation entry for reference managers, with all authors. The citation key is the slug.
    #[graphql(directive = Reads::apply(&[]), directive = Cost::apply(CITATION))]
    async fn citation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The format of the entry.")] format: CitationFormat,
    ) -> Result<String, Error> {
        citation::load_citation(ctx, self.0.id, format).await
    }

    /// The formatted citation, as plain text without a number.
    #[graphql(directive = Reads::apply(&[]), directive = Cost::apply(CITATION))]
    async fn formatted_citation(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "The citation style: `apa`, `chicago` (author-date), `harvard`, `ieee`, `mla`, `nature` or `vancouver`.",
            default = "apa"
        )]
        style: String,
        #[graphql(
            desc = "Preferred languages for words such as `and`: French or English. Defaults to `Accept-Language`."
        )]
        languages: Option<Vec<LanguageTag>>,
    ) -> Result<String, Error> {
        citation::load_formatted_citation(ctx, self.0.id, &style, languages).await
    }

    /// When it was added to the directory.
    #[graphql(directive = Reads::apply(&["created_at"]))]
    pub async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// When its data in the directory last changed.
    #[graphql(directive = Reads::apply(&["updated_at"]))]
    pub async fn updated_at(&self) -> DateTime {
        DateTime(self.0.updated_at)
    }
}

/// Types of publication, common to the COAR and CSL vocabularies.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "record::PaperType")]
pub enum PaperType {
    /// An article in a journal, a magazine or a newspaper.
    Article,
    /// A paper in conference proceedings.
    ConferencePaper,
    /// A preprint: published before or without peer review.
    Preprint,
    /// A book.
    Book,
    /// A chapter or another part of a book.
    BookChapter,
    /// A thesis or dissertation.
    Thesis,
    /// A report.
    Report,
    /// A dataset.
    Dataset,
    /// Any other type.
    Other,
}

/// A page of papers.
pub type PaperConnection = EagerObject<Connection<store::Papers>>;
/// A page of a researcher's papers.
pub type ResearcherPaperConnection = EagerObject<Connection<store::ResearcherPapers>>;

simple_connection!(store::Papers, "Paper", Paper, FacetsField<Self, PaperFacets>);

/// Edge data of a researcher's paper.
#[derive(SimpleObject)]
pub struct ResearcherPaperEdgeFields {
    /// The researcher's authorship of the paper.
    #[graphql(directive = Cost::apply(statements(1)))]
    authorship: Authorship,
}

impl ConnectionType for store::ResearcherPapers {
    const NAME: &'static str = "ResearcherPaper";
    type NodeObject = Paper;
    type EdgeFields = ResearcherPaperEdgeFields;
    type Facets = FacetsField<Self, PaperFacets>;

    fn edge_fields(_: ParentKey, _: &Arc<Self>, _: &ListRow<Self>, edge: &Self::Edge) -> Self::EdgeFields {
        ResearcherPaperEdgeFields { authorship: edge.0.clone().into() }
    }
}

/// Root fields for papers.
#[derive(Default)]
pub struct PaperQuery;

#[Object]
impl PaperQuery {
    /// Looks up a paper by one key. Null if there is no match.
    #[graphql(directive = Cost::apply(statements(1)))]
    async fn paper(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Exactly one key, in any of its formats.")] by: PaperBy,
    ) -> Result<Option<EagerObject<Paper>>, Error> {
        let Some(key) = by.into_lookup_key() else { return Ok(None) };
        let key = ByLookupKey::with_columns(key, selected_columns::<Paper>(ctx));
        Ok(ctx.data_loader().load_one(key).await?.map(Paper).map(EagerObject))
    }

    /// Looks up papers by their keys, in the order of the keys; null for each key without a match. The lookup is
    /// batched into a single SQL statement.
    #[graphql(directive = Cost::apply(statements(1)))]
    async fn papers_by(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The keys; at most 500.")] keys: Vec<PaperBy>,
    ) -> Result<Vec<Option<Paper>>, Error> {
        let keys = check_list_size(ctx, "keys", Some(keys))?.unwrap_or_default();
        let selected = selected_columns::<Paper>(ctx);
        let keys: Vec<_> =
            keys.into_iter().map(|by| Some(ByLookupKey::with_columns(by.into_lookup_key()?, selected))).collect();
        let papers = ctx.data_loader().load_many(keys.iter().flatten().cloned()).await?;
        Ok(keys.iter().map(|key| key.as_ref().and_then(|key| papers.get(key)).cloned().map(Paper)).collect())
    }

    /// All papers, newest first by default.
    #[graphql(directive = Cost::apply(statements(1)))]
    #[allow(clippy::too_many_arguments, reason = "the arguments of the field")]
    async fn papers(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Filters the papers. Defaults to all.")] filter: Option<PaperFilter>,
        #[graphql(desc = "Sort order. Defaults to newest first, or to relevance if `filter.query` is set.")]
        order_by: Option<PaperOrder>,
        #[graphql(
            desc = "Returns the first _n_ items: 1 to 100. Defaults to 20 if neither `first` nor `last` is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "Returns items after this cursor.")] after: Option<String>,
        #[graphql(desc = "Returns the last _n_ items: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Returns items before this cursor.")] before: Option<String>,
    ) -> Result<PaperConnection, Error> {
        let filter = PaperFilter::into_store_filter(filter, ctx)?;
        let (order, direction) = PaperOrder::resolve_newest_first(order_by, &filter)?;
        let list = store::Papers { scope: store::PaperScope::All, filter, order, direction };
        load_connection(ctx, ParentKey::default(), list, PageArguments { first, after, last, before }).await
    }
}
