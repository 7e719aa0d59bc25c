//! Measures the effect of slow clients and overload on other clients: over loopback, against a running service, in about
//! 90 seconds; then how clients with expensive searches affect others, and the memory that different documents take (also
//! alone, by `--expensive` and `--memory`). With `--outage PROGRAM` it starts the service itself and measures database
//! outages; with `--fairness PROGRAM`, the effect of one greedy client on clients at other addresses, and of many idle
//! connections.
//!
//! `bench/load.sh` starts the service with the demo directory and runs all of it. Client, service and database share the
//! machine.

use std::collections::BTreeMap;
use std::error::Error;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, sleep_until, timeout};

mod expensive;
mod fairness;
// Gives clients addresses of their own.
#[path = "../../tests/api/support/loopback.rs"]
#[allow(dead_code, reason = "the tests use all of it")]
mod loopback;
mod memory;
mod outage;

/// A typical query: researchers with papers and coauthors.
const QUERY: &str = r#"{"query": "{ researchers(first: 20) { nodes { name papers(first: 5) { nodes { title authorships(first: 10) { nodes { name } } } } coauthors(first: 5) { nodes { name } } } } }"}"#;
const REQUEST_HEADERS: &str = "POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json";
/// A long response that is cheap to compute.
const INTROSPECTION_QUERY: &str = include_str!("../../tests/api/introspection.graphql");
const SLOW_CLIENT_COUNT: usize = 200;
const SLOW_SECONDS: u64 = 20;
const OVERLOAD_SECONDS: u64 = 15;
const OVERLOAD_FACTOR: f64 = 3.0;
/// The client gives up after this time.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(10);
/// Later responses do not count as goodput.
const USEFUL_RESPONSE_TIME: Duration = Duration::from_secs(2);

/// Returns the body of the next request.
type NextBody = Box<dyn Fn() -> String + Send + Sync>;

/// The service under test as seen by one client, with a pool of idle connections.
struct Service {
    address: String,
    /// The address that the client connects from; any, if `None`.
    client: Option<IpAddr>,
    next_body: NextBody,
    idle: Mutex<Vec<TcpStream>>,
}

impl Service {
    fn at(address: String) -> Arc<Self> {
        Self::for_client(address, None, Box::new(|| QUERY.to_owned()))
    }

    /// The service as seen by a client that sends these bodies from this address.
    fn for_client(address: String, client: Option<IpAddr>, next_body: NextBody) -> Arc<Self> {
        Arc::new(Self { address, client, next_body, idle: Mutex::default() })
    }

    async fn connect(&self) -> io::Result<TcpStream> {
        let Some(client) = self.client else { return TcpStream::connect(&self.address).await };
        let socket = if client.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.bind(SocketAddr::new(client, 0))?;
        socket.connect(self.address.parse().map_err(io::Error::other)?).await
    }

    /// Sends one request on an idle or new connection and returns the status code.
    async fn query(&self) -> io::Result<u16> {
        // The server may have closed an idle connection; another one is tried.
        while let Some(stream) = self.take_idle().await {
            match self.query_on(stream).await {
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {}
                answered => return answered,
            }
        }
        self.query_on(self.connect().await?).await
    }

    async fn take_idle(&self) -> Option<TcpStream> {
        self.idle.lock().await.pop()
    }

