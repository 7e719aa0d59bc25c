//! Fair scheduling of slots between clients, without I/O or time.
//!
//! Each client has a queue of its own. A client holds a slot at once while it is below its share, or while there is spare
//! capacity; otherwise its request waits. A released slot goes to the client that holds the fewest, and between equals to
//! the least recently served (max-min fairness). No client alone holds all slots, so a newcomer finds one free.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::Hash;

/// The sizes of a [`FairQueue`].
#[derive(Clone, Copy, Debug)]
pub struct SlotLimits {
    /// Maximum number of slots held at once.
    pub total: usize,
    /// Number of requests that make progress at once, which is divided into shares; at most `total`. Further slots are
    /// only for clients below their share.
    pub capacity: usize,
    /// Maximum number of waiting requests of one client.
    pub queue_length: usize,
}

/// The outcome of a request for a slot.
#[derive(Debug, PartialEq, Eq)]
pub enum SlotRequest {
    /// The client holds a slot.
    Granted,
    /// The request waits in its client's queue.
    Waiting(Ticket),
    /// The client's queue is full.
    Rejected,
}

/// A waiting request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket(u64);

/// Slots and the queues of clients that wait for one. `W` is what wakes a waiting request.
#[derive(Debug)]
pub struct FairQueue<K, W> {
    limits: SlotLimits,
    held: usize,
    waiting: usize,
    /// Clients that hold a slot or wait for one.
    clients: HashMap<K, ClientSlots<W>>,
    /// Clients with waiting requests, in the order in which they receive slots: by held slots, then by turn.
    order: BTreeMap<(usize, u64), K>,
    last_turn: u64,
    last_ticket: u64,
}

#[derive(Debug)]
struct ClientSlots<W> {
    held: usize,
    /// When the client last received a slot, or its first request.
    turn: u64,
    queue: VecDeque<(Ticket, W)>,
}

impl<K: Clone + Eq + Hash, W> FairQueue<K, W> {
    /// A queue whose slots are all free.
    #[must_use]
    pub fn new(limits: SlotLimits) -> Self {
        Self {
            limits,
            held: 0,
            waiting: 0,
            clients: HashMap::new(),
            order: BTreeMap::new(),
            last_turn: 0,
            last_ticket: 0,
        }
    }

    /// Number of slots held.
    #[must_use]
    pub fn held(&self) -> usize {
        self.held
    }

    /// Number of waiting requests.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    /// Requests a slot. `waker` is called if the request has to wait.
    pub fn request(&mut self, client: &K, waker: impl FnOnce() -> W) -> SlotRequest {
        let turn = self.next_turn();
        let newcomer = ClientSlots { held: 0, turn, queue: VecDeque::new() };
        let held = self.clients.entry(client.clone()).or_insert(newcomer).held;
        // Waiting clients may not start, so none that holds fewer slots is overtaken.
        if self.may_start(held) {
            self.grant(client);
            return SlotRequest::Granted;
        }
        self.enqueue(client, waker)
    }

    /// Returns a slot. The slots that become free are granted to the requests that the result wakes.
    #[must_use]
    pub fn release(&mut self, client: &K) -> Vec<(K, W)> {
        if let Some(slots) = self.clients.get_mut(client).filter(|slots| slots.held > 0) {
            let before = slots.held;
            slots.held -= 1;
            self.held -= 1;
            self.reorder(client, before);
        }
        self.grant_free_slots()
    }

    /// Removes a waiting request; nothing happens if it has been granted.
    #[must_use]
    pub fn cancel(&mut self, client: &K, ticket: Ticket) -> Vec<(K, W)> {
        if let Some(slots) = self.clients.get_mut(client) {
            let before = slots.queue.len();
            slots.queue.retain(|(waiting, _)| *waiting != ticket);
            self.waiting -= before - slots.queue.len();
            let held = slots.held;
            self.reorder(client, held);
        }
        // The shares of others may have grown.
        self.grant_free_slots()
    }

    /// Number of slots that each client may hold whatever the others hold: an equal share, with one for a newcomer.
    fn share(&self) -> usize {
        (self.limits.capacity / (self.clients.len() + 1)).max(1)
    }

    /// Number of slots that clients above their share leave free: a quarter.
    fn reserve(&self) -> usize {
        if self.limits.capacity > 1 { (self.limits.capacity / 4).max(1) } else { 0 }
    }

    /// Whether a client that holds this many slots may hold one more.
    fn may_start(&self, held_by_client: usize) -> bool {
        let has_spare_capacity = self.held < self.limits.capacity - self.reserve();
        self.held < self.limits.total && (held_by_client < self.share() || has_spare_capacity)
    }

