//! Harvesting by OAI-PMH 2.0, in unqualified Dublin Core and in the CERIF profile of OpenAIRE.
//!
//! A list is a range of the change feed ([`crate::store::changes`]), in its order: what changes while a harvester reads the
//! list moves beyond its end, into the next one. [`prepare`] reads what a response is about, and so what it costs;
//! [`Prepared::write`] reads the contents and writes the response.

pub mod cerif;
pub mod dublin_core;
pub mod identifier;
pub mod protocol;
pub mod repository;
pub mod resumption_token;
pub mod set;
pub mod xml;

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};

use crate::error::Error;
use crate::harvest::cerif::CerifWriter;
use crate::harvest::identifier::LocalId;
use crate::harvest::protocol::{
    Arguments, ErrorCode, ListKind, ListStart, MetadataFormat, OaiError, OaiRequest, datestamp,
};
use crate::harvest::repository::Repository;
use crate::harvest::resumption_token::ListToken;
use crate::harvest::xml::XmlWriter;
use crate::model::change::{ChangeKind, FeedPosition};
use crate::model::language::LocalizedText;
use crate::store::Store;
use crate::store::changes::cursor::FeedState;
use crate::store::reader::harvest::content::{Organizations, PaperContent, ResearcherContent, TopicContent};
use crate::store::reader::harvest::selection::{
    FeedRange, HeaderPage, MAX_COUNTED_RECORDS, OrganizationSet, RecordHeader, RecordSet,
};

/// Records or sets on a page.
const PAGE_ENTRIES: usize = 100;
/// Authors on a page of records, unless its first record has more.
const PAGE_AUTHORS: u64 = 20_000;
/// How far before the time of a request its list ends. A change is dated shortly before it is committed, and must not be
/// missed by a harvester that continues from the date of the response.
const COMMIT_SECONDS: i64 = 5;
/// What a SQL statement costs.
const STATEMENT_COST: u64 = 100;
/// The rows that are counted at the cost of one node.
const COUNTED_ROWS_PER_NODE: u64 = 100;
const OAI_NAMESPACE: &str = "http://www.openarchives.org/OAI/2.0/";
const OAI_IDENTIFIER_NAMESPACE: &str = "http://www.openarchives.org/OAI/2.0/oai-identifier";
const COMPATIBILITY: &str = "https://www.openaire.eu/cerif-profile/vocab/OpenAIRE_Service_Compatibility";

/// A response, in two parts: the second is the same as long as the repository is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The beginning, with the date of the response.
    pub head: Vec<u8>,
    /// The rest.
    pub body: Vec<u8>,
    /// The code of an error.
    pub error: Option<ErrorCode>,
}

/// What a response is about.
#[derive(Debug)]
pub struct Prepared {
    answer: Result<Answer, OaiError>,
    response_date: DateTime<Utc>,
}

#[derive(Debug)]
enum Answer {
    Identify { earliest: DateTime<Utc> },
    MetadataFormats(Vec<MetadataFormat>),
    Sets { with_kinds: bool, organizations: Vec<OrganizationSet>, token: Option<String> },
    Record { format: MetadataFormat, header: RecordHeader },
    List(ListPage),
}

/// A page of a list.
#[derive(Debug)]
struct ListPage {
    kind: ListKind,
    format: MetadataFormat,
    headers: Vec<RecordHeader>,
    /// The token of the next page; empty on the last of several pages.
    token: Option<String>,
    cursor: u64,
    size: Option<u64>,
    /// What finding the records cost beyond one page.
    cost: u64,
}

/// The number of SQL statements of [`prepare`], at most, unless a set has few of the records of its kinds.
#[must_use]
pub fn prepared_statements(request: &Result<OaiRequest, OaiError>) -> u64 {
    match request {
        Err(_) | Ok(OaiRequest::ListMetadataFormats(None)) => 0,
        Ok(OaiRequest::Identify | OaiRequest::GetRecord { .. } | OaiRequest::ListMetadataFormats(Some(_))) => 1,
        Ok(OaiRequest::ListSets(_)) => 2,
        // The state of the feed, the organizations of the set, the range, the page and the length of the list.
        Ok(OaiRequest::List(..)) => 6,
    }
}

