//! The binary: parses the command line and runs the command.

use std::process::ExitCode;

use academic_directory::cli::Cli;
use academic_directory::telemetry::Telemetry;
use clap::Parser as _;

/// A response takes many small allocations, which mimalloc handles faster than the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Stack size of worker threads: enough for the recursion of the deepest query, even in an unoptimized build.
const WORKER_STACK_BYTES: usize = 16 * 1024 * 1024;

fn main() -> ExitCode {
    let dotenv = dotenvy::dotenv();
    let cli = Cli::parse();
    let (log, format, traces) = cli.telemetry();
    let telemetry = match Telemetry::start(log, format, traces) {
        Ok(telemetry) => telemetry,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::FAILURE;
        }
    };
    match dotenv {
        Err(error) if !error.not_found() => {
            eprintln!("error: could not read .env: {error}");
            return ExitCode::FAILURE;
        }
        _ => {}
    }
    match tokio::runtime::Builder::new_multi_thread().enable_all().thread_stack_size(WORKER_STACK_BYTES).build() {
        Ok(runtime) => {
            let code = runtime.block_on(cli.run());
            telemetry.shut_down();
            code
        }
        Err(error) => {
            eprintln!("error: could not start the runtime's threads: {error}");
            ExitCode::FAILURE
        }
    }
}
