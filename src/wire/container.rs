//! Containers as lists and inspect show them.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{NEVER, models};
use crate::{
    format::status,
    model::{
        Attachment, Container, ContainerConfig, ContainerDetails, Endpoint, Image, Mount,
        MountKind, NetworkMode, Port, State,
    },
};

/// One line of a list.
pub fn summary(container: &Container, now: Timestamp) -> models::ContainerSummary {
    use models::ContainerSummaryStateEnum as Word;
    models::ContainerSummary {
        id: Some(container.id.to_string()),
        names: Some(vec![format!("/{}", container.name)]),
        image: Some(container.config.image.clone()),
        image_id: Some(container.image_id.to_string()),
        command: Some(command_line(&container.argv)),
        created: Some(container.created.as_second()),
        ports: Some(port_list(container)),
        labels: Some(labels(&container.config.labels)),
        state: Some(match container.state {
            State::Created => Word::CREATED,
            State::Running => Word::RUNNING,
            State::Paused => Word::PAUSED,
            State::Restarting => Word::RESTARTING,
            State::Removing => Word::REMOVING,
            State::Exited => Word::EXITED,
            State::Dead => Word::DEAD,
        }),
        status: Some(status(container, now)),
        host_config: Some(models::ContainerSummaryHostConfig {
            network_mode: Some(network_mode(&container.config)),
            annotations: None,
        }),
        network_settings: Some(models::ContainerSummaryNetworkSettings {
            networks: Some(networks(container)),
        }),
        mounts: Some(container.config.mounts.iter().map(mount_point).collect()),
        ..Default::default()
    }
}

/// The words of a command, those with spaces in quotes.
fn command_line(argv: &[String]) -> String {
    let quoted = |word: &String| match word.contains(' ') {
        true => format!("'{word}'"),
        false => word.clone(),
    };
    argv.iter().map(quoted).collect::<Vec<_>>().join(" ")
}

fn labels(labels: &BTreeMap<String, String>) -> HashMap<String, String> {
    labels.iter().map(|(k, v)| (k.clone(), v.clone())).collect()
}

fn port_list(container: &Container) -> Vec<models::PortSummary> {
    let summary = |port: Port, open: Option<(String, u16)>| models::PortSummary {
        private_port: port.number,
        typ: Some(match port.transport {
            crate::model::Transport::Tcp => models::PortSummaryTypeEnum::TCP,
            crate::model::Transport::Udp => models::PortSummaryTypeEnum::UDP,
            crate::model::Transport::Sctp => models::PortSummaryTypeEnum::SCTP,
        }),
        public_port: open.as_ref().map(|(_, host)| *host),
        ip: open.map(|(ip, _)| ip),
    };
    let open = &container.connectivity.ports;
    let mut ports: Vec<_> = open
        .iter()
        .map(|port| summary(port.container, Some((port.ip.to_string(), port.host))))
        .collect();
    if container.state.has_process() {
        let exposed = container.config.expose.iter();
        let is_closed = |port: &&Port| !open.iter().any(|open| open.container == **port);
        ports.extend(exposed.filter(is_closed).map(|port| summary(*port, None)));
    }
    ports
}

/// The word that a client gave, or would give.
pub fn network_mode(config: &ContainerConfig) -> String {
    match &config.network {
        NetworkMode::None => "none".into(),
        NetworkMode::Host => "host".into(),
        NetworkMode::Container(id) => format!("container:{id}"),
        NetworkMode::Bridge => match config.networks.first() {
            Some(first) => first.network.clone(),
            None => "bridge".into(),
        },
    }
}

fn networks(container: &Container) -> HashMap<String, models::EndpointSettings> {
    let config = &container.config;
    let empty = |name: &str| (name.to_owned(), settings(None, None, container));
    match &config.network {
        NetworkMode::None => HashMap::from([empty("none")]),
        NetworkMode::Host => HashMap::from([empty("host")]),
        NetworkMode::Container(_) => HashMap::new(),
        NetworkMode::Bridge => {
            let wishes = config.networks.iter().map(|wish| {
                let endpoints = container.connectivity.endpoints.iter();
                let place = endpoints
                    .clone()
                    .find(|place| place.network_name == wish.network);
                let settings = settings(Some(wish), place, container);
                (wish.network.clone(), settings)
            });
            wishes.collect()
        }
    }
}

