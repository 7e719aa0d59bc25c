//! What those who run the directory decide on a person's names. No import changes it.

use std::collections::{BTreeMap, HashMap};

use sea_orm::{ConnectionTrait as _, FromQueryResult};

use crate::entity::researcher;
use crate::error::Error;
use crate::model::global_id::{GlobalId, NodeKind};
use crate::model::identifier::Orcid;
use crate::model::record::{NameUse, OtherName};
use crate::store::Store;
use crate::store::access::data_loader::Loader;
use crate::store::access::sql_fragment::{Sql, text_array};
use crate::store::ingest::name_visibility::{ResearcherNames, StoredName};
use crate::store::ingest::researcher_matching::NamedAuthor;
use crate::store::reader::lookup::{ByLookupKey, LookupKey};
use crate::store::unit_of_work::{UnitOfWork, WRITE_LOCK_KEY};
use crate::text::names;

/// A name to be shown, with its parts where they are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChosenName {
    /// The whole name.
    pub name: String,
    /// Given names; told from the name where both parts are absent.
    pub given_name: Option<String>,
    /// Family name.
    pub family_name: Option<String>,
}

/// A decision on a person's names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NameDecision {
    /// What is shown.
    Set {
        /// The name that is shown from now on; the one of before where absent.
        chosen: Option<ChosenName>,
        /// What the one of before is for then.
        former_use: NameUse,
        /// Whether the published names are withheld; as before where absent.
        withholds_published_name: Option<bool>,
    },
    /// Another name, or another use of one.
    Add {
        /// The name.
        name: String,
        /// What it is for.
        name_use: NameUse,
    },
    /// Takes back what was decided on another name, so that what sources say of it holds.
    Remove {
        /// The name.
        name: String,
    },
}

/// What holds after a decision. No part of it has a name that is not shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameDecisionOutcome {
    /// The name that is shown.
    pub name: String,
    /// The name in the address of the profile.
    pub slug: String,
    /// Whether that is another one than before.
    pub has_new_slug: bool,
    /// How many other names are shown, only found, and private.
    pub other_name_counts: [usize; 3],
    /// On how many papers the person is.
    pub paper_count: usize,
    /// On how many of them the published name is withheld.
    pub withheld_paper_count: usize,
    /// Other people who are shown under one of the person's names.
    pub namesakes: Vec<GlobalId>,
    /// Fields of the person that hold a word of a name which is not shown: they are as the sources have them.
    pub revealing_fields: Vec<&'static str>,
}

/// All names of a person, hidden ones too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResearcherNameList {
    /// The name in the address of the profile.
    pub slug: String,
    /// The name that is shown, and whether somebody decided on it.
    pub display_name: (String, bool),
    /// The others, each with its use and who says so: `decided`, or the name of a source.
    pub others: Vec<(String, NameUse, String)>,
    /// Forms that sources tell, and whether they are shown.
    pub source_names: Vec<(String, bool)>,
    /// Whether all published names are withheld.
    pub withholds_published_name: bool,
}

impl Store {
    /// Who has this id, slug (present or former) or ORCID iD.
    ///
    /// # Errors
    /// Where nobody has it, or the database does not answer.
    pub async fn find_researcher_id(&self, key: &str) -> Result<i64, Error> {
        let text = key.trim();
        let key = match (text.parse::<Orcid>(), text.parse::<GlobalId>()) {
            (Ok(orcid), _) => LookupKey::Column("orcid", orcid.to_string()),
            (_, Ok(GlobalId { kind: NodeKind::Researcher, row_id: number })) => LookupKey::Id(number),
            _ => LookupKey::Slug(text.to_lowercase()),
        };
        let found: HashMap<ByLookupKey<researcher::Model>, _> = self.load(&[ByLookupKey::new(key)]).await?;
        // What was asked for is not repeated: it may be a name.
        let nobody = || Error::BadUserInput("nobody here has this id, slug or ORCID iD".to_owned());
        found.into_values().next().map(|person| person.id).ok_or_else(nobody)
    }

    /// All that is known of a person's names. It is for those who run the directory, and for nobody else.
    ///
    /// # Errors
    /// Where the database does not answer.
    pub async fn list_all_names(&self, id: i64) -> Result<ResearcherNameList, Error> {
        let transaction = self.begin().await?;
        let naming = UnitOfWork::new(&transaction, "", self.consortium_size, 0).load_names(id).await?;
        transaction.rollback().await?;
        let shown = naming.visible()?;
        let origin = |name: &StoredName| name.source.clone().unwrap_or_else(|| "decided".to_owned());
        let others = naming.stored_names()?.into_iter().map(|name| (name.value.clone(), name.name_use, origin(&name)));
        Ok(ResearcherNameList {
            others: others.collect(),
            source_names: naming
                .told_names
                .iter()
                .map(|name| (name.clone(), shown.other_names.contains(name)))
                .collect(),
            slug: naming.slug,
            display_name: (naming.display_name, naming.is_decided),
            withholds_published_name: naming.withholds_published_name,
        })
    }

