"""What hardware there is, found through Ray, and how a spec's hardware is found in it."""
