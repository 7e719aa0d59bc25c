//! What a person is called, and what of it may be shown. Sources tell names, and people decide over them; what follows for the
//! person's row, address and search changes in the same transaction.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::FromQueryResult;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::Error;
use crate::model::global_id::GlobalId;
use crate::model::record::{NameUse, OtherName, ResearcherRecord};
use crate::store::access::sql_fragment::{Sql, ids, texts};
use crate::store::ingest::reassign_authorships::Relocation;
use crate::store::reader::search::Kind;
use crate::store::unit_of_work::Batch;
use crate::text::names::{self, EVERY_NAME, Form};

/// Another name, and who says so.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct KnownName {
    pub value: String,
    #[serde(rename = "use")]
    pub name_use: NameUse,
    /// The record that says so, by its source and its key there; none where somebody decided it.
    pub source: Option<String>,
    pub record_key: Option<String>,
}

/// All that is known of what somebody is called.
#[derive(Clone, Debug, FromQueryResult)]
pub(crate) struct Naming {
    pub id: i64,
    pub slug: String,
    pub display_name: String,
    pub name_key: String,
    pub given_name: Option<String>,
    pub family_name: Option<String>,
    pub told_names: Vec<String>,
    pub hidden_forms: Option<Vec<String>>,
    pub withholds_published_name: bool,
    /// Whether somebody decided on the name that is shown.
    pub is_decided: bool,
    /// Whether somebody decided on the published ones.
    pub is_withholding_decided: bool,
    other_names: Value,
}

/// What of somebody's other names may be shown, and by what the others are known.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    pub other_names: Vec<String>,
    pub search_only_names: Vec<String>,
    pub hidden_names: Vec<String>,
    /// Without the form that is in every name.
    pub forms: BTreeSet<String>,
}

impl Naming {
    pub(crate) fn known_names(&self) -> Result<Vec<KnownName>, Error> {
        serde_json::from_value(self.other_names.clone()).map_err(Error::internal)
    }

    /// What may be shown, by what all say.
    pub(crate) fn shown(&self) -> Result<Shown, Error> {
        Ok(shown(&self.display_name, &self.told_names, &self.known_names()?))
    }

    /// Whether the person keeps the name that is shown when a record comes with this one: because somebody decided on it, or
    /// because others say that the record's is not to be shown.
    pub(crate) fn keeps_name(&self, name: &str, source: &str, record_key: &str) -> Result<bool, Error> {
        let mut others = self.known_names()?;
        others
            .retain(|known| (known.source.as_deref(), known.record_key.as_deref()) != (Some(source), Some(record_key)));
        let forms: Vec<String> = shown(&self.display_name, &[], &others).forms.into_iter().collect();
        Ok(self.is_decided || (!forms.is_empty() && names::shows_hidden(name, &forms)))
    }

    /// Whether anything but the name itself is known.
    pub(crate) fn is_plain(&self) -> bool {
        self.other_names.as_array().is_none_or(Vec::is_empty)
            && self.hidden_forms.is_none()
            && !self.withholds_published_name
    }
}

