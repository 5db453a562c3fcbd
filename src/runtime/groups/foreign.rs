//! Names of other engines' containers: their groups are called by ids alone, and the
//! engines need not run, nor be asked, for their names to be known.
//!
//! ```text
//! docker      var/lib/docker/containers/ID/config.v2.json: Name
//! podman,     var/lib/containers/storage/DRIVER-containers/{,volatile-}containers.json:
//! cri-o       names of the entry with that id
//! containerd, run/containerd/io.containerd.runtime.v2.task/NAMESPACE/ID/config.json:
//! kubernetes  the annotations of its CRI plugin, or nerdctl's
//! ```
//!
//! They are other programs' files, of which nothing is promised: what is missing, too
//! large, no plain file, or of another shape leaves the short id, without a word. A file
//! is read again only once its stamp (device, inode, size, time of change) is another.

use std::{
    collections::HashMap,
    fs::{self, File},
    io::Read,
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use serde::Deserialize;

use crate::model::ContainerId;

/// Largest file that is read. podman's list has a few hundred bytes a container.
const MOST_BYTES: u64 = 4 << 20;
/// Longest name that is shown, bytes; docker's have at most 255.
const LONGEST_NAME: usize = 256;
/// Files that are read at most until [`Names::turn`]: a picture must not wait for more.
const MOST_READ: u32 = 256;
/// Namespaces of containerd that are looked through at most.
const MOST_NAMESPACES: usize = 16;

/// Names that are known, and of which files they came.
#[derive(Debug)]
pub struct Names {
    /// Where the host's root directory is.
    root: PathBuf,
    /// What each file said, by container.
    files: HashMap<PathBuf, (Stamp, ById)>,
    /// Files read in this turn.
    read: u32,
}

/// What tells that a file is another, or another's content; all zero where there is none.
type Stamp = (u64, u64, u64, i64, i64);

/// Names by full id.
type ById = HashMap<String, String>;

impl Default for Names {
    fn default() -> Self {
        Self::at("/")
    }
}

impl Names {
    /// Names found below a root directory.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            files: HashMap::new(),
            read: 0,
        }
    }

    /// A new picture is made: as many files may be read again.
    pub fn turn(&mut self) {
        self.read = 0;
    }

    /// Forgets the files of containers that are not among these.
    pub fn keep(&mut self, is_there: impl Fn(&str) -> bool) {
        let is_list = |names: &ById| names.len() != 1;
        self.files
            .retain(|_, (_, names)| is_list(names) || names.keys().any(|id| is_there(id)));
    }

    /// The name of the container whose group has this path, if its engine noted one.
    pub fn name(&mut self, engine: &str, path: &str) -> Option<String> {
        let id = container_id(path)?;
        match engine {
            "docker" => {
                let file = format!("var/lib/docker/containers/{id}/config.v2.json");
                self.look(Path::new(&file), id, docker)
            }
            "podman" | "cri-o" => self.storage(id),
            "containerd" | "kubernetes" => self.containerd(id).or_else(|| self.storage(id)),
            _ => None,
        }
    }

    /// The list of the containers/storage library.
    fn storage(&mut self, id: &str) -> Option<String> {
        for driver in ["overlay", "vfs", "btrfs"] {
            for list in ["containers.json", "volatile-containers.json"] {
                let file = format!("var/lib/containers/storage/{driver}-containers/{list}");
                let name = self.look(Path::new(&file), id, storage);
                if name.is_some() {
                    return name;
                }
            }
        }
        None
    }

    /// The bundle that containerd's shim runs from.
    fn containerd(&mut self, id: &str) -> Option<String> {
        const TASKS: &str = "run/containerd/io.containerd.runtime.v2.task";
        let namespaces = fs::read_dir(self.root.join(TASKS)).ok()?;
        for namespace in namespaces.flatten().take(MOST_NAMESPACES) {
            let file = Path::new(TASKS).join(namespace.file_name()).join(id);
            let name = self.look(&file.join("config.json"), id, bundle);
            if name.is_some() {
                return name;
            }
        }
        None
    }

    /// What a file says of a container.
    fn look(
        &mut self,
        file: &Path,
        id: &str,
        parse: fn(&str, &[u8]) -> Option<ById>,
    ) -> Option<String> {
        let path = self.root.join(file);
        // A link could lead anywhere; what is read is what the engine itself wrote.
        let found = fs::symlink_metadata(&path).ok().filter(|m| m.is_file());
        let Some(found) = found else {
            self.files.remove(&path);
            return None;
        };
        let now = stamp(&found);
        if self.files.get(&path).is_none_or(|(known, _)| *known != now) {
            if self.read >= MOST_READ {
                return None;
            }
            self.read += 1;
            let names = read(&path).and_then(|bytes| parse(id, &bytes));
            self.files
                .insert(path.clone(), (now, names.unwrap_or_default()));
        }
        let (_, names) = self.files.get(&path)?;
        names.get(id).cloned()
    }
}

