//! Fetching an image: several layers at once, each in one pass from the network through
//! the hash of its blob, the file of its blob and the decompressor into its directory.
//!
//! Nothing gets a place before its digest is right: a blob waits in `ingest/`, a layer in
//! a scratch directory. What a broken connection or a killed process left of a blob is
//! gone on with; of what several processes want, each blob is fetched by one.

use std::{
    collections::{HashSet, VecDeque},
    io::{self, Read},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use bytes::{Buf, Bytes};
use oci_spec::image::{Descriptor, ImageConfiguration, ImageManifest, MediaType};

use super::{
    assemble::{Assembly, LONGEST_DOCUMENT, MOST_LAYERS},
    error::{Error, Result},
    index,
    ingest::{Arrival, Ingest},
    layout::{digest_of, oci_digest},
    lease::{Lease, Unfinished},
    reference::Reference,
    registry::{self, Client, Document, Download, Fetched, choose},
    store::ImageStore,
    transfer::Board,
};
use crate::{
    layer::Position,
    model::{Digest, LayerState, Phase, Platform, TransferOutcome},
};

/// How often we look whether another process is done with a blob.
const LOOK: Duration = Duration::from_millis(50);

/// One layer to fetch.
struct Job {
    blob: Digest,
    size: u64,
    diff_id: Digest,
    position: Position,
}

/// What all workers of a pull share.
struct Pull<'a> {
    store: &'a ImageStore,
    client: &'a Client,
    reference: &'a Reference,
    manifest: &'a Fetched,
    lease: &'a Lease,
    board: &'a Board,
}

impl ImageStore {
    /// Fetches what a reference names at its registry, for a platform (this host's if
    /// none is given), and names it so here.
    ///
    /// If anything fails nothing was changed; what came of blobs is kept for a day for
    /// the next try, unless it was wrong.
    pub fn pull(
        &self,
        client: &Client,
        reference: &Reference,
        platform: Option<&Platform>,
        board: &Board,
    ) -> Result<TransferOutcome> {
        if reference.any_digest().is_some() && reference.digest().is_none() {
            return Err(unusable("digest", "only sha256 is known here"));
        }
        self.sweep()?;
        self.settle_old()?;
        let host = Platform::host();
        let top = client.fetch(reference)?;
        let listed;
        let (manifest, image) = match &top.document {
            Document::Image(image) => (&top, image),
            Document::Index(index) => {
                let chosen = choose(index, platform.unwrap_or(&host))?;
                listed = client.fetch_listed(reference, &top, chosen)?;
                match &listed.document {
                    Document::Image(image) => (&listed, image),
                    Document::Index(_) => {
                        return Err(unusable("index", "it lists another index"));
                    }
                }
            }
        };
        if let Some(image) = self.known(reference, &top.digest, &manifest.digest)? {
            let outcome = TransferOutcome {
                image,
                digest: top.digest.clone(),
                digested_bytes: Some(top.content.len() as u64),
                is_up_to_date: true,
            };
            board.finish(outcome.clone());
            return Ok(outcome);
        }
        let blobs = blobs_of(image)?;
        let lease = self.lease(Unfinished::Resume)?;
        let is_listed = top.digest != manifest.digest;
        let done = match is_listed {
            true => self.put_blob(&lease, &top.content).map(drop),
            false => Ok(()),
        };
        let done = done
            .and_then(|()| self.bring(client, reference, platform, manifest, image, &lease, board));
        board.enter(Phase::Finishing);
        let is_new = match done {
            Ok(done) => done,
            Err(error) => {
                drop(lease);
                if !error.is_resumable() {
                    // Whoever sends wrong things gets no second chance with them.
                    let documents = [&top.digest, &manifest.digest];
                    for blob in blobs.iter().map(|(blob, _)| blob).chain(documents) {
                        self.discard(blob)?;
                    }
                }
                return Err(error);
            }
        };
        let size = manifest.content.len() as u64;
        let media_type = MediaType::from(manifest.media_type.as_str());
        let assembly = Assembly {
            manifest: Descriptor::new(media_type, size, oci_digest(&manifest.digest)),
            names: vec![name_for(reference)],
            index: is_listed.then(|| top.digest.clone()),
            is_published: true,
        };
        let outcome = TransferOutcome {
            image: self.assemble_unsynced(lease, &assembly)?,
            digest: top.digest.clone(),
            digested_bytes: Some(top.content.len() as u64),
            is_up_to_date: !is_new,
        };
        board.finish(outcome.clone());
        Ok(outcome)
    }

