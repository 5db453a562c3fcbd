//! The image config: what it says about a container's process, and the one that we write.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use jiff::Timestamp;
use oci_spec::image::{Arch, Config, History, ImageConfiguration, Os, RootFs};

use crate::{
    dockerfile::Healthcheck,
    model::{Digest, HealthCheck, HealthTest, ImageDefaults, Port},
};

/// What a container of the image runs by default.
pub(super) fn defaults(config: &ImageConfiguration) -> ImageDefaults {
    let Some(config) = config.config() else {
        return ImageDefaults::default();
    };
    ImageDefaults {
        entrypoint: config.entrypoint().clone().unwrap_or_default(),
        cmd: config.cmd().clone().unwrap_or_default(),
        env: config.env().clone().unwrap_or_default(),
        working_dir: config.working_dir().clone().unwrap_or_default(),
        user: config.user().clone().unwrap_or_default(),
        stop_signal: config.stop_signal().clone(),
        exposed: exposed(config),
        volumes: config
            .volumes()
            .iter()
            .flatten()
            .map(PathBuf::from)
            .collect(),
    }
}

/// The ports that it names; what is no port is left out, as it opens nothing.
fn exposed(config: &Config) -> Vec<Port> {
    let ports = config.exposed_ports().iter().flatten();
    let port = |text: &String| {
        let (number, transport) = text.split_once('/').unwrap_or((text, "tcp"));
        Some(Port {
            number: number.parse().ok().filter(|number| *number > 0)?,
            transport: transport.parse().ok()?,
        })
    };
    ports.filter_map(port).collect()
}

/// The health check, which is docker's own and none of the specification's.
pub(super) fn health(config: &serde_json::Value) -> Option<HealthCheck> {
    let check = config.get("config")?.get("Healthcheck")?;
    // What can't be understood is checked as little as where there is nothing.
    let check: Healthcheck = serde_json::from_value(check.clone()).ok()?;
    let time = |nanoseconds: u64| (nanoseconds > 0).then(|| Duration::from_nanos(nanoseconds));
    let test = match check.test.split_first() {
        None => None,
        Some((kind, words)) => Some(match (kind.as_str(), words) {
            ("NONE", _) => HealthTest::None,
            ("CMD", words) => HealthTest::Command(words.to_vec()),
            ("CMD-SHELL", [line, ..]) => HealthTest::Shell(line.clone()),
            _ => return None,
        }),
    };
    Some(HealthCheck {
        test,
        interval: time(check.interval),
        timeout: time(check.timeout),
        start_period: time(check.start_period),
        start_interval: time(check.start_interval),
        retries: u32::try_from(check.retries)
            .ok()
            .filter(|retries| *retries > 0),
    })
}

/// The labels of the image.
pub(super) fn labels(config: &ImageConfiguration) -> BTreeMap<String, String> {
    let labels = config.labels_of_config().into_iter().flatten();
    labels.map(|(k, v)| (k.clone(), v.clone())).collect()
}

/// The layers, lowest first; `None` if one is named by an algorithm that we don't know.
pub(super) fn diff_ids(config: &ImageConfiguration) -> Option<Vec<Digest>> {
    let diff_ids = config.rootfs().diff_ids().iter();
    diff_ids.map(|id| Digest::parse(id)).collect()
}

/// The commands that made the layers, one each, lowest first.
pub(super) fn created_by(config: &ImageConfiguration) -> Vec<String> {
    let steps = config.history().iter().flatten();
    steps
        .filter(|step| step.empty_layer() != Some(true))
        .map(|step| step.created_by().clone().unwrap_or_default())
        .collect()
}

/// The config of an image of ours: each layer by diff-id and what made it.
pub(super) fn new_config(
    created: Timestamp,
    layers: &[(Digest, String)],
    process: Config,
) -> ImageConfiguration {
    let created = created.to_string();
    let history = |(_, created_by): &(Digest, String)| {
        let mut step = History::default();
        step.set_created(Some(created.clone()));
        step.set_created_by(Some(created_by.clone()));
        step
    };
    let mut rootfs = RootFs::default();
    rootfs.set_diff_ids(layers.iter().map(|(id, _)| id.to_string()).collect());
    let mut config = ImageConfiguration::default();
    config
        .set_created(Some(created.clone()))
        .set_architecture(Arch::default())
        .set_os(Os::Linux)
        .set_config(Some(process))
        .set_rootfs(rootfs)
        .set_history(Some(layers.iter().map(history).collect()));
    config
}
