//! Rate limits: query cost per minute and client.
//!
//! Each client has a token bucket that holds one minute's quota and refills continuously (generic cell rate algorithm). The
//! headers are those of draft-ietf-httpapi-ratelimit-headers-10; `q` and `r` are cost, not requests.

use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use governor::clock::{Clock, DefaultClock};
use governor::middleware::{StateInformationMiddleware, StateSnapshot};
use governor::nanos::Nanos;
use governor::state::keyed::ShrinkableKeyedStateStore;
use governor::state::{InMemoryState, NotKeyed, StateStore};
use governor::{NotUntil, Quota};
use sha2::{Digest as _, Sha256};

use crate::config::{RateLimits, TokenQuota};
use crate::http::client_address::{TrustedProxies, client_prefix};
use crate::http::error::HttpError;

/// Minimum cost of a request, also of one that is invalid or not executed: the cost of one SQL statement.
pub const MIN_REQUEST_COST: u64 = 100;
/// Maximum number of addresses with their own bucket; the rest share one. An entry takes about 50 bytes.
const MAX_ADDRESSES: usize = 100_000;
/// Number of debits after which full buckets are evicted.
const DEBITS_BETWEEN_EVICTIONS: u32 = 1_000;
const WINDOW: Duration = Duration::from_secs(60);

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// The client that a rate limit applies to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ClientId {
    /// A client with a configured token, by its index in the settings.
    Token(usize),
    /// Any other client, by IPv4 address or IPv6 /64.
    Address(IpAddr),
}

/// The state of a client's quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuotaStatus {
    policy: &'static str,
    quota: u32,
    remaining: u32,
    /// Time until the quota is full again.
    reset: Duration,
}

/// The cost of a query exceeds the client's remaining quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuotaExceeded {
    status: QuotaStatus,
    cost: u32,
    /// Time until the query would pass; `None` if its cost exceeds the whole quota.
    wait: Option<Duration>,
}

/// The token buckets of all clients.
pub struct RateLimiter<C: Clock = DefaultClock> {
    addresses: governor::RateLimiter<IpAddr, AddressBuckets, C, StateInformationMiddleware>,
    quota: NonZeroU32,
    tokens: Vec<(TokenQuota, TokenBucket<C>)>,
    proxies: TrustedProxies,
    debits: AtomicU32,
    clock: C,
}

type TokenBucket<C> = governor::RateLimiter<NotKeyed, InMemoryState, C, StateInformationMiddleware>;

impl RateLimiter {
    /// A rate limiter; `None` if rate limiting is off.
    #[must_use]
    pub fn new(limits: RateLimits) -> Option<Self> {
        Self::with_clock(limits, DefaultClock::default(), MAX_ADDRESSES)
    }
}

impl<C: Clock + Clone> RateLimiter<C> {
    fn with_clock(limits: RateLimits, clock: C, max_addresses: usize) -> Option<Self> {
        let quota = limits.cost_per_minute?;
        let addresses = AddressBuckets::new(max_addresses);
        let tokens = limits.tokens.into_iter().map(|token| {
            let bucket = governor::RateLimiter::new(
                Quota::per_minute(token.cost_per_minute),
                InMemoryState::default(),
                clock.clone(),
            );
            (token, bucket)
        });
        Some(Self {
            tokens: tokens.collect(),
            addresses: governor::RateLimiter::new(Quota::per_minute(quota), addresses, clock.clone()),
            quota,
            proxies: TrustedProxies::new(limits.proxies),
            debits: AtomicU32::new(0),
            clock,
        })
    }

    /// The client of a request from this peer, by its token or address. An unknown token is ignored.
    #[must_use]
    pub fn identify_client(&self, peer: IpAddr, headers: &HeaderMap) -> ClientId {
        let token = headers.get(header::AUTHORIZATION).and_then(bearer_token);
        let known = token.and_then(|token| {
            let digest: [u8; 32] = Sha256::digest(token).into();
            self.tokens.iter().position(|(known, _)| known.digest == digest)
        });
        match known {
            Some(number) => ClientId::Token(number),
            None => ClientId::Address(client_prefix(self.proxies.client_address(peer, headers))),
        }
    }

