//! The affiliation type, its filter, its order, and the root field `affiliations`.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, InputObject, Object};

use crate::entity::affiliation;
use crate::error::Error;
use crate::graphql::connection::{Connection, load_connection, simple_connection};
use crate::graphql::context::ContextExt as _;
use crate::graphql::engine::eager_resolver::EagerObject;
use crate::graphql::engine::field_directives::{Cost, FREE, Reads, statements};
use crate::graphql::engine::lookahead::ProjectedType;
use crate::graphql::engine::selected_columns::selected_columns;
use crate::graphql::inputs::filter_cost;
use crate::graphql::inputs::identifier::{check_list_size, decode_ids};
use crate::graphql::inputs::order::OrderDirection;
use crate::graphql::inputs::scalars::{Date, DateTime};
use crate::graphql::types::change::load_revision;
use crate::graphql::types::localized_string::LocalizedString;
use crate::graphql::types::organization::Organization;
use crate::graphql::types::researcher::Researcher;
use crate::model::change::ChangeKind;
use crate::model::global_id::{GlobalId, NodeKind};
use crate::model::language::LanguageTag;
use crate::model::partial_date::PartialDate;
use crate::model::record;
use crate::store::reader::affiliation as store;
use crate::store::reader::cursor::PageArguments;
use crate::store::reader::lookup::ById;
use crate::store::reader::page::{ParentKey, SortDirection as Direction};

/// A researcher's current or past role at an organization.
#[derive(Clone)]
pub struct Affiliation(pub Arc<affiliation::Model>);

impl From<Arc<affiliation::Model>> for Affiliation {
    fn from(model: Arc<affiliation::Model>) -> Self {
        Self(model)
    }
}

impl ProjectedType for Affiliation {
    type Row = affiliation::Model;
}

/// A researcher's current or past role at an organization.
#[Object]
impl Affiliation {
    /// Globally unique, opaque ID. It is permanent.
    #[graphql(directive = Reads::apply(&[]))]
    pub async fn id(&self) -> ID {
        GlobalId { kind: NodeKind::Affiliation, row_id: self.0.id }.to_string().into()
    }

    /// The researcher.
    #[graphql(directive = Reads::apply(&[]), directive = Cost::apply(statements(1)))]
    async fn researcher(&self, ctx: &Context<'_>) -> Result<EagerObject<Researcher>, Error> {
        let key = ById::with_columns(self.0.researcher_id, selected_columns::<Researcher>(ctx));
        let researcher = ctx.data_loader().load_one(key).await?;
        researcher.map(Researcher).map(EagerObject).ok_or(Error::Deleted("researcher"))
    }

    /// The organization.
    #[graphql(directive = Reads::apply(&[]), directive = Cost::apply(statements(1)))]
    async fn organization(&self, ctx: &Context<'_>) -> Result<EagerObject<Organization>, Error> {
        let key = ById::with_columns(self.0.organization_id, selected_columns::<Organization>(ctx));
        let organization = ctx.data_loader().load_one(key).await?;
        organization.map(Organization).map(EagerObject).ok_or(Error::Deleted("organization"))
    }

    /// The affiliation type, in ORCID's vocabulary.
    #[graphql(directive = Reads::apply(&[]))]
    async fn kind(&self) -> AffiliationKind {
        self.0.kind.into()
    }

