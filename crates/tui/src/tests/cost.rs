//! The traffic of the screen: bytes and frames, counted as they leave the program, with a stopped clock.

use crate::{
    app::{
        action::{Action, Pointer},
        effect::Effect,
        fixtures,
        message::Message,
        state::State,
    },
    event_loop::{Effects, Surface, run},
    frame as screen,
    glyphs::Glyphs,
    scene::Appearance,
    screens::screen::Screen,
    terminal::backend::QuietBackend,
    theme::Theme,
};
use chrono::TimeDelta;
use ratatui::{Terminal, TerminalOptions, Viewport, layout::Rect};
use refreshtop_core::{address::DatabaseId, event::Event, link::LinkEvent, request::Request, snapshot::Snapshot};
use std::{
    cell::RefCell,
    io::{self, Write},
    rc::Rc,
    time::Duration,
};
use tokio::{sync::mpsc, time};

/// Bytes and writes so far.
#[derive(Debug, Clone, Default)]
struct Wire(Rc<RefCell<(usize, usize)>>);

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut sent = self.0.borrow_mut();
        *sent = (sent.0 + bytes.len(), sent.1 + 1);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct WiredScreen {
    terminal: Terminal<QuietBackend<Wire>>,
    look: Appearance,
    area: Rect,
}

impl WiredScreen {
    fn new(wire: Wire, width: u16, height: u16) -> Self {
        let area = Rect::new(0, 0, width, height);
        let options = TerminalOptions { viewport: Viewport::Fixed(area) };
        let terminal = Terminal::with_options(QuietBackend::new(wire), options).unwrap();
        Self { terminal, look: Appearance::new(Theme::terminal(), Glyphs::new(true)), area }
    }
}

impl Surface for WiredScreen {
    fn draw(&mut self, state: &State) -> io::Result<()> {
        self.terminal.draw(|frame| screen::draw(state, &self.look, frame)).map(|_| ())
    }

    fn scroll_limit(&self, state: &State) -> Option<u16> {
        screen::scroll_limit(state, &self.look, self.area)
    }

    fn page(&self, state: &State) -> Option<u16> {
        screen::page(state, &self.look, self.area)
    }

    fn pointed(&self, _: &State, _: Pointer) -> Option<Action> {
        None
    }

    fn copy(&mut self, _: &str) -> io::Result<()> {
        Ok(())
    }

