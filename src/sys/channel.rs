//! The line between a parent and the child that sets itself up: packets, with
//! descriptors beside them, closed by execve.
//!
//! A socket of packets and not a pipe: both sides speak over one descriptor, messages
//! keep their borders, and a peer that died is an error (`MSG_NOSIGNAL`), not a signal.

use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::io::{Errno, IoSlice, IoSliceMut, Result};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};

/// One end.
#[derive(Debug)]
pub struct Channel(OwnedFd);

impl Channel {
    /// Both ends.
    pub fn pair() -> Result<(Self, Self)> {
        let (left, right) = socketpair(
            AddressFamily::UNIX,
            SocketType::SEQPACKET,
            SocketFlags::CLOEXEC,
            None,
        )?;
        Ok((Self(left), Self(right)))
    }

    /// Send one packet, with at most one descriptor.
    pub fn send(&self, bytes: &[u8], fd: Option<BorrowedFd<'_>>) -> Result<()> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        let fds = fd.map(|fd| [fd]);
        if let Some(fds) = &fds {
            // There is room for exactly one.
            ancillary.push(SendAncillaryMessage::ScmRights(fds));
        }
        loop {
            let flags = SendFlags::NOSIGNAL;
            match sendmsg(&self.0, &[IoSlice::new(bytes)], &mut ancillary, flags) {
                Err(Errno::INTR) => {}
                result => return result.map(drop),
            }
        }
    }

    /// Receive one packet: its length, 0 once the other end is closed.
    pub fn receive(&self, bytes: &mut [u8]) -> Result<(usize, Option<OwnedFd>)> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let received = loop {
            let flags = RecvFlags::CMSG_CLOEXEC;
            match recvmsg(
                &self.0,
                &mut [IoSliceMut::new(bytes)],
                &mut ancillary,
                flags,
            ) {
                // The other end closed with a packet of ours unread. The kernel says so
                // once, before it gives what that end had sent.
                Err(Errno::INTR | Errno::CONNRESET) => {}
                result => break result?,
            }
        };
        let mut fd = None;
        for message in ancillary.drain() {
            if let RecvAncillaryMessage::ScmRights(mut fds) = message {
                fd = fds.next();
            }
        }
        Ok((received.bytes, fd))
    }
}

impl From<OwnedFd> for Channel {
    fn from(fd: OwnedFd) -> Self {
        Self(fd)
    }
}

impl std::os::fd::AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd;

    #[test]
    fn packets_keep_their_borders_and_carry_descriptors() {
        let (left, right) = Channel::pair().expect("pair");
        left.send(b"one", None).expect("send");
        left.send(b"two", Some(std::io::stderr().as_fd()))
            .expect("send");
        drop(left);
        let mut bytes = [0; 16];
        let (length, fd) = right.receive(&mut bytes).expect("receive");
        assert_eq!((&bytes[..length], fd.is_some()), (&b"one"[..], false));
        let (length, fd) = right.receive(&mut bytes).expect("receive");
        assert_eq!((&bytes[..length], fd.is_some()), (&b"two"[..], true));
        assert_eq!(right.receive(&mut bytes).expect("receive").0, 0);
    }

    #[test]
    fn last_words_arrive_though_ours_were_never_read() {
        let (left, right) = Channel::pair().expect("pair");
        left.send(b"last", None).expect("send");
        right.send(b"unread", None).expect("send");
        drop(left);
        let mut bytes = [0; 16];
        assert_eq!(right.receive(&mut bytes).expect("receive").0, 4);
        assert_eq!(right.receive(&mut bytes).expect("receive").0, 0);
    }
}
