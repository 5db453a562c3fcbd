//! The two engines, each on a host of its own as far as the network goes, with a registry
//! beside it.

use std::{fs, path::PathBuf, process::Command};

use crate::{
    Client,
    plain::Plain,
    support::{
        docker::Docker,
        host::Host,
        process::{Background, eventually, finish},
        registry::{Door, Registry},
        sandbox::{BUSYBOX, Sandbox, rootfs, wharf},
    },
};

/// No step takes longer, on a machine under load.
const LONGEST_SECS: &str = "25";

/// An engine, and a client that speaks to it.
pub struct Side {
    /// `dockerd` or `wharf`.
    pub name: &'static str,
    /// Where it listens.
    pub socket: PathBuf,
    /// What is its own.
    pub plain: Plain,
    registry: Registry,
    // Ended in this order: the daemon, what it kept, the files.
    daemon: Daemon,
    _sandbox: Option<Sandbox>,
    desk: tempfile::TempDir,
}

impl Side {
    /// Starts an engine, with the busybox image in it.
    pub fn start(name: &'static str, _: &Host, client: &Client) -> Self {
        let desk = tempfile::Builder::new()
            .prefix("wharf-test-compare-")
            .tempdir()
            .unwrap();
        let at = |name: &str| desk.path().join(name);
        for directory in ["bin", "home", "work"] {
            fs::create_dir(at(directory)).unwrap();
        }
        std::os::unix::fs::symlink(&client.program, at("bin/docker")).unwrap();
        let socket = at("docker.sock");
        let (daemon, sandbox, data) = match name {
            "wharf" => {
                let sandbox = Sandbox::empty().with_default_network("bridge");
                let data = sandbox.root().to_owned();
                let address = format!("unix://{}", socket.display());
                let server = sandbox.spawn(&["serve", "-H", &address]);
                (Daemon::Wharf(server), Some(sandbox), data)
            }
            _ => {
                let docker = Docker::below(desk.path(), &[]);
                (Daemon::Docker { _it: docker }, None, at("data"))
            }
        };
        let registry = Registry::start(Door::Open);
        let plain = Plain::new(vec![
            (desk.path().display().to_string(), "<desk>"),
            (data.display().to_string(), "<data>"),
            (at("exec").display().to_string(), "<exec>"),
            (registry.host(), "<registry>"),
            (wharf().display().to_string(), "<wharf>"),
        ]);
        let side = Self {
            name,
            socket,
            plain,
            registry,
            daemon,
            _sandbox: sandbox,
            desk,
        };
        eventually("the engine answers", || {
            finish(side.shell("docker version"), b"").code == 0
        });
        let import = format!(
            "docker import {} {BUSYBOX}",
            rootfs("busybox.tar").display()
        );
        let imported = finish(side.shell(&import), b"");
        assert_eq!(imported.code, 0, "{imported:?}");
        side
    }

    /// A line for the shell.
    pub fn shell(&self, line: &str) -> Command {
        let at = |name: &str| self.desk.path().join(name);
        // One that hangs is an outcome too.
        let mut command = Command::new("/usr/bin/timeout");
        let bin = at("bin").display().to_string();
        command
            .args(["-k", "1", LONGEST_SECS, "/bin/sh", "-c", line])
            .current_dir(at("work"))
            .env_clear()
            .env("PATH", format!("{bin}:/usr/sbin:/usr/bin:/sbin:/bin"))
            .env("HOME", at("home"))
            .env("LC_ALL", "C.UTF-8")
            .env("TZ", "UTC")
            .env("TERM", "xterm")
            .env("DOCKER_HOST", format!("unix://{}", self.socket.display()))
            .env("DOCKER_BUILDKIT", "0")
            .env("REGISTRY", self.registry.host())
            .env("ROOTFS", rootfs("busybox.tar"));
        command
    }

    /// Takes away what a file of steps left, but for its images.
    pub fn clear(&self) {
        let line = "docker ps -aq | xargs -r docker unpause 2>/dev/null; \
                    docker ps -aq | xargs -r docker rm -fv; docker network prune -f; \
                    docker volume ls -q | xargs -r docker volume rm; rm -rf *";
        let cleared = finish(self.shell(line), b"");
        assert_eq!(cleared.code, 0, "{}: {cleared:?}", self.name);
    }
}

impl Drop for Side {
    fn drop(&mut self) {
        if let Daemon::Wharf(server) = &mut self.daemon {
            server.end();
        }
    }
}

/// What answers.
enum Daemon {
    /// It ends itself.
    Docker {
        _it: Docker,
    },
    Wharf(Background),
}
