//! Matching of records to existing papers.

use std::collections::HashMap;

use sea_orm::FromQueryResult;

use crate::error::Error;
use crate::model::record::PaperRecord;
use crate::store::access::sql_fragment::{sql, text_array};
use crate::store::ingest::paper::change::PaperChange;
use crate::store::ingest::paper::sorted_author_keys;
use crate::store::reader::export::is_exported_key;
use crate::store::unit_of_work::UnitOfWork;
use crate::text::names;
use crate::text::sort_key::sort_title;

/// A paper that has an identifier or a title of a record.
#[derive(FromQueryResult)]
struct PaperMatchCandidate {
    id: i64,
    doi: Option<String>,
    shared_doi: Option<String>,
    arxiv_id: Option<String>,
    title: String,
    publication_date: Option<String>,
    venue_name: Option<String>,
    /// PubMed IDs.
    pubmed_ids: Vec<String>,
    has_own_key: bool,
    has_id: bool,
    is_exported: bool,
    authors: Vec<String>,
}

impl PaperMatchCandidate {
    fn dois(&self) -> impl Iterator<Item = &str> {
        self.doi.iter().chain(&self.shared_doi).map(String::as_str)
    }
}

/// SQL condition: the paper has an identifier of any kind.
const HAS_ID_SQL: &str = "(num_nonnulls(paper.doi, paper.shared_doi, paper.arxiv_id) > 0 \
     OR EXISTS (SELECT FROM external_id WHERE external_id.paper_id = paper.id))";

