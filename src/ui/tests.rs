//! Screens as text, one for each state that a panel can be in.

use ratatui::{buffer::Buffer, layout::Rect};

use super::render;
use crate::{
    action::Key,
    app::{Look, Message, State},
    engine::{Observe, fake::Fake},
    format::Glyphs,
    model::Visible,
};

const COLOR: Look = Look {
    glyphs: Glyphs::Unicode,
    has_color: true,
};

/// A dashboard over `engine` after so many seconds.
async fn dashboard(engine: &Fake, look: Look, width: u16, height: u16, seconds: u64) -> State {
    let area = Rect::new(0, 0, width, height);
    let mut state = State::new(look, engine.capabilities(), area);
    for _ in 0..seconds {
        let visible = Visible {
            stats: true,
            images: true,
        };
        let world = engine.world(visible).await.unwrap();
        state.clock += std::time::Duration::from_secs(1);
        state.update(Message::World(Ok(world)));
    }
    state
}

/// Presses keys, answering at once what the details ask for.
async fn press(state: &mut State, engine: &Fake, keys: &str) {
    for key in keys.split(' ') {
        let effects = state.update(Message::Key(Key::parse(key).unwrap()));
        answer(state, engine, effects).await;
    }
}

async fn answer(state: &mut State, engine: &Fake, effects: Vec<crate::app::Effect>) {
    use crate::app::{Effect, LogRow, Tab};
    for effect in effects {
        let Effect::Watch { watch, id, tab } = effect else {
            continue;
        };
        let message = match tab {
            Tab::Logs => {
                let request = crate::model::LogsRequest {
                    id,
                    follow: false,
                    tail: None,
                    since: None,
                    until: None,
                    stdout: true,
                    stderr: true,
                };
                let mut lines = engine.logs(request).await.unwrap();
                let mut rows = Vec::new();
                while let Some(line) = lines.recv().await {
                    rows.push(LogRow::from(&line.unwrap()));
                }
                Message::Log(watch, rows)
            }
            Tab::Processes => Message::Processes(watch, Ok(engine.processes(&id).await.unwrap())),
            Tab::Changes => Message::Changes(watch, Ok(engine.changes(&id).await.unwrap())),
            Tab::Stats | Tab::Inspect => continue,
        };
        state.update(message);
    }
}

fn drawn(state: &State) -> Buffer {
    let mut buffer = Buffer::empty(state.area);
    render(&mut buffer, state);
    buffer
}

#[tokio::test]
#[ignore = "writes pictures to look at"]
async fn look() {
    let dir = std::env::var("LOOK").unwrap();
    let show = |name: &str, state: &State| {
        std::fs::write(
            format!("{dir}/{name}.svg"),
            super::svg::picture(&drawn(state)),
        )
        .unwrap();
    };
    for (width, height) in [(160, 45), (80, 24), (240, 60)] {
        let full = Fake::full();
        let mut state = dashboard(&full, COLOR, width, height, 200).await;
        press(&mut state, &full, "j").await;
        show(&format!("logs-{width}"), &state);
        press(&mut state, &full, "t").await;
        show(&format!("stats-{width}"), &state);
        press(&mut state, &full, "P tab").await;
        show(&format!("processes-{width}"), &state);
        press(&mut state, &full, "tab i").await;
        show(&format!("inspect-{width}"), &state);
        press(&mut state, &full, "2").await;
        show(&format!("images-{width}"), &state);
        press(&mut state, &full, "1 space space d").await;
        show(&format!("confirm-{width}"), &state);
        press(&mut state, &full, "esc o").await;
        show(&format!("sort-{width}"), &state);
        press(&mut state, &full, "esc :").await;
        show(&format!("palette-{width}"), &state);
        press(&mut state, &full, "esc ?").await;
        show(&format!("help-{width}"), &state);
        let empty = Fake::empty();
        let state = dashboard(&empty, COLOR, width, height, 2).await;
        show(&format!("empty-{width}"), &state);
    }
}