    /// The configured name of the client's token, for the log.
    #[must_use]
    pub fn token_name(&self, client: &ClientId) -> Option<&str> {
        match client {
            ClientId::Token(number) => self.tokens.get(*number).map(|(token, _)| token.name.as_str()),
            ClientId::Address(_) => None,
        }
    }

    /// Debits a query's cost, at least 1, from the client's quota. A debit that fails changes nothing.
    ///
    /// # Errors
    /// If the cost exceeds the remaining quota.
    pub fn debit(&self, client: &ClientId, cost: u32) -> Result<QuotaStatus, QuotaExceeded> {
        if self.debits.fetch_add(1, Ordering::Relaxed) % DEBITS_BETWEEN_EVICTIONS == DEBITS_BETWEEN_EVICTIONS - 1 {
            self.addresses.retain_recent();
        }
        let cells = NonZeroU32::new(cost).unwrap_or(NonZeroU32::MIN);
        let (policy, quota, charged) = match client {
            ClientId::Address(address) => ("address", self.quota, self.addresses.check_key_n(address, cells)),
            ClientId::Token(number) => match self.tokens.get(*number) {
                Some((token, bucket)) => ("token", token.cost_per_minute, bucket.check_n(cells)),
                // The index is of another limiter's settings.
                None => return self.debit(&ClientId::Address(IpAddr::from([0; 4])), cost),
            },
        };
        match charged {
            Ok(Ok(state)) => Ok(QuotaStatus::from_snapshot(policy, quota, &state)),
            Ok(Err(not_until)) => Err(self.exceeded(policy, quota, cells, &not_until)),
            Err(_) => {
                let status = QuotaStatus { policy, quota: quota.get(), remaining: quota.get(), reset: Duration::ZERO };
                Err(QuotaExceeded { status, cost: cells.get(), wait: None })
            }
        }
    }

    fn exceeded(
        &self,
        policy: &'static str,
        quota: NonZeroU32,
        cost: NonZeroU32,
        not_until: &NotUntil<C::Instant>,
    ) -> QuotaExceeded {
        let wait = not_until.wait_time_from(self.clock.now());
        // The missing part refills during the wait.
        let missing = wait.as_secs_f64() / WINDOW.as_secs_f64() * f64::from(quota.get());
        let remaining = (f64::from(cost.get()) - missing).max(0.0) as u32;
        QuotaExceeded { status: QuotaStatus::new(policy, quota, remaining), cost: cost.get(), wait: Some(wait) }
    }
}

impl QuotaStatus {
    fn from_snapshot(policy: &'static str, quota: NonZeroU32, state: &StateSnapshot) -> Self {
        Self::new(policy, quota, state.remaining_burst_capacity())
    }

    fn new(policy: &'static str, quota: NonZeroU32, remaining: u32) -> Self {
        let remaining = remaining.min(quota.get());
        let reset = WINDOW.mul_f64(f64::from(quota.get() - remaining) / f64::from(quota.get()));
        Self { policy, quota: quota.get(), remaining, reset }
    }

    /// The `RateLimit` headers.
    #[must_use]
    pub fn headers(&self) -> [(HeaderName, HeaderValue); 2] {
        let Self { policy, quota, remaining, .. } = self;
        let policy_value = format!("\"{policy}\";q={quota};w={}", WINDOW.as_secs());
        let value = format!("\"{policy}\";r={remaining};t={}", ceil_seconds(self.reset));
        // Digits and these words are always a valid header value.
        [(RATE_LIMIT_POLICY, policy_value), (RATE_LIMIT, value)]
            .map(|(name, value)| (name, HeaderValue::try_from(value).unwrap_or(HeaderValue::from_static(""))))
    }
}

