//! URIs of the concepts of vocabularies, from which the codes of topics are made.

/// The URI without its protocol and without a slash at its end: the same concept by http and by https.
#[must_use]
pub fn bare_uri(uri: &str) -> &str {
    let bare = uri.strip_prefix("https://").or_else(|| uri.strip_prefix("http://")).unwrap_or(uri);
    bare.trim_end_matches('/')
}

/// Returns the end of a URI with a number of segments, or the whole URI without its protocol.
#[must_use]
pub fn last_segments(uri: &str, count: usize) -> &str {
    let bare = bare_uri(uri);
    let ends = bare.rmatch_indices(['#', '/', ':']);
    ends.take(count).nth(count.saturating_sub(1)).map_or(bare, |(end, _)| &bare[end + 1..])
}

/// Returns the ends of a URI that can be codes, from its last segment to the whole URI without its protocol.
pub fn possible_codes(uri: &str) -> impl Iterator<Item = &str> {
    let bare = bare_uri(uri);
    let ends = bare.rmatch_indices(['#', '/', ':']).map(|(end, _)| &bare[end + 1..]);
    ends.chain(std::iter::once(bare)).filter(|code| !code.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_a_uri() {
        let uri = "https://a.example/themes#5/";
        assert_eq!(possible_codes(uri).collect::<Vec<_>>(), ["5", "themes#5", "a.example/themes#5"]);
        assert_eq!(
            [1, 2, 3, 9].map(|count| last_segments(uri, count)),
            ["5", "themes#5", "a.example/themes#5", "a.example/themes#5"]
        );
        assert_eq!(possible_codes("urn:isbn:1").collect::<Vec<_>>(), ["1", "isbn:1", "urn:isbn:1"]);
        assert_eq!(bare_uri("http://a.example/5"), bare_uri("https://a.example/5/"));
    }
}
