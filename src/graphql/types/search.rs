//! Search over everything, and suggestions while somebody types.

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
use crate::graphql::engine::lookahead::{FieldColumns, ProjectedType};
use crate::graphql::inputs::localized_string::LocalizedString;
use crate::graphql::types::node::Entity;
use crate::graphql::types::organization::Organization;
use crate::graphql::types::paper::Paper;
use crate::graphql::types::researcher::Researcher;
use crate::graphql::types::topic::Topic;
use crate::model::language::{LanguagePreferences, LanguageTag};
use crate::store::reader::cursor::PageArguments;
use crate::store::reader::lookup::ById;
use crate::store::reader::page::{ListRow, ParentKey};
use crate::store::reader::search::{
    self as store, EntityRef, EntityType, MatchedTextsKey, SearchHintKey, SearchResults, SuggestedEntity,
};
use crate::text::excerpt::excerpt;
use crate::text::tokenizer::SearchTerms as Words;

/// The longest text that can be looked for, in characters.
const MAX_QUERY_CHARS: usize = 500;

/// A typed text as a search takes it; none where it is only white space.
///
/// # Errors
/// Where it is too long.
pub fn parse_query(field: &str, text: &str) -> Result<Option<Words>, Error> {
    let length = text.chars().count();
    if length > MAX_QUERY_CHARS {
        let message = format!(
            "{field} has {length} characters; it takes at most {MAX_QUERY_CHARS}: a name, a title or a few words will do"
        );
        return Err(Error::limit_exceeded("queryCharacters", length, MAX_QUERY_CHARS, message));
    }
    Ok(Words::new(text))
}

/// What a filter looks for; nothing where it is absent or only white space.
///
/// # Errors
/// Where it is too long.
pub fn parse_optional_query(field: &str, text: Option<String>) -> Result<Option<Words>, Error> {
    text.map_or(Ok(None), |text| parse_query(field, &text))
}

/// What can be found.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "EntityType")]
pub enum EntityKind {
    /// A person.
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

/// Reads what was found.
async fn load_entity(state: &impl ContextExt, hit: EntityRef) -> Result<Entity, Error> {
    let loaders = state.data_loader();
    let found = match hit.kind {
        EntityType::Researcher => {
            loaders.load_one(ById::new(hit.id)).await?.map(|model| Entity::Researcher(Researcher(model)))
        }
        EntityType::Organization => {
            loaders.load_one(ById::new(hit.id)).await?.map(|model| Entity::Organization(Organization(model)))
        }
        EntityType::Topic => loaders.load_one(ById::new(hit.id)).await?.map(|model| Entity::Topic(Topic(model))),
        EntityType::Paper => loaders.load_one(ById::new(hit.id)).await?.map(|model| Entity::Paper(Paper(model))),
    };
    found.ok_or_else(|| Error::BadUserInput("what was found is gone since; ask again".to_owned()))
}

/// Something found, read when it is shown.
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
            Entity::Researcher(found) => EagerObject(found).resolve(ctx, field).await,
            Entity::Organization(found) => EagerObject(found).resolve(ctx, field).await,
            Entity::Topic(found) => EagerObject(found).resolve(ctx, field).await,
            Entity::Paper(found) => EagerObject(found).resolve(ctx, field).await,
        }
    }
}

/// A page of what was found.
pub type SearchResultConnection = EagerObject<Connection<SearchResults>>;

/// Why it was found.
pub struct SearchResultEdgeFields {
    hit: EntityRef,
    query: Arc<Words>,
}

/// Why it was found.
#[Object]
impl SearchResultEdgeFields {
    /// Where it matched, best first, at most three; nothing where only a name matched that is not to be shown. An
    /// identifier that was pasted is one match as a whole.
    async fn highlights(&self, ctx: &Context<'_>) -> Result<Vec<Highlight>, Error> {
        let asked = MatchedTextsKey { hit: self.hit, query: Arc::clone(&self.query) };
        let entries = ctx.data_loader().load_one(asked).await?.unwrap_or_default();
        let mut highlights = highlight_identifier(ctx, self.hit, &self.query).await?;
        let mut marked: Vec<(usize, Highlight)> = Vec::new();
        for entry in entries.iter() {
            let pieces = self.query.highlight(&entry.text, &entry.stems);
            let matched = pieces.iter().filter(|(_, is_match)| *is_match).map(|(text, _)| text.len()).sum();
            if matched > 0 {
                let pieces = if entry.field.starts_with("abstract") { excerpt_around_matches(&pieces) } else { pieces };
                marked.push((matched, Highlight::new(&entry.field, &pieces)));
            }
        }
        // Entries come best first; what has more of the words goes before.
        let most = marked.iter().map(|(matched, _)| *matched).max().unwrap_or_default();
        marked.sort_by_key(|(matched, highlight)| (highlight.field.starts_with("abstract"), *matched * 2 < most));
        highlights.extend(marked.into_iter().map(|(_, highlight)| highlight));
        highlights.truncate(3);
        Ok(highlights)
    }
}

