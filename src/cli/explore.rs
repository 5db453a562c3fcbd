//! `wharf image explore`

use clap::Args;
use serde_json::{Value, json};

use super::{
    Context,
    failure::{Failure, Outcome},
    output::print,
    table::{GridColumn, Row, grid},
    values::Parsed,
};
use crate::{
    format::{
        bytes,
        columns::{Align, Width},
        file,
        text::{lossless, sanitize, sanitize_bytes},
        values::size,
    },
    model::{FileOrder, FilesOf, ImageLayers, LayerDetails, Mark, TreeRequest, TreeRow, View},
};

/// Paths that are listed for a reader.
const LISTED: usize = 10;
/// Lines that are asked for at once.
const PAGE: usize = 2000;

/// Arguments of `image explore`.
#[derive(Args, Debug)]
#[command(
    after_help = "Efficiency is, as dive defines it, the sum of the smallest size that \
    each path ever has (0 if it is removed), as a share of all sizes that it ever has.\n\n\
    A limit that is passed makes the exit code 1, after everything was printed."
)]
pub struct ExploreArgs {
    /// All that is known, as JSON
    #[arg(long)]
    json: bool,
    /// List what this layer did, the lowest being 1
    #[arg(long, value_name = "N")]
    layer: Option<usize>,
    /// List this directory, with all layers or up to --layer
    #[arg(long, value_name = "DIR")]
    path: Option<String>,
    /// List directories below it too
    #[arg(short = 'R', long)]
    recursive: bool,
    /// The least efficiency allowed, 0 to 1
    #[arg(long, value_name = "SHARE", value_parser = share)]
    min_efficiency: Option<f64>,
    /// Most bytes that may be wasted; units are powers of 1024
    #[arg(long, value_name = "BYTES", value_parser = size)]
    max_wasted_bytes: Option<u64>,
    /// Most that may be wasted of what the layers above the lowest hold, in percent
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    max_wasted_percent: Option<f64>,
    /// The image, by reference or id
    image: String,
}

fn share(text: &str) -> Parsed<f64> {
    let share = text
        .parse()
        .ok()
        .filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "a share is a number from 0 to 1, such as 0.95".into())
}

fn percent(text: &str) -> Parsed<f64> {
    let number = text.trim_end_matches('%').parse();
    let percent = number
        .ok()
        .filter(|percent| (0.0..=10_000.0).contains(percent));
    percent.ok_or_else(|| "a percentage is a number such as 10".into())
}

/// Prints what an image's layers hold and waste; fails where a limit is passed.
pub async fn run(args: &ExploreArgs, context: &Context) -> Outcome {
    let image = context.engine.image_layers(&args.image).await?;
    if let Some(layer) = args.layer
        && !(1..=image.layers.len()).contains(&layer)
    {
        let message = format!(
            "{} has layers 1 to {}",
            sanitize(&args.image),
            image.layers.len()
        );
        return Err(Failure::usage(message));
    }
    match (args.layer.is_some() || args.path.is_some(), args.json) {
        (true, _) => list(args, &image, context).await?,
        (false, true) => print(&format!("{:#}\n", as_json(&image)))?,
        (false, false) => print(&overview(&image, context))?,
    }
    match passed(args, &image) {
        None => Ok(0),
        Some(limit) => Err(Failure::new(format!("{}: {limit}", sanitize(&args.image)))),
    }
}

/// The limits that an image is beyond, in one line.
fn passed(args: &ExploreArgs, image: &ImageLayers) -> Option<String> {
    let waste = &image.waste;
    let wasted_percent = waste.wasted_share() * 100.0;
    let mut passed = Vec::new();
    if let Some(least) = args.min_efficiency
        && waste.efficiency < least
    {
        passed.push(format!(
            "efficiency {:.4} is below {least}",
            waste.efficiency
        ));
    }
    if let Some(most) = args.max_wasted_bytes
        && waste.wasted_bytes > most
    {
        let (wasted, most) = (bytes::decimal(waste.wasted_bytes), bytes::decimal(most));
        passed.push(format!("{wasted} are wasted, more than {most}"));
    }
    if let Some(most) = args.max_wasted_percent
        && wasted_percent > most
    {
        passed.push(format!(
            "{wasted_percent:.1} % are wasted, more than {most} %"
        ));
    }
    (!passed.is_empty()).then(|| passed.join("; "))
}

