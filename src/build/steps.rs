//! Steps and the cache: a step is known by what it depends on, and under the digest of
//! that the cache has what it made, whoever made it and when.

use std::{
    sync::{PoisonError, atomic::Ordering},
    time::Instant,
};

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::{
    Result,
    builder::{Builder, Site},
    error::failed,
};
use crate::{
    image::{Cached, PackedLayer},
    layer::Position,
    model::{BuildEvent, Digest},
};

impl Builder<'_> {
    /// A step that may make a layer: from the cache, or by `work`. `again` is asked for
    /// another key to look for where the first is not known, and costs more.
    pub(super) fn step(
        &self,
        site: &Site<'_>,
        beneath: &[PackedLayer],
        key: impl FnOnce() -> Result<Sha256>,
        again: impl FnOnce() -> Result<Option<Sha256>>,
        work: impl FnOnce(usize) -> Result<Option<PackedLayer>>,
    ) -> Result<Cached> {
        let began = Instant::now();
        let number = self.steps.fetch_add(1, Ordering::Relaxed);
        (self.calls.tell)(BuildEvent::Step {
            step: number,
            stage: site.stage,
            name: site.title.clone(),
            lines: site.instruction.lines.clone(),
        });
        let made = || {
            let key = self.whole_key(key()?, beneath);
            let position = match beneath.is_empty() {
                true => Position::Lowest,
                false => Position::Above,
            };
            if let Some(made) = self.look(&key, position)? {
                self.remember(&key, &made);
                return Ok((made, true));
            }
            let again = match self.request.no_cache {
                true => None,
                false => again()?.map(|again| self.whole_key(again, beneath)),
            };
            let known = again.as_ref().map(|again| self.look(again, position));
            let known = known.transpose()?;
            let (made, is_cached) = match known.flatten() {
                Some(made) => (made, true),
                None => {
                    let layer = work(number)?;
                    let created = self.time(Timestamp::now());
                    (Cached { layer, created }, false)
                }
            };
            for key in [Some(key), again].into_iter().flatten() {
                self.images
                    .cache(&key, &made)
                    .map_err(failed("write the build cache"))?;
                self.remember(&key, &made);
            }
            Ok((made, is_cached))
        };
        let result: Result<_> = made();
        (self.calls.tell)(match &result {
            Ok((_, cached)) => BuildEvent::Done {
                step: number,
                cached: *cached,
                took: began.elapsed(),
            },
            Err(error) => BuildEvent::Failed {
                step: number,
                stopped: error.is_cancelled,
            },
        });
        result.map(|(made, _)| made)
    }

    fn whole_key(&self, mut key: Sha256, beneath: &[PackedLayer]) -> Digest {
        for layer in beneath {
            key.update(layer.diff_id.as_str());
        }
        key.update(format!("epoch {:?}", self.request.epoch));
        Digest::from_sha256(&key.finalize().into())
    }

    fn look(&self, key: &Digest, position: Position) -> Result<Option<Cached>> {
        if self.request.no_cache {
            return Ok(None);
        }
        let own = self.images.cached(&self.lease, key);
        if let Some(own) = own.map_err(failed("look into the build cache"))? {
            return Ok(Some(own));
        }
        for directory in &self.request.cache_from {
            let what = || format!("look into the cache in {}", directory.display());
            let found = self
                .images
                .import_cached(&self.lease, directory, key, position)
                .map_err(failed(what()))?;
            if let Some(found) = found {
                self.images
                    .cache(key, &found)
                    .map_err(failed("write the build cache"))?;
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// Keeps in mind what a step made, where that is to be written elsewhere.
    fn remember(&self, key: &Digest, made: &Cached) {
        if !self.request.cache_to.is_empty() {
            let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
            all.push((key.clone(), made.clone()));
        }
    }

    /// Writes what all steps made to where that is asked for.
    pub(super) fn export_cache(&self) -> Result<()> {
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        for directory in &self.request.cache_to {
            for (key, made) in all.iter() {
                self.images
                    .export_cached(directory, key, made)
                    .map_err(failed(format!(
                        "write the cache to {}",
                        directory.display()
                    )))?;
            }
        }
        Ok(())
    }
}
