//! The flags of `run` and `create`: docker's, made into what the engine is asked for.

use std::{fs, path::PathBuf, time::Duration};

use clap::Args;

use super::{
    failure::Failure,
    limit_args::LimitArgs,
    network_args::{NetworkArgs, NetworkDefaults},
    pull::{When, platform},
    values::{self, Parsed},
};
use crate::model::{
    ContainerConfig, CreateRequest, Device, DeviceRule, HealthCheck, HealthTest, IpcMode,
    LogConfig, Mount, MountKind, PidMode, Platform, RestartPolicy, SharedNamespaces, Ulimit,
};

/// Whose a namespace is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Whose {
    /// Its own.
    Private,
    /// The host's.
    Host,
}

/// Flags that describe a container.
#[derive(Args, Clone, Debug, Default)]
pub struct ContainerArgs {
    /// Print help
    #[arg(long, action = clap::ArgAction::Help)]
    help: Option<bool>,
    /// Give it this name
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Keep its stdin open
    #[arg(short, long)]
    pub interactive: bool,
    /// Give it a terminal
    #[arg(short, long)]
    pub tty: bool,
    /// Remove it when it exits
    #[arg(long)]
    pub rm: bool,
    /// Set a variable; KEY alone passes ours on
    #[arg(short, long, value_name = "KEY=VALUE", value_parser = values::env)]
    env: Vec<String>,
    /// Read variables from a file
    #[arg(long, value_name = "FILE")]
    env_file: Vec<PathBuf>,
    /// Working directory inside
    #[arg(short, long, value_name = "DIR")]
    workdir: Option<String>,
    /// Run as this user
    #[arg(short, long, value_name = "USER[:GROUP]")]
    user: Option<String>,
    /// Put its process into this group besides
    #[arg(long, value_name = "GROUP")]
    group_add: Vec<String>,
    /// Set a label
    #[arg(short, long, value_name = "KEY=VALUE", value_parser = values::label)]
    label: Vec<(String, String)>,
    /// Replace the image's entrypoint; "" clears it
    #[arg(long, value_name = "COMMAND")]
    entrypoint: Option<String>,
    /// Run a small init that forwards signals and reaps
    #[arg(long)]
    init: bool,
    /// When to start it again: no, on-failure[:N], always, unless-stopped
    #[arg(long, value_name = "POLICY", default_value = "no", value_parser = values::restart, hide_default_value = true)]
    restart: RestartPolicy,
    /// Signal that asks it to stop
    #[arg(long, value_name = "SIGNAL", value_parser = values::signal)]
    stop_signal: Option<String>,
    /// Seconds until it is killed after that; -1 waits for ever
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(i64).range(-1..), allow_negative_numbers = true)]
    stop_timeout: Option<i64>,
    /// Make its root file system read-only
    #[arg(long)]
    read_only: bool,
    /// Mount memory
    #[arg(long, value_name = "DIR[:OPTIONS]", value_parser = values::tmpfs)]
    tmpfs: Vec<Mount>,
    /// Mount a volume by its name, or a path of the host: [NAME|PATH:]TARGET[:ro]
    #[arg(short, long, value_name = "SOURCE:TARGET[:OPTIONS]", value_parser = values::volume)]
    volume: Vec<Mount>,
    /// Mount what another container mounts: its name, and :ro where it shall only read
    #[arg(long, value_name = "CONTAINER[:ro]")]
    volumes_from: Vec<String>,
    /// What keeps the volumes that have to be made: local
    #[arg(long, value_name = "DRIVER")]
    volume_driver: Option<String>,
    /// Mount by fields: type=bind|volume|tmpfs,source=…,target=…
    #[arg(long, value_name = "FIELDS", value_parser = values::mount)]
    mount: Vec<Mount>,
    /// Whose shared memory it has: private, none, shareable, host, container:NAME
    #[arg(long, value_name = "WHOSE", default_value_t, hide_default_value = true)]
    ipc: IpcMode,
    /// Whose processes it sees: private, host, container:NAME
    #[arg(long, value_name = "WHOSE", default_value_t, hide_default_value = true)]
    pid: PidMode,
    /// Whose host name it has: private or host
    #[arg(long, value_name = "WHOSE", value_enum, hide_possible_values = true)]
    uts: Option<Whose>,
    #[command(flatten)]
    network: NetworkArgs,
    /// What keeps its output: json-file, local, none
    #[arg(
        long,
        value_name = "DRIVER",
        default_value = "json-file",
        hide_default_value = true
    )]
    log_driver: String,
    /// How: max-size=SIZE of a file, max-file=N files
    #[arg(long, value_name = "NAME=VALUE", value_parser = values::label)]
    log_opt: Vec<(String, String)>,
    #[command(flatten)]
    limits: LimitArgs,
    /// Give it a device
    #[arg(long, value_name = "HOST[:CONTAINER][:rwm]", value_parser = values::device)]
    device: Vec<Device>,
    /// Let it use devices that are not given: kind, numbers (* is any) and what for
    #[arg(long, value_name = "c 10:200 rwm")]
    device_cgroup_rule: Vec<DeviceRule>,
    /// Limit its processes' resources
    #[arg(long, value_name = "NAME=SOFT[:HARD]", value_parser = values::ulimit)]
    ulimit: Vec<Ulimit>,
    /// Add a capability
    #[arg(long, value_name = "CAP", value_parser = values::capability)]
    cap_add: Vec<String>,
    /// Take a capability away
    #[arg(long, value_name = "CAP", value_parser = values::capability)]
    cap_drop: Vec<String>,
    /// no-new-privileges, seccomp=FILE|unconfined, systempaths=unconfined
    #[arg(long, value_name = "OPTION")]
    security_opt: Vec<String>,
    /// Take nearly all confinement off
    #[arg(long)]
    privileged: bool,
    /// Set a namespaced kernel setting
    #[arg(long, value_name = "NAME=VALUE", value_parser = values::sysctl)]
    sysctl: Vec<(String, String)>,
    /// Size of /dev/shm
    #[arg(long, value_name = "SIZE", value_parser = values::size)]
    shm_size: Option<u64>,
    /// Check its health by a command, run by its shell
    #[arg(long, value_name = "COMMAND", conflicts_with = "no_healthcheck")]
    health_cmd: Option<String>,
    /// Time from one check to the next, such as 30s
    #[arg(long, value_name = "TIME", value_parser = values::span_or_none, conflicts_with = "no_healthcheck")]
    health_interval: Option<Duration>,
    /// Time that a check may take
    #[arg(long, value_name = "TIME", value_parser = values::span_or_none, conflicts_with = "no_healthcheck")]
    health_timeout: Option<Duration>,
    /// Failures in a row until it is unhealthy
    #[arg(long, value_name = "N", conflicts_with = "no_healthcheck")]
    health_retries: Option<u32>,
    /// Time after the start in which failures don't count
    #[arg(long, value_name = "TIME", value_parser = values::span_or_none, conflicts_with = "no_healthcheck")]
    health_start_period: Option<Duration>,
    /// Time from one check to the next meanwhile
    #[arg(long, value_name = "TIME", value_parser = values::span_or_none, conflicts_with = "no_healthcheck")]
    health_start_interval: Option<Duration>,
    /// Check nothing, whatever its image says
    #[arg(long)]
    no_healthcheck: bool,
    /// Preference of the kernel's OOM killer, -1000 to 1000
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(-1000..=1000), allow_negative_numbers = true)]
    oom_score_adj: Option<i32>,
    /// Pull the image: if it is missing, always, or never
    #[arg(
        long,
        value_name = "WHEN",
        value_enum,
        default_value_t,
        hide_default_value = true
    )]
    pub pull: When,
    /// Platform of an image that is pulled: os/architecture[/variant]
    #[arg(long, value_name = "PLATFORM", value_parser = platform)]
    pub platform: Option<Platform>,
    /// Write the container's id to a new file
    #[arg(long, value_name = "FILE")]
    pub cidfile: Option<PathBuf>,
    /// The image, then a command and its arguments
    #[arg(required = true, num_args = 1.., trailing_var_arg = true, value_name = "IMAGE [COMMAND] [ARG]")]
    image_and_command: Vec<String>,
}

