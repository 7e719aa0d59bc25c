//! The page at `/graphiql`, from the binary itself.

use actix_web::http::{Uri, header};
use actix_web::{HttpResponse, web};
use include_dir::{Dir, include_dir};

use super::see_other;

/// What the browser gets, built from `web/` by npm.
static WEB: Dir<'_> = include_dir!("$OUT_DIR/web");
/// The page works from this binary alone: nothing is fetched from elsewhere, and nothing of it runs inside another page.
const PAGE_POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self' data:; img-src 'self' data:; \
     worker-src 'self'; connect-src 'self'; frame-ancestors 'none'";

/// The page, from the binary itself.
pub async fn index() -> HttpResponse {
    file("index.html")
}

pub async fn any_file(path: web::Path<String>, uri: Uri) -> HttpResponse {
    if path.is_empty() && uri.path().ends_with('/') {
        return see_other("/graphiql").await;
    }
    file(&path)
}

fn file(path: &str) -> HttpResponse {
    let Some(file) = WEB.get_file(path) else { return HttpResponse::NotFound().finish() };
    // Built files have a digest in their name; the page that names them has none.
    let caching = if path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let media_type = mime_guess::from_path(path).first_or_octet_stream();
    let media_type =
        if media_type.type_() == "text" { format!("{media_type}; charset=utf-8") } else { media_type.to_string() };
    HttpResponse::Ok()
        .content_type(media_type)
        .insert_header((header::CACHE_CONTROL, caching))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::CONTENT_SECURITY_POLICY, PAGE_POLICY))
        .body(file.contents())
}
