//! The servers of one database address. One of them is used at a time: the first that accepts connections and has the role
//! that `target_session_attrs` asks for.
//!
//! libpq tries the servers of an address in order for each connection. Here, all connections go to the server that was
//! found last; the others are tried when it fails or is slow to respond, all at once, since a machine that is switched off
//! does not refuse a connection but leaves it unanswered.

use std::fmt::{self, Display, Formatter};
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use sea_orm::sqlx::postgres::{PgConnectOptions, PgConnection};
use sea_orm::sqlx::{self, ConnectOptions as _, PgPool, Row as _};
use tokio::time::timeout;

use crate::database::address::{DatabaseAddress, Host, TargetSessionAttrs, explain};

/// How long the server that was used last may take to respond before the others are tried too.
const PATIENCE: Duration = Duration::from_millis(250);

/// The servers of a database address, shared by all connections to it.
#[derive(Clone, Debug)]
pub struct Servers(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    servers: Vec<Server>,
    target: TargetSessionAttrs,
    /// Timeout for opening a connection to one server.
    connect_timeout: Duration,
    /// The index of the server that is used.
    current: AtomicUsize,
    /// When another server was used before; older connections lead to that one.
    changed_at: Mutex<Option<Instant>>,
    /// The pool whose new connections follow the change.
    pool: OnceLock<PgPool>,
}

#[derive(Debug)]
struct Server {
    /// The host and port, as in messages.
    name: String,
    options: PgConnectOptions,
    /// The options to use if TLS fails, which `sslmode=prefer` allows.
    options_without_tls: Option<PgConnectOptions>,
    has_tls_failed: AtomicBool,
}

impl Server {
    fn options(&self) -> &PgConnectOptions {
        let without_tls = self.options_without_tls.as_ref().filter(|_| self.has_tls_failed.load(Ordering::Relaxed));
        without_tls.unwrap_or(&self.options)
    }

    async fn connect(&self) -> Result<PgConnection, sqlx::Error> {
        match self.options().connect().await {
            Err(error) if self.options_without_tls.is_some() && is_tls_failure(&error) => {
                self.has_tls_failed.store(true, Ordering::Relaxed);
                // If it fails too, TLS was not the reason.
                self.options().connect().await.inspect_err(|_| self.has_tls_failed.store(false, Ordering::Relaxed))
            }
            connected => connected,
        }
    }
}

/// Returns whether the server may accept the connection without TLS.
fn is_tls_failure(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Tls(_) => true,
        sqlx::Error::Io(_) => explain(error).is_some(),
        // invalid_authorization_specification: a rule of the server for connections with TLS.
        sqlx::Error::Database(error) => error.code().as_deref() == Some("28000"),
        _ => false,
    }
}

/// No server of an address could be used.
#[derive(Debug, thiserror::Error)]
pub struct ConnectError {
    /// The name of each server and its error, in the order of the failures.
    failures: Vec<(String, sqlx::Error)>,
}

impl Display for ConnectError {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        for (index, (name, error)) in self.failures.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            if let Some(explanation) = explain(error) {
                write!(formatter, "{separator}{name}: {explanation}")?;
                continue;
            }
            match error {
                // Without the prefixes of sqlx, which name its own layers.
                sqlx::Error::Io(error) => write!(formatter, "{separator}{name}: {error}")?,
                sqlx::Error::Database(error) => write!(formatter, "{separator}{name}: {}", error.message())?,
                error => write!(formatter, "{separator}{name}: {error}")?,
            }
        }
        Ok(())
    }
}

impl ConnectError {
    /// The SQLSTATE codes of the servers that rejected the connection.
    pub(crate) fn codes(&self) -> impl Iterator<Item = String> {
        self.failures.iter().filter_map(|(_, error)| match error {
            sqlx::Error::Database(error) => error.code().map(|code| code.into_owned()),
            _ => None,
        })
    }
}

impl From<ConnectError> for sqlx::Error {
    fn from(error: ConnectError) -> Self {
        let message = error.to_string();
        let last = error.failures.into_iter().next_back();
        last.map_or_else(|| Self::Io(io::Error::other(message)), |(_, error)| error)
    }
}

