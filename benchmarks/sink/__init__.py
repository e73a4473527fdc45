"""A DICOM server that discards what it gets, faster than any client sends it.

It has nothing of trio_dicom inside, so that a misreading of ours is not shared: blocking
sockets, one thread for each association.
"""
