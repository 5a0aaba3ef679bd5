//! The row of the application's view.

use crate::{
    error::Result,
    read_transaction::ReadTransaction,
    row::{FromRow, Row, moment},
    trust::VIEW,
};
use refreshtop_core::figures::PlatformMetrics;

/// The row of `platform_metrics`; `None` if the view is empty.
pub async fn figures(tx: &ReadTransaction<'_>) -> Result<Option<PlatformMetrics>> {
    let sql = "SELECT total_accounts::bigint, total_users::bigint, total_assets::bigint, total_licenses::bigint,
                new_accounts_30d::bigint, new_users_30d::bigint, new_assets_30d::bigint, last_updated::timestamptz
         FROM public.platform_metrics LIMIT 1";
    let row = tx.optional(&[VIEW], sql, &[]).await?;
    row.as_ref().map(PlatformMetrics::from_row).transpose()
}

impl FromRow for PlatformMetrics {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            total_accounts: row.try_get("total_accounts")?,
            total_users: row.try_get("total_users")?,
            total_assets: row.try_get("total_assets")?,
            total_licenses: row.try_get("total_licenses")?,
            new_accounts_30d: row.try_get("new_accounts_30d")?,
            new_users_30d: row.try_get("new_users_30d")?,
            new_assets_30d: row.try_get("new_assets_30d")?,
            last_updated: moment(row, "last_updated")?,
        })
    }
}
