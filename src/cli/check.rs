//! `check`: the data-quality report, for people and pipelines.

mod report;

use std::collections::HashMap;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use serde::Serialize;
use serde_json::Value;

use crate::cli::{CommandResult, describe_database, open_store, print, print_database};
use crate::config::DatabaseConfig;
use crate::database::Database;
use crate::entity::organization;
use crate::error::Error;
use crate::model::global_id::GlobalId;
use crate::store::Store;
use crate::store::access::data_loader::Loader as _;
use crate::store::reader::identifier_column::IdentifierColumn;
use crate::store::reader::lookup::{ByLookupKey, LookupKey};
use crate::store::reader::quality::{
    DataIssue, DescribedSample, IssueCountKey, IssueCountTarget, IssueSamplesKey, IssueScope, IssueSubject,
    RepairRuleCount, SourceRecordCounts, StatisticsMismatch,
};
use crate::telemetry::console;

/// Maximum number of sources listed.
const MAX_LISTED_SOURCES: u32 = 1000;

#[derive(Args, Debug)]
pub(super) struct CheckArguments {
    /// Only data from this source; may be repeated
    #[arg(long = "source", value_name = "NAME")]
    sources: Vec<String>,
    /// Only data of this organization and its descendants (an id, a slug or a ROR id); may be repeated
    #[arg(long = "organization", value_name = "ORGANIZATION")]
    organizations: Vec<String>,
    /// Number of examples per kind of issue
    #[arg(long, value_name = "NUMBER", default_value_t = 3, value_parser = clap::value_parser!(u32).range(0..=1000))]
    samples: u32,
    /// Recount the papers and coauthors of this many random researchers; wrong counts are a failure
    #[arg(long, value_name = "NUMBER", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=100_000))]
    recount: u32,
    /// Exit with status 1 if any issue of these kinds is found
    #[arg(long, value_name = "KIND", num_args = 1.., value_parser = parse_issue)]
    fail_on: Vec<DataIssue>,
    /// Print a JSON object
    #[arg(long)]
    json: bool,
}

/// The name of an issue in kebab case, for the command line.
fn issue_flag(issue: DataIssue) -> String {
    let name = serde_json::to_value(issue).ok();
    name.as_ref().and_then(Value::as_str).unwrap_or_default().to_lowercase().replace('_', "-")
}

fn parse_issue(text: &str) -> Result<DataIssue, String> {
    let issue = DataIssue::ALL.into_iter().find(|issue| issue_flag(*issue) == text);
    issue.ok_or_else(|| format!("unknown kind; expected one of {}", DataIssue::ALL.map(issue_flag).join(", ")))
}

/// The data-quality report.
struct CheckReport {
    /// The scope in words; `None` if it is the whole directory.
    scope_description: Option<String>,
    totals: [(IssueSubject, i64); 3],
    issues: Vec<IssueReport>,
    repairs: Vec<RepairRuleCount>,
    sources: Vec<SourceRecordCounts>,
    recounted: u32,
    miscounted: Vec<StatisticsMismatch>,
}

/// The number of occurrences of an issue, with examples.
struct IssueReport {
    issue: DataIssue,
    count: i64,
    samples: Vec<DescribedSample>,
}

