-- The installation itself: its schemas, the database it belongs to, the undo steps of a rollback, the inventory, the
-- audit trail.
-- Every step may run again: it restores what is missing.

SELECT refreshtop_migration.reset_roles();

-- Existing objects may have a new owner (REASSIGN OWNED, a restore without our roles). We take an object back from a
-- role that had no more rights than we have; an object of any other role may hold code of that role.
DO $$
DECLARE
    v_owner  name := refreshtop_migration.role('owner');
    v_object record;
BEGIN
    FOR v_object IN
        SELECT 'SCHEMA' AS kind, quote_ident(n.nspname) AS identity, n.nspowner AS owner, 1 AS place
        FROM pg_namespace n WHERE n.nspname IN ('refreshtop', 'refreshtop_definers', 'refreshtop_before')
        UNION ALL
        SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE' WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END,
               c.oid::regclass::text, c.relowner, 2
        FROM pg_class c WHERE c.relnamespace = to_regnamespace('refreshtop') AND c.relkind IN ('r', 'v', 'S')
          AND NOT EXISTS (SELECT 1 FROM pg_depend d
                          WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'i')
        UNION ALL
        SELECT 'ROUTINE', p.oid::regprocedure::text, p.proowner, 3
        FROM pg_proc p WHERE p.pronamespace = to_regnamespace('refreshtop')
        ORDER BY place
    LOOP
        CONTINUE WHEN pg_get_userbyid(v_object.owner) = v_owner;
        IF NOT refreshtop_migration.is_trusted(v_object.owner) THEN
            RAISE EXCEPTION '% % belongs to role %',
                lower(v_object.kind), v_object.identity, pg_get_userbyid(v_object.owner)
                USING ERRCODE = 'object_not_in_prerequisite_state',
                      HINT = 'Migrate as that role, or let a superuser drop it, or give it back to refreshtop_owner.';
        END IF;
        IF v_object.kind = 'TABLE' THEN
            -- From here on nobody can add code to it, and nobody has.
            EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', v_object.identity);
        END IF;
        EXECUTE format('ALTER %s %s OWNER TO %I', v_object.kind, v_object.identity, v_owner);
    END LOOP;
END
$$;

-- Schemas are created as the owner, if that role exists; the right to create them is the migrating role's.
DO $$
DECLARE
    v_schema name;
BEGIN
    FOREACH v_schema IN ARRAY ARRAY['refreshtop', 'refreshtop_definers', 'refreshtop_before'] LOOP
        IF to_regnamespace(quote_ident(v_schema)) IS NULL THEN
            EXECUTE format('CREATE SCHEMA %I AUTHORIZATION %I', v_schema, refreshtop_migration.role('owner'));
        END IF;
    END LOOP;
END
$$;
SELECT refreshtop_migration.as_owner();
COMMENT ON SCHEMA refreshtop IS 'refreshtop: refreshes materialized views and logs every attempt';
COMMENT ON SCHEMA refreshtop_definers IS
    'refreshtop: functions that run with the rights of the role that owns each; '
    'only the owner of the schema reaches them';
COMMENT ON SCHEMA refreshtop_before IS 'refreshtop: what was here by its names before; a rollback puts it back';
DO $$
DECLARE
    v_schema record;
BEGIN
    FOR v_schema IN
        SELECT n.nspname, n.nspowner, n.nspacl FROM pg_namespace n
        WHERE n.nspname IN ('refreshtop', 'refreshtop_definers', 'refreshtop_before')
          -- After the first migration, a grant on refreshtop is intended. On the other two it would let the owners of
          -- functions in there alter them.
          AND (n.nspname <> 'refreshtop' OR to_regclass('refreshtop.inventory') IS NULL)
    LOOP
        PERFORM refreshtop_migration.strip('SCHEMA', quote_ident(v_schema.nspname), v_schema.nspowner, v_schema.nspacl);
    END LOOP;
    PERFORM refreshtop_migration.strip_public('SCHEMA', 'refreshtop');
    -- The roles view and monitor may call nothing there. These rights keep a rollback in another database from dropping
    -- the roles.
    FOR v_schema IN
        SELECT purpose FROM unnest(ARRAY['admin', 'job', 'view', 'monitor']) AS purpose
        WHERE refreshtop_migration.role(purpose) IS NOT NULL
    LOOP
        EXECUTE format('GRANT USAGE ON SCHEMA refreshtop TO %I', refreshtop_migration.role(v_schema.purpose));
    END LOOP;
END
$$;

