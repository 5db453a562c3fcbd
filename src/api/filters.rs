//! The `filters` of a query.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{answer::Failure, ask::Query};
use crate::model::LabelFilter;

/// What a list is narrowed by: keys, each with its values.
#[derive(Clone, Debug, Default)]
pub struct Filters(BTreeMap<String, Vec<String>>);

impl Filters {
    /// Reads them as `{"key": ["value"]}`, or as older clients write it
    /// `{"key": {"value": true}}`.
    pub fn of(query: &Query) -> Result<Self, Failure> {
        let wrong = || Failure::bad("invalid filter: it must be a JSON object of lists");
        let given: BTreeMap<String, Value> = query
            .json("filters")
            .map_err(|_| wrong())?
            .unwrap_or_default();
        let mut filters = BTreeMap::new();
        for (key, values) in given {
            let values = match values {
                Value::Array(values) => values
                    .into_iter()
                    .map(|value| value.as_str().map(str::to_owned).ok_or_else(wrong))
                    .collect::<Result<Vec<_>, _>>()?,
                Value::Object(values) => values
                    .into_iter()
                    .filter(|(_, is_on)| *is_on != Value::Bool(false))
                    .map(|(value, _)| value)
                    .collect(),
                _ => return Err(wrong()),
            };
            filters.insert(key, values);
        }
        Ok(Self(filters))
    }

    /// Refuses keys that mean nothing here.
    pub fn allow(&self, keys: &[&str]) -> Result<(), Failure> {
        match self.0.keys().find(|key| !keys.contains(&key.as_str())) {
            Some(key) => Err(Failure::bad(format!("invalid filter '{key}'"))),
            None => Ok(()),
        }
    }

    /// The values of a key.
    pub fn all(&self, key: &str) -> &[String] {
        self.0.get(key).map_or(&[], Vec::as_slice)
    }

    /// Whether a key is there at all.
    pub fn has(&self, key: &str) -> bool {
        !self.all(key).is_empty()
    }

    /// Whether a value of a key, or none, holds.
    pub fn any(&self, key: &str, holds: impl Fn(&str) -> bool) -> bool {
        !self.has(key) || self.all(key).iter().any(|value| holds(value))
    }

    /// A key that is on or off.
    pub fn is_on(&self, key: &str) -> Result<Option<bool>, Failure> {
        match self.all(key) {
            [] => Ok(None),
            [value] => match value.to_ascii_lowercase().as_str() {
                "1" | "t" | "true" => Ok(Some(true)),
                "0" | "f" | "false" => Ok(Some(false)),
                _ => Err(Failure::bad(format!("invalid filter '{key}={value}'"))),
            },
            _ => Err(Failure::bad(format!("invalid filter '{key}'"))),
        }
    }

    /// All pairs, as `key=value`.
    pub fn pairs(&self) -> impl Iterator<Item = String> {
        let keys = self.0.iter();
        keys.flat_map(|(key, values)| values.iter().map(move |value| format!("{key}={value}")))
    }

    /// The labels that must, and must not, be there.
    pub fn labels(&self) -> Vec<LabelFilter> {
        let of = |key: &str, negated: bool| {
            let texts = self.all(key).iter();
            texts
                .map(|text| {
                    let (key, value) = match text.split_once('=') {
                        Some((key, value)) => (key, Some(value.to_owned())),
                        None => (text.as_str(), None),
                    };
                    LabelFilter {
                        key: key.to_owned(),
                        value,
                        negated,
                    }
                })
                .collect::<Vec<_>>()
        };
        [of("label", false), of("label!", true)].concat()
    }

    /// The time before which things are meant: a time, or an age such as `24h`.
    pub fn until(&self) -> Result<Option<jiff::Timestamp>, Failure> {
        let [text] = self.all("until") else {
            return match self.has("until") {
                true => Err(Failure::bad("more than one until filter specified")),
                false => Ok(None),
            };
        };
        if let Some(time) = super::ask::time(text) {
            return Ok(Some(time));
        }
        let age = text.parse::<jiff::SignedDuration>();
        let time = age
            .ok()
            .and_then(|age| jiff::Timestamp::now().checked_sub(age).ok());
        time.map(Some)
            .ok_or_else(|| Failure::bad(format!("invalid filter 'until={text}'")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filters(text: &str) -> Result<Filters, Failure> {
        let encoded: String = form_urlencoded::byte_serialize(text.as_bytes()).collect();
        Filters::of(&Query::parse(&format!("filters={encoded}")))
    }

    #[test]
    fn both_forms_are_read_and_others_refused() {
        let new = filters(r#"{"label":["a=1","b"],"until":["10m"]}"#).unwrap();
        assert_eq!(new.labels().len(), 2);
        assert!(
            new.until()
                .unwrap()
                .is_some_and(|at| at < jiff::Timestamp::now())
        );
        let old = filters(r#"{"dangling":{"true":true,"x":false}}"#).unwrap();
        assert_eq!(old.is_on("dangling").unwrap(), Some(true));
        for wrong in ["[]", "{", r#"{"a":1}"#, r#"{"a":[1]}"#] {
            assert!(filters(wrong).is_err(), "{wrong}");
        }
        assert!(old.allow(&["label"]).is_err());
    }
}
