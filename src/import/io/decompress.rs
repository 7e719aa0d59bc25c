//! Files as they come: plain, gzip or zstd, or standard input, told by their first bytes.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::Path;
use std::rc::Rc;

use encoding_rs::{Decoder, Encoding, UTF_16BE, UTF_16LE};
use flate2::bufread::MultiGzDecoder;

use crate::import::pipeline::progress::Progress;

const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

const BUFFER: usize = 1 << 16;

/// Compressed data that give more than this for each byte are made to fill a machine: records give a tenth of it.
const MOST_EXPANSION: u64 = 400;
/// What may come out before that counts.
const FREE_EXPANSION: u64 = 64 << 20;

/// Counts what is read from the disk.
struct Counted<'a> {
    source: Box<dyn Read + 'a>,
    progress: Option<Progress>,
    total: Rc<Cell<u64>>,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let amount = self.source.read(buffer)?;
        self.total.set(self.total.get() + amount as u64);
        if let Some(progress) = &self.progress {
            progress.bytes(amount as u64);
        }
        Ok(amount)
    }
}

/// Decompressed data, as long as there are not absurdly many of them.
struct Expanded<R> {
    source: R,
    compressed: Rc<Cell<u64>>,
    total: u64,
}

impl<R: Read> Read for Expanded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let amount = self.source.read(buffer)?;
        self.total += amount as u64;
        if self.total > FREE_EXPANSION && self.total / MOST_EXPANSION > self.compressed.get() {
            return Err(io::Error::other(format!(
                "its compressed data expand more than {MOST_EXPANSION}-fold, as no records do"
            )));
        }
        Ok(amount)
    }
}

/// Text of another encoding, as UTF-8.
pub(crate) struct Transcoded<R> {
    source: R,
    decoder: Decoder,
    read: Vec<u8>,
    decoded: String,
    given: usize,
    is_done: bool,
}

impl<R: Read> Transcoded<R> {
    pub(crate) fn new(source: R, encoding: &'static Encoding) -> Self {
        let decoder = encoding.new_decoder_with_bom_removal();
        Self { source, decoder, read: vec![0; BUFFER / 4], decoded: String::new(), given: 0, is_done: false }
    }
}

impl<R: Read> Read for Transcoded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.given == self.decoded.len() && !self.is_done {
            let amount = self.source.read(&mut self.read)?;
            self.is_done = amount == 0;
            self.decoded.clear();
            self.given = 0;
            let needed = self.decoder.max_utf8_buffer_length(amount).unwrap_or(BUFFER);
            self.decoded.reserve(needed);
            let _ = self.decoder.decode_to_string(&self.read[..amount], &mut self.decoded, self.is_done);
        }
        let rest = &self.decoded.as_bytes()[self.given..];
        let amount = rest.len().min(buffer.len());
        buffer[..amount].copy_from_slice(&rest[..amount]);
        self.given += amount;
        Ok(amount)
    }
}

/// Text that should be UTF-8; bytes that are not are read as Windows-1252.
pub(crate) struct Lenient<R> {
    source: R,
    /// Whether there were such bytes.
    is_mended: Rc<Cell<bool>>,
    /// What was read and is not decoded: the beginning of a character at most, once there is more.
    read: Vec<u8>,
    decoded: Vec<u8>,
    given: usize,
    is_done: bool,
}

impl<R: Read> Lenient<R> {
    pub(crate) fn new(source: R, is_mended: Rc<Cell<bool>>) -> Self {
        Self { source, is_mended, read: Vec::new(), decoded: Vec::new(), given: 0, is_done: false }
    }

    fn decode(&mut self) {
        self.decoded.clear();
        self.given = 0;
        let mut rest = self.read.as_slice();
        while !rest.is_empty() {
            let Some(chunk) = rest.utf8_chunks().next() else { break };
            let (valid, invalid) = (chunk.valid().len(), chunk.invalid());
            self.decoded.extend_from_slice(&rest[..valid]);
            // The beginning of a character may go on in what is read next.
            let is_cut = valid + invalid.len() == rest.len()
                && std::str::from_utf8(invalid).is_err_and(|error| error.error_len().is_none());
            if is_cut && !self.is_done {
                rest = &rest[valid..];
                break;
            }
            if !invalid.is_empty() {
                self.is_mended.set(true);
                self.decoded
                    .extend_from_slice(encoding_rs::WINDOWS_1252.decode_without_bom_handling(invalid).0.as_bytes());
            }
            rest = &rest[valid + invalid.len()..];
        }
        self.read = rest.to_vec();
    }
}

