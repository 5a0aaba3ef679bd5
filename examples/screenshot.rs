//! Draws the states of the fixtures as SVG, to look at: `cargo run --example screenshot -- FOLDER [THEME] [ascii]`.

#[path = "support/svg.rs"]
mod svg;

use ratatui::{buffer::Buffer, layout::Rect};
use refreshtop_tui::{app::fixtures, frame as screen, glyphs::Glyphs, scene::Appearance, theme::Theme};
use std::{fs, path::Path};

const SIZES: [(u16, u16); 6] = [(40, 12), (80, 24), (120, 40), (160, 48), (200, 60), (300, 100)];

fn main() -> anyhow::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let folder = Path::new(args.first().map_or("screenshots", String::as_str));
    let name = args.get(1).map_or("terminal", String::as_str);
    let theme = Theme::from_name(name).ok_or_else(|| anyhow::anyhow!("no palette {name}"))?;
    let ascii = args.get(2).is_some_and(|arg| arg == "ascii");
    let look = Appearance::new(theme, Glyphs::new(!ascii));
    fs::create_dir_all(folder)?;
    for (name, state) in fixtures::ZOO {
        let state = state();
        for (width, height) in SIZES {
            let area = Rect::new(0, 0, width, height);
            let mut buf = Buffer::empty(area);
            screen::render(&state, &look, area, &mut buf);
            fs::write(folder.join(format!("{name}_{width}x{height}.svg")), svg::svg(&buf))?;
        }
    }
    Ok(())
}
