//! These tests require the Postgres programs of the machine or of the build. They run as root and as other users.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, geteuid, kill_process, test_kill_process};
use sea_orm::sqlx::{self, AssertSqlSafe, Connection as _, PgConnection, Row as _};
use tempfile::TempDir;

use crate::config::bundled_postgres_directories;
use crate::database::embedded::launch::MAX_LOG_BYTES;
use crate::database::embedded::locate::{NPM_MAJOR_VERSION, ProgramsError};
use crate::database::embedded::postmaster::{ServerStatus, server_status};
use crate::database::embedded::prepare::{ServerDirectory, ServerPaths};
use crate::database::embedded::relocate::COPIES;
use crate::database::embedded::wait::{SERVER_TIMEOUT, start_program, wait_until};
use crate::database::embedded::{Durability, EmbeddedError, EmbeddedServer, ServerPrograms};

/// A directory that does not exist yet, in one that the server's account can enter.
struct TestDirectory {
    parent: TempDir,
}

impl TestDirectory {
    fn new() -> Self {
        let parent = tempfile::tempdir().unwrap();
        fs::set_permissions(parent.path(), fs::Permissions::from_mode(0o755)).unwrap();
        Self { parent }
    }

    fn directory(&self) -> PathBuf {
        // Characters with a special meaning in a URL or a Postgres setting. (A comma would separate hosts.)
        self.parent.path().join("a \"b\"+c%é")
    }

    fn start(&self) -> EmbeddedServer {
        self.try_start().unwrap()
    }

    fn try_start(&self) -> Result<EmbeddedServer, EmbeddedError> {
        EmbeddedServer::start(&self.directory(), &programs(), Durability::Volatile)
    }

    fn status(&self) -> ServerStatus {
        let directory = self.directory();
        server_status(&directory.join("data"), &directory.join(".s.PGSQL.5432")).unwrap()
    }
}

fn programs() -> ServerPrograms {
    ServerPrograms {
        bin_directory: std::env::var_os("PG_BINDIR").map(Into::into),
        search_path: None,
        bundled_directories: bundled_postgres_directories(),
    }
}

/// Executes statements and returns the first value of the last row.
fn try_query(url: &str, statements: &str) -> Result<String, sqlx::Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut connection = PgConnection::connect(url).await?;
        let rows = sqlx::raw_sql(AssertSqlSafe(statements)).fetch_all(&mut connection).await?;
        connection.close().await?;
        Ok(rows.last().unwrap().try_get_raw(0)?.as_str().unwrap().to_owned())
    })
}

fn query(server: &EmbeddedServer, statements: &str) -> String {
    try_query(&server.url("postgres"), statements).unwrap()
}

fn to_pid(number: u32) -> Pid {
    Pid::from_raw(number.try_into().unwrap()).unwrap()
}

fn kill(number: u32) {
    kill_process(to_pid(number), Signal::KILL).unwrap();
}

fn is_gone(number: u32) -> bool {
    test_kill_process(to_pid(number)).is_err()
}

#[test]
fn first_start() {
    let test = TestDirectory::new();
    let begin = Instant::now();
    let server = EmbeddedServer::start(&test.directory(), &programs(), Durability::Safe).unwrap();
    println!("first start, safe: {:?}", begin.elapsed());
    assert_eq!(query(&server, "select 1"), "1");
    assert_eq!(query(&server, "show fsync"), "on");
    assert_eq!(query(&server, "show listen_addresses"), "");
    let database =
        "select pg_encoding_to_char(encoding) || ' ' || datcollate from pg_database where datname = 'postgres'";
    assert!(["UTF8 C.UTF-8", "UTF8 en_US.UTF-8"].contains(&query(&server, database).as_str()));
    assert_eq!(fs::metadata(test.directory()).unwrap().mode() & 0o777, 0o700);
    assert_eq!(fs::metadata(test.directory().join(".s.PGSQL.5432")).unwrap().mode() & 0o777, 0o700);
    let pid = server.pid().unwrap();
    server.stop();
    assert!(is_gone(pid));
    let begin = Instant::now();
    let server = EmbeddedServer::start(&test.directory(), &programs(), Durability::Safe).unwrap();
    println!("warm start, safe: {:?}", begin.elapsed());
    let begin = Instant::now();
    drop(server);
    println!("stop: {:?}", begin.elapsed());
}

