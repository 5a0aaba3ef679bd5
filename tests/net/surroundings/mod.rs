//! Real servers as they are met: behind a pooler, standing by, migrated in part or not at all.

mod hosts;
mod partial;
mod pooler;
mod standby;
mod unmanaged;

use crate::support::{asking::Asking, terminal::Launch};
use refreshtop::model::{event::Event, reading::Unavailable, snapshot::Snapshot};
use std::time::Duration;

/// The call of the scheduler, and of everybody else.
const REFRESH: &str = "SELECT public.refresh_platform_metrics_with_logging()";
const DAY: Duration = Duration::from_hours(24);

/// The monitor on `url`, which polls each second.
fn polling(url: &str) -> Launch {
    Launch::refreshtop(&["--poll", "1s"]).env("REFRESHTOP_URL", url)
}

/// Polls as the monitor does.
struct Polls(Asking);

impl Polls {
    fn new(url: &str) -> Self {
        Self(Asking::of_window(url, DAY))
    }

    async fn poll(&mut self) -> Result<Snapshot, Unavailable> {
        self.0.reader.poll();
        match self.0.event().await {
            Event::Polled(snapshot) => Ok(*snapshot),
            Event::PollFailed(why) => Err(why),
            other => panic!("{other:?}"),
        }
    }
}

/// One look at `url`.
async fn snapshot(url: &str) -> Snapshot {
    Polls::new(url).poll().await.unwrap()
}
