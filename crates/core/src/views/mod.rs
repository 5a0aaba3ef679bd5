//! The materialized views of a database, managed or not.

pub mod details;
mod find;
pub mod live;
pub mod names;
pub mod tree;

use crate::{
    address::ViewId,
    age,
    health::{self, AgeStyle, Facts, Health, Obstacle, Verdict},
    job::{Job, JobState, Jobs},
    limits::{Overrides, ViewLimits},
    reading::Reading,
    run::RunStatus,
    snapshot::Server,
    stats::RefreshStats,
};
use chrono::{DateTime, Utc};
use names::ViewName;
use serde::Deserialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// How late a job may be: it waits at most half a minute, and `pg_cron` looks once a minute.
const LATE: Duration = Duration::from_mins(2);

/// All of them, from one consistent reading.
#[derive(Debug, Clone, PartialEq)]
pub struct Views {
    /// The server's clock when they were read.
    pub at: DateTime<Utc>,
    /// Who and where we are.
    pub server: Server,
    /// The window that the statistics are of; `None` if each view has its own.
    pub window: Option<Duration>,
    /// Whether it is known which views are managed; all are unmanaged without an installation.
    pub registry: Reading<()>,
    /// Whether the statistics of the managed views could be read.
    pub statistics: Reading<()>,
    /// The views by their oids, then those that are registered and gone.
    pub views: Vec<View>,
}

/// A materialized view, or what is registered as one.
#[derive(Debug, Clone, PartialEq)]
pub struct View {
    /// Its name.
    pub name: ViewName,
    /// The view itself; `None` if it is registered and gone.
    pub relation: Option<Relation>,
    /// Whether refreshtop refreshes it.
    pub managed: Managed,
    /// Statistics of its refreshes, if it is managed and they could be read.
    pub stats: Option<RefreshStats>,
    /// Its newest attempts, if it is managed and they could be read.
    pub recent: Option<Recent>,
    /// The job that refreshes it.
    pub job: JobState,
}

/// The newest attempts to refresh a view.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Recent {
    /// The last one; `None` if there was none.
    pub last: Option<Last>,
    /// Whether each failed and its duration in milliseconds if that is known, oldest first.
    pub attempts: Vec<(bool, Option<f32>)>,
    /// How many of the newest attempts ended as the last one did.
    pub streak: u32,
    /// When the oldest of these was logged.
    pub streak_since: Option<DateTime<Utc>>,
    /// How long they usually take, if enough are on record.
    pub usual: Option<Usual>,
}

/// How long the refreshes of a view usually take: those of its successes but for the newest three.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Usual {
    /// The median, milliseconds.
    pub ms: f64,
    /// The median of the distances to it, milliseconds.
    pub spread_ms: f64,
}

/// The last attempt.
#[derive(Debug, Clone, PartialEq)]
pub struct Last {
    /// When it was logged.
    pub at: DateTime<Utc>,
    /// How it ended.
    pub status: RunStatus,
    /// SQLSTATE of a failure.
    pub sqlstate: Option<String>,
    /// The failure's message, at most 500 characters.
    pub error: Option<String>,
    /// The session that stood in its way.
    pub blocker: Option<LastBlocker>,
}

impl Last {
    /// Why it failed, and who stood in its way; `None` if it did not fail.
    pub fn cause(&self) -> Option<String> {
        if self.status == RunStatus::Success {
            return None;
        }
        let error = self.error.as_deref().unwrap_or("no error was logged");
        let state = self.sqlstate.as_ref().map(|state| format!(" ({state})")).unwrap_or_default();
        let blocker = self.blocker.as_ref().map(|blocker| {
            let name = blocker.name.as_ref().map(|name| format!("{name}, ")).unwrap_or_default();
            format!(", blocked by {name}pid {}", blocker.pid)
        });
        Some(format!("last attempt failed: {error}{state}{}", blocker.unwrap_or_default()))
    }
}

/// The session that a failed attempt waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastBlocker {
    /// Its server process.
    pub pid: i32,
    /// `application_name`, or else its role.
    pub name: Option<String>,
}

/// Whether a view is registered.
#[derive(Debug, Clone, PartialEq)]
pub enum Managed {
    /// This role may not see which are.
    Unknown,
    /// It is not.
    No,
    /// It is.
    Yes(Box<Registered>),
}

