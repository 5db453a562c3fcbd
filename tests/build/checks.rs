//! `build --check`, and what is told at the end of a build.

use crate::Project;

const FILE: &str = "FROM BASE AS Base\nENV A b\nENV B=$PAHT\nCMD echo\n";

#[test]
fn a_check_tells_what_breaks_a_rule_and_builds_nothing() {
    let project = Project::new(FILE);
    let said = project.try_build(&["--check"]);
    assert_eq!(said.code, 1, "{said:?}");
    for (rule, line) in [
        ("StageNameCasing", 1),
        ("LegacyKeyValueFormat", 2),
        ("JSONArgsRecommended", 4),
    ] {
        assert!(
            said.stdout.contains(&format!("WARNING: {rule} - https://")),
            "{said:?}"
        );
        assert!(
            said.stdout.contains(&format!("Dockerfile:{line}\n")),
            "{said:?}"
        );
    }
    assert!(
        said.stdout.contains("warnings have been found!"),
        "{said:?}"
    );
    assert_eq!(project.engine.run(&["image", "inspect", "it"]).code, 1);
    let json = project.try_build(&["--check", "--json"]);
    let rules: Vec<_> = json
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .filter(|event| event["event"] == "warning")
        .map(|event| event["rule"].as_str().unwrap().to_owned())
        .collect();
    assert!(rules.contains(&"StageNameCasing".to_owned()), "{rules:?}");
    project.dockerfile("FROM BASE\nCMD [\"x\"]\n");
    let clean = project.try_build(&["--check"]);
    assert_eq!(
        (clean.code, clean.stdout.trim()),
        (0, "Check complete, no warnings found.")
    );
}

#[test]
fn a_build_tells_at_its_end_and_a_directive_makes_it_fail() {
    let project = Project::new(FILE);
    let said = project.build(&[]);
    assert!(
        said.contains(" - StageNameCasing: Stage name 'Base' should be lowercase (line 1)"),
        "{said}"
    );
    project.dockerfile(&format!("# check=skip=StageNameCasing;error=true\n{FILE}"));
    let failed = project.try_build(&[]);
    assert_eq!(failed.code, 1, "{failed:?}");
    assert!(
        failed.stderr.contains("Dockerfile:3: LegacyKeyValueFormat"),
        "{failed:?}"
    );
    project.dockerfile(&format!("# check=skip=all\n{FILE}"));
    assert!(!project.build(&[]).contains("warning"));
}
