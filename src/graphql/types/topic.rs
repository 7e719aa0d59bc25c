//! Topics.

use std::sync::Arc;

use async_graphql::connection::EmptyFields;
use async_graphql::{Context, Enum, ID, InputObject, Object, OneofObject, SimpleObject};

use crate::entity::topic;
use crate::error::Error;
use crate::graphql::connection::{Connection, Shown, connection, plain_list};
use crate::graphql::context::State as _;
use crate::graphql::engine::eager_resolver::AtOnce;
use crate::graphql::engine::lookahead::{FieldReads, Reads, columns_of};
use crate::graphql::inputs::identifier::{
    Identifier, IdentifierKey, former_ids, id_key, identifiers, numbers, possible, words,
};
use crate::graphql::inputs::localized_string::{LocalizedName, LocalizedString};
use crate::graphql::inputs::order::{OrderDirection, or_relevance};
use crate::graphql::inputs::scalars::DateTime;
use crate::graphql::types::paper::{PaperConnection, PaperFilter, PaperOrder};
use crate::graphql::types::researcher::{ResearcherFilter, ResearcherOrder, TopicResearcherConnection};
use crate::graphql::types::search::looked_for;
use crate::model::global_id::{GlobalId, Kind};
use crate::model::language::{LanguageTag, Languages};
use crate::store::reader::cursor::PageArguments;
use crate::store::reader::lookup::{ByKey, Key};
use crate::store::reader::page::{OrderDirection as Direction, Parent, Row};
use crate::store::reader::paper::{PaperScope, Papers};
use crate::store::reader::relation::{RelatedTo, TopicBroader, TopicFormerIds, TopicIdentifiers};
use crate::store::reader::researcher::TopicResearchers;
use crate::store::reader::topic as store;

/// A concept that papers are about and people work on, with labels in several languages.
#[derive(Clone)]
pub struct Topic(pub Arc<topic::Model>);

impl From<Arc<topic::Model>> for Topic {
    fn from(model: Arc<topic::Model>) -> Self {
        Self(model)
    }
}

impl Topic {
    /// The name to show in the best of some languages.
    pub fn in_languages(&self, languages: &Languages) -> LocalizedString {
        LocalizedString::best(&self.0.display_names, languages)
            .unwrap_or_else(|| LocalizedString::neutral(&self.0.slug))
    }
}

impl Reads for Topic {
    type Row = topic::Model;
    const FIELDS: &'static [FieldReads] = &[
        ("id", &[]),
        ("slug", &["slug"]),
        ("displayName", &["display_names", "slug"]),
        ("formerIds", &[]),
        ("labels", &["names"]),
        ("scheme", &["scheme"]),
        ("identifiers", &[]),
        ("broader", &[]),
        ("narrower", &[]),
        ("researchers", &[]),
        ("papers", &[]),
        ("createdAt", &["created_at"]),
        ("updatedAt", &["updated_at"]),
    ];
}

/// A concept that papers are about and people work on, with labels in several languages.
#[Object]
impl Topic {
    /// Its id: opaque, unique in the directory, the same for ever.
    pub async fn id(&self) -> ID {
        GlobalId { kind: Kind::Topic, number: self.0.id }.to_string().into()
    }

    /// Its name in an address: lower-case ASCII letters, digits and hyphens.
    pub async fn slug(&self) -> &str {
        &self.0.slug
    }

