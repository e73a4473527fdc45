"""The Trio half: tasks, timers and queues around the protocol machine."""
