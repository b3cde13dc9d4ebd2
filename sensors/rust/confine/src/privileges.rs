//! From root to a user that may nothing, or from a few capabilities to none.

use std::str::FromStr;

use caps::{CapSet, Capability, CapsHashSet};
use nix::sys::prctl::{set_keepcaps, set_no_new_privs};
use nix::unistd::{Gid, Uid, geteuid, setgroups, setresgid, setresuid};

use crate::threads;

/// Whom to become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The user; not 0.
    pub uid: u32,
    /// The user's group.
    pub gid: u32,
    /// All groups of the user.
    pub groups: Vec<u32>,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// The user and group changed.
    pub changed_user: bool,
    /// No capability can be gained any more by whatever is executed.
    pub bounding_emptied: bool,
    /// The capabilities still held, in order.
    pub kept: Vec<String>,
}

/// Become the user where the process is root, and keep no capability but those named, if they are held.
///
/// The change of user is for all threads, what becomes of capabilities for the calling one: so there must be no
/// other. On an error the process may have given up a part; it must not go on.
pub fn drop_privileges(identity: &Identity, keep: &[String]) -> Result<Dropped, String> {
    alone()?;
    let keep = held(keep)?;
    let bounding_emptied = empty_bounding()?;
    let changed_user = geteuid().is_root();
    if changed_user {
        become_user(identity, !keep.is_empty())?;
    }
    keep_only(&keep)?;
    set_no_new_privs().map_err(|error| format!("no_new_privs: {error}"))?;
    let mut kept: Vec<_> = keep
        .iter()
        .map(|each| each.to_string().to_lowercase())
        .collect();
    kept.sort_unstable();
    Ok(Dropped {
        changed_user,
        bounding_emptied,
        kept,
    })
}

fn alone() -> Result<(), String> {
    match threads::count() {
        Ok(1) => Ok(()),
        Ok(count) => Err(format!(
            "{count} threads run already and would keep their capabilities; drop privileges before threads start"
        )),
        Err(error) => Err(format!("/proc/self/task: {error}; mount /proc")),
    }
}

/// Those named, which must be held: none can be gained.
fn held(names: &[String]) -> Result<CapsHashSet, String> {
    let permitted = read(CapSet::Permitted)?;
    let mut keep = CapsHashSet::new();
    for name in names {
        let capability = Capability::from_str(&caps::to_canonical(name))
            .map_err(|_| format!("there is no capability {name:?}; write it as cap_sys_ptrace"))?;
        if !permitted.contains(&capability) {
            return Err(format!(
                "{name} cannot be kept, for the process has not got it; start as root, or add it to the unit's \
                 AmbientCapabilities="
            ));
        }
        keep.insert(capability);
    }
    Ok(keep)
}

/// Where `CAP_SETPCAP` is held; elsewhere `no_new_privs` does as much.
fn empty_bounding() -> Result<bool, String> {
    if read(CapSet::Effective)?.contains(&Capability::CAP_SETPCAP) {
        caps::clear(None, CapSet::Bounding).map_err(|error| error.to_string())?;
    }
    Ok(read(CapSet::Bounding)?.is_empty())
}

fn become_user(identity: &Identity, keep: bool) -> Result<(), String> {
    let (uid, gid) = (Uid::from_raw(identity.uid), Gid::from_raw(identity.gid));
    if uid.is_root() {
        return Err("the user to become is root; name one that may nothing".into());
    }
    let groups: Vec<_> = identity.groups.iter().copied().map(Gid::from_raw).collect();
    set_keepcaps(keep).map_err(|error| format!("keepcaps: {error}"))?;
    setgroups(&groups).map_err(|error| format!("setgroups: {error}"))?;
    setresgid(gid, gid, gid).map_err(|error| format!("setgid {gid}: {error}"))?;
    setresuid(uid, uid, uid).map_err(|error| format!("setuid {uid}: {error}"))?;
    set_keepcaps(false).map_err(|error| format!("keepcaps: {error}"))
}

/// Effective last, for it must lie within what is permitted; first it is emptied, for the same reason.
fn keep_only(keep: &CapsHashSet) -> Result<(), String> {
    let none = CapsHashSet::new();
    for (kind, capabilities) in [
        (CapSet::Ambient, &none),
        (CapSet::Inheritable, &none),
        (CapSet::Effective, &none),
        (CapSet::Permitted, keep),
        (CapSet::Effective, keep),
    ] {
        caps::set(None, kind, capabilities)
            .map_err(|error| format!("{kind:?} capabilities: {error}"))?;
    }
    Ok(())
}

fn read(kind: CapSet) -> Result<CapsHashSet, String> {
    caps::read(None, kind).map_err(|error| format!("{kind:?} capabilities: {error}"))
}
