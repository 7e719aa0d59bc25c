//! Connections: how many there may be, and how long a client may take for each step of one.
//!
//! The framework ends a first request whose head comes slowly (with 408), and idle connections. It knows no limit for a
//! later head on the same connection, none for a client that does not read its answer, and none for how many there are.

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
use crate::http::client_address::{TrustedProxies, block_of};

/// What a connection too many is told, before anything of it is read.
const FULL: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// All connections of the service.
#[derive(Clone, Debug)]
pub struct Connections(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    limits: ConnectionLimits,
    proxies: TrustedProxies,
    counts: Mutex<Counts>,
    /// Whether idle connections are ended, since the service is about to.
    draining: watch::Sender<bool>,
}

/// Until when the client has time for its next step.
#[derive(Clone, Copy, Debug)]
struct Deadline {
    /// None while the service has to do something.
    at: Option<Instant>,
    /// Whether nothing is under way.
    is_idle: bool,
}

#[derive(Debug, Default)]
struct Counts {
    all: usize,
    by_block: HashMap<IpAddr, usize>,
}

impl Connections {
    /// None yet.
    #[must_use]
    pub fn new(limits: ConnectionLimits, proxies: TrustedProxies) -> Self {
        Self(Arc::new(Shared { limits, proxies, counts: Mutex::default(), draining: watch::Sender::new(false) }))
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.counts().all
    }

    /// Ends connections over which nothing is under way, now and from now on.
    pub fn drain(&self) {
        self.0.draining.send_replace(true);
    }

    /// Takes a new connection in, or ends it at once where it is one too many.
    pub(super) fn enter(&self, io: &dyn Any, extensions: &mut Extensions) {
        let Some(stream) = io.downcast_ref::<TcpStream>() else { return };
        let Ok(peer) = stream.peer_addr() else { return };
        let Some(place) = self.place_for(peer.ip()) else {
            tracing::debug!(address = %peer.ip(), "a connection too many was refused");
            return refuse(stream.as_fd());
        };
        // A second handle on the socket: the first belongs to the framework, which does not give it away.
        let Ok(socket) = stream.as_fd().try_clone_to_owned() else { return refuse(stream.as_fd()) };
        let limits = &self.0.limits;
        let at = Some(Instant::now() + limits.head + limits.keep_alive);
        let (deadline, changes) = watch::channel(Deadline { at, is_idle: true });
        actix_web::rt::spawn(end_when_late(socket, changes, self.0.draining.subscribe()));
        extensions.insert(Connection { deadline: Rc::new(deadline), _place: place });
    }

    /// Follows a request on its connection, so that the answer must be read in time, and the next head come in time.
    pub(super) async fn follow(
        &self,
        request: ServiceRequest,
        next: Next<impl MessageBody + 'static>,
    ) -> Result<ServiceResponse<Followed>, Error> {
        let limits = &self.0.limits;
        let Some(connection) = request.conn_data::<Connection>() else {
            // It was refused, but its request had come already.
            let response = request.into_response(HttpResponse::ServiceUnavailable().force_close().finish());
            return Ok(response.map_body(|_, body| Followed { body: body.boxed(), exchange: None }));
        };
        let deadline = Rc::clone(&connection.deadline);
        let exchange = Exchange { deadline, idle: limits.keep_alive + limits.head };
        // Body, query and statements have limits of their own.
        exchange.deadline.send_replace(Deadline { at: None, is_idle: false });
        let response = next.call(request).await?;
        exchange.deadline.send_replace(Deadline { at: Some(Instant::now() + limits.answer), is_idle: false });
        Ok(response.map_body(|_, body| Followed { body: body.boxed(), exchange: Some(exchange) }))
    }

    fn place_for(&self, peer: IpAddr) -> Option<Place> {
        let mut counts = self.0.counts();
        if counts.all >= self.0.limits.most {
            return None;
        }
        let block = (!self.0.proxies.contain(peer)).then(|| block_of(peer));
        if let Some(block) = block {
            let of_one = counts.by_block.entry(block).or_default();
            if *of_one >= self.0.limits.most_of_one {
                return None;
            }
            *of_one += 1;
        }
        counts.all += 1;
        Some(Place { shared: Arc::clone(&self.0), block })
    }
}

impl Shared {
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A counted connection: it lives in what the framework keeps for one, and is dropped with it.
struct Connection {
    deadline: Rc<watch::Sender<Deadline>>,
    _place: Place,
}

struct Place {
    shared: Arc<Shared>,
    block: Option<IpAddr>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.shared.counts();
        counts.all -= 1;
        let Some(block) = self.block else { return };
        if let Some(of_one) = counts.by_block.get_mut(&block) {
            *of_one -= 1;
            if *of_one == 0 {
                counts.by_block.remove(&block);
            }
        }
    }
}

