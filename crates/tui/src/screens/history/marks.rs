//! The marks of how refreshes ended, and of whether data was fresh.

use crate::scene::Scene;
use ratatui::style::Style;
use refreshtop_core::history::Part;

pub(super) fn outcome(scene: &Scene, part: &Part) -> (&'static str, Style) {
    match (part.failures, part.successes) {
        (0, 0) => (scene.glyphs.none, scene.theme.muted),
        (0, _) => (scene.glyphs.ok, scene.theme.healthy),
        _ => (scene.glyphs.failed, scene.theme.critical),
    }
}

pub(super) fn fresh_mark(scene: &Scene, part: &Part) -> (&'static str, Style) {
    match part.is_fresh_enough() {
        Some(true) => (scene.glyphs.ok, scene.theme.healthy),
        Some(false) => (scene.glyphs.warning, scene.theme.warning),
        None => (scene.glyphs.unknown, scene.theme.unknown),
    }
}
