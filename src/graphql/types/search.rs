//! Ranked search over all entity types, and autocomplete.

use std::borrow::Cow;
use std::sync::Arc;
use std::task::Context as Task;

use async_graphql::connection::EmptyFields;
use async_graphql::registry::Registry;
use async_graphql::{
    Context, ContextSelectionSet, Enum, Object, OutputType, Positioned, ServerResult, SimpleObject, Value,
    parser::types::Field,
};
use futures_util::future::try_join;

use crate::error::Error;
use crate::graphql::connection::{Connection, ConnectionType, load_connection};
use crate::graphql::context::ContextExt;
use crate::graphql::engine::eager_resolver::{EagerObject, EagerResolve, PendingObject, Progress, SelectedFields};
use crate::graphql::engine::field_directives::{Cost, FREE, statements};
use crate::graphql::engine::lookahead::ProjectedType;
use crate::graphql::inputs::page_size::check_first;
use crate::graphql::inputs::search_query::parse_query;
use crate::graphql::types::localized_string::LocalizedString;
use crate::graphql::types::node::Entity;
use crate::graphql::types::organization::Organization;
use crate::graphql::types::paper::Paper;
use crate::graphql::types::researcher::Researcher;
use crate::graphql::types::topic::Topic;
use crate::model::entity_type::EntityType;
use crate::model::language::{LanguagePreferences, LanguageTag};
use crate::store::reader::cursor::PageArguments;
use crate::store::reader::identifier_column::IdentifierColumn;
use crate::store::reader::lookup::ById;
use crate::store::reader::page::{ListRow, ParentKey};
use crate::store::reader::search::{
    self as store, EntityRef, MatchedTextsKey, SearchHintKey, SearchResults, SuggestedEntity,
};
use crate::text::excerpt::excerpt;
use crate::text::tokenizer::SearchTerms;

/// The types of entities that can be searched.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "EntityType")]
pub enum EntityKind {
    /// A researcher.
    Researcher,
    /// An organization.
    Organization,
    /// A topic.
    Topic,
    /// A paper.
    Paper,
}

fn distinct_entity_types(kinds: Option<Vec<EntityKind>>) -> Vec<EntityType> {
    let mut kinds: Vec<EntityType> =
        kinds.map_or_else(|| EntityType::ALL.to_vec(), |kinds| kinds.into_iter().map(Into::into).collect());
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

/// Loads the entity of a search hit.
async fn load_entity(ctx: &impl ContextExt, hit: EntityRef) -> Result<Entity, Error> {
    let loader = ctx.data_loader();
    let entity = match hit.kind {
        EntityType::Researcher => {
            loader.load_one(ById::new(hit.id)).await?.map(|model| Entity::Researcher(Researcher(model)))
        }
        EntityType::Organization => {
            loader.load_one(ById::new(hit.id)).await?.map(|model| Entity::Organization(Organization(model)))
        }
        EntityType::Topic => loader.load_one(ById::new(hit.id)).await?.map(|model| Entity::Topic(Topic(model))),
        EntityType::Paper => loader.load_one(ById::new(hit.id)).await?.map(|model| Entity::Paper(Paper(model))),
    };
    entity.ok_or(Error::Deleted("search result"))
}

/// A search hit, loaded when it is resolved.
pub struct SearchHit(EntityRef);

impl From<Arc<EntityRef>> for SearchHit {
    fn from(hit: Arc<EntityRef>) -> Self {
        Self(*hit)
    }
}

impl OutputType for SearchHit {
    fn type_name() -> Cow<'static, str> {
        <Entity as OutputType>::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        <Entity as OutputType>::create_type_info(registry)
    }

    async fn resolve(&self, ctx: &ContextSelectionSet<'_>, field: &Positioned<Field>) -> ServerResult<Value> {
        let entity = load_entity(ctx, self.0)
            .await
            .map_err(|error| async_graphql::Error::from(error).into_server_error(field.pos))?;
        match entity {
            Entity::Researcher(entity) => EagerObject(entity).resolve(ctx, field).await,
            Entity::Organization(entity) => EagerObject(entity).resolve(ctx, field).await,
            Entity::Topic(entity) => EagerObject(entity).resolve(ctx, field).await,
            Entity::Paper(entity) => EagerObject(entity).resolve(ctx, field).await,
        }
    }
}

/// A page of search results.
pub type SearchResultConnection = EagerObject<Connection<SearchResults>>;

/// Edge data of a search result.
pub struct SearchResultEdgeFields {
    hit: EntityRef,
    query: Arc<SearchTerms>,
}

