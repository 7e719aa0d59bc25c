//! Data quality: what is missing, damaged or doubtful.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};
use futures_util::future::{try_join, try_join_all};

use crate::error::Error;
use crate::graphql::context::State as _;
use crate::graphql::inputs::identifier::{number, numbers, words};
use crate::graphql::types::facet::{OrganizationFacet, ValueFacet};
use crate::graphql::types::name_repair::NameRepairRule;
use crate::graphql::types::node::{self, Node};
use crate::model::global_id::{GlobalId, Kind};
use crate::store::reader::cursor::PageError;
use crate::store::reader::facet::Entry;
use crate::store::reader::quality::{
    CountOf, Counted, Division, DivisionOf, Issue, RepairCount, SamplesOf, Scope, SourceRecords, Subject,
};

/// Which part of the directory is looked at; all conditions hold together, and an absent one is none.
#[derive(InputObject, Default)]
pub struct QualityFilter {
    /// From any of these sources, as `Directory.sources` names them: papers of which one has a record, their authors, and people
    /// of whom one has a record or a paper. At most 500.
    sources: Option<Vec<String>>,
    /// At any of these organizations: papers with an author there at the time, these authors, and people who are or were there by
    /// their own record or by a paper. At most 500.
    organization_ids: Option<Vec<ID>>,
    /// Or at one below them.
    #[graphql(default = true)]
    include_descendants: bool,
}

/// What is missing, damaged or doubtful in the directory, or in a part of it, for those who put it right.
///
/// Everything is counted when it is asked for. People who may be two, or one who may be several, are not among it: to find these
/// all names have to be compared, which `academic-directory identity candidates` does.
pub struct DirectoryQuality {
    scope: Arc<Scope>,
}

impl DirectoryQuality {
    /// Of the part of the directory that passes a filter.
    ///
    /// # Errors
    /// Where an id is none, or a list is too long.
    pub fn new(ctx: &Context<'_>, filter: Option<QualityFilter>) -> Result<Self, Error> {
        let filter = filter.unwrap_or_default();
        let scope = Scope {
            sources: words(ctx, "sources", filter.sources)?,
            organization_ids: numbers(ctx, "organizationIds", filter.organization_ids, Kind::Organization)?,
            include_descendants: filter.include_descendants,
        };
        Ok(Self { scope: Arc::new(scope) })
    }
}

/// What is missing, damaged or doubtful in the directory, or in a part of it, for those who put it right.
#[Object]
impl DirectoryQuality {
    /// What can be wrong, each with how often it is; also what is nowhere wrong, with a count of 0.
    async fn issues(
        &self,
        #[graphql(desc = "Only these kinds, in the order of the kinds; all where absent, none where empty.")]
        kinds: Option<Vec<QualityIssueKind>>,
    ) -> Vec<QualityIssue> {
        let is_wanted = |issue: &Issue| match &kinds {
            Some(kinds) => kinds.contains(&(*issue).into()),
            None => true,
        };
        let of = |issue| QualityIssue { scope: Arc::clone(&self.scope), issue };
        Issue::ALL.into_iter().filter(is_wanted).map(of).collect()
    }

    /// How many published names have damage of each kind, most first; kinds that no name has are left out. Null where counting
    /// failed.
    async fn name_repairs(&self, ctx: &Context<'_>) -> Option<Result<Vec<NameRepairCount>, Error>> {
        let counts = ctx.store().repair_counts(&self.scope).await;
        Some(counts.map(|counts| counts.into_iter().map(NameRepairCount::from).collect()))
    }
}

/// One kind of what can be wrong.
pub struct QualityIssue {
    scope: Arc<Scope>,
    issue: Issue,
}

impl QualityIssue {
    async fn counted(&self, ctx: &Context<'_>, counted: Counted) -> Result<i64, Error> {
        let asked = CountOf { scope: Arc::clone(&self.scope), counted };
        Ok(ctx.loaders().load_one(asked).await?.unwrap_or_default())
    }

    async fn found(&self, ctx: &Context<'_>) -> Result<i64, Error> {
        self.counted(ctx, Counted::Issue(self.issue)).await
    }

