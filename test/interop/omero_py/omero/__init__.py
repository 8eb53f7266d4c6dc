"""What OMERO's scripts use of omero-py, played for tests: inputs come from a file, outputs go to one."""
