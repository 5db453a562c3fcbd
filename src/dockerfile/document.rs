//! The config of an image in the making: what the base image says, changed by one
//! instruction after the other.
//!
//! The fields are those of the OCI image configuration and of docker's extension of it
//! (`Healthcheck`, `OnBuild`, `Shell`); what else a base image says is kept as it is.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    Command, Health, HealthTest, InstructionKind,
    expand::{ExpandError, Expanded},
};

/// The shell of a stage that says nothing else.
pub const SHELL: [&str; 2] = ["/bin/sh", "-c"];

/// An image's config document.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ImageDocument {
    /// RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// Who made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// GOARCH.
    pub architecture: String,
    /// GOOS.
    pub os: String,
    /// Of the processor, such as `v7`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// What runs, and how.
    #[serde(deserialize_with = "or_default")]
    pub config: Settings,
    /// Its layers.
    #[serde(deserialize_with = "or_default")]
    pub rootfs: RootFs,
    /// What made it, step by step.
    #[serde(deserialize_with = "or_default")]
    pub history: Vec<Step>,
    /// Anything else that a base image says.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// The layers of an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RootFs {
    /// Always `layers`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Diff-ids, lowest first.
    #[serde(deserialize_with = "or_default")]
    pub diff_ids: Vec<String>,
}

impl Default for RootFs {
    fn default() -> Self {
        Self {
            kind: "layers".into(),
            diff_ids: Vec::new(),
        }
    }
}

/// One step of an image's history.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Step {
    /// RFC 3339. Always written: a common tool can't do without.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// The instruction.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
    /// Who.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// What the maker says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Whether it made no layer.
    #[serde(skip_serializing_if = "is_false")]
    pub empty_layer: bool,
    /// Anything else.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// Go writes an empty list or object as null.
fn or_default<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Default + Deserialize<'de>,
    D: serde::Deserializer<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
fn is_false(value: &bool) -> bool {
    !value
}

/// The `config` of an image's config document.
#[expect(missing_docs, reason = "the names are the specification's")]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Settings {
    #[serde(
        skip_serializing_if = "String::is_empty",
        deserialize_with = "or_default"
    )]
    pub user: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exposed_ports: Option<BTreeMap<String, Empty>>,
    /// Never null: strict validators refuse that.
    #[serde(deserialize_with = "or_default")]
    pub env: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entrypoint: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cmd: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volumes: Option<BTreeMap<String, Empty>>,
    #[serde(
        skip_serializing_if = "String::is_empty",
        deserialize_with = "or_default"
    )]
    pub working_dir: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_signal: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub healthcheck: Option<Healthcheck>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_build: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shell: Option<Vec<String>>,
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// An object without fields, as Go writes a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Empty {}

/// A health check as docker keeps it in a config; times in nanoseconds.
#[expect(missing_docs, reason = "the names are docker's")]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Healthcheck {
    pub test: Vec<String>,
    #[serde(skip_serializing_if = "is_zero")]
    pub interval: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub timeout: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub start_period: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub start_interval: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub retries: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
fn is_zero(value: &u64) -> bool {
    *value == 0
}

impl Settings {
    /// Sets a variable; one that is there keeps its place.
    pub fn set_env(&mut self, name: &str, value: &str) {
        let entry = format!("{name}={value}");
        let named = |known: &&mut String| known.split('=').next() == Some(name);
        match self.env.iter_mut().find(named) {
            Some(known) => *known = entry,
            None => self.env.push(entry),
        }
    }

    /// The shell that runs what is no array.
    pub fn shell(&self) -> Vec<String> {
        let shell = self.shell.clone();
        shell.unwrap_or_else(|| SHELL.map(String::from).to_vec())
    }

    /// The words that a command is run by.
    pub fn words(&self, command: &Command) -> Vec<String> {
        match command.by_shell {
            true => [self.shell(), command.words.clone()].concat(),
            false => command.words.clone(),
        }
    }

