//! The CERIF profile of OpenAIRE, version 1.2: `Publication`, `Product`, `Person` and `OrgUnit`. `docs/harvesting.md` has the
//! mapping.
//!
//! The profile requires referential integrity: an `id` is written only of an entity that `GetRecord` finds.

use std::collections::{HashMap, HashSet};

use crate::citation::{AuthorName, is_group_name};
use crate::harvest::dublin_core::coar_type;
use crate::harvest::identifier::LocalId;
use crate::harvest::xml::XmlWriter;
use crate::model::change::ChangeKind;
use crate::model::identifier::external_id_url;
use crate::model::language::LocalizedText;
use crate::model::record::{NameKind, PaperType};
use crate::store::reader::harvest::content::{
    ExternalIdentifier, OrganizationContent, Organizations, PaperAuthor, PaperContent, PersonName, ResearcherContent,
};
use crate::text::pages::page_ends;

/// The namespace of the profile.
pub const NAMESPACE: &str = "https://www.openaire.eu/cerif-profile/1.2/";
const PUBLICATION_TYPES: &str = "https://www.openaire.eu/cerif-profile/vocab/COAR_Publication_Types";
const PRODUCT_TYPES: &str = "https://www.openaire.eu/cerif-profile/vocab/COAR_Product_Types";
const IDENTIFIER_TYPES: &str = "https://w3id.org/cerif/vocab/IdentifierTypes#";
const JOURNAL: &str = "http://purl.org/coar/resource_type/c_0640";
const PROCEEDINGS: &str = "http://purl.org/coar/resource_type/c_f744";
const BOOK: &str = "http://purl.org/coar/resource_type/c_2f33";
const TEXT: &str = "http://purl.org/coar/resource_type/c_18cf";
const UNKNOWN_LANGUAGE: &str = "und";

/// Writes records that refer to organizations.
#[derive(Debug)]
pub struct CerifWriter<'a> {
    organizations: &'a Organizations,
    /// What a reference to an organization looks like, with all above it. Many authors refer to the same ones.
    references: HashMap<i64, Vec<u8>>,
}

impl<'a> CerifWriter<'a> {
    /// Returns a writer of records that refer to these organizations.
    #[must_use]
    pub fn new(organizations: &'a Organizations) -> Self {
        Self { organizations, references: HashMap::new() }
    }

    /// Writes a paper.
    pub fn write_paper(&mut self, xml: &mut XmlWriter, id: i64, paper: &PaperContent) {
        let id = LocalId { kind: ChangeKind::Paper, id }.to_string();
        if paper.cited.paper_type == PaperType::Dataset {
            self.write_product(xml, &id, paper);
        } else {
            self.write_publication(xml, &id, paper);
        }
    }

    fn write_publication(&mut self, xml: &mut XmlWriter, id: &str, paper: &PaperContent) {
        xml.open("Publication", &[("xmlns", NAMESPACE), ("id", id)]);
        xml.text("Type", &[("xmlns", PUBLICATION_TYPES)], coar_type(paper.cited.paper_type));
        xml.optional("Language", paper.cited.language.as_deref());
        titles(xml, "Title", paper);
        let (publisher, venue) = paper.cited.publisher_and_venue();
        if let Some(venue) = venue {
            container(xml, venue, paper);
        }
        let date = paper.cited.publication_date.map(|date| date.to_string());
        xml.optional("PublicationDate", date.as_deref());
        xml.optional("Number", paper.cited.article_number.as_deref());
        xml.optional("Volume", paper.cited.volume.as_deref());
        xml.optional("Issue", paper.cited.issue.as_deref());
        xml.optional("Edition", paper.cited.edition.as_deref());
        if let Some((start, end)) = paper.cited.pages.as_deref().and_then(page_ends) {
            xml.text("StartPage", &[], start);
            xml.text("EndPage", &[], end);
        }
        xml.optional("DOI", paper.cited.doi.as_deref().filter(|doi| is_doi(doi)));
        if venue.is_none() {
            issns(xml, paper);
        }
        if !is_part(paper, venue) {
            isbns(xml, paper);
        }
        xml.optional("URL", url(paper).as_deref());
        self.authors(xml, "Authors", "Author", paper);
        publishers(xml, publisher);
        subjects(xml, paper);
        each_language(xml, "Abstract", &paper.cited.abstract_text);
        xml.close("Publication");
    }

