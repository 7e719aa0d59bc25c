//! Data quality: missing, corrupted or suspicious data.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};
use futures_util::future::{try_join, try_join_all};

use crate::error::Error;
use crate::graphql::context::ContextExt as _;
use crate::graphql::engine::field_directives::{Cost, FREE, statements};
use crate::graphql::inputs::identifier::{bounded_strings, decode_id, decode_ids};
use crate::graphql::inputs::page_size::check_first;
use crate::graphql::inputs::scalars::saturating_i32;
use crate::graphql::types::facet::{OrganizationFacet, ValueFacet};
use crate::graphql::types::name_repair::NameRepairRule;
use crate::graphql::types::node::{self, Node};
use crate::model::global_id::{GlobalId, NodeKind};
use crate::store::reader::facet::FacetCount;
use crate::store::reader::quality::{
    DataIssue, IssueBreakdown, IssueBreakdownKey, IssueCountKey, IssueCountTarget, IssueSamplesKey, IssueScope,
    IssueSubject, RepairRuleCount, SourceRecordCounts,
};

/// Restricts the data-quality report to part of the directory. All conditions are combined with AND; omitted conditions
/// are ignored.
#[derive(InputObject, Default)]
pub struct QualityFilter {
    /// From any of these sources, by `DirectorySource.name`; at most 500. Matches papers with a record from the source,
    /// their authorships, and researchers with a record or a paper from it.
    sources: Option<Vec<String>>,
    /// At any of these organizations; at most 500. Matches papers with an author there at the time, these authorships,
    /// and researchers affiliated by their own record or by a paper.
    #[graphql(directive = Cost::apply(FREE))]
    organization_ids: Option<Vec<ID>>,
    /// Whether to include the descendants of these organizations.
    #[graphql(default = true)]
    include_descendants: bool,
}

/// Missing, corrupted or suspicious data in the directory, or in a part of it.
///
/// Counts are computed on request. Duplicate and conflated profiles are not included: finding them requires comparing
/// all names, which `academic-directory identity candidates` does.
pub struct DirectoryQuality {
    scope: Arc<IssueScope>,
}

/// Number of kinds of issues.
const ISSUE_KIND_COUNT: u64 = DataIssue::ALL.len() as u64;

impl DirectoryQuality {
    /// Creates the report for the part of the directory that matches a filter.
    ///
    /// # Errors
    /// If an ID is invalid or a list is too long.
    pub fn new(ctx: &Context<'_>, filter: Option<QualityFilter>) -> Result<Self, Error> {
        let filter = filter.unwrap_or_default();
        let scope = IssueScope {
            sources: bounded_strings(ctx, "sources", filter.sources)?,
            organization_ids: decode_ids(ctx, "organizationIds", filter.organization_ids, NodeKind::Organization)?,
            include_descendants: filter.include_descendants,
        };
        Ok(Self { scope: Arc::new(scope) })
    }
}

/// Missing, corrupted or suspicious data in the directory, or in a part of it.
#[Object]
impl DirectoryQuality {
    /// All kinds of issues with their counts, including those with a count of 0.
    // It is one statement, but can scan whole tables, as those below.
    #[graphql(directive = Cost::apply(statements(25).rows(ISSUE_KIND_COUNT)))]
    async fn issues(
        &self,
        #[graphql(
            desc = "Returns only these kinds, in the order of the enum. Defaults to all; an empty list returns none."
        )]
        kinds: Option<Vec<QualityIssueKind>>,
    ) -> Vec<QualityIssue> {
        let is_selected = |issue: &DataIssue| match &kinds {
            Some(kinds) => kinds.contains(&(*issue).into()),
            None => true,
        };
        let report = |issue| QualityIssue { scope: Arc::clone(&self.scope), issue };
        DataIssue::ALL.into_iter().filter(is_selected).map(report).collect()
    }

    /// The number of damaged published names for each kind of damage, highest first. Kinds without damaged names are
    /// omitted. Null if counting fails.
    #[graphql(directive = Cost::apply(statements(10)))]
    async fn name_repairs(&self, ctx: &Context<'_>) -> Option<Result<Vec<NameRepairCount>, Error>> {
        let counts = ctx.store().name_repair_counts(&self.scope).await;
        Some(counts.map(|counts| counts.into_iter().map(NameRepairCount::from).collect()))
    }
}

/// A category of data-quality issue.
pub struct QualityIssue {
    scope: Arc<IssueScope>,
    issue: DataIssue,
}

impl QualityIssue {
    async fn load_count(&self, ctx: &Context<'_>, target: IssueCountTarget) -> Result<i64, Error> {
        let key = IssueCountKey { scope: Arc::clone(&self.scope), counted: target };
        Ok(ctx.data_loader().load_one(key).await?.unwrap_or_default())
    }

