//! The sockets that are listened at, and who may open them.

use std::{
    fs,
    io::{self, BufReader},
    net::SocketAddr,
    os::{
        fd::AsFd,
        unix::fs::{FileTypeExt, PermissionsExt, chown},
    },
    path::{Path, PathBuf},
    sync::Arc,
};

use rustix::io::{FdFlags, fcntl_getfd, fcntl_setfd};
use tokio::net::{TcpListener, UnixListener};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        RootCertStore, ServerConfig,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
        server::WebPkiClientVerifier,
    },
};

use crate::config::{Listen, Serve, TlsFiles};

/// A socket that is listened at.
pub enum Listener {
    /// A unix socket; removed with the listener if it is ours.
    Unix(
        UnixListener,
        #[expect(dead_code, reason = "held for its end")] Option<Socket>,
    ),
    /// TCP, with certificates or, on loopback, without.
    Tcp(TcpListener, Option<TlsAcceptor>),
}

/// The file of a unix socket, removed at the end unless another took its place.
#[derive(Debug)]
pub struct Socket {
    path: PathBuf,
    inode: u64,
}

impl Drop for Socket {
    fn drop(&mut self) {
        use std::os::unix::fs::MetadataExt;
        if fs::metadata(&self.path).is_ok_and(|now| now.ino() == self.inode) {
            // What stays is taken over by the next server.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Opens all of them, or says which can't be opened and why.
pub fn open(serve: &Serve) -> Result<Vec<Listener>, String> {
    let mut listeners = Vec::new();
    for listen in &serve.listen {
        match listen {
            Listen::Unix(path) => listeners.push(unix(path, serve)?),
            Listen::Tcp(addresses) => {
                for address in addresses {
                    listeners.push(tcp(*address, serve)?);
                }
            }
            Listen::Inherited => inherited(serve, &mut listeners)?,
        }
    }
    Ok(listeners)
}

fn unix(path: &Path, serve: &Serve) -> Result<Listener, String> {
    use std::os::unix::fs::MetadataExt;
    let about = |error: io::Error| format!("listen at {}: {error}", path.display());
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(about)?;
    }
    match fs::symlink_metadata(path) {
        Ok(found) if !found.file_type().is_socket() => {
            return Err(format!("listen at {}: it is no socket", path.display()));
        }
        // One that nobody listens at was left by a server that was killed.
        Ok(_) => match std::os::unix::net::UnixStream::connect(path) {
            Ok(_) => {
                return Err(format!(
                    "listen at {}: another server answers there",
                    path.display()
                ));
            }
            Err(_) => fs::remove_file(path).map_err(about)?,
        },
        Err(_) => {}
    }
    // Nobody may open it before its mode and group are set. No other thread makes files yet.
    let before = rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o177));
    let bound = std::os::unix::net::UnixListener::bind(path);
    rustix::process::umask(before);
    let bound = bound.map_err(about)?;
    let placed = (|| {
        if let Some(group) = &serve.group {
            chown(path, None, Some(group_id(group)?))?;
        }
        fs::set_permissions(path, fs::Permissions::from_mode(serve.mode))?;
        bound.set_nonblocking(true)?;
        fs::metadata(path)
    })();
    let placed = placed.map_err(|error| {
        // The failure before it is the one to tell.
        let _ = fs::remove_file(path);
        about(error)
    })?;
    let listener = UnixListener::from_std(bound).map_err(about)?;
    let socket = Socket {
        path: path.to_owned(),
        inode: placed.ino(),
    };
    Ok(Listener::Unix(listener, Some(socket)))
}

fn group_id(group: &str) -> io::Result<u32> {
    if let Ok(id) = group.parse() {
        return Ok(id);
    }
    let found = fs::read_to_string("/etc/group")?;
    let id = found.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(group)).then(|| fields.nth(1)?.parse().ok())?
    });
    id.ok_or_else(|| io::Error::other(format!("there is no group {group}")))
}

fn tcp(address: SocketAddr, serve: &Serve) -> Result<Listener, String> {
    let about = |error: io::Error| format!("listen at {address}: {error}");
    let acceptor = match &serve.tls {
        Some(files) => Some(acceptor(files)?),
        None => {
            may_be_open(address, serve)?;
            None
        }
    };
    let bound = std::net::TcpListener::bind(address).map_err(about)?;
    bound.set_nonblocking(true).map_err(about)?;
    let listener = TcpListener::from_std(bound).map_err(about)?;
    Ok(Listener::Tcp(listener, acceptor))
}

/// Whoever reaches the API is root on this machine.
fn may_be_open(address: SocketAddr, serve: &Serve) -> Result<(), String> {
    match (address.ip().is_loopback(), serve.insecure_tcp) {
        (true, true) => Ok(()),
        (true, false) => Err(format!(
            "listen at {address}: TCP needs certificates (`wharf serve --tls-init DIR` makes \
             them, --tls DIR uses them), or --insecure-tcp, which lets every user of this host in"
        )),
        (false, _) => Err(format!(
            "listen at {address}: without certificates whoever reaches it would be root here: \
             `wharf serve --tls-init DIR` makes them, --tls DIR uses them"
        )),
    }
}

fn inherited(serve: &Serve, listeners: &mut Vec<Listener>) -> Result<(), String> {
    let about = |error: io::Error| format!("take over systemd's sockets: {error}");
    let mut given = listenfd::ListenFd::from_env();
    let before = listeners.len();
    for index in 0..given.len() {
        if let Ok(Some(listener)) = given.take_unix_listener(index) {
            keep(&listener).map_err(about)?;
            listener.set_nonblocking(true).map_err(about)?;
            let listener = UnixListener::from_std(listener).map_err(about)?;
            listeners.push(Listener::Unix(listener, None));
        } else if let Ok(Some(listener)) = given.take_tcp_listener(index) {
            keep(&listener).map_err(about)?;
            let address = listener.local_addr().map_err(about)?;
            let acceptor = match &serve.tls {
                Some(files) => Some(acceptor(files)?),
                None => {
                    may_be_open(address, serve)?;
                    None
                }
            };
            listener.set_nonblocking(true).map_err(about)?;
            let listener = TcpListener::from_std(listener).map_err(about)?;
            listeners.push(Listener::Tcp(listener, acceptor));
        }
    }
    match listeners.len() > before {
        true => Ok(()),
        false => Err("fd://: systemd gave no socket (LISTEN_FDS is not for this process)".into()),
    }
}

/// What we start must not inherit it.
fn keep(listener: &impl AsFd) -> io::Result<()> {
    let flags = fcntl_getfd(listener)?;
    Ok(fcntl_setfd(listener, flags | FdFlags::CLOEXEC)?)
}

/// TLS where both sides show a certificate of the same authority.
fn acceptor(files: &TlsFiles) -> Result<TlsAcceptor, String> {
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    for certificate in certificates(&files.authority)? {
        roots
            .add(certificate)
            .map_err(|error| format!("{}: {error}", files.authority.display()))?;
    }
    let wrong = |error: &dyn std::fmt::Display| format!("TLS: {error}");
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone())
        .build()
        .map_err(|error| wrong(&error))?;
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .map_err(|error| format!("{}: {error}", files.key.display()))?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(&error))?
        .with_client_cert_verifier(verifier)
        .with_single_cert(certificates(&files.certificate)?, key)
        .map_err(|error| wrong(&error))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let about = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let file = fs::File::open(path).map_err(|error| about(&error))?;
    CertificateDer::pem_reader_iter(BufReader::new(file))
        .collect::<Result<_, _>>()
        .map_err(|error| about(&error))
}
