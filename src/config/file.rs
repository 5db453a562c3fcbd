//! Reads a configuration file: every key is checked, every mistake told with its line.

use std::{ops::Range, path::Path};

use toml::{
    Spanned,
    de::{DeString, DeTable, DeValue},
};

use super::{
    Config, Known, Origin, Paint, Palette, Problem, ROLES, SETTINGS, SHIPPED, Setting, Value,
    alert,
    problem::{meant, quoted},
    settings, theme,
};
use crate::action::{ACTIONS, Action, ActionSpec, Key, Scope};

type Table<'i> = DeTable<'i>;
type Entry<'a, 'i> = (&'a Spanned<DeString<'i>>, &'a Spanned<DeValue<'i>>);

/// Sections beside those of [`SETTINGS`].
pub const SECTIONS: [&str; 4] = ["keys", "confirm", "theme", "alerts"];

/// Applies the text of a file to `config`; what is wrong with it.
pub fn apply(config: &mut Config, path: &Path, text: &str, known: &Known) -> Vec<Problem> {
    let mut reader = Reader {
        config,
        path,
        text,
        known: known.clone(),
        problems: Vec::new(),
    };
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let span = error.span().unwrap_or(0..0);
        reader.tell(&span, "", error.message());
    }
    // What could be read of a broken file is not what was meant.
    if reader.problems.is_empty() {
        reader.document(table.get_ref());
    }
    let mut problems = reader.problems;
    problems.sort_by_key(|problem| match problem.origin {
        Origin::File { line, .. } => line,
        _ => 0,
    });
    problems
}

/// The names of the themes that a file declares, for the checks of other sources.
pub fn theme_names(text: &str) -> Vec<String> {
    let (table, _) = DeTable::parse_recoverable(text);
    let themes = table.get_ref().get("theme");
    let themes = themes.and_then(|value| value.get_ref().as_table());
    let names = themes.map(|themes| themes.keys().map(|key| key.get_ref().to_string()));
    names.into_iter().flatten().collect()
}

/// The default of a setting.
pub fn default_of(setting: &Setting) -> Value {
    let text = format!("x = {}", setting.default);
    let known = Known {
        themes: vec![SHIPPED[0].0.into()],
        columns: vec!["state"],
    };
    DeTable::parse(&text)
        .ok()
        .and_then(|table| {
            let value = table.get_ref().get("x")?;
            setting.kind.check(value.get_ref(), &known).ok()
        })
        .expect("a test reads every default")
}

/// A file being read.
pub(super) struct Reader<'a> {
    pub(super) config: &'a mut Config,
    path: &'a Path,
    text: &'a str,
    known: Known,
    pub(super) problems: Vec<Problem>,
}

