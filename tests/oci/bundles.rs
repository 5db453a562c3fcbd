//! The bundles that both runtimes run.

use std::fs;
use std::process::Command;
use std::thread;

use serde_json::{Value, json};

use crate::bundle::{Bundle, Runtime, cgroups_of};
use crate::probe;
use crate::support::process::Background;

/// What a bundle changes; the script runs before the probe.
struct Case {
    name: &'static str,
    script: &'static str,
    edit: fn(&mut Bundle),
}

macro_rules! cases {
    ($($name:literal, $script:expr, $edit:expr;)*) => {
        &[$(Case { name: $name, script: $script, edit: $edit }),*]
    };
}

fn process(bundle: &mut Bundle) -> &mut Value {
    &mut bundle.config["process"]
}

fn linux(bundle: &mut Bundle) -> &mut Value {
    &mut bundle.config["linux"]
}

fn bind(bundle: &mut Bundle, options: &[&str]) {
    let source = bundle.path("source");
    fs::create_dir_all(format!("{source}/below")).expect("mkdir");
    fs::write(format!("{source}/file"), "from outside").expect("write");
    bundle.mount(json!({
        "destination": "/mnt", "type": "bind", "source": source, "options": options,
    }));
}

/// A source that is a mount with another below, shared.
fn shared_source(bundle: &mut Bundle, options: &[&str]) {
    bind(bundle, options);
    bundle.before = "mount -t tmpfs outer $B/source; mount --make-shared $B/source; \
        mkdir $B/source/below; mount -t tmpfs -o nosuid inner $B/source/below; \
        touch $B/source/file"
        .to_owned();
}

fn user_namespace(bundle: &mut Bundle) {
    bundle.config["linux"]["namespaces"]
        .as_array_mut()
        .expect("list")
        .push(json!({"type": "user"}));
    let map = json!([{"containerID": 0, "hostID": 100_000, "size": 65536}]);
    linux(bundle)["uidMappings"] = map.clone();
    linux(bundle)["gidMappings"] = map;
    let rootfs = bundle.rootfs();
    let done = Command::new("chown")
        .args(["-R", "100000:100000"])
        .arg(rootfs)
        .status();
    assert!(done.expect("chown").success());
}

fn seccomp(bundle: &mut Bundle, rules: Value) {
    linux(bundle)["seccomp"] = json!({
        "defaultAction": "SCMP_ACT_ALLOW",
        "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"],
        "syscalls": rules,
    });
}

