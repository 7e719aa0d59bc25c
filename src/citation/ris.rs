//! References of RIS: a tag, two spaces, a hyphen, a space and a value a line.

use crate::citation::{AuthorName, CitedPaper};
use crate::model::record::PaperType;

pub(super) fn entry(paper: &CitedPaper) -> String {
    let mut reference = Reference { text: String::new() };
    reference.field("TY", kind(paper.paper_type));
    reference.field("ID", &paper.slug);
    reference.field("TI", &paper.title);
    for name in paper.names() {
        reference.field("AU", &author(&name));
    }
    if let Some(date) = paper.publication_date {
        reference.field("PY", &format!("{:04}", date.year()));
        if let Some(month) = date.month() {
            let day = date.day().map(|day| format!("{day:02}")).unwrap_or_default();
            reference.field("DA", &format!("{:04}/{month:02}/{day}", date.year()));
        }
    }
    let of_publisher = matches!(paper.paper_type, PaperType::Thesis | PaperType::Report);
    let others = [
        (if of_publisher { "PB" } else { "T2" }, paper.venue_name.clone()),
        ("DO", paper.doi.clone()),
        ("UR", paper.address()),
        ("LA", paper.language.clone()),
        ("AB", paper.abstract_line()),
    ];
    for (tag, value) in others {
        if let Some(value) = value {
            reference.field(tag, &value);
        }
    }
    reference.text.push_str("ER  - \r\n");
    reference.text
}

struct Reference {
    text: String,
}

impl Reference {
    /// One line, whatever the value: a line without a tag is read differently by everybody.
    fn field(&mut self, tag: &str, value: &str) {
        let value = value.split(['\r', '\n']).collect::<Vec<_>>().join(" ");
        self.text.push_str(&format!("{tag}  - {value}\r\n"));
    }
}

fn kind(kind: PaperType) -> &'static str {
    match kind {
        PaperType::Article => "JOUR",
        PaperType::ConferencePaper => "CPAPER",
        PaperType::Preprint => "UNPB",
        PaperType::Book => "BOOK",
        PaperType::BookChapter => "CHAP",
        PaperType::Thesis => "THES",
        PaperType::Report => "RPRT",
        PaperType::Dataset => "DATA",
        PaperType::Other => "GEN",
    }
}

fn author(name: &AuthorName) -> String {
    match name {
        AuthorName::Whole(name) => name.clone(),
        AuthorName::Parts { given, family, suffix: Some(suffix) } => format!("{family}, {given}, {suffix}"),
        AuthorName::Parts { given, family, suffix: None } => format!("{family}, {given}"),
    }
}
