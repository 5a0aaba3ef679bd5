//! Columns for people.

use super::{Output, cut};
use unicode_width::UnicodeWidthStr as _;

/// A table: a heading, and rows of as many cells. The caller cleans and colours the cells; only those
/// of the last column may be cut, so it must be plain.
#[derive(Debug, Clone)]
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// Starts one.
    pub fn new(heading: &[&str]) -> Self {
        Self { rows: vec![heading.iter().map(|cell| (*cell).to_owned()).collect()] }
    }

    /// Starts one of names and values, without a heading.
    pub fn bare() -> Self {
        Self { rows: Vec::new() }
    }

    /// Adds a row.
    pub fn row<T: Into<String>>(&mut self, cells: impl IntoIterator<Item = T>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }

    /// The table as lines.
    pub fn render(&self, output: Output) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns)
            .map(|column| self.rows.iter().filter_map(|row| row.get(column)).map(|cell| shown(cell)).max().unwrap_or(0))
            .collect();
        self.rows.iter().map(|row| line(row, &widths, output) + "\n").collect()
    }
}

fn line(row: &[String], widths: &[usize], output: Output) -> String {
    let mut line = String::new();
    let mut used = 0;
    for (column, cell) in row.iter().enumerate() {
        if column + 1 == widths.len() {
            let room = output.width().map(|width| width.saturating_sub(used));
            line.push_str(
                &room.filter(|room| shown(cell) > *room).map_or_else(|| cell.clone(), |room| cut(cell, room)),
            );
        } else {
            let pad = widths[column].saturating_sub(shown(cell)) + 2;
            line.push_str(cell);
            line.push_str(&" ".repeat(pad));
            used += shown(cell) + pad;
        }
    }
    line.truncate(line.trim_end().len());
    line
}

/// Columns that a cell takes: a colour takes none.
pub fn shown(cell: &str) -> usize {
    match cell.strip_prefix("\x1b[").and_then(|rest| rest.split_once('m')) {
        Some((_, rest)) => rest.trim_end_matches("\x1b[0m").width(),
        None => cell.width(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_whatever_their_colour_or_script() {
        let mut table = Table::new(&["status", "message"]);
        table.row(["\x1b[31merror\x1b[0m", "漢字"]);
        table.row(["ok", ""]);
        let text = table.render(Output::plain(false));
        assert_eq!(text, "status  message\n\x1b[31merror\x1b[0m   漢字\nok\n");
    }

    #[test]
    fn only_a_terminal_cuts_and_only_the_last_column() {
        let mut table = Table::bare();
        table.row(["name", &"x".repeat(100)]);
        assert_eq!(table.render(Output::plain(false)).trim_end().len(), 106);
        let narrow = Output { width: Some(20), ..Output::plain(false) };
        assert_eq!(table.render(narrow), format!("name  {}…\n", "x".repeat(13)));
    }
}
