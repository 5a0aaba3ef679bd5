//! Sizes, dead rows, statistics, the view's index, and the log's growth.

use super::{Check, Detail, Fix, FixAction, Limits, Table, Verdict, bytes, span};
use serde::Deserialize;

/// A table, or the view itself.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Relation {
    /// Its name with the schema, quoted if necessary.
    pub name: String,
    /// Bytes with indexes and TOAST.
    pub bytes: i64,
    /// A session has locked it, so the size is an estimate.
    pub estimated: bool,
    pub live: i64,
    pub dead: i64,
    /// Rows as the planner knows them; -1 or, before 14, 0 where it does not.
    pub planned_rows: f64,
    pub planned_pages: i64,
    pub changed: i64,
    /// Seconds since the last vacuum, by hand or not.
    pub vacuum_age_s: Option<f64>,
    /// Seconds since the last analyze, by hand or not.
    pub analyze_age_s: Option<f64>,
    /// Whether this role may vacuum and analyse it: PostgreSQL skips it otherwise, with no more than a warning.
    pub may_maintain: bool,
    /// Whether there are statistics of its columns; `None` if that can't be seen.
    pub has_statistics: Option<bool>,
    /// Transactions since its oldest row that is not frozen.
    #[serde(default)]
    pub xid_age: i64,
}

/// An index of the view.
#[derive(Debug, Clone, Default, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "the catalog's own flags")]
pub struct Index {
    pub name: String,
    pub unique: bool,
    pub valid: bool,
    pub immediate: bool,
    pub partial: bool,
    pub expression: bool,
    pub btree: bool,
    /// Its columns in which there are NULLs.
    #[serde(default)]
    pub nulls: Vec<String>,
}

/// The view.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct View {
    #[serde(default)]
    pub schema: String,
    #[serde(default)]
    pub name: String,
    pub populated: bool,
    /// Rows as the planner knows them; -1 or, before 14, 0 where it does not.
    #[serde(default)]
    pub rows: f64,
    pub columns: Vec<String>,
    pub indexes: Vec<Index>,
    /// Names of relations in its schema that an index of ours could collide with.
    pub taken: Vec<String>,
}

/// All of it; `view` is `None` if the view is missing.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Facts {
    pub database: String,
    pub standby: bool,
    pub view: Option<View>,
    pub relations: Vec<Relation>,
    /// Age in transactions from which on autovacuum freezes a table.
    #[serde(default)]
    pub freeze_max_age: i64,
}

/// The log's rows.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Log {
    pub database: String,
    /// Whether this role sees all rows.
    pub sees_rows: bool,
    /// Rows that clean-up should have deleted, counted up to [`OLD_ROWS`].
    pub old: i64,
    /// Its size with indexes and TOAST.
    #[serde(default)]
    pub bytes: i64,
    /// Age of the oldest row, days.
    pub oldest_days: Option<f64>,
    /// Rows that are dated in the future, counted likewise.
    #[serde(default)]
    pub future: i64,
    /// How far ahead the last of them is.
    pub ahead_s: Option<f64>,
}

/// Old rows are counted up to this number.
pub const OLD_ROWS: i64 = 10_000;
/// How the name of the index ends that a view needs.
const INDEX: &str = "_refresh_key";
/// Bytes of a view's name that begin the name of its index: a name has 63, and a number may follow.
const LONGEST_NAME: usize = 45;

/// How large everything is.
pub fn sizes(facts: &Facts) -> Check {
    let new = |verdict, finding: String| Check::new("sizes", "Sizes", verdict, finding);
    if facts.relations.is_empty() {
        return new(Verdict::Unknown, "Neither the view nor its tables are there.".into())
            .advise("See under the view itself.");
    }
    let total = facts.relations.iter().map(|relation| relation.bytes).sum();
    let age = |age: Option<f64>| age.map_or_else(|| "never seen".into(), |age| format!("{} ago", span(age)));
    let row = |relation: &Relation| {
        let size = format!("{}{}", if relation.estimated { "about " } else { "" }, bytes(relation.bytes));
        let rows = [relation.live.to_string(), relation.dead.to_string()];
        let [live, dead] = rows;
        vec![relation.name.clone(), size, live, dead, age(relation.vacuum_age_s), age(relation.analyze_age_s)]
    };
    let mut rows: Vec<&Relation> = facts.relations.iter().collect();
    rows.sort_by_key(|relation| std::cmp::Reverse(relation.bytes));
    let finding = format!("The view and what it reads take {}.", bytes(total));
    new(Verdict::Good, finding).detail(Detail::Table(Table {
        columns: vec!["relation", "size", "rows", "dead", "vacuumed", "analysed"],
        rows: rows.into_iter().map(row).collect(),
    }))
}

