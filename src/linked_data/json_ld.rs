//! JSON-LD in the vocabulary of schema.org. The identity of an entity, its `@id`, is the address by its global ID, without
//! language or slug.

use serde_json::{Map, Value, json};

use crate::linked_data::address::{Addresses, Collection, Format};
use crate::linked_data::queries::{
    Affiliation, Author, Identifier, LinkedEntity, Organization, OrganizationReference, Paper, Person, Topic,
    TopicReference,
};

const ORCID: &str = "https://orcid.org/";
const ROR: &str = "https://ror.org/";
const DOI: &str = "https://doi.org/";
const ARXIV: &str = "https://arxiv.org/abs/";

/// How a document refers to the pages of the directory.
#[derive(Clone, Copy, Debug)]
pub struct DocumentContext<'a> {
    /// The addresses.
    pub addresses: &'a Addresses,
    /// The language of the document, if its address has one.
    pub language: Option<&'a str>,
}

/// The type of an entity in schema.org.
#[must_use]
pub fn schema_type(entity: &LinkedEntity) -> &'static str {
    match entity {
        LinkedEntity::Person(_) => "Person",
        LinkedEntity::Organization(organization) => organization_type(&organization.types),
        LinkedEntity::Topic(_) => "DefinedTerm",
        LinkedEntity::Paper(paper) => paper_type(&paper.paper_type),
    }
}

/// Describes an entity.
#[must_use]
pub fn document(context: DocumentContext<'_>, entity: &LinkedEntity) -> Value {
    let described = match entity {
        LinkedEntity::Person(person) => return profile_page(context, person),
        LinkedEntity::Organization(organization) => context.organization(organization),
        LinkedEntity::Topic(topic) => context.topic(topic),
        LinkedEntity::Paper(paper) => context.paper(paper),
    };
    let schema = match entity {
        // schema.org has no property for broader terms.
        LinkedEntity::Topic(_) => json!(["https://schema.org", { "skos": "http://www.w3.org/2004/02/skos/core#" }]),
        _ => json!("https://schema.org"),
    };
    described.with("@context", schema).into()
}

fn profile_page(context: DocumentContext<'_>, person: &Person) -> Value {
    let page = context.page(Collection::People, &person.slug);
    let thing = Thing::new("ProfilePage")
        .with("@context", "https://schema.org")
        .with("@id", page.clone())
        .with("url", page)
        .with("inLanguage", context.language)
        .with("dateCreated", person.created_at.clone())
        .with("dateModified", person.updated_at.clone())
        .with("mainEntity", context.person(person));
    thing.into()
}

/// An object whose properties without a value are left out.
struct Thing(Map<String, Value>);

impl Thing {
    fn new(schema_type: &str) -> Self {
        Self(Map::new()).with("@type", schema_type)
    }

    fn with(mut self, property: &str, value: impl Into<Value>) -> Self {
        let value = value.into();
        let is_empty = match &value {
            Value::Null => true,
            Value::String(text) => text.is_empty(),
            Value::Array(values) => values.is_empty(),
            _ => false,
        };
        if !is_empty {
            self.0.insert(property.to_owned(), value);
        }
        self
    }

    fn with_all<V: Into<Value>>(self, property: &str, values: impl IntoIterator<Item = V>) -> Self {
        let mut distinct: Vec<Value> = Vec::new();
        for value in values.into_iter().map(Into::into) {
            if !distinct.contains(&value) {
                distinct.push(value);
            }
        }
        self.with(property, distinct)
    }
}

impl From<Thing> for Value {
    fn from(Thing(properties): Thing) -> Self {
        Self::Object(properties)
    }
}

/// An identifier with the scheme that it belongs to.
fn property_value(scheme: &str, value: &str, url: &str) -> Thing {
    Thing::new("PropertyValue").with("propertyID", scheme).with("value", value).with("url", url)
}

/// The identifier at the end of its address.
fn scheme_identifier(scheme: &str, prefix: &str, url: Option<&str>) -> Option<Thing> {
    url.map(|url| property_value(scheme, url.strip_prefix(prefix).unwrap_or(url), url))
}

fn other_identifiers(identifiers: &[Identifier]) -> impl Iterator<Item = Thing> {
    identifiers.iter().filter_map(|identifier| {
        Some(property_value(&identifier.scheme, &identifier.value, identifier.url.as_deref()?))
    })
}

/// The addresses of the same thing elsewhere.
fn same_as<'a>(
    own: impl IntoIterator<Item = &'a Option<String>>,
    identifiers: &'a [Identifier],
) -> impl Iterator<Item = &'a str> {
    let others = identifiers.iter().map(|identifier| &identifier.url);
    own.into_iter().chain(others).filter_map(|url| url.as_deref())
}

