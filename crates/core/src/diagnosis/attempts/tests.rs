use super::*;
use crate::{
    diagnosis::{Fix, FixKind, subject::Standing},
    views::details::{Source, SourceKind},
};

fn at(minute: u32) -> DateTime<Utc> {
    format!("2026-01-01T12:{minute:02}:20Z").parse().unwrap()
}

fn failing(state: &str, message: &str, failures: i64) -> Attempts {
    Attempts {
        database: "app".into(),
        sees_rows: true,
        now: at(30),
        success: Some(Success { at: at(1), ..Success::default() }),
        failures,
        since: Some(at(6)),
        last: Some(Failure {
            at: at(29),
            sqlstate: Some(state.into()),
            message: Some(message.into()),
            ..Failure::default()
        }),
        ..Attempts::default()
    }
}

fn around() -> Around<'static> {
    Around { id: "sales", older_than_success: true, ..Around::default() }
}

fn sql(check: &Check) -> Vec<String> {
    check.fixes.iter().map(Fix::sql).collect()
}

#[test]
fn the_failure_is_one_sentence() {
    let mut attempts = failing("22012", "division by zero", 4);
    if let Some(last) = &mut attempts.last {
        last.context = Some("PL/pgSQL function public.rate() line 1 at RETURN".into());
    }
    let when = When { after_success: Some(true), after_failure: Some(false), at: None };
    attempts.functions = vec![Function {
        identity: "public.rate()".into(),
        name: "rate".into(),
        owner: "deploy".into(),
        changed: when,
        has_search_path: false,
    }];
    let found = check(&attempts, &around());
    assert_eq!(found.verdict, Verdict::Bad);
    assert_eq!(
        found.finding,
        "The last 4 refreshes failed, since 12:06:20 UTC: 22012 division by zero, in function public.rate() line 1."
    );
    assert!(
        found.advice.starts_with("SQLSTATE 22012: An expression of the query fails on some row"),
        "{}",
        found.advice
    );
    let Detail::Lines(lines) = &found.detail else { panic!("{found:?}") };
    assert!(
        lines[0].ends_with("of role deploy, last changed between the last success and the first failure"),
        "{lines:?}"
    );
}

#[test]
fn one_passing_failure_is_a_warning_and_three_are_a_problem() {
    let verdict = |state, failures| check(&failing(state, "", failures), &around()).verdict;
    assert_eq!([1, 2, 3].map(|count| verdict("55P03", count)), [Verdict::Warning, Verdict::Warning, Verdict::Bad]);
    assert_eq!(verdict("42P01", 1), Verdict::Bad);
    let mut good = failing("22012", "", 0);
    good.last = None;
    good.newest = vec![Attempt { failed: true, ..Attempt::default() }, Attempt::default()];
    let found = check(&good, &around());
    assert_eq!(found.verdict, Verdict::Good);
    assert_eq!(found.finding, "The last refresh succeeded, at 12:01:20 UTC; 1 of the last 2 failed.");
    assert_eq!(check(&Attempts::default(), &around()).verdict, Verdict::Unknown);
}

#[test]
fn several_reasons_do_not_share_one() {
    let mut attempts = failing("55P03", "canceling statement due to lock timeout", 3);
    let state = |state: &str, count| State { sqlstate: Some(state.into()), count };
    attempts.states = vec![state("53100", 2), state("55P03", 1)];
    let Detail::Lines(lines) = check(&attempts, &around()).detail else { panic!() };
    assert_eq!(lines[0], "not all for one reason: 2 with 53100, 1 with 55P03");
}

