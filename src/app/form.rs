//! Forms that make something: fields that become the words of a command, which the
//! command line's own parser reads. What the form shows is that command.

use ratatui::layout::Rect;

use super::{State, centered};
use crate::{
    engine,
    model::{BuildRequest, Planned},
};

/// Reads the words of a command line that makes something as the command would.
pub type Plan = fn(&[String]) -> Result<Planned, String>;

/// Reads those of `wharf build …`, and the files that it names. Blocks.
pub type Order = fn(&[String]) -> engine::Result<BuildRequest>;

/// What a form makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Makes {
    Container,
    Image,
    Network,
    Connection,
    Volume,
}

impl Makes {
    /// What stands above the form.
    pub fn title(self) -> &'static str {
        match self {
            Self::Container => "Run a container",
            Self::Image => "Build an image",
            Self::Network => "Make a network",
            Self::Connection => "Connect a container",
            Self::Volume => "Make a volume",
        }
    }

    /// What its command begins with.
    fn command(self) -> &'static [&'static str] {
        match self {
            Self::Container => &["wharf", "run", "-d"],
            Self::Image => &["wharf", "build"],
            Self::Network => &["wharf", "network", "create"],
            Self::Connection => &["wharf", "network", "connect"],
            Self::Volume => &["wharf", "volume", "create"],
        }
    }
}

/// For dashboards without a command line.
pub fn no_plan(_: &[String]) -> Result<Planned, String> {
    Err("this dashboard has no command line to read it by".into())
}

/// The same.
pub fn no_order(_: &[String]) -> engine::Result<BuildRequest> {
    let error = engine::EngineError::new(engine::ErrorKind::Unsupported, "build", "");
    Err(error.because("this dashboard has no command line to read it by"))
}

/// A form.
#[derive(Clone, Debug)]
pub struct Form {
    /// What it makes.
    pub makes: Makes,
    /// Its fields, in order.
    pub fields: Vec<Field>,
    /// The one that keys go to.
    pub cursor: usize,
    /// What can be put in the field under the cursor.
    pub offers: Vec<String>,
    /// What the command line makes of it, or what is wrong.
    pub planned: Result<Planned, String>,
    /// Whether something was typed: an empty form is not told that it is wrong.
    pub is_touched: bool,
}

/// A field.
#[derive(Clone, Debug)]
pub struct Field {
    /// Its name.
    pub title: &'static str,
    /// What goes into it.
    pub hint: &'static str,
    /// What it becomes.
    pub flag: Flag,
    /// What is in it.
    pub value: Value,
}

/// What a field becomes in the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flag {
    /// An argument of its own, which must be there.
    Operand,
    /// The same, if something is in it.
    Optional,
    /// The directory of files to copy from.
    Context,
    /// The words after the arguments.
    Command,
    /// A flag with the value.
    One(&'static str),
    /// A flag for each word of the value.
    Each(&'static str),
    /// A flag alone, if it is set.
    Switch(&'static str),
}

/// What is in a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// What was typed.
    Text(String),
    /// One of several, the first being what holds without the flag.
    OneOf(usize, &'static [&'static str]),
    /// Yes or no.
    Is(bool),
}

const RESTART: &[&str] = &["no", "on-failure", "always", "unless-stopped"];

impl Form {
    /// An empty form that runs a container of an image.
    pub fn run(image: &str) -> Self {
        let fields = vec![
            filled(
                "image",
                "the image; right takes what is offered",
                Flag::Operand,
                image,
            ),
            text("command", "the image's own if left empty", Flag::Command),
            text(
                "name",
                "two random words if left empty",
                Flag::One("--name"),
            ),
            text(
                "cpus",
                "most CPU in cores, such as 1.5",
                Flag::One("--cpus"),
            ),
            text("memory", "most memory, such as 512m", Flag::One("--memory")),
            text(
                "pids",
                "most processes and threads",
                Flag::One("--pids-limit"),
            ),
            text(
                "mounts",
                "SOURCE:TARGET[:ro], several with blanks between",
                Flag::Each("--volume"),
            ),
            text(
                "variables",
                "KEY=VALUE, several with blanks between",
                Flag::Each("--env"),
            ),
            text(
                "directory",
                "working directory inside",
                Flag::One("--workdir"),
            ),
            text("user", "USER[:GROUP]", Flag::One("--user")),
            Field {
                title: "restart",
                hint: "when it is started again",
                flag: Flag::One("--restart"),
                value: Value::OneOf(0, RESTART),
            },
            text(
                "networks",
                "the configured one if left empty; none, host, or several with blanks between",
                Flag::Each("--network"),
            ),
            text(
                "ports",
                "[IP:][HOST:]PORT[/PROTOCOL], several with blanks between",
                Flag::Each("--publish"),
            ),
            switch("terminal", "give it a terminal", "-t"),
            switch("stdin", "keep its stdin open", "-i"),
            switch("remove", "remove it when it exits", "--rm"),
        ];
        // Whoever comes from an image wants to say what runs in it.
        Self::new(Makes::Container, fields, usize::from(!image.is_empty()))
    }

