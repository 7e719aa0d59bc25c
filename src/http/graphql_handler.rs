//! `/graphql`: GraphQL over HTTP. A request passes through one stage after the other:
//!
//! 1. [`extract`]: method, media type and parameters
//! 2. [`identify`]: the client, for its limits
//! 3. [`cache`]: the response cache; a hit debits its cost from the rate limit and ends here
//! 4. [`limits`]: rate limit, admission and query limits
//! 5. [`execute`]: execution of the query
//! 6. [`encode`]: status, headers and body of the response
//! 7. [`record`]: log line, metrics and trace span
//!
//! [`run`] lists the stages in order. Each receives what the stages before it returned.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use async_graphql::parser::types::OperationType;
use tracing::Instrument as _;

use self::cache::Lookup;
use self::extract::ExtractedRequest;
pub(super) use self::extract::POSITION_HEADER;
use self::limits::CheckedQuery;
use self::record::{Recorder, RequestLog};
use crate::http::error::HttpError;
use crate::http::{AppState, redirect_see_other};

mod cache;
mod encode;
mod execute;
mod extract;
mod identify;
mod limits;
mod record;

/// The methods of `/graphql`.
pub(super) const ALLOWED_METHODS: &str = "GET, HEAD, POST, OPTIONS";

/// Handles `POST /graphql`.
pub async fn post(http: HttpRequest, state: Data<AppState>, payload: Payload) -> HttpResponse {
    respond(&http, &state, extract::from_body(&http, payload, &state)).await
}

/// Handles `GET /graphql`, and HEAD in the same way. A browser that opens the URL without a query is redirected to GraphiQL.
pub async fn get(http: HttpRequest, state: Data<AppState>) -> HttpResponse {
    if http.query_string().is_empty() && extract::accepts_html(&http) {
        return redirect_see_other("graphiql");
    }
    respond(&http, &state, std::future::ready(extract::from_query_string(&http))).await
}

/// Rejects any other method with 405.
pub async fn method_not_allowed(http: HttpRequest, state: Data<AppState>) -> HttpResponse {
    let error = HttpError::method_not_allowed(ALLOWED_METHODS, "method not allowed; send the query by POST or GET");
    respond(&http, &state, std::future::ready(Err(error))).await
}

/// Runs the stages and records the outcome, also if the client disconnects meanwhile.
async fn respond(
    http: &HttpRequest,
    state: &AppState,
    extracted: impl Future<Output = Result<ExtractedRequest, HttpError>>,
) -> HttpResponse {
    let mut recorder = Recorder::start(http, state);
    let span = recorder.span();
    let result = run(http, state, extracted, &mut recorder.log).instrument(span).await;
    recorder.finish(result)
}

/// Runs the stages from extraction to encoding.
async fn run(
    http: &HttpRequest,
    state: &AppState,
    extracted: impl Future<Output = Result<ExtractedRequest, HttpError>>,
    log: &mut RequestLog,
) -> Result<HttpResponse, HttpError> {
    let ExtractedRequest { media_type, params } = extracted.await?;
    let client = identify::client(http, state);
    let params = params.parse(http).map_err(|reason| HttpError::bad_request("BAD_USER_INPUT", reason));
    let request = match params.and_then(|params| extract::operation(http, state, params)) {
        Ok(request) => request,
        Err(error) => {
            limits::debit_minimum(&client, log).await?;
            return Err(error);
        }
    };
    let reply = encode::Reply { http, state, media_type, is_by_id: request.is_by_id };

    let found = match cache::look_up(state, &request, log).await {
        Ok(found) => found,
        Err(error) => {
            limits::debit_minimum(&client, log).await?;
            return Err(error);
        }
    };
    let key = match found {
        Lookup::Hit(cached) => {
            log.set_operation(Some(OperationType::Query), cached.operation_name.as_deref(), cached.cost);
            limits::debit(&client, cached.cost.total(), log).await?;
            return reply.cached(&cached, log);
        }
        Lookup::Miss(key) => key,
    };

    limits::debit_minimum(&client, log).await?;
    let _permit = limits::admit(&client, state).await?;
    let (cost_report, min_position) = (request.cost_report, request.min_position);
    let (query, persisted) = request.into_query();
    let checked = match limits::check_query(http, state, query)? {
        Ok(checked) => checked,
        Err(rejected) => return reply.rejected(rejected, log),
    };
    let CheckedQuery { prepared, operation } = checked;
    log.set_operation(operation.operation_type, operation.name.as_deref(), operation.cost);
    if cost_report.is_dry_run() {
        return reply.cost_only(operation.cost, log);
    }
    limits::debit_rest(&client, operation.cost.total(), log).await?;

    let reserved = cache::reserve(state, key, &operation, min_position, log).await?;
    let response = execute::run(state, prepared, operation.cost, cost_report, reserved.store, log).await?;
    if response.is_executed {
        persisted.register(state);
    }
    let http_response = reply.executed(&response, log)?;
    cache::insert(state, reserved.entry, &response, operation);
    Ok(http_response)
}
