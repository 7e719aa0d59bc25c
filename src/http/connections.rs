//! Client connections: their maximum number, in total and per client, and a timeout for each step of a connection. When a
//! limit is reached, the connection that has been idle for the longest time is closed for the new one.
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
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use crate::config::ConnectionLimits;
use crate::http::client_address::{TrustedProxies, client_prefix};
use crate::http::streams::EndlessResponse;

/// The response to an excess connection, sent before anything is read.
const OVERLOAD_RESPONSE: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncache-control: no-store\r\nx-content-type-options: nosniff\r\n\
      content-length: 0\r\nconnection: close\r\n\r\n";

/// Time for writing a part of a response that does not end by itself, if the whole response has no less.
const MAX_WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// The open client connections of the service.
#[derive(Clone, Debug)]
pub struct ClientConnections(Arc<ConnectionRegistry>);

#[derive(Debug)]
struct ConnectionRegistry {
    limits: ConnectionLimits,
    proxies: TrustedProxies,
    open: Mutex<OpenConnections>,
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

/// The connections that count towards the limits.
#[derive(Debug, Default)]
struct OpenConnections {
    by_id: HashMap<ConnectionId, OpenConnection>,
    count_by_client: HashMap<IpAddr, usize>,
    last_id: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct ConnectionId(u64);

#[derive(Debug)]
struct OpenConnection {
    /// `None` if its peer has no limit.
    client: Option<IpAddr>,
    /// `None` while a request is in progress.
    idle_since: Option<Instant>,
    /// Closes the connection.
    close: Arc<Notify>,
}

impl OpenConnections {
    fn count_of(&self, client: IpAddr) -> usize {
        self.count_by_client.get(&client).copied().unwrap_or_default()
    }

    fn insert(&mut self, client: Option<IpAddr>, close: Arc<Notify>) -> ConnectionId {
        self.last_id += 1;
        let id = ConnectionId(self.last_id);
        self.by_id.insert(id, OpenConnection { client, idle_since: Some(Instant::now()), close });
        if let Some(client) = client {
            *self.count_by_client.entry(client).or_default() += 1;
        }
        id
    }

    fn remove(&mut self, id: ConnectionId) -> Option<OpenConnection> {
        let connection = self.by_id.remove(&id)?;
        if let Some(client) = connection.client
            && let Some(count) = self.count_by_client.get_mut(&client)
        {
            *count -= 1;
            if *count == 0 {
                self.count_by_client.remove(&client);
            }
        }
        Some(connection)
    }

    /// Closes the connection, of one client or of all, that has been idle for the longest time; false if none is idle. This
    /// looks at each connection, but only while a limit is reached.
    fn close_longest_idle(&mut self, client: Option<IpAddr>) -> bool {
        let candidates = self.by_id.iter().filter(|(_, connection)| client.is_none() || connection.client == client);
        let idle = candidates.filter_map(|(id, connection)| Some((connection.idle_since?, id.0)));
        let Some(closed) = idle.min().and_then(|(_, id)| self.remove(ConnectionId(id))) else { return false };
        closed.close.notify_one();
        true
    }
}

impl ClientConnections {
    /// No connections, with these limits.
    #[must_use]
    pub fn new(limits: ConnectionLimits, proxies: TrustedProxies) -> Self {
        Self(Arc::new(ConnectionRegistry {
            limits,
            proxies,
            open: Mutex::default(),
            draining: watch::Sender::new(false),
        }))
    }

    /// Number of open connections.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.open().by_id.len()
    }

    /// Closes connections as soon as they are idle.
    pub fn drain(&self) {
        self.0.draining.send_replace(true);
    }

    /// Becomes true when connections are closed as soon as they are idle.
    #[must_use]
    pub fn draining(&self) -> watch::Receiver<bool> {
        self.0.draining.subscribe()
    }

    /// Registers a new connection. If it exceeds a limit, it takes the place of an idle one, or is rejected with 503.
    pub(super) fn accept(&self, io: &dyn Any, extensions: &mut Extensions) {
        let Some(stream) = io.downcast_ref::<TcpStream>() else { return };
        let Ok(peer) = stream.peer_addr() else { return };
        // A compressed response is written in several parts. The last would wait for the client to acknowledge the others,
        // which clients put off by 40 ms.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "could not set TCP_NODELAY");
        }
        let close = Arc::new(Notify::new());
        let Some(slot) = self.acquire_slot(peer.ip(), &close) else {
            tracing::debug!(address = %peer.ip(), "rejected an excess connection");
            return reject(stream.as_fd());
        };
        // A second file descriptor of the socket: actix owns the first.
        let Ok(socket) = stream.as_fd().try_clone_to_owned() else { return reject(stream.as_fd()) };
        let limits = &self.0.limits;
        let at = Some(Instant::now() + limits.header_timeout + limits.keep_alive_timeout);
        let (deadline, changes) = watch::channel(Deadline { at, is_idle: true });
        actix_web::rt::spawn(close_on_deadline(socket, changes, close, self.0.draining.subscribe()));
        extensions.insert(TrackedConnection(Rc::new(ConnectionState { deadline, slot })));
    }

