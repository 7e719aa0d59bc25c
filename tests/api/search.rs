//! Search, autocomplete, and the `query` filter.

use serde_json::{Value, json};

use crate::support::synthetic_data::college_records;
use crate::support::{
    TestApp, database_dump, orcid, organization_record, paper_record, parse_records, pluck_strings, researcher_record,
    ror, topic_record, with_fields,
};

const SEARCH_QUERY: &str = "query($query: String!, $kinds: [EntityKind!]) { search(query: $query, kinds: $kinds) { \
     nodes { __typename slug displayName { value } } } }";

/// The slugs of the search results, best match first.
async fn search_slugs(app: &TestApp, query: &str) -> Vec<String> {
    pluck_strings(&app.data_with_variables(SEARCH_QUERY, json!({ "query": query })).await["search"]["nodes"], &["slug"])
}

/// The highlights of the best result: field and text, with matches in brackets.
async fn first_highlights(app: &TestApp, query: &str) -> Vec<String> {
    let operation = "query($query: String!) { search(query: $query, first: 1) { edges { highlights { field segments { text isMatch } } } } }";
    let data = app.data_with_variables(operation, json!({ "query": query })).await;
    let segment = |segment: &Value| {
        let text = segment["text"].as_str().unwrap_or_default();
        if segment["isMatch"] == true { format!("[{text}]") } else { text.to_owned() }
    };
    let line = |highlight: &Value| {
        let text: String = highlight["segments"].as_array().into_iter().flatten().map(segment).collect();
        format!("{}: {text}", highlight["field"].as_str().unwrap_or_default())
    };
    data["search"]["edges"][0]["highlights"].as_array().into_iter().flatten().map(line).collect()
}

fn organization_with_names(number: u64, names: Value) -> Value {
    json!({ "kind": "organization", "ror": ror(number), "names": names })
}

async fn directory_of(names: &[&str]) -> TestApp {
    let app = TestApp::start().await;
    app.create_records(names.iter().map(|name| researcher_record(name)).collect()).await;
    app
}

#[tokio::test]
async fn case_accents_and_punctuation() {
    let names = [
        "Zoë Ångström",
        "Jean-Luc O’Hara",
        "Łukasz Đorđević",
        "Anna Weiß",
        "Søren Ørsted",
        "Ana María Peña",
        "Ili'c Petrović",
        "José Nuñez",
        "İpek Yıldız",
    ];
    let app = directory_of(&names).await;
    for (query, slug) in [
        ("zoe angstrom", "zoe-angstrom"),
        ("ZOË ÅNGSTRÖM", "zoe-angstrom"),
        ("Zoe\u{308} A\u{30a}ngstro\u{308}m", "zoe-angstrom"),
        ("jean luc ohara", "jean-luc-ohara"),
        ("jeanluc o'hara", "jean-luc-ohara"),
        ("Jean‐Luc O Hara", "jean-luc-ohara"),
        ("lukasz dordevic", "lukasz-dordevic"),
        ("anna weiss", "anna-weiss"),
        ("soren orsted", "soren-orsted"),
        ("pena, ana maria", "ana-maria-pena"),
        ("ilic petrovic", "ilic-petrovic"),
        ("  nunez   jose ", "jose-nunez"),
        ("ipek yildiz", "ipek-yildiz"),
    ] {
        assert_eq!(search_slugs(&app, query).await.first().map(String::as_str), Some(slug), "{query}");
    }
}

#[tokio::test]
async fn exact_match_first() {
    let app =
        directory_of(&["Jurgen Müller", "Jürgen Muller", "Jürgen Müller", "Jurgen Muller", "Jürgen Müller-Lang"]).await;
    let names = async |query: &str| {
        let nodes = app.data_with_variables(SEARCH_QUERY, json!({ "query": query })).await["search"]["nodes"].clone();
        pluck_strings(&nodes, &["displayName", "value"])
    };
    for exact in ["Jurgen Müller", "Jürgen Muller", "Jürgen Müller", "jurgen muller"] {
        let names = names(exact).await;
        assert_eq!(names[0].to_lowercase(), exact.to_lowercase());
        assert_eq!(names[4], "Jürgen Müller-Lang", "with one name more: last");
    }
}