/// What stands around the matches of a long text.
fn excerpt_around_matches<'a>(pieces: &[(&'a str, bool)]) -> Vec<(&'a str, bool)> {
    const CONTEXT_CHARS: usize = 80;
    let mut shown: Vec<(&str, bool)> = Vec::new();
    for (index, (text, is_match)) in pieces.iter().enumerate() {
        if *is_match {
            shown.push((text, true));
            continue;
        }
        let is_short = text.chars().count() <= 2 * CONTEXT_CHARS;
        let (is_first, is_last) = (index == 0, index + 1 == pieces.len());
        if is_short && !is_first && !is_last {
            shown.push((text, false));
            continue;
        }
        if !is_first {
            shown.push((excerpt(text, CONTEXT_CHARS), false));
        }
        if !is_first && !is_last {
            shown.push((" … ", false));
        }
        if !is_last {
            let start = text.char_indices().rev().nth(CONTEXT_CHARS - 1).map_or(0, |(start, _)| start);
            let tail = text.get(start..).unwrap_or_default();
            // From a word on, where there is one.
            let tail = if start == 0 { tail } else { tail.split_once(' ').map_or(tail, |(_, rest)| rest) };
            shown.push((tail, false));
        }
        if shown.iter().filter(|(_, is_match)| *is_match).count() >= 5 {
            break;
        }
    }
    shown.retain(|(text, _)| !text.is_empty());
    shown
}

/// The identifier that was pasted, where this is its owner.
async fn highlight_identifier(ctx: &Context<'_>, hit: EntityRef, query: &Words) -> Result<Vec<Highlight>, Error> {
    let whole = |field: &str, value: &str| vec![Highlight::new(field, &[(value, true)])];
    for (field, value) in hit.kind.parse_identifiers(&query.text) {
        let held = match load_entity(ctx, hit).await? {
            Entity::Researcher(researcher) => researcher.0.orcid.clone(),
            Entity::Organization(organization) => organization.0.ror.clone(),
            Entity::Paper(paper) if field == "doi" => paper.0.doi.clone(),
            Entity::Paper(paper) => paper.0.arxiv_id.clone(),
            Entity::Topic(_) => None,
        };
        if held.as_deref() == Some(value.as_str()) {
            return Ok(whole(if field == "arxiv_id" { "arxivId" } else { field }, &value));
        }
    }
    Ok(Vec::new())
}

/// Where it matched, as plain text in pieces: nothing to escape, nothing to trust.
#[derive(SimpleObject)]
pub struct Highlight {
    /// What matched: `name`, `otherNames`, `label:fr`, `acronym`, `alias:de`, `title`, `abstract:en`, `orcid`, `ror`,
    /// `doi`, `arxivId`. After the colon stands the language of the text, where it is known.
    field: String,
    /// The text in pieces, in order; of an abstract only what is near the matches.
    segments: Vec<HighlightSegment>,
}

impl Highlight {
    fn new(field: &str, pieces: &[(&str, bool)]) -> Self {
        let segment =
            |(text, is_match): &(&str, bool)| HighlightSegment { text: (*text).to_owned(), is_match: *is_match };
        Self { field: field.to_owned(), segments: pieces.iter().map(segment).collect() }
    }
}

/// A piece of a text that matched.
#[derive(SimpleObject)]
pub struct HighlightSegment {
    /// The piece as it stands in the text, spaces included.
    text: String,
    /// Whether it is one of the words looked for.
    is_match: bool,
}

impl EagerResolve for SearchHit {
    fn collect_fields<'a>(_: &ContextSelectionSet<'a>) -> ServerResult<SelectedFields<'a>> {
        Ok(SelectedFields::default())
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
    type Row = EntityRef;
    // What was found is read by itself.
    const COLUMNS_BY_FIELD: &'static [FieldColumns] = &[];
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

/// Something that a typed text may be the beginning of.
pub struct Suggestion {
    entity: SuggestedEntity,
    query: Arc<Words>,
    languages: LanguagePreferences,
}

