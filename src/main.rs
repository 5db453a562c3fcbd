//! Chooses the face of this process.

use std::{os::unix::ffi::OsStrExt, process::ExitCode};

use wharf::runtime::shim;

fn main() -> ExitCode {
    let name = std::env::args_os().next();
    if name.is_some_and(|name| name.as_bytes() == shim::NAME.as_bytes()) {
        return shim::main();
    }
    ExitCode::SUCCESS
}
