//! The words of lists, filters and sort orders.

use crate::model::entity_type::EntityType;
use crate::model::language::LanguagePreferences;
use crate::model::record::{AffiliationKind, PaperType};
use crate::store::reader::affiliation::{AffiliationFilter, AffiliationOrder, AffiliationScope, Affiliations};
use crate::store::reader::authorship::Authorships;
use crate::store::reader::coauthorship::{CoauthorFilter, CoauthorOrder, Coauthors};
use crate::store::reader::filter::YearRange;
use crate::store::reader::fingerprint::{CanonicalFields as _, CanonicalForm};
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
        coauthor_ids => "coauthor_ids",
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
