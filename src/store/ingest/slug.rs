//! Unique slugs.

use std::collections::{HashMap, HashSet};

use sea_orm::FromQueryResult;

use crate::error::Error;
use crate::model::entity_type::EntityType;
use crate::store::access::sql_fragment::{Sql, bigint_array, sql, text_array};
use crate::store::unit_of_work::UnitOfWork;
use crate::store::unit_of_work::json_rows::json_row;
use crate::text::names;

#[derive(FromQueryResult)]
struct SlugUsage {
    base: String,
    is_taken: bool,
    highest: Option<i32>,
}

/// The slug made from the name or title of an entity; the name of its table if the text has neither letters nor digits.
pub(crate) fn slug_of_text(text: &str, kind: EntityType) -> String {
    names::slug(text, kind.table())
}

/// A free slug, as [`allocate_slugs`].
pub(crate) async fn allocate_slug(uow: &UnitOfWork<'_>, kind: EntityType, wanted: &str) -> Result<String, Error> {
    let slug = allocate_slugs(uow, kind, &[wanted.to_owned()]).await?.pop();
    slug.ok_or_else(|| Error::internal("no free slug"))
}

/// A free slug for each requested one: the slug itself, or with the next free number appended.
pub(crate) async fn allocate_slugs(
    uow: &UnitOfWork<'_>,
    kind: EntityType,
    wanted: &[String],
) -> Result<Vec<String>, Error> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let table = kind.table();
    let bases: HashSet<&String> = wanted.iter().collect();
    let sql = format!(
        "SELECT wanted.base, EXISTS (SELECT FROM {table} WHERE slug = wanted.base) OR EXISTS (SELECT FROM former_identity \
         WHERE kind = '{table}' AND former_slug = wanted.base) OR EXISTS (SELECT FROM former_slug \
         WHERE kind = '{table}' AND slug = wanted.base) AS is_taken, \
         (SELECT max(substr(slug, length(wanted.base) + 2)::integer) FROM (SELECT slug FROM {table} \
         WHERE slug >= wanted.base || '-0' AND slug < wanted.base || '-:' UNION ALL SELECT former_slug FROM former_identity \
         WHERE kind = '{table}' AND former_slug >= wanted.base || '-0' AND former_slug < wanted.base || '-:' \
         UNION ALL SELECT slug FROM former_slug \
         WHERE kind = '{table}' AND slug >= wanted.base || '-0' AND slug < wanted.base || '-:') AS near \
         WHERE slug ~ ('^' || wanted.base || '-[0-9]{{1,7}}$')) AS highest FROM unnest("
    );
    let sql = Sql::from(sql).then(sql!("?::text[]) AS wanted(base)", text_array(bases.into_iter().cloned())));
    let rows = uow.rows::<SlugUsage>(sql).await?;
    let mut next: HashMap<String, Option<i32>> =
        rows.into_iter().map(|row| (row.base, row.is_taken.then(|| row.highest.unwrap_or(1).max(1) + 1))).collect();
    let mut allocated: HashSet<String> = HashSet::new();
    let mut free = |base: &String| loop {
        let number = next.entry(base.clone()).or_default();
        let candidate = number.map_or_else(|| base.clone(), |number| format!("{base}-{number}"));
        *number = Some(number.map_or(2, |number| number + 1));
        if allocated.insert(candidate.clone()) {
            return candidate;
        }
    };
    Ok(wanted.iter().map(&mut free).collect())
}

json_row! {
    struct SlugRow<'a> {
        id: i64,
        slug: &'a str,
    }
}

/// Gives entities of which no source had a record yet the slugs that their first records ask for, so that the order of
/// imports does not matter. Their present slugs, made from what other records call them, redirect. Returns the ids of
/// these entities.
pub(crate) async fn rename_placeholders(
    uow: &UnitOfWork<'_>,
    kind: EntityType,
    wanted: &[(i64, String)],
) -> Result<HashSet<i64>, Error> {
    #[derive(FromQueryResult)]
    struct PlaceholderRow {
        id: i64,
        slug: String,
    }
    if wanted.is_empty() {
        return Ok(HashSet::new());
    }
    let (table, column) = (kind.table(), kind.reference_column());
    let sql = format!(
        "SELECT id, slug FROM {table} WHERE NOT EXISTS (SELECT FROM source_record WHERE source_record.{column} = {table}.id) \
         AND id = ANY(?) ORDER BY id"
    );
    let placeholders =
        uow.rows::<PlaceholderRow>(Sql::with(&sql, bigint_array(wanted.iter().map(|(id, _)| *id)))).await?;
    let wanted: HashMap<i64, &String> = wanted.iter().map(|(id, slug)| (*id, slug)).collect();
    let is_other = |row: &&PlaceholderRow| wanted.get(&row.id).is_some_and(|slug| !is_numbered(&row.slug, slug));
    let renamed: Vec<&PlaceholderRow> = placeholders.iter().filter(is_other).collect();
    let ids = placeholders.iter().map(|row| row.id).collect();
    if renamed.is_empty() {
        return Ok(ids);
    }
    let requested: Vec<String> = renamed.iter().map(|row| wanted[&row.id].clone()).collect();
    let slugs = allocate_slugs(uow, kind, &requested).await?;
    let rows: Vec<SlugRow<'_>> = renamed.iter().zip(&slugs).map(|(row, slug)| SlugRow { id: row.id, slug }).collect();
    let rename = format!(
        ", former AS (INSERT INTO former_slug (kind, slug, id) SELECT '{table}', {table}.slug, {table}.id \
         FROM rows JOIN {table} ON {table}.id = rows.id) \
         UPDATE {table} SET slug = rows.slug FROM rows WHERE {table}.id = rows.id"
    );
    uow.execute_with_rows(&rows, &rename).await?;
    Ok(ids)
}

/// Whether a slug is the requested one, with or without a number.
pub(crate) fn is_numbered(slug: &str, requested: &str) -> bool {
    slug.strip_prefix(requested).is_some_and(|rest| {
        let number = rest.strip_prefix('-').unwrap_or_default();
        rest.is_empty() || (!number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbered_slugs() {
        assert!(is_numbered("ida-lake", "ida-lake") && is_numbered("ida-lake-12", "ida-lake"));
        assert!(!["ida-lake-b", "ida-lakes", "ida", "ida-lake-"].iter().any(|slug| is_numbered(slug, "ida-lake")));
    }
}
