//! The session that polls: one snapshot at a time, and single runs in full.

use crate::connect::{ConnectError, Kind, Limits, Target};
use crate::db::session::{Error, Result, Row, Session};
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
    reader.sessions = Sessions::open(&reader.target).await.ok();
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

/// A session in the application's database, and one where `pg_cron` lives if that is another.
struct Reader {
    target: Target,
    sessions: Option<Sessions>,
}

struct Sessions {
    target: Target,
    app: Kept,
    /// With the name of its database.
    cron: Option<(String, Kept)>,
}

struct Kept {
    session: Session,
    /// Whether it had great rights at the last look.
    gated: bool,
}

impl Kept {
    async fn open(target: &Target, purpose: &str) -> Result<Self, ConnectError> {
        Ok(Self { session: Session::open(target, purpose, &Limits::READING).await?, gated: true })
    }
}

impl Sessions {
    async fn open(target: &Target) -> Result<Self, ConnectError> {
        Ok(Self { target: target.clone(), app: Kept::open(target, "poll").await?, cron: None })
    }

    /// The session in the application's database, and the one in that of `pg_cron`.
    async fn with_cron(&mut self, database: &str) -> (&mut Session, Result<&mut Kept, ConnectError>) {
        let known = self.cron.take().filter(|(known, kept)| known == database && !kept.session.is_closed());
        let (_, kept) = if let Some(known) = known {
            self.cron.insert(known)
        } else {
            let target = Target { database: database.to_owned(), ..self.target.clone() };
            match Kept::open(&target, "schedule").await {
                Ok(kept) => self.cron.insert((database.to_owned(), kept)),
                Err(failure) => return (&mut self.app.session, Err(failure)),
            }
        };
        (&mut self.app.session, Ok(kept))
    }
}

impl Reader {
    fn new(target: Target) -> Self {
        Self { target, sessions: None }
    }

    async fn answer(&mut self, wanted: &Wanted, window: Duration) -> Message {
        let kept = self.sessions.take().filter(|sessions| !sessions.app.session.is_closed());
        let was_kept = kept.is_some();
        let mut sessions = match kept {
            Some(sessions) => sessions,
            None => match Sessions::open(&self.target).await {
                Ok(sessions) => sessions,
                Err(failure) => return failed(wanted.clone(), Unavailable::new(failure.to_string(), "")),
            },
        };
        let message = match wanted {
            Wanted::Snapshot => match self.snapshot(&mut sessions, window).await {
                Ok(snapshot) => Message::Polled(Box::new(snapshot)),
                // A session that was ended while nobody used it (a time limit, an administrator, a pooler) says nothing
                // about the database.
                Err(failure) if was_kept && error::fails_all(&failure) => {
                    return Box::pin(self.answer(wanted, window)).await;
                }
                Err(failure) => {
                    let why = error::unavailable("poll failed", &failure, &self.target.user);
                    return failed(wanted.clone(), why);
                }
            },
            Wanted::Run(id) => Message::RunRead(*id, Box::new(self.run(&mut sessions, *id).await)),
            Wanted::Answer(question) => {
                Message::Answered(Box::new(self.question(&mut sessions, question.clone()).await))
            }
        };
        self.sessions = Some(sessions);
        message
    }

