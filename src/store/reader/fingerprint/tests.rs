use std::collections::HashSet;

use super::*;
use crate::model::entity_type::EntityType;
use crate::model::language::{LanguagePreferences, LanguageTag};
use crate::model::record::{AffiliationKind, PaperType};
use crate::store::reader::affiliation::{AffiliationFilter, AffiliationOrder, AffiliationScope, Affiliations};
use crate::store::reader::authorship::Authorships;
use crate::store::reader::coauthorship::{CoauthorFilter, CoauthorOrder, Coauthors};
use crate::store::reader::filter::YearRange;
use crate::store::reader::organization::{OrganizationFilter, OrganizationOrder, Organizations};
use crate::store::reader::organization_link::{LinkedOrganizations, PaperOrganizationLinks};
use crate::store::reader::page::SortDirection;
use crate::store::reader::paper::{PaperFilter, PaperOrder, PaperScope, Papers, ResearcherPapers};
use crate::store::reader::researcher::{
    OrganizationResearchers, ResearcherFilter, ResearcherOrder, Researchers, TopicResearchers,
};
use crate::store::reader::search::SearchResults;
use crate::store::reader::topic::{ResearcherTopics, TopicFilter, TopicOrder, TopicScope, Topics};
use crate::text::tokenizer::SearchTerms;

fn by_authorship() -> PaperOrganizationLinks {
    PaperOrganizationLinks { authorship: true, membership: false }
}

fn paper_filter() -> PaperFilter {
    let query = SearchTerms::new("deep \"water\"");
    let since = DateTime::parse_from_rfc3339("2026-01-02T03:04:05.6Z").expect("a date").to_utc();
    PaperFilter {
        ids: Some(vec![1, 2]),
        dois: Some(vec!["10.1000/1".to_owned()]),
        author_ids: Some(vec![3]),
        organizations: Some(LinkedOrganizations { ids: vec![], links: by_authorship() }),
        topic_ids: Some(vec![4]),
        publication_year: Some(YearRange { from: Some(2001), to: None }),
        types: Some(vec![PaperType::ConferencePaper, PaperType::Other]),
        venue_names: Some(vec!["A, B".to_owned()]),
        has_abstract: Some(true),
        has_doi: Some(false),
        is_retracted: Some(false),
        is_version: Some(true),
        query,
        updated_since: Some(since),
        and: Some(vec![PaperFilter { has_doi: Some(true), ..PaperFilter::default() }]),
        or: Some(vec![]),
        not: Some(Box::default()),
    }
}

