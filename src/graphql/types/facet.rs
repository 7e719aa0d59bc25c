//! Facets: counts over a whole filtered list, regardless of the page.

use std::borrow::Cow;
use std::marker::PhantomData;
use std::sync::Arc;

use async_graphql::{Context, ID, Object, OutputType, SimpleObject, TypeName};

use crate::error::Error;
use crate::graphql::connection::{ConnectionType, Facets};
use crate::graphql::context::ContextExt as _;
use crate::graphql::engine::eager_resolver::EagerObject;
use crate::graphql::engine::field_directives::{Cost, FieldCost, statements};
use crate::graphql::engine::selected_columns::selected_columns;
use crate::graphql::inputs::identifier::decode_ids;
use crate::graphql::inputs::page_size::check_first;
use crate::graphql::inputs::scalars::saturating_i32;
use crate::graphql::types::organization::Organization;
use crate::graphql::types::paper::PaperType;
use crate::graphql::types::researcher::{Researcher, YearCount};
use crate::graphql::types::topic::Topic;
use crate::model::global_id::NodeKind;
use crate::model::record;
use crate::store::reader::facet as store;
use crate::store::reader::facet::{FacetCount, FacetKey, FacetSelection, PaperFacet};
use crate::store::reader::lookup::ById;
use crate::store::reader::page::ParentKey;

/// A facet reads the whole list: it counts as several statements.
const FACET: FieldCost = statements(10).counts(50);
/// A facet of papers by the organizations of their authorships, which are several per paper.
const FACET_BY_AUTHORSHIP: FieldCost = statements(25).counts(50);

/// The `facets` field, as one type for each list: the engine cannot flatten the same type into several connections that
/// refer to each other.
pub struct FacetsField<L, F> {
    facets: F,
    list_type: PhantomData<fn() -> L>,
}

/// The `facets` field of a connection.
#[Object(name_type)]
impl<L: ConnectionType, F: OutputType> FacetsField<L, F> {
    /// Counts over the whole filtered list, regardless of the page. They are computed only if selected. Null if
    /// counting fails.
    #[graphql(directive = Cost::apply(statements(1).of_list()))]
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

fn select_ids_or_first(
    ctx: &Context<'_>,
    first: i32,
    ids: Option<Vec<ID>>,
    kind: NodeKind,
) -> Result<FacetSelection, Error> {
    match decode_ids(ctx, "ids", ids, kind)? {
        Some(ids) => Ok(FacetSelection::Ids(ids.into())),
        None => Ok(FacetSelection::First(check_first(ctx, first)?)),
    }
}

/// Loads a facet and converts its entries.
async fn load_facet<K: store::FacetKind, T: for<'a> From<&'a FacetCount>>(
    ctx: &Context<'_>,
    key: FacetKey<K>,
) -> Result<Vec<T>, Error> {
    // A parent that was deleted in the meantime has none.
    let entries = ctx.data_loader().load_one(key).await?.unwrap_or_default();
    Ok(entries.iter().map(T::from).collect())
}

/// Facets of the filtered researchers, regardless of the page. A researcher counts once for each value. Values are
/// sorted by count, highest first; ties have a stable order. All facets of a list are computed together.
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
    fn facet_key(&self, kind: store::ResearcherFacet, selection: FacetSelection) -> FacetKey<store::ResearcherFacet> {
        FacetKey { parent: self.parent, list: self.list.clone(), kind, selection }
    }
}

/// Facets of the filtered researchers, regardless of the page. A researcher counts once for each value. Values are
/// sorted by count, highest first; ties have a stable order. All facets of a list are computed together.
#[Object]
impl ResearcherFacets {
    /// Organizations with which they have a current employment, membership or invited position. Counts are not rolled
    /// up to parent organizations.
    #[graphql(directive = Cost::apply(FACET))]
    async fn organizations(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Returns at most this many values, most researchers first: 1 to 100. Ignored if `ids` is given.",
            default = 10
        )]
        first: i32,
        #[graphql(
            desc = "Returns exactly these organizations, even with a count of 0; at most 500. Omits unknown IDs."
        )]
        ids: Option<Vec<ID>>,
    ) -> Result<Vec<OrganizationFacet>, Error> {
        let selection = select_ids_or_first(ctx, first, ids, NodeKind::Organization)?;
        load_facet(ctx, self.facet_key(store::ResearcherFacet::Organizations, selection)).await
    }

    /// Topics they declare or have papers on. Counts are not rolled up to broader topics.
    #[graphql(directive = Cost::apply(FACET))]
    async fn topics(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Returns at most this many values, most researchers first: 1 to 100. Ignored if `ids` is given.",
            default = 10
        )]
        first: i32,
        #[graphql(desc = "Returns exactly these topics, even with a count of 0; at most 500. Omits unknown IDs.")]
        ids: Option<Vec<ID>>,
    ) -> Result<Vec<TopicFacet>, Error> {
        let selection = select_ids_or_first(ctx, first, ids, NodeKind::Topic)?;
        load_facet(ctx, self.facet_key(store::ResearcherFacet::Topics, selection)).await
    }
}

