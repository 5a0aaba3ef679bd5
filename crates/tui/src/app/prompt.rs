//! A line that is being typed.

use tui_input::{Input, InputRequest};

/// What a key does to the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edit {
    /// Put in a character.
    Insert(char),
    /// Take away the character before the cursor.
    Backspace,
    /// Take away the character at the cursor.
    Delete,
    /// Take away the word before the cursor.
    DeleteWord,
    /// Take away everything before the cursor.
    DeleteToStart,
    /// Go a character to the left.
    Left,
    /// Go a character to the right.
    Right,
    /// Go to the beginning.
    Start,
    /// Go to the end.
    End,
    /// Take the text as it is.
    Accept,
    /// Leave everything as it was.
    Leave,
}

/// What the text is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Text that the listed runs must contain.
    Search,
    /// Another interval of the job.
    Interval,
    /// Text that the listed views must contain.
    Filter,
}

/// A line that is being typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    /// What it is for.
    pub purpose: Purpose,
    /// The text so far.
    pub text: String,
    /// Where the next character goes, counted in characters.
    pub cursor: usize,
    /// Why the text was not taken, until it is changed.
    pub wrong: Option<String>,
}

/// Characters that a text may have.
const MOST: usize = 200;

impl Prompt {
    /// A prompt with `text` in it, the cursor at its end.
    pub fn new(purpose: Purpose, text: &str) -> Self {
        Self { purpose, text: text.to_owned(), cursor: text.chars().count(), wrong: None }
    }

    /// Changes the text; [`Edit::Accept`] and [`Edit::Leave`] change nothing.
    pub fn edit(&mut self, edit: Edit) {
        let request = match edit {
            Edit::Insert(c) if c.is_control() || self.text.chars().count() >= MOST => return,
            Edit::Insert(c) => InputRequest::InsertChar(c),
            Edit::Backspace => InputRequest::DeletePrevChar,
            Edit::Delete => InputRequest::DeleteNextChar,
            Edit::DeleteWord => InputRequest::DeletePrevWord,
            Edit::DeleteToStart => InputRequest::DeleteFromStart,
            Edit::Left => InputRequest::GoToPrevChar,
            Edit::Right => InputRequest::GoToNextChar,
            Edit::Start => InputRequest::GoToStart,
            Edit::End => InputRequest::GoToEnd,
            Edit::Accept | Edit::Leave => return,
        };
        self.wrong = None;
        let mut input = Input::new(std::mem::take(&mut self.text)).with_cursor(self.cursor);
        input.handle(request);
        self.cursor = input.cursor();
        self.text = input.into();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_go_in_where_the_cursor_is() {
        let mut prompt = Prompt::new(Purpose::Search, "loc");
        for edit in [Edit::Insert('k'), Edit::Start, Edit::Insert('b'), Edit::End, Edit::Insert('s')] {
            prompt.edit(edit);
        }
        assert_eq!(prompt.text, "blocks");
        for edit in [Edit::Backspace, Edit::Left, Edit::Delete, Edit::Insert('é')] {
            prompt.edit(edit);
        }
        assert_eq!((prompt.text.as_str(), prompt.cursor), ("blocé", 5));
        prompt.edit(Edit::DeleteWord);
        assert_eq!(prompt.text, "");
    }

    #[test]
    fn no_control_character_gets_in_and_no_end_of_letters() {
        let mut prompt = Prompt::new(Purpose::Search, "");
        prompt.edit(Edit::Insert('\u{1b}'));
        assert_eq!(prompt.text, "");
        for _ in 0..1_000 {
            prompt.edit(Edit::Insert('x'));
        }
        assert_eq!(prompt.text.len(), MOST);
    }
}
