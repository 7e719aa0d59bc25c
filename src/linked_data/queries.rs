//! The GraphQL queries whose responses are turned into linked data, and their results.

use serde::Deserialize;

use crate::linked_data::address::Collection;

/// The address of any entity by its ID: [`NodeAddress`].
pub const ADDRESS: &str = include_str!("queries/address.graphql");
/// The slug of a researcher by a key.
pub const RESEARCHER_ADDRESS: &str = include_str!("queries/researcher_address.graphql");
/// The slug of an organization by a key.
pub const ORGANIZATION_ADDRESS: &str = include_str!("queries/organization_address.graphql");
/// The slug of a paper by a key.
pub const PAPER_ADDRESS: &str = include_str!("queries/paper_address.graphql");
/// More authors of a paper: [`MoreAuthors`].
pub const AUTHORS: &str = include_str!("queries/authors.graphql");
/// A paper in a citation format: [`PaperCitation`].
pub const PAPER_CITATION: &str = include_str!("queries/paper_citation.graphql");
/// The papers of a person in a citation format: [`Citations`].
pub const PERSON_CITATIONS: &str = include_str!("queries/person_citations.graphql");
/// The papers of an organization in a citation format: [`Citations`].
pub const ORGANIZATION_CITATIONS: &str = include_str!("queries/organization_citations.graphql");

/// The query of all data of an entity.
#[must_use]
pub fn entity(collection: Collection) -> &'static str {
    match collection {
        Collection::People => include_str!("queries/person.graphql"),
        Collection::Organizations => include_str!("queries/organization.graphql"),
        Collection::Topics => include_str!("queries/topic.graphql"),
        Collection::Papers => include_str!("queries/paper.graphql"),
    }
}

/// The only field of a response: the entity, or null.
pub fn only_field(data: serde_json::Value) -> Option<serde_json::Value> {
    let serde_json::Value::Object(fields) = data else { return None };
    fields.into_iter().next().map(|(_, value)| value).filter(|value| !value.is_null())
}

/// A list without its cursors.
#[derive(Clone, Debug, Deserialize)]
pub struct Nodes<T> {
    /// The items.
    pub nodes: Vec<T>,
}

/// A page of a list.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    /// The number of items of the whole list.
    pub total_count: Option<u64>,
    /// The items.
    pub nodes: Vec<T>,
    /// Where the page ends.
    pub page_info: PageInfo,
}

/// Where a page ends.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PageInfo {
    has_next_page: bool,
    end_cursor: Option<String>,
}

impl PageInfo {
    /// The cursor of the next page, if there is one.
    #[must_use]
    pub fn next(&self) -> Option<&str> {
        self.end_cursor.as_deref().filter(|_| self.has_next_page)
    }
}

/// A text in the best of the requested languages.
#[derive(Clone, Debug, Deserialize)]
pub struct Text {
    /// The text.
    pub value: String,
}

/// A label in a language.
#[derive(Clone, Debug, Deserialize)]
pub struct Label {
    /// The kind of name.
    pub kind: String,
    /// The language, if known.
    pub language: Option<String>,
    /// The text.
    pub value: String,
}

/// An identifier of any scheme.
#[derive(Clone, Debug, Deserialize)]
pub struct Identifier {
    /// The scheme.
    pub scheme: String,
    /// The identifier.
    pub value: String,
    /// Its address, if the scheme has addresses.
    pub url: Option<String>,
}

/// A topic that something is about.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TopicReference {
    /// The global ID.
    pub id: String,
    /// The slug.
    pub slug: String,
    /// The label.
    pub display_name: Text,
}

/// An organization that something belongs to.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrganizationReference {
    /// The global ID.
    pub id: String,
    /// The slug.
    pub slug: String,
    /// The ROR ID as a URL.
    pub ror: Option<String>,
    /// The name.
    pub display_name: Text,
}

