//! Volumes.

use std::io::{Read, Write};

use async_trait::async_trait;

use super::Embedded;
use crate::{
    engine::{Result, Volumes},
    model::{PruneVolumes, PrunedVolumes, Volume, VolumeCreateRequest, VolumeDetails},
};

#[async_trait]
impl Volumes for Embedded {
    async fn volumes(&self) -> Result<Vec<VolumeDetails>> {
        self.blocking("list", "the volumes", |lifecycle| lifecycle.list_volumes())
            .await
    }

    async fn volume(&self, name: &str) -> Result<VolumeDetails> {
        let owned = name.to_owned();
        self.blocking("inspect the volume", name, move |lifecycle| {
            lifecycle.volume(&owned)
        })
        .await
    }

    async fn create_volume(&self, request: VolumeCreateRequest) -> Result<Volume> {
        let name = request.name.clone().unwrap_or_default();
        self.blocking("create the volume", &name, move |lifecycle| {
            lifecycle.create_volume(&request)
        })
        .await
    }

    async fn remove_volume(&self, name: &str) -> Result<()> {
        let owned = name.to_owned();
        self.blocking("remove the volume", name, move |lifecycle| {
            lifecycle.remove_volume(&owned)
        })
        .await
    }

    async fn prune_volumes(&self, request: PruneVolumes) -> Result<PrunedVolumes> {
        self.blocking("prune", "the volumes", move |lifecycle| {
            lifecycle.prune_volumes(&request)
        })
        .await
    }

    async fn measure_volumes(&self, names: &[String]) -> Result<Vec<VolumeDetails>> {
        let names = names.to_vec();
        self.blocking("measure", "the volumes", move |lifecycle| {
            lifecycle.measure_volumes(&names)
        })
        .await
    }

    async fn export_volume(&self, name: &str, out: Box<dyn Write + Send>) -> Result<()> {
        let owned = name.to_owned();
        self.blocking("export the volume", name, move |lifecycle| {
            lifecycle.export_volume(&owned, out)
        })
        .await
    }

    async fn import_volume(&self, name: &str, source: Box<dyn Read + Send>) -> Result<u64> {
        let owned = name.to_owned();
        self.blocking("import into the volume", name, move |lifecycle| {
            lifecycle.import_volume(&owned, source)
        })
        .await
    }
}
