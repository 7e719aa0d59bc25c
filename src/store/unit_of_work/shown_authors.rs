//! Which papers show an author in another way after the names of a researcher changed.

use std::collections::{BTreeSet, HashMap};

use migration::changed_fields::SHOWN_AUTHOR;
use sea_orm::{EntityTrait as _, ExprTrait as _, QueryFilter as _};

use crate::entity::authorship;
use crate::error::Error;
use crate::store::access::sql_fragment::sql;
use crate::store::reader::authorship::RedactedAuthorship;
use crate::store::unit_of_work::UnitOfWork;
use crate::store::unit_of_work::json_rows::json_row;

/// The displayed name of a researcher, and the forms that identify their hidden names.
type Names = (String, Option<Vec<String>>);

/// The names of a researcher before the transaction, and now.
#[derive(Default)]
struct Renaming {
    before: Option<Names>,
    now: Option<Names>,
}

json_row! {
    /// A row of `change_pending`.
    struct ChangedPaperRow {
        paper_id: i64,
    }
}

impl UnitOfWork<'_> {
    /// Notes the papers on which an author is shown in another way, of researchers who hide a name, or did. Triggers have
    /// noted their names; those of other researchers hide nothing, and are noted as papers.
    pub(super) async fn note_shown_authors(&self) -> Result<(), Error> {
        let renamings = self.renamings().await?;
        if renamings.is_empty() {
            return Ok(());
        }
        self.execute(sql!("DELETE FROM change_pending WHERE starts_with(field, ?)", SHOWN_AUTHOR)).await?;
        let ids = || renamings.keys().copied();
        let is_theirs = authorship::COLUMN.researcher_id.eq_any(ids()).or(authorship::COLUMN.same_as_id.eq_any(ids()));
        let authorships = authorship::Entity::find().filter(is_theirs).all(self.db()).await?;
        let changed = authorships.into_iter().filter(|author| {
            let researcher = author.researcher_id.or(author.same_as_id);
            let renaming = researcher.and_then(|id| renamings.get(&id));
            renaming
                .is_some_and(|renaming| shown(author, renaming.before.as_ref()) != shown(author, renaming.now.as_ref()))
        });
        let papers: BTreeSet<i64> = changed.map(|author| author.paper_id).collect();
        let rows: Vec<ChangedPaperRow> = papers.into_iter().map(|paper_id| ChangedPaperRow { paper_id }).collect();
        let insert =
            "INSERT INTO change_pending (kind, id, field, delta) SELECT 5, paper_id, 'authorships', 1 FROM rows";
        self.execute_with_rows(&rows, insert).await
    }

    /// The researchers whose names differ from those before the transaction, by id.
    async fn renamings(&self) -> Result<HashMap<i64, Renaming>, Error> {
        let sql = sql!(
            "SELECT id, substr(field, length(?::text) + 1), sum(delta) > 0 FROM change_pending \
             WHERE starts_with(field, ?) GROUP BY id, field HAVING sum(delta) <> 0",
            SHOWN_AUTHOR,
            SHOWN_AUTHOR,
        );
        let mut renamings: HashMap<i64, Renaming> = HashMap::new();
        for (id, names, is_former) in self.tuples::<(i64, String, bool)>(sql).await? {
            let names = Some(serde_json::from_str(&names).map_err(Error::internal)?);
            let renaming = renamings.entry(id).or_default();
            if is_former {
                renaming.before = names;
            } else {
                renaming.now = names;
            }
        }
        Ok(renamings)
    }
}

/// What readers see of an author whose researcher has these names.
fn shown(author: &authorship::Model, names: Option<&Names>) -> (String, String, bool, Vec<String>) {
    let (display_name, hidden_forms) = names.cloned().unzip();
    let RedactedAuthorship { authorship, resolved_name, is_name_suppressed } =
        RedactedAuthorship::new(author.clone(), display_name, hidden_forms.flatten());
    let name = resolved_name.unwrap_or(authorship.name);
    (name, authorship.name_as_published, is_name_suppressed, authorship.affiliations_as_published)
}
