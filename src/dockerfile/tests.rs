use super::*;

fn parse(text: &str) -> Result<Dockerfile, ParseError> {
    Dockerfile::parse(text.as_bytes())
}

fn kinds(text: &str) -> Vec<InstructionKind> {
    let file = parse(&format!("FROM scratch\n{text}")).expect("parses");
    let (_, stages) = stages(&file).expect("makes sense");
    let instructions = stages.into_iter().flat_map(|stage| stage.instructions);
    instructions.map(|instruction| instruction.kind).collect()
}

/// What a file is refused with, from its lines or from its sense.
fn refused(text: &str) -> ParseError {
    let error = parse(text).and_then(|file| stages(&file).map(|_| ()));
    error.expect_err(text)
}

#[test]
fn lines_join_and_comments_and_blanks_inside_fall_out() {
    let file = parse(
        "\u{feff}FROM a\nRUN one \\\n  # a comment\n\n  two \\  \n  three\nRUN four\\\\\nUSER x\n",
    )
    .unwrap();
    let texts: Vec<_> = file.statements.iter().map(|s| s.text.as_str()).collect();
    assert_eq!(
        texts,
        ["FROM a", "RUN one   two   three", "RUN four\\\\", "USER x"]
    );
    assert_eq!(file.statements[1].lines, 2..=6);
    assert_eq!(file.statements[1].blank, Some(4));
}

#[test]
fn directives_stand_at_the_top_and_once() {
    let file = parse("# syntax=docker/dockerfile:1\n# Escape = `\nFROM a\nRUN x `\n y\n").unwrap();
    assert_eq!(
        file.directives.syntax.as_deref(),
        Some("docker/dockerfile:1")
    );
    assert_eq!(file.directives.escape, '`');
    assert_eq!(file.statements[1].arguments, ["x  y"]);
    let later = parse("# a comment\n# escape=`\nFROM a\n").unwrap();
    assert_eq!(later.directives.escape, '\\');
    assert_eq!(later.statements[0].comments, ["a comment", "escape=`"]);
    assert_eq!(refused("# escape=\\\n# escape=`\nFROM a").lines, 2..=2);
    assert_eq!(refused("# escape=x\nFROM a").lines, 1..=1);
}

#[test]
fn heredocs_become_scripts_and_files() {
    let text = "RUN <<EOF cat\na\n\tEOF\nEOF\nCOPY <<-A <<'B' x /d/\n\tone\n\tA\ntwo $x\nB\n";
    let [InstructionKind::Run(run), InstructionKind::Copy(copy)] = &kinds(text)[..] else {
        panic!("a RUN and a COPY");
    };
    assert_eq!(run.heredocs[0].content, "a\n\tEOF\n");
    assert_eq!(run.command.words, ["<<EOF cat"]);
    let files = copy.sources.files.iter();
    let files: Vec<_> = files
        .map(|file| (file.name.as_str(), file.content.as_str(), file.expands))
        .collect();
    assert_eq!(files, [("A", "one\n", true), ("B", "two $x\n", false)]);
    assert_eq!(copy.sources.paths, ["x"]);
    assert!(
        refused("FROM a\nRUN <<E\nx\n")
            .message
            .contains("has no end")
    );
    // An array is no shell text: nothing opens in it.
    assert_eq!(kinds("COPY [\"<<E\", \"/d\"]").len(), 1);
}

#[test]
fn every_instruction_is_typed() {
    let text = "ARG a b=c\nENV A=b C=\"d e\"\nLABEL x y z\nEXPOSE 80 81/udp\nVOLUME [\"/a\"]\n\
        WORKDIR /x y\nUSER 1:2\nSTOPSIGNAL 9\nSHELL [\"/bin/sh\"]\nMAINTAINER me myself\n\
        ENTRYPOINT [\"a\", \"b\"]\nCMD a b\nONBUILD RUN x\nHEALTHCHECK NONE\n\
        ADD --checksum=sha256:0 --unpack=false a /b";
    let kinds = kinds(text);
    assert_eq!(
        kinds[0],
        InstructionKind::Arg(vec![("a".into(), None), ("b".into(), Some("c".into()))])
    );
    assert_eq!(
        kinds[1],
        InstructionKind::Env(vec![
            ("A".into(), "b".into()),
            ("C".into(), "\"d e\"".into())
        ])
    );
    assert_eq!(
        kinds[2],
        InstructionKind::Label(vec![("x".into(), "y z".into())])
    );
    assert_eq!(kinds[5], InstructionKind::Workdir("/x y".into()));
    assert_eq!(kinds[12], InstructionKind::Onbuild("RUN x".into()));
    assert!(matches!(&kinds[10], InstructionKind::Entrypoint(c) if !c.by_shell));
    assert!(matches!(&kinds[11], InstructionKind::Cmd(c) if c.by_shell && c.words == ["a b"]));
    assert!(matches!(&kinds[14], InstructionKind::Add(c) if c.unpack == Some(false)));
}

