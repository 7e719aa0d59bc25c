//! External identifiers (ORCID iD, ROR id, DOI, arXiv id), validated and in canonical form.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The error for a text that is not a valid identifier of the expected scheme.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("'{text}' is not {expected}: {reason}")]
pub struct InvalidIdentifier {
    text: String,
    expected: &'static str,
    reason: &'static str,
}

impl InvalidIdentifier {
    fn new(text: &str, expected: &'static str, reason: &'static str) -> Self {
        Self { text: text.chars().take(80).collect(), expected, reason }
    }
}

/// Returns the URL of the page that a scheme has for an identifier; `None` if there is none.
#[must_use]
pub fn external_id_url(scheme: &str, value: &str) -> Option<String> {
    match scheme {
        "orcid" => Some(format!("https://orcid.org/{value}")),
        "wikidata" => Some(format!("https://www.wikidata.org/wiki/{value}")),
        "isni" => Some(format!("https://isni.org/isni/{}", value.replace(' ', ""))),
        "scopus" => Some(format!("https://www.scopus.com/authid/detail.uri?authorId={value}")),
        "dblp" => Some(format!("https://dblp.org/pid/{value}")),
        "openalex" => Some(format!("https://openalex.org/{value}")),
        "pmid" => Some(format!("https://pubmed.ncbi.nlm.nih.gov/{value}/")),
        "fundref" => Some(format!("https://doi.org/10.13039/{value}")),
        _ => None,
    }
}

/// Defines an identifier type: a canonical text with `Display`, and serde as that text.
macro_rules! external_identifier {
    ($name:ident, $meaning:literal) => {
        #[doc = $meaning]
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Returns the canonical text, without a resolver's URL.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidIdentifier;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(identifier: $name) -> Self {
                identifier.0
            }
        }
    };
}

external_identifier!(
    Orcid,
    "An ORCID iD, as `0000-0002-1825-0097`; its last character is an ISO 7064 MOD 11-2 checksum."
);
external_identifier!(Ror, "A ROR id, as `05dxps055`; its last two digits are an ISO 7064 MOD 97-10 checksum.");
external_identifier!(
    Doi,
    "A DOI in lower case, as `10.1000/xyz123` (DOIs do not distinguish case: DOI Handbook, 2.4)."
);
external_identifier!(ArxivId, "An arXiv id without its version, as `2301.00001` or `hep-th/9901001`.");

/// Returns the text without the first matching prefix (compared ignoring case), else the whole text.
fn strip_any_prefix<'a>(text: &'a str, prefixes: &[&str]) -> &'a str {
    let text = text.trim();
    for prefix in prefixes {
        if let (Some(head), Some(tail)) = (text.get(..prefix.len()), text.get(prefix.len()..))
            && head.eq_ignore_ascii_case(prefix)
        {
            return tail.trim_start();
        }
    }
    text
}

impl FromStr for Orcid {
    type Err = InvalidIdentifier;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = |reason| InvalidIdentifier::new(text, "an ORCID iD", reason);
        let prefixes = [
            "https://orcid.org/",
            "http://orcid.org/",
            "https://www.orcid.org/",
            "http://www.orcid.org/",
            "orcid.org/",
            "orcid:",
        ];
        let bare = strip_any_prefix(text, &prefixes).trim_end_matches('/');
        let compact: Vec<u8> =
            bare.bytes().filter(|byte| *byte != b'-').map(|byte| byte.to_ascii_uppercase()).collect();
        let [digits @ .., check] = compact.as_slice() else { return Err(invalid("it is empty")) };
        if digits.len() != 15 || !digits.iter().all(u8::is_ascii_digit) || !(check.is_ascii_digit() || *check == b'X') {
            return Err(invalid("expected 16 digits, the last of which may be X, such as 0000-0002-1825-0097"));
        }
        let total = digits.iter().fold(0_u32, |total, digit| (total + u32::from(digit - b'0')) * 2 % 11);
        let expected = match (12 - total) % 11 {
            10 => b'X',
            digit => b'0' + u8::try_from(digit).unwrap_or_default(),
        };
        if *check != expected {
            return Err(invalid("its checksum is wrong; check for a mistyped digit"));
        }
        let groups: Vec<String> = compact.chunks(4).map(|group| String::from_utf8_lossy(group).into_owned()).collect();
        Ok(Self(groups.join("-")))
    }
}

