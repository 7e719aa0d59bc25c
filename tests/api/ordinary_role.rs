//! Databases of managed services: the role owns the database and is no superuser, the extensions are in a schema of their
//! own or may not be created, and backups are restored by such a role.

use std::process::{Command, Stdio};

use academic_directory::config::Limits;
use migration::{FUNCTIONS, TABLES};
use serde_json::json;
use url::Url;

use crate::support::database_dump::{assert_dumps_equal, dump_database, query_strings};
use crate::support::process::{CommandOutput, Workspace, run_to_completion};
use crate::support::{TestApp, create_empty_database, execute_sql, paper_record, start_postgres};

/// A database without tables, and the same as seen by its owner, an ordinary role.
struct OwnedDatabase {
    administrator_url: String,
    owner_url: String,
    owner: String,
}

impl OwnedDatabase {
    async fn create() -> Self {
        let administrator_url = create_empty_database().await;
        let mut url = Url::parse(&administrator_url).expect("a URL");
        let name = url.path().trim_start_matches('/').to_owned();
        let owner = format!("owner_of_{name}");
        execute_sql(&administrator_url, &format!("CREATE ROLE {owner} LOGIN")).await;
        execute_sql(&administrator_url, &format!("ALTER DATABASE {name} OWNER TO {owner}")).await;
        url.set_username(&owner).expect("a user name");
        Self { administrator_url, owner_url: url.into(), owner }
    }

    async fn execute_as_administrator(&self, sql: &str) {
        execute_sql(&self.administrator_url, sql).await;
    }

    fn migrate(&self) -> CommandOutput {
        let workspace = Workspace::new();
        run_to_completion(&mut workspace.command_with_database(&self.owner_url, &["migrate", "up"]))
    }

    /// Starts the service, writes a paper, and finds it with a typo.
    async fn find_with_typo(&self) {
        let app = TestApp::start_on_database(self.owner_url.clone(), Limits::default(), 100).await;
        app.create_records(json!([paper_record("On flooded weirs", Some(2001), &["Ida Brook"])])).await;
        assert_found(&app).await;
    }
}

async fn assert_found(app: &TestApp) {
    let found = app.data("{ papers(filter: {query: \"floodde wiers\"}) { nodes { title } } }").await;
    assert_eq!(found["papers"]["nodes"], json!([{ "title": "On flooded weirs" }]));
}

#[tokio::test]
async fn the_inventory_lists_what_migrations_create() {
    let app = TestApp::start().await;
    let tables = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' \
        AND relname <> 'seaql_migrations' ORDER BY relname COLLATE \"C\"";
    assert_eq!(query_strings(&app.database_url, tables).await, TABLES);
    let functions = "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND NOT EXISTS \
        (SELECT FROM pg_depend WHERE objid = pg_proc.oid AND deptype = 'e') ORDER BY proname COLLATE \"C\"";
    assert_eq!(query_strings(&app.database_url, functions).await, FUNCTIONS);
}

#[tokio::test]
async fn extensions_may_be_in_another_schema() {
    let database = OwnedDatabase::create().await;
    let owner = &database.owner;
    let create = "CREATE SCHEMA \"Ext ensions\"; CREATE EXTENSION pg_trgm SCHEMA \"Ext ensions\"; \
        CREATE EXTENSION fuzzystrmatch SCHEMA \"Ext ensions\"";
    database.execute_as_administrator(create).await;
    let outcome = database.migrate();
    assert_eq!(outcome.code, Some(1));
    let grant = format!("GRANT USAGE ON SCHEMA \"Ext ensions\" TO {owner};");
    assert!(outcome.stderr.contains(&grant), "{}", outcome.stderr);

    database.execute_as_administrator(&grant).await;
    database.find_with_typo().await;
}

#[tokio::test]
async fn missing_extensions_are_reported() {
    let database = OwnedDatabase::create().await;
    let name = Url::parse(&database.owner_url).expect("a URL").path().trim_start_matches('/').to_owned();
    let owner = &database.owner;
    // It may create tables, but not extensions.
    let revoke = format!("ALTER DATABASE {name} OWNER TO CURRENT_USER; GRANT CREATE ON SCHEMA public TO {owner}");
    database.execute_as_administrator(&revoke).await;
    let outcome = database.migrate();
    assert_eq!(outcome.code, Some(1));
    let expected = format!(
        "the database \"{name}\" lacks the extensions pg_trgm and fuzzystrmatch, and they could not be created (permission \
         denied to create extension \"pg_trgm\"); ask an administrator to execute in this database, in any schema that the \
         role may use: CREATE EXTENSION pg_trgm; CREATE EXTENSION fuzzystrmatch;"
    );
    assert!(outcome.stderr.contains(&expected), "{}", outcome.stderr);

    database.execute_as_administrator("CREATE EXTENSION pg_trgm; CREATE EXTENSION fuzzystrmatch").await;
    database.find_with_typo().await;
}

