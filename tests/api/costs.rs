//! Performance regression test for the profile page (p), coauthors of coauthors (c2) and a list of researchers (l). It
//! counts SQL statements, the rows and pages that Postgres reads, and the service's allocations. A count more than 10%
//! above `bench/costs.json` fails. `UPDATE_COSTS=1 cargo test --test api -- costs::` accepts the new counts.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use academic_directory::config::{DatabaseConfig, Limits};
use academic_directory::database::{Database, EmbeddedServer};
use academic_directory::graphql::context::DirectoryInfo;
use academic_directory::graphql::engine::json_writer;
use academic_directory::graphql::{self, DirectorySchema};
use academic_directory::model::language::AcceptedLanguages;
use academic_directory::store::Store;
use async_graphql::{Request, Variables};
use sea_orm::{ConnectionTrait as _, DbBackend, Statement};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::support::synthetic_data::{SeededRng, synthetic_papers, synthetic_records};
use crate::support::{
    database_config, execute_sql, organization_record, parse_records, ror, start_postgres, with_fields,
};

const QUERIES: [(&str, &str); 3] = [
    ("p", include_str!("../../bench/queries/p.graphql")),
    ("c2", include_str!("../../bench/queries/c2.graphql")),
    ("l", include_str!("../../bench/queries/l.graphql")),
];
const BASELINE_PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/bench/costs.json");
const RESEARCHER_COUNT: usize = 150;
const PAPER_COUNT: usize = 900;
/// The number of researchers each query is run for.
const QUERIES_PER_RUN: usize = 20;
/// Settings that write the plan of every statement to the server log.
const AUTO_EXPLAIN_SETTINGS: [&str; 6] = [
    "session_preload_libraries = 'auto_explain'",
    "auto_explain.log_min_duration = 0",
    "auto_explain.log_analyze = on",
    "auto_explain.log_buffers = on",
    "auto_explain.log_timing = off",
    "auto_explain.log_format = 'json'",
];

/// The summed counts of all runs of a query.
type Costs = BTreeMap<String, u64>;

/// A Postgres server whose log contains only the statements of this test.
pub struct DedicatedServer {
    pub server: EmbeddedServer,
    pub log: PathBuf,
}

impl DedicatedServer {
    pub fn start(directory: &Path) -> Self {
        Self { server: start_postgres(directory), log: directory.join("postgres.log") }
    }

    pub async fn open_store(&self) -> (Database, Store) {
        let config = DatabaseConfig {
            database_max_connections: 1.try_into().expect("not zero"),
            ..database_config(&self.server.url("directory"), 100)
        };
        let database = Database::open(&config).await.expect("the database");
        let store = Store::new(&database.primary, 100);
        (database, store)
    }

    /// Loads the same data on every run.
    async fn load_data(&self) {
        let mut all: Vec<Value> =
            (1..8).map(|number| organization_record(number, &format!("College {number}"))).collect();
        let works = synthetic_papers(&mut SeededRng::new(5), RESEARCHER_COUNT, PAPER_COUNT);
        all.extend(synthetic_records(&works, RESEARCHER_COUNT).into_iter().enumerate().map(|(index, record)| {
            if record["kind"] != "researcher" {
                return record;
            }
            let affiliation = |number: usize| json!({ "organization": { "ror": ror(number as u64 % 7 + 1) }, "affiliationKind": "EMPLOYMENT", "startDate": (2000 + number % 9).to_string() });
            let topics = json!([{ "labels": { "en": format!("Topic {}", index % 4) } }]);
            with_fields(record, json!({ "affiliations": [affiliation(index), affiliation(index + 3)], "topics": topics }))
        }));
        self.load_records(&json!(all)).await;
    }

    /// Loads records into a new database, whose statements are logged from then on.
    pub async fn load_records(&self, records: &Value) {
        execute_sql(&self.server.url("postgres"), "CREATE DATABASE directory").await;
        let (database, store) = self.open_store().await;
        store.write_records("test", &parse_records(records.clone())).await.expect("the records");
        store.refresh_statistics_if_stale().await.expect("the counts");
        // Index-only scans need pages that are all-visible, which depends on other sessions of the server.
        let connection = database.primary.connection.clone();
        let unseen = "SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace \
             AND relallvisible < relpages";
        let mut is_seen = false;
        for _ in 0..1000 {
            connection.execute_unprepared("VACUUM ANALYZE").await.expect("a vacuum");
            let row =
                connection.query_one_raw(Statement::from_string(DbBackend::Postgres, unseen)).await.expect("a count");
            let number: i64 = row.expect("a row").try_get_by_index(0).expect("a number");
            is_seen = number == 0;
            if is_seen {
                break;
            }
        }
        assert!(is_seen, "another session keeps old rows visible");
        drop(connection);
        database.close().await;
        let url = self.server.url("directory");
        for setting in AUTO_EXPLAIN_SETTINGS {
            execute_sql(&url, &format!("ALTER DATABASE directory SET {setting}")).await;
        }
    }

    /// The query plans in the log.
    pub fn read_plans(&self) -> Vec<Value> {
        let log = fs::read_to_string(&self.log).expect("the log");
        let entries = log.split("LOG:  duration: ").skip(1).filter_map(|entry| entry.split_once("plan:"));
        let plan = |entry: &str| serde_json::Deserializer::from_str(entry).into_iter::<Value>().next();
        entries.map(|(_, entry)| plan(entry).expect("a plan").expect("JSON")).collect()
    }
}

