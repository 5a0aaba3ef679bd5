//! When an incident begins, ends and leaves figures stale.

use super::*;

const LIMIT: Duration = Duration::from_mins(10);

/// `minutes` after 03:00.
fn at(minutes: f64) -> DateTime<Utc> {
    #[expect(clippy::cast_possible_truncation, reason = "minutes of a day")]
    let ms = (minutes * 60_000.0) as i64;
    "2026-11-23T03:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::milliseconds(ms)
}

fn minutes(count: u64) -> Duration {
    Duration::from_mins(count)
}

/// A gap in which attempts failed at those minutes.
fn gap(after: Option<f64>, failed: &[f64], until: Option<f64>) -> Gap {
    Gap {
        after: after.map(at),
        until: until.map(|end| Recovery { at: at(end), origin: Origin::Scheduled }),
        failures: failed.len() as u64,
        first: failed.first().map(|first| Failure {
            id: Some(Uuid::from_u128(7)),
            at: at(*first),
            sqlstate: Some("55P03".into()),
            message: Some("canceling statement due to lock timeout".into()),
        }),
        blockers: Vec::new(),
    }
}

fn one(gap: &Gap, now: f64) -> Option<Incident> {
    gap.incident(LIMIT, at(now))
}

fn record(gaps: Vec<Gap>, from: f64, read: f64) -> Record {
    Record { from: Some(at(from)), read_at: at(read), gaps, cut: false }
}

#[test]
fn a_single_failure_is_an_incident_that_left_nothing_stale() {
    let incident = one(&gap(Some(0.0), &[5.0], Some(9.0)), 60.0).unwrap();
    assert_eq!((incident.began, incident.lasted), (at(5.0), minutes(4)));
    assert_eq!((incident.stale_since, incident.stale_for), (None, Duration::ZERO));
    assert_eq!((incident.failures, incident.is_open()), (1, false));
}

#[test]
fn failures_in_a_row_are_one_incident_and_stale_past_the_limit() {
    let incident = one(&gap(Some(0.0), &[5.0, 10.0, 15.0], Some(20.0)), 60.0).unwrap();
    assert_eq!((incident.began, incident.lasted), (at(5.0), minutes(15)));
    assert_eq!((incident.stale_since, incident.stale_for), (Some(at(10.0)), minutes(10)));
    assert_eq!(incident.ended.unwrap().sentence(), "a scheduled refresh succeeded");
}

#[test]
fn a_success_between_failures_makes_two_of_them() {
    let record = record(
        vec![gap(Some(20.0), &[], None), gap(Some(10.0), &[15.0], Some(20.0)), gap(Some(0.0), &[5.0], Some(10.0))],
        0.0,
        25.0,
    );
    let began: Vec<_> = record.incidents(LIMIT, at(25.0)).iter().map(|incident| incident.began).collect();
    assert_eq!(began, [at(15.0), at(5.0)]);
}

#[test]
fn exactly_at_the_limit_nothing_is_stale() {
    assert_eq!(one(&gap(Some(0.0), &[], Some(10.0)), 60.0), None);
    let late = one(&gap(Some(0.0), &[], Some(10.001)), 60.0).unwrap();
    assert_eq!((late.began, late.lasted), (at(10.0), Duration::from_millis(60)));
    let failed = one(&gap(Some(0.0), &[5.0], Some(10.0)), 60.0).unwrap();
    assert_eq!((failed.stale_since, failed.stale_for), (None, Duration::ZERO));
}

#[test]
fn a_job_that_silently_stopped_is_an_incident_without_failures() {
    let stopped = gap(Some(0.0), &[], None);
    assert_eq!(one(&stopped, 10.0), None);
    let incident = one(&stopped, 73.0).unwrap();
    assert_eq!((incident.began, incident.lasted, incident.stale_for), (at(10.0), minutes(63), minutes(63)));
    assert!(incident.is_open() && incident.first.is_none());
    assert_eq!(incident.cause(), "no attempt was made: the job did not run");
}

#[test]
fn attempts_that_fail_after_a_silence_do_not_move_its_beginning() {
    let incident = one(&gap(Some(0.0), &[45.0], None), 50.0).unwrap();
    assert_eq!((incident.began, incident.stale_since), (at(10.0), Some(at(10.0))));
    assert_eq!(incident.failures, 1);
}

#[test]
fn without_any_success_on_record_all_of_it_is_stale() {
    let incident = one(&gap(None, &[5.0, 10.0], None), 30.0).unwrap();
    assert_eq!((incident.began, incident.stale_since, incident.stale_for), (at(5.0), Some(at(5.0)), minutes(25)));
    assert_eq!(one(&gap(None, &[], None), 30.0), None, "nothing ever happened");
}

