"""The commands, each a module with a `main`: see `mec_gym.commands.shell.COMMANDS`."""
