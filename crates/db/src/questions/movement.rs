//! The view's figures now, and as refreshes left them before.

use super::{
    history,
    measured::{self, Record, Window},
};
use crate::{
    contract::is_own,
    error::{self, Result},
    parameter::Parameter,
    quote::quoted,
    read_transaction::ReadTransaction,
    row::some_text,
    trust::VIEW,
    unmanaged,
};
use refreshtop_core::{
    address::ViewId,
    movement::{Figures, Measured, Movement, Sample},
    reading::{Reading, Unavailable},
    slices::Slices,
};
use serde_json::Value;
use std::time::Duration;

/// Recent refreshes that are compared one by one.
const RECENT: u16 = 100;

/// Reads how the figures of `view` moved in the last `window`.
pub async fn read(tx: &ReadTransaction<'_>, view: &ViewId, window: Duration) -> Result<Reading<Movement>> {
    let now = if is_own(view) { current(tx).await? } else { Err(not_shown(view)) };
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
    Ok(Ok(Movement { slices, now, measured }))
}

/// Why the columns of `view` are not read: only the installation knows which relation it is.
fn not_shown(view: &ViewId) -> Unavailable {
    Unavailable::new(format!("the present figures of {view} can't be read; those that its refreshes measured can"), "")
}

/// The columns of numbers that the application's view has, with their values. More than the contract's may be there.
async fn current(tx: &ReadTransaction<'_>) -> Result<Reading<Vec<(String, Option<f64>)>>> {
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
    let records = match measured::series(tx, window, "figures").await {
        Ok(Ok(records)) => records,
        Ok(Err(missing)) => return Ok(Err(missing)),
        Err(failure) if error::fails_all(&failure) => return Err(failure),
        Err(failure) => return Ok(Err(error::unavailable("measurements", &failure, "this role"))),
    };
    let recent = measured::newest(tx, window, "figures", RECENT).await?;
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
    Sample { at: record.at, duration_ms: record.duration_ms, figures: figures(&record.part) }
}

fn figures(part: &Value) -> Figures {
    let number = |(name, value): (&String, &Value)| Some((name.clone(), value.as_f64()?));
    part.as_object().into_iter().flatten().take(50).filter_map(number).collect()
}
