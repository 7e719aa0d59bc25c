//! The labels by which things are ordered in each language.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::error::Error;
use crate::model::language::LocalizedText;
use crate::store::access::sql_fragment::ids;
use crate::store::unit_of_work::{Batch, rows_sql};

/// An index entry has a limit, and no reader sorts by what comes after so much. The migration has the same number.
const LONGEST: usize = 200;

#[derive(Serialize)]
struct Row<'a> {
    id: i64,
    language: &'a str,
    sort_name: String,
    languages: Vec<&'a str>,
}

impl Batch<'_> {
    /// Replaces the labels of some things of a table by these.
    pub(crate) async fn labels<'a>(
        &self,
        table: &str,
        things: impl IntoIterator<Item = (i64, &'a LocalizedText)>,
    ) -> Result<(), Error> {
        let mut rows = Vec::new();
        for (id, sort_names) in things {
            let wanted = sort_names.by_wanted();
            let languages: Vec<&str> = wanted.keys().copied().filter(|language| !language.is_empty()).collect();
            rows.extend(wanted.into_iter().map(|(language, name)| Row {
                id,
                language,
                sort_name: name.chars().take(LONGEST).collect(),
                languages: languages.clone(),
            }));
        }
        if rows.is_empty() {
            return Ok(());
        }
        // Whatever is known of the table, which is empty at first: what is there is found by the ids, and compared by hashes.
        let gone = format!(
            ", gone AS (DELETE FROM {table}_label AS label WHERE label.{table}_id = ANY(?) \
             AND (label.{table}_id, label.language) NOT IN (SELECT id, language FROM rows)) "
        );
        let insert = format!(
            "INSERT INTO {table}_label AS label ({table}_id, language, sort_name, languages) \
             SELECT id, language, sort_name, languages FROM rows ON CONFLICT ({table}_id, language) DO UPDATE \
             SET sort_name = EXCLUDED.sort_name, languages = EXCLUDED.languages \
             WHERE label.sort_name <> EXCLUDED.sort_name OR label.languages <> EXCLUDED.languages"
        );
        let things: BTreeSet<i64> = rows.iter().map(|row| row.id).collect();
        let sql = rows_sql("id bigint, language text, sort_name text, languages text[]", &rows)?;
        self.execute(sql.then_with(&gone, ids(things)).then(insert)).await
    }
}
