//! Debian's docker command, each of its commands once.

use std::io::Write;

use crate::{
    Server, desk, sandbox,
    support::{eventually, host::Host, process, sandbox::BUSYBOX},
};

#[test]
fn docker_runs_containers_attached_and_detached() {
    let _host = Host::enter();
    let sandbox = sandbox();
    let server = Server::start(&sandbox);
    let run = |arguments: &[&str]| {
        let mut all = vec!["run", "--rm", "--network", "none"];
        all.extend(arguments);
        server.docker(&all)
    };
    let both = run(&[BUSYBOX, "sh", "-c", "echo out; echo err >&2; exit 7"]);
    assert_eq!(
        (both.code, both.stdout.as_str(), both.stderr.as_str()),
        (7, "out\n", "err\n")
    );
    assert_eq!(run(&[BUSYBOX, "no-such-program"]).code, 127);
    assert_eq!(run(&[BUSYBOX, "/etc"]).code, 126);
    let missing = server.docker(&["run", "--pull", "never", "no/image", "true"]);
    assert_eq!(missing.code, 125, "{missing:?}");
    assert!(missing.stderr.contains("No such image: no/image:latest"));
    let mut cat = server.client(
        "/usr/bin/docker",
        &["run", "-i", "--rm", "--network", "none", BUSYBOX, "cat"],
    );
    cat.stderr(std::process::Stdio::inherit());
    assert_eq!(process::finish(cat, b"piped").stdout, "piped");
    // All of them removed themselves.
    eventually("they are gone", || server.ok(&["ps", "-aq"]).is_empty());
    let id = server.run_detached(&[], &["sleep", "600"]);
    assert_eq!(id.len(), 64);
    server.ok(&["rm", "-f", &id]);
}

#[test]
fn terminal_has_a_size_and_can_be_left_and_attached_to() {
    let _host = Host::enter();
    let sandbox = sandbox();
    let server = Server::start(&sandbox);
    let id = server.run_detached(&["-it", "--name", "sh"], &["sh"]);
    assert_eq!(
        status(&server, &format!("/containers/{id}/resize?h=33&w=99")),
        200
    );
    let tty = server.docker(&["exec", "-e", "A=b", &id, "sh", "-c", "tty; echo $A"]);
    assert_eq!((tty.code, tty.stdout.as_str()), (0, "not a tty\nb\n"));
    // The size is its terminal's.
    let size = || {
        let done = server.docker(&["exec", &id, "sh", "-c", "stty size < /proc/1/fd/0"]);
        done.stdout == "33 99\n"
    };
    eventually("the terminal has its size", size);
    // Keys that detach leave it running.
    let before = server.descriptors();
    let mut attach = server.client("/usr/bin/docker", &["attach", "--no-stdin", "sh"]);
    let mut attached = process::Background::silent(&mut attach);
    // Its connection, and the one to the container's shim.
    eventually("it is attached", || server.descriptors() >= before + 2);
    attached.kill();
    assert_eq!(
        server.ok(&["inspect", "-f", "{{.State.Running}}", "sh"]),
        "true"
    );
    server.ok(&["rm", "-f", "sh"]);
}

fn status(server: &Server, path: &str) -> u16 {
    crate::status(&server.send("POST", path, ""))
}

