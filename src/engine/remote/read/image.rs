//! Images, from what is inspected and from their history.

use std::{collections::BTreeMap, path::PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{container::parse_port, lenient, time};
use crate::{
    engine::Reference,
    model::{Digest, Image, ImageDefaults, Layer},
};

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Inspected {
    #[serde(deserialize_with = "lenient")]
    id: String,
    #[serde(deserialize_with = "lenient")]
    repo_tags: Vec<String>,
    #[serde(deserialize_with = "lenient")]
    repo_digests: Vec<String>,
    #[serde(deserialize_with = "lenient")]
    digest: String,
    #[serde(deserialize_with = "lenient")]
    created: String,
    #[serde(deserialize_with = "lenient")]
    size: u64,
    #[serde(deserialize_with = "lenient")]
    os: String,
    #[serde(deserialize_with = "lenient")]
    architecture: String,
    #[serde(deserialize_with = "lenient")]
    config: Config,
    #[serde(rename = "RootFS", deserialize_with = "lenient")]
    root_fs: Value,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Config {
    #[serde(deserialize_with = "lenient")]
    entrypoint: Vec<String>,
    #[serde(deserialize_with = "lenient")]
    cmd: Vec<String>,
    #[serde(deserialize_with = "lenient")]
    env: Vec<String>,
    #[serde(deserialize_with = "lenient")]
    working_dir: String,
    #[serde(deserialize_with = "lenient")]
    user: String,
    #[serde(deserialize_with = "lenient")]
    stop_signal: Option<String>,
    #[serde(deserialize_with = "lenient")]
    labels: BTreeMap<String, String>,
    #[serde(deserialize_with = "lenient")]
    exposed_ports: Map<String, Value>,
    #[serde(deserialize_with = "lenient")]
    volumes: Map<String, Value>,
}

/// Names as the list has them, without the placeholders of nameless images.
pub fn names(value: &Value) -> Vec<String> {
    let all = value.as_array().into_iter().flatten();
    let names = all.filter_map(Value::as_str);
    names.filter_map(familiar).collect()
}

fn familiar(name: &str) -> Option<String> {
    if name.starts_with("<none>") {
        return None;
    }
    Reference::parse(name).ok().map(|name| name.familiar())
}

/// An image, and what its layers are from its history; in words what is wrong with an
/// answer that is none.
pub fn image(value: &Value, history: &Value) -> Result<Image, String> {
    let found = Inspected::deserialize(value)
        .map_err(|error| format!("the engine's answer can't be read: {error}"))?;
    let id = Digest::parse(&found.id)
        .or_else(|| Digest::parse(&format!("sha256:{}", found.id)))
        .ok_or_else(|| format!("{:?} is no id of an image", found.id))?;
    let repo_digests: Vec<_> = found
        .repo_digests
        .into_iter()
        .filter(|name| !name.starts_with("<none>"))
        .collect();
    let of_name = |name: &String| Digest::parse(name.rsplit_once('@')?.1);
    let manifest = Digest::parse(&found.digest).or_else(|| repo_digests.iter().find_map(of_name));
    let config = found.config;
    let references = found.repo_tags.iter().filter_map(|name| familiar(name));
    Ok(Image {
        manifest: manifest.unwrap_or_else(|| id.clone()),
        references: references.collect(),
        repo_digests: repo_digests
            .iter()
            .filter_map(|name| {
                let (repository, digest) = name.rsplit_once('@')?;
                let repository = Reference::parse(repository).ok()?;
                Some(format!("{}@{digest}", repository.familiar_repository()))
            })
            .collect(),
        created: time(&found.created),
        size_bytes: found.size,
        shared_bytes: 0,
        layers: layers(&found.root_fs, history),
        labels: config.labels,
        platform: format!("{}/{}", found.os, found.architecture),
        defaults: ImageDefaults {
            entrypoint: config.entrypoint,
            cmd: config.cmd,
            env: config.env,
            working_dir: config.working_dir,
            user: config.user,
            stop_signal: config.stop_signal,
            volumes: config.volumes.keys().map(PathBuf::from).collect(),
            exposed: config
                .exposed_ports
                .keys()
                .filter_map(|port| parse_port(port))
                .collect(),
        },
        id,
    })
}

/// The history does not say which of its steps made a layer. Where as many have a size as
/// there are layers it is these; else what made each, and its size, stays unknown.
fn layers(root_fs: &Value, history: &Value) -> Vec<Layer> {
    let ids = root_fs["Layers"].as_array().into_iter().flatten();
    let ids: Vec<_> = ids.filter_map(|id| Digest::parse(id.as_str()?)).collect();
    let steps = history.as_array().into_iter().flatten();
    let mut steps: Vec<_> = steps
        .filter_map(|step| {
            let size = step["Size"].as_u64().filter(|size| *size > 0)?;
            Some((
                size,
                step["CreatedBy"].as_str().unwrap_or_default().to_owned(),
            ))
        })
        .collect();
    // Newest first, and layers are lowest first.
    steps.reverse();
    if steps.len() != ids.len() {
        steps.clear();
    }
    steps.resize(ids.len(), (0, String::new()));
    ids.into_iter()
        .zip(steps)
        .map(|(diff_id, (size_bytes, created_by))| Layer {
            diff_id,
            size_bytes,
            created_by,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn image_is_read_with_its_layers() {
        let value = json!({
            "Id": format!("sha256:{}", "1".repeat(64)),
            "RepoTags": ["docker.io/library/debian:12", "<none>:<none>"], "RepoDigests": null,
            "Created": "2024-05-01T10:00:00Z", "Size": 30, "Os": "linux", "Architecture": "amd64",
            "Config": { "Cmd": ["bash"], "Env": null },
            "RootFS": { "Layers": [format!("sha256:{}", "a".repeat(64)), format!("sha256:{}", "b".repeat(64))] },
        });
        let history = json!([
            { "Size": 10, "CreatedBy": "upper" }, { "Size": 0, "CreatedBy": "ENV" },
            { "Size": 20, "CreatedBy": "lower" },
        ]);
        let read = image(&value, &history).unwrap();
        assert_eq!(read.references, ["debian:12"]);
        assert_eq!(read.layers[0].created_by, "lower");
        assert_eq!(
            (read.layers[1].size_bytes, read.platform.as_str()),
            (10, "linux/amd64")
        );
        let unknown = image(&value, &json!(null)).unwrap();
        assert_eq!((unknown.layers.len(), unknown.layers[0].size_bytes), (2, 0));
        assert!(image(&json!({}), &json!(null)).is_err());
    }
}
