//! `wharf run --rm IMAGE true` beside `crun run` and `runc run` on a ready bundle of the
//! same root file system with the same cgroup limits.
//!
//! crun refuses a host whose cgroup v1 controllers have a cgroup2 mount beside them, so it
//! runs in a mount namespace from which that one mount is taken; entering it is one call.

mod support;

use std::{
    fs::{self, File},
    os::{fd::AsFd, unix::process::CommandExt},
    path::Path,
    process::{Child, Command, Stdio},
};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use serde_json::json;

use support::{Contestant, Sandbox, exists, race, time};

const ROUNDS: usize = 60;
const HYBRID_MOUNT: &str = "/sys/fs/cgroup/unified";

fn main() {
    let sandbox = Sandbox::new();
    let view = PeerView::new();
    let mut contestants: Vec<Contestant> = vec![(
        "wharf run --rm",
        Box::new(|| {
            time(&mut sandbox.wharf(&[
                "run",
                "--rm",
                "--network",
                "none",
                "-m",
                "256m",
                "--cpus",
                "1",
                "--pids-limit",
                "128",
                "bench:1",
                "true",
            ]))
        }),
    )];
    for peer in ["runc", "crun"] {
        if !exists(peer) {
            println!("{peer} is not here: apt-get install {peer}");
            continue;
        }
        let bundle = sandbox.path().join(peer);
        make_bundle(peer, &bundle, &sandbox.rootfs());
        let namespace = view.namespace();
        let state = sandbox.path().join(format!("{peer}-state"));
        contestants.push((
            if peer == "crun" {
                "crun run"
            } else {
                "runc run"
            },
            Box::new(move || {
                let mut command = Command::new(peer);
                command.arg("--root").arg(&state).args(["run", "--bundle"]);
                command.arg(&bundle).arg(format!("{peer}-bench"));
                let namespace = namespace.try_clone().expect("descriptors are left");
                // SAFETY: the closure makes one system call and allocates nothing.
                unsafe {
                    command.pre_exec(move || {
                        let kind = Some(LinkNameSpaceType::Mount);
                        Ok(move_into_link_name_space(namespace.as_fd(), kind)?)
                    });
                }
                time(&mut command)
            }),
        ));
    }
    race("start to exit of `true`", ROUNDS, &mut contestants);
}

/// A bundle with the limits that the wharf command above asks for.
fn make_bundle(runtime: &str, bundle: &Path, rootfs: &Path) {
    fs::create_dir_all(bundle).expect("a directory can be made");
    support::run(Command::new(runtime).arg("spec").current_dir(bundle));
    let path = bundle.join("config.json");
    let text = fs::read_to_string(&path).expect("the runtime wrote its spec");
    let mut spec: serde_json::Value = serde_json::from_str(&text).expect("the spec is JSON");
    spec["process"]["terminal"] = json!(false);
    spec["process"]["args"] = json!(["/bin/true"]);
    spec["root"] = json!({ "path": rootfs });
    spec["linux"]["cgroupsPath"] = json!(format!("/{runtime}-bench"));
    spec["linux"]["resources"]["memory"] = json!({ "limit": 256 << 20 });
    spec["linux"]["resources"]["pids"] = json!({ "limit": 128 });
    spec["linux"]["resources"]["cpu"] = json!({ "quota": 100_000, "period": 100_000 });
    fs::write(&path, spec.to_string()).expect("the bundle can be written");
}

/// A mount namespace without the cgroup2 mount of a hybrid host, held by a sleeper.
struct PeerView {
    holder: Child,
}

impl PeerView {
    fn new() -> Self {
        let script = format!("umount {HYBRID_MOUNT} 2>/dev/null; echo ready; exec sleep 3600");
        let mut holder = Command::new("unshare")
            .args(["--mount", "--propagation", "private", "sh", "-c", &script])
            .stdout(Stdio::piped())
            .spawn()
            .expect("unshare starts");
        let mut ready = [0; 6];
        let stdout = holder.stdout.as_mut().expect("it was asked for");
        std::io::Read::read_exact(stdout, &mut ready).expect("the namespace is made");
        Self { holder }
    }

    fn namespace(&self) -> File {
        File::open(format!("/proc/{}/ns/mnt", self.holder.id())).expect("the holder lives")
    }
}

impl Drop for PeerView {
    fn drop(&mut self) {
        // Errors mean that it is gone already.
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}
