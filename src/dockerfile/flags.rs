//! Flags of instructions, held against those that the instruction has.

/// What kind a flag is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flag {
    /// `--name`, `--name=true`, `--name=false`.
    Switch,
    /// `--name=value`, once.
    Text,
    /// `--name=value`, as often as one likes.
    List,
}

/// The flags of one instruction.
#[derive(Debug, Default)]
pub struct Flags(Vec<(&'static str, String)>);

impl Flags {
    /// Reads flags; `known` are those that there are.
    ///
    /// # Errors
    /// One that doesn't exist, stands twice, has no value or a wrong one; in words.
    pub fn read(flags: &[String], known: &[(&'static str, Flag)]) -> Result<Self, String> {
        let mut read = Self::default();
        for flag in flags {
            let bare = flag.strip_prefix("--").unwrap_or(flag);
            let (name, value) = match bare.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (bare, None),
            };
            let Some((name, kind)) = known.iter().find(|(known, _)| *known == name) else {
                let names: Vec<_> = known.iter().map(|(name, _)| format!("--{name}")).collect();
                let there_are = match names.is_empty() {
                    true => "it has none".to_owned(),
                    false => format!("there are {}", names.join(", ")),
                };
                return Err(format!("there is no flag --{name} here; {there_are}"));
            };
            if *kind != Flag::List && read.0.iter().any(|(seen, _)| seen == name) {
                return Err(format!("the flag --{name} stands there twice"));
            }
            let value = match (kind, value) {
                (Flag::Switch, None) => "true".to_owned(),
                (Flag::Switch, Some(value)) => match value.to_ascii_lowercase().as_str() {
                    switch @ ("true" | "false") => switch.to_owned(),
                    _ => return Err(format!("--{name}={value} is neither true nor false")),
                },
                (_, Some(value)) => value.to_owned(),
                (_, None) => return Err(format!("the flag --{name} needs a value")),
            };
            read.0.push((*name, value));
        }
        Ok(read)
    }

    /// The value of a flag.
    pub fn text(&self, name: &str) -> Option<String> {
        let mut found = self.0.iter().filter(|(known, _)| *known == name);
        found.next().map(|(_, value)| value.clone())
    }

    /// Whether a switch is on, where it stands there.
    pub fn switch(&self, name: &str) -> Option<bool> {
        self.text(name).map(|value| value == "true")
    }

    /// All values of a flag.
    pub fn list(&self, name: &str) -> Vec<String> {
        let found = self.0.iter().filter(|(known, _)| *known == name);
        found.map(|(_, value)| value.clone()).collect()
    }
}