#[tokio::test]
async fn initials_and_name_order() {
    let app = directory_of(&["John W. Smith", "John Smithson", "Mary John", "J. Doe", "Jane Doe"]).await;
    assert_eq!(search_slugs(&app, "John Smith").await[0], "john-w-smith");
    assert_eq!(search_slugs(&app, "Smith John").await[0], "john-w-smith");
    assert_eq!(search_slugs(&app, "Smith, John W").await[0], "john-w-smith");
    assert_eq!(search_slugs(&app, "J Smith").await[0], "john-w-smith");
    assert_eq!(search_slugs(&app, "J. Doe").await, ["j-doe", "jane-doe"]);
    assert_eq!(search_slugs(&app, "Doe M").await, Vec::<String>::new());
}

#[tokio::test]
async fn typos() {
    let app = directory_of(&["Katharina Schmidhuber", "Katrin Schmidt", "Wei Li", "Anna Maria Rossi"]).await;
    for query in
        ["schmidhubre", "schmidhber", "shcmidhuber", "katarina schmidhuber", "katharna schmidhubr", "schmitthuber"]
    {
        assert_eq!(
            search_slugs(&app, query).await.first().map(String::as_str),
            Some("katharina-schmidhuber"),
            "{query}"
        );
    }
    // One typo ranks before two; short words match exactly.
    assert_eq!(search_slugs(&app, "schmibt").await, ["katrin-schmidt"]);
    assert_eq!(search_slugs(&app, "Wee Li").await, Vec::<String>::new());
    assert_eq!(search_slugs(&app, "rosi").await, ["anna-maria-rossi"]);
    assert_eq!(search_slugs(&app, "schmidhuberxyz").await, Vec::<String>::new());
}

/// Words with two letters in each other's place are found among more words at one edit than are tried, also if what is
/// typed is a word elsewhere, and before words with another typo.
#[tokio::test]
async fn swapped_letters() {
    let app = TestApp::start().await;
    let mut names = vec!["Mina Parde".to_owned(), "Jun Qing".to_owned(), "Jun Qiang".to_owned(), "Bo Wang".to_owned()];
    for letter in ('a'..='z').filter(|letter| *letter != 'r' && *letter != 'a' && *letter != 'e') {
        names.extend([format!("Ida Pa{letter}ed"), format!("Ida P{letter}red"), format!("Ida Par{letter}d")]);
    }
    let mut records: Vec<Value> = names.iter().map(|name| researcher_record(name)).collect();
    records.push(paper_record("Pared cores", Some(2001), &["Jun Qing"]));
    records.push(paper_record("Hulls", Some(2002), &["Jun Qing"]));
    app.create_records(json!(records)).await;
    for (query, expected) in [
        ("Mina Pared", "mina-parde"),
        ("mina aprde", "mina-parde"),
        ("Mina Prade", "mina-parde"),
        ("Jun Qaing", "jun-qiang jun-qing"),
        ("Bo Wnag", "bo-wang"),
        ("Bo Awng", "bo-wang"),
    ] {
        assert_eq!(search_slugs(&app, query).await.join(" "), expected, "{query}");
    }
    assert_eq!(autocomplete(&app, "mina pared", "").await, ["Mina Parde | -"]);
}

#[tokio::test]
async fn typos_only_with_few_hits() {
    let app = TestApp::start().await;
    let mut records: Vec<Value> = (0..25).map(|number| researcher_record(&format!("Martin Number{number}"))).collect();
    records.push(researcher_record("Marten Other"));
    app.create_records(json!(records)).await;
    let count = async |query: &str| {
        app.data_with_variables("query($q: String!) { search(query: $q) { totalCount } }", json!({ "q": query })).await
            ["search"]["totalCount"]
            .clone()
    };
    assert_eq!(count("martin").await, 25);
    assert_eq!(count("marten").await, 26, "the one with that name, and those a letter away");
}

#[tokio::test]
async fn ties_broken_by_paper_count() {
    let app = directory_of(&["Ana Silva", "Bea Silva", "Caio Silva"]).await;
    app.create_records(json!([
        paper_record("One", Some(2001), &["Bea Silva"]),
        paper_record("Two", Some(2002), &["Bea Silva", "Caio Silva"]),
        paper_record("Three", Some(2003), &["Bea Silva"]),
    ]))
    .await;
    assert_eq!(search_slugs(&app, "silva").await, ["bea-silva", "caio-silva", "ana-silva"]);
}

