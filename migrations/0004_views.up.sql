-- The materialized views that are refreshed here, identified by oid and owner as well as by name.
SELECT refreshtop_migration.as_owner();
CREATE TABLE IF NOT EXISTS refreshtop.views (
    refresh_type varchar(100) PRIMARY KEY,
    view_schema  name NOT NULL DEFAULT 'public',
    view_name    name NOT NULL,
    view_oid     oid,
    view_owner   name,
    definer      name,
    time_zone    text NOT NULL DEFAULT 'UTC',
    settings     jsonb NOT NULL DEFAULT '{}',
    lock_timeout interval NOT NULL DEFAULT '5 s' CHECK (lock_timeout BETWEEN '1 ms' AND '1 h'),
    keep_log     interval NOT NULL DEFAULT '30 days' CHECK (keep_log BETWEEN '1 hour' AND '1000 years'),
    blocking     boolean NOT NULL DEFAULT false,
    managed_at   timestamptz,
    schedule     text,
    run_every    interval CHECK (run_every > '0' AND run_every <= '100 years'),
    max_age      interval CHECK (max_age > '0' AND max_age <= '100 years'),
    max_duration interval CHECK (max_duration > '0' AND max_duration <= '100 years'),
    success_warning numeric CHECK (success_warning BETWEEN 0 AND 100),
    success_critical numeric CHECK (success_critical BETWEEN 0 AND 100),
    stats_window interval CHECK (stats_window > '0' AND stats_window <= '100 years'),
    time_limit   interval CHECK (time_limit BETWEEN '1 ms' AND '24 d'),
    UNIQUE (view_schema, view_name)
);
-- A role with our rights may have dropped columns.
ALTER TABLE refreshtop.views
    ADD COLUMN IF NOT EXISTS view_oid oid,
    ADD COLUMN IF NOT EXISTS view_owner name,
    ADD COLUMN IF NOT EXISTS definer name,
    ADD COLUMN IF NOT EXISTS time_zone text NOT NULL DEFAULT 'UTC',
    ADD COLUMN IF NOT EXISTS settings jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN IF NOT EXISTS lock_timeout interval NOT NULL DEFAULT '5 s' CHECK (lock_timeout BETWEEN '1 ms' AND '1 h'),
    ADD COLUMN IF NOT EXISTS keep_log interval NOT NULL DEFAULT '30 days'
        CHECK (keep_log BETWEEN '1 hour' AND '1000 years'),
    ADD COLUMN IF NOT EXISTS blocking boolean NOT NULL DEFAULT false,
    ADD COLUMN IF NOT EXISTS managed_at timestamptz,
    ADD COLUMN IF NOT EXISTS schedule text,
    ADD COLUMN IF NOT EXISTS run_every interval CHECK (run_every > '0' AND run_every <= '100 years'),
    ADD COLUMN IF NOT EXISTS max_age interval CHECK (max_age > '0' AND max_age <= '100 years'),
    ADD COLUMN IF NOT EXISTS max_duration interval CHECK (max_duration > '0' AND max_duration <= '100 years'),
    ADD COLUMN IF NOT EXISTS success_warning numeric CHECK (success_warning BETWEEN 0 AND 100),
    ADD COLUMN IF NOT EXISTS success_critical numeric CHECK (success_critical BETWEEN 0 AND 100),
    ADD COLUMN IF NOT EXISTS stats_window interval CHECK (stats_window > '0' AND stats_window <= '100 years'),
    ADD COLUMN IF NOT EXISTS time_limit interval CHECK (time_limit BETWEEN '1 ms' AND '24 d');
COMMENT ON TABLE refreshtop.views IS
    'Materialized views that refreshtop refreshes; a refresh holds its row locked, so that two never run at once';
COMMENT ON COLUMN refreshtop.views.view_oid IS
    'The view that was registered; another one of that name is not refreshed';
COMMENT ON COLUMN refreshtop.views.definer IS
    'Function in refreshtop_definers that refreshes with the rights of the view''s owner; '
    'NULL where our owner may do it itself';
COMMENT ON COLUMN refreshtop.views.time_zone IS 'TimeZone in which the query runs, whatever the session''s is';
COMMENT ON COLUMN refreshtop.views.settings IS
    'Other settings under which the query runs: those of whoever registered the view';
COMMENT ON COLUMN refreshtop.views.blocking IS
    'Whether it is refreshed plainly, which keeps readers waiting; otherwise concurrently';
COMMENT ON COLUMN refreshtop.views.managed_at IS
    'When refreshtop.manage() registered it; NULL for the view that the migrations make';
COMMENT ON COLUMN refreshtop.views.lock_timeout IS
    'How long a refresh waits for a lock before it gives up with a logged error';
COMMENT ON COLUMN refreshtop.views.time_limit IS 'How long a refresh may take; NULL for as long as it needs';
COMMENT ON COLUMN refreshtop.views.schedule IS
    'When it is refreshed: five fields of cron, or a number of seconds; NULL if not by a schedule';
