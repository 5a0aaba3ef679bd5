//! `refreshtop doctor`: everything that an engineer would ask by hand, and the statements that fix what is wrong.

mod views;

use crate::{
    cli::arguments::Doctor,
    command::{
        Failure, confirm,
        interrupt::{self, Watch},
        monitor, session,
    },
    output::{
        Output, clean,
        diagnosis::{self, Page},
        json,
    },
    settings::Settings,
};
use refreshtop_connect::{Target, environment::Environment};
use refreshtop_core::{
    diagnosis::{Diagnosis, Fix, Risk, Verdict},
    exit,
};
use refreshtop_db::diagnosis::{OpenError, Options, Sessions};
use serde_json::{Value, json};
use std::io::{self, IsTerminal as _, Write as _};

impl From<OpenError> for Failure {
    fn from(failure: OpenError) -> Self {
        match failure {
            OpenError::Connect(failure) => failure.into(),
            OpenError::Database(failure) => {
                let code = session::exit_code(&failure);
                Self::new(code, OpenError::Database(failure).to_string())
            }
        }
    }
}

/// The result of a fix.
type Fixed = (Fix, Result<String, String>);

/// Diagnoses, and with `--fix` fixes and diagnoses again.
///
/// # Errors The database can't be reached, or nobody agreed to what was to be done. Silently if the worst finding is
/// not good: the exit code is the verdict.
pub async fn run(
    doctor: &Doctor,
    settings: &Settings,
    target: &Target,
    environment: &Environment,
    output: Output,
) -> Result<(), Failure> {
    if doctor.fix && !doctor.yes && !confirm::can_ask() {
        let why =
            "--fix asks before it changes anything, and standard input is no terminal; add --yes to go on unasked";
        return Err(Failure::new(exit::FAILURE, why));
    }
    let options = Options { run_plan: doctor.analyze, ..Options::default() };
    let (mut read, sessions) = tokio::join!(views::read(settings, target), Sessions::to_diagnose(target));
    let chosen_views = views::in_full(&read, settings);
    let mut found = sessions?.diagnose(&chosen_views, &options).await;
    views::add(&mut found, &read, settings);
    let page = Page::new(output, monitor::glyphs(settings, environment), doctor.details);
    if !output.json {
        output.print(&page.diagnosis(&found))?;
    }
    let mut fixed = Vec::new();
    if doctor.fix {
        let chosen = chosen(&found, &doctor.also)?;
        if chosen.is_empty() {
            if !output.json {
                output.print("Nothing was changed: no statement is needed that --fix executes by itself.")?;
            }
        } else {
            agreed(doctor, &page, &chosen)?;
            let work = async |watch: &Watch| {
                let mut sessions = Sessions::to_fix(target).await?;
                for (canceller, pid) in sessions.cancellers().await.map_err(OpenError::from)? {
                    watch.add(canceller, Some(pid));
                }
                let fixed = fix(&mut sessions, chosen, &page, output, watch).await?;
                let found = sessions.diagnose(&chosen_views, &options).await;
                Ok((fixed, found))
            };
            (fixed, found) = interrupt::run(target, output.json, work).await?;
            read = views::read(settings, target).await;
            views::add(&mut found, &read, settings);
            if !output.json {
                output.print(&format!("\n{}", page.diagnosis(&found)))?;
            }
        }
    }
    if output.json {
        output.object("doctor", json::of_database(&target.id(), object(&found, &fixed)))?;
    } else if let Some(hint) = hint(&found, doctor.fix) {
        output.print(&hint)?;
    }
    verdict(found.worst())
}

/// Every safe fix once, and those that were named.
fn chosen(found: &Diagnosis, also: &[String]) -> Result<Vec<Fix>, Failure> {
    // A statement that cannot be displayed verbatim is not offered.
    let offered = found.checks.iter().flat_map(|check| &check.fixes).filter(|fix| diagnosis::can_be_shown(fix));
    let offered: Vec<&Fix> = offered.collect();
    let named = named(&offered, also)?;
    let mut chosen: Vec<Fix> = Vec::new();
    for fix in offered {
        let is_chosen = fix.risk() == Risk::Safe || named.contains(&fix);
        if is_chosen && !chosen.contains(fix) {
            chosen.push(fix.clone());
        }
    }
    // Blocking sessions hold up the other fixes.
    chosen.sort_by_key(|fix| fix.risk() == Risk::Safe);
    Ok(chosen)
}

