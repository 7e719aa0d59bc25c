//! The demonstration directory: a profile page's facts, so that a new installation has something to show.

use std::io::Cursor;

use crate::error::Error;
use crate::model::record::Record;
use crate::store::Store;
use crate::store::unit_of_work::Effect;

/// One record a line, as `import records` takes them.
const RECORDS: &str = include_str!("../demo/directory.jsonl");

/// A query to paste, and what the first tab of the page has in full.
pub const QUERY: &str = r#"{ researcher(by: {slug: "razvan-pascanu"}) { name headline { value } coauthors(first: 3) { totalCount nodes { name } } } }"#;

/// Loads the demonstration directory; what is there already stays as it is. Tells how many records were new.
///
/// # Errors
/// Where the database does not take them.
pub async fn load(store: &Store) -> Result<usize, Error> {
    let lines = std::io::BufRead::lines(Cursor::new(RECORDS));
    let mut records = Vec::new();
    for line in lines {
        let line = line.map_err(Error::internal)?;
        records.push(serde_json::from_str::<Record>(&line).map_err(Error::internal)?);
    }
    let written = store.write("demonstration", &records).await?;
    store.resolve_identities(|_| ()).await?;
    Ok(written.effects.iter().filter(|effect| **effect == Some(Effect::Created)).count())
}
