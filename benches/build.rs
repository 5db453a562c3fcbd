//! `wharf build` of five steps over a Debian, with a `COPY` of 2,000 files (20 MB), beside
//! `docker build` (the old builder and BuildKit), `buildah` and `podman build`: with no
//! cache, and once more with nothing changed. Then ten stages that need nothing of each
//! other, beside one of them, for how many processors they use.
//!
//! `tests/rootfs` makes the Debian. Nobody's steps have a network.

mod support;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use support::{
    Contestant, Sandbox,
    disk::Disk,
    docker::{Docker, NO_NETWORKS},
    exists,
    host::Host,
    quantile, race, run, time,
};

const ROUNDS: usize = 5;
const FILES: usize = 2000;
const BYTES: usize = 10_000;

fn main() {
    let _host = Host::enter();
    let disk = Disk::new();
    let sandbox = Sandbox::below(&disk.path());
    let debian = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/rootfs/debian.tar");
    assert!(debian.exists(), "tests/rootfs makes {}", debian.display());
    run(sandbox
        .wharf(&["import"])
        .arg(&debian)
        .arg("bench-debian:1"));
    let context = context(sandbox.path());
    let context = context
        .to_str()
        .expect("a temporary directory has a plain name");
    let wharf = |flags: &[&str]| {
        let words = [&["build", "-q", "-t", "it"], flags, &[context]].concat();
        time(&mut sandbox.wharf(&words))
    };
    let forget = || {
        run(&mut sandbox.wharf(&["rmi", "-f", "it"]));
        run(&mut sandbox.wharf(&["builder", "prune", "-af"]));
    };
    let daemon = Docker::below(&sandbox.path().join("docker"), NO_NETWORKS);
    run(daemon
        .command(&["import"])
        .arg(&debian)
        .arg("bench-debian:1"));
    let docker = |kit: &str, flags: &[&str]| {
        let words = [
            &["build", "-q", "--network=none", "-t", "it"],
            flags,
            &[context],
        ]
        .concat();
        time(daemon.command(&words).env("DOCKER_BUILDKIT", kit))
    };
    let peer = |program: &str, words: &[&str]| {
        let mut command = Command::new(program);
        command
            .arg("--root")
            .arg(sandbox.path().join("containers"))
            .arg("--runroot")
            .arg(sandbox.path().join("containers-run"))
            .args(words);
        command
    };
    let has_buildah = exists("buildah");
    if has_buildah {
        let script = "c=$(\"$@\" from scratch) && \"$@\" add -q $c \"$TAR\" / && \"$@\" commit -q $c bench-debian:1 && \"$@\" rm $c";
        let made = peer("buildah", &[]);
        run(Command::new("sh")
            .args(["-ec", script, "sh"])
            .arg(made.get_program())
            .args(made.get_args())
            .env("TAR", &debian));
    }
    let kin = |program: &str, flags: &[&str]| {
        let words = [
            &[
                "build",
                "-q",
                "--layers",
                // crun refuses hosts with both versions of cgroups.
                "--isolation=chroot",
                // Which has no network of its own.
                "--network=host",
                "--pull=never",
                "-t",
                "it",
            ],
            flags,
            &[context],
        ]
        .concat();
        time(&mut peer(program, &words))
    };
    let buildah = |flags: &[&str]| kin("buildah", flags);
    let podman = |flags: &[&str]| kin("podman", flags);

    let mut cold: Vec<Contestant> = vec![(
        "wharf",
        Box::new(|| {
            let elapsed = wharf(&[]);
            forget();
            elapsed
        }),
    )];
    cold.push((
        "docker, BuildKit",
        Box::new(|| docker("1", &["--no-cache"])),
    ));
    if has_buildah {
        cold.push(("buildah", Box::new(|| buildah(&["--no-cache"]))));
        cold.push(("podman", Box::new(|| podman(&["--no-cache"]))));
    }
    cold.push(("docker", Box::new(|| docker("0", &["--no-cache"]))));
    race(
        "five steps, 2,000 files copied, no cache",
        ROUNDS,
        &mut cold,
    );
    drop(cold);

    let mut warm: Vec<Contestant> = vec![("wharf", Box::new(|| wharf(&[])))];
    warm.push(("docker, BuildKit", Box::new(|| docker("1", &[]))));
    if has_buildah {
        warm.push(("buildah", Box::new(|| buildah(&[]))));
        warm.push(("podman", Box::new(|| podman(&[]))));
    }
    warm.push(("docker", Box::new(|| docker("0", &[]))));
    race("the same again, nothing changed", ROUNDS, &mut warm);
    drop(warm);

    parallel(&sandbox);
}

/// Ten stages that each compute for a while: how much longer than one they take.
fn parallel(sandbox: &Sandbox) {
    let directory = sandbox.path().join("stages");
    let of = |count: usize| {
        let stage = |at| {
            format!(
                "FROM bench:1 AS s{at}\nRUN i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done; echo {at} > /f\n"
            )
        };
        let stages: String = (0..count).map(stage).collect();
        let copies: String = (0..count)
            .map(|at| format!("COPY --from=s{at} /f /f{at}\n"))
            .collect();
        fs::create_dir_all(&directory).expect("directories can be made");
        let text = format!("{stages}FROM bench:1\n{copies}");
        fs::write(directory.join("Dockerfile"), text).expect("files can be written");
        let mut times: Vec<Duration> = (0..3)
            .map(|_| {
                time(
                    sandbox
                        .wharf(&["build", "-q", "--no-cache"])
                        .arg(&directory),
                )
            })
            .collect();
        quantile(&mut times, 0.5)
    };
    let (one, ten) = (of(1), of(10));
    println!(
        "ten stages {ten:.0} ms, one {one:.0} ms: {:.1} times as long",
        ten / one
    );
}

/// The context: a Dockerfile of five steps, and 2,000 files.
fn context(directory: &Path) -> PathBuf {
    let context = directory.join("context");
    let text = "FROM bench-debian:1\nENV A=b\nWORKDIR /app\nCOPY . /app\nRUN ls /app | wc -l > /count\nCMD [\"true\"]\n";
    fs::create_dir_all(&context).expect("directories can be made");
    fs::write(context.join("Dockerfile"), text).expect("files can be written");
    let mut state = 1_u64;
    for index in 0..FILES {
        let place = context.join(format!("d{}", index / 50));
        fs::create_dir_all(&place).expect("directories can be made");
        // Like source: neither all the same nor noise.
        let mut content = Vec::with_capacity(BYTES);
        while content.len() < BYTES {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            content.extend(format!("let value_{} = {};\n", state >> 56, state >> 40).bytes());
        }
        content.truncate(BYTES);
        fs::write(place.join(format!("f{index}")), content).expect("files can be written");
    }
    context
}