    /// The title of the role, such as `Professor`.
    #[graphql(directive = Reads::apply(&["role_title"]), directive = Cost::apply(FREE))]
    async fn role_title(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Preferred languages, most preferred first. Defaults to the request's `Accept-Language` header."
        )]
        languages: Option<Vec<LanguageTag>>,
    ) -> Option<LocalizedString> {
        LocalizedString::best_match(&self.0.role_title, &ctx.languages(languages))
    }

    /// The name of the department.
    #[graphql(directive = Reads::apply(&["department_name"]), directive = Cost::apply(FREE))]
    async fn department_name(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Preferred languages, most preferred first. Defaults to the request's `Accept-Language` header."
        )]
        languages: Option<Vec<LanguageTag>>,
    ) -> Option<LocalizedString> {
        LocalizedString::best_match(&self.0.department_name, &ctx.languages(languages))
    }

    /// The start date, as precisely as it is known. A start of `2015` covers all of 2015. Null if the source does not
    /// provide it; the affiliation then has no lower bound.
    #[graphql(directive = Reads::apply(&["start_date"]))]
    async fn start_date(&self) -> Option<PartialDate> {
        self.0.start_date.as_ref()?.parse().ok()
    }

    /// The end date, as precisely as it is known; it can be in the future. An end of `2015` covers all of 2015. Null if
    /// the affiliation is ongoing or the source does not provide it. `isCurrent` is false if it has ended all the same.
    #[graphql(directive = Reads::apply(&["end_date"]))]
    async fn end_date(&self) -> Option<PartialDate> {
        self.0.end_date.as_ref()?.parse().ok()
    }

    /// Whether the affiliation is held today (UTC). A start or an end of `2015` covers all of 2015. An unknown date is
    /// an open bound, unless the source says that the affiliation has ended.
    #[graphql(directive = Reads::apply(&["start_date", "end_date", "has_ended"]))]
    async fn is_current(&self) -> bool {
        let today = chrono::Utc::now().date_naive().to_string();
        // ISO 8601 dates compare as strings; only the digits that are known are compared.
        let has_started =
            self.0.start_date.as_ref().is_none_or(|start| start.as_str() <= &today[..start.len().min(10)]);
        let has_not_ended = match &self.0.end_date {
            Some(end) => end.as_str() >= &today[..end.len().min(10)],
            None => !self.0.has_ended,
        };
        has_started && has_not_ended
    }

    /// Whether this is the researcher's primary affiliation. A researcher has at most one.
    #[graphql(directive = Reads::apply(&["is_primary"]))]
    async fn is_primary(&self) -> bool {
        self.0.is_primary
    }

    /// The revision, opaque: it is another one after every change that the change feed reports.
    #[graphql(directive = Reads::apply(&[]), directive = Cost::apply(statements(1)))]
    async fn revision(&self, ctx: &Context<'_>) -> Result<String, Error> {
        load_revision(ctx, ChangeKind::Affiliation, self.0.id).await
    }

    /// When the affiliation was added to the directory.
    #[graphql(directive = Reads::apply(&["created_at"]))]
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// When the affiliation's data last changed.
    #[graphql(directive = Reads::apply(&["updated_at"]))]
    async fn updated_at(&self) -> DateTime {
        DateTime(self.0.updated_at)
    }
}

/// Affiliation types, in ORCID's vocabulary.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "record::AffiliationKind")]
pub enum AffiliationKind {
    /// A paid position.
    Employment,
    /// Membership of a society, an association, or an institute other than the employer.
    Membership,
    /// Studies towards a degree.
    Education,
    /// A professional certificate or licence.
    Qualification,
    /// Service to an organization, such as on a board.
    Service,
    /// A visiting position.
    InvitedPosition,
    /// A prize or an honorary title.
    Distinction,
}

/// Filters affiliations. All conditions are combined with AND and apply to one and the same affiliation. Omitted or
/// null conditions are ignored; an empty list matches nothing.
///
/// IDs of merged entities resolve to the surviving entity. Unknown IDs match nothing; IDs of another type are an error.
///
/// Where this filter selects researchers, `kinds` defaults to EMPLOYMENT, MEMBERSHIP and INVITED_POSITION, and
/// `isCurrent` to true if neither `asOf` nor `isCurrent` is set.
#[derive(InputObject, Default)]
pub struct AffiliationFilter {
    /// Has any of these types; at most 500.
    kinds: Option<Vec<AffiliationKind>>,
    /// Is at any of these organizations; at most 500.
    #[graphql(directive = Cost::apply(filter_cost::RELATED))]
    organization_ids: Option<Vec<ID>>,
    /// Whether to include all descendants of `organizationIds`. Null means true.
    #[graphql(default_with = "Some(true)")]
    include_descendants: Option<bool>,
    /// Belongs to any of these researchers; at most 500.
    #[graphql(directive = Cost::apply(FREE))]
    researcher_ids: Option<Vec<ID>>,
    /// Is held on this day; the start and end dates are included. Partial dates cover their whole period: `2015` covers
    /// all of 2015, `2015-02` all of that month. An unknown date is an open bound, but an affiliation that ended on an
    /// unknown date is held on no day. If `isCurrent` is also set, both conditions apply.
    as_of: Option<Date>,
    /// If true, is held today (UTC), evaluated as for `asOf`. If false, is not held today: it has ended or has not
    /// started.
    is_current: Option<bool>,
    /// Was last changed at or after this time.
    #[graphql(directive = Cost::apply(filter_cost::UPDATED_SINCE))]
    updated_since: Option<DateTime>,
}

