//! The researchers of clusters: creation, display names and identifiers.

use std::collections::{BTreeMap, HashMap, HashSet};

use sea_orm::{
    DerivePartialModel, EntityTrait as _, FromQueryResult, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};
use serde::Serialize;

use crate::entity::researcher;
use crate::error::Error;
use crate::store::access::sql_fragment::{bigint_array, sql};
use crate::store::ingest::researcher_matching::{
    NamedAuthor, ResearcherIndex, store_researchers, update_display_names,
};
use crate::store::projections::disambiguation::ResolvedCluster;
use crate::store::projections::disambiguation::assignment::Assignment;
use crate::store::unit_of_work::UnitOfWork;
use crate::text::names::{self, NameForm, NameParts, RepairRule};

/// Creates a researcher for each new cluster. Returns the researcher of each cluster; none if it is ambiguous.
pub(super) async fn create_missing_researchers(
    uow: &mut UnitOfWork<'_>,
    clusters: &[ResolvedCluster],
    assignments: &[Assignment],
) -> Result<Vec<Option<i64>>, Error> {
    let new = clusters.iter().zip(assignments).filter(|(_, assignment)| **assignment == Assignment::New);
    let names = new.map(|(ResolvedCluster { mentions, .. }, _)| {
        let mut counted: BTreeMap<&str, i64> = BTreeMap::new();
        for mention in mentions {
            *counted.entry(&mention.name).or_default() += 1;
        }
        choose_display_name(counted.into_iter())
    });
    let names: Vec<&str> = names.collect();
    let parts = load_known_name_parts(uow, &names).await?;
    let mut index = ResearcherIndex::default();
    let indexes: Vec<usize> = names
        .iter()
        .map(|name| {
            let parts = parts.get(*name).cloned().unwrap_or_else(|| names::split_name(name));
            let (given, family) = (parts.given.as_deref(), parts.family.as_deref());
            index.add_new(&NamedAuthor { name, given, family, orcid: None }, names::name_key(name))
        })
        .collect();
    store_researchers(uow, &mut index).await?;
    let mut indexes = indexes.into_iter();
    let id = |assignment: &Assignment| match assignment {
        Assignment::Unresolved => None,
        Assignment::Existing(id) => Some(*id),
        Assignment::New => indexes.next().and_then(|position| index.id_of(position)),
    };
    Ok(assignments.iter().map(id).collect())
}

/// The parts of names as sources provide them for a researcher of the same name.
async fn load_known_name_parts(uow: &UnitOfWork<'_>, names: &[&str]) -> Result<HashMap<String, NameParts>, Error> {
    #[derive(DerivePartialModel)]
    #[sea_orm(entity = "researcher::Entity")]
    struct NamePartsRow {
        display_name: String,
        given_name: Option<String>,
        family_name: Option<String>,
    }
    let keys: HashSet<String> = names.iter().map(|name| names::name_key(name)).collect();
    let named = researcher::Entity::find()
        .distinct_on([researcher::Column::DisplayName])
        .filter(researcher::COLUMN.name_key.eq_any(keys))
        .order_by_asc(researcher::Column::DisplayName)
        .order_by_asc(researcher::Column::Id);
    let rows = named.into_partial_model::<NamePartsRow>().all(uow.db()).await?;
    let parts = |row: NamePartsRow| (row.display_name, NameParts { given: row.given_name, family: row.family_name });
    Ok(rows.into_iter().map(parts).collect())
}

/// Displays researchers without a record by the name that most of their papers have.
pub(super) async fn update_majority_names(
    uow: &mut UnitOfWork<'_>,
    researcher_ids: &HashSet<i64>,
) -> Result<(), Error> {
    #[derive(FromQueryResult)]
    struct NameCountRow {
        id: i64,
        name: String,
        papers: i64,
    }
    // By all their papers: a researcher with an ORCID iD may have names of several blocks.
    let mut names_by_researcher: HashMap<i64, Vec<(String, i64)>> = HashMap::new();
    for row in uow
        .rows::<NameCountRow>(sql!(
            "SELECT authorship.researcher_id AS id, authorship.name, count(*) AS papers FROM authorship \
             WHERE authorship.researcher_id = ANY(?) AND NOT EXISTS (SELECT FROM source_record \
             WHERE source_record.researcher_id = authorship.researcher_id \
             AND NOT starts_with(source_record.key, 'directory:')) AND NOT EXISTS (SELECT FROM identity_pin \
             WHERE identity_pin.researcher_id = authorship.researcher_id) AND NOT EXISTS (SELECT FROM researcher_name \
             WHERE researcher_name.researcher_id = authorship.researcher_id) \
             AND NOT EXISTS (SELECT FROM name_decision WHERE name_decision.researcher_id = authorship.researcher_id) \
             GROUP BY 1, 2",
            bigint_array(researcher_ids.iter().copied()),
        ))
        .await?
    {
        names_by_researcher.entry(row.id).or_default().push((row.name, row.papers));
    }
    let wanted: HashMap<i64, &str> = names_by_researcher
        .iter()
        .map(|(id, names)| (*id, choose_display_name(names.iter().map(|(name, papers)| (name.as_str(), *papers)))))
        .collect();
    let displayed = researcher::Entity::find()
        .select_only()
        .columns([researcher::Column::Id, researcher::Column::DisplayName])
        .filter(researcher::COLUMN.id.eq_any(wanted.keys().copied()));
    let displayed: Vec<(i64, String)> = displayed.into_tuple().all(uow.db()).await?;
    let renamed = displayed.into_iter().map(|(id, name)| (id, name, wanted[&id]));
    let renamed: Vec<(i64, &str)> =
        renamed.filter(|(_, name, wanted)| wanted != name).map(|(id, _, wanted)| (id, wanted)).collect();
    let parts = load_known_name_parts(uow, &renamed.iter().map(|(_, name)| *name).collect::<Vec<_>>()).await?;
    let with_parts = |(id, name): &(i64, &str)| {
        (*id, (*name).to_owned(), parts.get(*name).cloned().unwrap_or_else(|| names::split_name(name)))
    };
    update_display_names(uow, renamed.iter().map(with_parts).collect()).await
}

