//! Real servers as they are met: behind a pooler, standing by, migrated in part or not at all.

mod hosts;
mod partial;
mod pooler;
mod standby;
mod unmanaged;

use crate::support::{target, terminal::Launch};
use refreshtop::{
    db::reader::{self, Requests},
    model::{message::Message, reading::Unavailable, snapshot::Snapshot},
};
use std::time::Duration;
use tokio::{
    sync::{mpsc, watch},
    time::timeout,
};
use uuid::Uuid;

/// The call of the scheduler, and of everybody else.
const REFRESH: &str = "SELECT public.refresh_platform_metrics_with_logging()";
const DAY: Duration = Duration::from_hours(24);

/// The monitor on `url`, which polls each second.
fn polling(url: &str) -> Launch {
    Launch::refreshtop(&["--poll", "1s"]).env("REFRESHTOP_URL", url)
}

/// The session that polls.
struct Reader {
    polls: mpsc::Sender<()>,
    run: watch::Sender<Option<Uuid>>,
    answers: mpsc::Receiver<Message>,
}

impl Reader {
    fn new(url: &str) -> Self {
        let (polls, poll_requests) = mpsc::channel(1);
        let (run, run_requests) = watch::channel(None);
        let (sender, answers) = mpsc::channel(64);
        let (_, questions) = mpsc::channel(1);
        let (_, window) = watch::channel(DAY);
        let requests = Requests { polls: poll_requests, run: run_requests, questions, window };
        tokio::spawn(reader::run(target(url), requests, sender));
        Self { polls, run, answers }
    }

    async fn answer(&mut self) -> Message {
        timeout(Duration::from_mins(1), self.answers.recv()).await.expect("an answer in time").unwrap()
    }

    async fn poll(&mut self) -> Result<Snapshot, Unavailable> {
        self.polls.send(()).await.unwrap();
        match self.answer().await {
            Message::Polled(snapshot) => Ok(*snapshot),
            Message::PollFailed(why) => Err(why),
            other => panic!("{other:?}"),
        }
    }
}

/// One look at `url`.
async fn snapshot(url: &str) -> Snapshot {
    Reader::new(url).poll().await.unwrap()
}