/// What is registered about a managed view.
#[derive(Debug, Clone, PartialEq)]
pub struct Registered {
    /// Its `refresh_type`.
    pub id: ViewId,
    /// Schema and name when it was registered.
    pub name: ViewName,
    /// Its oid at that time.
    pub oid: Option<i64>,
    /// Its owner at that time.
    pub owner: Option<String>,
    /// How long a refresh waits for a lock.
    pub lock_timeout: Duration,
    /// How long rows of the log are kept.
    pub keep_log: Duration,
    /// The time zone in which its query runs.
    pub time_zone: String,
    /// The other settings under which its query runs.
    pub settings: BTreeMap<String, String>,
    /// Whether it is refreshed plainly, with its readers waiting.
    pub blocking: bool,
    /// Whether a migration makes it; others are added by a person.
    pub by_migration: bool,
    /// When it is refreshed by itself.
    pub schedule: Option<String>,
    /// Its limits.
    pub limits: OwnLimits,
}

/// The limits of a view that are set or follow from its schedule; the usual ones are in the place of the others.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct OwnLimits {
    /// Longest time between two runs of the schedule.
    pub run_every: Option<Duration>,
    /// Age of the data above which it is a warning.
    pub max_age: Option<Duration>,
    /// Average duration above which it is a warning.
    pub max_duration: Option<Duration>,
    /// Success rate in per cent below which it is a warning.
    pub success_warning: Option<f64>,
    /// Success rate in per cent below which it is critical.
    pub success_critical: Option<f64>,
    /// The window that is judged.
    pub window: Option<Duration>,
    /// How long a refresh may take.
    pub time_limit: Option<Duration>,
}

/// What the catalogs tell about a view.
#[derive(Debug, Clone, PartialEq)]
pub struct Relation {
    /// Its oid.
    pub oid: i64,
    /// Its owner.
    pub owner: String,
    /// Whether it has data.
    pub populated: bool,
    /// Rows, as the planner estimates them; `None` if it was never analyzed.
    pub rows: Option<i64>,
    /// Bytes with indexes and TOAST; `None` while somebody holds it locked exclusively, or if it was not asked for.
    pub size: Option<i64>,
    /// Its unique indexes.
    pub unique_indexes: Vec<UniqueIndex>,
    /// How many tables, foreign tables and materialized views its query reads, those behind plain views included;
    /// 0 if that was not asked for.
    pub reads: i64,
    /// The materialized views among them, each once for each way to it.
    pub reads_views: Vec<Edge>,
}

/// One view reads another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct Edge {
    /// The view that is read.
    pub oid: i64,
    /// The plain view through which; `None` if it is read directly.
    pub through: Option<String>,
}

/// A unique index, and what PostgreSQL asks of one for a concurrent refresh.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "the catalog's own facts")]
pub struct UniqueIndex {
    /// Its name as SQL writes it, without the schema.
    pub name: String,
    /// Whether it may be used.
    pub valid: bool,
    /// Whether it is kept up to date.
    pub ready: bool,
    /// Whether uniqueness is enforced at once.
    pub immediate: bool,
    /// Whether it has a WHERE.
    pub partial: bool,
    /// Whether it has expressions.
    pub expressions: bool,
}

impl UniqueIndex {
    /// Why a concurrent refresh can't use it; `None` if it can.
    pub fn unusable(&self) -> Option<&'static str> {
        [
            (!self.valid, "is invalid"),
            (!self.ready, "is not ready"),
            (self.partial, "has a WHERE"),
            (self.expressions, "has an expression"),
            (!self.immediate, "is deferrable"),
        ]
        .into_iter()
        .find_map(|(holds, why)| holds.then_some(why))
    }
}

/// What the registry says that is no longer so. Such a view is not refreshed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Drift {
    /// The view is gone.
    Gone,
    /// Another view has its name.
    Replaced,
    /// It has another name, or is in another schema.
    Renamed(ViewName),
    /// It had this owner.
    OwnerChanged(String),
}

impl Relation {
    /// The index that a concurrent refresh uses.
    pub fn serving_index(&self) -> Option<&UniqueIndex> {
        self.unique_indexes.iter().find(|index| index.unusable().is_none())
    }

    /// Why it can't be refreshed concurrently; `None` if it can.
    pub fn not_concurrently(&self) -> Option<String> {
        let index = match &*self.unique_indexes {
            _ if self.serving_index().is_some() => None,
            [] => Some("no unique index".to_owned()),
            [index] => index.unusable().map(|why| format!("its unique index {} {why}", index.name)),
            several => Some(
                several
                    .iter()
                    .filter_map(|index| index.unusable().map(|why| format!("{} {why}", index.name)))
                    .collect::<Vec<_>>()
                    .join(", "),
            ),
        };
        match (self.populated, index) {
            (true, index) => index,
            (false, None) => Some("not populated".into()),
            (false, Some(why)) => Some(format!("not populated, and {why}")),
        }
    }
}

