//! Calls that are allowed with certain arguments only.

use libc::{
    AF_INET, AF_INET6, AF_NETLINK, AF_UNIX, CLONE_NEWCGROUP, CLONE_NEWIPC, CLONE_NEWNET,
    CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWUSER, CLONE_NEWUTS, CLONE_THREAD, FIOCLEX, FIONBIO,
    FIONCLEX, FIONREAD, NETLINK_SOCK_DIAG, PR_GET_NAME, PR_SET_NAME, PROT_EXEC, PROT_WRITE,
    SIOCGIFFLAGS, SIOCGIFHWADDR, SIOCGIFINDEX, SIOCGIFMTU, SIOCGIFNAME, TCGETS, TIOCGWINSZ, c_int,
    c_long,
};
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

/// One argument, and what it must be. Only the low half counts: none of them is a pointer, but where said.
type Wanted = (u8, SeccompCmpOp, u64);

/// A call, and the sets of arguments of which one must be given.
pub(crate) type Conditional = (c_long, Vec<SeccompRule>);

/// Return the calls. `pid` is our own.
pub(crate) fn conditional(sock_diag: bool, pid: u32) -> Result<Vec<Conditional>, BackendError> {
    let own = || vec![(0, Eq, u64::from(pid))];
    let mut calls = vec![
        (libc::SYS_clone, vec![vec![threads_only()]]),
        (libc::SYS_ioctl, first_of(1, &ioctls())),
        (libc::SYS_kill, vec![own()]),
        (
            libc::SYS_mmap,
            vec![vec![without(2, PROT_EXEC)], vec![without(2, PROT_WRITE)]],
        ),
        (libc::SYS_mprotect, vec![vec![without(2, PROT_EXEC)]]),
        (
            libc::SYS_prctl,
            first_of(0, &[number(PR_SET_NAME), number(PR_GET_NAME), PR_SET_VMA]),
        ),
        (libc::SYS_sched_setaffinity, vec![vec![(0, Eq, 0)]]),
        (libc::SYS_socket, sockets(sock_diag)),
        (libc::SYS_socketpair, vec![vec![(0, Eq, number(AF_UNIX))]]),
        (libc::SYS_tgkill, vec![own()]),
    ]
    .into_iter()
    .map(|(call, any)| {
        Ok((
            call,
            any.into_iter()
                .map(|all| rule(all, &SeccompCmpArgLen::Dword))
                .collect::<Result<_, _>>()?,
        ))
    })
    .collect::<Result<Vec<_>, BackendError>>()?;
    // The pointers: an address to send to, a limit to set.
    for (call, pointer) in [(libc::SYS_sendto, 4), (libc::SYS_prlimit64, 2)] {
        calls.push((
            call,
            vec![rule(vec![(pointer, Eq, 0)], &SeccompCmpArgLen::Qword)?],
        ));
    }
    Ok(calls)
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

fn rule(wanted: Vec<Wanted>, length: &SeccompCmpArgLen) -> Result<SeccompRule, BackendError> {
    let conditions = wanted
        .into_iter()
        .map(|(argument, operator, value)| {
            SeccompCondition::new(argument, length.clone(), operator, value)
        })
        .collect::<Result<_, _>>()?;
    SeccompRule::new(conditions)
}

/// As the register has it: flags and families have no sign.
fn number(value: c_int) -> u64 {
    u64::from(value.cast_unsigned())
}
