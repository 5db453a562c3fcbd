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

use far::{Docker, Served, Sshd};
use support::{Sandbox, host::Host};
use tour::{Far, tour};

/// dockerd, seen by its own command.
struct OverDocker {
    docker: Docker,
    way: Way,
}

/// A wharf, seen by wharf over its store.
struct OverWharf {
    // The server ends before what it serves is looked through.
    served: Served,
    way: Way,
    sandbox: Sandbox,
}

/// How the engine is reached.
struct Way {
    address: String,
    variables: Vec<String>,
    sshd: Option<Sshd>,
}

impl Far for OverDocker {
    fn address(&self) -> &str {
        &self.way.address
    }

    fn variables(&self) -> &[String] {
        &self.way.variables
    }

    fn state(&self, name: &str) -> Option<String> {
        let format = "{{.Names}} {{.State}}";
        let all = self.docker.ok(&["ps", "-a", "--format", format]);
        tour::second_word(&all, name)
    }

    fn kill(&mut self) {
        match &mut self.way.sshd {
            Some(sshd) => sshd.kill(),
            None => self.docker.kill(),
        }
    }

    fn again(&mut self) {
        match &mut self.way.sshd {
            Some(sshd) => sshd.again(),
            None => self.docker.again(),
        }
    }

    fn loss(&self) -> (&'static str, &'static str) {
        match self.way.sshd {
            Some(_) => ("Connection refused", "ssh server runs"),
            None => ("nobody listens at the socket", "start the engine"),
        }
    }
}

impl Far for OverWharf {
    fn address(&self) -> &str {
        &self.way.address
    }

    fn variables(&self) -> &[String] {
        &self.way.variables
    }

    fn state(&self, name: &str) -> Option<String> {
        let format = "{{.Names}} {{.State}}";
        let all = self.sandbox.ok(&["ps", "-a", "--format", format]);
        tour::second_word(&all, name)
    }

    fn kill(&mut self) {
        self.served.kill();
    }

    fn again(&mut self) {
        self.served.again(&self.sandbox);
    }

    fn loss(&self) -> (&'static str, &'static str) {
        match self.way.sshd {
            // What the far end says is passed on, with the way out that it knows.
            Some(_) => ("nobody listens at the socket", "on far: start the engine"),
            None => ("nobody listens at that port", "2376 is usual with TLS"),
        }
    }
}

#[test]
fn dockerd_at_its_socket_is_driven_by_keys() {
    let _host = Host::enter();
    let docker = Docker::start();
    let way = Way {
        address: format!("unix://{}", docker.socket().display()),
        variables: Vec::new(),
        sshd: None,
    };
    tour(&mut OverDocker { docker, way });
}

#[test]
fn dockerd_behind_ssh_is_driven_by_keys_where_docker_speaks_for_it() {
    let _host = Host::enter();
    let docker = Docker::start();
    let sshd = Sshd::start(&[("PATH", "/usr/bin:/bin")]);
    let way = Way {
        address: format!("ssh://far{}", docker.socket().display()),
        variables: vec![sshd.client()],
        sshd: Some(sshd),
    };
    tour(&mut OverDocker { docker, way });
}

#[test]
fn wharf_behind_ssh_is_driven_by_keys() {
    let _host = Host::enter();
    let sandbox = Sandbox::new();
    let served = Served::start(&sandbox, &[]);
    let desk = far::desk();
    let bin = Sshd::directory_of_wharf(desk.path());
    let root = sandbox.root().display().to_string();
    let path = format!("{bin}:/usr/bin:/bin");
    let sshd = Sshd::start(&[("PATH", &path), ("WHARF_ROOT", &root)]);
    let way = Way {
        address: "ssh://far".into(),
        variables: vec![sshd.client()],
        sshd: Some(sshd),
    };
    let mut far = OverWharf {
        served,
        way,
        sandbox,
    };
    tour(&mut far);
    // Nobody is let in, and it is said how one is.
    let sshd = far.way.sshd.as_ref().unwrap();
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
    let served = Served::start(&sandbox, &["-H", address, "--tls", directory]);
    let way = Way {
        address: address.into(),
        variables: vec![
            "DOCKER_TLS_VERIFY=1".into(),
            format!("DOCKER_CERT_PATH={directory}"),
        ],
        sshd: None,
    };
    let mut far = OverWharf {
        served,
        way,
        sandbox,
    };
    tour(&mut far);
    // A certificate of somebody else's, and an authority of somebody else's.
    let foreign = tls.with_file_name("foreign");
    let other = foreign.to_str().unwrap();
    far.sandbox.ok(&["serve", "--tls-init", other]);
    far.way.variables[1] = format!("DOCKER_CERT_PATH={other}");
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
