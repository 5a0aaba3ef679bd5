//! A screen as an SVG picture that looks alike in every viewer.
//!
//! Words keep their columns whatever font the viewer has: each says where it begins and how long it is. Blocks, lines
//! and borders are shapes and no letters, as in most terminals, so that they meet without gaps.

use ratatui::{
    buffer::{Buffer, Cell},
    style::{Color, Modifier},
};
use std::fmt::{self, Write as _};

const CELL: (u16, u16) = (9, 18);
/// A size at which most monospaced fonts are one cell wide.
const FONT_SIZE: u16 = 15;
/// The base line of letters, below the top of their cell.
const BASELINE: u16 = 14;
/// Room around the screen.
const MARGIN: u16 = 12;
const FONTS: &str = "ui-monospace, 'DejaVu Sans Mono', Menlo, 'Cascadia Mono', Consolas, 'Liberation Mono', monospace";

const INK: &str = "#d7dae0";
const PAPER: &str = "#1b1e24";
const FRAME: &str = "#3e4451";
/// The sixteen colours of a terminal, bright ones last.
const SIXTEEN: [&str; 16] = [
    "#3b4048", "#e06c75", "#98c379", "#e5c07b", "#4f8fd0", "#c678dd", "#56b6c2", "#d7dae0", "#5c6370", "#ff7b86",
    "#b1e18b", "#ffd68a", "#74b9f5", "#e09bf0", "#6ad4e0", "#ffffff",
];

/// How a cell is painted.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Paint {
    ink: String,
    paper: String,
    bold: bool,
    dim: bool,
    underlined: bool,
}

impl Paint {
    fn of(cell: &Cell) -> Self {
        let (mut ink, mut paper) = (colour(cell.fg, INK), colour(cell.bg, PAPER));
        if cell.modifier.contains(Modifier::REVERSED) {
            std::mem::swap(&mut ink, &mut paper);
        }
        let has = |modifier| cell.modifier.contains(modifier);
        Self { ink, paper, bold: has(Modifier::BOLD), dim: has(Modifier::DIM), underlined: has(Modifier::UNDERLINED) }
    }

    fn attributes(&self) -> String {
        let mut text = String::new();
        if self.ink != INK {
            let _ = write!(text, " fill='{}'", self.ink);
        }
        if self.dim {
            text.push_str(" fill-opacity='.6'");
        }
        text
    }
}

/// Draws a whole buffer.
pub fn svg(buf: &Buffer) -> String {
    let (columns, rows) = (buf.area.width * CELL.0, buf.area.height * CELL.1);
    let (width, height) = (columns + 2 * MARGIN, rows + 2 * MARGIN);
    let mut svg = format!(
        "<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{height}' viewBox='0 0 {width} {height}'>\n\
         <rect x='.5' y='.5' width='{}' height='{}' rx='8' fill='{PAPER}' stroke='{FRAME}'/>\n\
         <g transform='translate({MARGIN} {MARGIN})' fill='{INK}' font-family=\"{FONTS}\" font-size='{FONT_SIZE}'>\n",
        width - 1,
        height - 1,
    );
    for y in 0..buf.area.height {
        let cells: Vec<&Cell> = (0..buf.area.width).map(|x| &buf[(x, y)]).collect();
        // Writing to a string does not fail.
        let _ = row(&mut svg, &cells, y * CELL.1);
    }
    svg + "</g>\n</svg>\n"
}

fn row(svg: &mut String, cells: &[&Cell], y: u16) -> fmt::Result {
    let paints: Vec<Paint> = cells.iter().map(|cell| Paint::of(cell)).collect();
    for (start, end) in runs(cells.len(), |a, b| paints[a].paper == paints[b].paper) {
        if paints[start].paper != PAPER {
            let (x, width, paper) = (at(start), at(end - start), &paints[start].paper);
            writeln!(svg, "<rect x='{x}' y='{y}' width='{width}' height='{}' fill='{paper}'/>", CELL.1)?;
        }
    }
    let kind = |i: usize| Kind::of(cells[i].symbol());
    for (start, end) in runs(cells.len(), |a, b| paints[a] == paints[b] && kind(a) == kind(b)) {
        match kind(start) {
            Kind::Space => {}
            Kind::Shape(shape) => draw(svg, shape, &paints[start], (at(start), y), end - start)?,
            Kind::Text => text(svg, &cells[start..end], &paints[start], (at(start), y))?,
        }
    }
    Ok(())
}

/// Longest stretches whose members belong together with their first.
fn runs(len: usize, alike: impl Fn(usize, usize) -> bool) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for i in 0..len {
        match runs.last_mut() {
            Some((start, end)) if alike(*start, i) => *end = i + 1,
            _ => runs.push((i, i + 1)),
        }
    }
    runs
}

/// The left edge of a column.
fn at(column: usize) -> u16 {
    u16::try_from(column).unwrap_or(u16::MAX).saturating_mul(CELL.0)
}

