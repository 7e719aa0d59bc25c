//! Step 1: finding the Postgres server programs, of this machine or of npm's package.

use crate::database::embedded::wait::start_program;
use std::cmp::Reverse;
use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The minimum major version: the service's SQL requires it.
pub const MIN_MAJOR_VERSION: u32 = 15;
/// The major version of npm's package, which `postgres/package.json` names.
pub(super) const NPM_MAJOR_VERSION: u32 = 18;

/// Directories of packages: the parent, a prefix of the names in it, and the rest of the path to the programs.
const PACKAGE_DIRECTORIES: [(&str, &str, &str); 10] = [
    ("/usr/lib/postgresql", "", "bin"),                          // Debian, Ubuntu
    ("/usr", "pgsql-", "bin"),                                   // packages of postgresql.org for Fedora and RHEL
    ("/usr/libexec", "postgresql", ""),                          // Alpine
    ("/usr/lib", "postgresql", "bin"),                           // openSUSE, Gentoo
    ("/opt/homebrew/opt", "postgresql", "bin"),                  // Homebrew, Apple silicon
    ("/usr/local/opt", "postgresql", "bin"),                     // Homebrew, Intel
    ("/home/linuxbrew/.linuxbrew/opt", "postgresql", "bin"),     // Homebrew, Linux
    ("/opt/local/lib", "postgresql", "bin"),                     // MacPorts
    ("/Applications/Postgres.app/Contents/Versions", "", "bin"), // Postgres.app
    ("/Library/PostgreSQL", "", "bin"),                          // the EnterpriseDB installer
];
const STANDARD_DIRECTORIES: [&str; 3] = ["/usr/bin", "/usr/local/bin", "/usr/local/pgsql/bin"];

/// Where to search for the server programs. The values come from the configuration; this module does not read the
/// environment.
#[derive(Clone, Debug, Default)]
pub struct ServerPrograms {
    /// The directory of `initdb` and `postgres` (`PG_BINDIR`). If it is set, no other directory is searched.
    pub bin_directory: Option<PathBuf>,
    /// The search path of commands (`PATH`).
    pub search_path: Option<OsString>,
    /// Directories that may contain the programs of npm's package, in `bin`. They are used if the machine has none that
    /// suit.
    pub bundled_directories: Vec<PathBuf>,
}

/// No suitable server programs were found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProgramsError {
    /// There are none.
    #[error(
        "no server programs of PostgreSQL {MIN_MAJOR_VERSION} or newer were found: install them (Debian and Ubuntu: \
         `sudo apt install postgresql`; Fedora: `sudo dnf install postgresql-server`; macOS: `brew install \
         postgresql@18`), or install npm and build the service again without SKIP_WEB, which downloads them, or set \
         PG_BINDIR to the directory of `initdb` and `postgres`, or set DATABASE_URL to use your own PostgreSQL server"
    )]
    NotFound,
    /// The configured directory does not contain them.
    #[error(
        "PG_BINDIR is {0}, but that directory has no executable `initdb` and `postgres`: set it to the directory of \
         the server programs, or unset it to find them automatically, or set DATABASE_URL to use your own PostgreSQL \
         server"
    )]
    NotInBinDirectory(PathBuf),
    /// All versions found are too old.
    #[error(
        "PostgreSQL {version} was found in {directory}, but {MIN_MAJOR_VERSION} or newer is needed: install a newer one \
         (Debian and Ubuntu: https://www.postgresql.org/download/; Fedora: `sudo dnf install postgresql-server`; \
         macOS: `brew install postgresql@18`), or install npm and build the service again without SKIP_WEB, which \
         downloads one, or set PG_BINDIR to its directory, or set DATABASE_URL to use your \
         own PostgreSQL server"
    )]
    TooOld {
        /// The newest version found.
        version: String,
        /// Its directory.
        directory: PathBuf,
    },
    /// The data were created by another major version, which alone can open them.
    #[error(
        "the data in {data} was created by PostgreSQL {needed}, and {found} was found: install the server programs \
         of PostgreSQL {needed}{}, or set PG_BINDIR to their directory; to move to another version, export the data with \
         the old one and import it into a new data directory",
        if *needed == NPM_MAJOR_VERSION { " (or npm, and build the service again without SKIP_WEB)" } else { "" }
    )]
    DataVersionMismatch {
        /// The data directory.
        data: PathBuf,
        /// The major version that created it.
        needed: u32,
        /// The versions found, as `only 15.14` or `none`.
        found: String,
    },
}

