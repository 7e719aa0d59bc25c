//! `import backup`: restores a backup into an empty database.

use std::path::Path;
use std::process::ExitCode;

use serde_json::json;

use crate::cli::{CommandResult, open_store, print_database, shutdown_signal};
use crate::config::DatabaseConfig;
use crate::database::{Database, OpenOptions};
use crate::import::backup::BackupFile;
use crate::telemetry::console;

/// Restores a backup: into the schema of which it is, all rows or none; then applies newer migrations, and rebuilds what
/// follows from the rows.
pub(super) async fn restore(config: &DatabaseConfig, file: &Path, must_exist: bool) -> CommandResult {
    let backup = BackupFile::open(file).await?;
    let options = OpenOptions { must_exist, empty_at_migration: Some(backup.header.migration.clone()) };
    let database = Database::open_with(config, &options).await?;
    print_database(&database);
    let store = open_store(&database, config);
    let result = async {
        let rows = tokio::select! {
            restored = backup.restore(&store) => restored?,
            () = shutdown_signal() => return Ok(None),
        };
        // If this is interrupted, the next start of the service completes it.
        database.migrate_up(config).await?;
        store.rebuild_derived_if_restored().await?;
        store.refresh_statistics_if_stale().await?;
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(Some(rows))
    };
    let result = result.await;
    database.close().await;
    let Some(rows) = result? else {
        console::print_message("interrupted; nothing was restored");
        return Ok(ExitCode::FAILURE);
    };
    console::print_result(&format!("restored {rows} rows"), "restored a backup", &json!({ "rows": rows }));
    Ok(ExitCode::SUCCESS)
}
