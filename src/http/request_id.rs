//! Request ids, which correlate a client's request with its log line and trace.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage as _, HttpRequest};
use uuid::Uuid;

/// The header that carries the id in the request and the response.
pub(super) const REQUEST_ID_HEADER: HeaderName = HeaderName::from_static("x-request-id");
/// Maximum length of a client's id.
const MAX_REQUEST_ID_BYTES: usize = 128;

/// The id of a request: the client's own if it has 1 to 128 letters, digits, `.`, `_` or `-`, otherwise a new UUID.
#[derive(Clone, Debug)]
pub struct RequestId(String);

impl RequestId {
    /// The id of this request.
    #[must_use]
    pub fn of(request: &HttpRequest) -> String {
        request.extensions().get::<Self>().map_or_else(Self::generate, |id| id.0.clone())
    }

    /// A new id.
    #[must_use]
    pub fn generate() -> String {
        Uuid::now_v7().to_string()
    }
}

/// Middleware that assigns an id to each request and returns it in the response.
///
/// # Errors
/// Those of the next service.
pub async fn assign_request_id<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let sent =
        request.headers().get(&REQUEST_ID_HEADER).and_then(|value| value.to_str().ok()).filter(|id| is_well_formed(id));
    let id = sent.map_or_else(RequestId::generate, str::to_owned);
    let header = HeaderValue::from_str(&id);
    request.extensions_mut().insert(RequestId(id));
    let mut response = next.call(request).await?;
    if let Ok(header) = header {
        response.headers_mut().insert(REQUEST_ID_HEADER, header);
    }
    Ok(response)
}

fn is_well_formed(id: &str) -> bool {
    (1..=MAX_REQUEST_ID_BYTES).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}
