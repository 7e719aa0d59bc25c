//! The researcher type and its root fields.

mod filter;

use std::sync::Arc;

use async_graphql::{Context, ID, Object, SimpleObject};

use crate::entity::{researcher, researcher_statistics};
use crate::error::Error;
use crate::graphql::connection::{Connection, ConnectionType, load_connection, simple_connection};
use crate::graphql::context::ContextExt as _;
use crate::graphql::engine::eager_resolver::EagerObject;
use crate::graphql::engine::field_directives::{Cost, FREE, Reads, statements};
use crate::graphql::engine::lookahead::ProjectedType;
use crate::graphql::engine::selected_columns::selected_columns;
use crate::graphql::inputs::identifier::check_list_size;
use crate::graphql::inputs::scalars::{DateTime, Url, saturating_i32, stored_url};
use crate::graphql::types::affiliation::{AffiliationConnection, AffiliationFilter, AffiliationOrder};
use crate::graphql::types::change::load_revision;
use crate::graphql::types::coauthor_network::{CoauthorNetwork, load_network};
use crate::graphql::types::coauthorship::{CoauthorConnection, CoauthorFilter, CoauthorOrder};
use crate::graphql::types::facet::{FacetsField, ResearcherFacets};
use crate::graphql::types::identifier::{Identifier, load_former_ids, load_identifiers};
use crate::graphql::types::localized_string::LocalizedString;
use crate::graphql::types::paper::{PaperFilter, PaperOrder, ResearcherPaperConnection};
use crate::graphql::types::topic::{ResearcherTopicConnection, TopicOrder};
use crate::model::change::ChangeKind;
use crate::model::global_id::{GlobalId, NodeKind};
use crate::model::identifier::Orcid;
use crate::model::language::LanguageTag;
use crate::store::reader::affiliation::{AffiliationScope, Affiliations, EmploymentKey};
use crate::store::reader::coauthor_network::NetworkScope;
use crate::store::reader::coauthorship::Coauthors;
use crate::store::reader::cursor::PageArguments;
use crate::store::reader::lookup::ByLookupKey;
use crate::store::reader::page::ParentKey;
use crate::store::reader::paper::ResearcherPapers;
use crate::store::reader::published_names::PublishedNamesKey;
use crate::store::reader::relation::{ResearcherIdentifiers, ResearcherPreviousIds};
use crate::store::reader::researcher as store;
use crate::store::reader::topic::ResearcherTopics;

pub use crate::graphql::types::researcher::filter::{ResearcherBy, ResearcherFilter, ResearcherOrder};

/// A person who does research or is an author of a paper.
#[derive(Clone)]
pub struct Researcher(pub Arc<researcher::Model>);

impl From<Arc<researcher::Model>> for Researcher {
    fn from(model: Arc<researcher::Model>) -> Self {
        Self(model)
    }
}

impl ProjectedType for Researcher {
    type Row = researcher::Model;
}

/// A person who does research or is an author of a paper.
#[Object]
impl Researcher {
    /// Globally unique, opaque ID. It is permanent.
    #[graphql(directive = Reads::apply(&[]))]
    pub async fn id(&self) -> ID {
        GlobalId { kind: NodeKind::Researcher, row_id: self.0.id }.to_string().into()
    }

    /// URL slug of the profile page: lowercase ASCII letters, digits and hyphens.
    #[graphql(directive = Reads::apply(&["slug"]))]
    pub async fn slug(&self) -> &str {
        &self.0.slug
    }

    /// The same as `name`: names of people are not translated.
    #[graphql(directive = Reads::apply(&["display_name"]), directive = Cost::apply(FREE))]
    pub async fn display_name(
        &self,
        #[graphql(desc = "Has no effect: names of people are not translated.")] languages: Option<Vec<LanguageTag>>,
    ) -> LocalizedString {
        let _ = languages;
        LocalizedString::without_language(&self.0.display_name)
    }

    /// IDs of researchers merged into this one. They permanently resolve to it.
    #[graphql(directive = Reads::apply(&[]), directive = Cost::apply(statements(1)))]
    pub async fn former_ids(&self, ctx: &Context<'_>) -> Result<Vec<ID>, Error> {
        load_former_ids::<ResearcherPreviousIds>(ctx, self.0.id, NodeKind::Researcher).await
    }

