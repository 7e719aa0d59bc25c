//! GraphiQL in a real browser: opening an example, running it and reading the response.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use academic_directory::config::Limits;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::path_prefix::start_proxy;
use crate::support::process::{WAIT_TIMEOUT, Workspace, find_processes, wait_for};
use crate::support::{TestApp, clean_environment, paper_record};

const EDITOR_SELECTOR: &str = ".graphiql-query-editor .view-lines .view-line";
const PROFILE_TAB_SELECTOR: &str = ".graphiql-tab-button[title=\"Profile\"]";
const EXECUTE_BUTTON_SELECTOR: &str = ".graphiql-execute-button";
const NOTICE_SELECTOR: &str = ".notice";
const RESPONSE_SELECTOR: &str = ".graphiql-response .view-lines";
/// The response pane renders only visible lines; the editor's model has the whole text.
const READ_RESPONSE_SCRIPT: &str = "const model = globalThis.__MONACO?.editor.getModels().find(m => m.uri.path.endsWith('response.json')); \
     return model ? model.getValue() : '';";

/// The path of a program in `PATH`.
fn find_program(name: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?).map(|directory| directory.join(name)).find(|path| path.is_file())
}

/// A running WebDriver server.
struct WebDriver {
    process: Child,
    port: u16,
    profile: PathBuf,
}

impl WebDriver {
    fn start(program: &Path, workspace: &Workspace) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its address").port();
        let mut command = Command::new(program);
        command.env_clear().envs(clean_environment()).env("HOME", workspace.path("")).arg(format!("--port={port}"));
        let process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let driver = Self { process: process.expect("chromedriver"), port, profile: workspace.path("profile") };
        wait_for("chromedriver", || std::net::TcpStream::connect(("127.0.0.1", port)).ok());
        driver
    }

    async fn open_browser(&self, chromium: &Path) -> Client {
        let profile = format!("--user-data-dir={}", self.profile.display());
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--window-size=1400,1000",
            &profile,
        ];
        let options = json!({ "binary": chromium, "args": arguments });
        let capabilities = serde_json::Map::from_iter([("goog:chromeOptions".to_owned(), options)]);
        let mut builder = ClientBuilder::new(HttpConnector::new());
        let builder = builder.capabilities(capabilities);
        let address = format!("http://127.0.0.1:{}", self.port);
        tokio::time::timeout(WAIT_TIMEOUT, builder.connect(&address))
            .await
            .expect("a browser in time")
            .expect("a browser")
    }
}

impl Drop for WebDriver {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        // After a failure the browser may still run; its profile directory identifies it.
        for pid in find_processes("", &self.profile) {
            if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
                let _ = kill_process(pid, Signal::KILL);
            }
        }
    }
}

