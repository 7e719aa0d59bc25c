//! What a decision changed, row by row, so that undoing it gives back exactly that, and leaves what came later.
//!
//! A snapshot is read before a decision and after it; the journal is the rows in which they differ. Undoing sets a column back
//! only where it still is as the decision left it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use sea_orm::FromQueryResult;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::Error;
use crate::store::access::sql_fragment::{Sql, ids};
use crate::store::ingest::reassign_authorships::Relocation;
use crate::store::unit_of_work::{Batch, rows_sql};

/// A row by its columns.
type Row = Map<String, Value>;

/// A table of which rows belong to people.
struct Table {
    name: &'static str,
    key: &'static [&'static str],
    /// A row as JSON, of the table as `kept`: without what follows from other rows, and without times of change.
    row: &'static str,
    /// Which rows are those of people, or of authorships; the parameter lists their ids.
    scope: &'static str,
    is_by_authorship: bool,
    has_updated_at: bool,
    /// Of which rows, as `rows`, there may be something to write.
    guard: &'static str,
}

const PLAIN: Table = Table {
    name: "",
    key: &["id"],
    row: "to_jsonb(kept)",
    scope: "kept.researcher_id = ANY(?)",
    is_by_authorship: false,
    has_updated_at: false,
    guard: "true",
};

/// In the order in which they are written. What follows from these rows (counts, pairs, words) is made anew.
const TABLES: [Table; 12] = [
    Table {
        name: "researcher",
        row: "to_jsonb(kept) - 'updated_at'",
        scope: "kept.id = ANY(?)",
        has_updated_at: true,
        ..PLAIN
    },
    Table {
        name: "authorship",
        row: "jsonb_build_object('id', kept.id, 'paper_id', kept.paper_id, 'researcher_id', kept.researcher_id, \
              'same_as_id', kept.same_as_id)",
        scope: "kept.id = ANY(?)",
        is_by_authorship: true,
        ..PLAIN
    },
    Table { name: "external_id", ..PLAIN },
    Table {
        name: "affiliation",
        row: "to_jsonb(kept) - '{starts_on,ends_on,updated_at}'::text[]",
        has_updated_at: true,
        ..PLAIN
    },
    Table { name: "researcher_topic", key: &["researcher_id", "topic_id"], ..PLAIN },
    Table { name: "source_record", key: &["source", "key"], ..PLAIN },
    Table { name: "researcher_name", ..PLAIN },
    Table { name: "name_decision", key: &["researcher_id"], ..PLAIN },
    Table {
        name: "former_slug",
        key: &["kind", "slug"],
        scope: "kept.kind = 'researcher' AND kept.id = ANY(?)",
        ..PLAIN
    },
    Table {
        name: "former_identity",
        key: &["kind", "former_id"],
        scope: "kept.kind = 'researcher' AND kept.survivor_id = ANY(?)",
        ..PLAIN
    },
    Table {
        name: "identity_pin",
        key: &["authorship_id"],
        scope: "kept.authorship_id = ANY(?)",
        is_by_authorship: true,
        ..PLAIN
    },
    Table {
        name: "authorship_resolution",
        key: &["authorship_id"],
        scope: "kept.authorship_id = ANY(?)",
        is_by_authorship: true,
        guard: "EXISTS (SELECT FROM authorship WHERE authorship.id = rows.authorship_id)",
        ..PLAIN
    },
];

impl Table {
    fn key_of(&self, row: &Row) -> Row {
        self.key.iter().filter_map(|column| Some(((*column).to_owned(), row.get(*column)?.clone()))).collect()
    }

    /// The key of a row as text, whatever the order of its columns.
    fn key_text(&self, row: &Row) -> String {
        self.key.iter().map(|column| row.get(*column).unwrap_or(&Value::Null).to_string()).collect::<Vec<_>>().join(" ")
    }

    /// Whether a row has the key that stands in `rows`.
    fn is_same(&self) -> String {
        let same: Vec<String> = self.key.iter().map(|column| format!("kept.{column} = rows.{column}")).collect();
        same.join(" AND ")
    }

    /// `WITH rows AS (…)` over rows of the table, given as one JSON parameter.
    fn rows(&self, rows: &[Row]) -> Result<Sql, Error> {
        let json = serde_json::to_string(rows).map_err(Error::internal)?;
        let text = format!(
            "WITH rows AS MATERIALIZED (SELECT * FROM jsonb_populate_recordset(NULL::{}, ?::text::jsonb)) ",
            self.name
        );
        Ok(Sql::with(&text, json))
    }
}

/// All that belongs to some people.
pub(super) struct Snapshot {
    rows: BTreeMap<(usize, String), Row>,
    authorships: Vec<i64>,
}

impl Snapshot {
    /// The authorships of which it tells.
    pub(super) fn authorships(&self) -> &[i64] {
        &self.authorships
    }