impl View {
    /// What is registered about it.
    pub fn registered(&self) -> Option<&Registered> {
        match &self.managed {
            Managed::Yes(registered) => Some(registered),
            Managed::Unknown | Managed::No => None,
        }
    }

    /// The verdict on a managed view, by the one judge.
    pub fn health(&self, now: DateTime<Utc>, overrides: &Overrides) -> Option<Health> {
        let obstacle = self.obstacle(now);
        let facts =
            Facts { recent: self.recent.as_ref(), obstacle: obstacle.as_ref(), ..Facts::of(self.stats.as_ref()?) };
        Some(self.limits(overrides).limits().judge(&facts, now, AgeStyle::Coarse))
    }

    /// The limits that it is judged by; the usual ones if it is not managed.
    pub fn limits(&self, overrides: &Overrides) -> ViewLimits {
        let own = self.registered().map(|registered| registered.limits.clone()).unwrap_or_default();
        ViewLimits::resolve(&own, overrides)
    }

    /// What keeps a managed view from being refreshed by itself at the server's time `now`.
    pub fn obstacle(&self, now: DateTime<Utc>) -> Option<Obstacle> {
        let stopped = |reason| Obstacle { paused: false, reason };
        self.unrefreshable().map(stopped).or_else(|| self.job_obstacle(now))
    }

    /// Why its job does not refresh it.
    fn job_obstacle(&self, now: DateTime<Utc>) -> Option<Obstacle> {
        if let Some(trouble) = self.job.trouble() {
            let fix = trouble.fix.strip_prefix("run: ").unwrap_or(&trouble.fix);
            let paused = matches!(self.job, JobState::Paused(_));
            return Some(Obstacle { paused, reason: format!("{}: {fix}", trouble.reason) });
        }
        let JobState::Active(job) = &self.job else { return None };
        Some(Obstacle { paused: false, reason: self.overdue(job, now)? })
    }

    /// That its job was due, and no attempt came of it.
    fn overdue(&self, job: &Job, now: DateTime<Utc>) -> Option<String> {
        let last = self.recent.as_ref()?.last.as_ref()?;
        let due = job.next_run(last.at)?;
        // An attempt is logged when it ends.
        let longest = self.stats.as_ref().and_then(|stats| stats.max_duration_ms).unwrap_or_default();
        let grace = LATE.saturating_add(health::duration(longest / 1000.0));
        let late = health::age(due, now).filter(|late| *late > grace)?;
        Some(format!("its job was due {} ago, and no attempt was logged since", age::coarse(late)))
    }

    /// The age of its data: since its last success. `None` if that is not known.
    pub fn data_age(&self, now: DateTime<Utc>) -> Option<Duration> {
        health::age(self.stats.as_ref()?.last_success_at?, now)
    }

    /// What the registry says that is no longer so.
    pub fn drift(&self) -> Option<Drift> {
        let registered = self.registered()?;
        let Some(relation) = &self.relation else { return Some(Drift::Gone) };
        // Another owner's view of that name is not refreshed, so that comes first.
        if let Some(before) = registered.owner.as_ref().filter(|owner| **owner != relation.owner) {
            return Some(Drift::OwnerChanged(before.clone()));
        }
        if registered.oid.is_some_and(|oid| oid != relation.oid) {
            return Some(Drift::Replaced);
        }
        (registered.name != self.name).then(|| Drift::Renamed(registered.name.clone()))
    }

    /// Whether somebody should look at it: it is not healthy, not refreshed, without data, or blocks its readers while it
    /// is refreshed.
    pub fn has_fault(&self, now: DateTime<Utc>, overrides: &Overrides) -> bool {
        self.health(now, overrides).is_some_and(|health| health.verdict != Verdict::Healthy)
            || self.drift().is_some()
            || self.relation.as_ref().is_none_or(|relation| relation.not_concurrently().is_some())
    }

