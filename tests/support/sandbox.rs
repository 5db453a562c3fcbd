//! An engine of its own for one test, which cleans up when the test ends, however it
//! ends, and fails a test that left anything behind.

use std::{
    cell::RefCell,
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    thread,
};

use super::{
    cgroup, leaks,
    process::{self, Finished},
};

/// The quick image: busybox with all its applets.
pub const BUSYBOX: &str = "busybox:1";
/// The real one: a minimal Debian.
pub const DEBIAN: &str = "debian:12";
/// The same with nginx, redis, postgresql and their clients (`servers.tar`).
pub const SERVERS: &str = "servers:12";

/// An engine below a temporary directory.
pub struct Sandbox {
    root: PathBuf,
    /// What containers join that name no network.
    network: &'static str,
    ids: RefCell<BTreeSet<String>>,
}

impl Sandbox {
    /// An engine with nothing in it.
    pub fn empty() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let root = env::temp_dir().join(format!(
            "wharf-test-{}-{}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        ));
        fs::create_dir(&root).unwrap();
        Self {
            root,
            network: "none",
            ids: RefCell::default(),
        }
    }

    /// An engine below a directory that exists and belongs to somebody else.
    pub fn at(root: PathBuf) -> Self {
        Self {
            root,
            network: "none",
            ids: RefCell::default(),
        }
    }

    /// The same, where containers join `network` if nothing is said: none unless a test
    /// is about networks, so that nothing touches those of the machine. Such a test
    /// enters a host of its own first ([`super::host::Host`]).
    pub fn with_default_network(self, network: &'static str) -> Self {
        assert!(
            super::host::is_own(),
            "a test of networks moves into a host of its own first"
        );
        // A value with a destructor can't be taken apart.
        let mut sandbox = self;
        sandbox.network = network;
        sandbox
    }

    /// An engine with the busybox image in it.
    pub fn new() -> Self {
        let sandbox = Self::empty();
        sandbox.import("busybox.tar", BUSYBOX);
        sandbox
    }

    /// An engine with the Debian image in it.
    pub fn debian() -> Self {
        let sandbox = Self::empty();
        sandbox.import("debian.tar", DEBIAN);
        sandbox
    }

    /// Import one of the prepared root file systems.
    pub fn import(&self, tar: &str, reference: &str) {
        self.ok(&["import", rootfs(tar).to_str().unwrap(), reference]);
    }

    /// Its `--root`.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A command of it, not yet run.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(wharf());
        command
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("WHARF_ROOT", &self.root)
            // Whoever runs the tests may have a configuration.
            .env("WHARF_CONFIG", "/dev/null")
            .env("WHARF_NETWORK", self.network)
            .args(arguments);
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str]) -> Finished {
        process::finish(self.command(arguments), b"")
    }

    /// Runs a command to its end with `input` on its stdin.
    pub fn run_with_input(&self, arguments: &[&str], input: &[u8]) -> Finished {
        process::finish(self.command(arguments), input)
    }

    /// Runs a command that must succeed; its output without the last newline.
    #[track_caller]
    pub fn ok(&self, arguments: &[&str]) -> String {
        let done = self.run(arguments);
        assert_eq!(done.code, 0, "wharf {arguments:?}: {done:?}");
        done.stdout.trim_end_matches('\n').to_owned()
    }

    /// Runs a command that must fail with `code` and one clear line on stderr; that line.
    #[track_caller]
    pub fn refused(&self, arguments: &[&str], code: i32) -> String {
        let done = self.run(arguments);
        assert_eq!(done.code, code, "wharf {arguments:?}: {done:?}");
        assert!(
            !done.stderr.trim().is_empty(),
            "wharf {arguments:?} says nothing on stderr"
        );
        done.stderr
    }

    /// `run -d` with further arguments; the full id.
    #[track_caller]
    pub fn start(&self, arguments: &[&str]) -> String {
        let mut all = vec!["run", "-d"];
        all.extend(arguments);
        let id = self.ok(&all);
        assert_eq!(id.len(), 64, "run -d prints the full id, not {id:?}");
        self.ids.borrow_mut().insert(id.clone());
        id
    }

    /// Starts a program in the background, with its output thrown away.
    pub fn spawn(&self, arguments: &[&str]) -> process::Background {
        process::Background::silent(&mut self.command(arguments))
    }

    /// One field of a container, by docker's template.
    #[track_caller]
    pub fn inspect(&self, reference: &str, template: &str) -> String {
        self.ok(&["inspect", "--format", template, reference])
    }

    /// Its state, in docker's words.
    #[track_caller]
    pub fn state(&self, reference: &str) -> String {
        self.inspect(reference, "{{.State.Status}}")
    }

    /// Its full id.
    #[track_caller]
    pub fn id(&self, reference: &str) -> String {
        self.inspect(reference, "{{.Id}}")
    }

    /// The host's pid of its init process.
    #[track_caller]
    pub fn pid(&self, reference: &str) -> i32 {
        let pid = self.inspect(reference, "{{.State.Pid}}").parse().unwrap();
        assert!(pid > 1, "{reference} has no process");
        pid
    }

    /// The shim above its init process.
    #[track_caller]
    pub fn shim(&self, reference: &str) -> i32 {
        let parent = process::status_field(self.pid(reference), "PPid").unwrap();
        let shim = parent.parse().unwrap();
        let command = fs::read_to_string(format!("/proc/{shim}/cmdline")).unwrap();
        assert!(command.contains("wharf"), "{shim} is no shim: {command:?}");
        shim
    }

    /// Waits until a container is in `state`.
    #[track_caller]
    pub fn until(&self, reference: &str, state: &str) {
        process::eventually(&format!("{reference} is {state}"), || {
            self.state(reference) == state
        });
    }

    /// Every id that this engine ever had, as far as its files tell.
    pub fn known_ids(&self) -> BTreeSet<String> {
        let mut ids = self.ids.borrow_mut();
        for directory in ["containers", "run/containers"] {
            for entry in fs::read_dir(self.root.join(directory))
                .into_iter()
                .flatten()
            {
                let name = entry.unwrap().file_name().to_string_lossy().into_owned();
                if name.len() == 64 {
                    ids.insert(name);
                }
            }
        }
        let events = fs::read_to_string(self.root.join("run/events")).unwrap_or_default();
        for word in events
            .split('"')
            .filter(|w| w.len() == 64 && !w.contains(' '))
        {
            ids.insert(word.to_owned());
        }
        ids.clone()
    }

    /// The event log as it is on disk.
    pub fn known_events(&self) -> String {
        fs::read_to_string(self.root.join("run/events")).unwrap_or_default()
    }

    /// Removes every container by wharf's own command.
    pub fn remove_all(&self) -> Result<(), String> {
        self.known_ids();
        let list = self.run(&["ps", "-aq", "--no-trunc"]);
        if list.code != 0 {
            return Err(format!("ps -aq: {list:?}"));
        }
        let ids: Vec<&str> = list.stdout.split_whitespace().collect();
        if ids.is_empty() {
            return Ok(());
        }
        let mut arguments = vec!["rm", "-f"];
        arguments.extend(&ids);
        let removed = self.run(&arguments);
        if removed.code != 0 {
            return Err(format!("rm -f: {removed:?}"));
        }
        Ok(())
    }

    /// What is left of the containers that are gone; waits a moment for processes that
    /// are just ending.
    pub fn leaks(&self) -> Vec<String> {
        let ids = self.known_ids();
        let mut found = Vec::new();
        process::comes_true(|| {
            found = leaks::find(&self.root, &ids);
            found.is_empty()
        });
        found
    }

    fn check(&self) -> Result<(), String> {
        self.remove_all()?;
        if self.root.join("networks").exists() {
            let pruned = self.run(&["network", "prune", "-f"]);
            if pruned.code != 0 {
                return Err(format!("network prune: {pruned:?}"));
            }
        }
        if self.root.join("volumes").exists() {
            let pruned = self.run(&["volume", "prune", "-af"]);
            if pruned.code != 0 {
                return Err(format!("volume prune: {pruned:?}"));
            }
        }
        if self.root.join("images/cache").exists() {
            let pruned = self.run(&["builder", "prune", "-af"]);
            if pruned.code != 0 {
                return Err(format!("builder prune: {pruned:?}"));
            }
        }
        let images = self.run(&["images", "-q"]);
        let mut seen = BTreeSet::new();
        for id in images
            .stdout
            .split_whitespace()
            .filter(|id| seen.insert(*id))
        {
            let removed = self.run(&["rmi", "-f", id]);
            if removed.code != 0 {
                return Err(format!("rmi -f {id}: {removed:?}"));
            }
        }
        let mut left = self.leaks();
        left.extend(leaks::files(&self.root));
        if left.is_empty() {
            Ok(())
        } else {
            Err(format!("left behind:\n  {}", left.join("\n  ")))
        }
    }

    /// Ends what a failed clean-up left, so that the machine is as before.
    fn sweep(&self) {
        for line in leaks::find(&self.root, &self.known_ids()) {
            let pid = line
                .strip_prefix("process ")
                .and_then(|rest| rest.split(':').next()?.parse::<i32>().ok());
            if let Some(pid) = pid {
                process::signal(pid, libc::SIGKILL);
            }
        }
        for id in self.known_ids() {
            for directory in cgroup::Cgroup::of(&id).directories() {
                // Thawed first: a frozen process can't die on v1.
                let _ = fs::write(directory.join("freezer.state"), "THAWED");
                cgroup::remove_directory(&directory);
            }
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        // A second panic while one is under way would end the whole program.
        let checked = std::panic::AssertUnwindSafe(|| self.check());
        let result = std::panic::catch_unwind(checked)
            .unwrap_or_else(|_| Err("a command of the clean-up hung (above)".into()));
        if result.is_err() {
            self.sweep();
        }
        // What can't be deleted is found by the snapshot of the whole machine.
        let _ = fs::remove_dir_all(&self.root);
        if let Err(what) = result {
            if thread::panicking() {
                eprintln!("clean-up: {what}");
            } else {
                panic!("clean-up: {what}");
            }
        }
    }
}

/// The program under test.
pub fn wharf() -> PathBuf {
    env::var_os("WHARF_BIN").map_or_else(|| env!("CARGO_BIN_EXE_wharf").into(), PathBuf::from)
}

/// A prepared root file system; `tests/rootfs` makes them.
pub fn rootfs(name: &str) -> PathBuf {
    let directory = env::var_os("WHARF_ROOTFS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("target/rootfs"),
        PathBuf::from,
    );
    let path = directory.join(name);
    assert!(
        path.exists(),
        "{} is missing: run tests/rootfs",
        path.display()
    );
    path
}
