//! Palettes. A colour never stands alone: a word or a glyph beside it says the same.

use ratatui::style::{Color, Modifier, Style};
use refreshtop_core::{health::Verdict, run::RunStatus};

/// One palette: a style for each role that something on the screen can have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Theme {
    /// Its name in the settings.
    pub name: &'static str,
    /// Everything that has no other role; also the background.
    pub base: Style,
    /// What matters less: labels, rules, units.
    pub muted: Style,
    /// Values.
    pub value: Style,
    /// Titles of panes.
    pub title: Style,
    /// Title of the list that has the keys, keys in hints.
    pub accent: Style,
    /// Good.
    pub healthy: Style,
    /// Look at it.
    pub warning: Style,
    /// Act on it.
    pub critical: Style,
    /// Nothing is known.
    pub unknown: Style,
    /// Bars of successful runs.
    pub bar: Style,
    /// Selected row of the list that has the keys.
    pub selected: Style,
    /// Laid over everything that is old.
    pub old: Style,
}

impl Theme {
    /// Names of all palettes, the default first.
    pub const NAMES: [&'static str; 5] = ["terminal", "light", "dark", "colorblind", "mono"];

    /// The palette `name`.
    pub fn from_name(name: &str) -> Option<Self> {
        let all = [Self::terminal(), Self::light(), Self::dark(), Self::colorblind(), Self::mono()];
        all.into_iter().find(|theme| theme.name == name)
    }

    /// The palette `name`, or `mono` if `NO_COLOR` is set.
    pub fn choose(name: &str, no_color: bool) -> Option<Self> {
        let chosen = Self::from_name(name)?;
        Some(if no_color { Self::mono() } else { chosen })
    }

    /// The terminal's own sixteen colours on its own background.
    pub fn terminal() -> Self {
        // Bright black as a muted colour vanishes in popular palettes; dim never does.
        let muted = Style::new().add_modifier(Modifier::DIM);
        Self {
            name: "terminal",
            base: Style::new(),
            muted,
            value: Style::new(),
            title: Style::new().add_modifier(Modifier::BOLD),
            accent: Style::new().fg(Color::Cyan).add_modifier(Modifier::BOLD),
            healthy: Style::new().fg(Color::Green),
            warning: Style::new().fg(Color::Yellow).add_modifier(Modifier::BOLD),
            critical: Style::new().fg(Color::Red).add_modifier(Modifier::BOLD),
            unknown: Style::new().fg(Color::Magenta).add_modifier(Modifier::BOLD),
            bar: Style::new().fg(Color::Blue),
            selected: Style::new().add_modifier(Modifier::REVERSED),
            old: muted.fg(Color::Reset).remove_modifier(Modifier::BOLD),
        }
    }

    /// Dark on light, whatever the terminal's background.
    pub fn light() -> Self {
        let base = Style::new().fg(Color::Indexed(236)).bg(Color::Indexed(231));
        let ink = |index| Style::new().fg(Color::Indexed(index));
        Self {
            name: "light",
            base,
            muted: ink(243),
            value: ink(234),
            title: ink(234).add_modifier(Modifier::BOLD),
            accent: ink(25).add_modifier(Modifier::BOLD),
            healthy: ink(28),
            warning: ink(130).add_modifier(Modifier::BOLD),
            critical: ink(160).add_modifier(Modifier::BOLD),
            unknown: ink(90).add_modifier(Modifier::BOLD),
            bar: ink(67),
            selected: Style::new().add_modifier(Modifier::REVERSED),
            old: ink(247).remove_modifier(Modifier::BOLD),
        }
    }

    /// Light on dark, whatever the terminal's background.
    pub fn dark() -> Self {
        let ink = |index| Style::new().fg(Color::Indexed(index));
        Self {
            name: "dark",
            base: Style::new().fg(Color::Indexed(252)).bg(Color::Indexed(234)),
            muted: ink(245),
            value: ink(255),
            title: ink(255).add_modifier(Modifier::BOLD),
            accent: ink(117).add_modifier(Modifier::BOLD),
            healthy: ink(114),
            warning: ink(221).add_modifier(Modifier::BOLD),
            critical: ink(203).add_modifier(Modifier::BOLD),
            unknown: ink(177).add_modifier(Modifier::BOLD),
            bar: ink(74),
            selected: Style::new().add_modifier(Modifier::REVERSED),
            old: ink(240).remove_modifier(Modifier::BOLD),
        }
    }

    /// Blue, yellow and vermilion: distinguishable with all common kinds of colour blindness, and by lightness alone.
    pub fn colorblind() -> Self {
        let ink = |index| Style::new().fg(Color::Indexed(index));
        Self {
            name: "colorblind",
            healthy: ink(74),
            warning: ink(220).add_modifier(Modifier::BOLD),
            critical: ink(202).add_modifier(Modifier::BOLD),
            unknown: ink(175).add_modifier(Modifier::BOLD),
            bar: ink(67),
            accent: ink(117).add_modifier(Modifier::BOLD),
            ..Self::terminal()
        }
    }

    /// No colour at all.
    pub fn mono() -> Self {
        let bold = Style::new().add_modifier(Modifier::BOLD);
        Self {
            name: "mono",
            accent: bold.add_modifier(Modifier::UNDERLINED),
            healthy: Style::new(),
            warning: bold,
            critical: bold,
            unknown: bold,
            bar: Style::new(),
            old: Style::new().add_modifier(Modifier::DIM).remove_modifier(Modifier::BOLD),
            ..Self::terminal()
        }
    }

    /// The style of a verdict.
    pub fn verdict(&self, verdict: Verdict) -> Style {
        match verdict {
            Verdict::Healthy => self.healthy,
            Verdict::Warning => self.warning,
            Verdict::Critical => self.critical,
            Verdict::Unknown => self.unknown,
        }
    }

    /// The style of a run's outcome.
    pub fn status(&self, status: RunStatus) -> Style {
        match status {
            RunStatus::Success => self.healthy,
            RunStatus::Error => self.critical,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_its_palette() {
        for name in Theme::NAMES {
            assert_eq!(Theme::from_name(name).map(|theme| theme.name), Some(name));
        }
        assert_eq!(Theme::from_name("neon"), None);
    }

    #[test]
    fn no_color_forces_mono() {
        assert_eq!(Theme::choose("dark", true), Some(Theme::mono()));
        assert_eq!(Theme::choose("dark", false), Some(Theme::dark()));
        assert_eq!(Theme::choose("neon", true), None);
    }

    #[test]
    fn mono_has_no_colour() {
        let mono = Theme::mono();
        for style in [mono.base, mono.muted, mono.value, mono.title, mono.accent, mono.healthy, mono.warning] {
            assert_eq!((style.fg, style.bg), (None, None));
        }
        for style in [mono.critical, mono.unknown, mono.bar, mono.selected, mono.old] {
            assert_eq!((style.fg, style.bg), (None, None));
        }
    }

    #[test]
    fn the_default_keeps_to_the_terminals_own_colours() {
        let theme = Theme::terminal();
        for style in [theme.base, theme.muted, theme.accent, theme.healthy, theme.warning, theme.critical] {
            assert_eq!(style.bg, None);
            assert!(!matches!(style.fg, Some(Color::Rgb(..) | Color::Indexed(_))));
        }
    }
}
