//! The files that all pages use, compiled in. Their names contain a hash of their content, so that they never expire.

use std::sync::LazyLock;

use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};

/// A file.
pub struct Asset {
    /// Its name below `assets/`.
    pub name: String,
    /// Its media type.
    pub media_type: &'static str,
    /// Its content.
    pub content: &'static str,
}

impl Asset {
    fn new(stem: &str, extension: &str, media_type: &'static str, content: &'static str) -> Self {
        let hash = HEXLOWER.encode(&Sha256::digest(content)[..6]);
        Self { name: format!("{stem}.{hash}.{extension}"), media_type, content }
    }
}

/// The style sheet: the design tokens, then the rules.
pub(super) static STYLE_SHEET: LazyLock<Asset> = LazyLock::new(|| {
    let content = concat!(include_str!("assets/tokens.css"), include_str!("assets/site.css"));
    Asset::new("site", "css", "text/css; charset=utf-8", content)
});

/// The script of the pages: what is better with it but works without.
pub(super) static SCRIPT: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("site", "js", "text/javascript; charset=utf-8", include_str!("assets/site.js")));

/// The icon of the pages.
pub(super) static ICON: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("icon", "svg", "image/svg+xml", include_str!("assets/icon.svg")));

/// The file with this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Asset> {
    let assets: [&'static Asset; 3] = [&STYLE_SHEET, &SCRIPT, &ICON];
    assets.into_iter().find(|asset| asset.name == name)
}
