//! `wharf config`: what is configured, where it comes from, and what is wrong with it.

use std::{
    fmt::Write,
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::{
    Engines, Settings,
    failure::{Failure, Outcome},
    network_args::NetworkDefaults,
    output::{line, print},
    values,
};
use crate::{
    action::{ACTIONS, Key},
    config::{Config, Known, Loaded, Loader, Origin, Overrides, Problem, reference},
    format::{
        columns::CONTAINERS,
        text::{sanitize, width},
    },
    model::RegistrySettings,
};

/// Flags that go before the configuration's file and environment.
#[derive(Args, Debug)]
pub struct ConfigFlags {
    /// Read this configuration file and no other
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// Colours of the dashboard: terminal, dark, light, contrast, colorblind, or one of yours
    #[arg(long, value_name = "NAME")]
    theme: Option<String>,
    /// Only look: the dashboard offers nothing that changes anything
    #[arg(long)]
    read_only: bool,
    /// Override one setting of the dashboard, such as ui.interval=2s
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    set: Vec<(String, String)>,
}

/// Arguments of `config`.
#[derive(Args, Debug)]
pub struct ConfigArgs {
    #[command(subcommand)]
    command: Option<ConfigCommand>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Print the reference: every setting with its default, as a commented file
    Default,
    /// Check a configuration file, the one in use if none is named
    Check {
        /// The file
        file: Option<PathBuf>,
    },
    /// Print which file is read
    Path,
}

impl ConfigFlags {
    /// Who reads the configuration with these flags.
    pub fn loader(&self) -> Loader {
        let mut settings: Vec<_> = self
            .set
            .iter()
            .map(|(key, value)| ("--set", key.clone(), value.clone()))
            .collect();
        if let Some(theme) = &self.theme {
            settings.push(("--theme", "ui.theme".into(), theme.clone()));
        }
        if self.read_only {
            settings.push(("--read-only", "ui.read_only".into(), "true".into()));
        }
        loader(Overrides {
            file: self.config.clone(),
            settings,
        })
    }

    /// Refuses flags that mean nothing to commands.
    pub fn refuse(&self) -> Result<(), Failure> {
        let flag = match self {
            _ if self.read_only => "--read-only",
            _ if self.theme.is_some() => "--theme",
            _ if !self.set.is_empty() => "--set",
            _ => return Ok(()),
        };
        Err(Failure::usage(format!("{flag} is for the dashboard"))
            .with_hint("a command obeys its own flags: leave out the command, or the flag"))
    }
}

/// The dashboard's configuration, and that it shows the present of the engine whose own
/// recording is at `recording`. A mistake in a file is its notice; one in the flags of
/// this very call is refused.
pub fn settings(loader: Loader, recording: PathBuf, engines: Engines) -> Result<Settings, Failure> {
    let loaded = loader.load();
    let mistake = loaded
        .problems
        .iter()
        .find(|problem| matches!(problem.origin, Origin::Flag(_)));
    match mistake {
        Some(mistake) => Err(Failure::usage(mistake.to_string())),
        None => Ok(Settings {
            loaded,
            loader,
            showing: super::Showing::Live(recording),
            engines,
        }),
    }
}

/// What a new container and a new network are given where no flag says anything. A
/// mistake in these settings is refused: what is opened must not be a matter of luck.
pub fn network_defaults(loader: &Loader) -> Result<NetworkDefaults, Failure> {
    let loaded = loader.load();
    let about_networks = |problem: &&Problem| problem.key.starts_with("network.");
    if let Some(mistake) = loaded.problems.iter().find(about_networks) {
        return Err(Failure::usage(mistake.to_string()));
    }
    let network = &loaded.config.network;
    let wrong = |why: String| Failure::usage(format!("the settings of [network]: {why}"));
    let pools = network.pools.iter().map(|text| text.parse());
    Ok(NetworkDefaults {
        network: values::network(&network.default).map_err(wrong)?,
        pools: pools.collect::<Result<_, _>>().map_err(wrong)?,
    })
}

/// How registries are reached. A mistake in that section is refused: what was meant to
/// keep a connection safe or to send it elsewhere would be ignored.
pub fn registries(loader: &Loader) -> Result<RegistrySettings, Failure> {
    let loaded = loader.load();
    let is_ours =
        |problem: &&Problem| problem.key.is_empty() || problem.key.starts_with("registry");
    match loaded.problems.iter().find(is_ours) {
        Some(mistake) => Err(Failure::usage(mistake.to_string())),
        None => Ok(loaded.config.registries),
    }
}

fn loader(overrides: Overrides) -> Loader {
    let known = Known::new(CONTAINERS.iter().map(|column| column.id));
    Loader::new(overrides, known, |name| std::env::var(name).ok())
}

/// Does one of them.
pub fn run(args: &ConfigArgs, loader: Loader) -> Outcome {
    match &args.command {
        None => show(&loader, args.json),
        Some(_) if args.json => Err(Failure::usage("--json is for `wharf config` itself")),
        Some(ConfigCommand::Default) => Ok(print(&reference::file()).map(|()| 0)?),
        Some(ConfigCommand::Path) => path(&loader),
        Some(ConfigCommand::Check { file: None }) => check(&loader),
        Some(ConfigCommand::Check { file }) => check(&self::loader(Overrides {
            file: file.clone(),
            settings: Vec::new(),
        })),
    }
}

fn path(loader: &Loader) -> Outcome {
    let path = loader
        .path()
        .ok_or_else(|| Failure::new("there is no place for a configuration"))?;
    line(&sanitize(&path.to_string_lossy()))?;
    Ok(0)
}

fn check(loader: &Loader) -> Outcome {
    let Loaded { problems, file, .. } = loader.load();
    report(&problems);
    if !problems.is_empty() {
        return Ok(1);
    }
    line(&match file {
        Some(file) => format!("{}: no mistakes", shown(&file)),
        None => "there is no configuration file; defaults hold".to_owned(),
    })?;
    Ok(0)
}

fn report(problems: &[Problem]) {
    for problem in problems {
        eprintln!("wharf: {}", sanitize(&problem.to_string()));
    }
}

fn show(loader: &Loader, as_json: bool) -> Outcome {
    let loaded = loader.load();
    let text = match as_json {
        true => format!("{:#}\n", json(&loaded)),
        false => text(&loaded),
    };
    print(&text)?;
    report(&loaded.problems);
    Ok(u8::from(!loaded.problems.is_empty()))
}

/// What holds, as a file would have it, each line with where it comes from.
fn text(loaded: &Loaded) -> String {
    let config = &loaded.config;
    let mut rows: Vec<(String, String)> = Vec::new();
    let mut section = "";
    for (setting, value, origin) in config.values() {
        let (of, name) = setting.key.split_once('.').unwrap_or(("", setting.key));
        if of != section {
            rows.push((format!("[{of}]"), String::new()));
            section = of;
        }
        rows.push((format!("{name} = {}", value.to_toml()), origin.to_string()));
    }
    for (title, lines) in [
        ("[keys]", chosen_keys(config)),
        ("[confirm]", asked(config)),
    ] {
        if lines.is_empty() {
            continue;
        }
        rows.push((String::new(), String::new()));
        rows.push((title.into(), String::new()));
        rows.extend(
            lines
                .into_iter()
                .map(|(id, value, from)| (format!("\"{id}\" = {value}"), from)),
        );
    }
    let widest = rows
        .iter()
        .map(|(left, _)| width(left))
        .max()
        .unwrap_or(0)
        .min(48);
    let mut out = String::new();
    for (left, from) in rows {
        let gap = " ".repeat(widest.saturating_sub(width(&left)));
        let line = match from.is_empty() {
            true => left,
            false => format!("{left}{gap}  # {from}"),
        };
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{}", sanitize(&line));
    }
    out
}

/// Action, value and origin of each line of `[keys]`.
fn chosen_keys(config: &Config) -> Vec<(&'static str, Value, String)> {
    let chosen = ACTIONS.iter().filter(|spec| config.keymap.is_chosen(spec));
    let row = |spec: &crate::action::ActionSpec| {
        let keys: Vec<_> = config
            .keymap
            .keys(spec)
            .iter()
            .map(Key::to_string)
            .collect();
        (json!(keys), from(config, &format!("keys.{}", spec.id)))
    };
    let rows = chosen.map(|spec| (spec, row(spec)));
    rows.map(|(spec, (keys, from))| (spec.id, keys, from))
        .collect()
}

/// The same of `[confirm]`.
fn asked(config: &Config) -> Vec<(&'static str, Value, String)> {
    let rows = ACTIONS.iter().filter_map(|spec| {
        let word = match config.confirmation(spec)? {
            true => "always",
            false => "never",
        };
        Some((
            spec.id,
            json!(word),
            from(config, &format!("confirm.{}", spec.id)),
        ))
    });
    rows.collect()
}

fn from(config: &Config, key: &str) -> String {
    config
        .origin(key)
        .map(ToString::to_string)
        .unwrap_or_default()
}

fn json(loaded: &Loaded) -> Value {
    let config = &loaded.config;
    let entry = |value: Value, from: String| json!({"value": value, "from": from});
    let settings: Map<String, Value> = config
        .values()
        .map(|(setting, value, origin)| {
            let entry = entry(value.to_json(), origin.to_string());
            (setting.key.to_owned(), entry)
        })
        .collect();
    let section = |rows: Vec<(&'static str, Value, String)>| -> Map<String, Value> {
        let rows = rows.into_iter();
        rows.map(|(id, value, from)| (id.to_owned(), entry(value, from)))
            .collect()
    };
    let problems: Vec<_> = loaded.problems.iter().map(Problem::to_string).collect();
    json!({
        "file": loaded.file,
        "settings": settings,
        "keys": section(chosen_keys(config)),
        "confirm": section(asked(config)),
        "problems": problems,
    })
}

fn shown(path: &Path) -> String {
    sanitize(&path.to_string_lossy()).into_owned()
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.trim().into(), value.trim().into())),
        _ => Err("it is KEY=VALUE, such as ui.interval=2s".into()),
    }
}
