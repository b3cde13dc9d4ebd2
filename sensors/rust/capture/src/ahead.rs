//! Work that runs ahead on a thread of its own: items come out in the order in which they are made.
//!
//! So what comes out is the same with and without the thread. A queue between the two is bounded: the producer
//! waits while it is full, and ends when nobody takes its items any more.

use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::{Builder, JoinHandle};

/// Items that wait at most.
const QUEUE: usize = 4;

/// What makes items, one after the other.
pub trait Stage {
    /// What it makes.
    type Item;

    /// The next item; `None` at the end.
    fn next(&mut self) -> Option<Self::Item>;
}

/// A stage at work: on the caller's thread, or ahead on its own.
pub enum Run<S: Stage> {
    /// On the caller's.
    Here(S),
    /// On its own.
    Ahead {
        /// What it made.
        items: Receiver<S::Item>,
        /// Gives the stage back.
        thread: JoinHandle<S>,
    },
    /// On its own, which could not be joined; no stage is left so.
    Over,
}

impl<S: Stage + Send + 'static> Run<S>
where
    S::Item: Send,
{
    /// Let a stage run ahead.
    ///
    /// # Errors
    /// The system has no thread for it.
    pub fn ahead(mut stage: S, name: &str) -> std::io::Result<Self> {
        let (sender, items) = sync_channel(QUEUE);
        let thread = Builder::new().name(name.to_owned()).spawn(move || {
            while let Some(item) = stage.next() {
                if sender.send(item).is_err() {
                    break;
                }
            }
            stage
        })?;
        Ok(Self::Ahead { items, thread })
    }

    /// The next item; `None` at the end.
    #[allow(
        clippy::should_implement_trait,
        reason = "a stage is no iterator either"
    )]
    pub fn next(&mut self) -> Option<S::Item> {
        match self {
            Self::Here(stage) => stage.next(),
            Self::Ahead { items, .. } => items.recv().ok(),
            Self::Over => None,
        }
    }

    /// Stop a stage that runs ahead where it is.
    pub fn stop(&mut self) {
        if matches!(self, Self::Ahead { .. })
            && let Self::Ahead { items, thread } = std::mem::replace(self, Self::Over)
        {
            drop(items);
            *self = Self::Here(thread.join().unwrap_or_else(|panic| resume_unwind(panic)));
        }
    }

    /// The stage, as far as it got; `None` while it runs ahead.
    pub const fn stage(&self) -> Option<&S> {
        match self {
            Self::Here(stage) => Some(stage),
            _ => None,
        }
    }

    /// The stage, to go on with; `None` while it runs ahead.
    pub const fn stage_mut(&mut self) -> Option<&mut S> {
        match self {
            Self::Here(stage) => Some(stage),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{QUEUE, Run, Stage};

    struct Count(u32);

    impl Stage for Count {
        type Item = u32;

        fn next(&mut self) -> Option<u32> {
            self.0 += 1;
            (self.0 <= 100).then_some(self.0)
        }
    }

    #[test]
    fn items_come_in_order_and_the_stage_comes_back() {
        for mut run in [Run::Here(Count(0)), Run::ahead(Count(0), "count").unwrap()] {
            let items: Vec<u32> = std::iter::from_fn(|| run.next()).collect();
            assert_eq!(items, (1..=100).collect::<Vec<_>>());
            run.stop();
            assert_eq!(run.stage().unwrap().0, 101);
        }
    }

    #[test]
    fn a_stage_is_stopped_where_it_is() {
        let mut run = Run::ahead(Count(0), "count").unwrap();
        assert_eq!(run.next(), Some(1));
        assert!(run.stage().is_none());
        run.stop();
        assert!(run.stage().unwrap().0 as usize <= QUEUE + 3);
    }
}
