//! What later layers hide of earlier ones.
//!
//! Efficiency is what `dive` calls so: for each path the smallest size that it ever has,
//! summed up, as a share of all sizes that it ever has. Where a directory is removed every
//! file in it counts as removed, and a path that is removed and made again counts as a new
//! one. Only where layers overlap is anything walked.

use std::{cmp::Reverse, collections::BinaryHeap, io};

use super::{DEEPEST, Explorer, Sum, merge::Part};
use crate::model::{FileKind, Waste, WastedFile};

/// Paths that are listed at most.
const LISTED: usize = 1000;

/// What is found, as it is found.
struct Tally {
    /// Wasted bytes of each layer.
    of_layer: Vec<u64>,
    wasted: u64,
    /// What the smallest sizes leave of all sizes.
    lost: u64,
    count: u64,
    /// The largest, the smallest of them first.
    largest: BinaryHeap<Reverse<(u64, Reverse<Found>)>>,
}

/// A path that wastes something; ordered by path where bytes are equal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Found {
    path: Vec<u8>,
    files: u64,
    layer: usize,
    is_removed: bool,
}

/// What is seen of a path while layers come one above the other.
#[derive(Default)]
struct Seen {
    /// Directories that show through, or one file.
    parts: Vec<Part>,
    is_file: bool,
    /// Sizes of the file since it last came to be: all, and the smallest.
    all: u64,
    least: u64,
    hidden: Sum,
    /// The layer that hid something last, and whether it removed it.
    by: Option<(usize, bool)>,
}

impl Explorer {
    /// What is wasted in all, and of each layer, lowest first.
    pub fn waste(&self) -> io::Result<(Waste, Vec<u64>)> {
        let mut tally = Tally {
            of_layer: vec![0; self.layers.len()],
            wasted: 0,
            lost: 0,
            count: 0,
            largest: BinaryHeap::new(),
        };
        let roots: Vec<_> = (0..self.layers.len()).map(Part::root).collect();
        let mut sizes = Vec::new();
        for root in &roots {
            sizes.push(self.sum_of(*root)?.bytes);
        }
        self.waste_in(&roots, &mut Vec::new(), 0, &mut tally)?;
        let total: u64 = sizes.iter().fold(0, |sum, size| sum.saturating_add(*size));
        let kept = total.saturating_sub(tally.lost);
        let mut files: Vec<_> = tally.largest.into_iter().map(|Reverse(f)| f).collect();
        files.sort_by_key(|(bytes, Reverse(found))| (Reverse(*bytes), found.clone()));
        let listed = |(bytes, Reverse(found)): (u64, Reverse<Found>)| WastedFile {
            path: readable(&found.path),
            raw_path: found.path,
            bytes,
            files: found.files,
            layer: found.layer,
            is_removed: found.is_removed,
        };
        let waste = Waste {
            total_bytes: total,
            added_bytes: total - sizes.first().copied().unwrap_or(0),
            wasted_bytes: tally.wasted,
            efficiency: match total {
                0 => 1.0,
                total => kept as f64 / total as f64,
            },
            files: files.into_iter().map(listed).collect(),
            count: tally.count,
        };
        Ok((waste, tally.of_layer))
    }

    /// Looks at a directory that several layers have, lowest first.
    fn waste_in(
        &self,
        parts: &[Part],
        path: &mut Vec<u8>,
        depth: usize,
        tally: &mut Tally,
    ) -> io::Result<()> {
        if parts.len() < 2 || depth > DEEPEST {
            return Ok(());
        }
        let mut names = vec![Vec::new(); parts.len()];
        let mut next = Vec::with_capacity(parts.len());
        for (part, name) in parts.iter().zip(&mut names) {
            let contents = self.contents(*part);
            let first = contents.first(part.entry)?;
            if let Some(entry) = first {
                contents.name(entry, name)?;
            }
            next.push(first);
        }
        loop {
            let present = next.iter().zip(&names).filter(|(next, _)| next.is_some());
            let Some(least) = present.map(|(_, name)| name).min().cloned() else {
                return Ok(());
            };
            let mut seen = Seen::default();
            for (n, part) in parts.iter().enumerate() {
                let Some(entry) = next[n].filter(|_| names[n] == least) else {
                    continue;
                };
                let layer = part.layer;
                self.waste_over(&mut seen, Part { layer, entry }, tally)?;
                let contents = self.contents(*part);
                next[n] = contents.next(part.entry, entry)?;
                if let Some(entry) = next[n] {
                    contents.name(entry, &mut names[n])?;
                }
            }
            let length = path.len();
            if length > 0 {
                path.push(b'/');
            }
            path.extend_from_slice(&least);
            tally.lost += seen.all - seen.least;
            if let (Some((layer, is_removed)), true) = (seen.by, seen.hidden.bytes > 0) {
                tally.note(
                    seen.hidden,
                    Found {
                        path: path.clone(),
                        files: seen.hidden.files,
                        layer,
                        is_removed,
                    },
                );
            }
            if !seen.is_file {
                self.waste_in(&seen.parts, path, depth + 1, tally)?;
            }
            path.truncate(length);
        }
    }

    /// An entry of a higher layer comes over what was seen of its path.
    fn waste_over(&self, seen: &mut Seen, part: Part, tally: &mut Tally) -> io::Result<()> {
        let summary = self.contents(part).summary(part.entry)?;
        let is_directory = summary.kind == FileKind::Directory;
        let is_whiteout = summary.kind == FileKind::Whiteout;
        if is_directory && !summary.is_opaque && !seen.is_file {
            seen.parts.push(part);
            return Ok(());
        }
        let overwrites = !is_directory && !is_whiteout && seen.is_file;
        for hidden in seen.parts.drain(..) {
            let sum = self.sum_of(hidden)?;
            tally.of_layer[hidden.layer as usize] += sum.bytes;
            seen.hidden.add(sum);
            seen.by = Some((part.layer as usize, !overwrites));
            // Of directories no path is left to compare sizes by.
            if !seen.is_file {
                tally.lost += sum.bytes;
            }
        }
        if !overwrites {
            tally.lost += seen.all;
            (seen.all, seen.least) = (0, u64::MAX);
        }
        seen.is_file = false;
        if is_whiteout {
            seen.least = 0;
            return Ok(());
        }
        seen.parts.push(part);
        if !is_directory {
            seen.is_file = true;
            seen.all += summary.bytes;
            seen.least = match seen.all == summary.bytes && !overwrites {
                true => summary.bytes,
                false => seen.least.min(summary.bytes),
            };
        } else {
            seen.least = 0;
        }
        Ok(())
    }
}

impl Tally {
    fn note(&mut self, hidden: Sum, found: Found) {
        self.wasted = self.wasted.saturating_add(hidden.bytes);
        self.count += 1;
        self.largest.push(Reverse((hidden.bytes, Reverse(found))));
        if self.largest.len() > LISTED {
            self.largest.pop();
        }
    }
}

/// A path as text: what is not UTF-8 is escaped.
fn readable(path: &[u8]) -> String {
    let mut text = String::with_capacity(path.len());
    for chunk in path.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text
}