fn text(svg: &mut String, cells: &[&Cell], paint: &Paint, (x, y): (u16, u16)) -> fmt::Result {
    let word: String = cells.iter().map(|cell| cell.symbol()).collect();
    let word = word.replace('&', "&amp;").replace('<', "&lt;");
    let weight = if paint.bold { " font-weight='bold'" } else { "" };
    let line = if paint.underlined { " text-decoration='underline'" } else { "" };
    let (y, width, attributes) = (y + BASELINE, at(cells.len()), paint.attributes());
    writeln!(
        svg,
        "<text x='{x}' y='{y}' textLength='{width}' lengthAdjust='spacingAndGlyphs'{attributes}{weight}{line}>{word}</text>"
    )
}

/// The contents of a cell.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Space,
    Shape(Shape),
    Text,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// From eighth to eighth of the height, across the whole width.
    Block(u16, u16),
    /// Across, in the middle, so thick.
    Across(u16),
    /// Across, dashed.
    Dashes,
    /// Down the middle, so thick, from eighth to eighth of the height.
    Down(u16, u16, u16),
    /// A round corner: whether it opens to the right, and downwards.
    Corner(bool, bool),
}

impl Kind {
    fn of(symbol: &str) -> Self {
        let shape = match symbol {
            "" | " " => return Self::Space,
            "▀" => Shape::Block(0, 4),
            "▁" => Shape::Block(7, 8),
            "▂" => Shape::Block(6, 8),
            "▃" => Shape::Block(5, 8),
            "▄" => Shape::Block(4, 8),
            "▅" => Shape::Block(3, 8),
            "▆" => Shape::Block(2, 8),
            "▇" => Shape::Block(1, 8),
            "█" => Shape::Block(0, 8),
            "─" => Shape::Across(1),
            "━" => Shape::Across(3),
            "╌" => Shape::Dashes,
            "│" => Shape::Down(1, 0, 8),
            "┃" => Shape::Down(3, 0, 8),
            "┊" => Shape::Down(1, 1, 7),
            "╵" => Shape::Down(1, 0, 4),
            "╭" => Shape::Corner(true, true),
            "╮" => Shape::Corner(false, true),
            "╰" => Shape::Corner(true, false),
            "╯" => Shape::Corner(false, false),
            _ => return Self::Text,
        };
        Self::Shape(shape)
    }
}

/// Draws the same shape `count` times, side by side.
fn draw(svg: &mut String, shape: Shape, paint: &Paint, (x, y): (u16, u16), count: usize) -> fmt::Result {
    let (width, height) = CELL;
    let (middle_x, middle_y) = (width / 2, y + height / 2);
    let fill = paint.attributes();
    let rect = |svg: &mut String, x: u16, y: u16, width: u16, height: u16| {
        writeln!(svg, "<rect x='{x}' y='{y}' width='{width}' height='{height}'{fill}/>")
    };
    let eighth = |eighths: u16| eighths * height / 8;
    match shape {
        Shape::Block(from, to) => rect(svg, x, y + eighth(from), at(count), eighth(to) - eighth(from)),
        Shape::Across(thick) => rect(svg, x, middle_y - thick / 2, at(count), thick),
        Shape::Dashes => (0..count).try_for_each(|i| rect(svg, x + at(i) + 1, middle_y, width / 2, 1)),
        Shape::Down(thick, from, to) => (0..count).try_for_each(|i| {
            rect(svg, x + at(i) + middle_x - thick / 2, y + eighth(from), thick, eighth(to) - eighth(from))
        }),
        Shape::Corner(right, down) => {
            let (across, along) = (if right { x + width } else { x }, if down { y + height } else { y });
            let stroke = if paint.dim { " stroke-opacity='.6'" } else { "" };
            // Through the middle of the pixel that the straight parts fill.
            writeln!(
                svg,
                "<path d='M{}.5 {along}V{}.5Q{0}.5 {middle_y}.5 {across} {middle_y}.5' fill='none' stroke='{}'{stroke}/>",
                x + middle_x,
                if down { middle_y + 5 } else { middle_y - 5 },
                paint.ink,
            )
        }
    }
}

fn colour(colour: Color, default: &str) -> String {
    let index = match colour {
        Color::Black => 0,
        Color::Red => 1,
        Color::Green => 2,
        Color::Yellow => 3,
        Color::Blue => 4,
        Color::Magenta => 5,
        Color::Cyan => 6,
        Color::Gray => 7,
        Color::DarkGray => 8,
        Color::LightRed => 9,
        Color::LightGreen => 10,
        Color::LightYellow => 11,
        Color::LightBlue => 12,
        Color::LightMagenta => 13,
        Color::LightCyan => 14,
        Color::White => 15,
        Color::Indexed(index) => index,
        Color::Rgb(red, green, blue) => return format!("#{red:02x}{green:02x}{blue:02x}"),
        Color::Reset => return default.into(),
    };
    indexed(index)
}

/// The sixteen, the colour cube and the greys of 256-colour terminals.
fn indexed(index: u8) -> String {
    if let Some(known) = SIXTEEN.get(usize::from(index)) {
        return (*known).into();
    }
    if index >= 232 {
        let grey = 8 + 10 * (u16::from(index) - 232);
        return format!("#{grey:02x}{grey:02x}{grey:02x}");
    }
    let cube = u16::from(index - 16);
    let level = |step: u16| if step == 0 { 0 } else { 55 + 40 * step };
    format!("#{:02x}{:02x}{:02x}", level(cube / 36), level(cube / 6 % 6), level(cube % 6))
}
