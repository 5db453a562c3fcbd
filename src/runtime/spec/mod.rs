//! A container's record as an OCI runtime specification, with docker's defaults: what
//! the shim hands to [`crate::runtime`]'s create at each start, and to exec.
//!
//! Made anew at every start, because it looks at what may have changed since: users in
//! the container's own files, device numbers, the host's resolver.

mod capability;
mod device;
mod files;
mod mount;
mod names;
mod resources;
mod source;
mod user;
mod validate;

use std::{
    collections::HashMap,
    io,
    path::{Path, PathBuf},
    str::FromStr,
};

use oci_spec::{
    OciSpecError,
    runtime::{
        Capabilities, Linux, LinuxCapabilities, LinuxNamespace, LinuxNamespaceBuilder,
        LinuxNamespaceType, PosixRlimit, PosixRlimitBuilder, PosixRlimitType, Process, Root, Spec,
        UserBuilder,
    },
};

pub use files::{resolver, rewrite};
pub use mount::{JOINED_SHM, SHM};
pub use names::RESOLVER;
pub use resources::{resources, update};
pub use source::{Opened, check_all as check_sources, open_all as open_sources};
pub use user::look_up;
pub use validate::validate;

use super::{paths::ContainerPaths, record::ContainerRecord};
use crate::{
    layer::Overlay,
    model::{
        ContainerConfig, ExecConfig, IpcMode, MASKED_PATHS, NetworkMode, PidMode, READ_ONLY_PATHS,
        SeccompMode,
    },
    volume::Volumes,
};

/// What can be wrong with what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It makes no sense, in words.
    #[error("{0}")]
    Invalid(String),
    /// A file that it names could not be used.
    #[error("{operation} {}", path.display())]
    Io {
        /// What was tried.
        operation: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
}

/// Result of making a specification.
pub type Result<T> = std::result::Result<T, Error>;

/// Which seccomp filter goes with a specification. The default profile depends on the
/// capabilities, and a profile in docker's format is no OCI one: so neither is written
/// into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SeccompChoice {
    /// None.
    Unconfined,
    /// Docker's default profile.
    Default,
    /// A profile in docker's format.
    Profile(String),
}

/// Where programs are looked for when neither image nor user says.
pub const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The specification of a container's next run, and what it names by descriptor: that must
/// live until the container is made. Writes the files of `/etc` that it mounts into the
/// live directory, and makes missing sources of `-v`.
pub fn oci_spec(
    record: &ContainerRecord,
    paths: &ContainerPaths,
    overlay: &Overlay,
    volumes: &Volumes,
) -> Result<(Spec, SeccompChoice, Vec<Option<Opened>>)> {
    let config = &record.config;
    let hostname = hostname(record, paths)?;
    let sources = source::open_all(config, volumes)?;
    let files = files::write(record, paths, &hostname)?;
    let capabilities = capability::set(
        &config.cap_add,
        &config.cap_drop,
        config.privileged,
        &capability::available(),
    )?;
    let process = ProcessWish {
        argv: &record.process.argv,
        env: &record.process.env,
        cwd: &record.process.cwd,
        user: &record.process.user,
        groups: &config.groups,
        tty: config.tty,
    };

    let mut root = Root::default();
    root.set_path("rootfs".into())
        .set_readonly(Some(config.read_only));
    let mut spec = Spec::default();
    spec.set_version("1.2.0".into())
        .set_root(Some(root))
        .set_mounts(Some(mount::mounts(config, &files, &sources)))
        .set_process(Some(process.build(
            config,
            &hostname,
            capabilities,
            overlay,
        )?))
        .set_linux(Some(linux(record)?))
        .set_hostname((!config.shared.uts).then_some(hostname))
        .set_annotations(None);
    Ok((spec, seccomp(config), sources))
}

/// The process of an exec: the container's own confinement around another program.
pub fn oci_exec(
    record: &ContainerRecord,
    paths: &ContainerPaths,
    exec: &ExecConfig,
    overlay: &Overlay,
) -> Result<Process> {
    let config = &record.config;
    let available = capability::available();
    let privileged = config.privileged || exec.privileged;
    let capabilities = capability::set(&config.cap_add, &config.cap_drop, privileged, &available)?;
    let env = merge_env(record.process.env.clone(), &exec.env);
    let wish = ProcessWish {
        argv: &exec.argv,
        env: &env,
        cwd: exec.working_dir.as_deref().unwrap_or(&record.process.cwd),
        user: exec.user.as_deref().unwrap_or(&record.process.user),
        // Who runs it as somebody else asks for that one's groups.
        groups: match exec.user {
            Some(_) => &[],
            None => &config.groups,
        },
        tty: exec.tty,
    };
    let mut process = wish.build(config, &hostname(record, paths)?, capabilities, overlay)?;
    // The container's limits on its init are not asked for again: as docker has it, an
    // exec has those too.
    process.set_oom_score_adj(config.oom_score_adj);
    Ok(process)
}

