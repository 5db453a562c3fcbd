//! The server itself: it accepts, and hands each connection to a task of its own.

use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use hyper::{
    Method, Request, StatusCode, body::Incoming, server::conn::http1, service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::unix::UCred,
    signal::unix::{SignalKind, signal},
    sync::{OwnedSemaphorePermit, Semaphore},
};

use super::{
    answer::{Answer, Failure},
    ask::{Ask, Peer},
    attach::Pending,
    audit::{self, Audit},
    certificate,
    listen::{self, Listener},
    route,
};
use crate::{config::Serve, engine::Engine, hub};

/// Connections of all clients together.
const MAX_CONNECTIONS: usize = 8192;
/// How long the head of a request may take, the wait for it included.
const HEAD_PATIENCE: Duration = Duration::from_secs(600);
/// How long a handshake may take.
const HANDSHAKE_PATIENCE: Duration = Duration::from_secs(10);
/// Bytes that are read ahead, and that wait to be written, of one connection.
const BUFFER_BYTES: usize = 64 * 1024;
/// How long to wait after the system refused to accept: descriptors are short then.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A server.
pub struct Server {
    /// What it drives.
    pub engine: Arc<dyn Engine>,
    /// What it was told.
    pub serve: Serve,
    /// Where requests that change something are written down.
    audit: Option<Audit>,
    /// Connections that wait for a container's start.
    pub pending: Pending,
    /// Connections of each client.
    clients: Mutex<HashMap<Client, usize>>,
}

/// Whose connections are counted together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Client {
    User(u32),
    Other(Peer),
}

impl Client {
    fn of(peer: &Peer) -> Self {
        match peer {
            Peer::User { uid, .. } => Self::User(*uid),
            other => Self::Other(other.clone()),
        }
    }
}

