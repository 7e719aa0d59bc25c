//! Counts and times of what the service does, as Prometheus reads them.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use actix_web::web::Data;
use actix_web::{HttpResponse, http::header};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use tokio::runtime::Handle as Runtime;

use crate::http::admission::Admission;
use crate::http::connections::Connections;
use crate::http::response_cache::Answers;
use crate::store::Store;
use crate::store::access::health_check::{Health, Pulse};

/// Clients choose the names of their operations: so many are told apart, and the others are one.
const MOST_NAMES: usize = 200;
/// The longest name that is told apart.
const LONGEST_NAME: usize = 100;
/// How often the event loop is looked at.
const TICK: Duration = Duration::from_millis(100);

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfRequest {
    operation: String,
    outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfOutcome {
    outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfRefusal {
    limit: String,
}

/// What became of a request.
pub struct Observation<'a> {
    /// The name of its operation, where it has one.
    pub operation: Option<&'a str>,
    /// `ok`, `partial`, `refused`, `unavailable`, `timeout`, `error`, or `cancelled` where the client went away.
    pub outcome: &'static str,
    /// Its SQL statements.
    pub statements: u64,
    /// From its head to its answer.
    pub time: Duration,
    /// The limit or the code that it was refused by.
    pub refusal: Option<String>,
}

/// All that is counted, of one server.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    registry: Registry,
    names: Mutex<HashSet<String>>,
    requests: Family<OfRequest, Counter>,
    seconds: Family<OfOutcome, Histogram, fn() -> Histogram>,
    statements: Histogram,
    refusals: Family<OfRefusal, Counter>,
    gauges: Gauges,
    lateness: Arc<AtomicU64>,
    watched: Watched,
    /// The one that queries run on.
    runtime: Runtime,
}

/// What is looked at when somebody asks.
pub struct Watched {
    /// For the pool.
    pub store: Store,
    /// For the database.
    pub pulse: Pulse,
    /// For the requests that are worked on.
    pub admission: Admission,
    /// For the clients.
    pub connections: Connections,
    /// For the cache.
    pub answers: Arc<Answers>,
}

/// What is read when somebody asks.
#[derive(Default)]
struct Gauges {
    connections: Gauge,
    in_flight: Gauge,
    pool_open: Gauge,
    pool_idle: Gauge,
    pool_most: Gauge,
    replica_requests: Gauge,
    database: Gauge,
    tasks: Gauge,
    queue: Gauge,
    lateness: Gauge<f64, AtomicU64>,
    memory: Gauge,
    cache: Gauge,
}

impl Metrics {
    /// Begins to count.
    #[must_use]
    pub fn new(watched: Watched) -> Self {
        let seconds: Family<OfOutcome, Histogram, fn() -> Histogram> = Family::new_with_constructor(|| {
            Histogram::new([0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0])
        });
        let mut inner = Inner {
            registry: Registry::with_prefix("academic_directory"),
            names: Mutex::default(),
            requests: Family::default(),
            seconds,
            statements: Histogram::new([0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0]),
            refusals: Family::default(),
            gauges: Gauges::default(),
            lateness: Arc::default(),
            watched,
            runtime: Runtime::current(),
        };
        inner.register();
        tokio::spawn(watch_event_loop(Arc::downgrade(&inner.lateness)));
        Self(Arc::new(inner))
    }

    /// Counts a request.
    pub fn observe(&self, observation: &Observation) {
        let operation = self.name(observation.operation);
        self.0.requests.get_or_create(&OfRequest { operation, outcome: observation.outcome }).inc();
        let seconds = self.0.seconds.get_or_create(&OfOutcome { outcome: observation.outcome });
        seconds.observe(observation.time.as_secs_f64());
        #[expect(clippy::cast_precision_loss, reason = "a request has few statements")]
        self.0.statements.observe(observation.statements as f64);
        if let Some(limit) = &observation.refusal {
            self.0.refusals.get_or_create(&OfRefusal { limit: limit.clone() }).inc();
        }
    }

    fn name(&self, operation: Option<&str>) -> String {
        let Some(name) = operation else { return String::new() };
        let mut known = self.0.names.lock().unwrap_or_else(PoisonError::into_inner);
        if known.contains(name)
            || (known.len() < MOST_NAMES && name.len() <= LONGEST_NAME && known.insert(name.to_owned()))
        {
            return name.to_owned();
        }
        "other".to_owned()
    }

    fn text(&self) -> Result<String, std::fmt::Error> {
        self.0.read_gauges();
        let mut text = String::new();
        encode(&mut text, &self.0.registry)?;
        Ok(text)
    }
}

