-- Runs first in the transaction of every migration, up and down. It determines which role owns the installation, and
-- takes the right to act as it. leave.sql drops the schema of helpers and revokes the temporary rights; leave_roles.sql
-- revokes the temporary memberships.
--
-- With roles: refreshtop_owner owns everything, and nothing that can run a stranger's code runs as it. Only a superuser
-- can set this up, or a role that can create the roles below and pass CREATE on schema public on to one of them.
-- Alone: a role that can't do that owns everything itself.

-- The steps must read names and values in the same way, whoever migrates.
SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL quote_all_identifiers = off;
SET LOCAL TimeZone = 'UTC';
SET LOCAL DateStyle = 'ISO, MDY';
SET LOCAL row_security = on;
SET LOCAL check_function_bodies = on;
SET LOCAL client_min_messages = warning;
SET LOCAL standard_conforming_strings = on;
-- Values that the steps pass to each other. The database or the role may have settings of these names.
SELECT set_config('refreshtop.' || note, '', true)
FROM unnest(ARRAY['role_before', 'role_owner', 'role_view', 'role_monitor', 'role_job', 'role_admin', 'roles_here',
                  'leave', 'leave_roles', 'rows_kept', 'notices', 'parts']) AS note;

-- Schema public may have been renamed, with everything in it.
DO $$
DECLARE
    v_schema name;
BEGIN
    IF to_regnamespace('public') IS NULL THEN
        SELECT n.nspname INTO v_schema FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relname = 'metrics_refresh_log' AND n.nspname !~ '^(pg_|refreshtop)' LIMIT 1;
        RAISE EXCEPTION 'schema public is missing'
            USING ERRCODE = 'invalid_schema_name',
                  HINT = coalesce(
                      format('The refresh log is in schema %1$I: ALTER SCHEMA %1$I RENAME TO public', v_schema),
                      'CREATE SCHEMA public');
    END IF;
END
$$;

-- A schema in which nobody else may create. In pg_temp, code in the query of a view that the steps refresh could create
-- functions with a better matching signature, and our calls would run those.
CREATE SCHEMA refreshtop_migration;
DO $$
DECLARE
    v_grantee text;
BEGIN
    -- The migrating role's default privileges may give others access, or keep the installation's owner from calling the
    -- functions in this schema.
    FOR v_grantee IN
        SELECT DISTINCT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END
        FROM pg_namespace n CROSS JOIN LATERAL aclexplode(n.nspacl) a
        WHERE n.nspname = 'refreshtop_migration' AND a.grantee <> n.nspowner
    LOOP
        EXECUTE format('REVOKE ALL ON SCHEMA refreshtop_migration FROM %s CASCADE', v_grantee);
    END LOOP;
    ALTER DEFAULT PRIVILEGES IN SCHEMA refreshtop_migration GRANT EXECUTE ON ROUTINES TO PUBLIC;
    -- Otherwise the role that creates a role would become a member of it for good.
    IF current_setting('server_version_num')::integer >= 160000 THEN
        PERFORM set_config('createrole_self_grant', '', true);
    END IF;
END
$$;

-- The role of this installation for a purpose: owner, view, monitor, job, admin. NULL if there is none.
CREATE FUNCTION refreshtop_migration.role(p_purpose text) RETURNS name LANGUAGE sql STABLE
AS $$ SELECT nullif(current_setting('refreshtop.role_' || p_purpose, true), '')::name $$;

-- Objects created from here on belong to the installation's owner, and the migrating role's default privileges don't
-- apply to them.
CREATE FUNCTION refreshtop_migration.as_owner() RETURNS void LANGUAGE sql
AS $$ SELECT set_config('role', current_setting('refreshtop.role_owner'), true) $$;
CREATE FUNCTION refreshtop_migration.as_migrator() RETURNS void LANGUAGE sql
AS $$ SELECT set_config('role', current_setting('refreshtop.role_before'), true) $$;

-- A GRANT or REVOKE that leave.sql undoes.
CREATE FUNCTION refreshtop_migration.for_now(p_do text, p_undo text) RETURNS void LANGUAGE plpgsql
AS $$
BEGIN
    EXECUTE p_do;
    PERFORM set_config('refreshtop.leave',
                       p_undo || chr(1) || coalesce(current_setting('refreshtop.leave', true), ''), true);
