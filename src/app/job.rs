//! Does single things: what to say of it when it is done, or why it failed.

use std::{
    fs::OpenOptions,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use super::{
    Failure, Job, Said,
    image_prune::{counted, freed},
};
use crate::{
    engine::Engine,
    format::{bytes, text::sanitize},
    model::{CreateRequest, PruneImages, RemoveRequest, StartRequest},
};

/// Does a job.
pub async fn run(engine: &dyn Engine, job: Job) -> Result<Said, Failure> {
    let line = |line| Said { line, made: None };
    match job {
        Job::Run(request) => start(engine, *request).await,
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
            let images = counted(gone.images.len());
            let bytes = bytes::decimal(freed(&gone));
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
        made: Some(id),
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
