//! What those who run the directory decide on a person's names. No import changes it.

use std::collections::{BTreeMap, HashMap};

use sea_orm::{ConnectionTrait as _, FromQueryResult};

use crate::entity::researcher;
use crate::error::Error;
use crate::model::global_id::{GlobalId, Kind};
use crate::model::identifier::Orcid;
use crate::model::record::{NameUse, OtherName};
use crate::store::Store;
use crate::store::access::data_loader::Loader;
use crate::store::access::sql_fragment::{Sql, texts};
use crate::store::ingest::name_visibility::{KnownName, Naming};
use crate::store::ingest::researcher_matching::Mention;
use crate::store::reader::lookup::{ByKey, Key};
use crate::store::unit_of_work::{Batch, WRITE_LOCK};
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
pub struct Decided {
    /// The name that is shown.
    pub name: String,
    /// The name in the address of the profile.
    pub slug: String,
    /// Whether that is another one than before.
    pub has_new_slug: bool,
    /// How many other names are shown, only found, and private.
    pub others: [usize; 3],
    /// On how many papers the person is.
    pub papers: usize,
    /// On how many of them the published name is withheld.
    pub withheld: usize,
    /// Other people who are shown under one of the person's names.
    pub namesakes: Vec<GlobalId>,
    /// Fields of the person that hold a word of a name which is not shown: they are as the sources have them.
    pub told_by: Vec<&'static str>,
}

/// All names of a person, hidden ones too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllNames {
    /// The name in the address of the profile.
    pub slug: String,
    /// The name that is shown, and whether somebody decided on it.
    pub shown: (String, bool),
    /// The others, each with its use and who says so: `decided`, or the name of a source.
    pub others: Vec<(String, NameUse, String)>,
    /// Forms that sources tell, and whether they are shown.
    pub told: Vec<(String, bool)>,
    /// Whether all published names are withheld.
    pub withholds_published_name: bool,
}

impl Store {
    /// Who has this id, slug (present or former) or ORCID iD.
    ///
    /// # Errors
    /// Where nobody has it, or the database does not answer.
    pub async fn person(&self, key: &str) -> Result<i64, Error> {
        let text = key.trim();
        let key = match (text.parse::<Orcid>(), text.parse::<GlobalId>()) {
            (Ok(orcid), _) => Key::Column("orcid", orcid.to_string()),
            (_, Ok(GlobalId { kind: Kind::Researcher, number })) => Key::Id(number),
            _ => Key::Slug(text.to_lowercase()),
        };
        let found: HashMap<ByKey<researcher::Model>, _> = self.load(&[ByKey::new(key)]).await?;
        // What was asked for is not repeated: it may be a name.
        let nobody = || Error::BadUserInput("nobody here has this id, slug or ORCID iD".to_owned());
        found.into_values().next().map(|person| person.id).ok_or_else(nobody)
    }

    /// All that is known of a person's names. It is for those who run the directory, and for nobody else.
    ///
    /// # Errors
    /// Where the database does not answer.
    pub async fn all_names(&self, id: i64) -> Result<AllNames, Error> {
        let transaction = self.begin().await?;
        let naming = Batch::new(&transaction, "", self.consortium_size, 0).naming(id).await?;
        transaction.rollback().await?;
        let shown = naming.shown()?;
        let origin = |name: &KnownName| name.source.clone().unwrap_or_else(|| "decided".to_owned());
        let others = naming.known_names()?.into_iter().map(|name| (name.value.clone(), name.name_use, origin(&name)));
        Ok(AllNames {
            others: others.collect(),
            told: naming.told_names.iter().map(|name| (name.clone(), shown.other_names.contains(name))).collect(),
            slug: naming.slug,
            shown: (naming.display_name, naming.is_decided),
            withholds_published_name: naming.withholds_published_name,
        })
    }

    /// Decides on a person's names, and tells what holds then. A dry run does all of it and takes it back.
    ///
    /// # Errors
    /// Where the decision makes no sense, or the database does not answer.
    pub async fn decide_names(&self, id: i64, decision: &NameDecision, is_dry_run: bool) -> Result<Decided, Error> {
        let transaction = self.begin().await?;
        transaction.execute_unprepared("SET LOCAL statement_timeout = 0").await?;
        transaction.execute_unprepared(&format!("SELECT pg_advisory_xact_lock({WRITE_LOCK})")).await?;
        let mut batch = Batch::new(&transaction, "", self.consortium_size, 0);
        let before = batch.naming(id).await?;
        match decision {
            NameDecision::Set { chosen, former_use, withholds_published_name } => {
                batch.set_names(&before, chosen.as_ref(), *former_use, *withholds_published_name).await?;
            }
            NameDecision::Add { name, name_use } => batch.add_decided_name(&before, name, *name_use).await?,
            NameDecision::Remove { name } => batch.remove_decided_name(&before, name).await?,
        }
        batch.settle_repairs().await?;
        batch.settle_versions().await?;
        if !batch.touched.counted.is_empty() {
            batch.outdate_totals().await?;
        }
        batch.index_touched().await?;
        let decided = batch.decided(&before).await?;
        if is_dry_run {
            transaction.rollback().await?;
        } else {
            self.commit(transaction).await?;
        }
        Ok(decided)
    }
}

