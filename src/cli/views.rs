//! The options of `refreshtop views`.

use super::arguments::Answer;
use crate::settings::value;
use clap::{Args, Subcommand};

/// `views`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Views {
    /// What to do; `None` is `list`.
    #[command(subcommand)]
    pub action: Option<ViewsAction>,
    /// Which views.
    #[command(flatten)]
    pub list: ViewsList,
}

/// What to do with views.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum ViewsAction {
    /// List every materialized view of the database, worst first (the default)
    List(ViewsList),
    /// Show one view: what it reads, its indexes, settings, attempts, and what could be wrong
    Show(ViewsShow),
    /// Show which materialized views read which
    Tree(ViewsTree),
    /// Manage views: examine them, give refreshtop the right to refresh them, and refresh each once
    Add(ViewsAdd),
    /// Manage views no longer; their logs stay
    Remove(ViewsRemove),
    /// Change how views are refreshed
    Set(ViewsSet),
}

/// `views add`. Its options have no variables: a forgotten one must not change anything.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[expect(clippy::struct_excessive_bools, reason = "they are flags")]
#[expect(clippy::doc_markdown, reason = "these comments are the text of --help")]
pub struct ViewsAdd {
    /// The views, as SQL writes them; without schema or quotes if that is unambiguous; * stands for any text and ? for
    /// one character
    #[arg(value_name = "NAME", required_unless_present = "all")]
    pub names: Vec<String>,
    /// Every materialized view of the database
    #[arg(long, conflicts_with = "names")]
    pub all: bool,
    /// Refresh them plainly, which needs no unique index and keeps readers waiting
    #[arg(long)]
    pub blocking: bool,
    /// When to refresh them: five fields of cron, or '30 seconds' with pg_cron 1.5 or newer
    #[arg(long, value_name = "EXPRESSION", value_parser = value::job_schedule)]
    pub schedule: Option<String>,
    /// Pause jobs of others that do nothing but refresh one of them, and take over their schedules; --yes alone does not
    #[arg(long, conflicts_with = "dry_run")]
    pub take_over: bool,
    /// Only examine them
    #[arg(long)]
    pub dry_run: bool,
    /// Skip confirmation
    #[arg(long)]
    pub yes: bool,
    /// How to answer.
    #[command(flatten)]
    pub answer: Answer,
}

/// `views remove`. `--yes` has no variable: a forgotten one must not remove anything.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct ViewsRemove {
    /// The managed views, written as for `views add`
    #[arg(value_name = "NAME", required = true)]
    pub names: Vec<String>,
    /// Skip confirmation
    #[arg(long)]
    pub yes: bool,
    /// How to answer.
    #[command(flatten)]
    pub answer: Answer,
}

/// `views set`.
#[expect(clippy::doc_markdown, reason = "these comments are the text of --help")]
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct ViewsSet {
    /// The managed views, written as for `views add`
    #[arg(value_name = "NAME")]
    pub name: String,
    /// What to change, e.g. lock_timeout=10s time_limit='1 h' max_age='2 days' blocking=on work_mem=64MB; without a value,
    /// or with default, the default
    #[arg(value_name = "KEY=VALUE", required_unless_present = "schedule")]
    pub changes: Vec<String>,
    /// When to refresh them: five fields of cron, '30 seconds' with pg_cron 1.5 or newer, or none
    #[arg(long, value_name = "EXPRESSION", value_parser = value::schedule_or_none)]
    pub schedule: Option<String>,
    /// How to answer.
    #[command(flatten)]
    pub answer: Answer,
}

/// `views list`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct ViewsList {
    /// Only views of these names; * stands for any text and ? for one character
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// Only managed views
    #[arg(long)]
    pub managed: bool,
    /// Only unmanaged views
    #[arg(long)]
    pub unmanaged: bool,
    /// Only views that are not healthy, or that can't be refreshed concurrently
    #[arg(long)]
    pub faults: bool,
    /// How to answer.
    #[command(flatten)]
    pub answer: Answer,
}

/// `views show`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct ViewsShow {
    /// The view, as SQL writes it; without schema or quotes if that is unambiguous
    #[arg(value_name = "NAME")]
    pub name: String,
    /// How to answer.
    #[command(flatten)]
    pub answer: Answer,
}

/// `views tree`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct ViewsTree {
    /// Only this view and what it reads, as SQL writes it
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// How to answer.
    #[command(flatten)]
    pub answer: Answer,
}

impl Views {
    /// What to do, the default filled in.
    pub fn action(&self) -> ViewsAction {
        self.action.clone().unwrap_or_else(|| ViewsAction::List(self.list.clone()))
    }

    /// How to answer; --json may also stand before the subcommand.
    pub fn answer(&self) -> Answer {
        let own = match &self.action {
            Some(ViewsAction::List(list)) => &list.answer,
            Some(ViewsAction::Show(show)) => &show.answer,
            Some(ViewsAction::Tree(tree)) => &tree.answer,
            Some(ViewsAction::Add(add)) => &add.answer,
            Some(ViewsAction::Remove(remove)) => &remove.answer,
            Some(ViewsAction::Set(set)) => &set.answer,
            None => &self.list.answer,
        };
        Answer { json: own.json || self.list.answer.json }
    }
}
