//! Suggested repairs of author names, which are applied while another name of the directory confirms the spelling, so
//! that the order of imports does not matter.

use std::collections::{BTreeMap, HashMap, HashSet};

use sea_orm::{
    DerivePartialModel, EntityTrait as _, FromQueryResult, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};

use crate::entity::authorship;
use crate::error::Error;
use crate::model::identifier::Orcid;
use crate::store::Store;
use crate::store::access::sql_fragment::{bigint_array, sql};
use crate::store::ingest::disambiguation_queue::queue_author_blocks;
use crate::store::ingest::merge_researchers::emptied::reassign_and_merge_emptied;
use crate::store::ingest::name_repair::{ProvidedNameParts, RepairedAuthorName, find_confirmed_spellings};
use crate::store::ingest::reassign_authorships::Reassignment;
use crate::store::ingest::researcher_matching::{
    NamedAuthor, clear_orcids, load_researcher_index, store_researchers, update_display_names,
};
use crate::store::projections::{Rebuild, RebuildPosition};
use crate::store::reader::export::has_source_record;
use crate::store::unit_of_work::json_rows::json_row;
use crate::store::unit_of_work::{Projection, ProjectionFuture, UnitOfWork};
use crate::text::names::{self, ListCapitals, RepairRule};

/// Version of the repair rules; names repaired by other rules are repaired again at the next start.
const REPAIR_RULES_VERSION: &str = "3";

/// The repaired names of authorships.
#[derive(Debug)]
pub(crate) struct NameRepairs;

impl Projection for NameRepairs {
    fn refresh<'u>(&'u self, uow: &'u mut UnitOfWork<'_>) -> ProjectionFuture<'u> {
        Box::pin(refresh_name_repairs(uow))
    }
}

impl Rebuild for NameRepairs {
    const SETTING: &'static str = "name_repair_version";
    const STEP: [i64; 3] = [1_000, 20, 5_000];

    fn version(_: &Store) -> String {
        REPAIR_RULES_VERSION.to_owned()
    }

    /// The names of the next authorships.
    async fn rebuild_step(
        uow: &mut UnitOfWork<'_>,
        after: RebuildPosition,
        max_rows: i64,
    ) -> Result<Option<RebuildPosition>, Error> {
        #[derive(DerivePartialModel)]
        #[sea_orm(entity = "authorship::Entity")]
        struct AuthorshipNameRow {
            id: i64,
            paper_id: i64,
            name_as_published: String,
            name: String,
            researcher_id: Option<i64>,
            repair_value: Option<String>,
            suggestion_key: Option<String>,
        }
        let authors = authorship::Entity::find()
            .filter(authorship::COLUMN.id.gt(after.id))
            .order_by_asc(authorship::Column::Id)
            .limit(max_rows.unsigned_abs());
        let authors = authors.into_partial_model::<AuthorshipNameRow>().all(uow.db()).await?;
        let Some(last) = authors.last().map(|author| author.id) else { return Ok(None) };
        let lists = load_list_capitals(uow, authors.iter().map(|author| author.paper_id).collect()).await?;
        let (mut rows, mut renames) = (Vec::new(), Vec::new());
        for author in authors {
            let list = lists.get(&author.paper_id).copied().unwrap_or_default();
            let repaired = names::repair_listed_name(&author.name_as_published, list);
            // An applied suggestion stays applied until its spelling is looked up.
            let is_taken =
                RepairedAuthorName::is_suggestion_applied(&author.name, repaired.suggestion_key().as_deref());
            let row = RepairUpdateRow::new(author.id, RepairedAuthorName::new(repaired, is_taken));
            uow.dirty.spellings.extend(row.suggestion_key.iter().chain(&row.confirming_key).cloned());
            if row.name != author.name {
                renames.push(AuthorRename {
                    authorship_id: author.id,
                    paper_id: author.paper_id,
                    researcher_id: author.researcher_id,
                    from: author.name,
                    to: row.name.clone(),
                });
            }
            let is_damaged = row.repair_value.is_some() || author.repair_value.is_some();
            if is_damaged || row.confirming_key.is_some() || row.suggestion_key != author.suggestion_key {
                rows.push(row);
            }
        }
        uow.dirty.statistics |= !renames.is_empty();
        store_repairs(uow, &rows).await?;
        apply_renames(uow, renames).await?;
        Ok(Some(RebuildPosition { id: last, ..after }))
    }
}

