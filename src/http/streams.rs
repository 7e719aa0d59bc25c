//! Sockets and event streams: their maximum number, in total and per client, and their end at shutdown.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::web::Bytes;
use futures_util::Stream;
use futures_util::stream::unfold;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::time::Instant;

use crate::http::client_id::ClientId;
use crate::http::error::HttpError;

/// Maximum number of operations and batches of events of one client that are executed, or wait for admission, at once: half
/// of the queue of a client there.
const MAX_CONCURRENT_OPERATIONS: usize = 16;

/// What streams send while they are idle, they send at a multiple of this: thousands of them wake the process a few times a
/// second instead of each by itself.
const BEAT: Duration = Duration::from_millis(250);

/// The first beat at or after a time.
pub(super) fn beat_after(at: Instant) -> Instant {
    static FIRST: LazyLock<Instant> = LazyLock::new(Instant::now);
    let beats = at.saturating_duration_since(*FIRST).as_nanos().div_ceil(BEAT.as_nanos());
    // Without a number of beats, which is that of 34 years, each stream is by itself.
    u32::try_from(beats).map_or(at, |beats| *FIRST + BEAT * beats)
}

/// The open sockets and event streams of the service.
#[derive(Clone, Debug)]
pub struct Streams(Arc<StreamRegistry>);

#[derive(Debug)]
struct StreamRegistry {
    max_total: usize,
    max_per_client: usize,
    open: Mutex<OpenStreams>,
    /// Subscriptions in progress, over all of them.
    subscriptions: AtomicUsize,
    draining: watch::Receiver<bool>,
}

#[derive(Debug, Default)]
struct OpenStreams {
    total: usize,
    by_client: HashMap<ClientId, ClientStreams>,
}

#[derive(Debug, Default)]
struct ClientStreams {
    count: usize,
    turns: Turns,
}

/// The turns of what the streams of one client execute, first come, first served. Sockets send many operations at once, and
/// one commit wakes all subscribers: without turns, they would exceed the queue for admission.
#[derive(Clone, Debug)]
pub(super) struct Turns(Arc<Semaphore>);

impl Default for Turns {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MAX_CONCURRENT_OPERATIONS)))
    }
}

impl Turns {
    /// Waits for a turn, which lasts until it is dropped.
    pub(super) async fn next(&self) -> Option<OwnedSemaphorePermit> {
        // It is never closed.
        Arc::clone(&self.0).acquire_owned().await.ok()
    }
}

/// Sends the parts of a response body, one after the other: a part waits until the one before is written.
#[derive(Clone)]
pub(super) struct PartSender(mpsc::Sender<Box<Bytes>>);

/// The client does not receive any more.
pub(super) struct Gone;

/// A response body with its sender. One part waits while another is written, so that a client that does not read takes no
/// more memory. Parts are boxed, because a channel has room for 32 of them whatever its limit is.
pub(super) fn streamed_body() -> (PartSender, impl Stream<Item = Result<Bytes, actix_web::Error>> + 'static) {
    let (sender, receiver) = mpsc::channel(1);
    let body = unfold(receiver, |mut receiver: mpsc::Receiver<Box<Bytes>>| async {
        let part = receiver.recv().await?;
        Some((Ok(*part), receiver))
    });
    (PartSender(sender), body)
}

impl PartSender {
    /// Sends a part.
    ///
    /// # Errors
    /// If the client is gone.
    pub(super) async fn send(&self, part: Bytes) -> Result<(), Gone> {
        self.0.send(Box::new(part)).await.map_err(|_| Gone)
    }

    /// Returns when the client is gone.
    pub(super) async fn closed(&self) {
        self.0.closed().await;
    }
}

/// A response that does not end by itself. The time in which the client must read it counts from each of its parts.
pub(super) struct EndlessResponse;

impl Streams {
    /// No streams. An eighth of `max_connections` remains for other requests. They end when `draining` becomes true.
    #[must_use]
    pub fn new(max_connections: usize, max_per_client: usize, draining: watch::Receiver<bool>) -> Self {
        Self(Arc::new(StreamRegistry {
            max_total: max_connections - max_connections / 8,
            max_per_client,
            open: Mutex::default(),
            subscriptions: AtomicUsize::new(0),
            draining,
        }))
    }

