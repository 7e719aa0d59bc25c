//! Input files: plain, gzip or zstd, detected by their magic bytes, or standard input.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::Path;
use std::rc::Rc;

use encoding_rs::{Decoder, Encoding, UTF_16BE, UTF_16LE};
use flate2::bufread::MultiGzDecoder;

use crate::import::io::progress::Progress;

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

const BUFFER_BYTES: usize = 1 << 16;

/// Maximum ratio of decompressed to compressed size; a higher ratio is a decompression bomb. Records reach a tenth of
/// it.
const MAX_COMPRESSION_RATIO: u64 = 400;
/// Decompressed size from which the ratio is checked.
const UNCHECKED_OUTPUT_BYTES: u64 = 64 << 20;

/// Counts the bytes read from disk.
struct ByteCounter<'a> {
    source: Box<dyn Read + 'a>,
    progress: Option<Progress>,
    total_bytes: Rc<Cell<u64>>,
}

impl Read for ByteCounter<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let amount = self.source.read(buffer)?;
        self.total_bytes.set(self.total_bytes.get() + amount as u64);
        if let Some(progress) = &self.progress {
            progress.add_bytes(amount as u64);
        }
        Ok(amount)
    }
}

/// Fails if decompressed data exceeds the maximum compression ratio.
struct BombGuard<R> {
    source: R,
    input_bytes: Rc<Cell<u64>>,
    output_bytes: u64,
}

impl<R: Read> Read for BombGuard<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let amount = self.source.read(buffer)?;
        self.output_bytes += amount as u64;
        if self.output_bytes > UNCHECKED_OUTPUT_BYTES
            && self.output_bytes / MAX_COMPRESSION_RATIO > self.input_bytes.get()
        {
            return Err(io::Error::other(format!(
                "its compressed data expands more than {MAX_COMPRESSION_RATIO}-fold"
            )));
        }
        Ok(amount)
    }
}

/// Transcodes text to UTF-8.
pub(crate) struct TranscodingReader<R> {
    source: R,
    decoder: Decoder,
    encoded: Vec<u8>,
    decoded: String,
    decoded_position: usize,
    is_at_end: bool,
}

impl<R: Read> TranscodingReader<R> {
    pub(crate) fn new(source: R, encoding: &'static Encoding) -> Self {
        let decoder = encoding.new_decoder_with_bom_removal();
        Self {
            source,
            decoder,
            encoded: vec![0; BUFFER_BYTES / 4],
            decoded: String::new(),
            decoded_position: 0,
            is_at_end: false,
        }
    }
}

impl<R: Read> Read for TranscodingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.decoded_position == self.decoded.len() && !self.is_at_end {
            let amount = self.source.read(&mut self.encoded)?;
            self.is_at_end = amount == 0;
            self.decoded.clear();
            self.decoded_position = 0;
            let needed = self.decoder.max_utf8_buffer_length(amount).unwrap_or(BUFFER_BYTES);
            self.decoded.reserve(needed);
            let _ = self.decoder.decode_to_string(&self.encoded[..amount], &mut self.decoded, self.is_at_end);
        }
        let rest = &self.decoded.as_bytes()[self.decoded_position..];
        let amount = rest.len().min(buffer.len());
        buffer[..amount].copy_from_slice(&rest[..amount]);
        self.decoded_position += amount;
        Ok(amount)
    }
}

/// Reads text as UTF-8; invalid bytes are decoded as Windows-1252.
pub(crate) struct Utf8OrWindows1252<R> {
    source: R,
    /// Whether there were invalid bytes.
    has_invalid_utf8: Rc<Cell<bool>>,
    /// Bytes that are not yet decoded: at most an incomplete character at the end.
    encoded: Vec<u8>,
    decoded: Vec<u8>,
    decoded_position: usize,
    is_at_end: bool,
}

impl<R: Read> Utf8OrWindows1252<R> {
    pub(crate) fn new(source: R, has_invalid_utf8: Rc<Cell<bool>>) -> Self {
        Self {
            source,
            has_invalid_utf8,
            encoded: Vec::new(),
            decoded: Vec::new(),
            decoded_position: 0,
            is_at_end: false,
        }
    }

    fn decode_pending(&mut self) {
        self.decoded.clear();
        self.decoded_position = 0;
        let mut rest = self.encoded.as_slice();
        while !rest.is_empty() {
            let Some(chunk) = rest.utf8_chunks().next() else { break };
            let (valid, invalid) = (chunk.valid().len(), chunk.invalid());
            self.decoded.extend_from_slice(&rest[..valid]);
            // A character may continue in the next read.
            let is_incomplete = valid + invalid.len() == rest.len()
                && std::str::from_utf8(invalid).is_err_and(|error| error.error_len().is_none());
            if is_incomplete && !self.is_at_end {
                rest = &rest[valid..];
                break;
            }
            if !invalid.is_empty() {
                self.has_invalid_utf8.set(true);
                self.decoded
                    .extend_from_slice(encoding_rs::WINDOWS_1252.decode_without_bom_handling(invalid).0.as_bytes());
            }
            rest = &rest[valid + invalid.len()..];
        }
        self.encoded = rest.to_vec();
    }
}

