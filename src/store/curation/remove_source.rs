//! Removes what one source brought to the directory, and nothing else.
//!
//! An entity goes if the source is the only one with a record of it, nothing that stays refers to it, and no person
//! decided on it. Authors, organizations and topics that the source only named go with the last paper or profile that
//! names them.

use sea_orm::{ColumnTrait as _, EntityTrait as _, FromQueryResult, QueryFilter as _, QuerySelect as _, Value};

use crate::entity::{
    affiliation, authorship, former_identity, former_slug, paper, researcher, researcher_name, researcher_topic,
    source_record,
};
use crate::error::Error;
use crate::model::activity::ActivityKind;
use crate::model::entity_type::EntityType;
use crate::store::Store;
use crate::store::access::sql_fragment::{Sql, bigint_array, sql};
use crate::store::ingest::coauthor_pairs::{coauthor_pairs_of, researchers_of_papers};
use crate::store::ingest::disambiguation_queue::{queue_author_blocks, queue_orcid_blocks, queue_researcher_blocks};
use crate::store::ingest::name_visibility::recompute_names;
use crate::store::unit_of_work::unacknowledged_commit::UnacknowledgedCommit;
use crate::store::unit_of_work::{ProjectionEvent, TableScans, UnitOfWork};

/// What was removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SourceRemoval {
    /// The number of records that the source had.
    pub records: usize,
    /// The number of researchers who were removed.
    pub researchers: usize,
    /// The number of papers that were removed.
    pub papers: usize,
    /// The number of organizations that were removed.
    pub organizations: usize,
    /// The number of topics that were removed.
    pub topics: usize,
    /// The number of entities with a record of the source that stay.
    pub kept: usize,
}

/// What the source may have brought.
struct Candidates {
    researchers: Vec<i64>,
    organizations: Vec<i64>,
    topics: Vec<i64>,
    /// Researchers of whom only the source has a record.
    profiles: Vec<i64>,
}

/// Papers of which only the source has a record, and on whose authors nobody decided.
const OWN_PAPERS: &str = "SELECT DISTINCT paper_id AS id FROM source_record AS own WHERE source = ? AND paper_id IS NOT NULL \
     AND NOT EXISTS (SELECT FROM source_record AS other WHERE other.paper_id = own.paper_id AND other.source <> own.source) \
     AND NOT EXISTS (SELECT FROM identity_pin WHERE identity_pin.paper_id = own.paper_id)";

/// Researchers without a record, without papers, and on whom nobody decided.
const LEFT_RESEARCHERS: &str = "SELECT id FROM researcher WHERE id = ANY(?) \
     AND NOT EXISTS (SELECT FROM source_record WHERE source_record.researcher_id = researcher.id) \
     AND NOT EXISTS (SELECT FROM authorship WHERE authorship.researcher_id = researcher.id OR authorship.same_as_id = researcher.id) \
     AND NOT EXISTS (SELECT FROM name_decision WHERE name_decision.researcher_id = researcher.id) \
     AND NOT EXISTS (SELECT FROM researcher_name WHERE researcher_name.researcher_id = researcher.id) \
     AND NOT EXISTS (SELECT FROM identity_pin WHERE identity_pin.researcher_id = researcher.id) \
     AND NOT EXISTS (SELECT FROM identity_decision WHERE researcher_ids @> ARRAY[researcher.id])";

/// Organizations without a record that nothing refers to, and that are above no other organization than candidates.
const LEFT_ORGANIZATIONS: &str = "SELECT id FROM organization WHERE id = ANY(?) \
     AND NOT EXISTS (SELECT FROM source_record WHERE source_record.organization_id = organization.id) \
     AND NOT EXISTS (SELECT FROM affiliation WHERE affiliation.organization_id = organization.id) \
     AND NOT EXISTS (SELECT FROM authorship_organization WHERE authorship_organization.organization_id = organization.id) \
     AND NOT EXISTS (SELECT FROM organization_parent WHERE parent_id = organization.id AND child_id <> ALL(?))";

/// The same for topics.
const LEFT_TOPICS: &str = "SELECT id FROM topic WHERE id = ANY(?) \
     AND NOT EXISTS (SELECT FROM source_record WHERE source_record.topic_id = topic.id) \
     AND NOT EXISTS (SELECT FROM paper_topic WHERE paper_topic.topic_id = topic.id) \
     AND NOT EXISTS (SELECT FROM researcher_topic WHERE researcher_topic.topic_id = topic.id) \
     AND NOT EXISTS (SELECT FROM topic_broader WHERE broader_id = topic.id AND topic_broader.topic_id <> ALL(?))";

