//! `refreshtop views set`: how managed views are refreshed.

use super::managing::{chosen_managed, follow, open, stopped};
use crate::{
    cli::views::ViewsSet,
    command::{
        Failure,
        interrupt::{self, Watch},
        job,
    },
    output::{Output, clean, json},
};
use refreshtop_connect::Target;
use refreshtop_core::exit;
use refreshtop_db::{
    contract::{PLATFORM_METRICS, REFRESH_JOB},
    manage,
};
use serde_json::{Map, Value, json};

/// Changes settings of views.
///
/// # Errors
/// A setting does not exist, or can't have that value: then that view keeps what it had.
pub async fn run(set: &ViewsSet, target: &Target, output: Output) -> Result<(), Failure> {
    let mut changes = changes(&set.changes)?;
    if let Some(schedule) = &set.schedule {
        changes["schedule"] = schedule.as_str().into();
    }
    let reschedules = changes.get("schedule").is_some();
    let work = async |watch: &Watch| {
        let mut session = open(target, watch).await?;
        let mut done = Vec::new();
        for view in chosen_managed(&mut session, std::slice::from_ref(&set.name)).await? {
            stopped(watch)?;
            if let Err(why) = manage::set(&mut session, &view.id, &changes).await? {
                return Err(Failure::new(exit::USAGE, clean(&format!("{}: {why}", view.id))));
            }
            done.push(view.id.to_string());
        }
        let mut jobs = if reschedules { follow(&mut session, target, watch).await } else { Vec::new() };
        // The job of this one does not follow the registry.
        if let Some(schedule) = changes["schedule"].as_str().filter(|_| done.iter().any(|id| id == PLATFORM_METRICS))
            && let Err(failure) = job::reschedule_own(target, schedule, watch).await
        {
            jobs.push(format!("warning: job {REFRESH_JOB} keeps its schedule: {failure}"));
        }
        Ok((done, jobs))
    };
    let (done, jobs) = interrupt::run(target, output.json, work).await?;
    if output.json {
        let changes = changes.as_object().into_iter().flatten();
        let changes: Vec<Value> = changes.map(|(key, value)| json!({"key": key, "value": value})).collect();
        let object = json!({"views": done, "changes": changes, "jobs": jobs});
        return output.object("views_set", json::of_database(&target.id(), object));
    }
    let lines: Vec<String> = done.iter().map(|id| format!("{}: changed\n", clean(id))).collect();
    let jobs: Vec<String> = jobs.iter().map(|line| format!("{}\n", clean(line))).collect();
    output.print(&(lines.concat() + &jobs.concat()))
}

/// `key=value` each; without a value, or with the word `default`, the default.
fn changes(words: &[String]) -> Result<Value, Failure> {
    let mut changes = Map::new();
    for word in words {
        let Some((key, value)) = word.split_once('=') else {
            let why = format!("{} is not KEY=VALUE, e.g. lock_timeout=10s", clean(word));
            return Err(Failure::new(exit::USAGE, why));
        };
        let is_default = value.is_empty() || value.eq_ignore_ascii_case("default");
        let value = if is_default { Value::Null } else { value.into() };
        changes.insert(key.trim().to_lowercase(), value);
    }
    Ok(Value::Object(changes))
}
