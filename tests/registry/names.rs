//! `debug reference`: how names are read.

use crate::bench::Bench;

#[test]
fn names_are_printed_normalised_and_errors_as_such() {
    let bench = Bench::new();
    let names = ["debian", "reg:5000/a/b:t@sha256:12", "Reg.io/x"];
    let done = bench.run(&[&["debug", "reference"][..], &names].concat());
    assert_eq!(done.code, 1, "{done:?}");
    let lines: Vec<serde_json::Value> = done
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[0]["registry"], "docker.io");
    assert_eq!(lines[0]["repository"], "library/debian");
    assert_eq!(lines[0]["tag"], "latest");
    assert_eq!(lines[0]["digest"], serde_json::Value::Null);
    assert_eq!(lines[0]["familiar"], "debian:latest");
    assert!(lines[1]["error"].as_str().unwrap().contains("sha256:12"));
    assert_eq!(lines[2]["registry"], "Reg.io");
}
