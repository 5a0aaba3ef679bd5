//! Chains of blocked sessions, and who sleeps on locks.

use super::{check, diagnose_with, fix, fixed, verdict};
use crate::support::*;
use refreshtop_cluster::{ClusterOptions, DisposableCluster};
use refreshtop_core::diagnosis::{Detail, Fix, FixAction, FixKind, Limits, Risk, Verdict, fix::Backend};
use refreshtop_db::diagnosis::Options;
use session::Session;

const HOSTILE: &str = "\u{1b}]0;owned\u{7}\u{202e}";

#[tokio::test]
async fn a_chain_of_three_shows_its_root_which_can_be_ended() {
    let url = migrated_app("chain").await;
    assert_eq!(verdict(&url, "blocking").await, Verdict::Good);
    let watcher = Session::open(&url).await;
    let root = Session::with(&url, "BEGIN; LOCK TABLE public.accounts IN ACCESS SHARE MODE").await;
    root.run(&format!("SET application_name = '{HOSTILE}'; SELECT '{HOSTILE}'")).await;
    let middle = Session::with(&url, "BEGIN").await;
    let (root_pid, middle_pid) = (root.pid, middle.pid);
    // It keeps its session, and with it the lock, when it has got it.
    let holding =
        tokio::spawn(async move { (middle.client.batch_execute("LOCK TABLE public.accounts").await, middle) });
    watcher.until_waiting(middle_pid).await;
    let last = Session::open(&url).await;
    let last_pid = last.pid;
    let waiting = tokio::spawn(async move { last.client.batch_execute("SELECT count(*) FROM public.accounts").await });
    watcher.until_waiting(last_pid).await;

    let found = check(&url, "blocking").await;
    assert_eq!(found.verdict, Verdict::Bad, "{found:#?}");
    let Detail::Chain(chain) = &found.detail else { panic!("{found:#?}") };
    let of =
        |pid: i32| chain.iter().find(|session| session.pid == pid).unwrap_or_else(|| panic!("{pid} not in {chain:#?}"));
    assert_eq!((of(root_pid).root, of(middle_pid).root, of(last_pid).root), (true, false, false));
    assert_eq!(of(middle_pid).blocked_by, [root_pid]);
    assert_eq!(of(last_pid).blocked_by, [middle_pid]);
    // The server itself replaces control characters in an application's name; a query it keeps as it is.
    assert!(of(root_pid).query.as_ref().unwrap().contains(HOSTILE), "{:?}", of(root_pid).query);
    assert_eq!(of(root_pid).state.as_deref(), Some("idle in transaction"));
    assert!(of(middle_pid).wait.as_deref().unwrap().starts_with("Lock"), "{:?}", of(middle_pid).wait);

    let end = &found.fixes[0];
    assert_eq!((end.kind(), end.risk()), (FixKind::TerminateBackend, Risk::Disruptive));
    // The same process number with another start is somebody else.
    let FixAction::TerminateBackend(backend) = &end.action else { panic!("{end:?}") };
    let started_at = backend.started_at.replacen("20", "19", 1);
    let other = Fix::new(FixAction::TerminateBackend(Backend { started_at, ..backend.clone() }), &end.database);
    assert!(fix(&url, &other).await.unwrap_err().contains("has ended meanwhile"));
    assert!(watcher.value::<bool>(&format!("EXISTS (SELECT 1 FROM pg_stat_activity WHERE pid = {root_pid})")).await);

    fix(&url, end).await.unwrap();
    watcher.until(&format!("NOT EXISTS (SELECT 1 FROM pg_stat_activity WHERE pid = {root_pid})")).await;
    // The middle one has its lock now, and is the root itself.
    watcher.until(&format!("NOT EXISTS (SELECT 1 FROM pg_locks WHERE pid = {middle_pid} AND NOT granted)")).await;
    let (locked, _middle) = holding.await.unwrap();
    locked.unwrap();
    fixed(&url, "blocking", FixKind::TerminateBackend).await;
    waiting.await.unwrap().unwrap();
    assert_eq!(verdict(&url, "blocking").await, Verdict::Good);
    let refused: i64 =
        value(&url, "SELECT count(*) FROM refreshtop.audit WHERE action = 'fix' AND outcome = 'error'").await;
    assert_eq!(refused, 1, "what missed is traced too");
}

#[tokio::test]
async fn an_active_root_can_be_cancelled() {
    let url = migrated_app("cancel").await;
    let watcher = Session::open(&url).await;
    let root = Session::with(&url, "BEGIN; LOCK TABLE public.assets").await;
    let root_pid = root.pid;
    let sleeping = tokio::spawn(async move { (root.sqlstate("SELECT pg_sleep(120)").await, root) });
    let reader = Session::open(&url).await;
    let reader_pid = reader.pid;
    let waiting = tokio::spawn(async move { reader.client.batch_execute("SELECT count(*) FROM public.assets").await });
    watcher.until_waiting(reader_pid).await;
    watcher
        .until(&format!("EXISTS (SELECT 1 FROM pg_stat_activity WHERE pid = {root_pid} AND wait_event = 'PgSleep')"))
        .await;
    fixed(&url, "blocking", FixKind::CancelBackend).await;
    let (sqlstate, root) = sleeping.await.unwrap();
    assert_eq!(sqlstate, "57014");
    root.run("ROLLBACK").await;
    waiting.await.unwrap().unwrap();
}

