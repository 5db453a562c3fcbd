//! The steps, and what each comes to.
//!
//! A step is a line: a command of the shell, in a directory of its own, with `docker` the
//! client under test. A line `GET PATH` (or another method, and JSON for a body) asks the
//! daemon itself. Before a command stands `-` where it is only to be done, and `?` where it is repeated until it is.

use std::{collections::BTreeMap, env, fs, path::Path, process::Command, time::Instant};

use serde_json::{Value, json};

use crate::{
    engines::Side,
    support::process::{eventually, finish},
};

/// One file of them.
pub struct File {
    /// `logs`
    pub name: String,
    lines: Vec<String>,
}

/// All files, or those that are asked for.
pub fn files() -> Vec<File> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/compare/steps");
    let asked = env::var("WHARF_COMPARE").ok();
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let is_asked = |asked: &String| asked.split(',').any(|word| word == name);
        if asked.as_ref().is_none_or(is_asked) {
            let text = fs::read_to_string(&path).unwrap();
            let lines = text.lines().map(str::trim);
            let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
            let lines = lines.map(str::to_owned).collect();
            files.push(File { name, lines });
        }
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    files
}

/// Takes all steps of a file; what each that is compared came to, by its name.
pub fn take(file: &File, side: &Side) -> Vec<(String, Value)> {
    let mut results = Vec::new();
    let mut times = BTreeMap::new();
    for line in &file.lines {
        if let Some(command) = line.strip_prefix("- ") {
            let done = finish(side.shell(command), b"");
            let told = match done.code {
                0 => Value::Null,
                _ => side.plain.value(&done.stderr),
            };
            results.push((format!("{}: {line} ", file.name), told));
            continue;
        }
        if let Some(command) = line.strip_prefix("? ") {
            eventually(&format!("{} {command}", side.name), || {
                finish(side.shell(command), b"").code == 0
            });
            continue;
        }
        let begun = Instant::now();
        let outcome = match method(line) {
            Some((method, rest)) => ask(side, method, rest),
            None => {
                let done = finish(side.shell(line), b"");
                json!({
                    "code": done.code,
                    "out": side.plain.value(&done.stdout),
                    "err": side.plain.value(&done.stderr),
                })
            }
        };
        if env::var_os("WHARF_COMPARE_TIMES").is_some() {
            eprintln!("{:>8.3?} {} {line}", begun.elapsed(), side.name);
        }
        let times = times.entry(line).or_insert(0);
        *times += 1;
        let again = match times {
            1 => String::new(),
            n => format!(" #{n}"),
        };
        results.push((format!("{}: {line}{again} ", file.name), outcome));
    }
    results
}

fn method(line: &str) -> Option<(&str, &str)> {
    let (method, rest) = line.split_once(' ')?;
    let is_one = ["GET", "HEAD", "POST", "PUT", "DELETE"].contains(&method);
    is_one.then_some((method, rest))
}

/// What the daemon itself answers: status, kind, body.
fn ask(side: &Side, method: &str, rest: &str) -> Value {
    let (path, body) = rest.split_once(' ').unwrap_or((rest, ""));
    let mut command = Command::new("curl");
    command.args(["-sS", "-m", "30", "-g", "-X", method]);
    command.args(["-w", "\n%{http_code} %{content_type}", "--unix-socket"]);
    command.arg(&side.socket);
    if method == "HEAD" {
        command.arg("-I");
    }
    if !body.is_empty() {
        command.args(["-H", "Content-Type: application/json", "-d", body]);
    }
    // As clients write what stands in a filter.
    let path = path
        .replace('{', "%7B")
        .replace('}', "%7D")
        .replace('"', "%22");
    command.arg(format!("http://docker/v1.41{path}"));
    let done = finish(command, b"");
    let (body, last) = done.stdout.rsplit_once('\n').unwrap_or_default();
    let body = match method {
        "HEAD" => side.plain.headers(body),
        _ => side.plain.value(body),
    };
    json!({
        "status": last,
        "body": body,
        "err": done.stderr,
    })
}
