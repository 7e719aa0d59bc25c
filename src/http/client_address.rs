//! The client's address, also behind trusted proxies.

use std::net::{IpAddr, Ipv6Addr};

use actix_web::http::header::{self, HeaderMap, HeaderName};
use ipnet::IpNet;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// Headers that reverse proxies add to a request and that clients on the same host have no reason to send. Caddy, Traefik,
/// Apache, Envoy, load balancers and tunnels send `X-Forwarded-*` by default; HAProxy sends `X-Forwarded-For` and nginx
/// these or `X-Real-IP` if configured; `Forwarded` (RFC 7239) and `Via` (RFC 9110) are the standards.
static FORWARDING_HEADERS: [HeaderName; 6] = [
    X_FORWARDED_FOR,
    HeaderName::from_static("x-forwarded-proto"),
    HeaderName::from_static("x-forwarded-host"),
    HeaderName::from_static("x-real-ip"),
    header::FORWARDED,
    header::VIA,
];

/// Proxies whose `X-Forwarded-For` and `Forwarded` headers are honoured.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// Trusts all addresses of these networks.
    #[must_use]
    pub fn new(networks: Vec<IpNet>) -> Self {
        Self(networks)
    }

    /// Whether this address is a trusted proxy.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// The client's address. If the peer is a trusted proxy, this is the last untrusted hop in `X-Forwarded-For` or `Forwarded`
    /// (RFC 7239), otherwise the peer. If the two headers contradict each other, the client forged one of them, and the
    /// peer's address is used.
    #[must_use]
    pub fn client_address(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let peer = peer.to_canonical();
        if !self.contains(peer) {
            return peer;
        }
        let listed = header_values(headers, &X_FORWARDED_FOR);
        let listed = listed.iter().flat_map(|value| value.split(',')).map(parse_address).collect::<Vec<_>>();
        let forwarded = header_values(headers, &header::FORWARDED);
        let forwarded =
            forwarded.iter().flat_map(|value| value.split(',')).map(parse_forwarded_for).collect::<Vec<_>>();
        match (listed.as_slice(), forwarded.as_slice()) {
            ([], hops) | (hops, []) => self.first_untrusted_hop(peer, hops),
            (one, other) => {
                let (one, other) = (self.first_untrusted_hop(peer, one), self.first_untrusted_hop(peer, other));
                if one == other { one } else { peer }
            }
        }
    }

    /// The first untrusted hop, going back from the peer. A hop is believed if the proxy that reported it is trusted.
    fn first_untrusted_hop(&self, peer: IpAddr, hops: &[Option<IpAddr>]) -> IpAddr {
        let mut nearest = peer;
        for hop in hops.iter().rev() {
            let Some(hop) = hop else { break };
            nearest = *hop;
            if !self.contains(nearest) {
                break;
            }
        }
        nearest
    }
}

/// The network that counts as one client: an IPv4 address, or the IPv6 /64 that a household or host typically has.
#[must_use]
pub fn client_prefix(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        address => address,
    }
}

/// The header by which a proxy reports that it forwarded the request; `None` if there is none.
#[must_use]
pub fn forwarding_header(headers: &HeaderMap) -> Option<&'static HeaderName> {
    FORWARDING_HEADERS.iter().find(|name| headers.contains_key(*name))
}

