"""The commands of `boxsup`, one module each; a command reads its arguments and calls the stages."""
