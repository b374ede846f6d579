"""The commands: every module in this folder is one, as its attribute `command`; the first line of
the module is what the list of commands says of it."""