#[test]
fn docker_looks_at_and_changes_a_container() {
    let _host = Host::enter();
    let sandbox = sandbox();
    let server = Server::start(&sandbox);
    let flags = "--name web -e A=b -l tier=front -m 64m --cpus 0.5 --pids-limit 50 \
                 --restart on-failure:3 --cap-drop NET_RAW --tmpfs /t:size=1m -w /tmp \
                 -h host1 --ulimit nofile=100:200";
    let flags: Vec<&str> = flags.split_whitespace().collect();
    let script = "i=0; while :; do echo line $i; i=$((i+1)); sleep 0.1; done";
    let id = server.run_detached(&flags, &["sh", "-c", script]);
    let field = |template: &str| server.ok(&["inspect", "-f", template, "web"]);
    for (template, wanted) in [
        ("{{.Id}}", id.as_str()),
        ("{{.Name}}", "/web"),
        (
            "{{.State.Status}} {{.State.Running}} {{.State.ExitCode}}",
            "running true 0",
        ),
        (
            "{{.Config.Image}} {{.Config.Hostname}} {{.Config.WorkingDir}}",
            "busybox:1 host1 /tmp",
        ),
        ("{{index .Config.Labels \"tier\"}}", "front"),
        (
            "{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}}",
            "67108864 500000000",
        ),
        (
            "{{.HostConfig.PidsLimit}} {{.HostConfig.NetworkMode}}",
            "50 none",
        ),
        ("{{.HostConfig.RestartPolicy}}", "{on-failure 3}"),
        (
            "{{.HostConfig.CapDrop}} {{.HostConfig.Tmpfs}}",
            "[NET_RAW] map[/t:size=1m]",
        ),
        ("{{(index .HostConfig.Ulimits 0).Hard}}", "200"),
        (
            "{{.Path}} {{index .Args 0}} {{index .Config.Cmd 0}}",
            "sh -c sh",
        ),
    ] {
        assert_eq!(field(template), wanted, "{template}");
    }
    assert!(field("{{.Config.Env}}").contains("A=b"));

    // Lists and their filters.
    let ps = |filter: &str| server.ok(&["ps", "-aq", "--no-trunc", "--filter", filter]);
    for filter in [
        "name=we",
        "label=tier=front",
        "status=running",
        "ancestor=busybox:1",
        "id=".to_owned().as_str(),
    ] {
        let filter = if filter == "id=" {
            format!("id={}", &id[..12])
        } else {
            filter.to_owned()
        };
        assert_eq!(ps(&filter), id, "{filter}");
    }
    assert_eq!(ps("label=tier=back"), "");
    assert_eq!(ps("exited=1"), "");
    assert!(
        server
            .refused(&["ps", "--filter", "nope=1"])
            .contains("invalid filter")
    );
    assert!(
        server
            .ok(&["ps", "--size", "--format", "{{.Size}}"])
            .contains("virtual")
    );

    // Logs.
    eventually("it has written", || {
        server.ok(&["logs", "web"]).contains("line 3")
    });
    let last = server.ok(&["logs", "--tail", "1", "-t", "web"]);
    assert!(last.contains("Z line "), "{last}");
    assert_eq!(server.ok(&["logs", "--until", "2000-01-01", "web"]), "");
    let mut follow = server.client("/usr/bin/docker", &["logs", "-f", "--tail", "0", "web"]);
    follow.stdout(std::process::Stdio::piped());
    let mut following = process::Background(follow.spawn().unwrap());
    let mut heard = [0; 4];
    std::io::Read::read_exact(following.0.stdout.as_mut().unwrap(), &mut heard).unwrap();
    assert_eq!(&heard, b"line");
    following.kill();

    // Further processes.
    assert_eq!(server.ok(&["exec", "web", "hostname"]), "host1");
    assert_eq!(
        server.docker(&["exec", "web", "sh", "-c", "exit 4"]).code,
        4
    );
    assert_eq!(server.docker(&["exec", "web", "no-such-program"]).code, 127);
    assert_eq!(
        server.ok(&["exec", "-d", "web", "touch", "/tmp/detached"]),
        ""
    );
    eventually("the detached exec has run", || {
        server.docker(&["exec", "web", "ls", "/tmp/detached"]).code == 0
    });
    let mut into = server.client("/usr/bin/docker", &["exec", "-i", "web", "cat"]);
    into.stderr(std::process::Stdio::inherit());
    assert_eq!(process::finish(into, b"piped").stdout, "piped");

    // Files.
    let note = desk().join("note");
    std::fs::File::create(&note)
        .unwrap()
        .write_all(b"noted")
        .unwrap();
    server.ok(&["cp", note.to_str().unwrap(), "web:/tmp/note"]);
    assert_eq!(server.ok(&["exec", "web", "cat", "/tmp/note"]), "noted");
    let back = desk().join("back");
    server.ok(&["cp", "web:/tmp/note", back.to_str().unwrap()]);
    assert_eq!(std::fs::read(&back).unwrap(), b"noted");
    assert!(
        server
            .refused(&["cp", "web:/no/such", back.to_str().unwrap()])
            .contains("/no/such")
    );
    assert!(server.ok(&["diff", "web"]).contains("A /tmp/note"));
    let tar = desk().join("all.tar");
    server.ok(&["export", "-o", tar.to_str().unwrap(), "web"]);
    let mut list = std::process::Command::new("tar");
    list.arg("tf").arg(&tar);
    let list = process::finish(list, b"");
    assert!(list.stdout.contains("tmp/note"), "{list:?}");

    // What it uses, and what runs in it.
    let stats = [
        "stats",
        "--no-stream",
        "--format",
        "{{.Name}} {{.MemUsage}} {{.PIDs}}",
        "web",
    ];
    let stats = server.ok(&stats);
    assert!(
        stats.starts_with("web ") && stats.contains("/ 64MiB"),
        "{stats}"
    );
    assert!(server.ok(&["top", "web"]).contains("sleep"));
    assert!(server.ok(&["top", "web", "-o", "pid,comm"]).contains("sh"));

    // Changes of it.
    server.ok(&["pause", "web"]);
    assert!(
        server
            .ok(&["ps", "--format", "{{.Status}}"])
            .contains("(Paused)")
    );
    assert!(
        server
            .refused(&["exec", "web", "true"])
            .contains("is paused")
    );
    server.ok(&["unpause", "web"]);
    server.ok(&["update", "-m", "80m", "--memory-swap", "160m", "web"]);
    assert_eq!(field("{{.HostConfig.Memory}}"), (80 << 20).to_string());
    server.ok(&["rename", "web", "www"]);
    assert!(
        server
            .refused(&["inspect", "web"])
            .contains("No such object: web")
    );
    server.ok(&["restart", "-t", "0", "www"]);
    assert!(
        server
            .refused(&["rm", "www"])
            .contains("stop the container before removing")
    );
    server.ok(&["kill", "www"]);
    assert_eq!(server.ok(&["wait", "www"]), "137");
    assert!(server.refused(&["kill", "www"]).contains("is not running"));
    server.ok(&["start", "www"]);
    server.ok(&["stop", "-t", "0", "www"]);
    assert_eq!(
        server
            .ok(&[
                "commit",
                "-m",
                "said",
                "-c",
                "CMD [\"ls\"]",
                "www",
                "made:1"
            ])
            .len(),
        71
    );
    assert_eq!(
        server.ok(&["inspect", "-f", "{{.Config.Cmd}}", "made:1"]),
        "[ls]"
    );
    let events = [
        "events",
        "--since",
        "1h",
        // Two seconds from now: the command cuts times to whole ones.
        "--until=-2s",
        "--filter",
        "container=www",
        "--format",
        "{{.Action}}",
    ];
    let events = server.ok(&events);
    for wanted in ["rename", "kill", "die", "start", "stop"] {
        assert!(
            events.lines().any(|line| line == wanted),
            "{wanted}: {events}"
        );
    }
    server.ok(&["rm", "www"]);
    assert!(
        server
            .refused(&["rm", "www"])
            .contains("No such container: www")
    );
}

