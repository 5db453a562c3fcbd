//! `wharf images`

use clap::Args;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    Context,
    failure::{Failure, Outcome},
    output::print,
    table::{Format, GridColumn, Row, grid},
    values::Parsed,
};
use crate::{
    format::{
        bytes,
        columns::{self, Align, Width, images::ImageItem},
        duration,
    },
    model::Image,
};

/// Arguments of `images`.
#[derive(Args, Debug)]
pub struct ImagesArgs {
    /// Taken for docker's sake: there are no intermediate images
    #[arg(short, long, hide = true)]
    all: bool,
    /// Only ids
    #[arg(short, long)]
    quiet: bool,
    /// Cut nothing
    #[arg(long)]
    no_trunc: bool,
    /// Show the manifests' digests
    #[arg(long)]
    digests: bool,
    /// Only what matches: reference, dangling, label
    #[arg(short, long, value_name = "KEY=VALUE", value_parser = filter)]
    filter: Vec<(String, String)>,
    /// json (a line each), or a Go template, with `table ` before it for titles
    #[arg(long, value_name = "FORMAT", conflicts_with = "quiet")]
    format: Option<String>,
    /// All that is known, as one JSON array
    #[arg(long, conflicts_with_all = ["format", "quiet"])]
    json: bool,
    /// Only this repository, or this reference
    #[arg(value_name = "REPOSITORY[:TAG]")]
    reference: Option<String>,
}

fn filter(text: &str) -> Parsed<(String, String)> {
    let allowed = "a filter is reference=, dangling=true|false or label=";
    match text.split_once('=') {
        Some(("dangling", "true" | "false" | "1" | "0")) | Some(("reference" | "label", _)) => {
            let (key, value) = text.split_once('=').ok_or(allowed)?;
            Ok((key.into(), value.into()))
        }
        _ => Err(allowed.into()),
    }
}

/// The columns of the list.
const LISTED: &[&str] = &[
    "repository",
    "tag",
    "digest",
    "id",
    "created",
    "layers",
    "size",
    "own",
];

/// One name of an image, which is one line of the list.
struct Named<'a> {
    image: &'a Image,
    repository: String,
    tag: String,
}

/// Lists images, a line for each name.
pub async fn run(args: &ImagesArgs, context: &Context) -> Outcome {
    let images = context.engine.images().await?;
    let now = Timestamp::now();
    let names: Vec<Named> = images
        .iter()
        .flat_map(names)
        .filter(|named| args.shows(named))
        .collect();
    print(&args.render(&names, &images, now, context)?)?;
    Ok(0)
}

impl ImagesArgs {
    fn shows(&self, named: &Named) -> bool {
        let matches = |pattern: &str| {
            let full = format!("{}:{}", named.repository, named.tag);
            is_like(&named.repository, pattern) || is_like(&full, pattern)
        };
        let wanted = self.reference.as_deref().is_none_or(matches);
        wanted
            && self.filter.iter().all(|(key, value)| match key.as_str() {
                "reference" => matches(value),
                "dangling" => {
                    let is_dangling = named.image.references.is_empty();
                    is_dangling == matches!(value.as_str(), "true" | "1")
                }
                _ => {
                    let (label, wanted) = match value.split_once('=') {
                        Some((label, value)) => (label, Some(value)),
                        None => (value.as_str(), None),
                    };
                    let have = named.image.labels.get(label);
                    have.is_some_and(|have| wanted.is_none_or(|wanted| wanted == have))
                }
            })
    }

