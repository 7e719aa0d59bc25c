//! The authorship type.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, Object};

use crate::entity::authorship;
use crate::error::Error;
use crate::graphql::connection::{Connection, simple_connection};
use crate::graphql::context::ContextExt as _;
use crate::graphql::engine::eager_resolver::EagerObject;
use crate::graphql::engine::field_directives::{Cost, Reads, statements};
use crate::graphql::engine::lookahead::ProjectedType;
use crate::graphql::engine::selected_columns::selected_columns;
use crate::graphql::types::name_repair::NameRepair;
use crate::graphql::types::organization::Organization;
use crate::graphql::types::paper::Paper;
use crate::graphql::types::researcher::Researcher;
use crate::graphql::types::resolution::Resolution;
use crate::model::global_id::{GlobalId, NodeKind};
use crate::store::reader::authorship::{Authorships, LastPositionKey, RedactedAuthorship};
use crate::store::reader::lookup::ById;
use crate::store::reader::name_repair::NameRepairKey;
use crate::store::reader::relation::{AuthorshipOrganizations, RelationKey};
use crate::store::reader::resolution::ResolutionKey;

/// One author of one paper, with the researcher the author was resolved to.
#[derive(Clone)]
pub struct Authorship(Arc<RedactedAuthorship>);

impl From<Arc<RedactedAuthorship>> for Authorship {
    fn from(author: Arc<RedactedAuthorship>) -> Self {
        Self(author)
    }
}

impl From<RedactedAuthorship> for Authorship {
    fn from(author: RedactedAuthorship) -> Self {
        Self(Arc::new(author))
    }
}

impl Authorship {
    fn model(&self) -> &authorship::Model {
        &self.0.authorship
    }
}

impl ProjectedType for Authorship {
    type Row = RedactedAuthorship;
}

/// One author of one paper, with the researcher the author was resolved to.
#[Object]
impl Authorship {
    /// Globally unique, opaque ID. Importing the paper again can give its authorships new IDs.
    #[graphql(directive = Reads::apply(&[]))]
    pub async fn id(&self) -> ID {
        GlobalId { kind: NodeKind::Authorship, row_id: self.model().id }.to_string().into()
    }

    /// The author position, from 1. Null if the source does not provide the order.
    #[graphql(directive = Reads::apply(&["position"]))]
    async fn position(&self) -> Option<i32> {
        self.model().position
    }

    /// Whether the author is first, last or in between; a sole author is FIRST. Null if `position` is null.
    #[graphql(directive = Reads::apply(&["position"]), directive = Cost::apply(statements(1)))]
    async fn sequence(&self, ctx: &Context<'_>) -> Result<Option<AuthorSequence>, Error> {
        let Some(position) = self.model().position else { return Ok(None) };
        if position == 1 {
            return Ok(Some(AuthorSequence::First));
        }
        let last = ctx.data_loader().load_one(LastPositionKey(self.model().paper_id)).await?;
        Ok(Some(if last == Some(position) { AuthorSequence::Last } else { AuthorSequence::Middle }))
    }

    /// The name in the source's own characters. If the published name is suppressed, the researcher's chosen name.
    #[graphql(directive = Reads::apply(&[]))]
    async fn name_as_published(&self) -> &str {
        &self.model().name_as_published
    }

    /// Whether the published name is suppressed, either at the researcher's request or because it is one of their
    /// non-public names. `nameAsPublished` then contains the name they chose. A request applies to all papers,
    /// regardless of the name printed on them.
    #[graphql(directive = Reads::apply(&[]))]
    async fn is_published_name_withheld(&self) -> bool {
        self.0.is_name_suppressed
    }

    /// The name to display: the researcher's display name if the author is resolved, otherwise the published name with
    /// damage repaired (see `nameRepair`).
    #[graphql(directive = Reads::apply(&[]))]
    async fn name(&self) -> &str {
        self.0.resolved_name.as_ref().unwrap_or(&self.model().name)
    }

