//! `refreshtop views tree`: which materialized views read which.

use super::{read, wanted};
use crate::{
    cli::views::ViewsTree,
    command::Failure,
    output::{Output, clean, json},
    settings::Settings,
};
use refreshtop_connect::Target;
use refreshtop_core::views::{
    View, Views,
    tree::{Line, Tree},
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Reads and prints it.
pub async fn run(tree: &ViewsTree, settings: &Settings, target: &Target, output: Output) -> Result<(), Failure> {
    let views = read(target, settings.overrides.window).await?;
    let root = tree.name.as_deref().map(|name| wanted(&views, name)).transpose()?;
    let tree = views.tree(root);
    if output.json {
        return output.object("views_tree", json::of_database(&target.id(), object(&views, &tree)));
    }
    output.print(&text(&tree))
}

fn object(views: &Views, tree: &Tree<'_>) -> Value {
    let names: BTreeMap<i64, &str> =
        views.views.iter().filter_map(|view| Some((view.relation.as_ref()?.oid, &*view.name.sql))).collect();
    let reads = |view: &View| -> Vec<Value> {
        let edges = view.relation.iter().flat_map(|relation| &relation.reads_views);
        edges.map(|edge| json!({"name": names.get(&edge.oid), "through": edge.through})).collect()
    };
    let ordered: Vec<Value> =
        tree.order.iter().map(|view| json!({"name": view.name.sql, "reads": reads(view)})).collect();
    json!({"views": ordered, "alone": tree.alone})
}

fn text(tree: &Tree<'_>) -> String {
    let mut lines: Vec<String> = tree.lines.iter().map(line).collect();
    if lines.is_empty() {
        lines.push("No materialized view reads another one.".into());
    }
    if tree.order.len() > 1 {
        let order: Vec<&str> = tree.order.iter().map(|view| &*view.name.sql).collect();
        lines.push(String::new());
        lines.push(clean(&format!("Order of refreshes, sources first: {}", order.join(", "))));
    }
    if tree.alone > 0 {
        let views = if tree.alone == 1 { "view reads" } else { "views read" };
        let are = if tree.alone == 1 { "is" } else { "are" };
        lines.push(format!("{} other {views} no materialized view and {are} read by none.", tree.alone));
    }
    lines.join("\n")
}

fn line(line: &Line<'_>) -> String {
    let mut text = String::new();
    if let Some((own, above)) = line.last.split_last() {
        for last in above {
            text.push_str(if *last { "   " } else { "│  " });
        }
        text.push_str(if *own { "└─ " } else { "├─ " });
    }
    let through = line.through.map(|view| format!(" (through {view})")).unwrap_or_default();
    text.push_str(&clean(&format!("{}{through}", line.view.name.sql)));
    if line.repeated {
        text.push_str(" (see above)");
    }
    text
}