    /// Decides on a person's names, and tells what holds then. A dry run does all of it and takes it back.
    ///
    /// # Errors
    /// Where the decision makes no sense, or the database does not answer.
    pub async fn decide_names(
        &self,
        id: i64,
        decision: &NameDecision,
        is_dry_run: bool,
    ) -> Result<NameDecisionOutcome, Error> {
        let transaction = self.begin().await?;
        transaction.execute_unprepared("SET LOCAL statement_timeout = 0").await?;
        transaction.execute_unprepared(&format!("SELECT pg_advisory_xact_lock({WRITE_LOCK_KEY})")).await?;
        let mut batch = UnitOfWork::new(&transaction, "", self.consortium_size, 0);
        let before = batch.load_names(id).await?;
        match decision {
            NameDecision::Set { chosen, former_use, withholds_published_name } => {
                batch.set_names(&before, chosen.as_ref(), *former_use, *withholds_published_name).await?;
            }
            NameDecision::Add { name, name_use } => batch.add_decided_name(&before, name, *name_use).await?,
            NameDecision::Remove { name } => batch.remove_decided_name(&before, name).await?,
        }
        batch.refresh_name_repairs().await?;
        batch.refresh_work_versions().await?;
        if !batch.dirty.recounted_researchers.is_empty() {
            batch.invalidate_statistics().await?;
        }
        batch.reindex_dirty().await?;
        let decided = batch.describe_name_outcome(&before).await?;
        if is_dry_run {
            transaction.rollback().await?;
        } else {
            self.commit(transaction).await?;
        }
        Ok(decided)
    }
}

/// One clean line that is not empty.
fn require_name(name: &str) -> Result<String, Error> {
    let name = names::clean(name);
    if name.is_empty() { Err(Error::BadUserInput("the name is empty".to_owned())) } else { Ok(name) }
}

