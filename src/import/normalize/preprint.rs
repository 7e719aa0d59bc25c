//! Recognizes preprints that a source describes as articles of a journal "arXiv" or "CoRR".

use crate::model::identifier::ArxivId;
use crate::model::record::{PaperRecord, PaperType};
use crate::text::names;

/// Folded names of preprint servers that reference managers write in the field for the journal.
const PREPRINT_SERVERS: [&str; 9] = [
    "arxiv",
    "arxiv org",
    "arxiv cornell university",
    "corr",
    "biorxiv",
    "medrxiv",
    "chemrxiv",
    "psyarxiv",
    "techrxiv",
];

/// Sets the type and the arXiv id of a paper whose venue is a preprint server, such as Google Scholar's "arXiv preprint
/// arXiv:2301.00001". A preprint is not the version of record of a work.
pub(crate) fn recognize_preprint(paper: &mut PaperRecord) {
    let Some(venue) = paper.venue_name.as_deref().or(paper.publisher_name.as_deref()) else { return };
    let id = arxiv_id_in(venue);
    let server = id.as_ref().map_or(venue, |(before, _)| before);
    let server = names::fold(server);
    let server = ["preprint", "e prints", "eprint"]
        .iter()
        .fold(server.as_str(), |name, word| name.strip_suffix(word).map_or(name, str::trim_end));
    if !(PREPRINT_SERVERS.contains(&server) || server.is_empty() && id.is_some()) {
        return;
    }
    if matches!(paper.paper_type, PaperType::Article | PaperType::Other) {
        paper.paper_type = PaperType::Preprint;
    }
    if let Some((_, id)) = id {
        paper.arxiv_id.get_or_insert(id);
        if let Some(venue) = &mut paper.venue_name {
            "arXiv".clone_into(venue);
        }
    }
}

/// Returns the arXiv id in a text, after its label, and the text before it.
fn arxiv_id_in(text: &str) -> Option<(&str, ArxivId)> {
    let start = text.to_ascii_lowercase().rfind("arxiv:")?;
    let id = text[start + "arxiv:".len()..].trim_start().split([' ', ',', ';', ')', ']']).next()?;
    Some((&text[..start], id.trim_end_matches('.').parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn preprints_in_the_journal_field() {
        for (venue, expected_type, id, expected_venue) in [
            ("arXiv preprint arXiv:2301.00001", PaperType::Preprint, Some("2301.00001"), "arXiv"),
            ("arXiv:hep-th/9901001v2 [hep-th]", PaperType::Preprint, Some("hep-th/9901001"), "arXiv"),
            ("arXiv e-prints", PaperType::Preprint, None, "arXiv e-prints"),
            ("CoRR", PaperType::Preprint, None, "CoRR"),
            ("bioRxiv", PaperType::Preprint, None, "bioRxiv"),
            ("Journal of Waters", PaperType::Article, None, "Journal of Waters"),
            ("Journal of Waters, arXiv:2301.00001", PaperType::Article, None, "Journal of Waters, arXiv:2301.00001"),
        ] {
            let mut paper = PaperRecord {
                venue_name: Some(venue.to_owned()),
                paper_type: PaperType::Article,
                ..PaperRecord::default()
            };
            recognize_preprint(&mut paper);
            assert_eq!(paper.paper_type, expected_type, "{venue}");
            assert_eq!(paper.arxiv_id.as_ref().map(ArxivId::as_str), id, "{venue}");
            assert_eq!(paper.venue_name.as_deref(), Some(expected_venue));
        }
    }
}
