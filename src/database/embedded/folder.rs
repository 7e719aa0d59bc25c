//! The folder of the private server, and the account it runs as.

use std::fs::{self, DirBuilder, File, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, chown, fchown};
use std::path::{Path, PathBuf};

use crate::database::embedded::EmbeddedError;

/// Also the mark by which a folder is known to be ours.
const LOCK: &str = "start.lock";
/// Tried in this order if we are root.
const ACCOUNTS: [&str; 2] = ["postgres", "nobody"];

/// An account for the server, which refuses to run as root.
#[derive(Clone, Debug)]
pub(super) struct Account {
    pub user: u32,
    pub group: u32,
}

/// The folder of one server. All paths are absolute.
#[derive(Debug)]
pub(super) struct Folder {
    pub path: PathBuf,
    pub socket: PathBuf,
    pub data: PathBuf,
    pub log: PathBuf,
    /// None: as ourselves.
    pub account: Option<Account>,
}

impl Folder {
    /// Creates the folder if need be, and gives it to the account of the server.
    pub(super) fn prepare(path: &Path, socket: &Path) -> Result<Self, EmbeddedError> {
        let fail = |source| EmbeddedError::Folder { path: path.to_owned(), source };
        match fs::read_dir(path) {
            Ok(mut entries) => {
                // Anything else may belong to somebody who needs its owner and permissions to stay.
                if entries.next().is_some() && !path.join(LOCK).exists() {
                    return Err(EmbeddedError::FolderInUse(path.to_owned()));
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                path.parent().map_or(Ok(()), fs::create_dir_all).map_err(fail)?;
                match DirBuilder::new().mode(0o700).create(path) {
                    Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(fail(error)),
                    _ => {}
                }
            }
            Err(error) => return Err(fail(error)),
        }
        // One name for the data, however the folder was named: by it the process of the server is recognised.
        let data = path.canonicalize().map_err(fail)?.join("data");
        let account = if rustix::process::geteuid().is_root() { Some(account_for(&data)?) } else { None };
        let metadata = fs::metadata(path).map_err(fail)?;
        if let Some(account) = account.as_ref().filter(|account| account.user != metadata.uid()) {
            chown(path, Some(account.user), Some(account.group)).map_err(fail)?;
        }
        if metadata.mode() & 0o777 != 0o700 {
            fs::set_permissions(path, Permissions::from_mode(0o700)).map_err(fail)?;
        }
        let log = path.join("postgres.log");
        Ok(Self { path: path.to_owned(), socket: socket.to_owned(), data, log, account })
    }

    /// Waits until no other process is starting the server. The lock goes with the file.
    pub(super) fn lock(&self) -> Result<File, EmbeddedError> {
        let path = self.path.join(LOCK);
        self.open(&path)
            .and_then(|file| file.lock().map(|()| file))
            .map_err(|source| EmbeddedError::Folder { path, source })
    }

    /// Opens a file to append to it, and creates it so that the account of the server can open it, too.
    pub(super) fn open(&self, path: &Path) -> io::Result<File> {
        let file = File::options().create(true).append(true).mode(0o600).open(path)?;
        if let Some(account) = &self.account {
            fchown(&file, Some(account.user), Some(account.group))?;
        }
        Ok(file)
    }

    /// The outermost folder on the way here that the account of the server may not pass.
    pub(super) fn barrier(&self) -> Option<PathBuf> {
        let account = self.account.as_ref()?;
        let path = self.path.canonicalize().ok()?;
        let passes = |metadata: &Metadata| {
            let needed = match () {
                () if metadata.uid() == account.user => 0o100,
                () if metadata.gid() == account.group => 0o010,
                () => 0o001,
            };
            metadata.mode() & needed != 0
        };
        let closed = |folder: &&Path| fs::metadata(folder).is_ok_and(|metadata| !passes(&metadata));
        path.ancestors().filter(closed).last().map(Path::to_owned)
    }
}

/// Whoever owns the data, so that root can start what a user began; for new data, the first account there is.
fn account_for(data: &Path) -> Result<Account, EmbeddedError> {
    if let Some(owner) = fs::metadata(data).ok().filter(|owner| owner.uid() != 0) {
        return Ok(Account { user: owner.uid(), group: owner.gid() });
    }
    let known = fs::read_to_string("/etc/passwd").unwrap_or_default();
    ACCOUNTS.iter().find_map(|name| find_account(&known, name)).ok_or(EmbeddedError::NoAccount)
}

fn find_account(known: &str, name: &str) -> Option<Account> {
    known.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (user, group) = (fields.next() == Some(name)).then(|| (fields.nth(1), fields.next()))?;
        Some(Account { user: user?.parse().ok()?, group: group?.parse().ok()? })
    })
}
