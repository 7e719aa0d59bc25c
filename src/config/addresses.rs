//! Parsers of addresses: where to listen, where clients find the service, and which origins may read from it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use url::Url;

/// An address and port to listen on. `localhost` is the loopback address; without an address, the port is open on all IPv4
/// addresses.
pub(super) fn parse_listen_address(text: &str) -> Result<SocketAddr, String> {
    let text = text.trim();
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let (host, port) = text.rsplit_once(':').unwrap_or((text, ""));
    let ip = match host {
        "" => Some(Ipv4Addr::UNSPECIFIED),
        host if host.eq_ignore_ascii_case("localhost") => Some(Ipv4Addr::LOCALHOST),
        _ => None,
    };
    ip.zip(port.parse().ok()).map(|(ip, port)| SocketAddr::new(IpAddr::V4(ip), port)).ok_or_else(|| {
        "expected an IP address and a port, such as 127.0.0.1:8080 or [::1]:8080; localhost:8080 for this machine only; or \
         :8080 for all addresses of this machine"
            .to_owned()
    })
}

/// The address of the service as clients see it, without a slash at its end.
pub(super) fn parse_public_url(text: &str) -> Result<String, String> {
    let is_usable = |url: &Url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
    };
    let url = Url::parse(text.trim()).ok().filter(is_usable);
    url.map(|url| url.as_str().trim_end_matches('/').to_owned()).ok_or_else(|| {
        "expected the http:// or https:// URL below which clients reach /graphql, such as https://www.example.org/directory"
            .to_owned()
    })
}

/// The address of a page or of e-mail; an empty text is none.
pub(super) fn parse_contact_url(text: &str) -> Result<String, String> {
    let text = text.trim();
    let url = Url::parse(text).ok().filter(|url| match url.scheme() {
        "http" | "https" => url.has_host(),
        "mailto" => url.path().contains('@'),
        _ => false,
    });
    url.map(|url| url.to_string()).ok_or_else(|| {
        "expected the address of a page or of e-mail, such as https://www.example.org/contact or \
         mailto:directory@example.org"
            .to_owned()
    })
}

/// An origin as browsers send it in `Origin`: in lower case, and without the default port of its scheme. `*` is all origins;
/// an empty entry of the list is preserved, and means nothing.
pub(super) fn parse_origin(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() || text == "*" {
        return Ok(text.to_owned());
    }
    let error = |reason: &str| {
        Err(format!("{reason}; an origin is a scheme, a host and an optional port, such as https://www.example.org"))
    };
    let url = match Url::parse(text) {
        Ok(url) if text.contains("://") => url,
        _ => return error("it has no scheme, or is not a URL"),
    };
    if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
        return error("it has a path, which an origin does not have");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return error("it has a user name or password");
    }
    let Some(host) = url.host_str().filter(|host| !host.is_empty()) else { return error("it has no host") };
    if host.contains('*') {
        return error("it has a wildcard: list each origin, or allow all with *");
    }
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    Ok(format!("{}://{}{port}", url.scheme(), host.to_ascii_lowercase()))
}

/// Parses an origin that images are loaded from.
pub(super) fn parse_image_origin(text: &str) -> Result<String, String> {
    match parse_origin(text)? {
        origin if origin.starts_with("https://") || origin.starts_with("http://") => Ok(origin),
        _ => Err("it is not the origin of a website, such as https://photos.example.org".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listen_addresses() {
        for (text, expected) in [
            ("127.0.0.1:8080", "127.0.0.1:8080"),
            (" [::1]:0 ", "[::1]:0"),
            ("localhost:8080", "127.0.0.1:8080"),
            ("LocalHost:1", "127.0.0.1:1"),
            (":8080", "0.0.0.0:8080"),
        ] {
            assert_eq!(parse_listen_address(text).expect("an address").to_string(), expected, "{text}");
        }
        for text in ["", "8080", "localhost", "everywhere", "example.org:80", ":", ":65536", "localhost:http", "::1:80"]
        {
            assert!(parse_listen_address(text).is_err(), "{text}");
        }
    }

    #[test]
    fn image_origins() {
        assert_eq!(parse_image_origin("https://Photos.example.org/"), Ok("https://photos.example.org".to_owned()));
        for text in ["*", "", "data:", "https://a.org/x", "https://*.a.org", "ftp://a.org"] {
            assert!(parse_image_origin(text).is_err(), "{text}");
        }
    }

    #[test]
    fn contact_urls() {
        for text in ["https://example.org/contact", "mailto:directory@example.org"] {
            assert_eq!(parse_contact_url(text).expect("a URL"), text);
        }
        for text in ["", "directory@example.org", "mailto:directory", "javascript:alert(1)", "ftp://example.org"] {
            assert!(parse_contact_url(text).is_err(), "{text}");
        }
    }

    #[test]
    fn public_urls() {
        for (text, expected) in [
            ("https://www.example.org", "https://www.example.org"),
            (" HTTPS://WWW.Example.org:443/directory/ ", "https://www.example.org/directory"),
            ("http://localhost:8080/a/b", "http://localhost:8080/a/b"),
        ] {
            assert_eq!(parse_public_url(text).expect("a URL"), expected, "{text}");
        }
        for text in [
            "",
            "www.example.org",
            "/directory",
            "ftp://example.org",
            "https://a@example.org",
            "https://a/?b",
            "https://a/#b",
        ] {
            assert!(parse_public_url(text).is_err(), "{text}");
        }
    }

    #[test]
    fn origins() {
        for (text, expected) in [
            ("", ""),
            (" ", ""),
            ("*", "*"),
            (" https://www.example.org ", "https://www.example.org"),
            ("https://www.example.org/", "https://www.example.org"),
            ("HTTPS://WWW.Example.ORG", "https://www.example.org"),
            ("https://www.example.org:443", "https://www.example.org"),
            ("http://www.example.org:80", "http://www.example.org"),
            ("http://www.example.org:8080", "http://www.example.org:8080"),
            ("https://bücher.example", "https://xn--bcher-kva.example"),
            ("http://[::1]:3000", "http://[::1]:3000"),
            ("capacitor://LocalHost", "capacitor://localhost"),
        ] {
            assert_eq!(parse_origin(text).as_deref(), Ok(expected), "{text}");
        }
        for text in [
            "www.example.org",
            "localhost:3000",
            "null",
            "https://",
            "https://www.example.org/path",
            "https://www.example.org?query",
            "https://user@www.example.org",
            "https://*.example.org",
            "mailto:ada@example.org",
            "file:///etc",
        ] {
            assert!(parse_origin(text).is_err(), "{text}");
        }
    }
}
