//! Rows, and the values in them.

use crate::error::{Error, Result};
use chrono::{DateTime, Datelike as _, Utc};
use std::{error::Error as _, fmt};
use tokio_postgres::{
    row::RowIndex,
    types::{FromSql, Type},
};

/// A row.
#[derive(Debug)]
pub struct Row(pub(super) tokio_postgres::Row);

impl Row {
    /// The value in `column`, by name or number.
    pub fn try_get<'a, T: FromSql<'a>, I: RowIndex + fmt::Display>(&'a self, column: I) -> Result<T> {
        self.0.try_get(column).map_err(|failure| {
            let cause = failure.source().map(|cause| format!(": {cause}")).unwrap_or_default();
            Error::Decode(format!("{failure}{cause}"))
        })
    }
}

/// What can be read from a row.
pub trait FromRow: Sized {
    /// Reads it.
    fn from_row(row: &Row) -> Result<Self>;
}

/// A text with any bytes: a database in `SQL_ASCII` may store invalid ones.
#[derive(Debug)]
pub struct Lossy(pub String);

impl<'a> FromSql<'a> for Lossy {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        // The binary form of jsonb is its text after the number of its version.
        let raw = if *ty == Type::JSONB { raw.get(1..).unwrap_or_default() } else { raw };
        Ok(Self(String::from_utf8_lossy(raw).into_owned()))
    }

    fn accepts(ty: &Type) -> bool {
        <&str as FromSql>::accepts(ty) || matches!(*ty, Type::JSON | Type::JSONB)
    }
}

/// The text in `column` with any bytes: a database in `SQL_ASCII` may store invalid ones.
pub(super) fn text(row: &Row, column: impl RowIndex + fmt::Display) -> Result<Option<String>> {
    Ok(row.try_get::<Option<Lossy>, _>(column)?.map(|Lossy(text)| text))
}

/// The same of a column that always has one.
pub(super) fn some_text(row: &Row, column: &str) -> Result<String> {
    text(row, column).map(Option::unwrap_or_default)
}

/// A moment. `None` for NULL, and for what no calendar here has: `infinity`, years before Christ or beyond 9999.
pub(super) fn moment(row: &Row, column: &str) -> Result<Option<DateTime<Utc>>> {
    match row.try_get::<Option<DateTime<Utc>>, _>(column) {
        Ok(at) => Ok(at.filter(|at| (0..=9999).contains(&at.year()))),
        Err(Error::Decode(_)) => Ok(None),
        Err(failure) => Err(failure),
    }
}
