//! A file at an address, as something to read: whoever imports it needs no room for it.

use std::{
    io::{self, PipeReader, Read, Write},
    thread::JoinHandle,
};

use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{
    image::registry::{self, Client, Keychain},
    model::RegistrySettings,
};

/// What comes from an address.
struct Fetched {
    end: PipeReader,
    /// What sends it, until its end was looked at.
    sender: Option<JoinHandle<registry::Result<()>>>,
    /// Whoever reads no further has the transfer stopped.
    _dropped: DropGuard,
}

/// Reads the file at an `http` or `https` address while it comes, from a thread that may
/// block. One that breaks off is an error there, never an end.
///
/// # Errors
/// It is no such address, which is [`io::ErrorKind::InvalidInput`], or no thread can be
/// started.
pub fn fetch(address: &str, settings: RegistrySettings) -> io::Result<Box<dyn Read + Send>> {
    registry::file_address(address)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    let (end, mut out) = io::pipe()?;
    let cancel = CancellationToken::new();
    let (address, guard) = (address.to_owned(), cancel.clone().drop_guard());
    let send = move || {
        let keychain = Keychain::with(&settings);
        let client = Client::new(settings, keychain, cancel)?;
        client.file(&address, &mut out as &mut dyn Write).map(drop)
    };
    let sender = std::thread::Builder::new()
        .name("wharf-fetch".into())
        .spawn(send)?;
    Ok(Box::new(Fetched {
        end,
        sender: Some(sender),
        _dropped: guard,
    }))
}

impl Read for Fetched {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.end.read(buffer)?;
        if n > 0 || buffer.is_empty() {
            return Ok(n);
        }
        match self.sender.take().map(JoinHandle::join) {
            None | Some(Ok(Ok(()))) => Ok(0),
            Some(Ok(Err(error))) => Err(io::Error::other(error)),
            Some(Err(_)) => Err(io::Error::other("its thread ended without an answer")),
        }
    }
}
