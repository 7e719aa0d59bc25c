//! GraphiQL at `/graphiql`, embedded in the binary.
//!
//! The page refers to its files, and the redirects to it, by relative addresses: it also works below a path prefix.

use std::io::Read as _;

use actix_web::http::header::{self, AcceptEncoding, ContentEncoding, Encoding};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, web};
use flate2::read::GzDecoder;
use include_dir::{Dir, include_dir};

use crate::http::{not_found, redirect_see_other};

/// The files built from `web/` by npm, each compressed with gzip.
static WEB_FILES: Dir<'_> = include_dir!("$OUT_DIR/web-gzip");
/// GraphiQL loads nothing from other origins, and cannot be framed.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self' data:; img-src 'self' data:; \
     worker-src 'self'; connect-src 'self'; frame-ancestors 'none'";

/// The path of the page, without a trailing slash.
pub const PATH: &str = "/graphiql";
/// The cookbook, whose queries are the tabs of the page.
const COOKBOOK_FILE: &str = "cookbook.txt";
const COOKBOOK: &str = include_str!("../../docs/cookbook.md");
/// The file at [`PATH`].
const INDEX_FILE: &str = "index.html";

/// The GraphiQL page.
pub async fn index(request: HttpRequest) -> HttpResponse {
    respond_with_file(INDEX_FILE, &request)
}

/// A file of the page. The page itself has one address only, to which its relative addresses refer.
pub async fn asset(path: web::Path<String>, request: HttpRequest) -> HttpResponse {
    if path.is_empty() || *path == INDEX_FILE {
        return redirect_with_query("../graphiql", &request);
    }
    if *path == COOKBOOK_FILE {
        return HttpResponse::Ok().content_type("text/plain; charset=utf-8").body(COOKBOOK);
    }
    respond_with_file(&path, &request)
}

/// A redirect from `/`.
pub async fn redirect_from_root(request: HttpRequest) -> HttpResponse {
    redirect_with_query("graphiql", &request)
}

/// A redirect that preserves a linked query.
fn redirect_with_query(location: &str, request: &HttpRequest) -> HttpResponse {
    match request.query_string() {
        "" => redirect_see_other(location),
        query => redirect_see_other(&format!("{location}?{query}")),
    }
}

fn respond_with_file(path: &str, request: &HttpRequest) -> HttpResponse {
    let Some(file) = WEB_FILES.get_file(path) else { return not_found(request) };
    // Built assets have a content hash in their name; index.html does not.
    let caching = if path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "private, no-cache" };
    let media_type = mime_guess::from_path(path).first_or_octet_stream();
    let media_type =
        if media_type.type_() == "text" { format!("{media_type}; charset=utf-8") } else { media_type.to_string() };
    let mut response = HttpResponse::Ok();
    response
        .content_type(media_type)
        .insert_header((header::CACHE_CONTROL, caching))
        .insert_header((header::VARY, "accept-encoding"))
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
