//! Every glyph that the screen draws, once in UTF-8 and once in ASCII.

use crate::text::Charset;
use ratatui::symbols::{bar, border};
use refreshtop_core::{health::Verdict, run::RunStatus};

/// One set of glyphs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glyphs {
    /// How texts of others are shown.
    pub charset: Charset,
    /// No rule holds; a run succeeded.
    pub ok: &'static str,
    /// Look at it.
    pub warning: &'static str,
    /// Act on it; a run failed.
    pub failed: &'static str,
    /// Nothing is known.
    pub unknown: &'static str,
    /// Listening.
    pub live: &'static str,
    /// Polling only, or connecting.
    pub polling: &'static str,
    /// A refresh is under way.
    pub running: &'static str,
    /// A job is paused.
    pub paused: &'static str,
    /// Marks the selected row and the list that has the keys.
    pub selected: &'static str,
    /// Stands between parts of a line.
    pub dot: &'static str,
    /// Stands if there is no value.
    pub none: &'static str,
    /// Filled part of a gauge.
    pub gauge_filled: &'static str,
    /// Rest of a gauge.
    pub gauge_rest: &'static str,
    /// Threshold on a gauge.
    pub gauge_limit: &'static str,
    /// Rule beside a title.
    pub rule: &'static str,
    /// Threshold in the chart.
    pub limit_line: &'static str,
    /// Stem above a failed run.
    pub stem: &'static str,
    /// Tick of the time axis.
    pub tick: &'static str,
    /// A run that was not measured.
    pub unmeasured: &'static str,
    /// What lies above the top of a chart.
    pub above: &'static str,
    /// Pixel pairs of large letters: upper, lower, both.
    pub pixels: [&'static str; 3],
    /// Bars of the chart.
    pub bars: bar::Set<'static>,
    /// Border of what lies over the panes.
    pub border: border::Set<'static>,
    /// The arrow keys, in hints.
    pub arrows: &'static str,
    /// At least.
    pub at_least: &'static str,
    /// At most.
    pub at_most: &'static str,
}

/// For terminals that show UTF-8. Only glyphs that are one column wide in every common font, and none that
/// terminals like to draw as a coloured picture.
pub const UTF8: Glyphs = Glyphs {
    charset: Charset { ascii_only: false, ellipsis: "…", line_break: "⏎", replacement: "\u{fffd}" },
    ok: "✓",
    warning: "▲",
    failed: "✗",
    unknown: "?",
    live: "●",
    polling: "○",
    running: "»",
    paused: "‖",
    selected: "▸",
    dot: "·",
    none: "–",
    gauge_filled: "━",
    gauge_rest: "─",
    gauge_limit: "┃",
    rule: "─",
    limit_line: "╌",
    stem: "┊",
    tick: "╵",
    unmeasured: "·",
    above: "↑",
    pixels: ["▀", "▄", "█"],
    bars: bar::NINE_LEVELS,
    border: border::ROUNDED,
    arrows: "↑↓",
    at_least: "≥",
    at_most: "≤",
};

/// For everything else (`LANG=C`, a serial console).
pub const ASCII: Glyphs = Glyphs {
    charset: Charset { ascii_only: true, ellipsis: "...", line_break: " / ", replacement: "?" },
    ok: "+",
    warning: "!",
    failed: "X",
    unknown: "?",
    live: "*",
    polling: "o",
    running: ">",
    paused: "=",
    selected: ">",
    dot: "-",
    none: "-",
    gauge_filled: "#",
    gauge_rest: "-",
    gauge_limit: "|",
    rule: "-",
    limit_line: "-",
    stem: " ",
    tick: "'",
    unmeasured: ".",
    above: "^",
    pixels: ["#", "#", "#"],
    bars: bar::Set {
        full: "#",
        seven_eighths: "#",
        three_quarters: "=",
        five_eighths: "=",
        half: ":",
        three_eighths: ":",
        one_quarter: ".",
        one_eighth: ".",
        empty: " ",
    },
    border: border::Set {
        top_left: "+",
        top_right: "+",
        bottom_left: "+",
        bottom_right: "+",
        vertical_left: "|",
        vertical_right: "|",
        horizontal_top: "-",
        horizontal_bottom: "-",
    },
    arrows: "Up/Dn",
    at_least: ">=",
    at_most: "<=",
};

