//! Measures what 40 connections of one address cost clients at other addresses, and whether 1,000 idle connections shut
//! their address out. The service has its default settings, and no rate limit, since it listens on a loopback address.

use std::error::Error;
use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt as _;

use super::loopback::LoopbackAddresses;
use super::outage::{start_postgres, start_service};
use super::{
    Arc, AtomicU64, Duration, Instant, JoinSet, LoadResults, Ordering, QUERY, Service, closed_loop, open_loop, timeout,
};

const GREEDY_CONNECTIONS: usize = 40;
const SECONDS: u64 = 5;
const ROUNDS: usize = 3;
/// The others send less than they could: what they lose is due to the greedy client, not to a lack of capacity.
const CACHED_REQUESTS_PER_SECOND: f64 = 500.0;
const UNCACHED_REQUESTS_PER_SECOND: f64 = 30.0;
const IDLE_CONNECTIONS: usize = 1_000;
const NEW_CONNECTIONS: usize = 100;

/// The greedy client's own responses during a measurement.
#[derive(Default)]
struct GreedyResults {
    completed: AtomicU64,
    rejected: AtomicU64,
}

/// What a client that is not greedy receives, alone and beside the greedy one.
struct Comparison {
    what: &'static str,
    service: Arc<Service>,
    rate: f64,
    alone: LoadResults,
    beside_greedy: LoadResults,
}

impl Comparison {
    fn new(what: &'static str, service: Arc<Service>, rate: f64) -> Self {
        Self { what, service, rate, alone: LoadResults::default(), beside_greedy: LoadResults::default() }
    }

    fn print(&mut self) {
        let seconds = SECONDS * ROUNDS as u64;
        self.alone.print(&format!("{}, alone", self.what), seconds);
        self.beside_greedy.print(&format!("{}, beside the greedy client", self.what), seconds);
        let share = self.beside_greedy.useful_responses() as f64 / self.alone.useful_responses().max(1) as f64;
        println!("{}: {:.1} % of the rate alone (goal: at least 80 %)", self.what, share * 100.0);
    }
}

/// A query that is never in the response cache: its variables, which the query does not use, are new each time.
fn uncached(address: &str, client: IpAddr) -> Arc<Service> {
    let (number, query) = (AtomicU64::new(0), QUERY.trim_end_matches('}').to_owned());
    let next_body = move || {
        let number = number.fetch_add(1, Ordering::Relaxed);
        format!("{query}, \"variables\": {{\"client\": \"{client}\", \"number\": {number}}}}}")
    };
    Service::for_client(address.to_owned(), Some(client), Box::new(next_body))
}

fn cached(address: &str, client: IpAddr) -> Arc<Service> {
    Service::for_client(address.to_owned(), Some(client), Box::new(|| QUERY.to_owned()))
}

/// Sends a request on each connection after the response to the one before. Stops when it is dropped.
fn start_greedy(service: &Arc<Service>, results: &Arc<GreedyResults>) -> JoinSet<()> {
    let mut connections = JoinSet::new();
    for _ in 0..GREEDY_CONNECTIONS {
        let (service, results) = (Arc::clone(service), Arc::clone(results));
        connections.spawn(async move {
            loop {
                let is_ok = service.query().await.is_ok_and(|status| status == 200);
                let count = if is_ok { &results.completed } else { &results.rejected };
                count.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    connections
}

async fn compare(greedy: &Arc<Service>, comparison: &mut Comparison, results: &Arc<GreedyResults>) {
    let (service, rate) = (Arc::clone(&comparison.service), comparison.rate);
    comparison.alone.merge(open_loop(&service, rate, SECONDS).await);
    let connections = start_greedy(greedy, results);
    comparison.beside_greedy.merge(open_loop(&service, rate, SECONDS).await);
    drop(connections);
    // The requests of the closed connections end.
    tokio::time::sleep(Duration::from_secs(1)).await;
}

async fn measure_greedy_client(address: &str, clients: &LoopbackAddresses) {
    let greedy = uncached(address, clients.get(0));
    let results = Arc::new(GreedyResults::default());
    let mut comparisons = [
        Comparison::new(
            "cached requests of another address",
            cached(address, clients.get(1)),
            CACHED_REQUESTS_PER_SECOND,
        ),
        Comparison::new(
            "uncached requests of another address",
            uncached(address, clients.get(2)),
            UNCACHED_REQUESTS_PER_SECOND,
        ),
    ];
    for _ in 0..ROUNDS {
        for comparison in &mut comparisons {
            compare(&greedy, comparison, &results).await;
        }
    }
    comparisons.iter_mut().for_each(Comparison::print);
    let seconds = SECONDS * ROUNDS as u64 * comparisons.len() as u64;
    let per_second = |count: &AtomicU64| count.load(Ordering::Relaxed) / seconds;
    println!(
        "the greedy client, {GREEDY_CONNECTIONS} connections: {} responses/s, {} rejected/s",
        per_second(&results.completed),
        per_second(&results.rejected)
    );
    // Without a pause between requests, all clients compete for the processors; there is no goal.
    let service = cached(address, clients.get(1));
    let alone = closed_loop(&service, 1, SECONDS).await;
    let connections = start_greedy(&greedy, &results);
    let beside_greedy = closed_loop(&service, 1, SECONDS).await;
    drop(connections);
    println!(
        "one connection with cached requests in a closed loop: {alone:.0} requests/s alone, {beside_greedy:.0} beside the greedy client"
    );
}

async fn measure_idle_connections(address: &str, client: IpAddr) -> Result<(), Box<dyn Error>> {
    let service = cached(address, client);
    let mut idle = Vec::new();
    for _ in 0..IDLE_CONNECTIONS {
        // Beyond the limit, connections may be rejected.
        let Ok(stream) = service.connect().await else { continue };
        if service.query_on(stream).await.is_ok_and(|status| status == 200)
            && let Some(stream) = service.take_idle().await
        {
            idle.push(stream);
        }
    }
    let mut completed = 0;
    let start = Instant::now();
    for _ in 0..NEW_CONNECTIONS {
        let stream = service.connect().await?;
        let status = timeout(Duration::from_secs(10), service.query_on(stream)).await;
        completed += usize::from(matches!(status, Ok(Ok(200))));
        drop(service.take_idle().await);
    }
    println!(
        "{} of {IDLE_CONNECTIONS} connections of one address were accepted and left idle; then {completed} of {NEW_CONNECTIONS} \
         requests on new connections of that address succeeded, in {:.0} ms (goal: all)",
        idle.len(),
        start.elapsed().as_secs_f64() * 1e3
    );
    Ok(())
}

pub(super) async fn measure_fairness(program: &str) -> Result<(), Box<dyn Error>> {
    let Some(clients) = LoopbackAddresses::add(4) else { return Ok(()) };
    let directory = tempfile::Builder::new().prefix("academic-directory-fairness").tempdir()?;
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755))?;
    let server = start_postgres(directory.path())?;
    let (_running, address) = start_service(program, &server.url("postgres"), &[])?;
    let warm_up = cached(&address, clients.get(3));
    closed_loop(&warm_up, 16, 2).await;
    closed_loop(&uncached(&address, clients.get(3)), 16, 2).await;
    measure_greedy_client(&address, &clients).await;
    measure_idle_connections(&address, clients.get(3)).await
}
