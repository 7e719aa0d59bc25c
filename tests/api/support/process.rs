//! Runs the binary as a child process in a temporary directory.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::clean_environment;

/// Upper bound for any wait; generous, because test machines may be busy.
pub const WAIT_TIMEOUT: Duration = Duration::from_secs(60);
/// The same for the end of a program, which may import a large file.
const END_TIMEOUT: Duration = Duration::from_secs(20 * 60);

/// A temporary directory with input files, used as the working directory of the binary.
pub struct Workspace {
    directory: TempDir,
}

/// The exit code and output of a finished process.
#[derive(Debug)]
pub struct CommandOutput {
    /// `None` if the process was terminated by a signal.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl CommandOutput {
    /// The last line of standard output. Panics unless the exit code is 0.
    pub fn summary(&self) -> &str {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.stdout.lines().last().unwrap_or_default()
    }

    /// Standard output after the first line, which names the database.
    pub fn report(&self) -> &str {
        let (first, rest) = self.stdout.split_once('\n').unwrap_or_default();
        assert!(first.starts_with("database: "), "{self:?}");
        rest
    }

    /// The lines of standard error.
    pub fn stderr_lines(&self) -> Vec<&str> {
        self.stderr.lines().collect()
    }
}

impl Workspace {
    /// Creates an empty directory that the account of the embedded Postgres can enter.
    pub fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o755)).expect("its permissions");
        Self { directory }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Writes a file and returns its name.
    pub fn write_file<'a>(&self, name: &'a str, content: impl AsRef<[u8]>) -> &'a str {
        std::fs::write(self.path(name), content).expect("a file");
        name
    }

    /// A command that uses an external database.
    pub fn command_with_database(&self, database_url: &str, arguments: &[&str]) -> Command {
        let mut command = self.command(arguments);
        command.env("DATABASE_URL", database_url);
        command
    }

    /// A command that uses an embedded database in this directory.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_academic-directory"));
        command.env_clear().envs(clean_environment()).current_dir(self.directory.path()).args(arguments);
        command.env("LOG", "warn").env("DATA_DIR", self.path("data"));
        command
    }

    /// Runs `import` to completion with the given arguments.
    pub fn import(&self, database_url: &str, arguments: &[&str]) -> CommandOutput {
        run_to_completion(&mut self.command_with_database(database_url, &[&["import"], arguments].concat()))
    }
}

/// Runs a command and waits until it exits.
pub fn run_to_completion(command: &mut Command) -> CommandOutput {
    ChildProcess::start(command).wait()
}

/// Runs a command with the given standard input and waits until it exits.
pub fn run_with_stdin(command: &mut Command, input: &[u8]) -> CommandOutput {
    let mut running = ChildProcess::start(command.stdin(Stdio::piped()));
    let mut stdin = running.child.stdin.take().expect("its standard input");
    stdin.write_all(input).expect("a program that reads");
    drop(stdin);
    running.wait()
}

/// A running child process; killed on drop unless it has been waited for.
pub struct ChildProcess {
    child: Child,
    stdout: OutputReader,
    stderr: OutputReader,
}

impl ChildProcess {
    pub fn start(command: &mut Command) -> Self {
        // Standard input is left as configured by the caller.
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program");
        let stdout = OutputReader::of(child.stdout.take().expect("its standard output"));
        let stderr = OutputReader::of(child.stderr.take().expect("its standard error"));
        Self { child, stdout, stderr }
    }

    /// Waits for a line of standard output with this prefix and returns the rest of the line.
    pub fn wait_for_line(&mut self, beginning: &str) -> String {
        wait_for(&format!("a line '{beginning}'"), || {
            let text = self.stdout.text();
            let found =
                text.lines().find_map(|line| line.trim().strip_prefix(beginning)).map(|rest| rest.trim().to_owned());
            // The text is read before the liveness check: an exited process writes nothing more.
            assert!(found.is_some() || self.is_running(), "the process exited: {text}\n{}", self.stderr.text());
            found
        })
    }

    /// Waits until standard error contains a text.
    pub fn wait_for_error_text(&mut self, text: &str) {
        wait_for(&format!("'{text}'"), || {
            let stderr = self.stderr.text();
            assert!(stderr.contains(text) || self.is_running(), "the process exited: {stderr}");
            stderr.contains(text).then_some(())
        });
    }

    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    pub fn send_signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).expect("a process to signal");
    }

    /// Waits until the process exits.
    pub fn wait(mut self) -> CommandOutput {
        let deadline = Instant::now() + END_TIMEOUT;
        let status = loop {
            match self.child.try_wait().expect("its status") {
                Some(status) => break status,
                None => assert!(Instant::now() < deadline, "timeout waiting for the end of the program"),
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        CommandOutput { code: status.code(), stdout: self.stdout.finish(), stderr: self.stderr.finish() }
    }
}

impl Drop for ChildProcess {
    fn drop(&mut self) {
        if self.is_running() {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}

/// Collects the output of a process in a thread, so that the process never blocks on a full pipe.
struct OutputReader {
    text: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

impl OutputReader {
    fn of(source: impl Read + Send + 'static) -> Self {
        let text = Arc::new(Mutex::new(String::new()));
        let shared = Arc::clone(&text);
        let reader = std::thread::spawn(move || {
            let mut source = BufReader::new(source);
            let mut line = Vec::new();
            while source.read_until(b'\n', &mut line).is_ok_and(|amount| amount > 0) {
                shared.lock().expect("the text").push_str(&String::from_utf8_lossy(&line));
                line.clear();
            }
        });
        Self { text, reader: Some(reader) }
    }

    fn text(&self) -> String {
        self.text.lock().expect("the text").clone()
    }

    fn finish(&mut self) -> String {
        self.reader.take().map(JoinHandle::join).transpose().expect("a reader");
        self.text()
    }
}

/// Polls until `attempt` returns a value.
pub fn wait_for<T>(what: &str, mut attempt: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + WAIT_TIMEOUT;
    loop {
        if let Some(found) = attempt() {
            return found;
        }
        assert!(Instant::now() < deadline, "timeout waiting for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Returns the IDs of the Postgres processes that use this data directory.
pub fn find_postgres_processes(data: &Path) -> Vec<u32> {
    let data = data.canonicalize().unwrap_or_else(|_| data.to_owned());
    find_processes("postgres", &data)
}

/// Returns the IDs of the processes of a program that have this path in their command line.
pub fn find_processes(program: &str, path: &Path) -> Vec<u32> {
    let path = path.to_string_lossy().into_owned();
    let processes = std::fs::read_dir("/proc").expect("the list of processes").flatten();
    let found = processes.filter_map(|entry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let line = std::fs::read(entry.path().join("cmdline")).ok()?;
        let line = String::from_utf8_lossy(&line).into_owned();
        (line.contains(program) && line.contains(&path)).then_some(pid)
    });
    found.collect()
}
