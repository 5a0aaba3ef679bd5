//! The key map. Hints and help are read back from it, so they can't tell of a key that does nothing.

use crate::model::{
    message::Action,
    refresh::Trigger,
    state::{Overlay, State},
    views::View,
};
use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

/// One action, the keys that ask for it, and what is said about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// What it does.
    pub action: Action,
    /// Keys; letters as typed, so `G` is the one with shift.
    pub keys: &'static [Key],
    /// What it does in a word or two, for hints.
    pub word: &'static str,
    /// Its sentence in the help.
    pub help: &'static str,
}

/// A key, with control or without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    code: KeyCode,
    control: bool,
}

impl Key {
    const fn plain(code: KeyCode) -> Self {
        Self { code, control: false }
    }

    const fn char(c: char) -> Self {
        Self::plain(KeyCode::Char(c))
    }

    const fn control(c: char) -> Self {
        Self { code: KeyCode::Char(c), control: true }
    }

    fn matches(self, event: &KeyEvent) -> bool {
        // Shift is in the letter already, and BackTab comes with it or without.
        let others = event.modifiers.difference(KeyModifiers::SHIFT | KeyModifiers::CONTROL);
        let control = event.modifiers.contains(KeyModifiers::CONTROL);
        self.code == event.code && self.control == control && others.is_empty()
    }

    /// Its name as printed on a keyboard.
    #[must_use]
    pub fn name(self) -> String {
        let name = match self.code {
            KeyCode::Char(c) => return if self.control { format!("Ctrl-{c}") } else { c.to_string() },
            KeyCode::F(n) => return format!("F{n}"),
            KeyCode::Tab => "Tab",
            KeyCode::BackTab => "Shift-Tab",
            KeyCode::Up => "Up",
            KeyCode::Down => "Down",
            KeyCode::PageUp => "PgUp",
            KeyCode::PageDown => "PgDn",
            KeyCode::Home => "Home",
            KeyCode::End => "End",
            KeyCode::Enter => "Enter",
            KeyCode::Esc => "Esc",
            _ => "?",
        };
        name.into()
    }
}

/// Every key of the program, in the order of the help.
pub const BINDINGS: &[Binding] = &[
    Binding { action: Action::Refresh, keys: &[Key::char('r')], word: "refresh", help: "refresh the view now" },
    Binding {
        action: Action::Cancel,
        keys: &[Key::char('c')],
        word: "cancel",
        help: "cancel the refresh started here",
    },
    Binding {
        action: Action::Poll,
        keys: &[Key::char('p'), Key::plain(KeyCode::F(5))],
        word: "poll",
        help: "read everything again",
    },
    Binding {
        action: Action::FocusNext,
        keys: &[Key::plain(KeyCode::Tab)],
        word: "next list",
        help: "go to the next list",
    },
    Binding {
        action: Action::FocusPrevious,
        keys: &[Key::plain(KeyCode::BackTab)],
        word: "prev list",
        help: "go to the previous list",
    },
    Binding {
        action: Action::Up,
        keys: &[Key::plain(KeyCode::Up), Key::char('k')],
        word: "newer",
        help: "up, to newer rows",
    },
    Binding {
        action: Action::Down,
        keys: &[Key::plain(KeyCode::Down), Key::char('j')],
        word: "older",
        help: "down, to older rows",
    },
    Binding { action: Action::PageUp, keys: &[Key::plain(KeyCode::PageUp)], word: "page up", help: "a page up" },
    Binding { action: Action::PageDown, keys: &[Key::plain(KeyCode::PageDown)], word: "page dn", help: "a page down" },
    Binding {
        action: Action::First,
        keys: &[Key::char('g'), Key::plain(KeyCode::Home)],
        word: "newest",
        help: "to the newest row, or the top",
    },
    Binding {
        action: Action::Last,
        keys: &[Key::char('G'), Key::plain(KeyCode::End)],
        word: "oldest",
        help: "to the oldest row, or the end",
    },
    Binding {
        action: Action::Open,
        keys: &[Key::plain(KeyCode::Enter)],
        word: "open",
        help: "open the selected run with its black box",
    },
    Binding {
        action: Action::Close,
        keys: &[Key::plain(KeyCode::Esc)],
        word: "close",
        help: "close what is open, dismiss a result",
    },
    Binding {
        action: Action::View(View::Overview),
        keys: &[Key::char('1')],
        word: "overview",
        help: "everything at a glance",
    },
    Binding {
        action: Action::View(View::Diagnose),
        keys: &[Key::char('2')],
        word: "diagnose",
        help: "what the runbook asks, with what mends it",
    },
    Binding {
        action: Action::Mend,
        keys: &[Key::char('m')],
        word: "mend",
        help: "in the diagnosis: show what mends the selected check",
    },
    Binding {
        action: Action::Measure,
        keys: &[Key::char('a')],
        word: "measure",
        help: "in the diagnosis: run the view's query to measure its plan",
    },
    Binding { action: Action::Help, keys: &[Key::char('?')], word: "help", help: "show or hide these keys" },
    Binding { action: Action::Quit, keys: &[Key::char('q'), Key::control('c')], word: "quit", help: "quit" },
];

