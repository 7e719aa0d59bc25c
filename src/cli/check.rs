//! `check`: what is missing, damaged or doubtful in the directory, for a person or a pipeline.

mod text;

use std::collections::HashMap;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use serde::Serialize;
use serde_json::Value;

use crate::cli::{Outcome, say};
use crate::config::DatabaseConfig;
use crate::database::Database;
use crate::entity::organization;
use crate::error::Error;
use crate::model::global_id::GlobalId;
use crate::model::identifier::Ror;
use crate::store::Store;
use crate::store::access::data_loader::Loader as _;
use crate::store::reader::lookup::{ByKey, Key};
use crate::store::reader::quality::{
    CountOf, Counted, Described, Issue, Miscounted, RepairCount, SamplesOf, Scope, SourceRecords, Subject,
};

/// As many sources as are told of.
const MOST_SOURCES: u32 = 1000;

#[derive(Args, Debug)]
pub(super) struct CheckArguments {
    /// Only what came from this source; may be given several times
    #[arg(long = "source", value_name = "NAME")]
    sources: Vec<String>,
    /// Only what belongs to this organization or one below it: an id, a slug or a ROR id; may be given several times
    #[arg(long = "organization", value_name = "ORGANIZATION")]
    organizations: Vec<String>,
    /// So many examples of each kind
    #[arg(long, value_name = "NUMBER", default_value_t = 3, value_parser = clap::value_parser!(u32).range(0..=1000))]
    samples: u32,
    /// Count the papers and coauthors of so many people, drawn by chance, again; counts that do not agree are a failure
    #[arg(long, value_name = "NUMBER", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=100_000))]
    recount: u32,
    /// End with code 1 where any of these kinds, as the report names them, is found
    #[arg(long, value_name = "KIND", num_args = 1.., value_parser = kind)]
    fail_on: Vec<Issue>,
    /// As one JSON object
    #[arg(long)]
    json: bool,
}

/// A kind's name in the schema, as the command line writes it.
fn kebab(issue: Issue) -> String {
    let name = serde_json::to_value(issue).ok();
    name.as_ref().and_then(Value::as_str).unwrap_or_default().to_lowercase().replace('_', "-")
}

fn kind(text: &str) -> Result<Issue, String> {
    let issue = Issue::ALL.into_iter().find(|issue| kebab(*issue) == text);
    issue.ok_or_else(|| format!("there is no such kind; the kinds are {}", Issue::ALL.map(kebab).join(", ")))
}

/// All that was found.
struct Report {
    /// Of what, in words; none where it is the whole directory.
    of: Option<String>,
    totals: [(Subject, i64); 3],
    found: Vec<Found>,
    repairs: Vec<RepairCount>,
    sources: Vec<SourceRecords>,
    recounted: u32,
    miscounted: Vec<Miscounted>,
}

/// How often something is wrong, and with what for example.
struct Found {
    issue: Issue,
    count: i64,
    samples: Vec<Described>,
}

