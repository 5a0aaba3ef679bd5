//! Values for a statement's `$1`, `$2`, …. They are sent apart from its text, so nothing needs quotes.

use bytes::{BufMut as _, BytesMut};
use chrono::{DateTime, Utc};
use std::{error::Error, time::Duration};
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use uuid::Uuid;

/// A value. Its type is sent along; otherwise the server would have to be asked for it first.
#[derive(Debug, Clone, Copy)]
pub enum Parameter<'a> {
    /// A text.
    Text(&'a str),
    /// A text, or NULL.
    OptionalText(Option<&'a str>),
    /// An array of texts.
    Texts(&'a [&'a str]),
    /// A boolean, or NULL.
    OptionalFlag(Option<bool>),
    /// An `integer`.
    Integer(i32),
    /// A `bigint`.
    Number(i64),
    /// An array of `bigint`.
    Numbers(&'a [i64]),
    /// An array of `integer`.
    Integers(&'a [i32]),
    /// A `timestamptz`.
    Moment(DateTime<Utc>),
    /// An array of `timestamptz`.
    Moments(&'a [DateTime<Utc>]),
    /// A `uuid`.
    Key(Uuid),
    /// An `interval`.
    Interval(Duration),
    /// An `interval`, or NULL.
    OptionalInterval(Option<Duration>),
}

impl Parameter<'_> {
    /// Its type.
    pub(super) fn kind(&self) -> Type {
        match self {
            Self::Text(_) | Self::OptionalText(_) => Type::TEXT,
            Self::Texts(_) => Type::TEXT_ARRAY,
            Self::OptionalFlag(_) => Type::BOOL,
            Self::Integer(_) => Type::INT4,
            Self::Number(_) => Type::INT8,
            Self::Numbers(_) => Type::INT8_ARRAY,
            Self::Integers(_) => Type::INT4_ARRAY,
            Self::Moment(_) => Type::TIMESTAMPTZ,
            Self::Moments(_) => Type::TIMESTAMPTZ_ARRAY,
            Self::Key(_) => Type::UUID,
            Self::Interval(_) | Self::OptionalInterval(_) => Type::INTERVAL,
        }
    }
}

impl ToSql for Parameter<'_> {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Self::Text(text) => text.to_sql(kind, out),
            Self::OptionalText(text) => text.to_sql(kind, out),
            Self::Texts(texts) => texts.to_sql(kind, out),
            Self::OptionalFlag(flag) => flag.to_sql(kind, out),
            Self::Integer(number) => number.to_sql(kind, out),
            Self::Number(number) => number.to_sql(kind, out),
            Self::Numbers(numbers) => numbers.to_sql(kind, out),
            Self::Integers(numbers) => numbers.to_sql(kind, out),
            Self::Moment(at) => at.to_sql(kind, out),
            Self::Moments(moments) => moments.to_sql(kind, out),
            Self::Key(id) => id.to_sql(kind, out),
            Self::OptionalInterval(None) => Ok(IsNull::Yes),
            Self::Interval(length) | Self::OptionalInterval(Some(length)) => {
                // The protocol has microseconds, days and months. 68 years are enough for every window.
                let seconds = i32::try_from(length.as_secs()).unwrap_or(i32::MAX);
                out.put_i64(i64::from(seconds) * 1_000_000 + i64::from(length.subsec_micros()));
                out.put_i32(0);
                out.put_i32(0);
                Ok(IsNull::No)
            }
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(length: Duration) -> Vec<u8> {
        let mut out = BytesMut::new();
        assert!(matches!(Parameter::Interval(length).to_sql(&Type::INTERVAL, &mut out), Ok(IsNull::No)));
        out.to_vec()
    }

    #[test]
    fn an_interval_has_no_days_and_no_months() {
        let expected = |micros: i64| [micros.to_be_bytes().as_slice(), &[0; 8]].concat();
        assert_eq!(sent(Duration::new(1, 500_000_000)), expected(1_500_000));
        assert_eq!(sent(Duration::MAX), expected(i64::from(i32::MAX) * 1_000_000 + 999_999));
    }
}
