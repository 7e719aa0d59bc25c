//! The addresses of entities: their pages in formats for machines, by suffix or by `Accept`, their linksets, and redirects
//! from IDs, identifiers, former slugs and addresses without a language.

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::stream;
use serde::de::DeserializeOwned;
use serde_json::{Value as Json, json};

use crate::citation::CitationFormat;
use crate::http::AppState;
use crate::http::content_negotiation::negotiate_among;
use crate::http::error::HttpError;
use crate::http::graphql_handler::accepted_languages;
use crate::http::graphql_handler::resource::{
    self, PrepaidQueries, ResourceRequest, begin, begin_without_etag, internal, weak_etag,
};
use crate::http::pages::{self, not_found};
use crate::linked_data::address::{Collection, Format, LANGUAGES, ResourceName};
use crate::linked_data::html;
use crate::linked_data::json_ld::{self, DocumentContext};
use crate::linked_data::queries::{
    self, Citations, EntityAddress, LinkedEntity, MoreAuthors, NodeAddress, PaperCitation,
};
use crate::linked_data::signposting::{self, LINKSET_MEDIA_TYPE};
use crate::model::global_id::{GlobalId, NodeKind};
use crate::model::language::AcceptedLanguages;
use crate::pages::language::Language;

/// Number of papers on a page of a list of citations.
const CITATIONS_PAGE: u64 = 100;

/// What an address answers with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Representation {
    Page,
    Document(Format),
}

/// Media types, each with what is sent for it. The first is that of clients without a preference.
const MEDIA_TYPES: [(&str, Representation); 7] = [
    ("text/html", Representation::Page),
    ("application/xhtml+xml", Representation::Page),
    ("application/ld+json", Representation::Document(Format::JsonLd)),
    ("application/x-bibtex", Representation::Document(Format::Bibtex)),
    ("text/x-bibtex", Representation::Document(Format::Bibtex)),
    ("application/x-research-info-systems", Representation::Document(Format::Ris)),
    ("application/vnd.citationstyles.csl+json", Representation::Document(Format::CslJson)),
];

/// `/{language}/{collection}/{name}`: an entity in a language.
pub async fn in_language(
    http: HttpRequest,
    state: Data<AppState>,
    path: Result<Path<(String, String, String)>, actix_web::Error>,
) -> HttpResponse {
    let Ok(path) = path else { return not_found(&http) };
    let (language, collection, name) = &*path;
    let Some(language) = LANGUAGES.into_iter().find(|known| known == language) else { return not_found(&http) };
    entity(&http, &state, Some(language), collection, name).await
}

/// `/{collection}/{name}`: an entity in the language of the client.
pub async fn in_any_language(
    http: HttpRequest,
    state: Data<AppState>,
    path: Result<Path<(String, String)>, actix_web::Error>,
) -> HttpResponse {
    let Ok(path) = path else { return not_found(&http) };
    let (collection, name) = &*path;
    entity(&http, &state, None, collection, name).await
}

/// `/linkset/{collection}/{slug}`: the links of an entity's page.
pub async fn linkset(
    http: HttpRequest,
    state: Data<AppState>,
    path: Result<Path<(String, String)>, actix_web::Error>,
) -> HttpResponse {
    let Ok(path) = path else { return not_found(&http) };
    let (collection, slug) = &*path;
    let Some(collection) = Collection::by_segment(collection).filter(|_| is_slug(slug)) else {
        return not_found(&http);
    };
    let languages = accepted_languages(&http);
    resource::respond(&http, &state, async |queries| {
        let mut entity = load_entity(queries, collection, slug, &languages).await?;
        if entity.slug() != *slug {
            return Ok(redirect(&http, &state, StatusCode::MOVED_PERMANENTLY, entity.slug()));
        }
        load_all_authors(queries, &mut entity, &languages).await?;
        let context = DocumentContext { addresses: &state.addresses, language: None };
        let body = signposting::linkset(context, &entity).to_string();
        Ok(respond_with(&http, &state, LINKSET_MEDIA_TYPE, body, None))
    })
    .await
}

