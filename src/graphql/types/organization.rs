//! Organizations.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, InputObject, Object, OneofObject};
use serde::{Deserialize, Serialize};

use crate::entity::organization;
use crate::error::Error;
use crate::graphql::connection::{Connection, Shown, connection, plain_list};
use crate::graphql::context::State as _;
use crate::graphql::engine::eager_resolver::AtOnce;
use crate::graphql::engine::lookahead::{FieldReads, Reads, columns_of};
use crate::graphql::inputs::identifier::{
    Identifier, IdentifierKey, bounded, canonical, column_key, former_ids, id_key, identifiers, numbers, possible,
    words,
};
use crate::graphql::inputs::localized_string::{LocalizedName, LocalizedString};
use crate::graphql::inputs::order::{OrderDirection, or_relevance};
use crate::graphql::inputs::scalars::{DateTime, Url, url};
use crate::graphql::types::affiliation::{Affiliation, AffiliationConnection, AffiliationFilter, AffiliationOrder};
use crate::graphql::types::facet::{ResearcherFacets, WithFacets};
use crate::graphql::types::paper::{PaperConnection, PaperFilter, PaperOrder};
use crate::graphql::types::researcher::{
    OrganizationResearcherConnection, Researcher, ResearcherFilter, ResearcherOrder,
};
use crate::graphql::types::search::looked_for;
use crate::model::global_id::{GlobalId, Kind};
use crate::model::identifier::Ror;
use crate::model::language::{LanguageTag, Languages};
use crate::store::reader::affiliation::{AffiliationScope, Affiliations, AffiliationsBehind};
use crate::store::reader::cursor::PageArguments;
use crate::store::reader::lookup::{ByKey, Key};
use crate::store::reader::organization as store;
use crate::store::reader::page::{OrderDirection as Direction, Parent, Row};
use crate::store::reader::paper::{PaperScope, Papers};
use crate::store::reader::relation::{
    OrganizationAncestors, OrganizationFormerIds, OrganizationIdentifiers, OrganizationParents,
    OrganizationPredecessors, OrganizationSuccessors, RelatedTo, Relation,
};
use crate::store::reader::researcher::OrganizationResearchers;

/// A university, an institute, a company: whatever people can be affiliated to.
#[derive(Clone)]
pub struct Organization(pub Arc<organization::Model>);

impl From<Arc<organization::Model>> for Organization {
    fn from(model: Arc<organization::Model>) -> Self {
        Self(model)
    }
}

impl Organization {
    /// The name to show in the best of some languages.
    pub fn in_languages(&self, languages: &Languages) -> LocalizedString {
        LocalizedString::best(&self.0.display_names, languages)
            .unwrap_or_else(|| LocalizedString::neutral(&self.0.slug))
    }
}

async fn related<R: Relation<Node = organization::Model>>(
    ctx: &Context<'_>,
    id: i64,
) -> Result<Vec<Organization>, Error> {
    let organizations = ctx.loaders().load_one(RelatedTo::<R>::new(id)).await?.unwrap_or_default();
    Ok(organizations.iter().cloned().map(Organization).collect())
}

impl Reads for Organization {
    type Row = organization::Model;
    const FIELDS: &'static [FieldReads] = &[
        ("id", &[]),
        ("slug", &["slug"]),
        ("displayName", &["display_names", "slug"]),
        ("formerIds", &[]),
        ("names", &["names"]),
        ("ror", &["ror"]),
        ("identifiers", &[]),
        ("types", &["types"]),
        ("status", &["status"]),
        ("countryCode", &["country_code"]),
        ("city", &["city"]),
        ("homepageUrl", &["homepage_url"]),
        ("parents", &[]),
        ("ancestors", &[]),
        ("predecessors", &[]),
        ("successors", &[]),
        ("children", &[]),
        ("affiliations", &[]),
        ("researchers", &[]),
        ("papers", &[]),
        ("createdAt", &["created_at"]),
        ("updatedAt", &["updated_at"]),
    ];
}

