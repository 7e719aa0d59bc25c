//! Why there is no private server, told to a person who can do something about it.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;

use crate::database::embedded::supervisor::PATIENCE;
use crate::database::programs::ProgramsError;

/// What fits into the address of a Unix socket.
pub(super) const SOCKET_PATH_LIMIT: usize = if cfg!(target_os = "linux") { 107 } else { 103 };

/// A private server that cannot be had, and what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EmbeddedError {
    /// There are no server programs that would do.
    #[error(transparent)]
    Programs(#[from] ProgramsError),
    /// The path of the socket does not fit into its address.
    #[error(
        "the path of the database socket, {0}, has more than {SOCKET_PATH_LIMIT} bytes, which no Unix socket may \
         have: choose a data folder with a shorter path (--data-dir or DATA_DIR)"
    )]
    SocketPathTooLong(PathBuf),
    /// The path of the folder cannot be written in a URL.
    #[error(
        "the path of the data folder, {0}, is not UTF-8: choose a data folder with another name (--data-dir or \
         DATA_DIR)"
    )]
    PathNotUtf8(PathBuf),
    /// The folder cannot be made or used.
    #[error(
        "{path} cannot be used for the database: {source}; make it writable for the user who starts the service, or \
         choose another data folder (--data-dir or DATA_DIR)"
    )]
    Folder {
        /// The folder, or the file in it.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The folder holds something else.
    #[error(
        "{0} has files in it, but no database of this service: choose a new or an empty data folder (--data-dir or \
         DATA_DIR)"
    )]
    FolderInUse(PathBuf),
    /// Postgres refuses to run as root, and there is nobody else.
    #[error(
        "PostgreSQL refuses to run as root, and this machine has no user `postgres` or `nobody` to run it as: start \
         the service as another user, or set DATABASE_URL to use a PostgreSQL server of your own"
    )]
    NoAccount,
    /// The account that the server has to run as does not get to the folder.
    #[error(
        "PostgreSQL refuses to run as root, and the user it runs as instead (uid {user}) may not enter {barrier}, so \
         it does not reach the data folder {path}: choose a data folder elsewhere, such as \
         /var/lib/academic-directory (--data-dir or DATA_DIR), or start the service as a user other than root"
    )]
    Unreachable {
        /// The data folder.
        path: PathBuf,
        /// The closed folder on the way to it.
        barrier: PathBuf,
        /// The user that would have to pass.
        user: u32,
    },
    /// A server program cannot be started.
    #[error(
        "{program} cannot be started: {source}; check its installation and permissions, set PG_BINDIR to the folder \
         of another one, or set DATABASE_URL to use a PostgreSQL server of your own"
    )]
    Program {
        /// The program.
        program: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The data folder cannot be filled.
    #[error("`initdb` could not create the database; correct what it reports and start again:\n{0}")]
    Initialize(String),
    /// The server ended at once.
    #[error("the database server stopped at once ({status}); correct what {log} reports and start again:\n{tail}")]
    Stopped {
        /// How it ended.
        status: ExitStatus,
        /// Its log.
        log: PathBuf,
        /// The end of its log.
        tail: String,
    },
    /// The server takes too long.
    #[error("the database server was not ready after {} seconds: see {log}, then start again", PATIENCE.as_secs())]
    NotReady {
        /// Its log.
        log: PathBuf,
    },
    /// A server of the same data neither answers nor goes away.
    #[error(
        "another database server (process {pid}) holds {data} and does not answer on its socket: stop it (`kill -INT \
         {pid}`) and start again"
    )]
    Busy {
        /// The process, if its file says so.
        pid: String,
        /// The data.
        data: PathBuf,
    },
    /// Something that is not our server answers on the socket.
    #[error(
        "what answers on {socket} is not the database of this service: {source}; stop it, or choose another data \
         folder (--data-dir or DATA_DIR)"
    )]
    Foreign {
        /// The socket.
        socket: PathBuf,
        /// What it answers.
        source: io::Error,
    },
    /// The thread that keeps the server cannot be had.
    #[error("no thread could be started to keep the database server ({0}): free some memory or raise the limit")]
    Supervisor(io::Error),
}
