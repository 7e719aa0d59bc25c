//! Search over everything, suggestions while somebody types, and the queries of filters.

use serde_json::{Value, json};

use crate::support::sample::college;
use crate::support::{TestApp, dump, orcid, organization, paper, records_of, researcher, ror, texts, topic, with};

const SEARCH: &str = "query($query: String!, $kinds: [EntityKind!]) { search(query: $query, kinds: $kinds) { \
     nodes { __typename slug displayName { value } } } }";

/// The slugs of what a query finds, best first.
async fn found(app: &TestApp, query: &str) -> Vec<String> {
    texts(&app.data_with(SEARCH, json!({ "query": query })).await["search"]["nodes"], &["slug"])
}

/// The highlights of the first thing found, each as its field and its text with the matches in brackets.
async fn highlights(app: &TestApp, query: &str) -> Vec<String> {
    let asked = "query($query: String!) { search(query: $query, first: 1) { edges { highlights { field segments { text isMatch } } } } }";
    let data = app.data_with(asked, json!({ "query": query })).await;
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

fn named(number: u64, names: Value) -> Value {
    json!({ "kind": "organization", "ror": ror(number), "names": names })
}

async fn people(names: &[&str]) -> TestApp {
    let app = TestApp::start().await;
    app.load(names.iter().map(|name| researcher(name)).collect()).await;
    app
}

#[tokio::test]
async fn what_does_not_matter() {
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
    let app = people(&names).await;
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
        assert_eq!(found(&app, query).await.first().map(String::as_str), Some(slug), "{query}");
    }
}

#[tokio::test]
async fn the_exact_form_first() {
    let app = people(&["Jurgen Müller", "Jürgen Muller", "Jürgen Müller", "Jurgen Muller", "Jürgen Müller-Lang"]).await;
    let names = async |query: &str| {
        let nodes = app.data_with(SEARCH, json!({ "query": query })).await["search"]["nodes"].clone();
        texts(&nodes, &["displayName", "value"])
    };
    for exact in ["Jurgen Müller", "Jürgen Muller", "Jürgen Müller", "jurgen muller"] {
        let names = names(exact).await;
        assert_eq!(names[0].to_lowercase(), exact.to_lowercase());
        assert_eq!(names[4], "Jürgen Müller-Lang", "with one name more: last");
    }
}

#[tokio::test]
async fn initials_and_orders_of_names() {
    let app = people(&["John W. Smith", "John Smithson", "Mary John", "J. Doe", "Jane Doe"]).await;
    assert_eq!(found(&app, "John Smith").await[0], "john-w-smith");
    assert_eq!(found(&app, "Smith John").await[0], "john-w-smith");
    assert_eq!(found(&app, "Smith, John W").await[0], "john-w-smith");
    assert_eq!(found(&app, "J Smith").await[0], "john-w-smith");
    assert_eq!(found(&app, "J. Doe").await, ["j-doe", "jane-doe"]);
    assert_eq!(found(&app, "Doe M").await, Vec::<String>::new());
}

#[tokio::test]
async fn typos() {
    let app = people(&["Katharina Schmidhuber", "Katrin Schmidt", "Wei Li", "Anna Maria Rossi"]).await;
    for query in
        ["schmidhubre", "schmidhber", "shcmidhuber", "katarina schmidhuber", "katharna schmidhubr", "schmitthuber"]
    {
        assert_eq!(found(&app, query).await.first().map(String::as_str), Some("katharina-schmidhuber"), "{query}");
    }
    // One typo before two, and none in short words.
    assert_eq!(found(&app, "schmibt").await, ["katrin-schmidt"]);
    assert_eq!(found(&app, "Wee Li").await, Vec::<String>::new());
    assert_eq!(found(&app, "rosi").await, ["anna-maria-rossi"]);
    assert_eq!(found(&app, "schmidhuberxyz").await, Vec::<String>::new());
}

#[tokio::test]
async fn typos_only_where_little_is_found() {
    let app = TestApp::start().await;
    let mut records: Vec<Value> = (0..25).map(|number| researcher(&format!("Martin Number{number}"))).collect();
    records.push(researcher("Marten Other"));
    app.load(json!(records)).await;
    let count = async |query: &str| {
        app.data_with("query($q: String!) { search(query: $q) { totalCount } }", json!({ "q": query })).await["search"]
            ["totalCount"]
            .clone()
    };
    assert_eq!(count("martin").await, 25);
    assert_eq!(count("marten").await, 26, "the one with that name, and those a letter away");
}

