//! Pins the names of queries in traces: dashboards depend on them, so that renaming a type must not change one.

use std::collections::BTreeSet;

use crate::entity::{affiliation, organization, paper, researcher, topic};
use crate::store::access::data_loader::LoaderKey;
use crate::store::reader::affiliation::{Affiliations, EmploymentKey, QualifyingAffiliations};
use crate::store::reader::authorship::{Authorships, LastPositionKey, RedactedAuthorship};
use crate::store::reader::citation::{CitedPaperKey, FormattedCitationKey};
use crate::store::reader::coauthor_network::CoauthorNetworkKey;
use crate::store::reader::coauthorship::Coauthors;
use crate::store::reader::facet::{FacetKey, PaperFacet, ResearcherFacet};
use crate::store::reader::lookup::{ById, ByLookupKey, LookupTable};
use crate::store::reader::name_repair::NameRepairKey;
use crate::store::reader::organization::{OrganizationStatisticsKey, Organizations};
use crate::store::reader::page::{List, ListCountKey, PageKey};
use crate::store::reader::paper::{Papers, ResearcherPapers};
use crate::store::reader::published_names::PublishedNamesKey;
use crate::store::reader::quality::{IssueBreakdownKey, IssueCountKey, IssueSamplesKey};
use crate::store::reader::relation::{
    AuthorshipOrganizations, OrganizationAncestors, OrganizationIdentifiers, OrganizationParents,
    OrganizationPredecessors, OrganizationPreviousIds, OrganizationSuccessors, PaperIdentifiers, PaperPreviousIds,
    PaperVersions, Relation, RelationKey, ResearcherIdentifiers, ResearcherPreviousIds, TopicBroader, TopicIdentifiers,
    TopicPreviousIds,
};
use crate::store::reader::researcher::{
    OrganizationResearchers, PapersPerYearKey, ResearcherStatisticsKey, Researchers, TopicResearchers,
};
use crate::store::reader::resolution::ResolutionKey;
use crate::store::reader::search::{MatchedTextsKey, SearchHintKey, SearchResults};
use crate::store::reader::topic::{ResearcherTopics, TopicStatisticsKey, Topics};

fn list<L: List>() -> [&'static str; 2] {
    [PageKey::<L>::NAME, ListCountKey::<L>::NAME]
}

fn table<M: LookupTable>() -> [&'static str; 2] {
    [ById::<M>::NAME, ByLookupKey::<M>::NAME]
}

fn relation<R: Relation>() -> &'static str {
    RelationKey::<R>::NAME
}

#[test]
fn query_names_are_stable() {
    let lists = [
        list::<Affiliations>(),
        list::<Authorships>(),
        list::<Coauthors>(),
        list::<OrganizationResearchers>(),
        list::<Organizations>(),
        list::<Papers>(),
        list::<ResearcherPapers>(),
        list::<ResearcherTopics>(),
        list::<Researchers>(),
        list::<SearchResults>(),
        list::<TopicResearchers>(),
        list::<Topics>(),
    ];
    let tables = [
        table::<affiliation::Model>(),
        table::<RedactedAuthorship>(),
        table::<organization::Model>(),
        table::<paper::Model>(),
        table::<researcher::Model>(),
        table::<topic::Model>(),
    ];
    let relations = [
        relation::<AuthorshipOrganizations>(),
        relation::<OrganizationAncestors>(),
        relation::<OrganizationIdentifiers>(),
        relation::<OrganizationParents>(),
        relation::<OrganizationPredecessors>(),
        relation::<OrganizationPreviousIds>(),
        relation::<OrganizationSuccessors>(),
        relation::<PaperIdentifiers>(),
        relation::<PaperPreviousIds>(),
        relation::<PaperVersions>(),
        relation::<ResearcherIdentifiers>(),
        relation::<ResearcherPreviousIds>(),
        relation::<TopicBroader>(),
        relation::<TopicIdentifiers>(),
        relation::<TopicPreviousIds>(),
    ];
    let others = [
        CitedPaperKey::NAME,
        CoauthorNetworkKey::NAME,
        EmploymentKey::NAME,
        FacetKey::<PaperFacet>::NAME,
        FacetKey::<ResearcherFacet>::NAME,
        FormattedCitationKey::NAME,
        IssueBreakdownKey::NAME,
        IssueCountKey::NAME,
        IssueSamplesKey::NAME,
        LastPositionKey::NAME,
        MatchedTextsKey::NAME,
        NameRepairKey::NAME,
        OrganizationStatisticsKey::NAME,
        PapersPerYearKey::NAME,
        PublishedNamesKey::NAME,
        QualifyingAffiliations::NAME,
        ResearcherStatisticsKey::NAME,
        ResolutionKey::NAME,
        SearchHintKey::NAME,
        TopicStatisticsKey::NAME,
    ];
    let names: Vec<&str> =
        lists.into_iter().flatten().chain(tables.into_iter().flatten()).chain(relations).chain(others).collect();
    let distinct: BTreeSet<&str> = names.iter().copied().collect();
    assert_eq!(distinct.len(), names.len(), "two queries have one name: {names:?}");
    insta::assert_snapshot!(distinct.into_iter().collect::<Vec<_>>().join("\n"), @r"
    affiliation::by_id
    affiliation::by_key
    affiliation::employment
    affiliation::qualifying
    affiliations::count
    affiliations::page
    authorship::by_id
    authorship::by_key
    authorship::last_position
    authorship::name_repair
    authorship::organizations
    authorship::resolution
    authorships::count
    authorships::page
    citation::format
    citation::papers
    coauthor_network::members
    coauthors::count
    coauthors::page
    organization::ancestors
    organization::by_id
    organization::by_key
    organization::external_ids
    organization::parents
    organization::predecessors
    organization::previous_ids
    organization::statistics
    organization::successors
    organization_researchers::count
    organization_researchers::page
    organizations::count
    organizations::page
    paper::by_id
    paper::by_key
    paper::external_ids
    paper::previous_ids
    paper::versions
    papers::count
    papers::facets
    papers::page
    quality::breakdown
    quality::count
    quality::samples
    researcher::by_id
    researcher::by_key
    researcher::external_ids
    researcher::papers_per_year
    researcher::previous_ids
    researcher::published_names
    researcher::statistics
    researcher_papers::count
    researcher_papers::page
    researcher_topics::count
    researcher_topics::page
    researchers::count
    researchers::facets
    researchers::page
    search::count
    search::hints
    search::matched_texts
    search::page
    topic::broader
    topic::by_id
    topic::by_key
    topic::external_ids
    topic::previous_ids
    topic::statistics
    topic_researchers::count
    topic_researchers::page
    topics::count
    topics::page
    ");
}
