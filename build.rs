//! Builds GraphiQL from `web/` with npm into `OUT_DIR/web-gzip`, compressed, for the binary to embed, and installs the server
//! programs of Postgres as `OUT_DIR/postgres`, for the embedded Postgres. Without npm or a network the service still builds;
//! `/graphiql` then shows how to build it, and the embedded Postgres needs the programs of the machine.

#[path = "build/npm.rs"]
mod npm;
#[path = "build/postgres.rs"]
mod postgres;

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::npm::Npm;
use crate::postgres::PostgresInstall;

/// Directories that npm and Vite create in `web/`; they are not copied.
const EXCLUDED_ENTRIES: [&str; 2] = ["node_modules", "dist"];

fn main() -> io::Result<()> {
    let out_dir = env::var_os("OUT_DIR").ok_or_else(|| io::Error::other("OUT_DIR is not set"))?;
    let build = WebBuild::new(Path::new("web"), Path::new(&out_dir));
    let postgres = PostgresInstall::new(Path::new("postgres"), Path::new(&out_dir));
    println!("cargo:rustc-env=BUILD_POSTGRES_DIRECTORY={}", postgres.output().display());
    println!("cargo:rerun-if-env-changed=SKIP_WEB");
    if env::var_os("SKIP_WEB").is_some_and(|value| value == "1") {
        build.write_placeholder("SKIP_WEB is 1")?;
        return build.compress();
    }
    if let Err(reason) = build.run() {
        retry_next_time(Path::new(&out_dir));
        build.write_placeholder(&reason)?;
    }
    if let Err(reason) = postgres.run() {
        retry_next_time(Path::new(&out_dir));
        println!(
            "cargo:warning=The server programs of Postgres are not in this build ({reason}): the embedded Postgres needs \
             those of the machine."
        );
    }
    build.compress()
}

/// Watches a file that never exists, so that Cargo runs this script again.
fn retry_next_time(out_dir: &Path) {
    println!("cargo:rerun-if-changed={}", out_dir.join("failed").display());
}

struct WebBuild {
    sources: PathBuf,
    npm: Npm,
    output: PathBuf,
    compressed: PathBuf,
}

impl WebBuild {
    fn new(sources: &Path, out_dir: &Path) -> Self {
        Self {
            sources: sources.to_owned(),
            npm: Npm { workspace: out_dir.join("web-src"), cache: out_dir.join("npm-cache") },
            output: out_dir.join("web"),
            compressed: out_dir.join("web-gzip"),
        }
    }

    fn run(&self) -> Result<(), String> {
        self.watch_sources()
            .and_then(|()| self.copy_sources())
            .map_err(|error| format!("could not copy web/: {error}"))?;
        self.install_packages()?;
        let arguments = ["run", "build", "--", "--emptyOutDir", "--outDir"].map(OsStr::new);
        self.npm.run(arguments.into_iter().chain([self.output.as_os_str()]))
    }

    /// Watches each entry instead of `web/` itself, where npm and Vite may also write.
    fn watch_sources(&self) -> io::Result<()> {
        for entry in sources_in(&self.sources)? {
            println!("cargo:rerun-if-changed={}", entry.display());
        }
        Ok(())
    }

    fn copy_sources(&self) -> io::Result<()> {
        fs::create_dir_all(&self.npm.workspace)?;
        for stale in sources_in(&self.npm.workspace)? {
            remove(&stale)?;
        }
        for entry in sources_in(&self.sources)? {
            copy_into(&entry, &self.npm.workspace)?;
        }
        Ok(())
    }

    fn install_packages(&self) -> Result<(), String> {
        let wanted = fs::read(self.npm.workspace.join("package-lock.json"))
            .map_err(|error| format!("could not read web/package-lock.json: {error}"))?;
        // In node_modules, which `npm ci` deletes first: an interrupted install leaves no such file.
        let installed = self.npm.workspace.join("node_modules/.installed-lock.json");
        if fs::read(&installed).is_ok_and(|lock| lock == wanted) {
            return Ok(());
        }
        // Vite is a development dependency, which NODE_ENV=production would omit.
        self.npm.clean_install(&["--include=dev"])?;
        fs::write(&installed, wanted).map_err(|error| format!("could not write {}: {error}", installed.display()))
    }

    fn write_placeholder(&self, reason: &str) -> io::Result<()> {
        println!("cargo:warning=GraphiQL is not in this build ({reason}): /graphiql shows how to build it.");
        remove(&self.output)?;
        fs::create_dir_all(&self.output)?;
        fs::write(self.output.join("index.html"), placeholder(reason))
    }

    /// Compresses the files into `OUT_DIR/web-gzip`. Browsers receive them in this form, a quarter of the size.
    fn compress(&self) -> io::Result<()> {
        remove(&self.compressed)?;
        compress_into(&self.output, &self.compressed)
    }
}

fn compress_into(source: &Path, target: &Path) -> io::Result<()> {
    if source.is_dir() {
        fs::create_dir_all(target)?;
        for entry in fs::read_dir(source)? {
            let entry = entry?;
            compress_into(&entry.path(), &target.join(entry.file_name()))?;
        }
        return Ok(());
    }
    let mut encoder = GzEncoder::new(fs::File::create(target)?, Compression::best());
    io::copy(&mut fs::File::open(source)?, &mut encoder)?;
    encoder.finish().map(drop)
}

fn sources_in(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if EXCLUDED_ENTRIES.iter().all(|name| entry.file_name() != *name) {
            entries.push(entry.path());
        }
    }
    Ok(entries)
}

fn copy_into(source: &Path, directory: &Path) -> io::Result<()> {
    let Some(name) = source.file_name() else {
        return Ok(());
    };
    let target = directory.join(name);
    if !source.is_dir() {
        fs::copy(source, target)?;
        return Ok(());
    }
    fs::create_dir_all(&target)?;
    for entry in fs::read_dir(source)? {
        copy_into(&entry?.path(), &target)?;
    }
    Ok(())
}

fn remove(path: &Path) -> io::Result<()> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn placeholder(reason: &str) -> String {
    let reason = reason.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    format!(
        r#"<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="color-scheme" content="light dark">
    <title>academic-directory</title>
  </head>
  <body>
    <p>
      GraphiQL is not in this build ({reason}): install Node.js 20.19 or newer with npm, then run
      <code>cargo build</code> again without SKIP_WEB; the GraphQL endpoint is <code>graphql</code>, next to this page.
    </p>
  </body>
</html>
"#
    )
}
