//! What uses a volume keeps it, and what was made without a name goes with its container.

use crate::support::{Sandbox, eventually, process, sandbox::BUSYBOX};

#[test]
fn data_outlives_containers_and_is_shared_by_them() {
    let s = Sandbox::new();
    s.ok(&[
        "run",
        "--rm",
        "-v",
        "data:/data",
        BUSYBOX,
        "sh",
        "-c",
        "echo kept > /data/f",
    ]);
    let read = [
        "run",
        "--rm",
        "--mount",
        "type=volume,src=data,dst=/d,ro",
        BUSYBOX,
    ];
    let cat = [&read[..], &["cat", "/d/f"]].concat();
    assert_eq!(s.ok(&cat), "kept");
    let write = [&read[..], &["sh", "-c", "echo no > /d/g"]].concat();
    s.refused(&write, 1);
}

#[test]
fn volume_in_use_is_kept_and_its_user_named() {
    let s = Sandbox::new();
    s.start(&[
        "--name",
        "holder",
        "-v",
        "data:/data",
        BUSYBOX,
        "sleep",
        "600",
    ]);
    let line = s.refused(&["volume", "rm", "data"], 1);
    assert!(line.contains("in use by holder"), "{line}");
    s.ok(&["stop", "-t", "0", "holder"]);
    // A stopped one will want it again.
    s.refused(&["volume", "rm", "data"], 1);
    assert_eq!(s.ok(&["volume", "ls", "-q", "-f", "dangling=true"]), "");
    s.ok(&["volume", "prune", "-af"]);
    assert_eq!(
        s.ok(&["volume", "ls", "-q", "-f", "dangling=false"]),
        "data"
    );
    s.ok(&["rm", "holder"]);
    s.ok(&["volume", "rm", "data"]);
    assert_eq!(s.ok(&["volume", "ls", "-q"]), "");
}

#[test]
fn volumes_without_a_name_go_with_a_container_that_removes_itself_or_is_asked_to() {
    let s = Sandbox::new();
    let count = || s.ok(&["volume", "ls", "-q"]).lines().count();
    s.ok(&["run", "--rm", "-v", "/a", "-v", "named:/n", BUSYBOX, "true"]);
    assert_eq!(s.ok(&["volume", "ls", "-q"]), "named");
    s.start(&["--name", "one", "-v", "/a", BUSYBOX, "sleep", "600"]);
    s.ok(&[
        "create",
        "--name",
        "two",
        "--volumes-from",
        "one:ro",
        BUSYBOX,
        "true",
    ]);
    assert_eq!(count(), 2);
    // Another has it too.
    s.ok(&["rm", "-fv", "one"]);
    assert_eq!(count(), 2);
    s.ok(&["rm", "two"]);
    assert_eq!(count(), 2, "only -v takes it along");
    s.ok(&["volume", "prune", "-f"]);
    assert_eq!(s.ok(&["volume", "ls", "-q"]), "named");
    s.ok(&["create", "--name", "three", "-v", "/a", BUSYBOX, "true"]);
    s.ok(&["rm", "-v", "three"]);
    assert_eq!(s.ok(&["volume", "ls", "-q"]), "named");
}

#[test]
fn data_and_the_volumes_mount_survive_a_kill_of_everything() {
    let s = Sandbox::new();
    s.ok(&[
        "volume",
        "create",
        "-o",
        "type=tmpfs",
        "-o",
        "device=tmpfs",
        "-o",
        "o=size=1m",
        "memory",
    ]);
    let flags = [
        "--name",
        "one",
        "-v",
        "data:/data",
        "-v",
        "memory:/memory",
        BUSYBOX,
        "sh",
        "-c",
        "echo kept > /data/f; echo shared > /memory/f; sleep 600",
    ];
    s.start(&flags);
    eventually("it is written", || {
        s.run(&["exec", "one", "cat", "/memory/f"]).stdout == "shared\n"
    });
    let other = ["run", "--rm", "-v", "memory:/m", BUSYBOX, "cat", "/m/f"];
    assert_eq!(s.ok(&other), "shared");
    // Its user still has it.
    assert_eq!(s.ok(&["exec", "one", "cat", "/memory/f"]), "shared");
    let (shim, init) = (s.shim("one"), s.pid("one"));
    process::signal(shim, libc::SIGKILL);
    process::signal(init, libc::SIGKILL);
    eventually("its end is seen", || s.state("one") == "exited");
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!mounts.contains(s.root().to_str().unwrap()), "{mounts}");
    s.ok(&["rm", "one"]);
    assert_eq!(
        s.ok(&["run", "--rm", "-v", "data:/d", BUSYBOX, "cat", "/d/f"]),
        "kept"
    );
}

#[test]
fn size_is_kept_until_somebody_can_have_changed_it() {
    let s = Sandbox::new();
    let size = |flag: &[&str]| {
        let rows = s.ok(&[&["volume", "ls", "--json"], flag].concat());
        let rows: serde_json::Value = serde_json::from_str(&rows).unwrap();
        rows[0]["volume"]["size"].clone()
    };
    s.ok(&["volume", "create", "data"]);
    assert!(size(&[]).is_null());
    assert_eq!(size(&["-s"])["bytes"], 0);
    let write = "head -c 1000000 /dev/zero > /d/a; ln /d/a /d/b; mkdir /d/c";
    s.ok(&["run", "--rm", "-v", "data:/d", BUSYBOX, "sh", "-c", write]);
    let old = size(&[]);
    assert_eq!(
        (&old["bytes"], &old["is_current"]),
        (&0.into(), &false.into())
    );
    let new = size(&["-s"]);
    assert!(new["bytes"].as_u64().unwrap() >= 1_000_000);
    assert!(
        new["bytes"].as_u64().unwrap() < 1_100_000,
        "a link is no copy"
    );
    assert_eq!(new["is_current"], true);
    // Whoever only reads changes nothing.
    s.ok(&["run", "--rm", "-v", "data:/d:ro", BUSYBOX, "true"]);
    assert_eq!(size(&[])["is_current"], true);
    s.start(&["--name", "one", "-v", "data:/d", BUSYBOX, "sleep", "600"]);
    assert_eq!(size(&["-s"])["is_current"], false, "it may be written now");
}

#[test]
fn events_tell_of_volumes() {
    let s = Sandbox::new();
    s.ok(&["run", "--rm", "-v", "data:/d", BUSYBOX, "true"]);
    s.ok(&["volume", "rm", "data"]);
    let told = s.known_events();
    let actions: Vec<String> = told
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .filter(|event| event["kind"] == "volume")
        .map(|event| event["action"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(actions, ["create", "mount", "unmount", "destroy"]);
}
