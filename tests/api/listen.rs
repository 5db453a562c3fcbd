//! Sockets: who may open them, and what is refused.

use std::os::unix::fs::PermissionsExt;

use crate::{
    Server, desk, sandbox, say, status,
    support::{
        eventually,
        host::Host,
        process::{self, Background},
        sandbox::BUSYBOX,
    },
};

#[test]
fn socket_has_its_mode_and_is_taken_away_at_the_end() {
    let _host = Host::enter();
    let sandbox = sandbox();
    let server = Server::with(&sandbox, &["--mode", "600", "--group", "0"]);
    let mode = std::fs::metadata(&server.socket)
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let address = format!("unix://{}", server.socket.display());
    // One that is answered at is nobody else's.
    assert!(
        sandbox
            .refused(&["serve", "-H", &address], 1)
            .contains("another server")
    );
    let socket = server.socket.clone();
    assert!(process::signal(server.pid(), libc::SIGTERM));
    eventually("its socket is gone", || !socket.exists());
    // What is no socket is not touched.
    std::fs::write(&socket, "mine").unwrap();
    assert!(
        sandbox
            .refused(&["serve", "-H", &address], 1)
            .contains("it is no socket")
    );
    assert_eq!(std::fs::read(&socket).unwrap(), b"mine");
}

#[test]
fn tcp_without_certificates_is_refused_unless_it_is_spelt_out_on_loopback() {
    let _host = Host::enter();
    let sandbox = sandbox();
    for arguments in [
        &["serve", "-H", "tcp://127.0.0.1:2375"][..],
        &["serve", "-H", "tcp://0.0.0.0:2375"],
        &["serve", "-H", "tcp://0.0.0.0:2375", "--insecure-tcp"],
    ] {
        let said = sandbox.refused(arguments, 1);
        assert!(said.contains("--tls-init"), "{said}");
    }
    let server = Server::with(&sandbox, &["-H", "tcp://127.0.0.1:2375", "--insecure-tcp"]);
    let mut command = server.client("/usr/bin/docker", &["images", "-q"]);
    command.env("DOCKER_HOST", "tcp://127.0.0.1:2375");
    assert_eq!(process::finish(command, b"").code, 0);
}

#[test]
fn tcp_with_certificates_lets_in_who_has_one_and_nobody_else() {
    let _host = Host::enter();
    let sandbox = sandbox();
    let tls = desk().join("tls");
    let directory = tls.to_str().unwrap();
    sandbox.ok(&["serve", "--tls-init", directory, "--tls-name", "127.0.0.1"]);
    assert!(
        sandbox
            .refused(&["serve", "--tls-init", directory], 1)
            .contains("exists already")
    );
    let audit = desk().join("audit");
    let log = ["--audit", audit.to_str().unwrap()];
    let listen = ["-H", "tcp://127.0.0.1:2376", "--tls", directory];
    let server = Server::with(&sandbox, &[listen.as_slice(), &log].concat());
    let docker = |arguments: &[&str], certificates: &str| {
        let mut command = server.client("/usr/bin/docker", arguments);
        command
            .env("DOCKER_HOST", "tcp://127.0.0.1:2376")
            .env("DOCKER_TLS_VERIFY", "1")
            .env("DOCKER_CERT_PATH", certificates);
        process::finish(command, b"")
    };
    let done = docker(
        &["run", "--rm", "--network", "none", BUSYBOX, "echo", "hi"],
        directory,
    );
    assert_eq!((done.code, done.stdout.as_str()), (0, "hi\n"), "{done:?}");
    let lines = std::fs::read_to_string(&audit).unwrap();
    assert!(lines.contains("certificate client"), "{lines}");
    // One of another authority knows nobody here, and nobody knows it.
    let foreign = desk().join("foreign");
    sandbox.ok(&["serve", "--tls-init", foreign.to_str().unwrap()]);
    std::fs::copy(tls.join("ca.pem"), foreign.join("ca.pem")).unwrap();
    assert_ne!(docker(&["ps"], foreign.to_str().unwrap()).code, 0);
}

#[test]
fn monitors_get_figures_and_whether_it_is_ready() {
    let _host = Host::enter();
    let sandbox = sandbox();
    let server = Server::start(&sandbox);
    let id = server.run_detached(&["--name", "web"], &["sleep", "600"]);
    let metrics = server.get("/metrics").unwrap();
    assert_eq!(status(&metrics), 200);
    assert!(
        metrics.contains("name=\"web\"") && metrics.contains("# EOF"),
        "{metrics}"
    );
    assert!(server.get("/healthz").unwrap().ends_with("ok\n"));
    assert_eq!(status(&server.get("/readyz").unwrap()), 200);
    server.ok(&["rm", "-f", &id]);
}

#[test]
fn read_only_server_changes_nothing_and_the_audit_tells_who_tried() {
    let _host = Host::enter();
    let sandbox = sandbox();
    let audit = desk().join("audit");
    let path = audit.to_str().unwrap();
    let server = Server::with(&sandbox, &["--read-only-api", "--audit", path]);
    assert!(
        server
            .refused(&["create", BUSYBOX, "true"])
            .contains("read-only")
    );
    assert_eq!(status(&server.get("/containers/json").unwrap()), 200);
    let lines = std::fs::read_to_string(&audit).unwrap();
    assert_eq!(lines.lines().count(), 1, "{lines}");
    for word in ["uid 0", "POST", "containers/create", "403"] {
        assert!(lines.contains(word), "{word}: {lines}");
    }
    assert_eq!(sandbox.ok(&["ps", "-aq"]), "");
}

/// Opens a socket as systemd would, hands it on as descriptor 3, and becomes the server.
const ACTIVATE: &str = "
import os, socket, sys
path, program = sys.argv[1:3]
listener = socket.socket(socket.AF_UNIX)
listener.bind(path)
listener.listen()
os.dup2(listener.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid()))
os.execv(program, sys.argv[2:])
";

#[test]
fn sockets_of_systemd_are_taken_over_and_left_there() {
    let _host = Host::enter();
    let sandbox = sandbox();
    let socket = desk().join("activated.sock");
    let mut command = std::process::Command::new("/usr/bin/python3");
    command
        .args(["-c", ACTIVATE])
        .arg(&socket)
        .arg(env!("CARGO_BIN_EXE_wharf"))
        .arg("--root")
        .arg(sandbox.root())
        .args(["serve", "-H", "fd://", "--restore"])
        .stdout(std::process::Stdio::null());
    let mut server = Background(command.spawn().unwrap());
    let ping = "GET /_ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    eventually("the server answers at systemd's socket", || {
        say(&socket, ping).is_some_and(|answer| answer.ends_with("OK"))
    });
    server.kill();
    // It is systemd's, who starts the next one when somebody asks.
    assert!(socket.exists());
    assert!(
        sandbox
            .refused(&["serve", "-H", "fd://"], 1)
            .contains("LISTEN_FDS")
    );
}
