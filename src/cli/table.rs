//! Tables and records on standard output: our own grid, which fits its terminal, and
//! docker's `--format`.

use serde_json::Value;

use super::{failure::Failure, output::Output};
use crate::format::{
    Glyphs, Tone,
    columns::{Align, Width},
    template::{Template, align_tabs, unescape},
    text::{fit, width},
};

/// Columns between two columns of a grid.
const GAP: usize = 2;

/// A column of a grid.
#[derive(Clone, Copy, Debug)]
pub struct GridColumn<'a> {
    /// What it is called.
    pub id: &'a str,
    /// What stands above it.
    pub title: &'a str,
    /// How wide it is.
    pub width: Width,
    /// On which side its text is.
    pub align: Align,
}

/// A cell of a grid; several lines are set below each other.
#[derive(Clone, Debug, Default)]
pub struct Cell {
    /// Its text.
    pub text: String,
    /// Its tone, if it has one.
    pub tone: Option<Tone>,
}

/// A line of a grid.
#[derive(Clone, Debug)]
pub enum Row {
    /// One cell a column.
    Cells(Vec<Cell>),
    /// The same, standing out: totals.
    Strong(Vec<Cell>),
    /// A text across all columns: the heading of a group.
    Heading(String),
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self { text, tone: None }
    }
}

/// The grid as text. In a terminal it fits: columns shrink to their least, and those of
/// `ladder` go, first to last, until the rest fits; what isn't in it never goes. Its last
/// is the dearest: it is cut only if all others went. Columns without any text are left
/// out. In a pipe nothing is cut and nothing goes.
pub fn grid(columns: &[GridColumn], rows: &[Row], ladder: &[&str], output: &Output) -> String {
    let naturals: Vec<usize> = (0..columns.len())
        .map(|column| natural_width(column, rows))
        .collect();
    let mut shown: Vec<usize> = (0..columns.len())
        .filter(|column| naturals[*column] > 0 || rows.is_empty())
        .collect();
    let widest = |column: usize| naturals[column].max(width(columns[column].title));
    let mut widths: Vec<usize> = (0..columns.len()).map(widest).collect();
    if let Some(room) = output.width {
        for (column, width) in widths.iter_mut().enumerate() {
            *width = bounded(columns[column].width, *width);
        }
        let (dearest, others) = ladder.split_last().unwrap_or((&"", &[]));
        let mut least: Vec<usize> = columns
            .iter()
            .zip(&widths)
            .map(|(column, wanted)| match column.id == *dearest {
                true => *wanted,
                false => least(*column, *wanted),
            })
            .collect();
        let needed = |shown: &[usize], least: &[usize]| -> usize {
            let cells: usize = shown.iter().map(|c| least[*c]).sum();
            cells + GAP * shown.len().saturating_sub(1)
        };
        for id in others {
            if needed(&shown, &least) <= room {
                break;
            }
            shown.retain(|column| columns[*column].id != *id);
        }
        if let Some(index) = columns.iter().position(|column| column.id == *dearest) {
            let over = needed(&shown, &least).saturating_sub(room);
            let bottom = self::least(columns[index], widths[index]).min(10);
            if over > 0 && least[index] >= bottom + over {
                least[index] -= over;
            } else if over > 0 {
                shown.retain(|column| *column != index);
            }
        }
        let spare = room.saturating_sub(needed(&shown, &least));
        share(spare, &shown, &mut widths, &least);
    }
    let mut out = String::new();
    let titles: Vec<Cell> = columns.iter().map(|c| c.title.to_owned().into()).collect();
    let lay = |cells: &[Cell], strong: bool| set(cells, columns, &shown, &widths, strong, output);
    out.push_str(&lay(&titles, true));
    for row in rows {
        match row {
            Row::Cells(cells) => out.push_str(&lay(cells, false)),
            Row::Strong(cells) => out.push_str(&lay(cells, true)),
            Row::Heading(text) => {
                out.push_str(&output.bold(text));
                out.push('\n');
            }
        }
    }
    out
}

fn natural_width(column: usize, rows: &[Row]) -> usize {
    let cells = rows.iter().filter_map(|row| match row {
        Row::Cells(cells) | Row::Strong(cells) => cells.get(column),
        Row::Heading(_) => None,
    });
    cells
        .flat_map(|cell| cell.text.lines().map(width))
        .max()
        .unwrap_or(0)
}

fn bounded(rule: Width, wanted: usize) -> usize {
    match rule {
        Width::Fixed(columns) => usize::from(columns),
        Width::Fit { max, .. } => wanted.min(usize::from(max)),
        Width::Whole => wanted,
    }
}

/// The least width of a column: text can be cut to its rule's least, figures can't.
fn least(column: GridColumn, wanted: usize) -> usize {
    match (column.width, column.align) {
        (Width::Fit { min, .. }, Align::Left) => {
            wanted.min(usize::from(min).max(width(column.title)))
        }
        _ => wanted,
    }
}

/// Gives what is spare to the columns that were cut, left to right.
fn share(mut spare: usize, shown: &[usize], widths: &mut [usize], least: &[usize]) {
    for column in shown {
        let wanted = widths[*column] - least[*column];
        let given = wanted.min(spare);
        widths[*column] = least[*column] + given;
        spare -= given;
    }
}

