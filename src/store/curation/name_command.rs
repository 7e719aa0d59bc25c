//! Decisions on a researcher's names, which imports do not change.

use std::collections::BTreeMap;

use sea_orm::ActiveValue::{Set, Unchanged};
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveModelTrait as _, EntityTrait as _, FromQueryResult, Iterable as _, PaginatorTrait as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _,
};

use crate::entity::{authorship, name_decision, researcher, researcher_name, statement_timestamp};
use crate::error::Error;
use crate::model::activity::ActivityKind;
use crate::model::global_id::{GlobalId, NodeKind};
use crate::model::record::{NameUse, OtherName};
use crate::model::text_limit::{MAX_NAME_CHARS, check_length};
use crate::store::Store;
use crate::store::access::sql_fragment::sql;
use crate::store::curation::reference::find_researcher;
use crate::store::ingest::name_visibility::{
    ResearcherNames, StoredName, add_other_names, load_names, recompute_names,
};
use crate::store::ingest::researcher_matching::{NamedAuthor, update_display_names};
use crate::store::unit_of_work::unacknowledged_commit::UnacknowledgedCommit;
use crate::store::unit_of_work::{TableScans, UnitOfWork};
use crate::text::names;

/// A display name, with its parts if they are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChosenName {
    /// The whole name.
    pub name: String,
    /// Given names; parsed from the name if both parts are omitted.
    pub given_name: Option<String>,
    /// Family name.
    pub family_name: Option<String>,
}

/// A decision on a researcher's names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NameDecision {
    /// Set the display name and suppression of published names.
    Set {
        /// The new display name; unchanged if omitted.
        chosen: Option<ChosenName>,
        /// The use of the previous display name.
        former_use: NameUse,
        /// Whether published names are suppressed; unchanged if omitted.
        withholds_published_name: Option<bool>,
    },
    /// Add another name, or change its use.
    Add {
        /// The name.
        name: String,
        /// Its use.
        name_use: NameUse,
    },
    /// Remove the decision on another name, so that the sources apply.
    Remove {
        /// The name.
        name: String,
    },
}

/// The result of a decision. It contains no hidden names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameDecisionOutcome {
    /// The display name.
    pub name: String,
    /// The slug.
    pub slug: String,
    /// Whether the slug changed.
    pub has_new_slug: bool,
    /// The numbers of other names that are displayed, search-only and private.
    pub other_name_counts: [usize; 3],
    /// The number of papers.
    pub paper_count: usize,
    /// The number of papers on which the published name is suppressed.
    pub withheld_paper_count: usize,
    /// Other researchers who are displayed under one of the names.
    pub namesakes: Vec<GlobalId>,
    /// Fields that contain a word of a hidden name. They are displayed as the sources provide them.
    pub revealing_fields: Vec<&'static str>,
}

/// All names of a researcher, including hidden ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResearcherNameList {
    /// The slug.
    pub slug: String,
    /// The display name, and whether it was decided.
    pub display_name: (String, bool),
    /// The other names with their use and origin: `decided`, or the name of a source.
    pub others: Vec<(String, NameUse, String)>,
    /// Forms that sources provide, and whether they are displayed.
    pub source_names: Vec<(String, bool)>,
    /// Whether published names are suppressed.
    pub withholds_published_name: bool,
}

impl Store {
    /// All names of the researcher with this id, slug (current or former) or ORCID iD, for operators only.
    ///
    /// # Errors
    /// If there is no such researcher, or the database is unavailable.
    pub async fn list_all_names(&self, researcher: &str) -> Result<ResearcherNameList, Error> {
        self.retry(|| self.try_list_all_names(researcher)).await
    }

    async fn try_list_all_names(&self, researcher: &str) -> Result<ResearcherNameList, Error> {
        let uow = UnitOfWork::begin_read_only(self).await?;
        let id = find_researcher(&uow, researcher).await?;
        let names = load_names(&uow, id).await?;
        uow.rollback().await?;
        let visible = names.visible()?;
        let origin = |name: &StoredName| name.source.clone().unwrap_or_else(|| "decided".to_owned());
        let others = names.stored_names()?.into_iter().map(|name| (name.value.clone(), name.name_use, origin(&name)));
        Ok(ResearcherNameList {
            others: others.collect(),
            source_names: names
                .told_names
                .iter()
                .map(|name| (name.clone(), visible.other_names.contains(name)))
                .collect(),
            slug: names.slug,
            display_name: (names.display_name, names.is_decided),
            withholds_published_name: names.withholds_published_name,
        })
    }

    /// Decides on the names of the researcher with this id, slug (current or former) or ORCID iD, and returns the result.
    /// A dry run is rolled back.
    ///
    /// # Errors
    /// If there is no such researcher, the decision is rejected, or the database is unavailable.
    pub async fn decide_names(
        &self,
        researcher: &str,
        decision: &NameDecision,
        dry_run: bool,
    ) -> Result<NameDecisionOutcome, Error> {
        let commit = UnacknowledgedCommit::default();
        self.retry(|| self.try_decide_names(researcher, decision, dry_run, &commit)).await?;
        commit.acknowledge()
    }