/// An affiliation of a person.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Affiliation {
    /// The kind, as in GraphQL.
    pub kind: String,
    /// Whether it is held today.
    pub is_current: bool,
    /// Whether it is the primary one.
    pub is_primary: bool,
    /// The role.
    pub role_title: Option<Text>,
    /// The organization.
    pub organization: OrganizationReference,
}

/// A person.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the fields of the GraphQL type")]
pub struct Person {
    pub id: String,
    pub slug: String,
    pub name: String,
    pub given_name: Option<String>,
    pub family_name: Option<String>,
    pub other_names: Vec<String>,
    pub orcid: Option<String>,
    pub portrait_url: Option<String>,
    pub homepage_url: Option<String>,
    pub created_at: String,
    pub updated_at: String,
    pub biography: Option<Text>,
    pub identifiers: Vec<Identifier>,
    pub affiliations: Nodes<Affiliation>,
    pub topics: Nodes<TopicReference>,
}

/// An organization.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the fields of the GraphQL type")]
pub struct Organization {
    pub id: String,
    pub slug: String,
    pub ror: Option<String>,
    pub types: Vec<String>,
    pub city: Option<String>,
    pub country_code: Option<String>,
    pub homepage_url: Option<String>,
    pub created_at: String,
    pub updated_at: String,
    pub display_name: Text,
    pub names: Vec<Text>,
    pub identifiers: Vec<Identifier>,
    pub parents: Vec<OrganizationReference>,
    pub children: Nodes<OrganizationReference>,
}

/// A topic.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the fields of the GraphQL type")]
pub struct Topic {
    pub id: String,
    pub slug: String,
    pub scheme: String,
    pub created_at: String,
    pub updated_at: String,
    pub display_name: Text,
    pub labels: Vec<Label>,
    pub identifiers: Vec<Identifier>,
    pub broader: Vec<TopicReference>,
}

/// A paper.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the fields of the GraphQL type")]
pub struct Paper {
    pub id: String,
    pub slug: String,
    #[serde(rename = "type")]
    pub paper_type: String,
    pub title: String,
    pub language: Option<String>,
    pub is_retracted: bool,
    pub publication_date: Option<String>,
    pub venue_name: Option<String>,
    pub volume: Option<String>,
    pub issue: Option<String>,
    pub pages: Option<String>,
    pub article_number: Option<String>,
    pub edition: Option<String>,
    pub publisher_name: Option<String>,
    pub issns: Vec<String>,
    pub isbns: Vec<String>,
    pub keywords: Vec<String>,
    pub doi: Option<String>,
    pub arxiv_id: Option<String>,
    pub url: Option<String>,
    pub created_at: String,
    pub updated_at: String,
    #[serde(rename = "abstract")]
    pub abstract_text: Abstract,
    pub identifiers: Vec<Identifier>,
    pub topics: Nodes<TopicReference>,
    pub version_of: Option<Reference>,
    pub authorships: Page<Author>,
}

/// The abstract of a paper.
#[derive(Clone, Debug, Deserialize)]
pub struct Abstract {
    completeness: String,
    text: Option<String>,
}

impl Abstract {
    /// The text, unless a source truncated it.
    #[must_use]
    pub fn full_text(&self) -> Option<&str> {
        self.text.as_deref().filter(|_| self.completeness == "FULL")
    }
}

/// An entity by its ID.
#[derive(Clone, Debug, Deserialize)]
pub struct Reference {
    /// The global ID.
    pub id: String,
}

/// An author of a paper.
#[derive(Clone, Debug, Deserialize)]
pub struct Author {
    /// The name to display.
    pub name: String,
    /// The researcher that the author was resolved to.
    pub researcher: Option<ResolvedResearcher>,
}

/// The researcher that an author was resolved to.
#[derive(Clone, Debug, Deserialize)]
pub struct ResolvedResearcher {
    /// The global ID.
    pub id: String,
    /// The slug.
    pub slug: String,
    /// The ORCID iD as a URL.
    pub orcid: Option<String>,
}

