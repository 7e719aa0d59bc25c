//! The file `.env`, whose variables count as those of the environment unless that has them.

use std::path::PathBuf;

/// The file `.env` cannot be used. The message has no value of it, since that may be a password.
#[derive(Debug, thiserror::Error)]
pub enum EnvFileError {
    /// The file cannot be read.
    #[error("could not read {path}: {error}", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The cause.
        error: std::io::Error,
    },
    /// A line is not of the form `NAME=value`.
    #[error(
        "could not read {path}: line {line} is not NAME=value; put a value that has blanks, quotes or a backslash in single \
         quotes, as in NAME='two words'",
        path = path.display()
    )]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The number of the line, from 1.
        line: usize,
    },
}

/// Sets the variables of `.env` in the working directory or the nearest directory above it, if there is one. No thread may
/// have been started.
///
/// # Errors
/// If the file cannot be read, or a line is malformed; the variables of the lines before it are set.
pub fn load_env_file() -> Result<(), EnvFileError> {
    let Ok(directory) = std::env::current_dir() else { return Ok(()) };
    let Some(path) = directory.ancestors().map(|directory| directory.join(".env")).find(|path| path.is_file()) else {
        return Ok(());
    };
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => escape_dollars(text.trim_start_matches('\u{feff}')),
        Err(error) => return Err(EnvFileError::Unreadable { path, error }),
    };
    match dotenvy::from_read(text.as_bytes()) {
        Ok(()) => Ok(()),
        Err(dotenvy::Error::LineParse(malformed, _)) => {
            let before = text.find(&malformed).and_then(|offset| text.get(..offset)).unwrap_or_default();
            Err(EnvFileError::Malformed { path, line: before.matches('\n').count() + 1 })
        }
        Err(dotenvy::Error::Io(error)) => Err(EnvFileError::Unreadable { path, error }),
        Err(error) => Err(EnvFileError::Unreadable { path, error: std::io::Error::other(error) }),
    }
}

/// What the place in the file means for the next character.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// The start of a line, or a blank outside quotes: a `#` begins a comment.
    Blank,
    Bare,
    Comment,
    SingleQuotes,
    DoubleQuotes,
}

/// Escapes each `$`, which dotenvy would expand as a variable: passwords contain them.
fn escape_dollars(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut place = Place::Blank;
    let mut is_escaped = false;
    for character in text.chars() {
        if character == '$' && !is_escaped && matches!(place, Place::Blank | Place::Bare | Place::DoubleQuotes) {
            escaped.push('\\');
        }
        escaped.push(character);
        place = match (place, character) {
            (Place::Bare | Place::DoubleQuotes, _) if is_escaped => place,
            (Place::SingleQuotes, '\'') | (Place::DoubleQuotes, '"') => Place::Bare,
            (Place::SingleQuotes | Place::DoubleQuotes, _) => place,
            (_, '\n') => Place::Blank,
            (Place::Comment, _) | (Place::Blank, '#') => Place::Comment,
            (_, '\'') => Place::SingleQuotes,
            (_, '"') => Place::DoubleQuotes,
            (_, character) if character.is_whitespace() => Place::Blank,
            _ => Place::Bare,
        };
        is_escaped = character == '\\' && !is_escaped && matches!(place, Place::Bare | Place::DoubleQuotes);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Vec<(String, String)> {
        let escaped = escape_dollars(text);
        dotenvy::from_read_iter(escaped.as_bytes()).map(|pair| pair.expect("a variable")).collect()
    }

    #[test]
    fn dollars_are_ordinary() {
        let text = "# don't $stop\n\
            A=pa$word\n\
            B=\"pa$word ${x} \\$y \\\"$z\" # it's $HOME\n\
            C='pa$word \\$x'\n\
            D=\\$escaped$$\n\
            E=$ # $comment\n\
            F=\n\
            G=a#$b\n\
            \texport H = $HOME\n\
            I=\"two\n$lines\"\n\
            J=a'$b'\"$c\"$d\n\
            K=\\\\$x\n";
        let values = values(text);
        let values: Vec<(&str, &str)> = values.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(
            values,
            [
                ("A", "pa$word"),
                ("B", "pa$word ${x} $y \"$z"),
                ("C", "pa$word \\$x"),
                ("D", "$escaped$$"),
                ("E", "$"),
                ("F", ""),
                ("G", "a#$b"),
                ("H", "$HOME"),
                ("I", "two\n$lines"),
                ("J", "a$b$c$d"),
                ("K", "\\$x"),
            ]
        );
    }

    proptest::proptest! {
        /// A value without quotes, blanks and backslashes is what the file says.
        #[test]
        fn plain_values_are_literal(value in "[a-zA-Z0-9$@:/?#%&=+{}.,!^*()~-]{1,20}") {
            proptest::prop_assume!(!value.starts_with('#'));
            let quoted = format!("A={value}\nB='{value}'\nC=\"{value}\"\n");
            let pairs = values(&quoted);
            proptest::prop_assert!(pairs.iter().all(|(_, read)| *read == value), "{:?}", pairs);
        }
    }
}
