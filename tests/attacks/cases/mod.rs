//! Deployments as they exist, and what happens to an installation: everything works or is refused with its reason, and a
//! rollback leaves what was there before, rows and jobs of others included.

mod attempts;
mod deployments;
mod interruptions;
mod logs;
mod repair;

use crate::support::{self, CRON_DATABASE, client, cluster, schema::schema, target, value};
use refreshtop::command::migrate;

/// Migrates; no job runs afterwards.
async fn up(url: &str) -> Vec<String> {
    let lines = migrate::up(&target(url)).await.unwrap_or_else(|error| panic!("{error}"));
    support::pause_jobs(url).await;
    lines
}

async fn down(url: &str) -> Vec<String> {
    migrate::down(&target(url), 0).await.unwrap_or_else(|error| panic!("{error}"))
}

/// What a refresh says of itself: its status and its message.
async fn refresh(url: &str) -> (String, String) {
    let sql = "SELECT r ->> 'status', r ->> 'message' FROM refreshtop.refresh('platform_metrics', 'manual') r";
    let row = client(url).await.query_one(sql, &[]).await.unwrap_or_else(|error| panic!("{error:?}"));
    (row.get(0), row.get(1))
}

/// Refreshes, and sees the row of it.
async fn refreshed(url: &str) {
    let (status, message) = refresh(url).await;
    assert_eq!(status, "success", "{message}");
    let newest: String =
        value(url, "SELECT status FROM public.metrics_refresh_log ORDER BY created_at DESC LIMIT 1").await;
    assert_eq!(newest, "success");
}

/// The jobs of the database of `url`, whole.
async fn jobs(url: &str) -> Vec<String> {
    let cluster = cluster().await;
    if !cluster.has_cron() {
        return Vec::new();
    }
    let database = url.rsplit_once('/').unwrap().1;
    let sql = "SELECT j::text FROM cron.job j WHERE database = $1 ORDER BY jobid";
    let rows = client(&cluster.url(CRON_DATABASE)).await.query(sql, &[&database]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

/// The rows of every table and of every view that has data, but of the view that a refresh changes.
async fn rows(url: &str) -> Vec<String> {
    let session = client(url).await;
    let list = "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                WHERE c.relkind IN ('r', 'p', 'm') AND c.relispopulated AND c.relname <> 'platform_metrics'
                  AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema' ORDER BY 1";
    let mut text = Vec::new();
    for relation in session.query(list, &[]).await.unwrap() {
        let name: String = relation.get(0);
        let sql = format!(
            "SELECT count(*) || ' ' || coalesce(md5(string_agg(t::text, ',' ORDER BY t::text)), '') FROM {name} t"
        );
        let sum: String = session.query_one(&sql, &[]).await.unwrap().get(0);
        text.push(format!("{name}: {sum}"));
    }
    text
}

/// Everything that a rollback must leave as it was.
async fn whole(url: &str) -> (String, Vec<String>, Vec<String>) {
    (schema(url).await, rows(url).await, jobs(url).await)
}