#[test]
fn docker_works_with_images() {
    let _host = Host::enter();
    let sandbox = sandbox();
    let server = Server::start(&sandbox);
    assert_eq!(
        server.ok(&["images", "--format", "{{.Repository}}:{{.Tag}}"]),
        BUSYBOX
    );
    server.ok(&["tag", BUSYBOX, "localhost:5000/team/bb:2"]);
    let found = ["images", "-q", "--filter", "reference=localhost:5000/*/bb"];
    assert_eq!(server.ok(&found).lines().count(), 1);
    let tar = desk().join("bb.tar");
    server.ok(&["save", "-o", tar.to_str().unwrap(), BUSYBOX]);
    assert!(
        server
            .ok(&["rmi", "localhost:5000/team/bb:2"])
            .starts_with("Untagged: ")
    );
    server.ok(&["rmi", BUSYBOX]);
    assert_eq!(server.ok(&["images", "-q"]), "");
    let loaded = server.ok(&["load", "-i", tar.to_str().unwrap()]);
    assert_eq!(loaded, format!("Loaded image: {BUSYBOX}"));
    assert!(
        server
            .refused(&["rmi", "no/such"])
            .contains("No such image: no/such")
    );
    assert_eq!(server.ok(&["history", "-q", BUSYBOX]).lines().count(), 1);
    assert_eq!(
        server.ok(&[
            "image",
            "inspect",
            "-f",
            "{{.Os}} {{.RootFS.Type}}",
            BUSYBOX
        ]),
        "linux layers"
    );

    // A build by the classic builder, with a context and a failure.
    let context = desk().join("context");
    std::fs::create_dir(&context).unwrap();
    std::fs::write(context.join("file"), "of the context").unwrap();
    let dockerfile = format!(
        "FROM {BUSYBOX}\nARG WHO\nCOPY file /file\nRUN echo by $WHO >> /file\nCMD [\"cat\", \"/file\"]\n"
    );
    std::fs::write(context.join("Dockerfile"), dockerfile).unwrap();
    let path = context.to_str().unwrap();
    let built = server.ok(&[
        "build",
        "--network",
        "none",
        "--build-arg",
        "WHO=me",
        "-t",
        "built",
        path,
    ]);
    assert!(
        built.contains("Step ")
            && built.contains("RUN echo by")
            && built.contains("Successfully tagged built:latest"),
        "{built}"
    );
    assert_eq!(
        server.ok(&["run", "--rm", "--network", "none", "built"]),
        "of the contextby me"
    );
    std::fs::write(
        context.join("Dockerfile"),
        format!("FROM {BUSYBOX}\nRUN exit 3\n"),
    )
    .unwrap();
    let failed = server.docker(&["build", "--network", "none", path]);
    assert_ne!(failed.code, 0, "{failed:?}");

    // A root file system, imported.
    let exported = desk().join("root.tar");
    let id = server.ok(&["create", "--network", "none", BUSYBOX, "true"]);
    server.ok(&["export", "-o", exported.to_str().unwrap(), &id]);
    server.ok(&["rm", &id]);
    assert!(
        server
            .ok(&["import", exported.to_str().unwrap(), "flat:1"])
            .starts_with("sha256:")
    );
    assert_eq!(
        server.ok(&["run", "--rm", "--network", "none", "flat:1", "echo", "flat"]),
        "flat"
    );
    assert!(server.ok(&["system", "df"]).contains("Images"));
    assert!(
        server
            .ok(&["image", "prune", "-af"])
            .contains("Total reclaimed space")
    );
    assert_eq!(server.ok(&["images", "-q"]), "");
}

