//! Visibility of names: which names of a researcher are displayed, only searchable, or private.
//!
//! Sources provide names and decisions override them. The researcher's row, slug and search entries change in the same
//! transaction.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::ActiveValue::{Set, Unchanged};
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, ExprTrait as _, FromQueryResult, QueryFilter as _, QuerySelect as _,
    QueryTrait as _,
};
use serde::Deserialize;
use serde_json::Value;

use crate::entity::{authorship, former_slug, paper, researcher, researcher_name, statement_timestamp};
use crate::error::Error;
use crate::model::entity_type::EntityType;
use crate::model::record::{NameUse, OtherName, ResearcherRecord};
use crate::store::access::sql_fragment::sql;
use crate::store::ingest::slug::{allocate_slug, is_numbered, slug_of_text};
use crate::store::unit_of_work::UnitOfWork;
use crate::store::unit_of_work::json_rows::json_row;
use crate::text::names::{self, NameForm, WILDCARD_FORM};

/// A name besides the display name, with its origin.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StoredName {
    pub value: String,
    #[serde(rename = "use")]
    pub name_use: NameUse,
    /// The source and key of the record that provides it; none for a decision.
    pub source: Option<String>,
    pub record_key: Option<String>,
}

/// All names of a researcher.
#[derive(Clone, Debug, FromQueryResult)]
pub(crate) struct ResearcherNames {
    pub id: i64,
    pub slug: String,
    pub display_name: String,
    pub name_key: String,
    pub given_name: Option<String>,
    pub family_name: Option<String>,
    pub told_names: Vec<String>,
    pub hidden_forms: Option<Vec<String>>,
    pub withholds_published_name: bool,
    /// Whether the display name was decided.
    pub is_decided: bool,
    /// Whether suppression of published names was decided.
    pub is_withholding_decided: bool,
    other_names: Value,
}

/// The names that may be displayed, and those that are hidden.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct VisibleNames {
    pub other_names: Vec<String>,
    pub search_only_names: Vec<String>,
    pub hidden_names: Vec<String>,
    /// Without the wildcard form.
    pub hidden_forms: BTreeSet<String>,
}

impl ResearcherNames {
    pub(crate) fn stored_names(&self) -> Result<Vec<StoredName>, Error> {
        serde_json::from_value(self.other_names.clone()).map_err(Error::internal)
    }

    /// The visible names by all records and decisions.
    pub(crate) fn visible(&self) -> Result<VisibleNames, Error> {
        Ok(visible_names(&self.display_name, &self.told_names, &self.stored_names()?))
    }

    /// Whether the display name stays when a record provides this one: because it was decided, or because another
    /// record hides the record's name.
    pub(crate) fn retains_display_name(&self, name: &str, source: &str, record_key: &str) -> Result<bool, Error> {
        let mut others = self.stored_names()?;
        others.retain(|stored| {
            (stored.source.as_deref(), stored.record_key.as_deref()) != (Some(source), Some(record_key))
        });
        let forms: Vec<String> = visible_names(&self.display_name, &[], &others).hidden_forms.into_iter().collect();
        Ok(self.is_decided || (!forms.is_empty() && names::name_reveals_hidden(name, &forms)))
    }

    /// Whether there is nothing but the display name.
    pub(crate) fn has_only_display_name(&self) -> bool {
        self.other_names.as_array().is_none_or(Vec::is_empty)
            && self.hidden_forms.is_none()
            && !self.withholds_published_name
    }
}

/// Decisions have precedence over sources, and of the sources the most restrictive one. Only the display name and other
/// decided names reveal words that a hidden name has too.
fn visible_names(display_name: &str, told_names: &[String], stored: &[StoredName]) -> VisibleNames {
    let key_of = |name: &StoredName| names::name_key(&name.value);
    let mut uses: BTreeMap<String, NameUse> = BTreeMap::new();
    for name in stored.iter().filter(|name| name.source.is_some()) {
        let name_use = uses.entry(key_of(name)).or_default();
        *name_use = Ord::max(*name_use, name.name_use);
    }
    let mut decided: BTreeMap<String, NameUse> = BTreeMap::new();
    for name in stored.iter().filter(|name| name.source.is_none()) {
        let name_use = decided.entry(key_of(name)).or_default();
        *name_use = Ord::max(*name_use, name.name_use);
    }
    uses.extend(decided);
    uses.remove(&names::name_key(display_name));

    let mut seen = BTreeSet::new();
    let mut of_use: BTreeMap<NameUse, Vec<String>> = BTreeMap::new();
    for name in stored {
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
        let is_hidden = uses.get(&names::name_key(name)).is_some_and(|name_use| *name_use != NameUse::Display);
        !is_hidden && (hidden.is_empty() || !names::name_reveals_hidden(name, &hidden))
    };
    let mut other_names: Vec<String> = told_names.iter().filter(may_be_shown).cloned().collect();
    other_names.extend(public.into_iter().filter(|name| !told_names.contains(name)));
    VisibleNames { other_names, search_only_names, hidden_names, hidden_forms: forms }
}