/// Edge data of a search result.
#[Object]
impl SearchResultEdgeFields {
    /// Where the query matched: at most three highlights, best first. Empty if only a search-only name matched. A
    /// pasted identifier is a single highlight.
    #[graphql(directive = Cost::apply(statements(1)))]
    async fn highlights(&self, ctx: &Context<'_>) -> Result<Vec<Highlight>, Error> {
        let key = MatchedTextsKey { hit: self.hit, query: Arc::clone(&self.query) };
        let entries = ctx.data_loader().load_one(key).await?.unwrap_or_default();
        let mut highlights = highlight_identifier(ctx, self.hit, &self.query).await?;
        let mut ranked: Vec<(usize, Highlight)> = Vec::new();
        for entry in entries.iter() {
            let segments = self.query.highlight(&entry.text, &entry.stems);
            let matched_bytes = segments.iter().filter(|(_, is_match)| *is_match).map(|(text, _)| text.len()).sum();
            if matched_bytes > 0 {
                let segments =
                    if entry.field.starts_with("abstract") { excerpt_around_matches(&segments) } else { segments };
                ranked.push((matched_bytes, Highlight::new(&entry.field, &segments)));
            }
        }
        // Entries are sorted by relevance. Abstracts come last, preceded by those that match less than half as much as
        // the best.
        let best_match_bytes = ranked.iter().map(|(matched_bytes, _)| *matched_bytes).max().unwrap_or_default();
        ranked.sort_by_key(|(matched_bytes, highlight)| {
            (highlight.field.starts_with("abstract"), *matched_bytes * 2 < best_match_bytes)
        });
        highlights.extend(ranked.into_iter().map(|(_, highlight)| highlight));
        highlights.truncate(3);
        Ok(highlights)
    }
}

/// Returns the parts of a long text around the matches.
fn excerpt_around_matches<'a>(segments: &[(&'a str, bool)]) -> Vec<(&'a str, bool)> {
    const CONTEXT_CHARS: usize = 80;
    let mut parts: Vec<(&str, bool)> = Vec::new();
    for (index, (text, is_match)) in segments.iter().enumerate() {
        if *is_match {
            parts.push((text, true));
            continue;
        }
        let is_short = text.chars().count() <= 2 * CONTEXT_CHARS;
        let (is_first, is_last) = (index == 0, index + 1 == segments.len());
        if is_short && !is_first && !is_last {
            parts.push((text, false));
            continue;
        }
        if !is_first {
            parts.push((excerpt(text, CONTEXT_CHARS), false));
        }
        if !is_first && !is_last {
            parts.push((" … ", false));
        }
        if !is_last {
            let start = text.char_indices().rev().nth(CONTEXT_CHARS - 1).map_or(0, |(start, _)| start);
            let tail = text.get(start..).unwrap_or_default();
            // Start at a word boundary if there is one.
            let tail = if start == 0 { tail } else { tail.split_once(' ').map_or(tail, |(_, rest)| rest) };
            parts.push((tail, false));
        }
        if parts.iter().filter(|(_, is_match)| *is_match).count() >= 5 {
            break;
        }
    }
    parts.retain(|(text, _)| !text.is_empty());
    parts
}

/// Returns the pasted identifier as a highlight if this entity has it.
async fn highlight_identifier(ctx: &Context<'_>, hit: EntityRef, query: &SearchTerms) -> Result<Vec<Highlight>, Error> {
    let whole_match = |field: &str, value: &str| vec![Highlight::new(field, &[(value, true)])];
    for (column, value) in store::parse_identifiers(hit.kind, &query.text) {
        let stored_identifier = match load_entity(ctx, hit).await? {
            Entity::Researcher(researcher) => researcher.0.orcid.clone(),
            Entity::Organization(organization) => organization.0.ror.clone(),
            Entity::Paper(paper) if column == IdentifierColumn::Doi => paper.0.doi.clone(),
            Entity::Paper(paper) => paper.0.arxiv_id.clone(),
            Entity::Topic(_) => None,
        };
        if stored_identifier.as_deref() == Some(value.as_str()) {
            let field = if column == IdentifierColumn::ArxivId { "arxivId" } else { column.name() };
            return Ok(whole_match(field, &value));
        }
    }
    Ok(Vec::new())
}