impl Reader<'_> {
    fn document(&mut self, table: &Table<'_>) {
        // Themes first: a setting may name one.
        if let Some((key, value)) = table.get_key_value("theme") {
            self.section((key, value), Self::themes);
        }
        for (key, value) in table {
            match &**key.get_ref() {
                "theme" => {}
                "alerts" => alert::read(self, &key.span(), value.get_ref()),
                "keys" => self.section((key, value), Self::keys),
                "confirm" => self.section((key, value), Self::confirm),
                name if is_section(name) => self.section((key, value), Self::settings),
                name => {
                    let place = SETTINGS
                        .iter()
                        .find(|row| row.key.ends_with(&format!(".{name}")));
                    let hint = match place {
                        Some(row) => format!("; it is called {}", row.key),
                        None => meant(name, sections()),
                    };
                    self.tell(
                        &key.span(),
                        name,
                        &format!("there is no such section{hint}"),
                    );
                }
            }
        }
    }

    fn section(&mut self, (key, value): Entry<'_, '_>, read: fn(&mut Self, &str, &Table<'_>)) {
        let name = key.get_ref();
        match value.get_ref() {
            DeValue::Table(table) => read(self, name, table),
            _ => {
                let hint = match settings::find(&format!("ui.{name}")) {
                    Some(setting) => format!("; {} is the setting", setting.key),
                    None => String::new(),
                };
                self.tell(
                    &key.span(),
                    name,
                    &format!("it is a section: [{name}]{hint}"),
                );
            }
        }
    }

    fn settings(&mut self, section: &str, table: &Table<'_>) {
        for (key, value) in table {
            let full = format!("{section}.{}", key.get_ref());
            let Some(setting) = settings::find(&full) else {
                let known = SETTINGS.iter().map(|row| row.key);
                let hint = meant(&full, known);
                self.tell(
                    &key.span(),
                    &full,
                    &format!("there is no such setting{hint}"),
                );
                continue;
            };
            match setting.kind.check(value.get_ref(), &self.known) {
                Ok(checked) => {
                    let origin = self.origin(&key.span());
                    self.config.set(setting, checked, origin);
                }
                Err(message) => self.tell(&value.span(), &full, &message),
            }
        }
    }

    fn keys(&mut self, _: &str, table: &Table<'_>) {
        for (key, value) in table {
            let Some(spec) = self.action(key, "keys", has_keys) else {
                continue;
            };
            match keys_of(spec, value.get_ref()) {
                Ok(keys) => {
                    self.config.keymap.choose(spec, keys);
                    let origin = self.origin(&key.span());
                    self.config
                        .origins
                        .insert(format!("keys.{}", spec.id), origin);
                }
                Err(message) => {
                    self.tell(&value.span(), &format!("keys.{}", spec.id), &message);
                }
            }
        }
        self.clashes(table);
    }

    fn clashes(&mut self, table: &Table<'_>) {
        for clash in self.config.keymap.clashes() {
            // The one that the file speaks of is the one to change.
            let chosen = [clash.one, clash.other].into_iter().rev();
            let Some(guilty) = chosen.clone().find(|spec| table.contains_key(spec.id)) else {
                continue;
            };
            let victim = if guilty.id == clash.one.id {
                clash.other
            } else {
                clash.one
            };
            let span = table
                .get_key_value(guilty.id)
                .map_or(0..0, |(key, _)| key.span());
            let message = format!(
                "{} means {} already; give that another key as well",
                quoted(&clash.key.to_string()),
                victim.id
            );
            self.tell(&span, &format!("keys.{}", guilty.id), &message);
        }
        // Taking one choice back can make a clash of another: until none is left.
        while let Some(clash) = self.config.keymap.clashes().first().copied() {
            let before = self.config.keymap.clone();
            self.config.keymap.forget(clash.other);
            self.config.keymap.forget(clash.one);
            if self.config.keymap == before {
                break;
            }
        }
    }

    fn confirm(&mut self, _: &str, table: &Table<'_>) {
        for (key, value) in table {
            let Some(spec) = self.action(key, "confirm", ActionSpec::is_bulk) else {
                continue;
            };
            let full = format!("confirm.{}", spec.id);
            let asks = match value.get_ref().as_str() {
                Some("always") => true,
                Some("never") => false,
                _ => {
                    self.tell(&value.span(), &full, "it is \"always\" or \"never\"");
                    continue;
                }
            };
            self.config.asks.insert(spec.id, asks);
            let origin = self.origin(&key.span());
            self.config.origins.insert(full, origin);
        }
    }

    /// The action that a key names, if it is one of those that the section is about.
    fn action(
        &mut self,
        key: &Spanned<DeString<'_>>,
        section: &str,
        fits: fn(&ActionSpec) -> bool,
    ) -> Option<&'static ActionSpec> {
        let name = key.get_ref();
        let rows = || ACTIONS.iter().filter(|spec| fits(spec));
        let found = rows().find(|spec| spec.id == &**name);
        if found.is_none() {
            let hint = meant(name, rows().map(|spec| spec.id));
            let message = format!("there is no such action{hint}");
            self.tell(&key.span(), &format!("{section}.{name}"), &message);
        }
        found
    }

    fn themes(&mut self, _: &str, table: &Table<'_>) {
        for (key, value) in table {
            let name = key.get_ref().to_string();
            let full = format!("theme.{name}");
            let Some(roles) = value.get_ref().as_table() else {
                self.tell(
                    &key.span(),
                    &full,
                    &format!("it is a section: [theme.{name}]"),
                );
                continue;
            };
            if theme::shipped(&name).is_some() {
                self.tell(
                    &key.span(),
                    &full,
                    "a shipped theme is called so; choose another name",
                );
                continue;
            }
            let palette = self.palette(&full, roles);
            self.config.themes.insert(name.clone(), palette);
            let origin = self.origin(&key.span());
            self.config.origins.insert(full, origin);
            self.known.themes.push(name);
        }
    }

    fn palette(&mut self, full: &str, table: &Table<'_>) -> Palette {
        let mut palette = SHIPPED[0].1;
        if let Some((key, base)) = table.get_key_value("base") {
            let found = base.get_ref().as_str().and_then(theme::shipped);
            match found {
                Some(base) => palette = base,
                None => {
                    let names = SHIPPED.map(|(name, _)| name).join(", ");
                    let message = format!("it is a shipped theme: {names}");
                    self.tell(&key.span(), &format!("{full}.base"), &message);
                }
            }
        }
        for (key, value) in table {
            let name = key.get_ref();
            if &**name == "base" {
                continue;
            }
            let full = format!("{full}.{name}");
            let Some((role, ..)) = ROLES.iter().find(|(_, known, _)| known == name) else {
                let hint = meant(name, ROLES.iter().map(|(_, known, _)| *known));
                self.tell(&key.span(), &full, &format!("there is no such role{hint}"));
                continue;
            };
            let paint = match value.get_ref().as_str() {
                Some(text) => Paint::parse(*role, text),
                None => Err("it is a colour: a name, \"default\" or \"#rrggbb\"".into()),
            };
            match paint {
                Ok(paint) => palette = palette.with(*role, paint),
                Err(message) => self.tell(&value.span(), &full, &message),
            }
        }
        palette
    }

    pub(super) fn origin(&self, span: &Range<usize>) -> Origin {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        Origin::File {
            path: self.path.to_owned(),
            line: before.bytes().filter(|byte| *byte == b'\n').count() + 1,
        }
    }

    pub(super) fn tell(&mut self, span: &Range<usize>, key: &str, message: &str) {
        self.problems.push(Problem {
            origin: self.origin(span),
            key: key.to_owned(),
            message: message.to_owned(),
        });
    }
}

