//! Profile pages as text, in French and English, and a real page.

use serde_json::{Value, json};

use crate::support::database_dump::{assert_dumps_equal, dump_database};
use crate::support::process::{CommandOutput, Workspace};
use crate::support::{TestApp, pluck, pluck_strings, shared_data};

const FRENCH_PAGE: &str = "\
Portrait d’Élise Marais

Élise Marais

Membre associée
Professeure titulaire, Université du Lac, Département d’hydrologie
Sujets de recherche
Cours d’eau
Réseaux de rivières
Voir plus
Seuils

Publications

Rivers as Graphs
Tom Ford
Uma Ferry
Rivers form graphs whose edges carry water. We show how the shape of such a graph fol… (voir plus)lows from the slope of the \
land, and we give a method that finds it from a map alone.
A Short Note on Weirs
Tom Ford
Learning Where Water Goes
Wei Quay
Zoë Pier
Tom Ford
Water goes where the land lets it. We train a model on ten years of floods and compare it with what engineers compute, and \
find that it is better where maps are poor, but wor… (voir plus)
";

const ENGLISH_PAGE: &str = "\
Portrait of Ola Berg
Ola Berg
Core Academic Member
Associate Professor, Lake University, School of Engineering
Research Topics
Bridges
Tolls

Biography
Ola Berg builds bridges, and writes about those who cross them every day.
Publications
Bridges and Their Tolls
Ida Brook
Who pays for a bridge is an old question. We answer it for one bridge, over one century, from the books of the one who \
collected the toll.
";

/// The fields of a profile page.
const PROFILE_QUERY: &str =
    "query Profile($slug: String!, $languages: [LanguageTag!]) { researcher(by: {slug: $slug}) {
    name
    headline(languages: $languages) { value language isFallback }
    biography(languages: $languages) { value }
    affiliations { nodes { kind isPrimary roleTitle(languages: $languages) { value language isFallback }
        departmentName(languages: $languages) { value }
        organization { ror displayName(languages: $languages) { value } } } }
    topics(first: 50) { totalCount nodes { displayName(languages: $languages) { value language isFallback } } }
    papers(first: 20) { totalCount edges { authorship { position } node { title
        abstract { completeness text language excerpt(maxLength: 300) { text isTruncated } }
        authorships(first: 100) { totalCount nodes { position nameAsPublished researcher { slug } } } } } }
    coauthors(first: 100) { totalCount edges { paperCount node { name coauthors(first: 5) { totalCount } } } }
} }";

async fn query_profile(app: &TestApp, slug: &str, language: &str) -> Value {
    let response = app.query(PROFILE_QUERY, json!({ "slug": slug, "languages": [language] })).await;
    response.data()["researcher"].clone()
}

fn import_page(app: &TestApp, page: &str) -> CommandOutput {
    let workspace = Workspace::new();
    let arguments = [
        "profile-page",
        "--organization",
        "Institut des eaux",
        "--ror",
        "05dxps055",
        workspace.write_file("page.txt", page),
    ];
    workspace.import(&app.database_url, &arguments)
}

