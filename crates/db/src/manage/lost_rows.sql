-- Counts the rows of a view's query as the view's owner, inside a REFRESH: why a concurrent refresh would lose some of
-- them, or NULL. It loses a row without an error if the query gives the same row twice and one of its columns is NULL;
-- only a unique key that holds for the query itself rules that out. Between enter.sql and leave.sql.
CREATE FUNCTION refreshtop_migration.lost_rows(p_view oid, p_path text) RETURNS text LANGUAGE plpgsql
AS $$
DECLARE
    v_view    record;
    v_index   record;
    v_rows    bigint[];
    v_problem text;
    v_found   oid;
BEGIN
    SELECT c.oid, c.oid::regclass::text AS name, pg_get_userbyid(c.relowner) AS owner,
           rtrim(pg_get_viewdef(c.oid), ';') AS query
    INTO v_view
    FROM pg_class c WHERE c.oid = p_view;
    FOR v_index IN
        SELECT i.indexrelid::regclass::text AS name,
               string_agg(format('q.%I', a.attname), ', ' ORDER BY k.place) AS columns,
               string_agg(format('q.%I IS NULL', a.attname), ' OR ' ORDER BY k.place) AS any_null
        FROM pg_index i CROSS JOIN LATERAL unnest(i.indkey::smallint[]) WITH ORDINALITY AS k(attnum, place)
        JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
        WHERE i.indrelid = p_view AND i.indisunique AND i.indisvalid AND i.indimmediate
          AND i.indpred IS NULL AND i.indexprs IS NULL
          AND k.place <= i.indnkeyatts
        GROUP BY i.indexrelid ORDER BY i.indexrelid
    LOOP
        -- Even parsing a stranger's query runs his code. So it stays a text until it is executed inside the refresh.
        EXECUTE format(
            'CREATE FUNCTION refreshtop_before.refreshtop_count() RETURNS bigint[] '
            'LANGUAGE plpgsql SET search_path = %s AS %L',
            p_path,
            format(
                'DECLARE v_rows bigint[]; BEGIN EXECUTE %L INTO v_rows; RETURN v_rows; END',
                format(
                    'SELECT ARRAY[count(*), count(DISTINCT ROW(%s)) FILTER (WHERE NOT (%s)), '
                    'count(*) FILTER (WHERE %s)] FROM (%s) q',
                    v_index.columns, v_index.any_null, v_index.any_null, v_view.query)));
        EXECUTE format('GRANT EXECUTE ON FUNCTION refreshtop_before.refreshtop_count() TO %I', v_view.owner);
        CREATE MATERIALIZED VIEW refreshtop_before.refreshtop_rows AS
            SELECT refreshtop_before.refreshtop_count() AS rows WITH NO DATA;
        v_found := 'refreshtop_before.refreshtop_rows'::regclass;
        PERFORM refreshtop_migration.let_own('refreshtop_before', v_view.owner);
        EXECUTE format('ALTER MATERIALIZED VIEW refreshtop_before.refreshtop_rows OWNER TO %I', v_view.owner);
        SET LOCAL row_security = off;
        REFRESH MATERIALIZED VIEW refreshtop_before.refreshtop_rows;
        PERFORM refreshtop_migration.must_be_plain('refreshtop_before.refreshtop_rows', v_found);
        SET LOCAL row_security = on;
        SELECT r.rows INTO v_rows FROM refreshtop_before.refreshtop_rows r;
        DROP MATERIALIZED VIEW refreshtop_before.refreshtop_rows;
        DROP FUNCTION refreshtop_before.refreshtop_count();
        IF v_rows[2] + v_rows[3] >= v_rows[1] THEN
            RETURN NULL;
        END IF;
        v_problem := format(
            'index %s takes each key once, and the query of %s gives %s more: '
            'a concurrent refresh loses those with a NULL in them without an error',
            v_index.name, v_view.name,
            v_rows[1] - v_rows[2] - v_rows[3]
                || CASE v_rows[1] - v_rows[2] - v_rows[3] WHEN 1 THEN ' row' ELSE ' rows' END);
    END LOOP;
    RETURN v_problem;
END
$$;