json_row! {
    /// A row of `researcher_name`.
    struct ResearcherNameRow<'a> {
        researcher_id: i64,
        value: &'a str,
        r#use: NameUse,
        name_key: String,
        block: String,
        source: Option<&'a str>,
        record_key: Option<&'a str>,
    }
}

/// All names of a researcher.
pub(crate) async fn load_names(uow: &UnitOfWork<'_>, id: i64) -> Result<ResearcherNames, Error> {
    let found = uow.rows::<ResearcherNames>(sql!(
        "SELECT person.id, person.slug, person.display_name, person.name_key, person.given_name, person.family_name, \
         person.told_names, person.hidden_forms, person.withholds_published_name, \
         decision.display_name IS NOT NULL AS is_decided, decision.withholds_published_name IS NOT NULL AS \
         is_withholding_decided, coalesce((SELECT jsonb_agg(jsonb_build_object('value', other.value, 'use', \
         other.use, 'source', other.source, 'recordKey', other.record_key) ORDER BY other.id) \
         FROM researcher_name AS other WHERE other.researcher_id = person.id), '[]') AS other_names \
         FROM researcher AS person LEFT JOIN name_decision AS decision ON decision.researcher_id = person.id \
         WHERE person.id = ?",
        id,
    )).await?.pop();
    found.ok_or_else(|| Error::internal("a researcher without a row"))
}

/// Replaces the hidden names that a record provides. A record without other names changes nothing.
pub(crate) async fn replace_source_names(
    uow: &mut UnitOfWork<'_>,
    id: i64,
    key: &str,
    record: &ResearcherRecord,
) -> Result<(), Error> {
    if record.other_names.is_empty() {
        return Ok(());
    }
    researcher_name::Entity::delete_many()
        .filter(researcher_name::COLUMN.source.eq(uow.source()))
        .filter(researcher_name::COLUMN.record_key.eq(key))
        .exec(uow.db())
        .await?;
    let hidden: Vec<OtherName> = record.other_names.iter().filter(|name| name.is_hidden()).cloned().collect();
    add_other_names(uow, id, &hidden, Some((uow.source(), key))).await
}

/// Adds other names, provided by a record or decided.
pub(crate) async fn add_other_names(
    uow: &mut UnitOfWork<'_>,
    id: i64,
    others: &[OtherName],
    record: Option<(&str, &str)>,
) -> Result<(), Error> {
    let rows: Vec<ResearcherNameRow<'_>> = others
        .iter()
        .map(|name| ResearcherNameRow {
            researcher_id: id,
            value: &name.value,
            r#use: name.name_use,
            name_key: names::name_key(&name.value),
            block: NameForm::new(&name.value).blocking_key,
            source: record.map(|(source, _)| source),
            record_key: record.map(|(_, key)| key),
        })
        .collect();
    uow.dirty.spellings.extend(rows.iter().map(|row| row.name_key.clone()));
    let insert = "INSERT INTO researcher_name (researcher_id, value, use, name_key, block, source, record_key) \
         SELECT researcher_id, value, use, name_key, block, source, record_key FROM rows";
    uow.execute_with_rows(&rows, insert).await
}

