//! Which view is asked about.

use crate::quote::literal;
use refreshtop_core::address::ViewId;

/// A view, by what a query finds it.
#[derive(Debug, Clone)]
pub(super) struct Target {
    /// A query that gives its oid, or no row.
    seed: String,
}

impl Target {
    /// By its name: that is how it is registered. So the questions about it need not wait for the registry.
    pub fn named(view: &ViewId) -> Self {
        let seed = format!(
            "SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE c.relkind = 'm'
               AND CASE n.nspname WHEN 'public' THEN format('%I', c.relname)
                                  ELSE format('%I.%I', n.nspname, c.relname) END = {}",
            literal(view.as_str())
        );
        Self { seed }
    }

    /// By its oid.
    pub fn at(oid: Option<i64>) -> Self {
        let oid = oid.map_or_else(|| "NULL::oid WHERE false".to_owned(), |oid| format!("{oid}::oid"));
        Self { seed: format!("SELECT {oid}") }
    }

    /// The view as `target(oid)`, in a `WITH RECURSIVE`.
    pub fn itself(&self) -> String {
        format!("target(oid) AS ({})", self.seed)
    }

    /// The same, and it with every relation that its refresh reads as `reached(relation)`.
    pub fn reached(&self) -> String {
        format!(
            "{},
    reached(relation) AS (
        SELECT oid FROM target
        UNION
        SELECT next.relation
        FROM reached
        CROSS JOIN LATERAL (
            SELECT d.refobjid
            FROM pg_rewrite r
            JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid AND d.refclassid = 'pg_class'::regclass
            JOIN pg_class c ON c.oid = r.ev_class
            WHERE r.ev_class = reached.relation AND (c.relkind = 'v' OR r.ev_class IN (SELECT t.oid FROM target t))
            UNION ALL
            SELECT i.inhrelid FROM pg_inherits i WHERE i.inhparent = reached.relation
        ) next(relation)
    )",
            self.itself()
        )
    }
}
