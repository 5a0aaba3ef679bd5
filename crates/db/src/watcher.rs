//! The one session that stays: it listens and polls, notices at once when it dies, and comes back by itself.

use crate::{
    default_view::ShownView,
    error::{self, Error, sqlstate},
    events::{Closed, Events},
    listen::{self, CHANNEL, Found, ListenProbe},
    poller::Poller,
    reconnect::{Pauses, is_soon},
    session::Session,
    session_budget::SessionBudget,
    suspend::SleepDetector,
};
use refreshtop_connect::{Limits, Received, Target};
use refreshtop_core::{event::Event, link::LinkEvent, notification::Notification, reading::Unavailable};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, Interval, MissedTickBehavior, interval, sleep, timeout},
};

/// Time between two heartbeats, and how long one may take: a link whose packets vanish is noticed within their sum.
/// That leaves a second and a half of the fifteen that are promised to a busy machine and a slow terminal.
const HEARTBEAT: Duration = Duration::from_secs(9);
const HEARTBEAT_LIMIT: Duration = Duration::from_millis(4_500);

/// A poll in which nothing arrives for so long has lost its link: the server gives up each of its statements after
/// [`Limits::READING`], and reports that.
const SILENCE: Duration = Duration::from_millis(13_500);
/// How often that is checked.
const SILENCE_CHECK: Duration = Duration::from_millis(500);
/// Within this time the state requests a poll of a new connection.
const POLL_WAIT: Duration = Duration::from_millis(50);
/// A poll that takes longer than this has failed; its session is thrown away.
const POLL_LIMIT: Duration = Duration::from_secs(45);
/// If so much arrived in that time, the answer waits behind notifications, and the poll gets the same time again. The answer
/// itself arrives in a few dozen reads.
const FLOOD: u64 = 1_000;

/// Heartbeats between two trials if a pooler seems to be in between: five minutes.
const RETRIAL_BEATS: u32 = 33;

/// How long a session must have lasted for the pauses to start over: a server that accepts a session and ends it at
/// once does not work.
const PROVEN: Duration = Duration::from_secs(5);

/// Pause before a session that was lost for an unimportant reason is replaced, and how long that may take before the
/// loss is reported.
const PASSING: Duration = Duration::from_millis(100);
const REPLACED: Duration = Duration::from_secs(2);

/// Requests to the watcher.
#[derive(Debug)]
pub struct Polls {
    /// Read a snapshot. There is no request while nothing is connected.
    pub requests: mpsc::Receiver<()>,
    /// The window of the statistics; `None` for the view's own.
    pub window: watch::Receiver<Option<Duration>>,
}

/// How a session ended.
struct Loss {
    reason: String,
    /// Whether trying again soon makes sense.
    soon: bool,
    /// Whether the server ended the session for a reason that says nothing about the database.
    passing: bool,
}

impl Loss {
    fn of(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), soon: true, passing: false }
    }

    /// A standby ends a session that reads what its primary wants to change, and PostgreSQL one that idles for longer
    /// than `idle_session_timeout`.
    fn of_session(failure: &Error, on_standby: bool) -> Self {
        let code = error::code(failure);
        let ended = matches!(code, Some(sqlstate::RECOVERY_CONFLICT | sqlstate::IDLE_SESSION_TIMEOUT));
        // The reason may be lost: a socket that is closed before all was read from it is reset.
        let passing = ended || on_standby && code.is_none();
        Self { passing, ..Self::of(error::loss(failure)) }
    }
}

impl From<Closed> for Loss {
    fn from(_: Closed) -> Self {
        // Nobody receives it; the next attempt notices too.
        Self::of("the monitor is ending")
    }
}

/// Watches `view` until `events` is closed. `budget` is for a second session, which tries whether notifications arrive.
pub async fn run(target: Target, view: ShownView, budget: SessionBudget, mut polls: Polls, events: Events) {
    let mut pauses = Pauses::default();
    let mut in_silence = false;
    loop {
        let began = Instant::now();
        let loss = match open(&target, in_silence, &events).await {
            Ok((session, trial)) => {
                let poller = Poller::of(session, target.clone(), view.clone());
                Box::pin(watch_session(poller, trial, &budget, &mut polls, &events)).await
            }
            Err(loss) => loss,
        };
        in_silence = loss.passing;
        if loss.passing {
            sleep(PASSING).await;
            continue;
        }
        if loss.soon && began.elapsed() >= PROVEN {
            pauses = Pauses::default();
        }
        let retry_in = pauses.next(loss.soon);
        if announce(&events, LinkEvent::Down { reason: loss.reason, retry_in }).await.is_err() {
            return;
        }
        sleep(retry_in).await;
        if announce(&events, LinkEvent::Retrying).await.is_err() {
            return;
        }
    }
}