impl ContainerArgs {
    /// The image, as the user wrote it.
    pub fn image(&self) -> &str {
        self.image_and_command.first().map_or("", String::as_str)
    }

    /// The request that these flags make, checked as a whole.
    pub fn request(&self, defaults: &NetworkDefaults) -> Result<CreateRequest, Failure> {
        self.config(defaults)
            .map(|config| CreateRequest {
                name: self.name.clone(),
                config,
                pools: defaults.pools.clone(),
            })
            .map_err(Failure::usage)
    }

    fn config(&self, defaults: &NetworkDefaults) -> Parsed<ContainerConfig> {
        if self.rm && self.restart != RestartPolicy::No {
            return Err("--rm and --restart exclude each other".into());
        }
        if let Some(file) = self.cidfile.as_ref().filter(|file| file.exists()) {
            return Err(format!("--cidfile {}: it exists already", file.display()));
        }
        let (image, command) = self
            .image_and_command
            .split_first()
            .ok_or("an image is needed")?;
        let mut mounts = [&self.volume[..], &self.mount, &self.tmpfs].concat();
        for mount in &mut mounts {
            if let MountKind::Volume(volume) = &mut mount.kind
                && volume.driver.is_none()
            {
                volume.driver.clone_from(&self.volume_driver);
            }
        }
        if let Some(mount) = twice(&mounts) {
            return Err(format!("two mounts on {}", mount.target.display()));
        }
        Ok(ContainerConfig {
            image: image.clone(),
            command: command.to_vec(),
            entrypoint: self
                .entrypoint
                .as_ref()
                .map(|program| match program.as_str() {
                    "" => Vec::new(),
                    program => vec![program.to_owned()],
                }),
            env: self.environment()?,
            working_dir: self.workdir.clone(),
            user: self.user.clone(),
            groups: self.group_add.clone(),
            shared: SharedNamespaces {
                ipc: self.ipc.clone(),
                pid: self.pid.clone(),
                uts: self.uts == Some(Whose::Host),
            },
            labels: self.label.iter().cloned().collect(),
            tty: self.tty,
            open_stdin: self.interactive,
            auto_remove: self.rm,
            init: self.init,
            restart: self.restart,
            stop_signal: self.stop_signal.clone(),
            stop_timeout_secs: self.stop_timeout,
            read_only: self.read_only,
            mounts,
            volumes_from: self.volumes_from.clone(),
            log: self.log()?,
            limits: self.limits.limits()?,
            ulimits: self.ulimit.clone(),
            devices: self.device.clone(),
            device_rules: self.device_cgroup_rule.clone(),
            cap_add: self.cap_add.clone(),
            cap_drop: self.cap_drop.clone(),
            security: values::security(&self.security_opt, |path| fs::read_to_string(path))?,
            privileged: self.privileged,
            sysctls: self.sysctl.iter().cloned().collect(),
            shm_size_bytes: self.shm_size,
            oom_score_adj: self.oom_score_adj,
            health: self.health(),
            ..self.network.config(defaults)?
        })
    }

