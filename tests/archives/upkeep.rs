//! Keeping the store in order: verify and repair, prune, history, differences, room.

use std::fs;

use super::support::{Sandbox, sandbox::BUSYBOX, tree};

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap()
}

/// A second image with one layer more.
fn child(s: &Sandbox) {
    s.ok(&[
        "run",
        "--name",
        "work",
        BUSYBOX,
        "sh",
        "-c",
        "rm /bin/cat; echo 0123456789 >/new; chmod 700 /tmp",
    ]);
    s.ok(&[
        "commit",
        "-m",
        "a note",
        "-c",
        "ENV A=1",
        "-c",
        "LABEL keep=yes",
        "work",
        "child:1",
    ]);
    s.ok(&["rm", "work"]);
}

#[test]
fn damage_is_named_and_repaired_by_bringing_the_image_again() {
    let (s, dir) = (Sandbox::new(), tempfile::tempdir().unwrap());
    child(&s);
    let file = dir.path().join("child.tar");
    s.ok(&[
        "save",
        "--format",
        "oci",
        "-o",
        file.to_str().unwrap(),
        "child:1",
    ]);
    let said = s.ok(&["image", "verify"]);
    assert!(said.starts_with("2 images are whole"), "{said}");
    let before = tree::tree(&s.root().join("images/blobs"));

    // A byte of a blob, and a file of a layer.
    let mut blobs: Vec<_> = fs::read_dir(s.root().join("images/blobs/sha256"))
        .unwrap()
        .collect();
    blobs.sort_by_key(|blob| blob.as_ref().unwrap().metadata().unwrap().len());
    let blob = blobs.last().unwrap().as_ref().unwrap().path();
    let mut content = fs::read(&blob).unwrap();
    content[1000] ^= 1;
    fs::write(&blob, content).unwrap();
    let layers = json(&s.ok(&[
        "image",
        "inspect",
        "--format",
        "{{json .RootFS.Layers}}",
        "child:1",
    ]));
    let layer = layers[1]
        .as_str()
        .unwrap()
        .trim_start_matches("sha256:")
        .to_owned();
    let home = s.root().join("layers").join(&layer);
    fs::write(home.join("fs/new"), "0123").unwrap();
    let error = s.refused(&["save", "-o", "/dev/null", "child:1"], 1);
    assert!(error.contains("damaged"), "{error}");

    let done = s.run(&["image", "verify", "--json"]);
    assert_eq!(done.code, 1, "{done:?}");
    let damaged = json(&done.stdout)["damaged"].clone();
    assert_eq!(damaged.as_array().unwrap().len(), 2, "{damaged}");
    assert_eq!(damaged[0]["part"], "blob");
    assert_eq!(
        damaged[0]["images"],
        serde_json::json!(["busybox:1", "child:1"])
    );
    assert_eq!(damaged[1]["part"], "layer");
    assert_eq!(damaged[1]["images"], serde_json::json!(["child:1"]));
    // It stays so until it is repaired, and the images can still be listed.
    assert_eq!(s.run(&["image", "verify", "child:1"]).code, 1);
    assert!(s.ok(&["images", "-q"]).lines().count() == 2);
    s.ok(&["load", "-i", file.to_str().unwrap()]);
    s.ok(&["image", "verify"]);
    assert_eq!(
        s.ok(&[
            "run",
            "--rm",
            "child:1",
            "sh",
            "-c",
            "read x </new; echo $x"
        ]),
        "0123456789"
    );
    let names = |tree: &std::collections::BTreeMap<std::path::PathBuf, tree::File>| {
        tree.keys().cloned().collect::<Vec<_>>()
    };
    assert_eq!(
        names(&tree::tree(&s.root().join("images/blobs"))),
        names(&before)
    );

    // An image whose manifest is gone hides nobody, and can be removed.
    let digest = s.ok(&["image", "inspect", "--format", "{{.Digest}}", "child:1"]);
    fs::remove_file(s.root().join("images/blobs/sha256").join(&digest[7..])).unwrap();
    assert_eq!(s.ok(&["images", "--format", "{{.Repository}}"]), "busybox");
    assert_eq!(s.run(&["image", "verify"]).code, 1);
    s.ok(&["rmi", "child:1"]);
    s.ok(&["image", "verify"]);
}

#[test]
fn prune_says_what_goes_and_takes_no_more() {
    let s = Sandbox::new();
    child(&s);
    s.ok(&["create", "--name", "keeps", BUSYBOX, "true"]);
    s.ok(&["tag", "child:1", "second:1"]);
    // Nobody is there to ask.
    let line = s.refused(&["image", "prune", "-a"], 1);
    assert!(line.contains("-f"), "{line}");
    let said = s.ok(&["image", "prune", "-f"]);
    assert_eq!(said, "Total reclaimed space: 0B", "nothing dangles");
    for filter in ["label!=keep", "label=other", "until=1h", "label=keep=no"] {
        let said = s.ok(&["image", "prune", "-af", "--filter", filter]);
        assert_eq!(said, "Total reclaimed space: 0B", "{filter}");
    }
    s.refused(&["image", "prune", "-f", "--filter", "size=1"], 125);
    let said = s.ok(&["image", "prune", "-af", "--filter", "label=keep=yes"]);
    assert!(
        said.contains("untagged: child:1\nuntagged: second:1\ndeleted: sha256:"),
        "{said}"
    );
    assert!(
        !said.contains("busybox") && !said.ends_with(": 0B"),
        "{said}"
    );
    assert_eq!(
        s.ok(&["images", "-q"]).lines().count(),
        1,
        "what a container uses stays"
    );

    s.start(&["--name", "runs", BUSYBOX, "sleep", "1000"]);
    let said = s.ok(&["container", "prune", "-f"]);
    assert!(said.starts_with("Deleted Containers:\n"), "{said}");
    assert_eq!(s.ok(&["ps", "-a", "--format", "{{.Names}}"]), "runs");
    s.ok(&["rm", "-f", "runs"]);
    let said = s.ok(&["system", "prune", "-af"]);
    assert!(said.contains("untagged: busybox:1"), "{said}");
    let left = |path: &str| fs::read_dir(s.root().join(path)).unwrap().count();
    assert_eq!(
        (
            left("layers"),
            left("images/blobs/sha256"),
            left("images/ingest")
        ),
        (0, 0, 0)
    );
}