impl Store {
    /// Removes what a source brought.
    ///
    /// # Errors
    /// If the database is unavailable. Nothing is changed then.
    pub async fn remove_source(&self, source: &str) -> Result<SourceRemoval, Error> {
        let commit = UnacknowledgedCommit::default();
        self.retry(|| self.try_remove_source(source, &commit)).await?;
        commit.acknowledge()
    }

    async fn try_remove_source(&self, source: &str, commit: &UnacknowledgedCommit<SourceRemoval>) -> Result<(), Error> {
        let mut uow = UnitOfWork::begin(self, TableScans::Allow).await?.for_activity(ActivityKind::Delete);
        if commit.is_known(&uow).await? {
            return Ok(());
        }
        let (records, entities) = count_records(&uow, source).await?;
        let papers = ids(&uow, sql!(OWN_PAPERS, source)).await?;
        let candidates = load_candidates(&uow, source, &papers).await?;
        let named = find_named_researchers(&mut uow, source).await?;
        delete_papers(&mut uow, &papers).await?;
        source_record::Entity::delete_many().filter(source_record::COLUMN.source.eq(source)).exec(uow.db()).await?;
        researcher_name::Entity::delete_many().filter(researcher_name::COLUMN.source.eq(source)).exec(uow.db()).await?;
        let researchers =
            ids(&uow, sql!(LEFT_RESEARCHERS, bigint_array(candidates.researchers.iter().copied()))).await?;
        delete_entities(&mut uow, EntityType::Researcher, &researchers).await?;
        let profiles: Vec<i64> =
            candidates.profiles.into_iter().filter(|id| researchers.binary_search(id).is_err()).collect();
        clear_profiles(&mut uow, &profiles).await?;
        recompute_remaining_names(&mut uow, &named, &profiles).await?;
        let organizations =
            left_below(&uow, |all, others| sql!(LEFT_ORGANIZATIONS, all, others), candidates.organizations).await?;
        delete_entities(&mut uow, EntityType::Organization, &organizations).await?;
        let topics = left_below(&uow, |all, others| sql!(LEFT_TOPICS, all, others), candidates.topics).await?;
        delete_entities(&mut uow, EntityType::Topic, &topics).await?;
        let kept = count_kept(&entities, |kind| match kind {
            EntityType::Researcher => &researchers,
            EntityType::Organization => &organizations,
            EntityType::Topic => &topics,
            EntityType::Paper => &papers,
        });
        uow.dirty.statistics |= records > 0;
        let removal = SourceRemoval {
            records,
            researchers: researchers.len(),
            papers: papers.len(),
            organizations: organizations.len(),
            topics: topics.len(),
            kept,
        };
        // Projections of what was deleted are refreshed before the commit is expected.
        uow.refresh_projections().await?;
        commit.expect(&uow, removal).await?;
        uow.commit().await?;
        Ok(())
    }
}

async fn ids(uow: &UnitOfWork<'_>, sql: Sql) -> Result<Vec<i64>, Error> {
    uow.tuples(sql.then(" ORDER BY id")).await
}

/// An entity with a record of the source.
#[derive(FromQueryResult)]
struct RecordedEntity {
    kind: EntityType,
    id: i64,
    records: i64,
}

/// The number of records of the source, and the entities that they describe.
async fn count_records(uow: &UnitOfWork<'_>, source: &str) -> Result<(usize, Vec<RecordedEntity>), Error> {
    let entities = uow
        .rows::<RecordedEntity>(sql!(
            "SELECT CASE WHEN researcher_id IS NOT NULL THEN 'researcher' \
             WHEN organization_id IS NOT NULL THEN 'organization' WHEN topic_id IS NOT NULL THEN 'topic' \
             ELSE 'paper' END AS kind, coalesce(researcher_id, organization_id, topic_id, paper_id) AS id, \
             count(*) AS records FROM source_record WHERE source = ? GROUP BY 1, 2",
            source,
        ))
        .await?;
    let records: i64 = entities.iter().map(|entity| entity.records).sum();
    Ok((usize::try_from(records).unwrap_or_default(), entities))
}

/// The number of entities that are not among the removed ones of their type, which are sorted.
fn count_kept<'r>(entities: &[RecordedEntity], removed: impl Fn(EntityType) -> &'r Vec<i64>) -> usize {
    entities.iter().filter(|entity| removed(entity.kind).binary_search(&entity.id).is_err()).count()
}

