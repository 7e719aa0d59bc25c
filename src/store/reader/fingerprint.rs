//! Fingerprints of lists. A cursor carries the fingerprint of its list, so that another list rejects it.
//!
//! A fingerprint is a hash of a canonical form. Every list, filter field and sort order has an explicit word in this file:
//! it does not depend on Rust names: renaming code keeps all cursors valid. An absent filter field
//! writes nothing, so that a new field keeps them valid too. Structs are destructured without `..`: a field that is
//! missing here does not compile.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, NaiveDate, Utc};
use sha2::{Digest as _, Sha256};

use crate::model::entity_type::EntityType;
use crate::model::language::LanguagePreferences;
use crate::model::record::{AffiliationKind, PaperType};
use crate::store::reader::affiliation::{AffiliationFilter, AffiliationOrder, AffiliationScope, Affiliations};
use crate::store::reader::authorship::Authorships;
use crate::store::reader::coauthorship::{CoauthorFilter, CoauthorOrder, Coauthors};
use crate::store::reader::filter::YearRange;
use crate::store::reader::organization::{OrganizationFilter, OrganizationOrder, Organizations};
use crate::store::reader::organization_link::{LinkedOrganizations, PaperOrganizationLinks};
use crate::store::reader::page::{ParentKey, SortDirection};
use crate::store::reader::paper::{PaperFilter, PaperOrder, PaperScope, Papers, ResearcherPapers};
use crate::store::reader::researcher::{
    OrganizationResearchers, ResearcherFilter, ResearcherOrder, Researchers, TopicResearchers,
};
use crate::store::reader::search::SearchResults;
use crate::store::reader::topic::{ResearcherTopics, TopicFilter, TopicOrder, TopicScope, Topics};
use crate::text::tokenizer::SearchTerms;

/// Version of the canonical forms, and prefix of each fingerprint. Increment it when a word in this file changes.
const FINGERPRINT_VERSION: &str = "1.";
/// Number of bytes of the hash in a fingerprint.
const HASH_BYTES: usize = 6;

/// Returns the fingerprint of a parent's list: [`FINGERPRINT_VERSION`] and the truncated SHA-256 of its canonical form,
/// in URL-safe base64.
#[must_use]
pub fn fingerprint<L: CanonicalForm>(parent: ParentKey, list: &L) -> String {
    let digest = Sha256::digest(canonical_form(parent, list).as_bytes());
    let mut fingerprint = FINGERPRINT_VERSION.to_owned();
    URL_SAFE_NO_PAD.encode_string(&digest[..HASH_BYTES], &mut fingerprint);
    fingerprint
}

/// Returns whether a fingerprint is from a release before fingerprints had a version. Cursors with such fingerprints are
/// accepted for one release if the number and types of their keys fit.
#[must_use]
pub fn is_unversioned(fingerprint: &str) -> bool {
    !fingerprint.contains('.')
}

fn canonical_form<L: CanonicalForm>(parent: ParentKey, list: &L) -> String {
    let mut out = String::new();
    out.field("parent", &(parent.primary != 0).then_some(parent.primary));
    out.field("second_parent", &(parent.secondary != 0).then_some(parent.secondary));
    list.write_canonical(&mut out);
    out
}

/// Value with a canonical form, which fingerprints are computed from.
pub trait CanonicalForm {
    /// Appends the canonical form.
    fn write_canonical(&self, out: &mut String);

    /// Returns whether the value is absent, so that neither it nor its field's name is written.
    fn is_absent(&self) -> bool {
        false
    }
}

trait CanonicalFields {
    /// Appends a field with its name, unless its value is absent.
    fn field(&mut self, name: &str, value: &impl CanonicalForm);
}

impl CanonicalFields for String {
    fn field(&mut self, name: &str, value: &impl CanonicalForm) {
        if !value.is_absent() {
            self.push_str(name);
            self.push('=');
            value.write_canonical(self);
            self.push(';');
        }
    }
}

impl<T: CanonicalForm> CanonicalForm for Option<T> {
    fn write_canonical(&self, out: &mut String) {
        if let Some(value) = self {
            value.write_canonical(out);
        }
    }

    fn is_absent(&self) -> bool {
        self.is_none()
    }
}

impl<T: CanonicalForm> CanonicalForm for Vec<T> {
    fn write_canonical(&self, out: &mut String) {
        out.push('[');
        for value in self {
            value.write_canonical(out);
            out.push(',');
        }
        out.push(']');
    }
}

impl<T: CanonicalForm> CanonicalForm for Box<T> {
    fn write_canonical(&self, out: &mut String) {
        (**self).write_canonical(out);
    }
}

impl CanonicalForm for String {
    /// Quoted, so that a text cannot imitate other syntax.
    fn write_canonical(&self, out: &mut String) {
        out.push('"');
        for character in self.chars() {
            if matches!(character, '"' | '\\') {
                out.push('\\');
            }
            out.push(character);
        }
        out.push('"');
    }
}