#[tokio::test]
async fn more_papers_win_ties() {
    let app = people(&["Ana Silva", "Bea Silva", "Caio Silva"]).await;
    app.load(json!([
        paper("One", Some(2001), &["Bea Silva"]),
        paper("Two", Some(2002), &["Bea Silva", "Caio Silva"]),
        paper("Three", Some(2003), &["Bea Silva"]),
    ]))
    .await;
    assert_eq!(found(&app, "silva").await, ["bea-silva", "caio-silva", "ana-silva"]);
}

#[tokio::test]
async fn everything_together() {
    let app = TestApp::start().await;
    app.load(json!([
        researcher("Maria Ocean"),
        organization(1, "Ocean"),
        topic("Ocean"),
        with(paper("Ocean currents", Some(2020), &["Maria Ocean"]), json!({})),
        paper("Of the ocean", Some(2021), &["Maria Ocean"]),
    ]))
    .await;
    let data = app.data_with(SEARCH, json!({ "query": "ocean" })).await;
    let kinds = texts(&data["search"]["nodes"], &["__typename"]);
    assert_eq!(kinds, ["Organization", "Topic", "Researcher", "Paper", "Paper"], "{data}");
    let only = app.data_with(SEARCH, json!({ "query": "ocean", "kinds": ["PAPER", "TOPIC", "PAPER"] })).await;
    assert_eq!(texts(&only["search"]["nodes"], &["__typename"]), ["Topic", "Paper", "Paper"]);
    let none = app.data_with(SEARCH, json!({ "query": "ocean", "kinds": [] })).await;
    assert_eq!(none["search"]["nodes"], json!([]));
}

#[tokio::test]
async fn labels_in_any_language_and_acronyms() {
    let app = TestApp::start().await;
    app.load(json!([
        named(1, json!([
            { "value": "Polytechnic of Somewhere", "language": "en", "kind": "DISPLAY" },
            { "value": "Polytechnique de Quelquepart", "language": "fr", "kind": "LABEL" },
            { "value": "المدرسة الوطنية", "language": "ar", "kind": "LABEL" },
            { "value": "POS", "kind": "ACRONYM" },
        ])),
        named(2, json!([
            { "value": "Ports of the South", "language": "en", "kind": "DISPLAY" },
            { "value": "Pos", "language": "es", "kind": "ALIAS" },
        ])),
        named(3, json!([{ "value": "筑波大学", "language": "ja", "kind": "DISPLAY" }])),
        { "kind": "topic", "names": [
            { "value": "Machine learning", "language": "en", "kind": "LABEL" },
            { "value": "L’apprentissage automatique", "language": "fr", "kind": "LABEL" },
        ] },
    ]))
    .await;
    assert_eq!(found(&app, "polytechnique quelquepart").await, ["polytechnic-of-somewhere"]);
    assert_eq!(found(&app, "POS").await, ["polytechnic-of-somewhere", "ports-of-the-south"]);
    assert_eq!(found(&app, "apprentissage").await, ["machine-learning"]);
    assert_eq!(found(&app, "lapprentissage").await, ["machine-learning"]);
    assert_eq!(found(&app, "المدرسة").await, ["polytechnic-of-somewhere"]);
    assert_eq!(
        found(&app, "\u{202b}المَدرسة\u{200f}").await,
        ["polytechnic-of-somewhere"],
        "marks of direction, and vowels"
    );
    for query in ["筑波", "大学", "筑波大学", "波", "筑波 大学"] {
        assert_eq!(found(&app, query).await, ["zhu-bo-da-xue"], "{query}");
    }
    assert_eq!(found(&app, "筑学").await, Vec::<String>::new());
    assert_eq!(highlights(&app, "quelquepart").await, ["label:fr: Polytechnique de [Quelquepart]"]);
    assert_eq!(highlights(&app, "大学").await, ["label:ja: 筑波[大学]"]);
    assert_eq!(highlights(&app, "apprentissage automatique").await, ["label:fr: L’[apprentissage] [automatique]"]);
}

