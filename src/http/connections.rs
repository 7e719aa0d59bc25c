//! Client connections: their maximum number, in total and per client, and a timeout for each step of a connection.
//!
//! actix limits the time for the headers of the first request (408) and for idle connections. It does not limit the headers
//! of later requests on a connection, clients that do not read their response, or the number of connections.

use std::any::Any;
use std::collections::HashMap;
use std::net::IpAddr;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{Extensions, ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::rt::net::TcpStream;
use actix_web::web::Bytes;
use actix_web::{Error, HttpResponse};
use rustix::net::{SendFlags, Shutdown};
use rustix::process::{Resource, Rlimit};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::config::ConnectionLimits;
use crate::http::client_address::{TrustedProxies, client_prefix};

/// The response to an excess connection, sent before anything is read.
const OVERLOAD_RESPONSE: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// The open client connections of the service.
#[derive(Clone, Debug)]
pub struct ClientConnections(Arc<ConnectionRegistry>);

#[derive(Debug)]
struct ConnectionRegistry {
    limits: ConnectionLimits,
    proxies: TrustedProxies,
    counts: Mutex<ConnectionCounts>,
    /// Whether idle connections are closed because the service shuts down.
    draining: watch::Sender<bool>,
}

/// The deadline of the client's next step.
#[derive(Clone, Copy, Debug)]
struct Deadline {
    /// `None` while the service processes a request.
    at: Option<Instant>,
    /// Whether no request is in progress.
    is_idle: bool,
}

#[derive(Debug, Default)]
struct ConnectionCounts {
    total: usize,
    by_client_prefix: HashMap<IpAddr, usize>,
}

impl ClientConnections {
    /// No connections, with these limits.
    #[must_use]
    pub fn new(limits: ConnectionLimits, proxies: TrustedProxies) -> Self {
        Self(Arc::new(ConnectionRegistry {
            limits,
            proxies,
            counts: Mutex::default(),
            draining: watch::Sender::new(false),
        }))
    }

    /// Number of open connections.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.counts().total
    }

    /// Closes connections as soon as they are idle.
    pub fn drain(&self) {
        self.0.draining.send_replace(true);
    }

    /// Registers a new connection, or rejects it with 503 if it exceeds a limit.
    pub(super) fn accept(&self, io: &dyn Any, extensions: &mut Extensions) {
        let Some(stream) = io.downcast_ref::<TcpStream>() else { return };
        let Ok(peer) = stream.peer_addr() else { return };
        let Some(place) = self.acquire_slot(peer.ip()) else {
            tracing::debug!(address = %peer.ip(), "rejected an excess connection");
            return reject(stream.as_fd());
        };
        // A second file descriptor of the socket: actix owns the first.
        let Ok(socket) = stream.as_fd().try_clone_to_owned() else { return reject(stream.as_fd()) };
        let limits = &self.0.limits;
        let at = Some(Instant::now() + limits.header_timeout + limits.keep_alive_timeout);
        let (deadline, changes) = watch::channel(Deadline { at, is_idle: true });
        actix_web::rt::spawn(close_on_deadline(socket, changes, self.0.draining.subscribe()));
        extensions.insert(TrackedConnection { deadline: Rc::new(deadline), _slot: place });
    }

    /// Middleware that sets the deadlines for reading the response and for sending the next request.
    pub(super) async fn track_request(
        &self,
        request: ServiceRequest,
        next: Next<impl MessageBody + 'static>,
    ) -> Result<ServiceResponse<TrackedBody>, Error> {
        let limits = &self.0.limits;
        let Some(connection) = request.conn_data::<TrackedConnection>() else {
            // The connection was rejected, but its request had already been received.
            let response = request.into_response(HttpResponse::ServiceUnavailable().force_close().finish());
            return Ok(response.map_body(|_, body| TrackedBody { body: body.boxed(), exchange: None }));
        };
        let deadline = Rc::clone(&connection.deadline);
        let exchange = Exchange { deadline, idle_timeout: limits.keep_alive_timeout + limits.header_timeout };
        // Body, query and SQL statements have their own timeouts.
        exchange.deadline.send_replace(Deadline { at: None, is_idle: false });
        let response = next.call(request).await?;
        exchange.deadline.send_replace(Deadline { at: Some(Instant::now() + limits.response_timeout), is_idle: false });
        Ok(response.map_body(|_, body| TrackedBody { body: body.boxed(), exchange: Some(exchange) }))
    }

    fn acquire_slot(&self, peer: IpAddr) -> Option<ConnectionSlot> {
        let mut counts = self.0.counts();
        if counts.total >= self.0.limits.max_total {
            return None;
        }
        let block = (!self.0.proxies.contains(peer)).then(|| client_prefix(peer));
        if let Some(block) = block {
            let of_one = counts.by_client_prefix.entry(block).or_default();
            if *of_one >= self.0.limits.max_per_client {
                return None;
            }
            *of_one += 1;
        }
        counts.total += 1;
        Some(ConnectionSlot { registry: Arc::clone(&self.0), client_prefix: block })
    }
}