    /// The revision, opaque: it is another one after every change that the change feed reports.
    #[graphql(directive = Reads::apply(&[]), directive = Cost::apply(statements(1)))]
    pub async fn revision(&self, ctx: &Context<'_>) -> Result<String, Error> {
        load_revision(ctx, ChangeKind::Researcher, self.0.id).await
    }

    /// The display name.
    #[graphql(directive = Reads::apply(&["display_name"]))]
    async fn name(&self) -> &str {
        &self.0.display_name
    }

    /// The given names. A person with a single name has it here.
    #[graphql(directive = Reads::apply(&["given_name"]))]
    async fn given_name(&self) -> Option<&str> {
        self.0.given_name.as_deref()
    }

    /// The family name with its particles, such as `van der Berg`. Null for a person with a single name.
    #[graphql(directive = Reads::apply(&["family_name"]))]
    async fn family_name(&self) -> Option<&str> {
        self.0.family_name.as_deref()
    }

    /// Other public forms of the name: first those from the researcher or from sources, then at most 50 other names on the
    /// researcher's papers, most papers first. Each form is listed once, regardless of case, accents and punctuation.
    /// Names on papers that only abbreviate `name`, such as `I. Brook`, and damaged ones are omitted. Search-only and
    /// private names are in no field.
    // The names on papers are counted.
    #[graphql(directive = Reads::apply(&["other_names"]), directive = Cost::apply(statements(1).counts(20)))]
    async fn other_names(&self, ctx: &Context<'_>) -> Result<Vec<String>, Error> {
        let published = ctx.data_loader().load_one(PublishedNamesKey(self.0.id)).await?;
        let published = published.iter().flat_map(|names| names.iter());
        Ok(self.0.other_names.iter().chain(published).cloned().collect())
    }

    /// The ORCID iD as a URL, such as `https://orcid.org/0000-0002-1825-0097`.
    #[graphql(directive = Reads::apply(&["orcid"]))]
    async fn orcid(&self) -> Option<Url> {
        self.0.orcid.as_ref()?.parse::<Orcid>().ok().map(|orcid| Url(orcid.uri()))
    }

    /// Identifiers of other schemes.
    #[graphql(directive = Reads::apply(&[]), directive = Cost::apply(statements(1)))]
    async fn identifiers(&self, ctx: &Context<'_>) -> Result<Vec<Identifier>, Error> {
        load_identifiers::<ResearcherIdentifiers>(ctx, self.0.id).await
    }

