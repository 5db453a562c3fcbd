//! Every panel in every state that it can be in, in colour and in ASCII.
//!
//! | state    | what it means                                                       |
//! | -------- | ------------------------------------------------------------------- |
//! | full     | all that there is to show, on 120x36, with each style that it has    |
//! | narrow   | the same on 80x24                                                   |
//! | least    | the same on 60x12                                                   |
//! | empty    | nothing is there to show, or what it was about is gone              |
//! | failed   | what it shows could not be read, or what was typed can't be          |
//! | stale    | no new picture comes                                                |
//! | filtered | only a part is shown                                                |
//! | foreign  | names and lines in wide, joined and combining characters            |
//!
//! [`shown`] says which panel a dashboard shows, and has no arm for "any other": a new
//! screen, tab or dialog doesn't compile before it has a [`Panel`], and a panel does not
//! before it says what it is in each state, or why it is never in it.

use super::{config::configuration, *};
use crate::app::{Depth, Makes, Modal, Screen, Tab, geometry};

mod scenes;

use scenes::{failure, setting};

macro_rules! listed {
    ($(#[$doc:meta])* $name:ident { $($item:ident),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        enum $name { $($item),* }

        impl $name {
            const ALL: &[Self] = &[$(Self::$item),*];
        }
    };
}

listed! {
    /// What can be looked at.
    Panel {
        Containers, Logs, Stats, Processes, Inspect, Files, Network, Advice, Images, Cgroups,
        CgroupProcesses, Events, Alerts, Activity, Builds, TimeLine, Filter, Sort, GroupBy, Columns,
        Trouble, Results, Palette, Help, CgroupPrompt, Form, BuildForm, Prompt, Menu, Ask, Confirm,
        Limits, TooSmall, Networks, NetworkMap, Volumes, Prune,
    }
}

listed! {
    /// What state it is in.
    Case { Full, Narrow, Least, Empty, Failed, Stale, Filtered, Foreign }
}

/// The panel that a dashboard shows.
fn shown(state: &State) -> Panel {
    if geometry(state).is_too_small {
        return Panel::TooSmall;
    }
    if let Some(modal) = &state.modal {
        return match modal {
            Modal::Filter(_) => Panel::Filter,
            Modal::Sort(_) => Panel::Sort,
            Modal::Groups(_) => Panel::GroupBy,
            Modal::Columns(_) => Panel::Columns,
            Modal::Trouble(_) => Panel::Trouble,
            Modal::Results(_) => Panel::Results,
            Modal::Palette(_) => Panel::Palette,
            Modal::Help(_) => Panel::Help,
            Modal::GroupPrompt(_) => Panel::CgroupPrompt,
            Modal::Form(form) if form.makes == Makes::Image => Panel::BuildForm,
            Modal::Form(_) => Panel::Form,
            Modal::Prompt(_) => Panel::Prompt,
            Modal::Menu(_) => Panel::Menu,
            Modal::Ask(_) => Panel::Ask,
            Modal::Confirm { .. } => Panel::Confirm,
            Modal::Prune(_) => Panel::Prune,
            Modal::Limits(_) => Panel::Limits,
            // Its own tests draw it.
            Modal::Transfers(_) | Modal::PruneImages(_) | Modal::Engines(_) => Panel::Results,
        };
    }
    if state.timeline.past.is_some() {
        return Panel::TimeLine;
    }
    match (state.screen, state.details.tab) {
        (Screen::Containers, _) if !state.has_details_focus() => Panel::Containers,
        (Screen::Containers, Tab::Logs) => Panel::Logs,
        (Screen::Containers, Tab::Stats) => Panel::Stats,
        (Screen::Containers, Tab::Processes) => Panel::Processes,
        (Screen::Containers, Tab::Inspect) => Panel::Inspect,
        (Screen::Containers, Tab::Changes) => Panel::Files,
        (Screen::Containers, Tab::Network) => Panel::Network,
        (Screen::Containers, Tab::Advice) => Panel::Advice,
        // Its own tests draw what is looked into.
        (Screen::Images | Screen::Explorer | Screen::Comparison, _) => Panel::Images,
        (Screen::Networks, _) if state.networks.is_map => Panel::NetworkMap,
        (Screen::Networks, _) => Panel::Networks,
        (Screen::Volumes, _) => Panel::Volumes,
        (Screen::Groups, _) if state.has_details_focus() => Panel::CgroupProcesses,
        (Screen::Groups, _) => Panel::Cgroups,
        (Screen::Events, _) => Panel::Events,
        (Screen::Alerts, _) => Panel::Alerts,
        (Screen::Activity, _) => Panel::Activity,
        (Screen::Builds, _) => Panel::Builds,
    }
}

/// A dashboard that shows a panel in a state.
async fn put(panel: Panel, case: Case, look: Look) -> Result<State, &'static str> {
    let scene = setting(panel, case)?;
    let (width, height) = match case {
        _ if panel == Panel::TooSmall => (50, 10),
        Case::Full => (120, 36),
        Case::Least => (60, 12),
        _ => (80, 24),
    };
    let engine = &scene.engine;
    let mut state = dashboard(engine, look, width, height, 0).await;
    if panel == Panel::Alerts && case != Case::Empty {
        state.configure(configuration(config::ALERTS), Depth::True);
        state.zone = jiff::tz::TimeZone::UTC;
    }
    for _ in 0..scene.seconds {
        let visible = Visible {
            stats: true,
            images: true,
            groups: true,
            networks: true,
            volumes: true,
        };
        let world = engine.world(visible).await.unwrap();
        state.clock += std::time::Duration::from_secs(1);
        state.update(Message::World(Ok(world)));
    }
    for key in ["G", "g"].into_iter().chain(scene.keys.split(' ')) {
        let Some(key) = Key::parse(key) else { continue };
        let effects = state.update(Message::Key(key));
        if !scene.is_mute {
            answer(&mut state, engine, effects).await;
        }
    }
    (scene.after)(&mut state);
    if case == Case::Stale {
        state.update(Message::World(Err(failure("read /var/lib/wharf"))));
        state.clock += std::time::Duration::from_secs(7);
    }
    Ok(state)
}