END
$$;

-- Adds a notice for whoever migrates.
CREATE FUNCTION refreshtop_migration.add_notice(p_sentence text) RETURNS void LANGUAGE sql
AS $$
    SELECT set_config('refreshtop.notices', concat_ws(
        chr(1), nullif(current_setting('refreshtop.notices', true), ''), p_sentence), true)
$$;

-- The name of a role does not show who created it: from release 16 on, a role with CREATEROLE can have created it, made
-- it the owner of code, and left it. So a role that a superuser created carries a setting that only a superuser can
-- give. The setting has no effect. The jobs' role has another one, because somebody may be allowed to administer that
-- role and could rename it. refreshtop_admin has none: it owns nothing, and may well be created before a migration, to
-- have members.
CREATE FUNCTION refreshtop_migration.mark(p_role name) RETURNS text LANGUAGE sql IMMUTABLE
AS $$
    SELECT CASE p_role
        WHEN 'refreshtop_admin' THEN NULL
        WHEN 'refreshtop_job' THEN 'log_planner_stats=off'
        ELSE 'log_parser_stats=off'
    END
$$;
CREATE FUNCTION refreshtop_migration.is_marked(p_role name) RETURNS boolean LANGUAGE sql STABLE
AS $$
    SELECT EXISTS (SELECT 1 FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = s.setrole
                   WHERE r.rolname = p_role AND s.setdatabase = 0
                     AND refreshtop_migration.mark(p_role) = ANY (s.setconfig))
$$;
CREATE FUNCTION refreshtop_migration.mark_role(p_role name) RETURNS void LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM refreshtop_migration.give_setting(p_role, refreshtop_migration.mark(p_role));
END
$$;

-- Settings that one of our roles has in each of its sessions, whatever the owner of a database sets: an attempt that
-- can't begin, or whose transaction can't write, leaves no row in the log. inventory.sql has the same list.
CREATE FUNCTION refreshtop_migration.own_settings(p_role name) RETURNS text[] LANGUAGE sql STABLE
AS $$
    SELECT CASE WHEN p_role = 'refreshtop_job'
                THEN ARRAY['default_transaction_isolation=read committed', 'default_transaction_read_only=off',
                           'exit_on_error=off', 'statement_timeout=0']
                     || CASE WHEN current_setting('server_version_num')::integer >= 170000
                             THEN ARRAY['transaction_timeout=0'] ELSE '{}' END
                ELSE '{}' END
$$;
CREATE FUNCTION refreshtop_migration.give_setting(p_role name, p_setting text) RETURNS void LANGUAGE plpgsql
AS $$
BEGIN
    EXECUTE format('ALTER ROLE %I SET %s = %L', p_role, split_part(p_setting, '=', 1), split_part(p_setting, '=', 2));
END
$$;

-- Drops a role with one of our names that no superuser created, before a new one is created. A session that acts as the
-- old one continues to do so. PostgreSQL refuses to drop a role that owns something or has rights in any database.
CREATE FUNCTION refreshtop_migration.drop_unknown(p_role name) RETURNS void LANGUAGE plpgsql
AS $$
BEGIN
    EXECUTE format('DROP ROLE %I', p_role);
    PERFORM refreshtop_migration.add_notice(format(
        'note: role %I was there, and no superuser had made it: a new one has taken its place, without its members',
        p_role));
EXCEPTION WHEN dependent_objects_still_exist THEN
    RAISE EXCEPTION 'no superuser made role %, and what belongs to it may hold code of whoever did', p_role
        USING ERRCODE = 'object_not_in_prerequisite_state',
              HINT = format('DROP OWNED BY %1$I CASCADE in each database and DROP ROLE %1$I remove it', p_role);
END
$$;