#[test]
fn an_incident_keeps_its_beginning_and_its_sum_is_cut_at_the_edge_of_the_window() {
    let before = record(vec![gap(Some(0.0), &[5.0], Some(100.0))], 60.0, 160.0);
    let [incident] = &before.incidents(LIMIT, at(160.0))[..] else { panic!() };
    assert_eq!((incident.began, incident.stale_for), (at(5.0), minutes(90)));
    let summary = before.summary(LIMIT, at(160.0)).unwrap();
    assert_eq!((summary.count, summary.stale), (1, minutes(40)));
    assert!((summary.fresh - 60.0).abs() < 1e-9);
    assert_eq!((summary.mean_recovery, summary.longest_recovery), (Some(minutes(95)), Some(minutes(95))));
}

#[test]
fn an_empty_log_has_no_statistics() {
    let empty = Record { from: None, read_at: at(0.0), gaps: Vec::new(), cut: false };
    assert_eq!(empty.incidents(LIMIT, at(9.0)), []);
    assert_eq!((empty.summary(LIMIT, at(9.0)), empty.holds(LIMIT, at(9.0))), (None, None));
}

#[test]
fn a_quiet_window_is_fresh_throughout() {
    let quiet = record(vec![gap(Some(59.0), &[], None)], 0.0, 60.0);
    let summary = quiet.summary(LIMIT, at(60.0)).unwrap();
    assert_eq!((summary.count, summary.stale, summary.mean_recovery), (0, Duration::ZERO, None));
    assert!((summary.fresh - 100.0).abs() < 1e-9);
}

#[test]
fn what_is_open_counts_into_what_is_stale_but_has_not_recovered() {
    let open = record(vec![gap(Some(0.0), &[5.0], None)], 0.0, 20.0);
    let summary = open.summary(LIMIT, at(20.0)).unwrap();
    assert_eq!((summary.stale, summary.longest_recovery), (minutes(10), None));
    assert!((summary.fresh - 50.0).abs() < 1e-9);
    // Half a minute later it reads as before.
    assert_eq!(open.summary(LIMIT, at(20.5)), Some(summary));
    assert_eq!(open.summary(LIMIT, at(21.0)).unwrap().stale, minutes(11));
}

/// Whatever reads differently later is announced.
#[test]
fn it_holds_exactly_as_long_as_it_says() {
    let words = |record: &Record, now: DateTime<Utc>| {
        let labels = |i: &Incident| (i.began, i.is_open(), age::label(i.lasted), age::label(i.stale_for));
        let incidents: Vec<_> = record.incidents(LIMIT, now).iter().map(labels).collect();
        (incidents, record.summary(LIMIT, now))
    };
    for gaps in [
        vec![gap(Some(0.0), &[], None)],
        vec![gap(Some(0.0), &[5.0], None)],
        vec![gap(None, &[0.4], None)],
        vec![gap(Some(3.0), &[], None), gap(Some(0.0), &[1.0], Some(3.0))],
    ] {
        let record = record(gaps, 0.0, 6.0);
        let mut now = at(6.01);
        for _ in 0..300 {
            let hold = record.holds(LIMIT, now).unwrap();
            assert!(!hold.is_zero());
            let before = now + hold - TimeDelta::nanoseconds(1);
            assert_eq!(words(&record, now), words(&record, before), "{now} {hold:?}");
            now += hold;
        }
        assert!(now > at(10.0));
    }
}

#[test]
fn less_than_a_second_is_neither_nothing_nor_none() {
    let label = |ms| stale_label(Duration::from_millis(ms));
    assert_eq!([label(0), label(1), label(999), label(1_000)], ["0s", "<1s", "<1s", "1s"]);
}

#[test]
fn clocks_that_step_make_no_negative_times() {
    let odd = one(&gap(Some(10.0), &[5.0], Some(2.0)), 0.0).unwrap();
    assert_eq!((odd.began, odd.lasted, odd.stale_for), (at(10.0), Duration::ZERO, Duration::ZERO));
}

#[test]
fn the_one_in_the_way_is_named_in_a_sentence() {
    let blocker = Blocker {
        pid: Some(4711),
        user: Some("batch".into()),
        application: Some("month end report".into()),
        mode: Some("AccessExclusiveLock".into()),
        relation: Some("accounts".into()),
        root: true,
        named: 3,
    };
    let sentence = "month end report (pid 4711, user batch) held AccessExclusiveLock on accounts";
    assert_eq!(blocker.sentence(), sentence);
    let prepared = Blocker { pid: Some(0), application: Some("prepared transaction x".into()), ..Blocker::default() };
    assert_eq!(prepared.who(), "prepared transaction x");
    assert_eq!(Blocker { application: Some("  ".into()), ..Blocker::default() }.who(), "a session");

    let mut held_up = gap(Some(0.0), &[5.0], Some(20.0));
    held_up.blockers = vec![blocker];
    let incident = one(&held_up, 60.0).unwrap();
    assert_eq!(incident.cause(), "blocked by month end report (pid 4711, user batch)");
}
