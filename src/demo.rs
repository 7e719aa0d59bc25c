//! Sample data for a new installation, from the profile page of a researcher.

use std::io::Cursor;

use crate::error::Error;
use crate::model::record::Record;
use crate::store::Store;
use crate::store::curation::remove_source::SourceRemoval;
use crate::store::unit_of_work::Effect;

/// The name of the source of the sample data.
const DEMO_SOURCE: &str = "demonstration";
/// One record per line, in the format of `import records`.
const DEMO_RECORDS: &str = include_str!("../demo/directory.jsonl");

/// Imports the sample data and returns the number of records created. Existing data are not changed.
///
/// # Errors
/// If the database rejects the records.
pub async fn load(store: &Store) -> Result<usize, Error> {
    let lines = std::io::BufRead::lines(Cursor::new(DEMO_RECORDS));
    let mut records = Vec::new();
    for line in lines {
        let line = line.map_err(Error::internal)?;
        records.push(serde_json::from_str::<Record>(&line).map_err(Error::internal)?);
    }
    let written = store.write_records(DEMO_SOURCE, &records).await?;
    store.disambiguate_authors(|_| ()).await?;
    Ok(written.effects.iter().filter(|effect| **effect == Some(Effect::Created)).count())
}

/// Removes the sample data, and nothing that other sources also give or that people decided on.
///
/// # Errors
/// If the database is unavailable.
pub async fn remove(store: &Store) -> Result<SourceRemoval, Error> {
    let removed = store.remove_source(DEMO_SOURCE).await?;
    store.disambiguate_authors(|_| ()).await?;
    store.refresh_statistics_if_stale().await?;
    Ok(removed)
}