-- Creates the missing roles, and makes the migrating role a member of them. Returns false if that is not possible; then
-- nothing was changed.
CREATE FUNCTION refreshtop_migration.take_roles() RETURNS boolean LANGUAGE plpgsql
AS $$
DECLARE
    v_super  boolean := (SELECT rolsuper FROM pg_roles WHERE rolname = current_user);
    -- Up to 15 a role with CREATEROLE is a superuser in all but name. The roles are marked anyway, because pg_upgrade
    -- keeps the mark.
    v_asks   boolean := v_super AND current_setting('server_version_num')::integer >= 160000;
    v_member text := CASE WHEN current_setting('server_version_num')::integer >= 160000
                          THEN ' WITH INHERIT TRUE, SET TRUE'
                          ELSE '' END;
    v_marks  boolean;
    v_role   record;
    v_other  name;
BEGIN
    IF NOT v_super AND NOT (SELECT rolinherit FROM pg_roles WHERE rolname = current_user) THEN
        RETURN false;
    END IF;
    FOR v_role IN
        SELECT * FROM (VALUES
            ('refreshtop_owner', 'NOLOGIN NOINHERIT',
             'Owns the schemas, tables and functions of refreshtop'),
            ('refreshtop_view', 'NOLOGIN NOINHERIT',
             'Owns materialized views of refreshtop whose sources have several owners'),
            ('refreshtop_monitor', 'NOLOGIN',
             'Looks at sessions and locks for refreshtop'),
            ('refreshtop_admin', 'NOLOGIN',
             'Super administrators of refreshtop: read the refresh log, trigger, clean up, schedule'),
            -- Code that runs as this role can give it a password, and then somebody could log in with it in every
            -- database.
            ('refreshtop_job', 'LOGIN NOINHERIT VALID UNTIL ''-infinity''',
             'Runs the jobs of refreshtop in pg_cron; no password lets it in')
        ) AS wanted (name, options, meaning)
    LOOP
        v_marks := v_super AND refreshtop_migration.mark(v_role.name) IS NOT NULL;
        IF v_marks AND v_asks AND to_regrole(v_role.name) IS NOT NULL
           AND NOT refreshtop_migration.is_marked(v_role.name) THEN
            -- A migration of another database may have committed the role and its mark just between the snapshot of the
            -- condition above and its look at the catalogue. A new statement sees both.
            IF NOT refreshtop_migration.is_marked(v_role.name) THEN
                PERFORM refreshtop_migration.drop_unknown(v_role.name);
            END IF;
        END IF;
        IF to_regrole(v_role.name) IS NULL THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I %s', v_role.name, v_role.options);
                EXECUTE format('COMMENT ON ROLE %I IS %L', v_role.name, v_role.meaning);
                IF v_marks THEN
                    PERFORM refreshtop_migration.mark_role(v_role.name);
                END IF;
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL; -- Another database of the cluster is migrating, and made it since.
            END;
        END IF;
        IF v_marks AND NOT refreshtop_migration.is_marked(v_role.name) THEN
            IF v_asks THEN
                RAISE undefined_object; -- Somebody else made it this very moment. Again.
            END IF;
            PERFORM refreshtop_migration.mark_role(v_role.name);
        END IF;
        IF EXISTS (SELECT 1 FROM pg_roles r WHERE r.rolname = v_role.name AND v_role.name <> 'refreshtop_admin'
                   AND (r.rolsuper OR r.rolcreaterole OR r.rolcreatedb OR r.rolreplication)) THEN
            RAISE EXCEPTION 'role % has rights of its own (SUPERUSER, CREATEROLE, CREATEDB or REPLICATION)', v_role.name
                USING ERRCODE = 'object_not_in_prerequisite_state',
                      HINT = format('ALTER ROLE %I NOSUPERUSER NOCREATEROLE NOCREATEDB NOREPLICATION', v_role.name);
        END IF;
        -- A role that can become one of these could have added its own code to ours, or could still do so.
        SELECT min(m.rolname) INTO v_other
        FROM pg_auth_members a
        JOIN pg_roles r ON r.oid = a.roleid
        JOIN pg_roles m ON m.oid = a.member
        WHERE r.rolname = v_role.name AND NOT m.rolsuper AND m.rolname <> current_user
          -- Members of these two may refresh and change jobs. They were made members for that.
          AND v_role.name NOT IN ('refreshtop_admin', 'refreshtop_job');
        IF v_other IS NOT NULL THEN
            IF NOT v_super THEN
                RAISE insufficient_privilege;
            END IF;
            RAISE EXCEPTION 'role % can become role %, which would own or run what is installed', v_other, v_role.name
                USING ERRCODE = 'object_not_in_prerequisite_state',
                      HINT = format(
                          'Migrate as role %1$I. To end the membership is not enough, since what %2$I owns may hold '
                          'code of that role: DROP OWNED BY %2$I CASCADE in each database and DROP ROLE %2$I '
                          'remove it',
                          v_other, v_role.name);
        END IF;
        IF v_role.name = 'refreshtop_job'
           AND NOT (SELECT rolcanlogin FROM pg_roles WHERE rolname = 'refreshtop_job') THEN
            ALTER ROLE refreshtop_job LOGIN;
        END IF;
        IF NOT v_super AND NOT pg_has_role(v_role.name, 'USAGE') THEN
            EXECUTE format('GRANT %I TO %I%s', v_role.name, current_user, v_member);
            -- The migrating role stays a member of these two, so that it can read the log and change jobs afterwards.
            IF v_role.name NOT IN ('refreshtop_admin', 'refreshtop_job') THEN
                PERFORM set_config('refreshtop.leave_roles', concat_ws(
                    chr(1),
                    nullif(current_setting('refreshtop.leave_roles', true), ''),
                    format('REVOKE %I FROM %I', v_role.name, current_user)), true);
            END IF;
        END IF;
    END LOOP;
    -- Within the transaction the owner creates a table and four functions in schema public.
    IF NOT has_schema_privilege('refreshtop_owner', 'public', 'CREATE') THEN
        PERFORM refreshtop_migration.for_now('GRANT CREATE ON SCHEMA public TO refreshtop_owner',
                                           'REVOKE CREATE ON SCHEMA public FROM refreshtop_owner');
    END IF;
    IF NOT has_schema_privilege('refreshtop_owner', 'public', 'USAGE') THEN
        EXECUTE 'GRANT USAGE ON SCHEMA public TO refreshtop_owner';
    END IF;
    -- A GRANT by a role that may not grant is a warning, not an error.
    IF NOT has_schema_privilege('refreshtop_owner', 'public', 'CREATE')
       OR NOT has_schema_privilege('refreshtop_owner', 'public', 'USAGE') THEN
        RAISE insufficient_privilege;
    END IF;
    RETURN true;