impl Servers {
    /// The servers of an address. Sessions begin with these settings.
    pub(crate) fn new(address: &DatabaseAddress, settings: &[(&'static str, String)]) -> Self {
        let server = |host: &Host| {
            let with_settings = |options: PgConnectOptions| {
                let options = options.disable_statement_logging();
                if settings.is_empty() { options } else { options.options(settings.iter().cloned()) }
            };
            Server {
                name: host.to_string(),
                options: with_settings(address.connect_options(host)),
                options_without_tls: address.options_without_tls(host).map(with_settings),
                has_tls_failed: AtomicBool::new(false),
            }
        };
        Self(Arc::new(Shared {
            servers: address.hosts.iter().map(server).collect(),
            target: address.target,
            connect_timeout: address.connect_timeout,
            current: AtomicUsize::new(0),
            changed_at: Mutex::default(),
            pool: OnceLock::new(),
        }))
    }

    /// The options of the server that is used.
    pub(crate) fn options(&self) -> PgConnectOptions {
        self.0.options().clone()
    }

    /// Has new connections of a pool follow a change of the server. Called once.
    pub(crate) fn set_pool(&self, pool: PgPool) {
        // The address has a single pool.
        let _ = self.0.pool.set(pool);
    }

    /// A reference that does not keep the pool.
    pub(crate) fn downgrade(&self) -> WeakServers {
        WeakServers(Arc::downgrade(&self.0))
    }

    /// Returns whether a connection that was opened at this time leads to a server that is no longer used.
    pub(crate) fn is_outdated(&self, opened_at: Instant) -> bool {
        let changed_at = self.0.changed_at.lock().unwrap_or_else(PoisonError::into_inner);
        changed_at.is_some_and(|changed_at| opened_at <= changed_at)
    }

    /// Opens a connection to the first server that can be used, beginning with the one that is used. From then on, that
    /// server is used.
    ///
    /// # Errors
    /// If no server accepts the connection and has the role.
    pub async fn connect(&self) -> Result<PgConnection, ConnectError> {
        match self.0.target {
            TargetSessionAttrs::PreferStandby => match self.0.connect(TargetSessionAttrs::Standby).await {
                Err(_) => self.0.connect(TargetSessionAttrs::Any).await,
                connected => connected,
            },
            target => self.0.connect(target).await,
        }
    }
}

/// The servers as seen by their own pool.
#[derive(Clone, Debug)]
pub(crate) struct WeakServers(Weak<Shared>);

impl WeakServers {
    /// Checks a connection that the pool has opened. If its server has another role, looks for a server that has it, for the
    /// next attempt of the pool.
    pub(crate) async fn check_new(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        let Some(shared) = self.0.upgrade() else { return Ok(()) };
        let checked = match shared.target {
            // Any server is better than none.
            TargetSessionAttrs::PreferStandby => return Ok(()),
            target => check_role(connection, target).await,
        };
        if checked.is_err() {
            Servers(shared).connect().await?;
        }
        checked
    }

    /// Returns whether a connection of this age leads to the server that is used.
    pub(crate) fn is_current(&self, age: Duration) -> bool {
        let Some(shared) = self.0.upgrade() else { return true };
        let opened_at = Instant::now().checked_sub(age);
        opened_at.is_none_or(|opened_at| !Servers(shared).is_outdated(opened_at))
    }
}

impl Shared {
    fn options(&self) -> &PgConnectOptions {
        // `current` is the index of a server.
        self.servers[self.current.load(Ordering::Relaxed)].options()
    }

    async fn connect(&self, target: TargetSessionAttrs) -> Result<PgConnection, ConnectError> {
        let current = self.current.load(Ordering::Relaxed);
        let mut attempts = FuturesUnordered::from_iter([self.connect_to(current, target)]);
        let mut others = (0..self.servers.len()).filter(|index| *index != current).peekable();
        let mut failures = Vec::new();
        loop {
            let finished = if others.peek().is_some() && failures.is_empty() {
                timeout(PATIENCE, attempts.next()).await.unwrap_or(None)
            } else {
                attempts.next().await
            };
            match finished {
                Some((index, Ok(connection))) => {
                    self.use_server(index);
                    return Ok(connection);
                }
                Some((index, Err(error))) => failures.push((self.servers[index].name.clone(), error)),
                // All have failed.
                None if others.peek().is_none() => return Err(ConnectError { failures }),
                // The server in use takes long.
                None => {}
            }
            attempts.extend(others.by_ref().map(|index| self.connect_to(index, target)));
        }
    }

    /// Connects to one server. Returns its index too.
    async fn connect_to(&self, index: usize, target: TargetSessionAttrs) -> (usize, Result<PgConnection, sqlx::Error>) {
        let connect = async {
            let mut connection = self.servers[index].connect().await?;
            check_role(&mut connection, target).await?;
            Ok(connection)
        };
        let connected = timeout(self.connect_timeout, connect).await.unwrap_or_else(|_| {
            let message = format!("no response within {} s", self.connect_timeout.as_secs_f32());
            Err(sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, message)))
        });
        (index, connected)
    }

    fn use_server(&self, index: usize) {
        if self.current.swap(index, Ordering::Relaxed) == index {
            return;
        }
        *self.changed_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        if let Some(pool) = self.pool.get() {
            pool.set_connect_options(self.options().clone());
            tracing::info!(server = self.servers[index].name, "using another database server");
        }
    }
}

/// Checks that the server of a connection has a role.
async fn check_role(connection: &mut PgConnection, target: TargetSessionAttrs) -> Result<(), sqlx::Error> {
    if target == TargetSessionAttrs::Any {
        return Ok(());
    }
    let sql =
        "SELECT pg_is_in_recovery(), pg_is_in_recovery() OR current_setting('default_transaction_read_only')::bool";
    let row = sqlx::raw_sql(sql).fetch_one(connection).await?;
    let (is_standby, is_read_only): (bool, bool) = (row.try_get(0)?, row.try_get(1)?);
    let (is_suitable, problem) = match target {
        TargetSessionAttrs::Any | TargetSessionAttrs::PreferStandby => return Ok(()),
        TargetSessionAttrs::ReadWrite => (!is_read_only, "it is read-only, but target_session_attrs is read-write"),
        TargetSessionAttrs::ReadOnly => (is_read_only, "it can be written, but target_session_attrs is read-only"),
        TargetSessionAttrs::Primary => (!is_standby, "it is a standby, but target_session_attrs is primary"),
        TargetSessionAttrs::Standby => (is_standby, "it is no standby, but target_session_attrs is standby"),
    };
    if is_suitable { Ok(()) } else { Err(sqlx::Error::Io(io::Error::other(problem))) }
}
