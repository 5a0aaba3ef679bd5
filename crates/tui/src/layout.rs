//! Where each pane goes. One composition per class of size.
//!
//! | class | from | composition |
//! |---|---|---|
//! | wall | 200x60 | verdict in very large letters; durations and errors left, job, columns and runs right |
//! | large | 120x40 | verdict in large letters; every pane with a title |
//! | medium | 80x24 | every pane, job and columns as lines |
//! | small | 40x12 | one column: as many panes as fit, the most urgent first |
//! | sentence | 1x1 | a sentence that begins with the verdict |

use ratatui::layout::{Constraint, Layout, Rect};

/// A class of terminal size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Too small for panes.
    Sentence,
    /// One column.
    Small,
    /// Everything, compact.
    Medium,
    /// Everything, with room.
    Large,
    /// To be read across a room.
    Wall,
}

/// The class of an area.
pub fn class(area: Rect) -> Class {
    let at_least = |width, height| area.width >= width && area.height >= height;
    if at_least(200, 60) {
        Class::Wall
    } else if at_least(120, 40) {
        Class::Large
    } else if at_least(80, 24) {
        Class::Medium
    } else if at_least(40, 12) {
        Class::Small
    } else {
        Class::Sentence
    }
}

/// Width from which on the three gauges stand side by side, and the header needs one row.
pub const SIDE_BY_SIDE: u16 = 72;

/// Rows that panes of changing height ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Needs {
    /// The banner of a connection that is not live.
    pub banner: u16,
    /// Findings beside the verdict.
    pub findings: u16,
    /// The refresh under way, or its result.
    pub refresh: u16,
    /// The newest error, if it has rows of its own; none without statistics.
    pub last_error: u16,
    /// The schedule as lines, or why there is none.
    pub job: u16,
}

/// Where each pane is drawn; an empty area if it is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Places {
    /// Which database, how events arrive, how old it is.
    pub header: Rect,
    /// Why the connection is not live.
    pub banner: Rect,
    /// The tabs, if there is a row for them.
    pub tabs: Rect,
    /// The verdict and its reasons.
    pub verdict: Rect,
    /// The refresh under way, or its result.
    pub refresh: Rect,
    /// Three figures against their thresholds.
    pub gauges: Rect,
    /// The figures of the window.
    pub figures: Rect,
    /// The newest error of the window.
    pub last_error: Rect,
    /// Durations over time.
    pub durations: Rect,
    /// Recent errors.
    pub errors: Rect,
    /// Recent runs.
    pub runs: Rect,
    /// The schedule.
    pub job: Rect,
    /// The view's own figures.
    pub columns: Rect,
    /// The keys.
    pub footer: Rect,
    /// What overlays may cover: never the header, the banner or the footer.
    pub overlay: Rect,
}

impl Places {
    /// The panes that show what was read from the database.
    pub fn parts(&self) -> [Rect; 8] {
        let Self { gauges, figures, last_error, durations, errors, runs, job, columns, .. } = *self;
        [gauges, figures, last_error, durations, errors, runs, job, columns]
    }
}

/// Places the panes in `area`.
pub fn places(area: Rect, needs: Needs) -> Places {
    let inner = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    let mut places = match class(area) {
        Class::Sentence => return Places::default(),
        Class::Small => stack(inner, share(inner.height, &wishes(inner.width, needs))),
        class => complete(inner, needs, class),
    };
    // The banner is a bar from edge to edge.
    if places.banner.height > 0 {
        places.banner = Rect { x: area.x, width: area.width, ..places.banner };
    }
    if needs.banner == 0 && class(area) != Class::Small {
        places.tabs = Rect { y: places.header.bottom(), height: 1, ..inner };
    }
    let top = match class(area) {
        // If there is room, the verdict stays in sight too.
        Class::Wall | Class::Large => places.verdict.bottom(),
        _ => places.header.bottom().max(places.banner.bottom()),
    };
    places.overlay = Rect { y: top, height: places.footer.y.saturating_sub(top), ..inner };
    places
}

/// Where the parts of a screen between header and footer go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FramedPlaces {
    /// Which database, how events arrive, how old it is.
    pub header: Rect,
    /// Why the connection is not live.
    pub banner: Rect,
    /// The verdict in a word, and the tabs.
    pub tabs: Rect,
    /// The refresh under way, or its result.
    pub refresh: Rect,
    /// The screen itself.
    pub body: Rect,
    /// The keys.
    pub footer: Rect,
}

/// Places a screen between header and footer: as much room as can be for the screen itself.
pub fn framed(area: Rect, needs: Needs) -> FramedPlaces {
    let inner = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    let roomy = area.height >= 24;
    let [header, banner, tabs, refresh, _, body, footer] = rows(
        inner,
        [
            Length(if area.width >= SIDE_BY_SIDE { 1 } else { 2 }),
            Length(needs.banner.min(if roomy { 3 } else { 2 })),
            Length(1),
            Length(needs.refresh.min(if roomy { 3 } else { 2 })),
            Length(u16::from(roomy)),
            Fill(1),
            Length(1),
        ],
    );
    let banner = if banner.height > 0 { Rect { x: area.x, width: area.width, ..banner } } else { banner };
    FramedPlaces { header, banner, tabs, refresh, body, footer }
}

