//! Running npm in a directory of the build.

use std::env;
use std::ffi::OsStr;
use std::io;
use std::path::PathBuf;
use std::process::Command;

const NPM: &str = if cfg!(windows) { "npm.cmd" } else { "npm" };
/// Arguments of each installation: exactly the versions of the lock file, and no code of the packages.
const CLEAN_INSTALL: [&str; 6] =
    ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--fetch-retries=1"];

/// npm with a directory to run in.
pub struct Npm {
    /// The directory of `package.json`.
    pub workspace: PathBuf,
    /// The cache of downloads, unless the environment has another.
    pub cache: PathBuf,
}

impl Npm {
    /// Installs the packages of `package-lock.json`.
    pub fn clean_install(&self, arguments: &[&str]) -> Result<(), String> {
        self.run(CLEAN_INSTALL.iter().chain(arguments))
    }

    /// Runs npm. The error is a sentence for the user.
    pub fn run(&self, arguments: impl IntoIterator<Item: AsRef<OsStr>>) -> Result<(), String> {
        let mut command = Command::new(NPM);
        command.args(arguments);
        if env::var_os("npm_config_cache").is_none() {
            command.env("npm_config_cache", &self.cache);
        }
        // A NODE_ENV other than Vite's default would bundle the slow development build of React.
        let output = command
            .current_dir(&self.workspace)
            .env_remove("NODE_ENV")
            .env("NO_COLOR", "1")
            .output()
            .map_err(|error| why_not_started(&error))?;
        if output.status.success() {
            return Ok(());
        }
        // Shown by `cargo build -vv`. On standard output, Cargo would parse it for directives.
        let errors = String::from_utf8_lossy(&output.stderr);
        eprintln!("{}{errors}", String::from_utf8_lossy(&output.stdout));
        let step = command.get_args().next().unwrap_or_default();
        Err(format!("`npm {}` failed: {}", step.display(), first_error(&errors).unwrap_or("it printed no error")))
    }
}

fn why_not_started(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "npm is not installed".to_owned(),
        _ => format!("npm could not be run: {error}"),
    }
}

fn first_error(output: &str) -> Option<&str> {
    output.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with("npm warn"))
}
