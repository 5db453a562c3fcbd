//! `wharf search`

use clap::Args;

use super::{
    Context, config,
    failure::Outcome,
    output::print,
    table::{GridColumn, Row, grid},
};
use crate::{
    format::{
        columns::{Align, Width},
        text::sanitize,
    },
    model::SearchRequest,
};

/// Arguments of `search`.
#[derive(Args, Debug)]
pub struct SearchArgs {
    /// List at most so many
    #[arg(long, value_name = "N", default_value_t = 25, value_parser = clap::value_parser!(u16).range(1..=100))]
    limit: u16,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// A word; host:port/word asks another registry than Docker Hub
    #[arg(value_name = "TERM")]
    term: String,
}

/// Looks for repositories.
pub async fn run(args: &SearchArgs, context: &Context) -> Outcome {
    let request = SearchRequest {
        term: args.term.clone(),
        limit: usize::from(args.limit),
        registries: config::registries(&context.loader)?,
    };
    let found = context.engine.search(request).await?;
    if args.json {
        print(&format!(
            "{:#}\n",
            serde_json::to_value(&found).unwrap_or_default()
        ))?;
        return Ok(0);
    }
    let column = |id, title, width, align| GridColumn {
        id,
        title,
        width,
        align,
    };
    let columns = [
        column("name", "NAME", Width::Fit { min: 16, max: 60 }, Align::Left),
        column(
            "description",
            "DESCRIPTION",
            Width::Fit { min: 16, max: 60 },
            Align::Left,
        ),
        column("stars", "STARS", Width::Fixed(6), Align::Right),
        column("official", "OFFICIAL", Width::Fixed(8), Align::Left),
    ];
    let text = |text: &str| sanitize(text).into_owned();
    let rows = found.iter().map(|one| {
        let official = if one.is_official { "[OK]" } else { "" };
        let cells = [
            text(&one.name),
            text(&one.description),
            one.stars.to_string(),
            official.to_owned(),
        ];
        Row::Cells(cells.map(Into::into).to_vec())
    });
    let ladder = ["official", "stars", "description", "name"];
    print(&grid(
        &columns,
        &rows.collect::<Vec<_>>(),
        &ladder,
        &context.output,
    ))?;
    Ok(0)
}
