//! The response cache: bounded staleness, cache keys, and what is not cached.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use academic_directory::config::{HttpConfig, Limits};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::support::synthetic_data::SeededRng;
use crate::support::{
    DatabaseSession, TestApp, create_database, database_config, http_config, network_config, paper_record,
    researcher_record,
};

/// Commits of other processes are visible after this time: 100 ms and a round trip to the database, which takes long while
/// other tests run.
const MAX_STALENESS: Duration = Duration::from_millis(200);
const TITLES: &str = "{ papers(orderBy: {field: TITLE, direction: ASC}) { nodes { title } } }";

fn cache_enabled() -> HttpConfig {
    HttpConfig { cache_max_bytes: 1 << 20, ..http_config() }
}

async fn start_on(url: &str) -> TestApp {
    TestApp::start_with_config(database_config(url, 100), Limits::default(), cache_enabled(), network_config()).await
}

/// The number of statements of a query, and its data.
async fn query_counting(app: &TestApp, query: &str) -> (u64, Value) {
    let (response, statements) = app.query_counting_statements(query, json!({})).await;
    (statements, response.data().clone())
}

#[tokio::test]
async fn invalidated_by_a_commit() {
    let app = TestApp::start_with_http_config(cache_enabled()).await;
    app.create_records(json!([paper_record("Tides", Some(2001), &["Ada Berg"])])).await;
    let (first, body) = query_counting(&app, TITLES).await;
    assert_eq!((first, query_counting(&app, TITLES).await), (1, (0, body)));
    // Cached responses have the position header, too.
    let response =
        app.client().post(app.url("/graphql")).json(&json!({ "query": TITLES })).send().await.expect("a response");
    assert!(response.headers().contains_key("x-directory-position"));
    // Writes of this process are visible immediately.
    app.create_records(json!([paper_record("Waves", Some(2002), &["Bo Dahl"])])).await;
    let (again, body) = query_counting(&app, TITLES).await;
    assert_eq!((again, &body["papers"]["nodes"][1]["title"]), (1, &json!("Waves")));
    // Writes of other processes are visible soon; a rolled-back transaction invalidates nothing.
    app.execute_sql("UPDATE paper SET title = 'Ebb' WHERE title = 'Tides'").await;
    tokio::time::sleep(MAX_STALENESS).await;
    assert_eq!(query_counting(&app, TITLES).await.1["papers"]["nodes"][0]["title"], "Ebb");
    app.execute_sql("BEGIN; DELETE FROM paper WHERE title = 'Ebb'; ROLLBACK").await;
    tokio::time::sleep(MAX_STALENESS).await;
    assert_eq!(query_counting(&app, TITLES).await.0, 0);
    let metrics = app.client().get(app.url("/metrics")).send().await.expect("a response").text().await.expect("a text");
    assert!(metrics.contains("academic_directory_cache_hits_total 3\n"), "{metrics}");
    assert!(metrics.contains("academic_directory_cache_misses_total 3\n"), "{metrics}");
}

fn decompress(body: &[u8], coding: Option<&str>) -> String {
    use std::io::Read as _;
    let mut text = String::new();
    match coding {
        Some("zstd") => zstd::Decoder::new(body).expect("a reader").read_to_string(&mut text).expect("a text"),
        Some("gzip") => flate2::read::GzDecoder::new(body).read_to_string(&mut text).expect("a text"),
        _ => (&mut &body[..]).read_to_string(&mut text).expect("a text"),
    };
    text
}