#[tokio::test]
async fn korean_names() {
    let app = people(&["김철수", "山田 太郎"]).await;
    for query in ["김철수", "철수", "김"] {
        assert_eq!(found(&app, query).await.len(), 1, "{query}");
    }
    assert_eq!(found(&app, "山田太郎").await.len(), 1);
    assert_eq!(found(&app, "太郎").await.len(), 1);
}

#[tokio::test]
async fn pasted_identifiers() {
    let app = TestApp::start().await;
    let id = orcid(7);
    app.load(json!([
        with(researcher("Iris Seven"), json!({ "orcid": id })),
        researcher("Orcid Org"),
        organization(1, "Harbour"),
        with(paper("A study", Some(2020), &["Iris Seven"]), json!({ "doi": "10.5555/abc.7", "arxivId": "2301.00001" })),
        paper("On doi 10.5555/abc.7 again", Some(2020), &["Iris Seven"]),
    ]))
    .await;
    for query in [id.clone(), format!("https://orcid.org/{id}"), format!("orcid.org/{id}"), id.replace('-', "")] {
        assert_eq!(found(&app, &query).await.first().map(String::as_str), Some("iris-seven"), "{query}");
    }
    for query in [
        "10.5555/ABC.7",
        "https://doi.org/10.5555/abc.7",
        "doi:10.5555/abc.7",
        "arXiv:2301.00001",
        "https://arxiv.org/abs/2301.00001v2",
    ] {
        assert_eq!(found(&app, query).await.first().map(String::as_str), Some("a-study"), "{query}");
    }
    assert_eq!(found(&app, &format!("https://ror.org/{}", ror(1))).await, ["harbour"]);
    assert_eq!(highlights(&app, &id).await, [format!("orcid: [{id}]")]);
    assert_eq!(highlights(&app, "doi:10.5555/ABC.7").await[0], "doi: [10.5555/abc.7]");
}

#[tokio::test]
async fn stems_and_abstracts() {
    let app = TestApp::start().await;
    let text = "We study how tides move sediments. Estuaries are mapped with drones over two years of observation.";
    app.load(json!([
        with(
            paper("Mapping rivers", Some(2020), &["A B"]),
            json!({
                "language": "en", "abstractCompleteness": "FULL", "abstract": { "en": text },
            })
        ),
        with(paper("Réseaux neuronaux", Some(2021), &["A B"]), json!({ "language": "fr" })),
        paper("Mapped", Some(2022), &["A B"]),
    ]))
    .await;
    assert_eq!(found(&app, "map river").await, ["mapping-rivers"]);
    assert_eq!(found(&app, "estuary drone").await, ["mapping-rivers"]);
    assert_eq!(found(&app, "rivers estuaries").await, ["mapping-rivers"], "words of title and abstract together");
    assert_eq!(found(&app, "réseau neuronal").await, ["reseaux-neuronaux"]);
    assert_eq!(
        highlights(&app, "map").await,
        [
            "title: [Mapping] rivers",
            "abstract:en: We study how tides move sediments. Estuaries are [mapped] with drones over two years of observation."
        ]
    );
}

#[tokio::test]
async fn changes_are_found_at_once() {
    let app = people(&["Nora Before"]).await;
    let record = json!([with(paper("Old title", Some(2020), &["Nora Before"]), json!({ "sourceId": "1" }))]);
    app.load(record).await;
    assert_eq!(found(&app, "old title").await, ["old-title"]);
    let changed = with(paper("Fresh heading", Some(2020), &["Nora Before"]), json!({ "sourceId": "1" }));
    app.write(&records_of(json!([changed]))).await;
    assert_eq!(found(&app, "old title").await, Vec::<String>::new());
    assert_eq!(found(&app, "fresh heading").await, ["old-title"], "the slug stays");
    // The vocabulary follows: what nobody is called any more is no guess.
    assert_eq!(found(&app, "heeding").await, ["old-title"]);
    app.sql("DELETE FROM paper").await;
    assert_eq!(found(&app, "fresh heading").await, Vec::<String>::new());
}

#[tokio::test]
async fn a_search_without_words() {
    let app = people(&["Nora Name"]).await;
    for query in ["", "   ", "!?", "🙂", "\u{200f}", "&|!:*", "' \\ \""] {
        assert_eq!(found(&app, query).await, Vec::<String>::new(), "{query:?}");
        let none =
            app.data_with("query($q: String!) { autocomplete(query: $q) { label } }", json!({ "q": query })).await;
        assert_eq!(none["autocomplete"], json!([]));
    }
    // The same words again and again cost no more than once.
    assert_eq!(found(&app, &"nora name ".repeat(45)).await, ["nora-name"]);
    let long = "x".repeat(501);
    let refusal = app.refusal(SEARCH, json!({ "query": long })).await;
    assert_eq!(refusal, "query has 501 characters; it takes at most 500: a name, a title or a few words will do");
}