    async fn query_on(&self, mut stream: TcpStream) -> io::Result<u16> {
        let body = (self.next_body)();
        let request = format!("{REQUEST_HEADERS}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        stream.write_all(request.as_bytes()).await?;
        let status = read_response(&mut stream).await?;
        self.idle.lock().await.push(stream);
        Ok(status)
    }
}

async fn read_response(stream: &mut TcpStream) -> io::Result<u16> {
    read_body(stream).await.map(|(status, _)| status)
}

/// Reads a response and returns its status code and body.
async fn read_body(stream: &mut TcpStream) -> io::Result<(u16, Vec<u8>)> {
    let mut response = Vec::with_capacity(16 * 1024);
    loop {
        if stream.read_buf(&mut response).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let Some(end) = response.windows(4).position(|bytes| bytes == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&response[..end]).to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
        let length = length.ok_or(io::ErrorKind::InvalidData)?;
        let mut body = response.split_off(end + 4);
        while body.len() < length {
            if stream.read_buf(&mut body).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        return Ok((head.get(9..12).and_then(|status| status.parse().ok()).unwrap_or_default(), body));
    }
}

/// The results of a measurement.
#[derive(Default)]
struct LoadResults {
    requests: usize,
    /// Durations of responses with status 200.
    ok: Vec<Duration>,
    /// Durations of responses with status 503.
    rejected: Vec<Duration>,
    /// Other status codes, connection errors and timeouts, by kind.
    failed: BTreeMap<String, usize>,
}

impl LoadResults {
    fn add(&mut self, sent: &io::Result<u16>, duration: Duration) {
        self.requests += 1;
        match sent {
            Ok(200) => self.ok.push(duration),
            Ok(503) => self.rejected.push(duration),
            Ok(status) => *self.failed.entry(status.to_string()).or_default() += 1,
            Err(error) => *self.failed.entry(error.kind().to_string()).or_default() += 1,
        }
    }

    fn merge(&mut self, other: Self) {
        self.requests += other.requests;
        self.ok.extend(other.ok);
        self.rejected.extend(other.rejected);
        for (kind, count) in other.failed {
            *self.failed.entry(kind).or_default() += count;
        }
    }

    /// Returns the percentile of the durations of successful responses, in seconds.
    fn percentile_seconds(&mut self, percent: usize) -> f64 {
        self.ok.sort_unstable();
        let index = (self.ok.len() * percent / 100).min(self.ok.len().saturating_sub(1));
        self.ok.get(index).map_or(f64::NAN, Duration::as_secs_f64)
    }

    fn useful_responses(&self) -> usize {
        self.ok.iter().filter(|duration| **duration <= USEFUL_RESPONSE_TIME).count()
    }

    fn print(&mut self, what: &str, seconds: u64) {
        let (sent, refused, failed) = (self.requests, self.rejected.len(), &self.failed);
        println!(
            "{what}: {} requests/s, {} responses/s within 2 s (p50 {} p99 {}), {} rejected/s (p50 {} p99 {}), failures {failed:?}",
            sent as u64 / seconds,
            self.useful_responses() as u64 / seconds,
            percentile(&mut self.ok, 50),
            percentile(&mut self.ok, 99),
            refused as u64 / seconds,
            percentile(&mut self.rejected, 50),
            percentile(&mut self.rejected, 99),
        );
    }
}

fn percentile(times: &mut [Duration], percent: usize) -> String {
    times.sort_unstable();
    let found = times.get((times.len() * percent / 100).min(times.len().saturating_sub(1)));
    found.map_or("-".to_owned(), |time| format!("{:.1} ms", time.as_secs_f64() * 1e3))
}

/// Closed loop: each client sends its next request after a response. Returns the responses per second.
async fn closed_loop(service: &Arc<Service>, clients: usize, seconds: u64) -> f64 {
    let end = Instant::now() + Duration::from_secs(seconds);
    let answered = Arc::new(AtomicU64::new(0));
    let mut tasks = JoinSet::new();
    for _ in 0..clients {
        let (service, answered) = (Arc::clone(service), Arc::clone(&answered));
        tasks.spawn(async move {
            while Instant::now() < end {
                if service.query().await.is_ok_and(|status| status == 200) {
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
    }
    tasks.join_all().await;
    answered.load(Ordering::Relaxed) as f64 / seconds as f64
}

/// Open loop: requests arrive at a fixed rate, regardless of pending ones.
async fn open_loop(service: &Arc<Service>, rate: f64, seconds: u64) -> LoadResults {
    let mut outcome = LoadResults::default();
    for (_, status, duration) in timed_loop(Arc::clone(service), rate, seconds).await {
        outcome.add(&status, duration);
    }
    outcome
}

/// The same, with the start time, status and duration of each request.
async fn timed_loop(service: Arc<Service>, rate: f64, seconds: u64) -> Vec<(Duration, io::Result<u16>, Duration)> {
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for number in 0..(rate * seconds as f64) as u64 {
        sleep_until(start + Duration::from_secs_f64(number as f64 / rate)).await;
        let service = Arc::clone(&service);
        tasks.spawn(async move {
            let sent = Instant::now();
            let status = timeout(CLIENT_TIMEOUT, service.query()).await.unwrap_or(Err(io::ErrorKind::TimedOut.into()));
            (sent - start, status, sent.elapsed())
        });
    }
    tasks.join_all().await
}

/// A slow client that reconnects whenever it is disconnected.
async fn slow_client(service: Arc<Service>, number: usize, disconnects: Arc<AtomicU64>) -> io::Result<()> {
    // Connects gradually; a burst of connections is measured separately.
    tokio::time::sleep(Duration::from_millis(10) * u32::try_from(number).unwrap_or_default()).await;
    loop {
        match number % 3 {
            0 => trickle(&service, "POST /graphql HTTP/1.1\r\nHost: localhost\r\nX-Slow: ").await?,
            1 => trickle(&service, &format!("{REQUEST_HEADERS}\r\nContent-Length: 100000\r\n\r\n{{")).await?,
            _ => read_slowly(&service).await?,
        }
        disconnects.fetch_add(1, Ordering::Relaxed);
    }
}

/// Sends a byte at a time until the server responds or closes the connection.
async fn trickle(service: &Service, beginning: &str) -> io::Result<()> {
    let mut stream = TcpStream::connect(&service.address).await?;
    let mut ticks = interval(Duration::from_millis(500));
    let mut written = stream.write_all(beginning.as_bytes()).await;
    // A response ends the exchange.
    while written.is_ok() && stream.try_read(&mut [0; 1024]).is_err() {
        ticks.tick().await;
        written = stream.write_all(b"x").await;
    }
    Ok(())
}

/// Requests a long response and reads it one byte at a time with a small receive buffer.
async fn read_slowly(service: &Service) -> io::Result<()> {
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(4096)?;
    let mut stream = socket.connect(service.address.parse().map_err(io::Error::other)?).await?;
    let body = serde_json::json!({ "query": INTROSPECTION_QUERY }).to_string();
    stream.write_all(format!("{REQUEST_HEADERS}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).as_bytes()).await?;
    let mut ticks = interval(Duration::from_millis(500));
    while stream.read(&mut [0; 1]).await.is_ok_and(|amount| amount > 0) {
        ticks.tick().await;
    }
    Ok(())
}

async fn measure_load(address: String) -> Result<(), Box<dyn Error>> {
    let service = Service::at(address);
    match service.query().await? {
        200 => {}
        status => return Err(format!("the service responds with status {status}").into()),
    }
    closed_loop(&service, 16, 3).await;
    let sustainable = closed_loop(&service, 16, 8).await;
    println!("sustainable throughput, 16 clients in a closed loop: {sustainable:.0} requests/s");

    let ordinary = sustainable / 4.0;
    let mut baseline = open_loop(&service, ordinary, 10).await;
    baseline.print("a quarter of that, without other load", 10);
    let disconnects = Arc::new(AtomicU64::new(0));
    let mut slow = JoinSet::new();
    for number in 0..SLOW_CLIENT_COUNT {
        slow.spawn(slow_client(Arc::clone(&service), number, Arc::clone(&disconnects)));
    }
    let mut with_slow_clients = open_loop(&service, ordinary, SLOW_SECONDS).await;
    println!("connected slow clients: {}", slow.len());
    slow.shutdown().await;
    with_slow_clients.print(&format!("the same with {SLOW_CLIENT_COUNT} slow clients"), SLOW_SECONDS);
    println!("slow clients disconnected and reconnected: {}", disconnects.load(Ordering::Relaxed));

    let mut overload = open_loop(&service, sustainable * OVERLOAD_FACTOR, OVERLOAD_SECONDS).await;
    overload.print(&format!("overload, {OVERLOAD_FACTOR} times the sustainable throughput"), OVERLOAD_SECONDS);
    tokio::time::sleep(Duration::from_secs(5)).await;
    let mut after = open_loop(&service, ordinary, 5).await;
    after.print("5 s later, a quarter of the sustainable throughput", 5);
    // Other load on the machine varies: the larger of two measurements is the stricter reference.
    let second_sustainable = closed_loop(&service, 16, 8).await;
    println!("sustainable throughput, repeated: {second_sustainable:.0} requests/s");
    let goodput = overload.useful_responses() as f64 / OVERLOAD_SECONDS as f64 / sustainable.max(second_sustainable);
    println!("goodput during overload, relative to the sustainable throughput: {:.0} %", goodput * 100.0);
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    if let Some(program) = std::env::args().skip_while(|argument| argument != "--outage").nth(1) {
        return runtime.block_on(outage::measure_outages(&program));
    }
    if let Some(program) = std::env::args().skip_while(|argument| argument != "--fairness").nth(1) {
        return runtime.block_on(fairness::measure_fairness(&program));
    }
    let url = std::env::args().find(|argument| argument.starts_with("http://"));
    let Some(url) = url else {
        // `cargo test` and `cargo bench` run this without arguments.
        println!(
            "skipped: give the URL of a service, for example http://127.0.0.1:8080/graphql, or --outage or --fairness and the \
             program"
        );
        return Ok(());
    };
    let address = url.trim_start_matches("http://").split('/').next().unwrap_or_default().to_owned();
    let is_given = |option: &str| std::env::args().any(|argument| argument == option);
    let is_everything = !is_given("--expensive") && !is_given("--memory");
    runtime.block_on(async {
        if is_everything {
            measure_load(address.clone()).await?;
        }
        if is_everything || is_given("--expensive") {
            expensive::measure_expensive_searches(&address).await?;
        }
        if is_everything || is_given("--memory") {
            memory::measure_memory(&address).await?;
        }
        Ok(())
    })
}
