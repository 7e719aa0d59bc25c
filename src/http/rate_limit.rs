//! How much a client may ask for in a minute, counted in the cost of queries.
//!
//! Each client has a bucket that holds a minute's worth and fills up steadily (the generic cell rate algorithm). The
//! headers are those of draft-ietf-httpapi-ratelimit-headers-10, where `q` and `r` are cost, not requests.

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
use crate::http::client_address::{TrustedProxies, block_of};
use crate::http::response::Refusal;

/// The least that a request costs, also one that cannot be read or is not run: as much as a statement.
pub const LEAST_COST: u64 = 100;
/// The most addresses that are told apart; the others share one bucket. An entry takes some 50 bytes.
const MOST_ADDRESSES: usize = 100_000;
/// After so many charges, the addresses whose buckets are full again are forgotten.
const CHARGES_BETWEEN_CLEANING: u32 = 1_000;
const WINDOW: Duration = Duration::from_secs(60);

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// Who asks, as far as limits go.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Client {
    /// The bearer of a known token, by its place in the settings.
    Token(usize),
    /// Anybody else, by address; in IPv6 by /64.
    Address(IpAddr),
}

/// What a client has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    policy: &'static str,
    quota: u32,
    remaining: u32,
    /// Until all of the quota is there again.
    reset: Duration,
}

/// A query that costs more than the client has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exceeded {
    standing: Standing,
    cost: u32,
    /// When it would pass; none where it costs more than a full bucket holds.
    wait: Option<Duration>,
}

/// The buckets of all clients.
pub struct RateLimiter<C: Clock = DefaultClock> {
    addresses: governor::RateLimiter<IpAddr, Addresses, C, StateInformationMiddleware>,
    quota: NonZeroU32,
    tokens: Vec<(TokenQuota, TokenBucket<C>)>,
    proxies: TrustedProxies,
    charges: AtomicU32,
    clock: C,
}

type TokenBucket<C> = governor::RateLimiter<NotKeyed, InMemoryState, C, StateInformationMiddleware>;

impl RateLimiter {
    /// With these limits; none where nothing is limited.
    #[must_use]
    pub fn new(limits: RateLimits) -> Option<Self> {
        Self::with_clock(limits, DefaultClock::default(), MOST_ADDRESSES)
    }
}

impl<C: Clock + Clone> RateLimiter<C> {
    fn with_clock(limits: RateLimits, clock: C, most_addresses: usize) -> Option<Self> {
        let quota = limits.cost_per_minute?;
        let addresses = Addresses::new(most_addresses);
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
            charges: AtomicU32::new(0),
            clock,
        })
    }

    /// Who sent a request over a connection with this peer. A token that is not known is as good as none.
    #[must_use]
    pub fn client_of(&self, peer: IpAddr, headers: &HeaderMap) -> Client {
        let token = headers.get(header::AUTHORIZATION).and_then(bearer_token);
        let known = token.and_then(|token| {
            let digest: [u8; 32] = Sha256::digest(token).into();
            self.tokens.iter().position(|(known, _)| known.digest == digest)
        });
        match known {
            Some(number) => Client::Token(number),
            None => Client::Address(block_of(self.proxies.client(peer, headers))),
        }
    }

    /// The name of a client's token, for the log.
    #[must_use]
    pub fn token_name(&self, client: &Client) -> Option<&str> {
        match client {
            Client::Token(number) => self.tokens.get(*number).map(|(token, _)| token.name.as_str()),
            Client::Address(_) => None,
        }
    }

    /// Takes what a query costs from the client's bucket, at least one, or nothing where there is too little in it.
    ///
    /// # Errors
    /// Where the client has too little left, or can never have enough.
    pub fn charge(&self, client: &Client, cost: u32) -> Result<Standing, Exceeded> {
        if self.charges.fetch_add(1, Ordering::Relaxed) % CHARGES_BETWEEN_CLEANING == CHARGES_BETWEEN_CLEANING - 1 {
            self.addresses.retain_recent();
        }
        let cells = NonZeroU32::new(cost).unwrap_or(NonZeroU32::MIN);
        let (policy, quota, charged) = match client {
            Client::Address(address) => ("address", self.quota, self.addresses.check_key_n(address, cells)),
            Client::Token(number) => match self.tokens.get(*number) {
                Some((token, bucket)) => ("token", token.cost_per_minute, bucket.check_n(cells)),
                // A client of another limiter.
                None => return self.charge(&Client::Address(IpAddr::from([0; 4])), cost),
            },
        };
        match charged {
            Ok(Ok(state)) => Ok(Standing::after(policy, quota, &state)),
            Ok(Err(not_until)) => Err(self.exceeded(policy, quota, cells, &not_until)),
            Err(_) => {
                let standing = Standing { policy, quota: quota.get(), remaining: quota.get(), reset: Duration::ZERO };
                Err(Exceeded { standing, cost: cells.get(), wait: None })
            }
        }
    }

    fn exceeded(
        &self,
        policy: &'static str,
        quota: NonZeroU32,
        cost: NonZeroU32,
        not_until: &NotUntil<C::Instant>,
    ) -> Exceeded {
        let wait = not_until.wait_time_from(self.clock.now());
        // What is missing now comes in while waiting.
        let missing = wait.as_secs_f64() / WINDOW.as_secs_f64() * f64::from(quota.get());
        let remaining = (f64::from(cost.get()) - missing).max(0.0) as u32;
        Exceeded { standing: Standing::of(policy, quota, remaining), cost: cost.get(), wait: Some(wait) }
    }
}

