//! Chooses the face of this process.

fn main() {}
