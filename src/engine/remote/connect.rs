//! Connections to an engine: a socket, a port, TLS, a command of ssh.

use std::{fmt, io, path::Path, sync::Arc, time::Duration};

use nix::sys::socket::{setsockopt, sockopt};
use rustls::{
    AlertDescription, CertificateError, ClientConfig, Error as TlsError, InvalidMessage,
    RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite},
    net::{TcpStream, UnixStream},
    time::timeout,
};
use tokio_rustls::TlsConnector;

use super::ssh;
use crate::model::{Address, TlsFiles};

/// Questions that are under way at once where connections cost nothing.
const AT_ONCE: usize = 16;
/// How long a connection may take to be made.
const PATIENCE: Duration = Duration::from_secs(10);
/// A larger file is no certificate.
const LARGEST_CERTIFICATE: u64 = 1 << 20;
/// A machine that is gone says nothing: after so many seconds of silence it is asked,
/// so often and so far apart (tcp(7)).
pub const SILENCE: (u32, u32, u32) = (15, 3, 5);

/// Both directions of a connection.
pub trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// Why there is no connection, and the way out.
#[derive(Clone, Debug)]
pub struct Unreachable {
    /// What went wrong, in words.
    pub reason: String,
    /// What to do.
    pub hint: String,
}

impl fmt::Display for Unreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for Unreachable {}

/// Both in words.
pub fn unreachable(reason: impl Into<String>, hint: impl Into<String>) -> Unreachable {
    Unreachable {
        reason: reason.into(),
        hint: hint.into(),
    }
}

/// Makes connections to one address.
pub struct Connector {
    address: Address,
    tls: Option<TlsConnector>,
    ssh: ssh::Dialer,
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Connector({})", self.address)
    }
}

impl Connector {
    /// To an address; its certificates are read now.
    pub fn new(address: Address) -> Result<Self, Unreachable> {
        if address.is_open() {
            return Err(unreachable(
                "without TLS anybody on the way could read and command it",
                "set DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH, or use ssh://; plain HTTP is for \
                 loopback only",
            ));
        }
        let tls = match &address {
            Address::Tcp {
                tls: Some(files), ..
            } => Some(TlsConnector::from(Arc::new(certificates(files)?))),
            _ => None,
        };
        Ok(Self {
            address,
            tls,
            ssh: ssh::Dialer::default(),
        })
    }

    /// Where to.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// How many questions make sense at once: each needs a connection.
    pub fn at_once(&self) -> usize {
        match self.address {
            Address::Ssh { .. } => ssh::DIALING,
            _ => AT_ONCE,
        }
    }

    /// One connection.
    pub async fn connect(&self) -> Result<Box<dyn Wire>, Unreachable> {
        if matches!(self.address, Address::Ssh { .. }) {
            // It has its own patience, and its own words when that ends.
            return self.wire().await;
        }
        match timeout(PATIENCE, self.wire()).await {
            Ok(made) => made,
            Err(_) => Err(unreachable(
                format!("no answer within {} seconds", PATIENCE.as_secs()),
                "look whether the machine is up and a firewall lets this port through",
            )),
        }
    }

    async fn wire(&self) -> Result<Box<dyn Wire>, Unreachable> {
        match &self.address {
            Address::Unix(path) => match UnixStream::connect(path).await {
                Ok(stream) => Ok(Box::new(stream)),
                Err(error) => Err(no_socket(path, &error)),
            },
            Address::Tcp { host, port, .. } => {
                let bare = host.trim_matches(['[', ']']);
                let stream = TcpStream::connect((bare, *port))
                    .await
                    .map_err(|error| no_port(&error))?;
                // Keys of a terminal go one by one.
                let _ = stream.set_nodelay(true);
                ask_after_silence(&stream);
                let Some(tls) = &self.tls else {
                    return Ok(Box::new(stream));
                };
                let name = ServerName::try_from(bare.to_owned()).map_err(|_| {
                    unreachable(
                        format!("{host} is no name of a host"),
                        "look at the address",
                    )
                })?;
                match tls.connect(name, stream).await {
                    Ok(stream) => Ok(Box::new(stream)),
                    Err(error) => Err(why(&error)),
                }
            }
            Address::Ssh { .. } => Ok(Box::new(self.ssh.dial(&self.address).await?)),
        }
    }
}

fn no_socket(path: &Path, error: &io::Error) -> Unreachable {
    let path = path.display();
    match error.kind() {
        io::ErrorKind::NotFound => unreachable(
            "there is no such socket",
            format!("start the engine that listens at {path}, or name another by --host"),
        ),
        io::ErrorKind::PermissionDenied => unreachable(
            "this user may not open the socket",
            "join the socket's group, or run it as root",
        ),
        io::ErrorKind::ConnectionRefused => unreachable(
            "nobody listens at the socket",
            format!("start the engine again; {path} is left from before"),
        ),
        _ => unreachable(error.to_string(), "look at the socket's path"),
    }
}

fn no_port(error: &io::Error) -> Unreachable {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => unreachable(
            "nobody listens at that port",
            "start the engine there, or look at the port: 2376 is usual with TLS, 2375 without",
        ),
        io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable => {
            unreachable(error.to_string(), "look at the network and the address")
        }
        _ => unreachable(error.to_string(), "look at the host's name and the network"),
    }
}

/// Has the kernel notice a machine that is gone without a word.
fn ask_after_silence(stream: &TcpStream) {
    let (idle, count, between) = SILENCE;
    // A connection that is noticed late is better than none.
    let _ = setsockopt(stream, sockopt::KeepAlive, &true)
        .and_then(|()| setsockopt(stream, sockopt::TcpKeepIdle, &idle))
        .and_then(|()| setsockopt(stream, sockopt::TcpKeepCount, &count))
        .and_then(|()| setsockopt(stream, sockopt::TcpKeepInterval, &between))
        // What was sent and is not taken ends it as soon.
        .and_then(|()| {
            let milliseconds = (idle + count * between) * 1_000;
            setsockopt(stream, sockopt::TcpUserTimeout, &milliseconds)
        });
}