/// A university, an institute, a company: whatever people can be affiliated to.
#[Object]
impl Organization {
    /// Its id: opaque, unique in the directory, the same for ever.
    pub async fn id(&self) -> ID {
        GlobalId { kind: Kind::Organization, number: self.0.id }.to_string().into()
    }

    /// Its name in an address: lower-case ASCII letters, digits and hyphens.
    pub async fn slug(&self) -> &str {
        &self.0.slug
    }

    /// The name to show.
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
        former_ids::<OrganizationFormerIds>(ctx, self.0.id, Kind::Organization).await
    }

    /// All its names, in all languages, with what kind of name each is.
    async fn names(&self) -> Vec<LocalizedName> {
        self.0.names.0.iter().map(Into::into).collect()
    }

    /// The ROR id as its address, such as https://ror.org/05dxps055.
    async fn ror(&self) -> Option<Url> {
        self.0.ror.as_ref()?.parse::<Ror>().ok().map(|ror| Url(ror.uri()))
    }

    /// Ids of other schemes.
    async fn identifiers(&self, ctx: &Context<'_>) -> Result<Vec<Identifier>, Error> {
        identifiers::<OrganizationIdentifiers>(ctx, self.0.id).await
    }

    /// What it is, in ROR's terms.
    async fn types(&self) -> Vec<OrganizationType> {
        self.0.types.iter().filter_map(|word| from_word(word)).collect()
    }

    /// Whether it still exists, in ROR's terms.
    async fn status(&self) -> OrganizationStatus {
        from_word(&self.0.status).unwrap_or(OrganizationStatus::Active)
    }

    /// The country of its seat: ISO 3166-1 alpha-2.
    async fn country_code(&self) -> Option<&str> {
        self.0.country_code.as_deref()
    }

    /// The place of its seat.
    async fn city(&self) -> Option<&str> {
        self.0.city.as_deref()
    }

    /// Its own site.
    async fn homepage_url(&self) -> Option<Url> {
        url(self.0.homepage_url.as_ref())
    }

    /// What it is directly part of.
    async fn parents(&self, ctx: &Context<'_>) -> Result<Vec<Organization>, Error> {
        related::<OrganizationParents>(ctx, self.0.id).await
    }

    /// Everything it is part of, nearest first.
    async fn ancestors(&self, ctx: &Context<'_>) -> Result<Vec<Organization>, Error> {
        related::<OrganizationAncestors>(ctx, self.0.id).await
    }

    /// What it continues.
    async fn predecessors(&self, ctx: &Context<'_>) -> Result<Vec<Organization>, Error> {
        related::<OrganizationPredecessors>(ctx, self.0.id).await
    }

    /// What continues it.
    async fn successors(&self, ctx: &Context<'_>) -> Result<Vec<Organization>, Error> {
        related::<OrganizationSuccessors>(ctx, self.0.id).await
    }

    /// What is directly part of it, by name in the languages of Accept-Language.
    async fn children(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "So many from the start: 1 to 100, 20 where neither first nor last is given.")] first: Option<
            i32,
        >,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<String>,
        #[graphql(desc = "So many from the end: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what precedes this cursor.")] before: Option<String>,
    ) -> Result<OrganizationConnection, Error> {
        let (order, direction) = OrganizationOrder::or_name(None, &store::OrganizationFilter::default(), ctx)?;
        let list = store::Organizations {
            children_of_parent: true,
            filter: store::OrganizationFilter::default(),
            order,
            direction,
        };
        connection(ctx, Parent::of(self.0.id), list, PageArguments { first, after, last, before }).await
    }

    /// Who is and was here: primary and current affiliations first.
    #[allow(clippy::too_many_arguments, reason = "the arguments of the schema")]
    async fn affiliations(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Which; all of any kind, past ones too, where absent. Those below are listed with them, not here."
        )]
        filter: Option<AffiliationFilter>,
        #[graphql(desc = "Another order.")] order_by: Option<AffiliationOrder>,
        #[graphql(desc = "So many from the start: 1 to 100, 20 where neither first nor last is given.")] first: Option<
            i32,
        >,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<String>,
        #[graphql(desc = "So many from the end: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what precedes this cursor.")] before: Option<String>,
    ) -> Result<AffiliationConnection, Error> {
        let (order, direction) = AffiliationOrder::or_importance(order_by, ctx);
        let filter = AffiliationFilter::or_all(filter, ctx)?;
        let list = Affiliations { scope: AffiliationScope::Organization, filter, order, direction };
        connection(ctx, Parent::of(self.0.id), list, PageArguments { first, after, last, before }).await
    }

    /// People with an affiliation here that passes `affiliation`: by default a current employment, membership or
    /// invited position, here or anywhere below. By name.
    #[allow(clippy::too_many_arguments, reason = "the arguments of the schema")]
    async fn researchers(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What their affiliation here passes.")] affiliation: Option<AffiliationFilter>,
        #[graphql(desc = "Which people.")] filter: Option<ResearcherFilter>,
        #[graphql(desc = "Another order.")] order_by: Option<ResearcherOrder>,
        #[graphql(desc = "So many from the start: 1 to 100, 20 where neither first nor last is given.")] first: Option<
            i32,
        >,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<String>,
        #[graphql(desc = "So many from the end: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what precedes this cursor.")] before: Option<String>,
    ) -> Result<OrganizationResearcherConnection, Error> {
        let affiliation = AffiliationFilter::or_all(affiliation, ctx)?;
        let filter = ResearcherFilter::or_all(filter, ctx)?;
        let (order, direction) = ResearcherOrder::or_name(order_by, &filter)?;
        let list = OrganizationResearchers { affiliation, filter, order, direction };
        connection(ctx, Parent::of(self.0.id), list, PageArguments { first, after, last, before }).await
    }

    /// Papers with an author who was here at the time of the paper, newest first.
    #[allow(clippy::too_many_arguments, reason = "the arguments of the schema")]
    async fn papers(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Or anywhere below.", default = true)] include_descendants: bool,
        #[graphql(desc = "Which.")] filter: Option<PaperFilter>,
        #[graphql(desc = "Another order.")] order_by: Option<PaperOrder>,
        #[graphql(desc = "So many from the start: 1 to 100, 20 where neither first nor last is given.")] first: Option<
            i32,
        >,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<String>,
        #[graphql(desc = "So many from the end: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what precedes this cursor.")] before: Option<String>,
    ) -> Result<PaperConnection, Error> {
        let scope = PaperScope::Organization { include_descendants };
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

/// What an organization is, in ROR's terms.
#[derive(Enum, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OrganizationType {
    /// A university or another school.
    Education,
    /// It pays for research.
    Funder,
    /// A hospital or another place of care.
    Healthcare,
    /// A business.
    Company,
    /// A library, a museum or another keeper of collections.
    Archive,
    /// A charity, a society or the like.
    Nonprofit,
    /// A part of a government.
    Government,
    /// A laboratory, an institute or another place of research.
    Facility,
    /// Anything else.
    Other,
}