/// `/id/{id}`: redirects to the entity. It is the identity of the entity in linked data.
pub async fn by_id(
    http: HttpRequest,
    state: Data<AppState>,
    path: Result<Path<String>, actix_web::Error>,
) -> HttpResponse {
    let id = path.ok().and_then(|id| id.parse::<GlobalId>().ok());
    let Some(id) = id.filter(|id| Collection::of(id.kind).is_some()) else { return not_found(&http) };
    resource::respond(&http, &state, async |queries| {
        let variables = json!({ "id": id.to_string() });
        let found: NodeAddress = find(queries, queries::ADDRESS, variables, &AcceptedLanguages::default()).await?;
        let collection = NodeKind::by_type_name(&found.type_name).and_then(Collection::of);
        let (Some(collection), Some(slug)) = (collection, found.slug) else { return Err(no_entity()) };
        Ok(redirect_to_entity(&http, &state, collection, &slug))
    })
    .await
}

/// `/orcid/{iD}`: redirects to the researcher.
pub async fn by_orcid(
    http: HttpRequest,
    state: Data<AppState>,
    path: Result<Path<String>, actix_web::Error>,
) -> HttpResponse {
    let Ok(orcid) = path else { return not_found(&http) };
    by_key(&http, &state, Collection::People, queries::RESEARCHER_ADDRESS, &json!({ "orcid": &*orcid })).await
}

/// `/ror/{id}`: redirects to the organization.
pub async fn by_ror(
    http: HttpRequest,
    state: Data<AppState>,
    path: Result<Path<String>, actix_web::Error>,
) -> HttpResponse {
    let Ok(ror) = path else { return not_found(&http) };
    by_key(&http, &state, Collection::Organizations, queries::ORGANIZATION_ADDRESS, &json!({ "ror": &*ror })).await
}

/// `/doi/{doi}`: redirects to the paper.
pub async fn by_doi(
    http: HttpRequest,
    state: Data<AppState>,
    path: Result<Path<String>, actix_web::Error>,
) -> HttpResponse {
    let Ok(doi) = path else { return not_found(&http) };
    by_key(&http, &state, Collection::Papers, queries::PAPER_ADDRESS, &json!({ "doi": &*doi })).await
}

async fn by_key(
    http: &HttpRequest,
    state: &AppState,
    collection: Collection,
    document: &str,
    key: &Json,
) -> HttpResponse {
    resource::respond(http, state, async |queries| {
        let variables = json!({ "by": key });
        let found: EntityAddress = find(queries, document, variables, &AcceptedLanguages::default()).await?;
        Ok(redirect_to_entity(http, state, collection, &found.slug))
    })
    .await
}

/// Answers for an entity, in a format or with its page.
async fn entity(
    http: &HttpRequest,
    state: &Data<AppState>,
    language: Option<&'static str>,
    collection: &str,
    name: &str,
) -> HttpResponse {
    let Some(collection) = Collection::by_segment(collection) else { return not_found(http) };
    let resource = ResourceName::parse(collection, name).filter(|name| is_slug(&name.slug));
    let Some(name) = resource else {
        return match language.and_then(Language::from_code) {
            Some(language) => {
                pages::respond(http, state, language, &format!("{}/{name}", collection.segment()), None).await
            }
            None => not_found(http),
        };
    };
    let languages = match language {
        Some(language) => AcceptedLanguages::parse(language),
        None => accepted_languages(http),
    };
    if let Some(response) = page_for_people(http, state, language, collection, &name).await {
        return response;
    }
    let request = EntityRequest { http, state, language, languages, collection, name };
    resource::respond(http, state, async |queries| request.respond(queries).await).await
}

/// The page for people; `None` if the client wants one of these, or pages are turned off.
async fn page_for_people(
    http: &HttpRequest,
    state: &AppState,
    language: Option<&str>,
    collection: Collection,
    name: &ResourceName,
) -> Option<HttpResponse> {
    let is_page = name.format.is_none() && negotiate(http, collection) == Some(Representation::Page);
    let code = language.filter(|_| is_page && state.pages.is_some())?;
    let path = format!("{}/{}", collection.segment(), name.slug);
    Some(pages::respond(http, state, Language::from_code(code)?, &path, Some(collection)).await)
}

struct EntityRequest<'a> {
    http: &'a HttpRequest,
    state: &'a Data<AppState>,
    /// The language of the address, if it has one.
    language: Option<&'static str>,
    /// The languages of texts.
    languages: AcceptedLanguages,
    collection: Collection,
    name: ResourceName,
}

