//! The embedded Postgres server, which is started if `DATABASE_URL` is unset.
//!
//! It runs the Postgres programs installed on the machine, or those that the build downloaded from npm, over a data
//! directory of the service. Clients connect through a Unix socket in that directory and no other way. The directory is
//! accessible only to its owner and root, so the server asks for no password.
//!
//! [`EmbeddedServer::start`] goes through these steps, unless a server already runs in the directory:
//!
//! 1. [`locate`]: find the programs of a suitable version; [`relocate`] copies them if the server's account cannot reach
//!    them
//! 2. [`prepare`]: create the directory and initialize its data (`initdb`)
//! 3. [`launch`]: start the server and wait until it is ready; [`supervisor`] then waits for its exit
//! 4. [`connect`]: the connection URL

mod command;
mod connect;
mod error;
mod launch;
mod locate;
mod postmaster;
mod prepare;
mod relocate;
mod shared_buffers;
mod supervisor;
#[cfg(test)]
mod tests;
mod wait;

use std::path::{Path, PathBuf};
use std::process::Child;

pub use crate::database::embedded::error::EmbeddedError;
pub use crate::database::embedded::locate::{MIN_MAJOR_VERSION, ServerPrograms};
pub use crate::database::embedded::relocate::COPIES as PROGRAM_COPIES;

use crate::database::embedded::command::Postgres;
use crate::database::embedded::prepare::{ServerDirectory, ServerPaths};
use crate::database::embedded::supervisor::SupervisedServer;

/// What is lost if the machine crashes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// Nothing that was committed.
    #[default]
    Safe,
    /// Possibly everything, in exchange for speed: only for tests and benchmarks.
    Volatile,
}

/// A running embedded server.
///
/// The first process that is started on a directory starts the server and owns it. Other processes attach to it and never
/// stop it. If the owner stops, so does the server, and attached processes lose their connections; the next
/// [`EmbeddedServer::start`] in any process starts it again. If the owner is killed, Linux stops the server; on other
/// systems the server keeps running, and the next start attaches to it. A process that attaches while the owner exits may
/// lose the server before its first query, and must start again.
///
/// Starting, stopping and dropping block the thread: in async code, use a blocking task.
#[derive(Debug)]
pub struct EmbeddedServer {
    directory: PathBuf,
    process: Option<SupervisedServer>,
}

impl EmbeddedServer {
    /// Starts a server in a directory, or attaches to the server that runs there (which keeps its durability). A missing or
    /// empty directory is initialized with a single database, `postgres`.
    ///
    /// # Errors
    /// If no server can be started; the message says how to fix it.
    pub fn start(
        directory: &Path,
        programs: &ServerPrograms,
        durability: Durability,
    ) -> Result<EmbeddedServer, EmbeddedError> {
        let paths = ServerPaths::new(directory)?;
        let directory = paths.directory.clone();
        let programs = programs.clone();
        let process = SupervisedServer::start(move || start_unless_running(paths, &programs, durability))?;
        Ok(Self { directory, process })
    }

    /// The connection URL of a database, for `sqlx` or `psql`.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        connect::url(&self.directory, database)
    }

    /// The process id of the server, or `None` if another process owns it.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(SupervisedServer::pid)
    }

    /// Stops the server if this process owns it, and waits until it has exited. Dropping does the same.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for EmbeddedServer {
    fn drop(&mut self) {
        if let Some(process) = self.process.take() {
            process.stop();
        }
    }
}

/// The process of a server that is ready, or `None` if one already runs in the directory.
fn start_unless_running(
    paths: ServerPaths,
    programs: &ServerPrograms,
    durability: Durability,
) -> Result<Option<Child>, EmbeddedError> {
    let directory = ServerDirectory::prepare(paths)?;
    let _lock = directory.lock()?;
    if connect::is_running(&directory)? {
        return Ok(None);
    }
    let installation = relocate::make_reachable(programs.locate(&directory.data)?, &directory, durability)?;
    let postgres = Postgres { directory: &directory, installation: &installation, durability };
    prepare::init_data(&postgres)?;
    launch::launch(&postgres).map(Some)
}
