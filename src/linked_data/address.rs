//! The addresses of entities on the web.

use std::fmt;

use crate::model::global_id::NodeKind;

/// The languages of pages. The first is that of clients that prefer none of them.
pub const LANGUAGES: [&str; 2] = ["en", "fr"];

/// The kinds of entity that have pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Collection {
    /// Researchers.
    People,
    /// Organizations.
    Organizations,
    /// Topics.
    Topics,
    /// Papers.
    Papers,
}

impl Collection {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::People, Self::Organizations, Self::Topics, Self::Papers];

    /// The kind of an entity; `None` if it has no page.
    #[must_use]
    pub fn of(kind: NodeKind) -> Option<Self> {
        match kind {
            NodeKind::Researcher => Some(Self::People),
            NodeKind::Organization => Some(Self::Organizations),
            NodeKind::Topic => Some(Self::Topics),
            NodeKind::Paper => Some(Self::Papers),
            NodeKind::Affiliation | NodeKind::Authorship => None,
        }
    }

    /// The path segment.
    #[must_use]
    pub fn segment(self) -> &'static str {
        match self {
            Self::People => "people",
            Self::Organizations => "organizations",
            Self::Topics => "topics",
            Self::Papers => "papers",
        }
    }

    /// The kind with a path segment.
    #[must_use]
    pub fn by_segment(segment: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|collection| collection.segment() == segment)
    }

    /// The formats in which its entities are available.
    #[must_use]
    pub fn formats(self) -> &'static [Format] {
        match self {
            Self::People | Self::Organizations | Self::Papers => {
                &[Format::JsonLd, Format::Bibtex, Format::Ris, Format::CslJson]
            }
            Self::Topics => &[Format::JsonLd],
        }
    }
}

/// A format for machines, in which an entity is available besides its page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// JSON-LD in the vocabulary of schema.org.
    JsonLd,
    /// BibTeX: of a paper, or of all papers of a person or an organization.
    Bibtex,
    /// RIS.
    Ris,
    /// CSL-JSON.
    CslJson,
}

impl Format {
    /// The suffix of the address.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::JsonLd => "jsonld",
            Self::Bibtex => "bib",
            Self::Ris => "ris",
            Self::CslJson => "csl.json",
        }
    }

    /// The media type.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::JsonLd => "application/ld+json",
            Self::Bibtex => "application/x-bibtex",
            Self::Ris => "application/x-research-info-systems",
            Self::CslJson => "application/vnd.citationstyles.csl+json",
        }
    }

    /// The name for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::JsonLd => "JSON-LD",
            Self::Bibtex => "BibTeX",
            Self::Ris => "RIS",
            Self::CslJson => "CSL-JSON",
        }
    }
}

/// The last segment of an address, such as `ida-brook.jsonld`: a slug, and perhaps the suffix of a format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceName {
    /// The slug as given. It may be that of a merged entity, or a former one.
    pub slug: String,
    /// The format by the suffix.
    pub format: Option<Format>,
}

impl ResourceName {
    /// Parses the last segment; `None` if the suffix is that of no format of the collection. Slugs have no dots.
    #[must_use]
    pub fn parse(collection: Collection, segment: &str) -> Option<Self> {
        let Some((slug, suffix)) = segment.split_once('.') else {
            return Some(Self { slug: segment.to_owned(), format: None });
        };
        let format = collection.formats().iter().find(|format| format.extension() == suffix)?;
        Some(Self { slug: slug.to_owned(), format: Some(*format) })
    }

    /// The same for another slug.
    #[must_use]
    pub fn with_slug(&self, slug: &str) -> Self {
        Self { slug: slug.to_owned(), format: self.format }
    }
}

impl fmt::Display for ResourceName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.slug)?;
        self.format.map_or(Ok(()), |format| write!(formatter, ".{}", format.extension()))
    }
}

/// Builds absolute addresses.
#[derive(Clone, Debug)]
pub struct Addresses {
    /// The address of the service, without a slash at its end.
    base: String,
}

impl Addresses {
    /// Addresses below this one, which has no slash at its end.
    #[must_use]
    pub fn new(base: impl Into<String>) -> Self {
        Self { base: base.into() }
    }

    /// An address below that of the service, by a path that begins with a slash.
    #[must_use]
    pub fn below(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// The IRI of an entity, by its global ID. It is permanent, and redirects to the page.
    #[must_use]
    pub fn iri(&self, id: &str) -> String {
        format!("{}/id/{id}", self.base)
    }

    /// The page of an entity in a language; without one, the address that redirects to the client's language.
    #[must_use]
    pub fn page(&self, language: Option<&str>, collection: Collection, slug: &str) -> String {
        let language = language.map(|language| format!("/{language}")).unwrap_or_default();
        format!("{}{language}/{}/{slug}", self.base, collection.segment())
    }

    /// An entity in a format, in a language.
    #[must_use]
    pub fn document(&self, language: Option<&str>, collection: Collection, slug: &str, format: Format) -> String {
        format!("{}.{}", self.page(language, collection, slug), format.extension())
    }

    /// The linkset of an entity.
    #[must_use]
    pub fn linkset(&self, collection: Collection, slug: &str) -> String {
        format!("{}/linkset/{}/{slug}", self.base, collection.segment())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_resources() {
        for (collection, segment, expected) in [
            (Collection::People, "ida", Some(("ida", None))),
            (Collection::People, "ida.jsonld", Some(("ida", Some(Format::JsonLd)))),
            (Collection::Papers, "tides.csl.json", Some(("tides", Some(Format::CslJson)))),
            (Collection::Papers, "tides.bib", Some(("tides", Some(Format::Bibtex)))),
            (Collection::Topics, "tides.bib", None),
            (Collection::Papers, "tides.json", None),
            (Collection::Papers, "tides.", None),
            (Collection::Papers, "a.b.ris", None),
        ] {
            let name = ResourceName::parse(collection, segment);
            assert_eq!(name.as_ref().map(|name| (name.slug.as_str(), name.format)), expected, "{segment}");
            assert!(name.is_none_or(|name| name.to_string() == segment));
        }
    }

    #[test]
    fn absolute_addresses() {
        let addresses = Addresses::new("https://www.example.org/directory");
        assert_eq!(addresses.iri("UA"), "https://www.example.org/directory/id/UA");
        let page = addresses.page(Some("fr"), Collection::People, "ida");
        assert_eq!(page, "https://www.example.org/directory/fr/people/ida");
        let document = addresses.document(None, Collection::Papers, "tides", Format::CslJson);
        assert_eq!(document, "https://www.example.org/directory/papers/tides.csl.json");
        assert_eq!(
            addresses.linkset(Collection::Topics, "sea"),
            "https://www.example.org/directory/linkset/topics/sea"
        );
    }

    #[test]
    fn collections_by_segment() {
        for collection in Collection::ALL {
            assert_eq!(Collection::by_segment(collection.segment()), Some(collection));
        }
        assert_eq!(Collection::by_segment("person"), None);
    }
}
