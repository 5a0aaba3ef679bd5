//! The view that is meant if none is named: `platform_metrics`, or the only one that is managed.
//!
//! It is asked for only once a question about `platform_metrics` has shown that no such view is registered.

use crate::{
    contract::{PLATFORM_METRICS, is_own},
    error::{self, Error, Result, sqlstate},
    read_transaction::ReadTransaction,
    row::text,
    session::Session,
    trust::Thing,
};
use refreshtop_core::address::ViewId;
use tokio::sync::watch;

/// Names that a sentence lists.
const LISTED: usize = 20;

/// What the registry says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// This view is meant.
    View(ViewId),
    /// No view is managed.
    Nothing,
    /// Several are, and one must be named.
    Several(Vec<String>),
}

/// The statement that lists the managed views, as JSON. It is sent by either protocol.
pub const STATEMENT: &str = "
    SELECT pg_catalog.to_json(ARRAY(SELECT v.refresh_type::pg_catalog.text FROM refreshtop.views v ORDER BY 1 LIMIT 200))
               ::pg_catalog.text";

/// What [`STATEMENT`] reads.
pub const READS: Thing = Thing::Relation("refreshtop.views");

/// The view that is meant, by what [`STATEMENT`] has listed.
pub fn choice(listed: &serde_json::Value) -> Choice {
    let names = listed.as_array().into_iter().flatten().filter_map(serde_json::Value::as_str);
    choice_among(&names.map(str::to_owned).collect::<Vec<_>>())
}

/// The view that is meant if these are managed.
pub fn choice_among(names: &[String]) -> Choice {
    match names {
        [] => Choice::Nothing,
        [only] => Choice::View(ViewId::new(only)),
        several if several.iter().any(|name| name == PLATFORM_METRICS) => Choice::View(ViewId::new(PLATFORM_METRICS)),
        several => Choice::Several(several.to_vec()),
    }
}

/// The same, asked on a session.
pub async fn choose(app: &mut Session) -> Result<Choice> {
    managed(app).await.map(|names| choice_among(&names))
}

/// The managed views, at most 200; none for a role that may not see them.
pub async fn managed(app: &mut Session) -> Result<Vec<String>> {
    let tx = ReadTransaction::begin(app).await?;
    let managed = managed_in(&tx).await;
    tx.end();
    managed
}

/// The same in a transaction.
pub(super) async fn managed_in(tx: &ReadTransaction<'_>) -> Result<Vec<String>> {
    let listed = text(&tx.one(&[READS], STATEMENT, &[]).await?, 0)?.unwrap_or_default();
    serde_json::from_str(&listed).map_err(|failure| Error::Decode(failure.to_string()))
}

/// Whether `failure` of a question about `view` says that it is not registered, and another one may be meant.
pub fn is_unregistered(view: &ViewId, failure: &Error) -> bool {
    is_own(view) && error::code(failure) == Some(sqlstate::INVALID_PARAMETER)
}

impl Choice {
    /// Why no view can be chosen, in a sentence; `None` if one can.
    pub fn why_none(&self) -> Option<String> {
        match self {
            Self::View(_) => None,
            Self::Nothing => Some("no view is managed in this database yet: refreshtop views add NAME".to_owned()),
            Self::Several(names) => {
                let more = if names.len() > LISTED { ", …" } else { "" };
                let names = names.iter().take(LISTED).map(String::as_str).collect::<Vec<_>>().join(", ");
                Some(format!("several views are managed: choose one with --view: {names}{more}"))
            }
        }
    }
}

/// The view that the tasks of one database are about. If none was named, the first poll may find out that another one is
/// meant.
#[derive(Debug, Clone)]
pub struct ShownView {
    named: bool,
    view: watch::Sender<ViewId>,
}

impl ShownView {
    /// This view.
    pub fn named(view: ViewId) -> Self {
        Self { named: true, view: watch::Sender::new(view) }
    }

    /// This view, or the only one if it is not registered.
    pub fn or_the_only_one(view: ViewId) -> Self {
        Self { named: false, ..Self::named(view) }
    }

    /// The view, as far as it is known.
    pub fn get(&self) -> ViewId {
        self.view.borrow().clone()
    }

    /// Whether another view may be meant, since `failure` says that this one is not registered.
    pub(super) fn is_open(&self, failure: &Error) -> bool {
        !self.named && is_unregistered(&self.view.borrow(), failure)
    }

    pub(super) fn set(&self, view: ViewId) {
        self.view.send_replace(view);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_only_view_is_meant_and_platform_metrics_before_others() {
        assert_eq!(choice(&json!([])), Choice::Nothing);
        assert_eq!(choice(&json!(["sales"])), Choice::View(ViewId::new("sales")));
        assert_eq!(choice(&json!(["a", "platform_metrics"])), Choice::View(ViewId::new("platform_metrics")));
        let several = choice(&json!(["a", "b"]));
        assert_eq!(several.why_none().unwrap(), "several views are managed: choose one with --view: a, b");
    }
}
