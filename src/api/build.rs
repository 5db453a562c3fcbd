//! Builds, told as the classic builder told them.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::json;

use super::{
    answer::{Failure, Outcome, json},
    ask::Ask,
    filters::Filters,
    images::Messages,
    serve::Server,
};
use crate::model::{
    BuildContext, BuildEvent, BuildFile, BuildRequest, DEFAULT_NETWORK, InputStream, NetworkMode,
};

/// `POST /build`
pub async fn build(server: Arc<Server>, mut ask: Ask) -> Outcome {
    let query = &ask.query;
    if query.text("version") == Some("2") {
        return Err(Failure::bad(
            "BuildKit is not supported by this engine: set DOCKER_BUILDKIT=0",
        ));
    }
    for (key, is_asked) in [
        ("squash", query.is_on("squash")),
        (
            "outputs",
            query.text("outputs").is_some_and(|text| text != "[]"),
        ),
        ("cgroupparent", query.text("cgroupparent").is_some()),
    ] {
        if is_asked {
            return Err(Failure::bad(format!(
                "{key} is not supported by this engine"
            )));
        }
    }
    // A value of null takes the variable of the client, which is not here.
    let arguments: BTreeMap<String, Option<String>> = query.json("buildargs")?.unwrap_or_default();
    let labels: BTreeMap<String, String> = query.json("labels")?.unwrap_or_default();
    let network = match query.text("networkmode") {
        // Steps of builds have the host's network or none.
        None | Some("default" | "none" | DEFAULT_NETWORK) => NetworkMode::None,
        Some("host") => NetworkMode::Host,
        Some(other) => {
            return Err(Failure::bad(format!(
                "network mode {other:?} is not supported for builds"
            )));
        }
    };
    let names: Vec<String> = query
        .all("t")
        .filter(|t| !t.is_empty())
        .map(str::to_owned)
        .collect();
    let quiet = query.is_on("q");
    let dockerfile = query.text("dockerfile").map(str::to_owned);
    let request = BuildRequest {
        dockerfile: BuildFile::InContext(dockerfile),
        arguments: arguments
            .into_iter()
            .filter_map(|(key, value)| Some((key, value?)))
            .collect(),
        target: query.text("target").map(str::to_owned),
        names: names.clone(),
        labels,
        no_cache: query.is_on("nocache"),
        network,
        registries: server.serve.registries.clone(),
        context: match query.text("remote") {
            None | Some("client-session") => BuildContext::None,
            Some(address) => BuildContext::Remote(address.to_owned()),
        },
        ..BuildRequest::default()
    };
    let request = match &request.context {
        BuildContext::None => BuildRequest {
            context: BuildContext::Stream(InputStream::new(ask.reader())),
            ..request
        },
        _ => request,
    };
    let mut events = server.engine.build(request).await?;
    let (messages, answer) = Messages::new();
    tokio::spawn(async move {
        while let Some(event) = events.recv().await {
            let is_told = match event {
                BuildEvent::Built { image } => {
                    let id = image.as_str();
                    if quiet {
                        messages.send(&json!({"stream": format!("{id}\n")})).await;
                        return;
                    }
                    messages.send(&json!({"aux": {"ID": id}})).await;
                    let text = format!("Successfully built {}\n", image.short());
                    messages.send(&json!({ "stream": text })).await;
                    for name in &names {
                        let name = super::containers::familiar(name);
                        let text = format!("Successfully tagged {name}\n");
                        messages.send(&json!({ "stream": text })).await;
                    }
                    return;
                }
                BuildEvent::Ended(failure) => {
                    return messages.fail(&failure.message, failure.exit_code).await;
                }
                event => match told(&event).filter(|_| !quiet) {
                    Some(text) => messages.send(&json!({ "stream": text })).await,
                    None => true,
                },
            };
            if !is_told {
                // Dropping the events stops the build.
                return;
            }
        }
    });
    Ok(answer)
}

/// A line of the classic builder.
fn told(event: &BuildEvent) -> Option<String> {
    match event {
        BuildEvent::Step { name, .. } => Some(format!("{}\n", step(name))),
        BuildEvent::Container { id, .. } => Some(format!(" ---> Running in {}\n", id.short())),
        BuildEvent::Output { bytes, .. } => Some(String::from_utf8_lossy(bytes).into_owned()),
        BuildEvent::Done { cached: true, .. } => Some(" ---> Using cache\n".into()),
        BuildEvent::Warning { message, .. } => Some(format!("[Warning] {message}\n")),
        _ => None,
    }
}

/// `[web 2/5] RUN make` as `Step 2/5 : RUN make`.
fn step(name: &str) -> String {
    let parsed = || {
        let (place, command) = name.strip_prefix('[')?.split_once("] ")?;
        let number = place.rsplit(' ').next()?;
        number
            .contains('/')
            .then(|| format!("Step {number} : {command}"))
    };
    parsed().unwrap_or_else(|| format!("Step : {name}"))
}

/// `POST /build/prune`
pub async fn prune(server: &Server, ask: &Ask) -> Outcome {
    let filters = Filters::of(&ask.query)?;
    let now = jiff::Timestamp::now();
    let age = filters.until()?.map(|until| now.duration_since(until));
    let age = age.and_then(|age| age.try_into().ok()).unwrap_or_default();
    server
        .engine
        .prune_cache(age, ask.query.is_on("all"))
        .await?;
    json(&json!({"CachesDeleted": null, "SpaceReclaimed": 0}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_told_as_the_classic_builder_did() {
        assert_eq!(step("[web 2/5] RUN make"), "Step 2/5 : RUN make");
        assert_eq!(step("[1/2] FROM a"), "Step 1/2 : FROM a");
        assert_eq!(step("export"), "Step : export");
    }
}