#[tokio::test]
async fn entity_types() {
    let app = TestApp::start().await;
    app.create_records(json!([
        researcher_record("Maria Ocean"),
        organization_record(1, "Ocean"),
        topic_record("Ocean"),
        with_fields(paper_record("Ocean currents", Some(2020), &["Maria Ocean"]), json!({})),
        paper_record("Of the ocean", Some(2021), &["Maria Ocean"]),
    ]))
    .await;
    let data = app.data_with_variables(SEARCH_QUERY, json!({ "query": "ocean" })).await;
    let kinds = pluck_strings(&data["search"]["nodes"], &["__typename"]);
    assert_eq!(kinds, ["Organization", "Topic", "Researcher", "Paper", "Paper"], "{data}");
    let only =
        app.data_with_variables(SEARCH_QUERY, json!({ "query": "ocean", "kinds": ["PAPER", "TOPIC", "PAPER"] })).await;
    assert_eq!(pluck_strings(&only["search"]["nodes"], &["__typename"]), ["Topic", "Paper", "Paper"]);
    let none = app.data_with_variables(SEARCH_QUERY, json!({ "query": "ocean", "kinds": [] })).await;
    assert_eq!(none["search"]["nodes"], json!([]));
}

#[tokio::test]
async fn labels_and_acronyms() {
    let app = TestApp::start().await;
    app.create_records(json!([
        organization_with_names(1, json!([
            { "value": "Polytechnic of Somewhere", "language": "en", "kind": "DISPLAY" },
            { "value": "Polytechnique de Quelquepart", "language": "fr", "kind": "LABEL" },
            { "value": "المدرسة الوطنية", "language": "ar", "kind": "LABEL" },
            { "value": "POS", "kind": "ACRONYM" },
        ])),
        organization_with_names(2, json!([
            { "value": "Ports of the South", "language": "en", "kind": "DISPLAY" },
            { "value": "Pos", "language": "es", "kind": "ALIAS" },
        ])),
        organization_with_names(3, json!([{ "value": "筑波大学", "language": "ja", "kind": "DISPLAY" }])),
        { "kind": "topic", "names": [
            { "value": "Machine learning", "language": "en", "kind": "LABEL" },
            { "value": "L’apprentissage automatique", "language": "fr", "kind": "LABEL" },
        ] },
    ]))
    .await;
    assert_eq!(search_slugs(&app, "polytechnique quelquepart").await, ["polytechnic-of-somewhere"]);
    assert_eq!(search_slugs(&app, "POS").await, ["polytechnic-of-somewhere", "ports-of-the-south"]);
    assert_eq!(search_slugs(&app, "apprentissage").await, ["machine-learning"]);
    assert_eq!(search_slugs(&app, "lapprentissage").await, ["machine-learning"]);
    assert_eq!(search_slugs(&app, "المدرسة").await, ["polytechnic-of-somewhere"]);
    assert_eq!(
        search_slugs(&app, "\u{202b}المَدرسة\u{200f}").await,
        ["polytechnic-of-somewhere"],
        "directional marks and vowel points"
    );
    for query in ["筑波", "大学", "筑波大学", "波", "筑波 大学"] {
        assert_eq!(search_slugs(&app, query).await, ["zhu-bo-da-xue"], "{query}");
    }
    assert_eq!(search_slugs(&app, "筑学").await, Vec::<String>::new());
    assert_eq!(first_highlights(&app, "quelquepart").await, ["label:fr: Polytechnique de [Quelquepart]"]);
    assert_eq!(first_highlights(&app, "大学").await, ["label:ja: 筑波[大学]"]);
    assert_eq!(
        first_highlights(&app, "apprentissage automatique").await,
        ["label:fr: L’[apprentissage] [automatique]"]
    );
}

#[tokio::test]
async fn korean_names() {
    let app = directory_of(&["김철수", "山田 太郎"]).await;
    for query in ["김철수", "철수", "김"] {
        assert_eq!(search_slugs(&app, query).await.len(), 1, "{query}");
    }
    assert_eq!(search_slugs(&app, "山田太郎").await.len(), 1);
    assert_eq!(search_slugs(&app, "太郎").await.len(), 1);
}

#[tokio::test]
async fn pasted_identifiers() {
    let app = TestApp::start().await;
    let id = orcid(7);
    app.create_records(json!([
        with_fields(researcher_record("Iris Seven"), json!({ "orcid": id })),
        researcher_record("Orcid Org"),
        organization_record(1, "Harbour"),
        with_fields(
            paper_record("A study", Some(2020), &["Iris Seven"]),
            json!({ "doi": "10.5555/abc.7", "arxivId": "2301.00001" })
        ),
        paper_record("On doi 10.5555/abc.7 again", Some(2020), &["Iris Seven"]),
    ]))
    .await;
    for query in [id.clone(), format!("https://orcid.org/{id}"), format!("orcid.org/{id}"), id.replace('-', "")] {
        assert_eq!(search_slugs(&app, &query).await.first().map(String::as_str), Some("iris-seven"), "{query}");
    }
    for query in [
        "10.5555/ABC.7",
        "https://doi.org/10.5555/abc.7",
        "doi:10.5555/abc.7",
        "arXiv:2301.00001",
        "https://arxiv.org/abs/2301.00001v2",
    ] {
        assert_eq!(search_slugs(&app, query).await.first().map(String::as_str), Some("a-study"), "{query}");
    }
    assert_eq!(search_slugs(&app, &format!("https://ror.org/{}", ror(1))).await, ["harbour"]);
    assert_eq!(first_highlights(&app, &id).await, [format!("orcid: [{id}]")]);
    assert_eq!(first_highlights(&app, "doi:10.5555/ABC.7").await[0], "doi: [10.5555/abc.7]");
}

