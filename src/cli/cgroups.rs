//! `wharf cgroups`

use clap::Args;
use serde_json::{Map, Value, json};

use super::{
    Context,
    failure::{Failure, Outcome},
    output::{Output, print},
    ps::MEASURE,
    table::{Cell, GridColumn, Row, grid},
};
use crate::{
    format::{
        Glyphs, Tone,
        columns::{
            Width,
            groups::{GROUPS, GroupItem, find},
        },
        tree::{self, Order, TreeLine},
    },
    model::{GroupKind, Visible, World},
};

/// Arguments of `cgroups`.
#[derive(Args, Debug)]
pub struct CgroupsArgs {
    /// All that is known, as one JSON array with figures as numbers
    #[arg(long)]
    json: bool,
    /// How many levels are shown
    #[arg(long, value_name = "N", default_value = "3")]
    depth: u16,
    /// Sort siblings by a column
    #[arg(long, value_name = "COLUMN", default_value = "cpu", value_parser = column)]
    sort: &'static str,
    /// Only groups whose path or name contains this, and those above them
    filter: Option<String>,
}

const VISIBLE: Visible = Visible {
    stats: true,
    groups: true,
    ..Visible::CONTAINERS
};

/// Columns in the order in which they go where a terminal is too narrow.
const LADDER: &[&str] = &[
    "pressure",
    "read",
    "write",
    "throttled",
    "pids",
    "memory",
    "cpu",
];

fn column(text: &str) -> Result<&'static str, String> {
    find(text).map(|column| column.id).ok_or_else(|| {
        let ids: Vec<_> = GROUPS.iter().map(|column| column.id).collect();
        format!("there are {}", ids.join(", "))
    })
}

/// Prints the machine's groups and what they use.
pub async fn run(args: &CgroupsArgs, context: &Context) -> Outcome {
    let listed = context.engine.world(VISIBLE).await?;
    let wanted = listed.groups.iter().map(|row| &row.group);
    let wanted = wanted.filter(|group| args.json || group.depth <= args.depth);
    let wanted = wanted.map(|group| group.path.clone()).collect();
    context.engine.count_groups(wanted);
    // Rates need two samples.
    context.engine.world(VISIBLE).await?;
    tokio::time::sleep(MEASURE).await;
    let world = context.engine.world(VISIBLE).await?;
    let order = Order {
        column: args.sort,
        is_descending: args.sort != "name",
        filter: args.filter.as_deref().unwrap_or_default(),
        places: None,
    };
    let lines = tree::arrange(&world, &order, |row| {
        !args.json && row.group.depth >= args.depth
    });
    match args.json {
        true => print(&as_json(&lines, &world)?)?,
        false => print(&as_grid(&lines, &world, &context.output))?,
    }
    super::ps::report_problems(&world);
    Ok(0)
}

fn items<'a>(
    lines: &'a [(usize, TreeLine)],
    world: &'a World,
    glyphs: Glyphs,
) -> impl Iterator<Item = (GroupItem<'a>, &'a TreeLine)> {
    lines.iter().filter_map(move |(row, line)| {
        let item = GroupItem {
            cpu_above: line.cpu_above,
            memory_above: line.memory_above,
            glyphs,
            ..GroupItem::new(world.groups.get(*row)?, world)
        };
        Some((item, line))
    })
}

fn as_json(lines: &[(usize, TreeLine)], world: &World) -> Result<String, Failure> {
    let one = |(item, _): (GroupItem<'_>, &TreeLine)| {
        let group = &item.row.group;
        let mut fields = Map::new();
        fields.insert("path".into(), json!(*group.path));
        fields.insert("kind".into(), json!(group.kind.word()));
        fields.insert("hierarchies".into(), json!(*group.hierarchies));
        for column in GROUPS {
            fields.insert(column.id.into(), (column.json)(&item));
        }
        fields.insert("cpu_limit".into(), json!(item.cpu_quota()));
        fields.insert("memory_limit".into(), json!(item.memory_limit()));
        fields.insert("pids_limit".into(), json!(item.pids_limit()));
        Value::Object(fields)
    };
    let all: Vec<Value> = items(lines, world, Glyphs::Unicode).map(one).collect();
    let text = serde_json::to_string_pretty(&all)
        .map_err(|error| Failure::new(format!("write JSON: {error}")))?;
    Ok(text + "\n")
}

fn as_grid(lines: &[(usize, TreeLine)], world: &World, output: &Output) -> String {
    let columns: Vec<GridColumn<'_>> = GROUPS
        .iter()
        .map(|column| GridColumn {
            id: column.id,
            title: column.title,
            width: match column.id {
                "name" => Width::Fit { min: 20, max: 60 },
                _ => Width::Fit {
                    min: column.width.0,
                    max: column.width.1,
                },
            },
            align: column.align,
        })
        .collect();
    let rows: Vec<Row> = items(lines, world, output.glyphs)
        .map(|(item, line)| {
            let cells = GROUPS.iter().map(|column| {
                let (used, limit) = (column.cell)(&item);
                let text = match (column.id, limit) {
                    ("name", _) => tree_name(&item, line, output.glyphs),
                    (_, Some(limit)) => format!("{used}/{limit}"),
                    (_, None) => used,
                };
                let share = column.share.and_then(|share| share(&item));
                Cell {
                    text,
                    tone: share
                        .filter(|_| column.id != "cpu")
                        .map(Tone::of_share)
                        .filter(|tone| matches!(tone, Tone::Warn | Tone::Bad)),
                }
            });
            Row::Cells(cells.collect())
        })
        .collect();
    grid(&columns, &rows, LADDER, output)
}

/// The name behind what hangs it into the tree.
fn tree_name(item: &GroupItem<'_>, line: &TreeLine, glyphs: Glyphs) -> String {
    let sign = |unicode: &'static str, ascii: &'static str| match glyphs {
        Glyphs::Unicode => unicode,
        Glyphs::Ascii => ascii,
    };
    let mut text = String::new();
    for goes_on in line.guides.iter().skip(1) {
        text.push_str(if *goes_on { sign("│ ", "| ") } else { "  " });
    }
    if item.row.group.depth > 1 {
        let branch = match line.is_last {
            true => sign("└─ ", "`- "),
            false => sign("├─ ", "|- "),
        };
        text.push_str(branch);
    }
    text.push_str(&item.name());
    if let GroupKind::Foreign { engine, .. } = &item.row.group.kind {
        text.push_str(&format!(" ({engine})"));
    }
    if line.is_folded {
        text.push_str(&format!(" +{}", line.below));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::fake::Fake;

    fn lines(world: &World) -> Vec<(usize, TreeLine)> {
        let order = Order {
            column: "name",
            is_descending: false,
            filter: "",
            places: None,
        };
        tree::arrange(world, &order, |row| row.group.depth >= 2)
    }

    #[test]
    fn tree_is_drawn_with_figures_and_limits() {
        let world = Fake::full().now();
        let output = Output {
            width: Some(110),
            color: false,
            glyphs: Glyphs::Unicode,
        };
        insta::assert_snapshot!(as_grid(&lines(&world), &world, &output));
    }

    #[test]
    fn json_has_figures_as_numbers_and_unknown_as_null() {
        let world = Fake::full().now();
        let text = as_json(&lines(&world), &world).unwrap();
        let all: Vec<Value> = serde_json::from_str(&text).unwrap();
        let host = &all[0];
        assert_eq!(host["path"], "");
        assert!(host["cpu"].is_number());
        assert!(all.iter().any(|group| group["memory_limit"].is_number()));
        assert!(all.iter().any(|group| group["cpu"].is_null()));
    }
}