/// Whether an organization still exists, in ROR's terms.
#[derive(Enum, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OrganizationStatus {
    /// It does.
    Active,
    /// It no longer does.
    Inactive,
    /// It should not have been listed: a duplicate, or no organization at all.
    Withdrawn,
}

/// An enumeration's value from the word it is stored as.
fn from_word<T: serde::de::DeserializeOwned>(word: &str) -> Option<T> {
    serde_json::from_value(word.into()).ok()
}

/// The words that an enumeration's values are stored as.
fn to_words<T: Serialize>(values: Option<Vec<T>>) -> Option<Vec<String>> {
    let word = |value| serde_json::to_value(value).ok()?.as_str().map(ToOwned::to_owned);
    values.map(|values| values.into_iter().filter_map(word).collect())
}

/// Exactly one key of an organization.
#[derive(OneofObject)]
pub enum OrganizationBy {
    /// The directory's own id.
    Id(ID),
    /// Its name in an address.
    Slug(String),
    /// The ROR id: bare or as an address.
    Ror(String),
    /// An id of any other scheme.
    Identifier(IdentifierKey),
}

impl OrganizationBy {
    fn key(self) -> Option<Key> {
        possible(match self {
            Self::Id(id) => return id_key(&id, Kind::Organization),
            Self::Slug(slug) => Key::Slug(slug.trim().to_lowercase()),
            Self::Ror(ror) => return column_key::<Ror>("ror", &ror),
            Self::Identifier(identifier) => identifier.into(),
        })
    }
}