/// One clean line that is not empty.
fn some_name(name: &str) -> Result<String, Error> {
    let name = names::clean(name);
    if name.is_empty() { Err(Error::BadUserInput("the name is empty".to_owned())) } else { Ok(name) }
}

impl Batch<'_> {
    async fn set_names(
        &mut self,
        before: &Naming,
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
        self.settle_names(before.id, was_called).await
    }

    async fn choose_name(&mut self, before: &Naming, chosen: &ChosenName, former_use: NameUse) -> Result<(), Error> {
        let name = some_name(&chosen.name)?;
        let (given, family) = (chosen.given_name.as_deref(), chosen.family_name.as_deref());
        let parts = Mention { name: &name, given, family, orcid: None }.parts();
        let key = names::identity_key(&name);
        self.forget_decided(before.id, &[key.clone(), before.name_key.clone()]).await?;
        if key != before.name_key {
            let former = OtherName { value: before.display_name.clone(), name_use: former_use };
            self.add_names(before.id, &[former], None).await?;
        }
        // They may decide over repairs of authors' names.
        self.spellings.extend([key, before.name_key.clone()]);
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
        self.show_as(vec![(before.id, name, parts)]).await
    }

    async fn add_decided_name(&mut self, before: &Naming, name: &str, name_use: NameUse) -> Result<(), Error> {
        let value = some_name(name)?;
        let key = names::identity_key(&value);
        if key == before.name_key {
            let message = "this is the name that is shown; choose another one first, by `names set`";
            return Err(Error::BadUserInput(message.to_owned()));
        }
        self.forget_decided(before.id, &[key]).await?;
        self.add_names(before.id, &[OtherName { value, name_use }], None).await?;
        self.settle_names(before.id, None).await
    }

    async fn remove_decided_name(&mut self, before: &Naming, name: &str) -> Result<(), Error> {
        let key = names::identity_key(&some_name(name)?);
        if self.forget_decided(before.id, std::slice::from_ref(&key)).await? == 0 {
            let message =
                "nobody decided on this name here; what a source says of it is changed there, or by `names add`";
            return Err(Error::BadUserInput(message.to_owned()));
        }
        self.spellings.insert(key);
        self.settle_names(before.id, None).await
    }

    /// Takes back decisions on other names, and tells how many there were.
    async fn forget_decided(&self, id: i64, keys: &[String]) -> Result<usize, Error> {
        #[derive(FromQueryResult)]
        struct Gone {
            #[allow(dead_code, reason = "it is counted")]
            id: i64,
        }
        let sql = Sql::with("DELETE FROM researcher_name WHERE source IS NULL AND researcher_id = ? ", id)
            .then_with("AND name_key = ANY(?) RETURNING id", texts(keys.to_vec()));
        Ok(self.rows::<Gone>(sql).await?.len())
    }

    /// What holds now.
    async fn decided(&self, before: &Naming) -> Result<Decided, Error> {
        #[derive(FromQueryResult)]
        struct Place {
            name_as_published: String,
            name: String,
        }
        #[derive(FromQueryResult)]
        struct Namesake {
            id: i64,
        }
        let now = self.naming(before.id).await?;
        let shown = now.shown()?;
        let forms = now.hidden_forms.clone().unwrap_or_default();
        let places = "SELECT name_as_published, name FROM authorship WHERE researcher_id = ?";
        let places = self.rows::<Place>(Sql::with(places, now.id)).await?;
        let is_withheld = |place: &&Place| {
            !forms.is_empty()
                && [&place.name_as_published, &place.name].iter().any(|name| names::shows_hidden(name, &forms))
        };
        let keys = shown.hidden_names.iter().chain([&now.display_name]).map(|name| names::identity_key(name));
        let namesakes = Sql::with("SELECT id FROM researcher WHERE name_key = ANY(?) ", texts(keys))
            .then_with("AND id <> ? ORDER BY id", now.id);
        let namesakes = self.rows::<Namesake>(namesakes).await?;
        let private = shown.hidden_names.len() - shown.search_only_names.len();
        Ok(Decided {
            has_new_slug: now.slug != before.slug,
            others: [shown.other_names.len(), shown.search_only_names.len(), private],
            papers: places.len(),
            withheld: places.iter().filter(is_withheld).count(),
            namesakes: namesakes.into_iter().map(|row| GlobalId { kind: Kind::Researcher, number: row.id }).collect(),
            told_by: self.told_by(now.id, &forms).await?,
            name: now.display_name,
            slug: now.slug,
        })
    }

    /// The fields that hold a word of a hidden name.
    async fn told_by(&self, id: i64, forms: &[String]) -> Result<Vec<&'static str>, Error> {
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
            *found.entry(row.field.as_str()).or_default() |= names::shows_hidden(&row.text, &words);
        }
        let fields = ["headline", "biography", "portraitUrl", "homepageUrl", "identifiers"];
        Ok(fields.into_iter().filter(|field| found.get(field).copied().unwrap_or_default()).collect())
    }
}
