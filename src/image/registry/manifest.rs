//! Manifests and indexes: fetched, bounded, checked against their digests, and read.

use oci_spec::image::{Descriptor, ImageIndex, ImageManifest};
use reqwest::{Response, header};
use serde::{Deserialize, de::IgnoredAny};
use sha2::{Digest as _, Sha256};

use super::{
    answer::body,
    client::{Call, Client, scope},
    error::{Error, Result},
    transport::Endpoint,
};
use crate::{
    image::{LONGEST_DOCUMENT, Reference},
    model::{Digest, Platform},
};

/// What we can read, the newer first.
const ACCEPT: [&str; 4] = [
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
];
/// Configs of container images; other things live in registries, too.
const CONFIGS: [&str; 2] = [
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
];

/// A document as a registry gave it, its digest checked.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// Its bytes.
    pub content: Vec<u8>,
    /// Its media type.
    pub media_type: String,
    /// Its digest.
    pub digest: Digest,
    /// What it says.
    pub document: Document,
    /// Who gave it.
    pub(super) endpoint: Endpoint,
}

/// What a manifest can be.
#[derive(Clone, Debug)]
pub enum Document {
    /// One image.
    Image(Box<ImageManifest>),
    /// Images for several platforms.
    Index(Vec<Descriptor>),
}

/// Enough of any document to tell which it is.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shape {
    schema_version: u32,
    media_type: Option<String>,
    config: Option<IgnoredAny>,
    layers: Option<IgnoredAny>,
    manifests: Option<IgnoredAny>,
    fs_layers: Option<IgnoredAny>,
}

impl Client {
    /// What a reference names, at the first endpoint that has it.
    pub fn fetch(&self, reference: &Reference) -> Result<Fetched> {
        let endpoints = self.endpoints(reference.domain());
        let version = match (reference.digest(), reference.tag()) {
            (Some(digest), _) => digest.as_str(),
            (None, tag) => tag.unwrap_or("latest"),
        };
        self.block(async {
            let ask = async |endpoint: &Endpoint| {
                self.fetch_at(endpoint, reference.path(), version).await
            };
            self.first(&endpoints, ask)
                .await
                .map(|(_, fetched)| fetched)
        })
    }

    /// The manifest that an index lists, from who gave the index.
    pub fn fetch_listed(
        &self,
        reference: &Reference,
        index: &Fetched,
        listed: &Descriptor,
    ) -> Result<Fetched> {
        let digest = listed.digest().to_string();
        let endpoints = self.endpoints_after(reference.domain(), &index.endpoint);
        let fetched = self.block(async {
            let ask = async |endpoint: &Endpoint| {
                self.fetch_at(endpoint, reference.path(), &digest).await
            };
            self.first(&endpoints, ask)
                .await
                .map(|(_, fetched)| fetched)
        })?;
        if fetched.content.len() as u64 != listed.size() {
            return Err(Error::Length {
                host: fetched.endpoint.host,
                digest: fetched.digest,
                expected: listed.size(),
                actual: fetched.content.len() as u64,
            });
        }
        Ok(fetched)
    }

    /// All endpoints of a registry, this one first.
    pub(super) fn endpoints_after(&self, domain: &str, first: &Endpoint) -> Vec<Endpoint> {
        let mut endpoints = self.endpoints(domain);
        endpoints.retain(|endpoint| endpoint != first);
        endpoints.insert(0, first.clone());
        endpoints
    }

    async fn fetch_at(
        &self,
        endpoint: &Endpoint,
        repository: &str,
        version: &str,
    ) -> Result<Fetched> {
        let what = format!("manifest {repository}{}", display(version));
        let scopes = [scope(repository, "pull")];
        let headers = [(header::ACCEPT, ACCEPT.join(", "))];
        let call = Call {
            what: &what,
            scopes: &scopes,
            headers: &headers,
            ..Call::default()
        };
        let path = format!("/v2/{repository}/manifests/{version}");
        let response = self.call(endpoint, &path, call).await?;
        let media_type = media_type_of(&response);
        let said = response.headers().get("docker-content-digest");
        let said = said.and_then(|value| Digest::parse(value.to_str().ok()?));
        let host = &endpoint.host;
        let content = body(
            &self.transport,
            response,
            host,
            "the manifest",
            LONGEST_DOCUMENT,
        )
        .await?;
        let digest = Digest::from_sha256(&Sha256::digest(&content).into());
        let expected = Digest::parse(version).or(said);
        if let Some(expected) = expected
            && expected != digest
        {
            return Err(Error::Digest {
                host: host.clone(),
                expected,
                actual: digest,
            });
        }
        let (media_type, document) = read(&content, media_type.as_deref())
            .map_err(|reason| Error::malformed("the manifest", host, reason))?;
        Ok(Fetched {
            content,
            media_type,
            digest,
            document,
            endpoint: endpoint.clone(),
        })
    }

