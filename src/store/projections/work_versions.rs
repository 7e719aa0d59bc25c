//! Papers that are versions of one work: the batch looks again at whatever shares a title or a DOI with what it changed, so
//! that the links are the same in whatever order and batches the papers came.

mod rules;
mod title;
mod venue;

use std::collections::{BTreeSet, HashMap, HashSet};

use sea_orm::{ConnectionTrait as _, FromQueryResult};
use serde::Serialize;

use crate::error::Error;
use crate::model::record::PaperType;
use crate::store::Store;
use crate::store::access::sql_fragment::{Sql, bigint_array, text_array};
use crate::store::ingest::paper::sort_title;
use crate::store::projections::work_versions::rules::{
    MAX_SHARING_PAPERS, VersionAuthor, VersionBasis, VersionCandidate,
};
use crate::store::unit_of_work::UnitOfWork;
use crate::text::names;

/// Which law the links follow now; links made by another are made anew at the next start.
const RULES_VERSION: &str = "1";
/// So many papers are read at once where all are looked at.
const VERSION_SCAN_CHUNK_ROWS: i64 = 5_000;

/// By what the versions of a batch's papers are found.
#[derive(Default)]
pub(crate) struct DirtyWorks {
    /// Folded titles, as far as they say enough.
    titles: HashSet<String>,
    dois: HashSet<String>,
    /// Papers themselves, whatever their titles.
    papers: HashSet<i64>,
}

impl DirtyWorks {
    /// A paper that is written, by what it is found by now or was before.
    pub(crate) fn insert(&mut self, title: &str, dois: impl IntoIterator<Item = String>) {
        if crate::store::projections::work_versions::title::is_distinctive_title(title) {
            self.titles.insert(sort_title(title));
        }
        self.dois.extend(dois);
    }

    /// Papers of which something else changed that their versions depend on.
    pub(crate) fn insert_papers(&mut self, papers: impl IntoIterator<Item = i64>) {
        self.papers.extend(papers);
    }

    fn is_empty(&self) -> bool {
        self.titles.is_empty() && self.dois.is_empty() && self.papers.is_empty()
    }

    /// What is asked here and not in the other.
    fn without(self, other: &Self) -> Self {
        Self {
            titles: self.titles.difference(&other.titles).cloned().collect(),
            dois: self.dois.difference(&other.dois).cloned().collect(),
            papers: self.papers.difference(&other.papers).copied().collect(),
        }
    }

    fn extend(&mut self, other: Self) {
        self.titles.extend(other.titles);
        self.dois.extend(other.dois);
        self.papers.extend(other.papers);
    }
}

/// A paper before a record changes it.
#[derive(FromQueryResult)]
pub(crate) struct PaperBeforeUpdate {
    id: i64,
    pub title: String,
    pub doi: Option<String>,
    shared_doi: Option<String>,
}

/// A paper that shares a title or a DOI with another, or did.
#[derive(FromQueryResult)]
struct RelatedPaper {
    id: i64,
    title: String,
    paper_type: PaperType,
    publication_year: Option<i32>,
    publication_key: i32,
    venue_name: Option<String>,
    doi: Option<String>,
    shared_doi: Option<String>,
    version_of_id: Option<i64>,
    version_basis: Option<String>,
    key: Option<String>,
}

impl RelatedPaper {
    fn dois(&self) -> impl Iterator<Item = String> {
        self.doi.iter().chain(&self.shared_doi).cloned()
    }

    fn version_candidate(&self) -> VersionCandidate {
        VersionCandidate {
            id: self.id,
            title: names::fold(&self.title),
            paper_type: self.paper_type,
            year: self.publication_year,
            date: self.publication_key,
            venue: self.venue_name.clone(),
            dois: self.dois().collect(),
            key: self.key.clone().unwrap_or_default(),
        }
    }
}

#[derive(Serialize)]
struct VersionLinkRow {
    id: i64,
    version_of_id: Option<i64>,
    version_basis: Option<&'static str>,
}

