//! Saving images as an archive that others load: docker's, which docker and podman read,
//! or an OCI layout in a tar.
//!
//! Every blob is hashed on its way out: what is damaged here is told here, not by whoever
//! loads it.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    io::{self, BufReader, Read, Write},
};

use oci_spec::image::{
    ANNOTATION_REF_NAME, Descriptor, ImageIndexBuilder, ImageManifest, MediaType, SCHEMA_VERSION,
};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tar::{Builder, EntryType, Header};

use super::{
    compression::{Plain, detect},
    error::{Error, Result},
    index::{self, FULL_NAME},
    layout::{digest_of, oci_digest},
    lease::Unfinished,
    reference::Reference,
    store::{Found, ImageStore},
};
use crate::model::{Digest, ImportProgress, SaveFormat};

/// An image to save, with the names that it is saved under.
pub(super) struct Chosen {
    pub(super) found: Found,
    pub(super) names: Vec<Reference>,
    pub(super) layers: Vec<Digest>,
}

/// A small blob that is made for the archive.
type Document = (Digest, Vec<u8>);

impl ImageStore {
    /// Writes images as one archive. A name without a tag means all of its tags, an id
    /// the image without names, as docker has it.
    pub fn save(
        &self,
        references: &[String],
        format: SaveFormat,
        out: impl Write,
        progress: &mut dyn FnMut(ImportProgress),
    ) -> Result<()> {
        let lease = self.lease(Unfinished::Discard)?;
        let mut chosen = Vec::new();
        // Kept first, then looked at again: what is found the second time stays.
        for attempt in 0..2 {
            let descriptors = self.layout.index()?;
            chosen = self.choose(&descriptors, references)?;
            if attempt == 0 {
                for image in &chosen {
                    let blobs: Vec<_> = image.blobs().collect();
                    lease.add(&blobs)?;
                }
            }
        }
        self.save_chosen(&chosen, format, out, progress)
    }

    /// Writes images that somebody's lease keeps.
    pub(super) fn save_chosen(
        &self,
        chosen: &[Chosen],
        format: SaveFormat,
        out: impl Write,
        progress: &mut dyn FnMut(ImportProgress),
    ) -> Result<()> {
        let mut archive = Writer {
            tar: Builder::new(out),
            written: 0,
            files: 0,
            progress,
        };
        match format {
            SaveFormat::Docker => self.save_docker(chosen, &mut archive)?,
            SaveFormat::Oci => self.save_layout(chosen, &mut archive)?,
        }
        let mut out = archive.tar.into_inner().map_err(sink)?;
        out.flush().map_err(sink)
    }

    fn choose(&self, descriptors: &[Descriptor], references: &[String]) -> Result<Vec<Chosen>> {
        let mut chosen: Vec<Chosen> = Vec::new();
        for text in references {
            let mut all = Vec::new();
            if let Ok(reference) = Reference::parse(text)
                && has_no_version(text)
            {
                for descriptor in descriptors {
                    let name = index::name_of(descriptor).and_then(|n| Reference::parse(n).ok());
                    let name = name.filter(|name| name.repository() == reference.repository());
                    if let Some(name) = name {
                        all.push((self.load_descriptor(descriptor)?, vec![name]));
                    }
                }
            }
            if all.is_empty() {
                let found = self.find(descriptors, text)?;
                let name = Reference::parse(text).ok();
                let name = name.filter(|name| {
                    name.digest().is_none() && index::carries(&found.descriptor, name)
                });
                all.push((found, name.into_iter().collect()));
            }
            for (found, names) in all {
                let same = |image: &&mut Chosen| image.found.id == found.id;
                if let Some(image) = chosen.iter_mut().find(same) {
                    image.names.extend(names);
                    continue;
                }
                let (_, layers) = self.checked_layers(&found.manifest)?;
                chosen.push(Chosen {
                    found,
                    names,
                    layers,
                });
            }
        }
        Ok(chosen)
    }

