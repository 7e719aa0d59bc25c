//! `identity`: what people decide of who is who.

mod look;
mod text;

use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::cli::{Outcome, keep_derived, say};
use crate::config::DatabaseConfig;
use crate::database::Database;
use crate::store::Store;
use crate::store::curation::{DecisionError, Request, Signature};

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
        signature: SignatureArguments,
        #[command(flatten)]
        trial: TrialArguments,
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
        signature: SignatureArguments,
        #[command(flatten)]
        trial: TrialArguments,
    },
    /// Undo a merge or a split; what came to the directory since stays
    Undo {
        /// The decision's number
        decision: i64,
        /// Who undoes it
        #[arg(long, value_name = "NAME")]
        by: Option<String>,
        #[command(flatten)]
        trial: TrialArguments,
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
pub(super) struct SignatureArguments {
    /// Why, or whatever is to be remembered of it
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    /// Who decides
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

#[derive(Args, Debug)]
pub(super) struct TrialArguments {
    /// Show what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
}

impl From<SignatureArguments> for Signature {
    fn from(arguments: SignatureArguments) -> Self {
        let told = |text: Option<String>| text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        Self { by: told(arguments.by), note: told(arguments.note) }
    }
}

/// Opens the directory, does what is asked, and closes it.
pub(super) async fn identity(config: &DatabaseConfig, command: IdentityCommand) -> Outcome {
    let database = Database::open(config).await?;
    let store = Store::new(database.connection.clone(), config.consortium_size);
    let result = run(&store, command).await;
    database.close().await;
    result
}

async fn run(store: &Store, command: IdentityCommand) -> Outcome {
    let (request, TrialArguments { dry_run }) = match command {
        IdentityCommand::Merge { survivor, former, force, signature, trial } => {
            (Request::Merge { survivor, former, is_forced: force, signature: signature.into() }, trial)
        }
        IdentityCommand::Split { researcher, papers, into, signature, trial } => {
            (Request::Split { researcher, papers, into, signature: signature.into() }, trial)
        }
        IdentityCommand::Undo { decision, by, trial } => (Request::Undo { decision, by }, trial),
        IdentityCommand::Resolve { all } => return crate::cli::identity::look::resolve(store, all).await,
        IdentityCommand::Candidates { mixtures, limit, json } => {
            return crate::cli::identity::look::candidates(store, limit, mixtures, json).await;
        }
        IdentityCommand::History { researcher, json } => return history(store, researcher.as_deref(), json).await,
    };
    keep_derived(store).await?;
    let outcome = store.decide(&request, dry_run).await.map_err(told)?;
    say(&crate::cli::identity::text::outcome(&request, &outcome, dry_run));
    if !dry_run {
        store.recount_totals().await?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn history(store: &Store, researcher: Option<&str>, is_json: bool) -> Outcome {
    let decisions = store.decisions(researcher).await?;
    if is_json {
        say(&format!("{}\n", serde_json::to_string_pretty(&decisions)?));
    } else {
        say(&crate::cli::identity::text::history(&decisions));
    }
    Ok(ExitCode::SUCCESS)
}

/// The refusal with the option that would help.
fn told(error: DecisionError) -> Box<dyn std::error::Error + Send + Sync> {
    match &error {
        DecisionError::Refused(refusal) if refusal.yields_to_force() => format!("{error} (--force)").into(),
        _ => error.into(),
    }
}