/// What differs between a container's own process and an exec.
struct ProcessWish<'a> {
    argv: &'a [String],
    env: &'a [String],
    cwd: &'a str,
    user: &'a str,
    groups: &'a [String],
    tty: bool,
}

impl ProcessWish<'_> {
    fn build(
        self,
        config: &ContainerConfig,
        hostname: &str,
        capabilities: Capabilities,
        overlay: &Overlay,
    ) -> Result<Process> {
        let identity = user::look_up(self.user, self.groups, &|path| overlay.find(path))?;
        let mut env = vec![
            format!("PATH={DEFAULT_PATH}"),
            format!("HOSTNAME={hostname}"),
        ];
        if self.tty {
            env.push("TERM=xterm".into());
        }
        env = merge_env(env, self.env);
        if !env.iter().any(|pair| pair.starts_with("HOME=")) {
            env.push(format!("HOME={}", identity.home));
        }
        let user = UserBuilder::default()
            .uid(identity.uid)
            .gid(identity.gid)
            .additional_gids(identity.groups);
        let mut held = LinuxCapabilities::default();
        held.set_bounding(Some(capabilities.clone()))
            .set_effective(Some(capabilities.clone()))
            .set_permitted(Some(capabilities))
            // Empty, so that a program of another user doesn't get them (CVE-2022-24769).
            .set_inheritable(None)
            .set_ambient(None);
        let mut process = Process::default();
        process
            .set_terminal(Some(self.tty))
            .set_user(built(user.build()))
            .set_args(Some(self.argv.to_vec()))
            .set_env(Some(env))
            .set_cwd(absolute(self.cwd))
            .set_capabilities(Some(held))
            .set_rlimits(rlimits(config)?)
            .set_no_new_privileges(Some(config.security.no_new_privileges))
            .set_oom_score_adj(config.oom_score_adj);
        Ok(process)
    }
}

/// Where something is mounted in a container.
pub fn mount_targets(config: &ContainerConfig) -> Vec<PathBuf> {
    let files = files::TARGETS.map(|target| (PathBuf::new(), target));
    mount::mounts(config, &files, &[])
        .iter()
        .map(|mount| mount.destination().clone())
        .collect()
}

fn linux(record: &ContainerRecord) -> Result<Linux> {
    let config = &record.config;
    let devices = if config.privileged {
        device::privileged(&config.devices)?
    } else {
        device::confined(&config.devices, &config.device_rules)?
    };
    let mut limits = resources(&config.limits)?;
    limits.set_devices(Some(devices.rules));
    let visible = config.privileged || config.security.unmask;
    let paths = |list: &[&str]| list.iter().map(|&path| path.to_owned()).collect();
    let hidden = |list| (!visible).then(|| paths(list));
    let mut linux = Linux::default();
    linux
        .set_namespaces(Some(namespaces(config)))
        .set_resources(Some(limits))
        .set_devices(Some(devices.nodes))
        .set_cgroups_path(Some(ContainerPaths::cgroup(&record.id).into()))
        .set_sysctl(Some(sysctls(config)))
        .set_masked_paths(hidden(MASKED_PATHS))
        .set_readonly_paths(hidden(READ_ONLY_PATHS))
        .set_rootfs_propagation(mount::root_propagation(config).map(str::to_owned));
    Ok(linux)
}

/// The namespaces that are not the host's. Those of another container get their paths when
/// they are joined.
pub fn namespaces(config: &ContainerConfig) -> Vec<LinuxNamespace> {
    use LinuxNamespaceType as Type;
    let mut kinds = vec![Type::Mount];
    for (kind, is_shared) in [
        (Type::Uts, config.shared.uts),
        (Type::Pid, config.shared.pid == PidMode::Host),
        (Type::Ipc, config.shared.ipc == IpcMode::Host),
        (Type::Network, config.network == NetworkMode::Host),
    ] {
        if !is_shared {
            kinds.push(kind);
        }
    }
    // A kernel without cgroup namespaces has no file for them.
    if Path::new("/proc/self/ns/cgroup").exists() {
        kinds.push(Type::Cgroup);
    }
    kinds
        .into_iter()
        .map(|kind| built(LinuxNamespaceBuilder::default().typ(kind).build()))
        .collect()
}

