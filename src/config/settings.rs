//! Every setting with one value, declared once: the file's reader, the reference in
//! `assets/config.toml`, `wharf config` and the man page are made from these rows.

use std::time::Duration;

use super::{
    Config,
    value::{Kind, Value, zone},
};
use crate::format::times::TimeFormat;

/// The declaration of one setting.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Its section and name: `ui.theme`.
    pub key: &'static str,
    /// What it accepts.
    pub kind: Kind,
    /// What holds if nobody says anything, as a file would have it.
    pub default: &'static str,
    /// What it is for: a sentence without a final stop.
    pub doc: &'static str,
    /// The environment variable that overrides the file.
    pub env: Option<&'static str>,
    /// The flag of its own that overrides both; `--set` serves the rest.
    pub flag: Option<&'static str>,
    pub(super) apply: fn(&mut Config, &Value),
}

/// All of them, in the order of the reference.
pub const SETTINGS: &[Setting] = &[
    Setting {
        env: Some("WHARF_THEME"),
        flag: Some("--theme"),
        ..setting(
            "ui.theme",
            Kind::Theme,
            "\"terminal\"",
            "Colours: terminal (its own 16), dark, light, contrast, colorblind, or one of yours",
            |config, value| config.ui.theme = text(value),
        )
    },
    Setting {
        env: Some("WHARF_ASCII"),
        ..setting(
            "ui.ascii",
            Kind::Bool,
            "false",
            "Plain signs even where the locale allows others",
            |config, value| config.ui.is_ascii = flag(value),
        )
    },
    setting(
        "ui.mouse",
        Kind::Bool,
        "true",
        "Let the dashboard hear the mouse",
        |config, value| config.ui.mouse = flag(value),
    ),
    setting(
        "ui.interval",
        Kind::Span {
            least: Duration::from_millis(200),
            most: Duration::from_secs(60),
        },
        "\"1s\"",
        "Time between two pictures",
        |config, value| {
            if let Value::Span(span) = value {
                config.ui.interval = *span;
            }
        },
    ),
    setting(
        "ui.cpu",
        Kind::Choice(&["percent", "cores", "host", "quota"]),
        "\"percent\"",
        "CPU at first in percent of a core, cores, or as share of the host or of the quota",
        |config, value| config.ui.cpu = text(value),
    ),
    setting(
        "ui.time_zone",
        Kind::Zone,
        "\"local\"",
        "Where times are told",
        |config, value| {
            if let Ok(zone) = zone(&text(value)) {
                config.ui.zone = zone;
            }
        },
    ),
    setting(
        "ui.clock",
        Kind::Clock,
        "\"24h\"",
        "The clock that times are told by: 24h, 12h or a strftime pattern",
        |config, value| {
            let is_relative = config.ui.times.is_relative();
            if let Ok(times) = TimeFormat::new(&text(value), is_relative) {
                config.ui.times = times;
            }
        },
    ),
    setting(
        "ui.times",
        Kind::Choice(&["clock", "ago"]),
        "\"clock\"",
        "Times in lists and logs by the clock, or as how long ago they were",
        |config, value| config.ui.times = config.ui.times.relative(text(value) == "ago"),
    ),
    Setting {
        env: Some("WHARF_READ_ONLY"),
        flag: Some("--read-only"),
        ..setting(
            "ui.read_only",
            Kind::Bool,
            "false",
            "Only look: the dashboard offers nothing that changes anything",
            |config, value| config.ui.is_read_only = flag(value),
        )
    },
    setting(
        "ui.columns",
        Kind::Columns,
        "[]",
        "Columns of the containers' table at first, in order; none stands for the usual ones",
        |config, value| {
            if let Value::List(items) = value {
                config.ui.columns.clone_from(items);
            }
        },
    ),
    setting(
        "ui.sort",
        Kind::Sort,
        "\"state\"",
        "The column that containers are sorted by at first; \"-cpu\" turns its order round",
        |config, value| config.ui.sort = text(value),
    ),
    setting(
        "ui.group",
        Kind::Group,
        "\"none\"",
        "What containers are grouped by at first",
        |config, value| config.ui.group = text(value),
    ),
    Setting {
        env: Some("WHARF_NETWORK"),
        ..setting(
            "network.default",
            Kind::Network,
            "\"bridge\"",
            "What a container joins if it names no network: a network, none or host",
            |config, value| config.network.default = text(value),
        )
    },
    setting(
        "network.pools",
        Kind::Pools,
        "[]",
        "Where ranges of networks come from, \"10.20.0.0/16@24\"; none stands for docker's",
        |config, value| {
            if let Value::List(items) = value {
                config.network.pools.clone_from(items);
            }
        },
    ),
    setting(
        "registry.mirrors",
        Kind::Hosts { urls: true },
        "[]",
        "Where Docker Hub's names are asked for first; http:// before one allows plain HTTP",
        |config, value| config.registries.mirrors = list(value),
    ),
    setting(
        "registry.plain_http",
        Kind::Hosts { urls: false },
        "[]",
        "Registries that may be spoken to without TLS; those on loopback always may",
        |config, value| config.registries.plain_http = list(value),
    ),
    setting(
        "registry.ca",
        Kind::Files,
        "[]",
        "Authorities (PEM) to trust beside the system's; /etc/docker/certs.d is read, too",
        |config, value| {
            config.registries.authorities = list(value).into_iter().map(Into::into).collect();
        },
    ),
    setting(
        "registry.parallel",
        Kind::Count { least: 1, most: 32 },
        "4",
        "Layers of an image that are pulled or pushed at once",
        |config, value| {
            if let Value::Count(number) = value {
                config.registries.parallel = usize::try_from(*number).unwrap_or(1);
            }
        },
    ),
    setting(
        "registry.patience",
        Kind::Span {
            least: Duration::from_secs(1),
            most: Duration::from_secs(600),
        },
        "\"30s\"",
        "How long a registry may send nothing before it is asked again",
        |config, value| {
            if let Value::Span(span) = value {
                config.registries.patience = *span;
            }
        },
    ),
];

/// The setting of a key.
pub fn find(key: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.key == key)
}

const fn setting(
    key: &'static str,
    kind: Kind,
    default: &'static str,
    doc: &'static str,
    apply: fn(&mut Config, &Value),
) -> Setting {
    Setting {
        key,
        kind,
        default,
        doc,
        env: None,
        flag: None,
        apply,
    }
}

// A value was checked by its setting's kind, so no other variant comes.
fn flag(value: &Value) -> bool {
    matches!(value, Value::Bool(true))
}

fn text(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        _ => String::new(),
    }
}

fn list(value: &Value) -> Vec<String> {
    match value {
        Value::List(items) => items.clone(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn keys_are_unique_and_docs_are_one_line() {
        let mut seen = HashSet::new();
        for setting in SETTINGS {
            assert!(seen.insert(setting.key), "{} twice", setting.key);
            assert!(setting.key.split('.').count() == 2, "{}", setting.key);
            assert!((10..=90).contains(&setting.doc.len()), "{}", setting.key);
            assert!(!setting.doc.ends_with('.'), "{}", setting.key);
        }
    }
}
