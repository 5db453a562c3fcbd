//! The builds screen: each build as a tree of its stages and steps, and below what the one
//! under the cursor wrote.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::{View, details::logs, gauge, list, pen::Pen, table};
use crate::{
    action::Action,
    app::{
        BuildLine, BuildRun, BuildState, Pane,
        builds::{containers, ended},
    },
    format::{
        Tone,
        build::{BuildEnd, BuildStep, StepState, seconds},
        bytes,
        text::{Align, sanitize, width},
    },
    model::{ContainerId, Usage},
};

/// Columns of a build's gauge.
const BAR: u16 = 12;
/// From this width on there is room for what steps use.
const FIGURES: u16 = 76;
/// Columns of what became of a step.
const RESULT: u16 = 12;

/// Draws the screen.
pub fn draw(buffer: &mut Buffer, view: &View<'_>) {
    list(buffer, view);
    heading(buffer, view);
    if view.regions.details.height > 0 && view.state.builds.selected().is_some() {
        logs::draw(buffer, view);
    }
}

fn list(buffer: &mut Buffer, view: &View<'_>) {
    let (state, theme) = (view.state, view.theme);
    let (titles, rows) = (view.regions.titles, view.regions.rows);
    if rows.height == 0 {
        return;
    }
    let list = &state.builds.list;
    if list.rows.is_empty() {
        return empty(buffer, view);
    }
    let mut pen = Pen::line(buffer, titles, titles.y);
    pen.put_right(" ", theme.quiet());
    pen.put_right(&format!("{:>8}", "TIME"), theme.quiet());
    pen.put_right(
        &format!("  {:<1$}", "RESULT", usize::from(RESULT)),
        theme.quiet(),
    );
    if titles.width >= FIGURES {
        pen.put_right(&format!("{:>9}{:>11}", "CPU", "MEMORY"), theme.quiet());
    }
    pen.skip(2).put("BUILD", theme.quiet());
    for (y, n) in (rows.y..rows.bottom()).zip(list.top..list.rows.len()) {
        let Some(shown) = state.builds.lines.get(list.rows[n]) else {
            continue;
        };
        let Some(build) = state.builds.find(shown.build()) else {
            continue;
        };
        let line = Rect {
            y,
            height: 1,
            ..rows
        };
        match *shown {
            BuildLine::Build(_) => build_line(buffer, view, line, build),
            BuildLine::Stage(_, stage) => stage_line(buffer, view, line, build, stage),
            BuildLine::Step(_, number) => {
                if let Some(step) = build.progress.steps.get(&number) {
                    step_line(buffer, view, line, build, (number, step));
                }
            }
        }
        if n == list.cursor {
            buffer.set_style(line, view.cursor(Pane::Table));
        }
    }
    table::thumb(buffer, view, rows, list.top, list.rows.len());
}

/// Time, result and use at the right end of a line.
fn figures(pen: &mut Pen<'_>, view: &View<'_>, shown: &Figures<'_>) {
    let theme = view.theme;
    pen.put_right(" ", theme.plain());
    let (time, style) = &shown.time;
    pen.put_right(&format!("{time:>8}"), *style);
    let (result, style) = &shown.result;
    pen.put_right(&format!("  {result:<0$}", usize::from(RESULT)), *style);
    if view.regions.rows.width < FIGURES {
        return;
    }
    let used = shown.used.iter().filter_map(|id| {
        let row = view.state.world.as_ref()?.container(id)?;
        row.usage
    });
    let used: Vec<Usage> = used.collect();
    let host = view.state.world.as_ref().map_or(1, |world| world.host.cpus);
    let cores = sum(used.iter().map(|usage| usage.cpu_cores));
    let memory = used.iter().map(|usage| usage.memory_bytes);
    let memory = memory.fold(None, |all, one| match (all, one) {
        (Some(all), Some(one)) => Some(all + one),
        (all, one) => all.or(one),
    });
    let cpu = cores.map_or(String::new(), |cores| {
        view.state.table.cpu.of_cores(cores, host)
    });
    let memory = memory.map_or(String::new(), bytes::binary);
    pen.put_right(&format!("{cpu:>9}{memory:>11}"), theme.plain());
}

struct Figures<'a> {
    used: Vec<&'a ContainerId>,
    result: (String, Style),
    time: (String, Style),
}

