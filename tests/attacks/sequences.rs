//! Sequences: no row security guards them, and `setval` needs no more than their number.

use crate::{
    scene::{Migrator, Scene},
    support::{execute, value},
};

/// Every sequence of ours.
const SEQUENCES: &str = "FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname LIKE 'refreshtop%'";

const LOST: &str = "SELECT count(*) FROM public.metrics_refresh_log WHERE error_message LIKE '%without a trace%'";

/// Default privileges that give every sequence to everybody.
async fn given_away(scene: Scene) {
    let generous = "ALTER DEFAULT PRIVILEGES GRANT ALL ON SEQUENCES TO PUBLIC";
    execute(&scene.boss.url, generous).await;
    if scene.migrator != Migrator::Owner {
        let generous = "ALTER DEFAULT PRIVILEGES FOR ROLE refreshtop_owner GRANT ALL ON SEQUENCES TO PUBLIC";
        scene.sudo(generous).await;
    }
    scene.migrated().await;
    scene.works().await;
    let ours = format!("SELECT setval(c.oid::regclass, s.seqmax) {SEQUENCES}");
    assert_eq!(scene.try_to_plant(&[&ours]).await, 0, "a plain role sets our sequences");
    // One that is made later, and a right that somebody gives.
    scene
        .sudo(&format!(
            "DO $$ DECLARE s text; BEGIN
                 FOR s IN SELECT c.oid::regclass::text {SEQUENCES} LIMIT 1 LOOP EXECUTE 'DROP SEQUENCE ' || s; END LOOP;
                 FOR s IN SELECT c.oid::regclass::text {SEQUENCES} LOOP EXECUTE 'GRANT ALL ON SEQUENCE ' || s || ' TO {}'; END LOOP;
             END $$",
            scene.attacker.name
        ))
        .await;
    scene.works().await;
    let again = scene.migrated().await;
    assert!(again.text().contains("on sequence refreshtop.attempt_"), "{again:?}");
    for number in 1..=8 {
        let one = format!("{ours} AND c.relname LIKE 'attempt\\_%\\_{number}'");
        assert_eq!(scene.try_to_plant(&[&one]).await, 0, "a plain role sets sequence {number}");
    }
    scene.works().await;
}
attack!(given_away by [superuser, owner, managed]);

/// A role that may write everything sets all that counts to its end.
async fn at_their_end(scene: Scene) {
    scene.migrated().await;
    scene.works().await;
    scene.attacker_uses_all_data().await;
    scene.plant(&format!("SELECT setval(c.oid::regclass, s.seqmax) {SEQUENCES}")).await;
    scene.works().await;
    scene.plant(&format!("SELECT setval(c.oid::regclass, s.seqmax) {SEQUENCES}")).await;
    let cleanup = scene.run(&scene.oncall.url, "cleanup --yes").await;
    assert_eq!(cleanup.code, 0, "{cleanup:?}");
    execute(&scene.oncall.url, "SELECT refreshtop.refresh('platform_metrics')").await;
    assert_eq!(value::<i64>(&scene.superuser, LOST).await, 0);
    scene.plant(&format!("SELECT setval(c.oid::regclass, s.seqmax) {SEQUENCES}")).await;
    scene.sudo("DROP FUNCTION refreshtop.stats(text, interval)").await;
    scene.migrated().await;
    scene.works().await;
    // A grant on a sequence, as on release 13, the migration has taken away.
    scene.attacker_uses_all_data().await;
    scene.plant(&format!("SELECT setval(c.oid::regclass, s.seqmax) {SEQUENCES}")).await;
    let down = scene.run(&scene.boss.url, "migrate down --yes").await;
    assert_eq!(down.code, 0, "{down:?}");
}
attack!(at_their_end by [superuser, owner, managed]);

/// The same role marks attempts that never were.
async fn forged_attempts(scene: Scene, mark: &str) {
    scene.migrated().await;
    scene.works().await;
    scene.attacker_uses_all_data().await;
    for _ in 0..3 {
        scene.plant(mark).await;
        scene.works().await;
    }
    assert_eq!(value::<i64>(&scene.superuser, LOST).await, 0, "attempts were made up");
    let failed = "SELECT count(*) FROM public.metrics_refresh_log WHERE status <> 'success'";
    assert_eq!(value::<i64>(&scene.superuser, failed).await, 0);
}
attack!(forged_attempts {
    past: "SELECT setval(c.oid::regclass,
               (extract(epoch FROM now() - interval '1 hour' * row_number() OVER ()) * 1000000)::bigint)
           FROM pg_class c WHERE c.relkind = 'S' AND c.relname LIKE 'attempt\\_%'",
    // As our own would be, but for the proof.
    guessed: "SELECT setval(c.oid::regclass, (extract(epoch FROM clock_timestamp() - interval '5 s' * row_number() OVER ()) * 1000)::bigint
                                             * 1048576 + row_number() OVER ())
              FROM pg_class c WHERE c.relkind = 'S' AND c.relname LIKE 'attempt\\_%'",
    copied: "DO $$ DECLARE v_mark bigint; BEGIN
                 SELECT max(nextval(c.oid::regclass) - 1) INTO v_mark
                 FROM pg_class c WHERE c.relkind = 'S' AND c.relname LIKE 'attempt\\_%';
                 PERFORM setval(c.oid::regclass, v_mark)
                 FROM pg_class c WHERE c.relkind = 'S' AND c.relname LIKE 'attempt\\_%';
             END $$",
} by [superuser, owner, managed]);

/// No act can be noted any more: refreshes and clean-ups go on.
async fn acts_that_cannot_be_noted(scene: Scene) {
    scene.migrated().await;
    scene.sudo("ALTER TABLE refreshtop.audit ADD CHECK (action = 'nothing') NOT VALID").await;
    scene.works().await;
    let cleanup = scene.run(&scene.oncall.url, "cleanup --yes").await;
    assert_eq!(cleanup.code, 0, "{cleanup:?}");
    scene.sudo("DROP TABLE refreshtop.audit").await;
    scene.works().await;
    let cleanup = scene.run(&scene.oncall.url, "cleanup --yes").await;
    assert_eq!(cleanup.code, 0, "{cleanup:?}");
}
attack!(acts_that_cannot_be_noted by [superuser, owner, managed]);
