//! One interface through one ring: opened while we may, read block by block.

use std::io::{Error, ErrorKind};
use std::sync::Arc;

use dissect::sensor::Frame;

use crate::captured::Place;
use crate::live::block::{TAG_BYTES, each_few};
use crate::live::program::{Link, nothing};
use crate::live::snaplen::Snaplen;
use crate::live::sys::{Mapping, PacketSocket, Shape, Statistics, interface, interface_index};
use crate::posix::error_text;

/// Of one block: of the largest frame that segmentation offload usually makes, all but the last bytes fit. A packet that
/// comes alone takes a block for itself, so that a ring of small blocks lasts longer while its reader has to wait.
pub const BLOCK_BYTES: usize = 65_536;
/// After so long the kernel hands over a block that is not full: how late a packet may be seen on a quiet link.
const RETIRE_MS: u32 = 1;
const FRAME_BYTES: u32 = 2_048; // a measure that the kernel asks for; frames take what they need

pub(crate) const ETHERNET: u32 = 1;
const RAW_IP: u32 = 101;
/// The kind of the interface that hears all that it sends.
const LOOPBACK: u16 = 772;

/// The link of an interface, by its kind (`ARPHRD_` in `linux/if_arp.h`).
const fn link_of(kind: u16) -> Option<Link> {
    match kind {
        1 | LOOPBACK => Some(Link::Ethernet),
        519 | 768 | 769 | 776 | 778 | 823 | 65534 => Some(Link::Raw),
        _ => None,
    }
}

const fn linktype(link: Link) -> u32 {
    match link {
        Link::Ethernet => ETHERNET,
        Link::Raw => RAW_IP,
    }
}

/// Why an interface cannot be watched, and what a person can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The interface.
    pub interface: String,
    /// A short clause.
    pub problem: String,
    /// What to do.
    pub mend: &'static str,
}

/// What a ring is asked to be.
#[derive(Clone, Debug)]
pub struct Ask {
    /// The interface's name.
    pub interface: String,
    /// How much memory the ring takes.
    pub bytes: usize,
    /// Whether to hear what is for other hosts.
    pub promiscuous: bool,
}

/// The part of a ring that other threads may use: its socket.
pub struct Tap {
    interface: String,
    kind: u16,
    link: Link,
    socket: PacketSocket,
}

impl Tap {
    /// Let a filter decide how much of each packet is copied.
    pub fn attach(&self, snaplen: &Snaplen) -> Result<(), Refusal> {
        let refused = |problem| Refusal {
            interface: self.interface.clone(),
            problem,
            mend: "write the source groups' networks in CIDR notation",
        };
        let program = snaplen.program(self.link).map_err(refused)?;
        self.socket
            .attach(&program)
            .map_err(|error| refusal(&self.interface, "its filter is refused", &error))
    }

    /// Hear nothing any more, until a filter is attached anew.
    pub fn deafen(&self) -> Result<(), Refusal> {
        self.socket
            .attach(&nothing())
            .map_err(|error| refusal(&self.interface, "its filter is refused", &error))
    }
}

/// An interface's ring.
pub struct Ring {
    tap: Arc<Tap>,
    mapping: Mapping,
    next: usize,
    places: Vec<Place>,
    index: u32,
    promiscuous: bool,
}

impl Ring {
    /// Open a ring on an interface; it hears nothing before `listen`, and before a filter is attached. Takes `CAP_NET_RAW`.
    pub fn open(ask: &Ask) -> Result<Self, Refusal> {
        let name = &ask.interface;
        let refuse = |what: &'static str| move |error: Error| refusal(name, what, &error);
        let Some(index) = interface_index(name) else {
            return Err(Refusal {
                interface: name.clone(),
                problem: "there is no such interface".to_owned(),
                mend: "see `ip link` for those that are there",
            });
        };
        let kind = interface(name)
            .map_err(refuse("it does not say what it is"))?
            .kind;
        let Some(link) = link_of(kind) else {
            return Err(Refusal {
                interface: name.clone(),
                problem: format!("it is of a kind that is not read (ARPHRD {kind})"),
                mend: "watch the Ethernet or tunnel interface that its packets pass",
            });
        };
        let socket = PacketSocket::open().map_err(refuse("it cannot be captured on"))?;
        socket
            .prepare(TAG_BYTES as u32)
            .map_err(refuse("it cannot be captured on"))?;
        if kind == LOOPBACK {
            socket
                .ignore_outgoing()
                .map_err(refuse("its packets would be seen twice"))?;
        }
        let mapping = socket
            .map(&shape(ask.bytes))
            .map_err(refuse("no memory for its ring"))?;
        if ask.promiscuous {
            socket
                .promiscuous(index)
                .map_err(refuse("it cannot be made promiscuous"))?;
        }
        let tap = Tap {
            interface: name.clone(),
            kind,
            link,
            socket,
        };
        tap.deafen()?;
        Ok(Self {
            tap: Arc::new(tap),
            mapping,
            next: 0,
            places: Vec::new(),
            index,
            promiscuous: ask.promiscuous,
        })
    }

