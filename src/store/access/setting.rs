//! Rows of the table `setting`: the state of the directory as a whole, by name.

use sea_orm::FromQueryResult;

use crate::error::Error;
use crate::store::Store;
use crate::store::access::sql_fragment::sql;

impl Store {
    /// Returns the value that is stored under a name, if there is one.
    pub(crate) async fn read_setting(&self, name: &str) -> Result<Option<String>, Error> {
        #[derive(FromQueryResult)]
        struct SettingRow {
            value: String,
        }
        let sql = sql!("SELECT value FROM setting WHERE name = ?", name);
        Ok(self.query_one::<SettingRow>("setting::by_name", sql).await?.map(|row| row.value))
    }
}
