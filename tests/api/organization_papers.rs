//! The papers of an organization: those on which an author gives it as affiliation, and those by people who were
//! affiliated with it when the paper appeared.

use academic_directory::store::curation::{CurationRequest, DecidedBy};
use serde_json::{Value, json};

use crate::support::database_dump::query_strings;
use crate::support::database_state::find_inconsistencies;
use crate::support::process::{Workspace, run_to_completion};
use crate::support::{
    TestApp, organization_record, paper_record, parse_records, pluck, pluck_strings, researcher_record, ror,
    with_fields,
};

fn member(name: &str, affiliations: Value) -> Value {
    with_fields(researcher_record(name), json!({ "affiliations": affiliations }))
}

fn affiliation(number: u64, kind: &str, rest: Value) -> Value {
    with_fields(json!({ "organization": { "ror": ror(number) }, "affiliationKind": kind }), rest)
}

fn dated_paper(title: &str, date: &str, authors: Value) -> Value {
    with_fields(paper_record(title, None, &[]), json!({ "publicationDate": date, "authors": authors }))
}

const GROUP: &str = r#"organization(by: {slug: "group"})"#;

impl TestApp {
    /// The slugs of the papers that are linked to the group, separated by spaces.
    async fn group_papers(&self, arguments: &str) -> String {
        self.slugs(&[GROUP, &format!("papers{arguments}")]).await.join(" ")
    }

    async fn assert_consistent(&self) {
        assert_eq!(find_inconsistencies(&self.database_url).await, Vec::<String>::new());
    }
}

const BIBLIOGRAPHY: &str = "
@article{a, author = {Brook, Ida and Ford, Tom}, title = {Weirs in winter}, journal = {River Letters}, year = {2012}}
@article{b, author = {Brook, Ida}, title = {Before the group}, journal = {River Letters}, year = {2008}}
@article{c, author = {Ford, Tom}, title = {After the group}, journal = {River Letters}, year = 2015}
@article{d, author = {Ida Brook}, title = {Sluices}, journal = {River Letters}, year = 2016, month = mar}
@misc{e, author = {Brook, Ida}, title = {Undated}}
@article{f, author = {Stone, Una}, title = {As a student}, journal = {River Letters}, year = {2012}}
";
const PEOPLE: &str = "name,organization,affiliation_kind,start_date,end_date
Ida Brook,Group,employment,2010-04,
Tom Ford,Group,membership,,2013
Una Stone,Group,education,2010,2014
";

#[tokio::test]
async fn of_a_bibliography_and_a_table_of_people() {
    let imports = [["bibtex", "group.bib"], ["csv", "people.csv"]];
    for imports in [imports, [imports[1], imports[0]]] {
        let app = TestApp::start().await;
        let workspace = Workspace::new();
        workspace.write_file("group.bib", BIBLIOGRAPHY);
        workspace.write_file("people.csv", PEOPLE);
        for import in imports {
            let outcome = workspace.import(&app.database_url, &import);
            assert_eq!(outcome.code, Some(0), "{outcome:?}");
        }
        assert_eq!(app.group_papers("").await, "sluices weirs-in-winter", "{imports:?}");
        assert_eq!(app.group_papers("(links: [AUTHORSHIP])").await, "", "{imports:?}");
        let mut export =
            workspace.command_with_database(&app.database_url, &["export", "bibtex", "--organization", "group"]);
        let exported = run_to_completion(&mut export).stdout;
        let keys: Vec<&str> = exported.lines().filter_map(|line| line.strip_prefix("@article{")).collect();
        assert_eq!(keys, ["weirs-in-winter,", "sluices,"], "{imports:?}");
        app.assert_consistent().await;
    }
}

