//! Large letters for the verdict, five pixels high.

use crate::screen::glyphs::Glyphs;

/// Pixel rows of one letter; `#` is set.
type Letter = [&'static str; 5];

fn letter(c: char) -> Letter {
    match c {
        'A' => [" ## ", "#  #", "####", "#  #", "#  #"],
        'C' => [" ###", "#   ", "#   ", "#   ", " ###"],
        'E' => ["####", "#   ", "### ", "#   ", "####"],
        'G' => [" ###", "#   ", "# ##", "#  #", " ###"],
        'H' => ["#  #", "#  #", "####", "#  #", "#  #"],
        'I' => ["###", " # ", " # ", " # ", "###"],
        'K' => ["#  #", "# # ", "##  ", "# # ", "#  #"],
        'L' => ["#  ", "#  ", "#  ", "#  ", "###"],
        'N' => ["#   #", "##  #", "# # #", "#  ##", "#   #"],
        'O' => [" ## ", "#  #", "#  #", "#  #", " ## "],
        'R' => ["### ", "#  #", "### ", "# # ", "#  #"],
        'T' => ["#####", "  #  ", "  #  ", "  #  ", "  #  "],
        'U' => ["#  #", "#  #", "#  #", "#  #", " ## "],
        'W' => ["#   #", "#   #", "# # #", "## ##", "#   #"],
        'Y' => ["#   #", " # # ", "  #  ", "  #  ", "  #  "],
        _ => ["  "; 5],
    }
}

fn pixels(word: &str) -> [String; 5] {
    let mut rows: [String; 5] = Default::default();
    for (i, c) in word.chars().enumerate() {
        for (row, part) in rows.iter_mut().zip(letter(c)) {
            if i > 0 {
                row.push(' ');
            }
            row.push_str(part);
        }
    }
    rows
}

/// `word` in five rows, each pixel two columns wide: to be read across a room.
#[must_use]
pub fn tall(word: &str, glyphs: &Glyphs) -> Vec<String> {
    let [_, _, full] = glyphs.pixels;
    pixels(word)
        .iter()
        .map(|row| row.chars().map(|p| if p == '#' { full.repeat(2) } else { "  ".into() }).collect())
        .collect()
}

/// `word` in three rows, two pixels in each column. Needs half blocks.
#[must_use]
pub fn flat(word: &str, glyphs: &Glyphs) -> Vec<String> {
    let [upper, lower, both] = glyphs.pixels;
    let rows = pixels(word);
    let blank = " ".repeat(rows[0].len());
    let pair = |top: &str, bottom: &str| {
        top.chars()
            .zip(bottom.chars())
            .map(|pair| match pair {
                ('#', '#') => both,
                ('#', _) => upper,
                (_, '#') => lower,
                _ => " ",
            })
            .collect()
    };
    vec![pair(&rows[0], &rows[1]), pair(&rows[2], &rows[3]), pair(&rows[4], &blank)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::health::Verdict;
    use crate::screen::{glyphs::UTF8, panes::verdict::word};
    use unicode_width::UnicodeWidthStr;

    #[test]
    fn every_verdict_can_be_spelt_and_its_rows_are_even() {
        for verdict in [Verdict::Healthy, Verdict::Warning, Verdict::Critical, Verdict::Unknown] {
            assert!(word(verdict).chars().all(|c| letter(c) != ["  "; 5]));
            for rows in [tall(word(verdict), &UTF8), flat(word(verdict), &UTF8)] {
                assert!(rows.iter().all(|row| row.width() == rows[0].width()));
            }
        }
    }
}
