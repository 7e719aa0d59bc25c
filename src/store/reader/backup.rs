//! Backups: the rows of all tables that cannot be rebuilt from others, read from one snapshot.
//!
//! The same rows always give the same bytes: tables, rows and columns have a fixed order, and nothing depends on the
//! settings of the server.

use std::collections::{BTreeMap, HashMap};

use futures_util::TryStreamExt as _;
use sea_orm::{ConnectionTrait as _, DbBackend, FromQueryResult, Statement, StreamTrait as _};
use serde_json::value::RawValue;

use crate::error::Error;
use crate::model::backup::BackupHeader;
use crate::store::access::sql_fragment::{Sql, sql, text_array};
use crate::store::reader::export::ExportSnapshot;

/// A table whose rows are in a backup.
#[derive(Clone, Copy, Debug)]
pub struct BackupTable {
    /// Its name.
    pub name: &'static str,
    /// The columns by which its rows are sorted. Their values identify a row.
    order: &'static [&'static str],
}

const fn table(name: &'static str, order: &'static [&'static str]) -> BackupTable {
    BackupTable { name, order }
}

/// All tables of a backup, each after those that it refers to. `DERIVED_TABLES` of the crate `migration` has the others.
pub const BACKUP_TABLES: [BackupTable; 28] = [
    table("organization", &["id"]),
    table("organization_parent", &["child_id", "parent_id"]),
    table("organization_succession", &["predecessor_id", "successor_id"]),
    table("organization_awaited_relation", &["organization_id", r#"relation COLLATE "C""#, "ror"]),
    table("topic", &["id"]),
    table("topic_broader", &["topic_id", "broader_id"]),
    table("researcher", &["id"]),
    table("researcher_name", &["id"]),
    table("name_decision", &["researcher_id"]),
    table("researcher_topic", &["researcher_id", "topic_id"]),
    table("affiliation", &["id"]),
    // Versions after the versions of record, to which they refer.
    table("paper", &["version_of_id IS NOT NULL", "id"]),
    table("paper_topic", &["paper_id", "topic_id"]),
    table("authorship", &["id"]),
    table("authorship_organization", &["authorship_id", "organization_id"]),
    table(
        "authorship_awaited_organization",
        &["authorship_id", r#"ror COLLATE "C""#, r#"source COLLATE "C""#, r#"key COLLATE "C""#],
    ),
    table("authorship_resolution", &["authorship_id"]),
    table("external_id", &["id"]),
    table("former_identity", &[r#"kind COLLATE "C""#, "former_id"]),
    table("former_slug", &[r#"kind COLLATE "C""#, "slug"]),
    table("source_record", &["source", "key"]),
    table("identity_decision", &["id"]),
    table("identity_pin", &["authorship_id"]),
    table("activity", &["id"]),
    table("change", &["kind", "id"]),
    table(EPOCH_TABLE, &["id"]),
    table(PENDING_TABLE, &["block"]),
    table(SETTING_TABLE, &[r#"name COLLATE "C""#]),
];

/// The queue of author disambiguation, which writes to other tables fill.
pub(crate) const PENDING_TABLE: &str = "identity_pending";
/// The epochs of the change feed, of which a new database has one.
pub(crate) const EPOCH_TABLE: &str = "feed_epoch";
/// The settings, of which a new database has some.
pub(crate) const SETTING_TABLE: &str = "setting";
/// Settings that describe derived tables.
pub(crate) const DERIVED_SETTINGS: [&str; 5] =
    ["consortium_size", "search_version", "totals_day", FORKED_SETTING, RESTORED_SETTING];
/// The setting that says that the next change begins an epoch of the change feed.
pub(crate) const FORKED_SETTING: &str = "feed_forked";
/// The setting that says that the derived tables are not rebuilt yet.
pub(crate) const RESTORED_SETTING: &str = "restored";

/// The columns of a table that a backup has. Generated ones are not stored.
#[derive(Debug, FromQueryResult)]
pub(crate) struct TableColumns {
    /// The name of the table.
    name: String,
    /// The names of the columns, quoted, each with this prefix.
    pub columns: Vec<String>,
    /// Whether the database assigns ids.
    pub has_sequence: bool,
}

/// The query for the [`TableColumns`] of the tables of a backup that exist.
pub(crate) fn table_columns_sql() -> Sql {
    sql!(
        "SELECT relname::text AS name, array_agg(quote_ident(attname) \
         ORDER BY attname COLLATE \"C\") AS columns, bool_or(attidentity <> '') AS has_sequence FROM pg_attribute \
         JOIN pg_class ON pg_class.oid = attrelid WHERE relnamespace = current_schema()::regnamespace \
         AND relname = ANY(?) AND attnum > 0 AND NOT attisdropped AND attgenerated = '' GROUP BY relname",
        text_array(BACKUP_TABLES.map(|table| table.name)),
    )
}

/// The columns by the name of their table.
pub(crate) fn by_table(rows: Vec<TableColumns>) -> HashMap<String, TableColumns> {
    rows.into_iter().map(|row| (row.name.clone(), row)).collect()
}

impl BackupTable {
    fn rows_sql(self, columns: &TableColumns) -> String {
        let name = self.name;
        let columns: Vec<String> = columns.columns.iter().map(|column| format!("stored.{column}")).collect();
        let order: Vec<String> = self.order.iter().map(|column| format!("stored.{column}")).collect();
        let condition = match name {
            SETTING_TABLE => format!("WHERE stored.name NOT IN ('{}')", DERIVED_SETTINGS.join("', '")),
            _ => String::new(),
        };
        format!(
            "SELECT row_to_json(columns)::text FROM {name} AS stored CROSS JOIN LATERAL (SELECT {}) AS columns {condition} ORDER BY {}",
            columns.join(", "),
            order.join(", ")
        )
    }
}

/// The settings that the text of a value depends on.
const TEXT_SETTINGS: &str = "SET LOCAL timezone = 'UTC'; SET LOCAL datestyle = 'ISO'; SET LOCAL bytea_output = 'hex'; \
     SET LOCAL extra_float_digits = 1";

impl ExportSnapshot {
    /// Passes the lines of a backup to `write`, and returns the number of rows.
    ///
    /// # Errors
    /// If a query fails, or `write` does.
    pub async fn write_backup<E: From<Error>>(
        &self,
        mut write: impl FnMut(&str) -> Result<(), E> + Send,
    ) -> Result<u64, E> {
        self.transaction.execute_unprepared(TEXT_SETTINGS).await.map_err(Error::from)?;
        let header =
            serde_json::to_string(&BackupHeader::new(self.last_migration().await?)).map_err(Error::internal)?;
        write(&header)?;
        let columns = by_table(self.query_all(table_columns_sql()).await?);
        let mut rows = 0;
        for table in BACKUP_TABLES {
            // An older schema may not have it yet.
            let Some(columns) = columns.get(table.name) else { continue };
            if columns.has_sequence {
                let value = self.last_assigned_id(table.name).await?;
                write(&format!(r#"{{"sequence":"{}","value":{value}}}"#, table.name))?;
            }
            let statement = Statement::from_string(DbBackend::Postgres, table.rows_sql(columns));
            let mut stored = self.transaction.stream_raw(statement).await.map_err(Error::from)?;
            while let Some(row) = stored.try_next().await.map_err(Error::from)? {
                let row: String = row.try_get_by_index(0).map_err(Error::from)?;
                write(&format!(r#"{{"table":"{}","row":{}}}"#, table.name, without_nulls(&row)?))?;
                rows += 1;
            }
        }
        write(&format!(r#"{{"rows":{rows}}}"#))?;
        Ok(rows)
    }

    async fn last_migration(&self) -> Result<String, Error> {
        #[derive(FromQueryResult)]
        struct MigrationRow {
            version: String,
        }
        let sql = r#"SELECT version FROM seaql_migrations ORDER BY version COLLATE "C" DESC LIMIT 1"#;
        let last = self.query_all::<MigrationRow>(sql.into()).await?.pop();
        last.map(|row| row.version).ok_or_else(|| Error::internal("a database without migrations"))
    }

    async fn last_assigned_id(&self, table: &str) -> Result<i64, Error> {
        #[derive(FromQueryResult)]
        struct SequenceRow {
            value: i64,
        }
        let sql = format!("SELECT CASE WHEN is_called THEN last_value ELSE 0 END AS value FROM {table}_id_seq");
        let found = self.query_all::<SequenceRow>(sql.into()).await?.pop();
        found.map(|row| row.value).ok_or_else(|| Error::internal(format!("no sequence of {table}")))
    }
}

/// The row with its columns sorted by name, without those that are null.
fn without_nulls(row: &str) -> Result<String, Error> {
    let mut columns: BTreeMap<&str, &RawValue> = serde_json::from_str(row).map_err(Error::internal)?;
    columns.retain(|_, value| value.get() != "null");
    serde_json::to_string(&columns).map_err(Error::internal)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_table_is_in_backups_or_derived() {
        let listed: Vec<&str> = BACKUP_TABLES.iter().map(|table| table.name).chain(migration::DERIVED_TABLES).collect();
        assert_eq!(listed.iter().copied().collect::<BTreeSet<_>>(), BTreeSet::from(migration::TABLES));
        assert_eq!(listed.len(), migration::TABLES.len(), "a table is in both lists");
    }

    #[test]
    fn nulls_are_omitted_and_columns_sorted() {
        let row = r#"{"slug":"a","id":1,"orcid":null,"headline":{"en": null}}"#;
        assert_eq!(without_nulls(row).expect("a row"), r#"{"headline":{"en": null},"id":1,"slug":"a"}"#);
    }
}
