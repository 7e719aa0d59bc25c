//! `names`: what those who run the directory decide on a person's names.

use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};

use crate::cli::{Outcome, say};
use crate::config::DatabaseConfig;
use crate::database::Database;
use crate::model::record::NameUse;
use crate::store::Store;
use crate::store::curation::name_command::{AllNames, ChosenName, Decided, NameDecision};

#[derive(Subcommand, Debug)]
pub(super) enum NamesCommand {
    /// Choose the name that is shown, on all papers too, and whether published names are withheld
    Set(SetArguments),
    /// Tell all names of a person, with those that are told nowhere else
    List {
        #[command(flatten)]
        person: PersonArgument,
    },
    /// Add another name, or decide what one is for
    Add {
        #[command(flatten)]
        person: PersonArgument,
        /// The name
        name: String,
        /// What it is for
        #[arg(long = "use", value_enum)]
        name_use: NameUseName,
        #[command(flatten)]
        dry_run: DryRun,
    },
    /// Take back what was decided on another name, so that what sources say of it holds
    Remove {
        #[command(flatten)]
        person: PersonArgument,
        /// The name
        name: String,
        #[command(flatten)]
        dry_run: DryRun,
    },
}

#[derive(Args, Debug)]
pub(super) struct PersonArgument {
    /// Whose: an id, a slug or an ORCID iD
    researcher: String,
}

#[derive(Args, Debug)]
pub(super) struct DryRun {
    /// Tell what would hold, and change nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Args, Debug)]
pub(super) struct SetArguments {
    #[command(flatten)]
    person: PersonArgument,
    /// The name that is shown from now on
    #[arg(long, value_name = "NAME", required_unless_present = "withhold_published_name")]
    display: Option<String>,
    /// Its given names; told from the name where both parts are absent
    #[arg(long, value_name = "NAMES", requires = "display")]
    given: Option<String>,
    /// Its family name
    #[arg(long, value_name = "NAME", requires = "display")]
    family: Option<String>,
    /// What the name that was shown before is for then
    #[arg(long, value_enum, default_value = "search-only")]
    former_use: NameUseName,
    /// Show the chosen name in place of the published one on all papers, whatever stands on them; =false takes it back
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    withhold_published_name: Option<bool>,
    #[command(flatten)]
    dry_run: DryRun,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum NameUseName {
    /// It is shown, and finds the person
    Display,
    /// It finds the person, and is shown nowhere
    SearchOnly,
    /// It is shown nowhere and finds nobody; records under it are still known to be the person's
    Private,
}

impl From<NameUseName> for NameUse {
    fn from(name: NameUseName) -> Self {
        match name {
            NameUseName::Display => Self::Display,
            NameUseName::SearchOnly => Self::SearchOnly,
            NameUseName::Private => Self::Private,
        }
    }
}

impl NamesCommand {
    /// Whose names, what is decided of them (nothing where they are to be told), and whether that is tried only.
    fn parts(self) -> (String, Option<NameDecision>, bool) {
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

pub(super) async fn run(config: &DatabaseConfig, command: NamesCommand) -> Outcome {
    let (researcher, decision, is_dry_run) = command.parts();
    let database = Database::open(config).await?;
    let store = Store::new(database.connection.clone(), config.consortium_size);
    let told = async {
        crate::cli::keep_derived(&store).await?;
        let id = store.person(&researcher).await?;
        let Some(decision) = decision else { return store.all_names(id).await.map(|names| list(&names)) };
        let decided = store.decide_names(id, &decision, is_dry_run).await?;
        if !is_dry_run {
            store.recount_totals().await?;
        }
        Ok(told(&decided, is_dry_run))
    };
    let told = told.await;
    database.close().await;
    say(&told?);
    Ok(ExitCode::SUCCESS)
}

fn list(names: &AllNames) -> String {
    let (shown, is_decided) = &names.shown;
    let by = if *is_decided { "decided" } else { "sources" };
    let mut text = format!(
        "all names of {}, for those who run the directory: search-only and private ones are told nowhere else\n",
        names.slug
    );
    text.push_str(&line("shown", shown, by));
    for (name, name_use, by) in &names.others {
        let name_use = match name_use {
            NameUse::Display => "display",
            NameUse::SearchOnly => "search-only",
            NameUse::Private => "private",
        };
        text.push_str(&line(name_use, name, by));
    }
    for (name, is_shown) in &names.told {
        text.push_str(&line(if *is_shown { "display" } else { "not shown" }, name, "sources"));
    }
    if names.withholds_published_name {
        text.push_str("the published names are withheld on all papers\n");
    }
    text
}

fn line(name_use: &str, name: &str, by: &str) -> String {
    format!("{name_use:<12} {name} ({by})\n")
}

fn told(decided: &Decided, is_dry_run: bool) -> String {
    let Decided { name, slug, has_new_slug, others, papers, withheld, namesakes, told_by } = decided;
    let [public, search_only, private] = others;
    let new = if *has_new_slug { ", which is new; the one of before leads here and is told nowhere" } else { "" };
    let mut text = format!(
        "{name}\naddress: {slug}{new}\nother names: {public} public, {search_only} search-only, {private} private\n\
         papers: {papers}, with the published name withheld on {withheld}\n"
    );
    if !namesakes.is_empty() {
        let ids: Vec<String> = namesakes.iter().map(ToString::to_string).collect();
        text.push_str(&format!(
            "others are shown under one of these names; if they are the same person, they are still apart: {}\n",
            ids.join(", ")
        ));
    }
    if !told_by.is_empty() {
        text.push_str(&format!(
            "a word of a name that is not shown stands in: {}; these are shown as their sources have them\n",
            told_by.join(", ")
        ));
    }
    if is_dry_run {
        text.push_str("nothing was written\n");
    }
    text
}