fn header_values(headers: &HeaderMap, name: &HeaderName) -> Vec<String> {
    headers.get_all(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect()
}

/// Parses an address with an optional port or brackets.
fn parse_address(text: &str) -> Option<IpAddr> {
    let text = text.trim().trim_matches('"');
    let bare = text.strip_prefix('[').and_then(|text| text.split_once(']')).map(|(address, _)| address);
    let without_port = text.rsplit_once(':').map(|(address, _)| address);
    let candidates = [Some(text), bare, without_port].into_iter().flatten();
    candidates.filter_map(|text| text.parse::<IpAddr>().ok()).next().map(|address| address.to_canonical())
}

/// The address in an element of `Forwarded`; `None` if it is unknown or obfuscated.
fn parse_forwarded_for(element: &str) -> Option<IpAddr> {
    let pairs = element.split(';').filter_map(|pair| pair.trim().split_once('='));
    pairs.filter(|(name, _)| name.trim().eq_ignore_ascii_case("for")).find_map(|(_, value)| parse_address(value))
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn client(peer: &str, headers: &[(HeaderName, &'static str)]) -> String {
        let networks = ["10.0.0.0/8", "192.0.2.7/32", "fd00::/8"].map(|network| network.parse().expect("a network"));
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name.clone(), HeaderValue::from_static(value));
        }
        TrustedProxies::new(networks.into()).client_address(peer.parse().expect("an address"), &map).to_string()
    }

    #[test]
    fn headers_of_untrusted_peers_are_ignored() {
        assert_eq!(client("203.0.113.1", &[(X_FORWARDED_FOR, "198.51.100.1")]), "203.0.113.1");
        assert_eq!(client("203.0.113.1", &[(header::FORWARDED, "for=198.51.100.1")]), "203.0.113.1");
    }

    #[test]
    fn headers_of_trusted_proxies_are_honoured() {
        assert_eq!(client("10.1.1.1", &[]), "10.1.1.1");
        assert_eq!(client("10.1.1.1", &[(X_FORWARDED_FOR, "198.51.100.1")]), "198.51.100.1");
        assert_eq!(client("::ffff:10.1.1.1", &[(X_FORWARDED_FOR, "198.51.100.1:4711")]), "198.51.100.1");
        assert_eq!(client("fd00::1", &[(X_FORWARDED_FOR, "[2001:db8::1]:443")]), "2001:db8::1");
        assert_eq!(client("10.1.1.1", &[(header::FORWARDED, "for=\"[2001:db8::1]:443\";proto=https")]), "2001:db8::1");
        assert_eq!(client("10.1.1.1", &[(header::FORWARDED, "proto=http; For=198.51.100.1")]), "198.51.100.1");
    }

    #[test]
    fn client_is_the_last_untrusted_hop() {
        let forged = [(X_FORWARDED_FOR, "1.1.1.1, 198.51.100.1, 192.0.2.7, 10.9.9.9")];
        assert_eq!(client("10.1.1.1", &forged), "198.51.100.1");
        let lines = [(X_FORWARDED_FOR, "1.1.1.1"), (X_FORWARDED_FOR, "198.51.100.1, 192.0.2.7")];
        assert_eq!(client("10.1.1.1", &lines), "198.51.100.1");
        assert_eq!(client("10.1.1.1", &[(X_FORWARDED_FOR, "10.2.2.2, 10.3.3.3")]), "10.2.2.2");
    }

    #[test]
    fn unparsable_hop_ends_the_search() {
        assert_eq!(client("10.1.1.1", &[(X_FORWARDED_FOR, "198.51.100.1, unknown, 192.0.2.7")]), "192.0.2.7");
        assert_eq!(client("10.1.1.1", &[(header::FORWARDED, "for=_hidden")]), "10.1.1.1");
        assert_eq!(client("10.1.1.1", &[(X_FORWARDED_FOR, "invalid, ,,")]), "10.1.1.1");
    }

    #[test]
    fn contradicting_headers_are_ignored() {
        let forged = [(header::FORWARDED, "for=1.1.1.1"), (X_FORWARDED_FOR, "198.51.100.1")];
        assert_eq!(client("10.1.1.1", &forged), "10.1.1.1");
        let agreed = [(header::FORWARDED, "for=198.51.100.1"), (X_FORWARDED_FOR, "198.51.100.1")];
        assert_eq!(client("10.1.1.1", &agreed), "198.51.100.1");
    }

    #[test]
    fn forwarding_headers() {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static("directory.example.org"));
        headers.insert(header::ORIGIN, HeaderValue::from_static("https://www.example.org"));
        assert_eq!(forwarding_header(&headers), None);
        for name in ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-real-ip", "forwarded", "via"] {
            let mut headers = headers.clone();
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(""));
            assert_eq!(forwarding_header(&headers).map(HeaderName::as_str), Some(name));
        }
    }

    #[test]
    fn prefixes() {
        let prefix = |text: &str| client_prefix(text.parse().expect("an address")).to_string();
        assert_eq!(prefix("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(prefix("198.51.100.1"), "198.51.100.1");
        assert_eq!(prefix("::ffff:198.51.100.1"), "198.51.100.1");
    }
}
