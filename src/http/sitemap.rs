//! `/sitemap.xml`, its parts, and `/robots.txt`.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};

use crate::entity::{organization, paper, researcher, topic};
use crate::error::Error;
use crate::http::error::HttpError;
use crate::http::graphql_handler::resource::{self, ResourceRequest, begin, begin_without_etag, weak_etag};
use crate::http::{AppState, not_found};
use crate::linked_data::address::Collection;
use crate::linked_data::sitemap::{self, PART_IDS, Part, SitemapEntry};
use crate::model::change::ChangeKind;
use crate::store::Store;

const MEDIA_TYPE: &str = "application/xml; charset=utf-8";
/// The cost of the index: a statement for each kind of entity.
const INDEX_COST: u64 = 400;

/// `/robots.txt`.
pub async fn robots(http: HttpRequest, state: Data<AppState>) -> HttpResponse {
    let text = sitemap::robots(&state.addresses);
    match begin(&http, &state, &weak_etag(&text)) {
        Ok(mut builder) => builder.content_type("text/plain; charset=utf-8").body(text),
        Err(not_modified) => *not_modified,
    }
}

/// `/sitemap.xml`.
pub async fn index(http: HttpRequest, state: Data<AppState>) -> HttpResponse {
    respond(&http, &state, async |queries| {
        let (_permit, store) = queries.read_store(None, INDEX_COST).await?;
        let mut parts = Vec::new();
        for collection in Collection::ALL {
            let numbers = numbers_of_parts(&store, collection).await?;
            parts.extend(numbers.into_iter().map(|number| Part { collection, number }));
        }
        Ok(sitemap::index(&state.addresses, &parts))
    })
    .await
}

/// `/sitemap/{name}.xml`.
pub async fn part(
    http: HttpRequest,
    state: Data<AppState>,
    path: Result<Path<String>, actix_web::Error>,
) -> HttpResponse {
    let Some(part) = path.ok().and_then(|name| Part::parse(&name)) else { return not_found(&http) };
    respond(&http, &state, async |queries| {
        let cost = u64::try_from(PART_IDS).unwrap_or_default();
        let (_permit, store) = queries.read_store(None, cost).await?;
        let entries = entries_of_part(&store, part).await?;
        if entries.is_empty() {
            return Err(HttpError::new(StatusCode::NOT_FOUND, "NOT_FOUND", "the sitemap has no such part"));
        }
        Ok(sitemap::part(&state.addresses, part.collection, &entries))
    })
    .await
}

/// Responds with XML, unless the client has what was rendered from the same revision of the directory.
async fn respond(
    http: &HttpRequest,
    state: &Data<AppState>,
    render: impl AsyncFnOnce(&mut ResourceRequest<'_>) -> Result<String, HttpError>,
) -> HttpResponse {
    resource::respond(http, state, async |queries| {
        let revision = state.store.known_revision().await;
        let mut builder = match revision {
            Some(revision) => {
                let determined_by = [env!("CARGO_PKG_VERSION"), revision.id.as_str(), http.path()];
                match begin(http, state, &weak_etag(determined_by.join("\n"))) {
                    Ok(builder) => builder,
                    Err(not_modified) => {
                        queries.debit_minimum().await?;
                        return Ok(*not_modified);
                    }
                }
            }
            None => begin_without_etag(http, state, StatusCode::OK),
        };
        let xml = tokio::time::timeout(state.request_timeout, render(queries));
        let xml = xml.await.map_err(|_| HttpError::timeout(state.request_timeout))??;
        Ok(builder.content_type(MEDIA_TYPE).body(xml))
    })
    .await
}

async fn numbers_of_parts(store: &Store, collection: Collection) -> Result<Vec<i64>, Error> {
    match collection {
        Collection::People => store.parts_with_rows::<researcher::Model>(PART_IDS).await,
        Collection::Organizations => store.parts_with_rows::<organization::Model>(PART_IDS).await,
        Collection::Topics => store.parts_with_rows::<topic::Model>(PART_IDS).await,
        Collection::Papers => store.parts_with_rows::<paper::Model>(PART_IDS).await,
    }
}

async fn entries_of_part(store: &Store, part: Part) -> Result<Vec<SitemapEntry>, Error> {
    let (after, last) = part.row_ids();
    let rows = match part.collection {
        Collection::People => store.slugs_between::<researcher::Model>(ChangeKind::Researcher, after, last).await?,
        Collection::Organizations => {
            store.slugs_between::<organization::Model>(ChangeKind::Organization, after, last).await?
        }
        Collection::Topics => store.slugs_between::<topic::Model>(ChangeKind::Topic, after, last).await?,
        Collection::Papers => store.slugs_between::<paper::Model>(ChangeKind::Paper, after, last).await?,
    };
    Ok(rows.into_iter().map(|row| SitemapEntry { slug: row.slug, changed_at: row.changed_at }).collect())
}
