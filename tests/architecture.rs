//! Holds the source against the map in the crate doc of `src/lib.rs`: who may import
//! whom, that every folder is on the map, that `main.rs` stays small and that unsafe
//! code stays in `src/sys`.
//!
//! A crate has no layers that the compiler would check, so this test is the law: it
//! reads each `crate::x` path (use-groups and climbing `super::` paths included) as
//! tokens, with comments and literals taken out.

// A test panics where a fact that it stands on does not hold.
#![allow(clippy::unwrap_used)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// One row of the map: a folder, and the folders that it may name.
type Table = BTreeMap<String, BTreeSet<String>>;

#[test]
fn every_import_is_allowed_by_the_table_in_the_crate_doc() {
    let table = table();
    let mut wrong = Vec::new();
    for file in rust_files() {
        // A folder's unit tests drive it as its users do, so they may name what the
        // folder itself may not: the screens' tests need an engine to show.
        if is_for_tests(&file) {
            continue;
        }
        let Some(folder) = folder_of(&file) else {
            continue;
        };
        let allowed = table.get(&folder);
        for (line, target) in crate_paths(&read(&file), depth_of(&file)) {
            let known = table.contains_key(&target) || folder_exists(&target);
            let fine = target == folder || allowed.is_some_and(|row| row.contains(&target));
            if known && !fine {
                wrong.push(format!(
                    "{}:{line}: {folder} may not import {target}",
                    file.display()
                ));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "against the table in src/lib.rs:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn every_top_level_module_is_on_the_map() {
    let table = table();
    let modules: BTreeSet<String> = tokens(&read(&source().join("lib.rs")))
        .windows(2)
        .filter(|pair| pair[0].text == "mod")
        .map(|pair| pair[1].text.clone())
        .collect();
    assert!(!modules.is_empty(), "no modules found in src/lib.rs");
    let missing: Vec<_> = modules.iter().filter(|m| !table.contains_key(*m)).collect();
    assert!(missing.is_empty(), "not in the table: {missing:?}");
    for entry in fs::read_dir(source()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            assert!(
                modules.contains(&name),
                "src/{name} is no module of src/lib.rs"
            );
        }
    }
}

#[test]
fn the_table_has_no_cycle_and_names_only_its_own_rows() {
    let table = table();
    let mut settled: BTreeSet<&str> = BTreeSet::new();
    for row in table.values() {
        for target in row {
            assert!(table.contains_key(target), "{target} has no row");
        }
    }
    while settled.len() < table.len() {
        let next: Vec<&str> = table
            .iter()
            .filter(|(name, row)| {
                !settled.contains(name.as_str()) && row.iter().all(|t| settled.contains(t.as_str()))
            })
            .map(|(name, _)| name.as_str())
            .collect();
        assert!(!next.is_empty(), "the table has a cycle");
        settled.extend(next);
    }
}

#[test]
fn lib_rs_holds_only_the_map_and_modules() {
    let text = read(&source().join("lib.rs"));
    for token in tokens(&text) {
        assert!(
            !matches!(
                token.text.as_str(),
                "fn" | "struct" | "enum" | "use" | "impl" | "trait"
            ),
            "src/lib.rs:{}: `{}` belongs into a folder",
            token.line,
            token.text
        );
    }
}

#[test]
fn main_rs_has_at_most_80_lines() {
    let lines = read(&source().join("main.rs")).lines().count();
    assert!(lines <= 80, "src/main.rs has {lines} lines");
}

#[test]
fn unsafe_code_is_only_in_sys() {
    let mut wrong = Vec::new();
    for file in rust_files() {
        if folder_of(&file).as_deref() == Some("sys") {
            continue;
        }
        for token in tokens(&read(&file)) {
            if token.text == "unsafe" {
                wrong.push(format!("{}:{}", file.display(), token.line));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "unsafe outside src/sys:\n{}",
        wrong.join("\n")
    );
}

/// Whether a file is compiled for unit tests alone: their own files, and the fake engine.
fn is_for_tests(file: &Path) -> bool {
    file.ends_with("tests.rs") || file.ends_with("engine/fake.rs")
}

#[test]
fn no_file_is_longer_than_600_lines_without_its_tests() {
    let mut wrong = Vec::new();
    for file in rust_files().into_iter().filter(|file| !is_for_tests(file)) {
        let text = read(&file);
        let lines = text
            .lines()
            .take_while(|line| *line != "#[cfg(test)]")
            .count();
        if lines > 600 {
            wrong.push(format!("{}: {lines} lines", file.display()));
        }
    }
    assert!(wrong.is_empty(), "split these:\n{}", wrong.join("\n"));
}

#[test]
fn paths_are_found_in_groups_and_behind_super_and_not_in_comments() {
    let text = r#"
        use crate::{alpha::{x, crate_y}, beta, gamma as g};
        // crate::comment /* crate::comment */
        fn f<'a>(c: char) -> &'a str { crate::delta::f('{', "crate::text"); super::super::epsilon::g() }
        mod tests { use super::super::super::zeta; use super::own; }
        pub(crate) fn h() {}
    "#;
    let found: Vec<String> = crate_paths(text, 2).into_iter().map(|(_, t)| t).collect();
    assert_eq!(
        found,
        ["alpha", "beta", "gamma", "delta", "epsilon", "zeta"]
    );
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn folder_exists(name: &str) -> bool {
    source().join(name).is_dir() || source().join(format!("{name}.rs")).is_file()
}

/// The map: rows of the first `text` block of the crate doc, cut at the header's columns.
fn table() -> Table {
    let text = read(&source().join("lib.rs"));
    let block: Vec<&str> = text
        .lines()
        .map_while(|line| line.strip_prefix("//!"))
        .map(|line| line.strip_prefix(' ').unwrap_or(line))
        .skip_while(|line| !line.starts_with("```text"))
        .skip(1)
        .take_while(|line| !line.starts_with("```"))
        .collect();
    let header = block.first().expect("src/lib.rs has a table");
    let column = header
        .find("may import")
        .expect("its header says `may import`");
    block[1..]
        .iter()
        .map(|line| {
            let folder = line.split_whitespace().next().expect("no empty row");
            let imports = line.get(column..).unwrap_or("").split_whitespace();
            (
                folder.to_owned(),
                imports.filter(|i| *i != "-").map(str::to_owned).collect(),
            )
        })
        .collect()
}

fn rust_files() -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![source()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

/// The top-level module that a file belongs to; `None` for `lib.rs` and `main.rs`.
fn folder_of(file: &Path) -> Option<String> {
    let relative = file.strip_prefix(source()).unwrap();
    let first = relative.iter().next().unwrap().to_str().unwrap();
    match first {
        "lib.rs" | "main.rs" => None,
        name => Some(name.trim_end_matches(".rs").to_owned()),
    }
}

/// How many `super::` lead from a file's module to the crate's root.
fn depth_of(file: &Path) -> usize {
    let relative = file.strip_prefix(source()).unwrap();
    let parts = relative.iter().count();
    match relative.file_name().unwrap().to_str().unwrap() {
        "mod.rs" => parts - 1,
        _ => parts,
    }
}

struct Token {
    text: String,
    line: usize,
}

/// Identifiers and single punctuation characters, without comments and literals.
fn tokens(text: &str) -> Vec<Token> {
    let chars: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut line = 1;
    let mut i = 0;
    while i < chars.len() {
        let start = i;
        let c = chars[i];
        let next = chars.get(i + 1).copied();
        if c == '/' && next == Some('/') {
            while i < chars.len() && chars[i] != '\n' {
                i += 1;
            }
        } else if c == '/' && next == Some('*') {
            i = after_block_comment(&chars, i);
        } else if let Some(end) = after_raw_string(&chars, i) {
            i = end;
        } else if c == '"' {
            i = after_quoted(&chars, i, '"');
        } else if c == '\'' && (next == Some('\\') || chars.get(i + 2) == Some(&'\'')) {
            i = after_quoted(&chars, i, '\'');
        } else if c.is_alphanumeric() || c == '_' {
            while i < chars.len() && (chars[i].is_alphanumeric() || chars[i] == '_') {
                i += 1;
            }
            tokens.push(Token {
                text: chars[start..i].iter().collect(),
                line,
            });
        } else {
            if !c.is_whitespace() {
                tokens.push(Token {
                    text: c.into(),
                    line,
                });
            }
            i += 1;
        }
        line += chars[start..i].iter().filter(|c| **c == '\n').count();
    }
    tokens
}

fn after_block_comment(chars: &[char], mut i: usize) -> usize {
    let mut depth = 0;
    while i < chars.len() {
        match (chars[i], chars.get(i + 1)) {
            ('/', Some('*')) => (depth, i) = (depth + 1, i + 2),
            ('*', Some('/')) => (depth, i) = (depth - 1, i + 2),
            _ => i += 1,
        }
        if depth == 0 {
            break;
        }
    }
    i
}

fn after_raw_string(chars: &[char], start: usize) -> Option<usize> {
    if start > 0 && (chars[start - 1].is_alphanumeric() || chars[start - 1] == '_') {
        return None;
    }
    let mut i = start + usize::from(matches!(chars[start], 'b' | 'c'));
    (chars.get(i) == Some(&'r')).then_some(())?;
    i += 1;
    let hashes = chars[i..].iter().take_while(|c| **c == '#').count();
    i += hashes;
    (chars.get(i) == Some(&'"')).then_some(())?;
    i += 1;
    while i < chars.len() {
        let closes = chars[i] == '"'
            && chars[i + 1..]
                .iter()
                .take(hashes)
                .filter(|c| **c == '#')
                .count()
                == hashes;
        if closes {
            return Some(i + 1 + hashes);
        }
        i += 1;
    }
    Some(i)
}

fn after_quoted(chars: &[char], start: usize, quote: char) -> usize {
    let mut i = start + 1;
    while i < chars.len() && chars[i] != quote {
        i += 1 + usize::from(chars[i] == '\\');
    }
    i + 1
}

/// Line and first segment of each path that starts at the crate's root, in a file whose
/// own module lies `depth` below it.
fn crate_paths(text: &str, depth: usize) -> Vec<(usize, String)> {
    let tokens = tokens(text);
    let text_at = |i: usize| tokens.get(i).map_or("", |t| t.text.as_str());
    let separator_at = |i: usize| text_at(i) == ":" && text_at(i + 1) == ":";
    let mut found = Vec::new();
    // For each open brace: whether it opened an inline module.
    let mut braces: Vec<bool> = Vec::new();
    let mut i = 0;
    while i < tokens.len() {
        match text_at(i) {
            "{" => braces.push(i >= 2 && text_at(i - 2) == "mod"),
            "}" => {
                braces.pop();
            }
            "crate" if separator_at(i + 1) => targets(&tokens, i + 3, &mut found),
            "super" if separator_at(i + 1) && (i < 3 || text_at(i - 3) != "super") => {
                let mut end = i;
                let mut climbs = 0;
                while text_at(end) == "super" && separator_at(end + 1) {
                    climbs += 1;
                    end += 3;
                }
                let inline = braces.iter().filter(|is_module| **is_module).count();
                if climbs >= depth + inline {
                    targets(&tokens, end, &mut found);
                }
            }
            _ => {}
        }
        i += 1;
    }
    found
}

/// The first segments that follow `crate::`: one, or those of a group.
fn targets(tokens: &[Token], start: usize, found: &mut Vec<(usize, String)>) {
    let Some(first) = tokens.get(start) else {
        return;
    };
    if first.text != "{" {
        found.push((first.line, first.text.clone()));
        return;
    }
    let mut depth = 0;
    let mut expects_segment = false;
    for token in &tokens[start..] {
        match token.text.as_str() {
            "{" => {
                depth += 1;
                expects_segment = depth == 1;
            }
            "}" => {
                depth -= 1;
                if depth == 0 {
                    return;
                }
            }
            "," => expects_segment = depth == 1,
            name if expects_segment && depth == 1 => {
                found.push((token.line, name.to_owned()));
                expects_segment = false;
            }
            _ => {}
        }
    }
}
