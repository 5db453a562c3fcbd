//! Changes of an image's config in the words of a Dockerfile, as `commit --change` takes
//! them.

use serde_json::{Map, Value, json};

/// One instruction.
#[derive(Clone, Debug, PartialEq)]
pub struct ConfigChange {
    instruction: &'static str,
    /// What it sets, in the shape of the config.
    value: Value,
}

/// Instructions that change a config and nothing else.
const INSTRUCTIONS: [&str; 11] = [
    "CMD",
    "ENTRYPOINT",
    "ENV",
    "EXPOSE",
    "HEALTHCHECK",
    "LABEL",
    "ONBUILD",
    "STOPSIGNAL",
    "USER",
    "VOLUME",
    "WORKDIR",
];

impl ConfigChange {
    /// Reads one, such as `ENV DEBUG=true`; why it can't be read.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let rest = rest.trim();
        let upper = word.to_ascii_uppercase();
        let instruction = INSTRUCTIONS.into_iter().find(|known| *known == upper);
        let Some(instruction) = instruction else {
            return Err(format!(
                "{word:?} can't be a change, only {}",
                INSTRUCTIONS.join(", ")
            ));
        };
        if rest.is_empty() {
            return Err(format!("{instruction} needs an argument"));
        }
        let one = |text: &str| match text.contains(char::is_whitespace) {
            true => Err(format!("{instruction} takes one argument")),
            false => Ok(json!(text)),
        };
        let value = match instruction {
            "CMD" | "ENTRYPOINT" => command(rest),
            "ENV" | "LABEL" => json!(pairs(instruction, rest)?),
            "EXPOSE" => json!(
                rest.split_whitespace()
                    .map(port)
                    .collect::<Result<Vec<_>, _>>()?
            ),
            "HEALTHCHECK" => healthcheck(rest)?,
            "VOLUME" => match exec_form(rest) {
                Some(words) => json!(words),
                None => json!(rest.split_whitespace().collect::<Vec<_>>()),
            },
            "STOPSIGNAL" | "USER" => one(rest)?,
            // ONBUILD keeps its text, and a directory may hold spaces.
            _ => json!(rest),
        };
        Ok(Self { instruction, value })
    }

    /// Variables of the environment.
    pub fn environment(pairs: Vec<(String, String)>) -> Self {
        Self {
            instruction: "ENV",
            value: json!(pairs),
        }
    }

    /// Whether it sets the command.
    pub(super) fn sets_command(&self) -> bool {
        self.instruction == "CMD"
    }

    /// Changes a config.
    pub(super) fn apply(&self, config: &mut Map<String, Value>, keeps_command: bool) {
        let set = |config: &mut Map<String, Value>, key: &str| {
            config.insert(key.to_owned(), self.value.clone());
        };
        match self.instruction {
            "CMD" => set(config, "Cmd"),
            "ENTRYPOINT" => {
                set(config, "Entrypoint");
                // The old command was made for the old entrypoint.
                if !keeps_command {
                    config.remove("Cmd");
                }
            }
            "ENV" => {
                let env = list(config, "Env");
                for pair in self.pairs() {
                    let name = |text: &str| text.split('=').next().map(str::to_owned);
                    let text = format!("{}={}", pair.0, pair.1);
                    let same = |old: &Value| old.as_str().and_then(name) == name(&text);
                    match env.iter().position(same) {
                        Some(place) => env[place] = json!(text),
                        None => env.push(json!(text)),
                    }
                }
            }
            "LABEL" => {
                let pairs = self.pairs();
                let labels = object(config, "Labels");
                labels.extend(pairs.into_iter().map(|(key, value)| (key, json!(value))));
            }
            "EXPOSE" | "VOLUME" => {
                let key = match self.instruction {
                    "EXPOSE" => "ExposedPorts",
                    _ => "Volumes",
                };
                let words = self.value.as_array().into_iter().flatten();
                let words = words.filter_map(|word| word.as_str().map(str::to_owned));
                object(config, key).extend(words.map(|word| (word, json!({}))));
            }
            "ONBUILD" => list(config, "OnBuild").push(self.value.clone()),
            "WORKDIR" => {
                let old = config.get("WorkingDir").and_then(Value::as_str);
                let new = self.value.as_str().unwrap_or_default();
                let joined = match (new.starts_with('/'), old.filter(|old| !old.is_empty())) {
                    (true, _) => new.to_owned(),
                    (false, Some(old)) => format!("{}/{new}", old.trim_end_matches('/')),
                    (false, None) => format!("/{new}"),
                };
                config.insert("WorkingDir".into(), json!(joined));
            }
            "HEALTHCHECK" => set(config, "Healthcheck"),
            "STOPSIGNAL" => set(config, "StopSignal"),
            _ => set(config, "User"),
        }
    }

    fn pairs(&self) -> Vec<(String, String)> {
        serde_json::from_value(self.value.clone()).unwrap_or_default()
    }
}