    /// One line to display under the name. Defaults to the role and organization of the primary employment, unless the
    /// researcher set another.
    #[graphql(directive = Reads::apply(&["headline"]), directive = Cost::apply(statements(6)))]
    async fn headline(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Preferred languages, most preferred first. Defaults to the request's `Accept-Language` header."
        )]
        languages: Option<Vec<LanguageTag>>,
    ) -> Result<Option<LocalizedString>, Error> {
        let languages = ctx.languages(languages);
        if let Some(headline) = LocalizedString::best_match(&self.0.headline, &languages) {
            return Ok(Some(headline));
        }
        let Some(employment) = ctx.data_loader().load_one(EmploymentKey(self.0.id)).await?.flatten() else {
            return Ok(None);
        };
        let organization = LocalizedString::best_match(&employment.display_names, &languages);
        let role = LocalizedString::best_match(&employment.role_title, &languages);
        Ok(match (role, organization) {
            // The line is in the language of the role; an organization's name is often the same in all languages.
            (Some(role), Some(organization)) => {
                Some(LocalizedString { value: format!("{}, {}", role.value, organization.value), ..role })
            }
            (role, organization) => role.or(organization),
        })
    }

    /// A biography of a few paragraphs, as plain text.
    #[graphql(directive = Reads::apply(&["biography"]), directive = Cost::apply(FREE))]
    async fn biography(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Preferred languages, most preferred first. Defaults to the request's `Accept-Language` header."
        )]
        languages: Option<Vec<LanguageTag>>,
    ) -> Option<LocalizedString> {
        LocalizedString::best_match(&self.0.biography, &ctx.languages(languages))
    }

    /// The URL of a portrait.
    #[graphql(directive = Reads::apply(&["portrait_url"]))]
    async fn portrait_url(&self) -> Option<Url> {
        stored_url(self.0.portrait_url.as_ref())
    }

    /// The URL of the researcher's own website.
    #[graphql(directive = Reads::apply(&["homepage_url"]))]
    async fn homepage_url(&self) -> Option<Url> {
        stored_url(self.0.homepage_url.as_ref())
    }

    /// The affiliations of the researcher, current and past. By default the primary affiliation comes first, then
    /// current ones, then the latest start date.
    #[graphql(directive = Reads::apply(&[]), directive = Cost::apply(statements(1)))]
    #[allow(clippy::too_many_arguments, reason = "the arguments of the field")]
    async fn affiliations(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Filters the affiliations. Defaults to all kinds, including past ones.")] filter: Option<
            AffiliationFilter,
        >,
        #[graphql(desc = "Sort order. Defaults to the primary affiliation first, then current ones, then the latest.")]
        order_by: Option<AffiliationOrder>,
        #[graphql(
            desc = "Returns the first _n_ items: 1 to 100. Defaults to 20 if neither `first` nor `last` is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "Returns items after this cursor.")] after: Option<String>,
        #[graphql(desc = "Returns the last _n_ items: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Returns items before this cursor.")] before: Option<String>,
    ) -> Result<AffiliationConnection, Error> {
        let (order, direction) = AffiliationOrder::resolve_by_importance(order_by, ctx);
        let filter = AffiliationFilter::into_store_filter(filter, ctx)?;
        let list = Affiliations { scope: AffiliationScope::Researcher, filter, order, direction };
        load_connection(ctx, ParentKey::new(self.0.id), list, PageArguments { first, after, last, before }).await
    }

    /// The topics of the researcher. By default declared topics come first in the researcher's order, then topics of
    /// papers, most papers first.
    #[graphql(directive = Reads::apply(&[]), directive = Cost::apply(statements(1).scan(20)))]
    #[allow(clippy::too_many_arguments, reason = "the arguments of the field")]
    async fn topics(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Sort order. Defaults to declared topics first. PAPER_COUNT counts this researcher's papers."
        )]
        order_by: Option<TopicOrder>,
        #[graphql(
            desc = "Returns the first _n_ items: 1 to 100. Defaults to 20 if neither `first` nor `last` is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "Returns items after this cursor.")] after: Option<String>,
        #[graphql(desc = "Returns the last _n_ items: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Returns items before this cursor.")] before: Option<String>,
    ) -> Result<ResearcherTopicConnection, Error> {
        let (order, direction) = TopicOrder::resolve_list_order(order_by, ctx)?;
        let list = ResearcherTopics { order, direction };
        load_connection(ctx, ParentKey::new(self.0.id), list, PageArguments { first, after, last, before }).await
    }

    /// The papers of the researcher, including all versions, newest first by default. Each edge contains the
    /// researcher's authorship.
    #[graphql(directive = Reads::apply(&[]), directive = Cost::apply(statements(1).filter_statements(1).scan(5)))]
    #[allow(clippy::too_many_arguments, reason = "the arguments of the field")]
    async fn papers(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Filters the papers. Defaults to all.")] filter: Option<PaperFilter>,
        #[graphql(desc = "Sort order. Defaults to newest first, or to relevance if `filter.query` is set.")]
        order_by: Option<PaperOrder>,
        #[graphql(
            desc = "Returns the first _n_ items: 1 to 100. Defaults to 20 if neither `first` nor `last` is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "Returns items after this cursor.")] after: Option<String>,
        #[graphql(desc = "Returns the last _n_ items: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Returns items before this cursor.")] before: Option<String>,
    ) -> Result<ResearcherPaperConnection, Error> {
        let filter = PaperFilter::into_store_filter(filter, ctx)?;
        let (order, direction) = PaperOrder::resolve_newest_first(order_by, &filter)?;
        let list = ResearcherPapers { filter, order, direction };
        load_connection(ctx, ParentKey::new(self.0.id), list, PageArguments { first, after, last, before }).await
    }

    /// The coauthors of the researcher, most joint papers first by default. Papers with more authors than
    /// `Directory.consortiumSize` are excluded unless the filter sets `maxAuthorsPerPaper`.
    // Coauthors are counted by joint papers.
    #[graphql(directive = Reads::apply(&[]), directive = Cost::apply(statements(1).scan(20).filter_scan(230)))]
    #[allow(clippy::too_many_arguments, reason = "the arguments of the field")]
    async fn coauthors(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Filters the coauthors, and the papers from which counts and years are computed.")]
        filter: Option<CoauthorFilter>,
        #[graphql(desc = "Sort order. Defaults to the most joint papers first.")] order_by: Option<CoauthorOrder>,
        #[graphql(
            desc = "Returns the first _n_ items: 1 to 100. Defaults to 20 if neither `first` nor `last` is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "Returns items after this cursor.")] after: Option<String>,
        #[graphql(desc = "Returns the last _n_ items: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Returns items before this cursor.")] before: Option<String>,
    ) -> Option<Result<CoauthorConnection, Error>> {
        let coauthors = async || {
            let (order, direction) = CoauthorOrder::resolve_most_papers_first(order_by);
            let list = Coauthors { filter: CoauthorFilter::into_store_filter(filter, ctx)?, order, direction };
            load_connection(ctx, ParentKey::new(self.0.id), list, PageArguments { first, after, last, before }).await
        };
        Some(coauthors().await)
    }

    /// The closest coauthors and the links among them: the data of a network graph, in two SQL queries. Papers with more
    /// authors than `Directory.consortiumSize` are excluded unless the filter sets `maxAuthorsPerPaper`.
    // Links are read for each pair of coauthors; with a filter, joint papers are counted.
    #[graphql(directive = Reads::apply(&[]), directive = Cost::apply(statements(2).scan(50).filter_scan(1_000)))]
    async fn coauthor_network(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The maximum number of coauthors: 1 to 100.", default = 50)] first: i32,
        #[graphql(
            desc = "Filters the coauthors, and the papers from which counts, years and links are computed. `minPaperCount` \
                    also applies to the links."
        )]
        filter: Option<CoauthorFilter>,
    ) -> Option<Result<EagerObject<CoauthorNetwork>, Error>> {
        Some(load_network(ctx, NetworkScope::Researcher, self.0.id, first, filter).await)
    }

    /// Counts of the researcher's papers and coauthors. Null if counting fails.
    #[graphql(directive = Reads::apply(&[]), directive = Cost::apply(statements(1)))]
    async fn statistics(&self, ctx: &Context<'_>) -> Option<Result<ResearcherStatistics, Error>> {
        let counts = ctx.data_loader().load_one(store::ResearcherStatisticsKey(self.0.id)).await.transpose()?;
        Some(counts.map(ResearcherStatistics))
    }

    /// When the researcher was added to the directory.
    #[graphql(directive = Reads::apply(&["created_at"]))]
    pub async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// When the researcher's data in the directory last changed.
    #[graphql(directive = Reads::apply(&["updated_at"]))]
    pub async fn updated_at(&self) -> DateTime {
        DateTime(self.0.updated_at)
    }
}

