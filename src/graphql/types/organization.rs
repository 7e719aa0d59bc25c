//! The organization type and its root fields.

mod filter;

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, Object, SimpleObject};
use serde::{Deserialize, Serialize};

use crate::entity::organization;
use crate::error::Error;
use crate::graphql::connection::{Connection, ConnectionType, load_connection, simple_connection};
use crate::graphql::context::ContextExt as _;
use crate::graphql::engine::eager_resolver::EagerObject;
use crate::graphql::engine::field_directives::{Cost, FREE, Reads, statements};
use crate::graphql::engine::lookahead::ProjectedType;
use crate::graphql::engine::selected_columns::selected_columns;
use crate::graphql::inputs::identifier::check_list_size;
use crate::graphql::inputs::scalars::{DateTime, Url, stored_url};
use crate::graphql::types::affiliation::{Affiliation, AffiliationConnection, AffiliationFilter, AffiliationOrder};
use crate::graphql::types::change::load_revision;
use crate::graphql::types::coauthor_network::{CoauthorNetwork, load_network};
use crate::graphql::types::coauthorship::CoauthorFilter;
use crate::graphql::types::facet::{FacetsField, ResearcherFacets};
use crate::graphql::types::identifier::{Identifier, load_former_ids, load_identifiers};
use crate::graphql::types::localized_string::{LocalizedName, LocalizedString};
use crate::graphql::types::paper::{PaperConnection, PaperFilter, PaperOrder, PaperOrganizationLink, to_store_links};
use crate::graphql::types::researcher::{
    OrganizationResearcherConnection, Researcher, ResearcherFilter, ResearcherOrder,
};
use crate::model::change::ChangeKind;
use crate::model::global_id::{GlobalId, NodeKind};
use crate::model::identifier::Ror;
use crate::model::language::{LanguagePreferences, LanguageTag};
use crate::store::reader::affiliation::{AffiliationScope, Affiliations, QualifyingAffiliations};
use crate::store::reader::coauthor_network::NetworkScope;
use crate::store::reader::cursor::PageArguments;
use crate::store::reader::lookup::ByLookupKey;
use crate::store::reader::organization as store;
use crate::store::reader::page::{ListRow, ParentKey};
use crate::store::reader::paper::{PaperScope, Papers};
use crate::store::reader::relation::{
    OrganizationAncestors, OrganizationIdentifiers, OrganizationParents, OrganizationPredecessors,
    OrganizationPreviousIds, OrganizationSuccessors, Relation, RelationKey,
};
use crate::store::reader::researcher::OrganizationResearchers;

pub use crate::graphql::types::organization::filter::{OrganizationBy, OrganizationFilter, OrganizationOrder};

/// A university, an institute, a company, or any other organization that researchers can be affiliated with.
#[derive(Clone)]
pub struct Organization(pub Arc<organization::Model>);

impl From<Arc<organization::Model>> for Organization {
    fn from(model: Arc<organization::Model>) -> Self {
        Self(model)
    }
}

impl Organization {
    /// Returns the display name in the best of the preferred languages.
    pub fn localized_name(&self, languages: &LanguagePreferences) -> LocalizedString {
        LocalizedString::best_match(&self.0.display_names, languages)
            .unwrap_or_else(|| LocalizedString::without_language(&self.0.slug))
    }
}

async fn load_related<R: Relation<Node = organization::Model>>(
    ctx: &Context<'_>,
    id: i64,
) -> Result<Vec<Organization>, Error> {
    let organizations = ctx.data_loader().load_one(RelationKey::<R>::new(id)).await?.unwrap_or_default();
    Ok(organizations.iter().cloned().map(Organization).collect())
}

impl ProjectedType for Organization {
    type Row = organization::Model;
}

/// A university, an institute, a company, or any other organization that researchers can be affiliated with.
#[Object]
impl Organization {
    /// Globally unique, opaque ID. It is permanent.
    #[graphql(directive = Reads::apply(&[]))]
    pub async fn id(&self) -> ID {
        GlobalId { kind: NodeKind::Organization, row_id: self.0.id }.to_string().into()
    }

    /// URL slug: lowercase ASCII letters, digits and hyphens.
    #[graphql(directive = Reads::apply(&["slug"]))]
    pub async fn slug(&self) -> &str {
        &self.0.slug
    }

