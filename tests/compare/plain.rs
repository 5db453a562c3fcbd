//! What an engine says, without what is another each time: ids, times, addresses, places.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use regex_lite::Regex;
use serde_json::{Map, Value};

/// Numbers that are others each time, by their names; only whether they are 0 is compared.
const FIGURES: [&str; 18] = [
    "Created",
    "CreatedAt",
    "Pid",
    "Size",
    "SizeRootFs",
    "SizeRw",
    "VirtualSize",
    "SharedSize",
    "LayersSize",
    "MemTotal",
    "NFd",
    "NGoroutines",
    "NEventsListener",
    "SpaceReclaimed",
    "time",
    "timeNano",
    "HostPort",
    "PublicPort",
];

/// What is taken out of an engine's words.
pub struct Plain {
    /// Texts of this engine's own, and what is put in their place; the longest first.
    own: Vec<(String, &'static str)>,
    rules: Vec<(Regex, &'static str)>,
}

impl Plain {
    /// With what is this engine's own.
    pub fn new(mut own: Vec<(String, &'static str)>) -> Self {
        own.sort_by_key(|(text, _)| std::cmp::Reverse(text.len()));
        let rules = [
            (r"\b[0-9a-f]{64}\b", "<id>"),
            (r"\b[0-9a-f]{12}\b", "<id>"),
            (r"\b[0-9a-f]{7,11}…", "<id>"),
            (r"docker-import-\d+", "docker-import-<n>"),
            // The first year of all is "never".
            (
                r"\b[1-9]\d{3}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)",
                "<time>",
            ),
            (
                r"\b[1-9]\d{3}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)? [+-]\d{4} [A-Z]{3}",
                "<time>",
            ),
            (r"\b([0-9a-f]{2}:){5}[0-9a-f]{2}\b", "<mac>"),
            (
                r"(Less than a second|About an? (minute|hour)|\d+ (second|minute|hour)s?)( ago)?",
                "<ago>",
            ),
            // Of the networks that the engine chooses itself, and its ports.
            (
                r"\b(172\.(1[6-9]|2\d|3[01])|10\.8[89]|10\.9\d)\.\d+\.\d+\b",
                "<ip>",
            ),
            (r"\b(3[2-9]|4\d|5\d|60)\d{3}\b", "<port>"),
            // Columns are as wide as what they hold.
            (r" {3,}", "  "),
        ];
        let rules = rules.map(|(rule, text)| (Regex::new(rule).unwrap(), text));
        Self {
            own,
            rules: rules.into(),
        }
    }

    /// A text.
    pub fn text(&self, text: &str) -> String {
        let mut text = text.trim_end().to_owned();
        for (own, name) in &self.own {
            text = text.replace(own, name);
        }
        for (rule, name) in &self.rules {
            text = rule.replace_all(&text, *name).into_owned();
        }
        text
    }

    /// Output as JSON, where it is that, or else as its lines.
    pub fn value(&self, output: &str) -> Value {
        // One goroutine of docker's command or another is the first to say why it ends.
        let lines = output.lines();
        let lines = lines.filter(|line| !line.contains("error waiting for container"));
        let output = lines.collect::<Vec<_>>().join("\n").replace('\r', "");
        if let Ok(value) = serde_json::from_str::<Value>(&output)
            && (value.is_object() || value.is_array())
        {
            return self.fields(value);
        }
        let lines = || output.lines().filter(|line| !line.is_empty());
        let objects = lines().map(serde_json::from_str::<Map<String, Value>>);
        match objects.collect::<Result<Vec<_>, _>>() {
            Ok(objects) if !objects.is_empty() => {
                let objects = objects.into_iter().map(|object| self.fields(object.into()));
                objects.collect()
            }
            _ => output.lines().map(|line| self.text(line)).collect(),
        }
    }

    /// Headers by their names, without those that are the server's own; what is at a path
    /// is JSON in base64.
    pub fn headers(&self, text: &str) -> Value {
        const OWN: [&str; 4] = ["date", "server", "api-version", "content-length"];
        let lines = text.lines().filter_map(|line| line.split_once(": "));
        let headers = lines.map(|(name, value)| (name.to_ascii_lowercase(), value.trim()));
        let headers = headers.filter(|(name, _)| !OWN.contains(&name.as_str()));
        let headers = headers.map(|(name, value)| {
            let value = match name == "x-docker-container-path-stat" {
                true => serde_json::from_slice(&STANDARD.decode(value).unwrap()).unwrap(),
                false => value.into(),
            };
            (name, self.fields(value))
        });
        Value::Object(headers.collect())
    }

    fn fields(&self, value: Value) -> Value {
        match value {
            Value::String(text) => self.text(&text).into(),
            Value::Array(list) => {
                let mut list: Vec<_> = list.into_iter().map(|value| self.fields(value)).collect();
                // Lists of named things have no order of their own.
                for name in ["Destination", "Name"] {
                    if list.iter().all(|one| one[name].is_string()) {
                        list.sort_by_key(|one| one[name].to_string());
                    }
                }
                list.into()
            }
            Value::Object(map) => {
                let fields = map.into_iter().map(|(key, value)| {
                    let is_figure = FIGURES.contains(&key.as_str());
                    let value = match value {
                        Value::Number(number) if is_figure && number.as_f64() != Some(0.0) => {
                            "<figure>".into()
                        }
                        Value::Array(mut list) if key == "Binds" => {
                            list.sort_by_key(Value::to_string);
                            self.fields(list.into())
                        }
                        // The daemon keeps them in a map, which has no order.
                        Value::Array(mut list) if key == "Ports" => {
                            list.sort_by_key(|port| port["PrivatePort"].as_u64());
                            self.fields(list.into())
                        }
                        value => self.fields(value),
                    };
                    (self.text(&key), value)
                });
                Value::Object(fields.collect())
            }
            value => value,
        }
    }
}