#[test]
fn second_start_attaches() {
    let test = TestDirectory::new();
    let begin = Instant::now();
    let owner = test.start();
    println!("first start, volatile: {:?}", begin.elapsed());
    let begin = Instant::now();
    let attached = test.start();
    println!("attach: {:?}", begin.elapsed());
    assert_eq!(attached.pid(), None);
    assert_eq!(attached.url("x y"), owner.url("x y"));
    attached.stop();
    assert_eq!(query(&owner, "create table item (id int); insert into item values (7); show fsync"), "off");
    let first = owner.pid();
    owner.stop();
    assert_eq!(test.status(), ServerStatus::Absent);

    let begin = Instant::now();
    let again = test.start();
    println!("warm start, volatile: {:?}", begin.elapsed());
    assert!(again.pid().is_some() && again.pid() != first);
    assert_eq!(query(&again, "select id from item"), "7");
}

#[test]
fn concurrent_starts() {
    let test = TestDirectory::new();
    let servers: Vec<EmbeddedServer> = thread::scope(|scope| {
        let starters: Vec<_> = (0..4).map(|_| scope.spawn(|| test.start())).collect();
        starters.into_iter().map(|starter| starter.join().unwrap()).collect()
    });
    assert_eq!(servers.iter().filter(|server| server.pid().is_some()).count(), 1);
    // The server outlives the threads that started it.
    assert_eq!(query(&servers[0], "select 1"), "1");
}

#[test]
fn start_during_stop() {
    let test = TestDirectory::new();
    for round in 0..8 {
        let server = test.start();
        assert!(server.pid().is_some());
        thread::scope(|scope| {
            let stopper = scope.spawn(move || server.stop());
            thread::sleep(Duration::from_millis(round * 3));
            let next = test.start();
            stopper.join().unwrap();
            // It attached before the server received its signal, or started its own.
            if next.pid().is_some() {
                assert_eq!(query(&next, "select 1"), "1");
            }
        });
    }
}

#[test]
fn killed_server() {
    let test = TestDirectory::new();
    let server = test.start();
    // A busy backend does not notice for a while that its server is gone, and holds the shared memory.
    let url = server.url("postgres");
    let busy =
        thread::spawn(move || try_query(&url, "select count(*) from generate_series(1, 4000000) a where a % 7 = 3"));
    assert!(wait_until(SERVER_TIMEOUT, || query(
        &server,
        "select count(*) from pg_stat_activity where state = 'active'"
    ) == "2"));
    kill(server.pid().unwrap());
    let begin = Instant::now();
    let next = test.start();
    println!("start after a killed server with a busy backend: {:?}", begin.elapsed());
    assert!(next.pid().is_some());
    assert_eq!(query(&next, "select 1"), "1");
    let _ = busy.join().unwrap();
    drop(server); // its own server is gone; the next one is not stopped
    assert_eq!(query(&next, "select 1"), "1");
}

#[test]
fn stale_files() {
    let test = TestDirectory::new();
    test.start().stop();
    let ours = std::process::id();
    let data = test.directory().join("data");
    for content in [format!("{ours}\n{}\n1\n5432\n\n\n0 0\nready   \n", data.display()), String::new()] {
        fs::write(data.join("postmaster.pid"), &content).unwrap();
        fs::write(test.directory().join(".s.PGSQL.5432.lock"), &content).unwrap();
        if let Some(account) = ServerDirectory::prepare(ServerPaths::new(&test.directory()).unwrap()).unwrap().account {
            for file in [data.join("postmaster.pid"), test.directory().join(".s.PGSQL.5432.lock")] {
                std::os::unix::fs::chown(file, Some(account.user), Some(account.group)).unwrap();
            }
        }
        let server = test.start();
        assert!(server.pid().is_some());
        assert_eq!(query(&server, "select 1"), "1");
    }
}

#[test]
fn unfinished_data_and_a_long_log() {
    let test = TestDirectory::new();
    fs::create_dir_all(test.directory().join("data.new.1/base")).unwrap();
    fs::write(test.directory().join("start.lock"), "").unwrap();
    let log = test.directory().join("postgres.log");
    File::create(&log).unwrap().set_len(MAX_LOG_BYTES + 1).unwrap();
    let server = test.start();
    assert_eq!(query(&server, "select 1"), "1");
    assert!(!test.directory().join("data.new.1").exists());
    assert!(fs::metadata(log).unwrap().len() < MAX_LOG_BYTES);
}

#[test]
fn invalid_configuration() {
    let test = TestDirectory::new();
    test.start().stop();
    let settings = test.directory().join("data/postgresql.conf");
    fs::write(settings, "no_such_setting = 1\n").unwrap();
    let begin = Instant::now();
    let error = test.try_start().unwrap_err().to_string();
    assert!(error.contains("no_such_setting"), "{error}");
    assert!(begin.elapsed() < Duration::from_secs(5));
}

