//! Answers the questions of the screens beside the overview, in a session that is open while there are questions.

use crate::{
    cron_link::CronLink,
    cron_settings,
    diagnosis::{self, CronSession, Options},
    error::{self, Error, Result},
    events::Events,
    questions,
    read_transaction::ReadTransaction,
    run_detail, schedule,
    session::Session,
    unmanaged,
};
use refreshtop_connect::{ConnectError, Limits, Target};
use refreshtop_core::{
    address::ViewId,
    diagnosis::Diagnosis,
    event::Event,
    incident::Record,
    question::{Answer, Question},
    reading::{Reading, Unavailable},
    run::RunDetail,
};
use std::time::Duration;
use tokio::{
    sync::{mpsc, watch},
    time::{sleep, timeout},
};
use uuid::Uuid;

/// An answer that takes longer than this has failed; its session is thrown away.
const LIMIT: Duration = Duration::from_secs(45);
/// The same for a diagnosis: every question has a limit of its own, and there are many.
const DIAGNOSIS_LIMIT: Duration = Duration::from_mins(2);
/// How long the view's query may run to be measured.
const PLAN_LIMIT: Duration = Duration::from_secs(20);

/// How long an unused session is kept: a person who switches between screens asks more often than that.
const IDLE: Duration = Duration::from_mins(1);
/// Questions that may wait: each screen asks one at a time.
const QUESTIONS: usize = 16;

/// Answers questions about the views of one database; the task ends with this.
#[derive(Debug)]
pub struct Reader {
    run: watch::Sender<Option<Uuid>>,
    questions: mpsc::Sender<(ViewId, Question)>,
}

impl Reader {
    /// Starts to answer questions. Every answer goes into `events`.
    pub fn spawn(target: Target, events: Events) -> Self {
        let (run, run_requests) = watch::channel(None);
        let (questions, asked) = mpsc::channel(QUESTIONS);
        tokio::spawn(work(target, Requests { run: run_requests, questions: asked }, events));
        Self { run, questions }
    }

    /// Asks for a run in full. One that was asked for and not yet read gives way to it.
    pub fn read_run(&self, id: Uuid) {
        self.run.send_replace(Some(id));
    }

    /// Asks a question about `view`. If too many wait, it is not asked: nobody can have asked for so many.
    pub fn ask(&self, view: ViewId, question: Question) {
        let _ = self.questions.try_send((view, question));
    }
}

/// The task's work.
struct Requests {
    run: watch::Receiver<Option<Uuid>>,
    questions: mpsc::Receiver<(ViewId, Question)>,
}

/// One piece of work.
#[derive(Debug, Clone)]
enum JobSpec {
    Run(Uuid),
    Answer(ViewId, Question),
}

impl JobSpec {
    fn limit(&self) -> Duration {
        match self {
            Self::Answer(_, Question::Diagnosis { .. }) => DIAGNOSIS_LIMIT,
            Self::Run(_) | Self::Answer(..) => LIMIT,
        }
    }
}

/// Answers until the senders are gone.
async fn work(target: Target, mut requests: Requests, events: Events) {
    let mut task = Task { target, sessions: None };
    loop {
        let wanted = tokio::select! {
            biased;
            changed = requests.run.changed() => match (changed, *requests.run.borrow_and_update()) {
                (Err(_), _) => return,
                (Ok(()), Some(id)) => JobSpec::Run(id),
                (Ok(()), None) => continue,
            },
            Some((view, question)) = requests.questions.recv() => JobSpec::Answer(view, question),
            () = sleep(IDLE), if task.sessions.is_some() => {
                task.sessions = None;
                continue;
            }
        };
        let event = if let Ok(event) = timeout(wanted.limit(), task.answer(&wanted)).await {
            event
        } else {
            // The session is in the middle of something that may never end.
            task.sessions = None;
            let reason = format!("the database did not answer within {} s", wanted.limit().as_secs());
            failed(wanted, Unavailable::new(reason, ""))
        };
        if events.send(event).await.is_err() {
            return;
        }
    }
}

fn failed(wanted: JobSpec, why: Unavailable) -> Event {
    match wanted {
        JobSpec::Run(id) => Event::RunRead(id, Box::new(Err(why))),
        JobSpec::Answer(view, question) => Event::Answered(view, Box::new(question.unanswered(why))),
    }
}

/// The part that answers.
struct Task {
    target: Target,
    sessions: Option<Sessions>,
}

/// A session in the application's database, and one in the database of `pg_cron` if that is another.
struct Sessions {
    app: Session,
    cron: CronLink,
}

impl Sessions {
    async fn open(target: &Target) -> Result<Self, ConnectError> {
        let app = Session::open(target, "question", &Limits::READING).await?;
        Ok(Self { app, cron: CronLink::new(target.clone()) })
    }
}