fn set(
    cells: &[Cell],
    columns: &[GridColumn],
    shown: &[usize],
    widths: &[usize],
    strong: bool,
    output: &Output,
) -> String {
    let height = shown
        .iter()
        .filter_map(|column| cells.get(*column))
        .map(|cell| cell.text.lines().count())
        .max();
    let mut out = String::new();
    for line in 0..height.unwrap_or(1).max(1) {
        let mut text = String::new();
        // Trailing blanks are left out, so that a line never wraps for nothing.
        let mut blanks = 0;
        for (place, column) in shown.iter().enumerate() {
            let cell = cells.get(*column).cloned().unwrap_or_default();
            let part = cell.text.lines().nth(line).unwrap_or_default();
            let fitted = fit(part, widths[*column], columns[*column].align, output.glyphs);
            let body = fitted.trim_end();
            let leading = body.len() - body.trim_start().len();
            if place > 0 {
                blanks += GAP;
            }
            if body.is_empty() {
                blanks += widths[*column];
                continue;
            }
            text.extend(std::iter::repeat_n(' ', blanks + leading));
            let body = body.trim_start();
            text.push_str(&match cell.tone {
                Some(tone) => output.paint(tone, body),
                None if strong => output.bold(body),
                None => body.to_owned(),
            });
            blanks = fitted.len() - fitted.trim_end().len();
        }
        out.push_str(&text);
        out.push('\n');
    }
    out
}

/// Answers a method call on the row with that number.
pub type RowMethods<'a> = &'a dyn Fn(usize, &str, &[Value]) -> Option<Value>;

/// How `--format` wants things to be told.
#[derive(Clone, Debug)]
pub enum Format {
    /// One JSON object a line.
    Json,
    /// A template with a heading, its cells separated by tabulators.
    Table(Template),
    /// A template a line.
    Plain(Template),
}

impl Format {
    /// Reads docker's formats.
    pub fn parse(format: &str) -> Result<Self, Failure> {
        let parse = |text: &str| Template::parse(&unescape(text)).map_err(malformed);
        match format {
            "json" => Ok(Self::Json),
            _ => match format.strip_prefix("table") {
                Some(rest) if rest.trim().is_empty() => Err(Failure::usage(
                    "--format table: a template is missing after it",
                )
                .with_hint(r"such as 'table {{.Names}}\t{{.Status}}'")),
                Some(rest) if rest.starts_with([' ', '\\', '\t']) => {
                    Ok(Self::Table(parse(rest.trim_start())?))
                }
                _ => Ok(Self::Plain(parse(format)?)),
            },
        }
    }

    /// Whether a field may be told: what is costly need not be found out otherwise.
    pub fn may_use(&self, field: &str) -> bool {
        match self {
            Self::Json => true,
            Self::Table(template) | Self::Plain(template) => template.may_use(field),
        }
    }

    /// All rows as text. `headings` holds a title for each field; `method` answers calls
    /// such as `.Label "key"` on a row.
    pub fn render(
        &self,
        rows: &[Value],
        headings: &Value,
        method: RowMethods,
    ) -> Result<String, Failure> {
        let fill = |template: &Template, row: usize, data: &Value| {
            template
                .render(data, &|name, args| method(row, name, args))
                .map_err(malformed)
        };
        let filled = |template: &Template| -> Result<Vec<String>, Failure> {
            let rows = rows.iter().enumerate();
            rows.map(|(index, data)| fill(template, index, data))
                .collect()
        };
        match self {
            Self::Json => Ok(rows.iter().map(|row| format!("{row}\n")).collect()),
            Self::Plain(template) => {
                let lines = filled(template)?;
                Ok(lines.iter().map(|line| format!("{line}\n")).collect())
            }
            Self::Table(template) => {
                let heading = template
                    .render(headings, &|_, args| {
                        // Docker's heading of `.Label "com.x.key"` is the label itself.
                        args.first().cloned()
                    })
                    .map_err(malformed)?;
                let lines: Vec<String> =
                    std::iter::once(heading).chain(filled(template)?).collect();
                Ok(align_tabs(&lines))
            }
        }
    }
}

fn malformed(error: impl std::fmt::Display) -> Failure {
    Failure::usage(format!("--format: {error}"))
        .with_hint(r"a Go template, such as 'table {{.Names}}\t{{.Status}}', or json")
}

/// One thing by `json` or a template.
pub fn of_format(format: &str, data: &Value) -> Result<String, Failure> {
    if format == "json" {
        return Ok(data.to_string());
    }
    let template = Template::parse(format).map_err(malformed)?;
    template.render(data, &|_, _| None).map_err(malformed)
}

/// The fields of an object, one a line; lists one item a line.
pub fn fields(data: &Value) -> String {
    let Value::Object(map) = data else {
        return String::new();
    };
    let widest = map.keys().map(|key| width(key)).max().unwrap_or(0);
    let mut out = String::new();
    for (key, value) in map {
        let lines = match value {
            Value::Null => continue,
            Value::Array(list) => list.iter().map(plain).collect(),
            Value::Object(map) => map
                .iter()
                .map(|(k, v)| format!("{k}={}", plain(v)))
                .collect(),
            other => vec![plain(other)],
        };
        for (index, line) in lines.iter().filter(|line| !line.is_empty()).enumerate() {
            let label = if index == 0 { key.as_str() } else { "" };
            out.push_str(&fit(label, widest, Align::Left, Glyphs::Unicode));
            out.push_str("  ");
            out.push_str(&crate::format::text::sanitize(line));
            out.push('\n');
        }
    }
    out
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
