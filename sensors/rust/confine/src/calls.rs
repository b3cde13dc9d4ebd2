//! seccomp: the system calls that are left.
//!
//! Three filters, of which the strictest answer counts. The first kills on calls that no sensor makes. The second says
//! of `clone3` that there is none, so that the C library takes `clone`, whose flags can be seen. The last lets through
//! what is needed; all else fails with EPERM, since a call that was forgotten here must not end the sensor. To find
//! such a call: `strace -f -e status=failed`.

use std::collections::BTreeMap;
use std::env::consts::ARCH;
use std::fs::read_to_string;
use std::path::Path;
use std::process;

use libc::{ENOSYS, EPERM, c_int, c_long};
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompFilter, SeccompRule, TargetArch,
    apply_filter_all_threads,
};

use crate::allowed::{ALLOWED, OLDER};
use crate::conditions::conditional;
use crate::deadly::DEADLY;

type Calls = BTreeMap<c_long, Vec<SeccompRule>>;

/// Filters there are, and an architecture that these are for.
pub(crate) fn supported() -> bool {
    TargetArch::try_from(ARCH).is_ok() && kernel_has_filters()
}

/// The kernel counts each process's filters, where it has any. Before Linux 5.9 it did not, and where /proc shows
/// nothing but processes, it is not asked in the older way.
fn kernel_has_filters() -> bool {
    let counts = |status: String| {
        status
            .lines()
            .any(|line| line.starts_with("Seccomp_filters:"))
    };
    read_to_string("/proc/self/status").is_ok_and(counts)
        || Path::new("/proc/sys/kernel/seccomp/actions_avail").exists()
}

/// Filter the calls of all threads, from now on.
pub(crate) fn filter(sock_diag: bool) -> Result<(), String> {
    let programs = programs(sock_diag, process::id()).map_err(|error| error.to_string())?;
    for program in &programs {
        apply_filter_all_threads(program).map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// In the order in which they are to be put in place: the last lets no other follow.
fn programs(sock_diag: bool, pid: u32) -> Result<[BpfProgram; 3], BackendError> {
    let mut allowed = whatever(ALLOWED);
    allowed.extend(whatever(OLDER));
    allowed.extend(conditional(sock_diag, pid)?);
    let pass = SeccompAction::Allow;
    Ok([
        program(whatever(DEADLY), pass.clone(), SeccompAction::KillProcess)?,
        program(whatever(&[libc::SYS_clone3]), pass.clone(), fails(ENOSYS))?,
        program(allowed, fails(EPERM), pass)?,
    ])
}

/// Calls with whatever arguments.
fn whatever(calls: &[c_long]) -> Calls {
    calls.iter().map(|call| (*call, Vec::new())).collect()
}

fn fails(error: c_int) -> SeccompAction {
    SeccompAction::Errno(error.cast_unsigned())
}

fn program(
    calls: Calls,
    otherwise: SeccompAction,
    then: SeccompAction,
) -> Result<BpfProgram, BackendError> {
    SeccompFilter::new(calls, otherwise, then, TargetArch::try_from(ARCH)?)?.try_into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_filters_are_made_and_fit() {
        for sock_diag in [false, true] {
            let programs = programs(sock_diag, 1).unwrap();
            assert!(
                programs
                    .iter()
                    .all(|each| !each.is_empty() && each.len() < 4096)
            );
        }
    }

    #[test]
    fn no_call_is_in_two_lists() {
        let mut all = [ALLOWED, OLDER, DEADLY].concat();
        all.extend(conditional(true, 1).unwrap().into_keys());
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}