/// A place on a network; empty where it doesn't run.
fn settings(
    wish: Option<&Attachment>,
    place: Option<&Endpoint>,
    container: &Container,
) -> models::EndpointSettings {
    let text = |text: Option<String>| Some(text.unwrap_or_default());
    let asked = wish.filter(|wish| wish.ip.is_some() || wish.ip6.is_some());
    models::EndpointSettings {
        ipam_config: asked.map(|wish| models::EndpointIpamConfig {
            ipv4_address: wish.ip.map(|ip| ip.to_string()),
            ipv6_address: wish.ip6.map(|ip| ip.to_string()),
            link_local_ips: None,
        }),
        mac_address: text(place.map(|place| place.mac.to_string())),
        aliases: wish
            .map(|wish| wish.aliases.clone())
            .filter(|a| !a.is_empty()),
        network_id: text(place.map(|place| place.network.to_string())),
        // A place has no id of its own: whose it is and where say which.
        endpoint_id: text(place.map(|place| {
            let (own, other) = (container.id.as_str(), place.network.as_str());
            format!("{}{}", &own[..32], &other[..32])
        })),
        gateway: text(place.and_then(|place| Some(place.gateway?.to_string()))),
        ip_address: text(place.and_then(|place| Some(place.ip?.0.to_string()))),
        ip_prefix_len: Some(
            place
                .and_then(|place| Some(place.ip?.1.into()))
                .unwrap_or(0),
        ),
        ipv6_gateway: text(place.and_then(|place| Some(place.gateway6?.to_string()))),
        global_ipv6_address: text(place.and_then(|place| Some(place.ip6?.0.to_string()))),
        global_ipv6_prefix_len: Some(
            place
                .and_then(|place| Some(place.ip6?.1.into()))
                .unwrap_or(0),
        ),
        dns_names: Some(place.map(|place| place.names.clone()).unwrap_or_default()),
        gw_priority: Some(0),
        ..Default::default()
    }
}

/// A mount as `inspect` lists it.
pub fn mount_point(mount: &Mount) -> models::MountPoint {
    let target = Some(mount.target.display().to_string());
    let mut point = models::MountPoint {
        destination: target,
        mode: Some(if mount.read_only { "ro" } else { "" }.into()),
        rw: Some(!mount.read_only),
        propagation: Some(String::new()),
        source: Some(String::new()),
        ..Default::default()
    };
    match &mount.kind {
        MountKind::Bind {
            source,
            propagation,
            ..
        } => {
            point.typ = Some("bind".into());
            point.source = Some(source.display().to_string());
            point.propagation = Some(propagation.clone().unwrap_or_else(|| "rprivate".into()));
        }
        MountKind::Volume(volume) => {
            point.typ = Some("volume".into());
            point.name = volume.name.clone();
            point.driver = Some(volume.driver.clone().unwrap_or_else(|| "local".into()));
            point.source = volume
                .source
                .as_ref()
                .map(|path| path.display().to_string());
        }
        MountKind::Tmpfs { .. } => point.typ = Some("tmpfs".into()),
    }
    point
}

