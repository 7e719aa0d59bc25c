//! Round trips: citations that the directory exports are imported with the same title, authors, date and DOI.

use proptest::prelude::*;

use crate::citation::{CitationFormat, CitedAuthor, CitedPaper};
use crate::import::formats;
use crate::import::normalize::placeholder::{Missing, is_placeholder};
use crate::import::test_support::{papers, read_bytes};
use crate::model::record::PaperType;

/// A title as the directory stores it: without markup and placeholders, which importers remove.
fn any_title() -> impl Strategy<Value = String> {
    let word = "[A-Za-z0-9éßØ水λ’“”\"'`{}$&%#_~^\\\\:,.;!?@()/+*=|-]{1,9}";
    proptest::collection::vec(word, 1..6)
        .prop_map(|words| crate::text::names::clean(&words.join(" ")))
        .prop_filter("importers decode character entities", |title| !title.contains('&') || !title.contains(';'))
        .prop_filter("importers remove placeholders", |title| !is_placeholder(title, Missing::Title))
}

fn any_name() -> impl Strategy<Value = String> {
    let person = "[A-ZÉØ][a-zéø'-]{1,7}( [A-Z]\\.)?( (van|de la|von))? [A-ZŠ][a-zš]{1,7}( Jr\\.)?";
    let other = "(The [A-Z][a-z]{2,5} Collaboration|[A-Z][a-z]{2,7}|[山田王李]{1,3}( [太郎明]{1,2})?|[A-Z][a-z]{1,5} & Sons|[A-Z][a-z]{1,4} and [A-Z][a-z]{1,4} Group)";
    prop_oneof![4 => person, 1 => other].prop_filter("importers skip placeholder authors", |name| {
        name != "Others" && !is_placeholder(name, Missing::Author)
    })
}

proptest! {
    #[test]
    fn exported_citations_are_imported_unchanged(
        title in any_title(),
        names in proptest::collection::vec(any_name(), 0..5),
        date in proptest::option::of("(19|20)[0-9]{2}(-0[1-9](-1[0-9])?)?"),
        doi in proptest::option::of("10\\.[1-9][0-9]{3}/[a-z0-9._;()<>%#{}\\[\\]-]{0,11}[a-z0-9)>#]"),
    ) {
        let exported = CitedPaper {
            slug: "a-paper".to_owned(),
            title: title.clone(),
            publication_date: date.map(|date| date.parse().expect("a date")),
            paper_type: PaperType::Article,
            doi: doi.clone(),
            authors: names.iter().map(|name| CitedAuthor { name: name.clone(), ..CitedAuthor::default() }).collect(),
            ..CitedPaper::default()
        };
        for (citation_format, import_format) in
            [(CitationFormat::Bibtex, "bibtex"), (CitationFormat::Ris, "ris"), (CitationFormat::CslJson, "csl")]
        {
            let text = exported.format_entry(citation_format);
            let outcome = read_bytes(formats::by_name(import_format).expect("a format"), text.as_bytes());
            let imported = papers(&outcome);
            prop_assert_eq!(imported.len(), 1, "{} {:?}", text, outcome.messages());
            let imported = &imported[0];
            prop_assert_eq!(&imported.title, &title, "{}", text);
            let imported_names: Vec<&String> = imported.authors.iter().map(|author| &author.name).collect();
            prop_assert_eq!(imported_names, names.iter().collect::<Vec<_>>(), "{}", text);
            prop_assert_eq!(imported.publication_date, exported.publication_date, "{}", text);
            prop_assert_eq!(imported.doi.as_ref().map(ToString::to_string), doi.clone(), "{}", text);
        }
    }
}