    /// The label to show.
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
        former_ids::<TopicFormerIds>(ctx, self.0.id, Kind::Topic).await
    }

    /// All its labels, in all languages.
    async fn labels(&self) -> Vec<LocalizedName> {
        self.0.names.0.iter().map(Into::into).collect()
    }

    /// The vocabulary it belongs to; `local` is the directory's own.
    async fn scheme(&self) -> &str {
        &self.0.scheme
    }

    /// Its code in its vocabulary, and ids of other schemes.
    async fn identifiers(&self, ctx: &Context<'_>) -> Result<Vec<Identifier>, Error> {
        identifiers::<TopicIdentifiers>(ctx, self.0.id).await
    }

    /// What it is directly part of.
    async fn broader(&self, ctx: &Context<'_>) -> Result<Vec<Topic>, Error> {
        let broader = ctx.loaders().load_one(RelatedTo::<TopicBroader>::new(self.0.id)).await?.unwrap_or_default();
        Ok(broader.iter().cloned().map(Topic).collect())
    }

    /// What is directly part of it, by label in the languages of Accept-Language.
    async fn narrower(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "So many from the start: 1 to 100, 20 where neither first nor last is given.")] first: Option<
            i32,
        >,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<String>,
        #[graphql(desc = "So many from the end: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what precedes this cursor.")] before: Option<String>,
    ) -> Result<TopicConnection, Error> {
        let (order, direction) = TopicOrder::or_label(None, &store::TopicFilter::default(), ctx)?;
        let filter = store::TopicFilter::default();
        let list = store::Topics { scope: store::TopicScope::Narrower, filter, order, direction };
        connection(ctx, Parent::of(self.0.id), list, PageArguments { first, after, last, before }).await
    }

    /// People who declare the topic or have papers on it, those with most of these first.
    #[allow(clippy::too_many_arguments, reason = "the arguments of the schema")]
    async fn researchers(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Or a narrower topic.", default = true)] include_narrower: bool,
        #[graphql(desc = "Which people.")] filter: Option<ResearcherFilter>,
        #[graphql(desc = "Another order; PAPER_COUNT counts papers on the topic.")] order_by: Option<ResearcherOrder>,
        #[graphql(desc = "So many from the start: 1 to 100, 20 where neither first nor last is given.")] first: Option<
            i32,
        >,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<String>,
        #[graphql(desc = "So many from the end: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what precedes this cursor.")] before: Option<String>,
    ) -> Result<TopicResearcherConnection, Error> {
        let filter = ResearcherFilter::or_all(filter, ctx)?;
        let (order, direction) = ResearcherOrder::or_most_papers(order_by, &filter)?;
        let list = TopicResearchers { include_narrower, filter, order, direction };
        connection(ctx, Parent::of(self.0.id), list, PageArguments { first, after, last, before }).await
    }

    /// Papers on the topic, newest first.
    #[allow(clippy::too_many_arguments, reason = "the arguments of the schema")]
    async fn papers(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Or on a narrower topic.", default = true)] include_narrower: bool,
        #[graphql(desc = "Which.")] filter: Option<PaperFilter>,
        #[graphql(desc = "Another order.")] order_by: Option<PaperOrder>,
        #[graphql(desc = "So many from the start: 1 to 100, 20 where neither first nor last is given.")] first: Option<
            i32,
        >,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<String>,
        #[graphql(desc = "So many from the end: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what precedes this cursor.")] before: Option<String>,
    ) -> Result<PaperConnection, Error> {
        let scope = PaperScope::Topic { include_narrower };
        let filter = PaperFilter::or_all(filter, ctx)?;
        let (order, direction) = PaperOrder::or_newest(order_by, &filter)?;
        let list = Papers { scope, filter, order, direction };
        connection(ctx, Parent::of(self.0.id), list, PageArguments { first, after, last, before }).await
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

/// Exactly one key of a topic.
#[derive(OneofObject)]
pub enum TopicBy {
    /// The directory's own id.
    Id(ID),
    /// Its name in an address.
    Slug(String),
    /// Its code in its vocabulary, or an id of any other scheme.
    Identifier(IdentifierKey),
}

impl TopicBy {
    fn key(self) -> Option<Key> {
        possible(match self {
            Self::Id(id) => return id_key(&id, Kind::Topic),
            Self::Slug(slug) => Key::Slug(slug.trim().to_lowercase()),
            Self::Identifier(identifier) => identifier.into(),
        })
    }
}

/// Which topics. All conditions hold together; an absent or null one is none, and an empty list matches nothing.
/// The ids of what was merged stand for what it became, unknown ones for nothing, and ids of another type are refused.
#[derive(InputObject, Default)]
pub struct TopicFilter {
    /// Any of these; at most 500.
    ids: Option<Vec<ID>>,
    /// Of any of these vocabularies; at most 500.
    schemes: Option<Vec<String>>,
    /// Anywhere below any of these; at most 500.
    broader_ids: Option<Vec<ID>>,
    /// By any of its labels in any language, as search finds them. At most 500 characters; white space alone is no
    /// condition.
    query: Option<String>,
    /// Changed at this moment or later.
    updated_since: Option<DateTime>,
}

impl TopicFilter {
    fn or_all(filter: Option<Self>, ctx: &Context<'_>) -> Result<store::TopicFilter, Error> {
        let filter = filter.unwrap_or_default();
        Ok(store::TopicFilter {
            ids: numbers(ctx, "ids", filter.ids, Kind::Topic)?,
            schemes: words(ctx, "schemes", filter.schemes)?,
            broader_ids: numbers(ctx, "broaderIds", filter.broader_ids, Kind::Topic)?,
            query: looked_for("query", filter.query)?,
            updated_since: filter.updated_since.map(|moment| moment.0),
        })
    }
}

/// By what topics are ordered.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
pub enum TopicOrderField {
    /// By the label in the best of `languages`.
    Label,
    /// By the number of papers, those on narrower topics included: counted after each import and at the start of each
    /// day. In a person's list, of that person's papers on the topic itself, at any time.
    PaperCount,
    /// By the number of people who declare it or have papers on it, narrower topics included: counted after each import
    /// and at the start of each day.
    ResearcherCount,
    /// By the last change.
    UpdatedAt,
    /// By how well filter.query matches, best last: DESC has the best first. Only with a query, and the default there.
    Relevance,
}

/// An order of topics; ties end on the id.
#[derive(InputObject)]
pub struct TopicOrder {
    /// By what.
    field: TopicOrderField,
    /// Which way.
    direction: OrderDirection,
    /// For LABEL, in order of preference; the request's Accept-Language where absent.
    languages: Option<Vec<LanguageTag>>,
}

impl TopicOrder {
    fn or(
        order: Option<Self>,
        filter: &store::TopicFilter,
        ctx: &Context<'_>,
        otherwise: store::TopicOrder,
    ) -> Result<(store::TopicOrder, Direction), Error> {
        let by = |field, languages| match field {
            TopicOrderField::Label => store::TopicOrder::Label(ctx.languages(languages)),
            TopicOrderField::PaperCount => store::TopicOrder::PaperCount,
            TopicOrderField::ResearcherCount => store::TopicOrder::ResearcherCount,
            TopicOrderField::UpdatedAt => store::TopicOrder::UpdatedAt,
            TopicOrderField::Relevance => store::TopicOrder::Relevance,
        };
        let asked = order.map(|order| (by(order.field, order.languages), order.direction.into()));
        or_relevance(asked, filter.query.as_ref(), store::TopicOrder::Relevance, (otherwise, Direction::Ascending))
    }

    /// The order asked for, else by label, or by relevance where the filter has a query.
    ///
    /// # Errors
    /// Where it is by relevance and the filter has no query.
    pub fn or_label(
        order: Option<Self>,
        filter: &store::TopicFilter,
        ctx: &Context<'_>,
    ) -> Result<(store::TopicOrder, Direction), Error> {
        Self::or(order, filter, ctx, store::TopicOrder::Label(ctx.languages(None)))
    }

    /// The order asked for, else the list's own. Such a list has no filter, and no order by relevance.
    ///
    /// # Errors
    /// Where it is by relevance.
    pub fn or_own(order: Option<Self>, ctx: &Context<'_>) -> Result<(store::TopicOrder, Direction), Error> {
        Self::or(order, &store::TopicFilter::default(), ctx, store::TopicOrder::Own)
    }
}

/// A page of topics.
pub type TopicConnection = AtOnce<Connection<store::Topics>>;
/// A page of a person's topics.
pub type ResearcherTopicConnection = AtOnce<Connection<store::ResearcherTopics>>;

plain_list!(store::Topics, "Topic", Topic);

/// What ties a person to a topic.
#[derive(SimpleObject)]
pub struct ResearcherTopicFields {
    /// How many of the person's papers are on the topic itself, every version of a work among them.
    paper_count: i32,
    /// Whether the person declares it; else it follows from papers.
    is_declared: bool,
}

impl Shown for store::ResearcherTopics {
    const NAME: &'static str = "ResearcherTopic";
    type Shown = Topic;
    type Fields = ResearcherTopicFields;
    type Facets = EmptyFields;

    fn fields(_: Parent, _: &Arc<Self>, _: &Row<Self>, edge: &Self::Edge) -> Self::Fields {
        ResearcherTopicFields { paper_count: edge.paper_count, is_declared: edge.is_declared }
    }
}

/// The part of the query that reads topics.
#[derive(Default)]
pub struct TopicQuery;

#[Object]
impl TopicQuery {
    /// One topic; null where none has the key.
    async fn topic(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Exactly one key.")] by: TopicBy,
    ) -> Result<Option<AtOnce<Topic>>, Error> {
        let Some(key) = by.key() else { return Ok(None) };
        let asked = ByKey::selecting(key, columns_of::<Topic>(ctx));
        Ok(ctx.loaders().load_one(asked).await?.map(Topic).map(AtOnce))
    }

    /// Topics, by label.
    #[allow(clippy::too_many_arguments, reason = "the arguments of the schema")]
    async fn topics(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which; all where absent.")] filter: Option<TopicFilter>,
        #[graphql(desc = "Another order.")] order_by: Option<TopicOrder>,
        #[graphql(desc = "So many from the start: 1 to 100, 20 where neither first nor last is given.")] first: Option<
            i32,
        >,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<String>,
        #[graphql(desc = "So many from the end: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what precedes this cursor.")] before: Option<String>,
    ) -> Result<TopicConnection, Error> {
        let filter = TopicFilter::or_all(filter, ctx)?;
        let (order, direction) = TopicOrder::or_label(order_by, &filter, ctx)?;
        let list = store::Topics { scope: store::TopicScope::All, filter, order, direction };
        connection(ctx, Parent::default(), list, PageArguments { first, after, last, before }).await
    }
}
