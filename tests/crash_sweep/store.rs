//! The same for what changes the store of images: `pull`, `load`, `commit`, `rmi`, `prune`
//! and `build`, killed at the n-th system call. After each kill all that images consist of
//! must verify,
//! and after a prune nothing may be left that no image names.

use std::{collections::BTreeSet, env, fs};

use crate::{
    support::{
        Sandbox,
        registry::{Door, Registry},
        sandbox::BUSYBOX,
    },
    tracer::{self, Victim},
};

/// One operation on the store.
struct Operation<'a> {
    name: &'a str,
    /// Brings the state that it begins in.
    prepare: &'a dyn Fn(&Sandbox),
    arguments: &'a [&'a str],
    /// Images that may be there afterwards beside the base.
    names: &'a [&'a str],
}

/// An image of one small layer, in a docker archive.
fn archive() -> Vec<u8> {
    use sha2::Digest;

    let tar = |files: &[(&str, &[u8])]| {
        let mut builder = tar::Builder::new(Vec::new());
        for (name, content) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            builder.append_data(&mut header, name, *content).unwrap();
        }
        builder.into_inner().unwrap()
    };
    let layer = tar(&[("a", b"one"), ("d/b", b"two")]);
    let digest = sha2::Sha256::digest(&layer);
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let config = format!(
        r#"{{"os":"linux","architecture":"amd64","rootfs":{{"type":"layers","diff_ids":["sha256:{hex}"]}}}}"#
    );
    let manifest = r#"[{"Config":"c","RepoTags":["more:1"],"Layers":["l"]}]"#;
    tar(&[
        ("manifest.json", manifest.as_bytes()),
        ("c", config.as_bytes()),
        ("l", &layer),
    ])
}

/// A store with the busybox image, a container of it that runs, and an archive beside it.
fn sandbox() -> (Sandbox, String, tempfile::TempDir) {
    let (s, dir) = (Sandbox::new(), tempfile::tempdir().unwrap());
    let path = dir.path().join("more.tar");
    fs::write(&path, archive()).unwrap();
    s.start(&[
        "--name",
        "base",
        BUSYBOX,
        "sh",
        "-c",
        "echo new >/new; rm /bin/cat; sleep 1000",
    ]);
    let path = path.to_str().unwrap().to_owned();
    // What every engine makes for good.
    s.ok(&["load", "-q", "-i", &path]);
    s.ok(&["rmi", "more:1"]);
    s.ok(&["image", "prune", "-f"]);
    (s, path, dir)
}

#[test]
fn load_can_be_killed_anywhere() {
    let (s, path, _dir) = sandbox();
    sweep(
        &s,
        &Operation {
            name: "load",
            prepare: &|_| {},
            arguments: &["load", "-i", &path],
            names: &["more:1"],
        },
    );
}

#[test]
fn commit_can_be_killed_anywhere() {
    let (s, ..) = sandbox();
    sweep(
        &s,
        &Operation {
            name: "commit",
            prepare: &|_| {},
            arguments: &["commit", "base", "more:1"],
            names: &["more:1"],
        },
    );
}

#[test]
fn rmi_can_be_killed_anywhere() {
    let (s, path, _dir) = sandbox();
    sweep(
        &s,
        &Operation {
            name: "rmi",
            prepare: &|s| drop(s.ok(&["load", "-i", &path])),
            arguments: &["rmi", "more:1"],
            names: &["more:1"],
        },
    );
}

#[test]
fn image_prune_can_be_killed_anywhere() {
    let (s, path, _dir) = sandbox();
    sweep(
        &s,
        &Operation {
            name: "image prune",
            prepare: &|s| drop(s.ok(&["load", "-i", &path])),
            arguments: &["image", "prune", "-af"],
            names: &["more:1"],
        },
    );
}

#[test]
fn pull_can_be_killed_anywhere() {
    let (s, path, _dir) = sandbox();
    let registry = Registry::start(Door::Open);
    let name = registry.name("more:1");
    s.ok(&["load", "-q", "-i", &path]);
    s.ok(&["tag", "more:1", &name]);
    s.ok(&["push", "-q", &name]);
    s.ok(&["rmi", "more:1", &name]);
    // What the first pull makes for good.
    s.ok(&["pull", "-q", &name]);
    s.ok(&["rmi", &name]);
    s.ok(&["image", "prune", "-f"]);
    sweep(
        &s,
        &Operation {
            name: "pull",
            prepare: &|_| {},
            arguments: &["pull", "-q", &name],
            names: &[&name],
        },
    );
}

