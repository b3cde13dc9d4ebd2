//! What the daemon gives up once it has opened what it needs: its user, capabilities, files and system calls.
//!
//! All of it is for good. `privileges` must come first, while there is one thread: the kernel keeps capabilities for
//! each thread. Then `confine`: what the kernel lacks is left out, and said. An error never says that less is held
//! than is the case.
#![forbid(unsafe_code)]
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::unreachable,
    clippy::todo
)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod allowed;
mod calls;
mod conditions;
mod deadly;
mod files;
mod privileges;
mod threads;

use std::path::PathBuf;

pub use files::Held;
pub use privileges::{Dropped, Identity, drop_privileges};

/// What this kernel has. An ABI of 0 is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Support {
    /// System calls can be filtered.
    pub seccomp: bool,
    /// The version of Landlock.
    pub landlock_abi: i32,
}

/// What the process may still do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// Files, and folders with all below, to read.
    pub read: Vec<PathBuf>,
    /// Files, and folders with all below, to read, create, change and remove.
    pub write: Vec<PathBuf>,
    /// Filter system calls.
    pub seccomp: bool,
    /// Hold the process to `read` and `write`.
    pub landlock: bool,
    /// New netlink sockets may ask whose a socket is (`NETLINK_SOCK_DIAG`).
    pub sock_diag: bool,
}

/// What holds, and why not all of it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confined {
    /// System calls are filtered.
    pub seccomp: bool,
    /// How much of the rules on files, TCP, signals and abstract sockets holds.
    pub landlock: Held,
    /// One line for each thing that does not hold.
    pub reasons: Vec<String>,
}

/// Say what this kernel has.
#[must_use]
pub fn support() -> Support {
    Support {
        seccomp: calls::supported(),
        landlock_abi: files::abi(),
    }
}

/// Hold the process to the rules, as far as the kernel can. Paths are opened now: what comes later is not covered.
#[must_use]
pub fn confine(rules: &Rules) -> Confined {
    let mut reasons = Vec::new();
    let landlock = if rules.landlock {
        files::hold(&rules.read, &rules.write, &mut reasons)
    } else {
        Held::None
    };
    let seccomp = rules.seccomp
        && calls::filter(rules.sock_diag)
            .inspect_err(|error| reasons.push(format!("seccomp: {error}")))
            .is_ok();
    Confined {
        seccomp,
        landlock,
        reasons,
    }
}
