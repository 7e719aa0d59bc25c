//! Which papers of the directory records are of.

use std::collections::HashMap;

use sea_orm::FromQueryResult;

use crate::error::Error;
use crate::model::record::PaperRecord;
use crate::store::access::sql_fragment::{Sql, texts};
use crate::store::ingest::exported_ids::EXPORTED;
use crate::store::ingest::paper::{Change, author_keys, sort_title};
use crate::store::unit_of_work::Batch;
use crate::text::names;

/// A paper that has one of the identifiers of a batch, or one of its titles.
#[derive(FromQueryResult)]
struct Holder {
    id: i64,
    doi: Option<String>,
    shared_doi: Option<String>,
    arxiv_id: Option<String>,
    title: String,
    publication_date: Option<String>,
    venue_name: Option<String>,
    /// The numbers that PubMed gave it.
    pubmed_ids: Vec<String>,
    has_own_key: bool,
    has_id: bool,
    is_exported: bool,
    authors: Vec<String>,
}

impl Holder {
    fn dois(&self) -> impl Iterator<Item = &str> {
        self.doi.iter().chain(&self.shared_doi).map(String::as_str)
    }
}

/// Whether a source gave a paper an id of any kind.
const HAS_ID: &str = "(num_nonnulls(paper.doi, paper.shared_doi, paper.arxiv_id) > 0 \
     OR EXISTS (SELECT FROM external_id WHERE external_id.paper_id = paper.id))";

