//! What engines do otherwise than the suite says, and why that is so.

/// An engine, a behaviour, and the reason.
const DIFFERENCES: &[(&str, &str, &str)] = &[
    (
        "podman",
        "limits_are_changed_while_it_runs",
        "podman 4.3 has no /containers/ID/update",
    ),
    (
        "podman",
        "container_that_removes_itself_tells_its_exit_first",
        "podman 4.3 answers 0 to whoever waits for the removal",
    ),
    (
        "podman",
        "detached_exec_is_waited_for",
        "podman 4.3 says of a detached exec that it runs, also when it has ended",
    ),
];

/// Why an engine may fail a behaviour.
pub fn difference(engine: &str, behaviour: &str) -> Option<&'static str> {
    let row = DIFFERENCES
        .iter()
        .find(|(of, what, _)| *of == engine && *what == behaviour)?;
    Some(row.2)
}
