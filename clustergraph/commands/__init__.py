"""The commands, a module each; what is slow to load is loaded when a command needs it."""
