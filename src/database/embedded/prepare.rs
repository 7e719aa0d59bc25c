//! Step 2: the server's directory, the account it runs as, and its data.

use std::fs::{self, DirBuilder, File, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, chown, fchown};
use std::path::{self, Path, PathBuf};

use rustix::fs::OFlags;

use crate::database::embedded::command::Postgres;
use crate::database::embedded::connect::SOCKET_PORT;
use crate::database::embedded::error::MAX_SOCKET_PATH_BYTES;
use crate::database::embedded::postmaster::SUPERUSER;
use crate::database::embedded::wait::start_program;
use crate::database::embedded::{Durability, EmbeddedError};

/// The lock file, which also marks a directory as belonging to this service.
const LOCK_FILE: &str = "start.lock";
/// Accounts for the server if this process runs as root, in order of preference.
const FALLBACK_ACCOUNTS: [&str; 2] = ["postgres", "nobody"];
/// UTF-8 collations in code point order; the first is missing on some versions of macOS. `C` is unsuitable: its character
/// classes are limited to ASCII.
const LOCALES: [&str; 2] = ["C.UTF-8", "en_US.UTF-8"];
/// Since this major version, Postgres has collations of its own, which are the same on every system. The locale of the
/// system then only decides which characters are letters for the text search.
const FIRST_WITH_BUILTIN_LOCALES: u32 = 17;

/// An account to run the server as, which does not run as root.
#[derive(Clone, Debug)]
pub(super) struct UnixAccount {
    pub user: u32,
    pub group: u32,
}

/// The absolute paths of a server's directory and socket.
pub(super) struct ServerPaths {
    pub directory: PathBuf,
    socket: PathBuf,
}

impl ServerPaths {
    /// Checks that the directory's path fits into a URL and a socket address.
    pub(super) fn new(directory: &Path) -> Result<Self, EmbeddedError> {
        let directory_error = |source| EmbeddedError::Directory { path: directory.to_owned(), source };
        let directory = path::absolute(directory).map_err(directory_error)?;
        if directory.to_str().is_none() {
            return Err(EmbeddedError::PathNotUtf8(directory));
        }
        let socket = directory.join(format!(".s.PGSQL.{SOCKET_PORT}"));
        if socket.as_os_str().len() > MAX_SOCKET_PATH_BYTES {
            return Err(EmbeddedError::SocketPathTooLong(socket));
        }
        Ok(Self { directory, socket })
    }
}

/// The directory of a server. All paths are absolute.
#[derive(Debug)]
pub(super) struct ServerDirectory {
    pub path: PathBuf,
    pub socket: PathBuf,
    pub data: PathBuf,
    pub log: PathBuf,
    /// `None`: the account of this process.
    pub account: Option<UnixAccount>,
}

