//! The topic type and its root fields.

mod filter;

use std::sync::Arc;

use async_graphql::connection::EmptyFields;
use async_graphql::{Context, ID, Object, SimpleObject};

use crate::entity::topic;
use crate::error::Error;
use crate::graphql::connection::{Connection, ConnectionType, load_connection, simple_connection};
use crate::graphql::context::ContextExt as _;
use crate::graphql::engine::eager_resolver::EagerObject;
use crate::graphql::engine::field_directives::{Cost, FREE, Reads, statements};
use crate::graphql::engine::lookahead::ProjectedType;
use crate::graphql::engine::selected_columns::selected_columns;
use crate::graphql::inputs::scalars::DateTime;
use crate::graphql::types::change::load_revision;
use crate::graphql::types::identifier::{Identifier, load_former_ids, load_identifiers};
use crate::graphql::types::localized_string::{LocalizedName, LocalizedString};
use crate::graphql::types::paper::{PaperConnection, PaperFilter, PaperOrder};
use crate::graphql::types::researcher::{ResearcherFilter, ResearcherOrder, TopicResearcherConnection};
use crate::model::change::ChangeKind;
use crate::model::global_id::{GlobalId, NodeKind};
use crate::model::language::{LanguagePreferences, LanguageTag};
use crate::store::reader::cursor::PageArguments;
use crate::store::reader::lookup::ByLookupKey;
use crate::store::reader::page::{ListRow, ParentKey};
use crate::store::reader::paper::{PaperScope, Papers};
use crate::store::reader::relation::{RelationKey, TopicBroader, TopicIdentifiers, TopicPreviousIds};
use crate::store::reader::researcher::TopicResearchers;
use crate::store::reader::topic as store;

pub use crate::graphql::types::topic::filter::{TopicBy, TopicFilter, TopicOrder};

/// A research topic with labels in several languages. Papers are about topics, and researchers work on them.
#[derive(Clone)]
pub struct Topic(pub Arc<topic::Model>);

impl From<Arc<topic::Model>> for Topic {
    fn from(model: Arc<topic::Model>) -> Self {
        Self(model)
    }
}

impl Topic {
    /// Returns the display name in the best of the preferred languages.
    pub fn localized_name(&self, languages: &LanguagePreferences) -> LocalizedString {
        LocalizedString::best_match(&self.0.display_names, languages)
            .unwrap_or_else(|| LocalizedString::without_language(&self.0.slug))
    }
}

impl ProjectedType for Topic {
    type Row = topic::Model;
}

/// A research topic with labels in several languages. Papers are about topics, and researchers work on them.
#[Object]
impl Topic {
    /// Globally unique, opaque ID. It is permanent.
    #[graphql(directive = Reads::apply(&[]))]
    pub async fn id(&self) -> ID {
        GlobalId { kind: NodeKind::Topic, row_id: self.0.id }.to_string().into()
    }

    /// URL slug: lowercase ASCII letters, digits and hyphens.
    #[graphql(directive = Reads::apply(&["slug"]))]
    pub async fn slug(&self) -> &str {
        &self.0.slug
    }