impl Orcid {
    /// Returns the iD as a URI, the form in which ORCID asks to display it.
    #[must_use]
    pub fn uri(&self) -> String {
        format!("https://orcid.org/{}", self.0)
    }
}

impl FromStr for Ror {
    type Err = InvalidIdentifier;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const ALPHABET: &[u8] = b"0123456789abcdefghjkmnpqrstvwxyz"; // Crockford's base 32
        let invalid = |reason| InvalidIdentifier::new(text, "a ROR id", reason);
        let prefixes = ["https://ror.org/", "http://ror.org/", "https://www.ror.org/", "ror.org/", "ror:"];
        let bare = strip_any_prefix(text, &prefixes).trim_end_matches('/').to_ascii_lowercase();
        let form = || invalid("expected a 0, six letters or digits, and two digits, such as 05dxps055");
        let (Some(number), Some(checksum)) = (bare.get(..7), bare.get(7..)) else { return Err(form()) };
        if !number.starts_with('0') || checksum.len() != 2 || !checksum.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(form());
        }
        let mut value = 0_u64;
        for byte in number.bytes() {
            let digit = ALPHABET.iter().position(|letter| *letter == byte).ok_or_else(form)?;
            value = value * 32 + digit as u64;
        }
        if checksum.parse() != Ok(98 - (value * 100) % 97) {
            return Err(invalid("its checksum is wrong; check for a mistyped character"));
        }
        Ok(Self(bare))
    }
}

impl Ror {
    /// Returns the id as a URI.
    #[must_use]
    pub fn uri(&self) -> String {
        format!("https://ror.org/{}", self.0)
    }
}

impl FromStr for Doi {
    type Err = InvalidIdentifier;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = |reason| InvalidIdentifier::new(text, "a DOI", reason);
        // Percent-encoding is decoded in URLs only. In a bare DOI, a percent sign is part of the DOI.
        let decoded = match doi_in_url(text) {
            Some(decoded) => decoded,
            None => strip_any_prefix(text, &DOI_LABELS).to_owned(),
        };
        // Punctuation of the sentence or the list in which the DOI stood.
        let decoded = decoded.trim_end_matches(['.', ',', ';']);
        let Some((prefix, suffix)) = decoded.split_once('/') else { return Err(invalid("it has no slash")) };
        let registrant = prefix.strip_prefix("10.").unwrap_or_default();
        let registrant_holds =
            registrant.split('.').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
                && registrant.split('.').next().is_some_and(|code| (4..=9).contains(&code.len()));
        if !registrant_holds {
            return Err(invalid("expected 10. and a registrant code of 4 to 9 digits, such as 10.1000/xyz123"));
        }
        if suffix.is_empty() || suffix.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(invalid("the part after the slash is empty or contains white space"));
        }
        if decoded.len() > 2048 {
            return Err(invalid("it is longer than 2,048 bytes"));
        }
        Ok(Self(decoded.to_ascii_lowercase()))
    }
}

/// What may stand before a DOI that is not in a URL.
const DOI_LABELS: [&str; 6] = ["doi:", "info:doi/", "urn:doi:", "(doi)", "doi=", "doi "];