    /// Be there to hear; with others of a group where there are several rings on the interface.
    pub fn listen(&self, group: Option<Option<u16>>) -> Result<Option<u16>, Refusal> {
        let refuse =
            |error: Error| refusal(&self.tap.interface, "it cannot be listened to", &error);
        self.tap.socket.bind(self.index).map_err(refuse)?;
        group
            .map(|group| self.tap.socket.fan_out(group, self.tap.kind == LOOPBACK))
            .transpose()
            .map_err(refuse)
    }

    /// How many blocks there are.
    #[must_use]
    pub const fn blocks(&self) -> usize {
        self.mapping.blocks()
    }

    /// The interface's name.
    #[must_use]
    pub fn interface(&self) -> &str {
        &self.tap.interface
    }

    /// The socket.
    #[must_use]
    pub fn tap(&self) -> Arc<Tap> {
        Arc::clone(&self.tap)
    }

    /// Hand out the frames of the next block, a few at a time; return how many they were, `None` if there is none.
    pub fn read(&mut self, use_few: impl FnMut(&[Frame<'_>])) -> Option<usize> {
        let (places, linktype) = (&mut self.places, linktype(self.tap.link));
        let read = self.mapping.take(self.next, |block| {
            each_few(block, linktype, places, use_few)
        })?;
        self.next = (self.next + 1) % self.mapping.blocks();
        Some(read)
    }

    /// Wait for a block; tell whether there is anything new. Errors of the interface (it went down) are cleared: they
    /// pass.
    #[must_use]
    pub fn wait(&self, timeout_ms: i32) -> bool {
        let ready = self.tap.socket.wait(timeout_ms).unwrap_or(false);
        if ready {
            let _ = self.tap.socket.take_error();
        }
        ready
    }

    /// What the kernel counted since the last call.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        self.tap.socket.statistics().unwrap_or_default()
    }

    /// See to it that the ring hears the interface of its name, which may have gone and come again. One of several
    /// on an interface cannot: the kernel lets no socket leave its group.
    pub fn look_after(&mut self) -> State {
        let name = &self.tap.interface;
        let (Some(index), Ok(interface)) = (interface_index(name), interface(name)) else {
            return State::Gone;
        };
        if index != self.index {
            if interface.kind != self.tap.kind {
                return State::Gone;
            }
            if let Err(error) = self.hear(index) {
                return match error.kind() {
                    ErrorKind::InvalidInput => State::Lost, // one of a group cannot be bound again
                    _ => State::Gone,
                };
            }
            self.index = index;
        }
        if interface.up { State::Up } else { State::Down }
    }

    /// Hear another interface.
    fn hear(&self, index: u32) -> Result<(), Error> {
        self.tap.socket.bind(index)?;
        if self.promiscuous {
            self.tap.socket.promiscuous(index)?;
        }
        Ok(())
    }
}

/// What became of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It is there, and up.
    Up,
    /// It is there.
    Down,
    /// It is not there.
    Gone,
    /// It came anew, and cannot be listened to any more: it takes another ring.
    Lost,
}

impl State {
    /// A word for it.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Gone | Self::Lost => "gone",
        }
    }
}

fn shape(bytes: usize) -> Shape {
    let blocks = (bytes / BLOCK_BYTES).max(2) as u32;
    Shape {
        block_bytes: BLOCK_BYTES as u32,
        blocks,
        frame_bytes: FRAME_BYTES,
        frames: blocks * (BLOCK_BYTES as u32 / FRAME_BYTES),
        retire_ms: RETIRE_MS,
        private_bytes: 0,
        features: 0,
    }
}

fn refusal(interface: &str, what: &'static str, error: &Error) -> Refusal {
    let mend = match error.kind() {
        ErrorKind::PermissionDenied => {
            "start it as root, or with the capability CAP_NET_RAW (see the unit in packaging/)"
        }
        ErrorKind::OutOfMemory => "lower capture.ring_bytes or capture.threads",
        _ => "see `residency doctor`, and the kernel's log",
    };
    Refusal {
        interface: interface.to_owned(),
        problem: format!("{what} ({})", error_text(error)),
        mend,
    }
}

#[cfg(test)]
mod tests;