    /// Answers a question of a view.
    async fn question(&self, sessions: &mut Sessions, question: Question) -> Answer {
        if let Question::Diagnosis { run_plan } = question {
            return Answer::Diagnosis(self.diagnosis(sessions, run_plan).await);
        }
        let mut looking = Looking { session: &mut sessions.app.session, role: &self.target.user };
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
    async fn diagnosis(&self, sessions: &mut Sessions, run_plan: bool) -> Reading<Diagnosis> {
        let lost = |failure: Error| error::unavailable("no diagnosis", &failure, &self.target.user);
        let session = &mut sessions.app.session;
        let options = Options { run_plan: run_plan.then_some(PLAN_LIMIT), ..Options::default() };
        // Where it can't be read the diagnosis meets the same, and says so.
        let elsewhere = service::cron_settings(session).await.ok().and_then(|cron| cron.database);
        // By the server's name for this one, since a pooler may have another.
        let here = schedule::current_database(session).await.map_err(lost)?;
        let elsewhere = elsewhere.filter(|database| *database != here);
        Ok(match elsewhere {
            None => diagnosis::diagnose(session, CronSession::Same, &options).await,
            Some(database) => match sessions.with_cron(&database).await {
                (session, Ok(cron)) => {
                    diagnosis::diagnose(session, CronSession::Elsewhere(&mut cron.session), &options).await
                }
                (session, Err(failure)) => {
                    diagnosis::diagnose(session, CronSession::Unreachable(failure.to_string()), &options).await
                }
            },
        })
    }

    async fn run(&self, sessions: &mut Sessions, id: Uuid) -> Reading<RunDetail> {
        let read = async {
            let look = Look::begin(&mut sessions.app.session).await?;
            let detail = match service::run_detail(&look, id).await {
                Err(failure) if error::is_missing(&failure) => {
                    let survey = handmade::survey(&look).await?;
                    handmade::run_detail(&look, &survey, id).await?
                }
                answer => answer?,
            };
            look.end();
            Ok(detail)
        };
        read.await
            .map_err(|failure: Error| error::unavailable("this run can't be read", &failure, &self.target.user))?
            .ok_or_else(|| Unavailable::new("this run is no longer in the log", ""))
    }

    /// Reads every part; each can be missing by itself, but a lost connection fails the whole.
    async fn snapshot(&self, sessions: &mut Sessions, window: Duration) -> Result<Snapshot> {
        let look = Look::begin_knowing(&mut sessions.app.session, sessions.app.gated).await?;
        let facts = look.facts().clone();
        sessions.app.gated = facts.trust.is_gated();
        let known = Instant::now();
        let role = facts.server.role.clone();
        // Polled together they share a round trip, which over a slow link is what a poll costs.
        let (stats, all, errors, figures, running, cron, own_job) = tokio::join!(
            biased;
            service::statistics(&look, PLATFORM_METRICS, window),
            service::recent_runs(&look, PLATFORM_METRICS, LogFilter::All, RUNS),
            service::recent_runs(&look, PLATFORM_METRICS, LogFilter::Errors, ERRORS),
            service::figures(&look),
            service::running(&look, PLATFORM_METRICS),
            service::cron_settings_in(&look),
            service::own_job(&look),
        );
        // What is missing is looked for only where something is.
        let survey = match &stats {
            Err(failure) if error::is_missing(failure) => Some(handmade::survey(&look).await?),
            _ => None,
        };
        let (stats, runs, errors) = match &survey {
            Some(survey) => log_by_hand(&look, survey, &role, window).await?,
            None => (part("statistics", &role, stats)?, part("runs", &role, all)?, part("errors", &role, errors)?),
        };
        let figures = shown_figures(figures, &role, survey.is_some())?;
        // Nobody is shown as running where that can't be seen.
        let running = part("running", &role, running)?.ok().flatten();
        let job = if survey.is_some() {
            job_by_hand(&look, &facts.server).await?
        } else {
            job(&look, &facts.server, cron, own_job).await?
        };
        look.end();
        let job = match job {
            Found::Here(job) => job,
            // Only now: the look must not last as long as another database takes.
            Found::Elsewhere(cron, database) => job_elsewhere(sessions, &cron, &database, &facts.server).await,
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
async fn log_by_hand(look: &Look<'_>, survey: &Survey, role: &str, window: Duration) -> Result<LogParts> {
    Ok((
        handmade::statistics(look, survey, role, PLATFORM_METRICS, window).await?,
        handmade::runs(look, survey, role, PLATFORM_METRICS, LogFilter::All, None, RUNS).await?,
        handmade::runs(look, survey, role, PLATFORM_METRICS, LogFilter::Errors, None, ERRORS).await?,
    ))
}

/// Looks at the application's database for one answer.
struct Looking<'a> {
    session: &'a mut Session,
    role: &'a str,
}

impl Looking<'_> {
    /// One consistent look, or why there was none.
    async fn at<T>(&mut self, what: &str, read: impl AsyncFnOnce(&Look<'_>) -> Result<Reading<T>>) -> Reading<T> {
        let look = async {
            let look = Look::begin(self.session).await?;
            let read = read(&look).await?;
            look.end();
            Ok(read)
        };
        look.await.unwrap_or_else(|failure: Error| Err(error::unavailable(what, &failure, self.role)))
    }
}

/// Statistics, runs and errors.
type LogParts = (Reading<RefreshStats>, Reading<Vec<Run>>, Reading<Vec<Run>>);

fn shown_figures(
    figures: Result<Option<PlatformMetrics>>,
    role: &str,
    by_hand: bool,
) -> Result<Reading<PlatformMetrics>> {
    let name = error::identifier(role);
    let grant = if by_hand {
        format!("GRANT SELECT ON public.platform_metrics TO {name}")
    } else {
        format!("GRANT refreshtop_admin TO {name}")
    };
    Ok(match figures {
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

/// The job that refreshes, with what was asked of it together with everything else.
async fn job(
    look: &Look<'_>,
    server: &Server,
    settings: Result<CronSettings>,
    own: Result<Option<Row>>,
) -> Result<Found> {
    match place_of_cron(settings, server, false)? {
        Ok((cron, database)) if database == server.database => {
            let found = service::job_here_beside(look, &cron, own).await;
            shown_job(found, server, &database, true).map(Found::Here)
        }
        Ok((cron, database)) => Ok(Found::Elsewhere(cron, database)),
        Err(missing) => Ok(Found::Here(Err(missing))),
    }
}

/// The same where no function of refreshtop's can be asked.
async fn job_by_hand(look: &Look<'_>, server: &Server) -> Result<Found> {
    match place_of_cron(handmade::cron_settings(look).await, server, true)? {
        Ok((cron, database)) if database == server.database => {
            let found = handmade::job(look, &cron, &server.database).await;
            shown_job(found, server, &database, false).map(Found::Here)
        }
        Ok((cron, database)) => Ok(Found::Elsewhere(cron, database)),
        Err(missing) => Ok(Found::Here(Err(missing))),
    }
}

/// The settings of `pg_cron` and its database, or why there is none.
fn place_of_cron(
    settings: Result<CronSettings>,
    server: &Server,
    by_hand: bool,
) -> Result<Reading<(CronSettings, String)>> {
    Ok(part("schedule", &server.role, settings)?.and_then(|cron| match cron.database.clone() {
        Some(database) => Ok((cron, database)),
        None => Err(no_cron(&cron, &server.role, by_hand)),
    }))
}

fn shown_job(found: Result<Option<Job>>, server: &Server, database: &str, owner: bool) -> Result<Reading<Job>> {
    let grant = cron_grant(&server.role, database);
    match found {
        Ok(job) => Ok(job.ok_or_else(|| no_job(database, owner, &server.role))),
        Err(failure) if error::fails_all(&failure) => Err(failure),
        Err(failure) => Ok(Err(error::unavailable_but_for("schedule", &failure, &grant))),
    }
}

/// Looks for the job where `pg_cron` lives. That database may refuse us, which says nothing about the application's.
async fn job_elsewhere(sessions: &mut Sessions, cron: &CronSettings, database: &str, server: &Server) -> Reading<Job> {
    let what = format!("schedule (database {database})");
    let grant = cron_grant(&server.role, database);
    let kept = match sessions.with_cron(database).await.1 {
        Ok(kept) => kept,
        Err(failure) => {
            let mend = if failure.kind == Kind::NotPermitted { grant } else { String::new() };
            return Err(Unavailable::new(format!("{what}: {failure}"), mend));
        }
    };
    let found = async {
        let look = Look::begin_knowing(&mut kept.session, kept.gated).await?;
        kept.gated = look.facts().trust.is_gated();
        let job = service::job_there(&look, cron, &server.database).await?;
        look.end();
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
fn part<T>(what: &str, role: &str, answer: Result<T>) -> Result<Reading<T>> {
    match answer {
        Ok(value) => Ok(Ok(value)),
        Err(failure) if error::fails_all(&failure) => Err(failure),
        Err(failure) => Ok(Err(error::unavailable(what, &failure, role))),
    }
}
