-- A request to cancel reaches the server's process as two signals: one to it, one to its group. The first ends the
-- refresh, which then notes how it went; where the machine is busy, the second comes only then, and with it went the
-- row: the attempt was missing until the next one.

-- Waits for the second signal where it harms nothing. The wait itself lets whoever sends the signals go on. With its
-- owner's rights, so that whoever inserts runs nothing with their own.
CREATE FUNCTION refreshtop.outlast_cancel() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM pg_sleep(0.05);
    RETURN NEW;
EXCEPTION WHEN query_canceled THEN
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION refreshtop.outlast_cancel() IS
    'Keeps the row of a cancelled refresh from going with the second signal of the same request';

DO $$
BEGIN
    PERFORM refreshtop.strip_routine('refreshtop.outlast_cancel()');
    -- First of ours by name, so that nothing is done before. Rows from elsewhere (a restored dump, a script) are not
    -- waited for.
    CREATE TRIGGER refreshtop_cancel BEFORE INSERT ON public.metrics_refresh_log
        FOR EACH ROW WHEN (NEW.sqlstate = '57014' AND NEW.backend_pid::text = pg_backend_pid()::text)
        EXECUTE FUNCTION refreshtop.outlast_cancel();
    PERFORM refreshtop.note_undo(8, 'DROP TRIGGER IF EXISTS refreshtop_cancel ON public.metrics_refresh_log');
END
$$;