    fn write_product(&mut self, xml: &mut XmlWriter, id: &str, paper: &PaperContent) {
        xml.open("Product", &[("xmlns", NAMESPACE), ("id", id)]);
        xml.text("Type", &[("xmlns", PRODUCT_TYPES)], coar_type(paper.cited.paper_type));
        xml.optional("Language", paper.cited.language.as_deref());
        titles(xml, "Name", paper);
        xml.optional("DOI", paper.cited.doi.as_deref().filter(|doi| is_doi(doi)));
        xml.optional("URL", url(paper).as_deref());
        self.authors(xml, "Creators", "Creator", paper);
        publishers(xml, paper.cited.publisher_and_venue().0);
        each_language(xml, "Description", &paper.cited.abstract_text);
        subjects(xml, paper);
        if let Some(date) = paper.cited.publication_date.map(|date| date.to_string()) {
            xml.open("Dates", &[]);
            xml.empty("Issued", &[("startDate", date.as_str()), ("endDate", date.as_str())]);
            xml.close("Dates");
        }
        xml.close("Product");
    }

    /// Writes a researcher.
    pub fn write_researcher(&mut self, xml: &mut XmlWriter, id: i64, researcher: &ResearcherContent) {
        let id = LocalId { kind: ChangeKind::Researcher, id }.to_string();
        xml.open("Person", &[("xmlns", NAMESPACE), ("id", &id)]);
        person_name(xml, &researcher.name);
        let own = researcher.orcid.iter().map(|orcid| Identifier::certain("orcid", orcid));
        let others = researcher.identifiers.iter().map(Identifier::from_external);
        identifiers(xml, &PERSON_IDENTIFIERS, own.chain(others).collect());
        electronic_address(xml, researcher.homepage_url.as_deref());
        for affiliation in &researcher.affiliations {
            let dates = [("startDate", &affiliation.start_date), ("endDate", &affiliation.end_date)];
            let dates: Vec<(&str, &str)> =
                dates.into_iter().filter_map(|(name, date)| Some((name, date.as_deref()?))).collect();
            self.organization_link(xml, "Affiliation", &dates, affiliation.organization_id);
        }
        xml.close("Person");
    }

    /// Writes an organization.
    pub fn write_organization(&mut self, xml: &mut XmlWriter, id: i64, organization: &OrganizationContent) {
        let local_id = LocalId { kind: ChangeKind::Organization, id }.to_string();
        xml.open("OrgUnit", &[("xmlns", NAMESPACE), ("id", &local_id)]);
        organization_names(xml, organization);
        let own = organization.ror.iter().map(|ror| Identifier::certain("ror", ror));
        let others = organization.identifiers.iter().map(Identifier::from_external);
        identifiers(xml, &ORGANIZATION_IDENTIFIERS, own.chain(others).collect());
        electronic_address(xml, organization.homepage_url.as_deref());
        for parent in organization.parent_ids.iter().filter(|parent| **parent != id) {
            self.organization_link(xml, "PartOf", &[], *parent);
        }
        xml.close("OrgUnit");
    }