impl<R: Read> Read for Lenient<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.given == self.decoded.len() && !self.is_done {
            let before = self.read.len();
            self.read.resize(before + BUFFER / 4, 0);
            let amount = self.source.read(&mut self.read[before..])?;
            self.read.truncate(before + amount);
            self.is_done = amount == 0;
            self.decode();
        }
        let rest = &self.decoded[self.given..];
        let amount = rest.len().min(buffer.len());
        buffer[..amount].copy_from_slice(&rest[..amount]);
        self.given += amount;
        Ok(amount)
    }
}

/// An opened file, decompressed while it is read. Its beginning is held, so that it can be looked at first.
pub(crate) struct Input<'a> {
    head: Vec<u8>,
    given: usize,
    /// Why there is no more after the beginning.
    failure: Option<io::Error>,
    rest: Box<dyn BufRead + 'a>,
}

impl<'a> Input<'a> {
    /// Opens a file; `-` is standard input. The error says what is wrong with it.
    pub(crate) fn open(path: &Path, progress: &Progress) -> Result<Self, String> {
        let source: Box<dyn Read> = if path == Path::new("-") {
            Box::new(io::stdin())
        } else if path.is_dir() {
            return Err("it is a folder; name the files in it".to_owned());
        } else {
            Box::new(File::open(path).map_err(|error| format!("it cannot be opened: {error}"))?)
        };
        Self::of(source, Some(progress.clone()))
    }

    /// The same of something that is read already, such as a file in an archive.
    pub(crate) fn of(source: Box<dyn Read + 'a>, progress: Option<Progress>) -> Result<Self, String> {
        let total = Rc::new(Cell::new(0));
        let mut counted = Counted { source, progress, total: Rc::clone(&total) };
        let mut start = Vec::new();
        (&mut counted).take(4).read_to_end(&mut start).map_err(|error| format!("it cannot be read: {error}"))?;
        let is_gzip = start.starts_with(&GZIP);
        let is_zstd = start.starts_with(&ZSTD);
        let whole = BufReader::with_capacity(BUFFER, Cursor::new(start).chain(counted));
        let plain: Box<dyn Read + 'a> = if is_gzip {
            Box::new(Expanded { source: MultiGzDecoder::new(whole), compressed: total, total: 0 })
        } else if is_zstd {
            let decoder =
                zstd::Decoder::with_buffer(whole).map_err(|error| format!("its zstd cannot be read: {error}"))?;
            Box::new(Expanded { source: decoder, compressed: total, total: 0 })
        } else {
            Box::new(whole)
        };
        Ok(Self::utf_8(Self::begun(plain)))
    }

    /// Reads the beginning.
    fn begun(mut source: Box<dyn Read + 'a>) -> Self {
        let mut head = Vec::with_capacity(BUFFER);
        let failure = (&mut source).take(BUFFER as u64).read_to_end(&mut head).err();
        Self { head, given: 0, failure, rest: Box::new(BufReader::with_capacity(BUFFER, source)) }
    }

    /// UTF-16 marks itself, and becomes UTF-8.
    fn utf_8(self) -> Self {
        let encoding = match self.head.as_slice() {
            [0xff, 0xfe, ..] => UTF_16LE,
            [0xfe, 0xff, ..] => UTF_16BE,
            _ => return self,
        };
        Self::begun(Box::new(Transcoded::new(self, encoding)))
    }

    /// Whether it is a tar archive.
    pub(crate) fn is_archive(&self) -> bool {
        self.head.get(257..262) == Some(b"ustar")
    }
}

impl Read for Input<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let amount = available.len().min(buffer.len());
        buffer[..amount].copy_from_slice(&available[..amount]);
        self.consume(amount);
        Ok(amount)
    }
}

impl BufRead for Input<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.given < self.head.len() {
            return Ok(&self.head[self.given..]);
        }
        match self.failure.take() {
            Some(error) => Err(error),
            None => self.rest.fill_buf(),
        }
    }

    fn consume(&mut self, amount: usize) {
        if self.given < self.head.len() {
            self.given += amount;
        } else {
            self.rest.consume(amount);
        }
    }
}
