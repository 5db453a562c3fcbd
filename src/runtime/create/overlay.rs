//! The overlay of a container's layers, as a detached mount.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;

use rustix::fs::{Mode, OFlags, open};
use rustix::io::Errno;
use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_change};

use crate::layer::Overlay;
use crate::sys::clone;
use crate::sys::mount::{Context, clone_tree};

use super::error::{Result, Trying};
use super::mounts::c_path;

/// The upper directory must be readable without a mount (`diff` and lookups in a
/// stopped container): none of overlayfs' own shorthand in it, whatever the kernel's
/// defaults are.
const PLAIN: [(&CStr, &CStr); 3] = [
    (c"redirect_dir", c"off"),
    (c"metacopy", c"off"),
    (c"index", c"off"),
];

/// Mount it, in no mount namespace: whoever gets the descriptor may attach it.
pub fn mount_detached(overlay: &Overlay) -> Result<OwnedFd> {
    let directories = Directories::open(overlay)?;
    if overlay.is_volatile {
        // Overlayfs' mark of an earlier such mount, by which it refuses another: what was
        // not written out might be missing. Nothing is, short of a loss of power, after
        // which such a container does not exist any more.
        let _ = std::fs::remove_dir(overlay.work.join("work/incompat/volatile"));
    }
    match directories.by_context() {
        Ok(tree) => Ok(tree),
        // Before Linux 6.5 overlayfs does not know `lowerdir+`.
        Err(Errno::INVAL) => directories.by_mount(&overlay.upper),
        Err(errno) => Err(errno.into()),
    }
    .trying(|| format!("mount overlay over {}", overlay.upper.display()))
}

/// The layers, held open. A string in a mount option is limited to 255 bytes and has
/// characters with a meaning (`:`, `,`); `/proc/self/fd/N` is short and has none, and
/// the container's mountinfo does not tell where the host keeps its images.
struct Directories {
    lower: Vec<Directory>,
    upper: Directory,
    work: Directory,
    is_volatile: bool,
}

struct Directory {
    path: CString,
    fd: OwnedFd,
}

impl Directories {
    fn open(overlay: &Overlay) -> Result<Self> {
        Ok(Self {
            lower: overlay
                .lower
                .iter()
                .map(|path| Directory::open(path))
                .collect::<Result<_>>()?,
            upper: Directory::open(&overlay.upper)?,
            work: Directory::open(&overlay.work)?,
            is_volatile: overlay.is_volatile,
        })
    }

    /// One layer an option: no limit on their number but overlayfs' own 500.
    fn by_context(&self) -> rustix::io::Result<OwnedFd> {
        let context = Context::open(c"overlay")?;
        context.set(c"source", Some(c"overlay"))?;
        for layer in &self.lower {
            context.set(c"lowerdir+", Some(&layer.by_descriptor()))?;
        }
        context.set(c"upperdir", Some(&self.upper.by_descriptor()))?;
        context.set(c"workdir", Some(&self.work.by_descriptor()))?;
        for (feature, value) in PLAIN {
            context.set(feature, Some(value))?;
        }
        if self.is_volatile {
            // Else the end of the container's last process waits until the whole file
            // system below is written out: 400 ms on a busy disk. Refused before Linux
            // 5.10, which then waits.
            let _ = context.set(c"volatile", None);
        }
        context.mount(0)
    }

    /// All in one page of options for mount(2), which needs a place in a tree: one of a
    /// mount namespace that a helper makes and that ends with it. What stays is the
    /// clone of the mount, which the helper puts into our common descriptor table.
    /// Layers are named relative to `/proc/self/fd`: two or three digits each.
    fn by_mount(&self, place: &Path) -> io::Result<OwnedFd> {
        let data = self.data()?;
        let place = CString::new(place.as_os_str().as_encoded_bytes())?;
        clone::fetch(libc::CLONE_NEWNS as u64, || self.helper(&place, &data))
    }

    fn helper(&self, place: &CStr, data: &CStr) -> rustix::io::Result<OwnedFd> {
        mount_change(
            c"/",
            MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC,
        )?;
        // overlayfs takes layers of its own mount namespace only: open them again, in
        // this one, at the numbers that the options name.
        for directory in self.lower.iter().chain([&self.upper, &self.work]) {
            let fd = open_directory(&directory.path)?;
            clone::replace(fd, directory.fd.as_raw_fd())?;
        }
        rustix::process::chdir(c"/proc/self/fd")?;
        mount(c"overlay", place, c"overlay", MountFlags::empty(), data)?;
        clone_tree(rustix::fs::CWD, place, false)
    }

    fn data(&self) -> io::Result<CString> {
        let lower: Vec<_> = self
            .lower
            .iter()
            .map(|layer| layer.fd.as_raw_fd().to_string())
            .collect();
        let data = format!(
            "lowerdir={},upperdir={},workdir={},redirect_dir=off,metacopy=off,index=off",
            lower.join(":"),
            self.upper.fd.as_raw_fd(),
            self.work.fd.as_raw_fd()
        );
        if data.len() >= 4096 {
            return Err(io::Error::other(
                "too many layers for this kernel (Linux 6.5 lifts that)",
            ));
        }
        Ok(CString::new(data)?)
    }
}

impl Directory {
    fn open(path: &Path) -> Result<Self> {
        let name = c_path(path)?;
        let fd = open_directory(&name).trying(|| format!("open the layer {}", path.display()))?;
        Ok(Self { path: name, fd })
    }

    fn by_descriptor(&self) -> CString {
        CString::new(format!("/proc/self/fd/{}", self.fd.as_raw_fd()))
            .expect("digits hold no zero byte")
    }
}

fn open_directory(path: &CStr) -> rustix::io::Result<OwnedFd> {
    open(
        path,
        OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::beneath;
    use std::fs;

    fn layers(count: usize) -> (tempfile::TempDir, Overlay) {
        let dir = tempfile::tempdir().expect("temp dir");
        let overlay = Overlay {
            lower: (0..count).map(|n| dir.path().join(n.to_string())).collect(),
            upper: dir.path().join("upper"),
            work: dir.path().join("work"),
            is_volatile: false,
        };
        for path in overlay.lower.iter().chain([&overlay.upper, &overlay.work]) {
            fs::create_dir(path).expect("mkdir");
            let name = path.file_name().expect("name");
            fs::write(path.join(name), name.as_encoded_bytes()).expect("write");
        }
        fs::remove_file(overlay.work.join("work")).expect("work must be empty");
        (dir, overlay)
    }

    #[test]
    fn both_ways_mount_more_than_a_hundred_layers() {
        for way in [
            // Before Linux 6.5 there is only the other one.
            |directories: &Directories, place: &Path| match directories.by_context() {
                Err(Errno::INVAL) => directories.by_mount(place),
                other => other.map_err(io::Error::from),
            },
            |directories: &Directories, place: &Path| directories.by_mount(place),
        ] {
            let (_dir, overlay) = layers(120);
            let directories = Directories::open(&overlay).expect("open");
            let tree = way(&directories, &overlay.upper).expect("mount");
            for name in [c"0", c"119", c"upper"] {
                beneath::open(&tree, name, OFlags::PATH).expect("a file of each layer");
            }
        }
    }
}