/// Reads what the response to a request is about.
///
/// # Errors
/// If a query fails.
pub async fn prepare(
    store: &Store,
    repository: &Repository,
    request: Result<OaiRequest, OaiError>,
    now: DateTime<Utc>,
) -> Result<Prepared, Error> {
    let mut response_date = now - TimeDelta::seconds(COMMIT_SECONDS);
    let answer = match request {
        Err(error) => Err(error),
        Ok(OaiRequest::Identify) => {
            let earliest = store.earliest_change().await?.unwrap_or(DateTime::UNIX_EPOCH);
            Ok(Answer::Identify { earliest })
        }
        Ok(OaiRequest::ListMetadataFormats(identifier)) => formats(store, repository, identifier).await?,
        Ok(OaiRequest::ListSets(token)) => sets(store, token.as_deref()).await?,
        Ok(OaiRequest::GetRecord { identifier, format }) => record(store, repository, &identifier, format).await?,
        Ok(OaiRequest::List(kind, start)) => list(store, kind, start, &mut response_date).await?.map(Answer::List),
    };
    Ok(Prepared { answer, response_date })
}

async fn formats(
    store: &Store,
    repository: &Repository,
    identifier: Option<String>,
) -> Result<Result<Answer, OaiError>, Error> {
    let Some(identifier) = identifier else { return Ok(Ok(Answer::MetadataFormats(MetadataFormat::ALL.to_vec()))) };
    Ok(find(store, repository, &identifier).await?.map(|header| {
        let available = |format: &MetadataFormat| set::is_available(header.kind, *format);
        Answer::MetadataFormats(MetadataFormat::ALL.into_iter().filter(available).collect())
    }))
}

async fn record(
    store: &Store,
    repository: &Repository,
    identifier: &str,
    format: MetadataFormat,
) -> Result<Result<Answer, OaiError>, Error> {
    Ok(find(store, repository, identifier).await?.and_then(|header| {
        if set::is_available(header.kind, format) {
            return Ok(Answer::Record { format, header });
        }
        let message = format!("topics are not available in {}; ask for oai_dc", format.prefix());
        Err(ErrorCode::CannotDisseminateFormat.error(message))
    }))
}

async fn find(
    store: &Store,
    repository: &Repository,
    identifier: &str,
) -> Result<Result<RecordHeader, OaiError>, Error> {
    let header = match LocalId::parse(identifier, &repository.domain) {
        Some(local) => store.record_header(local.kind, local.id).await?,
        None => None,
    };
    Ok(header.ok_or_else(|| {
        let message = format!("there is no such record; identifiers are like oai:{}:Papers/4711", repository.domain);
        ErrorCode::IdDoesNotExist.error(message)
    }))
}

async fn sets(store: &Store, token: Option<&str>) -> Result<Result<Answer, OaiError>, Error> {
    let feed = store.feed_state().await?;
    let after = match token.map(|token| resumption_token::decode_set_token(token, &feed)) {
        None => None,
        Some(Ok(after)) => Some(after),
        Some(Err(error)) => return Ok(Err(error)),
    };
    let mut organizations = store.organization_sets(after.unwrap_or_default(), PAGE_ENTRIES + 1).await?;
    let has_more = organizations.len() > PAGE_ENTRIES;
    organizations.truncate(PAGE_ENTRIES);
    let next = organizations.last().filter(|_| has_more);
    let next = next.map(|last| resumption_token::encode_set_token(last.id, &feed));
    let token = next.or_else(|| after.map(|_| String::new()));
    if organizations.is_empty() && after.is_some() {
        // The organizations that followed were deleted since. A list has at least one entry.
        let message = "no sets follow any more; the list is complete";
        return Ok(Err(ErrorCode::BadResumptionToken.error(message)));
    }
    Ok(Ok(Answer::Sets { with_kinds: after.is_none(), organizations, token }))
}