    async fn try_decide_names(
        &self,
        researcher: &str,
        decision: &NameDecision,
        dry_run: bool,
        commit: &UnacknowledgedCommit<NameDecisionOutcome>,
    ) -> Result<(), Error> {
        let mut uow = UnitOfWork::begin(self, TableScans::Allow).await?.for_activity(ActivityKind::Names);
        if commit.is_known(&uow).await? {
            return Ok(());
        }
        let id = find_researcher(&uow, researcher).await?;
        let before = load_names(&uow, id).await?;
        match decision {
            NameDecision::Set { chosen, former_use, withholds_published_name } => {
                set_names(&mut uow, &before, chosen.as_ref(), *former_use, *withholds_published_name).await?;
            }
            NameDecision::Add { name, name_use } => add_decided_name(&mut uow, &before, name, *name_use).await?,
            NameDecision::Remove { name } => remove_decided_name(&mut uow, &before, name).await?,
        }
        // Repairs of names may move papers, which the outcome counts.
        uow.refresh_projections().await?;
        let outcome = describe_name_outcome(&uow, &before).await?;
        commit.expect(&uow, outcome).await?;
        uow.finish(dry_run).await
    }
}

/// The cleaned name, which must not be empty.
fn require_name(name: &str) -> Result<String, Error> {
    let name = names::clean(name);
    if name.is_empty() { Err(Error::BadUserInput("the name is empty".to_owned())) } else { Ok(name) }
}

/// The same for a name that is to be stored, which must not be too long either.
fn require_new_name(name: &str) -> Result<String, Error> {
    let name = require_name(name)?;
    check_length("the name", &name, MAX_NAME_CHARS).map_err(Error::BadUserInput)?;
    Ok(name)
}

async fn set_names(
    uow: &mut UnitOfWork<'_>,
    before: &ResearcherNames,
    chosen: Option<&ChosenName>,
    former_use: NameUse,
    suppresses: Option<bool>,
) -> Result<(), Error> {
    let mut decision = name_decision::ActiveModel { researcher_id: Set(before.id), ..Default::default() };
    let mut former_name = None;
    if let Some(chosen) = chosen {
        choose_name(uow, before, chosen, former_use, &mut decision).await?;
        former_name = Some(before.display_name.as_str());
    }
    if let Some(suppresses) = suppresses {
        decision.withholds_published_name = Set(Some(suppresses));
        let researcher = researcher::ActiveModel {
            id: Unchanged(before.id),
            withholds_published_name: Set(suppresses),
            ..Default::default()
        };
        researcher::Entity::update(researcher).exec_without_returning(uow.db()).await?;
    }
    store_name_decision(uow, decision).await?;
    recompute_names(uow, before.id, former_name).await
}

/// Inserts a decision, or replaces the columns of the researcher's earlier one that this one sets.
async fn store_name_decision(uow: &UnitOfWork<'_>, decision: name_decision::ActiveModel) -> Result<(), Error> {
    let is_decided = |column: &name_decision::Column| {
        !matches!(column, name_decision::Column::ResearcherId) && decision.get(*column).is_set()
    };
    let columns: Vec<name_decision::Column> = name_decision::Column::iter().filter(is_decided).collect();
    if columns.is_empty() {
        return Ok(());
    }
    let replace = OnConflict::column(name_decision::Column::ResearcherId)
        .update_columns(columns)
        .value(name_decision::Column::DecidedAt, statement_timestamp())
        .to_owned();
    name_decision::Entity::insert(decision).on_conflict(replace).exec_without_returning(uow.db()).await?;
    Ok(())
}

/// Stores a display name, and sets it in the decision.
async fn choose_name(
    uow: &mut UnitOfWork<'_>,
    before: &ResearcherNames,
    chosen: &ChosenName,
    former_use: NameUse,
    decision: &mut name_decision::ActiveModel,
) -> Result<(), Error> {
    let name = require_new_name(&chosen.name)?;
    let (given, family) = (chosen.given_name.as_deref(), chosen.family_name.as_deref());
    let parts = NamedAuthor { name: &name, given, family, orcid: None }.name_parts();
    let key = names::name_key(&name);
    delete_decided_names(uow, before.id, &[key.clone(), before.name_key.clone()]).await?;
    if key != before.name_key {
        let former = OtherName { value: before.display_name.clone(), name_use: former_use };
        add_other_names(uow, before.id, &[former], None).await?;
    }
    // Both may confirm repairs of author names.
    uow.dirty.spellings.extend([key, before.name_key.clone()]);
    decision.display_name = Set(Some(name.clone()));
    decision.given_name = Set(parts.given.clone());
    decision.family_name = Set(parts.family.clone());
    update_display_names(uow, vec![(before.id, name, parts)]).await
}

async fn add_decided_name(
    uow: &mut UnitOfWork<'_>,
    before: &ResearcherNames,
    name: &str,
    name_use: NameUse,
) -> Result<(), Error> {
    let value = require_new_name(name)?;
    let key = names::name_key(&value);
    if key == before.name_key {
        let message = "this is the display name; set another one first with `names set`";
        return Err(Error::BadUserInput(message.to_owned()));
    }
    delete_decided_names(uow, before.id, &[key]).await?;
    add_other_names(uow, before.id, &[OtherName { value, name_use }], None).await?;
    recompute_names(uow, before.id, None).await
}

