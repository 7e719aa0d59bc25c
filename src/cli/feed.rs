//! `feed`: the change feed.

use std::process::ExitCode;

use clap::Subcommand;

use crate::cli::{CommandResult, open_store, print, print_database};
use crate::config::DatabaseConfig;
use crate::database::{Database, OpenOptions};

#[derive(Clone, Copy, Debug, Subcommand)]
pub(super) enum FeedCommand {
    /// Begin a new epoch, after a dump was restored into the same server: cursors of later changes are rejected
    NewEpoch,
}

/// Runs a subcommand of `feed`.
pub(super) async fn run(config: &DatabaseConfig, command: FeedCommand) -> CommandResult {
    let FeedCommand::NewEpoch = command;
    let database = Database::open_with(config, &OpenOptions { must_exist: true, ..OpenOptions::default() }).await?;
    print_database(&database);
    let begun = open_store(&database, config).begin_feed_epoch().await;
    database.close().await;
    let position = begun?;
    print(&format!("began a new epoch of the change feed after position {position}\n"));
    Ok(ExitCode::SUCCESS)
}
