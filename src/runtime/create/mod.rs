//! From a specification to a process that waits to become the container's program.
//!
//! The parent reads and checks the whole specification, opens and mounts what the host
//! has to give, and lays out every string; then it clones, and the child does what it was
//! told, without allocating. [`child`] shows their dialogue.
//!
//! ```text
//! error       what can fail, and how the child says so
//! refuse      fields that are not supported
//! namespaces  new, joined, shared          rootfs, overlay   the root, masks
//! mounts, options, cgroups, devices        sysctl, hooks
//! process     the program, as planned      program, reaper   the child becomes it
//! exec        a further process of a running container
//! ```

mod cgroups;
mod child;
mod devices;
mod error;
mod exec;
mod hooks;
mod mounts;
mod namespaces;
mod options;
mod overlay;
mod process;
mod program;
mod reaper;
mod refuse;
mod rootfs;
mod sysctl;

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use oci_spec::runtime::Spec;
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

use crate::layer::Overlay;
use crate::sys::cgroup::{Cgroup, Entrance};
use crate::sys::channel::Channel;
use crate::sys::clone::Child;
use crate::sys::pidfd;
use crate::sys::process::ArgumentArea;
use crate::sys::seccomp::Filter;

pub use error::{Error, Result};
pub use exec::{ExecRequest, exec};
pub use hooks::{HookPoint, run as run_hooks};
pub use options::mount_options;
pub use overlay::mount_detached as mount_overlay;
pub use process::Stdio;
pub(in crate::runtime) use process::capability_number;

use error::{Failure, Items, Stage, Trying};
use namespaces::Namespaces;
use program::Gate;

/// Where a container's root file system comes from.
#[derive(Clone, Debug)]
pub enum Rootfs {
    /// A directory, as a bundle has it.
    Directory(PathBuf),
    /// Layers, mounted for this container alone.
    Overlay(Overlay),
}

/// What a container is made from.
#[derive(Debug)]
pub struct Bundle<'a> {
    /// Its id, for the state that hooks read.
    pub id: &'a str,
    /// The OCI specification.
    pub spec: &'a Spec,
    /// Directory that relative paths of the specification start from.
    pub dir: PathBuf,
    /// Its root.
    pub rootfs: Rootfs,
    /// Detached mounts, by the name that a bind of the specification has as its source.
    pub trees: Vec<(PathBuf, OwnedFd)>,
    /// The system call filter. Whoever made the specification compiled it too.
    pub seccomp: Option<Filter>,
    /// Keep a pid 1 of ours in the container, which reaps and forwards signals.
    pub init: bool,
}

/// A process that is set up and waits just before execve. Dropping it kills it.
#[derive(Debug)]
pub struct Created {
    child: Option<Child>,
    terminal: Option<OwnedFd>,
    channel: Channel,
    names: Names,
}

/// A process that runs its program. It is ours to wait for.
#[derive(Debug)]
pub struct Running {
    /// Its id in our pid namespace.
    pub pid: Pid,
    /// Itself.
    pub pidfd: OwnedFd,
    /// The master of its terminal.
    pub terminal: Option<OwnedFd>,
}

/// Make the container's first process, up to the point just before its program.
///
/// Only a single-threaded process may call this. With a control group the child is put
/// into it before anything of the container runs; its limits are the caller's affair.
pub fn create(bundle: Bundle<'_>, cgroup: Option<&Cgroup>, stdio: Stdio) -> Result<Created> {
    create_behind(bundle, cgroup, stdio, Gate::Parent, 0)
}

/// As [`create`], but the child waits for a byte in a FIFO instead of for
/// [`Created::start`]: whoever creates need not live until the start. The descriptor must
/// be open for reading and writing. Descriptors from 3 to 3 + `preserved` are inherited.
pub fn create_behind_fifo(
    bundle: Bundle<'_>,
    cgroup: Option<&Cgroup>,
    stdio: Stdio,
    fifo: OwnedFd,
    preserved: u32,
) -> Result<Created> {
    create_behind(bundle, cgroup, stdio, Gate::Fifo(fifo), preserved)
}

