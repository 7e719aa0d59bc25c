//! Authorships: author positions, names as published, and unresolved authors.

use serde_json::{Value, json};

use crate::support::{
    TestApp, orcid, organization_record, paper_record, pluck, pluck_strings, researcher_record, ror, with_fields,
};

#[tokio::test]
async fn every_field() {
    let app = TestApp::start().await;
    app.create_records(json!([
        organization_record(1, "College"),
        organization_record(2, "Academy"),
        with_fields(researcher_record("Ada van der Berg"), json!({ "orcid": orcid(5) })),
        with_fields(paper_record("Tides", Some(2020), &[]), json!({ "authors": [
            { "position": 1, "name": " BERG,  A.\u{a0}v. d.", "orcid": orcid(5), "isCorresponding": true, "equalContributionGroup": 1,
              "affiliationsAsPublished": ["Coll., Rm 5", "Acad."], "organizations": [{ "ror": ror(2) }, { "ror": ror(1) }, { "ror": ror(3) }] },
            { "position": 2, "name": "Bo Dahl", "isCorresponding": false, "equalContributionGroup": 1 },
            { "position": 3, "name": "Cy Ek" },
        ] })),
    ]))
    .await;
    let query = r#"{ paper(by: {slug: "tides"}) { authorships { nodes {
        __typename position sequence nameAsPublished name researcher { slug } paper { slug } isCorresponding equalContributionGroup
        affiliationsAsPublished organizations { slug }
    } } } }"#;
    let authorship = |position: i32, sequence: &str, rest: Value| {
        let common = json!({
            "__typename": "Authorship", "position": position, "sequence": sequence, "paper": { "slug": "tides" },
            "isCorresponding": null, "equalContributionGroup": null, "affiliationsAsPublished": [], "organizations": [],
        });
        with_fields(common, rest)
    };
    let expected = json!([
        authorship(
            1,
            "FIRST",
            json!({
                "nameAsPublished": " BERG,  A.\u{a0}v. d.", "name": "Ada van der Berg", "researcher": { "slug": "ada-van-der-berg" },
                "isCorresponding": true, "equalContributionGroup": 1, "affiliationsAsPublished": ["Coll., Rm 5", "Acad."],
                "organizations": [{ "slug": "college" }, { "slug": "academy" }],
            })
        ),
        authorship(
            2,
            "MIDDLE",
            json!({
                "nameAsPublished": "Bo Dahl", "name": "Bo Dahl", "researcher": { "slug": "bo-dahl" },
                "isCorresponding": false, "equalContributionGroup": 1,
            })
        ),
        authorship(
            3,
            "LAST",
            json!({ "nameAsPublished": "Cy Ek", "name": "Cy Ek", "researcher": { "slug": "cy-ek" } })
        ),
    ]);
    assert_eq!(app.data(query).await["paper"]["authorships"]["nodes"], expected);
}

#[tokio::test]
async fn position_and_sequence() {
    let app = TestApp::start().await;
    let unplaced = with_fields(
        paper_record("Unplaced", Some(2020), &[]),
        json!({ "authors": [{ "name": "Bo Dahl" }, { "name": "Ada Berg" }] }),
    );
    let partly = with_fields(
        paper_record("Partly", Some(2020), &[]),
        json!({ "authors": [
        { "name": "Di Falk" }, { "position": 2, "name": "Bo Dahl" }, { "position": 1, "name": "Ada Berg" },
    ] }),
    );
    app.create_records(json!([
        paper_record("Sole", Some(2020), &["Ada Berg"]),
        paper_record("Pair", Some(2020), &["Ada Berg", "Bo Dahl"]),
        paper_record("Four", Some(2020), &["Ada Berg", "Bo Dahl", "Cy Ek", "Di Falk"]),
        unplaced,
        partly,
    ]))
    .await;
    for (slug, expected) in [
        ("sole", json!([["Ada Berg", 1, "FIRST"]])),
        ("pair", json!([["Ada Berg", 1, "FIRST"], ["Bo Dahl", 2, "LAST"]])),
        (
            "four",
            json!([["Ada Berg", 1, "FIRST"], ["Bo Dahl", 2, "MIDDLE"], ["Cy Ek", 3, "MIDDLE"], ["Di Falk", 4, "LAST"]]),
        ),
        ("unplaced", json!([["Bo Dahl", null, null], ["Ada Berg", null, null]])),
        // Authors without a position come last.
        ("partly", json!([["Ada Berg", 1, "FIRST"], ["Bo Dahl", 2, "LAST"], ["Di Falk", null, null]])),
    ] {
        let paper = format!("paper(by: {{slug: {slug:?}}})");
        let nodes = app.nodes(&[&paper, "authorships"], "name position sequence").await;
        let authors: Vec<Value> = nodes
            .as_array()
            .into_iter()
            .flatten()
            .map(|node| json!([node["name"], node["position"], node["sequence"]]))
            .collect();
        assert_eq!(json!(authors), expected, "{slug}");
    }
}

#[tokio::test]
async fn duplicate_name_on_a_paper() {
    let app = TestApp::start().await;
    app.create_records(json!([paper_record("Namesakes", Some(2020), &["Wei Wang", "Bo Dahl", "Wei  WANG"])])).await;
    let nodes = app
        .nodes(
            &[r#"paper(by: {slug: "namesakes"})"#, "authorships"],
            "name nameAsPublished researcher { slug } sequence",
        )
        .await;
    // An ambiguous author: the second one is unresolved. Its capitals stand beside ordinary names, and may be meant.
    assert_eq!(
        nodes[2],
        json!({ "name": "Wei WANG", "nameAsPublished": "Wei  WANG", "researcher": null, "sequence": "LAST" })
    );
    assert_eq!(pluck(&nodes, &["researcher", "slug"]), [&json!("wei-wang"), &json!("bo-dahl"), &json!(null)]);
    let coauthors = app
        .data(r#"{ researcher(by: {slug: "wei-wang"}) { coauthors { nodes { slug } } statistics { paperCount } } }"#)
        .await;
    assert_eq!(pluck_strings(&coauthors["researcher"]["coauthors"]["nodes"], &["slug"]), ["bo-dahl"]);
    assert_eq!(coauthors["researcher"]["statistics"]["paperCount"], 1);
}

#[tokio::test]
async fn large_author_list() {
    let app = TestApp::start().await;
    let names: Vec<String> = (1..=250).map(|number| format!("Author {number}")).collect();
    app.create_records(json!([paper_record(
        "Collider",
        Some(2020),
        &names.iter().map(String::as_str).collect::<Vec<_>>()
    )]))
    .await;
    let (mut seen, mut after) = (Vec::new(), json!(null));
    let query = "query($after: String) { paper(by: {slug: \"collider\"}) { authorships(first: 100, after: $after) { \
         totalCount nodes { nameAsPublished } pageInfo { hasNextPage endCursor } } } }";
    loop {
        let page = app.data_with_variables(query, json!({ "after": after })).await["paper"]["authorships"].clone();
        assert_eq!(page["totalCount"], 250);
        seen.extend(pluck_strings(&page["nodes"], &["nameAsPublished"]));
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
    assert_eq!(seen, names);
    let last =
        app.data("{ paper(by: {slug: \"collider\"}) { authorships(last: 1) { nodes { position sequence } } } }").await;
    assert_eq!(last["paper"]["authorships"]["nodes"], json!([{ "position": 250, "sequence": "LAST" }]));
}
