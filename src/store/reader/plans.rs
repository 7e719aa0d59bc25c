//! That every order of every list of the whole directory is read from an index: the first page, the pages behind and
//! before a cursor, with the values known to the planner and without.

use std::num::NonZeroU32;
use std::os::unix::fs::PermissionsExt;

use sea_orm::{ConnectionTrait as _, DatabaseTransaction, DbBackend, Statement, TransactionTrait as _};
use serde_json::Value;

use crate::config::{DatabaseConfig, Migrate};
use crate::database::{Database, Durability, EmbeddedServer, ServerPrograms};
use crate::model::language::Languages;
use crate::store::Store;
use crate::store::reader::affiliation::{AffiliationFilter, AffiliationOrder, AffiliationScope, Affiliations};
use crate::store::reader::cursor::{Cursor, Direction, Page};
use crate::store::reader::organization::{OrganizationFilter, OrganizationOrder, Organizations};
use crate::store::reader::page::{KeyKind, List, OrderDirection, Parent, Wants, page_sql};
use crate::store::reader::paper::{PaperFilter, PaperOrder, PaperScope, Papers};
use crate::store::reader::researcher::{ResearcherFilter, ResearcherOrder, Researchers};
use crate::store::reader::topic::{TopicFilter, TopicOrder, TopicScope, Topics};

/// Some thousand of each: enough that an index pays, few enough to be made at once.
const ROWS: &str = "
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

/// Where a key that no index has in order may be sorted: among the rows of one name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ties {
    Indexed,
    Sorted,
}

struct Planner {
    store: Store,
    transaction: DatabaseTransaction,
}

impl Planner {
    /// The plan as `EXPLAIN (FORMAT JSON)` has it.
    async fn plan(&self, statement: Statement, is_generic: bool) -> Value {
        let sql = if is_generic {
            let places = vec!["NULL"; statement.values.as_ref().map_or(0, |values| values.0.len())].join(", ");
            let prepare = format!("PREPARE page AS {}", statement.sql);
            self.transaction.execute_unprepared(&prepare).await.expect("a statement");
            format!("EXPLAIN (FORMAT JSON) EXECUTE page({places})")
        } else {
            format!("EXPLAIN (FORMAT JSON) {statement}")
        };
        let row = self.transaction.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await;
        let plan = row.expect("a plan").expect("a row").try_get("", "QUERY PLAN").expect("JSON");
        if is_generic {
            self.transaction.execute_unprepared("DEALLOCATE page").await.expect("it was prepared");
        }
        plan
    }

    /// That no page of a list needs more than a range of an index.
    async fn check<L: List>(&self, list: L, ties: Ties) {
        let keys = list.source(&self.store).keys;
        let values = keys.iter().map(|key| match key.kind() {
            KeyKind::Integer => "7",
            KeyKind::Text => "8",
            KeyKind::Boolean => "true",
            KeyKind::Date => "2001-01-01",
            KeyKind::Timestamp => "2001-01-01 00:00:00+00",
        });
        let cursor = Cursor { list: String::new(), keys: values.map(ToOwned::to_owned).collect() };
        for direction in [Direction::Forward, Direction::Backward] {
            for (after, before) in [(false, false), (true, false), (false, true)] {
                let place = |there: bool| there.then(|| cursor.clone());
                let page = Page { size: 20, direction, after: place(after), before: place(before) };
                for is_generic in [false, true] {
                    let sql = page_sql::<L::Node>(
                        list.source(&self.store),
                        list.parts(),
                        &[Parent::default()],
                        &page,
                        Wants::ALL,
                    );
                    let statement = sql.expect("a page").statement();
                    let text = statement.to_string();
                    let plan = self.plan(statement, is_generic).await;
                    let what = format!("{text}\n{plan:#}");
                    let mut conditions = String::new();
                    visit(&plan[0]["Plan"], &mut |node| {
                        match node["Node Type"].as_str().unwrap_or_default() {
                            "Seq Scan" => panic!("all rows are read: {what}"),
                            "Sort" => assert!(is_limited(node), "all rows are sorted: {what}"),
                            "Incremental Sort" => assert!(ties == Ties::Sorted, "ties are sorted: {what}"),
                            _ => {}
                        }
                        conditions.push_str(node["Index Cond"].as_str().unwrap_or_default());
                    });
                    let bound = match ties {
                        Ties::Indexed => "ROW(",
                        Ties::Sorted => "sort_name",
                    };
                    assert_eq!(conditions.contains(bound), after || before, "the cursor is where it begins: {what}");
                }
            }
        }
    }
}

