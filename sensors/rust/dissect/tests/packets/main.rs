//! etherparse as a second opinion: the packets that it builds, and those that it reads.

mod built;
mod changed;
mod made;
