//! A whole schema as text, to compare what a rollback leaves with what was there before.

use crate::support::{client, cluster};
use std::process::Command;

/// The whole schema, rights and owners included: as the catalogs tell it, and as `pg_dump` writes it where the server's
/// build has one.
pub async fn schema(url: &str) -> String {
    let mut text = catalogs(url).await;
    let program = cluster().await.programs().bin().join("pg_dump");
    if program.is_file() {
        let dump = Command::new(program).args(["--schema-only", "--dbname", url]).output().unwrap();
        assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
        let dump = String::from_utf8(dump.stdout).unwrap();
        // Newer releases of pg_dump guard the script with a random key.
        let lines = dump.lines().filter(|line| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict"));
        text.extend(lines.flat_map(|line| ["\n", line]));
    }
    text
}

/// The same without `pg_dump`, and so of any server.
pub async fn catalogs(url: &str) -> String {
    client(url).await.query_one(CATALOGS, &[]).await.unwrap().get(0)
}

/// Every object outside the system's schemas, one line each; default rights read alike, written down or not.
const CATALOGS: &str = "
WITH own(oid, name) AS (
    SELECT oid, nspname FROM pg_namespace WHERE nspname <> 'information_schema' AND nspname NOT LIKE 'pg\\_%'
)
SELECT coalesce(string_agg(line, E'\\n' ORDER BY line), '') FROM (
    SELECT concat_ws('|', 'schema', n.nspname, n.nspowner::regrole, (SELECT array_agg(i::text ORDER BY i::text) FROM unnest(coalesce(n.nspacl, acldefault('n', n.nspowner))) i)) AS line
    FROM pg_namespace n JOIN own USING (oid)
    UNION ALL
    SELECT concat_ws('|', 'relation', own.name, c.relname, c.relkind, c.relowner::regrole, (SELECT array_agg(i::text ORDER BY i::text) FROM unnest(coalesce(c.relacl, acldefault(CASE c.relkind WHEN 'S' THEN 's'::\"char\" ELSE 'r' END, c.relowner))) i),
                     c.relrowsecurity, c.relforcerowsecurity, c.reloptions, obj_description(c.oid, 'pg_class'),
                     CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END,
                     CASE WHEN c.relkind = 'i' THEN pg_get_indexdef(c.oid) END)
    FROM pg_class c JOIN own ON own.oid = c.relnamespace
    UNION ALL
    SELECT concat_ws('|', 'column', a.attrelid::regclass, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
                     a.attidentity, pg_get_expr(d.adbin, d.adrelid), (SELECT array_agg(i::text ORDER BY i::text) FROM unnest(a.attacl) i),
                     col_description(a.attrelid, a.attnum))
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN own ON own.oid = c.relnamespace
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attnum > 0 AND NOT a.attisdropped
    UNION ALL
    SELECT concat_ws('|', 'constraint', o.conrelid::regclass, o.conname, pg_get_constraintdef(o.oid))
    FROM pg_constraint o JOIN own ON own.oid = o.connamespace
    UNION ALL
    SELECT concat_ws('|', 'policy', p.polrelid::regclass, p.polname, p.polcmd, p.polpermissive, p.polroles::regrole[],
                     pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
    FROM pg_policy p
    UNION ALL
    SELECT concat_ws('|', 'trigger', t.tgrelid::regclass, pg_get_triggerdef(t.oid)) FROM pg_trigger t WHERE NOT t.tgisinternal
    UNION ALL
    SELECT concat_ws('|', 'routine', p.oid::regprocedure, p.proowner::regrole, (SELECT array_agg(i::text ORDER BY i::text) FROM unnest(coalesce(p.proacl, acldefault('f', p.proowner))) i),
                     obj_description(p.oid, 'pg_proc'), pg_get_functiondef(p.oid))
    FROM pg_proc p JOIN own ON own.oid = p.pronamespace WHERE p.prokind IN ('f', 'p')
) described";