#[test]
fn who_still_blocks_can_be_ended_and_otherwise_it_is_refreshed_again() {
    let session = r#"{"pid": 7, "user": "u", "application": "rails", "client": null, "state": "idle in transaction",
        "xact_age_s": 6.0, "query_start": null, "query": "ALTER TABLE t",
        "locks": [{"relation": "public.t", "mode": "AccessExclusiveLock", "granted": true}], "blocked_by": []}"#;
    let mut attempts = failing("55P03", "canceling statement due to lock timeout", 1);
    let boxed = format!(r#"{{"captured_at": "2026-01-01T12:29:20Z", "sessions": [{session}]}}"#);
    attempts.last.as_mut().unwrap().black_box = Some(serde_json::from_str(&boxed).unwrap());
    let found = check(&attempts, &around());
    assert_eq!(sql(&found), ["SELECT refreshtop.refresh('sales', 'manual')"]);
    let Detail::Lines(lines) = &found.detail else { panic!("{found:?}") };
    assert_eq!(
        lines[0],
        "in the way: rails, pid 7 (idle in transaction, transaction 6.0 s old, AccessExclusiveLock on public.t): ALTER TABLE t"
    );
    let still = locks::ChainSession {
        pid: 7,
        state: Some("idle in transaction".into()),
        backend_start: Some("then".into()),
        locks: vec!["public.t AccessExclusiveLock".into()],
        ..locks::ChainSession::default()
    };
    let facts = locks::Facts {
        database: "app".into(),
        chain: vec![still.clone()],
        idle: vec![still],
        ..locks::Facts::default()
    };
    let found = check(&attempts, &Around { locks: Some(&facts), ..around() });
    assert_eq!(found.fixes.iter().map(Fix::kind).collect::<Vec<_>>(), [FixKind::TerminateBackend]);
}

/// Whoever owns a plain view decides what it reads, so what it lacks is not offered.
#[test]
fn only_a_right_that_the_view_had_is_granted_again() {
    let source = |through: Option<&str>| Source {
        name: "hr.salaries".into(),
        kind: SourceKind::Table,
        owner: "hr".into(),
        through: through.map(Into::into),
        part_of: None,
        reader: Some("shop".into()),
        readable: false,
        hiding: false,
        server: None,
    };
    let now = Standing { oid: 7, kind: Some(SourceKind::Materialized), owner: "shop".into() };
    let registered = Registration { owner: Some("shop".into()), now: Some(now), ..Registration::default() };
    let offered = |source: Source, older_than_success, registered: &Registration| {
        let catalog = Catalog { sources: vec![source], ..Catalog::default() };
        let around = Around { catalog: Some(&catalog), registered: Some(registered), older_than_success, ..around() };
        sql(&check(&failing("42501", "permission denied for table salaries", 1), &around))
    };
    assert_eq!(offered(source(None), true, &registered), [r#"GRANT SELECT ON hr.salaries TO "shop""#]);
    let none: Vec<String> = Vec::new();
    assert_eq!(offered(source(Some("shop.through")), true, &registered), none);
    assert_eq!(offered(source(None), false, &registered), none, "the view is newer than its last success");
    let given = Registration { owner: Some("former".into()), ..registered };
    assert_eq!(offered(source(None), true, &given), none);
}

#[test]
fn a_search_path_is_set_only_if_nobody_else_can_fill_it() {
    let mut attempts = failing("42P01", "relation \"rates\" does not exist", 1);
    let function = Function { identity: "shop.f()".into(), owner: "shop".into(), ..Function::default() };
    attempts.functions = vec![function];
    attempts.last.as_mut().unwrap().context = Some("PL/pgSQL function shop.f() line 1 at RETURN".into());
    let found = Candidate {
        name: "shop.rates".into(),
        schema: "shop".into(),
        owner: "shop".into(),
        superuser: false,
        closed: true,
    };
    attempts.candidates = vec![found.clone()];
    assert_eq!(sql(&check(&attempts, &around())), [r#"ALTER FUNCTION shop.f() SET search_path = "shop", pg_temp"#]);
    let none: Vec<String> = Vec::new();
    attempts.candidates[0].closed = false;
    assert_eq!(sql(&check(&attempts, &around())), none);
    attempts.candidates = vec![Candidate { owner: "mallory".into(), ..found.clone() }];
    assert_eq!(sql(&check(&attempts, &around())), none, "it is not the function's owner's");
    attempts.candidates = vec![found.clone(), found];
    assert_eq!(sql(&check(&attempts, &around())), none);
}

#[test]
fn a_time_limit_can_be_doubled() {
    let registered = Registration { time_limit_s: Some(1.5), ..Registration::default() };
    let around = Around { registered: Some(&registered), ..around() };
    let found = check(&failing("57014", "ended by the view's time limit of 00:00:01.5", 1), &around);
    assert!(found.advice.ends_with("refreshtop views set sales time_limit=3s, for instance."), "{}", found.advice);
    let found = check(&failing("53400", "temporary file size exceeds temp_file_limit", 1), &around);
    assert!(found.advice.contains("refreshtop views set sales work_mem=…"), "{}", found.advice);
}
