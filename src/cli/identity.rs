//! `identity`: what people decide of who is who.

mod look;
mod text;

use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::cli::{CommandResult, print, rebuild_stale_projections};
use crate::config::DatabaseConfig;
use crate::database::Database;
use crate::store::Store;
use crate::store::curation::{CurationRequest, DecidedBy, DecisionError};

/// What can be decided. People are named by id, slug or ORCID iD, papers by id, slug, DOI or arXiv id.
#[derive(Subcommand, Debug)]
pub(super) enum IdentityCommand {
    /// Look again at who is who: where an import that was cut off did not, or everywhere
    Resolve {
        /// Everywhere, whether something has changed or not
        #[arg(long)]
        all: bool,
    },
    /// List people who may be one, or several, likeliest first; reads the whole directory
    Candidates {
        /// People who may be several
        #[arg(long)]
        mixtures: bool,
        /// So many at most
        #[arg(long, value_name = "NUMBER", default_value_t = 50)]
        limit: usize,
        /// As JSON, one a line
        #[arg(long)]
        json: bool,
    },
    /// Make several researchers one: the survivor gets all that the others have, and their ids, slugs and ORCID iDs lead there
    Merge {
        /// Who remains: an id, a slug or an ORCID iD
        survivor: String,
        /// Who is the same person
        #[arg(required = true)]
        former: Vec<String>,
        /// Merge people with different ORCID iDs, or authors of the same paper, all the same
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        signature: DecidedByArguments,
        #[command(flatten)]
        trial: DryRunArguments,
    },
    /// Give some of a researcher's papers to somebody else
    Split {
        /// Whose they are taken for: an id, a slug or an ORCID iD
        researcher: String,
        /// The papers that are somebody else's: ids, slugs, DOIs or arXiv ids
        #[arg(long, required = true, num_args = 1.., value_name = "PAPER")]
        papers: Vec<String>,
        /// Whose they are; somebody new where absent
        #[arg(long, value_name = "RESEARCHER")]
        into: Option<String>,
        #[command(flatten)]
        signature: DecidedByArguments,
        #[command(flatten)]
        trial: DryRunArguments,
    },
    /// Undo a merge or a split; what came to the directory since stays
    Undo {
        /// The decision's number
        decision: i64,
        /// Who undoes it
        #[arg(long, value_name = "NAME")]
        by: Option<String>,
        #[command(flatten)]
        trial: DryRunArguments,
    },
    /// List what was decided
    History {
        /// Of one researcher only: an id, a slug or an ORCID iD
        researcher: Option<String>,
        /// As a JSON array
        #[arg(long)]
        json: bool,
    },
}

#[derive(Args, Debug)]
pub(super) struct DecidedByArguments {
    /// Why, or whatever is to be remembered of it
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    /// Who decides
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

#[derive(Args, Debug)]
pub(super) struct DryRunArguments {
    /// Show what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
}

impl From<DecidedByArguments> for DecidedBy {
    fn from(arguments: DecidedByArguments) -> Self {
        let told = |text: Option<String>| text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        Self { by: told(arguments.by), note: told(arguments.note) }
    }
}

/// Opens the directory, does what is asked, and closes it.
pub(super) async fn run(config: &DatabaseConfig, command: IdentityCommand) -> CommandResult {
    let database = Database::open(config).await?;
    let store = Store::new(database.connection.clone(), config.consortium_size);
    let result = run_command(&store, command).await;
    database.close().await;
    result
}

async fn run_command(store: &Store, command: IdentityCommand) -> CommandResult {
    let (request, DryRunArguments { dry_run }) = match command {
        IdentityCommand::Merge { survivor, former, force, signature, trial } => {
            (CurationRequest::Merge { survivor, former, force, decided_by: signature.into() }, trial)
        }
        IdentityCommand::Split { researcher, papers, into, signature, trial } => {
            (CurationRequest::Split { researcher, papers, into, decided_by: signature.into() }, trial)
        }
        IdentityCommand::Undo { decision, by, trial } => (CurationRequest::Undo { decision, by }, trial),
        IdentityCommand::Resolve { all } => return crate::cli::identity::look::run_disambiguation(store, all).await,
        IdentityCommand::Candidates { mixtures, limit, json } => {
            return crate::cli::identity::look::print_candidates(store, limit, mixtures, json).await;
        }
        IdentityCommand::History { researcher, json } => {
            return print_history(store, researcher.as_deref(), json).await;
        }
    };
    rebuild_stale_projections(store).await?;
    let outcome = store.decide(&request, dry_run).await.map_err(with_force_hint)?;
    print(&crate::cli::identity::text::format_outcome(&request, &outcome, dry_run));
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
        print(&crate::cli::identity::text::format_history(&decisions));
    }
    Ok(ExitCode::SUCCESS)
}

/// The refusal with the option that would help.
fn with_force_hint(error: DecisionError) -> Box<dyn std::error::Error + Send + Sync> {
    match &error {
        DecisionError::Rejected(refusal) if refusal.is_overridable() => format!("{error} (--force)").into(),
        _ => error.into(),
    }
}
