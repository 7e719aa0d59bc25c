//! The page at `/graphiql`, from the binary itself.

use std::io::Read as _;

use actix_web::http::header::{self, AcceptEncoding, ContentEncoding, Encoding};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, web};
use flate2::read::GzDecoder;
use include_dir::{Dir, include_dir};

use crate::http::see_other;

/// What the browser gets, built from `web/` by npm, each file compressed with gzip.
static WEB: Dir<'_> = include_dir!("$OUT_DIR/web-gzip");
/// The page works from this binary alone: nothing is fetched from elsewhere, and nothing of it runs inside another page.
const PAGE_POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self' data:; img-src 'self' data:; \
     worker-src 'self'; connect-src 'self'; frame-ancestors 'none'";

/// The page, from the binary itself.
pub async fn index(request: HttpRequest) -> HttpResponse {
    file("index.html", &request)
}

pub async fn any_file(path: web::Path<String>, request: HttpRequest) -> HttpResponse {
    if path.is_empty() && request.path().ends_with('/') {
        return see_other("/graphiql").await;
    }
    file(&path, &request)
}

fn file(path: &str, request: &HttpRequest) -> HttpResponse {
    let Some(file) = WEB.get_file(path) else { return HttpResponse::NotFound().finish() };
    // Built files have a digest in their name; the page that names them has none.
    let caching = if path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let media_type = mime_guess::from_path(path).first_or_octet_stream();
    let media_type =
        if media_type.type_() == "text" { format!("{media_type}; charset=utf-8") } else { media_type.to_string() };
    let mut response = HttpResponse::Ok();
    response
        .content_type(media_type)
        .insert_header((header::CACHE_CONTROL, caching))
        .insert_header((header::VARY, "accept-encoding"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::CONTENT_SECURITY_POLICY, PAGE_POLICY));
    if takes_gzip(request) {
        return response.insert_header(ContentEncoding::Gzip).body(file.contents());
    }
    let mut content = Vec::new();
    match GzDecoder::new(file.contents()).read_to_end(&mut content) {
        Ok(_) => response.body(content),
        Err(error) => {
            tracing::error!(%error, path, "a file of the page is damaged in this program");
            HttpResponse::InternalServerError().finish()
        }
    }
}

/// Whether a browser takes a file as it is kept: all do.
fn takes_gzip(request: &HttpRequest) -> bool {
    let kept = [Encoding::gzip(), Encoding::identity()];
    let accepted: Option<AcceptEncoding> = request.get_header();
    accepted.is_some_and(|accepted| accepted.negotiate(kept.iter()) == Some(Encoding::gzip()))
}