#[tokio::test]
async fn stems_and_abstracts() {
    let app = TestApp::start().await;
    let text = "We study how tides move sediments. Estuaries are mapped with drones over two years of observation.";
    app.create_records(json!([
        with_fields(
            paper_record("Mapping rivers", Some(2020), &["A B"]),
            json!({
                "language": "en", "abstractCompleteness": "FULL", "abstract": { "en": text },
            })
        ),
        with_fields(paper_record("Réseaux neuronaux", Some(2021), &["A B"]), json!({ "language": "fr" })),
        paper_record("Mapped", Some(2022), &["A B"]),
    ]))
    .await;
    assert_eq!(search_slugs(&app, "map river").await, ["mapping-rivers"]);
    assert_eq!(search_slugs(&app, "estuary drone").await, ["mapping-rivers"]);
    assert_eq!(
        search_slugs(&app, "rivers estuaries").await,
        ["mapping-rivers"],
        "words of title and abstract together"
    );
    assert_eq!(search_slugs(&app, "réseau neuronal").await, ["reseaux-neuronaux"]);
    assert_eq!(
        first_highlights(&app, "map").await,
        [
            "title: [Mapping] rivers",
            "abstract:en: We study how tides move sediments. Estuaries are [mapped] with drones over two years of observation."
        ]
    );
}

#[tokio::test]
async fn changes_are_searchable_immediately() {
    let app = directory_of(&["Nora Before"]).await;
    let record =
        json!([with_fields(paper_record("Old title", Some(2020), &["Nora Before"]), json!({ "sourceId": "1" }))]);
    app.create_records(record).await;
    assert_eq!(search_slugs(&app, "old title").await, ["old-title"]);
    let changed = with_fields(paper_record("Fresh heading", Some(2020), &["Nora Before"]), json!({ "sourceId": "1" }));
    app.write_records(&parse_records(json!([changed]))).await;
    assert_eq!(search_slugs(&app, "old title").await, Vec::<String>::new());
    assert_eq!(search_slugs(&app, "fresh heading").await, ["old-title"], "the slug stays");
    // The vocabulary for typo correction is updated, too.
    assert_eq!(search_slugs(&app, "heeding").await, ["old-title"]);
    app.execute_sql("DELETE FROM paper").await;
    assert_eq!(search_slugs(&app, "fresh heading").await, Vec::<String>::new());
}

#[tokio::test]
async fn queries_without_words() {
    let app = directory_of(&["Nora Name"]).await;
    for query in ["", "   ", "!?", "🙂", "\u{200f}", "&|!:*", "' \\ \""] {
        assert_eq!(search_slugs(&app, query).await, Vec::<String>::new(), "{query:?}");
        let none = app
            .data_with_variables("query($q: String!) { autocomplete(query: $q) { label } }", json!({ "q": query }))
            .await;
        assert_eq!(none["autocomplete"], json!([]));
    }
    // Repeated words count once.
    assert_eq!(search_slugs(&app, &"nora name ".repeat(45)).await, ["nora-name"]);
    let long = "x".repeat(501);
    let refusal = app.client_error(SEARCH_QUERY, json!({ "query": long })).await;
    assert_eq!(refusal, "query has 501 characters; the limit is 500: search for a name, a title or a few words");
}

async fn autocomplete(app: &TestApp, query: &str, arguments: &str) -> Vec<String> {
    let operation =
        format!("query($q: String!) {{ autocomplete(query: $q {arguments}) {{ label hint node {{ slug }} }} }}");
    let data = app.data_with_variables(&operation, json!({ "q": query })).await;
    let line = |entry: &Value| {
        format!("{} | {}", entry["label"].as_str().unwrap_or_default(), entry["hint"].as_str().unwrap_or("-"))
    };
    data["autocomplete"].as_array().into_iter().flatten().map(line).collect()
}