/// `GET /containers/ID/json`. Its image, if it is still there, tells which of the program's
/// words are its entrypoint.
pub fn inspect(details: &ContainerDetails, image: Option<&Image>) -> Value {
    let container = &details.container;
    let config = &container.config;
    let (path, args) = match container.argv.split_first() {
        Some((path, args)) => (path.clone(), args.to_vec()),
        None => (String::new(), Vec::new()),
    };
    let etc = |name: &str| Some(details.etc.join(name).display().to_string());
    let answer = models::ContainerInspectResponse {
        id: Some(container.id.to_string()),
        created: Some(container.created.to_string()),
        path: Some(path),
        args: Some(args),
        state: Some(state(container)),
        image: Some(container.image_id.to_string()),
        resolv_conf_path: etc("resolv.conf"),
        hostname_path: etc("hostname"),
        hosts_path: etc("hosts"),
        log_path: Some(match config.log.driver.is_kept() {
            true => details.log.display().to_string(),
            false => String::new(),
        }),
        name: Some(format!("/{}", container.name)),
        restart_count: Some(container.restarts.into()),
        driver: Some("overlayfs".into()),
        platform: Some("linux".into()),
        mount_label: Some(String::new()),
        process_label: Some(String::new()),
        app_armor_profile: Some(String::new()),
        host_config: Some(super::host::host_config(config)),
        graph_driver: Some(models::DriverData {
            name: "overlayfs".into(),
            data: HashMap::from([("UpperDir".to_owned(), details.upper.display().to_string())]),
        }),
        mounts: Some(config.mounts.iter().map(mount_point).collect()),
        config: Some(container_config(details, image)),
        network_settings: Some(models::NetworkSettings {
            sandbox_id: Some(String::new()),
            sandbox_key: Some(match container.pid {
                Some(pid) => format!("/proc/{pid}/ns/net"),
                None => String::new(),
            }),
            ports: Some(port_map(container)),
            networks: Some(networks(container)),
        }),
        ..Default::default()
    };
    let mut answer = json!(answer);
    let execs: Vec<_> = details.execs.iter().map(|id| id.to_string()).collect();
    answer["ExecIDs"] = match execs.is_empty() {
        true => Value::Null,
        false => json!(execs),
    };
    answer["HostConfig"]["ConsoleSize"] = json!([0, 0]);
    for key in ["Entrypoint", "Cmd"] {
        let config = answer["Config"].as_object_mut();
        config.map(|config| config.entry(key).or_insert(Value::Null));
    }
    // What version 1.50 still has of the default network, and many scripts read.
    if let Some(Value::Object(settings)) = answer.get_mut("NetworkSettings") {
        old_settings(settings, container);
    }
    answer
}

fn old_settings(settings: &mut Map<String, Value>, container: &Container) {
    let endpoints = container.connectivity.endpoints.iter();
    let place = endpoints
        .clone()
        .find(|place| place.network_name == "bridge");
    let text = |text: Option<String>| Value::from(text.unwrap_or_default());
    let fields = [
        ("Bridge", Value::from("")),
        ("HairpinMode", Value::from(false)),
        ("LinkLocalIPv6Address", Value::from("")),
        ("LinkLocalIPv6PrefixLen", Value::from(0)),
        ("SecondaryIPAddresses", Value::Null),
        ("SecondaryIPv6Addresses", Value::Null),
        (
            "EndpointID",
            text(place.map(|place| {
                format!(
                    "{}{}",
                    &container.id.as_str()[..32],
                    &place.network.as_str()[..32]
                )
            })),
        ),
        (
            "Gateway",
            text(place.and_then(|place| Some(place.gateway?.to_string()))),
        ),
        (
            "IPAddress",
            text(place.and_then(|place| Some(place.ip?.0.to_string()))),
        ),
        (
            "IPPrefixLen",
            Value::from(place.and_then(|place| Some(place.ip?.1)).unwrap_or(0)),
        ),
        (
            "IPv6Gateway",
            text(place.and_then(|place| Some(place.gateway6?.to_string()))),
        ),
        (
            "GlobalIPv6Address",
            text(place.and_then(|place| Some(place.ip6?.0.to_string()))),
        ),
        (
            "GlobalIPv6PrefixLen",
            Value::from(place.and_then(|place| Some(place.ip6?.1)).unwrap_or(0)),
        ),
        ("MacAddress", text(place.map(|place| place.mac.to_string()))),
    ];
    for (key, value) in fields {
        settings.insert(key.to_owned(), value);
    }
}

