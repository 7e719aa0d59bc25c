//! What a decision changed, row by row, so that undoing it gives back exactly that, and leaves what came later.
//!
//! A snapshot is read before a decision and after it; the journal is the rows in which they differ. Undoing sets a column back
//! only where it still is as the decision left it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use sea_orm::FromQueryResult;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::Error;
use crate::store::access::sql_fragment::{Sql, bigint_array};
use crate::store::ingest::reassign_authorships::Reassignment;
use crate::store::unit_of_work::{UnitOfWork, rows_cte};

/// A row by its columns.
type JsonRow = Map<String, Value>;

/// A table of which rows belong to people.
struct TrackedTable {
    name: &'static str,
    key_columns: &'static [&'static str],
    /// A row as JSON, of the table as `kept`: without what follows from other rows, and without times of change.
    row_sql: &'static str,
    /// Which rows are those of people, or of authorships; the parameter lists their ids.
    scope_sql: &'static str,
    is_by_authorship: bool,
    has_updated_at: bool,
    /// Of which rows, as `rows`, there may be something to write.
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

/// In the order in which they are written. What follows from these rows (counts, pairs, words) is made anew.
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
    fn key_of(&self, row: &JsonRow) -> JsonRow {
        self.key_columns.iter().filter_map(|column| Some(((*column).to_owned(), row.get(*column)?.clone()))).collect()
    }

    /// The key of a row as text, whatever the order of its columns.
    fn key_text(&self, row: &JsonRow) -> String {
        self.key_columns
            .iter()
            .map(|column| row.get(*column).unwrap_or(&Value::Null).to_string())
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// Whether a row has the key that stands in `rows`.
    fn key_matches_sql(&self) -> String {
        let same: Vec<String> =
            self.key_columns.iter().map(|column| format!("kept.{column} = rows.{column}")).collect();
        same.join(" AND ")
    }

    /// `WITH rows AS (…)` over rows of the table, given as one JSON parameter.
    fn rows_cte(&self, rows: &[JsonRow]) -> Result<Sql, Error> {
        let json = serde_json::to_string(rows).map_err(Error::internal)?;
        let text = format!(
            "WITH rows AS MATERIALIZED (SELECT * FROM jsonb_populate_recordset(NULL::{}, ?::text::jsonb)) ",
            self.name
        );
        Ok(Sql::with(&text, json))
    }
}

/// All that belongs to some people.
pub(super) struct ResearcherSnapshot {
    rows: BTreeMap<(usize, String), JsonRow>,
    authorships: Vec<i64>,
}

impl ResearcherSnapshot {
    /// The authorships of which it tells.
    pub(super) fn authorship_ids(&self) -> &[i64] {
        &self.authorships
    }

    /// What is different in another one.
    pub(super) fn diff(&self, after: &ResearcherSnapshot) -> UndoLog {
        let keys: BTreeSet<&(usize, String)> = self.rows.keys().chain(after.rows.keys()).collect();
        let changed = keys.into_iter().filter_map(|key| {
            let table = &TRACKED_TABLES[key.0];
            RowChange::between(table, self.rows.get(key), after.rows.get(key))
        });
        UndoLog(changed.collect())
    }
}

/// What a decision changed, in the order of the tables.
#[derive(Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct UndoLog(Vec<RowChange>);

/// A row that was there, is there, or is another now. Of the latter only the columns that differ are kept.
#[derive(Debug, Serialize, Deserialize)]
struct RowChange {
    table: String,
    key: JsonRow,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    before: Option<JsonRow>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    after: Option<JsonRow>,
}

impl RowChange {
    fn between(table: &TrackedTable, before: Option<&JsonRow>, after: Option<&JsonRow>) -> Option<Self> {
        let key = table.key_of(before.or(after)?);
        let change = |before, after| Self { table: table.name.to_owned(), key, before, after };
        match (before, after) {
            (Some(before), Some(after)) => {
                // The digest tells later whether the source said something else since.
                let is_kept = |column: &str| before.get(column) != after.get(column) || column == "digest";
                let columns = |row: &JsonRow| row.clone().into_iter().filter(|(column, _)| is_kept(column)).collect();
                (before != after).then(|| change(Some(columns(before)), Some(columns(after))))
            }
            (before, after) => Some(change(before.cloned(), after.cloned())),
        }
    }