    /// What was said of its health check; zero is the default, as docker has it.
    fn health(&self) -> Option<HealthCheck> {
        let time = |time: Option<Duration>| time.filter(|time| !time.is_zero());
        let line = self.health_cmd.clone().filter(|line| !line.is_empty());
        let check = HealthCheck {
            test: match self.no_healthcheck {
                true => Some(HealthTest::None),
                false => line.map(HealthTest::Shell),
            },
            interval: time(self.health_interval),
            timeout: time(self.health_timeout),
            start_period: time(self.health_start_period),
            start_interval: time(self.health_start_interval),
            retries: self.health_retries.filter(|retries| *retries > 0),
        };
        (check != HealthCheck::default()).then_some(check)
    }

    fn log(&self) -> Parsed<LogConfig> {
        let options = self.log_opt.iter();
        let options = options.map(|(name, value)| (name.as_str(), value.as_str()));
        values::log_config(&self.log_driver, options).map_err(|why| format!("--log-driver: {why}"))
    }

    /// Files first, flags over them.
    fn environment(&self) -> Parsed<Vec<String>> {
        let mut given = Vec::new();
        for file in &self.env_file {
            let about = |error: String| format!("--env-file {}: {error}", file.display());
            let text = fs::read_to_string(file).map_err(|error| about(error.to_string()))?;
            given.extend(values::env_lines(&text).map_err(about)?);
        }
        given.extend(self.env.iter().cloned());
        Ok(values::resolve_env(&given, |name| std::env::var(name).ok()))
    }
}

fn twice(mounts: &[Mount]) -> Option<&Mount> {
    mounts
        .iter()
        .enumerate()
        .find(|(index, mount)| mounts[..*index].iter().any(|m| m.target == mount.target))
        .map(|(_, mount)| mount)
}
