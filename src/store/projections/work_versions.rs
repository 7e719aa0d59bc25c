//! Links papers that are versions of one work. A unit of work links again what shares a title or a DOI with what it
//! changed, so that the links do not depend on the order and the batches of imports.

mod rules;
mod title;
mod venue;

use std::collections::{BTreeSet, HashMap, HashSet};

use sea_orm::{
    DerivePartialModel, EntityTrait as _, FromQueryResult, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};

use crate::entity::{authorship, paper};
use crate::error::Error;
use crate::model::record::PaperType;
use crate::store::Store;
use crate::store::access::sql_fragment::{Sql, bigint_array, sql, text_array};
use crate::store::ingest::coauthor_pairs::{coauthor_pairs_of, researchers_of_papers};
use crate::store::projections::coauthorship::{recount_coauthor_pairs, recount_researchers};
use crate::store::projections::work_versions::rules::{
    MAX_SHARING_PAPERS, VersionAuthor, VersionBasis, VersionCandidate, candidate_pairs, link_versions,
};
use crate::store::projections::work_versions::title::is_distinctive_title;
use crate::store::projections::{Rebuild, RebuildPosition};
use crate::store::unit_of_work::dirty::DirtyWorks;
use crate::store::unit_of_work::json_rows::{json_row, rows_cte};
use crate::store::unit_of_work::{Projection, ProjectionFuture, UnitOfWork};
use crate::text::names;
use crate::text::sort_key::sort_title;

/// Version of the rules; links made by other rules are made again at the next start.
const RULES_VERSION: &str = "1";

/// A paper that shares a key with another, or did.
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

json_row! {
    struct VersionLinkRow {
        id: i64,
        version_of_id: Option<i64>,
        version_basis: Option<&'static str>,
    }
}

/// The links between papers that are versions of one work.
#[derive(Debug)]
pub(crate) struct WorkVersions;

impl Projection for WorkVersions {
    fn refresh<'u>(&'u self, uow: &'u mut UnitOfWork<'_>) -> ProjectionFuture<'u> {
        Box::pin(refresh_work_versions(uow))
    }
}

impl Rebuild for WorkVersions {
    const SETTING: &'static str = "paper_version_law";
    const STEP: [i64; 3] = [1_000, 50, 5_000];

    fn version(_: &Store) -> String {
        RULES_VERSION.to_owned()
    }

    /// Marks the next papers, whose links are made when the step is committed.
    async fn rebuild_step(
        uow: &mut UnitOfWork<'_>,
        after: RebuildPosition,
        max_rows: i64,
    ) -> Result<Option<RebuildPosition>, Error> {
        #[derive(DerivePartialModel)]
        #[sea_orm(entity = "paper::Entity")]
        struct PaperKeysRow {
            id: i64,
            title: String,
            doi: Option<String>,
            shared_doi: Option<String>,
            version_of_id: Option<i64>,
        }
        let papers = paper::Entity::find()
            .filter(paper::COLUMN.id.gt(after.id))
            .order_by_asc(paper::Column::Id)
            .limit(max_rows.unsigned_abs());
        let papers = papers.into_partial_model::<PaperKeysRow>().all(uow.db()).await?;
        let Some(last) = papers.last().map(|paper| paper.id) else { return Ok(None) };
        for paper in papers {
            // A linked paper may have a title that is not distinctive by today's rules.
            uow.dirty.works.mark_ids(paper.version_of_id.map(|_| paper.id));
            uow.dirty.works.mark_paper(&paper.title, paper.doi.into_iter().chain(paper.shared_doi));
        }
        Ok(Some(RebuildPosition { id: last, ..after }))
    }
}

/// The keys by which papers that may be versions of one work are found, with folded titles.
#[derive(Default)]
struct WorkKeys {
    titles: HashSet<String>,
    dois: HashSet<String>,
    papers: HashSet<i64>,
}

impl WorkKeys {
    /// The keys of the changes of a unit of work. Titles that are not distinctive are ignored.
    fn of_dirty(works: DirtyWorks) -> Self {
        let titles = works.titles.iter().filter(|title| is_distinctive_title(title)).map(|title| sort_title(title));
        Self { titles: titles.collect(), dois: works.dois, papers: works.papers }
    }

    fn insert(&mut self, title: &str, dois: impl IntoIterator<Item = String>) {
        if is_distinctive_title(title) {
            self.titles.insert(sort_title(title));
        }
        self.dois.extend(dois);
    }

    fn is_empty(&self) -> bool {
        self.titles.is_empty() && self.dois.is_empty() && self.papers.is_empty()
    }