/// Dead rows that nobody removed.
pub fn dead_rows(facts: &Facts, limits: &Limits) -> Check {
    let new = |verdict, finding: String| Check::new("dead-rows", "Dead rows", verdict, finding);
    if facts.standby {
        return new(Verdict::Unknown, "A standby does not count dead rows.".into()).advise("Ask the primary.");
    }
    let mut bloated: Vec<&Relation> = facts.relations.iter().filter(|relation| is_bloated(relation, limits)).collect();
    bloated.sort_by_key(|relation| std::cmp::Reverse(relation.dead));
    let Some(worst) = bloated.first() else {
        let finding = format!(
            "Neither the view nor a table that it reads has more than {} dead rows that are more than {:.0} % of its rows.",
            limits.dead_rows,
            limits.dead_share * 100.0
        );
        return new(Verdict::Good, finding);
    };
    let finding = format!(
        "{} has {} dead rows and {} live ones; every refresh reads past the dead ones.",
        worst.name, worst.dead, worst.live
    );
    let mut check = new(Verdict::Warning, finding).advise(
        "Vacuum it as its owner; if that removes nothing, an old transaction, a replication slot or a prepared transaction keeps the rows.",
    );
    for relation in bloated.iter().filter(|relation| relation.may_maintain).take(5) {
        let vacuum = FixAction::Vacuum { relation: relation.name.clone() };
        check = check.fix(Fix::new(vacuum, &facts.database));
    }
    check
}

#[expect(clippy::cast_precision_loss, reason = "a share is no count")]
fn is_bloated(relation: &Relation, limits: &Limits) -> bool {
    let all = (relation.live + relation.dead).max(1) as f64;
    relation.dead > limits.dead_rows && relation.dead as f64 / all > limits.dead_share
}

/// Transactions after which the server refuses to write.
const LAST_XID: i64 = 2_000_000_000;

/// Whether autovacuum keeps transaction numbers from running out.
pub fn wraparound(facts: &Facts) -> Check {
    let new = |verdict, finding: String| Check::new("wraparound", "Age in transactions", verdict, finding);
    let Some(oldest) = facts.relations.iter().max_by_key(|relation| relation.xid_age) else {
        return new(Verdict::Good, "There is no table whose transactions could be counted.".into());
    };
    let (age, limit) = (oldest.xid_age, facts.freeze_max_age);
    if age <= limit + limit / 2 {
        let finding = format!(
            "The oldest table, {}, has rows of {age} transactions ago; autovacuum freezes them from {limit} on.",
            oldest.name
        );
        return new(Verdict::Good, finding);
    }
    let verdict = if age > LAST_XID / 4 * 3 { Verdict::Bad } else { Verdict::Warning };
    let finding = format!(
        "{} has rows of {age} transactions ago, though autovacuum should freeze them from {limit} on; at about {LAST_XID} \
         the server refuses every write.",
        oldest.name
    );
    let mut check = new(verdict, finding).advise(
        "Find what keeps it from being vacuumed: an old transaction, a replication slot, a prepared transaction, or refreshes \
         that cancel autovacuum each time; then vacuum it.",
    );
    if oldest.may_maintain {
        check = check.fix(Fix::new(FixAction::Vacuum { relation: oldest.name.clone() }, &facts.database));
    }
    check
}

/// Why the planner knows little of a table; `None` if it knows enough.
#[expect(clippy::cast_precision_loss, reason = "a share is no count")]
fn uninformed(relation: &Relation) -> Option<&'static str> {
    if relation.bytes == 0 || relation.live + relation.dead == 0 && relation.planned_rows == 0.0 {
        return None;
    }
    let unknown = relation.planned_rows < 0.0 || relation.planned_rows == 0.0 && relation.planned_pages == 0;
    if relation.analyze_age_s.is_none() && (unknown || relation.has_statistics == Some(false)) {
        return Some("was never analysed");
    }
    (relation.changed as f64 > 1000.0 + relation.planned_rows.max(0.0) / 2.0)
        .then_some("has changed much since it was analysed")
}

