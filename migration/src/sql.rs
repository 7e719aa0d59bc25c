//! SQL functions and triggers, each version a file under `sql/`, and the helpers by which migrations install them.
//!
//! A file is named `<name>.v<version>.sql` and is never edited after its release: databases in the field have it. To
//! change a function, add the next version and a migration that installs it with `CREATE OR REPLACE FUNCTION`, and
//! whose `down` installs the previous version again. Function bodies are indented by eight columns more than they need,
//! because Postgres stores them as they are written: `pg_dump` shows the same text for every database.

use sea_orm_migration::prelude::*;

/// The text of `sql/functions/<name>.<version>.sql`.
macro_rules! function {
    ($name:ident $version:ident) => {
        include_str!(concat!("sql/functions/", stringify!($name), ".", stringify!($version), ".sql"))
    };
}

/// The text of `sql/triggers/<name>.<version>.sql`.
macro_rules! trigger {
    ($name:ident $version:ident) => {
        include_str!(concat!("sql/triggers/", stringify!($name), ".", stringify!($version), ".sql"))
    };
}

pub(crate) use {function, trigger};

/// Executes SQL scripts in order.
pub(crate) async fn execute(manager: &SchemaManager<'_>, scripts: &[&str]) -> Result<(), DbErr> {
    for script in scripts {
        manager.get_connection().execute_unprepared(script).await?;
    }
    Ok(())
}

/// Creates the change trigger of new tables: every write to one of them is recorded in `directory_change`, which
/// invalidates cached responses. Every table needs it.
pub(crate) async fn track_changes(manager: &SchemaManager<'_>, tables: &[&str]) -> Result<(), DbErr> {
    for table in tables {
        let trigger = format!(
            "CREATE TRIGGER notes_change AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON {table} \
             FOR EACH STATEMENT EXECUTE FUNCTION note_directory_change()"
        );
        manager.get_connection().execute_unprepared(&trigger).await?;
    }
    Ok(())
}

/// Drops the change trigger of tables that stay.
pub(crate) async fn untrack_changes(manager: &SchemaManager<'_>, tables: &[&str]) -> Result<(), DbErr> {
    for table in tables {
        manager.get_connection().execute_unprepared(&format!("DROP TRIGGER notes_change ON {table}")).await?;
    }
    Ok(())
}
