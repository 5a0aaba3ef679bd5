//! The view that diagnoses: what was found, which check is selected, what is about to be fixed.

use crate::app::{
    action::Action,
    effect::Effect,
    prompt::{Prompt, Purpose},
    state::{Overlay, State},
    wake::OUTCOME_SHOWN,
};
use chrono::{DateTime, Utc};
use refreshtop_core::{
    diagnosis::{Check, Diagnosis, Fix, FixKind, Risk, Verdict},
    question::Question,
    reading::Reading,
    refresh::Trigger,
    request::Request,
    sanitize::printable,
    schedule,
};
use std::time::Instant;

/// The check that looks at the plan of the view's query.
const PLAN: &str = "plan";

/// What came of a fix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fixed {
    /// What it was meant to do.
    pub label: String,
    /// A sentence, either way.
    pub outcome: Result<String, String>,
    /// When it ended.
    pub at: Instant,
}

/// What the view knows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Diagnose {
    /// The newest diagnosis, or why there is none.
    pub found: Option<Reading<Diagnosis>>,
    /// The server's time when it arrived.
    pub found_at: Option<DateTime<Utc>>,
    /// Whether one is under way.
    pub loading: bool,
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
    /// What is being fixed.
    pub fixing: Option<Fix>,
    /// What came of the last fix.
    pub fixed: Option<Fixed>,
}

/// A choice of statements that fix a check, shown before anything is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The statements, the mildest first.
    pub fixes: Vec<Fix>,
    /// Index of the one that `Enter` means.
    pub selected: usize,
    /// Lines scrolled down in that one, where it is longer than the screen.
    pub below: u16,
    /// Whether `Enter` was pressed once on one that asks twice.
    pub confirming: bool,
}

impl Diagnose {
    /// The checks, the worst first; else in the order in which a person would ask.
    pub fn checks(&self) -> Vec<&Check> {
        let Some(Ok(found)) = &self.found else { return Vec::new() };
        let mut checks: Vec<&Check> = found.checks.iter().collect();
        checks.sort_by_key(|check| std::cmp::Reverse(check.verdict));
        checks
    }

    /// Index of the selected check among them; `None` where there are none.
    pub fn selected_index(&self) -> Option<usize> {
        let checks = self.checks();
        let found = self.selected.and_then(|id| checks.iter().position(|check| check.id == id));
        found.or((!checks.is_empty()).then_some(0))
    }

    /// The selected check.
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
    if view.loading {
        view.again = Some(run_plan || view.again.unwrap_or_default());
        return Vec::new();
    }
    (view.loading, view.again, view.measuring) = (true, None, run_plan);
    vec![state.request(Request::Ask(Question::Diagnosis { run_plan }))]
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
    (view.loading, view.measuring) = (false, false);
    match view.again.take() {
        Some(run_plan) => ask(state, run_plan),
        None => Vec::new(),
    }
}

/// Shows the statements that fix the selected check.
pub fn choose(state: &mut State) {
    let Some(check) = state.diagnose.check() else { return };
    let none = check.fixes.is_empty();
    // A statement that cannot be displayed verbatim is not offered.
    let fixes: Vec<Fix> = check.fixes.iter().filter(|fix| printable(&fix.sql()) == fix.sql()).cloned().collect();
    if state.diagnose.fixing.is_some() {
        return;
    }
    if fixes.is_empty() {
        let good = check.verdict == Verdict::Good;
        return state.say(match (none, good) {
            (false, _) => "its statement can't be shown as it is, so it is not offered",
            (true, true) => "nothing is wrong here",
            (true, false) => "no statement fixes this: what to do is said here",
        });
    }
    state.overlay = Some(Overlay::Fix(Choice { fixes, selected: 0, below: 0, confirming: false }));
}

/// What only this view knows.
pub fn act(state: &mut State, action: Action) -> Vec<Effect> {
    match action {
        Action::Fix => choose(state),
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
            } else {
                state.say("no job here: an interval is given to a check of a job that exists");
            }
        }
        _ => {}
    }
    Vec::new()
}

/// Shows the statement that gives the selected check's job another interval.
///
/// # Errors
/// In a few words, what is wrong with the schedule.
pub fn interval(state: &mut State, schedule: &str) -> Result<(), String> {
    let Some(job) = state.diagnose.check().and_then(|check| check.job.as_ref()) else { return Ok(()) };
    let schedule = schedule.trim();
    if schedule.is_empty() || schedule == job.schedule || state.diagnose.fixing.is_some() {
        return Ok(());
    }
    // The rest of the sentence, what a schedule looks like, is what stands in the line to begin with.
    schedule::job(schedule).map_err(|wrong| wrong.split(':').next().unwrap_or_default().to_owned())?;
    let fixes = vec![Fix::reschedule(job, schedule)];
    state.overlay = Some(Overlay::Fix(Choice { fixes, selected: 0, below: 0, confirming: false }));
    Ok(())
}

/// `Enter` on the chosen statement: does it, once it was asked for often enough.
pub fn confirm(state: &mut State) -> Vec<Effect> {
    let Some(Overlay::Fix(choice)) = &mut state.overlay else { return Vec::new() };
    let Some(fix) = choice.fixes.get(choice.selected).cloned() else { return Vec::new() };
    if fix.risk() == Risk::Disruptive && !choice.confirming {
        choice.confirming = true;
        return Vec::new();
    }
    state.overlay = None;
    if let Some(reason) = refusal(state, &fix) {
        state.diagnose.fixed = Some(Fixed { label: fix.label(), outcome: Err(reason), at: state.now });
        return Vec::new();
    }
    state.diagnose.fixed = None;
    state.diagnose.fixing = Some(fix.clone());
    vec![state.request(Request::Fix(Box::new(fix)))]
}

