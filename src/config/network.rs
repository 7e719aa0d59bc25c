//! Settings of connections and rate limits.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::time::Duration;

use clap::Args;
use ipnet::IpNet;

/// Settings of connections and rate limits.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Network")]
pub struct NetworkConfig {
    /// Maximum number of open client connections
    #[arg(long, env = "MAX_CONNECTIONS", default_value = "4096")]
    pub max_connections: NonZeroU32,
    /// Maximum number of open connections per client address (IPv6: per /64); loopback and trusted proxies are exempt
    #[arg(long, env = "MAX_CONNECTIONS_PER_ADDRESS", default_value = "256")]
    pub max_connections_per_address: NonZeroU32,
    /// Maximum number of open sockets and event streams per client address (IPv6: per /64) or token; loopback is exempt
    #[arg(long, env = "MAX_STREAMS_PER_ADDRESS", default_value = "50")]
    pub max_streams_per_address: NonZeroU32,
    /// Timeout for receiving the request headers, in seconds
    #[arg(long, env = "HEAD_TIMEOUT_SECONDS", default_value = "5")]
    pub head_timeout_seconds: NonZeroU32,
    /// Timeout for writing the response to the client, in seconds
    #[arg(long, env = "ANSWER_TIMEOUT_SECONDS", default_value = "30")]
    pub answer_timeout_seconds: NonZeroU32,
    /// Keep-alive timeout between two requests on a connection, in seconds
    #[arg(long, env = "KEEP_ALIVE_SECONDS", default_value = "15")]
    pub keep_alive_seconds: NonZeroU32,
    /// Maximum number of GraphQL requests executed at once, divided fairly between clients; excess requests wait briefly,
    /// then get 503 with Retry-After
    #[arg(long, env = "MAX_CONCURRENT_REQUESTS", default_value = "32")]
    pub max_concurrent_requests: NonZeroU32,
    /// Trusted proxies, as comma-separated addresses or networks; Forwarded and X-Forwarded-For are honoured from these
    #[arg(long, env = "TRUSTED_PROXIES", value_delimiter = ',', value_parser = parse_network)]
    pub trusted_proxies: Vec<IpNet>,
    /// Rate limit: query cost per minute and client address; 0 disables it. If unset: 1000000; if LISTEN is a loopback
    /// address, only for requests that a proxy forwarded
    #[arg(long, env = "RATE_LIMIT_COST_PER_MINUTE")]
    pub rate_limit_cost_per_minute: Option<u32>,
    /// Clients with their own rate limit, comma-separated, as name:sha256-of-token:cost-per-minute
    #[arg(long, env = "RATE_LIMIT_TOKENS", value_delimiter = ',', value_parser = parse_token_quota, hide_env_values = true)]
    pub rate_limit_tokens: Vec<TokenQuota>,
}

/// Limits and timeouts of client connections.
#[derive(Clone, Debug)]
pub struct ConnectionLimits {
    /// Maximum number of open connections.
    pub max_total: usize,
    /// Maximum number of open connections per IPv4 address or IPv6 /64. Loopback addresses and trusted proxies are exempt.
    pub max_per_client: usize,
    /// Timeout for receiving the request headers.
    pub header_timeout: Duration,
    /// Timeout for writing the response.
    pub response_timeout: Duration,
    /// Keep-alive timeout between two requests.
    pub keep_alive_timeout: Duration,
}

/// Rate limits of clients.
#[derive(Clone, Debug)]
pub struct RateLimits {
    /// Query cost per minute of an IPv4 address or IPv6 /64; `None` if there is no rate limit.
    pub cost_per_minute: Option<NonZeroU32>,
    /// Whether only requests that a proxy forwarded are limited.
    pub is_forwarded_only: bool,
    /// Quotas of clients that send a token.
    pub tokens: Vec<TokenQuota>,
}

/// The rate limit of one client, identified by a bearer token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenQuota {
    /// The client's name, for the log.
    pub name: String,
    /// The SHA-256 of the token.
    pub digest: [u8; 32],
    /// Query cost per minute.
    pub cost_per_minute: NonZeroU32,
}

/// Default rate limit: more than the most expensive query allowed by default, or some thousand small queries.
const DEFAULT_COST_PER_MINUTE: u32 = 1_000_000;

