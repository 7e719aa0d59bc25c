//! Adds latency between the measured servers and Postgres: forwards connections and delays each round trip.
//!
//!     cargo bench --bench delay_proxy -- SOCKET_OR_ADDRESS MILLISECONDS
//!
//! Prints the address it listens on, and runs until its standard input is closed. `bench/compare.sh --latency` starts it.

use std::error::Error;
use std::io::{Read as _, stdin};
use std::time::Duration;

use self::delay_proxy::{DelayProxy, Target};

#[path = "../tests/api/support/delay_proxy.rs"]
mod delay_proxy;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let [target, milliseconds] = arguments.as_slice() else {
        // `cargo test` and `cargo bench` run this without arguments.
        println!(
            "skipped: give the Unix socket or address of a server, and the milliseconds to add to each round trip"
        );
        return Ok(());
    };
    let target = target.parse().map_or_else(|_| Target::Unix(target.into()), Target::Tcp);
    let proxy = DelayProxy::start(target, Duration::from_secs_f64(milliseconds.parse::<f64>()? / 1000.0))?;
    println!("{}", proxy.address());
    stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
