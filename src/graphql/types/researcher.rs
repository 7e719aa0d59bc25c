//! Researchers.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, InputObject, Object, OneofObject, SimpleObject};

use crate::entity::researcher;
use crate::error::Error;
use crate::graphql::connection::{Connection, Shown, connection, plain_list};
use crate::graphql::context::State as _;
use crate::graphql::engine::eager_resolver::AtOnce;
use crate::graphql::engine::lookahead::{FieldReads, Reads, columns_of};
use crate::graphql::inputs::filter_limits::Nesting;
use crate::graphql::inputs::identifier::{
    Identifier, IdentifierKey, bounded, canonical, column_key, former_ids, id_key, identifiers, numbers, possible,
};
use crate::graphql::inputs::localized_string::LocalizedString;
use crate::graphql::inputs::order::{OrderDirection, or_relevance};
use crate::graphql::inputs::scalars::{DateTime, Url, url};
use crate::graphql::types::affiliation::{AffiliationConnection, AffiliationFilter, AffiliationOrder};
use crate::graphql::types::coauthorship::{CoauthorConnection, CoauthorFilter, CoauthorOrder};
use crate::graphql::types::facet::{ResearcherFacets, WithFacets};
use crate::graphql::types::paper::{PaperFilter, PaperOrder, ResearcherPaperConnection};
use crate::graphql::types::search::looked_for;
use crate::graphql::types::topic::{ResearcherTopicConnection, TopicOrder};
use crate::model::global_id::{GlobalId, Kind};
use crate::model::identifier::Orcid;
use crate::model::language::LanguageTag;
use crate::store::reader::affiliation::{AffiliationScope, Affiliations, EmploymentOf};
use crate::store::reader::coauthorship::Coauthors;
use crate::store::reader::cursor::PageArguments;
use crate::store::reader::lookup::{ByKey, Key};
use crate::store::reader::page::{OrderDirection as Direction, Parent};
use crate::store::reader::paper::ResearcherPapers;
use crate::store::reader::relation::{ResearcherFormerIds, ResearcherIdentifiers};
use crate::store::reader::researcher as store;
use crate::store::reader::topic::ResearcherTopics;

/// A person who does research, or whose name stands on a paper.
#[derive(Clone)]
pub struct Researcher(pub Arc<researcher::Model>);

impl From<Arc<researcher::Model>> for Researcher {
    fn from(model: Arc<researcher::Model>) -> Self {
        Self(model)
    }
}

impl Reads for Researcher {
    type Row = researcher::Model;
    const FIELDS: &'static [FieldReads] = &[
        ("id", &[]),
        ("slug", &["slug"]),
        ("displayName", &["display_name"]),
        ("formerIds", &[]),
        ("name", &["display_name"]),
        ("givenName", &["given_name"]),
        ("familyName", &["family_name"]),
        ("otherNames", &["other_names"]),
        ("orcid", &["orcid"]),
        ("identifiers", &[]),
        ("headline", &["headline"]),
        ("biography", &["biography"]),
        ("portraitUrl", &["portrait_url"]),
        ("homepageUrl", &["homepage_url"]),
        ("affiliations", &[]),
        ("topics", &[]),
        ("papers", &[]),
        ("coauthors", &[]),
        ("statistics", &[]),
        ("createdAt", &["created_at"]),
        ("updatedAt", &["updated_at"]),
    ];
}

/// A person who does research, or whose name stands on a paper.
#[Object]
impl Researcher {
    /// Its id: opaque, unique in the directory, the same for ever.
    pub async fn id(&self) -> ID {
        GlobalId { kind: Kind::Researcher, number: self.0.id }.to_string().into()
    }

    /// The name in the address of the profile page: lower-case ASCII letters, digits and hyphens.
    pub async fn slug(&self) -> &str {
        &self.0.slug
    }

    /// The same as `name`: names of people are not translated.
    pub async fn display_name(
        &self,
        #[graphql(desc = "Without effect here.")] languages: Option<Vec<LanguageTag>>,
    ) -> LocalizedString {
        let _ = languages;
        LocalizedString::neutral(&self.0.display_name)
    }

    /// The ids of what was merged into this person; they lead here for ever.
    pub async fn former_ids(&self, ctx: &Context<'_>) -> Result<Vec<ID>, Error> {
        former_ids::<ResearcherFormerIds>(ctx, self.0.id, Kind::Researcher).await
    }

    /// The name as displayed.
    async fn name(&self) -> &str {
        &self.0.display_name
    }

