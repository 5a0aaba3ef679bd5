//! What the last successful refresh of a view measured.

use crate::{
    contract::is_own,
    error::Result,
    parameter::Parameter,
    read_transaction::ReadTransaction,
    row::{moment, text},
    trust::{LOG, Thing},
};
use refreshtop_core::{
    address::ViewId,
    figures::{Changed, LastMeasured},
};
use serde_json::Value;

/// Longest record that is read, bytes; those of refreshes stay far below.
const LONGEST: u32 = 20_000;

/// Names of the columns of a registered view `v`, in their order.
const COLUMNS: &str = "
    (SELECT pg_catalog.to_json(pg_catalog.array_agg(a.attname ORDER BY a.attnum))::pg_catalog.text
     FROM pg_catalog.pg_attribute a WHERE a.attrelid = v.view_oid AND a.attnum > 0 AND NOT a.attisdropped)";

/// What the last successful refresh of `view` measured; `None` of `platform_metrics`, whose row is read itself.
pub async fn last_measured(tx: &ReadTransaction<'_>, view: &ViewId) -> Result<Option<LastMeasured>> {
    if is_own(view) {
        return Ok(None);
    }
    let sql = format!(
        "SELECT l.at, CASE WHEN octet_length(l.part::text) <= {LONGEST} THEN l.part::text END AS part, {COLUMNS} AS columns
         FROM refreshtop.views v
         CROSS JOIN LATERAL (
             SELECT created_at AS at,
                    CASE WHEN jsonb_typeof(measured) = 'object' THEN measured - 'sources' END AS part
             FROM public.metrics_refresh_log
             WHERE refresh_type::text = v.refresh_type::text AND status = 'success'
               AND created_at <= statement_timestamp()
             ORDER BY created_at DESC LIMIT 1) l
         WHERE v.refresh_type::text = $1"
    );
    let things = [LOG, Thing::Relation("refreshtop.views")];
    let Some(row) = tx.optional(&things, &sql, &[Parameter::Text(view.as_str())]).await? else { return Ok(None) };
    let part = text(&row, "part")?.and_then(|part| serde_json::from_str::<Value>(&part).ok());
    let order = text(&row, "columns")?.and_then(|names| serde_json::from_str::<Vec<String>>(&names).ok());
    let at = moment(&row, "at")?;
    Ok(at.zip(part).map(|(at, part)| measured(at, &part, &order.unwrap_or_default())))
}

/// Columns that are gone, or came since, are not in `order`, or have no figure.
pub(super) fn measured(at: chrono::DateTime<chrono::Utc>, part: &Value, order: &[String]) -> LastMeasured {
    let number = |value: &Value| value.as_u64();
    let figures = part.get("figures");
    let column = |name: &String| Some((name.clone(), figures?.get(name)?.as_f64()?));
    let of_view = |name: &str| part.get("view")?.get(name).and_then(number);
    let changed = |name: &str| part.get(name).and_then(number);
    LastMeasured {
        at,
        columns: order.iter().filter_map(column).collect(),
        rows: of_view("rows"),
        bytes: of_view("bytes"),
        changed: changed("rows_inserted")
            .zip(changed("rows_deleted"))
            .map(|(inserted, deleted)| Changed { inserted, deleted }),
    }
}