/// The fixes that `--also` means. A person names them by their labels; what is executed is the fix that was found.
fn named<'a>(offered: &[&'a Fix], also: &[String]) -> Result<Vec<&'a Fix>, Failure> {
    let mut named = Vec::new();
    for label in also {
        let before = named.len();
        named.extend(offered.iter().copied().filter(|fix| fix.label() == *label));
        if named.len() == before {
            let label = clean(label);
            let why = format!("nothing was changed: no finding offers {label:?}; diagnose again without --fix");
            return Err(Failure::new(exit::FAILURE, why));
        }
    }
    Ok(named)
}

fn agreed(doctor: &Doctor, page: &Page, chosen: &[Fix]) -> Result<(), Failure> {
    if doctor.yes {
        return Ok(());
    }
    // All are shown before they are confirmed, however many there are; the page has cleaned them.
    let shown = write!(io::stderr(), "\nThis will be executed:\n{}", page.announced(chosen));
    shown.map_err(|error| Failure::new(exit::FAILURE, error.to_string()))?;
    if confirm::confirmed("Each by itself: one that fails does not stop the others.")? {
        return Ok(());
    }
    Err(Failure::new(exit::FAILURE, "nothing was changed"))
}

async fn fix(
    sessions: &mut Sessions,
    chosen: Vec<Fix>,
    page: &Page,
    output: Output,
    watch: &Watch,
) -> Result<Vec<Fixed>, Failure> {
    let mut fixed: Vec<Fixed> = Vec::new();
    for fix in chosen {
        if watch.stopped() {
            return Err(stopped(&fixed));
        }
        if io::stderr().is_terminal() && !output.json {
            // Ignore the error: stderr may be closed.
            let _ = writeln!(io::stderr(), "executing: {}", clean(&fix.label()));
        }
        let outcome = sessions.fix(&fix).await.map_err(|error| error.to_string());
        if !output.json {
            output.print(&format!("\n{}", page.fixed(&fix, &outcome)))?;
        }
        fixed.push((fix, outcome));
    }
    if watch.stopped() {
        return Err(stopped(&fixed));
    }
    Ok(fixed)
}

/// What a signal has left: every statement is a transaction of its own.
fn stopped(fixed: &[Fixed]) -> Failure {
    let done: Vec<String> =
        fixed.iter().filter(|(_, outcome)| outcome.is_ok()).map(|(fix, _)| clean(&fix.label())).collect();
    let what =
        if done.is_empty() { "nothing was changed".to_owned() } else { format!("done was only: {}", done.join(", ")) };
    Failure::new(exit::FAILURE, what)
}

/// What `--fix` could still do, and what it leaves to be named.
fn hint(found: &Diagnosis, fixed: bool) -> Option<String> {
    let fixes = || found.checks.iter().flat_map(|check| &check.fixes);
    let safe = fixes().filter(|fix| fix.risk() == Risk::Safe).count();
    let mut lines = Vec::new();
    if safe > 0 {
        let those = if safe == 1 { "statement is" } else { "statements are" };
        let again = if fixed { " again" } else { "" };
        lines.push(format!("{safe} {those} safe; to execute what is safe{again}: refreshtop doctor --fix"));
    }
    if let Some(disruptive) = fixes().find(|fix| fix.risk() != Risk::Safe) {
        lines.push(format!(
            "What ends somebody's work or removes something is done only if you name it: refreshtop doctor --fix \
             --also '{}'",
            clean(&disruptive.label())
        ));
    }
    (!lines.is_empty()).then(|| lines.join("\n"))
}

fn object(found: &Diagnosis, fixed: &[Fixed]) -> Value {
    let fixed = fixed.iter().map(|(fix, outcome)| {
        let mut object = diagnosis::fix_object(fix);
        let (Ok(message) | Err(message)) = outcome;
        object["done"] = outcome.is_ok().into();
        object["message"] = message.as_str().into();
        object
    });
    json!({
        "verdict": diagnosis::word(found.worst()),
        "checks": found.checks.iter().map(diagnosis::check_object).collect::<Vec<_>>(),
        "fixed": fixed.collect::<Vec<_>>(),
    })
}

fn verdict(worst: Verdict) -> Result<(), Failure> {
    match worst {
        Verdict::Good => Ok(()),
        Verdict::Warning => Err(Failure::silent(exit::WARNING)),
        Verdict::Bad => Err(Failure::silent(exit::CRITICAL)),
        Verdict::Unknown => Err(Failure::silent(exit::UNKNOWN)),
    }
}
