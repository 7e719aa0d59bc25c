//! The names under which researchers published, beside those that their profiles list.

use std::collections::HashMap;
use std::sync::Arc;

use sea_orm::FromQueryResult;

use crate::error::Error;
use crate::model::entity_type::EntityType;
use crate::store::Store;
use crate::store::access::data_loader::{Loader, LoaderKey};
use crate::store::access::keyed_rows::{KeyedRow, group_by_key};
use crate::store::access::sql_fragment::{bigint_array, sql};
use crate::store::reader::authorship::NameRedaction;
use crate::text::names::{additional_published_names, name_key};

/// Loader key of the published names of a researcher that add to the display name and the other names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PublishedNamesKey(pub i64);

impl LoaderKey for PublishedNamesKey {
    const NAME: &'static str = "researcher::published_names";

    fn with_ids(&self, id_of: &mut dyn FnMut(EntityType, i64) -> i64) -> Option<Self> {
        Some(Self(id_of(EntityType::Researcher, self.0)))
    }
}

/// A name on papers of a researcher, with what decides whether it is listed.
#[derive(FromQueryResult)]
struct PublishedNameRow {
    /// Null if no name adds to the display name.
    name: Option<String>,
    paper_count: i64,
    display_name: String,
    other_names: Vec<String>,
    hidden_forms: Option<Vec<String>>,
    /// The keys of search-only and private names.
    hidden_keys: Vec<String>,
}

/// A name with a repair is damaged, whether the repair is applied or only suggested.
const PUBLISHED_NAMES: &str = "SELECT researcher.id AS parent_key, authorship.name, count(*) AS paper_count, \
     researcher.display_name, researcher.other_names, researcher.hidden_forms, \
     ARRAY(SELECT name_key FROM researcher_name WHERE researcher_id = researcher.id AND use <> 'DISPLAY') AS hidden_keys \
     FROM researcher LEFT JOIN authorship ON authorship.researcher_id = researcher.id \
     AND authorship.name <> researcher.display_name AND authorship.repair_value IS NULL WHERE researcher.id = ANY(?) \
     GROUP BY researcher.id, authorship.name";

impl Loader<PublishedNamesKey> for Store {
    type Value = Arc<Vec<String>>;

    async fn load(&self, keys: &[PublishedNamesKey]) -> Result<HashMap<PublishedNamesKey, Self::Value>, Error> {
        let sql = sql!(PUBLISHED_NAMES, bigint_array(keys.iter().map(|key| key.0)));
        let rows = self.query_all::<KeyedRow<PublishedNameRow>>(PublishedNamesKey::NAME, sql).await?;
        let by_researcher = group_by_key(rows).into_iter();
        Ok(by_researcher.map(|(id, rows)| (PublishedNamesKey(id), Arc::new(listed_names(rows)))).collect())
    }
}

/// The names to list for one researcher.
fn listed_names(rows: Vec<PublishedNameRow>) -> Vec<String> {
    let Some(PublishedNameRow { display_name, other_names, hidden_forms, hidden_keys, .. }) = rows.first() else {
        return Vec::new();
    };
    let (display_name, other_names, hidden_keys) = (display_name.clone(), other_names.clone(), hidden_keys.clone());
    let redaction = NameRedaction { name: display_name.clone(), forms: hidden_forms.clone().unwrap_or_default() };
    let is_public = |name: &str| !redaction.redacts_name(name) && !hidden_keys.contains(&name_key(name));
    let published = rows.into_iter().filter_map(|row| Some((row.name?, row.paper_count)));
    let published = published.filter(|(name, _)| is_public(name));
    additional_published_names(&display_name, &other_names, published.collect())
}
