//! Facets: how the whole of a filtered list divides, whatever page of it is shown.

use std::borrow::Cow;
use std::marker::PhantomData;
use std::sync::Arc;

use async_graphql::connection::EmptyFields;
use async_graphql::{Context, ID, Object, ObjectType, OutputType, SimpleObject, TypeName};

use crate::error::Error;
use crate::graphql::connection::ConnectionType;
use crate::graphql::context::ContextExt as _;
use crate::graphql::engine::eager_resolver::EagerObject;
use crate::graphql::engine::lookahead::selected_columns;
use crate::graphql::inputs::identifier::decode_ids;
use crate::graphql::types::organization::Organization;
use crate::graphql::types::paper::PaperType;
use crate::graphql::types::researcher::{Researcher, YearCount};
use crate::graphql::types::topic::Topic;
use crate::model::global_id::NodeKind;
use crate::model::record;
use crate::store::reader::cursor::PageError;
use crate::store::reader::facet as store;
use crate::store::reader::facet::{FacetCount, FacetKey, FacetSelection, PaperFacet};
use crate::store::reader::lookup::ById;
use crate::store::reader::page::ParentKey;

/// The field of a connection that has facets; nothing where a list has none.
pub trait Facets<L>: ObjectType {
    /// Of a parent's list.
    fn new(parent: ParentKey, list: &Arc<L>) -> Self;
}

impl<L> Facets<L> for EmptyFields {
    fn new(_: ParentKey, _: &Arc<L>) -> Self {
        Self
    }
}

/// The field with the facets, one type for each list: the engine cannot flatten one into several connections that lead to
/// each other.
pub struct FacetsField<L, F> {
    facets: F,
    list_type: PhantomData<fn() -> L>,
}

/// The field with the facets of a list.
#[Object(name_type)]
impl<L: ConnectionType, F: OutputType> FacetsField<L, F> {
    /// Counts over the whole filtered list, whatever page is shown; counted only where they are asked for. Null where
    /// counting failed.
    async fn facets(&self) -> Option<&F> {
        Some(&self.facets)
    }
}

impl<L: ConnectionType, F: OutputType> TypeName for FacetsField<L, F> {
    fn type_name() -> Cow<'static, str> {
        format!("{}ConnectionFacets", L::NAME).into()
    }
}

impl<L: ConnectionType, F: OutputType + From<(ParentKey, Arc<L>)>> Facets<L> for FacetsField<L, F> {
    fn new(parent: ParentKey, list: &Arc<L>) -> Self {
        Self { facets: F::from((parent, Arc::clone(list))), list_type: PhantomData }
    }
}

fn select_first(ctx: &Context<'_>, first: i32) -> Result<FacetSelection, Error> {
    let maximum = ctx.limits().page.maximum_size;
    match u32::try_from(first) {
        Ok(size) if (1..=maximum).contains(&size) => Ok(FacetSelection::First(size)),
        _ => Err(PageError::SizeOutOfRange { argument: "first", given: first, maximum }.into()),
    }
}

fn select_ids_or_first(
    ctx: &Context<'_>,
    first: i32,
    ids: Option<Vec<ID>>,
    kind: NodeKind,
) -> Result<FacetSelection, Error> {
    match decode_ids(ctx, "ids", ids, kind)? {
        Some(these) => Ok(FacetSelection::Ids(these.into())),
        None => select_first(ctx, first),
    }
}

/// A facet's entries as the schema shows them.
async fn load_facet<K: store::FacetKind, T: for<'a> From<&'a FacetCount>>(
    ctx: &Context<'_>,
    asked: FacetKey<K>,
) -> Result<Vec<T>, Error> {
    let entries = ctx.data_loader().load_one(asked).await?.ok_or_else(|| Error::internal("a list without a facet"))?;
    Ok(entries.iter().map(T::from).collect())
}

fn count_as_i32(entry: &FacetCount) -> i32 {
    i32::try_from(entry.count).unwrap_or(i32::MAX)
}

/// How the people of the whole filtered list divide, whatever page is shown. Each person counts once for an entry, most
/// people first, ties in a fixed order. All facets that are asked of a list are counted together.
pub struct ResearcherFacets {
    parent: ParentKey,
    list: store::FacetedResearchers,
}

impl<L> From<(ParentKey, Arc<L>)> for ResearcherFacets
where
    store::FacetedResearchers: From<Arc<L>>,
{
    fn from((parent, list): (ParentKey, Arc<L>)) -> Self {
        Self { parent, list: list.into() }
    }
}

impl ResearcherFacets {
    fn facet_key(&self, kind: store::ResearcherFacet, which: FacetSelection) -> FacetKey<store::ResearcherFacet> {
        FacetKey { parent: self.parent, list: self.list.clone(), kind, selection: which }
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
        let which = select_ids_or_first(ctx, first, ids, NodeKind::Organization)?;
        load_facet(ctx, self.facet_key(store::ResearcherFacet::Organizations, which)).await
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
        let which = select_ids_or_first(ctx, first, ids, NodeKind::Topic)?;
        load_facet(ctx, self.facet_key(store::ResearcherFacet::Topics, which)).await
    }
}