/// The rows that the scans of a plan return.
pub fn scanned_rows(plan: &Value) -> u64 {
    let below: u64 = plan["Plans"].as_array().into_iter().flatten().map(scanned_rows).sum();
    let is_scan = plan["Node Type"].as_str().is_some_and(|kind| kind.ends_with("Scan"));
    let number = |name: &str| plan[name].as_f64().unwrap_or_default();
    // The rows are the mean of the loops. Postgres 18 has decimals; they are rounded as earlier versions do, so that the
    // same plan has the same count.
    below + if is_scan { (number("Actual Rows").round_ties_even() * number("Actual Loops")) as u64 } else { 0 }
}

/// The pages that a plan touches, cached or not.
pub fn touched_pages(plan: &Value) -> u64 {
    let number = |name: &str| plan[name].as_u64().unwrap_or_default();
    number("Shared Hit Blocks") + number("Shared Read Blocks")
}

async fn execute_query(schema: &DirectorySchema, store: &Store, query: &str, variables: Value) -> Value {
    let request = Request::new(query).variables(Variables::from_json(variables)).data(AcceptedLanguages::default());
    let prepared = schema.prepare(request).unwrap_or_else(|refused| panic!("{:?}", refused.errors));
    let response = schema.execute(prepared, store.for_request(None).await).await;
    assert!(response.errors.is_empty(), "{:?}", response.errors);
    let body = json_writer::write_response(&response, true).expect("JSON");
    serde_json::from_slice::<Value>(&body).expect("JSON")["data"].take()
}

fn measure_costs(runtime: &Runtime, server: &DedicatedServer) -> BTreeMap<String, Costs> {
    let limits = Limits::default();
    let identity = || DirectoryInfo { name: "Costs".to_owned(), default_language: "en".parse().expect("a tag") };
    let schema = DirectorySchema::new(|| graphql::builder(&limits).data(identity()), limits.clone());
    let (database, store) = runtime.block_on(server.open_store());
    let people = format!("{{ researchers(first: {QUERIES_PER_RUN}) {{ nodes {{ id }} }} }}");
    let people = runtime.block_on(execute_query(&schema, &store, &people, json!({})));
    let people: Vec<Value> = people["researchers"]["nodes"].as_array().expect("a list").clone();
    assert_eq!(people.len(), QUERIES_PER_RUN);
    let mut costs = BTreeMap::new();
    for (name, query) in QUERIES {
        let all = || {
            runtime.block_on(async {
                for person in &people {
                    // (l) takes no variables.
                    let variables = if name == "l" { json!({}) } else { person.clone() };
                    execute_query(&schema, &store, query, variables).await;
                }
            });
        };
        // Warm-up: statements are prepared, and pages are cached.
        all();
        File::options().write(true).truncate(true).open(&server.log).expect("the log");
        let before = store.statement_counter().total();
        let allocations = allocation_counter::measure(all).count_total;
        let statements = store.statement_counter().total() - before;
        let plans = server.read_plans();
        assert_eq!(u64::try_from(plans.len()).ok(), Some(statements), "a statement of ({name}) has no plan");
        let of_plans = [
            ("rows", plans.iter().map(|plan| scanned_rows(&plan["Plan"])).sum()),
            ("pages", plans.iter().map(|plan| touched_pages(&plan["Plan"])).sum()),
        ];
        let costs_of = [("statements", statements), ("allocations", allocations)].into_iter().chain(of_plans);
        costs.insert(name.to_owned(), costs_of.map(|(what, number)| (what.to_owned(), number)).collect());
    }
    runtime.block_on(database.close());
    costs
}

#[test]
fn costs() {
    let directory = tempfile::tempdir().expect("a directory");
    // A server started by root runs as another user.
    fs::set_permissions(directory.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("permissions");
    // A single thread, because allocations are counted per thread.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let server = DedicatedServer::start(&directory.path().join("postgres"));
    runtime.block_on(server.load_data());
    let costs = measure_costs(&runtime, &server);
    server.server.stop();

    if std::env::var_os("UPDATE_COSTS").is_some() {
        let text = serde_json::to_string_pretty(&costs).expect("JSON");
        fs::write(BASELINE_PATH, text + "\n").expect("bench/costs.json");
        return;
    }
    let record = fs::read_to_string(BASELINE_PATH).expect("bench/costs.json");
    let record: BTreeMap<String, Costs> =
        serde_json::from_str(&record).expect("bench/costs.json as this test writes it");
    let mut grown = Vec::new();
    for (query, costs) in &costs {
        for (what, &now) in costs {
            let before = record.get(query).and_then(|costs| costs.get(what)).copied().unwrap_or_default();
            println!("({query}) {what}: {now}, recorded {before}");
            if now * 10 > before * 11 {
                grown.push(format!("({query}) takes {now} {what}, recorded are {before}"));
            }
        }
    }
    assert!(
        grown.is_empty(),
        "{}; fix the regression, or accept the new counts with UPDATE_COSTS=1 cargo test --test api -- costs::",
        grown.join("; ")
    );
}
