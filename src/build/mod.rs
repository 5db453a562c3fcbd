//! Dockerfiles: what a file says, and what becomes of the words in it.
//!
//! ```text
//! dockerfile   lines, directives, instructions, here-documents; typed and checked
//! expand       quotes, escapes and variables in a word
//! ignore       which files of a context `.dockerignore` leaves out
//! ```

pub mod dockerfile;
pub mod expand;
pub mod ignore;
