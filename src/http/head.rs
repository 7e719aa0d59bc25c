//! Responses to HEAD: the headers of GET, without the body.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::Error;
use actix_web::body::{BodySize, EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{Method, header};
use actix_web::middleware::Next;
use actix_web::web::Bytes;

/// Middleware that removes the body of a response to HEAD. actix does that as well, but by the method of the last request that
/// it has read: if the client sends several at once, the body would be taken for the next response.
///
/// # Errors
/// Those of the next service.
pub async fn omit_body_for_head<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, NoBody>>, Error> {
    let is_head = request.method() == Method::HEAD;
    let mut response = next.call(request).await?;
    let length = match response.response().body().size() {
        BodySize::Sized(length @ 1..) if is_head => Some(length),
        BodySize::Stream if is_head => None,
        _ => return Ok(response.map_into_left_body()),
    };
    if let Some(length) = length {
        response.headers_mut().insert(header::CONTENT_LENGTH, length.into());
    }
    Ok(response.map_body(|head, _| {
        head.no_chunking(true);
        EitherBody::right(NoBody)
    }))
}

/// A body of nothing, which leaves the length to the headers.
pub struct NoBody;

impl MessageBody for NoBody {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        Poll::Ready(None)
    }
}
