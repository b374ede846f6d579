"""The command line: the only room with arguments, environment, terminal and exit codes."""
