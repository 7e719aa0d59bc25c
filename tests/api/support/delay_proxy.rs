//! A TCP proxy that delays what it forwards, as a longer way to the database would. Used by tests and by
//! `bench/delay_proxy.rs`.
//!
//! Threads instead of tasks, because a thread sleeps more precisely than a timer of the runtime, which rounds up to a
//! millisecond. A delay does not limit the throughput: chunks are forwarded in order, each when its time has come.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Maximum number of connections at the same time; further ones are closed.
const MAX_CONNECTIONS: usize = 256;
/// Maximum size of a chunk.
const CHUNK_BYTES: usize = 64 * 1024;
/// Maximum number of chunks on their way in one direction of a connection.
const MAX_CHUNKS: usize = 1024;
/// A thread that forwards needs little stack.
const STACK_BYTES: usize = 128 * 1024;

/// The server to which connections are forwarded.
#[derive(Clone, Debug)]
#[allow(dead_code, reason = "not every user has both kinds")]
pub enum Target {
    /// A host and port.
    Tcp(SocketAddr),
    /// The path of a Unix socket, such as that of the embedded Postgres.
    Unix(PathBuf),
}

impl From<SocketAddr> for Target {
    fn from(address: SocketAddr) -> Self {
        Self::Tcp(address)
    }
}

/// A running proxy on a free port of the loopback interface. Dropping it closes its connections.
pub struct DelayProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

struct Shared {
    target: Target,
    /// The round trip time, in nanoseconds.
    delay: AtomicU64,
    is_stopped: AtomicBool,
    /// Number of connections since the start.
    accepted: AtomicUsize,
    /// Number of next connections that are closed at once.
    rejected: AtomicUsize,
    /// Both ends of each open connection.
    open: Mutex<Vec<(usize, Stream, Stream)>>,
}

impl DelayProxy {
    /// Starts a proxy that adds `delay` to each round trip, half of it in each direction.
    pub fn start(target: impl Into<Target>, delay: Duration) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            target: target.into(),
            delay: AtomicU64::default(),
            is_stopped: AtomicBool::default(),
            accepted: AtomicUsize::default(),
            rejected: AtomicUsize::default(),
            open: Mutex::default(),
        });
        shared.set_delay(delay);
        let acceptor = Arc::clone(&shared);
        let acceptor = spawn(move || acceptor.accept_until_stopped(&listener))?;
        Ok(Self { address, shared, acceptor: Some(acceptor) })
    }

    /// The address that clients connect to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes the delay of what arrives from now on.
    #[allow(dead_code, reason = "not every user does")]
    pub fn set_delay(&self, delay: Duration) {
        self.shared.set_delay(delay);
    }

    /// Number of connections that were opened since the start.
    #[allow(dead_code, reason = "not every user does")]
    pub fn accepted(&self) -> usize {
        self.shared.accepted.load(Ordering::Relaxed)
    }

    /// Closes the open connections, as a failing network would, and the next `rejected` ones.
    #[allow(dead_code, reason = "not every user does")]
    pub fn close_connections(&self, rejected: usize) {
        self.shared.rejected.store(rejected, Ordering::SeqCst);
        self.shared.close_connections();
    }
}

impl Drop for DelayProxy {
    fn drop(&mut self) {
        self.shared.is_stopped.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts connections.
        let _ = TcpStream::connect(self.address);
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
        self.shared.close_connections();
    }
}

impl Shared {
    fn set_delay(&self, delay: Duration) {
        self.delay.store(u64::try_from(delay.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    fn one_way(&self) -> Duration {
        Duration::from_nanos(self.delay.load(Ordering::Relaxed) / 2)
    }

    fn lock_open(&self) -> std::sync::MutexGuard<'_, Vec<(usize, Stream, Stream)>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn close_connections(&self) {
        for (_, client, server) in self.lock_open().drain(..) {
            client.shut_down(Shutdown::Both);
            server.shut_down(Shutdown::Both);
        }
    }

    fn accept_until_stopped(self: &Arc<Self>, listener: &TcpListener) {
        for client in listener.incoming() {
            if self.is_stopped.load(Ordering::SeqCst) {
                return;
            }
            let number = self.accepted.fetch_add(1, Ordering::Relaxed);
            if self
                .rejected
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |rejected| rejected.checked_sub(1))
                .is_ok()
            {
                continue;
            }
            // A client whose connection cannot be forwarded is disconnected.
            if let Ok(client) = client
                && self.lock_open().len() < MAX_CONNECTIONS
            {
                let _ = self.forward(number, client);
            }
        }
    }

    fn forward(self: &Arc<Self>, number: usize, client: TcpStream) -> io::Result<()> {
        client.set_nodelay(true)?;
        let client = Stream::Tcp(client);
        let server = match &self.target {
            Target::Tcp(address) => {
                let stream = TcpStream::connect(address)?;
                stream.set_nodelay(true)?;
                Stream::Tcp(stream)
            }
            Target::Unix(path) => Stream::Unix(UnixStream::connect(path)?),
        };
        self.lock_open().push((number, client.try_clone()?, server.try_clone()?));
        self.pump(number, client.try_clone()?, server.try_clone()?)?;
        self.pump(number, server, client)
    }

    /// Forwards one direction of a connection, in two threads.
    fn pump(self: &Arc<Self>, number: usize, mut from: Stream, to: Stream) -> io::Result<()> {
        let (sender, receiver) = sync_channel(MAX_CHUNKS);
        let shared = Arc::clone(self);
        spawn(move || shared.receive(&mut from, &sender))?;
        let shared = Arc::clone(self);
        spawn(move || {
            send(to, &receiver);
            shared.lock_open().retain(|(other, ..)| *other != number);
        })?;
        Ok(())
    }

    /// Reads chunks until the end of the stream, and notes when each is to be forwarded.
    fn receive(&self, from: &mut Stream, sender: &SyncSender<(Instant, Vec<u8>)>) {
        let mut buffer = vec![0; CHUNK_BYTES];
        loop {
            let length = from.read(&mut buffer).unwrap_or(0);
            let chunk = buffer.get(..length).unwrap_or_default().to_vec();
            // The end of the stream takes as long as its bytes.
            if sender.send((Instant::now() + self.one_way(), chunk)).is_err() || length == 0 {
                return;
            }
        }
    }
}

/// Writes each chunk when its time has come; an empty one ends the stream.
fn send(mut to: Stream, receiver: &Receiver<(Instant, Vec<u8>)>) {
    for (due, chunk) in receiver {
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        if chunk.is_empty() || to.write_all(&chunk).is_err() {
            break;
        }
    }
    to.shut_down(Shutdown::Both);
}

fn spawn(work: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name("delay-proxy".to_owned()).stack_size(STACK_BYTES).spawn(work)
}

/// A connected socket.
enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Stream {
    fn try_clone(&self) -> io::Result<Self> {
        Ok(match self {
            Self::Tcp(stream) => Self::Tcp(stream.try_clone()?),
            Self::Unix(stream) => Self::Unix(stream.try_clone()?),
        })
    }

    /// Fails only if the connection is closed already.
    fn shut_down(&self, how: Shutdown) {
        let _ = match self {
            Self::Tcp(stream) => stream.shutdown(how),
            Self::Unix(stream) => stream.shutdown(how),
        };
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(buffer),
            Self::Unix(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(bytes),
            Self::Unix(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