    fn save_docker(&self, images: &[Chosen], archive: &mut Writer<impl Write>) -> Result<()> {
        let mut manifest = Vec::new();
        let mut repositories: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
        for image in images {
            let tags: Vec<_> = image.names.iter().map(Reference::familiar).collect();
            for tag in &tags {
                if let (Some((name, tag)), Some(top)) = (tag.rsplit_once(':'), image.layers.last())
                {
                    let tags = repositories.entry(name.to_owned()).or_default();
                    tags.insert(tag.to_owned(), top.hex().to_owned());
                }
            }
            manifest.push(json!({
                "Config": format!("{}.json", image.found.id.hex()),
                "RepoTags": match tags.is_empty() { true => None, false => Some(tags) },
                "Layers": image.layers.iter().map(layer_name).collect::<Vec<_>>(),
            }));
        }
        archive.small("manifest.json", json!(manifest).to_string().as_bytes())?;
        archive.small("repositories", json!(repositories).to_string().as_bytes())?;
        let mut written = HashSet::new();
        for image in images {
            let id = &image.found.id;
            if written.insert(id.clone()) {
                self.save_blob(id, &format!("{}.json", id.hex()), archive)?;
            }
            let blobs = image.found.manifest.layers().iter();
            for (diff_id, blob) in image.layers.iter().zip(blobs) {
                let blob = digest_of(blob).expect("it was checked with the layers");
                if written.insert(diff_id.clone()) {
                    self.save_layer(diff_id, &blob, archive)?;
                }
            }
        }
        Ok(())
    }

    fn save_layout(&self, images: &[Chosen], archive: &mut Writer<impl Write>) -> Result<()> {
        archive.small("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#)?;
        let mut manifests = Vec::new();
        let mut documents = Vec::new();
        for image in images {
            let (mut descriptor, text) = as_oci(image);
            documents.extend(text);
            descriptor.set_annotations(None);
            if image.names.is_empty() {
                manifests.push(descriptor.clone());
            }
            for name in &image.names {
                let mut named = descriptor.clone();
                named.set_annotations(Some(HashMap::from([
                    (ANNOTATION_REF_NAME.to_owned(), name.familiar()),
                    (FULL_NAME.to_owned(), name.to_string()),
                ])));
                manifests.push(named);
            }
        }
        let index = ImageIndexBuilder::default()
            .schema_version(SCHEMA_VERSION)
            .media_type(MediaType::ImageIndex)
            .manifests(manifests)
            .build()
            .expect("all required fields are set");
        let text = serde_json::to_vec(&index).expect("an index has only string keys");
        archive.small("index.json", &text)?;
        let mut written = HashSet::new();
        let name = |digest: &Digest| format!("blobs/sha256/{}", digest.hex());
        for (digest, text) in documents {
            if written.insert(digest.clone()) {
                archive.small(&name(&digest), &text)?;
            }
        }
        for image in images {
            for digest in image.blobs() {
                let is_manifest = digest_of(&image.found.descriptor).as_ref() == Some(&digest);
                let is_converted =
                    is_manifest && image.found.descriptor.media_type() != &MediaType::ImageManifest;
                if !is_converted && written.insert(digest.clone()) {
                    self.save_blob(&digest, &name(&digest), archive)?;
                }
            }
        }
        Ok(())
    }

    /// A blob as it is.
    fn save_blob(
        &self,
        digest: &Digest,
        name: &str,
        archive: &mut Writer<impl Write>,
    ) -> Result<()> {
        let path = self.layout.blob(digest);
        let file = match self.open_blob(digest) {
            Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                return Err(Error::MissingBlob {
                    digest: digest.clone(),
                });
            }
            file => file?,
        };
        let size = file.metadata().map_err(Error::io("look at", path))?.len();
        archive.file(name, size, file, digest)
    }

    /// A layer's tar, unpacked: not every reader of docker's format unpacks what it finds.
    fn save_layer(
        &self,
        diff_id: &Digest,
        blob: &Digest,
        archive: &mut Writer<impl Write>,
    ) -> Result<()> {
        let path = self.layout.blob(blob);
        let known = self.layers.record(diff_id)?.and_then(|r| r.tar_bytes);
        let size = match known {
            Some(size) => size,
            None => {
                let (format, mut source) =
                    detect(self.open_blob(blob)?).map_err(Error::io("read", &path))?;
                let mut plain =
                    Plain::new(format, &mut source).map_err(Error::io("read", &path))?;
                io::copy(&mut plain, &mut io::sink()).map_err(Error::io("read", &path))?
            }
        };
        let (format, mut source) =
            detect(self.open_blob(blob)?).map_err(Error::io("read", &path))?;
        let plain = Plain::new(format, &mut source).map_err(Error::io("read", &path))?;
        archive.file(&layer_name(diff_id), size, plain, diff_id)
    }
}

impl Chosen {
    /// Its manifest, config and layers.
    fn blobs(&self) -> impl Iterator<Item = Digest> {
        let own = [
            digest_of(&self.found.descriptor),
            Some(self.found.id.clone()),
        ];
        let layers = self.found.manifest.layers().iter().map(digest_of);
        own.into_iter()
            .chain(layers)
            .flatten()
            .collect::<Vec<_>>()
            .into_iter()
    }
}

