//! Where a build's result goes: into the store, into an archive, or its files alone into
//! a directory or a tar.

use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    os::fd::AsFd,
    path::Path,
};

use sha2::{Digest as _, Sha256};

use super::{
    Result,
    builder::Builder,
    error::failed,
    made::Made,
    tree::{Change, Copier},
};
use crate::{
    image::PackedLayer,
    layer::{self, Position},
    model::{BuildOutput, Digest},
};

/// Bytes that are written at once.
const PIECE: usize = 256 << 10;

/// Finishes the image and gives it to whom it is for. Its id.
pub(super) fn finish(
    builder: Builder<'_>,
    mut made: Made,
    mut outputs: Vec<BuildOutput>,
) -> Result<Digest> {
    if builder.request.squash && made.layers.len() > 1 {
        builder.squash(&mut made)?;
    }
    builder.export_cache()?;
    let text = builder.document(&mut made);
    if outputs.is_empty() {
        outputs.push(BuildOutput::Image);
    }
    let mut is_stored = false;
    for output in outputs {
        match output {
            BuildOutput::Image => is_stored = true,
            BuildOutput::Cache => {}
            BuildOutput::Directory(path) => builder.write_files(&made.layers, &path)?,
            BuildOutput::Tar(stream) => {
                let out = BufWriter::with_capacity(PIECE, stream.into_inner());
                builder.pack_all(&made.layers, out)?;
            }
            BuildOutput::Archive(format, stream) => {
                let out = BufWriter::with_capacity(PIECE, stream.into_inner());
                let names = &builder.request.names;
                builder
                    .images
                    .save_layers(&builder.lease, &text, &made.layers, names, format, out)
                    .map_err(failed("write the archive"))?;
            }
        }
    }
    let (lease, names) = (builder.lease, &builder.request.names);
    match is_stored {
        true => builder
            .images
            .assemble_layers(lease, &text, &made.layers, names)
            .map_err(failed("put the image in the store")),
        false => Ok(Digest::from_sha256(&Sha256::digest(&text).into())),
    }
}

impl Builder<'_> {
    /// The image's config document.
    fn document(&self, made: &mut Made) -> Vec<u8> {
        let labels = &self.request.labels;
        if !labels.is_empty() {
            let own = made.document.config.labels.get_or_insert_default();
            let labels = labels.iter();
            own.extend(labels.map(|(name, value)| (name.clone(), value.clone())));
        }
        made.document.created = Some(made.created.clone());
        let ids = made.layers.iter().map(|layer| layer.diff_id.to_string());
        made.document.rootfs.diff_ids = ids.collect();
        serde_json::to_vec(&made.document).expect("a config has only string keys")
    }

    /// Makes all layers one.
    fn squash(&self, made: &mut Made) -> Result<()> {
        let layers = std::mem::take(&mut made.layers);
        let squashed = self
            .images
            .pack_layer(&self.lease, Position::Lowest, &mut |_| {}, |out| {
                let scratch = self.scratch().map_err(std::io::Error::other);
                let scratch = scratch.map_err(layer::Error::Sink)?;
                let overlay = self
                    .overlay(&layers, scratch.path())
                    .map_err(|error| layer::Error::Sink(std::io::Error::other(error)))?;
                layer::pack_merged(&overlay, self.request.epoch, out)
            });
        made.layers
            .push(squashed.map_err(failed("make one layer of all"))?);
        for step in &mut made.document.history {
            step.empty_layer = true;
        }
        made.say("squash".into());
        if let Some(last) = made.document.history.last_mut() {
            last.empty_layer = false;
        }
        Ok(())
    }

    fn pack_all(&self, layers: &[PackedLayer], mut out: impl Write) -> Result<()> {
        let scratch = self.scratch()?;
        let overlay = self.overlay(layers, scratch.path())?;
        layer::pack_merged(&overlay, self.request.epoch, &mut out)
            .map_err(failed("write the files"))?;
        out.flush().map_err(failed("write the files"))
    }

    /// Copies all files below a directory; what is there and has no part in it stays.
    fn write_files(&self, layers: &[PackedLayer], path: &Path) -> Result<()> {
        let what = || format!("write to {}", path.display());
        fs::create_dir_all(path).map_err(failed(what()))?;
        let target = File::open(path).map_err(failed(what()))?;
        let (root, _scratch) = self.mount_files(layers)?;
        let (user, group) = (rustix::process::getuid(), rustix::process::getgid());
        let change = Change {
            owner: Some((user.as_raw(), group.as_raw())),
            latest: self.request.epoch,
            ..Change::default()
        };
        Copier::new(change, &|_| false)
            .contents(root.as_fd(), Path::new(""), target.as_fd())
            .map_err(failed(what()))
    }
}
