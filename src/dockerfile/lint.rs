//! What a Dockerfile does that it may and had better not: the rules of `build --check`,
//! by the names that the Dockerfile reference has for them.
//!
//! All of it is known from the text, but for the environment of base images, which who
//! asks may know. A rule can be skipped, or warnings made errors, by the `check` directive.

use std::collections::{BTreeMap, BTreeSet};

use regex_lite::Regex;

use super::{
    Dockerfile, Instruction, InstructionKind, Settings, Stage, Statement,
    expand::{Expanded, Expander},
    ignore::{Ignore, clean},
    words,
};

/// Something that had better not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The rule.
    pub rule: &'static str,
    /// What is there, and what should be.
    pub message: String,
    /// The line, from 1.
    pub line: usize,
}

/// What is asked of the rules: the `check` directive's `skip=A,B;error=true`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checks {
    skips: BTreeSet<String>,
    tries: BTreeSet<String>,
    /// Whether a warning fails the build.
    pub is_error: bool,
}

/// What the rules hold a file against, beside its text.
pub struct Surroundings<'a> {
    /// `--build-arg`.
    pub arguments: &'a BTreeMap<String, String>,
    /// Names that are there in every `FROM` and can be declared, such as `TARGETARCH`.
    pub platform: &'a BTreeMap<String, String>,
    /// The environment of a base image, where it is known.
    pub environment: &'a dyn Fn(&str) -> Option<Vec<String>>,
    /// The `.dockerignore` that counts.
    pub ignore: Option<&'a Ignore>,
}

/// Rules that are only held where the file asks for them.
const EXPERIMENTAL: [&str; 2] = ["CopyIgnoredFile", "InvalidDefinitionDescription"];

impl Checks {
    /// Reads a directive's value.
    ///
    /// # Errors
    /// A part that doesn't exist; in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut checks = Self::default();
        for part in text
            .split(';')
            .map(str::trim)
            .filter(|part| !part.is_empty())
        {
            let names = |value: &str| {
                let names = value.split(',').map(|name| name.trim().to_owned());
                names
                    .filter(|name| !name.is_empty())
                    .collect::<BTreeSet<_>>()
            };
            match part.split_once('=') {
                Some(("skip", value)) => checks.skips.extend(names(value)),
                Some(("experimental", value)) => checks.tries.extend(names(value)),
                Some(("error", "true" | "1")) => checks.is_error = true,
                Some(("error", "false" | "0")) => checks.is_error = false,
                _ => {
                    return Err(format!(
                        "the check directive has no {part:?}; there are skip=, error= and experimental="
                    ));
                }
            }
        }
        Ok(checks)
    }

    fn holds(&self, rule: &str) -> bool {
        let named = |names: &BTreeSet<String>| names.contains("all") || names.contains(rule);
        let is_on = !EXPERIMENTAL.contains(&rule) || named(&self.tries);
        is_on && !named(&self.skips)
    }
}

/// Where a rule is explained.
pub fn address(rule: &str) -> String {
    let mut dashed = String::new();
    let mut before = ' ';
    for char in rule.chars() {
        if char.is_ascii_uppercase() && before.is_ascii_lowercase() {
            dashed.push('-');
        }
        // JSONArgs: the last capital of several begins a word.
        dashed.push(char.to_ascii_lowercase());
        before = char;
    }
    let dashed = dashed.replace("jsonargs", "json-args");
    format!("https://docs.docker.com/go/dockerfile/rule/{dashed}/")
}

/// Holds a file against all rules, in the order of its lines.
pub fn lint(
    file: &Dockerfile,
    arguments: &[Instruction],
    stages: &[Stage],
    checks: &Checks,
    around: &Surroundings<'_>,
) -> Vec<Warning> {
    let mut linter = Linter {
        checks,
        around,
        escape: file.directives.escape,
        found: Vec::new(),
    };
    linter.writing(file);
    linter.bases(file, arguments, stages);
    linter.stages(stages);
    let mut found = linter.found;
    found.sort_by_key(|warning| warning.line);
    found
}

struct Linter<'a> {
    checks: &'a Checks,
    around: &'a Surroundings<'a>,
    escape: char,
    found: Vec<Warning>,
}

