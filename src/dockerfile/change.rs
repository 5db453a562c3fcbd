//! One instruction as a change of an image's config, as `commit --change` takes it.

use super::{
    InstructionKind, Settings,
    expand::{Expander, last_of},
    instruction::Instruction,
};

/// Reads instructions that change a config and nothing else, in docker's words.
///
/// # Errors
/// The first that can't be read, or that does more.
pub fn changes(texts: &[String]) -> Result<Vec<InstructionKind>, String> {
    let kinds = texts.iter().map(|text| {
        let instruction = Instruction::of_trigger(text, '\\').map_err(|error| error.message)?;
        match instruction.kind {
            InstructionKind::Add(_)
            | InstructionKind::Arg(_)
            | InstructionKind::Copy(_)
            | InstructionKind::Maintainer(_)
            | InstructionKind::Run(_)
            | InstructionKind::Shell(_) => {
                let word = text.split_whitespace().next().unwrap_or_default();
                Err(format!("{word} changes more than a config"))
            }
            kind => Ok(kind),
        }
    });
    kinds.collect()
}

/// Does what they say, in their order; variables are those of the config.
///
/// # Errors
/// Words that can't be read, or that mean nothing; in words.
pub fn change(settings: &mut Settings, changes: &[InstructionKind]) -> Result<(), String> {
    // The old command was made for the old entrypoint, but one that comes along isn't.
    let is_command = |kind: &InstructionKind| matches!(kind, InstructionKind::Cmd(_));
    let has_own_cmd = changes.iter().any(is_command);
    for kind in changes {
        let env = settings.env.clone();
        let lookup = |name: &str| last_of(&env, name).map(str::to_owned);
        let expand = |word: &str| Expander::new('\\').expand(word, &lookup);
        settings.apply(kind, &expand, has_own_cmd)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn changed(texts: &[&str]) -> Value {
        let mut settings: Settings = serde_json::from_value(json!({
            "Cmd": ["old"], "Env": ["PATH=/bin", "A=1"], "WorkingDir": "/srv", "Labels": null,
        }))
        .unwrap();
        let texts: Vec<_> = texts.iter().map(|text| (*text).to_owned()).collect();
        change(&mut settings, &changes(&texts).unwrap()).unwrap();
        serde_json::to_value(settings).unwrap()
    }

    #[test]
    fn each_instruction_changes_its_part_of_the_config() {
        let config = changed(&[
            "ENV A=2 B='x y' C=\"q\"",
            "env D one two",
            "EXPOSE 80 53/udp",
            "LABEL a.b=c d=\"e f\"",
            "USER 1:2",
            "VOLUME [\"/a b\"]",
            "WORKDIR sub dir",
            "STOPSIGNAL SIGQUIT",
            "ONBUILD RUN make",
            "HEALTHCHECK --interval=1m --retries=3 CMD curl x || exit 1",
        ]);
        assert_eq!(
            config,
            json!({
                "Cmd": ["old"],
                "Env": ["PATH=/bin", "A=2", "B=x y", "C=q", "D=one two"],
                "WorkingDir": "/srv/sub dir",
                "Labels": { "a.b": "c", "d": "e f" },
                "ExposedPorts": { "80/tcp": {}, "53/udp": {} },
                "User": "1:2",
                "Volumes": { "/a b": {} },
                "StopSignal": "SIGQUIT",
                "OnBuild": ["RUN make"],
                "Healthcheck": {
                    "Interval": 60_000_000_000_u64, "Retries": 3,
                    "Test": ["CMD-SHELL", "curl x || exit 1"],
                },
            })
        );
    }

    #[test]
    fn an_entrypoint_clears_the_command_unless_one_is_given_too() {
        assert_eq!(changed(&["ENTRYPOINT [\"/x\"]"]).get("Cmd"), None);
        let config = changed(&["CMD echo hi", "ENTRYPOINT [\"/x\"]"]);
        assert_eq!(config["Cmd"], json!(["/bin/sh", "-c", "echo hi"]));
        assert_eq!(config["Entrypoint"], json!(["/x"]));
    }

    #[test]
    fn what_is_no_change_of_a_config_is_refused() {
        for bad in [
            "",
            "RUN make",
            "COPY a b",
            "ENV A",
            "HEALTHCHECK curl",
            "HEALTHCHECK --retries=x CMD a",
        ] {
            assert!(changes(&[bad.to_owned()]).is_err(), "{bad}");
        }
        for bad in [
            "ENV A='x",
            "EXPOSE 0",
            "EXPOSE x",
            "EXPOSE 5-3",
            "EXPOSE 80/icmp",
        ] {
            let kinds = changes(&[bad.to_owned()]).unwrap();
            assert!(change(&mut Settings::default(), &kinds).is_err(), "{bad}");
        }
    }
}