fn create_behind(
    bundle: Bundle<'_>,
    cgroup: Option<&Cgroup>,
    stdio: Stdio,
    gate: Gate,
    preserved: u32,
) -> Result<Created> {
    let (id, spec, dir) = (bundle.id, bundle.spec, bundle.dir.clone());
    let mut plan = ContainerPlan::new(bundle, cgroup, stdio)?;
    plan.process.preserved = preserved;
    let (ours, theirs) = Channel::pair().trying(|| "make a socket pair".to_owned())?;
    let born_in = cgroup.and_then(|cgroup| plan.namespaces.birth_group(cgroup));
    plan.entrance = open_entrance(cgroup, born_in.is_some())?;
    let child = plan
        .namespaces
        .fork(born_in, || child::run(&plan, &theirs, &gate))?;
    drop((theirs, gate));
    let mut created = Created {
        child: Some(child),
        terminal: None,
        channel: ours,
        names: plan.names(),
    };
    let pid = created.pid();
    if plan.namespaces.needs_maps() {
        plan.namespaces.write_maps(pid)?;
        created.say(child::MAPPED)?;
    }
    plan.process.set_oom_score(pid)?;
    created.until_ready(|pid| {
        for point in [HookPoint::Prestart, HookPoint::CreateRuntime] {
            hooks::run(spec, point, id, "creating", Some(pid), &dir)?;
        }
        Ok(())
    })?;
    plan.process.set_rlimits(pid)?;
    Ok(created)
}

/// The child's way into its control groups.
fn open_entrance(cgroup: Option<&Cgroup>, is_born_inside: bool) -> Result<Option<Entrance>> {
    let open = |cgroup: &Cgroup| {
        let entrance = cgroup.entrance(is_born_inside);
        entrance
            .map_err(std::io::Error::other)
            .trying(|| format!("open the control group {}", cgroup.path()))
    };
    cgroup.map(open).transpose()
}

/// All that the child will do.
#[derive(Debug)]
struct ContainerPlan {
    /// Missing only where there are no control groups.
    entrance: Option<Entrance>,
    namespaces: Namespaces,
    root: rootfs::Root,
    mounts: Vec<mounts::Planned>,
    covers: rootfs::Covers,
    sets_up_dev: bool,
    devices: Vec<devices::Device>,
    links: &'static [(&'static CStr, &'static CStr)],
    host_name: Option<CString>,
    domain_name: Option<CString>,
    sysctls: Vec<sysctl::Sysctl>,
    has_runtime_hooks: bool,
    container_hooks: Vec<hooks::Planned>,
    hook_state: hooks::State,
    process: process::Plan,
}

impl ContainerPlan {
    fn new(bundle: Bundle<'_>, cgroup: Option<&Cgroup>, stdio: Stdio) -> Result<Self> {
        let Bundle { id, spec, dir, .. } = bundle;
        refuse::check(spec)?;
        let Some(process) = spec.process() else {
            return Err(Error::invalid("process", "there is none"));
        };
        let namespaces = Namespaces::plan(spec)?;
        let root = rootfs::Root::open(spec, &bundle.rootfs)?;
        let mounts = mounts::plan(spec, &dir, &bundle.trees, root.base(), &namespaces, cgroup)?;
        let name = |field: &str, name: &Option<String>| {
            let name = name.as_deref().filter(|name| !name.is_empty());
            if name.is_some() && !namespaces.has_uts() {
                return Err(Error::invalid(
                    field,
                    "it would be the host's: no UTS namespace",
                ));
            }
            name.map(|name| mounts::c_text(field, name)).transpose()
        };
        let mut program = process::Plan::new(
            spec,
            process,
            Some(root.tree.as_fd()),
            bundle.seccomp,
            stdio,
        )?;
        program.hooks = hooks::plan(spec, HookPoint::StartContainer, None)?;
        program.hook_state = Some(hooks::State::new(spec, id, "created", &dir));
        if bundle.init {
            if !namespaces.has_pid() {
                return Err(Error::unsupported("an init without a pid namespace"));
            }
            let area = ArgumentArea::find();
            program.reaper = Some(area.trying(|| "find our arguments".to_owned())?);
        }
        let has_hooks =
            |point| -> Result<bool> { Ok(!hooks::plan(spec, point, Some(&dir))?.is_empty()) };
        Ok(Self {
            entrance: None,
            covers: rootfs::Covers::plan(spec)?,
            sets_up_dev: !mounts.iter().any(|mount| mount.is_bind_on(c"/dev")),
            devices: devices::plan(spec)?,
            links: devices::links(),
            host_name: name("hostname", spec.hostname())?,
            domain_name: name("domainname", spec.domainname())?,
            sysctls: sysctl::plan(spec, &namespaces)?,
            has_runtime_hooks: has_hooks(HookPoint::Prestart)?
                || has_hooks(HookPoint::CreateRuntime)?,
            container_hooks: hooks::plan(spec, HookPoint::CreateContainer, Some(&dir))?,
            hook_state: hooks::State::new(spec, id, "creating", &dir),
            process: program,
            namespaces,
            root,
            mounts,
        })
    }