fn state(container: &Container) -> models::ContainerState {
    use models::ContainerStateStatusEnum as Word;
    let state = container.state;
    // An exit that nobody could see must not look like success.
    let code = match container.exit {
        Some(exit) if !state.has_process() => exit.code.unwrap_or(255),
        _ => 0,
    };
    let ended = container.exit.filter(|_| container.started.is_some());
    models::ContainerState {
        status: Some(match state {
            State::Created => Word::CREATED,
            State::Running => Word::RUNNING,
            State::Paused => Word::PAUSED,
            State::Restarting => Word::RESTARTING,
            State::Removing => Word::REMOVING,
            State::Exited => Word::EXITED,
            State::Dead => Word::DEAD,
        }),
        // A container that is paused or about to run again counts as running, too.
        running: Some(state.has_process() || state == State::Restarting),
        paused: Some(state == State::Paused),
        restarting: Some(state == State::Restarting),
        oom_killed: Some(container.exit.is_some_and(|exit| exit.oom_killed)),
        dead: Some(state == State::Dead),
        pid: Some(container.pid.unwrap_or(0).into()),
        exit_code: Some(code.into()),
        error: Some(container.error.clone().unwrap_or_default()),
        started_at: Some(match container.started {
            Some(at) => at.to_string(),
            None => NEVER.into(),
        }),
        finished_at: Some(match ended {
            Some(exit) => exit.at.to_string(),
            None => NEVER.into(),
        }),
        health: container.health.as_ref().map(super::health::state),
    }
}

fn container_config(details: &ContainerDetails, image: Option<&Image>) -> models::ContainerConfig {
    let container = &details.container;
    let config = &container.config;
    let list = |words: &[String]| (!words.is_empty()).then(|| words.to_vec());
    let (entrypoint, command) = program(container, image);
    models::ContainerConfig {
        hostname: Some(match &config.hostname {
            Some(name) => name.clone(),
            None => container.id.short().to_owned(),
        }),
        domainname: Some(String::new()),
        user: Some(details.user.clone()),
        attach_stdin: Some(config.open_stdin),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        exposed_ports: (!config.expose.is_empty())
            .then(|| config.expose.iter().map(|port| port.to_string()).collect()),
        tty: Some(config.tty),
        open_stdin: Some(config.open_stdin),
        stdin_once: Some(config.open_stdin),
        env: Some(details.env.clone()),
        cmd: list(&command),
        image: Some(config.image.clone()),
        working_dir: Some(match details.working_dir.as_str() {
            "/" if config.working_dir.is_none() => String::new(),
            directory => directory.to_owned(),
        }),
        entrypoint: list(&entrypoint),
        labels: Some(labels(&config.labels)),
        volumes: {
            let anonymous = config.mounts.iter().filter(|mount| {
                let volume = mount.volume();
                volume.is_some_and(|volume| volume.is_anonymous)
            });
            let paths = anonymous.map(|mount| mount.target.display().to_string());
            Some(paths.collect::<Vec<_>>()).filter(|paths| !paths.is_empty())
        },
        healthcheck: config.health.as_ref().map(super::health::config),
        stop_signal: details.stop_signal.clone(),
        stop_timeout: config.stop_timeout_secs,
        ..Default::default()
    }
}

/// Which of its program's words are its entrypoint, and which its command.
fn program(container: &Container, image: Option<&Image>) -> (Vec<String>, Vec<String>) {
    let (argv, config) = (&container.argv, &container.config);
    let first = match (&config.entrypoint, image) {
        (Some(own), _) => own.len(),
        (None, _) if !config.command.is_empty() => argv.len().saturating_sub(config.command.len()),
        (None, Some(image)) => image.defaults.entrypoint.len(),
        (None, None) => 0,
    };
    let (entrypoint, command) = argv.split_at(first.min(argv.len()));
    (entrypoint.to_vec(), command.to_vec())
}

/// Open ports, and those that are named and closed.
fn port_map(container: &Container) -> models::PortMap {
    let mut map = models::PortMap::new();
    if !container.state.has_process() {
        return map;
    }
    for port in &container.config.expose {
        map.insert(port.to_string(), None);
    }
    for open in &container.connectivity.ports {
        let bindings = map.entry(open.container.to_string()).or_default();
        bindings.get_or_insert_default().push(models::PortBinding {
            host_ip: Some(open.ip.to_string()),
            host_port: Some(open.host.to_string()),
        });
    }
    map
}