COMMENT ON COLUMN refreshtop.views.run_every IS
    'Longest time between two runs of the schedule, from which limits follow that are not set';
COMMENT ON COLUMN refreshtop.views.max_age IS 'Age of the data above which it is a warning; NULL for the usual limit';
COMMENT ON COLUMN refreshtop.views.max_duration IS
    'Average duration of a refresh above which it is a warning; NULL for the usual limit';
COMMENT ON COLUMN refreshtop.views.success_warning IS
    'Success rate in per cent below which it is a warning; NULL for the usual limit';
COMMENT ON COLUMN refreshtop.views.success_critical IS
    'Success rate in per cent below which it is critical; NULL for the usual limit';
COMMENT ON COLUMN refreshtop.views.stats_window IS 'Window that is judged; NULL for the usual one';

DO $$
BEGIN
    IF NOT (SELECT relrowsecurity FROM pg_class WHERE oid = 'refreshtop.views'::regclass) THEN
        PERFORM refreshtop_migration.strip_relation('refreshtop.views');
    END IF;
    PERFORM refreshtop_migration.close_rows('refreshtop.views');
END
$$;
SELECT refreshtop_migration.let_admins_read('refreshtop.views');

-- The window that is judged unless another one is asked for: what is set, or else two runs of the schedule, or twice
-- the age that the data may have, so that a view is not said to have no refresh while none is due; at least a day.
CREATE OR REPLACE FUNCTION refreshtop.window_of(p_view refreshtop.views) RETURNS interval
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
    -- In seconds: a month has no length of its own.
    SELECT make_interval(secs => extract(epoch FROM coalesce(
        p_view.stats_window,
        greatest(interval '24 hours', 2 * coalesce(p_view.run_every, p_view.max_age)))))
$$;
SELECT refreshtop_migration.seal('refreshtop.window_of(refreshtop.views)');

-- What is set for a view, and what its other limits follow from: lengths of time in seconds.
CREATE OR REPLACE FUNCTION refreshtop.limits_of(p_view refreshtop.views) RETURNS jsonb
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT jsonb_strip_nulls(jsonb_build_object(
        'run_every', extract(epoch FROM p_view.run_every),
        'max_age', extract(epoch FROM p_view.max_age),
        'max_duration', extract(epoch FROM p_view.max_duration),
        'success_warning', p_view.success_warning,
        'success_critical', p_view.success_critical,
        'window', extract(epoch FROM p_view.stats_window),
        'time_limit', extract(epoch FROM p_view.time_limit)))
$$;
SELECT refreshtop_migration.seal('refreshtop.limits_of(refreshtop.views)');

-- The view and every relation that its refresh reads: tables, partitions, and what is behind plain views.
-- This and the next function are in PL/pgSQL because a session then plans them once.
CREATE OR REPLACE FUNCTION refreshtop.relations(p_view oid) RETURNS SETOF oid
LANGUAGE plpgsql STABLE ROWS 10 SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY
    WITH RECURSIVE reached(relation) AS (
        SELECT p_view
        UNION
        SELECT next.relation
        FROM reached
        CROSS JOIN LATERAL (
            SELECT d.refobjid
            FROM pg_rewrite r
            JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
                            AND d.refclassid = 'pg_class'::regclass
            JOIN pg_class c ON c.oid = r.ev_class
            WHERE r.ev_class = reached.relation AND (c.relkind = 'v' OR r.ev_class = p_view)
            UNION ALL
            SELECT i.inhrelid FROM pg_inherits i WHERE i.inhparent = reached.relation
        ) next(relation)
    )
    SELECT c.oid FROM reached JOIN pg_class c ON c.oid = reached.relation WHERE c.relkind IN ('r', 'p', 'f', 'm', 'v');
END
$$;
SELECT refreshtop_migration.seal('refreshtop.relations(oid)');

-- The relations that a view's query reads, and the role with whose rights each is read: the view's owner or, behind a
-- plain view, that one's owner, unless it is declared to read with the caller's rights. Partitions are read with the
-- rights on the whole.
CREATE OR REPLACE FUNCTION refreshtop.readers(p_view oid) RETURNS TABLE (relation oid, reader oid)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    WITH RECURSIVE needed(relation, reader) AS (
        SELECT c.oid, c.relowner FROM pg_class c WHERE c.oid = p_view
        UNION
        SELECT d.refobjid,
               CASE WHEN v.reloptions::text ~ 'security_invoker=(true|on|1)' THEN needed.reader ELSE v.relowner END
        FROM needed
        JOIN pg_class v ON v.oid = needed.relation AND (v.relkind = 'v' OR v.oid = p_view)
        JOIN pg_rewrite w ON w.ev_class = v.oid
        JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid
                        AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> v.oid
    )
    SELECT needed.relation, needed.reader FROM needed JOIN pg_class c ON c.oid = needed.relation
    WHERE c.oid <> p_view AND c.relkind IN ('r', 'p', 'f', 'm', 'v')
