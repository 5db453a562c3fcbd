//! Engines to be driven from elsewhere, and the ways to them: Debian's dockerd, a server
//! of wharf's, Debian's sshd. All of them end with their test, and leave nothing.

use std::{
    fs,
    os::unix::{fs::PermissionsExt, net::UnixStream},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::support::{
    Sandbox, eventually,
    process::{self, Background, signal},
    sandbox::{rootfs, wharf},
};

/// A temporary directory.
pub fn desk() -> tempfile::TempDir {
    tempfile::Builder::new()
        .prefix("wharf-test-")
        .tempdir()
        .unwrap()
}

fn spawn(command: &mut Command) -> Background {
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    Background(child.unwrap_or_else(|error| panic!("{command:?}: {error}")))
}

/// Debian's dockerd below a directory, without networks. Its containers outlive it.
pub struct Docker {
    directory: tempfile::TempDir,
    daemon: Option<Background>,
}

impl Docker {
    /// Starts one, and waits until it answers.
    pub fn start() -> Self {
        let mut docker = Self {
            directory: desk(),
            daemon: None,
        };
        docker.again();
        let tar = rootfs("busybox.tar");
        docker.ok(&["import", tar.to_str().unwrap(), "busybox:1"]);
        docker
    }

    /// Starts it once more over what is there.
    pub fn again(&mut self) {
        let at = |name: &str| self.directory.path().join(name).display().to_string();
        let script = format!(
            "exec dockerd --iptables=false --bridge none --live-restore \
             --cgroup-parent /wharf-remote-{} --data-root {} --exec-root {} --pidfile {} \
             -H unix://{}",
            std::process::id(),
            at("data"),
            at("exec"),
            at("pid"),
            at("docker.sock"),
        );
        // Its pid file would refuse another one of the same number.
        let _ = fs::remove_file(self.directory.path().join("pid"));
        self.daemon = Some(spawn(
            Command::new("unshare")
                .args(["--mount", "--propagation", "private", "sh", "-c"])
                .arg(script),
        ));
        eventually("dockerd answers", || {
            let asked = self.command(&["version"]).output();
            asked.unwrap().status.success()
        });
    }

    /// Kills it; its containers run on.
    pub fn kill(&mut self) {
        self.daemon = None;
    }

    /// Its socket.
    pub fn socket(&self) -> PathBuf {
        self.directory.path().join("docker.sock")
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("/usr/bin/docker");
        let address = format!("unix://{}", self.socket().display());
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.directory.path())
            .env("DOCKER_HOST", address)
            .args(words);
        command
    }

    /// Docker's own command, which must succeed; its output without the last newline.
    #[track_caller]
    pub fn ok(&self, words: &[&str]) -> String {
        let done = process::finish(self.command(words), b"");
        assert_eq!(done.code, 0, "docker {words:?}: {done:?}");
        done.stdout.trim_end_matches('\n').to_owned()
    }
}

impl Drop for Docker {
    fn drop(&mut self) {
        if self.daemon.is_none() {
            self.again();
        }
        let ids = self.command(&["ps", "-aq"]).output().unwrap().stdout;
        let ids = String::from_utf8_lossy(&ids).into_owned();
        let ids: Vec<&str> = ids.split_whitespace().collect();
        if !ids.is_empty() {
            let mut words = vec!["rm", "-f"];
            words.extend(ids);
            // What stays is found below.
            let _ = self.command(&words).output();
        }
        if let Some(mut daemon) = self.daemon.take() {
            // Asked to end it ends its containerd and unmounts.
            signal(daemon.pid(), libc::SIGTERM);
            let _ = daemon.0.wait();
        }
        for hierarchy in fs::read_dir("/sys/fs/cgroup").unwrap().flatten() {
            let group = format!("wharf-remote-{}", std::process::id());
            // Only an empty group of this name goes, and only the last daemon's is empty.
            let _ = fs::remove_dir(hierarchy.path().join(group));
        }
    }
}

/// `wharf serve` over a sandbox's engine.
pub struct Served {
    arguments: Vec<String>,
    process: Option<Background>,
    /// Its socket.
    pub socket: PathBuf,
}

impl Served {
    /// Starts one at the usual socket of a root of its own, and waits until it answers.
    pub fn start(sandbox: &Sandbox, further: &[&str]) -> Self {
        let socket = sandbox.root().join("run/docker.sock");
        let address = format!("unix://{}", socket.display());
        let own = ["serve", "-H", &address];
        let arguments = own.iter().chain(further);
        let mut served = Self {
            arguments: arguments.map(|word| (*word).to_owned()).collect(),
            process: None,
            socket,
        };
        served.again(sandbox);
        served
    }

    /// Starts it once more.
    pub fn again(&mut self, sandbox: &Sandbox) {
        let words: Vec<&str> = self.arguments.iter().map(String::as_str).collect();
        self.process = Some(spawn(&mut sandbox.command(&words)));
        eventually("the server answers", || {
            UnixStream::connect(&self.socket).is_ok()
        });
    }

    /// Ends it as nothing can be caught.
    pub fn kill(&mut self) {
        self.process = None;
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            // Asked to end it takes its socket away.
            signal(process.pid(), libc::SIGTERM);
            let _ = process.0.wait();
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
        self.daemon = Some(spawn(
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

/// All processes below one.
fn descendants(pid: i32) -> Vec<i32> {
    let path = format!("/proc/{pid}/task/{pid}/children");
    let children = fs::read_to_string(path).unwrap_or_default();
    let children = children.split_whitespace().flat_map(str::parse);
    children
        .flat_map(|child: i32| std::iter::once(child).chain(descendants(child)))
        .collect()
}
