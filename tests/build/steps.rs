//! What instructions do to an image.

use serde_json::json;

use crate::Project;

#[test]
fn every_instruction_ends_up_in_the_image() {
    let project = Project::new(
        "ARG WHO=world\n\
         FROM BASE AS base\n\
         ARG WHO\n\
         ENV GREETING=hello NAME=\"$WHO\"\n\
         RUN echo \"$GREETING $NAME\" > /said\n\
         FROM base\n\
         LABEL a=b c.d=\"e f\"\n\
         WORKDIR /srv/app\n\
         WORKDIR data\n\
         RUN pwd > /where && id -u >> /where\n\
         USER 1000:7\n\
         RUN id -u > /tmp/who; id -g >> /tmp/who\n\
         EXPOSE 80 53/udp\n\
         VOLUME /data\n\
         STOPSIGNAL SIGQUIT\n\
         HEALTHCHECK --interval=5s CMD true\n\
         SHELL [\"/bin/sh\", \"-e\", \"-c\"]\n\
         ENTRYPOINT [\"echo\"]\n\
         CMD [\"hi\", \"there\"]\n",
    );
    project.build(&["--build-arg", "WHO=you"]);
    assert_eq!(project.engine.ok(&["run", "--rm", "it"]), "hi there");
    let said = project.shell("cat /said /where /tmp/who; stat -c %u:%a /srv/app/data");
    assert_eq!(said, "hello you\n/srv/app/data\n0\n1000\n7\n0:755");
    let config = project.config();
    for (field, value) in [
        ("User", json!("1000:7")),
        ("WorkingDir", json!("/srv/app/data")),
        ("Labels", json!({"a": "b", "c.d": "e f"})),
        ("ExposedPorts", json!({"80/tcp": {}, "53/udp": {}})),
        ("Volumes", json!({"/data": {}})),
        ("StopSignal", json!("SIGQUIT")),
        ("Cmd", json!(["hi", "there"])),
        ("Entrypoint", json!(["echo"])),
        ("Shell", json!(["/bin/sh", "-e", "-c"])),
    ] {
        assert_eq!(config[field], value, "{field}");
    }
    assert_eq!(config["Healthcheck"]["Test"], json!(["CMD-SHELL", "true"]));
    let env = config["Env"].as_array().unwrap();
    assert!(env.contains(&json!("NAME=you")), "{env:?}");
}

#[test]
fn a_second_build_takes_every_step_from_the_cache_and_a_change_only_what_follows() {
    let project = Project::new("FROM BASE\nRUN echo a > /a\nCOPY f /f\nRUN cat /f > /g\n");
    project.file("f", "one");
    let first = project.build(&[]);
    assert_eq!(project.cached(&first), (0, 3), "{first}");
    let id = project.engine.ok(&[
        "image",
        "inspect",
        "--format",
        "{{json .RootFS.Layers}}",
        "it",
    ]);
    // A time is no content.
    project.file("f", "one");
    let second = project.build(&[]);
    assert_eq!(project.cached(&second), (3, 0), "{second}");
    let again = project.engine.ok(&[
        "image",
        "inspect",
        "--format",
        "{{json .RootFS.Layers}}",
        "it",
    ]);
    assert_eq!(id, again);
    project.file("f", "two");
    let third = project.build(&[]);
    assert_eq!(project.cached(&third), (1, 2), "{third}");
    assert_eq!(project.shell("cat /a /g"), "a\ntwo");
    let fourth = project.build(&["--no-cache"]);
    assert_eq!(project.cached(&fourth), (0, 3), "{fourth}");
}

#[test]
fn stages_copy_from_each_other_and_unused_ones_are_skipped() {
    let project = Project::new(
        "FROM BASE AS unused\nRUN false\n\
         FROM BASE AS one\nRUN mkdir /out && echo 1 > /out/one && chown 5:6 /out/one\n\
         FROM BASE AS two\nRUN echo 2 > /two\n\
         FROM scratch\n\
         COPY --from=BASE /bin /bin\n\
         COPY --from=one /out /out\n\
         COPY --from=2 --chown=7:8 --chmod=0600 /two /out/two\n",
    );
    project.build(&[]);
    let said = project.shell("cat /out/one /out/two; stat -c %u:%g:%a /out/one /out/two");
    assert_eq!(said, "1\n2\n5:6:644\n7:8:600");
    let refused = project.try_build(&["--target", "unused"]);
    assert_eq!(refused.code, 1);
}

#[test]
fn step_on_nothing_makes_an_image_of_what_it_wrote() {
    let project = Project::new(
        "FROM scratch\n\
         RUN --mount=type=bind,from=BASE,target=/t [\"/t/bin/sh\", \"-c\", \
         \"/t/bin/mkdir /bin && /t/bin/cp -a /t/bin/* /bin\"]\n",
    );
    for epoch in [
        &[][..],
        &["--build-arg", "SOURCE_DATE_EPOCH=7", "--no-cache"],
    ] {
        project.build(epoch);
        let shown = "ls -d /bin/sh; find / -xdev -type c | grep -v ^/dev/ | wc -l";
        assert_eq!(project.shell(shown), "/bin/sh\n0");
        project.engine.ok(&["image", "verify"]);
    }
}

