//! How much of each packet the kernel copies into the ring.

use crate::live::program::{Instruction, Link, fixed, program};

/// How much of each packet is copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Snaplen {
    /// Whole handshakes, DNS and the like, and little of bulk data.
    Enough {
        /// Where clients are, in CIDR notation: what they are sent need not be copied whole.
        clients: Vec<String>,
    },
    /// So many bytes of each.
    Bytes(u32),
}

impl Snaplen {
    /// The filter that does it. A client prefix that is none is the error.
    pub(crate) fn program(&self, link: Link) -> Result<Vec<Instruction>, String> {
        match self {
            Self::Enough { clients } => program(link, clients),
            Self::Bytes(bytes) => Ok(fixed(*bytes)),
        }
    }
}