/// Runs a program of Postgres. Prints a notice and returns `None` if it is not installed, or older than the server.
fn run_program(program: &str, arguments: &[&str], input: Option<&[u8]>) -> Option<Vec<u8>> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => {
            println!("skipped: {program} cannot be started: {error}");
            return None;
        }
    };
    let mut stdin = child.stdin.take().expect("its input");
    let input = input.unwrap_or_default().to_vec();
    let writer = std::thread::spawn(move || {
        let _ = std::io::Write::write_all(&mut stdin, &input);
    });
    let outcome = child.wait_with_output().expect("its output");
    writer.join().expect("a thread");
    let stderr = String::from_utf8_lossy(&outcome.stderr);
    if stderr.contains("server version mismatch") {
        println!("skipped: {program} is older than the server");
        return None;
    }
    let has_errors = stderr.lines().any(|line| !line.is_empty() && !line.contains("NOTICE"));
    assert!(outcome.status.success() && !has_errors, "{program}: {stderr}");
    Some(outcome.stdout)
}

/// As docs/operations.md describes it. If the extensions are in a schema, an administrator creates them in each database.
async fn restore_by_owner(schema: Option<&str>) {
    let prepare = async |database: &OwnedDatabase| {
        let Some(schema) = schema else { return };
        let (owner, create) = (&database.owner, "CREATE EXTENSION");
        let sql = format!(
            "CREATE SCHEMA IF NOT EXISTS {schema}; GRANT USAGE ON SCHEMA {schema} TO {owner}; \
             {create} pg_trgm SCHEMA {schema}; {create} fuzzystrmatch SCHEMA {schema}"
        );
        database.execute_as_administrator(&sql).await;
    };
    let original = OwnedDatabase::create().await;
    prepare(&original).await;
    original.find_with_typo().await;
    let expected = dump_database(&original.owner_url).await;
    let (custom, plain) = (OwnedDatabase::create().await, OwnedDatabase::create().await);
    prepare(&custom).await;
    prepare(&plain).await;

    let directory = Workspace::new();
    let file = directory.path("directory.dump").display().to_string();
    let exclude = schema.filter(|schema| *schema != "public").map(|schema| format!("--exclude-schema={schema}"));
    let mut dump = vec!["--no-owner", "--no-privileges", "--no-comments", original.owner_url.as_str()];
    dump.extend(exclude.as_deref());
    let Some(_) = run_program("pg_dump", &[&["--format=custom", "--file", &file], dump.as_slice()].concat(), None)
    else {
        return;
    };
    let Some(_) = run_program("pg_restore", &["--no-owner", "--dbname", &custom.owner_url, &file], None) else {
        return;
    };
    let Some(text) = run_program("pg_dump", &dump, None) else { return };
    let psql = ["--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1", "--output=/dev/null", "--dbname", &plain.owner_url];
    let Some(_) = run_program("psql", &psql, Some(&text)) else { return };

    for restored in [&custom, &plain] {
        let app = TestApp::start_on_database(restored.owner_url.clone(), Limits::default(), 100).await;
        assert_found(&app).await;
        assert_dumps_equal(&dump_database(&restored.owner_url).await, &expected);
        let ready = app.client().get(app.url("/health/ready")).send().await.expect("a response");
        assert_eq!(ready.status().as_u16(), 200);
    }
}

#[tokio::test]
async fn owners_restore_backups() {
    restore_by_owner(None).await;
}

#[tokio::test]
async fn owners_restore_backups_with_extensions_of_an_administrator() {
    restore_by_owner(Some("public")).await;
}

#[tokio::test]
async fn owners_restore_backups_with_extensions_in_another_schema() {
    restore_by_owner(Some("extensions")).await;
}

#[tokio::test]
async fn planner_statistics_are_updated_without_warnings() {
    let directory = tempfile::Builder::new().prefix("academic-directory-analyze").tempdir().expect("a directory");
    std::fs::set_permissions(directory.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .expect("permissions");
    let data = directory.path().join("postgres");
    let server = std::thread::spawn(move || start_postgres(&data)).join().expect("a server");
    let administrator_url = server.url("postgres");
    execute_sql(&administrator_url, "CREATE ROLE owner LOGIN").await;
    execute_sql(&administrator_url, "CREATE DATABASE owned OWNER owner").await;
    let mut url = Url::parse(&server.url("owned")).expect("a URL");
    url.set_username("owner").expect("a user name");
    let app = TestApp::start_on_database(url.to_string(), Limits::default(), 100).await;
    app.create_records(json!([paper_record("On flooded weirs", Some(2001), &["Ida Brook"])])).await;
    app.store.finish_bulk_load().await.expect("statistics");
    let analyzed = "SELECT count(*) FROM pg_stats WHERE schemaname = 'public' AND tablename = 'paper'";
    assert_ne!(query_strings(url.as_str(), analyzed).await, ["0"]);
    let log = std::fs::read_dir(directory.path().join("postgres")).expect("a directory").flatten();
    let log: String = log.filter_map(|entry| std::fs::read_to_string(entry.path()).ok()).collect();
    assert!(!log.contains("WARNING"), "{log}");
    std::thread::spawn(move || server.stop()).join().expect("a stopped server");
}