/// The part of the screen that a panel has for itself.
fn part(state: &mut State, panel: Panel) -> Rect {
    use Panel::{
        Activity, Alerts, Builds, Cgroups, Containers, Events, Filter, Images, NetworkMap,
        Networks, TimeLine, TooSmall, Volumes,
    };
    let is_whole = matches!(
        panel,
        Containers
            | Cgroups
            | Events
            | Alerts
            | Activity
            | Builds
            | TimeLine
            | Filter
            | Images
            | Networks
            | NetworkMap
            | Volumes
            | TooSmall
    );
    if is_whole {
        return state.area;
    }
    if state.modal.is_none() {
        let details = geometry(state).details;
        return Rect {
            y: details.y.saturating_sub(1),
            height: details.height + details.y.min(1),
            ..details
        };
    }
    let with = drawn(state);
    let modal = state.modal.take();
    let without = drawn(state);
    state.modal = modal;
    // The hints differ too, and are the frame's.
    let bottom = geometry(state).hints.y;
    let cells = (0..bottom).flat_map(|y| (0..state.area.width).map(move |x| (x, y)));
    let changed = cells.filter(|&at| with[at] != without[at]);
    let places = changed.map(|(x, y)| Rect::new(x, y, 1, 1));
    places.reduce(Rect::union).unwrap_or(state.area)
}

/// A part of the screen as lines, each without its trailing blanks.
fn lines(state: &State, part: Rect) -> String {
    let buffer = drawn(state);
    let mut out = String::new();
    for y in part.y..part.bottom() {
        let mut x = part.x;
        let mut line = String::new();
        while x < part.right() {
            let symbol = buffer[(x, y)].symbol();
            line.push_str(symbol);
            x += crate::format::text::width(symbol).max(1) as u16;
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// What holds for every screen: it is as wide as the terminal, nothing in it is obeyed by
/// one, and in ASCII only names are anything else.
fn check(state: &State, told: &str) {
    let buffer = drawn(state);
    for y in 0..buffer.area.height {
        let mut x = 0;
        while x < buffer.area.width {
            let symbol = buffer[(x, y)].symbol();
            assert!(!symbol.contains(char::is_control), "{told}: {symbol:?}");
            x += crate::format::text::width(symbol).max(1) as u16;
        }
        assert_eq!(x, buffer.area.width, "{told}: line {y}");
    }
    if state.look.glyphs == Glyphs::Ascii {
        let text = text(state);
        let is_sign = |c: char| ('\u{2000}'..'\u{2c00}').contains(&c) && c != '\u{200d}';
        let found = text
            .lines()
            .find(|line| line.replace('❤', "").contains(is_sign));
        assert_eq!(found, None, "{told}");
    }
}

async fn told(panel: Panel, case: Case, look: Look) -> String {
    let said = format!("{panel:?}, {case:?}, {:?}", look.glyphs).to_lowercase();
    let mut state = match put(panel, case, look).await {
        Ok(state) => state,
        Err(why) => return format!("=== {said}: never, for {why}\n"),
    };
    check(&state, &said);
    // Where nothing is left to show the dialog closes, or says so.
    let is_open = shown(&state) == panel;
    assert!(is_open || case == Case::Empty, "{said}: {}", text(&state));
    let part = match (case, is_open) {
        (Case::Full, _) | (_, false) => state.area,
        _ => part(&mut state, panel),
    };
    let styles = match (case, look.glyphs) {
        (Case::Full, Glyphs::Unicode) => format!("--- its styles\n{}\n", config::styles(&state)),
        _ => String::new(),
    };
    format!("=== {said}\n{}{styles}", lines(&state, part))
}

#[tokio::test]
async fn every_panel_is_drawn_in_every_state() {
    for panel in Panel::ALL.iter().filter(|panel| **panel != Panel::Images) {
        let mut all = String::new();
        for case in Case::ALL {
            all += &told(*panel, *case, COLOR).await;
        }
        for case in [Case::Full, Case::Narrow, Case::Foreign] {
            all += &told(*panel, case, ASCII).await;
        }
        // The rest of them in ASCII is as wide and as plain.
        for case in [
            Case::Least,
            Case::Empty,
            Case::Failed,
            Case::Stale,
            Case::Filtered,
        ] {
            told(*panel, case, ASCII).await;
        }
        let name = format!("{panel:?}").to_lowercase();
        insta::assert_snapshot!(name, all);
    }
}
