//! What `ps` prints of the fake's machine, by width and by flag.

use std::{ffi::OsString, sync::Arc};

use super::*;
use crate::{
    cli::{Command, parse},
    config::{Known, Loader, Overrides},
    engine::fake::Fake,
    format::Glyphs,
};

async fn ps_of(fake: Fake, flags: &str, output: Output) -> Result<String, Failure> {
    let line = format!("wharf ps {flags}");
    let words = line
        .split('|')
        .flat_map(|part| match part.strip_prefix('=') {
            Some(whole) => vec![whole.to_owned()],
            None => part.split_whitespace().map(String::from).collect(),
        });
    let cli = parse(words.map(OsString::from)).map_err(Failure::from)?;
    let Some(Command::Ps(args)) = cli.command else {
        panic!("not ps")
    };
    let context = Context {
        engine: Arc::new(fake),
        output,
        recording: "/nonexistent".into(),
        loader: Loader::new(Overrides::default(), Known::default(), |_| None),
    };
    let world = context.engine.world(args.visible()).await?;
    args.render(&args.view()?, &world, &context, &output).await
}

async fn ps(flags: &str, width: Option<usize>, color: bool) -> String {
    let output = Output {
        width,
        color,
        glyphs: Glyphs::Unicode,
    };
    ps_of(Fake::full(), flags, output)
        .await
        .unwrap_or_else(|failure| failure.message)
}

#[tokio::test]
async fn table_fits_its_terminal_and_never_loses_a_name() {
    for width in [200, 120, 80, 60, 30] {
        let plain = ps("-a", Some(width), false).await;
        let stats = ps("-a --stats --sort cpu", Some(width), false).await;
        for line in plain.lines().chain(stats.lines()) {
            let taken = crate::format::text::width(line);
            assert!(taken <= width, "{taken} > {width}: {line}");
        }
        insta::assert_snapshot!(format!("ps_{width}"), format!("{plain}\n{stats}"));
    }
    let tiny = ps("-a --stats", Some(5), false).await;
    for row in &Fake::full().now().containers {
        assert!(tiny.contains(&row.container.name), "{}", row.container.name);
    }
}

#[tokio::test]
async fn colour_tells_state_and_load_and_nothing_else() {
    insta::assert_snapshot!(ps("-a --stats", Some(120), true).await.replace('\x1b', "^"));
}

#[tokio::test]
async fn pipe_gets_every_column_whole_and_plain() {
    let text = ps("-a", None, false).await;
    assert!(!text.contains('\x1b') && !text.contains('●'));
    insta::assert_snapshot!(text);
}

#[tokio::test]
async fn ascii_terminal_gets_ascii() {
    let output = Output {
        width: Some(100),
        color: false,
        glyphs: Glyphs::Ascii,
    };
    let text = ps_of(Fake::full(), "-a --stats", output).await.unwrap();
    for sign in ["●", "■", "…", "–", "○"] {
        assert!(!text.contains(sign), "{text}");
    }
}

#[tokio::test]
async fn groups_have_headings_and_subtotals() {
    insta::assert_snapshot!(ps("-a --stats --group-by state", Some(120), false).await);
    let by_image = ps("-a --group-by image", Some(80), false).await;
    assert!(by_image.contains("running)"), "{by_image}");
}

#[tokio::test]
async fn long_is_one_record_a_container() {
    insta::assert_snapshot!(ps("-n 2 --long --stats", Some(100), false).await);
}

#[tokio::test]
async fn json_has_figures_as_numbers_and_null_for_unknown() {
    let text = ps("-a --json --stats", None, false).await;
    let all: serde_json::Value = serde_json::from_str(&text).unwrap();
    let all = all.as_array().unwrap();
    assert_eq!(all.len(), Fake::full().now().containers.len());
    for one in all {
        let runs = matches!(one["state"].as_str(), Some("running" | "paused"));
        assert!(one["memory"].is_null() || runs, "{one:#}");
        assert!(one["restarts"].is_number() && one["id"].as_str().is_some_and(|i| i.len() == 64));
    }
    let lines = ps("-a --format json", None, false).await;
    for line in lines.lines() {
        let one: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(one.as_object().unwrap().len(), 14);
        assert!(
            one.as_object()
                .unwrap()
                .values()
                .all(serde_json::Value::is_string)
        );
    }
}

#[tokio::test]
async fn templates_are_those_of_docker() {
    let table = ps(r"-a|--format|=table {{.Names}}\t{{.Status}}", None, false).await;
    assert!(table.starts_with("NAMES "), "{table}");
    let names = ps("-a|--format|={{.Names}} {{.State}}", None, false).await;
    assert_eq!(names.lines().count(), Fake::full().now().containers.len());
    let error = ps("-a|--format|={{.Nmes}}", None, false).await;
    assert!(
        error.contains("no field Nmes") && error.contains("Names"),
        "{error}"
    );
    let quiet = ps("-a -q", None, false).await;
    assert!(quiet.lines().all(|id| id.len() == 12));
    assert!(
        ps("-q --no-trunc", None, false)
            .await
            .lines()
            .all(|id| id.len() == 64)
    );
}

#[tokio::test]
async fn flags_choose_rows_as_docker_does() {
    let all = Fake::full().now().containers.len();
    assert_eq!(ps("-a -q", None, false).await.lines().count(), all);
    assert!(ps("-q", None, false).await.lines().count() < all);
    assert_eq!(ps("-l -q", None, false).await.lines().count(), 1);
    assert_eq!(ps("-n 3 -q", None, false).await.lines().count(), 3);
    assert!(ps("-q -f status=exited", None, false).await.lines().count() > 0);
    assert!(ps("--sort nope", None, false).await.contains("there are"));
    assert!(
        ps("-f before=nope", None, false)
            .await
            .contains("no such container")
    );
}

#[tokio::test]
async fn nothing_is_a_heading_alone() {
    let output = Output {
        width: Some(80),
        color: false,
        glyphs: Glyphs::Unicode,
    };
    let text = ps_of(Fake::empty(), "-a", output).await.unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(text.contains("NAME"));
}

#[tokio::test]
async fn terms_of_the_dashboard_choose_rows_and_troubles_are_told() {
    let names = |text: String| -> Vec<String> {
        let first = |line: &str| line.split_whitespace().next().map(str::to_owned);
        text.lines().filter_map(first).collect()
    };
    let format = "--format|={{.Names}}";
    let shown = ps(
        &format!("-a --match|=trouble !state:exited cpu>1|{format}"),
        None,
        false,
    )
    .await;
    assert_eq!(names(shown), ["orders-api", "thumbnailer"]);
    let told = ps("-a --match name:report --format|={{.Trouble}}", None, false).await;
    assert_eq!(told.trim(), "oom");
    let json = ps("-a --json --match name:report", None, false).await;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json[0]["trouble"][0]["kind"], "oom_killed");
    let words = json[0]["trouble"][0]["words"].as_str().unwrap();
    assert!(words.starts_with("killed by the kernel"), "{words}");
    let refused = parse(["wharf", "ps", "--match", "cpu>much"].map(OsString::from));
    assert!(refused.is_err());
    let calm = ps("--stats --match name:queue", Some(160), false).await;
    assert!(!calm.contains("TROUBLE"), "{calm}");
    let grouped = ps("-a --group-by project", Some(160), false).await;
    assert!(grouped.contains("no project"), "{grouped}");
}