async fn remove_decided_name(uow: &mut UnitOfWork<'_>, before: &ResearcherNames, name: &str) -> Result<(), Error> {
    let key = names::name_key(&require_name(name)?);
    if delete_decided_names(uow, before.id, std::slice::from_ref(&key)).await? == 0 {
        let message =
            "there is no decision on this name; change it in the source, or override the source with `names add`";
        return Err(Error::BadUserInput(message.to_owned()));
    }
    uow.dirty.spellings.insert(key);
    recompute_names(uow, before.id, None).await
}

/// Deletes decisions on other names. Returns how many there were.
async fn delete_decided_names(uow: &UnitOfWork<'_>, id: i64, keys: &[String]) -> Result<u64, Error> {
    let decided = researcher_name::Entity::delete_many()
        .filter(researcher_name::COLUMN.source.is_null())
        .filter(researcher_name::COLUMN.researcher_id.eq(id))
        .filter(researcher_name::COLUMN.name_key.eq_any(keys.to_vec()));
    Ok(decided.exec(uow.db()).await?.rows_affected)
}

/// The state of the names after a decision.
async fn describe_name_outcome(uow: &UnitOfWork<'_>, before: &ResearcherNames) -> Result<NameDecisionOutcome, Error> {
    let now = load_names(uow, before.id).await?;
    let visible = now.visible()?;
    let forms = now.hidden_forms.clone().unwrap_or_default();
    let (paper_count, withheld_paper_count) = count_authorships(uow, now.id, &forms).await?;
    let keys = visible.hidden_names.iter().chain([&now.display_name]).map(|name| names::name_key(name));
    let namesakes = researcher::Entity::find()
        .select_only()
        .column(researcher::Column::Id)
        .filter(researcher::COLUMN.name_key.eq_any(keys))
        .filter(researcher::COLUMN.id.ne(now.id))
        .order_by_asc(researcher::Column::Id);
    let namesakes: Vec<i64> = namesakes.into_tuple().all(uow.db()).await?;
    let private = visible.hidden_names.len() - visible.search_only_names.len();
    Ok(NameDecisionOutcome {
        has_new_slug: now.slug != before.slug,
        other_name_counts: [visible.other_names.len(), visible.search_only_names.len(), private],
        paper_count,
        withheld_paper_count,
        namesakes: namesakes.into_iter().map(|row_id| GlobalId { kind: NodeKind::Researcher, row_id }).collect(),
        revealing_fields: find_revealing_fields(uow, now.id, &forms).await?,
        name: now.display_name,
        slug: now.slug,
    })
}

/// The number of a researcher's authorships, and of those whose name has one of the hidden forms.
async fn count_authorships(uow: &UnitOfWork<'_>, id: i64, forms: &[String]) -> Result<(usize, usize), Error> {
    let theirs = authorship::Entity::find().filter(authorship::COLUMN.researcher_id.eq(id));
    if forms.is_empty() {
        let count = theirs.count(uow.db()).await?;
        return Ok((usize::try_from(count).unwrap_or(usize::MAX), 0));
    }
    let names = theirs.select_only().columns([authorship::Column::NameAsPublished, authorship::Column::Name]);
    let names: Vec<(String, String)> = names.into_tuple().all(uow.db()).await?;
    let is_withheld = |(name_as_published, name): &&(String, String)| {
        [name_as_published, name].iter().any(|name| names::name_reveals_hidden(name, forms))
    };
    Ok((names.len(), names.iter().filter(is_withheld).count()))
}

/// The fields that contain a word of a hidden name.
async fn find_revealing_fields(uow: &UnitOfWork<'_>, id: i64, forms: &[String]) -> Result<Vec<&'static str>, Error> {
    #[derive(FromQueryResult)]
    struct TextRow {
        field: String,
        text: String,
    }
    // Initials occur in any text.
    let words: Vec<String> = forms.iter().filter(|form| form.chars().nth(2).is_some()).cloned().collect();
    if words.is_empty() {
        return Ok(Vec::new());
    }
    let sql = sql!(
        "SELECT held.* FROM researcher CROSS JOIN LATERAL (VALUES ('homepageUrl', homepage_url), ('portraitUrl', \
         portrait_url), ('headline', headline::text), ('biography', biography::text)) AS held(field, text) \
         WHERE held.text IS NOT NULL AND researcher.id = ? UNION ALL SELECT 'identifiers', value FROM external_id \
         WHERE researcher_id = ?",
        id,
        id,
    );
    let mut found: BTreeMap<&str, bool> = BTreeMap::new();
    let texts = uow.rows::<TextRow>(sql).await?;
    for row in &texts {
        *found.entry(row.field.as_str()).or_default() |= names::name_reveals_hidden(&row.text, &words);
    }
    let fields = ["headline", "biography", "portraitUrl", "homepageUrl", "identifiers"];
    Ok(fields.into_iter().filter(|field| found.get(field).copied().unwrap_or_default()).collect())
}