/// A decision counts more than what sources say; of these the one that shows least. Only the name that is shown, and others
/// by decision, make words public that a hidden name has too.
fn shown(display_name: &str, told_names: &[String], known: &[KnownName]) -> Shown {
    let key_of = |name: &KnownName| names::identity_key(&name.value);
    let mut uses: BTreeMap<String, NameUse> = BTreeMap::new();
    for name in known.iter().filter(|name| name.source.is_some()) {
        let held = uses.entry(key_of(name)).or_default();
        *held = (*held).max(name.name_use);
    }
    let mut decided: BTreeMap<String, NameUse> = BTreeMap::new();
    for name in known.iter().filter(|name| name.source.is_none()) {
        let held = decided.entry(key_of(name)).or_default();
        *held = (*held).max(name.name_use);
    }
    uses.extend(decided);
    uses.remove(&names::identity_key(display_name));

    let mut seen = BTreeSet::new();
    let mut of_use: BTreeMap<NameUse, Vec<String>> = BTreeMap::new();
    for name in known {
        let key = key_of(name);
        if let Some(name_use) = uses.get(&key)
            && seen.insert(key)
        {
            of_use.entry(*name_use).or_default().push(name.value.clone());
        }
    }
    let mut take = |name_use| of_use.remove(&name_use).unwrap_or_default();
    let (public, search_only_names) = (take(NameUse::Display), take(NameUse::SearchOnly));
    let hidden_names = [search_only_names.clone(), take(NameUse::Private)].concat();
    let forms = names::hidden_forms(
        std::iter::once(display_name).chain(public.iter().map(String::as_str)),
        hidden_names.iter().map(String::as_str),
    );
    let hidden: Vec<String> = forms.iter().cloned().collect();
    let may_be_shown = |name: &&String| {
        let is_hidden = uses.get(&names::identity_key(name)).is_some_and(|name_use| *name_use != NameUse::Display);
        !is_hidden && (hidden.is_empty() || !names::shows_hidden(name, &hidden))
    };
    let mut other_names: Vec<String> = told_names.iter().filter(may_be_shown).cloned().collect();
    other_names.extend(public.into_iter().filter(|name| !told_names.contains(name)));
    Shown { other_names, search_only_names, hidden_names, forms }
}

/// Another name on its way into the directory.
#[derive(Serialize)]
struct NameRow<'a> {
    researcher_id: i64,
    value: &'a str,
    r#use: NameUse,
    name_key: String,
    block: String,
    source: Option<&'a str>,
    record_key: Option<&'a str>,
}