/// Whether the planner knows the tables.
pub fn statistics(facts: &Facts) -> Check {
    let new = |verdict, finding: String| Check::new("statistics", "Planner's statistics", verdict, finding);
    if facts.standby {
        return new(Verdict::Unknown, "A standby does not show when tables were analysed.".into())
            .advise("Ask the primary.");
    }
    let poor: Vec<(&Relation, &str)> =
        facts.relations.iter().filter_map(|relation| Some((relation, uninformed(relation)?))).collect();
    let Some((first, why)) = poor.first() else {
        return new(Verdict::Good, "The planner has statistics of every table that a refresh reads.".into());
    };
    let more = if poor.len() > 1 { format!(", and {} more need it", poor.len() - 1) } else { String::new() };
    let mut check = new(Verdict::Warning, format!("{} {why}{more}: the planner has no good estimates.", first.name))
        .advise("Analyse it as its owner; if it happens again, find out why autovacuum does not analyse it.");
    for (relation, _) in poor.iter().filter(|(relation, _)| relation.may_maintain).take(8) {
        let analyze = FixAction::Analyze { relation: relation.name.clone() };
        check = check.fix(Fix::new(analyze, &facts.database));
    }
    check
}

fn unusable(index: &Index) -> Option<&'static str> {
    if !index.unique {
        Some("is not unique")
    } else if !index.valid {
        Some("is not valid, since building it failed or goes on")
    } else if index.partial {
        Some("has a WHERE")
    } else if index.expression {
        Some("is on an expression")
    } else if !index.immediate {
        Some("is deferrable")
    } else if !index.btree {
        Some("is no B-tree")
    } else {
        None
    }
}

/// Whether view `id` can be refreshed without blocking its readers; `blocking` if they may wait. `None` without a view.
pub fn unique_index(facts: &Facts, id: &str, blocking: bool) -> Option<Check> {
    let view = facts.view.as_ref()?;
    Some(match view.indexes.iter().find(|index| unusable(index).is_none()) {
        Some(_) if !view.populated => {
            let refresh = FixAction::Refresh { view: id.to_owned() };
            index_check(Verdict::Bad, "The view was never filled, so nobody can read it.")
                .advise("Refresh it once.")
                .fix(Fix::new(refresh, &facts.database))
        }
        Some(index) => usable_index(view, index),
        None if blocking => {
            index_check(Verdict::Good, "No index allows concurrent refreshes, and readers may wait: blocking is on.")
        }
        None => no_usable_index(view, &facts.database),
    })
}

fn index_check(verdict: Verdict, finding: impl Into<String>) -> Check {
    Check::new("unique-index", "Index for concurrent refreshes", verdict, finding)
}

fn usable_index(view: &View, index: &Index) -> Check {
    // PostgreSQL compares by every unique index of that kind.
    let with_nulls = view.indexes.iter().find(|index| unusable(index).is_none() && !index.nulls.is_empty());
    if let Some(index) = with_nulls {
        let finding = format!(
            "There are NULLs in column {} of unique index {}, and no two rows with one are the same to PostgreSQL: of equal \
             rows a concurrent refresh loses all but one without an error, and it rewrites every such row.",
            index.nulls.join(", "),
            index.name
        );
        return index_check(Verdict::Warning, finding)
            .advise("Create the index on columns that identify the rows and are never NULL.");
    }
    index_check(Verdict::Good, format!("Index {} allows concurrent refreshes.", index.name))
}

fn no_usable_index(view: &View, database: &str) -> Check {
    let lines: Vec<String> =
        view.indexes.iter().filter_map(|index| Some(format!("{} {}", index.name, unusable(index)?))).collect();
    let why = lines.first().map_or_else(|| "it has no index".to_owned(), Clone::clone);
    let finding = format!("PostgreSQL can't refresh the view concurrently, so every refresh fails: {why}.");
    let mut check = index_check(Verdict::Bad, finding)
        .advise("Create a unique index on plain columns that tell its rows apart, without a WHERE.")
        .detail(Detail::Lines(lines));
    check.fixes.extend(create_index(view).map(|create| Fix::new(create, database)));
    for index in view.indexes.iter().filter(|index| !index.valid) {
        check = check.fix(Fix::new(FixAction::DropIndex { name: index.name.clone() }, database));
    }
    check
}

/// The index that the view needs. If the view has one row, any column is a key; if it has many, only somebody who knows
/// the rows can choose one.
fn create_index(view: &View) -> Option<FixAction> {
    if view.rows >= 2.0 {
        return None;
    }
    let column = view.columns.iter().find(|name| *name == "last_updated").or(view.columns.first())?.clone();
    let free = |name: &String| !view.taken.contains(name);
    let base = format!("{}{INDEX}", beginning(&view.name));
    let name = std::iter::once(base.clone()).chain((2..100).map(|n| format!("{base}_{n}"))).find(free)?;
    let (schema, of) = (view.schema.clone(), view.name.clone());
    // PostgreSQL builds nothing concurrently on a view without data, and nobody reads it anyway.
    Some(FixAction::CreateIndex { schema, view: of, name, column, concurrently: view.populated })
}

