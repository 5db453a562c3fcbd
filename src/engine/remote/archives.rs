//! Images and containers' files as archives.

use std::{
    ffi::{OsStr, OsString},
    fs::File,
    io::{self, Read, Write},
    os::{fd::OwnedFd, unix::ffi::OsStrExt},
    path::{Path, PathBuf},
};

use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hyper::{Method, header::HeaderName};
use serde_json::Value;
use tokio::sync::mpsc;

use super::{
    Remote,
    client::{Ask, Lines},
    images, pipe, unreadable,
};
use crate::{
    engine::{Archives, CopyFrom, CopyTo, EngineError, ErrorKind, Result},
    layer,
    model::{
        CommitRequest, ContainerId, CopyRequest, Digest, ImportProgress, LoadedImage, SaveFormat,
        SaveRequest,
    },
};

/// What a path in a container is, as JSON in base64.
const STAT: HeaderName = HeaderName::from_static("x-docker-container-path-stat");
/// Go's bits for a directory and for a symbolic link.
const DIRECTORY: u64 = 1 << 31;
const LINK: u64 = 1 << 27;

#[async_trait]
impl Archives for Remote {
    async fn save(
        &self,
        request: SaveRequest,
        out: Box<dyn Write + Send>,
        progress: Option<mpsc::Sender<ImportProgress>>,
    ) -> Result<()> {
        let subject = request.references.join(", ");
        if request.format == SaveFormat::Oci {
            return Err(EngineError::new(ErrorKind::Unsupported, "save", subject)
                .because("this engine chooses the form of its archives itself")
                .with_hint("leave --format out"));
        }
        let mut ask = Ask::get("/images/get", "save", &subject);
        for name in &request.references {
            ask = ask.query("names", name);
        }
        self.written("save", &subject, ask, out, progress).await
    }

    async fn load(
        &self,
        source: Box<dyn Read + Send>,
        progress: Option<mpsc::Sender<ImportProgress>>,
    ) -> Result<Vec<LoadedImage>> {
        let ask = Ask::post("/images/load", "load", "")
            .query("quiet", 1)
            .tar(images::sent("load", source, progress)?);
        let mut lines = Lines::of(self.client.stream(ask).await?);
        let mut loaded = Vec::new();
        while let Some(line) = images::next("load", "", &mut lines).await? {
            // "Loaded image: debian:12" and "Loaded image ID: sha256:…".
            let text = line["stream"].as_str().unwrap_or_default();
            let names = text
                .lines()
                .filter_map(|line| line.strip_prefix("Loaded image"));
            for name in names.filter_map(|rest| Some(rest.split_once(':')?.1.trim())) {
                for name in name.split(',') {
                    let name = name.trim();
                    loaded.push(LoadedImage {
                        id: super::world::image(&self.client, name).await?.id,
                        references: match Digest::parse(name) {
                            Some(_) => Vec::new(),
                            None => vec![name.to_owned()],
                        },
                    });
                }
            }
        }
        Ok(loaded)
    }

    async fn export(&self, id: &ContainerId, out: Box<dyn Write + Send>) -> Result<()> {
        let ask = Ask::get(format!("/containers/{id}/export"), "export", id.short());
        self.written("export", id.short(), ask, out, None).await
    }

    async fn copy_out(&self, request: CopyRequest, to: CopyTo) -> Result<()> {
        let id = &request.id;
        let subject = id.short().to_owned();
        let mut path = request.path.clone();
        if request.follow_link
            && let Some(stat) = self.look_at(id, &path).await?
            && stat.mode & LINK != 0
            && !stat.link_target.is_empty()
        {
            path = stat.link_target.into();
        }
        let ask = Ask::get(format!("/containers/{id}/archive"), "copy from", &subject)
            .query("path", path.display());
        let answer = self.client.stream(ask).await?;
        let mut tar = pipe::reader(answer);
        let content_only = request.path.as_os_str().as_bytes().ends_with(b"/.");
        let work = move || match to {
            CopyTo::Archive(mut out) => {
                io::copy(&mut tar, &mut out)?;
                out.flush()
            }
            CopyTo::Host(target) => {
                let owner = (!request.keep_owner).then(|| {
                    let ids = (nix::unistd::geteuid(), nix::unistd::getegid());
                    (ids.0.as_raw(), ids.1.as_raw())
                });
                unpack(tar, &target, owner, content_only)
            }
        };
        done("copy from", &subject, work).await
    }

