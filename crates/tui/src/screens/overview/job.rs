//! The schedule: what it is, whether it runs, when next, how it went last.

use crate::{
    app::action::Action,
    scene::Scene,
    screens::screen::Screen,
    widgets::{compact_title, fitting, moment, put, titled, unavailable, waiting},
};
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
};
use refreshtop_core::{
    address::PLATFORM_METRICS,
    age,
    job::{Job, JobRun},
    reading::Unavailable,
};

type Part = Vec<Span<'static>>;

/// Rows that it needs in a compact place.
pub fn height(scene: &Scene) -> u16 {
    let missing = scene.state.snapshot().and_then(|snapshot| snapshot.job.as_ref().err());
    if missing.is_some_and(|missing| !missing.fix.is_empty()) { 2 } else { 1 }
}

pub fn render(scene: &Scene, area: Rect, buf: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    let compact = area.height < 4;
    let inner = if compact { area } else { titled(scene, area, buf, "JOB", "") };
    let Some(snapshot) = scene.state.snapshot() else {
        let rest = if compact { compact_title(scene, area, buf, "JOB") } else { inner };
        return waiting(scene, rest, buf);
    };
    match &snapshot.job {
        Err(missing) => {
            let place = if compact { compact_title(scene, area, buf, "JOB") } else { inner };
            unavailable(scene, &with_keys(scene, missing), place, buf);
        }
        Ok(job) if compact => flow(scene, job, inner, buf),
        Ok(job) => rows(scene, job, inner, buf),
    }
}

/// A missing job can be restored without leaving the screen.
fn with_keys(scene: &Scene, missing: &Unavailable) -> Unavailable {
    let key = |action| scene.keys.first(action);
    let (diagnose, fix) = (key(Action::Screen(Screen::Diagnose)), key(Action::Fix));
    // The diagnosis knows the application's own job only.
    let own = scene.state.shown.as_str() == PLATFORM_METRICS;
    let fix = if missing.missing && own {
        format!("{diagnose}, then {fix} fixes it; or {}", missing.fix)
    } else {
        missing.fix.clone()
    };
    Unavailable { fix, ..missing.clone() }
}

fn flow(scene: &Scene, job: &Job, area: Rect, buf: &mut Buffer) {
    let mut parts =
        vec![vec![Span::styled("JOB", scene.theme.title)], schedule(scene, job, area.width), active(scene, job)];
    parts.extend(next_run(scene, job));
    parts.push(last(scene, job.last.as_ref()));
    parts.push(cron_database(scene, job));
    let mut rest = parts;
    for row in 0..area.height {
        let line = fitting(rest.clone(), "  ", area.width);
        let mut taken = 0;
        let mut spans = 0;
        for part in &rest {
            if spans + part.len() > line.spans.len() {
                break;
            }
            spans += part.len() + 1;
            taken += 1;
        }
        put(buf, area, row, &line);
        rest.drain(..taken);
    }
}

fn rows(scene: &Scene, job: &Job, area: Rect, buf: &mut Buffer) {
    let label = |text: &'static str| Span::styled(format!("{text:<10}"), scene.theme.muted);
    let mut first = vec![label("schedule")];
    first.extend(schedule(scene, job, area.width.saturating_sub(24)));
    first.push("  ".into());
    first.extend(active(scene, job));
    put(buf, area, 0, &Line::from(first));
    let mut second = vec![label("next run")];
    match next_run_parts(scene, job) {
        Some((at, left)) => {
            second.push(Span::styled(format!("in {left}"), scene.theme.title));
            second.push(Span::raw(format!("  at {at}")));
        }
        None => second.push(Span::styled(why_no_next(job), scene.theme.value)),
    }
    put(buf, area, 1, &Line::from(second));
    let mut third = vec![label("last run")];
    third.extend(outcome(scene, job.last.as_ref(), area.width.saturating_sub(10)));
    put(buf, area, 2, &Line::from(third));
    let database = scene.clean(&job.cron_database, area.width.saturating_sub(30));
    let zone =
        if job.offset.local_minus_utc() == 0 { String::new() } else { format!(", schedule in UTC{}", job.offset) };
    put(buf, area, 3, &Line::from(vec![label("pg_cron"), Span::raw(format!("in database {database}{zone}"))]));
}

/// Moment of the next run and the countdown to it.
fn next_run_parts(scene: &Scene, job: &Job) -> Option<(String, String)> {
    let now = scene.state.server_now()?;
    let next = job.next_run(now)?;
    Some((moment(scene, next), age::countdown((next - now).to_std().unwrap_or_default())))
}

fn why_no_next(job: &Job) -> &'static str {
    if job.active { "not known" } else { "none while paused" }
}

fn schedule(scene: &Scene, job: &Job, width: u16) -> Part {
    vec![Span::styled(scene.clean(&job.schedule, width.min(40)), scene.theme.title)]
}

fn active(scene: &Scene, job: &Job) -> Part {
    if job.active {
        return vec![Span::styled("active", scene.theme.healthy)];
    }
    vec![Span::styled(format!("{} PAUSED", scene.glyphs.paused), scene.theme.critical)]
}

fn next_run(scene: &Scene, job: &Job) -> Option<Part> {
    let (at, left) = next_run_parts(scene, job)?;
    Some(vec![
        Span::styled("next in ", scene.theme.muted),
        Span::styled(left, scene.theme.title),
        Span::styled(format!(" ({at})"), scene.theme.muted),
    ])
}

fn last(scene: &Scene, last: Option<&JobRun>) -> Part {
    let Some(run) = last else { return vec![Span::styled("has not run yet", scene.theme.muted)] };
    let (glyph, style) = mark(scene, run);
    vec![
        Span::styled("last ", scene.theme.muted),
        Span::styled(format!("{glyph} {}", scene.clean(&run.status, 12)), style),
    ]
}

fn outcome(scene: &Scene, last: Option<&JobRun>, width: u16) -> Part {
    let Some(run) = last else { return vec![Span::styled("none on record", scene.theme.muted)] };
    let (glyph, style) = mark(scene, run);
    let mut spans = vec![Span::styled(format!("{glyph} {}", scene.clean(&run.status, 12)), style)];
    if let Some(at) = run.started_at {
        spans.push(Span::raw(format!("  at {}", moment(scene, at))));
    }
    if let Some(message) = run.message.as_deref().filter(|message| !message.trim().is_empty()) {
        let taken: usize = spans.iter().map(Span::width).sum();
        let left = width.saturating_sub(crate::widgets::to_u16(taken) + 2);
        spans.push(Span::styled(format!("  {}", scene.clean(message, left)), scene.theme.muted));
    }
    spans
}

fn mark(scene: &Scene, run: &JobRun) -> (&'static str, Style) {
    match run.status.as_str() {
        "succeeded" => (scene.glyphs.ok, scene.theme.healthy),
        "failed" => (scene.glyphs.failed, scene.theme.critical),
        _ => (scene.glyphs.running, scene.theme.value),
    }
}

fn cron_database(scene: &Scene, job: &Job) -> Part {
    let database = scene.clean(&job.cron_database, 20);
    vec![Span::styled(format!("pg_cron in {database}"), scene.theme.muted)]
}
