//! Which files of the host make the image, and in which layer each goes.

use std::{
    collections::HashMap,
    env,
    ffi::OsStr,
    fs,
    os::unix::{
        ffi::OsStrExt,
        fs::{MetadataExt, PermissionsExt},
    },
    path::{Path, PathBuf},
    process::Command,
};

use super::{
    HostError,
    cache::LoaderCache,
    elf::{self, Elf, ElfKind},
    tree::{Item, Tree, relative},
};

/// Directories of every image.
const DIRECTORIES: &[(&str, u32)] = &[
    ("dev", 0o755),
    ("etc", 0o755),
    ("home", 0o755),
    ("proc", 0o555),
    ("root", 0o700),
    ("run", 0o755),
    ("sys", 0o555),
    ("tmp", 0o1777),
    ("usr/bin", 0o755),
    ("usr/lib", 0o755),
    ("usr/lib64", 0o755),
    ("usr/local/bin", 0o755),
    ("usr/local/sbin", 0o755),
    ("usr/sbin", 0o755),
    ("usr/share", 0o755),
    ("var/lib", 0o755),
    ("var/log", 0o755),
    ("var/tmp", 0o1777),
];

/// Small files of every image.
const TEXTS: &[(&str, &str)] = &[
    (
        "etc/passwd",
        "root:x:0:0:root:/root:/bin/sh\n\
         daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n\
         nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
    ),
    (
        "etc/group",
        "root:x:0:\ndaemon:x:1:\ntty:x:5:\nnogroup:x:65534:\n",
    ),
    (
        "etc/nsswitch.conf",
        "passwd: files\ngroup: files\nhosts: files dns\n",
    ),
];

/// Directories at the top that are links into `usr`, as on every current distribution.
const MERGED: &[&str] = &["bin", "lib", "lib32", "lib64", "libx32", "sbin"];

/// Parts of the C library that always come along, whether a command needs them or not:
/// the layer is the same then whatever the commands are. The last are loaded by name.
const C_LIBRARY: &[&str] = &[
    "libc.so.6",
    "libm.so.6",
    "libdl.so.2",
    "libpthread.so.0",
    "librt.so.1",
    "libresolv.so.2",
    "libnss_files.so.2",
    "libnss_dns.so.2",
];

/// Where libraries are looked for last.
const LIBRARY_DIRECTORIES: &[&str] =
    &["/lib64", "/usr/lib64", "/lib", "/usr/lib", "/usr/local/lib"];

/// The layers of an image, lowest first, each with what it holds in words.
pub(super) struct Plan {
    pub(super) layers: Vec<(Tree, String)>,
    /// What a container of it runs by default.
    pub(super) default_command: String,
    /// Modification time of its newest file.
    pub(super) newest: i64,
}

impl Plan {
    /// Resolves the commands and all that they need.
    pub(super) fn new(commands: &[String]) -> Result<Self, HostError> {
        if commands.is_empty() {
            return Err(HostError::NoCommands);
        }
        let mut search = Search {
            cache: LoaderCache::read(),
            path: command_path(),
            base: skeleton(),
            libraries: Tree::default(),
            tools: Tree::default(),
            seen: HashMap::new(),
            newest: 0,
        };
        let mut programs = Vec::new();
        for command in commands {
            let path = search
                .find_command(command)
                .ok_or_else(|| HostError::NotFound(command.clone()))?;
            let program = search.add_program(&path)?;
            programs.push((path, program));
        }
        // After all commands, so that the host's own `sh` goes before busybox's.
        for (path, program) in &programs {
            if is_busybox(path, program) {
                search.add_applets(program)?;
            }
        }
        let shell = Path::new("usr/bin/sh");
        let default_command = match search.tools.contains(shell) {
            true => "/bin/sh".to_owned(),
            false => format!("/{}", in_image(&programs[0].0)?.display()),
        };
        let mut layers = vec![(search.base, "base".to_owned())];
        if search.libraries.has_files() {
            layers.push((search.libraries, "libraries".to_owned()));
        }
        layers.push((search.tools, commands.join(" ")));
        Ok(Self {
            layers,
            default_command,
            newest: search.newest,
        })
    }
}

/// Which of a program's files go where.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Base,
    Libraries,
    Tools,
}

struct Search {
    cache: LoaderCache,
    path: Vec<PathBuf>,
    base: Tree,
    libraries: Tree,
    tools: Tree,
    /// Host files that were added, and what they need; `None` for what is no ELF file.
    seen: HashMap<PathBuf, Option<Elf>>,
    newest: i64,
}

impl Search {
    fn find_command(&self, name: &str) -> Option<PathBuf> {
        let is_executable = |path: &PathBuf| {
            fs::metadata(path).is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
        };
        if name.contains('/') {
            return std::path::absolute(name).ok().filter(is_executable);
        }
        let candidates = self.path.iter().map(|directory| directory.join(name));
        candidates.into_iter().find(is_executable)
    }

