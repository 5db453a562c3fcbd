//! Images and containers' files as archives.

use std::io::{Read, Write};

use async_trait::async_trait;
use tokio::sync::mpsc;

use super::{Embedded, images::telling};
use crate::{
    engine::{Archives, CopyFrom, CopyTo, Result},
    model::{
        CommitRequest, ContainerId, CopyRequest, Digest, ImportProgress, LoadedImage, PathDetails,
        SaveRequest,
    },
};

#[async_trait]
impl Archives for Embedded {
    async fn save(
        &self,
        request: SaveRequest,
        out: Box<dyn Write + Send>,
        progress: Option<mpsc::Sender<ImportProgress>>,
    ) -> Result<()> {
        let subject = request.references.join(", ");
        self.blocking("save", &subject, move |lifecycle| {
            let mut tell = telling(progress);
            let images = lifecycle.images()?;
            Ok(images.save(&request.references, request.format, out, &mut tell)?)
        })
        .await
    }

    async fn load(
        &self,
        source: Box<dyn Read + Send>,
        progress: Option<mpsc::Sender<ImportProgress>>,
    ) -> Result<Vec<LoadedImage>> {
        self.blocking("load", "", move |lifecycle| {
            let loaded = lifecycle.images()?.load(source, &mut telling(progress))?;
            for image in &loaded {
                let id = image.id.as_str();
                lifecycle.tell_of_image("load", id, id);
            }
            Ok(loaded)
        })
        .await
    }

    async fn export(&self, id: &ContainerId, out: Box<dyn Write + Send>) -> Result<()> {
        self.about("export", id, move |lifecycle, id| lifecycle.export(id, out))
            .await
    }

    async fn commit(&self, request: CommitRequest) -> Result<Digest> {
        let id = request.id.clone();
        self.about("commit", &id, move |lifecycle, _| {
            lifecycle.commit(&request, &mut |_| {})
        })
        .await
    }

    async fn path_details(&self, request: CopyRequest) -> Result<PathDetails> {
        let id = request.id.clone();
        self.about("look into", &id, move |lifecycle, _| {
            lifecycle.path_details(&request)
        })
        .await
    }

    async fn copy_out(&self, request: CopyRequest, to: CopyTo) -> Result<()> {
        let id = request.id.clone();
        self.about("copy from", &id, move |lifecycle, _| {
            lifecycle.copy_out(&request, to)
        })
        .await
    }

    async fn copy_in(&self, request: CopyRequest, from: CopyFrom) -> Result<()> {
        let id = request.id.clone();
        self.about("copy into", &id, move |lifecycle, _| {
            lifecycle.copy_in(&request, from)
        })
        .await
    }
}
