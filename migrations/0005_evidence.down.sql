DROP FUNCTION IF EXISTS refreshtop.running(text);
DROP FUNCTION IF EXISTS refreshtop_definers.session_source(), refreshtop_definers.running(oid),
    refreshtop_definers.black_box(oid, oid[]);
