//! A registry that lies: everything is refused in one line, and the disk is as before.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use crate::{
    bench::{Bench, config, digest, gzip, tar},
    liar::{Body, Image, Liar, MANIFEST, Reply, Request},
};

fn is_layer(request: &Request, image: &Image) -> bool {
    request.path.ends_with(&digest(&image.layer))
}

/// Pulls from a liar; what it was refused with. Nothing may be left.
#[track_caller]
fn refusal(liar: &Liar, bench: &Bench) -> String {
    let started = Instant::now();
    let error = bench.refused(&["pull", &liar.name("x:1")]);
    assert!(
        started.elapsed() < Duration::from_secs(55),
        "it took too long"
    );
    bench.is_empty();
    error
}

#[test]
fn honest_answers_are_taken() {
    let image = Image::new(100_000);
    let honest = image.clone();
    let liar = Liar::new(move |request, _| honest.answer(request));
    let bench = Bench::new();
    bench.ok(&["pull", &liar.name("x:1")]);
}

#[test]
fn blob_of_another_digest_is_refused() {
    let image = Image::new(100_000);
    let honest = image.clone();
    let liar = Liar::new(move |request, _| match is_layer(request, &honest) {
        true => {
            let mut other = honest.layer.clone();
            let middle = other.len() / 2;
            other[middle] ^= 1;
            Reply::ok(other)
        }
        false => honest.answer(request),
    });
    let error = refusal(&liar, &Bench::new());
    assert!(error.contains("came with another content"), "{error}");
}

#[test]
fn layer_of_another_content_than_the_config_says_is_refused() {
    // The blob is what its digest says; what is in it is another layer.
    let mut image = Image::new(1_000);
    let manifest = String::from_utf8(image.manifest.clone()).unwrap();
    let other = gzip(&tar("other", b"other"));
    let manifest = manifest
        .replace(&digest(&image.layer), &digest(&other))
        .replace(
            &format!("\"size\":{}", image.layer.len()),
            &format!("\"size\":{}", other.len()),
        );
    image.layer = other;
    image.manifest = manifest.into_bytes();
    let liar = Liar::new(move |request, _| image.answer(request));
    let error = refusal(&liar, &Bench::new());
    assert!(error.contains("diff-id"), "{error}");
}

#[test]
fn manifest_of_another_digest_is_refused() {
    let image = Image::new(1_000);
    let honest = image.clone();
    let liar = Liar::new(move |request, _| honest.answer(request));
    let bench = Bench::new();
    let name = format!("{}@sha256:{}", liar.name("x"), "0".repeat(64));
    let error = bench.refused(&["pull", &name]);
    assert!(error.contains("something else than sha256:000"), "{error}");
    // The same by the header that announces it.
    let liar = Liar::new(move |request, _| {
        let announced = format!("sha256:{}", "0".repeat(64));
        image
            .answer(request)
            .with("Docker-Content-Digest", &announced)
    });
    let error = refusal(&liar, &bench);
    assert!(error.contains("something else than sha256:000"), "{error}");
}

#[test]
fn server_that_stalls_is_given_up() {
    let image = Image::new(100_000);
    let honest = image.clone();
    let liar = Liar::new(move |request, _| match is_layer(request, &honest) {
        // Half of it each time, from the beginning: no progress after the first.
        true => Reply::new(
            200,
            Body::Stalled(honest.layer[..50_000].to_vec(), honest.layer.len()),
        ),
        false => honest.answer(request),
    });
    let bench = Bench::configured("patience = \"1s\"");
    let started = Instant::now();
    let error = bench.refused(&["pull", &liar.name("x:1")]);
    assert!(error.contains("sent nothing for 1 s"), "{error}");
    assert!(started.elapsed() < Duration::from_secs(55));
    assert_eq!(bench.names("layers"), Vec::<String>::new());
    assert_eq!(bench.names("images/blobs/sha256"), Vec::<String>::new());
}

#[test]
fn streams_that_always_end_early_are_given_up_and_those_that_do_once_are_not() {
    let image = Image::new(100_000);
    let honest = image.clone();
    let cut = |image: &Image| {
        Reply::new(
            200,
            Body::Cut(image.layer[..40_000].to_vec(), image.layer.len()),
        )
    };
    let liar = Liar::new(move |request, _| match is_layer(request, &honest) {
        true => cut(&honest),
        false => honest.answer(request),
    });
    let bench = Bench::new();
    let error = bench.refused(&["pull", &liar.name("x:1")]);
    assert!(error.contains("reach 127.0.0.1"), "{error}");
    assert_eq!(bench.names("layers"), Vec::<String>::new());

    let cuts = Arc::new(AtomicUsize::new(0));
    let liar = Liar::new(move |request, _| {
        match is_layer(request, &image) && cuts.fetch_add(1, Ordering::Relaxed) < 2 {
            true => cut(&image),
            false => image.answer(request),
        }
    });
    Bench::new().ok(&["pull", &liar.name("x:1")]);
}