impl QuotaExceeded {
    /// The 429 error.
    pub(super) fn to_http_error(self) -> HttpError {
        let QuotaStatus { policy, quota, remaining, .. } = self.status;
        let client = if policy == "token" { "this token" } else { "your address" };
        let cost = self.cost;
        let error = match self.wait {
            Some(wait) => {
                let wait = ceil_seconds(wait).max(1);
                let message = format!(
                    "rate limit exceeded: the query costs {cost}, and {client} has {remaining} of {quota} per minute left; \
                     retry after {wait} seconds, or request less data"
                );
                HttpError::new(StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED", message).with_retry_after(wait)
            }
            // No Retry-After: the query never passes.
            None => HttpError::new(
                StatusCode::TOO_MANY_REQUESTS,
                "RATE_LIMITED",
                format!(
                    "rate limit exceeded: the query costs {cost}, and {client} has {quota} per minute; request less data at once"
                ),
            ),
        };
        self.status.headers().into_iter().fold(error, |error, (name, value)| error.with_header(name, value))
    }
}

/// The duration in seconds, rounded up.
fn ceil_seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

fn bearer_token(value: &HeaderValue) -> Option<&str> {
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The buckets of addresses. When the maximum is reached, new addresses share one bucket.
struct AddressBuckets {
    buckets: Mutex<HashMap<IpAddr, Nanos>>,
    shared: InMemoryState,
    max_addresses: usize,
}

impl AddressBuckets {
    fn new(max_addresses: usize) -> Self {
        Self { buckets: Mutex::default(), shared: InMemoryState::default(), max_addresses }
    }

    fn buckets(&self) -> MutexGuard<'_, HashMap<IpAddr, Nanos>> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StateStore for AddressBuckets {
    type Key = IpAddr;

    fn measure_and_replace<T, F, E>(&self, address: &IpAddr, measure: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let mut buckets = self.buckets();
        let known = buckets.get(address).copied();
        if known.is_none() && buckets.len() >= self.max_addresses {
            drop(buckets);
            return self.shared.measure_and_replace(&NotKeyed::NonKey, measure);
        }
        let (outcome, filled) = measure(known)?;
        buckets.insert(*address, filled);
        Ok(outcome)
    }
}

impl ShrinkableKeyedStateStore<IpAddr> for AddressBuckets {
    fn retain_recent(&self, drop_below: Nanos) {
        self.buckets().retain(|_, filled| *filled >= drop_below);
    }

    fn len(&self) -> usize {
        self.buckets().len()
    }

    fn is_empty(&self) -> bool {
        self.buckets().is_empty()
    }
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;

    use super::*;

    const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 1));

    fn cost(cost: u32) -> NonZeroU32 {
        NonZeroU32::new(cost).expect("not zero")
    }

    fn limiter(max_addresses: usize) -> (RateLimiter<FakeRelativeClock>, FakeRelativeClock) {
        let token = TokenQuota {
            name: "library".to_owned(),
            digest: Sha256::digest("secret").into(),
            cost_per_minute: cost(12_000),
        };
        let limits = RateLimits {
            cost_per_minute: Some(cost(600)),
            tokens: vec![token],
            proxies: vec!["10.0.0.0/8".parse().expect("a network")],
        };
        let clock = FakeRelativeClock::default();
        (RateLimiter::with_clock(limits, clock.clone(), max_addresses).expect("limits"), clock)
    }

    fn to_lines(headers: [(HeaderName, HeaderValue); 2]) -> [String; 2] {
        headers.map(|(name, value)| format!("{name}: {}", value.to_str().expect("a text")))
    }

