//! The workload of the demo: an application that changes its data, refreshes every few seconds, and now and then a real
//! fault.

use crate::demo::{
    session::{Session, SessionError},
    shop,
};
use std::{ops::Range, time::Duration};
use tokio::{
    join, select,
    sync::watch,
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};
use uuid::Uuid;

/// What the schedule runs.
pub const REFRESH: &str = "SELECT public.refresh_platform_metrics_with_logging()";

/// Longest time that a fault holds its lock, should the refresh wait for it without a limit.
const LONGEST_FAULT: Duration = Duration::from_secs(30);

/// The rhythm of the workload.
#[derive(Debug, Clone)]
pub struct WorkloadOptions {
    /// Pause between changes of the data.
    pub change_every: Duration,
    /// Pause between refreshes.
    pub refresh_every: Duration,
    /// Time until the first fault, so that a viewer sees one soon.
    pub first_fault: Duration,
    /// Time from one fault to the next, picked at random.
    pub fault_every: Range<Duration>,
    /// Time that a refresh has run before it is cancelled; shorter than its lock timeout.
    pub cancel_after: Duration,
    /// Pause before a lost session is opened again.
    pub reconnect_after: Duration,
}

impl Default for WorkloadOptions {
    fn default() -> Self {
        Self {
            change_every: Duration::from_secs(1),
            refresh_every: Duration::from_secs(5),
            first_fault: Duration::from_secs(8),
            fault_every: Duration::from_secs(45)..Duration::from_secs(90),
            cancel_after: Duration::from_millis(1_500),
            reconnect_after: Duration::from_millis(500),
        }
    }
}

/// The running workload. Dropping ends it.
#[derive(Debug)]
pub struct Workload {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Workload {
    /// Starts it on the database at `url`. It reconnects for as long as it isn't stopped.
    pub fn start(url: String, options: WorkloadOptions) -> Self {
        let (stop, mut stopped) = watch::channel(false);
        let task = tokio::spawn(async move {
            let work = async { join!(change_forever(&url, &options), refresh_forever(&url, &options)) };
            select! {
                biased;
                _ = stopped.changed() => {}
                _ = work => {}
            }
        });
        Self { stop, task }
    }

    /// Ends it and waits until its sessions are dropped.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        if let Err(error) = (&mut self.task).await {
            tracing::warn!(%error, "the demo's workload ended badly");
        }
    }
}