/// As much of a name as leaves room for more.
fn beginning(name: &str) -> &str {
    let end = (0..=LONGEST_NAME.min(name.len())).rev().find(|end| name.is_char_boundary(*end)).unwrap_or_default();
    &name[..end]
}

/// Whether the server's clock was ahead when attempts were logged.
pub fn future_rows(log: &Log) -> Check {
    let new = |verdict, finding: String| Check::new("future-rows", "Rows from the future", verdict, finding);
    if !log.sees_rows {
        return new(Verdict::Unknown, "This role does not see the rows of the log.".into())
            .advise("GRANT refreshtop_admin TO this role, or ask as a super administrator.");
    }
    let Some(ahead) = log.ahead_s.filter(|_| log.future > 0) else {
        return new(Verdict::Good, "No row of the log is dated in the future.".into());
    };
    let count = if log.future > OLD_ROWS { format!("More than {OLD_ROWS}") } else { log.future.to_string() };
    let rows = if log.future == 1 { "row of the log is" } else { "rows of the log are" };
    new(Verdict::Warning, format!("{count} {rows} dated in the future, up to {} from now.", span(ahead))).advise(
        "The server's clock was ahead, or somebody wrote them. Until then they count for nothing; look at the clock, and let \
         the log's owner delete them.",
    )
}