#[tokio::test]
async fn dates_are_compared_at_the_precision_that_both_have() {
    // The date of the paper, the start and the end of the affiliation, and whether the paper is linked.
    let cases = [
        (Some("2012"), None, None, true),
        (None, None, None, false),
        (None, Some("2010"), None, false),
        (Some("2012"), Some("2012"), None, true),
        (Some("2012-03"), Some("2012"), None, true),
        (Some("2012-03-31"), Some("2012-03"), None, true),
        (Some("2012"), Some("2012-06"), None, true),
        (Some("2012"), Some("2012-06-30"), None, true),
        (Some("2012-06"), Some("2012-06-30"), None, true),
        (Some("2012-05"), Some("2012-06-30"), None, false),
        (Some("2012-06-29"), Some("2012-06-30"), None, false),
        (Some("2011"), Some("2012"), None, false),
        (Some("2011-12-31"), Some("2012"), None, false),
        (Some("2012-03"), Some("2012-04"), None, false),
        (Some("2012"), None, Some("2012"), true),
        (Some("2012-12-31"), None, Some("2012"), true),
        (Some("2012"), None, Some("2012-01-01"), true),
        (Some("2012-02-29"), None, Some("2012-02"), true),
        (Some("2012-03"), None, Some("2012-02"), false),
        (Some("2012-02-02"), None, Some("2012-02-01"), false),
        (Some("2013"), None, Some("2012"), false),
        (Some("2012"), Some("2010"), Some("2014-05"), true),
        (Some("2014-05-31"), Some("2010"), Some("2014-05"), true),
        (Some("2012"), Some("2014"), Some("2010"), false),
        (Some("9999-12"), Some("0001"), None, true),
        (Some("0001"), None, Some("0001-01-01"), true),
    ];
    let app = TestApp::start().await;
    let mut records = vec![organization_record(1, "Group")];
    for (number, (published, start, end, _)) in cases.iter().enumerate() {
        let name = format!("Person{number} Brook{number}");
        let held = json!({ "startDate": start, "endDate": end });
        records.push(member(&name, json!([affiliation(1, "EMPLOYMENT", held)])));
        let paper = paper_record(&format!("Case {number}"), None, &[&name]);
        records.push(with_fields(paper, json!({ "publicationDate": published })));
    }
    // One that ended on an unknown date.
    records.push(member(
        "Una Stone",
        json!([affiliation(1, "EMPLOYMENT", json!({ "startDate": "2010", "hasEnded": true }))]),
    ));
    records.push(paper_record("Perhaps", Some(2012), &["Una Stone"]));
    app.create_records(json!(records)).await;
    let found = app.slugs(&[GROUP, "papers(first: 100)"]).await;
    assert!(!found.contains(&"perhaps".to_owned()), "{found:?}");
    for (number, case) in cases.iter().enumerate() {
        assert_eq!(found.contains(&format!("case-{number}")), case.3, "{case:?}");
    }
    app.assert_consistent().await;
}

#[tokio::test]
async fn kinds_of_affiliation() {
    let app = TestApp::start().await;
    let mut records = vec![organization_record(1, "Group")];
    let kinds =
        ["EMPLOYMENT", "MEMBERSHIP", "INVITED_POSITION", "EDUCATION", "QUALIFICATION", "SERVICE", "DISTINCTION"];
    for (index, kind) in (0_u8..).zip(kinds) {
        let name = format!("Ida {}rook", char::from(b'A' + index));
        records.push(member(&name, json!([affiliation(1, kind, json!({}))])));
        records.push(paper_record(kind, Some(2000 + i32::from(index)), &[&name]));
    }
    app.create_records(json!(records)).await;
    assert_eq!(app.group_papers("").await, "invited-position membership employment");
    app.assert_consistent().await;
}

/// A group with a laboratory, and a college. Of each link one paper, and one paper with both.
async fn linked_directory() -> TestApp {
    let app = TestApp::start().await;
    let at =
        |name: &str, number: u64| json!([{ "position": 1, "name": name, "organizations": [{ "ror": ror(number) }] }]);
    app.create_records(json!([
        organization_record(1, "Group"),
        with_fields(organization_record(2, "Laboratory"), json!({ "relations": [["parent", ror(1)]] })),
        organization_record(3, "College"),
        member("Ida Brook", json!([affiliation(2, "MEMBERSHIP", json!({ "startDate": "2010" }))])),
        paper_record("Held", Some(2011), &["Ida Brook"]),
        dated_paper("Printed", "2012", at("Tom Ford", 1)),
        dated_paper("Both", "2013", at("Ida Brook", 2)),
        dated_paper("Elsewhere", "2014", at("Tom Ford", 3)),
    ]))
    .await;
    app
}

