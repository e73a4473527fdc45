"""DIMSE messages and data sets without I/O (PS3.7, PS3.5)."""
