//! Fingerprints of lists: a cursor carries the fingerprint of the list it belongs to, so that a cursor of one list is rejected by another.
//!
//! A fingerprint is a hash of an explicit description, in which every list, filter field and sort order is written with a word that
//! stands here. It does not depend on a Rust name: renaming code keeps all cursors valid. An absent filter field writes nothing, so
//! that a new field keeps them valid too. Each struct is taken apart without `..`: a field that is forgotten here does not compile.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, NaiveDate, Utc};
use sha2::{Digest as _, Sha256};

use crate::model::language::Languages;
use crate::model::record::{AffiliationKind, PaperType};
use crate::store::reader::affiliation::{AffiliationFilter, AffiliationOrder, AffiliationScope, Affiliations};
use crate::store::reader::authorship::Authorships;
use crate::store::reader::coauthorship::{CoauthorFilter, CoauthorOrder, Coauthors};
use crate::store::reader::organization::{OrganizationFilter, OrganizationOrder, Organizations};
use crate::store::reader::page::{OrderDirection, Parent};
use crate::store::reader::paper::{PaperFilter, PaperOrder, PaperScope, Papers, ResearcherPapers, YearRange};
use crate::store::reader::researcher::{
    OrganizationResearchers, ResearcherFilter, ResearcherOrder, Researchers, TopicResearchers,
};
use crate::store::reader::search::{Kind, Search};
use crate::store::reader::topic::{ResearcherTopics, TopicFilter, TopicOrder, TopicScope, Topics};
use crate::text::tokenizer::Query;

/// The version of the descriptions, and the beginning of each fingerprint. A change of a word in this file changes it.
const VERSION: &str = "1.";
/// The bytes of the hash that a cursor carries.
const HASH_BYTES: usize = 6;

/// The fingerprint of a parent's list: [`VERSION`], then the beginning of the SHA-256 of its description in URL-safe base64.
#[must_use]
pub fn fingerprint<L: Describe>(parent: Parent, list: &L) -> String {
    let digest = Sha256::digest(description(parent, list).as_bytes());
    let mut fingerprint = VERSION.to_owned();
    URL_SAFE_NO_PAD.encode_string(&digest[..HASH_BYTES], &mut fingerprint);
    fingerprint
}

/// Whether a cursor's fingerprint is of a release before fingerprints had a version. Such cursors are accepted for one release by the
/// number and types of their keys alone.
#[must_use]
pub fn is_unversioned(fingerprint: &str) -> bool {
    !fingerprint.contains('.')
}

fn description<L: Describe>(parent: Parent, list: &L) -> String {
    let mut out = String::new();
    out.field("parent", &(parent.key != 0).then_some(parent.key));
    out.field("second_parent", &(parent.other != 0).then_some(parent.other));
    list.describe(&mut out);
    out
}

/// A value that takes part in a description.
pub trait Describe {
    /// Writes the value.
    fn describe(&self, out: &mut String);

    /// Whether the value is absent, so that neither it nor its field's name is written.
    fn is_absent(&self) -> bool {
        false
    }
}

trait Fields {
    /// Writes a field with its name, unless its value is absent.
    fn field(&mut self, name: &str, value: &impl Describe);
}

impl Fields for String {
    fn field(&mut self, name: &str, value: &impl Describe) {
        if !value.is_absent() {
            self.push_str(name);
            self.push('=');
            value.describe(self);
            self.push(';');
        }
    }
}

impl<T: Describe> Describe for Option<T> {
    fn describe(&self, out: &mut String) {
        if let Some(value) = self {
            value.describe(out);
        }
    }

    fn is_absent(&self) -> bool {
        self.is_none()
    }
}

impl<T: Describe> Describe for Vec<T> {
    fn describe(&self, out: &mut String) {
        out.push('[');
        for value in self {
            value.describe(out);
            out.push(',');
        }
        out.push(']');
    }
}

impl<T: Describe> Describe for Box<T> {
    fn describe(&self, out: &mut String) {
        (**self).describe(out);
    }
}

