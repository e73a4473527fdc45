"""How the archive in memory works: its association, its services, and what it keeps."""
