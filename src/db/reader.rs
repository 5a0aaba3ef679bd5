//! The session that polls: one snapshot at a time, and single runs in full.

use crate::connect::{ConnectError, Kind, Session, Target, bridge};
use crate::db::{
    diagnosis::{self, CronSession, Options},
    error,
    handmade::{self, Survey},
    schedule,
    service::{self, CronSettings, LogFilter, PLATFORM_METRICS},
    trust::Look,
    views,
};
use crate::model::{
    diagnosis::Diagnosis,
    figures::PlatformMetrics,
    job::Job,
    message::Message,
    question::{Answer, Question},
    reading::{Reading, Unavailable},
    run::{Run, RunDetail},
    snapshot::{Deployment, Server, Snapshot},
    stats::RefreshStats,
};
use sqlx::{PgPool, Postgres, pool::PoolConnection};
use std::time::Duration;
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, timeout},
};
use uuid::Uuid;

/// Runs that a poll brings: a day at the default interval.
const RUNS: u16 = 288;
/// Failures that a poll brings.
const ERRORS: u16 = 50;
/// A poll that takes longer than this has failed; its session is thrown away.
const POLL_LIMIT: Duration = Duration::from_secs(45);
/// The same for a diagnosis: every question has a limit of its own, and there are many.
const DIAGNOSIS_LIMIT: Duration = Duration::from_mins(2);
/// How long the view's query may run to be measured.
const PLAN_LIMIT: Duration = Duration::from_secs(20);

/// Where the reader takes its work from. A run that was asked for and not yet read gives way to a newer one; a poll is
/// never lost behind runs.
#[derive(Debug)]
pub struct Requests {
    /// Read a snapshot.
    pub polls: mpsc::Receiver<()>,
    /// Read this run in full.
    pub run: watch::Receiver<Option<Uuid>>,
    /// Answer these questions, one after the other.
    pub questions: mpsc::Receiver<Question>,
    /// The window of the statistics.
    pub window: watch::Receiver<Duration>,
}

/// What the reader is asked for.
#[derive(Debug, Clone)]
enum Wanted {
    Snapshot,
    Run(Uuid),
    Answer(Question),
}

impl Wanted {
    fn limit(&self) -> Duration {
        match self {
            Self::Answer(Question::Diagnosis { .. }) => DIAGNOSIS_LIMIT,
            Self::Snapshot | Self::Run(_) | Self::Answer(_) => POLL_LIMIT,
        }
    }
}

/// Reads until the polls' queue is closed. Every answer goes into `messages`.
pub async fn run(target: Target, mut requests: Requests, messages: mpsc::Sender<Message>) {
    let mut reader = Reader::new(target);
    // Beside the listening session: over a slow link the first figures need not wait for it.
    reader.pools = Pools::open(&reader.target).await.ok();
    loop {
        let wanted = tokio::select! {
            biased;
            poll = requests.polls.recv() => match poll {
                Some(()) => Wanted::Snapshot,
                None => return,
            },
            Ok(()) = requests.run.changed() => match *requests.run.borrow_and_update() {
                Some(id) => Wanted::Run(id),
                None => continue,
            },
            Some(question) = requests.questions.recv() => Wanted::Answer(question),
        };
        let window = *requests.window.borrow();
        let message = if let Ok(message) = timeout(wanted.limit(), reader.answer(&wanted, window)).await {
            message
        } else {
            // The session is in the middle of something that may never end.
            reader = Reader::new(reader.target);
            let reason = format!("the database did not answer within {} s", wanted.limit().as_secs());
            failed(wanted, Unavailable::new(reason, ""))
        };
        if messages.send(message).await.is_err() {
            return;
        }
    }
}

fn failed(wanted: Wanted, why: Unavailable) -> Message {
    match wanted {
        Wanted::Snapshot => Message::PollFailed(why),
        Wanted::Run(id) => Message::RunRead(id, Box::new(Err(why))),
        Wanted::Answer(question) => Message::Answered(Box::new(question.unanswered(why))),
    }
}

/// A pool of one session in the application's database, and one where `pg_cron` lives if that is another.
struct Reader {
    target: Target,
    pools: Option<Pools>,
}

struct Pools {
    target: Target,
    app: PgPool,
    cron: Option<(String, PgPool)>,
    /// Whether the sessions had great rights at the last look.
    app_gated: bool,
    cron_gated: bool,
}

impl Pools {
    async fn open(target: &Target) -> Result<Self, ConnectError> {
        let app = bridge::pool(target, "poll", &Session::READING).await?.session;
        Ok(Self { target: target.clone(), app, cron: None, app_gated: true, cron_gated: true })
    }

