//! Volumes that containers of the fake use, or used.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;

use super::{Fake, epoch};
use crate::{
    engine::{EngineError, ErrorKind, Result, Volumes},
    model::{
        LOCAL_DRIVER, Mount, MountKind, Volume, VolumeCreateRequest, VolumeDetails, VolumeMount,
        VolumeSize, World,
    },
};

/// Gives a world volumes, and lets containers use them.
pub fn mount(world: &mut World) {
    let pairs = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        pairs.iter().map(owned).collect()
    };
    let volumes = vec![
        Volume {
            anonymous: true,
            size: size(1_810_000, 12, 7_000, true),
            ..volume(&"3f9c".repeat(16), 7_000)
        },
        Volume {
            size: size(52_400_000, 310, 86_000, true),
            ..volume("backups", 900_000)
        },
        Volume {
            labels: pairs(&[("com.example.team", "shop"), ("keep", "")]),
            size: size(1_934_000_000, 1_404, 5_400, false),
            ..volume("orders-data", 1_210_000)
        },
        Volume {
            options: pairs(&[("type", "tmpfs"), ("device", "tmpfs"), ("o", "size=64m")]),
            ..volume("scratch", 300)
        },
    ];
    world.volumes = Arc::new(volumes);
    let uses = [
        ("postgres", "orders-data", "/var/lib/postgresql/data", false),
        ("backup", "orders-data", "/data", true),
        ("report-2026-02", "orders-data", "/srv/orders", true),
        ("thumbnailer", "scratch", "/tmp", false),
    ];
    for (name, of, target, read_only) in uses {
        let mut rows = world.containers.iter_mut();
        if let Some(row) = rows.find(|row| row.container.name == name) {
            let container = Arc::make_mut(&mut row.container);
            container.config.mounts.push(Mount {
                kind: MountKind::Volume(VolumeMount {
                    name: Some(of.to_owned()),
                    ..VolumeMount::default()
                }),
                target: target.into(),
                read_only,
            });
        }
    }
}

fn volume(name: &str, age_secs: u64) -> Volume {
    Volume {
        name: name.to_owned(),
        driver: LOCAL_DRIVER.to_owned(),
        created: epoch() - Duration::from_secs(age_secs),
        labels: BTreeMap::new(),
        options: BTreeMap::new(),
        anonymous: false,
        mountpoint: format!("/var/lib/wharf/volumes/{name}/_data").into(),
        size: None,
    }
}

fn size(bytes: u64, files: u64, age_secs: u64, is_current: bool) -> Option<VolumeSize> {
    Some(VolumeSize {
        bytes,
        files,
        at: epoch() - Duration::from_secs(age_secs),
        took_ms: 3,
        is_current,
    })
}

#[async_trait]
impl Volumes for Fake {
    async fn volumes(&self) -> Result<Vec<VolumeDetails>> {
        let world = self.now();
        let volumes = world.volumes.iter().cloned();
        Ok(volumes.map(|volume| world.with_users(volume)).collect())
    }

    async fn volume(&self, name: &str) -> Result<VolumeDetails> {
        let mut all = self.volumes().await?.into_iter();
        let found = all.find(|found| found.volume.name == name);
        found.ok_or_else(|| EngineError::new(ErrorKind::NotFound, "look at the volume", name))
    }

    async fn create_volume(&self, request: VolumeCreateRequest) -> Result<Volume> {
        let name = request.name.unwrap_or_else(|| "ab".repeat(32));
        self.note(format!("create volume {name}"))?;
        let made = volume(&name, 0);
        let mut inner = self.lock();
        Arc::make_mut(&mut inner.world.volumes).push(made.clone());
        Ok(made)
    }

    async fn remove_volume(&self, name: &str) -> Result<()> {
        if !self.volume(name).await?.users.is_empty() {
            return Err(EngineError::new(
                ErrorKind::Conflict,
                "remove the volume",
                name,
            ));
        }
        self.note(format!("remove volume {name}"))?;
        let mut inner = self.lock();
        Arc::make_mut(&mut inner.world.volumes).retain(|volume| volume.name != name);
        Ok(())
    }

    async fn measure_volumes(&self, names: &[String]) -> Result<Vec<VolumeDetails>> {
        self.note(format!("measure {} volumes", names.len()))?;
        let at = self.now().at;
        let measured = |volume: &mut Volume| {
            let is_meant = names.is_empty() || names.contains(&volume.name);
            if is_meant && volume.size.is_none_or(|size| !size.is_current) {
                let bytes = volume.size.map_or(64_000, |size| size.bytes);
                volume.size = size(bytes, 7, 0, true).map(|size| VolumeSize { at, ..size });
            }
        };
        self.change(|world| {
            let volumes = Arc::make_mut(&mut world.volumes);
            volumes.iter_mut().for_each(measured);
        });
        let mut all = self.volumes().await?;
        all.retain(|found| names.is_empty() || names.contains(&found.volume.name));
        Ok(all)
    }
}
