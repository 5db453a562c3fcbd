//! `wharf debug dockerfile|ignore|words`: how the builder reads what it is given, as
//! JSON, so that it can be held against any other implementation.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use serde_json::{Value, json};

use crate::{
    cli::{
        failure::{Failure, Outcome},
        output::line,
    },
    dockerfile::{
        self, Dockerfile,
        expand::{Expander, last_of},
        ignore::{self, Ignore},
    },
};

/// Prints what a Dockerfile says and means.
pub fn show(file: &Path) -> Outcome {
    let text = read(file, dockerfile::LONGEST as u64)?;
    let failed = |error: dockerfile::ParseError| {
        let failure = Failure::new(format!("{}: {error}", file.display()));
        match error.hint {
            Some(hint) => failure.with_hint(hint),
            None => failure,
        }
    };
    let parsed = Dockerfile::parse(&text).map_err(failed)?;
    let (arguments, stages) = dockerfile::stages(&parsed).map_err(failed)?;
    print(&json!({
        "directives": parsed.directives,
        "statements": parsed.statements,
        "arguments": arguments,
        "stages": stages,
    }))
}

/// Prints for each path whether it is left out, and which pattern decides.
pub fn show_ignored(file: &Path, paths: &[String]) -> Outcome {
    let text = String::from_utf8(read(file, ignore::LONGEST)?)
        .map_err(|_| Failure::new(format!("{}: the text is not UTF-8", file.display())))?;
    let ignore = Ignore::parse(&text)
        .map_err(|error| Failure::new(format!("{}: {error}", file.display())))?;
    let decided = paths.iter().map(|path| {
        let clean = ignore::clean(path);
        let pattern = ignore.decides(&clean);
        json!({
            "path": path,
            "ignored": ignore.leaves_out(&clean),
            "pattern": pattern.map(|pattern| &pattern.text),
            "line": pattern.map(|pattern| pattern.line),
        })
    });
    let patterns = ignore.patterns().iter().map(|pattern| {
        json!({"pattern": pattern.text, "exclusion": pattern.includes, "line": pattern.line})
    });
    print(&json!({
        "patterns": patterns.collect::<Vec<_>>(),
        "paths": decided.collect::<Vec<_>>(),
    }))
}

/// Prints what each word becomes; one that can't be read says why.
pub fn show_words(environment: &[String], escape: char, words: &[String]) -> Outcome {
    let lookup = |name: &str| last_of(environment, name).map(str::to_owned);
    let read = words
        .iter()
        .map(|word| match Expander::new(escape).expand(word, &lookup) {
            Ok(expanded) => json!({
                "word": word,
                "expanded": expanded.text,
                "words": expanded.words,
                "matched": expanded.used,
                "unmatched": expanded.unset,
            }),
            Err(error) => json!({"word": word, "error": error.to_string()}),
        });
    print(&Value::Array(read.collect()))
}

fn read(file: &Path, longest: u64) -> Result<Vec<u8>, Failure> {
    let failed = |error: io::Error| Failure::new(format!("read {}: {error}", file.display()));
    let source: Box<dyn Read> = match file.to_str() {
        Some("-") => Box::new(io::stdin()),
        _ => Box::new(File::open(file).map_err(failed)?),
    };
    let mut text = Vec::new();
    source
        .take(longest + 1)
        .read_to_end(&mut text)
        .map_err(failed)?;
    if text.len() as u64 > longest {
        let message = format!("{}: it has more than {longest} bytes", file.display());
        return Err(Failure::new(message));
    }
    Ok(text)
}

fn print(value: &Value) -> Outcome {
    let text =
        serde_json::to_string_pretty(value).map_err(|error| Failure::new(error.to_string()))?;
    line(&text)?;
    Ok(0)
}
