//! The undo log of a decision: the rows that it changed, so that undoing it restores exactly these and keeps later
//! changes.
//!
//! A snapshot is taken before and after a decision; the log contains the rows in which they differ. Undoing resets a
//! column only if it still has the value that the decision set.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use sea_orm::ActiveValue::Set;
use sea_orm::EntityTrait as _;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::entity::researcher_statistics;
use crate::error::Error;
use crate::store::access::sql_fragment::{Sql, bigint_array, sql};
use crate::store::ingest::reassign_authorships::{Reassignment, move_authorships};
use crate::store::ingest::researcher_matching::clear_orcids;
use crate::store::unit_of_work::UnitOfWork;
use crate::store::unit_of_work::json_rows::json_row;

/// A row as JSON, by column.
type JsonObject = Map<String, Value>;

/// A table with rows that belong to researchers.
struct TrackedTable {
    name: &'static str,
    key_columns: &'static [&'static str],
    /// The row of `kept` as JSON, without derived columns and timestamps.
    row_sql: &'static str,
    /// The condition for the rows of researchers or authorships, whose ids are the parameter.
    scope_sql: &'static str,
    is_by_authorship: bool,
    has_updated_at: bool,
    /// The condition under which a row of `rows` is inserted.
    insert_guard_sql: &'static str,
}

const DEFAULT_TABLE: TrackedTable = TrackedTable {
    name: "",
    key_columns: &["id"],
    row_sql: "to_jsonb(kept)",
    scope_sql: "kept.researcher_id = ANY(?)",
    is_by_authorship: false,
    has_updated_at: false,
    insert_guard_sql: "true",
};

/// The tracked tables, in the order in which they are written. Projections of these rows are refreshed.
const TRACKED_TABLES: [TrackedTable; 12] = [
    TrackedTable {
        name: "researcher",
        row_sql: "to_jsonb(kept) - 'updated_at'",
        scope_sql: "kept.id = ANY(?)",
        has_updated_at: true,
        ..DEFAULT_TABLE
    },
    TrackedTable {
        name: "authorship",
        row_sql: "jsonb_build_object('id', kept.id, 'paper_id', kept.paper_id, 'researcher_id', kept.researcher_id, \
              'same_as_id', kept.same_as_id)",
        scope_sql: "kept.id = ANY(?)",
        is_by_authorship: true,
        ..DEFAULT_TABLE
    },
    TrackedTable { name: "external_id", ..DEFAULT_TABLE },
    TrackedTable {
        name: "affiliation",
        row_sql: "to_jsonb(kept) - '{starts_on,ends_on,updated_at}'::text[]",
        has_updated_at: true,
        ..DEFAULT_TABLE
    },
    TrackedTable { name: "researcher_topic", key_columns: &["researcher_id", "topic_id"], ..DEFAULT_TABLE },
    TrackedTable { name: "source_record", key_columns: &["source", "key"], ..DEFAULT_TABLE },
    TrackedTable { name: "researcher_name", ..DEFAULT_TABLE },
    TrackedTable { name: "name_decision", key_columns: &["researcher_id"], ..DEFAULT_TABLE },
    TrackedTable {
        name: "former_slug",
        key_columns: &["kind", "slug"],
        scope_sql: "kept.kind = 'researcher' AND kept.id = ANY(?)",
        ..DEFAULT_TABLE
    },
    TrackedTable {
        name: "former_identity",
        key_columns: &["kind", "former_id"],
        scope_sql: "kept.kind = 'researcher' AND kept.survivor_id = ANY(?)",
        ..DEFAULT_TABLE
    },
    TrackedTable {
        name: "identity_pin",
        key_columns: &["authorship_id"],
        scope_sql: "kept.authorship_id = ANY(?)",
        is_by_authorship: true,
        ..DEFAULT_TABLE
    },
    TrackedTable {
        name: "authorship_resolution",
        key_columns: &["authorship_id"],
        scope_sql: "kept.authorship_id = ANY(?)",
        is_by_authorship: true,
        insert_guard_sql: "EXISTS (SELECT FROM authorship WHERE authorship.id = rows.authorship_id)",
        ..DEFAULT_TABLE
    },
];

impl TrackedTable {
    fn key_of(&self, row: &JsonObject) -> JsonObject {
        self.key_columns.iter().filter_map(|column| Some(((*column).to_owned(), row.get(*column)?.clone()))).collect()
    }

