//! What stands in the cells of a row of the board.

use super::state::ticked;
use crate::{scene::Scene, widgets::verdict};
use chrono::{DateTime, Utc};
use ratatui::{
    style::Style,
    text::{Line, Span},
};
use refreshtop_core::{
    age,
    health::{self, Health, Rule, Verdict},
    job::JobState,
    range::Figure,
    run::RunStatus,
    views::{Drift, Last, Managed, View},
};
use std::time::Duration;

/// Where the limit stands on the bar of an age.
const LIMIT_AT: f64 = 0.75;

/// A view, and what was judged of it for the frame.
pub struct Row<'a> {
    pub view: &'a View,
    /// `None` if it is not managed.
    pub health: Option<Health>,
}

impl<'a> Row<'a> {
    pub fn new(scene: &Scene, view: &'a View) -> Self {
        let now = scene.state.server_now().unwrap_or_default();
        let judged = || {
            if scene.is_old() {
                return Health::unknown("nothing current is known");
            }
            view.judged(now, &scene.state.options.overrides)
        };
        Self { view, health: view.id().map(|_| judged()) }
    }

    fn verdict(&self) -> Option<Verdict> {
        self.health.as_ref().map(|health| health.verdict)
    }

    /// The style of what the verdict is about.
    pub fn style(&self, scene: &Scene) -> Style {
        self.verdict().map_or(scene.theme.muted, |verdict| scene.theme.verdict(verdict))
    }

