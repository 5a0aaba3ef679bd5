//! The view that diagnoses: what was found, which check is selected, what is about to be mended.

use crate::model::{
    diagnosis::{Check, Danger, Diagnosis, Mend, MendKind, Verdict},
    message::{Action, Effect},
    prompt::{Prompt, Purpose},
    question::Question,
    reading::Reading,
    refresh::Trigger,
    snapshot::Snapshot,
    state::{Overlay, State},
};
use crate::sanitize::printable;
use chrono::{DateTime, Utc};

/// The check that looks at the plan of the view's query.
const PLAN: &str = "plan";

/// What came of a mend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mended {
    /// What it was meant to do.
    pub label: String,
    /// A sentence, either way.
    pub outcome: Result<String, String>,
}

/// What the view knows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Diagnose {
    /// The newest diagnosis, or why there is none.
    pub found: Option<Reading<Diagnosis>>,
    /// The server's time when it arrived.
    pub found_at: Option<DateTime<Utc>>,
    /// Whether one is under way.
    pub asking: bool,
    /// Whether another must follow that one, and whether it is to run the view's query.
    pub again: Option<bool>,
    /// Whether the one under way runs the view's query.
    pub measuring: bool,
    /// The plan as it was last measured: a later look that does not run the query knows less.
    pub measured: Option<Check>,
    /// Check that the person selected; where nobody did, or it is gone, the worst is.
    pub selected: Option<&'static str>,
    /// Lines scrolled down in what stands behind it.
    pub scroll: u16,
    /// What is being mended.
    pub mending: Option<Mend>,
    /// What came of the last mend.
    pub mended: Option<Mended>,
}

/// A choice of statements that mend a check, shown before anything is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The statements, the mildest first.
    pub mends: Vec<Mend>,
    /// Index of the one that `Enter` means.
    pub selected: usize,
    /// Lines scrolled down in that one, where it is longer than the screen.
    pub below: u16,
    /// Whether `Enter` was pressed once on one that asks twice.
    pub asked: bool,
}

impl Diagnose {
    /// The checks, the worst first; else in the order in which a person would ask.
    #[must_use]
    pub fn checks(&self) -> Vec<&Check> {
        let Some(Ok(found)) = &self.found else { return Vec::new() };
        let mut checks: Vec<&Check> = found.checks.iter().collect();
        checks.sort_by_key(|check| std::cmp::Reverse(check.verdict));
        checks
    }

    /// Index of the selected check among them; `None` where there are none.
    #[must_use]
    pub fn selected_index(&self) -> Option<usize> {
        let checks = self.checks();
        let found = self.selected.and_then(|id| checks.iter().position(|check| check.id == id));
        found.or((!checks.is_empty()).then_some(0))
    }

    /// The selected check.
    #[must_use]
    pub fn check(&self) -> Option<&Check> {
        self.checks().get(self.selected_index()?).copied()
    }

    /// Moves the selection.
    pub fn step(&mut self, by: isize) {
        let Some(index) = self.selected_index() else { return };
        let checks = self.checks();
        let target = index.saturating_add_signed(by).min(checks.len() - 1);
        let id = checks[target].id;
        self.scroll = 0;
        self.selected = Some(id);
    }

    /// Scrolls what stands behind the selected check.
    pub fn scroll(&mut self, by: i16) {
        self.scroll = self.scroll.saturating_add_signed(by);
    }
}

/// Asks, unless that is under way. `run_plan` runs the view's query to measure it.
pub fn ask(state: &mut State, run_plan: bool) -> Vec<Effect> {
    if !state.connected() || state.paused.is_some() {
        return Vec::new();
    }
    let view = &mut state.diagnose;
    if view.asking {
        view.again = Some(run_plan || view.again.unwrap_or_default());
        return Vec::new();
    }
    (view.asking, view.again, view.measuring) = (true, None, run_plan);
    vec![Effect::Ask(Question::Diagnosis { run_plan })]
}

/// Takes in a diagnosis.
pub fn found(state: &mut State, found: Reading<Diagnosis>) -> Vec<Effect> {
    let now = state.server_now();
    let view = &mut state.diagnose;
    let mut found = found;
    if let Ok(diagnosis) = &mut found
        && let Some(plan) = diagnosis.checks.iter_mut().find(|check| check.id == PLAN)
    {
        if view.measuring && plan.verdict != Verdict::Unknown {
            let at = now.map(|now| now.format(" Measured at %H:%M:%S UTC.").to_string()).unwrap_or_default();
            plan.finding += &at;
            view.measured = Some(plan.clone());
        } else if let Some(measured) = &view.measured {
            plan.clone_from(measured);
        }
    }
    view.found = Some(found);
    view.found_at = now;
    (view.asking, view.measuring) = (false, false);
    match view.again.take() {
        Some(run_plan) => ask(state, run_plan),
        None => Vec::new(),
    }
}