/// Opens the directory, looks at it, and closes it.
pub(super) async fn check(config: &DatabaseConfig, arguments: &CheckArguments) -> Outcome {
    let database = Database::open(config).await?;
    let store = Store::new(database.connection.clone(), config.consortium_size);
    let report = look(&store, arguments).await;
    database.close().await;
    let report = report?;
    let shown = if arguments.json {
        format!("{:#}\n", crate::cli::check::text::json(&report))
    } else {
        crate::cli::check::text::text(&report)
    };
    say(&shown);
    let is_found = |found: &Found| found.count > 0 && arguments.fail_on.contains(&found.issue);
    let is_failure = report.found.iter().any(is_found) || !report.miscounted.is_empty();
    Ok(if is_failure { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

async fn look(store: &Store, arguments: &CheckArguments) -> Result<Report, Box<dyn std::error::Error + Send + Sync>> {
    let sources = store.sources(MOST_SOURCES).await?;
    known_sources(&sources, &arguments.sources)?;
    let organizations = named_organizations(store, &arguments.organizations).await?;
    let given = |list: &[String]| (!list.is_empty()).then(|| list.to_vec());
    let scope = Arc::new(Scope {
        sources: given(&arguments.sources),
        organization_ids: organizations.as_ref().map(|found| found.iter().map(|found| found.id).collect()),
        include_descendants: true,
    });
    let slugs = organizations.iter().flatten().map(|found| format!("{} and below", found.slug));
    let of: Vec<String> = arguments.sources.iter().map(|name| format!("the source {name}")).chain(slugs).collect();
    let subjects = [Subject::Paper, Subject::Authorship, Subject::Researcher];
    let counts = counts(store, &scope, subjects).await?;
    let count = |counted: Counted| counts.get(&counted).copied().unwrap_or_default();
    let mut samples = samples(store, &scope, arguments.samples).await?;
    let found = Issue::ALL.into_iter().map(|issue| Found {
        issue,
        count: count(Counted::Issue(issue)),
        samples: samples.remove(&issue).unwrap_or_default(),
    });
    Ok(Report {
        of: (!of.is_empty()).then(|| of.join(", ")),
        totals: subjects.map(|subject| (subject, count(Counted::All(subject)))),
        found: found.collect(),
        repairs: store.repair_counts(&scope).await?,
        sources,
        recounted: arguments.recount,
        miscounted: if arguments.recount > 0 { store.miscounted(arguments.recount).await? } else { Vec::new() },
    })
}

/// Refuses a name that no record came from, which would look like a source without issues.
fn known_sources(sources: &[SourceRecords], asked: &[String]) -> Result<(), String> {
    let unknown = asked.iter().find(|name| !sources.iter().any(|source| source.name == **name));
    let Some(unknown) = unknown else { return Ok(()) };
    let names: Vec<&str> = sources.iter().map(|source| source.name.as_str()).collect();
    Err(match names.as_slice() {
        [] => format!("no record came from the source '{unknown}': nothing was imported yet"),
        names => format!("no record came from the source '{unknown}'; there are {}", names.join(", ")),
    })
}

/// The organizations that were named; none where none was.
async fn named_organizations(
    store: &Store,
    names: &[String],
) -> Result<Option<Vec<Arc<organization::Model>>>, Box<dyn std::error::Error + Send + Sync>> {
    if names.is_empty() {
        return Ok(None);
    }
    let mut found = Vec::new();
    for name in names {
        let id = name.parse::<GlobalId>().ok().filter(|id| id.kind == crate::model::global_id::Kind::Organization);
        let ror = name.parse::<Ror>().ok();
        let keys = [
            id.map(|id| Key::Id(id.number)),
            ror.map(|ror| Key::Column("ror", ror.to_string())),
            Some(Key::Slug(name.clone())),
        ];
        let keys: Vec<ByKey<organization::Model>> = keys.into_iter().flatten().map(ByKey::new).collect();
        let models = store.load(&keys).await?;
        let model = keys.iter().find_map(|key| models.get(key));
        found.push(Arc::clone(
            model.ok_or_else(|| format!("no organization is called '{name}': give its id, its slug or its ROR id"))?,
        ));
    }
    Ok(Some(found))
}

async fn counts(store: &Store, scope: &Arc<Scope>, subjects: [Subject; 3]) -> Result<HashMap<Counted, i64>, Error> {
    let all = subjects.map(Counted::All).into_iter().chain(Issue::ALL.map(Counted::Issue));
    let keys: Vec<CountOf> = all.map(|counted| CountOf { scope: Arc::clone(scope), counted }).collect();
    Ok(store.load(&keys).await?.into_iter().map(|(key, count)| (key.counted, count)).collect())
}

/// The first of each kind, by the kind.
async fn samples(store: &Store, scope: &Arc<Scope>, first: u32) -> Result<HashMap<Issue, Vec<Described>>, Error> {
    if first == 0 {
        return Ok(HashMap::new());
    }
    let key = |issue| SamplesOf { scope: Arc::clone(scope), issue, first, after: None };
    let numbers = store.load(&Issue::ALL.map(key)).await?;
    let mut samples = HashMap::new();
    for (key, numbers) in numbers.into_iter().filter(|(_, numbers)| !numbers.is_empty()) {
        samples.insert(key.issue, store.described(key.issue.subject(), &numbers).await?);
    }
    Ok(samples)
}

/// The name of something as the schema has it.
fn name_of(value: impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}
