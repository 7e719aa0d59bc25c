//! What slow clients and too many requests do to the others: against a running service that counts nobody's address
//! (TRUSTED_PROXIES=127.0.0.1), over loopback, in about a minute and a half.
//!
//! `bench/load.sh` starts such a service with the demonstration directory and runs this. Client, service and database
//! share the machine, so that the figures are of all three together.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, sleep_until, timeout};

/// An ordinary page: people with their papers and coauthors.
const QUERY: &str = r#"{"query": "{ researchers(first: 20) { nodes { name papers(first: 5) { nodes { title authorships(first: 10) { nodes { name } } } } coauthors(first: 5) { nodes { name } } } } }"}"#;
const SLOW_CLIENTS: usize = 200;
const SLOW_SECONDS: u64 = 20;
const OVERLOAD_SECONDS: u64 = 15;
const OVERLOAD: f64 = 3.0;
/// Who has no answer by then has given up.
const PATIENCE: Duration = Duration::from_secs(10);
/// An answer after this is of no use to somebody who looks at a page.
const USEFUL: Duration = Duration::from_secs(2);

/// The service, and the connections to it that are free.
struct Service {
    address: String,
    request: Vec<u8>,
    free: Mutex<Vec<TcpStream>>,
}

impl Service {
    /// One request, on a connection that is free or a new one: the status of the answer.
    async fn ask(&self) -> io::Result<u16> {
        let free = self.free.lock().await.pop();
        let mut stream = match free {
            Some(stream) => stream,
            None => TcpStream::connect(&self.address).await?,
        };
        stream.write_all(&self.request).await?;
        let status = read_answer(&mut stream).await?;
        self.free.lock().await.push(stream);
        Ok(status)
    }
}