impl Inner {
    fn register(&mut self) {
        let (registry, gauges) = (&mut self.registry, &self.gauges);
        registry.register("requests", "GraphQL requests by operation and outcome", self.requests.clone());
        registry.register("request_seconds", "From a request to its answer, in seconds", self.seconds.clone());
        registry.register("request_statements", "SQL statements of a request", self.statements.clone());
        registry.register("refusals", "Requests refused, by limit or code", self.refusals.clone());
        registry.register("connections", "Open connections of clients", gauges.connections.clone());
        registry.register("requests_in_flight", "GraphQL requests that are worked on", gauges.in_flight.clone());
        registry.register("pool_connections", "Open connections to Postgres", gauges.pool_open.clone());
        registry.register("pool_connections_idle", "Those that nobody uses", gauges.pool_idle.clone());
        registry.register("pool_connections_maximum", "The most there may be", gauges.pool_most.clone());
        registry.register(
            "replica_requests",
            "Requests that were read from a copy of the database since the start",
            gauges.replica_requests.clone(),
        );
        registry.register(
            "database_ready",
            "1 while the database answers and has all migrations",
            gauges.database.clone(),
        );
        let answers = &self.watched.answers;
        registry.register("cache_hits", "Answers that were kept from before", answers.hits.clone());
        registry.register("cache_misses", "Answers that were looked for and were not", answers.misses.clone());
        registry.register("cache_bytes", "What the kept answers take, in bytes", gauges.cache.clone());
        registry.register("build", "What runs", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
        registry.register("tasks", "Tasks of the event loop", gauges.tasks.clone());
        registry.register("tasks_queued", "Those that wait for a thread", gauges.queue.clone());
        registry.register(
            "event_loop_lateness_seconds",
            "How late the event loop came to a timer at worst since this was last read",
            gauges.lateness.clone(),
        );
        registry.register("resident_memory_bytes", "Memory of the process, in bytes", gauges.memory.clone());
    }

    fn read_gauges(&self) {
        let set = |gauge: &Gauge, value: usize| {
            gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        };
        let (gauges, watched) = (&self.gauges, &self.watched);
        let (open, idle, most) = watched.store.pool();
        set(&gauges.connections, watched.connections.count());
        set(&gauges.in_flight, watched.admission.in_flight());
        set(&gauges.pool_open, open);
        set(&gauges.pool_idle, idle);
        set(&gauges.pool_most, most);
        let requests = watched.store.replicas().iter().map(|replica| replica.requests()).sum::<u64>();
        gauges.replica_requests.set(i64::try_from(requests).unwrap_or(i64::MAX));
        set(&gauges.database, usize::from(watched.pulse.health() == Health::Good));
        let runtime = self.runtime.metrics();
        set(&gauges.tasks, runtime.num_alive_tasks());
        set(&gauges.queue, runtime.global_queue_depth());
        set(&gauges.cache, usize::try_from(watched.answers.bytes()).unwrap_or(usize::MAX));
        set(&gauges.memory, resident_memory().unwrap_or_default());
        gauges.lateness.set(Duration::from_micros(self.lateness.swap(0, Ordering::Relaxed)).as_secs_f64());
    }
}

/// Notes how late a timer was, for as long as somebody asks.
async fn watch_event_loop(lateness: std::sync::Weak<AtomicU64>) {
    loop {
        let begun = Instant::now();
        tokio::time::sleep(TICK).await;
        let Some(lateness) = lateness.upgrade() else { return };
        let late = u64::try_from(begun.elapsed().saturating_sub(TICK).as_micros()).unwrap_or(u64::MAX);
        lateness.fetch_max(late, Ordering::Relaxed);
    }
}

/// By Linux' own account; nothing elsewhere.
fn resident_memory() -> Option<usize> {
    let account = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: usize = account.split(' ').nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size())
}

/// Everything counted, in the format of OpenMetrics.
pub async fn metrics(metrics: Data<Metrics>) -> HttpResponse {
    match metrics.text() {
        Ok(text) => HttpResponse::Ok()
            .content_type("application/openmetrics-text; version=1.0.0; charset=utf-8")
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .body(text),
        Err(error) => {
            tracing::error!(%error, "the metrics could not be written");
            HttpResponse::InternalServerError().finish()
        }
    }
}

/// What is told where the metrics are not for everybody.
pub async fn elsewhere() -> HttpResponse {
    HttpResponse::NotFound().content_type("text/plain; charset=utf-8").body(
        "The metrics are not shown on an address that others may reach. Set METRICS_LISTEN, such as 127.0.0.1:9090, and \
         read them there.\n",
    )
}