/// What a terminal event asks for, if anything. Releases of keys ask for nothing.
#[must_use]
pub fn action(event: &Event) -> Option<Action> {
    let Event::Key(key) = event else { return None };
    if key.kind == KeyEventKind::Release {
        return None;
    }
    BINDINGS.iter().find(|binding| binding.keys.iter().any(|bound| bound.matches(key))).map(|binding| binding.action)
}

/// The name of the first key of an action; empty where it has none.
#[must_use]
pub fn first(action: Action) -> String {
    binding(action).and_then(|binding| binding.keys.first()).map(|key| key.name()).unwrap_or_default()
}

/// The binding of an action.
#[must_use]
pub fn binding(action: Action) -> Option<&'static Binding> {
    BINDINGS.iter().find(|binding| binding.action == action)
}

/// The keys worth hinting at in `state`, most needed first.
#[must_use]
pub fn hints(state: &State) -> Vec<Action> {
    if state.overlay.is_none() && state.view == View::Diagnose {
        return in_diagnosis(state);
    }
    match (&state.overlay, &state.trigger) {
        (Some(Overlay::Mend(_)), _) => vec![Action::Open, Action::Close, Action::Down, Action::Quit],
        (Some(Overlay::Help), _) => vec![Action::Close, Action::Quit],
        (Some(Overlay::Run { .. }), _) => vec![Action::Close, Action::Down, Action::Help, Action::Quit],
        (None, Trigger::Running { .. }) => {
            vec![
                Action::Cancel,
                Action::Help,
                Action::Quit,
                Action::Open,
                Action::Down,
                Action::View(View::Diagnose),
                Action::FocusNext,
                Action::Poll,
            ]
        }
        (None, Trigger::Ended { .. }) => {
            vec![
                Action::Refresh,
                Action::Close,
                Action::Help,
                Action::Quit,
                Action::Open,
                Action::Down,
                Action::View(View::Diagnose),
                Action::Poll,
            ]
        }
        (None, Trigger::Idle) => {
            vec![
                Action::Refresh,
                Action::Help,
                Action::Quit,
                Action::Open,
                Action::Down,
                Action::View(View::Diagnose),
                Action::FocusNext,
                Action::Poll,
            ]
        }
    }
}

fn in_diagnosis(state: &State) -> Vec<Action> {
    let mends = state.diagnose.check().is_some_and(|check| !check.mends.is_empty());
    let first = match (&state.trigger, mends) {
        (Trigger::Running { .. }, _) => Action::Cancel,
        (_, true) => Action::Mend,
        (_, false) => Action::Refresh,
    };
    let rest =
        [Action::View(View::Overview), Action::Help, Action::Quit, Action::Down, Action::PageDown, Action::Measure];
    std::iter::once(first).chain(rest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fixtures;
    use std::collections::HashSet;

    fn press(code: KeyCode, modifiers: KeyModifiers) -> Option<Action> {
        action(&Event::Key(KeyEvent::new(code, modifiers)))
    }

    #[test]
    fn every_action_has_keys_and_every_key_one_action() {
        let mut keys = Vec::new();
        for binding in BINDINGS {
            assert!(!binding.keys.is_empty());
            assert!(!binding.help.is_empty() && !binding.word.is_empty());
            for key in binding.keys {
                assert!(!keys.contains(key), "{key:?}");
                keys.push(*key);
            }
        }
        let actions: HashSet<_> = BINDINGS.iter().map(|binding| binding.action).collect();
        assert_eq!(actions.len(), BINDINGS.len());
    }

    #[test]
    fn every_bound_key_asks_for_its_action() {
        for binding in BINDINGS {
            for key in binding.keys {
                let modifiers = if key.control { KeyModifiers::CONTROL } else { KeyModifiers::NONE };
                assert_eq!(press(key.code, modifiers), Some(binding.action), "{}", key.name());
            }
        }
    }

    #[test]
    fn shift_comes_with_the_letter_and_other_modifiers_count() {
        assert_eq!(press(KeyCode::Char('G'), KeyModifiers::SHIFT), Some(Action::Last));
        assert_eq!(press(KeyCode::Char('g'), KeyModifiers::NONE), Some(Action::First));
        assert_eq!(press(KeyCode::BackTab, KeyModifiers::SHIFT), Some(Action::FocusPrevious));
        assert_eq!(press(KeyCode::Char('c'), KeyModifiers::NONE), Some(Action::Cancel));
        assert_eq!(press(KeyCode::Char('c'), KeyModifiers::CONTROL), Some(Action::Quit));
        assert_eq!(press(KeyCode::Char('r'), KeyModifiers::CONTROL), None);
        assert_eq!(press(KeyCode::Char('r'), KeyModifiers::ALT), None);
        assert_eq!(press(KeyCode::Char('x'), KeyModifiers::NONE), None);
    }

    #[test]
    fn releases_ask_for_nothing() {
        let mut key = KeyEvent::new(KeyCode::Char('q'), KeyModifiers::NONE);
        key.kind = KeyEventKind::Release;
        assert_eq!(action(&Event::Key(key)), None);
        assert_eq!(action(&Event::FocusGained), None);
    }

    #[test]
    fn every_hint_is_bound() {
        let mut state = fixtures::live();
        for overlay in [None, Some(Overlay::Help)] {
            state.overlay = overlay;
            for action in hints(&state) {
                assert!(binding(action).is_some(), "{action:?}");
            }
        }
    }
}
