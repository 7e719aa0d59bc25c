//! How much work a transaction does that is one of many, so that others need not wait long for the write lock.

use std::time::Duration;

/// A step is made smaller if it held the lock for longer.
const MAX_STEP: Duration = Duration::from_millis(500);
/// A step is made larger if it held the lock for less.
const SHORT_STEP: Duration = Duration::from_millis(200);

/// Whether a step that has held the lock for so long should end, if the rest of its work can be a step of its own: the commit
/// takes time, too.
pub(crate) fn is_long(held: Duration) -> bool {
    held > MAX_STEP / 2
}

/// The size of the next step, within bounds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StepSize {
    items: i64,
    minimum: i64,
    maximum: i64,
}

impl StepSize {
    /// Begins with a size.
    pub(crate) fn new(items: i64, minimum: i64, maximum: i64) -> Self {
        Self { items, minimum, maximum }
    }

    /// The number of items of the next step.
    pub(crate) fn items(self) -> i64 {
        self.items
    }

    /// Adapts the size to how long the last step held the lock.
    pub(crate) fn adapt(&mut self, held: Duration) {
        let items = match held {
            held if held > MAX_STEP => self.items / 2,
            held if held < SHORT_STEP => self.items.saturating_mul(2),
            _ => self.items,
        };
        self.items = items.clamp(self.minimum, self.maximum);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_stay_between_their_bounds() {
        let mut step = StepSize::new(100, 50, 300);
        for (held, expected) in
            [(600, 50), (600, 50), (300, 50), (10, 100), (10, 200), (10, 300), (400, 300), (501, 150)]
        {
            step.adapt(Duration::from_millis(held));
            assert_eq!(step.items(), expected);
        }
    }
}
