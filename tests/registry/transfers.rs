//! Push and pull with Debian's docker-registry, and skopeo at the other end.

use std::{collections::BTreeMap, fs};

use crate::{
    bench::{Bench, skopeo},
    liar::{Body, Image, Liar, Reply, Request},
    support::registry::{Door, Registry},
};

#[test]
fn what_is_pushed_is_pulled_by_tag_and_by_digest_and_runs() {
    let registry = Registry::start(Door::Open);
    let name = registry.name("team/busybox:1");
    let tar = concat!(env!("CARGO_MANIFEST_DIR"), "/target/rootfs/busybox.tar");
    let one = Bench::new();
    let id = one.ok(&["import", tar, &name]);
    let pushed = one.ok(&["push", &name]);
    assert!(pushed.contains("pushed"), "{pushed}");
    // What is there isn't sent again.
    let before = registry.count("PATCH ");
    assert!(one.ok(&["push", &name]).contains("already there"));
    assert_eq!(registry.count("PATCH "), before);
    // Another repository takes it over.
    let other = registry.name("other/tools:2");
    one.ok(&["tag", &name, &other]);
    let mounted = one.ok(&["push", &other]);
    assert!(mounted.contains("mounted"), "{mounted}");
    assert_eq!(registry.count("PATCH "), before);

    let digests = one.ok(&["image", "inspect", "-f", "{{json .RepoDigests}}", &name]);
    let digests: Vec<String> = serde_json::from_str(&digests).unwrap();
    assert_eq!(digests.len(), 2, "{digests:?}");
    let two = Bench::new();
    let by_digest = digests
        .iter()
        .find(|d| d.contains("team/busybox@"))
        .unwrap();
    let pulled = two.ok(&["pull", "-q", by_digest]);
    assert_eq!(&pulled, by_digest);
    assert!(two.ok(&["images"]).contains("<none>"));
    two.ok(&["pull", &name]);
    assert_eq!(two.ok(&["image", "inspect", "-f", "{{.Id}}", &name]), id);
    assert!(two.ok(&["pull", &name]).contains("up to date"));
    // Missing, it is pulled when it is to run; never, when that is forbidden.
    let three = Bench::new();
    three.refused(&["run", "--rm", "--pull", "never", &name, "true"]);
    let done = three.run(&["run", "--rm", &name, "echo", "hello"]);
    assert_eq!(
        (done.code, done.stdout.as_str()),
        (0, "hello\n"),
        "{done:?}"
    );
    assert!(done.stderr.contains("pulling it"), "{done:?}");
}

#[test]
fn skopeo_reads_what_we_push_and_we_pull_what_it_pushes_with_the_same_layers() {
    let registry = Registry::start(Door::Open);
    let one = Bench::new();
    let name = registry.name("from/skopeo:1");
    let diff_ids = one.image(&name, &[50_000, 0, 1_000, 300_000]);
    one.ok(&["pull", &name]);
    assert_eq!(one.layers(&name), diff_ids);
    let source = format!("docker://{name}");
    let raw = skopeo(&["inspect", "--raw", "--tls-verify=false", &source]);

    // Its manifest keeps its digest on the way through us.
    let again = registry.name("from/wharf:1");
    one.ok(&["tag", &name, &again]);
    one.ok(&["push", &again]);
    let target = format!("docker://{again}");
    assert_eq!(
        skopeo(&["inspect", "--raw", "--tls-verify=false", &target]),
        raw
    );
    let layout = one.dir.path().join("copied");
    let to = format!("oci:{}:x", layout.display());
    skopeo(&["copy", "-q", "--src-tls-verify=false", &target, &to]);
    let config = skopeo(&["inspect", "--config", &to]);
    let config: serde_json::Value = serde_json::from_str(&config).unwrap();
    assert_eq!(config["rootfs"]["diff_ids"], serde_json::json!(diff_ids));

    // In docker's own format, too.
    let docker = registry.name("from/docker:1");
    let to = format!("docker://{docker}");
    skopeo(&[
        "copy",
        "-q",
        "-f",
        "v2s2",
        "--src-tls-verify=false",
        "--dest-tls-verify=false",
        &source,
        &to,
    ]);
    one.ok(&["pull", &docker]);
    assert_eq!(one.layers(&docker), diff_ids);
    let shown: serde_json::Value =
        serde_json::from_str(&one.ok(&["manifest", "inspect", &docker])).unwrap();
    let docker_type = "application/vnd.docker.distribution.manifest.v2+json";
    assert_eq!(shown["mediaType"], docker_type);
}

