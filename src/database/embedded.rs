//! The private Postgres server that the service starts if it is given no `DATABASE_URL`.
//!
//! It is the server of the machine's own packages, over a data folder of ours, reached through a Unix socket in that
//! folder and through nothing else. Only the account that owns the folder (and root) can pass its permissions, so the
//! server asks for no password.

mod error;
mod folder;
mod memory;
mod postmaster;
mod supervisor;
#[cfg(test)]
mod tests;

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::process::CommandExt;
use std::path::{self, Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Instant;

pub use crate::database::embedded::error::EmbeddedError;
pub use crate::database::programs::ServerPrograms;

use crate::database::embedded::error::SOCKET_PATH_LIMIT;
use crate::database::embedded::folder::Folder;
use crate::database::embedded::postmaster::{PidFile, Presence, ROLE, disarm_pid_file, presence};
use crate::database::embedded::supervisor::{Owned, PATIENCE, POLL, wait_until};
use crate::database::programs::Installation;

/// Names the socket file; nothing listens on a port.
const PORT: &str = "5432";
/// A log longer than this is begun anew at the next start.
const LOG_LIMIT: u64 = 10 * 1024 * 1024;
const LOG_TAIL: usize = 5;
/// UTF-8 with the order of code points; not every macOS has it. Never `C`, which knows no letters beyond ASCII.
const LOCALES: [&str; 2] = ["C.UTF-8", "en_US.UTF-8"];
/// Pages that an import changes again and again are written out every few minutes, and not every few seconds, as a large one makes
/// Postgres do with the gigabyte that it allows itself.
const LARGE: [&str; 2] = ["max_wal_size=4GB", "checkpoint_timeout=15min"];
const VOLATILE: [&str; 3] = ["fsync=off", "synchronous_commit=off", "full_page_writes=off"];

/// What a crash of the machine may cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// Nothing that was committed.
    #[default]
    Safe,
    /// Everything, for speed: only for tests and benchmarks.
    Volatile,
}

/// A running private server.
///
/// The process that finds no server starts one and owns it. Others that are started on the same folder attach to it,
/// and never stop it. If the owner stops, so does the server, and those who are attached lose their connections; the
/// next [`EmbeddedServer::start`] in any process starts it again. If the owner is killed, Linux stops the server on
/// its behalf; elsewhere the server stays, and the next start attaches to it. Whoever attaches in the very moment an
/// owner goes may find the server gone at the first query, and has to start again.
///
/// Starting, stopping and dropping block the thread: in async code, use a blocking task.
#[derive(Debug)]
pub struct EmbeddedServer {
    directory: PathBuf,
    owned: Option<Owned>,
}

impl EmbeddedServer {
    /// Starts a server on a folder, or attaches to the one that runs there (which keeps the durability it has). A
    /// folder that is missing or empty is filled with a new server, which has one database: `postgres`.
    ///
    /// # Errors
    /// Where no server can be had; the message says what to do about it.
    pub fn start(
        directory: &Path,
        programs: &ServerPrograms,
        durability: Durability,
    ) -> Result<EmbeddedServer, EmbeddedError> {
        let fail = |source| EmbeddedError::Folder { path: directory.to_owned(), source };
        let directory = path::absolute(directory).map_err(fail)?;
        if directory.to_str().is_none() {
            return Err(EmbeddedError::PathNotUtf8(directory));
        }
        let socket = directory.join(format!(".s.PGSQL.{PORT}"));
        if socket.as_os_str().len() > SOCKET_PATH_LIMIT {
            return Err(EmbeddedError::SocketPathTooLong(socket));
        }
        let (path, programs) = (directory.clone(), programs.clone());
        let owned = Owned::start(move || launch(&path, &socket, &programs, durability))?;
        Ok(Self { directory, owned })
    }

    /// Where to connect: a URL for `sqlx`, or for `psql`.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        let (database, host) = (percent_encode(database), percent_encode(&self.directory.to_string_lossy()));
        // Port and TLS are written out because the environment (PGPORT, PGSSLMODE) would fill them in otherwise.
        format!("postgres://{ROLE}@localhost:{PORT}/{database}?host={host}&sslmode=disable")
    }

    /// The server's process, or none if it belongs to another process of the service.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.owned.as_ref().map(Owned::pid)
    }

    /// Stops the server, if it is ours, and waits until it has ended. Dropping does the same.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for EmbeddedServer {
    fn drop(&mut self) {
        if let Some(owned) = self.owned.take() {
            owned.stop();
        }
    }
}