    fn suspend(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn repaint(&mut self) -> io::Result<()> {
        self.terminal.clear()
    }
}

/// A database in which the time goes on and the view is refreshed every five minutes.
struct LivingDatabase {
    events: mpsc::Sender<(DatabaseId, Event)>,
    began: time::Instant,
}

impl LivingDatabase {
    fn snapshot(&self) -> Snapshot {
        let passed = TimeDelta::from_std(self.began.elapsed()).unwrap();
        let refreshes = TimeDelta::minutes(passed.num_minutes() / 5 * 5);
        let mut snapshot = fixtures::snapshot(&[]);
        snapshot.server_time += passed;
        let later = |at: &mut Option<chrono::DateTime<chrono::Utc>>| *at = at.map(|at| at + refreshes);
        for run in snapshot.runs.as_mut().unwrap() {
            run.started_at += refreshes;
            later(&mut run.completed_at);
        }
        let stats = snapshot.stats.as_mut().unwrap();
        later(&mut stats.last_refresh_at);
        later(&mut stats.last_success_at);
        later(&mut snapshot.figures.as_mut().unwrap().last_updated);
        later(&mut snapshot.job.as_mut().unwrap().last.as_mut().unwrap().started_at);
        snapshot
    }
}

impl Effects for LivingDatabase {
    fn start(&mut self, effect: Effect) {
        let answer = match effect {
            Effect::Database(_, Request::Poll) => Event::Polled(Box::new(self.snapshot()), None),
            Effect::Database(_, Request::Ask(_, question)) => {
                Event::Answered(fixtures::view(), Box::new(fixtures::answer(question)))
            }
            _ => return,
        };
        self.events.try_send((fixtures::database().id, answer)).unwrap();
    }
}

/// Bytes and frames of each minute in which nothing happens but polls, and a scheduled refresh every five.
async fn minutes(view: Screen, (width, height): (u16, u16), count: usize) -> Vec<(usize, usize)> {
    let wire = Wire::default();
    let mut screen = WiredScreen::new(wire.clone(), width, height);
    let (events, mut event_queue) = mpsc::channel(64);
    let (inputs, mut input_queue) = mpsc::channel(64);
    let mut database = LivingDatabase { events: events.clone(), began: time::Instant::now() };
    let mut options = fixtures::options();
    options.screen = Some(view);
    let state = fixtures::state(options, time::Instant::now().into_std());
    let script = async {
        events.send((fixtures::database().id, Event::Link(LinkEvent::Live))).await.unwrap();
        // Between two turns of the minute, so that none is counted twice.
        time::sleep(Duration::from_millis(90_300)).await;
        let mut spent = Vec::new();
        let mut before = *wire.0.borrow();
        for _ in 0..count {
            time::sleep(Duration::from_mins(1)).await;
            let now = *wire.0.borrow();
            spent.push((now.0 - before.0, now.1 - before.1));
            before = now;
        }
        inputs.send(Message::Terminate).await.unwrap();
        spent
    };
    let (_, spent) = tokio::join!(run(state, &mut screen, &mut database, &mut input_queue, &mut event_queue), script);
    spent
}

/// Minutes that are watched: two refreshes, and one move of the wall's picture.
const MINUTES: usize = 10;
/// Bytes that an idle minute may cost: 40 a second.
const MINUTE: usize = 40 * 60;
/// Bytes of the one frame in which the wall's picture moves a cell, every ten minutes: a quarter of a second of a link
/// of 25 KB/s.
const MOVE: usize = 6_600;

#[tokio::test(start_paused = true)]
async fn an_idle_minute_costs_a_few_bytes_in_every_view() {
    for view in Screen::ALL {
        for size in [(160, 48), (80, 24)] {
            let mut spent = minutes(view, size, MINUTES).await;
            let bytes: usize = spent.iter().map(|(bytes, _)| bytes).sum();
            let frames: usize = spent.iter().map(|(_, frames)| frames).sum();
            spent.sort_unstable();
            let dearest = spent[MINUTES - 1].0;
            let name = view.name();
            println!("{name} {size:?}: {} bytes, {} frames, at most {dearest}", bytes / MINUTES, frames / MINUTES);
            assert!(bytes / MINUTES <= MINUTE, "{view:?} {size:?}: {spent:?}");
            // Each minute by itself, around a refresh as well; on the wall, each but the one of the move.
            if view == Screen::Wall {
                assert!(dearest <= MINUTE + MOVE, "{size:?}: {spent:?}");
                spent.pop();
            }
            assert!(spent.iter().all(|(bytes, _)| *bytes <= MINUTE), "{view:?} {size:?}: {spent:?}");
            // One for each label that turns.
            assert!(frames / MINUTES <= 10, "{view:?} {size:?}: {spent:?}");
        }
    }
}

/// A frame goes out in one write, however much of the screen it changes.
#[tokio::test(start_paused = true)]
async fn a_notification_costs_few_frames() {
    for size in [(160, 48), (80, 24)] {
        let wire = Wire::default();
        let mut screen = WiredScreen::new(wire.clone(), size.0, size.1);
        let (events, mut event_queue) = mpsc::channel(64);
        let (inputs, mut input_queue) = mpsc::channel(64);
        let mut database = LivingDatabase { events: events.clone(), began: time::Instant::now() };
        let state = fixtures::state(fixtures::options(), time::Instant::now().into_std());
        let script = async {
            events.send((fixtures::database().id, Event::Link(LinkEvent::Live))).await.unwrap();
            time::sleep(Duration::from_millis(70_300)).await;
            let before = *wire.0.borrow();
            events
                .send((fixtures::database().id, Event::Notified(fixtures::notification(9_001, "error"))))
                .await
                .unwrap();
            time::sleep(Duration::from_millis(400)).await;
            let after = *wire.0.borrow();
            inputs.send(Message::Terminate).await.unwrap();
            (after.0 - before.0, after.1 - before.1)
        };
        let (_, (bytes, frames)) =
            tokio::join!(run(state, &mut screen, &mut database, &mut input_queue, &mut event_queue), script);
        println!("a notification at {size:?}: {bytes} bytes, {frames} frames");
        // The notification itself, and the read that completes it.
        assert!((1..=2).contains(&frames), "{size:?}: {frames} frames");
        assert!(bytes <= 8_000, "{size:?}: {bytes} bytes");
    }
}
