//! Admission control: the maximum number of requests executed at once, divided fairly between clients.
//!
//! Excess requests wait in a short queue of their client. What does not fit into the queue, or waits too long, is rejected
//! with 503, so that admitted requests still complete in time under overload (load shedding).

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::http::client_id::ClientId;
use crate::http::fair_queue::{FairQueue, SlotLimits, SlotRequest, Ticket};

/// Maximum number of waiting requests of one client.
const QUEUE_LENGTH: usize = 128;
/// Maximum time that a request waits.
const MAX_WAIT: Duration = Duration::from_secs(1);

/// One slot for each request that is executed.
#[derive(Clone, Debug)]
pub struct Admission(Arc<Mutex<FairQueue<ClientId, oneshot::Sender<Permit>>>>);

/// The slot of one request, released on drop.
#[derive(Debug)]
pub struct Permit {
    admission: Admission,
    client: ClientId,
}

impl Admission {
    /// Admission control with a maximum number of concurrent requests, of which this many find a database connection.
    #[must_use]
    pub fn new(max_requests: NonZeroU32, database_connections: usize) -> Self {
        let total = usize::try_from(max_requests.get()).unwrap_or(usize::MAX);
        let capacity = total.min(database_connections).max(1);
        Self(Arc::new(Mutex::new(FairQueue::new(SlotLimits { total, capacity, queue_length: QUEUE_LENGTH }))))
    }

    /// Waits for a slot; `None` if the client has too many waiting requests, or none becomes free in time.
    pub async fn admit(&self, client: &ClientId) -> Option<Permit> {
        let (sender, receiver) = oneshot::channel();
        let request = self.queue().request(client, || sender);
        match request {
            SlotRequest::Granted => Some(Permit { admission: self.clone(), client: client.clone() }),
            SlotRequest::Rejected => None,
            SlotRequest::Waiting(ticket) => {
                let _place = QueuePlace { admission: self, client, ticket };
                tokio::time::timeout(MAX_WAIT, receiver).await.ok()?.ok()
            }
        }
    }

    /// Number of requests in progress.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.queue().held()
    }

    /// Number of waiting requests.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.queue().waiting()
    }

    fn queue(&self) -> MutexGuard<'_, FairQueue<ClientId, oneshot::Sender<Permit>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes requests that were granted a slot. If one has just been cancelled, its permit is dropped, which releases the
    /// slot; the queue must not be locked.
    fn wake(&self, granted: Vec<(ClientId, oneshot::Sender<Permit>)>) {
        for (client, sender) in granted {
            drop(sender.send(Permit { admission: self.clone(), client }));
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let granted = self.admission.queue().release(&self.client);
        self.admission.wake(granted);
    }
}

/// The place of a waiting request in its queue, given up on drop.
struct QueuePlace<'a> {
    admission: &'a Admission,
    client: &'a ClientId,
    ticket: Ticket,
}

impl Drop for QueuePlace<'_> {
    fn drop(&mut self) {
        let granted = self.admission.queue().cancel(self.client, self.ticket);
        self.admission.wake(granted);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn admission(max_requests: u32) -> Admission {
        Admission::new(NonZeroU32::new(max_requests).expect("not zero"), 100)
    }

    const ONE: ClientId = ClientId::Token(1);
    const OTHER: ClientId = ClientId::Token(2);

    #[tokio::test]
    async fn waiting_request_is_admitted() {
        let admission = admission(1);
        let first = admission.admit(&ONE).await.expect("a permit");
        let mut waiting = Box::pin(admission.admit(&OTHER));
        assert!(waiting.as_mut().now_or_never().is_none());
        assert_eq!((admission.in_flight(), admission.waiting()), (1, 1));
        drop(first);
        let second = waiting.await.expect("a permit");
        assert_eq!((admission.in_flight(), admission.waiting()), (1, 0));
        drop(second);
        assert_eq!(admission.in_flight(), 0);
    }

    #[tokio::test]
    async fn waiting_time_and_queue_are_limited() {
        let admission = admission(1);
        let _held = admission.admit(&ONE).await.expect("a permit");
        assert!(admission.admit(&OTHER).await.is_none(), "it waited too long");
        let mut waiting: Vec<_> = (0..QUEUE_LENGTH).map(|_| Box::pin(admission.admit(&OTHER))).collect();
        assert!(waiting.iter_mut().all(|request| request.as_mut().now_or_never().is_none()));
        assert!(admission.admit(&OTHER).now_or_never().expect("at once").is_none(), "the queue is full");
        drop(waiting);
        assert_eq!((admission.in_flight(), admission.waiting()), (1, 0));
    }

    #[tokio::test]
    async fn cancelled_request_passes_its_slot_on() {
        let admission = admission(1);
        let held = admission.admit(&ONE).await.expect("a permit");
        let mut cancelled = Box::pin(admission.admit(&OTHER));
        let mut waiting = Box::pin(admission.admit(&OTHER));
        assert!(cancelled.as_mut().now_or_never().is_none() && waiting.as_mut().now_or_never().is_none());
        // The slot is granted to the first, which is cancelled before it notices.
        drop(held);
        drop(cancelled);
        assert!(waiting.await.is_some());
        assert_eq!((admission.in_flight(), admission.waiting()), (0, 0));
    }

    #[tokio::test]
    async fn a_slot_without_database_connections() {
        let admission = Admission::new(NonZeroU32::MAX, 0);
        assert!(admission.admit(&ONE).await.is_some());
    }
}
