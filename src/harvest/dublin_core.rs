//! Unqualified Dublin Core (`oai_dc`) of researchers, organizations, topics and papers. `docs/harvesting.md` has the mapping.

use crate::citation::AuthorName;
use crate::harvest::repository::Repository;
use crate::harvest::xml::XmlWriter;
use crate::model::change::ChangeKind;
use crate::model::identifier::external_id_url;
use crate::model::language::LocalizedText;
use crate::model::record::{NameKind, PaperType};
use crate::store::reader::harvest::content::{
    ExternalIdentifier, OrganizationContent, PaperContent, ResearcherContent, TopicContent, TopicReference,
};
use crate::text::pages::pages_with_dash;

const ROOT: &str = "oai_dc:dc";
const NAMESPACES: [(&str, &str); 3] = [
    ("xmlns:oai_dc", "http://www.openarchives.org/OAI/2.0/oai_dc/"),
    ("xmlns:dc", "http://purl.org/dc/elements/1.1/"),
    (
        "xsi:schemaLocation",
        "http://www.openarchives.org/OAI/2.0/oai_dc/ http://www.openarchives.org/OAI/2.0/oai_dc.xsd",
    ),
];

/// Writes a paper.
pub fn write_paper(xml: &mut XmlWriter, repository: &Repository, id: i64, paper: &PaperContent) {
    xml.open(ROOT, &NAMESPACES);
    let language = paper.cited.language.as_deref().unwrap_or(UNKNOWN_LANGUAGE);
    localized(xml, "dc:title", language, &paper.cited.title);
    each_language(xml, "dc:title", &paper.translated_titles);
    for author in &paper.cited.authors {
        xml.text("dc:creator", &[], &inverted(&author.parts));
    }
    topics(xml, &paper.topics);
    for keyword in &paper.cited.keywords {
        xml.text("dc:subject", &[], keyword);
    }
    each_language(xml, "dc:description", &paper.cited.abstract_text);
    let (publisher, venue) = paper.cited.publisher_and_venue();
    xml.optional("dc:publisher", publisher);
    xml.optional("dc:date", paper.cited.publication_date.map(|date| date.to_string()).as_deref());
    let (label, uri, eu_repo) = types(paper.cited.paper_type);
    for word in [Some(label), Some(uri), eu_repo].into_iter().flatten() {
        xml.text("dc:type", &[], word);
    }
    identifier(xml, &repository.page_url(ChangeKind::Paper, id));
    let doi = paper.cited.doi.as_ref().map(|doi| format!("https://doi.org/{doi}"));
    let arxiv = paper.cited.arxiv_id.as_ref().map(|arxiv_id| format!("https://arxiv.org/abs/{arxiv_id}"));
    let url = paper.cited.url.clone().filter(|url| Some(url) != doi.as_ref() && Some(url) != arxiv.as_ref());
    for url in [doi, arxiv, url].into_iter().flatten() {
        identifier(xml, &url);
    }
    xml.optional("dc:source", venue.map(|venue| source(venue, paper)).as_deref());
    xml.optional("dc:language", paper.cited.language.as_deref());
    if let Some(version_of) = paper.version_of_id {
        xml.text("dc:relation", &[], &repository.page_url(ChangeKind::Paper, version_of));
    }
    xml.close(ROOT);
}

/// Writes a researcher. `organizations` have pages, and are those of the current affiliations.
pub fn write_researcher(xml: &mut XmlWriter, repository: &Repository, id: i64, researcher: &ResearcherContent) {
    xml.open(ROOT, &NAMESPACES);
    xml.text("dc:title", &[], &researcher.name.full);
    topics(xml, &researcher.topics);
    each_language(xml, "dc:description", &researcher.headline);
    each_language(xml, "dc:description", &researcher.biography);
    xml.text("dc:type", &[], "Person");
    identifier(xml, &repository.page_url(ChangeKind::Researcher, id));
    xml.optional(
        "dc:identifier",
        researcher.orcid.as_ref().map(|orcid| format!("https://orcid.org/{orcid}")).as_deref(),
    );
    external_identifiers(xml, &researcher.identifiers);
    xml.optional("dc:identifier", researcher.homepage_url.as_deref());
    for affiliation in &researcher.affiliations {
        let url = repository.page_url(ChangeKind::Organization, affiliation.organization_id);
        xml.text("dc:relation", &[], &url);
    }
    xml.close(ROOT);
}

/// Writes an organization.
pub fn write_organization(xml: &mut XmlWriter, repository: &Repository, id: i64, organization: &OrganizationContent) {
    xml.open(ROOT, &NAMESPACES);
    for name in organization.names.0.iter().filter(|name| name.kind != NameKind::Alias) {
        localized(xml, "dc:title", name.language.as_deref().unwrap_or(UNKNOWN_LANGUAGE), &name.value);
    }
    xml.text("dc:type", &[], "Organization");
    for own in &organization.types {
        xml.text("dc:type", &[], own);
    }
    identifier(xml, &repository.page_url(ChangeKind::Organization, id));
    xml.optional("dc:identifier", organization.ror.as_ref().map(|ror| format!("https://ror.org/{ror}")).as_deref());
    external_identifiers(xml, &organization.identifiers);
    xml.optional("dc:identifier", organization.homepage_url.as_deref());
    for parent in &organization.parent_ids {
        xml.text("dc:relation", &[], &repository.page_url(ChangeKind::Organization, *parent));
    }
    xml.optional("dc:coverage", organization.city.as_deref());
    xml.optional("dc:coverage", organization.country_code.as_deref());
    xml.close(ROOT);
}