/// An authorship whose displayed name changes.
struct AuthorRename {
    authorship_id: i64,
    paper_id: i64,
    researcher_id: Option<i64>,
    from: String,
    to: String,
}

/// A researcher of a renamed authorship.
#[derive(FromQueryResult)]
struct RenamedResearcher {
    id: i64,
    display_name: String,
    name_key: String,
    given_name: Option<String>,
    family_name: Option<String>,
    orcid: Option<String>,
    /// Whether a record or a decision determines the name.
    is_recorded: bool,
    /// Whether a decision assigns papers to the researcher, which renaming does not move.
    is_pinned: bool,
    /// Whether a decision determines the name.
    is_name_decided: bool,
}

json_row! {
    struct RepairUpdateRow {
        id: i64,
        name: String,
        repair_value: Option<String>,
        repair_rule: Option<RepairRule>,
        repair_confidence: Option<f64>,
        is_repair_applied: Option<bool>,
        suggestion_key: Option<String>,
        confirming_key: Option<String>,
        block: String,
    }
}

impl RepairUpdateRow {
    fn new(id: i64, named: RepairedAuthorName) -> Self {
        let RepairedAuthorName { name, repair, is_applied, suggestion_key, confirming_key } = named;
        Self {
            id,
            block: names::NameForm::new(&name).blocking_key,
            name,
            repair_rule: repair.as_ref().map(|repair| repair.rule),
            repair_confidence: repair.as_ref().map(|repair| repair.confidence),
            is_repair_applied: repair.as_ref().map(|_| is_applied),
            repair_value: repair.map(|repair| repair.value),
            suggestion_key,
            confirming_key,
        }
    }
}

/// Applies suggestions whose spelling the unit of work added, and reverts those whose spelling it removed.
async fn refresh_name_repairs(uow: &mut UnitOfWork<'_>) -> Result<(), Error> {
    #[derive(DerivePartialModel)]
    #[sea_orm(entity = "authorship::Entity")]
    struct SuggestionRow {
        id: i64,
        paper_id: i64,
        name_as_published: String,
        name: String,
        researcher_id: Option<i64>,
        suggestion_key: String,
    }
    let spellings = std::mem::take(&mut uow.dirty.spellings);
    if spellings.is_empty() {
        return Ok(());
    }
    let authors = authorship::Entity::find()
        .filter(authorship::COLUMN.suggestion_key.eq_any(spellings))
        .order_by_asc(authorship::Column::Id);
    let authors = authors.into_partial_model::<SuggestionRow>().all(uow.db()).await?;
    let lists = load_list_capitals(uow, authors.iter().map(|author| author.paper_id).collect()).await?;
    let confirmed =
        find_confirmed_spellings(uow, authors.iter().map(|row| row.suggestion_key.clone()).collect()).await?;
    let (mut rows, mut renames) = (Vec::new(), Vec::new());
    for author in authors {
        let is_confirmed = confirmed.contains(&author.suggestion_key);
        if is_confirmed != RepairedAuthorName::is_suggestion_applied(&author.name, Some(&author.suggestion_key)) {
            let list = lists.get(&author.paper_id).copied().unwrap_or_default();
            let repaired = names::repair_listed_name(&author.name_as_published, list);
            let row = RepairUpdateRow::new(author.id, RepairedAuthorName::new(repaired, is_confirmed));
            renames.push(AuthorRename {
                authorship_id: author.id,
                paper_id: author.paper_id,
                researcher_id: author.researcher_id,
                from: author.name,
                to: row.name.clone(),
            });
            rows.push(row);
        }
    }
    store_repairs(uow, &rows).await?;
    apply_renames(uow, renames).await
}

