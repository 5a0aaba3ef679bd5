//! What was found, which check is selected, what is being fixed.

use crate::{
    app::{
        action::Action,
        prompt::{Prompt, Purpose},
        shown_for::OUTCOME_SHOWN,
    },
    screens::{context::Context, effect::ScreenEffect, state::ScreenState},
};
use chrono::{DateTime, Utc};
use refreshtop_core::{
    diagnosis::{Check, Diagnosis, Fix, FixKind, Verdict},
    question::Question,
    reading::Reading,
    sanitize::printable,
    schedule,
};
use std::time::Instant;

/// The check of the plan of the view's query.
const PLAN: &str = "plan";
/// Lines that a page key scrolls the details of a check.
const DETAIL_PAGE: i16 = 5;

/// The result of a fix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fixed {
    /// What it was meant to do.
    pub label: String,
    /// A sentence, either way.
    pub outcome: Result<String, String>,
    /// When it ended.
    pub at: Instant,
}

/// The state of the diagnosis.
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
    /// The plan as it was last measured: a later diagnosis that does not run the query knows less.
    pub measured: Option<Check>,
    /// Check that the person selected; the worst if there is none, or it is gone.
    pub selected: Option<&'static str>,
    /// Whether what is fine is listed as well.
    pub unfolded: bool,
    /// Lines scrolled down in its details.
    pub scroll: u16,
    /// What is being fixed.
    pub fixing: Option<Fix>,
    /// The result of the last fix.
    pub fixed: Option<Fixed>,
}

impl Diagnose {
    /// What remains if another view is shown: a fix may be under way.
    pub fn without_view(self) -> Self {
        Self { fixing: self.fixing, fixed: self.fixed, ..Self::default() }
    }

    /// The checks, the worst first, of equals the last refreshes, otherwise in the order of the runbook: those that found something, and the selected
    /// one; all of them if that is wanted, or if there is nothing else.
    pub fn checks(&self) -> Vec<&Check> {
        let mut checks: Vec<&Check> = self.all().iter().collect();
        let nothing = checks.iter().all(|check| check.verdict == Verdict::Good);
        let shown = |check: &Check| check.verdict != Verdict::Good || self.selected == Some(check.id);
        checks.retain(|check| nothing || self.unfolded || shown(check));
        checks.sort_by_key(|check| (std::cmp::Reverse(check.verdict), check.id != "attempts"));
        checks
    }

    /// Every check, in the order of the runbook.
    pub fn all(&self) -> &[Check] {
        match &self.found {
            Some(Ok(found)) => &found.checks,
            _ => &[],
        }
    }

    /// How many are not listed.
    pub fn folded(&self) -> usize {
        self.all().len() - self.checks().len()
    }

    /// Index of the selected check among them; `None` if there are none.
    pub fn selected_index(&self) -> Option<usize> {
        let checks = self.checks();
        let found = self.selected.and_then(|id| checks.iter().position(|check| check.id == id));
        found.or((!checks.is_empty()).then_some(0))
    }

    /// The selected check.
    pub fn check(&self) -> Option<&Check> {
        self.checks().get(self.selected_index()?).copied()
    }

    /// Asks, unless that is under way. `run_plan` runs the view's query to measure it.
    pub fn ask(&mut self, run_plan: bool, context: &Context) -> Vec<ScreenEffect> {
        if !context.connected || context.paused {
            return Vec::new();
        }
        if self.loading {
            self.again = Some(run_plan || self.again.unwrap_or_default());
            return Vec::new();
        }
        (self.loading, self.again, self.measuring) = (true, None, run_plan);
        vec![ScreenEffect::Ask(Question::Diagnosis { run_plan })]
    }

    /// Takes in a diagnosis.
    pub fn found(&mut self, mut found: Reading<Diagnosis>, context: &Context) -> Vec<ScreenEffect> {
        let now = context.server_now;
        if let Ok(diagnosis) = &mut found
            && let Some(plan) = diagnosis.checks.iter_mut().find(|check| check.id == PLAN)
        {
            if self.measuring && plan.verdict != Verdict::Unknown {
                let at = now.map(|now| now.format(" Measured at %H:%M:%S UTC.").to_string()).unwrap_or_default();
                plan.finding += &at;
                self.measured = Some(plan.clone());
            } else if let Some(measured) = &self.measured {
                plan.clone_from(measured);
            }
        }
        self.found = Some(found);
        self.found_at = now;
        (self.loading, self.measuring) = (false, false);
        match self.again.take() {
            Some(run_plan) => self.ask(run_plan, context),
            None => Vec::new(),
        }
    }

    /// Offers the fixes of the selected check.
    fn choose(&self) -> Vec<ScreenEffect> {
        let Some(check) = self.check().filter(|_| self.fixing.is_none()) else { return Vec::new() };
        let (none, good) = (check.fixes.is_empty(), check.verdict == Verdict::Good);
        // A statement that cannot be displayed verbatim is not offered.
        let fixes: Vec<Fix> = check.fixes.iter().filter(|fix| printable(&fix.sql()) == fix.sql()).cloned().collect();
        if !fixes.is_empty() {
            return vec![ScreenEffect::ChooseFix(fixes)];
        }
        vec![ScreenEffect::Toast(match (none, good) {
            (false, _) => "its statement can't be shown as it is, so it is not offered",
            (true, true) => "nothing is wrong here",
            (true, false) => "no statement fixes this; read the advice",
        })]
    }