fn is_section(name: &str) -> bool {
    SETTINGS
        .iter()
        .any(|row| row.key.split('.').next() == Some(name))
}

fn sections() -> impl Iterator<Item = &'static str> {
    let settings = SETTINGS.iter().filter_map(|row| row.key.split('.').next());
    settings.chain(SECTIONS)
}

/// Whether an action can have keys.
pub fn has_keys(spec: &ActionSpec) -> bool {
    spec.scope != Scope::CommandLine
}

fn keys_of(spec: &ActionSpec, value: &DeValue<'_>) -> Result<Vec<Key>, String> {
    const ALLOWED: &str = "it is a list of keys, such as [\"s\", \"ctrl-k\", \"pgdn\"]";
    let items = value.as_array().ok_or(ALLOWED)?;
    let mut keys = Vec::new();
    for item in items.iter() {
        let name = item.get_ref().as_str().ok_or(ALLOWED)?;
        let key = Key::parse(name).ok_or_else(|| {
            format!(
                "{} is no key; {ALLOWED}{}",
                quoted(name),
                meant(name, Key::names())
            )
        })?;
        // These two always work, whatever else fails.
        let is_quit = spec.action == Action::Quit && key == Key::ctrl('c');
        if !is_quit && [Key::ctrl('c'), Key::ctrl('z')].contains(&key) {
            return Err(format!("{key} always leaves or suspends; choose another"));
        }
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    Ok(keys)
}
