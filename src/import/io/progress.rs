//! Progress of an import: a bar on a terminal, otherwise a line from time to time.

use std::io::IsTerminal as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::telemetry::console;

/// Number of records between two progress lines.
const PROGRESS_STEP_RECORDS: usize = 10_000;

/// The progress of one import; clones share it.
#[derive(Clone)]
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    bytes_read: Arc<AtomicU64>,
    reported_steps: Arc<AtomicUsize>,
    started: Instant,
}

impl Progress {
    pub(crate) fn new<'a>(files: impl Iterator<Item = &'a Path>) -> Self {
        let size = files.map(|file| std::fs::metadata(file).map(|data| data.len()).ok()).sum::<Option<u64>>();
        let has_bar = std::io::stderr().is_terminal() && !console::is_json();
        let bar = has_bar.then(|| {
            let bar = size.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
            bar.set_draw_target(ProgressDrawTarget::stderr());
            let template = "{elapsed_precise} [{bar:40}] {bytes}/{total_bytes} {msg}";
            if let (Some(_), Ok(style)) = (size, ProgressStyle::with_template(template)) {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(250));
            bar
        });
        Self { bar, bytes_read: Arc::default(), reported_steps: Arc::default(), started: Instant::now() }
    }

    /// Adds bytes that were read from disk, before decompression.
    pub(crate) fn add_bytes(&self, amount: u64) {
        let total = self.bytes_read.fetch_add(amount, Ordering::Relaxed) + amount;
        if let Some(bar) = &self.bar {
            bar.set_position(total);
        }
    }

    /// Sets the total number of processed records.
    pub(crate) fn set_record_count(&self, amount: usize) {
        match &self.bar {
            Some(bar) => bar.set_message(format!("{amount} records")),
            None => {
                let step = amount / PROGRESS_STEP_RECORDS;
                if self.reported_steps.fetch_max(step, Ordering::Relaxed) < step {
                    let seconds = self.started.elapsed().as_secs_f64();
                    console::print_message(&format!("{amount} records after {seconds:.1} s"));
                }
            }
        }
    }

    /// Prints a line on standard error, above the progress bar.
    pub(crate) fn print_line(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| console::print_message(text)),
            None => console::print_message(text),
        }
    }

    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