    fn table(&self) -> Result<&'static TrackedTable, Error> {
        let found = TRACKED_TABLES.iter().find(|table| table.name == self.table);
        found.ok_or_else(|| Error::internal(format!("a decision changed the table {}, which is unknown", self.table)))
    }

    fn find_id(&self, column: &str) -> Option<i64> {
        let value = |row: &Option<JsonRow>| row.as_ref()?.get(column)?.as_i64();
        self.key.get(column).and_then(Value::as_i64).or_else(|| value(&self.before)).or_else(|| value(&self.after))
    }

    /// The columns to set back in the row as it is now.
    fn columns_to_restore(&self, now: &JsonRow) -> JsonRow {
        let (Some(before), Some(after)) = (&self.before, &self.after) else { return JsonRow::new() };
        let is_untouched = |column: &String| now.get(column) == after.get(column);
        let mut set: JsonRow = before
            .iter()
            .filter(|(column, _)| is_untouched(column) && *column != "digest")
            .map(|(column, value)| (column.clone(), value.clone()))
            .collect();
        // What the source said since was written to somebody else: it is to be written again.
        if before.contains_key("digest") && !is_untouched(&"digest".to_owned()) {
            set.insert("digest".to_owned(), Value::from("\\x"));
        }
        set
    }
}

/// What is to be written to a table.
#[derive(Default)]
struct TableWrites {
    deleted: Vec<JsonRow>,
    /// By the columns that are set, the rows with key and these columns.
    updated: BTreeMap<Vec<String>, Vec<JsonRow>>,
    inserted: Vec<JsonRow>,
}

#[derive(FromQueryResult)]
struct SnapshotRow {
    row: Value,
}

fn into_object(value: Value) -> Option<JsonRow> {
    match value {
        Value::Object(row) => Some(row),
        _ => None,
    }
}

impl UndoLog {
    /// The people who came by the decision.
    pub(super) fn created_researchers(&self) -> Vec<i64> {
        let of_people = self.0.iter().filter(|change| change.table == "researcher" && change.before.is_none());
        of_people.filter_map(|change| change.find_id("id")).collect()
    }
}

