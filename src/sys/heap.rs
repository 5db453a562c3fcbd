//! The allocator of this process.

/// Give memory that is free back to the kernel: for a process that needed much once and
/// goes on for long with little.
pub fn trim() {
    // SAFETY: malloc_trim has no preconditions.
    #[cfg(target_env = "gnu")]
    unsafe {
        libc::malloc_trim(0);
    }
}
