SELECT refreshtop.undo(3);
