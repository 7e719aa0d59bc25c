//! Dumps of the database without IDs and timestamps: two directories are identical if their dumps are.

use sea_orm::{ConnectOptions, ConnectionTrait as _, DbBackend, Statement};

/// Shared with `bench/failover.sh`.
const DUMP_SQL: &str = include_str!("dump.sql");

/// Runs a query and returns the first column of each row as text.
pub async fn query_strings(url: &str, sql: &str) -> Vec<String> {
    let mut options = ConnectOptions::new(url);
    options.max_connections(1).sqlx_logging(false);
    let connection = sea_orm::Database::connect(options).await.expect("a connection");
    let sql = format!("SELECT rows.found::text AS found FROM ({sql}) AS rows(found)");
    let rows = connection.query_all_raw(Statement::from_string(DbBackend::Postgres, sql)).await.expect("rows");
    connection.close().await.expect("the end of the connection");
    rows.iter().map(|row| row.try_get("", "found").expect("a text")).collect()
}

/// The whole directory, one entity per line, sorted.
pub async fn dump_database(url: &str) -> Vec<String> {
    let mut lines = query_strings(url, &format!("SELECT kind || ' ' || line FROM ({DUMP_SQL}) AS entities")).await;
    lines.sort_unstable();
    lines
}

/// Asserts that two dumps are equal; on failure it shows the first differences.
pub fn assert_dumps_equal(left: &[String], right: &[String]) {
    let missing = |from: &[String], of: &[String]| -> Vec<String> {
        let there: std::collections::HashSet<&String> = from.iter().collect();
        of.iter().filter(|line| !there.contains(line)).take(5).cloned().collect()
    };
    assert!(left == right, "only left: {:#?}\nonly right: {:#?}", missing(right, left), missing(left, right));
}
