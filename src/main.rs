//! The program: reads the command line and runs what it asks for.

use std::process::ExitCode;

use academic_directory::cli::Cli;
use academic_directory::telemetry::Telemetry;
use clap::Parser as _;

/// An answer is made of many small pieces, which this one is quicker at than the system's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Enough for the deepest query, which is resolved field within field, also in a build without optimizations.
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
            eprintln!("error: .env cannot be read: {error}");
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
            eprintln!("error: the program cannot start its threads: {error}");
            ExitCode::FAILURE
        }
    }
}
