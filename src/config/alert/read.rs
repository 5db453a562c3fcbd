//! Reads `[[alerts]]` sections. One that is called like a rule that exists changes what
//! it says and leaves the rest.

use std::time::Duration;

use toml::de::{DeTable, DeValue};

use super::{
    CHANNELS, COMPARISONS, Channel, Compare, Containers, FIELDS, METRICS, Metric, Rule, Severity,
    Unit,
};
use crate::config::{
    file::Reader,
    problem::{meant, quoted},
    value::span,
};

const LONGEST: Duration = Duration::from_secs(86_400);

/// Reads the value of the key `alerts`.
pub fn read(reader: &mut Reader<'_>, at: &std::ops::Range<usize>, value: &DeValue<'_>) {
    let Some(items) = value.as_array() else {
        return reader.tell(at, "alerts", "each rule is a section: [[alerts]]");
    };
    for item in items.iter() {
        match item.get_ref().as_table() {
            Some(table) => rule(reader, &item.span(), table),
            None => reader.tell(&item.span(), "alerts", "each rule is a section: [[alerts]]"),
        }
    }
}

fn rule(reader: &mut Reader<'_>, at: &std::ops::Range<usize>, table: &DeTable<'_>) {
    let name = table.get("name").and_then(|name| name.get_ref().as_str());
    let Some(name) = name.filter(|name| !name.is_empty()) else {
        return reader.tell(
            at,
            "alerts.name",
            "each rule has one, such as \"web-memory\"",
        );
    };
    let before = reader.problems.len();
    let known = reader
        .config
        .alerts
        .iter()
        .position(|rule| rule.name == name);
    let mut draft = match known {
        Some(place) => Draft::of(&reader.config.alerts[place]),
        None => Draft::new(name),
    };
    for (key, value) in table {
        let field = key.get_ref();
        let full = format!("alerts.{name}.{field}");
        if let Err(message) = draft.take(field, value.get_ref()) {
            let span = match FIELDS.iter().any(|known| known.name == field) {
                true => value.span(),
                false => key.span(),
            };
            reader.tell(&span, &full, &message);
        }
    }
    if reader.problems.len() > before {
        return;
    }
    match (draft.finish(), known) {
        (Ok(rule), Some(place)) => reader.config.alerts[place] = rule,
        (Ok(rule), None) => reader.config.alerts.push(rule),
        (Err((field, message)), _) => {
            reader.tell(at, &format!("alerts.{name}.{field}"), &message);
        }
    }
    let origin = reader.origin(at);
    reader
        .config
        .origins
        .insert(format!("alerts.{name}"), origin);
}

/// A rule of which not all is known.
struct Draft {
    rule: Rule,
    has_condition: bool,
    clear: Option<String>,
}

impl Draft {
    fn new(name: &str) -> Self {
        Self {
            rule: Rule {
                name: name.to_owned(),
                metric: &METRICS[0],
                compare: Compare::Above,
                threshold: 0.0,
                clear: 0.0,
                sustained: Duration::ZERO,
                within: Duration::from_secs(600),
                containers: Containers::All,
                severity: Severity::Warning,
                notify: Vec::new(),
                command: Vec::new(),
                webhook: None,
                is_enabled: true,
            },
            has_condition: false,
            clear: None,
        }
    }

    fn of(rule: &Rule) -> Self {
        Self {
            rule: rule.clone(),
            has_condition: true,
            clear: None,
        }
    }