async fn list(
    store: &Store,
    kind: ListKind,
    start: ListStart,
    response_date: &mut DateTime<Utc>,
) -> Result<Result<ListPage, OaiError>, Error> {
    let feed = store.feed_state().await?;
    let (token, is_first) = match start {
        ListStart::New { format, set, from, until } => {
            let until = until.map_or(*response_date, |until| until.min(*response_date));
            let start = match from {
                Some(from) => store.last_positions_before(&[from]).await?.first().copied().unwrap_or_default(),
                None => 0,
            };
            let token = ListToken {
                kind,
                format,
                set,
                after: FeedPosition { position: start, kind: i16::MAX, id: i64::MAX },
                start,
                until: until.timestamp(),
                response_date: response_date.timestamp(),
                cursor: 0,
                size: None,
            };
            (token, true)
        }
        ListStart::Resumed(text) => match ListToken::decode(&text, &feed) {
            Ok(token) if token.kind == kind => (token, false),
            Ok(token) => {
                let message = format!("the resumptionToken is one of {}; send it with that verb", token.kind.verb());
                return Ok(Err(ErrorCode::BadResumptionToken.error(message)));
            }
            Err(error) => return Ok(Err(error)),
        },
    };
    *response_date = DateTime::from_timestamp(token.response_date, 0).unwrap_or(*response_date);
    page(store, &feed, token, is_first).await
}

async fn page(
    store: &Store,
    feed: &FeedState,
    token: ListToken,
    is_first: bool,
) -> Result<Result<ListPage, OaiError>, Error> {
    let empty = || Ok(Err(ErrorCode::NoRecordsMatch.error("no records are in this set and have these dates")));
    let Some(records) = set::resolve(store, token.set.as_deref(), token.format).await? else { return empty() };
    let Some(until) = DateTime::from_timestamp(token.until + 1, 0) else { return empty() };
    let end = store.last_positions_before(&[until]).await?.first().copied().unwrap_or_default();
    let range = FeedRange { start: token.start, end };
    let mut found = store.record_headers(&records, range, token.after, PAGE_ENTRIES).await?;
    if found.headers.is_empty() && !is_first {
        // All that remained has changed since, and belongs to the next list. A page has at least one record: the first of
        // them is sent twice.
        let range = FeedRange { end: i64::MAX, ..range };
        found = HeaderPage { has_more: false, ..store.record_headers(&records, range, token.after, 1).await? };
    }
    let HeaderPage { mut headers, mut has_more, further_statements } = found;
    if token.kind == ListKind::Records {
        let fitting = fitting_records(&headers);
        has_more |= fitting < headers.len();
        headers.truncate(fitting);
    }
    let Some(last) = headers.last() else { return empty() };
    let is_counted = is_first && has_more;
    let (size, counted) = if is_counted { count(store, &records, range).await? } else { (token.size, 0) };
    let cost = further_statements * STATEMENT_COST + counted / COUNTED_ROWS_PER_NODE;
    let count = u64::try_from(headers.len()).unwrap_or_default();
    let (cursor, kind, format) = (token.cursor, token.kind, token.format);
    let next = ListToken { after: last.at, cursor: cursor + count, size, ..token };
    let token = match (has_more, is_first) {
        (true, _) => Some(next.encode(feed)),
        (false, true) => None,
        (false, false) => Some(String::new()),
    };
    Ok(Ok(ListPage { kind, format, headers, token, cursor, size, cost }))
}

/// The number of records of a list, if it is known, and the number that was counted. It is optional in OAI-PMH: a harvest
/// does not fail because too many counts are running.
async fn count(store: &Store, records: &RecordSet, range: FeedRange) -> Result<(Option<u64>, u64), Error> {
    match store.count_records(records, range).await {
        Ok(size) => Ok((size, size.unwrap_or(MAX_COUNTED_RECORDS.unsigned_abs()))),
        Err(Error::Busy(_) | Error::Timeout(_)) => Ok((None, 0)),
        Err(error) => Err(error),
    }
}

/// How many of these records fit on a page, by their authors.
fn fitting_records(headers: &[RecordHeader]) -> usize {
    let mut authors = 0_u64;
    let fits = |header: &&RecordHeader| {
        authors = authors.saturating_add(header.author_count);
        authors <= PAGE_AUTHORS
    };
    headers.iter().take_while(fits).count().max(1)
}

