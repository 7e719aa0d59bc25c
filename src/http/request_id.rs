//! A name for each request, by which its client, its log line and its trace are brought together.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage as _, HttpRequest};
use uuid::Uuid;

/// The header that brings it, and takes it back.
const NAME: HeaderName = HeaderName::from_static("x-request-id");
/// The longest that is taken over.
const LONGEST: usize = 128;

/// The request's name: the client's own where it is 1 to 128 letters, digits, `.`, `_` or `-`, else a new UUID.
#[derive(Clone, Debug)]
pub struct RequestId(String);

impl RequestId {
    /// The name of this request.
    #[must_use]
    pub fn of(request: &HttpRequest) -> String {
        request.extensions().get::<Self>().map_or_else(|| Uuid::now_v7().to_string(), |id| id.0.clone())
    }
}

/// Names each request, and tells the name with each answer.
///
/// # Errors
/// Those of what comes after it.
pub async fn name<B: MessageBody>(request: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<B>, Error> {
    let given = request.headers().get(&NAME).and_then(|value| value.to_str().ok()).filter(|id| is_well_formed(id));
    let id = given.map_or_else(|| Uuid::now_v7().to_string(), str::to_owned);
    let header = HeaderValue::from_str(&id);
    request.extensions_mut().insert(RequestId(id));
    let mut response = next.call(request).await?;
    if let Ok(header) = header {
        response.headers_mut().insert(NAME, header);
    }
    Ok(response)
}

fn is_well_formed(id: &str) -> bool {
    (1..=LONGEST).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}