    /// Does what an instruction says that changes nothing else, and answers with it after
    /// replacement, as an image's history has it.
    ///
    /// # Errors
    /// Words that can't be read, or that mean nothing; in words.
    pub fn apply(
        &mut self,
        kind: &InstructionKind,
        expand: &dyn Fn(&str) -> Result<Expanded, ExpandError>,
        has_own_cmd: bool,
    ) -> Result<String, String> {
        let word = |word: &str| expand(word).map_err(|error| error.to_string());
        let text = |one: &str| word(one).map(|expanded| expanded.text);
        Ok(match kind {
            InstructionKind::Env(pairs) => {
                // All with the environment before, so that `ENV A=1 B=$A` has the old A.
                let pairs = pairs
                    .iter()
                    .map(|(name, value)| Ok((text(name)?, text(value)?)));
                let pairs = pairs.collect::<Result<Vec<_>, String>>()?;
                let mut said = String::from("ENV");
                for (name, value) in pairs {
                    self.set_env(&name, &value);
                    said.push_str(&format!(" {name}={value}"));
                }
                said
            }
            InstructionKind::Label(pairs) => {
                let mut said = String::from("LABEL");
                for (name, value) in pairs {
                    let (name, value) = (text(name)?, text(value)?);
                    said.push_str(&format!(" {name}={value}"));
                    self.labels.get_or_insert_default().insert(name, value);
                }
                said
            }
            InstructionKind::Cmd(command) => {
                self.cmd = Some(self.words(command));
                format!("CMD {:?}", self.cmd.as_deref().unwrap_or_default())
            }
            InstructionKind::Entrypoint(command) => {
                self.set_entrypoint(command, has_own_cmd);
                format!(
                    "ENTRYPOINT {:?}",
                    self.entrypoint.as_deref().unwrap_or_default()
                )
            }
            InstructionKind::Shell(words) => {
                self.shell = Some(words.clone());
                format!("SHELL {words:?}")
            }
            InstructionKind::Expose(words) => {
                let mut said = String::from("EXPOSE");
                for one in words {
                    for port in word(one)?.words {
                        self.expose(&port)?;
                        said.push_str(&format!(" {port}"));
                    }
                }
                said
            }
            InstructionKind::Volume(paths) => {
                let paths = paths.iter().map(|path| text(path));
                let paths = paths.collect::<Result<Vec<_>, String>>()?;
                let said = format!("VOLUME {paths:?}");
                let volumes = self.volumes.get_or_insert_default();
                volumes.extend(paths.into_iter().map(|path| (path, Empty {})));
                said
            }
            InstructionKind::User(user) => {
                self.user = text(user)?;
                format!("USER {}", self.user)
            }
            InstructionKind::Stopsignal(signal) => {
                let signal = text(signal)?;
                if crate::sys::signal::parse(&signal).is_none() {
                    return Err(format!("there is no signal {signal}"));
                }
                self.stop_signal = Some(signal.clone());
                format!("STOPSIGNAL {signal}")
            }
            InstructionKind::Healthcheck(health) => {
                self.set_health(health);
                "HEALTHCHECK".into()
            }
            InstructionKind::Onbuild(trigger) => {
                self.on_build.get_or_insert_default().push(trigger.clone());
                format!("ONBUILD {trigger}")
            }
            InstructionKind::Workdir(path) => {
                self.set_working_dir(&text(path)?);
                format!("WORKDIR {}", self.working_dir)
            }
            InstructionKind::Add(_)
            | InstructionKind::Arg(_)
            | InstructionKind::Copy(_)
            | InstructionKind::Maintainer(_)
            | InstructionKind::Run(_) => return Err("it changes more than a config".into()),
        })
    }

    /// `ENTRYPOINT`, which takes the base image's command away.
    pub fn set_entrypoint(&mut self, command: &Command, has_own_cmd: bool) {
        self.entrypoint = Some(self.words(command));
        if !has_own_cmd {
            self.cmd = None;
        }
    }

    /// `WORKDIR`: a relative path goes on from where one is.
    pub fn set_working_dir(&mut self, path: &str) {
        let joined = match path.starts_with('/') {
            true => path.to_owned(),
            false => format!("/{}/{path}", self.working_dir),
        };
        self.working_dir = super::ignore::clean(&joined);
    }