    async fn copy_in(&self, request: CopyRequest, from: CopyFrom) -> Result<()> {
        let id = &request.id;
        let subject = id.short().to_owned();
        if let Some(unchanged) = &request.unchanged {
            // Looked at as late as the API allows.
            let now = self.path_details(request.clone()).await?;
            if now != *unchanged {
                let why = format!("{} was changed meanwhile", request.path.display());
                return Err(
                    EngineError::new(ErrorKind::Conflict, "copy into", subject).because(why)
                );
            }
        }
        let put = |path: &Path| {
            Ask::of(
                Method::PUT,
                format!("/containers/{id}/archive"),
                "copy into",
                &subject,
            )
            .query("path", path.display())
            .query("noOverwriteDirNonDir", 1)
            .query("copyUIDGID", u8::from(request.keep_owner))
        };
        let (directory, body) = match from {
            CopyFrom::Archive(source) => (
                request.path.clone(),
                images::sent("copy into", source, None)?,
            ),
            CopyFrom::Host(source) => {
                let plan = self.place(&request, &source).await?;
                let follow = request.follow_link;
                let packed = move |out: &mut pipe::Writer| pack(&source, follow, &plan.name, out);
                (plan.directory, images::body("copy into", packed)?)
            }
        };
        self.client.done(put(&directory).tar(body)).await
    }

    async fn commit(&self, request: CommitRequest) -> Result<Digest> {
        let id = &request.id;
        let mut ask = Ask::post("/commit", "commit", id.short())
            .query("container", id)
            .query("comment", &request.comment)
            .query("pause", u8::from(request.pause))
            .maybe("author", request.author.as_ref());
        if let Some(name) = &request.name {
            let (repository, tag) = images::name("commit", name)?;
            ask = ask.query("repo", repository).query("tag", tag);
        }
        for change in &request.changes {
            ask = ask.query("changes", change);
        }
        let made: Value = self.client.json(ask.json(serde_json::json!({}))).await?;
        let made = made["Id"].as_str().unwrap_or_default().to_owned();
        Digest::parse(&made)
            .or_else(|| Digest::parse(&format!("sha256:{made}")))
            .ok_or_else(|| unreadable("commit", id.short(), "the answer has no id".into()))
    }
}

/// What is at a path in a container.
struct Stat {
    mode: u64,
    link_target: String,
}

/// Where something goes in a container: into which directory, under which name.
struct Place {
    directory: PathBuf,
    name: OsString,
}

impl Remote {
    async fn written(
        &self,
        operation: &'static str,
        subject: &str,
        ask: Ask,
        mut out: Box<dyn Write + Send>,
        progress: Option<mpsc::Sender<ImportProgress>>,
    ) -> Result<()> {
        let mut body = pipe::reader(self.client.stream(ask).await?);
        done(operation, subject, move || {
            let mut buffer = vec![0; 128 << 10];
            let mut told = ImportProgress::default();
            loop {
                let n = body.read(&mut buffer)?;
                if n == 0 {
                    return out.flush();
                }
                out.write_all(&buffer[..n])?;
                told.read_bytes += n as u64;
                if let Some(progress) = &progress {
                    // Whoever is behind gets the next.
                    let _ = progress.try_send(told);
                }
            }
        })
        .await
    }

