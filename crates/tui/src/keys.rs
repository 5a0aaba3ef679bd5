//! The key map. Hints and help come from it, so they show only keys that work.

use crate::{
    app::{
        action::Action,
        overlay::{ManageStep, Overlay},
        prompt::Edit,
        state::State,
    },
    screens::screen::Screen,
};
use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use refreshtop_core::refresh::Trigger;
use std::collections::BTreeMap;

/// One action, the keys that ask for it, and its texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// What it does.
    pub action: Action,
    /// Its name in the config file.
    pub name: &'static str,
    /// Keys; letters as typed, so `G` is the one with shift.
    pub keys: Vec<Key>,
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
    pub fn name(self) -> String {
        let name = match self.code {
            KeyCode::Char(' ') => "Space",
            KeyCode::Char(c) => return if self.control { format!("Ctrl-{c}") } else { c.to_string() },
            KeyCode::F(n) => return format!("F{n}"),
            KeyCode::Left => "Left",
            KeyCode::Right => "Right",
            KeyCode::Insert => "Ins",
            KeyCode::Delete => "Del",
            KeyCode::Backspace => "Backspace",
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

    /// The key of that name, as [`Key::name`] writes it; `None` for a name that no key has. `Ctrl-` goes with letters.
    pub fn from_name(name: &str) -> Option<Self> {
        let mut letters = name.chars();
        if let (Some(c), None) = (letters.next(), letters.next()) {
            return (!c.is_control() && c != ' ').then_some(Self::char(c));
        }
        let control = name.get(..5).filter(|start| start.eq_ignore_ascii_case("ctrl-")).and_then(|_| name.get(5..));
        if let Some(letter) = control {
            let c = letter.chars().next()?.to_ascii_lowercase();
            return (letter.len() == 1 && c.is_ascii_alphabetic()).then_some(Self::control(c));
        }
        let functions = (1..=12).map(KeyCode::F);
        NAMED.into_iter().chain(functions).map(Self::plain).find(|key| key.name().eq_ignore_ascii_case(name))
    }
}

/// Keys with names of their own.
const NAMED: [KeyCode; 16] = [
    KeyCode::Char(' '),
    KeyCode::Tab,
    KeyCode::BackTab,
    KeyCode::Up,
    KeyCode::Down,
    KeyCode::Left,
    KeyCode::Right,
    KeyCode::PageUp,
    KeyCode::PageDown,
    KeyCode::Home,
    KeyCode::End,
    KeyCode::Insert,
    KeyCode::Delete,
    KeyCode::Backspace,
    KeyCode::Enter,
    KeyCode::Esc,
];

/// An action with its default keys.
type Row = (Action, &'static str, &'static [Key], &'static str, &'static str);

/// Every action but going to a screen, in the order of the help.
#[rustfmt::skip]
const DEFAULTS: &[Row] = &[
    (Action::Refresh, "refresh", &[Key::char('r')], "refresh", "refresh the view now"),
    (Action::Cancel, "cancel", &[Key::char('c')], "cancel", "cancel the refresh started here"),
    (Action::Narrower, "narrower", &[Key::char('-')], "shorter", "a shorter window"),
    (Action::Wider, "wider", &[Key::char('+'), Key::char('=')], "longer", "a longer window"),
    (Action::Poll, "poll", &[Key::char('p'), Key::plain(KeyCode::F(5))], "poll", "read everything again"),
    (Action::Pause, "pause", &[Key::char(' ')], "pause", "freeze or resume the screen"),
    (Action::Search, "search", &[Key::char('/')], "search", "search the runs for a text; board: filter"),
    (Action::PreviousView, "previous-view", &[Key::char('[')], "prev view", "go to the view above it on the board"),
    (Action::NextView, "next-view", &[Key::char(']')], "next view", "go to the view below it on the board"),
    (Action::FocusNext, "next-list", &[Key::plain(KeyCode::Tab)], "next list", "go to the next list"),
    (Action::FocusPrevious, "previous-list", &[Key::plain(KeyCode::BackTab)], "prev list", "go to the previous list"),
    (Action::Up, "up", &[Key::plain(KeyCode::Up), Key::char('k')], "newer", "up, to newer rows"),
    (Action::Down, "down", &[Key::plain(KeyCode::Down), Key::char('j')], "older", "down, to older rows"),
    (Action::PageUp, "page-up", &[Key::plain(KeyCode::PageUp)], "page up", "a page up"),
    (Action::PageDown, "page-down", &[Key::plain(KeyCode::PageDown)], "page dn", "a page down"),
    (Action::First, "first", &[Key::char('g'), Key::plain(KeyCode::Home)], "newest", "to the newest row, or the top"),
    (Action::Last, "last", &[Key::char('G'), Key::plain(KeyCode::End)], "oldest", "to the oldest row, or the end"),
    (Action::Open, "open", &[Key::plain(KeyCode::Enter)], "open", "open the selected run, incident or fix"),
    (Action::Close, "close", &[Key::plain(KeyCode::Esc)], "close", "close what is open, dismiss a result"),
    (Action::Copy, "copy", &[Key::char('y')], "copy", "copy what is open to your own clipboard"),
    (Action::Failures, "failures", &[Key::char('e')], "failures", "runs, board: failures only, or everything"),
    (Action::Origin, "origin", &[Key::char('o')], "origin", "runs: origin; board: sort; other lists: all"),
    (Action::Fix, "fix", &[Key::char('f')], "fix", "diagnose: fixes for the check; board: faults only"),
    (Action::Interval, "interval", &[Key::char('i')], "interval", "diagnose: change the interval of the job"),
    (Action::Measure, "measure", &[Key::char('a')], "measure", "diagnose: time the query; board: manage the view"),
    (Action::Help, "help", &[Key::char('?')], "help", "show or hide these keys"),
    (Action::Quit, "quit", &[Key::char('q'), Key::control('c')], "quit", "quit"),
];

/// How many of them come before the screens in the help.
const BEFORE_SCREENS: usize = 2;

/// Which key asks for what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyMap {
    bindings: Vec<Binding>,
}

