//! `wharf events`

use clap::Args;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    Context,
    failure::{Failure, Outcome},
    output::line,
    table::of_format,
    values::{self, Parsed},
};
use crate::{
    format::text::sanitize,
    model::{Event, EventKind, EventsRequest},
};

/// Arguments of `events`.
#[derive(Args, Debug)]
pub struct EventsArgs {
    /// Also what happened since this time: 2026-01-31T12:00:00Z, or a span such as 10m
    #[arg(long, value_name = "TIME", value_parser = values::time)]
    since: Option<Timestamp>,
    /// Leave at this time
    #[arg(long, value_name = "TIME", value_parser = values::time)]
    until: Option<Timestamp>,
    /// Only what matches: type, event, container, image, label
    #[arg(short, long, value_name = "KEY=VALUE", value_parser = filter)]
    filter: Vec<(String, String)>,
    /// json, or a Go template
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
}

fn filter(text: &str) -> Parsed<(String, String)> {
    let allowed = "a filter is type=, event=, container=, image= or label=";
    let (key, value) = text.split_once('=').ok_or(allowed)?;
    if !["type", "event", "container", "image", "label"].contains(&key) {
        return Err(allowed.into());
    }
    Ok((key.into(), value.into()))
}

/// Prints what happens as it happens.
pub async fn run(args: &EventsArgs, context: &Context) -> Outcome {
    if let Some(format) = args.format.as_deref().filter(|format| *format != "json") {
        crate::format::template::Template::parse(format)
            .map_err(|error| Failure::usage(format!("--format: {error}")))?;
    }
    let request = EventsRequest {
        since: args.since,
        until: args.until,
    };
    let mut events = context.engine.events(request).await?;
    while let Some(event) = events.recv().await {
        let event = event?;
        if !passes(&args.filter, &event) {
            continue;
        }
        match args.format.as_deref() {
            Some(format) => line(&of_format(format, &object(&event))?)?,
            None => line(&sentence(&event))?,
        }
    }
    Ok(0)
}

/// Values of one key are alternatives; different keys, and labels, must all hold.
fn passes(filters: &[(String, String)], event: &Event) -> bool {
    let holds = |key: &str, value: &str| {
        let attribute = |name: &str| event.attributes.get(name).map(String::as_str);
        match key {
            "type" => event.kind.word() == value,
            "event" => event.action == value,
            "container" => {
                event.kind == EventKind::Container
                    && (event.id.starts_with(value) || attribute("name") == Some(value))
            }
            "image" => {
                attribute("image") == Some(value)
                    || (event.kind == EventKind::Image
                        && (event.id.starts_with(value) || attribute("name") == Some(value)))
            }
            _ => match value.split_once('=') {
                Some((label, value)) => attribute(label) == Some(value),
                None => attribute(value).is_some(),
            },
        }
    };
    filters.iter().all(|(key, value)| match key.as_str() {
        "label" => holds(key, value),
        _ => filters.iter().any(|(k, v)| k == key && holds(k, v)),
    })
}

/// Docker's line: time, kind, action, id and attributes.
fn sentence(event: &Event) -> String {
    let pairs = event.attributes.iter().map(|(k, v)| format!("{k}={v}"));
    let attributes: Vec<_> = pairs.collect();
    let text = format!(
        "{:.9} {} {} {} ({})",
        event.at,
        event.kind.word(),
        event.action,
        event.id,
        attributes.join(", ")
    );
    sanitize(&text).into_owned()
}

/// Docker's JSON of it.
fn object(event: &Event) -> Value {
    json!({
        "status": event.action,
        "id": event.id,
        "from": event.attributes.get("image"),
        "Type": event.kind.word(),
        "Action": event.action,
        "Actor": { "ID": event.id, "Attributes": event.attributes },
        "scope": "local",
        "time": event.at.as_second(),
        "timeNano": u64::try_from(event.at.as_nanosecond()).unwrap_or(0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> Event {
        Event {
            at: Timestamp::UNIX_EPOCH,
            kind: EventKind::Container,
            action: "die".into(),
            id: "abc".into(),
            attributes: [("exitCode", "137"), ("image", "debian:12"), ("name", "web")]
                .map(|(k, v)| (k.to_owned(), v.to_owned()))
                .into(),
        }
    }

    #[test]
    fn event_is_one_line_and_docker_json() {
        assert_eq!(
            sentence(&event()),
            "1970-01-01T00:00:00.000000000Z container die abc (exitCode=137, image=debian:12, name=web)"
        );
        let json = object(&event());
        assert_eq!(json["Actor"]["Attributes"]["exitCode"], "137");
        assert_eq!(json["from"], "debian:12");
    }

    #[test]
    fn filters_are_alternatives_within_a_key() {
        let all = |filters: &[&str]| {
            let filters: Vec<_> = filters.iter().map(|f| filter(f).unwrap()).collect();
            passes(&filters, &event())
        };
        assert!(all(&[]) && all(&["event=start", "event=die", "container=web"]));
        assert!(all(&[
            "label=exitCode=137",
            "image=debian:12",
            "type=container"
        ]));
        assert!(!all(&["event=start"]) && !all(&["container=db", "event=die"]));
        assert!(filter("nope=1").is_err());
    }
}
