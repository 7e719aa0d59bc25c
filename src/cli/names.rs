//! `names`: manual decisions about a researcher's names.

use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};

use crate::cli::{CommandResult, DryRunArguments, open_store, print};
use crate::config::DatabaseConfig;
use crate::database::Database;
use crate::model::record::NameUse;
use crate::store::curation::name_command::{ChosenName, NameDecision, NameDecisionOutcome, ResearcherNameList};

#[derive(Subcommand, Debug)]
pub(super) enum NamesCommand {
    /// Set the displayed name, and whether it replaces the published name on all papers
    Set(SetArguments),
    /// List all names of a researcher, including search-only and private ones
    List {
        #[command(flatten)]
        person: PersonArgument,
    },
    /// Add another name, or set the visibility of one
    Add {
        #[command(flatten)]
        person: PersonArgument,
        /// The name
        name: String,
        /// The visibility
        #[arg(long = "use", value_enum)]
        name_use: NameUseArgument,
        #[command(flatten)]
        dry_run: DryRunArguments,
    },
    /// Remove a manual decision about a name; the value from the sources applies again
    Remove {
        #[command(flatten)]
        person: PersonArgument,
        /// The name
        name: String,
        #[command(flatten)]
        dry_run: DryRunArguments,
    },
}

#[derive(Args, Debug)]
pub(super) struct PersonArgument {
    /// The researcher: an id, a slug or an ORCID iD
    researcher: String,
}

#[derive(Args, Debug)]
pub(super) struct SetArguments {
    #[command(flatten)]
    person: PersonArgument,
    /// The new displayed name
    #[arg(long, value_name = "NAME", required_unless_present = "withhold_published_name")]
    display: Option<String>,
    /// Its given names; if both parts are omitted, they are derived from the name
    #[arg(long, value_name = "NAMES", requires = "display")]
    given: Option<String>,
    /// Its family name
    #[arg(long, value_name = "NAME", requires = "display")]
    family: Option<String>,
    /// Visibility of the previous displayed name
    #[arg(long, value_enum, default_value = "search-only")]
    former_use: NameUseArgument,
    /// Show the displayed name instead of the published name on all papers; =false reverts this
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    withhold_published_name: Option<bool>,
    #[command(flatten)]
    dry_run: DryRunArguments,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum NameUseArgument {
    /// Displayed and searchable
    Display,
    /// Searchable, but never displayed
    SearchOnly,
    /// Never displayed and not searchable; records with this name are still matched to the researcher
    Private,
}

impl From<NameUseArgument> for NameUse {
    fn from(name: NameUseArgument) -> Self {
        match name {
            NameUseArgument::Display => Self::Display,
            NameUseArgument::SearchOnly => Self::SearchOnly,
            NameUseArgument::Private => Self::Private,
        }
    }
}

impl NamesCommand {
    /// The researcher, the decision (`None` to list the names), and whether it is a dry run.
    fn into_decision(self) -> (String, Option<NameDecision>, bool) {
        match self {
            Self::List { person } => (person.researcher, None, true),
            Self::Add { person, name, name_use, dry_run } => {
                let decision = NameDecision::Add { name, name_use: name_use.into() };
                (person.researcher, Some(decision), dry_run.dry_run)
            }
            Self::Remove { person, name, dry_run } => {
                (person.researcher, Some(NameDecision::Remove { name }), dry_run.dry_run)
            }
            Self::Set(set) => {
                let (given_name, family_name) = (set.given, set.family);
                let decision = NameDecision::Set {
                    chosen: set.display.map(|name| ChosenName { name, given_name, family_name }),
                    former_use: set.former_use.into(),
                    withholds_published_name: set.withhold_published_name,
                };
                (set.person.researcher, Some(decision), set.dry_run.dry_run)
            }
        }
    }
}

/// Runs a subcommand of `names`.
pub(super) async fn run(config: &DatabaseConfig, command: NamesCommand) -> CommandResult {
    let (researcher, decision, is_dry_run) = command.into_decision();
    let database = Database::open(config).await?;
    let store = open_store(&database, config);
    let output = async {
        crate::cli::rebuild_stale_projections(&store).await?;
        let Some(decision) = decision else {
            return store.list_all_names(&researcher).await.map(|names| format_all_names(&names));
        };
        let decided = store.decide_names(&researcher, &decision, is_dry_run).await?;
        if !is_dry_run {
            store.refresh_statistics_if_stale().await?;
        }
        Ok(format_decision(&decided, is_dry_run))
    };
    let output = output.await;
    database.close().await;
    print(&output?);
    Ok(ExitCode::SUCCESS)
}

fn format_all_names(names: &ResearcherNameList) -> String {
    let (display_name, is_decided) = &names.display_name;
    let by = if *is_decided { "decided" } else { "sources" };
    let mut text = format!(
        "all names of {} (confidential: search-only and private names are never displayed elsewhere)\n",
        names.slug
    );
    text.push_str(&format_name_line("displayed", display_name, by));
    for (name, name_use, by) in &names.others {
        let name_use = match name_use {
            NameUse::Display => "display",
            NameUse::SearchOnly => "search-only",
            NameUse::Private => "private",
        };
        text.push_str(&format_name_line(name_use, name, by));
    }
    for (name, is_displayed) in &names.source_names {
        text.push_str(&format_name_line(if *is_displayed { "display" } else { "not shown" }, name, "sources"));
    }
    if names.withholds_published_name {
        text.push_str("the published names are suppressed on all papers\n");
    }
    text
}

fn format_name_line(name_use: &str, name: &str, by: &str) -> String {
    format!("{name_use:<12} {name} ({by})\n")
}

fn format_decision(decided: &NameDecisionOutcome, is_dry_run: bool) -> String {
    let NameDecisionOutcome {
        name,
        slug,
        has_new_slug,
        other_name_counts: others,
        paper_count: papers,
        withheld_paper_count: suppressed,
        namesakes,
        revealing_fields,
    } = decided;
    let [public, search_only, private] = others;
    let new = if *has_new_slug { " (new; the previous slug redirects here and is not listed)" } else { "" };
    let mut text = format!(
        "{name}\nslug: {slug}{new}\nother names: {public} public, {search_only} search-only, {private} private\n\
         papers: {papers}, of which {suppressed} suppress the published name\n"
    );
    if !namesakes.is_empty() {
        let ids: Vec<String> = namesakes.iter().map(ToString::to_string).collect();
        text.push_str(&format!(
            "other researchers have one of these names and may be duplicates: {}\n",
            ids.join(", ")
        ));
    }
    if !revealing_fields.is_empty() {
        text.push_str(&format!(
            "a hidden name occurs in these fields, which are displayed unchanged: {}\n",
            revealing_fields.join(", ")
        ));
    }
    if is_dry_run {
        text.push_str("nothing was written\n");
    }
    text
}