/// Matches records to papers that were imported under another key: by DOI, arXiv ID or PubMed ID, or by title and
/// authors if the record has no identifier.
pub(super) async fn match_existing_papers(
    uow: &mut UnitOfWork<'_>,
    pending: &mut [PaperChange<'_>],
) -> Result<(), Error> {
    let holders = load_match_candidates(uow, pending).await?;
    let by_doi: HashMap<&str, &PaperMatchCandidate> =
        holders.iter().filter_map(|candidate| Some((candidate.doi.as_deref()?, candidate))).collect();
    let by_doi_and_title: HashMap<(&str, String), &PaperMatchCandidate> = holders
        .iter()
        .flat_map(|candidate| candidate.dois().map(move |doi| ((doi, names::fold(&candidate.title)), candidate)))
        .collect();
    let by_arxiv: HashMap<&str, &PaperMatchCandidate> =
        holders.iter().filter_map(|candidate| Some((candidate.arxiv_id.as_deref()?, candidate))).collect();
    let by_pubmed: HashMap<&str, &PaperMatchCandidate> = holders
        .iter()
        .flat_map(|candidate| candidate.pubmed_ids.iter().map(move |id| (id.as_str(), candidate)))
        .collect();
    for change in pending {
        let record = change.record;
        // A source with ids of its own distinguishes papers itself: the same DOI on another title is an error of the
        // source.
        let is_another = |candidate: &PaperMatchCandidate| match change.existing_id {
            Some(id) => candidate.id != id,
            None => {
                record.source_id.is_some()
                    && candidate.has_own_key
                    && names::fold(&candidate.title) != names::fold(&record.title)
            }
        };
        let doi_holder = change.doi.and_then(|doi| by_doi.get(doi.as_str())).copied();
        let arxiv_holder = change.arxiv_id.as_ref().and_then(|id| by_arxiv.get(id.as_str())).copied();
        // If sources assign the DOI to several papers, the one with the title is meant.
        let of_title = change
            .doi
            .filter(|_| record.exported.is_none())
            .and_then(|doi| by_doi_and_title.get(&(doi.as_str(), names::fold(&record.title))).copied());
        let doi_claimant = of_title.or(doi_holder);
        let doi_elsewhere = doi_claimant.filter(|candidate| is_another(candidate));
        let arxiv_elsewhere = arxiv_holder.filter(|candidate| is_another(candidate));
        let pubmed_holder = pubmed_ids(record).find_map(|id| by_pubmed.get(id)).copied();
        let pubmed_holder = pubmed_holder.filter(|_| record.exported.is_none());
        let pubmed_elsewhere = pubmed_holder.filter(|candidate| is_another(candidate));
        let mut found =
            [(doi_claimant, doi_elsewhere), (arxiv_holder, arxiv_elsewhere), (pubmed_holder, pubmed_elsewhere)]
                .into_iter()
                .find_map(|(holder, elsewhere)| holder.filter(|_| elsewhere.is_none()))
                .map(|candidate| candidate.id);
        if !change.has_any_id() {
            // Papers exported by one directory are distinct, however similar they are.
            let is_allowed = |candidate: &&PaperMatchCandidate| record.exported.is_none() || !candidate.is_exported;
            found = holders
                .iter()
                .filter(is_allowed)
                .find(|candidate| is_same_paper(candidate, record))
                .map(|candidate| candidate.id);
        } else if found.is_none() && record.exported.is_none() {
            // A paper that was imported without an identifier gets the record's.
            found = holders
                .iter()
                .find(|candidate| !candidate.has_id && is_same_paper(candidate, record))
                .map(|candidate| candidate.id);
        }
        change.existing_id = change.existing_id.or(found);
        // Two identifiers may belong to two papers: the first match is changed, the other paper keeps its identifier.
        let stays = |holder: Option<&PaperMatchCandidate>| {
            holder.is_some_and(|candidate| change.existing_id != Some(candidate.id))
        };
        let (doi_stays, arxiv_stays) = (stays(doi_holder), stays(arxiv_holder));
        if let (true, Some(doi)) = (doi_stays, change.doi.take_if(|_| doi_stays)) {
            change.shared_doi = Some(doi);
            uow.add_note(
                change.index,
                format!("the DOI {doi} is also assigned to another paper; only one of them has it"),
            );
        }
        if let (true, Some(id)) = (arxiv_stays, change.arxiv_id.take_if(|_| arxiv_stays)) {
            uow.add_note(change.index, format!("the arXiv ID {id} already identifies another paper and was not moved"));
        }
    }
    Ok(())
}

/// The papers that records may match.
async fn load_match_candidates(
    uow: &UnitOfWork<'_>,
    pending: &[PaperChange<'_>],
) -> Result<Vec<PaperMatchCandidate>, Error> {
    let dois = || text_array(pending.iter().filter_map(|change| change.doi).map(ToString::to_string));
    let arxiv_ids = pending.iter().filter_map(|change| change.arxiv_id.as_ref()).map(ToString::to_string);
    let without_ids = pending.iter().filter(|change| !change.has_any_id());
    let titles: Vec<String> = without_ids.map(|change| sort_title(&change.record.title)).collect();
    let new = pending.iter().filter(|change| change.existing_id.is_none() && change.record.exported.is_none());
    let titles_of_new = new.filter(|change| change.has_any_id()).map(|change| sort_title(&change.record.title));
    let authors = "ARRAY(SELECT authorship.name_as_published FROM authorship WHERE authorship.paper_id = paper.id)";
    // Authors are read only for papers that may match by title.
    let authors = if titles.is_empty() {
        format!("CASE WHEN {HAS_ID_SQL} THEN '{{}}' ELSE {authors} END")
    } else {
        authors.to_owned()
    };
    let sql = sql!(
        "SELECT paper.id, doi, shared_doi, arxiv_id, title, publication_date, venue_name, ARRAY(SELECT value \
         FROM external_id WHERE external_id.paper_id = paper.id \
         AND scheme = 'pmid') AS pubmed_ids, EXISTS (SELECT FROM external_id WHERE external_id.paper_id = paper.id \
         AND external_id.scheme = ?) AS has_own_key, ",
        uow.source().to_lowercase(),
    )
    .then_with(
        &format!(
            "{HAS_ID_SQL} AS has_id, EXISTS (SELECT FROM source_record WHERE source_record.paper_id = paper.id AND source_record.source = ? "
        ),
        uow.source(),
    )
    .then(concat!("AND ", is_exported_key!("source_record.key"), ") AS is_exported, "))
    .then(authors)
    .then(" AS authors FROM paper WHERE paper.id IN (")
    .then(sql!(
        "SELECT id FROM paper WHERE doi = ANY(?) UNION SELECT id FROM paper WHERE shared_doi = ANY(?) \
         UNION SELECT id FROM paper WHERE arxiv_id = ANY(?) UNION SELECT paper_id FROM external_id \
         WHERE paper_id IS NOT NULL AND scheme = 'pmid' AND value = ANY(?) UNION SELECT id FROM paper \
         WHERE sort_title = ANY(?) UNION SELECT id FROM paper WHERE sort_title = ANY(?) ",
        dois(),
        dois(),
        text_array(arxiv_ids),
        text_array(pending.iter().flat_map(|change| pubmed_ids(change.record)).map(ToOwned::to_owned)),
        text_array(titles),
        text_array(titles_of_new.collect::<Vec<_>>()),
    ))
    .then(format!("AND NOT {HAS_ID_SQL}) ORDER BY paper.id"));
    uow.rows(sql).await
}

/// Whether a record without identifiers describes a paper: same title, same authors and a compatible date; without
/// authors the same venue, since every journal has an editorial.
fn is_same_paper(candidate: &PaperMatchCandidate, record: &PaperRecord) -> bool {
    let dates = candidate.publication_date.clone().zip(record.publication_date.map(|date| date.to_string()));
    let venue = |name: Option<&str>| name.map(names::fold);
    names::fold(&candidate.title) == names::fold(&record.title)
        && dates.is_none_or(|(candidate, own)| candidate.starts_with(&own) || own.starts_with(&candidate))
        && sorted_author_keys(candidate.authors.iter().map(String::as_str))
            == sorted_author_keys(record.authors.iter().map(|author| author.name.as_str()))
        && (!candidate.authors.is_empty()
            || venue(candidate.venue_name.as_deref()) == venue(record.venue_name.as_deref()))
}

/// The PubMed IDs of a record.
fn pubmed_ids(record: &PaperRecord) -> impl Iterator<Item = &str> {
    record.identifiers.iter().filter(|id| id.scheme == "pmid").map(|id| id.value.as_str())
}
