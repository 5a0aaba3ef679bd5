//! The plan of the view's query, and what takes its time.

use super::{Check, Detail, Verdict};
use serde_json::Value;

/// Longest plan that is kept, nodes.
const MOST_NODES: usize = 300;
/// A refresh whose query alone takes longer than this is slow, milliseconds: the health rule's own limit.
const SLOW_MS: f64 = 5000.0;

/// One step of a plan, with what feeds it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Node {
    /// What it does and on what, e.g. `Seq Scan on public.accounts`.
    pub label: String,
    /// Rows that the planner expects.
    pub planned_rows: f64,
    /// Rows that came, over all loops; `None` if it was not run.
    pub actual_rows: Option<f64>,
    /// The planner's cost, everything below included.
    pub total_cost: f64,
    /// Cost of this step alone.
    pub self_cost: f64,
    /// Milliseconds, everything below included; `None` if it was not run.
    pub total_ms: Option<f64>,
    /// Milliseconds of this step alone.
    pub self_ms: Option<f64>,
    /// Its part of the whole, 0 to 1: of the time if it was run, else of the cost.
    pub share: f64,
    /// The one step that costs most.
    pub costly: bool,
    /// It wrote to disk, because memory was short.
    pub spilled: bool,
    /// What feeds it.
    pub children: Vec<Node>,
}

impl Node {
    /// Every node from here down, this one first.
    pub fn walk<'a>(&'a self, visit: &mut impl FnMut(&'a Node)) {
        visit(self);
        for child in &self.children {
            child.walk(visit);
        }
    }

    fn walk_mut(&mut self, visit: &mut impl FnMut(&mut Node)) {
        visit(self);
        for child in &mut self.children {
            child.walk_mut(visit);
        }
    }

    /// The step that costs most.
    pub fn costly(&self) -> Option<&Node> {
        let mut found = None;
        self.walk(&mut |node| {
            if node.costly {
                found = Some(node);
            }
        });
        found
    }
}

/// Reads what `EXPLAIN (FORMAT JSON)` answers; `None` for any other shape.
pub fn parse(json: &Value) -> Option<Node> {
    let mut left = MOST_NODES;
    let mut root = node(json.get(0)?.get("Plan")?, &mut left)?;
    weigh(&mut root);
    Some(root)
}

fn node(json: &Value, left: &mut usize) -> Option<Node> {
    *left = left.checked_sub(1)?;
    let number = |key: &str| json.get(key).and_then(Value::as_f64);
    let text = |key: &str| json.get(key).and_then(Value::as_str);
    let loops = number("Actual Loops").unwrap_or(1.0);
    // A worker's figures are averages over the workers and the leader, who run side by side.
    let children: Vec<Node> = json
        .get("Plans")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map_while(|child| node(child, left))
        .collect();
    let mut label = text("Node Type")?.to_owned();
    if let Some(strategy) = text("Strategy").filter(|strategy| *strategy != "Plain" && label == "Aggregate") {
        label = format!("{strategy} {label}");
    }
    if let Some(name) = text("Relation Name") {
        let schema = text("Schema").map(|schema| format!("{schema}.")).unwrap_or_default();
        label = format!("{label} on {schema}{name}");
    } else if let Some(name) = text("Index Name").or(text("CTE Name")).or(text("Function Name")) {
        label = format!("{label} on {name}");
    }
    let total_cost = number("Total Cost").unwrap_or(0.0);
    let total_ms = number("Actual Total Time").map(|ms| ms * loops);
    let below = |of: fn(&Node) -> f64| children.iter().map(of).sum::<f64>();
    let spilled = text("Sort Space Type") == Some("Disk")
        || number("Disk Usage").is_some_and(|kb| kb > 0.0)
        || number("Hash Batches").is_some_and(|batches| batches > 1.0)
        || number("HashAgg Batches").is_some_and(|batches| batches > 1.0);
    Some(Node {
        label,
        planned_rows: number("Plan Rows").unwrap_or(0.0),
        actual_rows: number("Actual Rows").map(|rows| rows * loops),
        total_cost,
        self_cost: (total_cost - below(|child| child.total_cost)).max(0.0),
        total_ms,
        self_ms: total_ms.map(|ms| (ms - below(|child| child.total_ms.unwrap_or(0.0))).max(0.0)),
        share: 0.0,
        costly: false,
        spilled,
        children,
    })
}

/// Gives every node its share, and marks the costly one.
fn weigh(root: &mut Node) {
    let timed = root.self_ms.is_some();
    let own = |node: &Node| if timed { node.self_ms.unwrap_or(0.0) } else { node.self_cost };
    let mut whole = 0.0;
    let mut most = 0.0_f64;
    root.walk(&mut |node| {
        whole += own(node);
        most = most.max(own(node));
    });
    if whole <= 0.0 {
        return;
    }
    let mut marked = false;
    root.walk_mut(&mut |node| {
        let value = own(node);
        node.share = value / whole;
        node.costly = !marked && value >= most;
        marked |= node.costly;
    });
}

/// Rows that a join makes out of fewer: more than all that is read below it put together, many times over.
fn multiplies(node: &Node) -> bool {
    let join = node.label.contains("Join") || node.label.starts_with("Nested Loop");
    let rows = |node: &Node| node.actual_rows.unwrap_or(node.planned_rows);
    let below: f64 = node.children.iter().map(rows).sum();
    join && rows(node) > 10_000.0 && rows(node) > below * 10.0
}

