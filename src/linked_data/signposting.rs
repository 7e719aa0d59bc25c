//! Signposting: typed links from a page to what it describes, to its metadata and to its authors, as `Link` headers
//! (RFC 8288) and as a linkset (RFC 9264).

use serde_json::{Map, Value, json};

use crate::linked_data::address::{Addresses, Collection};
use crate::linked_data::json_ld::{DocumentContext, schema_type};
use crate::linked_data::queries::{Author, LinkedEntity};

/// Maximum size of the `Link` header. Some servers and clients reject larger headers.
const MAX_HEADER_BYTES: usize = 4_000;
/// Maximum number of authors in the header. The linkset has all.
const MAX_HEADER_AUTHORS: usize = 10;

/// A typed link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The relation type.
    pub relation: &'static str,
    /// The target.
    pub target: String,
    /// The media type of the target, if known.
    pub media_type: Option<&'static str>,
}

impl Link {
    fn new(relation: &'static str, target: impl Into<String>) -> Self {
        Self { relation, target: target.into(), media_type: None }
    }

    /// The link as in the header.
    fn to_header(&self) -> String {
        let media_type = self.media_type.map(|media_type| format!("; type=\"{media_type}\"")).unwrap_or_default();
        format!("<{}>; rel=\"{}\"{media_type}", escape_target(&self.target), self.relation)
    }
}

/// All links of an entity's page.
#[must_use]
pub fn links(context: DocumentContext<'_>, entity: &LinkedEntity) -> Vec<Link> {
    let DocumentContext { addresses, language } = context;
    let (collection, slug) = (entity.collection(), entity.slug());
    let page_type = if matches!(entity, LinkedEntity::Person(_)) { "ProfilePage" } else { "AboutPage" };
    let mut links = vec![
        Link::new("cite-as", cite_as(addresses, entity)),
        Link::new("type", format!("https://schema.org/{page_type}")),
        Link::new("type", format!("https://schema.org/{}", schema_type(entity))),
    ];
    links.extend(formats(addresses, language, collection, slug));
    if let LinkedEntity::Paper(paper) = entity {
        links.extend(
            paper
                .authorships
                .nodes
                .iter()
                .filter_map(|author| Some(Link::new("author", author_address(addresses, author)?))),
        );
    }
    links
}

/// The formats of a page.
fn formats(
    addresses: &Addresses,
    language: Option<&str>,
    collection: Collection,
    slug: &str,
) -> impl Iterator<Item = Link> {
    collection.formats().iter().map(move |format| Link {
        relation: "describedby",
        target: addresses.document(language, collection, slug, *format),
        media_type: Some(format.media_type()),
    })
}

fn linkset_link(addresses: &Addresses, collection: Collection, slug: &str) -> Link {
    Link { relation: "linkset", target: addresses.linkset(collection, slug), media_type: Some(LINKSET_MEDIA_TYPE) }
}

/// The permanent address of an entity.
fn cite_as(addresses: &Addresses, entity: &LinkedEntity) -> String {
    let own = match entity {
        LinkedEntity::Person(person) => person.orcid.as_ref(),
        LinkedEntity::Organization(organization) => organization.ror.as_ref(),
        LinkedEntity::Topic(_) => None,
        LinkedEntity::Paper(paper) => paper.doi.as_ref(),
    };
    own.cloned().unwrap_or_else(|| addresses.iri(entity.id()))
}

fn author_address(addresses: &Addresses, author: &Author) -> Option<String> {
    let researcher = author.researcher.as_ref()?;
    Some(researcher.orcid.clone().unwrap_or_else(|| addresses.iri(&researcher.id)))
}

/// The value of the `Link` header of a page. What exceeds its size is only in the linkset.
#[must_use]
pub fn header(context: DocumentContext<'_>, entity: &LinkedEntity) -> String {
    let all = links(context, entity);
    let linkset = linkset_link(context.addresses, entity.collection(), entity.slug());
    let authors = all.iter().filter(|link| link.relation == "author").count();
    let listed = all.iter().filter(|link| link.relation != "author" || authors <= MAX_HEADER_AUTHORS);
    let mut header = linkset.to_header();
    for link in listed.map(Link::to_header) {
        if header.len() + link.len() + 2 <= MAX_HEADER_BYTES {
            header.push_str(", ");
            header.push_str(&link);
        }
    }
    header
}

/// The value of the `Link` header of a document in a format for machines.
#[must_use]
pub fn document_header(context: DocumentContext<'_>, entity: &LinkedEntity) -> String {
    Link::new("describes", context.addresses.page(context.language, entity.collection(), entity.slug())).to_header()
}

