//! Known ways out of a container, tried against our runtime.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use serde_json::json;

use crate::bundle::{Bundle, Runtime};

fn bundle(script: &str) -> Bundle {
    Bundle::new(Runtime::Ours, script)
}

/// CVE-2019-5736: the program is a link to /proc/self/exe, so that the runtime executes
/// itself inside and the container's next process overwrites it through /proc/PID/exe.
#[test]
fn our_executable_cannot_be_written_from_inside() {
    let before = fs::read(env!("CARGO_BIN_EXE_wharf")).expect("read");
    let mut attack = bundle("");
    attack.config["process"]["args"] = json!(["/proc/self/exe"]);
    attack.run();
    // Somebody inside waits for a process that runs our executable, holds it open, and
    // writes once nobody executes it any more.
    let script = "while true; do for p in /proc/[0-9]*; do
        case $(readlink $p/exe) in */busybox|'') ;; *)
            exec 9< $p/exe && echo seen >> /tmp/seen
            for try in 1 2 3 4 5 6 7 8 9; do
                (echo x > /proc/self/fd/9) && echo written >> /tmp/seen; sleep 0.1
            done;;
        esac; done; done 2>/dev/null";
    let watcher = bundle(script);
    let started = watcher
        .command(&["run", "-d", &watcher.id])
        .stdout(std::process::Stdio::null())
        .status();
    assert!(started.expect("run").success());
    // Each time it has a moment to meet it in; on a busy machine that takes more of them.
    let seen = || fs::read_to_string(watcher.rootfs().join("tmp/seen")).unwrap_or_default();
    for attempt in 0..1000 {
        watcher.output(&["exec", &watcher.id, "/proc/self/exe", "--help"]);
        if attempt >= 40 && seen().contains("seen") {
            break;
        }
    }
    let seen = seen();
    assert!(seen.contains("seen"), "the attack never met our executable");
    assert!(!seen.contains("written"), "{seen}");
    assert!(fs::read(env!("CARGO_BIN_EXE_wharf")).expect("read") == before);
}

/// CVE-2024-21626: a descriptor of the host that leaked in, as working directory.
#[test]
fn leaked_descriptor_is_no_working_directory() {
    for number in 3..20 {
        let mut attack = bundle("pwd; ls ../../../..");
        attack.config["process"]["cwd"] = json!(format!("/proc/self/fd/{number}"));
        let (output, errors, code) = attack.run();
        assert_ne!(code, Some(0), "fd {number}: {output} {errors}");
    }
    // The same by a link, and from an exec.
    let holder = bundle("sleep 1000");
    symlink("/proc/self/fd/7", holder.rootfs().join("way-out")).expect("link");
    let started = holder
        .command(&["run", "-d", &holder.id])
        .stdout(std::process::Stdio::null())
        .status();
    assert!(started.expect("run").success());
    for cwd in ["/way-out", "/proc/self/fd/5", "/proc/self/fd/3"] {
        let output = holder.output(&["exec", "--cwd", cwd, &holder.id, "pwd"]);
        assert!(!output.status.success(), "{cwd}: {output:?}");
    }
}

/// The program itself through a leaked descriptor.
#[test]
fn leaked_descriptor_is_no_program() {
    for number in 3..20 {
        let mut attack = bundle("");
        let program = format!("/proc/self/fd/{number}/bin/true");
        attack.config["process"]["args"] = json!([program]);
        let (_, errors, code) = attack.run();
        assert_ne!(code, Some(0), "fd {number}: {errors}");
    }
}

/// No descriptor but the standard ones reaches the program.
#[test]
fn program_inherits_no_descriptor() {
    let probe = bundle("ls /proc/$$/fd; true");
    let (output, errors, _) = probe.run();
    let mut numbers: Vec<u32> = output
        .lines()
        .filter_map(|line| line.parse().ok())
        .collect();
    // The shell keeps its script's descriptor from 10 on.
    numbers.retain(|number| *number < 10);
    assert_eq!(numbers, [0, 1, 2], "{output} {errors}");
}

/// CVE-2021-30465 and its kin: a mount's destination leads out by a link.
#[test]
fn mount_target_never_leaves_the_root() {
    let outside = tempfile::tempdir().expect("temp dir");
    let target = outside.path().display().to_string();
    for link in [target.clone(), format!("../../../../../../..{target}")] {
        let mut attack = bundle("ls /link/x");
        symlink(&link, attack.rootfs().join("link")).expect("link");
        attack.mount(json!({"destination": "/link/x/y", "type": "tmpfs", "source": "tmpfs"}));
        attack.run();
        let made = fs::read_dir(outside.path()).expect("list").count();
        assert_eq!(made, 0, "{link}");
    }
}

/// A destination that climbs by dots stays inside as well.
#[test]
fn dots_in_a_mount_target_stop_at_the_root() {
    let mut attack = bundle("ls /wharf-dots");
    attack.mount(
        json!({"destination": "/../../../wharf-dots", "type": "tmpfs",
        "source": "tmpfs"}),
    );
    attack.run();
    assert!(!std::path::Path::new("/wharf-dots").exists());
}

/// CVE-2019-16884 and CVE-2019-19921: /proc that is not procfs, so that masks and
/// labels go to files of the container.
#[test]
fn proc_is_never_mounted_over_a_link() {
    for place in ["proc", "sys"] {
        let mut attack = bundle("true");
        fs::remove_dir(attack.rootfs().join(place)).expect("rmdir");
        symlink("/tmp", attack.rootfs().join(place)).expect("link");
        let (_, errors, code) = attack.run();
        assert_ne!(code, Some(0), "{place}: {errors}");
        attack.config["linux"]["maskedPaths"] = json!([]);
    }
}

