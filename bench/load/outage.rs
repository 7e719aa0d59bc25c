//! Measures a database outage of 30 s under load: once stopped, once frozen.

use std::error::Error;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command, Stdio};

use academic_directory::config::bundled_postgres_directories;
use academic_directory::database::{Durability, EmbeddedServer, ServerPrograms};
use rustix::process::{Pid, Signal, kill_process};

use super::{Arc, BTreeMap, Duration, Instant, Service, sleep_until};

const REQUESTS_PER_SECOND: f64 = 100.0;
const BEFORE_OUTAGE: Duration = Duration::from_secs(5);
const OUTAGE: Duration = Duration::from_secs(30);
const AFTER_OUTAGE: Duration = Duration::from_secs(10);

/// A service process, terminated on drop.
pub(super) struct ServiceProcess(Child);

impl Drop for ServiceProcess {
    fn drop(&mut self) {
        if let Some(pid) = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, Signal::TERM);
        }
        let _ = self.0.wait();
    }
}

/// Starts the service and returns its address.
pub(super) fn start_service(
    program: &str,
    database: &str,
    settings: &[(&str, &str)],
) -> Result<(ServiceProcess, String), Box<dyn Error>> {
    let mut service = Command::new(program)
        .args(["serve", "--demo", "always", "--listen", "127.0.0.1:0"])
        .env("DATABASE_URL", database)
        .env("LOG", "off")
        .envs(settings.iter().copied())
        .stdout(Stdio::piped())
        .spawn()?;
    let stdout = service.stdout.take().ok_or("no output")?;
    let service = ServiceProcess(service);
    let stdout = BufReader::new(stdout).lines().map_while(Result::ok);
    // Reads to the last line, so that the service does not block.
    let lines: Vec<String> = stdout.take_while(|line| !line.trim().starts_with("stop")).collect();
    let address = lines.iter().find_map(|line| line.trim().strip_prefix("GraphQL")?.split('/').nth(2));
    Ok((service, address.ok_or("the service exited before it printed its URL")?.to_owned()))
}

/// Sends requests at a fixed rate while an outage begins and ends, and prints the results.
async fn run_outage(
    what: &str,
    service: &Arc<Service>,
    begin: impl FnOnce() -> Result<(), Box<dyn Error>>,
    end: impl FnOnce() -> Result<(), Box<dyn Error>>,
) -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    let requests = tokio::spawn(super::timed_loop(
        Arc::clone(service),
        REQUESTS_PER_SECOND,
        (BEFORE_OUTAGE + OUTAGE + AFTER_OUTAGE).as_secs(),
    ));
    sleep_until(start + BEFORE_OUTAGE).await;
    tokio::task::block_in_place(begin)?;
    sleep_until(start + BEFORE_OUTAGE + OUTAGE).await;
    tokio::task::block_in_place(end)?;
    let back = start.elapsed();
    let responses = requests.await?;
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    for (_, status, _) in &responses {
        let kind = status.as_ref().map_or_else(|error| error.kind().to_string(), ToString::to_string);
        *kinds.entry(kind).or_default() += 1;
    }
    let slowest = responses.iter().map(|(_, _, duration)| *duration).max().unwrap_or_default();
    let failed = responses.iter().filter(|(_, status, _)| !matches!(status, Ok(200)));
    let last_failed = failed.map(|(sent, _, _)| *sent).max().unwrap_or_default();
    println!(
        "{what} for {} s at {REQUESTS_PER_SECOND} requests/s: {kinds:?}; slowest response {:.2} s; the last failing request was sent \
         {:.2} s after the outage",
        OUTAGE.as_secs(),
        slowest.as_secs_f64(),
        last_failed.as_secs_f64() - back.as_secs_f64()
    );
    Ok(())
}

pub(super) fn start_postgres(directory: &std::path::Path) -> Result<EmbeddedServer, Box<dyn Error>> {
    let programs = ServerPrograms {
        bin_directory: std::env::var_os("PG_BINDIR").map(Into::into),
        search_path: std::env::var_os("PATH"),
        bundled_directories: bundled_postgres_directories(),
    };
    Ok(EmbeddedServer::start(&directory.join("postgres"), &programs, Durability::Volatile)?)
}

pub(super) async fn measure_outages(program: &str) -> Result<(), Box<dyn Error>> {
    let directory = tempfile::Builder::new().prefix("academic-directory-outage").tempdir()?;
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755))?;
    let mut server = Some(start_postgres(directory.path())?);
    let url = server.as_ref().map(|server| server.url("postgres")).unwrap_or_default();
    let (_running, address) = start_service(program, &url, &[("CACHE_MAX_BYTES", "0")])?;
    let service = Service::at(address);
    match service.query().await? {
        200 => {}
        status => return Err(format!("the service responds with status {status}").into()),
    }

    let stopped = std::cell::Cell::new(server.take());
    let stop = || {
        stopped.take().into_iter().for_each(EmbeddedServer::stop);
        Ok(())
    };
    let again = || {
        stopped.set(Some(start_postgres(directory.path())?));
        Ok(())
    };
    run_outage("database stopped", &service, stop, again).await?;

    let server = stopped.take().ok_or("no server")?;
    let pid = server
        .pid()
        .and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?))
        .ok_or("the server is not our child process")?;
    // Stops all server processes, as if the machine were frozen.
    let frozen = std::cell::RefCell::new(Vec::new());
    let freeze = || {
        let number = pid.as_raw_nonzero();
        let children = fs::read_to_string(format!("/proc/{number}/task/{number}/children"))?;
        let children = children.split_whitespace().filter_map(|child| Pid::from_raw(child.parse().ok()?));
        *frozen.borrow_mut() = std::iter::once(pid).chain(children).collect();
        frozen.borrow().iter().try_for_each(|pid| kill_process(*pid, Signal::STOP)).map_err(Into::into)
    };
    let go_on = || frozen.borrow().iter().try_for_each(|pid| kill_process(*pid, Signal::CONT)).map_err(Into::into);
    run_outage("database frozen", &service, freeze, go_on).await?;
    drop(server);
    Ok(())
}
