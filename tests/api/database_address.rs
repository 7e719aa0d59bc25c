//! Addresses of databases, as people write them, through the program.

use std::os::unix::fs::PermissionsExt as _;

use crate::support::process::{Workspace, run_to_completion};
use crate::support::tls_server::{PASSWORD, TlsServer};

/// Runs a command that needs the database, and returns its error.
fn error_of(workspace: &Workspace, environment: &[(&str, &str)]) -> Option<String> {
    let outcome = run_to_completion(workspace.command(&["migrate", "status"]).envs(environment.iter().copied()));
    (outcome.code != Some(0)).then_some(outcome.stderr)
}

#[tokio::test]
async fn forms() {
    let server = TlsServer::start(None, None).await;
    let workspace = Workspace::new();
    let (port, socket) = (server.port, server.socket_directory());
    let socket = socket.display();
    let quoted = format!("'{PASSWORD}'");
    for address in [
        format!("postgres://secretive:{PASSWORD}@localhost:{port}/directory"),
        format!("postgresql://secretive:{PASSWORD}@127.0.0.1:{port}/directory?sslmode=prefer&connect_timeout=20"),
        format!("postgresql://secretive:{PASSWORD}@:{port}/directory?host={socket}"),
        format!("host=127.0.0.1 port={port} user=secretive password={quoted} dbname=directory"),
        format!("hostaddr=127.0.0.1 port={port} user=secretive password={PASSWORD} dbname = directory"),
        format!("host='{socket}' port={port} user=secretive password={quoted} dbname=directory"),
    ] {
        assert_eq!(error_of(&workspace, &[("DATABASE_URL", &address)]), None, "{address}");
    }
    let message =
        error_of(&workspace, &[("DATABASE_URL", &format!("postgres://secretive:no@127.0.0.1:{port}/directory"))]);
    assert!(message.is_some_and(|message| message.contains("password authentication failed")));
}

/// Each form of quotes in `.env`, with a password that has the characters of variables and URLs.
#[tokio::test]
async fn passwords_in_a_file() {
    let server = TlsServer::start(None, None).await;
    let workspace = Workspace::new();
    let url = format!("postgres://secretive:{PASSWORD}@127.0.0.1:{}/directory", server.port);
    for line in [format!("DATABASE_URL={url}"), format!("DATABASE_URL='{url}'"), format!("DATABASE_URL=\"{url}\"")] {
        workspace.write_file(".env", format!("{line}\n"));
        assert_eq!(error_of(&workspace, &[]), None, "{line}");
    }
}

#[tokio::test]
async fn variables_and_password_files() {
    let server = TlsServer::start(None, None).await;
    let workspace = Workspace::new();
    let port = server.port.to_string();
    let variables = [
        ("PGHOST", "127.0.0.1"),
        ("PGPORT", &port),
        ("PGUSER", "secretive"),
        ("PGDATABASE", "directory"),
        ("PGAPPNAME", "another"),
        ("PGSSLMODE", "prefer"),
    ];
    let with = |more: &[(&'static str, &'static str)]| {
        let variables: Vec<(&str, &str)> = variables.iter().copied().chain(more.iter().copied()).collect();
        error_of(&workspace, &variables)
    };
    assert_eq!(with(&[("DATABASE_URL", "postgres://"), ("PGPASSWORD", PASSWORD)]), None);
    // What the address says goes before the variables, PGOPTIONS included.
    let options = "postgres:///?options=-c%20statement_timeout=30s";
    assert_eq!(with(&[("DATABASE_URL", options), ("PGPASSWORD", PASSWORD), ("PGOPTIONS", "-c jit=off")]), None);
    let other = with(&[("DATABASE_URL", "postgres://nobody@/"), ("PGPASSWORD", PASSWORD)]);
    assert!(other.as_ref().is_some_and(|message| message.contains("nobody")), "{other:?}");
    let invalid = with(&[("DATABASE_URL", "postgres://"), ("PGCONNECT_TIMEOUT", "soon")]);
    assert!(invalid.as_ref().is_some_and(|message| message.contains("PGCONNECT_TIMEOUT is not")), "{invalid:?}");

    let escaped = PASSWORD.replace('\\', "\\\\").replace(':', "\\:");
    workspace.write_file("passwords", format!("# of the test\n127.0.0.1:{port}:directory:secretive:{escaped}\n"));
    let path = workspace.path("passwords");
    let set_mode = |mode| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("permissions");
    set_mode(0o600);
    assert_eq!(with(&[("DATABASE_URL", "postgres:///?passfile=passwords")]), None);
    assert_eq!(with(&[("DATABASE_URL", "postgres://"), ("PGPASSFILE", "passwords")]), None);
    set_mode(0o644);
    let ignored = with(&[("DATABASE_URL", "postgres://"), ("PGPASSFILE", "passwords")]);
    assert!(ignored.is_some_and(|message| message.contains("chmod 600")));
    // The password file of the home directory.
    std::fs::rename(&path, workspace.path(".pgpass")).expect("the file");
    std::fs::set_permissions(workspace.path(".pgpass"), std::fs::Permissions::from_mode(0o600)).expect("permissions");
    let home = workspace.path("").to_string_lossy().into_owned();
    let environment: Vec<(&str, &str)> =
        variables.into_iter().chain([("DATABASE_URL", "postgres://"), ("HOME", home.as_str())]).collect();
    assert_eq!(error_of(&workspace, &environment), None);
}

#[test]
fn invalid_addresses() {
    let workspace = Workspace::new();
    for (address, part) in [
        ("postgres://app:secret@h/d?pgbouncer=true", "pgbouncer=true is not supported"),
        ("postgres://app:secret@h/d?foo=1", "the parameter foo is not supported; remove it (supported are host,"),
        ("postgres://app:secret@h:port/d", "the port of host number 1 is not a number"),
        ("host=h password=secret and=more", "in single quotes"),
        ("mysql://app:secret@h/d", "does not begin with postgres://"),
    ] {
        let message = error_of(&workspace, &[("DATABASE_URL", address)]).expect("an error");
        assert!(message.starts_with("error: DATABASE_URL: ") && message.contains(part), "{message}");
        assert!(!message.contains("secret") && message.lines().count() == 1, "{message}");
    }
}
