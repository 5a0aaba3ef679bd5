-- What decides what board.sql says, as one value: for a poll, which reads the list again only if that is another one.
-- array_out quotes names, so no name can look like two. The name of an index counts if the index can't be used.
WITH matview AS MATERIALIZED (
    SELECT c.oid, c.relnamespace, c.relname, c.relowner, c.relispopulated
    FROM pg_class c WHERE c.relkind = 'm' ORDER BY c.oid
), unique_index AS MATERIALIZED (
    SELECT i.indrelid, i.indexrelid, i.indisvalid, i.indisready AND i.indislive AS is_ready, i.indimmediate,
           i.indpred IS NOT NULL AS is_partial, i.indexprs IS NOT NULL AS has_expressions
    FROM matview m JOIN pg_index i ON i.indrelid = m.oid
    WHERE i.indisunique ORDER BY i.indexrelid
)
SELECT sha256(convert_to(concat(
    (SELECT concat(array_agg(m.oid), array_agg(m.relname), array_agg(m.relnamespace), array_agg(m.relowner),
                   array_agg(m.relispopulated)) FROM matview m),
    (SELECT concat(array_agg(u.indrelid), array_agg(u.indexrelid),
                   array_agg((u.indexrelid, u.indisvalid, u.is_ready, u.indimmediate, u.is_partial, u.has_expressions,
                              (SELECT c.relname FROM pg_class c WHERE c.oid = u.indexrelid)))
                   FILTER (WHERE NOT (u.indisvalid AND u.is_ready AND u.indimmediate)
                                 OR u.is_partial OR u.has_expressions)) FROM unique_index u),
    (SELECT array_agg((o.relowner, pg_get_userbyid(o.relowner)) ORDER BY o.relowner)
     FROM (SELECT DISTINCT m.relowner FROM matview m) o),
    (SELECT array_agg((n.oid, n.nspname) ORDER BY n.oid)
     FROM pg_namespace n WHERE n.oid IN (SELECT m.relnamespace FROM matview m))
), getdatabaseencoding())) AS state
