//! The one loop: messages in, the state changed, effects out, a frame drawn.
//!
//! It never awaits anything but the next message or the next moment at which something on the screen would
//! read differently.

use crate::app::{
    action::{Action, Pointer},
    effect::Effect,
    message::Message,
    next_redraw::next_redraw,
    state::State,
    update::update,
};
use refreshtop_core::{address::DatabaseId, event::Event};
use std::time::{Duration, Instant};
use tokio::{sync::mpsc, time};

/// Messages taken in before a frame is drawn, so that a burst costs one frame but can't keep it from the screen.
const BATCH: usize = 256;
/// In a longer burst a frame is drawn at this interval, which looks continuous.
const FRAME: Duration = Duration::from_millis(30);
/// Messages that may wait for such a frame, however fast the clock.
const MOST: usize = 64 * BATCH;

/// Where effects go. Nothing here may block or await.
pub trait Effects {
    /// Starts `effect`. [`Effect::Quit`] never arrives here.
    fn start(&mut self, effect: Effect);
}

/// Where frames go.
pub trait Surface {
    /// Draws `state`.
    ///
    /// # Errors
    /// The terminal's: whatever it is, the terminal is gone and the loop ends.
    fn draw(&mut self, state: &State) -> std::io::Result<()>;

    /// How far the open run can be scrolled; `None` if none is open. It depends on the size of the terminal, which
    /// the state does not know.
    fn scroll_limit(&self, state: &State) -> Option<u16>;

    /// How many rows of what has the keys are in sight; `None` if that is not known.
    fn page(&self, state: &State) -> Option<u16>;

    /// The pointer's action at its position, by what is drawn there.
    fn pointed(&self, state: &State, pointer: Pointer) -> Option<Action>;

    /// Puts a text into the clipboard of the person's own machine.
    fn copy(&mut self, text: &str) -> std::io::Result<()>;

    /// Restores the terminal, stops the program, and sets the terminal up again when the program resumes.
    fn suspend(&mut self) -> std::io::Result<()>;

    /// Forgets what the terminal shows, so that the next frame paints everything.
    fn repaint(&mut self) -> std::io::Result<()>;
}

/// Why the loop ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The person, or a signal, asked for it.
    Quit,
    /// The terminal is gone.
    TerminalLost,
}

/// Runs until something ends it. `inputs` carries keys and signals, and is read first: keys work however many events
/// are queued.
pub async fn run(
    mut state: State,
    screen: &mut impl Surface,
    effects: &mut impl Effects,
    inputs: &mut mpsc::Receiver<Message>,
    events: &mut mpsc::Receiver<(DatabaseId, Event)>,
) -> Ended {
    loop {
        if screen.draw(&state).is_err() {
            return Ended::TerminalLost;
        }
        let mut message = Some(next(&state, inputs, events).await);
        let (mut taken, drawn) = (0, now());
        while let Some(current) = message {
            let done = match current {
                Message::Resized => screen.repaint(),
                Message::Suspend => screen.suspend().and_then(|()| screen.repaint()),
                _ => Ok(()),
            };
            if done.is_err() {
                return Ended::TerminalLost;
            }
            let current = match current {
                Message::Pointer(pointer) => screen.pointed(&state, pointer).map(Message::Action),
                other => Some(other),
            };
            if current.as_ref().is_some_and(pages) {
                state.page = screen.page(&state);
            }
            for effect in current.map(|current| update(&mut state, current, now())).unwrap_or_default() {
                match effect {
                    Effect::Quit => return Ended::Quit,
                    Effect::Copy(text) if screen.copy(&text).is_err() => return Ended::TerminalLost,
                    other => effects.start(other),
                }
            }
            clamp_scroll(&mut state, screen);
            taken += 1;
            let more = taken < BATCH || taken < MOST && now().duration_since(drawn) < FRAME;
            message = more.then(|| inputs.try_recv().or_else(|_| events.try_recv().map(of_database)).ok()).flatten();
        }
    }
}

/// Whether `message` moves by a page, which only the screen knows the height of.
fn pages(message: &Message) -> bool {
    let (Message::Action(action) | Message::Key { action: Some(action), .. }) = message else { return false };
    matches!(action, Action::PageUp | Action::PageDown)
}

