//! Dockerfiles over every instruction, held against what BuildKit makes of them.
//!
//! `cases/` has the Dockerfiles, with the flags (`.args`) and ignore files of some;
//! `expected/` what Debian's docker (its BuildKit, without a network) makes of them: the
//! files that differ from the base image's, and the config. `differences.json` lists where
//! we mean to be otherwise, and why. Neither docker nor a network is needed to hold ours
//! against that; `WHARF_BLESS=1` asks docker anew.

mod context;
mod image;
mod peer;

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    sync::Mutex,
    thread,
};

use serde_json::{Value, json};

use crate::support::{
    process::finish,
    sandbox::{BUSYBOX, Sandbox},
};

/// One Dockerfile.
pub struct Case {
    pub name: String,
    pub dockerfile: PathBuf,
    /// Flags of `build`.
    pub flags: Vec<String>,
}

fn place(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/build/equivalence")
        .join(name)
}

fn cases() -> Vec<Case> {
    let files = fs::read_dir(place("cases")).unwrap();
    let files = files.map(|file| file.unwrap().path());
    let mut cases: Vec<_> = files
        .filter(|path| path.extension().is_some_and(|end| end == "dockerfile"))
        .map(|dockerfile| {
            let flags = fs::read_to_string(dockerfile.with_extension("args")).unwrap_or_default();
            Case {
                name: dockerfile.file_stem().unwrap().to_str().unwrap().to_owned(),
                flags: flags.split_whitespace().map(str::to_owned).collect(),
                dockerfile,
            }
        })
        .collect();
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    cases
}

/// The commands that make ours of a case and write it as an archive.
fn commands(engine: &Sandbox, context: &Path, archive: &Path, case: &Case) -> [Command; 2] {
    let name = format!("eq-{}", case.name);
    let mut words = vec!["build", "-q", "-t", &name, "-f"];
    words.push(case.dockerfile.to_str().unwrap());
    words.extend(case.flags.iter().map(String::as_str));
    words.push(context.to_str().unwrap());
    let save = ["save", "-o", archive.to_str().unwrap(), &name];
    [engine.command(&words), engine.command(&save)]
}

/// What ours makes of a case.
fn ours([build, save]: [Command; 2], archive: &Path, base: &image::Image) -> Value {
    let built = finish(build, b"");
    if built.code != 0 {
        eprintln!("{}: {}", archive.display(), built.stderr);
        return json!({ "refused": true });
    }
    let saved = finish(save, b"");
    assert_eq!(saved.code, 0, "{saved:?}");
    image::Image::read(archive).beyond(base)
}

/// Every place where two values differ, by its path.
fn differences(at: &str, ours: &Value, theirs: &Value, found: &mut BTreeMap<String, [Value; 2]>) {
    match (ours, theirs) {
        (Value::Object(ours), Value::Object(theirs)) => {
            let names: std::collections::BTreeSet<_> = ours.keys().chain(theirs.keys()).collect();
            for name in names {
                let of = |object: &serde_json::Map<String, Value>| {
                    object.get(name).cloned().unwrap_or(Value::Null)
                };
                differences(&format!("{at}.{name}"), &of(ours), &of(theirs), found);
            }
        }
        (ours, theirs) if ours == theirs => {}
        _ => {
            found.insert(at.to_owned(), [ours.clone(), theirs.clone()]);
        }
    }
}

#[test]
fn dockerfiles_become_what_buildkit_makes_of_them() {
    let context = context::make();
    let cases = cases();
    assert!(cases.len() >= 60, "only {} cases", cases.len());
    if env::var_os("WHARF_BLESS").is_some() {
        peer::renew(&cases, context.path());
    }
    let engine = Sandbox::new();
    let archive = tempfile::NamedTempFile::new().unwrap();
    engine.ok(&["save", "-o", archive.path().to_str().unwrap(), BUSYBOX]);
    let base = image::Image::read(archive.path());
    let archives = tempfile::tempdir().unwrap();
    let work = cases.iter().map(|case| {
        let archive = archives.path().join(&case.name);
        let commands = commands(&engine, context.path(), &archive, case);
        (case.name.clone(), commands, archive)
    });
    let work = Mutex::new(work.collect::<Vec<_>>());
    let made = Mutex::new(BTreeMap::new());
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let Some((name, commands, archive)) = work.lock().unwrap().pop() else {
                        break;
                    };
                    let ours = ours(commands, &archive, &base);
                    made.lock().unwrap().insert(name, ours);
                }
            });
        }
    });
    let mut found = BTreeMap::new();
    for (name, ours) in made.into_inner().unwrap() {
        let expected = place("expected").join(format!("{name}.json"));
        let expected = fs::read_to_string(&expected)
            .unwrap_or_else(|_| panic!("{} is missing: renew it", expected.display()));
        let mut theirs: Value = serde_json::from_str(&expected).unwrap();
        // What they say is for whoever reads it.
        theirs.as_object_mut().unwrap().remove("says");
        differences(&name, &ours, &theirs, &mut found);
    }
    let text = fs::read_to_string(place("differences.json")).unwrap();
    let mut meant: BTreeMap<String, Value> = serde_json::from_str(&text).unwrap();
    let mut wrong = Vec::new();
    for (at, [ours, theirs]) in found {
        match meant.remove(&at) {
            Some(known) if known["ours"] == ours => {
                assert!(
                    known["why"].as_str().is_some_and(|why| why.len() > 20),
                    "{at}: why?"
                );
            }
            _ => wrong.push(format!("{at}:\n    ours    {ours}\n    theirs  {theirs}")),
        }
    }
    wrong.extend(
        meant
            .keys()
            .map(|at| format!("{at} differs no more: strike it off")),
    );
    engine.run(&["builder", "prune", "-af"]);
    assert!(
        wrong.is_empty(),
        "{} differences:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
