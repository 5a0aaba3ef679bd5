//! How each screen is drawn.
//!
//! A new screen is a variant of [`Screen`], a folder, a field of [`Screens`](super::states::Screens) and a line here.

use super::{columns, diagnose, history, incidents, overview, runs, screen::Screen, wall};
use crate::scene::Scene;
use ratatui::{buffer::Buffer, layout::Rect};

/// The drawing of one screen. Its functions get the area between header and footer, or the whole frame if it draws
/// that itself.
pub struct Drawing {
    pub render: fn(&Scene, Rect, &mut Buffer),
    /// The furthest that it can be scrolled, if it is scrolled by lines.
    pub scroll_limit: Option<fn(&Scene, Rect) -> u16>,
    /// Rows of its list that are in sight, if it has a list.
    pub rows: Option<fn(&Scene, Rect) -> u16>,
    /// What overlays may cover, if it draws the whole frame itself.
    pub whole_frame: Option<fn(&Scene, Rect) -> Rect>,
}

/// The drawing of `screen`.
pub fn drawing(screen: Screen) -> Drawing {
    match screen {
        Screen::Overview => Drawing {
            rows: Some(overview::draw::rows),
            whole_frame: Some(overview::draw::beneath),
            ..of(overview::draw::render)
        },
        Screen::Runs => Drawing { rows: Some(runs::draw::rows), ..of(runs::draw::render) },
        Screen::Incidents => Drawing { rows: Some(incidents::draw::rows), ..of(incidents::draw::render) },
        Screen::History => Drawing { scroll_limit: Some(history::draw::scroll_limit), ..of(history::draw::render) },
        Screen::Diagnose => Drawing { scroll_limit: Some(diagnose::draw::scroll_limit), ..of(diagnose::draw::render) },
        Screen::Columns => Drawing { scroll_limit: Some(columns::draw::scroll_limit), ..of(columns::draw::render) },
        Screen::Wall => Drawing { whole_frame: Some(|_, area| area), ..of(wall::draw::render) },
    }
}

fn of(render: fn(&Scene, Rect, &mut Buffer)) -> Drawing {
    Drawing { render, scroll_limit: None, rows: None, whole_frame: None }
}
