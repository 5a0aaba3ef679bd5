//! Who may manage views, and that nobody gains rights by it.

use super::{added, examined, shop};
use crate::support::{execute, fresh_role, migrate, open, session::Session, value};
use refreshtop_core::manage::Outcome;
use refreshtop_db::manage::{self, Permitted};

/// Everything that changes which views are managed, or how.
const CHANGES: [&str; 6] = [
    "SELECT refreshtop.manage('shop.by_town'::regclass)",
    "SELECT refreshtop.register_view('shop.by_town', 'shop.by_town'::regclass)",
    "SELECT refreshtop.unmanage('shop.by_town')",
    "SELECT refreshtop.change_view('shop.by_town', '{\"blocking\": \"on\"}')",
    "UPDATE refreshtop.views SET blocking = true",
    "DELETE FROM refreshtop.views",
];

#[tokio::test]
async fn only_who_may_migrate_changes_what_is_managed() {
    let (url, role) = shop("who").await;
    migrate(&url).await;
    added(&url, "shop.by_town", false).await;
    let (plain, plain_url) = fresh_role(&url, "plain", "").await;
    let (_, other_url) = fresh_role(&url, "other_owner", "").await;
    let (_, admin_url) = fresh_role(&url, "admin", "IN ROLE refreshtop_admin").await;
    let (maintainer, maintainer_url) = fresh_role(&url, "maintainer", "").await;
    execute(&url, &format!("GRANT USAGE ON SCHEMA shop TO {plain}, {maintainer}")).await;
    if value::<i32>(&url, "SELECT current_setting('server_version_num')::integer").await >= 170_000 {
        execute(&url, &format!("GRANT MAINTAIN ON shop.by_town TO {maintainer}")).await;
    }
    for (who, login) in [
        ("a plain role", plain_url.as_str()),
        ("the owner of another view", &other_url),
        ("a member of refreshtop_admin", &admin_url),
        ("who may maintain the view", &maintainer_url),
    ] {
        let session = Session::open(login).await;
        for change in CHANGES {
            assert_eq!(session.sqlstate(change).await, "42501", "{who}: {change}");
        }
        assert_eq!(manage::permitted(&open(login).await).await.unwrap(), Permitted::No, "{who}");
    }
    // The owner of the view.
    let owner = Session::with(&url, &format!("SET ROLE {role}")).await;
    for change in CHANGES {
        assert_eq!(owner.sqlstate(change).await, "42501", "the view's owner: {change}");
    }
    assert_eq!(manage::permitted(&open(&url).await).await.unwrap(), Permitted::Yes);
    let changed: bool = value(&url, "SELECT blocking FROM refreshtop.views WHERE refresh_type = 'shop.by_town'").await;
    assert!(!changed);
}

