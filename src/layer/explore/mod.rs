//! Looking into stacked layers by their contents, without mounting them or walking their
//! files: what a directory holds and which layer did what to it, what later layers waste
//! of earlier ones, and the bytes of single files.

mod extract;
mod merge;
mod read;
mod tree;
mod waste;

use std::{
    cell::RefCell,
    collections::HashMap,
    io,
    path::{Path, PathBuf},
};

use super::contents::Contents;
use merge::{Child, Part, Place};

/// Directories that are descended. Names in an archive allow twice as many; those below
/// count as what their topmost layer has of them.
const DEEPEST: usize = 1000;

/// Some layers, one above the other.
#[derive(Debug)]
pub struct Explorer {
    /// Lowest first.
    layers: Vec<Stacked>,
    /// Bytes and files of merged directories that were summed up.
    sums: RefCell<HashMap<Part, Sum>>,
}

#[derive(Debug)]
struct Stacked {
    /// Where its files are.
    files: PathBuf,
    contents: Contents,
}

/// Bytes and files below a directory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sum {
    bytes: u64,
    files: u64,
}

impl Sum {
    fn add(&mut self, other: Self) {
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.files += other.files;
    }
}

impl Explorer {
    /// Layers by where their files are and what they hold, lowest first.
    pub fn new(layers: impl IntoIterator<Item = (PathBuf, Contents)>) -> Self {
        let stacked = |(files, contents)| Stacked { files, contents };
        Self {
            layers: layers.into_iter().map(stacked).collect(),
            sums: RefCell::default(),
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.layers.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.layers.is_empty()
    }

    /// Files and other entries of one layer that are no directories.
    pub fn files_of(&self, layer: usize) -> io::Result<u64> {
        Ok(self.sum_of(Part::root(layer))?.files)
    }

    /// Bytes of the files of one layer.
    pub fn bytes_of(&self, layer: usize) -> io::Result<u64> {
        Ok(self.sum_of(Part::root(layer))?.bytes)
    }

    /// Where the files of a layer are.
    fn directory(&self, part: Part) -> &Path {
        &self.layers[part.layer as usize].files
    }

    fn contents(&self, part: Part) -> &Contents {
        &self.layers[part.layer as usize].contents
    }

    /// The topmost layer of a request: layers beyond the last mean the last.
    fn top(&self, layer: usize) -> io::Result<usize> {
        let last = self.layers.len().checked_sub(1);
        let last = last.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        Ok(layer.min(last))
    }

    /// What one layer alone has below a directory.
    fn sum_of(&self, part: Part) -> io::Result<Sum> {
        let summary = self.contents(part).summary(part.entry)?;
        Ok(Sum {
            bytes: summary.bytes,
            files: summary.files,
        })
    }

    /// What is seen below a directory with all layers that take part. Where only one has
    /// it, its own sum is the answer, so this walks no further than layers overlap.
    fn visible(&self, place: &Place, depth: usize) -> io::Result<Sum> {
        let Some(topmost) = place.topmost() else {
            return Ok(Sum::default());
        };
        if place.is_single() || depth > DEEPEST {
            return self.sum_of(topmost);
        }
        if let Some(known) = self.sums.borrow().get(&topmost) {
            return Ok(*known);
        }
        let mut sum = Sum::default();
        for child in self.children(place)? {
            if !child.is_removed() {
                sum.add(self.visible_child(&child, depth)?);
            }
        }
        self.sums.borrow_mut().insert(topmost, sum);
        Ok(sum)
    }

    fn visible_child(&self, child: &Child, depth: usize) -> io::Result<Sum> {
        match &child.inside {
            Some(inside) => self.visible(inside, depth + 1),
            None => self.sum_of(child.shown),
        }
    }
}

#[cfg(test)]
mod tests;