    fn take(&mut self, field: &str, value: &DeValue<'_>) -> Result<(), String> {
        let rule = &mut self.rule;
        match field {
            "name" => {}
            "when" => {
                (rule.metric, rule.compare, rule.threshold) = condition(text(value)?)?;
                rule.clear = margin(rule);
                self.has_condition = true;
            }
            "for" => rule.sustained = span(text(value)?, Duration::ZERO, LONGEST)?,
            "within" => rule.within = span(text(value)?, Duration::from_secs(1), LONGEST)?,
            "clear" => self.clear = Some(written(value)?),
            "containers" => rule.containers = containers(text(value)?)?,
            "severity" => {
                rule.severity = match text(value)? {
                    "warning" => Severity::Warning,
                    "critical" => Severity::Critical,
                    _ => return Err("it is \"warning\" or \"critical\"".into()),
                }
            }
            "notify" => {
                rule.notify = texts(value)?
                    .iter()
                    .map(|name| channel(name))
                    .collect::<Result<_, _>>()?;
            }
            "command" => rule.command = texts(value)?,
            "webhook" => rule.webhook = Some(webhook(text(value)?)?),
            "enabled" => {
                rule.is_enabled = value.as_bool().ok_or("it is true or false")?;
            }
            other => {
                let known = FIELDS.iter().map(|field| field.name);
                return Err(format!("there is no such field{}", meant(other, known)));
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Rule, (&'static str, String)> {
        let rule = &mut self.rule;
        if !self.has_condition {
            let message = "it is missing; such as \"memory_share > 90%\"";
            return Err(("when", message.into()));
        }
        if let Some(clear) = &self.clear {
            rule.clear = quantity(rule.metric, clear).map_err(|message| ("clear", message))?;
            if rule.compare.holds(rule.clear, rule.threshold) {
                let message = format!("at {clear} its condition still holds");
                return Err(("clear", message));
            }
        }
        for (channel, field, is_given) in [
            (Channel::Command, "command", !rule.command.is_empty()),
            (Channel::Webhook, "webhook", rule.webhook.is_some()),
        ] {
            match (rule.notify.contains(&channel), is_given) {
                (true, false) => {
                    return Err((field, format!("it is missing, and notify lists {field}")));
                }
                (false, true) => {
                    return Err((
                        "notify",
                        format!("it doesn't list \"{field}\", which is given"),
                    ));
                }
                _ => {}
            }
        }
        Ok(self.rule)
    }
}

fn text<'a>(value: &'a DeValue<'_>) -> Result<&'a str, String> {
    value
        .as_str()
        .ok_or_else(|| "it is a text between quotes".into())
}

fn texts(value: &DeValue<'_>) -> Result<Vec<String>, String> {
    let items = value.as_array().map(|items| {
        let texts = items
            .iter()
            .map(|item| item.get_ref().as_str().map(str::to_owned));
        texts.collect::<Option<Vec<_>>>()
    });
    items
        .flatten()
        .ok_or_else(|| "it is a list of texts, such as [\"bell\"]".into())
}

/// A quantity: a number, or a text such as `90%`.
fn written(value: &DeValue<'_>) -> Result<String, String> {
    match value {
        DeValue::String(text) => Ok(text.to_string()),
        DeValue::Integer(number) => Ok(number.as_str().to_owned()),
        DeValue::Float(number) => Ok(number.as_str().to_owned()),
        _ => Err("it is a number, such as 0.85 or \"85%\"".into()),
    }
}

fn condition(text: &str) -> Result<(&'static Metric, Compare, f64), String> {
    let found = COMPARISONS
        .iter()
        .filter_map(|(sign, compare)| Some((text.find(sign)?, *sign, *compare)))
        .min_by_key(|(place, sign, _)| (*place, std::cmp::Reverse(sign.len())));
    let Some((place, sign, compare)) = found else {
        return Err(format!(
            "{} compares nothing; it is such as \"memory_share > 90%\"",
            quoted(text)
        ));
    };
    let name = text[..place].trim();
    let Some(metric) = METRICS.iter().find(|metric| metric.name == name) else {
        let names: Vec<_> = METRICS.iter().map(|metric| metric.name).collect();
        let hint = match meant(name, names.iter().copied()) {
            hint if hint.is_empty() => format!("; there are {}", names.join(", ")),
            hint => hint,
        };
        return Err(format!("there is no metric {}{hint}", quoted(name)));
    };
    let threshold = quantity(metric, text[place + sign.len()..].trim())?;
    Ok((metric, compare, threshold))
}

fn quantity(metric: &Metric, text: &str) -> Result<f64, String> {
    let scaled = |suffix: &str, factor: f64| {
        let number = text.strip_suffix(suffix)?.trim().parse::<f64>().ok()?;
        Some(number * factor)
    };
    let value = text.parse::<f64>().ok().or_else(|| match metric.unit {
        Unit::Share => scaled("%", 0.01),
        Unit::Number => None,
        Unit::Bytes => [("KiB", 10), ("MiB", 20), ("GiB", 30)]
            .into_iter()
            .find_map(|(suffix, shift)| scaled(suffix, 2f64.powi(shift))),
    });
    let value = value.filter(|value| value.is_finite() && *value >= 0.0);
    let allowed = match metric.unit {
        Unit::Share => "a share such as 0.9 or 90%",
        Unit::Number => "a number",
        Unit::Bytes => "bytes, such as 512MiB",
    };
    match (value, metric.unit) {
        // Only a CPU that was over its quota by chance is above 1; nobody means 90.
        (Some(value), Unit::Share) if value > 1.5 => Err(format!(
            "{} is more than all; it is {allowed}",
            quoted(text)
        )),
        (Some(value), _) => Ok(value),
        (None, _) => Err(format!("{} is not {allowed}", quoted(text))),
    }
}

/// Where a rule is over if it doesn't say: a twentieth beyond its threshold, so that a
/// value which plays about it makes one alert and not many. Counts are exact.
fn margin(rule: &Rule) -> f64 {
    match (rule.compare, rule.metric.unit) {
        (Compare::Above | Compare::AtLeast, Unit::Share | Unit::Bytes) => rule.threshold * 0.95,
        (Compare::Below | Compare::AtMost, Unit::Share | Unit::Bytes) => rule.threshold * 1.05,
        _ => rule.threshold,
    }
}

fn containers(text: &str) -> Result<Containers, String> {
    if text.is_empty() {
        return Err("it is a name such as \"web-*\", or \"label:KEY\"".into());
    }
    let Some(label) = text.strip_prefix("label:") else {
        return Ok(match text {
            "*" => Containers::All,
            pattern => Containers::Named(pattern.to_owned()),
        });
    };
    let (key, value) = match label.split_once('=') {
        Some((key, value)) => (key, Some(value.to_owned())),
        None => (label, None),
    };
    match key.is_empty() {
        true => Err("a label has a name: \"label:KEY\"".into()),
        false => Ok(Containers::Labelled(key.to_owned(), value)),
    }
}

fn channel(name: &str) -> Result<Channel, String> {
    let found = CHANNELS.iter().find(|(known, _)| *known == name);
    found.map(|(_, channel)| *channel).ok_or_else(|| {
        let names = CHANNELS.map(|(name, _)| name);
        let hint = meant(name, names);
        format!("{} is none of {}{hint}", quoted(name), names.join(", "))
    })
}

fn webhook(text: &str) -> Result<String, String> {
    let rest = text
        .strip_prefix("http://")
        .or_else(|| text.strip_prefix("https://"));
    let host = rest
        .and_then(|rest| rest.split('/').next())
        .unwrap_or_default();
    let is_plain = text.chars().all(|c| c.is_ascii_graphic());
    if host.is_empty() || !is_plain {
        return Err(format!(
            "{} is no address such as \"http://host/hook\"",
            quoted(text)
        ));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::{Config, Known, file::apply};

    fn read(text: &str) -> (Config, Vec<String>) {
        let mut config = Config::default();
        let problems = apply(&mut config, Path::new("x"), text, &Known::default());
        (config, problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn rule_is_read_whole() {
        let (config, problems) = read(
            "[[alerts]]\nname = \"web\"\nwhen = \"memory >= 512MiB\"\nfor = \"30s\"\n\
             containers = \"label:tier=web*\"\nseverity = \"critical\"\n\
             notify = [\"bell\", \"command\", \"webhook\"]\ncommand = [\"mail\", \"me\"]\n\
             webhook = \"http://localhost:1/x\"\nclear = \"500MiB\"\n",
        );
        assert_eq!(problems, [""; 0]);
        let rule = config.alerts.last().unwrap();
        assert_eq!(rule.condition(), "memory >= 512MiB for 30s");
        assert_eq!(rule.clear, 524_288_000.0);
        assert_eq!(rule.containers.to_string(), "label:tier=web*");
        assert_eq!(rule.notify.len(), 3);
    }

    #[test]
    fn rule_that_exists_is_changed_by_its_name() {
        let (config, problems) = read(
            "[[alerts]]\nname = \"memory\"\nnotify = [\"bell\"]\n\
             [[alerts]]\nname = \"throttled\"\nenabled = false\n",
        );
        assert_eq!(problems, [""; 0]);
        let find = |name| config.alerts.iter().find(|rule| rule.name == name).unwrap();
        assert_eq!(find("memory").notify, [Channel::Bell]);
        assert_eq!(find("memory").condition(), "memory_share > 95% for 30s");
        assert!(!find("throttled").is_enabled);
    }

    #[test]
    fn mistakes_name_their_rule_and_line() {
        let (config, problems) = read(
            "[[alerts]]\nwhen = \"cpu > 1\"\n\
             [[alerts]]\nname = \"a\"\nwhen = \"cpu_shar > 1\"\n\
             [[alerts]]\nname = \"b\"\nwhen = \"memory_share > 90\"\n\
             [[alerts]]\nname = \"c\"\nwhen = \"memory\"\nfor = \"5\"\n\
             [[alerts]]\nname = \"d\"\nfor = \"5s\"\n\
             [[alerts]]\nname = \"e\"\nwhen = \"cpu > 1\"\nnotify = [\"bel\"]\n\
             [[alerts]]\nname = \"f\"\nwhen = \"cpu > 1\"\nnotify = [\"command\"]\n\
             [[alerts]]\nname = \"g\"\nwhen = \"cpu > 1\"\nclear = 2\n\
             [[alerts]]\nname = \"h\"\nwehn = \"cpu > 1\"\nwebhook = \"ftp://x\"\n\
             [[alerts]]\nname = \"i\"\nwhen = \"cpu > nan\"\n",
        );
        assert_eq!(config.alerts, Config::default().alerts);
        insta::assert_snapshot!(problems.join("\n"));
        assert_eq!(read("alerts = 3").1.len(), 1);
        assert_eq!(read("[alerts]\nx = 1").1.len(), 1);
        assert_eq!(read("alerts = [1]").1.len(), 1);
    }
}