#[test]
fn heredocs_are_scripts_and_files() {
    let project = Project::new(
        "FROM BASE\nENV A=b\n\
         RUN <<EOF\necho one > /x\necho two >> /x\nEOF\n\
         RUN <<'EOF' cat > /y\n$A stays\nEOF\n\
         RUN <<EOF\n#!/bin/sh -e\necho script > /z\nEOF\n\
         COPY <<EOF <<\"RAW\" /d/\n$A here\nEOF\n$A raw\nRAW\n",
    );
    project.build(&[]);
    let said = project.shell("cat /x /y /z /d/EOF /d/RAW");
    assert_eq!(said, "one\ntwo\n$A stays\nscript\nb here\n$A raw");
    // The place of the script is no part of the image.
    assert_eq!(
        project.shell("ls -A /dev"),
        project.shell("ls -A /dev | grep -v pipes")
    );
}

#[test]
fn mounts_are_there_for_their_step_only() {
    let project = Project::new(
        "FROM BASE AS src\nRUN echo from-stage > /f\n\
         FROM BASE\n\
         RUN --mount=type=cache,target=/c date +%N >> /c/log; wc -l < /c/log > /count\n\
         RUN --mount=type=tmpfs,target=/t touch /t/x\n\
         RUN --mount=target=/ctx cp /ctx/f /f1\n\
         RUN --mount=from=src,source=/f,target=/f2 cp /f2 /f3\n\
         RUN --mount=type=secret,id=key cp /run/secrets/key /dev/null && test -s /run/secrets/key\n",
    );
    project.file("f", "from-context\n");
    let secret = project.context.path().join("secret");
    std::fs::write(&secret, "s3cr3t-of-the-test").unwrap();
    let flag = format!("id=key,src={}", secret.display());
    project.file(".dockerignore", "secret\n");
    project.build(&["--secret", &flag]);
    project.build(&["--secret", &flag, "--no-cache"]);
    let said =
        project.shell("cat /count /f1 /f3; ls -A /c /t /ctx /run/secrets 2>/dev/null || true");
    assert!(said.starts_with("2\nfrom-context\nfrom-stage"), "{said}");
    // In no layer, config, cache or log of the engine.
    let grep = std::process::Command::new("grep")
        .args(["-rl", "s3cr3t-of-the-test"])
        .arg(project.engine.root())
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&grep.stdout), "");
    let missing = project.try_build(&["--no-cache"]);
    assert_ne!(missing.code, 0);
}

#[test]
fn onbuild_runs_in_the_next_image() {
    let project = Project::new("FROM BASE\nONBUILD COPY f /f\nONBUILD RUN cat /f > /g\n");
    project.file("f", "x");
    project.build(&["-t", "mother"]);
    project.dockerfile("FROM mother\nRUN echo y >> /g\n");
    project.build(&[]);
    assert_eq!(project.shell("cat /g"), "xy");
    assert_eq!(project.config()["OnBuild"], json!(null));
}

#[test]
fn builds_with_one_epoch_are_the_same_byte_for_byte() {
    let text = "FROM BASE\nCOPY f /d/f\nRUN echo x > /x && mkdir /y\nWORKDIR /w\n";
    let layers = [0, 1].map(|_| {
        let project = Project::new(text);
        project.file("f", "x");
        project.build(&["--build-arg", "SOURCE_DATE_EPOCH=1700000000"]);
        let layers = [
            "image",
            "inspect",
            "--format",
            "{{json .RootFS.Layers}}",
            "it",
        ];
        project.engine.ok(&layers)
    });
    // The base was imported at two times, so that its history differs: nothing else.
    assert_eq!(layers[0], layers[1]);
}

#[test]
fn output_comes_with_its_step_and_the_id_at_the_end() {
    let project = Project::new("FROM BASE\nRUN echo to-stdout; echo to-stderr >&2\n");
    let done = project.try_build(&[]);
    assert!(done.stderr.contains("#0 to-stdout\n") && done.stderr.contains("#0 to-stderr\n"));
    let id = project
        .engine
        .ok(&["image", "inspect", "--format", "{{.Id}}", "it"]);
    assert_eq!(done.stdout.trim(), id);
    let quiet = project.try_build(&["-q"]);
    assert_eq!(
        (quiet.stdout.trim(), quiet.stderr.as_str()),
        (id.as_str(), "")
    );
    let json = project.try_build(&["--progress", "json"]);
    let last = json.stdout.lines().last().unwrap();
    let last: serde_json::Value = serde_json::from_str(last).unwrap();
    assert_eq!(last["event"], "built");
}