/// Whether old rows of the log go.
pub fn log_growth(log: &Log) -> Check {
    let new = |verdict, finding: String| Check::new("log-growth", "Growth of the log", verdict, finding);
    if !log.sees_rows {
        return new(Verdict::Unknown, "This role does not see the rows of the log.".into())
            .advise("GRANT refreshtop_admin TO this role, or ask as a super administrator.");
    }
    let Some(oldest) = log.oldest_days else { return new(Verdict::Good, "The log is empty.".into()) };
    if log.old == 0 {
        let finding =
            format!("The log reaches back {oldest:.0} days and takes {}; old rows are deleted.", bytes(log.bytes));
        return new(Verdict::Good, finding);
    }
    let count = if log.old > OLD_ROWS { format!("More than {OLD_ROWS}") } else { log.old.to_string() };
    let finding = format!(
        "{count} rows of the log are older than their views keep them (the oldest is {oldest:.0} days old), so clean-up does \
         not work."
    );
    let fix = Fix::new(FixAction::CleanUpLog, &log.database);
    new(Verdict::Warning, finding).advise("Clean up now, and check the job that should do it.").fix(fix)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(change: impl FnOnce(&mut Relation)) -> Facts {
        let mut relation = Relation {
            name: "public.accounts".into(),
            bytes: 8192,
            live: 2000,
            planned_rows: 2000.0,
            planned_pages: 10,
            has_statistics: Some(true),
            may_maintain: true,
            ..Relation::default()
        };
        change(&mut relation);
        Facts { database: "app".into(), relations: vec![relation], ..Facts::default() }
    }

    #[test]
    fn dead_rows_count_in_numbers_and_in_share() {
        let verdict = |dead, live| dead_rows(&table(|t| (t.dead, t.live) = (dead, live)), &Limits::default()).verdict;
        assert_eq!(verdict(1001, 2000), Verdict::Warning);
        assert_eq!(verdict(1000, 0), Verdict::Good);
        assert_eq!(verdict(1001, 1_000_000), Verdict::Good);
    }

    #[test]
    fn statistics_are_missing_in_every_release() {
        let fixes = |facts: Facts| statistics(&facts).fixes.iter().map(Fix::sql).collect::<Vec<_>>();
        let none: Vec<String> = Vec::new();
        assert_eq!(fixes(table(|_| {})), none);
        assert_eq!(fixes(table(|t| t.planned_rows = -1.0)), ["ANALYZE public.accounts"]);
        assert_eq!(fixes(table(|t| (t.planned_rows, t.planned_pages) = (0.0, 0))), ["ANALYZE public.accounts"]);
        assert_eq!(fixes(table(|t| t.has_statistics = Some(false))), ["ANALYZE public.accounts"]);
        assert_eq!(fixes(table(|t| t.changed = 2001)), ["ANALYZE public.accounts"]);
        assert_eq!(fixes(table(|t| t.changed = 2000)), none);
        assert_eq!(fixes(table(|t| (t.planned_rows, t.bytes) = (-1.0, 0))), none, "an empty table");
    }

    #[test]
    fn what_autovacuum_does_not_freeze_is_reported() {
        let verdict = |age| {
            let facts = Facts { freeze_max_age: 200_000_000, ..table(|t| t.xid_age = age) };
            wraparound(&facts).verdict
        };
        assert_eq!(
            [300_000_000, 300_000_001, 1_500_000_001].map(verdict),
            [Verdict::Good, Verdict::Warning, Verdict::Bad]
        );
    }

    #[test]
    fn only_what_postgresql_takes_is_a_usable_index() {
        let usable =
            Index { name: "i".into(), unique: true, valid: true, immediate: true, btree: true, ..Index::default() };
        let check = |index: Option<Index>| {
            let view = View {
                schema: "public".into(),
                name: "platform_metrics".into(),
                populated: true,
                rows: 1.0,
                columns: vec!["total_accounts".into(), "last_updated".into()],
                indexes: index.into_iter().collect(),
                taken: vec!["platform_metrics_refresh_key".into()],
            };
            let facts = Facts { database: "app".into(), view: Some(view), ..Facts::default() };
            unique_index(&facts, "platform_metrics", false).unwrap()
        };
        assert_eq!(check(Some(usable.clone())).verdict, Verdict::Good);
        let bad = [
            Index { unique: false, ..usable.clone() },
            Index { partial: true, ..usable.clone() },
            Index { expression: true, ..usable.clone() },
            Index { immediate: false, ..usable.clone() },
            Index { btree: false, ..usable.clone() },
        ];
        for index in bad {
            assert_eq!(check(Some(index)).verdict, Verdict::Bad);
        }
        assert_eq!(check(Some(Index { valid: false, ..usable })).fixes.len(), 2);
        let sql = check(None).fixes[0].sql();
        assert_eq!(
            sql,
            "CREATE UNIQUE INDEX CONCURRENTLY \"platform_metrics_refresh_key_2\" ON \"public\".\"platform_metrics\" (\"last_updated\")"
        );
    }

    #[test]
    fn a_key_with_nulls_is_no_good_key() {
        let index = Index {
            unique: true,
            valid: true,
            immediate: true,
            btree: true,
            nulls: vec!["a".into()],
            ..Index::default()
        };
        let view = View { populated: true, indexes: vec![index], ..View::default() };
        let of = |view| unique_index(&Facts { view: Some(view), ..Facts::default() }, "v", false).unwrap();
        let check = of(view);
        assert!(check.verdict == Verdict::Warning && check.finding.contains("NULLs in column a"), "{check:?}");
        let many = View { populated: true, rows: 900.0, columns: vec!["a".into()], ..View::default() };
        assert_eq!(of(many.clone()).fixes, []);
        let facts = Facts { view: Some(many), ..Facts::default() };
        assert_eq!(unique_index(&facts, "v", true).unwrap().verdict, Verdict::Good, "readers may wait");
        assert_eq!(unique_index(&Facts::default(), "v", false), None);
        assert_eq!(beginning(&"ü".repeat(40)).len(), 44);
    }

    #[test]
    fn rows_from_the_future_are_reported() {
        let log = Log { sees_rows: true, future: 2, ahead_s: Some(259_200.0), ..Log::default() };
        let check = future_rows(&log);
        assert!(
            check.verdict == Verdict::Warning && check.finding.starts_with("2 rows of the log are dated"),
            "{check:?}"
        );
        assert_eq!(future_rows(&Log { future: 0, ahead_s: None, ..log.clone() }).verdict, Verdict::Good);
        assert_eq!(future_rows(&Log { sees_rows: false, ..log }).verdict, Verdict::Unknown);
    }

    #[test]
    fn old_rows_say_that_clean_up_does_not_work() {
        let log = Log { sees_rows: true, oldest_days: Some(40.0), ..Log::default() };
        assert_eq!(log_growth(&log).verdict, Verdict::Good);
        assert_eq!(log_growth(&Log { old: 1, ..log.clone() }).verdict, Verdict::Warning);
        assert!(log_growth(&Log { old: OLD_ROWS + 1, ..log.clone() }).finding.starts_with("More than"));
        assert_eq!(log_growth(&Log { sees_rows: false, ..log }).verdict, Verdict::Unknown);
    }
}
