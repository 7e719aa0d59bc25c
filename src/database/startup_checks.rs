//! Checks of a database at startup: what cannot work is refused with one sentence that says what to do.

use std::time::Duration;

use sea_orm::sqlx::postgres::PgConnection;
use sea_orm::sqlx::{self, Row as _};
use tokio::time::timeout;

use crate::database::embedded::MIN_MAJOR_VERSION;
use crate::database::{DatabaseError, Servers};

/// How long the second connection of a check waits; a pool of a single connection cannot serve it.
const SECOND_CONNECTION_TIMEOUT: Duration = Duration::from_millis(500);

/// Checks the version and the encoding of a database.
pub(super) async fn check_server(connection: &mut PgConnection) -> Result<(), DatabaseError> {
    let sql = "SELECT current_setting('server_version_num')::int, current_setting('server_version'), \
         current_setting('server_encoding'), current_database()";
    let row = sqlx::raw_sql(sql).fetch_one(connection).await?;
    let (number, version): (i32, String) = (row.try_get(0)?, row.try_get(1)?);
    let (encoding, database): (String, String) = (row.try_get(2)?, row.try_get(3)?);
    if number / 10_000 < i32::try_from(MIN_MAJOR_VERSION).unwrap_or(i32::MAX) {
        return Err(DatabaseError::ServerTooOld(version));
    }
    if encoding != "UTF8" {
        return Err(DatabaseError::NotUtf8 { database, encoding });
    }
    Ok(())
}

/// Returns why the database cannot be changed, if it cannot.
pub(super) async fn read_only_reason(connection: &mut PgConnection) -> Result<Option<&'static str>, sqlx::Error> {
    let sql = "SELECT pg_is_in_recovery(), current_setting('transaction_read_only')::bool";
    let row = sqlx::raw_sql(sql).fetch_one(connection).await?;
    let (is_standby, is_read_only): (bool, bool) = (row.try_get(0)?, row.try_get(1)?);
    Ok(match () {
        () if is_standby => Some("the server is a standby"),
        () if is_read_only => Some("default_transaction_read_only is on"),
        () => None,
    })
}

/// Checks that prepared statements work if a pooler gives each transaction another server session: prepares a statement,
/// occupies that session with the transaction of a second connection, and repeats the statement.
pub(super) async fn check_prepared_statements(
    connection: &mut PgConnection,
    servers: &Servers,
) -> Result<(), DatabaseError> {
    let prepared = async |connection: &mut PgConnection| {
        // Of its own, so that its name is not that of a statement which another connection has prepared.
        sqlx::query_scalar::<_, i32>("SELECT pg_backend_pid()").fetch_one(connection).await.map_err(refuse_pooler)
    };
    prepared(connection).await?;
    let occupy = async {
        let mut second = servers.connect().await?;
        sqlx::raw_sql("BEGIN; SELECT 1").execute(&mut second).await.map_err(refuse_pooler)?;
        Ok::<_, DatabaseError>(second)
    };
    let Ok(second) = timeout(SECOND_CONNECTION_TIMEOUT, occupy).await else { return Ok(()) };
    let mut second = second?;
    let repeated = timeout(SECOND_CONNECTION_TIMEOUT, prepared(connection)).await;
    // Ends the transaction, so that the pooler can use the session again.
    sqlx::raw_sql("ROLLBACK").execute(&mut second).await?;
    match repeated {
        Ok(repeated) => repeated.map(|_| ()),
        // It waited for the second connection, and has its response now.
        Err(_) => Ok(()),
    }
}

/// The error of a pooler that cannot be used, or another error.
fn refuse_pooler(error: sqlx::Error) -> DatabaseError {
    let sqlx::Error::Database(database_error) = &error else { return error.into() };
    match database_error.code().as_deref() {
        // The statement does not exist, or another client has prepared it.
        Some("26000" | "42P05") => DatabaseError::NoPreparedStatements,
        // PgBouncer rejects transactions with pool_mode = statement.
        Some("08P01") => DatabaseError::NoTransactions(database_error.message().to_owned()),
        _ => error.into(),
    }
}