impl DocumentContext<'_> {
    fn page(&self, collection: Collection, slug: &str) -> String {
        self.addresses.page(self.language, collection, slug)
    }

    fn organization_reference(&self, organization: &OrganizationReference) -> Thing {
        Thing::new("Organization")
            .with("@id", self.addresses.iri(&organization.id))
            .with("name", organization.display_name.value.clone())
            .with("sameAs", organization.ror.clone())
    }

    fn topic_reference(&self, topic: &TopicReference) -> Thing {
        Thing::new("DefinedTerm")
            .with("@id", self.addresses.iri(&topic.id))
            .with("name", topic.display_name.value.clone())
    }

    fn person(&self, person: &Person) -> Thing {
        let organizations = |is_wanted: fn(&Affiliation) -> bool| {
            let wanted = person.affiliations.nodes.iter().filter(move |affiliation| is_wanted(affiliation));
            wanted.map(|affiliation| self.organization_reference(&affiliation.organization))
        };
        let current = |affiliation: &&Affiliation| affiliation.is_current && affiliation.kind == "EMPLOYMENT";
        let mut positions = person.affiliations.nodes.iter().filter(current);
        let primary = positions.clone().find(|affiliation| affiliation.is_primary).or_else(|| positions.next());
        let job_title = primary.and_then(|affiliation| Some(affiliation.role_title.as_ref()?.value.clone()));
        Thing::new("Person")
            .with("@id", self.addresses.iri(&person.id))
            .with("url", self.page(Collection::People, &person.slug))
            .with("name", person.name.clone())
            .with("givenName", person.given_name.clone())
            .with("familyName", person.family_name.clone())
            .with_all("alternateName", person.other_names.iter().cloned())
            .with_all(
                "identifier",
                scheme_identifier("ORCID", ORCID, person.orcid.as_deref())
                    .into_iter()
                    .chain(other_identifiers(&person.identifiers)),
            )
            .with_all("sameAs", same_as([&person.orcid, &person.homepage_url], &person.identifiers))
            .with("jobTitle", job_title)
            .with_all("worksFor", organizations(|own| own.is_current && own.kind == "EMPLOYMENT"))
            .with_all("affiliation", organizations(|own| own.is_current && own.kind == "INVITED_POSITION"))
            .with_all("memberOf", organizations(|own| own.is_current && own.kind == "MEMBERSHIP"))
            .with_all("alumniOf", organizations(|own| !own.is_current && own.kind == "EDUCATION"))
            .with_all("knowsAbout", person.topics.nodes.iter().map(|topic| self.topic_reference(topic)))
            .with("image", person.portrait_url.clone())
            .with("description", person.biography.as_ref().map(|biography| biography.value.clone()))
    }

    fn organization(&self, organization: &Organization) -> Thing {
        let name = &organization.display_name.value;
        let names = organization.names.iter().map(|name| &name.value).filter(|other| *other != name);
        let address = Thing::new("PostalAddress")
            .with("addressLocality", organization.city.clone())
            .with("addressCountry", organization.country_code.clone());
        let has_address = organization.city.is_some() || organization.country_code.is_some();
        let page = self.page(Collection::Organizations, &organization.slug);
        Thing::new(organization_type(&organization.types))
            .with("@id", self.addresses.iri(&organization.id))
            .with("url", organization.homepage_url.clone().unwrap_or_else(|| page.clone()))
            .with("mainEntityOfPage", page)
            .with("name", name.clone())
            .with_all("alternateName", names.cloned())
            .with_all(
                "identifier",
                scheme_identifier("ROR", ROR, organization.ror.as_deref())
                    .into_iter()
                    .chain(other_identifiers(&organization.identifiers)),
            )
            .with_all("sameAs", same_as([&organization.ror], &organization.identifiers))
            .with("address", has_address.then(|| Value::from(address)))
            .with_all("parentOrganization", organization.parents.iter().map(|own| self.organization_reference(own)))
            .with_all("subOrganization", organization.children.nodes.iter().map(|own| self.organization_reference(own)))
    }

    fn topic(&self, topic: &Topic) -> Thing {
        let labels = |is_preferred: bool| {
            let is_preferred_kind = |kind: &str| matches!(kind, "DISPLAY" | "LABEL");
            let labels = topic.labels.iter().filter(move |label| is_preferred_kind(&label.kind) == is_preferred);
            labels.map(|label| match &label.language {
                Some(language) => json!({ "@language": language, "@value": label.value }),
                None => json!(label.value),
            })
        };
        let mut code = topic.identifiers.iter().filter(|identifier| identifier.scheme == topic.scheme);
        Thing::new("DefinedTerm")
            .with("@id", self.addresses.iri(&topic.id))
            .with("url", self.page(Collection::Topics, &topic.slug))
            .with("name", topic.display_name.value.clone())
            .with_all("name", labels(true))
            .with_all("alternateName", labels(false))
            .with("termCode", code.next().map(|identifier| identifier.value.clone()))
            .with("inDefinedTermSet", topic.scheme.clone())
            .with_all("identifier", other_identifiers(&topic.identifiers))
            .with_all("sameAs", same_as([], &topic.identifiers))
            .with_all("skos:broader", topic.broader.iter().map(|broader| self.topic_reference(broader)))
    }

    fn author(&self, author: &Author) -> Thing {
        let researcher = author.researcher.as_ref();
        Thing::new("Person")
            .with("@id", researcher.map(|researcher| self.addresses.iri(&researcher.id)))
            .with("name", author.name.clone())
            .with("sameAs", researcher.and_then(|researcher| researcher.orcid.clone()))
    }

    fn paper(&self, paper: &Paper) -> Thing {
        let schema_type = paper_type(&paper.paper_type);
        let is_book = schema_type == "Book";
        let has_pagination = matches!(schema_type, "ScholarlyArticle" | "Report" | "Chapter");
        let status = match paper.paper_type.as_str() {
            _ if paper.is_retracted => Some("Retracted"),
            "PREPRINT" => Some("Preprint"),
            _ => None,
        };
        let arxiv_url = paper.arxiv_id.as_ref().map(|id| format!("{ARXIV}{id}"));
        let publisher = paper.publisher_name.as_ref().map(|name| Thing::new("Organization").with("name", name.clone()));
        let rest = paper.authorships.page_info.next().map(|_| {
            let url = self.addresses.document(self.language, Collection::Papers, &paper.slug, Format::JsonLd);
            Thing::new("CreativeWork").with("url", url).with("encodingFormat", Format::JsonLd.media_type())
        });
        let identifiers = [
            scheme_identifier("DOI", DOI, paper.doi.as_deref()),
            scheme_identifier("arXiv", ARXIV, arxiv_url.as_deref()),
        ];
        let page = self.page(Collection::Papers, &paper.slug);
        Thing::new(schema_type)
            .with("@id", self.addresses.iri(&paper.id))
            .with("url", paper.url.clone().unwrap_or_else(|| page.clone()))
            .with("mainEntityOfPage", page)
            .with("name", paper.title.clone())
            .with("headline", paper.title.clone())
            // A list, because the order of authors matters.
            .with(
                "author",
                paper.authorships.nodes.iter().map(|author| self.author(author).into()).collect::<Vec<Value>>(),
            )
            .with("datePublished", paper.publication_date.clone())
            .with("inLanguage", paper.language.clone())
            .with("creativeWorkStatus", status)
            .with("isPartOf", container(paper).map(Value::from))
            .with("pagination", paper.pages.clone().or_else(|| paper.article_number.clone()).filter(|_| has_pagination))
            .with("bookEdition", paper.edition.clone().filter(|_| is_book))
            .with_all("isbn", paper.isbns.iter().filter(|_| is_book).cloned())
            .with("publisher", publisher.map(Value::from))
            .with_all("identifier", identifiers.into_iter().flatten().chain(other_identifiers(&paper.identifiers)))
            .with_all("sameAs", same_as([&paper.doi, &arxiv_url], &paper.identifiers))
            .with("abstract", paper.abstract_text.full_text())
            .with_all("about", paper.topics.nodes.iter().map(|topic| self.topic_reference(topic)))
            .with_all("keywords", paper.keywords.iter().cloned())
            .with("isBasedOn", paper.version_of.as_ref().map(|work| json!({ "@id": self.addresses.iri(&work.id) })))
            .with("subjectOf", rest.map(Value::from))
    }
}

