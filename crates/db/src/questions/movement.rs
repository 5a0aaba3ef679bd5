//! The view's figures now, and as refreshes left them before.

use super::{
    history,
    measured::{self, Record, VIEW_ITSELF, Window},
};
use crate::{
    contract::is_own,
    error::{self, Result},
    last_measured::{self, last_measured},
    parameter::Parameter,
    quote::quoted,
    read_transaction::ReadTransaction,
    row::some_text,
    trust::VIEW,
    unmanaged,
};
use refreshtop_core::{
    address::ViewId,
    figures::LastMeasured,
    movement::{Figures, Measured, Movement, ROWS, SIZE, Sample},
    reading::{Reading, Unavailable},
    slices::Slices,
};
use serde_json::Value;
use std::time::Duration;

/// The name of a column, and its value.
type Column = (String, Option<f64>);

/// Recent refreshes that are compared one by one.
const RECENT: u16 = 100;

/// Reads how the figures of `view` moved in the last `window`.
pub async fn read(tx: &ReadTransaction<'_>, view: &ViewId, window: Duration) -> Result<Reading<Movement>> {
    let last = last_measured(tx, view).await;
    let of_rows = last.as_ref().is_ok_and(|last| last.as_ref().is_some_and(|last| last.columns.is_empty()));
    let now = if is_own(view) { current(tx).await? } else { as_of_last_refresh(view, last)? };
    let catalog = unmanaged::catalog(tx).await?;
    let step = Slices::step(window);
    let edges = format!("SELECT {} AS since, {} AS until", measured::SINCE, measured::UNTIL);
    let parameters = [Parameter::Text(view.as_str()), Parameter::Interval(window)];
    let slices = history::slices(&tx.one(&[], &edges, &parameters).await?, step)?;
    let measured = match catalog.log() {
        Ok(log) => match measured(tx, &Window { log: &log, view, length: window, step }, &slices).await? {
            Err(missing) => Err(measured::hidden(tx, &catalog).await.unwrap_or_default().unwrap_or(missing)),
            read => read,
        },
        Err(missing) => Err(missing),
    };
    Ok(Ok(Movement { slices, now, of_rows, measured }))
}

/// The figures of a view, or its rows and its size, as its last refresh left them. The view itself is not read: to plan
/// that can run code of its owner.
fn as_of_last_refresh(view: &ViewId, last: Result<Option<LastMeasured>>) -> Result<Reading<Vec<Column>>> {
    Ok(match last {
        Ok(Some(last)) if last.columns.is_empty() => Ok(of_rows(last.rows, last.bytes)),
        Ok(Some(last)) => Ok(last.columns.into_iter().map(|(name, value)| (name, Some(value))).collect()),
        Ok(None) => Err(Unavailable::new(
            format!("no refresh of {view} was measured yet"),
            "measurements come with the next refresh; press r for one now",
        )),
        Err(failure) if error::fails_all(&failure) => return Err(failure),
        Err(failure) => Err(error::unavailable("measurements", &failure, "this role")),
    })
}

#[expect(clippy::cast_precision_loss, reason = "rows and bytes, shown rounded")]
fn of_rows(rows: Option<u64>, bytes: Option<u64>) -> Vec<Column> {
    let number = |value: Option<u64>| value.map(|value| value as f64);
    vec![(ROWS.to_owned(), number(rows)), (SIZE.to_owned(), number(bytes))]
}

/// The columns of numbers that the application's view has, with their values. More than the contract's may be there.
async fn current(tx: &ReadTransaction<'_>) -> Result<Reading<Vec<Column>>> {
    let rows = tx
        .ask(
            &[],
            "SELECT a.attname::text AS name FROM pg_attribute a
         WHERE a.attrelid = to_regclass('public.platform_metrics') AND a.attnum > 0 AND NOT a.attisdropped
           AND a.atttypid IN ('smallint'::regtype, 'integer'::regtype, 'bigint'::regtype, 'real'::regtype,
                              'double precision'::regtype, 'numeric'::regtype)
         ORDER BY a.attnum LIMIT 50",
            &[],
        )
        .await?;
    let names = rows.iter().map(|row| some_text(row, "name")).collect::<Result<Vec<String>>>()?;
    if names.is_empty() {
        return Ok(Err(Unavailable::new(
            "there is no public.platform_metrics with figures",
            "run: refreshtop migrate",
        )));
    }
    let column = |(index, name): (usize, &String)| {
        let name = quoted(name);
        format!("CASE WHEN {name} BETWEEN -1e30 AND 1e30 THEN {name} END::float8 AS c{index}")
    };
    let columns: Vec<String> = names.iter().enumerate().map(column).collect();
    let sql = format!("SELECT {} FROM public.platform_metrics LIMIT 1", columns.join(", "));
    let row = match tx.optional(&[VIEW], &sql, &[]).await {
        Ok(Some(row)) => row,
        Ok(None) => return Ok(Err(Unavailable::new("platform_metrics is empty", "press r to refresh it"))),
        Err(failure) if error::fails_all(&failure) => return Err(failure),
        Err(failure) => {
            return Ok(Err(error::unavailable_but_for(
                "platform_metrics",
                &failure,
                "grant SELECT on public.platform_metrics to this role",
            )));
        }
    };
    let value = |(index, name): (usize, String)| Ok((name, row.try_get(format!("c{index}").as_str())?));
    names.into_iter().enumerate().map(value).collect::<Result<_>>().map(Ok)
}

async fn measured(tx: &ReadTransaction<'_>, window: &Window<'_>, slices: &Slices) -> Result<Reading<Measured>> {
    let records = match measured::series(tx, window, VIEW_ITSELF).await {
        Ok(Ok(records)) => records,
        Ok(Err(missing)) => return Ok(Err(missing)),
        Err(failure) if error::fails_all(&failure) => return Err(failure),
        Err(failure) => return Ok(Err(error::unavailable("measurements", &failure, "this role"))),
    };
    let recent = measured::newest(tx, window, VIEW_ITSELF, RECENT).await?;
    let mut at_ends = vec![None; slices.len()];
    let mut first = None;
    for record in records {
        match record.slice {
            None => first = Some(sample(&record)),
            Some(number) => {
                if let Some(index) = slices.index(number) {
                    at_ends[index] = Some(figures(&record.part));
                }
            }
        }
    }
    let Some(first) = first else {
        return Ok(Err(Unavailable::new("the view has no figures that could be measured", "")));
    };
    Ok(Ok(Measured { first, at_ends, recent: recent.iter().map(sample).collect() }))
}

fn sample(record: &Record) -> Sample {
    let last = last_measured::measured(record.at, &record.part, &[]);
    Sample { at: record.at, duration_ms: record.duration_ms, figures: figures(&record.part), changed: last.changed }
}

/// The columns of a view of one row; else its rows and its size.
fn figures(part: &Value) -> Figures {
    let number = |(name, value): (&String, &Value)| Some((name.clone(), value.as_f64()?));
    if let Some(columns) = part.get("figures").and_then(Value::as_object) {
        return columns.iter().take(50).filter_map(number).collect();
    }
    let of_view = |name: &str| part.get("view")?.get(name)?.as_u64();
    let known = of_rows(of_view("rows"), of_view("bytes"));
    known.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}
