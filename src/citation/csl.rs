//! CSL-JSON items, schema 1.0.2.

use serde_json::{Map, Value, json};

use crate::citation::{AuthorName, CitedPaper};
use crate::model::record::PaperType;
use crate::text::pages::pages_with_dash;

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
    let (publisher, venue) = paper.publisher_and_venue();
    add(venue_field(paper.paper_type), venue.map(|venue| json!(venue)));
    add("publisher", publisher.map(|publisher| json!(publisher)));
    add("volume", paper.volume.as_ref().map(|volume| json!(volume)));
    match paper.paper_type {
        PaperType::Preprint => {
            add("genre", Some(json!("Preprint")));
            add("number", paper.arxiv_id.as_ref().map(|id| json!(format!("arXiv:{id}"))));
            add("issue", paper.issue.as_ref().map(|issue| json!(issue)));
        }
        PaperType::Report => add("number", paper.issue.as_ref().map(|number| json!(number))),
        _ => {
            // CSL has no variable for article numbers: the style of the APA uses `number`, others the pages.
            add("number", paper.article_number.as_ref().map(|number| json!(number)));
            add("issue", paper.issue.as_ref().map(|issue| json!(issue)));
        }
    }
    let pages = paper.pages.as_ref().map(|pages| pages_with_dash(pages, "-"));
    add("page", pages.or_else(|| paper.article_number.clone()).map(|pages| json!(pages)));
    add("edition", paper.edition.as_ref().map(|edition| json!(edition)));
    add("ISSN", Some(paper.issns.join(", ")).filter(|issns| !issns.is_empty()).map(|issns| json!(issns)));
    add("ISBN", Some(paper.isbns.join(", ")).filter(|isbns| !isbns.is_empty()).map(|isbns| json!(isbns)));
    add("keyword", paper.keyword_list().map(|keywords| json!(keywords)));
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