    fn render(
        &self,
        names: &[Named],
        images: &[Image],
        now: Timestamp,
        context: &Context,
    ) -> Result<String, Failure> {
        let id = |image: &Image| match self.no_trunc {
            true => image.id.to_string(),
            false => image.id.short().to_owned(),
        };
        if self.json {
            let shown = images
                .iter()
                .filter(|i| names.iter().any(|n| n.image.id == i.id));
            let all: Vec<_> = shown.map(|image| json!(image)).collect();
            return Ok(format!("{:#}\n", Value::Array(all)));
        }
        if self.quiet {
            let mut ids: Vec<_> = names.iter().map(|named| id(named.image) + "\n").collect();
            ids.dedup();
            return Ok(ids.concat());
        }
        let since = |image: &Image| match image.created {
            Some(at) => format!("{} ago", duration::words_between(at, now)),
            None => "N/A".into(),
        };
        if let Some(format) = &self.format {
            let rows: Vec<Value> = names
                .iter()
                .map(|named| {
                    let image = named.image;
                    json!({
                        "Containers": "N/A",
                        "CreatedAt": image.created.map_or("N/A".into(), |at| at.to_string()),
                        "CreatedSince": since(image),
                        "Digest": image.manifest.as_str(),
                        "ID": id(image),
                        "Repository": named.repository,
                        "SharedSize": bytes::decimal(image.shared_bytes),
                        "Size": bytes::decimal(image.size_bytes),
                        "Tag": named.tag,
                        "UniqueSize": bytes::decimal(image.size_bytes - image.shared_bytes),
                    })
                })
                .collect();
            let headings = json!({
                "Containers": "CONTAINERS", "CreatedAt": "CREATED AT", "CreatedSince": "CREATED",
                "Digest": "DIGEST", "ID": "IMAGE ID", "Repository": "REPOSITORY",
                "SharedSize": "SHARED SIZE", "Size": "SIZE", "Tag": "TAG",
                "UniqueSize": "UNIQUE SIZE",
            });
            return Format::parse(format)?.render(&rows, &headings, &|_, _, _| None);
        }
        let shown: Vec<_> = LISTED
            .iter()
            .filter(|id| self.digests || **id != "digest")
            .filter_map(|id| columns::images::find(id))
            .collect();
        let row = |named: &Named| {
            let name = format!("{}:{}", named.repository, named.tag);
            let item = ImageItem {
                name: (!named.image.references.is_empty()).then_some(&*name),
                full: self.no_trunc,
                glyphs: context.output.glyphs,
                ..ImageItem::new(named.image, 0, now)
            };
            let cells = shown.iter().map(|column| match column.id {
                // Asked for, it is told whole, as docker does.
                "digest" => named.image.manifest.to_string(),
                "created" => since(named.image),
                _ => (column.cell)(&item),
            });
            Row::Cells(cells.map(Into::into).collect())
        };
        let rows: Vec<_> = names.iter().map(row).collect();
        let titles: Vec<_> = shown
            .iter()
            .map(|column| GridColumn {
                id: column.id,
                // As docker has it.
                title: if column.id == "id" {
                    "IMAGE ID"
                } else {
                    column.title
                },
                width: Width::Whole,
                // Docker's ages stand on the left.
                align: match column.id {
                    "created" => Align::Left,
                    _ => column.align,
                },
            })
            .collect();
        let ladder = ["digest", "layers", "own", "created", "id"];
        Ok(grid(&titles, &rows, &ladder, &context.output))
    }
}

fn names(image: &Image) -> Vec<Named<'_>> {
    let named = |repository: &str, tag: &str| Named {
        image,
        repository: repository.to_owned(),
        tag: tag.to_owned(),
    };
    if image.references.is_empty() {
        return vec![named("<none>", "<none>")];
    }
    let split = |reference: &String| match reference.rsplit_once(':') {
        // Pulled by its digest, it has no tag.
        _ if reference.contains('@') => {
            let (repository, _) = reference.split_once('@').unwrap_or((reference, ""));
            named(repository, "<none>")
        }
        // A colon before a slash is a registry's port.
        Some((repository, tag)) if !tag.contains('/') => named(repository, tag),
        _ => named(reference, "<none>"),
    };
    image.references.iter().map(split).collect()
}

/// Whether a text matches a pattern in which `*` stands for anything but a slash.
fn is_like(text: &str, pattern: &str) -> bool {
    match pattern.split_once('*') {
        None => text == pattern,
        Some((before, after)) => text.strip_prefix(before).is_some_and(|rest| {
            let reach = rest.find('/').unwrap_or(rest.len());
            (0..=reach)
                .filter(|end| rest.is_char_boundary(*end))
                .any(|end| is_like(&rest[end..], after))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn star_stands_for_anything_but_a_slash() {
        assert!(is_like("debian", "deb*") && is_like("a/b:c", "a/*:c") && is_like("x", "x"));
        assert!(!is_like("a/b", "*") && !is_like("debian", "deb"));
    }
}