    /// An empty form that builds an image of what is here.
    pub fn build() -> Self {
        let fields = vec![
            filled(
                "context",
                "the directory with the files; right takes what is offered",
                Flag::Context,
                "./",
            ),
            text(
                "names",
                "NAME[:TAG], several with blanks between",
                Flag::Each("--tag"),
            ),
            text(
                "dockerfile",
                "Dockerfile or Containerfile in the context if left empty",
                Flag::One("--file"),
            ),
            text(
                "target",
                "the last stage if left empty",
                Flag::One("--target"),
            ),
            text(
                "arguments",
                "NAME=VALUE, several with blanks between",
                Flag::Each("--build-arg"),
            ),
            switch(
                "no cache",
                "run every step, whatever the cache knows",
                "--no-cache",
            ),
            switch("pull", "ask for base images anew", "--pull"),
        ];
        Self::new(Makes::Image, fields, 0)
    }

    /// An empty form that makes a network.
    pub fn network() -> Self {
        let fields = vec![
            text("name", "letters, digits, _ . and -", Flag::Operand),
            text(
                "subnet",
                "a free one if left empty; such as 10.5.0.0/24, one of IPv6 beside it",
                Flag::Each("--subnet"),
            ),
            text(
                "gateway",
                "the host's address in it; its first if left empty",
                Flag::Each("--gateway"),
            ),
            text(
                "range",
                "the part of it that containers get addresses from",
                Flag::Each("--ip-range"),
            ),
            switch("ipv6", "give it IPv6 too", "--ipv6"),
            switch("internal", "let nothing outside be reached", "--internal"),
            text("mtu", "largest packet, bytes", Flag::One("--mtu")),
            text(
                "labels",
                "KEY=VALUE, several with blanks between",
                Flag::Each("--label"),
            ),
        ];
        Self::new(Makes::Network, fields, 0)
    }

    /// A form that puts a container on a network.
    pub fn connection(network: &str) -> Self {
        let fields = vec![
            filled("network", "which network", Flag::Operand, network),
            text(
                "container",
                "which container; right takes what is offered",
                Flag::Operand,
            ),
            text(
                "aliases",
                "what else it is found by there, several with blanks between",
                Flag::Each("--alias"),
            ),
            text("ip", "a free address if left empty", Flag::One("--ip")),
            text("ip6", "the same of IPv6", Flag::One("--ip6")),
            text("mac", "its address on the wire", Flag::One("--mac-address")),
        ];
        Self::new(Makes::Connection, fields, 1)
    }

    /// An empty form that makes a volume.
    pub fn volume() -> Self {
        let fields = vec![
            text("name", "64 random digits if left empty", Flag::Optional),
            text(
                "options",
                "what it lies on, as mount(8) has it: type=tmpfs device=tmpfs o=size=64m",
                Flag::Each("--opt"),
            ),
            text(
                "labels",
                "KEY=VALUE, several with blanks between",
                Flag::Each("--label"),
            ),
        ];
        Self::new(Makes::Volume, fields, 0)
    }

    fn new(makes: Makes, fields: Vec<Field>, cursor: usize) -> Self {
        Self {
            makes,
            fields,
            cursor,
            offers: Vec::new(),
            planned: Err(String::new()),
            is_touched: false,
        }
    }

    /// What a build is called: the first name of its image, else where its files are.
    pub fn build_title(&self) -> String {
        let text = |flag| {
            let field = self.fields.iter().find(|field| field.flag == flag)?;
            match &field.value {
                Value::Text(text) => text.split_whitespace().next(),
                _ => None,
            }
        };
        let named = text(Flag::Each("--tag")).or_else(|| text(Flag::Context));
        named.unwrap_or_default().to_owned()
    }