impl Glyphs {
    /// The set for a terminal that shows UTF-8, or does not.
    pub fn new(utf8: bool) -> &'static Self {
        if utf8 { &UTF8 } else { &ASCII }
    }

    /// A cell of a bar that is so many eighths high: from none, and from eight on all of it.
    pub fn eighths(&self, eighths: u16) -> &'static str {
        let bars = &self.bars;
        let levels = [
            bars.empty,
            bars.one_eighth,
            bars.one_quarter,
            bars.three_eighths,
            bars.half,
            bars.five_eighths,
            bars.three_quarters,
            bars.seven_eighths,
        ];
        levels.get(usize::from(eighths)).unwrap_or(&bars.full)
    }

    /// The glyph beside a verdict's word.
    pub fn verdict(&self, verdict: Verdict) -> &'static str {
        match verdict {
            Verdict::Healthy => self.ok,
            Verdict::Warning => self.warning,
            Verdict::Critical => self.failed,
            Verdict::Unknown => self.unknown,
        }
    }

    /// The glyph beside a run's outcome.
    pub fn status(&self, status: RunStatus) -> &'static str {
        match status {
            RunStatus::Success => self.ok,
            RunStatus::Error => self.failed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use unicode_width::UnicodeWidthStr;

    fn all(glyphs: &Glyphs) -> Vec<&'static str> {
        let bars = &glyphs.bars;
        let border = &glyphs.border;
        let mut all = vec![
            glyphs.ok,
            glyphs.warning,
            glyphs.failed,
            glyphs.unknown,
            glyphs.live,
            glyphs.polling,
            glyphs.running,
            glyphs.paused,
            glyphs.selected,
            glyphs.dot,
            glyphs.none,
            glyphs.gauge_filled,
            glyphs.gauge_rest,
            glyphs.gauge_limit,
            glyphs.rule,
            glyphs.limit_line,
            glyphs.stem,
            glyphs.tick,
            glyphs.unmeasured,
            glyphs.above,
            bars.full,
            bars.seven_eighths,
            bars.three_quarters,
            bars.five_eighths,
            bars.half,
            bars.three_eighths,
            bars.one_quarter,
            bars.one_eighth,
            bars.empty,
            border.top_left,
            border.top_right,
            border.bottom_left,
            border.bottom_right,
            border.vertical_left,
            border.vertical_right,
            border.horizontal_top,
            border.horizontal_bottom,
        ];
        all.extend(glyphs.pixels);
        all
    }

    #[test]
    fn every_glyph_is_one_column_wide() {
        for glyph in all(&UTF8).into_iter().chain(all(&ASCII)) {
            assert_eq!(glyph.width(), 1, "{glyph}");
        }
    }

    #[test]
    fn the_ascii_set_is_ascii() {
        for glyph in all(&ASCII) {
            assert!(glyph.is_ascii(), "{glyph}");
        }
        for text in [ASCII.charset.ellipsis, ASCII.charset.line_break, ASCII.arrows, ASCII.at_least, ASCII.at_most] {
            assert!(text.is_ascii(), "{text}");
        }
    }

    #[test]
    fn no_two_verdicts_share_a_glyph() {
        for glyphs in [&UTF8, &ASCII] {
            let shown = [glyphs.ok, glyphs.warning, glyphs.failed, glyphs.unknown];
            let distinct: std::collections::HashSet<_> = shown.iter().collect();
            assert_eq!(distinct.len(), shown.len());
        }
    }
}