/// Implements the canonical form by `Display`.
macro_rules! canonical_by_display {
    ($($type:ty),+) => {$(
        impl CanonicalForm for $type {
            fn write_canonical(&self, out: &mut String) {
                // Writing to a string cannot fail.
                let _ = write!(out, "{self}");
            }
        }
    )+};
}
canonical_by_display!(bool, i32, i64, NaiveDate);

impl CanonicalForm for DateTime<Utc> {
    fn write_canonical(&self, out: &mut String) {
        out.push_str(&self.to_rfc3339());
    }
}

/// Implements the canonical form of enums: each variant is a word.
macro_rules! canonical_enums {
    ($($type:ty { $($variant:pat => $word:literal),+ $(,)? })+) => {$(
        impl CanonicalForm for $type {
            fn write_canonical(&self, out: &mut String) {
                out.push_str(match self { $($variant => $word),+ });
            }
        }
    )+};
}

/// Implements the canonical form of structs: each field is named by a word.
macro_rules! canonical_structs {
    ($($type:ident $list:literal { $($field:ident => $word:literal),+ $(,)? })+) => {$(
        impl CanonicalForm for $type {
            fn write_canonical(&self, out: &mut String) {
                let Self { $($field),+ } = self;
                out.push_str($list);
                out.push('{');
                $(out.field($word, $field);)+
                out.push('}');
            }
        }
    )+};
}

canonical_enums! {
    SortDirection { Self::Ascending => "asc", Self::Descending => "desc" }
    AffiliationScope { Self::All => "all", Self::Researcher => "researcher", Self::Organization => "organization" }
    TopicScope { Self::All => "all", Self::Narrower => "narrower", Self::Paper => "paper" }
    CoauthorOrder { Self::PaperCount => "paper_count", Self::LastYear => "last_year", Self::Name => "name" }
    PaperOrder {
        Self::PublicationDate => "publication_date",
        Self::Title => "title",
        Self::AuthorCount => "author_count",
        Self::UpdatedAt => "updated_at",
        Self::Relevance => "relevance",
    }
    ResearcherOrder {
        Self::Name => "name",
        Self::PaperCount => "paper_count",
        Self::LastPublicationYear => "last_publication_year",
        Self::UpdatedAt => "updated_at",
        Self::Relevance => "relevance",
    }
    EntityType {
        Self::Researcher => "researcher",
        Self::Organization => "organization",
        Self::Topic => "topic",
        Self::Paper => "paper",
    }
    PaperType {
        Self::Article => "article",
        Self::ConferencePaper => "conference_paper",
        Self::Preprint => "preprint",
        Self::Book => "book",
        Self::BookChapter => "book_chapter",
        Self::Thesis => "thesis",
        Self::Report => "report",
        Self::Dataset => "dataset",
        Self::Other => "other",
    }
    AffiliationKind {
        Self::Employment => "employment",
        Self::Membership => "membership",
        Self::Education => "education",
        Self::Qualification => "qualification",
        Self::Service => "service",
        Self::InvitedPosition => "invited_position",
        Self::Distinction => "distinction",
    }
}

canonical_structs! {
    Papers "papers" { scope => "scope", filter => "filter", order => "order", direction => "direction" }
    ResearcherPapers "researcher_papers" { filter => "filter", order => "order", direction => "direction" }
    Researchers "researchers" { filter => "filter", order => "order", direction => "direction" }
    OrganizationResearchers "organization_researchers" {
        affiliation => "affiliation",
        filter => "filter",
        order => "order",
        direction => "direction",
    }
    TopicResearchers "topic_researchers" {
        include_narrower => "include_narrower",
        filter => "filter",
        order => "order",
        direction => "direction",
    }
    Coauthors "coauthors" { filter => "filter", order => "order", direction => "direction" }
    Affiliations "affiliations" { scope => "scope", filter => "filter", order => "order", direction => "direction" }
    Organizations "organizations" {
        is_limited_to_children => "children_of_parent",
        filter => "filter",
        order => "order",
        direction => "direction",
    }
    Topics "topics" { scope => "scope", filter => "filter", order => "order", direction => "direction" }
    ResearcherTopics "researcher_topics" { order => "order", direction => "direction" }
    SearchResults "search" { query => "query", kinds => "kinds" }
    YearRange "" { from => "from", to => "to" }
    PaperFilter "" {
        ids => "ids",
        dois => "dois",
        author_ids => "author_ids",
        organizations => "organization_ids",
        topic_ids => "topic_ids",
        publication_year => "publication_year",
        types => "types",
        venue_names => "venue_names",
        has_abstract => "has_abstract",
        has_doi => "has_doi",
        is_retracted => "is_retracted",
        is_version => "is_version",
        query => "query",
        updated_since => "updated_since",
        and => "and",
        or => "or",
        not => "not",
    }
    ResearcherFilter "" {
        ids => "ids",
        orcids => "orcids",
        affiliation => "affiliation",
        topic_ids => "topic_ids",
        has_orcid => "has_orcid",
        has_papers => "has_papers",
        query => "query",
        updated_since => "updated_since",
        and => "and",
        or => "or",
        not => "not",
    }
    AffiliationFilter "" {
        kinds => "kinds",
        organization_ids => "organization_ids",
        include_descendants => "include_descendants",
        researcher_ids => "researcher_ids",
        as_of => "as_of",
        is_current => "is_current",
        updated_since => "updated_since",
    }
    OrganizationFilter "" {
        ids => "ids",
        rors => "rors",
        types => "types",
        statuses => "statuses",
        country_codes => "country_codes",
        query => "query",
        updated_since => "updated_since",
    }
    TopicFilter "" {
        ids => "ids",
        schemes => "schemes",
        broader_ids => "broader_ids",
        query => "query",
        updated_since => "updated_since",
    }
    CoauthorFilter "" {
        ids => "ids",
        publication_year => "publication_year",
        affiliation => "affiliation",
        topic_ids => "topic_ids",
        min_paper_count => "min_paper_count",
        max_authors_per_paper => "max_authors_per_paper",
    }
}