/// Counts of a researcher's papers and coauthors.
pub struct ResearcherStatistics(Arc<researcher_statistics::Model>);

/// Counts of a researcher's papers and coauthors.
#[Object]
impl ResearcherStatistics {
    /// The number of papers, as listed in `Researcher.papers`. Versions of a work count separately.
    async fn paper_count(&self) -> i32 {
        self.0.paper_count
    }

    /// The number of works: all versions of a work, such as a preprint and the article that followed, count once.
    async fn work_count(&self) -> i32 {
        self.0.work_count
    }

    /// The number of coauthors, by papers with at most `Directory.consortiumSize` authors.
    async fn coauthor_count(&self) -> i32 {
        self.0.coauthor_count
    }

    /// The year of the earliest paper. Null if no year is known.
    async fn first_publication_year(&self) -> Option<i32> {
        Some(self.0.first_year).filter(|year| *year != 0)
    }

    /// The year of the latest paper. Null if no year is known.
    async fn last_publication_year(&self) -> Option<i32> {
        Some(self.0.last_year).filter(|year| *year != 0)
    }

    /// The number of papers for each year that has any, earliest year first. Versions of a work count separately;
    /// papers without a year are not counted.
    #[graphql(directive = Cost::apply(statements(1)))]
    async fn papers_per_year(&self, ctx: &Context<'_>) -> Result<Vec<YearCount>, Error> {
        let years =
            ctx.data_loader().load_one(store::PapersPerYearKey(self.0.researcher_id)).await?.unwrap_or_default();
        let count = |year: store::YearCount| YearCount { year: year.year, count: saturating_i32(year.count) };
        Ok(years.into_iter().map(count).collect())
    }
}

