//! Content sniffing: the kind of a file, judged by its first line.

use std::fmt;

/// The kind of a file, judged by its first line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ContentKind {
    Bibtex,
    Binary,
    Json,
    /// XML or HTML.
    Markup,
    Pdf,
    Ris,
    Text,
    Turtle,
    Zip,
}

impl ContentKind {
    /// Returns the kind of a file that starts with `line`.
    pub(crate) fn of(line: &[u8]) -> Self {
        let line = line.trim_ascii_start();
        let starts_with =
            |prefix: &[u8]| line.len() >= prefix.len() && line[..prefix.len()].eq_ignore_ascii_case(prefix);
        match line {
            _ if starts_with(b"@prefix ") || starts_with(b"@base ") || starts_with(b"prefix ") => Self::Turtle,
            [b'{' | b'[', ..] => Self::Json,
            [b'<', ..] => Self::Markup,
            [b'%', b'P', b'D', b'F', ..] => Self::Pdf,
            [b'@', ..] => Self::Bibtex,
            [b'T', b'Y', b' ', ..] => Self::Ris,
            [b'P', b'K', ..] => Self::Zip,
            _ if line.contains(&0)
                || line.first().is_some_and(|byte| *byte >= 0x80 && std::str::from_utf8(line).is_err()) =>
            {
                Self::Binary
            }
            _ => Self::Text,
        }
    }
}

impl fmt::Display for ContentKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Bibtex => "BibTeX",
            Self::Binary => "binary data",
            Self::Json => "JSON",
            Self::Markup => "XML or HTML",
            Self::Pdf => "a PDF",
            Self::Ris => "RIS",
            Self::Text => "text",
            Self::Turtle => "Turtle",
            Self::Zip => "a zip archive; unpack it first",
        })
    }
}