/// The user's, above those that docker sets: in a network of its own a container may use
/// any port and ping without privilege.
fn sysctls(config: &ContainerConfig) -> HashMap<String, String> {
    const OWN_NETWORK: [(&str, &str); 2] = [
        ("net.ipv4.ip_unprivileged_port_start", "0"),
        ("net.ipv4.ping_group_range", "0 2147483647"),
    ];
    let mut all = HashMap::new();
    if config.network.is_own() {
        for (name, value) in OWN_NETWORK {
            if Path::new("/proc/sys").join(name.replace('.', "/")).exists() {
                all.insert(name.to_owned(), value.to_owned());
            }
        }
    }
    all.extend(config.sysctls.clone());
    all
}

fn rlimits(config: &ContainerConfig) -> Result<Option<Vec<PosixRlimit>>> {
    let limits = config.ulimits.iter().map(|ulimit| {
        let name = format!("RLIMIT_{}", ulimit.name.to_ascii_uppercase());
        let typ = PosixRlimitType::from_str(&name)
            .map_err(|_| Error::Invalid(format!("there is no ulimit {}", ulimit.name)))?;
        Ok(built(
            PosixRlimitBuilder::default()
                .typ(typ)
                .soft(ulimit.soft)
                .hard(ulimit.hard)
                .build(),
        ))
    });
    let limits: Vec<_> = limits.collect::<Result<_>>()?;
    Ok((!limits.is_empty()).then_some(limits))
}

/// Which seccomp filter goes with a container's processes.
pub fn seccomp(config: &ContainerConfig) -> SeccompChoice {
    match &config.security.seccomp {
        SeccompMode::Profile(text) => SeccompChoice::Profile(text.clone()),
        SeccompMode::Unconfined => SeccompChoice::Unconfined,
        SeccompMode::Default if config.privileged => SeccompChoice::Unconfined,
        SeccompMode::Default => SeccompChoice::Default,
    }
}

/// Its own, that of whom it shares its network with, else its short id.
fn hostname(record: &ContainerRecord, paths: &ContainerPaths) -> Result<String> {
    if let Some(name) = &record.config.hostname {
        return Ok(name.clone());
    }
    let failed = |operation, path: PathBuf| {
        move |source| Error::Io {
            operation,
            path,
            source,
        }
    };
    match &record.config.network {
        NetworkMode::None | NetworkMode::Bridge if !record.config.shared.uts => {
            Ok(record.id.short().to_owned())
        }
        NetworkMode::None | NetworkMode::Bridge | NetworkMode::Host => nix::unistd::gethostname()
            .map(|name| name.to_string_lossy().into_owned())
            .map_err(|errno| failed("ask for", "the host's name".into())(errno.into())),
        NetworkMode::Container(other) => {
            let path = paths
                .run
                .with_file_name(other.as_str())
                .join("etc/hostname");
            let name = std::fs::read_to_string(&path).map_err(failed("read", path))?;
            Ok(name.trim_end().to_owned())
        }
    }
}

fn absolute(cwd: &str) -> PathBuf {
    mount::clean(Path::new(cwd))
}

/// `upper` over `lower`: a variable keeps its place and takes the new value; a name
/// without `=` takes it away.
pub fn merge_env(mut lower: Vec<String>, upper: &[String]) -> Vec<String> {
    let name = |pair: &str| pair.split('=').next().unwrap_or_default().to_owned();
    for pair in upper {
        let key = name(pair);
        let place = lower.iter().position(|known| name(known) == key);
        match (place, pair.contains('=')) {
            (Some(place), true) => lower[place] = pair.clone(),
            (Some(place), false) => {
                lower.remove(place);
            }
            (None, true) => lower.push(pair.clone()),
            (None, false) => {}
        }
    }
    lower
}

/// What a builder whose every field is set made.
fn built<T>(made: std::result::Result<T, OciSpecError>) -> T {
    made.expect("every field without a default is set")
}
