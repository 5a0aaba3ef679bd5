//! Which views the board lists, in which order, and which one is selected.

use crate::{
    app::{
        action::Action,
        prompt::{Prompt, Purpose},
    },
    screens::{context::Context, effect::ScreenEffect, screen::Screen, state::ScreenState},
};
use chrono::{DateTime, Utc};
use refreshtop_core::{
    address::ViewId,
    views::{Managed, View},
};
use std::{cmp::Reverse, time::Duration};

/// How often ages change on the board and the wall: all of them at once, so that many cost one frame.
const TICK: i64 = 60;

/// The order of the rows. Managed views come before the others in any order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sort {
    /// The worst first.
    #[default]
    Worst,
    /// By name.
    Name,
    /// The oldest data first.
    Age,
    /// The slowest first.
    Duration,
}

impl Sort {
    fn next(self) -> Self {
        match self {
            Self::Worst => Self::Name,
            Self::Name => Self::Age,
            Self::Age => Self::Duration,
            Self::Duration => Self::Worst,
        }
    }

    /// What comes first.
    pub fn words(self) -> &'static str {
        match self {
            Self::Worst => "worst first",
            Self::Name => "by name",
            Self::Age => "oldest first",
            Self::Duration => "slowest first",
        }
    }
}

/// What a row is known by: a view keeps one of the two when it is managed, renamed or made again.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct RowKey {
    id: Option<ViewId>,
    oid: Option<i64>,
}

impl RowKey {
    fn of(view: &View) -> Self {
        Self { id: view.id().cloned(), oid: view.relation.as_ref().map(|relation| relation.oid) }
    }

    fn is(&self, view: &View) -> bool {
        let other = Self::of(view);
        self.id.is_some() && self.id == other.id || self.oid.is_some() && self.oid == other.oid
    }
}

/// The state of the board.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Board {
    /// The selected view; the first row if it is not listed.
    selected: Option<RowKey>,
    /// Only views that somebody should look at.
    pub faults: bool,
    /// Text that the listed views contain in their name, owner or error; empty for all.
    pub filter: String,
    /// The order.
    pub sort: Sort,
}

/// The moment whose ages are shown: they all change together, once a minute.
pub fn ticked(now: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp(now.timestamp().div_euclid(TICK) * TICK, 0).unwrap_or(now)
}

/// How long that moment is shown, and no verdict changes.
pub fn stable_for(context: &Context) -> Option<Duration> {
    let (views, now) = (context.all?, context.server_now?);
    let tick = Duration::from_secs(u64::try_from(TICK - now.timestamp().rem_euclid(TICK)).unwrap_or(1))
        .saturating_sub(Duration::from_nanos(now.timestamp_subsec_nanos().into()));
    let aging = views.views.iter().filter_map(|view| {
        // A nanosecond past the limit: exactly at it the data still counts as fresh.
        let left = view.max_age(context.overrides).checked_sub(view.data_age(now)?)?;
        Some(left + Duration::from_nanos(1))
    });
    aging.chain([tick.max(Duration::from_millis(1))]).min()
}