    /// What is different in another one.
    pub(super) fn journal(&self, after: &Snapshot) -> Journal {
        let keys: BTreeSet<&(usize, String)> = self.rows.keys().chain(after.rows.keys()).collect();
        let changed = keys.into_iter().filter_map(|key| {
            let table = &TABLES[key.0];
            Change::between(table, self.rows.get(key), after.rows.get(key))
        });
        Journal(changed.collect())
    }
}

/// What a decision changed, in the order of the tables.
#[derive(Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Journal(Vec<Change>);

/// A row that was there, is there, or is another now. Of the latter only the columns that differ are kept.
#[derive(Debug, Serialize, Deserialize)]
struct Change {
    table: String,
    key: Row,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    before: Option<Row>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    after: Option<Row>,
}

impl Change {
    fn between(table: &Table, before: Option<&Row>, after: Option<&Row>) -> Option<Self> {
        let key = table.key_of(before.or(after)?);
        let change = |before, after| Self { table: table.name.to_owned(), key, before, after };
        match (before, after) {
            (Some(before), Some(after)) => {
                // The digest tells later whether the source said something else since.
                let is_kept = |column: &str| before.get(column) != after.get(column) || column == "digest";
                let columns = |row: &Row| row.clone().into_iter().filter(|(column, _)| is_kept(column)).collect();
                (before != after).then(|| change(Some(columns(before)), Some(columns(after))))
            }
            (before, after) => Some(change(before.cloned(), after.cloned())),
        }
    }

