//! Source precedence: conflicting sources give the same result in any import order.

use serde_json::{Value, json};

use crate::support::database_dump::{assert_dumps_equal, dump_database};
use crate::support::{TestApp, orcid, parse_records, researcher_record, ror, with_fields};

/// Three sources with conflicting records of the same paper, researcher, organization and topic.
fn contradicting_sources() -> Vec<(&'static str, Value)> {
    let paper = json!({ "kind": "paper", "slug": "the-paper", "doi": "10.5555/one", "title": "Of Bees" });
    let person = json!({ "kind": "researcher", "slug": "the-person", "orcid": orcid(7), "name": "Ana Ilić" });
    let organization = json!({ "kind": "organization", "slug": "the-place", "ror": ror(5),
        "names": [{ "value": "Institute", "language": "en", "kind": "DISPLAY" }] });
    let topic = json!({ "kind": "topic", "slug": "the-topic", "scheme": "bees", "code": "1",
        "names": [{ "value": "Bees", "language": "en", "kind": "LABEL" }] });
    let broad = |code: &str| json!({ "scheme": "bees", "code": code, "labels": { "en": format!("Topic {code}") }, "slug": format!("topic-{code}") });
    let authors = |names: &[&str]| -> Value {
        let author = |(position, name): (usize, &&str)| json!({ "position": position + 1, "name": name });
        names.iter().enumerate().map(author).collect()
    };
    vec![
        (
            "crossref",
            json!([
                with_fields(organization.clone(), json!({ "countryCode": "FR", "types": ["FACILITY"] })),
                with_fields(topic.clone(), json!({ "broader": [broad("2")] })),
                with_fields(
                    person.clone(),
                    json!({ "name": "Ana Ilic", "homepageUrl": "https://a.example/", "headline": { "en": "Bees" } })
                ),
                with_fields(
                    paper.clone(),
                    json!({ "authors": authors(&["Tom Frostad", "Uma Quist"]), "type": "ARTICLE",
                    "abstract": { "en": "Bees are" }, "abstractCompleteness": "TRUNCATED", "venueName": "Journal of Bees" })
                ),
            ]),
        ),
        (
            "openalex",
            json!([
                with_fields(
                    organization.clone(),
                    json!({ "names": [{ "value": "The Institute", "language": "en", "kind": "DISPLAY" }],
                    "city": "Nice", "homepageUrl": "https://b.example/" })
                ),
                with_fields(
                    topic.clone(),
                    json!({ "names": [{ "value": "Abeilles", "language": "fr", "kind": "LABEL" }] })
                ),
                with_fields(
                    person.clone(),
                    json!({ "name": "A. Ilić", "otherNames": ["Ana I."], "homepageUrl": "https://b.example/",
                    "headline": { "fr": "Abeilles" }, "topics": [broad("3")] })
                ),
                with_fields(
                    paper.clone(),
                    json!({ "title": "Of bees", "authors": authors(&["T. Frostad"]), "publicationDate": "2001-02",
                    "translatedTitles": { "fr": "Des abeilles" }, "abstract": { "en": "Bees are small." },
                    "abstractCompleteness": "FULL", "topics": [broad("2")], "url": "https://b.example/paper" })
                ),
            ]),
        ),
        (
            "library",
            json!([
                with_fields(
                    organization,
                    json!({ "names": [{ "value": "Institut", "language": "fr", "kind": "DISPLAY" }], "countryCode": "CH" })
                ),
                with_fields(topic, json!({ "broader": [broad("3")] })),
                with_fields(person, json!({ "name": "Ana Ilić-Brook", "portraitUrl": "https://c.example/ana.jpg" })),
                with_fields(
                    paper,
                    json!({ "title": "OF BEES", "authors": [{ "name": "Tom Frostad" }], "publicationDate": "2002", "type": "OTHER",
                    "translatedTitles": { "fr": "Sur les abeilles", "de": "Von Bienen" } })
                ),
            ]),
        ),
    ]
}

/// Imports the sources in this order and returns the directory with its dump.
async fn write_in_order(order: &[usize]) -> (TestApp, Vec<String>) {
    let app = TestApp::start().await;
    let sources = contradicting_sources();
    for index in order {
        let (source, records) = &sources[*index];
        app.write_records_from(source, &parse_records(records.clone())).await;
    }
    let dump = dump_database(&app.database_url).await;
    (app, dump)
}

