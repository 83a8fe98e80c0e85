"""The command line: composition of the other rooms, without further logic."""