    /// `EXPOSE` of one word: `80`, `80/udp`, `80-90/tcp`.
    ///
    /// # Errors
    /// What is no port, in words.
    pub fn expose(&mut self, word: &str) -> Result<(), String> {
        let wrong = || format!("EXPOSE {word}: a port is 80, 80/udp or 80-90/tcp");
        let (ports, protocol) = word.split_once('/').unwrap_or((word, "tcp"));
        let protocol = protocol.to_ascii_lowercase();
        if !["tcp", "udp", "sctp"].contains(&protocol.as_str()) {
            return Err(wrong());
        }
        let (from, to) = ports.split_once('-').unwrap_or((ports, ports));
        // `host:container` is of no meaning here; the last part is the port.
        let from = from.rsplit(':').next().unwrap_or(from);
        let port = |text: &str| text.parse::<u16>().ok().filter(|port| *port > 0);
        let (Some(from), Some(to)) = (port(from), port(to.rsplit(':').next().unwrap_or(to))) else {
            return Err(wrong());
        };
        if from > to {
            return Err(wrong());
        }
        let exposed = self.exposed_ports.get_or_insert_default();
        exposed.extend((from..=to).map(|port| (format!("{port}/{protocol}"), Empty {})));
        Ok(())
    }

    /// `HEALTHCHECK`.
    pub fn set_health(&mut self, health: &Health) {
        let nanoseconds = |time: Option<std::time::Duration>| {
            time.map_or(0, |time| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
        };
        let test = match &health.test {
            HealthTest::None => vec!["NONE".to_owned()],
            HealthTest::Command(command) => {
                let kind = if command.by_shell { "CMD-SHELL" } else { "CMD" };
                [vec![kind.to_owned()], command.words.clone()].concat()
            }
        };
        self.healthcheck = Some(Healthcheck {
            test,
            interval: nanoseconds(health.interval),
            timeout: nanoseconds(health.timeout),
            start_period: nanoseconds(health.start_period),
            start_interval: nanoseconds(health.start_interval),
            retries: health.retries.unwrap_or(0).into(),
        });
    }
}

impl ImageDocument {
    /// Of an image without anything: `FROM scratch`.
    pub fn scratch(architecture: &str, search_path: &str) -> Self {
        let mut document = Self {
            architecture: architecture.to_owned(),
            os: "linux".into(),
            ..Self::default()
        };
        let path = format!("PATH={search_path}");
        document.config.env = vec![path];
        document.config.working_dir = "/".into();
        document
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(words: &str) -> Command {
        Command {
            words: vec![words.to_owned()],
            by_shell: true,
        }
    }

    #[test]
    fn variables_keep_their_place() {
        let mut settings = Settings::default();
        for (name, value) in [("A", "1"), ("B", "2"), ("A", "3")] {
            settings.set_env(name, value);
        }
        assert_eq!(settings.env, ["A=3", "B=2"]);
    }

    #[test]
    fn an_entrypoint_takes_the_bases_command_away_and_no_other() {
        let mut settings = Settings {
            cmd: Some(vec!["base".into()]),
            ..Settings::default()
        };
        settings.set_entrypoint(&shell("x"), true);
        assert!(settings.cmd.is_some());
        settings.set_entrypoint(&shell("x"), false);
        assert_eq!(settings.cmd, None);
        let words = ["/bin/sh", "-c", "x"].map(String::from).to_vec();
        assert_eq!(settings.entrypoint, Some(words));
    }

    #[test]
    fn working_directories_go_on_from_each_other() {
        let mut settings = Settings::default();
        for (path, expected) in [("a", "/a"), ("b/../c", "/a/c"), ("/x", "/x"), ("..", "/")] {
            settings.set_working_dir(path);
            assert_eq!(settings.working_dir, expected);
        }
    }

    #[test]
    fn ports_are_read_with_their_ranges() {
        let mut settings = Settings::default();
        for good in ["80", "53/UDP", "90-92/tcp"] {
            settings.expose(good).unwrap();
        }
        let ports: Vec<_> = settings.exposed_ports.iter().flatten().collect();
        let ports: Vec<_> = ports.iter().map(|(port, _)| port.as_str()).collect();
        assert_eq!(ports, ["53/udp", "80/tcp", "90/tcp", "91/tcp", "92/tcp"]);
        for bad in ["", "0", "70000", "80/odd", "90-80", "x"] {
            assert!(settings.expose(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_a_base_image_says_else_is_kept() {
        let text = r#"{"architecture":"amd64","os":"linux","odd":1,
            "config":{"Env":["A=b"],"User":null,"Odd":2},"history":null,
            "rootfs":{"type":"layers","diff_ids":null}}"#;
        let document: ImageDocument = serde_json::from_str(text).unwrap();
        let again = serde_json::to_value(&document).unwrap();
        assert_eq!(again["odd"], 1);
        assert_eq!(again["config"]["Odd"], 2);
    }
}
