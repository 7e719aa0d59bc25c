//! The researchers of clusters: creation, display names and identifiers.

use std::collections::{BTreeMap, HashMap, HashSet};

use sea_orm::FromQueryResult;

use crate::error::Error;
use crate::store::access::sql_fragment::{bigint_array, sql};
use crate::store::ingest::researcher_matching::{
    NamedAuthor, ResearcherIndex, store_researchers, update_display_names,
};
use crate::store::projections::disambiguation::ResolvedCluster;
use crate::store::projections::disambiguation::assignment::Assignment;
use crate::store::reader::export::{has_source_record, is_exported_key};
use crate::store::unit_of_work::UnitOfWork;
use crate::store::unit_of_work::json_rows::json_row;
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
    let mut index = ResearcherIndex::default();
    // Their authors are assigned later; how these divide the name decides then.
    let add =
        |name| index.add_new(&NamedAuthor { name, given: None, family: None, orcid: None }, names::name_key(name));
    let indexes: Vec<usize> = names.map(add).collect();
    store_researchers(uow, &mut index).await?;
    let mut indexes = indexes.into_iter();
    let id = |assignment: &Assignment| match assignment {
        Assignment::Unresolved => None,
        Assignment::Existing(id) => Some(*id),
        Assignment::New => indexes.next().and_then(|position| index.id_of(position)),
    };
    Ok(assignments.iter().map(id).collect())
}

/// Displays researchers without a record by the name that most of their papers have, divided as on most of these.
pub(super) async fn update_majority_names(
    uow: &mut UnitOfWork<'_>,
    researcher_ids: &HashSet<i64>,
) -> Result<(), Error> {
    #[derive(FromQueryResult)]
    struct NameCountRow {
        id: i64,
        name: String,
        family_words: Option<i16>,
        papers: i64,
    }
    #[derive(FromQueryResult)]
    struct DisplayedRow {
        id: i64,
        display_name: String,
        given_name: Option<String>,
        family_name: Option<String>,
        is_exported: bool,
    }
    // By all their papers: a researcher with an ORCID iD may have names of several blocks.
    let mut names_by_researcher: HashMap<i64, PublishedNames> = HashMap::new();
    for row in uow
        .rows::<NameCountRow>(sql!(
            concat!(
                "SELECT authorship.researcher_id AS id, authorship.name, authorship.family_words, count(*) AS papers \
                 FROM authorship WHERE authorship.researcher_id = ANY(?) AND NOT ",
                has_source_record!("authorship.researcher_id"),
                " AND NOT EXISTS (SELECT FROM identity_pin \
                 WHERE identity_pin.researcher_id = authorship.researcher_id) \
                 AND NOT EXISTS (SELECT FROM researcher_name \
                 WHERE researcher_name.researcher_id = authorship.researcher_id) \
                 AND NOT EXISTS (SELECT FROM name_decision \
                 WHERE name_decision.researcher_id = authorship.researcher_id) GROUP BY 1, 2, 3"
            ),
            bigint_array(researcher_ids.iter().copied()),
        ))
        .await?
    {
        names_by_researcher.entry(row.id).or_default().add(row.name, row.family_words, row.papers);
    }
    let displayed = sql!(
        concat!(
            "SELECT id, display_name, given_name, family_name, EXISTS (SELECT FROM source_record \
             WHERE source_record.researcher_id = researcher.id AND ",
            is_exported_key!("source_record.key"),
            ") AS is_exported FROM researcher WHERE id = ANY(?)"
        ),
        bigint_array(names_by_researcher.keys().copied()),
    );
    let changed = uow.rows::<DisplayedRow>(displayed).await?.into_iter().filter_map(|row| {
        let (name, parts) = names_by_researcher.get(&row.id)?.display_name()?;
        // An export has the parts of people, and not those of authors.
        let is_known = parts.is_none() && row.is_exported && row.display_name == name;
        let parts = parts.unwrap_or_else(|| names::split_name(name));
        let before = NameParts { given: row.given_name, family: row.family_name };
        let is_changed = row.display_name != name || (!is_known && before != parts);
        is_changed.then(|| (row.id, name.to_owned(), parts))
    });
    update_display_names(uow, changed.collect()).await
}

/// The names of a researcher on papers: for each, the number of papers, and how many divide it in which way.
#[derive(Default)]
struct PublishedNames(BTreeMap<String, (i64, BTreeMap<i16, i64>)>);

impl PublishedNames {
    fn add(&mut self, name: String, family_words: Option<i16>, papers: i64) {
        let (total, divisions) = self.0.entry(name).or_default();
        *total += papers;
        if let Some(family_words) = family_words {
            *divisions.entry(family_words).or_default() += papers;
        }
    }

    /// The name to display, and its parts as most papers divide it, if one does.
    fn display_name(&self) -> Option<(&str, Option<NameParts>)> {
        let name = choose_display_name(self.0.iter().map(|(name, (papers, _))| (name.as_str(), *papers)));
        let (_, divisions) = self.0.get(name)?;
        let most = divisions.iter().max_by_key(|(family_words, papers)| (**papers, **family_words));
        let parts = most.and_then(|(family_words, _)| NameParts::with_family_words(name, *family_words));
        Some((name, parts))
    }
}

/// Assigns identifiers that papers provide and no researcher has.
pub(super) async fn add_researcher_identifiers(
    uow: &mut UnitOfWork<'_>,
    clusters: &[ResolvedCluster],
    researcher_ids: &[Option<i64>],
) -> Result<(), Error> {
    json_row! {
        struct IdentifierRow {
            id: i64,
            scheme: String,
            value: String,
        }
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
    let (mut orcids, others): (Vec<IdentifierRow>, Vec<IdentifierRow>) =
        provided.into_iter().partition(|id| id.scheme == "orcid");
    // If two authors of a paper have the same ORCID iD, it stays with the researcher who has it, else the first gets
    // it.
    let mut seen = HashSet::new();
    orcids.retain(|id| seen.insert(id.value.clone()));
    // A researcher who no longer has any of its papers loses it.
    let release = concat!(
        "UPDATE researcher SET orcid = NULL FROM rows WHERE researcher.orcid = rows.value \
         AND researcher.id <> rows.id AND NOT ",
        has_source_record!("researcher.id")
    );
    uow.execute_with_rows(&orcids, release).await?;
    let adopt = "UPDATE researcher SET orcid = rows.value, updated_at = statement_timestamp() FROM rows WHERE researcher.id = rows.id \
         AND researcher.orcid IS NULL AND NOT EXISTS (SELECT FROM researcher AS other WHERE other.orcid = rows.value)";
    uow.execute_with_rows(&orcids, adopt).await?;
    let insert = concat!(
        "INSERT INTO external_id (scheme, value, researcher_id) SELECT DISTINCT ON (scheme, value) scheme, value, id \
         FROM rows ORDER BY scheme, value, id ON CONFLICT (scheme, value) WHERE researcher_id IS NOT NULL DO UPDATE \
         SET researcher_id = EXCLUDED.researcher_id WHERE NOT ",
        has_source_record!("external_id.researcher_id")
    );
    uow.execute_with_rows(&others, insert).await
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