fn sum(mut figures: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let first = figures.find_map(|figure| figure)?;
    Some(first + figures.flatten().sum::<f64>())
}

fn build_line(buffer: &mut Buffer, view: &View<'_>, line: Rect, build: &BuildRun) {
    let theme = view.theme;
    let mut pen = Pen::line(buffer, line, line.y);
    let (sign, style) = build_sign(view, build.state());
    let (done, cached, all) = build.progress.count(None);
    let result = match build.state() {
        BuildState::Going => match build.progress.stages.is_empty() {
            true => ("reading".to_owned(), theme.quiet()),
            false => (format!("{done}/{all}"), theme.plain()),
        },
        BuildState::Built if cached > 0 => (format!("{cached} cached"), theme.quiet()),
        BuildState::Built => (String::new(), theme.quiet()),
        BuildState::Failed => ("failed".to_owned(), style),
        BuildState::Stopped => ("stopped".to_owned(), style),
    };
    figures(
        &mut pen,
        view,
        &Figures {
            used: containers(build, BuildLine::Build(build.number)).collect(),
            result,
            time: (seconds(build.took(view.state.clock)), theme.plain()),
        },
    );
    let has_more = !build.progress.steps.is_empty();
    let fold = match (has_more, view.state.builds.is_folded(build)) {
        (false, _) => " ",
        (true, true) => theme.sign("▸", "+"),
        (true, false) => theme.sign("▾", "-"),
    };
    pen.put(fold, theme.quiet()).skip(1);
    pen.put(sign, style).skip(1);
    let is_going = build.state() == BuildState::Going && all > 0;
    let bar = if is_going && pen.room() > 40 {
        BAR + 2
    } else {
        0
    };
    let room = pen.room().saturating_sub(bar + 1);
    let name = room.min(width(&build.title) as u16);
    pen.cell(&build.title, name, Align::Left, theme.strong(), theme);
    if bar > 0 {
        pen.skip(2);
        let share = done as f64 / all as f64;
        gauge::draw(&mut pen, Some(share), BAR, theme.graph(), theme);
        return;
    }
    let note = match (&build.progress.end, &build.form) {
        (Some(BuildEnd::Built(image)), _) => image.short().to_owned(),
        (None, None) if !build.is_over() => "begun elsewhere".to_owned(),
        _ => String::new(),
    };
    pen.skip(2);
    let room = pen.room();
    pen.cell(&note, room, Align::Left, theme.quiet(), theme);
}

fn stage_line(buffer: &mut Buffer, view: &View<'_>, line: Rect, build: &BuildRun, at: usize) {
    let theme = view.theme;
    let Some(stage) = build.progress.stages.get(at) else {
        return;
    };
    let mut pen = Pen::line(buffer, line, line.y);
    let of = BuildLine::Stage(build.number, at);
    let (done, _, all) = build.progress.count(Some(at));
    let result = match stage.is_needed {
        true => format!("{done}/{all}"),
        false => "not needed".to_owned(),
    };
    figures(
        &mut pen,
        view,
        &Figures {
            used: containers(build, of).collect(),
            result: (result, theme.quiet()),
            time: (String::new(), theme.quiet()),
        },
    );
    pen.skip(4);
    let name = sanitize(&stage.name);
    let style = match stage.is_needed {
        true => theme.plain(),
        false => theme.quiet(),
    };
    let room = pen.room().saturating_sub(1).min(width(&name) as u16);
    pen.cell(&name, room, Align::Left, style, theme).skip(2);
    let base = format!("from {}", sanitize(&stage.base));
    let room = pen.room().saturating_sub(1);
    pen.cell(&base, room, Align::Left, theme.quiet(), theme);
}

