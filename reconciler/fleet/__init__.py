"""Many targets: a file says which, an executor runs a command for each, a row tells of each."""
