//! People and papers as somebody types them: by id, slug or identifier, in any written form.

use sea_orm::FromQueryResult;

use crate::entity::paper;
use crate::entity::researcher;
use crate::error::Error;
use crate::model::global_id::{GlobalId, Kind};
use crate::model::identifier::{ArxivId, Doi, InvalidIdentifier, Orcid};
use crate::store::access::sql_fragment::Sql;
use crate::store::curation::error::{DecisionError, Refusal};
use crate::store::reader::lookup::{Key, Table, ids_of};
use crate::store::unit_of_work::Batch;
use crate::text::names;

/// So many namesakes are suggested for a name that is no key.
const SUGGESTIONS: i64 = 5;

fn id_key(text: &str, wanted: Kind) -> Option<Result<Key, Refusal>> {
    let id: GlobalId = text.parse().ok()?;
    Some(if id.kind == wanted { Ok(Key::Id(id.number)) } else { Err(Refusal::other_kind(text, id.kind, wanted)) })
}

fn slug_key(text: &str) -> Key {
    Key::Slug(text.to_lowercase())
}

/// An identifier that was meant to be one, mistyped or not.
fn meant<T>(parsed: Result<T, InvalidIdentifier>, is_meant: bool) -> Option<Result<T, Refusal>> {
    match parsed {
        Ok(identifier) => Some(Ok(identifier)),
        Err(error) if is_meant => Some(Err(error.into())),
        Err(_) => None,
    }
}

fn researcher_key(text: &str) -> Result<Key, Refusal> {
    let text = text.trim();
    if let Some(key) = id_key(text, Kind::Researcher) {
        return key;
    }
    let is_like_orcid = text.to_lowercase().contains("orcid")
        || text.len() >= 15 && text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'X' | b'x'));
    match meant(text.parse::<Orcid>(), is_like_orcid) {
        Some(orcid) => Ok(Key::Column("orcid", orcid?.to_string())),
        None => Ok(slug_key(text)),
    }
}

fn paper_key(text: &str) -> Result<Key, Refusal> {
    let text = text.trim();
    if let Some(key) = id_key(text, Kind::Paper) {
        return key;
    }
    let lower = text.to_lowercase();
    if let Some(doi) = meant(text.parse::<Doi>(), lower.contains("doi.org/") || lower.starts_with("doi:")) {
        return Ok(Key::Column("doi", doi?.to_string()));
    }
    match meant(text.parse::<ArxivId>(), lower.contains("arxiv.org/") || lower.starts_with("arxiv:")) {
        Some(id) => Ok(Key::Column("arxiv_id", id?.to_string())),
        None => Ok(slug_key(text)),
    }
}

impl Batch<'_> {
    /// The people who are meant, in their order.
    pub(super) async fn find_researchers(&self, texts: &[&str]) -> Result<Vec<i64>, DecisionError> {
        let keys = texts.iter().map(|text| researcher_key(text)).collect::<Result<Vec<_>, _>>()?;
        let found = self.find::<researcher::Model>(&keys).await?;
        let mut people = Vec::with_capacity(found.len());
        for (text, id) in texts.iter().zip(found) {
            match id {
                Some(id) => people.push(id),
                None => return Err(self.unknown_researcher(text).await?.into()),
            }
        }
        Ok(people)
    }

    /// The papers that are meant, in their order, each once.
    pub(super) async fn find_papers(&self, texts: &[String]) -> Result<Vec<i64>, DecisionError> {
        let keys = texts.iter().map(|text| paper_key(text)).collect::<Result<Vec<_>, _>>()?;
        let found = self.find::<paper::Model>(&keys).await?;
        let mut papers = Vec::with_capacity(found.len());
        for (text, id) in texts.iter().zip(found) {
            let id = id.ok_or_else(|| Refusal::UnknownPaper(text.clone()))?;
            if !papers.contains(&id) {
                papers.push(id);
            }
        }
        Ok(papers)
    }

    async fn find<M: Table>(&self, keys: &[Key]) -> Result<Vec<Option<i64>>, Error> {
        #[derive(FromQueryResult)]
        struct Found {
            index: i64,
            id: i64,
        }
        let mut found = vec![None; keys.len()];
        for row in self.rows::<Found>(ids_of::<M>(keys)).await? {
            if let Some(place) = usize::try_from(row.index).ok().and_then(|index| found.get_mut(index)) {
                *place = Some(row.id);
            }
        }
        Ok(found)
    }

    /// Says that nobody has the key, and who has it for a name.
    async fn unknown_researcher(&self, text: &str) -> Result<Refusal, Error> {
        #[derive(FromQueryResult)]
        struct Namesake {
            slug: String,
        }
        let sql = Sql::with("SELECT slug FROM researcher WHERE name_key = ? ORDER BY id ", names::identity_key(text));
        let namesakes = self.rows::<Namesake>(sql.then_with("LIMIT ?", SUGGESTIONS)).await?;
        let slugs: Vec<String> = namesakes.into_iter().map(|row| row.slug).collect();
        let hint = if slugs.is_empty() { String::new() } else { format!(" (by that name: {})", slugs.join(", ")) };
        Ok(Refusal::UnknownResearcher { key: text.to_owned(), hint })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_researchers() {
        let id = GlobalId { kind: Kind::Researcher, number: 7 }.to_string();
        assert_eq!(researcher_key(&format!(" {id} ")), Ok(Key::Id(7)));
        assert_eq!(researcher_key("Ida-Brook"), Ok(Key::Slug("ida-brook".to_owned())));
        let orcid = Key::Column("orcid", "0000-0002-1694-233X".to_owned());
        for text in ["0000-0002-1694-233x", "https://orcid.org/0000-0002-1694-233X", "000000021694233X"] {
            assert_eq!(researcher_key(text), Ok(orcid.clone()), "{text}");
        }
        for text in ["0000-0002-1694-2339", "https://orcid.org/0000", "orcid:x"] {
            assert!(matches!(researcher_key(text), Err(Refusal::Invalid(_))), "{text}");
        }
        let paper = GlobalId { kind: Kind::Paper, number: 7 }.to_string();
        assert!(matches!(researcher_key(&paper), Err(Refusal::OtherKind { .. })));
    }

    #[test]
    fn keys_of_papers() {
        let doi = Key::Column("doi", "10.1000/weirs".to_owned());
        for text in ["10.1000/Weirs", "https://doi.org/10.1000/weirs", "doi:10.1000/WEIRS"] {
            assert_eq!(paper_key(text), Ok(doi.clone()), "{text}");
        }
        assert_eq!(paper_key("arXiv:2301.00001v2"), Ok(Key::Column("arxiv_id", "2301.00001".to_owned())));
        assert_eq!(paper_key("On-Weirs"), Ok(Key::Slug("on-weirs".to_owned())));
        assert!(matches!(paper_key("https://doi.org/weirs"), Err(Refusal::Invalid(_))));
    }
}