/// What the names on these papers say about names in capitals.
async fn load_list_capitals(uow: &UnitOfWork<'_>, papers: HashSet<i64>) -> Result<HashMap<i64, ListCapitals>, Error> {
    #[derive(FromQueryResult)]
    struct ListRow {
        paper_id: i64,
        names: Vec<String>,
    }
    if papers.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = uow
        .rows::<ListRow>(sql!(
            "SELECT paper_id, array_agg(name_as_published) AS names FROM authorship WHERE paper_id = ANY(?) \
             GROUP BY paper_id",
            bigint_array(papers),
        ))
        .await?;
    Ok(rows.into_iter().map(|row| (row.paper_id, ListCapitals::of(row.names.iter().map(String::as_str)))).collect())
}

async fn store_repairs(uow: &UnitOfWork<'_>, rows: &[RepairUpdateRow]) -> Result<(), Error> {
    let update = ", named AS (UPDATE authorship SET name = rows.name, repair_value = rows.repair_value, \
         repair_rule = rows.repair_rule, repair_confidence = rows.repair_confidence, \
         is_repair_applied = rows.is_repair_applied, suggestion_key = rows.suggestion_key, \
         confirming_key = rows.confirming_key, block = rows.block FROM rows WHERE authorship.id = rows.id) \
         UPDATE paper SET updated_at = statement_timestamp() WHERE id IN (SELECT paper_id FROM authorship AS held JOIN rows ON rows.id = held.id \
         WHERE (held.name, held.repair_value) IS DISTINCT FROM (rows.name, rows.repair_value))";
    uow.execute_with_rows(rows, update).await
}

/// Updates the researchers of renamed authorships: one who was known by the old name is known by the new name, which
/// may be that of another researcher.
async fn apply_renames(uow: &mut UnitOfWork<'_>, renames: Vec<AuthorRename>) -> Result<(), Error> {
    // Versions and coauthors are found by the names of authors.
    let papers: Vec<i64> = renames.iter().map(|rename| rename.paper_id).collect();
    queue_author_blocks(uow, &papers).await?;
    uow.dirty.works.mark_ids(papers);
    let researchers: HashSet<i64> = renames.iter().filter_map(|rename| rename.researcher_id).collect();
    if researchers.is_empty() {
        return Ok(());
    }
    let sql = sql!(
        concat!(
            "SELECT id, display_name, name_key, given_name, family_name, orcid, ",
            has_source_record!("researcher.id"),
            " OR EXISTS (SELECT FROM name_decision WHERE name_decision.researcher_id = researcher.id) AS is_recorded, \
             EXISTS (SELECT FROM identity_pin WHERE identity_pin.researcher_id = researcher.id) AS is_pinned, \
             EXISTS (SELECT FROM name_decision WHERE name_decision.researcher_id = researcher.id \
             AND display_name IS NOT NULL) AS is_name_decided FROM researcher WHERE id = ANY(?)"
        ),
        bigint_array(researchers),
    );
    let researchers: HashMap<i64, RenamedResearcher> =
        uow.rows::<RenamedResearcher>(sql).await?.into_iter().map(|researcher| (researcher.id, researcher)).collect();

    // A record with an ORCID iD identifies a researcher regardless of the name, and a decision determines the name.
    let keeps_name = |researcher: &RenamedResearcher| {
        researcher.is_name_decided || (researcher.is_recorded && researcher.orcid.is_some())
    };
    let mut whole: BTreeMap<i64, String> = BTreeMap::new();
    let mut respelled: BTreeMap<i64, (String, String)> = BTreeMap::new();
    let mut moved: Vec<(i64, i64, &RenamedResearcher, String)> = Vec::new();
    for rename in renames {
        let Some(researcher) = rename.researcher_id.and_then(|id| researchers.get(&id)) else { continue };
        let (from, to) = (names::name_key(&rename.from), names::name_key(&rename.to));
        if researcher.name_key != from || keeps_name(researcher) {
            continue;
        }
        if from == to || researcher.is_pinned {
            respelled.insert(researcher.id, (rename.from, rename.to));
        } else if researcher.orcid.is_some() {
            whole.insert(researcher.id, rename.to);
        } else {
            moved.push((rename.authorship_id, rename.paper_id, researcher, rename.to));
        }
    }
    for (id, (from, to)) in respelled {
        let Some(researcher) =
            researchers.get(&id).filter(|researcher| !researcher.is_recorded && researcher.display_name == from)
        else {
            continue;
        };
        update_spelling(uow, researcher, &to).await?;
    }
    // All papers of a researcher move along with the ORCID iD.
    for (authorship_id, paper_id, researcher_id) in load_authorship_keys(uow, whole.keys().copied().collect()).await? {
        if let Some((researcher, to)) = researchers.get(&researcher_id).zip(whole.get(&researcher_id)) {
            moved.push((authorship_id, paper_id, researcher, to.clone()));
        }
    }
    reassign_renamed_authorships(uow, moved).await
}