EXCEPTION WHEN insufficient_privilege THEN
    RETURN false;
END
$$;

DO $$
DECLARE
    v_roles boolean;
    v_role  name;
BEGIN
    PERFORM set_config('refreshtop.role_before', current_setting('role'), true),
            set_config('refreshtop.roles_here', (
                SELECT coalesce(string_agg(rolname, ','), '') FROM pg_roles
                WHERE rolname LIKE 'refreshtop\_%' AND (rolname <> 'refreshtop_job' OR rolcanlogin)), true);
    -- A rollback in another database may drop a role at the same time because it no longer needs it.
    FOR v_try IN 1 .. 5 LOOP
        BEGIN
            v_roles := refreshtop_migration.take_roles();
            PERFORM set_config('refreshtop.role_' || purpose, CASE
                        WHEN v_roles THEN 'refreshtop_' || purpose
                        WHEN purpose = 'admin'
                        THEN coalesce((SELECT rolname FROM pg_roles WHERE rolname = 'refreshtop_admin'), '')
                        ELSE current_user::text
                    END, true)
            FROM unnest(ARRAY['owner', 'view', 'monitor', 'job', 'admin']) AS purpose;
            -- A grant prevents the role from being dropped until the transaction ends, even if the grant is revoked.
            FOREACH v_role IN ARRAY ARRAY['view', 'monitor', 'job', 'admin', 'owner'] LOOP
                CONTINUE WHEN refreshtop_migration.role(v_role) IS NULL;
                EXECUTE format('GRANT USAGE ON SCHEMA refreshtop_migration TO %I', refreshtop_migration.role(v_role));
                IF refreshtop_migration.role(v_role) <> refreshtop_migration.role('owner') THEN
                    EXECUTE format('REVOKE USAGE ON SCHEMA refreshtop_migration FROM %I',
                                   refreshtop_migration.role(v_role));
                END IF;
            END LOOP;
            EXIT;
        -- Two migrations, or an administrator, may change the same role. PostgreSQL then reports that a tuple was
        -- concurrently updated or deleted, or that a membership already exists.
        EXCEPTION WHEN undefined_object OR internal_error OR unique_violation THEN
            IF v_try = 5 THEN
                RAISE;
            END IF;
        END;
    END LOOP;
