//! The image store against real archives and other tools, as root: GNU tar, skopeo and
//! umoci are the peers; `tests/run` installs them and makes the Debian root file system.

#![allow(clippy::unwrap_used)]

#[path = "support/tree.rs"]
mod tree;

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use tree::{assert_same_tree, tree};
use wharf::{
    image::ImageStore,
    model::{Change, ChangeKind, Digest, ImportRequest},
};

struct Store {
    directory: tempfile::TempDir,
    store: ImageStore,
}

impl Store {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = open(directory.path());
        Self { directory, store }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn import(&self, archive: &Path, name: &str) -> Digest {
        let file = fs::File::open(archive).unwrap();
        self.store
            .import(file, &ImportRequest::named(name), &mut |_| {})
            .unwrap()
    }

    fn layer(&self, name: &str) -> PathBuf {
        let image = self.store.resolve(name).unwrap();
        assert_eq!(image.layers.len(), 1);
        self.store.layers().path(&image.layers[0])
    }
}

fn open(directory: &Path) -> ImageStore {
    ImageStore::open(&directory.join("images"), &directory.join("layers")).unwrap()
}

fn debian() -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/rootfs/debian.tar");
    assert!(path.exists(), "tests/rootfs makes {}", path.display());
    path
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        output.status.success(),
        "{command:?}: {}{}",
        text(&output.stdout),
        text(&output.stderr)
    );
    text(&output.stdout)
}

fn shell(directory: &Path, script: &str) {
    run(Command::new("bash")
        .arg("-euc")
        .arg(script)
        .current_dir(directory));
}

/// What GNU tar makes of an archive.
fn extract(archive: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    let options = ["--numeric-owner", "--xattrs", "--xattrs-include=*", "-xpf"];
    run(Command::new("tar")
        .arg("-C")
        .arg(to)
        .args(options)
        .arg(archive));
}

#[test]
fn debian_is_unpacked_as_tar_does_from_plain_gzip_and_zstd() {
    let s = Store::new();
    extract(&debian(), &s.path("expected"));
    for (name, packer) in [
        ("plain", "cat"),
        ("gzip", "gzip -1"),
        ("zstd", "zstd -q -1"),
    ] {
        let packed = s.path(name);
        shell(
            s.directory.path(),
            &format!("{packer} <{} >{name}", debian().display()),
        );
        s.import(&packed, name);
        assert_same_tree(&s.layer(name), &s.path("expected"));
    }
    let images = s.store.list().unwrap();
    assert_eq!(images.len(), 3);
    assert!(images.iter().all(|image| image.layers == images[0].layers));
    assert!(images[0].size_bytes > 50_000_000);
    assert_eq!(images[0].shared_bytes, images[0].size_bytes);
    assert_eq!(s.store.layers().list().unwrap().len(), 1, "unpacked once");
}

