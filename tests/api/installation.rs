//! An installed program, away from its checkout and in any working directory.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use academic_directory::config::bundled_postgres_directories;
use rustix::process::Signal;

use crate::support::clean_environment;
use crate::support::process::{ChildProcess, WAIT_TIMEOUT, Workspace, find_postgres_processes};

/// A copy, made by another process: while this one has a program open for writing, no program can be started.
fn copy(source: &Path, target: &Path) {
    let status = Command::new("cp").arg("-a").args([source, target]).status().expect("cp");
    assert!(status.success(), "{} could not be copied", source.display());
}

/// Installs the program as `bin/academic-directory`.
fn install(workspace: &Workspace) -> PathBuf {
    for directory in ["bin", "lib/academic-directory", "elsewhere"] {
        fs::create_dir_all(workspace.path(directory)).expect("a directory");
    }
    let program = workspace.path("bin/academic-directory");
    copy(Path::new(env!("CARGO_BIN_EXE_academic-directory")), &program);
    program
}

/// Starts the service in a directory that is not the program's. Returns it with its URL.
fn serve(program: &Path, workspace: &Workspace, variables: &[(&str, &Path)]) -> (ChildProcess, String) {
    let mut command = Command::new(program);
    command.env_clear().envs(clean_environment()).env_remove("PG_BINDIR").current_dir(workspace.path("elsewhere"));
    command.arg("serve").env("LISTEN", "127.0.0.1:0").env("LOG", "warn").envs(variables.iter().copied());
    let mut process = ChildProcess::start(&mut command);
    let url = process.wait_for_line("GraphQL ");
    (process, url.trim_end_matches("/graphql").to_owned())
}

fn stop(process: ChildProcess) {
    process.send_signal(Signal::TERM);
    let outcome = process.wait();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
}

#[tokio::test]
async fn installed_program_has_everything_in_any_directory() {
    let workspace = Workspace::new();
    let program = install(&workspace);
    let (process, url) = serve(&program, &workspace, &[]);
    // Without DATA_DIR, the data are where the program was started.
    assert!(!find_postgres_processes(&workspace.path("elsewhere/data/postgres")).is_empty());
    let client = reqwest::Client::builder().no_proxy().timeout(WAIT_TIMEOUT).build().expect("a client");
    for (path, part) in [("/en/", "assets/"), ("/fr/people/razvan-pascanu", "Razvan Pascanu"), ("/graphiql", "<html")] {
        let response = client.get(format!("{url}{path}")).send().await.expect("a response");
        assert_eq!(response.status(), 200, "{path}");
        let page = response.text().await.expect("a page");
        assert!(page.contains(part), "{part} in {path}: {page}");
    }
    stop(process);
}

#[tokio::test]
async fn installed_program_uses_the_postgres_beside_it() {
    let Some(bundled) = bundled_postgres_directories().into_iter().find(|directory| directory.join("bin").is_dir())
    else {
        println!("skipped: this build has no Postgres of npm");
        return;
    };
    let workspace = Workspace::new();
    let program = install(&workspace);
    let installed = workspace.path("lib/academic-directory/postgres");
    copy(&bundled, &installed);
    let (data, binaries) = (workspace.path("data"), installed.join("bin"));
    // The programs of the machine are preferred, unless they cannot open the data.
    let (process, _) = serve(&program, &workspace, &[("DATA_DIR", data.as_path()), ("PG_BINDIR", binaries.as_path())]);
    stop(process);
    let (process, _) = serve(&program, &workspace, &[("DATA_DIR", data.as_path())]);
    let servers = find_postgres_processes(&data.join("postgres"));
    let installed = installed.canonicalize().expect("a path");
    for server in &servers {
        let executable = fs::read_link(format!("/proc/{server}/exe")).expect("its program");
        // Unless the machine has the same version.
        let is_of_the_machine = ["/usr/", "/opt/"].iter().any(|prefix| executable.starts_with(prefix));
        assert!(executable.starts_with(&installed) || is_of_the_machine, "{}", executable.display());
    }
    assert!(!servers.is_empty());
    stop(process);
}