    /// Given names. Somebody with a single name has it here.
    async fn given_name(&self) -> Option<&str> {
        self.0.given_name.as_deref()
    }

    /// Family name with its particles; null for somebody with a single name.
    async fn family_name(&self) -> Option<&str> {
        self.0.family_name.as_deref()
    }

    /// Other forms of the name that the person or the sources made public. Names that only find the person, and private ones,
    /// are in no field.
    async fn other_names(&self) -> &[String] {
        &self.0.other_names
    }

    /// The ORCID iD as its address, such as https://orcid.org/0000-0002-1825-0097.
    async fn orcid(&self) -> Option<Url> {
        self.0.orcid.as_ref()?.parse::<Orcid>().ok().map(|orcid| Url(orcid.uri()))
    }

    /// Ids of other schemes.
    async fn identifiers(&self, ctx: &Context<'_>) -> Result<Vec<Identifier>, Error> {
        identifiers::<ResearcherIdentifiers>(ctx, self.0.id).await
    }

    /// One line under the name: the role of the primary employment and its organization, unless the person set another.
    async fn headline(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "In order of preference; the request's Accept-Language where absent.")] languages: Option<
            Vec<LanguageTag>,
        >,
    ) -> Result<Option<LocalizedString>, Error> {
        let languages = ctx.languages(languages);
        if let Some(own) = LocalizedString::best(&self.0.headline, &languages) {
            return Ok(Some(own));
        }
        let Some(employment) = ctx.loaders().load_one(EmploymentOf(self.0.id)).await? else { return Ok(None) };
        let organization = LocalizedString::best(&employment.display_names, &languages);
        let role = LocalizedString::best(&employment.role_title, &languages);
        Ok(match (role, organization) {
            // The line is in the role's language; an organization's name is often the same in all.
            (Some(role), Some(organization)) => {
                Some(LocalizedString { value: format!("{}, {}", role.value, organization.value), ..role })
            }
            (role, organization) => role.or(organization),
        })
    }

    /// A few paragraphs about the person, as plain text.
    async fn biography(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "In order of preference; the request's Accept-Language where absent.")] languages: Option<
            Vec<LanguageTag>,
        >,
    ) -> Option<LocalizedString> {
        LocalizedString::best(&self.0.biography, &ctx.languages(languages))
    }

    /// The address of a picture.
    async fn portrait_url(&self) -> Option<Url> {
        url(self.0.portrait_url.as_ref())
    }

    /// The person's own page.
    async fn homepage_url(&self) -> Option<Url> {
        url(self.0.homepage_url.as_ref())
    }

    /// Where the person is and was: the primary affiliation first, then those that last, then the latest.
    #[allow(clippy::too_many_arguments, reason = "the arguments of the schema")]
    async fn affiliations(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which; all of any kind, past ones too, where absent.")] filter: Option<AffiliationFilter>,
        #[graphql(desc = "Another order.")] order_by: Option<AffiliationOrder>,
        #[graphql(desc = "So many from the start: 1 to 100, 20 where neither first nor last is given.")] first: Option<
            i32,
        >,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<String>,
        #[graphql(desc = "So many from the end: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what precedes this cursor.")] before: Option<String>,
    ) -> Result<AffiliationConnection, Error> {
        let (order, direction) = AffiliationOrder::or_importance(order_by, ctx);
        let filter = AffiliationFilter::or_all(filter, ctx)?;
        let list = Affiliations { scope: AffiliationScope::Researcher, filter, order, direction };
        connection(ctx, Parent::of(self.0.id), list, PageArguments { first, after, last, before }).await
    }

    /// What the person works on: declared topics in the person's order, then those of papers, most papers first.
    #[allow(clippy::too_many_arguments, reason = "the arguments of the schema")]
    async fn topics(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Another order; PAPER_COUNT counts this person's papers.")] order_by: Option<TopicOrder>,
        #[graphql(desc = "So many from the start: 1 to 100, 20 where neither first nor last is given.")] first: Option<
            i32,
        >,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<String>,
        #[graphql(desc = "So many from the end: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what precedes this cursor.")] before: Option<String>,
    ) -> Result<ResearcherTopicConnection, Error> {
        let (order, direction) = TopicOrder::or_own(order_by, ctx)?;
        let list = ResearcherTopics { order, direction };
        connection(ctx, Parent::of(self.0.id), list, PageArguments { first, after, last, before }).await
    }

    /// What the person wrote, every version of it, newest first; each edge has the person's own place on the paper.
    #[allow(clippy::too_many_arguments, reason = "the arguments of the schema")]
    async fn papers(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] filter: Option<PaperFilter>,
        #[graphql(desc = "Another order.")] order_by: Option<PaperOrder>,
        #[graphql(desc = "So many from the start: 1 to 100, 20 where neither first nor last is given.")] first: Option<
            i32,
        >,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<String>,
        #[graphql(desc = "So many from the end: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what precedes this cursor.")] before: Option<String>,
    ) -> Result<ResearcherPaperConnection, Error> {
        let filter = PaperFilter::or_all(filter, ctx)?;
        let (order, direction) = PaperOrder::or_newest(order_by, &filter)?;
        let list = ResearcherPapers { filter, order, direction };
        connection(ctx, Parent::of(self.0.id), list, PageArguments { first, after, last, before }).await
    }

    /// With whom the person wrote, those with most papers together first. Papers with more authors than the
    /// directory's consortium size make no coauthors unless the filter's maxAuthorsPerPaper asks for them.
    #[allow(clippy::too_many_arguments, reason = "the arguments of the schema")]
    async fn coauthors(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which, and by which papers: counts and years are of the papers that pass.")] filter: Option<
            CoauthorFilter,
        >,
        #[graphql(desc = "Another order.")] order_by: Option<CoauthorOrder>,
        #[graphql(desc = "So many from the start: 1 to 100, 20 where neither first nor last is given.")] first: Option<
            i32,
        >,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<String>,
        #[graphql(desc = "So many from the end: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what precedes this cursor.")] before: Option<String>,
    ) -> Option<Result<CoauthorConnection, Error>> {
        let coauthors = async || {
            let (order, direction) = CoauthorOrder::or_most_papers(order_by);
            let list = Coauthors { filter: CoauthorFilter::or_all(filter, ctx)?, order, direction };
            connection(ctx, Parent::of(self.0.id), list, PageArguments { first, after, last, before }).await
        };
        Some(coauthors().await)
    }

    /// What is counted of the person.
    async fn statistics(&self, ctx: &Context<'_>) -> Option<Result<ResearcherStatistics, Error>> {
        let counted = ctx.loaders().load_one(store::StatisticsOf(self.0.id)).await.transpose()?;
        Some(counted.map(|counted| ResearcherStatistics { researcher_id: self.0.id, counted }))
    }

    /// When the person came into the directory.
    pub async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// When what the directory says of the person last changed.
    pub async fn updated_at(&self) -> DateTime {
        DateTime(self.0.updated_at)
    }
}