    /// Counts a new stream of a client.
    ///
    /// # Errors
    /// If it exceeds a limit, or the service shuts down. Clients on the same host have no limit of their own, since they may
    /// be those of a proxy.
    pub(super) fn open(&self, client: &ClientId) -> Result<StreamSlot, HttpError> {
        let registry = &self.0;
        if *registry.draining.borrow() {
            return Err(HttpError::service_unavailable("the service is shutting down; connect again"));
        }
        let mut open = registry.open();
        if open.total >= registry.max_total {
            return Err(HttpError::overloaded());
        }
        let is_exempt = matches!(client, ClientId::Address(address) if is_loopback(*address));
        let streams = open.by_client.entry(client.clone()).or_default();
        if !is_exempt && streams.count >= registry.max_per_client {
            let message = format!(
                "too many open sockets and event streams; the limit is {} per client; close one, or send several \
                 operations over one socket",
                registry.max_per_client
            );
            return Err(HttpError::new(StatusCode::TOO_MANY_REQUESTS, "LIMIT_EXCEEDED", message));
        }
        streams.count += 1;
        let turns = streams.turns.clone();
        open.total += 1;
        drop(open);
        Ok(StreamSlot { streams: self.clone(), client: client.clone(), turns })
    }

    /// Number of open sockets and event streams.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.open().total
    }

    /// Number of subscriptions in progress.
    #[must_use]
    pub fn subscription_count(&self) -> usize {
        self.0.subscriptions.load(Ordering::Relaxed)
    }

    /// Counts a subscription until the guard is dropped.
    pub(super) fn count_subscription(&self) -> SubscriptionGuard {
        self.0.subscriptions.fetch_add(1, Ordering::Relaxed);
        SubscriptionGuard(self.clone())
    }

    /// Returns when the service shuts down.
    pub(super) async fn drained(&self) {
        let mut draining = self.0.draining.clone();
        // Without a sender, the server is gone.
        let _ = draining.wait_for(|draining| *draining).await;
    }
}

impl StreamRegistry {
    fn open(&self) -> MutexGuard<'_, OpenStreams> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

/// The place of a stream in the limits, released on drop.
#[derive(Debug)]
pub(super) struct StreamSlot {
    streams: Streams,
    client: ClientId,
    turns: Turns,
}

impl StreamSlot {
    /// The turns of the client.
    pub(super) fn turns(&self) -> Turns {
        self.turns.clone()
    }
}

impl Drop for StreamSlot {
    fn drop(&mut self) {
        let mut open = self.streams.0.open();
        open.total -= 1;
        if let Some(streams) = open.by_client.get_mut(&self.client) {
            streams.count -= 1;
            if streams.count == 0 {
                open.by_client.remove(&self.client);
            }
        }
    }
}

/// A counted subscription.
pub(super) struct SubscriptionGuard(Streams);

impl Drop for SubscriptionGuard {
    fn drop(&mut self) {
        self.0.0.subscriptions.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(text: &str) -> ClientId {
        ClientId::Address(text.parse().expect("an address"))
    }

    #[test]
    fn beats_are_shared() {
        let now = Instant::now();
        let beat = beat_after(now + BEAT);
        assert!(beat >= now + BEAT && beat < now + BEAT * 2);
        assert_eq!((beat_after(beat), beat_after(beat - BEAT / 2)), (beat, beat));
        assert_eq!(beat_after(beat + Duration::from_nanos(1)), beat + BEAT);
    }

    #[test]
    fn limits() {
        let draining = watch::Sender::new(false);
        let streams = Streams::new(8, 2, draining.subscribe());
        let one = client("198.51.100.1");
        let (first, _second) = (streams.open(&one).expect("a slot"), streams.open(&one).expect("a slot"));
        assert_eq!(streams.open(&one).expect_err("two are open").status.as_u16(), 429);
        drop(first);
        let _third = streams.open(&one).expect("the place of the first");
        let _local: Vec<_> = (0..5).map(|_| streams.open(&client("127.0.0.1")).expect("exempt")).collect();
        assert_eq!(
            (streams.count(), streams.open(&client("198.51.100.2")).expect_err("full").status.as_u16()),
            (7, 503)
        );
        drop(_local);
        draining.send_replace(true);
        assert_eq!(streams.open(&client("198.51.100.2")).expect_err("draining").status.as_u16(), 503);
        drop(_second);
        drop(_third);
        assert_eq!((streams.count(), streams.0.open().by_client.len()), (0, 0));
    }
}
