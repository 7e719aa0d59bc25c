//! Checks that every sort order of every directory-wide list is read from an index: the first page, and pages after and
//! before a cursor, with custom and with generic plans.

use std::num::NonZeroU32;
use std::os::unix::fs::PermissionsExt;

use sea_orm::{ConnectionTrait as _, DatabaseTransaction, DbBackend, Statement, TransactionTrait as _};
use serde_json::Value;

use crate::config::{DatabaseConfig, Migrate, bundled_postgres_directories};
use crate::database::{Database, Durability, EmbeddedServer, ServerPrograms};
use crate::model::language::LanguagePreferences;
use crate::store::Store;
use crate::store::reader::affiliation::{AffiliationFilter, AffiliationOrder, AffiliationScope, Affiliations};
use crate::store::reader::cursor::{Cursor, PageDirection, PageRequest};
use crate::store::reader::organization::{OrganizationFilter, OrganizationOrder, Organizations};
use crate::store::reader::page::{List, PageColumns, ParentKey, SortDirection, SortKeyType, page_sql};
use crate::store::reader::paper::{PaperFilter, PaperOrder, PaperScope, Papers};
use crate::store::reader::researcher::{ResearcherFilter, ResearcherOrder, Researchers};
use crate::store::reader::topic::{TopicFilter, TopicOrder, TopicScope, Topics};

/// A few thousand rows of each type: enough for an index to pay off, few enough to insert quickly.
const SAMPLE_ROWS: &str = "
    INSERT INTO researcher (slug, display_name, sort_name, name_key)
        SELECT 'p-' || n, n, md5(n::text), n FROM generate_series(1, 5000) AS n;
    INSERT INTO researcher_statistics SELECT id, id % 40, 0, id % 50 FROM researcher;
    INSERT INTO organization (slug, display_names, sort_names, names)
        SELECT 'o-' || n, jsonb_build_object('en', n), jsonb_build_object('en', n), '[]' FROM generate_series(1, 3000) AS n;
    INSERT INTO organization_statistics SELECT id, id % 30 FROM organization;
    INSERT INTO organization_label SELECT id, language, md5(id::text), '{en,fr}' FROM organization, unnest(ARRAY['', 'en', 'fr']) AS language;
    INSERT INTO topic (slug, display_names, sort_names, names)
        SELECT 't-' || n, jsonb_build_object('en', n), jsonb_build_object('en', n), '[]' FROM generate_series(1, 3000) AS n;
    INSERT INTO topic_statistics SELECT id, id % 30, id % 20 FROM topic;
    INSERT INTO topic_label SELECT id, language, md5(id::text), '{en,fr}' FROM topic, unnest(ARRAY['', 'en', 'fr']) AS language;
    INSERT INTO affiliation (researcher_id, organization_id, kind, start_date)
        SELECT id, 1 + id % 3000, 'EMPLOYMENT', (1990 + id % 30)::text FROM researcher;
    INSERT INTO paper (slug, title, sort_title, publication_date, author_count)
        SELECT 'w-' || n, n, md5(n::text), (1990 + n % 30)::text, n % 10 FROM generate_series(1, 5000) AS n;
    ANALYZE;";

/// How rows with equal keys are ordered, if no index has all keys.
#[derive(Clone, Copy, PartialEq, Eq)]
enum TieOrder {
    Indexed,
    Sorted,
}

struct PlanChecker {
    store: Store,
    transaction: DatabaseTransaction,
}

impl PlanChecker {
    /// Returns the plan from `EXPLAIN (FORMAT JSON)`.
    async fn explain(&self, statement: Statement, is_generic: bool) -> Value {
        let sql = if is_generic {
            let nulls = vec!["NULL"; statement.values.as_ref().map_or(0, |values| values.0.len())].join(", ");
            let prepare = format!("PREPARE page AS {}", statement.sql);
            self.transaction.execute_unprepared(&prepare).await.expect("the statement can be prepared");
            format!("EXPLAIN (FORMAT JSON) EXECUTE page({nulls})")
        } else {
            format!("EXPLAIN (FORMAT JSON) {statement}")
        };
        let row = self.transaction.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await;
        let plan = row.expect("a plan").expect("a row").try_get("", "QUERY PLAN").expect("JSON");
        if is_generic {
            self.transaction.execute_unprepared("DEALLOCATE page").await.expect("the statement is prepared");
        }
        plan
    }

    /// Asserts that every page of a list is an index range.
    async fn check_list<L: List>(&self, list: L, ties: TieOrder) {
        let keys = list.source(&self.store).sort_keys;
        let values = keys.iter().map(|key| match key.value_type() {
            SortKeyType::Integer => "7",
            SortKeyType::Text => "8",
            SortKeyType::Boolean => "true",
            SortKeyType::Date => "2001-01-01",
            SortKeyType::Timestamp => "2001-01-01 00:00:00+00",
        });
        let cursor = Cursor { fingerprint: String::new(), keys: values.map(ToOwned::to_owned).collect() };
        for direction in [PageDirection::Forward, PageDirection::Backward] {
            for (after, before) in [(false, false), (true, false), (false, true)] {
                let cursor_if = |is_present: bool| is_present.then(|| cursor.clone());
                let page = PageRequest { size: 20, direction, after: cursor_if(after), before: cursor_if(before) };
                for is_generic in [false, true] {
                    let sql = page_sql(&list, &self.store, &[ParentKey::default()], &page, PageColumns::ALL);
                    let statement = sql.expect("a page").into_statement().expect("a value for each placeholder");
                    let text = statement.to_string();
                    let plan = self.explain(statement, is_generic).await;
                    let context = format!("{text}\n{plan:#}");
                    let mut conditions = String::new();
                    visit_nodes(&plan[0]["Plan"], &mut |node| {
                        match node["Node Type"].as_str().unwrap_or_default() {
                            "Seq Scan" => panic!("sequential scan: {context}"),
                            "Sort" => assert!(is_page_limited(node), "sort of all rows: {context}"),
                            "Incremental Sort" => assert!(ties == TieOrder::Sorted, "incremental sort: {context}"),
                            _ => {}
                        }
                        conditions.push_str(node["Index Cond"].as_str().unwrap_or_default());
                    });
                    let bound = match ties {
                        TieOrder::Indexed => "ROW(",
                        TieOrder::Sorted => "sort_name",
                    };
                    assert_eq!(
                        conditions.contains(bound),
                        after || before,
                        "the index condition starts at the cursor: {context}"
                    );
                }
            }
        }
    }
}

