"""The commands, in modules that import what they need: each is loaded only when it is called."""
