//! Files as they come: plain, gzip or zstd, or standard input, told by their first bytes.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Chain, Cursor, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use super::progress::Progress;

const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Counts what is read from the disk.
struct Counted {
    source: Box<dyn Read>,
    progress: Progress,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let amount = self.source.read(buffer)?;
        self.progress.bytes(amount as u64);
        Ok(amount)
    }
}

/// An opened file, decompressed while it is read.
pub(super) struct Input(Box<dyn BufRead>);

impl Input {
    /// Opens a file; `-` is standard input. The error says what is wrong with it.
    pub(super) fn open(path: &Path, progress: &Progress) -> Result<Self, String> {
        let source: Box<dyn Read> = if path == Path::new("-") {
            Box::new(io::stdin())
        } else if path.is_dir() {
            return Err("it is a folder; name the files in it".to_owned());
        } else {
            Box::new(File::open(path).map_err(|error| format!("it cannot be opened: {error}"))?)
        };
        let mut counted = Counted { source, progress: progress.clone() };
        let mut start = Vec::new();
        (&mut counted).take(4).read_to_end(&mut start).map_err(|error| format!("it cannot be read: {error}"))?;
        let is_gzip = start.starts_with(&GZIP);
        let is_zstd = start.starts_with(&ZSTD);
        let whole: BufReader<Chain<Cursor<Vec<u8>>, Counted>> =
            BufReader::with_capacity(1 << 16, Cursor::new(start).chain(counted));
        let reader: Box<dyn BufRead> = if is_gzip {
            Box::new(BufReader::with_capacity(1 << 16, MultiGzDecoder::new(whole)))
        } else if is_zstd {
            let decoder =
                zstd::Decoder::with_buffer(whole).map_err(|error| format!("its zstd cannot be read: {error}"))?;
            Box::new(BufReader::with_capacity(1 << 16, decoder))
        } else {
            Box::new(whole)
        };
        Ok(Self(reader))
    }
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl BufRead for Input {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.0.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.0.consume(amount);
    }
}