#[test]
fn data_of_another_version() {
    let test = TestDirectory::new();
    test.start().stop();
    fs::write(test.directory().join("data/PG_VERSION"), "99\n").unwrap();
    let error = test.try_start().unwrap_err().to_string();
    assert!(error.contains("was created by PostgreSQL 99"), "{error}");
}

#[test]
fn no_programs() {
    let test = TestDirectory::new();
    let programs = ServerPrograms { bin_directory: Some(test.parent.path().to_owned()), ..ServerPrograms::default() };
    let error = EmbeddedServer::start(&test.directory(), &programs, Durability::Safe).unwrap_err();
    assert!(matches!(error, EmbeddedError::Programs(ProgramsError::NotInBinDirectory(_))), "{error}");
}

#[test]
fn long_path() {
    let test = TestDirectory::new();
    let directory = test.parent.path().join("d".repeat(100));
    let error = EmbeddedServer::start(&directory, &programs(), Durability::Safe).unwrap_err();
    assert!(matches!(error, EmbeddedError::SocketPathTooLong(_)), "{error}");
    assert!(!directory.exists());
}

#[test]
fn directory_with_other_files() {
    let test = TestDirectory::new();
    fs::write(test.parent.path().join("thesis.tex"), "").unwrap();
    let error = EmbeddedServer::start(test.parent.path(), &programs(), Durability::Safe).unwrap_err();
    assert!(matches!(error, EmbeddedError::DirectoryInUse(_)), "{error}");
    assert_eq!(fs::metadata(test.parent.path()).unwrap().mode() & 0o777, 0o755);
}

#[test]
fn root_drops_privileges() {
    if !geteuid().is_root() {
        return;
    }
    let test = TestDirectory::new();
    let server = test.start();
    let status = fs::read_to_string(format!("/proc/{}/status", server.pid().unwrap())).unwrap();
    let ids = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.split_whitespace().map(|id| id.parse().unwrap()).collect::<Vec<u32>>()
    };
    let data = fs::metadata(test.directory().join("data")).unwrap();
    assert_eq!(ids("Uid:"), [data.uid(); 4]);
    assert_eq!(ids("Gid:"), [data.gid(); 4]);
    assert!(ids("Groups:").is_empty());
    assert_ne!(data.uid(), 0);
    server.stop();

    fs::set_permissions(test.parent.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let error = test.try_start().unwrap_err();
    let EmbeddedError::Unreachable { blocking_ancestor: barrier, .. } = &error else { panic!("{error}") };
    assert_eq!(barrier, &test.parent.path().canonicalize().unwrap());
}