impl UnitOfWork<'_> {
    /// Remembers by what papers are found before they change, so that those they leave behind are looked at too. Gives back
    /// what they were.
    pub(crate) async fn mark_papers_before_update(
        &mut self,
        papers: &[i64],
    ) -> Result<HashMap<i64, PaperBeforeUpdate>, Error> {
        if papers.is_empty() {
            return Ok(HashMap::new());
        }
        let sql = "SELECT id, title, doi, shared_doi FROM paper WHERE id = ANY(?)";
        let before = self.rows::<PaperBeforeUpdate>(Sql::with(sql, bigint_array(papers.iter().copied()))).await?;
        for paper in &before {
            self.dirty_works.insert(&paper.title, paper.doi.iter().chain(&paper.shared_doi).cloned());
        }
        self.dirty_works.insert_papers(papers.iter().copied());
        Ok(before.into_iter().map(|paper| (paper.id, paper)).collect())
    }

    /// Links the papers that the batch changed with the versions of the same works, and counts again what follows.
    pub(crate) async fn refresh_work_versions(&mut self) -> Result<(), Error> {
        let mut asked = DirtyWorks::default();
        let mut next = std::mem::take(&mut self.dirty_works);
        let mut found: HashMap<i64, RelatedPaper> = HashMap::new();
        // What is found may share something else with others: a title with one, a DOI with another.
        while !next.is_empty() {
            let rows = self.load_related_papers(&next).await?;
            asked.extend(next);
            next = DirtyWorks::default();
            for row in &rows {
                next.insert(&row.title, row.dois());
            }
            next = next.without(&asked);
            found.extend(rows.into_iter().map(|row| (row.id, row)));
        }
        if found.is_empty() {
            return Ok(());
        }
        let candidates: Vec<VersionCandidate> = found.values().map(RelatedPaper::version_candidate).collect();
        let pairs = crate::store::projections::work_versions::rules::candidate_pairs(&candidates);
        let compared: BTreeSet<i64> =
            pairs.iter().flat_map(|(one, other, _)| [candidates[*one].id, candidates[*other].id]).collect();
        let authors = self.load_version_authors(compared).await?;
        let versions = crate::store::projections::work_versions::rules::link_versions(&candidates, &pairs, &authors);
        self.store_version_links(&found, &versions).await
    }

    /// The papers that share what is asked for with another, those that are linked, and those that are asked for themselves.
    async fn load_related_papers(&self, asked: &DirtyWorks) -> Result<Vec<RelatedPaper>, Error> {
        let titles = || text_array(asked.titles.iter().cloned());
        let dois = || text_array(asked.dois.iter().cloned());
        // One more than may share shows that there are more. Those that are linked were fewer, and are all read.
        let most = i64::try_from(MAX_SHARING_PAPERS + 1).unwrap_or(i64::MAX);
        let sql = Sql::with(
            "SELECT few.id FROM unnest(?::text[]) AS asked(title) CROSS JOIN LATERAL (\
             SELECT same.id, count(*) OVER () AS amount FROM (SELECT id FROM paper WHERE sort_title = asked.title ",
            titles(),
        )
        .then_with("ORDER BY id LIMIT ?) AS same) AS few WHERE few.amount > 1", most)
        .then_with(" UNION SELECT id FROM paper WHERE version_of_id IS NOT NULL AND sort_title = ANY(?)", titles())
        .then_with(" UNION SELECT few.id FROM unnest(?::text[]) AS asked(doi) CROSS JOIN LATERAL (", dois())
        .then_with("SELECT id FROM paper WHERE shared_doi = asked.doi ORDER BY id LIMIT ?) AS few", most)
        .then_with(" UNION SELECT id FROM paper WHERE version_of_id IS NOT NULL AND shared_doi = ANY(?)", dois())
        .then_with(
            " UNION SELECT held.id FROM paper AS held WHERE held.doi = ANY(?) AND (held.version_of_id IS NOT NULL \
             OR EXISTS (SELECT FROM paper AS other WHERE other.shared_doi = held.doi))",
            dois(),
        )
        .then_with(" UNION SELECT unnest(?::bigint[])", bigint_array(asked.papers.iter().copied()));
        let sql = Sql::from(
            "SELECT id, title, type AS paper_type, publication_year, publication_key, venue_name, doi, shared_doi, version_of_id, \
             version_basis, (SELECT min(concat_ws(' ', source, key) COLLATE \"C\") FROM source_record \
             WHERE source_record.paper_id = paper.id) AS key FROM paper WHERE ",
        )
        .then(Sql::in_subquery("id", sql));
        self.rows(sql).await
    }

    async fn load_version_authors(&self, papers: BTreeSet<i64>) -> Result<HashMap<i64, Vec<VersionAuthor>>, Error> {
        #[derive(FromQueryResult)]
        struct Row {
            paper_id: i64,
            name: String,
            researcher_id: Option<i64>,
        }
        let mut authors: HashMap<i64, Vec<VersionAuthor>> = HashMap::new();
        if papers.is_empty() {
            return Ok(authors);
        }
        let sql = "SELECT paper_id, name, researcher_id FROM authorship WHERE paper_id = ANY(?)";
        for Row { paper_id, name, researcher_id } in self.rows(Sql::with(sql, bigint_array(papers))).await? {
            authors.entry(paper_id).or_default().push(VersionAuthor { name, researcher_id });
        }
        Ok(authors)
    }

    /// Makes the links what they should be, and counts the works of those who wrote what changed.
    async fn store_version_links(
        &self,
        found: &HashMap<i64, RelatedPaper>,
        versions: &HashMap<i64, (i64, VersionBasis)>,
    ) -> Result<(), Error> {
        let row = |id: i64| {
            let (version_of_id, basis) = versions.get(&id).copied().unzip();
            VersionLinkRow { id, version_of_id, version_basis: basis.map(VersionBasis::as_str) }
        };
        let is_changed = |paper: &&RelatedPaper| {
            let now = versions.get(&paper.id);
            paper.version_of_id != now.map(|(record, _)| *record)
                || paper.version_basis.as_deref() != now.map(|(_, basis)| basis.as_str())
        };
        let rows: Vec<VersionLinkRow> = found.values().filter(is_changed).map(|paper| row(paper.id)).collect();
        if rows.is_empty() {
            return Ok(());
        }
        // A version of record says which versions it has.
        let records: HashSet<i64> = rows
            .iter()
            .flat_map(|row| [row.version_of_id, found.get(&row.id).and_then(|paper| paper.version_of_id)])
            .flatten()
            .collect();
        let columns = "id bigint, version_of_id bigint, version_basis text";
        let update = ", linked AS (UPDATE paper SET version_of_id = rows.version_of_id, version_basis = rows.version_basis, \
             updated_at = now() FROM rows WHERE paper.id = rows.id) \
             UPDATE paper SET updated_at = now() WHERE id = ANY(?) AND NOT EXISTS (SELECT FROM rows WHERE rows.id = paper.id)";
        self.execute(crate::store::unit_of_work::rows_cte(columns, &rows)?.then_with(update, bigint_array(records)))
            .await?;
        let papers: Vec<i64> = rows.iter().map(|row| row.id).collect();
        self.recount_researchers(&self.researchers_of_papers(&papers).await?).await?;
        self.recount_coauthor_pairs(&self.coauthor_pairs_of(&papers).await?).await
    }
}