#[tokio::test]
async fn independent_of_import_order() {
    let (app, first) = write_in_order(&[0, 1, 2]).await;
    let query = "query Shown($orcid: String!, $ror: String!) {
        paper(by: {doi: \"10.5555/one\"}) { title displayName(languages: [\"fr\"]) { value } type publicationDate venueName url
            abstract { text completeness } authorships { nodes { nameAsPublished } } topics { nodes { slug } } }
        researcher(by: {orcid: $orcid}) { name homepageUrl portraitUrl otherNames headline(languages: [\"fr\"]) { value }
            topics { nodes { slug } } }
        organization(by: {ror: $ror}) { displayName(languages: [\"fr\"]) { value } countryCode city types homepageUrl }
        topic(by: {slug: \"the-topic\"}) { displayName(languages: [\"fr\"]) { value } broader { slug } } }";
    insta::assert_json_snapshot!(app.data_with_variables(query, json!({ "orcid": orcid(7), "ror": ror(5) })).await);
    for order in [&[0, 2, 1][..], &[1, 0, 2], &[1, 2, 0], &[2, 0, 1], &[2, 1, 0], &[2, 0, 0, 1, 2, 0]] {
        let (_app, other) = write_in_order(order).await;
        assert_dumps_equal(&first, &other);
    }
}

#[tokio::test]
async fn changed_source_record() {
    let app = TestApp::start().await;
    let title =
        |text: &str| parse_records(json!([{ "kind": "paper", "doi": "10.5555/one", "title": text, "authors": [] }]));
    app.write_records_from("crossref", &title("One")).await;
    app.write_records_from("openalex", &title("Another")).await;
    let displayed =
        async || app.data("{ paper(by: {doi: \"10.5555/one\"}) { title } }").await["paper"]["title"].clone();
    assert_eq!(displayed().await, "One");
    app.write_records_from("crossref", &title("One, corrected")).await;
    assert_eq!(displayed().await, "One, corrected");
    app.write_records_from("openalex", &title("Another again")).await;
    assert_eq!(displayed().await, "One, corrected");
}

#[tokio::test]
async fn named_organization_merges_with_the_registry() {
    let registry = json!([{ "kind": "organization", "slug": "the-place", "ror": ror(5), "names": [
        { "value": "Institute of Bees", "language": "en", "kind": "DISPLAY" },
        { "value": "IB", "kind": "ACRONYM" }] }]);
    let affiliation = |organization: Value, title: Value| json!({ "organization": organization, "affiliationKind": "EMPLOYMENT", "startDate": "2001", "roleTitle": title });
    let csv = json!([with_fields(
        researcher_record("Ana Ilić"),
        json!({ "slug": "ana", "affiliations":
        [affiliation(json!({ "name": "Institute of Bees" }), json!({ "en": "Professor" }))] })
    )]);
    let orcid = json!([with_fields(
        researcher_record("Ana Ilić"),
        json!({ "slug": "ana", "affiliations":
        [affiliation(json!({ "ror": ror(5) }), json!({ "fr": "Professeure" }))] })
    )]);
    let sources = [("ror", registry), ("csv", csv), ("orcid", orcid)];
    let mut first: Option<Value> = None;
    for order in [[0, 1, 2], [1, 0, 2], [1, 2, 0], [2, 1, 0]] {
        let app = TestApp::start().await;
        for index in order {
            let (source, records) = &sources[index];
            app.write_records_from(source, &parse_records(records.clone())).await;
        }
        let query = "{ organizations { totalCount nodes { ror displayName(languages: [\"en\"]) { value } researchers { totalCount } } }
            researcher(by: {slug: \"ana\"}) { affiliations { nodes { roleTitle(languages: [\"fr\"]) { value } organization { ror } } } }
            organization(by: {slug: \"institute-of-bees\"}) { ror } }";
        let mut found = app.data(query).await;
        // If the name was imported first, its slug redirects to the registered organization.
        let by_address = found.as_object_mut().expect("data").remove("organization").expect("a response");
        assert!(by_address.is_null() || by_address["ror"] == found["organizations"]["nodes"][0]["ror"], "{by_address}");
        assert_eq!(found["organizations"]["totalCount"], 1, "{found}");
        assert_eq!(first.get_or_insert_with(|| found.clone()), &found, "{order:?}");
    }
}

#[tokio::test]
async fn paper_without_id_matches_another_source() {
    let authors = json!([{ "position": 1, "name": "Ana Ilić" }]);
    let paper = json!({ "kind": "paper", "slug": "the-paper", "title": "Of bees", "publicationDate": "2001", "authors": authors });
    let one_with = |id: Value| with_fields(paper.clone(), id);
    let page = json!([with_fields(
        paper.clone(),
        json!({ "title": "Of Bees", "abstract": { "en": "Bees." }, "abstractCompleteness": "FULL" })
    )]);
    let sources = [
        ("profile-page", page),
        ("csl", json!([one_with(json!({ "sourceId": "a" })), one_with(json!({ "sourceId": "b", "slug": "another" }))])),
        ("crossref", json!([one_with(json!({ "doi": "10.5555/one", "slug": "a-third" }))])),
    ];
    let query = "{ papers { nodes { title doi abstract { text } authorships { nodes { name } } } }
        researchers { nodes { name statistics { paperCount } } } }";
    let found_in = async |order: [usize; 3]| {
        let app = TestApp::start().await;
        for index in order {
            let (source, records) = &sources[index];
            app.write_records_from(source, &parse_records(records.clone())).await;
        }
        let found = app.data(query).await;
        let papers = found["papers"]["nodes"].as_array().expect("papers");
        (
            papers.len(),
            papers.iter().filter(|paper| paper["abstract"]["text"] == "Bees.").count(),
            found["researchers"].clone(),
        )
    };
    let first = found_in([0, 1, 2]).await;
    assert_eq!((first.0, first.1), (3, 1));
    for order in [[0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        assert_eq!(found_in(order).await, first, "{order:?}");
    }
    // The same within one batch.
    let all = |order: [usize; 2]| order.map(|index| sources[index].1[0].clone());
    for order in [[0, 1], [1, 0]] {
        let app = TestApp::start().await;
        app.write_records(&parse_records(json!(all(order)))).await;
        assert_eq!(app.data("{ papers { totalCount } }").await["papers"]["totalCount"], 1);
    }
}

/// Languages of an abstract are merged separately; a copy without language is dropped.
#[tokio::test]
async fn abstracts_in_several_languages() {
    let of = |texts: Value, completeness: &str| {
        parse_records(json!([{ "kind": "paper", "doi": "10.5555/one", "title": "One", "abstract": texts,
            "abstractCompleteness": completeness, "authors": [] }]))
    };
    let sources = [
        ("crossref", of(json!({ "fr": "Des abeilles.", "de": "Von" }), "TRUNCATED")),
        ("openalex", of(json!({ "en": "Of bees.", "de": "Von Bienen." }), "FULL")),
        ("ris", of(json!({ "und": "Of bees." }), "FULL")),
    ];
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let app = TestApp::start().await;
        for index in order {
            app.write_records_from(sources[index].0, &sources[index].1).await;
        }
        let sql = "SELECT abstract_text::text || ' ' || abstract_completeness FROM paper";
        let held = crate::support::database_dump::query_strings(&app.database_url, sql).await;
        assert_eq!(held, [r#"{"de": "Von Bienen.", "en": "Of bees.", "fr": "Des abeilles."} FULL"#], "{order:?}");
    }
}

/// Papers match by PubMed ID; equally titled editorials of different journals stay separate.
#[tokio::test]
async fn papers_without_a_doi() {
    let app = TestApp::start().await;
    let editorial = |more: Value| {
        with_fields(json!({ "kind": "paper", "title": "Editorial", "publicationDate": "2011", "authors": [] }), more)
    };
    let pmid = |number: &str| json!([{ "scheme": "pmid", "value": number }]);
    let of_pubmed = json!([
        editorial(json!({ "venueName": "Lancet", "identifiers": pmid("8001") })),
        editorial(json!({ "venueName": "Nature", "identifiers": pmid("8002") })),
    ]);
    app.write_records_from("pubmed", &parse_records(of_pubmed)).await;
    app.write_records_from("ris", &parse_records(json!([editorial(json!({ "venueName": "Cell" }))]))).await;
    app.write_records_from("ris", &parse_records(json!([editorial(json!({ "venueName": "Nature" }))]))).await;
    let displayed = async || {
        let sql = "SELECT venue_name || ' ' || title FROM paper ORDER BY 1";
        crate::support::database_dump::query_strings(&app.database_url, sql).await
    };
    assert_eq!(displayed().await, ["Cell Editorial", "Lancet Editorial", "Nature Editorial"]);
    let mended = editorial(json!({ "title": "An editorial", "venueName": "Lancet", "identifiers": pmid("8001") }));
    app.write_records_from("pubmed", &parse_records(json!([mended]))).await;
    // Another source gives the same PubMed ID.
    let elsewhere = json!([{ "kind": "paper", "sourceId": "W1", "title": "An Editorial.", "identifiers": pmid("8001"), "authors": [] }]);
    app.write_records_from("openalex", &parse_records(elsewhere)).await;
    assert_eq!(displayed().await, ["Cell Editorial", "Lancet An editorial", "Nature Editorial"]);
}

/// A source ID that is reused for another paper is reported.
#[tokio::test]
async fn reused_source_id() {
    let app = TestApp::start().await;
    let of = |title: &str| parse_records(json!([{ "kind": "paper", "sourceId": "1", "title": title, "authors": [] }]));
    app.write_records_from("library", &of("Solar cells of tomorrow")).await;
    let written = app.write_records_from("library", &of("History of the Roman army")).await;
    let note = "what had this id was 'Solar cells of tomorrow'; if that is another paper, each needs an id of its own";
    assert_eq!(written.notes, [(0, note.to_owned())]);
    assert_eq!(app.write_records_from("library", &of("The history of the Roman army")).await.notes, []);
}