/// Which organizations. All conditions hold together; an absent or null one is none, and an empty list matches nothing.
/// The ids of what was merged stand for what it became, unknown ones for nothing, and ids of another type are refused.
#[derive(InputObject, Default)]
pub struct OrganizationFilter {
    /// Any of these; at most 500.
    ids: Option<Vec<ID>>,
    /// With any of these ROR ids, bare or as addresses; at most 500.
    rors: Option<Vec<String>>,
    /// Of any of these types; at most 500.
    types: Option<Vec<OrganizationType>>,
    /// With any of these statuses; withdrawn ones are listed unless this leaves them out.
    statuses: Option<Vec<OrganizationStatus>>,
    /// In any of these countries: ISO 3166-1 alpha-2, in any case; at most 500.
    country_codes: Option<Vec<String>>,
    /// By any of its names in any language, as search finds them. At most 500 characters; white space alone is no
    /// condition.
    query: Option<String>,
    /// Changed at this moment or later.
    updated_since: Option<DateTime>,
}

impl OrganizationFilter {
    fn or_all(filter: Option<Self>, ctx: &Context<'_>) -> Result<store::OrganizationFilter, Error> {
        let filter = filter.unwrap_or_default();
        let countries = words(ctx, "countryCodes", filter.country_codes)?;
        Ok(store::OrganizationFilter {
            ids: numbers(ctx, "ids", filter.ids, Kind::Organization)?,
            rors: canonical::<Ror>(ctx, "rors", filter.rors)?,
            types: to_words(bounded(ctx, "types", filter.types)?),
            statuses: to_words(bounded(ctx, "statuses", filter.statuses)?),
            country_codes: countries.map(|codes| codes.iter().map(|code| code.trim().to_uppercase()).collect()),
            query: looked_for("query", filter.query)?,
            updated_since: filter.updated_since.map(|moment| moment.0),
        })
    }
}

/// By what organizations are ordered.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
pub enum OrganizationOrderField {
    /// By the name in the best of `languages`.
    Name,
    /// By the number of people there, or anywhere below, now: counted after each import and at the start of each day.
    ResearcherCount,
    /// By the last change.
    UpdatedAt,
    /// By how well filter.query matches, best last: DESC has the best first. Only with a query, and the default there.
    Relevance,
}

/// An order of organizations; ties end on the id.
#[derive(InputObject)]
pub struct OrganizationOrder {
    /// By what.
    field: OrganizationOrderField,
    /// Which way.
    direction: OrderDirection,
    /// For NAME, in order of preference; the request's Accept-Language where absent.
    languages: Option<Vec<LanguageTag>>,
}

impl OrganizationOrder {
    fn or_name(
        order: Option<Self>,
        filter: &store::OrganizationFilter,
        ctx: &Context<'_>,
    ) -> Result<(store::OrganizationOrder, Direction), Error> {
        let by = |field, languages| match field {
            OrganizationOrderField::Name => store::OrganizationOrder::Name(ctx.languages(languages)),
            OrganizationOrderField::ResearcherCount => store::OrganizationOrder::ResearcherCount,
            OrganizationOrderField::UpdatedAt => store::OrganizationOrder::UpdatedAt,
            OrganizationOrderField::Relevance => store::OrganizationOrder::Relevance,
        };
        let asked = order.map(|order| (by(order.field, order.languages), order.direction.into()));
        let by_name = (store::OrganizationOrder::Name(ctx.languages(None)), Direction::Ascending);
        or_relevance(asked, filter.query.as_ref(), store::OrganizationOrder::Relevance, by_name)
    }
}