/// Keeps the scroll position within what there is, so that the way back from the end is as long as it looks.
fn clamp_scroll(state: &mut State, screen: &impl Surface) {
    let scrolled = state.scroll_mut().is_some_and(|scroll| *scroll > 0);
    let Some(limit) = scrolled.then(|| screen.scroll_limit(state)).flatten() else { return };
    if let Some(scroll) = state.scroll_mut() {
        *scroll = limit.min(*scroll);
    }
}

fn of_database((database, event): (DatabaseId, Event)) -> Message {
    Message::Database(database, event)
}

async fn next(
    state: &State,
    inputs: &mut mpsc::Receiver<Message>,
    events: &mut mpsc::Receiver<(DatabaseId, Event)>,
) -> Message {
    let wake = next_redraw(state);
    tokio::select! {
        biased;
        // If no sender is left that could end the loop, it ends itself.
        input = inputs.recv() => input.unwrap_or(Message::Terminate),
        Some(events) = events.recv() => of_database(events),
        () = sleep_until(wake) => Message::Tick,
    }
}

async fn sleep_until(moment: Option<Instant>) {
    match moment {
        Some(moment) => time::sleep_until(moment.into()).await,
        None => std::future::pending().await,
    }
}

/// The local monotonic clock; a test can stop it.
fn now() -> Instant {
    time::Instant::now().into_std()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::{fixtures, overlay::Overlay};
    use refreshtop_core::{
        health::Verdict,
        link::LinkEvent,
        notification::Notification,
        reading::Unavailable,
        refresh::{Trigger, TriggerOutcome},
        request::Request,
    };
    use std::io;

    type EventSender = mpsc::Sender<(DatabaseId, Event)>;

    /// Keeps what was drawn as values; fails from a given frame on, as a terminal that was closed.
    #[derive(Default)]
    struct FakeSurface {
        frames: Vec<State>,
        repaints: usize,
        copied: Vec<String>,
        fails_at: Option<usize>,
    }

    impl Surface for FakeSurface {
        fn draw(&mut self, state: &State) -> io::Result<()> {
            if self.fails_at == Some(self.frames.len()) {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            self.frames.push(state.clone());
            Ok(())
        }

        fn scroll_limit(&self, _: &State) -> Option<u16> {
            Some(7)
        }

        fn page(&self, _: &State) -> Option<u16> {
            Some(25)
        }

        fn pointed(&self, _: &State, _: Pointer) -> Option<Action> {
            Some(Action::Help)
        }

        fn copy(&mut self, text: &str) -> io::Result<()> {
            self.copied.push(text.to_owned());
            Ok(())
        }

        fn suspend(&mut self) -> io::Result<()> {
            Ok(())
        }

        fn repaint(&mut self) -> io::Result<()> {
            self.repaints += 1;
            Ok(())
        }
    }

    /// A database that answers every poll at once, unless it hangs.
    struct FakeDatabase {
        events: mpsc::Sender<(DatabaseId, Event)>,
        started: Vec<Effect>,
        hangs: bool,
    }

    impl Effects for FakeDatabase {
        fn start(&mut self, effect: Effect) {
            if !self.hangs {
                let answer = match &effect {
                    Effect::Database(_, Request::Poll) => Some(Event::Polled(Box::new(fixtures::snapshot(&[])), None)),
                    Effect::Database(_, Request::Refresh(_)) => {
                        Some(Event::TriggerEnded(TriggerOutcome::Refused { message: "not you".into() }))
                    }
                    _ => None,
                };
                if let Some(answer) = answer {
                    self.events.try_send((fixtures::database().id, answer)).unwrap();
                }
            }
            self.started.push(effect);
        }
    }

    struct Harness {
        screen: FakeSurface,
        database: FakeDatabase,
        inputs: mpsc::Sender<Message>,
        input_queue: mpsc::Receiver<Message>,
        event_queue: mpsc::Receiver<(DatabaseId, Event)>,
    }

    impl Harness {
        fn new() -> Self {
            let (inputs, input_queue) = mpsc::channel(64);
            let (events, event_queue) = mpsc::channel(100_000);
            Self {
                screen: FakeSurface::default(),
                database: FakeDatabase { events, started: Vec::new(), hangs: false },
                inputs,
                input_queue,
                event_queue,
            }
        }

        fn events(&self) -> EventSender {
            self.database.events.clone()
        }

        /// Runs the loop beside `script` until the loop ends.
        async fn run(&mut self, script: impl Future<Output = ()>) -> Ended {
            let state = fixtures::state(fixtures::options(), now());
            let run = run(state, &mut self.screen, &mut self.database, &mut self.input_queue, &mut self.event_queue);
            tokio::join!(run, script).0
        }
    }

    async fn emit(events: &EventSender, event: Event) {
        events.send((fixtures::database().id, event)).await.unwrap();
        time::sleep(Duration::from_millis(1)).await;
    }

    async fn send(to: &mpsc::Sender<Message>, message: Message) {
        to.send(message).await.unwrap();
        // Paused time advances only when every task waits: so the loop has taken the message in.
        time::sleep(Duration::from_millis(1)).await;
    }

    fn notified(id: u128) -> Event {
        let at = fixtures::server_time().to_rfc3339();
        let payload = format!(
            r#"{{"id":"{}","refresh_type":"platform_metrics","status":"success","started_at":"{at}"}}"#,
            uuid::Uuid::from_u128(id)
        );
        Event::Notified(Notification::parse(&payload).unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn polls_when_live_and_then_once_an_interval() {
        let mut harness = Harness::new();
        let (events, inputs) = (harness.events(), harness.inputs.clone());
        let ended = harness
            .run(async move {
                emit(&events, Event::Link(LinkEvent::Live)).await;
                time::sleep(Duration::from_secs(95)).await;
                send(&inputs, Message::Action(Action::Quit)).await;
            })
            .await;
        assert_eq!(ended, Ended::Quit);
        assert_eq!(harness.database.started, vec![fixtures::request(Request::Poll); 4]);
    }

    #[tokio::test(start_paused = true)]
    async fn keys_answer_while_the_database_hangs() {
        let mut harness = Harness::new();
        harness.database.hangs = true;
        let (events, inputs) = (harness.events(), harness.inputs.clone());
        let ended = harness
            .run(async move {
                emit(&events, Event::Link(LinkEvent::Live)).await;
                send(&inputs, Message::Action(Action::Refresh)).await;
                time::sleep(Duration::from_mins(5)).await;
                send(&inputs, Message::Action(Action::Help)).await;
                send(&inputs, Message::Action(Action::Quit)).await;
            })
            .await;
        assert_eq!(ended, Ended::Quit);
        assert_eq!(
            harness.database.started,
            [fixtures::request(Request::Poll), fixtures::request(Request::Refresh(fixtures::view()))]
        );
        let last = harness.screen.frames.last().unwrap();
        assert!(last.overlay.is_some());
        assert!(matches!(last.database().trigger, Trigger::Running { .. }));
        // The elapsed time is shown in whole seconds up to a minute, in minutes after that.
        assert!((60..80).contains(&harness.screen.frames.len()), "{}", harness.screen.frames.len());
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_of_notifications_costs_few_frames_and_few_polls() {
        let mut harness = Harness::new();
        let (events, inputs) = (harness.events(), harness.inputs.clone());
        harness
            .run(async move {
                emit(&events, Event::Link(LinkEvent::Live)).await;
                for id in 0..50_000 {
                    let _ = events.try_send((fixtures::database().id, notified(10_000 + id)));
                }
                time::sleep(Duration::from_secs(2)).await;
                send(&inputs, Message::Action(Action::Quit)).await;
            })
            .await;
        // The clock stands still meanwhile, so only their number bounds a frame.
        assert!(harness.screen.frames.len() < 50_000 / MOST + 20, "{} frames", harness.screen.frames.len());
        assert!(harness.database.started.len() <= 3, "{:?}", harness.database.started);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_drawn_while_nothing_changes() {
        let mut harness = Harness::new();
        let inputs = harness.inputs.clone();
        harness
            .run(async move {
                time::sleep(Duration::from_hours(24)).await;
                send(&inputs, Message::Action(Action::Quit)).await;
            })
            .await;
        assert_eq!(harness.screen.frames.len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn stale_data_changes_the_verdict_without_any_event() {
        let mut harness = Harness::new();
        let (events, inputs) = (harness.events(), harness.inputs.clone());
        harness
            .run(async move {
                emit(&events, Event::Link(LinkEvent::Polling { reason: "standby".into() })).await;
                // From here on every poll fails as a part: the age goes on by the clock.
                time::sleep(Duration::from_secs(5)).await;
                send(&inputs, Message::Action(Action::Quit)).await;
            })
            .await;
        let mut state = harness.screen.frames.pop().unwrap();
        assert_eq!(state.health().verdict, Verdict::Healthy);
        state.database_mut().polling.due = None;
        let mut wakes = 0;
        while state.health().verdict == Verdict::Healthy {
            let at = next_redraw(&state).unwrap();
            update(&mut state, Message::Tick, at);
            wakes += 1;
            assert!(wakes < 200, "never turned");
        }
        assert_eq!(state.health().verdict, Verdict::Warning);
    }

    #[tokio::test(start_paused = true)]
    async fn down_and_back_reads_again() {
        let mut harness = Harness::new();
        let (events, inputs) = (harness.events(), harness.inputs.clone());
        harness
            .run(async move {
                emit(&events, Event::Link(LinkEvent::Live)).await;
                let down = LinkEvent::Down { reason: "gone".into(), retry_in: Duration::from_millis(100) };
                emit(&events, Event::Link(down)).await;
                emit(&events, Event::Link(LinkEvent::Retrying)).await;
                emit(&events, Event::Link(LinkEvent::Live)).await;
                emit(&events, Event::PollFailed(Unavailable::new("still starting", ""))).await;
                send(&inputs, Message::Action(Action::Quit)).await;
            })
            .await;
        let verdicts: Vec<Verdict> = harness.screen.frames.iter().map(|state| state.health().verdict).collect();
        let mut turns = verdicts.clone();
        turns.dedup();
        assert_eq!(turns, [Verdict::Unknown, Verdict::Healthy, Verdict::Unknown, Verdict::Healthy, Verdict::Unknown]);
        assert_eq!(harness.database.started, [fixtures::request(Request::Poll), fixtures::request(Request::Poll)]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_lost_terminal_ends_the_loop() {
        let mut harness = Harness::new();
        harness.screen.fails_at = Some(1);
        let events = harness.events();
        let ended = harness
            .run(async move {
                let _ = events.send((fixtures::database().id, Event::Link(LinkEvent::Live))).await;
            })
            .await;
        assert_eq!(ended, Ended::TerminalLost);
    }

    #[tokio::test(start_paused = true)]
    async fn the_way_back_from_the_end_of_a_run_is_as_long_as_it_looks() {
        let mut harness = Harness::new();
        let (events, inputs) = (harness.events(), harness.inputs.clone());
        harness
            .run(async move {
                emit(&events, Event::Link(LinkEvent::Live)).await;
                for action in [Action::FocusNext, Action::Open, Action::Last, Action::Up] {
                    send(&inputs, Message::Action(action)).await;
                }
                send(&inputs, Message::Terminate).await;
            })
            .await;
        let last = harness.screen.frames.last().unwrap();
        assert!(matches!(last.overlay, Some(Overlay::Run { scroll: 6, .. })), "{:?}", last.overlay);
    }

    #[tokio::test(start_paused = true)]
    async fn a_page_is_as_long_as_the_screen_says_and_a_text_is_copied_once() {
        let mut harness = Harness::new();
        let (events, inputs) = (harness.events(), harness.inputs.clone());
        harness
            .run(async move {
                emit(&events, Event::Link(LinkEvent::Live)).await;
                for action in [Action::FocusNext, Action::PageDown, Action::PageDown, Action::PageUp, Action::Copy] {
                    send(&inputs, Message::Action(action)).await;
                }
                send(&inputs, Message::Terminate).await;
            })
            .await;
        let last = harness.screen.frames.last().unwrap();
        assert_eq!(last.selected_index(last.screens.overview.focus), Some(25));
        let id = last.runs()[25].id.to_string();
        assert!(matches!(&harness.screen.copied[..], [text] if text.contains(&id)), "{:?}", harness.screen.copied);
    }

    #[tokio::test(start_paused = true)]
    async fn a_resize_paints_everything_again() {
        let mut harness = Harness::new();
        let inputs = harness.inputs.clone();
        harness
            .run(async move {
                send(&inputs, Message::Resized).await;
                send(&inputs, Message::Terminate).await;
            })
            .await;
        assert_eq!(harness.screen.repaints, 1);
    }
}