-- Written by the migrator, in the form of sqlx's own table.
CREATE TABLE IF NOT EXISTS refreshtop.migrations (
    version        bigint PRIMARY KEY,
    description    text NOT NULL,
    installed_on   timestamptz NOT NULL DEFAULT now(),
    success        boolean NOT NULL,
    checksum       bytea NOT NULL,
    execution_time bigint NOT NULL
);

-- Which database this installation belongs to. A copy from a template, a restore and a renamed database contain the
-- same row, and so recognise that they are not the original: they touch neither its jobs nor its extension, and refresh
-- nothing.
CREATE TABLE IF NOT EXISTS refreshtop.home (
    only_row          boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    system_identifier bigint NOT NULL,
    database_oid      oid NOT NULL,
    database_name     name NOT NULL
);
COMMENT ON TABLE refreshtop.home IS 'The cluster and the database that this installation was migrated in';
INSERT INTO refreshtop.home (system_identifier, database_oid, database_name)
SELECT s.system_identifier, d.oid, d.datname
FROM pg_control_system() s, pg_database d
WHERE d.datname = current_database()
ON CONFLICT DO NOTHING;

-- Undo steps are data: what kind of thing was done to which object. Nothing in here is ever executed.
--   moved      an object of that kind and name was in object_schema, and was moved to refreshtop_before
--   owner      the object belonged to the role in detail
--   index      an index that was added
--   grant      the right in detail on an object of others was given to one of our roles
--   member     role object_name was given to the role in detail
--   job, extension   what was done to pg_cron; see crates/db/src/schedule
-- Rows here and in the audit trail have no serial numbers: a role that may write every sequence (pg_write_all_data)
-- could set theirs to its end, and then no row could be inserted.
CREATE TABLE IF NOT EXISTS refreshtop.undo (
    id            uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    at            timestamptz NOT NULL DEFAULT clock_timestamp(),
    step          integer NOT NULL,
    kind          text NOT NULL CHECK (kind IN ('moved', 'owner', 'index', 'grant', 'member', 'job', 'extension')),
    object_schema name,
    object_name   text NOT NULL,
    detail        jsonb NOT NULL DEFAULT '{}',
    UNIQUE (kind, object_schema, object_name, detail)
);
COMMENT ON TABLE refreshtop.undo IS 'What a rollback puts back, as data';

CREATE TABLE IF NOT EXISTS refreshtop.inventory (
    kind   text,
    object text,
    detail text,
    PRIMARY KEY (kind, object, detail)
);
COMMENT ON TABLE refreshtop.inventory IS
    'What the last migration left; whatever of it is missing later was changed by somebody else';

CREATE TABLE IF NOT EXISTS refreshtop.audit (
    id               uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    at               timestamptz NOT NULL DEFAULT clock_timestamp(),
    action           text NOT NULL,
    outcome          text NOT NULL,
    caller           name NOT NULL,
    login_role       name NOT NULL,
    application_name text,
    client_addr      inet,
    detail           jsonb
);
COMMENT ON TABLE refreshtop.audit IS 'Administrative acts: who did what, from where, with what outcome';
CREATE INDEX IF NOT EXISTS audit_at ON refreshtop.audit (at);

-- The effective role at the outermost call, for the record only: inside SECURITY DEFINER functions current_user is the
-- owner. It never decides about permissions: a stranger's SECURITY DEFINER function, an index function in autovacuum or
-- a policy runs in a session whose login is somebody else's.
CREATE OR REPLACE FUNCTION refreshtop.caller() RETURNS name
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$ SELECT CASE current_setting('role') WHEN 'none' THEN session_user ELSE current_setting('role')::name END $$;
SELECT refreshtop_migration.seal('refreshtop.caller()');

CREATE OR REPLACE FUNCTION refreshtop.note_act(p_action text, p_outcome text, p_detail jsonb) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp
AS $$
    INSERT INTO refreshtop.audit (action, outcome, caller, login_role, application_name, client_addr, detail)
    VALUES (p_action, p_outcome, refreshtop.caller(), session_user, left(current_setting('application_name'), 200),
            inet_client_addr(), p_detail)
$$;
SELECT refreshtop_migration.seal('refreshtop.note_act(text, text, jsonb)');

