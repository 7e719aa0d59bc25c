//! Facets: how the whole of a filtered list divides, whatever page of it is shown.

use std::borrow::Cow;
use std::marker::PhantomData;
use std::sync::Arc;

use async_graphql::connection::EmptyFields;
use async_graphql::{Context, ID, Object, ObjectType, OutputType, SimpleObject, TypeName};

use crate::error::Error;
use crate::graphql::connection::Shown;
use crate::graphql::context::State as _;
use crate::graphql::engine::eager_resolver::AtOnce;
use crate::graphql::engine::lookahead::columns_of;
use crate::graphql::inputs::identifier::numbers;
use crate::graphql::types::organization::Organization;
use crate::graphql::types::paper::PaperType;
use crate::graphql::types::researcher::{Researcher, YearCount};
use crate::graphql::types::topic::Topic;
use crate::model::global_id::Kind;
use crate::model::record;
use crate::store::reader::cursor::PageError;
use crate::store::reader::facet as store;
use crate::store::reader::facet::{Entry, FacetOf, PaperFacet, Which};
use crate::store::reader::lookup::ById;
use crate::store::reader::page::Parent;

/// The field of a connection that has facets; nothing where a list has none.
pub trait Facets<L>: ObjectType {
    /// Of a parent's list.
    fn of(parent: Parent, list: &Arc<L>) -> Self;
}

impl<L> Facets<L> for EmptyFields {
    fn of(_: Parent, _: &Arc<L>) -> Self {
        Self
    }
}

/// The field with the facets, one type for each list: the engine cannot flatten one into several connections that lead to
/// each other.
pub struct WithFacets<L, F> {
    facets: F,
    of: PhantomData<fn() -> L>,
}

/// The field with the facets of a list.
#[Object(name_type)]
impl<L: Shown, F: OutputType> WithFacets<L, F> {
    /// Counts over the whole filtered list, whatever page is shown; counted only where they are asked for. Null where
    /// counting failed.
    async fn facets(&self) -> Option<&F> {
        Some(&self.facets)
    }
}

impl<L: Shown, F: OutputType> TypeName for WithFacets<L, F> {
    fn type_name() -> Cow<'static, str> {
        format!("{}ConnectionFacets", L::NAME).into()
    }
}

impl<L: Shown, F: OutputType + From<(Parent, Arc<L>)>> Facets<L> for WithFacets<L, F> {
    fn of(parent: Parent, list: &Arc<L>) -> Self {
        Self { facets: F::from((parent, Arc::clone(list))), of: PhantomData }
    }
}

fn first_of(ctx: &Context<'_>, first: i32) -> Result<Which, Error> {
    let maximum = ctx.limits().page.maximum_size;
    match u32::try_from(first) {
        Ok(size) if (1..=maximum).contains(&size) => Ok(Which::First(size)),
        _ => Err(PageError::Size { argument: "first", given: first, maximum }.into()),
    }
}

fn these_or_first(ctx: &Context<'_>, first: i32, ids: Option<Vec<ID>>, kind: Kind) -> Result<Which, Error> {
    match numbers(ctx, "ids", ids, kind)? {
        Some(these) => Ok(Which::These(these.into())),
        None => first_of(ctx, first),
    }
}

/// A facet's entries as the schema shows them.
async fn entries<K: store::Kind, T: for<'a> From<&'a Entry>>(
    ctx: &Context<'_>,
    asked: FacetOf<K>,
) -> Result<Vec<T>, Error> {
    let entries = ctx.loaders().load_one(asked).await?.ok_or_else(|| Error::internal("a list without a facet"))?;
    Ok(entries.iter().map(T::from).collect())
}

fn amount(entry: &Entry) -> i32 {
    i32::try_from(entry.count).unwrap_or(i32::MAX)
}

/// How the people of the whole filtered list divide, whatever page is shown. Each person counts once for an entry, most
/// people first, ties in a fixed order. All facets that are asked of a list are counted together.
pub struct ResearcherFacets {
    parent: Parent,
    list: store::ResearcherList,
}

impl<L> From<(Parent, Arc<L>)> for ResearcherFacets
where
    store::ResearcherList: From<Arc<L>>,
{
    fn from((parent, list): (Parent, Arc<L>)) -> Self {
        Self { parent, list: list.into() }
    }
}

impl ResearcherFacets {
    fn by(&self, kind: store::ResearcherFacet, which: Which) -> FacetOf<store::ResearcherFacet> {
        FacetOf { parent: self.parent, list: self.list.clone(), kind, which }
    }
}

