//! Several views in one monitor.

use crate::support::{execute, fresh_database, migrate, session::Session, terminal::Launch};

/// Three managed views of a shop, each refreshed once, and one that is not managed.
const SHOP: &str = "
    CREATE TABLE public.orders (id int PRIMARY KEY);
    INSERT INTO public.orders VALUES (1), (2);
    CREATE MATERIALIZED VIEW public.sales AS SELECT id FROM public.orders;
    CREATE MATERIALIZED VIEW public.stock AS SELECT 1 AS id;
    CREATE MATERIALIZED VIEW public.towns AS SELECT 1 AS id;
    CREATE MATERIALIZED VIEW public.spare AS SELECT id FROM public.orders;
    CREATE UNIQUE INDEX ON public.sales (id);
    CREATE UNIQUE INDEX ON public.stock (id);
    CREATE UNIQUE INDEX ON public.towns (id);
    CREATE UNIQUE INDEX ON public.spare (id);
    SELECT refreshtop.register_view(v, 'public.' || v, 'UTC') FROM unnest(ARRAY['sales', 'stock', 'towns']) v;
    UPDATE refreshtop.views SET lock_timeout = '200ms';
    SELECT refreshtop.refresh(v) FROM unnest(ARRAY['sales', 'stock', 'towns']) v";

async fn shop(name: &str) -> String {
    let url = fresh_database(name).await;
    migrate(&url).await;
    execute(&url, SHOP).await;
    url
}

#[tokio::test]
async fn several_views_open_on_the_board_and_each_can_be_entered() {
    let url = shop("board").await;
    let mut monitor = Launch::monitor(&url).live();
    monitor.wait_text("3 healthy · 1 not managed");
    let holder = Session::with(
        &url,
        "SET application_name = 'nightly-export'; BEGIN; LOCK TABLE public.orders IN ACCESS EXCLUSIVE MODE",
    )
    .await;
    execute(&url, "SELECT refreshtop.refresh('sales')").await;
    let blocked = format!("blocked by nightly-export pid {}", holder.pid);
    monitor.wait_for("what blocked it, in its row", |screen| {
        screen.lines().any(|row| row.contains("sales") && row.contains("blocked by"))
    });
    holder.run("ROLLBACK").await;
    monitor.send("/sales\r");
    monitor.wait_for("only that view", |screen| screen.contains(&blocked) && !screen.contains("stock"));
    monitor.send("r");
    monitor.wait_for("its refresh", |screen| screen.contains("sales: refreshed in"));
    monitor.send("\r");
    monitor.wait_for("its overview", |screen| screen.contains("RUNS  3 ") && screen.contains("· sales ·"));
    monitor.send("]");
    monitor.wait_for("no other view that is listed", |screen| screen.contains("· sales ·"));
    // The first key dismisses the result, the second leaves the overview, the third shows all views.
    monitor.send("\x1b");
    monitor.wait_for("no result", |screen| !screen.contains("refreshed in"));
    monitor.send("\x1b");
    monitor.wait_text("VIEWS");
    monitor.send("\x1b");
    monitor.wait_for("all of them", |screen| screen.contains("stock") && screen.contains("spare"));
    monitor.send("q");
    assert_eq!(monitor.wait_exit(), Ok(0));
}

#[tokio::test]
async fn a_view_is_managed_from_the_board_after_a_question() {
    let url = shop("adopted").await;
    let mut monitor = Launch::monitor(&url).live();
    monitor.wait_text("1 not managed");
    monitor.send("Ga");
    monitor.wait_text("can be managed");
    monitor.send("\r");
    monitor.wait_text("managed, and refreshed concurrently");
    monitor.send("\x1b");
    monitor.wait_text("4 healthy");
    monitor.send("q");
    assert_eq!(monitor.wait_exit(), Ok(0));
}

#[tokio::test]
async fn a_named_view_opens_on_its_overview() {
    let url = shop("named").await;
    let mut monitor = Launch::monitor(&url).arg("--view").arg("towns").live();
    monitor.wait_for("its overview", |screen| screen.contains("RUNS  1 ") && screen.contains("· towns ·"));
    monitor.send("0");
    monitor.wait_text("3 healthy · 1 not managed");
    monitor.send("7");
    monitor.wait_for("all views on the wall", |screen| {
        ["sales", "stock", "towns"].iter().all(|view| screen.contains(view)) && screen.contains("3 views")
    });
    monitor.send("q");
    assert_eq!(monitor.wait_exit(), Ok(0));
}
