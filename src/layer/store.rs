//! The store of unpacked layers.

use std::{
    collections::HashSet,
    fs::{self, DirBuilder, File, FileTimes},
    io::{self, Read, Write},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{
    contents::{self, Contents},
    error::{Error, Result},
    overlay::{BOTTOM, Overlay},
    pack, pipeline,
    removal::remove_tree,
    scratch::{ScratchDirectory, stale},
    tree::Tree,
};
use crate::model::{Digest, ImportProgress};

/// The directory of all unpacked layers. A value is cheap and holds no lock.
#[derive(Clone, Debug)]
pub struct LayerStore {
    directory: PathBuf,
    /// Bytes that a layer's tar and each of its files may have.
    most_bytes: u64,
}

/// Bytes that a layer may unpack to, unless it is configured otherwise: far above any that
/// is meant well, and far below what an archive of a few megabytes can claim.
pub const MOST_BYTES: u64 = 256 << 30;

/// A layer's files.
const FILES: &str = "fs";
/// The same without its marks.
const LOWEST: &str = "lowest";

/// What is known of a layer without walking its tree (`layer.json`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerRecord {
    /// The digest of its uncompressed tar.
    pub diff_id: Digest,
    /// Bytes of its files, each hard link counted once, holes not at all.
    pub size_bytes: u64,
    /// Entries of its tar.
    pub entries: u64,
    /// Bytes of its tar; `None` in a record that is older than this field.
    #[serde(default)]
    pub tar_bytes: Option<u64>,
    /// Whiteouts and opaque marks of its tar; `None` in a record that is older than this
    /// field.
    #[serde(default)]
    pub marks: Option<u64>,
}

/// Where a layer lies in the image that it is unpacked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// Nothing lies beneath it, so its whiteouts are checked and then left out.
    Lowest,
    /// Its whiteouts hide what lies beneath.
    Above,
}

impl Position {
    /// What a layer's files are called that lie so, if it has marks.
    fn files(self) -> &'static str {
        match self {
            Self::Lowest => LOWEST,
            Self::Above => FILES,
        }
    }

    /// Where each of an image's layers lies, lowest first. One that is listed twice counts
    /// where it lies highest, see [`LayerStore::overlay`].
    pub fn of(layers: &[Digest]) -> Vec<Self> {
        let lowest = (0..layers.len()).find(|&at| !layers[at + 1..].contains(&layers[at]));
        let lowest = lowest.map(|at| &layers[at]);
        let is_lowest = |layer| Some(layer) == lowest;
        layers
            .iter()
            .map(|layer| match is_lowest(layer) {
                true => Self::Lowest,
                false => Self::Above,
            })
            .collect()
    }
}

/// A layer that is complete but not in place yet; dropping it removes it.
#[derive(Debug)]
pub struct Unpacked {
    /// What is known of it.
    pub record: LayerRecord,
    scratch: ScratchDirectory,
    files: PathBuf,
    target: PathBuf,
}