END
$$;

-- All databases of the cluster share our roles. This removes from them what others may have added: whoever created one
-- before us, and code that runs as the jobs' role. It also names the roles that can add super administrators.
CREATE FUNCTION refreshtop_migration.reset_roles() RETURNS void LANGUAGE plpgsql
AS $$
DECLARE
    v_super   boolean := (SELECT rolsuper FROM pg_roles WHERE rolname = current_user);
    v_role    record;
    v_setting record;
    v_member  name;
    v_marked  boolean;
    v_change  boolean;
BEGIN
    FOR v_role IN
        SELECT r.oid, r.rolname, r.rolcanlogin, r.rolvaliduntil FROM pg_roles r
        WHERE r.rolname IN ('refreshtop_owner', 'refreshtop_view', 'refreshtop_monitor', 'refreshtop_admin',
                            'refreshtop_job')
          -- A role that migrates alone uses none of our roles.
          AND refreshtop_migration.role('owner') = 'refreshtop_owner'
        ORDER BY r.rolname
    LOOP
        v_change := CASE v_role.rolname
                        WHEN 'refreshtop_job' THEN v_role.rolvaliduntil IS DISTINCT FROM '-infinity'
                        ELSE v_role.rolcanlogin
                    END;
        IF v_super AND NOT v_change THEN
            -- Only a superuser can see whether there is a password.
            v_change := EXISTS (SELECT 1 FROM pg_authid WHERE oid = v_role.oid AND rolpassword IS NOT NULL);
        END IF;
        v_marked := refreshtop_migration.is_marked(v_role.rolname);
        BEGIN
            IF v_change THEN
                EXECUTE format('ALTER ROLE %I PASSWORD NULL', v_role.rolname);
                IF v_role.rolname = 'refreshtop_job' THEN
                    ALTER ROLE refreshtop_job VALID UNTIL '-infinity';
                ELSE
                    EXECUTE format('ALTER ROLE %I NOLOGIN', v_role.rolname);
                END IF;
                PERFORM refreshtop_migration.add_notice(format(
                    'note: role %I could log in by a password, and can no longer', v_role.rolname));
            END IF;
            FOR v_setting IN
                SELECT d.datname, s.setconfig FROM pg_db_role_setting s LEFT JOIN pg_database d ON d.oid = s.setdatabase
                WHERE s.setrole = v_role.oid
                  AND (s.setdatabase <> 0
                       OR NOT s.setconfig <@ (refreshtop_migration.mark(v_role.rolname)
                                              || refreshtop_migration.own_settings(v_role.rolname)))
            LOOP
                EXECUTE format('ALTER ROLE %I%s RESET ALL', v_role.rolname,
                               CASE WHEN v_setting.datname IS NULL THEN ''
                                    ELSE format(' IN DATABASE %I', v_setting.datname) END);
            END LOOP;
            IF v_marked AND NOT refreshtop_migration.is_marked(v_role.rolname) THEN
                PERFORM refreshtop_migration.mark_role(v_role.rolname);
            END IF;
            PERFORM refreshtop_migration.give_setting(v_role.rolname, own.setting)
            FROM unnest(refreshtop_migration.own_settings(v_role.rolname)) AS own(setting)
            WHERE NOT EXISTS (SELECT 1 FROM pg_db_role_setting s
                              WHERE s.setrole = v_role.oid AND s.setdatabase = 0 AND own.setting = ANY (s.setconfig));
        EXCEPTION WHEN insufficient_privilege THEN
            NULL; -- A member that may not administer the role. Doctor still names what it finds.
        END;
    END LOOP;
    FOR v_member IN
        SELECT DISTINCT m.rolname FROM pg_auth_members a
        JOIN pg_roles r ON r.oid = a.roleid JOIN pg_roles m ON m.oid = a.member
        WHERE r.rolname = 'refreshtop_admin' AND a.admin_option AND NOT m.rolsuper AND m.rolname <> current_user
        ORDER BY m.rolname
    LOOP
        PERFORM refreshtop_migration.add_notice(format(
            'note: role %1$I may make anybody a member of refreshtop_admin, who then reads the log and refreshes; '
            'unless that is meant: REVOKE refreshtop_admin FROM %1$I CASCADE', v_member));
    END LOOP;