#[test]
fn answer_that_changes_between_two_requests_is_refused() {
    let image = Image::new(100_000);
    let reads = Arc::new(AtomicUsize::new(0));
    let honest = image.clone();
    let liar = Liar::new(move |request, _| {
        if !is_layer(request, &honest) {
            return honest.answer(request);
        }
        match reads.fetch_add(1, Ordering::Relaxed) {
            0 => Reply::new(
                200,
                Body::Cut(honest.layer[..40_000].to_vec(), honest.layer.len()),
            ),
            _ => {
                // The rest of another blob, and it says so.
                let total = honest.layer.len() + 1;
                let mut reply = Reply::ok(vec![0; total - 40_000]).with(
                    "Content-Range",
                    &format!("bytes 40000-{}/{total}", total - 1),
                );
                reply.status = 206;
                reply
            }
        }
    });
    let error = refusal(&liar, &Bench::new());
    assert!(error.contains("its manifest says"), "{error}");

    // The same without saying so: only the digest tells.
    let reads = Arc::new(AtomicUsize::new(0));
    let liar = Liar::new(move |request, _| {
        if !is_layer(request, &image) {
            return image.answer(request);
        }
        match reads.fetch_add(1, Ordering::Relaxed) {
            0 => Reply::new(
                200,
                Body::Cut(image.layer[..40_000].to_vec(), image.layer.len()),
            ),
            _ => {
                let total = image.layer.len();
                let mut reply = Reply::ok(vec![0; total - 40_000]).with(
                    "Content-Range",
                    &format!("bytes 40000-{}/{total}", total - 1),
                );
                reply.status = 206;
                reply
            }
        }
    });
    let error = refusal(&liar, &Bench::new());
    assert!(error.contains("came with another content"), "{error}");
}

#[test]
fn bodies_without_end_are_cut() {
    let image = Image::new(1_000);
    for endless in ["/manifests/", "/token", "/blobs/"] {
        let honest = image.clone();
        let liar = Liar::new(move |request, _| {
            if request.path.contains(endless) {
                return Reply::new(200, Body::Endless);
            }
            if endless == "/token" {
                let realm = format!("Bearer realm=\"http://{}/token\"", request.headers["host"]);
                return Reply::new(401, Body::Whole(Vec::new())).with("WWW-Authenticate", &realm);
            }
            honest.answer(request)
        });
        let error = refusal(&liar, &Bench::new());
        let expected = match endless {
            "/blobs/" => "its manifest says",
            _ => "is larger than",
        };
        assert!(error.contains(expected), "{endless}: {error}");
    }
}

#[test]
fn redirect_elsewhere_does_not_take_the_token_along() {
    let image = Image::new(10_000);
    let blobs = image.clone();
    let elsewhere = Arc::new(Liar::new(move |request, _| blobs.answer(request)));
    let target = elsewhere.clone();
    let liar = Liar::new(move |request, _| {
        if request.headers.get("authorization").map(String::as_str) != Some("Basic bWU6c2VjcmV0") {
            return Reply::new(401, Body::Whole(Vec::new()))
                .with("WWW-Authenticate", "Basic realm=x");
        }
        match request.path.contains("/blobs/") {
            true => Reply::new(307, Body::Whole(Vec::new()))
                .with("Location", &target.url(&request.path)),
            false => image.answer(request),
        }
    });
    let bench = Bench::new();
    std::fs::create_dir(bench.home().join(".docker")).unwrap();
    let text = format!(
        r#"{{"auths": {{"127.0.0.1:{}": {{"auth": "bWU6c2VjcmV0"}}}}}}"#,
        liar.port
    );
    std::fs::write(bench.home().join(".docker/config.json"), text).unwrap();
    bench.ok(&["pull", &liar.name("x:1")]);
    let requests = elsewhere.requests();
    assert_eq!(requests.len(), 2, "{requests:?}");
    for request in requests {
        assert!(
            !request.headers.contains_key("authorization"),
            "{request:?}"
        );
    }
}