impl LayerStore {
    /// The store at `directory`, which is made if it is missing. Only root may enter:
    /// layers hold set-user-id programs of all ages.
    pub fn open(directory: impl Into<PathBuf>) -> Result<Self> {
        let directory = directory.into();
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&directory)
            .map_err(Error::io("make the layer store", &directory))?;
        Ok(Self {
            directory,
            most_bytes: MOST_BYTES,
        })
    }

    /// The same store, in which no layer that is unpacked from now on may have more.
    pub fn with_most_bytes(self, most_bytes: u64) -> Self {
        Self { most_bytes, ..self }
    }

    /// Bytes that a layer may have.
    pub fn most_bytes(&self) -> u64 {
        self.most_bytes
    }

    /// The files of a layer: with its marks, if those were ever wanted.
    pub fn path(&self, diff_id: &Digest) -> PathBuf {
        let home = self.home(diff_id);
        let files = home.join(FILES);
        let lowest = home.join(LOWEST);
        match !files.exists() && lowest.exists() {
            true => lowest,
            false => files,
        }
    }

    /// Whether a layer is here for an image where it lies so.
    pub fn has(&self, diff_id: &Digest, position: Position) -> Result<bool> {
        let Some(record) = self.record(diff_id)? else {
            return Ok(false);
        };
        Ok(match record.marks {
            None | Some(0) => true,
            Some(_) => self.home(diff_id).join(position.files()).exists(),
        })
    }

    /// Whether a layer is here and not found damaged, as far as one look tells.
    pub fn is_here(&self, diff_id: &Digest) -> bool {
        self.home(diff_id).join("layer.json").exists()
    }

    /// The directories of some layers, which come lowest first, the highest first.
    ///
    /// A layer that an image lists twice counts where it lies highest, which gives the
    /// same files: overlayfs refuses to see a directory twice.
    pub fn directories(&self, layers: &[Digest]) -> Vec<PathBuf> {
        let mut seen = HashSet::new();
        let layers = layers.iter().rev().filter(|layer| seen.insert(*layer));
        let mut directories: Vec<_> = layers.map(|layer| self.home(layer).join(FILES)).collect();
        // What hides something of a layer below has nothing to hide here.
        if let Some(lowest) = directories.last_mut() {
            let without_marks = lowest.with_file_name(LOWEST);
            if without_marks.exists() {
                *lowest = without_marks;
            }
        }
        directories
    }

    /// The overlay of some layers, lowest first, beneath a writable one, which
    /// [`make_writable`](super::make_writable) made.
    pub fn overlay(&self, layers: &[Digest], upper: PathBuf, work: PathBuf) -> Overlay {
        let mut lower = self.directories(layers);
        if lower.is_empty() {
            lower.push(upper.with_file_name(BOTTOM));
        }
        Overlay {
            lower,
            upper,
            work,
            is_volatile: false,
        }
    }

    /// What is known of a layer; `None` if it isn't here.
    pub fn record(&self, diff_id: &Digest) -> Result<Option<LayerRecord>> {
        let path = self.home(diff_id).join("layer.json");
        match fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text)
                .map(Some)
                .map_err(|error| Error::io("read", path)(io::Error::from(error))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io("read", path)(error)),
        }
    }

    /// Every layer that is here.
    pub fn list(&self) -> Result<Vec<Digest>> {
        let failed = || Error::io("list", &self.directory);
        let mut layers = Vec::new();
        for entry in fs::read_dir(&self.directory).map_err(failed())? {
            let name = entry.map_err(failed())?.file_name();
            layers.extend(
                name.to_str()
                    .and_then(|hex| Digest::parse(&format!("sha256:{hex}"))),
            );
        }
        Ok(layers)
    }

    /// Unpacks an uncompressed tar. It is not in place before [`Unpacked::keep`], and is
    /// removed again if anything fails.
    ///
    /// `copy` receives the tar as it is; `progress` is called now and then.
    pub fn unpack(
        &self,
        source: impl Read + Send,
        position: Position,
        copy: Option<&mut (dyn Write + Send)>,
        progress: &mut dyn FnMut(ImportProgress),
    ) -> Result<Unpacked> {
        self.unpack_any(source, position, copy, false, progress)
    }

    /// Makes a layer of a directory that overlayfs has written to as an upper one, without
    /// writing its files again: what it holds is packed for `copy`, and the directory itself
    /// becomes the layer's. Nobody may write to it any more; it must lie on the store's file
    /// system. What `skip` names, absolute in the container, goes.
    pub fn adopt(
        &self,
        upper: &Path,
        skip: &dyn Fn(&Path) -> bool,
        copy: &mut (dyn Write + Send),
    ) -> Result<Unpacked> {
        let scratch = ScratchDirectory::new(&self.directory)
            .map_err(Error::io("make a directory in", &self.directory))?;
        let (packed, diff_id, tar_bytes) =
            pipeline::pack(copy, |out| pack::pack_all_changes(upper, skip, out))?;
        for path in &packed.left_out {
            leave_out(&upper.join(path)).map_err(Error::io("remove", upper.join(path)))?;
        }
        let files = scratch.path().join(FILES);
        fs::rename(upper, &files).map_err(Error::io("put in place", &files))?;
        self.describe(
            scratch,
            files,
            LayerRecord {
                diff_id,
                size_bytes: packed.size_bytes,
                entries: packed.entries,
                tar_bytes: Some(tar_bytes),
                marks: Some(packed.marks),
            },
        )
    }

    /// The same for a tar whose diff-id is known: it may lack the blocks that mark its
    /// end, which some tools never write. The caller compares the diff-ids.
    pub fn unpack_known(
        &self,
        source: impl Read + Send,
        position: Position,
        progress: &mut dyn FnMut(ImportProgress),
    ) -> Result<Unpacked> {
        self.unpack_any(source, position, None, true, progress)
    }

    fn unpack_any(
        &self,
        source: impl Read + Send,
        position: Position,
        copy: Option<&mut (dyn Write + Send)>,
        is_open_ended: bool,
        progress: &mut dyn FnMut(ImportProgress),
    ) -> Result<Unpacked> {
        let scratch = ScratchDirectory::new(&self.directory)
            .map_err(Error::io("make a directory in", &self.directory))?;
        let mut files = scratch.path().join(FILES);
        fs::create_dir(&files).map_err(Error::io("make", &files))?;
        let root = File::open(&files).map_err(Error::io("open", &files))?;
        let tree = root.try_clone().map_err(Error::io("open", &files))?;
        let record = Tree::new(tree.into(), position == Position::Lowest).and_then(|tree| {
            pipeline::unpack(source, tree, self.most_bytes, copy, is_open_ended, progress)
        })?;
        drop(root);
        if position == Position::Lowest && record.marks != Some(0) {
            let lowest = scratch.path().join(LOWEST);
            fs::rename(&files, &lowest).map_err(Error::io("make", &lowest))?;
            files = lowest;
        }
        self.describe(scratch, files, record)
    }

    /// Completes a layer whose files are there.
    fn describe(
        &self,
        scratch: ScratchDirectory,
        files: PathBuf,
        record: LayerRecord,
    ) -> Result<Unpacked> {
        let root = File::open(&files).map_err(Error::io("open", &files))?;
        contents::build(&root.into(), scratch.path()).map_err(Error::io("list", &files))?;
        let path = scratch.path().join("layer.json");
        let text = serde_json::to_vec(&record).expect("a record has only string keys");
        fs::write(&path, text).map_err(Error::io("write", &path))?;
        Ok(Unpacked {
            target: self.home(&record.diff_id),
            files,
            record,
            scratch,
        })
    }

    /// What is wrong with the files of a layer, held against the list that was made when it
    /// was unpacked; nothing if there is no such list to be read.
    pub fn find_damage(&self, diff_id: &Digest) -> Result<Option<String>> {
        let home = self.home(diff_id);
        let Ok(listed) = fs::read(home.join(contents::FILE)) else {
            return Ok(match self.path(diff_id).is_dir() {
                true => None,
                false => Some("its files are missing".into()),
            });
        };
        if File::open(home.join(contents::FILE))
            .and_then(Contents::open)
            .is_err()
        {
            // The list is damaged, of which it is made anew; the files may be sound.
            return Ok(None);
        }
        let scratch = match self.list_files(&self.path(diff_id)) {
            Ok((scratch, _)) => scratch,
            Err(error) => return Ok(Some(format!("its files can't be listed: {error}"))),
        };
        let path = scratch.path().join(contents::FILE);
        let now = fs::read(&path).map_err(Error::io("read", path))?;
        Ok((now != listed).then(|| "its files are not those that were unpacked".into()))
    }

    /// Takes a layer's record away, so that it counts as missing and is unpacked anew. Its
    /// files stay for the containers that use them.
    pub fn distrust(&self, diff_id: &Digest) -> Result<()> {
        let path = self.home(diff_id).join("layer.json");
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Error::io("remove", path)(error))
            }
            _ => Ok(()),
        }
    }

    /// What a layer holds. Made from its files where that is not on record, or not to be
    /// read any more: then it takes as long as a walk of them.
    pub fn contents(&self, diff_id: &Digest) -> Result<Contents> {
        let path = self.home(diff_id).join(contents::FILE);
        if let Ok(contents) = File::open(&path).and_then(Contents::open) {
            return Ok(contents);
        }
        self.renew_contents(diff_id)
    }

    /// Makes the record of what a layer holds anew, because it was found damaged.
    pub fn renew_contents(&self, diff_id: &Digest) -> Result<Contents> {
        let path = self.home(diff_id).join(contents::FILE);
        let (scratch, contents) = self.list_files(&self.path(diff_id))?;
        // By whoever comes first of several: they all write the same.
        fs::rename(scratch.path().join(contents::FILE), &path)
            .map_err(Error::io("put in place", path))?;
        Ok(contents)
    }

    /// What any directory holds that is written as layers are, such as a container's
    /// writable one, as it is now.
    pub fn contents_of(&self, files: &Path) -> Result<Contents> {
        Ok(self.list_files(files)?.1)
    }

    fn list_files(&self, files: &Path) -> Result<(ScratchDirectory, Contents)> {
        let scratch = ScratchDirectory::new(&self.directory)
            .map_err(Error::io("make a directory in", &self.directory))?;
        let root = File::open(files).map_err(Error::io("open", files))?;
        contents::build(&root.into(), scratch.path()).map_err(Error::io("list", files))?;
        let path = scratch.path().join(contents::FILE);
        let contents = File::open(&path).and_then(Contents::open);
        Ok((scratch, contents.map_err(Error::io("read", path))?))
    }

    /// Removes a layer. The caller has made sure that nobody uses it or will.
    pub fn remove(&self, diff_id: &Digest) -> Result<()> {
        let home = self.home(diff_id);
        // Renamed into a scratch directory first: what a crash leaves is then rubbish to
        // everybody, not a layer with holes.
        let scratch = ScratchDirectory::new(&self.directory)
            .map_err(Error::io("make a directory in", &self.directory))?;
        match fs::rename(&home, scratch.path().join("removed")) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(Error::io("remove", home)(error)),
        }
        scratch.remove().map_err(Error::io("remove", home))
    }

    /// Removes what killed processes left half-unpacked or half-removed.
    pub fn sweep(&self) -> Result<()> {
        let failed = || Error::io("sweep", &self.directory);
        for scratch in stale(&self.directory).map_err(failed())? {
            scratch.remove().map_err(failed())?;
        }
        Ok(())
    }

    /// Where it is.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    fn home(&self, diff_id: &Digest) -> PathBuf {
        self.directory.join(diff_id.hex())
    }
}