#[tokio::test]
async fn autocomplete_suggestions() {
    let app = TestApp::start().await;
    let employment = |number: u64| json!([{ "organization": { "ror": ror(number) }, "affiliationKind": "EMPLOYMENT" }]);
    app.create_records(json!([
        with_fields(
            organization_with_names(
                1,
                json!([
                    { "value": "Harbour Institute", "language": "en", "kind": "DISPLAY" },
                    { "value": "Institut du port", "language": "fr", "kind": "LABEL" },
                    { "value": "HI", "kind": "ACRONYM" },
                ])
            ),
            json!({ "city": "Lorient", "countryCode": "FR" })
        ),
        with_fields(researcher_record("Maria Harper"), json!({ "affiliations": employment(1), "orcid": orcid(1) })),
        with_fields(researcher_record("Maria Harper"), json!({ "orcid": orcid(2) })),
        researcher_record("Harald Marin"),
        topic_record("Marine harvest"),
        with_fields(topic_record("Harbour seals"), json!({ "broader": [{ "labels": { "en": "Marine harvest" } }] })),
        with_fields(
            paper_record("Harbours of the north", Some(2019), &[]),
            json!({ "authors": [
            { "position": 1, "name": "Maria Harper", "orcid": orcid(2) }, { "position": 2, "name": "Harald Marin" },
        ] })
        ),
    ]))
    .await;
    assert_eq!(
        autocomplete(&app, "har mar", "").await,
        [
            "Maria Harper | Harbours of the north",
            "Harald Marin | Harbours of the north",
            "Maria Harper | Harbour Institute",
            "Marine harvest | -"
        ]
    );
    assert_eq!(autocomplete(&app, "maria h", ", kinds: [RESEARCHER]").await.len(), 2);
    assert_eq!(autocomplete(&app, "maria hx", "").await, Vec::<String>::new());
    assert_eq!(autocomplete(&app, "inst", ", languages: [\"fr\"]").await, ["Institut du port | Lorient, FR"]);
    assert_eq!(autocomplete(&app, "inst", ", languages: [\"en\"]").await, ["Harbour Institute | Lorient, FR"]);
    assert_eq!(autocomplete(&app, "HI", ", kinds: [ORGANIZATION]").await, ["Harbour Institute | HI · Lorient, FR"]);
    assert_eq!(autocomplete(&app, "harbour s", "").await, ["Harbour seals | Marine harvest"]);
    assert_eq!(autocomplete(&app, "harbours", "").await, ["Harbours of the north | Maria Harper et al., 2019"]);
    assert_eq!(autocomplete(&app, "harpre", ", kinds: [RESEARCHER]").await.len(), 2, "a typo without a prefix match");
    assert_eq!(autocomplete(&app, "h", ", first: 2").await.len(), 2);
    let refused = app.client_error("{ autocomplete(query: \"h\", first: 0) { label } }", json!({})).await;
    assert_eq!(refused, "first is 0; it must be between 1 and 100");
}

#[tokio::test]
async fn common_prefix_of_researchers() {
    let app = TestApp::start().await;
    let people: Vec<Value> = (0..3_200).map(|number| researcher_record(&format!("Zed O'Number{number}"))).collect();
    app.create_records(json!(people)).await;
    let paper_of = |year: i32, authors: &[&str]| paper_record(&format!("Paper of {year}"), Some(year), authors);
    app.create_records(json!([
        paper_of(2020, &["Zed O'Number3000", "Zed O'Number3100"]),
        paper_of(2021, &["Zed O'Number3100"]),
        researcher_record("Zed"),
        topic_record("Number zed"),
    ]))
    .await;
    let best = autocomplete(&app, "zed", ", first: 3").await;
    assert_eq!(best, ["Zed | -", "Zed O'Number3100 | Paper of 2021", "Zed O'Number3000 | Paper of 2020"]);
    assert_eq!(autocomplete(&app, "zed", ", first: 100").await.len(), 100);
    assert_eq!(autocomplete(&app, "zed onumber3100", ", first: 1").await, ["Zed O'Number3100 | Paper of 2021"]);
    let best = autocomplete(&app, "numb z", ", first: 2").await;
    assert_eq!(best, ["Zed O'Number3100 | Paper of 2021", "Zed O'Number3000 | Paper of 2020"], "both words are common");
    let best = autocomplete(&app, "zed o'numb", ", first: 1").await;
    assert_eq!(best, ["Zed O'Number3100 | Paper of 2021"], "a word of several forms");
    assert_eq!(autocomplete(&app, "numb z x", "").await, Vec::<String>::new());
    assert_eq!(autocomplete(&app, "ze", ", kinds: [TOPIC]").await, ["Number zed | -"]);
    assert_eq!(autocomplete(&app, "zed", ", kinds: [ORGANIZATION]").await, Vec::<String>::new());

    // New papers change the ranking.
    app.create_records(json!([
        paper_of(2022, &["Zed O'Number7"]),
        paper_of(2023, &["Zed O'Number7"]),
        paper_of(2024, &["Zed O'Number7"])
    ]))
    .await;
    assert_eq!(autocomplete(&app, "ze", ", first: 1").await, ["Zed O'Number7 | Paper of 2024"]);
}