async fn read_answer(stream: &mut TcpStream) -> io::Result<u16> {
    let mut answer = Vec::with_capacity(16 * 1024);
    loop {
        if stream.read_buf(&mut answer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let Some(end) = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
        let length = length.ok_or(io::ErrorKind::InvalidData)?;
        let mut rest = (end + 4 + length).saturating_sub(answer.len());
        while rest > 0 {
            answer.clear();
            rest = rest.saturating_sub(stream.read_buf(&mut answer).await?);
        }
        return Ok(head.get(9..12).and_then(|status| status.parse().ok()).unwrap_or_default());
    }
}

/// What became of the requests of a time.
#[derive(Default)]
struct Outcome {
    asked: usize,
    /// How long each answer took that was a page.
    answered: Vec<Duration>,
    /// How long each took that was 503.
    refused: Vec<Duration>,
    /// Other answers, broken connections, and no answer in time.
    failed: usize,
}

impl Outcome {
    fn add(&mut self, asked: &io::Result<u16>, took: Duration) {
        self.asked += 1;
        match asked {
            Ok(200) => self.answered.push(took),
            Ok(503) => self.refused.push(took),
            _ => self.failed += 1,
        }
    }

    fn useful(&self) -> usize {
        self.answered.iter().filter(|took| **took <= USEFUL).count()
    }

    fn tell(&mut self, what: &str, seconds: u64) {
        let (asked, refused, failed) = (self.asked, self.refused.len(), self.failed);
        println!(
            "{what}: {} asked a second, {} answered within 2 s (p50 {} p99 {}), {} refused (p50 {} p99 {}), {failed} failed",
            asked as u64 / seconds,
            self.useful() as u64 / seconds,
            percentile(&mut self.answered, 50),
            percentile(&mut self.answered, 99),
            refused as u64 / seconds,
            percentile(&mut self.refused, 50),
            percentile(&mut self.refused, 99),
        );
    }
}

fn percentile(times: &mut [Duration], percent: usize) -> String {
    times.sort_unstable();
    let found = times.get((times.len() * percent / 100).min(times.len().saturating_sub(1)));
    found.map_or("-".to_owned(), |time| format!("{:.1} ms", time.as_secs_f64() * 1e3))
}

/// So many clients who each ask again when they have an answer: the answers in a second.
async fn closed_loop(service: &Arc<Service>, clients: usize, seconds: u64) -> f64 {
    let end = Instant::now() + Duration::from_secs(seconds);
    let answered = Arc::new(AtomicU64::new(0));
    let mut tasks = JoinSet::new();
    for _ in 0..clients {
        let (service, answered) = (Arc::clone(service), Arc::clone(&answered));
        tasks.spawn(async move {
            while Instant::now() < end {
                if service.ask().await.is_ok_and(|status| status == 200) {
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
    }
    tasks.join_all().await;
    answered.load(Ordering::Relaxed) as f64 / seconds as f64
}

/// Requests that come at this rate, whatever becomes of those before.
async fn open_loop(service: &Arc<Service>, rate: f64, seconds: u64) -> Outcome {
    let begun = Instant::now();
    let mut tasks = JoinSet::new();
    for number in 0..(rate * seconds as f64) as u64 {
        sleep_until(begun + Duration::from_secs_f64(number as f64 / rate)).await;
        let service = Arc::clone(service);
        tasks.spawn(async move {
            let asked = Instant::now();
            let status = timeout(PATIENCE, service.ask()).await.unwrap_or(Err(io::ErrorKind::TimedOut.into()));
            (status, asked.elapsed())
        });
    }
    let mut outcome = Outcome::default();
    for (status, took) in tasks.join_all().await {
        outcome.add(&status, took);
    }
    outcome
}

/// One that is as slow as it can until told to stop, and comes again whenever it is ended.
async fn slow_client(service: Arc<Service>, kind: usize, stop: Arc<AtomicBool>, ended: Arc<AtomicU64>) {
    let beginning = match kind % 3 {
        0 => b"POST /graphql HTTP/1.1\r\nHost: localhost\r\nX-Slow: ".to_vec(),
        1 => b"POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n{".to_vec(),
        // Asks without reading, until nothing more is taken.
        _ => service.request.repeat(20),
    };
    while !stop.load(Ordering::Relaxed) {
        let Ok(mut stream) = TcpStream::connect(&service.address).await else { continue };
        let mut ticks = interval(Duration::from_millis(500));
        let mut said = stream.write_all(&beginning).await;
        while said.is_ok() && !stop.load(Ordering::Relaxed) {
            ticks.tick().await;
            let byte: &[u8] = if kind % 3 == 2 { b"" } else { b"x" };
            said = stream.write_all(byte).await;
            if kind % 3 != 2 && stream.try_read(&mut [0; 1024]).is_ok() {
                break;
            }
        }
        ended.fetch_add(1, Ordering::Relaxed);
    }
}

async fn measure(address: String) -> Result<(), Box<dyn Error>> {
    let head = "POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json";
    let request = format!("{head}\r\nContent-Length: {}\r\n\r\n{QUERY}", QUERY.len()).into_bytes();
    let service = Arc::new(Service { address, request, free: Mutex::default() });
    match service.ask().await? {
        200 => {}
        status => return Err(format!("the service answers {status}").into()),
    }
    closed_loop(&service, 16, 3).await;
    let sustainable = closed_loop(&service, 32, 8).await;
    println!("sustainable, 32 clients in a closed loop: {sustainable:.0} a second");

    let ordinary = sustainable / 4.0;
    let mut alone = open_loop(&service, ordinary, 10).await;
    alone.tell("a quarter of that, alone", 10);
    let (stop, ended) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let mut slow = JoinSet::new();
    for kind in 0..SLOW_CLIENTS {
        slow.spawn(slow_client(Arc::clone(&service), kind, Arc::clone(&stop), Arc::clone(&ended)));
    }
    let mut beside = open_loop(&service, ordinary, SLOW_SECONDS).await;
    stop.store(true, Ordering::Relaxed);
    slow.abort_all();
    while slow.join_next().await.is_some() {}
    beside.tell(&format!("the same beside {SLOW_CLIENTS} slow clients"), SLOW_SECONDS);
    println!("slow connections that were ended and came again: {}", ended.load(Ordering::Relaxed));

    let mut overload = open_loop(&service, sustainable * OVERLOAD, OVERLOAD_SECONDS).await;
    overload.tell(&format!("{OVERLOAD} times the sustainable"), OVERLOAD_SECONDS);
    let kept = overload.useful() as f64 / OVERLOAD_SECONDS as f64 / sustainable;
    println!("goodput kept: {:.0} %", kept * 100.0);
    tokio::time::sleep(Duration::from_secs(5)).await;
    let mut after = open_loop(&service, ordinary, 5).await;
    after.tell("5 s later, a quarter", 5);
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::args().find(|argument| argument.starts_with("http://"));
    let Some(url) = url else {
        // `cargo test` and `cargo bench` without a service have nothing to measure.
        println!("skipped: name a service, such as http://127.0.0.1:8080/graphql");
        return Ok(());
    };
    let address = url.trim_start_matches("http://").split('/').next().unwrap_or_default().to_owned();
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?.block_on(measure(address))
}