#[tokio::test]
async fn french_page() {
    let app = TestApp::start().await;
    let outcome = import_page(&app, FRENCH_PAGE);
    assert_eq!(outcome.summary(), "read 4: created 4, updated 0, unchanged 0, invalid 0");
    assert_eq!(outcome.stderr, "");
    let page = query_profile(&app, "elise-marais", "fr").await;
    assert_eq!(page["name"], json!("Élise Marais"));
    let role = |value: &str| json!({ "value": value, "language": "fr", "isFallback": false });
    assert_eq!(page["headline"], role("Professeure titulaire, Université du Lac"));
    let mut affiliations = page["affiliations"]["nodes"].as_array().expect("affiliations").clone();
    affiliations.sort_by_key(|affiliation| affiliation["kind"].to_string());
    assert_eq!(
        json!(affiliations),
        json!([
            { "kind": "EMPLOYMENT", "isPrimary": true, "roleTitle": role("Professeure titulaire"),
              "departmentName": { "value": "Département d’hydrologie" },
              "organization": { "ror": null, "displayName": { "value": "Université du Lac" } } },
            { "kind": "MEMBERSHIP", "isPrimary": false, "roleTitle": role("Membre associée"), "departmentName": null,
              "organization": { "ror": "https://ror.org/05dxps055", "displayName": { "value": "Institut des eaux" } } },
        ])
    );
    let topics = &page["topics"]["nodes"];
    assert_eq!(pluck_strings(topics, &["displayName", "value"]), ["Cours d’eau", "Réseaux de rivières", "Seuils"]);
    let papers = &page["papers"]["edges"];
    assert_eq!(
        pluck_strings(papers, &["node", "title"]),
        ["Rivers as Graphs", "A Short Note on Weirs", "Learning Where Water Goes"]
    );
    assert_eq!(pluck_strings(papers, &["node", "abstract", "completeness"]), ["FULL", "ABSENT", "TRUNCATED"]);
    let whole = papers[0]["node"]["abstract"]["text"].as_str().expect("an abstract");
    assert!(whole.contains("such a graph follows from the slope"), "{whole}");
    let cut = papers[2]["node"]["abstract"]["text"].as_str().expect("an abstract");
    assert!(cut.ends_with("maps are poor, but wor"), "as the page shows it: {cut}");
    // The page does not give the owner's author position.
    assert_eq!(pluck(papers, &["authorship", "position"]), [&json!(null), &json!(null), &json!(null)]);
    let authors = &papers[2]["node"]["authorships"]["nodes"];
    assert_eq!(pluck_strings(authors, &["nameAsPublished"]), ["Wei Quay", "Zoë Pier", "Tom Ford", "Élise Marais"]);
    assert_eq!(
        page["coauthors"]["edges"][0],
        json!({ "paperCount": 3, "node": { "name": "Tom Ford", "coauthors": { "totalCount": 4 } } })
    );
    assert_eq!(page["coauthors"]["totalCount"], json!(4));
}

#[tokio::test]
async fn english_page() {
    let app = TestApp::start().await;
    assert_eq!(import_page(&app, ENGLISH_PAGE).summary(), "read 2: created 2, updated 0, unchanged 0, invalid 0");
    let page = query_profile(&app, "ola-berg", "en").await;
    assert_eq!(page["headline"]["value"], json!("Associate Professor, Lake University"));
    assert_eq!(
        page["biography"]["value"],
        json!("Ola Berg builds bridges, and writes about those who cross them every day.")
    );
    let topics = &page["topics"]["nodes"];
    assert_eq!(pluck_strings(topics, &["displayName", "value"]), ["Bridges", "Tolls"]);
    assert_eq!(topics[0]["displayName"]["isFallback"], json!(false));
    assert_eq!(pluck_strings(&page["papers"]["edges"], &["node", "title"]), ["Bridges and Their Tolls"]);
    let french = query_profile(&app, "ola-berg", "fr").await;
    assert_eq!(
        french["topics"]["nodes"][0]["displayName"],
        json!({ "value": "Bridges", "language": "en", "isFallback": true })
    );
}

#[tokio::test]
async fn page_in_two_languages() {
    let app = TestApp::start().await;
    import_page(&app, ENGLISH_PAGE);
    let french = ENGLISH_PAGE
        .replace("Portrait of", "Portrait de")
        .replace("Core Academic Member", "Membre académique principale")
        .replace("Associate Professor", "Professeure agrégée")
        .replace("School of Engineering", "École de génie")
        .replace("Research Topics\nBridges\nTolls", "Sujets de recherche\nPonts\nPéages");
    let outcome = import_page(&app, &french);
    assert_eq!(outcome.summary(), "read 2: created 0, updated 1, unchanged 1, invalid 0");
    for (language, role) in [("en", "Associate Professor"), ("fr", "Professeure agrégée")] {
        let page = query_profile(&app, "ola-berg", language).await;
        let affiliations = &page["affiliations"]["nodes"];
        assert_eq!(
            affiliations.as_array().map(Vec::len),
            Some(2),
            "a role in two languages is one affiliation: {affiliations}"
        );
        assert!(pluck_strings(affiliations, &["roleTitle", "value"]).contains(&role.to_owned()), "{affiliations}");
        assert_eq!(page["papers"]["totalCount"], json!(1));
    }
}

#[tokio::test]
async fn missing_organization() {
    let app = TestApp::start().await;
    let workspace = Workspace::new();
    let outcome = workspace.import(&app.database_url, &["profile-page", workspace.write_file("page.txt", FRENCH_PAGE)]);
    assert_eq!(outcome.code, Some(1));
    let complaint = "page.txt: unreadable file: line 5: 'Membre associée' is a role at the institute whose page this is; specify the institute \
        with --organization NAME and, if it has one, --ror ID";
    assert_eq!(outcome.stderr_lines(), [complaint]);
    assert_eq!(app.data("{ researchers { totalCount } }").await["researchers"]["totalCount"], json!(0));
}