#[test]
fn redirect_without_end_is_given_up() {
    let liar = Liar::new(|request, number| {
        let location = format!("{}?{number}", request.path.split('?').next().unwrap());
        Reply::new(302, Body::Whole(Vec::new())).with("Location", &location)
    });
    let error = refusal(&liar, &Bench::new());
    assert!(error.contains("no end to it"), "{error}");
    assert!(liar.requests().len() < 10);
}

#[test]
fn manifest_that_lists_a_layer_ten_thousand_times_is_refused_before_anything_is_fetched() {
    let image = Image::new(1_000);
    let layer = serde_json::json!({
        "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
        "size": image.layer.len(), "digest": digest(&image.layer),
    });
    let mut manifest: serde_json::Value = serde_json::from_slice(&image.manifest).unwrap();
    manifest["layers"] = serde_json::Value::Array(vec![layer; 10_000]);
    let manifest = manifest.to_string();
    let liar = Liar::new(
        move |request, _| match request.path.contains("/manifests/") {
            true => Reply::ok(manifest.clone()).with("Content-Type", MANIFEST),
            false => image.answer(request),
        },
    );
    let error = refusal(&liar, &Bench::new());
    assert!(error.contains("10000 layers"), "{error}");
    assert_eq!(liar.blobs(), 0);
}

#[test]
fn manifest_in_two_shapes_at_once_and_other_artifacts_are_refused() {
    let image = Image::new(1_000);
    for (key, value) in [
        ("manifests", serde_json::json!([])),
        (
            "mediaType",
            serde_json::json!("application/vnd.oci.image.index.v1+json"),
        ),
        (
            "mediaType",
            serde_json::json!("application/x-\u{1b}[2Jtype"),
        ),
        (
            "config",
            serde_json::json!({"mediaType": "application/vnd.x", "size": 2, "digest": format!("sha256:{}", "0".repeat(64))}),
        ),
    ] {
        let mut manifest: serde_json::Value = serde_json::from_slice(&image.manifest).unwrap();
        manifest[key] = value;
        let manifest = manifest.to_string();
        let liar =
            Liar::new(move |_, _| Reply::ok(manifest.clone()).with("Content-Type", MANIFEST));
        let error = refusal(&liar, &Bench::new());
        assert!(error.contains("the manifest from"), "{error}");
        assert!(!error.contains('\u{1b}'), "{error:?}");
    }
}

#[test]
fn platform_of_an_index_is_chosen_and_a_missing_one_is_told() {
    let tar = tar("file-0", b"hello");
    let images = ["amd64", "arm64"].map(|architecture| Image::of(&tar, architecture));
    let listed = images.iter().zip(["amd64", "arm64"]).map(|(image, architecture)| {
        serde_json::json!({
            "mediaType": MANIFEST, "size": image.manifest.len(), "digest": digest(&image.manifest),
            "platform": { "os": "linux", "architecture": architecture },
        })
    });
    let index = serde_json::json!({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": listed.collect::<Vec<_>>(),
    })
    .to_string();
    let top = digest(index.as_bytes());
    let answers = images.clone();
    let by_tag = index.clone();
    let liar = Liar::new(move |request, _| {
        for image in &answers {
            let digests = [&image.manifest, &image.config, &image.layer].map(|c| digest(c));
            if digests
                .iter()
                .any(|digest| request.path.ends_with(digest.as_str()))
            {
                return image.answer(request);
            }
        }
        Reply::ok(by_tag.clone()).with("Content-Type", "application/vnd.oci.image.index.v1+json")
    });
    let bench = Bench::new();
    let name = liar.name("x:1");
    bench.ok(&["pull", &name]);
    let ask = |template: &str, name: &str| bench.ok(&["image", "inspect", "-f", template, name]);
    assert_eq!(ask("{{.Architecture}}", &name), "amd64");
    assert_eq!(
        ask("{{.Id}}", &name),
        digest(&config(&[digest(&tar)], "amd64"))
    );
    // The name's digest at the registry is the index's, and it is found by it.
    assert_eq!(
        ask("{{json .RepoDigests}}", &name),
        format!("[\"{}@{top}\"]", liar.name("x"))
    );
    let by_digest = format!("{}@{top}", liar.name("x"));
    assert_eq!(ask("{{.Architecture}}", &by_digest), "amd64");
    bench.ok(&["pull", "--platform", "linux/arm64", &name]);
    assert_eq!(ask("{{.Architecture}}", &name), "arm64");
    let error = bench.refused(&["pull", "--platform", "linux/s390x", &name]);
    assert!(
        error.contains("no image for linux/s390x; there is linux/amd64, linux/arm64"),
        "{error}"
    );
    assert!(error.contains("--platform"), "{error}");
}