    fn names(&self) -> Names {
        let text = |text: &CString| text.to_string_lossy().into_owned();
        let hooks = |hooks: &[hooks::Planned]| hooks.iter().map(|hook| text(&hook.path)).collect();
        let mut names = Names::of_process(&self.process);
        let mounts: Vec<_> = self.mounts.iter().map(|m| text(&m.destination)).collect();
        let joined = (0..).map_while(|item| self.namespaces.path(item)).collect();
        names.lists.extend([
            (Stage::MountPoint, mounts.clone()),
            (Stage::InsideProc, mounts.clone()),
            (Stage::MountNew, mounts.clone()),
            (Stage::MountOption, mounts.clone()),
            (Stage::Attach, mounts),
            (Stage::JoinNamespace, joined),
            (
                Stage::Device,
                self.devices.iter().map(|d| text(&d.path)).collect(),
            ),
            (
                Stage::Sysctl,
                self.sysctls.iter().map(|s| text(&s.path)).collect(),
            ),
            (
                Stage::ReadOnlyPath,
                self.covers.read_only.iter().map(text).collect(),
            ),
            (
                Stage::MaskedPath,
                self.covers.masked.iter().map(text).collect(),
            ),
            (Stage::CreateContainerHook, hooks(&self.container_hooks)),
        ]);
        names
    }
}

/// What the items of each stage are called.
#[derive(Debug)]
struct Names {
    lists: Vec<(Stage, Vec<String>)>,
}

impl Names {
    fn of_process(plan: &process::Plan) -> Self {
        let command = vec![plan.command.clone()];
        let cwd = vec![plan.cwd.to_string_lossy().into_owned()];
        let user = format!("{}:{}", plan.uid.as_raw(), plan.gid.as_raw());
        let hooks = plan.hooks.iter();
        let hooks = hooks.map(|hook| hook.path.to_string_lossy().into_owned());
        Self {
            lists: vec![
                (Stage::Execve, command.clone()),
                (Stage::FindCommand, command),
                (Stage::ChangeDirectory, cwd.clone()),
                (Stage::OutsideRoot, cwd),
                (Stage::User, vec![user]),
                (Stage::StartContainerHook, hooks.collect()),
            ],
        }
    }
}

impl Items for Names {
    fn name(&self, stage: Stage, item: usize) -> Option<String> {
        let (_, list) = self.lists.iter().find(|(listed, _)| *listed == stage)?;
        list.get(item).cloned()
    }
}

impl Created {
    /// Its id in our pid namespace.
    pub fn pid(&self) -> Pid {
        self.child().pid
    }

    /// Itself.
    pub fn pidfd(&self) -> &OwnedFd {
        &self.child().pidfd
    }

    /// The master of its terminal.
    pub fn terminal(&self) -> Option<&OwnedFd> {
        self.terminal.as_ref()
    }

    /// Let it run its program. Returns once execve succeeded, which closes the line, or
    /// with what failed; then the process is gone.
    pub fn start(mut self) -> Result<Running> {
        self.say(child::START)?;
        match self.hear()? {
            Heard::Closed => {}
            Heard::Failed(failure) => return Err(failure.explain(&self.names)),
            Heard::Word(..) => return Err(Error::Died),
        }
        let terminal = self.terminal.take();
        let Child { pid, pidfd } = self.take();
        Ok(Running {
            pid,
            pidfd,
            terminal,
        })
    }

    /// Leave it behind its FIFO, to whoever starts it.
    pub fn leave(mut self) -> Running {
        let terminal = self.terminal.take();
        let Child { pid, pidfd } = self.take();
        Running {
            pid,
            pidfd,
            terminal,
        }
    }

    fn child(&self) -> &Child {
        self.child.as_ref().expect("taken only by value")
    }

    fn take(&mut self) -> Child {
        self.child.take().expect("taken only by value")
    }

