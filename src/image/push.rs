//! Sending an image: what its registry has is left out, what another of its repositories
//! has is taken over from there, the rest goes several blobs at once, the manifest last
//! and byte by byte as it is here, so that its digest stays.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    fs,
    sync::{Mutex, PoisonError},
    thread,
};

use oci_spec::image::Descriptor;

use super::{
    error::{Error, Result},
    index,
    layout::digest_of,
    lease::Unfinished,
    reference::Reference,
    registry::{Arrived, Blob, Client},
    store::{ImageStore, images_of},
    transfer::Board,
};
use crate::model::{Digest, LayerState, Phase, TransferOutcome};

impl ImageStore {
    /// Sends the image of a name to the registry that the name says.
    pub fn push(
        &self,
        client: &Client,
        reference: &Reference,
        board: &Board,
    ) -> Result<TransferOutcome> {
        if reference.any_digest().is_some() {
            return Err(Error::NotAName(reference.familiar()));
        }
        // Taken before we look, so that nothing that we find goes.
        let lease = self.lease(Unfinished::Discard)?;
        let descriptors = self.layout.index()?;
        let named = images_of(&descriptors).find(|d| index::is_named(d, reference));
        let named = named.ok_or_else(|| Error::NotFound(reference.familiar()))?;
        let found = self.load_descriptor(named)?;
        let digest = digest_of(named).expect("it was loaded by this digest");
        let layers: Vec<(Digest, u64)> = found
            .manifest
            .layers()
            .iter()
            .filter_map(|layer| Some((digest_of(layer)?, layer.size())))
            .collect();
        let config = (found.id.clone(), found.manifest.config().size());
        let all = layers.iter().chain([&config]);
        lease.add(all.map(|(digest, _)| digest).chain([&digest]))?;

        board.list(layers.iter().map(|(digest, size)| (digest, *size)));
        board.enter(Phase::Moving);
        let sources = self.sources(&descriptors, reference);
        let push = Push {
            store: self,
            client,
            reference,
            sources: &sources,
            board,
        };
        let mut seen = HashSet::new();
        let unique = layers.into_iter().chain([config]);
        let unique = unique.filter(|(digest, _)| seen.insert(digest.clone()));
        let is_new = push.run(unique.collect())?;

        board.enter(Phase::Finishing);
        let path = self.layout.blob(&digest);
        let content = fs::read(&path).map_err(Error::io("read", &path))?;
        let media_type = named.media_type().to_string();
        client.put_manifest(reference, &content, &media_type, &digest)?;
        self.publish(reference, &digest)?;
        let outcome = TransferOutcome {
            image: found.id,
            digest,
            digested_bytes: Some(content.len() as u64),
            is_up_to_date: !is_new,
        };
        board.finish(outcome.clone());
        Ok(outcome)
    }

    /// For each blob, another repository of the registry that should have it.
    fn sources(&self, descriptors: &[Descriptor], target: &Reference) -> HashMap<Digest, String> {
        let mut sources = HashMap::new();
        for descriptor in images_of(descriptors) {
            let name = index::name_of(descriptor).and_then(|name| Reference::parse(name).ok());
            let is_other =
                |name: &Reference| name.domain() == target.domain() && name.path() != target.path();
            let Some(name) = name.filter(is_other) else {
                continue;
            };
            if index::published(descriptor).is_none() {
                continue;
            }
            // One that can't be read is no source; whoever uses it learns why.
            let Ok(found) = self.load_descriptor(descriptor) else {
                continue;
            };
            let layers = found.manifest.layers().iter().filter_map(digest_of);
            for layer in layers.chain([found.id]) {
                sources.insert(layer, name.path().to_owned());
            }
        }
        sources
    }

    /// Notes what a registry calls the image of a name.
    fn publish(&self, reference: &Reference, digest: &Digest) -> Result<()> {
        let staging = self.layout.stage()?;
        let _lock = self.layout.lock()?;
        let mut descriptors = self.layout.index()?;
        let named = |d: &&Descriptor| index::is_named(d, reference);
        let is_same = descriptors
            .iter()
            .find(named)
            .is_some_and(|d| digest_of(d).as_ref() == Some(digest));
        // Tagged anew meanwhile, the name is another image's.
        if !is_same {
            return Ok(());
        }
        index::publish(&mut descriptors, reference, Some(digest));
        self.layout.write_index(&staging, descriptors)
    }
}

/// What all workers of a push share.
struct Push<'a> {
    store: &'a ImageStore,
    client: &'a Client,
    reference: &'a Reference,
    sources: &'a HashMap<Digest, String>,
    board: &'a Board,
}

impl Push<'_> {
    /// Sends all blobs, some at once. Whether the registry lacked any.
    fn run(&self, blobs: Vec<(Digest, u64)>) -> Result<bool> {
        let parallel = self.client.settings().parallel.clamp(1, blobs.len().max(1));
        let blobs = Mutex::new(VecDeque::from(blobs));
        let ended: Mutex<Result<bool>> = Mutex::new(Ok(false));
        let work = || {
            loop {
                let next = blobs
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .pop_front();
                let Some((digest, size)) = next else {
                    return;
                };
                let sent = self.blob(&digest, size);
                let mut ended = ended.lock().unwrap_or_else(PoisonError::into_inner);
                match (sent, &mut *ended) {
                    (Ok(is_new), Ok(any)) => *any |= is_new,
                    (Ok(_), Err(_)) => return,
                    (Err(error), Ok(_)) => {
                        *ended = Err(error);
                        // The others needn't go on.
                        self.client.give_up();
                        return;
                    }
                    (Err(_), Err(_)) => return,
                }
            }
        };
        thread::scope(|scope| {
            for _ in 1..parallel {
                scope.spawn(work);
            }
            work();
        });
        ended.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn blob(&self, digest: &Digest, size: u64) -> Result<bool> {
        self.board.set(digest, LayerState::Moving);
        let blob = Blob {
            digest,
            size,
            file: self.store.open_blob(digest)?,
            from: self.sources.get(digest).cloned(),
            moved: self.board.counter(digest),
        };
        let retrying = |is_waiting| {
            let state = match is_waiting {
                true => LayerState::Retrying,
                false => LayerState::Moving,
            };
            self.board.set(digest, state);
        };
        let arrived = self.client.upload(self.reference, blob, &retrying)?;
        self.board.set(
            digest,
            match arrived {
                Arrived::Present => LayerState::Present,
                Arrived::Mounted => LayerState::Mounted,
                Arrived::Sent => LayerState::Done,
            },
        );
        Ok(arrived != Arrived::Present)
    }
}