/// A JSON array of words, or a text for the shell.
fn command(rest: &str) -> Value {
    match exec_form(rest) {
        Some(words) => json!(words),
        None => json!(["/bin/sh", "-c", rest]),
    }
}

fn exec_form(rest: &str) -> Option<Vec<String>> {
    serde_json::from_str(rest).ok()
}

/// `KEY=value KEY="a value"`, or the older `KEY a value`.
fn pairs(instruction: &str, rest: &str) -> Result<Vec<(String, String)>, String> {
    let unreadable = || format!("the quotes of {instruction} {rest:?} don't match");
    let (first, others) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    if !first.contains('=') {
        return match others.trim() {
            "" => Err(format!("{instruction} takes KEY=value")),
            value => Ok(vec![(first.to_owned(), value.to_owned())]),
        };
    }
    let words = shlex::split(rest).ok_or_else(unreadable)?;
    let pair = |word: String| match word.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err(format!("{instruction} takes KEY=value, not {word:?}")),
    };
    words.into_iter().map(pair).collect()
}

/// A port or a range of ports, with its protocol.
fn port(text: &str) -> Result<String, String> {
    let (ports, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let number = |text: &str| text.parse::<u16>().ok().filter(|port| *port > 0);
    let is_range = match ports.split_once('-') {
        Some((low, high)) => number(low).zip(number(high)).is_some_and(|(l, h)| l <= h),
        None => number(ports).is_some(),
    };
    match is_range && matches!(protocol, "tcp" | "udp" | "sctp") {
        true => Ok(format!("{ports}/{protocol}")),
        false => Err(format!("{text:?} is no port: PORT[-PORT][/tcp|udp|sctp]")),
    }
}

/// `NONE`, or options before `CMD …`. Times are kept in nanoseconds.
fn healthcheck(rest: &str) -> Result<Value, String> {
    let wrong = |what: &str| format!("HEALTHCHECK {what}");
    if rest.eq_ignore_ascii_case("none") {
        return Ok(json!({ "Test": ["NONE"] }));
    }
    let mut check = Map::new();
    let mut rest = rest;
    while let Some(option) = rest.strip_prefix("--") {
        let (option, after) = option
            .split_once(char::is_whitespace)
            .ok_or_else(|| wrong("takes NONE, or [OPTIONS] CMD command"))?;
        rest = after.trim_start();
        let (name, value) = option
            .split_once('=')
            .ok_or_else(|| wrong("options are --NAME=VALUE"))?;
        let time = || {
            let span: Result<jiff::SignedDuration, _> = value.parse();
            let nanoseconds = span.ok().and_then(|s| i64::try_from(s.as_nanos()).ok());
            nanoseconds
                .filter(|nanoseconds| *nanoseconds >= 0)
                .ok_or_else(|| wrong(&format!("--{name}={value} is no time, such as 30s")))
        };
        match name {
            "interval" => check.insert("Interval".into(), json!(time()?)),
            "timeout" => check.insert("Timeout".into(), json!(time()?)),
            "start-period" => check.insert("StartPeriod".into(), json!(time()?)),
            "retries" => {
                let count: u32 = value
                    .parse()
                    .map_err(|_| wrong("--retries takes a number"))?;
                check.insert("Retries".into(), json!(count))
            }
            _ => return Err(wrong(&format!("has no option --{name}"))),
        };
    }
    let test = match rest.split_once(char::is_whitespace) {
        Some((word, command)) if word.eq_ignore_ascii_case("cmd") => {
            match exec_form(command.trim()) {
                Some(words) => [vec!["CMD".to_owned()], words].concat(),
                None => vec!["CMD-SHELL".into(), command.trim().to_owned()],
            }
        }
        _ => return Err(wrong("takes NONE, or [OPTIONS] CMD command")),
    };
    check.insert("Test".into(), json!(test));
    Ok(Value::Object(check))
}

fn list<'a>(config: &'a mut Map<String, Value>, key: &str) -> &'a mut Vec<Value> {
    let value = config.entry(key).or_insert(Value::Null);
    if !value.is_array() {
        *value = json!([]);
    }
    value.as_array_mut().expect("it was made one")
}

