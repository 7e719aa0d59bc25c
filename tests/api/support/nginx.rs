//! A real nginx as a reverse proxy.

use std::fs::Permissions;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::process::wait_for;

/// A running nginx, with its files in a directory of its own. It is ended on drop.
pub struct Nginx {
    pub address: SocketAddr,
    child: Child,
    _directory: TempDir,
}

impl Nginx {
    /// Starts nginx with these directives in its only `server` block. It listens on a free port of 127.0.0.1. Relative
    /// paths are in its own directory. Prints the reason and returns `None` if nginx is not installed, so that the test is
    /// skipped.
    pub fn start(server_directives: &str) -> Option<Self> {
        Self::start_with_http_directives("", server_directives)
    }

    /// The same, with further directives in the `http` block, such as `proxy_cache_path`.
    pub fn start_with_http_directives(http_directives: &str, server_directives: &str) -> Option<Self> {
        let directory = tempfile::Builder::new().prefix("academic-directory-nginx").tempdir().expect("a directory");
        std::fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).expect("its permissions");
        loop {
            let address = free_address();
            write_config(directory.path(), address, http_directives, server_directives);
            let Some(mut child) = spawn(directory.path()) else {
                println!("skipped: nginx is not installed");
                return None;
            };
            let is_listening = wait_for("nginx", || {
                let has_exited = child.try_wait().expect("the status of nginx").is_some();
                // The file is written once nginx listens.
                if has_exited { Some(false) } else { directory.path().join("nginx.pid").exists().then_some(true) }
            });
            if is_listening {
                return Some(Self { address, child, _directory: directory });
            }
            let log = std::fs::read_to_string(directory.path().join("error.log")).unwrap_or_default();
            // Another process may have taken the port meanwhile.
            assert!(log.contains("Address already in use"), "nginx has exited: {log}");
        }
    }

    /// The URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // It runs as a single process, so nothing is left behind.
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let _ = self.child.wait();
    }
}

fn free_address() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    listener.local_addr().expect("its address")
}

fn write_config(directory: &Path, address: SocketAddr, http_directives: &str, server_directives: &str) {
    let temporary_paths =
        ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(|name| format!("{name}_temp_path {name};")).join(" ");
    let config = format!(
        "daemon off; master_process off; pid nginx.pid; error_log error.log warn;\n\
         events {{ worker_connections 1024; }}\n\
         http {{\n\
         access_log off; {temporary_paths}\n\
         {http_directives}\n\
         server {{\nlisten {address};\n{server_directives}\n}}\n\
         }}\n"
    );
    std::fs::write(directory.join("nginx.conf"), config).expect("the configuration of nginx");
}

/// Runs nginx; `None` if it is not installed.
fn spawn(directory: &Path) -> Option<Child> {
    // Debian installs it in /usr/sbin, which is not in the PATH of every user.
    ["nginx", "/usr/sbin/nginx"].into_iter().find_map(|program| {
        let mut command = Command::new(program);
        command.arg("-p").arg(directory).args(["-c", "nginx.conf", "-e", "error.log"]);
        match command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn() {
            Ok(child) => Some(child),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => panic!("nginx could not be run: {error}"),
        }
    })
}