/// One request and its answer, until the framework has all of the answer or gives up.
struct Exchange {
    deadline: Rc<watch::Sender<Deadline>>,
    idle: Duration,
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.deadline.send_replace(Deadline { at: Some(Instant::now() + self.idle), is_idle: true });
    }
}

/// The body of an answer, which tells when the framework is done with it.
pub struct Followed {
    body: BoxBody,
    #[expect(dead_code, reason = "held, not read")]
    exchange: Option<Exchange>,
}

impl MessageBody for Followed {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_next(context)
    }
}

/// Ends the connection when its deadline passes, and itself with the connection.
async fn end_when_late(socket: OwnedFd, mut changes: watch::Receiver<Deadline>, mut draining: watch::Receiver<bool>) {
    // The last bytes of an answer may still be on their way.
    const LAST_BYTES: Duration = Duration::from_millis(200);
    loop {
        let Deadline { at, is_idle } = *changes.borrow_and_update();
        let late = async {
            match at {
                Some(deadline) => tokio::time::sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            changed = changes.changed() => if changed.is_err() { return },
            Ok(_) = draining.wait_for(|draining| *draining), if is_idle => {
                tokio::select! {
                    changed = changes.changed() => if changed.is_err() { return },
                    () = tokio::time::sleep(LAST_BYTES) => return end(socket.as_fd()),
                }
            }
            () = late => {
                tracing::debug!("a connection was ended: its client took too long");
                end(socket.as_fd());
                return;
            }
        }
    }
}

fn refuse(socket: BorrowedFd<'_>) {
    // Best effort: it is new, so that these few bytes find room; who is gone needs no answer.
    let _ = rustix::net::send(socket, FULL, SendFlags::DONTWAIT | SendFlags::NOSIGNAL);
    end(socket);
}

fn end(socket: BorrowedFd<'_>) {
    if let Err(error) = rustix::net::shutdown(socket, Shutdown::Both) {
        tracing::debug!(%error, "a connection was gone before it was ended");
    }
}

/// Lets the process open as many files as the machine allows: a connection takes two, and systems start programs with
/// room for few, for the sake of old ones. Warns where there is no room for so many connections.
pub(super) fn make_room(most: usize) {
    // The database, the listener, the log and the standard streams.
    const OTHERS: u64 = 256;
    let limit = rustix::process::getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let current = match rustix::process::setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    };
    let needed = (most as u64).saturating_mul(2).saturating_add(OTHERS);
    if let Some(current) = current.filter(|current| *current < needed) {
        tracing::warn!(
            current,
            needed,
            "the limit of open files is too low for MAX_CONNECTIONS; raise it, or lower that"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connections(most: usize, most_of_one: usize) -> Connections {
        let second = Duration::from_secs(1);
        let limits = ConnectionLimits { most, most_of_one, head: second, answer: second, keep_alive: second };
        Connections::new(limits, TrustedProxies::new(vec!["10.0.0.0/8".parse().expect("a network")]))
    }

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn most_of_one_address() {
        let connections = connections(100, 2);
        let first = connections.place_for(address("198.51.100.1"));
        let second = connections.place_for(address("::ffff:198.51.100.1"));
        assert!(first.is_some() && second.is_some());
        assert!(connections.place_for(address("198.51.100.1")).is_none());
        assert!(connections.place_for(address("198.51.100.2")).is_some());
        drop(first);
        assert!(connections.place_for(address("198.51.100.1")).is_some());
        drop(second);
        assert_eq!((connections.count(), connections.0.counts().by_block.len()), (0, 0));
    }

    #[test]
    fn one_block_of_ipv6_is_one_client() {
        let connections = connections(100, 1);
        let _one = connections.place_for(address("2001:db8::1"));
        assert!(connections.place_for(address("2001:db8::2")).is_none());
        assert!(connections.place_for(address("2001:db8:0:1::2")).is_some());
    }

    #[test]
    fn trusted_proxy_may_have_any_number() {
        let connections = connections(3, 1);
        let places: Vec<_> = (0..3).map(|_| connections.place_for(address("10.1.1.1"))).collect();
        assert!(places.iter().all(Option::is_some));
        assert!(connections.place_for(address("10.1.1.1")).is_none(), "more than all");
        assert!(connections.place_for(address("198.51.100.1")).is_none(), "more than all");
        drop(places);
        assert_eq!(connections.count(), 0);
    }
}