#[test]
fn every_kind_of_file_is_kept_in_every_format_of_tar() {
    let s = Store::new();
    let source = s.path("source");
    fs::create_dir(&source).unwrap();
    shell(
        &source,
        r#"
        echo text >file; ln file hard; ln -s /nowhere/../x dangling; ln dangling harder
        mkfifo fifo; mknod null c 1 3; mknod disk b 8 1; mkdir -p empty d/e/f
        cp /bin/true setuid; chown 12:34 setuid; chmod 6751 setuid
        cp /bin/true capable
        truncate -s 10M sparse; echo data | dd of=sparse bs=1 seek=5000000 conv=notrunc status=none
        truncate -s 3M hole; truncate -s 8M many
        for i in $(seq 60); do echo $i | dd of=many bs=1 seek=$((i * 100000)) conv=notrunc status=none; done
        long=$(printf 'n%.0s' $(seq 200)); mkdir -p $long/$long; echo long >$long/$long/$long
        ln -s $long/$long/$long $long/link
        printf x >$'new\nline'; printf x >$'bytes\xff\xfe'; printf x >'-rf'; printf x >' '
        chmod 1777 d; chmod 0 empty; chown 1000:1000 d/e
        touch -d '1969-12-31 12:00:00.5 UTC' old; touch -d @1000000000.123456789 file
        touch -h -d @5 dangling; touch -d @1000 d d/e
        "#,
    );
    // cap_net_raw+ep as struct vfs_cap_data, revision 2, has it.
    let capability = [
        1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    ];
    for (name, attribute, value) in [
        ("capable", "security.capability", &capability[..]),
        ("file", "user.note", b"hello\nworld="),
        ("file", "trusted.mark", b""),
        ("d", "user.note", b"directory"),
    ] {
        xattr::set(source.join(name), attribute, value).unwrap();
    }
    for (name, options) in [
        ("gnu", "--format=gnu --sparse"),
        ("pax0", "--format=pax --sparse --sparse-version=0.0"),
        ("pax01", "--format=pax --sparse --sparse-version=0.1"),
        ("pax1", "--format=pax --sparse --sparse-version=1.0"),
        ("dense", "--format=pax"),
    ] {
        let archive = s.path(name);
        let xattrs = match options.contains("pax") {
            true => "--xattrs --xattrs-include='*'",
            false => "",
        };
        shell(
            &source,
            &format!("tar --numeric-owner {options} {xattrs} -cf ../{name} ."),
        );
        extract(&archive, &s.path(&format!("{name}.expected")));
        s.import(&archive, name);
        assert_same_tree(&s.layer(name), &s.path(&format!("{name}.expected")));
        if options.contains("pax") {
            assert_same_tree(&s.layer(name), &source);
        }
        if options.contains("sparse") {
            let blocks = fs::metadata(s.layer(name).join("sparse")).unwrap().blocks();
            assert!(blocks * 512 < 100_000, "{name}: holes stay holes: {blocks}");
        }
    }
}

#[test]
fn other_tools_read_the_store() {
    let s = Store::new();
    shell(
        s.directory.path(),
        &format!("gzip -1 <{} >packed", debian().display()),
    );
    s.import(&s.path("packed"), "debian:12");
    s.import(&s.path("packed"), "localhost:5000/team/app:v1.2");
    s.store.from_host("tools", &["env".into()]).unwrap();
    for name in ["debian:12", "localhost:5000/team/app:v1.2", "tools:latest"] {
        let image = format!("oci:{}:{name}", s.path("images").display());
        let text = run(Command::new("skopeo").args(["inspect", &image]));
        assert!(text.contains("\"linux\""), "{text}");
        let copy = format!("oci-archive:{}", s.path("copy.tar").display());
        run(Command::new("skopeo").args(["copy", "-q", &image, &copy]));
        fs::remove_file(s.path("copy.tar")).unwrap();
    }
    let image = format!("{}:debian:12", s.path("images").display());
    let bundle = s.path("bundle");
    run(Command::new("umoci")
        .args(["unpack", "--image", &image])
        .arg(&bundle));
    assert_same_tree(&s.layer("debian:12"), &bundle.join("rootfs"));
}

#[test]
fn image_from_this_host_runs_where_only_it_is() {
    let s = Store::new();
    let commands = ["sh", "ls", "env", "busybox", "ldd"].map(String::from);
    let id = s.store.from_host("tools:1", &commands).unwrap();
    assert_eq!(
        id,
        s.store.from_host("again", &commands).unwrap(),
        "the same"
    );
    s.store.from_host("other", &["cat".into()]).unwrap();
    let image = s.store.resolve("tools:1").unwrap();
    assert!(image.layers.len() >= 2);
    let other = s.store.resolve("other").unwrap();
    assert_eq!(image.layers[0], other.layers[0], "the base is shared");
    let root = s.path("root");
    fs::create_dir(&root).unwrap();
    for layer in &image.layers {
        let files = s.store.layers().path(layer);
        run(Command::new("cp").arg("-aT").arg(files).arg(&root));
    }
    let inside = |argv: &[&str]| run(Command::new("chroot").arg(&root).args(argv));
    assert_eq!(
        inside(&["/bin/sh", "-c", "echo $0 works"]),
        "/bin/sh works\n"
    );
    assert!(inside(&["/bin/ls", "/"]).contains("tmp"));
    assert_eq!(inside(&["/usr/bin/env", "-i", "A=1", "env"]), "A=1\n");
    assert_eq!(inside(&["/bin/busybox", "id", "-un"]), "root\n");
    assert!(inside(&["/usr/bin/ldd", "/bin/ls"]).contains("libc.so.6"));
    for bad in ["no-such-command", "/etc/passwd", "/nowhere/x"] {
        let error = s.store.from_host("bad", &[bad.to_owned()]).unwrap_err();
        assert!(error.to_string().contains(bad), "{error}");
    }
    assert!(s.store.from_host("bad", &[]).is_err());
    assert_eq!(s.store.list().unwrap().len(), 2);
}