fn step_line(
    buffer: &mut Buffer,
    view: &View<'_>,
    line: Rect,
    build: &BuildRun,
    (number, step): (usize, &BuildStep),
) {
    let theme = view.theme;
    let mut pen = Pen::line(buffer, line, line.y);
    let (sign, style) = step_sign(view, step.state);
    let took = step.took(view.state.clock);
    let is_running = step.state == StepState::Running;
    let time = match step.state {
        StepState::Cached => String::new(),
        _ => seconds(took),
    };
    let result = match step.state {
        StepState::Running | StepState::Done(_) => (String::new(), theme.plain()),
        StepState::Cached => ("cached".to_owned(), theme.quiet()),
        StepState::Failed(_) => (failed(build), style),
        StepState::Stopped(_) => ("stopped".to_owned(), style),
    };
    let of = BuildLine::Step(build.number, number);
    figures(
        &mut pen,
        view,
        &Figures {
            used: containers(build, of).collect(),
            result,
            time: (time, theme.plain()),
        },
    );
    let has_stages = build.progress.stages.len() > 1;
    pen.skip(if has_stages { 6 } else { 4 });
    pen.put(sign, style).skip(1);
    let (place, text) = step.parts();
    let room = width(place) as u16;
    pen.cell(place, room, Align::Left, theme.quiet(), theme);
    pen.skip(u16::from(room > 0));
    let style = match is_running || matches!(step.state, StepState::Failed(_)) {
        true => theme.strong(),
        false => theme.plain(),
    };
    let room = pen.room().saturating_sub(1);
    pen.cell(text, room, Align::Left, style, theme);
}

/// How the step of a build failed.
fn failed(build: &BuildRun) -> String {
    let code = build.progress.failure().and_then(|why| why.exit_code);
    code.map_or("failed".into(), |code| format!("exit {code}"))
}

fn build_sign(view: &View<'_>, state: BuildState) -> (&'static str, Style) {
    let theme = view.theme;
    match state {
        BuildState::Going => (theme.sign("●", "*"), theme.accent()),
        BuildState::Built => (theme.sign("✓", "+"), theme.tone(Tone::Good)),
        BuildState::Failed => (theme.sign("✗", "x"), theme.tone(Tone::Bad)),
        BuildState::Stopped => (theme.sign("■", "#"), theme.tone(Tone::Warn)),
    }
}

fn step_sign(view: &View<'_>, state: StepState) -> (&'static str, Style) {
    let theme = view.theme;
    match state {
        StepState::Running => build_sign(view, BuildState::Going),
        StepState::Done(_) => build_sign(view, BuildState::Built),
        StepState::Cached => (theme.sign("=", "="), theme.tone(Tone::Good)),
        StepState::Failed(_) => build_sign(view, BuildState::Failed),
        StepState::Stopped(_) => build_sign(view, BuildState::Stopped),
    }
}

fn empty(buffer: &mut Buffer, view: &View<'_>) {
    let (state, theme) = (view.state, view.theme);
    let filter = &state.builds.list.filter;
    if !state.builds.all.is_empty() {
        return list::unmatched(buffer, view, filter);
    }
    let key = state.config.keymap.shown(Action::Build.spec());
    let how = key.map_or(String::new(), |key| {
        format!("{key} builds an image from a Dockerfile")
    });
    let lines = [
        ("No builds yet", theme.strong()),
        ("", theme.quiet()),
        (how.as_str(), theme.quiet()),
        (
            "those of wharf build in other terminals are shown too",
            theme.quiet(),
        ),
    ];
    table::middle(buffer, view.regions.rows, &lines);
}

/// The line between both halves: what the log below is of.
fn heading(buffer: &mut Buffer, view: &View<'_>) {
    let (area, state, theme) = (view.regions.tabs, view.state, view.theme);
    let mut pen = Pen::line(buffer, area, area.y);
    pen.fill(theme.rule(), area.width, theme.quiet());
    let Some((build, line)) = state.builds.selected() else {
        return;
    };
    let name = match line {
        BuildLine::Build(_) => build.title.clone(),
        BuildLine::Stage(_, at) => {
            let stage = build.progress.stages.get(at);
            stage.map_or(String::new(), |stage| sanitize(&stage.name).into_owned())
        }
        BuildLine::Step(_, number) => {
            let step = build.progress.steps.get(&number);
            step.map_or(String::new(), |step| {
                format!("{}  {}", step.name, ended(step.state))
            })
        }
    };
    let style = match state.has_details_focus() {
        true => theme.selected(),
        false => theme.strong(),
    };
    let mut pen = Pen::line(buffer, area, area.y);
    pen.skip(1);
    let note = state.log_note();
    pen.put_right(" ", theme.quiet());
    pen.put_right(&format!(" {note} "), theme.quiet());
    let room = pen.room().saturating_sub(3).min(width(&name) as u16);
    pen.put(" ", style);
    pen.cell(&name, room, Align::Left, style, theme);
    pen.put(" ", style);
}