/// Something that a typed text may be the beginning of.
#[Object]
impl Suggestion {
    /// What it is.
    async fn node(&self) -> SearchHit {
        SearchHit(self.entity.hit)
    }

    /// The name to show, in the best language for the reader.
    async fn label(&self, ctx: &Context<'_>) -> Result<String, Error> {
        if self.entity.hit.kind == EntityType::Researcher && self.entity.is_display_name {
            return Ok(self.entity.text.clone());
        }
        self.load_display_name(ctx).await
    }

    /// What tells it from its namesakes: of a person the primary organization, else the latest paper; of an
    /// organization the city and country; of a topic the one above; of a paper the first author and the year. Where
    /// only another public name than the one shown begins as typed, that name comes first.
    async fn hint(&self, ctx: &Context<'_>) -> Result<Option<String>, Error> {
        // Both at once: names of several kinds come at several times, and each would ask for its own hints.
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

/// The part of the query that finds things by words.
#[derive(Default)]
pub struct SearchQuery;

#[Object]
impl SearchQuery {
    /// Ranked search over everything: people, organizations, topics and papers together.
    ///
    /// All words must be there, in any order and language. Accents, case, hyphens, apostrophes and the shape of letters
    /// (ß and ss, ø and o) do not matter; middle initials may be missing, and a single letter stands for a name that
    /// begins with it. A pasted ORCID iD, DOI, arXiv id or ROR id in any form finds its owner first. Titles and abstracts
    /// are found by the stems of their words too, where their language is known. Where fewer than 20 things match as
    /// typed (none, for more than three words), one or two typos are forgiven in a word of five letters or more, one in
    /// four letters, and the last word may be unfinished.
    ///
    /// The exact form comes first, then the same letters, the same words in another order, names that differ by
    /// initials, words among others; shown names before acronyms before other names; then the one with more papers.
    #[allow(clippy::too_many_arguments, reason = "the arguments of the schema")]
    async fn search(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "What to look for: at most 500 characters. Nothing is found where no letter or digit is in it."
        )]
        query: String,
        #[graphql(desc = "Among which kinds of things; all where absent, none where empty.")] kinds: Option<
            Vec<EntityKind>,
        >,
        #[graphql(desc = "So many from the start: 1 to 100, 20 where neither first nor last is given.")] first: Option<
            i32,
        >,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<String>,
        #[graphql(desc = "So many from the end: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what precedes this cursor.")] before: Option<String>,
    ) -> Result<SearchResultConnection, Error> {
        let query = parse_query("query", &query)?.unwrap_or_default();
        let list = SearchResults { query, kinds: distinct_entity_types(kinds) };
        load_connection(ctx, ParentKey::default(), list, PageArguments { first, after, last, before }).await
    }

    /// As-you-type suggestions: things with a name, title or label whose words begin with all that was typed, in any
    /// order. The whole name first, then names that begin so, then the best known. Accents and case do not matter;
    /// where nothing begins so, typos are forgiven. A beginning that hundreds share (of several words: thousands) is
    /// looked for among the best known until enough are found, and the others are left out: people and topics with most
    /// papers, organizations with most people, then papers with the shortest titles.
    async fn autocomplete(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What was typed so far: at most 500 characters.")] query: String,
        #[graphql(desc = "Among which kinds of things; all where absent, none where empty.")] kinds: Option<
            Vec<EntityKind>,
        >,
        #[graphql(desc = "In order of preference; the request's Accept-Language where absent.")] languages: Option<
            Vec<LanguageTag>,
        >,
        #[graphql(desc = "So many at most: 1 to 100.", default = 10)] first: i32,
    ) -> Result<Vec<Suggestion>, Error> {
        let most = ctx.limits().page.maximum_size;
        if !u32::try_from(first).is_ok_and(|first| (1..=most).contains(&first)) {
            return Err(Error::BadUserInput(format!("first is {first}; it can be 1 to {most}")));
        }
        let Some(query) = parse_query("query", &query)? else { return Ok(Vec::new()) };
        let languages = ctx.languages(languages);
        let suggested = ctx.store().suggest_entities(&query, &distinct_entity_types(kinds), first.into()).await?;
        let query = Arc::new(query);
        let suggestion =
            |suggested| Suggestion { entity: suggested, query: Arc::clone(&query), languages: languages.clone() };
        Ok(suggested.into_iter().map(suggestion).collect())
    }
}