/// The number of papers in a year.
#[derive(SimpleObject)]
pub struct YearCount {
    /// The year.
    pub year: i32,
    /// The number of papers.
    pub count: i32,
}

/// A page of researchers.
pub type ResearcherConnection = EagerObject<Connection<store::Researchers>>;
/// A page of an organization's researchers.
pub type OrganizationResearcherConnection = EagerObject<Connection<store::OrganizationResearchers>>;
/// A page of a topic's researchers.
pub type TopicResearcherConnection = EagerObject<Connection<store::TopicResearchers>>;

simple_connection!(store::Researchers, "Researcher", Researcher, FacetsField<Self, ResearcherFacets>);

/// Edge data that links a researcher and a topic.
#[derive(SimpleObject)]
pub struct TopicResearcherEdgeFields {
    /// The number of the researcher's papers on the topic; 0 if the researcher only declares it. Versions of a work
    /// count separately.
    paper_count: i32,
    /// The year of the latest of these papers. Null if no year is known.
    last_year: Option<i32>,
}

impl ConnectionType for store::TopicResearchers {
    const NAME: &'static str = "TopicResearcher";
    type NodeObject = Researcher;
    type EdgeFields = TopicResearcherEdgeFields;
    type Facets = FacetsField<Self, ResearcherFacets>;

    fn edge_fields(
        _: ParentKey,
        _: &Arc<Self>,
        _: &crate::store::reader::page::ListRow<Self>,
        edge: &Self::Edge,
    ) -> Self::EdgeFields {
        TopicResearcherEdgeFields { paper_count: edge.paper_count, last_year: edge.last_year }
    }
}

/// Root fields for researchers.
#[derive(Default)]
pub struct ResearcherQuery;

#[Object]
impl ResearcherQuery {
    /// Looks up a researcher by one key. Null if there is no match.
    #[graphql(directive = Cost::apply(statements(1)))]
    async fn researcher(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Exactly one key, in any of its formats.")] by: ResearcherBy,
    ) -> Result<Option<EagerObject<Researcher>>, Error> {
        let Some(key) = by.into_lookup_key() else { return Ok(None) };
        let key = ByLookupKey::with_columns(key, selected_columns::<Researcher>(ctx));
        Ok(ctx.data_loader().load_one(key).await?.map(Researcher).map(EagerObject))
    }

    /// Looks up researchers by their keys, in the order of the keys; null for each key without a match. The lookup is
    /// batched into a single SQL statement.
    #[graphql(directive = Cost::apply(statements(1)))]
    async fn researchers_by(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The keys; at most 500.")] keys: Vec<ResearcherBy>,
    ) -> Result<Vec<Option<Researcher>>, Error> {
        let keys = check_list_size(ctx, "keys", Some(keys))?.unwrap_or_default();
        let selected = selected_columns::<Researcher>(ctx);
        let keys: Vec<_> =
            keys.into_iter().map(|by| Some(ByLookupKey::with_columns(by.into_lookup_key()?, selected))).collect();
        let researchers = ctx.data_loader().load_many(keys.iter().flatten().cloned()).await?;
        Ok(keys.iter().map(|key| key.as_ref().and_then(|key| researchers.get(key)).cloned().map(Researcher)).collect())
    }

    /// All researchers, sorted by name by default.
    #[graphql(directive = Cost::apply(statements(1)))]
    #[allow(clippy::too_many_arguments, reason = "the arguments of the field")]
    async fn researchers(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Filters the researchers. Defaults to all.")] filter: Option<ResearcherFilter>,
        #[graphql(desc = "Sort order. Defaults to name, or to relevance if `filter.query` is set.")] order_by: Option<
            ResearcherOrder,
        >,
        #[graphql(
            desc = "Returns the first _n_ items: 1 to 100. Defaults to 20 if neither `first` nor `last` is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "Returns items after this cursor.")] after: Option<String>,
        #[graphql(desc = "Returns the last _n_ items: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Returns items before this cursor.")] before: Option<String>,
    ) -> Result<ResearcherConnection, Error> {
        let filter = ResearcherFilter::into_store_filter(filter, ctx)?;
        let (order, direction) = ResearcherOrder::resolve_by_name(order_by, &filter)?;
        let list = store::Researchers { filter, order, direction };
        load_connection(ctx, ParentKey::default(), list, PageArguments { first, after, last, before }).await
    }
}