impl UnitOfWork<'_> {
    /// All that belongs to these people, and these authorships whosever they are.
    pub(super) async fn take_snapshot(&self, people: &[i64], authorships: &[i64]) -> Result<ResearcherSnapshot, Error> {
        let mut rows = BTreeMap::new();
        for (index, table) in TRACKED_TABLES.iter().enumerate() {
            let scope = if table.is_by_authorship { authorships } else { people };
            let sql = format!("SELECT {} AS row FROM {} AS kept WHERE {}", table.row_sql, table.name, table.scope_sql);
            for found in self.rows::<SnapshotRow>(Sql::with(&sql, bigint_array(scope.iter().copied()))).await? {
                let Some(row) = into_object(found.row) else { continue };
                rows.insert((index, table.key_text(&row)), row);
            }
        }
        Ok(ResearcherSnapshot { rows, authorships: authorships.to_vec() })
    }

    /// Gives back what was before, as far as it still is as the decision left it. People who came by the decision stay, with
    /// whatever is theirs besides.
    pub(super) async fn restore_rows(&mut self, journal: &UndoLog) -> Result<(), Error> {
        for change in &journal.0 {
            change.table()?;
        }
        for table in &TRACKED_TABLES {
            let changes: Vec<&RowChange> = journal.0.iter().filter(|change| change.table == table.name).collect();
            if changes.is_empty() {
                continue;
            }
            let now = self.load_current_rows(table, &changes).await?;
            if table.name == "authorship" {
                self.restore_authorships(table, &changes, &now).await?;
                continue;
            }
            let mut plan = plan_undo(table, &changes, &now);
            if table.name == "researcher" {
                // Who came stays for now; and no two people have an ORCID iD for a moment.
                plan.deleted.clear();
                let people = changes.iter().filter(|change| changes_orcid(table, change, &now));
                let without = "UPDATE researcher SET orcid = NULL WHERE orcid IS NOT NULL AND id = ANY(?)";
                self.execute(Sql::with(without, bigint_array(people.filter_map(|change| change.find_id("id")))))
                    .await?;
            }
            self.apply_table_writes(table, plan).await?;
        }
        Ok(())
    }

    /// The rows of a journal as they are now.
    async fn load_current_rows(
        &self,
        table: &TrackedTable,
        changes: &[&RowChange],
    ) -> Result<HashMap<String, JsonRow>, Error> {
        let keys: Vec<JsonRow> = changes.iter().map(|change| change.key.clone()).collect();
        let select = format!(
            "SELECT {} AS row FROM {} AS kept JOIN rows ON {}",
            table.row_sql,
            table.name,
            table.key_matches_sql()
        );
        let found = self.rows::<SnapshotRow>(table.rows_cte(&keys)?.then(select)).await?;
        let rows = found.into_iter().filter_map(|found| into_object(found.row));
        Ok(rows.map(|row| (table.key_text(&row), row)).collect())
    }

    /// Gives authorships back to those who had them.
    async fn restore_authorships(
        &mut self,
        table: &TrackedTable,
        changes: &[&RowChange],
        now: &HashMap<String, JsonRow>,
    ) -> Result<(), Error> {
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
        self.move_authorships(&moves).await?;
        // Places that stay open show the names of whom they showed.
        let open = changes.iter().filter_map(|change| {
            let set = change.columns_to_restore(now.get(&table.key_text(&change.key))?);
            let is_open = change.before.as_ref()?.get("researcher_id").is_none_or(Value::is_null);
            Some((change.find_id("id")?, set.get("same_as_id")?.as_i64())).filter(|_| is_open)
        });
        let rows: Vec<Value> =
            open.map(|(id, same_as_id)| serde_json::json!({ "id": id, "same_as_id": same_as_id })).collect();
        let update = "UPDATE authorship SET same_as_id = rows.same_as_id FROM rows WHERE authorship.id = rows.id \
             AND authorship.researcher_id IS NULL";
        self.execute_with_rows("id bigint, same_as_id bigint", &rows, update).await
    }

    async fn apply_table_writes(&self, table: &TrackedTable, plan: TableWrites) -> Result<(), Error> {
        let name = table.name;
        let columns = self.load_writable_columns(table).await?;
        if !plan.deleted.is_empty() {
            let delete = format!("DELETE FROM {name} AS kept USING rows WHERE {}", table.key_matches_sql());
            self.execute(table.rows_cte(&plan.deleted)?.then(delete)).await?;
        }
        for (set, rows) in plan.updated {
            let set: Vec<String> = set
                .iter()
                .filter(|column| columns.contains(*column))
                .map(|column| format!("{column} = rows.{column}"))
                .chain(table.has_updated_at.then(|| "updated_at = now()".to_owned()))
                .collect();
            if !set.is_empty() {
                let update =
                    format!("UPDATE {name} AS kept SET {} FROM rows WHERE {}", set.join(", "), table.key_matches_sql());
                self.execute(table.rows_cte(&rows)?.then(update)).await?;
            }
        }
        if let Some(row) = plan.inserted.first() {
            // Columns that came since have their defaults, and those that are no more are left out.
            let there: Vec<&str> = row.keys().map(String::as_str).filter(|column| columns.contains(*column)).collect();
            let (there, from) = (there.join(", "), there.join(", rows."));
            let insert =
                format!("INSERT INTO {name} ({there}) SELECT rows.{from} FROM rows WHERE {}", table.insert_guard_sql);
            self.execute(table.rows_cte(&plan.inserted)?.then(insert)).await?;
        }
        if name == "researcher" && !plan.inserted.is_empty() {
            let people: Vec<Value> = plan.inserted.iter().filter_map(|row| row.get("id").cloned()).collect();
            let counts = "INSERT INTO researcher_statistics (researcher_id) SELECT id FROM rows";
            let rows: Vec<Value> = people.into_iter().map(|id| serde_json::json!({ "id": id })).collect();
            self.execute(rows_cte("id bigint", &rows)?.then(counts)).await?;
        }
        Ok(())
    }

    /// The columns of a table that can be written.
    async fn load_writable_columns(&self, table: &TrackedTable) -> Result<HashSet<String>, Error> {
        #[derive(FromQueryResult)]
        struct Column {
            name: String,
        }
        let sql = "SELECT attname::text AS name FROM pg_attribute WHERE attrelid = ?::text::regclass AND attnum > 0 \
             AND NOT attisdropped AND attgenerated = ''";
        Ok(self.rows::<Column>(Sql::with(sql, table.name)).await?.into_iter().map(|column| column.name).collect())
    }
}

/// Whether a person's ORCID iD is to be another, or nobody's.
fn changes_orcid(table: &TrackedTable, change: &RowChange, now: &HashMap<String, JsonRow>) -> bool {
    let now = now.get(&table.key_text(&change.key));
    change.before.is_none() || now.is_some_and(|row| change.columns_to_restore(row).contains_key("orcid"))
}

fn plan_undo(table: &TrackedTable, changes: &[&RowChange], now: &HashMap<String, JsonRow>) -> TableWrites {
    let mut plan = TableWrites::default();
    for change in changes {
        let row = now.get(&table.key_text(&change.key));
        match (&change.before, &change.after, row) {
            (None, _, Some(_)) => plan.deleted.push(change.key.clone()),
            (Some(before), None, None) => plan.inserted.push(before.clone()),
            (Some(_), Some(_), Some(row)) => {
                let set = change.columns_to_restore(row);
                let columns: Vec<String> = set.keys().cloned().collect();
                let row: JsonRow = table.key_of(row).into_iter().chain(set).collect();
                plan.updated.entry(columns).or_default().push(row);
            }
            // It was taken away, or came back, by something else.
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
