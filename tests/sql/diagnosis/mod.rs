//! The diagnosis on real servers: each check good and bad, and each fix seen to fix.

mod any_view;
mod blocking;
mod failures;
mod jobs;
mod storage;
mod surroundings;

use crate::support::{self, target};
use refreshtop_core::{
    address::ViewId,
    diagnosis::{Check, Diagnosis, Fix, FixKind, Verdict},
};
use refreshtop_db::diagnosis::{Options, Sessions};

/// The application's own view.
pub fn own() -> ViewId {
    ViewId::new("platform_metrics")
}

async fn diagnose_with(url: &str, options: &Options) -> Diagnosis {
    let mut sessions = Sessions::to_diagnose(&target(url)).await.unwrap_or_else(|error| panic!("{error}"));
    sessions.diagnose(&[own()], options).await
}

/// A fresh diagnosis of a view.
async fn of_view(url: &str, view: &str) -> Diagnosis {
    let mut sessions = Sessions::to_diagnose(&target(url)).await.unwrap_or_else(|error| panic!("{error}"));
    sessions.diagnose(&[ViewId::new(view)], &Options::default()).await
}

/// One check of a fresh diagnosis.
async fn check(url: &str, id: &str) -> Check {
    let diagnosis = diagnose_with(url, &Options::default()).await;
    diagnosis.check(id).unwrap_or_else(|| panic!("no check {id} in {diagnosis:#?}")).clone()
}

async fn verdict(url: &str, id: &str) -> Verdict {
    check(url, id).await.verdict
}

async fn fix(url: &str, fix: &Fix) -> Result<String, String> {
    let mut sessions = Sessions::to_fix(&target(url)).await.unwrap_or_else(|error| panic!("{error}"));
    sessions.fix(fix).await.map_err(|error| error.to_string())
}

/// Applies the fix of this kind that the check offers, and sees that the check is good afterwards.
async fn fixed(url: &str, id: &str, kind: FixKind) {
    // One set of sessions for both: logging in is what takes time here.
    let mut sessions = Sessions::to_fix(&target(url)).await.unwrap_or_else(|error| panic!("{error}"));
    let diagnosis = sessions.diagnose(&[own()], &Options::default()).await;
    let check = diagnosis.check(id).unwrap_or_else(|| panic!("no check {id} in {diagnosis:#?}"));
    assert!(check.verdict > Verdict::Unknown, "{check:#?}");
    assert!(!check.advice.is_empty(), "{check:#?}");
    let offered = check.fixes.iter().find(|fix| fix.kind() == kind).unwrap_or_else(|| panic!("no fix in {check:#?}"));
    let message = sessions.fix(offered).await.unwrap_or_else(|error| panic!("{error} of {offered:?}"));
    assert!(!message.contains("No trace"), "{message}");
    let traced: i64 = support::value(
        url,
        &format!("SELECT count(*) FROM refreshtop.audit WHERE action = 'fix' AND outcome = 'success' AND detail ->> 'sql' = {}",
            refreshtop_core::diagnosis::literal(&offered.sql())),
    )
    .await;
    assert!(traced >= 1, "{offered:?}");
}