impl Batch<'_> {
    pub(crate) async fn naming(&self, id: i64) -> Result<Naming, Error> {
        let sql = "SELECT person.id, person.slug, person.display_name, person.name_key, person.given_name, person.family_name, \
             person.told_names, person.hidden_forms, person.withholds_published_name, \
             decision.display_name IS NOT NULL AS is_decided, \
             decision.withholds_published_name IS NOT NULL AS is_withholding_decided, \
             coalesce((SELECT jsonb_agg(jsonb_build_object('value', other.value, 'use', other.use, 'source', other.source, \
             'recordKey', other.record_key) ORDER BY other.id) FROM researcher_name AS other \
             WHERE other.researcher_id = person.id), '[]') AS other_names \
             FROM researcher AS person LEFT JOIN name_decision AS decision ON decision.researcher_id = person.id \
             WHERE person.id = ?";
        let found = self.rows::<Naming>(Sql::with(sql, id)).await?.pop();
        found.ok_or_else(|| Error::internal("a person without a row"))
    }

    /// Keeps the names that a record hides; one that tells no other names says nothing of them.
    pub(crate) async fn tell_names(&mut self, id: i64, key: &str, record: &ResearcherRecord) -> Result<(), Error> {
        if record.other_names.is_empty() {
            return Ok(());
        }
        let sql = Sql::with("DELETE FROM researcher_name WHERE source = ? AND record_key = ", self.source);
        self.execute(sql.then_with("?", key)).await?;
        let hidden: Vec<OtherName> = record.other_names.iter().filter(|name| name.is_hidden()).cloned().collect();
        self.add_names(id, &hidden, Some((self.source, key))).await
    }

    /// Adds other names, as a record tells them or as somebody decided.
    pub(crate) async fn add_names(
        &mut self,
        id: i64,
        others: &[OtherName],
        record: Option<(&str, &str)>,
    ) -> Result<(), Error> {
        let rows: Vec<NameRow<'_>> = others
            .iter()
            .map(|name| NameRow {
                researcher_id: id,
                value: &name.value,
                r#use: name.name_use,
                name_key: names::identity_key(&name.value),
                block: Form::new(&name.value).block,
                source: record.map(|(source, _)| source),
                record_key: record.map(|(_, key)| key),
            })
            .collect();
        self.spellings.extend(rows.iter().map(|row| row.name_key.clone()));
        let columns =
            "researcher_id bigint, value text, use text, name_key text, block text, source text, record_key text";
        let insert = "INSERT INTO researcher_name (researcher_id, value, use, name_key, block, source, record_key) \
             SELECT researcher_id, value, use, name_key, block, source, record_key FROM rows";
        self.with_rows(columns, &rows, insert).await
    }

    /// Brings the person's row, address, papers and search in step with what is known of the names now. `was_called` are
    /// names of which no address is to be made any more, public or not.
    pub(crate) async fn settle_names(&mut self, id: i64, was_called: Option<&str>) -> Result<(), Error> {
        let naming = self.naming(id).await?;
        let shown = naming.shown()?;
        let mut forms: Vec<String> = shown.forms.iter().cloned().collect();
        if naming.withholds_published_name {
            forms.push(EVERY_NAME.to_owned());
        }
        let forms = Some(forms).filter(|forms| !forms.is_empty());
        let has_changed = was_called.is_some() || forms != naming.hidden_forms;
        let sql =
            Sql::with("UPDATE researcher SET other_names = ?, search_only_names = ", texts(shown.other_names.clone()))
                .then_with("?, hidden_forms = ", texts(shown.search_only_names.clone()));
        let sql = match forms {
            Some(forms) => sql.then_with("?, updated_at = now() ", texts(forms)),
            None => sql.then("NULL, updated_at = now() "),
        };
        self.execute(sql.then_with("WHERE id = ?", id)).await?;
        self.touched.insert(Kind::Researcher, [id]);
        let is_of_former = was_called.is_some_and(|name| is_made_of(&naming.slug, name));
        if is_of_former || names::slug_shows_hidden(&naming.slug, &shown.forms) {
            self.readdress(&naming).await?;
        }
        if has_changed {
            // The names on the papers are others now, for those who follow what changes.
            let papers = "UPDATE paper SET updated_at = now() WHERE id IN (SELECT paper_id FROM authorship \
                 WHERE researcher_id = ? OR same_as_id = ";
            self.execute(Sql::with(papers, id).then_with("?)", id)).await?;
        }
        Ok(())
    }

    /// Gives somebody the address that the name which is shown makes. The other one leads there from then on.
    async fn readdress(&self, naming: &Naming) -> Result<(), Error> {
        if is_made_of(&naming.slug, &naming.display_name) {
            return Ok(());
        }
        let wanted = names::slug(&naming.display_name, "researcher");
        // The person's own from before is free to them.
        let own = Sql::with("DELETE FROM former_slug WHERE kind = 'researcher' AND slug = ?", wanted.clone());
        self.execute(own.then_with(" AND id = ?", naming.id)).await?;
        let slug = self.slugs("researcher", &[wanted]).await?.pop().unwrap_or_default();
        let sql = Sql::with("UPDATE researcher SET slug = ? ", slug).then_with("WHERE id = ?", naming.id);
        self.execute(sql).await?;
        let former =
            Sql::with("INSERT INTO former_slug (kind, slug, id) VALUES ('researcher', ?, ", naming.slug.clone());
        self.execute(former.then_with("?)", naming.id)).await
    }

    /// Gives somebody the papers of those who are known by nothing but papers under one of their hidden names. Tells who else
    /// is shown under one.
    pub(crate) async fn absorb_namesakes(&mut self, id: i64) -> Result<Vec<GlobalId>, Error> {
        #[derive(FromQueryResult)]
        struct Namesake {
            id: i64,
        }
        let hidden = self.naming(id).await?.shown()?.hidden_names;
        let keys: Vec<String> = hidden.iter().map(|name| names::identity_key(name)).collect();
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let sql = Sql::with(
            "SELECT authorship.id AS authorship_id, paper_id, researcher.id AS former_id, ?::bigint AS researcher_id FROM researcher \
             JOIN authorship ON authorship.researcher_id = researcher.id WHERE researcher.orcid IS NULL AND researcher.name_key ",
            id,
        )
        .then_with("= ANY(?) ", texts(keys.clone()))
        .then_with("AND researcher.id <> ALL(?) ", ids([id]))
        .then(
            "AND NOT EXISTS (SELECT FROM source_record WHERE source_record.researcher_id = researcher.id \
     AND NOT starts_with(source_record.key, 'directory:')) \
             AND NOT EXISTS (SELECT FROM external_id WHERE external_id.researcher_id = researcher.id) \
             AND NOT EXISTS (SELECT FROM affiliation WHERE affiliation.researcher_id = researcher.id) \
             AND NOT EXISTS (SELECT FROM researcher_topic WHERE researcher_topic.researcher_id = researcher.id) \
             AND NOT EXISTS (SELECT FROM researcher_name WHERE researcher_name.researcher_id = researcher.id) \
             AND NOT EXISTS (SELECT FROM name_decision WHERE name_decision.researcher_id = researcher.id) ORDER BY 1",
        );
        let moves = self.rows::<Relocation>(sql).await?;
        if !moves.is_empty() {
            self.relocate(&moves).await?;
        }
        let others = Sql::with("SELECT id FROM researcher WHERE name_key = ANY(?) ", texts(keys));
        let others = self.rows::<Namesake>(others.then_with("AND id <> ? ORDER BY id", id)).await?;
        Ok(others
            .into_iter()
            .map(|row| GlobalId { kind: crate::model::global_id::Kind::Researcher, number: row.id })
            .collect())
    }
}

