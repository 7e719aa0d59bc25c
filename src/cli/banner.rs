//! The banner of `serve`: the addresses, the contents of the directory, and an example.

use serde_json::{Value, json};

use crate::error::Error;
use crate::store::Store;
use crate::telemetry::console;

/// What `serve` prints when it serves requests.
pub(super) struct Banner {
    text: String,
    /// The same for `LOG_FORMAT=json`.
    fields: Value,
}

impl Banner {
    pub(super) fn print(&self) {
        console::print_result(&self.text, "serving requests", &self.fields);
    }
}

/// Returns the banner for a service at this URL.
pub(super) async fn make_banner(store: &Store, url: &str, has_pages: bool, is_embedded: bool) -> Result<Banner, Error> {
    let counted = store.directory_counts().await?;
    let example = store.example_researcher().await?.map(|slug| example_query(&slug));
    let version = env!("CARGO_PKG_VERSION");
    let server = if is_embedded { "an embedded Postgres" } else { "the Postgres of DATABASE_URL" };
    let (researchers, papers) = (counted.researcher_count, counted.paper_count);
    let (organizations, topics) = (counted.organization_count, counted.topic_count);
    let try_line = example.as_ref().map(|query| format!("  try       {query}\n")).unwrap_or_default();
    let pages = has_pages.then(|| format!("{url}/"));
    let pages_line = pages.as_ref().map(|pages| format!("  pages     {pages}\n")).unwrap_or_default();
    let text = format!(
        "academic-directory {version}\n{pages_line}  GraphiQL  {url}/graphiql\n  GraphQL   {url}/graphql\n  loaded    {researchers} researchers, \
         {papers} papers, {organizations} organizations, {topics} topics, in {server}\n{try_line}  stop      Ctrl-C"
    );
    let fields = json!({
        "version": version, "pages": pages, "graphiql": format!("{url}/graphiql"), "graphql": format!("{url}/graphql"),
        "researchers": researchers, "papers": papers, "organizations": organizations, "topics": topics,
        "database": if is_embedded { "embedded" } else { "external" }, "example": example,
    });
    Ok(Banner { text, fields })
}

/// A query about a researcher of the directory.
fn example_query(slug: &str) -> String {
    format!(
        "{{ researcher(by: {{slug: \"{slug}\"}}) {{ name headline {{ value }} coauthors(first: 3) {{ totalCount nodes {{ name }} }} }} }}"
    )
}