/// A text that matched, as plain-text segments. No markup needs to be escaped or sanitized.
#[derive(SimpleObject)]
pub struct Highlight {
    /// What matched: `name`, `otherNames`, `label:fr`, `acronym`, `alias:de`, `title`, `abstract:en`, `orcid`, `ror`,
    /// `doi` or `arxivId`. The part after the colon is the language of the text, if known.
    field: String,
    /// The segments of the text, in order. Of an abstract, only the parts around the matches.
    #[graphql(directive = Cost::apply(FREE))]
    segments: Vec<HighlightSegment>,
}

impl Highlight {
    fn new(field: &str, segments: &[(&str, bool)]) -> Self {
        let segment =
            |(text, is_match): &(&str, bool)| HighlightSegment { text: (*text).to_owned(), is_match: *is_match };
        Self { field: field.to_owned(), segments: segments.iter().map(segment).collect() }
    }
}

/// A segment of a text that matched.
#[derive(SimpleObject)]
pub struct HighlightSegment {
    /// The text of the segment, including spaces.
    text: String,
    /// Whether the segment matches the query.
    is_match: bool,
}

impl EagerResolve for SearchHit {
    fn collect_fields<'a>(_: &ContextSelectionSet<'a>) -> SelectedFields<'a> {
        SelectedFields::default()
    }

    fn resolve_ready<'a>(
        &self,
        _: &ContextSelectionSet<'a>,
        _: &SelectedFields<'a>,
        _: &mut Vec<u8>,
        _: &mut Task<'_>,
    ) -> Progress<'a> {
        Progress::Pending(PendingObject::default())
    }

    async fn resolve_pending<'a>(
        &'a self,
        ctx: &'a ContextSelectionSet<'a>,
        field: &'a Positioned<Field>,
        _: &'a SelectedFields<'a>,
        _: PendingObject<'a>,
    ) -> ServerResult<Value> {
        self.resolve(ctx, field).await
    }
}

impl ProjectedType for SearchHit {
    // The entity of a hit is loaded separately.
    type Row = EntityRef;
}

impl ConnectionType for SearchResults {
    const NAME: &'static str = "SearchResult";
    type NodeObject = SearchHit;
    type EdgeFields = SearchResultEdgeFields;
    type Facets = EmptyFields;

    fn edge_fields(_: ParentKey, list: &Arc<Self>, row: &ListRow<Self>, _: &Self::Edge) -> Self::EdgeFields {
        SearchResultEdgeFields { hit: *row.node, query: Arc::new(list.query.clone()) }
    }
}

/// An autocomplete suggestion.
pub struct Suggestion {
    entity: SuggestedEntity,
    query: Arc<SearchTerms>,
    languages: LanguagePreferences,
}

/// An autocomplete suggestion.
#[Object]
impl Suggestion {
    /// The suggested entity.
    #[graphql(directive = Cost::apply(statements(1)))]
    async fn node(&self) -> SearchHit {
        SearchHit(self.entity.hit)
    }

    /// The name to display, in the best language available.
    #[graphql(directive = Cost::apply(statements(1)))]
    async fn label(&self, ctx: &Context<'_>) -> Result<String, Error> {
        if self.entity.hit.kind == EntityType::Researcher && self.entity.is_display_name {
            return Ok(self.entity.text.clone());
        }
        self.load_display_name(ctx).await
    }

    /// A hint to distinguish entities with the same name: the primary organization or latest paper of a researcher, the
    /// city and country of an organization, the broader topic of a topic, the first author and year of a paper. If only
    /// another public name than the label matches, the hint starts with that name.
    #[graphql(directive = Cost::apply(statements(2)))]
    async fn hint(&self, ctx: &Context<'_>) -> Result<Option<String>, Error> {
        // Loaded concurrently: names of different types arrive at different times, and each would cause a separate
        // batch of hints.
        let hint = ctx.data_loader().load_one(SearchHintKey(self.entity.hit));
        let (name, hint) = try_join(self.load_display_name(ctx), hint).await?;
        let mut parts = Vec::new();
        if !self.query.matches_prefixes_in(&name) && self.entity.text != name {
            parts.push(self.entity.text.clone());
        }
        if let Some(hint) = hint {
            parts.extend(format_hint(&hint, self.entity.hit.kind, &self.languages));
        }
        Ok((!parts.is_empty()).then(|| parts.join(" · ")))
    }
}

