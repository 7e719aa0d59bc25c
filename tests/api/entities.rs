//! The SeaORM entities have the columns, keys and relations of the migrated database.

use std::collections::BTreeSet;

use academic_directory::entity;
use migration::{DERIVED_TABLES, TABLES};
use sea_orm::sea_query::PostgresQueryBuilder;
use sea_orm::{DbBackend, EntityName as _, Schema};

use crate::support::database_dump::query_strings;
use crate::support::{TestApp, execute_sql};

/// Derived tables that have an entity all the same.
const DERIVED_ENTITIES: [&str; 1] = ["researcher_statistics"];

/// Tables without a primary key, which SeaORM cannot describe.
const TABLES_WITHOUT_KEY: [&str; 1] = ["authorship_awaited_organization"];

/// What SeaORM would create the tables with, by name of the table.
fn create_statements() -> Vec<(String, String)> {
    let schema = Schema::new(DbBackend::Postgres);
    macro_rules! create_tables {
        ($($module:ident),* $(,)?) => {
            vec![$((
                entity::$module::Entity.table_name().to_owned(),
                schema.create_table_from_entity(entity::$module::Entity).to_string(PostgresQueryBuilder),
            )),*]
        };
    }
    create_tables![
        activity,
        affiliation,
        authorship,
        authorship_organization,
        authorship_resolution,
        change,
        external_id,
        feed_epoch,
        former_identity,
        former_slug,
        identity_decision,
        identity_pending,
        identity_pin,
        name_decision,
        organization,
        organization_awaited_relation,
        organization_parent,
        organization_succession,
        paper,
        paper_topic,
        researcher,
        researcher_name,
        researcher_statistics,
        researcher_topic,
        setting,
        source_record,
        topic,
        topic_broader,
    ]
}

/// The columns and keys in a schema, one a line.
async fn columns_and_keys(url: &str, schema: &str) -> BTreeSet<String> {
    // SeaORM creates `varchar` and `json` where the migrations create `text` and `jsonb`.
    let columns = format!(
        "SELECT relname || '.' || attname || ' ' || replace(replace(format_type(atttypid, NULL), 'character varying', 'text'), \
         'jsonb', 'json') || CASE WHEN attnotnull THEN '' ELSE ' or null' END FROM pg_attribute JOIN pg_class ON attrelid = pg_class.oid \
         WHERE relkind = 'r' AND relnamespace = '{schema}'::regnamespace AND attnum > 0 AND NOT attisdropped"
    );
    let keys = format!(
        "SELECT relname || CASE contype WHEN 'p' THEN ' is identified by ' ELSE ' refers to ' || (SELECT target.relname \
         FROM pg_class AS target WHERE target.oid = confrelid) || ' by ' END || (SELECT string_agg(attname, ', ' ORDER BY attname) \
         FROM pg_attribute WHERE attrelid = conrelid AND attnum = ANY (conkey)) FROM pg_constraint JOIN pg_class ON conrelid = pg_class.oid \
         WHERE contype IN ('p', 'f') AND relnamespace = '{schema}'::regnamespace"
    );
    query_strings(url, &format!("{columns} UNION ALL {keys}")).await.into_iter().collect()
}

#[tokio::test]
async fn entities_are_as_migrated() {
    let app = TestApp::start().await;
    let statements = create_statements();
    let tables: BTreeSet<&str> = statements.iter().map(|(table, _)| table.as_str()).collect();
    let is_described = |table: &&str| !DERIVED_TABLES.contains(table) && !TABLES_WITHOUT_KEY.contains(table);
    let expected = TABLES.into_iter().filter(is_described).chain(DERIVED_ENTITIES);
    assert_eq!(tables, expected.collect(), "tables with an entity");

    let create: Vec<String> = statements.iter().map(|(_, create)| format!("{create};")).collect();
    // Foreign keys refer to the tables of the migrations.
    let create = format!("CREATE SCHEMA entity; SET search_path = entity, public; {}", create.join(" "));
    let create = create.replace("REFERENCES \"", "REFERENCES public.\"");
    execute_sql(&app.database_url, &create).await;
    let (migrated, entities) =
        (columns_and_keys(&app.database_url, "public").await, columns_and_keys(&app.database_url, "entity").await);
    let unknown: Vec<&String> = entities.difference(&migrated).collect();
    assert!(unknown.is_empty(), "entities have what the database has not: {unknown:#?}");

    let generated = "SELECT relname || '.' || attname FROM pg_attribute JOIN pg_class ON attrelid = pg_class.oid \
        WHERE relnamespace = 'public'::regnamespace AND attgenerated <> ''";
    let generated = query_strings(&app.database_url, generated).await;
    let is_expected = |line: &&&String| {
        let mut words = line.split([' ', '.']);
        tables.contains(words.next().unwrap_or_default())
            && !generated.contains(&line.split(' ').next().unwrap_or_default().to_owned())
    };
    let missing: Vec<&String> = migrated.difference(&entities).filter(|line| is_expected(&line)).collect();
    assert!(missing.is_empty(), "entities lack columns, keys or relations of the database: {missing:#?}");
}