/// What is counted of a person.
pub struct ResearcherStatistics {
    researcher_id: i64,
    counted: Arc<store::Statistics>,
}

/// What is counted of a person.
#[Object]
impl ResearcherStatistics {
    /// The number of papers, every version of a work among them: as many as papers lists.
    async fn paper_count(&self) -> i32 {
        self.counted.paper_count
    }

    /// The number of works: papers, with all versions of a work (a preprint and the article that it became) counted once.
    async fn work_count(&self) -> i32 {
        self.counted.work_count
    }

    /// The number of people with whom there are papers of at most the directory's consortium size.
    async fn coauthor_count(&self) -> i32 {
        self.counted.coauthor_count
    }

    /// The year of the first paper that has a year.
    async fn first_publication_year(&self) -> Option<i32> {
        Some(self.counted.first_year).filter(|year| *year != 0)
    }

    /// The year of the last paper that has a year.
    async fn last_publication_year(&self) -> Option<i32> {
        Some(self.counted.last_year).filter(|year| *year != 0)
    }

    /// The number of papers of each year that has any, every version among them, in order; papers without a year are in none.
    async fn papers_per_year(&self, ctx: &Context<'_>) -> Result<Vec<YearCount>, Error> {
        let years = ctx.loaders().load_one(store::PapersPerYearOf(self.researcher_id)).await?.unwrap_or_default();
        let count = |year: store::YearCount| YearCount {
            year: year.year,
            count: i32::try_from(year.count).unwrap_or(i32::MAX),
        };
        Ok(years.into_iter().map(count).collect())
    }
}

/// How many papers a year has.
#[derive(SimpleObject)]
pub struct YearCount {
    /// The year.
    pub year: i32,
    /// The number of papers.
    pub count: i32,
}

/// Exactly one key of a researcher.
#[derive(OneofObject)]
pub enum ResearcherBy {
    /// The directory's own id.
    Id(ID),
    /// The name in the address of the profile page.
    Slug(String),
    /// The ORCID iD: bare or as an address.
    Orcid(String),
    /// An id of any other scheme.
    Identifier(IdentifierKey),
}