/// Three stages: one that stands on another, one that copies from both, steps that run.
const STAGES: &str = "FROM busybox:1 AS one\nRUN echo 1 > /1\nFROM one AS two\nWORKDIR /w\n\
    COPY f f\nFROM scratch\nCOPY --from=one /1 /1\nCOPY --from=two /w /w\n";

#[test]
fn build_can_be_killed_anywhere() {
    let (s, _, dir) = sandbox();
    let context = dir.path().join("context");
    fs::create_dir(&context).unwrap();
    fs::write(context.join("Dockerfile"), STAGES).unwrap();
    fs::write(context.join("f"), "x").unwrap();
    let context = context.to_str().unwrap();
    // What every engine makes for good, once more.
    s.ok(&["build", "-q", "-t", "built:1", context]);
    s.ok(&["rmi", "built:1"]);
    s.ok(&["builder", "prune", "-af"]);
    sweep(
        &s,
        &Operation {
            name: "build",
            prepare: &|_| {},
            arguments: &["build", "-t", "built:1", context],
            names: &["built:1"],
        },
    );
}

fn sweep(s: &Sandbox, operation: &Operation) {
    let before = stored(s);
    (operation.prepare)(s);
    let whole = tracer::run(s, operation.arguments, Victim::Command, usize::MAX);
    recover(s, operation, &before, "undisturbed");
    let total = whole.phases.len();
    assert!(total > 20, "{}: only {total} system calls", operation.name);
    let wanted = match env::var("WHARF_SWEEP").as_deref() {
        Ok("full") => total,
        Ok(number) => number.parse().expect("WHARF_SWEEP is `full` or a number"),
        Err(_) => 24,
    };
    let step = total.div_ceil(wanted.max(1)).max(1);
    let (mut kills, mut missed) = (0, 0);
    // From the end: the changes of the store come late.
    for n in (1..=total).rev().step_by(step) {
        (operation.prepare)(s);
        let run = tracer::run(s, operation.arguments, Victim::Command, n);
        match run.killed_in {
            Some(_) => kills += 1,
            None => missed += 1,
        }
        recover(
            s,
            operation,
            &before,
            &format!("killed at system call {n} of {total}"),
        );
    }
    println!(
        "{}: {kills} kills among {total} system calls, {missed} runs ended before the count",
        operation.name
    );
    assert!(
        kills > missed,
        "{}: most runs were not killed",
        operation.name
    );
}

/// Blobs, layers and whatever else lies in the store.
fn stored(s: &Sandbox) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for directory in ["images", "images/blobs/sha256", "images/ingest", "layers"] {
        for entry in fs::read_dir(s.root().join(directory)).into_iter().flatten() {
            names.insert(format!(
                "{directory}/{}",
                entry.unwrap().file_name().to_string_lossy()
            ));
        }
    }
    names
}

fn recover(s: &Sandbox, operation: &Operation, before: &BTreeSet<String>, when: &str) {
    let name = operation.name;
    let verified = s.run(&["image", "verify"]);
    assert_eq!(verified.code, 0, "{name}, {when}: {verified:?}");
    assert_eq!(
        s.state("base"),
        "running",
        "{name}, {when}: nobody thawed it"
    );
    let listed = s.ok(&["images", "--format", "{{.Repository}}:{{.Tag}}"]);
    for line in listed.lines().filter(|line| *line != BUSYBOX) {
        assert!(operation.names.contains(&line), "{name}, {when}: {listed}");
        // All of it is there: a container can be made of it.
        let id = s.ok(&["create", line, "true"]);
        s.ok(&["rm", &id]);
        s.ok(&["rmi", line]);
    }
    s.ok(&["image", "prune", "-f"]);
    // Containers of steps go with their build, and only the cache keeps what they made.
    let running = s.ok(&["ps", "-a", "--format", "{{.Names}}"]);
    assert_eq!(running, "base", "{name}, {when}");
    s.ok(&["builder", "prune", "-af"]);
    assert_eq!(stored(s), *before, "{name}, {when}");
    s.ok(&["exec", "base", "true"]);
}