    async fn cron_session(&mut self, database: &str) -> Result<PoolConnection<Postgres>, ConnectError> {
        let known = self.cron.take().filter(|(known, pool)| known == database && pool.num_idle() > 0);
        let (_, pool) = if let Some(known) = known {
            self.cron.insert(known)
        } else {
            let target = Target { database: database.to_owned(), ..self.target.clone() };
            self.cron_gated = true;
            let pool = bridge::pool(&target, "schedule", &Session::READING).await?.session;
            self.cron.insert((database.to_owned(), pool))
        };
        // Its one session is idle: nobody else uses it.
        pool.acquire().await.map_err(|failure| ConnectError::broken(&self.target, &error::sentence(&failure)))
    }
}

impl Reader {
    fn new(target: Target) -> Self {
        Self { target, pools: None }
    }

    async fn answer(&mut self, wanted: &Wanted, window: Duration) -> Message {
        let kept = self.pools.is_some();
        let mut pools = match self.pools.take() {
            Some(pools) => pools,
            None => match Pools::open(&self.target).await {
                Ok(pools) => pools,
                Err(failure) => return failed(wanted.clone(), Unavailable::new(failure.to_string(), "")),
            },
        };
        let message = match wanted {
            Wanted::Snapshot => match self.snapshot(&mut pools, window).await {
                Ok(snapshot) => Message::Polled(Box::new(snapshot)),
                // A session that was ended while nobody used it (a time limit, an administrator, a pooler) says nothing
                // about the database.
                Err(failure) if kept && error::fails_all(&failure) => {
                    return Box::pin(self.answer(wanted, window)).await;
                }
                Err(failure) => {
                    let why = error::unavailable("poll failed", &failure, &self.target.user);
                    return failed(wanted.clone(), why);
                }
            },
            Wanted::Run(id) => Message::RunRead(*id, Box::new(self.run(&pools, *id).await)),
            Wanted::Answer(question) => Message::Answered(Box::new(self.question(&mut pools, question.clone()).await)),
        };
        self.pools = Some(pools);
        message
    }

    /// Answers a question of a view.
    async fn question(&self, pools: &mut Pools, question: Question) -> Answer {
        if let Question::Diagnosis { run_plan } = question {
            return Answer::Diagnosis(self.diagnosis(pools, run_plan).await);
        }
        let looking = Looking { pools, role: &self.target.user };
        match question {
            Question::Diagnosis { .. } => Answer::Diagnosis(Err(Unavailable::new("not asked", ""))),
            Question::Runs(page) => {
                let read =
                    looking.at("runs", async |look| views::runs::read(look, &self.target.user, &page).await).await;
                Answer::Runs(page, read)
            }
            Question::Incidents { window, limit } => Answer::Incidents(
                window,
                looking.at("incidents", async |look| views::incidents::read(look, window, limit).await).await,
            ),
            Question::History { window, limit } => Answer::History(
                window,
                looking.at("history", async |look| views::history::read(look, window, limit).await).await,
            ),
            Question::Movement { window } => Answer::Movement(
                window,
                looking.at("figures", async |look| views::movement::read(look, window).await).await,
            ),
        }
    }

    /// Asks everything that the runbook asks; each question can fail by itself.
    async fn diagnosis(&self, pools: &mut Pools, run_plan: bool) -> Reading<Diagnosis> {
        let lost = |failure: sqlx::Error| error::unavailable("no diagnosis", &failure, &self.target.user);
        let mut session = pools.app.acquire().await.map_err(lost)?;
        let options = Options { run_plan: run_plan.then_some(PLAN_LIMIT), ..Options::default() };
        // Where it can't be read the diagnosis meets the same, and says so.
        let elsewhere = service::cron_settings(&mut session).await.ok().and_then(|cron| cron.database);
        // By the server's name for this one, since a pooler may have another.
        let here = schedule::current_database(&mut session).await.map_err(lost)?;
        let elsewhere = elsewhere.filter(|database| *database != here);
        Ok(match elsewhere {
            None => diagnosis::diagnose(&mut session, CronSession::Same, &options).await,
            Some(database) => match pools.cron_session(&database).await {
                Ok(mut cron) => diagnosis::diagnose(&mut session, CronSession::Elsewhere(&mut cron), &options).await,
                Err(failure) => {
                    diagnosis::diagnose(&mut session, CronSession::Unreachable(failure.to_string()), &options).await
                }
            },
        })
    }