fn format_hint(hint: &store::SearchHint, kind: EntityType, languages: &LanguagePreferences) -> Option<String> {
    let names =
        hint.names.as_ref().and_then(|names| LocalizedString::best_match(names, languages)).map(|name| name.value);
    let text = match (&hint.text, kind) {
        (Some(author), EntityType::Paper) if hint.author_count > 1 => Some(format!("{author} et al.")),
        (text, _) => text.clone(),
    };
    let parts: Vec<String> = names.into_iter().chain(text).chain(hint.more.clone()).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

impl Suggestion {
    async fn load_display_name(&self, ctx: &Context<'_>) -> Result<String, Error> {
        Ok(match load_entity(ctx, self.entity.hit).await? {
            Entity::Researcher(researcher) => researcher.0.display_name.clone(),
            Entity::Organization(organization) => organization.localized_name(&self.languages).value,
            Entity::Topic(topic) => topic.localized_name(&self.languages).value,
            Entity::Paper(paper) => paper.localized_title(&self.languages).value,
        })
    }
}

/// Root fields for search.
#[derive(Default)]
pub struct SearchQuery;

#[Object]
impl SearchQuery {
    /// Ranked search over researchers, organizations, topics and papers.
    ///
    /// All words must match, in any order and language. Accents, case, hyphens, apostrophes and letter variants (ß and
    /// ss, ø and o) are ignored. Middle initials are optional, and a single letter matches a name that starts with it.
    /// A pasted ORCID iD, DOI, arXiv ID or ROR ID, in any format, returns its entity first. Titles and abstracts also
    /// match by word stem if their language is known.
    ///
    /// Search is fuzzy if fewer than 20 entities match exactly (none, for more than three words). It then tolerates one
    /// or two typos in words of five letters or more, one typo in words of four letters, and an incomplete last word.
    ///
    /// Results are ranked by similarity: the exact form, the same letters, the same words in another order, names that
    /// differ by initials, words among others. Display names rank before acronyms, and acronyms before other names.
    /// Ties are ranked by the number of papers.
    #[graphql(directive = Cost::apply(statements(1)))]
    #[allow(clippy::too_many_arguments, reason = "the arguments of the field")]
    async fn search(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The search query: at most 500 characters. Without a letter or digit it matches nothing.")]
        query: String,
        #[graphql(desc = "The entity types to search. Defaults to all; an empty list returns none.")] kinds: Option<
            Vec<EntityKind>,
        >,
        #[graphql(
            desc = "Returns the first _n_ items: 1 to 100. Defaults to 20 if neither `first` nor `last` is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "Returns items after this cursor.")] after: Option<String>,
        #[graphql(desc = "Returns the last _n_ items: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Returns items before this cursor.")] before: Option<String>,
    ) -> Result<SearchResultConnection, Error> {
        let query = parse_query("query", &query)?.unwrap_or_default();
        let list = SearchResults { query, kinds: distinct_entity_types(kinds) };
        load_connection(ctx, ParentKey::default(), list, PageArguments { first, after, last, before }).await
    }

    /// Autocomplete: suggests entities with a name, title or label whose words start with all words of the query, in
    /// any order. Accents and case are ignored; typos are tolerated if nothing matches.
    ///
    /// A full match ranks first, then names that start with the query, then the most prominent entities. Prominence is
    /// the number of papers for researchers and topics, the number of researchers for organizations, and the shortest
    /// title for papers.
    ///
    /// A prefix with hundreds of matches (thousands, for several words) is searched among the most prominent entities
    /// only, until there are enough suggestions.
    // It reads the names that begin with each word.
    #[graphql(directive = Cost::apply(statements(9)))]
    async fn autocomplete(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The text typed so far: at most 500 characters.")] query: String,
        #[graphql(desc = "The entity types to search. Defaults to all; an empty list returns none.")] kinds: Option<
            Vec<EntityKind>,
        >,
        #[graphql(
            desc = "Preferred languages, most preferred first. Defaults to the request's `Accept-Language` header."
        )]
        languages: Option<Vec<LanguageTag>>,
        #[graphql(desc = "Returns at most this many items: 1 to 100.", default = 10)] first: i32,
    ) -> Result<Vec<Suggestion>, Error> {
        let first = check_first(ctx, first)?;
        let Some(query) = parse_query("query", &query)? else { return Ok(Vec::new()) };
        let languages = ctx.languages(languages);
        let suggested = ctx.store().suggest_entities(&query, &distinct_entity_types(kinds), first.into()).await?;
        let query = Arc::new(query);
        let suggestion =
            |suggested| Suggestion { entity: suggested, query: Arc::clone(&query), languages: languages.clone() };
        Ok(suggested.into_iter().map(suggestion).collect())
    }
}
