//! One frame of the dashboard without a terminal, for pictures in the documentation:
//! the same collector, effects and update as in the loop, with keys from a list.

use std::{sync::Arc, time::Duration};

use ratatui::{buffer::Buffer, layout::Rect};
use tokio::{
    sync::mpsc,
    time::{Instant, timeout_at},
};
use tokio_util::sync::CancellationToken;

use super::{
    Depth, Effect, Look, Message, State,
    collector::{Collector, collector},
    effect::Effects,
};
use crate::{action::Key, config::Config, engine::Engine};

/// Time between two keys, in which what they ask for arrives.
const BETWEEN_KEYS: Duration = Duration::from_millis(400);

/// What a still shows.
#[derive(Clone, Debug)]
pub struct Still {
    /// What the terminal could show.
    pub look: Look,
    /// The configuration.
    pub config: Arc<Config>,
    /// Columns and rows.
    pub size: (u16, u16),
    /// How long it watches first, so that graphs have a past.
    pub watch: Duration,
    /// Keys to press then.
    pub keys: Vec<Key>,
}

/// The frame that the dashboard would show.
pub async fn still(
    engine: Arc<dyn Engine>,
    options: &Still,
    draw: fn(&mut Buffer, &State),
) -> Buffer {
    let stop = CancellationToken::new();
    let _stop_all = stop.clone().drop_guard();
    let area = Rect::new(0, 0, options.size.0, options.size.1);
    let mut state = State::new(options.look, engine.capabilities(), area);
    state.configure(Arc::clone(&options.config), Depth::True);
    let (collector, collect) = collector(
        Arc::clone(&engine),
        state.visible(),
        Duration::from_secs(1),
        stop.clone(),
    );
    let collect = tokio::spawn(collect);
    let (sender, messages) = mpsc::channel(64);
    let mut studio = Studio {
        state,
        began: Instant::now(),
        effects: Effects::new(engine, sender, stop),
        collector,
        messages,
    };
    studio.run_for(options.watch).await;
    for key in &options.keys {
        studio.update(Message::Key(*key));
        studio.run_for(BETWEEN_KEYS).await;
    }
    collect.abort();
    let mut buffer = Buffer::empty(area);
    draw(&mut buffer, &studio.state);
    buffer
}

struct Studio {
    state: State,
    began: Instant,
    effects: Effects<dyn Engine>,
    collector: Collector,
    messages: mpsc::Receiver<Message>,
}

impl Studio {
    async fn run_for(&mut self, time: Duration) {
        let end = Instant::now() + time;
        loop {
            let message = async {
                tokio::select! {
                    Some(message) = self.messages.recv() => Some(message),
                    Ok(()) = self.collector.picture.changed() => {
                        let picture = self.collector.picture.borrow_and_update().clone();
                        picture.map(Message::World)
                    }
                }
            };
            match timeout_at(end, message).await {
                Ok(Some(message)) => self.update(message),
                Ok(None) => {}
                Err(_) => return,
            }
        }
    }

    fn update(&mut self, message: Message) {
        self.state.clock = self.began.elapsed();
        for effect in self.state.update(message) {
            match self.effects.run(effect) {
                Some(Effect::Show(visible)) => self.collector.show(visible),
                Some(Effect::Refresh) => self.collector.refresh(),
                // There is no terminal to give away or to draw anew.
                _ => {}
            }
        }
    }
}
