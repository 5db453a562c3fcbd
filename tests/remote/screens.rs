//! The screens of what is not a container, over Debian's dockerd: networks, volumes, the
//! prune of images, and the list that another engine is chosen from.

use crate::{
    dockerd,
    far::desk,
    support::{
        Sandbox,
        docker::Docker,
        eventually,
        host::Host,
        sandbox::{BUSYBOX, rootfs, wharf},
        terminal::{Terminal, confirm},
    },
};

/// A dashboard over dockerd.
fn dashboard(own: &Sandbox, docker: &Docker) -> Terminal {
    let t = Terminal::new(own, 140, 40);
    let address = docker.address();
    let program = wharf().display().to_string();
    t.line(&format!("{program} -H {address} ; echo left with $?"));
    t
}

/// Whether a list of docker's has a name.
fn has(docker: &Docker, list: &[&str], name: &str) -> bool {
    let format = match list[0] {
        "images" => "{{.Repository}}",
        _ => "{{.Name}}",
    };
    let listed = docker.ok(&[list, &["--format", format]].concat());
    listed.lines().any(|line| line == name)
}

#[test]
fn networks_of_dockerd_are_made_left_pruned_and_removed_by_keys() {
    let _host = Host::enter();
    let desk = desk();
    let docker = dockerd(desk.path());
    let own = Sandbox::empty();
    docker.ok(&["network", "create", "--subnet", "10.231.9.0/24", "quay"]);
    docker.ok(&[
        "run",
        "-d",
        "--name",
        "member",
        "--network",
        "quay",
        BUSYBOX,
        "sleep",
        "600",
    ]);
    let list = ["network", "ls"];
    let t = dashboard(&own, &docker);
    t.until("member");
    t.keys(&["8", "G"]);
    t.until("10.231.9.0/24");
    t.keys(&["n"]);
    t.until("Make a network");
    t.line("made-here");
    eventually("it is made", || has(&docker, &list, "made-here"));
    t.until_it("the form is closed", |screen| {
        screen.contains("made-here") && !screen.contains("Make a network")
    });
    // The daemon's answer is told before a picture has it, and then nothing can be pruned.
    t.press_until("p", "the question about what is unused", |screen| {
        screen.contains("y  yes")
    });
    confirm(&t, || !has(&docker, &list, "made-here"));
    assert!(has(&docker, &list, "quay"), "somebody is on it");

    t.keys(&["G", "x"]);
    t.until("Disconnect member from quay?");
    let address = [
        "inspect",
        "-f",
        "{{json .NetworkSettings.Networks}}",
        "member",
    ];
    confirm(&t, || docker.ok(&address) == "{}");
    t.until_it("nobody is on it", |screen| !screen.contains("member"));
    t.keys(&["d"]);
    confirm(&t, || !has(&docker, &list, "quay"));
    t.keys(&["q"]);
    t.until("left with 0");
}

#[test]
fn volumes_of_dockerd_are_made_measured_removed_and_pruned_by_keys() {
    let _host = Host::enter();
    let desk = desk();
    let docker = dockerd(desk.path());
    let own = Sandbox::empty();
    for name in ["ballast", "cargo"] {
        docker.ok(&["volume", "create", name]);
    }
    let fill = "head -c 3000000 /dev/zero > /c/file; exec sleep 600";
    docker.ok(&[
        "run",
        "-d",
        "--name",
        "loaded",
        "--network",
        "none",
        "-v",
        "cargo:/c",
        BUSYBOX,
        "sh",
        "-c",
        fill,
    ]);
    let list = ["volume", "ls"];
    let t = dashboard(&own, &docker);
    t.until("loaded");
    t.keys(&["9"]);
    t.until("ballast");
    t.keys(&["m"]);
    t.until_it("the size of cargo", |_| t.row("cargo").contains("3MB"));
    t.keys(&["n"]);
    t.until("Make a volume");
    t.line("made-here");
    eventually("it is made", || has(&docker, &list, "made-here"));
    t.until_it("the form is closed", |screen| {
        screen.contains("made-here") && !screen.contains("Make a volume")
    });
    // The first row.
    t.keys(&["g", "d"]);
    confirm(&t, || !has(&docker, &list, "ballast"));
    t.keys(&["p"]);
    t.until("Prune volumes");
    t.keys(&["a"]);
    t.until_it("what would go is told", |screen| {
        screen.matches("made-here").count() > 1 && screen.contains("y  yes")
    });
    confirm(&t, || !has(&docker, &list, "made-here"));
    assert!(has(&docker, &list, "cargo"), "somebody uses it");
    t.keys(&["q"]);
    t.until("left with 0");
}

#[test]
fn images_of_dockerd_that_nobody_needs_are_pruned_by_keys() {
    let _host = Host::enter();
    let desk = desk();
    let docker = dockerd(desk.path());
    let own = Sandbox::empty();
    let tar = rootfs("busybox.tar");
    let nameless = docker.ok(&["import", "-m", "nameless", tar.to_str().unwrap()]);
    docker.ok(&["import", "-m", "spare", tar.to_str().unwrap(), "spare:1"]);
    docker.ok(&[
        "create",
        "--name",
        "user",
        "--network",
        "none",
        BUSYBOX,
        "true",
    ]);
    let is_there = || {
        docker
            .ok(&["images", "-q", "--no-trunc"])
            .contains(&nameless)
    };
    let t = dashboard(&own, &docker);
    t.until("user");
    t.keys(&["2"]);
    t.until("spare");
    t.keys(&["X"]);
    t.until("1 image ");
    t.keys(&["Enter"]);
    t.until("Remove 1 image?");
    confirm(&t, || !is_there());
    assert!(has(&docker, &["images"], "spare"));
    t.keys(&["X", "Tab"]);
    t.until_it("spare:1 would go", |screen| {
        screen.matches("spare:1").count() > 2 && screen.contains("1 image ")
    });
    t.keys(&["Enter"]);
    t.until("Remove 1 image?");
    confirm(&t, || !has(&docker, &["images"], "spare"));
    assert!(has(&docker, &["images"], "busybox"), "somebody uses it");
    t.keys(&["q"]);
    t.until("left with 0");
}

#[test]
fn another_engine_is_chosen_from_the_list_and_back_again() {
    let _host = Host::enter();
    let desk = desk();
    let docker = dockerd(desk.path());
    let own = Sandbox::new();
    own.ok(&["create", "--name", "at-home", BUSYBOX, "true"]);
    docker.ok(&[
        "create",
        "--name",
        "abroad",
        "--network",
        "none",
        BUSYBOX,
        "true",
    ]);
    let t = dashboard(&own, &docker);
    t.until("abroad");
    t.keys(&["@"]);
    t.until("driven: unix://");
    // Both have said who they are.
    t.until("docker 20");
    t.until("(embedded)");
    t.keys(&["g", "Enter"]);
    t.until("at-home");
    assert!(!t.screen().contains("abroad"), "{}", t.screen());
    t.keys(&["@"]);
    t.until("driven: inside of wharf");
    t.keys(&["Down"]);
    t.until("named by --host");
    t.keys(&["Enter"]);
    t.until("abroad");
    t.keys(&["q"]);
    t.until("left with 0");
}