/// A server that is ready, or none if one is there already.
fn launch(
    path: &Path,
    socket: &Path,
    programs: &ServerPrograms,
    durability: Durability,
) -> Result<Option<Child>, EmbeddedError> {
    let folder = Folder::prepare(path, socket)?;
    let _lock = folder.lock()?;
    if is_served(&folder)? {
        return Ok(None);
    }
    let installation = programs.find(&folder.data)?;
    let launcher = Launcher { folder: &folder, installation: &installation, durability };
    if !folder.data.join("PG_VERSION").exists() {
        launcher.initialize()?;
    }
    launcher.run().map(Some)
}

/// Whether a server runs already. One that starts, stops or recovers is waited for until it answers or is gone.
fn is_served(folder: &Folder) -> Result<bool, EmbeddedError> {
    let mut last = Ok(Presence::Absent);
    let settled = wait_until(PATIENCE, || {
        last = presence(&folder.data, &folder.socket);
        !matches!(last, Ok(Presence::Busy))
    });
    if !settled {
        let pid = PidFile::read(&folder.data).map_or("unknown".to_owned(), |file| file.pid.to_string());
        return Err(EmbeddedError::Busy { pid, data: folder.data.clone() });
    }
    let presence = last.map_err(|source| EmbeddedError::Foreign { socket: folder.socket.clone(), source })?;
    Ok(presence == Presence::Ready)
}

struct Launcher<'a> {
    folder: &'a Folder,
    installation: &'a Installation,
    durability: Durability,
}