impl ServerDirectory {
    /// Creates the directory if it is missing, and makes the server's account its owner.
    pub(super) fn prepare(paths: ServerPaths) -> Result<Self, EmbeddedError> {
        let ServerPaths { directory: path, socket } = paths;
        let fail = |source| EmbeddedError::Directory { path: path.clone(), source };
        match fs::read_dir(&path) {
            Ok(mut entries) => {
                // Other files may depend on the owner and permissions of the directory.
                if entries.next().is_some() && !path.join(LOCK_FILE).exists() {
                    return Err(EmbeddedError::DirectoryInUse(path));
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                path.parent().map_or(Ok(()), fs::create_dir_all).map_err(fail)?;
                match DirBuilder::new().mode(0o700).create(&path) {
                    Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(fail(error)),
                    _ => {}
                }
            }
            Err(error) => return Err(fail(error)),
        }
        // The canonical path, since the server's process is recognized by it.
        let data = path.canonicalize().map_err(fail)?.join("data");
        let account = if rustix::process::geteuid().is_root() { Some(account_for(&data)?) } else { None };
        let metadata = fs::metadata(&path).map_err(fail)?;
        if let Some(account) = account.as_ref().filter(|account| account.user != metadata.uid()) {
            chown(&path, Some(account.user), Some(account.group)).map_err(fail)?;
        }
        if metadata.mode() & 0o777 != 0o700 {
            fs::set_permissions(&path, Permissions::from_mode(0o700)).map_err(fail)?;
        }
        let log = path.join("postgres.log");
        Ok(Self { path, socket, data, log, account })
    }

    /// Waits until no other process is starting the server. Dropping the file releases the lock.
    pub(super) fn lock(&self) -> Result<File, EmbeddedError> {
        let path = self.path.join(LOCK_FILE);
        self.open(&path)
            .and_then(|file| file.lock().map(|()| file))
            .map_err(|source| EmbeddedError::Directory { path, source })
    }

    /// Opens a file for appending. A new file is owned by the server's account.
    pub(super) fn open(&self, path: &Path) -> io::Result<File> {
        // The directory belongs to the account: its links could lead to files of root.
        let flags = OFlags::NOFOLLOW.bits().cast_signed();
        let file = File::options().create(true).append(true).mode(0o600).custom_flags(flags).open(path)?;
        if let Some(account) = &self.account {
            fchown(&file, Some(account.user), Some(account.group))?;
        }
        Ok(file)
    }

    /// The outermost directory above this one that the server's account cannot enter.
    pub(super) fn blocking_ancestor(&self) -> Option<PathBuf> {
        self.account.as_ref()?.blocking_ancestor(&self.path)
    }
}

impl UnixAccount {
    /// The outermost of a path and its ancestors that the account cannot enter or, if it is a file, execute.
    pub(super) fn blocking_ancestor(&self, path: &Path) -> Option<PathBuf> {
        let can_enter = |metadata: &Metadata| {
            let needed = match () {
                () if metadata.uid() == self.user => 0o100,
                () if metadata.gid() == self.group => 0o010,
                () => 0o001,
            };
            metadata.mode() & needed != 0
        };
        let is_blocking = |ancestor: &&Path| fs::metadata(ancestor).is_ok_and(|metadata| !can_enter(&metadata));
        path.canonicalize().ok()?.ancestors().filter(is_blocking).last().map(Path::to_owned)
    }
}

/// Initializes the data directory unless it exists. It is created under a temporary name and renamed when it is complete,
/// so that an interrupted initialization is never used.
pub(super) fn init_data(postgres: &Postgres) -> Result<(), EmbeddedError> {
    let directory = postgres.directory;
    if directory.data.join("PG_VERSION").exists() {
        return Ok(());
    }
    let directory_error = |source| EmbeddedError::Directory { path: directory.path.clone(), source };
    for entry in fs::read_dir(&directory.path).map_err(directory_error)?.flatten() {
        if entry.file_name().as_encoded_bytes().starts_with(b"data.new.") {
            let _ = fs::remove_dir_all(entry.path()); // fails if a killed process's initdb still writes; removed next time
        }
    }
    let unfinished = directory.path.join(format!("data.new.{}", std::process::id()));
    let mut report = String::new();
    for locale in LOCALES {
        let mut command = postgres.command("initdb");
        command.args(["--encoding=UTF8", "--auth=trust", "--username", SUPERUSER, "--locale", locale]);
        if postgres.installation.version.major >= FIRST_WITH_BUILTIN_LOCALES {
            command.args(["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]);
        }
        if postgres.durability == Durability::Volatile {
            command.arg("--no-sync");
        }
        command.arg("--pgdata").arg(&unfinished);
        let output = start_program(|| command.output()).map_err(|source| postgres.start_error(&command, source))?;
        if output.status.success() {
            fs::rename(&unfinished, &directory.data).map_err(directory_error)?;
            return File::open(&directory.path).and_then(|file| file.sync_all()).map_err(directory_error);
        }
        report = String::from_utf8_lossy(&output.stderr).into_owned();
        if !report.contains("invalid locale") {
            break;
        }
    }
    Err(EmbeddedError::Initialize(report.trim().to_owned()))
}

/// The owner of the data, so that root can start a user's server; for new data, the first existing fallback account.
fn account_for(data: &Path) -> Result<UnixAccount, EmbeddedError> {
    if let Some(owner) = fs::metadata(data).ok().filter(|owner| owner.uid() != 0) {
        return Ok(UnixAccount { user: owner.uid(), group: owner.gid() });
    }
    let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
    FALLBACK_ACCOUNTS.iter().find_map(|name| parse_passwd_account(&passwd, name)).ok_or(EmbeddedError::NoAccount)
}

fn parse_passwd_account(passwd: &str, name: &str) -> Option<UnixAccount> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (user, group) = (fields.next() == Some(name)).then(|| (fields.nth(1), fields.next()))?;
        Some(UnixAccount { user: user?.parse().ok()?, group: group?.parse().ok()? })
    })
}