#[tokio::test]
async fn common_prefix_deduplicates_names() {
    let app = TestApp::start().await;
    let others: Vec<String> = (0..13).map(|number| format!("Quay Other{number}")).collect();
    let well_known =
        |number: usize| with_fields(researcher_record(&format!("Quay Known{number}")), json!({ "otherNames": others }));
    app.create_records(json!((0..10).map(well_known).collect::<Vec<_>>())).await;
    app.create_records(json!(
        (0..100).map(|number| researcher_record(&format!("Quay Person{number}"))).collect::<Vec<_>>()
    ))
    .await;
    let authors: Vec<String> = (0..10).map(|number| format!("Quay Known{number}")).collect();
    app.create_records(json!([paper_record(
        "Together",
        Some(2020),
        &authors.iter().map(String::as_str).collect::<Vec<_>>()
    )]))
    .await;
    assert_eq!(autocomplete(&app, "qua", ", first: 40").await.len(), 40);
}

#[tokio::test]
async fn common_prefix_of_titles() {
    let app = TestApp::start().await;
    let title = |number: usize| format!("On {number} zebra crossings of the very long northern road");
    let mut papers: Vec<Value> = (0..3_050).map(|number| paper_record(&title(number), Some(1990), &[])).collect();
    papers.extend([
        paper_record("Zebra crossings of a southern town and its many harbours", Some(1980), &[]),
        paper_record("Striped zebra crossings", Some(1970), &[]),
        paper_record("Zebra", Some(1960), &[]),
    ]);
    app.create_records(json!(papers)).await;
    let found = autocomplete(&app, "zebra cros", ", first: 2").await;
    assert_eq!(
        found,
        [
            "Zebra crossings of a southern town and its many harbours | 1980",
            "On 0 zebra crossings of the very long northern road | 1990"
        ]
    );
    let found = autocomplete(&app, "zebra", ", first: 2").await;
    assert_eq!(found, ["Zebra | 1960", "Striped zebra crossings | 1970"], "short titles are searched first");
    assert_eq!(autocomplete(&app, "zebra", ", first: 100").await.len(), 100);
}

#[tokio::test]
async fn common_prefix_without_spaces() {
    let app = TestApp::start().await;
    let mut papers: Vec<Value> = (0..250)
        .map(|number| paper_record(&format!("关于深度学习的第{number}篇很长很长的论文标题"), Some(2000), &[]))
        .collect();
    papers.push(paper_record("深度学习", Some(1990), &[]));
    papers.push(paper_record("深度学习入门", Some(1980), &[]));
    app.create_records(json!(papers)).await;
    assert_eq!(autocomplete(&app, "深度学", ", first: 100").await.len(), 100);
    assert_eq!(autocomplete(&app, "深度学习", ", first: 1").await, ["深度学习 | 1990"]);
    assert_eq!(autocomplete(&app, "深", ", first: 100").await.len(), 100);
}

#[tokio::test]
async fn statement_counts() {
    let app = directory_of(&["Nora Name", "Nora Other"]).await;
    let statements = async |query: &str| {
        let (response, statements) = app.query_counting_statements(query, json!({})).await;
        response.data();
        statements
    };
    assert_eq!(statements("{ search(query: \"nora\") { pageInfo { hasNextPage } } }").await, 1);
    assert_eq!(statements("{ search(query: \"nora\") { nodes { slug } } }").await, 2);
    assert_eq!(statements("{ search(query: \"nora\") { edges { node { slug } highlights { field } } } }").await, 3);
    assert_eq!(statements("{ search(query: \"nora\") { totalCount } }").await, 1);
    assert_eq!(statements("{ autocomplete(query: \"nor\") { label } }").await, 1);
}

/// The search index as sorted text.
async fn read_index(app: &TestApp) -> Vec<String> {
    let sql = "SELECT coalesce('r' || researcher_id, 'o' || organization_id, 't' || topic_id, 'p' || paper_id) || field || text || letters \
         || words::text || word_count || long_word_count || weight || popularity AS line FROM search_entry \
         UNION ALL SELECT word || entry_count FROM search_word WHERE entry_count <> 0 \
         UNION ALL SELECT paper_id || language || words::text || popularity FROM search_abstract ORDER BY 1";
    database_dump::query_strings(&app.database_url, sql).await
}