#[test]
fn stages_have_names_and_arguments_come_before_them() {
    let file = parse("ARG V=1\nFROM --platform=$P base:$V AS Build\nRUN x\nFROM build\n").unwrap();
    let (arguments, stages) = stages(&file).unwrap();
    assert_eq!(arguments.len(), 1);
    assert_eq!(stages[0].name.as_deref(), Some("build"));
    assert_eq!(stages[0].platform.as_deref(), Some("$P"));
    assert_eq!(stages[1].base, "build");
}

#[test]
fn health_checks_read_their_times() {
    let [InstructionKind::Healthcheck(health)] =
        &kinds("HEALTHCHECK --interval=1m30s --timeout=500ms --retries=3 CMD [\"a\"]")[..]
    else {
        panic!("a health check");
    };
    assert_eq!(health.interval, Some(std::time::Duration::from_secs(90)));
    assert_eq!(health.timeout, Some(std::time::Duration::from_millis(500)));
    assert_eq!(health.retries, Some(3));
}

#[test]
fn mounts_are_read_and_checked() {
    let mount = |text: &str| Mount::parse(text, &|value| Ok(value.to_owned()));
    let cache = mount("type=cache,target=/c,sharing=locked,mode=0700").unwrap();
    assert_eq!((cache.kind, cache.mode), (MountKind::Cache, Some(0o700)));
    assert!(!cache.is_read_only && mount("target=/x").unwrap().is_read_only);
    assert_eq!(
        mount("type=tmpfs,target=/t,size=1m").unwrap().size,
        Some(1 << 20)
    );
    for bad in [
        "type=odd",
        "type=bind,mode=1",
        "type=bind,sharing=shared",
        "type=secret",
        "type=secret,id=a,source=b",
        "from=$x,target=/y",
        "size=1",
        "odd=1",
        "target",
    ] {
        assert!(mount(bad).is_err(), "{bad}");
    }
}

#[test]
fn what_makes_no_sense_is_refused_with_its_line() {
    for (text, line, says) in [
        ("", 1, "no instructions"),
        ("# only a comment\n", 1, "no instructions"),
        ("RUN x", 1, "before any FROM"),
        ("ARG x", 1, "no FROM"),
        ("FROM a b", 1, "FROM image AS name"),
        ("FROM a AS 1", 1, "can't name a stage"),
        ("FROM a\nRUNN x", 2, "there is no instruction RUNN"),
        ("FROM a\n\nCOPY x", 3, "where to"),
        ("FROM a\nCOPY --form=x a b", 2, "no flag --form"),
        ("FROM a\nCOPY --from=x --from=y a b", 2, "twice"),
        ("FROM a\nCOPY --link=odd a b", 2, "neither true nor false"),
        ("FROM a\nENV x", 2, "a name and a value"),
        ("FROM a\nENV =x", 2, "is empty"),
        ("FROM a\nSHELL sh", 2, "JSON array"),
        ("FROM a\nONBUILD ONBUILD RUN x", 2, "ONBUILD"),
        ("FROM a\nONBUILD FROM x", 2, "trigger"),
        ("FROM a\nHEALTHCHECK CMD", 2, "needs a command"),
        ("FROM a\nHEALTHCHECK --interval=soon CMD x", 2, "no time"),
        ("FROM a\nRUN --network=odd x", 2, "default, none, host"),
        ("FROM a\nCMD [1]", 2, "no string"),
        ("FROM a\nUSER", 2, "exactly one"),
        ("FROM a\nWORKDIR --x /y", 2, "has none"),
    ] {
        let error = refused(text);
        assert_eq!(*error.lines.start(), line, "{text:?}: {error}");
        assert!(error.message.contains(says), "{text:?}: {error}");
    }
    assert_eq!(
        refused("FROM a\nCOPPY x y").hint.as_deref(),
        Some("did you mean COPY?")
    );
    assert_eq!(
        *Dockerfile::parse(b"FROM a\nRUN \xff")
            .unwrap_err()
            .lines
            .start(),
        2
    );
}

proptest::proptest! {
    #[test]
    fn no_file_makes_it_panic(text in "(FROM|RUN|COPY|ENV|ONBUILD|[ \\\\\"'<>=\\[\\]#a-z\n-]){0,60}") {
        if let Ok(file) = parse(&text) {
            let _ = stages(&file);
        }
    }
}
