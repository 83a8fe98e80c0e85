"""Ask pools the same prompts and grade their answers."""