/// The attacker owns a view, what it reads and the functions in it, and hangs on it what he can.
#[tokio::test]
async fn code_of_a_views_owner_runs_with_no_others_rights() {
    let (url, role) = shop("hostile").await;
    execute(
        &url,
        &format!(
            "SET ROLE {role};
             CREATE TABLE shop.ran (who text, login text);
             GRANT INSERT ON shop.ran TO PUBLIC; GRANT USAGE ON SCHEMA shop TO PUBLIC;
             CREATE FUNCTION shop.evil() RETURNS boolean LANGUAGE plpgsql AS $f$
             BEGIN
                 RAISE LOG 'attack';
                 BEGIN INSERT INTO shop.ran VALUES (current_user, session_user); EXCEPTION WHEN OTHERS THEN NULL; END;
                 BEGIN EXECUTE 'ALTER ROLE {role} SUPERUSER'; EXCEPTION WHEN OTHERS THEN NULL; END;
                 BEGIN SET ROLE NONE; EXECUTE 'ALTER ROLE {role} SUPERUSER'; EXCEPTION WHEN OTHERS THEN NULL; END;
                 BEGIN PERFORM set_config('refreshtop.leave', 'ALTER ROLE {role} SUPERUSER', false); EXCEPTION WHEN OTHERS THEN NULL; END;
                 BEGIN PERFORM set_config('refreshtop.leave_roles', 'ALTER ROLE {role} SUPERUSER', false); EXCEPTION WHEN OTHERS THEN NULL; END;
                 BEGIN EXECUTE 'CREATE FUNCTION pg_temp.format(text, text) RETURNS text LANGUAGE sql AS $$ SELECT ''ALTER ROLE {role} SUPERUSER'' $$';
                 EXCEPTION WHEN OTHERS THEN NULL; END;
                 RETURN true;
             END $f$;
             CREATE FUNCTION shop.constant(integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS $f$ BEGIN PERFORM shop.evil(); RETURN $1; END $f$;
             CREATE MATERIALIZED VIEW shop.trap AS SELECT id, total FROM shop.orders WHERE shop.evil() WITH NO DATA;
             CREATE UNIQUE INDEX ON shop.trap (id);
             CREATE INDEX ON shop.trap (total) WHERE shop.constant(1) = 1;
             CREATE INDEX ON shop.trap ((shop.constant(id)))"
        ),
    )
    .await;
    if value::<i32>(&url, "SELECT current_setting('server_version_num')::integer").await >= 140_000 {
        execute(&url, &format!("SET ROLE {role}; CREATE STATISTICS shop.s ON (shop.constant(1) + id), (shop.constant(2) + id) FROM shop.trap")).await;
    }
    migrate(&url).await;
    execute(&url, "TRUNCATE shop.ran").await;
    let found = examined(&url, "shop.trap", false).await;
    assert_eq!(value::<i64>(&url, "SELECT count(*) FROM shop.ran").await, 0, "examining runs nothing");
    let outcome = manage::manage(&mut open(&url).await, &found, false).await.unwrap_or_else(|error| panic!("{error}"));
    assert!(matches!(outcome, Outcome::Managed { .. }), "{outcome:?}");
    execute(&url, "SELECT refreshtop.refresh('shop.trap'); SELECT refreshtop.unmanage('shop.trap')").await;
    let session = Session::open(&url).await;
    let ran = session.rows("SELECT DISTINCT who FROM shop.ran").await;
    assert_eq!(ran, [serde_json::json!({"who": role})], "only as the view's owner");
    let gained: bool = session.value(&format!("(SELECT rolsuper FROM pg_roles WHERE rolname = '{role}')")).await;
    assert!(!gained);
}

#[tokio::test]
async fn a_decoy_in_the_place_of_an_examined_view_is_not_managed() {
    let (url, role) = shop("decoy").await;
    migrate(&url).await;
    let found = examined(&url, "shop.by_town", false).await;
    let stranger = fresh_role(&url, "stranger", "").await.0;
    // Another view by that name.
    execute(&url, &format!("SET ROLE {role}; DROP MATERIALIZED VIEW shop.by_town; CREATE MATERIALIZED VIEW shop.by_town AS SELECT 1 AS id; CREATE UNIQUE INDEX ON shop.by_town (id)")).await;
    let outcome = manage::manage(&mut open(&url).await, &found, false).await.unwrap();
    assert!(
        matches!(&outcome, Outcome::Refused { reason } if reason.contains("no such relation any more")),
        "{outcome:?}"
    );
    // The same view of another owner.
    let found = examined(&url, "shop.by_town", false).await;
    execute(&url, &format!("ALTER MATERIALIZED VIEW shop.by_town OWNER TO {stranger}")).await;
    let outcome = manage::manage(&mut open(&url).await, &found, false).await.unwrap();
    assert!(matches!(&outcome, Outcome::Refused { reason } if reason.contains("given to another role")), "{outcome:?}");
    assert_eq!(value::<i64>(&url, "SELECT count(*) FROM refreshtop.views WHERE view_schema = 'shop'").await, 0);
    // A plain view, a table.
    let session = Session::open(&url).await;
    assert_eq!(session.sqlstate("SELECT refreshtop.manage('shop.orders'::regclass)").await, "42809");
    assert_eq!(session.sqlstate("SELECT refreshtop.manage('public.platform_metrics'::regclass)").await, "42710");
}

#[tokio::test]
async fn who_migrates_without_being_a_superuser_manages_views_of_roles_that_he_can_act_as() {
    let (url, role) = shop("managed").await;
    let (owner, owner_url) = crate::support::owned_app(&url).await;
    let reason = examined(&owner_url, "shop.by_town", false).await.obstacles.remove(0);
    assert!(reason.problem.contains(&format!("role {owner} may not grant rights on it")), "{reason:?}");
    execute(&url, &format!("GRANT {role} TO {owner}")).await;
    let found = examined(&owner_url, "shop.by_town", false).await;
    let outcome =
        manage::manage(&mut open(&owner_url).await, &found, false).await.unwrap_or_else(|error| panic!("{error}"));
    assert!(matches!(outcome, Outcome::Managed { concurrently: true, .. }), "{outcome:?}");
    manage::unmanage(&mut open(&owner_url).await, &found.view.id).await.unwrap().unwrap();
}