impl EntityRequest<'_> {
    async fn respond(&self, queries: &mut ResourceRequest<'_>) -> Result<HttpResponse, HttpError> {
        let representation = match self.name.format {
            Some(format) => Representation::Document(format),
            None => self.negotiate()?,
        };
        match (representation, self.collection) {
            (Representation::Page, _) => match self.language {
                Some(_) => self.page(queries).await,
                None => {
                    queries.debit_minimum().await?;
                    Ok(redirect_to_page(self.http, self.state, self.collection, &self.name.slug))
                }
            },
            (Representation::Document(Format::JsonLd), _) => self.json_ld(queries).await,
            (Representation::Document(format), Collection::People) => {
                self.citations_of_all_papers(queries, queries::PERSON_CITATIONS, format).await
            }
            (Representation::Document(format), Collection::Organizations) => {
                self.citations_of_all_papers(queries, queries::ORGANIZATION_CITATIONS, format).await
            }
            (Representation::Document(format), _) => self.citation_of_paper(queries, format).await,
        }
    }

    fn negotiate(&self) -> Result<Representation, HttpError> {
        negotiate(self.http, self.collection).ok_or_else(|| {
            let media_types: Vec<_> = self.collection.formats().iter().map(|format| format.media_type()).collect();
            let message = format!("this is available as text/html, {}", media_types.join(", "));
            HttpError::new(StatusCode::NOT_ACCEPTABLE, "BAD_USER_INPUT", message)
        })
    }

    fn context(&self) -> DocumentContext<'_> {
        DocumentContext { addresses: &self.state.addresses, language: self.language }
    }

    /// Redirects from a former slug, or that of a merged entity; `None` if the slug is the current one.
    fn redirect_if_former(&self, slug: &str) -> Option<HttpResponse> {
        let location = self.name.with_slug(slug).to_string();
        (slug != self.name.slug).then(|| redirect(self.http, self.state, StatusCode::MOVED_PERMANENTLY, &location))
    }

    async fn page(&self, queries: &mut ResourceRequest<'_>) -> Result<HttpResponse, HttpError> {
        let entity = load_entity(queries, self.collection, &self.name.slug, &self.languages).await?;
        if let Some(redirect) = self.redirect_if_former(entity.slug()) {
            return Ok(redirect);
        }
        let context = self.context();
        let page = html::page(context, &entity, &json_ld::document(context, &entity));
        let link = signposting::header(context, &entity);
        let mut response = respond_with(self.http, self.state, html::MEDIA_TYPE, page, Some(link));
        let policy =
            HeaderValue::from_static("default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
        Ok(response)
    }

    async fn json_ld(&self, queries: &mut ResourceRequest<'_>) -> Result<HttpResponse, HttpError> {
        let mut entity = load_entity(queries, self.collection, &self.name.slug, &self.languages).await?;
        if let Some(redirect) = self.redirect_if_former(entity.slug()) {
            return Ok(redirect);
        }
        load_all_authors(queries, &mut entity, &self.languages).await?;
        let body = json_ld::document(self.context(), &entity).to_string();
        let link = signposting::document_header(self.context(), &entity);
        Ok(respond_with(self.http, self.state, Format::JsonLd.media_type(), body, Some(link)))
    }

    async fn citation_of_paper(
        &self,
        queries: &mut ResourceRequest<'_>,
        format: Format,
    ) -> Result<HttpResponse, HttpError> {
        let (citation_format, graphql_format) = citation_format(format)?;
        let variables = json!({ "by": { "slug": self.name.slug }, "format": graphql_format });
        let paper: PaperCitation = find(queries, queries::PAPER_CITATION, variables, &self.languages).await?;
        if let Some(redirect) = self.redirect_if_former(&paper.slug) {
            return Ok(redirect);
        }
        let (open, _, close) = citation_format.list_syntax();
        let body = format!("{open}{}{close}", paper.citation);
        Ok(respond_with(self.http, self.state, &content_type(format), body, None))
    }

    /// All papers of a person or an organization, newest first. A long list is sent while it is read.
    async fn citations_of_all_papers(
        &self,
        queries: &mut ResourceRequest<'_>,
        document: &'static str,
        format: Format,
    ) -> Result<HttpResponse, HttpError> {
        let (citation_format, graphql_format) = citation_format(format)?;
        let revision = self.state.store.known_revision().await;
        let variables = json!({ "by": { "slug": self.name.slug }, "format": graphql_format, "isFirst": true });
        let first: Citations = find(queries, document, variables, &self.languages).await?;
        if let Some(redirect) = self.redirect_if_former(&first.slug) {
            return Ok(redirect);
        }
        let syntax = citation_format.list_syntax();
        let mut text = syntax.0.to_owned();
        push_citations(&mut text, &first, syntax.1, true);
        let Some(next) = first.papers.page_info.next() else {
            text.push_str(syntax.2);
            return Ok(respond_with(self.http, self.state, &content_type(format), text, None));
        };
        // The rest is debited at once: a response that has begun cannot be rejected.
        let rest = first.papers.total_count.unwrap_or_default().saturating_sub(CITATIONS_PAGE);
        let cost = queries.cost().saturating_mul(rest.div_ceil(CITATIONS_PAGE));
        let prepaid = queries.prepay(self.state, &self.languages, cost).await?;
        let mut builder = match revision {
            // The whole content is not known yet, but it depends on nothing else.
            Some(revision) => {
                let determined_by =
                    [env!("CARGO_PKG_VERSION"), revision.id.as_str(), self.http.path(), format.extension()];
                match begin(self.http, self.state, &weak_etag(determined_by.join("\n"))) {
                    Ok(builder) => builder,
                    Err(not_modified) => return Ok(*not_modified),
                }
            }
            None => begin_without_etag(self.http, self.state, StatusCode::OK),
        };
        let pages = CitationPages {
            queries: prepaid,
            document,
            slug: first.slug.clone(),
            format: graphql_format,
            syntax,
            next: Some(next.to_owned()),
            text: Some(text),
        };
        Ok(builder.content_type(content_type(format)).streaming(stream::try_unfold(pages, CitationPages::next_chunk)))
    }
}

