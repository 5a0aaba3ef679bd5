//! Which materialized views read which.

use super::{View, Views};
use std::collections::{BTreeMap, BTreeSet};

/// A line of the tree.
#[derive(Debug, Clone, PartialEq)]
pub struct Line<'a> {
    /// The view.
    pub view: &'a View,
    /// Whether it is the last of its siblings, for each level down to it; empty for a root.
    pub last: Vec<bool>,
    /// The plain view through which the line above reads it.
    pub through: Option<&'a str>,
    /// Whether what it reads was shown further up.
    pub repeated: bool,
}

/// The views that read others, and what they read.
#[derive(Debug, Clone, PartialEq)]
pub struct Tree<'a> {
    /// The tree, from the views that no other one reads down to their sources.
    pub lines: Vec<Line<'a>>,
    /// The views of the tree in the order in which they must be refreshed: sources first.
    pub order: Vec<&'a View>,
    /// How many views read no other one and are read by none.
    pub alone: usize,
}

impl Views {
    /// The whole tree, or that below `root`.
    pub fn tree<'a>(&'a self, root: Option<&'a View>) -> Tree<'a> {
        let by_oid: BTreeMap<i64, &View> =
            self.views.iter().filter_map(|view| Some((view.relation.as_ref()?.oid, view))).collect();
        let readers = self.readers();
        let oid = |view: &View| view.relation.as_ref().map(|relation| relation.oid);
        let is_read = |view: &View| oid(view).is_some_and(|oid| readers.contains_key(&oid));
        let reads = |view: &View| view.relation.as_ref().is_some_and(|relation| !relation.reads_views.is_empty());
        let mut roots: Vec<&View> = match root {
            Some(root) => vec![root],
            None => self.views.iter().filter(|view| reads(view) && !is_read(view)).collect(),
        };
        roots.sort_by_key(|view| &view.name);
        let mut builder = Builder { by_oid, shown: BTreeSet::new(), lines: Vec::new(), order: Vec::new() };
        for root in roots {
            builder.add(root, None, &[]);
        }
        let alone = self.views.iter().filter(|view| !reads(view) && !is_read(view)).count();
        Tree { lines: builder.lines, order: builder.order, alone }
    }
}

struct Builder<'a> {
    by_oid: BTreeMap<i64, &'a View>,
    shown: BTreeSet<i64>,
    lines: Vec<Line<'a>>,
    order: Vec<&'a View>,
}

impl<'a> Builder<'a> {
    /// Adds a view and what it reads. The catalogs can hold no cycle, and a view that was shown is not followed again.
    fn add(&mut self, view: &'a View, through: Option<&'a str>, last: &[bool]) {
        let Some(relation) = &view.relation else {
            self.lines.push(Line { view, last: last.to_vec(), through, repeated: false });
            return;
        };
        let repeated = !self.shown.insert(relation.oid);
        let mut sources: BTreeMap<i64, Option<&str>> = BTreeMap::new();
        for edge in &relation.reads_views {
            let way = sources.entry(edge.oid).or_insert(edge.through.as_deref());
            // If it is also read directly, no plain view is named.
            *way = way.and(edge.through.as_deref());
        }
        self.lines.push(Line { view, last: last.to_vec(), through, repeated: repeated && !sources.is_empty() });
        if repeated {
            return;
        }
        let mut sources: Vec<(&View, Option<&str>)> =
            sources.into_iter().filter_map(|(oid, through)| Some((*self.by_oid.get(&oid)?, through))).collect();
        sources.sort_by_key(|(source, _)| &source.name);
        let count = sources.len();
        for (number, (source, through)) in sources.into_iter().enumerate() {
            let last: Vec<bool> = last.iter().copied().chain([number + 1 == count]).collect();
            self.add(source, through, &last);
        }
        self.order.push(view);
    }
}
