//! Records that a directory exported. Their things get the ids that they had where these are free, and are known again by
//! these ids, in references too.

use std::collections::{HashMap, HashSet};

use sea_orm::FromQueryResult;
use serde::Serialize;

use crate::error::Error;
use crate::model::record::Exported;
use crate::store::access::sql_fragment::{Sql, ids, texts};
use crate::store::unit_of_work::Batch;
use crate::text::names;

/// What the keys of exported records begin with. No source has such keys of its own, and no export repeats them.
pub(crate) const EXPORTED: &str = "directory:";
/// Sequences go on behind the largest id: this leaves them room for ever.
const LARGEST_ID: i64 = 1 << 48;
/// The longest address that is taken as it is.
const LONGEST_SLUG: usize = 120;

/// The key of an exported record.
pub(crate) fn exported_key(kind: &str, id: i64) -> String {
    format!("{EXPORTED}{kind}:{id}")
}

/// A thing that an exported record became.
pub(crate) struct Placed<'a> {
    pub id: i64,
    pub exported: &'a Exported,
}

/// An id for a new row.
#[derive(Clone, Copy)]
pub(crate) struct Claimed {
    pub id: i64,
    /// Whether another id was wanted, which is taken.
    pub is_another: bool,
}

#[derive(Serialize)]
struct FormerRow<'a> {
    former_id: i64,
    former_slug: &'a str,
    survivor_id: i64,
    name_key: Option<&'a str>,
}

/// A record of a source, as the exporting directory had it.
#[derive(Serialize)]
struct SaidThere<'a> {
    source: &'a str,
    key: &'a str,
    digest: &'a str,
    told: Option<&'a [String]>,
    id: i64,
    is_of_former: bool,
}

/// The address wanted for a page: one that is an address already as it is, else one made from the text.
pub(crate) fn wanted_slug(wanted: Option<&str>, text: &str, otherwise: &str) -> String {
    let is_address = |slug: &&str| {
        let is_part = |part: &str| {
            !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        };
        slug.len() <= LONGEST_SLUG && slug.split('-').all(is_part)
    };
    match wanted.filter(is_address) {
        Some(slug) => slug.to_owned(),
        None => names::slug(wanted.unwrap_or(text), otherwise),
    }
}