    /// The image that a reference names here already, if it is the one at the registry
    /// and whole.
    fn known(
        &self,
        reference: &Reference,
        top: &Digest,
        manifest: &Digest,
    ) -> Result<Option<Digest>> {
        let name = name_for(reference);
        let named = self.layout.index()?.into_iter().find(|descriptor| {
            index::is_named(descriptor, &name)
                && digest_of(descriptor).as_ref() == Some(manifest)
                && index::published(descriptor).as_ref() == Some(top)
        });
        if named.is_none() || !self.is_complete(manifest) {
            return Ok(None);
        }
        Ok(self.resolve(&name.familiar()).ok().map(|image| image.id))
    }

    /// Brings everything that a manifest lists under a lease. Whether any of it is new.
    #[allow(clippy::too_many_arguments, reason = "all of them are one pull's")]
    fn bring(
        &self,
        client: &Client,
        reference: &Reference,
        platform: Option<&Platform>,
        manifest: &Fetched,
        image: &ImageManifest,
        lease: &Lease,
        board: &Board,
    ) -> Result<bool> {
        let pull = Pull {
            store: self,
            client,
            reference,
            manifest,
            lease,
            board,
        };
        self.put_blob(lease, &manifest.content)?;
        let blobs = blobs_of(image)?;
        let (config, size) = blobs.last().expect("the config is one of them");
        pull.document(config, *size)?;
        let diff_ids = self.layers_of(&manifest.digest)?;
        // On the disk now, while that is quick; see `settle`.
        lease.add(blobs.iter().map(|(blob, _)| blob).chain(&diff_ids))?;
        lease.sync()?;
        pull.check_platform(config, platform)?;

        board.list(
            blobs
                .iter()
                .take(diff_ids.len())
                .map(|(blob, size)| (blob, *size)),
        );
        board.enter(Phase::Moving);
        let mut seen = HashSet::new();
        let mut jobs = Vec::new();
        let positions = Position::of(&diff_ids);
        for (((blob, size), diff_id), position) in blobs.iter().zip(diff_ids).zip(positions) {
            if seen.insert((blob.clone(), diff_id.clone())) {
                jobs.push(Job {
                    blob: blob.clone(),
                    size: *size,
                    diff_id,
                    position,
                });
            }
        }
        // The largest first: the last to end is then a small one.
        jobs.sort_by_key(|job| std::cmp::Reverse(job.size));
        pull.run(jobs)
    }
}

