//! Loading images from an archive: docker's (`manifest.json`) or an OCI layout
//! (`index.json`) in a tar that may be packed as a whole.
//!
//! The archive comes as a stream, with its index anywhere: each of its files is written
//! aside under a number and hashed, then the images that the index lists are made of
//! them as those of a pull. Names inside the archive are only ever looked up, never paths
//! of ours.

use std::{
    collections::HashMap,
    fs::{self, File},
    io::{BufReader, Read, Write},
    path::PathBuf,
    sync::atomic::{AtomicU64, Ordering},
};

use oci_spec::image::{
    ANNOTATION_REF_NAME, Arch, Descriptor, ImageConfiguration, ImageIndex, ImageManifest,
    ImageManifestBuilder, MediaType, Os, SCHEMA_VERSION,
};
use serde::{Deserialize, de::DeserializeOwned};

use super::{
    assemble::{Assembly, LONGEST_DOCUMENT, MOST_LAYERS},
    compression::{Counted, Format, Hashed, Plain, detect},
    config,
    error::{Error, Result},
    index::FULL_NAME,
    layout::{Layout, Staging, digest_of, oci_digest},
    lease::{Lease, Unfinished},
    reference::Reference,
    store::ImageStore,
};
use crate::{
    layer::{self, Archive, Kind, Position, Refusal},
    model::{Digest, ImportProgress, LoadedImage},
};

/// Most files of an archive.
const MOST_FILES: usize = 100_000;
/// Most images of an archive.
const MOST_IMAGES: usize = 1_000;
/// As many links as the kernel follows.
const MOST_LINKS: usize = 40;

/// One image of docker's `manifest.json`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DockerImage {
    config: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    layers: Vec<String>,
}

/// A file of the archive, written aside.
#[derive(Clone, Debug)]
struct Staged {
    path: PathBuf,
    digest: Digest,
    size: u64,
    format: Format,
}

/// All of them.
#[derive(Debug, Default)]
struct Contents {
    files: HashMap<Vec<u8>, Staged>,
    links: HashMap<Vec<u8>, Vec<u8>>,
}

/// A load under way.
struct Load<'a> {
    store: &'a ImageStore,
    lease: &'a Lease,
    contents: Contents,
    progress: &'a mut dyn FnMut(ImportProgress),
    /// What was told of the archive's own bytes.
    read_bytes: u64,
    entries: u64,
}

impl ImageStore {
    /// Loads every image of an archive, all or none. If anything fails, nothing was
    /// changed and nothing is left.
    pub fn load(
        &self,
        source: impl Read + Send,
        progress: &mut dyn FnMut(ImportProgress),
    ) -> Result<Vec<LoadedImage>> {
        self.sweep()?;
        let lease = self.lease(Unfinished::Discard)?;
        let staging = self.layout.stage()?;
        let count = AtomicU64::new(0);
        // Each layer may be as large as that, and no archive has more of them than an image.
        let most = self.layers.most_bytes().saturating_mul(MOST_LAYERS as u64);
        let contents = stage(source, &staging, &count, most, progress)?;
        let mut load = Load {
            store: self,
            lease: &lease,
            read_bytes: count.load(Ordering::Relaxed),
            entries: 0,
            contents,
            progress,
        };
        let images = load.images()?;
        let names = |image: &Assembly| image.names.iter().map(Reference::familiar).collect();
        let names: Vec<Vec<String>> = images.iter().map(names).collect();
        let ids = self.assemble(lease, &images)?;
        let loaded = ids.into_iter().zip(names);
        Ok(loaded
            .map(|(id, references)| LoadedImage { id, references })
            .collect())
    }
}