/// A page of organizations.
pub type OrganizationConnection = AtOnce<Connection<store::Organizations>>;

plain_list!(store::Organizations, "Organization", Organization);

/// What ties a person to an organization.
pub struct OrganizationResearcherFields {
    behind: AffiliationsBehind,
}

/// What ties a person to an organization.
#[Object]
impl OrganizationResearcherFields {
    /// The affiliations that put the person into this list.
    async fn affiliations(&self, ctx: &Context<'_>) -> Result<Vec<Affiliation>, Error> {
        let affiliations = ctx.loaders().load_one(self.behind.clone()).await?.unwrap_or_default();
        Ok(affiliations.into_iter().map(Affiliation).collect())
    }
}

impl Shown for OrganizationResearchers {
    const NAME: &'static str = "OrganizationResearcher";
    type Shown = Researcher;
    type Fields = OrganizationResearcherFields;
    type Facets = WithFacets<Self, ResearcherFacets>;

    fn fields(parent: Parent, list: &Arc<Self>, row: &Row<Self>, _: &Self::Edge) -> Self::Fields {
        let filter = Arc::new(list.affiliation.clone());
        OrganizationResearcherFields {
            behind: AffiliationsBehind { organization: parent.key, researcher: row.node.id, filter },
        }
    }
}

/// The part of the query that reads organizations.
#[derive(Default)]
pub struct OrganizationQuery;

#[Object]
impl OrganizationQuery {
    /// One organization; null where none has the key.
    async fn organization(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Exactly one key, in any of its written forms.")] by: OrganizationBy,
    ) -> Result<Option<AtOnce<Organization>>, Error> {
        let Some(key) = by.key() else { return Ok(None) };
        let asked = ByKey::selecting(key, columns_of::<Organization>(ctx));
        Ok(ctx.loaders().load_one(asked).await?.map(Organization).map(AtOnce))
    }

    /// Organizations by their keys, in the order of the keys; null where none has one. One statement, whatever the keys.
    async fn organizations_by(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "At most 500.")] keys: Vec<OrganizationBy>,
    ) -> Result<Vec<Option<Organization>>, Error> {
        let keys = bounded(ctx, "keys", Some(keys))?.unwrap_or_default();
        let selected = columns_of::<Organization>(ctx);
        let keys: Vec<_> = keys.into_iter().map(|by| Some(ByKey::selecting(by.key()?, selected))).collect();
        let found = ctx.loaders().load_many(keys.iter().flatten().cloned()).await?;
        Ok(keys.iter().map(|key| key.as_ref().and_then(|key| found.get(key)).cloned().map(Organization)).collect())
    }

    /// Organizations, by name.
    #[allow(clippy::too_many_arguments, reason = "the arguments of the schema")]
    async fn organizations(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which; all where absent.")] filter: Option<OrganizationFilter>,
        #[graphql(desc = "Another order.")] order_by: Option<OrganizationOrder>,
        #[graphql(desc = "So many from the start: 1 to 100, 20 where neither first nor last is given.")] first: Option<
            i32,
        >,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<String>,
        #[graphql(desc = "So many from the end: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what precedes this cursor.")] before: Option<String>,
    ) -> Result<OrganizationConnection, Error> {
        let filter = OrganizationFilter::or_all(filter, ctx)?;
        let (order, direction) = OrganizationOrder::or_name(order_by, &filter, ctx)?;
        let list = store::Organizations { children_of_parent: false, filter, order, direction };
        connection(ctx, Parent::default(), list, PageArguments { first, after, last, before }).await
    }
}