impl Default for KeyMap {
    fn default() -> Self {
        let binding =
            |&(action, name, keys, word, help): &Row| Binding { action, name, keys: keys.to_vec(), word, help };
        let screen = |screen: Screen| Binding {
            action: Action::Screen(screen),
            name: screen.name(),
            keys: screen.keys().iter().copied().map(Key::char).collect(),
            word: screen.name(),
            help: screen.help(),
        };
        // The screens follow what starts and cancels a refresh.
        let (first, rest) = DEFAULTS.split_at(BEFORE_SCREENS);
        let screens = Screen::ALL.into_iter().map(screen);
        Self { bindings: first.iter().map(binding).chain(screens).chain(rest.iter().map(binding)).collect() }
    }
}

impl KeyMap {
    /// The names of all actions in the config file.
    pub fn names() -> Vec<&'static str> {
        Self::default().bindings.iter().map(|binding| binding.name).collect()
    }

    /// Gives the action `name` other keys. A key that another action has by default moves over.
    ///
    /// # Errors
    /// What is wrong with it: an unknown action, a key without a name, one that is given twice, or none.
    pub fn bind(&mut self, name: &str, keys: &[String], given: &mut BTreeMap<String, String>) -> Result<(), String> {
        let keys: Vec<Key> = keys
            .iter()
            .map(|key| {
                Key::from_name(key).ok_or_else(|| {
                    format!(
                        "{key:?} is no key; a letter as it is typed, or Ctrl-c, F5, Enter, Space, PgDn and the like"
                    )
                })
            })
            .collect::<Result<_, _>>()?;
        if keys.is_empty() && matches!(name, "quit" | "help" | "close") {
            return Err(format!("{name} must keep a key"));
        }
        for key in &keys {
            if let Some(other) = given.insert(key.name(), name.to_owned()) {
                return Err(format!("the key {} is given to both {other} and {name}", key.name()));
            }
        }
        if !self.bindings.iter().any(|binding| binding.name == name) {
            return Err(format!("there is no action {name:?}"));
        }
        for binding in &mut self.bindings {
            if binding.name == name {
                binding.keys.clone_from(&keys);
            } else if !given.values().any(|taken| taken == binding.name) {
                binding.keys.retain(|key| !keys.contains(key));
            }
        }
        Ok(())
    }

    /// An action that no key asks for any more, although it must have one.
    pub fn unreachable(&self) -> Option<&'static str> {
        let needed = |binding: &&Binding| matches!(binding.name, "quit" | "help" | "close" | "open");
        self.bindings.iter().filter(needed).find(|binding| binding.keys.is_empty()).map(|binding| binding.name)
    }

    /// Every action, in the order of the help.
    pub fn bindings(&self) -> &[Binding] {
        &self.bindings
    }

    /// The action of a terminal event, if it has one. Releases of keys have none.
    pub fn action(&self, event: &Event) -> Option<Action> {
        let Event::Key(key) = event else { return None };
        if key.kind == KeyEventKind::Release {
            return None;
        }
        let bound = |binding: &&Binding| binding.keys.iter().any(|bound| bound.matches(key));
        self.bindings.iter().find(bound).map(|binding| binding.action)
    }

    /// The name of the first key of an action; empty if it has none.
    pub fn first(&self, action: Action) -> String {
        self.binding(action).and_then(|binding| binding.keys.first()).map(|key| key.name()).unwrap_or_default()
    }

    /// The binding of an action, if it has a key.
    pub fn binding(&self, action: Action) -> Option<&Binding> {
        self.bindings.iter().find(|binding| binding.action == action && !binding.keys.is_empty())
    }
}