/// Returns the canonical form of every list, each with its type of parent.
fn all() -> Vec<(&'static str, String, String)> {
    let direction = SortDirection::Ascending;
    let tag = |text: &str| text.parse::<LanguageTag>().expect("a tag");
    let languages = || LanguagePreferences::new(&[tag("fr-CA")], &tag("en"));
    let affiliation = AffiliationFilter {
        kinds: Some(vec![AffiliationKind::InvitedPosition]),
        organization_ids: Some(vec![5]),
        include_descendants: true,
        researcher_ids: None,
        as_of: NaiveDate::from_ymd_opt(2026, 1, 2),
        is_current: Some(true),
        updated_since: None,
    };
    let coauthor = CoauthorFilter {
        ids: Some(vec![6]),
        publication_year: Some(YearRange { from: None, to: Some(2020) }),
        affiliation: Some(affiliation.clone()),
        topic_ids: Some(vec![7]),
        min_paper_count: Some(2),
        max_authors_per_paper: Some(50),
    };
    let researcher = ResearcherFilter {
        ids: Some(vec![8]),
        orcids: Some(vec!["0000-0002-1825-0097".to_owned()]),
        affiliation: Some(affiliation.clone()),
        topic_ids: Some(vec![9]),
        has_orcid: Some(true),
        has_papers: Some(true),
        query: SearchTerms::new("Brook"),
        ..ResearcherFilter::default()
    };
    let organization = OrganizationFilter {
        ids: Some(vec![10]),
        rors: Some(vec!["05c22rx21".to_owned()]),
        types: Some(vec!["EDUCATION".to_owned()]),
        statuses: Some(vec!["ACTIVE".to_owned()]),
        country_codes: Some(vec!["CA".to_owned()]),
        ..OrganizationFilter::default()
    };
    let topic = TopicFilter {
        ids: Some(vec![11]),
        schemes: Some(vec!["unesco".to_owned()]),
        broader_ids: Some(vec![12]),
        ..TopicFilter::default()
    };
    fn each<L: CanonicalForm>(name: &'static str, parent: ParentKey, list: &L) -> (&'static str, String, String) {
        (name, canonical_form(parent, list), fingerprint(parent, list))
    }
    let (none, one, two) = (ParentKey::default(), ParentKey::new(13), ParentKey { primary: 13, secondary: 14 });
    let papers = |scope, filter, order| Papers { scope, filter, order, direction };
    let researchers = Researchers { filter: researcher.clone(), order: ResearcherOrder::Name, direction };
    let order = ResearcherOrder::LastPublicationYear;
    vec![
        each("papers", none, &papers(PaperScope::All, paper_filter(), PaperOrder::Title)),
        each(
            "organization.papers",
            one,
            &papers(
                PaperScope::Organization { include_descendants: true, links: by_authorship() },
                PaperFilter::default(),
                PaperOrder::AuthorCount,
            ),
        ),
        each(
            "organization.papers by any link",
            one,
            &papers(
                PaperScope::Organization { include_descendants: true, links: PaperOrganizationLinks::ALL },
                PaperFilter {
                    organizations: Some(LinkedOrganizations {
                        ids: vec![15],
                        links: PaperOrganizationLinks { authorship: false, membership: true },
                    }),
                    ..PaperFilter::default()
                },
                PaperOrder::AuthorCount,
            ),
        ),
        each(
            "topic.papers",
            one,
            &papers(PaperScope::Topic { include_narrower: false }, PaperFilter::default(), PaperOrder::PublicationDate),
        ),
        each(
            "coauthor.papers",
            two,
            &papers(PaperScope::Shared(coauthor.clone()), PaperFilter::default(), PaperOrder::UpdatedAt),
        ),
        each(
            "researcher.papers",
            one,
            &ResearcherPapers { filter: PaperFilter::default(), order: PaperOrder::Relevance, direction },
        ),
        each("researchers", none, &researchers),
        each(
            "organization.researchers",
            one,
            &OrganizationResearchers { affiliation: affiliation.clone(), filter: researcher, order, direction },
        ),
        each(
            "topic.researchers",
            one,
            &TopicResearchers {
                include_narrower: true,
                filter: ResearcherFilter::default(),
                order: ResearcherOrder::PaperCount,
                direction,
            },
        ),
        each("researcher.coauthors", one, &Coauthors { filter: coauthor, order: CoauthorOrder::LastYear, direction }),
        each(
            "researcher.affiliations",
            one,
            &Affiliations {
                scope: AffiliationScope::Researcher,
                filter: affiliation,
                order: AffiliationOrder::OrganizationName(languages()),
                direction,
            },
        ),
        each(
            "organizations",
            none,
            &Organizations {
                is_limited_to_children: false,
                filter: organization,
                order: OrganizationOrder::Name(languages()),
                direction: SortDirection::Descending,
            },
        ),
        each(
            "topics",
            none,
            &Topics {
                scope: TopicScope::All,
                filter: topic,
                order: TopicOrder::Label(languages()),
                direction: SortDirection::Descending,
            },
        ),
        each("researcher.topics", one, &ResearcherTopics { order: TopicOrder::Own, direction }),
        each("paper.authors", one, &Authorships),
        each(
            "search",
            none,
            &SearchResults {
                query: SearchTerms::new("water").expect("a query"),
                kinds: vec![EntityType::Topic, EntityType::Paper],
            },
        ),
    ]
}

/// Clients hold cursors with these forms. If a form changes, increment [`FINGERPRINT_VERSION`]. If a new field is
/// filled in above, its value is added to a form: accept the snapshot and keep the version.
#[test]
fn canonical_forms_are_stable() {
    let lines: Vec<String> =
        all().into_iter().map(|(name, canonical_form, hash)| format!("{name}: {hash} {canonical_form}")).collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn lists_differ() {
    let all = all();
    let hashes: HashSet<_> = all.iter().map(|(_, _, hash)| hash).collect();
    assert_eq!(hashes.len(), all.len());
}

#[test]
fn absent_fields_write_nothing() {
    let list = Papers {
        scope: PaperScope::All,
        filter: PaperFilter::default(),
        order: PaperOrder::Title,
        direction: SortDirection::Ascending,
    };
    assert_eq!(canonical_form(ParentKey::default(), &list), "papers{scope=all;filter={};order=title;direction=asc;}");
}