/// Returns the decoded DOI in the URL of a resolver, which may be reached through a library's proxy:
/// `https://doi-org.proxy.example.edu/10.1000/x`, `https://proxy.example.edu/login?url=https://doi.org/10.1000/x`.
fn doi_in_url(text: &str) -> Option<String> {
    let address = strip_any_prefix(text, &["https://", "http://"]);
    let (host, path) = address.split_once('/')?;
    let host = host.to_ascii_lowercase();
    let resolvers = ["doi.org", "dx.doi.org", "www.doi.org"];
    let is_resolver = |resolver: &&str| {
        // A proxy appends its own name, and may turn dots into hyphens.
        let proxied = host.strip_prefix(*resolver).or_else(|| host.strip_prefix(&resolver.replace('.', "-")));
        host == **resolver || proxied.is_some_and(|proxy| proxy.starts_with('.') || proxy.starts_with(':'))
    };
    if resolvers.iter().any(is_resolver) {
        return Some(percent_decode(strip_any_prefix(path, &DOI_LABELS)));
    }
    let target = percent_decode(path.split_once("url=")?.1);
    let path = strip_any_prefix(&target, &["https://", "http://"])
        .split_once('/')
        .filter(|(host, _)| resolvers.iter().any(|resolver| host.eq_ignore_ascii_case(resolver)))?;
    Some(strip_any_prefix(path.1, &DOI_LABELS).to_owned())
}

/// Decodes percent-encoding. Returns the text unchanged if the result is not UTF-8.
fn percent_decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let escaped = match tail {
            [high, low, ..] if *first == b'%' => {
                let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|value| u8::try_from(value).ok());
                digit(high).zip(digit(low)).map(|(high, low)| high * 16 + low)
            }
            _ => None,
        };
        bytes.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

impl Doi {
    /// Returns the DOI as a URL of the resolver doi.org.
    #[must_use]
    pub fn uri(&self) -> String {
        let mut uri = "https://doi.org/".to_owned();
        for byte in self.0.bytes() {
            match byte {
                b'%' | b'"' | b'#' | b'<' | b'>' | b'?' | b'[' | b']' | b'^' | b'`' | b'{' | b'|' | b'}' | b'\\' => {
                    uri.push_str(&format!("%{byte:02X}"));
                }
                0x21..=0x7e => uri.push(char::from(byte)),
                _ => uri.push_str(&format!("%{byte:02X}")),
            }
        }
        uri
    }

    /// Returns the arXiv id, if the DOI was issued by arXiv.
    #[must_use]
    pub fn arxiv_id(&self) -> Option<ArxivId> {
        self.0.strip_prefix("10.48550/arxiv.")?.parse().ok()
    }
}

