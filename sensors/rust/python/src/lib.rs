//! The Python binding of the native engine. It binds, and does nothing else.

#![allow(clippy::needless_pass_by_value)] // PyO3 hands arguments over

mod confinement;
mod given;
mod live;
mod parts;
mod relayed;
mod replay;
mod series;

use pyo3::prelude::*;

/// Flows and observations come and go by the million, some from thread to thread: a tenth of the time is won.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The native engine.
#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<replay::Engine>()?;
    module.add_class::<live::Live>()?;
    module.add_class::<series::Series>()?;
    module.add_class::<relayed::Relayed>()?;
    parts::add_to(module)?;
    confinement::add_to(module)
}
