//! Errors of the embedded Postgres, with instructions for the operator.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;

use crate::database::embedded::locate::ProgramsError;
use crate::database::embedded::wait::SERVER_TIMEOUT;

/// Maximum length of the path of a Unix socket.
pub(super) const MAX_SOCKET_PATH_BYTES: usize = if cfg!(target_os = "linux") { 107 } else { 103 };

/// The embedded Postgres cannot be started; the message says how to fix it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EmbeddedError {
    /// No suitable server programs were found.
    #[error(transparent)]
    Programs(#[from] ProgramsError),
    /// The path of the socket is too long.
    #[error(
        "the path of the database socket, {0}, is longer than {MAX_SOCKET_PATH_BYTES} bytes, the limit of a Unix \
         socket: choose a data directory with a shorter path (--data-dir or DATA_DIR)"
    )]
    SocketPathTooLong(PathBuf),
    /// The path of the directory cannot be represented in a URL.
    #[error(
        "the path of the data directory, {0}, is not UTF-8: choose a data directory with another name (--data-dir or \
         DATA_DIR)"
    )]
    PathNotUtf8(PathBuf),
    /// The directory cannot be created or used.
    #[error(
        "{path} cannot be used for the database: {source}; make it writable for the user of the service, or choose \
         another data directory (--data-dir or DATA_DIR)"
    )]
    Directory {
        /// The directory, or a file in it.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The directory contains other files.
    #[error(
        "{0} contains files, but no database of this service: choose a new or empty data directory (--data-dir or \
         DATA_DIR)"
    )]
    DirectoryInUse(PathBuf),
    /// Postgres does not run as root, and there is no other account.
    #[error(
        "PostgreSQL does not run as root, and this machine has no user `postgres` or `nobody` to run it as: start \
         the service as another user, or set DATABASE_URL to use your own PostgreSQL server"
    )]
    NoAccount,
    /// The server's account cannot enter the data directory.
    #[error(
        "PostgreSQL does not run as root, and the user it runs as instead (uid {user}) cannot enter {blocking_ancestor}, which \
         contains the data directory {path}: choose another data directory, such as \
         /var/lib/academic-directory (--data-dir or DATA_DIR), or start the service as a user other than root"
    )]
    Unreachable {
        /// The data directory.
        path: PathBuf,
        /// The ancestor that cannot be entered.
        blocking_ancestor: PathBuf,
        /// The user that the server runs as.
        user: u32,
    },
    /// A server program cannot be started.
    #[error(
        "{program} cannot be started: {source}; check its installation and permissions, set PG_BINDIR to the \
         directory of another installation, or set DATABASE_URL to use your own PostgreSQL server"
    )]
    Program {
        /// The program.
        program: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// `initdb` failed.
    #[error("`initdb` could not create the database; fix the error it reports and start again:\n{0}")]
    Initialize(String),
    /// The server exited at startup.
    #[error("the embedded Postgres exited at startup ({status}); fix the error in {log} and start again:\n{tail}")]
    Stopped {
        /// The exit status.
        status: ExitStatus,
        /// Its log.
        log: PathBuf,
        /// The end of its log.
        tail: String,
    },
    /// The server did not become ready in time.
    #[error("the embedded Postgres was not ready after {} seconds: see {log}, then start again", SERVER_TIMEOUT.as_secs())]
    NotReady {
        /// Its log.
        log: PathBuf,
    },
    /// A server of the same data neither responds nor exits.
    #[error(
        "another Postgres server (process {pid}) uses {data} and does not respond on its socket: stop it (`kill -INT \
         {pid}`) and start again"
    )]
    Busy {
        /// The process id, if known.
        pid: String,
        /// The data.
        data: PathBuf,
    },
    /// Another program or server responds on the socket.
    #[error(
        "the program that listens on {socket} is not the database of this service: {source}; stop it, or choose another \
         data directory (--data-dir or DATA_DIR)"
    )]
    ForeignServer {
        /// The socket.
        socket: PathBuf,
        /// Its response.
        source: io::Error,
    },
    /// The supervisor thread cannot be started.
    #[error(
        "the thread that supervises the embedded Postgres could not be started ({0}): free memory or raise the thread limit"
    )]
    Supervisor(io::Error),
}
