//! Network namespaces: made, entered and looked into from a program with threads.
//!
//! A namespace belongs to a thread. So whoever has threads makes and enters one in a
//! thread of its own, which brings back what it opened there (a descriptor keeps its
//! namespace) and ends; whoever is single-threaded goes there and comes back.

use std::{
    fs::File,
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    thread,
};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::clone::unshare;

/// The file of this thread's own namespace.
const OWN: &str = "/proc/thread-self/ns/net";

/// Makes a namespace and runs `inside` in it; both come back.
pub fn make<T: Send>(inside: impl FnOnce() -> T + Send) -> io::Result<(OwnedFd, T)> {
    in_thread(|| {
        unshare(libc::CLONE_NEWNET as u64)?;
        let namespace = File::open(OWN)?.into();
        Ok((namespace, inside()))
    })
}

/// Runs `inside` in a namespace, in a thread of its own.
pub fn within<T: Send>(
    namespace: BorrowedFd<'_>,
    inside: impl FnOnce() -> T + Send,
) -> io::Result<T> {
    in_thread(|| {
        enter(namespace)?;
        Ok(inside())
    })
}

/// Runs `inside` in a namespace, in this thread, and comes back.
pub fn visit<T>(namespace: BorrowedFd<'_>, inside: impl FnOnce() -> T) -> io::Result<T> {
    let home = File::open(OWN)?;
    enter(namespace)?;
    let result = inside();
    enter(home.as_fd())?;
    Ok(result)
}

/// This thread's own namespace.
pub fn own() -> io::Result<OwnedFd> {
    Ok(File::open(OWN)?.into())
}

fn enter(namespace: BorrowedFd<'_>) -> io::Result<()> {
    move_into_link_name_space(namespace, Some(LinkNameSpaceType::Network))?;
    Ok(())
}

fn in_thread<T: Send>(work: impl FnOnce() -> io::Result<T> + Send) -> io::Result<T> {
    thread::scope(|scope| {
        let thread = thread::Builder::new()
            .name("wharf-netns".into())
            .spawn_scoped(scope, work)?;
        thread
            .join()
            .unwrap_or_else(|_| Err(io::Error::other("its thread panicked")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::netlink::Socket;

    #[test]
    fn new_namespace_has_loopback_only_and_ours_stays_ours() {
        let before = std::fs::read_link(OWN).unwrap();
        let (namespace, inside) = make(Socket::route).unwrap();
        let links = inside.unwrap().links().unwrap();
        assert_eq!(links[0].name, "lo");
        let there = within(namespace.as_fd(), || std::fs::read_link(OWN).unwrap()).unwrap();
        assert_ne!(there, before);
        assert_eq!(std::fs::read_link(OWN).unwrap(), before);
    }
}
