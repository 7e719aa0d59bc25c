//! References to researchers and papers: by id, slug or identifier, in any notation.

use sea_orm::{EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _};

use crate::entity::{paper, researcher};
use crate::error::Error;
use crate::model::global_id::{GlobalId, NodeKind};
use crate::model::identifier::{ArxivId, Doi, InvalidIdentifier, Orcid};
use crate::store::curation::error::{CurationError, DecisionError};
use crate::store::reader::identifier_column::IdentifierColumn;
use crate::store::reader::lookup::{LookupKey, LookupTable, lookup_ids_sql};
use crate::store::unit_of_work::UnitOfWork;
use crate::text::names;

/// Maximum number of researchers suggested for a name.
const MAX_SUGGESTIONS: u64 = 5;

fn parse_id_key(text: &str, wanted: NodeKind) -> Option<Result<LookupKey, CurationError>> {
    let id: GlobalId = text.parse().ok()?;
    Some(if id.kind == wanted {
        Ok(LookupKey::Id(id.row_id))
    } else {
        Err(CurationError::wrong_kind(text, id.kind, wanted))
    })
}

fn slug_key(text: &str) -> LookupKey {
    LookupKey::Slug(text.to_lowercase())
}

/// An identifier, valid or malformed, if the text is intended as one.
fn parse_if_intended<T>(parsed: Result<T, InvalidIdentifier>, is_meant: bool) -> Option<Result<T, CurationError>> {
    match parsed {
        Ok(identifier) => Some(Ok(identifier)),
        Err(error) if is_meant => Some(Err(error.into())),
        Err(_) => None,
    }
}

fn parse_researcher_key(text: &str) -> Result<LookupKey, CurationError> {
    let text = text.trim();
    if let Some(key) = parse_id_key(text, NodeKind::Researcher) {
        return key;
    }
    let is_like_orcid = text.to_lowercase().contains("orcid")
        || text.len() >= 15 && text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'X' | b'x'));
    match parse_if_intended(text.parse::<Orcid>(), is_like_orcid) {
        Some(orcid) => Ok(LookupKey::Column(IdentifierColumn::Orcid, orcid?.to_string())),
        None => Ok(slug_key(text)),
    }
}

fn parse_paper_key(text: &str) -> Result<LookupKey, CurationError> {
    let text = text.trim();
    if let Some(key) = parse_id_key(text, NodeKind::Paper) {
        return key;
    }
    let lower = text.to_lowercase();
    if let Some(doi) = parse_if_intended(text.parse::<Doi>(), lower.contains("doi.org/") || lower.starts_with("doi:")) {
        return Ok(LookupKey::Column(IdentifierColumn::Doi, doi?.to_string()));
    }
    match parse_if_intended(text.parse::<ArxivId>(), lower.contains("arxiv.org/") || lower.starts_with("arxiv:")) {
        Some(id) => Ok(LookupKey::Column(IdentifierColumn::ArxivId, id?.to_string())),
        None => Ok(slug_key(text)),
    }
}

/// The referenced researchers, in the same order.
pub(super) async fn find_researchers(uow: &UnitOfWork<'_>, texts: &[&str]) -> Result<Vec<i64>, DecisionError> {
    let keys = texts.iter().map(|text| parse_researcher_key(text)).collect::<Result<Vec<_>, _>>()?;
    let ids = find_by_keys::<researcher::Model>(uow, &keys).await?;
    let mut researchers = Vec::with_capacity(ids.len());
    for (text, id) in texts.iter().zip(ids) {
        match id {
            Some(id) => researchers.push(id),
            None => return Err(unknown_researcher_error(uow, text).await?.into()),
        }
    }
    Ok(researchers)
}

/// The referenced researcher. The errors do not repeat the reference, which may be a hidden name.
pub(super) async fn find_researcher(uow: &UnitOfWork<'_>, text: &str) -> Result<i64, Error> {
    let key = parse_researcher_key(text).map_err(|error| match error {
        CurationError::WrongKind { given, wanted, .. } => {
            Error::BadUserInput(format!("this is the id of a {given}; the id of a {wanted} is required"))
        }
        _ => Error::BadUserInput("this is not a valid ORCID iD".to_owned()),
    })?;
    let found = find_by_keys::<researcher::Model>(uow, &[key]).await?;
    let not_found = || Error::BadUserInput("no researcher has this id, slug or ORCID iD".to_owned());
    found.into_iter().next().flatten().ok_or_else(not_found)
}

