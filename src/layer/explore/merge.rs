//! One directory of stacked layers, as overlayfs merges it, and what the topmost layer
//! did in it.

use std::io;

use super::Explorer;
use crate::model::{FileKind, Mark};

/// An entry of one of the layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Part {
    pub(super) layer: u32,
    pub(super) entry: u32,
}

impl Part {
    pub(super) fn root(layer: usize) -> Self {
        Self {
            layer: layer as u32,
            entry: 0,
        }
    }
}

/// A directory of the merged view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// It in each lower layer that shows through, lowest first.
    pub(super) below: Vec<Part>,
    /// It in the topmost layer.
    pub(super) here: Option<Part>,
    /// Whether the topmost layer hides what is below: what isn't in it is removed.
    pub(super) hides: bool,
}

impl Place {
    pub(super) fn topmost(&self) -> Option<Part> {
        self.here.or(self.below.last().copied())
    }

    /// Whether one layer alone shows in it. Of one that is removed the layers below are
    /// what is shown.
    pub(super) fn is_single(&self) -> bool {
        match self.here {
            Some(_) => self.hides || self.below.is_empty(),
            None => self.below.len() < 2,
        }
    }
}

/// One entry of a merged directory. Small: a directory may have a million.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Child {
    /// The entry that is seen, or was until it was removed.
    pub(super) shown: Part,
    pub(super) mark: Mark,
    /// It as a directory, if it is one.
    pub(super) inside: Option<Box<Place>>,
}

impl Child {
    pub(super) fn is_removed(&self) -> bool {
        self.mark == Mark::Removed
    }
}

/// What is seen of a name with some layers.
enum Alive {
    Nothing,
    File(Part),
    Directory(Vec<Part>),
}

/// Where a layer is in a directory that is merged.
struct Cursor {
    part: Part,
    is_here: bool,
    next: Option<u32>,
    name: Vec<u8>,
}

impl Explorer {
    /// The root directory of the layers up to `top`.
    pub(super) fn root(&self, top: usize) -> Place {
        let here = Part::root(top);
        Place {
            below: (0..top).map(Part::root).collect(),
            here: Some(here),
            hides: false,
        }
    }

    /// The entries of a directory, by name.
    pub(super) fn children(&self, place: &Place) -> io::Result<Vec<Child>> {
        let parts = place.below.len() + usize::from(place.here.is_some());
        if parts == 1 {
            return self.only_children(place);
        }
        let mut cursors = Vec::with_capacity(parts);
        let below = place.below.iter().map(|part| (*part, false));
        for (part, is_here) in below.chain(place.here.map(|part| (part, true))) {
            let mut cursor = Cursor {
                part,
                is_here,
                next: self.contents(part).first(part.entry)?,
                name: Vec::new(),
            };
            self.read_name(&mut cursor)?;
            cursors.push(cursor);
        }
        let mut children = Vec::new();
        while let Some(least) = cursors
            .iter()
            .filter(|cursor| cursor.next.is_some())
            .map(|cursor| &cursor.name)
            .min()
            .cloned()
        {
            let mut alive = Alive::Nothing;
            let mut here = None;
            for cursor in &mut cursors {
                let Some(entry) = cursor.next.filter(|_| cursor.name == least) else {
                    continue;
                };
                let part = Part {
                    layer: cursor.part.layer,
                    entry,
                };
                match cursor.is_here {
                    true => here = Some(part),
                    false => alive = self.over(alive, part)?,
                }
                cursor.next = self.contents(part).next(cursor.part.entry, entry)?;
                self.read_name(cursor)?;
            }
            children.extend(self.child(place, alive, here)?);
        }
        Ok(children)
    }

    /// The entry of this name in a directory.
    pub(super) fn lookup(&self, place: &Place, name: &[u8]) -> io::Result<Option<Child>> {
        let find = |directory: &Part| {
            let found = self.contents(*directory).child(directory.entry, name)?;
            Ok::<_, io::Error>(found.map(|entry| Part {
                layer: directory.layer,
                entry,
            }))
        };
        let mut alive = Alive::Nothing;
        for directory in &place.below {
            if let Some(part) = find(directory)? {
                alive = self.over(alive, part)?;
            }
        }
        let here = match &place.here {
            Some(directory) => find(directory)?,
            None => None,
        };
        self.child(place, alive, here)
    }

