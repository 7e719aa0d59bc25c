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
use crate::store::access::sql_fragment::{Sql, ids, texts};
use crate::store::ingest::paper::sort_title;
use crate::store::projections::work_versions::rules::{Author, Basis, Candidate, MOST_SHARING};
use crate::store::unit_of_work::Batch;
use crate::text::names;

/// Which law the links follow now; links made by another are made anew at the next start.
const VERSION: &str = "1";
/// So many papers are read at once where all are looked at.
const CHUNK: i64 = 5_000;

/// By what the versions of a batch's papers are found.
#[derive(Default)]
pub(crate) struct Asked {
    /// Folded titles, as far as they say enough.
    titles: HashSet<String>,
    dois: HashSet<String>,
    /// Papers themselves, whatever their titles.
    papers: HashSet<i64>,
}

impl Asked {
    /// A paper that is written, by what it is found by now or was before.
    pub(crate) fn insert(&mut self, title: &str, dois: impl IntoIterator<Item = String>) {
        if crate::store::projections::work_versions::title::is_telling(title) {
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
pub(crate) struct Before {
    id: i64,
    pub title: String,
    pub doi: Option<String>,
    shared_doi: Option<String>,
}

/// A paper that shares a title or a DOI with another, or did.
#[derive(FromQueryResult)]
struct Found {
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

impl Found {
    fn dois(&self) -> impl Iterator<Item = String> {
        self.doi.iter().chain(&self.shared_doi).cloned()
    }

    fn candidate(&self) -> Candidate {
        Candidate {
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
struct LinkRow {
    id: i64,
    version_of_id: Option<i64>,
    version_basis: Option<&'static str>,
}

impl Batch<'_> {
    /// Remembers by what papers are found before they change, so that those they leave behind are looked at too. Gives back
    /// what they were.
    pub(crate) async fn ask_before(&mut self, papers: &[i64]) -> Result<HashMap<i64, Before>, Error> {
        if papers.is_empty() {
            return Ok(HashMap::new());
        }
        let sql = "SELECT id, title, doi, shared_doi FROM paper WHERE id = ANY(?)";
        let before = self.rows::<Before>(Sql::with(sql, ids(papers.iter().copied()))).await?;
        for paper in &before {
            self.versions.insert(&paper.title, paper.doi.iter().chain(&paper.shared_doi).cloned());
        }
        self.versions.insert_papers(papers.iter().copied());
        Ok(before.into_iter().map(|paper| (paper.id, paper)).collect())
    }

    /// Links the papers that the batch changed with the versions of the same works, and counts again what follows.
    pub(crate) async fn settle_versions(&mut self) -> Result<(), Error> {
        let mut asked = Asked::default();
        let mut next = std::mem::take(&mut self.versions);
        let mut found: HashMap<i64, Found> = HashMap::new();
        // What is found may share something else with others: a title with one, a DOI with another.
        while !next.is_empty() {
            let rows = self.sharing(&next).await?;
            asked.extend(next);
            next = Asked::default();
            for row in &rows {
                next.insert(&row.title, row.dois());
            }
            next = next.without(&asked);
            found.extend(rows.into_iter().map(|row| (row.id, row)));
        }
        if found.is_empty() {
            return Ok(());
        }
        let candidates: Vec<Candidate> = found.values().map(Found::candidate).collect();
        let pairs = crate::store::projections::work_versions::rules::possible_pairs(&candidates);
        let compared: BTreeSet<i64> =
            pairs.iter().flat_map(|(one, other, _)| [candidates[*one].id, candidates[*other].id]).collect();
        let authors = self.authors_by_paper(compared).await?;
        let versions = crate::store::projections::work_versions::rules::versions(&candidates, &pairs, &authors);
        self.link(&found, &versions).await
    }

    /// The papers that share what is asked for with another, those that are linked, and those that are asked for themselves.
    async fn sharing(&self, asked: &Asked) -> Result<Vec<Found>, Error> {
        let titles = || texts(asked.titles.iter().cloned());
        let dois = || texts(asked.dois.iter().cloned());
        // One more than may share shows that there are more. Those that are linked were fewer, and are all read.
        let most = i64::try_from(MOST_SHARING + 1).unwrap_or(i64::MAX);
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
        .then_with(" UNION SELECT unnest(?::bigint[])", ids(asked.papers.iter().copied()));
        let sql = Sql::from(
            "SELECT id, title, type AS paper_type, publication_year, publication_key, venue_name, doi, shared_doi, version_of_id, \
             version_basis, (SELECT min(concat_ws(' ', source, key) COLLATE \"C\") FROM source_record \
             WHERE source_record.paper_id = paper.id) AS key FROM paper WHERE ",
        )
        .then(Sql::is_in("id", sql));
        self.rows(sql).await
    }

    async fn authors_by_paper(&self, papers: BTreeSet<i64>) -> Result<HashMap<i64, Vec<Author>>, Error> {
        #[derive(FromQueryResult)]
        struct Row {
            paper_id: i64,
            name: String,
            researcher_id: Option<i64>,
        }
        let mut authors: HashMap<i64, Vec<Author>> = HashMap::new();
        if papers.is_empty() {
            return Ok(authors);
        }
        let sql = "SELECT paper_id, name, researcher_id FROM authorship WHERE paper_id = ANY(?)";
        for Row { paper_id, name, researcher_id } in self.rows(Sql::with(sql, ids(papers))).await? {
            authors.entry(paper_id).or_default().push(Author { name, researcher_id });
        }
        Ok(authors)
    }

    /// Makes the links what they should be, and counts the works of those who wrote what changed.
    async fn link(&self, found: &HashMap<i64, Found>, versions: &HashMap<i64, (i64, Basis)>) -> Result<(), Error> {
        let row = |id: i64| {
            let (version_of_id, basis) = versions.get(&id).copied().unzip();
            LinkRow { id, version_of_id, version_basis: basis.map(Basis::word) }
        };
        let is_changed = |paper: &&Found| {
            let now = versions.get(&paper.id);
            paper.version_of_id != now.map(|(record, _)| *record)
                || paper.version_basis.as_deref() != now.map(|(_, basis)| basis.word())
        };
        let rows: Vec<LinkRow> = found.values().filter(is_changed).map(|paper| row(paper.id)).collect();
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
        self.execute(crate::store::unit_of_work::rows_sql(columns, &rows)?.then_with(update, ids(records))).await?;
        let papers: Vec<i64> = rows.iter().map(|row| row.id).collect();
        self.recount_people(&self.authors_of(&papers).await?).await?;
        self.recount_pairs(&self.pairs_of(&papers).await?).await
    }
}

impl Store {
    /// Links all papers that are versions of one work, if they were linked by another law than today's. Tells whether it had
    /// to.
    ///
    /// # Errors
    /// Where the database does not answer.
    pub async fn keep_paper_versions(&self) -> Result<bool, Error> {
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
            .row::<Setting>("paper_version::law", current.into())
            .await?
            .is_some_and(|setting| setting.value == VERSION)
        {
            return Ok(false);
        }
        let transaction = self.begin().await?;
        transaction.execute_unprepared("SET LOCAL statement_timeout = 0; SET LOCAL enable_seqscan = off").await?;
        transaction
            .execute_unprepared(&format!("SELECT pg_advisory_xact_lock({})", crate::store::unit_of_work::WRITE_LOCK))
            .await?;
        let mut batch = Batch::new(&transaction, "", self.consortium_size, 0);
        let mut last = 0;
        loop {
            let sql = Sql::with(
                "SELECT id, title, doi, shared_doi, version_of_id FROM paper WHERE id > ? ORDER BY id ",
                last,
            );
            let found = batch.rows::<Held>(sql.then_with("LIMIT ?", CHUNK)).await?;
            let Some(end) = found.last() else { break };
            last = end.id;
            for paper in found {
                // A link may be of a title that says too little by now.
                batch.versions.insert_papers(paper.version_of_id.map(|_| paper.id));
                batch.versions.insert(&paper.title, paper.doi.into_iter().chain(paper.shared_doi));
            }
            batch.settle_versions().await?;
        }
        let remember = "INSERT INTO setting (name, value) VALUES ('paper_version_law', ?) \
             ON CONFLICT (name) DO UPDATE SET value = EXCLUDED.value";
        transaction.execute_raw(Sql::with(remember, VERSION).statement()).await?;
        self.commit(transaction).await?;
        Ok(true)
    }
}