#[tokio::test]
async fn links() {
    let app = linked_directory().await;
    let (group, laboratory) =
        (app.find_id("organization", "group").await, app.find_id("organization", "laboratory").await);
    for (links, of_group, own, of_laboratory) in [
        ("", "both printed held", "printed", "both held"),
        ("links: [AUTHORSHIP, MEMBERSHIP]", "both printed held", "printed", "both held"),
        ("links: [MEMBERSHIP, MEMBERSHIP]", "both held", "", "both held"),
        ("links: [AUTHORSHIP]", "both printed", "printed", "both"),
        ("links: []", "", "", ""),
    ] {
        assert_eq!(app.group_papers(&format!("(first: 9 {links})")).await, of_group, "{links}");
        assert_eq!(app.group_papers(&format!("(includeDescendants: false {links})")).await, own, "{links}");
        let links = links.replace("links", "organizationLinks");
        for (id, expected) in [(&group, of_group), (&laboratory, of_laboratory)] {
            let list = format!("papers(filter: {{organizationIds: [{id:?}] {links}}})");
            assert_eq!(app.slugs(&[&list]).await.join(" "), expected, "{list}");
        }
    }
    let other = |filter: &str| format!("papers(filter: {{{filter}}})");
    for (list, expected) in [
        (other("organizationLinks: []"), "elsewhere both printed held"),
        (other(&format!("not: {{organizationIds: [{group:?}], organizationLinks: [AUTHORSHIP]}}")), "elsewhere held"),
        (other("organizationIds: []"), ""),
    ] {
        assert_eq!(app.slugs(&[&list]).await.join(" "), expected, "{list}");
    }

    // The facet of organizations counts the affiliations on papers, and the others count each paper once.
    let query = format!(
        "{{ {GROUP} {{ papers {{ totalCount facets {{ organizations {{ organization {{ slug }} count }} \
         publicationYears {{ year count }} }} }} }} }}"
    );
    let papers = app.data(&query).await["organization"]["papers"].clone();
    assert_eq!(papers["totalCount"], 3);
    let organizations = &papers["facets"]["organizations"];
    assert_eq!(pluck_strings(organizations, &["organization", "slug"]), ["group", "laboratory"]);
    assert_eq!(pluck(organizations, &["count"]), [1, 1]);
    assert_eq!(pluck(&papers["facets"]["publicationYears"], &["count"]), [1, 1, 1]);

    // One statement, however many organizations.
    let one = format!("{{ {GROUP} {{ papers {{ nodes {{ slug }} }} }} }}");
    let several = "{ organizations { nodes { papers { nodes { slug } } } } }";
    let (_, statements) = app.query_counting_statements(&one, json!({})).await;
    let (_, of_several) = app.query_counting_statements(several, json!({})).await;
    assert_eq!((statements, of_several), (2, 2));
}

#[tokio::test]
async fn cursors_belong_to_lists_with_the_same_links() {
    let app = linked_directory().await;
    let page = |links: &str, after: &str| {
        format!("{{ {GROUP} {{ papers(first: 1, {links} {after}) {{ pageInfo {{ endCursor }} nodes {{ slug }} }} }} }}")
    };
    let first = app.data(&page("links: [AUTHORSHIP],", "")).await;
    let after = format!("after: {}", first["organization"]["papers"]["pageInfo"]["endCursor"]);
    let next = app.data(&page("links: [AUTHORSHIP, AUTHORSHIP],", &after)).await;
    assert_eq!(pluck_strings(&next["organization"]["papers"]["nodes"], &["slug"]), ["printed"]);
    for links in ["", "links: [MEMBERSHIP],"] {
        let message = app.client_error(&page(links, &after), json!({})).await;
        assert!(message.contains("is a cursor of another list"), "{message}");
    }
    let any = app.data(&page("", "")).await;
    let after = format!("after: {}", any["organization"]["papers"]["pageInfo"]["endCursor"]);
    let next = app.data(&page("links: [MEMBERSHIP, AUTHORSHIP],", &after)).await;
    assert_eq!(pluck_strings(&next["organization"]["papers"]["nodes"], &["slug"]), ["printed"]);
}