    fn enqueue(&mut self, client: &K, waker: impl FnOnce() -> W) -> SlotRequest {
        let ticket = Ticket(self.last_ticket + 1);
        let limit = self.limits.queue_length;
        let Some(slots) = self.clients.get_mut(client).filter(|slots| slots.queue.len() < limit) else {
            self.forget_if_inactive(client);
            return SlotRequest::Rejected;
        };
        slots.queue.push_back((ticket, waker()));
        let held = slots.held;
        self.last_ticket += 1;
        self.waiting += 1;
        self.reorder(client, held);
        SlotRequest::Waiting(ticket)
    }

    fn grant_free_slots(&mut self) -> Vec<(K, W)> {
        let mut granted = Vec::new();
        // If the client that holds the fewest may not start, no other may.
        while let Some(((held, _), client)) = self.order.first_key_value()
            && self.may_start(*held)
        {
            let client = client.clone();
            let next = self.clients.get_mut(&client).and_then(|slots| slots.queue.pop_front());
            let Some((_, waker)) = next else { break };
            self.waiting -= 1;
            self.grant(&client);
            granted.push((client, waker));
        }
        granted
    }

    fn grant(&mut self, client: &K) {
        let turn = self.next_turn();
        let Some(slots) = self.clients.get_mut(client) else { return };
        let before = (slots.held, slots.turn);
        slots.held += 1;
        slots.turn = turn;
        self.held += 1;
        self.order.remove(&before);
        let held = before.0 + 1;
        self.reorder(client, held);
    }

    /// Puts a client that held `held_before` slots into its position, or removes it if it no longer waits.
    fn reorder(&mut self, client: &K, held_before: usize) {
        let Some(slots) = self.clients.get(client) else { return };
        self.order.remove(&(held_before, slots.turn));
        if !slots.queue.is_empty() {
            self.order.insert((slots.held, slots.turn), client.clone());
        }
        self.forget_if_inactive(client);
    }

    fn forget_if_inactive(&mut self, client: &K) {
        if self.clients.get(client).is_some_and(|slots| slots.held == 0 && slots.queue.is_empty()) {
            self.clients.remove(client);
        }
    }

    fn next_turn(&mut self) -> u64 {
        self.last_turn += 1;
        self.last_turn
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMITS: SlotLimits = SlotLimits { total: 8, capacity: 4, queue_length: 2 };

    fn queue() -> FairQueue<u8, u64> {
        FairQueue::new(LIMITS)
    }

    #[test]
    fn one_client_leaves_a_slot_for_a_newcomer() {
        let mut queue = queue();
        let greedy: Vec<_> = (0..6).map(|number| queue.request(&1, || number)).collect();
        assert_eq!(greedy[..3], [SlotRequest::Granted, SlotRequest::Granted, SlotRequest::Granted]);
        assert!(matches!(greedy[3..], [SlotRequest::Waiting(_), SlotRequest::Waiting(_), SlotRequest::Rejected]));
        assert_eq!(queue.request(&2, || 10), SlotRequest::Granted);
    }

    #[test]
    fn released_slots_go_to_the_client_that_holds_the_fewest() {
        let mut queue = FairQueue::new(SlotLimits { total: 3, capacity: 3, queue_length: 9 });
        let requests = [1, 1, 2, 1, 1, 2, 3].map(|client| queue.request(&client, || client));
        assert_eq!(requests.iter().filter(|request| **request == SlotRequest::Granted).count(), 3);
        // Client 3 holds none, client 2 one, client 1 two.
        assert_eq!(queue.release(&1), [(3, 3)]);
        // Now all hold one; client 2 has waited longer than client 1.
        assert_eq!(queue.release(&3), []);
        assert_eq!(queue.held(), 2);
    }

    #[test]
    fn cancelled_requests_free_their_place_in_the_queue() {
        let mut queue = queue();
        let requests: Vec<_> = (0..5).map(|number| queue.request(&1, || number)).collect();
        let [.., SlotRequest::Waiting(first), SlotRequest::Waiting(_)] = requests[..] else { panic!("{requests:?}") };
        assert_eq!((queue.cancel(&1, first), queue.waiting()), (vec![], 1));
        assert!(matches!(queue.request(&1, || 9), SlotRequest::Waiting(_)));
        assert_eq!(queue.release(&1), [(1, 4)]);
        // Cancelling a granted request changes nothing.
        assert_eq!((queue.cancel(&1, first), queue.held(), queue.waiting()), (vec![], 3, 1));
    }

    #[derive(Clone, Debug)]
    enum Step {
        Request(u8),
        Release(u8),
        Cancel(usize),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            3 => (0..6_u8).prop_map(Step::Request),
            // One client requests more than all others.
            2 => Just(Step::Request(0)),
            3 => (0..6_u8).prop_map(Step::Release),
            1 => (0..9_usize).prop_map(Step::Cancel),
        ];
        proptest::collection::vec(step, 0..200)
    }

