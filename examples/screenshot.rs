//! Draws the states of the fixtures as SVG, to look at: `cargo run --example screenshot -- FOLDER [THEME] [ascii]`.

use ratatui::{
    buffer::{Buffer, Cell},
    layout::Rect,
    style::{Color, Modifier},
};
use refreshtop::{
    model::fixtures,
    screen::{self, glyphs::Glyphs, theme::Theme},
};
use std::{fmt::Write as _, fs, path::Path};

const SIZES: [(u16, u16); 4] = [(40, 12), (80, 24), (120, 40), (200, 60)];
const CELL: (u16, u16) = (8, 16);
const INK: &str = "#d0d0d0";
const PAPER: &str = "#161616";

fn main() -> anyhow::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let folder = Path::new(args.first().map_or("screenshots", String::as_str));
    let name = args.get(1).map_or("terminal", String::as_str);
    let theme = Theme::from_name(name).ok_or_else(|| anyhow::anyhow!("no palette {name}"))?;
    let ascii = args.get(2).is_some_and(|arg| arg == "ascii");
    fs::create_dir_all(folder)?;
    for (name, state) in fixtures::ZOO {
        let state = state();
        for (width, height) in SIZES {
            let area = Rect::new(0, 0, width, height);
            let mut buf = Buffer::empty(area);
            screen::render(&state, &theme, Glyphs::new(!ascii), area, &mut buf);
            fs::write(folder.join(format!("{name}_{width}x{height}.svg")), svg(&buf))?;
        }
    }
    Ok(())
}

fn svg(buf: &Buffer) -> String {
    let (width, height) = (buf.area.width * CELL.0, buf.area.height * CELL.1);
    let mut svg = format!(
        "<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{height}' \
         font-family='DejaVu Sans Mono' font-size='13' xml:space='preserve'>\
         <rect width='100%' height='100%' fill='{PAPER}'/>"
    );
    for y in 0..buf.area.height {
        for x in 0..buf.area.width {
            // Writing to a string does not fail.
            let _ = cell(&mut svg, &buf[(x, y)], x * CELL.0, y * CELL.1);
        }
    }
    svg + "</svg>"
}

fn cell(svg: &mut String, cell: &Cell, x: u16, y: u16) -> std::fmt::Result {
    let (mut ink, mut paper) = (colour(cell.fg, INK), colour(cell.bg, PAPER));
    if cell.modifier.contains(Modifier::REVERSED) {
        std::mem::swap(&mut ink, &mut paper);
    }
    let (width, height) = CELL;
    if paper != PAPER {
        write!(svg, "<rect x='{x}' y='{y}' width='{width}' height='{height}' fill='{paper}'/>")?;
    }
    if cell.symbol() == " " {
        return Ok(());
    }
    let weight = if cell.modifier.contains(Modifier::BOLD) { " font-weight='bold'" } else { "" };
    let dim = if cell.modifier.contains(Modifier::DIM) { " opacity='0.55'" } else { "" };
    let text = cell.symbol().replace('&', "&amp;").replace('<', "&lt;");
    write!(svg, "<text x='{x}' y='{}' fill='{ink}'{weight}{dim}>{text}</text>", y + 12)
}

fn colour(colour: Color, default: &str) -> String {
    let known = match colour {
        Color::Red => "#e05561",
        Color::Green => "#8cc265",
        Color::Yellow => "#d9b44a",
        Color::Blue => "#3b78c4",
        Color::Magenta => "#c162de",
        Color::Cyan => "#42b3c2",
        Color::Indexed(index) => return indexed(index),
        _ => default,
    };
    known.into()
}

/// The colour cube and the greys of 256-colour terminals.
fn indexed(index: u8) -> String {
    if index >= 232 {
        let grey = 8 + 10 * (u16::from(index) - 232);
        return format!("#{grey:02x}{grey:02x}{grey:02x}");
    }
    let cube = u16::from(index.saturating_sub(16));
    let level = |step: u16| if step == 0 { 0 } else { 55 + 40 * step };
    format!("#{:02x}{:02x}{:02x}", level(cube / 36), level(cube / 6 % 6), level(cube % 6))
}
