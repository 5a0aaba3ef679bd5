SELECT refreshtop.undo(8);
DROP FUNCTION refreshtop.outlast_cancel();