/// The referenced papers, in the same order, each once.
pub(super) async fn find_papers(uow: &UnitOfWork<'_>, texts: &[String]) -> Result<Vec<i64>, DecisionError> {
    let keys = texts.iter().map(|text| parse_paper_key(text)).collect::<Result<Vec<_>, _>>()?;
    let ids = find_by_keys::<paper::Model>(uow, &keys).await?;
    let mut papers = Vec::with_capacity(ids.len());
    for (text, id) in texts.iter().zip(ids) {
        let id = id.ok_or_else(|| CurationError::UnknownPaper(text.clone()))?;
        if !papers.contains(&id) {
            papers.push(id);
        }
    }
    Ok(papers)
}

async fn find_by_keys<M: LookupTable>(uow: &UnitOfWork<'_>, keys: &[LookupKey]) -> Result<Vec<Option<i64>>, Error> {
    let mut ids = vec![None; keys.len()];
    for (index, id) in uow.tuples::<(i64, i64)>(lookup_ids_sql::<M>(keys)).await? {
        if let Some(slot) = usize::try_from(index).ok().and_then(|index| ids.get_mut(index)) {
            *slot = Some(id);
        }
    }
    Ok(ids)
}

/// The error for an unknown key, with researchers who have it as their name.
async fn unknown_researcher_error(uow: &UnitOfWork<'_>, text: &str) -> Result<CurationError, Error> {
    let namesakes = researcher::Entity::find()
        .select_only()
        .column(researcher::Column::Slug)
        .filter(researcher::COLUMN.name_key.eq(names::name_key(text)))
        .order_by_asc(researcher::Column::Id)
        .limit(MAX_SUGGESTIONS);
    let slugs: Vec<String> = namesakes.into_tuple().all(uow.db()).await?;
    let hint =
        if slugs.is_empty() { String::new() } else { format!(" (researchers of that name: {})", slugs.join(", ")) };
    Ok(CurationError::UnknownResearcher { key: text.to_owned(), hint })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_researchers() {
        let id = GlobalId { kind: NodeKind::Researcher, row_id: 7 }.to_string();
        assert_eq!(parse_researcher_key(&format!(" {id} ")), Ok(LookupKey::Id(7)));
        assert_eq!(parse_researcher_key("Ida-Brook"), Ok(LookupKey::Slug("ida-brook".to_owned())));
        let orcid = LookupKey::Column(IdentifierColumn::Orcid, "0000-0002-1694-233X".to_owned());
        for text in ["0000-0002-1694-233x", "https://orcid.org/0000-0002-1694-233X", "000000021694233X"] {
            assert_eq!(parse_researcher_key(text), Ok(orcid.clone()), "{text}");
        }
        for text in ["0000-0002-1694-2339", "https://orcid.org/0000", "orcid:x"] {
            assert!(matches!(parse_researcher_key(text), Err(CurationError::InvalidIdentifier(_))), "{text}");
        }
        let paper = GlobalId { kind: NodeKind::Paper, row_id: 7 }.to_string();
        assert!(matches!(parse_researcher_key(&paper), Err(CurationError::WrongKind { .. })));
    }

    #[test]
    fn keys_of_papers() {
        let doi = LookupKey::Column(IdentifierColumn::Doi, "10.1000/weirs".to_owned());
        for text in ["10.1000/Weirs", "https://doi.org/10.1000/weirs", "doi:10.1000/WEIRS"] {
            assert_eq!(parse_paper_key(text), Ok(doi.clone()), "{text}");
        }
        assert_eq!(
            parse_paper_key("arXiv:2301.00001v2"),
            Ok(LookupKey::Column(IdentifierColumn::ArxivId, "2301.00001".to_owned()))
        );
        assert_eq!(parse_paper_key("On-Weirs"), Ok(LookupKey::Slug("on-weirs".to_owned())));
        assert!(matches!(parse_paper_key("https://doi.org/weirs"), Err(CurationError::InvalidIdentifier(_))));
    }
}
