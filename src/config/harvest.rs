//! Settings of harvesting by OAI-PMH.

use clap::Args;

/// Settings of harvesting by OAI-PMH.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Harvesting")]
pub struct HarvestConfig {
    /// Domain in the identifiers of records at /oai, such as www.example.org; never change it once harvesters use it. If
    /// unset, the host of PUBLIC_URL
    #[arg(long, env = "OAI_DOMAIN", value_parser = parse_oai_domain)]
    pub oai_domain: Option<String>,
    /// E-mail address of the administrator of the repository, published at /oai
    #[arg(long, env = "OAI_ADMIN_EMAIL", value_parser = parse_email)]
    pub oai_admin_email: Option<String>,
}

/// Whether a text is a domain as OAI identifiers have it: with a dot, and labels that begin with a letter.
#[must_use]
pub fn is_oai_domain(text: &str) -> bool {
    let is_label = |label: &str| {
        label.starts_with(|first: char| first.is_ascii_alphabetic())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    text.contains('.') && text.split('.').all(is_label)
}

fn parse_oai_domain(text: &str) -> Result<String, String> {
    let text = text.trim();
    if is_oai_domain(text) {
        return Ok(text.to_owned());
    }
    Err("expected a domain such as www.example.org: at least one dot, and a letter after each".to_owned())
}

fn parse_email(text: &str) -> Result<String, String> {
    let text = text.trim();
    let has_domain = text.split_once('@').is_some_and(|(name, domain)| {
        !name.is_empty() && domain.contains('.') && domain.split('.').all(|label| !label.is_empty())
    });
    if has_domain && !text.contains(char::is_whitespace) {
        return Ok(text.to_owned());
    }
    Err("expected an e-mail address such as library@example.org".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oai_settings() {
        for text in ["www.example.org", "a-b.c1.org"] {
            assert_eq!(parse_oai_domain(text).as_deref(), Ok(text));
        }
        for text in ["", "localhost", "10.0.0.1", "www.example.org:80", "a..org", "a.org/", "a.1b"] {
            assert!(parse_oai_domain(text).is_err(), "{text}");
        }
        assert_eq!(parse_email(" library@www.example.org").as_deref(), Ok("library@www.example.org"));
        for text in ["", "library", "library@localhost", "@example.org", "a b@example.org", "a@example."] {
            assert!(parse_email(text).is_err(), "{text}");
        }
    }
}
