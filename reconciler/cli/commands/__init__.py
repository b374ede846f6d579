"""The commands: every module in this folder is one, as its attribute `command`."""