impl UnitOfWork<'_> {
    async fn set_names(
        &mut self,
        before: &ResearcherNames,
        chosen: Option<&ChosenName>,
        former_use: NameUse,
        withholds: Option<bool>,
    ) -> Result<(), Error> {
        let mut was_called = None;
        if let Some(chosen) = chosen {
            self.choose_name(before, chosen, former_use).await?;
            was_called = Some(before.display_name.as_str());
        }
        if let Some(withholds) = withholds {
            let decide = Sql::with(
                "INSERT INTO name_decision (researcher_id, withholds_published_name) VALUES (?, ",
                before.id,
            )
            .then_with(
                "?) ON CONFLICT (researcher_id) DO UPDATE SET withholds_published_name = EXCLUDED.withholds_published_name, \
                 decided_at = now()",
                withholds,
            );
            self.execute(decide).await?;
            let sql = Sql::with("UPDATE researcher SET withholds_published_name = ? ", withholds);
            self.execute(sql.then_with("WHERE id = ?", before.id)).await?;
        }
        self.recompute_names(before.id, was_called).await
    }

    async fn choose_name(
        &mut self,
        before: &ResearcherNames,
        chosen: &ChosenName,
        former_use: NameUse,
    ) -> Result<(), Error> {
        let name = require_name(&chosen.name)?;
        let (given, family) = (chosen.given_name.as_deref(), chosen.family_name.as_deref());
        let parts = NamedAuthor { name: &name, given, family, orcid: None }.name_parts();
        let key = names::name_key(&name);
        self.delete_decided_names(before.id, &[key.clone(), before.name_key.clone()]).await?;
        if key != before.name_key {
            let former = OtherName { value: before.display_name.clone(), name_use: former_use };
            self.add_other_names(before.id, &[former], None).await?;
        }
        // They may decide over repairs of authors' names.
        self.dirty_spellings.extend([key, before.name_key.clone()]);
        let decide = Sql::with(
            "INSERT INTO name_decision (researcher_id, display_name, given_name, family_name) VALUES (?, ",
            before.id,
        )
        .then_with("?, ", name.clone())
        .then_with("?, ", parts.given.clone())
        .then_with(
            "?) ON CONFLICT (researcher_id) DO UPDATE SET display_name = EXCLUDED.display_name, \
             given_name = EXCLUDED.given_name, family_name = EXCLUDED.family_name, decided_at = now()",
            parts.family.clone(),
        );
        self.execute(decide).await?;
        self.update_display_names(vec![(before.id, name, parts)]).await
    }

    async fn add_decided_name(&mut self, before: &ResearcherNames, name: &str, name_use: NameUse) -> Result<(), Error> {
        let value = require_name(name)?;
        let key = names::name_key(&value);
        if key == before.name_key {
            let message = "this is the name that is shown; choose another one first, by `names set`";
            return Err(Error::BadUserInput(message.to_owned()));
        }
        self.delete_decided_names(before.id, &[key]).await?;
        self.add_other_names(before.id, &[OtherName { value, name_use }], None).await?;
        self.recompute_names(before.id, None).await
    }

    async fn remove_decided_name(&mut self, before: &ResearcherNames, name: &str) -> Result<(), Error> {
        let key = names::name_key(&require_name(name)?);
        if self.delete_decided_names(before.id, std::slice::from_ref(&key)).await? == 0 {
            let message =
                "nobody decided on this name here; what a source says of it is changed there, or by `names add`";
            return Err(Error::BadUserInput(message.to_owned()));
        }
        self.dirty_spellings.insert(key);
        self.recompute_names(before.id, None).await
    }

    /// Takes back decisions on other names, and tells how many there were.
    async fn delete_decided_names(&self, id: i64, keys: &[String]) -> Result<usize, Error> {
        #[derive(FromQueryResult)]
        struct Gone {
            #[allow(dead_code, reason = "it is counted")]
            id: i64,
        }
        let sql = Sql::with("DELETE FROM researcher_name WHERE source IS NULL AND researcher_id = ? ", id)
            .then_with("AND name_key = ANY(?) RETURNING id", text_array(keys.to_vec()));
        Ok(self.rows::<Gone>(sql).await?.len())
    }

    /// What holds now.
    async fn describe_name_outcome(&self, before: &ResearcherNames) -> Result<NameDecisionOutcome, Error> {
        #[derive(FromQueryResult)]
        struct Place {
            name_as_published: String,
            name: String,
        }
        #[derive(FromQueryResult)]
        struct Namesake {
            id: i64,
        }
        let now = self.load_names(before.id).await?;
        let shown = now.visible()?;
        let forms = now.hidden_forms.clone().unwrap_or_default();
        let places = "SELECT name_as_published, name FROM authorship WHERE researcher_id = ?";
        let places = self.rows::<Place>(Sql::with(places, now.id)).await?;
        let is_withheld = |place: &&Place| {
            !forms.is_empty()
                && [&place.name_as_published, &place.name].iter().any(|name| names::name_reveals_hidden(name, &forms))
        };
        let keys = shown.hidden_names.iter().chain([&now.display_name]).map(|name| names::name_key(name));
        let namesakes = Sql::with("SELECT id FROM researcher WHERE name_key = ANY(?) ", text_array(keys))
            .then_with("AND id <> ? ORDER BY id", now.id);
        let namesakes = self.rows::<Namesake>(namesakes).await?;
        let private = shown.hidden_names.len() - shown.search_only_names.len();
        Ok(NameDecisionOutcome {
            has_new_slug: now.slug != before.slug,
            other_name_counts: [shown.other_names.len(), shown.search_only_names.len(), private],
            paper_count: places.len(),
            withheld_paper_count: places.iter().filter(is_withheld).count(),
            namesakes: namesakes
                .into_iter()
                .map(|row| GlobalId { kind: NodeKind::Researcher, row_id: row.id })
                .collect(),
            revealing_fields: self.find_revealing_fields(now.id, &forms).await?,
            name: now.display_name,
            slug: now.slug,
        })
    }

    /// The fields that hold a word of a hidden name.
    async fn find_revealing_fields(&self, id: i64, forms: &[String]) -> Result<Vec<&'static str>, Error> {
        #[derive(FromQueryResult)]
        struct Held {
            field: String,
            text: String,
        }
        // Initials are words of any text.
        let words: Vec<String> = forms.iter().filter(|form| form.chars().nth(2).is_some()).cloned().collect();
        if words.is_empty() {
            return Ok(Vec::new());
        }
        let sql = Sql::with(
            "SELECT held.* FROM researcher CROSS JOIN LATERAL (VALUES ('homepageUrl', homepage_url), ('portraitUrl', portrait_url), \
             ('headline', headline::text), ('biography', biography::text)) AS held(field, text) \
             WHERE held.text IS NOT NULL AND researcher.id = ?",
            id,
        )
        .then_with(" UNION ALL SELECT 'identifiers', value FROM external_id WHERE researcher_id = ?", id);
        let mut found: BTreeMap<&str, bool> = BTreeMap::new();
        let held = self.rows::<Held>(sql).await?;
        for row in &held {
            *found.entry(row.field.as_str()).or_default() |= names::name_reveals_hidden(&row.text, &words);
        }
        let fields = ["headline", "biography", "portraitUrl", "homepageUrl", "identifiers"];
        Ok(fields.into_iter().filter(|field| found.get(field).copied().unwrap_or_default()).collect())
    }
}