/// What a stage has when it ends, for those that stand on it.
#[derive(Clone, Default)]
struct Known {
    /// Names that are set; none if the base image's aren't known.
    environment: Option<Vec<String>>,
    has_workdir: bool,
    has_shell: bool,
}

impl Linter<'_> {
    fn warn(&mut self, rule: &'static str, line: usize, message: String) {
        if self.checks.holds(rule) {
            self.found.push(Warning {
                rule,
                message,
                line,
            });
        }
    }

    /// How it is written, whatever it does.
    fn writing(&mut self, file: &Dockerfile) {
        let is_upper = |text: &str| !text.chars().any(|c| c.is_ascii_lowercase());
        let is_lower = |text: &str| !text.chars().any(|c| c.is_ascii_uppercase());
        let of = |is: &dyn Fn(&str) -> bool| {
            file.statements
                .iter()
                .filter(|one| is(&one.written))
                .count()
        };
        let (wanted, is_wanted): (_, &dyn Fn(&str) -> bool) = match of(&is_lower) > of(&is_upper) {
            true => ("lowercase", &is_lower),
            false => ("uppercase", &is_upper),
        };
        let mut names: Vec<String> = Vec::new();
        for statement in &file.statements {
            let line = *statement.lines.start();
            let written = &statement.written;
            if !is_wanted(written) {
                let message = format!(
                    "Command '{written}' should match the case of the command majority ({wanted})"
                );
                self.warn("ConsistentInstructionCasing", line, message);
            }
            if let Some(blank) = statement.blank {
                self.warn(
                    "NoEmptyContinuation",
                    blank,
                    "Empty continuation line".into(),
                );
            }
            match (statement.name.as_str(), &statement.arguments[..]) {
                ("from", [_, word, name]) => {
                    let differs = is_lower(written) && !is_lower(word)
                        || is_upper(written) && !is_upper(word);
                    if differs {
                        let message =
                            format!("'{word}' and '{written}' keywords' casing do not match");
                        self.warn("FromAsCasing", line, message);
                    }
                    self.stage_name(name, line, &mut names);
                    self.description(statement, name);
                }
                ("arg", [one]) => {
                    let name = one.split('=').next().unwrap_or_default().to_owned();
                    self.description(statement, &name);
                }
                ("maintainer", _) => {
                    let message = "Maintainer instruction is deprecated in favor of using label";
                    self.warn("MaintainerDeprecated", line, message.into());
                }
                ("env" | "label", _) => {
                    let first = words::words(&words::parts(&statement.text).rest, self.escape);
                    if first.first().is_some_and(|first| !first.contains('=')) {
                        let name = written.to_ascii_uppercase();
                        let message = format!(
                            "\"{name} key=value\" should be used instead of legacy \"{name} key value\" format"
                        );
                        self.warn("LegacyKeyValueFormat", line, message);
                    }
                }
                _ => {}
            }
        }
    }

    fn stage_name(&mut self, name: &str, line: usize, names: &mut Vec<String>) {
        let small = name.to_ascii_lowercase();
        if small != name {
            self.warn(
                "StageNameCasing",
                line,
                format!("Stage name '{name}' should be lowercase"),
            );
        }
        if ["scratch", "context"].contains(&small.as_str()) {
            let message =
                format!("Stage name should not use the same name as reserved stage {small:?}");
            self.warn("ReservedStageName", line, message);
        }
        if names.contains(&small) {
            let message = format!("Duplicate stage name {small:?}, stage names should be unique");
            self.warn("DuplicateStageName", line, message);
        }
        names.push(small);
    }

    /// A comment directly above a stage or an argument describes it.
    fn description(&mut self, statement: &Statement, name: &str) {
        let Some(comment) = statement.comments.last() else {
            return;
        };
        let first = comment.split_whitespace().next().unwrap_or_default();
        if !first.eq_ignore_ascii_case(name) {
            let written = &statement.written;
            let message =
                format!("Comment for {written} should follow the format: `# {name} <description>`");
            self.warn(
                "InvalidDefinitionDescription",
                *statement.lines.start(),
                message,
            );
        }
    }

    /// What stages stand on.
    fn bases(&mut self, file: &Dockerfile, arguments: &[Instruction], stages: &[Stage]) {
        let (mut values, mut defaults) = (BTreeMap::new(), BTreeMap::new());
        for argument in arguments {
            self.secrets(argument);
            let InstructionKind::Arg(pairs) = &argument.kind else {
                continue;
            };
            for (name, default) in pairs {
                let read = |known: &BTreeMap<String, Option<String>>| {
                    let default = default.as_deref()?;
                    Some(self.expand(default, known, &BTreeSet::new()).ok()?.text)
                };
                let (own, given) = (read(&defaults), self.around.arguments.get(name).cloned());
                let value = given.or_else(|| read(&values));
                defaults.insert(name.clone(), own);
                values.insert(name.clone(), value);
            }
        }
        let platform: BTreeSet<String> = self.around.platform.keys().cloned().collect();
        let _ = file;
        for stage in stages {
            let line = *stage.lines.start();
            let Ok(base) = self.expand(&stage.base, &values, &platform) else {
                continue;
            };
            let known: Vec<_> = values.keys().chain(&platform).cloned().collect();
            for name in &base.unset {
                if values.contains_key(name) {
                    continue;
                }
                let message = format!("FROM argument '{name}' is not declared");
                let message = format!("{message}{}", suggestion(name, &known, ""));
                self.warn("UndefinedArgInFrom", line, message);
            }
            if let Ok(default) = self.expand(&stage.base, &defaults, &platform)
                && base.unset.is_subset(&values.keys().cloned().collect())
                && !is_name(&default.text)
            {
                let message = format!(
                    "Default value for ARG {} results in empty or invalid base image name",
                    stage.base
                );
                self.warn("InvalidDefaultArgInFrom", line, message);
            }
            if let Some(wanted) = &stage.platform {
                self.platform(stage, wanted, line);
            }
        }
    }

    fn platform(&mut self, stage: &Stage, wanted: &str, line: usize) {
        if ["$TARGETPLATFORM", "${TARGETPLATFORM}"].contains(&wanted) {
            let message = format!(
                "Setting platform to predefined {wanted} in FROM is redundant as this is the default behavior"
            );
            self.warn("RedundantTargetPlatform", line, message);
        }
        let name = stage.name.as_deref().unwrap_or_default();
        let is_in_name = wanted.split('/').take(2).any(|part| name.contains(part));
        if !wanted.contains('$') && !is_in_name {
            let message = format!("FROM --platform flag should not use constant value {wanted:?}");
            self.warn("FromPlatformFlagConstDisallowed", line, message);
        }
    }

    /// What stages do, line by line, with what they know then.
    fn stages(&mut self, stages: &[Stage]) {
        let mut ends: Vec<Known> = Vec::new();
        for (at, stage) in stages.iter().enumerate() {
            let named = |earlier: &Stage| {
                let name = earlier.name.as_deref();
                name.is_some_and(|name| name.eq_ignore_ascii_case(&stage.base))
            };
            let mut known = match stages[..at].iter().rposition(named) {
                Some(earlier) => ends[earlier].clone(),
                None if stage.base == "scratch" => Known {
                    environment: Some(vec!["PATH".into()]),
                    ..Known::default()
                },
                None => Known {
                    environment: (self.around.environment)(&stage.base),
                    ..Known::default()
                },
            };
            self.stage(stage, &mut known);
            ends.push(known);
        }
    }

    fn stage(&mut self, stage: &Stage, known: &mut Known) {
        let mut declared: BTreeSet<String> = BTreeSet::new();
        let mut once: BTreeMap<&str, usize> = BTreeMap::new();
        for instruction in &stage.instructions {
            let line = *instruction.lines.start();
            self.variables(instruction, known, &declared);
            self.secrets(instruction);
            match &instruction.kind {
                InstructionKind::Arg(pairs) => {
                    declared.extend(pairs.iter().map(|(name, _)| name.clone()));
                }
                InstructionKind::Env(pairs) => {
                    if let Some(environment) = &mut known.environment {
                        environment.extend(pairs.iter().map(|(name, _)| name.clone()));
                    }
                }
                InstructionKind::Shell(_) => known.has_shell = true,
                InstructionKind::Workdir(path) => {
                    let is_absolute = path.starts_with(['/', '$']);
                    if !is_absolute && !known.has_workdir {
                        let message = format!(
                            "Relative workdir {path:?} can have unexpected results if the base image changes"
                        );
                        self.warn("WorkdirRelativePath", line, message);
                    }
                    known.has_workdir |= is_absolute;
                }
                InstructionKind::Expose(words) => self.ports(words, line),
                InstructionKind::Copy(copy) | InstructionKind::Add(copy) => {
                    let name = match instruction.kind {
                        InstructionKind::Add(_) => "ADD",
                        _ => "COPY",
                    };
                    if copy.from.is_none() {
                        self.ignored(name, &copy.sources.paths, line);
                    }
                }
                _ => {}
            }
            let name = match &instruction.kind {
                InstructionKind::Cmd(command) | InstructionKind::Entrypoint(command) => {
                    let name = match instruction.kind {
                        InstructionKind::Cmd(_) => "CMD",
                        _ => "ENTRYPOINT",
                    };
                    if command.by_shell && !known.has_shell {
                        let message = format!(
                            "JSON arguments recommended for {name} to prevent unintended behavior related to OS signals"
                        );
                        self.warn("JSONArgsRecommended", line, message);
                    }
                    name
                }
                InstructionKind::Healthcheck(_) => "HEALTHCHECK",
                _ => continue,
            };
            // Told of the one before: it is the one that is of no use.
            if let Some(before) = once.insert(name, line) {
                let message = format!(
                    "Multiple {name} instructions should not be used in the same stage because only the last one will be used"
                );
                self.warn("MultipleInstructionsDisallowed", before, message);
            }
        }
    }

    /// Names that are asked for and that nobody has declared.
    fn variables(&mut self, instruction: &Instruction, known: &Known, declared: &BTreeSet<String>) {
        let Some(environment) = &known.environment else {
            return;
        };
        let texts: Vec<&String> = match &instruction.kind {
            InstructionKind::Arg(pairs) => pairs
                .iter()
                .filter_map(|(_, value)| value.as_ref())
                .collect(),
            InstructionKind::Env(pairs) | InstructionKind::Label(pairs) => pairs
                .iter()
                .flat_map(|(name, value)| [name, value])
                .collect(),
            InstructionKind::Copy(copy) | InstructionKind::Add(copy) => {
                let more = [&copy.destination].into_iter();
                let flags = [&copy.chown, &copy.chmod].into_iter().flatten();
                more.chain(&copy.sources.paths).chain(flags).collect()
            }
            InstructionKind::Expose(words) | InstructionKind::Volume(words) => {
                words.iter().collect()
            }
            InstructionKind::User(text)
            | InstructionKind::Workdir(text)
            | InstructionKind::Stopsignal(text) => vec![text],
            _ => Vec::new(),
        };
        let all: Vec<String> = environment.iter().chain(declared).cloned().collect();
        let set: BTreeSet<String> = all.iter().cloned().collect();
        let mut unset = BTreeSet::new();
        for text in texts {
            if let Ok(expanded) = self.expand(text, &BTreeMap::new(), &set) {
                let names = expanded.unset.into_iter();
                unset.extend(names.filter(|name| is_bare(text, name)));
            }
        }
        for name in unset {
            let message = format!("Usage of undefined variable '${name}'");
            let message = format!("{message}{}", suggestion(&name, &all, "$"));
            self.warn("UndefinedVar", *instruction.lines.start(), message);
        }
    }

    fn secrets(&mut self, instruction: &Instruction) {
        let (word, names): (_, Vec<&String>) = match &instruction.kind {
            InstructionKind::Arg(pairs) => ("ARG", pairs.iter().map(|(name, _)| name).collect()),
            InstructionKind::Env(pairs) => ("ENV", pairs.iter().map(|(name, _)| name).collect()),
            _ => return,
        };
        for name in names {
            if is_secret(name) {
                let message = format!(
                    "Do not use ARG or ENV instructions for sensitive data ({word} {name:?})"
                );
                self.warn("SecretsUsedInArgOrEnv", *instruction.lines.start(), message);
            }
        }
    }

    fn ports(&mut self, words: &[String], line: usize) {
        for word in words {
            let (port, protocol) = word.split_once('/').unwrap_or((word, ""));
            if protocol.chars().any(|c| c.is_ascii_uppercase()) {
                let message =
                    format!("Defined protocol '{word}' in EXPOSE instruction should be lowercase");
                self.warn("ExposeProtoCasing", line, message);
            }
            if port.contains(':') && !port.contains('$') {
                let message = format!(
                    "EXPOSE instruction should not define an IP address or host-port mapping, found '{word}'"
                );
                self.warn("ExposeInvalidFormat", line, message);
            }
        }
    }

    fn ignored(&mut self, name: &str, paths: &[String], line: usize) {
        let Some(ignore) = self.around.ignore else {
            return;
        };
        for path in paths {
            let is_elsewhere =
                path.contains("://") || path.contains('$') || path.starts_with("git@");
            let cleaned = clean(path.trim_start_matches('/'));
            if !is_elsewhere && ignore.leaves_out(&cleaned) {
                let message =
                    format!("Attempting to {name} file {path:?} that is excluded by .dockerignore");
                self.warn("CopyIgnoredFile", line, message);
            }
        }
    }

    /// A text with values for some names, and any value for others.
    fn expand(
        &self,
        text: &str,
        values: &BTreeMap<String, Option<String>>,
        set: &BTreeSet<String>,
    ) -> Result<Expanded, super::expand::ExpandError> {
        let lookup = |name: &str| match values.get(name) {
            Some(value) => value.clone(),
            None => set.contains(name).then(|| "x".to_owned()),
        };
        Expander::new(self.escape).expand(text, &lookup)
    }
}