fn layer_name(diff_id: &Digest) -> String {
    format!("{}.tar", diff_id.hex())
}

/// Whether a reference has neither tag nor digest.
fn has_no_version(text: &str) -> bool {
    let last = text.rsplit('/').next().unwrap_or(text);
    !last.contains([':', '@'])
}

/// The manifest as OCI has it: its own, or docker's with OCI's names for the same things.
fn as_oci(image: &Chosen) -> (Descriptor, Option<Document>) {
    let descriptor = &image.found.descriptor;
    if descriptor.media_type() == &MediaType::ImageManifest {
        return (descriptor.clone(), None);
    }
    let manifest = oci_manifest(&image.found.manifest);
    let text = serde_json::to_vec(&manifest).expect("a manifest has only string keys");
    let digest = Digest::from_sha256(&Sha256::digest(&text).into());
    let descriptor = Descriptor::new(
        MediaType::ImageManifest,
        text.len() as u64,
        oci_digest(&digest),
    );
    (descriptor, Some((digest, text)))
}

/// A manifest with OCI's media types.
pub(super) fn oci_manifest(manifest: &ImageManifest) -> ImageManifest {
    let mut manifest = manifest.clone();
    manifest.set_media_type(Some(MediaType::ImageManifest));
    let mut config = manifest.config().clone();
    config.set_media_type(MediaType::ImageConfig);
    manifest.set_config(config);
    let layers = manifest.layers().iter().map(|layer| {
        let mut layer = layer.clone();
        let name = layer.media_type().to_string();
        if name.starts_with("application/vnd.docker.") {
            layer.set_media_type(match () {
                () if name.ends_with("gzip") => MediaType::ImageLayerGzip,
                () if name.ends_with("zstd") => MediaType::ImageLayerZstd,
                () => MediaType::ImageLayer,
            });
        }
        layer
    });
    let layers = layers.collect();
    manifest.set_layers(layers);
    manifest
}

fn sink(error: io::Error) -> Error {
    Error::Layer(crate::layer::Error::Sink(error))
}

/// The archive that is written.
struct Writer<'a, W: Write> {
    tar: Builder<W>,
    written: u64,
    files: u64,
    progress: &'a mut dyn FnMut(ImportProgress),
}

impl<W: Write> Writer<'_, W> {
    fn small(&mut self, name: &str, text: &[u8]) -> Result<()> {
        let mut header = header(text.len() as u64);
        self.tar.append_data(&mut header, name, text).map_err(sink)
    }

    /// A file whose content must have a digest.
    fn file(&mut self, name: &str, size: u64, source: impl Read, digest: &Digest) -> Result<()> {
        self.files += 1;
        let damaged = || Error::DamagedBlob {
            digest: digest.clone(),
        };
        let mut source = Checked {
            source: BufReader::with_capacity(256 << 10, source),
            hash: Sha256::new(),
            left: size,
            failed: None,
            tell: &mut |length| {
                self.written += length;
                (self.progress)(ImportProgress {
                    read_bytes: self.written,
                    entries: self.files,
                });
            },
        };
        let appended = self.tar.append_data(&mut header(size), name, &mut source);
        if let Some(error) = source.failed.take() {
            tracing::debug!(%error, name, "a blob can't be read");
            return Err(damaged());
        }
        appended.map_err(sink)?;
        let mut beyond = [0];
        let is_whole = source.left == 0 && matches!(source.source.read(&mut beyond), Ok(0));
        if !is_whole || Digest::from_sha256(&source.hash.finalize().into()) != *digest {
            return Err(damaged());
        }
        Ok(())
    }
}

/// Exactly as many bytes as were promised, hashed.
struct Checked<'a, R> {
    source: R,
    hash: Sha256,
    left: u64,
    failed: Option<io::Error>,
    tell: &'a mut dyn FnMut(u64),
}

impl<R: Read> Read for Checked<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let room = usize::try_from(self.left).map_or(buffer.len(), |left| left.min(buffer.len()));
        if room == 0 {
            return Ok(0);
        }
        let length = match self.source.read(&mut buffer[..room]) {
            Ok(0) => Err(io::Error::from(io::ErrorKind::UnexpectedEof)),
            length => length,
        };
        match length {
            Ok(length) => {
                self.hash.update(&buffer[..length]);
                self.left -= length as u64;
                (self.tell)(length as u64);
                Ok(length)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                let kind = error.kind();
                self.failed = Some(error);
                Err(kind.into())
            }
        }
    }
}

fn header(size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::Regular);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    // The same images give the same archive.
    header.set_mtime(0);
    header.set_size(size);
    header
}
