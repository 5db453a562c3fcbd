//! The engine's JSON read as our nouns. Only what is shown is looked at, and nothing that
//! is missing, null or unknown blanks the rest: engines of many ages and makers answer.

mod container;
mod health;
mod image;
mod network;
mod stats;
mod volume;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

pub use container::{Listed, container};
pub use image::{image, names};
pub use network::{network, network_details};
pub use stats::sample;
pub use volume::{volume, volumes};

use crate::model::{Event, EventKind};

/// What is null is as if it weren't there.
fn lenient<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    let value = Value::deserialize(deserializer)?;
    Ok(T::deserialize(value).unwrap_or_default())
}

/// Docker's zero time means never.
fn time(text: &str) -> Option<Timestamp> {
    let at: Timestamp = text.parse().ok()?;
    (at > Timestamp::UNIX_EPOCH).then_some(at)
}

/// An event; `None` if it is about a thing that we have no word for.
pub fn event(value: &Value) -> Option<Event> {
    let kind = match value["Type"].as_str()? {
        "container" => EventKind::Container,
        "image" => EventKind::Image,
        "network" => EventKind::Network,
        "volume" => EventKind::Volume,
        _ => return None,
    };
    let nanoseconds = value["timeNano"].as_i64();
    let at = match nanoseconds {
        Some(n) => Timestamp::from_nanosecond(i128::from(n)).ok()?,
        None => Timestamp::from_second(value["time"].as_i64()?).ok()?,
    };
    let actor = &value["Actor"];
    let attributes = actor["Attributes"].as_object();
    let attributes = attributes.into_iter().flatten().filter_map(|(key, value)| {
        // Podman's exit codes go by another name.
        let key = if key == "containerExitCode" {
            "exitCode"
        } else {
            key
        };
        Some((key.to_owned(), value.as_str()?.to_owned()))
    });
    Some(Event {
        at,
        kind,
        action: action(kind, value["Action"].as_str()?).to_owned(),
        id: actor["ID"].as_str()?.to_owned(),
        attributes: attributes.collect(),
    })
}

/// An action in docker's words, where podman has others.
fn action(kind: EventKind, told: &str) -> &str {
    match (kind, told) {
        (EventKind::Container, "died") => "die",
        (EventKind::Container, "exec_died") => "exec_die",
        (EventKind::Container, "remove") => "destroy",
        _ => told,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn events_are_read_and_strange_ones_left_out() {
        let die = json!({
            "Type": "container", "Action": "die", "time": 5, "timeNano": 5_000_000_001_u64,
            "Actor": { "ID": "ab", "Attributes": { "exitCode": "3", "name": "web" } },
        });
        let event = event(&die).unwrap();
        assert_eq!(
            (event.action.as_str(), event.at.as_nanosecond()),
            ("die", 5_000_000_001)
        );
        assert_eq!(event.attributes["exitCode"], "3");
        for strange in [
            json!({}),
            json!([1]),
            json!({"Type": "plugin", "Action": "x"}),
        ] {
            assert_eq!(super::event(&strange), None);
        }
    }

    #[test]
    fn zero_times_are_never() {
        assert_eq!(time("0001-01-01T00:00:00Z"), None);
        assert_eq!(time("nonsense"), None);
        assert!(time("2024-05-01T10:00:00.123456789Z").is_some());
        assert!(time("2024-05-01T10:00:00.123456789+02:00").is_some());
    }
}