impl AffiliationFilter {
    /// Converts the filter to the store's; without a filter all affiliations match.
    ///
    /// # Errors
    /// If an ID is invalid or a list is too long.
    pub fn into_store_filter(filter: Option<Self>, ctx: &Context<'_>) -> Result<store::AffiliationFilter, Error> {
        let filter = filter.unwrap_or_default();
        let kinds = check_list_size(ctx, "kinds", filter.kinds)?;
        Ok(store::AffiliationFilter {
            kinds: kinds.map(|kinds| kinds.into_iter().map(Into::into).collect()),
            organization_ids: decode_ids(ctx, "organizationIds", filter.organization_ids, NodeKind::Organization)?,
            include_descendants: filter.include_descendants.unwrap_or(true),
            researcher_ids: decode_ids(ctx, "researcherIds", filter.researcher_ids, NodeKind::Researcher)?,
            as_of: filter.as_of.map(|date| date.0),
            is_current: filter.is_current,
            updated_since: filter.updated_since.map(|time| time.0),
        })
    }
}

/// Fields by which affiliations can be sorted.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
pub enum AffiliationOrderField {
    /// By start date. Unknown start dates sort as the earliest.
    StartDate,
    /// By the organization's name, in the language selected by `languages`.
    OrganizationName,
    /// By the researcher's name, family name first.
    ResearcherName,
    /// By the time of the last change.
    UpdatedAt,
}

/// Sort order for affiliations. Ties are broken by ID.
#[derive(InputObject)]
pub struct AffiliationOrder {
    /// The field to sort by.
    field: AffiliationOrderField,
    /// The sort direction.
    direction: OrderDirection,
    /// Preferred languages for ORGANIZATION_NAME, most preferred first. Defaults to the request's `Accept-Language`
    /// header.
    languages: Option<Vec<LanguageTag>>,
}

impl AffiliationOrder {
    /// Resolves the order; the default is the primary affiliation first, then current ones, then the latest start date.
    pub fn resolve_by_importance(order: Option<Self>, ctx: &Context<'_>) -> (store::AffiliationOrder, Direction) {
        Self::resolve(order, ctx, store::AffiliationOrder::Importance)
    }

    /// Resolves the order; the default is the latest start date first.
    fn resolve_newest_first(order: Option<Self>, ctx: &Context<'_>) -> (store::AffiliationOrder, Direction) {
        Self::resolve(order, ctx, store::AffiliationOrder::StartDate)
    }

    fn resolve(
        order: Option<Self>,
        ctx: &Context<'_>,
        default: store::AffiliationOrder,
    ) -> (store::AffiliationOrder, Direction) {
        let Some(order) = order else { return (default, Direction::Descending) };
        let field = match order.field {
            AffiliationOrderField::StartDate => store::AffiliationOrder::StartDate,
            AffiliationOrderField::OrganizationName => {
                store::AffiliationOrder::OrganizationName(ctx.languages(order.languages))
            }
            AffiliationOrderField::ResearcherName => store::AffiliationOrder::ResearcherName,
            AffiliationOrderField::UpdatedAt => store::AffiliationOrder::UpdatedAt,
        };
        (field, order.direction.into())
    }
}

/// A page of affiliations.
pub type AffiliationConnection = EagerObject<Connection<store::Affiliations>>;

simple_connection!(store::Affiliations, "Affiliation", Affiliation);

/// Root fields for affiliations.
#[derive(Default)]
pub struct AffiliationQuery;

#[Object]
impl AffiliationQuery {
    /// Affiliations of all researchers, including past ones. By default the latest start date comes first, and unknown
    /// start dates come last.
    #[graphql(directive = Cost::apply(statements(1)))]
    #[allow(clippy::too_many_arguments, reason = "the arguments of the field")]
    async fn affiliations(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Filters the affiliations. Defaults to all.")] filter: Option<AffiliationFilter>,
        #[graphql(desc = "Sort order. Defaults to the latest start date first.")] order_by: Option<AffiliationOrder>,
        #[graphql(
            desc = "Returns the first _n_ items: 1 to 100. Defaults to 20 if neither `first` nor `last` is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "Returns items after this cursor.")] after: Option<String>,
        #[graphql(desc = "Returns the last _n_ items: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Returns items before this cursor.")] before: Option<String>,
    ) -> Result<AffiliationConnection, Error> {
        let (order, direction) = AffiliationOrder::resolve_newest_first(order_by, ctx);
        let filter = AffiliationFilter::into_store_filter(filter, ctx)?;
        let list = store::Affiliations { scope: store::AffiliationScope::All, filter, order, direction };
        load_connection(ctx, ParentKey::default(), list, PageArguments { first, after, last, before }).await
    }
}
