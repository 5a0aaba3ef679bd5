//! Deleting old rows of the refresh log.

use crate::{
    error::Result,
    session::Session,
    trust::{Thing, Trust},
};

/// Deletes rows that are older than they are kept, in batches; returns how many went.
pub async fn clean_up(connection: &mut Session) -> Result<u64> {
    Trust::of(connection).await?.allow(Thing::Function("cleanup_logs"))?;
    // Not the function in public: the owner of that schema can replace it.
    let deleted: i64 = connection.one("SELECT refreshtop.cleanup_logs()", &[]).await?.try_get(0)?;
    Ok(deleted.unsigned_abs())
}
