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
use crate::graphql::connection::{Connection, Shown, connection};
use crate::graphql::context::State;
use crate::graphql::engine::eager_resolver::{AtOnce, Begun, Partly, Resolved, Selected};
use crate::graphql::engine::lookahead::{FieldReads, Reads};
use crate::graphql::inputs::localized_string::LocalizedString;
use crate::graphql::types::node::Entity;
use crate::graphql::types::organization::Organization;
use crate::graphql::types::paper::Paper;
use crate::graphql::types::researcher::Researcher;
use crate::graphql::types::topic::Topic;
use crate::model::language::{LanguageTag, Languages};
use crate::store::reader::cursor::PageArguments;
use crate::store::reader::lookup::ById;
use crate::store::reader::page::{Parent, Row};
use crate::store::reader::search::{self as store, EntriesOf, HintOf, Hit, Kind, Search, Suggested};
use crate::text::excerpt::excerpt;
use crate::text::tokenizer::Query as Words;

/// The longest text that can be looked for, in characters.
const LONGEST_QUERY: usize = 500;

/// A typed text as a search takes it; none where it is only white space.
///
/// # Errors
/// Where it is too long.
pub fn typed(field: &str, text: &str) -> Result<Option<Words>, Error> {
    let length = text.chars().count();
    if length > LONGEST_QUERY {
        let message = format!(
            "{field} has {length} characters; it takes at most {LONGEST_QUERY}: a name, a title or a few words will do"
        );
        return Err(Error::limit("queryCharacters", length, LONGEST_QUERY, message));
    }
    Ok(Words::new(text))
}

/// What a filter looks for; nothing where it is absent or only white space.
///
/// # Errors
/// Where it is too long.
pub fn looked_for(field: &str, text: Option<String>) -> Result<Option<Words>, Error> {
    text.map_or(Ok(None), |text| typed(field, &text))
}

/// What can be found.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "Kind")]
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

fn kinds_of(kinds: Option<Vec<EntityKind>>) -> Vec<Kind> {
    let mut kinds: Vec<Kind> =
        kinds.map_or_else(|| Kind::ALL.to_vec(), |kinds| kinds.into_iter().map(Into::into).collect());
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

/// Reads what was found.
async fn entity(state: &impl State, hit: Hit) -> Result<Entity, Error> {
    let loaders = state.loaders();
    let found = match hit.kind {
        Kind::Researcher => {
            loaders.load_one(ById::new(hit.id)).await?.map(|model| Entity::Researcher(Researcher(model)))
        }
        Kind::Organization => {
            loaders.load_one(ById::new(hit.id)).await?.map(|model| Entity::Organization(Organization(model)))
        }
        Kind::Topic => loaders.load_one(ById::new(hit.id)).await?.map(|model| Entity::Topic(Topic(model))),
        Kind::Paper => loaders.load_one(ById::new(hit.id)).await?.map(|model| Entity::Paper(Paper(model))),
    };
    found.ok_or_else(|| Error::BadUserInput("what was found is gone since; ask again".to_owned()))
}

/// Something found, read when it is shown.
pub struct Found(Hit);

impl From<Arc<Hit>> for Found {
    fn from(hit: Arc<Hit>) -> Self {
        Self(*hit)
    }
}

impl OutputType for Found {
    fn type_name() -> Cow<'static, str> {
        <Entity as OutputType>::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        <Entity as OutputType>::create_type_info(registry)
    }

    async fn resolve(&self, ctx: &ContextSelectionSet<'_>, field: &Positioned<Field>) -> ServerResult<Value> {
        let entity = entity(ctx, self.0)
            .await
            .map_err(|error| async_graphql::Error::from(error).into_server_error(field.pos))?;
        match entity {
            Entity::Researcher(found) => AtOnce(found).resolve(ctx, field).await,
            Entity::Organization(found) => AtOnce(found).resolve(ctx, field).await,
            Entity::Topic(found) => AtOnce(found).resolve(ctx, field).await,
            Entity::Paper(found) => AtOnce(found).resolve(ctx, field).await,
        }
    }
}

/// A page of what was found.
pub type SearchResultConnection = AtOnce<Connection<Search>>;

/// Why it was found.
pub struct SearchResultFields {
    hit: Hit,
    query: Arc<Words>,
}

