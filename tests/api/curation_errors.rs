//! Rejected decisions, their error messages, and `--force`.

use serde_json::json;

use crate::curation::{find_researcher, run_failing, run_successfully, start_with_records};
use crate::support::database_dump::{assert_dumps_equal, query_strings};
use crate::support::database_state::{database_state, find_inconsistencies};
use crate::support::{orcid, pluck_strings, researcher_record, with_fields};

#[tokio::test]
async fn rejected_decisions() {
    let app = start_with_records().await;
    app.create_records(json!([
        with_fields(researcher_record("I. Brook"), json!({ "orcid": orcid(8) })),
        researcher_record("Ida Brook-Lee")
    ]))
    .await;
    app.execute_sql("UPDATE researcher SET name_key = 'ida brook' WHERE slug = 'ida-brook-lee'").await;
    let paper = app.find_id("paper", "proofs").await;
    let before = database_state(&app.database_url).await;
    run_successfully(&app, &["merge", "ida-brook", "ida-brook-lee"]);
    run_successfully(&app, &["undo", "1", "--by", "Ana"]);
    let cases: &[&[&str]] = &[
        &["merge", "nobody", "ida-brook"],
        &["merge", "Ida Brook", "tom-ford"],
        &["merge", "ida-brook", "IDA-Brook"],
        &["merge", "ida-brook", "tom-ford", "tom-ford"],
        &["merge", "ida-brook", &paper],
        &["merge", "ida-brook", "0000-0002-1694-2339"],
        &["merge", "ida-m-brook", "i-brook"],
        &["merge", "wei-xudo", "ben-oak"],
        &["split", "wei-xudo", "--papers", "proofs", "on-weirs", "on-mills"],
        &["split", "wei-xudo", "--papers", "proofs", "10.1000/nothing"],
        &["split", "wei-xudo", "--papers", "proofs", "proteins", "protein-folds"],
        &["split", "wei-xudo", "--papers", "proteins", "--into", "ben-oak"],
        &["split", "wei-xudo", "--papers", "proteins", "--into", "Wei-Xudo"],
        &["undo", "7"],
        &["undo", "1"],
        &["history", "nobody"],
    ];
    let year = query_strings(
        &app.database_url,
        "SELECT to_char(undone_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') FROM identity_decision",
    )
    .await;
    let sentences: Vec<String> = cases
        .iter()
        .map(|case| {
            let error = format!("{}\n  {}", case.join(" "), run_failing(&app, case));
            error.replace(&paper, "PAPER").replace(&year[0], "TIME")
        })
        .collect();
    insta::assert_snapshot!(sentences.join(""), @r"
    merge nobody ida-brook
      error: there is no researcher 'nobody'; give the id, slug or ORCID iD of a researcher
    merge Ida Brook tom-ford
      error: there is no researcher 'Ida Brook' (researchers of that name: ida-brook, ida-brook-lee); give the id, slug or ORCID iD of a researcher
    merge ida-brook IDA-Brook
      error: 'ida-brook' and 'IDA-Brook' both identify Ida Brook (ida-brook); give different researchers
    merge ida-brook tom-ford tom-ford
      error: 'tom-ford' and 'tom-ford' both identify Tom Ford (tom-ford); give different researchers
    merge ida-brook PAPER
      error: 'PAPER' is the id of a Paper; the id of a Researcher is required
    merge ida-brook 0000-0002-1694-2339
      error: '0000-0002-1694-2339' is not an ORCID iD: its checksum is wrong; check for a mistyped digit
    merge ida-m-brook i-brook
      error: the researchers have different ORCID iDs: Ida M. Brook (ida-m-brook) has 0000-0000-0000-0079, I. Brook (i-brook) has 0000-0000-0000-0087. They are different people, unless one person registered twice. In that case force the merge: the survivor keeps the first ORCID iD, and the others redirect (--force)
    merge wei-xudo ben-oak
      error: the researchers are authors of the same papers: proteins, protein-folds. They are different people, unless one person is listed twice. In that case force the merge: the second authorship of such a paper is left without a researcher (--force)
    split wei-xudo --papers proofs on-weirs on-mills
      error: Wei Xudo (wei-xudo) is not an author of: on-weirs, on-mills; give papers of this researcher
    split wei-xudo --papers proofs 10.1000/nothing
      error: there is no paper '10.1000/nothing'; give the id, slug, DOI or arXiv ID of a paper
    split wei-xudo --papers proofs proteins protein-folds
      error: nothing would be left of Wei Xudo (wei-xudo); to move everything to another researcher, merge them
    split wei-xudo --papers proteins --into ben-oak
      error: Ben Oak (ben-oak) is already an author of proteins, in another position
    split wei-xudo --papers proteins --into Wei-Xudo
      error: 'wei-xudo' and 'Wei-Xudo' both identify Wei Xudo (wei-xudo); give different researchers
    undo 7
      error: there is no decision 7; `identity history` lists decisions
    undo 1
      error: decision 1 was already undone on TIME, by Ana
    history nobody
      error: there is no researcher 'nobody'; give the id, slug or ORCID iD of a researcher
    ");
    assert_dumps_equal(&database_state(&app.database_url).await, &before);
}

#[tokio::test]
async fn forced_merges() {
    let app = start_with_records().await;
    app.create_records(json!([with_fields(researcher_record("Wei Xudo-Oak"), json!({ "orcid": orcid(9) }))])).await;
    let before = database_state(&app.database_url).await;
    // The second author position on a shared paper becomes unresolved.
    run_successfully(&app, &["merge", "wei-xudo", "ben-oak", "--force"]);
    let places = "SELECT coalesce(researcher.slug, '-') FROM authorship JOIN paper ON paper.id = paper_id \
         LEFT JOIN researcher ON researcher.id = researcher_id WHERE paper.slug = 'proteins' ORDER BY list_order";
    assert_eq!(query_strings(&app.database_url, places).await, ["-", "wei-xudo"]);
    assert_eq!(find_inconsistencies(&app.database_url).await, Vec::<String>::new());
    // One ORCID iD stays with the survivor, the other redirects to it.
    run_successfully(&app, &["merge", "ida-m-brook", "wei-xudo-oak", "--force"]);
    let found = find_researcher(&app, json!({ "orcid": orcid(9) })).await;
    assert_eq!(
        (found["slug"].clone(), found["orcid"].clone()),
        (json!("ida-m-brook"), json!(format!("https://orcid.org/{}", orcid(7))))
    );
    let listed = "query($orcids: [String!]) { researchers(filter: { orcids: $orcids }) { nodes { slug } } }";
    let found = app.data_with_variables(listed, json!({ "orcids": [orcid(9)] })).await;
    assert_eq!(pluck_strings(&found["researchers"]["nodes"], &["slug"]), ["ida-m-brook"]);
    let search = "query($query: String!) { search(query: $query) { nodes { slug } } }";
    let found = app.data_with_variables(search, json!({ "query": orcid(9) })).await;
    assert_eq!(pluck_strings(&found["search"]["nodes"], &["slug"]), ["ida-m-brook"]);
    run_successfully(&app, &["undo", "1"]);
    run_successfully(&app, &["undo", "2"]);
    assert_dumps_equal(&database_state(&app.database_url).await, &before);
}

/// A name that is no variant of the survivor's is not displayed.
#[tokio::test]
async fn name_of_the_merged_researcher() {
    let app = start_with_records().await;
    let output = run_successfully(&app, &["merge", "tom-ford", "ben-oak"]);
    assert!(
        output
            .contains("note: 'Ben Oak' is not a form of the name 'Tom Ford' and is displayed only as a name on papers")
    );
    assert_eq!(find_researcher(&app, json!({ "slug": "ben-oak" })).await["otherNames"], json!(["Ben Oak"]));
}
