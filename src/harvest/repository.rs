//! What the repository says about itself.

use std::net::SocketAddr;

use crate::config::{HarvestConfig, is_oai_domain};
use crate::model::change::ChangeKind;
use crate::model::global_id::GlobalId;

/// The path of the endpoint below the public URL.
pub const PATH: &str = "/oai";
/// The domain of identifiers if neither `OAI_DOMAIN` nor `PUBLIC_URL` gives one. It is reserved and never registered.
const FALLBACK_DOMAIN: &str = "academic-directory.invalid";

/// The repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository {
    /// The name of the directory.
    pub name: String,
    /// The domain in the identifiers of records.
    pub domain: String,
    /// The e-mail address of the administrator of the repository.
    pub admin_email: String,
    /// What is missing in the settings, for those who set the service up.
    pub notice: Option<String>,
    /// The address of the service, without a slash at the end.
    public_url: String,
}

impl Repository {
    /// Describes the repository of a service, which listens on an address and may be public at another.
    #[must_use]
    pub fn new(config: &HarvestConfig, public_url: Option<&str>, listen: SocketAddr, name: String) -> Self {
        let public_url = public_url.map_or_else(|| local_url(listen), |url| url.trim_end_matches('/').to_owned());
        let host = url::Url::parse(&public_url).ok().and_then(|url| url.host_str().map(str::to_owned));
        let domain = config.oai_domain.clone().or_else(|| host.filter(|host| is_oai_domain(host)));
        let mut missing = Vec::new();
        if domain.is_none() {
            missing.push("OAI_DOMAIN (the domain in the identifiers of records, which will change once it is set)");
        }
        if config.oai_admin_email.is_none() {
            missing.push("OAI_ADMIN_EMAIL");
        }
        let notice = (!missing.is_empty()).then(|| {
            format!("Settings are missing before this repository can be registered: {}.", missing.join(" and "))
        });
        let domain = domain.unwrap_or_else(|| FALLBACK_DOMAIN.to_owned());
        let admin_email = config.oai_admin_email.clone().unwrap_or_else(|| format!("postmaster@{domain}"));
        Self { name, domain, admin_email, notice, public_url }
    }

    /// The address of the service.
    #[must_use]
    pub fn public_url(&self) -> &str {
        &self.public_url
    }

    /// The base URL of requests.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("{}{PATH}", self.public_url)
    }

    /// The permanent address of an entity.
    #[must_use]
    pub fn page_url(&self, kind: ChangeKind, id: i64) -> String {
        format!("{}/id/{}", self.public_url, GlobalId { kind: kind.node_kind(), row_id: id })
    }
}

/// The address at which the service can be reached from the same machine.
fn local_url(listen: SocketAddr) -> String {
    if listen.ip().is_unspecified() {
        format!("http://localhost:{}", listen.port())
    } else {
        format!("http://{listen}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository(domain: Option<&str>, email: Option<&str>, public_url: Option<&str>) -> Repository {
        let config = HarvestConfig { oai_domain: domain.map(str::to_owned), oai_admin_email: email.map(str::to_owned) };
        Repository::new(&config, public_url, SocketAddr::from(([127, 0, 0, 1], 8080)), "Directory".to_owned())
    }

    #[test]
    fn settings_have_defaults() {
        let set =
            repository(Some("cris.example.org"), Some("a@example.org"), Some("https://www.example.org/directory/"));
        assert_eq!((set.domain.as_str(), set.notice.as_deref()), ("cris.example.org", None));
        assert_eq!(set.base_url(), "https://www.example.org/directory/oai");
        let by_url = repository(None, None, Some("https://www.example.org"));
        assert_eq!(
            (by_url.domain.as_str(), by_url.admin_email.as_str()),
            ("www.example.org", "postmaster@www.example.org")
        );
        assert!(
            by_url.notice.is_some_and(|notice| notice.contains("OAI_ADMIN_EMAIL") && !notice.contains("OAI_DOMAIN"))
        );
        let local = repository(None, None, None);
        assert_eq!((local.domain.as_str(), local.base_url().as_str()), (FALLBACK_DOMAIN, "http://127.0.0.1:8080/oai"));
        assert!(local.notice.is_some_and(|notice| notice.contains("OAI_ADMIN_EMAIL") && notice.contains("OAI_DOMAIN")));
        assert_eq!(repository(None, None, Some("http://10.0.0.1")).domain, FALLBACK_DOMAIN);
    }
}
