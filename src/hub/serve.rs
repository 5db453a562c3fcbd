//! The listener: it accepts, asks the gate, and hands each request on.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use hyper::{Request, body::Incoming, header, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    sync::{OwnedSemaphorePermit, Semaphore},
    task::block_in_place,
    time::timeout,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
};

use super::{gate::Gate, refusal::Refusal, shelf::Shelf, speak};
use crate::config::Hub;

/// Connections at once.
const MOST_CONNECTIONS: usize = 1024;
/// How long a handshake, and the head of a request, may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// Bytes that are read ahead of one connection.
const BUFFER_BYTES: usize = 256 << 10;
/// How long to wait after the system refused to accept: descriptors are short then.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Time between two sweeps.
const SWEEP: Duration = Duration::from_secs(3600);

struct Server {
    shelf: Shelf,
    gate: Option<Gate>,
}

/// Opens the registry; what is returned serves until it is dropped.
///
/// # Errors
/// In words what of its settings can't be used.
pub fn serve(hub: &Hub) -> Result<impl Future<Output = ()> + Send + use<>, String> {
    let address = hub.address;
    let about = |error: io::Error| format!("registry at {address}: {error}");
    let acceptor = match &hub.tls {
        Some((certificate, key)) => Some(acceptor(certificate, key)?),
        None if address.ip().is_loopback() => None,
        None => {
            return Err(format!(
                "registry at {address}: without TLS it is for loopback only; give \
                 --registry-cert and --registry-key"
            ));
        }
    };
    let server = Arc::new(Server {
        shelf: Shelf::open(&hub.directory).map_err(about)?,
        gate: hub.htpasswd.as_deref().map(Gate::open).transpose()?,
    });
    let bound = std::net::TcpListener::bind(address).map_err(about)?;
    bound.set_nonblocking(true).map_err(about)?;
    Ok(accept(server, bound, acceptor, address))
}

async fn accept(
    server: Arc<Server>,
    bound: std::net::TcpListener,
    acceptor: Option<TlsAcceptor>,
    address: SocketAddr,
) {
    let listener = match TcpListener::from_std(bound) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!("registry at {address}: {error}"),
    };
    let slots = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let mut sweeps = tokio::time::interval(SWEEP);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = sweeps.tick() => {
                if let Err(error) = block_in_place(|| server.shelf.sweep()) {
                    tracing::warn!("sweep the registry: {error}");
                }
                continue;
            }
        };
        let Ok((stream, _)) = accepted else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        // The semaphore is never closed.
        let Ok(slot) = slots.clone().acquire_owned().await else {
            return;
        };
        let _ = stream.set_nodelay(true);
        let (server, acceptor) = (server.clone(), acceptor.clone());
        // Ends with its connection.
        tokio::spawn(async move {
            match acceptor {
                None => converse(server, stream, slot).await,
                Some(acceptor) => {
                    if let Ok(Ok(stream)) = timeout(PATIENCE, acceptor.accept(stream)).await {
                        converse(server, stream, slot).await;
                    }
                }
            }
        });
    }
}

async fn converse<S>(server: Arc<Server>, stream: S, slot: OwnedSemaphorePermit)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request: Request<Incoming>| {
        let server = server.clone();
        async move {
            let authorization = request.headers().get(header::AUTHORIZATION);
            let authorization = authorization.and_then(|text| text.to_str().ok());
            let is_let_in = match &server.gate {
                Some(gate) => block_in_place(|| gate.lets_in(authorization)),
                None => true,
            };
            let answer = match is_let_in {
                true => speak::answer(&server.shelf, request).await,
                false => Refusal::stranger(),
            };
            Ok::<_, std::convert::Infallible>(answer)
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .max_buf_size(BUFFER_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    // A connection that breaks is its client's affair.
    let _ = connection.await;
    drop(slot);
}

fn acceptor(certificate: &std::path::Path, key: &std::path::Path) -> Result<TlsAcceptor, String> {
    let about = |path: &std::path::Path, error: &dyn std::fmt::Display| {
        format!("{}: {error}", path.display())
    };
    let chain: Result<Vec<_>, _> = CertificateDer::pem_file_iter(certificate)
        .map_err(|error| about(certificate, &error))?
        .collect();
    let chain = chain.map_err(|error| about(certificate, &error))?;
    let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| about(key, &error))?;
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("TLS: {error}"))?
        .with_no_client_auth()
        .with_single_cert(chain, secret)
        .map_err(|error| about(certificate, &error))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
