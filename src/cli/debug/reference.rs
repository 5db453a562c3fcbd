//! `wharf debug reference`: how names of images are read and completed, as JSON, so that
//! it can be held against any other implementation.

use serde_json::{Value, json};

use crate::{
    cli::{failure::Outcome, output::line},
    engine::Reference,
};

/// Prints a line for each name; exit code 1 if one of them is none.
pub fn show(names: &[String]) -> Outcome {
    let mut code = 0;
    for name in names {
        let read = read(name);
        if read.get("error").is_some() {
            code = 1;
        }
        line(&read.to_string())?;
    }
    Ok(code)
}

fn read(name: &str) -> Value {
    match Reference::parse(name) {
        Ok(reference) => json!({
            "input": name,
            "registry": reference.domain(),
            "repository": reference.path(),
            "tag": reference.tag(),
            "digest": reference.any_digest(),
            "familiar": reference.familiar(),
            "full": reference.to_string(),
        }),
        Err(error) => json!({ "input": name, "error": error.to_string() }),
    }
}
