//! The image store.

use std::{io::Read, sync::Arc};

use async_trait::async_trait;
use tokio::sync::mpsc;

use super::Embedded;
use crate::{
    engine::{EngineError, ErrorKind, Images, Result},
    model::{Digest, Image, ImportProgress, ImportRequest},
    runtime::{inspect, lifecycle::Lifecycle},
};

#[async_trait]
impl Images for Embedded {
    async fn images(&self) -> Result<Arc<Vec<Image>>> {
        self.blocking("list", "images", |lifecycle| {
            Ok(Arc::new(lifecycle.images()?.list()?))
        })
        .await
    }

    async fn image(&self, reference: &str) -> Result<Image> {
        let owned = reference.to_owned();
        let found = self.blocking("find image", reference, move |lifecycle| {
            let images = lifecycle.images()?;
            let id = images.resolve(&owned)?.id;
            Ok(images.list()?.into_iter().find(|image| image.id == id))
        });
        // `None` if it was removed between the two looks.
        found.await?.ok_or_else(|| {
            EngineError::new(ErrorKind::NotFound, "find image", reference).because("no such image")
        })
    }

    async fn image_config(&self, reference: &str) -> Result<serde_json::Value> {
        let owned = reference.to_owned();
        self.blocking("inspect image", reference, move |lifecycle| {
            Ok(lifecycle.images()?.config_json(&owned)?)
        })
        .await
    }

    async fn import(
        &self,
        source: Box<dyn Read + Send>,
        request: ImportRequest,
        progress: Option<mpsc::Sender<ImportProgress>>,
    ) -> Result<Digest> {
        let subject = request.name.clone().unwrap_or_default();
        self.blocking("import", &subject, move |lifecycle| {
            let mut tell = telling(progress);
            let id = lifecycle.images()?.import(source, &request, &mut tell)?;
            let name = request.name.as_deref().unwrap_or_default();
            lifecycle.tell_of_image("import", id.as_str(), name);
            Ok(id)
        })
        .await
    }

    async fn image_from_host(&self, reference: &str, commands: &[String]) -> Result<Digest> {
        let (owned, commands) = (reference.to_owned(), commands.to_vec());
        self.blocking("make image", reference, move |lifecycle| {
            Ok(lifecycle.images()?.from_host(&owned, &commands)?)
        })
        .await
    }

    async fn tag(&self, source: &str, target: &str) -> Result<()> {
        let (owned, target) = (source.to_owned(), target.to_owned());
        self.blocking("tag", source, move |lifecycle| {
            let images = lifecycle.images()?;
            images.tag(&owned, &target)?;
            if let Ok(image) = images.resolve(&target) {
                lifecycle.tell_of_image("tag", image.id.as_str(), &target);
            }
            Ok(())
        })
        .await
    }

    async fn remove_image(&self, reference: &str, force: bool) -> Result<Vec<String>> {
        let owned = reference.to_owned();
        self.blocking("remove image", reference, move |lifecycle| {
            let users = |id: &Digest| users(lifecycle, id);
            let images = lifecycle.images()?;
            let id = images.resolve(&owned).map(|image| image.id.to_string());
            let went = images.remove(&owned, force, &users)?;
            let id = id.unwrap_or_default();
            for name in &went {
                let action = match Digest::parse(name) {
                    Some(digest) if digest.as_str() == id => "delete",
                    // A layer.
                    Some(_) => continue,
                    None => "untag",
                };
                lifecycle.tell_of_image(action, &id, &id);
            }
            Ok(went)
        })
        .await
    }
}

/// Hands on how something is going.
pub(super) fn telling(
    progress: Option<mpsc::Sender<ImportProgress>>,
) -> impl FnMut(ImportProgress) {
    move |now| {
        if let Some(progress) = &progress {
            // A reader that is behind misses this one and gets the next.
            let _ = progress.try_send(now);
        }
    }
}

/// Names of the containers that are made from an image. A record that can't be read may
/// be of any image: it counts.
pub(super) fn users(lifecycle: &Lifecycle, id: &Digest) -> Vec<String> {
    let store = lifecycle.store();
    let unreadable = |what: &str| vec![format!("{what} (can't be read)")];
    let Ok(listing) = store.list() else {
        return unreadable("any");
    };
    let mut names = Vec::new();
    for container in listing {
        match inspect::inspect(store, &container) {
            Ok(found) if found.image_id == *id => names.push(found.name),
            Err(crate::runtime::store::Error::NotFound(_)) | Ok(_) => {}
            Err(_) => names.extend(unreadable(container.short())),
        }
    }
    names
}