    /// The label to display, in the best language available.
    #[graphql(directive = Reads::apply(&["display_names", "slug"]), directive = Cost::apply(FREE))]
    pub async fn display_name(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Preferred languages, most preferred first. Defaults to the request's `Accept-Language` header."
        )]
        languages: Option<Vec<LanguageTag>>,
    ) -> LocalizedString {
        self.localized_name(&ctx.languages(languages))
    }

    /// IDs of entities merged into this one. They permanently resolve to it.
    #[graphql(directive = Reads::apply(&[]), directive = Cost::apply(statements(1)))]
    pub async fn former_ids(&self, ctx: &Context<'_>) -> Result<Vec<ID>, Error> {
        load_former_ids::<TopicPreviousIds>(ctx, self.0.id, NodeKind::Topic).await
    }

    /// The revision, opaque: it is another one after every change that the change feed reports.
    #[graphql(directive = Reads::apply(&[]), directive = Cost::apply(statements(1)))]
    pub async fn revision(&self, ctx: &Context<'_>) -> Result<String, Error> {
        load_revision(ctx, ChangeKind::Topic, self.0.id).await
    }

    /// All labels in all languages.
    #[graphql(directive = Reads::apply(&["names"]), directive = Cost::apply(FREE))]
    async fn labels(&self) -> Vec<LocalizedName> {
        self.0.names.0.iter().map(Into::into).collect()
    }

    /// The vocabulary to which the topic belongs; `local` is the directory's own.
    #[graphql(directive = Reads::apply(&["scheme"]))]
    async fn scheme(&self) -> &str {
        &self.0.scheme
    }

    /// The code in its vocabulary, and identifiers of other schemes.
    #[graphql(directive = Reads::apply(&[]), directive = Cost::apply(statements(1)))]
    async fn identifiers(&self, ctx: &Context<'_>) -> Result<Vec<Identifier>, Error> {
        load_identifiers::<TopicIdentifiers>(ctx, self.0.id).await
    }

    /// The direct broader topics.
    #[graphql(directive = Reads::apply(&[]), directive = Cost::apply(statements(1)))]
    async fn broader(&self, ctx: &Context<'_>) -> Result<Vec<Topic>, Error> {
        let broader =
            ctx.data_loader().load_one(RelationKey::<TopicBroader>::new(self.0.id)).await?.unwrap_or_default();
        Ok(broader.iter().cloned().map(Topic).collect())
    }

    /// The direct narrower topics, sorted by label in the languages of the `Accept-Language` header.
    #[graphql(directive = Reads::apply(&[]), directive = Cost::apply(statements(1)))]
    async fn narrower(
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
        let (order, direction) = TopicOrder::resolve_by_label(None, &store::TopicFilter::default(), ctx)?;
        let filter = store::TopicFilter::default();
        let list = store::Topics { scope: store::TopicScope::Narrower, filter, order, direction };
        load_connection(ctx, ParentKey::new(self.0.id), list, PageArguments { first, after, last, before }).await
    }

    /// Researchers who declare the topic or have papers on it, most papers first by default.
    // With those of all parts, they are no range of an index.
    #[graphql(directive = Reads::apply(&[]), directive = Cost::apply(statements(1).scan(1_000)))]
    #[allow(clippy::too_many_arguments, reason = "the arguments of the field")]
    async fn researchers(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whether to include narrower topics.", default = true)] include_narrower: bool,
        #[graphql(desc = "Filters the researchers. Defaults to all.")] filter: Option<ResearcherFilter>,
        #[graphql(desc = "Sort order. Defaults to the most papers first. PAPER_COUNT counts papers on the topic.")]
        order_by: Option<ResearcherOrder>,
        #[graphql(
            desc = "Returns the first _n_ items: 1 to 100. Defaults to 20 if neither `first` nor `last` is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "Returns items after this cursor.")] after: Option<String>,
        #[graphql(desc = "Returns the last _n_ items: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Returns items before this cursor.")] before: Option<String>,
    ) -> Result<TopicResearcherConnection, Error> {
        let filter = ResearcherFilter::into_store_filter(filter, ctx)?;
        let (order, direction) = ResearcherOrder::resolve_most_papers_first(order_by, &filter)?;
        let list = TopicResearchers { include_narrower, filter, order, direction };
        load_connection(ctx, ParentKey::new(self.0.id), list, PageArguments { first, after, last, before }).await
    }

    /// Papers on the topic, newest first by default.
    #[graphql(directive = Reads::apply(&[]), directive = Cost::apply(statements(1).scan(2_700)))]
    #[allow(clippy::too_many_arguments, reason = "the arguments of the field")]
    async fn papers(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whether to include papers on narrower topics.", default = true)] include_narrower: bool,
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
        let scope = PaperScope::Topic { include_narrower };
        let filter = PaperFilter::into_store_filter(filter, ctx)?;
        let (order, direction) = PaperOrder::resolve_newest_first(order_by, &filter)?;
        let list = Papers { scope, filter, order, direction };
        load_connection(ctx, ParentKey::new(self.0.id), list, PageArguments { first, after, last, before }).await
    }

    /// When it was added to the directory.
    #[graphql(directive = Reads::apply(&["created_at"]))]
    pub async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// Counts by which lists are sorted: cheaper than exact totals, and updated after each import and at the start of each
    /// day. Null if reading them fails.
    #[graphql(directive = Reads::apply(&[]), directive = Cost::apply(statements(1)))]
    async fn statistics(&self, ctx: &Context<'_>) -> Option<Result<TopicStatistics, Error>> {
        let counts = ctx.data_loader().load_one(store::TopicStatisticsKey(self.0.id)).await.transpose()?;
        Some(counts.map(TopicStatistics::from))
    }

    /// When its data in the directory last changed.
    #[graphql(directive = Reads::apply(&["updated_at"]))]
    pub async fn updated_at(&self) -> DateTime {
        DateTime(self.0.updated_at)
    }
}

