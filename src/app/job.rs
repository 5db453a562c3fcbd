//! Does single things and operations: what to say of it when it is done, or why it failed.

use std::{
    fs::OpenOptions,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use super::{Failure, Job, Made, Said, Target};
use crate::{
    action::Action,
    engine::{self, Engine, ErrorKind},
    format::{
        bytes,
        text::{self, sanitize},
    },
    model::{
        ConnectRequest, CreateRequest, KillRequest, Planned, PruneImages, RemoveRequest,
        StartRequest, StopRequest,
    },
};

/// Does a job.
pub async fn run(engine: &dyn Engine, job: Job) -> Result<Said, Failure> {
    let line = |line| Said { line, made: None };
    match job {
        Job::Make(planned) => make(engine, planned).await,
        Job::Disconnect { id, name, network } => {
            engine.disconnect(&id, &network).await?;
            let (name, network) = (sanitize(&name), sanitize(&network));
            Ok(line(format!("disconnected {name} from {network}")))
        }
        Job::PruneNetworks(names) => {
            // What came since it was shown what would go stays.
            let all = engine.networks().await?.into_iter();
            let spared = all.map(|network| network.name);
            let spared: Vec<_> = spared.filter(|name| !names.contains(name)).collect();
            let gone = engine.prune_networks(&spared).await?;
            Ok(line(format!("removed {}", counted(gone.len(), "network"))))
        }
        Job::PruneVolumes(volumes) => prune_volumes(engine, &volumes).await,
        Job::MeasureVolumes => {
            let measured = engine.measure_volumes(&[]).await?;
            let sizes = measured.iter().filter_map(|found| found.volume.size);
            let bytes = bytes::decimal(sizes.map(|size| size.bytes).sum());
            let verb = if measured.len() == 1 { "takes" } else { "take" };
            let count = counted(measured.len(), "volume");
            Ok(line(format!("{count} {verb} {bytes}")))
        }
        Job::Save { path, text } => {
            let saved = tokio::task::spawn_blocking(move || save(&path, &text)).await;
            let saved = saved.unwrap_or_else(|_| {
                Err(Failure {
                    message: "write the file: its thread ended without an answer".into(),
                    hint: None,
                })
            });
            saved.map(line)
        }
        Job::Tag { source, target } => {
            engine.tag(&source, &target).await.map_err(Failure::from)?;
            Ok(line(format!("named it {}", sanitize(&target))))
        }
        Job::PruneImages { all } => {
            let request = PruneImages {
                all,
                ..PruneImages::default()
            };
            let gone = engine.prune_images(request).await.map_err(Failure::from)?;
            let images = text::counted(gone.images.len(), "image");
            let bytes = bytes::decimal(gone.freed_bytes());
            Ok(line(format!("removed {images}, {bytes} are free")))
        }
        Job::Extract(mut request) => {
            request.to = at_home(&request.to);
            let to = sanitize(&request.to.to_string_lossy()).into_owned();
            let done = engine.extract(request).await.map_err(Failure::from)?;
            let what = match done.entries {
                1 => bytes::decimal(done.bytes),
                n => format!("{n} files, {}", bytes::decimal(done.bytes)),
            };
            let skipped = match done.skipped {
                0 => String::new(),
                n => format!("; {n} devices, sockets and pipes were left out"),
            };
            Ok(line(format!("extracted {what} to {to}{skipped}")))
        }
        Job::Signal(request) => {
            let (signal, pid) = (request.signal.clone(), request.pid);
            engine.signal(request).await.map_err(Failure::from)?;
            Ok(line(format!("sent {signal} to process {pid}")))
        }
    }
}

/// Does an action to one thing.
pub async fn operate(engine: &dyn Engine, action: Action, target: &Target) -> engine::Result<()> {
    let id = match target {
        Target::Image(_, name) => {
            return engine.remove_image(name, false).await.map(drop);
        }
        Target::Network(id, _) => return engine.remove_network(id.as_str()).await,
        Target::Volume(name) => return engine.remove_volume(name).await,
        Target::Container(id) => id.clone(),
    };
    let stop = |id| StopRequest {
        id,
        timeout_secs: None,
        signal: None,
    };
    match action {
        Action::Start => engine
            .start(StartRequest { id, attach: None })
            .await
            .map(drop),
        Action::Stop => engine.stop(stop(id)).await,
        Action::Restart => engine.restart(stop(id)).await,
        Action::Pause => engine.pause(&id).await,
        Action::Unpause => engine.unpause(&id).await,
        Action::CheckHealth => engine.check_health(&id).await,
        Action::Kill => engine.kill(KillRequest { id, signal: None }).await,
        // The question before it said that a running one will be killed.
        Action::Remove => {
            engine
                .remove(RemoveRequest {
                    id,
                    force: true,
                    volumes: false,
                })
                .await
        }
        other => unreachable!("{other:?} is not an operation on a container"),
    }
}

/// Makes something.
async fn make(engine: &dyn Engine, planned: Planned) -> Result<Said, Failure> {
    let said = |line, made| Said {
        line,
        made: Some(made),
    };
    match planned {
        Planned::Run(request) => start(engine, *request).await,
        Planned::Build => unreachable!("a build has a screen of its own"),
        Planned::Network(request) => {
            let network = engine.create_network(*request).await?;
            let line = format!("made the network {}", sanitize(&network.name));
            Ok(said(line, Made::Network(network.id)))
        }
        Planned::Connect {
            container,
            attachment,
        } => {
            let (name, network) = (sanitize(&container), sanitize(&attachment.network));
            let line = format!("connected {name} to {network}");
            let request = ConnectRequest {
                container: engine.resolve(&container).await?,
                attachment,
            };
            engine.connect(request).await?;
            Ok(Said { line, made: None })
        }
        Planned::Volume(request) => {
            let volume = engine.create_volume(*request).await?;
            let line = format!("made the volume {}", sanitize(&volume.name));
            Ok(said(line, Made::Volume(volume.name)))
        }
    }
}

/// Removes volumes one by one: exactly those that were shown, but for those that somebody
/// uses or removed since.
async fn prune_volumes(engine: &dyn Engine, volumes: &[(String, u64)]) -> Result<Said, Failure> {
    let (mut count, mut freed) = (0, 0);
    for (name, bytes) in volumes {
        match engine.remove_volume(name).await {
            Ok(()) => {
                freed += bytes;
                count += 1;
            }
            Err(error) if matches!(error.kind, ErrorKind::NotFound | ErrorKind::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let (count, freed) = (counted(count, "volume"), bytes::decimal(freed));
    Ok(Said {
        line: format!("removed {count}, {freed} are free again"),
        made: None,
    })
}

fn counted(count: usize, thing: &str) -> String {
    match count {
        0 => format!("no {thing}"),
        1 => format!("one {thing}"),
        n => format!("{n} {thing}s"),
    }
}

/// Makes a container and starts it. One that can't be started is kept as `wharf run`
/// keeps it, unless it was to be removed at its end.
async fn start(engine: &dyn Engine, request: CreateRequest) -> Result<Said, Failure> {
    let is_removed = request.config.auto_remove;
    let id = engine.create(request).await?;
    let started = engine
        .start(StartRequest {
            id: id.clone(),
            attach: None,
        })
        .await;
    if let Err(error) = started {
        if is_removed {
            let id = id.clone();
            // The failed start is what is told.
            let _ = engine
                .remove(RemoveRequest {
                    id,
                    force: true,
                    volumes: true,
                })
                .await;
        }
        return Err(error.into());
    }
    // It may have ended, and removed itself, already.
    let name = engine.inspect(&id).await.map(|container| container.name);
    let name = name.unwrap_or_else(|_| id.short().to_owned());
    Ok(Said {
        line: format!("started {}", sanitize(&name)),
        made: Some(Made::Container(id)),
    })
}

/// Writes a new file that only its owner reads: logs hold secrets. Nothing that exists
/// is touched, a link least of all.
fn save(path: &Path, text: &str) -> Result<String, Failure> {
    let path = at_home(path);
    let shown = sanitize(&path.to_string_lossy()).into_owned();
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)
        .and_then(|mut file| file.write_all(text.as_bytes()));
    match written {
        Ok(()) => Ok(format!("wrote {} lines to {shown}", text.lines().count())),
        Err(error) => Err(Failure {
            message: format!("write {shown}: {error}"),
            hint: (error.kind() == io::ErrorKind::AlreadyExists)
                .then(|| "nothing is overwritten; choose another name".into()),
        }),
    }
}

fn at_home(path: &Path) -> PathBuf {
    match (path.strip_prefix("~"), std::env::var_os("HOME")) {
        (Ok(rest), Some(home)) => Path::new(&home).join(rest),
        _ => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn file_is_new_and_its_owners_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("web.log");
        let said = save(&path, "a\nb\n").unwrap();
        assert!(said.starts_with("wrote 2 lines to "));
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let refused = save(&path, "c").unwrap_err();
        assert!(refused.hint.is_some(), "{refused:?}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "a\nb\n");
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(save(&link, "c").is_err());
    }
}