impl CanonicalForm for Authorships {
    fn write_canonical(&self, out: &mut String) {
        out.push_str("authorships{}");
    }
}

impl CanonicalForm for PaperScope {
    fn write_canonical(&self, out: &mut String) {
        match self {
            Self::All => out.push_str("all"),
            Self::Organization { include_descendants, links } => {
                out.push_str("organization{");
                out.field("include_descendants", include_descendants);
                out.field("links", links);
                out.push('}');
            }
            Self::Topic { include_narrower } => {
                out.push_str("topic{");
                out.field("include_narrower", include_narrower);
                out.push('}');
            }
            Self::Shared(filter) => {
                out.push_str("shared");
                filter.write_canonical(out);
            }
        }
    }
}

impl CanonicalForm for PaperOrganizationLinks {
    fn write_canonical(&self, out: &mut String) {
        let Self { authorship, membership } = self;
        out.push('{');
        out.field("authorship", authorship);
        out.field("membership", membership);
        out.push('}');
    }

    /// The lists of releases without this argument had the link by authorship only: their cursors belong to such lists.
    fn is_absent(&self) -> bool {
        *self == Self { authorship: true, membership: false }
    }
}

impl CanonicalForm for LinkedOrganizations {
    fn write_canonical(&self, out: &mut String) {
        let Self { ids, links } = self;
        ids.write_canonical(out);
        if !links.is_absent() {
            links.write_canonical(out);
        }
    }
}

impl CanonicalForm for AffiliationOrder {
    fn write_canonical(&self, out: &mut String) {
        match self {
            Self::Importance => out.push_str("importance"),
            Self::StartDate => out.push_str("start_date"),
            Self::OrganizationName(languages) => languages_order(out, "organization_name", languages),
            Self::ResearcherName => out.push_str("researcher_name"),
            Self::UpdatedAt => out.push_str("updated_at"),
        }
    }
}

impl CanonicalForm for OrganizationOrder {
    fn write_canonical(&self, out: &mut String) {
        match self {
            Self::Name(languages) => languages_order(out, "name", languages),
            Self::ResearcherCount => out.push_str("researcher_count"),
            Self::UpdatedAt => out.push_str("updated_at"),
            Self::Relevance => out.push_str("relevance"),
        }
    }
}

impl CanonicalForm for TopicOrder {
    fn write_canonical(&self, out: &mut String) {
        match self {
            Self::Own => out.push_str("own"),
            Self::Label(languages) => languages_order(out, "label", languages),
            Self::PaperCount => out.push_str("paper_count"),
            Self::ResearcherCount => out.push_str("researcher_count"),
            Self::UpdatedAt => out.push_str("updated_at"),
            Self::Relevance => out.push_str("relevance"),
        }
    }
}

/// Appends a sort order by a text in the best match of several languages.
fn languages_order(out: &mut String, word: &str, languages: &LanguagePreferences) {
    out.push_str(word);
    languages.chain().to_vec().write_canonical(out);
}

impl CanonicalForm for SearchTerms {
    /// The terms are derived from the text.
    fn write_canonical(&self, out: &mut String) {
        self.text.write_canonical(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::language::LanguageTag;
    use std::collections::HashSet;

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
                &papers(
                    PaperScope::Topic { include_narrower: false },
                    PaperFilter::default(),
                    PaperOrder::PublicationDate,
                ),
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
            each(
                "researcher.coauthors",
                one,
                &Coauthors { filter: coauthor, order: CoauthorOrder::LastYear, direction },
            ),
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
        assert_eq!(
            canonical_form(ParentKey::default(), &list),
            "papers{scope=all;filter={};order=title;direction=asc;}"
        );
    }
}
