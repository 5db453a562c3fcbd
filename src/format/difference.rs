//! What two images' configs say otherwise: `wharf image diff` and the dashboard tell it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// What the configs of two images have otherwise.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConfigDifference {
    /// Fields of the process and the platform, with what each config has there.
    pub fields: Vec<(String, Option<Value>, Option<Value>)>,
    /// Steps of the old one's history that the new one has not.
    pub removed_steps: Vec<String>,
    /// Steps of the new one's history that the old one has not.
    pub added_steps: Vec<String>,
}

impl ConfigDifference {
    /// Compares two config documents.
    pub fn between(old: &Value, new: &Value) -> Self {
        let (old_fields, new_fields) = (fields(old), fields(new));
        let names: BTreeSet<_> = old_fields.keys().chain(new_fields.keys()).collect();
        let field = |name: &String| {
            let (old, new) = (old_fields.get(name), new_fields.get(name));
            (old != new).then(|| (name.clone(), old.cloned(), new.cloned()))
        };
        let (mut removed_steps, mut added_steps) = (steps(old), steps(new));
        let same = removed_steps.iter().zip(&added_steps);
        let same = same.take_while(|(a, b)| a == b).count();
        removed_steps.drain(..same);
        added_steps.drain(..same);
        Self {
            fields: names.into_iter().filter_map(field).collect(),
            removed_steps,
            added_steps,
        }
    }
}

/// What a config says of the process and the platform, field by field.
fn fields(config: &Value) -> BTreeMap<String, Value> {
    let of_process = config["config"].as_object().into_iter().flatten();
    let of_process = of_process.filter(|(_, value)| !is_nothing(value));
    let top = ["architecture", "os", "variant", "author"];
    let top = top
        .into_iter()
        .filter_map(|key| Some((key, config.get(key)?)));
    of_process
        .map(|(key, value)| (key.clone(), value.clone()))
        .chain(top.map(|(key, value)| (key.to_owned(), value.clone())))
        .collect()
}

/// Absent, null and empty are the same in a config.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    }
}

fn steps(config: &Value) -> Vec<String> {
    let steps = config["history"].as_array().into_iter().flatten();
    steps
        .map(|step| step["created_by"].as_str().unwrap_or_default().to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_differs_is_told_and_nothing_is_as_good_as_absent() {
        let config = |cmd: &str, user: Value, steps: &[&str]| {
            let steps: Vec<_> = steps.iter().map(|by| json!({ "created_by": by })).collect();
            json!({ "os": "linux", "config": { "Cmd": [cmd], "User": user }, "history": steps })
        };
        let old = config("a", json!(""), &["base", "one"]);
        let new = config("b", json!(null), &["base", "two", "three"]);
        let found = ConfigDifference::between(&old, &new);
        let cmd = ("Cmd".to_owned(), Some(json!(["a"])), Some(json!(["b"])));
        assert_eq!(found.fields, [cmd]);
        assert_eq!(found.removed_steps, ["one"]);
        assert_eq!(found.added_steps, ["two", "three"]);
        assert_eq!(ConfigDifference::between(&old, &old), Default::default());
    }
}
