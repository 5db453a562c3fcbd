//! The dashboard and the commands against engines elsewhere: Debian's dockerd at its
//! socket, a wharf behind TLS, and both at the other end of ssh. By keys in a terminal,
//! and each truth is asked of the engine itself.

// A test panics where a fact that it stands on does not hold.
#![allow(clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

mod far;
mod images;
mod screens;
mod tour;

use std::path::Path;

use far::{Served, Sshd};
use support::{
    Sandbox,
    docker::{Docker, NO_NETWORKS},
    host::Host,
    sandbox::{BUSYBOX, rootfs},
};
use tour::{Far, tour};

/// An engine elsewhere, and the way to it.
struct Elsewhere<E> {
    // Its sessions end before what they drive is looked through.
    sshd: Option<Sshd>,
    engine: E,
    address: String,
    variables: Vec<String>,
}

/// What runs elsewhere.
trait Engine {
    /// What it answers to docker's words, by another way than ours.
    fn ok(&self, words: &[&str]) -> String;
    /// Cuts it off, at the place that this engine's test is about.
    fn kill(&mut self, sshd: Option<&mut Sshd>);
    /// Brings it back.
    fn again(&mut self, sshd: Option<&mut Sshd>);
    /// Words of why it can't be reached then, and of what helps.
    fn loss(sshd: Option<&Sshd>) -> (&'static str, &'static str);
}

impl<E: Engine> Far for Elsewhere<E> {
    fn address(&self) -> &str {
        &self.address
    }

    fn variables(&self) -> &[String] {
        &self.variables
    }

    fn state(&self, name: &str) -> Option<String> {
        let format = "{{.Names}} {{.State}}";
        let all = self.engine.ok(&["ps", "-a", "--format", format]);
        let words = all.lines().filter_map(|line| line.split_once(' '));
        let mut states = words.filter(|(first, _)| *first == name);
        states.next().map(|(_, state)| state.to_owned())
    }

    fn kill(&mut self) {
        self.engine.kill(self.sshd.as_mut());
    }

    fn again(&mut self) {
        self.engine.again(self.sshd.as_mut());
    }

    fn loss(&self) -> (&'static str, &'static str) {
        E::loss(self.sshd.as_ref())
    }
}

/// Behind ssh it is the ssh server that goes down.
impl Engine for Docker {
    fn ok(&self, words: &[&str]) -> String {
        Self::ok(self, words)
    }

    fn kill(&mut self, sshd: Option<&mut Sshd>) {
        sshd.map_or_else(|| Self::kill(self), Sshd::kill);
    }

    fn again(&mut self, sshd: Option<&mut Sshd>) {
        sshd.map_or_else(|| Self::again(self), Sshd::again);
    }

    fn loss(sshd: Option<&Sshd>) -> (&'static str, &'static str) {
        match sshd {
            Some(_) => ("Connection refused", "ssh server runs"),
            None => ("nobody listens at the socket", "start the engine"),
        }
    }
}

/// Seen by wharf over its store.
impl Engine for Served {
    fn ok(&self, words: &[&str]) -> String {
        self.sandbox.ok(words)
    }

    fn kill(&mut self, _: Option<&mut Sshd>) {
        Self::kill(self);
    }

    fn again(&mut self, _: Option<&mut Sshd>) {
        Self::again(self);
    }

    fn loss(sshd: Option<&Sshd>) -> (&'static str, &'static str) {
        match sshd {
            // What the far end says is passed on, with the way out that it knows.
            Some(_) => ("nobody listens at the socket", "on far: start the engine"),
            None => ("nobody listens at that port", "2376 is usual with TLS"),
        }
    }
}

/// A dockerd whose containers outlive it, with the busybox image in it.
fn dockerd(directory: &Path) -> Docker {
    let flags = [NO_NETWORKS, &["--live-restore"]].concat();
    let docker = Docker::below(directory, &flags);
    docker.ok(&["import", rootfs("busybox.tar").to_str().unwrap(), BUSYBOX]);
    docker
}

#[test]
fn dockerd_at_its_socket_is_driven_by_keys() {
    let _host = Host::enter();
    let desk = far::desk();
    let docker = dockerd(desk.path());
    tour(&mut Elsewhere {
        address: docker.address(),
        engine: docker,
        variables: Vec::new(),
        sshd: None,
    });
}

#[test]
fn dockerd_behind_ssh_is_driven_by_keys_where_docker_speaks_for_it() {
    let _host = Host::enter();
    let desk = far::desk();
    let docker = dockerd(desk.path());
    let sshd = Sshd::start(&[("PATH", "/usr/bin:/bin")]);
    tour(&mut Elsewhere {
        address: format!("ssh://far{}", docker.socket().display()),
        engine: docker,
        variables: vec![sshd.client()],
        sshd: Some(sshd),
    });
}

#[test]
fn wharf_behind_ssh_is_driven_by_keys() {
    let _host = Host::enter();
    let sandbox = Sandbox::new();
    let root = sandbox.root().display().to_string();
    let desk = far::desk();
    let bin = Sshd::directory_of_wharf(desk.path());
    let path = format!("{bin}:/usr/bin:/bin");
    let sshd = Sshd::start(&[("PATH", &path), ("WHARF_ROOT", &root)]);
    let mut far = Elsewhere {
        engine: Served::start(sandbox, &[]),
        address: "ssh://far".into(),
        variables: vec![sshd.client()],
        sshd: Some(sshd),
    };
    tour(&mut far);
    // Nobody is let in, and it is said how one is.
    let sshd = far.sshd.as_ref().unwrap();
    sshd.let_in(false);
    let refused = tour::wharf(&far, &["ps"]);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(
        refused.stderr.contains("Permission denied") && refused.stderr.contains("ssh-copy-id far"),
        "{refused:?}"
    );
}

#[test]
fn wharf_behind_tls_is_driven_by_keys() {
    let _host = Host::enter();
    let sandbox = Sandbox::new();
    let desk = far::desk();
    let tls = desk.path().join("tls");
    let directory = tls.to_str().unwrap();
    sandbox.ok(&["serve", "--tls-init", directory, "--tls-name", "127.0.0.1"]);
    let address = "tcp://127.0.0.1:2376";
    let mut far = Elsewhere {
        engine: Served::start(sandbox, &["-H", address, "--tls", directory]),
        address: address.into(),
        variables: vec![
            "DOCKER_TLS_VERIFY=1".into(),
            format!("DOCKER_CERT_PATH={directory}"),
        ],
        sshd: None,
    };
    tour(&mut far);
    // A certificate of somebody else's, and an authority of somebody else's.
    let foreign = tls.with_file_name("foreign");
    let other = foreign.to_str().unwrap();
    far.engine.sandbox.ok(&["serve", "--tls-init", other]);
    far.variables[1] = format!("DOCKER_CERT_PATH={other}");
    let refused = tour::wharf(&far, &["ps"]);
    assert!(
        refused.stderr.contains("ca.pem does not vouch") && refused.stderr.contains("hint:"),
        "{refused:?}"
    );
    std::fs::copy(tls.join("ca.pem"), foreign.join("ca.pem")).unwrap();
    let refused = tour::wharf(&far, &["ps"]);
    assert!(
        refused.stderr.contains("does not accept our certificate"),
        "{refused:?}"
    );
}
