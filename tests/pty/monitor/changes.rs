//! What happens to managed views while the monitor runs: releases make them again, rename them, give them away, or lose
//! their index. Board, overview and `status` say the same within a poll, and the key or the command that they offer helps.

use crate::support::{
    execute, fresh_database, fresh_role, migrate,
    terminal::{Launch, REFRESHTOP, TerminalProgram},
};
use std::process::Command;

/// A view of a shop, made as `role` makes it.
fn sales(role: &str, name: &str, total: &str) -> String {
    format!(
        "SET ROLE {role};
         CREATE MATERIALIZED VIEW public.{name} AS SELECT town, {total} AS total FROM public.orders GROUP BY town;
         CREATE UNIQUE INDEX {name}_key ON public.{name} (town);
         RESET ROLE;"
    )
}

/// The shop, with two roles: the owner of its views, and another one that may have them, too.
async fn shop() -> (String, String, String) {
    let url = fresh_database("changes").await;
    let (owner, _) = fresh_role(&url, "shop", "").await;
    let (other, _) = fresh_role(&url, "reports", "").await;
    migrate(&url).await;
    let tables = format!(
        "GRANT USAGE, CREATE ON SCHEMA public TO {owner}, {other};
         CREATE TABLE public.orders (town text NOT NULL, amount numeric);
         INSERT INTO public.orders VALUES ('here', 1), ('there', 2);
         ALTER TABLE public.orders OWNER TO {owner};
         GRANT SELECT ON public.orders TO {other};
         {} {}
         SELECT refreshtop.refresh(refreshtop.manage(v)) FROM unnest(ARRAY['public.sales', 'public.stock']::regclass[]) v",
        sales(&owner, "sales", "sum(amount)"),
        sales(&owner, "stock", "count(*)"),
    );
    execute(&url, &tables).await;
    (url, owner, other)
}

/// The monitor on the board, and the database.
struct Watched {
    monitor: TerminalProgram,
    url: String,
}

impl Watched {
    /// Changes the database, and reads it once more.
    async fn change(&mut self, sql: &str) {
        execute(&self.url, sql).await;
        self.monitor.send("p");
    }

    fn run(&self, words: &[&str]) -> String {
        let ran = Command::new(REFRESHTOP).args(words).env("REFRESHTOP_URL", &self.url).output().unwrap();
        String::from_utf8(ran.stdout).unwrap() + &String::from_utf8(ran.stderr).unwrap()
    }

    /// Both screens and `status` warn of view `row` for `reason`; the overview is left again.
    fn all_warn(&mut self, row: &str, reason: &str) {
        // The first row is selected, and what is known of it stands below the list in full.
        let listed = format!("▸ ▲ {row} ");
        self.monitor.wait_for(reason, |screen| {
            screen.contains(&listed) && screen.contains("1 warning") && screen.contains(reason)
        });
        self.monitor.send("\r");
        let opening = &reason[..reason.len().min(60)];
        self.monitor.wait_for("the same on the overview", |screen| {
            screen.contains("RUNS") && screen.contains("▸ overview") && screen.contains(opening)
        });
        self.monitor.send("\x1b");
        self.monitor.wait_text("VIEWS");
        for told in [self.run(&["status"]), self.run(&["status", "--view", "sales"])] {
            assert!(
                (told.contains("warning") || told.contains("stopped")) && told.contains(reason),
                "{reason}: {told}"
            );
        }
        let checked = self.run(&["check", "--view", "sales"]);
        assert!(checked.contains("WARNING") && checked.contains(reason), "{checked}");
    }

    /// All views are healthy, everywhere.
    fn all_is_green(&mut self) {
        self.monitor
            .wait_for("all green", |screen| screen.contains("VIEWS  2 healthy") && screen.contains("✓ HEALTHY"));
        let told = self.run(&["status"]);
        assert!(told.contains("All 2 managed views are healthy."), "{told}");
    }

    /// A key examines and manages the view, after a question.
    fn add_by_key(&mut self) {
        self.monitor.send("ga");
        self.monitor.wait_text("can be managed");
        self.monitor.send("\r");
        self.monitor.wait_text("managed, and refreshed concurrently");
        self.close_dialog();
    }

    fn close_dialog(&mut self) {
        self.monitor.send("\x1b");
        self.monitor.wait_for("the board", |screen| !screen.contains("MANAGE"));
    }

