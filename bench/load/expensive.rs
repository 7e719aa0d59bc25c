//! Measures how clients that send the most expensive searches within the limits affect clients that read profile pages.

use std::error::Error;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::loopback::LoopbackAddresses;
use super::{LoadResults, REQUEST_HEADERS, read_body};

const PROFILE_PAGE: &str = include_str!("../queries/p.graphql");
const READER_COUNT: usize = 8;
const SEARCHER_COUNT: usize = 32;
/// Number of search queries of a request, and of words in each: together the limit `searchWords`.
const SEARCHES: usize = 10;
const WORDS_PER_SEARCH: usize = 50;
const WARM_UP: Duration = Duration::from_secs(3);
const MEASURED_SECONDS: u64 = 10;
/// Number of measurements with and without searches, alternating: other load on the machine varies.
const ROUNDS: usize = 3;
const CLIENT_TIMEOUT: Duration = Duration::from_secs(20);

/// A client with an address of its own, which keeps its connection.
struct Client {
    own_address: IpAddr,
    service: SocketAddr,
    stream: Option<TcpStream>,
}

impl Client {
    fn new(own_address: IpAddr, service: SocketAddr) -> Self {
        Self { own_address, service, stream: None }
    }

    /// Sends a request and returns the status code and the body of the response.
    async fn send(&mut self, body: &str) -> io::Result<(u16, Vec<u8>)> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => {
                let socket = TcpSocket::new_v4()?;
                socket.bind(SocketAddr::new(self.own_address, 0))?;
                socket.connect(self.service).await?
            }
        };
        let request = format!("{REQUEST_HEADERS}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        stream.write_all(request.as_bytes()).await?;
        let response = read_body(&mut stream).await?;
        self.stream = Some(stream);
        Ok(response)
    }
}

/// A search for many names with a typo in each word, different every time.
fn expensive_search(number: u64) -> String {
    let mut seed = number;
    let mut word = || {
        let mut letters = String::new();
        for _ in 0..3 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let part = usize::try_from(seed >> 33).unwrap_or_default();
            letters.push(char::from(b"bcdfghklmnprstvw"[part % 16]));
            letters.push(char::from(b"aeiou"[part / 16 % 5]));
        }
        letters
    };
    let queries = (0..SEARCHES).map(|_| {
        let words: Vec<String> = (0..WORDS_PER_SEARCH).map(|_| word()).collect();
        json!({ "query": words.join(" ") })
    });
    let query = "query($filter: ResearcherFilter) { researchers(filter: $filter) { totalCount } }";
    json!({ "query": query, "variables": { "filter": { "or": queries.collect::<Vec<_>>() } } }).to_string()
}

/// The IDs of researchers.
async fn researcher_ids(client: &mut Client) -> Result<Vec<String>, Box<dyn Error>> {
    let query = json!({ "query": "{ researchers(first: 100, orderBy: { field: PAPER_COUNT, direction: DESC }) { nodes { id } } }" });
    let (_, body) = client.send(&query.to_string()).await?;
    let mut response: Value = serde_json::from_slice(&body)?;
    let nodes = response["data"]["researchers"]["nodes"].take();
    let ids = nodes.as_array().into_iter().flatten().filter_map(|node| node["id"].as_str().map(str::to_owned));
    Ok(ids.collect())
}

/// Closed loop of clients that each read one profile page after the other.
async fn read_profiles(
    service: SocketAddr,
    addresses: &[IpAddr],
    ids: &Arc<Vec<String>>,
    time: Duration,
) -> LoadResults {
    let end = Instant::now() + time;
    let mut tasks = JoinSet::new();
    for (number, address) in addresses.iter().enumerate() {
        let (mut client, ids) = (Client::new(*address, service), Arc::clone(ids));
        tasks.spawn(async move {
            let mut results = LoadResults::default();
            let mut ids = ids.iter().cycle().skip(number * 7);
            while Instant::now() < end
                && let Some(id) = ids.next()
            {
                let body = json!({ "query": PROFILE_PAGE, "variables": { "id": id } }).to_string();
                let sent = Instant::now();
                let status = timeout(CLIENT_TIMEOUT, client.send(&body)).await;
                let status = status.unwrap_or(Err(io::ErrorKind::TimedOut.into())).map(|(status, _)| status);
                results.add(&status, sent.elapsed());
            }
            results
        });
    }
    let mut all = LoadResults::default();
    for results in tasks.join_all().await {
        all.merge(results);
    }
    all
}

/// Searches until it is aborted; whatever is rejected is sent again after the time that the service asks for.
async fn search_forever(mut client: Client, number: u64) {
    for request in 0.. {
        let body = expensive_search(number << 32 | request);
        let response = timeout(CLIENT_TIMEOUT, client.send(&body)).await;
        if !matches!(response, Ok(Ok((200, _)))) {
            sleep(Duration::from_secs(1)).await;
        }
    }
}

pub async fn measure_expensive_searches(address: &str) -> Result<(), Box<dyn Error>> {
    let service: SocketAddr = address.parse()?;
    let Some(addresses) = LoopbackAddresses::add(READER_COUNT + SEARCHER_COUNT) else { return Ok(()) };
    let addresses: Vec<IpAddr> = (0..READER_COUNT + SEARCHER_COUNT).map(|number| addresses.get(number)).collect();
    let (readers, searchers) = addresses.split_at(READER_COUNT);
    let ids = Arc::new(researcher_ids(&mut Client::new(readers[0], service)).await?);
    if ids.is_empty() {
        return Err("the directory has no researchers".into());
    }
    read_profiles(service, readers, &ids, WARM_UP).await;
    let (mut alone, mut beside) = (LoadResults::default(), LoadResults::default());
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let time = Duration::from_secs(MEASURED_SECONDS);
        let before = read_profiles(service, readers, &ids, time).await;
        let mut searching = JoinSet::new();
        for (number, address) in (0..).zip(searchers) {
            searching.spawn(search_forever(Client::new(*address, service), number));
        }
        sleep(Duration::from_secs(1)).await;
        let during = read_profiles(service, readers, &ids, time).await;
        searching.shutdown().await;
        // The last searches end.
        sleep(Duration::from_secs(5)).await;
        rounds.push(during.useful_responses() as f64 / before.useful_responses().max(1) as f64);
        alone.merge(before);
        beside.merge(during);
    }
    let seconds = MEASURED_SECONDS * ROUNDS as u64;
    alone.print(&format!("{READER_COUNT} clients that read profile pages"), seconds);
    beside.print(
        &format!("the same beside {SEARCHER_COUNT} clients that search for {} words", SEARCHES * WORDS_PER_SEARCH),
        seconds,
    );
    println!(
        "beside expensive searches, relative to alone: {:.0} % of the rate (rounds: {}), p99 {:.1} times",
        100.0 * beside.useful_responses() as f64 / alone.useful_responses().max(1) as f64,
        rounds.iter().map(|ratio| format!("{:.0} %", ratio * 100.0)).collect::<Vec<_>>().join(", "),
        beside.percentile_seconds(99) / alone.percentile_seconds(99),
    );
    Ok(())
}