    fn authors(&mut self, xml: &mut XmlWriter, list: &str, name: &str, paper: &PaperContent) {
        if paper.cited.authors.is_empty() {
            return;
        }
        xml.open(list, &[]);
        for author in &paper.cited.authors {
            xml.open(name, &[]);
            xml.text("DisplayName", &[], &author.name);
            if author.researcher.is_none() && is_group_name(&author.name) {
                xml.empty("OrgUnit", &[]);
            } else {
                author_person(xml, author);
                for organization in &author.organization_ids {
                    self.organization_link(xml, "Affiliation", &[], *organization);
                }
            }
            xml.close(name);
        }
        xml.close(list);
    }

    /// Writes a link to an organization, unless it was deleted since the link was read.
    fn organization_link(&mut self, xml: &mut XmlWriter, link: &str, attributes: &[(&str, &str)], id: i64) {
        let organizations = self.organizations;
        if !organizations.contains_key(&id) {
            return;
        }
        xml.open(link, attributes);
        let reference = self.references.entry(id).or_insert_with(|| {
            let mut reference = XmlWriter::default();
            organization_reference(&mut reference, organizations, id, &mut HashSet::new());
            // An error of writing to memory is that of the record as well.
            reference.finish().unwrap_or_default()
        });
        xml.fragment(reference);
        xml.close(link);
    }
}

/// Writes an organization as others refer to it: names and ROR ID, with all above it. Those above one that was written
/// before are not repeated, so that a hierarchy of many paths does not grow with their number.
fn organization_reference(xml: &mut XmlWriter, organizations: &Organizations, id: i64, written: &mut HashSet<i64>) {
    let Some(organization) = organizations.get(&id) else { return };
    xml.open("OrgUnit", &[("id", &LocalId { kind: ChangeKind::Organization, id }.to_string())]);
    organization_names(xml, organization);
    let own = organization.ror.iter().map(|ror| Identifier::certain("ror", ror));
    identifiers(xml, &ORGANIZATION_IDENTIFIERS, own.collect());
    if written.insert(id) {
        for parent in organization.parent_ids.iter().filter(|parent| organizations.contains_key(*parent)) {
            xml.open("PartOf", &[]);
            organization_reference(xml, organizations, *parent, written);
            xml.close("PartOf");
        }
    }
    xml.close("OrgUnit");
}

fn organization_names(xml: &mut XmlWriter, organization: &OrganizationContent) {
    let names = &organization.names.0;
    let acronym = names.iter().find(|name| name.kind == NameKind::Acronym);
    xml.optional("Acronym", acronym.map(|name| name.value.as_str()));
    let full = names.iter().filter(|name| matches!(name.kind, NameKind::Display | NameKind::Label));
    let mut written = HashSet::new();
    for name in full {
        let language = name.language.as_deref().unwrap_or(UNKNOWN_LANGUAGE);
        if written.insert((language, name.value.as_str())) {
            localized(xml, "Name", language, &name.value);
        }
    }
    if written.is_empty() {
        each_language(xml, "Name", &organization.display_names);
    }
}

/// Writes the person that is the author of a paper. Without a researcher there is no `id`.
fn author_person(xml: &mut XmlWriter, author: &PaperAuthor) {
    match (&author.researcher, &author.parts) {
        (Some(researcher), _) => {
            let id = LocalId { kind: ChangeKind::Researcher, id: researcher.id }.to_string();
            xml.open("Person", &[("id", &id)]);
            person_name(xml, &researcher.name);
            let orcid = researcher.orcid.iter().map(|orcid| Identifier::certain("orcid", orcid));
            identifiers(xml, &PERSON_IDENTIFIERS, orcid.collect());
            xml.close("Person");
        }
        (None, AuthorName::Parts { given, family, .. }) => {
            xml.open("Person", &[]);
            name_parts(xml, Some(family), Some(given));
            xml.close("Person");
        }
        (None, AuthorName::Literal(_)) => xml.empty("Person", &[]),
    }
}

/// Writes the name of a person; a mononym is a first name.
fn person_name(xml: &mut XmlWriter, name: &PersonName) {
    match (&name.family, &name.given) {
        (Some(family), given) => name_parts(xml, Some(family), given.as_deref()),
        (None, Some(given)) => name_parts(xml, None, Some(given)),
        (None, None) => name_parts(xml, None, Some(&name.full)),
    }
}