/// How the people of the whole filtered list divide, whatever page is shown. Each person counts once for an entry, most
/// people first, ties in a fixed order. All facets that are asked of a list are counted together.
#[Object]
impl ResearcherFacets {
    /// Where they have a current employment, membership or invited position: there itself, not below.
    async fn organizations(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "So many, most people first: 1 to 100. Without effect where ids is given.", default = 10)]
        first: i32,
        #[graphql(
            desc = "Exactly these organizations, those of nobody with 0; at most 500. Unknown ones are left out."
        )]
        ids: Option<Vec<ID>>,
    ) -> Result<Vec<OrganizationFacet>, Error> {
        let which = these_or_first(ctx, first, ids, Kind::Organization)?;
        entries(ctx, self.by(store::ResearcherFacet::Organizations, which)).await
    }

    /// What they declare or have papers on: the topics themselves, without those that are broader.
    async fn topics(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "So many, most people first: 1 to 100. Without effect where ids is given.", default = 10)]
        first: i32,
        #[graphql(desc = "Exactly these topics, those of nobody with 0; at most 500. Unknown ones are left out.")]
        ids: Option<Vec<ID>>,
    ) -> Result<Vec<TopicFacet>, Error> {
        let which = these_or_first(ctx, first, ids, Kind::Topic)?;
        entries(ctx, self.by(store::ResearcherFacet::Topics, which)).await
    }
}

/// How the papers of the whole filtered list divide, whatever page is shown. Each paper counts once for an entry, most
/// papers first but for years, ties in a fixed order: as many as are listed, every version of a work unless the filter has
/// isVersion. All facets that are asked of a list are counted together.
pub struct PaperFacets {
    parent: Parent,
    list: store::PaperList,
}

impl<L> From<(Parent, Arc<L>)> for PaperFacets
where
    store::PaperList: From<Arc<L>>,
{
    fn from((parent, list): (Parent, Arc<L>)) -> Self {
        Self { parent, list: list.into() }
    }
}

impl PaperFacets {
    fn by(&self, kind: PaperFacet, which: Which) -> FacetOf<PaperFacet> {
        FacetOf { parent: self.parent, list: self.list.clone(), kind, which }
    }
}

/// How the papers of the whole filtered list divide, whatever page is shown. Each paper counts once for an entry, most
/// papers first but for years, ties in a fixed order: as many as are listed, every version of a work unless the filter has
/// isVersion. All facets that are asked of a list are counted together.
#[Object]
impl PaperFacets {
    /// Every year that has papers, in order from the earliest; papers without a year are in none.
    async fn publication_years(&self, ctx: &Context<'_>) -> Result<Vec<YearCount>, Error> {
        entries(ctx, self.by(PaperFacet::PublicationYears, Which::All)).await
    }

    /// Every kind of work that there is among them, most papers first.
    async fn types(&self, ctx: &Context<'_>) -> Result<Vec<PaperTypeFacet>, Error> {
        let asked = self.by(PaperFacet::Types, Which::All);
        let counted: Vec<ValueFacet> = entries(ctx, asked).await?;
        counted.into_iter().map(PaperTypeFacet::try_from).collect()
    }

    /// What they are in, by venueName as it is; papers without one are in none.
    async fn venues(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "So many, most papers first: 1 to 100.", default = 10)] first: i32,
    ) -> Result<Vec<ValueFacet>, Error> {
        entries(ctx, self.by(PaperFacet::Venues, first_of(ctx, first)?)).await
    }

    /// What they are about: the topics themselves, without those that are broader.
    async fn topics(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "So many, most papers first: 1 to 100. Without effect where ids is given.", default = 10)]
        first: i32,
        #[graphql(desc = "Exactly these topics, those of no paper with 0; at most 500. Unknown ones are left out.")]
        ids: Option<Vec<ID>>,
    ) -> Result<Vec<TopicFacet>, Error> {
        let which = these_or_first(ctx, first, ids, Kind::Topic)?;
        entries(ctx, self.by(PaperFacet::Topics, which)).await
    }

    /// Who wrote them, as far as authors are resolved: of a list on a topic, the experts on it.
    async fn researchers(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "So many, most papers first: 1 to 100. Without effect where ids is given.", default = 10)]
        first: i32,
        #[graphql(desc = "Exactly these people, those of no paper with 0; at most 500. Unknown ones are left out.")]
        ids: Option<Vec<ID>>,
    ) -> Result<Vec<ResearcherFacet>, Error> {
        let which = these_or_first(ctx, first, ids, Kind::Researcher)?;
        entries(ctx, self.by(PaperFacet::Researchers, which)).await
    }

    /// Where their authors were at the time of the paper: there itself, not below. Of an organization's papers, with
    /// whom it works together.
    async fn organizations(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "So many, most papers first: 1 to 100. Without effect where ids is given.", default = 10)]
        first: i32,
        #[graphql(
            desc = "Exactly these organizations, those of no paper with 0; at most 500. Unknown ones are left out."
        )]
        ids: Option<Vec<ID>>,
    ) -> Result<Vec<OrganizationFacet>, Error> {
        let which = these_or_first(ctx, first, ids, Kind::Organization)?;
        entries(ctx, self.by(PaperFacet::Organizations, which)).await
    }
}