/// Facets of the filtered papers, regardless of the page. A paper counts once for each value. Values are sorted by
/// count, highest first (years: chronologically); ties have a stable order. Versions of a work count separately unless
/// the filter sets `isVersion`. All facets of a list are computed together.
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
    fn facet_key(&self, kind: PaperFacet, selection: FacetSelection) -> FacetKey<PaperFacet> {
        FacetKey { parent: self.parent, list: self.list.clone(), kind, selection }
    }
}

/// Facets of the filtered papers, regardless of the page. A paper counts once for each value. Values are sorted by
/// count, highest first (years: chronologically); ties have a stable order. Versions of a work count separately unless
/// the filter sets `isVersion`. All facets of a list are computed together.
#[Object]
impl PaperFacets {
    /// All years with papers, earliest first. Papers without a year are not counted.
    #[graphql(directive = Cost::apply(FACET))]
    async fn publication_years(&self, ctx: &Context<'_>) -> Result<Vec<YearCount>, Error> {
        load_facet(ctx, self.facet_key(PaperFacet::PublicationYears, FacetSelection::All)).await
    }

    /// All paper types that occur, most papers first.
    #[graphql(directive = Cost::apply(FACET))]
    async fn types(&self, ctx: &Context<'_>) -> Result<Vec<PaperTypeFacet>, Error> {
        let key = self.facet_key(PaperFacet::Types, FacetSelection::All);
        let counts: Vec<ValueFacet> = load_facet(ctx, key).await?;
        counts.into_iter().map(PaperTypeFacet::try_from).collect()
    }

    /// Venues, by `venueName`. Papers without a venue are not counted.
    #[graphql(directive = Cost::apply(FACET))]
    async fn venues(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Returns at most this many values, most papers first: 1 to 100.", default = 10)] first: i32,
    ) -> Result<Vec<ValueFacet>, Error> {
        load_facet(ctx, self.facet_key(PaperFacet::Venues, FacetSelection::First(check_first(ctx, first)?))).await
    }

    /// Topics of the papers. Counts are not rolled up to broader topics.
    #[graphql(directive = Cost::apply(FACET))]
    async fn topics(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Returns at most this many values, most papers first: 1 to 100. Ignored if `ids` is given.",
            default = 10
        )]
        first: i32,
        #[graphql(desc = "Returns exactly these topics, even with a count of 0; at most 500. Omits unknown IDs.")]
        ids: Option<Vec<ID>>,
    ) -> Result<Vec<TopicFacet>, Error> {
        let selection = select_ids_or_first(ctx, first, ids, NodeKind::Topic)?;
        load_facet(ctx, self.facet_key(PaperFacet::Topics, selection)).await
    }

    /// Authors of the papers who are resolved to researchers. For a list of papers on a topic, these are the experts on
    /// it.
    #[graphql(directive = Cost::apply(FACET))]
    async fn researchers(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Returns at most this many values, most papers first: 1 to 100. Ignored if `ids` is given.",
            default = 10
        )]
        first: i32,
        #[graphql(desc = "Returns exactly these researchers, even with a count of 0; at most 500. Omits unknown IDs.")]
        ids: Option<Vec<ID>>,
    ) -> Result<Vec<ResearcherFacet>, Error> {
        let selection = select_ids_or_first(ctx, first, ids, NodeKind::Researcher)?;
        load_facet(ctx, self.facet_key(PaperFacet::Researchers, selection)).await
    }

    /// Organizations of the authors at the time of the paper. Counts are not rolled up to parent organizations. For an
    /// organization's papers, these are its collaborators.
    #[graphql(directive = Cost::apply(FACET_BY_AUTHORSHIP))]
    async fn organizations(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Returns at most this many values, most papers first: 1 to 100. Ignored if `ids` is given.",
            default = 10
        )]
        first: i32,
        #[graphql(
            desc = "Returns exactly these organizations, even with a count of 0; at most 500. Omits unknown IDs."
        )]
        ids: Option<Vec<ID>>,
    ) -> Result<Vec<OrganizationFacet>, Error> {
        let selection = select_ids_or_first(ctx, first, ids, NodeKind::Organization)?;
        load_facet(ctx, self.facet_key(PaperFacet::Organizations, selection)).await
    }
}