impl Batch<'_> {
    /// What the things of a kind are here that had these ids in the directory that exported them.
    pub(crate) async fn placed(
        &self,
        kind: &str,
        exported: impl IntoIterator<Item = i64>,
    ) -> Result<HashMap<i64, i64>, Error> {
        let keys: HashMap<String, i64> = exported.into_iter().map(|id| (exported_key(kind, id), id)).collect();
        if keys.is_empty() {
            return Ok(HashMap::new());
        }
        let wanted: Vec<String> = keys.keys().cloned().collect();
        let known = self.known(kind, &wanted).await?;
        Ok(keys.into_iter().filter_map(|(key, id)| Some((id, known.get(&key)?.id))).collect())
    }

    /// An id for each new row of a table: the wanted one where it is free.
    pub(crate) async fn claimed_ids(&self, table: &str, wanted: &[Option<i64>]) -> Result<Vec<Claimed>, Error> {
        #[derive(FromQueryResult)]
        struct Taken {
            id: i64,
        }
        let asked: HashSet<i64> = wanted.iter().flatten().copied().filter(|id| (1..=LARGEST_ID).contains(id)).collect();
        let mut free = asked.clone();
        if let Some(largest) = asked.iter().max() {
            let taken = Sql::from(format!("SELECT id FROM {table} WHERE "))
                .then_with("id = ANY(?) ", ids(asked.iter().copied()))
                .then(format!("UNION SELECT former_id FROM former_identity WHERE kind = '{table}' AND "))
                .then_with("former_id = ANY(?)", ids(asked.iter().copied()));
            // Of an authorship that is gone a decision may still be there.
            let taken = match table {
                "authorship" => taken.then_with(
                    " UNION SELECT authorship_id FROM identity_pin WHERE authorship_id = ANY(?)",
                    ids(asked.iter().copied()),
                ),
                _ => taken,
            };
            for Taken { id } in self.rows::<Taken>(taken).await? {
                free.remove(&id);
            }
            let behind = format!("SELECT setval('{table}_id_seq', greatest(last_value, ?)) AS id FROM {table}_id_seq");
            self.rows::<Taken>(Sql::with(&behind, *largest)).await?;
        }
        // Where two want the same, the second one gets another.
        let mut new_ids = self.new_ids(table, wanted.len() - free.len()).await?.into_iter();
        let claim = |wanted: &Option<i64>| match wanted.filter(|id| free.remove(id)) {
            Some(id) => Ok(Claimed { id, is_another: false }),
            None => {
                let id = new_ids.next().ok_or_else(|| Error::internal(format!("no id for a row of {table}")))?;
                Ok(Claimed { id, is_another: wanted.is_some() })
            }
        };
        wanted.iter().map(claim).collect()
    }

    /// Says of a record that its thing has another id here.
    pub(crate) fn note_id(&mut self, index: usize, exported: Option<&Exported>, claimed: Claimed) {
        if let Some(exported) = exported.filter(|_| claimed.is_another) {
            let note = format!("the id {} is taken; it has the id {} here", exported.id, claimed.id);
            self.note(index, note);
        }
    }

    /// Keeps what was known of things where they are from: what was merged into them, and the records of sources.
    pub(crate) async fn remember_exported(&self, kind: &str, things: &[Placed<'_>]) -> Result<(), Error> {
        let former = things.iter().flat_map(|thing| {
            let row = |former| (former, thing.id);
            thing.exported.formerly.iter().map(row)
        });
        let former: Vec<FormerRow<'_>> = former
            .filter(|(former, _)| (1..=LARGEST_ID).contains(&former.id))
            .map(|(former, survivor_id)| FormerRow {
                former_id: former.id,
                former_slug: &former.slug,
                survivor_id,
                name_key: former.name_key.as_deref(),
            })
            .collect();
        if let Some(largest) = former.iter().map(|row| row.former_id).max() {
            // What is there keeps its id and its address.
            let insert = format!(
                "INSERT INTO former_identity (kind, former_id, former_slug, survivor_id, name_key) \
                 SELECT '{kind}', former_id, former_slug, survivor_id, name_key FROM rows \
                 WHERE NOT EXISTS (SELECT FROM {kind} WHERE {kind}.id = former_id OR {kind}.slug = former_slug) \
                 ON CONFLICT DO NOTHING"
            );
            self.with_rows("former_id bigint, former_slug text, survivor_id bigint, name_key text", &former, &insert)
                .await?;
            let behind = format!("SELECT setval('{kind}_id_seq', greatest(last_value, ?)) FROM {kind}_id_seq");
            self.execute(Sql::with(&behind, largest)).await?;
        }
        // A key of the importing source that looks like an exported one would stand for another thing.
        let is_digest = |text: &str| text.len().is_multiple_of(2) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let said = things.iter().flat_map(|thing| thing.exported.sources.iter().map(|said| (thing.id, said)));
        let said: Vec<SaidThere<'_>> = said
            .filter(|(_, said)| !said.key.starts_with(EXPORTED) && is_digest(&said.digest))
            .map(|(id, said)| SaidThere {
                source: &said.source,
                key: &said.key,
                digest: &said.digest,
                told: said.told.as_deref(),
                id,
                is_of_former: said.is_of_former,
            })
            .collect();
        let insert = format!(
            "INSERT INTO source_record (source, key, digest, told, {kind}_id, is_of_former) \
             SELECT source, key, decode(digest, 'hex'), told, id, is_of_former FROM rows \
             ON CONFLICT DO NOTHING"
        );
        self.with_rows(
            "source text, key text, digest text, told text[], id bigint, is_of_former boolean",
            &said,
            &insert,
        )
        .await
    }

    /// Those of some names and ORCID iDs that people have who were not exported by this source.
    pub(crate) async fn present_people(
        &self,
        name_keys: Vec<String>,
        orcids: Vec<String>,
    ) -> Result<(HashSet<String>, HashSet<String>), Error> {
        #[derive(FromQueryResult)]
        struct Row {
            name_key: String,
            orcid: Option<String>,
            is_exported: bool,
        }
        let sql = Sql::with(
            "SELECT name_key, orcid, EXISTS (SELECT FROM source_record WHERE source_record.researcher_id = researcher.id \
             AND source_record.source = ? ",
            self.source,
        )
        .then(format!("AND starts_with(source_record.key, '{EXPORTED}')) AS is_exported FROM researcher "))
        .then_with("WHERE name_key = ANY(?) ", texts(name_keys))
        .then_with("OR orcid = ANY(?)", texts(orcids));
        let (mut names, mut orcids) = (HashSet::new(), HashSet::new());
        for row in self.rows::<Row>(sql).await? {
            orcids.extend(row.orcid);
            if !row.is_exported {
                names.insert(row.name_key);
            }
        }
        Ok((names, orcids))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let long = format!("{}-2", "a".repeat(80));
        assert_eq!(wanted_slug(Some(&long), "x", "paper"), long);
        assert_eq!(wanted_slug(Some("Ida Brook"), "x", "paper"), "ida-brook");
        assert_eq!(wanted_slug(Some("a--b"), "x", "paper"), "a-b");
        assert_eq!(wanted_slug(None, "On weirs", "paper"), "on-weirs");
    }
}
