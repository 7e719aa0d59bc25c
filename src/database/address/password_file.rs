//! The password file of libpq (`~/.pgpass`), with lines of the form `host:port:database:user:password`.

use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// What a connection is made to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry<'a> {
    pub(super) host: &'a str,
    pub(super) port: u16,
    pub(super) database: &'a str,
    pub(super) user: &'a str,
}

/// The password in the file. A file that others may read is ignored with a warning, as by libpq.
pub(super) fn find_password(path: &Path, entry: Entry<'_>) -> Option<String> {
    match read(path) {
        Ok(text) => text.and_then(|text| find_in(&text, entry)),
        Err(error) => {
            tracing::warn!(file = %path.display(), %error, "ignoring the password file");
            None
        }
    }
}

fn read(path: &Path) -> std::io::Result<Option<String>> {
    let mut file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(std::io::Error::other("it is not a file"));
    }
    if metadata.permissions().mode() & 0o077 != 0 {
        return Err(std::io::Error::other("others may read or write it; run chmod 600 on it"));
    }
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    Ok(Some(text))
}

/// The password of the first line that matches.
fn find_in(text: &str, entry: Entry<'_>) -> Option<String> {
    text.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
        let mut rest = line;
        let port = entry.port.to_string();
        for value in [entry.host, &port, entry.database, entry.user] {
            let (field, is_any, tail) = split_field(rest)?;
            if !is_any && field != value {
                return None;
            }
            rest = tail;
        }
        Some(split_field_or_end(rest).0)
    })
}

/// A field that ends at a colon: its text, whether it is `*`, and what follows the colon.
fn split_field(text: &str) -> Option<(String, bool, &str)> {
    let (field, end, is_any) = split_field_or_end(text);
    Some((field, is_any, text.get(end?..)?))
}

/// A field that ends at a colon or the end of the line: its text, the offset behind the colon, and whether it is `*`. A
/// backslash takes the next character as it is.
fn split_field_or_end(text: &str) -> (String, Option<usize>, bool) {
    let mut field = String::new();
    let mut characters = text.char_indices();
    while let Some((offset, character)) = characters.next() {
        match character {
            ':' => return (field, Some(offset + 1), text.get(..offset) == Some("*")),
            '\\' => field.extend(characters.next().map(|(_, character)| character)),
            character => field.push(character),
        }
    }
    (field, None, text == "*")
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# comment\n\
        broken line\n\
        db.example.org:5432:directory:app:first\n\
        db.example.org:*:*:app:with\\:colon\\\\and backslash\n\
        localhost:5433:*:*:socket\n\
        [\\:\\:1]:5432:*:*:brackets\n\
        \\:\\:1:5432:*:*:ipv6:ignored\n\
        \\*:5432:*:*:star\n\
        *:*:*:nobody:\n";

    fn find(host: &str, port: u16, database: &str, user: &str) -> Option<String> {
        find_in(FILE, Entry { host, port, database, user })
    }

    #[test]
    fn entries() {
        assert_eq!(find("db.example.org", 5432, "directory", "app").as_deref(), Some("first"));
        assert_eq!(find("db.example.org", 5432, "other", "app").as_deref(), Some("with:colon\\and backslash"));
        assert_eq!(find("db.example.org", 5432, "directory", "other"), None);
        assert_eq!(find("localhost", 5433, "any", "any").as_deref(), Some("socket"));
        assert_eq!(find("::1", 5432, "any", "any").as_deref(), Some("ipv6"));
        assert_eq!(find("*", 5432, "any", "any").as_deref(), Some("star"));
        assert_eq!(find("any", 1, "any", "nobody").as_deref(), Some(""));
    }

    #[test]
    fn permissions() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("passwords");
        let entry = Entry { host: "h", port: 1, database: "d", user: "u" };
        assert_eq!(find_password(&path, entry), None);
        std::fs::write(&path, "*:*:*:*:secret\n").expect("a file");
        for (mode, password) in [(0o644, None), (0o640, None), (0o600, Some("secret")), (0o400, Some("secret"))] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("permissions");
            assert_eq!(find_password(&path, entry).as_deref(), password, "{mode:o}");
        }
        assert_eq!(find_password(directory.path(), entry), None);
    }
}