/// A connection's place among its client's.
struct Place {
    server: Arc<Server>,
    client: Client,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut clients = lock(&self.server.clients);
        if let Some(count) = clients.get_mut(&self.client) {
            *count -= 1;
            if *count == 0 {
                clients.remove(&self.client);
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Serves until a signal asks for the end.
pub fn run(engine: Arc<dyn Engine>, serve: Serve) -> Result<(), String> {
    if let Some((directory, names)) = &serve.tls_init {
        let names = match names.as_slice() {
            [] => certificate::own_names(),
            names => names.to_vec(),
        };
        return certificate::init(directory, &names);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| format!("start the server: {error}"))?;
    let served = runtime.block_on(accept_all(engine, serve));
    // Connections end with us; nothing that runs does.
    runtime.shutdown_background();
    served
}

async fn accept_all(engine: Arc<dyn Engine>, serve: Serve) -> Result<(), String> {
    let listeners = listen::open(&serve)?;
    let audit = serve.audit.as_deref().map(Audit::open).transpose();
    let hub = serve.hub.as_ref().map(hub::serve).transpose()?;
    let server = Arc::new(Server {
        audit: audit.map_err(|error| format!("open the audit log: {error}"))?,
        engine,
        serve,
        pending: Pending::default(),
        clients: Mutex::default(),
    });
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let tasks: Vec<_> = listeners
        .into_iter()
        .map(|listener| tokio::spawn(accept(server.clone(), listener, slots.clone())))
        .collect();
    let hub = hub.map(tokio::spawn);
    asked_to_end()
        .await
        .map_err(|error| format!("watch signals: {error}"))?;
    if let Some(hub) = hub {
        hub.abort();
    }
    for task in tasks {
        // Takes the socket's file away with the listener.
        task.abort();
        let _ = task.await;
    }
    Ok(())
}

async fn asked_to_end() -> io::Result<()> {
    let (mut terminate, mut interrupt) = (
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    );
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

async fn accept(server: Arc<Server>, listener: Listener, slots: Arc<Semaphore>) {
    loop {
        // The semaphore is never closed.
        let Ok(slot) = slots.clone().acquire_owned().await else {
            return;
        };
        let accepted = match &listener {
            Listener::Unix(listener, _) => listener.accept().await.map(|(stream, _)| {
                let peer = stream.peer_cred().map_or(Peer::Unknown, user);
                tokio::spawn(server.clone().converse(stream, peer, slot));
            }),
            Listener::Tcp(listener, acceptor) => {
                listener.accept().await.map(|(stream, address)| {
                    // Answers are small; they must not wait for more.
                    let _ = stream.set_nodelay(true);
                    let address = Peer::Address(address.ip());
                    match acceptor.clone() {
                        None => {
                            tokio::spawn(server.clone().converse(stream, address, slot));
                        }
                        Some(acceptor) => {
                            tokio::spawn(secure(server.clone(), stream, acceptor, slot));
                        }
                    }
                })
            }
        };
        if accepted.is_err() {
            tokio::time::sleep(ACCEPT_PAUSE).await;
        }
    }
}

fn user(credentials: UCred) -> Peer {
    Peer::User {
        uid: credentials.uid(),
        pid: credentials.pid().unwrap_or(0),
    }
}

async fn secure(
    server: Arc<Server>,
    stream: tokio::net::TcpStream,
    acceptor: tokio_rustls::TlsAcceptor,
    slot: OwnedSemaphorePermit,
) {
    let shaken = tokio::time::timeout(HANDSHAKE_PATIENCE, acceptor.accept(stream)).await;
    let Ok(Ok(stream)) = shaken else { return };
    let name = stream
        .get_ref()
        .1
        .peer_certificates()
        .and_then(|chain| certificate::name(chain.first()?))
        .unwrap_or_else(|| "without a name".into());
    server.converse(stream, Peer::Certificate(name), slot).await;
}

impl Server {
    /// Answers the requests of one connection.
    async fn converse<S>(self: Arc<Self>, stream: S, peer: Peer, slot: OwnedSemaphorePermit)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let place = self.clone().place(&peer);
        let (refused, peer) = (place.is_none(), Arc::new(peer));
        let service = service_fn(move |request: Request<Incoming>| {
            let (server, peer) = (self.clone(), peer.clone());
            async move { Ok::<_, std::convert::Infallible>(server.answer(request, peer, refused).await) }
        });
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_PATIENCE)
            .max_buf_size(BUFFER_BYTES)
            .keep_alive(!refused);
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        // A connection that breaks is its client's affair.
        let _ = connection.with_upgrades().await;
        drop((place, slot));
    }

    /// A place for one more connection of this client, if it has one left.
    fn place(self: Arc<Self>, peer: &Peer) -> Option<Place> {
        let client = Client::of(peer);
        let mut clients = lock(&self.clients);
        let count = clients.entry(client.clone()).or_default();
        if *count >= self.serve.connections {
            return None;
        }
        *count += 1;
        drop(clients);
        Some(Place {
            server: self,
            client,
        })
    }

    async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        peer: Arc<Peer>,
        refused: bool,
    ) -> Answer {
        let method = request.method().clone();
        let path = request.uri().path().to_owned();
        let looks = audit::only_looks(&method, &path);
        let outcome = if refused {
            Err(Failure::new(
                StatusCode::TOO_MANY_REQUESTS,
                format!("{peer} has {} connections already", self.serve.connections),
            ))
        } else if self.serve.read_only && !looks {
            Err(Failure::new(
                StatusCode::FORBIDDEN,
                "this server is read-only: it answers nothing that changes anything",
            ))
        } else {
            match Ask::new(request) {
                Ok(ask) => {
                    let unread = ask.unread();
                    let outcome = route::route(self.clone(), ask).await;
                    if outcome.is_err() {
                        unread.drain().await;
                    }
                    outcome
                }
                Err(failure) => Err(failure),
            }
        };
        let mut answer = outcome.unwrap_or_else(|failure| failure.answer());
        super::system::sign(answer.headers_mut());
        if let Some(audit) = self.audit.as_ref().filter(|_| !looks) {
            audit.note(&peer, &method, &path, answer.status().as_u16());
        }
        if method == Method::HEAD {
            // A body would be sent as the beginning of the next answer.
            let (head, _) = answer.into_parts();
            return Answer::from_parts(head, super::answer::full(bytes::Bytes::new()));
        }
        answer
    }
}