async fn suggestions(app: &TestApp, query: &str, arguments: &str) -> Vec<String> {
    let asked =
        format!("query($q: String!) {{ autocomplete(query: $q {arguments}) {{ label hint node {{ slug }} }} }}");
    let data = app.data_with(&asked, json!({ "q": query })).await;
    let line = |entry: &Value| {
        format!("{} | {}", entry["label"].as_str().unwrap_or_default(), entry["hint"].as_str().unwrap_or("-"))
    };
    data["autocomplete"].as_array().into_iter().flatten().map(line).collect()
}

#[tokio::test]
async fn suggestions_while_typing() {
    let app = TestApp::start().await;
    let place = |number: u64| json!([{ "organization": { "ror": ror(number) }, "affiliationKind": "EMPLOYMENT" }]);
    app.load(json!([
        with(
            named(
                1,
                json!([
                    { "value": "Harbour Institute", "language": "en", "kind": "DISPLAY" },
                    { "value": "Institut du port", "language": "fr", "kind": "LABEL" },
                    { "value": "HI", "kind": "ACRONYM" },
                ])
            ),
            json!({ "city": "Lorient", "countryCode": "FR" })
        ),
        with(researcher("Maria Harper"), json!({ "affiliations": place(1), "orcid": orcid(1) })),
        with(researcher("Maria Harper"), json!({ "orcid": orcid(2) })),
        researcher("Harald Marin"),
        topic("Marine harvest"),
        with(topic("Harbour seals"), json!({ "broader": [{ "labels": { "en": "Marine harvest" } }] })),
        with(
            paper("Harbours of the north", Some(2019), &[]),
            json!({ "authors": [
            { "position": 1, "name": "Maria Harper", "orcid": orcid(2) }, { "position": 2, "name": "Harald Marin" },
        ] })
        ),
    ]))
    .await;
    assert_eq!(
        suggestions(&app, "har mar", "").await,
        [
            "Maria Harper | Harbours of the north",
            "Harald Marin | Harbours of the north",
            "Maria Harper | Harbour Institute",
            "Marine harvest | -"
        ]
    );
    assert_eq!(suggestions(&app, "maria h", ", kinds: [RESEARCHER]").await.len(), 2);
    assert_eq!(suggestions(&app, "maria hx", "").await, Vec::<String>::new());
    assert_eq!(suggestions(&app, "inst", ", languages: [\"fr\"]").await, ["Institut du port | Lorient, FR"]);
    assert_eq!(suggestions(&app, "inst", ", languages: [\"en\"]").await, ["Harbour Institute | Lorient, FR"]);
    assert_eq!(suggestions(&app, "HI", ", kinds: [ORGANIZATION]").await, ["Harbour Institute | HI · Lorient, FR"]);
    assert_eq!(suggestions(&app, "harbour s", "").await, ["Harbour seals | Marine harvest"]);
    assert_eq!(suggestions(&app, "harbours", "").await, ["Harbours of the north | Maria Harper et al., 2019"]);
    assert_eq!(suggestions(&app, "harpre", ", kinds: [RESEARCHER]").await.len(), 2, "a typo where nothing begins so");
    assert_eq!(suggestions(&app, "h", ", first: 2").await.len(), 2);
    let refused = app.refusal("{ autocomplete(query: \"h\", first: 0) { label } }", json!({})).await;
    assert_eq!(refused, "first is 0; it can be 1 to 100");
}

