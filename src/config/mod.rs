//! The configuration: a file, the environment and flags, read into one checked value.
//!
//! What can be set is declared once: settings with one value in [`SETTINGS`], roles of
//! themes in [`ROLES`], actions and their keys in [`crate::action::ACTIONS`], fields of
//! alert rules in [`alert::FIELDS`]. Reading, refusing, `wharf config`, the reference
//! file and the man page are made from these.
//!
//! A mistake never stops a reader: it is a [`Problem`] that names its line, what is
//! allowed there and the nearest known name, and the default holds in its place. Who
//! calls decides whether that is a notice or an exit code.

pub mod alert;
mod color;
pub mod contexts;
mod engines;
mod file;
mod hub;
mod load;
mod problem;
pub mod reference;
mod serve;
mod settings;
mod target;
mod theme;
mod value;
mod watch;

use std::{collections::BTreeMap, time::Duration};

use jiff::tz::TimeZone;

use crate::{
    action::{ActionSpec, Danger, Keymap},
    format::times::TimeFormat,
    model::RegistrySettings,
};

pub use color::Color;
pub use engines::{KnownEngine, engines};
pub use hub::Hub;
pub use load::{Loaded, Loader, Overrides, candidates};
pub use problem::{Origin, Problem};
pub use serve::{DEFAULT_SOCKET, Listen, Serve, TlsFiles};
pub use settings::{SETTINGS, Setting};
pub use target::{Mistake, Target, Wish, target};
pub use theme::{Paint, Palette, ROLES, Role, SHIPPED};
pub use value::{Kind, Known, Value, is_on, told};
pub use watch::Watch;

/// Everything that can be configured, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// `[ui]`
    pub ui: Ui,
    /// `[network]`
    pub network: Network,
    /// `[registry]`
    pub registries: RegistrySettings,
    /// `[keys]`: the rows' own, and what was chosen instead.
    pub keymap: Keymap,
    /// `[[alerts]]`: those that are built in, changed by the file, then its own.
    pub alerts: Vec<alert::Rule>,
    asks: BTreeMap<&'static str, bool>,
    themes: BTreeMap<String, Palette>,
    /// The value of each row of [`SETTINGS`], and where it comes from.
    values: Vec<(Value, Origin)>,
    /// Where a line of another section stands, by its key.
    origins: BTreeMap<String, Origin>,
}

/// How the dashboard looks and behaves.
#[derive(Clone, Debug)]
pub struct Ui {
    /// The theme's name.
    pub theme: String,
    /// Whether plain signs are asked for.
    pub is_ascii: bool,
    /// Whether the mouse is heard.
    pub mouse: bool,
    /// Time between two pictures.
    pub interval: Duration,
    /// What CPU use is told in: `percent`, `cores`, `host`, `quota`.
    pub cpu: String,
    /// Where times are told.
    pub zone: TimeZone,
    /// How they are told.
    pub times: TimeFormat,
    /// Whether nothing is offered that changes anything.
    pub is_read_only: bool,
    /// Ids of the containers' columns; none for the usual ones.
    pub columns: Vec<String>,
    /// The column to sort by at first, with `-` before it to turn it round.
    pub sort: String,
    /// What rows are grouped by at first: `none`, `state`, `image`, `project`,
    /// `label:KEY`.
    pub group: String,
}

/// What containers and networks are given where nobody says.
#[derive(Clone, Debug, Default)]
pub struct Network {
    /// What a container joins.
    pub default: String,
    /// Where ranges of addresses come from; none for docker's.
    pub pools: Vec<String>,
}

impl Default for Config {
    /// What holds if nobody says anything.
    fn default() -> Self {
        let mut config = Self {
            ui: Ui {
                theme: String::new(),
                is_ascii: false,
                mouse: true,
                interval: Duration::from_secs(1),
                cpu: String::new(),
                zone: TimeZone::UTC,
                times: TimeFormat::default(),
                is_read_only: false,
                columns: Vec::new(),
                sort: String::new(),
                group: String::new(),
            },
            network: Network::default(),
            registries: RegistrySettings::default(),
            keymap: Keymap::default(),
            alerts: Vec::new(),
            asks: BTreeMap::new(),
            themes: BTreeMap::new(),
            values: Vec::new(),
            origins: BTreeMap::new(),
        };
        for setting in SETTINGS {
            let value = file::default_of(setting);
            (setting.apply)(&mut config, &value);
            config.values.push((value, Origin::Default));
        }
        let path = std::path::Path::new("built in");
        file::apply(&mut config, path, alert::BUILT_IN, &Known::default());
        config.origins.clear();
        config
    }
}

impl Config {
    /// The colours of the theme that is chosen.
    pub fn palette(&self) -> Palette {
        let own = self.themes.get(&self.ui.theme).copied();
        own.or_else(|| theme::shipped(&self.ui.theme))
            .unwrap_or(SHIPPED[0].1)
    }

    /// Whether the dashboard asks before an action.
    pub fn asks_before(&self, spec: &ActionSpec) -> bool {
        let chosen = self.asks.get(spec.id).copied();
        chosen.unwrap_or(spec.danger != Danger::None)
    }

    /// What `[confirm]` says of an action.
    pub fn confirmation(&self, spec: &ActionSpec) -> Option<bool> {
        self.asks.get(spec.id).copied()
    }

    /// Every setting with its value and where that comes from.
    pub fn values(&self) -> impl Iterator<Item = (&'static Setting, &Value, &Origin)> {
        let values = self.values.iter().map(|(value, origin)| (value, origin));
        SETTINGS
            .iter()
            .zip(values)
            .map(|(setting, (value, origin))| (setting, value, origin))
    }

    /// Own themes by name.
    pub fn themes(&self) -> impl Iterator<Item = (&str, &Palette)> {
        self.themes
            .iter()
            .map(|(name, palette)| (name.as_str(), palette))
    }

    /// Where a key of `[keys]`, `[confirm]` or another section stands.
    pub fn origin(&self, key: &str) -> Option<&Origin> {
        self.origins.get(key)
    }

    fn set(&mut self, setting: &'static Setting, value: Value, origin: Origin) {
        (setting.apply)(self, &value);
        let row = SETTINGS.iter().position(|row| row.key == setting.key);
        if let Some(slot) = row.and_then(|row| self.values.get_mut(row)) {
            *slot = (value, origin);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::Action;

    #[test]
    fn defaults_are_what_the_rows_say() {
        let config = Config::default();
        assert_eq!(config.ui.theme, "terminal");
        assert_eq!(config.ui.interval, Duration::from_secs(1));
        assert!(config.ui.mouse && !config.ui.is_read_only);
        assert!(config.asks_before(Action::Remove.spec()));
        assert!(!config.asks_before(Action::Start.spec()));
        assert_eq!(config.palette(), SHIPPED[0].1);
        let rules: Vec<_> = config.alerts.iter().map(alert::Rule::condition).collect();
        assert_eq!(
            rules,
            [
                "oom_kills > 0 within 10m",
                "restarts >= 3 within 10m",
                "throttled_share > 50% for 1m",
                "memory_share > 95% for 30s",
                "failed_checks > 0"
            ]
        );
        assert!(config.alerts.iter().all(|rule| rule.notify.is_empty()));
    }
}
