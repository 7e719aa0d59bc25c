//! The format of backups: JSON lines. The first describes the backup, the last counts its rows, and each line between
//! them is a row of a table, or the last id that a table has assigned.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The value of [`BackupHeader::backup`].
const BACKUP_OF: &str = "academic-directory";
/// The version of the format that this program writes, and the only one that it reads.
pub const BACKUP_VERSION: u32 = 1;

/// Says that a database into which a backup was to be restored has rows of a table.
#[must_use]
pub fn not_empty(table: &str) -> String {
    format!(
        "the database is not empty (there are rows of {table}): restore the backup into an empty one, by another DATABASE_URL, or \
         another DATA_DIR for the embedded Postgres"
    )
}

/// The first line of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackupHeader {
    /// The program, by which a backup is recognized.
    backup: String,
    /// The version of the format.
    version: u32,
    /// The last migration of the database from which the rows are.
    pub migration: String,
}

impl BackupHeader {
    /// The header of a backup of a database with this last migration.
    #[must_use]
    pub fn new(migration: String) -> Self {
        Self { backup: BACKUP_OF.to_owned(), version: BACKUP_VERSION, migration }
    }

    /// Parses the first line of a backup.
    ///
    /// # Errors
    /// If the line is not that of a backup, or the format is of a newer version. The message is a whole sentence part.
    pub fn parse(line: &[u8]) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Version {
            backup: String,
            version: u32,
        }
        let no_backup = || {
            "it is not a backup, whose first line begins with {\"backup\":\"academic-directory\"; records are imported with \
             `import records`"
                .to_owned()
        };
        // Another version may have other fields.
        let version: Version = serde_json::from_slice(line).map_err(|_| no_backup())?;
        if version.backup != BACKUP_OF {
            return Err(no_backup());
        }
        if version.version != BACKUP_VERSION {
            return Err(format!(
                "its format has version {}, but this version of academic-directory reads version {BACKUP_VERSION}: restore \
                 it with the version that made it",
                version.version
            ));
        }
        serde_json::from_slice(line).map_err(|error| format!("its first line is invalid: {error}"))
    }
}

/// A line of a backup after the first.
#[derive(Debug)]
pub enum BackupLine<'a> {
    /// A row of a table: an object without the columns that are null.
    Row {
        /// The name of the table.
        table: Cow<'a, str>,
        /// The row.
        row: &'a RawValue,
    },
    /// The last id that was assigned in a table; 0 if none was. Ids of deleted rows are not assigned again.
    Sequence {
        /// The name of the table.
        table: Cow<'a, str>,
        /// The id.
        value: i64,
    },
    /// The last line: the number of rows before it.
    End {
        /// The number.
        rows: u64,
    },
}

impl<'a> BackupLine<'a> {
    /// Parses a line.
    ///
    /// # Errors
    /// If the line is not one of a backup.
    pub fn parse(line: &'a str) -> Result<Self, String> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Fields<'a> {
            #[serde(borrow)]
            table: Option<Cow<'a, str>>,
            #[serde(borrow)]
            row: Option<&'a RawValue>,
            #[serde(borrow)]
            sequence: Option<Cow<'a, str>>,
            value: Option<i64>,
            rows: Option<u64>,
        }
        let fields: Fields<'a> = serde_json::from_str(line).map_err(|error| error.to_string())?;
        match fields {
            Fields { table: Some(table), row: Some(row), sequence: None, value: None, rows: None } => {
                Ok(Self::Row { table, row })
            }
            Fields { table: None, row: None, sequence: Some(table), value: Some(value), rows: None } => {
                Ok(Self::Sequence { table, value })
            }
            Fields { table: None, row: None, sequence: None, value: None, rows: Some(rows) } => Ok(Self::End { rows }),
            _ => Err("it is neither a row nor a sequence nor the end".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers() {
        let header = BackupHeader::new("m20261129_000032_long_role".to_owned());
        let line = serde_json::to_vec(&header).expect("JSON");
        assert_eq!(BackupHeader::parse(&line), Ok(header));
        let reason = |line: &str| BackupHeader::parse(line.as_bytes()).expect_err("an error");
        assert!(reason("@article{a,").starts_with("it is not a backup"));
        assert!(reason(r#"{"kind":"paper"}"#).starts_with("it is not a backup"));
        assert!(reason(r#"{"backup":"academic-directory","version":2}"#).starts_with("its format has version 2"));
        assert!(reason(r#"{"backup":"academic-directory","version":1}"#).starts_with("its first line is invalid"));
    }

    #[test]
    fn lines() {
        let line = r#"{"table":"topic","row":{"id":1}}"#;
        assert!(
            matches!(BackupLine::parse(line), Ok(BackupLine::Row { table, row }) if table == "topic" && row.get() == r#"{"id":1}"#)
        );
        let line = r#"{"sequence":"topic","value":0}"#;
        assert!(matches!(BackupLine::parse(line), Ok(BackupLine::Sequence { value: 0, .. })));
        assert!(matches!(BackupLine::parse(r#"{"rows":3}"#), Ok(BackupLine::End { rows: 3 })));
        for line in
            ["", "{}", r#"{"table":"topic"}"#, r#"{"rows":1,"value":1}"#, r#"{"table":"topic","row":{},"more":1}"#]
        {
            assert!(BackupLine::parse(line).is_err(), "{line}");
        }
    }
}