/// The programs of one installed server.
#[derive(Debug)]
pub(super) struct Installation {
    pub directory: PathBuf,
    pub version: PostgresVersion,
    /// Whether it was found in [`ServerPrograms::bundled_directories`].
    is_bundled: bool,
}

/// The version printed by `postgres --version`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PostgresVersion {
    pub major: u32,
    /// `None` before the release: `18beta1`, `19devel`.
    minor: Option<u32>,
    pub text: String,
}

impl PostgresVersion {
    /// Parses a line such as `postgres (Postgres) 15.14 (Debian 15.14-0+deb12u1)`.
    fn parse(line: &str) -> Option<Self> {
        let text = line.split_once("(PostgreSQL)")?.1.split_whitespace().next()?;
        let end = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
        let (major, rest) = text.split_at(end);
        let minor = rest.strip_prefix('.').map(|minor| minor.split(|c: char| !c.is_ascii_digit()).next());
        Some(Self {
            major: major.parse().ok()?,
            minor: minor.flatten().and_then(|minor| minor.parse().ok()),
            text: text.to_owned(),
        })
    }
}

impl ServerPrograms {
    /// The newest installation of the machine, or else npm's. If `data` exists, only those that can open it.
    pub(super) fn locate(&self, data: &Path) -> Result<Installation, ProgramsError> {
        let created_by = fs::read_to_string(data.join("PG_VERSION")).ok().and_then(|major| major.trim().parse().ok());
        if let Some(directory) = &self.bin_directory {
            let installation = inspect(directory).ok_or_else(|| ProgramsError::NotInBinDirectory(directory.clone()))?;
            return select_installation(vec![installation], data, created_by);
        }
        let installed = self.directories();
        let installed = installed.iter().filter_map(|directory| inspect(directory));
        let bundled = self.bundled_directories.iter().filter_map(|directory| inspect(&directory.join("bin")));
        let bundled = bundled.map(|installation| Installation { is_bundled: true, ..installation });
        select_installation(installed.chain(bundled).collect(), data, created_by)
    }

    /// All distinct directories that contain the programs.
    fn directories(&self) -> Vec<PathBuf> {
        let on_path = self.search_path.as_deref().map(OsStr::as_bytes).unwrap_or_default().split(|byte| *byte == b':');
        // A relative entry would depend on the working directory.
        let on_path = on_path.map(|entry| PathBuf::from(OsStr::from_bytes(entry))).filter(|entry| entry.is_absolute());
        let mut all: Vec<PathBuf> = on_path.chain(STANDARD_DIRECTORIES.map(PathBuf::from)).collect();
        let from_pg_config: Vec<PathBuf> = all.iter().filter_map(|directory| pg_config_bindir(directory)).collect();
        all.extend(from_pg_config);
        for (parent, prefix, rest) in PACKAGE_DIRECTORIES {
            for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
                if entry.file_name().as_bytes().starts_with(prefix.as_bytes()) {
                    all.push(entry.path().join(rest));
                }
            }
        }
        let mut seen = HashSet::new();
        all.into_iter()
            .filter_map(|directory| resolve_links(&directory))
            .filter(|home| seen.insert(home.clone()))
            .collect()
    }
}

/// The real directory of the programs: packages often link only some of them.
fn resolve_links(directory: &Path) -> Option<PathBuf> {
    let complete = |directory: &Path| directory.join("postgres").is_file() && directory.join("initdb").is_file();
    let real = fs::canonicalize(directory.join("postgres")).ok()?;
    let real = real.parent().filter(|parent| complete(parent)).map(Path::to_owned);
    real.or_else(|| complete(directory).then(|| directory.to_owned()))
}

