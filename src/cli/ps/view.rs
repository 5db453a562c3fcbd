//! From containers to text: a grid, records, JSON, ids, or a template.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::{
    cli::{
        failure::Failure,
        output::Output,
        table::{Cell, Format, GridColumn, Row, fields, grid},
    },
    format::{
        Tone,
        columns::{CONTAINERS, Column, Item, Size, find},
        group::{GroupBy, GroupKey},
        text::truncate,
        totals::Totals,
        trouble::troubles,
    },
    model::{ContainerRow, World},
};

/// Columns in the order in which they go where a terminal is too narrow. The name is not
/// among them.
const LADDER: &[&str] = &[
    "networks",
    "created",
    "command",
    "oom_kills",
    "restarts",
    "trouble",
    "size",
    "block_io",
    "net_io",
    "net_out",
    "net_in",
    "read",
    "ports",
    "image",
    "pids",
    "write",
    "id",
    "memory_share",
    "memory",
    "cpu",
    "status",
];

/// Most columns of a command, unless nothing is to be cut.
const COMMAND: usize = 48;

/// Docker's fields of `ps`, which `--format json` tells.
const DOCKER_FIELDS: [&str; 14] = [
    "Command",
    "CreatedAt",
    "ID",
    "Image",
    "Labels",
    "LocalVolumes",
    "Mounts",
    "Names",
    "Networks",
    "Ports",
    "RunningFor",
    "Size",
    "State",
    "Status",
];

/// What docker's `stats` calls fields that its `ps` calls otherwise.
const ALIASES: [(&str, &str); 2] = [("Container", "ID"), ("Name", "Names")];

/// What containers are told as.
#[derive(Clone, Debug)]
pub enum Shape {
    /// A table.
    Grid,
    /// One record a container.
    Long,
    /// One id a line.
    Ids,
    /// A JSON array.
    Json,
    /// As `--format` says.
    Format(Format),
}

/// What is told of containers, and how.
#[derive(Clone, Debug)]
pub struct View {
    /// As what.
    pub shape: Shape,
    /// The columns of a grid.
    pub columns: Vec<&'static str>,
    /// How they are grouped.
    pub group: Option<GroupBy>,
    /// Whether sums stand at the end.
    pub totals: bool,
    /// Whether nothing is cut.
    pub full: bool,
    /// Whether usage was measured.
    pub stats: bool,
}

/// The items of rows; `sizes` is empty or has one for each.
pub fn items<'a>(
    rows: &[&'a ContainerRow],
    sizes: &[Size],
    world: &'a World,
    now: Timestamp,
    full: bool,
    output: &Output,
) -> Vec<Item<'a>> {
    let item = |(index, row): (usize, &&'a ContainerRow)| Item {
        size: sizes.get(index).copied(),
        full,
        glyphs: output.glyphs,
        ..Item::new(row, &world.host, now)
    };
    rows.iter().enumerate().map(item).collect()
}

impl View {
    /// The text of these items.
    pub fn render(&self, items: &[Item], output: &Output) -> Result<String, Failure> {
        match &self.shape {
            Shape::Grid => Ok(self.grid(items, output)),
            Shape::Ids => {
                let id = column("id").cell;
                Ok(items.iter().map(|item| id(item) + "\n").collect())
            }
            Shape::Long => {
                let records: Vec<_> = items.iter().map(record).collect();
                Ok(records.join("\n"))
            }
            Shape::Json => {
                let all: Vec<Value> = items.iter().map(object).collect();
                Ok(format!("{:#}\n", Value::Array(all)))
            }
            Shape::Format(format) => self.formatted(format, items),
        }
    }

    fn grid(&self, items: &[Item], output: &Output) -> String {
        let mut output = *output;
        if self.full {
            output.width = None;
        }
        let columns: Vec<&Column> = self.columns.iter().map(|id| column(id)).collect();
        // A column of nothing is room that others can use.
        let is_shown = |column: &&Column| {
            column.id != "trouble" || items.iter().any(|item| !(column.cell)(item).is_empty())
        };
        let columns: Vec<_> = columns.into_iter().filter(is_shown).collect();
        let titles: Vec<GridColumn> = columns
            .iter()
            .map(|column| GridColumn {
                id: column.id,
                title: column.title,
                width: column.width,
                align: column.align,
            })
            .collect();
        let lines =
            |item: &Item| Row::Cells(columns.iter().map(|c| cell(c, item, &output)).collect());
        let sums = |totals: Totals| {
            Row::Strong(columns.iter().map(|c| totals.cell(c.id).into()).collect())
        };
        let mut rows = Vec::with_capacity(items.len() + 1);
        match &self.group {
            None => rows.extend(items.iter().map(lines)),
            Some(group) => {
                for (key, members) in grouped(items, group) {
                    let totals = Totals::of(members.iter().copied());
                    rows.push(Row::Heading(format!("{} ({})", key.name, totals.words())));
                    rows.extend(members.iter().map(|item| lines(item)));
                    if self.stats && members.len() > 1 {
                        rows.push(sums(totals));
                    }
                }
            }
        }
        if !items.is_empty() && (self.totals || (self.stats && self.group.is_some())) {
            rows.push(sums(Totals::of(items)));
        }
        grid(&titles, &rows, LADDER, &output)
    }