/// Why a connection failed, by the innermost error that has something to say.
pub fn why(error: &(dyn std::error::Error + 'static)) -> Unreachable {
    let mut cause = error;
    loop {
        let inner = cause
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        if let Some(found) = inner.and_then(|inner| inner.downcast_ref::<Unreachable>()) {
            return found.clone();
        }
        if let Some(found) = inner.and_then(|inner| inner.downcast_ref::<TlsError>()) {
            return no_tls(found);
        }
        match cause.source() {
            Some(source) => cause = source,
            None => break,
        }
    }
    unreachable(cause.to_string(), "look whether the engine still runs")
}

/// TLS failed: which end does not believe the other, and what that one needs.
fn no_tls(error: &TlsError) -> Unreachable {
    use AlertDescription as Alert;
    match error {
        TlsError::AlertReceived(
            alert @ (Alert::CertificateRequired
            | Alert::BadCertificate
            | Alert::UnknownCA
            | Alert::CertificateUnknown
            | Alert::CertificateExpired
            | Alert::CertificateRevoked
            | Alert::AccessDenied
            | Alert::DecryptError),
        ) => unreachable(
            format!("TLS: the engine does not accept our certificate ({alert:?})"),
            "cert.pem and key.pem must be of an authority that the engine trusts",
        ),
        TlsError::InvalidCertificate(
            CertificateError::UnknownIssuer | CertificateError::BadSignature,
        ) => unreachable(
            "TLS: ca.pem does not vouch for the engine's certificate",
            "take the ca.pem of the authority that signed it; `wharf serve --tls-init` makes both",
        ),
        TlsError::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => unreachable(
            format!("TLS: {error}"),
            "use a name that the engine's certificate has, or give it this one: \
             `wharf serve --tls-init DIR --tls-name NAME`",
        ),
        TlsError::InvalidMessage(InvalidMessage::InvalidContentType) => unreachable(
            "TLS: whoever listens there speaks none",
            "look at the port: 2376 is usual with TLS, 2375 without",
        ),
        _ => unreachable(
            format!("TLS: {error}"),
            "ca.pem must vouch for the engine's certificate, and the engine for cert.pem",
        ),
    }
}

fn certificates(files: &TlsFiles) -> Result<ClientConfig, Unreachable> {
    let hint = "DOCKER_CERT_PATH names a directory with ca.pem, cert.pem and key.pem; \
                `wharf serve --tls-init` makes such";
    let read = |path: &Path| {
        let failed = |why: String| unreachable(format!("{}: {why}", path.display()), hint);
        let length = std::fs::metadata(path).map_err(|error| failed(error.to_string()))?;
        if length.len() > LARGEST_CERTIFICATE {
            return Err(failed("it is too large for a certificate".into()));
        }
        std::fs::read(path).map_err(|error| failed(error.to_string()))
    };
    let wrong = |path: &Path, why: String| unreachable(format!("{}: {why}", path.display()), hint);
    let chain = |path: &Path| {
        let text = read(path)?;
        let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
        match found {
            Ok(found) if !found.is_empty() => Ok(found),
            _ => Err(wrong(path, "it has no certificate in it".into())),
        }
    };
    let mut roots = RootCertStore::empty();
    for certificate in chain(&files.authority)? {
        roots
            .add(certificate)
            .map_err(|error| wrong(&files.authority, error.to_string()))?;
    }
    // Whoever was first has set the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = ClientConfig::builder().with_root_certificates(roots);
    // An engine that asks nobody who they are is driven without.
    if !files.certificate.exists() && !files.key.exists() {
        return Ok(builder.with_no_client_auth());
    }
    let own = chain(&files.certificate)?;
    let key = PrivateKeyDer::from_pem_slice(&read(&files.key)?)
        .map_err(|_| wrong(&files.key, "it has no private key in it".into()))?;
    builder
        .with_client_auth_cert(own, key)
        .map_err(|error| wrong(&files.certificate, error.to_string()))
}

/// Copies between our stdin and stdout and a connection, until the other end is done:
/// what an ssh from elsewhere runs here.
pub async fn dial_stdio(address: Address) -> Result<(), Unreachable> {
    let connector = Connector::new(address)?;
    let wire = connector.connect().await?;
    let (mut from, mut to) = tokio::io::split(wire);
    let mut output = tokio::io::stdout();
    let sending = async {
        let mut input = tokio::io::stdin();
        let sent = tokio::io::copy(&mut input, &mut to).await;
        // The end of what is asked is told; answers may still come.
        let _ = tokio::io::AsyncWriteExt::shutdown(&mut to).await;
        sent.map(drop)
    };
    let receiving = async {
        let mut buffer = vec![0; 64 << 10];
        loop {
            let n = from.read(&mut buffer).await?;
            if n == 0 {
                return Ok::<_, io::Error>(());
            }
            tokio::io::AsyncWriteExt::write_all(&mut output, &buffer[..n]).await?;
            tokio::io::AsyncWriteExt::flush(&mut output).await?;
        }
    };
    tokio::pin!(sending, receiving);
    let outcome = tokio::select! {
        outcome = &mut receiving => outcome,
        sent = &mut sending => match sent {
            Ok(()) => receiving.await,
            Err(error) => Err(error),
        },
    };
    outcome.map_err(|error| unreachable(error.to_string(), "look at the connection"))
}
