//! Input: decompression, content sniffing, streaming readers of lines, JSON and XML, and the sink for records.

pub(crate) mod content_kind;
pub(crate) mod decompress;
pub(crate) mod delimited;
pub(crate) mod json;
pub(crate) mod lines;
pub(crate) mod progress;
pub(crate) mod record_sink;
pub(crate) mod xml;
