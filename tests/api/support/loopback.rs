//! Client addresses outside 127/8 on the loopback interface, so that the clients of a test are different clients to the
//! service. `bench/load` uses them too.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::net::{AddressFamily, SocketType};

/// The addresses are taken from 198.18.0.0/15, which RFC 2544 reserves for measurements.
const FIRST: u32 = u32::from_be_bytes([198, 18, 0, 0]);
const COUNT: u32 = 1 << 17;
/// Processes start at different addresses, since several may run at the same time.
const ADDRESSES_PER_PROCESS: u32 = 256;

static NEXT: AtomicU32 = AtomicU32::new(0);

/// Addresses of the loopback interface, removed on drop.
pub struct LoopbackAddresses(Vec<Ipv4Addr>);

impl LoopbackAddresses {
    /// Adds addresses. Prints the reason and returns `None` if that is not permitted, so that the test is skipped.
    pub fn add(count: usize) -> Option<Self> {
        let mut added = Self(Vec::new());
        let start = std::process::id().wrapping_mul(ADDRESSES_PER_PROCESS);
        while added.0.len() < count {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            // .0 and .255 are valid here, but look like a network and a broadcast address.
            let address = Ipv4Addr::from(FIRST + start.wrapping_add(number) % COUNT);
            if number >= COUNT || [0, 255].contains(&address.octets()[3]) {
                assert!(number < COUNT, "all addresses are in use");
                continue;
            }
            match change("add", address) {
                Ok(()) => added.0.push(address),
                Err(reason) if reason.contains("File exists") || reason.contains("already assigned") => {}
                Err(reason) => {
                    println!("skipped: the loopback interface cannot be given the address {address}: {reason}");
                    return None;
                }
            }
        }
        Some(added)
    }

    /// The address with this number, starting at 0.
    pub fn get(&self, number: usize) -> IpAddr {
        IpAddr::V4(self.0[number])
    }
}

impl Drop for LoopbackAddresses {
    fn drop(&mut self) {
        for address in &self.0 {
            if let Err(reason) = change("del", *address) {
                println!("the loopback interface keeps the address {address}: {reason}");
            }
        }
    }
}

fn change(action: &str, address: Ipv4Addr) -> Result<(), String> {
    let mut command = Command::new("ip");
    command.args(["address", action, &format!("{address}/32"), "dev", "lo"]).stdin(Stdio::null());
    let output = command.output().map_err(|error| format!("the program ip could not be run: {error}"))?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()) }
}

/// Opens a connection from this client address.
pub fn connect_from(client: IpAddr, server: SocketAddr) -> io::Result<TcpStream> {
    let family = if client.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = rustix::net::socket(family, SocketType::STREAM, None)?;
    rustix::net::bind(&socket, &SocketAddr::new(client, 0))?;
    rustix::net::connect(&socket, &server)?;
    Ok(TcpStream::from(socket))
}