#[tokio::test]
async fn large_responses_are_compressed() {
    let app = TestApp::start_with_http_config(cache_enabled()).await;
    // Multi-byte characters, so that truncation at a wrong byte offset is detected.
    let titles: Vec<Value> = (0..100)
        .map(|number| paper_record(&format!("Événements de la marée n° {number} 潮汐"), Some(2001), &[]))
        .collect();
    app.create_records(json!(titles)).await;
    let query = "{ papers(first: 100) { nodes { id title slug publicationYear } } }";
    let body = async || {
        let request = app.client().post(app.url("/graphql")).json(&json!({ "query": query }));
        request.send().await.expect("a response").bytes().await.expect("a body")
    };
    let before = app.store.statement_counter().total();
    let new = body().await;
    assert_eq!((body().await, app.store.statement_counter().total() - before), (new.clone(), 1));
    let metrics = app.client().get(app.url("/metrics")).send().await.expect("a response").text().await.expect("a text");
    let cached_bytes =
        metrics.lines().find_map(|line| line.strip_prefix("academic_directory_cache_bytes ")).expect("a metric");
    let cached_bytes: usize = cached_bytes.parse().expect("a number");
    assert!(
        cached_bytes > 0 && cached_bytes * 3 < new.len(),
        "{cached_bytes} bytes cached for a response of {}",
        new.len()
    );

    // For every content coding, by POST and by GET.
    let by_get = reqwest::Url::parse_with_params(&app.url("/graphql"), [("query", query)]).expect("an address");
    let text = String::from_utf8(new.to_vec()).expect("a text");
    for accepted in
        ["gzip, deflate, br, zstd", "zstd", "zstd;q=0.5, br", "zstd;q=0", "gzip", "identity", "*", "zstd, identity;q=0"]
    {
        let liked = match accepted {
            "gzip, deflate, br, zstd" | "zstd" | "zstd, identity;q=0" => Some("zstd"),
            "zstd;q=0.5, br" => Some("br"),
            "gzip" => Some("gzip"),
            _ => None,
        };
        let post = app.client().post(app.url("/graphql")).json(&json!({ "query": query }));
        let get = app.client().get(by_get.clone()).header("Accept", "application/json");
        let mut tags = Vec::new();
        for request in [post, get] {
            let response = request.header("Accept-Encoding", accepted).send().await.expect("a response");
            let header =
                |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
            assert_eq!(header("content-encoding").as_deref(), liked, "{accepted}");
            tags.extend(header("etag"));
            if liked != Some("br") {
                assert_eq!(decompress(&response.bytes().await.expect("a body"), liked), text, "{accepted}");
            }
        }
        let get = app.client().get(by_get.clone()).header("Accept", "application/json");
        let again =
            get.header("Accept-Encoding", accepted).header("If-None-Match", &tags[0]).send().await.expect("a response");
        assert_eq!(again.status(), 304, "{accepted}");
    }
    assert_eq!(app.store.statement_counter().total() - before, 1);
}

#[tokio::test]
async fn cache_key() {
    let app = TestApp::start_with_http_config(cache_enabled()).await;
    app.create_records(json!([
        researcher_record("Ada Berg"),
        researcher_record("Bo Dahl"),
        { "kind": "topic", "scheme": "local", "names": [
            { "value": "Learning", "language": "en", "kind": "LABEL" },
            { "value": "Apprentissage", "language": "fr", "kind": "LABEL" },
        ] },
    ]))
    .await;
    let statements = || app.store.statement_counter().total();
    let query = "query One($first: Int) { researchers(first: $first) { nodes { name } } topics { nodes { displayName { value } } } }
                 query Two { researchers(first: 1) { totalCount } }";
    let body =
        |name: &str, first: i32| json!({ "query": query, "operationName": name, "variables": { "first": first } });
    let cases = [(body("One", 1), "en"), (body("One", 2), "en"), (body("One", 1), "fr"), (body("Two", 1), "en")];
    let mut responses = Vec::new();
    for round in 0..2 {
        for (body, language) in &cases {
            let before = statements();
            let request = app.client().post(app.url("/graphql")).header("Accept-Language", *language).json(body);
            let response = request.send().await.expect("a response").text().await.expect("a text");
            assert_eq!(statements() > before, round == 0, "{response}");
            responses.push(response);
        }
    }
    assert_eq!(responses[..4], responses[4..]);
    responses.truncate(4);
    responses.sort_unstable();
    responses.dedup();
    assert_eq!(responses.len(), 4, "{responses:?}");
}

#[tokio::test]
async fn uncacheable_responses() {
    let app = TestApp::start_with_http_config(cache_enabled()).await;
    app.create_records(json!([paper_record("Tides", Some(2001), &["Ada Berg"])])).await;
    // Partial responses: data with errors.
    let faulty = "{ papers { nodes { title } } researchers(first: 1000) { nodes { name } } }";
    for _ in 0..2 {
        let (response, statements) = app.query_counting_statements(faulty, json!({})).await;
        assert_eq!((response.codes(), statements), (vec!["BAD_USER_INPUT".to_owned()], 1), "{}", response.body);
    }
    // Cost reports, which require execution.
    query_counting(&app, TITLES).await;
    let report = app.client().post(app.url("/graphql")).header("X-Query-Cost", "report");
    let report: Value =
        report.json(&json!({ "query": TITLES })).send().await.expect("a response").json().await.expect("JSON");
    assert!(report["extensions"]["cost"]["requested"]["cost"].as_u64().is_some_and(|cost| cost > 0), "{report}");
    assert_eq!(query_counting(&app, TITLES).await.1.get("extensions"), None);
}

