//! Stage 2: the client, to which limits apply.

use actix_web::HttpRequest;

use crate::http::AppState;
use crate::http::client_id::ClientId;
use crate::http::error::HttpError;
use crate::http::rate_limit::{QuotaExceeded, QuotaStatus, RateLimiter};

/// The client of a request.
pub(super) struct Client<'a> {
    pub(super) id: ClientId,
    state: &'a AppState,
    /// `None` if its requests are not rate limited.
    limiter: Option<&'a RateLimiter>,
}

impl Client<'_> {
    /// Whether its requests are rate limited.
    pub(super) fn is_limited(&self) -> bool {
        self.limiter.is_some()
    }

    /// Debits a cost from the client's quota, if it has one.
    pub(super) async fn debit(&self, cost: u32) -> Result<Option<QuotaStatus>, HttpError> {
        let Some(limiter) = self.limiter else { return Ok(None) };
        self.or_reject(limiter.debit(&self.id, cost).map(Some)).await
    }

    /// Debits the minimum cost, before the cost of the query is known.
    pub(super) async fn debit_minimum(&self) -> Result<Option<QuotaStatus>, HttpError> {
        let Some(limiter) = self.limiter else { return Ok(None) };
        self.or_reject(limiter.debit_minimum(&self.id).map(Some)).await
    }

    /// Debits the rest of a query's cost after the minimum cost.
    pub(super) async fn debit_rest(&self, cost: u32) -> Result<Option<QuotaStatus>, HttpError> {
        let Some(limiter) = self.limiter else { return Ok(None) };
        self.or_reject(limiter.debit_rest(&self.id, cost)).await
    }

    /// Waits before a rejection may be sent, if the client keeps being rejected.
    pub(super) async fn reject(&self, error: HttpError) -> HttpError {
        self.state.tarpit.delay(&self.id).await;
        error
    }

    async fn or_reject<T>(&self, debited: Result<T, QuotaExceeded>) -> Result<T, HttpError> {
        match debited {
            Ok(status) => Ok(status),
            Err(exceeded) => Err(self.reject(exceeded.to_http_error()).await),
        }
    }
}

/// The client by its token or address.
pub(super) fn client<'a>(http: &HttpRequest, state: &'a AppState) -> Client<'a> {
    known_client(state.clients.identify(http), state.clients.is_forwarded(http), state)
}

/// A client that has been identified, by whether a proxy forwarded its request.
pub(super) fn known_client(id: ClientId, is_forwarded: bool, state: &AppState) -> Client<'_> {
    let limiter = state.rate_limiter.as_ref().filter(|limiter| limiter.is_limited(is_forwarded));
    Client { id, state, limiter }
}

/// A client that has paid for what it requests.
pub(super) fn prepaid_client(id: ClientId, state: &AppState) -> Client<'_> {
    Client { id, state, limiter: None }
}