    /// Middleware that sets the deadlines for reading the response and for sending the next request.
    pub(super) async fn track_request(
        &self,
        request: ServiceRequest,
        next: Next<impl MessageBody + 'static>,
    ) -> Result<ServiceResponse<TrackedBody>, Error> {
        let limits = &self.0.limits;
        let connection = request.conn_data::<TrackedConnection>().map(|connection| Rc::clone(&connection.0));
        // A connection that was rejected, or has just been closed for another, may have sent a request already.
        let Some(connection) = connection.filter(|connection| connection.slot.begin_request()) else {
            let response = request.into_response(HttpResponse::ServiceUnavailable().force_close().finish());
            return Ok(response.map_body(|_, body| TrackedBody {
                body: body.boxed(),
                exchange: None,
                write_timeout: None,
            }));
        };
        let exchange = Exchange { connection, idle_timeout: limits.keep_alive_timeout + limits.header_timeout };
        // Body, query and SQL statements have their own timeouts.
        let deadline = &exchange.connection.deadline;
        deadline.send_replace(Deadline { at: None, is_idle: false });
        let response = next.call(request).await?;
        let is_endless = response.response().extensions().contains::<EndlessResponse>();
        let write_timeout = is_endless.then(|| limits.response_timeout.min(MAX_WRITE_TIMEOUT));
        if !is_endless {
            exchange.set_deadline(Some(Instant::now() + limits.response_timeout));
        }
        Ok(response.map_body(|_, body| TrackedBody { body: body.boxed(), exchange: Some(exchange), write_timeout }))
    }

    fn acquire_slot(&self, peer: IpAddr, close: &Arc<Notify>) -> Option<ConnectionSlot> {
        let limits = &self.0.limits;
        let mut open = self.0.open();
        let client = (!self.is_exempt(peer)).then(|| client_prefix(peer));
        let exceeds_client_limit = client.is_some_and(|client| open.count_of(client) >= limits.max_per_client);
        let has_room = if exceeds_client_limit {
            open.close_longest_idle(client)
        } else {
            open.by_id.len() < limits.max_total || open.close_longest_idle(None)
        };
        let id = has_room.then(|| open.insert(client, Arc::clone(close)))?;
        Some(ConnectionSlot { registry: Arc::clone(&self.0), id })
    }

    /// Whether there is no limit per address: the connections of a proxy are those of many clients.
    fn is_exempt(&self, peer: IpAddr) -> bool {
        peer.to_canonical().is_loopback() || self.0.proxies.contains(peer)
    }
}

impl ConnectionRegistry {
    fn open(&self) -> MutexGuard<'_, OpenConnections> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A counted connection, in actix's connection data.
struct TrackedConnection(Rc<ConnectionState>);

struct ConnectionState {
    deadline: watch::Sender<Deadline>,
    slot: ConnectionSlot,
}

/// The place of a connection in the limits, released on drop.
struct ConnectionSlot {
    registry: Arc<ConnectionRegistry>,
    id: ConnectionId,
}

impl ConnectionSlot {
    /// The connection is no longer idle. Returns false if it has been closed.
    fn begin_request(&self) -> bool {
        self.set_idle_since(None)
    }

    fn end_request(&self) {
        self.set_idle_since(Some(Instant::now()));
    }

    fn set_idle_since(&self, idle_since: Option<Instant>) -> bool {
        self.registry.open().by_id.get_mut(&self.id).map(|connection| connection.idle_since = idle_since).is_some()
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        self.registry.open().remove(self.id);
    }
}

/// One request and its response, until actix has sent the whole response or given up.
struct Exchange {
    connection: Rc<ConnectionState>,
    idle_timeout: Duration,
}

impl Exchange {
    /// Sets the deadline of the client for reading; `None` while there is nothing to read.
    fn set_deadline(&self, at: Option<Instant>) {
        self.connection.deadline.send_if_modified(|deadline| {
            let is_changed = deadline.at != at;
            *deadline = Deadline { at, is_idle: false };
            is_changed
        });
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let ConnectionState { deadline, slot } = &*self.connection;
        slot.end_request();
        deadline.send_replace(Deadline { at: Some(Instant::now() + self.idle_timeout), is_idle: true });
    }
}

/// A response body that ends its exchange when actix drops it.
pub struct TrackedBody {
    body: BoxBody,
    exchange: Option<Exchange>,
    /// Time for writing each part, if the body does not end by itself.
    write_timeout: Option<Duration>,
}

impl MessageBody for TrackedBody {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let Self { body, exchange, write_timeout } = self.get_mut();
        let part = Pin::new(body).poll_next(context);
        if let (Some(exchange), Some(timeout)) = (exchange, write_timeout) {
            // actix asks for the next part when it has room for it.
            exchange.set_deadline(part.is_ready().then(|| Instant::now() + *timeout));
        }
        part
    }
}