/// The media type of a linkset.
pub const LINKSET_MEDIA_TYPE: &str = "application/linkset+json";

/// The linkset of an entity, with its page as the anchor.
#[must_use]
pub fn linkset(context: DocumentContext<'_>, entity: &LinkedEntity) -> Value {
    let mut members = Map::new();
    let page = context.addresses.page(context.language, entity.collection(), entity.slug());
    members.insert("anchor".to_owned(), Value::String(page));
    for link in links(context, entity) {
        let mut target = json!({ "href": escape_target(&link.target) });
        if let Some(media_type) = link.media_type {
            target["type"] = media_type.into();
        }
        match members.entry(link.relation).or_insert_with(|| json!([])) {
            Value::Array(targets) if !targets.contains(&target) => targets.push(target),
            _ => {}
        }
    }
    json!({ "linkset": [members] })
}

/// Escapes what a URI may not contain.
fn escape_target(target: &str) -> String {
    let is_allowed = |byte: u8| byte.is_ascii_graphic() && !b"<>\"\\^`{|}".contains(&byte);
    let mut escaped = String::with_capacity(target.len());
    for byte in target.bytes() {
        if is_allowed(byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linked_data::address::Collection;

    fn paper(authors: usize, doi: &str) -> LinkedEntity {
        let author = |number: usize| json!({ "name": "A", "researcher": { "id": format!("UmVz{number}"), "slug": format!("a-{number}"), "orcid": null } });
        let value = json!({ "id": "UA", "slug": "tides", "type": "ARTICLE", "title": "Tides", "isRetracted": false,
            "issns": [], "isbns": [], "keywords": [], "doi": doi, "createdAt": "", "updatedAt": "",
            "abstract": { "completeness": "ABSENT", "text": null }, "identifiers": [], "topics": { "nodes": [] },
            "authorships": { "nodes": (0..authors).map(author).collect::<Vec<_>>(),
                "pageInfo": { "hasNextPage": false, "endCursor": null } } });
        LinkedEntity::from_json(Collection::Papers, value).expect("a paper")
    }

    #[test]
    fn link_header() {
        let addresses = Addresses::new("https://a.org");
        let context = DocumentContext { addresses: &addresses, language: Some("en") };
        let expected = "<https://a.org/linkset/papers/tides>; rel=\"linkset\"; type=\"application/linkset+json\", \
            <https://doi.org/10.1/%C3%A9%3C>; rel=\"cite-as\", <https://schema.org/AboutPage>; rel=\"type\", \
            <https://schema.org/ScholarlyArticle>; rel=\"type\", \
            <https://a.org/en/papers/tides.jsonld>; rel=\"describedby\"; type=\"application/ld+json\", \
            <https://a.org/en/papers/tides.bib>; rel=\"describedby\"; type=\"application/x-bibtex\", \
            <https://a.org/en/papers/tides.ris>; rel=\"describedby\"; type=\"application/x-research-info-systems\", \
            <https://a.org/en/papers/tides.csl.json>; rel=\"describedby\"; type=\"application/vnd.citationstyles.csl+json\", \
            <https://a.org/id/UmVz0>; rel=\"author\"";
        assert_eq!(header(context, &paper(1, "https://doi.org/10.1/é<")), expected);
        assert_eq!(header(context, &paper(10, "x")).matches("\"author\"").count(), 10);
        assert_eq!(header(context, &paper(11, "x")).matches("\"author\"").count(), 0);
        let long = header(context, &paper(10, &"x".repeat(3_900)));
        assert!(long.len() <= MAX_HEADER_BYTES && !long.contains("cite-as") && long.contains("linkset"), "{long}");
    }

    #[test]
    fn linkset_has_everything() {
        let addresses = Addresses::new("https://a.org");
        let context = DocumentContext { addresses: &addresses, language: None };
        let linkset = linkset(context, &paper(11, "https://doi.org/10.1/a"));
        let members = linkset["linkset"][0].as_object().expect("an object");
        let count = |relation: &str| members[relation].as_array().map(Vec::len);
        assert_eq!(members["anchor"], "https://a.org/papers/tides");
        assert_eq!(
            (count("author"), count("describedby"), count("cite-as"), count("type")),
            (Some(11), Some(4), Some(1), Some(2))
        );
        assert_eq!(
            members["describedby"][0],
            json!({ "href": "https://a.org/papers/tides.jsonld", "type": "application/ld+json" })
        );
    }
}
