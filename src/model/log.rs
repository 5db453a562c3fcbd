//! Whether and how a container's output is kept.

use std::{collections::BTreeMap, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// How a container's output is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LogConfig {
    /// By what.
    pub driver: LogDriver,
    /// Bytes after which a file is put aside; 16 MiB if nothing is said.
    pub max_size_bytes: Option<u64>,
    /// Files that are kept, the current one included; two if nothing is said.
    pub max_files: Option<u32>,
}

/// What keeps a container's output.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogDriver {
    /// Files, as docker's users expect them to be called.
    #[default]
    JsonFile,
    /// The same files by docker's other name.
    Local,
    /// Nothing: who is attached sees it, and nobody later.
    None,
    /// One that another engine has.
    Other(String),
}

impl LogDriver {
    /// Whether what was written can be read again.
    pub fn is_kept(&self) -> bool {
        *self != Self::None
    }
}

impl FromStr for LogDriver {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match word {
            "" | "json-file" => Ok(Self::JsonFile),
            "local" => Ok(Self::Local),
            "none" => Ok(Self::None),
            word => Err(format!(
                "there is no log driver {word:?}: it is json-file, local or none"
            )),
        }
    }
}

impl fmt::Display for LogDriver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::JsonFile => "json-file",
            Self::Local => "local",
            Self::None => "none",
            Self::Other(word) => word,
        })
    }
}

impl LogConfig {
    /// Its options by docker's names.
    pub fn options(&self) -> BTreeMap<String, String> {
        let size = self.max_size_bytes.map(size);
        let files = self.max_files.map(|files| files.to_string());
        let all = [("max-size", size), ("max-file", files)];
        let said = all
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?)));
        said.collect()
    }
}

/// In the largest unit that says it exactly.
fn size(bytes: u64) -> String {
    let units = [(1 << 30, "g"), (1 << 20, "m"), (1 << 10, "k")];
    let unit = units
        .into_iter()
        .find(|(unit, _)| bytes > 0 && bytes.is_multiple_of(*unit));
    let (unit, letter) = unit.unwrap_or((1, ""));
    format!("{}{letter}", bytes / unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drivers_and_options_have_dockers_names() {
        for word in ["json-file", "local", "none"] {
            assert_eq!(word.parse::<LogDriver>().unwrap().to_string(), word);
        }
        "journald".parse::<LogDriver>().unwrap_err();
        let config = LogConfig {
            max_size_bytes: Some(10 << 20),
            max_files: Some(3),
            ..LogConfig::default()
        };
        let options: Vec<_> = config.options().into_iter().collect();
        let said = [("max-file", "3"), ("max-size", "10m")];
        assert_eq!(options, said.map(|(a, b)| (a.to_owned(), b.to_owned())));
        assert_eq!((size(1500).as_str(), size(2048).as_str()), ("1500", "2k"));
    }
}