/// The full id in the path of a container's group: digits and letters alone, so that it
/// may become part of a path.
pub fn container_id(path: &str) -> Option<&str> {
    let last = path.rsplit('/').next()?;
    let unit = last.strip_suffix(".scope").unwrap_or(last);
    let id = unit.rsplit('-').next()?;
    ContainerId::parse(id).map(|_| id)
}

fn stamp(found: &fs::Metadata) -> Stamp {
    (
        found.dev(),
        found.ino(),
        found.size(),
        found.ctime(),
        found.ctime_nsec(),
    )
}

fn read(path: &Path) -> Option<Vec<u8>> {
    // A FIFO in its place would hold an open without O_NONBLOCK for ever.
    let file = File::options()
        .read(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_CLOEXEC)
        .open(path)
        .ok()?;
    let meta = file.metadata().ok()?;
    if !meta.is_file() || meta.len() > MOST_BYTES {
        return None;
    }
    let mut bytes = Vec::new();
    file.take(MOST_BYTES).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

fn one(id: &str, name: &str) -> Option<ById> {
    let name = name.trim();
    let is_name = !name.is_empty() && name.len() <= LONGEST_NAME;
    is_name.then(|| HashMap::from([(id.to_owned(), name.to_owned())]))
}

fn docker(id: &str, bytes: &[u8]) -> Option<ById> {
    #[derive(Deserialize)]
    struct Config {
        #[serde(rename = "Name")]
        name: String,
    }
    let config: Config = serde_json::from_slice(bytes).ok()?;
    one(id, config.name.strip_prefix('/').unwrap_or(&config.name))
}

fn storage(_: &str, bytes: &[u8]) -> Option<ById> {
    #[derive(Deserialize)]
    struct Entry {
        id: String,
        #[serde(default)]
        names: Vec<String>,
    }
    let entries: Vec<Entry> = serde_json::from_slice(bytes).ok()?;
    let named = entries.into_iter().filter_map(|entry| {
        let name = entry.names.into_iter().next()?;
        one(&entry.id, &name)
    });
    Some(named.flatten().collect())
}

fn bundle(id: &str, bytes: &[u8]) -> Option<ById> {
    #[derive(Deserialize)]
    struct Spec {
        #[serde(default)]
        annotations: HashMap<String, String>,
    }
    let spec: Spec = serde_json::from_slice(bytes).ok()?;
    let said = |key: &str| spec.annotations.get(key).map(String::as_str);
    if let Some(name) = said("nerdctl/name") {
        return one(id, name);
    }
    let pod = said("io.kubernetes.cri.sandbox-name");
    match (pod, said("io.kubernetes.cri.container-name")) {
        (Some(pod), Some(name)) => one(id, &format!("{pod}/{name}")),
        (Some(pod), None) => one(id, &format!("{pod}/pause")),
        (None, name) => one(id, name?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "4f0c1fe6b8a1e35f8ecbb32a56b3f9b1c4de1d4b5e1d4c7c9a0d5b0f9d3c2a11";

    fn put(root: &Path, file: &str, text: &str) {
        let path = root.join(file.replace("ID", ID));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        // As the engines do it: a new file takes the old one's place.
        let new = path.with_extension("new");
        fs::write(&new, text).unwrap();
        fs::rename(new, path).unwrap();
    }

    const DOCKER: &str = "var/lib/docker/containers/ID/config.v2.json";
    const STORAGE: &str = "var/lib/containers/storage/overlay-containers/containers.json";
    const TASK: &str = "run/containerd/io.containerd.runtime.v2.task/k8s.io/ID/config.json";

    #[test]
    fn each_engine_names_its_containers() {
        let root = tempfile::tempdir().unwrap();
        let mut names = Names::at(root.path());
        let docker = format!("system.slice/docker-{ID}.scope");
        assert_eq!(names.name("docker", &docker), None);
        put(
            root.path(),
            DOCKER,
            r#"{"ID":"x","Name":"/web","State":{}}"#,
        );
        assert_eq!(names.name("docker", &docker).as_deref(), Some("web"));
        let plain = format!("docker/{ID}");
        assert_eq!(names.name("docker", &plain).as_deref(), Some("web"));
        // A new name is a new file.
        put(root.path(), DOCKER, r#"{"Name":"/shop"}"#);
        assert_eq!(names.name("docker", &plain).as_deref(), Some("shop"));
        fs::remove_file(root.path().join(DOCKER.replace("ID", ID))).unwrap();
        assert_eq!(names.name("docker", &plain), None);

        let list = format!(r#"[{{"id":"{ID}","names":["db"]}},{{"id":"other"}}]"#);
        put(root.path(), STORAGE, &list);
        let podman = format!("machine.slice/libpod-{ID}.scope");
        assert_eq!(names.name("podman", &podman).as_deref(), Some("db"));

        let spec = r#"{"annotations":{"io.kubernetes.cri.sandbox-name":"shop-0",
            "io.kubernetes.cri.container-name":"api"}}"#;
        put(root.path(), TASK, spec);
        let kube = format!("kubepods/burstable/pod1/{ID}");
        assert_eq!(
            names.name("kubernetes", &kube).as_deref(),
            Some("shop-0/api")
        );
    }

    #[test]
    fn what_is_no_such_file_leaves_the_id() {
        let root = tempfile::tempdir().unwrap();
        let path = format!("docker/{ID}");
        for text in ["", "{", "[]", r#"{"Name":7}"#, r#"{"Name":"/"}"#, "\u{0}"] {
            put(root.path(), DOCKER, text);
            assert_eq!(Names::at(root.path()).name("docker", &path), None, "{text}");
        }
        let long = format!(r#"{{"Name":"/{}"}}"#, "x".repeat(LONGEST_NAME + 1));
        put(root.path(), DOCKER, &long);
        assert_eq!(Names::at(root.path()).name("docker", &path), None);
        let huge = format!(
            r#"{{"Name":"/web","x":"{}"}}"#,
            "x".repeat(MOST_BYTES as usize)
        );
        put(root.path(), DOCKER, &huge);
        assert_eq!(Names::at(root.path()).name("docker", &path), None);
        // A FIFO and a link in its place hold nobody and lead nowhere.
        let file = root.path().join(DOCKER.replace("ID", ID));
        fs::remove_file(&file).unwrap();
        nix::unistd::mkfifo(&file, nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert_eq!(Names::at(root.path()).name("docker", &path), None);
        fs::remove_file(&file).unwrap();
        let other = root.path().join("other.json");
        fs::write(&other, r#"{"Name":"/web"}"#).unwrap();
        std::os::unix::fs::symlink(&other, &file).unwrap();
        assert_eq!(Names::at(root.path()).name("docker", &path), None);
        for path in ["docker/../../etc", "docker/", "", "docker/4f0c"] {
            assert_eq!(Names::at(root.path()).name("docker", path), None);
        }
    }

    #[test]
    fn files_are_read_once_and_so_many_a_turn() {
        let root = tempfile::tempdir().unwrap();
        put(root.path(), DOCKER, r#"{"Name":"/web"}"#);
        let path = format!("docker/{ID}");
        let mut names = Names::at(root.path());
        names.read = MOST_READ;
        assert_eq!(names.name("docker", &path), None);
        names.turn();
        assert_eq!(names.name("docker", &path).as_deref(), Some("web"));
        assert_eq!(names.name("docker", &path).as_deref(), Some("web"));
        assert_eq!(names.read, 1);
        names.keep(|id| id != ID);
        assert!(names.files.is_empty());
    }
}
