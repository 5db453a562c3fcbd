//! `--chmod`: a mode in octal, or a change of one as chmod(1) writes it.

/// What becomes of a mode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModeChange {
    /// This, whatever it was.
    Octal(u32),
    /// These changes, one after the other.
    Symbolic(Vec<Clause>),
}

/// One change, such as the `go-w` of `u+x,go-w`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clause {
    /// Bits of those whose permissions change: 0o700, 0o070, 0o007.
    who: u32,
    operator: char,
    what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum What {
    /// Of `rwxXst`.
    Letters(String),
    /// What `u`, `g` or `o` have.
    Copy(char),
}

impl ModeChange {
    /// Reads one. Unlike chmod's, clauses that name nobody are for all: a build has no
    /// umask.
    ///
    /// # Errors
    /// What is no mode, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("--chmod={text} is no mode; 0755 and u=rwX,go=rX are");
        if text.starts_with(|c: char| c.is_ascii_digit()) {
            let octal = u32::from_str_radix(text, 8).ok();
            let octal = octal.filter(|mode| *mode <= 0o7777);
            return octal.map(Self::Octal).ok_or_else(wrong);
        }
        let mut clauses = Vec::new();
        for part in text.split(',') {
            let names = part.find(['+', '-', '=']).ok_or_else(wrong)?;
            let (who, mut rest) = part.split_at(names);
            let mut bits = 0;
            for who in who.chars() {
                bits |= match who {
                    'u' => 0o700,
                    'g' => 0o070,
                    'o' => 0o007,
                    'a' => 0o777,
                    _ => return Err(wrong()),
                };
            }
            let who = if bits == 0 { 0o777 } else { bits };
            while let Some(operator) = rest.chars().next() {
                let end = rest[1..]
                    .find(['+', '-', '='])
                    .map_or(rest.len(), |end| end + 1);
                let letters = &rest[1..end];
                rest = &rest[end..];
                let what = match letters {
                    "u" | "g" | "o" => What::Copy(letters.chars().next().ok_or_else(wrong)?),
                    _ if letters.chars().all(|c| "rwxXst".contains(c)) => {
                        What::Letters(letters.to_owned())
                    }
                    _ => return Err(wrong()),
                };
                clauses.push(Clause {
                    who,
                    operator,
                    what,
                });
            }
        }
        Ok(Self::Symbolic(clauses))
    }

    /// What a mode becomes.
    pub fn apply(&self, mode: u32, is_directory: bool) -> u32 {
        match self {
            Self::Octal(octal) => *octal,
            Self::Symbolic(clauses) => clauses.iter().fold(mode & 0o7777, |mode, clause| {
                clause.apply(mode, is_directory)
            }),
        }
    }
}

impl Clause {
    fn apply(&self, mode: u32, is_directory: bool) -> u32 {
        let all = |bits: u32| bits * 0o111;
        let mut bits = 0;
        match &self.what {
            What::Copy(from) => {
                let shift = match from {
                    'u' => 6,
                    'g' => 3,
                    _ => 0,
                };
                bits = all((mode >> shift) & 7) & self.who;
            }
            What::Letters(letters) => {
                for letter in letters.chars() {
                    bits |= match letter {
                        'r' => all(4) & self.who,
                        'w' => all(2) & self.who,
                        'x' => all(1) & self.who,
                        'X' if is_directory || mode & 0o111 != 0 => all(1) & self.who,
                        's' => special(self.who, 0o4000, 0o2000, 0),
                        't' => special(self.who, 0, 0, 0o1000),
                        _ => 0,
                    };
                }
            }
        }
        match self.operator {
            '+' => mode | bits,
            '-' => mode & !bits,
            _ => {
                // A directory keeps its special bits unless they are named (chmod(1)).
                let special = match is_directory {
                    true => 0,
                    false => special(self.who, 0o4000, 0o2000, 0),
                };
                (mode & !(self.who | special)) | bits
            }
        }
    }
}

fn special(who: u32, user: u32, group: u32, other: u32) -> u32 {
    let of = |class: u32, bit: u32| if who & class != 0 { bit } else { 0 };
    of(0o700, user) | of(0o070, group) | of(0o777, other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_chmods() {
        for (text, before, file, directory) in [
            ("0755", 0o600, 0o755, 0o755),
            ("4711", 0o600, 0o4711, 0o4711),
            ("u=rwX,go=rX", 0o600, 0o644, 0o755),
            ("+x", 0o644, 0o755, 0o755),
            ("go-rwx", 0o777, 0o700, 0o700),
            ("a=r,u+w", 0o777, 0o644, 0o644),
            ("u+s,g+s,+t", 0o755, 0o7755, 0o7755),
            ("g=u", 0o640, 0o660, 0o660),
            ("u=rw,u-w+x", 0o000, 0o500, 0o500),
            ("u=rwx", 0o4755, 0o755, 0o4755),
        ] {
            let change = ModeChange::parse(text).unwrap();
            assert_eq!(change.apply(before, false), file, "{text} of a file");
            assert_eq!(
                change.apply(before, true),
                directory,
                "{text} of a directory"
            );
        }
    }

    #[test]
    fn what_is_no_mode_is_refused() {
        for text in ["", "rwx", "888", "77777", "z+x", "u+q", "u", ",", "u+rg"] {
            assert!(ModeChange::parse(text).is_err(), "{text}");
        }
    }
}