    /// All tags of a repository.
    pub fn tags(&self, reference: &Reference) -> Result<Vec<String>> {
        #[derive(Deserialize)]
        struct Tags {
            tags: Option<Vec<String>>,
        }
        let repository = reference.path();
        let what = format!("repository {repository}");
        let scopes = [scope(repository, "pull")];
        let endpoints = self.endpoints(reference.domain());
        let ask = async |endpoint: &Endpoint| {
            let path = format!("/v2/{repository}/tags/list?n=1000");
            let mut all = Vec::new();
            self.pages(endpoint, &path, &what, &scopes, &mut |text| {
                let tags: Tags = serde_json::from_slice(text)?;
                all.extend(tags.tags.unwrap_or_default());
                Ok(())
            })
            .await?;
            all.sort();
            all.dedup();
            Ok(all)
        };
        self.block(async { self.first(&endpoints, ask).await.map(|(_, tags)| tags) })
    }

    /// All pages of a list: each names the next in `Link`.
    pub(super) async fn pages(
        &self,
        endpoint: &Endpoint,
        path: &str,
        what: &str,
        scopes: &[String],
        read: &mut (dyn FnMut(&[u8]) -> serde_json::Result<()> + Send),
    ) -> Result<()> {
        /// Of a list without end we read as much.
        const PAGES: usize = 100;
        let call = Call {
            what,
            scopes,
            ..Call::default()
        };
        let mut next = Some(self.transport.locate(endpoint, path).await?);
        for _ in 0..PAGES {
            let Some(url) = next.take() else {
                break;
            };
            let response = self.call_at(endpoint, url.clone(), call).await?;
            next = link(&response).and_then(|target| url.join(&target).ok());
            let host = &endpoint.host;
            let text = body(
                &self.transport,
                response,
                host,
                "the list",
                LONGEST_DOCUMENT,
            )
            .await?;
            read(&text).map_err(|error| Error::malformed("the list", host, error))?;
        }
        Ok(())
    }
}

/// The image of an index for a platform: the nearest, and among equals the first.
pub fn choose<'a>(listed: &'a [Descriptor], wanted: &Platform) -> Result<&'a Descriptor> {
    let offered = |descriptor: &Descriptor| {
        let platform = descriptor.platform().as_ref()?;
        Some(Platform {
            os: platform.os().to_string(),
            architecture: platform.architecture().to_string(),
            variant: platform.variant().clone(),
        })
    };
    let fitting = listed.iter().filter_map(|descriptor| {
        let distance = match offered(descriptor) {
            Some(offered) => wanted.distance(&offered)?,
            // The specification makes the platform optional; such an image may fit.
            None => u32::MAX,
        };
        Some((distance, descriptor))
    });
    let best = fitting.min_by_key(|(distance, _)| *distance);
    best.map(|(_, descriptor)| descriptor).ok_or_else(|| {
        let mut available: Vec<_> = listed.iter().filter_map(offered).collect();
        // Provenance and the like stands there, too.
        available.retain(|platform| platform.os != "unknown");
        let mut available: Vec<_> = available.iter().map(Platform::to_string).collect();
        available.dedup();
        available.truncate(20);
        Error::NoPlatform {
            wanted: wanted.to_string(),
            available,
        }
    })
}

/// Reads a document, and refuses one that different readers would take for different
/// things (CVE-2021-41190).
fn read(content: &[u8], said: Option<&str>) -> std::result::Result<(String, Document), String> {
    let shape: Shape = serde_json::from_slice(content).map_err(|error| error.to_string())?;
    if shape.schema_version == 1 || shape.fs_layers.is_some() {
        return Err("it has the format of 2014 (schema 1), which can't be verified".into());
    }
    let said = said.filter(|said| ACCEPT.contains(said));
    let media_type = match (shape.media_type.as_deref(), said) {
        (Some(own), Some(said)) if own != said => {
            return Err(format!("it is sent as {said} and says that it is {own}"));
        }
        (Some(own), _) => own,
        (None, Some(said)) => said,
        (None, None) if shape.manifests.is_some() => ACCEPT[1],
        (None, None) => ACCEPT[0],
    };
    let is_index = media_type == ACCEPT[1] || media_type == ACCEPT[3];
    if !is_index && !ACCEPT.contains(&media_type) {
        let name: String = media_type.chars().take(100).collect();
        return Err(format!("it is no image but {name}"));
    }
    let has_image = shape.config.is_some() || shape.layers.is_some();
    if has_image && shape.manifests.is_some() {
        return Err("it is an image and an index at once".into());
    }
    let error = |error: serde_json::Error| error.to_string();
    let document = if is_index {
        let index: ImageIndex = serde_json::from_slice(content).map_err(error)?;
        Document::Index(index.manifests().clone())
    } else {
        let manifest: ImageManifest = serde_json::from_slice(content).map_err(error)?;
        let config = manifest.config().media_type().to_string();
        if !CONFIGS.contains(&config.as_str()) {
            let name: String = config.chars().take(100).collect();
            return Err(format!("it is no container image: its config is {name}"));
        }
        Document::Image(Box::new(manifest))
    };
    Ok((media_type.to_owned(), document))
}

