//! `/oai`: OAI-PMH 2.0 for harvesters. Its requests have the same limits as queries, in the same unit of cost.

use std::sync::Arc;

use actix_web::http::header::{self, ETag, EntityTag};
use actix_web::http::{Method, StatusCode};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use chrono::Utc;
use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};

use crate::graphql::limits::query_cost::QueryCost;
use crate::harvest::protocol::{Arguments, OaiError, OaiRequest};
use crate::harvest::{self, Response};
use crate::http::error::HttpError;
use crate::http::graphql_handler::read_body;
use crate::http::graphql_handler::resource::{self, ResourceRequest};
use crate::http::{AppState, conditional, is_read};

/// The protocol requires this type rather than `application/xml`.
const CONTENT_TYPE: &str = "text/xml; charset=utf-8";
const FORM_TYPE: &str = "application/x-www-form-urlencoded";

/// Handles `GET /oai`, and HEAD in the same way.
pub async fn get(http: HttpRequest, state: Data<AppState>) -> HttpResponse {
    resource::respond(&http, &state, async |request| answer(&http, &state, request, parse(&http, &[])).await).await
}

/// Handles `POST /oai`, with the arguments in the body.
pub async fn post(http: HttpRequest, state: Data<AppState>, payload: Payload) -> HttpResponse {
    resource::respond(&http, &state, async |request| {
        check_content_type(&http)?;
        let body = read_body(&http, payload, state.limits.body_bytes, state.body_timeout).await?;
        answer(&http, &state, request, parse(&http, &body)).await
    })
    .await
}

/// The arguments in the query string and the body.
fn parse(http: &HttpRequest, body: &[u8]) -> Arguments {
    let sent = [http.query_string().as_bytes(), body];
    Arguments(sent.into_iter().flat_map(|part| url::form_urlencoded::parse(part).into_owned()).collect())
}

fn check_content_type(http: &HttpRequest) -> Result<(), HttpError> {
    let header = http.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = header.and_then(|value| value.parse::<mime::Mime>().ok());
    if media_type.is_some_and(|media_type| media_type.essence_str() == FORM_TYPE) {
        return Ok(());
    }
    let message = format!("unsupported Content-Type; send the arguments as {FORM_TYPE}");
    Err(HttpError::unsupported_media_type(message))
}

async fn answer(
    http: &HttpRequest,
    state: &AppState,
    request: &mut ResourceRequest<'_>,
    arguments: Arguments,
) -> Result<HttpResponse, HttpError> {
    let parsed = arguments.parse();
    let name = Some(operation_name(&parsed));
    let first = QueryCost { statements: harvest::prepared_statements(&parsed), ..QueryCost::default() };
    let (_permit, store) = request.read_store(name, first.total()).await.map_err(for_harvesters)?;
    let repository = Arc::clone(&state.repository);
    let prepare = {
        let (store, repository) = (store.clone(), Arc::clone(&repository));
        async move { harvest::prepare(&store, &repository, parsed, Utc::now()).await }
    };
    let prepared = request.execute(prepare).await?;
    request.debit(name, prepared.cost()).await.map_err(for_harvesters)?;
    let write = async move { prepared.write(&store, &repository, &arguments).await };
    let response = request.execute(write).await?;
    Ok(encode(http, response))
}

/// The name of an operation in logs and metrics.
fn operation_name(request: &Result<OaiRequest, OaiError>) -> &'static str {
    match request {
        Err(_) => "OAI-PMH error",
        Ok(OaiRequest::Identify) => "OAI-PMH Identify",
        Ok(OaiRequest::ListMetadataFormats(_)) => "OAI-PMH ListMetadataFormats",
        Ok(OaiRequest::ListSets(_)) => "OAI-PMH ListSets",
        Ok(OaiRequest::GetRecord { .. }) => "OAI-PMH GetRecord",
        Ok(OaiRequest::List(harvest::protocol::ListKind::Identifiers, _)) => "OAI-PMH ListIdentifiers",
        Ok(OaiRequest::List(harvest::protocol::ListKind::Records, _)) => "OAI-PMH ListRecords",
    }
}

/// Harvesters know 503 with `Retry-After` as the request to slow down (section 3.1.2.2 of the protocol), and take 429 for a
/// failure.
fn for_harvesters(error: HttpError) -> HttpError {
    if error.status == StatusCode::TOO_MANY_REQUESTS
        && error.headers.iter().any(|(name, _)| name == header::RETRY_AFTER)
    {
        return HttpError { status: StatusCode::SERVICE_UNAVAILABLE, ..error };
    }
    error
}

/// The response. Its ETag does not depend on its date: an older date is valid as long as the rest is the same.
fn encode(http: &HttpRequest, response: Response) -> HttpResponse {
    let mut builder = HttpResponse::Ok();
    builder.content_type(CONTENT_TYPE);
    if is_read(http) && response.error.is_none() {
        // Weak: the same for every content encoding.
        let etag = EntityTag::new_weak(HEXLOWER.encode(&Sha256::digest(&response.body)[..16]));
        builder.insert_header(ETag(etag.clone())).insert_header((header::CACHE_CONTROL, "private, no-cache"));
        if conditional::is_not_modified(http, &etag) {
            return builder.status(StatusCode::NOT_MODIFIED).finish();
        }
    } else if *http.method() == Method::POST || response.error.is_some() {
        builder.insert_header((header::CACHE_CONTROL, "no-store"));
    }
    let Response { head: mut document, body, .. } = response;
    document.extend_from_slice(&body);
    builder.body(document)
}