impl Pull<'_> {
    /// Does all jobs, some at once. Whether anything was moved.
    fn run(&self, jobs: Vec<Job>) -> Result<bool> {
        let parallel = self.client.settings().parallel.clamp(1, jobs.len().max(1));
        let jobs = Mutex::new(VecDeque::from(jobs));
        let failure: Mutex<Option<Error>> = Mutex::new(None);
        let moved = AtomicU64::new(0);
        let work = || {
            loop {
                let job = jobs
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .pop_front();
                let Some(job) = job else {
                    return;
                };
                match self.layer(&job) {
                    Ok(is_new) => {
                        moved.fetch_add(u64::from(is_new), Ordering::Relaxed);
                    }
                    Err(error) => {
                        let mut failure = failure.lock().unwrap_or_else(PoisonError::into_inner);
                        failure.get_or_insert(error);
                        // The others needn't go on.
                        self.client.give_up();
                        return;
                    }
                }
            }
        };
        thread::scope(|scope| {
            for _ in 1..parallel {
                scope.spawn(work);
            }
            work();
        });
        match failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some(error) => Err(error),
            None => Ok(moved.into_inner() > 0),
        }
    }

    /// Brings one layer. Whether it is new.
    fn layer(&self, job: &Job) -> Result<bool> {
        loop {
            if self.client.is_cancelled() {
                return Err(registry::Error::Cancelled.into());
            }
            match self.store.try_ingest(self.lease, &job.blob, job.size)? {
                Arrival::Present => {
                    let is_here = self.store.layers.has(&job.diff_id, job.position)?;
                    if !is_here {
                        self.board.set(&job.blob, LayerState::Unpacking);
                    }
                    let blob = self.store.open_blob(&job.blob)?;
                    self.unpack(job, blob)?;
                    self.board.set(&job.blob, LayerState::Present);
                    return Ok(!is_here);
                }
                Arrival::Busy { written } => {
                    self.board.set(&job.blob, LayerState::Shared);
                    let counter = self.board.counter(&job.blob);
                    counter.store(written, Ordering::Relaxed);
                    thread::sleep(LOOK);
                }
                Arrival::Ours(ingest) => {
                    self.fetch(job, ingest)?;
                    self.board.set(&job.blob, LayerState::Done);
                    return Ok(true);
                }
            }
        }
    }

    fn unpack(&self, job: &Job, source: impl Read + Send) -> Result<()> {
        let (store, lease) = (self.store, self.lease);
        store.unpack_layer(lease, &job.diff_id, job.position, source, &mut |_| {})
    }

    /// Fetches a blob, from wherever somebody ended, and unpacks it as it comes.
    fn fetch(&self, job: &Job, ingest: Ingest) -> Result<()> {
        self.board.set(&job.blob, LayerState::Moving);
        let mut incoming = Incoming {
            kept: ingest.reader()?,
            is_kept: true,
            moved: self.board.counter(&job.blob),
            download: self.download(&job.blob, job.size, ingest.written()),
            ingest,
            chunk: Bytes::new(),
            failed: None,
        };
        let unpacked = self.unpack(job, &mut incoming);
        // What nobody read: padding, or all of it if the layer was here already.
        let drained = match incoming.failed {
            None => incoming.drain(),
            Some(_) => Ok(()),
        };
        if let Some(error) = incoming.failed.take() {
            return Err(error);
        }
        drained.map_err(Error::io("read", "a blob"))?;
        match unpacked {
            Ok(()) => incoming.ingest.commit(),
            Err(error) => {
                // A blob that isn't what was announced is the better explanation.
                incoming.ingest.verify()?;
                Err(error)
            }
        }
    }

    fn download(&self, blob: &Digest, size: u64, offset: u64) -> Download<'_> {
        let owned = blob.clone();
        let retrying = move |is_waiting| {
            self.board.set(
                &owned,
                match is_waiting {
                    true => LayerState::Retrying,
                    false => LayerState::Moving,
                },
            );
        };
        let client = self.client;
        client.download(
            self.reference,
            self.manifest,
            (blob, size),
            offset,
            retrying,
        )
    }

    /// Fetches a small blob.
    fn document(&self, digest: &Digest, size: u64) -> Result<()> {
        loop {
            match self.store.try_ingest(self.lease, digest, size)? {
                Arrival::Present => return Ok(()),
                Arrival::Busy { .. } if self.client.is_cancelled() => {
                    return Err(registry::Error::Cancelled.into());
                }
                Arrival::Busy { .. } => thread::sleep(LOOK),
                Arrival::Ours(mut ingest) => {
                    let mut download = self.download(digest, size, ingest.written());
                    loop {
                        let chunk = download.chunk()?;
                        if chunk.is_empty() {
                            return ingest.commit();
                        }
                        ingest.append(&chunk)?;
                    }
                }
            }
        }
    }

    fn check_platform(&self, config: &Digest, wanted: Option<&Platform>) -> Result<()> {
        let config: ImageConfiguration = self.store.document(config, "image config")?;
        let offered = Platform {
            os: config.os().to_string(),
            architecture: config.architecture().to_string(),
            variant: config.variant().clone(),
        };
        let is_fit = match wanted {
            // Tools that make images for arm often leave the variant out.
            Some(wanted) => {
                let wanted = match offered.variant {
                    Some(_) => wanted.clone(),
                    None => Platform {
                        variant: None,
                        ..wanted.clone()
                    },
                };
                wanted.distance(&offered).is_some()
            }
            None => offered.os == "linux",
        };
        if is_fit {
            return Ok(());
        }
        let wanted = wanted.cloned().unwrap_or_else(Platform::host);
        Err(Error::Registry(registry::Error::NoPlatform {
            wanted: wanted.to_string(),
            available: vec![offered.to_string()],
        }))
    }
}