async fn wait_for_response(browser: &Client) -> Value {
    let deadline = Instant::now() + WAIT_TIMEOUT;
    loop {
        let text = browser.execute(READ_RESPONSE_SCRIPT, Vec::new()).await.expect("a script that runs");
        match text.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok()) {
            Some(result) if result.get("data").is_some() || result.get("errors").is_some() => return result,
            _ => assert!(Instant::now() < deadline, "no result: {text}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn click(browser: &Client, what: &str) {
    let element = browser.wait().at_most(WAIT_TIMEOUT).for_element(Locator::Css(what)).await;
    element
        .unwrap_or_else(|error| panic!("{what}: {error}"))
        .click()
        .await
        .unwrap_or_else(|error| panic!("{what}: {error}"));
}

/// Chromium and its driver; `None` if either is missing or the page was built without npm.
async fn find_browser(app: &TestApp) -> Option<(PathBuf, PathBuf)> {
    let (Some(chromium), Some(chromedriver)) = (find_program("chromium"), find_program("chromedriver")) else {
        println!("skipped: chromium or chromedriver is not installed");
        return None;
    };
    let page = app.client().get(app.url("/graphiql")).send().await.expect("a page").text().await.expect("its text");
    if !page.contains("id=\"root\"") {
        println!("skipped: the page was built without npm");
        return None;
    }
    Some((chromium, chromedriver))
}

#[tokio::test]
async fn introspection_disabled() {
    let app = TestApp::start_with_limits(Limits { introspection: false, ..Limits::default() }, 100).await;
    let Some((chromium, chromedriver)) = find_browser(&app).await else { return };
    let workspace = Workspace::new();
    let driver = WebDriver::start(&chromedriver, &workspace);
    let browser = driver.open_browser(&chromium).await;
    browser.goto(&app.url("/graphiql")).await.expect("the page");
    let notice =
        browser.wait().at_most(WAIT_TIMEOUT).for_element(Locator::Css(NOTICE_SELECTOR)).await.expect("a notice");
    let text = notice.text().await.expect("its text");
    assert!(text.starts_with("Introspection is turned off on this server"), "{text}");
    // The editor is below the notice, not covered by it.
    let run = browser
        .wait()
        .at_most(WAIT_TIMEOUT)
        .for_element(Locator::Css(EXECUTE_BUTTON_SELECTOR))
        .await
        .expect("a button");
    let (_, top, _, height) = run.rectangle().await.expect("its rectangle");
    let (_, notice_top, _, notice_height) = notice.rectangle().await.expect("its rectangle");
    assert!(notice_top + notice_height <= top && top + height < 1000.0, "{notice_height} {top}");
    browser.close().await.expect("the end of the browser");
}

#[tokio::test]
async fn profile_query() {
    let app = TestApp::start().await;
    let Some((chromium, chromedriver)) = find_browser(&app).await else { return };
    let titles = ["Rivers under glass", "Bridges of paper"];
    app.create_records(json!(titles.map(|title| paper_record(title, Some(2001), &["Razvan Pascanu", "Ida Brook"]))))
        .await;

    let workspace = Workspace::new();
    let driver = WebDriver::start(&chromedriver, &workspace);
    let browser = driver.open_browser(&chromium).await;
    browser.goto(&app.url("/graphiql")).await.expect("the page");
    let ready = browser.wait().at_most(WAIT_TIMEOUT).for_element(Locator::Css(EDITOR_SELECTOR)).await;
    ready.expect("an editor with a query in it");
    click(&browser, PROFILE_TAB_SELECTOR).await;
    click(&browser, EXECUTE_BUTTON_SELECTOR).await;

    let result = wait_for_response(&browser).await;
    assert_eq!(result.get("errors"), None, "{result:#}");
    let researcher = &result["data"]["researcher"];
    assert_eq!(researcher["name"], json!("Razvan Pascanu"));
    let mut titles = crate::support::pluck_strings(&researcher["papers"]["edges"], &["node", "title"]);
    titles.sort_unstable();
    assert_eq!(titles, ["Bridges of paper", "Rivers under glass"]);
    assert_eq!(researcher["coauthors"]["edges"][0]["node"]["name"], json!("Ida Brook"));

    // The response as rendered.
    let pane =
        browser.wait().at_most(WAIT_TIMEOUT).for_element(Locator::Css(RESPONSE_SELECTOR)).await.expect("the result");
    let deadline = Instant::now() + WAIT_TIMEOUT;
    loop {
        let text = pane.text().await.expect("its text").replace('\u{a0}', " ");
        if text.contains("\"name\": \"Razvan Pascanu\"") {
            break;
        }
        assert!(Instant::now() < deadline, "the response is not rendered: {text}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    browser.close().await.expect("the end of the browser");
}

#[tokio::test]
async fn below_a_path_prefix() {
    let app = TestApp::start().await;
    let Some(nginx) = start_proxy(&app) else { return };
    let Some((chromium, chromedriver)) = find_browser(&app).await else { return };
    let workspace = Workspace::new();
    let driver = WebDriver::start(&chromedriver, &workspace);
    let browser = driver.open_browser(&chromium).await;
    // Through the redirect from the root of the service, with a linked query.
    let page = nginx.url("/directory/");
    browser.goto(&format!("{page}?query=%7B%20__typename%20%7D")).await.expect("the page");
    let ready = browser.wait().at_most(WAIT_TIMEOUT).for_element(Locator::Css(EDITOR_SELECTOR)).await;
    ready.expect("an editor with a query in it");
    click(&browser, EXECUTE_BUTTON_SELECTOR).await;
    assert_eq!(wait_for_response(&browser).await, json!({ "data": { "__typename": "Query" } }));
    // Files that are loaded later, such as the workers of the editor, are below the prefix, too.
    let script = "return performance.getEntriesByType('resource').map(entry => entry.name)";
    let loaded = browser.execute(script, Vec::new()).await.expect("a script that runs");
    let loaded: Vec<String> = serde_json::from_value(loaded).expect("addresses");
    assert!(loaded.iter().any(|address| address.contains(".worker-")), "{loaded:#?}");
    for address in loaded.iter().filter(|address| address.starts_with("http")) {
        assert!(address.starts_with(&page), "{address} is not below {page}");
    }
    browser.close().await.expect("the end of the browser");
}