    fn say(&self, word: u8) -> Result<()> {
        match self.channel.send(&[word], None) {
            Ok(()) => Ok(()),
            // It gave up; what it said last says why.
            Err(error) => match self.hear() {
                Ok(Heard::Failed(failure)) => Err(failure.explain(&self.names)),
                Ok(Heard::Closed) => Err(Error::Died),
                _ => Err(error).trying(|| "speak to the container's process".to_owned()),
            },
        }
    }

    fn until_ready(&mut self, hooks: impl FnOnce(u32) -> Result<()>) -> Result<()> {
        let mut hooks = Some(hooks);
        loop {
            match self.hear()? {
                Heard::Word(child::READY, _) => return Ok(()),
                Heard::Word(child::TERMINAL, fd) => self.terminal = fd,
                Heard::Word(child::HOOKS, _) => {
                    if let Some(hooks) = hooks.take() {
                        hooks(self.pid().as_raw_nonzero().get() as u32)?;
                    }
                    self.say(child::HOOKS_DONE)?;
                }
                Heard::Failed(failure) => return Err(failure.explain(&self.names)),
                Heard::Closed | Heard::Word(..) => return Err(Error::Died),
            }
        }
    }

    fn hear(&self) -> Result<Heard> {
        let mut bytes = [0; 1 + Failure::LENGTH];
        let (length, fd) = self
            .channel
            .receive(&mut bytes)
            .trying(|| "listen to the container's process".to_owned())?;
        Ok(match (length, bytes[0]) {
            (0, _) => Heard::Closed,
            (_, child::FAILED) => {
                let rest = bytes[1..].try_into().expect("the array is one longer");
                Failure::decode(rest).map_or(Heard::Closed, Heard::Failed)
            }
            (_, word) => Heard::Word(word, fd),
        })
    }
}

enum Heard {
    Word(u8, Option<OwnedFd>),
    Failed(Failure),
    Closed,
}

impl Drop for Created {
    fn drop(&mut self) {
        if let Some(child) = &self.child {
            // It may have ended by itself; then there is only the reaping left. With
            // its pid namespace ends all that it started.
            let _ = pidfd::send_signal(&child.pidfd, libc::SIGKILL);
            let _ = waitid(WaitId::PidFd(child.pidfd.as_fd()), WaitIdOptions::EXITED);
        }
    }
}