END
$$;

-- Whether a role's objects may be adopted: the role could act as the migrating role anyway, or is one of ours.
CREATE FUNCTION refreshtop_migration.is_trusted(p_role oid) RETURNS boolean LANGUAGE sql STABLE
AS $$
    SELECT p_role IN (
        SELECT oid FROM pg_roles WHERE rolsuper OR rolname IN (current_user, refreshtop_migration.role('owner')))
$$;

-- Drops what others have attached to one of our tables: foreign policies, triggers and rules. The triggers that keep
-- the log's sums stay, because the sums would have to be made again.
CREATE FUNCTION refreshtop_migration.bare(p_table regclass) RETURNS void LANGUAGE plpgsql
AS $$
DECLARE
    v_name name;
BEGIN
    FOR v_name IN
        SELECT polname FROM pg_policy
        WHERE polrelid = p_table AND polname <> 'admins_read' AND polname NOT LIKE 'application\_%'
    LOOP
        EXECUTE format('DROP POLICY %I ON %s', v_name, p_table);
    END LOOP;
    FOR v_name IN
        SELECT tgname FROM pg_trigger
        WHERE tgrelid = p_table AND NOT tgisinternal
          AND (tgfoid = to_regprocedure('refreshtop.log_changed()')
               AND p_table = to_regclass('public.metrics_refresh_log')) IS NOT TRUE
    LOOP
        EXECUTE format('DROP TRIGGER %I ON %s', v_name, p_table);
    END LOOP;
    FOR v_name IN
        SELECT r.rulename FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class
        WHERE r.ev_class = p_table AND c.relkind = 'r'
    LOOP
        EXECUTE format('DROP RULE %I ON %s', v_name, p_table);
    END LOOP;
    PERFORM refreshtop_migration.strip_public('TABLE', p_table::text);
END
$$;

-- Restricts the rows of one of our tables to its owner and to the roles in our policies. A role that may read every
-- table (pg_read_all_data, or a grant by mistake) then reads no row, and one that may write every table changes none.
-- Forced row security would exclude the owner as well.
CREATE FUNCTION refreshtop_migration.close_rows(p_table regclass) RETURNS void LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM refreshtop_migration.bare(p_table);
    IF NOT (SELECT relrowsecurity FROM pg_class WHERE oid = p_table) THEN
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', p_table);
    END IF;
    IF (SELECT relforcerowsecurity FROM pg_class WHERE oid = p_table) THEN
        EXECUTE format('ALTER TABLE %s NO FORCE ROW LEVEL SECURITY', p_table);
    END IF;
END
$$;

-- Lets super administrators read a table whose rows are restricted, if there is a role for them.
CREATE FUNCTION refreshtop_migration.let_admins_read(p_table regclass) RETURNS void LANGUAGE plpgsql
AS $$
DECLARE
    v_admin name := refreshtop_migration.role('admin');
BEGIN
    IF v_admin IS NULL THEN
        RETURN;
    END IF;
    EXECUTE format('GRANT SELECT ON %s TO %I', p_table, v_admin);
    IF NOT EXISTS (SELECT 1 FROM pg_policy WHERE polrelid = p_table AND polname = 'admins_read') THEN
        EXECUTE format('CREATE POLICY admins_read ON %s FOR SELECT TO %I USING (true)', p_table, v_admin);
    END IF;
END
$$;

