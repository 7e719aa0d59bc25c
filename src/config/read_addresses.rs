//! The list of addresses in `DATABASE_READ_URLS`.

/// Splits a list of addresses. A line break ends an address, and so does a comma or blank before `postgres://` or
/// `postgresql://`: other commas separate the hosts of one address.
pub(super) fn split(text: &str) -> Vec<&str> {
    let addresses = text.lines().flat_map(split_line).map(|address| address.trim_matches(is_separator));
    addresses.filter(|address| !address.is_empty()).collect()
}

fn split_line(line: &str) -> Vec<&str> {
    let is_start = |offset: &usize| line.get(..*offset).is_some_and(|before| before.ends_with(is_separator));
    let starts = ["postgres://", "postgresql://"].into_iter().flat_map(|scheme| line.match_indices(scheme));
    let mut starts: Vec<usize> = starts.map(|(offset, _)| offset).filter(is_start).collect();
    starts.sort_unstable();
    let ends = starts.iter().copied().chain([line.len()]);
    std::iter::once(0).chain(starts.iter().copied()).zip(ends).filter_map(|(start, end)| line.get(start..end)).collect()
}

fn is_separator(character: char) -> bool {
    character == ',' || character.is_whitespace()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists() {
        assert_eq!(split("postgres://a, postgres://b,"), ["postgres://a", "postgres://b"]);
        assert_eq!(split("postgres://a:1,b:2/d,postgresql://c,d"), ["postgres://a:1,b:2/d", "postgresql://c,d"]);
        assert_eq!(split("postgres://a postgres://b"), ["postgres://a", "postgres://b"]);
        assert_eq!(split("host=a,b user=c\n\nhost=d user=e\r\n"), ["host=a,b user=c", "host=d user=e"]);
        assert_eq!(split("host=a user=b, postgres://c"), ["host=a user=b", "postgres://c"]);
        assert_eq!(split("postgres://a:xpostgres://b"), ["postgres://a:xpostgres://b"]);
        assert_eq!(split("neither"), ["neither"]);
        assert_eq!(split(" , \n"), [""; 0]);
    }
}
