//! CSL-JSON items, schema 1.0.2.

use serde_json::{Map, Value, json};

use crate::citation::{AuthorName, CitedPaper};
use crate::model::record::PaperType;

pub(super) fn csl_item(paper: &CitedPaper) -> Value {
    let mut item = Map::new();
    let mut add = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            item.insert(name.to_owned(), value);
        }
    };
    add("id", Some(json!(paper.slug)));
    add("type", Some(json!(csl_type(paper.paper_type))));
    add("title", Some(json!(paper.title)));
    let authors: Vec<Value> = paper.author_names().map(|name| csl_author(&name)).collect();
    add("author", Some(json!(authors)).filter(|_| !authors.is_empty()));
    add(
        "issued",
        paper.publication_date.map(|date| {
            let parts: Vec<i32> = std::iter::once(date.year())
                .chain(date.month().map(i32::from))
                .chain(date.day().map(i32::from))
                .collect();
            json!({ "date-parts": [parts] })
        }),
    );
    add(venue_field(paper.paper_type), paper.venue_name.as_ref().map(|venue| json!(venue)));
    if paper.paper_type == PaperType::Preprint {
        add("genre", Some(json!("Preprint")));
        add("number", paper.arxiv_id.as_ref().map(|id| json!(format!("arXiv:{id}"))));
        let archive = paper.arxiv_id.as_ref().filter(|_| paper.venue_name.is_none());
        add("publisher", archive.map(|_| json!("arXiv")));
    }
    add("DOI", paper.doi.as_ref().map(|doi| json!(doi)));
    add("URL", paper.best_url().map(|url| json!(url)));
    add("language", paper.language.as_ref().map(|language| json!(language)));
    add("abstract", paper.abstract_line().map(|text| json!(text)));
    Value::Object(item)
}

fn csl_type(kind: PaperType) -> &'static str {
    match kind {
        PaperType::Article => "article-journal",
        PaperType::ConferencePaper => "paper-conference",
        PaperType::Preprint => "article",
        PaperType::Book => "book",
        PaperType::BookChapter => "chapter",
        PaperType::Thesis => "thesis",
        PaperType::Report => "report",
        PaperType::Dataset => "dataset",
        PaperType::Other => "document",
    }
}

fn venue_field(kind: PaperType) -> &'static str {
    match kind {
        PaperType::Thesis | PaperType::Report | PaperType::Dataset => "publisher",
        PaperType::Book => "collection-title",
        _ => "container-title",
    }
}

fn csl_author(name: &AuthorName) -> Value {
    match name {
        AuthorName::Literal(name) => json!({ "literal": name }),
        AuthorName::Parts { given, family, suffix: Some(suffix) } => {
            json!({ "family": family, "given": given, "suffix": suffix })
        }
        AuthorName::Parts { given, family, suffix: None } => json!({ "family": family, "given": given }),
    }
}