fn suggestion(name: &str, known: &[String], sign: &str) -> String {
    let near = known.iter().map(|known| {
        let (one, other) = (name.to_ascii_lowercase(), known.to_ascii_lowercase());
        (strsim::damerau_levenshtein(&one, &other), known)
    });
    match near.min() {
        Some((distance, known)) if distance <= 2 => format!(" (did you mean {sign}{known}?)"),
        _ => String::new(),
    }
}

/// Whether a text asks for a variable without saying what holds where it isn't set, as
/// `${name:-default}` does.
fn is_bare(text: &str, name: &str) -> bool {
    let goes_on = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let (sign, braced) = (format!("${name}"), format!("${{{name}}}"));
    let mut unbraced = text.split(&sign).skip(1);
    text.contains(&braced) || unbraced.any(|rest| !rest.starts_with(goes_on))
}

/// Whether an image may be called so, roughly.
fn is_name(text: &str) -> bool {
    let name = Regex::new(
        r"^[a-zA-Z0-9][a-zA-Z0-9._/-]*(:[0-9]+/[a-z0-9._/-]+)?(:[\w][\w.-]*)?(@[a-z0-9]+:[0-9a-f]+)?$",
    );
    name.expect("it is a pattern").is_match(text)
}

fn is_secret(name: &str) -> bool {
    const SECRETS: [&str; 10] = [
        "apikey",
        "auth",
        "credential",
        "credentials",
        "key",
        "password",
        "pword",
        "passwd",
        "secret",
        "token",
    ];
    let name = name.to_ascii_lowercase();
    let mut parts = name.split('_');
    let is_public = name.split('_').any(|part| part == "public");
    !is_public && parts.any(|part| SECRETS.contains(&part))
}

