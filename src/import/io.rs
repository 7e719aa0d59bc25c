//! Input: decompression, folders and archives, and streaming readers of lines, JSON and XML.

pub(crate) mod decompress;
pub(crate) mod file_walker;
pub(crate) mod json;
pub(crate) mod lines;
pub(crate) mod xml;