    async fn run(&self, pools: &Pools, id: Uuid) -> Reading<RunDetail> {
        let read = async {
            let mut session = pools.app.acquire().await?;
            let mut look = Look::begin(&mut session).await?;
            let detail = match service::run_detail(&mut look, id).await {
                Err(failure) if error::is_missing(&failure) => {
                    let survey = handmade::survey(&mut look).await?;
                    handmade::run_detail(&mut look, &survey, id).await?
                }
                answer => answer?,
            };
            look.commit().await?;
            Ok(detail)
        };
        read.await
            .map_err(|failure: sqlx::Error| error::unavailable("this run can't be read", &failure, &self.target.user))?
            .ok_or_else(|| Unavailable::new("this run is no longer in the log", ""))
    }

    /// Reads every part; each can be missing by itself, but a lost connection fails the whole.
    async fn snapshot(&self, pools: &mut Pools, window: Duration) -> sqlx::Result<Snapshot> {
        let mut session = pools.app.acquire().await?;
        let mut look = Look::begin_knowing(&mut session, pools.app_gated).await?;
        let facts = look.facts().clone();
        pools.app_gated = facts.trust.is_gated();
        let known = Instant::now();
        let role = facts.server.role.clone();
        let stats = service::statistics(&mut look, PLATFORM_METRICS, window).await;
        // What is missing is looked for only where something is.
        let survey = match &stats {
            Err(failure) if error::is_missing(failure) => Some(handmade::survey(&mut look).await?),
            _ => None,
        };
        let (stats, runs, errors) = match &survey {
            Some(survey) => log_by_hand(&mut look, survey, &role, window).await?,
            None => (
                part("statistics", &role, stats)?,
                runs(&mut look, &role, "runs", LogFilter::All, RUNS).await?,
                runs(&mut look, &role, "errors", LogFilter::Errors, ERRORS).await?,
            ),
        };
        let figures = figures(&mut look, &role, survey.is_some()).await?;
        // Nobody is shown as running where that can't be seen.
        let running = part("running", &role, service::running(&mut look, PLATFORM_METRICS).await)?.ok().flatten();
        let job = job(&mut look, &facts.server, survey.is_some()).await?;
        look.commit().await?;
        let job = match job {
            Found::Here(job) => job,
            // Only now: the look must not last as long as another database takes.
            Found::Elsewhere(cron, database) => job_elsewhere(pools, &cron, &database, &facts.server).await,
        };
        let deployment = survey.as_ref().map_or(Deployment::Migrated, Survey::deployment);
        Ok(Snapshot {
            server_time: facts.time,
            read_for: known.elapsed(),
            window,
            server: facts.server,
            deployment,
            stats,
            runs,
            errors,
            job,
            figures,
            running,
        })
    }
}

/// What the log says where no function of refreshtop's can be asked.
async fn log_by_hand(look: &mut Look<'_>, survey: &Survey, role: &str, window: Duration) -> sqlx::Result<LogParts> {
    Ok((
        handmade::statistics(look, survey, role, PLATFORM_METRICS, window).await?,
        handmade::runs(look, survey, role, PLATFORM_METRICS, LogFilter::All, None, RUNS).await?,
        handmade::runs(look, survey, role, PLATFORM_METRICS, LogFilter::Errors, None, ERRORS).await?,
    ))
}

/// Looks at the application's database for one answer.
struct Looking<'a> {
    pools: &'a Pools,
    role: &'a str,
}

impl Looking<'_> {
    /// One consistent look, or why there was none.
    async fn at<T>(&self, what: &str, read: impl AsyncFnOnce(&mut Look<'_>) -> sqlx::Result<Reading<T>>) -> Reading<T> {
        let look = async {
            let mut session = self.pools.app.acquire().await?;
            let mut look = Look::begin(&mut session).await?;
            let read = read(&mut look).await?;
            look.commit().await?;
            Ok(read)
        };
        look.await.unwrap_or_else(|failure: sqlx::Error| Err(error::unavailable(what, &failure, self.role)))
    }
}

/// Statistics, runs and errors.
type LogParts = (Reading<RefreshStats>, Reading<Vec<Run>>, Reading<Vec<Run>>);

async fn runs(
    look: &mut Look<'_>,
    role: &str,
    what: &str,
    filter: LogFilter,
    limit: u16,
) -> sqlx::Result<Reading<Vec<Run>>> {
    part(what, role, service::recent_runs(look, PLATFORM_METRICS, filter, limit).await)
}

async fn figures(look: &mut Look<'_>, role: &str, by_hand: bool) -> sqlx::Result<Reading<PlatformMetrics>> {
    let name = error::identifier(role);
    let grant = if by_hand {
        format!("GRANT SELECT ON public.platform_metrics TO {name}")
    } else {
        format!("GRANT refreshtop_admin TO {name}")
    };
    Ok(match service::figures(look).await {
        Ok(row) => row.ok_or_else(|| Unavailable::new("platform_metrics is empty", "press r to refresh it")),
        Err(failure) if error::fails_all(&failure) => return Err(failure),
        Err(failure) => Err(error::unavailable_but_for("platform_metrics", &failure, &grant)),
    })
}

