//! From what a terminal sends to the keys that actions name.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use crate::action::{Code, Key};

/// The key of an event; `None` for releases and for keys that no action can name.
pub fn key(event: KeyEvent) -> Option<Key> {
    if event.kind == KeyEventKind::Release {
        return None;
    }
    if event.modifiers.contains(KeyModifiers::ALT) {
        return None;
    }
    let code = match event.code {
        KeyCode::Char(c) => Code::Char(c),
        KeyCode::Enter => Code::Enter,
        KeyCode::Esc => Code::Esc,
        KeyCode::Tab => Code::Tab,
        KeyCode::BackTab => Code::BackTab,
        KeyCode::Backspace => Code::Backspace,
        KeyCode::Delete => Code::Delete,
        KeyCode::Up => Code::Up,
        KeyCode::Down => Code::Down,
        KeyCode::Left => Code::Left,
        KeyCode::Right => Code::Right,
        KeyCode::Home => Code::Home,
        KeyCode::End => Code::End,
        KeyCode::PageUp => Code::PageUp,
        KeyCode::PageDown => Code::PageDown,
        _ => return None,
    };
    let ctrl = event.modifiers.contains(KeyModifiers::CONTROL);
    Some(match code {
        // Shift and control together still name the same control key.
        Code::Char(c) if ctrl => Key::ctrl(c.to_ascii_lowercase()),
        code => Key { code, ctrl },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_and_shift_are_told_apart() {
        let event = |c, modifiers| KeyEvent::new(KeyCode::Char(c), modifiers);
        assert_eq!(
            key(event('K', KeyModifiers::CONTROL | KeyModifiers::SHIFT)),
            Some(Key::ctrl('k'))
        );
        assert_eq!(key(event('S', KeyModifiers::SHIFT)), Some(Key::char('S')));
        assert_eq!(key(event('x', KeyModifiers::ALT)), None);
    }
}