-- Lets refreshtop_monitor see what a predefined role of PostgreSQL sees. Not every role may grant that; otherwise the
-- migrator reports what stays hidden.
CREATE FUNCTION refreshtop_migration.let_monitor(p_right name) RETURNS void LANGUAGE plpgsql
AS $$
BEGIN
    IF NOT pg_has_role(refreshtop_migration.role('monitor'), p_right, 'USAGE') THEN
        EXECUTE format('GRANT %I TO %I', p_right, refreshtop_migration.role('monitor'));
    END IF;
EXCEPTION WHEN insufficient_privilege THEN
    NULL;
END
$$;

-- Records what the migrator reports about something that it found and left unchanged.
CREATE FUNCTION refreshtop_migration.note_kept(p_message text) RETURNS void LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM refreshtop.note_act('migrate up', 'kept', jsonb_build_object(
        'message', p_message,
        'transaction', pg_current_xact_id()::text));
END
$$;

-- The keyword of ALTER for a relation.
CREATE FUNCTION refreshtop_migration.kind(p_relkind "char") RETURNS text LANGUAGE sql IMMUTABLE
AS $$
    SELECT CASE p_relkind
        WHEN 'm' THEN 'MATERIALIZED VIEW'
        WHEN 'v' THEN 'VIEW'
        WHEN 'f' THEN 'FOREIGN TABLE'
        ELSE 'TABLE'
    END
$$;

-- The sequences that mark attempts; see step 6.
CREATE FUNCTION refreshtop_migration.attempt_marks() RETURNS SETOF text LANGUAGE sql STABLE
AS $$
    SELECT c.oid::regclass::text FROM pg_class c
    WHERE c.relnamespace = to_regnamespace('refreshtop') AND c.relkind = 'S' AND c.relname LIKE 'attempt\_%'
$$;

-- Lets a role own an object in one of our schemas until the transaction ends.
CREATE FUNCTION refreshtop_migration.let_own(p_schema text, p_role name) RETURNS void LANGUAGE plpgsql
AS $$
BEGIN
    IF NOT has_schema_privilege(p_role, p_schema, 'CREATE') THEN
        PERFORM refreshtop_migration.for_now(format('GRANT USAGE, CREATE ON SCHEMA %I TO %I', p_schema, p_role),
                                           format('REVOKE USAGE, CREATE ON SCHEMA %I FROM %I', p_schema, p_role));
    END IF;
END
$$;

-- The result of a materialized view that was filled by somebody else's code is read by name and with our rights. So it
-- must still be the same view, and nothing may be attached to it: that code could have renamed it and put another in
-- its place, or created statistics on an expression, which the planner evaluates as the reading role. Nobody else sees
-- the view before the commit.
CREATE FUNCTION refreshtop_migration.must_be_plain(p_name text, p_oid oid) RETURNS void LANGUAGE plpgsql
AS $$
BEGIN
    IF to_regclass(p_name) IS DISTINCT FROM p_oid
       OR (SELECT relkind FROM pg_class WHERE oid = p_oid) <> 'm'
       OR EXISTS (SELECT 1 FROM pg_index WHERE indrelid = p_oid)
       OR EXISTS (SELECT 1 FROM pg_statistic_ext WHERE stxrelid = p_oid)
       OR EXISTS (SELECT 1 FROM pg_rewrite WHERE ev_class = p_oid AND rulename <> '_RETURN')
       OR EXISTS (SELECT 1 FROM pg_inherits WHERE p_oid IN (inhrelid, inhparent))
       OR EXISTS (SELECT 1 FROM pg_policy WHERE polrelid = p_oid) THEN
        RAISE EXCEPTION 'the code of somebody else has changed % while it was filled', p_name
            USING ERRCODE = 'insufficient_privilege';
    END IF;
END
$$;

-- A grantee of an access list, as GRANT and REVOKE name it.
CREATE FUNCTION refreshtop_migration.grantee(p_role oid) RETURNS text LANGUAGE sql STABLE
AS $$ SELECT CASE p_role WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(p_role)) END $$;

-- Removes everybody but the owner from an object's access list. Default privileges may have added others.
CREATE FUNCTION refreshtop_migration.strip(p_kind text, p_identity text, p_owner oid, p_acl aclitem[]) RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
    v_grantee oid;