impl Describe for String {
    /// Quoted, so that no text is read as something else.
    fn describe(&self, out: &mut String) {
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

/// Values whose `Display` is a standard form.
macro_rules! describe_as_displayed {
    ($($type:ty),+) => {$(
        impl Describe for $type {
            fn describe(&self, out: &mut String) {
                // Writing to a string does not fail.
                let _ = write!(out, "{self}");
            }
        }
    )+};
}
describe_as_displayed!(bool, i32, i64, NaiveDate);

impl Describe for DateTime<Utc> {
    fn describe(&self, out: &mut String) {
        out.push_str(&self.to_rfc3339());
    }
}

/// Enums, each variant by a word.
macro_rules! describe_words {
    ($($type:ty { $($variant:pat => $word:literal),+ $(,)? })+) => {$(
        impl Describe for $type {
            fn describe(&self, out: &mut String) {
                out.push_str(match self { $($variant => $word),+ });
            }
        }
    )+};
}

/// Structs, each field by a word.
macro_rules! describe_fields {
    ($($type:ident $list:literal { $($field:ident => $word:literal),+ $(,)? })+) => {$(
        impl Describe for $type {
            fn describe(&self, out: &mut String) {
                let Self { $($field),+ } = self;
                out.push_str($list);
                out.push('{');
                $(out.field($word, $field);)+
                out.push('}');
            }
        }
    )+};
}

describe_words! {
    OrderDirection { Self::Ascending => "asc", Self::Descending => "desc" }
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
    Kind {
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

describe_fields! {
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
        children_of_parent => "children_of_parent",
        filter => "filter",
        order => "order",
        direction => "direction",
    }
    Topics "topics" { scope => "scope", filter => "filter", order => "order", direction => "direction" }
    ResearcherTopics "researcher_topics" { order => "order", direction => "direction" }
    Search "search" { query => "query", kinds => "kinds" }
    YearRange "" { from => "from", to => "to" }
    PaperFilter "" {
        ids => "ids",
        dois => "dois",
        author_ids => "author_ids",
        organization_ids => "organization_ids",
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

impl Describe for Authorships {
    fn describe(&self, out: &mut String) {
        out.push_str("authorships{}");
    }
}

impl Describe for PaperScope {
    fn describe(&self, out: &mut String) {
        match self {
            Self::All => out.push_str("all"),
            Self::Organization { include_descendants } => {
                out.push_str("organization{");
                out.field("include_descendants", include_descendants);
                out.push('}');
            }
            Self::Topic { include_narrower } => {
                out.push_str("topic{");
                out.field("include_narrower", include_narrower);
                out.push('}');
            }
            Self::Shared(filter) => {
                out.push_str("shared");
                filter.describe(out);
            }
        }
    }
}

impl Describe for AffiliationOrder {
    fn describe(&self, out: &mut String) {
        match self {
            Self::Importance => out.push_str("importance"),
            Self::StartDate => out.push_str("start_date"),
            Self::OrganizationName(languages) => languages_order(out, "organization_name", languages),
            Self::ResearcherName => out.push_str("researcher_name"),
            Self::UpdatedAt => out.push_str("updated_at"),
        }
    }
}

impl Describe for OrganizationOrder {
    fn describe(&self, out: &mut String) {
        match self {
            Self::Name(languages) => languages_order(out, "name", languages),
            Self::ResearcherCount => out.push_str("researcher_count"),
            Self::UpdatedAt => out.push_str("updated_at"),
            Self::Relevance => out.push_str("relevance"),
        }
    }
}

impl Describe for TopicOrder {
    fn describe(&self, out: &mut String) {
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

/// An order by a text in the best of several languages.
fn languages_order(out: &mut String, word: &str, languages: &Languages) {
    out.push_str(word);
    languages.chain().to_vec().describe(out);
}

impl Describe for Query {
    /// The words follow from the text.
    fn describe(&self, out: &mut String) {
        self.text.describe(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::language::LanguageTag;
    use std::collections::HashSet;

    fn paper_filter() -> PaperFilter {
        let query = Query::new("deep \"water\"");
        let since = DateTime::parse_from_rfc3339("2026-01-02T03:04:05.6Z").expect("a date").to_utc();
        PaperFilter {
            ids: Some(vec![1, 2]),
            dois: Some(vec!["10.1000/1".to_owned()]),
            author_ids: Some(vec![3]),
            organization_ids: Some(vec![]),
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

    /// All lists, with the parent that each has.
    fn all() -> Vec<(&'static str, String, String)> {
        let direction = OrderDirection::Ascending;
        let tag = |text: &str| text.parse::<LanguageTag>().expect("a tag");
        let languages = || Languages::new(&[tag("fr-CA")], &tag("en"));
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
            query: Query::new("Brook"),
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
        fn each<L: Describe>(name: &'static str, parent: Parent, list: &L) -> (&'static str, String, String) {
            (name, description(parent, list), fingerprint(parent, list))
        }
        let (none, one, two) = (Parent::default(), Parent::of(13), Parent { key: 13, other: 14 });
        let papers = |scope, filter, order| Papers { scope, filter, order, direction };
        let researchers = Researchers { filter: researcher.clone(), order: ResearcherOrder::Name, direction };
        let order = ResearcherOrder::LastPublicationYear;
        vec![
            each("papers", none, &papers(PaperScope::All, paper_filter(), PaperOrder::Title)),
            each(
                "organization.papers",
                one,
                &papers(
                    PaperScope::Organization { include_descendants: true },
                    PaperFilter::default(),
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
                &OrganizationResearchers {
                    affiliation: affiliation.clone(),
                    filter: researcher.clone(),
                    order,
                    direction,
                },
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
                    children_of_parent: false,
                    filter: organization,
                    order: OrganizationOrder::Name(languages()),
                    direction: OrderDirection::Descending,
                },
            ),
            each(
                "topics",
                none,
                &Topics {
                    scope: TopicScope::All,
                    filter: topic,
                    order: TopicOrder::Label(languages()),
                    direction: OrderDirection::Descending,
                },
            ),
            each("researcher.topics", one, &ResearcherTopics { order: TopicOrder::Own, direction }),
            each("paper.authors", one, &Authorships),
            each(
                "search",
                none,
                &Search { query: Query::new("water").expect("a query"), kinds: vec![Kind::Topic, Kind::Paper] },
            ),
        ]
    }

    /// What is pinned here is in the cursors that clients hold: where it changes, [`VERSION`] must.
    #[test]
    fn descriptions_are_stable() {
        let lines: Vec<String> =
            all().into_iter().map(|(name, description, hash)| format!("{name}: {hash} {description}")).collect();
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
            direction: OrderDirection::Ascending,
        };
        assert_eq!(description(Parent::default(), &list), "papers{scope=all;filter={};order=title;direction=asc;}");
    }
}
