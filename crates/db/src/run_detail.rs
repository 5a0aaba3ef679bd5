//! One run in full.

use crate::{
    error::Result,
    parameter::Parameter,
    read_transaction::ReadTransaction,
    recent_runs::{LISTED_ERROR, select_runs, select_work},
    row::{FromRow as _, Row, text},
    trust::LOG,
};
use refreshtop_core::{
    address::ViewId,
    run::{BlackBox, Run, RunDetail},
};
use serde::Deserialize as _;
use uuid::Uuid;

/// One run in full; `None` if the log has no such row (any more).
pub async fn run_detail(tx: &ReadTransaction<'_>, id: Uuid) -> Result<Option<RunDetail>> {
    // The log may keep a message of a megabyte, but the screen does not need it.
    let sql = format!(
        "{}, {}, left(refresh_type::text, 200) AS of_view, left(error_message, 20000) AS message, left(error_detail, 20000) AS detail, left(error_hint, 20000) AS hint,
                left(error_context, 20000) AS context, left(triggered_by::text, 200) AS triggered_by,
                left(application_name, 200) AS application_name, backend_pid,
                CASE WHEN octet_length(black_box::text) <= 4000000 THEN black_box END AS black_box
         FROM public.metrics_refresh_log WHERE id = $1",
        select_runs(LISTED_ERROR),
        select_work()
    );
    let row = tx.optional(&[LOG], &sql, &[Parameter::Key(id)]).await?;
    row.as_ref().map(detail_from_row).transpose()
}

pub(super) fn detail_from_row(row: &Row) -> Result<RunDetail> {
    // A record that is nested too deeply is no reason to hide the rest of the run either.
    let black_box: Option<serde_json::Value> =
        text(row, "black_box").unwrap_or_default().and_then(|text| serde_json::from_str(&text).ok());
    Ok(RunDetail {
        view: text(row, "of_view")?.map(|view| ViewId::new(&view)),
        run: Run::from_row(row)?,
        message: text(row, "message")?,
        detail: text(row, "detail")?,
        hint: text(row, "hint")?,
        context: text(row, "context")?,
        triggered_by: text(row, "triggered_by")?,
        application: text(row, "application_name")?,
        pid: row.try_get("backend_pid")?,
        // A record of a shape that this version does not know is no reason to hide the rest of the run.
        black_box: black_box.and_then(|value| BlackBox::deserialize(value).ok()),
    })
}
