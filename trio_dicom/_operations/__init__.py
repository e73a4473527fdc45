"""The services that need more than one line."""