/// Updates the researcher's row, slug, papers and search entries after a change of names. No slug is made of
/// `former_name` any more, whether it is public or not.
pub(crate) async fn recompute_names(uow: &mut UnitOfWork<'_>, id: i64, former_name: Option<&str>) -> Result<(), Error> {
    let names_of = load_names(uow, id).await?;
    let visible = names_of.visible()?;
    let mut forms: Vec<String> = visible.hidden_forms.iter().cloned().collect();
    if names_of.withholds_published_name {
        forms.push(WILDCARD_FORM.to_owned());
    }
    let forms = Some(forms).filter(|forms| !forms.is_empty());
    let has_changed = former_name.is_some() || forms != names_of.hidden_forms;
    let names = researcher::ActiveModel {
        other_names: Set(visible.other_names.clone()),
        search_only_names: Set(visible.search_only_names.clone()),
        hidden_forms: Set(forms),
        ..Default::default()
    };
    researcher::Entity::update_many()
        .set(names)
        .col_expr(researcher::Column::UpdatedAt, statement_timestamp())
        .filter(researcher::COLUMN.id.eq(id))
        .exec(uow.db())
        .await?;
    uow.mark_dirty(EntityType::Researcher, [id]);
    let is_of_former_name =
        former_name.is_some_and(|name| is_numbered(&names_of.slug, &slug_of_text(name, EntityType::Researcher)));
    if is_of_former_name || names::slug_reveals_hidden(&names_of.slug, &visible.hidden_forms) {
        regenerate_slug(uow, &names_of).await?;
    }
    if has_changed {
        // The displayed names on the papers changed, for those who poll for changes.
        let papers = authorship::Entity::find()
            .select_only()
            .column(authorship::Column::PaperId)
            .filter(authorship::COLUMN.researcher_id.eq(id).or(authorship::COLUMN.same_as_id.eq(id)));
        paper::Entity::update_many()
            .col_expr(paper::Column::UpdatedAt, statement_timestamp())
            .filter(paper::COLUMN.id.in_subquery(papers.into_query()))
            .exec(uow.db())
            .await?;
    }
    Ok(())
}

/// Makes the slug of the display name. The former slug redirects.
async fn regenerate_slug(uow: &UnitOfWork<'_>, names_of: &ResearcherNames) -> Result<(), Error> {
    if is_numbered(&names_of.slug, &slug_of_text(&names_of.display_name, EntityType::Researcher)) {
        return Ok(());
    }
    let slug_of_name = slug_of_text(&names_of.display_name, EntityType::Researcher);
    // A former slug of the researcher is free for them.
    former_slug::Entity::delete_many()
        .filter(former_slug::Column::Kind.eq(EntityType::Researcher))
        .filter(former_slug::COLUMN.slug.eq(slug_of_name.as_str()))
        .filter(former_slug::COLUMN.id.eq(names_of.id))
        .exec(uow.db())
        .await?;
    let slug = allocate_slug(uow, EntityType::Researcher, &slug_of_name).await?;
    let renamed = researcher::ActiveModel { id: Unchanged(names_of.id), slug: Set(slug), ..Default::default() };
    researcher::Entity::update(renamed).exec_without_returning(uow.db()).await?;
    let former = former_slug::ActiveModel {
        kind: Set(EntityType::Researcher),
        slug: Set(names_of.slug.clone()),
        id: Set(names_of.id),
    };
    former_slug::Entity::insert(former).exec_without_returning(uow.db()).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(value: &str, name_use: NameUse, source: Option<&str>) -> StoredName {
        let source = source.map(ToOwned::to_owned);
        StoredName { value: value.to_owned(), name_use, record_key: source.clone(), source }
    }

    fn texts(names: &[&str]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_most_restrictive_source_wins() {
        let names =
            [stored("Anna Lake", NameUse::SearchOnly, Some("one")), stored("Anna Lake", NameUse::Private, Some("two"))];
        let visible = visible_names("Ben Brook", &texts(&["A. Lake", "B. Brook", "ANNA LAKE", "Ben Lake"]), &names);
        assert_eq!(visible.other_names, ["B. Brook"]);
        assert_eq!((visible.search_only_names.len(), visible.hidden_names), (0, texts(&["Anna Lake"])));
    }

    #[test]
    fn decisions_have_precedence() {
        let names = [
            stored("Anna Lake", NameUse::Private, Some("one")),
            stored("Anna Lake", NameUse::Display, None),
            stored("Bea Lake", NameUse::SearchOnly, None),
            stored("Ben Brook", NameUse::Private, Some("one")),
        ];
        let visible = visible_names("Ben Brook", &texts(&["A. Lake", "Bea Lake"]), &names);
        assert_eq!(visible.other_names, ["A. Lake", "Anna Lake"]);
        assert_eq!((visible.search_only_names, visible.hidden_names), (texts(&["Bea Lake"]), texts(&["Bea Lake"])));
    }
}