    /// The keys that the other does not have.
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

/// Links the dirty papers with the versions of the same works, and updates the counts that depend on the links.
async fn refresh_work_versions(uow: &mut UnitOfWork<'_>) -> Result<(), Error> {
    let mut queried = WorkKeys::default();
    let mut keys = WorkKeys::of_dirty(std::mem::take(&mut uow.dirty.works));
    let mut related: HashMap<i64, RelatedPaper> = HashMap::new();
    // A related paper may share another key with others: a title with one, a DOI with another.
    while !keys.is_empty() {
        let papers = load_related_papers(uow, &keys).await?;
        queried.extend(keys);
        keys = WorkKeys::default();
        for paper in &papers {
            keys.insert(&paper.title, paper.dois());
        }
        keys = keys.without(&queried);
        related.extend(papers.into_iter().map(|paper| (paper.id, paper)));
    }
    if related.is_empty() {
        return Ok(());
    }
    let candidates: Vec<VersionCandidate> = related.values().map(RelatedPaper::version_candidate).collect();
    let pairs = candidate_pairs(&candidates);
    let compared: BTreeSet<i64> =
        pairs.iter().flat_map(|(one, other, _)| [candidates[*one].id, candidates[*other].id]).collect();
    let authors = load_version_authors(uow, compared).await?;
    let versions = link_versions(&candidates, &pairs, &authors);
    store_version_links(uow, &related, &versions).await
}

/// The papers that share one of the keys with another paper, those that are linked, and the papers themselves.
async fn load_related_papers(uow: &UnitOfWork<'_>, keys: &WorkKeys) -> Result<Vec<RelatedPaper>, Error> {
    let titles = || text_array(keys.titles.iter().cloned());
    let dois = || text_array(keys.dois.iter().cloned());
    // One more than the maximum, to detect that it is exceeded. Linked papers were fewer, and all are read.
    let limit = i64::try_from(MAX_SHARING_PAPERS + 1).unwrap_or(i64::MAX);
    let sql = sql!(
        "SELECT few.id FROM unnest(?::text[]) AS asked(title) \
         CROSS JOIN LATERAL (SELECT same.id, count(*) OVER () AS amount FROM (SELECT id FROM paper \
         WHERE sort_title = asked.title ORDER BY id LIMIT ?) AS same) AS few WHERE few.amount > 1 \
         UNION SELECT id FROM paper WHERE version_of_id IS NOT NULL AND sort_title = ANY(?) UNION SELECT few.id \
         FROM unnest(?::text[]) AS asked(doi) CROSS JOIN LATERAL (SELECT id FROM paper WHERE shared_doi = asked.doi \
         ORDER BY id LIMIT ?) AS few UNION SELECT id FROM paper WHERE version_of_id IS NOT NULL \
         AND shared_doi = ANY(?) UNION SELECT held.id FROM paper AS held WHERE held.doi = ANY(?) \
         AND (held.version_of_id IS NOT NULL OR EXISTS (SELECT FROM paper AS other \
         WHERE other.shared_doi = held.doi)) UNION SELECT unnest(?::bigint[])",
        titles(),
        limit,
        titles(),
        dois(),
        limit,
        dois(),
        dois(),
        bigint_array(keys.papers.iter().copied()),
    );
    let sql = sql!(
        "SELECT id, title, type AS paper_type, publication_year, publication_key, venue_name, doi, shared_doi, \
         version_of_id, version_basis, (SELECT min(concat_ws(' ', source, key) COLLATE \"C\") FROM source_record \
         WHERE source_record.paper_id = paper.id) AS key FROM paper WHERE "
    )
    .then(Sql::in_subquery("id", sql));
    uow.rows(sql).await
}

async fn load_version_authors(
    uow: &UnitOfWork<'_>,
    papers: BTreeSet<i64>,
) -> Result<HashMap<i64, Vec<VersionAuthor>>, Error> {
    let mut authors: HashMap<i64, Vec<VersionAuthor>> = HashMap::new();
    if papers.is_empty() {
        return Ok(authors);
    }
    let listed = authorship::Entity::find()
        .select_only()
        .columns([authorship::Column::PaperId, authorship::Column::Name, authorship::Column::ResearcherId])
        .filter(authorship::COLUMN.paper_id.eq_any(papers));
    for (paper_id, name, researcher_id) in listed.into_tuple::<(i64, String, Option<i64>)>().all(uow.db()).await? {
        authors.entry(paper_id).or_default().push(VersionAuthor { name, researcher_id });
    }
    Ok(authors)
}

/// Updates the links that changed, and counts the works of the authors again.
async fn store_version_links(
    uow: &UnitOfWork<'_>,
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
    // The version of record lists its versions, so it changes too.
    let records: HashSet<i64> = rows
        .iter()
        .flat_map(|row| [row.version_of_id, found.get(&row.id).and_then(|paper| paper.version_of_id)])
        .flatten()
        .collect();
    let update = ", linked AS (UPDATE paper SET version_of_id = rows.version_of_id, version_basis = rows.version_basis, \
         updated_at = statement_timestamp() FROM rows WHERE paper.id = rows.id) \
         UPDATE paper SET updated_at = statement_timestamp() WHERE id = ANY(?) AND NOT EXISTS (SELECT FROM rows WHERE rows.id = paper.id)";
    uow.execute(rows_cte(&rows)?.then_with(update, bigint_array(records))).await?;
    let papers: Vec<i64> = rows.iter().map(|row| row.id).collect();
    recount_researchers(uow, &researchers_of_papers(uow, &papers).await?).await?;
    recount_coauthor_pairs(uow, &coauthor_pairs_of(uow, &papers).await?).await
}

impl Store {
    /// Links all papers that are versions of one work again if they were linked by other rules. Returns whether it did.
    ///
    /// # Errors
    /// If the database is unavailable.
    pub async fn rebuild_work_versions_if_stale(&self) -> Result<bool, Error> {
        self.rebuild_if_stale::<WorkVersions>().await
    }
}