/// Removes something that is no part of a layer; its directory's time stays.
fn leave_out(path: &Path) -> io::Result<()> {
    let parent = File::open(path.parent().unwrap_or(path))?;
    let times = FileTimes::new().set_modified(parent.metadata()?.modified()?);
    match fs::symlink_metadata(path)?.is_dir() {
        true => remove_tree(path)?,
        false => fs::remove_file(path)?,
    }
    parent.set_times(times)
}

impl Unpacked {
    /// Puts the layer in its place. If it was there already, that one stays: equal
    /// diff-ids are equal trees. One without a record was found damaged and makes way; one
    /// that was only unpacked for another position gets these files beside its own.
    pub fn keep(self) -> Result<LayerRecord> {
        let failed = || Error::io("put in place", &self.target);
        let name = self.files.file_name().unwrap_or_default();
        if self.target.join("layer.json").exists() && !self.target.join(name).exists() {
            match fs::rename(&self.files, self.target.join(name)) {
                // Somebody else came first.
                Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {}
                result => result.map_err(failed())?,
            }
            if name == FILES {
                // These are the whole of it, the others lack something.
                let contents = self.scratch.path().join(contents::FILE);
                fs::rename(contents, self.target.join(contents::FILE)).map_err(failed())?;
            }
            return Ok(self.record);
        }
        if self.target.exists() && !self.target.join("layer.json").exists() {
            let parent = self.target.parent().unwrap_or(&self.target);
            let aside = ScratchDirectory::new(parent).map_err(failed())?;
            match fs::rename(&self.target, aside.path().join("damaged")) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(failed()(error));
                }
                _ => {}
            }
        }
        self.scratch
            .rename(&self.target)
            .map_err(Error::io("put in place", &self.target))?;
        Ok(self.record)
    }
}
