//! The sessions of a diagnosis: one in the application's database, and one in the database of `pg_cron` if that is
//! another.

use super::{CronSession, FixError, Options, cron};
use crate::{
    error::{self, Error, Result},
    session::Session,
};
use refreshtop_connect::{Canceller, ConnectError, Limits, Target};
use refreshtop_core::{
    address::ViewId,
    diagnosis::{Diagnosis, Fix},
};
use std::time::Duration;

/// For what changes something: building an index may wait for others, and take its time.
const FIXING: Limits = Limits {
    statement_timeout: Some(Duration::from_mins(15)),
    lock_timeout: Some(Duration::from_secs(30)),
    idle_in_transaction_timeout: Some(Duration::from_secs(30)),
    read_only: false,
};

/// Why the sessions could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The server can't be reached.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// It was reached, and then refused the session.
    #[error("{}", error::sentence(.0))]
    Database(#[from] Error),
}

/// Open sessions, ready to diagnose or to fix.
#[derive(Debug)]
pub struct Sessions {
    app: Session,
    /// `Ok(None)` if `pg_cron` is in the application's database, or can't be found.
    cron: Result<Option<Session>, String>,
    /// What stops them.
    cancellers: Vec<Canceller>,
}

impl Sessions {
    /// Opens them to diagnose: with short limits.
    ///
    /// # Errors
    /// The application's database can't be reached. That of `pg_cron` may be missing; the checks say so.
    pub async fn to_diagnose(target: &Target) -> Result<Self, OpenError> {
        Self::open(target, "diagnosis", &Limits::READING).await
    }

    /// Opens them to fix: with limits that let an index be built.
    pub async fn to_fix(target: &Target) -> Result<Self, OpenError> {
        Self::open(target, "fix", &FIXING).await
    }

    async fn open(target: &Target, purpose: &str, limits: &Limits) -> Result<Self, OpenError> {
        let app = Session::open(target, purpose, limits).await?;
        let mut cancellers = vec![app.canceller()];
        // If it can't be asked, the diagnosis meets the same failure, and says so.
        let elsewhere = cron::elsewhere(&app).await.ok().flatten();
        let cron = match elsewhere {
            None => Ok(None),
            Some(database) => {
                let there = Target { database, ..target.clone() };
                match Session::open(&there, purpose, limits).await {
                    Ok(session) => {
                        cancellers.push(session.canceller());
                        Ok(Some(session))
                    }
                    Err(failure) => Err(failure.to_string()),
                }
            }
        };
        Ok(Self { app, cron, cancellers })
    }

    /// What stops the statements of these sessions, each with its process.
    pub async fn cancellers(&mut self) -> Result<Vec<(Canceller, i32)>> {
        let mut pids = vec![self.app.pid().await?];
        if let Ok(Some(cron)) = &mut self.cron {
            pids.push(cron.pid().await?);
        }
        Ok(self.cancellers.iter().cloned().zip(pids).collect())
    }

    /// Asks everything about the server, and about each of `views`.
    pub async fn diagnose(&mut self, views: &[ViewId], options: &Options) -> Diagnosis {
        let cron = match &mut self.cron {
            Ok(Some(session)) => CronSession::Elsewhere(session),
            Ok(None) => CronSession::Same,
            Err(reason) => CronSession::Unreachable(reason.clone()),
        };
        super::diagnose(&mut self.app, cron, views, options).await
    }

    /// Executes a fix in its database; see [`super::fix`].
    pub async fn fix(&mut self, fix: &Fix) -> Result<String, FixError> {
        let cron = self.cron.as_mut().ok().and_then(Option::as_mut);
        super::fix(&mut self.app, cron, fix).await
    }
}
