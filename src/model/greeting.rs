//! What an engine says of itself when it is asked who it is.

/// Who an engine is, where it is and how much it has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Greeting {
    /// Its name and version: `docker 20.10.24`.
    pub engine: String,
    /// The newest version of Docker's API that it speaks; none for the one inside.
    pub api: Option<String>,
    /// The machine's name.
    pub host: String,
    /// The machine's system.
    pub system: String,
    /// Its kernel's release.
    pub kernel: String,
    /// Its processors.
    pub cpus: u32,
    /// Its memory.
    pub memory_bytes: Option<u64>,
    /// Its containers.
    pub containers: usize,
    /// Those of them that have a process.
    pub running: usize,
    /// Its images.
    pub images: usize,
}