#[tokio::test]
async fn index_is_kept_up_to_date() {
    let app = TestApp::start().await;
    app.create_records(json!(college_records(12))).await;
    let change = |number: usize, title: &str| {
        with_fields(
            paper_record(title, Some(2020), &["Person 3", "New Person"]),
            json!({
                "sourceId": format!("First {number}"), "abstractCompleteness": "FULL", "abstract": { "en": format!("About {title}.") },
            }),
        )
    };
    app.write_records(&parse_records(json!([
        change(1, "Changed one"),
        change(2, "Changed two"),
        change(1, "Changed again")
    ])))
    .await;
    app.write_records(&parse_records(json!([with_fields(
        researcher_record("Person 4"),
        json!({ "otherNames": ["Fourth Person"] })
    )])))
    .await;
    let followed = read_index(&app).await;
    assert!(followed.len() > 60, "{}", followed.len());
    app.execute_sql("DELETE FROM setting WHERE name = 'search_version'").await;
    assert!(app.store.rebuild_search_index_if_stale().await.expect("the index"));
    assert_eq!(followed, read_index(&app).await);
    assert!(!app.store.rebuild_search_index_if_stale().await.expect("the index"), "it is up to date");
}

/// The slugs of a list filtered by `query`.
async fn filtered_slugs(app: &TestApp, list: &str, query: &str) -> Vec<String> {
    let operation = format!("query($q: String!) {{ list: {list} {{ nodes {{ slug }} totalCount }} }}");
    let data = app.data_with_variables(&operation, json!({ "q": query })).await;
    let slugs = pluck_strings(&data["list"]["nodes"], &["slug"]);
    assert_eq!(data["list"]["totalCount"], slugs.len());
    slugs
}

#[tokio::test]
async fn query_filters() {
    let app = TestApp::start().await;
    let employment = json!([{ "organization": { "ror": ror(1) }, "affiliationKind": "EMPLOYMENT" }]);
    app.create_records(json!([
        organization_record(1, "Harbour Institute"),
        organization_record(2, "Old Harbour"),
        topic_record("Tides"),
        topic_record("Ebb and tide"),
        with_fields(researcher_record("José Nuñez"), json!({ "affiliations": employment })),
        researcher_record("Jose Maria Nunez Costa"),
        researcher_record("Ana Costa"),
        with_fields(
            paper_record("Tides of the north", Some(2019), &["José Nuñez", "Ana Costa"]),
            json!({ "topics": [{ "labels": { "en": "Tides" } }] })
        ),
        paper_record("Northern lights", Some(2021), &["José Nuñez"]),
        with_fields(
            paper_record("Lights", Some(2020), &["Ana Costa"]),
            json!({ "abstractCompleteness": "FULL", "abstract": { "en": "In the north." } })
        ),
    ]))
    .await;
    let people = "researchers(filter: {query: $q})";
    assert_eq!(filtered_slugs(&app, people, "jose nunez").await, ["jose-nunez", "jose-maria-nunez-costa"]);
    assert_eq!(filtered_slugs(&app, people, "josé nuñes").await, ["jose-nunez", "jose-maria-nunez-costa"], "a typo");
    assert_eq!(filtered_slugs(&app, people, "  ").await.len(), 3, "whitespace is ignored");
    assert_eq!(filtered_slugs(&app, people, "!").await, Vec::<String>::new());
    let worst = "researchers(filter: {query: $q}, orderBy: {field: RELEVANCE, direction: ASC})";
    assert_eq!(filtered_slugs(&app, worst, "jose nunez").await, ["jose-maria-nunez-costa", "jose-nunez"]);
    let by_name = "researchers(filter: {query: $q}, orderBy: {field: NAME, direction: DESC})";
    assert_eq!(filtered_slugs(&app, by_name, "costa").await, ["jose-maria-nunez-costa", "ana-costa"]);
    let both = "researchers(filter: {hasPapers: true, or: [{query: $q}, {query: \"costa\"}]})";
    assert_eq!(filtered_slugs(&app, both, "nunez").await, ["ana-costa", "jose-nunez"]);
    let others = "researchers(filter: {not: {query: $q}})";
    assert_eq!(filtered_slugs(&app, others, "nunez").await, ["ana-costa"]);
    assert_eq!(
        filtered_slugs(&app, "organizations(filter: {query: $q})", "harbour").await,
        ["harbour-institute", "old-harbour"]
    );
    assert_eq!(
        filtered_slugs(&app, "topics(filter: {query: $q})", "tide").await,
        ["ebb-and-tide", "tides"],
        "or unfinished"
    );
    assert_eq!(
        filtered_slugs(&app, "topics(filter: {query: $q})", "tides").await,
        ["tides", "ebb-and-tide"],
        "the label, then a typo"
    );
    let papers = "papers(filter: {query: $q})";
    assert_eq!(
        filtered_slugs(&app, papers, "north").await,
        ["tides-of-the-north", "lights", "northern-lights"],
        "title, abstract, beginning"
    );
    assert_eq!(
        filtered_slugs(
            &app,
            "papers(filter: {query: $q}, orderBy: {field: PUBLICATION_DATE, direction: DESC})",
            "north"
        )
        .await,
        ["northern-lights", "lights", "tides-of-the-north"]
    );
    // In nested lists.
    let nested = |parent: &str, list: &str| format!("{{ parent: {parent} {{ list: {list} {{ nodes {{ slug }} }} }} }}");
    for (parent, list, expected) in [
        (
            "organization(by: {slug: \"harbour-institute\"})",
            "researchers(filter: {query: \"nunez\"})",
            vec!["jose-nunez"],
        ),
        ("organization(by: {slug: \"old-harbour\"})", "researchers(filter: {query: \"nunez\"})", vec![]),
        ("topic(by: {slug: \"tides\"})", "researchers(filter: {query: \"costa\"})", vec!["ana-costa"]),
        ("topic(by: {slug: \"tides\"})", "papers(filter: {query: \"north\"})", vec!["tides-of-the-north"]),
        ("researcher(by: {slug: \"ana-costa\"})", "papers(filter: {query: \"lights\"})", vec!["lights"]),
        (
            "researcher(by: {slug: \"jose-nunez\"})",
            "papers(filter: {query: \"north\"}, orderBy: {field: TITLE, direction: ASC})",
            vec!["northern-lights", "tides-of-the-north"],
        ),
    ] {
        let data = app.data(&nested(parent, list)).await;
        assert_eq!(pluck_strings(&data["parent"]["list"]["nodes"], &["slug"]), expected, "{parent} {list}");
    }
}

