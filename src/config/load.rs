//! Finds the file, reads it, and lays the environment and flags over it.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use super::{Config, Known, Origin, Problem, SETTINGS, SHIPPED, file, problem::meant, settings};

/// A larger file than this is not a configuration.
const LARGEST: u64 = 1 << 20;

/// What the command line says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// The file to read in place of the usual ones.
    pub file: Option<PathBuf>,
    /// Settings by key, each with the flag that says it.
    pub settings: Vec<(&'static str, String, String)>,
}

/// Reads the configuration, and reads it again whenever somebody wants.
#[derive(Clone, Debug)]
pub struct Loader {
    /// The file that must be there, if one is named; then where one may be.
    named: Option<PathBuf>,
    candidates: Vec<PathBuf>,
    /// Values of the variables that rows name.
    variables: Vec<(&'static str, String)>,
    overrides: Overrides,
    known: Known,
}

/// A configuration, and what was wrong on the way to it.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// What holds: where something is wrong, the default does.
    pub config: Config,
    /// What is wrong, a line each.
    pub problems: Vec<Problem>,
    /// The file that was read, if there is one.
    pub file: Option<PathBuf>,
}

/// Where a file is looked for, the first that exists is read.
pub fn candidates(variable: impl Fn(&str) -> Option<String>) -> Vec<PathBuf> {
    let absolute = |name| {
        let path = PathBuf::from(variable(name)?);
        // The XDG specification ignores relative paths; so is a HOME that isn't one.
        path.is_absolute().then_some(path)
    };
    let user = absolute("XDG_CONFIG_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".config")))
        .map(|dir| dir.join("wharf/config.toml"));
    let system = PathBuf::from("/etc/wharf/config.toml");
    user.into_iter().chain([system]).collect()
}

impl Loader {
    /// A loader for what this process was told.
    pub fn new(
        overrides: Overrides,
        mut known: Known,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Self {
        let told = |name: &str| variable(name).filter(|value| !value.is_empty());
        known.themes = SHIPPED.iter().map(|(name, _)| (*name).to_owned()).collect();
        let rows = SETTINGS.iter().filter_map(|row| row.env);
        Self {
            named: overrides
                .file
                .clone()
                .or_else(|| told("WHARF_CONFIG").map(PathBuf::from)),
            candidates: candidates(told),
            variables: rows.filter_map(|name| Some((name, told(name)?))).collect(),
            overrides,
            known,
        }
    }

    /// The files that decide what is read: the first that exists, or the one named.
    pub fn paths(&self) -> Vec<PathBuf> {
        match &self.named {
            Some(path) => vec![path.clone()],
            None => self.candidates.clone(),
        }
    }

    /// The file that is read now; where there is none, the one that would be.
    pub fn path(&self) -> Option<PathBuf> {
        let paths = self.paths();
        let found = paths.iter().find(|path| path.exists());
        found.or(paths.first()).cloned()
    }

    /// Reads everything.
    pub fn load(&self) -> Loaded {
        let mut loaded = Loaded {
            config: Config::default(),
            problems: Vec::new(),
            file: None,
        };
        let mut known = self.known.clone();
        for path in self.paths() {
            match read(&path) {
                Ok(text) => {
                    known.themes.extend(file::theme_names(&text));
                    loaded.problems = file::apply(&mut loaded.config, &path, &text, &self.known);
                    loaded.file = Some(path);
                    break;
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound && self.named.is_none() => {}
                Err(error) => {
                    loaded.problems.push(Problem {
                        origin: Origin::File {
                            path: path.clone(),
                            line: 0,
                        },
                        key: String::new(),
                        message: format!("read the configuration: {error}"),
                    });
                    loaded.file = Some(path);
                    break;
                }
            }
        }
        self.lay_over(&mut loaded, &known);
        loaded
    }

    fn lay_over(&self, loaded: &mut Loaded, known: &Known) {
        for (name, text) in &self.variables {
            let rows = SETTINGS.iter().filter(|row| row.env == Some(name));
            for row in rows {
                self.say(loaded, known, Origin::Environment(name), row.key, text);
            }
        }
        for (flag, key, text) in &self.overrides.settings {
            self.say(loaded, known, Origin::Flag(flag), key, text);
        }
    }

    fn say(&self, loaded: &mut Loaded, known: &Known, origin: Origin, key: &str, text: &str) {
        let result = match settings::find(key) {
            Some(row) => row.kind.parse(text, known).map(|value| (row, value)),
            None => {
                let hint = meant(key, SETTINGS.iter().map(|row| row.key));
                Err(format!("there is no such setting{hint}"))
            }
        };
        match result {
            Ok((row, value)) => loaded.config.set(row, value, origin),
            Err(message) => loaded.problems.push(Problem {
                origin,
                key: key.to_owned(),
                message,
            }),
        }
    }
}

/// The text of a file, if it can be one at all.
fn read(path: &Path) -> io::Result<String> {
    let kind = std::fs::metadata(path)?.file_type();
    use std::os::unix::fs::FileTypeExt;
    // A pipe would be waited for, without end.
    if kind.is_fifo() || kind.is_socket() || kind.is_dir() {
        return Err(io::Error::other("it is no file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?
        .take(LARGEST + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST {
        return Err(io::Error::other("it is larger than 1 MiB"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let line = error.as_bytes()[..error.utf8_error().valid_up_to()]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count();
        io::Error::other(format!("line {} is not UTF-8", line + 1))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{action::Action, config::Color};

    struct Bench {
        dir: tempfile::TempDir,
        env: Vec<(&'static str, String)>,
        overrides: Overrides,
    }

    impl Bench {
        fn new(text: &str) -> Self {
            let dir = tempfile::tempdir().unwrap();
            let file = dir.path().join("config.toml");
            std::fs::write(&file, text).unwrap();
            Self {
                env: vec![("WHARF_CONFIG", file.display().to_string())],
                dir,
                overrides: Overrides::default(),
            }
        }

        fn load(&self) -> Loaded {
            let known = Known::new(["state", "name", "cpu", "memory"]);
            let variable = |name: &str| {
                let found = self.env.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| value.clone())
            };
            Loader::new(self.overrides.clone(), known, variable).load()
        }

        /// What is wrong, without the directory.
        fn problems(&self) -> Vec<String> {
            let dir = format!("{}/", self.dir.path().display());
            let problems = self.load().problems;
            problems
                .iter()
                .map(|p| p.to_string().replace(&dir, ""))
                .collect()
        }
    }

    #[test]
    fn every_mistake_is_one_line_with_its_place_and_what_is_right() {
        let bench = Bench::new(
            "[ui]\n\
             theem = \"dark\"\n\
             interval = 5\n\
             columns = [\"name\", \"cqu\"]\n\
             mouse = \"yes\"\n\
             [keyz]\n\
             [keys]\n\
             \"container.stpo\" = [\"x\"]\n\
             \"container.kill\" = [\"hyper-x\"]\n\
             \"container.stop\" = [\"q\"]\n\
             [confirm]\n\
             \"view.quit\" = \"always\"\n\
             \"container.stop\" = \"perhaps\"\n\
             [theme.mine]\n\
             good = \"gren\"\n\
             goood = \"red\"\n\
             base = \"mine\"\n\
             [theme.dark]\n",
        );
        insta::assert_snapshot!(bench.problems().join("\n"));
    }

    #[test]
    fn broken_file_is_told_by_line_and_nothing_of_it_holds() {
        let bench = Bench::new("[ui]\ntheme = \"dark\"\ninterval = \n");
        let loaded = bench.load();
        assert_eq!(loaded.config.ui.theme, "terminal");
        assert!(
            bench.problems()[0].starts_with("config.toml:3: "),
            "{:?}",
            bench.problems()
        );
        for text in [
            "theme = \"dark\"",
            "ui = 3",
            "\"\" = 1",
            "[[ui]]",
            "keys = [1]",
        ] {
            let problems = Bench::new(text).problems();
            assert_eq!(problems.len(), 1, "{text}: {problems:?}");
        }
    }

    #[test]
    fn what_is_right_holds_beside_what_is_wrong() {
        let bench = Bench::new("[ui]\nread_only = true\ninterval = \"never\"\n");
        let loaded = bench.load();
        assert!(loaded.config.ui.is_read_only);
        assert_eq!(loaded.problems.len(), 1);
    }

    #[test]
    fn environment_goes_over_the_file_and_flags_over_both() {
        let mut bench = Bench::new("[ui]\ntheme = \"dark\"\ncpu = \"quota\"\n");
        bench.env.push(("WHARF_THEME", "light".into()));
        assert_eq!(bench.load().config.ui.theme, "light");
        let flag = ("--theme", "ui.theme".to_owned(), "contrast".to_owned());
        bench.overrides.settings.push(flag);
        let loaded = bench.load();
        assert_eq!(
            (loaded.config.ui.theme.as_str(), loaded.problems.len()),
            ("contrast", 0)
        );
        let told: Vec<_> = loaded
            .config
            .values()
            .filter(|(_, _, origin)| **origin != Origin::Default)
            .map(|(setting, value, _)| format!("{} {}", setting.key, value.to_toml()))
            .collect();
        assert_eq!(told, ["ui.theme \"contrast\"", "ui.cpu \"quota\""]);
        bench
            .overrides
            .settings
            .push(("--set", "ui.teme".into(), "x".into()));
        assert_eq!(
            bench.problems(),
            ["--set: ui.teme: there is no such setting; did you mean ui.theme?"]
        );
    }

    #[test]
    fn own_theme_changes_some_colours_of_its_base_and_can_be_chosen_by_a_flag() {
        let mut bench =
            Bench::new("[theme.mine]\nbase = \"dark\"\ngood = \"#00ff00\"\nquiet = \"dim\"\n");
        let flag = ("--theme", "ui.theme".to_owned(), "mine".to_owned());
        bench.overrides.settings.push(flag);
        let loaded = bench.load();
        assert_eq!(loaded.problems, []);
        let palette = loaded.config.palette();
        use crate::config::{Paint, Role};
        assert_eq!(
            palette.paint(Role::Good),
            Paint::Color(Color::Rgb(0, 255, 0))
        );
        assert_eq!(palette.paint(Role::Quiet), Paint::Dim);
        assert_eq!(palette.paint(Role::Bad), SHIPPED[1].1.paint(Role::Bad));
    }

    #[test]
    fn swapped_keys_are_no_clash_and_confirmations_are_obeyed() {
        let bench = Bench::new(
            "[keys]\n\"container.stop\" = [\"d\"]\n\"container.remove\" = [\"s\"]\n\
             [confirm]\n\"container.stop\" = \"always\"\n\"container.remove\" = \"never\"\n",
        );
        let loaded = bench.load();
        assert_eq!(loaded.problems, []);
        let config = loaded.config;
        assert_eq!(
            config.keymap.shown(Action::Stop.spec()).as_deref(),
            Some("d")
        );
        assert!(config.asks_before(Action::Stop.spec()));
        assert!(!config.asks_before(Action::Remove.spec()));
    }

    #[test]
    fn named_file_must_exist_and_others_need_not() {
        let bench = Bench {
            env: vec![("WHARF_CONFIG", "/nonexistent/x.toml".into())],
            ..Bench::new("")
        };
        assert_eq!(bench.load().problems.len(), 1);
        let bench = Bench {
            env: vec![("HOME", "/nonexistent".into())],
            ..Bench::new("")
        };
        assert!(bench.load().problems.is_empty());
        let devnull = Bench {
            env: vec![("WHARF_CONFIG", "/dev/null".into())],
            ..Bench::new("")
        };
        assert!(devnull.load().problems.is_empty());
    }

    #[test]
    fn files_are_looked_for_where_the_xdg_specification_says() {
        let paths = |home: Option<&str>, xdg: Option<&str>| {
            candidates(|name| match name {
                "HOME" => home.map(str::to_owned),
                "XDG_CONFIG_HOME" => xdg.map(str::to_owned),
                _ => None,
            })
        };
        assert_eq!(
            paths(Some("/h"), None),
            [
                PathBuf::from("/h/.config/wharf/config.toml"),
                "/etc/wharf/config.toml".into()
            ]
        );
        assert_eq!(
            paths(Some("/h"), Some("/x"))[0],
            PathBuf::from("/x/wharf/config.toml")
        );
        assert_eq!(paths(None, Some("relative")).len(), 1);
    }
}
