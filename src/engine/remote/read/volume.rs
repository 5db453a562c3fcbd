//! Volumes.

use std::collections::BTreeMap;

use serde_json::Value;

use super::time;
use crate::model::{ContainerId, LOCAL_DRIVER, Volume, VolumeSize};

/// The volumes of a list or of a measurement, by name.
pub fn volumes(answer: &Value) -> Vec<Volume> {
    let all = answer["Volumes"].as_array().into_iter().flatten();
    let mut volumes: Vec<_> = all.filter_map(volume).collect();
    volumes.sort_by(|a, b| a.name.cmp(&b.name));
    volumes
}

/// A volume; `None` where it has no name.
pub fn volume(value: &Value) -> Option<Volume> {
    let name = value["Name"].as_str()?.to_owned();
    let text = |key: &str| value[key].as_str().unwrap_or_default();
    let usage = &value["UsageData"];
    Some(Volume {
        driver: match text("Driver") {
            "" => LOCAL_DRIVER.into(),
            driver => driver.to_owned(),
        },
        created: time(text("CreatedAt")).unwrap_or(jiff::Timestamp::UNIX_EPOCH),
        labels: pairs(&value["Labels"]),
        options: pairs(&value["Options"]),
        // Docker gives volumes that nobody named 64 random digits.
        anonymous: ContainerId::parse(&name).is_some(),
        mountpoint: text("Mountpoint").into(),
        size: usage["Size"].as_u64().map(|bytes| VolumeSize {
            bytes,
            files: 0,
            at: jiff::Timestamp::now(),
            took_ms: 0,
            is_current: true,
        }),
        name,
    })
}

fn pairs(value: &Value) -> BTreeMap<String, String> {
    let all = value.as_object().into_iter().flatten();
    all.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect()
}
