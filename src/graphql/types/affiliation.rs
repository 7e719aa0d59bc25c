//! Affiliations.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, InputObject, Object};

use crate::entity::affiliation;
use crate::error::Error;
use crate::graphql::connection::{Connection, connection, plain_list};
use crate::graphql::context::State as _;
use crate::graphql::engine::eager_resolver::AtOnce;
use crate::graphql::engine::lookahead::{FieldReads, Reads, columns_of};
use crate::graphql::inputs::identifier::{bounded, numbers};
use crate::graphql::inputs::localized_string::LocalizedString;
use crate::graphql::inputs::order::OrderDirection;
use crate::graphql::inputs::scalars::{Date, DateTime};
use crate::graphql::types::organization::Organization;
use crate::graphql::types::researcher::Researcher;
use crate::model::global_id::{GlobalId, Kind};
use crate::model::language::LanguageTag;
use crate::model::partial_date::PartialDate;
use crate::model::record;
use crate::store::reader::affiliation as store;
use crate::store::reader::cursor::PageArguments;
use crate::store::reader::lookup::ById;
use crate::store::reader::page::{OrderDirection as Direction, Parent};

/// What a person is, or was, at an organization.
#[derive(Clone)]
pub struct Affiliation(pub Arc<affiliation::Model>);

impl From<Arc<affiliation::Model>> for Affiliation {
    fn from(model: Arc<affiliation::Model>) -> Self {
        Self(model)
    }
}

impl Reads for Affiliation {
    type Row = affiliation::Model;
    const FIELDS: &'static [FieldReads] = &[
        ("id", &[]),
        ("researcher", &[]),
        ("organization", &[]),
        ("kind", &[]),
        ("roleTitle", &["role_title"]),
        ("departmentName", &["department_name"]),
        ("startDate", &["start_date"]),
        ("endDate", &["end_date"]),
        ("isCurrent", &["start_date", "end_date"]),
        ("isPrimary", &["is_primary"]),
        ("createdAt", &["created_at"]),
        ("updatedAt", &["updated_at"]),
    ];
}

/// What a person is, or was, at an organization.
#[Object]
impl Affiliation {
    /// Its id: opaque, unique in the directory, the same for ever.
    pub async fn id(&self) -> ID {
        GlobalId { kind: Kind::Affiliation, number: self.0.id }.to_string().into()
    }

    /// Who.
    async fn researcher(&self, ctx: &Context<'_>) -> Result<AtOnce<Researcher>, Error> {
        let asked = ById::selecting(self.0.researcher_id, columns_of::<Researcher>(ctx));
        let researcher = ctx.loaders().load_one(asked).await?;
        researcher.map(Researcher).map(AtOnce).ok_or_else(|| Error::internal("an affiliation of nobody"))
    }

    /// Where.
    async fn organization(&self, ctx: &Context<'_>) -> Result<AtOnce<Organization>, Error> {
        let asked = ById::selecting(self.0.organization_id, columns_of::<Organization>(ctx));
        let organization = ctx.loaders().load_one(asked).await?;
        organization.map(Organization).map(AtOnce).ok_or_else(|| Error::internal("an affiliation with nothing"))
    }

    /// As what, in ORCID's terms.
    async fn kind(&self) -> AffiliationKind {
        self.0.kind.into()
    }

    /// The title of the role.
    async fn role_title(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "In order of preference; the request's Accept-Language where absent.")] languages: Option<
            Vec<LanguageTag>,
        >,
    ) -> Option<LocalizedString> {
        LocalizedString::best(&self.0.role_title, &ctx.languages(languages))
    }

    /// The name of the department.
    async fn department_name(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "In order of preference; the request's Accept-Language where absent.")] languages: Option<
            Vec<LanguageTag>,
        >,
    ) -> Option<LocalizedString> {
        LocalizedString::best(&self.0.department_name, &ctx.languages(languages))
    }

    /// When it began, as far as known. One of 2015 covers all of 2015; null where the source does not tell, which counts
    /// as ever since.
    async fn start_date(&self) -> Option<PartialDate> {
        self.0.start_date.as_ref()?.parse().ok()
    }

    /// When it ended or will end, as far as known. One of 2015 covers all of 2015; null while it lasts, and where the
    /// source does not tell.
    async fn end_date(&self) -> Option<PartialDate> {
        self.0.end_date.as_ref()?.parse().ok()
    }

    /// Whether it is held today (in UTC): a start or an end of 2015 covers all of 2015, and unknown ones are open.
    async fn is_current(&self) -> bool {
        let today = chrono::Utc::now().date_naive().to_string();
        // ISO dates compare as text, over the digits that are known.
        let begun = self.0.start_date.as_ref().is_none_or(|start| start.as_str() <= &today[..start.len().min(10)]);
        let lasts = self.0.end_date.as_ref().is_none_or(|end| end.as_str() >= &today[..end.len().min(10)]);
        begun && lasts
    }

    /// Whether it is the one to name first; at most one of a person is.
    async fn is_primary(&self) -> bool {
        self.0.is_primary
    }

    /// When it came into the directory.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// When what the directory says of it last changed.
    async fn updated_at(&self) -> DateTime {
        DateTime(self.0.updated_at)
    }
}