#[tokio::test]
async fn a_common_beginning_is_looked_for_among_the_best_known() {
    let app = TestApp::start().await;
    let people: Vec<Value> = (0..3_200).map(|number| researcher(&format!("Zed O'Number{number}"))).collect();
    app.load(json!(people)).await;
    let paper_of = |year: i32, authors: &[&str]| paper(&format!("Paper of {year}"), Some(year), authors);
    app.load(json!([
        paper_of(2020, &["Zed O'Number3000", "Zed O'Number3100"]),
        paper_of(2021, &["Zed O'Number3100"]),
        researcher("Zed"),
        topic("Number zed"),
    ]))
    .await;
    let best = suggestions(&app, "zed", ", first: 3").await;
    assert_eq!(best, ["Zed | -", "Zed O'Number3100 | Paper of 2021", "Zed O'Number3000 | Paper of 2020"]);
    assert_eq!(suggestions(&app, "zed", ", first: 100").await.len(), 100);
    assert_eq!(suggestions(&app, "zed onumber3100", ", first: 1").await, ["Zed O'Number3100 | Paper of 2021"]);
    let best = suggestions(&app, "numb z", ", first: 2").await;
    assert_eq!(best, ["Zed O'Number3100 | Paper of 2021", "Zed O'Number3000 | Paper of 2020"], "both words are common");
    let best = suggestions(&app, "zed o'numb", ", first: 1").await;
    assert_eq!(best, ["Zed O'Number3100 | Paper of 2021"], "a word of several forms");
    assert_eq!(suggestions(&app, "numb z x", "").await, Vec::<String>::new());
    assert_eq!(suggestions(&app, "ze", ", kinds: [TOPIC]").await, ["Number zed | -"]);
    assert_eq!(suggestions(&app, "zed", ", kinds: [ORGANIZATION]").await, Vec::<String>::new());

    // Who is best known is others as soon as papers come.
    app.load(json!([
        paper_of(2022, &["Zed O'Number7"]),
        paper_of(2023, &["Zed O'Number7"]),
        paper_of(2024, &["Zed O'Number7"])
    ]))
    .await;
    assert_eq!(suggestions(&app, "ze", ", first: 1").await, ["Zed O'Number7 | Paper of 2024"]);
}

#[tokio::test]
async fn a_thing_of_many_names_is_one_suggestion_of_a_common_beginning() {
    let app = TestApp::start().await;
    let others: Vec<String> = (0..13).map(|number| format!("Quay Other{number}")).collect();
    let known = |number: usize| with(researcher(&format!("Quay Known{number}")), json!({ "otherNames": others }));
    app.load(json!((0..10).map(known).collect::<Vec<_>>())).await;
    app.load(json!((0..100).map(|number| researcher(&format!("Quay Person{number}"))).collect::<Vec<_>>())).await;
    let authors: Vec<String> = (0..10).map(|number| format!("Quay Known{number}")).collect();
    app.load(json!([paper("Together", Some(2020), &authors.iter().map(String::as_str).collect::<Vec<_>>())])).await;
    assert_eq!(suggestions(&app, "qua", ", first: 40").await.len(), 40);
}

#[tokio::test]
async fn titles_of_a_common_beginning() {
    let app = TestApp::start().await;
    let title = |number: usize| format!("On {number} zebra crossings of the very long northern road");
    let mut papers: Vec<Value> = (0..3_050).map(|number| paper(&title(number), Some(1990), &[])).collect();
    papers.extend([
        paper("Zebra crossings of a southern town and its many harbours", Some(1980), &[]),
        paper("Striped zebra crossings", Some(1970), &[]),
        paper("Zebra", Some(1960), &[]),
    ]);
    app.load(json!(papers)).await;
    let found = suggestions(&app, "zebra cros", ", first: 2").await;
    assert_eq!(
        found,
        [
            "Zebra crossings of a southern town and its many harbours | 1980",
            "On 0 zebra crossings of the very long northern road | 1990"
        ]
    );
    let found = suggestions(&app, "zebra", ", first: 2").await;
    assert_eq!(found, ["Zebra | 1960", "Striped zebra crossings | 1970"], "short titles are looked at first");
    assert_eq!(suggestions(&app, "zebra", ", first: 100").await.len(), 100);
}

#[tokio::test]
async fn a_common_beginning_without_spaces() {
    let app = TestApp::start().await;
    let mut papers: Vec<Value> = (0..250)
        .map(|number| paper(&format!("关于深度学习的第{number}篇很长很长的论文标题"), Some(2000), &[]))
        .collect();
    papers.push(paper("深度学习", Some(1990), &[]));
    papers.push(paper("深度学习入门", Some(1980), &[]));
    app.load(json!(papers)).await;
    assert_eq!(suggestions(&app, "深度学", ", first: 100").await.len(), 100);
    assert_eq!(suggestions(&app, "深度学习", ", first: 1").await, ["深度学习 | 1990"]);
    assert_eq!(suggestions(&app, "深", ", first: 100").await.len(), 100);
}

