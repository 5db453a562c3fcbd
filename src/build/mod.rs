//! Dockerfiles: what a file says, what becomes of the words in it, and the image that it
//! is made into.
//!
//! ```text
//! dockerfile   lines, directives, instructions, here-documents; typed and checked
//! expand       quotes, escapes and variables in a word
//! scope        which names have which values at a line
//! ignore       which files of a context `.dockerignore` leaves out
//! context      the files that are copied from, found without ever leading out
//! tree         hashing and copying them
//! graph        which stages a target needs
//! config       the image's config in the making
//! builder      stages in parallel, steps from the cache or done
//! apply        what each instruction does to its stage
//! copy, run    the two kinds of step that change files
//! ```

mod apply;
mod builder;
mod config;
mod context;
mod copy;
pub mod dockerfile;
mod error;
pub mod expand;
mod graph;
pub mod ignore;
mod run;
mod scope;
mod tree;

pub use builder::{Calls, Stop, build};
pub use error::{Error, Result};
