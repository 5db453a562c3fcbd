//! Binds, volumes and memory with their options.

use std::fs;

use crate::support::{Sandbox, sandbox::BUSYBOX};

/// A directory of the host with another file system mounted below it.
struct Tree(tempfile::TempDir);

impl Tree {
    fn new() -> Self {
        let tree = Self(tempfile::tempdir().unwrap());
        let below = tree.0.path().join("below");
        fs::create_dir(&below).unwrap();
        let flags = nix::mount::MsFlags::empty();
        nix::mount::mount(Some("below"), &below, Some("tmpfs"), flags, None::<&str>).unwrap();
        fs::write(below.join("f"), "deep").unwrap();
        tree
    }

    fn path(&self) -> &str {
        self.0.path().to_str().unwrap()
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        let flags = nix::mount::MntFlags::MNT_DETACH;
        nix::mount::umount2(&self.0.path().join("below"), flags).unwrap();
    }
}

#[test]
fn read_only_bind_is_so_all_the_way_down_unless_said_otherwise() {
    let s = Sandbox::new();
    let tree = Tree::new();
    let write = |mount: &str, path: &str| {
        let script = format!("echo x > {path}");
        s.run(&["run", "--rm", mount, BUSYBOX, "sh", "-c", &script])
            .code
    };
    let source = tree.path();
    let short = format!("-v={source}:/t:ro");
    assert_eq!((write(&short, "/t/x"), write(&short, "/t/below/x")), (1, 1));
    let with = |more: &str| format!("--mount=type=bind,src={source},dst=/t,ro{more}");
    let forced = with(",bind-recursive=readonly");
    assert_eq!(
        (write(&forced, "/t/x"), write(&forced, "/t/below/x")),
        (1, 1)
    );
    let loose = with(",bind-recursive=writable");
    assert_eq!((write(&loose, "/t/x"), write(&loose, "/t/below/x")), (1, 0));
    let alone = with(",bind-nonrecursive");
    let list = s.ok(&["run", "--rm", &alone, BUSYBOX, "ls", "/t/below"]);
    assert_eq!(list, "");
}

#[test]
fn subpath_of_a_volume_is_all_that_is_seen_and_no_link_leads_out_of_it() {
    let s = Sandbox::new();
    let fill = "mkdir -p /v/a/b && echo in > /v/a/b/f && ln -s /etc /v/out && ln -s a/b /v/link";
    s.ok(&["run", "--rm", "-v", "v1:/v", BUSYBOX, "sh", "-c", fill]);
    let list = |subpath: &str| {
        let mount = format!("--mount=src=v1,dst=/s,volume-subpath={subpath}");
        s.run(&["run", "--rm", &mount, BUSYBOX, "ls", "/s"])
    };
    assert_eq!(list("a/b").stdout, "f\n");
    assert_eq!(list("link").stdout, "f\n");
    // Inside the volume there is no /etc.
    let out = list("out");
    assert_eq!(out.code, 125, "{out:?}");
    assert!(
        out.stderr.contains("there is no out in the volume v1"),
        "{out:?}"
    );
}

#[test]
fn volume_on_a_directory_and_in_memory() {
    let s = Sandbox::new();
    let host = tempfile::tempdir().unwrap();
    fs::write(host.path().join("f"), "host").unwrap();
    let device = format!("device={}", host.path().display());
    s.ok(&[
        "volume",
        "create",
        "-o",
        "type=none",
        "-o",
        &device,
        "-o",
        "o=bind",
        "bound",
    ]);
    let cat = ["run", "--rm", "-v", "bound:/b", BUSYBOX, "cat", "/b/f"];
    assert_eq!(s.ok(&cat), "host");
    s.ok(&["volume", "rm", "bound"]);
    assert!(host.path().join("f").exists(), "only the volume goes");

    let device = "--mount=type=volume,src=mem,dst=/m,volume-opt=type=tmpfs,\
                  volume-opt=device=tmpfs,\"volume-opt=o=size=64k,mode=700\"";
    let found = s.ok(&["run", "--rm", device, BUSYBOX, "df", "-k", "/m"]);
    assert!(found.contains(" 64 "), "{found}");
    let options = s.ok(&["volume", "inspect", "-f", "{{.Options.type}}", "mem"]);
    assert_eq!(options, "tmpfs");
}

#[test]
fn memory_has_its_size_and_mode() {
    let s = Sandbox::new();
    let mount = "--mount=type=tmpfs,dst=/m,tmpfs-size=64k,tmpfs-mode=0710";
    let script = "stat -c %a /m; df -k /m | awk 'NR == 2 { print $2 }'";
    assert_eq!(
        s.ok(&["run", "--rm", mount, BUSYBOX, "sh", "-c", script]),
        "710\n64"
    );
}

#[test]
fn files_are_copied_to_and_from_the_volume_of_a_stopped_container() {
    let s = Sandbox::new();
    let host = tempfile::tempdir().unwrap();
    let path = |name: &str| host.path().join(name).to_str().unwrap().to_owned();
    fs::write(host.path().join("f"), "from here").unwrap();
    let flags = [
        "create",
        "--name",
        "one",
        "-v",
        "data:/srv/data",
        "-v",
        "kept:/ro:ro",
    ];
    s.ok(&[&flags[..], &[BUSYBOX, "cat", "/srv/data/f"]].concat());
    s.ok(&["cp", &path("f"), "one:/srv/data/"]);
    assert_eq!(s.ok(&["start", "-a", "one"]), "from here");
    s.ok(&["cp", "one:/srv/data/f", &path("g")]);
    assert_eq!(
        fs::read_to_string(host.path().join("g")).unwrap(),
        "from here"
    );
    fs::create_dir(host.path().join("all")).unwrap();
    s.ok(&["cp", "one:/srv/data", &path("all")]);
    assert!(host.path().join("all/data/f").is_file());
    let line = s.refused(&["cp", &path("f"), "one:/ro/"], 1);
    assert!(line.contains("/ro is mounted read-only"), "{line}");
}

#[test]
fn inspect_and_ps_show_mounts_in_dockers_words() {
    let s = Sandbox::new();
    s.ok(&[
        "create",
        "--name",
        "one",
        "-v",
        "data:/d:ro",
        "-v",
        "/tmp:/t",
        BUSYBOX,
        "true",
    ]);
    let all = s.inspect(
        "one",
        "{{range .Mounts}}{{.Type}},{{.Destination}},{{.RW}};{{end}}",
    );
    assert_eq!(all, "volume,/d,false;bind,/t,true;");
    let source = s.inspect("one", "{{(index .Mounts 0).Source}}");
    assert_eq!(
        source,
        s.root().join("volumes/data/_data").to_str().unwrap()
    );
    let row = s.ok(&["ps", "-a", "--format", "{{.Mounts}} {{.LocalVolumes}}"]);
    assert_eq!(row, "data,/tmp 1");
    assert_eq!(s.ok(&["ps", "-aq", "-f", "volume=data"]).lines().count(), 1);
    assert_eq!(s.ok(&["ps", "-aq", "-f", "volume=other"]), "");
}
