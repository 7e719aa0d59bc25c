//! Authorships.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, Object};

use crate::entity::authorship;
use crate::error::Error;
use crate::graphql::connection::{Connection, plain_list};
use crate::graphql::context::State as _;
use crate::graphql::engine::eager_resolver::AtOnce;
use crate::graphql::engine::lookahead::{FieldReads, Reads, columns_of};
use crate::graphql::types::name_repair::NameRepair;
use crate::graphql::types::organization::Organization;
use crate::graphql::types::paper::Paper;
use crate::graphql::types::researcher::Researcher;
use crate::graphql::types::resolution::Resolution;
use crate::model::global_id::{GlobalId, Kind};
use crate::store::reader::authorship::{Author, Authorships, LastPositionOf};
use crate::store::reader::lookup::ById;
use crate::store::reader::name_repair::NameRepairOf;
use crate::store::reader::relation::{AuthorshipOrganizations, RelatedTo};
use crate::store::reader::resolution::ResolutionOf;

/// One author's place on one paper; the researcher is who it was resolved to.
#[derive(Clone)]
pub struct Authorship(Arc<Author>);

impl From<Arc<Author>> for Authorship {
    fn from(author: Arc<Author>) -> Self {
        Self(author)
    }
}

impl From<Author> for Authorship {
    fn from(author: Author) -> Self {
        Self(Arc::new(author))
    }
}

impl Authorship {
    fn model(&self) -> &authorship::Model {
        &self.0.authorship
    }
}

impl Reads for Authorship {
    type Row = Author;
    const FIELDS: &'static [FieldReads] = &[
        ("id", &[]),
        ("position", &["position"]),
        ("sequence", &["position"]),
        ("nameAsPublished", &[]),
        ("isPublishedNameWithheld", &[]),
        ("name", &[]),
        ("nameRepair", &[]),
        ("researcher", &[]),
        ("resolution", &[]),
        ("paper", &[]),
        ("isCorresponding", &["is_corresponding"]),
        ("equalContributionGroup", &["equal_contribution_group"]),
        ("affiliationsAsPublished", &["affiliations_as_published"]),
        ("organizations", &[]),
    ];
}

/// One author's place on one paper; the researcher is who it was resolved to.
#[Object]
impl Authorship {
    /// Its id: opaque, unique in the directory. A new import of the paper may give its authorships new ids.
    pub async fn id(&self) -> ID {
        GlobalId { kind: Kind::Authorship, number: self.model().id }.to_string().into()
    }

    /// The place among the authors, from 1; null where the source does not tell it.
    async fn position(&self) -> Option<i32> {
        self.model().position
    }

    /// Whether the place is the first, the last or between; a sole author is FIRST. Null where position is.
    async fn sequence(&self, ctx: &Context<'_>) -> Result<Option<AuthorSequence>, Error> {
        let Some(position) = self.model().position else { return Ok(None) };
        if position == 1 {
            return Ok(Some(AuthorSequence::First));
        }
        let last = ctx.loaders().load_one(LastPositionOf(self.model().paper_id)).await?;
        Ok(Some(if last == Some(position) { AuthorSequence::Last } else { AuthorSequence::Middle }))
    }

    /// The name in the source's own characters; where the person has it withheld, the name that they chose.
    async fn name_as_published(&self) -> &str {
        &self.model().name_as_published
    }

    /// Whether the published name is withheld, because the person asks for that or because it is one of their names that are
    /// not public: `nameAsPublished` is then the name that they chose. Who asks for it has it so on all papers, whatever name
    /// stands on them.
    async fn is_published_name_withheld(&self) -> bool {
        self.0.is_name_withheld
    }

    /// The name to show: once resolved, the researcher's; else the published one with damage repaired, as `nameRepair` tells.
    async fn name(&self) -> &str {
        self.0.resolved_name.as_ref().unwrap_or(&self.model().name)
    }

    /// What was damaged in the published name and is repaired in `name`, or may have to be; null where nothing seems damaged,
    /// and where the published name is withheld.
    async fn name_repair(&self, ctx: &Context<'_>) -> Result<Option<NameRepair>, Error> {
        if self.0.is_name_withheld {
            return Ok(None);
        }
        Ok(ctx.loaders().load_one(NameRepairOf(self.model().id)).await?.map(NameRepair::from))
    }

    /// Who it is; null until resolved.
    async fn researcher(&self, ctx: &Context<'_>) -> Result<Option<AtOnce<Researcher>>, Error> {
        let Some(id) = self.model().researcher_id else { return Ok(None) };
        let asked = ById::selecting(id, columns_of::<Researcher>(ctx));
        Ok(ctx.loaders().load_one(asked).await?.map(Researcher).map(AtOnce))
    }

    /// Why the author is taken for the researcher; null where it is not resolved.
    async fn resolution(&self, ctx: &Context<'_>) -> Result<Option<Resolution>, Error> {
        if self.model().researcher_id.is_none() {
            return Ok(None);
        }
        let stored = ctx.loaders().load_one(ResolutionOf(self.model().id)).await?;
        Ok(Some(stored.map_or_else(Resolution::by_name, Resolution::from)))
    }

    /// The paper.
    async fn paper(&self, ctx: &Context<'_>) -> Result<AtOnce<Paper>, Error> {
        let asked = ById::selecting(self.model().paper_id, columns_of::<Paper>(ctx));
        let paper = ctx.loaders().load_one(asked).await?;
        paper.map(Paper).map(AtOnce).ok_or_else(|| Error::internal("an authorship of nothing"))
    }

    /// Whether letters go to this author; null where the source does not tell.
    async fn is_corresponding(&self) -> Option<bool> {
        self.model().is_corresponding
    }

    /// Authors of a paper with the same number contributed equally; null where the source does not tell.
    async fn equal_contribution_group(&self) -> Option<i32> {
        self.model().equal_contribution_group
    }

    /// The affiliations as printed, but for those with a name, or an e-mail address made of one, that is not public.
    async fn affiliations_as_published(&self) -> &[String] {
        &self.model().affiliations_as_published
    }

    /// The organizations that these were matched to, at the time of the paper.
    async fn organizations(&self, ctx: &Context<'_>) -> Result<Vec<Organization>, Error> {
        let key = RelatedTo::<AuthorshipOrganizations>::new(self.model().id);
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
pub type AuthorshipConnection = AtOnce<Connection<Authorships>>;

plain_list!(Authorships, "Authorship", Authorship);
