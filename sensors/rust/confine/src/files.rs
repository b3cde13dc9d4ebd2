//! Landlock: the files the process may still see, no TCP connection, no signal or abstract socket of others.
//!
//! Nothing may be executed: to load a shared library is to read it. What is open stays open, so a socket that listens
//! goes on accepting, and one connected to an abstract address goes on sending.

use std::path::PathBuf;

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, LandlockStatus,
    RestrictSelf, RestrictSelfAttr as _, RestrictionStatus, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetError, RulesetStatus, Scope, make_bitflags, path_beneath_rules,
};

use crate::threads;

/// The newest version that these rules were tried on.
const NEWEST: ABI = ABI::V7;

/// The first version that holds all threads at once.
const ALL_THREADS: i32 = 8;

/// What each older version lacks: the first version that has it.
const LACKS: [(i32, &str); 5] = [
    (2, "files cannot be moved between folders"),
    (3, "files outside may be truncated"),
    (4, "TCP is not denied"),
    (5, "devices may be controlled"),
    (6, "signals and abstract sockets are not denied"),
];

/// How much of the rules holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// All of them.
    Full,
    /// Some: the kernel is older than they are, or threads were there before.
    Partial,
    /// None.
    None,
}

/// The version this kernel has; 0 is none.
pub(crate) fn abi() -> i32 {
    let asked = RestrictSelf::default().no_new_privs(false).apply(); // restricts nothing
    match asked.map(|status| status.landlock) {
        Ok(LandlockStatus::Available {
            effective_abi,
            kernel_abi,
        }) => kernel_abi.unwrap_or(effective_abi as i32),
        _ => 0,
    }
}

/// Hold the process to what it may read and write. Why less holds than was asked is added to the reasons.
pub(crate) fn hold(read: &[PathBuf], write: &[PathBuf], reasons: &mut Vec<String>) -> Held {
    let abi = abi();
    if abi == 0 {
        reasons.push(
            "landlock: this kernel has none, or it is not among lsm= of its command line".into(),
        );
        return Held::None;
    }
    let lacks = LACKS.iter().filter(|(first, _)| abi < *first);
    reasons.extend(
        lacks.map(|(first, lack)| format!("landlock {abi}: {lack}, version {first} would")),
    );
    let others = threads::count().map_or(true, |count| count > 1);
    let status = match restrict(read, write, others, reasons) {
        Ok(status) => status,
        Err(error) => {
            reasons.push(format!("landlock: {error}"));
            return Held::None;
        }
    };
    if others && abi < ALL_THREADS {
        reasons.push(
            "landlock: threads that ran already are not held; confine before they start".into(),
        );
    }
    match status.ruleset {
        RulesetStatus::FullyEnforced if !others || status.all_threads => Held::Full,
        RulesetStatus::NotEnforced => Held::None,
        _ => Held::Partial,
    }
}

fn restrict(
    read: &[PathBuf],
    write: &[PathBuf],
    others: bool,
    reasons: &mut Vec<String>,
) -> Result<RestrictionStatus, RulesetError> {
    let mut ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(NEWEST))?
        .handle_access(AccessNet::from_all(NEWEST))?
        .scope(Scope::from_all(NEWEST))?
        .create()?
        .all_threads(others)?;
    for (paths, access) in [(read, reading()), (write, reading() | writing())] {
        for path in paths {
            let mut rules = path_beneath_rules([path], access).peekable();
            if rules.peek().is_none() {
                reasons.push(format!(
                    "landlock: {} cannot be opened, and stays closed",
                    path.display()
                ));
            }
            ruleset = ruleset.add_rules(rules)?;
        }
    }
    ruleset.restrict_self()
}

fn reading() -> BitFlags<AccessFs> {
    make_bitflags!(AccessFs::{ReadFile | ReadDir})
}

/// No device, socket, pipe or link is ever made.
fn writing() -> BitFlags<AccessFs> {
    make_bitflags!(AccessFs::{
        WriteFile | RemoveDir | RemoveFile | MakeDir | MakeReg | Refer | Truncate
    })
}