async fn load_candidates(uow: &UnitOfWork<'_>, source: &str, papers: &[i64]) -> Result<Candidates, Error> {
    let profiles = sql!(
        "SELECT DISTINCT researcher_id AS id FROM source_record AS own WHERE source = ? \
         AND researcher_id IS NOT NULL AND NOT EXISTS (SELECT FROM source_record AS other \
         WHERE other.researcher_id = own.researcher_id AND other.source <> own.source) \
         AND NOT EXISTS (SELECT FROM identity_decision WHERE researcher_ids @> ARRAY[own.researcher_id])",
        source,
    );
    let profiles = ids(uow, profiles).await?;
    let of_papers = || bigint_array(papers.iter().copied());
    let of_profiles = || bigint_array(profiles.iter().copied());
    let researchers = sql!(
        "SELECT researcher_id AS id FROM source_record WHERE researcher_id IS NOT NULL AND source = ? \
         UNION SELECT coalesce(researcher_id, same_as_id) FROM authorship \
         WHERE coalesce(researcher_id, same_as_id) IS NOT NULL AND paper_id = ANY(?)",
        source,
        of_papers(),
    );
    let organizations = sql!(
        "SELECT organization_id AS id FROM source_record WHERE organization_id IS NOT NULL AND source = ? \
         UNION SELECT organization_id FROM authorship_organization JOIN authorship ON authorship.id = authorship_id \
         WHERE authorship.paper_id = ANY(?) \
         UNION SELECT organization_id FROM affiliation WHERE researcher_id = ANY(?)",
        source,
        of_papers(),
        of_profiles(),
    );
    // A topic may have been created as the broader one of another.
    let topics = sql!(
        "WITH RECURSIVE named(id) AS (SELECT own.id FROM (\
         SELECT topic_id AS id FROM source_record WHERE topic_id IS NOT NULL AND source = ? \
         UNION SELECT topic_id FROM paper_topic WHERE paper_id = ANY(?) \
         UNION SELECT topic_id FROM researcher_topic WHERE researcher_id = ANY(?)) AS own \
         UNION SELECT broader_id FROM topic_broader JOIN named ON named.id = topic_broader.topic_id) \
         SELECT id FROM named",
        source,
        of_papers(),
        of_profiles(),
    );
    Ok(Candidates {
        researchers: ids(uow, researchers).await?,
        organizations: ids(uow, organizations).await?,
        topics: ids(uow, topics).await?,
        profiles,
    })
}

/// The candidates that nothing refers to, by a query of two parameters that are both the list of candidates. One that
/// stays keeps those above it.
async fn left_below(
    uow: &UnitOfWork<'_>,
    left: impl Fn(Value, Value) -> Sql,
    candidates: Vec<i64>,
) -> Result<Vec<i64>, Error> {
    let mut remaining = candidates;
    loop {
        let list = || bigint_array(remaining.iter().copied());
        let found = ids(uow, left(list(), list())).await?;
        if found.len() == remaining.len() {
            return Ok(found);
        }
        remaining = found;
    }
}

async fn delete_papers(uow: &mut UnitOfWork<'_>, papers: &[i64]) -> Result<(), Error> {
    if papers.is_empty() {
        return Ok(());
    }
    let researchers = researchers_of_papers(uow, papers).await?;
    let pairs = coauthor_pairs_of(uow, papers).await?;
    let spellings = authorship::Entity::find()
        .select_only()
        .column(authorship::Column::ConfirmingKey)
        .distinct()
        .filter(authorship::COLUMN.confirming_key.is_not_null())
        .filter(authorship::COLUMN.paper_id.eq_any(papers.iter().copied()));
    uow.dirty.spellings.extend(spellings.into_tuple::<String>().all(uow.db()).await?);
    queue_orcid_blocks(uow, papers).await?;
    queue_author_blocks(uow, papers).await?;
    let described = paper::Entity::find()
        .select_only()
        .columns([paper::Column::Title, paper::Column::Doi, paper::Column::SharedDoi])
        .filter(paper::COLUMN.id.eq_any(papers.iter().copied()));
    let described: Vec<(String, Option<String>, Option<String>)> = described.into_tuple().all(uow.db()).await?;
    for (title, doi, shared_doi) in described {
        // Other versions of the work stay.
        uow.dirty.works.mark_paper(&title, doi.into_iter().chain(shared_doi));
    }
    delete_entities(uow, EntityType::Paper, papers).await?;
    uow.notify(ProjectionEvent::AuthorsChanged { researchers: &researchers, pairs: &pairs }).await
}

/// Marks the names of researchers, which may no longer confirm repairs of author names.
async fn mark_display_names(uow: &mut UnitOfWork<'_>, researchers: &[i64]) -> Result<(), Error> {
    let names = researcher::Entity::find()
        .select_only()
        .column(researcher::Column::NameKey)
        .filter(researcher::COLUMN.id.eq_any(researchers.iter().copied()));
    uow.dirty.spellings.extend(names.into_tuple::<String>().all(uow.db()).await?);
    Ok(())
}

