//! Step 1, continued: a copy of npm's programs for a server that runs as another user.
//!
//! If root starts the service, the server runs as another user, who may not be able to reach the programs: a build below
//! `/root` is private. npm's programs find their libraries and data relative to themselves, so a copy of them works in any
//! place. Installations of the machine are not copied.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};

use crate::database::embedded::locate::Installation;
use crate::database::embedded::prepare::ServerDirectory;
use crate::database::embedded::{Durability, EmbeddedError};

/// The directory of the copies, next to the server's directory. It belongs to root, so that the server cannot change its
/// own programs.
pub const COPIES: &str = "postgres-programs";
/// A file that only npm's package contains.
const PACKAGE_FILE: &str = "pg-symlinks.json";
const LOCK_FILE: &str = "copy.lock";

/// The installation itself, or a copy of it if it comes from npm and the server's account cannot reach it.
pub(super) fn make_reachable(
    mut installation: Installation,
    directory: &ServerDirectory,
    durability: Durability,
) -> Result<Installation, EmbeddedError> {
    let Some(account) = &directory.account else { return Ok(installation) };
    let package = installation.directory.parent().filter(|package| package.join(PACKAGE_FILE).is_file());
    let (Some(package), Some(parent)) = (package, directory.path.parent()) else { return Ok(installation) };
    if account.blocking_ancestor(&installation.directory.join("postgres")).is_none() {
        return Ok(installation);
    }
    // No copy in a place that is unreachable, too.
    if let Some(blocking_ancestor) = directory.blocking_ancestor() {
        return Err(EmbeddedError::Unreachable { path: directory.path.clone(), blocking_ancestor, user: account.user });
    }
    let copies = parent.join(COPIES);
    let copy =
        version_name(&installation, package).and_then(|name| copy_unless_there(package, &copies, &name, durability));
    let copy = copy.map_err(|source| EmbeddedError::Directory { path: copies, source })?;
    installation.directory = copy.join("bin");
    Ok(installation)
}

/// A name that differs for every version of the package, such as `18.4-0a1b2c3d`: a running server may use an older copy.
fn version_name(installation: &Installation, package: &Path) -> io::Result<String> {
    let mut digest = Sha256::new();
    for program in ["postgres", "initdb"] {
        digest.update(fs::read(package.join("bin").join(program))?);
    }
    Ok(format!("{}-{}", installation.version.text, HEXLOWER.encode(&digest.finalize()[..4])))
}

/// Copies the package to `copies/name`, in one step when the copy is complete.
fn copy_unless_there(package: &Path, copies: &Path, name: &str, durability: Durability) -> io::Result<PathBuf> {
    match DirBuilder::new().mode(0o755).create(copies) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => fs::set_permissions(copies, Permissions::from_mode(0o755))?,
    }
    let lock = File::create(copies.join(LOCK_FILE))?;
    lock.lock()?;
    let copy = copies.join(name);
    if fs::symlink_metadata(&copy).is_ok_and(|metadata| metadata.is_dir() && metadata.uid() == 0) {
        return Ok(copy);
    }
    let unfinished = copies.join(format!("{name}.new"));
    match fs::remove_dir_all(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    copy_readable(package, &unfinished)?;
    if durability == Durability::Safe {
        sync_file_system(&lock)?;
    }
    fs::rename(&unfinished, &copy)?;
    tracing::info!(from = %package.display(), to = %copy.display(), "copied the Postgres programs, which the server's user cannot reach");
    Ok(copy)
}

/// Copies files, directories and links, and makes the copy readable for all users.
fn copy_readable(from: &Path, to: &Path) -> io::Result<()> {
    let metadata = fs::symlink_metadata(from)?;
    if metadata.is_symlink() {
        return symlink(fs::read_link(from)?, to);
    }
    if metadata.is_dir() {
        fs::create_dir(to)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            copy_readable(&entry.path(), &to.join(entry.file_name()))?;
        }
    } else {
        fs::copy(from, to)?;
    }
    let is_executable = metadata.is_dir() || metadata.mode() & 0o100 != 0;
    fs::set_permissions(to, Permissions::from_mode(if is_executable { 0o755 } else { 0o644 }))
}

/// Writes everything to disk, so that a crash does not leave a copy with empty files.
#[cfg(target_os = "linux")]
fn sync_file_system(file: &File) -> io::Result<()> {
    rustix::fs::syncfs(file).map_err(io::Error::from)
}

#[cfg(not(target_os = "linux"))]
fn sync_file_system(_: &File) -> io::Result<()> {
    rustix::fs::sync();
    Ok(())
}