    /// Offers the statement that gives the selected check's job another interval.
    ///
    /// # Errors
    /// In a few words, what is wrong with the schedule.
    pub fn interval(&self, schedule: &str) -> Result<Vec<ScreenEffect>, String> {
        let Some(job) = self.check().and_then(|check| check.job.as_ref()) else { return Ok(Vec::new()) };
        let schedule = schedule.trim();
        if schedule.is_empty() || schedule == job.schedule || self.fixing.is_some() {
            return Ok(Vec::new());
        }
        // The rest of the sentence, the format of a schedule, is in the line from the start.
        schedule::job(schedule).map_err(|wrong| wrong.split(':').next().unwrap_or_default().to_owned())?;
        Ok(vec![ScreenEffect::ChooseFix(vec![Fix::reschedule(job, schedule)])])
    }

    /// Notes that `fix` begins. `None`, with the reason on the screen, if it can't.
    pub fn begin(&mut self, fix: Fix, context: &Context) -> Option<Box<Fix>> {
        if let Some(reason) = refusal(&fix, context) {
            self.fixed = Some(Fixed { label: fix.label(), outcome: Err(reason), at: context.now });
            return None;
        }
        self.fixed = None;
        // It stays in sight, so that its mark is seen to change.
        self.selected = self.check().map(|check| check.id);
        self.fixing = Some(fix.clone());
        Some(Box::new(fix))
    }

    /// Takes in the result of the fix, and reads its effect at once.
    pub fn fixed(&mut self, outcome: Result<String, String>, context: &Context) -> Vec<ScreenEffect> {
        let Some(fix) = self.fixing.take() else { return Vec::new() };
        self.fixed = Some(Fixed { label: fix.label(), outcome, at: context.now });
        self.ask(false, context)
    }

    /// Moment at which the result of a fix has been shown for long enough: a failure stays until it is dismissed.
    pub fn fixed_end(&self) -> Option<Instant> {
        let fixed = self.fixed.as_ref().filter(|fixed| fixed.outcome.is_ok())?;
        fixed.at.checked_add(OUTCOME_SHOWN)
    }
}

/// The known reason why a fix is impossible, without asking the server.
fn refusal(fix: &Fix, context: &Context) -> Option<String> {
    if !context.connected {
        return Some("nothing was done: not connected; wait until the connection is back".into());
    }
    // One session for actions by key: monitoring must not burden the server.
    if context.refreshing {
        return Some("nothing was done: a refresh that was started here is running; wait for it, or cancel it".into());
    }
    let works = matches!(fix.kind(), FixKind::CancelBackend | FixKind::TerminateBackend);
    (context.standby && !works)
        .then(|| "nothing was done: this server is a read-only standby; fix on its primary".into())
}

impl ScreenState for Diagnose {
    fn enter(&mut self) {
        (self.selected, self.scroll, self.unfolded) = (None, 0, false);
    }

    fn load(&mut self, context: &Context) -> Vec<ScreenEffect> {
        self.ask(false, context)
    }

    fn act(&mut self, action: Action, context: &Context) -> Vec<ScreenEffect> {
        match action {
            Action::Fix => self.choose(),
            Action::Origin => {
                self.unfolded = !self.unfolded;
                Vec::new()
            }
            Action::Measure => {
                if context.connected && !context.paused {
                    // Its check is shown.
                    (self.selected, self.scroll) = (Some(PLAN), 0);
                }
                self.ask(true, context)
            }
            Action::Interval => match self.check().and_then(|check| check.job.as_ref()) {
                Some(job) => vec![ScreenEffect::Type(Prompt::new(Purpose::Interval, &printable(&job.schedule)))],
                None => vec![ScreenEffect::Toast("no job here: an interval is given to a check of a job that exists")],
            },
            _ => Vec::new(),
        }
    }

    fn step(&mut self, by: isize, _: &Context) -> Vec<ScreenEffect> {
        if let Some(index) = self.selected_index() {
            let checks = self.checks();
            let target = index.saturating_add_signed(by).min(checks.len() - 1);
            (self.selected, self.scroll) = (Some(checks[target].id), 0);
        }
        Vec::new()
    }

    /// A page scrolls the details of the selected check.
    fn page(&mut self, down: bool) -> Option<()> {
        self.scroll = self.scroll.saturating_add_signed(if down { DETAIL_PAGE } else { -DETAIL_PAGE });
        Some(())
    }

    fn open(&mut self, _: &Context) -> Vec<ScreenEffect> {
        self.choose()
    }

    /// Dismisses the result of the last fix.
    fn close(&mut self, _: &Context) -> Option<Vec<ScreenEffect>> {
        self.fixed.take().map(|_| Vec::new())
    }

    fn selected_index(&self, _: &Context) -> Option<usize> {
        Self::selected_index(self)
    }

