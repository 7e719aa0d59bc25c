//! Stage 2: the client that a rate limit applies to.

use actix_web::HttpRequest;

use crate::http::AppState;
use crate::http::error::HttpError;
use crate::http::rate_limit::{ClientId, QuotaStatus, RateLimiter};

/// A client whose requests are rate limited.
pub(super) struct RateLimitedClient<'a> {
    limiter: &'a RateLimiter,
    id: ClientId,
}

impl RateLimitedClient<'_> {
    /// Debits a cost from the client's quota.
    pub(super) fn debit(&self, cost: u32) -> Result<QuotaStatus, HttpError> {
        self.limiter.debit(&self.id, cost).map_err(|exceeded| exceeded.to_http_error())
    }
}

/// The client by its token or address; `None` if there is no rate limit.
pub(super) fn client<'a>(http: &HttpRequest, state: &'a AppState) -> Option<RateLimitedClient<'a>> {
    let (limiter, peer) = state.rate_limiter.as_ref().zip(http.peer_addr())?;
    Some(RateLimitedClient { limiter, id: limiter.identify_client(peer.ip(), http.headers()) })
}