/// A blob as it comes: first what is kept of it, then the network's, which is hashed and
/// written down as it is read.
struct Incoming<'a, R> {
    kept: R,
    is_kept: bool,
    ingest: Ingest,
    download: Download<'a>,
    chunk: Bytes,
    moved: Arc<AtomicU64>,
    /// Why it ended; the reader only learns that it did.
    failed: Option<Error>,
}

impl<R: Read> Incoming<'_, R> {
    /// Reads what nobody has read.
    fn drain(&mut self) -> io::Result<()> {
        let mut piece = vec![0; 64 << 10];
        while self.read(&mut piece)? > 0 {}
        Ok(())
    }

    fn receive(&mut self) -> Result<Bytes> {
        let chunk = self.download.chunk()?;
        self.ingest.append(&chunk)?;
        Ok(chunk)
    }
}

impl<R: Read> Read for Incoming<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.is_kept {
            let length = self.kept.read(buffer)?;
            self.moved.fetch_add(length as u64, Ordering::Relaxed);
            if length > 0 || buffer.is_empty() {
                return Ok(length);
            }
            self.is_kept = false;
        }
        if self.failed.is_some() {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        if self.chunk.is_empty() {
            match self.receive() {
                Ok(chunk) => {
                    self.moved.fetch_add(chunk.len() as u64, Ordering::Relaxed);
                    self.chunk = chunk;
                }
                Err(error) => {
                    self.failed = Some(error);
                    return Err(io::ErrorKind::ConnectionAborted.into());
                }
            }
        }
        let length = buffer.len().min(self.chunk.len());
        self.chunk.copy_to_slice(&mut buffer[..length]);
        Ok(length)
    }
}

/// What a manifest lists: its layers, lowest first, then its config. Bounded and checked
/// before anything is asked for.
fn blobs_of(image: &ImageManifest) -> Result<Vec<(Digest, u64)>> {
    let layers = image.layers().len();
    if layers > MOST_LAYERS {
        return Err(unusable(
            "manifest",
            &format!(
                "it lists {layers} layers, and {MOST_LAYERS} are the most that an image may have"
            ),
        ));
    }
    let config = image.config();
    if config.size() > LONGEST_DOCUMENT {
        return Err(unusable(
            "manifest",
            &format!(
                "its config has {} bytes, more than {LONGEST_DOCUMENT}",
                config.size()
            ),
        ));
    }
    let read = |descriptor: &Descriptor| {
        let digest = digest_of(descriptor)
            .ok_or_else(|| unusable("manifest", "it names a blob by another digest than sha256"))?;
        if descriptor.size() > i64::MAX as u64 {
            return Err(unusable("manifest", "the size of a blob is no size"));
        }
        Ok((digest, descriptor.size()))
    };
    image.layers().iter().chain([config]).map(read).collect()
}

/// The name that an image gets here: a digest stands for itself, whatever tag is beside
/// it, as with docker.
fn name_for(reference: &Reference) -> Reference {
    match reference.digest() {
        None => reference.clone(),
        Some(_) => reference.without_tag(),
    }
}

fn unusable(what: &'static str, reason: &str) -> Error {
    Error::Unusable {
        what,
        reason: reason.to_owned(),
    }
}
