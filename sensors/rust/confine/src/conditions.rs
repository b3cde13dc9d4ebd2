//! Calls that are allowed with certain arguments only.

use std::collections::BTreeMap;

use libc::{
    AF_INET, AF_INET6, AF_NETLINK, AF_UNIX, CLONE_NEWCGROUP, CLONE_NEWIPC, CLONE_NEWNET,
    CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWUSER, CLONE_NEWUTS, CLONE_THREAD, FIOCLEX, FIONBIO,
    FIONCLEX, FIONREAD, NETLINK_SOCK_DIAG, PR_GET_NAME, PR_SET_NAME, PROT_EXEC, PROT_WRITE,
    SIOCGIFFLAGS, SIOCGIFHWADDR, SIOCGIFINDEX, SIOCGIFMTU, SIOCGIFNAME, TCGETS, TIOCGWINSZ, c_int,
    c_long,
};
use seccompiler::SeccompCmpArgLen::{Dword, Qword};
use seccompiler::SeccompCmpOp::{Eq, MaskedEq};
use seccompiler::{BackendError, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompRule};

/// The allocators give their mappings names.
const PR_SET_VMA: u64 = 0x5356_4d41;

/// `TCGETS2`, which newer C libraries ask whether a file is a terminal; x86-64 and aarch64 have the same.
const TCGETS2: u64 = 0x802c_542a;

/// `ETHTOOL`: to ask for an interface's offloads. To change anything takes `CAP_NET_ADMIN`.
const SIOCETHTOOL: u64 = 0x8946;

const NEW_NAMESPACES: c_int = CLONE_NEWCGROUP
    | CLONE_NEWIPC
    | CLONE_NEWNET
    | CLONE_NEWNS
    | CLONE_NEWPID
    | CLONE_NEWUSER
    | CLONE_NEWUTS;

/// One argument, and what it must be.
type Wanted = (u8, SeccompCmpOp, u64);

/// A call, and the sets of arguments of which one must be given.
type Call = (c_long, Vec<Vec<Wanted>>);

/// Return the calls. `pid` is our own.
pub(crate) fn conditional(
    sock_diag: bool,
    pid: u32,
) -> Result<BTreeMap<c_long, Vec<SeccompRule>>, BackendError> {
    let numbers = numbers(sock_diag, u64::from(pid));
    let numbers = numbers.iter().map(|call| (call, Dword));
    let pointers = pointers();
    let pointers = pointers.iter().map(|call| (call, Qword));
    numbers
        .chain(pointers)
        .map(|((call, any), length)| Ok((*call, rules(any, &length)?)))
        .collect()
}

/// Arguments of which the low half counts.
fn numbers(sock_diag: bool, pid: u64) -> Vec<Call> {
    let own = || first_of(0, &[pid]);
    let names = [number(PR_SET_NAME), number(PR_GET_NAME), PR_SET_VMA];
    let not_both = vec![vec![without(2, PROT_EXEC)], vec![without(2, PROT_WRITE)]];
    vec![
        (libc::SYS_clone, vec![vec![threads_only()]]),
        (libc::SYS_ioctl, first_of(1, &ioctls())),
        (libc::SYS_kill, own()),
        (libc::SYS_mmap, not_both),
        (libc::SYS_mprotect, vec![vec![without(2, PROT_EXEC)]]),
        (libc::SYS_prctl, first_of(0, &names)),
        (libc::SYS_sched_setaffinity, first_of(0, &[0])),
        (libc::SYS_socket, sockets(sock_diag)),
        (libc::SYS_socketpair, first_of(0, &[number(AF_UNIX)])),
        (libc::SYS_tgkill, own()),
    ]
}

/// Arguments that must be no pointer: to an address to send to, to a limit to set.
fn pointers() -> [Call; 2] {
    [
        (libc::SYS_sendto, first_of(4, &[0])),
        (libc::SYS_prlimit64, first_of(2, &[0])),
    ]
}

fn threads_only() -> Wanted {
    let thread = number(CLONE_THREAD);
    (0, MaskedEq(thread | number(NEW_NAMESPACES)), thread)
}

fn sockets(sock_diag: bool) -> Vec<Vec<Wanted>> {
    let mut wanted = first_of(0, &[AF_UNIX, AF_INET, AF_INET6].map(number));
    if sock_diag {
        wanted.push(vec![
            (0, Eq, number(AF_NETLINK)),
            (2, Eq, number(NETLINK_SOCK_DIAG)),
        ]);
    }
    wanted
}

fn ioctls() -> [u64; 13] {
    [
        TCGETS,
        TIOCGWINSZ,
        FIONBIO,
        FIONREAD,
        FIOCLEX,
        FIONCLEX,
        SIOCGIFNAME,
        SIOCGIFINDEX,
        SIOCGIFFLAGS,
        SIOCGIFHWADDR,
        SIOCGIFMTU,
        TCGETS2,
        SIOCETHTOOL,
    ]
}

fn without(argument: u8, bits: c_int) -> Wanted {
    (argument, MaskedEq(number(bits)), 0)
}

fn first_of(argument: u8, values: &[u64]) -> Vec<Vec<Wanted>> {
    values
        .iter()
        .map(|value| vec![(argument, Eq, *value)])
        .collect()
}

fn rules(any: &[Vec<Wanted>], length: &SeccompCmpArgLen) -> Result<Vec<SeccompRule>, BackendError> {
    any.iter()
        .map(|all| SeccompRule::new(conditions(all, length)?))
        .collect()
}

fn conditions(
    all: &[Wanted],
    length: &SeccompCmpArgLen,
) -> Result<Vec<SeccompCondition>, BackendError> {
    all.iter()
        .map(|(argument, operator, value)| {
            SeccompCondition::new(*argument, length.clone(), operator.clone(), *value)
        })
        .collect()
}

/// As the register has it: flags and families have no sign.
fn number(value: c_int) -> u64 {
    u64::from(value.cast_unsigned())
}
