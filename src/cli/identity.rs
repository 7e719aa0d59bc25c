//! `identity`: manual decisions about researcher identity, and automatic author disambiguation.

mod disambiguation;
mod report;

use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::cli::{CommandResult, DryRunArguments, open_store, print, rebuild_stale_projections};
use crate::config::DatabaseConfig;
use crate::database::Database;
use crate::store::Store;
use crate::store::curation::{CurationRequest, DecidedBy, DecisionError};

/// The subcommands of `identity`. A researcher is given by id, slug or ORCID iD, a paper by id, slug, DOI or arXiv id.
#[derive(Subcommand, Debug)]
pub(super) enum IdentityCommand {
    /// Run author disambiguation: for names that an interrupted import left pending, or for all
    Resolve {
        /// For all names, even if nothing has changed
        #[arg(long)]
        all: bool,
    },
    /// List possible duplicate or conflated profiles, sorted by score; reads the whole directory
    Candidates {
        /// List conflated profiles (several people in one), instead of duplicates
        #[arg(long)]
        mixtures: bool,
        /// Maximum number of results
        #[arg(long, value_name = "NUMBER", default_value_t = 50)]
        limit: usize,
        /// Print JSON, one object per line
        #[arg(long)]
        json: bool,
    },
    /// Merge duplicate researchers into one; their ids, slugs and ORCID iDs redirect to the survivor
    Merge {
        /// The researcher that remains: an id, a slug or an ORCID iD
        survivor: String,
        /// The researchers to merge into the survivor
        #[arg(required = true)]
        former: Vec<String>,
        /// Merge even if the ORCID iDs differ or the researchers are authors of the same paper
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        signature: DecidedByArguments,
        #[command(flatten)]
        dry_run_arguments: DryRunArguments,
    },
    /// Split a researcher: move some papers to another one
    Split {
        /// The researcher that has the papers: an id, a slug or an ORCID iD
        researcher: String,
        /// The papers to move: ids, slugs, DOIs or arXiv ids
        #[arg(long, required = true, num_args = 1.., value_name = "PAPER")]
        papers: Vec<String>,
        /// The researcher to move them to; defaults to a new one
        #[arg(long, value_name = "RESEARCHER")]
        into: Option<String>,
        #[command(flatten)]
        signature: DecidedByArguments,
        #[command(flatten)]
        dry_run_arguments: DryRunArguments,
    },
    /// Undo a merge or a split; data imported since then are preserved
    Undo {
        /// The number of the decision
        decision: i64,
        /// Your name, for the history
        #[arg(long, value_name = "NAME")]
        by: Option<String>,
        #[command(flatten)]
        dry_run_arguments: DryRunArguments,
    },
    /// List past decisions
    History {
        /// Only decisions about this researcher: an id, a slug or an ORCID iD
        researcher: Option<String>,
        /// Print a JSON array
        #[arg(long)]
        json: bool,
    },
}

#[derive(Args, Debug)]
pub(super) struct DecidedByArguments {
    /// The reason, for the history
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    /// Your name, for the history
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

impl From<DecidedByArguments> for DecidedBy {
    fn from(arguments: DecidedByArguments) -> Self {
        let non_empty = |text: Option<String>| text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        Self { by: non_empty(arguments.by), note: non_empty(arguments.note) }
    }
}

/// Runs a subcommand of `identity`.
pub(super) async fn run(config: &DatabaseConfig, command: IdentityCommand) -> CommandResult {
    let database = Database::open(config).await?;
    let store = open_store(&database, config);
    let result = run_command(&store, command).await;
    database.close().await;
    result
}

async fn run_command(store: &Store, command: IdentityCommand) -> CommandResult {
    let (request, DryRunArguments { dry_run }) = match command {
        IdentityCommand::Merge { survivor, former, force, signature, dry_run_arguments } => {
            (CurationRequest::Merge { survivor, former, force, decided_by: signature.into() }, dry_run_arguments)
        }
        IdentityCommand::Split { researcher, papers, into, signature, dry_run_arguments } => {
            (CurationRequest::Split { researcher, papers, into, decided_by: signature.into() }, dry_run_arguments)
        }
        IdentityCommand::Undo { decision, by, dry_run_arguments } => {
            (CurationRequest::Undo { decision, by }, dry_run_arguments)
        }
        IdentityCommand::Resolve { all } => return disambiguation::run_disambiguation(store, all).await,
        IdentityCommand::Candidates { mixtures, limit, json } => {
            return disambiguation::print_candidates(store, limit, mixtures, json).await;
        }
        IdentityCommand::History { researcher, json } => {
            return print_history(store, researcher.as_deref(), json).await;
        }
    };
    rebuild_stale_projections(store).await?;
    let outcome = store.decide(&request, dry_run).await.map_err(with_force_hint)?;
    print(&report::format_outcome(&request, &outcome, dry_run));
    if !dry_run {
        store.refresh_statistics_if_stale().await?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn print_history(store: &Store, researcher: Option<&str>, is_json: bool) -> CommandResult {
    let decisions = store.list_decisions(researcher).await?;
    if is_json {
        print(&format!("{}\n", serde_json::to_string_pretty(&decisions)?));
    } else {
        print(&report::format_history(&decisions));
    }
    Ok(ExitCode::SUCCESS)
}

/// The error, with the option that overrides it.
fn with_force_hint(error: DecisionError) -> Box<dyn std::error::Error + Send + Sync> {
    match &error {
        DecisionError::Rejected(refusal) if refusal.is_overridable() => format!("{error} (--force)").into(),
        _ => error.into(),
    }
}

/// A number with its noun.
fn pluralize(number: usize, singular: &str, plural: &str) -> String {
    format!("{number} {}", if number == 1 { singular } else { plural })
}