    /// The mark of the verdict.
    pub fn mark(&self, scene: &Scene) -> Span<'static> {
        match self.verdict() {
            Some(verdict) => Span::styled(scene.glyphs.verdict(verdict), scene.theme.verdict(verdict)),
            None => Span::styled(scene.glyphs.none, scene.theme.muted),
        }
    }

    /// The word of the verdict.
    pub fn word(&self, scene: &Scene) -> Span<'static> {
        Span::styled(self.health.as_ref().map_or_else(String::new, verdict::word), self.style(scene))
    }

    /// The age of its data, as it is until the next tick.
    pub fn age(&self, scene: &Scene) -> Option<Duration> {
        let now = scene.state.server_now()?;
        let last = self.view.stats.as_ref()?.last_success_at?;
        Some((ticked(now) - last).to_std().unwrap_or_default()).filter(|_| last <= now)
    }

    pub fn age_label(&self, scene: &Scene) -> Span<'static> {
        let label = match (self.age(scene), self.health.is_some()) {
            (Some(age), _) => short_age(age),
            (None, true) => "never".into(),
            (None, false) => String::new(),
        };
        Span::styled(label, self.style(scene))
    }

    pub fn limit(&self, scene: &Scene) -> Span<'static> {
        let limit = self.health.is_some().then(|| self.view.max_age(&scene.state.options.overrides));
        let text = limit.map(|limit| format!("{} {}", scene.glyphs.at_most, short_age(limit)));
        Span::styled(text.unwrap_or_default(), scene.theme.muted)
    }

    /// The age against its limit, as a bar of `width` cells.
    pub fn bar(&self, scene: &Scene, width: u16) -> Line<'static> {
        if self.health.is_none() {
            return Line::default();
        }
        let limit = self.view.max_age(&scene.state.options.overrides).as_secs_f64().max(0.001);
        let ratio = self.age(scene).map_or(0.0, |age| LIMIT_AT * age.as_secs_f64() / limit);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and a width")]
        let cells = |share: f64| (f64::from(width) * share.clamp(0.0, 1.0)) as u16;
        let (filled, limit) = (cells(ratio), cells(LIMIT_AT));
        let cell = |x: u16| match x {
            x if x == limit => Span::styled(scene.glyphs.gauge_limit, scene.theme.title),
            x if x < filled => Span::styled(scene.glyphs.gauge_filled, self.style(scene)),
            _ => Span::styled(scene.glyphs.gauge_rest, scene.theme.muted),
        };
        Line::from((0..width).map(cell).collect::<Vec<_>>())
    }

    fn last(&self) -> Option<&Last> {
        self.view.recent.as_ref()?.last.as_ref()
    }

    /// When the last attempt was, and how it ended.
    pub fn attempt(&self, scene: &Scene) -> Line<'static> {
        let Some(last) = self.last() else { return Line::default() };
        let (glyph, style) = match last.status {
            RunStatus::Success => (scene.glyphs.ok, scene.theme.healthy),
            RunStatus::Error => (scene.glyphs.failed, scene.theme.critical),
        };
        Line::from(vec![Span::styled(glyph, style), " ".into(), moment(scene, last.at).into()])
    }

    pub fn average(&self, scene: &Scene) -> Span<'static> {
        let average = self.view.stats.as_ref().and_then(|stats| stats.avg_duration_ms);
        Span::styled(average.map(age::duration_ms).unwrap_or_default(), scene.theme.value)
    }

    pub fn p95(&self, scene: &Scene) -> Span<'static> {
        let p95 = self.view.recent.as_ref().and_then(refreshtop_core::views::Recent::p95);
        Span::styled(p95.map(age::duration_ms).unwrap_or_default(), scene.theme.value)
    }

    /// The success rate, rounded down: it is 100 % only if nothing failed.
    pub fn success(&self, scene: &Scene) -> Span<'static> {
        let rate = self.view.stats.as_ref().and_then(|stats| health::measure(Figure::Rate, stats, DateTime::default()));
        let mut findings = self.health.iter().flat_map(|health| &health.findings);
        let too_low = findings.find(|finding| finding.rule == Rule::SuccessRate);
        let style = too_low.map_or(scene.theme.value, |finding| scene.theme.verdict(finding.verdict));
        let text =
            rate.map(
                |rate| if rate >= 100.0 { "100 %".into() } else { format!("{:.1} %", health::floor_one_decimal(rate)) },
            );
        Span::styled(text.unwrap_or_default(), style)
    }

    /// What is wrong with its job, in a word or two; `None` if nothing is known to be.
    pub fn trouble(&self, scene: &Scene) -> Option<String> {
        Some(match &self.view.job {
            JobState::Paused(_) => format!("{} paused", scene.glyphs.paused),
            JobState::Missing => "no job".into(),
            JobState::NotOurs(_) => "not ours".into(),
            job if job.launcher_is_dead() => format!("{} cron", scene.glyphs.failed),
            _ => return None,
        })
    }

    /// When its schedule fires next, or why it does not.
    pub fn next(&self, scene: &Scene) -> Span<'static> {
        if let Some(trouble) = self.trouble(scene) {
            return Span::styled(trouble, scene.theme.warning);
        }
        let next = scene.state.server_now().and_then(|now| self.view.next_run(now));
        Span::styled(next.map(|at| moment(scene, at)).unwrap_or_default(), scene.theme.value)
    }

    /// The newest durations, failures marked, the newest at the right.
    pub fn spark(&self, scene: &Scene, width: u16) -> Line<'static> {
        let Some(recent) = &self.view.recent else { return Line::default() };
        let older = recent.attempts.len().saturating_sub(width.into());
        let attempts = &recent.attempts[older..];
        let longest = attempts.iter().filter(|(failed, _)| !failed).filter_map(|(_, ms)| *ms).fold(0.0_f32, f32::max);
        let mut spans = vec![Span::raw(" ".repeat(usize::from(width) - attempts.len()))];
        spans.extend(attempts.iter().map(|(failed, ms)| match (failed, ms) {
            (true, _) => Span::styled(scene.glyphs.failed, scene.theme.critical),
            (false, Some(ms)) => Span::styled(level(scene, ms / longest.max(0.001)), scene.theme.bar),
            (false, None) => Span::styled(scene.glyphs.unmeasured, scene.theme.muted),
        }));
        Line::from(spans)
    }

    /// What is wrong with it, in one line.
    pub fn cause(&self, scene: &Scene) -> (String, Style) {
        let theme = scene.theme;
        let Some(health) = &self.health else { return (self.unmanaged(), theme.muted) };
        if scene.is_old() {
            return (String::new(), theme.muted);
        }
        let style = self.style(scene);
        let drift = health.findings.iter().find(|finding| finding.rule == Rule::NothingRefreshes);
        if let Some(drift) = drift {
            return (drift.reason.clone(), style);
        }
        if let Some(failure) = self.failure() {
            return (failure, theme.critical);
        }
        if let Some(worst) = health.findings.first() {
            return (worst.reason.clone(), style);
        }
        let blocking = self.view.relation.as_ref().and_then(refreshtop_core::views::Relation::not_concurrently);
        match (blocking, self.view.drift()) {
            (Some(why), _) => (format!("blocks its readers: {why}"), theme.muted),
            (None, Some(Drift::Replaced)) => ("made again: the next refresh registers it".into(), theme.muted),
            _ => (String::new(), theme.muted),
        }
    }

    /// Why the last attempt failed, if it did.
    pub fn failure(&self) -> Option<String> {
        let last = self.last().filter(|last| last.status == RunStatus::Error)?;
        if let Some(blocker) = &last.blocker {
            let name = blocker.name.as_deref().map(|name| format!("{name} ")).unwrap_or_default();
            return Some(format!("blocked by {name}pid {}", blocker.pid));
        }
        let code = last.sqlstate.as_deref().map(|code| format!("{code} ")).unwrap_or_default();
        Some(format!("{code}{}", last.error.as_deref().unwrap_or("failed just now")))
    }

    fn unmanaged(&self) -> String {
        let word = match self.view.managed {
            Managed::Unknown => "not known whether managed",
            Managed::No | Managed::Yes(_) => "not managed",
        };
        match self.view.relation.as_ref().and_then(refreshtop_core::views::Relation::not_concurrently) {
            Some(why) => format!("{word}, {why}"),
            None => word.into(),
        }
    }
}

/// An age in one unit: there is little room, and it changes rarely.
pub fn short_age(age: Duration) -> String {
    match age.as_secs() {
        0..60 => "<1m".into(),
        s @ 60..3_600 => format!("{}m", s / 60),
        s @ 3_600..172_800 => format!("{}h", s / 3_600),
        s => format!("{}d", s / 86_400),
    }
}

/// A time of day to the minute, or the date if it is another day.
fn moment(scene: &Scene, at: DateTime<Utc>) -> String {
    let today = scene.state.all().map(|views| views.at.date_naive());
    let form = if today == Some(at.date_naive()) { "%H:%M" } else { "%m-%d" };
    at.format(form).to_string()
}

/// A bar of one cell.
fn level(scene: &Scene, share: f32) -> &'static str {
    let bars = &scene.glyphs.bars;
    let levels = [
        bars.one_eighth,
        bars.one_quarter,
        bars.three_eighths,
        bars.half,
        bars.five_eighths,
        bars.three_quarters,
        bars.seven_eighths,
        bars.full,
    ];
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
    let place = (share * 8.0).ceil().clamp(1.0, 8.0) as usize;
    levels[place - 1]
}
