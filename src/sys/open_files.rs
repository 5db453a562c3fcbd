//! How many descriptors this process may hold.
//!
//! Watching a container takes seven, so a thousand need more than the usual soft limit of
//! 1024. It is there for programs that use select(2); ours don't, so it is raised to the
//! hard one. What we start must not inherit that: [`restore`] puts the old one back.

use std::sync::OnceLock;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The limit before it was raised.
static BEFORE: OnceLock<Rlimit> = OnceLock::new();

/// Raise the soft limit to the hard one, once. Where that is refused, the number of
/// containers that can be watched at once stays lower, and the open that fails says so.
pub fn raise() {
    BEFORE.get_or_init(|| {
        let before = getrlimit(Resource::Nofile);
        let raised = Rlimit {
            current: before.maximum,
            ..before
        };
        // See above.
        let _ = setrlimit(Resource::Nofile, raised);
        before
    });
}

/// In a new process, before execve: the limit as it was before [`raise`]. Takes no lock
/// and allocates nothing.
pub fn restore() -> rustix::io::Result<()> {
    match BEFORE.get() {
        Some(before) => setrlimit(Resource::Nofile, *before),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limit_is_raised_to_the_hard_one_and_put_back() {
        let before = getrlimit(Resource::Nofile);
        raise();
        let raised = getrlimit(Resource::Nofile);
        assert_eq!(raised.current, raised.maximum);
        restore().unwrap();
        assert_eq!(getrlimit(Resource::Nofile), before);
    }
}