impl Prepared {
    /// What reading the contents costs, in the unit of query costs.
    #[must_use]
    pub fn cost(&self) -> u64 {
        let contents = |headers: &[RecordHeader], is_whole: bool| {
            let kinds: HashSet<ChangeKind> = headers.iter().map(|header| header.kind).collect();
            let kinds = if is_whole { u64::try_from(kinds.len()).unwrap_or_default() } else { 0 };
            let authors = headers.iter().map(|header| if is_whole { header.author_count } else { 0 });
            let nodes = u64::try_from(headers.len()).unwrap_or_default() + authors.sum::<u64>();
            // And one statement for all organizations.
            (kinds + 1) * STATEMENT_COST + nodes
        };
        match &self.answer {
            Err(_) | Ok(Answer::Identify { .. } | Answer::MetadataFormats(_)) => 0,
            Ok(Answer::Sets { organizations, .. }) => u64::try_from(organizations.len()).unwrap_or_default(),
            Ok(Answer::Record { header, .. }) => contents(std::slice::from_ref(header), true),
            Ok(Answer::List(page)) => page.cost + contents(&page.headers, page.kind == ListKind::Records),
        }
    }

    /// Reads the contents, and writes the response to a request with these arguments.
    ///
    /// # Errors
    /// If a query fails.
    pub async fn write(self, store: &Store, repository: &Repository, arguments: &Arguments) -> Result<Response, Error> {
        let mut xml = XmlWriter::default();
        let error = self.answer.as_ref().err().map(|error| error.code);
        let is_understood = !error.is_some_and(ErrorCode::is_of_syntax);
        let attributes: Vec<(&str, &str)> =
            arguments.0.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let attributes = if is_understood { attributes.as_slice() } else { &[] };
        xml.text("request", attributes, &repository.base_url());
        match &self.answer {
            Err(error) => xml.text("error", &[("code", error.code.as_str())], &error.message),
            Ok(Answer::Identify { earliest }) => identify(&mut xml, repository, *earliest),
            Ok(Answer::MetadataFormats(formats)) => metadata_formats(&mut xml, formats),
            Ok(Answer::Sets { with_kinds, organizations, token }) => {
                list_sets(&mut xml, *with_kinds, organizations, token.as_deref());
            }
            Ok(Answer::Record { format, header }) => {
                xml.open("GetRecord", &[]);
                let contents = Contents::read(store, std::slice::from_ref(header), *format, true).await?;
                contents.write_records(&mut xml, repository, std::slice::from_ref(header));
                xml.close("GetRecord");
            }
            Ok(Answer::List(page)) => {
                let is_whole = page.kind == ListKind::Records;
                let contents = Contents::read(store, &page.headers, page.format, is_whole).await?;
                xml.open(page.kind.verb(), &[]);
                if is_whole {
                    contents.write_records(&mut xml, repository, &page.headers);
                } else {
                    for header in &page.headers {
                        contents.write_header(&mut xml, repository, header, header.is_deleted);
                    }
                }
                resumption_token_element(&mut xml, page);
                xml.close(page.kind.verb());
            }
        }
        xml.close("OAI-PMH");
        let body = xml.finish().map_err(Error::internal)?;
        Ok(Response { head: head(self.response_date)?, body, error })
    }
}