fn name_parts(xml: &mut XmlWriter, family: Option<&str>, given: Option<&str>) {
    xml.open("PersonName", &[]);
    xml.optional("FamilyNames", family);
    xml.optional("FirstNames", given);
    xml.close("PersonName");
}

/// Writes where a paper appeared, which is no entity of the directory: a book that contains it, or the channel.
fn container(xml: &mut XmlWriter, venue: &str, paper: &PaperContent) {
    let (link, container_type) = match paper.cited.paper_type {
        PaperType::BookChapter => ("PartOf", BOOK),
        PaperType::ConferencePaper => ("PublishedIn", PROCEEDINGS),
        PaperType::Article => ("PublishedIn", JOURNAL),
        _ => ("PublishedIn", TEXT),
    };
    xml.open(link, &[]);
    xml.open("Publication", &[]);
    xml.text("Type", &[("xmlns", PUBLICATION_TYPES)], container_type);
    xml.text("Title", &[], venue);
    issns(xml, paper);
    if is_part(paper, Some(venue)) {
        isbns(xml, paper);
    }
    xml.close("Publication");
    xml.close(link);
}

/// Whether the ISBNs of a paper are those of the book that contains it.
fn is_part(paper: &PaperContent, venue: Option<&str>) -> bool {
    venue.is_some() && matches!(paper.cited.paper_type, PaperType::BookChapter | PaperType::ConferencePaper)
}

fn issns(xml: &mut XmlWriter, paper: &PaperContent) {
    for issn in paper.cited.issns.iter().filter(|issn| is_issn(issn)) {
        xml.text("ISSN", &[], issn);
    }
}

fn isbns(xml: &mut XmlWriter, paper: &PaperContent) {
    for isbn in paper.cited.isbns.iter().filter(|isbn| is_isbn(isbn)) {
        xml.text("ISBN", &[], isbn);
    }
}

fn titles(xml: &mut XmlWriter, name: &str, paper: &PaperContent) {
    localized(xml, name, paper.cited.language.as_deref().unwrap_or(UNKNOWN_LANGUAGE), &paper.cited.title);
    for (language, title) in paper.translated_titles.iter() {
        if language == UNKNOWN_LANGUAGE {
            xml.text(name, &[("trans", "h")], title);
        } else {
            xml.text(name, &[("xml:lang", language), ("trans", "h")], title);
        }
    }
}

fn url(paper: &PaperContent) -> Option<String> {
    let on_arxiv = || paper.cited.arxiv_id.as_ref().map(|id| format!("https://arxiv.org/abs/{id}"));
    paper.cited.url.clone().or_else(on_arxiv)
}

fn publishers(xml: &mut XmlWriter, publisher: Option<&str>) {
    let Some(publisher) = publisher else { return };
    xml.open("Publishers", &[]);
    xml.open("Publisher", &[]);
    xml.text("DisplayName", &[], publisher);
    xml.empty("OrgUnit", &[]);
    xml.close("Publisher");
    xml.close("Publishers");
}

/// Writes topics that have a URI as subjects, and the labels of the others as keywords, after those of the paper.
fn subjects(xml: &mut XmlWriter, paper: &PaperContent) {
    let mut others = Vec::new();
    for topic in &paper.topics {
        match topic.code.as_ref().and_then(|code| external_id_url(&topic.scheme, code)) {
            Some(uri) => xml.text("Subject", &[("scheme", &topic.scheme)], &uri),
            None => others.push(&topic.labels),
        }
    }
    for keyword in &paper.cited.keywords {
        xml.text("Keyword", &[], keyword);
    }
    for labels in others {
        each_language(xml, "Keyword", labels);
    }
}

