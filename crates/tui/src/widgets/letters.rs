//! Large letters for the verdict, five pixels high.

use crate::glyphs::Glyphs;

/// Pixel rows of one letter; `#` is set.
type Letter = [&'static str; 5];

fn letter(c: char) -> Letter {
    known(c).unwrap_or(["  "; 5])
}

/// The pixels of `c`, if there are any.
#[rustfmt::skip]
fn known(c: char) -> Option<Letter> {
    Some(match c {
        ' ' => ["  ", "  ", "  ", "  ", "  "],
        'A' => [" ## ", "#  #", "####", "#  #", "#  #"],
        'B' => ["### ", "#  #", "### ", "#  #", "### "],
        'C' => [" ###", "#   ", "#   ", "#   ", " ###"],
        'D' => ["### ", "#  #", "#  #", "#  #", "### "],
        'E' => ["####", "#   ", "### ", "#   ", "####"],
        'F' => ["####", "#   ", "### ", "#   ", "#   "],
        'G' => [" ###", "#   ", "# ##", "#  #", " ###"],
        'H' => ["#  #", "#  #", "####", "#  #", "#  #"],
        'I' => ["###", " # ", " # ", " # ", "###"],
        'J' => ["  ##", "   #", "   #", "#  #", " ## "],
        'K' => ["#  #", "# # ", "##  ", "# # ", "#  #"],
        'L' => ["#  ", "#  ", "#  ", "#  ", "###"],
        'M' => ["#   #", "## ##", "# # #", "#   #", "#   #"],
        'N' => ["#   #", "##  #", "# # #", "#  ##", "#   #"],
        'O' => [" ## ", "#  #", "#  #", "#  #", " ## "],
        'P' => ["### ", "#  #", "### ", "#   ", "#   "],
        'Q' => [" ## ", "#  #", "#  #", "# ##", " ###"],
        'R' => ["### ", "#  #", "### ", "# # ", "#  #"],
        'S' => [" ###", "#   ", " ## ", "   #", "### "],
        'T' => ["#####", "  #  ", "  #  ", "  #  ", "  #  "],
        'U' => ["#  #", "#  #", "#  #", "#  #", " ## "],
        'V' => ["#   #", "#   #", "#   #", " # # ", "  #  "],
        'W' => ["#   #", "#   #", "# # #", "## ##", "#   #"],
        'X' => ["#   #", " # # ", "  #  ", " # # ", "#   #"],
        'Y' => ["#   #", " # # ", "  #  ", "  #  ", "  #  "],
        'Z' => ["####", "  # ", " #  ", "#   ", "####"],
        '0' => ["###", "# #", "# #", "# #", "###"],
        '1' => [" # ", "## ", " # ", " # ", "###"],
        '2' => ["### ", "   #", " ## ", "#   ", "####"],
        '3' => ["### ", "   #", " ## ", "   #", "### "],
        '4' => ["#  #", "#  #", "####", "   #", "   #"],
        '5' => ["####", "#   ", "### ", "   #", "### "],
        '6' => [" ## ", "#   ", "### ", "#  #", " ## "],
        '7' => ["####", "   #", "  # ", " #  ", " #  "],
        '8' => [" ## ", "#  #", " ## ", "#  #", " ## "],
        '9' => [" ## ", "#  #", " ###", "   #", " ## "],
        '%' => ["#   #", "   # ", "  #  ", " #   ", "#   #"],
        '.' => [" ", " ", " ", " ", "#"],
        ':' => [" ", "#", " ", "#", " "],
        '-' => ["   ", "   ", "###", "   ", "   "],
        '_' => ["   ", "   ", "   ", "   ", "###"],
        '/' => ["    #", "   # ", "  #  ", " #   ", "#    "],
        '<' => ["  #", " # ", "#  ", " # ", "  #"],
        ',' => ["  ", "  ", "  ", " #", "# "],
        '(' => [" #", "# ", "# ", "# ", " #"],
        ')' => ["# ", " #", " #", " #", "# "],
        '?' => ["### ", "   #", " ## ", "    ", " #  "],
        // The marks beside a verdict.
        '✓' => ["     #", "    ##", "#  ## ", "####  ", " ##   "],
        '▲' => ["   #   ", "  ###  ", " ## ## ", "## # ##", "#######"],
        '✗' => ["##  ##", " #### ", "  ##  ", " #### ", "##  ##"],
        _ => return None,
    })
}

/// Whether `word` can be spelt in large letters.
pub fn spells(word: &str) -> bool {
    word.chars().all(|c| known(c).is_some())
}

/// Columns of `word` if a pixel is `scale` columns wide.
pub fn width(word: &str, scale: u16) -> u16 {
    u16::try_from(pixels(word)[0].len()).unwrap_or(u16::MAX).saturating_mul(scale)
}

/// Rows of a word if a pixel is `scale` columns wide.
pub fn height(scale: u16, glyphs: &Glyphs) -> u16 {
    if glyphs.charset.ascii_only { scale.div_ceil(2) * 5 } else { (scale * 5).div_ceil(2) }
}

/// `word` in square pixels, each `scale` columns wide and half as many rows high; without half blocks the rows are
/// rounded up.
pub fn scaled(word: &str, scale: u16, glyphs: &Glyphs) -> Vec<String> {
    let [upper, lower, both] = glyphs.pixels;
    let ascii = glyphs.charset.ascii_only;
    let (across, down) = (usize::from(scale), usize::from(if ascii { scale.div_ceil(2) * 2 } else { scale }));
    let rows = pixels(word);
    let stretched: Vec<Vec<bool>> = rows
        .iter()
        .flat_map(|row| {
            let row: Vec<bool> = row.bytes().flat_map(|p| std::iter::repeat_n(p == b'#', across)).collect();
            std::iter::repeat_n(row, down)
        })
        .collect();
    let pair = |pair: &[Vec<bool>]| {
        let bottom = pair.get(1);
        let cell = |(at, top): (usize, &bool)| match (*top, bottom.is_some_and(|row| row[at])) {
            (true, true) => both,
            (true, false) => upper,
            (false, true) => lower,
            (false, false) => " ",
        };
        pair[0].iter().enumerate().map(cell).collect()
    };
    stretched.chunks(2).map(pair).collect()
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
pub fn tall(word: &str, glyphs: &Glyphs) -> Vec<String> {
    let [_, _, full] = glyphs.pixels;
    pixels(word)
        .iter()
        .map(|row| row.chars().map(|p| if p == '#' { full.repeat(2) } else { "  ".into() }).collect())
        .collect()
}

/// `word` in three rows, two pixels in each column. Needs half blocks.
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
    use crate::glyphs::{ASCII, UTF8};
    use unicode_width::UnicodeWidthStr;

    #[test]
    fn every_verdict_can_be_spelt_and_its_rows_are_even() {
        for word in ["HEALTHY", "WARNING", "CRITICAL", "UNKNOWN", "FAILING", "STALE", "PAUSED", "STOPPED", "RECOVERED"]
        {
            assert!(word.chars().all(|c| letter(c) != ["  "; 5]));
            for rows in [tall(word, &UTF8), flat(word, &UTF8)] {
                assert!(rows.iter().all(|row| row.width() == rows[0].width()));
            }
        }
    }

    #[test]
    fn every_letter_is_even() {
        for c in ('A'..='Z').chain('0'..='9').chain(" %.:-_/<,()?✓▲✗".chars()) {
            assert!(spells(&c.to_string()));
            assert!(letter(c).iter().all(|row| row.len() == letter(c)[0].len()), "{c}");
        }
        assert!(!spells("é") && spells(""));
    }

    #[test]
    fn words_are_as_large_as_they_say() {
        for glyphs in [&UTF8, &ASCII] {
            for scale in 1..9 {
                let rows = scaled("FRESH 2M AGO", scale, glyphs);
                assert_eq!(rows.len(), usize::from(height(scale, glyphs)));
                assert!(rows.iter().all(|row| row.width() == usize::from(width("FRESH 2M AGO", scale))));
            }
        }
        assert_eq!(scaled("HEALTHY", 1, &UTF8), flat("HEALTHY", &UTF8));
    }
}