    /// The name to display, in the best language available.
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
        load_former_ids::<OrganizationPreviousIds>(ctx, self.0.id, NodeKind::Organization).await
    }

    /// The revision, opaque: it is another one after every change that the change feed reports.
    #[graphql(directive = Reads::apply(&[]), directive = Cost::apply(statements(1)))]
    pub async fn revision(&self, ctx: &Context<'_>) -> Result<String, Error> {
        load_revision(ctx, ChangeKind::Organization, self.0.id).await
    }

    /// All names in all languages, each with its kind.
    #[graphql(directive = Reads::apply(&["names"]), directive = Cost::apply(FREE))]
    async fn names(&self) -> Vec<LocalizedName> {
        self.0.names.0.iter().map(Into::into).collect()
    }

    /// The ROR ID as a URL, such as `https://ror.org/05dxps055`.
    #[graphql(directive = Reads::apply(&["ror"]))]
    async fn ror(&self) -> Option<Url> {
        self.0.ror.as_ref()?.parse::<Ror>().ok().map(|ror| Url(ror.uri()))
    }

    /// Identifiers of other schemes.
    #[graphql(directive = Reads::apply(&[]), directive = Cost::apply(statements(1)))]
    async fn identifiers(&self, ctx: &Context<'_>) -> Result<Vec<Identifier>, Error> {
        load_identifiers::<OrganizationIdentifiers>(ctx, self.0.id).await
    }

    /// The organization types, in ROR's vocabulary.
    #[graphql(directive = Reads::apply(&["types"]))]
    async fn types(&self) -> Vec<OrganizationType> {
        self.0.types.iter().filter_map(|word| parse_stored_word(word)).collect()
    }

    /// Whether the organization still exists, in ROR's vocabulary.
    #[graphql(directive = Reads::apply(&["status"]))]
    async fn status(&self) -> OrganizationStatus {
        parse_stored_word(&self.0.status).unwrap_or(OrganizationStatus::Active)
    }

    /// The country of the headquarters, as an ISO 3166-1 alpha-2 code such as `CH`.
    #[graphql(directive = Reads::apply(&["country_code"]))]
    async fn country_code(&self) -> Option<&str> {
        self.0.country_code.as_deref()
    }

    /// The city where the organization is based.
    #[graphql(directive = Reads::apply(&["city"]))]
    async fn city(&self) -> Option<&str> {
        self.0.city.as_deref()
    }

    /// The organization's website.
    #[graphql(directive = Reads::apply(&["homepage_url"]))]
    async fn homepage_url(&self) -> Option<Url> {
        stored_url(self.0.homepage_url.as_ref())
    }

    /// The organizations it is directly part of.
    #[graphql(directive = Reads::apply(&[]), directive = Cost::apply(statements(1)))]
    async fn parents(&self, ctx: &Context<'_>) -> Result<Vec<Organization>, Error> {
        load_related::<OrganizationParents>(ctx, self.0.id).await
    }

    /// All organizations it is directly or indirectly part of, nearest first.
    #[graphql(directive = Reads::apply(&[]), directive = Cost::apply(statements(1)))]
    async fn ancestors(&self, ctx: &Context<'_>) -> Result<Vec<Organization>, Error> {
        load_related::<OrganizationAncestors>(ctx, self.0.id).await
    }

    /// The organizations it succeeded.
    #[graphql(directive = Reads::apply(&[]), directive = Cost::apply(statements(1)))]
    async fn predecessors(&self, ctx: &Context<'_>) -> Result<Vec<Organization>, Error> {
        load_related::<OrganizationPredecessors>(ctx, self.0.id).await
    }

    /// The organizations that succeeded it.
    #[graphql(directive = Reads::apply(&[]), directive = Cost::apply(statements(1)))]
    async fn successors(&self, ctx: &Context<'_>) -> Result<Vec<Organization>, Error> {
        load_related::<OrganizationSuccessors>(ctx, self.0.id).await
    }

    /// Its direct parts, sorted by name in the languages of the `Accept-Language` header.
    #[graphql(directive = Reads::apply(&[]), directive = Cost::apply(statements(1)))]
    async fn children(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Returns the first _n_ items: 1 to 100. Defaults to 20 if neither `first` nor `last` is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "Returns items after this cursor.")] after: Option<String>,
        #[graphql(desc = "Returns the last _n_ items: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Returns items before this cursor.")] before: Option<String>,
    ) -> Result<OrganizationConnection, Error> {
        let (order, direction) = OrganizationOrder::resolve_by_name(None, &store::OrganizationFilter::default(), ctx)?;
        let list = store::Organizations {
            is_limited_to_children: true,
            filter: store::OrganizationFilter::default(),
            order,
            direction,
        };
        load_connection(ctx, ParentKey::new(self.0.id), list, PageArguments { first, after, last, before }).await
    }

    /// Affiliations with this organization, current and past. By default primary affiliations come first, then current
    /// ones.
    #[graphql(directive = Reads::apply(&[]), directive = Cost::apply(statements(1)))]
    #[allow(clippy::too_many_arguments, reason = "the arguments of the field")]
    async fn affiliations(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Filters the affiliations. Defaults to all, including past ones. Excludes those of descendants."
        )]
        filter: Option<AffiliationFilter>,
        #[graphql(desc = "Sort order. Defaults to primary affiliations first, then current ones.")] order_by: Option<
            AffiliationOrder,
        >,
        #[graphql(
            desc = "Returns the first _n_ items: 1 to 100. Defaults to 20 if neither `first` nor `last` is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "Returns items after this cursor.")] after: Option<String>,
        #[graphql(desc = "Returns the last _n_ items: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Returns items before this cursor.")] before: Option<String>,
    ) -> Result<AffiliationConnection, Error> {
        let (order, direction) = AffiliationOrder::resolve_by_importance(order_by, ctx);
        let filter = AffiliationFilter::into_store_filter(filter, ctx)?;
        let list = Affiliations { scope: AffiliationScope::Organization, filter, order, direction };
        load_connection(ctx, ParentKey::new(self.0.id), list, PageArguments { first, after, last, before }).await
    }

    /// Researchers with an affiliation here that matches `affiliation`, sorted by name by default. Without
    /// `affiliation`, it must be a current employment, membership or invited position at this organization or a
    /// descendant.
    // With those of all parts, they are no range of an index.
    #[graphql(directive = Reads::apply(&[]), directive = Cost::apply(statements(1).scan(1_000)))]
    #[allow(clippy::too_many_arguments, reason = "the arguments of the field")]
    async fn researchers(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "The affiliation to match. Defaults to a current employment, membership or invited position."
        )]
        affiliation: Option<AffiliationFilter>,
        #[graphql(desc = "Filters the researchers. Defaults to all.")] filter: Option<ResearcherFilter>,
        #[graphql(desc = "Sort order. Defaults to name, or to relevance if `filter.query` is set.")] order_by: Option<
            ResearcherOrder,
        >,
        #[graphql(
            desc = "Returns the first _n_ items: 1 to 100. Defaults to 20 if neither `first` nor `last` is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "Returns items after this cursor.")] after: Option<String>,
        #[graphql(desc = "Returns the last _n_ items: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Returns items before this cursor.")] before: Option<String>,
    ) -> Result<OrganizationResearcherConnection, Error> {
        let affiliation = AffiliationFilter::into_store_filter(affiliation, ctx)?;
        let filter = ResearcherFilter::into_store_filter(filter, ctx)?;
        let (order, direction) = ResearcherOrder::resolve_by_name(order_by, &filter)?;
        let list = OrganizationResearchers { affiliation, filter, order, direction };
        load_connection(ctx, ParentKey::new(self.0.id), list, PageArguments { first, after, last, before }).await
    }

    /// Papers linked to the organization, newest first by default: those on which an author gives it as affiliation, and
    /// those by people who were affiliated with it when the paper appeared.
    #[graphql(directive = Reads::apply(&[]), directive = Cost::apply(statements(1).scan(2_700)))]
    #[allow(clippy::too_many_arguments, reason = "the arguments of the field")]
    async fn papers(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whether to include papers of all descendants.", default = true)] include_descendants: bool,
        #[graphql(
            desc = "The links that count; any of them suffices.",
            default_with = "vec![PaperOrganizationLink::Authorship, PaperOrganizationLink::Membership]"
        )]
        links: Vec<PaperOrganizationLink>,
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
        let links = check_list_size(ctx, "links", Some(links))?.unwrap_or_default();
        let scope = PaperScope::Organization { include_descendants, links: to_store_links(links) };
        let filter = PaperFilter::into_store_filter(filter, ctx)?;
        let (order, direction) = PaperOrder::resolve_newest_first(order_by, &filter)?;
        let list = Papers { scope, filter, order, direction };
        load_connection(ctx, ParentKey::new(self.0.id), list, PageArguments { first, after, last, before }).await
    }

    /// Who writes with whom: the organization's people with the most joint works, and the links among them. People have a
    /// current employment, membership or invited position at the organization or a descendant; works count if at least two
    /// of them are authors. Papers with more authors than `Directory.consortiumSize` are excluded unless the filter sets
    /// `maxAuthorsPerPaper`.
    // All papers of its people are read.
    #[graphql(
        directive = Reads::apply(&[]),
        directive = Cost::apply(statements(10).filter_statements(10).scan(3_000).filter_scan(3_000))
    )]
    async fn coauthor_network(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The maximum number of people: 1 to 100.", default = 50)] first: i32,
        #[graphql(
            desc = "Filters the people, and the papers from which counts, years and links are computed. `ids` and \
                    `affiliation` apply in addition to the organization. `minPaperCount` applies to the joint works of a \
                    person, and to those of each link."
        )]
        filter: Option<CoauthorFilter>,
    ) -> Option<Result<EagerObject<CoauthorNetwork>, Error>> {
        Some(load_network(ctx, NetworkScope::Organization, self.0.id, first, filter).await)
    }

    /// When it was added to the directory.
    #[graphql(directive = Reads::apply(&["created_at"]))]
    pub async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// Counts by which lists are sorted: cheaper than exact totals, and updated after each import and at the start of each
    /// day. Null if reading them fails.
    #[graphql(directive = Reads::apply(&[]), directive = Cost::apply(statements(1)))]
    async fn statistics(&self, ctx: &Context<'_>) -> Option<Result<OrganizationStatistics, Error>> {
        let counts = ctx.data_loader().load_one(store::OrganizationStatisticsKey(self.0.id)).await.transpose()?;
        Some(counts.map(OrganizationStatistics::from))
    }

    /// When its data in the directory last changed.
    #[graphql(directive = Reads::apply(&["updated_at"]))]
    pub async fn updated_at(&self) -> DateTime {
        DateTime(self.0.updated_at)
    }
}

