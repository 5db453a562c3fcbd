//! The other engine's volumes.

use std::io::{Read, Write};

use async_trait::async_trait;
use hyper::Method;
use serde_json::{Value, json};

use super::{Remote, client::Ask, read, unreadable, world};
use crate::{
    engine::{EngineError, ErrorKind, Observe, Result, Volumes},
    model::{PruneVolumes, PrunedVolumes, Visible, Volume, VolumeCreateRequest, VolumeDetails},
};

#[async_trait]
impl Volumes for Remote {
    async fn volumes(&self) -> Result<Vec<VolumeDetails>> {
        let found = world::volumes(&self.client).await?;
        self.with_users(found).await
    }

    async fn volume(&self, name: &str) -> Result<VolumeDetails> {
        let ask = Ask::get(format!("/volumes/{name}"), "look at the volume", name);
        let value: Value = self.client.json(ask).await?;
        let volume = read::volume(&value).ok_or_else(|| {
            let why = "the engine's answer is no volume".into();
            unreadable("look at the volume", name, why)
        })?;
        let world = self.world(Visible::default()).await?;
        Ok(world.with_users(volume))
    }

    async fn create_volume(&self, request: VolumeCreateRequest) -> Result<Volume> {
        let subject = request.name.clone().unwrap_or_default();
        let ask = Ask::post("/volumes/create", "create the volume", &subject).json(json!({
            "Name": subject,
            "Driver": request.driver.unwrap_or_default(),
            "DriverOpts": request.options,
            "Labels": request.labels,
        }));
        let value: Value = self.client.json(ask).await?;
        read::volume(&value).ok_or_else(|| {
            let why = "the engine's answer is no volume".into();
            unreadable("create the volume", &subject, why)
        })
    }

    async fn remove_volume(&self, name: &str) -> Result<()> {
        let path = format!("/volumes/{name}");
        self.client
            .done(Ask::of(Method::DELETE, path, "remove the volume", name))
            .await
    }

    async fn prune_volumes(&self, request: PruneVolumes) -> Result<PrunedVolumes> {
        // One by one: what goes and what would go is told by the same rule, and engines of
        // different ages read `all` differently.
        let mut pruned = PrunedVolumes::default();
        for found in self.measure_volumes(&[]).await? {
            let volume = &found.volume;
            let is_meant = found.users.is_empty()
                && (request.all || volume.anonymous)
                && request
                    .labels
                    .iter()
                    .all(|label| label.matches(&volume.labels));
            // Somebody may have begun to use it.
            if is_meant && (request.preview || self.remove_volume(&volume.name).await.is_ok()) {
                pruned.bytes += volume.size.map_or(0, |size| size.bytes);
                pruned.names.push(volume.name.clone());
            }
        }
        Ok(pruned)
    }

    async fn measure_volumes(&self, names: &[String]) -> Result<Vec<VolumeDetails>> {
        let ask = Ask::get("/system/df", "measure", "the volumes").query("type", "volume");
        let answer: Value = self.client.json(ask).await?;
        let mut all = self.with_users(read::volumes(&answer)).await?;
        let measured = all.iter().map(|found| &found.volume);
        self.picture.lock().await.keep_sizes(measured);
        all.retain(|found| names.is_empty() || names.contains(&found.volume.name));
        Ok(all)
    }

    async fn export_volume(&self, name: &str, _: Box<dyn Write + Send>) -> Result<()> {
        Err(by_a_container("export the volume", name))
    }

    async fn import_volume(&self, name: &str, _: Box<dyn Read + Send>) -> Result<u64> {
        Err(by_a_container("import into the volume", name))
    }
}

fn by_a_container(operation: &'static str, name: &str) -> EngineError {
    EngineError::new(ErrorKind::Unsupported, operation, name)
        .because("this engine gives no volume out as a whole")
        .with_hint("mount it into a container, and use `wharf cp` with that")
}

impl Remote {
    async fn with_users(&self, volumes: Vec<Volume>) -> Result<Vec<VolumeDetails>> {
        let world = self.world(Visible::default()).await?;
        let all = volumes.into_iter();
        Ok(all.map(|volume| world.with_users(volume)).collect())
    }
}