#[tokio::test]
async fn what_it_costs() {
    let app = people(&["Nora Name", "Nora Other"]).await;
    let statements = async |query: &str| {
        let (answer, statements) = app.statements_of(query, json!({})).await;
        answer.data();
        statements
    };
    assert_eq!(statements("{ search(query: \"nora\") { pageInfo { hasNextPage } } }").await, 1);
    assert_eq!(statements("{ search(query: \"nora\") { nodes { slug } } }").await, 2);
    assert_eq!(statements("{ search(query: \"nora\") { edges { node { slug } highlights { field } } } }").await, 3);
    assert_eq!(statements("{ search(query: \"nora\") { totalCount } }").await, 1);
    assert_eq!(statements("{ autocomplete(query: \"nor\") { label } }").await, 1);
}

/// What search finds things by, in an order of its own.
async fn index(app: &TestApp) -> Vec<String> {
    let sql = "SELECT coalesce('r' || researcher_id, 'o' || organization_id, 't' || topic_id, 'p' || paper_id) || field || text || letters \
         || words::text || word_count || long_word_count || weight || popularity AS line FROM search_entry \
         UNION ALL SELECT word || entry_count FROM search_word WHERE entry_count <> 0 \
         UNION ALL SELECT paper_id || language || words::text || popularity FROM search_abstract ORDER BY 1";
    dump::query(&app.database_url, sql).await
}

#[tokio::test]
async fn the_index_follows_every_write() {
    let app = TestApp::start().await;
    app.load(json!(college(12))).await;
    let change = |number: usize, title: &str| {
        with(
            paper(title, Some(2020), &["Person 3", "New Person"]),
            json!({
                "sourceId": format!("First {number}"), "abstractCompleteness": "FULL", "abstract": { "en": format!("About {title}.") },
            }),
        )
    };
    app.write(&records_of(json!([change(1, "Changed one"), change(2, "Changed two"), change(1, "Changed again")])))
        .await;
    app.write(&records_of(json!([with(researcher("Person 4"), json!({ "otherNames": ["Fourth Person"] }))]))).await;
    let followed = index(&app).await;
    assert!(followed.len() > 60, "{}", followed.len());
    app.sql("DELETE FROM setting WHERE name = 'search_version'").await;
    assert!(app.store.keep_search_index().await.expect("the index"));
    assert_eq!(followed, index(&app).await);
    assert!(!app.store.keep_search_index().await.expect("the index"), "it is as it would be made now");
}

/// The slugs of a list with a filter's query.
async fn listed(app: &TestApp, list: &str, query: &str) -> Vec<String> {
    let asked = format!("query($q: String!) {{ list: {list} {{ nodes {{ slug }} totalCount }} }}");
    let data = app.data_with(&asked, json!({ "q": query })).await;
    let slugs = texts(&data["list"]["nodes"], &["slug"]);
    assert_eq!(data["list"]["totalCount"], slugs.len());
    slugs
}

