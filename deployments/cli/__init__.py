"""The command line `lift`. Each command is a module; what is heavy is imported where it is used."""