/// What the plan means.
pub fn check(root: Node) -> Check {
    let new = |verdict, finding: String| Check::new("plan", "Plan of the view's query", verdict, finding);
    let (mut spilled, mut multiplied) = (None, None);
    root.walk(&mut |node| {
        spilled = spilled.or(node.spilled.then_some(&node.label));
        multiplied = multiplied.or(multiplies(node).then_some(&node.label));
    });
    let took = root.total_ms;
    let costly = root.costly().map_or_else(
        || "The query costs nothing worth mentioning".to_owned(),
        |node| {
            let of = if took.is_some() { "time" } else { "cost" };
            format!("{:.0} % of the {of} is {}", node.share * 100.0, node.label)
        },
    );
    let took_text = took.map(|ms| format!(" (it took {ms:.0} ms)")).unwrap_or_default();
    let (verdict, finding, advice) = if let Some(label) = multiplied {
        let advice =
            "Count each table by itself and join the results: a join of the tables themselves multiplies their rows.";
        (Verdict::Warning, format!("{label} multiplies rows; {costly}{took_text}."), advice.to_owned())
    } else if let Some(label) = spilled {
        let advice = "Raise work_mem for the role that refreshes: ALTER ROLE … SET work_mem = '64MB'.";
        (
            Verdict::Warning,
            format!("{label} ran out of memory and wrote to disk; {costly}{took_text}."),
            advice.to_owned(),
        )
    } else if took.is_some_and(|ms| ms > SLOW_MS) {
        (Verdict::Warning, format!("{costly}{took_text}."), about(&root))
    } else {
        (Verdict::Good, format!("{costly}{took_text}."), String::new())
    };
    new(verdict, finding).advise(advice).detail(Detail::Plan(root))
}

/// What helps against a costly step.
fn about(root: &Node) -> String {
    let label = root.costly().map(|node| &*node.label).unwrap_or_default();
    if label.starts_with("Seq Scan") {
        "It reads the whole table: vacuum it so that an index-only scan can count it, and look at its dead rows.".into()
    } else if label.contains("Sort") || label.contains("Aggregate") {
        "Raise work_mem for the role that refreshes, or give the grouped columns an index.".into()
    } else if label.contains("Nested Loop") {
        "Analyse the tables below it: a nested loop over many rows commonly comes of a wrong guess.".into()
    } else {
        "Analyse the tables below it, and check whether an index is missing.".into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_costly_step_is_the_one_that_costs_by_itself() {
        let plan = parse(&json!([{"Plan": {"Node Type": "Aggregate", "Strategy": "Plain", "Total Cost": 110.0, "Plan Rows": 1, "Plans": [
            {"Node Type": "Seq Scan", "Schema": "public", "Relation Name": "assets", "Total Cost": 100.0, "Plan Rows": 500}]}}])).unwrap();
        assert_eq!((plan.label.as_str(), plan.self_cost, plan.costly), ("Aggregate", 10.0, false));
        let scan = plan.costly().unwrap();
        assert_eq!((scan.label.as_str(), scan.self_cost), ("Seq Scan on public.assets", 100.0));
        assert!((scan.share - 100.0 / 110.0).abs() < 1e-9);
        let check = check(plan);
        assert_eq!(
            (check.verdict, check.finding.as_str()),
            (Verdict::Good, "91 % of the cost is Seq Scan on public.assets.")
        );
    }

    #[test]
    fn time_goes_before_cost_and_counts_loops() {
        let plan = parse(&json!([{"Plan": {"Node Type": "Nested Loop", "Total Cost": 1000.0, "Plan Rows": 1, "Actual Rows": 1, "Actual Loops": 1,
            "Actual Total Time": 30.0, "Plans": [
                {"Node Type": "Seq Scan", "Relation Name": "a", "Total Cost": 1.0, "Plan Rows": 10, "Actual Rows": 10, "Actual Loops": 1, "Actual Total Time": 5.0},
                {"Node Type": "Index Scan", "Relation Name": "b", "Total Cost": 1.0, "Plan Rows": 1, "Actual Rows": 1, "Actual Loops": 10, "Actual Total Time": 2.0}]}}]))
        .unwrap();
        assert_eq!(plan.costly().unwrap().label, "Index Scan on b");
        assert_eq!(
            (plan.self_ms, plan.children[1].self_ms, plan.children[1].actual_rows),
            (Some(5.0), Some(20.0), Some(10.0))
        );
    }

    #[test]
    fn slow_spilling_and_multiplying_plans_are_warned_of() {
        let verdict = |plan| {
            let check = check(parse(&json!([{ "Plan": plan }])).unwrap());
            (check.verdict, check.advice.is_empty())
        };
        assert_eq!(verdict(json!({"Node Type": "Sort", "Sort Space Type": "Disk"})), (Verdict::Warning, false));
        assert_eq!(verdict(json!({"Node Type": "Result", "Actual Total Time": 5001.0})), (Verdict::Warning, false));
        assert_eq!(verdict(json!({"Node Type": "Result", "Actual Total Time": 5000.0})), (Verdict::Good, true));
        let leaf = json!({"Node Type": "Seq Scan", "Plan Rows": 1000});
        assert_eq!(
            verdict(json!({"Node Type": "Hash Join", "Plan Rows": 1_000_000, "Plans": [leaf, leaf]})),
            (Verdict::Warning, false)
        );
        assert_eq!(
            verdict(json!({"Node Type": "Hash Join", "Plan Rows": 20_000, "Plans": [leaf, leaf]})),
            (Verdict::Good, true)
        );
    }

    #[test]
    fn other_shapes_are_no_plan_and_endless_ones_are_cut() {
        assert_eq!([json!(null), json!([]), json!([{"Plan": {}}])].map(|value| parse(&value)), [None, None, None]);
        let leaf = json!({"Node Type": "Result"});
        let plan = parse(&json!([{"Plan": {"Node Type": "Append", "Plans": vec![leaf; 1000]}}])).unwrap();
        assert_eq!(plan.children.len(), MOST_NODES - 1);
    }
}