-- For a refresh and a clean-up, which must not fail because the act can't be recorded. A cancel still ends them.
CREATE OR REPLACE FUNCTION refreshtop.try_to_note_act(p_action text, p_outcome text, p_detail jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM refreshtop.note_act(p_action, p_outcome, p_detail);
EXCEPTION WHEN assert_failure OR OTHERS THEN
    RAISE WARNING 'the act "%" can''t be noted: %', p_action, left(SQLERRM, 500);
END
$$;
SELECT refreshtop_migration.seal('refreshtop.try_to_note_act(text, text, jsonb)');

-- For acts outside the database's functions: a fix, a job in another database.
CREATE OR REPLACE FUNCTION refreshtop.record_act(p_action text, p_outcome text, p_detail jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF (p_action IN ('fix', 'job pause', 'job resume', 'job every', 'job remove')) IS NOT TRUE THEN
        RAISE EXCEPTION 'act "%" is recorded where it is done, not by its caller', left(p_action, 100)
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    -- The migrator itself reports what a migration has left unchanged.
    IF (p_outcome IN ('success', 'error')) IS NOT TRUE THEN
        RAISE EXCEPTION 'the outcome of an act is success or error, not "%"', left(p_outcome, 100)
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM refreshtop.note_act(p_action, p_outcome, p_detail);
END
$$;
SELECT refreshtop_migration.seal('refreshtop.record_act(text, text, jsonb)', 'admin');

-- NULL if this database is the one that was migrated; otherwise a description of what it is.
CREATE OR REPLACE FUNCTION refreshtop.not_at_home() RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (SELECT CASE
        WHEN h.system_identifier IS NULL THEN 'it does not know where it was migrated'
        WHEN h.system_identifier <> s.system_identifier
        THEN format('it was migrated in database %s of another server', h.database_name)
        WHEN h.database_oid <> d.oid THEN format('it is a copy of database %s', h.database_name)
        WHEN h.database_name <> d.datname THEN format('its name was %s when it was migrated', h.database_name)
    END
    FROM pg_control_system() s CROSS JOIN pg_database d LEFT JOIN refreshtop.home h ON true
    WHERE d.datname = current_database());
END
$$;
SELECT refreshtop_migration.seal('refreshtop.not_at_home()');

-- Whether the caller is code that must not act: a view's query, an index, autovacuum. PostgreSQL refuses UNLISTEN
-- there, and nowhere else; here it has no effect.
CREATE OR REPLACE FUNCTION refreshtop.is_restricted() RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UNLISTEN refreshtop_probe;
    RETURN false;
EXCEPTION WHEN insufficient_privilege THEN
    RETURN true;
END
$$;
SELECT refreshtop_migration.seal('refreshtop.is_restricted()');

CREATE OR REPLACE FUNCTION refreshtop.applied_steps() RETURNS bigint[]
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT ARRAY(SELECT m.version FROM refreshtop.migrations m WHERE m.success ORDER BY m.version) $$;
SELECT refreshtop_migration.seal('refreshtop.applied_steps()', 'admin');

-- No grant on a sequence is intended: ours are for the owner only.
DO $$
DECLARE
    v_sequence record;
BEGIN
    FOR v_sequence IN
        SELECT c.oid::regclass::text AS identity, c.relowner, c.relacl FROM pg_class c
        WHERE c.relnamespace = 'refreshtop'::regnamespace AND c.relkind = 'S'
    LOOP
        PERFORM refreshtop_migration.strip(
            'SEQUENCE', v_sequence.identity, v_sequence.relowner, v_sequence.relacl);
    END LOOP;
END
$$;

-- The contents of these tables decide what a rollback does and what is reported about the installation.
DO $$
DECLARE
    v_table regclass;
BEGIN
    FOREACH v_table IN ARRAY ARRAY[
        'refreshtop.home',
        'refreshtop.undo',
        'refreshtop.inventory',
        'refreshtop.audit',
        'refreshtop.migrations'
    ]::regclass[] LOOP
        IF to_regclass('refreshtop.log_door') IS NULL THEN
            PERFORM refreshtop_migration.strip_relation(v_table::text);
        END IF;
        PERFORM refreshtop_migration.close_rows(v_table);
    END LOOP;
END
$$;
SELECT refreshtop_migration.let_admins_read('refreshtop.audit'),
       refreshtop_migration.let_admins_read('refreshtop.migrations'),
       refreshtop_migration.let_admins_read('refreshtop.home'),
       refreshtop_migration.let_admins_read('refreshtop.inventory');

-- A rollback also revokes the memberships that the migrating role was given.
INSERT INTO refreshtop.undo (step, kind, object_name, detail)
SELECT 1, 'member', r.rolname, jsonb_build_object('member', m.rolname)
FROM pg_auth_members a JOIN pg_roles r ON r.oid = a.roleid JOIN pg_roles m ON m.oid = a.member
WHERE r.rolname IN ('refreshtop_admin', 'refreshtop_job') AND m.rolname = session_user
  AND NOT (',' || current_setting('refreshtop.roles_here') || ',') LIKE '%,' || r.rolname || ',%'
ON CONFLICT DO NOTHING;
SELECT refreshtop_migration.as_migrator();