#[tokio::test]
async fn links_follow_the_data() {
    let app = TestApp::start().await;
    let held = |end: Value| {
        member("Ida Brook", json!([affiliation(1, "EMPLOYMENT", json!({ "startDate": "2010", "endDate": end }))]))
    };
    let paper = |date: &str, authors: &[&str]| {
        with_fields(paper_record("Weirs", None, authors), json!({ "publicationDate": date }))
    };
    let write = async |record: Value| {
        app.write_records(&parse_records(json!([record]))).await;
        app.assert_consistent().await;
    };
    app.create_records(json!([organization_record(1, "Group"), held(json!(null)), paper("2012", &["Ida Brook"])]))
        .await;
    app.assert_consistent().await;
    assert_eq!(app.group_papers("").await, "weirs");
    // The date of the paper changes, with and without its authors.
    write(paper("2009", &["Ida Brook"])).await;
    assert_eq!(app.group_papers("").await, "");
    write(paper("2014-02", &[])).await;
    assert_eq!(app.group_papers("").await, "weirs");
    // The affiliation ends, first on an unknown date, then on an earlier one.
    let past = json!([affiliation(1, "EMPLOYMENT", json!({ "startDate": "2010", "hasEnded": true }))]);
    write(member("Ida Brook", past)).await;
    assert_eq!(app.group_papers("").await, "");
    write(held(json!("2015"))).await;
    assert_eq!(app.group_papers("").await, "weirs");
    write(held(json!("2014-01"))).await;
    assert_eq!(app.group_papers("").await, "");
    write(paper("2011", &["Ida Brook"])).await;
    assert_eq!(app.group_papers("").await, "weirs");
    // Another author, and the first again.
    write(paper("2011", &["Tom Ford"])).await;
    assert_eq!(app.group_papers("").await, "");
    write(paper("2011", &["Tom Ford", "Ida Brook"])).await;
    assert_eq!(app.group_papers("").await, "weirs");
    write(member("Tom Ford", json!([affiliation(1, "EMPLOYMENT", json!({}))]))).await;
    app.execute_sql("DELETE FROM researcher WHERE slug = 'ida-brook'").await;
    app.refresh_statistics().await;
    assert_eq!(app.group_papers("").await, "weirs");
    app.execute_sql("DELETE FROM affiliation").await;
    app.refresh_statistics().await;
    assert_eq!(app.group_papers("").await, "");
}

#[tokio::test]
async fn links_are_deleted_with_the_paper_or_the_organization() {
    let app = linked_directory().await;
    for (table, left) in
        [("organization WHERE slug = 'laboratory'", 2), ("paper WHERE slug = 'printed'", 1), ("organization", 0)]
    {
        app.execute_sql(&format!("DELETE FROM {table}")).await;
        app.refresh_statistics().await;
        let sql = "SELECT (SELECT count(*) FROM paper_organization) || ' ' || (SELECT count(*) FROM paper_organization_pending)";
        assert_eq!(query_strings(&app.database_url, sql).await, [format!("{left} 0")], "{table}");
    }
}

