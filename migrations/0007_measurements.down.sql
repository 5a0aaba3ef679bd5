SELECT refreshtop.undo(7);
DROP FUNCTION refreshtop.measure();
