//! Making an image from a root file system's tar.

use std::{
    fs::File,
    io::{Read, Write},
    os::unix::fs::MetadataExt,
};

use jiff::Timestamp;
use oci_spec::image::{Config, MediaType};
use serde_json::json;

use super::{
    build::PackedLayer,
    compression::{Format, Plain, Tee, detected},
    config,
    error::{Error, Result},
    lease::{Lease, Unfinished},
    store::{ImageStore, new_name},
};
use crate::{
    dockerfile::{self, Settings},
    layer::{self, Position},
    model::{Digest, ImportProgress, ImportRequest},
};

impl ImageStore {
    /// Makes an image of one layer from a tar: plain, gzip or zstd by its first bytes.
    /// The blob is kept as it was given. Its id.
    ///
    /// If anything fails, nothing was changed and nothing is left.
    pub fn import(
        &self,
        source: impl Read + Send,
        request: &ImportRequest,
        progress: &mut dyn FnMut(ImportProgress),
    ) -> Result<Digest> {
        // Refused before the work, not after it.
        request.name.as_deref().map(new_name).transpose()?;
        let mut settings = Settings::default();
        let changes = dockerfile::changes(&request.changes).map_err(Error::Change)?;
        dockerfile::change(&mut settings, &changes).map_err(Error::Change)?;
        self.sweep()?;
        let lease = self.lease(Unfinished::Discard)?;
        let layer = self.bring_layer(&lease, source, Position::Lowest, progress)?;
        let made = [(layer.diff_id.clone(), "wharf import".to_owned())];
        let config = config::new_config(Timestamp::now(), &made, Config::default());
        let mut config = json!(config);
        config["config"] = json!(settings);
        if !request.comment.is_empty() {
            config["history"][0]["comment"] = request.comment.clone().into();
        }
        let names: Vec<_> = request.name.clone().into_iter().collect();
        self.assemble_layers(lease, config.to_string().as_bytes(), &[layer], &names)
    }

    /// Unpacks a layer and keeps its blob as it comes; the lease keeps both.
    pub(super) fn bring_layer(
        &self,
        lease: &Lease,
        source: impl Read + Send,
        position: Position,
        progress: &mut dyn FnMut(ImportProgress),
    ) -> Result<PackedLayer> {
        let staging = self.layout.stage()?;
        let path = staging.path("layer");
        let mut file = File::create(&path).map_err(Error::io("make", &path))?;
        let write = Error::io("write", &path);
        let layers = &self.layers;
        let (unpacked, blob, size, media_type) =
            detected(source, progress, |format, source, progress| {
                let media_type = match format {
                    Format::Plain => {
                        // Its digest is the diff-id: hashed once.
                        let copy: &mut (dyn Write + Send) = &mut file;
                        let unpacked = layers.unpack(source, position, Some(copy), progress)?;
                        let size = file.metadata().map_err(write)?.size();
                        let digest = unpacked.record.diff_id.clone();
                        return Ok((unpacked, digest, size, MediaType::ImageLayer));
                    }
                    Format::Gzip => MediaType::ImageLayerGzip,
                    Format::Zstd => MediaType::ImageLayerZstd,
                };
                let mut tee = Tee::new(&mut *source, file);
                let plain = Plain::new(format, &mut tee).map_err(layer::Error::Source)?;
                let unpacked = layers.unpack(plain, position, None, progress)?;
                let (digest, size) = tee.finish().map_err(write)?;
                // Whoever pipes the rest to us shall not die of it.
                std::io::copy(source, &mut std::io::sink()).map_err(layer::Error::Source)?;
                Ok((unpacked, digest, size, media_type))
            })?;
        self.place_layer(lease, unpacked, &path, &blob, size, media_type)
    }

    /// Makes an image of layers, lowest first, each with what made it. Its id.
    pub(super) fn assemble_made(
        &self,
        lease: Lease,
        made: &[(PackedLayer, String)],
        process: Config,
        created: Timestamp,
        name: &str,
    ) -> Result<Digest> {
        let history = made.iter().map(|(l, by)| (l.diff_id.clone(), by.clone()));
        let config = config::new_config(created, &history.collect::<Vec<_>>(), process);
        let config = serde_json::to_vec(&config).expect("a config has only string keys");
        let layers: Vec<_> = made.iter().map(|(layer, _)| layer.clone()).collect();
        self.assemble_layers(lease, &config, &layers, &[name.to_owned()])
    }
}
