//! The lines of a tree of files, counted all and made for one page only.

use std::{collections::BTreeSet, io};

use super::{
    DEEPEST, Explorer, Sum,
    merge::{Child, Place},
};
use crate::model::{FileOrder, TreePage, TreeRequest, TreeRow, View};

/// Lines of a page at most, whatever is asked.
const LONGEST_PAGE: usize = 10_000;

/// The lines as they come: each is counted, those of the page are kept.
struct Lines<'a> {
    request: &'a TreeRequest,
    /// Directories whose entries are looked at, by which of their entries are open.
    opens_below: BTreeSet<&'a [u8]>,
    filter: Option<Needle>,
    page: TreePage,
    /// With a filter: directories above, and the place of their line once they have one.
    above: Vec<(Child, Vec<u8>, Option<usize>)>,
}

impl Explorer {
    /// The lines of the layers up to `top` that a request asks for.
    pub fn tree(&self, top: usize, request: &TreeRequest) -> io::Result<TreePage> {
        let top = self.top(top)?;
        let child = self.locate(top, &request.below)?;
        let root = child
            .inside
            .as_deref()
            .ok_or(io::ErrorKind::NotADirectory)?;
        let parent = |path: &'_ [u8]| path.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
        let mut lines = Lines {
            request,
            opens_below: request.open.iter().map(|p| &p[..parent(p)]).collect(),
            filter: Needle::new(&request.filter),
            page: TreePage {
                offset: request.offset,
                ..TreePage::default()
            },
            above: Vec::new(),
        };
        self.walk(root, &mut clean(&request.below), 0, &mut lines)?;
        let mut page = lines.page;
        // Without its line known, its page could not be chosen: now it can.
        if let Some(revealed) = page.revealed
            && !(page.offset..page.offset + page.rows.len()).contains(&revealed)
        {
            let request = TreeRequest {
                offset: revealed.saturating_sub(request.limit / 2),
                reveal: None,
                ..request.clone()
            };
            let again = self.tree(top, &request)?;
            page = TreePage {
                revealed: Some(revealed),
                ..again
            };
        }
        let sum = match request.view {
            View::Merged => self.visible(root, 0)?,
            View::Layer => match root.here {
                Some(here) => self.sum_of(here)?,
                None => Sum::default(),
            },
        };
        page.bytes = sum.bytes;
        page.files = sum.files;
        Ok(page)
    }

    fn walk(
        &self,
        place: &Place,
        path: &mut Vec<u8>,
        depth: usize,
        lines: &mut Lines<'_>,
    ) -> io::Result<()> {
        if depth > DEEPEST {
            return Ok(());
        }
        let children = self.ordered(place, lines.request, depth)?;
        // Names are only read where they matter: for lines of the page, or where one of
        // them may be open.
        let needs_names = lines.filter.is_some()
            || lines.request.is_unfolded
            || lines.request.reveal.is_some()
            || lines.opens_below.contains(path.as_slice());
        let length = path.len();
        for child in children {
            if needs_names || lines.is_on_page() {
                let contents = self.contents(child.shown);
                let mut name = Vec::new();
                contents.name(child.shown.entry, &mut name)?;
                if length > 0 {
                    path.push(b'/');
                }
                let name_at = path.len();
                path.extend_from_slice(&name);
                self.line(&child, path, name_at, depth, lines)?;
                path.truncate(length);
            } else {
                lines.page.total += 1;
            }
        }
        Ok(())
    }

    fn line(
        &self,
        child: &Child,
        path: &mut Vec<u8>,
        name_at: usize,
        depth: usize,
        lines: &mut Lines<'_>,
    ) -> io::Result<()> {
        let Some(needle) = &lines.filter else {
            let is_open = child.inside.is_some()
                && (lines.request.is_unfolded || lines.request.open.contains(path.as_slice()));
            self.push(child, path, depth, is_open, lines)?;
            return match (&child.inside, is_open) {
                (Some(inside), true) => self.walk(inside, path, depth + 1, lines),
                _ => Ok(()),
            };
        };
        let mut place = None;
        if needle.is_in(path, name_at) {
            for n in 0..lines.above.len() {
                if lines.above[n].2.is_none() {
                    let (above, path, _) = lines.above[n].clone();
                    lines.above[n].2 = Some(lines.page.total);
                    self.push(&above, &path, n, true, lines)?;
                } else {
                    lines.open(n);
                }
            }
            place = Some(lines.page.total);
            self.push(child, path, depth, false, lines)?;
        }
        if let Some(inside) = &child.inside {
            lines.above.push((child.clone(), path.clone(), place));
            self.walk(inside, path, depth + 1, lines)?;
            lines.above.pop();
        }
        Ok(())
    }

