//! Real servers as they are met: behind a pooler, standing by, migrated in part or not at all.

mod hosts;
mod partial;
mod pooler;
mod standby;
mod unmanaged;

use crate::support::{target, terminal::Launch};
use refreshtop_core::{address::ViewId, reading::Unavailable, snapshot::Snapshot};
use refreshtop_db::{contract::PLATFORM_METRICS, poller::Poller};
use std::time::Duration;

/// The call of the scheduler, and of everybody else.
const REFRESH: &str = "SELECT public.refresh_platform_metrics_with_logging()";
const DAY: Duration = Duration::from_hours(24);

/// The monitor on `url`, which polls each second.
fn polling(url: &str) -> Launch {
    Launch::refreshtop(&["--poll", "1s"]).env("REFRESHTOP_URL", url)
}

/// Polls as the monitor does, in a session that is replaced when it is lost.
struct Polls {
    url: String,
    poller: Option<Poller>,
}

impl Polls {
    fn new(url: &str) -> Self {
        Self { url: url.to_owned(), poller: None }
    }

    async fn poll(&mut self) -> Result<Snapshot, Unavailable> {
        let poller = match self.poller.take().filter(|poller| !poller.is_closed()) {
            Some(poller) => self.poller.insert(poller),
            None => self.poller.insert(Poller::open(&target(&self.url), &ViewId::new(PLATFORM_METRICS)).await.unwrap()),
        };
        let polled = poller.poll(Some(DAY), |_| {}).await;
        polled.map(|polled| polled.snapshot).map_err(|failure| poller.explain(&failure))
    }
}

/// One read of `url`.
async fn snapshot(url: &str) -> Snapshot {
    Polls::new(url).poll().await.unwrap()
}