async fn announce(events: &Events, event: LinkEvent) -> Result<(), Closed> {
    events.send(Event::Link(event)).await
}

/// Opens the session. `in_silence` bounds how long that may take: nobody knows that the one before is lost.
async fn open(target: &Target, in_silence: bool, events: &Events) -> Result<(Session, Arc<ListenProbe>), Loss> {
    let trial = Arc::new(ListenProbe::default());
    let opening = Session::open_listening(target, "monitor", &Limits::READING, on_notification(&trial, events));
    let opened = if in_silence {
        let late = |_| Loss::of("the server ended the session, and a new one could not be opened at once");
        timeout(REPLACED, opening).await.map_err(late)?
    } else {
        opening.await
    };
    let session = opened.map_err(|failure| Loss { soon: is_soon(&failure), ..Loss::of(failure.to_string()) })?;
    Ok((session, trial))
}

/// Watches until the session is lost.
async fn watch_session(
    poller: Poller,
    trial: Arc<ListenProbe>,
    budget: &SessionBudget,
    polls: &mut Polls,
    events: &Events,
) -> Loss {
    let over = poller.session().over();
    let mut watching = Watching {
        budget,
        events,
        trial,
        received: poller.session().received(),
        poller,
        found: None,
        probe: None,
        polled_since: false,
        on_standby: false,
    };
    while polls.requests.try_recv().is_ok() {
        // Requested from the previous session.
    }
    // What the server says when it ends the session (57P01: shut down by an administrator) is more useful than the
    // failed question after it.
    let lost = tokio::select! {
        biased;
        why = over => Err(why),
        loss = watching.watch(polls) => Ok(loss),
    };
    lost.unwrap_or_else(|why| Loss::of_session(&why, watching.on_standby))
}

/// What to do with what arrives on channels.
fn on_notification(
    trial: &Arc<ListenProbe>,
    events: &Events,
) -> impl FnMut(tokio_postgres::Notification) + Send + 'static {
    let (trial, events) = (Arc::clone(trial), events.clone());
    move |sent| {
        if sent.channel() != CHANNEL {
            trial.receive(sent.channel());
        } else if let Some(known) = Notification::parse(sent.payload()) {
            // A full queue already holds events that lead to a read, which finds this run too.
            events.offer(Event::Notified(known));
        }
    }
}

struct Watching<'a> {
    budget: &'a SessionBudget,
    events: &'a Events,
    trial: Arc<ListenProbe>,
    received: Received,
    poller: Poller,
    /// Whether notifications arrive, once that is known.
    found: Option<Found>,
    /// A trial of that, under way.
    probe: Option<listen::Probe>,
    /// Whether a poll has kept notifications waiting since the trial began.
    polled_since: bool,
    /// Whether the server was a standby at the last poll.
    on_standby: bool,
}

