"""PDUs without I/O: cursor, items, user items, PDUs and framing (PS3.8 9.3)."""
