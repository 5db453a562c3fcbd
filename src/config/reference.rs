//! The reference: every setting with its default and what it is for, as a file that
//! changes nothing until a line of it loses its `#`.

use std::fmt::Write;

use super::{
    ROLES, SETTINGS, SHIPPED,
    alert::{BUILT_IN, FIELDS, METRICS},
    file::has_keys,
    value::quote,
};
use crate::action::{ACTIONS, ActionSpec, Danger};

/// The commented default file.
pub fn file() -> String {
    let mut out = String::from(
        "# wharf's configuration: everything that can be set, with its default.\n\
         # `wharf config default` prints this; `wharf config check` checks yours.\n\
         #\n\
         # It is read from $WHARF_CONFIG, or else from the first of these that exists:\n\
         # $XDG_CONFIG_HOME/wharf/config.toml (~/.config/wharf/config.toml) and\n\
         # /etc/wharf/config.toml. A dashboard that runs takes a saved file at once.\n",
    );
    let mut section = "";
    for setting in SETTINGS {
        let (of, name) = setting.key.split_once('.').unwrap_or(("", setting.key));
        if of != section {
            section = of;
            line(&mut out, &format!("\n[{section}]"));
        }
        line(&mut out, &format!("\n# {}.", setting.doc));
        let mut note = setting.kind.allowed();
        if let Some(variable) = setting.env {
            note.push_str(&format!("; ${variable} goes before it"));
        }
        if let Some(flag) = setting.flag {
            note.push_str(&format!("; {flag} goes before it"));
        }
        line(&mut out, &format!("# {note}"));
        line(&mut out, &format!("# {name} = {}", setting.default));
    }
    confirm(&mut out);
    keys(&mut out);
    themes(&mut out);
    alerts(&mut out);
    out
}

fn confirm(out: &mut String) {
    line(
        out,
        "\n# Whether the dashboard asks first: \"always\" or \"never\".",
    );
    line(out, "[confirm]\n");
    for spec in ACTIONS.iter().filter(|spec| spec.is_bulk()) {
        let asks = match spec.danger {
            Danger::None => "never",
            Danger::Interrupts | Danger::Destroys => "always",
        };
        line(out, &format!("# {} = \"{asks}\"", quote(spec.id)));
    }
}

fn keys(out: &mut String) {
    line(
        out,
        "\n# The keys of each action, the one to show first; [] leaves it to the palette.\n\
         # A character is itself; others are space, enter, esc, tab, shift-tab, backspace,\n\
         # delete, up, down, left, right, home, end, pgup, pgdn; ctrl- goes before a letter.",
    );
    line(out, "[keys]\n");
    for spec in ACTIONS.iter().filter(|spec| has_keys(spec)) {
        let keys: Vec<_> = keys_of(spec).map(|key| quote(&key)).collect();
        let row = format!("# {} = [{}]", quote(spec.id), keys.join(", "));
        line(out, &format!("{row:<44}# {}", spec.summary));
    }
}

fn themes(out: &mut String) {
    let names: Vec<_> = SHIPPED.iter().map(|(name, _)| *name).collect();
    line(
        out,
        &format!(
            "\n# A theme of your own: what you leave out is as in its base, which is one of\n\
             # {}.\n\
             # Colours are \"#rrggbb\", \"default\" (the terminal's own) and the names black, red,\n\
             # green, yellow, blue, magenta, cyan, white, each also with bright- before it.\n\
             # Where the terminal has 256 colours, the nearest is taken; where it has 16, what\n\
             # \"terminal\" has for the same role.",
            names.join(", ")
        ),
    );
    line(out, "# [theme.mine]");
    line(out, "# base = \"dark\"");
    for (role, name, doc) in ROLES {
        let paint = match SHIPPED[1].1.paint(role) {
            super::Paint::Color(color) => color.to_string(),
            super::Paint::Dim => "dim".into(),
            super::Paint::Reverse => "reverse".into(),
        };
        let row = format!("# {name} = {}", quote(&paint));
        line(out, &format!("{row:<32}# {doc}"));
    }
}

fn alerts(out: &mut String) {
    line(
        out,
        "\n# Alerts: a rule holds for a container from when its condition did so for a while\n\
         # until its value is back beyond `clear`. Its fields, with examples:",
    );
    for field in FIELDS {
        let row = format!("#   {} = {}", field.name, field.example);
        line(out, &format!("{row:<44}{}", field.doc));
    }
    line(out, "# Metrics that `when` can compare:");
    for metric in METRICS {
        line(out, &format!("#   {:<18}{}", metric.name, metric.doc));
    }
    line(
        out,
        "# A command is told by WHARF_ALERT_NAME, _STATE (firing or resolved), _SEVERITY,\n\
         # _CONDITION, _VALUE, _CONTAINER, _ID, _IMAGE and _TIME; a webhook gets the same as\n\
         # JSON. Both have ten seconds.\n\
         # These rules are there already; one of the same name changes what it says.",
    );
    for rule in BUILT_IN.lines() {
        line(out, format!("# {rule}").trim_end());
    }
}

/// The table of keys for the README, in Markdown.
pub fn key_table() -> String {
    let mut out = String::from("| where | key | action | |\n| --- | --- | --- | --- |\n");
    for spec in ACTIONS.iter().filter(|spec| has_keys(spec)) {
        let keys: Vec<_> = keys_of(spec)
            .map(|key| format!("`{}`", key.replace('|', "\\|")))
            .collect();
        let (place, keys) = (spec.scope.place(), keys.join(" "));
        line(
            &mut out,
            &format!("| {place} | {keys} | {} | {} |", spec.title, spec.summary),
        );
    }
    out
}

fn keys_of(spec: &ActionSpec) -> impl Iterator<Item = String> {
    spec.keys.iter().map(ToString::to_string)
}

fn line(out: &mut String, text: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(out, "{text}");
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::{Config, Known, file::apply};

    #[test]
    fn reference_is_a_valid_file_with_and_without_its_comments() {
        let mut known = Known::new(["state", "cpu"]);
        known.themes = vec!["terminal".into()];
        let text = file();
        let uncommented: String = text
            .lines()
            .map(|line| match line.strip_prefix("# ") {
                // Only settings: sentences end or go on without an assignment.
                Some(rest)
                    if !rest.starts_with(" ") && rest.contains(" = ") || rest.starts_with('[') =>
                {
                    rest
                }
                _ => line,
            })
            .collect::<Vec<_>>()
            .join("\n");
        for text in [&text, &uncommented] {
            let mut config = Config::default();
            let problems = apply(&mut config, Path::new("x"), text, &known);
            assert_eq!(problems, [], "{text}");
        }
    }
}