    /// Adds a program and all that it needs; the file that its name leads to.
    fn add_program(&mut self, path: &Path) -> Result<PathBuf, HostError> {
        let file = self.place(path, Place::Tools)?;
        if self.seen.contains_key(&file) {
            return Ok(file);
        }
        let content = fs::read(&file).map_err(HostError::io(&file))?;
        if elf::is_elf(&content) {
            let program = elf::read(&content).ok_or_else(|| HostError::Malformed(file.clone()))?;
            self.seen.insert(file.clone(), Some(program.clone()));
            self.add_dynamic(&file, &program)?;
        } else if let Some(line) = content.strip_prefix(b"#!") {
            self.seen.insert(file.clone(), None);
            self.add_interpreter(&file, line)?;
        } else {
            return Err(HostError::NotAProgram(file));
        }
        Ok(file)
    }

    /// What `#!` names, and what `env` is asked to find.
    fn add_interpreter(&mut self, script: &Path, line: &[u8]) -> Result<(), HostError> {
        let line = line.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let line = String::from_utf8_lossy(line);
        let mut words = line.split_whitespace();
        let missing = |name: &str| HostError::NoInterpreter {
            path: script.to_owned(),
            name: name.to_owned(),
        };
        let interpreter = words.next().unwrap_or_default();
        let path = Path::new(interpreter);
        if !path.is_absolute() || !path.exists() {
            return Err(missing(interpreter));
        }
        self.add_program(path)?;
        if path.file_name() == Some(OsStr::new("env"))
            && let Some(name) = words.find(|word| !word.starts_with('-') && !word.contains('='))
        {
            let found = self.find_command(name).ok_or_else(|| missing(name))?;
            self.add_program(&found)?;
        }
        Ok(())
    }

    fn add_dynamic(&mut self, file: &Path, program: &Elf) -> Result<(), HostError> {
        if let Some(interpreter) = &program.interpreter {
            let interpreter = Path::new(OsStr::from_bytes(interpreter));
            let loader = self.place(interpreter, Place::Base)?;
            self.seen.entry(loader).or_insert(None);
        }
        self.add_libraries(file, program, program)
    }

    fn add_libraries(&mut self, file: &Path, needs: &Elf, program: &Elf) -> Result<(), HostError> {
        for name in &needs.needed {
            let path = self.find_library(name, file, needs, program);
            let Some(path) = path else {
                return Err(HostError::NoLibrary {
                    path: file.to_owned(),
                    name: String::from_utf8_lossy(name).into_owned(),
                });
            };
            let is_c_library = C_LIBRARY.iter().any(|part| part.as_bytes() == name);
            let place = match is_c_library {
                true => Place::Base,
                false => Place::Libraries,
            };
            let library = self.place(&path, place)?;
            if self.seen.contains_key(&library) {
                continue;
            }
            let content = fs::read(&library).map_err(HostError::io(&library))?;
            let needs = elf::read(&content).ok_or_else(|| HostError::Malformed(library.clone()))?;
            self.seen.insert(library.clone(), Some(needs.clone()));
            self.add_libraries(&library, &needs, program)?;
            if name == b"libc.so.6" {
                self.add_c_library(&path, program)?;
            }
        }
        Ok(())
    }

    fn add_c_library(&mut self, libc: &Path, program: &Elf) -> Result<(), HostError> {
        for part in C_LIBRARY {
            let path = libc.with_file_name(part);
            if is_library(&path, program.kind) {
                let file = self.place(&path, Place::Base)?;
                self.seen.entry(file).or_insert(None);
            }
        }
        Ok(())
    }

    /// As ld.so(8) searches, but without the environment.
    fn find_library(
        &self,
        name: &[u8],
        file: &Path,
        needs: &Elf,
        program: &Elf,
    ) -> Option<PathBuf> {
        let name_path = Path::new(OsStr::from_bytes(name));
        if name.contains(&b'/') {
            return Some(name_path.to_owned()).filter(|path| is_library(path, program.kind));
        }
        let mut directories = Vec::new();
        if needs.run_path.is_none() {
            for elf in [needs, program] {
                if elf.run_path.is_none() {
                    directories.extend(expand(elf.rpath.as_deref(), file));
                }
            }
        }
        directories.extend(expand(needs.run_path.as_deref(), file));
        let named = directories.into_iter().map(|dir| dir.join(name_path));
        let cached = self.cache.paths(name);
        let default = LIBRARY_DIRECTORIES.iter().map(Path::new);
        let default = default.map(|directory| directory.join(name_path));
        named
            .chain(cached)
            .chain(default)
            .find(|path| is_library(path, program.kind))
    }

