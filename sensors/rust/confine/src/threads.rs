//! How many threads there are, as the kernel counts them.

use std::fs::read_dir;
use std::io::Result;

/// Count the threads of this process.
pub(crate) fn count() -> Result<usize> {
    Ok(read_dir("/proc/self/task")?.count())
}
