//! GraphiQL at `/graphiql`, embedded in the binary.

use std::io::Read as _;

use actix_web::http::header::{self, AcceptEncoding, ContentEncoding, Encoding};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, web};
use flate2::read::GzDecoder;
use include_dir::{Dir, include_dir};

use crate::http::redirect_see_other;

/// The files built from `web/` by npm, each compressed with gzip.
static WEB_FILES: Dir<'_> = include_dir!("$OUT_DIR/web-gzip");
/// GraphiQL loads nothing from other origins, and cannot be framed.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self' data:; img-src 'self' data:; \
     worker-src 'self'; connect-src 'self'; frame-ancestors 'none'";

/// The GraphiQL page.
pub async fn index(request: HttpRequest) -> HttpResponse {
    respond_with_file("index.html", &request)
}

pub async fn asset(path: web::Path<String>, request: HttpRequest) -> HttpResponse {
    if path.is_empty() && request.path().ends_with('/') {
        return redirect_see_other("/graphiql").await;
    }
    respond_with_file(&path, &request)
}

fn respond_with_file(path: &str, request: &HttpRequest) -> HttpResponse {
    let Some(file) = WEB_FILES.get_file(path) else { return HttpResponse::NotFound().finish() };
    // Built assets have a content hash in their name; index.html does not.
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
        .insert_header((header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY));
    if accepts_gzip(request) {
        return response.insert_header(ContentEncoding::Gzip).body(file.contents());
    }
    let mut content = Vec::new();
    match GzDecoder::new(file.contents()).read_to_end(&mut content) {
        Ok(_) => response.body(content),
        Err(error) => {
            tracing::error!(%error, path, "an embedded file of GraphiQL could not be decompressed");
            HttpResponse::InternalServerError().finish()
        }
    }
}

/// Whether the client accepts the stored gzip form, as all browsers do.
fn accepts_gzip(request: &HttpRequest) -> bool {
    let supported = [Encoding::gzip(), Encoding::identity()];
    let accepted: Option<AcceptEncoding> = request.get_header();
    accepted.is_some_and(|accepted| accepted.negotiate(supported.iter()) == Some(Encoding::gzip()))
}