/// The rest of a list of citations.
struct CitationPages {
    queries: PrepaidQueries,
    document: &'static str,
    slug: String,
    format: &'static str,
    /// What stands before, between and after entries.
    syntax: (&'static str, &'static str, &'static str),
    /// The cursor of the next page; `None` after the last.
    next: Option<String>,
    /// What was read before, to be sent first.
    text: Option<String>,
}

impl CitationPages {
    /// Reads the next page. If that fails, the response breaks off.
    async fn next_chunk(mut self) -> Result<Option<(Bytes, Self)>, actix_web::Error> {
        if let Some(text) = self.text.take() {
            return Ok(Some((text.into(), self)));
        }
        let Some(after) = self.next.take() else { return Ok(None) };
        let variables = json!({ "by": { "slug": self.slug }, "format": self.format, "after": after, "isFirst": false });
        let page = async {
            let data = self.queries.data(self.document, variables).await?;
            parse::<Citations>(queries::only_field(data).ok_or_else(no_entity)?)
        };
        let page = page.await.map_err(|error| {
            tracing::warn!(reason = error.message, "a list of citations broke off");
            actix_web::error::ErrorInternalServerError(error.message)
        })?;
        let mut text = String::new();
        push_citations(&mut text, &page, self.syntax.1, false);
        self.next = page.papers.page_info.next().map(str::to_owned);
        if self.next.is_none() {
            text.push_str(self.syntax.2);
        }
        Ok(Some((text.into(), self)))
    }
}

fn push_citations(text: &mut String, page: &Citations, between: &str, is_first: bool) {
    for (index, paper) in page.papers.nodes.iter().enumerate() {
        if index > 0 || !is_first {
            text.push_str(between);
        }
        text.push_str(&paper.citation);
    }
}

/// What the client prefers of an entity; `None` if it accepts nothing of what there is.
fn negotiate(http: &HttpRequest, collection: Collection) -> Option<Representation> {
    let is_offered = |representation: Representation| match representation {
        Representation::Page => true,
        Representation::Document(format) => collection.formats().contains(&format),
    };
    let offers: Vec<_> = MEDIA_TYPES.into_iter().filter(|(_, offered)| is_offered(*offered)).collect();
    negotiate_among(http, &offers)
}

/// The citation format, and its name in GraphQL.
fn citation_format(format: Format) -> Result<(CitationFormat, &'static str), HttpError> {
    match format {
        Format::Bibtex => Ok((CitationFormat::Bibtex, "BIBTEX")),
        Format::Ris => Ok((CitationFormat::Ris, "RIS")),
        Format::CslJson => Ok((CitationFormat::CslJson, "CSL_JSON")),
        Format::JsonLd => Err(internal("JSON-LD is no citation format")),
    }
}

fn content_type(format: Format) -> String {
    match format {
        // JSON is always in UTF-8.
        Format::JsonLd | Format::CslJson => format.media_type().to_owned(),
        Format::Bibtex | Format::Ris => format!("{}; charset=utf-8", format.media_type()),
    }
}

/// Whether a text may be a slug, current or former.
fn is_slug(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn no_entity() -> HttpError {
    HttpError::new(StatusCode::NOT_FOUND, "NOT_FOUND", "the directory has no such entity")
}

fn parse<T: DeserializeOwned>(value: Json) -> Result<T, HttpError> {
    serde_json::from_value(value).map_err(|error| internal(&error.to_string()))
}

/// The only field of a query's result; an error if it is null.
async fn find<T: DeserializeOwned>(
    queries: &mut ResourceRequest<'_>,
    document: &str,
    variables: Json,
    languages: &AcceptedLanguages,
) -> Result<T, HttpError> {
    let data = queries.data(document, variables, languages).await?;
    parse(queries::only_field(data).ok_or_else(no_entity)?)
}

async fn load_entity(
    queries: &mut ResourceRequest<'_>,
    collection: Collection,
    slug: &str,
    languages: &AcceptedLanguages,
) -> Result<LinkedEntity, HttpError> {
    let variables = json!({ "by": { "slug": slug } });
    let value: Json = find(queries, queries::entity(collection), variables, languages).await?;
    LinkedEntity::from_json(collection, value).map_err(|error| internal(&error.to_string()))
}

/// Reads the authors of a paper that are not on the first page.
async fn load_all_authors(
    queries: &mut ResourceRequest<'_>,
    entity: &mut LinkedEntity,
    languages: &AcceptedLanguages,
) -> Result<(), HttpError> {
    let LinkedEntity::Paper(paper) = entity else { return Ok(()) };
    while let Some(after) = paper.authorships.page_info.next() {
        let variables = json!({ "id": paper.id, "after": after });
        let more: MoreAuthors = find(queries, queries::AUTHORS, variables, languages).await?;
        paper.authorships.nodes.extend(more.authorships.nodes);
        paper.authorships.page_info = more.authorships.page_info;
    }
    Ok(())
}

fn respond_with(
    http: &HttpRequest,
    state: &AppState,
    content_type: &str,
    body: String,
    link: Option<String>,
) -> HttpResponse {
    let mut builder = match begin(http, state, &weak_etag(&body)) {
        Ok(builder) => builder,
        Err(not_modified) => return *not_modified,
    };
    if let Some(link) = link {
        builder.insert_header((header::LINK, link));
    }
    builder.content_type(content_type).body(body)
}

/// Redirects to an address relative to that of the request, so that it also works below a path prefix of a proxy.
fn redirect(http: &HttpRequest, state: &AppState, status: StatusCode, location: &str) -> HttpResponse {
    begin_without_etag(http, state, status).insert_header((header::LOCATION, location)).finish()
}

/// The relative address of the root.
fn path_to_root(http: &HttpRequest) -> String {
    "../".repeat(http.path().matches('/').count().saturating_sub(1))
}

/// Redirects to the page of an entity in the language of the client.
fn redirect_to_page(http: &HttpRequest, state: &AppState, collection: Collection, slug: &str) -> HttpResponse {
    let language = pages::preferred_language(http, &state.default_language).code();
    let location = format!("{}{language}/{}/{slug}", path_to_root(http), collection.segment());
    let mut response = redirect(http, state, StatusCode::SEE_OTHER, &location);
    response.headers_mut().append(header::VARY, HeaderValue::from_static("Cookie"));
    response
}

/// Redirects from an identifier: to the page, or to the format that the client prefers.
fn redirect_to_entity(http: &HttpRequest, state: &AppState, collection: Collection, slug: &str) -> HttpResponse {
    match negotiate(http, collection) {
        Some(Representation::Document(format)) => {
            let name = ResourceName { slug: slug.to_owned(), format: Some(format) };
            let location = format!("{}{}/{name}", path_to_root(http), collection.segment());
            redirect(http, state, StatusCode::SEE_OTHER, &location)
        }
        Some(Representation::Page) | None => redirect_to_page(http, state, collection, slug),
    }
}