#[test]
fn docker_works_with_networks_and_volumes() {
    let _host = Host::enter();
    let sandbox = sandbox();
    let server = Server::start(&sandbox);
    server.ok(&[
        "network",
        "create",
        "--subnet",
        "10.77.0.0/24",
        "--label",
        "a=b",
        "net",
    ]);
    server.ok(&["volume", "create", "--label", "a=b", "data"]);
    server.ok(&[
        "run",
        "-d",
        "--name",
        "web",
        "--network",
        "net",
        "--network-alias",
        "www",
        "-p",
        "127.0.0.1:8123:80",
        "-v",
        "data:/data",
        "-v",
        "/anonymous",
        BUSYBOX,
        "sleep",
        "600",
    ]);
    assert_eq!(server.ok(&["port", "web"]), "80/tcp -> 127.0.0.1:8123");
    let address = [
        "inspect",
        "-f",
        "{{.NetworkSettings.Networks.net.IPAddress}}",
        "web",
    ];
    assert!(server.ok(&address).starts_with("10.77.0."));
    assert!(
        server.ok(&[
            "network",
            "inspect",
            "-f",
            "{{range .Containers}}{{.Name}}{{end}}",
            "net"
        ]) == "web"
    );
    assert!(server.refused(&["network", "rm", "net"]).contains("net"));
    assert!(server.refused(&["volume", "rm", "data"]).contains("data"));
    let mounts = server.ok(&[
        "inspect",
        "-f",
        "{{range .Mounts}}{{.Type}} {{.Destination}};{{end}}",
        "web",
    ]);
    assert!(
        mounts.contains("volume /data;") && mounts.contains("volume /anonymous;"),
        "{mounts}"
    );
    assert_eq!(
        server.ok(&[
            "run",
            "--rm",
            "--network",
            "net",
            BUSYBOX,
            "sh",
            "-c",
            "ping -c 1 -w 5 www >/dev/null && echo found"
        ]),
        "found"
    );
    server.ok(&["network", "create", "other"]);
    server.ok(&["network", "connect", "--alias", "again", "other", "web"]);
    server.ok(&["network", "disconnect", "other", "web"]);
    assert!(server.ok(&["network", "prune", "-f"]).contains("other"));
    assert_eq!(
        server.ok(&["volume", "ls", "-q", "--filter", "label=a=b"]),
        "data"
    );
    server.ok(&["rm", "-fv", "web"]);
    // Its volume without a name went with it.
    assert_eq!(server.ok(&["volume", "ls", "-q"]), "data");
    server.ok(&["volume", "rm", "data"]);
    server.ok(&["network", "rm", "net"]);
    assert!(
        server
            .refused(&["volume", "inspect", "data"])
            .to_lowercase()
            .contains("no such volume")
    );
}

