//! Building: a Dockerfile and a context are made into an image.
//!
//! ```text
//! input        the Dockerfile and the context, wherever they come from
//! archive      tars, plain or packed
//! scope        which names have which values at a line
//! context      the files that are copied from, found without ever leading out
//! tree         hashing and copying them
//! graph        which stages a target needs
//! builder      stages in parallel, steps from the cache or done
//! apply        what each instruction does to its stage
//! copy, run    the two kinds of step that change files
//! ```

mod apply;
mod archive;
mod builder;
mod context;
mod copy;
mod error;
mod graph;
mod input;
mod run;
mod scope;
mod tree;

/// What a `.dockerignore` leaves out.
pub use crate::dockerfile::ignore::Ignore;
pub use builder::{Calls, Stop, build};
pub use error::{Error, Result};