    /// The damage found in the published name, with its applied or suggested repair. Null if no damage is found or the
    /// published name is suppressed.
    #[graphql(directive = Reads::apply(&[]), directive = Cost::apply(statements(1)))]
    async fn name_repair(&self, ctx: &Context<'_>) -> Result<Option<NameRepair>, Error> {
        if self.0.is_name_suppressed {
            return Ok(None);
        }
        Ok(ctx.data_loader().load_one(NameRepairKey(self.model().id)).await?.map(NameRepair::from))
    }

    /// The researcher the author was resolved to. Null if unresolved.
    #[graphql(directive = Reads::apply(&[]), directive = Cost::apply(statements(1)))]
    async fn researcher(&self, ctx: &Context<'_>) -> Result<Option<EagerObject<Researcher>>, Error> {
        let Some(id) = self.model().researcher_id else { return Ok(None) };
        let key = ById::with_columns(id, selected_columns::<Researcher>(ctx));
        Ok(ctx.data_loader().load_one(key).await?.map(Researcher).map(EagerObject))
    }

    /// Why the author was resolved to this researcher. Null if unresolved.
    #[graphql(directive = Reads::apply(&[]), directive = Cost::apply(statements(1)))]
    async fn resolution(&self, ctx: &Context<'_>) -> Result<Option<Resolution>, Error> {
        if self.model().researcher_id.is_none() {
            return Ok(None);
        }
        let stored = ctx.data_loader().load_one(ResolutionKey(self.model().id)).await?;
        Ok(Some(stored.map_or_else(Resolution::name_only, Resolution::from)))
    }

    /// The paper.
    #[graphql(directive = Reads::apply(&[]), directive = Cost::apply(statements(1)))]
    async fn paper(&self, ctx: &Context<'_>) -> Result<EagerObject<Paper>, Error> {
        let key = ById::with_columns(self.model().paper_id, selected_columns::<Paper>(ctx));
        let paper = ctx.data_loader().load_one(key).await?;
        paper.map(Paper).map(EagerObject).ok_or(Error::Deleted("paper"))
    }

    /// Whether this is the corresponding author. Null if the source does not provide it.
    #[graphql(directive = Reads::apply(&["is_corresponding"]))]
    async fn is_corresponding(&self) -> Option<bool> {
        self.model().is_corresponding
    }

    /// Authors of a paper with the same number contributed equally. Null if the source does not provide it.
    #[graphql(directive = Reads::apply(&["equal_contribution_group"]))]
    async fn equal_contribution_group(&self) -> Option<i32> {
        self.model().equal_contribution_group
    }

    /// The affiliations as printed on the paper. Affiliations that contain a non-public name, or an email address
    /// derived from one, are omitted.
    #[graphql(directive = Reads::apply(&["affiliations_as_published"]))]
    async fn affiliations_as_published(&self) -> &[String] {
        &self.model().affiliations_as_published
    }

    /// The organizations that `affiliationsAsPublished` were matched to, at the time of the paper.
    #[graphql(directive = Reads::apply(&[]), directive = Cost::apply(statements(1)))]
    async fn organizations(&self, ctx: &Context<'_>) -> Result<Vec<Organization>, Error> {
        let key = RelationKey::<AuthorshipOrganizations>::new(self.model().id);
        let organizations = ctx.data_loader().load_one(key).await?.unwrap_or_default();
        Ok(organizations.iter().cloned().map(Organization).collect())
    }
}

/// The position of an author within the author list.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
pub enum AuthorSequence {
    /// The first author, or the sole author.
    First,
    /// Neither first nor last.
    Middle,
    /// The last author.
    Last,
}

/// A page of authorships.
pub type AuthorshipConnection = EagerObject<Connection<Authorships>>;

simple_connection!(Authorships, "Authorship", Authorship);
