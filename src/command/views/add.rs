//! `refreshtop views add`: examines views, says what was found, and manages them if nothing stands in the way.

use super::managing::{candidates, chosen, open, stopped};
use crate::{
    cli::views::ViewsAdd,
    command::{
        Failure, confirm,
        interrupt::{self, Watch},
    },
    output::{Output, clean, json},
};
use refreshtop_connect::Target;
use refreshtop_core::{
    age, exit,
    manage::{Candidate, Examination, Obstacle, Outcome, Registered},
};
use refreshtop_db::{
    manage,
    migrate::{self, MigrateError},
};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// Examines the views, asks, and manages those that can be.
///
/// # Errors
/// The views could not be examined, or nobody agreed. A view that can't be managed is no error: it is named, with the
/// reason.
pub async fn run(add: &ViewsAdd, target: &Target, output: Output) -> Result<(), Failure> {
    if !add.yes && !add.dry_run && !confirm::can_ask() {
        let why = "nothing was changed: it needs confirmation, and standard input is not a terminal: add --yes to skip \
                   confirmation, or --dry-run";
        return Err(Failure::new(exit::USAGE, why));
    }
    let found = interrupt::run(target, output.json, async |watch: &Watch| examine(add, target, watch).await).await?;
    if !output.json {
        let text: String = found.iter().map(verdict).collect();
        output.print(if text.is_empty() { "There is no materialized view." } else { &text })?;
    }
    let possible = found.iter().filter(|examined| is_possible(examined)).count();
    if possible > 0 && !add.dry_run && !add.yes {
        let announced = format!(
            "This manages {possible} {}, and refreshes each once, as its owner.",
            if possible == 1 { "view" } else { "views" }
        );
        if !confirm::confirmed(&announced)? {
            return Err(Failure::new(exit::FAILURE, "nothing was changed"));
        }
    }
    let work = async |watch: &Watch| manage_all(add, target, &found, output, watch).await;
    let outcomes = interrupt::run(target, output.json, work).await?;
    if output.json {
        let views: Vec<Value> =
            found.iter().zip(&outcomes).map(|(examined, outcome)| object(examined, outcome)).collect();
        return output.object("views_add", json::of_database(&target.id(), json!({"views": views})));
    }
    Ok(())
}

async fn examine(add: &ViewsAdd, target: &Target, watch: &Watch) -> Result<Vec<Examination>, Failure> {
    let mut session = open(target, watch).await?;
    let known: Vec<Candidate> = candidates(&mut session).await?.into_iter().filter(|view| view.oid.is_some()).collect();
    let names = if add.all { vec!["*".to_owned()] } else { add.names.clone() };
    let wanted = if known.is_empty() && add.all { Vec::new() } else { chosen(&known, &names)? };
    let mut pending = migrate::begin_jobs(&mut session).await?;
    let mut found = Vec::new();
    for view in &wanted {
        found.push(manage::examine(pending.connection(), view, add.blocking).await.map_err(MigrateError::from)?);
    }
    pending.rollback().await?;
    Ok(found)
}

fn is_possible(examined: &Examination) -> bool {
    examined.view.registered == Registered::No && examined.obstacles.is_empty()
}

/// Manages each view in a transaction of its own: one that can't be managed does not stop the others.
async fn manage_all(
    add: &ViewsAdd,
    target: &Target,
    found: &[Examination],
    output: Output,
    watch: &Watch,
) -> Result<Vec<Outcome>, Failure> {
    let mut session = None;
    let mut outcomes = Vec::new();
    for examined in found {
        let outcome = match examined.obstacles.first() {
            _ if examined.view.registered != Registered::No => Outcome::Already,
            Some(obstacle) => Outcome::Refused { reason: format!("{}; {}", obstacle.problem, obstacle.fix) },
            None if add.dry_run => Outcome::Possible,
            None => {
                stopped(watch)?;
                let open = match &mut session {
                    Some(open) => open,
                    none => none.insert(open(target, watch).await?),
                };
                watch.progress(&format!("refreshing {} for the first time", examined.view.id));
                manage::manage(open, examined, add.blocking).await?
            }
        };
        if let (false, Some(sentence)) = (output.json, sentence(examined, &outcome)) {
            output.print(&sentence)?;
        }
        outcomes.push(outcome);
    }
    Ok(outcomes)
}

/// What was found about a view, a few lines.
fn verdict(examined: &Examination) -> String {
    let view = &examined.view;
    let mut text = format!("{} (owner {})\n", clean(view.id.as_str()), clean(&view.owner));
    if view.registered != Registered::No {
        text.push_str("  is managed already\n");
        return text;
    }
    if examined.obstacles.is_empty() {
        text.push_str("  can be managed\n");
    }
    for obstacle in &examined.obstacles {
        // Writing to a string does not fail.
        let _ = writeln!(text, "  can't be managed: {}", clean(&obstacle.problem));
        for line in fixes(obstacle, examined.proposal.as_deref()) {
            let _ = writeln!(text, "    {}", clean(line));
        }
    }
    for note in &examined.notes {
        let _ = writeln!(text, "  note: {}", clean(note));
    }
    text
}

/// What helps: where the columns of the missing index are known, with them.
fn fixes<'a>(obstacle: &'a Obstacle, proposal: Option<&'a str>) -> Vec<&'a str> {
    match (proposal, obstacle.fix.split_once("), ")) {
        (Some(proposal), Some((statement, otherwise))) if statement.starts_with("CREATE UNIQUE INDEX") => {
            vec![proposal, otherwise]
        }
        _ => vec![&obstacle.fix],
    }
}

/// What became of a view, if that was not said already.
fn sentence(examined: &Examination, outcome: &Outcome) -> Option<String> {
    let name = clean(examined.view.id.as_str());
    match outcome {
        Outcome::Managed { duration_ms, concurrently, search_path } => {
            let how = if *concurrently { "concurrently" } else { "plainly" };
            let path = search_path.as_ref().map(|path| format!(", with search path {}", clean(path)));
            let took = age::duration_ms(*duration_ms);
            Some(format!("{name}: managed, and refreshed {how} in {took}{}", path.unwrap_or_default()))
        }
        Outcome::Refused { reason } if examined.obstacles.is_empty() => {
            Some(format!("{name}: not managed: {}", clean(reason)))
        }
        Outcome::Refused { .. } | Outcome::Possible | Outcome::Already => None,
    }
}

fn object(examined: &Examination, outcome: &Outcome) -> Value {
    let (word, reason) = match outcome {
        Outcome::Managed { .. } => ("managed", None),
        Outcome::Possible => ("possible", None),
        Outcome::Already => ("already", None),
        Outcome::Refused { reason } => ("refused", Some(reason)),
    };
    let (duration, concurrently, path) = match outcome {
        Outcome::Managed { duration_ms, concurrently, search_path } => {
            (Some(duration_ms), Some(concurrently), search_path.as_ref())
        }
        _ => (None, None, None),
    };
    json!({
        "name": examined.view.id.as_str(),
        "owner": examined.view.owner,
        "outcome": word,
        "reason": reason,
        "obstacles": examined.obstacles.iter().map(|obstacle| json!({
            "problem": obstacle.problem, "fix": obstacle.fix,
        })).collect::<Vec<_>>(),
        "proposal": examined.proposal,
        "notes": examined.notes,
        "duration_ms": duration,
        "concurrently": concurrently,
        "search_path": path,
    })
}