    fn scroll_mut(&mut self) -> Option<&mut u16> {
        Some(&mut self.scroll)
    }

    fn hints(&self) -> Vec<Action> {
        let check = self.check();
        let fix = check.filter(|check| !check.fixes.is_empty()).map(|_| Action::Fix);
        let interval = check.filter(|check| check.job.is_some()).map(|_| Action::Interval);
        fix.into_iter().chain([Action::Down, Action::PageDown]).chain(interval).chain([Action::Measure]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        app::{
            effect::Effect, fixtures, message::Message, next_redraw::next_redraw, overlay::Overlay, prompt::Edit,
            state::State, update::update,
        },
        screens::screen::Screen,
    };
    use refreshtop_core::{event::Event, question::Answer, reading::Unavailable, request::Request};

    fn answer(state: &mut State, read: Reading<Diagnosis>) -> Vec<Effect> {
        let now = state.now;
        update(state, fixtures::event(Event::Answered(fixtures::view(), Box::new(Answer::Diagnosis(read)))), now)
    }

    fn act(state: &mut State, action: Action) -> Vec<Effect> {
        let now = state.now;
        update(state, Message::Action(action), now)
    }

    fn ask(state: &mut State, run_plan: bool) {
        let effects = state.with_screens(|screens, context| screens.diagnose.ask(run_plan, context));
        assert_eq!(effects, [ScreenEffect::Ask(Question::Diagnosis { run_plan })]);
    }

    fn plan(state: &State) -> &Check {
        state.screens.diagnose.all().iter().find(|check| check.id == PLAN).unwrap()
    }

    #[test]
    fn what_was_measured_stays_until_it_is_measured_again() {
        let mut state = fixtures::diagnose::view();
        assert_eq!(
            act(&mut state, Action::Measure),
            [fixtures::request(Request::Ask(fixtures::view(), Question::Diagnosis { run_plan: true }))]
        );
        assert_eq!(state.screens.diagnose.check().unwrap().id, PLAN);
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
    fn what_cannot_be_done_is_reported() {
        let mut state = fixtures::diagnose::view();
        assert!(state.screens.diagnose.check().unwrap().job.is_none());
        act(&mut state, Action::Interval);
        assert!(state.prompt.is_none());
        assert!(state.toast.take().unwrap().text.contains("no job here"));
        state.screens.diagnose.selected = Some("migrations");
        assert_eq!(state.screens.diagnose.check().unwrap().verdict, Verdict::Good);
        act(&mut state, Action::Fix);
        assert!(state.overlay.is_none());
        assert_eq!(state.toast.unwrap().text, "nothing is wrong here");
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
            assert_eq!(state.screens.diagnose.fixed_end(), worked.then_some(now));
            assert!(!worked || next_redraw(&state).is_some_and(|moment| moment <= now));
            update(&mut state, Message::Tick, now);
            assert_eq!(state.screens.diagnose.fixed.is_none(), worked);
        }
    }

    #[test]
    fn what_was_refused_waits_for_the_next_poll() {
        let mut state = fixtures::diagnose::view();
        ask(&mut state, false);
        assert_eq!(answer(&mut state, Err(Unavailable::new("no", ""))), []);
        assert_eq!(state.screen, Screen::Diagnose);
    }

    #[test]
    fn what_was_fixed_stays_in_sight() {
        let mut state = fixtures::diagnose::view();
        let end = fixtures::diagnose::end(4711);
        let fixing = state.with_screens(|screens, context| {
            assert_eq!(screens.diagnose.selected, None);
            screens.diagnose.begin(end, context)
        });
        assert!(fixing.is_some());
        let mut found = fixtures::diagnose::found();
        for check in &mut found.checks {
            check.verdict = if check.id == "attempts" { Verdict::Good } else { Verdict::Warning };
        }
        answer(&mut state, Ok(found));
        let check = state.screens.diagnose.check().unwrap();
        assert_eq!((check.id, check.verdict), ("attempts", Verdict::Good));
    }

    #[test]
    fn what_is_fine_is_folded_and_the_worst_is_selected_whenever_the_screen_opens() {
        let mut state = fixtures::diagnose::view();
        let shown = |state: &State| state.screens.diagnose.checks().len();
        let all = state.screens.diagnose.all().len();
        assert!(shown(&state) < all && state.screens.diagnose.folded() == all - shown(&state));
        act(&mut state, Action::Origin);
        assert_eq!((shown(&state), state.screens.diagnose.folded()), (all, 0));
        act(&mut state, Action::Last);
        assert_eq!(state.screens.diagnose.check().unwrap().verdict, Verdict::Good);
        act(&mut state, Action::Screen(Screen::Runs));
        act(&mut state, Action::Screen(Screen::Diagnose));
        assert_eq!(state.screens.diagnose.check().unwrap().id, "attempts");
        assert!(shown(&state) < all);
        // With nothing else there is no reason to hide them.
        let mut found = fixtures::diagnose::found();
        found.checks.retain(|check| check.verdict == Verdict::Good);
        let good = found.checks.len();
        answer(&mut state, Ok(found));
        assert_eq!((shown(&state), state.screens.diagnose.folded()), (good, 0));
    }
}