fn as_json(image: &ImageLayers) -> Value {
    let mut value = json!(image);
    value["waste"]["wasted_share"] = json!(image.waste.wasted_share());
    // Layers count from 1 wherever a user meets them.
    let layers = value["layers"].as_array_mut().into_iter().flatten();
    for (n, layer) in layers.enumerate() {
        layer["layer"] = json!(n + 1);
    }
    for file in value["waste"]["files"].as_array_mut().into_iter().flatten() {
        file["layer"] = json!(file["layer"].as_u64().unwrap_or(0) + 1);
    }
    value
}

const fn column(id: &'static str, title: &'static str, align: Align) -> GridColumn<'static> {
    GridColumn {
        id,
        title,
        width: Width::Whole,
        align,
    }
}

fn overview(image: &ImageLayers, context: &Context) -> String {
    let columns = [
        column("layer", "LAYER", Align::Right),
        column("size", "SIZE", Align::Right),
        column("packed", "PACKED", Align::Right),
        column("files", "FILES", Align::Right),
        column("wasted", "WASTED", Align::Right),
        column("shared", "SHARED WITH", Align::Left),
        GridColumn {
            width: Width::Fit { min: 20, max: 400 },
            ..column("command", "COMMAND", Align::Left)
        },
    ];
    let row = |(n, layer): (usize, &LayerDetails)| {
        let shared = match layer.shared_with.as_slice() {
            [] => String::new(),
            [one] => sanitize(one).into_owned(),
            [one, rest @ ..] => format!("{} +{}", sanitize(one), rest.len()),
        };
        let wasted = match layer.wasted_bytes {
            0 => "-".to_owned(),
            wasted => bytes::decimal(wasted),
        };
        let cells = [
            (n + 1).to_string(),
            bytes::decimal(layer.size_bytes),
            layer
                .packed_bytes
                .map_or_else(|| "-".into(), bytes::decimal),
            layer.files.to_string(),
            wasted,
            shared,
            file::command(&layer.created_by),
        ];
        Row::Cells(cells.into_iter().map(Into::into).collect())
    };
    let rows: Vec<_> = image.layers.iter().enumerate().map(row).collect();
    let ladder = ["packed", "shared", "files", "command"];
    let mut out = grid(&columns, &rows, &ladder, &context.output);

    let waste = &image.waste;
    let efficiency = file::percent(waste.efficiency);
    let wasted = match waste.wasted_bytes {
        0 => "nothing".to_owned(),
        wasted => bytes::decimal(wasted),
    };
    let total = bytes::decimal(waste.total_bytes);
    out.push_str(&format!(
        "\nefficiency {efficiency}, {wasted} of {total} wasted"
    ));
    if waste.added_bytes > 0 && waste.wasted_bytes > 0 {
        let percent = file::percent(waste.wasted_share());
        out.push_str(&format!(", {percent} of what is above the lowest layer"));
    }
    out.push('\n');
    if waste.files.is_empty() {
        return out;
    }
    let columns = [
        column("wasted", "WASTED", Align::Right),
        column("files", "FILES", Align::Right),
        column("by", "BY LAYER", Align::Left),
        column("path", "PATH", Align::Left),
    ];
    let shown = waste.files.iter().take(LISTED).map(|found| {
        let by = match found.is_removed {
            true => "removes",
            false => "rewrites",
        };
        let cells = [
            bytes::decimal(found.bytes),
            found.files.to_string(),
            format!("{} {by}", found.layer + 1),
            format!("/{}", sanitize(&found.path)),
        ];
        Row::Cells(cells.into_iter().map(Into::into).collect())
    });
    out.push('\n');
    out.push_str(&grid(
        &columns,
        &shown.collect::<Vec<_>>(),
        &[],
        &context.output,
    ));
    if waste.count > LISTED as u64 {
        out.push_str(&format!("and {} paths more\n", waste.count - LISTED as u64));
    }
    out
}