#[tokio::test]
async fn queries_of_filters() {
    let app = TestApp::start().await;
    let place = json!([{ "organization": { "ror": ror(1) }, "affiliationKind": "EMPLOYMENT" }]);
    app.load(json!([
        organization(1, "Harbour Institute"),
        organization(2, "Old Harbour"),
        topic("Tides"),
        topic("Ebb and tide"),
        with(researcher("José Nuñez"), json!({ "affiliations": place })),
        researcher("Jose Maria Nunez Costa"),
        researcher("Ana Costa"),
        with(
            paper("Tides of the north", Some(2019), &["José Nuñez", "Ana Costa"]),
            json!({ "topics": [{ "labels": { "en": "Tides" } }] })
        ),
        paper("Northern lights", Some(2021), &["José Nuñez"]),
        with(
            paper("Lights", Some(2020), &["Ana Costa"]),
            json!({ "abstractCompleteness": "FULL", "abstract": { "en": "In the north." } })
        ),
    ]))
    .await;
    let people = "researchers(filter: {query: $q})";
    assert_eq!(listed(&app, people, "jose nunez").await, ["jose-nunez", "jose-maria-nunez-costa"]);
    assert_eq!(listed(&app, people, "josé nuñes").await, ["jose-nunez", "jose-maria-nunez-costa"], "a typo");
    assert_eq!(listed(&app, people, "  ").await.len(), 3, "white space is no condition");
    assert_eq!(listed(&app, people, "!").await, Vec::<String>::new());
    let worst = "researchers(filter: {query: $q}, orderBy: {field: RELEVANCE, direction: ASC})";
    assert_eq!(listed(&app, worst, "jose nunez").await, ["jose-maria-nunez-costa", "jose-nunez"]);
    let by_name = "researchers(filter: {query: $q}, orderBy: {field: NAME, direction: DESC})";
    assert_eq!(listed(&app, by_name, "costa").await, ["jose-maria-nunez-costa", "ana-costa"]);
    let both = "researchers(filter: {hasPapers: true, or: [{query: $q}, {query: \"costa\"}]})";
    assert_eq!(listed(&app, both, "nunez").await, ["ana-costa", "jose-nunez"]);
    let others = "researchers(filter: {not: {query: $q}})";
    assert_eq!(listed(&app, others, "nunez").await, ["ana-costa"]);
    assert_eq!(
        listed(&app, "organizations(filter: {query: $q})", "harbour").await,
        ["harbour-institute", "old-harbour"]
    );
    assert_eq!(listed(&app, "topics(filter: {query: $q})", "tide").await, ["ebb-and-tide", "tides"], "or unfinished");
    assert_eq!(
        listed(&app, "topics(filter: {query: $q})", "tides").await,
        ["tides", "ebb-and-tide"],
        "the label, then a typo"
    );
    let papers = "papers(filter: {query: $q})";
    assert_eq!(
        listed(&app, papers, "north").await,
        ["tides-of-the-north", "lights", "northern-lights"],
        "title, abstract, beginning"
    );
    assert_eq!(
        listed(&app, "papers(filter: {query: $q}, orderBy: {field: PUBLICATION_DATE, direction: DESC})", "north").await,
        ["northern-lights", "lights", "tides-of-the-north"]
    );
    // In lists of one thing.
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
        assert_eq!(texts(&data["parent"]["list"]["nodes"], &["slug"]), expected, "{parent} {list}");
    }
}

#[tokio::test]
async fn relevance_needs_a_query() {
    let app = people(&["Nora Name"]).await;
    let order = "orderBy: {field: RELEVANCE, direction: DESC}";
    for query in [
        format!("{{ researchers({order}) {{ totalCount nodes {{ id }} }} }}"),
        format!("{{ researchers(filter: {{query: \" \"}}, {order}) {{ nodes {{ id }} }} }}"),
        format!("{{ organizations({order}) {{ nodes {{ id }} }} }}"),
        format!("{{ topics({order}) {{ nodes {{ id }} }} }}"),
        format!("{{ papers({order}) {{ nodes {{ id }} }} }}"),
        format!("{{ researcher(by: {{slug: \"nora-name\"}}) {{ topics({order}) {{ nodes {{ id }} }} }} }}"),
    ] {
        let refusal = app.refusal(&query, json!({})).await;
        assert_eq!(
            refusal, "RELEVANCE orders by how well filter.query matches, and there is none; give one, or another order",
            "{query}"
        );
    }
}

#[tokio::test]
async fn pages_by_relevance() {
    let app = TestApp::start().await;
    app.load(json!((0..7).map(|number| researcher(&format!("Silva Number{number}"))).collect::<Vec<_>>())).await;
    app.load(json!([
        paper("One", Some(2001), &["Silva Number3", "Silva Number5"]),
        paper("Two", Some(2002), &["Silva Number5"])
    ]))
    .await;
    let query = "query($after: String) { researchers(filter: {query: \"silva\"}, first: 2, after: $after) { pageInfo { hasNextPage endCursor } nodes { slug } } }";
    let (mut seen, mut after) = (Vec::new(), Value::Null);
    loop {
        let page = app.data_with(query, json!({ "after": after })).await["researchers"].clone();
        seen.extend(texts(&page["nodes"], &["slug"]));
        after = page["pageInfo"]["endCursor"].clone();
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
    }
    assert_eq!(seen.len(), 7);
    assert_eq!(seen[..2], ["silva-number5", "silva-number3"]);
    let other = app.refusal(&query.replace("silva", "silvo"), json!({ "after": after })).await;
    assert!(other.contains("a cursor of another list"), "{other}");
}