impl ResearcherBy {
    fn key(self) -> Option<Key> {
        possible(match self {
            Self::Id(id) => return id_key(&id, Kind::Researcher),
            Self::Slug(slug) => Key::Slug(slug.trim().to_lowercase()),
            Self::Orcid(orcid) => return column_key::<Orcid>("orcid", &orcid),
            Self::Identifier(identifier) => identifier.into(),
        })
    }
}

/// Which people. All conditions hold together; an absent or null one is none, and an empty list of values matches nobody.
/// The ids of what was merged stand for what it became, unknown ones for nobody, and ids of another type are refused.
/// By and, or and not filters stand in each other at most 5 deep, and one holds at most 100 others in all.
#[derive(InputObject, Default)]
pub struct ResearcherFilter {
    /// Any of these; at most 500.
    ids: Option<Vec<ID>>,
    /// With any of these ORCID iDs, bare or as addresses; at most 500.
    orcids: Option<Vec<String>>,
    /// With one affiliation that passes all of this: a current employment, membership or invited position unless it
    /// says otherwise.
    affiliation: Option<AffiliationFilter>,
    /// Who declare, or have papers on, any of these topics or narrower ones; at most 500.
    topic_ids: Option<Vec<ID>>,
    /// Whether there is an ORCID iD.
    has_orcid: Option<bool>,
    /// Whether there are papers.
    has_papers: Option<bool>,
    /// By name, as search finds people: accents, case and order do not matter, typos are forgiven where fewer than 20 match
    /// as typed. At most 500 characters; white space alone is no condition.
    query: Option<String>,
    /// Changed at this moment or later.
    updated_since: Option<DateTime>,
    /// Who pass each of these; all do where the list is empty.
    and: Option<Vec<ResearcherFilter>>,
    /// Who pass any of these; none does where the list is empty.
    or: Option<Vec<ResearcherFilter>>,
    /// Who do not pass this.
    not: Option<Box<ResearcherFilter>>,
}

impl ResearcherFilter {
    /// The filter for the store; everybody passes an absent one.
    ///
    /// # Errors
    /// Where an id is none, a list is too long, a range has no years, or filters nest too deep or are too many.
    pub fn or_all(filter: Option<Self>, ctx: &Context<'_>) -> Result<store::ResearcherFilter, Error> {
        filter.unwrap_or_default().taken(ctx, &mut Nesting::of(ctx))
    }

    fn taken(self, ctx: &Context<'_>, nesting: &mut Nesting<'_>) -> Result<store::ResearcherFilter, Error> {
        let filter = self;
        let inner = |filter: Self, nesting: &mut Nesting<'_>| filter.taken(ctx, nesting);
        let affiliation = filter.affiliation.map(|affiliation| AffiliationFilter::or_all(Some(affiliation), ctx));
        Ok(store::ResearcherFilter {
            ids: numbers(ctx, "ids", filter.ids, Kind::Researcher)?,
            orcids: canonical::<Orcid>(ctx, "orcids", filter.orcids)?,
            affiliation: affiliation.transpose()?,
            topic_ids: numbers(ctx, "topicIds", filter.topic_ids, Kind::Topic)?,
            has_orcid: filter.has_orcid,
            has_papers: filter.has_papers,
            query: looked_for("query", filter.query)?,
            updated_since: filter.updated_since.map(|moment| moment.0),
            and: nesting.each(filter.and, inner)?,
            or: nesting.each(filter.or, inner)?,
            not: filter.not.map(|filter| nesting.inner(*filter, inner)).transpose()?.map(Box::new),
        })
    }
}

/// By what people are ordered.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "store::ResearcherOrder")]
pub enum ResearcherOrderField {
    /// By name, family name first, without accents.
    Name,
    /// By the number of papers; in a topic's list, of papers on the topic.
    PaperCount,
    /// By the year of the last paper; people without one count as earliest.
    LastPublicationYear,
    /// By the last change.
    UpdatedAt,
    /// By how well filter.query matches, best last: DESC has the best first. Only with a query, and the default there.
    Relevance,
}

/// An order of people; ties end on the id.
#[derive(InputObject)]
pub struct ResearcherOrder {
    /// By what.
    field: ResearcherOrderField,
    /// Which way.
    direction: OrderDirection,
}

impl ResearcherOrder {
    /// The order asked for, else by name, or by relevance where the filter has a query.
    ///
    /// # Errors
    /// Where it is by relevance and the filter has no query.
    pub fn or_name(
        order: Option<Self>,
        filter: &store::ResearcherFilter,
    ) -> Result<(store::ResearcherOrder, Direction), Error> {
        Self::or(order, filter, (store::ResearcherOrder::Name, Direction::Ascending))
    }