    proptest! {
        #[test]
        fn scheduling_laws(
            steps in steps(),
            capacity in 1..20_usize,
            extra in 0..20_usize,
            queue_length in 1..6_usize,
        ) {
            let mut queue = FairQueue::new(SlotLimits { total: capacity + extra, capacity, queue_length });
            // What the clients know: held slots, and waiting requests in order.
            let mut held: HashMap<u8, usize> = HashMap::new();
            let mut waiting: Vec<(u8, Ticket, u64)> = Vec::new();
            let mut number = 0;
            for step in steps {
                let woken = match step {
                    Step::Request(client) => {
                        number += 1;
                        match queue.request(&client, || number) {
                            SlotRequest::Granted => *held.entry(client).or_default() += 1,
                            SlotRequest::Waiting(ticket) => waiting.push((client, ticket, number)),
                            // A client is rejected only for what it itself has queued.
                            SlotRequest::Rejected => {
                                let own = waiting.iter().filter(|(other, ..)| *other == client).count();
                                prop_assert_eq!(own, queue_length);
                            }
                        }
                        Vec::new()
                    }
                    Step::Release(client) => match held.get_mut(&client).filter(|held| **held > 0) {
                        Some(held) => {
                            *held -= 1;
                            queue.release(&client)
                        }
                        None => Vec::new(),
                    },
                    Step::Cancel(index) if index < waiting.len() => {
                        let (client, ticket, _) = waiting.remove(index);
                        queue.cancel(&client, ticket)
                    }
                    Step::Cancel(_) => Vec::new(),
                };
                for (client, number) in woken {
                    // The first of the client's waiting requests is woken, once.
                    let first = waiting.iter().position(|(other, ..)| *other == client);
                    let (.., ticket_number) = waiting.remove(first.expect("a waiting request"));
                    prop_assert_eq!(ticket_number, number);
                    *held.entry(client).or_default() += 1;
                    // It held no more than any other client that still waits.
                    let held_by = |client: &u8| held.get(client).copied().unwrap_or_default();
                    for (other, ..) in &waiting {
                        prop_assert!(held_by(&client) <= held_by(other) + 1);
                    }
                }
                held.retain(|_, held| *held > 0);
                let total = held.values().sum::<usize>();
                prop_assert!(total <= capacity + extra);
                prop_assert_eq!((queue.held(), queue.waiting()), (total, waiting.len()));
                // Only clients that hold a slot or wait take memory.
                let waiting_clients = waiting.iter().map(|(client, ..)| *client);
                let active: std::collections::HashSet<u8> = held.keys().copied().chain(waiting_clients).collect();
                prop_assert_eq!(queue.clients.len(), active.len());
                // No slot is free for a client that waits.
                for (client, ..) in &waiting {
                    prop_assert!(!queue.may_start(held.get(client).copied().unwrap_or_default()));
                }
                // One client alone leaves room for another.
                if active.len() == 1 && capacity > 1 {
                    prop_assert!(total < capacity);
                }
            }
        }

        #[test]
        fn newcomers_are_served_while_one_client_is_greedy(requests in 1..200_usize, capacity in 2..40_usize) {
            let mut queue = FairQueue::new(SlotLimits { total: capacity, capacity, queue_length: 32 });
            for _ in 0..requests {
                let _ = queue.request(&0, || ());
            }
            prop_assert_eq!(queue.request(&1, || ()), SlotRequest::Granted);
        }

        #[test]
        fn shares_become_equal(clients in 2..8_u8, capacity in 8..40_usize) {
            let limits = SlotLimits { total: 2 * capacity, capacity, queue_length: 1000 };
            let mut queue = FairQueue::new(limits);
            let mut held: HashMap<u8, usize> = HashMap::new();
            // The first client comes first and takes what it can; all want more than there is.
            for client in 0..clients {
                for _ in 0..500 {
                    if queue.request(&client, || ()) == SlotRequest::Granted {
                        *held.entry(client).or_default() += 1;
                    }
                }
            }
            // Requests end in the order of the clients.
            for turn in 0..400_usize {
                let client = u8::try_from(turn % usize::from(clients)).expect("few clients");
                if held.get(&client).is_some_and(|held| *held > 0) {
                    *held.entry(client).or_default() -= 1;
                    for (client, ()) in queue.release(&client) {
                        *held.entry(client).or_default() += 1;
                    }
                }
            }
            let most = held.values().max().copied().unwrap_or_default();
            let least = (0..clients).map(|client| held.get(&client).copied().unwrap_or_default()).min().unwrap_or_default();
            prop_assert!(most - least <= 1, "{:?}", held);
        }
    }
}