    /// Counts a line, and makes it if it is on the page.
    fn push(
        &self,
        child: &Child,
        path: &[u8],
        depth: usize,
        is_open: bool,
        lines: &mut Lines<'_>,
    ) -> io::Result<()> {
        if lines.request.reveal.as_deref() == Some(path) {
            lines.page.revealed = Some(lines.page.total);
        }
        let is_on_page = lines.is_on_page();
        lines.page.total += 1;
        if !is_on_page {
            return Ok(());
        }
        let entry = self.contents(child.shown).entry(child.shown.entry)?;
        let sum = self.sum_of_line(child, lines.request.view, depth)?;
        lines.page.rows.push(TreeRow {
            path: path.to_vec(),
            depth,
            bytes: match entry.is_directory() {
                true => sum.bytes,
                false => entry.size_bytes,
            },
            files: sum.files,
            entry,
            mark: child.mark,
            is_open,
        });
        Ok(())
    }

    fn sum_of_line(&self, child: &Child, view: View, depth: usize) -> io::Result<Sum> {
        match view {
            View::Layer if !child.is_removed() => self.sum_of(child.shown),
            _ => self.visible_child(child, depth),
        }
    }

    /// The entries of a directory that the view has, in the order that is asked for.
    fn ordered(
        &self,
        place: &Place,
        request: &TreeRequest,
        depth: usize,
    ) -> io::Result<Vec<Child>> {
        let mut children = self.children(place)?;
        if request.view == View::Layer {
            let here = place.here.map(|part| part.layer);
            children.retain(|child| child.is_removed() || Some(child.shown.layer) == here);
        }
        match request.order {
            FileOrder::Name => {
                // Stable: names stay in their order.
                children.sort_by_key(|child| child.inside.is_none());
            }
            FileOrder::Size => {
                let mut keyed = Vec::with_capacity(children.len());
                for child in children {
                    let bytes = self.sum_of_line(&child, request.view, depth)?.bytes;
                    keyed.push((bytes, child));
                }
                keyed.sort_by_key(|(bytes, _)| std::cmp::Reverse(*bytes));
                children = keyed.into_iter().map(|(_, child)| child).collect();
            }
        }
        Ok(children)
    }
}

impl Lines<'_> {
    fn is_on_page(&self) -> bool {
        let limit = self.request.limit.min(LONGEST_PAGE);
        (self.request.offset..self.request.offset + limit).contains(&self.page.total)
    }

    /// Notes that something below a directory has a line.
    fn open(&mut self, level: usize) {
        let line = self.above[level].2;
        let row = line.and_then(|line| line.checked_sub(self.request.offset));
        if let Some(row) = row.and_then(|row| self.page.rows.get_mut(row)) {
            row.is_open = true;
        }
    }
}

/// A path without needless slashes.
fn clean(path: &[u8]) -> Vec<u8> {
    let names = path.split(|byte| *byte == b'/').filter(|n| !n.is_empty());
    names.collect::<Vec<_>>().join(&b'/')
}

/// What names must contain.
struct Needle {
    text: String,
    /// Whether the path is meant, rather than the name.
    is_path: bool,
}

impl Needle {
    fn new(filter: &str) -> Option<Self> {
        (!filter.is_empty()).then(|| Self {
            text: filter.to_lowercase(),
            is_path: filter.contains('/'),
        })
    }

    fn is_in(&self, path: &[u8], name_at: usize) -> bool {
        let text = match self.is_path {
            true => path,
            false => &path[name_at..],
        };
        if text.is_ascii() {
            let wanted = self.text.as_bytes();
            let mut windows = text.windows(wanted.len());
            return windows.any(|window| window.eq_ignore_ascii_case(wanted))
                // A leading slash stands for the root.
                || self.is_path
                    && wanted.starts_with(b"/")
                    && text
                        .get(..wanted.len() - 1)
                        .is_some_and(|start| start.eq_ignore_ascii_case(&wanted[1..]));
        }
        let text = String::from_utf8_lossy(text).to_lowercase();
        text.contains(&self.text)
    }
}