    fn table(&self) -> Result<&'static Table, Error> {
        let found = TABLES.iter().find(|table| table.name == self.table);
        found.ok_or_else(|| Error::internal(format!("a decision changed the table {}, which is unknown", self.table)))
    }

    fn number(&self, column: &str) -> Option<i64> {
        let value = |row: &Option<Row>| row.as_ref()?.get(column)?.as_i64();
        self.key.get(column).and_then(Value::as_i64).or_else(|| value(&self.before)).or_else(|| value(&self.after))
    }

    /// The columns to set back in the row as it is now.
    fn undone(&self, now: &Row) -> Row {
        let (Some(before), Some(after)) = (&self.before, &self.after) else { return Row::new() };
        let is_untouched = |column: &String| now.get(column) == after.get(column);
        let mut set: Row = before
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
struct Plan {
    deleted: Vec<Row>,
    /// By the columns that are set, the rows with key and these columns.
    updated: BTreeMap<Vec<String>, Vec<Row>>,
    inserted: Vec<Row>,
}

#[derive(FromQueryResult)]
struct Found {
    row: Value,
}

fn object(value: Value) -> Option<Row> {
    match value {
        Value::Object(row) => Some(row),
        _ => None,
    }
}

impl Journal {
    /// The people who came by the decision.
    pub(super) fn new_people(&self) -> Vec<i64> {
        let of_people = self.0.iter().filter(|change| change.table == "researcher" && change.before.is_none());
        of_people.filter_map(|change| change.number("id")).collect()
    }
}

impl Batch<'_> {
    /// All that belongs to these people, and these authorships whosever they are.
    pub(super) async fn snapshot(&self, people: &[i64], authorships: &[i64]) -> Result<Snapshot, Error> {
        let mut rows = BTreeMap::new();
        for (index, table) in TABLES.iter().enumerate() {
            let scope = if table.is_by_authorship { authorships } else { people };
            let sql = format!("SELECT {} AS row FROM {} AS kept WHERE {}", table.row, table.name, table.scope);
            for found in self.rows::<Found>(Sql::with(&sql, ids(scope.iter().copied()))).await? {
                let Some(row) = object(found.row) else { continue };
                rows.insert((index, table.key_text(&row)), row);
            }
        }
        Ok(Snapshot { rows, authorships: authorships.to_vec() })
    }

    /// Gives back what was before, as far as it still is as the decision left it. People who came by the decision stay, with
    /// whatever is theirs besides.
    pub(super) async fn restore(&mut self, journal: &Journal) -> Result<(), Error> {
        for change in &journal.0 {
            change.table()?;
        }
        for table in &TABLES {
            let changes: Vec<&Change> = journal.0.iter().filter(|change| change.table == table.name).collect();
            if changes.is_empty() {
                continue;
            }
            let now = self.now(table, &changes).await?;
            if table.name == "authorship" {
                self.restore_places(table, &changes, &now).await?;
                continue;
            }
            let mut plan = planned(table, &changes, &now);
            if table.name == "researcher" {
                // Who came stays for now; and no two people have an ORCID iD for a moment.
                plan.deleted.clear();
                let people = changes.iter().filter(|change| gives_up_orcid(table, change, &now));
                let without = "UPDATE researcher SET orcid = NULL WHERE orcid IS NOT NULL AND id = ANY(?)";
                self.execute(Sql::with(without, ids(people.filter_map(|change| change.number("id"))))).await?;
            }
            self.write_plan(table, plan).await?;
        }
        Ok(())
    }

    /// The rows of a journal as they are now.
    async fn now(&self, table: &Table, changes: &[&Change]) -> Result<HashMap<String, Row>, Error> {
        let keys: Vec<Row> = changes.iter().map(|change| change.key.clone()).collect();
        let select =
            format!("SELECT {} AS row FROM {} AS kept JOIN rows ON {}", table.row, table.name, table.is_same());
        let found = self.rows::<Found>(table.rows(&keys)?.then(select)).await?;
        let rows = found.into_iter().filter_map(|found| object(found.row));
        Ok(rows.map(|row| (table.key_text(&row), row)).collect())
    }

    /// Gives authorships back to those who had them.
    async fn restore_places(
        &mut self,
        table: &Table,
        changes: &[&Change],
        now: &HashMap<String, Row>,
    ) -> Result<(), Error> {
        let moves = changes.iter().filter_map(|change| {
            let row = now.get(&table.key_text(&change.key))?;
            let set = change.undone(row);
            Some(Relocation {
                authorship_id: change.number("id")?,
                paper_id: row.get("paper_id")?.as_i64()?,
                former_id: row.get("researcher_id")?.as_i64(),
                researcher_id: set.get("researcher_id")?.as_i64()?,
            })
        });
        let moves: Vec<Relocation> = moves.collect();
        self.move_places(&moves).await?;
        // Places that stay open show the names of whom they showed.
        let open = changes.iter().filter_map(|change| {
            let set = change.undone(now.get(&table.key_text(&change.key))?);
            let is_open = change.before.as_ref()?.get("researcher_id").is_none_or(Value::is_null);
            Some((change.number("id")?, set.get("same_as_id")?.as_i64())).filter(|_| is_open)
        });
        let rows: Vec<Value> =
            open.map(|(id, same_as_id)| serde_json::json!({ "id": id, "same_as_id": same_as_id })).collect();
        let update = "UPDATE authorship SET same_as_id = rows.same_as_id FROM rows WHERE authorship.id = rows.id \
             AND authorship.researcher_id IS NULL";
        self.with_rows("id bigint, same_as_id bigint", &rows, update).await
    }

    async fn write_plan(&self, table: &Table, plan: Plan) -> Result<(), Error> {
        let name = table.name;
        let columns = self.columns(table).await?;
        if !plan.deleted.is_empty() {
            let delete = format!("DELETE FROM {name} AS kept USING rows WHERE {}", table.is_same());
            self.execute(table.rows(&plan.deleted)?.then(delete)).await?;
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
                    format!("UPDATE {name} AS kept SET {} FROM rows WHERE {}", set.join(", "), table.is_same());
                self.execute(table.rows(&rows)?.then(update)).await?;
            }
        }
        if let Some(row) = plan.inserted.first() {
            // Columns that came since have their defaults, and those that are no more are left out.
            let there: Vec<&str> = row.keys().map(String::as_str).filter(|column| columns.contains(*column)).collect();
            let (there, from) = (there.join(", "), there.join(", rows."));
            let insert = format!("INSERT INTO {name} ({there}) SELECT rows.{from} FROM rows WHERE {}", table.guard);
            self.execute(table.rows(&plan.inserted)?.then(insert)).await?;
        }
        if name == "researcher" && !plan.inserted.is_empty() {
            let people: Vec<Value> = plan.inserted.iter().filter_map(|row| row.get("id").cloned()).collect();
            let counts = "INSERT INTO researcher_statistics (researcher_id) SELECT id FROM rows";
            let rows: Vec<Value> = people.into_iter().map(|id| serde_json::json!({ "id": id })).collect();
            self.execute(rows_sql("id bigint", &rows)?.then(counts)).await?;
        }
        Ok(())
    }

    /// The columns of a table that can be written.
    async fn columns(&self, table: &Table) -> Result<HashSet<String>, Error> {
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
fn gives_up_orcid(table: &Table, change: &Change, now: &HashMap<String, Row>) -> bool {
    let now = now.get(&table.key_text(&change.key));
    change.before.is_none() || now.is_some_and(|row| change.undone(row).contains_key("orcid"))
}

fn planned(table: &Table, changes: &[&Change], now: &HashMap<String, Row>) -> Plan {
    let mut plan = Plan::default();
    for change in changes {
        let row = now.get(&table.key_text(&change.key));
        match (&change.before, &change.after, row) {
            (None, _, Some(_)) => plan.deleted.push(change.key.clone()),
            (Some(before), None, None) => plan.inserted.push(before.clone()),
            (Some(_), Some(_), Some(row)) => {
                let set = change.undone(row);
                let columns: Vec<String> = set.keys().cloned().collect();
                let row: Row = table.key_of(row).into_iter().chain(set).collect();
                plan.updated.entry(columns).or_default().push(row);
            }
            // It was taken away, or came back, by something else.
            _ => {}
        }
    }
    plan
}