/// What is known to make a fix impossible, without asking the server.
fn refusal(state: &State, fix: &Fix) -> Option<String> {
    if !state.connected() {
        return Some("nothing was done: not connected; wait until the feed is back".into());
    }
    // One session for what is asked for by key: the server must not notice that it is watched.
    if matches!(state.database().trigger, Trigger::Running { .. }) {
        return Some("nothing was done: a refresh that was started here is running; wait for it, or cancel it".into());
    }
    let works = matches!(fix.kind(), FixKind::CancelBackend | FixKind::TerminateBackend);
    (state.database().is_standby() && !works)
        .then(|| "nothing was done: this server is a read-only standby; fix on its primary".into())
}

/// Moment at which what came of a fix has been shown for long enough: a failure stays until it is dismissed.
pub fn fixed_end(state: &State) -> Option<Instant> {
    let fixed = state.diagnose.fixed.as_ref().filter(|fixed| fixed.outcome.is_ok())?;
    fixed.at.checked_add(OUTCOME_SHOWN)
}

/// A fix ended: what it changed is looked at at once.
pub fn fixed(state: &mut State, outcome: Result<String, String>) -> Vec<Effect> {
    let Some(fix) = state.diagnose.fixing.take() else { return Vec::new() };
    state.diagnose.fixed = Some(Fixed { label: fix.label(), outcome, at: state.now });
    ask(state, false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::{fixtures, message::Message, prompt::Edit, update::update, views::View, wake};
    use refreshtop_core::{event::Event, question::Answer, reading::Unavailable};

    fn answer(state: &mut State, read: Reading<Diagnosis>) -> Vec<Effect> {
        let now = state.now;
        update(state, fixtures::event(Event::Answered(Box::new(Answer::Diagnosis(read)))), now)
    }

    fn plan(state: &State) -> &Check {
        state.diagnose.checks().into_iter().find(|check| check.id == PLAN).unwrap()
    }

    #[test]
    fn what_was_measured_stays_until_it_is_measured_again() {
        let mut state = fixtures::diagnose::view();
        assert_eq!(
            act(&mut state, Action::Measure),
            [fixtures::request(Request::Ask(Question::Diagnosis { run_plan: true }))]
        );
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
    fn what_can_not_be_done_is_said() {
        let mut state = fixtures::diagnose::view();
        assert!(state.diagnose.check().unwrap().job.is_none());
        act(&mut state, Action::Interval);
        assert!(state.prompt.is_none());
        assert!(state.said.take().unwrap().text.contains("no job here"));
        state.diagnose.selected = Some("migrations");
        assert_eq!(state.diagnose.check().unwrap().verdict, Verdict::Good);
        act(&mut state, Action::Fix);
        assert!(state.overlay.is_none());
        assert_eq!(state.said.unwrap().text, "nothing is wrong here");
    }

    #[test]
    fn a_wrong_interval_stays_in_the_line_until_it_is_right() {
        let mut state = fixtures::diagnose::of_the_job();
        act(&mut state, Action::Interval);
        let typed = |state: &mut State, text: &str| {
            let now = state.now;
            let edits = std::iter::once(Edit::DeleteToStart).chain(text.chars().map(Edit::Insert));
            for edit in edits.chain([Edit::Accept]) {
                update(state, Message::Key { action: None, edit: Some(edit) }, now);
            }
        };
        typed(&mut state, "every hour");
        let prompt = state.prompt.clone().unwrap();
        assert_eq!((prompt.text.as_str(), prompt.wrong.as_deref()), ("every hour", Some("not a schedule")));
        assert!(state.overlay.is_none());
        typed(&mut state, "61 seconds");
        assert_eq!(state.prompt.clone().unwrap().wrong.as_deref(), Some("pg_cron takes from 1 to 59 seconds"));
        typed(&mut state, "*/2 * * * *");
        assert_eq!(state.prompt, None);
        let Some(Overlay::Fix(choice)) = &state.overlay else { panic!("nothing is asked") };
        assert!(choice.fixes[0].sql().contains("*/2 * * * *"));
    }

    #[test]
    fn a_success_is_shown_for_a_while_and_a_failure_until_it_is_dismissed() {
        for worked in [true, false] {
            let mut state = fixtures::diagnose::fixed(worked);
            state.database_mut().polling.due = None;
            let now = state.now + OUTCOME_SHOWN;
            assert_eq!(fixed_end(&state), worked.then_some(now));
            assert!(!worked || wake::next(&state).is_some_and(|moment| moment <= now));
            update(&mut state, Message::Tick, now);
            assert_eq!(state.diagnose.fixed.is_none(), worked);
        }
    }

    #[test]
    fn what_was_refused_waits_for_the_next_poll() {
        let mut state = fixtures::diagnose::view();
        ask(&mut state, false);
        assert_eq!(answer(&mut state, Err(Unavailable::new("no", ""))), []);
        assert_eq!(state.view, View::Diagnose);
    }
}