/// Prints the entries of a directory, a page at a time.
async fn list(args: &ExploreArgs, image: &ImageLayers, context: &Context) -> Result<(), Failure> {
    let top = args.layer.unwrap_or(image.layers.len());
    let mut request = TreeRequest {
        of: FilesOf::Image {
            reference: image.id.to_string(),
            layer: top.saturating_sub(1),
        },
        // A path asks what is there; a layer alone what it did.
        view: match args.path {
            Some(_) => View::Merged,
            None => View::Layer,
        },
        below: args.path.clone().unwrap_or_default().into_bytes(),
        is_unfolded: args.recursive || args.path.is_none(),
        open: Default::default(),
        filter: String::new(),
        order: FileOrder::Name,
        offset: 0,
        limit: PAGE,
        reveal: None,
    };
    let mut is_first = true;
    loop {
        let page = context.engine.tree(request.clone()).await?;
        let mut out = String::new();
        for row in &page.rows {
            match args.json {
                true => {
                    out.push_str(if is_first { "[\n" } else { ",\n" });
                    out.push_str(&entry_json(row).to_string());
                    is_first = false;
                }
                false => out.push_str(&entry_line(row)),
            }
        }
        request.offset += page.rows.len();
        let is_last = page.rows.is_empty() || request.offset >= page.total;
        if is_last && args.json {
            out.push_str(if is_first { "[]\n" } else { "\n]\n" });
        }
        print(&out)?;
        if is_last {
            return Ok(());
        }
    }
}

fn entry_json(row: &TreeRow) -> Value {
    let entry = &row.entry;
    json!({
        "path": lossless(&row.path),
        "kind": entry.kind,
        "mark": row.mark,
        "mode": format!("{:04o}", entry.mode),
        "uid": entry.uid,
        "gid": entry.gid,
        "bytes": row.bytes,
        "files": entry.is_directory().then_some(row.files),
        "modified": jiff::Timestamp::new(entry.modified, entry.modified_ns as i32).ok(),
        "target": (!entry.target.is_empty())
            .then(|| lossless(&entry.target)),
    })
}

fn entry_line(row: &TreeRow) -> String {
    let entry = &row.entry;
    let path = sanitize_bytes(&row.path);
    let target = match entry.target.as_slice() {
        b"" => String::new(),
        target => format!(" -> {}", sanitize_bytes(target)),
    };
    let slash = if entry.is_directory() { "/" } else { "" };
    let owner = format!("{}:{}", entry.uid, entry.gid);
    let mark = match row.mark {
        Mark::Unchanged => " ",
        mark => file::sign(mark),
    };
    format!(
        "{mark} {} {owner:>11} {:>9}  /{path}{slash}{target}\n",
        file::permissions(entry),
        bytes::decimal(row.bytes),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        engine::{Files, fake::Fake},
        model::Waste,
    };

    fn args(least: Option<f64>, bytes: Option<u64>, percent: Option<f64>) -> ExploreArgs {
        ExploreArgs {
            json: false,
            layer: None,
            path: None,
            recursive: false,
            min_efficiency: least,
            max_wasted_bytes: bytes,
            max_wasted_percent: percent,
            image: "web".into(),
        }
    }

    #[tokio::test]
    async fn each_limit_is_told_by_what_is_beyond_it() {
        let mut image = Fake::full().image_layers("nginx:1.27").await.unwrap();
        image.waste = Waste {
            total_bytes: 1000,
            added_bytes: 200,
            wasted_bytes: 30,
            efficiency: 0.97,
            ..Waste::default()
        };
        let told = |least, bytes, percent| passed(&args(least, bytes, percent), &image);
        assert_eq!(told(Some(0.97), Some(30), Some(15.0)), None);
        assert_eq!(
            told(Some(0.98), Some(29), Some(14.9)).unwrap(),
            "efficiency 0.9700 is below 0.98; 30B are wasted, more than 29B; \
             15.0 % are wasted, more than 14.9 %"
        );
        assert_eq!(told(None, None, None), None);
    }

    #[test]
    fn limits_are_checked_when_they_are_read() {
        assert!(share("1.5").is_err() && share("x").is_err() && share("0.95").is_ok());
        assert_eq!(percent("10%"), Ok(10.0));
        assert!(percent("-1").is_err() && percent("nan").is_err());
    }
}
