//! Builds, told as the classic builder told them.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::json;

use super::{
    answer::{Failure, Outcome, json},
    ask::{Ask, Query},
    filters::Filters,
    images::Messages,
    login,
    serve::Server,
};
use crate::model::{
    Attachment, BuildContext, BuildEvent, BuildFile, BuildRequest, ContainerConfig,
    DEFAULT_NETWORK, InputStream, NetworkMode, Platform, RegistrySettings,
};
use crate::wire::{create, models};

/// `POST /build`
pub async fn build(server: Arc<Server>, mut ask: Ask) -> Outcome {
    let query = &ask.query;
    if query.text("version") == Some("2") {
        return Err(Failure::bad(
            "BuildKit is not supported by this engine: set DOCKER_BUILDKIT=0",
        ));
    }
    for (key, is_asked) in [
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
    let container = container(query)?;
    let names: Vec<String> = query
        .all("t")
        .filter(|t| !t.is_empty())
        .map(str::to_owned)
        .collect();
    let quiet = query.is_on("q");
    // `cachefrom` is heard and changes nothing: the cache knows the steps of all builds here,
    // whatever images they made.
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
        container,
        pools: server.serve.pools.clone(),
        platform: match query.text("platform") {
            Some(text) => Some(Platform::parse(text).ok_or_else(|| {
                Failure::bad(format!("{text:?} is not a platform such as linux/arm64"))
            })?),
            None => None,
        },
        pull: query.is_on("pull"),
        squash: query.is_on("squash"),
        registries: RegistrySettings {
            logins: login::logins(&ask)?,
            ..server.serve.registries.clone()
        },
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

/// What the container of each step has beside its command.
fn container(query: &Query) -> Result<ContainerConfig, Failure> {
    let number = |key: &str| query.number::<i64>(key);
    let host = models::HostConfig {
        memory: number("memory")?,
        memory_swap: number("memswap")?,
        cpu_shares: number("cpushares")?,
        cpu_period: number("cpuperiod")?,
        cpu_quota: number("cpuquota")?,
        cpuset_cpus: query.text("cpusetcpus").map(str::to_owned),
        cpuset_mems: query.text("cpusetmems").map(str::to_owned),
        extra_hosts: extra_hosts(query)?,
        ..models::HostConfig::default()
    };
    let network = query.text("networkmode").unwrap_or("default");
    let (mode, networks) = match network {
        "none" => (NetworkMode::None, Vec::new()),
        "host" => (NetworkMode::Host, Vec::new()),
        "default" => (NetworkMode::Bridge, vec![Attachment::to(DEFAULT_NETWORK)]),
        other if other.starts_with("container:") => {
            return Err(Failure::bad("a build can't live in a container's network"));
        }
        other => (NetworkMode::Bridge, vec![Attachment::to(other)]),
    };
    Ok(ContainerConfig {
        limits: create::limits(&host).map_err(Failure::bad)?,
        shm_size_bytes: query.number("shmsize")?.filter(|bytes| *bytes > 0),
        naming: create::naming(&host).map_err(Failure::bad)?,
        network: mode,
        networks,
        ..ContainerConfig::default()
    })
}

/// `NAME:IP` each: a list in JSON, or keys of their own.
fn extra_hosts(query: &Query) -> Result<Option<Vec<String>>, Failure> {
    let given = query.all("extrahosts").filter(|text| !text.is_empty());
    let lists = given.map(|text| match text.starts_with('[') {
        true => serde_json::from_str::<Vec<String>>(text)
            .map_err(|error| Failure::bad(format!("extrahosts: invalid JSON: {error}"))),
        false => Ok(text.split(',').map(str::to_owned).collect()),
    });
    let all = lists.collect::<Result<Vec<_>, _>>()?.concat();
    Ok((!all.is_empty()).then_some(all))
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
