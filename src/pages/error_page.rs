//! Pages for what goes wrong: each says what happened and what to do, and has a search form.

use askama::Template;

use crate::pages::RenderError;
use crate::pages::frame::{Context, Frame};

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// There is no such page.
    NotFound,
    /// A parameter of the address is not valid.
    BadRequest,
    /// The rate limit is exceeded.
    TooManyRequests,
    /// The service is overloaded, or has no database.
    Unavailable,
    /// An internal error.
    Internal,
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorTemplate {
    frame: Frame,
    title: &'static str,
    text: &'static str,
    /// Whether a search may help.
    has_search: bool,
    /// Whether the same page without parameters may help.
    can_start_again: bool,
}

/// The page for an error. It is the same for all addresses without a page, so that nothing can be concluded from it.
///
/// # Errors
/// If the template fails.
pub fn render_error(kind: ErrorKind, directory_name: &str, context: &Context<'_>) -> Result<String, RenderError> {
    let texts = context.language.texts();
    let (title, text) = match kind {
        ErrorKind::NotFound => (texts.not_found_title, texts.not_found_text),
        ErrorKind::BadRequest => (texts.bad_request_title, texts.bad_request_text),
        ErrorKind::TooManyRequests => (texts.too_many_title, texts.too_many_text),
        ErrorKind::Unavailable => (texts.unavailable_title, texts.unavailable_text),
        ErrorKind::Internal => (texts.error_title, texts.error_text),
    };
    // A page that is not found may not exist in the other language either: the language link leads to the front page.
    let context = Context { path: "", query_string: "", ..*context };
    let frame = Frame::new(&context, directory_name, title, "").not_indexed_if(true).without_search();
    let has_search = matches!(kind, ErrorKind::NotFound | ErrorKind::BadRequest);
    let template = ErrorTemplate { frame, title, text, has_search, can_start_again: kind == ErrorKind::BadRequest };
    Ok(template.render()?)
}
