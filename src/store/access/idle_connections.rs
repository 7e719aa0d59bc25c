//! The idle connections of a pool.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Idle connections, in the order in which they are given up: those that have executed nothing first, the last used last.
/// One that has executed statements has prepared them, and has read what it needs from the catalog.
#[derive(Debug)]
pub(super) struct IdleConnections<C>(VecDeque<(C, Instant)>);

impl<C> Default for IdleConnections<C> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<C> IdleConnections<C> {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn keep(&mut self, connection: C, is_used: bool) {
        let idle = (connection, Instant::now());
        if is_used {
            self.0.push_back(idle);
        } else {
            self.0.push_front(idle);
        }
    }

    /// Takes the connection for the next statement.
    pub(super) fn take_last_used(&mut self) -> Option<C> {
        self.0.pop_back().map(|(connection, _)| connection)
    }

    /// Takes the connection whose loss costs least.
    pub(super) fn take_least_used(&mut self) -> Option<C> {
        self.0.pop_front().map(|(connection, _)| connection)
    }

    /// Takes a connection that has been idle for longer than `timeout`.
    pub(super) fn take_idle_for(&mut self, timeout: Duration) -> Option<C> {
        let index = self.0.iter().position(|(_, idle_since)| idle_since.elapsed() > timeout)?;
        self.0.remove(index).map(|(connection, _)| connection)
    }

    pub(super) fn take_all(&mut self) -> impl Iterator<Item = C> + use<C> {
        std::mem::take(&mut self.0).into_iter().map(|(connection, _)| connection)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_used_first_and_unused_last() {
        let mut idle = IdleConnections::default();
        for (connection, is_used) in [("used", true), ("opened", false), ("last used", true), ("opened later", false)] {
            idle.keep(connection, is_used);
        }
        let order: Vec<_> = std::iter::from_fn(|| idle.take_last_used()).collect();
        assert_eq!(order, ["last used", "used", "opened", "opened later"]);
    }

    #[test]
    fn given_up_in_reverse_order() {
        let mut idle = IdleConnections::default();
        for (connection, is_used) in [("used", true), ("opened", false), ("last used", true)] {
            idle.keep(connection, is_used);
        }
        assert_eq!(idle.take_least_used(), Some("opened"));
        assert_eq!(idle.take_idle_for(Duration::from_secs(60)), None);
        assert_eq!(idle.take_idle_for(Duration::ZERO), Some("used"));
        assert_eq!(idle.take_all().collect::<Vec<_>>(), ["last used"]);
        assert_eq!(idle.take_last_used(), None);
    }
}
