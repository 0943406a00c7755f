"""What people see and type: everything of the interpreter that needs no loop of its own."""