impl Store {
    /// Links all papers that are versions of one work, if they were linked by another law than today's. Tells whether it had
    /// to.
    ///
    /// # Errors
    /// Where the database does not answer.
    pub async fn rebuild_work_versions_if_stale(&self) -> Result<bool, Error> {
        #[derive(FromQueryResult)]
        struct Setting {
            value: String,
        }
        #[derive(FromQueryResult)]
        struct Held {
            id: i64,
            title: String,
            doi: Option<String>,
            shared_doi: Option<String>,
            version_of_id: Option<i64>,
        }
        let current = "SELECT value FROM setting WHERE name = 'paper_version_law'";
        if self
            .query_one::<Setting>("paper_version::law", current.into())
            .await?
            .is_some_and(|setting| setting.value == RULES_VERSION)
        {
            return Ok(false);
        }
        let transaction = self.begin().await?;
        transaction.execute_unprepared("SET LOCAL statement_timeout = 0; SET LOCAL enable_seqscan = off").await?;
        transaction
            .execute_unprepared(&format!(
                "SELECT pg_advisory_xact_lock({})",
                crate::store::unit_of_work::WRITE_LOCK_KEY
            ))
            .await?;
        let mut batch = UnitOfWork::new(&transaction, "", self.consortium_size, 0);
        let mut last = 0;
        loop {
            let sql = Sql::with(
                "SELECT id, title, doi, shared_doi, version_of_id FROM paper WHERE id > ? ORDER BY id ",
                last,
            );
            let found = batch.rows::<Held>(sql.then_with("LIMIT ?", VERSION_SCAN_CHUNK_ROWS)).await?;
            let Some(end) = found.last() else { break };
            last = end.id;
            for paper in found {
                // A link may be of a title that says too little by now.
                batch.dirty_works.insert_papers(paper.version_of_id.map(|_| paper.id));
                batch.dirty_works.insert(&paper.title, paper.doi.into_iter().chain(paper.shared_doi));
            }
            batch.refresh_work_versions().await?;
        }
        let remember = "INSERT INTO setting (name, value) VALUES ('paper_version_law', ?) \
             ON CONFLICT (name) DO UPDATE SET value = EXCLUDED.value";
        transaction.execute_raw(Sql::with(remember, RULES_VERSION).into_statement()).await?;
        self.commit(transaction).await?;
        Ok(true)
    }
}