impl From<&Entry> for YearCount {
    fn from(entry: &Entry) -> Self {
        Self { year: i32::try_from(entry.number).unwrap_or(i32::MAX), count: amount(entry) }
    }
}

/// How many of a list's papers are of a kind of work.
#[derive(SimpleObject)]
pub struct PaperTypeFacet {
    /// The kind of work.
    #[graphql(name = "type")]
    paper_type: PaperType,
    /// How many papers.
    count: i32,
}

impl TryFrom<ValueFacet> for PaperTypeFacet {
    type Error = Error;

    fn try_from(facet: ValueFacet) -> Result<Self, Error> {
        let paper_type: record::PaperType = serde_json::from_value(facet.value.into()).map_err(Error::internal)?;
        Ok(Self { paper_type: paper_type.into(), count: facet.count })
    }
}

/// How many of a list have a value.
#[derive(SimpleObject)]
pub struct ValueFacet {
    /// The value as it is stored, to filter by.
    value: String,
    /// How many have it.
    count: i32,
}

impl From<&Entry> for ValueFacet {
    fn from(entry: &Entry) -> Self {
        Self { value: entry.text.clone(), count: amount(entry) }
    }
}

/// How many of a list's papers a person wrote.
pub struct ResearcherFacet {
    id: i64,
    count: i32,
}

impl From<&Entry> for ResearcherFacet {
    fn from(entry: &Entry) -> Self {
        Self { id: entry.number, count: amount(entry) }
    }
}

/// How many of a list's papers a person wrote.
#[Object]
impl ResearcherFacet {
    /// Who.
    async fn researcher(&self, ctx: &Context<'_>) -> Result<AtOnce<Researcher>, Error> {
        let asked = ById::selecting(self.id, columns_of::<Researcher>(ctx));
        let researcher = ctx.loaders().load_one(asked).await?;
        researcher.map(Researcher).map(AtOnce).ok_or_else(|| Error::internal("papers by nobody"))
    }

    /// How many papers.
    async fn count(&self) -> i32 {
        self.count
    }
}

/// How many of a list belong to an organization.
pub struct OrganizationFacet {
    id: i64,
    count: i32,
}

impl From<&Entry> for OrganizationFacet {
    fn from(entry: &Entry) -> Self {
        Self { id: entry.number, count: amount(entry) }
    }
}

/// How many of a list belong to an organization.
#[Object]
impl OrganizationFacet {
    /// Where.
    async fn organization(&self, ctx: &Context<'_>) -> Result<AtOnce<Organization>, Error> {
        let asked = ById::selecting(self.id, columns_of::<Organization>(ctx));
        let organization = ctx.loaders().load_one(asked).await?;
        organization.map(Organization).map(AtOnce).ok_or_else(|| Error::internal("a count of no organization"))
    }

    /// How many papers, or people.
    async fn count(&self) -> i32 {
        self.count
    }
}

/// How many of a list have to do with a topic.
pub struct TopicFacet {
    id: i64,
    count: i32,
}

impl From<&Entry> for TopicFacet {
    fn from(entry: &Entry) -> Self {
        Self { id: entry.number, count: amount(entry) }
    }
}

/// How many of a list have to do with a topic.
#[Object]
impl TopicFacet {
    /// What.
    async fn topic(&self, ctx: &Context<'_>) -> Result<AtOnce<Topic>, Error> {
        let asked = ById::selecting(self.id, columns_of::<Topic>(ctx));
        let topic = ctx.loaders().load_one(asked).await?;
        topic.map(Topic).map(AtOnce).ok_or_else(|| Error::internal("a count of no topic"))
    }

    /// How many papers, or people.
    async fn count(&self) -> i32 {
        self.count
    }
}
