//! The pseudo-format `auto`: detects the format of each file from its content.

use std::io::BufRead;
use std::sync::LazyLock;

use crate::import::formats::detection::detect_format;
use crate::import::formats::{FORMATS, Format, FormatOptions, SourceKind};
use crate::import::io::lines::unreadable_error;
use crate::import::io::record_sink::{ReadAbort, RecordSink};

/// The extensions of all formats, and that of profile pages, which no other import reads in folders.
static EXTENSIONS: LazyLock<Vec<&'static str>> =
    LazyLock::new(|| FORMATS.iter().flat_map(|format| format.extensions()).copied().chain(["txt"]).collect());

/// Each file in the format that its content shows.
#[derive(Debug)]
pub(crate) struct AutoFormat;

impl Format for AutoFormat {
    fn name(&self) -> &'static str {
        "auto"
    }

    fn help(&self) -> &'static str {
        "Any of the other formats, detected from the content of each file"
    }

    // Records carry the name of the detected format.
    fn source_kind(&self) -> SourceKind {
        SourceKind::Aggregator
    }

    fn extensions(&self) -> &'static [&'static str] {
        &EXTENSIONS
    }

    fn read(
        &self,
        reader: &mut dyn BufRead,
        options: &FormatOptions,
        sink: &mut RecordSink<'_>,
    ) -> Result<(), ReadAbort> {
        let head = reader.fill_buf().map_err(|error| unreadable_error(1, &error))?;
        let format = detect_format(head).map_err(|reason| ReadAbort::Unreadable(1, reason))?;
        sink.set_format(format.name());
        format.read(reader, options, sink)
    }
}
