//! Migrations, row security, connections, slots; roles with few rights; what one diagnosis costs.

use super::{check, diagnose_with, fixed, own, verdict};
use crate::support::*;
use refreshtop_core::diagnosis::{FixKind, Limits, Verdict};
use refreshtop_db::diagnosis::{CronSession, Options};

#[tokio::test]
async fn a_database_without_anything_answers_every_question() {
    let url = fresh_database("nothing").await;
    let diagnosis = diagnose_with(&url, &Options::default()).await;
    assert_eq!(diagnosis.check("migrations").unwrap().verdict, Verdict::Bad);
    // Nothing says that this view should be here.
    assert_eq!(diagnosis.check("view"), None);
    for check in &diagnosis.checks {
        assert!(check.verdict == Verdict::Good || !check.advice.is_empty(), "{check:#?}");
    }
}

#[tokio::test]
async fn steps_that_are_missing_are_named() {
    let url = migrated_app("steps").await;
    assert_eq!(verdict(&url, "migrations").await, Verdict::Good);
    let mut session = crate::support::open(&url).await;
    refreshtop_db::migrate::down(&mut session, 4).await.unwrap();
    let behind = check(&url, "migrations").await;
    assert!(behind.verdict == Verdict::Warning && behind.finding.contains("are not applied"), "{behind:#?}");
}

#[tokio::test]
async fn the_logs_row_security_is_turned_on_again() {
    let url = migrated_app("rows").await;
    assert_eq!(verdict(&url, "row-security").await, Verdict::Good);
    execute(&url, "ALTER TABLE public.metrics_refresh_log DISABLE ROW LEVEL SECURITY").await;
    fixed(&url, "row-security", FixKind::EnableRowSecurity).await;
    assert_eq!(verdict(&url, "row-security").await, Verdict::Good);
    execute(&url, "DROP POLICY admins_read ON public.metrics_refresh_log").await;
    assert_eq!(verdict(&url, "row-security").await, Verdict::Bad);
    // So it does in the inventory; and migrating puts it back.
    assert_eq!(verdict(&url, "inventory").await, Verdict::Bad);
    refreshtop::command::migrate::up(&target(&url)).await.unwrap();
    assert_eq!(verdict(&url, "row-security").await, Verdict::Good);
    assert_eq!(verdict(&url, "inventory").await, Verdict::Good);
}

#[tokio::test]
async fn connections_count_against_their_limit() {
    let url = migrated_app("connections").await;
    assert_eq!(verdict(&url, "notify-queue").await, Verdict::Good);
    assert_eq!(verdict(&url, "replication").await, Verdict::Good);
    let options = Options { limits: Limits { connections: 0.0, ..Limits::default() }, run_plan: None };
    let few = diagnose_with(&url, &options).await;
    assert_eq!(few.check("connections").unwrap().verdict, Verdict::Warning);
}

#[tokio::test]
async fn a_role_without_rights_learns_why_it_sees_nothing() {
    let url = migrated_app("poor").await;
    let (_, role_url) = fresh_role(&url, "poor", "").await;
    let diagnosis = diagnose_with(&role_url, &Options::default()).await;
    for id in ["migrations", "log-growth", "plan", "cron-loaded"] {
        let check = diagnosis.check(id).unwrap();
        assert!(check.verdict == Verdict::Unknown && !check.advice.is_empty(), "{check:#?}");
    }
}

#[tokio::test]
async fn a_diagnosis_leaves_nothing_behind_in_its_session() {
    let url = migrated_app("traceless").await;
    let mut session = crate::support::open(&url).await;
    let settings = "SELECT string_agg(name || '=' || setting, ' ' ORDER BY name) FROM pg_settings
                    WHERE name IN ('statement_timeout', 'lock_timeout', 'jit', 'search_path', 'transaction_read_only')";
    let before: String = session.query(settings, &[]).await.unwrap()[0].try_get(0).unwrap();
    refreshtop_db::diagnosis::diagnose(&mut session, CronSession::Same, &[own()], &Options::default()).await;
    let after: String = session.query(settings, &[]).await.unwrap()[0].try_get(0).unwrap();
    assert_eq!(after, before);
    let prepared = session.query("SELECT count(*) FROM pg_prepared_statements", &[]).await.unwrap();
    let prepared: i64 = prepared[0].try_get(0).unwrap();
    assert_eq!(prepared, 0);
}