/// What contains the paper: the issue of a journal, or a book.
fn container(paper: &Paper) -> Option<Thing> {
    let name = paper.venue_name.clone()?;
    let is_in_book =
        !paper.isbns.is_empty() || matches!(paper.paper_type.as_str(), "BOOK_CHAPTER" | "CONFERENCE_PAPER");
    if is_in_book && paper.issns.is_empty() {
        return Some(Thing::new("Book").with("name", name).with_all("isbn", paper.isbns.iter().cloned()));
    }
    let mut container = Thing::new("Periodical").with("name", name).with_all("issn", paper.issns.iter().cloned());
    if let Some(volume) = &paper.volume {
        container = Thing::new("PublicationVolume").with("volumeNumber", volume.clone()).with("isPartOf", container);
    }
    if let Some(issue) = &paper.issue {
        container = Thing::new("PublicationIssue").with("issueNumber", issue.clone()).with("isPartOf", container);
    }
    Some(container)
}

fn paper_type(paper_type: &str) -> &'static str {
    match paper_type {
        "ARTICLE" | "CONFERENCE_PAPER" | "PREPRINT" => "ScholarlyArticle",
        "BOOK" => "Book",
        "BOOK_CHAPTER" => "Chapter",
        "THESIS" => "Thesis",
        "REPORT" => "Report",
        "DATASET" => "Dataset",
        _ => "CreativeWork",
    }
}

fn organization_type(types: &[String]) -> &'static str {
    let is = |name: &str| types.iter().any(|own| own == name);
    if is("EDUCATION") {
        "CollegeOrUniversity"
    } else if is("FACILITY") {
        "ResearchOrganization"
    } else if is("GOVERNMENT") {
        "GovernmentOrganization"
    } else {
        "Organization"
    }
}
