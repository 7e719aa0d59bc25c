//! Authorships.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, Object};

use super::connection::{Connection, plain_list};
use super::context::State as _;
use super::organization::Organization;
use super::paper::Paper;
use super::researcher::Researcher;
use crate::entity::authorship;
use crate::error::Error;
use crate::id::{GlobalId, Kind};
use crate::store::authorship::{Authorships, LastPositionOf};
use crate::store::lookup::ById;
use crate::store::relation::{AuthorshipOrganizations, RelatedTo};

/// One author's place on one paper; the researcher is who it was resolved to.
#[derive(Clone)]
pub struct Authorship(pub Arc<authorship::Model>);

impl From<Arc<authorship::Model>> for Authorship {
    fn from(model: Arc<authorship::Model>) -> Self {
        Self(model)
    }
}

impl Authorship {
    async fn resolved(&self, ctx: &Context<'_>) -> Result<Option<Researcher>, Error> {
        let Some(id) = self.0.researcher_id else { return Ok(None) };
        Ok(ctx.loaders().load_one(ById::new(id)).await?.map(Researcher))
    }
}

/// One author's place on one paper; the researcher is who it was resolved to.
#[Object]
impl Authorship {
    /// Its id: opaque, unique in the directory. A new import of the paper may give its authorships new ids.
    pub async fn id(&self) -> ID {
        GlobalId { kind: Kind::Authorship, number: self.0.id }.to_string().into()
    }

    /// The place among the authors, from 1; null where the source does not tell it.
    async fn position(&self) -> Option<i32> {
        self.0.position
    }

    /// Whether the place is the first, the last or between; a sole author is FIRST. Null where position is.
    async fn sequence(&self, ctx: &Context<'_>) -> Result<Option<AuthorSequence>, Error> {
        let Some(position) = self.0.position else { return Ok(None) };
        if position == 1 {
            return Ok(Some(AuthorSequence::First));
        }
        let last = ctx.loaders().load_one(LastPositionOf(self.0.paper_id)).await?;
        Ok(Some(if last == Some(position) { AuthorSequence::Last } else { AuthorSequence::Middle }))
    }

    /// The name in the source's own characters.
    async fn name_as_published(&self) -> &str {
        &self.0.name_as_published
    }

    /// The name to show: once resolved, the researcher's; else the published one with damage repaired.
    async fn name(&self, ctx: &Context<'_>) -> Result<String, Error> {
        let resolved = self.resolved(ctx).await?;
        Ok(resolved.map_or_else(|| self.0.name.clone(), |researcher| researcher.0.display_name.clone()))
    }

    /// Who it is; null until resolved.
    async fn researcher(&self, ctx: &Context<'_>) -> Result<Option<Researcher>, Error> {
        self.resolved(ctx).await
    }

    /// The paper.
    async fn paper(&self, ctx: &Context<'_>) -> Result<Paper, Error> {
        let paper = ctx.loaders().load_one(ById::new(self.0.paper_id)).await?;
        paper.map(Paper).ok_or_else(|| Error::internal("an authorship of nothing"))
    }

    /// Whether letters go to this author; null where the source does not tell.
    async fn is_corresponding(&self) -> Option<bool> {
        self.0.is_corresponding
    }

    /// Authors of a paper with the same number contributed equally; null where the source does not tell.
    async fn equal_contribution_group(&self) -> Option<i32> {
        self.0.equal_contribution_group
    }

    /// The affiliations as printed.
    async fn affiliations_as_published(&self) -> &[String] {
        &self.0.affiliations_as_published
    }

    /// The organizations that these were matched to, at the time of the paper.
    async fn organizations(&self, ctx: &Context<'_>) -> Result<Vec<Organization>, Error> {
        let key = RelatedTo::<AuthorshipOrganizations>::new(self.0.id);
        let organizations = ctx.loaders().load_one(key).await?.unwrap_or_default();
        Ok(organizations.iter().cloned().map(Organization).collect())
    }
}

/// A place among the authors, as many fields read it.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
pub enum AuthorSequence {
    /// The first author, and a sole one.
    First,
    /// Neither first nor last.
    Middle,
    /// The last author.
    Last,
}

/// A page of authors.
pub type AuthorshipConnection = Connection<Authorships>;

plain_list!(Authorships, "Authorship", Authorship);