    /// The key of a row as text, independent of the order of columns.
    fn key_text(&self, row: &JsonObject) -> String {
        self.key_columns
            .iter()
            .map(|column| row.get(*column).unwrap_or(&Value::Null).to_string())
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// The condition that a row has the key of `rows`.
    fn key_matches_sql(&self) -> String {
        let same: Vec<String> =
            self.key_columns.iter().map(|column| format!("kept.{column} = rows.{column}")).collect();
        same.join(" AND ")
    }

    /// `WITH rows AS (…)` over rows of the table that are passed as one JSON parameter.
    fn rows_cte(&self, rows: &[JsonObject]) -> Result<Sql, Error> {
        let json = serde_json::to_string(rows).map_err(Error::internal)?;
        let text = format!(
            "WITH rows AS MATERIALIZED (SELECT * FROM jsonb_populate_recordset(NULL::{}, ?::text::jsonb)) ",
            self.name
        );
        Ok(Sql::with(&text, json))
    }
}

/// The tracked rows of some researchers.
pub(super) struct ResearcherSnapshot {
    rows: BTreeMap<(usize, String), JsonObject>,
    authorships: Vec<i64>,
}

impl ResearcherSnapshot {
    /// The authorships in the snapshot.
    pub(super) fn authorship_ids(&self) -> &[i64] {
        &self.authorships
    }

    /// The differences to a later snapshot.
    pub(super) fn diff(&self, after: &ResearcherSnapshot) -> UndoLog {
        let keys: BTreeSet<&(usize, String)> = self.rows.keys().chain(after.rows.keys()).collect();
        let changed = keys.into_iter().filter_map(|key| {
            let table = &TRACKED_TABLES[key.0];
            RowChange::between(table, self.rows.get(key), after.rows.get(key))
        });
        UndoLog(changed.collect())
    }
}

/// The changes of a decision, in the order of the tables.
#[derive(Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct UndoLog(Vec<RowChange>);

/// A deleted, inserted or updated row. Of an updated row only the columns that differ are stored.
#[derive(Debug, Serialize, Deserialize)]
struct RowChange {
    table: String,
    key: JsonObject,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    before: Option<JsonObject>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    after: Option<JsonObject>,
}

impl RowChange {
    fn between(table: &TrackedTable, before: Option<&JsonObject>, after: Option<&JsonObject>) -> Option<Self> {
        let key = table.key_of(before.or(after)?);
        let change = |before, after| Self { table: table.name.to_owned(), key, before, after };
        match (before, after) {
            (Some(before), Some(after)) => {
                // The digest shows later whether the source record changed since.
                let is_kept = |column: &str| before.get(column) != after.get(column) || column == "digest";
                let columns =
                    |row: &JsonObject| row.clone().into_iter().filter(|(column, _)| is_kept(column)).collect();
                (before != after).then(|| change(Some(columns(before)), Some(columns(after))))
            }
            (before, after) => Some(change(before.cloned(), after.cloned())),
        }
    }

    fn table(&self) -> Result<&'static TrackedTable, Error> {
        let found = TRACKED_TABLES.iter().find(|table| table.name == self.table);
        found.ok_or_else(|| Error::internal(format!("the undo log refers to the unknown table {}", self.table)))
    }

    fn find_id(&self, column: &str) -> Option<i64> {
        let value = |row: &Option<JsonObject>| row.as_ref()?.get(column)?.as_i64();
        self.key.get(column).and_then(Value::as_i64).or_else(|| value(&self.before)).or_else(|| value(&self.after))
    }

    /// The columns to restore in the current row.
    fn columns_to_restore(&self, now: &JsonObject) -> JsonObject {
        let (Some(before), Some(after)) = (&self.before, &self.after) else { return JsonObject::new() };
        let is_untouched = |column: &String| now.get(column) == after.get(column);
        let mut set: JsonObject = before
            .iter()
            .filter(|(column, _)| is_untouched(column) && *column != "digest")
            .map(|(column, value)| (column.clone(), value.clone()))
            .collect();
        // The record was imported into another researcher since; an empty digest makes the next import write it again.
        if before.contains_key("digest") && !is_untouched(&"digest".to_owned()) {
            set.insert("digest".to_owned(), Value::from("\\x"));
        }
        set
    }
}

/// The writes to a table.
#[derive(Default)]
struct TableWrites {
    deleted: Vec<JsonObject>,
    /// Updated rows with their keys, by the columns that are set.
    updated: BTreeMap<Vec<String>, Vec<JsonObject>>,
    inserted: Vec<JsonObject>,
}

fn into_object(value: Value) -> Option<JsonObject> {
    match value {
        Value::Object(row) => Some(row),
        _ => None,
    }
}

impl UndoLog {
    /// The researchers created by the decision.
    pub(super) fn created_researchers(&self) -> Vec<i64> {
        let of_people = self.0.iter().filter(|change| change.table == "researcher" && change.before.is_none());
        of_people.filter_map(|change| change.find_id("id")).collect()
    }
}