fn columns<const N: usize>(area: Rect, constraints: [Constraint; N], gap: u16) -> [Rect; N] {
    Layout::horizontal(constraints).spacing(gap).areas(area)
}

fn rows<const N: usize>(area: Rect, constraints: [Constraint; N]) -> [Rect; N] {
    Layout::vertical(constraints).areas(area)
}

use Constraint::{Fill, Length, Max};

/// Rows of the chart on a wall; more would only make its bars longer.
const CHART_MOST: u16 = 16;

/// The compositions with every pane. They differ in the rows of the verdict and between the panes, and in the body.
fn complete(area: Rect, needs: Needs, class: Class) -> Places {
    let mut places = Places::default();
    let (verdict, above_verdict, below_verdict, gap) = match class {
        Class::Wall => (5, 1, 1, 1),
        Class::Large => (3, 1, 0, 1),
        _ => (needs.findings.clamp(1, 3), 0, 0, 0),
    };
    let body;
    [
        places.header,
        places.banner,
        _,
        places.verdict,
        _,
        places.refresh,
        places.gauges,
        _,
        places.figures,
        places.last_error,
        _,
        body,
        _,
        places.footer,
    ] = rows(
        area,
        [
            Length(1),
            Length(needs.banner.max(1)),
            Length(above_verdict),
            Length(verdict),
            Length(below_verdict),
            Length(needs.refresh.max(1)),
            Length(2),
            Length(gap),
            Length(2),
            Length(1),
            Length(gap),
            Fill(1),
            Length(gap),
            Length(1),
        ],
    );
    // The row kept free for the banner stays free without one, so that the panes don't jump when it comes.
    places.banner.height = needs.banner.min(places.banner.height);
    share_body(&mut places, body, needs, class);
    places
}

/// How the charts and lists share what the rows of fixed height leave.
fn share_body(places: &mut Places, body: Rect, needs: Needs, class: Class) {
    let lists;
    match class {
        Class::Wall => {
            let [left, right] = columns(body, [Fill(1), Length(60)], 4);
            [places.durations, _, places.errors] = rows(left, [Max(CHART_MOST), Length(1), Fill(1)]);
            [places.job, _, places.columns, _, places.runs] =
                rows(right, [Length(5), Length(1), Length(6), Length(1), Fill(1)]);
        }
        Class::Large => {
            let bottom;
            [places.durations, _, lists, _, bottom] = rows(body, [Fill(4), Length(1), Fill(5), Length(1), Length(5)]);
            [places.errors, places.runs] = columns(lists, [Fill(1), Length(48)], 3);
            [places.job, places.columns] = columns(bottom, [Fill(1), Length(48)], 3);
        }
        _ => {
            let runs = if body.width < 100 { 33 } else { 42 };
            [places.durations, lists, places.job, places.columns] =
                rows(body, [Fill(1), Fill(1), Length(needs.job), Length(2)]);
            [places.errors, places.runs] = columns(lists, [Fill(1), Length(runs)], 2);
        }
    }
}

/// Panes of the one-column composition, in the order in which they stand.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Slot {
    Header,
    Banner,
    Verdict,
    Refresh,
    Gauges,
    LastError,
    Figures,
    Durations,
    Errors,
    Runs,
    Job,
    Metrics,
    Footer,
}

const SLOTS: usize = Slot::Footer as usize + 1;

/// A pane, the rows that it needs to be of use, and the rows that it would like.
type Wish = (Slot, u16, u16);

/// What each pane asks for, in order of urgency.
fn wishes(width: u16, needs: Needs) -> [Wish; SLOTS] {
    let (wide, header) = (width >= SIDE_BY_SIDE, if width >= SIDE_BY_SIDE { 1 } else { 2 });
    let gauges = match (needs.last_error, wide) {
        (0, _) => 3,
        (_, true) => 2,
        (_, false) => 1,
    };
    // Without statistics the gauges say why, in the room that this leaves.
    let (figures, more_figures) = match (needs.last_error, width) {
        (0, _) => (0, 0),
        (_, ..50) => (3, 5),
        (_, ..SIDE_BY_SIDE) => (3, 3),
        _ => (2, 2),
    };
    [
        (Slot::Header, header, header),
        (Slot::Footer, 1, 1),
        (Slot::Verdict, 1 + needs.findings.min(3), 1 + needs.findings.min(3)),
        (Slot::Banner, needs.banner.min(2), needs.banner.min(3)),
        // Whoever pressed a key must see what came of it.
        (Slot::Refresh, needs.refresh.min(if needs.banner == 0 { 3 } else { 2 }), needs.refresh.min(3)),
        (Slot::Gauges, gauges, if wide { 2.max(gauges) } else { 3 }),
        (Slot::LastError, needs.last_error, needs.last_error),
        (Slot::Figures, figures, more_figures),
        (Slot::Errors, 3, 4),
        (Slot::Durations, 4, 6),
        (Slot::Job, if wide { 1 } else { 2 }, if width < 50 { 3 } else { 2 }),
        (Slot::Runs, 3, 4),
        (Slot::Metrics, 2, 4),
    ]
}