fn object<'a>(config: &'a mut Map<String, Value>, key: &str) -> &'a mut Map<String, Value> {
    let value = config.entry(key).or_insert(Value::Null);
    if !value.is_object() {
        *value = json!({});
    }
    value.as_object_mut().expect("it was made one")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(changes: &[&str]) -> Value {
        let mut config = json!({
            "Cmd": ["old"], "Env": ["PATH=/bin", "A=1"], "WorkingDir": "/srv", "Labels": null,
        });
        let map = config.as_object_mut().unwrap();
        let changes: Vec<_> = changes
            .iter()
            .map(|c| ConfigChange::parse(c).unwrap())
            .collect();
        let keeps = changes.iter().any(ConfigChange::sets_command);
        for change in changes {
            change.apply(map, keeps);
        }
        config
    }

    #[test]
    fn each_instruction_changes_its_part_of_the_config() {
        let config = changed(&[
            "ENV A=2 B='x y' C=\"q\"",
            "env D one two",
            "EXPOSE 80 53/udp 1-3",
            "LABEL a.b=c d=\"e f\"",
            "USER 1:2",
            "VOLUME [\"/a b\"]",
            "volume /c /d",
            "WORKDIR sub dir",
            "STOPSIGNAL SIGQUIT",
            "ONBUILD RUN make",
            "HEALTHCHECK --interval=1m --retries=3 CMD curl x || exit 1",
        ]);
        assert_eq!(
            config,
            json!({
                "Cmd": ["old"],
                "Env": ["PATH=/bin", "A=2", "B=x y", "C=q", "D=one two"],
                "WorkingDir": "/srv/sub dir",
                "Labels": { "a.b": "c", "d": "e f" },
                "ExposedPorts": { "80/tcp": {}, "53/udp": {}, "1-3/tcp": {} },
                "User": "1:2",
                "Volumes": { "/a b": {}, "/c": {}, "/d": {} },
                "StopSignal": "SIGQUIT",
                "OnBuild": ["RUN make"],
                "Healthcheck": {
                    "Interval": 60_000_000_000_u64, "Retries": 3,
                    "Test": ["CMD-SHELL", "curl x || exit 1"],
                },
            })
        );
    }

    #[test]
    fn an_entrypoint_clears_the_command_unless_one_is_given_too() {
        assert_eq!(changed(&["ENTRYPOINT [\"/x\"]"]).get("Cmd"), None);
        let config = changed(&["CMD echo hi", "ENTRYPOINT [\"/x\"]"]);
        assert_eq!(config["Cmd"], json!(["/bin/sh", "-c", "echo hi"]));
        assert_eq!(config["Entrypoint"], json!(["/x"]));
    }

    #[test]
    fn what_is_no_change_of_a_config_is_refused() {
        for bad in [
            "",
            "RUN make",
            "COPY a b",
            "CMD",
            "ENV A",
            "ENV A='x",
            "EXPOSE 0",
            "EXPOSE x",
            "EXPOSE 5-3",
            "EXPOSE 80/icmp",
            "USER a b",
            "HEALTHCHECK curl",
            "HEALTHCHECK --retries=x CMD a",
            "HEALTHCHECK --interval=x CMD a",
        ] {
            assert!(ConfigChange::parse(bad).is_err(), "{bad}");
        }
    }
}
