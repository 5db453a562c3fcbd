//! Engines to be driven from elsewhere, and the way to them: a server of wharf's and
//! Debian's sshd. All of them end with their test, and leave nothing.

use std::{
    fs,
    os::unix::{fs::PermissionsExt, net::UnixStream},
    path::{Path, PathBuf},
    process::Command,
};

use crate::support::{
    Sandbox, eventually,
    process::{Background, descendants, signal},
    sandbox::wharf,
};

/// A temporary directory.
pub fn desk() -> tempfile::TempDir {
    tempfile::Builder::new()
        .prefix("wharf-test-")
        .tempdir()
        .unwrap()
}

/// `wharf serve` over an engine.
pub struct Served {
    // The server ends before what it serves is looked through.
    process: Option<Background>,
    arguments: Vec<String>,
    socket: PathBuf,
    /// What it serves.
    pub sandbox: Sandbox,
}

impl Served {
    /// Starts one at the usual socket of a root of its own, and waits until it answers.
    pub fn start(sandbox: Sandbox, further: &[&str]) -> Self {
        let socket = sandbox.root().join("run/docker.sock");
        let address = format!("unix://{}", socket.display());
        let own = ["serve", "-H", &address];
        let arguments = own.iter().chain(further);
        let mut served = Self {
            process: None,
            arguments: arguments.map(|word| (*word).to_owned()).collect(),
            socket,
            sandbox,
        };
        served.again();
        served
    }

    /// Where it listens.
    pub fn address(&self) -> String {
        format!("unix://{}", self.socket.display())
    }

    /// Starts it once more.
    pub fn again(&mut self) {
        let words: Vec<&str> = self.arguments.iter().map(String::as_str).collect();
        self.process = Some(self.sandbox.spawn(&words));
        eventually("the server answers", || {
            UnixStream::connect(&self.socket).is_ok()
        });
    }

    /// Ends it in a way that it can't catch.
    pub fn kill(&mut self) {
        self.process = None;
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            // Asked to end it takes its socket away.
            process.end();
        }
    }
}

/// Debian's sshd on loopback: a host key, a user's key and a configuration of its own,
/// and nothing of the machine's.
pub struct Sshd {
    directory: tempfile::TempDir,
    port: u16,
    daemon: Option<Background>,
}

impl Sshd {
    /// Starts one that gives its sessions these variables. `PATH` decides which of wharf
    /// and docker speaks there.
    pub fn start(variables: &[(&str, &str)]) -> Self {
        let directory = desk();
        let path = |name: &str| directory.path().join(name);
        for key in ["host", "user"] {
            let file = path(key);
            let done = Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-f"])
                .arg(&file)
                .output()
                .expect("openssh-client is installed by tests/run");
            assert!(done.status.success(), "ssh-keygen: {done:?}");
        }
        fs::copy(path("user.pub"), path("authorized_keys")).unwrap();
        // Nobody else is in this network.
        let port = 2222;
        let at = |name: &str| path(name).display().to_string();
        let variables: Vec<_> = variables
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let server = format!(
            "ListenAddress 127.0.0.1:{port}\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\n\
             StrictModes no\nUsePAM no\nPermitRootLogin prohibit-password\n\
             PasswordAuthentication no\nKbdInteractiveAuthentication no\nSetEnv {}\n",
            at("host"),
            at("authorized_keys"),
            variables.join(" "),
        );
        fs::write(path("sshd_config"), server).unwrap();
        let host_key = fs::read_to_string(path("host.pub")).unwrap();
        fs::write(
            path("known_hosts"),
            format!("[127.0.0.1]:{port} {host_key}"),
        )
        .unwrap();
        let client = format!(
            "Host far\n  HostName 127.0.0.1\n  Port {port}\n  User root\n  IdentityFile {}\n  \
             IdentitiesOnly yes\n  UserKnownHostsFile {}\n  GlobalKnownHostsFile /dev/null\n  \
             StrictHostKeyChecking yes\n",
            at("user"),
            at("known_hosts"),
        );
        fs::write(path("ssh_config"), client).unwrap();
        // ssh reads its configuration from the home in the list of users, whatever HOME says.
        let script = format!("#!/bin/sh\nexec ssh -F {} \"$@\"\n", at("ssh_config"));
        fs::write(path("ssh"), script).unwrap();
        fs::set_permissions(path("ssh"), fs::Permissions::from_mode(0o755)).unwrap();
        let mut sshd = Self {
            directory,
            port,
            daemon: None,
        };
        sshd.again();
        sshd
    }

    /// Starts it once more.
    pub fn again(&mut self) {
        let config = self.directory.path().join("sshd_config");
        // It wants an empty directory below /run, where the machine may have none.
        let script = format!(
            "mount -t tmpfs tmpfs /run && mkdir /run/sshd && exec /usr/sbin/sshd -D -f {}",
            config.display()
        );
        self.daemon = Some(Background::silent(
            Command::new("unshare")
                .args(["--mount", "--propagation", "private", "sh", "-c"])
                .arg(script),
        ));
        eventually("sshd listens", || {
            std::net::TcpStream::connect(("127.0.0.1", self.port)).is_ok()
        });
    }

    /// Ends it and everybody's sessions, as a machine that goes down does.
    pub fn kill(&mut self) {
        if let Some(daemon) = self.daemon.take() {
            let below = descendants(daemon.pid());
            drop(daemon);
            for pid in below {
                // It may have ended with the others.
                signal(pid, libc::SIGKILL);
            }
        }
    }

    /// Takes the user's key away, or gives it back.
    pub fn let_in(&self, is_let_in: bool) {
        let keys = self.directory.path().join("authorized_keys");
        match is_let_in {
            true => drop(fs::copy(self.directory.path().join("user.pub"), keys).unwrap()),
            false => fs::write(keys, "").unwrap(),
        }
    }

    /// How a wharf finds it.
    pub fn client(&self) -> String {
        format!("WHARF_SSH={}", self.directory.path().join("ssh").display())
    }

    /// A directory with wharf and nothing else in it, for a `PATH` there.
    pub fn directory_of_wharf(directory: &Path) -> String {
        let bin = directory.join("far-bin");
        fs::create_dir(&bin).unwrap();
        std::os::unix::fs::symlink(wharf(), bin.join("wharf")).unwrap();
        bin.display().to_string()
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.kill();
    }
}
