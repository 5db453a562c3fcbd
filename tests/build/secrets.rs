//! Secrets are for their step alone: nothing that is left of a build, and nothing that
//! others see while it runs, has them.

use std::{fs, process::Command, thread};

use crate::{
    Project,
    support::process::{eventually, finish},
};

const SECRET: &str = "s3cr3t-0f-the-test";

/// Files of processes that name the secret.
fn told_by_processes(name: &str) -> Vec<String> {
    let mut told = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let path = entry.path().join(name);
        let text = fs::read(&path).unwrap_or_default();
        if text
            .windows(SECRET.len())
            .any(|part| part == SECRET.as_bytes())
        {
            told.push(path.display().to_string());
        }
    }
    told
}

#[test]
fn a_secret_is_found_nowhere_but_in_its_step() {
    let project = Project::new(
        "FROM BASE\n\
         RUN --mount=type=secret,id=key,mode=0440,gid=7 test -s /run/secrets/key && \
         stat -c '%a %g' /run/secrets/key > /said; until [ -e /go ]; do sleep 0.05; done; rm /go\n\
         RUN --mount=type=secret,id=key,env=KEY test \"$(echo $KEY | wc -c)\" = 19 && echo yes >> /said\n\
         RUN env | grep -c KEY >> /said; ls -A /run/secrets 2>/dev/null | wc -l >> /said\n",
    );
    let files = tempfile::tempdir().unwrap();
    let file = files.path().join("key");
    fs::write(&file, SECRET).unwrap();
    let flag = format!("id=key,src={}", file.display());
    let context = project.context.path().to_str().unwrap();
    let build = project
        .engine
        .command(&["build", "-t", "it", "--secret", &flag, context]);
    let done = thread::scope(|scope| {
        let build = scope.spawn(|| finish(build, b""));
        let mut root = None;
        eventually("the step runs", || {
            let id = project.engine.ok(&["ps", "-q"]);
            let pid = (!id.is_empty()).then(|| project.engine.inspect(&id, "{{.State.Pid}}"));
            let path = pid.map(|pid| format!("/proc/{pid}/root"));
            root = path.filter(|path| {
                fs::read_to_string(format!("{path}/said")).is_ok_and(|said| !said.is_empty())
            });
            root.is_some()
        });
        // It is there, and nobody's words tell it.
        let root = root.unwrap();
        assert_eq!(
            fs::read_to_string(format!("{root}/run/secrets/key")).unwrap(),
            SECRET
        );
        assert_eq!(told_by_processes("cmdline"), [""; 0]);
        assert_eq!(told_by_processes("environ"), [""; 0]);
        fs::write(format!("{root}/go"), "").unwrap();
        build.join().unwrap()
    });
    assert_eq!(done.code, 0, "{done:?}");
    assert!(
        !done.stderr.contains(SECRET) && !done.stdout.contains(SECRET),
        "{done:?}"
    );
    assert_eq!(project.shell("cat /said"), "440 7\nyes\n0\n0");
    // In no layer, config, cache or log of the engine; packed or not.
    let grep = Command::new("grep")
        .args(["-rlF", SECRET])
        .arg(project.engine.root())
        .output();
    assert_eq!(String::from_utf8_lossy(&grep.unwrap().stdout), "");
    let archive = files.path().join("archive");
    project
        .engine
        .ok(&["save", "-o", archive.to_str().unwrap(), "it"]);
    let archive = fs::read(archive).unwrap();
    assert!(
        !archive
            .windows(SECRET.len())
            .any(|part| part == SECRET.as_bytes())
    );
    // Another secret is no reason to do a step again; the cache knows nothing of it.
    fs::write(&file, "another").unwrap();
    let again = project.build(&["--secret", &flag]);
    assert_eq!(project.cached(&again), (3, 0), "{again}");
}

#[test]
fn what_steps_made_is_shared_by_a_directory() {
    let project = Project::new("FROM BASE\nRUN date +%N > /a\nCOPY f /f\n");
    project.file("f", "x");
    let shared = tempfile::tempdir().unwrap();
    let place = shared.path().display();
    project.build(&["--cache-to", &format!("type=local,dest={place}")]);
    let made = project.shell("cat /a");
    project.engine.ok(&["rmi", "it"]);
    project.engine.ok(&["builder", "prune", "-af"]);
    let flag = format!("type=local,src={place}");
    let again = project.build(&["--cache-from", &flag]);
    assert_eq!(project.cached(&again), (2, 0), "{again}");
    assert_eq!(project.shell("cat /a"), made);
    // What was changed there is not what its name says.
    project.engine.ok(&["rmi", "it"]);
    project.engine.ok(&["builder", "prune", "-af"]);
    for blob in fs::read_dir(shared.path().join("blobs")).unwrap() {
        fs::write(blob.unwrap().path(), "something else").unwrap();
    }
    let refused = project.try_build(&["--cache-from", &flag]);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert_eq!(project.engine.run(&["image", "inspect", "it"]).code, 1);
}
