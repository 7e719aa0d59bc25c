//! `demo`: removes the sample data.

use std::process::ExitCode;

use clap::Subcommand;

use crate::cli::{CommandResult, open_store, print, print_database};
use crate::config::DatabaseConfig;
use crate::database::{Database, OpenOptions};
use crate::demo;
use crate::error::Error;
use crate::store::curation::remove_source::SourceRemoval;

#[derive(Clone, Copy, Debug, Subcommand)]
pub(super) enum DemoCommand {
    /// Remove all that the sample data brought; what other sources also give or people decided on stays
    Remove,
}

/// Runs a subcommand of `demo`.
pub(super) async fn run(config: &DatabaseConfig, command: DemoCommand) -> CommandResult {
    let DemoCommand::Remove = command;
    let database = Database::open_with(config, &OpenOptions { must_exist: true, ..OpenOptions::default() }).await?;
    print_database(&database);
    let store = open_store(&database, config);
    let result = async {
        crate::cli::rebuild_stale_projections(&store).await?;
        let removed = demo::remove(&store).await?;
        // `serve` would load it again.
        let is_empty = database.is_embedded() && store.is_empty().await?;
        Ok::<_, Error>((removed, is_empty))
    };
    let result = result.await;
    database.close().await;
    let (removed, is_empty) = result?;
    print(&format_removal(&removed));
    if is_empty {
        print("the directory is empty now: start it with DEMO=never, or the next start loads the sample data again\n");
    }
    Ok(ExitCode::SUCCESS)
}

fn format_removal(removal: &SourceRemoval) -> String {
    let SourceRemoval { records, researchers, papers, organizations, topics, kept } = removal;
    if *records == 0 {
        return "the sample data is not in this database\n".to_owned();
    }
    let mut text = format!(
        "removed {researchers} researchers, {papers} papers, {organizations} organizations and {topics} topics of the sample data\n"
    );
    if *kept > 0 {
        text.push_str(&format!("{kept} others stay, which other sources also give or people decided on\n"));
    }
    text
}
