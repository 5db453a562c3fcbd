//! Making an image from a root file system's tar.

use std::{
    fs::File,
    io::{Read, Write},
    os::unix::fs::MetadataExt,
    sync::atomic::{AtomicU64, Ordering},
};

use jiff::Timestamp;
use oci_spec::image::{
    Config, Descriptor, ImageConfiguration, ImageManifestBuilder, MediaType, SCHEMA_VERSION,
};

use super::{
    compression::{Counted, Format, Gzip, Tee, detect},
    config,
    error::{Error, Result},
    index,
    layout::{Staging, digest_of, sync_directory, sync_file_system},
    reference::Reference,
    store::{ImageStore, new_name},
};
use crate::{
    layer::{self, Position, Unpacked},
    model::{Digest, ImportProgress},
};

/// A layer that is staged: its blob and its files.
pub(super) struct StagedLayer {
    pub(super) blob: Descriptor,
    pub(super) unpacked: Unpacked,
    pub(super) created_by: String,
}

impl ImageStore {
    /// Makes an image of one layer from a tar: plain, gzip or zstd by its first bytes.
    /// The blob is kept as it was given. Its id.
    ///
    /// If anything fails, nothing was changed and nothing is left.
    pub fn import(
        &self,
        source: impl Read + Send,
        reference: &str,
        progress: &mut dyn FnMut(ImportProgress),
    ) -> Result<Digest> {
        let name = new_name(reference)?;
        self.sweep()?;
        let mut staging = self.layout.stage()?;
        let layer = self.stage_layer(
            &mut staging,
            source,
            Position::Lowest,
            "wharf import",
            progress,
        )?;
        self.commit(
            staging,
            vec![layer],
            Config::default(),
            Timestamp::now(),
            &name,
        )
    }

    /// Unpacks a layer and keeps its blob, both aside.
    pub(super) fn stage_layer(
        &self,
        staging: &mut Staging,
        source: impl Read + Send,
        position: Position,
        created_by: &str,
        progress: &mut dyn FnMut(ImportProgress),
    ) -> Result<StagedLayer> {
        let path = staging.path("layer");
        let file = File::create(&path).map_err(Error::io("make", &path))?;
        let count = AtomicU64::new(0);
        let counted = Counted {
            source,
            count: &count,
        };
        let mut progress = |unpacked: ImportProgress| {
            progress(ImportProgress {
                read_bytes: count.load(Ordering::Relaxed),
                ..unpacked
            });
        };
        let (format, mut source) = detect(counted).map_err(layer::Error::Source)?;
        let write = Error::io("write", &path);
        let (unpacked, media_type, digest, size) = if format == Format::Plain {
            let mut file = file;
            let copy: &mut (dyn Write + Send) = &mut file;
            let unpacked = self
                .layers
                .unpack(source, position, Some(copy), &mut progress)?;
            let size = file.metadata().map_err(write)?.size();
            let digest = unpacked.record.diff_id.clone();
            (unpacked, MediaType::ImageLayer, digest, size)
        } else {
            let mut tee = Tee::new(&mut source, file);
            let (unpacked, media_type) = if format == Format::Gzip {
                let plain = Gzip::new(&mut tee);
                let unpacked = self.layers.unpack(plain, position, None, &mut progress)?;
                (unpacked, MediaType::ImageLayerGzip)
            } else {
                let plain = zstd::stream::read::Decoder::with_buffer(&mut tee)
                    .map_err(layer::Error::Source)?;
                let unpacked = self.layers.unpack(plain, position, None, &mut progress)?;
                (unpacked, MediaType::ImageLayerZstd)
            };
            let (digest, size) = tee.finish().map_err(write)?;
            // Whoever pipes the rest to us shall not die of it.
            std::io::copy(&mut source, &mut std::io::sink()).map_err(layer::Error::Source)?;
            (unpacked, media_type, digest, size)
        };
        Ok(StagedLayer {
            blob: staging.adopt("layer", media_type, digest, size)?,
            unpacked,
            created_by: created_by.to_owned(),
        })
    }

    /// Makes an image of staged layers, lowest first, and names it. Its id.
    pub(super) fn commit(
        &self,
        mut staging: Staging,
        layers: Vec<StagedLayer>,
        process: Config,
        created: Timestamp,
        name: &Reference,
    ) -> Result<Digest> {
        let history: Vec<_> = layers
            .iter()
            .map(|layer| {
                (
                    layer.unpacked.record.diff_id.clone(),
                    layer.created_by.clone(),
                )
            })
            .collect();
        let config = config::new_config(created, &history, process);
        let blobs = layers.iter().map(|layer| layer.blob.clone()).collect();
        let (id, manifest) = stage_manifest(&mut staging, &config, blobs)?;

        // Everything reaches the disk before it gets its name, and without the lock,
        // because this is what takes long.
        self.sync()?;
        let _lock = self.layout.lock()?;
        match self.place(&staging, layers, &manifest, name) {
            Ok(()) => Ok(id),
            Err(error) => {
                // Some may be in place already. What can't be taken back now is later.
                if self.collect().is_err() {
                    staging.abandon();
                }
                Err(error)
            }
        }
    }

    /// Gives everything its place, and last its name. Under the exclusive lock.
    fn place(
        &self,
        staging: &Staging,
        layers: Vec<StagedLayer>,
        manifest: &Descriptor,
        name: &Reference,
    ) -> Result<()> {
        for layer in layers {
            layer.unpacked.keep()?;
        }
        sync_directory(self.layers.directory())?;
        self.layout.place_blobs(staging)?;
        let mut descriptors = self.layout.index()?;
        index::give_name(&mut descriptors, manifest, name);
        self.layout.write_index(staging, descriptors)
    }

    /// Writes everything to the disk.
    pub(super) fn sync(&self) -> Result<()> {
        let (images, layers) = (self.layout.directory(), self.layers.directory());
        let device = |path: &std::path::Path| {
            let metadata = std::fs::metadata(path).map_err(Error::io("look at", path))?;
            Ok::<_, Error>(metadata.dev())
        };
        sync_file_system(layers)?;
        if device(images)? != device(layers)? {
            sync_file_system(images)?;
        }
        Ok(())
    }
}

fn stage_manifest(
    staging: &mut Staging,
    config: &ImageConfiguration,
    layers: Vec<Descriptor>,
) -> Result<(Digest, Descriptor)> {
    let text = serde_json::to_vec(config).expect("a config has only string keys");
    let config = staging.add(MediaType::ImageConfig, &text)?;
    let id = digest_of(&config).expect("we hash by sha256");
    let manifest = ImageManifestBuilder::default()
        .schema_version(SCHEMA_VERSION)
        .media_type(MediaType::ImageManifest)
        .config(config)
        .layers(layers)
        .build()
        .expect("all required fields are set");
    let text = serde_json::to_vec(&manifest).expect("a manifest has only string keys");
    let manifest = staging.add(MediaType::ImageManifest, &text)?;
    Ok((id, manifest))
}
