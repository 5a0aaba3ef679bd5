-- What every later step stands on: the ledger by which a rollback removes exactly what was added, the role
-- that decides on a plain PostgreSQL, the gate that every function passes, the audit trail.
-- The schema refreshtop itself is made by the migrator, which keeps its own table there.

REVOKE ALL ON SCHEMA refreshtop FROM PUBLIC;
-- Default privileges may have let others in; whoever reaches the ledger below decides what a rollback runs.
DO $$
DECLARE
    v_grantee name;
BEGIN
    FOR v_grantee IN
        SELECT DISTINCT pg_catalog.pg_get_userbyid(a.grantee)
        FROM pg_catalog.pg_namespace n CROSS JOIN LATERAL pg_catalog.aclexplode(n.nspacl) a
        WHERE n.nspname = 'refreshtop' AND a.grantee NOT IN (0, n.nspowner)
    LOOP
        EXECUTE pg_catalog.format('REVOKE ALL ON SCHEMA refreshtop FROM %I', v_grantee);
    END LOOP;
END
$$;

-- Each step notes how to undo what it really did here. On a database that was set up by hand that differs
-- from what it does on an empty one, so the rollback can't be a fixed script.
CREATE TABLE refreshtop.ledger (
    seq     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    version integer NOT NULL,
    undo    text NOT NULL
);
COMMENT ON TABLE refreshtop.ledger IS 'How to undo each change that the migrations made to this database, newest first';

CREATE FUNCTION refreshtop.note_undo(p_version integer, p_undo text) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp
AS $$ INSERT INTO refreshtop.ledger (version, undo) VALUES (p_version, p_undo) $$;

CREATE FUNCTION refreshtop.undo(p_version integer) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
-- A function that was broken before (it called a helper that does not exist) is put back as it was.
SET check_function_bodies = off
AS $$
DECLARE
    v_step record;
BEGIN
    FOR v_step IN SELECT seq, undo FROM refreshtop.ledger WHERE version = p_version ORDER BY seq DESC LOOP
        EXECUTE v_step.undo;
        DELETE FROM refreshtop.ledger WHERE seq = v_step.seq;
    END LOOP;
END
$$;

-- GRANT statements that give an object the rights listed in p_acl, PUBLIC's included.
CREATE FUNCTION refreshtop.acl_sql(p_kind text, p_identity text, p_acl aclitem[]) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(string_agg(format('GRANT %s ON %s %s TO %s%s;', a.privilege_type, p_kind, p_identity,
               CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END,
               CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END), ' '), '')
    FROM aclexplode(p_acl) a
$$;

-- The role that makes a super administrator on a plain PostgreSQL. Roles belong to the whole cluster: another
-- database may have made it, and may still need it when this one rolls back.
DO $$
BEGIN
    IF to_regrole('refreshtop_admin') IS NULL THEN
        CREATE ROLE refreshtop_admin NOLOGIN;
        COMMENT ON ROLE refreshtop_admin IS 'Super administrators of refreshtop: read the refresh log, trigger, clean up, schedule';
        PERFORM refreshtop.note_undo(1, $undo$DO $do$
            BEGIN
                DROP ROLE IF EXISTS refreshtop_admin;
            -- Tried, not looked up first: another database may begin to use it in between.
            EXCEPTION WHEN dependent_objects_still_exist THEN
                RAISE NOTICE 'role refreshtop_admin is kept: other objects or databases of this cluster use it';
            END $do$ $undo$);
    END IF;
-- Another database is migrating at the same time, and made it since we looked.
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL;
END
$$;
GRANT USAGE ON SCHEMA refreshtop TO refreshtop_admin;

-- The effective role of the caller. Inside SECURITY DEFINER functions current_user is the owner; the setting
-- "role" still tells what SET ROLE chose, and without it the login counts.
CREATE FUNCTION refreshtop.caller() RETURNS name
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$ SELECT CASE current_setting('role') WHEN 'none' THEN session_user ELSE current_setting('role')::name END $$;
COMMENT ON FUNCTION refreshtop.caller() IS 'Effective role of the caller: SET ROLE counts, the login does not';