impl NetworkConfig {
    /// Limits and timeouts of client connections.
    #[must_use]
    pub fn connection_limits(&self) -> ConnectionLimits {
        let number = |number: NonZeroU32| usize::try_from(number.get()).unwrap_or(usize::MAX);
        let seconds = |number: NonZeroU32| Duration::from_secs(u64::from(number.get()));
        ConnectionLimits {
            max_total: number(self.max_connections),
            max_per_client: number(self.max_connections_per_address),
            header_timeout: seconds(self.head_timeout_seconds),
            response_timeout: seconds(self.answer_timeout_seconds),
            keep_alive_timeout: seconds(self.keep_alive_seconds),
        }
    }

    /// Maximum number of open sockets and event streams of a client.
    #[must_use]
    pub fn max_streams_per_client(&self) -> usize {
        usize::try_from(self.max_streams_per_address.get()).unwrap_or(usize::MAX)
    }

    /// Rate limits of a service that listens on `listen`. By default, clients on the same host are not limited, unless a
    /// proxy forwarded their request, which may come from anywhere.
    #[must_use]
    pub fn rate_limits(&self, listen: SocketAddr) -> RateLimits {
        let setting = self.rate_limit_cost_per_minute;
        RateLimits {
            cost_per_minute: NonZeroU32::new(setting.unwrap_or(DEFAULT_COST_PER_MINUTE)),
            is_forwarded_only: setting.is_none() && listen.ip().to_canonical().is_loopback(),
            tokens: self.rate_limit_tokens.clone(),
        }
    }
}

fn parse_network(text: &str) -> Result<IpNet, String> {
    let text = text.trim();
    let address = || text.parse::<IpAddr>().map(IpNet::from);
    text.parse()
        .or_else(|_| address())
        .map_err(|_| "expected an address such as 10.0.0.1 or a network such as 10.0.0.0/8".to_owned())
}

fn parse_token_quota(text: &str) -> Result<TokenQuota, String> {
    let parts: Vec<&str> = text.trim().split(':').collect();
    let quota = match parts.as_slice() {
        [name, digest, cost] if !name.is_empty() => parse_sha256(digest)
            .zip(cost.parse().ok())
            .map(|(digest, cost_per_minute)| TokenQuota { name: (*name).to_owned(), digest, cost_per_minute }),
        _ => None,
    };
    // The value is not repeated: it may contain the token itself.
    quota.ok_or_else(|| {
        "expected name:digest:cost, where digest is the SHA-256 of the token as 64 hexadecimal digits (printf %s TOKEN | \
         sha256sum) and cost is a positive integer"
            .to_owned()
    })
}

fn parse_sha256(text: &str) -> Option<[u8; 32]> {
    let mut digest = [0; 32];
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, start) in digest.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(text.get(start..start + 2)?, 16).ok()?;
    }
    Some(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks() {
        for (text, parsed) in
            [("10.1.2.3", "10.1.2.3/32"), ("10.0.0.0/8", "10.0.0.0/8"), ("fd00::/8", "fd00::/8"), ("::1", "::1/128")]
        {
            assert_eq!(parse_network(text).expect("a network").to_string(), parsed);
        }
        for text in ["", "proxy", "10.0.0.0/33", "10.0.0"] {
            assert!(parse_network(text).is_err(), "{text}");
        }
    }

    #[test]
    fn token_quotas() {
        let digest = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";
        let quota = parse_token_quota(&format!("library:{digest}:5000")).expect("a quota");
        assert_eq!((quota.name.as_str(), quota.cost_per_minute.get()), ("library", 5000));
        assert_eq!(quota.digest[..2], [0x2b, 0xb8]);
        for text in [
            "library".to_owned(),
            format!("library:{digest}"),
            format!("library:{digest}:0"),
            format!("library:{digest}:many"),
            format!(":{digest}:5"),
            format!("library:{}:5", &digest[1..]),
            format!("library:{}\u{e9}:5", &digest[2..]),
            "library:secret:5".to_owned(),
        ] {
            let message = parse_token_quota(&text).expect_err("an error");
            assert!(!message.contains("secret"), "{message}");
        }
    }
}