    async fn look_at(&self, id: &ContainerId, path: &Path) -> Result<Option<Stat>> {
        let ask = Ask::of(
            Method::HEAD,
            format!("/containers/{id}/archive"),
            "copy",
            id.short(),
        )
        .query("path", path.display());
        let answer = match self.client.stream(ask).await {
            Ok(answer) => answer,
            Err(error) if error.kind == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let text = answer
            .headers()
            .get(STAT)
            .and_then(|text| text.to_str().ok());
        let json = text.and_then(|text| STANDARD.decode(text).ok());
        let value: Value = json
            .and_then(|json| serde_json::from_slice(&json).ok())
            .unwrap_or_default();
        Ok(Some(Stat {
            mode: value["mode"].as_u64().unwrap_or_default(),
            link_target: value["linkTarget"].as_str().unwrap_or_default().to_owned(),
        }))
    }

    /// By docker's rules: into a directory that is there, else under the name that is said.
    async fn place(&self, request: &CopyRequest, source: &Path) -> Result<Place> {
        let failed = |why: &str| {
            EngineError::new(ErrorKind::Invalid, "copy into", request.id.short())
                .because(format!("{}: {why}", request.path.display()))
        };
        let means_content = source.as_os_str().as_bytes().ends_with(b"/.");
        let own = || source.file_name().map(OsStr::to_owned).unwrap_or_default();
        let mut path = request.path.clone();
        let mut stat = self.look_at(&request.id, &path).await?;
        if let Some(link) = stat.as_ref().filter(|stat| stat.mode & LINK != 0) {
            path = link.link_target.clone().into();
            stat = self.look_at(&request.id, &path).await?;
        }
        let is_directory = source.is_dir();
        match stat {
            Some(stat) if stat.mode & DIRECTORY != 0 => Ok(Place {
                name: if means_content {
                    OsString::new()
                } else {
                    own()
                },
                directory: path,
            }),
            Some(_) if is_directory => Err(failed("it is a file, and the source a directory")),
            _ => {
                let wants_directory = path.as_os_str().as_bytes().ends_with(b"/");
                if wants_directory && !is_directory {
                    return Err(failed("there is no such directory"));
                }
                let parent = path.parent().unwrap_or(Path::new("/"));
                Ok(Place {
                    directory: parent.to_owned(),
                    name: path.file_name().map(OsStr::to_owned).unwrap_or_default(),
                })
            }
        }
    }
}

async fn done(
    operation: &'static str,
    subject: &str,
    work: impl FnOnce() -> io::Result<()> + Send + 'static,
) -> Result<()> {
    let failed = |kind| EngineError::new(kind, operation, subject);
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => {
            let kind = match error.kind() {
                io::ErrorKind::StorageFull => ErrorKind::NoSpace,
                io::ErrorKind::NotFound => ErrorKind::NotFound,
                _ => ErrorKind::Internal,
            };
            Err(failed(kind).because(error))
        }
        Err(error) => Err(failed(ErrorKind::Internal).because(error)),
    }
}

/// Unpacks what came to a path of this host: into a directory that is there, else under
/// the path's own name.
fn unpack(
    tar: pipe::Reader,
    target: &Path,
    owner: Option<(u32, u32)>,
    content_only: bool,
) -> io::Result<()> {
    let open = |path: &Path| Ok::<OwnedFd, io::Error>(File::open(path)?.into());
    let into = |directory: &Path, tar: pipe::Reader| {
        layer::unpack_into(open(directory)?, tar, owner)
            .map(drop)
            .map_err(|error| io::Error::other(said(&error)))
    };
    if target.is_dir() {
        return into(target, tar);
    }
    if content_only {
        std::fs::create_dir(target)?;
        return into(target, tar);
    }
    let parent = target.parent().unwrap_or(Path::new("/"));
    // Beside the target, so that taking its name is one step.
    let beside = Beside::make(parent)?;
    into(&beside.0, tar)?;
    let mut came = std::fs::read_dir(&beside.0)?;
    let first = came.next().transpose()?;
    let first = first.ok_or_else(|| io::Error::other("nothing came"))?;
    let is_directory = first.file_type()?.is_dir();
    if !is_directory && target.as_os_str().as_bytes().ends_with(b"/") {
        return Err(io::Error::other("the target is no directory"));
    }
    std::fs::rename(first.path(), target)
}

fn said(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text += &format!(": {inner}");
        cause = inner.source();
    }
    text
}

/// A directory for as long as it is needed.
struct Beside(PathBuf);

impl Beside {
    fn make(parent: &Path) -> io::Result<Self> {
        let mut bytes = [0; 8];
        getrandom::fill(&mut bytes).map_err(io::Error::other)?;
        let path = parent.join(format!(".wharf-cp-{:016x}", u64::from_ne_bytes(bytes)));
        std::os::unix::fs::DirBuilderExt::mode(&mut std::fs::DirBuilder::new(), 0o700)
            .create(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        // What is left there is of no use to anybody.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn pack(source: &Path, follow: bool, name: &OsStr, out: &mut pipe::Writer) -> io::Result<()> {
    let source = match follow {
        true => std::fs::canonicalize(source)?,
        false => source.to_owned(),
    };
    std::fs::symlink_metadata(&source)?;
    let parent = match source.file_name() {
        Some(_) if !name.is_empty() => source.parent().unwrap_or(Path::new("/")),
        _ => source.as_path(),
    };
    let own = match name.is_empty() {
        true => OsStr::new(""),
        false => source.file_name().unwrap_or(OsStr::new("")),
    };
    let directory: OwnedFd = File::open(parent)?.into();
    layer::pack_entry(&directory, own, name.as_bytes(), out)
        .map_err(|error| io::Error::other(said(&error)))
}