/// Counts of a topic, as last computed.
#[derive(SimpleObject)]
pub struct TopicStatistics {
    /// The number of papers, including those on narrower topics.
    paper_count: i32,
    /// The number of researchers who declare the topic or have papers on it, including narrower topics.
    researcher_count: i32,
}

impl From<store::TopicStatistics> for TopicStatistics {
    fn from(counts: store::TopicStatistics) -> Self {
        Self { paper_count: counts.paper_count, researcher_count: counts.researcher_count }
    }
}

/// A page of topics.
pub type TopicConnection = EagerObject<Connection<store::Topics>>;
/// A page of a researcher's topics.
pub type ResearcherTopicConnection = EagerObject<Connection<store::ResearcherTopics>>;

simple_connection!(store::Topics, "Topic", Topic);

/// Edge data that links a researcher and a topic.
#[derive(SimpleObject)]
pub struct ResearcherTopicEdgeFields {
    /// The number of the researcher's papers on the topic itself. Versions of a work count separately.
    paper_count: i32,
    /// Whether the researcher declares the topic. Otherwise it is derived from papers.
    is_declared: bool,
}

impl ConnectionType for store::ResearcherTopics {
    const NAME: &'static str = "ResearcherTopic";
    type NodeObject = Topic;
    type EdgeFields = ResearcherTopicEdgeFields;
    type Facets = EmptyFields;

    fn edge_fields(_: ParentKey, _: &Arc<Self>, _: &ListRow<Self>, edge: &Self::Edge) -> Self::EdgeFields {
        ResearcherTopicEdgeFields { paper_count: edge.paper_count, is_declared: edge.is_declared }
    }
}

/// Root fields for topics.
#[derive(Default)]
pub struct TopicQuery;

#[Object]
impl TopicQuery {
    /// Looks up a topic by one key. Null if there is no match.
    #[graphql(directive = Cost::apply(statements(1)))]
    async fn topic(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Exactly one key.")] by: TopicBy,
    ) -> Result<Option<EagerObject<Topic>>, Error> {
        let Some(key) = by.into_lookup_key() else { return Ok(None) };
        let key = ByLookupKey::with_columns(key, selected_columns::<Topic>(ctx));
        Ok(ctx.data_loader().load_one(key).await?.map(Topic).map(EagerObject))
    }

    /// All topics, sorted by label by default.
    #[graphql(directive = Cost::apply(statements(1)))]
    #[allow(clippy::too_many_arguments, reason = "the arguments of the field")]
    async fn topics(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Filters the topics. Defaults to all.")] filter: Option<TopicFilter>,
        #[graphql(desc = "Sort order. Defaults to label, or to relevance if `filter.query` is set.")] order_by: Option<
            TopicOrder,
        >,
        #[graphql(
            desc = "Returns the first _n_ items: 1 to 100. Defaults to 20 if neither `first` nor `last` is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "Returns items after this cursor.")] after: Option<String>,
        #[graphql(desc = "Returns the last _n_ items: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Returns items before this cursor.")] before: Option<String>,
    ) -> Result<TopicConnection, Error> {
        let filter = TopicFilter::into_store_filter(filter, ctx)?;
        let (order, direction) = TopicOrder::resolve_by_label(order_by, &filter, ctx)?;
        let list = store::Topics { scope: store::TopicScope::All, filter, order, direction };
        load_connection(ctx, ParentKey::default(), list, PageArguments { first, after, last, before }).await
    }
}