    /// The order asked for, else those with most papers first, or by relevance where the filter has a query.
    ///
    /// # Errors
    /// Where it is by relevance and the filter has no query.
    pub fn or_most_papers(
        order: Option<Self>,
        filter: &store::ResearcherFilter,
    ) -> Result<(store::ResearcherOrder, Direction), Error> {
        Self::or(order, filter, (store::ResearcherOrder::PaperCount, Direction::Descending))
    }

    fn or(
        order: Option<Self>,
        filter: &store::ResearcherFilter,
        otherwise: (store::ResearcherOrder, Direction),
    ) -> Result<(store::ResearcherOrder, Direction), Error> {
        let asked = order.map(|order| (order.field.into(), order.direction.into()));
        or_relevance(asked, filter.query.as_ref(), store::ResearcherOrder::Relevance, otherwise)
    }
}

/// A page of people.
pub type ResearcherConnection = AtOnce<Connection<store::Researchers>>;
/// A page of an organization's people.
pub type OrganizationResearcherConnection = AtOnce<Connection<store::OrganizationResearchers>>;
/// A page of a topic's people.
pub type TopicResearcherConnection = AtOnce<Connection<store::TopicResearchers>>;

plain_list!(store::Researchers, "Researcher", Researcher, WithFacets<Self, ResearcherFacets>);

/// What ties a person to a topic.
#[derive(SimpleObject)]
pub struct TopicResearcherFields {
    /// How many of the person's papers are on the topic, every version of a work among them; 0 where the person only declares it.
    paper_count: i32,
    /// The year of the last of these papers.
    last_year: Option<i32>,
}

impl Shown for store::TopicResearchers {
    const NAME: &'static str = "TopicResearcher";
    type Shown = Researcher;
    type Fields = TopicResearcherFields;
    type Facets = WithFacets<Self, ResearcherFacets>;

    fn fields(_: Parent, _: &Arc<Self>, _: &crate::store::reader::page::Row<Self>, edge: &Self::Edge) -> Self::Fields {
        TopicResearcherFields { paper_count: edge.paper_count, last_year: edge.last_year }
    }
}

/// The part of the query that reads people.
#[derive(Default)]
pub struct ResearcherQuery;

#[Object]
impl ResearcherQuery {
    /// One person; null where nobody has the key.
    async fn researcher(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Exactly one key, in any of its written forms.")] by: ResearcherBy,
    ) -> Result<Option<AtOnce<Researcher>>, Error> {
        let Some(key) = by.key() else { return Ok(None) };
        let asked = ByKey::selecting(key, columns_of::<Researcher>(ctx));
        Ok(ctx.loaders().load_one(asked).await?.map(Researcher).map(AtOnce))
    }

    /// People by their keys, in the order of the keys; null where nobody has one. One statement, whatever the keys.
    async fn researchers_by(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "At most 500.")] keys: Vec<ResearcherBy>,
    ) -> Result<Vec<Option<Researcher>>, Error> {
        let keys = bounded(ctx, "keys", Some(keys))?.unwrap_or_default();
        let selected = columns_of::<Researcher>(ctx);
        let keys: Vec<_> = keys.into_iter().map(|by| Some(ByKey::selecting(by.key()?, selected))).collect();
        let found = ctx.loaders().load_many(keys.iter().flatten().cloned()).await?;
        Ok(keys.iter().map(|key| key.as_ref().and_then(|key| found.get(key)).cloned().map(Researcher)).collect())
    }

    /// People, by name.
    #[allow(clippy::too_many_arguments, reason = "the arguments of the schema")]
    async fn researchers(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which; everybody where absent.")] filter: Option<ResearcherFilter>,
        #[graphql(desc = "Another order.")] order_by: Option<ResearcherOrder>,
        #[graphql(desc = "So many from the start: 1 to 100, 20 where neither first nor last is given.")] first: Option<
            i32,
        >,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<String>,
        #[graphql(desc = "So many from the end: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what precedes this cursor.")] before: Option<String>,
    ) -> Result<ResearcherConnection, Error> {
        let filter = ResearcherFilter::or_all(filter, ctx)?;
        let (order, direction) = ResearcherOrder::or_name(order_by, &filter)?;
        let list = store::Researchers { filter, order, direction };
        connection(ctx, Parent::default(), list, PageArguments { first, after, last, before }).await
    }
}