impl Launcher<'_> {
    /// Fills the data folder. It gets its name when it is complete, so that one cut short is never used.
    fn initialize(&self) -> Result<(), EmbeddedError> {
        let folder = self.folder;
        let fail = |source| EmbeddedError::Folder { path: folder.path.clone(), source };
        for entry in fs::read_dir(&folder.path).map_err(fail)?.flatten() {
            if entry.file_name().as_encoded_bytes().starts_with(b"data.new.") {
                let _ = fs::remove_dir_all(entry.path()); // in vain if a killed starter's initdb still writes; later then
            }
        }
        let unfinished = folder.path.join(format!("data.new.{}", std::process::id()));
        let mut report = String::new();
        for locale in LOCALES {
            let mut command = self.command("initdb");
            command.args(["--encoding=UTF8", "--auth=trust", "--username", ROLE, "--locale", locale]);
            if self.durability == Durability::Volatile {
                command.arg("--no-sync");
            }
            command.arg("--pgdata").arg(&unfinished);
            let output = command.output().map_err(|source| self.explain(&command, source))?;
            if output.status.success() {
                fs::rename(&unfinished, &folder.data).map_err(fail)?;
                return File::open(&folder.path).and_then(|folder| folder.sync_all()).map_err(fail);
            }
            report = String::from_utf8_lossy(&output.stderr).into_owned();
            if !report.contains("invalid locale") {
                break;
            }
        }
        Err(EmbeddedError::Initialize(report.trim().to_owned()))
    }

    /// Starts the server and waits until it takes connections.
    fn run(&self) -> Result<Child, EmbeddedError> {
        let folder = self.folder;
        let fail = |source| EmbeddedError::Folder { path: folder.path.clone(), source };
        disarm_pid_file(&folder.data).map_err(fail)?;
        // Nobody answers, so the lock of the socket is of no use, and the pid in it may be another's by now.
        match fs::remove_file(folder.socket.with_file_name(format!(".s.PGSQL.{PORT}.lock"))) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(fail(error)),
            _ => {}
        }
        let log = folder.open(&folder.log).map_err(fail)?;
        if log.metadata().map_err(fail)?.len() > LOG_LIMIT {
            log.set_len(0).map_err(fail)?;
        }
        let deadline = Instant::now() + PATIENCE;
        loop {
            let begin = log.metadata().map_err(fail)?.len();
            let mut command = self.server_command();
            command.stdout(log.try_clone().map_err(fail)?).stderr(log.try_clone().map_err(fail)?);
            let mut child = command.spawn().map_err(|source| self.explain(&command, source))?;
            let mut ended = Ok(None);
            wait_until(deadline.saturating_duration_since(Instant::now()), || {
                ended = child.try_wait();
                !matches!(ended, Ok(None)) || self.is_ready(&child)
            });
            if let Some(status) = ended.map_err(fail)? {
                let tail = read_from(&folder.log, begin);
                // What a killed server leaves behind ends by itself, but not always at once.
                let held = tail.contains("is still in use");
                if held && Instant::now() < deadline {
                    thread::sleep(POLL);
                    continue;
                }
                return Err(EmbeddedError::Stopped { status, log: folder.log.clone(), tail: last_lines(&tail) });
            }
            if self.is_ready(&child) {
                return Ok(child);
            }
            let _ = child.kill().and_then(|()| child.wait());
            return Err(EmbeddedError::NotReady { log: folder.log.clone() });
        }
    }

    fn is_ready(&self, child: &Child) -> bool {
        PidFile::read(&self.folder.data).is_some_and(|file| file.pid == child.id() && file.is_ready())
    }

    fn server_command(&self) -> Command {
        // A list, in which a comma would end a name if it were not quoted.
        let directory = self.folder.path.to_string_lossy().replace('"', "\"\"");
        let mut command = self.command("postgres");
        command.arg("-D").arg(&self.folder.data).args(["-p", PORT]).args([
            "-c",
            "listen_addresses=",
            "-c",
            "unix_socket_permissions=0700",
            "-c",
            "max_connections=100",
            "-c",
            &format!("unix_socket_directories=\"{directory}\""),
        ]);
        let own = match self.durability {
            Durability::Safe => &LARGE[..],
            Durability::Volatile => &VOLATILE,
        };
        command.args(own.iter().flat_map(|setting| ["-c", setting]));
        if self.durability == Durability::Safe {
            command.args(["-c", &format!("shared_buffers={}MB", crate::database::embedded::memory::shared_buffers())]);
        }
        command
    }

    /// A program of the server, as the account it may run as, which ends when we do.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.installation.directory.join(program));
        // English messages, and on macOS no threads before the fork, which Postgres would refuse.
        command.env("LC_ALL", "C").env_remove("PGDATESTYLE").env_remove("PGCLIENTENCODING");
        // A group of its own: Ctrl-C in the terminal reaches only us, and we let requests finish first.
        command.current_dir(&self.folder.path).stdin(Stdio::null()).process_group(0);
        if let Some(account) = &self.folder.account {
            command.uid(account.user).gid(account.group); // as root, this gives up root's other groups, too
        }
        #[cfg(target_os = "linux")]
        end_with_us(&mut command);
        command
    }

    fn explain(&self, command: &Command, source: io::Error) -> EmbeddedError {
        let barrier = self.folder.barrier().filter(|_| source.kind() == io::ErrorKind::PermissionDenied);
        match (barrier, &self.folder.account) {
            (Some(barrier), Some(account)) => {
                EmbeddedError::Unreachable { path: self.folder.path.clone(), barrier, user: account.user }
            }
            _ => EmbeddedError::Program { program: command.get_program().into(), source },
        }
    }
}

/// Has the kernel interrupt the program (a fast shutdown for Postgres) when the thread that started it ends, as all
/// do when we are killed.
#[cfg(target_os = "linux")]
#[allow(unsafe_code, reason = "what happens between fork and exec has no safe form")]
fn end_with_us(command: &mut Command) {
    use rustix::process::{Signal, getpid, getppid, set_parent_process_death_signal};
    let us = getpid();
    let arrange = move || {
        set_parent_process_death_signal(Some(Signal::INT))?;
        // If we were gone before that, no signal will ever come.
        if getppid() == Some(us) { Ok(()) } else { Err(rustix::io::Errno::SRCH.into()) }
    };
    // SAFETY: between fork and exec only async-signal-safe calls are allowed. These are two plain system calls, prctl
    // and getppid; nothing allocates or locks, and an errno becomes an `io::Error` without allocation.
    unsafe {
        command.pre_exec(arrange);
    }
}

fn read_from(path: &Path, begin: u64) -> String {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|mut file| {
        file.seek(SeekFrom::Start(begin))?;
        file.take(LOG_LIMIT).read_to_end(&mut bytes)
    });
    read.map_or_else(|error| error.to_string(), |_| String::from_utf8_lossy(&bytes).into_owned())
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LOG_TAIL)..].join("\n")
}

fn percent_encode(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}"); // a String takes everything
        }
        encoded
    })
}