fn electronic_address(xml: &mut XmlWriter, url: Option<&str>) {
    xml.optional("ElectronicAddress", url.filter(|url| !url.contains(char::is_whitespace)));
}

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

/// An identifier of a person or an organization.
struct Identifier<'a> {
    scheme: &'a str,
    value: &'a str,
    /// Whether it is the identifier of the entity, not one of several.
    is_certain: bool,
}

impl<'a> Identifier<'a> {
    fn certain(scheme: &'a str, value: &'a str) -> Self {
        Self { scheme, value, is_certain: true }
    }

    fn from_external(id: &'a ExternalIdentifier) -> Self {
        // Other ORCID iDs and ROR IDs than the entity's own are those of entities that were merged into it.
        let is_certain = !matches!(id.scheme.as_str(), "orcid" | "ror");
        Self { scheme: &id.scheme, value: &id.value, is_certain }
    }
}

/// An element for identifiers of a scheme, and how its values are written; `None` if a value is not valid.
struct IdentifierElement {
    scheme: &'static str,
    name: &'static str,
    alternative_name: &'static str,
    format: fn(&str) -> Option<String>,
}

/// The elements of persons, in the order of the profile.
const PERSON_IDENTIFIERS: [IdentifierElement; 3] = [
    IdentifierElement { scheme: "orcid", name: "ORCID", alternative_name: "AlternativeORCID", format: orcid_url },
    IdentifierElement {
        scheme: "scopus",
        name: "ScopusAuthorID",
        alternative_name: "AlternativeScopusAuthorID",
        format: |value| (is_digits(value) && (10..=11).contains(&value.len())).then(|| value.to_owned()),
    },
    ISNI,
];
/// The elements of organizations, in the order of the profile.
const ORGANIZATION_IDENTIFIERS: [IdentifierElement; 4] = [
    IdentifierElement {
        scheme: "ror",
        name: "RORID",
        alternative_name: "AlternativeRORID",
        format: |value| Some(format!("https://ror.org/{value}")),
    },
    IdentifierElement { scheme: "grid", name: "GRID", alternative_name: "AlternativeGRID", format: grid },
    ISNI,
    IdentifierElement {
        scheme: "fundref",
        name: "FundRefID",
        alternative_name: "AlternativeFundRefID",
        format: |value| is_digits(value).then(|| format!("https://doi.org/10.13039/{value}")),
    },
];
const ISNI: IdentifierElement =
    IdentifierElement { scheme: "isni", name: "ISNI", alternative_name: "AlternativeISNI", format: isni };

