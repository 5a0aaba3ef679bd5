//! Managing views and refreshing them by their names.

use super::{code, run};
use crate::support::{execute, fresh_app, fresh_role, migrated_app, value};
use refreshtop_core::exit;

#[tokio::test]
async fn views_are_managed_set_refreshed_and_let_go() {
    let url = migrated_app("managing").await;
    execute(
        &url,
        "CREATE SCHEMA shop; CREATE TABLE shop.orders (id integer PRIMARY KEY, town text);
         INSERT INTO shop.orders SELECT n, 'town ' || n % 3 FROM generate_series(1, 9) n;
         CREATE MATERIALIZED VIEW shop.\"By Town\" AS SELECT town, count(*) FROM shop.orders GROUP BY town;
         CREATE UNIQUE INDEX ON shop.\"By Town\" (town);
         CREATE MATERIALIZED VIEW shop.keyless AS SELECT town, count(*) FROM shop.orders GROUP BY town",
    )
    .await;
    // Nobody can be asked.
    let asks = run(&url, "views add --all").await;
    assert_eq!((code(&asks), asks.out.as_str()), (exit::USAGE, ""), "{asks:?}");
    let dry = run(&url, "views add --all --dry-run").await;
    assert_eq!(code(&dry), exit::OK, "{dry:?}");
    for wanted in [
        "shop.\"By Town\" (owner ",
        "  can be managed\n",
        "can't be managed: shop.keyless has no unique index",
        "\n    CREATE UNIQUE INDEX CONCURRENTLY ON shop.keyless (town); -- ",
        "platform_metrics (owner ",
        "  is managed already\n",
    ] {
        assert!(dry.out.contains(wanted), "{wanted}: {}", dry.out);
    }
    // The statement is said once, with its columns.
    assert_eq!(dry.out.matches("CREATE UNIQUE INDEX").count(), 1, "{}", dry.out);
    assert_eq!(value::<i64>(&url, "SELECT count(*) FROM refreshtop.views").await, 1);

    let added = run(&url, "views add --all --yes --json").await;
    assert_eq!((code(&added), added.err.as_str()), (exit::OK, ""), "{added:?}");
    let answer = added.json();
    let outcome = |name: &str| {
        let view = answer["views"].as_array().unwrap().iter().find(|view| view["name"] == name).unwrap();
        view["outcome"].as_str().unwrap().to_owned()
    };
    assert_eq!(outcome("shop.\"By Town\""), "managed", "{answer}");
    assert_eq!(outcome("shop.keyless"), "refused", "{answer}");
    assert_eq!(outcome("platform_metrics"), "already", "{answer}");
    let blocking = run(&url, "views add keyless --blocking --yes").await;
    assert!(blocking.out.contains("shop.keyless: managed, and refreshed plainly in "), "{blocking:?}");

    let set = run(&url, "views set 'by town' lock_timeout=9s work_mem=64MB").await;
    assert_eq!((code(&set), set.out.as_str()), (exit::OK, "shop.\"By Town\": changed\n"), "{set:?}");
    let wrong = run(&url, "views set 'by town' nonsense=1").await;
    assert_eq!(code(&wrong), exit::USAGE, "{wrong:?}");
    assert!(wrong.err.contains("a view has no setting \"nonsense\"; It has blocking"), "{wrong:?}");
    assert_eq!(code(&run(&url, "views set 'by town' lock_timeout").await), exit::USAGE);

    let refreshed = run(&url, "refresh 'By Town' shop.keyless").await;
    assert_eq!((code(&refreshed), refreshed.err.as_str()), (exit::OK, ""), "{refreshed:?}");
    assert_eq!(refreshed.out.matches("refreshed in ").count(), 2, "{refreshed:?}");
    let one = run(&url, "trigger 'shop.*Town*' --json").await.json();
    assert_eq!((&one["view"], &one["status"]), (&"shop.\"By Town\"".into(), &"success".into()), "{one}");
    execute(&url, "DROP MATERIALIZED VIEW shop.keyless").await;
    let worst = run(&url, "refresh shop.keyless 'By Town'").await;
    assert_eq!(code(&worst), exit::FAILURE, "{worst:?}");
    assert!(
        worst.err.contains("shop.keyless: the refresh failed: ") && worst.out.contains("refreshed in "),
        "{worst:?}"
    );
    let unknown = run(&url, "refresh nothing").await;
    assert_eq!(code(&unknown), exit::FAILURE, "{unknown:?}");
    assert!(unknown.err.contains("there is no such materialized view: \"nothing\""), "{unknown:?}");

    // A view that is gone, or somebody else's by now, can be removed as well.
    let (other, _) = fresh_role(&url, "other", "").await;
    execute(&url, &format!("ALTER MATERIALIZED VIEW shop.\"By Town\" OWNER TO {other}")).await;
    let unknown = run(&url, "views remove nothing").await;
    assert!(unknown.err.contains("no managed view is named \"nothing\""), "{unknown:?}");
    let removed = run(&url, "views remove '*' --yes --json").await;
    assert_eq!(code(&removed), exit::OK, "{removed:?}");
    assert_eq!(removed.json()["views"].as_array().unwrap().len(), 2, "{removed:?}");
    assert_eq!(value::<i64>(&url, "SELECT count(*) FROM refreshtop.views").await, 1);
    let ours = run(&url, "views remove platform_metrics --yes").await;
    assert_eq!(code(&ours), exit::FAILURE, "{ours:?}");
    assert!(ours.err.contains("platform_metrics came with a migration"), "{ours:?}");
}

#[tokio::test]
async fn only_who_may_migrate_is_let_manage() {
    let url = migrated_app("managing_who").await;
    let (_, plain) = fresh_role(&url, "plain", "").await;
    let (_, admin) = fresh_role(&url, "admin", "IN ROLE refreshtop_admin").await;
    for login in [&plain, &admin] {
        for line in ["views add --all --yes", "views remove '*'", "views set platform_metrics lock_timeout=9s"] {
            let refused = run(login, line).await;
            assert_eq!((code(&refused), refused.out.as_str()), (exit::NOT_PERMITTED, ""), "{line}: {refused:?}");
            assert!(refused.err.contains("may not change which views are managed"), "{refused:?}");
        }
    }
    let bare = fresh_app("managing_bare").await;
    let none = run(&bare, "views add --all --yes").await;
    assert_eq!(code(&none), exit::NOT_MIGRATED, "{none:?}");
}