/// The rows of these researchers and of these authorships.
pub(super) async fn take_snapshot(
    uow: &UnitOfWork<'_>,
    researchers: &[i64],
    authorships: &[i64],
) -> Result<ResearcherSnapshot, Error> {
    let mut rows = BTreeMap::new();
    for (index, table) in TRACKED_TABLES.iter().enumerate() {
        let scope = if table.is_by_authorship { authorships } else { researchers };
        let sql = format!("SELECT {} AS row FROM {} AS kept WHERE {}", table.row_sql, table.name, table.scope_sql);
        for found in uow.tuples::<Value>(Sql::with(&sql, bigint_array(scope.iter().copied()))).await? {
            let Some(row) = into_object(found) else { continue };
            rows.insert((index, table.key_text(&row)), row);
        }
    }
    Ok(ResearcherSnapshot { rows, authorships: authorships.to_vec() })
}

/// Restores the rows as they were before, unless they changed since. Created researchers stay.
pub(super) async fn restore_rows(uow: &mut UnitOfWork<'_>, log: &UndoLog) -> Result<(), Error> {
    for change in &log.0 {
        change.table()?;
    }
    for table in &TRACKED_TABLES {
        let changes: Vec<&RowChange> = log.0.iter().filter(|change| change.table == table.name).collect();
        if changes.is_empty() {
            continue;
        }
        let now = load_current_rows(uow, table, &changes).await?;
        if table.name == "authorship" {
            restore_authorships(uow, table, &changes, &now).await?;
            continue;
        }
        let mut plan = plan_undo(table, &changes, &now);
        if table.name == "researcher" {
            // Created researchers are deleted later, and ORCID iDs are cleared first, since they are unique.
            plan.deleted.clear();
            let researchers = changes.iter().filter(|change| changes_orcid(table, change, &now));
            clear_orcids(uow, researchers.filter_map(|change| change.find_id("id"))).await?;
        }
        apply_table_writes(uow, table, plan).await?;
    }
    Ok(())
}

/// The current rows of a log.
async fn load_current_rows(
    uow: &UnitOfWork<'_>,
    table: &TrackedTable,
    changes: &[&RowChange],
) -> Result<HashMap<String, JsonObject>, Error> {
    let keys: Vec<JsonObject> = changes.iter().map(|change| change.key.clone()).collect();
    let select =
        format!("SELECT {} AS row FROM {} AS kept JOIN rows ON {}", table.row_sql, table.name, table.key_matches_sql());
    let found = uow.tuples::<Value>(table.rows_cte(&keys)?.then(select)).await?;
    let rows = found.into_iter().filter_map(into_object);
    Ok(rows.map(|row| (table.key_text(&row), row)).collect())
}

/// Moves authorships back to the researchers who had them.
async fn restore_authorships(
    uow: &mut UnitOfWork<'_>,
    table: &TrackedTable,
    changes: &[&RowChange],
    now: &HashMap<String, JsonObject>,
) -> Result<(), Error> {
    json_row! {
        struct UnassignedRow {
            id: i64,
            same_as_id: Option<i64>,
        }
    }
    let moves = changes.iter().filter_map(|change| {
        let row = now.get(&table.key_text(&change.key))?;
        let set = change.columns_to_restore(row);
        Some(Reassignment {
            authorship_id: change.find_id("id")?,
            paper_id: row.get("paper_id")?.as_i64()?,
            former_id: row.get("researcher_id")?.as_i64(),
            researcher_id: set.get("researcher_id")?.as_i64()?,
        })
    });
    let moves: Vec<Reassignment> = moves.collect();
    move_authorships(uow, &moves).await?;
    // Unassigned authorships refer to the same researcher again.
    let unassigned = changes.iter().filter_map(|change| {
        let set = change.columns_to_restore(now.get(&table.key_text(&change.key))?);
        let was_unassigned = change.before.as_ref()?.get("researcher_id").is_none_or(Value::is_null);
        let row = UnassignedRow { id: change.find_id("id")?, same_as_id: set.get("same_as_id")?.as_i64() };
        was_unassigned.then_some(row)
    });
    let rows: Vec<UnassignedRow> = unassigned.collect();
    let update = "UPDATE authorship SET same_as_id = rows.same_as_id FROM rows WHERE authorship.id = rows.id \
         AND authorship.researcher_id IS NULL";
    uow.execute_with_rows(&rows, update).await
}