impl FromStr for ArxivId {
    type Err = InvalidIdentifier;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let prefixes = [
            "https://arxiv.org/abs/",
            "http://arxiv.org/abs/",
            "https://arxiv.org/pdf/",
            "http://arxiv.org/pdf/",
            "https://doi.org/10.48550/arxiv.",
            "arxiv.org/abs/",
            "10.48550/arxiv.",
            "arxiv:",
        ];
        let bare = strip_any_prefix(text, &prefixes).to_ascii_lowercase();
        let bare = bare.strip_suffix(".pdf").unwrap_or(&bare);
        let unversioned = match bare.rsplit_once('v') {
            Some((id, version)) if !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit()) => id,
            _ => bare,
        };
        let digits = |part: &str, lengths: std::ops::RangeInclusive<usize>| {
            lengths.contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
        };
        let new_form =
            unversioned.split_once('.').is_some_and(|(month, number)| digits(month, 4..=4) && digits(number, 4..=5));
        let old_form = unversioned.split_once('/').is_some_and(|(archive, number)| {
            let named = archive.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-' || byte == b'.');
            !archive.is_empty() && named && digits(number, 7..=7)
        });
        if new_form || old_form {
            Ok(Self(unversioned.to_owned()))
        } else {
            Err(InvalidIdentifier::new(text, "an arXiv id", "expected a form such as 2301.00001 or hep-th/9901001"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orcid_formats() {
        for written in [
            "0000-0002-1825-0097",
            "0000000218250097",
            "https://orcid.org/0000-0002-1825-0097",
            "HTTP://ORCID.ORG/0000-0002-1825-0097/",
            " orcid:0000-0002-1825-0097 ",
        ] {
            assert_eq!(written.parse::<Orcid>().expect(written).as_str(), "0000-0002-1825-0097");
        }
        assert_eq!(
            "0000-0002-1694-233x".parse::<Orcid>().expect("a check character X").as_str(),
            "0000-0002-1694-233X"
        );
        for written in
            ["", "-", "0000-0002-1825-0098", "0000-0002-1825-009", "é000-0002-1825-0097", "0000-0002-1825-00977"]
        {
            assert!(written.parse::<Orcid>().is_err(), "{written}");
        }
    }

    #[test]
    fn ror_formats() {
        for written in ["05dxps055", "https://ror.org/05DXPS055", "ror.org/05dxps055/"] {
            assert_eq!(written.parse::<Ror>().expect(written).uri(), "https://ror.org/05dxps055");
        }
        for written in ["", "05dxps056", "15dxps055", "05dxpu055", "05dxps0550", "é5dxps055"] {
            assert!(written.parse::<Ror>().is_err(), "{written}");
        }
    }

    #[test]
    fn doi_formats() {
        for written in [
            "10.1000/XYZ123",
            "doi:10.1000/xyz123",
            "https://doi.org/10.1000/xyz123",
            "http://dx.doi.org/10.1000/Xyz123",
            "https://doi.org/10.1000%2Fxyz123",
            "https://dx.doi.org/10.1000%2fxyz123",
            "DOI 10.1000/xyz123",
            "DOI: 10.1000/xyz123",
            "info:doi/10.1000/xyz123",
            "10.1000/xyz123.",
            "https://doi.org/doi:10.1000/xyz123",
            "https://doi-org.ezproxy.library.example.edu/10.1000/xyz123",
            "https://dx-doi-org.proxy.example.edu/10.1000/xyz123",
            "http://dx.doi.org.proxy.example.edu:2048/10.1000/xyz123",
            "https://proxy.example.edu/login?url=https://doi.org/10.1000/xyz123",
            "https://proxy.example.edu/login?qurl=https%3A%2F%2Fdoi.org%2F10.1000%2Fxyz123",
        ] {
            assert_eq!(written.parse::<Doi>().expect(written).as_str(), "10.1000/xyz123");
        }
        for written in [
            "",
            "10.1000",
            "10.1/x",
            "10.1000/",
            "10.1000/a b",
            "11.1000/x",
            "10.1000/a\u{0}",
            "10.x/y",
            "https://www.example.org/report-10.2010/summary.pdf",
            "https://doi.org.evil/10.1/x",
        ] {
            assert!(written.parse::<Doi>().is_err(), "{written:?}");
        }
        let unusual: Doi = "10.1002/(sici)1097<1::aid>3.0.co;2-#".parse().expect("a DOI");
        assert_eq!(unusual.uri(), "https://doi.org/10.1002/(sici)1097%3C1::aid%3E3.0.co;2-%23");
        assert_eq!(unusual.uri().parse::<Doi>().expect("its URL"), unusual);
    }

    #[test]
    fn arxiv_id_formats() {
        for (written, canonical) in [
            ("arXiv:2301.00001v3", "2301.00001"),
            ("https://arxiv.org/pdf/2301.00001.pdf", "2301.00001"),
            ("hep-th/9901001", "hep-th/9901001"),
            ("10.48550/arXiv.2301.00001", "2301.00001"),
        ] {
            assert_eq!(written.parse::<ArxivId>().expect(written).as_str(), canonical);
        }
        assert!("2301.1".parse::<ArxivId>().is_err());
        let doi: Doi = "10.48550/ARXIV.2301.00001".parse().expect("a DOI");
        assert_eq!(doi.arxiv_id().expect("an arXiv id").as_str(), "2301.00001");
    }
}