impl<R: Read> Read for Utf8OrWindows1252<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.decoded_position == self.decoded.len() && !self.is_at_end {
            let before = self.encoded.len();
            self.encoded.resize(before + BUFFER_BYTES / 4, 0);
            let amount = self.source.read(&mut self.encoded[before..])?;
            self.encoded.truncate(before + amount);
            self.is_at_end = amount == 0;
            self.decode_pending();
        }
        let rest = &self.decoded[self.decoded_position..];
        let amount = rest.len().min(buffer.len());
        buffer[..amount].copy_from_slice(&rest[..amount]);
        self.decoded_position += amount;
        Ok(amount)
    }
}

/// An input file, decompressed while it is read. Its head is buffered, so that the format can be detected.
pub(crate) struct InputStream<'a> {
    head: Vec<u8>,
    head_position: usize,
    /// The error that ended the head.
    head_error: Option<io::Error>,
    rest: Box<dyn BufRead + 'a>,
}

impl<'a> InputStream<'a> {
    /// Opens a file, or standard input for `-`. The error states the reason.
    pub(crate) fn open(path: &Path, progress: &Progress) -> Result<Self, String> {
        let source: Box<dyn Read> = if path == Path::new("-") {
            Box::new(io::stdin())
        } else if path.is_dir() {
            return Err("it is a folder; specify the files in it".to_owned());
        } else {
            Box::new(File::open(path).map_err(|error| format!("it cannot be opened: {error}"))?)
        };
        Self::from_reader(source, Some(progress.clone()))
    }

    /// Wraps a stream, such as an entry of an archive.
    pub(crate) fn from_reader(source: Box<dyn Read + 'a>, progress: Option<Progress>) -> Result<Self, String> {
        let total = Rc::new(Cell::new(0));
        let mut counted = ByteCounter { source, progress, total_bytes: Rc::clone(&total) };
        let mut start = Vec::new();
        (&mut counted).take(4).read_to_end(&mut start).map_err(|error| format!("it cannot be read: {error}"))?;
        let is_gzip = start.starts_with(&GZIP_MAGIC);
        let is_zstd = start.starts_with(&ZSTD_MAGIC);
        let whole = BufReader::with_capacity(BUFFER_BYTES, Cursor::new(start).chain(counted));
        let plain: Box<dyn Read + 'a> = if is_gzip {
            Box::new(BombGuard { source: MultiGzDecoder::new(whole), input_bytes: total, output_bytes: 0 })
        } else if is_zstd {
            let decoder =
                zstd::Decoder::with_buffer(whole).map_err(|error| format!("its zstd cannot be read: {error}"))?;
            Box::new(BombGuard { source: decoder, input_bytes: total, output_bytes: 0 })
        } else {
            Box::new(whole)
        };
        Ok(Self::decode_utf16(Self::with_head(plain)))
    }

    /// Buffers the head of a stream.
    fn with_head(mut source: Box<dyn Read + 'a>) -> Self {
        let mut head = Vec::with_capacity(BUFFER_BYTES);
        let head_error = (&mut source).take(BUFFER_BYTES as u64).read_to_end(&mut head).err();
        Self { head, head_position: 0, head_error, rest: Box::new(BufReader::with_capacity(BUFFER_BYTES, source)) }
    }

    /// Transcodes UTF-16 with a byte order mark to UTF-8.
    fn decode_utf16(self) -> Self {
        let encoding = match self.head.as_slice() {
            [0xff, 0xfe, ..] => UTF_16LE,
            [0xfe, 0xff, ..] => UTF_16BE,
            _ => return self,
        };
        Self::with_head(Box::new(TranscodingReader::new(self, encoding)))
    }

    /// Whether it is a tar archive.
    pub(crate) fn is_tar(&self) -> bool {
        self.head.get(257..262) == Some(b"ustar")
    }
}

impl Read for InputStream<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let amount = available.len().min(buffer.len());
        buffer[..amount].copy_from_slice(&available[..amount]);
        self.consume(amount);
        Ok(amount)
    }
}

impl BufRead for InputStream<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.head_position < self.head.len() {
            return Ok(&self.head[self.head_position..]);
        }
        match self.head_error.take() {
            Some(error) => Err(error),
            None => self.rest.fill_buf(),
        }
    }

    fn consume(&mut self, amount: usize) {
        if self.head_position < self.head.len() {
            self.head_position += amount;
        } else {
            self.rest.consume(amount);
        }
    }
}