/// Writes identifiers: those that have an element of their own, then the others.
fn identifiers(xml: &mut XmlWriter, elements: &[IdentifierElement], ids: Vec<Identifier<'_>>) {
    let mut others = Vec::new();
    let mut of_element: Vec<Vec<(bool, String)>> = elements.iter().map(|_| Vec::new()).collect();
    for id in ids {
        let index = elements.iter().position(|element| element.scheme == id.scheme);
        match index.and_then(|index| Some((index, (elements[index].format)(id.value)?))) {
            Some((index, value)) => of_element[index].push((id.is_certain, value)),
            None => others.push(id),
        }
    }
    for (element, values) in elements.iter().zip(&of_element) {
        // The first that is certain is the preferred one.
        let preferred = values.iter().position(|(is_certain, _)| *is_certain);
        if let Some((_, value)) = preferred.and_then(|index| values.get(index)) {
            xml.text(element.name, &[], value);
        }
        for (index, (_, value)) in values.iter().enumerate() {
            if Some(index) != preferred {
                xml.text(element.alternative_name, &[], value);
            }
        }
    }
    for id in others {
        let scheme: String = id.scheme.chars().filter(|letter| letter.is_ascii_alphanumeric()).collect();
        xml.text("Identifier", &[("type", &format!("{IDENTIFIER_TYPES}{scheme}"))], id.value);
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The URL of an ORCID iD in one of the ranges that ORCID assigns, as the profile requires.
fn orcid_url(value: &str) -> Option<String> {
    let digits: String = value.chars().filter(|character| *character != '-').collect();
    let number: u64 = digits.get(..15)?.parse().ok()?;
    let is_assigned = matches!(number, 15_000_000..=35_000_000 | 900_000_000_000..=900_100_000_000);
    is_assigned.then(|| format!("https://orcid.org/{value}"))
}

/// An ISNI as four groups of four characters.
fn isni(value: &str) -> Option<String> {
    let characters: Vec<char> = value.chars().filter(|character| !matches!(character, ' ' | '-')).collect();
    let (last, digits) = characters.split_last()?;
    let is_valid =
        characters.len() == 16 && digits.iter().all(char::is_ascii_digit) && (last.is_ascii_digit() || *last == 'X');
    is_valid.then(|| characters.chunks(4).map(|group| group.iter().collect()).collect::<Vec<String>>().join(" "))
}

fn grid(value: &str) -> Option<String> {
    let (number, check) = value.strip_prefix("grid.")?.split_once('.')?;
    let is_hexadecimal = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    let is_valid =
        is_digits(number) && number.len() >= 4 && (1..=2).contains(&check.len()) && check.bytes().all(is_hexadecimal);
    is_valid.then(|| value.to_owned())
}

fn is_doi(text: &str) -> bool {
    let Some((prefix, suffix)) = text.split_once('/') else { return false };
    let mut numbers = prefix.split('.');
    numbers.next() == Some("10")
        && numbers.next().is_some_and(|registrant| registrant.len() >= 4 && is_digits(registrant))
        && numbers.all(is_digits)
        && !suffix.is_empty()
        && !suffix.contains(char::is_whitespace)
}

fn is_issn(text: &str) -> bool {
    let plain = text.replacen('-', "", 1);
    plain.len() == 8 && has_check_digit(&plain)
}

/// An ISBN without hyphens.
fn is_isbn(text: &str) -> bool {
    match text.len() {
        13 => is_digits(text) && (text.starts_with("978") || text.starts_with("979") && !text.starts_with("9790")),
        10 => has_check_digit(text),
        _ => false,
    }
}

/// Whether a text is digits, of which the last may be an X.
fn has_check_digit(text: &str) -> bool {
    text.strip_suffix(|last: char| last.is_ascii_digit() || last == 'X').is_some_and(is_digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orcid_ids_in_assigned_ranges() {
        for (value, expected) in [
            ("0000-0001-5000-0007", true),
            ("0000-0003-4999-9994", true),
            ("0009-0001-2345-6789", true),
            ("0000-0000-0000-0019", false),
            ("0000-0003-6000-0008", false),
            ("é000-0001-5000-0007", false),
            ("", false),
        ] {
            assert_eq!(orcid_url(value).is_some(), expected, "{value}");
        }
    }

    #[test]
    fn identifiers_as_the_profile_writes_them() {
        assert_eq!(isni("0000000121032683").as_deref(), Some("0000 0001 2103 2683"));
        assert_eq!(isni("0000 0001 2103 268X").as_deref(), Some("0000 0001 2103 268X"));
        assert_eq!(isni("0000 0001 2103 268"), None);
        assert_eq!(grid("grid.5170.3").as_deref(), Some("grid.5170.3"));
        assert_eq!(grid("grid.x.3"), None);
        assert!(is_doi("10.1234/a") && is_doi("10.1234.5/a(b)") && !is_doi("10.12/a") && !is_doi("10.1234/a b"));
        assert!(is_issn("1746-8256") && is_issn("1746825X") && !is_issn("1746-82é") && !is_issn("174-8256"));
        assert!(
            is_isbn("9783161484100") && is_isbn("080442957X") && !is_isbn("9790261484100") && !is_isbn("97831614841é")
        );
    }
}