/// What a terminal event does to a line that is being typed. These keys are the same with every key map.
pub fn edit(event: &Event) -> Option<Edit> {
    let Event::Key(key) = event else { return None };
    if key.kind == KeyEventKind::Release {
        return None;
    }
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    let others = key.modifiers.difference(KeyModifiers::SHIFT | KeyModifiers::CONTROL);
    if !others.is_empty() {
        return None;
    }
    Some(match (key.code, control) {
        (KeyCode::Char('a'), true) | (KeyCode::Home, false) => Edit::Start,
        (KeyCode::Char('e'), true) | (KeyCode::End, false) => Edit::End,
        (KeyCode::Char('u'), true) => Edit::DeleteToStart,
        (KeyCode::Char('w'), true) => Edit::DeleteWord,
        (KeyCode::Char('h'), true) | (KeyCode::Backspace, _) => Edit::Backspace,
        (KeyCode::Char(c), false) => Edit::Insert(c),
        (KeyCode::Delete, false) => Edit::Delete,
        (KeyCode::Left, false) => Edit::Left,
        (KeyCode::Right, false) => Edit::Right,
        (KeyCode::Enter, false) => Edit::Accept,
        (KeyCode::Esc, false) => Edit::Leave,
        _ => return None,
    })
}

/// The keys worth hinting at in `state`, most needed first.
pub fn hints(state: &State) -> Vec<Action> {
    use Action::{Cancel, Close, Copy, Down, Help, Open, Pause, Quit, Refresh};
    match &state.overlay {
        Some(Overlay::Fix(_)) => return vec![Open, Close, Down, Quit],
        Some(Overlay::Manage(dialog)) => {
            return match dialog.step {
                ManageStep::Examined(ref found) if found.obstacles.is_empty() => vec![Open, Close, Down, Quit],
                ManageStep::Managing { .. } => vec![Cancel, Close, Quit],
                _ => vec![Close, Down, Quit],
            };
        }
        Some(Overlay::Help { .. }) => return vec![Close, Down, Quit],
        Some(Overlay::Run { .. }) => return vec![Close, Down, Help, Quit, Copy],
        None => {}
    }
    let first = match &state.database().trigger {
        Trigger::Running { .. } => vec![Cancel],
        Trigger::Ended { .. } => vec![Refresh, Close],
        Trigger::Idle if state.paused.is_some() => vec![Pause],
        Trigger::Idle => vec![Refresh],
    };
    let own = state.screens.get(state.screen).hints();
    let hinted: Vec<Action> = first.into_iter().chain([Help, Quit]).chain(own).collect();
    // There are incidents of other views only where there are other views.
    let works = |action: Action| action != Action::Origin || state.screen != Screen::Incidents || state.has_many();
    let new = |(at, action): &(usize, &Action)| works(**action) && !hinted[..*at].contains(action);
    hinted.iter().enumerate().filter(new).map(|(_, action)| *action).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::fixtures;
    use std::collections::HashSet;

    fn press(code: KeyCode, modifiers: KeyModifiers) -> Option<Action> {
        KeyMap::default().action(&Event::Key(KeyEvent::new(code, modifiers)))
    }

    #[test]
    fn every_action_has_keys_and_every_key_one_action() {
        let mut keys = Vec::new();
        for binding in KeyMap::default().bindings() {
            assert!(!binding.keys.is_empty());
            assert!(!binding.help.is_empty() && !binding.word.is_empty());
            for key in &binding.keys {
                assert!(!keys.contains(key), "{key:?}");
                keys.push(*key);
            }
        }
        let map = KeyMap::default();
        let actions: HashSet<_> = map.bindings().iter().map(|binding| binding.action).collect();
        assert_eq!(actions.len(), map.bindings().len());
    }

    #[test]
    fn every_bound_key_asks_for_its_action() {
        for binding in KeyMap::default().bindings() {
            for key in &binding.keys {
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
        assert_eq!(KeyMap::default().action(&Event::Key(key)), None);
        assert_eq!(edit(&Event::Key(key)), None);
        assert_eq!(KeyMap::default().action(&Event::FocusGained), None);
    }

    #[test]
    fn every_hint_is_bound() {
        let mut state = fixtures::live();
        for (view, overlay) in Screen::ALL
            .into_iter()
            .map(|view| (view, None))
            .chain([(Screen::Overview, Some(Overlay::Help { scroll: 0 }))])
        {
            (state.screen, state.overlay) = (view, overlay);
            for action in hints(&state) {
                assert!(KeyMap::default().binding(action).is_some(), "{action:?}");
            }
        }
    }

    #[test]
    fn every_key_is_found_by_its_name() {
        for binding in KeyMap::default().bindings() {
            for key in &binding.keys {
                assert_eq!(Key::from_name(&key.name()), Some(*key), "{}", key.name());
            }
        }
        assert_eq!(Key::from_name("ctrl-X"), Some(Key::control('x')));
        assert_eq!(Key::from_name("space"), Some(Key::char(' ')));
        assert_eq!(Key::from_name("é"), Some(Key::char('é')));
        for name in ["", "  ", "Ctrl-", "Ctrl-1", "F13", "Hyper-x", "xx", "\u{1b}"] {
            assert_eq!(Key::from_name(name), None, "{name:?}");
        }
    }

    fn bound(rows: &[(&str, &[&str])]) -> Result<KeyMap, String> {
        let (mut map, mut given) = (KeyMap::default(), BTreeMap::new());
        for (name, keys) in rows {
            let keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
            map.bind(name, &keys, &mut given)?;
        }
        Ok(map)
    }

    #[test]
    fn keys_move_to_the_action_that_they_are_given_to() {
        let map = bound(&[("refresh", &["R"]), ("quit", &["Q", "r"])]).unwrap();
        assert_eq!(map.first(Action::Refresh), "R");
        assert_eq!(map.first(Action::Quit), "Q");
        let press = |c| map.action(&Event::Key(KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE)));
        assert_eq!((press('r'), press('q'), press('R')), (Some(Action::Quit), None, Some(Action::Refresh)));
        let swapped = bound(&[("up", &["j"]), ("down", &["k"])]).unwrap();
        assert_eq!((swapped.first(Action::Up), swapped.first(Action::Down)), ("j".into(), "k".into()));
        assert_eq!(bound(&[("measure", &[])]).unwrap().binding(Action::Measure), None);
        assert_eq!(bound(&[("refresh", &["Enter"])]).unwrap().unreachable(), Some("open"));
    }

    #[test]
    fn mistakes_in_keys_are_reported() {
        for (rows, wrong) in [
            (&[("refresh", &["xx"][..])][..], "is no key"),
            (&[("refresh", &["x"][..]), ("poll", &["x"][..])][..], "given to both refresh and poll"),
            (&[("quit", &[][..])][..], "must keep a key"),
            (&[("explode", &["x"][..])][..], "no action"),
        ] {
            assert!(bound(rows).unwrap_err().contains(wrong), "{rows:?}");
        }
    }
}