    /// Adds a file of the host under its own name, each symbolic link on the way to it
    /// included; the file at the end.
    fn place(&mut self, path: &Path, place: Place) -> Result<PathBuf, HostError> {
        let mut path = path.to_owned();
        for _ in 0..40 {
            let name = real_name(&path)?;
            let image_name = in_image(&name)?;
            let metadata = fs::symlink_metadata(&name).map_err(HostError::io(&name))?;
            self.newest = self.newest.max(metadata.mtime());
            let in_base = self.base.contains(&image_name);
            let tree = match place {
                Place::Base => &mut self.base,
                Place::Libraries => &mut self.libraries,
                Place::Tools => &mut self.tools,
            };
            if !metadata.is_symlink() {
                if !in_base {
                    tree.add(&image_name, Item::Host(name.clone()));
                }
                return Ok(name);
            }
            let target = fs::read_link(&name).map_err(HostError::io(&name))?;
            path = name.parent().unwrap_or(Path::new("/")).join(target);
            let target = in_image(&real_name(&path)?)?;
            if !in_base {
                let link = relative(&image_name, &target);
                tree.add(&image_name, Item::Link(link));
            }
        }
        Err(HostError::io(path)(rustix::io::Errno::LOOP.into()))
    }

    /// Links for all that a busybox can do, where nothing else has the name.
    fn add_applets(&mut self, busybox: &Path) -> Result<(), HostError> {
        let failed = || HostError::io(busybox);
        let output = Command::new(busybox).arg("--list-full").output();
        let output = output.map_err(failed())?;
        if !output.status.success() {
            return Err(HostError::NotAProgram(busybox.to_owned()));
        }
        let target = in_image(&real_name(busybox)?)?;
        for line in output.stdout.split(|byte| *byte == b'\n') {
            let name = Path::new(OsStr::from_bytes(line));
            // In a directory: `linuxrc` is for initial RAM disks.
            if name.is_relative() && name.components().count() > 1 {
                let applet = merged(name);
                self.tools
                    .add(&applet, Item::Link(relative(&applet, &target)));
            }
        }
        Ok(())
    }
}

/// Directories, links, users: what programs expect of any system.
fn skeleton() -> Tree {
    let mut tree = Tree::default();
    // First: a directory that a file's path implies would get the common mode.
    for (path, mode) in DIRECTORIES {
        tree.add(Path::new(path), Item::Directory(*mode));
    }
    for (path, text) in TEXTS {
        tree.add(Path::new(path), Item::Text(text));
    }
    for name in ["bin", "lib", "lib64", "sbin"] {
        let target = Path::new("usr").join(name);
        tree.add(Path::new(name), Item::Link(target));
    }
    tree
}

/// PATH, and where root's commands are even if the caller's PATH leaves those out.
fn command_path() -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let more = ["/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin"];
    env::split_paths(&path)
        .filter(|directory| directory.is_absolute())
        .chain(more.map(PathBuf::from))
        .collect()
}

fn is_busybox(path: &Path, program: &Path) -> bool {
    [path, program]
        .iter()
        .any(|path| path.file_name() == Some(OsStr::new("busybox")))
}

fn is_library(path: &Path, kind: ElfKind) -> bool {
    let content = fs::read(path).unwrap_or_default();
    elf::is_elf(&content) && elf::read(&content).is_some_and(|elf| elf.kind == kind)
}

/// The directories of a search path in an ELF file.
fn expand(path: Option<&[u8]>, file: &Path) -> Vec<PathBuf> {
    let text = String::from_utf8_lossy(path.unwrap_or_default());
    let origin = file.parent().unwrap_or(Path::new("/")).to_string_lossy();
    let parts = text.split(':').filter(|part| !part.is_empty());
    let parts = parts.map(|part| {
        part.replace("${ORIGIN}", &origin)
            .replace("$ORIGIN", &origin)
    });
    parts
        .map(PathBuf::from)
        .filter(|p| p.is_absolute())
        .collect()
}

/// The name of a file with every link in its directories resolved, itself not.
fn real_name(path: &Path) -> Result<PathBuf, HostError> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return fs::canonicalize(path).map_err(HostError::io(path));
    };
    let parent = fs::canonicalize(parent).map_err(HostError::io(parent))?;
    Ok(parent.join(name))
}

/// Where a file of the host is in the image, without a leading slash.
fn in_image(path: &Path) -> Result<PathBuf, HostError> {
    let name = real_name(path)?;
    Ok(merged(name.strip_prefix("/").unwrap_or(&name)))
}

/// The same, for a host whose /bin is not a link into /usr.
fn merged(path: &Path) -> PathBuf {
    match path.components().next() {
        Some(first) if MERGED.iter().any(|top| first.as_os_str() == *top) => {
            Path::new("usr").join(path)
        }
        _ => path.to_owned(),
    }
}
