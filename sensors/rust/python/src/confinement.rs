//! The binding of what the daemon gives up: plain tuples cross, `sensors.confinement` gives them names.

use std::path::PathBuf;

use confine::{Held, Identity};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

/// `sensors.confinement.Rules`.
#[derive(FromPyObject)]
struct Rules {
    read: Vec<PathBuf>,
    write: Vec<PathBuf>,
    seccomp: bool,
    landlock: bool,
    sock_diag: bool,
}

/// Whether the kernel filters system calls, and its version of Landlock; 0 is none.
#[pyfunction]
fn support() -> (bool, i32) {
    let support = confine::support();
    (support.seccomp, support.landlock_abi)
}

/// Become a user, where the process is root: its id, its group, all its groups. Keep no capability but those named.
/// Returns whether the user changed, whether the bounding set is empty, and what is kept. Raises `RuntimeError`.
#[pyfunction]
fn drop_privileges(
    identity: (u32, u32, Vec<u32>),
    keep: Vec<String>,
) -> PyResult<(bool, bool, Vec<String>)> {
    let (uid, gid, groups) = identity;
    let identity = Identity { uid, gid, groups };
    let dropped = confine::drop_privileges(&identity, &keep).map_err(PyRuntimeError::new_err)?;
    Ok((dropped.changed_user, dropped.bounding_emptied, dropped.kept))
}

/// Hold the process to the rules. Returns whether calls are filtered, how much of Landlock holds, and why not all.
#[pyfunction]
fn confine_process(rules: Rules) -> (bool, &'static str, Vec<String>) {
    let confined = confine::confine(&confine::Rules {
        read: rules.read,
        write: rules.write,
        seccomp: rules.seccomp,
        landlock: rules.landlock,
        sock_diag: rules.sock_diag,
    });
    let held = match confined.landlock {
        Held::Full => "full",
        Held::Partial => "partial",
        Held::None => "none",
    };
    (confined.seccomp, held, confined.reasons)
}

/// Put the functions into the module.
pub(crate) fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(support, module)?)?;
    module.add_function(wrap_pyfunction!(drop_privileges, module)?)?;
    module.add_function(wrap_pyfunction!(confine_process, module)?)
}