/// How the papers of the whole filtered list divide, whatever page is shown. Each paper counts once for an entry, most
/// papers first but for years, ties in a fixed order: as many as are listed, every version of a work unless the filter has
/// isVersion. All facets that are asked of a list are counted together.
pub struct PaperFacets {
    parent: ParentKey,
    list: store::FacetedPapers,
}

impl<L> From<(ParentKey, Arc<L>)> for PaperFacets
where
    store::FacetedPapers: From<Arc<L>>,
{
    fn from((parent, list): (ParentKey, Arc<L>)) -> Self {
        Self { parent, list: list.into() }
    }
}

impl PaperFacets {
    fn facet_key(&self, kind: PaperFacet, which: FacetSelection) -> FacetKey<PaperFacet> {
        FacetKey { parent: self.parent, list: self.list.clone(), kind, selection: which }
    }
}

/// How the papers of the whole filtered list divide, whatever page is shown. Each paper counts once for an entry, most
/// papers first but for years, ties in a fixed order: as many as are listed, every version of a work unless the filter has
/// isVersion. All facets that are asked of a list are counted together.
#[Object]
impl PaperFacets {
    /// Every year that has papers, in order from the earliest; papers without a year are in none.
    async fn publication_years(&self, ctx: &Context<'_>) -> Result<Vec<YearCount>, Error> {
        load_facet(ctx, self.facet_key(PaperFacet::PublicationYears, FacetSelection::All)).await
    }

    /// Every kind of work that there is among them, most papers first.
    async fn types(&self, ctx: &Context<'_>) -> Result<Vec<PaperTypeFacet>, Error> {
        let asked = self.facet_key(PaperFacet::Types, FacetSelection::All);
        let counted: Vec<ValueFacet> = load_facet(ctx, asked).await?;
        counted.into_iter().map(PaperTypeFacet::try_from).collect()
    }

    /// What they are in, by venueName as it is; papers without one are in none.
    async fn venues(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "So many, most papers first: 1 to 100.", default = 10)] first: i32,
    ) -> Result<Vec<ValueFacet>, Error> {
        load_facet(ctx, self.facet_key(PaperFacet::Venues, select_first(ctx, first)?)).await
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
        let which = select_ids_or_first(ctx, first, ids, NodeKind::Topic)?;
        load_facet(ctx, self.facet_key(PaperFacet::Topics, which)).await
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
        let which = select_ids_or_first(ctx, first, ids, NodeKind::Researcher)?;
        load_facet(ctx, self.facet_key(PaperFacet::Researchers, which)).await
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
        let which = select_ids_or_first(ctx, first, ids, NodeKind::Organization)?;
        load_facet(ctx, self.facet_key(PaperFacet::Organizations, which)).await
    }
}

impl From<&FacetCount> for YearCount {
    fn from(entry: &FacetCount) -> Self {
        Self { year: i32::try_from(entry.number).unwrap_or(i32::MAX), count: count_as_i32(entry) }
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

impl From<&FacetCount> for ValueFacet {
    fn from(entry: &FacetCount) -> Self {
        Self { value: entry.text.clone(), count: count_as_i32(entry) }
    }
}

/// How many of a list's papers a person wrote.
pub struct ResearcherFacet {
    id: i64,
    count: i32,
}

impl From<&FacetCount> for ResearcherFacet {
    fn from(entry: &FacetCount) -> Self {
        Self { id: entry.number, count: count_as_i32(entry) }
    }
}

/// How many of a list's papers a person wrote.
#[Object]
impl ResearcherFacet {
    /// Who.
    async fn researcher(&self, ctx: &Context<'_>) -> Result<EagerObject<Researcher>, Error> {
        let asked = ById::with_columns(self.id, selected_columns::<Researcher>(ctx));
        let researcher = ctx.data_loader().load_one(asked).await?;
        researcher.map(Researcher).map(EagerObject).ok_or_else(|| Error::internal("papers by nobody"))
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

impl From<&FacetCount> for OrganizationFacet {
    fn from(entry: &FacetCount) -> Self {
        Self { id: entry.number, count: count_as_i32(entry) }
    }
}

/// How many of a list belong to an organization.
#[Object]
impl OrganizationFacet {
    /// Where.
    async fn organization(&self, ctx: &Context<'_>) -> Result<EagerObject<Organization>, Error> {
        let asked = ById::with_columns(self.id, selected_columns::<Organization>(ctx));
        let organization = ctx.data_loader().load_one(asked).await?;
        organization.map(Organization).map(EagerObject).ok_or_else(|| Error::internal("a count of no organization"))
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

impl From<&FacetCount> for TopicFacet {
    fn from(entry: &FacetCount) -> Self {
        Self { id: entry.number, count: count_as_i32(entry) }
    }
}

/// How many of a list have to do with a topic.
#[Object]
impl TopicFacet {
    /// What.
    async fn topic(&self, ctx: &Context<'_>) -> Result<EagerObject<Topic>, Error> {
        let asked = ById::with_columns(self.id, selected_columns::<Topic>(ctx));
        let topic = ctx.data_loader().load_one(asked).await?;
        topic.map(Topic).map(EagerObject).ok_or_else(|| Error::internal("a count of no topic"))
    }

    /// How many papers, or people.
    async fn count(&self) -> i32 {
        self.count
    }
}