impl Standing {
    fn after(policy: &'static str, quota: NonZeroU32, state: &StateSnapshot) -> Self {
        Self::of(policy, quota, state.remaining_burst_capacity())
    }

    fn of(policy: &'static str, quota: NonZeroU32, remaining: u32) -> Self {
        let remaining = remaining.min(quota.get());
        let reset = WINDOW.mul_f64(f64::from(quota.get() - remaining) / f64::from(quota.get()));
        Self { policy, quota: quota.get(), remaining, reset }
    }

    /// The headers that tell a client where it stands.
    #[must_use]
    pub fn headers(&self) -> [(HeaderName, HeaderValue); 2] {
        let Self { policy, quota, remaining, .. } = self;
        let policy_value = format!("\"{policy}\";q={quota};w={}", WINDOW.as_secs());
        let value = format!("\"{policy}\";r={remaining};t={}", seconds(self.reset));
        // Digits and known words are always a header's value.
        [(RATE_LIMIT_POLICY, policy_value), (RATE_LIMIT, value)]
            .map(|(name, value)| (name, HeaderValue::try_from(value).unwrap_or(HeaderValue::from_static(""))))
    }
}

impl Exceeded {
    /// What the client is told.
    pub(super) fn refusal(&self) -> Refusal {
        let Standing { policy, quota, remaining, .. } = self.standing;
        let who = if policy == "token" { "this token" } else { "your address" };
        let cost = self.cost;
        let refusal = match self.wait {
            Some(wait) => {
                let wait = seconds(wait).max(1);
                let message = format!(
                    "the query costs {cost}, and {who} has {remaining} of {quota} a minute left; wait {wait} seconds, or \
                     ask for less"
                );
                Refusal::new(StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED", message).retry_after(wait)
            }
            // No Retry-After: waiting does not help.
            None => Refusal::new(
                StatusCode::TOO_MANY_REQUESTS,
                "RATE_LIMITED",
                format!(
                    "the query costs {cost}, more than the {quota} that {who} has in a whole minute; ask for less at once"
                ),
            ),
        };
        self.standing.headers().into_iter().fold(refusal, |refusal, (name, value)| refusal.with(name, value))
    }
}

/// Whole seconds, after which what was waited for is there.
fn seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

fn bearer_token(value: &HeaderValue) -> Option<&str> {
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The buckets of addresses. Where there are too many, the newcomers share one, and the others keep theirs.
struct Addresses {
    buckets: Mutex<HashMap<IpAddr, Nanos>>,
    shared: InMemoryState,
    most: usize,
}

impl Addresses {
    fn new(most: usize) -> Self {
        Self { buckets: Mutex::default(), shared: InMemoryState::default(), most }
    }

    fn buckets(&self) -> MutexGuard<'_, HashMap<IpAddr, Nanos>> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StateStore for Addresses {
    type Key = IpAddr;

    fn measure_and_replace<T, F, E>(&self, address: &IpAddr, measure: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let mut buckets = self.buckets();
        let known = buckets.get(address).copied();
        if known.is_none() && buckets.len() >= self.most {
            drop(buckets);
            return self.shared.measure_and_replace(&NotKeyed::NonKey, measure);
        }
        let (outcome, filled) = measure(known)?;
        buckets.insert(*address, filled);
        Ok(outcome)
    }
}

impl ShrinkableKeyedStateStore<IpAddr> for Addresses {
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

    fn limiter(most_addresses: usize) -> (RateLimiter<FakeRelativeClock>, FakeRelativeClock) {
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
        (RateLimiter::with_clock(limits, clock.clone(), most_addresses).expect("limits"), clock)
    }

    fn shown(headers: [(HeaderName, HeaderValue); 2]) -> [String; 2] {
        headers.map(|(name, value)| format!("{name}: {}", value.to_str().expect("a text")))
    }

    fn headers(name: HeaderName, value: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_static(value));
        headers
    }

    fn address(number: u8) -> Client {
        Client::Address(IpAddr::from([192, 0, 2, number]))
    }

    #[test]
    fn off() {
        let limits = RateLimits { cost_per_minute: None, tokens: Vec::new(), proxies: Vec::new() };
        assert!(RateLimiter::new(limits).is_none());
    }

    #[test]
    fn bucket_empties_and_fills() {
        let (limiter, clock) = limiter(10);
        let standing = limiter.charge(&address(1), 450).expect("enough");
        assert_eq!(
            shown(standing.headers()),
            ["ratelimit-policy: \"address\";q=600;w=60", "ratelimit: \"address\";r=150;t=45"]
        );
        let exceeded = limiter.charge(&address(1), 200).expect_err("too little");
        assert_eq!(exceeded.wait, Some(Duration::from_secs(5)));
        assert_eq!(shown(exceeded.standing.headers())[1], "ratelimit: \"address\";r=150;t=45");
        let refusal = exceeded.refusal();
        assert_eq!((refusal.status.as_u16(), refusal.code), (429, "RATE_LIMITED"));
        assert_eq!(
            refusal.message,
            "the query costs 200, and your address has 150 of 600 a minute left; wait 5 seconds, or ask for less"
        );
        assert!(refusal.headers.contains(&(header::RETRY_AFTER, HeaderValue::from(5))), "{:?}", refusal.headers);
        // A refusal takes nothing.
        limiter.charge(&address(1), 150).expect("what was left");
        assert!(limiter.charge(&address(1), 1).is_err());
        clock.advance(Duration::from_secs(5));
        assert_eq!(limiter.charge(&address(1), 50).expect("filled").remaining, 0);
        clock.advance(Duration::from_secs(3600));
        assert_eq!(limiter.charge(&address(1), 600).expect("full, not more").remaining, 0);
        assert_eq!(limiter.charge(&address(2), 1).expect("another's").remaining, 599);
    }

    #[test]
    fn query_dearer_than_a_full_bucket() {
        let (limiter, _clock) = limiter(10);
        let refusal = limiter.charge(&address(1), 601).expect_err("too much").refusal();
        assert_eq!(
            refusal.message,
            "the query costs 601, more than the 600 that your address has in a whole minute; ask for less at once"
        );
        assert!(refusal.headers.iter().all(|(name, _)| *name != header::RETRY_AFTER));
        limiter.charge(&address(1), 600).expect("nothing was taken");
    }

    #[test]
    fn nothing_costs_one() {
        let (limiter, _clock) = limiter(10);
        assert_eq!(limiter.charge(&address(1), 0).expect("enough").remaining, 599);
    }

    #[test]
    fn token() {
        let (limiter, _clock) = limiter(10);
        let client = limiter.client_of(PEER, &headers(header::AUTHORIZATION, "bearer secret"));
        assert_eq!((&client, limiter.token_name(&client)), (&Client::Token(0), Some("library")));
        let standing = limiter.charge(&client, 10_000).expect("enough");
        assert_eq!(
            shown(standing.headers()),
            ["ratelimit-policy: \"token\";q=12000;w=60", "ratelimit: \"token\";r=2000;t=50"]
        );
        assert!(
            limiter.charge(&client, 3_000).expect_err("too much").refusal().message.contains("this token has 2000")
        );
        for other in ["Bearer other", "Basic secret", "secret", "Bearer"] {
            assert_eq!(
                limiter.client_of(PEER, &headers(header::AUTHORIZATION, other)),
                Client::Address(PEER),
                "{other}"
            );
        }
    }

    #[test]
    fn address_behind_a_proxy() {
        let (limiter, _clock) = limiter(10);
        let forwarded = headers(HeaderName::from_static("x-forwarded-for"), "2001:db8:1:2:3::4");
        let client = limiter.client_of(IpAddr::from([10, 0, 0, 1]), &forwarded);
        assert_eq!(client, Client::Address("2001:db8:1:2::".parse().expect("an address")));
        assert_eq!(limiter.client_of(PEER, &forwarded), Client::Address(PEER));
    }

    #[test]
    fn newcomers_share_where_there_are_too_many() {
        let (limiter, clock) = limiter(2);
        for number in 1..=2 {
            limiter.charge(&address(number), 100).expect("enough");
        }
        limiter.charge(&address(3), 600).expect("the shared bucket");
        assert!(limiter.charge(&address(4), 1).is_err(), "the shared bucket is empty");
        assert_eq!(limiter.charge(&address(1), 100).expect("its own").remaining, 400);
        clock.advance(Duration::from_secs(61));
        limiter.addresses.retain_recent();
        assert!(limiter.addresses.is_empty());
        assert_eq!(limiter.charge(&address(4), 1).expect("its own").remaining, 599);
    }

    #[test]
    fn full_buckets_are_forgotten() {
        let (limiter, clock) = limiter(10_000);
        for number in 0..=255 {
            limiter.charge(&address(number), 1).expect("enough");
        }
        assert_eq!(limiter.addresses.len(), 256);
        clock.advance(Duration::from_secs(60));
        for _ in 0..CHARGES_BETWEEN_CLEANING {
            let _ = limiter.charge(&Client::Address(PEER), 1);
        }
        assert_eq!(limiter.addresses.len(), 1);
    }
}
