//! Reads the lines of a backup, which may be compressed, on a thread of its own, and restores them.

use std::path::Path;

use tokio::sync::mpsc;

use crate::import::io::decompress::InputStream;
use crate::import::io::lines::BoundedLines;
use crate::import::io::progress::Progress;
use crate::import::io::record_sink::ReadAbort;
use crate::model::backup::BackupHeader;
use crate::store::Store;
use crate::store::ingest::backup::RestoreError;

/// Capacity of the channel between the reader and the database.
const READ_AHEAD_LINES: usize = 1_000;
/// Maximum length of a line: Postgres has no longer values either.
const MAX_LINE_BYTES: usize = 1 << 30;

/// A line, or the reason why there are no more.
type Line = Result<Vec<u8>, String>;

/// A backup that is being read.
pub struct BackupFile {
    /// Its first line.
    pub header: BackupHeader,
    lines: mpsc::Receiver<Line>,
    progress: Progress,
}

impl BackupFile {
    /// Opens a file, or standard input for `-`, and reads its first line.
    ///
    /// # Errors
    /// If it cannot be read, or is not a backup that this version can restore.
    pub async fn open(path: &Path) -> Result<Self, String> {
        let (sender, mut lines) = mpsc::channel(READ_AHEAD_LINES);
        let progress = Progress::new(std::iter::once(path));
        let (file, reader_progress) = (path.to_owned(), progress.clone());
        tokio::task::spawn_blocking(move || read_lines(&file, &reader_progress, &sender));
        let first = lines.recv().await.unwrap_or_else(|| Err("it is empty".to_owned()));
        let header = first.and_then(|line| BackupHeader::parse(&line));
        let header = header.map_err(|reason| format!("{}: {reason}", path.display()))?;
        Ok(Self { header, lines, progress })
    }

    /// Restores the rows into an empty database, all or none, and returns their number.
    ///
    /// # Errors
    /// If the backup or one of its lines is invalid, the database is not empty, or it fails.
    pub async fn restore(mut self, store: &Store) -> Result<u64, RestoreError> {
        let mut restore = store.begin_restore().await?;
        let mut count = 0;
        while let Some(line) = self.lines.recv().await {
            restore.restore_line(&line.map_err(RestoreError::Incomplete)?).await?;
            count += 1;
            self.progress.set_record_count(count);
        }
        self.progress.finish();
        restore.finish().await
    }
}

/// Sends the lines of a file until the receiver is gone.
fn read_lines(path: &Path, progress: &Progress, lines: &mpsc::Sender<Line>) {
    let mut input = match InputStream::open(path, progress) {
        Ok(input) => input,
        Err(reason) => return drop(lines.blocking_send(Err(reason))),
    };
    let mut reader = BoundedLines::new(&mut input, MAX_LINE_BYTES);
    loop {
        let line = match reader.next_raw_line() {
            Ok(Some(line)) => Ok(line.to_vec()),
            Ok(None) | Err(ReadAbort::Cancelled) => return,
            Err(ReadAbort::Unreadable(line, reason)) => Err(format!("line {line}: {reason}")),
        };
        let line = if reader.is_truncated {
            Err(format!("line {}: {}", reader.number, reader.too_long_reason()))
        } else {
            line
        };
        let is_last = line.is_err();
        if lines.blocking_send(line).is_err() || is_last {
            return;
        }
    }
}