/// Shows the statements that mend the selected check.
pub fn choose(state: &mut State) {
    let Some(mends) = state.diagnose.check().map(|check| check.mends.clone()) else { return };
    // Nobody agrees to what can't be shown as it is.
    let mends: Vec<Mend> = mends.into_iter().filter(|mend| printable(&mend.sql) == mend.sql).collect();
    if mends.is_empty() || state.diagnose.mending.is_some() {
        return;
    }
    state.overlay = Some(Overlay::Mend(Choice { mends, selected: 0, below: 0, asked: false }));
}

/// What only this view knows.
pub fn act(state: &mut State, action: Action) -> Vec<Effect> {
    match action {
        Action::Mend => choose(state),
        Action::Measure => {
            if state.connected() && state.paused.is_none() {
                // What is asked for is looked at.
                (state.diagnose.selected, state.diagnose.scroll) = (Some(PLAN), 0);
            }
            return ask(state, true);
        }
        Action::Interval => {
            if let Some(job) = state.diagnose.check().and_then(|check| check.job.as_ref()) {
                state.prompt = Some(Prompt::new(Purpose::Interval, &printable(&job.schedule)));
            }
        }
        _ => {}
    }
    Vec::new()
}

/// Shows the statement that gives the selected check's job another interval.
pub fn interval(state: &mut State, schedule: &str) {
    let Some(job) = state.diagnose.check().and_then(|check| check.job.as_ref()) else { return };
    let schedule = schedule.trim();
    if schedule.is_empty() || schedule == job.schedule || state.diagnose.mending.is_some() {
        return;
    }
    let mends = vec![Mend::interval(job.id, &job.database, schedule)];
    state.overlay = Some(Overlay::Mend(Choice { mends, selected: 0, below: 0, asked: false }));
}

/// `Enter` on the chosen statement: does it, once it was asked for often enough.
pub fn confirm(state: &mut State) -> Vec<Effect> {
    let Some(Overlay::Mend(choice)) = &mut state.overlay else { return Vec::new() };
    let Some(mend) = choice.mends.get(choice.selected).cloned() else { return Vec::new() };
    if mend.danger == Danger::AsksTwice && !choice.asked {
        choice.asked = true;
        return Vec::new();
    }
    state.overlay = None;
    if let Some(reason) = refusal(state, &mend) {
        state.diagnose.mended = Some(Mended { label: mend.label, outcome: Err(reason) });
        return Vec::new();
    }
    state.diagnose.mended = None;
    state.diagnose.mending = Some(mend.clone());
    vec![Effect::Mend(Box::new(mend))]
}

/// What is known to make a mend impossible, without asking the server.
fn refusal(state: &State, mend: &Mend) -> Option<String> {
    if !state.connected() {
        return Some("nothing was done: not connected; wait until the feed is back".into());
    }
    // One session for what is asked for by key: the server must not notice that it is watched.
    if matches!(state.trigger, Trigger::Running { .. }) {
        return Some("nothing was done: a refresh that was started here is running; wait for it, or cancel it".into());
    }
    let standby = state.snapshot.as_ref().is_some_and(|Snapshot { server, .. }| server.standby);
    let works = matches!(mend.kind, MendKind::Cancel | MendKind::Terminate);
    (standby && !works).then(|| "nothing was done: this server is a read-only standby; mend on its primary".into())
}

/// A mend ended: what it changed is looked at at once.
pub fn mended(state: &mut State, outcome: Result<String, String>) -> Vec<Effect> {
    let Some(mend) = state.diagnose.mending.take() else { return Vec::new() };
    state.diagnose.mended = Some(Mended { label: mend.label, outcome });
    ask(state, false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        fixtures, message::Message, question::Answer, reading::Unavailable, update::update, views::View,
    };

    fn answer(state: &mut State, read: Reading<Diagnosis>) -> Vec<Effect> {
        let now = state.now;
        update(state, Message::Answered(Box::new(Answer::Diagnosis(read))), now)
    }

    fn plan(state: &State) -> &Check {
        state.diagnose.checks().into_iter().find(|check| check.id == PLAN).unwrap()
    }

    #[test]
    fn what_was_measured_stays_until_it_is_measured_again() {
        let mut state = fixtures::diagnose::view();
        assert_eq!(act(&mut state, Action::Measure), [Effect::Ask(Question::Diagnosis { run_plan: true })]);
        assert_eq!(state.diagnose.check().unwrap().id, PLAN);
        answer(&mut state, Ok(fixtures::diagnose::found()));
        let measured = plan(&state).clone();
        assert!(measured.finding.contains("Measured at 03:00:30 UTC"), "{}", measured.finding);
        let mut cheap = fixtures::diagnose::found();
        for check in &mut cheap.checks {
            check.finding = "planned only".into();
        }
        ask(&mut state, false);
        answer(&mut state, Ok(cheap.clone()));
        assert_eq!(plan(&state), &measured);
        ask(&mut state, true);
        answer(&mut state, Ok(cheap));
        assert!(plan(&state).finding.starts_with("planned only"));
    }

    #[test]
    fn what_was_refused_waits_for_the_next_poll() {
        let mut state = fixtures::diagnose::view();
        ask(&mut state, false);
        assert_eq!(answer(&mut state, Err(Unavailable::new("no", ""))), []);
        assert_eq!(state.view, View::Diagnose);
    }
}