    /// A key refreshes the selected view.
    fn refresh_by_key(&mut self, outcome: &str) {
        self.monitor.send("gr");
        self.monitor.wait_text(outcome);
        self.monitor.send("\x1b");
        self.monitor.wait_for("no result", |screen| !screen.contains(outcome));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_becomes_of_a_managed_view_is_said_with_what_helps() {
    let (url, owner, other) = shop().await;
    let monitor = Launch::monitor(&url).live();
    let mut watched = Watched { monitor, url };
    watched.all_is_green();

    // Dropped and made again, with a column of another type: the next refresh takes the new one.
    let anew =
        format!("BEGIN; DROP MATERIALIZED VIEW public.sales; {} COMMIT", sales(&owner, "sales", "sum(amount)::text"));
    watched.change(&anew).await;
    watched.monitor.wait_text("made again: the next refresh registers it");
    watched.all_is_green();
    watched.refresh_by_key("sales: refreshed in");
    watched.monitor.wait_for("no word of it", |screen| !screen.contains("made again"));

    // Made beside it and renamed, and the old one is kept.
    let swapped = format!(
        "BEGIN; {} ALTER MATERIALIZED VIEW public.sales RENAME TO sales_old;
         ALTER MATERIALIZED VIEW public.sales_new RENAME TO sales; COMMIT",
        sales(&owner, "sales_new", "sum(amount)")
    );
    watched.change(&swapped).await;
    let screen = watched.monitor.wait_text("made again: the next refresh registers it");
    assert!(screen.contains("– sales_old") && screen.contains("2 healthy · 1 not managed"), "{screen}");
    watched.refresh_by_key("sales: refreshed in");
    watched.change("DROP MATERIALIZED VIEW public.sales_old").await;
    watched.all_is_green();

    watched.change("ALTER MATERIALIZED VIEW public.sales RENAME TO sales_by_town").await;
    let reason = "it was sales, and is not refreshed: refreshtop views add sales_by_town";
    watched.all_warn("sales_by_town", reason);
    watched.add_by_key();
    watched.all_is_green();
    watched.change("ALTER MATERIALIZED VIEW public.sales_by_town RENAME TO sales").await;
    watched.monitor.wait_text("it was sales_by_town, and is not refreshed: refreshtop views add sales");
    let added = watched.run(&["views", "add", "sales", "--yes"]);
    assert!(added.contains("sales: managed, and refreshed concurrently"), "{added}");
    watched.all_is_green();

    watched.change(&format!("ALTER MATERIALIZED VIEW public.sales OWNER TO {other}")).await;
    let reason = format!("its owner was {owner}, and it is not refreshed: refreshtop views add sales");
    watched.all_warn("sales", &reason);
    watched.add_by_key();
    watched.all_is_green();

    watched.change("DROP INDEX public.sales_new_key").await;
    let reason = "no unique index, so every refresh fails: refreshtop views add sales proposes one";
    watched.all_warn("sales", reason);
    watched.refresh_by_key("sales: refresh failed after");
    let proposal = "CREATE UNIQUE INDEX CONCURRENTLY ON public.sales (town)";
    let proposed = watched.run(&["views", "add", "sales", "--dry-run"]);
    assert!(proposed.contains(proposal), "{proposed}");
    watched.monitor.send("ga");
    watched.monitor.wait_text(&format!("proposal: {proposal}"));
    watched.close_dialog();
    // Or its readers wait.
    let set = watched.run(&["views", "set", "sales", "blocking=on"]);
    assert_eq!(set, "sales: changed\n");
    watched.refresh_by_key("sales: refreshed in");
    watched.monitor.wait_text("success rate");
    watched.change(proposal).await;
    assert_eq!(watched.run(&["views", "set", "sales", "blocking=off"]), "sales: changed\n");
    watched.refresh_by_key("sales: refreshed in");
    // The failure is outlived as in life, only faster.
    watched.change("DELETE FROM public.metrics_refresh_log WHERE status = 'error'").await;
    watched.all_is_green();

    let empty =
        format!("{} DROP MATERIALIZED VIEW public.sales; ALTER MATERIALIZED VIEW public.empty RENAME TO sales", {
            sales(&other, "empty", "sum(amount)").replace("GROUP BY town;", "GROUP BY town WITH NO DATA;")
        });
    watched.change(&empty).await;
    watched.all_warn("sales", "it has no data, so nobody can read it: refreshtop refresh sales");
    watched.refresh_by_key("sales: refreshed in");
    watched.all_is_green();

    watched.change("DROP MATERIALIZED VIEW public.sales").await;
    let reason = "the view is gone: make it again, or refreshtop views remove sales";
    watched.all_warn("sales", reason);
    let removed = watched.run(&["views", "remove", "sales", "--yes"]);
    watched.monitor.send("p");
    assert!(removed.contains("sales: managed no longer"), "{removed}");
    watched
        .monitor
        .wait_for("the other view alone", |screen| screen.contains("1 healthy") && !screen.contains("sales"));
    watched.monitor.send("q");
    assert_eq!(watched.monitor.wait_exit(), Ok(0));
}