#[tokio::test]
async fn unrelated_text() {
    let app = TestApp::start().await;
    let workspace = Workspace::new();
    let files = [
        workspace.write_file("letter.txt", "Dear all,\n\nthe bridge is closed.\n"),
        workspace.write_file("latin.txt", b"Portrait de Andr\xe9\n"),
    ];
    let outcome = workspace.import(&app.database_url, &[&["profile-page", "--organization", "X"][..], &files].concat());
    assert_eq!(outcome.code, Some(1));
    let [letter, latin] = outcome.stderr_lines()[..] else { panic!("{outcome:?}") };
    assert!(letter.starts_with("letter.txt: unreadable file: this does not look like a profile page"), "{letter}");
    assert_eq!(latin, "latin.txt:1: unreadable file: it is not UTF-8 text; save the page as UTF-8");
}

#[tokio::test]
async fn invalid_ror_id() {
    let workspace = Workspace::new();
    let arguments = ["import", "profile-page", "--ror", "05dxps056", workspace.write_file("page.txt", FRENCH_PAGE)];
    let outcome = crate::support::process::run_to_completion(&mut workspace.command(&arguments));
    assert_eq!(outcome.code, Some(2));
    assert!(outcome.stderr.contains("its checksum is wrong"), "{}", outcome.stderr);
}

/// Rebuilds a real profile page with one query.
#[tokio::test]
async fn real_page() {
    let Some(seeds) = shared_data("seeds") else { return };
    let file = std::fs::read_dir(&seeds).expect("the seeds").flatten().map(|entry| entry.path()).next();
    let Some(file) = file else { return println!("skipped: {} is empty", seeds.display()) };
    let file = file.canonicalize().expect("a file");
    let app = TestApp::start().await;
    let workspace = Workspace::new();
    let arguments = ["profile-page", "--organization", "Mila", file.to_str().expect("UTF-8")];
    assert_eq!(
        workspace.import(&app.database_url, &arguments).summary(),
        "read 13: created 13, updated 0, unchanged 0, invalid 0"
    );

    let page = query_profile(&app, "razvan-pascanu", "fr").await;
    assert_eq!(page["papers"]["totalCount"], json!(12));
    assert_eq!(page["coauthors"]["totalCount"], json!(34));
    assert_eq!(page["coauthors"]["edges"].as_array().map(Vec::len), Some(34));
    assert_eq!(page["topics"]["totalCount"], json!(15));
    let labels = pluck(&page["topics"]["nodes"], &["displayName"]);
    assert!(labels.iter().all(|label| label["language"] == "fr" && label["isFallback"] == false), "{labels:?}");
    assert_eq!(page["headline"]["isFallback"], json!(false));
    let edges = &page["papers"]["edges"];
    let completeness = pluck_strings(edges, &["node", "abstract", "completeness"]);
    let count = |wanted: &str| completeness.iter().filter(|one| *one == wanted).count();
    assert_eq!((count("FULL"), count("TRUNCATED"), count("ABSENT")), (9, 1, 2));
    assert_eq!(pluck(edges, &["authorship", "position"]).iter().filter(|position| position.is_null()).count(), 12);

    // The papers are in the order of the page.
    let text = std::fs::read_to_string(&file).expect("the page");
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let publications = lines.iter().position(|line| *line == "Publications").expect("the heading");
    let places: Vec<Option<usize>> = pluck_strings(edges, &["node", "title"])
        .iter()
        .map(|title| lines[publications..].iter().position(|line| line.trim() == title))
        .collect();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{places:?}");

    let english = query_profile(&app, "razvan-pascanu", "en").await;
    let labels = pluck(&english["topics"]["nodes"], &["displayName"]);
    assert_eq!(labels.len(), 15);
    assert!(labels.iter().all(|label| label["language"] == "fr" && label["isFallback"] == true), "{labels:?}");

    let before = dump_database(&app.database_url).await;
    assert_eq!(
        workspace.import(&app.database_url, &arguments).summary(),
        "read 13: created 0, updated 0, unchanged 13, invalid 0"
    );
    assert_dumps_equal(&dump_database(&app.database_url).await, &before);
    assert_eq!(query_profile(&app, "razvan-pascanu", "fr").await, page);
}