impl Watching<'_> {
    async fn watch(&mut self, polls: &mut Polls) -> Loss {
        match self.serve(polls).await {
            Ok(()) => Closed.into(),
            Err(loss) => loss,
        }
    }

    /// Polls when asked to, tries whether notifications arrive, and sends heartbeats. Ends when the sender of requests
    /// is gone.
    async fn serve(&mut self, polls: &mut Polls) -> Result<(), Loss> {
        // To find out whether notifications arrive takes a second session. The first figures need not wait for that.
        announce(self.events, LinkEvent::Connected).await?;
        self.first_poll(polls).await?;
        self.begin_trial().await?;
        let mut beat = beats().await;
        let (mut count, mut sleep) = (0_u32, SleepDetector::new());
        let mut seen = self.received.count();
        loop {
            tokio::select! {
                biased;
                poll = polls.requests.recv() => match poll {
                    Some(()) => {
                        let window = *polls.window.borrow();
                        self.poll(window).await?;
                    }
                    None => return Ok(()),
                },
                outcome = listen::outcome(&mut self.probe) => self.end_trial(outcome).await?,
                _ = beat.tick() => {
                    if let Some(slept) = sleep.slept() {
                        announce(self.events, LinkEvent::Resumed { slept }).await?;
                    }
                    count = count.wrapping_add(1);
                    if self.tries_again(count) {
                        self.begin_trial().await?;
                    } else if self.received.count() == seen {
                        self.heartbeat().await?;
                    }
                    seen = self.received.count();
                }
            }
        }
    }

    /// The poll that a new connection gets.
    async fn first_poll(&mut self, polls: &mut Polls) -> Result<(), Loss> {
        // A screen that is frozen requests none.
        if let Ok(Some(())) = timeout(POLL_WAIT, polls.requests.recv()).await {
            let window = *polls.window.borrow();
            self.poll(window).await?;
        }
        Ok(())
    }

    async fn poll(&mut self, window: Option<Duration>) -> Result<(), Loss> {
        self.polled_since = true;
        let events = self.events;
        let (silent, limit) = (silence(&self.received), poll_limit(&self.received));
        let poll = self.poller.poll(window, |early| events.offer(early.into()));
        let answer = tokio::select! {
            biased;
            answer = poll => Some(answer),
            () = limit => None,
            () = silent => return Err(Loss::of("the server stopped answering")),
        };
        let event = match answer {
            Some(Ok(polled)) => {
                self.on_standby = polled.snapshot.server.standby;
                polled.into()
            }
            Some(Err(failure)) if self.poller.is_closed() => return Err(Loss::of_session(&failure, self.on_standby)),
            Some(Err(failure)) => Event::PollFailed(self.poller.explain(&failure)),
            None => {
                let reason = format!("the database did not answer within {} s", POLL_LIMIT.as_secs());
                self.events.send(Event::PollFailed(Unavailable::new(reason.clone(), ""))).await?;
                return Err(Loss::of(reason));
            }
        };
        Ok(self.events.send(event).await?)
    }

    async fn begin_trial(&mut self) -> Result<(), Loss> {
        self.polled_since = false;
        let begun = listen::begin(self.poller.session(), &self.trial, self.budget, HEARTBEAT_LIMIT).await;
        match begun.map_err(Loss::of)? {
            Ok(probe) => {
                self.probe = Some(probe);
                Ok(())
            }
            Err(found) => self.know(found).await,
        }
    }

    async fn end_trial(&mut self, outcome: listen::Outcome) -> Result<(), Loss> {
        let ended = listen::end(self.poller.session(), &self.trial, outcome, HEARTBEAT_LIMIT).await;
        let mut found = ended.map_err(Loss::of)?;
        // Notifications wait while a session reads.
        found.may_pass |= self.polled_since;
        self.know(found).await
    }

    async fn know(&mut self, found: Found) -> Result<(), Loss> {
        let changed = self.found.as_ref().is_none_or(|known| known.event != found.event);
        let event = found.event.clone();
        if event == LinkEvent::Live {
            // A pooler that gives the session to others would not have brought the notification.
            self.poller.set_direct();
        }
        self.found = Some(found);
        if changed {
            announce(self.events, event).await?;
        }
        Ok(())
    }

    /// A standby keeps its sessions when it is promoted, and can be listened to from then on. A pooler stays what it is,
    /// but over a bad link a trial may fail by itself.
    fn tries_again(&self, beats: u32) -> bool {
        let Some(found) = self.found.as_ref().filter(|_| self.probe.is_none()) else { return false };
        found.event != LinkEvent::Live && (found.may_pass || beats.is_multiple_of(RETRIAL_BEATS))
    }

    /// Waits for the answer to an empty query. Behind a flood of notifications it may take long, but whatever arrives
    /// meanwhile shows that the server is alive.
    async fn heartbeat(&self) -> Result<(), Loss> {
        let answer = self.poller.session().run("");
        tokio::pin!(answer);
        loop {
            let before = self.received.count();
            match timeout(HEARTBEAT_LIMIT, &mut answer).await {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(failure)) => return Err(Loss::of(error::loss(&failure))),
                Err(_) if self.received.count() != before => {}
                Err(_) => return Err(Loss::of("the server stopped answering")),
            }
        }
    }
}

/// Ends when nothing has arrived for [`SILENCE`].
fn silence(received: &Received) -> impl Future<Output = ()> + use<> {
    let received = received.clone();
    async move {
        let (mut last, mut since) = (received.count(), Instant::now());
        while since.elapsed() < SILENCE {
            sleep(SILENCE_CHECK).await;
            let now = received.count();
            if now != last {
                (last, since) = (now, Instant::now());
            }
        }
    }
}

/// Ends after [`POLL_LIMIT`] in which less than [`FLOOD`] arrived.
fn poll_limit(received: &Received) -> impl Future<Output = ()> + use<> {
    let received = received.clone();
    async move {
        let mut before = None;
        while before.is_none_or(|before| received.count() - before >= FLOOD) {
            before = Some(received.count());
            sleep(POLL_LIMIT).await;
        }
    }
}

/// Ticks once a heartbeat, the first time after one.
async fn beats() -> Interval {
    let mut beat = interval(HEARTBEAT);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    beat.tick().await;
    beat
}