impl Board {
    /// The views that are listed.
    pub fn rows<'a>(&self, context: &Context<'a>) -> Vec<&'a View> {
        let (Some(views), Some(now)) = (context.all, context.server_now) else { return Vec::new() };
        let limits = context.overrides;
        let wanted = self.filter.to_lowercase();
        let mut rows: Vec<&View> = views
            .views
            .iter()
            .filter(|view| contains(view, &wanted))
            .filter(|view| !self.faults || view.id().is_some() && view.has_fault(now, limits))
            .collect();
        let last = |view: &View| view.id().is_none();
        match self.sort {
            Sort::Worst => rows.sort_by_cached_key(|view| {
                let verdict = view.id().map(|_| view.judged(now, limits).verdict);
                // A view that blocks its readers comes before those without any fault.
                let worst = (verdict, view.badness(now, limits), over(view, now, context));
                (last(view), Reverse(worst), &view.name)
            }),
            Sort::Name => rows.sort_by_cached_key(|view| (last(view), &view.name)),
            Sort::Age => {
                rows.sort_by_cached_key(|view| (last(view), Reverse(view.data_age(now)), &view.name));
            }
            Sort::Duration => rows.sort_by(|one, other| {
                let average = |view: &View| view.stats.as_ref().and_then(|stats| stats.avg_duration_ms).unwrap_or(-1.0);
                let slowest = average(other).total_cmp(&average(one));
                last(one).cmp(&last(other)).then(slowest).then_with(|| one.name.cmp(&other.name))
            }),
        }
        rows
    }

    /// Index of the selected row among `rows`; `None` if there is none.
    pub fn index(&self, rows: &[&View]) -> Option<usize> {
        let found = self.selected.as_ref().and_then(|key| rows.iter().position(|view| key.is(view)));
        found.or((!rows.is_empty()).then_some(0))
    }

    /// The selected view.
    pub fn selected<'a>(&self, context: &Context<'a>) -> Option<&'a View> {
        let rows = self.rows(context);
        self.index(&rows).map(|index| rows[index])
    }

    /// Selects the view that is shown on the other screens.
    pub fn select_shown(&mut self, context: &Context) {
        let shown = context.all.and_then(|views| views.managed(context.shown));
        if let Some(view) = shown {
            self.selected = Some(RowKey::of(view));
        }
    }

    /// The managed view that stands so many rows below the one that is shown, above if negative; `None` at the end.
    pub fn neighbour(&mut self, by: isize, context: &Context) -> Option<ViewId> {
        let rows: Vec<&View> = self.rows(context).into_iter().filter(|view| view.id().is_some()).collect();
        let target = match rows.iter().position(|view| view.id() == Some(context.shown)) {
            Some(index) => index.checked_add_signed(by)?,
            None => 0,
        };
        let view = rows.get(target)?;
        self.selected = Some(RowKey::of(view));
        view.id().cloned()
    }

    /// Lists only the views that contain `text`.
    pub fn filter(&mut self, text: &str, _: &Context) -> Vec<ScreenEffect> {
        text.trim().clone_into(&mut self.filter);
        Vec::new()
    }

    fn manage(&self, context: &Context) -> ScreenEffect {
        let Some(view) = self.selected(context) else { return ScreenEffect::Toast("no view is selected") };
        let is_fine = view.drift().is_none()
            && view.relation.as_ref().is_some_and(|relation| relation.populated && relation.serving_index().is_some());
        match (&view.managed, &view.relation) {
            (Managed::Yes(_), Some(_)) if is_fine => ScreenEffect::Toast("this view is managed already"),
            _ if context.standby => {
                ScreenEffect::Toast("this server is a read-only standby: manage views on its primary")
            }
            _ if !context.connected => ScreenEffect::Toast("not connected"),
            (_, Some(relation)) => ScreenEffect::Examine(relation.oid, view.name.sql.clone()),
            (_, None) => ScreenEffect::Toast("the view is gone"),
        }
    }
}

/// By how far its data is over its limit, as a share of the limit, in per mille.
fn over(view: &View, now: DateTime<Utc>, context: &Context) -> Option<u128> {
    let limit = view.max_age(context.overrides).as_millis().max(1);
    Some(view.data_age(now)?.as_millis() * 1_000 / limit)
}

fn contains(view: &View, wanted: &str) -> bool {
    let has = |text: &str| text.to_lowercase().contains(wanted);
    let last = view.recent.as_ref().and_then(|recent| recent.last.as_ref());
    wanted.is_empty()
        || has(&view.name.sql)
        || view.relation.as_ref().is_some_and(|relation| has(&relation.owner))
        || last.is_some_and(|last| {
            let blocker = last.blocker.as_ref().and_then(|blocker| blocker.name.as_deref());
            [last.sqlstate.as_deref(), last.error.as_deref(), blocker].into_iter().flatten().any(has)
        })
}

impl ScreenState for Board {
    fn act(&mut self, action: Action, context: &Context) -> Vec<ScreenEffect> {
        match action {
            Action::Fix | Action::Failures => self.faults = !self.faults,
            Action::Origin => self.sort = self.sort.next(),
            Action::Search => return vec![ScreenEffect::Type(Prompt::new(Purpose::Filter, &self.filter))],
            Action::Measure => return vec![self.manage(context)],
            _ => {}
        }
        Vec::new()
    }

    fn step(&mut self, by: isize, context: &Context) -> Vec<ScreenEffect> {
        let rows = self.rows(context);
        if let Some(index) = self.index(&rows) {
            let target = index.saturating_add_signed(by).min(rows.len() - 1);
            self.selected = Some(RowKey::of(rows[target]));
        }
        Vec::new()
    }

    fn open(&mut self, context: &Context) -> Vec<ScreenEffect> {
        match self.selected(context) {
            None => Vec::new(),
            Some(view) => match view.id() {
                Some(id) => vec![ScreenEffect::Show(id.clone(), Screen::Overview)],
                None => vec![self.manage(context)],
            },
        }
    }

    fn close(&mut self, _: &Context) -> Option<Vec<ScreenEffect>> {
        // What hides rows goes first.
        if self.faults || !self.filter.is_empty() {
            self.faults = false;
            self.filter.clear();
            return Some(Vec::new());
        }
        None
    }

    fn selected_index(&self, context: &Context) -> Option<usize> {
        self.index(&self.rows(context))
    }

    fn stable_for(&self, context: &Context) -> Option<Duration> {
        stable_for(context)
    }

    fn hints(&self) -> Vec<Action> {
        vec![Action::Open, Action::Down, Action::Fix, Action::Search, Action::Origin, Action::Measure, Action::Pause]
    }
}