    /// The path that is typed, where the field under the cursor takes one, and whether only
    /// directories do.
    pub fn path(&self) -> Option<(&str, bool)> {
        let field = self.fields.get(self.cursor)?;
        match (&field.value, field.flag) {
            (Value::Text(text), Flag::Context) => Some((text, true)),
            (Value::Text(text), Flag::One("--file")) => Some((text, false)),
            _ => None,
        }
    }

    /// The field that keys go to.
    pub fn field(&mut self) -> &mut Field {
        let last = self.fields.len() - 1;
        &mut self.fields[self.cursor.min(last)]
    }

    /// The words of the command; what is wrong if a field can't be split into words.
    pub fn words(&self) -> Result<Vec<String>, String> {
        let begin = self.makes.command().iter();
        let mut words: Vec<String> = begin.map(|word| (*word).to_owned()).collect();
        let mut tail = Vec::new();
        for field in &self.fields {
            match (&field.value, field.flag) {
                (Value::Is(true), Flag::Switch(flag)) => words.push(flag.into()),
                (Value::OneOf(n @ 1.., of), Flag::One(flag)) => {
                    words.extend([flag.to_owned(), of[*n].to_owned()]);
                }
                (Value::Text(text), Flag::Operand | Flag::Context) if text.trim().is_empty() => {
                    let article = match field.title.starts_with(['a', 'e', 'i', 'o']) {
                        true => "an",
                        false => "a",
                    };
                    return Err(format!("{article} {} is needed", field.title));
                }
                (Value::Text(text), _) if text.trim().is_empty() => {}
                (Value::Text(text), Flag::One(flag)) => {
                    // A value that begins like a flag must not become one.
                    let text = text.trim();
                    if text.starts_with('-') {
                        words.push(format!("{flag}={text}"));
                    } else {
                        words.extend([flag.to_owned(), text.to_owned()]);
                    }
                }
                (Value::Text(text), Flag::Each(flag)) => {
                    for word in split(field.title, text)? {
                        words.push(format!("{flag}={word}"));
                    }
                }
                (Value::Text(text), Flag::Operand | Flag::Optional | Flag::Context) => {
                    if text.trim().starts_with('-') {
                        return Err(format!("{} is no {}", text.trim(), field.title));
                    }
                    tail.push(text.trim().to_owned());
                }
                (Value::Text(text), Flag::Command) => tail.extend(split(field.title, text)?),
                _ => {}
            }
        }
        words.extend(tail);
        Ok(words)
    }

    /// The command, as a shell reads it.
    pub fn command(&self) -> Result<String, String> {
        let words = self.words()?;
        let quoted: Vec<_> = words
            .iter()
            .map(|word| super::activity::quoted(word))
            .collect();
        Ok(quoted.join(" "))
    }

    /// Reads it again, after a change.
    pub fn plan(&mut self, plan: Plan) {
        self.planned = self.words().and_then(|words| plan(&words));
    }
}

/// Lines below the fields: the command, and what is wrong.
const BELOW: u16 = 5;

/// The area of the form.
pub fn form_area(state: &State, form: &Form) -> Rect {
    let columns = state.area.width.saturating_sub(6).min(100);
    let wanted = form.fields.len() as u16 + BELOW + 2;
    centered(
        state,
        columns,
        wanted.min(state.area.height.saturating_sub(1)),
    )
}

/// The first field shown, and how many lines fields have of those inside.
pub fn form_top(form: &Form, lines: u16) -> (usize, u16) {
    let room = lines - BELOW.min(lines / 2);
    ((form.cursor + 1).saturating_sub(usize::from(room)), room)
}

fn text(title: &'static str, hint: &'static str, flag: Flag) -> Field {
    filled(title, hint, flag, "")
}

fn filled(title: &'static str, hint: &'static str, flag: Flag, text: &str) -> Field {
    Field {
        title,
        hint,
        flag,
        value: Value::Text(text.to_owned()),
    }
}

fn switch(title: &'static str, hint: &'static str, flag: &'static str) -> Field {
    Field {
        title,
        hint,
        flag: Flag::Switch(flag),
        value: Value::Is(false),
    }
}

fn split(title: &str, text: &str) -> Result<Vec<String>, String> {
    shlex::split(text).ok_or_else(|| format!("{title}: a quotation mark is missing its other"))
}

#[cfg(test)]
mod tests;
