//! `wharf serve`

use std::{
    net::ToSocketAddrs,
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::Args;

use super::{
    Faces, config,
    failure::{Failure, Outcome},
    output::line,
};
use crate::{
    config::{DEFAULT_SOCKET, Hub, Listen, Loader, Serve, TlsFiles},
    engine::Engine,
};

/// Arguments of `serve`.
#[derive(Args, Debug)]
pub struct ServeArgs {
    /// Listen there: unix:///PATH, tcp://HOST:PORT, or fd:// for systemd's sockets
    // Of the same id as everybody's --host, whose place it takes here.
    #[arg(short = 'H', long = "host", id = "engine_host", value_name = "ADDRESS")]
    host: Vec<String>,
    /// The group that the unix socket belongs to
    #[arg(long, value_name = "GROUP")]
    group: Option<String>,
    /// Who may open the unix socket, in octal
    #[arg(long, value_name = "MODE", default_value = "660", value_parser = mode)]
    mode: u32,
    /// Certificates of TCP: a directory with ca.pem, server-cert.pem and server-key.pem
    #[arg(long, value_name = "DIR")]
    tls: Option<PathBuf>,
    /// Make such a directory, with an authority of its own, and do nothing else
    #[arg(long, value_name = "DIR", conflicts_with_all = ["engine_host", "tls"])]
    tls_init: Option<PathBuf>,
    /// A name or address that the server is reached by; this host's and loopback's if none
    #[arg(long, value_name = "NAME", requires = "tls_init")]
    tls_name: Vec<String>,
    /// Let TCP on loopback go without certificates: every user of this host gets in
    #[arg(long)]
    insecure_tcp: bool,
    /// Answer nothing that changes anything
    #[arg(long = "read-only-api")]
    read_only: bool,
    /// Connections that one client may have at a time
    #[arg(long, value_name = "N", default_value_t = 2048)]
    connections: usize,
    /// Write requests that change something to this file
    #[arg(long, value_name = "FILE")]
    audit: Option<PathBuf>,
    /// Be a registry too, at this address: docker, podman, skopeo and wharf push to it
    #[arg(long, value_name = "HOST:PORT")]
    registry: Option<String>,
    /// The registry's certificate (PEM); needed but on loopback
    #[arg(long, value_name = "FILE", requires_all = ["registry", "registry_key"])]
    registry_cert: Option<PathBuf>,
    /// The key to it (PEM)
    #[arg(long, value_name = "FILE", requires_all = ["registry", "registry_cert"])]
    registry_key: Option<PathBuf>,
    /// Whom the registry lets in: a file that `htpasswd -B` writes. Everybody without
    #[arg(long, value_name = "FILE", requires = "registry")]
    registry_htpasswd: Option<PathBuf>,
    /// Start again what a reboot stopped, as restart policies say; the first command of a
    /// boot does so, whichever it is
    #[arg(long)]
    restore: bool,
}

fn mode(text: &str) -> Result<u32, String> {
    let mode = u32::from_str_radix(text, 8).ok();
    mode.filter(|mode| *mode <= 0o777)
        .ok_or_else(|| format!("{text:?} is no mode such as 660"))
}

/// Serves until a signal asks for the end.
pub fn run(
    args: &ServeArgs,
    data: PathBuf,
    loader: &Loader,
    engine: Arc<dyn Engine>,
    faces: &Faces,
) -> Outcome {
    let listen = match args.host.as_slice() {
        [] => vec![Listen::Unix(DEFAULT_SOCKET.into())],
        given => {
            let parsed = given.iter().map(|text| text.parse::<Listen>());
            let parsed: Result<Vec<_>, _> = parsed.collect();
            parsed.map_err(|why| Failure::usage(format!("--host: {why}")))?
        }
    };
    let serve = Serve {
        hub: hub(args, &data)?,
        data,
        listen,
        group: args.group.clone(),
        mode: args.mode,
        tls: args.tls.as_ref().map(|dir| TlsFiles {
            authority: dir.join("ca.pem"),
            certificate: dir.join("server-cert.pem"),
            key: dir.join("server-key.pem"),
        }),
        tls_init: (args.tls_init.clone()).map(|directory| (directory, args.tls_name.clone())),
        insecure_tcp: args.insecure_tcp,
        read_only: args.read_only,
        connections: args.connections,
        audit: args.audit.clone(),
        registries: config::registries(loader)?,
        pools: config::network_defaults(loader)?.pools,
    };
    let made = args.tls_init.as_ref();
    match (faces.serve)(engine, serve) {
        Ok(()) => {
            if let Some(directory) = made {
                let at = directory.display();
                line(&format!(
                    "made {at}: serve with --tls {at}; give clients its"
                ))?;
                line("ca.pem, cert.pem and key.pem (DOCKER_CERT_PATH, DOCKER_TLS_VERIFY=1)")?;
            }
            Ok(0)
        }
        Err(error) => Err(Failure::new(error)),
    }
}

/// The registry that is asked for.
fn hub(args: &ServeArgs, data: &Path) -> Result<Option<Hub>, Failure> {
    let Some(text) = &args.registry else {
        return Ok(None);
    };
    let wrong = |why: String| {
        Failure::usage(format!("--registry {text}: {why}"))
            .with_hint("write HOST:PORT, such as 127.0.0.1:5000")
    };
    let address = text
        .to_socket_addrs()
        .map_err(|error| wrong(error.to_string()))?
        .next();
    Ok(Some(Hub {
        address: address.ok_or_else(|| wrong("it is no address".into()))?,
        directory: data.join("hub"),
        tls: args.registry_cert.clone().zip(args.registry_key.clone()),
        htpasswd: args.registry_htpasswd.clone(),
    }))
}