#[tokio::test]
async fn relevance_requires_a_query() {
    let app = directory_of(&["Nora Name"]).await;
    let order = "orderBy: {field: RELEVANCE, direction: DESC}";
    for query in [
        format!("{{ researchers({order}) {{ totalCount nodes {{ id }} }} }}"),
        format!("{{ researchers(filter: {{query: \" \"}}, {order}) {{ nodes {{ id }} }} }}"),
        format!("{{ organizations({order}) {{ nodes {{ id }} }} }}"),
        format!("{{ topics({order}) {{ nodes {{ id }} }} }}"),
        format!("{{ papers({order}) {{ nodes {{ id }} }} }}"),
        format!("{{ researcher(by: {{slug: \"nora-name\"}}) {{ topics({order}) {{ nodes {{ id }} }} }} }}"),
    ] {
        let refusal = app.client_error(&query, json!({})).await;
        assert_eq!(refusal, "RELEVANCE requires filter.query; set it, or choose another order", "{query}");
    }
}

#[tokio::test]
async fn pagination_by_relevance() {
    let app = TestApp::start().await;
    app.create_records(json!(
        (0..7).map(|number| researcher_record(&format!("Silva Number{number}"))).collect::<Vec<_>>()
    ))
    .await;
    app.create_records(json!([
        paper_record("One", Some(2001), &["Silva Number3", "Silva Number5"]),
        paper_record("Two", Some(2002), &["Silva Number5"])
    ]))
    .await;
    let query = "query($after: String) { researchers(filter: {query: \"silva\"}, first: 2, after: $after) { pageInfo { hasNextPage endCursor } nodes { slug } } }";
    let (mut seen, mut after) = (Vec::new(), Value::Null);
    loop {
        let page = app.data_with_variables(query, json!({ "after": after })).await["researchers"].clone();
        seen.extend(pluck_strings(&page["nodes"], &["slug"]));
        after = page["pageInfo"]["endCursor"].clone();
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
    }
    assert_eq!(seen.len(), 7);
    assert_eq!(seen[..2], ["silva-number5", "silva-number3"]);
    let other = app.client_error(&query.replace("silva", "silvo"), json!({ "after": after })).await;
    assert!(other.contains("a cursor of another list"), "{other}");
}