fn media_type_of(response: &Response) -> Option<String> {
    let value = response
        .headers()
        .get(header::CONTENT_TYPE)?
        .to_str()
        .ok()?;
    let essence = value.split(';').next().unwrap_or(value);
    Some(essence.trim().to_owned())
}

/// The address of the next page (RFC 8288).
fn link(response: &Response) -> Option<String> {
    let value = response.headers().get(header::LINK)?.to_str().ok()?;
    let (target, parameters) = value.strip_prefix('<')?.split_once('>')?;
    parameters.contains("next").then(|| target.to_owned())
}

fn display(version: &str) -> String {
    match version.contains(':') {
        true => format!("@{version}"),
        false => format!(":{version}"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const HEX: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

    fn descriptor(media_type: &str) -> serde_json::Value {
        json!({"mediaType": media_type, "size": 2, "digest": format!("sha256:{HEX}")})
    }

    fn image(media_type: Option<&str>) -> serde_json::Value {
        let mut value = json!({
            "schemaVersion": 2,
            "config": descriptor(CONFIGS[0]),
            "layers": [descriptor("application/vnd.oci.image.layer.v1.tar+gzip")],
        });
        if let Some(media_type) = media_type {
            value["mediaType"] = media_type.into();
        }
        value
    }

    fn kind(value: &serde_json::Value, said: Option<&str>) -> std::result::Result<String, String> {
        read(value.to_string().as_bytes(), said).map(|(media_type, _)| media_type)
    }

    #[test]
    fn documents_are_what_they_say_and_never_two_things() {
        assert_eq!(kind(&image(None), None), Ok(ACCEPT[0].into()));
        assert_eq!(kind(&image(None), Some(ACCEPT[2])), Ok(ACCEPT[2].into()));
        assert_eq!(
            kind(&image(Some(ACCEPT[2])), Some("text/plain")),
            Ok(ACCEPT[2].into())
        );
        assert!(kind(&image(Some(ACCEPT[0])), Some(ACCEPT[1])).is_err());
        assert!(
            kind(&image(Some("application/x")), None)
                .unwrap_err()
                .contains("application/x")
        );
        let mut both = image(None);
        both["manifests"] = json!([]);
        assert!(kind(&both, Some(ACCEPT[0])).is_err());
        let index = json!({"schemaVersion": 2, "manifests": [descriptor(ACCEPT[0])]});
        assert_eq!(kind(&index, None), Ok(ACCEPT[1].into()));
        assert!(kind(&json!({"schemaVersion": 1, "fsLayers": []}), None).is_err());
        let mut chart = image(None);
        chart["config"] = descriptor("application/vnd.cncf.helm.config.v1+json");
        assert!(kind(&chart, None).unwrap_err().contains("helm"));
    }

    #[test]
    fn nearest_platform_of_an_index_is_chosen() {
        let offers = |platforms: &[&str]| -> Vec<Descriptor> {
            let one = |text: &&str| {
                let mut parts = text.split('/');
                let mut value = descriptor(ACCEPT[0]);
                value["platform"] = json!({"os": parts.next(), "architecture": parts.next()});
                if let Some(variant) = parts.next() {
                    value["platform"]["variant"] = variant.into();
                }
                serde_json::from_value(value).unwrap()
            };
            platforms.iter().map(one).collect()
        };
        let listed = offers(&[
            "linux/arm/v5",
            "linux/arm/v6",
            "linux/amd64",
            "unknown/unknown",
        ]);
        let chosen = |wanted: &str| {
            let wanted = Platform::parse(wanted).unwrap();
            choose(&listed, &wanted).map(|found| listed.iter().position(|d| d == found).unwrap())
        };
        assert_eq!(chosen("linux/arm/v7").unwrap(), 1);
        assert_eq!(chosen("linux/amd64").unwrap(), 2);
        let error = chosen("linux/s390x").unwrap_err().to_string();
        assert!(
            error.contains("linux/arm/v5") && !error.contains("unknown"),
            "{error}"
        );
    }

    proptest! {
        #[test]
        fn no_manifest_makes_it_fail(cut in 0_usize..400, byte in any::<u8>()) {
            let mut text = image(Some(ACCEPT[0])).to_string().into_bytes();
            let at = cut.min(text.len() - 1);
            text[at] = byte;
            // Whether it is refused depends on where.
            let _ = read(&text, None);
            let _ = read(&text[..at], Some(ACCEPT[0]));
        }
    }
}
