//! Which client a request is from: what its limits apply to.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::HttpRequest;
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use sha2::{Digest as _, Sha256};

use crate::http::client_address::{TrustedProxies, client_prefix, forwarding_header};

/// The client that a limit applies to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ClientId {
    /// A client with a configured token, by its index in the settings.
    Token(usize),
    /// Any other client, by IPv4 address or IPv6 /64.
    Address(IpAddr),
}

/// Identifies clients by token or address.
#[derive(Debug)]
pub struct ClientIdentifier {
    /// The SHA-256 of each token.
    tokens: Vec<[u8; 32]>,
    proxies: TrustedProxies,
    has_warned: AtomicBool,
}

impl ClientIdentifier {
    /// Identifies the bearers of these tokens, and addresses behind these proxies.
    #[must_use]
    pub fn new(tokens: Vec<[u8; 32]>, proxies: TrustedProxies) -> Self {
        Self { tokens, proxies, has_warned: AtomicBool::new(false) }
    }

    /// The client of a request, by its token or address. An unknown token is ignored.
    #[must_use]
    pub fn identify(&self, request: &HttpRequest) -> ClientId {
        // Without a peer, which actix reports for every TCP connection, all requests are one client.
        let peer = request.peer_addr().map_or(IpAddr::from([0; 4]), |peer| peer.ip());
        self.identify_by_headers(peer, request.headers())
    }

    /// Whether a proxy forwarded the request, so that its peer is not its client. Logs one warning if the proxy is not
    /// trusted.
    #[must_use]
    pub fn is_forwarded(&self, request: &HttpRequest) -> bool {
        let Some(header) = forwarding_header(request.headers()) else { return false };
        if let Some(peer) = request.peer_addr().map(|peer| peer.ip().to_canonical())
            && !self.proxies.contains(peer)
            && !self.has_warned.swap(true, Ordering::Relaxed)
        {
            tracing::warn!(
                %peer,
                %header,
                "a request was forwarded by a proxy that is not in TRUSTED_PROXIES, so all clients of the proxy share the \
                 limits of its address; if the proxy is yours, set TRUSTED_PROXIES={peer}"
            );
        }
        true
    }

    /// The client of a token, as in `Authorization`; `None` if it is unknown.
    #[must_use]
    pub fn identify_token(&self, authorization: &str) -> Option<ClientId> {
        let value = HeaderValue::from_str(authorization).ok()?;
        self.token_number(&value).map(ClientId::Token)
    }

    fn identify_by_headers(&self, peer: IpAddr, headers: &HeaderMap) -> ClientId {
        match headers.get(header::AUTHORIZATION).and_then(|value| self.token_number(value)) {
            Some(number) => ClientId::Token(number),
            None => ClientId::Address(client_prefix(self.proxies.client_address(peer, headers))),
        }
    }

    fn token_number(&self, authorization: &HeaderValue) -> Option<usize> {
        let digest: [u8; 32] = Sha256::digest(bearer_token(authorization)?).into();
        self.tokens.iter().position(|known| *known == digest)
    }
}

fn bearer_token(value: &HeaderValue) -> Option<&str> {
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderName;

    use super::*;

    const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 1));

    fn identifier() -> ClientIdentifier {
        let proxies = TrustedProxies::new(vec!["10.0.0.0/8".parse().expect("a network")]);
        ClientIdentifier::new(vec![Sha256::digest("other").into(), Sha256::digest("secret").into()], proxies)
    }

    fn headers(name: HeaderName, value: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_static(value));
        headers
    }

    #[test]
    fn token() {
        let identify = |value| identifier().identify_by_headers(PEER, &headers(header::AUTHORIZATION, value));
        assert_eq!(identify("bearer secret"), ClientId::Token(1));
        for other in ["Bearer unknown", "Basic secret", "secret", "Bearer"] {
            assert_eq!(identify(other), ClientId::Address(PEER), "{other}");
        }
    }

    #[test]
    fn address_behind_a_proxy() {
        let forwarded = headers(HeaderName::from_static("x-forwarded-for"), "2001:db8:1:2:3::4");
        let client = identifier().identify_by_headers(IpAddr::from([10, 0, 0, 1]), &forwarded);
        assert_eq!(client, ClientId::Address("2001:db8:1:2::".parse().expect("an address")));
        assert_eq!(identifier().identify_by_headers(PEER, &forwarded), ClientId::Address(PEER));
    }
}