/// Writes the archive's files aside.
fn stage(
    source: impl Read,
    staging: &Staging,
    count: &AtomicU64,
    most_bytes: u64,
    progress: &mut dyn FnMut(ImportProgress),
) -> Result<Contents> {
    let (format, mut source) = detect(Counted { source, count }).map_err(layer::Error::Source)?;
    let plain = Plain::new(format, &mut source).map_err(layer::Error::Source)?;
    let mut archive = Archive::new(BufReader::with_capacity(256 << 10, plain));
    let mut contents = Contents::default();
    let (mut number, mut staged) = (0, 0_u64);
    while let Some(entry) = archive.next()? {
        let name = clean(&entry.name);
        number += 1;
        if number > MOST_FILES {
            return Err(unusable(format!("it has more than {MOST_FILES} files")));
        }
        match &entry.kind {
            Kind::File { size, pieces: None } => {
                staged = staged.saturating_add(*size);
                if staged > most_bytes {
                    return Err(entry.refused(Refusal::TooLarge { most: most_bytes }).into());
                }
                let path = staging.path(&number.to_string());
                let file = stage_file(&path, &mut archive, &mut || {
                    progress(ImportProgress {
                        read_bytes: count.load(Ordering::Relaxed),
                        entries: 0,
                    });
                })?;
                contents.links.remove(&name);
                contents.files.insert(name, file);
            }
            Kind::Symlink(target) => {
                let parent = name.iter().rposition(|byte| *byte == b'/');
                let parent = &name[..parent.map_or(0, |slash| slash + 1)];
                let target = clean(&[parent, target.as_slice()].concat());
                contents.files.remove(&name);
                contents.links.insert(name, target);
            }
            Kind::HardLink(target) => {
                contents.files.remove(&name);
                contents.links.insert(name, clean(target));
            }
            Kind::Directory => {}
            _ => return Err(entry.refused(Refusal::NotInAnArchive).into()),
        }
    }
    archive.drain()?;
    Ok(contents)
}

fn stage_file<R: std::io::BufRead>(
    path: &PathBuf,
    archive: &mut Archive<R>,
    progress: &mut dyn FnMut(),
) -> Result<Staged> {
    let file = File::create_new(path).map_err(Error::io("make", path))?;
    let mut hashed = Hashed::new(file);
    let mut head = Vec::new();
    while let Some(piece) = archive.content()? {
        if head.len() < 6 {
            head.extend_from_slice(&piece[..piece.len().min(6)]);
        }
        hashed.write_all(piece).map_err(Error::io("write", path))?;
        progress();
    }
    let (digest, size) = hashed.finish().map_err(Error::io("write", path))?;
    Ok(Staged {
        path: path.clone(),
        digest,
        size,
        // One that can't be unpacked is refused if it turns out to be a layer.
        format: detect(head.as_slice()).map_or(Format::Plain, |(format, _)| format),
    })
}

/// A name without what makes two names of one file differ. What climbs out stays there
/// and is found by no one.
fn clean(name: &[u8]) -> Vec<u8> {
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in name.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." if parts.last().is_some_and(|last| *last != b"..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join(&b'/')
}

fn unusable(reason: impl Into<String>) -> Error {
    Error::Unusable {
        what: "archive",
        reason: reason.into(),
    }
}

impl Contents {
    fn find(&self, name: &str) -> Option<&Staged> {
        let mut name = clean(name.as_bytes());
        for _ in 0..MOST_LINKS {
            if let Some(file) = self.files.get(&name) {
                return Some(file);
            }
            name.clone_from(self.links.get(&name)?);
        }
        None
    }

    fn need(&self, name: &str) -> Result<&Staged> {
        self.find(name)
            .ok_or_else(|| unusable(format!("it lacks its file {name:?}")))
    }

    /// A blob of an OCI layout, which must be what its name says.
    fn blob(&self, descriptor: &Descriptor) -> Result<&Staged> {
        let digest =
            digest_of(descriptor).ok_or_else(|| unusable("a digest in it is not sha256"))?;
        let file = self.need(&format!("blobs/sha256/{}", digest.hex()))?;
        if file.digest != digest {
            return Err(Error::BlobDigest {
                expected: digest,
                found: file.digest.clone(),
            });
        }
        if file.size != descriptor.size() {
            return Err(Error::BlobSize {
                digest,
                expected: descriptor.size(),
                found: file.size,
            });
        }
        Ok(file)
    }
}

impl Staged {
    fn json<T: DeserializeOwned>(&self, what: &'static str) -> Result<T> {
        let unusable = |reason: String| Error::Unusable { what, reason };
        if self.size > LONGEST_DOCUMENT {
            return Err(unusable(format!(
                "it is longer than {LONGEST_DOCUMENT} bytes"
            )));
        }
        let text = fs::read(&self.path).map_err(Error::io("read", &self.path))?;
        serde_json::from_slice(&text).map_err(|error| unusable(error.to_string()))
    }
}

