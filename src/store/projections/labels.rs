//! Labels by which organizations and topics are sorted, one for each language that a reader may request.

use std::collections::BTreeSet;

use crate::error::Error;
use crate::model::entity_type::EntityType;
use crate::model::language::LocalizedText;
use crate::store::access::sql_fragment::bigint_array;
use crate::store::unit_of_work::json_rows::{json_row, rows_cte};
use crate::store::unit_of_work::{Projection, ProjectionEvent, ProjectionFuture, UnitOfWork};

/// Maximum length of a stored label, since index entries have a limit. The migration has the same number.
const MAX_SORT_NAME_CHARS: usize = 200;

/// `organization_label` and `topic_label`.
#[derive(Debug)]
pub(crate) struct Labels;

impl Projection for Labels {
    fn on_event<'u>(&'u self, uow: &'u mut UnitOfWork<'_>, event: ProjectionEvent<'u>) -> ProjectionFuture<'u> {
        Box::pin(async move {
            match event {
                ProjectionEvent::SortNamesChanged { kind, sort_names } => replace_labels(uow, kind, sort_names).await,
                _ => Ok(()),
            }
        })
    }
}

json_row! {
    struct LabelRow<'a> {
        id: i64,
        language: &'a str,
        sort_name: String,
        languages: Vec<&'a str>,
    }
}

/// Replaces the labels of entities of a type.
async fn replace_labels(
    uow: &UnitOfWork<'_>,
    kind: EntityType,
    sort_names: &[(i64, &LocalizedText)],
) -> Result<(), Error> {
    let mut rows = Vec::new();
    for (id, sort_names) in sort_names.iter().copied() {
        let labels = sort_names.by_requested_tag();
        let languages: Vec<&str> = labels.keys().copied().filter(|language| !language.is_empty()).collect();
        rows.extend(labels.into_iter().map(|(language, name)| LabelRow {
            id,
            language,
            sort_name: name.chars().take(MAX_SORT_NAME_CHARS).collect(),
            languages: languages.clone(),
        }));
    }
    if rows.is_empty() {
        return Ok(());
    }
    let (table, column) = (kind.table(), kind.reference_column());
    // Finds rows by the ids and compares them by hashes, also if the plan was made while the table was empty.
    let gone = format!(
        ", gone AS (DELETE FROM {table}_label AS label WHERE label.{column} = ANY(?) \
         AND (label.{column}, label.language) NOT IN (SELECT id, language FROM rows)) "
    );
    let insert = format!(
        "INSERT INTO {table}_label AS label ({column}, language, sort_name, languages) \
         SELECT id, language, sort_name, languages FROM rows ON CONFLICT ({column}, language) DO UPDATE \
         SET sort_name = EXCLUDED.sort_name, languages = EXCLUDED.languages \
         WHERE label.sort_name <> EXCLUDED.sort_name OR label.languages <> EXCLUDED.languages"
    );
    let ids: BTreeSet<i64> = rows.iter().map(|row| row.id).collect();
    let sql = rows_cte(&rows)?;
    uow.execute(sql.then_with(&gone, bigint_array(ids)).then(insert)).await
}