fn visit_nodes(node: &Value, visit: &mut impl FnMut(&Value)) {
    visit(node);
    for children in node["Plans"].as_array().into_iter().flatten() {
        visit_nodes(children, visit);
    }
}

/// Returns whether the tables below return at most a page of rows each, as the partitions of a list do.
fn is_page_limited(node: &Value) -> bool {
    let mut children = node["Plans"].as_array().into_iter().flatten();
    node["Node Type"] == "Limit" || (node["Relation Name"].is_null() && children.all(is_page_limited))
}

async fn check_all_lists(checker: &PlanChecker) {
    let languages = || LanguagePreferences::new(&["fr-CA".parse().expect("a tag")], &"en".parse().expect("a tag"));
    for direction in [SortDirection::Ascending, SortDirection::Descending] {
        for order in [
            ResearcherOrder::Name,
            ResearcherOrder::PaperCount,
            ResearcherOrder::LastPublicationYear,
            ResearcherOrder::UpdatedAt,
        ] {
            checker
                .check_list(Researchers { filter: ResearcherFilter::default(), order, direction }, TieOrder::Indexed)
                .await;
        }
        for order in
            [OrganizationOrder::Name(languages()), OrganizationOrder::ResearcherCount, OrganizationOrder::UpdatedAt]
        {
            let filter = OrganizationFilter::default();
            checker
                .check_list(
                    Organizations { is_limited_to_children: false, filter, order, direction },
                    TieOrder::Indexed,
                )
                .await;
        }
        for (order, ties) in [
            (AffiliationOrder::StartDate, TieOrder::Indexed),
            (AffiliationOrder::OrganizationName(languages()), TieOrder::Sorted),
            (AffiliationOrder::ResearcherName, TieOrder::Sorted),
            (AffiliationOrder::UpdatedAt, TieOrder::Indexed),
        ] {
            let filter = AffiliationFilter::default();
            checker.check_list(Affiliations { scope: AffiliationScope::All, filter, order, direction }, ties).await;
        }
        for order in
            [TopicOrder::Label(languages()), TopicOrder::PaperCount, TopicOrder::ResearcherCount, TopicOrder::UpdatedAt]
        {
            let filter = TopicFilter::default();
            checker.check_list(Topics { scope: TopicScope::All, filter, order, direction }, TieOrder::Indexed).await;
        }
        for order in [PaperOrder::PublicationDate, PaperOrder::Title, PaperOrder::AuthorCount, PaperOrder::UpdatedAt] {
            for is_version in [None, Some(false), Some(true)] {
                let filter = PaperFilter { is_version, ..PaperFilter::default() };
                checker
                    .check_list(Papers { scope: PaperScope::All, filter, order, direction }, TieOrder::Indexed)
                    .await;
            }
        }
    }
}

#[tokio::test]
async fn directory_wide_lists_use_indexes() {
    let folder = tempfile::tempdir().expect("a folder");
    // As root, the server runs as another user, who needs access.
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).expect("its permissions");
    let cursor_if = folder.path().join("postgres");
    let programs = ServerPrograms {
        bin_directory: std::env::var_os("PG_BINDIR").map(Into::into),
        search_path: None,
        bundled_directories: bundled_postgres_directories(),
    };
    let start = move || EmbeddedServer::start(&cursor_if, &programs, Durability::Volatile);
    let server = tokio::task::spawn_blocking(start);
    let server = server.await.expect("a start").expect("a server");
    let config = DatabaseConfig {
        database_read_urls: Vec::new(),
        database_url: Some(server.url("postgres")),
        data_dir: folder.path().to_owned(),
        pg_bindir: None,
        database_max_connections: NonZeroU32::MIN,
        database_wait_seconds: 60.try_into().expect("not zero"),
        statement_timeout_seconds: 60.try_into().expect("not zero"),
        migrate: Migrate::Auto,
        migration_wait_seconds: 60,
        consortium_size: 100,
        source_order: Vec::new(),
        log: String::new(),
        log_format: crate::config::LogFormat::Text,
    };
    let database = Database::open(&config).await.expect("a database");
    let store = Store::new(&database.primary, 100);
    let transaction = database.primary.connection.begin().await.expect("a transaction");
    transaction.execute_unprepared(SAMPLE_ROWS).await.expect("rows");
    // Few rows can make other plans cheaper; disabling them shows what many rows would get.
    let settings =
        "SET LOCAL enable_sort = off; SET LOCAL enable_seqscan = off; SET LOCAL plan_cache_mode = force_generic_plan";
    transaction.execute_unprepared(settings).await.expect("settings");
    let checker = PlanChecker { store, transaction };
    check_all_lists(&checker).await;
    checker.transaction.rollback().await.expect("an end");
    database.close().await;
    tokio::task::spawn_blocking(move || server.stop()).await.expect("a stop");
}