/// Where a bundle's root lies.
pub fn bundle_rootfs(spec: &Spec, bundle: &Path) -> Result<Rootfs> {
    match spec.root() {
        Some(root) => Ok(Rootfs::Directory(bundle.join(root.path()))),
        None => Err(Error::invalid("root", "there is none")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use std::fs::File;
    use std::io::Read;
    use std::os::unix::fs::symlink;

    /// A root of busybox alone.
    fn bundle() -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("temp dir");
        let bin = dir.path().join("rootfs/bin");
        std::fs::create_dir_all(&bin).expect("mkdir");
        std::fs::copy("/bin/busybox", bin.join("busybox")).expect("busybox-static is there");
        for name in ["sh", "cat", "true", "id", "hostname"] {
            symlink("busybox", bin.join(name)).expect("link");
        }
        dir
    }

    fn spec(script: &str) -> Value {
        json!({
            "ociVersion": "1.0.2",
            "root": {"path": "rootfs"},
            "hostname": "inside",
            "process": {
                "user": {"uid": 0, "gid": 0},
                "args": ["sh", "-c", script],
                "env": ["PATH=/bin"],
                "cwd": "/work",
            },
            "mounts": [
                {"destination": "/proc", "type": "proc", "source": "proc"},
                {"destination": "/dev", "type": "tmpfs", "source": "tmpfs",
                 "options": ["nosuid", "mode=755"]},
            ],
            "linux": {"namespaces": [
                {"type": "mount"}, {"type": "pid"}, {"type": "uts"},
                {"type": "ipc"}, {"type": "network"},
            ]},
        })
    }

    /// Run it; what it wrote, and its exit code.
    fn run(dir: &Path, spec: Value, init: bool) -> Result<(String, i32)> {
        let spec: Spec = serde_json::from_value(spec).expect("spec");
        let (mut read, write) = std::io::pipe().expect("pipe");
        let bundle = Bundle {
            id: "test",
            spec: &spec,
            dir: dir.to_owned(),
            rootfs: bundle_rootfs(&spec, dir)?,
            trees: Vec::new(),
            seccomp: None,
            init,
        };
        let stdio = Stdio::Pipes {
            stdin: File::open("/dev/null").expect("null").into(),
            stdout: write.try_clone().expect("dup").into(),
            stderr: write.into(),
        };
        let running = create(bundle, None, stdio)?.start()?;
        let mut output = String::new();
        read.read_to_string(&mut output).expect("read");
        let status = waitid(WaitId::PidFd(running.pidfd.as_fd()), WaitIdOptions::EXITED)
            .expect("wait")
            .expect("exited");
        Ok((output, status.exit_status().unwrap_or(-1)))
    }

    #[test]
    fn program_runs_in_its_own_namespaces_and_root() {
        let dir = bundle();
        let script = "echo $$; hostname; pwd; ls /; id -u; exit 3";
        let (output, code) = run(dir.path(), spec(script), false).expect("run");
        assert_eq!(output, "1\ninside\n/work\nbin\ndev\nproc\nwork\n0\n");
        assert_eq!(code, 3);
    }

    #[test]
    fn init_reaps_and_hands_the_code_on() {
        let dir = bundle();
        let (output, code) = run(dir.path(), spec("echo $$; exit 4"), true).expect("run");
        assert_eq!((output.as_str(), code), ("2\n", 4));
    }

    #[test]
    fn missing_and_forbidden_programs_are_told_apart() {
        let dir = bundle();
        for (command, exit_code) in [("nothing", 127), ("/none/x", 127), ("/bin", 126)] {
            let mut spec = spec("");
            spec["process"]["args"] = json!([command]);
            for init in [false, true] {
                let error = run(dir.path(), spec.clone(), init).expect_err(command);
                assert_eq!(error.exit_code(), exit_code, "{command}: {error}");
            }
        }
    }

    #[test]
    fn exec_joins_the_namespaces_of_the_container() {
        let dir = bundle();
        let spec: Spec = serde_json::from_value(spec("read line")).expect("spec");
        let (stdin, hold) = std::io::pipe().expect("pipe");
        let null = || File::options().write(true).open("/dev/null").expect("null");
        let bundle = Bundle {
            id: "test",
            spec: &spec,
            dir: dir.path().to_owned(),
            rootfs: bundle_rootfs(&spec, dir.path()).expect("root"),
            trees: Vec::new(),
            seccomp: None,
            init: false,
        };
        let stdio = Stdio::Pipes {
            stdin: stdin.into(),
            stdout: null().into(),
            stderr: null().into(),
        };
        let running = create(bundle, None, stdio).expect("create");
        let running = running.start().expect("start");
        let (mut read, write) = std::io::pipe().expect("pipe");
        let mut process = spec.process().clone().expect("process");
        let script = "hostname; ls -d /proc/1/root/bin/busybox; test $$ -gt 1 && exit 5";
        process.set_args(Some(vec!["sh".into(), "-c".into(), script.into()]));
        let request = ExecRequest {
            init_pid: running.pid,
            init_pidfd: running.pidfd.as_fd(),
            spec: &spec,
            process: &process,
            seccomp: None,
            cgroup: None,
            stdio: Stdio::Pipes {
                stdin: File::open("/dev/null").expect("null").into(),
                stdout: write.try_clone().expect("dup").into(),
                stderr: write.into(),
            },
            preserved: 0,
        };
        let inside = exec(request).expect("exec").start().expect("start");
        let mut output = String::new();
        read.read_to_string(&mut output).expect("read");
        assert_eq!(output, "inside\n/proc/1/root/bin/busybox\n");
        let wait = |pidfd: &OwnedFd| {
            let status = waitid(WaitId::PidFd(pidfd.as_fd()), WaitIdOptions::EXITED);
            status
                .expect("wait")
                .and_then(|status| status.exit_status())
        };
        assert_eq!(wait(&inside.pidfd), Some(5));
        drop(hold);
        assert_eq!(wait(&running.pidfd), Some(1));
    }

    #[test]
    fn failing_step_is_named() {
        let dir = bundle();
        let mut spec = spec("");
        spec["mounts"][1]["options"] = json!(["size=nonsense"]);
        let error = run(dir.path(), spec, false).expect_err("bad option");
        assert_eq!(error.to_string(), "make the file system for /dev");
    }
}