fn pg_config_bindir(directory: &Path) -> Option<PathBuf> {
    let program = directory.join("pg_config");
    let output = program.is_file().then(|| first_output_line(&program, "--bindir"))??;
    Some(PathBuf::from(output))
}

/// The installation in a directory, if both programs exist and run.
fn inspect(directory: &Path) -> Option<Installation> {
    let directory = resolve_links(directory)?;
    let version = PostgresVersion::parse(&first_output_line(&directory.join("postgres"), "--version")?)?;
    Some(Installation { directory, version, is_bundled: false })
}

fn first_output_line(program: &Path, argument: &str) -> Option<String> {
    let mut command = Command::new(program);
    command.arg(argument).current_dir("/").stdin(Stdio::null());
    let output = start_program(|| command.output()).ok()?;
    let text = output.status.success().then(|| String::from_utf8(output.stdout).ok())??;
    text.lines().next().map(|line| line.trim().to_owned())
}

fn select_installation(
    mut found: Vec<Installation>,
    data: &Path,
    created_by: Option<u32>,
) -> Result<Installation, ProgramsError> {
    // Prereleases come last: their data can often not be opened by the release.
    found.sort_by_key(|installation| {
        let version = &installation.version;
        Reverse((version.minor.is_some(), !installation.is_bundled, version.major, version.minor))
    });
    let fits = |installation: &Installation| {
        installation.version.major >= MIN_MAJOR_VERSION
            && created_by.is_none_or(|major| major == installation.version.major)
    };
    if let Some(position) = found.iter().position(fits) {
        return Ok(found.swap_remove(position));
    }
    let texts: Vec<String> = found.iter().map(|installation| installation.version.text.clone()).collect();
    let is_any_supported = found.iter().any(|installation| installation.version.major >= MIN_MAJOR_VERSION);
    let mismatch = |needed, found| ProgramsError::DataVersionMismatch { data: data.to_owned(), needed, found };
    match (found.into_iter().next(), created_by) {
        (None, None) => Err(ProgramsError::NotFound),
        (None, Some(needed)) => Err(mismatch(needed, "none".to_owned())),
        (Some(_), Some(needed)) if is_any_supported => Err(mismatch(needed, format!("only {}", texts.join(", ")))),
        (Some(newest), _) => Err(ProgramsError::TooOld { version: newest.version.text, directory: newest.directory }),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn installation(version: &str) -> Installation {
        let version = PostgresVersion::parse(&format!("postgres (PostgreSQL) {version}")).unwrap();
        Installation { directory: PathBuf::from("/programs").join(&version.text), version, is_bundled: false }
    }

    fn chosen(versions: &[&str], created_by: Option<u32>) -> Result<String, String> {
        let found = versions.iter().map(|version| installation(version)).collect();
        let chosen = select_installation(found, Path::new("/data"), created_by);
        chosen.map(|installation| installation.version.text).map_err(|error| error.to_string())
    }

    #[test]
    fn versions() {
        let parsed = |line| PostgresVersion::parse(line).map(|version| (version.major, version.minor, version.text));
        let debian = parsed("postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)");
        assert_eq!(debian, Some((15, Some(14), "15.14".to_owned())));
        assert_eq!(parsed("postgres (PostgreSQL) 9.6.24"), Some((9, Some(6), "9.6.24".to_owned())));
        assert_eq!(parsed("postgres (PostgreSQL) 19beta1"), Some((19, None, "19beta1".to_owned())));
        assert_eq!(parsed("something else"), None);
    }

    #[test]
    fn choice() {
        assert_eq!(chosen(&["15.14", "17.2", "16.9"], None).as_deref(), Ok("17.2"));
        assert_eq!(chosen(&["17.2", "17.10"], None).as_deref(), Ok("17.10"));
        assert_eq!(chosen(&["19beta1", "15.1"], None).as_deref(), Ok("15.1"));
        assert_eq!(chosen(&["14.3", "19beta1"], None).as_deref(), Ok("19beta1"));
        assert_eq!(chosen(&["15.14", "17.2"], Some(15)).as_deref(), Ok("15.14"));
    }

    #[test]
    fn bundled_programs_come_last() {
        let chosen = |versions: &[&str], created_by| {
            let bundled = Installation { is_bundled: true, ..installation("18.4") };
            let found = versions.iter().map(|version| installation(version)).chain([bundled]).collect();
            let chosen = select_installation(found, Path::new("/data"), created_by);
            chosen.map(|installation| installation.version.text).map_err(|error| error.to_string())
        };
        for (versions, created_by, expected) in [
            (&["15.14"][..], None, "15.14"),
            (&["14.9"], None, "18.4"),
            (&["19beta1"], None, "18.4"),
            (&[], None, "18.4"),
            (&["15.14", "17.2"], Some(18), "18.4"),
            (&["18.1"], Some(18), "18.1"),
            (&["15.14"], Some(15), "15.14"),
        ] {
            assert_eq!(chosen(versions, created_by).as_deref(), Ok(expected), "{versions:?} {created_by:?}");
        }
        let error = chosen(&[], Some(15)).unwrap_err();
        assert!(error.contains("was created by PostgreSQL 15, and only 18.4 was found"), "{error}");
    }

    #[test]
    fn version_of_the_package() {
        let package = include_str!("../../../postgres/package.json");
        let versions: Vec<&str> = package.lines().filter(|line| line.contains("@embedded-postgres/")).collect();
        assert_eq!(versions.len(), 4);
        for version in versions {
            assert!(version.contains(&format!(": \"{NPM_MAJOR_VERSION}.")), "{version}");
        }
    }

    #[test]
    fn errors_say_how_to_fix_them() {
        let none = chosen(&[], None).unwrap_err();
        for word in ["apt install", "dnf install", "brew install", "install npm", "PG_BINDIR", "DATABASE_URL"] {
            assert!(none.contains(word), "{none}");
        }
        let old = chosen(&["13.1", "14.19"], None).unwrap_err();
        assert!(old.starts_with("PostgreSQL 14.19 was found in /programs/14.19, but 15 or newer is needed"), "{old}");
        let other = chosen(&["18.0", "17.2"], Some(16)).unwrap_err();
        assert!(other.contains("was created by PostgreSQL 16, and only 18.0, 17.2 was found"), "{other}");
        assert!(!other.contains("npm"), "{other}");
        for (versions, found) in [(&["15.14"][..], "only 15.14"), (&[], "none")] {
            let newer = chosen(versions, Some(NPM_MAJOR_VERSION)).unwrap_err();
            assert!(newer.contains(&format!("was created by PostgreSQL 18, and {found} was found")), "{newer}");
            assert!(newer.contains("npm, and build the service again"), "{newer}");
        }
    }

    fn write_fake_programs(directory: &Path, version: &str) {
        for program in ["initdb", "postgres"] {
            let path = directory.join(program);
            fs::write(&path, format!("#!/bin/sh\necho 'postgres (PostgreSQL) {version}'\n")).unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        }
    }

    #[test]
    fn directories_on_the_search_path() {
        let (real, links) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        write_fake_programs(real.path(), "99.1");
        symlink(real.path().join("postgres"), links.path().join("postgres")).unwrap();
        let search_path = format!("bin::{}:{}", links.path().display(), real.path().display());
        let programs = ServerPrograms { search_path: Some(search_path.into()), ..ServerPrograms::default() };
        let real = real.path().canonicalize().unwrap();
        assert_eq!(programs.directories().iter().filter(|directory| **directory == real).count(), 1);
        assert_eq!(programs.locate(Path::new("/nowhere")).unwrap().directory, real);
    }

    #[test]
    fn configured_directory() {
        let directory = tempfile::tempdir().unwrap();
        let programs = ServerPrograms { bin_directory: Some(directory.path().to_owned()), ..ServerPrograms::default() };
        let find = || programs.locate(Path::new("/nowhere"));
        assert!(matches!(find(), Err(ProgramsError::NotInBinDirectory(path)) if path == directory.path()));
        write_fake_programs(directory.path(), "14.9");
        assert!(matches!(find(), Err(ProgramsError::TooOld { version, .. }) if version == "14.9"));
    }
}