/// Closes the connection when its deadline passes, or for another connection. Returns when the connection ends.
async fn close_on_deadline(
    socket: OwnedFd,
    mut changes: watch::Receiver<Deadline>,
    close: Arc<Notify>,
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
            () = close.notified() => {
                tracing::debug!("closed an idle connection for a new one");
                return shut_down(socket.as_fd());
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

    fn slot(connections: &ClientConnections, peer: &str) -> Option<(ConnectionSlot, Arc<Notify>)> {
        let close = Arc::new(Notify::new());
        let slot = connections.acquire_slot(address(peer), &close)?;
        Some((slot, close))
    }

    /// A connection with a request in progress.
    fn busy(connections: &ClientConnections, peer: &str) -> ConnectionSlot {
        let (slot, _) = slot(connections, peer).expect("a slot");
        assert!(slot.begin_request());
        slot
    }

    fn is_closed(close: &Notify) -> bool {
        use futures_util::FutureExt as _;
        close.notified().now_or_never().is_some()
    }

    #[test]
    fn parts_of_a_response_are_sent_at_once() {
        // A connection is supervised by a task of actix.
        actix_web::rt::System::new().block_on(async {
            let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a listener");
            let address = listener.local_addr().expect("an address");
            let (client, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
            let (_client, (stream, _)) = (client.expect("a connection"), accepted.expect("a connection"));
            connections(100, 100).accept(&stream, &mut Extensions::new());
            assert!(stream.nodelay().expect("the option"));
        });
    }

    #[test]
    fn most_of_one_address() {
        let connections = connections(100, 2);
        let first = busy(&connections, "198.51.100.1");
        let second = busy(&connections, "::ffff:198.51.100.1");
        assert!(slot(&connections, "198.51.100.1").is_none());
        assert!(slot(&connections, "198.51.100.2").is_some());
        drop(first);
        assert!(slot(&connections, "198.51.100.1").is_some());
        drop(second);
        assert_eq!((connections.count(), connections.0.open().count_by_client.len()), (0, 0));
    }

    #[test]
    fn longest_idle_connection_is_closed() {
        let connections = connections(100, 3);
        let peer = "198.51.100.1";
        let (first, first_close) = slot(&connections, peer).expect("a slot");
        let (_second, second_close) = slot(&connections, peer).expect("a slot");
        let (_other, other_close) = slot(&connections, "198.51.100.2").expect("a slot");
        let _busy = busy(&connections, peer);
        // The first is busy, and then idle for a shorter time than the second.
        assert!(first.begin_request());
        first.end_request();
        let (third, third_close) = slot(&connections, peer).expect("the place of the second");
        assert!(is_closed(&second_close) && !is_closed(&first_close));
        let (_fourth, _) = slot(&connections, peer).expect("the place of the first");
        assert!(is_closed(&first_close) && !is_closed(&third_close) && !is_closed(&other_close));
        // A closed connection counts no longer, and serves no request.
        assert_eq!(connections.count(), 4);
        assert!(!first.begin_request());
        drop(first);
        assert_eq!((connections.count(), connections.0.open().count_of(address(peer))), (4, 3));
        assert!(third.begin_request());
    }

    #[test]
    fn longest_idle_connection_of_all_is_closed_at_the_total_limit() {
        let connections = connections(2, 2);
        let (_first, first_close) = slot(&connections, "198.51.100.1").expect("a slot");
        let (second, second_close) = slot(&connections, "198.51.100.2").expect("a slot");
        let (third, _) = slot(&connections, "198.51.100.3").expect("the place of the first");
        assert!(is_closed(&first_close) && !is_closed(&second_close));
        assert!(second.begin_request() && third.begin_request());
        assert!(slot(&connections, "198.51.100.4").is_none(), "none is idle");
        assert_eq!(connections.count(), 2);
    }

    #[test]
    fn ipv6_prefix_is_one_client() {
        let connections = connections(100, 1);
        let _one = busy(&connections, "2001:db8::1");
        assert!(slot(&connections, "2001:db8::2").is_none());
        assert!(slot(&connections, "2001:db8:0:1::2").is_some());
    }

    #[test]
    fn loopback_and_trusted_proxies_are_exempt_from_the_limit_per_client() {
        for peer in ["10.1.1.1", "127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1"] {
            let connections = connections(3, 1);
            let slots: Vec<_> = (0..3).map(|_| busy(&connections, peer)).collect();
            assert!(slot(&connections, peer).is_none(), "exceeds the total");
            assert!(slot(&connections, "198.51.100.1").is_none(), "exceeds the total");
            drop(slots);
            assert_eq!(connections.count(), 0);
        }
    }
}