/// Everything in a directory by name, but for contents.
/// All paths but that of the place for what comes in, which the first one makes for good.
fn listing(directory: &Path) -> Vec<PathBuf> {
    let paths = tree(directory).into_keys();
    paths
        .filter(|path| path != Path::new("images/ingest"))
        .collect()
}

/// Not a test by itself: [`killed_import_is_swept_away`] runs it as a process to kill.
#[test]
fn import_as_another_process() {
    let Some(directory) = std::env::var_os("WHARF_TEST_IMPORT") else {
        return;
    };
    let file = fs::File::open(debian()).unwrap();
    let store = open(Path::new(&directory));
    store
        .import(file, &ImportRequest::named("killed:1"), &mut |_| {})
        .unwrap();
}

#[test]
fn killed_import_is_swept_away() {
    let s = Store::new();
    let before = listing(s.directory.path());
    let spawn = || {
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "import_as_another_process"])
            .env("WHARF_TEST_IMPORT", s.directory.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap()
    };
    let start = Instant::now();
    assert!(spawn().wait().unwrap().success());
    let whole = start.elapsed();
    let gone = |_: &Digest| Vec::new();
    s.store.remove("killed:1", false, &gone).unwrap();
    assert_eq!(listing(s.directory.path()), before);

    let (mut unfinished, mut left_something) = (0, 0);
    const POINTS: u32 = 24;
    for point in 0..POINTS {
        let mut child = spawn();
        thread::sleep(whole * point / (POINTS - 1));
        child.kill().unwrap();
        child.wait().unwrap();
        left_something += u32::from(listing(s.directory.path()) != before);
        s.store.sweep().unwrap();
        if s.store.list().unwrap().is_empty() {
            unfinished += 1;
        } else {
            assert!(s.layer("killed:1").join("etc/passwd").exists());
            s.store.remove("killed:1", false, &gone).unwrap();
        }
        assert_eq!(
            listing(s.directory.path()),
            before,
            "killed at point {point}"
        );
    }
    println!("{unfinished} of {POINTS} killed before the end, {left_something} left something");
    assert!(unfinished > POINTS / 3 && left_something > POINTS / 3);
}

#[test]
fn concurrent_imports_and_removals_leave_a_whole_store() {
    let s = Store::new();
    let before = listing(s.directory.path());
    let archive = s.path("small.tar");
    shell(s.directory.path(), "tar -C /etc -cf small.tar passwd group");
    thread::scope(|scope| {
        for worker in 0..4 {
            let (s, archive) = (&s, &archive);
            scope.spawn(move || {
                for round in 0..8 {
                    let name = format!("image{worker}:{round}");
                    s.import(archive, &name);
                    assert!(s.layer(&name).join("passwd").exists());
                    s.store.remove(&name, false, &|_| Vec::new()).unwrap();
                }
            });
        }
    });
    fs::remove_file(archive).unwrap();
    assert_eq!(listing(s.directory.path()), before);
}