impl Drop for Workload {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn change_forever(url: &str, options: &WorkloadOptions) {
    loop {
        let error = change(url, options).await.err();
        tracing::debug!(?error, "the demo's application lost its session");
        sleep(options.reconnect_after).await;
    }
}

async fn refresh_forever(url: &str, options: &WorkloadOptions) {
    let mut faults = Faults { next: Instant::now() + options.first_fault, kind: Fault::Lock };
    loop {
        let error = refresh(url, options, &mut faults).await.err();
        tracing::debug!(?error, "the demo's schedule lost its session");
        sleep(options.reconnect_after).await;
    }
}

/// A few rows more, as many less on average: it stays about the same size for weeks. Rows are found by the
/// primary key. Of the accounts, a young one goes: with an old one many assets would go as well.
const CHANGE: &str = "INSERT INTO public.assets (account_id)
    SELECT id FROM public.accounts WHERE id >= (SELECT floor(random() * max(id)) FROM public.accounts)
    ORDER BY id LIMIT floor(random() * 6)::int;
DELETE FROM public.assets WHERE id IN (
    SELECT id FROM public.assets WHERE id >= (SELECT floor(random() * max(id)) FROM public.assets)
    ORDER BY id LIMIT floor(random() * 6)::int);
INSERT INTO public.software_licenses (account_id) SELECT min(id) FROM public.accounts HAVING random() < 0.3;
DELETE FROM public.software_licenses
    WHERE id = (SELECT min(id) FROM public.software_licenses HAVING random() < 0.3);
WITH joined AS (INSERT INTO public.accounts (created_at) SELECT now() WHERE random() < 0.1 RETURNING id)
    INSERT INTO public.accounts_memberships (user_id, account_id) SELECT gen_random_uuid(), id FROM joined;
DELETE FROM public.accounts WHERE id = (SELECT max(id) FROM public.accounts HAVING random() < 0.09);
";

async fn change(url: &str, options: &WorkloadOptions) -> Result<(), SessionError> {
    let application = Session::connect(url, "app-backend").await?;
    loop {
        tolerate(&application, application.run(CHANGE).await)?;
        tolerate(&application, application.run(shop::CHANGE).await)?;
        sleep(options.change_every).await;
    }
}

async fn refresh(url: &str, options: &WorkloadOptions, faults: &mut Faults) -> Result<(), SessionError> {
    let schedule = Session::connect(url, "refreshtop schedule").await?;
    for turn in 0.. {
        if let Some(fault) = faults.due(options) {
            match fault {
                Fault::Lock => lock_out(url, &schedule).await?,
                Fault::Cancel => cancel(url, &schedule, options.cancel_after).await?,
            }
            // Again, since the fault took its time: between two of them it works.
            faults.pause(options);
        } else {
            tolerate(&schedule, schedule.run(REFRESH).await)?;
        }
        tolerate(&schedule, schedule.run(&shop::refresh_in_turn(turn)).await)?;
        sleep(options.refresh_every).await;
    }
    Ok(())
}

/// Errors of statements are part of the demo; only a lost session ends the loop.
fn tolerate(session: &Session, outcome: Result<(), SessionError>) -> Result<(), SessionError> {
    match outcome {
        Err(error) if session.is_closed() => Err(error),
        Err(error) => {
            tracing::debug!(%error, "a statement of the demo failed");
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}

/// The next fault, and when.
struct Faults {
    next: Instant,
    kind: Fault,
}

#[derive(Clone, Copy)]
enum Fault {
    /// Another session holds a lock for longer than the refresh waits.
    Lock,
    /// Somebody cancels the refresh.
    Cancel,
}

impl Faults {
    fn due(&mut self, options: &WorkloadOptions) -> Option<Fault> {
        if Instant::now() < self.next {
            return None;
        }
        self.pause(options);
        let kind = self.kind;
        self.kind = match kind {
            Fault::Lock => Fault::Cancel,
            Fault::Cancel => Fault::Lock,
        };
        Some(kind)
    }

    fn pause(&mut self, options: &WorkloadOptions) {
        self.next = Instant::now() + random_in(&options.fault_every);
    }
}

fn random_in(range: &Range<Duration>) -> Duration {
    let span = range.end.saturating_sub(range.start).as_millis().max(1);
    let extra = Uuid::new_v4().as_u128() % span;
    range.start + Duration::from_millis(u64::try_from(extra).unwrap_or_default())
}

/// A session that holds an exclusive lock on the assets. Dropping releases it.
async fn lock_holder(url: &str) -> Result<Session, SessionError> {
    let export = Session::connect(url, "nightly-export").await?;
    export.run("SET lock_timeout = '4s'").await?;
    export.run("BEGIN").await?;
    // Apart from BEGIN, since this is the statement that others see.
    export.run("LOCK TABLE public.assets IN ACCESS EXCLUSIVE MODE").await?;
    Ok(export)
}

/// A refresh that gives up waiting for a lock.
async fn lock_out(url: &str, schedule: &Session) -> Result<(), SessionError> {
    let export = lock_holder(url).await?;
    let refreshed = timeout(LONGEST_FAULT, schedule.run(REFRESH)).await;
    export.run("ROLLBACK").await?;
    refreshed.map_or(Ok(()), |outcome| tolerate(schedule, outcome))
}

/// A refresh that is cancelled while it runs; a lock keeps it running until then.
async fn cancel(url: &str, schedule: &Session, after: Duration) -> Result<(), SessionError> {
    let pid = schedule.backend_pid().await?;
    let someone = Session::connect(url, "psql").await?;
    let export = lock_holder(url).await?;
    let cancelling = async {
        sleep(after).await;
        let cancelled = someone.run(&format!("SELECT pg_cancel_backend({pid})")).await;
        // The cancelled refresh records which sessions blocked it; give it a moment.
        sleep(Duration::from_millis(300)).await;
        export.run("ROLLBACK").await?;
        cancelled
    };
    let (outcome, cancelled) = join!(schedule.run(REFRESH), cancelling);
    cancelled?;
    tolerate(schedule, outcome)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_first_fault_is_soon_and_the_kinds_take_turns() {
        let options = WorkloadOptions::default();
        let mut faults = Faults { next: Instant::now() + options.first_fault, kind: Fault::Lock };
        assert!(faults.due(&options).is_none());
        sleep(options.first_fault).await;
        assert!(matches!(faults.due(&options), Some(Fault::Lock)));
        assert!(faults.due(&options).is_none());
        sleep(options.fault_every.end).await;
        assert!(matches!(faults.due(&options), Some(Fault::Cancel)));
        sleep(options.fault_every.end).await;
        assert!(matches!(faults.due(&options), Some(Fault::Lock)));
    }

    #[test]
    fn pauses_stay_in_their_range() {
        let range = Duration::from_secs(45)..Duration::from_secs(90);
        assert!((0..1_000).all(|_| range.contains(&random_in(&range))));
        let point = Duration::from_secs(1)..Duration::from_secs(1);
        assert_eq!(random_in(&point), point.start);
    }
}
