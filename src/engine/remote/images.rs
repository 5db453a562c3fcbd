//! The other engine's images.

use std::{io::Read, sync::Arc};

use async_trait::async_trait;
use hyper::{Method, header};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{
    Remote,
    client::{Ask, Lines},
    pipe, unreadable, world,
};
use crate::{
    engine::{EngineError, ErrorKind, Images, Reference, Result},
    model::{Ability, Digest, Image, ImportProgress, ImportRequest},
};

#[async_trait]
impl Images for Remote {
    async fn images(&self) -> Result<Arc<Vec<Image>>> {
        Ok(Arc::new(world::images(&self.client, &[]).await?))
    }

    async fn image(&self, reference: &str) -> Result<Image> {
        world::image(&self.client, reference).await
    }

    async fn image_config(&self, reference: &str) -> Result<Value> {
        let get = |what: &str| {
            Ask::get(
                format!("/images/{reference}/{what}"),
                "inspect image",
                reference,
            )
        };
        let image: Value = self.client.json(get("json")).await?;
        let steps: Vec<Value> = self.client.json(get("history")).await?;
        // Docker's history is newest first and has sizes in place of "empty".
        let history = steps.iter().rev().map(|step| {
            let created = step["Created"].as_i64().unwrap_or_default();
            let created = jiff::Timestamp::from_second(created).unwrap_or_default();
            json!({
                "created": created,
                "created_by": step["CreatedBy"],
                "comment": step["Comment"],
                "empty_layer": step["Size"].as_u64() == Some(0),
            })
        });
        Ok(json!({
            "created": image["Created"],
            "author": image["Author"],
            "architecture": image["Architecture"],
            "os": image["Os"],
            "config": image["Config"],
            "rootfs": { "type": "layers", "diff_ids": image["RootFS"]["Layers"] },
            "history": history.collect::<Vec<_>>(),
        }))
    }

    async fn import(
        &self,
        source: Box<dyn Read + Send>,
        request: ImportRequest,
        progress: Option<mpsc::Sender<ImportProgress>>,
    ) -> Result<Digest> {
        let reference = request.name.as_deref().unwrap_or_default();
        let mut ask = Ask::post("/images/create", "import", reference).query("fromSrc", "-");
        if !reference.is_empty() {
            let (repository, tag) = name("import", reference)?;
            // With its tag: podman leaves that out where it is said apart.
            ask = ask.query("repo", format!("{repository}:{tag}"));
        }
        if !request.comment.is_empty() {
            ask = ask.query("message", &request.comment);
        }
        for change in &request.changes {
            ask = ask.query("changes", change);
        }
        let ask = ask.tar(sent("import", source, progress)?);
        let mut lines = Lines::of(self.client.stream(ask).await?);
        let mut id = None;
        while let Some(line) = next("import", reference, &mut lines).await? {
            id = line["status"].as_str().and_then(Digest::parse).or(id);
        }
        match id {
            Some(id) => Ok(id),
            None => Ok(self.image(reference).await?.id),
        }
    }

    async fn image_from_host(&self, reference: &str, _: &[String]) -> Result<Digest> {
        Err(EngineError::lacks(Ability::HostImage, "make", reference))
    }

    async fn tag(&self, source: &str, target: &str) -> Result<()> {
        let (repository, tag) = name("tag", target)?;
        let ask = Ask::post(format!("/images/{source}/tag"), "tag", source)
            .query("repo", repository)
            .query("tag", tag);
        self.client.done(ask).await
    }

    async fn remove_image(&self, reference: &str, force: bool) -> Result<Vec<String>> {
        let path = format!("/images/{reference}");
        let ask = Ask::of(Method::DELETE, path, "remove image", reference)
            .query("force", u8::from(force));
        let went: Vec<Value> = self.client.json(ask).await?;
        let names = |key: &'static str| {
            let names = went.iter().filter_map(move |one| one[key].as_str());
            names.map(str::to_owned)
        };
        Ok(names("Untagged").chain(names("Deleted")).collect())
    }
}

/// A name's repository and tag.
pub fn name(operation: &'static str, text: &str) -> Result<(String, String)> {
    let name = Reference::parse(text)
        .map_err(|error| EngineError::new(ErrorKind::Invalid, operation, text).because(error))?;
    let tag = name.tag().unwrap_or("latest").to_owned();
    // In full: podman takes a short name for one of its own.
    Ok((name.repository(), tag))
}

/// The next object of an answer; what it says went wrong is an error.
pub async fn next(
    operation: &'static str,
    subject: &str,
    lines: &mut Lines,
) -> Result<Option<Value>> {
    let line = lines.next().await;
    let line = line.map_err(|why| unreadable(operation, subject, why))?;
    let said = line.as_ref().and_then(|line| {
        let detail = line["errorDetail"]["message"].as_str();
        detail.or(line["error"].as_str()).map(str::to_owned)
    });
    match said {
        Some(why) => Err(unreadable(operation, subject, why)),
        None => Ok(line),
    }
}

/// The body of a request that a thread reads from `source`.
pub fn sent(
    operation: &'static str,
    mut source: Box<dyn Read + Send>,
    progress: Option<mpsc::Sender<ImportProgress>>,
) -> Result<mpsc::Receiver<std::io::Result<bytes::Bytes>>> {
    body(operation, move |out| {
        let mut buffer = vec![0; 128 << 10];
        let mut told = ImportProgress::default();
        loop {
            let n = source.read(&mut buffer)?;
            if n == 0 {
                return Ok(());
            }
            std::io::Write::write_all(out, &buffer[..n])?;
            told.read_bytes += n as u64;
            if let Some(progress) = &progress {
                // Whoever is behind gets the next.
                let _ = progress.try_send(told);
            }
        }
    })
}

/// The body of a request that a thread writes. What fails there breaks the request off.
pub fn body(
    operation: &'static str,
    work: impl FnOnce(&mut pipe::Writer) -> std::io::Result<()> + Send + 'static,
) -> Result<mpsc::Receiver<std::io::Result<bytes::Bytes>>> {
    let (mut writer, receiver) = pipe::writer();
    let run = move || {
        let done = work(&mut writer).and_then(|()| std::io::Write::flush(&mut writer));
        if let Err(error) = done {
            writer.fail(error);
        }
    };
    std::thread::Builder::new()
        .name("wharf-send".into())
        .spawn(run)
        .map_err(|error| EngineError::new(ErrorKind::Internal, operation, "").because(error))?;
    Ok(receiver)
}

/// How a registry's credentials are told to an engine.
pub const REGISTRY_AUTH: header::HeaderName = header::HeaderName::from_static("x-registry-auth");