    fn formatted(&self, format: &Format, items: &[Item]) -> Result<String, Failure> {
        let chosen = |name: &str| {
            let is_json = matches!(format, Format::Json);
            !is_json || self.stats || DOCKER_FIELDS.contains(&name)
        };
        let rows: Vec<Value> = items
            .iter()
            .map(|item| {
                let fields = CONTAINERS.iter().filter(|column| chosen(column.field));
                let pairs = fields.map(|c| {
                    let alias = ALIASES.iter().find(|(_, field)| *field == c.field);
                    let is_used = |name| format.may_use(name);
                    let value = match is_used(c.field) || alias.is_some_and(|(a, _)| is_used(a)) {
                        true => Value::String(c.template.unwrap_or(c.cell)(item)),
                        false => Value::Null,
                    };
                    (c.field.to_owned(), value)
                });
                let mut pairs: Vec<_> = pairs.collect();
                if self.stats {
                    let same = |(alias, field): &(&str, &str)| {
                        let (_, value) = pairs.iter().find(|(name, _)| name == field)?;
                        Some(((*alias).to_owned(), value.clone()))
                    };
                    let same: Vec<_> = ALIASES.iter().filter_map(same).collect();
                    pairs.extend(same);
                }
                if matches!(format, Format::Json) {
                    // Docker tells them by name.
                    pairs.sort_by(|a, b| a.0.cmp(&b.0));
                }
                Value::Object(pairs.into_iter().collect())
            })
            .collect();
        let label = |row: usize, name: &str, args: &[Value]| {
            let ("Label", Some(Value::String(key))) = (name, args.first()) else {
                return None;
            };
            let value = items[row].container.config.labels.get(key);
            Some(json!(value.cloned().unwrap_or_default()))
        };
        format.render(&rows, &headings(), &label)
    }
}

/// A title for each field: docker's where they differ from ours.
fn headings() -> Value {
    let title = |column: &Column| match column.field {
        "ID" => "CONTAINER ID",
        "Names" => "NAMES",
        "CPUPerc" => "CPU %",
        "MemUsage" => "MEM USAGE / LIMIT",
        "MemPerc" => "MEM %",
        "BlockIO" => "BLOCK I/O",
        _ => column.title,
    };
    let pairs = CONTAINERS
        .iter()
        .map(|c| (c.field.to_owned(), json!(title(c))));
    let aliases = ALIASES.map(|(name, _)| (name.to_owned(), json!(name.to_uppercase())));
    Value::Object(pairs.chain(aliases).collect::<Map<_, _>>())
}

fn column(id: &str) -> &'static Column {
    find(CONTAINERS, id).expect("a test holds our own choices against the columns")
}

/// A cell of the grid. State is told by sign and colour, load by colour from where it
/// matters; nothing else has one.
fn cell(column: &Column, item: &Item, output: &Output) -> Cell {
    let text = (column.cell)(item);
    match column.id {
        // Docker cuts commands even in a pipe; they are whole scripts sometimes.
        "command" if !item.full => truncate(&text, COMMAND, output.glyphs).into_owned().into(),
        // A pipe gets docker's words alone.
        "status" if output.width.is_some() => Cell {
            text: format!("{} {text}", output.glyphs.state(item.container.state)),
            tone: Some(Tone::of(item.container)),
        },
        "status" => Cell {
            text,
            tone: Some(Tone::of(item.container)),
        },
        "trouble" => Cell {
            text,
            tone: troubles(item).first().map(|trouble| trouble.tone(item)),
        },
        _ => {
            let share = column.share.and_then(|share| share(item));
            let tone = share.map(Tone::of_share).filter(|tone| *tone != Tone::Good);
            Cell { text, tone }
        }
    }
}

fn grouped<'i, 'a>(items: &'i [Item<'a>], by: &GroupBy) -> BTreeMap<GroupKey, Vec<&'i Item<'a>>> {
    let mut groups: BTreeMap<_, Vec<&Item>> = BTreeMap::new();
    for item in items {
        groups.entry(by.key(item)).or_default().push(item);
    }
    groups
}

/// All columns by their ids.
fn object(item: &Item) -> Value {
    let pairs = CONTAINERS.iter().map(|c| (c.id.to_owned(), (c.json)(item)));
    Value::Object(pairs.collect::<Map<_, _>>())
}

/// All columns that say something, one a line.
fn record(item: &Item) -> String {
    let unknown = item.glyphs.unknown();
    let whole = Item {
        full: true,
        ..*item
    };
    let pairs = CONTAINERS.iter().filter_map(|c| {
        let text = (c.cell)(&whole);
        let says = !text.is_empty() && text != unknown;
        says.then(|| (c.id.replace('_', " "), json!(text)))
    });
    fields(&Value::Object(pairs.collect::<Map<_, _>>()))
}