/// Whether an address is the one that a name makes, with or without a number behind it.
fn is_made_of(slug: &str, name: &str) -> bool {
    let made = names::slug(name, "researcher");
    slug.strip_prefix(&made).is_some_and(|rest| {
        let number = rest.strip_prefix('-').unwrap_or_default();
        rest.is_empty() || (!number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(value: &str, name_use: NameUse, source: Option<&str>) -> KnownName {
        let source = source.map(ToOwned::to_owned);
        KnownName { value: value.to_owned(), name_use, record_key: source.clone(), source }
    }

    fn told(names: &[&str]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_least_that_a_source_shows() {
        let names =
            [known("Anna Lake", NameUse::SearchOnly, Some("one")), known("Anna Lake", NameUse::Private, Some("two"))];
        let shown = shown("Ben Brook", &told(&["A. Lake", "B. Brook", "ANNA LAKE", "Ben Lake"]), &names);
        assert_eq!(shown.other_names, ["B. Brook"]);
        assert_eq!((shown.search_only_names.len(), shown.hidden_names), (0, told(&["Anna Lake"])));
    }

    #[test]
    fn decisions_count_more() {
        let names = [
            known("Anna Lake", NameUse::Private, Some("one")),
            known("Anna Lake", NameUse::Display, None),
            known("Bea Lake", NameUse::SearchOnly, None),
            known("Ben Brook", NameUse::Private, Some("one")),
        ];
        let shown = shown("Ben Brook", &told(&["A. Lake", "Bea Lake"]), &names);
        assert_eq!(shown.other_names, ["A. Lake", "Anna Lake"]);
        assert_eq!((shown.search_only_names, shown.hidden_names), (told(&["Bea Lake"]), told(&["Bea Lake"])));
    }

    #[test]
    fn addresses_of_names() {
        assert!(is_made_of("ida-lake", "Ida Lake") && is_made_of("ida-lake-12", "Ida Lake"));
        assert!(
            !is_made_of("ida-lake-b", "Ida Lake")
                && !is_made_of("ida-lakes", "Ida Lake")
                && !is_made_of("ida", "Ida Lake")
        );
    }
}