/// The authorships of researchers, as id, paper and researcher.
async fn load_authorship_keys(uow: &UnitOfWork<'_>, researchers: Vec<i64>) -> Result<Vec<(i64, i64, i64)>, Error> {
    if researchers.is_empty() {
        return Ok(Vec::new());
    }
    let authorships = authorship::Entity::find()
        .select_only()
        .columns([authorship::Column::Id, authorship::Column::PaperId, authorship::Column::ResearcherId])
        .filter(authorship::COLUMN.researcher_id.eq_any(researchers))
        .order_by_asc(authorship::Column::Id);
    Ok(authorships.into_tuple().all(uow.db()).await?)
}

/// Changes the spelling of a researcher's name.
async fn update_spelling(uow: &mut UnitOfWork<'_>, researcher: &RenamedResearcher, name: &str) -> Result<(), Error> {
    let parts = ProvidedNameParts { given: researcher.given_name.clone(), family: researcher.family_name.clone() };
    let parts = parts.transferred(&researcher.display_name, name).named_author(name, None).name_parts();
    update_display_names(uow, vec![(researcher.id, name.to_owned(), parts)]).await
}

/// Moves authorships to the researchers that their new names match, or to new ones.
async fn reassign_renamed_authorships(
    uow: &mut UnitOfWork<'_>,
    moved: Vec<(i64, i64, &RenamedResearcher, String)>,
) -> Result<(), Error> {
    if moved.is_empty() {
        return Ok(());
    }
    let former: HashSet<i64> = moved.iter().map(|(_, _, researcher, _)| researcher.id).collect();
    clear_orcids(uow, former).await?;
    let orcids: Vec<Option<Orcid>> =
        moved.iter().map(|(_, _, researcher, _)| researcher.orcid.as_ref()?.parse().ok()).collect();
    let parts: Vec<ProvidedNameParts> = moved
        .iter()
        .map(|(_, _, researcher, to)| {
            let parts =
                ProvidedNameParts { given: researcher.given_name.clone(), family: researcher.family_name.clone() };
            parts.transferred(&researcher.display_name, to)
        })
        .collect();
    let mentions: Vec<NamedAuthor<'_>> = moved
        .iter()
        .zip(&parts)
        .zip(&orcids)
        .map(|(((.., to), parts), orcid)| parts.named_author(to, orcid.as_ref()))
        .collect();
    let mut researchers = load_researcher_index(uow, &mentions, &[]).await?;
    let indexes: Vec<usize> = mentions.iter().map(|mention| researchers.find_or_create(mention)).collect();
    store_researchers(uow, &mut researchers).await?;
    let moves: Vec<Reassignment> = moved
        .iter()
        .zip(indexes)
        .filter_map(|((authorship_id, paper_id, researcher, _), index)| {
            let researcher_id = researchers.id_of(index)?;
            Some(Reassignment {
                authorship_id: *authorship_id,
                paper_id: *paper_id,
                former_id: Some(researcher.id),
                researcher_id,
            })
        })
        .collect();
    reassign_and_merge_emptied(uow, &moves).await
}

impl Store {
    /// Repairs all author names again if they were repaired by other rules. Returns whether it did.
    ///
    /// # Errors
    /// If the database is unavailable.
    pub async fn rebuild_name_repairs_if_stale(&self) -> Result<bool, Error> {
        self.rebuild_if_stale::<NameRepairs>().await
    }
}