fn visit(node: &Value, see: &mut impl FnMut(&Value)) {
    see(node);
    for below in node["Plans"].as_array().into_iter().flatten() {
        visit(below, see);
    }
}

/// Whether no more comes out of the tables below than a page's size, as from each of the parts of a list.
fn is_limited(node: &Value) -> bool {
    let mut below = node["Plans"].as_array().into_iter().flatten();
    node["Node Type"] == "Limit" || (node["Relation Name"].is_null() && below.all(is_limited))
}

async fn check_all(planner: &Planner) {
    let languages = || Languages::new(&["fr-CA".parse().expect("a tag")], &"en".parse().expect("a tag"));
    for direction in [OrderDirection::Ascending, OrderDirection::Descending] {
        for order in [
            ResearcherOrder::Name,
            ResearcherOrder::PaperCount,
            ResearcherOrder::LastPublicationYear,
            ResearcherOrder::UpdatedAt,
        ] {
            planner.check(Researchers { filter: ResearcherFilter::default(), order, direction }, Ties::Indexed).await;
        }
        for order in
            [OrganizationOrder::Name(languages()), OrganizationOrder::ResearcherCount, OrganizationOrder::UpdatedAt]
        {
            let filter = OrganizationFilter::default();
            planner.check(Organizations { children_of_parent: false, filter, order, direction }, Ties::Indexed).await;
        }
        for (order, ties) in [
            (AffiliationOrder::StartDate, Ties::Indexed),
            (AffiliationOrder::OrganizationName(languages()), Ties::Sorted),
            (AffiliationOrder::ResearcherName, Ties::Sorted),
            (AffiliationOrder::UpdatedAt, Ties::Indexed),
        ] {
            let filter = AffiliationFilter::default();
            planner.check(Affiliations { scope: AffiliationScope::All, filter, order, direction }, ties).await;
        }
        for order in
            [TopicOrder::Label(languages()), TopicOrder::PaperCount, TopicOrder::ResearcherCount, TopicOrder::UpdatedAt]
        {
            let filter = TopicFilter::default();
            planner.check(Topics { scope: TopicScope::All, filter, order, direction }, Ties::Indexed).await;
        }
        for order in [PaperOrder::PublicationDate, PaperOrder::Title, PaperOrder::AuthorCount, PaperOrder::UpdatedAt] {
            for is_version in [None, Some(false), Some(true)] {
                let filter = PaperFilter { is_version, ..PaperFilter::default() };
                planner.check(Papers { scope: PaperScope::All, filter, order, direction }, Ties::Indexed).await;
            }
        }
    }
}

#[tokio::test]
async fn every_order_of_the_whole_directory_is_an_index() {
    let folder = tempfile::tempdir().expect("a folder");
    // As root, the server runs as another user, who must reach it.
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).expect("its permissions");
    let place = folder.path().join("postgres");
    let start = move || EmbeddedServer::start(&place, &ServerPrograms::default(), Durability::Volatile);
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
        consortium_size: 100,
        source_order: Vec::new(),
        log: String::new(),
        log_format: crate::config::LogFormat::Text,
    };
    let database = Database::open(&config).await.expect("a database");
    let store = Store::new(database.connection.clone(), 100);
    let transaction = database.connection.begin().await.expect("a transaction");
    transaction.execute_unprepared(ROWS).await.expect("rows");
    // What few rows make cheaper shall not hide what many would need.
    let settings =
        "SET LOCAL enable_sort = off; SET LOCAL enable_seqscan = off; SET LOCAL plan_cache_mode = force_generic_plan";
    transaction.execute_unprepared(settings).await.expect("settings");
    let planner = Planner { store, transaction };
    check_all(&planner).await;
    planner.transaction.rollback().await.expect("an end");
    database.close().await;
    tokio::task::spawn_blocking(move || server.stop()).await.expect("a stop");
}
