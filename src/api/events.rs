//! What happens, as it happens.

use std::collections::BTreeMap;

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{
    answer::{Failure, Outcome, streamed},
    ask::Ask,
    filters::Filters,
    serve::Server,
};
use crate::model::{Event, EventKind, EventsRequest};

/// `GET /events`
pub async fn events(server: &Server, ask: &Ask) -> Outcome {
    let filters = Filters::of(&ask.query)?;
    filters.allow(&[
        "type",
        "event",
        "container",
        "image",
        "network",
        "volume",
        "label",
        "daemon",
        "scope",
        "config",
        "node",
        "plugin",
        "secret",
        "service",
    ])?;
    let request = EventsRequest {
        since: ask.query.time("since")?,
        until: ask.query.time("until")?,
    };
    if let (Some(since), Some(until)) = (request.since, request.until)
        && since > until
    {
        return Err(Failure::bad("`since` time cannot be after `until` time"));
    }
    let mut events = server.engine.events(request).await?;
    let (sender, receiver) = mpsc::channel(64);
    tokio::spawn(async move {
        loop {
            let event = tokio::select! {
                event = events.recv() => event,
                () = sender.closed() => return,
            };
            let Some(Ok(event)) = event else { return };
            if shows(&filters, &event) {
                let text = format!("{}\n", shown(&event));
                if sender.send(Ok(text.into())).await.is_err() {
                    return;
                }
            }
        }
    });
    Ok(streamed("application/json", receiver))
}

fn shown(event: &Event) -> Value {
    // Signals by their numbers, and names as they are inside of docker.
    let attributes = event.attributes.iter().map(|(key, value)| {
        let docker = match key.as_str() {
            "signal" => value
                .parse::<Signal>()
                .ok()
                .map(|signal| (signal as i32).to_string()),
            "oldName" => Some(format!("/{value}")),
            _ => None,
        };
        (key, docker.unwrap_or_else(|| value.clone()))
    });
    let mut shown = json!({
        "Type": event.kind.word(),
        "Action": event.action,
        "Actor": {"ID": event.id, "Attributes": attributes.collect::<BTreeMap<_, _>>()},
        "scope": "local",
        "time": event.at.as_second(),
        "timeNano": i64::try_from(event.at.as_nanosecond()).unwrap_or(i64::MAX),
    });
    // As old clients read it.
    if matches!(event.kind, EventKind::Container | EventKind::Image) {
        shown["status"] = event.action.clone().into();
        shown["id"] = event.id.clone().into();
        if let Some(image) = event.attributes.get("image") {
            shown["from"] = image.clone().into();
        }
    }
    shown
}

fn shows(filters: &Filters, event: &Event) -> bool {
    let named = |value: &str| {
        let name = event.attributes.get("name");
        event.id == value
            || name.is_some_and(|name| name == value)
            || (value.len() >= 4 && event.id.starts_with(value))
    };
    let of = |key: &str, wanted: EventKind| {
        // An image's name is asked of containers' events too.
        let image = |value: &str| {
            let image = event.attributes.get("image");
            key == "image"
                && image.is_some_and(|image| image == value || *image == format!("{value}:latest"))
        };
        filters.any(key, |value| {
            (event.kind == wanted && named(value)) || image(value)
        })
    };
    filters.any("type", |value| value == event.kind.word())
        // `exec_create: sh` and `health_status: healthy` begin with the event's word.
        && filters.any("event", |value| {
            event.action == value || event.action.split(':').next() == Some(value)
        })
        && of("container", EventKind::Container)
        && of("image", EventKind::Image)
        && of("network", EventKind::Network)
        && of("volume", EventKind::Volume)
        && filters.any("scope", |scope| scope == "local")
        && filters.labels().iter().all(|label| label.matches(&event.attributes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::ask::Query;

    fn holds(filters: &str) -> bool {
        let encoded: String = form_urlencoded::byte_serialize(filters.as_bytes()).collect();
        let filters = Filters::of(&Query::parse(&format!("filters={encoded}"))).unwrap();
        let event = Event {
            at: jiff::Timestamp::UNIX_EPOCH,
            kind: EventKind::Container,
            action: "die".into(),
            id: "abcdef".into(),
            attributes: [
                ("name", "web"),
                ("image", "nginx:latest"),
                ("tier", "front"),
            ]
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .into(),
        };
        shows(&filters, &event)
    }

    #[test]
    fn filters_of_one_key_are_alternatives_and_keys_add_up() {
        assert!(holds("{}"));
        assert!(holds(r#"{"event":["start","die"],"container":["web"]}"#));
        assert!(holds(r#"{"image":["nginx"]}"#));
        assert!(holds(r#"{"label":["tier=front"]}"#));
        assert!(holds(r#"{"container":["abcd"]}"#));
        assert!(!holds(r#"{"type":["image"]}"#));
        assert!(!holds(r#"{"network":["web"]}"#));
        assert!(!holds(r#"{"event":["start"]}"#));
    }
}
