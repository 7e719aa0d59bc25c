//! Why an author was taken for a researcher, read where it is asked for.

use std::any::type_name;
use std::collections::HashMap;

use sea_orm::{DbErr, FromQueryResult, QueryResult};
use serde_json::Value;

use crate::disambiguation::{Evidence, EvidenceKind, Resolution};
use crate::error::Error;
use crate::store::access::data_loader::Loader;
use crate::store::access::sql_fragment::{Sql, ids};
use crate::store::reader::authorship::{Hiding, joins_resolved};
use crate::store::{Keyed, Store};

/// Asks why an author was taken for a researcher.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ResolutionOf(pub i64);

/// What speaks for it, without what tells a hidden name: a coauthor has the name that they have on this paper, or the one that is
/// shown.
fn without_hidden(mut evidence: Evidence, names: &[String], hiding: &[Hiding]) -> Evidence {
    let key = |name: &str| crate::text::names::fold(name).replace(' ', "");
    if let (EvidenceKind::SharedCoauthor, Some(value)) = (evidence.kind, &evidence.value) {
        let here = names.iter().find(|name| key(name) == key(value));
        evidence.value = here.cloned();
    }
    let Some(value) = evidence.value.as_deref() else { return evidence };
    let told = hiding.iter().find(|hiding| hiding.is_told_by(value));
    if let Some(hiding) = told.filter(|_| evidence.kind == EvidenceKind::SharedCoauthor) {
        return Evidence { value: Some(hiding.name.clone()), ..evidence };
    }
    let mut texts = vec![value.to_owned()];
    hiding.iter().for_each(|hiding| hiding.hide_in(&mut texts));
    Evidence { value: texts.pop(), ..evidence }
}

impl FromQueryResult for Resolution {
    fn from_query_result(row: &QueryResult, prefix: &str) -> Result<Self, DbErr> {
        let json = |error: serde_json::Error| DbErr::Type(error.to_string());
        let evidence: Vec<Evidence> = serde_json::from_value(row.try_get(prefix, "evidence")?).map_err(json)?;
        let hiding: Option<Value> = row.try_get(prefix, "hiding")?;
        let hiding: Vec<Hiding> = hiding.map(serde_json::from_value).transpose().map_err(json)?.unwrap_or_default();
        let names: Option<Vec<String>> = row.try_get(prefix, "names")?;
        let names = names.unwrap_or_default();
        Ok(Self {
            method: serde_json::from_value(Value::String(row.try_get(prefix, "method")?)).map_err(json)?,
            confidence: row.try_get(prefix, "confidence")?,
            evidence: evidence.into_iter().map(|evidence| without_hidden(evidence, &names, &hiding)).collect(),
        })
    }
}

impl Loader<ResolutionOf> for Store {
    type Value = Resolution;

    async fn load(&self, keys: &[ResolutionOf]) -> Result<HashMap<ResolutionOf, Resolution>, Error> {
        let sql = Sql::with(
            concat!(
                "SELECT authorship_id AS parent_key, method, confidence, evidence, (\
                 SELECT jsonb_agg(DISTINCT jsonb_build_object('name', resolved.display_name, 'forms', resolved.hidden_forms)) \
                 FROM authorship AS own JOIN authorship AS other ON other.paper_id = own.paper_id",
                joins_resolved!("other"),
                " WHERE own.id = authorship_id AND resolved.hidden_forms IS NOT NULL) AS hiding, \
                 CASE WHEN evidence @> '[{\"kind\": \"SHARED_COAUTHOR\"}]' THEN ARRAY(SELECT other.name FROM authorship AS own \
                 JOIN authorship AS other ON other.paper_id = own.paper_id AND other.id <> own.id WHERE own.id = authorship_id) END AS names \
                 FROM authorship_resolution WHERE authorship_id = ANY(?)"
            ),
            ids(keys.iter().map(|key| key.0)),
        );
        let rows = self.rows::<Keyed<Resolution>>(type_name::<ResolutionOf>(), sql).await?;
        Ok(rows.into_iter().map(|row| (ResolutionOf(row.key), row.value)).collect())
    }
}