/// Writes a topic.
pub fn write_topic(xml: &mut XmlWriter, repository: &Repository, id: i64, topic: &TopicContent) {
    xml.open(ROOT, &NAMESPACES);
    each_language(xml, "dc:title", &topic.labels);
    xml.text("dc:type", &[], "Concept");
    identifier(xml, &repository.page_url(ChangeKind::Topic, id));
    xml.optional("dc:identifier", topic.code.as_deref());
    external_identifiers(xml, &topic.identifiers);
    xml.text("dc:source", &[], &topic.scheme);
    for broader in &topic.broader_ids {
        xml.text("dc:relation", &[], &repository.page_url(ChangeKind::Topic, *broader));
    }
    xml.close(ROOT);
}

/// The tag of texts whose language is not known.
const UNKNOWN_LANGUAGE: &str = "und";

fn localized(xml: &mut XmlWriter, name: &str, language: &str, text: &str) {
    if language == UNKNOWN_LANGUAGE {
        xml.text(name, &[], text);
    } else {
        xml.text(name, &[("xml:lang", language)], text);
    }
}

fn each_language(xml: &mut XmlWriter, name: &str, texts: &LocalizedText) {
    for (language, text) in texts.iter() {
        localized(xml, name, language, text);
    }
}

fn topics(xml: &mut XmlWriter, topics: &[TopicReference]) {
    for topic in topics {
        each_language(xml, "dc:subject", &topic.labels);
    }
}

fn identifier(xml: &mut XmlWriter, url: &str) {
    xml.text("dc:identifier", &[], url);
}

/// Identifiers that have a URL.
fn external_identifiers(xml: &mut XmlWriter, identifiers: &[ExternalIdentifier]) {
    for url in identifiers.iter().filter_map(|id| external_id_url(&id.scheme, &id.value)) {
        identifier(xml, &url);
    }
}

/// The name of an author, family name first.
fn inverted(name: &AuthorName) -> String {
    match name {
        AuthorName::Literal(name) => name.clone(),
        AuthorName::Parts { given, family, suffix: None } => format!("{family}, {given}"),
        AuthorName::Parts { given, family, suffix: Some(suffix) } => format!("{family}, {given}, {suffix}"),
    }
}

/// Where a paper appeared: `Water Research, 12(3), 244-254`.
fn source(venue: &str, paper: &PaperContent) -> String {
    let issue = paper.cited.issue.as_ref().map(|issue| format!("({issue})")).unwrap_or_default();
    let volume = paper.cited.volume.clone().unwrap_or_default() + &issue;
    let pages = paper.cited.pages.as_ref().map(|pages| pages_with_dash(pages, "-"));
    let parts = [Some(venue.to_owned()), Some(volume).filter(|volume| !volume.is_empty()), pages];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// The term of COAR's vocabulary of resource types, its URI, and that of the vocabulary `info:eu-repo/semantics`.
fn types(paper_type: PaperType) -> (&'static str, &'static str, Option<&'static str>) {
    let uri = coar_type(paper_type);
    match paper_type {
        PaperType::Article => ("journal article", uri, Some("info:eu-repo/semantics/article")),
        PaperType::ConferencePaper => ("conference paper", uri, Some("info:eu-repo/semantics/conferenceObject")),
        PaperType::Preprint => ("preprint", uri, Some("info:eu-repo/semantics/preprint")),
        PaperType::Book => ("book", uri, Some("info:eu-repo/semantics/book")),
        PaperType::BookChapter => ("book part", uri, Some("info:eu-repo/semantics/bookPart")),
        // That vocabulary has only bachelor, master and doctoral theses.
        PaperType::Thesis => ("thesis", uri, None),
        PaperType::Report => ("report", uri, Some("info:eu-repo/semantics/report")),
        PaperType::Dataset => ("dataset", uri, None),
        PaperType::Other => ("text", uri, Some("info:eu-repo/semantics/other")),
    }
}

/// The URI of a type of paper in COAR's vocabulary of resource types.
#[must_use]
pub fn coar_type(paper_type: PaperType) -> &'static str {
    match paper_type {
        PaperType::Article => "http://purl.org/coar/resource_type/c_6501",
        PaperType::ConferencePaper => "http://purl.org/coar/resource_type/c_5794",
        PaperType::Preprint => "http://purl.org/coar/resource_type/c_816b",
        PaperType::Book => "http://purl.org/coar/resource_type/c_2f33",
        PaperType::BookChapter => "http://purl.org/coar/resource_type/c_3248",
        PaperType::Thesis => "http://purl.org/coar/resource_type/c_46ec",
        PaperType::Report => "http://purl.org/coar/resource_type/c_93fc",
        PaperType::Dataset => "http://purl.org/coar/resource_type/c_ddb1",
        PaperType::Other => "http://purl.org/coar/resource_type/c_18cf",
    }
}
