//! The service below a path prefix of a reverse proxy: no address that it sends leaves the prefix.

use serde_json::{Value, json};

use crate::support::nginx::Nginx;
use crate::support::{TestApp, paper_record};

const PREFIX: &str = "/directory";

/// nginx with the service below the prefix, as in SECURITY.md; `None` if it is not installed.
pub fn start_proxy(app: &TestApp) -> Option<Nginx> {
    Nginx::start(&format!("location {PREFIX}/ {{ proxy_pass http://{}/; }}", app.address))
}

/// The addresses in `src` and `href` of a page.
fn linked_addresses(page: &str) -> Vec<&str> {
    let parts = ["src=\"", "href=\""].into_iter().flat_map(|attribute| page.split(attribute).skip(1));
    parts.filter_map(|rest| rest.split('"').next()).collect()
}

#[tokio::test]
async fn redirects_stay_below_the_prefix() {
    let app = TestApp::start().await;
    let Some(nginx) = start_proxy(&app) else { return };
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let page = nginx.url(&format!("{PREFIX}/graphiql"));
    let front_page = nginx.url(&format!("{PREFIX}/en/"));
    for (path, expected) in [
        ("/", front_page.clone()),
        ("", front_page.clone()),
        ("/en", front_page.clone()),
        ("/people/", nginx.url(&format!("{PREFIX}/en/people"))),
        ("/graphql", page.clone()),
        ("/graphiql", page.clone()),
        ("/graphiql/", page.clone()),
        ("/graphiql/index.html", page.clone()),
        ("/?query=%7B__typename%7D", format!("{page}?query=%7B__typename%7D")),
        ("/graphiql/?query=%7B__typename%7D", format!("{page}?query=%7B__typename%7D")),
    ] {
        let request = client.get(nginx.url(&format!("{PREFIX}{path}"))).header("Accept", "text/html");
        let response = request.send().await.expect("a response");
        assert_eq!((response.status().as_u16(), response.url().as_str()), (200, expected.as_str()), "{path}");
    }
    // The same without a proxy.
    for path in ["/graphql", "/graphiql/"] {
        let response = client.get(app.url(path)).header("Accept", "text/html").send().await.expect("a response");
        assert_eq!((response.status().as_u16(), response.url().path()), (200, "/graphiql"), "{path}");
    }
}

/// Pages link to each other and to their files by relative addresses.
#[tokio::test]
async fn links_of_pages_stay_below_the_prefix() {
    let app = TestApp::start().await;
    let Some(nginx) = start_proxy(&app) else { return };
    app.create_records(json!([paper_record("Rivers", Some(2001), &["Ada Brook", "Cy Ek"])])).await;
    for path in
        ["en/", "fr/people", "en/people/ada-brook", "fr/people/ada-brook/papers", "en/about/data", "en/nothing/at/all"]
    {
        let page = url::Url::parse(&nginx.url(&format!("{PREFIX}/{path}"))).expect("a URL");
        let request = app.client().get(page.clone()).header("Accept", "text/html");
        let html = request.send().await.expect("a page").text().await.expect("its text");
        let addresses = linked_addresses(&html);
        assert!(addresses.len() > 10, "{path}: {html}");
        for address in addresses {
            let linked = page.join(&address.replace("&#38;", "&").replace("&amp;", "&")).expect("an address");
            assert!(
                linked.as_str().starts_with(&nginx.url(&format!("{PREFIX}/"))),
                "{path}: {address} leads to {linked}"
            );
        }
    }
}

#[tokio::test]
async fn page_and_its_files() {
    let app = TestApp::start().await;
    let Some(nginx) = start_proxy(&app) else { return };
    for page in [app.url("/graphiql"), nginx.url(&format!("{PREFIX}/graphiql"))] {
        let page = url::Url::parse(&page).expect("a URL");
        let html = app.client().get(page.clone()).send().await.expect("a page").text().await.expect("its text");
        for address in linked_addresses(&html) {
            let file = page.join(address).expect("an address");
            let response = app.client().get(file.clone()).send().await.expect("a response");
            assert_eq!(response.status(), 200, "{file}");
            assert_eq!(response.headers()["cache-control"], "public, max-age=31536000, immutable", "{file}");
        }
        let endpoint = page.join("graphql").expect("an address");
        let request = app.client().post(endpoint).json(&json!({ "query": "{ __typename }" }));
        let body: Value = request.send().await.expect("a response").json().await.expect("JSON");
        assert_eq!(body, json!({ "data": { "__typename": "Query" } }));
    }
}