/// Counts of an organization, as last computed.
#[derive(SimpleObject)]
pub struct OrganizationStatistics {
    /// The number of current researchers, including descendants.
    researcher_count: i32,
}

impl From<store::OrganizationStatistics> for OrganizationStatistics {
    fn from(counts: store::OrganizationStatistics) -> Self {
        Self { researcher_count: counts.researcher_count }
    }
}

/// Organization types, in ROR's vocabulary.
#[derive(Enum, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OrganizationType {
    /// A university or another educational institution.
    Education,
    /// An organization that funds research.
    Funder,
    /// A hospital or another healthcare provider.
    Healthcare,
    /// A commercial company.
    Company,
    /// A library, a museum or another archive.
    Archive,
    /// A charity, a society or another non-profit organization.
    Nonprofit,
    /// A government body.
    Government,
    /// A laboratory, an institute or another research facility.
    Facility,
    /// Any other type.
    Other,
}

/// Whether an organization still exists, in ROR's vocabulary.
#[derive(Enum, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OrganizationStatus {
    /// It exists.
    Active,
    /// It no longer exists.
    Inactive,
    /// It should not have been listed: a duplicate, or not an organization.
    Withdrawn,
}

/// Parses an enum value from its stored form.
fn parse_stored_word<T: serde::de::DeserializeOwned>(word: &str) -> Option<T> {
    serde_json::from_value(word.into()).ok()
}