async fn apply_table_writes(uow: &UnitOfWork<'_>, table: &TrackedTable, plan: TableWrites) -> Result<(), Error> {
    let name = table.name;
    if !plan.deleted.is_empty() {
        let delete = format!("DELETE FROM {name} AS kept USING rows WHERE {}", table.key_matches_sql());
        uow.execute(table.rows_cte(&plan.deleted)?.then(delete)).await?;
    }
    if plan.updated.is_empty() && plan.inserted.is_empty() {
        return Ok(());
    }
    let columns = load_writable_columns(uow, table).await?;
    for (set, rows) in plan.updated {
        let mut set: Vec<String> = set
            .iter()
            .filter(|column| columns.contains(*column))
            .map(|column| format!("{column} = rows.{column}"))
            .collect();
        if set.is_empty() {
            continue;
        }
        set.extend(table.has_updated_at.then(|| "updated_at = statement_timestamp()".to_owned()));
        let update =
            format!("UPDATE {name} AS kept SET {} FROM rows WHERE {}", set.join(", "), table.key_matches_sql());
        uow.execute(table.rows_cte(&rows)?.then(update)).await?;
    }
    if let Some(row) = plan.inserted.first() {
        // New columns get their defaults, and removed ones are skipped.
        let columns_present: Vec<&str> =
            row.keys().map(String::as_str).filter(|column| columns.contains(*column)).collect();
        let (columns_present, from) = (columns_present.join(", "), columns_present.join(", rows."));
        let insert = format!(
            "INSERT INTO {name} ({columns_present}) SELECT rows.{from} FROM rows WHERE {}",
            table.insert_guard_sql
        );
        uow.execute(table.rows_cte(&plan.inserted)?.then(insert)).await?;
    }
    if name == "researcher" && !plan.inserted.is_empty() {
        let researchers = plan.inserted.iter().filter_map(|row| row.get("id").and_then(Value::as_i64));
        let counts =
            researchers.map(|id| researcher_statistics::ActiveModel { researcher_id: Set(id), ..Default::default() });
        researcher_statistics::Entity::insert_many(counts).exec_without_returning(uow.db()).await?;
    }
    Ok(())
}

/// The columns of a table that can be written.
async fn load_writable_columns(uow: &UnitOfWork<'_>, table: &TrackedTable) -> Result<HashSet<String>, Error> {
    let columns = sql!(
        "SELECT attname::text FROM pg_attribute WHERE attrelid = ?::text::regclass AND attnum > 0 \
         AND NOT attisdropped AND attgenerated = ''",
        table.name,
    );
    Ok(uow.tuples(columns).await?.into_iter().collect())
}

/// Whether the change restores or removes an ORCID iD.
fn changes_orcid(table: &TrackedTable, change: &RowChange, now: &HashMap<String, JsonObject>) -> bool {
    let now = now.get(&table.key_text(&change.key));
    change.before.is_none() || now.is_some_and(|row| change.columns_to_restore(row).contains_key("orcid"))
}

fn plan_undo(table: &TrackedTable, changes: &[&RowChange], now: &HashMap<String, JsonObject>) -> TableWrites {
    let mut plan = TableWrites::default();
    for change in changes {
        let row = now.get(&table.key_text(&change.key));
        match (&change.before, &change.after, row) {
            (None, _, Some(_)) => plan.deleted.push(change.key.clone()),
            (Some(before), None, None) => plan.inserted.push(before.clone()),
            (Some(_), Some(_), Some(row)) => {
                let set = change.columns_to_restore(row);
                if set.is_empty() {
                    continue;
                }
                let columns: Vec<String> = set.keys().cloned().collect();
                let row: JsonObject = table.key_of(row).into_iter().chain(set).collect();
                plan.updated.entry(columns).or_default().push(row);
            }
            // It was deleted or inserted again since.
            _ => {}
        }
    }
    plan
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names of tables and of their key columns are stored in `identity_decision.before`.
    #[test]
    fn tracked_tables_are_stable() {
        let tables: Vec<String> =
            TRACKED_TABLES.iter().map(|table| format!("{} {}", table.name, table.key_columns.join("+"))).collect();
        assert_eq!(
            tables,
            [
                "researcher id",
                "authorship id",
                "external_id id",
                "affiliation id",
                "researcher_topic researcher_id+topic_id",
                "source_record source+key",
                "researcher_name id",
                "name_decision researcher_id",
                "former_slug kind+slug",
                "former_identity kind+former_id",
                "identity_pin authorship_id",
                "authorship_resolution authorship_id",
            ]
        );
    }

    /// The undo log itself is stored in `identity_decision.before` too.
    #[test]
    fn undo_log_as_json_is_stable() {
        let json = r#"[{"table":"external_id","key":{"id":1},"before":{"value":"a"},"after":{"value":"b"}},{"table":"researcher","key":{"id":2},"after":{}}]"#;
        let log: UndoLog = serde_json::from_str(json).expect("an undo log");
        assert_eq!(serde_json::to_string(&log).expect("JSON"), json);
    }
}
