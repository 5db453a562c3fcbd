//! Connections to an engine: a socket, a port, TLS, a command of ssh.

use std::{
    fmt, io,
    path::Path,
    pin::Pin,
    process::Stdio,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf},
    net::{TcpStream, UnixStream},
    process::{Child, ChildStderr, ChildStdin, ChildStdout, Command},
    time::timeout,
};
use tokio_rustls::TlsConnector;

use crate::model::{Address, TlsFiles};

/// How long a connection may take to be made.
const PATIENCE: Duration = Duration::from_secs(10);
/// A larger file is no certificate.
const LARGEST_CERTIFICATE: u64 = 1 << 20;

/// Both directions of a connection.
pub trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// Why there is no connection, and the way out.
#[derive(Debug)]
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

fn unreachable(reason: impl Into<String>, hint: impl Into<String>) -> Unreachable {
    Unreachable {
        reason: reason.into(),
        hint: hint.into(),
    }
}

/// Makes connections to one address.
pub struct Connector {
    address: Address,
    tls: Option<TlsConnector>,
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
        Ok(Self { address, tls })
    }

    /// Where to.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// One connection.
    pub async fn connect(&self) -> Result<Box<dyn Wire>, Unreachable> {
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
                    Err(error) => Err(unreachable(
                        format!("TLS: {error}"),
                        "ca.pem must vouch for the engine's certificate, and the engine for cert.pem",
                    )),
                }
            }
            Address::Ssh { .. } => self.ssh().await,
        }
    }

    /// ssh(1) with the user's own configuration and keys. It asks nothing: there is
    /// nobody to answer while a dashboard is on the screen.
    async fn ssh(&self) -> Result<Box<dyn Wire>, Unreachable> {
        let Address::Ssh {
            user,
            host,
            port,
            socket,
        } = &self.address
        else {
            return Err(unreachable("it is no ssh address", "write ssh://HOST"));
        };
        let program = std::env::var_os("WHARF_SSH").unwrap_or_else(|| "ssh".into());
        let mut command = Command::new(&program);
        command.args(["-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10"]);
        if let Some(user) = user {
            command.args(["-l", user]);
        }
        if let Some(port) = port {
            command.args(["-p", &port.to_string()]);
        }
        command.arg("--").arg(host.trim_matches(['[', ']']));
        let command = command
            .arg(dial(socket.as_deref()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn().map_err(|error| {
            unreachable(
                format!("run {}: {error}", program.to_string_lossy()),
                "install an ssh client",
            )
        })?;
        let (Some(input), Some(output), Some(errors)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(unreachable("ssh has no pipes", "try again"));
        };
        Ok(Box::new(Ssh {
            input: Some(input),
            output,
            errors: Some(errors),
            said: String::new(),
            was_heard: false,
            _child: child,
        }))
    }
}

/// What the other machine is told: whichever of the two speaks for the engine there.
fn dial(socket: Option<&str>) -> String {
    let quoted = |path: &str| shlex::try_quote(path).map(|text| text.into_owned()).ok();
    match socket.and_then(quoted) {
        // Docker's client takes an engine's address, and so do we.
        Some(socket) => format!(
            "if command -v wharf >/dev/null 2>&1; then exec wharf --host unix://{socket} system \
             dial-stdio; else exec docker --host unix://{socket} system dial-stdio; fi"
        ),
        None => "if command -v wharf >/dev/null 2>&1; then exec wharf system dial-stdio; else \
                 exec docker system dial-stdio; fi"
            .into(),
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

/// The pipes of an ssh that runs.
struct Ssh {
    /// Closed by taking it.
    input: Option<ChildStdin>,
    output: ChildStdout,
    /// Read once the output ended: what it says is why.
    errors: Option<ChildStderr>,
    said: String,
    /// Whether the other end spoke: what ssh says later is then no reason.
    was_heard: bool,
    /// Ends with us.
    _child: Child,
}

impl AsyncRead for Ssh {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        std::task::ready!(Pin::new(&mut self.output).poll_read(cx, buffer))?;
        if buffer.filled().len() > before {
            self.was_heard = true;
            return Poll::Ready(Ok(()));
        }
        let this = &mut *self;
        let Some(errors) = this.errors.as_mut().filter(|_| !this.was_heard) else {
            return Poll::Ready(Ok(()));
        };
        let mut piece = [0; 512];
        loop {
            let mut room = ReadBuf::new(&mut piece);
            std::task::ready!(Pin::new(&mut *errors).poll_read(cx, &mut room))?;
            if room.filled().is_empty() || this.said.len() > 2048 {
                break;
            }
            this.said += &String::from_utf8_lossy(room.filled());
        }
        this.errors = None;
        let last = this.said.lines().rfind(|line| !line.trim().is_empty());
        let reason = last.unwrap_or("it ended without a word").trim().to_owned();
        Poll::Ready(Err(io::Error::other(format!("ssh: {reason}"))))
    }
}

impl AsyncWrite for Ssh {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.input {
            Some(input) => Pin::new(input).poll_write(cx, bytes),
            None => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.input {
            Some(input) => Pin::new(input).poll_flush(cx),
            None => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.input = None;
        Poll::Ready(Ok(()))
    }
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