    /// How bad it is; the worst has the highest number.
    pub fn badness(&self, now: DateTime<Utc>, overrides: &Overrides) -> u8 {
        let verdict = self.health(now, overrides).map(|health| health.verdict);
        let populated = self.relation.as_ref().is_some_and(|relation| relation.populated);
        match verdict {
            _ if self.drift().is_some() => 8,
            Some(Verdict::Critical) => 7,
            Some(Verdict::Unknown) => 6,
            Some(Verdict::Warning) => 5,
            _ if !populated => 4,
            _ if self.has_fault(now, overrides) => 3,
            Some(Verdict::Healthy) => 2,
            None if self.registered().is_some() => 1,
            None => 0,
        }
    }
}

impl Views {
    /// Joins what was read. A view is managed if its name is registered, as for a refresh; its oid only tells that it was
    /// renamed, if there is no view of the old name.
    pub fn assemble(
        read: (DateTime<Utc>, Server, Option<Duration>),
        relations: Vec<(ViewName, Relation)>,
        registry: Reading<Vec<Registered>>,
        statistics: Reading<BTreeMap<ViewId, RefreshStats>>,
        mut recent: BTreeMap<ViewId, Recent>,
    ) -> Self {
        let (at, server, window) = read;
        let (mut registered, registry) = match registry {
            Ok(registered) => (registered, Ok(())),
            Err(missing) => (Vec::new(), Err(missing)),
        };
        let (stats, statistics) = match statistics {
            Ok(stats) => (stats, Ok(())),
            Err(missing) => (BTreeMap::new(), Err(missing)),
        };
        let names: BTreeMap<&ViewName, i64> = relations.iter().map(|(name, relation)| (name, relation.oid)).collect();
        let mut by_oid: BTreeMap<i64, Registered> = BTreeMap::new();
        let mut by_name: BTreeMap<ViewName, Registered> = BTreeMap::new();
        let taken: BTreeSet<i64> = registered.iter().filter_map(|one| names.get(&one.name).copied()).collect();
        let renamed: BTreeSet<i64> = names.values().copied().filter(|oid| !taken.contains(oid)).collect();
        for one in registered.drain(..) {
            match one.oid.filter(|oid| renamed.contains(oid) && !names.contains_key(&one.name)) {
                Some(oid) => drop(by_oid.insert(oid, one)),
                None => drop(by_name.insert(one.name.clone(), one)),
            }
        }
        let stats_of = |registered: &Registered| stats.get(&registered.id).cloned();
        let unregistered = || if registry.is_ok() { Managed::No } else { Managed::Unknown };
        let mut recent_of = |registered: &Registered| recent.remove(&registered.id);
        let mut views: Vec<View> = relations
            .into_iter()
            .map(|(name, relation)| {
                let found = by_name.remove(&name).or_else(|| by_oid.remove(&relation.oid));
                let stats = found.as_ref().and_then(stats_of);
                let recent = found.as_ref().and_then(&mut recent_of);
                View {
                    name,
                    relation: Some(relation),
                    managed: found.map_or_else(unregistered, |one| Managed::Yes(Box::new(one))),
                    stats,
                    recent,
                    job: JobState::Unscheduled,
                }
            })
            .collect();
        views.extend(by_name.into_values().map(|registered| View {
            name: registered.name.clone(),
            relation: None,
            stats: stats_of(&registered),
            recent: recent_of(&registered),
            job: JobState::Unscheduled,
            managed: Managed::Yes(Box::new(registered)),
        }));
        Self { at, server, window, registry, statistics, views }
    }

    /// Takes in the jobs of the views.
    pub fn set_jobs(&mut self, jobs: &Jobs) {
        for view in &mut self.views {
            let Managed::Yes(registered) = &view.managed else { continue };
            view.job = jobs.of(&registered.id, registered.schedule.is_some());
        }
    }

    /// The views, the worst first, then those with the oldest data, then by name.
    pub fn worst_first(&self, overrides: &Overrides) -> Vec<&View> {
        let mut views: Vec<&View> = self.views.iter().collect();
        views.sort_by_cached_key(|view| {
            let worst = (view.badness(self.at, overrides), view.data_age(self.at));
            (std::cmp::Reverse(worst), &view.name)
        });
        views
    }

    /// How many views read each view, by its oid.
    pub fn readers(&self) -> BTreeMap<i64, BTreeSet<&ViewName>> {
        let mut readers: BTreeMap<i64, BTreeSet<&ViewName>> = BTreeMap::new();
        for view in &self.views {
            for edge in view.relation.iter().flat_map(|relation| &relation.reads_views) {
                readers.entry(edge.oid).or_default().insert(&view.name);
            }
        }
        readers
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
