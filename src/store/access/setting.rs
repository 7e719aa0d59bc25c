//! Rows of the table `setting`: the state of the directory as a whole, by name.

use sea_orm::{EntityTrait as _, QuerySelect as _, QueryTrait as _};

use crate::entity::setting;
use crate::error::Error;
use crate::store::Store;

impl Store {
    /// Returns the value that is stored under a name, if there is one.
    pub(crate) async fn read_setting(&self, name: &str) -> Result<Option<String>, Error> {
        let value = setting::Entity::find_by_id(name).select_only().column(setting::Column::Value);
        Ok(self.query_tuples("setting::by_name", value.into_query().into()).await?.pop())
    }
}
