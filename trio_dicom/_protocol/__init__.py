"""One association without I/O: contexts, negotiation and the state machine of PS3.8."""