#[tokio::test]
async fn cached_responses_equal_fresh_ones() {
    let app = TestApp::start_with_http_config(cache_enabled()).await;
    app.create_records(json!([paper_record("Tides", Some(2001), &["Ada Berg"])])).await;
    query_counting(&app, TITLES).await;
    // A hash that is sent together with a cached query is registered, too.
    let hash: String =
        <sha2::Sha256 as sha2::Digest>::digest(TITLES).iter().map(|byte| format!("{byte:02x}")).collect();
    let extensions = json!({ "persistedQuery": { "version": 1, "sha256Hash": hash } });
    let ask = async |body: Value| {
        let response = app.client().post(app.url("/graphql")).json(&body).send().await.expect("a response");
        response.json::<Value>().await.expect("JSON")
    };
    let first = ask(json!({ "query": TITLES, "extensions": extensions })).await;
    assert_eq!(ask(json!({ "extensions": extensions })).await, first);
    let address = app.url(&format!("/graphql?extensions={extensions}").replace('"', "%22"));
    let get = app.client().get(address).header("Accept", "application/json").send().await.expect("a response");
    assert_eq!(get.headers()["cache-control"], "public, max-age=60");
    assert!(get.headers().contains_key("etag"));
    assert_eq!(get.json::<Value>().await.expect("JSON"), first);
}

#[tokio::test]
async fn every_table_has_a_change_trigger() {
    let session = DatabaseSession::open(&create_database().await).await;
    let silent = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') \
         AND relname NOT IN ('directory_change', 'seaql_migrations') AND NOT EXISTS \
         (SELECT FROM pg_trigger WHERE tgrelid = pg_class.oid AND tgname = 'notes_change')";
    assert_eq!(session.query_number(silent).await, 0);
    // Superseded revisions are deleted once no older transaction is running on the server.
    let deadline = Instant::now() + Duration::from_secs(60);
    session.execute("UPDATE setting SET value = value").await;
    session.execute("UPDATE setting SET value = value; TRUNCATE coauthorship").await;
    while session.query_number("SELECT count(*) FROM directory_change").await > 1 {
        assert!(Instant::now() < deadline, "superseded revisions are not deleted");
        session.execute("UPDATE setting SET value = value").await;
    }
}

/// Numbers that a writer has committed, with the time of each commit.
type CommitLog = Mutex<Vec<(usize, Instant)>>;