/// The names that a config's environment sets.
pub fn names_of(settings: &Settings) -> Vec<String> {
    let names = settings
        .env
        .iter()
        .map(|entry| entry.split('=').next().unwrap_or_default());
    names.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, checks: &str) -> Vec<(&'static str, usize)> {
        let file = Dockerfile::parse(text.as_bytes()).unwrap();
        let (arguments, stages) = super::super::stages(&file).unwrap();
        let ignore = Ignore::parse("ignored\n").unwrap();
        let platform = BTreeMap::from([("TARGETPLATFORM".to_owned(), "linux/amd64".to_owned())]);
        let around = Surroundings {
            arguments: &BTreeMap::new(),
            platform: &platform,
            environment: &|name| (name == "known").then(|| vec!["PATH".into(), "BASE".into()]),
            ignore: Some(&ignore),
        };
        let checks = Checks::parse(checks).unwrap();
        let found = lint(&file, &arguments, &stages, &checks, &around);
        found
            .into_iter()
            .map(|warning| (warning.rule, warning.line))
            .collect()
    }

    #[test]
    fn each_rule_finds_what_it_is_for_and_nothing_else() {
        let cases: [(&str, &[(&str, usize)]); 24] = [
            ("FROM a AS Big\n", &[("StageNameCasing", 1)]),
            ("FROM a as b\n", &[("FromAsCasing", 1)]),
            ("from a as b\nrun x\n", &[]),
            ("FROM a\nRUN x \\\n\n  y\n", &[("NoEmptyContinuation", 3)]),
            (
                "FROM a\nrun x\nUSER y\n",
                &[("ConsistentInstructionCasing", 2)],
            ),
            ("FROM a AS b\nFROM a AS b\n", &[("DuplicateStageName", 2)]),
            ("FROM a AS scratch\n", &[("ReservedStageName", 1)]),
            ("FROM a\nCMD x\n", &[("JSONArgsRecommended", 2)]),
            ("FROM a\nSHELL [\"sh\"]\nCMD x\n", &[]),
            ("FROM a\nMAINTAINER x\n", &[("MaintainerDeprecated", 2)]),
            ("ARG TAG=1\nFROM a:$TGA\n", &[("UndefinedArgInFrom", 2)]),
            (
                "FROM known\nCOPY $no /x\nCOPY $BASE /y\n",
                &[("UndefinedVar", 2)],
            ),
            ("FROM known\nARG A\nENV B=$A C=${D:-x}\nUSER $B\n", &[]),
            ("FROM unknown\nCOPY $no /x\n", &[]),
            (
                "FROM a\nWORKDIR b\nWORKDIR /c\nWORKDIR d\n",
                &[("WorkdirRelativePath", 2)],
            ),
            ("ARG X\nFROM a:${X}\n", &[("InvalidDefaultArgInFrom", 2)]),
            (
                "FROM a\nCMD [\"x\"]\nCMD [\"y\"]\n",
                &[("MultipleInstructionsDisallowed", 2)],
            ),
            (
                "FROM a\nENV A b\nLABEL c d\n",
                &[("LegacyKeyValueFormat", 2), ("LegacyKeyValueFormat", 3)],
            ),
            (
                "FROM --platform=$TARGETPLATFORM a\n",
                &[("RedundantTargetPlatform", 1)],
            ),
            (
                "FROM a\nARG API_TOKEN\nENV PUBLIC_KEY=x KEYS=y\n",
                &[("SecretsUsedInArgOrEnv", 2)],
            ),
            (
                "FROM --platform=linux/amd64 a\n",
                &[("FromPlatformFlagConstDisallowed", 1)],
            ),
            ("FROM --platform=linux/amd64 a AS on-amd64\n", &[]),
            ("FROM a\nEXPOSE 80/TCP\n", &[("ExposeProtoCasing", 2)]),
            (
                "FROM a\nEXPOSE 1.2.3.4:80:80\n",
                &[("ExposeInvalidFormat", 2)],
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(check(text, ""), expected, "{text}");
        }
    }

    #[test]
    fn experimental_rules_are_held_where_they_are_asked_for() {
        let text = "# what it is for\nFROM a AS b\nCOPY ignored /x\n";
        assert_eq!(check(text, ""), []);
        assert_eq!(
            check(text, "experimental=all"),
            [("InvalidDefinitionDescription", 2), ("CopyIgnoredFile", 3)]
        );
    }

    #[test]
    fn rules_are_skipped_and_made_errors() {
        let text = "FROM a AS Big\nMAINTAINER x\n";
        assert_eq!(
            check(text, "skip=StageNameCasing"),
            [("MaintainerDeprecated", 2)]
        );
        assert_eq!(check(text, "skip=all;error=true"), []);
        assert!(Checks::parse("error=true").unwrap().is_error);
        assert!(Checks::parse("skip").is_err());
    }

    #[test]
    fn rules_are_explained_somewhere() {
        assert!(address("StageNameCasing").ends_with("/rule/stage-name-casing/"));
        assert!(address("JSONArgsRecommended").ends_with("/rule/json-args-recommended/"));
        assert!(address("SecretsUsedInArgOrEnv").ends_with("/rule/secrets-used-in-arg-or-env/"));
    }
}
