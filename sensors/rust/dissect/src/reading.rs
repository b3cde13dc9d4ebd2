//! What is being read of a flow; it lives only while there is something to be learnt.

use crate::datagrams::DatagramClient;
use crate::direction::Direction;
use crate::streams::Greeting;

/// The directions of a TCP connection, or a client's datagrams.
#[derive(Debug, Default)]
pub struct Reading {
    /// The lower end's bytes.
    pub low: Option<Direction>,
    /// The higher end's bytes.
    pub high: Option<Direction>,
    /// The client's datagrams.
    pub datagrams: Option<DatagramClient>,
    /// Its datagrams after the first hello: another connection may follow on the same ports.
    pub datagrams_again: Option<DatagramClient>,
}

impl Reading {
    /// One end's bytes.
    pub const fn side(&mut self, low: bool) -> &mut Option<Direction> {
        if low { &mut self.low } else { &mut self.high }
    }

    /// Free what is kept for one end.
    pub fn forget(&mut self, low: bool) {
        self.datagrams = None;
        self.datagrams_again = None;
        *self.side(low) = None;
    }

    /// Whether there is nothing left to read.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.low.is_none()
            && self.high.is_none()
            && self.datagrams.is_none()
            && self.datagrams_again.is_none()
    }

    /// How much is kept of messages that are not whole.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        let directions = [&self.low, &self.high]
            .into_iter()
            .flatten()
            .map(Direction::held_bytes);
        let clients = [&self.datagrams, &self.datagrams_again]
            .into_iter()
            .flatten()
            .map(DatagramClient::held_bytes);
        directions.chain(clients).sum()
    }

    /// What can be said of a client's first message that never became whole.
    pub fn partial(&mut self, client_low: bool, mut each: impl FnMut(Greeting<'_>)) -> bool {
        for low in [client_low, !client_low] {
            if let Some(direction) = self.side(low)
                && direction.partial(&mut each)
            {
                return true;
            }
        }
        self.datagrams
            .as_ref()
            .and_then(DatagramClient::partial)
            .map(each)
            .is_some()
    }
}
