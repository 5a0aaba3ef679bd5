//! How the tables grew that a refresh reads.

use crate::{
    scene::Scene,
    widgets::{
        fitting, moment,
        numbers::{bytes, grouped_u64, short},
        put,
        sheet::Sheet,
        timeline::{self, Timeline},
        titled, unavailable,
    },
};
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
};
use refreshtop_core::history::{Grown, Growth, History, Size, times};

/// Tables whose growth is drawn.
const MOST_TABLES: usize = 50;

pub(super) fn add_growth<'a>(
    scene: &'a Scene<'a>,
    history: &'a History,
    line: Timeline,
    bars: u16,
    sheet: &mut Sheet<'a>,
) {
    sheet.add(1, move |area, buf| {
        let late = history.growth.as_ref().ok().filter(|growth| !history.is_measured_throughout(growth));
        let note = late.map(|growth| format!("measured since {} UTC only", moment(scene, growth.since)));
        titled(
            scene,
            area,
            buf,
            "GROWTH",
            note.as_deref().unwrap_or("the tables that a refresh reads, the largest first"),
        );
    });
    let growth = match &history.growth {
        Err(missing) => return sheet.add(3, move |area, buf| unavailable(scene, missing, area, buf)),
        Ok(growth) => growth,
    };
    for grown in growth.grown().into_iter().take(MOST_TABLES) {
        sheet.add(bars + 1, move |area, buf| {
            put(buf, area, 0, &grown_line(scene, &grown, area.width));
            let bars = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
            draw_growth(scene, growth, &grown, line, bars, buf);
        });
    }
}

/// What it was, what it is, and how many times as much.
fn grown_line(scene: &Scene, grown: &Grown<'_>, width: u16) -> Line<'static> {
    let theme = scene.theme;
    let to = grown.to;
    let factor = grown.factor().map(|factor| match factor {
        factor if factor >= 1.005 => (format!("grew {}", times(factor)), theme.title),
        factor if factor <= 0.995 => (format!("shrank {}", times(factor)), theme.title),
        _ => match grown.swollen() {
            Some(factor) => (format!("bytes grew {}", times(factor)), theme.title),
            None => ("unchanged".to_owned(), theme.muted),
        },
    });
    let rows = to.rows.map(|rows| match grown.from.and_then(|from| from.rows) {
        Some(from) if from != rows => {
            format!("{} to {} rows", grouped_u64(from), grouped_u64(rows))
        }
        _ => format!("{} rows", grouped_u64(rows)),
    });
    let bytes = match grown.from {
        Some(from) if bytes(from.bytes) != bytes(to.bytes) => format!("{} to {}", bytes(from.bytes), bytes(to.bytes)),
        _ => bytes(to.bytes),
    };
    let name = scene.clean(grown.name, (width / 2).max(16).min(width));
    let mut parts = vec![vec![Span::styled(name, theme.value)]];
    parts.extend(factor.map(|(text, style)| vec![Span::styled(text, style)]));
    parts.extend(rows.map(|rows| vec![Span::styled(rows, theme.muted)]));
    parts.push(vec![Span::styled(bytes, theme.muted)]);
    fitting(parts, "  ", width)
}

/// Its size at the end of each slice, from nothing upwards: rows if they are known throughout and tell what grew, else bytes.
fn draw_growth(scene: &Scene, growth: &Growth, grown: &Grown<'_>, line: Timeline, area: Rect, buf: &mut Buffer) {
    let sizes: Vec<Option<Size>> = growth.at_ends.iter().map(|end| end.as_ref()?.get(grown.name).copied()).collect();
    let known = sizes.iter().flatten().all(|size| size.rows.is_some()) && grown.to.rows.is_some();
    let by_rows = known && grown.swollen().is_none();
    let value = |size: Size| if by_rows { size.rows.unwrap_or_default() } else { size.bytes };
    let most = sizes.iter().flatten().map(|size| value(*size)).max().unwrap_or_default();
    timeline::label(scene, &if by_rows { short(most) } else { bytes(most) }, 0, area, buf);
    line.bars(scene, area, buf, |index| {
        #[expect(clippy::cast_precision_loss, reason = "estimates")]
        let share = value((*sizes.get(index)?)?) as f64 / most.max(1) as f64;
        Some((share, scene.theme.bar))
    });
}
