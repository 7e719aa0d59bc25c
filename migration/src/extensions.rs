//! The extensions of Postgres that the directory needs, in whatever schema they are.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{DbBackend, QueryResult, RuntimeErr, Statement};

/// Both are part of Postgres (package postgresql-contrib on some systems) and need no superuser, but the right to create
/// objects in the database.
pub const EXTENSIONS: [&str; 2] = ["pg_trgm", "fuzzystrmatch"];

/// Creates the extensions that are missing, and lets the rest of the transaction find the operators and functions of all,
/// whatever the `search_path` of the role is.
///
/// # Errors
/// If the role may not create a missing extension, or may not use the schema of one: the error says what an administrator
/// has to execute, and in which database.
pub(crate) async fn provide_extensions(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let connection = manager.get_connection();
    let missing = format!(
        "SELECT name, current_database() AS database FROM unnest(ARRAY['{}']) AS name \
         WHERE NOT EXISTS (SELECT FROM pg_extension WHERE extname = name)",
        EXTENSIONS.join("', '")
    );
    let missing = query(manager, &missing, |row| Ok((row.try_get("", "name")?, row.try_get("", "database")?))).await?;
    for (name, _) in &missing {
        let created = connection.execute_unprepared(&format!("CREATE EXTENSION IF NOT EXISTS {name}")).await;
        created.map_err(|error| missing_extensions(&missing, &error))?;
    }
    let schemas = format!(
        "SELECT DISTINCT nspname AS name, quote_ident(nspname) AS quoted, quote_ident(current_user) AS role, \
         has_schema_privilege(pg_namespace.oid, 'USAGE') AS usable FROM pg_extension \
         JOIN pg_namespace ON pg_namespace.oid = extnamespace WHERE extname IN ('{}')",
        EXTENSIONS.join("', '")
    );
    let read_schema = |row: &QueryResult| {
        let (quoted, role): (String, String) = (row.try_get("", "quoted")?, row.try_get("", "role")?);
        Ok((quoted, role, row.try_get::<bool>("", "usable")?))
    };
    let schemas = query(manager, &schemas, read_schema).await?;
    if let Some((schema, role, _)) = schemas.iter().find(|(.., is_usable)| !is_usable) {
        return Err(DbErr::Migration(format!(
            "the extensions {} are in the schema {schema}, which the role {role} may not use; ask an administrator to \
             execute in this database: GRANT USAGE ON SCHEMA {schema} TO {role};",
            EXTENSIONS.join(" and ")
        )));
    }
    let schemas: Vec<&str> = schemas.iter().map(|(schema, ..)| schema.as_str()).collect();
    let extend_path = format!(
        "SELECT set_config('search_path', concat_ws(', ', nullif(current_setting('search_path'), ''), $schemas${}$schemas$), true)",
        schemas.join(", ")
    );
    connection.execute_unprepared(&extend_path).await?;
    Ok(())
}

/// The sentence for an administrator.
fn missing_extensions(missing: &[(String, String)], error: &DbErr) -> DbErr {
    let names: Vec<&str> = missing.iter().map(|(name, _)| name.as_str()).collect();
    let statements: Vec<String> = names.iter().map(|name| format!("CREATE EXTENSION {name};")).collect();
    let database = missing.first().map_or("", |(_, database)| database);
    DbErr::Migration(format!(
        "the database \"{database}\" lacks the extensions {}, and they could not be created ({}); ask an administrator to \
         execute in this database, in any schema that the role may use: {} (they are part of Postgres; some systems have \
         them in a package of their own, postgresql-contrib)",
        names.join(" and "),
        database_message(error),
        statements.join(" ")
    ))
}

/// What the server says, without what the layers in between add.
fn database_message(error: &DbErr) -> String {
    let (DbErr::Exec(RuntimeErr::SqlxError(cause)) | DbErr::Query(RuntimeErr::SqlxError(cause))) = error else {
        return error.to_string();
    };
    cause.as_database_error().map_or_else(|| error.to_string(), |cause| cause.message().to_owned())
}

async fn query<T>(
    manager: &SchemaManager<'_>,
    sql: &str,
    read: impl Fn(&QueryResult) -> Result<T, DbErr>,
) -> Result<Vec<T>, DbErr> {
    let rows = manager.get_connection().query_all_raw(Statement::from_string(DbBackend::Postgres, sql)).await?;
    rows.iter().map(read).collect()
}