impl Batch<'_> {
    /// Finds the papers that are there under another key: by DOI, by arXiv id, by PubMed's number, and where a record has no id at all by
    /// title and authors.
    pub(super) async fn find_existing(&mut self, pending: &mut [Change<'_>]) -> Result<(), Error> {
        let holders = self.holders(pending).await?;
        let by_doi: HashMap<&str, &Holder> =
            holders.iter().filter_map(|held| Some((held.doi.as_deref()?, held))).collect();
        let by_doi_and_title: HashMap<(&str, String), &Holder> = holders
            .iter()
            .flat_map(|held| held.dois().map(move |doi| ((doi, names::fold(&held.title)), held)))
            .collect();
        let by_arxiv: HashMap<&str, &Holder> =
            holders.iter().filter_map(|held| Some((held.arxiv_id.as_deref()?, held))).collect();
        let by_pubmed: HashMap<&str, &Holder> =
            holders.iter().flat_map(|held| held.pubmed_ids.iter().map(move |id| (id.as_str(), held))).collect();
        for change in pending {
            let record = change.record;
            // A source that gives ids tells papers apart itself: the same DOI on another title is a mistake of its own.
            let is_another = |held: &Holder| match change.existing {
                Some(id) => held.id != id,
                None => {
                    record.source_id.is_some()
                        && held.has_own_key
                        && names::fold(&held.title) != names::fold(&record.title)
                }
            };
            let doi_holder = change.doi.and_then(|doi| by_doi.get(doi.as_str())).copied();
            let arxiv_holder = change.arxiv_id.as_ref().and_then(|id| by_arxiv.get(id.as_str())).copied();
            // Of several papers that sources give the DOI, the one of the title is meant, whichever has it.
            let of_title = change
                .doi
                .filter(|_| record.exported.is_none())
                .and_then(|doi| by_doi_and_title.get(&(doi.as_str(), names::fold(&record.title))).copied());
            let doi_claimant = of_title.or(doi_holder);
            let doi_elsewhere = doi_claimant.filter(|held| is_another(held));
            let arxiv_elsewhere = arxiv_holder.filter(|held| is_another(held));
            let pubmed_holder = pubmed_ids(record).find_map(|id| by_pubmed.get(id)).copied();
            let pubmed_holder = pubmed_holder.filter(|_| record.exported.is_none());
            let pubmed_elsewhere = pubmed_holder.filter(|held| is_another(held));
            let mut found =
                [(doi_claimant, doi_elsewhere), (arxiv_holder, arxiv_elsewhere), (pubmed_holder, pubmed_elsewhere)]
                    .into_iter()
                    .find_map(|(holder, elsewhere)| holder.filter(|_| elsewhere.is_none()))
                    .map(|held| held.id);
            if !change.has_id() {
                // Those that a directory exported are different ones, however much they look alike.
                let may_be = |held: &&Holder| record.exported.is_none() || !held.is_exported;
                found = holders.iter().filter(may_be).find(|held| is_same_work(held, record)).map(|held| held.id);
            } else if found.is_none() && record.exported.is_none() {
                // What came before it without an id is known by it from now on.
                found = holders.iter().find(|held| !held.has_id && is_same_work(held, record)).map(|held| held.id);
            }
            change.existing = change.existing.or(found);
            // Two identifiers may lead to two papers: the first one found is changed, the other keeps its identifier.
            let stays = |holder: Option<&Holder>| holder.is_some_and(|held| change.existing != Some(held.id));
            let (doi_stays, arxiv_stays) = (stays(doi_holder), stays(arxiv_holder));
            if let (true, Some(doi)) = (doi_stays, change.doi.take_if(|_| doi_stays)) {
                change.shared_doi = Some(doi);
                self.note(change.index, format!("the DOI {doi} is given to another paper too; one of them has it"));
            }
            if let (true, Some(id)) = (arxiv_stays, change.arxiv_id.take_if(|_| arxiv_stays)) {
                self.note(change.index, format!("the arXiv id {id} already names another paper; it was left there"));
            }
        }
        Ok(())
    }

    async fn holders(&self, pending: &[Change<'_>]) -> Result<Vec<Holder>, Error> {
        let dois = || texts(pending.iter().filter_map(|change| change.doi).map(ToString::to_string));
        let arxiv_ids = pending.iter().filter_map(|change| change.arxiv_id.as_ref()).map(ToString::to_string);
        let without_ids = pending.iter().filter(|change| !change.has_id());
        let titles: Vec<String> = without_ids.map(|change| sort_title(&change.record.title)).collect();
        let new = pending.iter().filter(|change| change.existing.is_none() && change.record.exported.is_none());
        let titles_of_new = new.filter(|change| change.has_id()).map(|change| sort_title(&change.record.title));
        let authors = "ARRAY(SELECT authorship.name_as_published FROM authorship WHERE authorship.paper_id = paper.id)";
        // Who wrote it is only asked of what may be found by the title.
        let authors = if titles.is_empty() {
            format!("CASE WHEN {HAS_ID} THEN '{{}}' ELSE {authors} END")
        } else {
            authors.to_owned()
        };
        let sql = Sql::with(
            "SELECT paper.id, doi, shared_doi, arxiv_id, title, publication_date, venue_name, \
             ARRAY(SELECT value FROM external_id WHERE external_id.paper_id = paper.id AND scheme = 'pmid') AS pubmed_ids, EXISTS (SELECT FROM external_id \
             WHERE external_id.paper_id = paper.id AND external_id.scheme = ?) AS has_own_key, ",
            self.source.to_lowercase(),
        )
        .then_with(
            &format!(
                "{HAS_ID} AS has_id, EXISTS (SELECT FROM source_record WHERE source_record.paper_id = paper.id AND source_record.source = ? "
            ),
            self.source,
        )
        .then(format!("AND starts_with(source_record.key, '{EXPORTED}')) AS is_exported, "))
        .then(authors)
        .then(" AS authors FROM paper WHERE paper.id IN (")
        .then_with("SELECT id FROM paper WHERE doi = ANY(?)", dois())
        .then_with(" UNION SELECT id FROM paper WHERE shared_doi = ANY(?)", dois())
        .then_with(" UNION SELECT id FROM paper WHERE arxiv_id = ANY(?)", texts(arxiv_ids))
        .then_with(
            " UNION SELECT paper_id FROM external_id WHERE paper_id IS NOT NULL AND scheme = 'pmid' AND value = ANY(?)",
            texts(pending.iter().flat_map(|change| pubmed_ids(change.record)).map(ToOwned::to_owned)),
        )
        .then_with(" UNION SELECT id FROM paper WHERE sort_title = ANY(?)", texts(titles))
        .then_with(" UNION SELECT id FROM paper WHERE sort_title = ANY(?) ", texts(titles_of_new.collect::<Vec<_>>()))
        .then(format!("AND NOT {HAS_ID}) ORDER BY paper.id"));
        self.rows(sql).await
    }
}

/// Whether a record without any id is of a paper: the same title, the same authors, and no other date; where there are no
/// authors the same venue, since every journal has an editorial.
fn is_same_work(held: &Holder, record: &PaperRecord) -> bool {
    let dates = held.publication_date.clone().zip(record.publication_date.map(|date| date.to_string()));
    let venue = |name: Option<&str>| name.map(names::fold);
    names::fold(&held.title) == names::fold(&record.title)
        && dates.is_none_or(|(held, own)| held.starts_with(&own) || own.starts_with(&held))
        && author_keys(held.authors.iter().map(String::as_str))
            == author_keys(record.authors.iter().map(|author| author.name.as_str()))
        && (!held.authors.is_empty() || venue(held.venue_name.as_deref()) == venue(record.venue_name.as_deref()))
}

/// The numbers that PubMed gave what a record is of.
fn pubmed_ids(record: &PaperRecord) -> impl Iterator<Item = &str> {
    record.identifiers.iter().filter(|id| id.scheme == "pmid").map(|id| id.value.as_str())
}
