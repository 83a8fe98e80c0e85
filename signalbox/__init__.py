"""The command line: composition of the other rooms, no logic of its own."""