    async fn load_issue_count(&self, ctx: &Context<'_>) -> Result<i64, Error> {
        self.load_count(ctx, IssueCountTarget::Issue(self.issue)).await
    }

    async fn load_total_count(&self, ctx: &Context<'_>) -> Result<i64, Error> {
        self.load_count(ctx, IssueCountTarget::All(self.issue.subject())).await
    }

    async fn load_samples(&self, ctx: &Context<'_>, first: i32, after: Option<ID>) -> Result<Vec<Node>, Error> {
        let kind = node_kind(self.issue.subject());
        let after = after.map(|id| decode_id("after", &id, kind)).transpose()?;
        let key = IssueSamplesKey {
            scope: Arc::clone(&self.scope),
            issue: self.issue,
            first: check_first(ctx, first)?,
            after,
        };
        let row_ids = ctx.data_loader().load_one(key).await?.unwrap_or_default();
        let nodes = row_ids.iter().map(|row_id| node::load_node(ctx, GlobalId { kind, row_id: *row_id }));
        // Skips entities deleted after their ids were read.
        Ok(try_join_all(nodes).await?.into_iter().flatten().collect())
    }

    async fn load_breakdown<T: for<'a> From<&'a FacetCount>>(
        &self,
        ctx: &Context<'_>,
        by: IssueBreakdown,
        first: i32,
    ) -> Result<Vec<T>, Error> {
        let key = IssueBreakdownKey {
            scope: Arc::clone(&self.scope),
            issue: self.issue,
            by,
            first: check_first(ctx, first)?,
        };
        let entries = ctx.data_loader().load_one(key).await?.unwrap_or_default();
        Ok(entries.iter().map(T::from).collect())
    }
}

fn node_kind(subject: IssueSubject) -> NodeKind {
    match subject {
        IssueSubject::Paper => NodeKind::Paper,
        IssueSubject::Authorship => NodeKind::Authorship,
        IssueSubject::Researcher => NodeKind::Researcher,
    }
}

/// A category of data-quality issue.
#[Object]
impl QualityIssue {
    /// The kind of issue.
    async fn kind(&self) -> QualityIssueKind {
        self.issue.into()
    }

    /// The type of the affected objects.
    async fn subject(&self) -> QualitySubject {
        self.issue.subject().into()
    }

    /// The number of affected papers, authorships or researchers. Null if counting fails.
    async fn count(&self, ctx: &Context<'_>) -> Option<Result<i32, Error>> {
        Some(self.load_issue_count(ctx).await.map(saturating_i32))
    }

    /// The number of papers, authorships or researchers that were checked. Null if counting fails.
    async fn total(&self, ctx: &Context<'_>) -> Option<Result<i32, Error>> {
        Some(self.load_total_count(ctx).await.map(saturating_i32))
    }

    /// `count` divided by `total`, from 0 to 1; 0 if `total` is 0. Null if counting fails.
    async fn share(&self, ctx: &Context<'_>) -> Option<Result<f64, Error>> {
        let counts = try_join(self.load_issue_count(ctx), self.load_total_count(ctx)).await;
        #[allow(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
        let share = |(count, total): (i64, i64)| if total == 0 { 0.0 } else { count as f64 / total as f64 };
        Some(counts.map(share))
    }

    /// The affected papers, authorships or researchers, as given by `subject`, in the order in which they were added to
    /// the directory. To read all of them, pass the ID of the last one as `after`. Null if reading fails.
    // One statement for the IDs, others for the entities.
    #[graphql(directive = Cost::apply(statements(10)))]
    async fn samples(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Returns at most this many items: 1 to 100.", default = 5)] first: i32,
        #[graphql(desc = "Returns the objects after the one with this ID.")] after: Option<ID>,
    ) -> Option<Result<Vec<Node>, Error>> {
        Some(self.load_samples(ctx, first, after).await)
    }

    /// The number of affected objects for each source, highest first. An object from several sources counts for each of
    /// them. Null if counting fails.
    #[graphql(directive = Cost::apply(statements(30)))]
    async fn sources(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Returns at most this many sources: 1 to 100.", default = 10)] first: i32,
    ) -> Option<Result<Vec<ValueFacet>, Error>> {
        Some(self.load_breakdown(ctx, IssueBreakdown::Sources, first).await)
    }

    /// The number of affected objects for each organization, highest first; descendants are not included. Papers count
    /// for the organizations of their authors, researchers also for those of their own record. Null if counting fails.
    #[graphql(directive = Cost::apply(statements(75)))]
    async fn organizations(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Returns at most this many organizations: 1 to 100.", default = 10)] first: i32,
    ) -> Option<Result<Vec<OrganizationFacet>, Error>> {
        Some(self.load_breakdown(ctx, IssueBreakdown::Organizations, first).await)
    }
}

