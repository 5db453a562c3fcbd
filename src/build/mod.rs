//! Building: a Dockerfile and a context are made into an image.
//!
//! ```text
//! input        the Dockerfile and the context, wherever they come from
//! archive      tars, plain or packed
//! scope        which names have which values at a line
//! context      the files that are copied from, found without ever leading out
//! tree         hashing and copying them
//! graph        which stages a target needs
//! builder      stages in parallel
//! steps        from the cache, or done
//! made, stop   a stage as far as it is; stopping from outside
//! apply        what each instruction does to its stage
//! remote, git  what ADD adds from elsewhere
//! mode         --chmod
//! agent        ssh agents behind RUN's --mount=type=ssh
//! output       where the result goes
//! copy, run    the two kinds of step that change files
//! ```

mod agent;
mod apply;
mod archive;
mod builder;
mod context;
mod copy;
mod error;
mod git;
mod graph;
mod input;
mod made;
mod mode;
mod output;
mod remote;
mod run;
mod scope;
mod steps;
mod stop;
mod tree;

/// What a `.dockerignore` leaves out.
pub use crate::dockerfile::ignore::Ignore;
pub use builder::{Calls, Fetch, Outcome, build};
pub use error::{Error, Result};
pub use stop::Stop;
