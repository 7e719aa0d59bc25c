//! URL slugs.

/// Returns a URL slug: lower-case ASCII letters and digits with single hyphens, at most 80 bytes, never empty.
#[must_use]
pub fn slug(text: &str, otherwise: &str) -> String {
    const MAX_SLUG_BYTES: usize = 80;
    let apart = text.replace(['\'', '’'], "");
    let mut slug = String::new();
    for character in deunicode::deunicode(&apart).chars() {
        if character.is_ascii_alphanumeric() {
            slug.push(character.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    if slug.len() > MAX_SLUG_BYTES {
        let cut = slug[..=MAX_SLUG_BYTES].rfind('-').unwrap_or(MAX_SLUG_BYTES);
        slug.truncate(cut);
    }
    let slug = slug.trim_matches('-');
    if slug.is_empty() { otherwise.to_owned() } else { slug.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn slugs_of_texts() {
        assert_eq!(slug("Andr'as György", "x"), "andras-gyorgy");
        assert_eq!(slug("— ?", "paper"), "paper");
        assert!(slug(&"word ".repeat(40), "x").len() <= 80);
    }

    proptest! {
        #[test]
        fn slugs_are_valid(text in any::<String>()) {
            let slug = slug(&text, "paper");
            prop_assert!((1..=80).contains(&slug.len()));
            prop_assert!(slug.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'));
            prop_assert!(!slug.starts_with('-') && !slug.ends_with('-') && !slug.contains("--"));
        }
    }
}