/// Why it was found.
#[Object]
impl SearchResultFields {
    /// Where it matched, best first, at most three; nothing where only a name matched that is not to be shown. An
    /// identifier that was pasted is one match as a whole.
    async fn highlights(&self, ctx: &Context<'_>) -> Result<Vec<Highlight>, Error> {
        let asked = EntriesOf { hit: self.hit, query: Arc::clone(&self.query) };
        let entries = ctx.loaders().load_one(asked).await?.unwrap_or_default();
        let mut highlights = identifier_highlights(ctx, self.hit, &self.query).await?;
        let mut marked: Vec<(usize, Highlight)> = Vec::new();
        for entry in entries.iter() {
            let pieces = self.query.mark(&entry.text, &entry.stems);
            let matched = pieces.iter().filter(|(_, is_match)| *is_match).map(|(text, _)| text.len()).sum();
            if matched > 0 {
                let pieces = if entry.field.starts_with("abstract") { around(&pieces) } else { pieces };
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
fn around<'a>(pieces: &[(&'a str, bool)]) -> Vec<(&'a str, bool)> {
    const BESIDE: usize = 80;
    let mut shown: Vec<(&str, bool)> = Vec::new();
    for (index, (text, is_match)) in pieces.iter().enumerate() {
        if *is_match {
            shown.push((text, true));
            continue;
        }
        let is_short = text.chars().count() <= 2 * BESIDE;
        let (is_first, is_last) = (index == 0, index + 1 == pieces.len());
        if is_short && !is_first && !is_last {
            shown.push((text, false));
            continue;
        }
        if !is_first {
            shown.push((excerpt(text, BESIDE), false));
        }
        if !is_first && !is_last {
            shown.push((" … ", false));
        }
        if !is_last {
            let start = text.char_indices().rev().nth(BESIDE - 1).map_or(0, |(start, _)| start);
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
async fn identifier_highlights(ctx: &Context<'_>, hit: Hit, query: &Words) -> Result<Vec<Highlight>, Error> {
    let whole = |field: &str, value: &str| vec![Highlight::new(field, &[(value, true)])];
    for (field, value) in hit.kind.identifiers(&query.text) {
        let held = match entity(ctx, hit).await? {
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

impl Resolved for Found {
    fn selected<'a>(_: &ContextSelectionSet<'a>) -> ServerResult<Selected<'a>> {
        Ok(Selected::default())
    }

    fn begin<'a>(&self, _: &ContextSelectionSet<'a>, _: &Selected<'a>, _: &mut Vec<u8>, _: &mut Task<'_>) -> Begun<'a> {
        Begun::Waits(Partly::default())
    }

    async fn finish<'a>(
        &'a self,
        ctx: &'a ContextSelectionSet<'a>,
        field: &'a Positioned<Field>,
        _: &'a Selected<'a>,
        _: Partly<'a>,
    ) -> ServerResult<Value> {
        self.resolve(ctx, field).await
    }
}

impl Reads for Found {
    type Row = Hit;
    // What was found is read by itself.
    const FIELDS: &'static [FieldReads] = &[];
}

impl Shown for Search {
    const NAME: &'static str = "SearchResult";
    type Shown = Found;
    type Fields = SearchResultFields;
    type Facets = EmptyFields;

    fn fields(_: Parent, list: &Arc<Self>, row: &Row<Self>, _: &Self::Edge) -> Self::Fields {
        SearchResultFields { hit: *row.node, query: Arc::new(list.query.clone()) }
    }
}

/// Something that a typed text may be the beginning of.
pub struct Suggestion {
    suggested: Suggested,
    query: Arc<Words>,
    languages: Languages,
}

/// Something that a typed text may be the beginning of.
#[Object]
impl Suggestion {
    /// What it is.
    async fn node(&self) -> Found {
        Found(self.suggested.hit)
    }

    /// The name to show, in the best language for the reader.
    async fn label(&self, ctx: &Context<'_>) -> Result<String, Error> {
        if self.suggested.hit.kind == Kind::Researcher && self.suggested.is_shown_name {
            return Ok(self.suggested.text.clone());
        }
        self.name(ctx).await
    }

    /// What tells it from its namesakes: of a person the primary organization, else the latest paper; of an
    /// organization the city and country; of a topic the one above; of a paper the first author and the year. Where
    /// only another public name than the one shown begins as typed, that name comes first.
    async fn hint(&self, ctx: &Context<'_>) -> Result<Option<String>, Error> {
        // Both at once: names of several kinds come at several times, and each would ask for its own hints.
        let hint = ctx.loaders().load_one(HintOf(self.suggested.hit));
        let (name, hint) = try_join(self.name(ctx), hint).await?;
        let mut parts = Vec::new();
        if !self.query.begins_words_of(&name) && self.suggested.text != name {
            parts.push(self.suggested.text.clone());
        }
        if let Some(hint) = hint {
            parts.extend(told(&hint, self.suggested.hit.kind, &self.languages));
        }
        Ok((!parts.is_empty()).then(|| parts.join(" · ")))
    }
}

fn told(hint: &store::Hint, kind: Kind, languages: &Languages) -> Option<String> {
    let names = hint.names.as_ref().and_then(|names| LocalizedString::best(names, languages)).map(|name| name.value);
    let text = match (&hint.text, kind) {
        (Some(author), Kind::Paper) if hint.author_count > 1 => Some(format!("{author} et al.")),
        (text, _) => text.clone(),
    };
    let parts: Vec<String> = names.into_iter().chain(text).chain(hint.more.clone()).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

impl Suggestion {
    async fn name(&self, ctx: &Context<'_>) -> Result<String, Error> {
        Ok(match entity(ctx, self.suggested.hit).await? {
            Entity::Researcher(researcher) => researcher.0.display_name.clone(),
            Entity::Organization(organization) => organization.in_languages(&self.languages).value,
            Entity::Topic(topic) => topic.in_languages(&self.languages).value,
            Entity::Paper(paper) => paper.in_languages(&self.languages).value,
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
        let query = typed("query", &query)?.unwrap_or_default();
        let list = Search { query, kinds: kinds_of(kinds) };
        connection(ctx, Parent::default(), list, PageArguments { first, after, last, before }).await
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
        let Some(query) = typed("query", &query)? else { return Ok(Vec::new()) };
        let languages = ctx.languages(languages);
        let suggested = ctx.store().suggestions(&query, &kinds_of(kinds), first.into()).await?;
        let query = Arc::new(query);
        let suggestion = |suggested| Suggestion { suggested, query: Arc::clone(&query), languages: languages.clone() };
        Ok(suggested.into_iter().map(suggestion).collect())
    }
}