impl Task {
    async fn answer(&mut self, wanted: &JobSpec) -> Event {
        let kept = self.sessions.take().filter(|sessions| !sessions.app.is_closed());
        let was_kept = kept.is_some();
        let mut sessions = match kept {
            Some(sessions) => sessions,
            None => match Sessions::open(&self.target).await {
                Ok(sessions) => sessions,
                Err(failure) => return failed(wanted.clone(), Unavailable::new(failure.to_string(), "")),
            },
        };
        let event = match wanted {
            JobSpec::Run(id) => Event::RunRead(*id, Box::new(self.run(&mut sessions, *id).await)),
            JobSpec::Answer(view, question) => {
                let answer = self.question(&mut sessions, view, question.clone()).await;
                Event::Answered(view.clone(), Box::new(answer))
            }
        };
        // A session that was ended while nobody used it (a time limit, an administrator, a pooler) says nothing about
        // the database.
        if was_kept && sessions.app.is_closed() {
            return Box::pin(self.answer(wanted)).await;
        }
        self.sessions = Some(sessions);
        event
    }

    /// Answers a question of a view.
    async fn question(&self, sessions: &mut Sessions, view: &ViewId, question: Question) -> Answer {
        if let Question::Diagnosis { run_plan } = question {
            return Answer::Diagnosis(self.diagnosis(sessions, view, run_plan).await);
        }
        let mut reading = Answering { session: &mut sessions.app, role: &self.target.user };
        match question {
            Question::Diagnosis { .. } => Answer::Diagnosis(Err(Unavailable::new("not asked", ""))),
            Question::Runs(page) => {
                let read = reading
                    .at("runs", async |tx| questions::runs::read(tx, view, &self.target.user, &page).await)
                    .await;
                Answer::Runs(page, read)
            }
            Question::Incidents { window, limit } => Answer::Incidents(
                window,
                reading.at("incidents", async |tx| questions::incidents::read(tx, view, window, limit).await).await,
            ),
            Question::IncidentsOfAll { window, views } => {
                let read =
                    reading.at("incidents", async |tx| questions::incidents::read_all(tx, &views, window).await).await;
                let of_views =
                    |records: Vec<Record>| views.into_iter().map(|(view, _)| view).zip(records).collect::<Vec<_>>();
                Answer::IncidentsOfAll(window, read.map(of_views))
            }
            Question::History { window, limit } => Answer::History(
                window,
                reading.at("history", async |tx| questions::history::read(tx, view, window, limit).await).await,
            ),
            Question::Movement { window } => Answer::Movement(
                window,
                reading.at("figures", async |tx| questions::movement::read(tx, view, window).await).await,
            ),
        }
    }

    /// Runs every check of the diagnosis of one view; each can fail by itself.
    async fn diagnosis(&self, sessions: &mut Sessions, view: &ViewId, run_plan: bool) -> Reading<Diagnosis> {
        let lost = |failure: Error| error::unavailable("no diagnosis", &failure, &self.target.user);
        let app = &mut sessions.app;
        let options = Options { run_plan: run_plan.then_some(PLAN_LIMIT), ..Options::default() };
        // If it can't be read, the diagnosis gets the same failure and shows it.
        let cron_database = cron_settings::cron_settings(app).await.ok().and_then(|cron| cron.database);
        // By the server's name for this one, since a pooler may have another.
        let here = schedule::current_database(app).await.map_err(lost)?;
        let cron = match cron_database {
            Some(database) if database != here => match sessions.cron.open(&database).await {
                Ok(kept) => CronSession::Elsewhere(&mut kept.session),
                Err(failure) => CronSession::Unreachable(failure.to_string()),
            },
            _ => CronSession::Same,
        };
        Ok(diagnosis::diagnose(app, cron, std::slice::from_ref(view), &options).await)
    }

    async fn run(&self, sessions: &mut Sessions, id: Uuid) -> Reading<RunDetail> {
        let read = async {
            let tx = ReadTransaction::begin(&mut sessions.app).await?;
            let detail = match run_detail::run_detail(&tx, id).await {
                Err(failure) if error::is_missing(&failure) => {
                    let catalog = unmanaged::catalog(&tx).await?;
                    unmanaged::run_detail(&tx, &catalog, id).await?
                }
                answer => answer?,
            };
            tx.end();
            Ok(detail)
        };
        read.await
            .map_err(|failure: Error| error::unavailable("this run can't be read", &failure, &self.target.user))?
            .ok_or_else(|| Unavailable::new("this run is no longer in the log", ""))
    }
}

/// Looks at the application's database for one answer.
struct Answering<'a> {
    session: &'a mut Session,
    role: &'a str,
}

impl Answering<'_> {
    /// Reads in one transaction; or why that failed.
    async fn at<T>(
        &mut self,
        what: &str,
        read: impl AsyncFnOnce(&ReadTransaction<'_>) -> Result<Reading<T>>,
    ) -> Reading<T> {
        let tx = async {
            let tx = ReadTransaction::begin(self.session).await?;
            let read = read(&tx).await?;
            tx.end();
            Ok(read)
        };
        tx.await.unwrap_or_else(|failure: Error| Err(error::unavailable(what, &failure, self.role)))
    }
}
