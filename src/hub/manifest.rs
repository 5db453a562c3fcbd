//! What a manifest must be before it is kept: JSON of the kind that it is said to be, whose
//! parts are here.

use serde_json::{Value, json};

use crate::model::Digest;

/// The largest manifest.
pub const LARGEST: usize = 4 << 20;
/// What lists manifests and not blobs.
const INDEXES: [&str; 2] = [
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
];
const MANIFESTS: [&str; 2] = [
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
];

/// What is to be known of a manifest.
#[derive(Debug)]
pub struct Checked {
    /// Blobs that it needs.
    pub blobs: Vec<Digest>,
    /// Manifests that it needs.
    pub manifests: Vec<Digest>,
    /// What it refers to, if anything.
    pub subject: Option<Digest>,
    /// Its row among those that refer to that.
    pub descriptor: Value,
}

/// Checks a manifest; in words what is wrong with it.
pub fn check(content: &[u8], media_type: &str, digest: &Digest) -> Result<Checked, String> {
    let value: Value =
        serde_json::from_slice(content).map_err(|error| format!("it is no JSON: {error}"))?;
    if value["schemaVersion"].as_u64() != Some(2) {
        return Err("its schemaVersion is not 2".into());
    }
    if let Some(own) = value["mediaType"].as_str()
        && own != media_type
    {
        return Err(format!(
            "it says that it is {own}, and comes as {media_type}"
        ));
    }
    let is_index = INDEXES.contains(&media_type);
    if !is_index && !MANIFESTS.contains(&media_type) {
        return Err(format!(
            "{media_type:?} is no kind of manifest that is kept here"
        ));
    }
    let of = |descriptor: &Value| {
        let text = descriptor["digest"].as_str().unwrap_or_default();
        Digest::parse(text).ok_or_else(|| format!("{text:?} is no digest that is kept here"))
    };
    let list = |key: &str| match &value[key] {
        Value::Array(all) => all.iter().map(of).collect::<Result<Vec<_>, _>>(),
        Value::Null => Ok(Vec::new()),
        _ => Err(format!("its {key} are no list")),
    };
    let (mut blobs, mut manifests) = (Vec::new(), Vec::new());
    match is_index {
        true if !value["manifests"].is_array() => return Err("it lists no manifests".into()),
        true => manifests = list("manifests")?,
        false => {
            blobs.push(of(&value["config"])?);
            let layers = value["layers"].as_array().into_iter().flatten();
            // Layers that everybody gets elsewhere are never pushed.
            let own = layers.filter(|layer| layer["urls"].as_array().is_none_or(Vec::is_empty));
            blobs.extend(own.map(of).collect::<Result<Vec<_>, _>>()?);
        }
    }
    let subject = match &value["subject"] {
        Value::Null => None,
        subject => Some(of(subject)?),
    };
    let kind = value["artifactType"].as_str();
    let kind = kind.or(value["config"]["mediaType"].as_str());
    let mut descriptor = json!({
        "mediaType": media_type, "digest": digest, "size": content.len(),
        "artifactType": kind,
    });
    if value["annotations"].is_object() {
        descriptor["annotations"] = value["annotations"].clone();
    }
    Ok(Checked {
        blobs,
        manifests,
        subject,
        descriptor,
    })
}

/// The digits of everything that a kept manifest names.
pub fn named(content: &[u8]) -> Vec<String> {
    let value: Value = serde_json::from_slice(content).unwrap_or_default();
    let lists = ["layers", "manifests", "blobs"].into_iter();
    let listed = lists.flat_map(|key| value[key].as_array().into_iter().flatten());
    let all = listed.chain([&value["config"]]);
    all.filter_map(|descriptor| {
        Some(
            Digest::parse(descriptor["digest"].as_str()?)?
                .hex()
                .to_owned(),
        )
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manifests_are_what_they_are_said_to_be() {
        let digest = Digest::from_sha256(&[1; 32]);
        let [image, index] = [MANIFESTS[0], INDEXES[0]];
        let check = |value: Value, kind: &str| check(value.to_string().as_bytes(), kind, &digest);
        let good = json!({
            "schemaVersion": 2, "config": { "digest": digest, "mediaType": "x/y" },
            "layers": [{ "digest": digest }, { "digest": "sha256:0", "urls": ["http://x"] }],
            "subject": { "digest": digest },
        });
        let checked = check(good.clone(), image).unwrap();
        assert_eq!(
            (checked.blobs.len(), checked.subject),
            (2, Some(digest.clone()))
        );
        assert_eq!(checked.descriptor["artifactType"], "x/y");
        assert!(check(json!({ "schemaVersion": 1 }), image).is_err());
        assert!(check(json!({ "schemaVersion": 2, "config": {} }), image).is_err());
        assert!(check(json!({ "schemaVersion": 2, "mediaType": index }), image).is_err());
        assert!(check(json!({ "schemaVersion": 2 }), index).is_err());
        assert!(check(good, "text/plain").is_err());
        assert!(super::check(b"{", image, &digest).is_err());
    }
}