#[test]
fn docker_is_told_what_we_are_and_that_there_is_no_swarm() {
    let _host = Host::enter();
    let sandbox = sandbox();
    let server = Server::start(&sandbox);
    assert_eq!(
        server.ok(&["version", "-f", "{{.Server.MinAPIVersion}}"]),
        "1.24"
    );
    assert_eq!(
        server.ok(&["info", "-f", "{{.Images}} {{.Swarm.LocalNodeState}}"]),
        "1 inactive"
    );
    assert!(
        server
            .refused(&["node", "ls"])
            .contains("not a swarm manager")
    );
    assert!(
        server
            .refused(&["service", "ls"])
            .contains("not a swarm manager")
    );
    assert!(
        server
            .refused(&["swarm", "leave"])
            .contains("not part of a swarm")
    );
    assert!(server.ok(&["plugin", "ls", "-q"]).is_empty());
    let refused = server.refused(&["create", "--cgroup-parent", "/x", BUSYBOX, "true"]);
    assert!(refused.contains("CgroupParent"), "{refused}");
}

#[test]
fn docker_says_how_output_is_kept_and_what_waits_for_memory() {
    let _host = Host::enter();
    let sandbox = sandbox();
    let server = Server::start(&sandbox);
    let plain = ["--network", "none", BUSYBOX, "echo", "shown"];
    let quiet = ["run", "--name", "quiet", "--log-driver", "none"];
    assert_eq!(server.ok(&[&quiet[..], &plain].concat()), "shown");
    let refused = server.refused(&["logs", "quiet"]);
    let words = "configured logging driver does not support reading";
    assert!(refused.contains(words), "{refused}");
    let shown = server.ok(&[
        "inspect",
        "-f",
        "{{.HostConfig.LogConfig.Type}}|{{.LogPath}}",
        "quiet",
    ]);
    assert_eq!(shown, "none|");
    let small = ["run", "--name", "small", "--log-opt", "max-size=1m"];
    server.ok(&[&small[..], &plain].concat());
    assert_eq!(server.ok(&["logs", "small"]), "shown");
    let shown = server.ok(&["inspect", "-f", "{{json .HostConfig.LogConfig}}", "small"]);
    assert_eq!(shown, r#"{"Type":"json-file","Config":{"max-size":"1m"}}"#);
    let other = ["create", "--log-driver", "journald"];
    let refused = server.refused(&[&other[..], &plain].concat());
    assert!(refused.contains("journald"), "{refused}");
    let held = [
        "create",
        "--name",
        "held",
        "--oom-kill-disable",
        "-m",
        "32m",
    ];
    server.ok(&[&held[..], &plain].concat());
    let shown = server.ok(&["inspect", "-f", "{{.HostConfig.OomKillDisable}}", "held"]);
    let is_v1 = std::path::Path::new("/sys/fs/cgroup/memory/cgroup.procs").exists();
    assert_eq!(shown, is_v1.to_string());
}

#[test]
fn docker_gives_groups_and_namespaces_of_the_host() {
    let _host = Host::enter();
    let sandbox = sandbox();
    let server = Server::start(&sandbox);
    let run = |arguments: &[&str]| {
        let mut all = vec!["run", "--rm", "--network", "none"];
        all.extend(arguments);
        server.ok(&all)
    };
    let groups = ["--group-add", "1001", "--group-add", "daemon"];
    let id = [&groups[..], &["-u", "wharf", BUSYBOX, "id", "-G"]].concat();
    assert_eq!(run(&id), "1000 1 1001");
    let own = |name: &str| {
        let link = std::fs::read_link(format!("/proc/self/ns/{name}")).unwrap();
        link.display().to_string()
    };
    let shared = ["--pid", "host", "--ipc", "host", "--uts", "host"];
    let links = "for name in pid ipc uts; do readlink /proc/self/ns/$name; done";
    let seen = run(&[&shared[..], &[BUSYBOX, "sh", "-c", links]].concat());
    let wanted = ["pid", "ipc", "uts"].map(own);
    assert_eq!(seen.lines().collect::<Vec<_>>(), wanted);
    // What it started ends with it, though no namespace ends.
    let script = "sleep 4242 & echo $!";
    let pid = run(&["--pid", "host", BUSYBOX, "sh", "-c", script]);
    eventually("its processes are gone", || {
        let command = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        !command.windows(4).any(|word| word == b"4242")
    });
    // Another container's, by its name; what is shown is its id.
    let giver = [
        "run",
        "-d",
        "--network",
        "none",
        "--name",
        "giver",
        "--ipc",
        "shareable",
    ];
    let id = server.ok(&[&giver[..], &[BUSYBOX, "sleep", "1000"]].concat());
    let whose = ["--pid", "container:giver", "--ipc", "container:giver"];
    let script = "cat /proc/1/cmdline; echo said > /dev/shm/word";
    let seen = run(&[&whose[..], &[BUSYBOX, "sh", "-c", script]].concat());
    assert_eq!(seen, "sleep\x001000\0");
    assert_eq!(
        server.ok(&["exec", "giver", "cat", "/dev/shm/word"]),
        "said"
    );
    let create = [
        &["create", "--name", "taker"][..],
        &whose,
        &[BUSYBOX, "true"],
    ]
    .concat();
    server.ok(&create);
    let modes = "{{.HostConfig.PidMode}} {{.HostConfig.IpcMode}}";
    let shown = server.ok(&["inspect", "-f", modes, "taker"]);
    assert_eq!(shown, format!("container:{id} container:{id}"));
    server.ok(&["rm", "-f", "giver"]);
    let refused = server.refused(&["start", "taker"]);
    assert!(refused.contains("o such container"), "{refused}");
    let refused = server.refused(&["create", "--uts", "host", "-h", "x", BUSYBOX, "true"]);
    assert!(refused.contains("host"), "{refused}");
}