/// The job, or where to look for it.
enum Found {
    Here(Reading<Job>),
    Elsewhere(CronSettings, String),
}

/// Looks for the job in the application's database.
async fn job(look: &mut Look<'_>, server: &Server, by_hand: bool) -> sqlx::Result<Found> {
    let settings = if by_hand { handmade::cron_settings(look).await } else { service::cron_settings_in(look).await };
    let cron = match part("schedule", &server.role, settings)? {
        Ok(cron) => cron,
        Err(missing) => return Ok(Found::Here(Err(missing))),
    };
    let Some(database) = cron.database.clone() else {
        return Ok(Found::Here(Err(no_cron(&cron, &server.role, by_hand))));
    };
    if database != server.database {
        return Ok(Found::Elsewhere(cron, database));
    }
    let found =
        if by_hand { handmade::job(look, &cron, &server.database).await } else { service::job_here(look, &cron).await };
    let grant = cron_grant(&server.role, &database);
    let owner = !by_hand;
    Ok(Found::Here(match found {
        Ok(job) => job.ok_or_else(|| no_job(&database, owner, &server.role)),
        Err(failure) if error::fails_all(&failure) => return Err(failure),
        Err(failure) => Err(error::unavailable_but_for("schedule", &failure, &grant)),
    }))
}

/// Looks for the job where `pg_cron` lives. That database may refuse us, which says nothing about the application's.
async fn job_elsewhere(pools: &mut Pools, cron: &CronSettings, database: &str, server: &Server) -> Reading<Job> {
    let what = format!("schedule (database {database})");
    let grant = cron_grant(&server.role, database);
    let mut session = match pools.cron_session(database).await {
        Ok(session) => session,
        Err(failure) => {
            let mend = if failure.kind == Kind::NotPermitted { grant } else { String::new() };
            return Err(Unavailable::new(format!("{what}: {failure}"), mend));
        }
    };
    let was_gated = pools.cron_gated;
    let found = async {
        let mut look = Look::begin_knowing(&mut session, was_gated).await?;
        pools.cron_gated = look.facts().trust.is_gated();
        let job = service::job_there(&mut look, cron, &server.database).await?;
        look.commit().await?;
        Ok(job)
    };
    match found.await {
        Ok(job) => job.ok_or_else(|| no_job(database, false, &server.role)),
        Err(failure) => Err(error::unavailable_but_for(&what, &failure, &grant)),
    }
}

/// What lets a role read its jobs in the database of `pg_cron`.
fn cron_grant(role: &str, database: &str) -> String {
    let (role, name) = (error::identifier(role), error::identifier(database));
    format!("GRANT CONNECT ON DATABASE {name} TO {role}; in {name}: GRANT USAGE ON SCHEMA cron TO {role}")
}

fn no_cron(cron: &CronSettings, role: &str, by_hand: bool) -> Unavailable {
    if by_hand && !cron.readable {
        let mend = format!("GRANT pg_read_all_settings TO {}", error::identifier(role));
        return Unavailable::new(format!("role {role} may not see whether pg_cron is loaded on this server"), mend);
    }
    if cron.readable {
        Unavailable::new(
            "pg_cron is not loaded on this server",
            "install it and add it to shared_preload_libraries, or let another scheduler call \
             refresh_platform_metrics_with_logging()",
        )
    } else {
        Unavailable::new(
            format!("whether pg_cron is loaded can't be seen by the owner of schema refreshtop (you are {role})"),
            "GRANT pg_read_all_settings to that owner",
        )
    }
}

fn no_job(cron_database: &str, here: bool, role: &str) -> Unavailable {
    let job = service::REFRESH_JOB;
    // In its own database we look as the owner; in another one pg_cron shows each role only its own jobs.
    let whose = if here { String::new() } else { format!(" that role {role} may see") };
    let none = Unavailable::new(
        format!("no job {job}{whose} in pg_cron (database {cron_database})"),
        "run: refreshtop migrate",
    );
    if here { none.absent() } else { none }
}

/// Splits what a part of the snapshot answered: a lost connection ends the poll, anything else only this part.
fn part<T>(what: &str, role: &str, answer: sqlx::Result<T>) -> sqlx::Result<Reading<T>> {
    match answer {
        Ok(value) => Ok(Ok(value)),
        Err(failure) if error::fails_all(&failure) => Err(failure),
        Err(failure) => Ok(Err(error::unavailable(what, &failure, role))),
    }
}