    fn headers(name: HeaderName, value: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_static(value));
        headers
    }

    fn address(number: u8) -> ClientId {
        ClientId::Address(IpAddr::from([192, 0, 2, number]))
    }

    #[test]
    fn rate_limiting_is_off_without_a_quota() {
        let limits = RateLimits { cost_per_minute: None, tokens: Vec::new(), proxies: Vec::new() };
        assert!(RateLimiter::new(limits).is_none());
    }

    #[test]
    fn bucket_empties_and_fills() {
        let (limiter, clock) = limiter(10);
        let status = limiter.debit(&address(1), 450).expect("enough");
        assert_eq!(
            to_lines(status.headers()),
            ["ratelimit-policy: \"address\";q=600;w=60", "ratelimit: \"address\";r=150;t=45"]
        );
        let exceeded = limiter.debit(&address(1), 200).expect_err("too little");
        assert_eq!(exceeded.wait, Some(Duration::from_secs(5)));
        assert_eq!(to_lines(exceeded.status.headers())[1], "ratelimit: \"address\";r=150;t=45");
        let error = exceeded.to_http_error();
        assert_eq!((error.status.as_u16(), error.code), (429, "RATE_LIMITED"));
        assert_eq!(
            error.message,
            "rate limit exceeded: the query costs 200, and your address has 150 of 600 per minute left; retry after 5 seconds, or request less data"
        );
        assert!(error.headers.contains(&(header::RETRY_AFTER, HeaderValue::from(5))), "{:?}", error.headers);
        // A failed debit changes nothing.
        limiter.debit(&address(1), 150).expect("what was left");
        assert!(limiter.debit(&address(1), 1).is_err());
        clock.advance(Duration::from_secs(5));
        assert_eq!(limiter.debit(&address(1), 50).expect("filled").remaining, 0);
        clock.advance(Duration::from_secs(3600));
        assert_eq!(limiter.debit(&address(1), 600).expect("full, not more").remaining, 0);
        assert_eq!(limiter.debit(&address(2), 1).expect("another's").remaining, 599);
    }

    #[test]
    fn cost_above_the_whole_quota() {
        let (limiter, _clock) = limiter(10);
        let error = limiter.debit(&address(1), 601).expect_err("too much").to_http_error();
        assert_eq!(
            error.message,
            "rate limit exceeded: the query costs 601, and your address has 600 per minute; request less data at once"
        );
        assert!(error.headers.iter().all(|(name, _)| *name != header::RETRY_AFTER));
        limiter.debit(&address(1), 600).expect("nothing was taken");
    }

    #[test]
    fn minimum_debit_is_one() {
        let (limiter, _clock) = limiter(10);
        assert_eq!(limiter.debit(&address(1), 0).expect("enough").remaining, 599);
    }

    #[test]
    fn token() {
        let (limiter, _clock) = limiter(10);
        let client = limiter.identify_client(PEER, &headers(header::AUTHORIZATION, "bearer secret"));
        assert_eq!((&client, limiter.token_name(&client)), (&ClientId::Token(0), Some("library")));
        let status = limiter.debit(&client, 10_000).expect("enough");
        assert_eq!(
            to_lines(status.headers()),
            ["ratelimit-policy: \"token\";q=12000;w=60", "ratelimit: \"token\";r=2000;t=50"]
        );
        assert!(
            limiter
                .debit(&client, 3_000)
                .expect_err("too much")
                .to_http_error()
                .message
                .contains("this token has 2000")
        );
        for other in ["Bearer other", "Basic secret", "secret", "Bearer"] {
            assert_eq!(
                limiter.identify_client(PEER, &headers(header::AUTHORIZATION, other)),
                ClientId::Address(PEER),
                "{other}"
            );
        }
    }

    #[test]
    fn address_behind_a_proxy() {
        let (limiter, _clock) = limiter(10);
        let forwarded = headers(HeaderName::from_static("x-forwarded-for"), "2001:db8:1:2:3::4");
        let client = limiter.identify_client(IpAddr::from([10, 0, 0, 1]), &forwarded);
        assert_eq!(client, ClientId::Address("2001:db8:1:2::".parse().expect("an address")));
        assert_eq!(limiter.identify_client(PEER, &forwarded), ClientId::Address(PEER));
    }

    #[test]
    fn new_addresses_share_a_bucket_when_there_are_too_many() {
        let (limiter, clock) = limiter(2);
        for number in 1..=2 {
            limiter.debit(&address(number), 100).expect("enough");
        }
        limiter.debit(&address(3), 600).expect("the shared bucket");
        assert!(limiter.debit(&address(4), 1).is_err(), "the shared bucket is empty");
        assert_eq!(limiter.debit(&address(1), 100).expect("its own").remaining, 400);
        clock.advance(Duration::from_secs(61));
        limiter.addresses.retain_recent();
        assert!(limiter.addresses.is_empty());
        assert_eq!(limiter.debit(&address(4), 1).expect("its own").remaining, 599);
    }

    #[test]
    fn full_buckets_are_evicted() {
        let (limiter, clock) = limiter(10_000);
        for number in 0..=255 {
            limiter.debit(&address(number), 1).expect("enough");
        }
        assert_eq!(limiter.addresses.len(), 256);
        clock.advance(Duration::from_secs(60));
        for _ in 0..DEBITS_BETWEEN_EVICTIONS {
            let _ = limiter.debit(&ClientId::Address(PEER), 1);
        }
        assert_eq!(limiter.addresses.len(), 1);
    }
}
