//! Restores the rows of a backup into an empty database, in one transaction.

use std::collections::HashMap;

use crate::error::Error;
use crate::model::backup::{BackupLine, not_empty};
use crate::store::Store;
use crate::store::access::retry::describe_failure;
use crate::store::access::sql_fragment::{Sql, sql};
use crate::store::reader::backup::{
    BACKUP_TABLES, EPOCH_TABLE, PENDING_TABLE, RESTORED_SETTING, SETTING_TABLE, TableColumns, by_table,
    table_columns_sql,
};
use crate::store::unit_of_work::{TableScans, UnitOfWork};

/// Maximum number of rows, and bytes of them, that are inserted at once.
const INSERT_CHUNK_ROWS: usize = 1_000;
const INSERT_CHUNK_BYTES: usize = 4 << 20;
/// Tables that are filled last, since a new database has rows of them, or other tables fill them.
const REPLACED_TABLES: [&str; 3] = [EPOCH_TABLE, PENDING_TABLE, SETTING_TABLE];

/// The reason why a backup was not restored. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The database already has data.
    #[error("{}", not_empty(.0))]
    NotEmpty(&'static str),
    /// A line of the backup is invalid.
    #[error("line {line} of the backup is invalid, and nothing was restored: {reason}")]
    Invalid {
        /// The number of the line, starting at 1.
        line: usize,
        /// The reason.
        reason: String,
    },
    /// The backup cannot be read to its end.
    #[error("the backup is incomplete, and nothing was restored: {0}")]
    Incomplete(String),
    /// The database failed, or rejected a row.
    #[error("the backup was not restored: {}", describe_failure(.0))]
    Store(#[from] Error),
}

/// Rows of one table that are to be inserted.
#[derive(Default)]
struct Chunk {
    table: String,
    /// A JSON array without the brackets.
    rows: String,
    count: usize,
}

/// A restore that is under way. Dropping it rolls it back.
pub struct BackupRestore<'s> {
    uow: UnitOfWork<'s>,
    columns: HashMap<String, TableColumns>,
    chunk: Chunk,
    replaced: HashMap<&'static str, Chunk>,
    row_count: u64,
    /// The number of the last line.
    line: usize,
    is_complete: bool,
}

impl Store {
    /// Begins to restore a backup. The database has the migrations that the backup's database had.
    ///
    /// # Errors
    /// If the database is not empty, or unavailable.
    pub async fn begin_restore(&self) -> Result<BackupRestore<'_>, RestoreError> {
        let uow = UnitOfWork::begin(self, TableScans::Avoid).await?;
        let columns = by_table(uow.rows(table_columns_sql()).await?);
        let tables = BACKUP_TABLES.iter().map(|table| table.name);
        for table in tables.filter(|name| !REPLACED_TABLES.contains(name) && columns.contains_key(*name)) {
            if has_rows(&uow, table).await? {
                return Err(RestoreError::NotEmpty(table));
            }
        }
        uow.write_without_feed().await?;
        let (chunk, replaced) = (Chunk::default(), HashMap::new());
        // The header is the first line.
        Ok(BackupRestore { uow, columns, chunk, replaced, row_count: 0, line: 1, is_complete: false })
    }
}

async fn has_rows(uow: &UnitOfWork<'_>, table: &str) -> Result<bool, Error> {
    let sql = format!("SELECT EXISTS (SELECT FROM {table})");
    Ok(uow.tuples::<bool>(sql.into()).await?.contains(&true))
}

