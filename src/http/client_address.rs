//! From where a request comes, also behind proxies.

use std::net::{IpAddr, Ipv6Addr};

use actix_web::http::header::{self, HeaderMap, HeaderName};
use ipnet::IpNet;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Proxies whose word is taken for where a request comes from.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// The proxies of these networks.
    #[must_use]
    pub fn new(networks: Vec<IpNet>) -> Self {
        Self(networks)
    }

    /// Whether this is one of them.
    #[must_use]
    pub fn contain(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// The address that a request comes from: the peer's own, or, where that is a trusted proxy, the last one before it
    /// that is not, as the proxies tell in `X-Forwarded-For` or `Forwarded` (RFC 7239). Where the two headers contradict
    /// each other, one of them was sent by the client and passed on: then it is the proxy's.
    #[must_use]
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let peer = peer.to_canonical();
        if !self.contain(peer) {
            return peer;
        }
        let listed = values(headers, &X_FORWARDED_FOR);
        let listed = listed.iter().flat_map(|value| value.split(',')).map(address_of).collect::<Vec<_>>();
        let forwarded = values(headers, &header::FORWARDED);
        let forwarded = forwarded.iter().flat_map(|value| value.split(',')).map(forwarded_for).collect::<Vec<_>>();
        match (listed.as_slice(), forwarded.as_slice()) {
            ([], hops) | (hops, []) => self.last_stranger(peer, hops),
            (one, other) => {
                let (one, other) = (self.last_stranger(peer, one), self.last_stranger(peer, other));
                if one == other { one } else { peer }
            }
        }
    }

    /// Going back from the peer, each hop is believed as long as the one that told of it is.
    fn last_stranger(&self, peer: IpAddr, hops: &[Option<IpAddr>]) -> IpAddr {
        let mut nearest = peer;
        for hop in hops.iter().rev() {
            let Some(hop) = hop else { break };
            nearest = *hop;
            if !self.contain(nearest) {
                break;
            }
        }
        nearest
    }
}

/// What counts as one client: an address of IPv4, or the /64 of IPv6 that a household or a machine has to itself.
#[must_use]
pub fn block_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        address => address,
    }
}

fn values(headers: &HeaderMap, name: &HeaderName) -> Vec<String> {
    headers.get_all(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect()
}

/// An address, perhaps with a port or in brackets.
fn address_of(text: &str) -> Option<IpAddr> {
    let text = text.trim().trim_matches('"');
    let bare = text.strip_prefix('[').and_then(|text| text.split_once(']')).map(|(address, _)| address);
    let without_port = text.rsplit_once(':').map(|(address, _)| address);
    let candidates = [Some(text), bare, without_port].into_iter().flatten();
    candidates.filter_map(|text| text.parse::<IpAddr>().ok()).next().map(|address| address.to_canonical())
}

/// The address in an element of `Forwarded`; none where it is unknown or hidden.
fn forwarded_for(element: &str) -> Option<IpAddr> {
    let pairs = element.split(';').filter_map(|pair| pair.trim().split_once('='));
    pairs.filter(|(name, _)| name.trim().eq_ignore_ascii_case("for")).find_map(|(_, value)| address_of(value))
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
        TrustedProxies::new(networks.into()).client(peer.parse().expect("an address"), &map).to_string()
    }

    #[test]
    fn stranger_is_not_believed() {
        assert_eq!(client("203.0.113.1", &[(X_FORWARDED_FOR, "198.51.100.1")]), "203.0.113.1");
        assert_eq!(client("203.0.113.1", &[(header::FORWARDED, "for=198.51.100.1")]), "203.0.113.1");
    }

    #[test]
    fn proxy_is_believed() {
        assert_eq!(client("10.1.1.1", &[]), "10.1.1.1");
        assert_eq!(client("10.1.1.1", &[(X_FORWARDED_FOR, "198.51.100.1")]), "198.51.100.1");
        assert_eq!(client("::ffff:10.1.1.1", &[(X_FORWARDED_FOR, "198.51.100.1:4711")]), "198.51.100.1");
        assert_eq!(client("fd00::1", &[(X_FORWARDED_FOR, "[2001:db8::1]:443")]), "2001:db8::1");
        assert_eq!(client("10.1.1.1", &[(header::FORWARDED, "for=\"[2001:db8::1]:443\";proto=https")]), "2001:db8::1");
        assert_eq!(client("10.1.1.1", &[(header::FORWARDED, "proto=http; For=198.51.100.1")]), "198.51.100.1");
    }

    #[test]
    fn last_one_that_is_no_proxy() {
        let invented = [(X_FORWARDED_FOR, "1.1.1.1, 198.51.100.1, 192.0.2.7, 10.9.9.9")];
        assert_eq!(client("10.1.1.1", &invented), "198.51.100.1");
        let lines = [(X_FORWARDED_FOR, "1.1.1.1"), (X_FORWARDED_FOR, "198.51.100.1, 192.0.2.7")];
        assert_eq!(client("10.1.1.1", &lines), "198.51.100.1");
        assert_eq!(client("10.1.1.1", &[(X_FORWARDED_FOR, "10.2.2.2, 10.3.3.3")]), "10.2.2.2");
    }

    #[test]
    fn what_cannot_be_read_ends_the_way_back() {
        assert_eq!(client("10.1.1.1", &[(X_FORWARDED_FOR, "198.51.100.1, unknown, 192.0.2.7")]), "192.0.2.7");
        assert_eq!(client("10.1.1.1", &[(header::FORWARDED, "for=_hidden")]), "10.1.1.1");
        assert_eq!(client("10.1.1.1", &[(X_FORWARDED_FOR, "nobody, ,,")]), "10.1.1.1");
    }

    #[test]
    fn contradiction_is_the_proxys() {
        let invented = [(header::FORWARDED, "for=1.1.1.1"), (X_FORWARDED_FOR, "198.51.100.1")];
        assert_eq!(client("10.1.1.1", &invented), "10.1.1.1");
        let agreed = [(header::FORWARDED, "for=198.51.100.1"), (X_FORWARDED_FOR, "198.51.100.1")];
        assert_eq!(client("10.1.1.1", &agreed), "198.51.100.1");
    }

    #[test]
    fn blocks() {
        let block = |text: &str| block_of(text.parse().expect("an address")).to_string();
        assert_eq!(block("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(block("198.51.100.1"), "198.51.100.1");
        assert_eq!(block("::ffff:198.51.100.1"), "198.51.100.1");
    }
}
