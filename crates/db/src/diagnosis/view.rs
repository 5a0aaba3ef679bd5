//! The checks of one view.

use super::{
    Asker, Options, attempts,
    cron::Seen,
    locks, plan, rights, storage,
    subject::{self, Registered},
    target::Target,
};
use crate::{contract, error::Result};
use refreshtop_core::{
    address::ViewId,
    diagnosis::{
        Check,
        attempts::{self as judge_attempts, Around, Attempts, changes::Changes},
        locks as judge_locks,
        rights::{self as judge_rights, Sources},
        storage::{self as judge_storage, Facts as Storage},
        subject::{self as judge, Registration},
    },
    views::details::Catalog,
};

/// What is known of one view.
pub(super) struct Facts {
    view: ViewId,
    registered: Result<Registered>,
    attempts: Result<Attempts>,
    seen: Catalogs,
}

/// What the catalogues tell, and what the sessions do.
struct Catalogs {
    storage: Result<Storage>,
    sources: Result<Sources>,
    catalog: Result<Catalog>,
    locks: Result<judge_locks::Facts>,
    changes: Result<Changes>,
    plan: Option<Check>,
}

/// Asks everything about one view. All of it shares round trips.
pub(super) async fn facts(asker: &Asker<'_>, view: &ViewId, options: &Options) -> Facts {
    let named = Target::named(view);
    let (registered, attempts, seen) = tokio::join!(
        subject::registered(asker, view),
        attempts::attempts(asker, view),
        Box::pin(catalogs(asker, view, &named, options))
    );
    let mut facts = Facts { view: view.clone(), registered, attempts, seen };
    // The name of a view is shortened in the registry if it is very long.
    if let Ok(Registered { named_otherwise: true, registry }) = &facts.registered {
        let oid = registry.view.as_ref().and_then(|view| view.now.as_ref()).map(|now| now.oid);
        facts.seen = Box::pin(catalogs(asker, view, &Target::at(oid), options)).await;
    }
    facts
}

async fn catalogs(asker: &Asker<'_>, view: &ViewId, target: &Target, options: &Options) -> Catalogs {
    let (storage, sources, catalog, locks, changes, plan) = tokio::join!(
        storage::facts(asker, target),
        rights::sources(asker, target),
        subject::catalog(asker, target),
        locks::facts(asker, target),
        attempts::changes(asker, view, target),
        Box::pin(plan::check(asker, target, options)),
    );
    Catalogs { storage, sources, catalog, locks, changes, plan }
}

impl Facts {
    /// Whether it is the application's own view.
    pub fn is_own(&self) -> bool {
        contract::is_own(&self.view)
    }

    fn registration(&self) -> Option<&Registration> {
        self.registered.as_ref().ok()?.registry.view.as_ref()
    }

    /// Every check of it, in the order of the runbook.
    pub async fn checks(&self, asker: &Asker<'_>, cron: &Seen, options: &Options) -> Vec<Check> {
        let storage = match &self.seen.storage {
            Ok(storage) => Ok(storage),
            Err(failure) => Err(asker.why(failure).await),
        };
        let blocking = self.registration().is_some_and(|view| view.blocking);
        let index = match &storage {
            Ok(facts) => judge_storage::unique_index(facts, self.view.as_str(), blocking),
            Err(why) => Some(Check::unknown("unique-index", "Index for concurrent refreshes", why)),
        };
        let mut checks = self.of_attempts(asker, index.as_ref()).await;
        checks.push(self.itself(asker).await);
        checks.extend(index);
        let there = storage.as_ref().map_or(true, |facts| facts.view.is_some());
        if there {
            checks.extend(self.of_sources(asker).await);
        }
        let newest = self.attempts.as_ref().map(|attempts| &*attempts.newest).unwrap_or_default();
        checks.extend(cron.of_view(asker, &self.view, self.registration(), newest, options).await);
        if there {
            checks.extend(self.of_locks(asker, options).await);
            match &storage {
                Ok(facts) => checks.extend([
                    judge_storage::statistics(facts),
                    judge_storage::dead_rows(facts, &options.limits),
                    judge_storage::wraparound(facts),
                    judge_storage::sizes(facts),
                ]),
                Err(why) => checks.push(Check::unknown("sizes", "Sizes", why)),
            }
            checks.extend(self.seen.plan.clone());
        }
        for check in &mut checks {
            check.view = Some(self.view.to_string());
        }
        checks
    }

    /// How the last attempts ended, and what was changed since the last success.
    async fn of_attempts(&self, asker: &Asker<'_>, index: Option<&Check>) -> Vec<Check> {
        let attempts = match &self.attempts {
            Ok(attempts) => attempts,
            Err(failure) => return vec![asker.unknown("attempts", "Last refreshes", failure).await],
        };
        let changes = self.seen.changes.as_ref();
        let around = Around {
            id: self.view.as_str(),
            registered: self.registration(),
            catalog: self.seen.catalog.as_ref().ok(),
            locks: self.seen.locks.as_ref().ok(),
            older_than_success: changes.is_ok_and(|changes| changes.older_than_success),
            index,
        };
        let mut checks = vec![judge_attempts::check(attempts, &around)];
        if attempts.sees_rows {
            let storage = self.seen.storage.as_ref().ok();
            checks.push(match changes {
                Ok(changes) => judge_attempts::changes::check(changes, attempts.success.as_ref(), storage),
                Err(failure) => asker.unknown("changes", "Changed since the last success", failure).await,
            });
        }
        checks
    }

    async fn itself(&self, asker: &Asker<'_>) -> Check {
        match &self.registered {
            Ok(registered) => {
                let database = self.seen.storage.as_ref().map(|facts| facts.database.as_str()).unwrap_or_default();
                judge::check(&registered.registry, self.view.as_str(), self.is_own(), database)
            }
            Err(failure) => judge::unknown(&asker.why(failure).await),
        }
    }

    async fn of_sources(&self, asker: &Asker<'_>) -> Vec<Check> {
        let mut checks = Vec::new();
        match (&self.seen.catalog, &self.seen.sources) {
            (Ok(catalog), Ok(Sources { owner: Some(owner), .. })) => checks.push(judge::rights(catalog, owner)),
            (Err(failure), _) => checks.push(asker.unknown("rights", "Rights on what it reads", failure).await),
            _ => {}
        }
        match &self.seen.sources {
            Ok(sources) => checks.extend(judge_rights::source_security(sources)),
            Err(failure) => {
                checks.push(asker.unknown("source-security", "Row security of the sources", failure).await);
            }
        }
        checks
    }

    async fn of_locks(&self, asker: &Asker<'_>, options: &Options) -> [Check; 2] {
        match &self.seen.locks {
            Ok(facts) => [judge_locks::blocking(facts, &options.limits), judge_locks::idle(facts, &options.limits)],
            Err(failure) => [
                asker.unknown("blocking", "Blocked sessions", failure).await,
                asker.unknown("idle-in-transaction", "Idle in a transaction", failure).await,
            ],
        }
    }
}