/// Not a test: the process that [`killed_owner`] kills. Its first line of input is the directory.
#[test]
#[ignore = "started by `killed_owner`"]
fn owner_to_be_killed() {
    let mut lines = io::stdin().lines();
    if let Some(Ok(directory)) = lines.next() {
        let server = EmbeddedServer::start(Path::new(&directory), &programs(), Durability::Volatile).unwrap();
        println!("\nserver {}", server.pid().unwrap());
        let _ = lines.next();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn killed_owner() {
    use std::io::Write;

    let test = TestDirectory::new();
    for server_too in [false, true] {
        let mut owner = Command::new(std::env::current_exe().unwrap())
            .args(["owner_to_be_killed", "--ignored", "--nocapture"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = owner.stdin.take().unwrap();
        writeln!(input, "{}", test.directory().display()).unwrap();
        let output = BufReader::new(owner.stdout.take().unwrap());
        let pid = output.lines().find_map(|line| line.unwrap().strip_prefix("server ")?.parse().ok()).unwrap();
        let attached = test.start();
        assert_eq!(attached.pid(), None);
        let begin = Instant::now();
        if server_too {
            kill(pid);
        }
        kill(owner.id());
        owner.wait().unwrap();
        let next = test.start();
        println!("start after a killed owner (server too: {server_too}): {:?}", begin.elapsed());
        assert!(wait_until(SERVER_TIMEOUT, || is_gone(pid)
            || fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.is_empty())));
        // If it has no server, it attached just before the old server received its signal.
        let next = if next.pid().is_some() { next } else { test.start() };
        assert_eq!(query(&next, "select 1"), "1");
    }
}

/// A program whose file is still open for writing is started as soon as it is closed.
#[test]
fn busy_program() {
    let directory = tempfile::tempdir().unwrap();
    let program = directory.path().join("program");
    fs::copy("/bin/true", &program).unwrap();
    let mut writer = Some(fs::OpenOptions::new().append(true).open(&program).unwrap());
    let mut attempts = 0;
    let status = start_program(|| {
        attempts += 1;
        if attempts == 3 {
            drop(writer.take());
        }
        Command::new(&program).status()
    });
    assert!(status.unwrap().success());
    assert!(attempts >= 3);
}

/// npm's programs, or `None` with a notice if the build has none.
fn npm_programs() -> Option<PathBuf> {
    let found = bundled_postgres_directories().into_iter().find(|directory| directory.join("bin/initdb").is_file());
    if found.is_none() {
        println!("skipped: this build has no Postgres programs from npm");
    }
    found
}

/// Everything the schema needs works with npm's programs, in a directory that only its owner can enter.
#[test]
fn programs_of_npm() {
    let Some(programs) = npm_programs() else { return };
    let home = tempfile::tempdir().unwrap();
    fs::set_permissions(home.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let copied = Command::new("cp").arg("-a").arg(programs).arg(home.path().join("postgres")).status().unwrap();
    assert!(copied.success());
    let programs =
        ServerPrograms { bin_directory: Some(home.path().join("postgres/bin")), ..ServerPrograms::default() };
    let test = TestDirectory::new();
    let start = || EmbeddedServer::start(&test.directory(), &programs, Durability::Volatile).unwrap();
    let server = start();
    assert!(query(&server, "show server_version").starts_with(&NPM_MAJOR_VERSION.to_string()));
    assert_eq!(
        query(&server, "create extension pg_trgm; create extension fuzzystrmatch; select similarity('é', 'é')"),
        "1"
    );
    let locale = "select datlocprovider::text || ' ' || datlocale from pg_database where datname = 'postgres'";
    assert_eq!(query(&server, locale), "b C.UTF-8");
    // Letters outside ASCII are letters, and the order is that of code points.
    let text = "select to_tsvector('simple', 'Élan–vital Łódź')::text || lower('ÉŁ') || ('Z' < 'a') || ('z' < 'É')";
    assert_eq!(query(&server, text), "'vital':2 'élan':1 'łódź':3éłtruetrue");
    server.stop();

    let copies = test.parent.path().join(COPIES);
    assert_eq!(copies.exists(), geteuid().is_root());
    if copies.exists() {
        let copy = || {
            let entries = fs::read_dir(&copies).unwrap().map(|entry| entry.unwrap());
            let copy = entries.filter(|entry| entry.path().is_dir()).collect::<Vec<_>>();
            assert_eq!(copy.len(), 1);
            let metadata = copy[0].metadata().unwrap();
            assert_eq!((metadata.uid(), metadata.mode() & 0o777), (0, 0o755));
            (copy[0].file_name(), metadata.ino())
        };
        let first = copy();
        // An interrupted copy is never used, and is replaced.
        fs::remove_dir_all(copies.join(&first.0)).unwrap();
        let unfinished = copies.join(format!("{}.new", first.0.display()));
        fs::create_dir(&unfinished).unwrap();
        start().stop();
        let second = copy();
        assert_eq!(first.0, second.0);
        start().stop();
        assert_eq!(second, copy());
    }
}

/// Data created by npm's version is opened by it even if the machine has another version, and the reverse.
#[test]
fn version_that_created_the_data() {
    let Some(npm) = npm_programs() else { return };
    let npm = ServerPrograms { bin_directory: Some(npm.join("bin")), ..ServerPrograms::default() };
    let machine = ServerPrograms::default();
    let Ok(installation) = machine.locate(Path::new("/nowhere")) else {
        println!("skipped: this machine has no Postgres");
        return;
    };
    if installation.version.major == NPM_MAJOR_VERSION {
        println!("skipped: this machine has the same version");
        return;
    }
    let automatic = ServerPrograms { bundled_directories: bundled_postgres_directories(), ..ServerPrograms::default() };
    for (creator, other) in [(&npm, &machine), (&machine, &npm)] {
        let test = TestDirectory::new();
        let start = |programs| EmbeddedServer::start(&test.directory(), programs, Durability::Volatile);
        let server = start(creator).unwrap();
        let version = query(&server, "show server_version");
        server.stop();
        let error = start(other).unwrap_err().to_string();
        let major = version.split('.').next().unwrap();
        assert!(error.contains(&format!("was created by PostgreSQL {major}, and only ")), "{error}");
        let server = start(&automatic).unwrap();
        assert_eq!(query(&server, "show server_version"), version);
    }
}
