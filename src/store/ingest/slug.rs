//! Unique slugs.

use std::collections::{HashMap, HashSet};

use sea_orm::FromQueryResult;

use crate::error::Error;
use crate::store::access::sql_fragment::{Sql, text_array};
use crate::store::unit_of_work::UnitOfWork;

#[derive(FromQueryResult)]
struct SlugUsage {
    base: String,
    is_taken: bool,
    highest: Option<i32>,
}

/// A free slug for each requested one: the slug itself, or with the next free number appended.
pub(crate) async fn allocate_slugs(uow: &UnitOfWork<'_>, table: &str, wanted: &[String]) -> Result<Vec<String>, Error> {
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
    let sql = Sql::from(sql).then_with("?::text[]) AS wanted(base)", text_array(bases.into_iter().cloned()));
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