BEGIN
    -- aclexplode refuses an empty array.
    FOR v_grantee IN
        SELECT DISTINCT a.grantee FROM aclexplode(CASE WHEN cardinality(p_acl) > 0 THEN p_acl END) a
        WHERE a.grantee <> p_owner
    LOOP
        EXECUTE format('REVOKE ALL ON %s %s FROM %s CASCADE',
                       p_kind, p_identity, refreshtop_migration.grantee(v_grantee));
    END LOOP;
END
$$;
-- The same for PUBLIC alone: after the first migration, a grant to a role is intended.
CREATE FUNCTION refreshtop_migration.strip_public(p_kind text, p_identity text) RETURNS void LANGUAGE plpgsql
AS $$ BEGIN EXECUTE format('REVOKE ALL ON %s %s FROM PUBLIC', p_kind, p_identity); END $$;
CREATE FUNCTION refreshtop_migration.strip_relation(p_relation text) RETURNS void LANGUAGE sql
AS $$
    SELECT refreshtop_migration.strip('TABLE', p_relation, c.relowner, c.relacl)
    FROM pg_class c WHERE c.oid = to_regclass(p_relation)
$$;

-- Sets who may call a function: not PUBLIC, no role by default privileges if the function is new, and the roles for
-- these purposes. A grant that was made later stays.
CREATE FUNCTION refreshtop_migration.seal(p_routine text, VARIADIC p_purposes text[] DEFAULT '{}') RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
    v_purpose text;
    v_known   boolean := false;
BEGIN
    IF to_regclass('refreshtop.inventory') IS NOT NULL THEN
        -- Only our owner may call what runs with the rights of others.
        v_known := p_routine NOT LIKE 'refreshtop\_definers.%' AND EXISTS (SELECT 1 FROM refreshtop.inventory i
                           WHERE i.kind = 'routine' AND i.object = to_regprocedure(p_routine)::text);
    END IF;
    PERFORM refreshtop_migration.strip('ROUTINE', p_routine, p.proowner, i)
    FROM (SELECT proowner, CASE WHEN v_known
                 THEN ARRAY(SELECT e FROM unnest(coalesce(proacl, acldefault('f', proowner))) e WHERE e::text LIKE '=%')
                 ELSE coalesce(proacl, acldefault('f', proowner)) END AS i
          FROM pg_proc WHERE oid = to_regprocedure(p_routine)) p;
    FOREACH v_purpose IN ARRAY p_purposes LOOP
        IF refreshtop_migration.role(v_purpose) IS NOT NULL THEN
            EXECUTE format('GRANT EXECUTE ON ROUTINE %s TO %I', p_routine, refreshtop_migration.role(v_purpose));
        END IF;
    END LOOP;
END
$$;

-- Gives a function in schema refreshtop_definers to the role with whose rights it runs. Only our owner may call it. Its
-- new owner can alter it if he has USAGE on that schema (pg_read_all_data has it on all), but can't replace its body,
-- so the body checks with whose rights it runs. The new owner must be able to create in the schema at the moment of the
-- change, and no longer, because a later step fills the view, which may run his code.
CREATE FUNCTION refreshtop_migration.give(p_routine text, p_role name) RETURNS void LANGUAGE plpgsql
AS $$
DECLARE
    v_lacks boolean := NOT has_schema_privilege(p_role, 'refreshtop_definers', 'CREATE');
BEGIN
    IF (SELECT proowner FROM pg_proc WHERE oid = p_routine::regprocedure)
       <> (SELECT oid FROM pg_roles WHERE rolname = p_role) THEN
        IF v_lacks THEN
            EXECUTE format('GRANT USAGE, CREATE ON SCHEMA refreshtop_definers TO %I', p_role);
        END IF;
        EXECUTE format('ALTER ROUTINE %s OWNER TO %I', p_routine, p_role);
        IF v_lacks THEN
            EXECUTE format('REVOKE USAGE, CREATE ON SCHEMA refreshtop_definers FROM %I', p_role);
        END IF;
    END IF;
    PERFORM refreshtop_migration.seal(p_routine, 'owner');
END
$$;