const CASES: &[Case] = cases![
    "default", "", |_| ();
    "exit code", "exit 42", |_| ();
    "killed by a signal", "kill -KILL $$", |b| b.namespace("pid", None);
    "no capabilities", "", |b| { process(b)["capabilities"] = json!({}); };
    "capabilities left out", "", |b| {
        process(b).as_object_mut().expect("object").remove("capabilities");
    };
    "privileges can be gained", "", |b| { process(b)["noNewPrivileges"] = json!(false); };
    "inheritable and ambient capabilities", "", |b| {
        let set = json!(["CAP_NET_BIND_SERVICE", "CAP_KILL"]);
        for name in ["bounding", "effective", "permitted", "inheritable", "ambient"] {
            process(b)["capabilities"][name] = set.clone();
        }
        process(b)["user"] = json!({"uid": 1000, "gid": 1000});
    };
    "another user with groups", "touch /tmp/x; echo $?", |b| {
        process(b)["user"] = json!({"uid": 1000, "gid": 1001, "additionalGids": [5, 7, 1001]});
    };
    "a user that passwd does not know", "", |b| { process(b)["user"]["uid"] = json!(4242); };
    "umask", "touch /tmp/x; stat -c %a /tmp/x", |b| { process(b)["user"]["umask"] = json!(0o27); };
    "working directory is made", "", |b| { process(b)["cwd"] = json!("/made/for/us"); };
    "working directory in a mount", "", |b| { process(b)["cwd"] = json!("/dev/shm"); };
    "environment with HOME", "", |b| {
        process(b)["env"] = json!(["PATH=/bin", "HOME=/elsewhere", "EMPTY=", "A=b=c"]);
    };
    "limits", "", |b| {
        process(b)["rlimits"] = json!([
            {"type": "RLIMIT_NOFILE", "soft": 100, "hard": 200},
            {"type": "RLIMIT_CORE", "soft": 0, "hard": 0},
            {"type": "RLIMIT_FSIZE", "soft": 1_000_000, "hard": 2_000_000},
            {"type": "RLIMIT_STACK", "soft": 8_388_608, "hard": 16_777_216},
        ]);
    };
    "oom score", "", |b| { process(b)["oomScoreAdj"] = json!(321); };
    "read-only root", "touch /x; echo $?; touch /dev/x; echo $?", |b| {
        b.config["root"]["readonly"] = json!(true);
    };
    "kernel parameters", "", |b| {
        linux(b)["sysctl"] = json!({
            "net.ipv4.ip_forward": "1", "kernel.shmmax": "1234567", "fs.mqueue.msg_max": "7",
        });
    };
    "bind", "cat /mnt/file; touch /mnt/new", |b| bind(b, &["bind"]);
    "read-only bind", "touch /mnt/new; echo $?", |b| bind(b, &["bind", "ro"]);
    "bind with all flags", "", |b| {
        bind(b, &["bind", "nosuid", "nodev", "noexec", "noatime", "nodiratime"]);
    };
    "bind of a file on a missing file", "cat /new/place/file", |b| {
        let source = b.path("single");
        fs::write(&source, "single").expect("write");
        b.mount(json!({"destination": "/new/place/file", "type": "bind",
            "source": source, "options": ["bind", "ro"]}));
    };
    "bind by options alone", "cat /mnt/file", |b| {
        bind(b, &["rbind", "rw"]);
        let mounts = b.config["mounts"].as_array_mut().expect("list");
        mounts.last_mut().expect("one")["type"] = json!("none");
    };
    "relative source and destination", "ls /relative", |b| {
        bind(b, &["bind"]);
        let mounts = b.config["mounts"].as_array_mut().expect("list");
        let mount = mounts.last_mut().expect("one");
        mount["destination"] = json!("relative");
        mount["source"] = json!("source");
    };
    "recursive bind", "", |b| shared_source(b, &["rbind"]);
    "plain bind of a tree", "", |b| shared_source(b, &["bind"]);
    "private bind", "", |b| shared_source(b, &["rbind", "rprivate"]);
    "slave bind", "", |b| shared_source(b, &["rbind", "rslave"]);
    "shared bind", "", |b| shared_source(b, &["rbind", "rshared"]);
    "shared bind below a shared root", "", |b| {
        linux(b)["rootfsPropagation"] = json!("shared");
        shared_source(b, &["rbind", "rshared"]);
    };
    "private root", "", |b| {
        linux(b)["rootfsPropagation"] = json!("rprivate");
        shared_source(b, &["rbind"]);
    };
    "slave root", "", |b| {
        linux(b)["rootfsPropagation"] = json!("rslave");
        shared_source(b, &["rbind"]);
    };
    "tmpfs", "stat -c %a /mnt/a; touch /mnt/a/x; echo $?", |b| {
        b.mount(json!({"destination": "/mnt/a", "type": "tmpfs", "source": "tmpfs",
            "options": ["nosuid", "nodev", "noexec", "size=1m", "mode=1770", "uid=7"]}));
    };
    "read-only tmpfs with a mount below", "touch /mnt/x; echo $?; touch /mnt/below/x", |b| {
        b.mount(json!({"destination": "/mnt", "type": "tmpfs", "source": "tmpfs",
            "options": ["rw"]}));
        b.mount(json!({"destination": "/mnt/below", "type": "tmpfs", "source": "tmpfs"}));
    };
    "absolute link in the way", "ls -d /inside/*", |b| {
        std::os::unix::fs::symlink("/inside", b.rootfs().join("link")).expect("link");
        fs::create_dir(b.rootfs().join("inside")).expect("mkdir");
        b.mount(json!({"destination": "/link/here", "type": "tmpfs", "source": "tmpfs"}));
    };
    "link with dots in the way", "ls -d /inside/*", |b| {
        std::os::unix::fs::symlink("../../../inside", b.rootfs().join("link")).expect("link");
        fs::create_dir(b.rootfs().join("inside")).expect("mkdir");
        b.mount(json!({"destination": "/link/here", "type": "tmpfs", "source": "tmpfs"}));
    };
    "masked and read-only paths", "ls -la /etc/dir; cat /etc/file; touch /tmp/dir/x; echo $?", |b| {
        let root = b.rootfs();
        fs::create_dir_all(root.join("etc/dir/below")).expect("mkdir");
        fs::write(root.join("etc/file"), "secret").expect("write");
        fs::create_dir(root.join("tmp/dir")).expect("mkdir");
        linux(b)["maskedPaths"] = json!(["/etc/dir", "/etc/file", "/not/there"]);
        linux(b)["readonlyPaths"] = json!(["/tmp/dir", "/not/there/either"]);
    };
    "more devices", "cat /dev/extra/zero | head -c 3 | wc -c", |b| {
        linux(b)["devices"] = json!([
            {"path": "/dev/extra/zero", "type": "c", "major": 1, "minor": 5,
             "fileMode": 0o640, "uid": 0, "gid": 6},
            {"path": "/dev/pipe", "type": "p", "fileMode": 0o600},
            {"path": "/dev/block", "type": "b", "major": 7, "minor": 0},
        ]);
    };
    "device rules", "head -c 1 /dev/kmsg2; echo $?; head -c 1 /dev/full | wc -c", |b| {
        linux(b)["devices"] = json!([
            {"path": "/dev/kmsg2", "type": "c", "major": 1, "minor": 11},
        ]);
    };
    "allowed device", "head -c 1 /dev/port2 > /tmp/x; echo $?", |b| {
        linux(b)["devices"] = json!([{"path": "/dev/port2", "type": "c", "major": 1, "minor": 11}]);
        let rules = linux(b)["resources"]["devices"].as_array_mut().expect("list");
        rules.push(json!({"allow": true, "type": "c", "major": 1, "minor": 11, "access": "r"}));
    };
    "user namespace", "touch /tmp/x; stat -c %u /tmp/x", user_namespace;
    "user namespace as a user", "", |b| {
        user_namespace(b);
        process(b)["user"] = json!({"uid": 1000, "gid": 1000});
    };
    "host's network", "", |b| {
        b.namespace("network", None);
        let mounts = b.config["mounts"].as_array_mut().expect("list");
        mounts.retain(|mount| mount["destination"] != "/sys" &&
            mount["destination"] != "/sys/fs/cgroup");
    };
    "host's processes", "", |b| b.namespace("pid", None);
    "host's IPC", "", |b| b.namespace("ipc", None);
    "host's names", "", |b| {
        b.namespace("uts", None);
        b.config.as_object_mut().expect("object").remove("hostname");
    };
    "host's control groups", "", |b| b.namespace("cgroup", None);
    "seccomp: an errno", "mkdir /tmp/x; echo $?; touch /tmp/y; echo $?", |b| {
        seccomp(b, json!([{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO",
            "errnoRet": 7}]));
    };
    "seccomp: by argument", "chmod 700 /tmp; echo $?; chmod 711 /tmp; echo $?", |b| {
        seccomp(b, json!([{"names": ["chmod"], "action": "SCMP_ACT_ERRNO",
            "args": [{"index": 1, "value": 0o711, "op": "SCMP_CMP_EQ"}]}]));
    };
    "seccomp: a kill", "(mkdir /tmp/x); echo $?", |b| {
        seccomp(b, json!([{"names": ["mkdir"], "action": "SCMP_ACT_KILL_PROCESS"}]));
    };
    "seccomp without no_new_privs", "mkdir /tmp/x; echo $?", |b| {
        process(b)["noNewPrivileges"] = json!(false);
        seccomp(b, json!([{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"}]));
    };
    "seccomp as a user without no_new_privs", "mkdir /dev/shm/x; echo $?", |b| {
        process(b)["noNewPrivileges"] = json!(false);
        process(b)["user"]["uid"] = json!(1000);
        seccomp(b, json!([{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"}]));
    };
    "only the mounts that are needed", "", |b| {
        let mounts = b.config["mounts"].as_array_mut().expect("list");
        mounts.retain(|mount| mount["destination"] == "/proc");
    };
    "masks left out", "", |b| {
        linux(b).as_object_mut().expect("object").remove("maskedPaths");
        linux(b).as_object_mut().expect("object").remove("readonlyPaths");
    };
    "future version of the specification", "", |b| { b.config["ociVersion"] = json!("1.2.1"); };
];

/// Run one case by one runtime.
fn outcome(case: &Case, runtime: Runtime) -> (String, String, Option<i32>, Bundle) {
    let script = format!(
        "{}\n{}",
        probe::SCRIPT,
        format_args!("part case\n{}", case.script)
    );
    let mut bundle = Bundle::new(runtime, &script);
    (case.edit)(&mut bundle);
    let (output, errors, code) = bundle.run();
    (output, errors, code, bundle)
}

fn differences(case: &Case) -> Vec<String> {
    let runs = [Runtime::Ours, Runtime::Runc].map(|runtime| {
        let (output, errors, code, bundle) = outcome(case, runtime);
        let id = bundle.id.clone();
        drop(bundle);
        let left = cgroups_of(&id);
        assert!(left.is_empty(), "{runtime:?} left {left:?}");
        (probe::parts(&output), errors, code)
    });
    let [
        (ours, our_errors, our_code),
        (theirs, their_errors, their_code),
    ] = runs;
    let mut found = Vec::new();
    if our_code != their_code {
        found.push(format!(
            "{}: exit code {our_code:?}, runc's {their_code:?}\n ours: {our_errors} runc: {their_errors}",
            case.name
        ));
    }
    if !theirs.contains_key("end") {
        found.push(format!(
            "{}: runc did not get through: {their_errors}",
            case.name
        ));
    }
    let names: std::collections::BTreeSet<_> = ours.keys().chain(theirs.keys()).collect();
    for name in names {
        let (mine, other) = (ours.get(name), theirs.get(name));
        if mine != other {
            let text = |part: Option<&String>| part.cloned().unwrap_or_else(|| "(none)".into());
            found.push(format!(
                "{}, {name}:\n--- ours\n{}\n--- runc\n{}\n{our_errors}",
                case.name,
                text(mine),
                text(other)
            ));
        }
    }
    found
}

#[test]
fn both_runtimes_show_the_same_inside() {
    // Two at a time: they wait more than they compute.
    let found: Vec<String> = thread::scope(|scope| {
        let halves = [0, 1].map(|half| {
            scope.spawn(move || {
                let mine = CASES.iter().skip(half).step_by(2);
                mine.flat_map(differences).collect::<Vec<_>>()
            })
        });
        let joined = halves
            .into_iter()
            .flat_map(|half| half.join().expect("no panic"));
        joined.collect()
    });
    println!("{} bundles compared with runc", CASES.len());
    assert!(found.is_empty(), "{}", found.join("\n\n"));
}

/// Bundles that both must refuse.
const REFUSED: &[Case] = cases![
    "missing program", "", |b| { process(b)["args"] = json!(["/bin/nothing"]); };
    "missing program in PATH", "", |b| { process(b)["args"] = json!(["nothing"]); };
    "a directory as program", "", |b| { process(b)["args"] = json!(["/bin"]); };
    "no program", "", |b| { process(b)["args"] = json!([]); };
    "kernel parameter of the host", "", |b| {
        linux(b)["sysctl"] = json!({"vm.swappiness": "1"});
    };
    "network parameter without a network", "", |b| {
        b.namespace("network", None);
        linux(b)["sysctl"] = json!({"net.ipv4.ip_forward": "1"});
    };
    "option of tmpfs", "", |b| {
        b.mount(json!({"destination": "/mnt", "type": "tmpfs", "source": "x",
            "options": ["frobnicate=1"]}));
    };
    "missing source", "", |b| {
        b.mount(json!({"destination": "/mnt", "type": "bind", "source": "/no/such",
            "options": ["bind"]}));
    };
    "unknown file system", "", |b| {
        b.mount(json!({"destination": "/mnt", "type": "nosuchfs", "source": "x"}));
    };
    "a mount inside of /proc", "", |b| {
        let source = b.path("source");
        fs::create_dir(&source).expect("mkdir");
        b.mount(json!({"destination": "/proc/sys", "type": "bind", "source": source,
            "options": ["bind"]}));
    };
    "/proc over a link", "", |b| {
        fs::remove_dir(b.rootfs().join("proc")).expect("rmdir");
        std::os::unix::fs::symlink("/tmp", b.rootfs().join("proc")).expect("link");
    };
    "missing root", "", |b| { b.config["root"]["path"] = json!("nothing"); };
    "namespace at a path that is none", "", |b| b.namespace("network", Some("/etc/passwd"));
    "namespace twice", "", |b| {
        let list = linux(b)["namespaces"].as_array_mut().expect("list");
        list.push(json!({"type": "uts"}));
    };
    "host name without a namespace for it", "", |b| b.namespace("uts", None);
    "limit above the hard one", "", |b| {
        process(b)["rlimits"] = json!([{"type": "RLIMIT_NOFILE", "soft": 5_000_000_000_u64,
            "hard": 5_000_000_000_u64}]);
    };
    "failing hook", "", |b| {
        b.config["hooks"] = json!({"createRuntime": [{"path": "/bin/false"}]});
    };
];

#[test]
fn both_runtimes_refuse_the_same() {
    for case in REFUSED {
        for runtime in [Runtime::Ours, Runtime::Runc] {
            let mut bundle = Bundle::new(runtime, "echo it ran");
            (case.edit)(&mut bundle);
            let (output, errors, code) = bundle.run();
            assert_ne!(code, Some(0), "{}: {runtime:?}", case.name);
            assert_eq!(output, "", "{}: {runtime:?}", case.name);
            assert_ne!(errors, "", "{}: {runtime:?}", case.name);
            assert!(bundle.state().is_none(), "{}: {runtime:?}", case.name);
        }
    }
    println!("{} refusals compared with runc", REFUSED.len());
}

/// A process whose namespaces a container joins.
struct Other(Background);

impl Other {
    fn new() -> Self {
        let child = Command::new("unshare")
            .args(["--net", "--ipc", "--uts", "--cgroup", "sh", "-c"])
            .arg("hostname other; echo; exec sleep 1000")
            .stdout(std::process::Stdio::piped())
            .spawn()
            .expect("unshare");
        let mut other = Self(Background(child));
        let mut line = [0];
        let output = other.0.0.stdout.as_mut().expect("piped");
        std::io::Read::read_exact(output, &mut line).expect("it is ready");
        other
    }

    fn namespace(&self, name: &str) -> String {
        format!("/proc/{}/ns/{name}", self.0.pid())
    }
}

#[test]
fn namespaces_by_path_are_joined() {
    let other = Other::new();
    let names = [
        ("network", "net"),
        ("ipc", "ipc"),
        ("uts", "uts"),
        ("cgroup", "cgroup"),
    ];
    let script = "for n in net ipc uts; do readlink /proc/self/ns/$n; done; hostname";
    for (kind, name) in names {
        let outcomes = [Runtime::Ours, Runtime::Runc].map(|runtime| {
            let mut bundle = Bundle::new(runtime, script);
            bundle.namespace(kind, Some(&other.namespace(name)));
            if kind == "uts" {
                bundle
                    .config
                    .as_object_mut()
                    .expect("object")
                    .remove("hostname");
            }
            let (output, errors, code) = bundle.run();
            let joined = fs::read_link(other.namespace(name)).expect("link");
            let has = output.contains(&*joined.to_string_lossy());
            let named_other = output.ends_with("other\n");
            (has, named_other, code, errors)
        });
        assert_eq!(outcomes[0], outcomes[1], "{kind}");
        assert_eq!(outcomes[0].2, Some(0), "{kind}: {}", outcomes[0].3);
    }
}

#[test]
fn pid_and_user_namespaces_by_path_are_joined() {
    for (kind, script) in [
        ("pid", "test $$ -gt 1 && ls -d /proc/1/ns && echo joined"),
        ("user", "cat /proc/self/uid_map"),
    ] {
        // runc 1.1 can't join a user namespace whose maps it was not told.
        let other = if kind == "pid" {
            Runtime::Runc
        } else {
            Runtime::Ours
        };
        let outcomes = [Runtime::Ours, other].map(|runtime| {
            let mut host = Bundle::new(runtime, "sleep 1000");
            if kind == "user" {
                user_namespace(&mut host);
            }
            let created = host.command(&["run", "-d", &host.id]).status();
            assert!(created.expect("run").success(), "{kind} {runtime:?}");
            let (pid, _) = host.state().expect("state");
            let mut bundle = Bundle::new(runtime, script);
            if kind == "user" {
                user_namespace(&mut bundle);
                let linux = linux(&mut bundle).as_object_mut().expect("object");
                linux.remove("uidMappings");
                linux.remove("gidMappings");
            }
            bundle.namespace(kind, Some(&format!("/proc/{pid}/ns/{kind}")));
            bundle.run()
        });
        assert_eq!(outcomes[0].0, outcomes[1].0, "{kind}: {}", outcomes[0].1);
        assert_eq!(outcomes[0].2, Some(0), "{kind}: {}", outcomes[0].1);
    }
}

/// runc 1.1 has no time namespaces.
#[test]
fn time_namespace_has_its_offsets() {
    for user in [false, true] {
        let mut bundle = Bundle::new(Runtime::Ours, "cat /proc/uptime; sleep 1000");
        if user {
            user_namespace(&mut bundle);
        }
        let list = linux(&mut bundle)["namespaces"]
            .as_array_mut()
            .expect("list");
        list.push(json!({"type": "time"}));
        linux(&mut bundle)["timeOffsets"] = json!({"boottime": {"secs": 1_000_000_000}});
        let log = fs::File::create(bundle.path("log")).expect("log");
        let started = bundle
            .command(&["run", "-d", &bundle.id])
            .stdout(log)
            .status();
        assert!(started.expect("run").success(), "user namespace: {user}");
        // An exec is in the same.
        let output = bundle.output(&["exec", &bundle.id, "cat", "/proc/uptime"]);
        let uptime = String::from_utf8_lossy(&output.stdout);
        assert!(
            uptime.starts_with("100"),
            "user namespace {user}: {uptime} {output:?}"
        );
        let log = fs::read_to_string(bundle.path("log")).expect("log");
        assert!(log.starts_with("100"), "user namespace {user}: {log}");
    }
}

#[test]
fn hooks_run_at_the_same_points() {
    let outcomes = [Runtime::Ours, Runtime::Runc].map(|runtime| {
        let mut bundle = Bundle::new(runtime, "echo program >> /shared/log");
        let shared = bundle.path("shared");
        fs::create_dir(&shared).expect("mkdir");
        bundle.mount(json!({"destination": "/shared", "type": "bind", "source": shared,
            "options": ["bind"]}));
        let hook = |name: &str, log: &str| {
            let script = format!(
                "read -r state; case $state in *'\"pid\":'*) pid=with;; *) pid=without;; esac; \
                 case $state in *'\"id\":\"{}\"'*) id=right;; *) id=wrong;; esac; \
                 echo {name} $FOO $pid $id $(readlink /proc/self/ns/mnt | grep -c $HOSTMNT) >> {log}",
                bundle.id
            );
            let host = fs::read_link("/proc/self/ns/mnt").expect("link");
            let host = host.to_string_lossy().replace(['[', ']'], ".");
            json!([{"path": "/bin/sh", "args": ["sh", "-c", script],
                "env": ["FOO=foo", format!("HOSTMNT={host}"), "PATH=/bin:/usr/bin"], "timeout": 20}])
        };
        let outside = format!("{shared}/log");
        let mut hooks = json!({});
        for name in ["prestart", "createRuntime", "createContainer", "poststart", "poststop"] {
            hooks[name] = hook(name, &outside);
        }
        hooks["startContainer"] = hook("startContainer", "/shared/log");
        bundle.config["hooks"] = hooks;
        let (_, errors, code) = bundle.run();
        assert_eq!(code, Some(0), "{runtime:?}: {errors}");
        let log = fs::read_to_string(outside).expect("log");
        let mut lines: Vec<_> = log.lines().map(str::to_owned).collect();
        // From the start on, poststart runs beside what happens inside.
        lines[3..].sort();
        lines
    });
    assert_eq!(outcomes[0], outcomes[1]);
    assert_eq!(outcomes[0].len(), 7, "{:?}", outcomes[0]);
}

#[test]
fn terminal_is_the_containers_own() {
    let script = "tty; stty size; stat -c '%F %a %u %t' /dev/console; test -t 1; echo $?; \
        awk '{print $6 == $1, $7 != 0}' /proc/$$/stat; set -- /proc/$$/fd/*; echo $#";
    let outcomes = [Runtime::Ours, Runtime::Runc].map(|runtime| {
        let mut bundle = Bundle::new(runtime, script);
        bundle.config["process"]["terminal"] = json!(true);
        bundle.config["process"]["consoleSize"] = json!({"height": 33, "width": 77});
        let command = bundle.command(&["run", &bundle.id]);
        let words: Vec<_> = std::iter::once(command.get_program())
            .chain(command.get_args())
            .map(|word| word.to_string_lossy().into_owned())
            .collect();
        let output = Command::new("script")
            .args(["-q", "-e", "-c", &words.join(" "), "/dev/null"])
            .current_dir(bundle.dir.path())
            .stdin(std::process::Stdio::null())
            .output()
            .expect("script is installed");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut lines: Vec<_> = text.lines().map(|line| line.trim().to_owned()).collect();
        // script(1) shows keys of its own before the first line; runc sets no size where
        // its own terminal has none.
        lines[0] = lines[0]
            .trim_start_matches(['^', '@', 'D', '\u{8}'])
            .to_owned();
        let size = lines.remove(1);
        assert!(runtime == Runtime::Runc || size == "33 77", "{size}");
        (lines.join("\n"), output.status.code())
    });
    assert_eq!(outcomes[0], outcomes[1]);
    assert!(outcomes[0].0.contains("/dev/pts/0"), "{}", outcomes[0].0);
}