/// Converts enum values to their stored forms.
fn to_stored_words<T: Serialize>(values: Option<Vec<T>>) -> Option<Vec<String>> {
    let word = |value| serde_json::to_value(value).ok()?.as_str().map(ToOwned::to_owned);
    values.map(|values| values.into_iter().filter_map(word).collect())
}

/// A page of organizations.
pub type OrganizationConnection = EagerObject<Connection<store::Organizations>>;

simple_connection!(store::Organizations, "Organization", Organization);

/// Edge data of an organization's researcher.
pub struct OrganizationResearcherEdgeFields {
    qualifying_affiliations: QualifyingAffiliations,
}

/// Edge data of an organization's researcher.
#[Object]
impl OrganizationResearcherEdgeFields {
    /// The affiliations by which the researcher is in this list.
    #[graphql(directive = Cost::apply(statements(1)))]
    async fn affiliations(&self, ctx: &Context<'_>) -> Result<Vec<Affiliation>, Error> {
        let affiliations = ctx.data_loader().load_one(self.qualifying_affiliations.clone()).await?.unwrap_or_default();
        Ok(affiliations.into_iter().map(Affiliation).collect())
    }
}

impl ConnectionType for OrganizationResearchers {
    const NAME: &'static str = "OrganizationResearcher";
    type NodeObject = Researcher;
    type EdgeFields = OrganizationResearcherEdgeFields;
    type Facets = FacetsField<Self, ResearcherFacets>;