/// Writes increasing numbers into a paper's title, in several kinds of transactions.
async fn write_until_stopped(url: String, writer: usize, committed: Arc<CommitLog>, ended: Arc<AtomicBool>) {
    let session = DatabaseSession::open(&url).await;
    let mut rng = SeededRng::new(writer as u64);
    for number in 1.. {
        let update = format!("UPDATE paper SET title = 'Number {number}' WHERE slug = 'number-{writer}'");
        match rng.below(4) {
            0 => session.execute(&update).await,
            // Its revision is older than those of transactions that commit before it.
            1 => {
                session.execute(&format!("BEGIN; {update}")).await;
                tokio::time::sleep(Duration::from_millis(rng.below(60) as u64)).await;
                session.execute("COMMIT").await;
            }
            2 => session.execute(&format!("BEGIN; SAVEPOINT one; {update}; ROLLBACK TO one; {update}; COMMIT")).await,
            _ => session.execute(&format!("BEGIN; SET LOCAL synchronous_commit = off; {update}; COMMIT")).await,
        }
        committed.lock().await.push((number, Instant::now()));
        if ended.load(Ordering::Relaxed) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(rng.below(120) as u64)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn bounded_staleness_under_writes() {
    const WRITERS: usize = 3;
    let url = create_database().await;
    let apps = [Arc::new(start_on(&url).await), Arc::new(start_on(&url).await)];
    let papers: Vec<Value> =
        (0..WRITERS).map(|writer| paper_record(&format!("Number {writer}"), None, &["Ada Berg"])).collect();
    apps[0].create_records(json!(papers)).await;
    apps[0].execute_sql("UPDATE paper SET slug = 'number-' || right(title, 1), title = 'Number 0'").await;
    let ended = Arc::new(AtomicBool::new(false));
    let committed: Vec<Arc<CommitLog>> = (0..WRITERS).map(|_| Arc::default()).collect();
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            tokio::spawn(write_until_stopped(url.clone(), writer, Arc::clone(&committed[writer]), Arc::clone(&ended)))
        })
        .collect();

    let (hits, read) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let end = Instant::now() + Duration::from_secs(6);
    let readers: Vec<_> = (0..6)
        .map(|reader: usize| {
            let (app, committed) = (Arc::clone(&apps[reader % 2]), committed.clone());
            let (hits, read) = (Arc::clone(&hits), Arc::clone(&read));
            tokio::spawn(async move {
                let mut rng = SeededRng::new(reader as u64 + 100);
                while Instant::now() < end {
                    let writer = rng.below(WRITERS);
                    let started_at = Instant::now();
                    let query = format!("{{ paper(by: {{slug: \"number-{writer}\"}}) {{ title }} }}");
                    let response = app.query(&query, json!({})).await;
                    let title = response.data()["paper"]["title"].as_str().expect("a title").to_owned();
                    let seen: usize = title.trim_start_matches("Number ").parse().expect("a number");
                    let long_ago = committed[writer]
                        .lock()
                        .await
                        .iter()
                        .rev()
                        .find(|(_, at)| *at + MAX_STALENESS <= started_at)
                        .copied();
                    let least = long_ago.map_or(0, |(number, _)| number);
                    assert!(seen >= least, "writer {writer}: {seen} was returned, although {least} was committed more than {MAX_STALENESS:?} before");
                    read.fetch_add(1, Ordering::Relaxed);
                    if rng.one_in(3) {
                        tokio::time::sleep(Duration::from_millis(rng.below(10) as u64)).await;
                    }
                }
                hits.fetch_max(hit_count(&app).await, Ordering::Relaxed);
            })
        })
        .collect();
    for reader in readers {
        reader.await.expect("a reader");
    }
    ended.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await.expect("a writer");
    }
    let written: usize =
        futures_util::future::join_all(committed.iter().map(async |one| one.lock().await.len())).await.iter().sum();
    let (read, hits) = (read.load(Ordering::Relaxed), hits.load(Ordering::Relaxed));
    println!("{written} commits, {read} responses, {hits} cache hits of one instance");
    assert!(written > 20 && hits > 20, "{written} commits, {hits} cache hits: too few");
}