impl From<&FacetCount> for YearCount {
    fn from(entry: &FacetCount) -> Self {
        Self { year: saturating_i32(entry.number), count: saturating_i32(entry.count) }
    }
}

/// The number of papers of a type.
#[derive(SimpleObject)]
pub struct PaperTypeFacet {
    /// The paper type.
    #[graphql(name = "type")]
    paper_type: PaperType,
    /// The number of papers.
    count: i32,
}

impl TryFrom<ValueFacet> for PaperTypeFacet {
    type Error = Error;

    fn try_from(facet: ValueFacet) -> Result<Self, Error> {
        let paper_type: record::PaperType = serde_json::from_value(facet.value.into()).map_err(Error::internal)?;
        Ok(Self { paper_type: paper_type.into(), count: facet.count })
    }
}

/// The number of items with a value.
#[derive(SimpleObject)]
pub struct ValueFacet {
    /// The value as stored; use it as a filter value.
    value: String,
    /// The number of items.
    count: i32,
}

impl From<&FacetCount> for ValueFacet {
    fn from(entry: &FacetCount) -> Self {
        Self { value: entry.text.clone(), count: saturating_i32(entry.count) }
    }
}

/// The number of papers by a researcher.
pub struct ResearcherFacet {
    id: i64,
    count: i32,
}

impl From<&FacetCount> for ResearcherFacet {
    fn from(entry: &FacetCount) -> Self {
        Self { id: entry.number, count: saturating_i32(entry.count) }
    }
}

/// The number of papers by a researcher.
#[Object]
impl ResearcherFacet {
    /// The researcher.
    #[graphql(directive = Cost::apply(statements(1)))]
    async fn researcher(&self, ctx: &Context<'_>) -> Result<EagerObject<Researcher>, Error> {
        let key = ById::with_columns(self.id, selected_columns::<Researcher>(ctx));
        let researcher = ctx.data_loader().load_one(key).await?;
        researcher.map(Researcher).map(EagerObject).ok_or(Error::Deleted("researcher"))
    }

    /// The number of papers.
    async fn count(&self) -> i32 {
        self.count
    }
}

/// The number of items linked to an organization.
pub struct OrganizationFacet {
    id: i64,
    count: i32,
}

impl From<&FacetCount> for OrganizationFacet {
    fn from(entry: &FacetCount) -> Self {
        Self { id: entry.number, count: saturating_i32(entry.count) }
    }
}

/// The number of items linked to an organization.
#[Object]
impl OrganizationFacet {
    /// The organization.
    #[graphql(directive = Cost::apply(statements(1)))]
    async fn organization(&self, ctx: &Context<'_>) -> Result<EagerObject<Organization>, Error> {
        let key = ById::with_columns(self.id, selected_columns::<Organization>(ctx));
        let organization = ctx.data_loader().load_one(key).await?;
        organization.map(Organization).map(EagerObject).ok_or(Error::Deleted("organization"))
    }

    /// The number of papers or researchers.
    async fn count(&self) -> i32 {
        self.count
    }
}

/// The number of items linked to a topic.
pub struct TopicFacet {
    id: i64,
    count: i32,
}

impl From<&FacetCount> for TopicFacet {
    fn from(entry: &FacetCount) -> Self {
        Self { id: entry.number, count: saturating_i32(entry.count) }
    }
}

/// The number of items linked to a topic.
#[Object]
impl TopicFacet {
    /// The topic.
    #[graphql(directive = Cost::apply(statements(1)))]
    async fn topic(&self, ctx: &Context<'_>) -> Result<EagerObject<Topic>, Error> {
        let key = ById::with_columns(self.id, selected_columns::<Topic>(ctx));
        let topic = ctx.data_loader().load_one(key).await?;
        topic.map(Topic).map(EagerObject).ok_or(Error::Deleted("topic"))
    }

    /// The number of papers or researchers.
    async fn count(&self) -> i32 {
        self.count
    }
}