/// The beginning of every response.
fn head(response_date: DateTime<Utc>) -> Result<Vec<u8>, Error> {
    let mut xml = XmlWriter::default();
    xml.fragment(b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let namespaces = [
        ("xmlns", OAI_NAMESPACE),
        ("xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance"),
        ("xsi:schemaLocation", "http://www.openarchives.org/OAI/2.0/ http://www.openarchives.org/OAI/2.0/OAI-PMH.xsd"),
    ];
    xml.open("OAI-PMH", &namespaces);
    xml.text("responseDate", &[], &datestamp(response_date));
    xml.finish().map_err(Error::internal)
}

fn identify(xml: &mut XmlWriter, repository: &Repository, earliest: DateTime<Utc>) {
    let base_url = repository.base_url();
    xml.open("Identify", &[]);
    xml.text("repositoryName", &[], &repository.name);
    xml.text("baseURL", &[], &base_url);
    xml.text("protocolVersion", &[], "2.0");
    xml.text("adminEmail", &[], &repository.admin_email);
    xml.text("earliestDatestamp", &[], &datestamp(earliest));
    xml.text("deletedRecord", &[], "persistent");
    xml.text("granularity", &[], "YYYY-MM-DDThh:mm:ssZ");
    xml.open("description", &[]);
    let location = format!("{OAI_IDENTIFIER_NAMESPACE} http://www.openarchives.org/OAI/2.0/oai-identifier.xsd");
    xml.open("oai-identifier", &[("xmlns", OAI_IDENTIFIER_NAMESPACE), ("xsi:schemaLocation", &location)]);
    xml.text("scheme", &[], "oai");
    xml.text("repositoryIdentifier", &[], &repository.domain);
    xml.text("delimiter", &[], ":");
    let sample = LocalId { kind: ChangeKind::Paper, id: 4711 };
    xml.text("sampleIdentifier", &[], &sample.oai_identifier(&repository.domain));
    xml.close("oai-identifier");
    xml.close("description");
    xml.open("description", &[]);
    xml.open("Service", &[("xmlns", cerif::NAMESPACE), ("id", "Services/1")]);
    xml.text("Compatibility", &[("xmlns", COMPATIBILITY)], &format!("{COMPATIBILITY}#1.2"));
    xml.text("Name", &[], &repository.name);
    if let Some(notice) = &repository.notice {
        xml.text("Description", &[("xml:lang", "en")], notice);
    }
    xml.text("WebsiteURL", &[], repository.public_url());
    xml.text("OAIPMHBaseURL", &[], &base_url);
    xml.close("Service");
    xml.close("description");
    xml.close("Identify");
}

fn metadata_formats(xml: &mut XmlWriter, formats: &[MetadataFormat]) {
    xml.open("ListMetadataFormats", &[]);
    for format in formats {
        xml.open("metadataFormat", &[]);
        xml.text("metadataPrefix", &[], format.prefix());
        xml.text("schema", &[], format.schema());
        xml.text("metadataNamespace", &[], format.namespace());
        xml.close("metadataFormat");
    }
    xml.close("ListMetadataFormats");
}

fn list_sets(xml: &mut XmlWriter, with_kinds: bool, organizations: &[OrganizationSet], token: Option<&str>) {
    xml.open("ListSets", &[]);
    let mut write_set = |spec: &str, name: &str| {
        xml.open("set", &[]);
        xml.text("setSpec", &[], spec);
        xml.text("setName", &[], name);
        xml.close("set");
    };
    if with_kinds {
        for (spec, name) in set::OPENAIRE_SETS {
            write_set(spec, name);
        }
        write_set(set::ORGANIZATIONS, "Records that belong to an organization");
    }
    for organization in organizations {
        write_set(&set::organization_set(&organization.slug), set_name(organization));
    }
    if let Some(token) = token {
        xml.text("resumptionToken", &[], token);
    }
    xml.close("ListSets");
}

/// The English name of an organization, or else one in any language.
fn set_name(organization: &OrganizationSet) -> &str {
    let names: &LocalizedText = &organization.display_names;
    let english = names.iter().find(|(language, _)| *language == "en");
    english.or_else(|| names.iter().next()).map_or(&organization.slug, |(_, name)| name)
}

/// Writes the resumption token. A list that fits on one page has none.
fn resumption_token_element(xml: &mut XmlWriter, page: &ListPage) {
    let Some(token) = &page.token else { return };
    let (size, cursor) = (page.size.map(|size| size.to_string()), page.cursor.to_string());
    let mut attributes = vec![("cursor", cursor.as_str())];
    if let Some(size) = &size {
        attributes.insert(0, ("completeListSize", size));
    }
    xml.text("resumptionToken", &attributes, token);
}

/// What the records of a page contain.
struct Contents {
    format: MetadataFormat,
    papers: HashMap<i64, PaperContent>,
    researchers: HashMap<i64, ResearcherContent>,
    topics: HashMap<i64, TopicContent>,
    organizations: Organizations,
}

impl Contents {
    /// Reads the contents, or only what headers need.
    async fn read(
        store: &Store,
        headers: &[RecordHeader],
        format: MetadataFormat,
        is_whole: bool,
    ) -> Result<Self, Error> {
        let ids = |kind: ChangeKind| -> Vec<i64> {
            let of_kind = headers.iter().filter(|header| is_whole && header.kind == kind && !header.is_deleted);
            of_kind.map(|header| header.at.id).collect()
        };
        let papers = store.harvested_papers(&ids(ChangeKind::Paper)).await?;
        let researchers = store.harvested_researchers(&ids(ChangeKind::Researcher)).await?;
        let topics = store.harvested_topics(&ids(ChangeKind::Topic)).await?;
        let mut organizations: HashSet<i64> = ids(ChangeKind::Organization).into_iter().collect();
        organizations.extend(headers.iter().flat_map(|header| &header.organization_ids));
        let affiliations = researchers.values().flat_map(|researcher| &researcher.affiliations);
        organizations.extend(affiliations.map(|affiliation| affiliation.organization_id));
        if format == MetadataFormat::Cerif {
            let authors = papers.values().flat_map(|paper| &paper.cited.authors);
            organizations.extend(authors.flat_map(|author| &author.organization_ids));
        }
        let organizations = store.harvested_organizations(&organizations).await?;
        Ok(Self { format, papers, researchers, topics, organizations })
    }

    fn write_header(&self, xml: &mut XmlWriter, repository: &Repository, header: &RecordHeader, is_deleted: bool) {
        xml.open("header", if is_deleted { &[("status", "deleted")] } else { &[] });
        let id = LocalId { kind: header.kind, id: header.at.id };
        xml.text("identifier", &[], &id.oai_identifier(&repository.domain));
        xml.text("datestamp", &[], &datestamp(header.changed_at));
        for spec in set::set_specs(header, &self.organizations) {
            xml.text("setSpec", &[], &spec);
        }
        xml.close("header");
    }

    fn write_records(&self, xml: &mut XmlWriter, repository: &Repository, headers: &[RecordHeader]) {
        let mut cerif = CerifWriter::new(&self.organizations);
        for header in headers {
            xml.open("record", &[]);
            // An entity that was deleted since the header was read has no content.
            let is_deleted = header.is_deleted || !self.contains(header);
            self.write_header(xml, repository, header, is_deleted);
            if !is_deleted {
                xml.open("metadata", &[]);
                self.write_metadata(xml, repository, &mut cerif, header);
                xml.close("metadata");
            }
            xml.close("record");
        }
    }

    fn contains(&self, header: &RecordHeader) -> bool {
        let id = header.at.id;
        match header.kind {
            ChangeKind::Researcher => self.researchers.contains_key(&id),
            ChangeKind::Organization => self.organizations.contains_key(&id),
            ChangeKind::Topic => self.topics.contains_key(&id),
            ChangeKind::Paper => self.papers.contains_key(&id),
            ChangeKind::Affiliation => false,
        }
    }

    fn write_metadata(
        &self,
        xml: &mut XmlWriter,
        repository: &Repository,
        cerif: &mut CerifWriter<'_>,
        header: &RecordHeader,
    ) {
        let id = header.at.id;
        let is_cerif = self.format == MetadataFormat::Cerif;
        if let Some(paper) = self.papers.get(&id).filter(|_| header.kind == ChangeKind::Paper) {
            if is_cerif {
                cerif.write_paper(xml, id, paper);
            } else {
                dublin_core::write_paper(xml, repository, id, paper);
            }
        }
        if let Some(researcher) = self.researchers.get(&id).filter(|_| header.kind == ChangeKind::Researcher) {
            if is_cerif {
                cerif.write_researcher(xml, id, researcher);
            } else {
                dublin_core::write_researcher(xml, repository, id, researcher);
            }
        }
        if let Some(organization) = self.organizations.get(&id).filter(|_| header.kind == ChangeKind::Organization) {
            if is_cerif {
                cerif.write_organization(xml, id, organization);
            } else {
                dublin_core::write_organization(xml, repository, id, organization);
            }
        }
        if let Some(topic) = self.topics.get(&id).filter(|_| header.kind == ChangeKind::Topic) {
            dublin_core::write_topic(xml, repository, id, topic);
        }
    }
}
