//! The schedules of views that were just managed: their own, or that of a job of others which is taken over.

use super::managing::{follow, open};
use crate::{
    cli::views::ViewsAdd,
    command::{
        Failure, confirm,
        interrupt::{self, Watch},
        migrate::{Work, act, others},
    },
    output::{Output, clean},
};
use refreshtop_connect::Target;
use refreshtop_core::{
    exit,
    manage::{Candidate, Examination, Outcome},
};
use refreshtop_db::{manage, schedule::Other};
use serde_json::json;
use std::fmt::Write as _;

/// Gives the views their schedule, and takes over jobs of others if that is wanted. Returns the lines to print.
pub(super) async fn arrange(
    add: &ViewsAdd,
    target: &Target,
    output: Output,
    found: &[Examination],
    outcomes: &[Outcome],
) -> Result<Vec<String>, Failure> {
    let of = |wanted: &dyn Fn(&Outcome) -> bool| -> Vec<Candidate> {
        let both = found.iter().zip(outcomes);
        both.filter(|(_, outcome)| wanted(outcome)).map(|(examined, _)| examined.view.clone()).collect()
    };
    let new = of(&|outcome| matches!(outcome, Outcome::Managed { .. }));
    let managed = of(&|outcome| matches!(outcome, Outcome::Managed { .. } | Outcome::Already));
    let mut lines = Vec::new();
    if let Some(schedule) = add.schedule.as_ref().filter(|_| !new.is_empty()) {
        let work = async |watch: &Watch| give(target, watch, &new, schedule).await;
        lines.extend(interrupt::run(target, output.json, work).await?);
    }
    let candidates = if add.take_over { managed } else { new };
    if candidates.is_empty() {
        return Ok(lines);
    }
    let look = async |watch: &Watch| {
        let mut session = open(target, watch).await?;
        others(&mut session, target, watch, &candidates).await
    };
    let others = match interrupt::run(target, output.json, look).await {
        Ok(others) => others,
        // The views are managed all the same.
        Err(failure) => {
            lines.push(format!("note: whether jobs of others refresh these views can't be seen: {failure}"));
            return Ok(lines);
        }
    };
    let possible = others.iter().any(|other| other.obstacle.is_none());
    if possible && (add.take_over || agreed(add, &others)?) {
        let work = async |watch: &Watch| {
            let mut session = open(target, watch).await?;
            act(&mut session, target, watch, Work::TakeOver(&candidates)).await
        };
        let taken = interrupt::run(target, output.json, work).await?;
        lines.extend(taken.into_iter().filter(|line| !line.contains(" stays as it is (")));
    } else {
        lines.extend(others.iter().map(|other| match &other.obstacle {
            Some(why) => format!("note: {} refreshes {} too, and stays as it is: {why}", other.job, other.view),
            None => format!(
                "note: {} refreshes {} too; refreshtop views add {} --take-over pauses it and takes over its schedule",
                other.job, other.view, other.view
            ),
        }));
    }
    Ok(lines)
}

/// Asks on a terminal; a command that must not ask takes nothing over.
fn agreed(add: &ViewsAdd, others: &[Other]) -> Result<bool, Failure> {
    if add.yes || !confirm::can_ask() {
        return Ok(false);
    }
    let mut text = String::from("Jobs of others refresh these views too:\n");
    for other in others.iter().filter(|other| other.obstacle.is_none()) {
        // Writing to a string does not fail.
        let _ = writeln!(text, "  {}: {}", clean(&other.view), clean(&other.job));
    }
    text.push_str("This pauses them, and refreshes the views at the same times until views remove resumes them.");
    confirm::confirmed(&text)
}

async fn give(target: &Target, watch: &Watch, views: &[Candidate], schedule: &str) -> Result<Vec<String>, Failure> {
    let mut session = open(target, watch).await?;
    for view in views {
        if let Err(why) = manage::set(&mut session, &view.id, &json!({"schedule": schedule})).await? {
            return Err(Failure::new(exit::USAGE, clean(&format!("{}: {why}", view.id))));
        }
    }
    Ok(follow(&mut session, target, watch).await)
}