/// Types of objects that an issue can affect.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "IssueSubject")]
pub enum QualitySubject {
    /// A paper.
    Paper,
    /// An authorship: one author of one paper.
    Authorship,
    /// A researcher.
    Researcher,
}

/// Kinds of data-quality issues. A reported object can be correct; it needs review by a person.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "DataIssue")]
pub enum QualityIssueKind {
    /// A paper without a year. It is in no range of years, and comes last if the newest come first.
    PaperWithoutYear,
    /// A paper without an abstract (completeness `ABSENT`). A restricted abstract is not an issue.
    PaperWithoutAbstract,
    /// A paper whose abstract is truncated by the source (completeness `TRUNCATED`).
    PaperWithTruncatedAbstract,
    /// A paper without authors.
    PaperWithoutAuthors,
    /// A paper without a DOI, an arXiv ID or an identifier of another public scheme. The sources' own keys do not
    /// count. It cannot be reliably distinguished from another paper with the same title.
    PaperWithoutIdentifier,
    /// An article without a volume and an issue. It may not have been assigned to an issue yet.
    PaperWithoutVolume,
    /// An article, a conference paper or a book chapter without pages and without an article number.
    PaperWithoutPages,
    /// A book, a book chapter, a thesis, a report or a dataset without a publisher or institution.
    PaperWithoutPublisher,
    /// An author whose published name is damaged and displayed repaired, because the repair is certain or confirmed by
    /// another name.
    NameRepaired,
    /// An author whose published name may be damaged. It is displayed as published until something confirms the repair.
    NameRepairSuggested,
    /// An author who is not resolved to a researcher.
    AuthorUnresolved,
    /// An author for whom the source gives another person's ORCID iD or other identifier: that of a coauthor with an
    /// unlike name, or one that many unlike names share. The author is matched by name.
    AuthorWithDoubtfulOrcid,
    /// A researcher with several papers, of which at least one is assigned by a common name only (confidence below
    /// 0.8). It may be a conflated profile.
    ResearcherByNameAlone,
    /// A researcher whose papers are more than 60 years apart: a conflated profile, or a paper with an incorrect year.
    ResearcherActiveTooLong,
    /// A researcher whose papers give several ORCID iDs, or one that differs from the researcher's. Researchers merged
    /// by a decision and doubtful ORCID iDs are excluded.
    ResearcherWithSeveralOrcids,
    /// A researcher employed in two countries at the same time for more than a year, if both start dates are known.
    ResearcherEmployedInTwoCountries,
    /// A researcher without papers or affiliations: little more than the name is known.
    ResearcherWithoutPapersAndAffiliations,
}

/// The number of published names with one kind of damage.
#[derive(SimpleObject)]
pub struct NameRepairCount {
    /// The kind of damage.
    rule: NameRepairRule,
    /// The number of names that are displayed repaired.
    applied_count: i32,
    /// The number of names that are displayed as published, with a suggested repair.
    suggested_count: i32,
}

impl From<RepairRuleCount> for NameRepairCount {
    fn from(RepairRuleCount { rule, applied, suggested }: RepairRuleCount) -> Self {
        Self { rule: rule.into(), applied_count: saturating_i32(applied), suggested_count: saturating_i32(suggested) }
    }
}

/// A source of imported records, with the number of its records.
#[derive(SimpleObject)]
pub struct DirectorySource {
    /// The name of the source: the name of the format, or the one given to the import. It is a value for
    /// `QualityFilter.sources`.
    name: String,
    /// The number of all its records.
    record_count: i32,
    /// The number of its records about researchers. Researchers who are known only as authors of papers have none.
    researcher_count: i32,
    /// The number of its records about organizations.
    organization_count: i32,
    /// The number of its records about topics.
    topic_count: i32,
    /// The number of its records about papers.
    paper_count: i32,
}

impl From<SourceRecordCounts> for DirectorySource {
    fn from(source: SourceRecordCounts) -> Self {
        Self {
            name: source.name,
            record_count: saturating_i32(source.record_count),
            researcher_count: saturating_i32(source.researcher_count),
            organization_count: saturating_i32(source.organization_count),
            topic_count: saturating_i32(source.topic_count),
            paper_count: saturating_i32(source.paper_count),
        }
    }
}

/// Loads the sources of the directory, most records first.
///
/// # Errors
/// If `first` is out of range or the database query fails.
pub async fn load_sources(ctx: &Context<'_>, first: i32) -> Result<Vec<DirectorySource>, Error> {
    let sources = ctx.store().source_record_counts(check_first(ctx, first)?).await?;
    Ok(sources.into_iter().map(DirectorySource::from).collect())
}