    async fn all(&self, ctx: &Context<'_>) -> Result<i64, Error> {
        self.counted(ctx, Counted::All(self.issue.subject())).await
    }

    async fn read_samples(&self, ctx: &Context<'_>, first: i32, after: Option<ID>) -> Result<Vec<Node>, Error> {
        let kind = kind_of(self.issue.subject());
        let after = after.map(|id| number("after", &id, kind)).transpose()?;
        let asked = SamplesOf { scope: Arc::clone(&self.scope), issue: self.issue, first: size(ctx, first)?, after };
        let found = ctx.loaders().load_one(asked).await?.unwrap_or_default();
        let nodes = found.iter().map(|number| node::by_id(ctx, GlobalId { kind, number: *number }));
        // What is gone since its id was read is no example any more.
        Ok(try_join_all(nodes).await?.into_iter().flatten().collect())
    }

    async fn divided<T: for<'a> From<&'a Entry>>(
        &self,
        ctx: &Context<'_>,
        by: Division,
        first: i32,
    ) -> Result<Vec<T>, Error> {
        let asked = DivisionOf { scope: Arc::clone(&self.scope), issue: self.issue, by, first: size(ctx, first)? };
        let entries = ctx.loaders().load_one(asked).await?.unwrap_or_default();
        Ok(entries.iter().map(T::from).collect())
    }
}

fn kind_of(subject: Subject) -> Kind {
    match subject {
        Subject::Paper => Kind::Paper,
        Subject::Authorship => Kind::Authorship,
        Subject::Researcher => Kind::Researcher,
    }
}

fn size(ctx: &Context<'_>, first: i32) -> Result<u32, Error> {
    let maximum = ctx.limits().page.maximum_size;
    let size = u32::try_from(first).ok().filter(|size| (1..=maximum).contains(size));
    size.ok_or_else(|| PageError::Size { argument: "first", given: first, maximum }.into())
}

fn narrow(count: i64) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

/// One kind of what can be wrong.
#[Object]
impl QualityIssue {
    /// What is wrong.
    async fn kind(&self) -> QualityIssueKind {
        self.issue.into()
    }

    /// What it is wrong with.
    async fn subject(&self) -> QualitySubject {
        self.issue.subject().into()
    }

    /// With how many papers, authors or people it is wrong. Null where counting failed.
    async fn count(&self, ctx: &Context<'_>) -> Option<Result<i32, Error>> {
        Some(self.found(ctx).await.map(narrow))
    }

    /// How many papers, authors or people there are in all that were looked at, those in order too. Null where counting failed.
    async fn total(&self, ctx: &Context<'_>) -> Option<Result<i32, Error>> {
        Some(self.all(ctx).await.map(narrow))
    }

    /// The count as a part of the total, from 0 to 1; 0 where there is nothing at all. Null where counting failed.
    async fn share(&self, ctx: &Context<'_>) -> Option<Result<f64, Error>> {
        let counts = try_join(self.found(ctx), self.all(ctx)).await;
        #[allow(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
        let share = |(found, all): (i64, i64)| if all == 0 { 0.0 } else { found as f64 / all as f64 };
        Some(counts.map(share))
    }

    /// Those with which it is wrong, in the order in which they came into the directory: papers, authorships or researchers, as
    /// `subject` tells. To read all of them give the id of the last one as after. Null where reading failed.
    async fn samples(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "So many at most: 1 to 100.", default = 5)] first: i32,
        #[graphql(desc = "Only what came after the one with this id.")] after: Option<ID>,
    ) -> Option<Result<Vec<Node>, Error>> {
        Some(self.read_samples(ctx, first, after).await)
    }

    /// How often it is wrong with what came from each source, most first; what came from several counts for each of them. Null
    /// where counting failed.
    async fn sources(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "So many sources at most: 1 to 100.", default = 10)] first: i32,
    ) -> Option<Result<Vec<ValueFacet>, Error>> {
        Some(self.divided(ctx, Division::Sources, first).await)
    }

    /// How often it is wrong with what belongs to each organization, most first: there itself, not below. Papers belong to where
    /// their authors were, people also to where they are or were by their own record. Null where counting failed.
    async fn organizations(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "So many organizations at most: 1 to 100.", default = 10)] first: i32,
    ) -> Option<Result<Vec<OrganizationFacet>, Error>> {
        Some(self.divided(ctx, Division::Organizations, first).await)
    }
}