$$;
SELECT refreshtop_migration.seal('refreshtop.readers(oid)');

-- What a lesser role could change in a superuser's view to run code as that superuser: the first relation, function,
-- type or operator that the view reaches and that belongs to a lesser role. NULL if there is none. This includes what
-- is behind a type or an operator of a superuser: the functions of a domain's checks, of an operator, an aggregate, a
-- cast or an operator class.
CREATE OR REPLACE FUNCTION refreshtop.lesser_owner(p_view oid) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    -- Objects that came with the server have oids below 16384, and a superuser's functions.
    v_followed oid[] := ARRAY['pg_proc', 'pg_type', 'pg_operator', 'pg_opclass', 'pg_opfamily', 'pg_cast']::regclass[];
BEGIN
    RETURN (WITH RECURSIVE part AS (
        SELECT c.oid, c.relowner FROM refreshtop.relations(p_view) AS r(oid) JOIN pg_class c ON c.oid = r.oid
    ), carried(classid, objid) AS (
        SELECT 'pg_rewrite'::regclass::oid, w.oid FROM pg_rewrite w JOIN part ON part.oid = w.ev_class
        UNION ALL SELECT 'pg_class'::regclass, i.indexrelid FROM pg_index i JOIN part ON part.oid = i.indrelid
        UNION ALL SELECT 'pg_class'::regclass, part.oid FROM part
        UNION ALL SELECT 'pg_constraint'::regclass, o.oid FROM pg_constraint o JOIN part ON part.oid = o.conrelid
        UNION ALL SELECT 'pg_policy'::regclass, p.oid FROM pg_policy p JOIN part ON part.oid = p.polrelid
        UNION ALL SELECT 'pg_attrdef'::regclass, f.oid FROM pg_attrdef f JOIN part ON part.oid = f.adrelid
        UNION ALL SELECT 'pg_statistic_ext'::regclass, s.oid FROM pg_statistic_ext s JOIN part ON part.oid = s.stxrelid
    ), reached(classid, objid) AS (
        SELECT d.refclassid, d.refobjid
        FROM carried JOIN pg_depend d ON d.classid = carried.classid AND d.objid = carried.objid
        WHERE d.refclassid = ANY (v_followed) AND d.refobjid >= 16384
        UNION
        SELECT further.classid, further.objid
        FROM reached CROSS JOIN LATERAL (
            SELECT d.refclassid, d.refobjid FROM pg_depend d
            WHERE d.classid = reached.classid AND d.objid = reached.objid
            UNION ALL
            SELECT d.refclassid, d.refobjid
            FROM pg_constraint o JOIN pg_depend d ON d.classid = 'pg_constraint'::regclass AND d.objid = o.oid
            WHERE reached.classid = 'pg_type'::regclass AND o.contypid = reached.objid
            UNION ALL
            SELECT 'pg_proc'::regclass::oid, a.amproc::oid FROM pg_amproc a
            WHERE reached.classid = 'pg_opfamily'::regclass AND a.amprocfamily = reached.objid
        ) AS further(classid, objid)
        WHERE further.classid = ANY (v_followed) AND further.objid >= 16384
    ), owned(what, owner) AS (
        SELECT part.oid::regclass::text, part.relowner FROM part
        UNION ALL
        -- The owner of the foreign server decides where it leads: it could lead back here, as the superuser.
        SELECT 'foreign server ' || s.srvname, s.srvowner
        FROM part JOIN pg_foreign_table f ON f.ftrelid = part.oid JOIN pg_foreign_server s ON s.oid = f.ftserver
        UNION ALL
        SELECT coalesce(p.oid::regprocedure::text, t.oid::regtype::text, o.oid::regoperator::text),
               coalesce(p.proowner, t.typowner, o.oprowner)
        FROM reached
        LEFT JOIN pg_proc p ON reached.classid = 'pg_proc'::regclass AND p.oid = reached.objid
        LEFT JOIN pg_type t ON reached.classid = 'pg_type'::regclass AND t.oid = reached.objid
        LEFT JOIN pg_operator o ON reached.classid = 'pg_operator'::regclass AND o.oid = reached.objid
    )
    SELECT format('%s (owner %s)', owned.what, pg_get_userbyid(owned.owner)) FROM owned
    WHERE owned.owner IS NOT NULL AND NOT EXISTS (SELECT 1 FROM pg_roles r WHERE r.oid = owned.owner AND r.rolsuper)
    ORDER BY 1 LIMIT 1);
END
$$;
SELECT refreshtop_migration.seal('refreshtop.lesser_owner(oid)');
SELECT refreshtop_migration.as_migrator();