    /// Where only one layer takes part no name has to be read.
    fn only_children(&self, place: &Place) -> io::Result<Vec<Child>> {
        let mut children = Vec::new();
        let Some(directory) = place.topmost() else {
            return Ok(children);
        };
        let contents = self.contents(directory);
        let mut next = contents.first(directory.entry)?;
        while let Some(entry) = next {
            let part = Part {
                layer: directory.layer,
                entry,
            };
            let (alive, here) = match place.here {
                Some(_) => (Alive::Nothing, Some(part)),
                None => (self.over(Alive::Nothing, part)?, None),
            };
            children.extend(self.child(place, alive, here)?);
            next = contents.next(directory.entry, entry)?;
        }
        Ok(children)
    }

    /// What is seen when an entry of a higher layer comes over what was seen until then.
    fn over(&self, alive: Alive, part: Part) -> io::Result<Alive> {
        let summary = self.contents(part).summary(part.entry)?;
        Ok(match (summary.kind, alive) {
            (FileKind::Whiteout, _) => Alive::Nothing,
            (FileKind::Directory, Alive::Directory(mut parts)) if !summary.is_opaque => {
                parts.push(part);
                Alive::Directory(parts)
            }
            (FileKind::Directory, _) => Alive::Directory(vec![part]),
            _ => Alive::File(part),
        })
    }

    /// A name of a directory: what the lower layers show of it and what the topmost has.
    fn child(&self, place: &Place, alive: Alive, here: Option<Part>) -> io::Result<Option<Child>> {
        let below = match &alive {
            Alive::Nothing => None,
            Alive::File(part) => Some(*part),
            Alive::Directory(parts) => parts.last().copied(),
        };
        let parts = match alive {
            Alive::Directory(parts) => parts,
            _ => Vec::new(),
        };
        let summary = match here {
            Some(part) => Some((part, self.contents(part).summary(part.entry)?)),
            None => None,
        };
        let gone = |shown| {
            let inside = (!parts.is_empty()).then(|| {
                Box::new(Place {
                    below: parts.clone(),
                    here: None,
                    hides: true,
                })
            });
            Child {
                shown,
                mark: Mark::Removed,
                inside,
            }
        };
        Ok(match (summary, below) {
            (None, None) => None,
            (None, Some(shown)) if place.hides => Some(gone(shown)),
            (None, Some(shown)) => Some(Child {
                shown,
                mark: Mark::Unchanged,
                inside: (!parts.is_empty()).then(|| {
                    Box::new(Place {
                        below: parts,
                        here: None,
                        hides: false,
                    })
                }),
            }),
            (Some((_, summary)), below) if summary.kind == FileKind::Whiteout => below.map(gone),
            (Some((shown, summary)), below) => {
                let is_directory = summary.kind == FileKind::Directory;
                let mark = match below {
                    None => Mark::Added,
                    // An archive names the directories above what it changes.
                    Some(below) if is_directory && summary.below == 0 && !summary.is_opaque => {
                        match self.is_same(shown, below)? {
                            true => Mark::Unchanged,
                            false => Mark::Modified,
                        }
                    }
                    Some(_) => Mark::Modified,
                };
                Some(Child {
                    shown,
                    mark,
                    inside: is_directory.then(|| {
                        Box::new(Place {
                            below: parts,
                            here,
                            hides: place.hides || summary.is_opaque,
                        })
                    }),
                })
            }
        })
    }

    /// Whether two directories differ in nothing but what is in them.
    fn is_same(&self, a: Part, b: Part) -> io::Result<bool> {
        let a = self.contents(a).entry(a.entry)?;
        let b = self.contents(b).entry(b.entry)?;
        Ok((a.kind, a.mode, a.uid, a.gid) == (b.kind, b.mode, b.uid, b.gid))
    }

    fn read_name(&self, cursor: &mut Cursor) -> io::Result<()> {
        match cursor.next {
            Some(entry) => self.contents(cursor.part).name(entry, &mut cursor.name),
            None => Ok(()),
        }
    }
}