/// What an issue is with.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "Subject")]
pub enum QualitySubject {
    /// A paper.
    Paper,
    /// An author's place on a paper.
    Authorship,
    /// A person.
    Researcher,
}

/// What can be wrong. Some of it may be right all the same: it is what a person should look at.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "Issue")]
pub enum QualityIssueKind {
    /// A paper of which nobody told the year: it is in no range of years, and last where the newest come first.
    PaperWithoutYear,
    /// A paper of which nobody gave an abstract (completeness `ABSENT`). One that may not be shown is no issue.
    PaperWithoutAbstract,
    /// A paper of whose abstract the source gave only the beginning (completeness `TRUNCATED`).
    PaperWithTruncatedAbstract,
    /// A paper by nobody.
    PaperWithoutAuthors,
    /// A paper without a DOI, an arXiv id or an identifier of another public scheme: the keys that its sources use for their own
    /// records are none. It cannot be told for certain from another of the same title.
    PaperWithoutIdentifier,
    /// An author whose published name is damaged and shown repaired, because that is certain or another name confirms it.
    NameRepaired,
    /// An author whose published name may be damaged, and is shown as it is until something confirms the repair.
    NameRepairSuggested,
    /// An author who was not taken for anybody yet.
    AuthorUnresolved,
    /// A person with several papers, one of which was given to them by a name that many have and nothing else: confidence below
    /// 0.8. They may be several people.
    ResearcherByNameAlone,
    /// A person whose papers are more than sixty years apart: two people, or a paper with a wrong year.
    ResearcherActiveTooLong,
    /// A person to whom papers give an ORCID iD that is not theirs, or several. What was merged by somebody's decision is none.
    ResearcherWithSeveralOrcids,
    /// A person employed in two countries at the same time for more than a year, as far as both beginnings are known.
    ResearcherEmployedInTwoCountries,
    /// A person with no papers and no affiliations, about whom little more than a name is known.
    ResearcherWithoutPapersAndAffiliations,
}

/// How many published names have damage of a kind.
#[derive(SimpleObject)]
pub struct NameRepairCount {
    /// The kind.
    rule: NameRepairRule,
    /// The names that are shown repaired.
    applied_count: i32,
    /// The names that are shown as published, with a repair that is only suggested.
    suggested_count: i32,
}

impl From<RepairCount> for NameRepairCount {
    fn from(RepairCount { rule, applied, suggested }: RepairCount) -> Self {
        Self { rule: rule.into(), applied_count: narrow(applied), suggested_count: narrow(suggested) }
    }
}

/// Where records came from, and how many.
#[derive(SimpleObject)]
pub struct DirectorySource {
    /// Its name: the format's, or what the import was told. `QualityFilter.sources` takes it.
    name: String,
    /// All of its records.
    record_count: i32,
    /// Those about people; of people who are only authors of papers there are none.
    researcher_count: i32,
    /// Those about organizations.
    organization_count: i32,
    /// Those about topics.
    topic_count: i32,
    /// Those about papers.
    paper_count: i32,
}

impl From<SourceRecords> for DirectorySource {
    fn from(source: SourceRecords) -> Self {
        Self {
            name: source.name,
            record_count: narrow(source.record_count),
            researcher_count: narrow(source.researcher_count),
            organization_count: narrow(source.organization_count),
            topic_count: narrow(source.topic_count),
            paper_count: narrow(source.paper_count),
        }
    }
}

/// The sources of the directory, most records first.
///
/// # Errors
/// Where first is out of range, or the database does not answer.
pub async fn sources(ctx: &Context<'_>, first: i32) -> Result<Vec<DirectorySource>, Error> {
    let sources = ctx.store().sources(size(ctx, first)?).await?;
    Ok(sources.into_iter().map(DirectorySource::from).collect())
}