/// /dev/shm as a link out: what is mounted there must be inside.
#[test]
fn shm_over_a_link_stays_inside() {
    let outside = tempfile::tempdir().expect("temp dir");
    let mut attack = bundle("grep shm /proc/self/mountinfo; ls -d /dev/shm");
    let mounts = attack.config["mounts"].as_array_mut().expect("list");
    mounts.retain(|mount| {
        !mount["destination"]
            .as_str()
            .is_some_and(|d| d.starts_with("/dev"))
    });
    attack.mount(json!({"destination": "/dev/shm", "type": "tmpfs", "source": "shm"}));
    symlink(outside.path(), attack.rootfs().join("dev/shm")).expect("link");
    let (output, errors, code) = attack.run();
    assert_eq!(fs::read_dir(outside.path()).expect("list").count(), 0);
    assert_eq!(code, Some(0), "{errors}");
    assert!(output.contains("shm"), "{output}");
    let host = fs::read_to_string("/proc/self/mountinfo").expect("mountinfo");
    assert!(!host.contains(&*outside.path().to_string_lossy()));
}

/// A bind that a directory of the image replaces by a link between create and start.
#[test]
fn volume_over_a_link_stays_inside() {
    let outside = tempfile::tempdir().expect("temp dir");
    let mut attack = bundle("echo owned > /data/file");
    symlink(outside.path(), attack.rootfs().join("data")).expect("link");
    let source = attack.path("volume");
    fs::create_dir(&source).expect("mkdir");
    attack.mount(
        json!({"destination": "/data", "type": "bind", "source": source,
        "options": ["rbind"]}),
    );
    let (_, errors, code) = attack.run();
    assert_eq!(code, Some(0), "{errors}");
    assert_eq!(fs::read_dir(outside.path()).expect("list").count(), 0);
    assert!(std::path::Path::new(&format!("{source}/file")).exists());
}

/// Devices are made below a /dev that is a link.
#[test]
fn devices_stay_inside() {
    let outside = tempfile::tempdir().expect("temp dir");
    let mut attack = bundle("true");
    fs::remove_dir(attack.rootfs().join("dev")).expect("rmdir");
    symlink(outside.path(), attack.rootfs().join("dev")).expect("link");
    let mounts = attack.config["mounts"].as_array_mut().expect("list");
    mounts.retain(|mount| {
        !mount["destination"]
            .as_str()
            .is_some_and(|d| d.starts_with("/dev"))
    });
    attack.run();
    assert_eq!(fs::read_dir(outside.path()).expect("list").count(), 0);
}

/// CVE-2025-31133: an image whose /dev/null is something else, to be bound as a mask.
#[test]
fn masks_are_the_hosts_null() {
    let mut attack = bundle("cat /etc/masked; echo changed > /proc/sys/kernel/core_pattern");
    let mounts = attack.config["mounts"].as_array_mut().expect("list");
    mounts.retain(|mount| {
        !mount["destination"]
            .as_str()
            .is_some_and(|d| d.starts_with("/dev"))
    });
    fs::write(attack.rootfs().join("etc/masked"), "secret").expect("write");
    symlink(
        "/proc/sys/kernel/core_pattern",
        attack.rootfs().join("dev/null"),
    )
    .expect("link");
    attack.config["linux"]["maskedPaths"] = json!(["/etc/masked"]);
    let before = fs::read("/proc/sys/kernel/core_pattern").expect("read");
    let (output, _, _) = attack.run();
    assert!(!output.contains("secret"), "{output}");
    assert!(fs::read("/proc/sys/kernel/core_pattern").expect("read") == before);
}

/// What is read-only or masked can't be unmasked by the capabilities of the default set.
#[test]
fn masks_cannot_be_taken_off() {
    let script = "umount /proc/sys; mount -o remount,rw /proc/sys; mount -t proc proc /tmp; \
        mount -o remount,rw /; echo x > /proc/sys/kernel/core_pattern; cat /proc/keys; \
        mount -t cgroup -o memory none /tmp; unshare -m true; ls /tmp";
    let mut attack = bundle(&format!("({script}) 2>/dev/null; echo end"));
    attack.config["root"]["readonly"] = json!(true);
    let before = fs::read("/proc/sys/kernel/core_pattern").expect("read");
    let (output, errors, _) = attack.run();
    assert_eq!(output, "end\n", "{errors}");
    assert!(fs::read("/proc/sys/kernel/core_pattern").expect("read") == before);
}

/// FACTS of v1: a container that may mount lifts its own limits through a writable
/// hierarchy. Ours shows it read-only, by the mount.
#[test]
fn container_cannot_lift_its_own_limits() {
    let script =
        "for f in /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max; do
        echo -1 2>/dev/null > $f && echo lifted; done; echo end";
    let mut attack = bundle(script);
    attack.config["linux"]["resources"]["memory"] = json!({"limit": 64 << 20});
    let (output, errors, _) = attack.run();
    assert!(!output.contains("lifted"), "{output} {errors}");
}

/// The old root is gone: neither mounts nor `..` lead to it, chroot or not.
#[test]
fn nothing_of_the_host_is_mounted_inside() {
    let probe = bundle("cat /proc/self/mountinfo; mkdir /tmp/j; chroot /tmp/j; ls /../../..");
    fs::set_permissions(probe.rootfs(), PermissionsExt::from_mode(0o755)).expect("chmod");
    let (output, errors, _) = probe.run();
    for line in output.lines().filter(|line| line.contains(" - ")) {
        let place = line.split(' ').nth(4).expect("a mount point");
        let known = ["/proc", "/dev", "/sys"]
            .iter()
            .any(|p| place.starts_with(p));
        assert!(known || place == "/", "{line} {errors}");
    }
    assert!(!output.contains("lost+found"), "{output}");
}
