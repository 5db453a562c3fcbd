//! What a daemon says of itself.

use std::collections::HashMap;

use jiff::Timestamp;

use super::{OLDEST_VERSION, VERSION, models};
use crate::model::{Capabilities, State, World};

/// `GET /version`
pub fn version(kernel: &str) -> models::SystemVersion {
    let own = env!("CARGO_PKG_VERSION").to_owned();
    let details = [
        ("ApiVersion", VERSION),
        ("MinAPIVersion", OLDEST_VERSION),
        ("Os", "linux"),
        ("Arch", architecture()),
        ("KernelVersion", kernel),
        ("Experimental", "false"),
    ];
    models::SystemVersion {
        platform: Some(models::SystemVersionPlatform {
            name: format!("wharf {own}"),
        }),
        components: Some(vec![models::SystemVersionComponents {
            name: "Engine".into(),
            version: own.clone(),
            details: Some(HashMap::from(
                details.map(|(key, value)| (key.to_owned(), value.to_owned())),
            )),
        }]),
        version: Some(own),
        api_version: Some(VERSION.into()),
        min_api_version: Some(OLDEST_VERSION.into()),
        git_commit: Some(String::new()),
        go_version: Some(String::new()),
        os: Some("linux".into()),
        arch: Some(architecture().into()),
        kernel_version: Some(kernel.into()),
        experimental: Some(false),
        build_time: Some(String::new()),
    }
}

/// What only the host knows, for `GET /info`.
#[derive(Clone, Debug, Default)]
pub struct HostFacts {
    /// `uname -r`
    pub kernel: String,
    /// `PRETTY_NAME` of os-release.
    pub system: String,
    /// Its `VERSION_ID`.
    pub system_version: String,
    /// An id of this engine that stays.
    pub id: String,
    /// Where it keeps its data.
    pub root: String,
    /// Whether the unified hierarchy alone is mounted.
    pub is_cgroup_v2: bool,
}

/// `GET /info`
pub fn info(
    world: &World,
    capabilities: &Capabilities,
    host: HostFacts,
    registries: models::RegistryServiceConfig,
) -> models::SystemInfo {
    let count = |wanted: fn(State) -> bool| {
        let states = world.containers.iter().map(|row| row.container.state);
        Some(states.filter(|state| wanted(*state)).count() as i64)
    };
    let list = |words: &[&str]| Some(words.iter().map(|&word| word.to_owned()).collect());
    let mut warnings = world.host.missing.clone();
    warnings.extend(world.problems.iter().map(|problem| problem.message.clone()));
    models::SystemInfo {
        id: Some(host.id),
        containers: Some(world.containers.len() as i64),
        containers_running: count(|state| state == State::Running),
        containers_paused: count(|state| state == State::Paused),
        containers_stopped: count(|state| !state.has_process()),
        images: Some(world.images.len() as i64),
        driver: Some("overlayfs".into()),
        driver_status: Some(vec![vec!["Engine".into(), capabilities.engine.clone()]]),
        docker_root_dir: Some(host.root),
        plugins: Some(models::PluginsInfo {
            volume: list(&["local"]),
            network: list(&["bridge", "host", "null"]),
            authorization: Some(Vec::new()),
            log: list(&["json-file"]),
        }),
        memory_limit: Some(true),
        swap_limit: Some(true),
        cpu_cfs_period: Some(true),
        cpu_cfs_quota: Some(true),
        cpu_shares: Some(true),
        cpu_set: Some(true),
        pids_limit: Some(true),
        oom_kill_disable: Some(false),
        ipv4_forwarding: Some(true),
        debug: Some(false),
        n_goroutines: Some(0),
        nfd: Some(0),
        n_events_listener: Some(0),
        system_time: Some(Timestamp::now().to_string()),
        logging_driver: Some("json-file".into()),
        cgroup_driver: Some(models::SystemInfoCgroupDriverEnum::CGROUPFS),
        cgroup_version: Some(match host.is_cgroup_v2 {
            true => models::SystemInfoCgroupVersionEnum::_2,
            false => models::SystemInfoCgroupVersionEnum::_1,
        }),
        kernel_version: Some(host.kernel),
        operating_system: Some(host.system),
        os_version: Some(host.system_version),
        os_type: Some("linux".into()),
        architecture: Some(std::env::consts::ARCH.into()),
        ncpu: Some(i64::from(world.host.cpus)),
        mem_total: world.host.memory_total_bytes.map(|bytes| bytes as i64),
        index_server_address: Some("https://index.docker.io/v1/".into()),
        registry_config: Some(registries),
        generic_resources: Some(Vec::new()),
        http_proxy: Some(String::new()),
        https_proxy: Some(String::new()),
        no_proxy: Some(String::new()),
        name: Some(world.host.name.clone()),
        labels: Some(Vec::new()),
        experimental_build: Some(false),
        server_version: Some(env!("CARGO_PKG_VERSION").into()),
        runtimes: Some(HashMap::from([(
            "wharf".into(),
            models::Runtime {
                path: Some("wharf".into()),
                ..Default::default()
            },
        )])),
        default_runtime: Some("wharf".into()),
        swarm: Some(models::SwarmInfo {
            node_id: Some(String::new()),
            node_addr: Some(String::new()),
            local_node_state: Some(models::LocalNodeState::INACTIVE),
            control_available: Some(false),
            error: Some(String::new()),
            ..Default::default()
        }),
        live_restore_enabled: Some(true),
        isolation: Some(models::SystemInfoIsolationEnum::EMPTY),
        init_binary: Some("wharf".into()),
        security_options: list(&["name=seccomp,profile=builtin"]),
        warnings: Some(warnings),
        ..Default::default()
    }
}

/// Go's word for this processor.
pub fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "x86" => "386",
        "aarch64" => "arm64",
        "powerpc64" => "ppc64le",
        other => other,
    }
}