/// Assigns identifiers that papers provide and no researcher has.
pub(super) async fn add_researcher_identifiers(
    uow: &mut UnitOfWork<'_>,
    clusters: &[ResolvedCluster],
    researcher_ids: &[Option<i64>],
) -> Result<(), Error> {
    #[derive(Serialize)]
    struct IdentifierRow {
        id: i64,
        scheme: String,
        value: String,
    }
    let mut provided: Vec<IdentifierRow> = Vec::new();
    for (ResolvedCluster { mentions, .. }, id) in clusters.iter().zip(researcher_ids) {
        let Some(id) = *id else { continue };
        let orcids = mentions.iter().filter_map(|mention| mention.orcid.clone()).collect::<HashSet<String>>();
        provided.extend(orcids.into_iter().map(|value| IdentifierRow { id, scheme: "orcid".to_owned(), value }));
        let others = mentions.iter().flat_map(|mention| &mention.author_ids).collect::<HashSet<&String>>();
        let others = others.into_iter().filter_map(|other| other.split_once(':'));
        provided.extend(others.map(|(scheme, value)| IdentifierRow {
            id,
            scheme: scheme.to_owned(),
            value: value.to_owned(),
        }));
    }
    let columns = "id bigint, scheme text, value text";
    let (mut orcids, others): (Vec<IdentifierRow>, Vec<IdentifierRow>) =
        provided.into_iter().partition(|id| id.scheme == "orcid");
    // If two authors of a paper have the same ORCID iD, it stays with the researcher who has it, else the first gets
    // it.
    let mut seen = HashSet::new();
    orcids.retain(|id| seen.insert(id.value.clone()));
    // A researcher who no longer has any of its papers loses it.
    let release = "UPDATE researcher SET orcid = NULL FROM rows WHERE researcher.orcid = rows.value AND researcher.id <> rows.id \
         AND NOT EXISTS (SELECT FROM source_record WHERE source_record.researcher_id = researcher.id \
         AND NOT starts_with(source_record.key, 'directory:'))";
    uow.execute_with_rows(columns, &orcids, release).await?;
    let adopt = "UPDATE researcher SET orcid = rows.value, updated_at = statement_timestamp() FROM rows WHERE researcher.id = rows.id \
         AND researcher.orcid IS NULL AND NOT EXISTS (SELECT FROM researcher AS other WHERE other.orcid = rows.value)";
    uow.execute_with_rows(columns, &orcids, adopt).await?;
    let insert = "INSERT INTO external_id (scheme, value, researcher_id) SELECT DISTINCT ON (scheme, value) scheme, value, id FROM rows \
         ORDER BY scheme, value, id ON CONFLICT (scheme, value) WHERE researcher_id IS NOT NULL DO UPDATE \
         SET researcher_id = EXCLUDED.researcher_id WHERE NOT EXISTS (SELECT FROM source_record \
         WHERE source_record.researcher_id = external_id.researcher_id \
         AND NOT starts_with(source_record.key, 'directory:'))";
    uow.execute_with_rows(columns, &others, insert).await
}

/// The display name of several, each with its number of papers: a full name that is not in capitals and that most papers
/// have, and of those the longest.
fn choose_display_name<'a>(names: impl Iterator<Item = (&'a str, i64)>) -> &'a str {
    let best = names.max_by_key(|(name, papers)| {
        let has_usual_case = names::repair_name(name).certain.is_none_or(|repair| repair.rule != RepairRule::Capitals);
        (NameForm::new(name).has_full_given_name(), has_usual_case, *papers, name.chars().count(), *name)
    });
    best.map_or("", |(name, _)| name)
}