#[test]
fn second_image_brings_only_the_layer_that_it_does_not_share() {
    let registry = Registry::start(Door::Open);
    let bench = Bench::new();
    let name = registry.name("app:1");
    bench.image(&name, &[200_000, 100_000]);
    bench.ok(&["pull", &name]);
    // The same base with a layer on top: made by a copy that adds one.
    let layout = bench.dir.path().join("next");
    let from = format!("docker://{name}");
    let to = format!("oci:{}:image", layout.display());
    skopeo(&["copy", "-q", "--src-tls-verify=false", &from, &to]);
    let done = std::process::Command::new("umoci")
        .args(["insert", "--image"])
        .arg(format!("{}:image", layout.display()))
        .args(["/etc/hostname", "/hostname"])
        .output()
        .unwrap();
    assert!(done.status.success(), "{done:?}");
    let next = registry.name("app:2");
    skopeo(&[
        "copy",
        "-q",
        "--dest-tls-verify=false",
        &to,
        &format!("docker://{next}"),
    ]);
    let before = registry.blob_reads().len();
    let said = bench.ok(&["pull", &next]);
    assert_eq!(said.matches("already there").count(), 2, "{said}");
    // One layer and one config.
    assert_eq!(
        registry.blob_reads().len() - before,
        2,
        "{:?}",
        registry.blob_reads()
    );
}

#[test]
fn all_tags_are_pulled_found_and_told_as_json() {
    let registry = Registry::start(Door::Open);
    let bench = Bench::new();
    for tag in ["1", "2", "3"] {
        bench.image(&registry.name(&format!("many:{tag}")), &[10_000]);
    }
    let said = bench.ok(&["pull", "-a", "--json", &registry.name("many")]);
    let last: BTreeMap<String, serde_json::Value> = said
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .map(|picture| (picture["reference"].as_str().unwrap().to_owned(), picture))
        .collect();
    assert_eq!(last.len(), 3);
    for picture in last.values() {
        assert_eq!(picture["phase"], "done", "{picture}");
        assert_eq!(picture["outcome"]["is_up_to_date"], false);
    }
    let found = bench.ok(&["search", "--json", &registry.name("man")]);
    let found: serde_json::Value = serde_json::from_str(&found).unwrap();
    assert_eq!(found[0]["name"], registry.name("many"));
    let error = bench.refused(&["pull", &registry.name("many:9")]);
    assert!(error.contains("has no manifest many:9"), "{error}");
    let error = bench.refused(&["push", &registry.name("none")]);
    assert!(error.contains("no such image"), "{error}");
}

#[test]
fn mirror_serves_the_names_of_docker_hub_and_another_takes_over_where_it_fails() {
    let registry = Registry::start(Door::Open);
    let bench = Bench::new();
    let diff_ids = bench.image(&registry.name("library/thing:1"), &[10_000]);
    // The first mirror doesn't exist.
    bench.configure(&format!(
        "mirrors = [\"http://127.0.0.1:1\", \"{}\"]",
        registry.host()
    ));
    assert_eq!(bench.ok(&["pull", "-q", "thing:1"]), "thing:1");
    assert_eq!(bench.layers("thing:1"), diff_ids);
    let digests = bench.ok(&["image", "inspect", "-f", "{{json .RepoDigests}}", "thing:1"]);
    assert!(digests.contains("thing@sha256:"), "{digests}");
    bench.configure("mirrors = [\"m/path\"]");
    let error = bench.refused(&["pull", "thing:1"]);
    assert!(error.contains("registry.mirrors"), "{error}");
}

#[test]
fn a_pull_leaves_the_image_store_as_other_tools_read_it() {
    let registry = Registry::start(Door::Open);
    let bench = Bench::new();
    let name = registry.name("plain:1");
    bench.image(&name, &[5_000, 6_000]);
    bench.ok(&["pull", &name]);
    let images = bench.root().join("images");
    let target = bench.dir.path().join("unpacked");
    let done = std::process::Command::new("umoci")
        .args(["raw", "unpack", "--image"])
        .arg(format!("{}:{name}", images.display()))
        .arg(&target)
        .output()
        .unwrap();
    assert!(done.status.success(), "{done:?}");
    for index in 0..2 {
        let name = format!("file-{index}");
        assert_eq!(
            fs::read(target.join(&name)).unwrap().len(),
            5_000 + 1_000 * index
        );
    }
    assert_eq!(bench.names("images/ingest"), Vec::<String>::new());
}

#[test]
fn proxy_of_the_environment_is_used_and_no_proxy_obeyed() {
    let image = Image::new(1_000);
    let proxy =
        Liar::new(
            move |request, _| match request.path.strip_prefix("http://reg.test:5000") {
                Some(path) => image.answer(&Request {
                    path: path.to_owned(),
                    ..request.clone()
                }),
                None => Reply::new(400, Body::Whole(Vec::new())),
            },
        );
    let mut bench = Bench::configured("plain_http = [\"reg.test:5000\"]");
    bench.set("HTTP_PROXY", &proxy.url(""));
    // Spelled as curl and Go do; the upper one is forbidden to CGI programs only.
    bench.set("http_proxy", &proxy.url(""));
    bench.ok(&["pull", "reg.test:5000/x:1"]);
    assert!(proxy.requests().len() >= 3, "{:?}", proxy.requests());
    let registry = Registry::start(Door::Open);
    bench.image(&registry.name("near:1"), &[1_000]);
    let before = proxy.requests().len();
    bench.ok(&["pull", &registry.name("near:1")]);
    assert_eq!(proxy.requests().len(), before, "loopback needs no proxy");
    bench.set("NO_PROXY", "reg.test");
    bench.refused(&["pull", "reg.test:5000/x:2"]);
    assert_eq!(proxy.requests().len(), before, "NO_PROXY is obeyed");
}
