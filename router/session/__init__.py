"""The reverse channel: the daemon calls this process for files, secrets and credentials."""
