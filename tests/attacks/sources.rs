//! The application's tables, of which the figures are made: what their owners hang on them.

use crate::scene::{Migrator, SOURCES, Scene};

/// What an owner can hang on `public.accounts`. All figures stay as they are.
macro_rules! on_every_source {
    ($name:ident by $by:tt) => {
        attack!($name {
            view: "ALTER TABLE public.accounts SET SCHEMA m; CREATE VIEW public.accounts AS SELECT * FROM m.accounts WHERE m.evil_true('view')",
            materialized_view: "ALTER TABLE public.accounts SET SCHEMA m; CREATE MATERIALIZED VIEW public.accounts AS SELECT * FROM m.accounts WHERE m.evil_true('query')",
            policy: "ALTER TABLE public.accounts ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON public.accounts USING (m.evil_true('policy'))",
            forced_policy: "ALTER TABLE public.accounts ENABLE ROW LEVEL SECURITY; ALTER TABLE public.accounts FORCE ROW LEVEL SECURITY;
                CREATE POLICY p ON public.accounts USING (m.evil_true('policy'))",
            expressions: "CREATE INDEX ON public.accounts (id) WHERE m.evil_constant(1) = 1;
                CREATE INDEX ON public.accounts (m.evil_text(id::text));
                ALTER TABLE public.accounts ADD CHECK (m.evil_constant(1) = 1);
                ALTER TABLE public.accounts ADD note integer GENERATED ALWAYS AS (m.evil_constant(1)) STORED;
                DO $$ BEGIN
                    IF current_setting('server_version_num')::integer >= 140000 THEN
                        EXECUTE 'CREATE STATISTICS m.s ON (m.evil_constant(1) + id), (m.evil_constant(2) + id) FROM public.accounts';
                    END IF; END $$",
            child: "CREATE TABLE m.child () INHERITS (public.accounts); CREATE INDEX ON m.child (id) WHERE m.evil_constant(1) = 1",
            select_rule: "DO $$ BEGIN
                IF current_setting('server_version_num')::integer < 160000 THEN
                    -- A table that never had an index.
                    ALTER TABLE public.accounts SET SCHEMA m; CREATE TABLE public.accounts (id bigint, created_at timestamptz);
                    CREATE RULE \"_RETURN\" AS ON SELECT TO public.accounts DO INSTEAD SELECT id, created_at FROM m.accounts WHERE m.evil_true('rule');
                END IF; END $$",
        } by $by);
    };
}

/// 6 a. All sources belong to one role, which is not the migrator's.
async fn sources_before(scene: Scene, hung: &str) {
    scene.attacker_creates_in_public().await;
    scene.attacker_owns_sources(&SOURCES).await;
    scene.plant(hung).await;
    readable(&scene).await;
    scene.migrate().await;
    // A role that can't become their owner has the view owned by one that has nothing but these sources.
    let harmless: &[&str] = if scene.migrator == Migrator::Managed { &["refreshtop_view"] } else { &[] };
    scene.refresh().await;
    scene.look().await;
    scene.held_but_as(harmless).await;
    scene.no_wrong_figure().await;
    scene.live().await;
    scene.held_but_as(harmless).await;
}
on_every_source!(sources_before by [superuser, owner, managed]);

/// 6 c. One of the sources belongs to somebody else, who changes it after the migration.
async fn one_source_later(scene: Scene, hung: &str) {
    scene.attacker_creates_in_public().await;
    scene.attacker_owns_sources(&["accounts"]).await;
    scene.migrate().await;
    scene.plant(hung).await;
    readable(&scene).await;
    scene.refresh().await;
    scene.look().await;
    // Where sources have several owners, a role that has nothing but these owns the view.
    scene.held_but_as(&["refreshtop_view"]).await;
    scene.no_wrong_figure().await;
    scene.live().await;
    scene.held_but_as(&["refreshtop_view"]).await;
}
on_every_source!(one_source_later by [superuser, owner, managed]);

/// Whatever was made instead of a source may be read as the source was.
async fn readable(scene: &Scene) {
    let all = format!(
        "GRANT USAGE ON SCHEMA m TO PUBLIC; GRANT SELECT ON ALL TABLES IN SCHEMA m TO PUBLIC; GRANT SELECT ON public.accounts TO {}",
        scene.boss.name
    );
    scene.plant(&all).await;
}