#[test]
fn history_difference_and_room_are_told() {
    let s = Sandbox::new();
    child(&s);
    let history = json(&s.ok(&["history", "--json", "child:1"]));
    assert_eq!(history.as_array().unwrap().len(), 2);
    assert_eq!(history[0]["comment"], "a note");
    assert!(
        history[0]["created_by"]
            .as_str()
            .unwrap()
            .starts_with("sh -c rm /bin/cat")
    );
    assert_eq!(history[1]["created_by"], "wharf import");
    let lines = s.ok(&["history", "child:1"]);
    assert!(lines.lines().nth(1).unwrap().contains('…'), "{lines}");
    let whole = s.ok(&[
        "history",
        "--no-trunc",
        "--format",
        "{{.CreatedBy}}",
        "child:1",
    ]);
    assert!(whole.contains("chmod 700 /tmp"), "{whole}");

    let said = s.ok(&["image", "diff", BUSYBOX, "child:1"]);
    for line in [
        "history + sh -c rm /bin/cat; echo 0123456789 >/new; chmod 700 /tmp",
        "config + Env [\"A=1\"]",
        "D /bin/cat",
        "A /new  +11B",
        "C /tmp",
    ] {
        assert!(said.lines().any(|l| l == line), "{line:?} in {said}");
    }
    assert!(!said.contains("/bin/busybox"), "{said}");
    let back = json(&s.ok(&["image", "diff", "--json", "child:1", BUSYBOX]));
    assert_eq!(back["bytes"], -11);
    assert_eq!(s.ok(&["image", "diff", BUSYBOX, BUSYBOX]), "");

    s.ok(&["create", "--name", "idle", "child:1", "true"]);
    let room = json(&s.ok(&["system", "df", "--json"]));
    assert_eq!(room["layers"], 2);
    assert_eq!(room["reclaimable_layer_bytes"], 0, "the child uses both");
    assert_eq!(room["images"].as_array().unwrap().len(), 2);
    assert!(room["blob_bytes"].as_u64().unwrap() > 1_000_000);
    assert_eq!(room["containers"][0]["name"], "idle");
    let said = s.ok(&["system", "df", "-v"]);
    assert!(said.contains("RECLAIMABLE") && said.contains("UNIQUE") && said.contains("idle"));
    let said = s.ok(&[
        "system",
        "df",
        "--format",
        "{{.Type}} {{.TotalCount}} {{.Active}}",
    ]);
    assert!(said.starts_with("Images 2 1\nContainers 1 0\n"), "{said}");
}

#[test]
fn what_a_stopped_container_takes_is_measured_once_until_it_is_written_to() {
    let s = Sandbox::new();
    let write =
        "dd if=/dev/zero of=/big bs=1M count=3 2>/dev/null; [ -e /stay ] || exit 0; sleep 99";
    s.ok(&["run", "--name", "made", BUSYBOX, "sh", "-c", write]);
    let taken = || -> u64 {
        let room = json(&s.ok(&["system", "df", "--json"]));
        room["containers"][0]["size_bytes"].as_u64().unwrap()
    };
    let first = taken();
    assert!((3 << 20..4 << 20).contains(&first), "{first}");
    // Behind its back: who sees it has walked.
    let upper = (s.root().join("containers"))
        .join(s.id("made"))
        .join("upper");
    fs::write(upper.join("behind"), vec![1; 2 << 20]).unwrap();
    assert_eq!(taken(), first);
    let said = s.run_with_input(&["container", "prune"], b"n\n");
    assert_eq!(said.code, 1, "nobody is there to ask: {said:?}");
    assert_eq!(taken(), first);

    s.ok(&["cp", "/etc/hostname", "made:/stay"]);
    let copied = taken();
    assert!(copied >= first + (2 << 20), "{copied}");
    // While it runs it may write at any time.
    s.ok(&["start", "made"]);
    s.until("made", "running");
    let running = taken();
    s.ok(&["exec", "made", "sh", "-c", "cat /big /big >/twice"]);
    assert!(taken() >= running + (6 << 20));
    s.ok(&["exec", "made", "sh", "-c", "cat /big /big >/again"]);
    s.ok(&["kill", "made"]);
    s.until("made", "exited");
    let ended = taken();
    assert!(ended >= running + (12 << 20), "{ended}");
    fs::write(upper.join("behind-too"), vec![1; 2 << 20]).unwrap();
    assert_eq!(taken(), ended);
}