#[test]
fn full_disk_is_told_and_leaves_nothing() {
    let s = Store::new();
    let small = s.path("small");
    fs::create_dir(&small).unwrap();
    shell(s.directory.path(), "mount -t tmpfs -o size=20m tmpfs small");
    let attempt = std::panic::catch_unwind(|| {
        let store = open(&small);
        let before = listing(&small);
        let file = fs::File::open(debian()).unwrap();
        let error = store
            .import(file, &ImportRequest::named("a"), &mut |_| {})
            .unwrap_err();
        assert!(error.is_no_space(), "{error:?}");
        assert_eq!(listing(&small), before);
    });
    shell(s.directory.path(), "umount small");
    attempt.unwrap();
}

#[test]
fn changes_are_those_that_docker_tells() {
    let s = Store::new();
    let image = s.path("image");
    fs::create_dir(&image).unwrap();
    shell(
        &image,
        "mkdir -p etc opt/a/b replaced/sub same; echo 1 >etc/passwd; echo 1 >etc/group
         echo 1 >opt/a/b/c; echo 1 >replaced/old; echo 1 >replaced/sub/x; echo 1 >same/file
         echo 1 >exec; ln -s passwd etc/link; echo 1 >gone",
    );
    let overlay = wharf::layer::Overlay {
        lower: vec![image],
        upper: s.path("upper"),
        work: s.path("work"),
        is_volatile: false,
    };
    fs::create_dir(&overlay.upper).unwrap();
    fs::create_dir(&overlay.work).unwrap();
    assert_eq!(wharf::layer::changes(&overlay).unwrap(), []);
    // In a mount namespace of its own, so that nothing is left mounted.
    shell(
        s.directory.path(),
        r#"mkdir merged; unshare -m bash -euc '
            mount -t overlay overlay -o lowerdir=image,upperdir=upper,workdir=work merged
            cd merged
            echo 2 >>etc/passwd; chmod 700 exec; rm gone; rm -r opt/a
            mkdir -p new/deep; echo x >new/deep/file
            rm -r replaced; mkdir replaced; echo 2 >replaced/fresh; mkdir replaced/sub; echo 2 >replaced/sub/x
            rm etc/link; ln -s group etc/link; : >>same/file; touch made; rm made
            chmod 1777 opt'"#,
    );
    let expected = [
        ("/etc", ChangeKind::Modified),
        ("/etc/link", ChangeKind::Modified),
        ("/etc/passwd", ChangeKind::Modified),
        ("/exec", ChangeKind::Modified),
        ("/gone", ChangeKind::Deleted),
        ("/new", ChangeKind::Added),
        ("/new/deep", ChangeKind::Added),
        ("/new/deep/file", ChangeKind::Added),
        ("/opt", ChangeKind::Modified),
        ("/opt/a", ChangeKind::Deleted),
        ("/replaced", ChangeKind::Modified),
        ("/replaced/fresh", ChangeKind::Added),
        ("/replaced/old", ChangeKind::Deleted),
        ("/replaced/sub", ChangeKind::Modified),
        ("/replaced/sub/x", ChangeKind::Modified),
    ];
    let expected = expected.map(|(path, kind)| Change {
        path: path.into(),
        kind,
    });
    assert_eq!(wharf::layer::changes(&overlay).unwrap(), expected);
}

#[test]
fn slow_writer_to_our_stdin_is_waited_for() {
    let s = Store::new();
    let (reader, mut writer) = std::io::pipe().unwrap();
    thread::scope(|scope| {
        scope.spawn(move || {
            use std::io::Write;
            let mut builder = tar::Builder::new(Vec::new());
            let mut header = tar::Header::new_gnu();
            header.set_size(3000);
            header.set_mode(0o644);
            let content = [7; 3000];
            builder
                .append_data(&mut header, "file", &content[..])
                .unwrap();
            for piece in builder.into_inner().unwrap().chunks(700) {
                writer.write_all(piece).unwrap();
                thread::sleep(Duration::from_millis(5));
            }
        });
        s.store
            .import(reader, &ImportRequest::named("slow"), &mut |_| {})
            .unwrap();
    });
    assert_eq!(fs::read(s.layer("slow").join("file")).unwrap(), [7; 3000]);
}