    fn edge_fields(parent: ParentKey, list: &Arc<Self>, row: &ListRow<Self>, _: &Self::Edge) -> Self::EdgeFields {
        let filter = Arc::new(list.affiliation.clone());
        OrganizationResearcherEdgeFields {
            qualifying_affiliations: QualifyingAffiliations {
                organization_id: parent.primary,
                researcher_id: row.node.id,
                filter,
            },
        }
    }
}

/// Root fields for organizations.
#[derive(Default)]
pub struct OrganizationQuery;

#[Object]
impl OrganizationQuery {
    /// Looks up an organization by one key. Null if there is no match.
    #[graphql(directive = Cost::apply(statements(1)))]
    async fn organization(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Exactly one key, in any of its formats.")] by: OrganizationBy,
    ) -> Result<Option<EagerObject<Organization>>, Error> {
        let Some(key) = by.into_lookup_key() else { return Ok(None) };
        let key = ByLookupKey::with_columns(key, selected_columns::<Organization>(ctx));
        Ok(ctx.data_loader().load_one(key).await?.map(Organization).map(EagerObject))
    }

    /// Looks up organizations by their keys, in the order of the keys; null for each key without a match. The lookup is
    /// batched into a single SQL statement.
    #[graphql(directive = Cost::apply(statements(1)))]
    async fn organizations_by(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The keys; at most 500.")] keys: Vec<OrganizationBy>,
    ) -> Result<Vec<Option<Organization>>, Error> {
        let keys = check_list_size(ctx, "keys", Some(keys))?.unwrap_or_default();
        let selected = selected_columns::<Organization>(ctx);
        let keys: Vec<_> =
            keys.into_iter().map(|by| Some(ByLookupKey::with_columns(by.into_lookup_key()?, selected))).collect();
        let organizations = ctx.data_loader().load_many(keys.iter().flatten().cloned()).await?;
        Ok(keys
            .iter()
            .map(|key| key.as_ref().and_then(|key| organizations.get(key)).cloned().map(Organization))
            .collect())
    }

    /// All organizations, sorted by name by default.
    #[graphql(directive = Cost::apply(statements(1)))]
    #[allow(clippy::too_many_arguments, reason = "the arguments of the field")]
    async fn organizations(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Filters the organizations. Defaults to all.")] filter: Option<OrganizationFilter>,
        #[graphql(desc = "Sort order. Defaults to name, or to relevance if `filter.query` is set.")] order_by: Option<
            OrganizationOrder,
        >,
        #[graphql(
            desc = "Returns the first _n_ items: 1 to 100. Defaults to 20 if neither `first` nor `last` is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "Returns items after this cursor.")] after: Option<String>,
        #[graphql(desc = "Returns the last _n_ items: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Returns items before this cursor.")] before: Option<String>,
    ) -> Result<OrganizationConnection, Error> {
        let filter = OrganizationFilter::into_store_filter(filter, ctx)?;
        let (order, direction) = OrganizationOrder::resolve_by_name(order_by, &filter, ctx)?;
        let list = store::Organizations { is_limited_to_children: false, filter, order, direction };
        load_connection(ctx, ParentKey::default(), list, PageArguments { first, after, last, before }).await
    }
}
