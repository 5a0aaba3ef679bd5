//! What refreshes leave behind, and what becomes of it: the history of a window, and how the view's figures moved.

mod measured;
mod movement;
mod window;

use crate::support::asking::Asking;
use refreshtop_core::{
    history::History,
    movement::Movement,
    question::{Answer, Question},
    reading::Reading,
};
use std::time::Duration;

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);
/// Age up to which data is fresh.
const LIMIT: Duration = Duration::from_mins(10);
/// The call of the scheduler.
const REFRESH: &str = "SELECT public.refresh_platform_metrics_with_logging()";

/// Asks as the monitor does.
async fn ask(url: &str, question: Question) -> Answer {
    Asking::new(url).ask(question).await
}

async fn history(url: &str, window: Duration) -> Reading<History> {
    match ask(url, Question::History { window, limit: LIMIT }).await {
        Answer::History(of, read) if of == window => read,
        other => panic!("{other:?}"),
    }
}

async fn movement(url: &str, window: Duration) -> Reading<Movement> {
    match ask(url, Question::Movement { window }).await {
        Answer::Movement(of, read) if of == window => read,
        other => panic!("{other:?}"),
    }
}
