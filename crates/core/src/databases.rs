//! The databases that a monitor watches, and which one is shown.

use crate::{address::DatabaseId, database::Database};

/// At least one database; one of them is shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Databases {
    list: Vec<Database>,
    shown: usize,
}

impl Databases {
    /// Only this one.
    pub fn one(database: Database) -> Self {
        Self { list: vec![database], shown: 0 }
    }

    /// The one that is shown.
    pub fn shown(&self) -> &Database {
        &self.list[self.shown]
    }

    /// The same, to be changed.
    pub fn shown_mut(&mut self) -> &mut Database {
        &mut self.list[self.shown]
    }

    /// The one of that name; `None` if it is not watched.
    pub fn get_mut(&mut self, id: &DatabaseId) -> Option<&mut Database> {
        self.list.iter_mut().find(|database| database.id == *id)
    }

    /// All of them, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Database> {
        self.list.iter_mut()
    }
}
