//! Which screens there are.

/// A screen of the monitor, with a key of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Screen {
    /// Everything that matters, at a glance.
    #[default]
    Overview,
    /// The whole log.
    Runs,
    /// Failures and stale times, grouped.
    Incidents,
    /// Durations and success over hours and days.
    History,
    /// The checks of the runbook, with their fixes.
    Diagnose,
    /// The view's columns, or its rows and size, over time.
    Columns,
    /// Readable across a room.
    Wall,
}

impl Screen {
    /// All of them, in the order of their keys.
    pub const ALL: [Self; 7] =
        [Self::Overview, Self::Runs, Self::Incidents, Self::History, Self::Diagnose, Self::Columns, Self::Wall];

    /// Its name, in the settings and on its tab.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Overview => "overview",
            Self::Runs => "runs",
            Self::Incidents => "incidents",
            Self::History => "history",
            Self::Diagnose => "diagnose",
            Self::Columns => "columns",
            Self::Wall => "wall",
        }
    }

    /// The letters that open it if the config file says nothing.
    pub const fn keys(self) -> &'static [char] {
        match self {
            Self::Overview => &['1'],
            Self::Runs => &['2'],
            Self::Incidents => &['3'],
            Self::History => &['4'],
            Self::Diagnose => &['5'],
            Self::Columns => &['6'],
            Self::Wall => &['7', 'w'],
        }
    }

    /// Its line in the help.
    pub const fn help(self) -> &'static str {
        match self {
            Self::Overview => "everything at a glance",
            Self::Runs => "the whole log",
            Self::Incidents => "failures and stale times, grouped",
            Self::History => "durations, success and growth over time",
            Self::Diagnose => "what the runbook asks, with fixes",
            Self::Columns => "the view's columns, or its rows, over time",
            Self::Wall => "large text, readable across a room",
        }
    }

    /// The screen of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|screen| screen.name() == name)
    }
}
