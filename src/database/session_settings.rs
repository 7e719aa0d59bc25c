//! The settings of database sessions, and how they take effect.
//!
//! A direct connection begins with them. A connection pooler may reject or ignore the settings of a connection; then those
//! of the role apply, and where the role has none, each transaction sets its own. A session is never changed afterwards:
//! behind a pooler, the change would reach other clients.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use sea_orm::sqlx::postgres::PgConnection;
use sea_orm::sqlx::{self, Row as _};

/// The name and value of a setting. Values are those of `pg_settings`, without units.
type Setting = (&'static str, String);

/// The settings of the service's sessions.
pub(crate) fn wanted(statement_timeout: Duration) -> Vec<Setting> {
    vec![
        ("statement_timeout", statement_timeout.as_millis().to_string()),
        // Cancels a statement whose client has disconnected; in milliseconds.
        ("client_connection_check_interval", "250".to_owned()),
        // JIT compilation takes longer than these statements.
        ("jit", "off".to_owned()),
        // Every statement is prepared and uses an index, regardless of its parameters. Planning it again would take
        // longer than executing it.
        ("plan_cache_mode", "force_generic_plan".to_owned()),
        // Pages are mostly in memory or on an SSD: a random read costs little more than a sequential one, and small
        // tables need not be scanned.
        ("random_page_cost", "1.1".to_owned()),
        // The planner does not know the page size and would start parallel workers that read far more rows. Counts
        // may still use them.
        ("parallel_tuple_cost", "10".to_owned()),
    ]
}

/// How the settings take effect on the connections of one database.
#[derive(Clone, Debug, Default)]
pub struct SessionSettings {
    /// `SET LOCAL` statements for each transaction; `None` if the session has the settings.
    in_transaction: Option<Arc<str>>,
}

impl SessionSettings {
    /// Finds out which settings a session does not have, and warns if they must be set in each transaction.
    pub(crate) async fn detect(connection: &mut PgConnection, wanted: &[Setting]) -> Result<Self, sqlx::Error> {
        let missing = missing_settings(connection, wanted).await?;
        if missing.is_empty() {
            return Ok(Self::default());
        }
        let role: String = sqlx::raw_sql("SELECT quote_ident(current_user)").fetch_one(connection).await?.try_get(0)?;
        let mut statements = String::new();
        for (name, value) in &missing {
            // Writing to a String cannot fail.
            let _ = write!(statements, " ALTER ROLE {role} SET {name} = '{value}';");
        }
        tracing::warn!(
            "the connection pooler of DATABASE_URL does not pass on the settings of connections, so that each statement \
             takes three round trips; run once as an administrator, then restart the service:{statements}"
        );
        let set_local = missing.iter().map(|(name, value)| format!("SET LOCAL {name} = '{value}'"));
        Ok(Self { in_transaction: Some(set_local.collect::<Vec<_>>().join("; ").into()) })
    }

    /// Whether each transaction sets them, since the session does not have them.
    #[must_use]
    pub fn are_set_in_transactions(&self) -> bool {
        self.in_transaction.is_some()
    }

    /// The statements at the beginning of each transaction, if any.
    pub(crate) fn in_transaction(&self) -> Option<&str> {
        self.in_transaction.as_deref()
    }

    /// The statements that begin a transaction for a single query; `None` if it needs no transaction. With custom plans,
    /// Postgres plans the query for its values.
    pub(crate) fn begin_query(&self, custom_plan: bool) -> Option<String> {
        let custom_plan = custom_plan.then_some("SET LOCAL plan_cache_mode = force_custom_plan");
        let settings: Vec<&str> = self.in_transaction().into_iter().chain(custom_plan).collect();
        (!settings.is_empty()).then(|| format!("BEGIN READ ONLY; {}", settings.join("; ")))
    }
}

async fn missing_settings(connection: &mut PgConnection, wanted: &[Setting]) -> Result<Vec<Setting>, sqlx::Error> {
    let names: Vec<String> = wanted.iter().map(|(name, _)| format!("'{name}'")).collect();
    let sql = format!("SELECT name, setting FROM pg_settings WHERE name IN ({})", names.join(", "));
    let rows = sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).fetch_all(connection).await?;
    let mut actual = Vec::new();
    for row in rows {
        actual.push((row.try_get::<String, _>(0)?, row.try_get::<String, _>(1)?));
    }
    let has = |(name, value): &Setting| {
        let found = actual.iter().find(|(found, _)| found == name).map(|(_, value)| value);
        found.is_some_and(|found| is_in_force(name, found, value))
    };
    Ok(wanted.iter().filter(|setting| !has(setting)).cloned().collect())
}

/// Returns whether a value serves as well as the wanted one. A shorter timeout may be intended.
fn is_in_force(name: &str, actual: &str, wanted: &str) -> bool {
    let milliseconds = |text: &str| text.parse::<u64>().unwrap_or_default();
    match name {
        "statement_timeout" => (1..=milliseconds(wanted)).contains(&milliseconds(actual)),
        "client_connection_check_interval" => milliseconds(actual) > 0,
        _ => actual == wanted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_in_force() {
        for (actual, expected) in [("0", false), ("1", true), ("5000", true), ("5001", false), ("", false)] {
            assert_eq!(is_in_force("statement_timeout", actual, "5000"), expected, "{actual}");
        }
        assert!(is_in_force("jit", "off", "off") && !is_in_force("jit", "on", "off"));
    }

    #[test]
    fn queries_begin_a_transaction_only_for_settings() {
        assert_eq!(SessionSettings::default().begin_query(false), None);
        let custom = "SET LOCAL plan_cache_mode = force_custom_plan";
        assert_eq!(SessionSettings::default().begin_query(true), Some(format!("BEGIN READ ONLY; {custom}")));
        let settings = SessionSettings { in_transaction: Some("SET LOCAL jit = 'off'".into()) };
        assert_eq!(settings.begin_query(false).as_deref(), Some("BEGIN READ ONLY; SET LOCAL jit = 'off'"));
        let both = format!("BEGIN READ ONLY; SET LOCAL jit = 'off'; {custom}");
        assert_eq!(settings.begin_query(true), Some(both));
    }
}
