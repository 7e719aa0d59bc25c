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
use actix_web::http::header::{HeaderName, HeaderValue};
use governor::clock::{Clock, DefaultClock};
use governor::middleware::{StateInformationMiddleware, StateSnapshot};
use governor::nanos::Nanos;
use governor::state::keyed::ShrinkableKeyedStateStore;
use governor::state::{InMemoryState, NotKeyed, StateStore};
use governor::{NotUntil, Quota};

use crate::config::RateLimits;
use crate::http::client_id::ClientId;
use crate::http::error::HttpError;

/// Minimum cost of a request, also of one that is invalid or not executed: the cost of one SQL statement.
pub const MIN_REQUEST_COST: u32 = 100;
/// Maximum number of addresses with their own bucket; the rest share one. An entry takes about 50 bytes.
const MAX_ADDRESSES: usize = 100_000;
/// Number of debits after which full buckets are evicted.
const DEBITS_BETWEEN_EVICTIONS: u32 = 1_000;
const WINDOW: Duration = Duration::from_secs(60);

pub(super) const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
pub(super) const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

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
    /// Whether the query may cost more than `cost`.
    is_minimum: bool,
    /// Time until the query would pass; `None` if its cost exceeds the whole quota.
    wait: Option<Duration>,
}

/// The token buckets of all clients.
pub struct RateLimiter<C: Clock = DefaultClock> {
    addresses: governor::RateLimiter<IpAddr, AddressBuckets, C, StateInformationMiddleware>,
    quota: NonZeroU32,
    tokens: Vec<(NonZeroU32, TokenBucket<C>)>,
    is_forwarded_only: bool,
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
            (token.cost_per_minute, bucket)
        });
        Some(Self {
            tokens: tokens.collect(),
            addresses: governor::RateLimiter::new(Quota::per_minute(quota), addresses, clock.clone()),
            quota,
            is_forwarded_only: limits.is_forwarded_only,
            debits: AtomicU32::new(0),
            clock,
        })
    }

    /// Whether requests are limited, by whether a proxy forwarded them.
    #[must_use]
    pub fn is_limited(&self, is_forwarded: bool) -> bool {
        is_forwarded || !self.is_forwarded_only
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
                Some((quota, bucket)) => ("token", *quota, bucket.check_n(cells)),
                // The index is of another limiter's settings.
                None => return self.debit(&ClientId::Address(IpAddr::from([0; 4])), cost),
            },
        };
        match charged {
            Ok(Ok(state)) => Ok(QuotaStatus::from_snapshot(policy, quota, &state)),
            Ok(Err(not_until)) => Err(self.exceeded(policy, quota, cells, &not_until)),
            Err(_) => {
                let status = QuotaStatus { policy, quota: quota.get(), remaining: quota.get(), reset: Duration::ZERO };
                Err(QuotaExceeded { status, cost: cells.get(), is_minimum: false, wait: None })
            }
        }
    }

    /// Debits [`MIN_REQUEST_COST`], before the cost of the query is known.
    ///
    /// # Errors
    /// If it exceeds the remaining quota.
    pub fn debit_minimum(&self, client: &ClientId) -> Result<QuotaStatus, QuotaExceeded> {
        self.debit(client, MIN_REQUEST_COST).map_err(|exceeded| QuotaExceeded { is_minimum: true, ..exceeded })
    }

    /// Debits the rest of a query's cost after the minimum has been debited; `None` if there is no rest.
    ///
    /// # Errors
    /// If the rest exceeds the remaining quota. The error is that of the whole cost, which the query costs again.
    pub fn debit_rest(&self, client: &ClientId, cost: u32) -> Result<Option<QuotaStatus>, QuotaExceeded> {
        match cost.checked_sub(MIN_REQUEST_COST) {
            None | Some(0) => Ok(None),
            Some(rest) => self.debit(client, rest).map(Some).map_err(|exceeded| exceeded.with_cost(cost)),
        }
    }

    /// The whole quota of a client.
    #[must_use]
    pub fn quota_of(&self, client: &ClientId) -> u32 {
        match client {
            ClientId::Token(number) => self.tokens.get(*number).map_or(self.quota, |(quota, _)| *quota).get(),
            ClientId::Address(_) => self.quota.get(),
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
        let status = QuotaStatus::new(policy, quota, remaining);
        QuotaExceeded { status, cost: cost.get(), is_minimum: false, wait: Some(wait) }
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
    /// Time until the quota suffices; `None` if it never does.
    #[must_use]
    pub fn wait(&self) -> Option<Duration> {
        self.wait
    }

    /// The same for a query of another cost.
    fn with_cost(self, cost: u32) -> Self {
        let quota = f64::from(self.status.quota);
        let wait = self.wait.filter(|_| cost <= self.status.quota);
        let added = WINDOW.mul_f64(f64::from(cost.saturating_sub(self.cost)) / quota);
        Self { cost, wait: wait.map(|wait| wait + added), ..self }
    }

    /// The 429 error.
    pub(super) fn to_http_error(self) -> HttpError {
        let QuotaStatus { policy, quota, remaining, .. } = self.status;
        let client = if policy == "token" { "this token" } else { "your address" };
        let cost = format!("{}{}", if self.is_minimum { "at least " } else { "" }, self.cost);
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
    use actix_web::http::header;
    use governor::clock::FakeRelativeClock;

    use super::*;
    use crate::config::TokenQuota;

    const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 1));

    fn cost(cost: u32) -> NonZeroU32 {
        NonZeroU32::new(cost).expect("not zero")
    }

    fn limiter(max_addresses: usize) -> (RateLimiter<FakeRelativeClock>, FakeRelativeClock) {
        let token = TokenQuota { name: "library".to_owned(), digest: [0; 32], cost_per_minute: cost(12_000) };
        let limits = RateLimits { cost_per_minute: Some(cost(600)), is_forwarded_only: false, tokens: vec![token] };
        let clock = FakeRelativeClock::default();
        (RateLimiter::with_clock(limits, clock.clone(), max_addresses).expect("limits"), clock)
    }

    fn to_lines(headers: [(HeaderName, HeaderValue); 2]) -> [String; 2] {
        headers.map(|(name, value)| format!("{name}: {}", value.to_str().expect("a text")))
    }

    fn address(number: u8) -> ClientId {
        ClientId::Address(IpAddr::from([192, 0, 2, number]))
    }

    #[test]
    fn rate_limiting_is_off_without_a_quota() {
        let limits = RateLimits { cost_per_minute: None, is_forwarded_only: false, tokens: Vec::new() };
        assert!(RateLimiter::new(limits).is_none());
    }

    #[test]
    fn rest_of_the_cost() {
        let (limiter, clock) = limiter(10);
        assert_eq!(limiter.debit(&address(1), MIN_REQUEST_COST).expect("enough").remaining, 500);
        assert_eq!(limiter.debit_rest(&address(1), 50).expect("debited already"), None);
        assert_eq!(limiter.debit_rest(&address(1), 450).expect("enough").expect("a status").remaining, 150);
        limiter.debit(&address(1), MIN_REQUEST_COST).expect("enough");
        let exceeded = limiter.debit_rest(&address(1), 200).expect_err("50 are left");
        // The whole cost is debited at the next attempt: 150 are missing.
        assert_eq!((exceeded.cost, exceeded.wait), (200, Some(Duration::from_secs(15))));
        clock.advance(Duration::from_secs(15));
        limiter.debit(&address(1), MIN_REQUEST_COST).expect("enough");
        limiter.debit_rest(&address(1), 200).expect("enough").expect("a status");
        limiter.debit(&address(2), 590).expect("enough");
        let message = limiter.debit_minimum(&address(2)).expect_err("10 are left").to_http_error().message;
        assert!(message.contains("the query costs at least 100, and your address has 10 of 600"), "{message}");
        // A cost above the whole quota never passes, even if its rest would.
        assert_eq!(limiter.debit_rest(&address(1), 650).expect_err("too much").wait, None);
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
        let client = ClientId::Token(0);
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