/// What an affiliation is, in ORCID's terms.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "record::AffiliationKind")]
pub enum AffiliationKind {
    /// Paid work.
    Employment,
    /// Belonging to a society, an association or an institute beside one's employer.
    Membership,
    /// Studies towards a degree.
    Education,
    /// A professional certificate or licence.
    Qualification,
    /// Work given to an organization, such as on a board.
    Service,
    /// A visiting position.
    InvitedPosition,
    /// A prize or an honorary title.
    Distinction,
}

/// Which affiliations. All conditions hold together, of one and the same affiliation; an absent or null one is none, and
/// an empty list matches nothing. The ids of what was merged stand for what it became, unknown ones for nothing, and ids
/// of another type are refused.
/// Where the filter selects people, naming no kinds means EMPLOYMENT, MEMBERSHIP and INVITED_POSITION, and naming
/// neither asOf nor isCurrent means current.
#[derive(InputObject, Default)]
pub struct AffiliationFilter {
    /// Of any of these kinds; at most 500.
    kinds: Option<Vec<AffiliationKind>>,
    /// At any of these organizations; at most 500.
    organization_ids: Option<Vec<ID>>,
    /// Or anywhere below them, however deep; null means true.
    #[graphql(default_with = "Some(true)")]
    include_descendants: Option<bool>,
    /// Of any of these people; at most 500.
    researcher_ids: Option<Vec<ID>>,
    /// Held on that day, the first and the last included. A date counts as far as it is known: a start or an end of 2015
    /// covers all of 2015, one of 2015-02 all of that month, and unknown ones are open. Beside isCurrent both hold.
    as_of: Option<Date>,
    /// True: held today (in UTC), by the rule of asOf. False: not held today, but before or later.
    is_current: Option<bool>,
    /// Changed at this moment or later.
    updated_since: Option<DateTime>,
}

impl AffiliationFilter {
    /// The filter for the store; everything passes an absent one.
    ///
    /// # Errors
    /// Where an id is none, or a list is too long.
    pub fn or_all(filter: Option<Self>, ctx: &Context<'_>) -> Result<store::AffiliationFilter, Error> {
        let filter = filter.unwrap_or_default();
        let kinds = bounded(ctx, "kinds", filter.kinds)?;
        Ok(store::AffiliationFilter {
            kinds: kinds.map(|kinds| kinds.into_iter().map(Into::into).collect()),
            organization_ids: numbers(ctx, "organizationIds", filter.organization_ids, Kind::Organization)?,
            include_descendants: filter.include_descendants.unwrap_or(true),
            researcher_ids: numbers(ctx, "researcherIds", filter.researcher_ids, Kind::Researcher)?,
            as_of: filter.as_of.map(|date| date.0),
            is_current: filter.is_current,
            updated_since: filter.updated_since.map(|moment| moment.0),
        })
    }
}

/// By what affiliations are ordered.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
pub enum AffiliationOrderField {
    /// By the start; unknown starts are the earliest.
    StartDate,
    /// By the organization's name in the best of `languages`.
    OrganizationName,
    /// By the researcher's name, family name first.
    ResearcherName,
    /// By the last change.
    UpdatedAt,
}

/// An order of affiliations; ties end on the id.
#[derive(InputObject)]
pub struct AffiliationOrder {
    /// By what.
    field: AffiliationOrderField,
    /// Which way.
    direction: OrderDirection,
    /// For ORGANIZATION_NAME, in order of preference; the request's Accept-Language where absent.
    languages: Option<Vec<LanguageTag>>,
}

impl AffiliationOrder {
    /// The order asked for, else the primary one first, then those that last, then the latest.
    pub fn or_importance(order: Option<Self>, ctx: &Context<'_>) -> (store::AffiliationOrder, Direction) {
        Self::or(order, ctx, store::AffiliationOrder::Importance)
    }

    /// The order asked for, else those that began last first.
    fn or_newest(order: Option<Self>, ctx: &Context<'_>) -> (store::AffiliationOrder, Direction) {
        Self::or(order, ctx, store::AffiliationOrder::StartDate)
    }

    fn or(
        order: Option<Self>,
        ctx: &Context<'_>,
        otherwise: store::AffiliationOrder,
    ) -> (store::AffiliationOrder, Direction) {
        let Some(order) = order else { return (otherwise, Direction::Descending) };
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
pub type AffiliationConnection = AtOnce<Connection<store::Affiliations>>;

plain_list!(store::Affiliations, "Affiliation", Affiliation);

/// The part of the query that reads affiliations.
#[derive(Default)]
pub struct AffiliationQuery;

#[Object]
impl AffiliationQuery {
    /// Affiliations of anybody, past ones too: those that began last first, those whose start is unknown at the end.
    #[allow(clippy::too_many_arguments, reason = "the arguments of the schema")]
    async fn affiliations(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which; all where absent.")] filter: Option<AffiliationFilter>,
        #[graphql(desc = "Another order.")] order_by: Option<AffiliationOrder>,
        #[graphql(desc = "So many from the start: 1 to 100, 20 where neither first nor last is given.")] first: Option<
            i32,
        >,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<String>,
        #[graphql(desc = "So many from the end: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what precedes this cursor.")] before: Option<String>,
    ) -> Result<AffiliationConnection, Error> {
        let (order, direction) = AffiliationOrder::or_newest(order_by, ctx);
        let filter = AffiliationFilter::or_all(filter, ctx)?;
        let list = store::Affiliations { scope: store::AffiliationScope::All, filter, order, direction };
        connection(ctx, Parent::default(), list, PageArguments { first, after, last, before }).await
    }
}