impl Load<'_> {
    fn images(&mut self) -> Result<Vec<Assembly>> {
        let docker: Option<Vec<DockerImage>> = match self.contents.find("manifest.json") {
            Some(file) => Some(file.json("manifest.json")?),
            None => None,
        };
        let layout = match self.contents.find("index.json") {
            Some(file) if self.contents.find("oci-layout").is_some() => {
                let index: ImageIndex = file.json("index.json")?;
                Some(index)
            }
            _ => None,
        };
        let mut images = match (&layout, docker) {
            (Some(index), names) if !index.manifests().is_empty() => {
                self.of_layout(index, names.unwrap_or_default())?
            }
            (_, Some(docker)) => self.of_docker(docker)?,
            (Some(_), None) => Vec::new(),
            (None, None) => {
                return Err(unusable(
                    "it has neither docker's manifest.json nor an OCI layout's index.json",
                ));
            }
        };
        if images.is_empty() {
            return Err(unusable("it lists no image for this machine"));
        }
        // Two entries may be one image by two names.
        let mut merged: Vec<Assembly> = Vec::new();
        for image in images.drain(..) {
            let same = |other: &&mut Assembly| other.manifest.digest() == image.manifest.digest();
            match merged.iter_mut().find(same) {
                Some(other) => other.names.extend(image.names),
                None => merged.push(image),
            }
        }
        Ok(merged)
    }

    fn of_docker(&mut self, images: Vec<DockerImage>) -> Result<Vec<Assembly>> {
        if images.len() > MOST_IMAGES {
            return Err(unusable(format!("it has more than {MOST_IMAGES} images")));
        }
        let mut assemblies = Vec::new();
        for image in images {
            let tags = image.repo_tags.unwrap_or_default();
            let names = tags.iter().map(|tag| Reference::parse(tag));
            let names = names.collect::<std::result::Result<Vec<_>, _>>()?;
            let config = self.contents.need(&image.config)?.clone();
            let document: ImageConfiguration = config.json("image config")?;
            let diff_ids = self.diff_ids(&document, image.layers.len())?;
            let mut layers = Vec::new();
            let places = diff_ids.iter().zip(Position::of(&diff_ids));
            for (name, (diff_id, position)) in image.layers.iter().zip(places) {
                let layer = self.contents.need(name)?.clone();
                let media_type = match layer.format {
                    Format::Plain => MediaType::ImageLayer,
                    Format::Gzip => MediaType::ImageLayerGzip,
                    Format::Zstd => MediaType::ImageLayerZstd,
                };
                layers.push(layer.descriptor(media_type));
                self.layer(&layer, diff_id, position)?;
            }
            let manifest = ImageManifestBuilder::default()
                .schema_version(SCHEMA_VERSION)
                .media_type(MediaType::ImageManifest)
                .config(config.descriptor(MediaType::ImageConfig))
                .layers(layers)
                .build()
                .expect("all required fields are set");
            self.place(&config)?;
            let text = serde_json::to_vec(&manifest).expect("a manifest has only string keys");
            let digest = self.store.put_blob(self.lease, &text)?;
            assemblies.push(Assembly {
                manifest: Descriptor::new(
                    MediaType::ImageManifest,
                    text.len() as u64,
                    oci_digest(&digest),
                ),
                names,
                index: None,
                is_published: false,
            });
        }
        Ok(assemblies)
    }

    fn of_layout(&mut self, index: &ImageIndex, docker: Vec<DockerImage>) -> Result<Vec<Assembly>> {
        if index.manifests().len() > MOST_IMAGES {
            return Err(unusable(format!("it has more than {MOST_IMAGES} images")));
        }
        let mut assemblies = Vec::new();
        for descriptor in index.manifests() {
            let Some(found) = self.of_this_machine(descriptor, 0)? else {
                continue;
            };
            let staged = self.contents.blob(&found)?.clone();
            let manifest: ImageManifest = staged.json("manifest")?;
            let config = self.contents.blob(manifest.config())?.clone();
            let document: ImageConfiguration = config.json("image config")?;
            let diff_ids = self.diff_ids(&document, manifest.layers().len())?;
            let places = diff_ids.iter().zip(Position::of(&diff_ids));
            for (descriptor, (diff_id, position)) in manifest.layers().iter().zip(places) {
                let layer = self.contents.blob(descriptor)?.clone();
                self.layer(&layer, diff_id, position)?;
            }
            self.place(&config)?;
            self.place(&staged)?;
            let mut names: Vec<_> = name_of(descriptor)?.into_iter().collect();
            // Docker writes both indexes, and all names stand in its own only.
            for image in docker.iter() {
                let is_same = self
                    .contents
                    .find(&image.config)
                    .is_some_and(|file| file.digest == config.digest);
                for tag in image.repo_tags.iter().flatten().filter(|_| is_same) {
                    names.push(Reference::parse(tag)?);
                }
            }
            names.dedup();
            let mut manifest = found.clone();
            manifest.set_annotations(None);
            manifest.set_platform(None);
            assemblies.push(Assembly {
                manifest,
                names,
                index: None,
                is_published: false,
            });
        }
        Ok(assemblies)
    }

    /// The manifest that a descriptor means here: its own, or of an index for several
    /// platforms the one for ours.
    fn of_this_machine(&self, descriptor: &Descriptor, depth: usize) -> Result<Option<Descriptor>> {
        if Layout::is_image(descriptor) {
            // Such as what docker's builder attests of an image.
            let is_other = descriptor
                .platform()
                .as_ref()
                .is_some_and(|platform| platform.os() != &Os::Linux);
            return Ok((!is_other).then(|| descriptor.clone()));
        }
        let is_index = matches!(descriptor.media_type(), MediaType::ImageIndex)
            || descriptor.media_type().to_string()
                == "application/vnd.docker.distribution.manifest.list.v2+json";
        if !is_index || depth > 2 {
            return Ok(None);
        }
        let index: ImageIndex = self.contents.blob(descriptor)?.json("index")?;
        for inner in index.manifests() {
            let platform = inner.platform().as_ref();
            let is_ours = platform.is_none_or(|platform| {
                platform.os() == &Os::Linux && platform.architecture() == &Arch::default()
            });
            if is_ours && let Some(found) = self.of_this_machine(inner, depth + 1)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    fn diff_ids(&self, config: &ImageConfiguration, layers: usize) -> Result<Vec<Digest>> {
        if layers > MOST_LAYERS {
            return Err(unusable(format!(
                "an image of it has {layers} layers, and {MOST_LAYERS} are the most that one may have"
            )));
        }
        let diff_ids =
            config::diff_ids(config).ok_or_else(|| unusable("a diff-id in it is not sha256"))?;
        if diff_ids.len() != layers {
            return Err(unusable(format!(
                "an image of it has {layers} layers and its config {}",
                diff_ids.len()
            )));
        }
        Ok(diff_ids)
    }

    fn layer(&mut self, layer: &Staged, diff_id: &Digest, position: Position) -> Result<()> {
        // One that several images have is in place by now.
        let path = self.store.layout.blob(&layer.digest);
        let file = File::open(&layer.path).or_else(|_| File::open(&path));
        let file = file.map_err(Error::io("open", &layer.path))?;
        let (read_bytes, before) = (self.read_bytes, self.entries);
        let mut entries = before;
        let mut tell = |now: ImportProgress| {
            entries = before + now.entries;
            (self.progress)(ImportProgress {
                read_bytes,
                entries,
            });
        };
        self.store
            .unpack_layer(self.lease, diff_id, position, file, &mut tell)?;
        self.entries = entries;
        self.place(layer)
    }

    /// Puts a file in its place among the blobs.
    fn place(&self, file: &Staged) -> Result<()> {
        self.lease.add([&file.digest])?;
        let target = self.store.layout.blob(&file.digest);
        if target.exists() {
            return Ok(());
        }
        fs::rename(&file.path, &target).map_err(Error::io("put in place", target))
    }
}

impl Staged {
    fn descriptor(&self, media_type: MediaType) -> Descriptor {
        Descriptor::new(media_type, self.size, oci_digest(&self.digest))
    }
}

/// The name that an OCI layout gives an image. A bare tag is none: it doesn't say of what.
fn name_of(descriptor: &Descriptor) -> Result<Option<Reference>> {
    let Some(annotations) = descriptor.annotations() else {
        return Ok(None);
    };
    let full = annotations.get(FULL_NAME);
    let name = full.or_else(|| annotations.get(ANNOTATION_REF_NAME));
    match name {
        None => Ok(None),
        Some(name) if name == "latest" => Ok(None),
        Some(name) => Ok(Some(Reference::parse(name)?)),
    }
}
