//! Images to and from registries, told as docker's daemon tells it.

use std::sync::Arc;

use hyper::StatusCode;
use serde_json::{Value, json};

use super::{
    answer::{Failure, Outcome},
    ask::Ask,
    images::{Messages, about, platform, tagged},
    login,
    serve::Server,
};
use crate::{
    engine::{Reference, Transfers},
    model::{
        Direction, Platform, PullRequest, PushRequest, RegistrySettings, Transfer, TransferOutcome,
    },
    wire::image::Progress,
};

/// A pull or a push: of one image, or of all tags of a repository.
struct Errand {
    server: Arc<Server>,
    direction: Direction,
    /// What is moved, one after the other; never nothing.
    names: Vec<Reference>,
    /// What was asked for.
    subject: String,
    platform: Option<Platform>,
    registries: RegistrySettings,
}

/// `POST /images/create?fromImage=NAME`
pub async fn pull(server: Arc<Server>, ask: &Ask, from: &str) -> Outcome {
    let tag = ask.query.text("tag");
    let name = reference(from, tag)?;
    let registries = login::registries(&server, ask, &name.familiar())?;
    let is_all = tag.is_none() && Reference::is_repository(from);
    let (subject, names) = match is_all {
        false => (name.familiar(), vec![name]),
        true => {
            let subject = name.familiar_repository();
            let tags = server.engine.tags(&subject, registries.clone()).await?;
            let names = tags.iter().map(|tag| reference(&subject, Some(tag)));
            let names = names.collect::<Result<Vec<_>, _>>()?;
            (subject, names)
        }
    };
    let errand = Errand {
        platform: platform(ask)?,
        direction: Direction::Pull,
        names,
        subject,
        registries,
        server,
    };
    errand.run().await
}

/// `POST /images/NAME/push`
pub async fn push(server: Arc<Server>, ask: &Ask, name: &str) -> Outcome {
    let tag = ask.query.text("tag");
    let one = reference(name, tag)?;
    let is_all = tag.is_none() && Reference::is_repository(name);
    let (subject, names) = match is_all {
        false => (one.familiar(), vec![one.clone()]),
        true => {
            let images = server.engine.images().await?;
            let names = images.iter().flat_map(|image| &image.references);
            (one.familiar_repository(), one.tags_among(names))
        }
    };
    let errand = Errand {
        platform: None,
        direction: Direction::Push,
        names,
        subject,
        registries: login::registries(&server, ask, &one.familiar())?,
        server,
    };
    errand.run().await
}

fn reference(name: &str, tag: Option<&str>) -> Result<Reference, Failure> {
    Reference::parse(&tagged(name, tag)).map_err(|error| Failure::bad(error.to_string()))
}

impl Errand {
    /// Begins it, and tells how it goes. What fails before anything is told is a plain
    /// failure.
    async fn run(self) -> Outcome {
        let Some(first) = self.names.first() else {
            return Err(Failure::missing(format!("{} has no tags", self.subject)));
        };
        let begun = self.begin(first).await?;
        let (messages, answer) = Messages::new();
        tokio::spawn(async move {
            if let Err(failure) = self.tell(&messages, begun).await {
                messages.fail(&failure.message, None).await;
            }
        });
        Ok(answer)
    }

    /// Begins with one image; its first picture says that it could.
    async fn begin(&self, name: &Reference) -> Result<(Transfers, Transfer), Failure> {
        let (engine, reference) = (&self.server.engine, name.familiar());
        let registries = self.registries.clone();
        let mut transfers = match self.direction {
            Direction::Pull => {
                let request = PullRequest {
                    platform: self.platform.clone(),
                    reference,
                    registries,
                };
                engine.pull(request).await?
            }
            Direction::Push => {
                let request = PushRequest {
                    reference: reference.clone(),
                    registries,
                };
                engine.push(request).await.map_err(about(&reference))?
            }
        };
        let picture = next(&mut transfers).await?;
        Ok((transfers, picture))
    }

    /// Tells all of it, to a client that may go away meanwhile.
    async fn tell(&self, messages: &Messages, begun: (Transfers, Transfer)) -> Result<(), Failure> {
        let pushes = self.direction == Direction::Push;
        let mut begun = Some(begun);
        let mut is_up_to_date = true;
        for name in &self.names {
            let is_first = begun.is_some();
            let (mut transfers, mut picture) = match begun.take() {
                Some(begun) => begun,
                None => self.begin(name).await?,
            };
            if is_first || !pushes {
                messages.send(&self.heading(name)).await;
            }
            let mut progress = Progress::new(pushes);
            let outcome = loop {
                for message in progress.messages(&picture) {
                    if !messages.send(&message).await {
                        // Dropping the transfer's stream cancels it.
                        return Ok(());
                    }
                }
                match picture.outcome {
                    Some(outcome) => break outcome,
                    None => picture = next(&mut transfers).await?,
                }
            };
            is_up_to_date &= outcome.is_up_to_date;
            for message in self.ending(name, &outcome) {
                messages.send(&message).await;
            }
        }
        if !pushes {
            let what = match is_up_to_date {
                true => "Image is up to date",
                false => "Downloaded newer image",
            };
            let status = format!("Status: {what} for {}", self.subject);
            messages.send(&json!({ "status": status })).await;
        }
        Ok(())
    }

    fn heading(&self, name: &Reference) -> Value {
        match self.direction {
            Direction::Pull => json!({
                "status": format!("Pulling from {}", name.path()),
                "id": version(name),
            }),
            Direction::Push => {
                let repository = name.repository();
                json!({"status": format!("The push refers to repository [{repository}]")})
            }
        }
    }

    fn ending(&self, name: &Reference, outcome: &TransferOutcome) -> Vec<Value> {
        let (tag, digest) = (version(name), outcome.digest.as_str());
        match self.direction {
            Direction::Pull => vec![json!({"status": format!("Digest: {digest}")})],
            Direction::Push => {
                let size = outcome.digested_bytes.unwrap_or_default();
                vec![
                    json!({"status": format!("{tag}: digest: {digest} size: {size}")}),
                    json!({"progressDetail": {}, "aux": {"Tag": tag, "Digest": digest, "Size": size}}),
                ]
            }
        }
    }
}

/// What a name says beside its repository.
fn version(name: &Reference) -> &str {
    name.any_digest().or(name.tag()).unwrap_or("latest")
}

async fn next(transfers: &mut Transfers) -> Result<Transfer, Failure> {
    match transfers.recv().await {
        Some(picture) => Ok(picture?),
        None => Err(Failure::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the transfer ended without saying how",
        )),
    }
}