/// Deletes entities with their redirects. Everything else of them is deleted by the database.
pub(super) async fn delete_entities(uow: &mut UnitOfWork<'_>, kind: EntityType, entities: &[i64]) -> Result<(), Error> {
    if entities.is_empty() {
        return Ok(());
    }
    let table = kind.table();
    if kind == EntityType::Researcher {
        mark_display_names(uow, entities).await?;
        queue_researcher_blocks(uow, entities).await?;
    }
    uow.notify(ProjectionEvent::EntitiesRemoved { kind, ids: entities }).await?;
    let ids = bigint_array(entities.iter().copied());
    uow.execute(Sql::with(&format!("DELETE FROM {table} WHERE id = ANY(?)"), ids)).await?;
    former_identity::Entity::delete_many()
        .filter(former_identity::Column::Kind.eq(kind))
        .filter(former_identity::COLUMN.survivor_id.eq_any(entities.iter().copied()))
        .exec(uow.db())
        .await?;
    former_slug::Entity::delete_many()
        .filter(former_slug::Column::Kind.eq(kind))
        .filter(former_slug::COLUMN.id.eq_any(entities.iter().copied()))
        .exec(uow.db())
        .await?;
    Ok(())
}

/// Removes the profiles of researchers who stay as authors of papers of other sources.
async fn clear_profiles(uow: &mut UnitOfWork<'_>, researchers: &[i64]) -> Result<(), Error> {
    if researchers.is_empty() {
        return Ok(());
    }
    uow.execute(sql!(
        "UPDATE researcher SET headline = '{}', biography = '{}', portrait_url = NULL, homepage_url = NULL, \
         told_names = '{}', other_names = '{}', search_only_names = '{}', orcid = CASE WHEN EXISTS (SELECT FROM authorship \
         WHERE authorship.researcher_id = researcher.id AND authorship.orcid = researcher.orcid \
         AND NOT authorship.is_orcid_doubtful) THEN orcid END, updated_at = statement_timestamp() WHERE id = ANY(?)",
        bigint_array(researchers.iter().copied()),
    ))
    .await?;
    affiliation::Entity::delete_many()
        .filter(affiliation::COLUMN.researcher_id.eq_any(researchers.iter().copied()))
        .exec(uow.db())
        .await?;
    researcher_topic::Entity::delete_many()
        .filter(researcher_topic::COLUMN.researcher_id.eq_any(researchers.iter().copied()))
        .exec(uow.db())
        .await?;
    uow.execute(sql!(
        "DELETE FROM external_id WHERE researcher_id = ANY(?) AND NOT EXISTS (SELECT FROM authorship \
         WHERE authorship.researcher_id = external_id.researcher_id \
         AND scheme || ':' || value = ANY(authorship.author_ids) \
         AND (scheme || ':' || value = ANY(authorship.doubtful_ids)) IS NOT TRUE)",
        bigint_array(researchers.iter().copied()),
    ))
    .await?;
    uow.mark_dirty(EntityType::Researcher, researchers.iter().copied());
    mark_display_names(uow, researchers).await?;
    queue_researcher_blocks(uow, researchers).await
}

/// The researchers who have names of the source. Marks what depends on these names, which are about to be deleted.
async fn find_named_researchers(uow: &mut UnitOfWork<'_>, source: &str) -> Result<Vec<i64>, Error> {
    let names = researcher_name::Entity::find()
        .select_only()
        .columns([researcher_name::Column::ResearcherId, researcher_name::Column::NameKey])
        .filter(researcher_name::COLUMN.source.eq(source));
    let names: Vec<(i64, String)> = names.into_tuple().all(uow.db()).await?;
    let (researchers, keys): (Vec<i64>, Vec<String>) = names.into_iter().unzip();
    uow.dirty.spellings.extend(keys);
    queue_researcher_blocks(uow, &researchers).await?;
    Ok(researchers)
}

/// Recomputes the names of researchers who had names of the source, and of those without their profile who have others
/// or hide some.
async fn recompute_remaining_names(uow: &mut UnitOfWork<'_>, named: &[i64], profiles: &[i64]) -> Result<(), Error> {
    if named.is_empty() && profiles.is_empty() {
        return Ok(());
    }
    let remaining = sql!(
        "SELECT id FROM researcher WHERE id = ANY(?) OR id = ANY(?) AND (hidden_forms IS NOT NULL \
         OR withholds_published_name OR EXISTS (SELECT FROM researcher_name WHERE researcher_id = researcher.id))",
        bigint_array(named.iter().copied()),
        bigint_array(profiles.iter().copied()),
    );
    for researcher in ids(uow, remaining).await? {
        recompute_names(uow, researcher, None).await?;
    }
    Ok(())
}