impl BackupRestore<'_> {
    /// Restores a line after the header.
    ///
    /// # Errors
    /// If the line is invalid, or the database rejects a row.
    pub async fn restore_line(&mut self, line: &[u8]) -> Result<(), RestoreError> {
        self.line += 1;
        if line.trim_ascii().is_empty() {
            return Ok(());
        }
        if self.is_complete {
            return Err(self.invalid("it follows the last line of the backup"));
        }
        let text = std::str::from_utf8(line).map_err(|error| self.invalid(error.to_string()))?;
        match BackupLine::parse(text).map_err(|reason| self.invalid(reason))? {
            BackupLine::Row { table, row } => self.add_row(&table, row.get()).await,
            BackupLine::Sequence { table, value } => self.restore_sequence(&table, value).await,
            BackupLine::End { rows } if rows == self.row_count => {
                self.is_complete = true;
                Ok(())
            }
            BackupLine::End { rows } => Err(RestoreError::Incomplete(format!(
                "it has {} rows, but had {rows} when it was made",
                self.row_count
            ))),
        }
    }

    /// Commits what was restored, and returns the number of rows. The derived tables are rebuilt by
    /// [`Store::rebuild_derived_if_restored`], after migrations that are newer than the backup.
    ///
    /// # Errors
    /// If lines are missing, or the database rejects a row.
    pub async fn finish(mut self) -> Result<u64, RestoreError> {
        if !self.is_complete {
            return Err(RestoreError::Incomplete("its last line is missing".to_owned()));
        }
        let last = std::mem::take(&mut self.chunk);
        self.insert(last).await?;
        for table in REPLACED_TABLES {
            if self.columns.contains_key(table) {
                self.uow.execute_unprepared(&format!("DELETE FROM {table}")).await?;
            }
            if let Some(chunk) = self.replaced.remove(table) {
                self.insert(chunk).await?;
            }
        }
        self.uow.store_setting(RESTORED_SETTING, "derived tables are not rebuilt yet").await?;
        self.uow.commit_unprojected().await?;
        Ok(self.row_count)
    }

    fn invalid(&self, reason: impl Into<String>) -> RestoreError {
        RestoreError::Invalid { line: self.line, reason: reason.into() }
    }

    async fn add_row(&mut self, table: &str, row: &str) -> Result<(), RestoreError> {
        if !self.columns.contains_key(table) {
            return Err(self.invalid(format!("there is no table '{table}'")));
        }
        if !row.starts_with('{') {
            return Err(self.invalid("a row is not an object"));
        }
        self.row_count += 1;
        if let Some(name) = REPLACED_TABLES.into_iter().find(|name| *name == table) {
            self.replaced.entry(name).or_default().push(table, row);
            return Ok(());
        }
        let is_full = self.chunk.count >= INSERT_CHUNK_ROWS || self.chunk.rows.len() >= INSERT_CHUNK_BYTES;
        if is_full || self.chunk.table != table {
            let full = std::mem::take(&mut self.chunk);
            self.insert(full).await?;
        }
        self.chunk.push(table, row);
        Ok(())
    }

    async fn restore_sequence(&mut self, table: &str, value: i64) -> Result<(), RestoreError> {
        if !self.columns.get(table).is_some_and(|columns| columns.has_sequence) {
            return Err(self.invalid(format!("there is no table '{table}' that assigns ids")));
        }
        if value < 0 {
            return Err(self.invalid("the last id of a sequence is negative"));
        }
        let sql = format!("SELECT setval('{table}_id_seq', greatest(?::bigint, 1), ");
        Ok(self.uow.execute(Sql::with(&sql, value).then(sql!("?)", value > 0))).await?)
    }

    async fn insert(&self, chunk: Chunk) -> Result<(), RestoreError> {
        let Chunk { table, rows, count } = chunk;
        let Some(columns) = self.columns.get(&table).filter(|_| count > 0) else { return Ok(()) };
        let columns = columns.columns.join(", ");
        let insert = format!(
            "INSERT INTO {table} ({columns}) OVERRIDING SYSTEM VALUE \
             SELECT {columns} FROM json_populate_recordset(NULL::{table}, ?::text::json)"
        );
        let inserted = self.uow.execute(Sql::with(&insert, format!("[{rows}]"))).await;
        inserted.map_err(|error| match error.transience() {
            Some(_) => RestoreError::Store(error),
            None => self.invalid(format!(
                "a row of {table} before it was rejected by the database: {}",
                describe_failure(&error)
            )),
        })
    }
}

impl Chunk {
    fn push(&mut self, table: &str, row: &str) {
        if self.count == 0 {
            table.clone_into(&mut self.table);
        } else {
            self.rows.push(',');
        }
        self.rows.push_str(row);
        self.count += 1;
    }
}