-- Whether there is a public.is_super_admin() of the application's. It is looked up at each call: the application may
-- bring it later. In many databases any role may create in schema public, and the answer decides about everything:
-- only a function counts whose owner can act as an owner of the application or of the installation. Superusers can.
CREATE FUNCTION refreshtop.application_decides() RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS (
        SELECT 1
        FROM pg_proc p
        CROSS JOIN LATERAL (
            SELECT n.nspowner FROM pg_namespace n WHERE n.nspname IN ('public', 'refreshtop')
            UNION
            SELECT d.datdba FROM pg_database d WHERE d.datname = current_database()
            UNION
            SELECT c.relowner FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname = 'public' AND c.relname IN ('accounts', 'accounts_memberships', 'assets', 'software_licenses')
        ) AS trusted(role)
        WHERE p.oid = to_regprocedure('public.is_super_admin()') AND pg_has_role(p.proowner, trusted.role, 'MEMBER'))
$$;

-- Asks it. It runs with the search path that it sets itself, or with public in reach, because a function that decides
-- from a JWT commonly reads tables of its own there; nothing else is looked up here. What is no clear yes is a no,
-- an error too: claims that are no JSON must not become somebody's right, nor a riddle instead of a refusal.
CREATE FUNCTION refreshtop.application_says_super_admin() RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    v_answer boolean;
BEGIN
    EXECUTE 'SELECT public.is_super_admin()' INTO v_answer;
    RETURN coalesce(v_answer, false);
EXCEPTION WHEN assert_failure OR OTHERS THEN
    RAISE WARNING 'public.is_super_admin() failed, which counts as no: %', left(SQLERRM, 500);
    RETURN false;
END
$$;

CREATE FUNCTION refreshtop.is_super_admin() RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_caller name := refreshtop.caller();
BEGIN
    -- Superusers have every role; current_user is the owner of the installation here.
    IF pg_has_role(v_caller, 'refreshtop_admin', 'USAGE') OR pg_has_role(v_caller, current_user, 'USAGE') THEN
        RETURN true;
    ELSIF refreshtop.application_decides() THEN
        RETURN refreshtop.application_says_super_admin();
    END IF;
    RETURN false;
END
$$;
COMMENT ON FUNCTION refreshtop.is_super_admin() IS
    'Whether the caller is a super administrator: a superuser, the owner, a member of refreshtop_admin, or whom the application''s public.is_super_admin() accepts';

CREATE FUNCTION refreshtop.require_super_admin(p_action text) RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT refreshtop.is_super_admin() THEN
        -- The exception rolls back whatever a table could keep, so the trace of a refusal is in the server's log.
        RAISE LOG 'refreshtop: % refused to role "%" (login "%")', p_action, refreshtop.caller(), session_user;
        RAISE EXCEPTION 'role "%" may not %: only super administrators may', refreshtop.caller(), p_action
            USING ERRCODE = 'insufficient_privilege',
                  -- Where the application decides, the role is shared by all its users: a grant would let them all in.
                  HINT = CASE WHEN to_regprocedure('public.is_super_admin()') IS NOT NULL
                      THEN 'The application''s public.is_super_admin() decides, and it did not say yes.'
                      ELSE format('A superuser or the owner can run: GRANT refreshtop_admin TO %I', refreshtop.caller()) END;
    END IF;
END
$$;

CREATE TABLE refreshtop.audit (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
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
CREATE INDEX audit_at ON refreshtop.audit (at);
GRANT SELECT ON refreshtop.audit TO refreshtop_admin;

CREATE FUNCTION refreshtop.record_act(p_action text, p_outcome text, p_detail jsonb) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp
AS $$
    INSERT INTO refreshtop.audit (action, outcome, caller, login_role, application_name, client_addr, detail)
    VALUES (p_action, p_outcome, refreshtop.caller(), session_user, left(current_setting('application_name'), 200),
            inet_client_addr(), p_detail)
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA refreshtop FROM PUBLIC;
-- Row security asks it as whoever reads the log. It tells callers only what they are.
GRANT EXECUTE ON FUNCTION refreshtop.is_super_admin() TO PUBLIC;
