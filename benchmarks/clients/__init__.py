"""What each client does: ``driver.py`` runs one of these files in a process of its own.

Each has a table ``ACTIONS``. An action takes the job, gets everything ready, and returns
the work: a function that does it from the first connection to the last release and returns
how many units are done.
"""