impl ConnectionRegistry {
    fn counts(&self) -> MutexGuard<'_, ConnectionCounts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A counted connection. It is stored in actix's connection data and dropped with it.
struct TrackedConnection {
    deadline: Rc<watch::Sender<Deadline>>,
    _slot: ConnectionSlot,
}

struct ConnectionSlot {
    registry: Arc<ConnectionRegistry>,
    client_prefix: Option<IpAddr>,
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        let mut counts = self.registry.counts();
        counts.total -= 1;
        let Some(block) = self.client_prefix else { return };
        if let Some(of_one) = counts.by_client_prefix.get_mut(&block) {
            *of_one -= 1;
            if *of_one == 0 {
                counts.by_client_prefix.remove(&block);
            }
        }
    }
}

/// One request and its response, until actix has sent the whole response or given up.
struct Exchange {
    deadline: Rc<watch::Sender<Deadline>>,
    idle_timeout: Duration,
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.deadline.send_replace(Deadline { at: Some(Instant::now() + self.idle_timeout), is_idle: true });
    }
}

/// A response body that ends its exchange when actix drops it.
pub struct TrackedBody {
    body: BoxBody,
    #[expect(dead_code, reason = "held until drop")]
    exchange: Option<Exchange>,
}

impl MessageBody for TrackedBody {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_next(context)
    }
}

/// Closes the connection when its deadline passes. Returns when the connection ends.
async fn close_on_deadline(
    socket: OwnedFd,
    mut changes: watch::Receiver<Deadline>,
    mut draining: watch::Receiver<bool>,
) {
    // The end of a response may still be in transit.
    const RESPONSE_FLUSH_DELAY: Duration = Duration::from_millis(200);
    loop {
        let Deadline { at, is_idle } = *changes.borrow_and_update();
        let deadline = async {
            match at {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            changed = changes.changed() => if changed.is_err() { return },
            Ok(_) = draining.wait_for(|draining| *draining), if is_idle => {
                tokio::select! {
                    changed = changes.changed() => if changed.is_err() { return },
                    () = tokio::time::sleep(RESPONSE_FLUSH_DELAY) => return shut_down(socket.as_fd()),
                }
            }
            () = deadline => {
                tracing::debug!("closed a connection: its client exceeded a timeout");
                shut_down(socket.as_fd());
                return;
            }
        }
    }
}

fn reject(socket: BorrowedFd<'_>) {
    // Best effort: these few bytes fit into the buffer of a new socket, and a client that is gone needs no response.
    let _ = rustix::net::send(socket, OVERLOAD_RESPONSE, SendFlags::DONTWAIT | SendFlags::NOSIGNAL);
    shut_down(socket);
}

fn shut_down(socket: BorrowedFd<'_>) {
    if let Err(error) = rustix::net::shutdown(socket, Shutdown::Both) {
        tracing::debug!(%error, "the client closed the connection first");
    }
}

/// Raises the limit of open files to its maximum, since a connection takes two and default limits are low. Warns if the
/// maximum is too low for this number of connections.
pub(super) fn raise_nofile_limit(most: usize) {
    // Database connections, listeners, log and standard streams.
    const OTHER_FILES: u64 = 256;
    let limit = rustix::process::getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let current = match rustix::process::setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    };
    let needed = (most as u64).saturating_mul(2).saturating_add(OTHER_FILES);
    if let Some(current) = current.filter(|current| *current < needed) {
        tracing::warn!(
            current,
            needed,
            "the limit of open files is too low for MAX_CONNECTIONS; raise the limit or lower MAX_CONNECTIONS"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connections(most: usize, most_of_one: usize) -> ClientConnections {
        let second = Duration::from_secs(1);
        let limits = ConnectionLimits {
            max_total: most,
            max_per_client: most_of_one,
            header_timeout: second,
            response_timeout: second,
            keep_alive_timeout: second,
        };
        ClientConnections::new(limits, TrustedProxies::new(vec!["10.0.0.0/8".parse().expect("a network")]))
    }

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn most_of_one_address() {
        let connections = connections(100, 2);
        let first = connections.acquire_slot(address("198.51.100.1"));
        let second = connections.acquire_slot(address("::ffff:198.51.100.1"));
        assert!(first.is_some() && second.is_some());
        assert!(connections.acquire_slot(address("198.51.100.1")).is_none());
        assert!(connections.acquire_slot(address("198.51.100.2")).is_some());
        drop(first);
        assert!(connections.acquire_slot(address("198.51.100.1")).is_some());
        drop(second);
        assert_eq!((connections.count(), connections.0.counts().by_client_prefix.len()), (0, 0));
    }

    #[test]
    fn ipv6_prefix_is_one_client() {
        let connections = connections(100, 1);
        let _one = connections.acquire_slot(address("2001:db8::1"));
        assert!(connections.acquire_slot(address("2001:db8::2")).is_none());
        assert!(connections.acquire_slot(address("2001:db8:0:1::2")).is_some());
    }

    #[test]
    fn trusted_proxies_are_exempt_from_the_limit_per_client() {
        let connections = connections(3, 1);
        let slots: Vec<_> = (0..3).map(|_| connections.acquire_slot(address("10.1.1.1"))).collect();
        assert!(slots.iter().all(Option::is_some));
        assert!(connections.acquire_slot(address("10.1.1.1")).is_none(), "exceeds the total");
        assert!(connections.acquire_slot(address("198.51.100.1")).is_none(), "exceeds the total");
        drop(slots);
        assert_eq!(connections.count(), 0);
    }
}
