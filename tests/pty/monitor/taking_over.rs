//! Jobs of others are taken over after a question on a terminal, and given back.

use crate::support::{
    CRON_DATABASE, cluster, execute, fresh_database, migrate,
    session::Session,
    terminal::{Launch, REFRESHTOP, TerminalProgram},
};
use std::process::Command;

/// A view, and two jobs that never run while a test does: one does nothing but refresh it.
async fn nft() -> (String, String) {
    let url = fresh_database("nft").await;
    execute(
        &url,
        "CREATE TABLE public.nft (collection text NOT NULL); INSERT INTO public.nft VALUES ('a'), ('b');
         CREATE MATERIALIZED VIEW public.nft_details AS SELECT collection, count(*) FROM public.nft GROUP BY 1;
         CREATE UNIQUE INDEX ON public.nft_details (collection)",
    )
    .await;
    migrate(&url).await;
    let database = url.rsplit_once('/').expect("a URL with a database").1.to_owned();
    let cron = cluster().await.url(CRON_DATABASE);
    for (name, command) in [
        ("refresh nft_details", "refresh materialized view concurrently nft_details;"),
        ("nightly nft", "REFRESH MATERIALIZED VIEW nft_details; DELETE FROM nft WHERE false"),
    ] {
        let sql = format!("SELECT cron.schedule_in_database('{name}', '0 4 1 1 *', '{command}', '{database}')");
        execute(&cron, &sql).await;
    }
    (url, database)
}

/// The jobs of that database that are not the one which cleans up.
async fn jobs(database: &str) -> Vec<serde_json::Value> {
    let sql = format!(
        "SELECT jobname, schedule, command, username, active FROM cron.job
         WHERE database = '{database}' AND jobname NOT LIKE 'cleanup%' ORDER BY jobid"
    );
    Session::open(&cluster().await.url(CRON_DATABASE)).await.rows(&sql).await
}

fn asked(url: &str) -> TerminalProgram {
    let mut program = Launch::refreshtop(&["views", "add", "--all"]).env("REFRESHTOP_URL", url).start();
    let found = program.wait_text("Continue? [y/N]");
    assert!(found.contains("This manages 1 view"), "{found}");
    program.send("y\r");
    let found = program.wait_text("This pauses them");
    // Only the job that does nothing else.
    assert!(found.contains("nft_details: job refresh nft_details ("), "{found}");
    assert!(!found.contains("nft_details: job nightly nft ("), "{found}");
    program
}

fn remove(url: &str) -> String {
    let ran =
        Command::new(REFRESHTOP).args(["views", "remove", "*", "--yes"]).env("REFRESHTOP_URL", url).output().unwrap();
    assert!(ran.status.success(), "{ran:?}");
    String::from_utf8(ran.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_of_others_are_taken_over_only_after_a_question() {
    let (url, database) = nft().await;
    let before = jobs(&database).await;
    let mut program = asked(&url);
    program.send("n\r");
    assert_eq!(program.wait_exit(), Ok(0));
    let said = program.screen_text();
    assert!(said.contains("nft_details: managed") && said.contains("--take-over pauses it"), "{said}");
    assert_eq!(jobs(&database).await, before);
    remove(&url);

    let mut program = asked(&url);
    program.send("y\r");
    assert_eq!(program.wait_exit(), Ok(0));
    let said = program.screen_text().split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("is paused, and runs again after: refreshtop views remove"), "{said}");
    assert!(said.contains("it does other things too"), "{said}");
    let taken = jobs(&database).await;
    assert_eq!((&taken[0]["active"], &taken[1]), (&false.into(), &before[1]));
    assert_eq!((taken.len(), &taken[2]["schedule"], &taken[2]["active"]), (3, &"0 4 1 1 *".into(), &true.into()));

    let removed = remove(&url);
    assert!(removed.contains("job refresh nft_details (0 4 1 1 *) runs again"), "{removed}");
    assert_eq!(jobs(&database).await, before);
    let cron = cluster().await.url(CRON_DATABASE);
    execute(&cron, &format!("SELECT cron.unschedule(jobid) FROM cron.job WHERE database = '{database}'")).await;
}
