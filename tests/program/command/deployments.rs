//! Deployments as they are found, as one who installs refreshtop there would try it: every view is managed or refused with
//! the reason, every managed view is refreshed with the rows of its query, and afterwards the schema is as it was.

use super::{code, run};
use crate::support::{SMALL_APP, client, execute, fresh_database, schema::schema};
use refreshtop_core::exit;

/// The application's tables but one, so that `platform_metrics` is a view like others, and the deployment.
async fn deployment(fixture: &str) -> String {
    let url = fresh_database("deployment").await;
    execute(&url, SMALL_APP).await;
    execute(&url, fixture).await;
    execute(&url, "ALTER TABLE public.software_licenses RENAME TO licenses").await;
    url
}

/// Rows that a view has and its query has not, or the other way round. A view that has the time it was made at differs in
/// that column alone, so it is left out.
async fn wrong_rows(url: &str, view: &str) -> i64 {
    let client = client(url).await;
    let sql = "SELECT rtrim(pg_get_viewdef(c.oid), ';'), string_agg(quote_ident(a.attname), ', ')
         FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND a.attname <> 'last_updated'
         WHERE c.oid = $1::text::regclass GROUP BY c.oid";
    let row = client.query_one(sql, &[&view]).await.unwrap();
    let (query, columns): (String, String) = (row.get(0), row.get(1));
    let differing = format!(
        "SELECT count(*) FROM ((SELECT {columns} FROM {view} EXCEPT ALL SELECT {columns} FROM ({query}) q)
             UNION ALL (SELECT {columns} FROM ({query}) q EXCEPT ALL SELECT {columns} FROM {view})) d"
    );
    client.query_one(&differing, &[]).await.unwrap().get(0)
}

/// Installs, manages what can be managed, refreshes it, and goes again. `wanted` has the reason of each view that is
/// refused, and nothing for one that is managed.
async fn there_and_back(fixture: &str, wanted: &[(&str, &str)]) {
    let url = deployment(fixture).await;
    let before = schema(&url).await;
    let installed = run(&url, "migrate").await;
    assert_eq!(code(&installed), exit::OK, "{installed:?}");
    let added = run(&url, "views add --all --yes --json").await;
    assert_eq!(code(&added), exit::OK, "{added:?}");
    let added = added.json();
    for view in added["views"].as_array().unwrap() {
        let name = view["name"].as_str().unwrap();
        let reason = wanted.iter().find(|(wanted, _)| *wanted == name).unwrap_or_else(|| panic!("{name}: {view}")).1;
        let found = view["reason"].as_str().unwrap_or_default();
        assert_eq!(view["outcome"], if reason.is_empty() { "managed" } else { "refused" }, "{view}");
        assert!(found.contains(reason) && (reason.is_empty() || found.contains(name)), "{view}");
        if reason.is_empty() {
            let refreshed = run(&url, &format!("refresh '{name}'")).await;
            assert_eq!(code(&refreshed), exit::OK, "{refreshed:?}");
            assert_eq!(wrong_rows(&url, name).await, 0, "{name}");
        }
    }
    assert_eq!(added["views"].as_array().unwrap().len(), wanted.len(), "{added}");
    if wanted.iter().any(|(_, reason)| reason.is_empty()) {
        let removed = run(&url, "views remove '*' --yes").await;
        assert_eq!(code(&removed), exit::OK, "{removed:?}");
    }
    let down = run(&url, "migrate down --yes").await;
    assert_eq!(code(&down), exit::OK, "{down:?}");
    assert_eq!(schema(&url).await, before);
}

const NO_KEY: &str = "has no unique index";

#[tokio::test]
async fn views_of_a_schema_and_of_a_chain() {
    there_and_back(include_str!("../../fixtures/cases/02-jobs-without-a-name.sql"), &[("shows_by_day", "")]).await;
    let one_function = include_str!("../../fixtures/cases/04-one-function-for-many-views.sql");
    there_and_back(one_function, &[("figures.towns", NO_KEY), ("figures.long_names", NO_KEY)]).await;
    let chain = include_str!("../../fixtures/cases/05-mixed-case-and-no-key.sql");
    there_and_back(chain, &[("\"TagFigures\"", NO_KEY), ("\"Sums\"", ""), ("\"Last\"", NO_KEY)]).await;
    there_and_back(include_str!("../../fixtures/cases/13-a-log-of-another-name.sql"), &[("clicks_by_kind", "")]).await;
    let monthly = include_str!("../../fixtures/cases/20-once-a-month.sql");
    there_and_back(monthly, &[("yearly.by_year", ""), ("yearly.by_project", NO_KEY)]).await;
}

#[tokio::test]
async fn queries_that_need_something_that_a_refresh_has_not() {
    let key = "CREATE UNIQUE INDEX ON public.platform_metrics (total_accounts);";
    let hidden = include_str!("../../fixtures/cases/08-name-in-a-string.sql");
    let by_path = include_str!("../../fixtures/cases/09-functions-find-names-by-path.sql");
    let triggers = include_str!("../../fixtures/cases/10-event-triggers.sql");
    let counted =
        "CREATE MATERIALIZED VIEW public.platform_metrics AS SELECT count(*) AS total_accounts FROM public.accounts;";
    there_and_back(&format!("{hidden}{key}"), &[("platform_metrics", "relation \"papers\" does not exist")]).await;
    there_and_back(&format!("{by_path}{key}"), &[("platform_metrics", "relation \"tariffs\" does not exist")]).await;
    let dropped = format!("{triggers}{counted}{key}");
    there_and_back(&dropped, &[("platform_metrics", "relation \"refresh_figures\" does not exist")]).await;
}

#[tokio::test]
async fn keys_that_are_missing_or_lose_rows() {
    let recreated = include_str!("../../fixtures/cases/15-made-anew-by-a-release.sql");
    there_and_back(recreated, &[("platform_metrics", NO_KEY)]).await;
    let lost = include_str!("../../fixtures/cases/18-nulls-hide-rows.sql");
    there_and_back(lost, &[("platform_metrics", "1 row")]).await;
    let no_key = include_str!("../../fixtures/cases/24-many-rows-and-no-key.sql");
    there_and_back(no_key, &[("platform_metrics", NO_KEY)]).await;
}

#[tokio::test]
async fn rows_hidden_from_the_owner_and_jobs_of_others() {
    let hidden = include_str!("../../fixtures/cases/22-rows-hidden-from-the-owner.sql");
    there_and_back(hidden, &[("platform_metrics", "row security hides rows")]).await;
    there_and_back(include_str!("../../fixtures/cases/23-jobs-beside-ours.sql"), &[("platform_metrics", "")]).await;
}