/// More authors of a paper.
#[derive(Debug, Deserialize)]
pub struct MoreAuthors {
    /// A page of them.
    pub authorships: Page<Author>,
}

/// An entity of any kind.
#[derive(Debug, Deserialize)]
pub struct NodeAddress {
    /// Its GraphQL type.
    #[serde(rename = "__typename")]
    pub type_name: String,
    /// Its slug, if it has a page.
    pub slug: Option<String>,
}

/// An entity of a known kind.
#[derive(Debug, Deserialize)]
pub struct EntityAddress {
    /// Its slug.
    pub slug: String,
}

/// A paper in a citation format.
#[derive(Debug, Deserialize)]
pub struct PaperCitation {
    /// The current slug.
    pub slug: String,
    /// The entry.
    pub citation: String,
}

/// The papers of a person or an organization in a citation format.
#[derive(Debug, Deserialize)]
pub struct Citations {
    /// The current slug.
    pub slug: String,
    /// A page of the papers.
    pub papers: Page<Citation>,
}

/// A paper in a citation format.
#[derive(Debug, Deserialize)]
pub struct Citation {
    /// The entry.
    pub citation: String,
}

/// An entity with the data of its query.
#[derive(Clone, Debug)]
pub enum LinkedEntity {
    /// A person.
    Person(Box<Person>),
    /// An organization.
    Organization(Box<Organization>),
    /// A topic.
    Topic(Box<Topic>),
    /// A paper. Its authors are those of the pages that were read.
    Paper(Box<Paper>),
}

impl LinkedEntity {
    /// Reads the result of the query [`entity`].
    ///
    /// # Errors
    /// If the result does not have the shape of the query.
    pub fn from_json(collection: Collection, value: serde_json::Value) -> Result<Self, serde_json::Error> {
        Ok(match collection {
            Collection::People => Self::Person(serde_json::from_value(value)?),
            Collection::Organizations => Self::Organization(serde_json::from_value(value)?),
            Collection::Topics => Self::Topic(serde_json::from_value(value)?),
            Collection::Papers => Self::Paper(serde_json::from_value(value)?),
        })
    }

    /// Reads the entity in the JSON response to a query that selects at least what [`entity`] selects; `None` if it is null.
    ///
    /// # Errors
    /// If the response does not have the shape of the query.
    pub fn from_response(collection: Collection, json: &[u8]) -> Result<Option<Self>, serde_json::Error> {
        let mut response: serde_json::Value = serde_json::from_slice(json)?;
        let field = match collection {
            Collection::People => "researcher",
            Collection::Organizations => "organization",
            Collection::Topics => "topic",
            Collection::Papers => "paper",
        };
        match response["data"][field].take() {
            serde_json::Value::Null => Ok(None),
            value => Self::from_json(collection, value).map(Some),
        }
    }

    /// The kind.
    #[must_use]
    pub fn collection(&self) -> Collection {
        match self {
            Self::Person(_) => Collection::People,
            Self::Organization(_) => Collection::Organizations,
            Self::Topic(_) => Collection::Topics,
            Self::Paper(_) => Collection::Papers,
        }
    }

    /// The global ID.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::Person(person) => &person.id,
            Self::Organization(organization) => &organization.id,
            Self::Topic(topic) => &topic.id,
            Self::Paper(paper) => &paper.id,
        }
    }

    /// The current slug.
    #[must_use]
    pub fn slug(&self) -> &str {
        match self {
            Self::Person(person) => &person.slug,
            Self::Organization(organization) => &organization.slug,
            Self::Topic(topic) => &topic.slug,
            Self::Paper(paper) => &paper.slug,
        }
    }

    /// The name, label or title.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Person(person) => &person.name,
            Self::Organization(organization) => &organization.display_name.value,
            Self::Topic(topic) => &topic.display_name.value,
            Self::Paper(paper) => &paper.title,
        }
    }
}