/// Runs `check`.
pub(super) async fn run(config: &DatabaseConfig, arguments: &CheckArguments) -> CommandResult {
    let database = Database::open(config).await?;
    if arguments.json {
        console::print_message(&describe_database(&database));
    } else {
        print_database(&database);
    }
    let store = open_store(&database, config);
    let report = build_report(&store, arguments).await;
    database.close().await;
    let report = report?;
    let output =
        if arguments.json { format!("{:#}\n", report::format_json(&report)) } else { report::format_text(&report) };
    print(&output);
    let is_fatal = |report: &IssueReport| report.count > 0 && arguments.fail_on.contains(&report.issue);
    let is_failure = report.issues.iter().any(is_fatal) || !report.miscounted.is_empty();
    Ok(if is_failure { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

async fn build_report(
    store: &Store,
    arguments: &CheckArguments,
) -> Result<CheckReport, Box<dyn std::error::Error + Send + Sync>> {
    let sources = store.source_record_counts(MAX_LISTED_SOURCES).await?;
    check_sources_exist(&sources, &arguments.sources)?;
    let organizations = resolve_organizations(store, &arguments.organizations).await?;
    let non_empty = |list: &[String]| (!list.is_empty()).then(|| list.to_vec());
    let scope = Arc::new(IssueScope {
        sources: non_empty(&arguments.sources),
        organization_ids: organizations.as_ref().map(|found| found.iter().map(|found| found.id).collect()),
        include_descendants: true,
    });
    let slugs = organizations.iter().flatten().map(|found| format!("{} and its descendants", found.slug));
    let scope_parts: Vec<String> =
        arguments.sources.iter().map(|name| format!("the source {name}")).chain(slugs).collect();
    let subjects = [IssueSubject::Paper, IssueSubject::Authorship, IssueSubject::Researcher];
    let counts = load_counts(store, &scope, subjects).await?;
    let count = |counted: IssueCountTarget| counts.get(&counted).copied().unwrap_or_default();
    let mut samples = load_samples(store, &scope, arguments.samples).await?;
    let issues = DataIssue::ALL.into_iter().map(|issue| IssueReport {
        issue,
        count: count(IssueCountTarget::Issue(issue)),
        samples: samples.remove(&issue).unwrap_or_default(),
    });
    Ok(CheckReport {
        scope_description: (!scope_parts.is_empty()).then(|| scope_parts.join(", ")),
        totals: subjects.map(|subject| (subject, count(IssueCountTarget::All(subject)))),
        issues: issues.collect(),
        repairs: store.name_repair_counts(&scope).await?,
        sources,
        recounted: arguments.recount,
        miscounted: if arguments.recount > 0 {
            store.find_statistics_mismatches(arguments.recount).await?
        } else {
            Vec::new()
        },
    })
}

/// Rejects an unknown source, which would look like a source without issues.
fn check_sources_exist(sources: &[SourceRecordCounts], names: &[String]) -> Result<(), String> {
    let unknown = names.iter().find(|name| !sources.iter().any(|source| source.name == **name));
    let Some(unknown) = unknown else { return Ok(()) };
    let names: Vec<&str> = sources.iter().map(|source| source.name.as_str()).collect();
    Err(match names.as_slice() {
        [] => format!("unknown source '{unknown}': nothing has been imported yet"),
        names => format!("unknown source '{unknown}'; the sources are {}", names.join(", ")),
    })
}

/// The organizations with these names or ids; `None` if the list is empty.
async fn resolve_organizations(
    store: &Store,
    names: &[String],
) -> Result<Option<Vec<Arc<organization::Model>>>, Box<dyn std::error::Error + Send + Sync>> {
    if names.is_empty() {
        return Ok(None);
    }
    let mut found = Vec::new();
    for name in names {
        let id = name.parse::<GlobalId>().ok().filter(|id| id.kind == crate::model::global_id::NodeKind::Organization);
        let keys = [
            id.map(|id| LookupKey::Id(id.row_id)),
            LookupKey::identifier(IdentifierColumn::Ror, name),
            Some(LookupKey::Slug(name.clone())),
        ];
        let keys: Vec<ByLookupKey<organization::Model>> = keys.into_iter().flatten().map(ByLookupKey::new).collect();
        let models = store.load(&keys).await?;
        let model = keys.iter().find_map(|key| models.get(key));
        found.push(Arc::clone(
            model.ok_or_else(|| format!("organization '{name}' not found; specify its id, slug or ROR id"))?,
        ));
    }
    Ok(Some(found))
}

async fn load_counts(
    store: &Store,
    scope: &Arc<IssueScope>,
    subjects: [IssueSubject; 3],
) -> Result<HashMap<IssueCountTarget, i64>, Error> {
    let all = subjects.map(IssueCountTarget::All).into_iter().chain(DataIssue::ALL.map(IssueCountTarget::Issue));
    let keys: Vec<IssueCountKey> = all.map(|counted| IssueCountKey { scope: Arc::clone(scope), counted }).collect();
    Ok(store.load(&keys).await?.into_iter().map(|(key, count)| (key.counted, count)).collect())
}

/// Examples of each kind of issue.
async fn load_samples(
    store: &Store,
    scope: &Arc<IssueScope>,
    first: u32,
) -> Result<HashMap<DataIssue, Vec<DescribedSample>>, Error> {
    if first == 0 {
        return Ok(HashMap::new());
    }
    let key = |issue| IssueSamplesKey { scope: Arc::clone(scope), issue, first, after: None };
    let numbers = store.load(&DataIssue::ALL.map(key)).await?;
    let mut samples = HashMap::new();
    for (key, numbers) in numbers.into_iter().filter(|(_, numbers)| !numbers.is_empty()) {
        samples.insert(key.issue, store.describe_samples(key.issue.subject(), &numbers).await?);
    }
    Ok(samples)
}

/// The name of a value in the GraphQL schema.
fn schema_name(value: impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}