/// Between two refreshes nobody waits, and the next one will.
#[tokio::test]
async fn an_exclusive_lock_on_a_source_is_found_though_nobody_waits() {
    let url = migrated_app("alone").await;
    let holder = Session::with(&url, "BEGIN; LOCK TABLE public.assets").await;
    let options = Options { limits: Limits { alone_s: 0.0, ..Limits::default() }, run_plan: None };
    let diagnosis = diagnose_with(&url, &options).await;
    let found = diagnosis.check("blocking").unwrap();
    assert_eq!(found.verdict, Verdict::Bad, "{found:#?}");
    assert!(found.finding.contains(&format!("session {}", holder.pid)), "{}", found.finding);
    assert!(found.finding.contains("assets to itself"), "{}", found.finding);
    fix(&url, &found.fixes[0]).await.unwrap();
    let watcher = Session::open(&url).await;
    watcher.until(&format!("NOT EXISTS (SELECT 1 FROM pg_stat_activity WHERE pid = {})", holder.pid)).await;
    // Readers and writers are in nobody's way.
    let _writer = Session::with(&url, "BEGIN; UPDATE public.assets SET account_id = 2 WHERE id = 1").await;
    assert_eq!(diagnose_with(&url, &options).await.check("blocking").unwrap().verdict, Verdict::Good);
}

#[tokio::test]
async fn a_sleeper_on_locks_is_found_and_ended() {
    let url = migrated_app("sleeper").await;
    let sleeper = Session::with(&url, "BEGIN; UPDATE public.assets SET account_id = 2 WHERE id = 1").await;
    assert_eq!(verdict(&url, "idle-in-transaction").await, Verdict::Good, "not yet for long");
    let options = Options { limits: Limits { idle_in_transaction_s: 0.0, ..Limits::default() }, run_plan: None };
    let diagnosis = diagnose_with(&url, &options).await;
    let found = diagnosis.check("idle-in-transaction").unwrap();
    assert_eq!(found.verdict, Verdict::Warning, "{found:#?}");
    assert!(found.finding.contains(&sleeper.pid.to_string()), "{}", found.finding);
    fix(&url, &found.fixes[0]).await.unwrap();
    let watcher = Session::open(&url).await;
    watcher.until(&format!("NOT EXISTS (SELECT 1 FROM pg_stat_activity WHERE pid = {})", sleeper.pid)).await;
    let diagnosis = diagnose_with(&url, &options).await;
    assert_eq!(diagnosis.check("idle-in-transaction").unwrap().verdict, Verdict::Good);
}

/// Nobody sees a session of it, a restart leaves it, and a refresh or a migration may wait for it.
#[tokio::test]
async fn a_forgotten_prepared_transaction_is_found_and_rolled_back() {
    let settings = vec![("max_prepared_transactions".into(), "4".into())];
    let options = ClusterOptions { settings, ..options() };
    let cluster = DisposableCluster::start(&options, &mut |_| {}).await.unwrap_or_else(|error| panic!("{error}"));
    let url = cluster.url("postgres");
    execute(&url, SMALL_APP).await;
    migrate(&url).await;
    execute(&url, "CREATE TABLE public.others()").await;
    execute(&url, "CREATE DATABASE other").await;
    execute(&cluster.url("other"), "BEGIN; SELECT pg_advisory_xact_lock(1); PREPARE TRANSACTION 'elsewhere'").await;
    execute(&url, "BEGIN; LOCK TABLE public.others; PREPARE TRANSACTION 'of no concern'").await;
    let options = Options { limits: Limits { idle_in_transaction_s: 0.0, ..Limits::default() }, run_plan: None };
    assert_eq!(diagnose_with(&url, &options).await.check("idle-in-transaction").unwrap().verdict, Verdict::Good);

    for (statement, expected) in [
        ("SELECT pg_advisory_xact_lock(1)", "with an advisory lock, which a refresh may wait for"),
        ("LOCK TABLE public.assets IN SHARE MODE", "with locks on what the view reads"),
    ] {
        execute(&url, &format!("BEGIN; {statement}; PREPARE TRANSACTION 'left over'")).await;
        assert_eq!(verdict(&url, "idle-in-transaction").await, Verdict::Good, "not yet for long");
        let diagnosis = diagnose_with(&url, &options).await;
        let found = diagnosis.check("idle-in-transaction").unwrap();
        assert_eq!(found.verdict, Verdict::Warning, "{found:#?}");
        assert!(found.finding.starts_with("prepared transaction left over of postgres "), "{}", found.finding);
        assert!(found.finding.contains(expected), "{}", found.finding);
        assert_eq!(found.fixes[0].sql(), "ROLLBACK PREPARED 'left over'");
        fix(&url, &found.fixes[0]).await.unwrap();
        assert_eq!(diagnose_with(&url, &options).await.check("idle-in-transaction").unwrap().verdict, Verdict::Good);
    }
}

#[tokio::test]
async fn a_role_that_cannot_see_the_blocker_is_offered_no_fix() {
    let url = migrated_app("unseen").await;
    let (_, role_url) = fresh_role(&url, "plain", "IN ROLE refreshtop_admin").await;
    let watcher = Session::open(&url).await;
    let _root = Session::with(&url, "BEGIN; LOCK TABLE public.assets").await;
    let reader = Session::open(&url).await;
    let pid = reader.pid;
    tokio::spawn(async move { reader.client.batch_execute("SELECT count(*) FROM public.assets").await });
    watcher.until_waiting(pid).await;
    let found = check(&role_url, "blocking").await;
    assert_eq!((found.verdict, found.fixes.len()), (Verdict::Bad, 0), "{found:#?}");
    assert!(found.advice.contains("pg_read_all_stats"), "{}", found.advice);
}