async fn hit_count(app: &TestApp) -> usize {
    let metrics = app.client().get(app.url("/metrics")).send().await.expect("a response").text().await.expect("a text");
    let line = metrics.lines().find_map(|line| line.strip_prefix("academic_directory_cache_hits_total "));
    line.and_then(|number| number.parse().ok()).expect("the number of hits")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn read_your_writes() {
    let app = Arc::new(TestApp::start_with_http_config(cache_enabled()).await);
    for number in 0..30 {
        app.create_records(json!([paper_record(&format!("Paper {number}"), None, &["Ada Berg"])])).await;
        // Concurrent queries could otherwise cache a revision from before the commit.
        let queries = (0..4).map(|_| {
            let app = Arc::clone(&app);
            tokio::spawn(async move { app.data("{ papers { totalCount } }").await["papers"]["totalCount"].clone() })
        });
        for queries in queries.collect::<Vec<_>>() {
            assert_eq!(queries.await.expect("a response"), number + 1);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn unknown_revision_disables_the_cache() {
    let app = TestApp::start_with_http_config(cache_enabled()).await;
    app.create_records(json!([paper_record("Tides", Some(2001), &["Ada Berg"])])).await;
    query_counting(&app, TITLES).await;
    assert_eq!(query_counting(&app, TITLES).await.0, 0);
    // Terminates the connections that read the revision; the service opens another one.
    let session = DatabaseSession::open(&app.database_url).await;
    let kill = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                WHERE datname = current_database() AND query LIKE '%directory_change%' AND pid <> pg_backend_pid()";
    assert!(session.query_number(kill).await > 0);
    tokio::time::sleep(MAX_STALENESS).await;
    assert_eq!(query_counting(&app, TITLES).await.0, 0);
    session.execute("UPDATE paper SET title = 'Ebb'").await;
    tokio::time::sleep(MAX_STALENESS).await;
    assert_eq!(query_counting(&app, TITLES).await.1["papers"]["nodes"][0]["title"], "Ebb");
    // While the revision table is locked, nothing is served from the cache.
    let lock = app.lock_table("directory_change").await;
    tokio::time::sleep(MAX_STALENESS).await;
    for _ in 0..3 {
        assert_eq!(query_counting(&app, TITLES).await.0, 1);
    }
    lock.execute("UPDATE paper SET title = 'Flow'").await;
    lock.execute("COMMIT").await;
    assert_eq!(query_counting(&app, TITLES).await.1["papers"]["nodes"][0]["title"], "Flow");
    let deadline = Instant::now() + Duration::from_secs(20);
    while query_counting(&app, TITLES).await.0 > 0 {
        assert!(Instant::now() < deadline, "responses are not cached again");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// What is not in the cache is executed at once, and stored for the last known revision.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn misses_do_not_wait_for_the_revision() {
    let app = TestApp::start_with_http_config(cache_enabled()).await;
    app.create_records(json!([paper_record("Tides", Some(2001), &["Ada Berg"])])).await;
    query_counting(&app, TITLES).await;
    // The revision cannot be asked for, and the answer is no longer valid.
    let lock = app.lock_table("directory_change").await;
    tokio::time::sleep(MAX_STALENESS).await;
    assert_eq!(query_counting(&app, "{ papers { totalCount } }").await.1["papers"]["totalCount"], 1);
    lock.execute("ROLLBACK").await;
    assert_eq!(query_counting(&app, "{ papers { totalCount } }").await.0, 0);
}

/// A position that the database does not have is rejected at once, whether the response is cached or not.
#[tokio::test]
async fn impossible_position() {
    let app = TestApp::start_with_http_config(cache_enabled()).await;
    app.create_records(json!([paper_record("Tides", Some(2001), &["Ada Berg"])])).await;
    let ask = async |position: &str| {
        let request = app.client().post(app.url("/graphql")).header("X-Directory-Position", position);
        request.json(&json!({ "query": TITLES })).send().await.expect("a response")
    };
    for _ in 0..2 {
        let statements = app.store.statement_counter().total();
        let response = ask("FFFFFFFF/0").await;
        assert_eq!(response.status(), 400);
        assert!(!response.headers().contains_key("x-directory-position"));
        let body: Value = response.json().await.expect("JSON");
        assert_eq!(body["errors"][0]["extensions"]["code"], "BAD_USER_INPUT");
        let message = body["errors"][0]["message"].as_str().expect("a message");
        assert!(message.starts_with("X-Directory-Position: the position FFFFFFFF/0 is after the end of"), "{message}");
        assert!(message.contains("repeat the request without the position"), "{message}");
        assert_eq!(app.store.statement_counter().total(), statements);
        // The next round asks for a cached response.
        query_counting(&app, TITLES).await;
    }
    // A position of a response is possible.
    let response = ask("0/1").await;
    let position = response.headers()["x-directory-position"].to_str().expect("a text").to_owned();
    assert_eq!(ask(&position).await.status(), 200);
}

#[tokio::test]
async fn rejected_queries_run_no_statement() {
    let app = TestApp::start_with_http_config(cache_enabled()).await;
    let session = DatabaseSession::open(&app.database_url).await;
    // The service asks once when it starts.
    let last_question = "SELECT coalesce((extract(epoch FROM max(query_start)) * 1e6)::bigint, 0) FROM pg_stat_activity \
         WHERE datname = current_database() AND query LIKE '%FROM directory_change%' AND pid <> pg_backend_pid() \
         AND state = 'idle'";
    let deadline = Instant::now() + Duration::from_secs(30);
    while session.query_number(last_question).await == 0 {
        assert!(Instant::now() < deadline, "the service does not ask for the revision when it starts");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tokio::time::sleep(MAX_STALENESS).await;
    let at_start = session.query_number(last_question).await;
    let page = |inner: &str| format!("coauthors(first: 100) {{ nodes {{ {inner} }} }}");
    let dear = format!("{{ researchers(first: 100) {{ nodes {{ {} }} }} }}", page(&page(&page("name"))));
    let (response, statements) = app.query_counting_statements(&dear, json!({})).await;
    assert_eq!((response.codes(), statements), (vec!["QUERY_TOO_COMPLEX".to_owned()], 0));
    assert_eq!(session.query_number(last_question).await, at_start);
    query_counting(&app, TITLES).await;
    assert!(session.query_number(last_question).await > at_start);
}
