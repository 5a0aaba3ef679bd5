//! `refreshtop views remove`: views that are managed no longer.

use super::managing::{chosen, managed, open, stopped};
use crate::{
    cli::views::ViewsRemove,
    command::{
        Failure,
        interrupt::{self, Watch},
    },
    output::{Output, clean, json},
};
use refreshtop_connect::Target;
use refreshtop_core::{exit, manage::Registered};
use refreshtop_db::manage;
use serde_json::json;

/// Takes back what `views add` did.
///
/// # Errors
/// At least one view could not be removed; each is named with the reason.
pub async fn run(remove: &ViewsRemove, target: &Target, output: Output) -> Result<(), Failure> {
    let work = async |watch: &Watch| each(remove, target, watch).await;
    let done = interrupt::run(target, output.json, work).await?;
    let failed: Vec<String> =
        done.iter().filter_map(|(id, why)| why.as_ref().map(|why| format!("{id}: {why}"))).collect();
    if output.json {
        let views: Vec<_> =
            done.iter().map(|(id, why)| json!({"name": id, "removed": why.is_none(), "reason": why})).collect();
        output.object("views_remove", json::of_database(&target.id(), json!({"views": views})))?;
    } else {
        let gone = done.iter().filter(|(_, why)| why.is_none());
        let lines: Vec<String> =
            gone.map(|(id, _)| format!("{}: managed no longer; its log stays\n", clean(id))).collect();
        output.print(&lines.concat())?;
    }
    if failed.is_empty() {
        return Ok(());
    }
    Err(Failure::new(exit::FAILURE, clean(&failed.join("; "))).answered())
}

async fn each(remove: &ViewsRemove, target: &Target, watch: &Watch) -> Result<Vec<(String, Option<String>)>, Failure> {
    let mut session = open(target, watch).await?;
    let managed = managed(&mut session).await?;
    let mut done = Vec::new();
    for view in chosen(&managed, &remove.names)? {
        stopped(watch)?;
        // A pattern does not mean what a migration made.
        if view.registered == Registered::ByMigration && !remove.names.iter().any(|name| name == view.id.as_str()) {
            continue;
        }
        let why = manage::unmanage(&mut session, &view.id).await?.err();
        done.push((view.id.to_string(), why));
    }
    Ok(done)
}