/// Shares `height` rows out: first what is needed, then what is liked, then the rest to the lists.
fn share(height: u16, wishes: &[Wish]) -> [u16; SLOTS] {
    let mut heights = [0_u16; SLOTS];
    let mut left = height;
    for &(slot, least, _) in wishes {
        if least <= left {
            heights[slot as usize] = least;
            left -= least;
        }
    }
    for &(slot, least, wish) in wishes {
        let height = &mut heights[slot as usize];
        if *height > 0 || least == 0 {
            let more = wish.saturating_sub(*height).min(left);
            *height += more;
            left -= more;
        }
    }
    // What is left goes to the lists, if they are shown, and else stays empty above the footer.
    let lists = [Slot::Errors, Slot::Runs].map(|slot| heights[slot as usize] > 0);
    match lists {
        [true, true] => {
            heights[Slot::Errors as usize] += left / 2;
            heights[Slot::Runs as usize] += left - left / 2;
        }
        [true, false] => heights[Slot::Errors as usize] += left,
        _ => {}
    }
    heights
}

/// The panes below each other, in the order of [`Slot`].
fn stack(area: Rect, heights: [u16; SLOTS]) -> Places {
    let mut places = Places::default();
    let mut y = area.y;
    [
        places.header,
        places.banner,
        places.verdict,
        places.refresh,
        places.gauges,
        places.last_error,
        places.figures,
        places.durations,
        places.errors,
        places.runs,
        places.job,
        places.columns,
        places.footer,
    ] = heights.map(|height| {
        let row = Rect { y, height, ..area };
        y += height;
        row
    });
    places.footer.y = area.bottom().saturating_sub(1);
    places
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn classes_begin_where_they_say() {
        let class = |width, height| class(Rect::new(0, 0, width, height));
        assert_eq!(class(200, 60), Class::Wall);
        assert_eq!(class(199, 60), Class::Large);
        assert_eq!(class(120, 40), Class::Large);
        assert_eq!(class(120, 39), Class::Medium);
        assert_eq!(class(80, 24), Class::Medium);
        assert_eq!(class(79, 24), Class::Small);
        assert_eq!(class(40, 12), Class::Small);
        assert_eq!(class(40, 11), Class::Sentence);
        assert_eq!(class(1, 1), Class::Sentence);
    }

    fn all(places: &Places) -> Vec<Rect> {
        let mut all = places.parts().to_vec();
        all.extend([places.header, places.banner, places.verdict, places.refresh, places.footer]);
        all.retain(|place| !place.is_empty());
        all
    }

    proptest! {
        #[test]
        fn panes_stay_inside_and_never_overlap(
            (width, height) in (1_u16..420, 1_u16..130),
            (banner, findings, refresh) in (0_u16..3, 1_u16..5, 0_u16..3),
            (last_error, job) in (0_u16..3, 1_u16..3),
        ) {
            let area = Rect::new(0, 0, width, height);
            let places = places(area, Needs { banner, findings, refresh, last_error, job });
            let all = all(&places);
            for (i, one) in all.iter().enumerate() {
                prop_assert_eq!(area.intersection(*one), *one);
                for other in &all[i + 1..] {
                    prop_assert!(!one.intersects(*other), "{:?} {:?}", one, other);
                }
            }
            prop_assert_eq!(area.intersection(places.overlay), places.overlay);
        }

        #[test]
        fn from_40x12_the_urgent_panes_are_there(
            (width, height) in (40_u16..420, 12_u16..130),
            (banner, findings, refresh) in (0_u16..3, 1_u16..4, 1_u16..4),
        ) {
            let needs = Needs { banner, findings, refresh, last_error: 2, job: 1 };
            let places = places(Rect::new(0, 0, width, height), needs);
            let urgent = [places.header, places.verdict, places.refresh, places.gauges, places.footer];
            prop_assert!(urgent.iter().all(|place| !place.is_empty()), "{:?}", places);
            prop_assert!(places.banner.height >= banner.min(2), "{:?}", places);
        }

        #[test]
        fn from_80x24_every_pane_is_there(
            (width, height) in (80_u16..420, 24_u16..130),
            (banner, refresh) in (0_u16..3, 0_u16..3),
        ) {
            let needs = Needs { banner, findings: 3, refresh, last_error: 2, job: 2 };
            let places = places(Rect::new(0, 0, width, height), needs);
            for part in places.parts() {
                prop_assert!(!part.is_empty(), "{:?}", places);
            }
            prop_assert!(places.durations.height >= 3 && places.errors.height >= 2, "{:?}", places);
        }
    }
}