#[tokio::test]
async fn links_follow_merges_and_splits() {
    let app = TestApp::start().await;
    app.create_records(json!([
        member("Ida Brook", json!([{ "organization": { "name": "Group" }, "affiliationKind": "EMPLOYMENT" }])),
        researcher_record("Tom Ford"),
        paper_record("Weirs", Some(2012), &["Ida Brook"]),
        paper_record("Locks", Some(2013), &["Tom Ford"]),
    ]))
    .await;
    assert_eq!(app.group_papers("").await, "weirs");
    // The registry arrives: the organization that was only named is merged into it.
    let registered = with_fields(organization_record(1, "Group"), json!({ "slug": "the-group" }));
    app.write_records(&parse_records(json!([registered]))).await;
    app.assert_consistent().await;
    assert_eq!(app.group_papers("").await, "weirs");
    let decide = async |request: CurationRequest| {
        let decision = app.store.decide(&request, false).await.expect("a decision").decision;
        app.store.refresh_statistics_if_stale().await.expect("the counts");
        app.assert_consistent().await;
        (decision, app.group_papers("").await)
    };
    let decided_by = DecidedBy::default;
    let (merge, papers) = decide(CurationRequest::Merge {
        survivor: "ida-brook".to_owned(),
        former: vec!["tom-ford".to_owned()],
        force: true,
        decided_by: decided_by(),
    })
    .await;
    assert_eq!(papers, "locks weirs");
    let (split, papers) = decide(CurationRequest::Split {
        researcher: "ida-brook".to_owned(),
        papers: vec!["weirs".to_owned()],
        into: None,
        decided_by: decided_by(),
    })
    .await;
    assert_eq!(papers, "locks");
    assert_eq!(decide(CurationRequest::Undo { decision: split, by: None }).await.1, "locks weirs");
    assert_eq!(decide(CurationRequest::Undo { decision: merge, by: None }).await.1, "weirs");
}

/// Reads a list forwards or backwards, page by page.
async fn read_pages(app: &TestApp, arguments: &str, is_forward: bool) -> Vec<String> {
    let (size, from, cursor, more) = if is_forward {
        ("first", "after", "endCursor", "hasNextPage")
    } else {
        ("last", "before", "startCursor", "hasPreviousPage")
    };
    let query = format!(
        "query($cursor: String) {{ {GROUP} {{ papers({size}: 100, {from}: $cursor {arguments}) {{ \
         pageInfo {{ {cursor} {more} }} nodes {{ slug }} }} }} }}"
    );
    let (mut slugs, mut at) = (Vec::new(), json!(null));
    loop {
        let page = app.data_with_variables(&query, json!({ "cursor": at })).await["organization"]["papers"].clone();
        let mut found = pluck_strings(&page["nodes"], &["slug"]);
        if !is_forward {
            found.reverse();
        }
        slugs.extend(found);
        if page["pageInfo"][more] == false {
            return slugs;
        }
        at = page["pageInfo"][cursor].clone();
    }
}

/// An organization with many papers is read by another plan: it has the same pages.
#[tokio::test]
async fn pages_of_an_organization_with_many_papers() {
    let app = TestApp::start().await;
    app.create_records(json!([organization_record(1, "Group"), organization_record(2, "College")])).await;
    // Each paper of the group has a link by authorship, by membership, or by both; every sixth has none.
    let papers = |from: i32, to: i32| {
        format!(
            "INSERT INTO paper (slug, title, sort_title, publication_date) SELECT 'p' || n, 'P' || n, 'p' || n, (2000 + n % 7)::text \
             FROM generate_series({from}, {to}) AS n; \
             INSERT INTO paper_organization SELECT paper.id, organization.id, number % 3 <> 1, number % 3 <> 2 \
             FROM (SELECT id, substr(slug, 2)::integer AS number FROM paper) AS paper JOIN organization \
             ON organization.slug = CASE WHEN number % 6 = 0 THEN 'college' ELSE 'group' END WHERE number BETWEEN {from} AND {to}"
        )
    };
    for (from, to) in [(1, 60), (61, 2_700)] {
        app.execute_sql(&papers(from, to)).await;
        for (arguments, link) in [
            ("", "true"),
            (", links: [AUTHORSHIP]", "is_by_authorship"),
            (", filter: {publicationYear: {from: 2004}}", "publication_year >= 2004"),
        ] {
            let sql = format!(
                "SELECT paper.slug FROM paper JOIN paper_organization ON paper_id = paper.id JOIN organization \
                 ON organization.id = organization_id WHERE organization.slug = 'group' AND {link} \
                 ORDER BY publication_key DESC, paper.id DESC"
            );
            let mut expected = query_strings(&app.database_url, &sql).await;
            assert_eq!(read_pages(&app, arguments, true).await, expected, "{to} {arguments}");
            expected.reverse();
            assert_eq!(read_pages(&app, arguments, false).await, expected, "{to} {arguments}");
        }
    }
}
