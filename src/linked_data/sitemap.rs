//! The sitemap: an index of parts, each with the pages of one kind of entity within a range of row ids.

use quick_xml::escape::escape;

use crate::linked_data::address::{Addresses, Collection, LANGUAGES};

/// Number of row ids of a part, and so the maximum number of its pages.
pub const PART_IDS: i64 = 10_000;
/// What an XML file starts with.
const XML: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
const NAMESPACE: &str = "http://www.sitemaps.org/schemas/sitemap/0.9";

/// The name of a part, such as `papers-3`: the entities of a kind whose row id is from 20,001 to 30,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// The kind of entity.
    pub collection: Collection,
    /// The number, from 1.
    pub number: i64,
}

impl Part {
    /// Parses a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let (segment, number) = name.split_once('-')?;
        let part = Self { collection: Collection::by_segment(segment)?, number: number.parse().ok()? };
        (part.number > 0 && part.number <= i64::MAX / PART_IDS && part.name() == name).then_some(part)
    }

    /// The name.
    #[must_use]
    pub fn name(self) -> String {
        format!("{}-{}", self.collection.segment(), self.number)
    }

    /// The row ids: those after the first number, up to the second.
    #[must_use]
    pub fn row_ids(self) -> (i64, i64) {
        let last = self.number.saturating_mul(PART_IDS);
        (last - PART_IDS, last)
    }
}

/// An entity with a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SitemapEntry {
    /// The slug.
    pub slug: String,
    /// When it last changed, as in RFC 3339.
    pub changed_at: String,
}

/// The index of all parts.
#[must_use]
pub fn index(addresses: &Addresses, parts: &[Part]) -> String {
    let mut xml = format!("{XML}<sitemapindex xmlns=\"{NAMESPACE}\">\n");
    for part in parts {
        let address = addresses.below(&format!("/sitemap/{}.xml", part.name()));
        xml += &format!("<sitemap><loc>{}</loc></sitemap>\n", escape(&address));
    }
    xml + "</sitemapindex>\n"
}

/// A part. Each entity has one address, with those of its page in the other languages.
#[must_use]
pub fn part(addresses: &Addresses, collection: Collection, entries: &[SitemapEntry]) -> String {
    let mut xml = format!("{XML}<urlset xmlns=\"{NAMESPACE}\" xmlns:xhtml=\"http://www.w3.org/1999/xhtml\">\n");
    for SitemapEntry { slug, changed_at } in entries {
        let page = |language| addresses.page(language, collection, slug);
        xml += &format!("<url><loc>{}</loc><lastmod>{changed_at}</lastmod>", escape(page(Some(LANGUAGES[0]))));
        for language in LANGUAGES {
            let address = page(Some(language));
            xml += &alternate(language, &address);
        }
        xml += &alternate("x-default", &page(None));
        xml += "</url>\n";
    }
    xml + "</urlset>\n"
}

fn alternate(language: &str, address: &str) -> String {
    format!("<xhtml:link rel=\"alternate\" hreflang=\"{language}\" href=\"{}\"/>", escape(address))
}

/// What robots may visit: everything but queries, whose addresses are endless.
#[must_use]
pub fn robots(addresses: &Addresses) -> String {
    let path = |path: &str| {
        let address = addresses.below(path);
        let host = address.split_once("://").map_or("", |(_, rest)| rest);
        host.find('/').map_or_else(|| path.to_owned(), |start| host[start..].to_owned())
    };
    format!(
        "User-agent: *\nDisallow: {}\nDisallow: {}\n\nSitemap: {}\n",
        path("/graphql"),
        path("/metrics"),
        addresses.below("/sitemap.xml")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_parts() {
        for collection in Collection::ALL {
            for number in [1, 7, 12_345] {
                let part = Part { collection, number };
                assert_eq!(Part::parse(&part.name()), Some(part));
            }
        }
        for name in [
            "papers",
            "papers-",
            "papers-0",
            "papers--1",
            "papers-01",
            "papers-+1",
            "x-1",
            "papers-9223372036854775807",
        ] {
            assert_eq!(Part::parse(name), None, "{name}");
        }
        assert_eq!(Part { collection: Collection::Papers, number: 3 }.row_ids(), (20_000, 30_000));
    }

    #[test]
    fn robots_of_a_prefix() {
        let robots = robots(&Addresses::new("https://a.org/directory"));
        let expected = "User-agent: *\nDisallow: /directory/graphql\nDisallow: /directory/metrics\n\n\
            Sitemap: https://a.org/directory/sitemap.xml\n";
        assert_eq!(robots, expected);
    }
}
